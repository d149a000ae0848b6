"""Attacks through the price, with the real oracle: what a feed can do to accounts, and what it cannot."""

import boa
import pytest

from tests.kernel import PRICE_ORACLE, wad
from tests.support import actor, deploy, wait
from tests.unit.crisis.scene import Scene

HOUR = 3600


class Feeds:
    """Three feeds at 100 behind the real oracle, in charge of market 0."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        governance = actor("governance")
        self.oracle = deploy("PriceOracle.vy", governance)
        self.feeds = [deploy("mocks/MockAggregator.vy", 8, 100 * 10**8) for _ in range(3)]
        self.say(100, 100, 100)
        configs = [(feed.address, HOUR, 10**4, 10**14) for feed in self.feeds]
        self.oracle.set_feeds(0, configs, 2, 5 * 10**16, sender=governance)
        scene.vault.set_role(PRICE_ORACLE, self.oracle.address, sender=governance)

    def say(self, *prices: float) -> None:
        for feed, price in zip(self.feeds, prices, strict=True):
            feed.set_answer(int(price * 10**8))


@pytest.fixture
def feeds(scene: Scene) -> Feeds:
    return Feeds(scene)


@pytest.fixture
def trader(feeds: Feeds) -> int:
    account = feeds.scene.account("trader", 60)
    feeds.scene.open(account, feeds.scene.account("counterparty", 1000), 10)
    wait(60)
    return account


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ((100, 100, 100_000), "oracle: price deviation"),
        ((100, 70, 100), "oracle: price deviation"),
        ((70, 70, 100), "oracle: price deviation"),
    ],
    ids=["one print of a thousand times", "one print 30 % off", "two prints 30 % off"],
)
def test_o10_wild_print_stops_the_mark_and_liquidates_nobody(feeds: Feeds, trader, prices, reason):
    """
    Synthetix 2019, Deribit 2019: one bad source became the price. Here feeds that disagree are no price at
    all.
    """
    feeds.say(*prices)
    liquidator = feeds.scene.account("liquidator", 1000)
    before = feeds.scene.snapshot()
    with boa.reverts(reason):
        feeds.scene.vault.update_mark(0)
    for call in (feeds.scene.kernel.take_over, feeds.scene.kernel.absorb):
        with boa.reverts("margin: account healthy"):
            call(trader, liquidator)
    assert feeds.scene.snapshot() == before


@pytest.mark.parametrize("answer", [0, -1, -(2**255), 10**4, 10**14])
def test_o02_o03_feeds_at_nothing_or_at_their_bounds_make_nobody_poor_or_rich(feeds: Feeds, trader, answer):
    """Venus 2022: a feed stuck at its floor was believed. Two of three like that, and there is no price."""
    for feed in feeds.feeds[:2]:
        feed.set_answer(answer)
    before = feeds.scene.equity(trader)
    with boa.reverts("oracle: quorum not met"):
        feeds.scene.vault.update_mark(0)
    assert feeds.scene.equity(trader) == before
    feeds.scene.kernel.assert_conserved()


def test_o01_nobody_trades_or_leaves_on_a_price_that_has_stopped(feeds: Feeds, trader):
    """
    The feeds go silent: after the mark's age no fill, no liquidation and no withdrawal next to a position.
    """
    for feed in feeds.feeds:
        feed.set_reverting(True)
    wait(601)
    before = feeds.scene.snapshot()
    with boa.reverts("market: stale mark"):
        feeds.scene.open(trader, feeds.scene.account("counterparty", "0.000001"), 1)
    with boa.reverts("margin: stale mark"):
        feeds.scene.kernel.absorb(trader)
    with boa.reverts("market: stale mark"):
        feeds.scene.kernel.take_over(trader, feeds.scene.account("liquidator", 1000))
    with boa.env.prank(actor("trader")), boa.reverts("margin: stale mark"):
        feeds.scene.vault.withdraw(trader, 1, actor("trader"), 0)
    assert feeds.scene.snapshot()[0] == before[0]
    feeds.scene.kernel.assert_conserved()


def test_o07_second_price_of_one_second_is_the_first_one(feeds: Feeds, trader):
    """Flash: pushing another price inside a second changes no mark, so nothing is won between the two."""
    feeds.say(97, 97, 97)
    feeds.scene.vault.update_mark(0)
    equity = feeds.scene.equity(trader)
    feeds.say(103, 103, 103)
    assert feeds.scene.vault.update_mark(0) == wad(97)
    assert feeds.scene.equity(trader) == equity == wad(30)
    feeds.scene.kernel.assert_conserved()


def with_perpetual(feeds: Feeds) -> object:
    """A feed of the perpetual's price: half an hour's window, at most half a per cent."""
    perpetual = deploy("mocks/MockAggregator.vy", 8, 100 * 10**8)
    governance = actor("governance")
    feeds.oracle.set_perpetual_feeds(
        0, [(perpetual.address, 90_000, 10**4, 10**14)], 1, 5 * 10**16, 1_800, 5 * 10**15, sender=governance
    )
    feeds.oracle.set_funding(0, 0, 75 * 10**14, sender=governance)
    feeds.scene.vault.update_mark(0)
    return perpetual


@pytest.mark.parametrize("print_", [60, 140])
def test_f03_wild_print_of_the_perpetual_for_a_minute_moves_next_to_nothing(feeds: Feeds, trader, print_):
    """40 % off for a minute, seen as soon as it is there: the mark moves by 0.0167 %, funding by nothing."""
    perpetual = with_perpetual(feeds)
    perpetual.set_answer(print_ * 10**8)
    wait(1)
    feeds.scene.vault.update_mark(0)
    cash = feeds.scene.kernel.state(trader).cash
    wait(60)
    perpetual.set_answer(100 * 10**8)
    mark = feeds.scene.vault.update_mark(0)
    assert 0 < (mark - wad(100)) * (1 if print_ > 100 else -1) <= wad(100) * 5 * 60 // 1_800 // 1_000
    wait(300)
    feeds.scene.vault.update_mark(0)
    assert feeds.scene.kernel.state(trader).cash == cash
    feeds.scene.kernel.assert_conserved()


def test_f03_premium_that_lasts_is_paid_by_who_holds_the_dear_side(feeds: Feeds, trader):
    """Half a per cent for eight hours, looked at every ten minutes: longs pay, shorts get it."""
    perpetual = with_perpetual(feeds)
    counterparty = feeds.scene.account("counterparty", "0.000001")
    before = feeds.scene.kernel.state(trader).cash, feeds.scene.kernel.state(counterparty).cash
    perpetual.set_answer(105 * 10**8)
    for _ in range(48):
        wait(600)
        feeds.say(100, 100, 100)
        feeds.scene.vault.update_mark(0)
    paid = before[0] - feeds.scene.kernel.state(trader).cash
    assert 0 <= paid - (feeds.scene.kernel.state(counterparty).cash - before[1]) <= 2
    # P goes to 0.5 % x (1 - 1 / e); its mean over the time is 0.5 % / e = 0.184 %, less the damper of 0.05 %
    assert abs(paid * feeds.scene.side - wad("1.34")) <= wad("0.06")
    feeds.scene.kernel.assert_conserved()


def test_o14_dead_feeds_of_the_perpetual_stop_no_mark(feeds: Feeds, trader):
    perpetual = with_perpetual(feeds)
    perpetual.set_reverting(True)
    for price in (99, 98):
        wait(60)
        feeds.say(price, price, price)
        assert feeds.scene.vault.update_mark(0) == wad(price)
    feeds.scene.kernel.assert_conserved()
