"""
BitMEX, 12-13 March 2020: more than a billion of longs were liquidated into an empty book. The insurance fund
paid, and not one winner was deleveraged as long as it could; only an outage kept it from being used up.

Here that is a rule, not luck: while the fund would pay a unit of a market's claims, the last tiers do not
open, unless the fund itself has declared that it must be spared. A mark of a dead oracle moves nothing at
all.
"""

import boa
import pytest

from tests.kernel import wad
from tests.support import actor, wait
from tests.unit.crisis.scene import MODE_ADL, Scene


def cascade(scene: Scene, losers: int = 4) -> int:
    """Losers with ever less margin, all beyond bankruptcy at once: 40 lacking each."""
    winner = scene.account("winner", 10_000)
    accounts = [scene.bankrupt(winner, sub=n) for n in range(losers)]
    scene.move(10)
    for account in accounts:
        scene.kernel.absorb(account)
    return winner


@pytest.mark.parametrize("call", ["deleverage", "charge_round"])
def test_winners_wait_until_the_fund_is_used_up(scene, call):
    winner = cascade(scene)
    fund = scene.with_fund(reserve=130)
    before = scene.equity(winner)
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: fund can pay"):
        getattr(scene.vault, call)(0, 100)
    assert scene.equity(winner) == before
    assert scene.vault.pay_claims(0) == wad(130)
    assert fund.reserve_budget() == 0
    getattr(scene.kernel, call)()
    assert before - scene.equity(winner) == wad(30)
    claims = scene.kernel.claims()
    assert [c.reserve for c in claims] == [wad(40)] * 3 + [wad(10)]
    assert claims[3].adl + claims[3].socialised == wad(30)
    scene.kernel.assert_conserved()


def test_fund_that_covers_all_leaves_winners_alone(scene):
    winner = cascade(scene)
    scene.with_fund(reserve=35_500)
    before = scene.equity(winner)
    scene.vault.pay_claims(0)
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: no deficit"):
        scene.vault.deleverage(0, 100)
    assert scene.equity(winner) == before
    scene.kernel.assert_conserved()


def test_fund_that_must_be_spared_is_spared(scene):
    winner = cascade(scene)
    fund = scene.with_fund(reserve=35_500)
    scene.set_mode(MODE_ADL)
    before = scene.equity(winner)
    scene.kernel.deleverage()
    assert fund.calls() == 0
    assert before - scene.equity(winner) == wad(160)
    scene.kernel.assert_conserved()


def test_nothing_happens_on_a_dead_price(scene):
    """The outage: no mark, so no absorption, no deleveraging, no round."""
    winner = scene.account("winner", 10_000)
    loser = scene.bankrupt(winner)
    late = scene.bankrupt(winner, sub=1)
    scene.move(10)
    scene.kernel.absorb(loser)
    wait(1800)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: stale mark"):
        scene.vault.absorb(late, winner)
    for call in (scene.vault.deleverage, scene.vault.charge_round, scene.vault.close_at_mark):
        with boa.env.prank(actor("allocator")), boa.reverts("market: stale mark"):
            call(0, 100)
    assert scene.snapshot() == before
