"""The vault and a token that calls back: whatever is called, through whichever part, gets nowhere.

Attacks E01 to E06. The lock is one for all parts, so it holds across their borders too.
"""

import boa
import pytest
from eth_utils import keccak
from vyper.compiler.output import build_method_identifiers_output

from lastline.abi import INTERNAL, PARTS
from tests.kernel import Kernel, account_of, union_abi
from tests.support import actor, compiled, deploy
from tests.unit.margin_vault.actions import TRADER, by, new_kernel

# Correct in the middle of a call, and said to be so: the token's callee may read them.
REENTRANT_VIEWS = {"is_operator", "token"}
# Exported from snekmate's ownable_2step, which takes no lock: they move only ownership, and ask who calls.
OWNERSHIP = {"owner", "pending_owner", "transfer_ownership", "accept_ownership"}
UNLOCKED = REENTRANT_VIEWS | OWNERSHIP

TOKENS = 1_000


def example(parameter: dict) -> str:
    """Type of an argument, tuples spelled out."""
    if parameter["type"].startswith("tuple"):
        inner = ",".join(example(part) for part in parameter["components"])
        return f"({inner}){parameter['type'][5:]}"
    return parameter["type"]


def functions() -> dict[str, str]:
    """Signature by name and number of arguments of everything the vault answers."""
    return {
        f"{entry['name']}({','.join(example(i) for i in entry['inputs'])})": entry["name"]
        for entry in union_abi()
        if entry["type"] == "function"
    }


def calldata(signature: str) -> bytes:
    """A call with zeros, long enough for every argument; the lock is asked before the arguments are."""
    return keccak(text=signature)[:4] + bytes(32 * 24)


@pytest.fixture(scope="module")
def hooked() -> Kernel:
    """The hook token itself owns an account, so that a call that got through could do harm."""
    kernel = new_kernel(token=deploy("mocks/MockTokenHook.vy", 6))
    for name in (TRADER, "counterparty"):
        kernel.fund_account(name, 1)
    return kernel


def outer_call(kernel: Kernel, outer: str) -> None:
    account = account_of(TRADER)
    kernel.token.mint(actor(TRADER), TOKENS)
    by(TRADER, kernel.token.approve, kernel.vault.address, TOKENS)
    calls = {
        "deposit": lambda: by(TRADER, kernel.vault.deposit, account, TOKENS),
        "deposit_at_ratio": lambda: by(TRADER, kernel.vault.deposit_at_ratio, account, TOKENS, 0),
        "deposit_with_permit": lambda: by(
            TRADER, kernel.vault.deposit_with_permit, account, TOKENS, 0, 0, b"", b""
        ),
        "withdraw": lambda: by(TRADER, kernel.vault.withdraw, account, TOKENS, actor(TRADER), 0),
    }
    calls[outer]()


OUTER = ("deposit", "deposit_at_ratio", "deposit_with_permit", "withdraw")


@pytest.mark.parametrize("is_before_transfer", [True, False])
@pytest.mark.parametrize("outer", OUTER)
def test_every_function_is_locked_during_a_transfer(hooked, outer, is_before_transfer):
    locked = {s for s, name in functions().items() if name not in UNLOCKED}
    got_through = []
    for signature in sorted(locked):
        with boa.env.anchor():
            hooked.token.arm(hooked.vault.address, calldata(signature), is_before_transfer)
            outer_call(hooked, outer)
            assert hooked.token.call_count() == 1
            if hooked.token.is_last_call_successful() or hooked.token.last_response() != b"":
                got_through.append(signature)
    assert got_through == []
    assert len(locked) > 40


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("name", INTERNAL)
def test_what_parts_ask_each_other_no_token_that_calls_back_can_ask(hooked, outer, name):
    parts = [build_method_identifiers_output(compiled(f"{part}.vy").compiler_data) for part in PARTS]
    [signature] = [s for identifiers in parts for s in identifiers if s.split("(")[0] == name]
    hooked.token.arm(hooked.vault.address, calldata(signature))
    outer_call(hooked, outer)
    assert not hooked.token.is_last_call_successful()
    hooked.assert_conserved(dust=0)


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("name", ["transfer_ownership", "accept_ownership"])
def test_ownership_is_not_for_a_token_that_calls_back(hooked, outer, name):
    [signature] = [s for s, n in functions().items() if n == name]
    before = hooked.vault.owner(), hooked.vault.pending_owner()
    hooked.token.arm(hooked.vault.address, calldata(signature))
    outer_call(hooked, outer)
    assert not hooked.token.is_last_call_successful()
    assert b"caller is not the" in hooked.token.last_response()
    assert (hooked.vault.owner(), hooked.vault.pending_owner()) == before
    hooked.assert_conserved(dust=0)


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("name", sorted(REENTRANT_VIEWS))
def test_views_meant_for_callbacks_answer_during_a_transfer(hooked, outer, name):
    [signature] = [s for s, n in functions().items() if n == name]
    hooked.token.arm(hooked.vault.address, calldata(signature))
    outer_call(hooked, outer)
    assert hooked.token.is_last_call_successful()
    hooked.assert_conserved(dust=0)


@pytest.mark.parametrize("outer", OUTER)
def test_the_parts_are_of_no_use_to_a_token_that_calls_back(hooked, outer):
    """Called at their own addresses during a transfer they still have no ledger and refuse."""
    account = account_of(TRADER)
    vault, parts = hooked.vault, hooked.parts
    for part, data in (
        ("MarginVaultMembership", vault.touch.prepare_calldata(account, 0)),
        ("MarginVaultLiquidation", vault.take_over.prepare_calldata(account, 0, 1, 0, 0)),
        ("MarginVaultCrisis", vault.update_mark.prepare_calldata(0)),
        ("MarginVaultLossSharing", vault.deleverage.prepare_calldata(0, 1)),
        ("MarginVaultBankruptcy", vault.absorb.prepare_calldata(account, 0)),
        ("MarginVaultConsole", vault.set_paused.prepare_calldata(True)),
    ):
        with boa.env.anchor():
            hooked.token.arm(parts[part].address, data)
            outer_call(hooked, outer)
            assert not hooked.token.is_last_call_successful()
            assert b"kernel: direct call" in hooked.token.last_response()
            hooked.assert_conserved(dust=0)


@pytest.mark.parametrize("outer", OUTER)
def test_the_outer_call_is_done_once(hooked, trader, outer):
    """Attack E01: what came back in changed nothing of what went on."""
    data = hooked.vault.withdraw.prepare_calldata(trader, TOKENS, actor(TRADER), 0)
    hooked.token.arm(hooked.vault.address, data)
    before = hooked.state(trader).cash
    outer_call(hooked, outer)
    change = -TOKENS if outer == "withdraw" else TOKENS
    assert hooked.state(trader).cash - before == change * hooked.scale
    hooked.assert_conserved(dust=0)


def test_the_lock_is_open_again_after_a_call(hooked):
    for outer in OUTER:
        outer_call(hooked, outer)
    hooked.assert_conserved(dust=0)
