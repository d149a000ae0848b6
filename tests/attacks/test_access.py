"""Attacks by calling what one should not: every entry of the kernel, and what no source may rely on."""

import boa
import pytest

from tests.kernel import account_of, union_abi
from tests.meta.sources import SOURCES
from tests.support import actor
from tests.unit.crisis.scene import Scene

# Anybody may, and nobody is harmed; or it acts on the caller's own account only.
OPEN = {
    "deposit",
    "deposit_at_ratio",
    "deposit_with_permit",
    "touch",
    "update_mark",
    "sync_cohort",
    "close_at_settlement",
    "pay_claims",
    "write_off",
    "recapitalise",
    "pay_uncovered",
    "collect_fees",
    "pay_surplus",
    "pay_treasury",
    "set_operator",
}
OWNER_OF_ACCOUNT, GOVERNANCE = "vault: not owner", "ownable: caller is not the owner"
ENGINE, ALLOCATOR = "vault: not liquidation engine", "vault: not loss allocator"
REFUSALS = {
    "withdraw": OWNER_OF_ACCOUNT,
    "transfer": OWNER_OF_ACCOUNT,
    "accept_exchange": OWNER_OF_ACCOUNT,
    "set_leverage_class": "vault: not owner or operator",
    "fill": "vault: not exchange",
    "close_with_orders": "vault: not exchange",
    "pay_builder": "vault: not exchange",
    "take_over": ENGINE,
    "buy_inventory": ENGINE,
    "absorb": ENGINE,
    "deleverage": ALLOCATOR,
    "close_at_mark": ALLOCATOR,
    "charge_round": ALLOCATOR,
    "charge_side": ALLOCATOR,
    "add_market": GOVERNANCE,
    "set_margin_config": GOVERNANCE,
    "set_liquidation_config": GOVERNANCE,
    "set_market_status": GOVERNANCE,
    "settle_market": GOVERNANCE,
    "set_role": GOVERNANCE,
    "set_funding_share": GOVERNANCE,
    "set_batch_seconds": GOVERNANCE,
    "set_risk_mode": GOVERNANCE,
    "set_paused": GOVERNANCE,
    "transfer_ownership": GOVERNANCE,
    "accept_ownership": "ownable_2step: caller is not the new owner",
}
WRITERS = {e["name"]: e for e in union_abi() if e["type"] == "function" and e["stateMutability"] != "view"}


def plausible(argument: dict) -> object:
    """A value of an ABI type that gets as far as the question who is asking."""
    kind, name = argument["type"], argument["name"]
    if kind.endswith("]"):
        count = kind[kind.rindex("[") + 1 : -1]
        return [plausible(argument | {"type": kind[: kind.rindex("[")]})] * int(count or 1)
    if kind == "tuple":
        return tuple(plausible(part) for part in argument["components"])
    if kind == "address":
        return actor("attacker")
    if kind == "bool":
        return True
    if name == "receiver":
        return account_of("attacker")
    if "account" in name or name == "sender":
        return account_of("victim")
    return 2 if name == "status" else 0


def test_p01_tables_cover_every_function_that_writes():
    """A new function must say who may call it before this passes."""
    assert set(WRITERS) == OPEN | set(REFUSALS)


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_p01_entry_refuses_a_stranger(scene: Scene, name):
    """One sibling without the check is all it takes: each is called by somebody without any role."""
    scene.account("victim", 1000)
    arguments = [plausible(argument) for argument in WRITERS[name]["inputs"]]
    before = scene.snapshot()
    with boa.env.prank(actor("attacker")), boa.reverts(REFUSALS[name]):
        getattr(scene.vault, name)(*arguments)
    assert scene.snapshot() == before


@pytest.mark.parametrize("role", ["exchange", "engine", "allocator", "guardian", "treasury"])
def test_p01_no_role_can_do_what_governance_does(scene: Scene, role):
    """Least privilege pairwise: whoever takes over a policy contract sets no parameter and no role."""
    for name in ("set_role", "set_risk_mode", "set_funding_share", "set_batch_seconds", "transfer_ownership"):
        arguments = [plausible(argument) for argument in WRITERS[name]["inputs"]]
        with boa.env.prank(actor(role)), boa.reverts(GOVERNANCE):
            getattr(scene.vault, name)(*arguments)
    with boa.env.prank(actor(role)), boa.reverts(OWNER_OF_ACCOUNT):
        scene.vault.withdraw(account_of("victim"), 1, actor(role), 0)


@pytest.mark.parametrize("role", ["engine", "allocator"])
def test_x13_hostile_policy_contract_takes_nothing_from_a_healthy_market(scene: Scene, role):
    """
    Engine and allocator in the attacker's hands: nobody unhealthy, no deficit, so there is nothing to choose.
    """
    a, b = scene.account("trader", 1000), scene.account("counterparty", 1000)
    thief = scene.account("attacker", 1000)
    scene.open(a, b, 10)
    before = scene.snapshot()
    calls = {
        "engine": [
            ("take_over", (a, 0, 2**110, thief, 2**200)),
            ("absorb", (a, thief)),
            ("buy_inventory", (0, thief, 1, 2**200)),
        ],
        "allocator": [
            ("deleverage", (0, 1)),
            ("close_at_mark", (0, 1)),
            ("charge_round", (0, 1)),
            ("charge_side", (0, 1)),
            ("write_off", (0, 1)),
        ],
    }
    for name, arguments in calls[role]:
        with boa.env.prank(actor(role)), boa.reverts():
            getattr(scene.vault, name)(*arguments)
    assert scene.snapshot() == before


@pytest.mark.parametrize(
    "word", ["tx.origin", "block.number", "selfdestruct", "create_from_blueprint", "raw_create"]
)
def test_p03_d03_no_source_relies_on(word):
    """
    Who sent the transaction, and in which block of which chain, is nobody's business; nothing deploys code.
    """
    code = {path.name: path.read_text() for path in SOURCES}
    assert [name for name, text in code.items() if word in text] == []
