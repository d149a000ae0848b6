"""The order of a liquidation on the real kernel: the hedge stays until what it hedges is down to it."""

import random
from decimal import Decimal
from typing import Any

import boa
import pytest
from boa.contracts.vyper.vyper_contract import VyperContract

from tests.kernel import LIQUIDATION_ENGINE, WAD, Kernel, account_of, wad
from tests.support import actor, deploy, wait
from tests.unit.crisis.scene import Scene, ceil_div, fresh

MAX = 2**256 - 1
MARKETS = range(3)


@pytest.fixture(scope="module")
def real_engine(shared_kernel: Kernel) -> VyperContract:
    return deploy("LiquidationEngine.vy", shared_kernel.vault.address)


@pytest.fixture
def engine(scene: Scene, real_engine: VyperContract) -> VyperContract:
    scene.vault.set_role(LIQUIDATION_ENGINE, real_engine.address, sender=actor("governance"))
    return real_engine


@pytest.fixture
def hedged(scene: Scene) -> int:
    """1,200 on the losing side in market 0, a hedge of 1,000 in market 1, a margin of 130."""
    account, rich = scene.account("hedged", 130), scene.account("rich", 10_000)
    scene.account("taker", 10_000)
    scene.open(account, rich, 12)
    scene.open(rich, account, 10, market=1)
    return account


def take(scene: Scene, engine: VyperContract, account: int, market: int, size: int = MAX) -> Any:
    limit = 2**200 if scene.kernel.position(account, market).size > 0 else 0
    taker = account_of("taker")
    return engine.take_over(account, market, size, taker, limit, sender=actor("taker"))


def net(scene: Scene, account: int) -> int:
    e = scene.vault.exposure(account, 0)
    return e.longs - e.shorts


# --- what it goes by ----------------------------------------------------------------------------------------


def test_exposure_adds_up_each_direction_at_mark(scene, hedged):
    scene.move("0.1", market=1)
    e = scene.vault.exposure(hedged, 1)
    larger, hedge = 12 * wad(100), ceil_div(10 * scene.price("0.1"), 1)
    assert (e.longs, e.shorts) == ((larger, hedge) if scene.side > 0 else (hedge, larger))
    assert (e.long_markets, e.short_markets) == ((1, 2) if scene.side > 0 else (2, 1))
    assert e.ready_markets == 3
    assert (e.size, e.mark, e.minimum_notional) == (-scene.side * wad(10), scene.price("0.1"), wad(100))


def test_exposure_of_nobody_is_nothing(scene):
    assert tuple(scene.vault.exposure(account_of("nobody"), 0))[:6] == (0,) * 6


def test_exposure_of_an_unknown_market_reverts(scene):
    with boa.reverts("market: unknown"):
        scene.vault.exposure(account_of("nobody"), 3)


def test_exposure_rounds_what_a_position_is_worth_up(scene):
    account, other = scene.account("odd", 100), scene.account("rich", 10_000)
    scene.open(account, other, Decimal("1.000000000000000001"))
    scene.kernel.set_price("100.000000000000000001")
    e = scene.vault.exposure(account, 0)
    exact = 1000000000000000001 * 100000000000000000001
    assert e.longs + e.shorts == ceil_div(exact, WAD) == exact // WAD + 1


def test_market_is_ready_as_long_as_its_mark_is_fresh(scene, hedged):
    wait(600)
    scene.vault.update_mark(1)
    wait(1)
    assert scene.vault.exposure(hedged, 0).ready_markets == 2


def test_position_in_a_settled_market_hedges_nothing(scene, engine, hedged):
    """The larger position settled, the other one may be liquidated alone, all of it at once."""
    with scene.as_governance():
        scene.vault.set_market_status(0, 2)
        scene.vault.settle_market(0)
    scene.move("2", market=1)
    e = scene.vault.exposure(hedged, 0)
    only = 10 * scene.price("2")
    assert (e.longs, e.shorts) == ((0, only) if scene.side > 0 else (only, 0))
    assert (e.long_markets | e.short_markets, e.ready_markets) == (2, 2)
    assert e.size == scene.side * wad(12)
    assert engine.liquidatable_markets(hedged) == 2
    assert engine.admissible(hedged, 1, MAX) == MAX


def test_market_is_ready_with_the_least_size(scene, hedged):
    """A mark at which the hedge of 10 is worth 100, and one a wei lower."""
    scene.kernel.set_price(10, market=1)
    assert scene.vault.exposure(hedged, 0).ready_markets == 3
    scene.kernel.set_price("9.9", market=1)
    assert scene.vault.exposure(hedged, 0).ready_markets == 1


def test_exposure_applies_what_is_pending(scene):
    """A position that ADL has closed in part counts for what is left of it."""
    winner, rich = scene.account("winner", 1000), scene.account("rich", 10_000)
    loser = scene.bankrupt(winner)
    scene.open(winner, rich, 3, market=1)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    e = scene.vault.exposure(winner, 0)
    left = abs(scene.kernel.position(winner).size)
    assert left < wad(10)
    assert min(e.longs, e.shorts) == ceil_div(left * scene.vault.mark(0), WAD)
    assert abs(e.size) == left


# --- whose turn ---------------------------------------------------------------------------------------------


def test_hedge_is_refused_and_the_larger_side_taken(scene, hedged, engine):
    scene.move(10)
    scene.kernel.oracle.set_price(1, scene.price("-0.1"))
    assert scene.kernel.plan(hedged, market=1).is_liquidatable
    before = scene.snapshot()
    with boa.reverts("liquidation: larger side first"):
        take(scene, engine, hedged, 1)
    assert scene.snapshot() == before
    size = abs(take(scene, engine, hedged, 0).size)
    assert size == abs(scene.kernel.position(account_of("taker")).size)
    scene.kernel.assert_conserved()


def test_it_goes_by_the_marks_renewed_in_the_call(shared_kernel, real_engine):
    """As stored, the short of 11.5 hedges the long of 12; at the oracle's it is the larger, and loses."""
    scene = fresh(shared_kernel, 1)
    scene.vault.set_role(LIQUIDATION_ENGINE, real_engine.address, sender=actor("governance"))
    account, rich = scene.account("hedged", 130), scene.account("rich", 10_000)
    scene.account("taker", 10_000)
    scene.open(account, rich, 12)
    scene.open(rich, account, "11.5", market=1)
    wait(1)
    scene.kernel.oracle.set_price(1, wad("106.5"))
    assert real_engine.liquidatable_markets(account) == 1
    with boa.reverts("liquidation: larger side first"):
        take(scene, real_engine, account, 0)
    assert take(scene, real_engine, account, 1).size > 0


def test_turns_change_at_the_balance(scene, hedged, engine):
    """200 balance it; the plan asks for more, so half of the rest is taken and the hedge is due next."""
    scene.kernel.oracle.set_price(0, scene.price(10))
    scene.kernel.oracle.set_price(1, scene.price(0))
    wait(1)
    for market in (0, 1):
        scene.vault.update_mark(market)
    first = net(scene, hedged) * scene.side
    plan = scene.kernel.plan(hedged)
    planned = abs(plan.change) * scene.vault.mark(0) // WAD
    assert 0 < first < planned
    allowed = engine.admissible(hedged, 0, MAX)
    assert take(scene, engine, hedged, 0).size == -scene.side * allowed
    second = net(scene, hedged) * scene.side
    assert abs((planned - first) // 2 + second) <= 200
    assert engine.liquidatable_markets(hedged) == 2


def test_stale_larger_side_does_not_protect_the_hedge(scene, hedged, engine):
    """No price there: its own side cannot be liquidated, and the account must not be out of reach."""
    scene.move(10)
    scene.kernel.oracle.set_down(0, True)
    wait(601)
    scene.vault.update_mark(1)
    with boa.env.anchor(), boa.reverts("market: stale mark"):
        take(scene, engine, hedged, 0)
    assert abs(take(scene, engine, hedged, 1).size) > 0
    scene.kernel.assert_conserved()


def test_whatever_the_order_the_account_can_be_absorbed(scene, hedged, engine):
    scene.move("11.8")
    assert scene.kernel.plan(hedged).is_absorbable
    engine.absorb(hedged, account_of("keeper"))
    assert scene.kernel.state(hedged).equity == 0
    scene.kernel.assert_conserved()


def test_dust_on_the_other_side_steers_nothing(scene, engine):
    """A long-only account gets the smallest short: it has no turn, and takes none from the long."""
    account, rich = scene.account("sly", 130), scene.account("rich", 10_000)
    scene.account("taker", 10_000)
    scene.open(account, rich, 20)
    scene.open(rich, account, 1, market=1)
    scene.move(5)
    assert engine.liquidatable_markets(account) == 1
    assert (
        abs(take(scene, engine, account, 0).size) == abs(scene.kernel.position(account_of("taker")).size) > 0
    )


# --- random accounts ----------------------------------------------------------------------------------------


def random_account(scene: Scene, rng: random.Random) -> int:
    """Two or three positions of both directions, and marks at which the account is unhealthy but solvent."""
    rich = scene.account("rich", 10**6)
    scene.account("taker", 10**6)
    count = rng.choice((2, 3))
    signs = [1, -1, rng.choice((1, -1))][:count]
    worths = [rng.choice((100, 101, 150, 400, 1000, 1000, 5000)) * rng.choice((1, 1, 1.1, 2)) for _ in signs]
    margin = sum(worths) * rng.uniform(0.05, 0.07)
    account = scene.account("cross", f"{margin:.6f}")
    for market, (sign, worth) in enumerate(zip(signs, worths, strict=True)):
        size = Decimal(f"{worth / 100:.6f}")
        buyer, seller = (account, rich) if sign > 0 else (rich, account)
        scene.kernel.fill(buyer, seller, size, market=market)
    health = rng.uniform(0.42, 0.99)
    # how fast each loses; none wins so much that all together never lose enough
    speeds = [rng.uniform(0, 1) for _ in signs]
    speeds[worths.index(max(worths))] = 1

    def at(t: float) -> tuple[float, float]:
        """Health and prices' factor after adverse moves of share t * speed."""
        loss = sum(w * t * v for w, v in zip(worths, speeds, strict=True))
        maintenance = 0.025 * sum(w * (1 - s * t * v) for w, s, v in zip(worths, signs, speeds, strict=True))
        return (margin - loss) / maintenance, loss

    low, high = 0.0, 0.9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle)[0] > health else (low, middle)
    for market, (sign, speed) in enumerate(zip(signs, speeds, strict=True)):
        scene.kernel.set_price(Decimal(f"{100 * (1 - sign * low * speed):.12f}"), market=market, seconds=1)
    return account


def best_paid(scene: Scene, engine: VyperContract, account: int) -> tuple[int, int]:
    """Of the markets whose turn it is, the one that brings most against mark; and the size admitted there."""
    turn = engine.liquidatable_markets(account)
    offers = []
    for market in MARKETS:
        if turn >> market & 1:
            size = engine.admissible(account, market, MAX)
            plan = scene.kernel.plan(account, size, market)
            offers.append((abs(plan.change) * abs(scene.vault.mark(market) - plan.price), market, size))
    return max(offers)[1:]


@pytest.mark.parametrize("seed", range(16))
def test_random_accounts_end_healthy_and_are_never_stripped(scene, engine, seed):
    """
    By keepers who take whatever pays best. Each step leaves at most the larger of what the account was net
    before, and half of what the plan asked for beyond it, or a least size; and within a few steps it is
    healthy or may be absorbed.
    """
    rng = random.Random(seed * 2 + (scene.side > 0))
    account = random_account(scene, rng)
    steps = 0
    while True:
        plan = scene.kernel.plan(account)
        if not plan.is_liquidatable or plan.is_absorbable:
            break
        market, _ = best_paid(scene, engine, account)
        before, mark = abs(net(scene, account)), scene.vault.mark(market)
        e = scene.vault.exposure(account, 0)
        larger = e.long_markets if e.longs > e.shorts else e.short_markets
        planned = ceil_div(abs(scene.kernel.plan(account, market=market).change) * mark, WAD)
        take(scene, engine, account, market)
        after, least = abs(net(scene, account)), wad(100)
        # all of a position goes where less than the least size would stay
        overshoot = max((planned - before) // 2 + least, 2 * least)
        # (without a hedge, or with nothing of the larger side to take, there is nothing to claim)
        assert (
            not min(e.longs, e.shorts)
            or not larger & e.ready_markets
            or after <= max(before, overshoot) + 10**6
        )
        steps += 1
        assert steps <= 8
    assert steps
    state = scene.kernel.state(account)
    assert state.equity >= state.maintenance or plan.is_absorbable
    scene.kernel.assert_conserved()
