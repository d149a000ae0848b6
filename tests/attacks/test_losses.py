"""Attacks on bad debt and on how it is shared: who runs first, who is forced, what is left behind."""

import boa
import pytest

from tests.attacks.desk import CLOSE_AT_MARK, DELEVERAGE, ROUND, Desk
from tests.kernel import INSURANCE_FUND, WAD, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene


def test_s02_profits_of_five_five_and_two_share_ten_pro_rata(either):
    """
    Ten are there for claims of 5, 5 and 2: not 5, 5 and nothing in the order of the doors, but 5/6 for each.
    """
    loser = either.account("loser", 100)
    winners = [either.account(f"winner {n}", 1000) for n in range(3)]
    for winner, size in zip(winners, (5, 5, 2), strict=True):
        either.open(loser, winner, size)
    either.move(10)
    # the first one out of the door
    either.open(winners[0], either.account("heir", 1000), 5)
    assert either.kernel.absorb(loser) == -wad(20)
    either.kernel.charge_round()
    left = [either.equity(winner) - wad(1000) for winner in winners]
    for got, had in zip(left, (50, 50, 20), strict=True):
        assert 0 <= wad(had) * 5 - 6 * got <= 6 * 10**9
    either.kernel.assert_conserved()


def test_s06_round_that_takes_every_profit_bankrupts_no_winner(either):
    """Profit is all that is taken: who has won keeps his margin, and is not below zero because of others."""
    winner = either.account("winner", 60)
    loser = either.account("loser", 60)
    either.open(loser, winner, 10)
    either.move(20)
    bystander, heir = either.account("bystander", 1000), either.account("heir", 1000)
    either.open(bystander, heir, 10)
    either.move(30)
    either.kernel.absorb(loser)
    either.kernel.charge_round()
    assert either.equity(heir) >= wad(1000)
    assert wad(60) <= either.equity(winner) <= wad(360)
    with boa.reverts("margin: account healthy"):
        either.kernel.absorb(winner)
    either.kernel.assert_conserved()


def test_s08_depositor_without_a_position_pays_nothing_in_any_tier(desk: Desk):
    """
    The fund, queue ADL, a round and a loss nobody can pay: the idle deposit is the same to the unit, and
    free.
    """
    scene = desk.scene
    desk.set_policy(DELEVERAGE, ROUND, CLOSE_AT_MARK)
    desk.add_capital(10)
    idle = scene.account("idle", "777.000001")
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    scene.move(60)
    desk.engine.absorb(loser, winner, sender=actor("stranger"))
    desk.allocator.resolve(0, 100, sender=actor("stranger"))
    claim = scene.kernel.claims()[0]
    assert min(claim.reserve, claim.adl, claim.socialised) > 0
    units = wad("777.000001") // scene.kernel.scale
    scene.vault.withdraw(idle, units, actor("idle"), units, sender=actor("idle"))
    assert scene.equity(idle) == 0
    scene.kernel.assert_conserved()


def test_s12_nobody_can_absorb_an_account_that_is_none(scene):
    """
    The zero account, the fund's and the vault's own: there is nothing to resolve on them, and no loss to
    lose.
    """
    scene.with_fund(reserve=100)
    loser = scene.bankrupt(scene.account("winner", 1000))
    scene.move(10)
    scene.kernel.absorb(loser)
    fund, vault = scene.vault.role_holder(INSURANCE_FUND), scene.vault.address
    before = scene.snapshot()
    for account in (0, int(str(fund), 16) << 96, int(str(vault), 16) << 96):
        with boa.reverts("margin: account healthy"):
            scene.kernel.absorb(account)
    assert scene.snapshot() == before


def test_s13_loss_nobody_can_pay_stays_a_claim_and_is_paid_by_later_profit(either):
    """
    No short payment is taken for a full one: what lacks is written down until somebody's profit covers it.
    """
    winner, loser = either.account("winner", 1000), either.account("loser", 60)
    either.open(loser, winner, 10)
    either.move(10)
    either.open(winner, either.account("heir", 1000), 10)
    for _ in range(30):
        either.move(10, seconds=300)
    assert either.kernel.state(winner).withdrawable == wad(1100)
    assert either.kernel.absorb(loser) == -wad(40)
    with boa.reverts("crisis: nothing reachable"):
        either.kernel.charge_round()
    assert either.kernel.claims()[0].outstanding == wad(40)
    assert either.kernel.inventory().equity == -wad(40)
    either.kernel.assert_conserved()


@pytest.mark.parametrize("reserve", ["0", "0.000001", "39.999999", "40", "40.000001", "500"])
def test_s15_every_size_of_the_fund_pays_its_part_and_the_next_tier_the_rest(either, reserve):
    """
    The borders of the waterfall: nothing falls between two tiers, and neither pays what the other has paid.
    """
    winner = either.account("winner", 1000)
    loser = either.bankrupt(winner)
    either.with_fund(reserve=reserve)
    either.move(10)
    either.kernel.absorb(loser)
    either.vault.pay_claims(0)
    if either.kernel.inventory().outstanding > wad("0.01"):
        either.kernel.charge_round()
    claim = either.kernel.claims()[0]
    assert claim.reserve == min(wad(reserve), wad(40))
    # what lacks less than a hundredth waits until the price or the next payment covers it
    if wad(40) - claim.reserve > wad("0.01"):
        assert (claim.socialised, claim.outstanding) == (wad(40) - claim.reserve, 0)
    assert claim.reserve + claim.socialised + claim.outstanding == wad(40)
    assert either.equity(winner) == wad(1100) - claim.socialised
    either.kernel.assert_conserved()


@pytest.mark.parametrize("when", ["before the round", "after the round"])
def test_s19_stranger_who_touches_a_winner_changes_nothing_he_has(either, when):
    """Booking somebody's profit for him at the worst moment costs him nothing: his twin is not better off."""
    victim, twin = either.account("victim", 1000), either.account("twin", 1000)
    losers = [either.account("loser", 60, sub=n) for n in range(2)]
    either.open(losers[0], victim, 10)
    either.open(losers[1], twin, 10)
    either.move(10)
    either.kernel.absorb(losers[0])
    either.kernel.deleverage()
    either.kernel.absorb(losers[1])
    if when == "before the round":
        either.touch(victim)
    either.kernel.charge_round()
    if when == "after the round":
        either.touch(victim)
    assert 0 <= either.equity(twin) - either.equity(victim) <= 2 * 10**9
    either.kernel.assert_conserved()


def test_q02_crumbs_in_the_queue_do_not_keep_the_fund_from_a_large_claim(scene):
    """
    Forty bankrupt crumbs ahead of the real loss: one call pays all of them, within a tenth of a block's gas.
    """
    book = scene.account("winner", 50_000)
    crumbs = [scene.account("attacker", 5, sub=n) for n in range(40)]
    for crumb in crumbs:
        scene.open(crumb, book, 1)
    loser = scene.account("loser", 600)
    scene.open(loser, book, 100)
    scene.move("6.1")
    for crumb in crumbs:
        scene.kernel.absorb(crumb)
    scene.kernel.absorb(loser)
    first, last = scene.vault.claim_queue(0)
    assert last - first == 32
    scene.with_fund(reserve=1000)
    assert scene.vault.pay_claims(0) == wad("54")
    assert scene.gas() < 3_000_000
    assert scene.kernel.inventory().outstanding == 0
    scene.kernel.assert_conserved()


def test_p13_fund_that_takes_over_pays_the_claims_of_its_predecessors_time(either):
    """A new fund while claims are open: the vault keeps the claims, so none is lost with the old one."""
    loser = either.bankrupt(either.account("winner", 1000))
    either.with_fund(reserve=15)
    either.move(10)
    either.kernel.absorb(loser)
    either.vault.pay_claims(0)
    either.with_fund(reserve=1000)
    assert either.vault.pay_claims(0) == wad(25)
    claim = either.kernel.claims()[0]
    assert (claim.reserve, claim.outstanding) == (wad(40), 0)
    either.kernel.assert_conserved()


def test_2020_03_deribit_money_added_in_a_crisis_repays_nobody(desk: Desk):
    """
    Deribit, March 2020: half the fund was gone in three days, then the owner added 500 BTC. What is added
    during a crisis repays nobody who has paid already; it serves later claims, as far as the day's limit goes
    at first.
    """
    scene = desk.scene
    desk.add_capital(40)
    winner = scene.account("winner", 5000)
    first, second = scene.bankrupt(winner), scene.account("loser", 60, sub=1)
    scene.open(second, winner, 10, market=1)
    scene.move(10)
    desk.engine.absorb(first, winner, sender=actor("stranger"))
    desk.allocator.resolve(0, 100, sender=actor("stranger"))
    before = scene.kernel.claims()[0]
    assert (before.reserve, before.socialised) == (wad(10), wad(30))
    desk.add_capital(500)
    scene.move(12, market=1)
    desk.engine.absorb(second, winner, sender=actor("stranger"))
    assert scene.kernel.claims()[1].reserve == wad(30)
    wait(2 * 86_400)
    scene.vault.pay_claims(1)
    after, later = scene.kernel.claims()
    assert tuple(after) == tuple(before)
    assert (later.reserve, later.outstanding) == (wad(60), 0)
    scene.kernel.assert_conserved()


def test_2022_05_perp_v1_thin_market_cannot_empty_the_fund(desk: Desk):
    """
    Perpetual Protocol v1, May 2022: one illiquid market used up the whole fund. Here a market draws a quarter
    of the reserve in an episode, however great its claims, and the next call, or the next bankruptcy, renews
    nothing.
    """
    scene = desk.scene
    desk.add_capital(1000)
    winner = scene.account("winner", 50_000)
    for n in range(3):
        loser = scene.account("loser", 600, sub=n)
        scene.open(loser, winner, 100)
    scene.move(20)
    for n in range(3):
        desk.engine.absorb(scene.account("loser", "0.000001", sub=n), winner, sender=actor("stranger"))
        wait(1)
        scene.vault.pay_claims(0)
    assert desk.fund.reserve() * scene.kernel.scale == wad(750)
    scene.kernel.assert_conserved()


def test_x14_fund_that_fails_in_every_way_at_once_delays_nobody_for_good(scene: Scene):
    """It burns its gas, its view too: absorption goes on at once, the winners' tiers after two failures."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    fund = scene.with_fund(reserve=1000)
    fund.set_behaviour(fund.BURNS_GAS(), fund.BURNS_GAS())
    scene.move(10)
    assert scene.kernel.absorb(loser) == -wad(40)
    with boa.reverts("crisis: fund can pay"):
        scene.kernel.charge_round()
    scene.vault.pay_claims(0)
    scene.move(10, seconds=600)
    scene.kernel.charge_round()
    assert scene.equity(winner) == wad(1060)
    scene.kernel.assert_conserved()


def test_x14_token_payment_that_the_fund_only_claims_to_have_made_counts_for_nothing(scene: Scene):
    """The fund says it has paid a thousand; no token came: the claim stays, and nobody is richer."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    fund = scene.with_fund()
    fund.set_lie(1000 * WAD, 1000 * WAD)
    scene.move(10)
    scene.kernel.absorb(loser)
    assert scene.vault.pay_claims(0) == 0
    assert scene.kernel.claims()[0].outstanding == wad(40)
    scene.kernel.assert_conserved()
