"""Attacks on liquidation: farming its rewards, dodging it, making it revert or too heavy."""

from decimal import Decimal

import boa
import pytest

from tests.attacks.desk import ROUND, Desk, open_desk, worth
from tests.kernel import WAD, account_of, deploy_kernel, wad
from tests.support import actor, deploy, wait
from tests.unit.crisis.scene import Scene, ceil_div, fresh


def test_l02_keeper_of_ones_own_small_accounts_earns_nothing(either):
    """Six least accounts of one owner, absorbed for his own keeper: never more than before the call."""
    book = either.account("counterparty", 5000)
    accounts = [either.account("attacker", "5", sub=n) for n in range(6)]
    keeper = either.account("attacker", "0.000001", sub=99)
    for account in accounts:
        either.open(account, book, 1)
    either.move("4.5")
    for account in accounts:
        before = worth(either, *accounts, keeper)
        either.kernel.absorb(account, keeper)
        assert worth(either, *accounts, keeper) < before
    assert either.kernel.state(keeper).cash <= 6 * wad("0.25") + 10**12
    either.kernel.assert_conserved()


def test_l02_splitting_an_account_brings_its_keeper_no_more(either):
    """
    A flat reward invites splitting; but it is at most half of what the absorbed account itself still had.
    """
    book = either.account("counterparty", 50_000)
    keeper = either.account("attacker", "0.000001", sub=99)
    gained = {}
    for parts in (1, 5):
        with boa.env.anchor():
            accounts = [either.account("attacker", 60 / parts, sub=n) for n in range(parts)]
            for account in accounts:
                either.open(account, book, 10 / parts)
            either.move("5.5")
            before = worth(either, *accounts, keeper)
            for account in accounts:
                either.kernel.absorb(account, keeper)
            gained[parts] = worth(either, *accounts, keeper) - before
            either.kernel.assert_conserved()
    assert gained[1] < 0
    assert gained[5] < 0


def test_l05_stranger_without_any_stake_resolves_a_bankruptcy(desk: Desk):
    """No deposit, no role: absorption, the fund's part and the winners' part are there for everybody."""
    scene = desk.scene
    desk.add_capital(100)
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    scene.move(10)
    with boa.env.prank(actor("stranger")):
        desk.engine.absorb(loser, account_of("stranger"))
        desk.allocator.resolve(0, 100)
    claim = scene.kernel.claims()[0]
    assert (claim.reserve, claim.socialised, claim.outstanding) == (wad(25), wad(15), 0)
    assert scene.equity(winner) == wad(1085)
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("against", [4, "5.5"], ids=["take over", "absorb"])
def test_l10_victim_one_step_ahead_does_not_make_liquidation_revert(either, against):
    """
    The liquidator's size and his view of the account are a transaction old: what is there is what he gets.
    """
    victim = either.account("victim", 60)
    friend = either.account("counterparty", 5000)
    either.open(victim, friend, 10)
    either.move(against)
    pair = (friend, victim) if either.side > 0 else (victim, friend)
    either.kernel.fill(*pair, "0.1")
    either.kernel.fund_account("victim", "0.000001")
    if against == 4:
        either.kernel.take_over(victim, either.account("liquidator", 5000), size=wad(10))
        assert either.kernel.state(victim).equity >= either.kernel.state(victim).maintenance
    else:
        either.kernel.absorb(victim)
        assert either.kernel.position(victim).size == 0
    either.kernel.assert_conserved()


@pytest.fixture(scope="module")
def blocking_kernel():
    return deploy_kernel(token=deploy("mocks/MockTokenBlocklist.vy", 6))


def test_l15_token_that_blocks_the_owner_does_not_stop_his_liquidation(blocking_kernel):
    """
    10 at 100 with 100 of margin, the price 92: the same to the wei, whatever the token thinks of the owner.
    """
    scene = fresh(blocking_kernel, 1)
    token, outcomes = scene.kernel.token, []
    for obstacle in ("none", "owner blocked", "token paused"):
        with boa.env.anchor():
            victim = scene.account("victim", 100)
            liquidator = scene.account("liquidator", 5000)
            scene.open(victim, scene.account("counterparty", 5000), 10)
            scene.move(8)
            token.set_blocked(actor("victim"), obstacle == "owner blocked")
            token.set_paused(obstacle == "token paused")
            outcomes.append((tuple(scene.kernel.take_over(victim, liquidator)), scene.equity(victim)))
            scene.kernel.assert_conserved()
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_l15_blocked_owner_keeps_what_is_left_to_him(blocking_kernel):
    """What remains after liquidation is credited inside, and is there when the token lets him have it."""
    scene = fresh(blocking_kernel, 1)
    victim, liquidator = scene.account("victim", 100), scene.account("liquidator", 5000)
    book = scene.account("counterparty", 5000)
    scene.open(victim, book, 10)
    scene.move(8)
    scene.kernel.token.set_blocked(actor("victim"), True)
    scene.kernel.take_over(victim, liquidator)
    scene.open(book, victim, Decimal(scene.kernel.position(victim).size) / WAD)
    left = scene.kernel.state(victim).withdrawable
    assert left == scene.equity(victim) > 0
    scene.kernel.token.set_blocked(actor("victim"), False)
    units = left // scene.kernel.scale
    with boa.env.prank(actor("victim")):
        scene.vault.withdraw(victim, units, actor("victim"), units)
    assert scene.kernel.token.balanceOf(actor("victim")) == units
    scene.kernel.assert_conserved()


def test_l28_account_in_a_dead_market_is_absorbed_if_another_has_a_price(scene):
    """A feed that dies cannot shelter an account that is lost anyway in a market with a price."""
    other = scene.account("counterparty", 50_000)
    victim = scene.account("victim", 130)
    scene.open(victim, other, 10)
    scene.open(victim, other, 10, market=1)
    scene.move(0, market=1)
    scene.kernel.oracle.set_down(1, True)
    scene.move(14, seconds=1000)
    assert scene.kernel.state(victim).is_stale
    assert scene.kernel.absorb(victim) == -wad(10)
    assert scene.kernel.inventory(1).size == wad(10)
    scene.kernel.assert_conserved()


def test_d01_account_in_eight_markets_is_absorbed_within_a_quarter_of_a_block(scene):
    """Eight markets, all below zero, all member of a charged generation: 7.5 million gas are enough."""
    kernel = deploy_kernel(markets=8)
    crowd = fresh(kernel, 1)
    other, victim = crowd.account("counterparty", 50_000), crowd.account("victim", 480)
    for market in range(8):
        crowd.open(victim, other, 10, market=market)
    for market in range(8):
        crowd.move(10, market=market)
    crowd.kernel.absorb(victim)
    assert crowd.gas() < 7_500_000
    assert sum(claim.amount for claim in crowd.kernel.claims()) == wad(320)
    crowd.kernel.assert_conserved()


def test_2025_11_popcat_many_wallets_cost_the_fund_no_more_than_one_markets_share(desk: Desk):
    """
    Hyperliquid, POPCAT, November 2025: 19 wallets lost 3 million on purpose, to make the pool lose 5. The
    fund here pays at most its share for one market and episode; what is beyond that is the winners' of that
    market.
    """
    scene = desk.scene
    desk.add_capital(1000)
    desk.set_policy(ROUND)
    winner = scene.account("winner", 50_000)
    wallets = [scene.account(f"wallet {n}", 60) for n in range(19)]
    for wallet in wallets:
        scene.open(wallet, winner, 10)
    scene.move(12)
    with boa.env.prank(actor("stranger")):
        desk.engine.absorb_many(wallets[:16], account_of("stranger"))
        desk.engine.absorb_many(wallets[16:], account_of("stranger"))
        desk.allocator.resolve(0, 100)
    assert desk.fund.reserve() * scene.kernel.scale == wad(750)
    claims = scene.kernel.claims()
    assert sum(claim.reserve for claim in claims) == wad(250)
    assert sum(claim.socialised for claim in claims) == wad(19 * 60 - 250)
    assert scene.kernel.inventory().outstanding == 0
    scene.kernel.assert_conserved()


def test_x11_buying_ones_own_inventory_in_pieces_gains_no_more_than_was_left_in_it(either):
    """The discount grows to 2 % but never beyond what the absorbed account itself left behind."""
    book = either.account("counterparty", 50_000)
    victim, buyer = either.account("attacker", 60), either.account("attacker", 20_000, sub=1)
    either.open(victim, book, 10)
    either.move("5.2")
    before = worth(either, victim, buyer)
    either.kernel.absorb(victim, buyer)
    either.move("5.2", seconds=599)
    for _ in range(7):
        either.kernel.buy_inventory(buyer, wad("1.3"))
    either.kernel.buy_inventory(buyer)
    assert worth(either, victim, buyer) <= before
    assert either.kernel.inventory().size == 0
    either.kernel.assert_conserved()


def test_x12_reward_of_a_bankrupt_account_comes_out_of_past_liquidations_only(either):
    """A keeper of his own bankrupt pair is paid, in all, no more than liquidations have earned before."""
    book = either.account("counterparty", 50_000)
    first = either.account("victim", 60)
    either.open(first, book, 10)
    either.move(4)
    earned = either.kernel.take_over(first, either.account("liquidator", 5000)).fee
    losers = [either.account("attacker", 600, sub=n) for n in range(3)]
    for loser in losers:
        either.open(loser, book, 100)
    either.move(13)
    keeper = account_of("attacker", 99)
    either.kernel.accounts.add(keeper)
    for loser in losers:
        either.kernel.absorb(loser, keeper)
    assert 0 < either.kernel.state(keeper).cash <= earned
    assert either.vault.fee_state().liquidation == earned - either.kernel.state(keeper).cash
    either.kernel.assert_conserved()


def test_l21_liquidator_does_not_strip_the_hedge(either):
    """
    1,200 against 1,000 in another market. The attacker wants the hedge, which is easier to sell, and to leave
    the rest to fall: he gets it only as far as what it hedges has been taken before.
    """
    desk = open_desk(either)
    victim, other = either.account("victim", 130), either.account("counterparty", 10_000)
    attacker, side = either.account("attacker", 5000), either.side
    either.open(victim, other, 12)
    either.open(other, victim, 10, market=1)
    for market in (0, 1):
        either.move(7 if market == 0 else "0.5", market)

    def take(market: int) -> int:
        limit = 2**200 if either.kernel.position(victim, market).size > 0 else 0
        with boa.env.prank(actor("attacker")):
            return abs(desk.engine.take_over(victim, market, wad(100), attacker, limit).size)

    assert either.kernel.plan(victim, market=1).is_liquidatable
    with boa.reverts("liquidation: larger side first"):
        take(1)
    assert take(0) > 0
    exposure = either.vault.exposure(victim, 0)
    unhedged = (exposure.longs - exposure.shorts) * side
    # before: 116 or 279 of 1,116 or 1,284
    assert unhedged < wad(300)
    if either.kernel.plan(victim, market=1).is_liquidatable:
        take(1)
    assert not either.kernel.plan(victim).is_liquidatable
    either.kernel.assert_conserved()


def test_l21_using_up_a_markets_limit_protects_nobody_for_long(either):
    """
    An attacker who is about to be liquidated sees to it that the limit is used up first. He is taken over as
    fast as it refills, and at once when his health is below a half.
    """
    desk, governance = open_desk(either), actor("governance")
    desk.engine.set_rate_limit(0, wad(10**9), 14_000, sender=governance)
    a_second = wad(10**9) // 14_000
    margin = 59_700 if either.side > 0 else 61_000
    victim = either.bankrupt(either.account("winner", 10**7), size=10_000, margin=margin, name="attacker")
    keeper, limit = either.account("keeper", 10**7), 2**200 if either.side > 0 else 0
    desk.use_exchange()
    with boa.env.prank(desk.exchange.address):
        desk.engine.count(0, wad(10**8))
    assert desk.engine.rate_limit_state(0).free == 0

    def take() -> int:
        taken = desk.engine.take_over(victim, 0, wad(10**6), keeper, limit, sender=actor("keeper"))
        return abs(taken.size) * either.vault.mark(0) // WAD

    either.move(4, seconds=1)
    assert a_second - 10**3 < take() <= a_second
    assert either.kernel.plan(victim).is_liquidatable
    with boa.env.anchor():
        either.move("4.9", seconds=1)
        assert WAD * 4 // 10 < either.kernel.plan(victim).health < WAD // 2
        assert take() > 5 * a_second
    wait(60)
    assert take() > 5 * a_second
    assert not either.kernel.plan(victim).is_liquidatable
    either.kernel.assert_conserved()


@pytest.mark.parametrize("call", ["absorb", "absorb_many", "take_over"])
def test_x17_hedged_account_solvent_at_present_prices_is_not_liquidated(either, call):
    """
    10 lost on in one market, 6 won on in another, both move by 12: worth 52. The attacker renews the one mark
    at which the account is bankrupt, and the engine the other.
    """
    desk = open_desk(either)
    victim, other = either.account("victim", 100), either.account("counterparty", 10_000)
    attacker = either.account("attacker", 5000)
    either.open(victim, other, 10)
    either.open(other, victim, 6, market=1)
    wait(30)
    for market in (0, 1):
        either.kernel.oracle.set_price(market, either.price(12))
    either.vault.update_mark(0)
    assert either.equity(victim) == -wad(20)
    with boa.env.prank(actor("attacker")):
        if call == "absorb_many":
            assert desk.engine.absorb_many([victim], attacker) == 0
        else:
            limit = 2**200 if either.side > 0 else 0
            arguments = {"absorb": (attacker,), "take_over": (0, wad(10), attacker, limit)}
            with boa.reverts("margin: account healthy"):
                getattr(desk.engine, call)(victim, *arguments[call])
    assert either.kernel.position(victim).size == either.side * wad(10)
    either.vault.update_mark(1)
    assert either.equity(victim) == wad(52)
    either.kernel.assert_conserved()


@pytest.mark.parametrize("how", ["take over", "inventory"])
def test_x20_nobody_takes_a_part_below_the_least_size(either, how):
    """
    A wei, or a wei less than the least size, taken over or bought: not worth liquidating, and in a tick.
    """
    griefer = either.account("griefer", 100)
    loser = either.bankrupt(either.account("winner", 10_000))
    mark = either.move(4 if how == "take over" else "5.7")
    if how == "inventory":
        either.kernel.absorb(loser)

    def take(size: int) -> None:
        if how == "inventory":
            either.kernel.buy_inventory(griefer, size)
        else:
            either.kernel.take_over(loser, griefer, size)

    least = ceil_div(wad(100) * WAD, mark)
    for size in (1, least - 1):
        with boa.reverts("margin: below minimum size"):
            take(size)
    take(least)
    assert either.kernel.position(griefer).size == either.side * least
    either.kernel.assert_conserved()


def test_x20_dust_of_an_inventory_goes_to_one_account_or_to_none(scene):
    """
    Longs of 1, 2, 3 ... wei at a price of a thousandth would lie in ticks of their own; only the rest, whole,
    may be small.
    """
    scene.kernel.set_price("0.001")
    loser, buyer = scene.account("loser", 60), scene.account("buyer", 1000)
    scene.open(loser, scene.account("winner", 10_000), 1_000_000)
    scene.kernel.set_price("0.000943")
    scene.kernel.absorb(loser)
    griefers = [scene.account("griefer", "0.000001", sub=n) for n in range(8)]
    for size, griefer in enumerate(griefers, 1):
        with boa.reverts("margin: below minimum size"):
            scene.kernel.buy_inventory(griefer, size)
    scene.kernel.buy_inventory(buyer, wad(1_000_000) - 7)
    for griefer in griefers:
        with boa.reverts("margin: below minimum size"):
            scene.kernel.buy_inventory(griefer, 6)
    scene.kernel.buy_inventory(griefers[0])
    assert scene.kernel.position(griefers[0]).size == 7
    assert scene.kernel.inventory().size == 0
    scene.kernel.assert_conserved()


def test_x21_auction_of_what_is_added_is_no_older_than_its_share_of_the_whole(either):
    """
    50 units left for ten minutes next to 1,000 that come then: 28 s by weight, of 2 % in 600 s, and no more.
    """
    winner, attacker = either.account("winner", 100_000), either.account("attacker", 100_000)
    crumb, victim = either.account("crumb", 300), either.account("victim", 6000)
    either.open(crumb, winner, 50)
    either.open(victim, winner, 1000)
    either.move("5.2")
    either.kernel.absorb(crumb)
    mark = either.move("5.3", seconds=599)
    before = worth(either, attacker)
    either.kernel.absorb(victim)
    either.kernel.buy_inventory(attacker)
    seconds = 599 - ceil_div(599 * 1000, 1050)
    assert seconds == 28
    gain = worth(either, attacker) - before
    assert 0 <= 1050 * mark * 2 * seconds // (100 * 600) - gain <= 1050 * mark // WAD
    either.kernel.assert_conserved()


def test_x21_crumb_left_for_a_week_counts_as_one_auction_old(either):
    """A unit next to 1,000: by its real age the next auction would start at its full discount."""
    winner, attacker = either.account("winner", 100_000), either.account("attacker", 100_000)
    crumb, victim = either.account("crumb", 6), either.account("victim", 6000)
    either.open(crumb, winner, 1)
    either.open(victim, winner, 1000)
    either.move("5.2")
    either.kernel.absorb(crumb)
    mark = either.move("5.3", seconds=7 * 86_400)
    before = worth(either, attacker)
    either.kernel.absorb(victim)
    either.kernel.buy_inventory(attacker)
    # 600 s by a thousandth, rounded down: none
    assert worth(either, attacker) - before <= 1001 * mark // WAD
    either.kernel.assert_conserved()


@pytest.mark.parametrize("size", ["1.5", "2", "4"])
def test_x20_small_account_just_below_maintenance_can_be_taken_over_by_a_newcomer(either, size):
    """Less than the least size would restore its health; so the least size is what may be taken."""
    size = Decimal(size)
    mark = either.price(4)
    loser = either.account("loser", round(size * 4 + size * Decimal(mark) / WAD / 40 * Decimal("0.99"), 6))
    either.open(loser, either.account("winner", 10_000), size)
    either.move(4)
    taken = either.kernel.take_over(loser, either.account("liquidator", 5000))
    assert wad(100) <= abs(taken.size) * mark // WAD + 1
    either.kernel.assert_conserved()


def test_2018_07_okex_whale_that_may_not_add_may_still_reduce_and_top_up(scene: Scene):
    """OKEx, July 2018: a frozen account could neither add margin nor get out. Close-only stops neither."""
    whale, book = scene.account("whale", 60), scene.account("counterparty", 5000)
    scene.open(whale, book, 10)
    scene.move("3.5")
    with boa.env.prank(actor("guardian")):
        scene.vault.set_market_status(0, 2)
        scene.vault.set_paused(True)
    scene.account("whale", 10)
    scene.kernel.fill(book, whale, 5)
    assert scene.kernel.position(whale).size == wad(5)
    assert scene.equity(whale) == wad(35)
    assert WAD * scene.equity(whale) // scene.kernel.state(whale).maintenance > WAD
    scene.kernel.assert_conserved()
