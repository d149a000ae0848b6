"""liquidation_plan: what a take-over would do now, told before it is done."""

import contextlib
from decimal import Decimal

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel import account_of, liquidation_config, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import MODE_CAUTION, Scene, fresh
from tests.unit.liquidation.test_take_over import limit, open_loser

NO_HEALTH = 2**256 - 1
NOTHING = (0, 0, 0, 0)


def amounts(plan: object) -> tuple[int, ...]:
    return (plan.change, plan.price, plan.fee, plan.kappa)


def test_plan_at_health_80(scene):
    """As `test_take_over_restores_target_health` has it."""
    loser = open_loser(scene)
    mark, size = scene.price(4), 5_294_117_647_058_823_530
    plan = scene.kernel.plan(loser)
    assert amounts(plan) == (
        -scene.side * size,
        mark - scene.side * mark * 8 // 1000,
        size * mark // wad(1) * 2 // 1000,
        wad("0.01"),
    )
    assert plan.health == wad("0.8")
    assert (plan.is_liquidatable, plan.is_absorbable, plan.is_stale) == (True, False, False)
    assert plan.unsettled == 0


@given(
    side=st.sampled_from([1, -1]),
    margin=st.integers(40_000_000, 90_000_000),
    against=st.integers(1_000_000, 8_000_000),
    other=st.none() | st.integers(-5_000_000, 5_000_000),
    multiplier=st.sampled_from([1, 2]),
    # of what is worth less than a quote, rounding alone may lower the health
    wanted=st.integers(2 * 10**16, 12 * 10**18) | st.just(2**111),
)
def test_take_over_does_what_the_plan_says(shared_kernel, side, margin, against, other, multiplier, wanted):
    """Over margins, marks, sizes wanted, one market and two, healthy, unhealthy and bankrupt."""
    scene = fresh(shared_kernel, side)
    loser = scene.account("loser", Decimal(margin) / 10**6 + (30 if other is not None else 0))
    liquidator = scene.account("liquidator", 5000)
    scene.open(liquidator, scene.account("bystander", 5000), "1.1")
    try:
        scene.open(loser, scene.account("winner", 5000), 10)
        if other is not None:
            scene.open(loser, scene.account("other winner", 5000), 5, market=1)
    except boa.BoaError:
        return
    if other is not None:
        scene.move(Decimal(other) / 10**6, market=1)
    scene.move(Decimal(against) / 10**6)
    scene.set_mode(MODE_CAUTION, multiplier)
    state = scene.kernel.state(loser)
    is_liquidatable = 0 <= state.equity < state.maintenance
    with boa.env.prank(actor("engine")):
        plan = None
        with contextlib.suppress(boa.BoaError):
            plan = scene.vault.liquidation_plan(loser, 0, wanted)
        if plan is None:
            assert is_liquidatable
            with boa.reverts("vault: size leaves dust"):
                scene.vault.liquidation_plan(loser, 0, wanted)
            with boa.reverts("vault: size leaves dust"):
                scene.vault.take_over(loser, 0, wanted, liquidator, limit(scene))
            return
        assert plan.is_liquidatable == is_liquidatable
        assert plan.health == max(state.equity, 0) * wad(1) // state.maintenance
        if not is_liquidatable:
            assert amounts(plan) == NOTHING
            with boa.reverts("margin: account insolvent" if state.equity < 0 else "margin: account healthy"):
                scene.vault.take_over(loser, 0, wanted, liquidator, limit(scene))
            return
        taken = scene.vault.take_over(loser, 0, wanted, liquidator, limit(scene))
        assert tuple(taken) == (plan.change, plan.price, plan.fee)
        assert scene.logs()[-1][-1] == plan.health


@given(side=st.sampled_from([1, -1]), margin=st.integers(50_000, 62_000), against=st.integers(3_000, 6_500))
def test_absorbable_is_who_may_be_absorbed(shared_kernel, side, margin, against):
    scene = fresh(shared_kernel, side)
    loser = open_loser(scene, Decimal(margin) / 1000, Decimal(against) / 1000)
    if scene.kernel.plan(loser).is_absorbable:
        scene.kernel.absorb(loser)
        scene.kernel.assert_conserved()
        return
    with boa.env.prank(actor("engine")), boa.reverts("margin: account healthy"):
        scene.vault.absorb(loser, account_of("keeper"))


@pytest.mark.parametrize("missing", [0, 1])
def test_flags_at_health_of_one_to_the_wei(fine_scene, missing):
    scene = fine_scene
    maintenance = 10 * scene.price(4) // 40
    loser = open_loser(scene, Decimal(wad(40) + maintenance - missing) / wad(1))
    plan = scene.kernel.plan(loser)
    assert plan.is_liquidatable == bool(missing)
    assert (plan.change != 0) == bool(missing)
    assert plan.health == (wad(1) if not missing else (maintenance - 1) * wad(1) // maintenance)


@pytest.mark.parametrize("missing", [0, 1])
def test_flags_at_critical_health_to_the_wei(fine_scene, missing):
    """At 0.4 to the wei nobody may absorb it yet; one wei less, both ways are open."""
    scene = fine_scene
    maintenance = 10 * scene.price(5) // 40
    loser = open_loser(scene, Decimal(wad(50) + maintenance * 4 // 10 - missing) / wad(1), against=5)
    plan = scene.kernel.plan(loser)
    assert (plan.is_liquidatable, plan.is_absorbable) == (True, bool(missing))


@pytest.mark.parametrize("missing", [0, 1])
def test_flags_at_equity_of_zero_to_the_wei(fine_scene, missing):
    scene = fine_scene
    loser = open_loser(scene, Decimal(wad(60) - missing) / wad(1), against=6)
    plan = scene.kernel.plan(loser)
    assert plan.health == 0
    assert (plan.is_liquidatable, plan.is_absorbable) == (not missing, True)
    assert abs(plan.change) == (0 if missing else wad(10))


def test_healthy_account_gets_zeros(scene):
    loser = open_loser(scene, 500)
    plan = scene.kernel.plan(loser, 0)
    assert amounts(plan) == NOTHING
    assert plan.health > wad(1)
    assert (plan.is_liquidatable, plan.is_absorbable) == (False, False)


def test_account_that_never_was_gets_zeros(scene):
    plan = scene.kernel.plan(account_of("nobody"))
    assert tuple(plan) == (*NOTHING, NO_HEALTH, False, False, False, 0)


def test_market_without_a_position_has_no_plan(scene):
    """The account is liquidatable, but not here."""
    loser = open_loser(scene)
    plan = scene.kernel.plan(loser, market=1)
    assert amounts(plan) == NOTHING
    assert plan.is_liquidatable


@pytest.mark.parametrize("size", [0, wad("9.9")])
def test_plan_of_a_size_that_cannot_be_taken_reverts_as_the_take_over(scene, size):
    loser = open_loser(scene, 63, against=6)
    with boa.reverts("vault: zero size" if size == 0 else "vault: size leaves dust"):
        scene.kernel.plan(loser, size)


def test_plan_in_an_unknown_market_reverts(scene):
    with boa.reverts("market: unknown"):
        scene.kernel.plan(open_loser(scene), market=3)


@pytest.mark.parametrize("age", [600, 601])
def test_stale_mark_is_told(scene, age):
    """Of the market asked for; without any fresh mark nothing is absorbed either."""
    loser = open_loser(scene, 63, against=6)
    wait(age)
    plan = scene.kernel.plan(loser)
    assert (plan.is_stale, plan.is_absorbable) == (age == 601, age == 600)
    assert plan.is_liquidatable
    assert plan.change != 0


def charged(scene: Scene) -> int:
    """An unhealthy account whose entry and profit a round has moved, not yet settled."""
    winner, rival = scene.account("winner", 5000), scene.account("rival", 110)
    first = scene.bankrupt(winner)
    scene.open(scene.account("bystander", 5000), rival, 10)
    scene.move(10)
    scene.kernel.absorb(first)
    scene.kernel.charge_round()
    scene.move(-7)
    return rival


def test_effects_of_a_round_are_in_the_plan_before_they_are_settled(scene):
    rival, liquidator = charged(scene), scene.account("liquidator", 5000)
    plan = scene.kernel.plan(rival)
    assert plan.unsettled == 1
    state = scene.kernel.state(rival)
    assert plan.health == state.equity * wad(1) // state.maintenance
    with boa.env.prank(actor("engine")):
        # the rival is on the other side than the scene's losers
        taken = scene.vault.take_over(rival, 0, 2**111, liquidator, 0 if scene.side > 0 else 2**200)
    assert abs(taken.size - plan.change) <= 10**10
    assert abs(taken.price - plan.price) <= 10**10
    assert abs(taken.fee - plan.fee) <= 10**10


def test_plan_of_a_settled_account_is_exact(scene):
    """`touch` takes the account out of `unsettled`, and the plan is the take-over's to the last wei."""
    rival, liquidator = charged(scene), scene.account("liquidator", 5000)
    scene.touch(rival)
    plan = scene.kernel.plan(rival)
    assert plan.unsettled == 0
    with boa.env.prank(actor("engine")):
        taken = scene.vault.take_over(rival, 0, 2**111, liquidator, 0 if scene.side > 0 else 2**200)
    assert tuple(taken) == (plan.change, plan.price, plan.fee)
    scene.kernel.assert_conserved()


def test_plan_while_a_mark_is_on_its_way(scene):
    """It says before what take_over and absorb then say: not while a price is missing."""
    with scene.as_governance():
        for market in range(2):
            step = tuple(liquidation_config(max_mark_step=wad("0.1")).values())
            scene.vault.set_liquidation_config(market, step)
    hedger, other = scene.account("hedger", 61), scene.account("winner", 10_000)
    taker = scene.account("taker", 10_000)
    scene.open(hedger, other, 6)
    scene.open(other, hedger, 6, market=1)
    for market, seconds in ((0, 1), (0, 1), (1, 0)):
        wait(seconds)
        scene.kernel.oracle.set_price(market, scene.price(19))
        scene.vault.update_mark(market)
    plan = scene.kernel.plan(hedger)
    assert 0 < plan.health < wad("0.4")
    assert (plan.is_absorbable, plan.is_stale) == (False, True)
    with boa.reverts("market: mark on its way"):
        scene.kernel.absorb(hedger)
    with boa.reverts("market: mark on its way"):
        scene.kernel.take_over(hedger, taker)
    wait(1)
    scene.vault.update_mark(1)
    assert (scene.kernel.plan(hedger).is_liquidatable, scene.kernel.plan(hedger).is_stale) == (False, False)
