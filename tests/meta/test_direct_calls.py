"""The parts of the kernel lend their code to the vault; called at their own address they do nothing."""

from typing import Any

import boa
import pytest
from boa.util.abi import Address
from vyper.compiler.output import build_abi_output, build_method_identifiers_output

from lastline.abi import INTERNAL
from tests.kernel import PARTS, Kernel, deploy_kernel
from tests.support import actor, compiled

REFUSALS = (
    "kernel: direct call",
    "kernel: internal",
    # A part has no owner, and nobody may become it.
    "ownable: caller is not the owner",
    "ownable_2step: caller is not the new owner",
)


def state_changing(part: str) -> dict[str, str]:
    """Selectors, by signature, of what is no view."""
    data = compiled(f"{part}.vy").compiler_data
    names = {
        entry["name"]
        for entry in build_abi_output(data)
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    identifiers = build_method_identifiers_output(data)
    return {s: selector for s, selector in identifiers.items() if s.split("(")[0] in names}


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return deploy_kernel()


@pytest.mark.parametrize("name", ["attacker", "governance", "engine", "allocator", "guardian", "exchange"])
@pytest.mark.parametrize("part", [part for part in PARTS[:-1] if state_changing(part)])
def test_a_part_refuses_direct_calls(kernel, part, name):
    address = kernel.parts[part].address
    calls = state_changing(part)
    for signature, selector in calls.items():
        data = int(selector, 16).to_bytes(4, "big") + bytes(32 * 24)
        result = boa.env.execute_code(to_address=address, sender=actor(name), data=data)
        assert result.is_error, signature
        assert any(refusal.encode() in result.output for refusal in REFUSALS), signature


def test_only_the_views_change_nothing():
    assert [part for part in PARTS if not state_changing(part)] == ["MarginVaultViews"]


def reached(computation: Any) -> set[bytes]:
    """Where the code came from that a call executed, the calls it made included."""
    return {computation.msg.code_address}.union(*(reached(child) for child in computation.children))


def test_the_vault_passes_every_function_on_to_its_part(kernel):
    for part in PARTS[:-1]:
        identifiers = build_method_identifiers_output(compiled(f"{part}.vy").compiler_data)
        for signature, selector in identifiers.items():
            if signature in ("config_hash()", "__default__()") or signature.split("(")[0] in INTERNAL:
                continue
            data = int(selector, 16).to_bytes(4, "big") + bytes(32 * 24)
            result = boa.env.execute_code(
                to_address=kernel.vault.address, sender=actor("attacker"), data=data
            )
            assert Address(kernel.parts[part].address).canonical_address in reached(result), (
                f"{part}: {signature}"
            )


def test_what_parts_ask_each_other_nobody_can_ask_through_the_vault(kernel):
    internal: list[tuple[str, str, str]] = []
    for part in PARTS:
        identifiers = build_method_identifiers_output(compiled(f"{part}.vy").compiler_data)
        internal += [(part, s, x) for s, x in identifiers.items() if s.split("(")[0] in INTERNAL]
    assert len(internal) == len(INTERNAL)
    for part, signature, selector in internal:
        data = int(selector, 16).to_bytes(4, "big") + bytes(32 * 24)
        result = boa.env.execute_code(to_address=kernel.vault.address, sender=actor("attacker"), data=data)
        assert result.is_error, signature
        assert Address(kernel.parts[part].address).canonical_address not in reached(result), signature


def test_the_vault_answers_nothing_unknown(kernel):
    """Past the last part there is nobody to ask."""
    result = boa.env.execute_code(
        to_address=kernel.vault.address, sender=actor("attacker"), data=b"\xde\xad\xbe\xef"
    )
    assert result.is_error


def test_the_vault_takes_no_ether(kernel):
    boa.env.set_balance(actor("attacker"), 10)
    for data in (b"", b"\xde\xad\xbe\xef"):
        result = boa.env.execute_code(
            to_address=kernel.vault.address, sender=actor("attacker"), data=data, value=1
        )
        assert result.is_error
    assert boa.env.get_balance(kernel.vault.address) == 0
