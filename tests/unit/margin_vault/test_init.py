"""The kernel's constructors: parts that were made for each other, or none."""

import boa
import pytest

from lastline.abi import WIRING
from tests.kernel import PARTS, ROLES, Kernel, wad
from tests.support import actor, deploy
from tests.unit.margin_vault.actions import new_kernel

NOBODY = "0x" + "00" * 20


@pytest.fixture(scope="module")
def other() -> Kernel:
    """A kernel for another collateral."""
    return new_kernel(6)


def construct(part: str, token: object, parts: list[object], owner: str = "governance") -> object:
    tail = [actor(owner)] if part == "MarginVault" else []
    return deploy(f"{part}.vy", token, *parts, *tail)


@pytest.mark.parametrize("part", WIRING)
def test_a_part_takes_no_collateral_of_more_than_18_decimals(kernel, part):
    token = deploy("mocks/MockERC20.vy", 19)
    parts = [kernel.parts[name] for name in WIRING[part]]
    with boa.reverts("kernel: decimals"):
        construct(part, token, parts)


@pytest.mark.parametrize(("part", "place"), [(p, n) for p in WIRING for n in range(len(WIRING[p]))])
def test_a_part_takes_no_part_of_another_kernel(kernel, other, part, place):
    parts = [kernel.parts[name] for name in WIRING[part]]
    parts[place] = other.parts[WIRING[part][place]]
    with boa.reverts("kernel: other configuration"):
        construct(part, kernel.token, parts)


@pytest.mark.parametrize("part", PARTS[:-1])
def test_parts_of_one_kernel_agree_on_their_configuration(kernel, other, part):
    first = kernel.parts["MarginVaultConsole"].config_hash()
    assert kernel.parts[part].config_hash() == first
    assert other.parts[part].config_hash() != first


def test_the_vault_needs_an_owner(kernel):
    parts = [kernel.parts[name] for name in WIRING["MarginVault"]]
    with boa.reverts("vault: zero owner"):
        deploy("MarginVault.vy", kernel.token, *parts, NOBODY)


def test_a_part_has_no_owner(kernel):
    """Its own storage is never used; nobody could set anything there."""
    console = kernel.parts["MarginVaultConsole"]
    assert console.owner() == console.pending_owner() == NOBODY


def test_a_new_vault_is_open_normal_and_empty(kernel):
    parts = [kernel.parts[name] for name in WIRING["MarginVault"]]
    address = construct("MarginVault", kernel.token, parts).address
    vault = kernel.vault.deployer.at(address)
    assert (vault.owner(), vault.pending_owner()) == (actor("governance"), NOBODY)
    assert vault.token() == kernel.token.address
    assert vault.exchange_word() == 1_000 << 184
    assert vault.settings() == (0, 3_600, 0)
    assert (vault.market_count(), vault.claim_count()) == (0, 0)
    assert {vault.role_holder(1 << n) for n in range(7)} == {NOBODY}
    assert set(vault.fee_state()) == {0}


def test_roles_and_scale_are_as_the_driver_set_them(kernel):
    for name, role in ROLES.items():
        assert kernel.vault.role_holder(role) == actor(name)
    assert kernel.scale * 10 ** kernel.token.decimals() == wad(1)
