"""Membership.set_leverage_class: freely when flat, only towards more margin with a position open."""

import boa
import pytest

from tests.kernel import margin_config, wad
from tests.support import actor
from tests.unit.margin_vault.actions import (
    TRADER,
    by,
    events,
    govern,
    ledger,
    margin_tuple,
    opposite,
    signed,
    trade,
)

RATES = margin_config()["class_rates"]


def set_class(kernel, account, leverage_class, name=TRADER, market=0):
    by(name, kernel.vault.set_leverage_class, account, market, leverage_class)


def refused(kernel, message, account, leverage_class, name=TRADER, market=0):
    before = ledger(kernel)
    with boa.reverts(message):
        set_class(kernel, account, leverage_class, name, market)
    assert ledger(kernel) == before


@pytest.mark.parametrize("leverage_class", range(4))
def test_a_flat_account_chooses_any_class(traders, trader, leverage_class):
    set_class(traders, trader, 3)
    set_class(traders, trader, leverage_class)
    logged = events(traders)
    word = traders.vault.account_word(trader)
    assert logged == [
        ("PositionChanged", trader, 0, 0, 0, 0, 0, word, 0),
        ("LeverageClassSet", trader, 0, leverage_class, word),
    ]
    assert (word >> 160) & 3 == leverage_class
    traders.assert_conserved(dust=0)


@pytest.mark.parametrize("leverage_class", range(4))
def test_the_class_sets_the_initial_margin(traders, trader, direction, leverage_class):
    set_class(traders, trader, leverage_class)
    trade(traders, direction, 2)
    assert traders.state(trader).hole == 200 * RATES[leverage_class] - wad(1_000)
    assert (traders.position(trader).key >> 20) & 3 == leverage_class
    traders.assert_conserved()


@pytest.mark.parametrize("leverage_class", [1, 2, 3])
def test_an_open_position_moves_to_a_class_of_more_margin(traders, trader, direction, leverage_class):
    trade(traders, direction, 2)
    old = traders.position(trader)
    set_class(traders, trader, leverage_class)
    new = traders.position(trader)
    assert (new.size, new.notional) == (old.size, old.notional)
    assert new.key == old.key | leverage_class << 20
    assert traders.vault.cohort_words(old.key)[0] == 0
    assert traders.vault.tick_bitmap(old.key >> 20, 255) == 0
    traders.assert_conserved()


def test_an_open_position_leaves_the_others_of_its_cohort_behind(traders, trader, direction):
    other = traders.fund_account("sibling", 1_000)
    trade(traders, direction, 2)
    pair = (other, traders.fund_account("stranger", 1_000))
    traders.fill(*(pair if direction == "long" else pair[::-1]), 3)
    old = traders.position(trader).key
    set_class(traders, trader, 1)
    assert traders.vault.cohort_words(old)[0] & (2**112 - 1) == wad(3)
    assert traders.position(other).key == old
    traders.assert_conserved()


@pytest.mark.parametrize(("held", "wanted"), [(1, 0), (3, 2), (2, 2)])
def test_an_open_position_does_not_move_to_a_class_of_less_or_the_same_margin(traders, trader, held, wanted):
    set_class(traders, trader, held)
    trade(traders, "long", 2)
    refused(traders, "vault: class only upward", trader, wanted)


def test_upward_is_judged_by_the_rate_not_by_the_number(traders, trader):
    rates = [wad("0.2"), wad("0.1"), wad("0.05"), wad("0.5")]
    govern(traders.vault.set_margin_config, 0, margin_tuple(class_rates=rates))
    trade(traders, "long", 2)
    refused(traders, "vault: class only upward", trader, 1)
    set_class(traders, trader, 3)
    traders.assert_conserved()


@pytest.mark.parametrize("leverage_class", [4, 2**256 - 1])
def test_an_unknown_class_reverts(traders, trader, leverage_class):
    refused(traders, "vault: unknown class", trader, leverage_class)


@pytest.mark.parametrize("market", [1, 32, 2**256 - 1])
def test_an_unknown_market_reverts(traders, trader, market):
    refused(traders, "market: unknown", trader, 1, market=market)


@pytest.mark.parametrize("name", ["stranger", "counterparty", "exchange", "governance"])
def test_only_the_owner_and_his_operators_choose(traders, trader, name):
    refused(traders, "vault: not owner or operator", trader, 1, name)


def test_an_operator_chooses_until_he_is_dismissed(traders, trader):
    by(TRADER, traders.vault.set_operator, actor("operator"), True)
    set_class(traders, trader, 1, "operator")
    by(TRADER, traders.vault.set_operator, actor("operator"), False)
    refused(traders, "vault: not owner or operator", trader, 2, "operator")


def test_a_class_up_to_a_hole_of_zero_passes(traders, trader, direction):
    trade(traders, direction, 2)
    keep = 200 * RATES[1]
    by(TRADER, traders.vault.transfer, trader, trader + 1, wad(1_000) - keep)
    set_class(traders, trader, 1)
    assert traders.state(trader).hole == 0
    traders.assert_conserved()


def test_a_class_one_wei_beyond_a_hole_of_zero_reverts(traders, trader, direction):
    trade(traders, direction, 2)
    keep = 200 * RATES[1]
    by(TRADER, traders.vault.transfer, trader, trader + 1, wad(1_000) - keep + 1)
    refused(traders, "margin: below initial margin", trader, 1)


@pytest.mark.parametrize(("late", "is_refused"), [(0, False), (1, True)])
def test_an_open_position_needs_a_fresh_mark(traders, trader, late, is_refused):
    trade(traders, "long", 2)
    traders.set_price(100)
    boa.env.timestamp += margin_config()["max_mark_age"] + late
    if is_refused:
        refused(traders, "margin: stale mark", trader, 1)
    else:
        set_class(traders, trader, 1)
        traders.assert_conserved()


def test_a_flat_account_needs_no_mark(traders, trader):
    boa.env.timestamp += 7 * 86_400
    set_class(traders, trader, 3)
    traders.assert_conserved(dust=0)


@pytest.mark.parametrize("mode", [3, 4])
def test_nobody_leaves_his_rank_in_mode_adl(traders, trader, mode):
    trade(traders, "long", 2)
    govern(traders.vault.set_risk_mode, mode, wad(1))
    refused(traders, "vault: mode ADL", trader, 1)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_a_class_changes_in_other_modes(traders, trader, mode):
    trade(traders, "long", 2)
    govern(traders.vault.set_risk_mode, mode, wad(1))
    set_class(traders, trader, 1)
    traders.assert_conserved()


def test_a_position_above_its_cap_stays_in_its_class(traders, trader):
    trade(traders, "long", 4)
    govern(traders.vault.set_margin_config, 0, margin_tuple(position_cap_quote=wad(399)))
    refused(traders, "margin: position cap", trader, 1)


def test_a_class_is_one_markets_and_stays_when_the_position_is_closed(traders, trader, direction):
    set_class(traders, trader, 2)
    trade(traders, direction, 2)
    traders.set_price(100 + signed(direction, 1))
    trade(traders, opposite(direction), 2)
    assert (traders.vault.account_word(trader) >> 160) & (2**64 - 1) == 2
    traders.assert_conserved()
