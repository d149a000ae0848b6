"""Membership: what only the kernel's own parts may ask of it. The vault passes none of it on (tests/meta)."""

from typing import Any

import boa
import pytest

from tests.kernel import Kernel, wad
from tests.support import actor
from tests.unit.margin_vault.actions import TRADER, by, ledger, trade

# What this part answers to the others only.
INTERNAL = ("settle", "unseat", "open_generation", "drop_generation")
CALLERS = [TRADER, "stranger", "governance", "guardian", "exchange", "engine", "allocator"]


def arguments(kernel: Kernel, trader: int) -> dict[str, tuple[Any, ...]]:
    key = kernel.position(trader).key
    return {
        "settle": (trader, 0),
        "unseat": (trader, 0, wad(1)),
        "open_generation": (key + 64, 2**255),
        "drop_generation": (key,),
    }


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("function", INTERNAL)
def test_the_part_itself_refuses_strangers(traders, trader, name, function):
    trade(traders, "long", 1)
    part = traders.parts["MarginVaultMembership"]
    with boa.reverts("kernel: internal"):
        by(name, getattr(part, function), *arguments(traders, trader)[function])


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("function", INTERNAL)
def test_the_vault_does_not_pass_it_on(traders, trader, name, function):
    """Not even after a fill has opened the door for a moment: that flag is transient."""
    trade(traders, "long", 1)
    before = ledger(traders)
    part = traders.parts["MarginVaultMembership"]
    data = getattr(part, function).prepare_calldata(*arguments(traders, trader)[function])
    result = boa.env.execute_code(to_address=traders.vault.address, sender=actor(name), data=data)
    assert result.is_error
    assert ledger(traders) == before
