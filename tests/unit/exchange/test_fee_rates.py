"""Exchange.set_fee_rates: bounds, who may, and what orders and callers accept."""

import boa
import pytest

from tests.unit.exchange.orders import (
    MAKER_RATE,
    MARKET,
    TAKER_RATE,
    WAD,
    filled_in_vault,
    logged,
)


def test_set_fee_rates_stores_and_logs_old_and_new(exchange, governance):
    exchange.set_fee_rates(MARKET, 1, 3, sender=governance)

    assert logged(exchange) == [("FeeRatesSet", MARKET, MAKER_RATE, TAKER_RATE, 1, 3)]
    assert exchange.fee_rates(MARKET) == (1, 3)
    assert exchange.fee_rates(MARKET + 1) == (0, 0)


def test_set_fee_rates_by_a_stranger_reverts(exchange, attacker):
    with boa.reverts("ownable: caller is not the owner"):
        exchange.set_fee_rates(MARKET, 0, 0, sender=attacker)

    assert exchange.fee_rates(MARKET) == (MAKER_RATE, TAKER_RATE)


def test_set_fee_rates_up_to_the_bound(exchange, governance):
    bound = exchange.MAX_FEE_RATE()

    exchange.set_fee_rates(MARKET, bound, bound, sender=governance)

    assert exchange.fee_rates(MARKET) == (bound, bound)


def test_set_fee_rates_above_the_bound_reverts(exchange, governance):
    bound = exchange.MAX_FEE_RATE()

    with boa.reverts("exchange: fee too high"):
        exchange.set_fee_rates(MARKET, 0, bound + 1, sender=governance)

    assert exchange.fee_rates(MARKET) == (MAKER_RATE, TAKER_RATE)


def test_set_fee_rates_maker_above_taker_reverts(exchange, governance):
    with boa.reverts("exchange: maker above taker"):
        exchange.set_fee_rates(MARKET, 2, 1, sender=governance)

    assert exchange.fee_rates(MARKET) == (MAKER_RATE, TAKER_RATE)


def test_set_fee_rates_of_the_last_market(exchange, governance):
    exchange.set_fee_rates(31, 1, 2, sender=governance)

    assert exchange.fee_rates(31) == (1, 2)


def test_set_fee_rates_of_no_market_reverts(exchange, governance):
    with boa.reverts("exchange: bad market id"):
        exchange.set_fee_rates(32, 1, 2, sender=governance)


def test_trade_passes_the_rates_to_the_vault(vault, trade, maker, exchange, governance):
    exchange.set_fee_rates(MARKET, 7, 11, sender=governance)
    _, signed = maker(-WAD)

    trade(WAD, [signed])

    (fill,) = filled_in_vault(vault)
    assert fill[2] == 11
    assert fill[4][0][3] == 7


def test_trade_fee_above_the_callers_limit_reverts(vault, trade, maker):
    _, signed = maker(-WAD)

    with boa.reverts("exchange: fee above limit"):
        trade(WAD, [signed], max_fee_rate=TAKER_RATE - 1)

    assert vault.fill_count() == 0


def test_trade_maker_pays_exactly_the_limit_it_signed(vault, trade, maker):
    _, signed = maker(-WAD, max_fee_rate=MAKER_RATE)

    assert trade(WAD, [signed]) == WAD


def test_trade_fee_above_the_makers_limit_reverts(vault, trade, maker):
    _, signed = maker(-WAD, max_fee_rate=MAKER_RATE - 1)

    with boa.reverts("exchange: fee above limit"):
        trade(WAD, [signed])

    assert vault.fill_count() == 0


@pytest.mark.parametrize("slack", [0, 1])
def test_match_orders_taker_limit_binds_at_the_taker_rate(exchange, vault, maker, slack):
    _, taker = maker(WAD, name="trader", max_fee_rate=TAKER_RATE - slack)
    _, signed = maker(-WAD)

    if slack:
        with boa.reverts("exchange: fee above limit"):
            exchange.match_orders(taker, [signed])
    else:
        exchange.match_orders(taker, [signed])

    assert vault.fill_count() == 1 - slack
