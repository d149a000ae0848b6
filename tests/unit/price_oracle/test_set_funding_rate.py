"""PriceOracle.set_funding_rate."""

import boa
import pytest

from tests.unit.price_oracle.feeds import MAX_INT256, MIN_INT256, logged


@pytest.mark.parametrize("sign", [1, -1])
def test_set_funding_rate_up_to_the_limit_is_read_back(oracle, market, governance, sign):
    oracle.set_funding_rate(market, 5, sender=governance)
    feeds = oracle.config(market).feeds
    rate = sign * oracle.MAX_FUNDING_RATE()

    oracle.set_funding_rate(market, rate, sender=governance)

    assert logged(oracle) == [("FundingRateSet", market, 5, rate)]
    assert oracle.read(market).funding_rate == rate
    assert oracle.config(market).feeds == feeds


def test_set_funding_rate_to_zero(oracle, market, governance):
    oracle.set_funding_rate(market, 5, sender=governance)

    oracle.set_funding_rate(market, 0, sender=governance)

    assert logged(oracle) == [("FundingRateSet", market, 5, 0)]
    assert oracle.read(market).funding_rate == 0


def test_set_funding_rate_leaves_other_markets_alone(oracle, market, lone_market, governance):
    oracle.set_funding_rate(market, 5, sender=governance)

    assert oracle.read(lone_market).funding_rate == 0


@pytest.mark.parametrize("excess", ["above", "below", "highest", "lowest"])
def test_set_funding_rate_past_the_limit_reverts(oracle, market, governance, excess):
    limit = oracle.MAX_FUNDING_RATE()
    rate = {"above": limit + 1, "below": -limit - 1, "highest": MAX_INT256, "lowest": MIN_INT256}[excess]

    with boa.reverts("oracle: funding rate too high"):
        oracle.set_funding_rate(market, rate, sender=governance)

    assert oracle.read(market).funding_rate == 0


def test_set_funding_rate_of_an_unknown_market_reverts(oracle, market, governance):
    with boa.reverts("oracle: market not listed"):
        oracle.set_funding_rate(market + 1, 1, sender=governance)

    assert oracle.config(market + 1).funding_rate == 0


def test_set_funding_rate_by_a_stranger_reverts(oracle, market, attacker):
    with boa.reverts("ownable: caller is not the owner"):
        oracle.set_funding_rate(market, 1, sender=attacker)

    assert oracle.config(market).funding_rate == 0


def test_set_funding_rate_without_a_usable_price(oracle, market, feeds, governance):
    for feed in feeds:
        feed.set_reverting(True)

    oracle.set_funding_rate(market, 5, sender=governance)

    assert oracle.config(market).funding_rate == 5
