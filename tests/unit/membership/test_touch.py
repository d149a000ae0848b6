"""Membership.touch: anyone may book what is pending for an account, and gains or costs nobody anything."""

import boa
import pytest

from tests.kernel import account_of, wad
from tests.unit.margin_vault.actions import (
    TRADER,
    by,
    events,
    ledger,
    opposite,
    pass_batches,
    signed,
    trade,
)


def test_touch_of_an_account_with_nothing_pending_changes_nothing(traders, trader, direction):
    trade(traders, direction, 2)
    before = ledger(traders)
    by("stranger", traders.vault.touch, trader, 0)
    assert events(traders) == []
    assert ledger(traders) == before
    traders.assert_conserved()


def test_touch_of_an_empty_account_changes_nothing(traders):
    before = ledger(traders)
    by("stranger", traders.vault.touch, account_of("sibling"), 0)
    assert events(traders) == []
    assert ledger(traders) == before


@pytest.mark.parametrize("name", [TRADER, "stranger"])
def test_touch_books_matured_profit(traders, trader, direction, name):
    trade(traders, direction, 2)
    traders.set_price(100 + signed(direction, 10))
    trade(traders, opposite(direction), 2)
    pass_batches(traders)
    before = traders.state(trader)
    by(name, traders.vault.touch, trader, 0)
    logged = events(traders)
    word = traders.vault.account_word(trader)
    # nothing is left; the slot stays in use for later profit
    batch = traders.vault.market_words(0)[3] >> 208 & (2**24 - 1)
    assert logged == [
        ("MaturingChanged", trader, 0, batch << 208, traders.vault.market_words(0)[3]),
        ("PositionChanged", trader, 0, 0, 0, 0, 0, word, 0),
    ]
    assert word & (2**128 - 1) == wad(1_020)
    assert traders.state(trader) == before
    traders.assert_conserved()


def test_touch_leaves_profit_that_has_not_matured(traders, trader, direction):
    trade(traders, direction, 2)
    traders.set_price(100 + signed(direction, 10))
    trade(traders, opposite(direction), 2)
    pass_batches(traders, 1)
    before = ledger(traders)
    by("stranger", traders.vault.touch, trader, 0)
    assert ledger(traders) == before
    assert traders.state(trader).maturing == wad(20)
    traders.assert_conserved()


def test_touch_keeps_an_open_position(traders, trader, direction):
    trade(traders, direction, 4)
    traders.set_price(100 + signed(direction, 10))
    trade(traders, opposite(direction), 2)
    pass_batches(traders)
    before = traders.position(trader)
    by("stranger", traders.vault.touch, trader, 0)
    after = traders.position(trader)
    assert after == before
    assert traders.vault.position_word(trader, 0) >> 247 == 0
    traders.assert_conserved()


def test_touch_pays_once(traders, trader, direction):
    trade(traders, direction, 2)
    traders.set_price(100 + signed(direction, 10))
    trade(traders, opposite(direction), 2)
    pass_batches(traders)
    for _ in range(3):
        by("stranger", traders.vault.touch, trader, 0)
    assert traders.state(trader).equity == wad(1_020)
    traders.assert_conserved()


@pytest.mark.parametrize("market", [1, 31, 32, 2**256 - 1])
def test_touch_in_an_unknown_market_reverts(traders, trader, market):
    before = ledger(traders)
    with boa.reverts("market: unknown"):
        by("stranger", traders.vault.touch, trader, market)
    assert ledger(traders) == before


def test_touch_needs_no_fresh_mark(traders, trader):
    trade(traders, "long", 1)
    boa.env.timestamp += 7 * 86_400
    by("stranger", traders.vault.touch, trader, 0)
    traders.assert_conserved()


def test_touching_in_between_changes_no_funding(traders, trader, counterparty, direction):
    """INV-14: accrued in pieces or at once, the same is paid."""
    trade(traders, direction, 3)
    for _ in range(5):
        traders.set_price(100, seconds=3_600, rate=10**11)
        with boa.env.anchor():
            for account in (trader, counterparty):
                by("stranger", traders.vault.touch, account, 0)
            touched = traders.state(trader), traders.state(counterparty)
        assert (traders.state(trader), traders.state(counterparty)) == touched
    traders.assert_conserved()
