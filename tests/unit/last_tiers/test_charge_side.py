"""Where no profit is left, the positions opposite the loss pay, the same for each base, within a limit."""

from decimal import Decimal

import boa
import pytest

from tests.kernel import BTC, SIDE, WAD, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import LONG, MODE_ADL, NO_SIDE, Scene, fresh
from tests.unit.last_tiers.late import (
    LIMIT_RATE,
    WINDOW,
    events,
    late_loss,
    sell_inventory,
    two_in_profit,
    window_of,
)


def refused(scene: Scene, message: str, limit: int = 1000, name: str = "allocator") -> None:
    before = scene.snapshot()
    with boa.env.prank(actor(name)), boa.reverts(message):
        scene.vault.charge_side(BTC, limit)
    assert scene.snapshot() == before


def limit_at(scene: Scene) -> int:
    return scene.vault.mark(BTC) * LIMIT_RATE // WAD


def test_the_side_opposite_the_loss_pays_up_to_the_limit(scene):
    late = late_loss(scene)
    before = scene.equity(late.newcomer)
    charge = scene.kernel.charge_side()
    limit = limit_at(scene)
    charges = (0, limit) if scene.loss_side == LONG else (limit, 0)
    assert tuple(charge) == (late.claim, *charges, 10 * limit, 0)
    assert before - scene.equity(late.newcomer) == 10 * limit
    inventory = scene.kernel.inventory()
    assert inventory.outstanding == late.claim - 10 * limit
    assert 0 <= -inventory.equity - inventory.outstanding <= 1
    assert scene.kernel.claims()[0].side == 10 * limit
    assert window_of(scene) == (boa.env.timestamp, *charges)
    scene.kernel.assert_conserved()


def test_a_side_charge_leaves_its_receipt(scene):
    late = late_loss(scene)
    size = wad(10)
    scene.kernel.charge_side()
    logs, limit = scene.logs(), limit_at(scene)
    assert [log[0] for log in logs] == ["ClaimPaid", "SideCharged", "InventoryChanged"]
    assert logs[0] == ("ClaimPaid", 0, BTC, SIDE, 10 * limit, late.claim - 10 * limit)
    longs = (0, size) if scene.side > 0 else (size, 0)
    charges = (0, limit) if scene.side > 0 else (limit, 0)
    assert logs[1] == (
        "SideCharged",
        BTC,
        scene.vault.mark(BTC),
        late.claim,
        0,
        *longs,
        *charges,
        10 * limit,
        charges[0],
        -charges[1],
        scene.vault.side_window(BTC),
    )


def test_all_positions_of_the_side_pay_the_same_for_each_base(scene):
    late = late_loss(scene)
    buyer = sell_inventory(scene)
    others = [scene.account(f"other {n}", 500, leverage_class=n) for n in range(3)]
    for n, other in enumerate(others):
        scene.open(buyer, other, n + 2)
    before = [scene.equity(a) for a in (late.newcomer, *others, buyer)]
    scene.kernel.charge_side()
    limit = limit_at(scene)
    paid = [b - scene.equity(a) for a, b in zip((late.newcomer, *others, buyer), before, strict=True)]
    assert paid == [10 * limit, 2 * limit, 3 * limit, 4 * limit, 0]
    scene.kernel.assert_conserved()


def test_a_deficit_within_the_limit_is_paid_whole(scene):
    """Not more than it, but for less than a wei for each base."""
    late = late_loss(scene, against=7)
    assert late.claim == wad(10)
    before = scene.equity(late.newcomer)
    charge = scene.kernel.charge_side()
    assert wad(10) <= charge.collected < wad(10) + 10
    assert before - scene.equity(late.newcomer) == charge.collected
    assert scene.kernel.inventory().outstanding == 0
    assert scene.vault.claim_markets() == 0
    refused(scene, "crisis: no deficit")
    scene.kernel.assert_conserved()


def test_the_rest_waits_for_the_next_window(scene):
    late_loss(scene)
    scene.kernel.charge_side()
    first = scene.kernel.inventory().outstanding
    scene.move(20, seconds=300)
    refused(scene, "crisis: side charge waits")
    scene.move(20, seconds=WINDOW - 301)
    refused(scene, "crisis: side charge waits")
    scene.move(20, seconds=1)
    scene.kernel.charge_side()
    assert first - scene.kernel.inventory().outstanding == 10 * limit_at(scene)
    assert window_of(scene)[0] == boa.env.timestamp
    scene.kernel.assert_conserved()


def test_a_higher_mark_leaves_more_room_in_a_window(scene):
    """What was charged counts against the limit at the mark of the time."""
    late_loss(scene)
    scene.kernel.charge_side()
    charged = limit_at(scene)
    scene.kernel.set_price(Decimal(scene.vault.mark(BTC)) / WAD + Decimal("0.4"))
    charge = scene.kernel.charge_side()
    assert charge.long_charge + charge.short_charge == limit_at(scene) - charged == wad("0.005")
    assert sum(window_of(scene)[1:]) == limit_at(scene)
    scene.kernel.assert_conserved()


def test_a_lower_mark_leaves_none(scene):
    late_loss(scene)
    scene.kernel.charge_side()
    scene.kernel.set_price(Decimal(scene.vault.mark(BTC)) / WAD - Decimal("0.4"))
    refused(scene, "crisis: side charge waits")


def test_inventory_on_the_charged_side_is_left_out(scene):
    late = late_loss(scene)
    sell_inventory(scene)
    # somebody of the charged side is absorbed: his position is the inventory now
    small, other = scene.account("small", 30), scene.account("other side", 1000)
    scene.open(other, small, 5)
    scene.move("14.5")
    scene.kernel.absorb(small)
    inventory = scene.kernel.inventory()
    assert inventory.size == -scene.side * wad(5)
    profit = scene.vault.position_state(other, BTC).unrealised
    assert profit > 0
    scene.kernel.charge_round()
    before, cash = scene.equity(late.newcomer), inventory.size
    charge = scene.kernel.charge_side()
    sizes = events(scene, "SideCharged")[0][5:7]
    assert sizes == ((wad(15), wad(10)) if scene.side > 0 else (wad(10), wad(15)))
    paid = before - scene.equity(late.newcomer)
    assert abs(charge.collected - paid) <= 20
    assert scene.kernel.inventory().size == cash
    scene.kernel.assert_conserved()


def test_profit_pays_first(scene):
    """One cent of it keeps the side charge away, until a round has taken it."""
    late = late_loss(scene)
    # a whole tick from the mark
    scene.move(23)
    assert scene.vault.position_state(late.newcomer, BTC).unrealised == wad(30)
    refused(scene, "crisis: profit first")
    scene.kernel.charge_round()
    scene.kernel.charge_side()
    scene.kernel.assert_conserved()


def test_maturing_profit_pays_first(scene):
    late = late_loss(scene)
    scene.move(21)
    scene.open(late.newcomer, scene.account("next", 1000), 2)
    scene.move(20)
    assert scene.kernel.position(late.newcomer).maturing > 0
    refused(scene, "crisis: profit first")


def test_profit_of_at_most_the_dust_does_not_stand_in_the_way(scene):
    late = late_loss(scene)
    next_ = scene.account("next", 1000)
    scene.move("20.001")
    scene.open(late.newcomer, next_, 10)
    assert 0 < scene.kernel.position(late.newcomer).maturing <= wad("0.01")
    scene.kernel.charge_side()
    scene.kernel.assert_conserved()


def test_a_scan_that_is_not_finished_charges_nobody(scene):
    late = late_loss(scene)
    two_in_profit(scene)
    assert scene.kernel.position(late.newcomer).unrealised > 0
    refused(scene, "tiers: too few cohorts", limit=1)
    refused(scene, "crisis: profit first", limit=2)


@pytest.mark.parametrize("limit", [0, 4097])
def test_bad_numbers_of_cohorts_are_refused(scene, limit):
    late_loss(scene)
    refused(scene, "crisis: bad step count", limit=limit)


@pytest.mark.parametrize("name", ["attacker", "engine", "governance"])
def test_only_the_allocator_charges(scene, name):
    late_loss(scene)
    refused(scene, "vault: not loss allocator", name=name)


def test_a_stale_mark_charges_nobody(scene):
    late_loss(scene)
    wait(601)
    refused(scene, "market: stale mark")


def test_without_a_deficit_nobody_is_charged(scene):
    scene.bankrupt(scene.account("winner", 1000))
    refused(scene, "crisis: no deficit")


def test_while_the_fund_can_pay_nobody_is_charged(scene):
    late_loss(scene)
    scene.with_fund(reserve=1)
    refused(scene, "crisis: fund can pay")
    scene.set_mode(MODE_ADL)
    scene.kernel.charge_side()


def test_without_anybody_opposite_nobody_is_charged(scene):
    late = late_loss(scene)
    buyer = sell_inventory(scene)
    # the two close with each other
    scene.open(late.newcomer, buyer, 10)
    assert scene.kernel.position(late.newcomer).size == scene.kernel.position(buyer).size == 0
    refused(scene, "crisis: side charge waits")


def lose_all_profit(scene: Scene) -> tuple[int, int]:
    """
    An account without positions, that lived on profit of market 0 which a round took, is absorbed: 45 of no
    side. Others have 15 on the losers' opposite side, 5 on theirs; the inventory 10.
    """
    late = late_loss(scene)
    trader, other = scene.account("trader", 80), scene.account("other", 1000)
    scene.open(other, trader, 5)
    scene.move(0, market=1)
    scene.open(trader, scene.account("whale", 5000), 4, market=1)
    scene.move(30)
    scene.move("31.25", market=1)
    scene.open(trader, scene.account("next", 1000), 5)
    scene.open(scene.account("buyer", 1000), trader, 4, market=1)
    assert scene.equity(trader) == wad(5)
    scene.kernel.charge_round()
    assert scene.equity(trader) == wad(-45)
    scene.kernel.absorb(trader)
    return late.newcomer, other


def test_a_loss_of_no_side_is_borne_by_both(scene):
    """The same for each base of both, as far as the limit goes."""
    newcomer, other = lose_all_profit(scene)
    claim = scene.kernel.claims()[-1]
    assert (claim.loss_side, claim.outstanding) == (NO_SIDE, wad(45))
    # older claims are paid by the fund
    older = scene.kernel.inventory().outstanding - wad(45)
    scene.with_fund(reserve=Decimal(older) / WAD)
    scene.vault.pay_claims(BTC)
    before = scene.equity(newcomer), scene.equity(other)
    charge = scene.kernel.charge_side()
    limit = limit_at(scene)
    assert charge.long_charge == charge.short_charge == limit
    assert charge.collected == 20 * limit
    assert before == (scene.equity(newcomer) + 10 * limit, scene.equity(other) + 5 * limit)
    assert scene.kernel.claims()[-1].side == 20 * limit
    scene.kernel.assert_conserved()


def test_the_oldest_claim_is_charged_for_first(scene):
    """A claim of another side waits until those before it are paid, so that each side pays its own."""
    lose_all_profit(scene)
    charge = scene.kernel.charge_side()
    limit = limit_at(scene)
    charges = (0, limit) if scene.side > 0 else (limit, 0)
    assert (charge.long_charge, charge.short_charge) == charges
    # the trader's loss, of no side, is the last of them
    assert scene.kernel.claims()[-1].side == 0
    assert charge.collected == sum(c.side for c in scene.kernel.claims()) > 0
    scene.kernel.assert_conserved()


def test_charges_add_up_with_any_token(any_decimals):
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(any_decimals, side)
            late_loss(scene, size="9.999999999999999999", margin="59.999999")
            scene.kernel.charge_side()
            scene.kernel.assert_conserved()


def test_a_part_refuses_a_direct_call(shared_kernel):
    part = shared_kernel.parts["MarginVaultLastTiers"]
    with boa.env.prank(actor("allocator")), boa.reverts("kernel: direct call"):
        part.charge_side(BTC, 10)
