"""Pending rounds of a generation, applied and stored by anyone, in pieces."""

from decimal import Decimal

import boa
import pytest

from tests.kernel import wad
from tests.support import actor
from tests.unit.crisis.scene import Scene


def charged(scene: Scene, rounds: int) -> int:
    """A winner whose generation has so many pending rounds; nobody has read it since."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.open(scene.account("bystander", 5000), winner, 10)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    for n in range(1, rounds):
        # the inventory of 10 loses a little more each time, beyond 1 % of what is reachable
        scene.move(10 + Decimal(n) / 4, seconds=1)
        scene.kernel.charge_round()
    return winner


def rounds_seen(scene: Scene, key: int) -> int:
    return scene.vault.cohort_words(key)[0] >> 224 & (2**24 - 1)


def test_sync_changes_nobodys_figures(scene):
    winner = charged(scene, 3)
    before = tuple(scene.kernel.position(winner)), scene.equity(winner)
    key = scene.kernel.position(winner).key
    assert rounds_seen(scene, key) == 0
    with boa.env.prank(actor("attacker")):
        scene.vault.sync_cohort(key, 64)
    assert scene.logs() == [("CohortSynced", key, 3)]
    assert rounds_seen(scene, key) == 3
    assert (tuple(scene.kernel.position(winner)), scene.equity(winner)) == before
    scene.kernel.assert_conserved()


def test_sync_in_pieces_ends_where_one_call_ends(scene):
    winner = charged(scene, 3)
    key = scene.kernel.position(winner).key
    with boa.env.anchor():
        scene.vault.sync_cohort(key, 64)
        whole = scene.vault.cohort_words(key)
    for n in range(1, 4):
        scene.vault.sync_cohort(key, 1)
        assert rounds_seen(scene, key) == n
        scene.kernel.assert_conserved()
    assert scene.vault.cohort_words(key) == whole


def test_sync_of_an_empty_generation_reverts(scene):
    winner = charged(scene, 1)
    key = scene.kernel.position(winner).key
    before = scene.snapshot()
    with boa.reverts("cohort: empty"):
        scene.vault.sync_cohort(key + 1, 64)
    assert scene.snapshot() == before


def test_sync_in_an_unknown_market_reverts(scene):
    with boa.reverts("market: unknown"):
        scene.vault.sync_cohort(3 << 23, 64)


def test_sync_refuses_a_direct_call(shared_kernel):
    with boa.reverts("kernel: direct call"):
        shared_kernel.parts["MarginVaultMembership"].sync_cohort(0, 64)


def test_after_64_pending_rounds_a_generation_must_be_synced(scene):
    """64 are applied on the way; one more and everybody who needs it says so, until anyone has synced it."""
    # the other side's winner entered before and is never read in between: the scan stops short of his tick
    winner = charged(scene, 2)
    key = scene.kernel.position(winner).key
    bystander = scene.kernel.accounts - {winner}
    losing = next(a for a in bystander if scene.kernel.position(a).size * scene.side > 0)
    losing_key = scene.kernel.position(losing).key
    for n in range(63):
        scene.vault.sync_cohort(key, 64)
        # what can be reached grows, and soon each loss is less than 1 % of it: a round every ten minutes
        scene.move(Decimal("10.25") + Decimal(n + 1) / 4, seconds=600)
        scene.kernel.charge_round()
    with boa.reverts("cohort: sync first"):
        scene.touch(losing)
    assert rounds_seen(scene, losing_key) == 0
    before = scene.equity(winner)
    scene.vault.sync_cohort(losing_key, 1)
    scene.touch(losing)
    assert scene.equity(winner) == before
    assert scene.equity(losing) == wad(5000) - 10 * abs(wad(100) - scene.vault.mark(0))
    # where nobody is there is nothing to catch up with
    newcomers = [scene.account(name, 1000) for name in ("newcomer", "other")]
    scene.open(*newcomers, 5)
    assert [rounds_seen(scene, scene.kernel.position(a).key) for a in newcomers] == [65, 65]
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("limit", [0])
def test_sync_of_no_rounds_changes_nothing(scene, limit):
    winner = charged(scene, 1)
    key = scene.kernel.position(winner).key
    before = scene.snapshot(), scene.vault.cohort_words(key)
    scene.vault.sync_cohort(key, limit)
    assert (scene.snapshot(), scene.vault.cohort_words(key)) == before
