"""MarginVault and collateral that behaves badly: fees, no answer, a false answer, a blocklist, a pause."""

import boa
import pytest

from tests.kernel import Kernel, account_of, wad
from tests.support import actor, deploy
from tests.unit.margin_vault.actions import (
    COUNTERPARTY,
    TRADER,
    by,
    events,
    ledger,
    new_kernel,
    trade,
)


def odd_kernel(path: str, decimals: int = 6) -> Kernel:
    return new_kernel(token=deploy(f"mocks/{path}.vy", decimals))


def give(kernel: Kernel, name: str, tokens: int) -> None:
    kernel.token.mint(actor(name), tokens)
    by(name, kernel.token.approve, kernel.vault.address, tokens)


def test_a_fee_on_transfer_is_not_credited(trader):
    """Attack K01: the vault credits what it gets or nothing."""
    kernel = odd_kernel("MockTokenFeeOnTransfer")
    give(kernel, TRADER, 1_000)
    before = ledger(kernel)
    with boa.reverts("token: short delivery"):
        by(TRADER, kernel.vault.deposit, trader, 1_000)
    assert ledger(kernel) == before


def test_a_deposit_too_small_for_the_tokens_fee_is_credited(trader):
    kernel = odd_kernel("MockTokenFeeOnTransfer")
    give(kernel, TRADER, 99)
    by(TRADER, kernel.vault.deposit, trader, 99)
    assert kernel.state(trader).cash == 99 * kernel.scale
    kernel.assert_conserved(dust=0)


@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_a_token_without_return_value_works_in_and_out(trader, decimals):
    kernel = odd_kernel("MockTokenNoReturn", decimals)
    give(kernel, TRADER, 1_000)
    by(TRADER, kernel.vault.deposit, trader, 1_000)
    assert by(TRADER, kernel.vault.withdraw, trader, 400, actor("receiver"), 400) == 400
    assert kernel.token.balanceOf(actor("receiver")) == 400
    assert kernel.state(trader).cash == 600 * kernel.scale
    kernel.assert_conserved(dust=0)


def test_a_deposit_answered_with_false_reverts(trader):
    """Attack K02."""
    kernel = odd_kernel("MockTokenFalseReturn")
    give(kernel, TRADER, 1_000)
    before = ledger(kernel)
    with boa.reverts("token: transfer failed"):
        by(TRADER, kernel.vault.deposit, trader, 1_000)
    assert ledger(kernel) == before


def test_a_withdrawal_answered_with_false_reverts(trader):
    kernel = odd_kernel("MockTokenFalseReturn")
    kernel.token.set_failing(False)
    give(kernel, TRADER, 1_000)
    by(TRADER, kernel.vault.deposit, trader, 1_000)
    kernel.token.set_failing(True)
    before = ledger(kernel)
    with boa.reverts("token: transfer failed"):
        by(TRADER, kernel.vault.withdraw, trader, 1_000, actor("receiver"), 0)
    assert ledger(kernel) == before


@pytest.fixture(scope="module")
def blocking() -> Kernel:
    kernel = odd_kernel("MockTokenBlocklist")
    for name in (TRADER, COUNTERPARTY):
        kernel.fund_account(name, 1_000)
    return kernel


def test_a_withdrawal_to_a_blocked_receiver_reverts(blocking, trader):
    """Attack K04: the owner names another receiver, and nobody else is touched."""
    blocking.token.set_blocked(actor(TRADER), True)
    before = ledger(blocking)
    with boa.reverts("mock_token: receiver blocked"):
        by(TRADER, blocking.vault.withdraw, trader, 5, actor(TRADER), 0)
    assert ledger(blocking) == before


def test_a_blocked_owner_withdraws_to_somebody_else(blocking, trader):
    blocking.token.set_blocked(actor(TRADER), True)
    by(TRADER, blocking.vault.withdraw, trader, 5, actor("receiver"), 0)
    assert [event[0] for event in events(blocking)] == ["Withdrawn"]
    assert blocking.token.balanceOf(actor("receiver")) == 5
    blocking.assert_conserved(dust=0)


def test_a_blocked_owner_deposits_nothing(blocking, trader):
    give(blocking, TRADER, 5)
    blocking.token.set_blocked(actor(TRADER), True)
    before = ledger(blocking)
    with boa.reverts("mock_token: sender blocked"):
        by(TRADER, blocking.vault.deposit, trader, 5)
    assert ledger(blocking) == before


def test_trading_and_transfers_need_no_token(blocking, trader):
    """Attack K05: a paused token or a blocked vault stops no trade, close or move between sub-accounts."""
    blocking.token.set_paused(True)
    blocking.token.set_blocked(blocking.vault.address, True)
    trade(blocking, "long", 2)
    blocking.set_price(101)
    trade(blocking, "short", 2)
    by(TRADER, blocking.vault.transfer, trader, account_of(TRADER, 1), wad(1))
    assert blocking.state(account_of(TRADER, 1)).cash == wad(1)
    blocking.assert_conserved()
