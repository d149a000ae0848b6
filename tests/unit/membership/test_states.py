"""Membership.account_state and position_state: effective figures, with all that is pending applied."""

import boa
import pytest

from tests.kernel import account_of, margin_config, wad
from tests.unit.margin_vault.actions import govern, opposite, pass_batches, signed, trade

MAINTENANCE, INITIAL = margin_config()["line_rates"][0], margin_config()["class_rates"][0]


def test_an_account_that_never_was_is_empty(traders):
    state = traders.state(account_of("sibling"))
    assert set(state) == {0}
    assert set(traders.position(account_of("sibling"))) == {0}


def test_account_state_of_an_open_position(traders, trader, direction):
    trade(traders, direction, 2)
    traders.set_price(100 + signed(direction, 4))
    state, worth = traders.state(trader), 2 * (100 + signed(direction, 4))
    assert (state.cash, state.maturing, state.unrealised) == (wad(1_000), 0, wad(8))
    assert state.equity == wad(1_008)
    assert state.maintenance == worth * MAINTENANCE
    assert state.hole == worth * INITIAL - wad(8) - wad(1_000)
    assert state.withdrawable == min(-state.hole, state.cash - state.maintenance)
    assert not state.is_stale
    traders.assert_conserved()


def test_position_state_of_an_open_position(traders, trader, direction):
    trade(traders, direction, 2)
    traders.set_price(100 - signed(direction, 4))
    position = traders.position(trader)
    assert (position.size, position.notional) == (signed(direction, wad(2)), signed(direction, wad(200)))
    assert position.unrealised == -wad(8)
    assert position.maintenance == traders.state(trader).maintenance
    assert (position.maturing, position.pot) == (0, 0)
    assert position.key >> 22 == (direction == "short")


def test_the_bankruptcy_price_uses_up_the_equity(traders, trader, direction):
    """At the price told, the account has nothing left; a step further it owes."""
    trade(traders, direction, 20)
    price = traders.position(trader).bankruptcy_price
    assert price == wad(100) - signed(direction, wad(50))
    traders.set_price(price / wad(1))
    assert traders.state(trader).equity == 0
    traders.set_price((price - signed(direction, 1_000_000)) / wad(1))
    assert traders.state(trader).equity <= 0


def test_a_long_that_cannot_go_bankrupt_has_no_bankruptcy_price(traders, trader):
    trade(traders, "long", 2)
    assert traders.position(trader).bankruptcy_price == 0


def test_pending_funding_is_in_the_figures(traders, trader, counterparty):
    trade(traders, "long", 2)
    traders.set_price(100, seconds=3_600, rate=10**11)
    paid = 2 * 100 * 10**11 * 3_600
    assert traders.state(trader).cash == wad(1_000) - paid
    assert traders.state(counterparty).cash == wad(1_000) + paid
    traders.assert_conserved()


def test_matured_profit_is_cash_in_the_figures(traders, trader, direction):
    trade(traders, direction, 2)
    traders.set_price(100 + signed(direction, 10))
    trade(traders, opposite(direction), 2)
    assert traders.position(trader).maturing == traders.state(trader).maturing == wad(20)
    pass_batches(traders)
    state = traders.state(trader)
    assert (state.cash, state.maturing) == (wad(1_020), 0)
    assert traders.position(trader).maturing == 0
    traders.assert_conserved()


@pytest.mark.parametrize("late", [0, 1])
def test_staleness_is_told_to_the_second(traders, trader, late):
    trade(traders, "long", 2)
    traders.set_price(100)
    boa.env.timestamp += margin_config()["max_mark_age"] + late
    assert traders.state(trader).is_stale is bool(late)
    assert not traders.state(account_of("sibling")).is_stale


def test_views_answer_for_an_account_below_zero(traders, trader, direction):
    """Attacks R04, V02: a negative equity is told, not reverted on."""
    trade(traders, direction, 100)
    traders.set_price(100 - signed(direction, 15))
    state = traders.state(trader)
    assert (state.equity, state.withdrawable) == (-wad(500), 0)
    assert traders.position(trader).unrealised == -wad(1_500)
    traders.assert_conserved()


def test_the_multiplier_raises_both_margins(traders, trader, direction):
    trade(traders, direction, 2)
    govern(traders.vault.set_risk_mode, 1, wad("1.5"))
    state = traders.state(trader)
    assert state.maintenance == 200 * MAINTENANCE * 3 // 2
    assert state.hole == 200 * INITIAL * 3 // 2 - wad(1_000)


@pytest.mark.parametrize("market", [1, 32, 2**256 - 1])
def test_position_state_in_an_unknown_market_reverts(traders, trader, market):
    with boa.reverts("market: unknown"):
        traders.position(trader, market)


def test_views_answer_with_a_mark_at_either_end_of_the_legal_prices(traders, trader, units):
    """Attack R06: sizes and prices far out still have figures."""
    trade(traders, "long", 2)
    for price in (units.MIN_PRICE(), units.MAX_PRICE()):
        with boa.env.anchor():
            traders.set_price(price / wad(1))
            assert traders.state(trader).unrealised == 2 * traders.vault.mark(0) - wad(200)
            assert traders.position(trader).maintenance > 0
