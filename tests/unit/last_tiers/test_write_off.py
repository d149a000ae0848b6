"""After a day what nobody pays is uncovered loss: everybody had a last turn, and profit matures again."""

from decimal import Decimal

import boa
import pytest

from tests.kernel import BTC, RECOVERY, WAD, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import MODE_ADL, Scene, fresh
from tests.unit.last_tiers.late import (
    DAY,
    Late,
    events,
    late_loss,
    sell_inventory,
    two_in_profit,
    window_of,
    write_off,
)
from tests.unit.settlement.settling import clock_of, settle


def old_loss(scene: Scene, seconds: int = DAY, **about: int) -> Late:
    """A late loss whose claim is so old; the mark is fresh."""
    late = late_loss(scene, **about)
    scene.move(about.get("against", 20), seconds=seconds)
    return late


def refused(scene: Scene, message: str, limit: int = 1000) -> None:
    before = scene.snapshot()
    with boa.reverts(message):
        write_off(scene, limit=limit)
    assert scene.snapshot() == before


def limit_at(scene: Scene) -> int:
    return scene.vault.mark(BTC) * wad("0.0125") // WAD


def test_what_is_left_becomes_uncovered(scene):
    """After a last side charge, as far as the window allows."""
    late = old_loss(scene)
    limit = limit_at(scene)
    rest = late.claim - 10 * limit
    assert write_off(scene) == rest
    assert scene.vault.uncovered() == rest
    claim = scene.kernel.claims()[0]
    assert (claim.side, claim.recovery, claim.outstanding) == (10 * limit, rest, 0)
    inventory = scene.kernel.inventory()
    assert inventory.outstanding == 0
    assert -1 <= inventory.equity <= 0
    assert scene.vault.claim_markets() == 0
    scene.kernel.assert_conserved()


def test_a_write_off_leaves_its_receipt(scene):
    late = old_loss(scene)
    amount = write_off(scene)
    logs = scene.logs()
    assert [log[0] for log in logs] == [
        "InventoryChanged",
        "ClaimPaid",
        "SideCharged",
        "ClaimPaid",
        "WrittenOff",
        "InventoryChanged",
    ]
    assert logs[3] == ("ClaimPaid", 0, BTC, RECOVERY, amount, 0)
    assert logs[4] == ("WrittenOff", BTC, scene.vault.mark(BTC), False, amount, amount)
    assert late.claim > amount


def test_anybody_may_write_off(scene):
    old_loss(scene)
    assert write_off(scene, name="attacker") > 0


def test_profit_matures_again(scene):
    old_loss(scene)
    clock = clock_of(scene)
    scene.move(20, seconds=300)
    assert clock_of(scene) == clock
    write_off(scene)
    scene.move(20, seconds=300)
    assert clock_of(scene) == clock + 300


def test_the_inventory_stays(scene):
    old_loss(scene)
    buyer = scene.account("buyer", 1000)
    before = scene.kernel.inventory()
    write_off(scene)
    after = scene.kernel.inventory()
    assert (after.size, after.notional) == (before.size, before.notional)
    # and is for sale
    scene.kernel.buy_inventory(buyer)
    assert scene.kernel.inventory().size == 0
    scene.kernel.assert_conserved()


def test_a_later_loss_is_a_claim_of_its_own(scene):
    """What was written off is neither raised nor recovered by the price."""
    old_loss(scene)
    amount = write_off(scene)
    scene.move(21)
    assert scene.vault.uncovered() == amount
    claim = scene.kernel.claims()[1]
    assert (claim.loss_side, claim.outstanding) == (scene.loss_side, scene.kernel.inventory().outstanding)
    assert wad(10) <= claim.outstanding <= wad(10) + 1
    scene.move(10)
    assert scene.vault.uncovered() == amount
    assert scene.kernel.inventory().equity > wad(90)
    scene.kernel.assert_conserved()


def test_claims_younger_than_a_day_wait(scene):
    late_loss(scene)
    filed = scene.kernel.claims()[0].filed_at
    scene.move(20, seconds=DAY - 1)
    assert boa.env.timestamp == filed + DAY - 1
    refused(scene, "crisis: claims too young")
    scene.move(20, seconds=1)
    assert write_off(scene) > 0


def test_old_dust_does_not_make_a_fresh_loss_old(scene):
    """
    Not the oldest claim counts, but what is owed for a day: else dust left lying about would spare those who
    are to be charged.
    """
    winner = scene.account("winner", 1000)
    dust = scene.bankrupt(winner, 10, "60.009", name="dust")
    newcomer = scene.account("newcomer", 1000)
    scene.move("6.0018")
    scene.kernel.absorb(dust)
    assert 0 < scene.kernel.inventory().outstanding <= wad("0.01")
    sell_inventory(scene, "buyer")
    wait(DAY)
    late = scene.account("late", 60)
    scene.move("6.0018")
    scene.open(late, newcomer, 10)
    scene.move("16.0018")
    scene.kernel.absorb(late)
    assert scene.kernel.claims()[0].filed_at <= boa.env.timestamp - DAY
    refused(scene, "crisis: claims too young")


def test_without_a_deficit_there_is_nothing_to_write_off(scene):
    late_loss(scene, against=6)
    scene.move(6, seconds=DAY)
    refused(scene, "crisis: no deficit")


def test_a_stale_mark_writes_nothing_off_while_the_oracle_has_a_price(scene):
    late_loss(scene)
    wait(2 * DAY)
    refused(scene, "market: stale mark")


def test_while_the_fund_can_pay_nothing_is_written_off(scene):
    """It pays what it can first; what it keeps for later still stands in the way."""
    old_loss(scene)
    fund = scene.with_fund()
    fund.set_promise(1)
    refused(scene, "crisis: fund can pay")


def test_the_fund_has_a_last_turn(scene):
    late = old_loss(scene)
    fund = scene.with_fund(reserve=20, community=10)
    amount = write_off(scene)
    assert amount == late.claim - wad(30) - 10 * limit_at(scene)
    claim = scene.kernel.claims()[0]
    assert (claim.reserve, claim.community) == (wad(20), wad(10))
    assert fund.calls() == 1
    scene.kernel.assert_conserved()


def test_in_mode_adl_a_fund_that_is_spared_still_has_its_turn(scene):
    late = old_loss(scene)
    scene.with_fund(reserve=20).set_promise(wad(1))
    scene.set_mode(MODE_ADL)
    assert write_off(scene) == late.claim - wad(20) - 10 * limit_at(scene)
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("behaviour", [1, 2, 3], ids=["reverts", "burns gas", "answers short"])
def test_a_broken_fund_does_not_keep_the_write_off_away(scene, behaviour):
    """Once it has been seen to fail twice, ten minutes apart."""
    late_loss(scene)
    fund = scene.with_fund()
    fund.set_behaviour(behaviour, behaviour)
    scene.move(20, seconds=DAY - 600)
    refused(scene, "crisis: fund can pay")
    scene.move(20, seconds=600)
    assert write_off(scene) > 0
    scene.kernel.assert_conserved()


def test_profit_has_a_last_turn(scene):
    """A round takes all of it first, even if nobody else has called one."""
    late = old_loss(scene)
    scene.move(23)
    assert scene.kernel.position(late.newcomer).unrealised == wad(30)
    before = scene.equity(late.newcomer)
    amount = write_off(scene)
    assert [log[5] for log in events(scene, "RoundCharged")] == [wad(30)]
    claim, own = scene.kernel.claims()
    assert claim.socialised == wad(30)
    assert 0 <= before - scene.equity(late.newcomer) - claim.socialised - claim.side <= 100
    # the price has raised what the inventory lacks by 30
    assert amount == scene.vault.uncovered() == claim.recovery + own.recovery
    assert own.recovery == wad(30)
    scene.kernel.assert_conserved()


def test_profit_that_pays_all_leaves_nothing_to_write_off(scene):
    late = old_loss(scene)
    sell_inventory(scene)
    scene.move(40)
    assert scene.kernel.position(late.newcomer).unrealised == wad(200) > late.claim
    assert write_off(scene) == 0
    assert scene.vault.uncovered() == 0
    assert events(scene, "WrittenOff") == events(scene, "SideCharged") == []
    assert scene.kernel.claims()[0].socialised == late.claim
    scene.kernel.assert_conserved()


def test_what_is_left_at_most_dust_stays_a_claim(scene):
    """All withdrawals are not put at a ratio for a cent."""
    late = old_loss(scene)
    fund = scene.with_fund(reserve=Decimal(late.claim - 10 * limit_at(scene) - wad("0.01")) / WAD)
    assert write_off(scene) == 0
    assert fund.calls() == 1
    assert scene.vault.uncovered() == 0
    assert scene.kernel.inventory().outstanding == wad("0.01")
    scene.kernel.assert_conserved()


def test_a_window_that_is_used_up_leaves_nothing_to_charge(scene):
    late = old_loss(scene)
    scene.kernel.charge_side()
    charged = 10 * limit_at(scene)
    assert write_off(scene) == late.claim - charged
    assert sum(window_of(scene)[1:]) == limit_at(scene)
    scene.kernel.assert_conserved()


def test_a_scan_that_is_not_finished_writes_nothing_off(scene):
    late = old_loss(scene)
    two_in_profit(scene)
    assert scene.kernel.position(late.newcomer).unrealised > 0
    refused(scene, "tiers: too few cohorts", limit=1)
    assert write_off(scene, limit=2) > 0
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("limit", [0, 4097])
def test_bad_numbers_of_cohorts_are_refused(scene, limit):
    old_loss(scene)
    refused(scene, "crisis: bad step count", limit=limit)


def test_an_open_round_has_to_be_finished_first(scene):
    """Anybody can, through the allocator."""
    old_loss(scene)
    two_in_profit(scene)
    scene.kernel.charge_round(limit=1)
    refused(scene, "market: round open")
    scene.kernel.charge_round()
    assert write_off(scene) > 0
    scene.kernel.assert_conserved()


def test_a_settled_market_is_written_off_at_its_price(scene):
    """Nobody is charged there: its positions have no maintenance margin a charge could be a part of."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner, 10, 60)
    newcomer = scene.account("newcomer", 1000)
    scene.move(20)
    scene.open(winner, newcomer, 10)
    for _ in range(26):
        scene.move(20, seconds=300)
    settle(scene)
    scene.kernel.absorb(loser)
    wait(DAY)
    before = scene.equity(newcomer)
    assert write_off(scene) == wad(140)
    assert scene.equity(newcomer) == before
    scene.kernel.assert_conserved()


# --- a market whose feed dies -------------------------------------------------------------------------------


def die(scene: Scene, seconds: int) -> None:
    scene.kernel.oracle.set_down(BTC, True)
    wait(seconds)


def test_a_market_whose_feed_dies_is_written_off_at_the_last_good_mark(scene):
    """Without a side charge, whose limit is a part of a price nobody knows any more."""
    late = late_loss(scene)
    die(scene, DAY)
    before = scene.equity(late.newcomer)
    assert write_off(scene) == late.claim
    assert events(scene, "WrittenOff")[0] == (
        "WrittenOff",
        BTC,
        scene.vault.mark(BTC),
        True,
        late.claim,
        late.claim,
    )
    assert scene.equity(late.newcomer) == before
    assert scene.vault.side_window(BTC) == 0
    scene.kernel.assert_conserved()


def test_a_feed_that_is_dead_for_less_than_a_day_is_waited_for(scene):
    late_loss(scene)
    scene.move(20, seconds=DAY)
    die(scene, DAY - 1)
    refused(scene, "market: stale mark")
    wait(1)
    assert write_off(scene) > 0


def test_a_feed_that_lives_again_is_asked_first(scene):
    late_loss(scene)
    die(scene, DAY)
    scene.kernel.oracle.set_down(BTC, False)
    refused(scene, "market: stale mark")
    scene.vault.update_mark(BTC)
    assert write_off(scene) > 0


def test_profit_at_the_last_good_mark_has_its_last_turn(scene):
    late = late_loss(scene)
    scene.move(23)
    die(scene, DAY)
    assert write_off(scene) == late.claim + wad(30) - wad(30)
    assert scene.kernel.claims()[0].socialised == wad(30)
    assert scene.kernel.position(late.newcomer).unrealised <= 100
    scene.kernel.assert_conserved()


def test_write_offs_add_up_with_any_token(any_decimals):
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(any_decimals, side)
            old_loss(scene, size="9.999999999999999999", margin="59.999999")
            write_off(scene)
            scene.kernel.assert_conserved()


def test_a_part_refuses_a_direct_call(shared_kernel):
    part = shared_kernel.parts["MarginVaultLastTiers"]
    with boa.env.prank(actor("stranger")), boa.reverts("kernel: direct call"):
        part.write_off(BTC, 10)


def test_a_broken_fund_and_a_dead_feed_together_stop_nothing(scene):
    """Nobody can take a mark, but claims can be asked to be paid: that records the fund's failures."""
    late = late_loss(scene)
    scene.with_fund().set_behaviour(1, 1)
    die(scene, DAY)
    refused(scene, "crisis: fund can pay")
    scene.vault.pay_claims(BTC)
    wait(600)
    assert write_off(scene) == late.claim
    scene.kernel.assert_conserved()
