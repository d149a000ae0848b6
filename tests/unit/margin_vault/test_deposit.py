"""MarginVault.deposit: tokens in, an exact credit out."""

import boa
import pytest

from tests.kernel import EXCHANGE, Kernel, account_of, wad
from tests.support import actor
from tests.unit.margin_vault.actions import (
    COUNTERPARTY,
    TRADER,
    by,
    events,
    govern,
    ledger,
    pass_batches,
    trade,
)

each_decimals = pytest.mark.parametrize("decimals", [6, 8, 18], indirect=True, scope="module")


def give(kernel: Kernel, name: str, tokens: int) -> None:
    """Mint for an actor and approve the vault."""
    kernel.token.mint(actor(name), tokens)
    by(name, kernel.token.approve, kernel.vault.address, tokens)


@each_decimals
@pytest.mark.parametrize("tokens", [1, 123_456_789])
def test_deposit_credits_exactly_what_was_paid(kernel, trader, tokens):
    give(kernel, TRADER, tokens)
    assert by(TRADER, kernel.vault.deposit, trader, tokens) == tokens * kernel.scale

    word = kernel.vault.account_word(trader)
    assert kernel.state(trader).cash == tokens * kernel.scale
    assert word & (2**128 - 1) == tokens * kernel.scale
    assert kernel.token.balanceOf(kernel.vault.address) == tokens
    assert kernel.token.balanceOf(actor(TRADER)) == 0
    kernel.assert_conserved(dust=0)


@each_decimals
def test_deposit_logs_one_event_with_the_stored_word(kernel, trader):
    give(kernel, TRADER, 7)
    by(TRADER, kernel.vault.deposit, trader, 7)
    logged = events(kernel)
    assert logged == [("Deposited", trader, actor(TRADER), 7, kernel.vault.account_word(trader))]


def test_deposit_by_a_stranger_credits_the_account_named(kernel, trader):
    give(kernel, "stranger", 50)
    by("stranger", kernel.vault.deposit, trader, 50)
    logged = events(kernel)
    assert logged == [("Deposited", trader, actor("stranger"), 50, kernel.vault.account_word(trader))]
    assert kernel.state(trader).cash == 50 * kernel.scale
    assert kernel.state(account_of("stranger")).cash == 0
    kernel.assert_conserved(dust=0)


def test_deposit_into_a_sub_account_leaves_its_sibling_alone(kernel, trader):
    kernel.fund_account(TRADER, 5, sub=1)
    assert kernel.state(account_of(TRADER, 1)).cash == wad(5)
    assert kernel.vault.account_word(trader) == 0
    kernel.assert_conserved(dust=0)


def test_deposits_add_up(kernel, trader):
    for quote in (1, 2, 3):
        kernel.fund_account(TRADER, quote)
    assert kernel.state(trader).cash == wad(6)
    kernel.assert_conserved(dust=0)


def test_deposit_of_nothing_reverts(kernel, trader):
    before = ledger(kernel)
    with boa.reverts("vault: zero amount"):
        by(TRADER, kernel.vault.deposit, trader, 0)
    assert ledger(kernel) == before


def test_deposit_for_an_account_without_owner_reverts(kernel):
    give(kernel, TRADER, 1)
    before = ledger(kernel)
    with boa.reverts("vault: zero owner"):
        by(TRADER, kernel.vault.deposit, 2**96 - 1, 1)
    assert ledger(kernel) == before


@pytest.mark.parametrize("decimals", [18], indirect=True)
def test_deposit_of_the_largest_amount_passes(kernel, trader, max_size):
    give(kernel, TRADER, max_size)
    by(TRADER, kernel.vault.deposit, trader, max_size)
    assert kernel.state(trader).cash == max_size
    kernel.assert_conserved(dust=0)


@each_decimals
def test_deposit_above_the_largest_amount_reverts(kernel, trader, max_size):
    give(kernel, TRADER, max_size + 1)
    before = ledger(kernel)
    with boa.reverts("vault: amount too large"):
        by(TRADER, kernel.vault.deposit, trader, max_size + 1)
    assert ledger(kernel) == before


@pytest.mark.parametrize("decimals", [6], indirect=True)
def test_deposit_to_the_edge_of_what_an_account_can_hold_passes(kernel, trader):
    most = (2**127 - 1) // kernel.scale
    give(kernel, TRADER, most)
    by(TRADER, kernel.vault.deposit, trader, most)
    assert kernel.state(trader).cash == most * kernel.scale
    kernel.assert_conserved(dust=0)


@pytest.mark.parametrize("decimals", [6], indirect=True)
def test_deposit_beyond_what_an_account_can_hold_reverts(kernel, trader):
    too_much = (2**127 - 1) // kernel.scale + 1
    give(kernel, TRADER, too_much)
    before = ledger(kernel)
    with boa.reverts("packing: overflow"):
        by(TRADER, kernel.vault.deposit, trader, too_much)
    assert ledger(kernel) == before


def test_deposit_without_allowance_reverts(kernel, trader):
    kernel.token.mint(actor(TRADER), 10)
    before = ledger(kernel)
    with boa.reverts("erc20: insufficient allowance"):
        by(TRADER, kernel.vault.deposit, trader, 10)
    assert ledger(kernel) == before


def test_deposit_gives_a_new_account_the_present_exchange(kernel, trader):
    kernel.fund_account(TRADER, 1)
    version = (kernel.vault.exchange_word() >> 160) & 0xFFFF
    assert version > 0
    assert (kernel.vault.account_word(trader) >> 224) & 0xFFFF == version


def test_deposit_by_a_stranger_does_not_accept_a_new_exchange(kernel, trader):
    """Paying in for somebody is no way to put him under an Exchange he has not accepted."""
    kernel.fund_account(TRADER, 1)
    before = kernel.vault.account_word(trader) >> 224
    govern(kernel.vault.set_role, EXCHANGE, actor("stranger"))
    give(kernel, "stranger", 1)
    by("stranger", kernel.vault.deposit, trader, 1)
    assert kernel.vault.account_word(trader) >> 224 == before
    kernel.assert_conserved(dust=0)


@pytest.mark.parametrize("mode", range(5))
def test_deposit_goes_on_in_every_mode_and_pause(kernel, trader, mode):
    govern(kernel.vault.set_risk_mode, mode, wad(1))
    govern(kernel.vault.set_paused, True)
    govern(kernel.vault.set_market_status, 0, 2)
    kernel.fund_account(TRADER, 1)
    assert kernel.state(trader).cash == wad(1)
    kernel.assert_conserved(dust=0)


def test_deposit_needs_no_fresh_mark(traders, trader):
    trade(traders, "long", 1)
    boa.env.timestamp += 7 * 86_400
    traders.fund_account(TRADER, 1)
    assert traders.state(trader).cash == wad(1_001)
    traders.assert_conserved()


def test_deposit_by_a_stranger_does_not_move_maturing_profit(traders, trader):
    """Attack D07: dust paid in for a victim must not push his timers back."""
    trade(traders, "long", 2)
    traders.set_price(110)
    trade(traders, "short", 2)
    pass_batches(traders, 1)
    before = traders.vault.maturing_word(trader, 0)
    assert before != 0
    give(traders, "stranger", 1)
    by("stranger", traders.vault.deposit, trader, 1)
    assert traders.vault.maturing_word(trader, 0) == before
    traders.assert_conserved()


def test_donated_tokens_are_nobodys(traders, trader):
    """Attack K09: tokens sent without a deposit change no account."""
    before = [traders.state(trader), traders.state(account_of(COUNTERPARTY))]
    traders.token.mint(traders.vault.address, 10**9)
    assert [traders.state(trader), traders.state(account_of(COUNTERPARTY))] == before
    tokens = traders.state(trader).withdrawable // traders.scale
    with boa.reverts("vault: not withdrawable"):
        by(TRADER, traders.vault.withdraw, trader, tokens + 1, actor(TRADER), 0)
