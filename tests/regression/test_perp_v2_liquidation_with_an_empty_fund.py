"""
Perpetual Protocol v2: liquidating an account below zero requires the insurance fund to have the capacity for
its bad debt; with an empty fund the call reverts, nobody can liquidate, and the deficit grows with the
price.

Here no liquidation asks the fund for anything. What cannot be paid is a claim, and the next tier takes over.
"""

import pytest

from tests.kernel import wad


@pytest.mark.parametrize("fund", ["missing", "empty", "broken", "burning"])
def test_bankrupt_account_is_absorbed_and_the_loss_resolved(scene, fund):
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    if fund != "missing":
        mock = scene.with_fund()
        behaviour = {"empty": 0, "broken": 1, "burning": 2}[fund]
        mock.set_behaviour(behaviour, behaviour)
    scene.move(10)
    assert scene.kernel.absorb(loser) == -wad(40)
    assert scene.kernel.claims()[0].outstanding == wad(40)
    # a broken fund is asked twice, ten minutes apart; after that it can no longer stop anybody
    scene.vault.pay_claims(0)
    scene.move(10, seconds=600)
    scene.kernel.deleverage()
    assert scene.kernel.claims()[0].adl == wad(40)
    assert scene.equity(winner) == wad(1060)
    scene.kernel.assert_conserved()


def test_take_over_needs_no_fund(scene):
    loser = scene.account("loser", 62)
    scene.open(loser, scene.account("winner", 1000), 10)
    scene.move(4)
    scene.with_fund().set_behaviour(1, 1)
    scene.kernel.take_over(loser, scene.account("liquidator", 1000))
    assert scene.equity(loser) > 0
    scene.kernel.assert_conserved()
