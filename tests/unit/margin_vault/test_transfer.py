"""MarginVault.transfer: cash between two accounts of one owner, by the same rule as a withdrawal."""

import boa
import pytest

from tests.kernel import EXCHANGE, Kernel, account_of, margin_config, wad
from tests.support import actor
from tests.unit.margin_vault.actions import COUNTERPARTY, TRADER, by, events, govern, ledger, trade

SIBLING = account_of(TRADER, 1)
each_decimals = pytest.mark.parametrize("decimals", [6, 8, 18], indirect=True, scope="module")


def assert_refused(
    kernel: Kernel, message: str, sender: int, receiver: int, amount: int, name: str = TRADER
) -> None:
    before = ledger(kernel)
    with boa.reverts(message):
        by(name, kernel.vault.transfer, sender, receiver, amount)
    assert ledger(kernel) == before


@each_decimals
@pytest.mark.parametrize("amount", [1, wad("12.345678901234567891"), wad(1_000)])
def test_transfer_moves_exactly_the_amount_and_no_token(traders, trader, amount):
    held = traders.held()
    by(TRADER, traders.vault.transfer, trader, SIBLING, amount)
    logged = events(traders)
    words = traders.vault.account_word(trader), traders.vault.account_word(SIBLING)
    assert logged == [("Transferred", trader, SIBLING, amount, *words)]
    assert traders.state(trader).cash == wad(1_000) - amount
    assert traders.state(SIBLING).cash == amount
    assert traders.held() == held
    traders.assert_conserved(dust=0)


def test_transfer_there_and_back_changes_nothing(traders, trader):
    before = traders.vault.account_word(trader)
    by(TRADER, traders.vault.transfer, trader, SIBLING, 7)
    by(TRADER, traders.vault.transfer, SIBLING, trader, 7)
    assert traders.vault.account_word(trader) == before
    traders.assert_conserved(dust=0)


@pytest.mark.parametrize("name", ["stranger", "operator", COUNTERPARTY])
def test_transfer_by_anyone_but_the_owner_reverts(traders, trader, name):
    by(TRADER, traders.vault.set_operator, actor("operator"), True)
    assert_refused(traders, "vault: not owner", trader, SIBLING, 1, name)


def test_transfer_to_somebody_else_reverts(traders, trader, counterparty):
    """Attack P08: value moves only within what one owner holds."""
    assert_refused(traders, "vault: not owner", trader, counterparty, 1)


def test_transfer_from_somebody_else_reverts(traders, trader, counterparty):
    assert_refused(traders, "vault: not owner", counterparty, trader, 1)


def test_transfer_to_the_same_account_reverts(traders, trader):
    assert_refused(traders, "vault: same account", trader, trader, 1)


def test_transfer_of_nothing_reverts(traders, trader):
    assert_refused(traders, "vault: zero amount", trader, SIBLING, 0)


def test_transfer_above_the_largest_amount_reverts(traders, trader, max_size):
    assert_refused(traders, "vault: amount too large", trader, SIBLING, max_size + 1)


def test_transfer_of_one_wei_more_than_the_cash_reverts(traders, trader):
    assert_refused(traders, "vault: not withdrawable", trader, SIBLING, wad(1_000) + 1)


def test_transfer_to_a_hole_of_zero_passes(traders, trader, direction):
    trade(traders, direction, 2)
    by(TRADER, traders.vault.transfer, trader, SIBLING, traders.state(trader).withdrawable)
    assert traders.state(trader).hole == 0
    traders.assert_conserved()


def test_transfer_one_wei_beyond_a_hole_of_zero_reverts(traders, trader, direction):
    """Attack T15: no gift to a sibling below initial margin."""
    trade(traders, direction, 2)
    amount = traders.state(trader).withdrawable + 1
    assert_refused(traders, "vault: not withdrawable", trader, SIBLING, amount)


def test_transfer_from_an_account_with_a_stale_market_reverts(traders, trader):
    trade(traders, "long", 1)
    boa.env.timestamp += margin_config()["max_mark_age"] + 1
    assert_refused(traders, "margin: stale mark", trader, SIBLING, 1)


def test_transfer_into_an_account_with_a_stale_market_passes(traders, trader):
    """Adding margin is possible whatever the oracle does."""
    traders.fund_account(TRADER, 1, sub=1)
    trade(traders, "long", 1)
    boa.env.timestamp += margin_config()["max_mark_age"] + 1
    by(TRADER, traders.vault.transfer, SIBLING, trader, wad(1))
    assert traders.state(trader).cash == wad(1_001)
    traders.assert_conserved()


def test_transfer_gives_a_new_account_the_present_exchange(traders, trader):
    govern(traders.vault.set_role, EXCHANGE, actor("stranger"))
    by(TRADER, traders.vault.transfer, trader, SIBLING, 1)
    version = (traders.vault.exchange_word() >> 160) & 0xFFFF
    assert (traders.vault.account_word(SIBLING) >> 224) & 0xFFFF == version
    assert (traders.vault.account_word(trader) >> 224) & 0xFFFF == version - 1
    traders.assert_conserved(dust=0)
