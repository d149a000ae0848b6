"""PriceOracle.set_funding: interest and clamp of the funding rate."""

import boa
import pytest

from tests import support
from tests.unit.price_oracle.feeds import MAX_INT256, MIN_INT256, logged

# Per 8 hours, so that the rate per second comes out even.
INTEREST = 28_800 * 7
CLAMP = 10**16


@pytest.mark.parametrize("sign", [1, -1])
def test_set_funding_up_to_both_limits_is_read_back(oracle, market, governance, sign):
    oracle.set_funding(market, INTEREST, CLAMP, sender=governance)
    feeds = oracle.config(market).feeds
    interest, clamp = sign * oracle.FUNDING_DAMPER(), oracle.MAX_FUNDING_CLAMP()

    oracle.set_funding(market, interest, clamp, sender=governance)

    assert logged(oracle) == [
        ("PremiumObserved", market, 0, 0, 0, 0),
        ("FundingSet", market, INTEREST, interest, CLAMP, clamp),
    ]
    config = oracle.config(market)
    assert (config.interest_rate, config.funding_clamp) == (interest, clamp)
    assert oracle.read(market).funding_rate == sign * (abs(interest) // oracle.FUNDING_PERIOD())
    assert config.feeds == feeds


def test_set_funding_to_zero_switches_it_off(oracle, market, governance):
    oracle.set_funding(market, INTEREST, CLAMP, sender=governance)

    oracle.set_funding(market, 0, 0, sender=governance)

    assert logged(oracle)[1] == ("FundingSet", market, INTEREST, 0, CLAMP, 0)
    assert oracle.read(market).funding_rate == 0


def test_set_funding_clamp_below_the_interest_cuts_it(oracle, market, governance):
    oracle.set_funding(market, INTEREST, 28_800 * 3, sender=governance)

    assert oracle.read(market).funding_rate == 3


def test_set_funding_adds_up_what_was_in_force_until_now(oracle, market, governance):
    """The new rate does not reach back: 100 seconds at 7, then 10 at 3."""
    oracle.set_funding(market, INTEREST, CLAMP, sender=governance)
    support.wait(100)
    oracle.set_funding(market, 28_800 * 3, CLAMP, sender=governance)
    assert oracle.premium_state(market).rate_sum == 700
    support.wait(10)

    assert oracle.read(market).rate_sum == 730


def test_set_funding_leaves_other_markets_alone(oracle, market, lone_market, governance):
    oracle.set_funding(market, INTEREST, CLAMP, sender=governance)

    assert oracle.read(lone_market).funding_rate == 0


@pytest.mark.parametrize("excess", ["above", "below", "highest", "lowest"])
def test_set_funding_interest_past_the_limit_reverts(oracle, market, governance, excess):
    limit = oracle.FUNDING_DAMPER()
    rate = {"above": limit + 1, "below": -limit - 1, "highest": MAX_INT256, "lowest": MIN_INT256}[excess]

    with boa.reverts("oracle: interest too high"):
        oracle.set_funding(market, rate, CLAMP, sender=governance)

    assert oracle.config(market).interest_rate == 0


@pytest.mark.parametrize("excess", ["above", "highest"])
def test_set_funding_clamp_past_the_limit_reverts(oracle, market, governance, excess):
    clamp = {"above": oracle.MAX_FUNDING_CLAMP() + 1, "highest": 2**256 - 1}[excess]

    with boa.reverts("oracle: funding clamp too high"):
        oracle.set_funding(market, INTEREST, clamp, sender=governance)

    assert oracle.config(market).funding_clamp == 0


@pytest.mark.parametrize("unknown", [1, 2**255, 2**256 - 1])
def test_set_funding_of_an_unknown_market_reverts(oracle, market, governance, unknown):
    with boa.reverts("oracle: market not listed"):
        oracle.set_funding(unknown, INTEREST, CLAMP, sender=governance)

    assert oracle.config(unknown).interest_rate == 0


def test_set_funding_by_a_stranger_reverts(oracle, market, attacker):
    with boa.reverts("ownable: caller is not the owner"):
        oracle.set_funding(market, INTEREST, CLAMP, sender=attacker)

    assert oracle.config(market).interest_rate == 0


def test_set_funding_without_a_usable_price(oracle, market, feeds, governance):
    for feed in feeds:
        feed.set_reverting(True)

    oracle.set_funding(market, INTEREST, CLAMP, sender=governance)

    assert oracle.config(market).interest_rate == INTEREST
