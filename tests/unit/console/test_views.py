"""Console: everybody's look at the ledger, of a market with positions and profit, and of nothing at all."""

import boa
import pytest

from tests.kernel import wad
from tests.support import actor
from tests.unit.margin_vault.actions import TRADER, by, govern, pass_batches, trade


@pytest.fixture(scope="module")
def busy(traders):
    """A long of 2 at 100, opened at a fee, half closed at 110."""
    trade(traders, "long", 2, fee=wad("0.001"))
    traders.set_price(110, rate=0)
    trade(traders, "short", 1)
    return traders


def test_mark_and_counts(busy):
    assert busy.vault.market_count() == 1
    assert busy.vault.mark(0) == wad(110)
    assert busy.vault.claim_count() == 0


@pytest.mark.parametrize("market", [1, 32, 2**256 - 1])
def test_an_unknown_market_has_no_mark(kernel, market):
    with boa.reverts("market: unknown"):
        kernel.vault.mark(market)
    with boa.reverts("market: unknown"):
        kernel.vault.inventory_state(market)


def test_fee_state_tells_what_is_not_collected(busy):
    fees = busy.vault.fee_state()
    assert fees.trading == 2 * wad("0.2")
    assert (fees.funding, fees.liquidation, fees.treasury) == (0, 0, 0)
    busy.assert_conserved()


def test_account_word_is_cash_markets_classes_and_version(busy, trader):
    word = busy.vault.account_word(trader)
    assert word & (2**128 - 1) == wad(1_000) - wad("0.2")
    assert (word >> 128) & (2**32 - 1) == 1
    assert (word >> 160) & (2**64 - 1) == 0
    assert word >> 224 == (busy.vault.exchange_word() >> 160) & 0xFFFF


def test_position_word_is_what_the_account_joined_with(busy, trader, counterparty):
    long, short = busy.vault.position_word(trader, 0), busy.vault.position_word(counterparty, 0)
    for word in (long, short):
        assert word & (2**112 - 1) == wad(1)
        assert (word >> 112) & (2**112 - 1) == wad(100)
    assert (long >> 246) & 1 == 0
    assert (short >> 246) & 1 == 1
    assert (long >> 247, short >> 247) == (1, 0)


def test_liquidation_words_are_what_the_ledger_holds_and_the_mark(busy, trader, counterparty):
    for account in (trader, counterparty):
        words = busy.vault.liquidation_words(account, 0)
        assert words.account == busy.vault.account_word(account) != 0
        assert words.position == busy.vault.position_word(account, 0) != 0
        assert words.mark == wad(110)
    assert busy.vault.liquidation_words(trader, 31) == (busy.vault.account_word(trader), 0, 0)


@pytest.mark.parametrize("market", [32, 2**256 - 1])
def test_liquidation_words_of_an_unknown_market_revert(busy, trader, market):
    with boa.reverts("market: unknown"):
        busy.vault.liquidation_words(trader, market)


def test_maturing_word_is_the_shares_of_two_batches(busy, trader):
    word = busy.vault.maturing_word(trader, 0)
    assert word & (2**104 - 1) == wad(10) // 10**9
    assert (word >> 104) & (2**104 - 1) == 0


def test_market_words_are_in_the_order_told(busy):
    words = busy.vault.market_words(0)
    assert words[0] & (2**104 - 1) == wad(110)
    assert (words[0] >> 104) & (2**32 - 1) == boa.env.timestamp
    assert words[3] & (2**104 - 1) == wad(10) // 10**9
    assert words[12] & (2**112 - 1) == wad(1)
    assert words[8:12] + words[13:] == [0] * 5


def test_cohort_words_and_bitmap_hold_the_position(busy, trader):
    key = busy.position(trader).key
    sums, scale, entry, pot, siblings = busy.vault.cohort_words(key)
    assert sums == wad(1) | wad(100) << 112
    assert (scale, entry, pot, siblings) == (0, 0, 0, 0)
    group, tick = key >> 20, (key >> 6) & 0x3FFF
    assert busy.vault.tick_bitmap(group, tick >> 8) == 1 << (tick & 255)
    assert busy.vault.tick_bitmap(group, 255) == 1 << (tick >> 8) | 1 << 64


def test_settings_tell_share_length_and_failures(kernel):
    govern(kernel.vault.set_funding_share, wad("0.25"))
    assert kernel.vault.settings() == (wad("0.25"), 3_600, 0)


def test_nothing_is_read_where_nothing_is(kernel):
    vault = kernel.vault
    assert vault.account_word(5) == vault.position_word(5, 0) == vault.maturing_word(5, 0) == 0
    assert vault.batch_word(0, 2) == vault.round_word(0, 0) == vault.tick_bitmap(7, 0) == 0
    assert vault.cohort_words(2**31 - 1) == [0] * 5
    assert vault.claim_queue(0) == (0, 0)
    assert vault.queued_claim(0, 0) == 0


def test_a_claim_that_was_never_filed_is_empty(kernel):
    claim = kernel.vault.claim_state(0)
    assert set(claim) == {0}


def test_an_inventory_that_never_was_is_empty(kernel):
    assert set(kernel.vault.inventory_state(0)) == {0}


def test_roles_are_told_one_by_one(kernel):
    for role, name in ((1, "exchange"), (2, "engine"), (4, "allocator"), (32, "guardian"), (64, "treasury")):
        assert kernel.vault.role_holder(role) == actor(name)
    assert kernel.vault.role_holder(16) == kernel.oracle.address
    assert kernel.vault.role_holder(8) == "0x" + "00" * 20


def test_views_change_nothing(busy, trader):
    before = busy.vault.market_words(0), busy.vault.account_word(trader)
    busy.vault.inventory_state(0)
    busy.state(trader)
    busy.position(trader)
    assert (busy.vault.market_words(0), busy.vault.account_word(trader)) == before


def test_words_show_storage_as_it_is_until_the_account_is_touched(busy, trader):
    """Matured profit is in the effective figures at once, in the word after a touch."""
    pass_batches(busy)
    before = busy.vault.account_word(trader)
    assert busy.state(trader).cash == wad(1_010) - wad("0.2")
    assert busy.vault.account_word(trader) == before
    by(TRADER, busy.vault.touch, trader, 0)
    assert busy.vault.account_word(trader) & (2**128 - 1) == busy.state(trader).cash
    busy.assert_conserved()
