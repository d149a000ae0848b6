"""The auction of bankruptcy inventory: from mark down over its length, at the cushion's cost and nobody else's."""

import boa
import pytest

from tests.kernel import SOCIALISED, WAD, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene, fresh


def stock(scene: Scene, against: float | str = 5.5, margin: float = 60) -> int:
    """Inventory of 10 from a loser; its mark."""
    loser = scene.bankrupt(scene.account("winner", 5000), 10, margin)
    mark = scene.move(against)
    scene.kernel.absorb(loser)
    return mark


def limit(scene: Scene) -> int:
    """The worst price there is for a buyer."""
    return 2**200 if scene.side > 0 else 0


def test_sale_at_the_start_is_at_mark(scene):
    """No discount yet: the buyer pays mark, the whole cushion becomes surplus of the liquidation."""
    mark = stock(scene)
    cushion = scene.kernel.inventory().equity
    buyer = scene.account("buyer", 1000)
    assert scene.kernel.buy_inventory(buyer) == scene.side * wad(10)
    logs = scene.logs()
    assert logs == [
        ("SurplusTaken", 0, cushion),
        ("InventoryChanged", 0, 0, 0, 0, 0, 0, 0),
        scene.position_changed(buyer, scene.side * wad(10), mark),
        ("InventorySold", 0, buyer, scene.side * wad(10), mark, 0),
    ]
    p = scene.kernel.position(buyer)
    assert (p.size, p.notional) == (scene.side * wad(10), scene.side * 10 * mark)
    assert scene.vault.fee_state().liquidation == cushion
    assert scene.kernel.inventory().auction_start == 0
    scene.kernel.assert_conserved()


def test_sale_conserves_with_any_token(any_decimals):
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(any_decimals, side)
            stock(scene)
            wait(300)
            scene.kernel.buy_inventory(scene.account("buyer", 1000), wad("3.3"))
            scene.kernel.assert_conserved()


@pytest.mark.parametrize(("seconds", "of_600"), [(0, 0), (60, 60), (300, 300), (600, 600), (601, 600)])
def test_discount_rises_to_its_maximum(scene, seconds, of_600):
    """2 % over 600 s, of what is bought; a unit of 1 leaves the cushion untouched by the cap."""
    mark = stock(scene)
    if seconds > 600:
        scene.move("5.5", seconds=seconds)
    else:
        wait(seconds)
    cushion = scene.kernel.inventory().equity
    buyer = scene.account("buyer", 1000)
    discount = mark * (wad("0.02") * of_600 // 600) // WAD
    assert discount < cushion
    scene.kernel.buy_inventory(buyer, WAD)
    sold = scene.logs()[-1]
    price = mark - scene.side * discount
    assert sold == ("InventorySold", 0, buyer, scene.side * WAD, price, discount)
    assert scene.kernel.position(buyer).notional == scene.side * price
    assert scene.kernel.inventory().equity == cushion - discount
    assert scene.equity(buyer) == wad(1000) + discount
    scene.kernel.assert_conserved()


def test_discount_never_exceeds_the_cushion(scene):
    """2 % of all would be four times what is left: the buyer gets the cushion, and the inventory is worth 0."""
    mark = stock(scene)
    wait(600)
    cushion = scene.kernel.inventory().equity
    buyer = scene.account("buyer", 1000)
    scene.kernel.buy_inventory(buyer)
    assert scene.logs()[-1][5] == cushion
    assert scene.equity(buyer) == wad(1000) + cushion
    assert scene.vault.claim_count() == 0
    assert scene.vault.fee_state().liquidation == 0
    assert abs(scene.kernel.position(buyer).notional) == 10 * mark - scene.side * cushion
    scene.kernel.assert_conserved()


def test_inventory_below_zero_is_sold_at_mark_whatever_the_time(scene):
    """Its price never makes the deficit larger; the claim stays as it is."""
    mark = stock(scene, against=10)
    wait(600)
    buyer = scene.account("buyer", 1000)
    scene.kernel.buy_inventory(buyer)
    assert scene.logs() == [
        ("InventoryChanged", 0, 0, 0, -wad(40), wad(40), 0, 0),
        scene.position_changed(buyer, scene.side * wad(10), mark),
        ("InventorySold", 0, buyer, scene.side * wad(10), mark, 0),
    ]
    assert scene.kernel.inventory().equity == -wad(40)
    scene.kernel.assert_conserved()


def test_deficit_without_inventory_is_paid_by_a_round(scene):
    """What was sold is gone; what lacks is still the market's."""
    stock(scene, against=10)
    scene.kernel.buy_inventory(scene.account("buyer", 1000))
    scene.kernel.charge_round()
    assert scene.kernel.claims()[0].socialised == wad(40)
    assert SOCIALISED == 3
    scene.kernel.assert_conserved()


def test_addition_does_not_reset_the_clock(scene):
    second = scene.bankrupt(scene.account("winner", 5000), 10, 60, name="second")
    stock(scene)
    start = scene.kernel.inventory().auction_start
    wait(300)
    scene.kernel.absorb(second)
    scene.kernel.buy_inventory(scene.account("buyer", 1000), wad(4))
    assert scene.kernel.inventory().auction_start == start
    assert scene.kernel.inventory().size == scene.side * wad(16)
    scene.kernel.assert_conserved()


def test_clock_starts_again_after_the_inventory_was_empty(scene):
    stock(scene)
    wait(300)
    scene.kernel.buy_inventory(scene.account("buyer", 1000))
    scene.move(0)
    loser = scene.bankrupt(scene.account("winner", 100), 10, 60, name="second")
    mark = scene.move("5.5")
    scene.kernel.absorb(loser)
    assert scene.kernel.inventory().auction_start == boa.env.timestamp
    scene.kernel.buy_inventory(scene.account("second buyer", 1000))
    assert scene.logs()[-1][4] == mark
    scene.kernel.assert_conserved()


def test_opposite_holder_closes_against_the_inventory(scene):
    """The winner takes the other end of his own position: both are gone."""
    stock(scene)
    winner = scene.account("winner", "0.000001")
    before = scene.equity(winner)
    scene.kernel.buy_inventory(winner)
    assert scene.kernel.position(winner).size == 0
    assert scene.equity(winner) == before
    assert scene.kernel.inventory().size == 0
    scene.kernel.assert_conserved()


def test_price_that_came_back_pays_the_claim_before_the_sale(scene):
    stock(scene, against=10)
    scene.move("5.8")
    claim = scene.kernel.claims()[0]
    assert (claim.recovered, claim.outstanding) == (wad(40), 0)
    scene.kernel.buy_inventory(scene.account("buyer", 1000))
    discount = scene.logs()[-1][5]
    assert discount > 0
    assert scene.vault.fee_state().liquidation + discount == wad(2)
    scene.kernel.assert_conserved()


def test_limit_price(scene):
    """At the price itself it passes; one wei worse for the buyer, and it does not."""
    mark = stock(scene)
    wait(300)
    buyer = scene.account("buyer", 1000)
    price = mark - scene.side * (mark * wad("0.01") // WAD)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: past limit price"):
        scene.vault.buy_inventory(0, buyer, WAD, price - scene.side)
    assert scene.snapshot() == before
    with boa.env.prank(actor("engine")):
        assert scene.vault.buy_inventory(0, buyer, WAD, price) == scene.side * WAD
    scene.kernel.assert_conserved()


def test_buyer_needs_initial_margin(scene):
    stock(scene)
    buyer = scene.account("buyer", 40)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: below initial margin"):
        scene.vault.buy_inventory(0, buyer, wad(10), limit(scene))
    assert scene.snapshot() == before


def test_nothing_to_sell_reverts(scene):
    buyer = scene.account("buyer", 1000)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: no inventory"):
        scene.vault.buy_inventory(0, buyer, wad(10), limit(scene))
    assert scene.snapshot() == before


def test_buying_nothing_reverts(scene):
    stock(scene)
    buyer = scene.account("buyer", 1000)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: no inventory"):
        scene.vault.buy_inventory(0, buyer, 0, limit(scene))
    assert scene.snapshot() == before


@pytest.mark.parametrize("age", [600, 601])
def test_sale_needs_a_fresh_mark(scene, age):
    stock(scene)
    buyer = scene.account("buyer", 1000)
    wait(age)
    if age == 600:
        scene.kernel.buy_inventory(buyer)
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("market: stale mark"):
        scene.vault.buy_inventory(0, buyer, wad(10), limit(scene))
    assert scene.snapshot() == before


def test_sale_only_by_the_liquidation_engine(scene):
    stock(scene)
    buyer = scene.account("buyer", 1000)
    before = scene.snapshot()
    with boa.env.prank(actor("attacker")), boa.reverts("vault: not liquidation engine"):
        scene.vault.buy_inventory(0, buyer, wad(10), limit(scene))
    assert scene.snapshot() == before


def test_sale_refuses_a_direct_call(shared_kernel):
    part = shared_kernel.parts["MarginVaultAuction"]
    with boa.env.prank(actor("engine")), boa.reverts("kernel: direct call"):
        part.buy_inventory(0, 1, 1, 1)


def test_sale_of_an_unknown_market_reverts(scene):
    buyer = scene.account("buyer", 1000)
    with boa.env.prank(actor("engine")), boa.reverts("market: unknown"):
        scene.vault.buy_inventory(3, buyer, wad(10), 0)


def test_sale_in_pieces_never_discounts_more_than_the_cushion(scene):
    """INV-14: ten purchases together get no more than one."""
    stock(scene)
    wait(600)
    cushion = scene.kernel.inventory().equity
    buyer = scene.account("buyer", 1000)
    for _ in range(10):
        scene.kernel.buy_inventory(buyer, WAD)
        assert scene.kernel.inventory().equity >= 0
    assert 0 <= wad(1000) + cushion - scene.equity(buyer) <= 10
    assert scene.kernel.inventory().size == 0
    scene.kernel.assert_conserved()
