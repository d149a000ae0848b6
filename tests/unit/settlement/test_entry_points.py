"""
What every entry of the kernel does in a settled market: the table of docs/spec.md, a test for each cell.
"""

import boa
import pytest

from tests.kernel import BTC, account_of, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import MODE_ADL, Scene
from tests.unit.settlement.settling import ALWAYS, clock_of, close, close_only, mark_time_of


@pytest.fixture
def settled(scene: Scene) -> Scene:
    """10 each way at 100, settled at 5 against the losers; the accounts by name: loser, winner, rich."""
    scene.open(scene.account("loser", 1000), scene.account("winner", 1000), 10)
    scene.account("rich", 5000)
    close_only(scene)
    scene.move(5)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    return scene


@pytest.fixture
def hurt(scene: Scene) -> Scene:
    """10 each way at 100, settled at 10 against a loser with 60; the winner's profit is open."""
    winner = scene.account("winner", 1000)
    scene.bankrupt(winner)
    scene.account("rich", 5000)
    close_only(scene)
    scene.move(10)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    return scene


LOSER, WINNER, RICH = (account_of(name) for name in ("loser", "winner", "rich"))


def refused(scene: Scene, call) -> None:
    before = scene.snapshot()
    with boa.reverts("market: settled"):
        call()
    assert scene.snapshot() == before


# --- refused: what would give somebody a position, or another price ----------------------------------------


@pytest.mark.parametrize("seconds", [0, 1, 600, 10**6])
@pytest.mark.parametrize("is_reduction", [True, False])
def test_no_fill(settled, seconds, is_reduction):
    """Not even one that reduces both sides: the settlement price is the only one."""
    wait(seconds)
    sides = (WINNER, LOSER) if is_reduction else (LOSER, RICH)
    buyer, seller = sides if settled.side > 0 else sides[::-1]
    refused(settled, lambda: settled.kernel.fill(buyer, seller, 1, reduce_only=is_reduction))


def test_no_take_over(settled):
    refused(settled, lambda: settled.kernel.take_over(LOSER, RICH))


def test_no_close_against_orders(settled):
    maker = (RICH, settled.side * wad(1), settled.price(5), 0, False)
    refused(settled, lambda: settled.kernel.close_with_orders(LOSER, [maker]))


def test_no_purchase_of_inventory(settled):
    close(settled, LOSER)
    refused(settled, lambda: settled.kernel.buy_inventory(RICH))


def test_no_plan_for_a_liquidation_is_made(hurt):
    plan = hurt.kernel.plan(LOSER)
    assert (plan.change, plan.price, plan.fee, plan.is_stale) == (0, 0, 0, False)
    assert plan.is_absorbable


# --- marks and the clock -----------------------------------------------------------------------------------


def test_update_mark_asks_no_oracle_and_accrues_no_funding(settled):
    indices = settled.vault.market_words(BTC)[1]
    settled.kernel.oracle.set_price(BTC, wad(50), 10**12)
    wait(3600)
    assert settled.vault.update_mark(BTC) == settled.price(5)
    logs = settled.logs()
    words = settled.vault.market_words(BTC)
    assert (settled.vault.mark(BTC), mark_time_of(settled), words[1]) == (settled.price(5), ALWAYS, indices)
    assert logs == [
        (
            "MarkUpdated",
            BTC,
            settled.price(5),
            ALWAYS,
            *(indices & (2**112 - 1), indices >> 112 & (2**112 - 1)),
            0,
            *words[2:4],
        )
    ]
    settled.kernel.oracle.set_down(BTC, True)
    wait(1)
    assert settled.vault.update_mark(BTC) == settled.price(5)


@pytest.mark.parametrize(("seconds", "moved"), [(1, 1), (299, 299), (300, 300), (301, 300), (10**6, 300)])
def test_update_mark_moves_the_clock_as_ever_however_long_nobody_called(settled, seconds, moved):
    before = clock_of(settled)
    wait(seconds)
    settled.vault.update_mark(BTC)
    assert clock_of(settled) - before == moved
    # once a second
    settled.vault.update_mark(BTC)
    assert settled.logs() == []
    assert clock_of(settled) - before == moved


def test_the_clock_stands_still_while_a_loss_is_not_paid(hurt):
    """So no winner escapes: his profit is not cash before the fund, or a round, has paid the deficit."""
    close(hurt, WINNER)
    hurt.kernel.absorb(LOSER)
    before = clock_of(hurt)
    for _ in range(30):
        wait(300)
        hurt.vault.update_mark(BTC)
    assert clock_of(hurt) == before
    assert hurt.kernel.state(WINNER).maturing == wad(100)
    hurt.with_fund(reserve=40)
    for _ in range(24):
        wait(300)
        hurt.vault.update_mark(BTC)
    assert hurt.kernel.state(WINNER).cash == wad(1100)
    hurt.kernel.assert_conserved()


# --- losses ------------------------------------------------------------------------------------------------


def test_absorb_takes_who_is_below_zero(hurt):
    assert hurt.kernel.absorb(LOSER) == -wad(40)
    part = hurt.logs()[-1]
    assert (part[0], part[-1]) == ("PartAbsorbed", False)
    assert hurt.kernel.claims()[0].amount == wad(40)
    hurt.kernel.assert_conserved()


def test_absorb_leaves_alone_who_is_not(scene):
    """
    With 5 left of 60 an account may be absorbed in a live market; in a settled one nothing can happen to
    it.
    """
    loser = scene.bankrupt(scene.account("winner", 5000))
    close_only(scene)
    scene.move("5.5")
    with boa.env.anchor():
        scene.kernel.absorb(loser)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    state = scene.kernel.state(loser)
    assert (state.equity, state.maintenance) == (wad(5), 0)
    with boa.reverts("margin: account healthy"):
        scene.kernel.absorb(loser)
    close(scene, loser)
    assert scene.kernel.state(loser).withdrawable == wad(5)


def test_absorb_puts_a_deficit_without_an_open_loss_where_the_position_is(scene):
    """Cash below zero from elsewhere, an open profit here that does not cover it: no position may vanish."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner, size=5, margin=60)
    scene.open(winner, loser, 5, market=1)
    # 100 lost in market 0, 50 won in market 1, both settled; the loss is taken
    close_only(scene)
    close_only(scene, 1)
    scene.move(20)
    scene.move(10, market=1)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    close(scene, loser)
    assert scene.kernel.state(loser).cash == -wad(40)
    scene.move(7, market=1)
    with scene.as_governance():
        scene.vault.settle_market(1)
    state = scene.kernel.state(loser)
    assert (state.equity, state.maintenance) == (-wad(5), 0)
    size = scene.kernel.position(loser, 1).size
    assert scene.kernel.absorb(loser) == -wad(5)
    assert scene.kernel.inventory(1).size == size != 0
    assert [(c.market, c.amount) for c in scene.kernel.claims()] == [(1, wad(5))]
    scene.kernel.assert_conserved()


def test_absorb_leaves_a_market_with_maturing_profit_alone_out_of_such_a_deficit(scene):
    """10 of profit still mature in market 0, where there is no position: the deficit is market 2's."""
    winner, loser = scene.account("winner", 5000), scene.account("loser", 60)
    scene.open(winner, loser, 2)
    scene.move(5)
    scene.open(loser, winner, 2)
    scene.open(loser, winner, 5, market=1)
    scene.open(winner, loser, 5, market=2)
    close_only(scene, 1)
    close_only(scene, 2)
    scene.move(10, market=2)
    scene.move(20, market=1)
    with scene.as_governance():
        scene.vault.settle_market(1)
    close(scene, loser, 1)
    scene.move(5, market=2)
    with scene.as_governance():
        scene.vault.settle_market(2)
    assert scene.kernel.state(loser).maturing == wad(10)
    assert scene.kernel.absorb(loser) == -wad(5)
    assert [(c.market, c.amount) for c in scene.kernel.claims()] == [(2, wad(5))]
    assert scene.kernel.inventory(2).size != 0
    scene.kernel.assert_conserved()


def test_a_settled_mark_is_not_fresh_for_other_markets(scene):
    """
    Below critical health through a market whose mark is stale: a settled market beside it opens no door.
    """
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner, size=5, margin=60)
    scene.open(loser, winner, 5, market=1)
    close_only(scene)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    scene.move("11.5", market=1)
    with boa.env.anchor():
        scene.kernel.absorb(loser)
    wait(601)
    assert not scene.kernel.plan(loser, market=1).is_absorbable
    with boa.reverts("margin: stale mark"):
        scene.kernel.absorb(loser)
    scene.move("11.5", market=1)
    assert scene.kernel.plan(loser, market=1).is_absorbable
    scene.kernel.absorb(loser)
    scene.kernel.assert_conserved()


def test_pay_claims_lets_the_fund_pay(hurt):
    hurt.kernel.absorb(LOSER)
    hurt.with_fund(reserve=15)
    assert hurt.vault.pay_claims(BTC) == wad(15)
    assert hurt.kernel.inventory().outstanding == wad(25)
    hurt.kernel.assert_conserved()


def test_a_round_charges_who_has_closed_as_much_as_who_has_not(scene):
    """40 of 200 won: each of two winners pays 20, though one has closed already."""
    early, late = scene.account("early", 1000), scene.account("late", 1000)
    loser = scene.bankrupt(early)
    scene.open(scene.account("rich", 5000), late, 10)
    close_only(scene)
    scene.move(10)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    close(scene, early)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    for account in (early, late):
        assert wad(1080) - 3 * 10**9 <= scene.equity(account) <= wad(1080)
    assert scene.kernel.inventory().outstanding == 0
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("seconds", [0, 10**6])
def test_adl_closes_at_the_settlement_price(hurt, seconds):
    """Its band is zero: everybody has one price, and the deficit is left to the round."""
    hurt.kernel.absorb(LOSER)
    wait(seconds)
    receipt = hurt.kernel.deleverage()
    assert (receipt.price, receipt.size, receipt.improvement) == (hurt.price(10), wad(10), 0)
    assert hurt.kernel.inventory().outstanding == wad(40)
    hurt.kernel.charge_round()
    assert hurt.kernel.inventory().outstanding == 0
    hurt.kernel.assert_conserved()


def test_close_at_mark_closes_at_the_settlement_price(hurt):
    hurt.kernel.absorb(LOSER)
    hurt.kernel.charge_round()
    receipt = hurt.kernel.close_at_mark()
    assert (receipt.price, receipt.size) == (hurt.price(10), wad(10))
    hurt.kernel.assert_conserved()


def test_close_at_mark_has_nothing_to_do_without_a_loss(settled):
    """Positions that were closed into the bankruptcy account are no reason to close others by rank."""
    close(settled, LOSER)
    with boa.reverts("crisis: no claim since empty"):
        settled.kernel.close_at_mark()


# --- owners ------------------------------------------------------------------------------------------------


def test_a_position_there_stands_in_the_way_of_no_withdrawal(settled):
    """However old the settlement: its initial margin is kept back, the rest goes."""
    wait(10**6)
    state = settled.kernel.state(WINNER)
    assert not state.is_stale
    free = state.withdrawable
    # 5 % of 10 at mark, less the 50 won there
    assert free >= wad(997)
    with boa.env.prank(actor("winner")):
        settled.vault.withdraw(WINNER, free // settled.kernel.scale, actor("winner"), 0)
    settled.kernel.assert_conserved()


def test_a_transfer_goes_on(settled):
    wait(10**6)
    settled.account("loser", 1, sub=7)
    with boa.env.prank(actor("loser")):
        settled.vault.transfer(LOSER, LOSER | 7, wad(100))
    assert settled.kernel.state(LOSER | 7).cash == wad(101)
    settled.kernel.assert_conserved()


def test_a_position_there_stands_in_the_way_of_no_trade_elsewhere(settled):
    wait(10**6)
    settled.move(0, market=1)
    settled.open(WINNER, RICH, 1, market=1)
    settled.open(RICH, WINNER, 1, market=1)
    settled.kernel.assert_conserved()


@pytest.mark.parametrize(("against", "is_solvent"), [(19, True), (21, False)])
def test_the_last_close_elsewhere_counts_what_was_won_and_lost_there(scene, against, is_solvent):
    """
    60 in cash, 5 lost per base there. In market 1, where nothing is lost, the account closes its last
    position with a maintenance margin: allowed only if what it lost in the settled market leaves it solvent.
    """
    winner = scene.account("winner", 5000)
    trader = scene.bankrupt(winner, size=3, margin=60)
    scene.open(trader, winner, 3, market=1)
    close_only(scene)
    scene.move(against)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    scene.move(0, market=1)
    if is_solvent:
        scene.open(winner, trader, 3, market=1)
    else:
        with boa.reverts("margin: account insolvent"):
            scene.open(winner, trader, 3, market=1)
    scene.kernel.assert_conserved()


def test_touch_and_sync_cohort_go_on(hurt):
    hurt.kernel.absorb(LOSER)
    hurt.kernel.charge_round()
    key = hurt.kernel.position(WINNER).key
    hurt.vault.sync_cohort(key, 64)
    hurt.touch(WINNER)
    assert wad(60) - 4 <= hurt.kernel.position(WINNER).unrealised <= wad(60)
    hurt.kernel.assert_conserved()


def test_a_leverage_class_may_go_upward_and_changes_no_worth(settled):
    equity = settled.equity(WINNER)
    with boa.env.prank(actor("winner")):
        settled.vault.set_leverage_class(WINNER, BTC, 2)
    assert settled.equity(WINNER) == equity
    close(settled, WINNER)
    settled.kernel.assert_conserved()


def test_fees_are_collected_as_ever(settled):
    settled.with_fund()
    settled.vault.collect_fees()
    settled.kernel.assert_conserved()


# --- switches ----------------------------------------------------------------------------------------------


def test_neither_pause_nor_mode_stops_anything_of_this(scene):
    """Paused, in mode HALTED: closing, absorbing, the clock, withdrawals go on."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    other = scene.account("other", 1000)
    scene.open(other, winner, 5)
    close_only(scene)
    scene.move(10)
    with boa.env.prank(actor("guardian")):
        scene.vault.set_paused(True)
    scene.set_mode(MODE_ADL + 1, 2)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    close(scene, winner)
    close(scene, other)
    wait(300)
    scene.vault.update_mark(BTC)
    free = scene.kernel.state(other).withdrawable
    assert free == wad(950)
    with boa.env.prank(actor("other")):
        scene.vault.withdraw(other, free // scene.kernel.scale, actor("other"), 0)
    scene.kernel.assert_conserved()


def test_a_settled_market_is_settled_whatever_comes_later(settled):
    """Nothing in the table moves the price."""
    for _ in range(3):
        wait(10**5)
        settled.kernel.oracle.set_price(BTC, wad(1))
        settled.vault.update_mark(BTC)
        settled.vault.pay_claims(BTC)
    assert settled.vault.mark(BTC) == settled.price(5)
    assert close(settled, WINNER) == wad(50)
