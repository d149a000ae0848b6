"""The table "what if" is what happens when the marks really move: figures, what may be done, and who pays."""

import boa
import pytest

from lastline.account_report import MOVES
from lastline.risk import ABSORBED, HEALTHY, LIQUIDATED
from tests.kernel import WAD, margin_config, wad
from tests.unit.account_report.conftest import Desk


def cross(desk: Desk, margin: int = 260) -> int:
    """An account in two markets, with some maturing profit."""
    scene = desk.scene
    winner, account = scene.account("winner", 10**6), scene.account("loser", margin)
    scene.open(account, winner, 20)
    scene.open(winner, account, 7, market=1)
    scene.move(-1)
    scene.open(winner, account, 5)
    assert scene.kernel.state(account).maturing > 0
    return account


@pytest.mark.parametrize("moved", [[0], [1], None], ids=["first", "second", "all"])
@pytest.mark.parametrize("mode", [(0, 1), (2, "1.31")], ids=["normal", "restricted"])
def test_figures_are_those_after_really_moving_the_marks(desk, moved, mode):
    account = cross(desk)
    desk.scene.set_mode(*mode)
    scenarios = desk.report(account, moved=moved).scenarios
    assert [s.move for s in scenarios] == list(MOVES)
    for scenario in scenarios:
        with boa.env.anchor():
            for market in (0, 1) if moved is None else moved:
                assert scenario.prices[market] != desk.scene.vault.mark(market)
                desk.set_mark(scenario.prices[market], market)
            state = desk.scene.kernel.state(account)
            assert (scenario.equity, scenario.maintenance) == (state.equity, state.maintenance)
            after = desk.report(account)
            assert scenario.health == after.health
            assert (after.hole, after.withdrawable) == (state.hole, state.withdrawable)


def test_figures_in_a_crowd_are_those_after_really_moving_the_marks(desk):
    """2,000 and 700 of open interest between lower caps and caps, and beyond one of them after a move."""
    account = cross(desk)
    with desk.scene.as_governance():
        for market, share in ((0, 8), (1, 2)):
            crowd = margin_config(open_interest_cap_quote=2_200 * WAD, lower_cap_share=WAD * share // 16)
            desk.scene.vault.set_margin_config(market, tuple(crowd.values()))
    report = desk.report(account)
    state = desk.scene.kernel.state(account)
    assert (report.hole, report.withdrawable) == (state.hole, state.withdrawable)
    # far above the classes' margins
    assert report.initial > 3 * 20 * 100 * WAD // 20
    for scenario in report.scenarios:
        with boa.env.anchor():
            desk.set_mark(scenario.prices[0])
            desk.set_mark(scenario.prices[1], 1)
            state, after = desk.scene.kernel.state(account), desk.report(account)
            assert (after.hole, after.withdrawable) == (state.hole, state.withdrawable)


def test_what_may_be_done_is_what_the_kernel_lets_be_done(desk):
    """All three outcomes occur; of a take-over the size is the kernel's, in each market."""
    account = cross(desk, margin=160)
    taker = desk.scene.account("liquidator", 10**6)
    seen = set()
    moves = [n * 10**15 for n in range(-150, 151, 6)]
    for scenario in desk.report(account, moved=[0], moves=moves).scenarios:
        seen.add(scenario.outcome)
        with boa.env.anchor():
            desk.set_mark(scenario.prices[0])
            if scenario.outcome == ABSORBED:
                desk.scene.kernel.absorb(account)
                continue
            with boa.reverts("margin: account healthy"):
                desk.scene.kernel.absorb(account)
            if scenario.outcome == HEALTHY:
                assert scenario.sizes == {}
                with boa.reverts("margin: account healthy"):
                    desk.scene.kernel.take_over(account, taker)
                continue
            for market in (0, 1):
                with boa.env.anchor():
                    done = desk.scene.kernel.take_over(account, taker, market=market)
                    assert abs(done.size) == scenario.sizes[market] > 0
    assert seen == {HEALTHY, LIQUIDATED, ABSORBED}


def crash_of_the_loser(desk: Desk, reserve: float) -> tuple[int, int]:
    """A loser with 60 of margin for 10 at 100, and a fund; the account, and the price of a move of 10 %."""
    scene = desk.scene
    account = scene.bankrupt(scene.account("winner", 5000))
    desk.fund = scene.with_fund(reserve)
    return account, scene.price(10)


def of_the_move(desk: Desk, account: int):
    """The scenario in which the mark moves 10 % against the account."""
    return next(s for s in desk.report(account).scenarios if s.move == -desk.scene.side * 10**17)


@pytest.mark.parametrize(("reserve", "fund", "last"), [(0, 0, 40), (15, 15, 25), (40, 40, 0), (100, 40, 0)])
def test_who_pays_is_who_then_pays(desk, reserve, fund, last):
    """100 is lost: 60 own margin, of the 40 the fund what it may, the rest a round."""
    account, price = crash_of_the_loser(desk, reserve)
    scenario = of_the_move(desk, account)
    payers = scenario.payers
    assert (payers.own, payers.bankruptcy_account, payers.fund, payers.last_tiers, payers.nobody) == tuple(
        wad(part) for part in (60, 0, fund, last, 0)
    )
    assert payers.lack == wad(40) == -scenario.equity
    desk.set_mark(price)
    desk.scene.kernel.absorb(account)
    desk.scene.vault.pay_claims(0)
    if last:
        desk.fund.set_budgets(0, 0)
        desk.scene.kernel.charge_round()
    claim = desk.scene.kernel.claims()[0]
    assert (claim.amount, claim.reserve, claim.socialised, claim.outstanding) == (
        payers.lack,
        payers.fund,
        payers.last_tiers,
        0,
    )


def test_what_nobodys_profit_can_pay_stays_open(desk):
    """The winner leaves at 5 against and his profit matures: his heir has won less."""
    scene = desk.scene
    winner = scene.account("winner", 5000)
    account = scene.account("loser", 70)
    scene.open(account, winner, 10)
    scene.move(5)
    scene.open(winner, scene.account("heir", 5000), 10)
    for _ in range(30):
        scene.move(5, seconds=300)
    assert scene.kernel.position(winner).maturing == 0
    move = (scene.price(15) - scene.price(5)) * 10**18 // scene.price(5)
    scenario = desk.report(account, moves=[move]).scenarios[0]
    payers, lack = scenario.payers, -scenario.equity
    profit = abs(scenario.prices[0] - scene.price(5)) * 10
    assert payers.last_tiers == min(profit, lack)
    assert payers.nobody == lack - payers.last_tiers
    # and far beyond, more than the heir wins is lacking
    farther = desk.report(account, moves=[-scene.side * 35 * 10**16]).scenarios[0]
    assert farther.payers.lack == farther.payers.last_tiers + farther.payers.nobody


def test_a_cushion_of_the_bankruptcy_account_pays_first(desk):
    """An absorbed account left equity behind: the next one's lack comes out of it before there is a claim."""
    scene = desk.scene
    winner = scene.account("winner", 5000)
    first = scene.account("first", 800)
    scene.open(first, winner, 100)
    second = scene.account("second", 60)
    scene.open(second, winner, 10)
    # first: 800 - 710 = 90 of a maintenance margin of about 232
    scene.move("7.1")
    scene.kernel.absorb(first)
    cushion = scene.kernel.inventory().equity
    assert cushion > wad(40)
    price = scene.price("7.3")
    move = (price - scene.vault.mark(0)) * 10**18 // scene.vault.mark(0)
    scenario = desk.report(second, moves=[move]).scenarios[0]
    payers = scenario.payers
    assert payers.lack == payers.bankruptcy_account == -scenario.equity > wad(10)
    desk.set_mark(scenario.prices[0])
    before = scene.kernel.inventory().equity
    assert before > payers.lack
    scene.kernel.absorb(second)
    assert scene.kernel.claims() == []
    assert scene.kernel.inventory().equity == before - payers.lack


def test_an_older_claim_is_paid_first(desk):
    """The fund's 50 go to the claim that was there; nobody is promised them again."""
    scene = desk.scene
    winner = scene.account("winner", 5000)
    first, second = scene.bankrupt(winner), scene.bankrupt(winner, name="second")
    desk.fund = scene.with_fund(0)
    scene.move(10)
    scene.kernel.absorb(first)
    desk.fund.set_budgets(wad(50) // scene.kernel.scale, 0)
    payers = desk.report(second, moves=[0]).scenarios[0].payers
    assert (payers.lack, payers.fund, payers.last_tiers) == (wad(40), wad(10), wad(30))


def test_own_margin_is_all_of_it_once_absorbed(desk):
    """With equity left an absorbed account loses that too."""
    scene = desk.scene
    account = scene.bankrupt(scene.account("winner", 5000))
    moves = [-scene.side * 4 * 10**16, -scene.side * 54 * 10**15]
    healthy, absorbed = desk.report(account, moves=moves).scenarios
    assert healthy.outcome != ABSORBED
    assert (healthy.payers.own, healthy.payers.lack) == (wad(40), 0)
    assert absorbed.outcome == ABSORBED
    assert absorbed.equity > 0
    assert (absorbed.payers.own, absorbed.payers.lack) == (wad(60), 0)


def test_a_gain_costs_nobody(desk):
    account = desk.scene.bankrupt(desk.scene.account("winner", 5000))
    payers = desk.report(account, moves=[desk.scene.side * 10**17]).scenarios[0].payers
    assert (payers.own, payers.lack) == (0, 0)


def test_an_account_without_positions_has_no_scenarios(desk):
    account = desk.scene.account("idle", 100)
    assert desk.report(account).scenarios == ()
    assert desk.report(account).health is None


def test_a_market_without_a_position_cannot_be_moved(desk):
    account = desk.scene.bankrupt(desk.scene.account("winner", 5000))
    with pytest.raises(ValueError, match="no position in market 1"):
        desk.report(account, moved=[1])
