"""LossAllocator: constructor, policies, and who may change them."""

from itertools import permutations, product

import boa
import pytest

from tests import support
from tests.unit.liquidation_engine.kernel import logged

NOBODY = "0x" + "00" * 20

ANYONE = {"resolve"}
GOVERNANCE = {"set_policy": (3, [1]), "transfer_ownership": ("0x" + "11" * 20,)}
NEW_OWNER = {"accept_ownership"}

DELEVERAGE, ROUND, CLOSE = 1, 2, 3
ORDERS = [order for length in (1, 2, 3) for order in permutations((DELEVERAGE, ROUND, CLOSE), length)]
VALID = [order for order in ORDERS if order != (CLOSE,)]
# Every list there is over no tier, the three tiers and two unknown ones, but the valid ones.
ERRORS = {(): "allocator: no loss tier", (CLOSE,): "allocator: no loss tier"}
for length in (1, 2, 3):
    for order in product((0, 1, 2, 3, 4), repeat=length):
        if order not in VALID and order not in ERRORS:
            known = next((i for i, tier in enumerate(order) if tier in (0, 4)), 9)
            twice = next((i for i, tier in enumerate(order) if tier in order[:i]), 9)
            ERRORS[order] = "allocator: unknown tier" if known <= twice else "allocator: duplicate tier"


def test_init_sets_owner_and_vault(system):
    assert system.allocator.owner() == system.governance
    assert system.allocator.vault() == system.kernel.address


def test_init_without_governance_reverts(system):
    with boa.reverts("allocator: zero governance"):
        support.deploy("LossAllocator.vy", NOBODY, system.kernel.address)


@pytest.mark.parametrize("vault", [NOBODY, "0x" + "11" * 20])
def test_init_vault_without_code_reverts(system, vault):
    with boa.reverts("allocator: vault has no code"):
        support.deploy("LossAllocator.vy", system.governance, vault)


def test_tiers_have_the_numbers_of_these_tests(system):
    allocator = system.allocator
    assert (allocator.DELEVERAGE(), allocator.ROUND(), allocator.CLOSE_AT_MARK()) == (
        DELEVERAGE,
        ROUND,
        CLOSE,
    )


@pytest.mark.parametrize("market", [0, 31, 2**256 - 1])
def test_default_policy_is_round_then_close(system, market):
    assert system.allocator.policy(market) == [ROUND, CLOSE]


@pytest.mark.parametrize("tiers", VALID)
def test_set_policy_stores_and_logs_old_and_new(system, tiers):
    system.allocator.set_policy(31, [DELEVERAGE], sender=system.governance)

    system.allocator.set_policy(31, tiers, sender=system.governance)

    assert logged(system.allocator) == [("PolicySet", 31, [DELEVERAGE], list(tiers))]
    assert system.allocator.policy(31) == list(tiers)
    assert system.allocator.policy(30) == [ROUND, CLOSE]


def test_first_set_policy_logs_the_default_as_old(system):
    system.allocator.set_policy(0, [DELEVERAGE, ROUND], sender=system.governance)

    assert logged(system.allocator) == [("PolicySet", 0, [ROUND, CLOSE], [DELEVERAGE, ROUND])]


def test_set_policy_invalid_list_reverts(system):
    """One test for all 139 lists: each reverts with its reason and changes nothing."""
    for tiers, what in ERRORS.items():
        with boa.reverts(what):
            system.allocator.set_policy(3, tiers, sender=system.governance)
    assert system.allocator.policy(3) == [ROUND, CLOSE]


@pytest.mark.parametrize("tier", [257, 2**255, 2**256 - 1])
def test_set_policy_tier_that_does_not_fit_reverts(system, tier):
    with boa.reverts("allocator: unknown tier"):
        system.allocator.set_policy(3, [tier], sender=system.governance)
    assert system.allocator.policy(3) == [ROUND, CLOSE]


@pytest.mark.parametrize("market", [32, 2**256 - 1])
def test_set_policy_of_no_market_reverts(system, market):
    with boa.reverts("allocator: unknown market"):
        system.allocator.set_policy(market, [ROUND], sender=system.governance)
    assert system.allocator.policy(market) == [ROUND, CLOSE]


def test_tables_cover_every_function(system):
    writing = {
        item["name"]
        for item in system.allocator.abi
        if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
    }
    assert writing == ANYONE | GOVERNANCE.keys() | NEW_OWNER
    assert all(item.get("stateMutability") != "payable" for item in system.allocator.abi)


@pytest.mark.parametrize("name", GOVERNANCE)
def test_stranger_reverts(system, attacker, name):
    with boa.reverts("ownable: caller is not the owner"):
        getattr(system.allocator, name)(*GOVERNANCE[name], sender=attacker)
    assert system.allocator.policy(3) == [ROUND, CLOSE]
    assert system.allocator.pending_owner() == NOBODY


def test_ownership_moves_in_two_steps(system, attacker):
    system.allocator.transfer_ownership(attacker, sender=system.governance)
    assert system.allocator.owner() == system.governance

    system.allocator.accept_ownership(sender=attacker)
    assert system.allocator.owner() == attacker


def test_accept_ownership_by_another_reverts(system, attacker):
    with boa.reverts("ownable_2step: caller is not the new owner"):
        system.allocator.accept_ownership(sender=attacker)
    assert system.allocator.owner() == system.governance


def test_ownership_cannot_be_renounced(system):
    assert "renounce_ownership" not in {item.get("name") for item in system.allocator.abi}
