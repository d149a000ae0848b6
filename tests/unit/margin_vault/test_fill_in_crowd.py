"""
MarginVault.fill: initial margin in a market whose open interest is above its lower cap, and marks that are
too old for openings.
"""

import boa
import pytest

from tests.kernel import margin_config, wad
from tests.unit.margin_vault.actions import govern, margin_tuple, opposite, trade

# 1,600 quote of open interest at most; from 800 on margin rises.
CROWD = dict(
    open_interest_cap_quote=wad(1_600), open_interest_cap_base=wad(10**9), lower_cap_share=wad("0.5")
)


@pytest.fixture
def crowded(traders):
    govern(traders.vault.set_margin_config, 0, margin_tuple(**CROWD))
    return traders


def hole(kernel, account):
    return kernel.state(account).hole + kernel.state(account).cash


def test_up_to_the_lower_cap_initial_margin_is_the_classes(crowded, trader, direction):
    trade(crowded, direction, 8)
    assert hole(crowded, trader) == wad(40)


def test_between_the_caps_initial_margin_rises(crowded, trader, counterparty, direction):
    """1,200 of 800 to 1,600: half way from 5 % to all of 1,200."""
    trade(crowded, direction, 12)
    assert hole(crowded, trader) == hole(crowded, counterparty) == wad(60) + wad(1_140) // 2


def test_maintenance_margin_does_not_rise(crowded, trader, direction):
    trade(crowded, direction, 12)
    assert crowded.state(trader).maintenance == wad(30)


def test_an_opening_is_judged_by_the_open_interest_before_it(crowded, trader, direction):
    """From 800 to 1,600 at once needs 80; then one more needs all."""
    trade(crowded, direction, 8)
    trade(crowded, direction, 8)
    crowded.set_price(100)
    assert hole(crowded, trader) == wad(1_600)
    with boa.reverts("margin: below initial margin"):
        trade(crowded, direction, "0.001")


def test_a_reduction_is_not_hindered_by_the_crowd(crowded, direction):
    trade(crowded, direction, 16)
    trade(crowded, opposite(direction), 1)
    trade(crowded, opposite(direction), 15)
    crowded.assert_conserved()


def test_cash_that_the_crowd_asks_for_is_not_withdrawable(crowded, trader, direction):
    before = crowded.state(trader).withdrawable
    trade(crowded, direction, 12)
    state = crowded.state(trader)
    assert before - state.withdrawable == min(wad(60) + wad(570), before)


@pytest.mark.parametrize(("late", "is_refused"), [(0, False), (1, True)])
def test_an_opening_needs_a_younger_mark_than_a_reduction(traders, direction, late, is_refused):
    trade(traders, direction, 1)
    govern(traders.vault.set_margin_config, 0, margin_tuple(max_opening_age=30))
    assert margin_config()["max_mark_age"] > 31
    traders.set_price(100)
    boa.env.timestamp += 30 + late
    if is_refused:
        with boa.reverts("margin: stale mark"):
            trade(traders, direction, 1)
    else:
        trade(traders, direction, 1)
    trade(traders, opposite(direction), 1)
    traders.assert_conserved()


@pytest.mark.parametrize(("late", "is_refused"), [(0, False), (1, True)])
def test_a_withdrawal_needs_as_young_a_mark_as_an_opening(traders, trader, direction, late, is_refused):
    trade(traders, direction, 1)
    govern(traders.vault.set_margin_config, 0, margin_tuple(max_opening_age=30))
    traders.set_price(100)
    boa.env.timestamp += 30 + late
    assert traders.state(trader).is_stale == is_refused
    owner = f"0x{trader >> 96:040x}"
    with boa.env.prank(owner):
        if is_refused:
            with boa.reverts("margin: stale mark"):
                traders.vault.withdraw(trader, 1, owner, 0)
        else:
            traders.vault.withdraw(trader, 1, owner, 0)
