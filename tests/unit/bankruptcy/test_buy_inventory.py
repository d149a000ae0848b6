"""
The auction of bankruptcy inventory: from mark down over its length, at the cushion's cost and nobody
else's.
"""

import boa
import pytest

from tests.kernel import SOCIALISED, WAD, account_of, margin_config, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene, ceil_div, fresh


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
    assert scene.vault.fee_state().surplus == cushion
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


@pytest.mark.parametrize("cap", [0, 2000])
def test_who_closes_his_position_with_it_is_not_judged_by_the_caps_of_this_market(scene, cap):
    """He holds more in another market than the cap is here."""
    stock(scene)
    winner = account_of("winner")
    scene.open(scene.account("other", 5000), winner, 30, market=1)
    with scene.as_governance():
        scene.vault.set_margin_config(0, tuple(margin_config(position_cap_quote=wad(cap)).values()))
    assert scene.kernel.buy_inventory(winner) == scene.side * wad(10)
    assert scene.kernel.position(winner).size == 0


@pytest.mark.parametrize(("seconds", "of_600"), [(0, 0), (60, 60), (300, 300), (600, 600), (601, 600)])
def test_discount_rises_to_its_maximum(scene, seconds, of_600):
    """2 % over 600 s, of what is bought; 1.1 units leave the cushion untouched by the cap."""
    mark = stock(scene)
    if seconds > 600:
        scene.move("5.5", seconds=seconds)
    else:
        wait(seconds)
    cushion = scene.kernel.inventory().equity
    buyer = scene.account("buyer", 1000)
    size = wad("1.1")
    discount = size * mark // WAD * (wad("0.02") * of_600 // 600) // WAD
    assert discount < cushion
    scene.kernel.buy_inventory(buyer, size)
    sold = scene.logs()[-1]
    cost = scene.side * (size * mark // WAD) - discount
    assert sold == ("InventorySold", 0, buyer, scene.side * size, abs(cost) * WAD // size, discount)
    assert scene.kernel.position(buyer).notional == cost
    assert scene.kernel.inventory().equity == cushion - discount
    assert scene.equity(buyer) == wad(1000) + discount
    scene.kernel.assert_conserved()


def test_discount_never_exceeds_the_cushion(scene):
    """
    2 % of all would be four times what is left: the buyer gets the cushion, and the inventory is worth 0.
    """
    mark = stock(scene)
    wait(600)
    cushion = scene.kernel.inventory().equity
    buyer = scene.account("buyer", 1000)
    scene.kernel.buy_inventory(buyer)
    assert scene.logs()[-1][5] == cushion
    assert scene.equity(buyer) == wad(1000) + cushion
    assert scene.vault.claim_count() == 0
    assert scene.vault.fee_state().surplus == 0
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


def times(scene: Scene) -> tuple[int, int]:
    """When the auction counts as started, and since when there has been an inventory, as last logged."""
    changed = [log for log in scene.logs() if log[0] == "InventoryChanged"][-1]
    assert changed[6] == scene.kernel.inventory().auction_start
    return changed[6:]


def test_first_part_starts_the_auction(scene):
    stock(scene)
    assert times(scene) == (boa.env.timestamp, boa.env.timestamp)


@pytest.mark.parametrize(("seconds", "younger"), [(0, 0), (1, 1), (300, 150), (301, 151), (600, 300)])
def test_addition_of_equal_size_makes_the_auction_half_as_old(scene, seconds, younger):
    """Each part's time, weighted by size, rounded up: later."""
    second = scene.bankrupt(scene.account("winner", 5000), 10, 60, name="second")
    mark = stock(scene)
    start = boa.env.timestamp
    wait(seconds)
    scene.kernel.absorb(second)
    assert times(scene) == (start + younger, start)
    size = wad("1.1")
    discount = size * mark // WAD * (wad("0.02") * (seconds - younger) // 600) // WAD
    scene.kernel.buy_inventory(scene.account("buyer", 1000), size)
    assert scene.logs()[-1][5] == discount
    scene.kernel.assert_conserved()


def test_crumb_does_not_make_the_rest_young(scene):
    """1 added to 1,000 after 599 s: 0.6 s younger, rounded up."""
    crumb = scene.bankrupt(scene.account("winner", 50_000), 1, 6, name="crumb")
    loser = scene.bankrupt(scene.account("winner", "0.000001"), 1000, 6000)
    scene.move("5.5")
    scene.kernel.absorb(loser)
    start = boa.env.timestamp
    wait(599)
    scene.kernel.absorb(crumb)
    assert times(scene) == (start + 1, start)


def test_crumb_does_not_make_what_comes_next_old(scene):
    """Attack X21: 1,000 added to 1 after 599 s: as if all had come now."""
    crumb = scene.bankrupt(scene.account("winner", 50_000), 1, 6, name="crumb")
    loser = scene.bankrupt(scene.account("winner", "0.000001"), 1000, 6000)
    mark = scene.move("5.5")
    scene.kernel.absorb(crumb)
    start = boa.env.timestamp
    wait(599)
    scene.kernel.absorb(loser)
    assert times(scene) == (start + 599, start)
    scene.kernel.buy_inventory(scene.account("buyer", 50_000))
    assert scene.logs()[-1][4:] == (mark, 0)
    scene.kernel.assert_conserved()


def test_sale_of_a_part_leaves_the_clock(scene):
    stock(scene)
    start = boa.env.timestamp
    for _ in range(3):
        wait(100)
        scene.kernel.buy_inventory(scene.account("buyer", 1000), wad(2))
        assert times(scene) == (start, start)
    scene.kernel.assert_conserved()


def opposite_stock(scene: Scene, size: float) -> int:
    """Take in an account of the other side: the mark goes as far the other way; when that was."""
    opposite = scene.account("opposite", 6 * size)
    scene.open(scene.account("bystander", 50_000), opposite, size)
    stock(scene)
    start = boa.env.timestamp
    scene.move("0", seconds=150)
    scene.move("-5.5", seconds=150)
    scene.kernel.absorb(opposite)
    return start


def test_part_of_the_other_side_that_makes_it_smaller_leaves_the_clock(scene):
    start = opposite_stock(scene, 4)
    assert times(scene) == (start, start)
    assert scene.kernel.inventory().size == scene.side * wad(6)
    scene.kernel.assert_conserved()


def test_inventory_that_changes_sides_starts_its_auction_anew(scene):
    """All of it has come now; and at no time was it empty."""
    start = opposite_stock(scene, 25)
    assert times(scene) == (boa.env.timestamp, start)
    assert scene.kernel.inventory().size == -scene.side * wad(15)
    scene.kernel.assert_conserved()


def test_clock_starts_again_after_the_inventory_was_empty(scene):
    stock(scene)
    wait(300)
    scene.kernel.buy_inventory(scene.account("buyer", 1000))
    scene.move(0)
    loser = scene.bankrupt(scene.account("winner", 100), 10, 60, name="second")
    mark = scene.move("5.5")
    scene.kernel.absorb(loser)
    assert times(scene) == (boa.env.timestamp, boa.env.timestamp)
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
    assert scene.vault.fee_state().surplus + discount == wad(2)
    scene.kernel.assert_conserved()


def test_limit_price(scene):
    """At the price itself it passes; one wei worse for the buyer, and it does not."""
    mark = stock(scene)
    wait(300)
    buyer, size = scene.account("buyer", 1000), wad(2)
    price = mark - scene.side * (mark * wad("0.01") // WAD)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: past limit price"):
        scene.vault.buy_inventory(0, buyer, size, price - scene.side)
    assert scene.snapshot() == before
    with boa.env.prank(actor("engine")):
        assert scene.vault.buy_inventory(0, buyer, size, price) == scene.side * size
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
    """INV-14: nine purchases together get no more than one."""
    stock(scene)
    wait(600)
    cushion = scene.kernel.inventory().equity
    buyer = scene.account("buyer", 1000)
    for _ in range(9):
        scene.kernel.buy_inventory(buyer, ceil_div(wad(10), 9))
        assert scene.kernel.inventory().equity >= 0
    assert 0 <= wad(1000) + cushion - scene.equity(buyer) <= 9
    assert scene.kernel.inventory().size == 0
    scene.kernel.assert_conserved()


# --- how little may be bought -------------------------------------------------------------------------------


def least(mark: int) -> int:
    """The smallest size worth 100 at a mark."""
    return ceil_div(wad(100) * WAD, mark)


def test_least_purchase_to_the_wei(scene):
    mark = stock(scene)
    buyer = scene.account("buyer", 1000)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: below minimum size"):
        scene.vault.buy_inventory(0, buyer, least(mark) - 1, limit(scene))
    assert scene.snapshot() == before
    scene.kernel.buy_inventory(buyer, least(mark))
    assert scene.kernel.position(buyer).size == scene.side * least(mark)
    scene.kernel.assert_conserved()


def test_who_holds_enough_may_add_a_wei(scene):
    """It is what he has afterwards that counts."""
    mark = stock(scene)
    buyer = scene.account("buyer", 1000)
    scene.kernel.buy_inventory(buyer, least(mark))
    scene.kernel.buy_inventory(buyer, 1)
    assert scene.kernel.position(buyer).size == scene.side * (least(mark) + 1)
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("missing", [0, 1])
def test_rest_that_is_small_is_bought_whole_or_not_at_all(scene, missing):
    stock(scene)
    rest = wad("0.5")
    scene.kernel.buy_inventory(scene.account("buyer", 1000), wad(10) - rest)
    second = scene.account("second buyer", 100)
    if missing:
        before = scene.snapshot()
        with boa.env.prank(actor("engine")), boa.reverts("margin: below minimum size"):
            scene.vault.buy_inventory(0, second, rest - 1, limit(scene))
        assert scene.snapshot() == before
        return
    scene.kernel.buy_inventory(second, rest)
    assert scene.kernel.position(second).size == scene.side * rest
    assert scene.kernel.inventory().size == 0
    scene.kernel.assert_conserved()


def test_buyer_who_closes_a_part_may_not_keep_less_than_the_least(scene):
    """He held 2 on the other side: closing all is welcome, and so is leaving the least."""
    holder = scene.account("holder", 1000)
    scene.open(scene.account("bystander", 1000), holder, 2)
    mark = stock(scene)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: below minimum size"):
        scene.vault.buy_inventory(0, holder, wad(2) - least(mark) + 1, limit(scene))
    assert scene.snapshot() == before
    with boa.env.anchor():
        scene.kernel.buy_inventory(holder, wad(2) - least(mark))
        assert scene.kernel.position(holder).size == -scene.side * least(mark)
        scene.kernel.assert_conserved()
    scene.kernel.buy_inventory(holder, wad(2))
    assert scene.kernel.position(holder).size == 0
    scene.kernel.assert_conserved()


# --- profit that would be hidden ----------------------------------------------------------------------------


def test_purchase_into_the_marks_tick_books_the_profit(scene):
    """Attack X18: who holds 2 of that side at a better price buys 10 at mark; his entry is near it now."""
    early = scene.account("early", 5000)
    scene.move("8.5")
    scene.open(early, scene.account("bystander", 5000), 2)
    scene.move(0)
    mark = stock(scene)
    held = scene.kernel.position(early)
    assert (held.unrealised, held.maturing) == (wad(6), 0)
    before = scene.equity(early)
    scene.kernel.buy_inventory(early)
    logs = scene.logs()
    assert logs[2:] == [
        scene.maturing_changed(early),
        scene.position_changed(early, scene.side * wad(10), mark, realised=wad(6)),
        ("InventorySold", 0, early, scene.side * wad(10), mark, 0),
    ]
    p = scene.kernel.position(early)
    assert (p.size, p.notional) == (scene.side * wad(12), scene.side * 12 * mark)
    assert (p.unrealised, p.maturing) == (0, wad(6))
    assert scene.equity(early) == before
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("late", "is_refused"), [(0, False), (1, True)])
def test_who_buys_needs_as_young_a_mark_as_for_any_opening(scene, late, is_refused):
    """Or whoever sees the price move buys what the bankruptcy account has at the price before."""
    loser = scene.bankrupt(scene.account("winner", 5000))
    scene.move("5.5")
    scene.kernel.absorb(loser)
    with scene.as_governance():
        scene.vault.set_margin_config(0, tuple(margin_config(max_opening_age=30).values()))
    boa.env.timestamp += 30 + late
    buyer = scene.account("buyer", 5000)
    if is_refused:
        with boa.reverts("margin: stale mark"):
            scene.kernel.buy_inventory(buyer)
    else:
        scene.kernel.buy_inventory(buyer)
    scene.kernel.assert_conserved()
