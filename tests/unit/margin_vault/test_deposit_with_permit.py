"""MarginVault.deposit_with_permit: the permit is a convenience, the allowance decides."""

from typing import Any

import boa
import pytest
from eth_account.messages import encode_typed_data

from tests.kernel import Kernel, account_of
from tests.support import actor, deploy, signer
from tests.unit.margin_vault.actions import TRADER, by, events, ledger, new_kernel

TOKENS = 1_000


def permit(kernel: Kernel, tokens: int = TOKENS, deadline: int | None = None, name: str = TRADER) -> tuple:
    """The last four arguments: a permit of an actor for the vault, signed."""
    token = kernel.token
    domain = token.eip712Domain()
    deadline = boa.env.timestamp + 60 if deadline is None else deadline
    typed: dict[str, Any] = {
        "types": {
            "EIP712Domain": [
                {"name": n, "type": t}
                for n, t in (
                    ("name", "string"),
                    ("version", "string"),
                    ("chainId", "uint256"),
                    ("verifyingContract", "address"),
                )
            ],
            "Permit": [
                {"name": n, "type": t}
                for n, t in (
                    ("owner", "address"),
                    ("spender", "address"),
                    ("value", "uint256"),
                    ("nonce", "uint256"),
                    ("deadline", "uint256"),
                )
            ],
        },
        "primaryType": "Permit",
        "domain": {
            "name": domain[1],
            "version": domain[2],
            "chainId": domain[3],
            "verifyingContract": str(domain[4]),
        },
        "message": {
            "owner": str(actor(name)),
            "spender": str(kernel.vault.address),
            "value": tokens,
            "nonce": token.nonces(actor(name)),
            "deadline": deadline,
        },
    }
    signed = signer(name).sign_message(encode_typed_data(full_message=typed))
    return deadline, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


@pytest.fixture
def rich(kernel: Kernel) -> Kernel:
    """The trader has tokens and has approved nobody."""
    kernel.token.mint(actor(TRADER), TOKENS)
    return kernel


@pytest.mark.parametrize("decimals", [6, 8, 18], indirect=True, scope="module")
def test_a_permit_pays_a_deposit(rich, trader):
    amount = by(TRADER, rich.vault.deposit_with_permit, trader, TOKENS, *permit(rich))
    logged = events(rich)
    assert amount == TOKENS * rich.scale
    assert logged == [("Deposited", trader, actor(TRADER), TOKENS, rich.vault.account_word(trader))]
    assert rich.state(trader).cash == TOKENS * rich.scale
    assert rich.token.allowance(actor(TRADER), rich.vault.address) == 0
    rich.assert_conserved(dust=0)


def test_a_permit_used_by_somebody_else_does_not_block_the_deposit(rich, trader):
    """Anyone may submit a permit he sees in the mempool; the allowance is there all the same."""
    arguments = permit(rich)
    deadline, v, r, s = arguments
    owner, vault = actor(TRADER), rich.vault.address
    by("stranger", rich.token.permit, owner, vault, TOKENS, deadline, v, r, s)
    by(TRADER, rich.vault.deposit_with_permit, trader, TOKENS, *arguments)
    assert rich.state(trader).cash == TOKENS * rich.scale
    rich.assert_conserved(dust=0)


def test_a_permit_into_another_owners_account_is_a_gift(rich, trader):
    other = account_of("sibling")
    by(TRADER, rich.vault.deposit_with_permit, other, TOKENS, *permit(rich))
    assert (rich.state(other).cash, rich.state(trader).cash) == (TOKENS * rich.scale, 0)
    rich.assert_conserved(dust=0)


def test_somebody_elses_permit_does_not_pay(rich):
    """The tokens are the caller's own, whoever signed."""
    before = ledger(rich)
    arguments = permit(rich)
    with boa.reverts("erc20: insufficient allowance"):
        by("stranger", rich.vault.deposit_with_permit, account_of("stranger"), TOKENS, *arguments)
    assert ledger(rich) == before


@pytest.mark.parametrize("late", [0, 1])
def test_a_permit_counts_until_its_deadline(rich, trader, late):
    arguments = permit(rich, deadline=boa.env.timestamp + 60)
    boa.env.timestamp += 60 + late
    if late:
        before = ledger(rich)
        with boa.reverts("erc20: insufficient allowance"):
            by(TRADER, rich.vault.deposit_with_permit, trader, TOKENS, *arguments)
        assert ledger(rich) == before
    else:
        by(TRADER, rich.vault.deposit_with_permit, trader, TOKENS, *arguments)
        rich.assert_conserved(dust=0)


def test_a_permit_for_less_does_not_pay(rich, trader):
    arguments = permit(rich, TOKENS - 1)
    before = ledger(rich)
    with boa.reverts("erc20: insufficient allowance"):
        by(TRADER, rich.vault.deposit_with_permit, trader, TOKENS, *arguments)
    assert ledger(rich) == before
    assert rich.token.nonces(actor(TRADER)) == 0


def test_a_worthless_permit_is_ignored_if_the_allowance_is_there(rich, trader):
    by(TRADER, rich.token.approve, rich.vault.address, TOKENS)
    by(TRADER, rich.vault.deposit_with_permit, trader, TOKENS, 0, 27, b"\1" * 32, b"\1" * 32)
    assert rich.state(trader).cash == TOKENS * rich.scale
    rich.assert_conserved(dust=0)


def test_a_token_without_permit_is_paid_by_allowance(trader):
    kernel = new_kernel(token=deploy("mocks/MockTokenNoReturn.vy", 6))
    kernel.token.mint(actor(TRADER), TOKENS)
    by(TRADER, kernel.token.approve, kernel.vault.address, TOKENS)
    by(TRADER, kernel.vault.deposit_with_permit, trader, TOKENS, 0, 0, b"", b"")
    assert kernel.state(trader).cash == TOKENS * kernel.scale
    kernel.assert_conserved(dust=0)


def test_a_permit_for_nothing_reverts(rich, trader):
    arguments = permit(rich)
    before = ledger(rich)
    with boa.reverts("vault: zero amount"):
        by(TRADER, rich.vault.deposit_with_permit, trader, 0, *arguments)
    assert ledger(rich) == before
    assert rich.token.nonces(actor(TRADER)) == 0


def test_a_permit_above_the_largest_amount_reverts(rich, trader, max_size):
    arguments = permit(rich, max_size + 1)
    before = ledger(rich)
    with boa.reverts("vault: amount too large"):
        by(TRADER, rich.vault.deposit_with_permit, trader, max_size + 1, *arguments)
    assert ledger(rich) == before


def test_a_permit_for_an_account_without_owner_reverts(rich):
    arguments = permit(rich)
    before = ledger(rich)
    with boa.reverts("vault: zero owner"):
        by(TRADER, rich.vault.deposit_with_permit, 1, TOKENS, *arguments)
    assert ledger(rich) == before
