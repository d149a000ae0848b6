"""Absorption: an account beyond liquidation moves, whole, into the bankruptcy accounts of its markets."""

from decimal import Decimal

import boa
import pytest

from tests.kernel import WAD, account_of, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import MODE_HALTED, NO_SIDE, Scene, fresh


def open_loser(scene: Scene, margin: float = 60, size: float = 10) -> int:
    return scene.bankrupt(scene.account("winner", 5000), size, margin)


def assert_empty(scene: Scene, account: int) -> None:
    state = scene.kernel.state(account)
    assert (state.cash, state.maturing, state.equity) == (0, 0, 0)
    assert all(scene.vault.position_word(account, m) == 0 for m in range(3))


def test_absorb_below_zero_files_a_claim(scene):
    """E = 60 - 100 = -40: the position goes in at mark, what lacks becomes a claim, nobody is paid."""
    loser = open_loser(scene)
    mark = scene.move(10)
    assert scene.kernel.absorb(loser) == -wad(40)
    logs = scene.logs()
    size, worth = scene.side * wad(10), scene.side * 10 * mark
    maintenance = 10 * mark // 40
    keeper = account_of("keeper")
    assert logs == [
        # the one position there, and its loss, taken out of cash
        ("PositionChanged", loser, 0, -size, mark, -wad(100), 0, *logs[0][7:]),
        ("AccountAbsorbed", loser, keeper, -wad(40), maintenance, 0, scene.vault.account_word(keeper)),
        ("ClaimFiled", 0, 0, loser, scene.loss_side, wad(40), wad(40)),
        ("InventoryChanged", 0, size, worth, -wad(40), wad(40), *[boa.env.timestamp] * 2),
        ("PartAbsorbed", loser, 0, size, mark, -wad(40), False),
    ]
    assert logs[0][8] == 0
    assert_empty(scene, loser)
    inventory = scene.kernel.inventory()
    assert tuple(inventory)[:5] == (size, worth, -wad(40), -wad(40), wad(40))
    assert inventory.auction_start == boa.env.timestamp
    claim = scene.kernel.claims()[0]
    assert (claim.market, claim.account, claim.loss_side) == (0, loser, scene.loss_side)
    assert (claim.amount, claim.outstanding, claim.filed_at) == (wad(40), wad(40), boa.env.timestamp)
    scene.kernel.assert_conserved()


def test_absorb_with_equity_left_keeps_it_as_cushion(scene):
    """E = 60 - 55 = 5 < 40 % of maintenance: the keeper gets 1 + 0.01 % of the worth, the rest goes along."""
    loser = open_loser(scene)
    mark = scene.move("5.5")
    reward = wad(1) + 10 * mark // 10_000
    assert scene.kernel.absorb(loser) == wad(5)
    logs = scene.logs()
    keeper = account_of("keeper")
    assert scene.kernel.state(keeper).cash == reward
    size, worth = scene.side * wad(10), scene.side * 10 * mark
    assert logs[1:] == [
        ("AccountAbsorbed", loser, keeper, wad(5), 10 * mark // 40, reward, scene.vault.account_word(keeper)),
        ("InventoryChanged", 0, size, worth, wad(5) - reward, 0, *[boa.env.timestamp] * 2),
        ("PartAbsorbed", loser, 0, size, mark, wad(5) - reward, False),
    ]
    assert scene.kernel.inventory().equity == wad(5) - reward
    assert scene.vault.claim_count() == 0
    assert_empty(scene, loser)
    scene.kernel.assert_conserved()


def test_absorb_conserves_with_any_token(any_decimals):
    for side in (1, -1):
        for against in (10, "5.5"):
            with boa.env.anchor():
                scene = fresh(any_decimals, side)
                loser = open_loser(scene)
                scene.move(against)
                scene.kernel.absorb(loser)
                assert scene.equity(loser) == 0
                scene.kernel.assert_conserved()


# --- borders -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0, 1])
def test_critical_health_to_the_wei(fine_scene, missing):
    """
    Critical is 0.4: with E = 0.4 * MM exactly the account is liquidated, one wei less and it is absorbed.
    """
    scene = fine_scene
    mark = scene.price(5)
    critical = 10 * mark // 40 * 4 // 10
    loser = scene.account("loser", Decimal(wad(50) + critical - missing) / WAD)
    scene.open(loser, scene.account("winner", 5000), 10)
    scene.move(5)
    assert scene.equity(loser) == critical - missing
    if missing:
        assert scene.kernel.absorb(loser) == critical - 1
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: account healthy"):
        scene.vault.absorb(loser, account_of("keeper"))
    assert scene.snapshot() == before


def test_absorb_with_nothing_left(scene):
    """E = 0 exactly: no claim, no reward, and the inventory is worth nothing."""
    loser = open_loser(scene)
    scene.move(6)
    assert scene.kernel.absorb(loser) == 0
    inventory = scene.kernel.inventory()
    assert (inventory.size, inventory.cash, inventory.equity) == (scene.side * wad(10), 0, 0)
    assert scene.vault.claim_count() == 0
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("against", "equity"), [("5.9999", "0.001"), ("5.999999", "0.00001")])
def test_reward_is_at_most_half_of_what_is_left(scene, against, equity):
    loser = open_loser(scene)
    scene.move(against)
    scene.kernel.absorb(loser)
    assert scene.kernel.state(account_of("keeper")).cash == wad(equity) // 2
    assert scene.kernel.inventory().equity == wad(equity) // 2
    scene.kernel.assert_conserved()


def earn_liquidation_fees(scene: Scene, market: int = 1) -> int:
    """A take-over elsewhere: 0.192 or 0.208 a unit for the fund."""
    victim = scene.account("victim", "59.2" if scene.side > 0 else "60.8")
    scene.open(victim, scene.account("other side", 5000), 10, market=market)
    scene.move(4, market=market)
    scene.kernel.take_over(victim, scene.account("liquidator", 5000), market=market)
    return scene.vault.fee_state().liquidation


def test_keeper_of_an_empty_account_is_paid_out_of_liquidation_fees(scene):
    """Below zero only the proportional reward is paid, and only as far as liquidations have earned it."""
    fees = earn_liquidation_fees(scene)
    loser = open_loser(scene)
    mark = scene.move(10)
    scene.kernel.absorb(loser)
    reward = 10 * mark // 10_000
    assert reward < fees
    assert scene.kernel.state(account_of("keeper")).cash == reward
    assert scene.vault.fee_state().liquidation == fees - reward
    assert scene.kernel.claims()[0].amount == wad(40)
    scene.kernel.assert_conserved()


def test_reward_out_of_fees_is_capped_by_them(scene):
    fees = earn_liquidation_fees(scene)
    scene.account("winner", 50_000)
    loser = open_loser(scene, margin=60_000, size=2_000)
    scene.move(40)
    scene.kernel.absorb(loser)
    assert scene.kernel.state(account_of("keeper")).cash == fees
    assert scene.vault.fee_state().liquidation == 0
    scene.kernel.assert_conserved()


# --- several markets ---------------------------------------------------------------------------------------


def open_two(scene: Scene, margin: float = 200, sizes: tuple[float, float] = (10, 20)) -> int:
    """A loser in markets 0 and 1."""
    loser = scene.account("loser", margin)
    scene.open(loser, scene.account("winner", 5000), sizes[0])
    scene.open(loser, scene.account("other winner", 5000), sizes[1], market=1)
    return loser


def test_deficit_is_split_by_losses_and_adds_up(scene):
    """Losses 100 and 140 of 200: -40, split 100 : 140 exactly; the last part takes the rounding."""
    loser = open_two(scene)
    scene.move(10)
    scene.move(7, market=1)
    assert scene.kernel.absorb(loser) == -wad(40)
    parts = [log[5] for log in scene.logs() if log[0] == "PartAbsorbed"]
    floor = -wad(40) * wad(100) // wad(240)
    assert parts == [floor, -wad(40) - floor]
    assert sum(parts) == -wad(40)
    assert [c.amount for c in scene.kernel.claims()] == [-p for p in parts]
    assert [c.loss_side for c in scene.kernel.claims()] == [scene.loss_side] * 2
    scene.kernel.assert_conserved()


def test_market_with_profit_has_no_part_of_the_deficit(scene):
    """Loss 300 in one market, profit 60 in the other, 200 of margin: the deficit of 40 is the first one's."""
    loser = open_two(scene, sizes=(20, 10))
    scene.move(15)
    scene.move(-6, market=1)
    scene.kernel.absorb(loser)
    parts = [log[5] for log in scene.logs() if log[0] == "PartAbsorbed"]
    assert parts == [-wad(40), 0]
    assert scene.kernel.inventory(1).size == scene.side * wad(10)
    assert scene.kernel.inventory(1).equity == 0
    scene.kernel.assert_conserved()


def test_cushion_is_split_by_maintenance_and_adds_up(scene):
    """What is left, less the reward, goes by maintenance margin."""
    loser = open_two(scene)
    first = scene.move(6)
    second = scene.move("6.7", market=1)
    equity = wad(200) - wad(60) - wad(134)
    reward = min(2 * wad(1) + 10 * first // 10_000 + 20 * second // 10_000, equity // 2)
    assert scene.kernel.absorb(loser) == equity
    left = equity - reward
    share = left * (10 * first) // (10 * first + 20 * second)
    parts = [log[5] for log in scene.logs() if log[0] == "PartAbsorbed"]
    assert parts == [share, left - share]
    assert [scene.kernel.inventory(m).equity for m in (0, 1)] == parts
    assert scene.vault.claim_count() == 0
    scene.kernel.assert_conserved()


def test_cushion_goes_first_to_a_market_whose_claim_its_profit_left_unpaid(scene):
    """A market with an open claim keeps as much of the profit made there as the claim lacks."""
    # market 0 lacks 40 ...
    first = open_loser(scene)
    # ... and there an account is on the winning side, in profit of 100, and loses nearly all of it in
    # market 1
    hedged = scene.account("hedged", 100)
    scene.open(scene.account("bystander", 5000), hedged, 10)
    scene.open(hedged, scene.account("other winner", 5000), 10, market=1)
    scene.move(10)
    scene.move("19.5", market=1)
    scene.kernel.absorb(first)
    equity = scene.kernel.absorb(hedged)
    assert equity == wad(5)
    parts = {log[2]: log[5] for log in scene.logs() if log[0] == "PartAbsorbed"}
    reward = next(log[5] for log in scene.logs() if log[0] == "AccountAbsorbed")
    assert parts == {0: equity - reward, 1: 0}
    claim = scene.kernel.claims()[0]
    assert claim.outstanding == wad(40) - (equity - reward)
    assert claim.recovered == equity - reward
    scene.kernel.assert_conserved()


def test_stale_second_market_moves_at_its_last_good_mark(scene):
    loser = open_two(scene)
    stale = scene.move(7, market=1)
    scene.move(4, seconds=300)
    scene.move(10, seconds=301)
    assert scene.kernel.absorb(loser) == -wad(40)
    parts = [log[1:] for log in scene.logs() if log[0] == "PartAbsorbed"]
    assert [(p[1], p[3], p[5]) for p in parts] == [(0, scene.price(10), False), (1, stale, True)]
    scene.kernel.assert_conserved()


def test_absorb_with_all_marks_stale_reverts(scene):
    loser = open_loser(scene)
    scene.move(10)
    wait(601)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: stale mark"):
        scene.vault.absorb(loser, account_of("keeper"))
    assert scene.snapshot() == before


# --- odd accounts ------------------------------------------------------------------------------------------


def test_account_without_positions_leaves_its_deficit_in_market_0(scene):
    """
    It lived on profit of market 1 that a round then took: nothing to take over, and still it is absorbed.
    """
    hedged = scene.account("hedged", 110)
    # in market 1 it wins 100 and closes; in market 0 it loses 160 and closes
    scene.open(scene.account("debtor", 60), hedged, 10, market=1)
    scene.open(hedged, scene.account("winner", 5000), 10)
    scene.move(10, market=1)
    scene.move(16)
    scene.open(hedged, scene.account("heir", 5000), 10, market=1)
    scene.open(scene.account("buyer", 5000), hedged, 10)
    state = scene.kernel.state(hedged)
    assert (state.cash, state.maturing, state.maintenance) == (-wad(50), wad(100), 0)
    # a round takes 40 of the 100; then the inventory of market 1 loses 40 more, of 60 and the heir's 40
    scene.kernel.absorb(account_of("debtor"))
    scene.kernel.charge_round(market=1)
    assert scene.equity(hedged) == wad(10)
    scene.move(14, market=1)
    done = scene.kernel.charge_round(market=1)
    assert (done.deficit, done.reachable) == (wad(40), wad(100))
    lacking = -scene.equity(hedged)
    assert lacking == wad(14)
    assert scene.kernel.absorb(hedged) == -lacking
    claim = scene.kernel.claims()[-1]
    assert (claim.market, claim.account, claim.loss_side) == (0, hedged, NO_SIDE)
    assert claim.amount == lacking
    assert scene.kernel.inventory(0).size == 0
    assert_empty(scene, hedged)
    scene.kernel.assert_conserved()


def test_account_holding_a_whole_sides_open_interest(scene):
    """C15: nobody else is on its side, and there is no fund."""
    loser = open_loser(scene, margin=100)
    scene.move(15)
    assert scene.kernel.absorb(loser) == -wad(50)
    assert scene.kernel.inventory().size == scene.side * wad(10)
    scene.kernel.assert_conserved()


def test_absorb_a_member_of_a_generation_that_adl_closed_in_part(scene):
    """
    A winner of one crisis is the loser of the next: he is taken in at what ADL has left him, pot included.
    """
    winner = scene.account("winner", 60)
    loser = scene.bankrupt(winner)
    scene.open(scene.account("bystander", 5000), winner, 2)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    left = scene.kernel.position(winner)
    assert 0 <= abs(left.size) - wad(2) <= 1
    against = -70
    scene.move(against)
    equity = scene.equity(winner)
    assert equity < 0
    assert scene.kernel.absorb(winner) == equity
    assert_empty(scene, winner)
    # closing 10 of 12 may have left a wei of the first inventory
    assert 0 <= left.size - scene.kernel.inventory().size <= 1
    assert scene.kernel.claims()[-1].loss_side == 3 - scene.loss_side
    scene.kernel.assert_conserved()


def test_maturing_profit_goes_along_at_its_worth(scene):
    """Profit realised in the market is equity of the absorbed account; nothing of it stays in the batch."""
    loser = scene.account("loser", 60)
    helper = scene.account("helper", 5000)
    scene.open(helper, loser, 10)
    scene.move(5)
    scene.open(loser, helper, 10)
    assert scene.kernel.position(loser).maturing == wad(50)
    scene.open(loser, scene.account("winner", 5000), 10)
    scene.move(17)
    assert scene.kernel.absorb(loser) == wad(60) + wad(50) - wad(120)
    assert scene.vault.market_words(0)[3] & (2**208 - 1) == 0
    assert scene.kernel.position(loser).maturing == 0
    scene.kernel.assert_conserved()


def test_second_absorption_adds_to_the_inventory(scene):
    first = open_loser(scene)
    second = scene.bankrupt(account_of("winner"), 10, 60, sub=7)
    scene.move(10)
    scene.kernel.absorb(first)
    start = boa.env.timestamp
    wait(60)
    scene.kernel.absorb(second)
    changed = next(log for log in scene.logs() if log[0] == "InventoryChanged")
    inventory = scene.kernel.inventory()
    assert (inventory.size, inventory.cash) == (scene.side * wad(20), -wad(80))
    # the auction is half as old; there has been an inventory since the first
    assert changed[6:] == (start + 30, start)
    assert [c.amount for c in scene.kernel.claims()] == [wad(40), wad(40)]
    scene.kernel.assert_conserved()


def test_opposite_absorptions_cancel(scene):
    """A long and a short taken in together leave no size, and their equities add up."""
    first = open_loser(scene)
    opposite = scene.account("opposite", 60)
    scene.open(scene.account("bystander", 5000), opposite, 10)
    scene.move(10)
    scene.kernel.absorb(first)
    scene.move(-10)
    equity = scene.kernel.absorb(opposite)
    assert equity == -wad(40)
    inventory = scene.kernel.inventory()
    assert (inventory.size, inventory.notional, inventory.auction_start) == (0, 0, 0)
    # the first 10 came in at -40 and have won 200 since; the surplus is the liquidation's
    assert scene.kernel.claims()[0].recovered == wad(40)
    scene.kernel.assert_conserved()


def many_losers(scene: Scene, market: int, count: int) -> list[int]:
    """Each lacks 8."""
    winner = scene.account("winner", 100_000)
    losers = [scene.account("loser", 12, sub=n) for n in range(count)]
    for start in range(0, count, 16):
        part = [(a, scene.side * wad(2), wad(100), 0, False) for a in losers[start : start + 16]]
        with boa.env.prank(actor("exchange")):
            scene.vault.fill(market, winner, 0, False, part)
    scene.move(10, market=market)
    return losers


def test_claims_that_were_paid_leave_room_for_new_ones(scene):
    losers = many_losers(scene, 0, 34)
    scene.with_fund(reserve=18 * 8)
    for loser in losers[:18]:
        scene.kernel.absorb(loser)
    scene.vault.pay_claims(0)
    assert scene.vault.claim_queue(0) == (18, 18)
    for loser in losers[18:]:
        scene.kernel.absorb(loser)
    assert scene.vault.claim_queue(0) == (18, 34)
    assert [(c.account, c.amount) for c in scene.kernel.claims()] == [(a, wad(8)) for a in losers]


@pytest.mark.parametrize("market", [0, 1])
def test_the_33rd_claim_raises_the_newest(scene, market):
    """At most 32 outstanding claims a market: no loop can be grown by dust."""
    losers = many_losers(scene, market, 33)
    for loser in losers:
        scene.kernel.absorb(loser)
    filed = [log for log in scene.logs() if log[0] == "ClaimFiled"]
    claims = scene.kernel.claims()
    assert [c.amount for c in claims] == [wad(8)] * 31 + [wad(16)]
    assert claims[31].account == losers[31]
    assert scene.vault.claim_queue(market) == (0, 32)
    assert filed == [("ClaimFiled", 31, market, losers[32], scene.loss_side, wad(8), wad(16))]
    scene.kernel.assert_conserved()


# --- when it may and may not -------------------------------------------------------------------------------


def test_absorb_works_whatever_the_mode(scene):
    loser = open_loser(scene)
    scene.move(10)
    scene.set_mode(MODE_HALTED, 2)
    with boa.env.prank(actor("guardian")):
        scene.vault.set_paused(True)
        scene.vault.set_market_status(0, 2)
    scene.kernel.absorb(loser)
    assert scene.kernel.claims()[0].amount == wad(40)
    scene.kernel.assert_conserved()


def test_absorb_needs_no_fund_that_answers(scene):
    """L14, I11: a fund that reverts or burns its gas has no say."""
    for behaviour in (1, 2):
        with boa.env.anchor():
            loser = open_loser(scene)
            fund = scene.with_fund()
            fund.set_behaviour(behaviour, behaviour)
            scene.move(10)
            scene.kernel.absorb(loser)
            assert scene.kernel.claims()[0].outstanding == wad(40)
            scene.kernel.assert_conserved()


def test_absorb_only_by_the_liquidation_engine(scene):
    loser = open_loser(scene)
    scene.move(10)
    before = scene.snapshot()
    with boa.env.prank(actor("attacker")), boa.reverts("vault: not liquidation engine"):
        scene.vault.absorb(loser, account_of("keeper"))
    assert scene.snapshot() == before


def test_absorb_refuses_a_direct_call(shared_kernel):
    part = shared_kernel.parts["MarginVaultBankruptcy"]
    with boa.env.prank(actor("engine")), boa.reverts("kernel: direct call"):
        part.absorb(1, 2)


def test_account_may_be_its_own_keeper(scene):
    """It is left with the reward and nothing else."""
    loser = open_loser(scene)
    mark = scene.move("5.5")
    scene.kernel.absorb(loser, loser)
    reward = wad(1) + 10 * mark // 10_000
    state = scene.kernel.state(loser)
    assert (state.cash, state.equity, scene.kernel.position(loser).size) == (reward, reward, 0)
    assert scene.kernel.inventory().equity == wad(5) - reward
    scene.kernel.assert_conserved()


def test_absorb_of_a_flat_account_reverts(scene):
    account = scene.account("idle", 100)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: account healthy"):
        scene.vault.absorb(account, account_of("keeper"))
    assert scene.snapshot() == before


def test_absorb_of_nothing_reverts(scene):
    with boa.env.prank(actor("engine")), boa.reverts("margin: account healthy"):
        scene.vault.absorb(0, account_of("keeper"))


def test_second_absorption_of_one_account_reverts(scene):
    """L01"""
    loser = open_loser(scene)
    scene.move("5.5")
    scene.kernel.absorb(loser)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: account healthy"):
        scene.vault.absorb(loser, account_of("keeper"))
    assert scene.snapshot() == before


def test_absorbing_oneself_never_pays(scene):
    """L02, L04: loser and keeper of one owner end with less than they began, at every distance."""
    for against in ("5.1", "5.5", "5.99", 6, 7, 12):
        with boa.env.anchor():
            loser = open_loser(scene)
            begun = scene.equity(loser)
            scene.move(against)
            keeper = scene.account("loser", "0.000001", sub=9)
            scene.kernel.absorb(loser, keeper)
            ended = scene.equity(keeper) + scene.equity(loser) - 10**12
            assert ended < max(0, begun - wad(10 * float(against))) or ended == 0
            assert ended <= WAD * 2
            scene.kernel.assert_conserved()
