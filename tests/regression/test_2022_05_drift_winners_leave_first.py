"""
Drift, May 2022: realised profit could be withdrawn at once, out of one pool, before the losers' deficits were
recognised. Winners of a collapsing market took out nearly all of it; who came later found nothing.

Here realised profit matures: it stays in the market, where a round can charge it, until every loss that was
there when it was made has been recognised and paid. Leaving first saves nobody anything.
"""

import boa

from tests.kernel import wad
from tests.support import actor
from tests.unit.crisis.scene import Scene


def collapse(scene: Scene) -> tuple[int, int, int]:
    """A loser of 20 with 120, two winners of 10 each; the market falls 20 beyond what the loser has."""
    first, second = scene.account("first", 1000), scene.account("second", 1000)
    loser = scene.account("loser", 120)
    scene.open(loser, first, 10)
    scene.open(loser, second, 10)
    scene.move(20)
    return first, second, loser


def withdrawable(scene: Scene, account: int) -> int:
    return scene.kernel.state(account).withdrawable


def test_profit_realised_first_cannot_be_withdrawn_first(scene):
    first, _, _ = collapse(scene)
    scene.open(first, scene.account("heir", 1000), 10)
    state = scene.kernel.state(first)
    assert (state.cash, state.maturing, state.withdrawable) == (wad(1000), wad(200), wad(1000))
    before = scene.snapshot()
    with boa.env.prank(actor("first")), boa.reverts("vault: not withdrawable"):
        scene.vault.withdraw(first, wad(1000) // scene.kernel.scale + 1, actor("first"), 0)
    assert scene.snapshot() == before


def test_who_left_and_who_stayed_pay_the_same(scene):
    first, second, loser = collapse(scene)
    scene.open(first, scene.account("heir", 1000), 10)
    scene.kernel.absorb(loser)
    # 120 - 400: 280 of 400 that both have won
    done = scene.kernel.charge_round()
    assert (done.deficit, done.reachable) == (wad(280), wad(400))
    assert scene.equity(first) == scene.equity(second) == wad(1060)
    scene.kernel.assert_conserved()


def test_waiting_with_the_absorption_matures_nothing_once_it_is_known(scene):
    """The market clock stands still while a deficit is open, so profit cannot mature behind its back."""
    first, _, loser = collapse(scene)
    scene.open(first, scene.account("heir", 1000), 10)
    scene.kernel.absorb(loser)
    for _ in range(40):
        scene.move(20, seconds=600)
    assert scene.kernel.state(first).maturing == wad(200)
    assert withdrawable(scene, first) == wad(1000)
    scene.kernel.charge_round()
    assert scene.equity(first) == wad(1060)
    scene.kernel.assert_conserved()
