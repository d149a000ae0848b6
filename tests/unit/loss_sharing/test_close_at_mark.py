"""
Inventory without a deficit is closed at mark against the best-ranked winners: it costs them the position,
no money.
"""

import boa
import pytest

from tests.kernel import RAY, WAD, account_of, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene, cohort_key


def crash(scene: Scene, winner_size: float = 10) -> int:
    """Inventory of 10 lacking 40, a round of 40 % on a winner of 10."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    if winner_size > 10:
        scene.open(scene.account("bystander", 5000), winner, winner_size - 10)
    scene.move(10)
    scene.kernel.absorb(loser)
    return winner


def test_close_after_a_round_costs_the_position_and_no_money(scene):
    winner = crash(scene)
    scene.kernel.charge_round()
    before = scene.equity(winner)
    done = scene.kernel.close_at_mark()
    logs = scene.logs()
    mark = scene.price(10)
    assert tuple(done) == (mark, wad(10), 0, 1, True)
    assert logs == [
        scene.cohort_closed(cohort_key(-scene.side, wad(100)), mark, wad(10), RAY),
        ("InventoryChanged", 0, 0, 0, 0, 0, 0, 0),
        ("Deleveraged", 0, mark, mark, wad(10), 0, 1, 0),
    ]
    p = scene.kernel.position(winner)
    assert (p.size, p.pot) == (0, wad(60))
    assert scene.equity(winner) == before == wad(5060)
    scene.kernel.assert_conserved()


def test_close_takes_the_better_rank_first(scene):
    """Two classes at one entry: 20x before 10x, and the second only in part."""
    first = scene.account("first", 5000, leverage_class=1)
    second = scene.account("second", 5000)
    loser = scene.bankrupt(first)
    scene.open(scene.account("bystander", 5000), second, 8)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    before = scene.equity(first), scene.equity(second)
    done = scene.kernel.close_at_mark()
    closed = [(log[2], log[4]) for log in scene.logs() if log[0] == "CohortClosed"]
    assert closed == [
        (cohort_key(-scene.side, wad(100), 0), wad(8)),
        (cohort_key(-scene.side, wad(100), 1), wad(2)),
    ]
    assert done.is_done
    assert scene.kernel.position(second).size == 0
    assert abs(scene.kernel.position(first).size) == wad(8)
    for account, equity in zip((first, second), before, strict=True):
        assert 0 <= equity - scene.equity(account) <= 4
    scene.kernel.assert_conserved()


def test_close_leaves_the_rest_when_nobody_else_is_in_profit(scene):
    """The winner is gone at mark; who holds the other side now is even, and keeps his position."""
    winner = crash(scene)
    scene.kernel.charge_round()
    scene.open(winner, scene.account("heir", 5000), 10)
    done = scene.kernel.close_at_mark()
    assert tuple(done) == (scene.price(10), 0, 0, 0, True)
    assert scene.kernel.inventory().size == scene.side * wad(10)
    scene.kernel.assert_conserved()


def test_close_needs_no_allowance_of_the_fund(scene):
    """It takes nothing, so it need not wait for anybody: here the price has come back by itself."""
    crash(scene)
    scene.with_fund(reserve=0)
    scene.move("5.5")
    claim = scene.kernel.claims()[0]
    assert (claim.recovered, claim.outstanding) == (wad(40), 0)
    done = scene.kernel.close_at_mark()
    assert (done.price, done.size, done.improvement) == (scene.price("5.5"), wad(10), 0)
    # 60 - 55: what the loser had left is surplus of the liquidation
    assert scene.vault.fee_state().surplus == wad(5)
    scene.kernel.assert_conserved()


def test_close_before_the_deficit_is_paid_reverts(scene):
    crash(scene)
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: deficit first"):
        scene.vault.close_at_mark(0, 10)
    assert scene.snapshot() == before


@pytest.mark.parametrize(("against", "is_dust"), [("6.001", True), ("6.0011", False)])
def test_close_with_a_deficit_of_dust(scene, against, is_dust):
    """At most 0.01 is lacking: it counts as nothing."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.move(against)
    scene.kernel.absorb(loser)
    if is_dust:
        scene.kernel.close_at_mark()
        assert scene.kernel.inventory().size == 0
        assert scene.kernel.inventory().outstanding == wad("0.01")
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: deficit first"):
        scene.vault.close_at_mark(0, 10)
    assert scene.snapshot() == before


def test_close_without_inventory_reverts(scene):
    crash(scene)
    scene.kernel.deleverage()
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: no inventory"):
        scene.vault.close_at_mark(0, 10)
    assert scene.snapshot() == before


def test_close_of_inventory_that_never_had_a_claim_reverts(scene):
    """Absorbed with a cushion: the auction sells it, nobody is closed."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.move("5.5")
    scene.kernel.absorb(loser)
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: no claim since empty"):
        scene.vault.close_at_mark(0, 10)
    assert scene.snapshot() == before


def test_close_counts_only_claims_since_the_inventory_was_empty(scene):
    """A claim of an earlier inventory does not open the tier for the next one."""
    winner = crash(scene, winner_size=20)
    scene.kernel.deleverage()
    scene.move(0)
    second = scene.bankrupt(winner, 5, 30, name="second loser")
    scene.move("5.5")
    scene.kernel.absorb(second)
    assert scene.kernel.inventory().outstanding == 0
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: no claim since empty"):
        scene.vault.close_at_mark(0, 10)
    assert scene.snapshot() == before


@pytest.mark.parametrize("cushion", ["5.5", -10], ids=["same side", "other side"])
def test_close_counts_claims_since_the_inventory_was_empty_whatever_came_later(scene, cushion):
    """What is added later makes the auction younger, or start anew, and the claim is no older for it."""
    book = scene.account("book", 5000)
    scene.bankrupt(scene.account("winner", 5000))
    later = scene.account("later", 60 if cushion == "5.5" else 215)
    if cushion == "5.5":
        scene.open(later, book, 10)
    else:
        scene.open(book, later, 20)
    scene.move("6.1")
    scene.kernel.absorb(account_of("loser"))
    start = boa.env.timestamp
    assert scene.kernel.inventory().outstanding == wad(1)
    scene.move(cushion)
    scene.kernel.absorb(later)
    changed = [log for log in scene.logs() if log[0] == "InventoryChanged"][-1]
    assert changed[6] > start
    assert changed[7] == start
    assert scene.kernel.inventory().outstanding == 0
    scene.kernel.close_at_mark()
    assert scene.kernel.inventory().size == 0
    scene.kernel.assert_conserved()


def test_close_only_by_the_loss_allocator(scene):
    crash(scene)
    scene.kernel.charge_round()
    before = scene.snapshot()
    with boa.env.prank(actor("attacker")), boa.reverts("vault: not loss allocator"):
        scene.vault.close_at_mark(0, 10)
    assert scene.snapshot() == before


def test_close_refuses_a_direct_call(shared_kernel):
    part = shared_kernel.parts["MarginVaultLossSharing"]
    with boa.env.prank(actor("allocator")), boa.reverts("kernel: direct call"):
        part.close_at_mark(0, 10)


@pytest.mark.parametrize("limit", [0, 4097])
def test_close_with_a_bad_step_count_reverts(scene, limit):
    crash(scene)
    scene.kernel.charge_round()
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: bad step count"):
        scene.vault.close_at_mark(0, limit)
    assert scene.snapshot() == before


def test_close_needs_a_fresh_mark(scene):
    crash(scene)
    scene.kernel.charge_round()
    wait(601)
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("market: stale mark"):
        scene.vault.close_at_mark(0, 10)
    assert scene.snapshot() == before


def test_round_and_close_at_one_mark_pay_like_adl(scene):
    """The default policy, round then close at mark, leaves a lone winner where ADL would have left him."""
    winner = crash(scene)
    with boa.env.anchor():
        scene.kernel.deleverage()
        by_queue = scene.equity(winner)
    scene.kernel.charge_round()
    scene.kernel.close_at_mark()
    assert scene.equity(winner) == by_queue
    assert abs(scene.vault.mark(0) - scene.price(10)) < WAD
    scene.kernel.assert_conserved()
