"""
Hyperliquid, JELLY, March 2025: one owner was long and short in a thin market, pulled the margin of one side,
moved the price, and left the community's vault with a position nobody would take, while he withdrew the
other side's profit. Automatic deleveraging never came, because the vault's other money stood behind the
position.

Here a market's deficit is the market's: the pair's own profit pays it, by ADL or by a round, before or after
it is realised; idle accounts and other markets keep every unit; the pair ends with no more than it began.
"""

from tests.kernel import wad
from tests.unit.crisis.scene import Scene


def attack(scene: Scene) -> tuple[int, int, int]:
    """The attacker's two accounts, and an idle depositor; the price moves by more than one side's margin."""
    idle = scene.account("depositor", 100_000)
    victim, winner = scene.account("attacker", 60), scene.account("accomplice", 1000)
    scene.open(victim, winner, 10)
    scene.move(40)
    return idle, victim, winner


def test_the_winning_side_pays_for_the_losing_one(scene):
    idle, victim, winner = attack(scene)
    scene.kernel.absorb(victim)
    # 400 lost, 60 there; ADL as far as the band goes, a round for the rest
    scene.kernel.deleverage()
    if scene.kernel.inventory().outstanding > wad("0.01"):
        scene.kernel.charge_round()
    assert scene.kernel.inventory().outstanding <= 10
    assert scene.equity(victim) + scene.equity(winner) <= wad(1060)
    assert wad(1060) - scene.equity(victim) - scene.equity(winner) <= 10**10
    assert scene.equity(idle) == wad(100_000)
    scene.kernel.assert_conserved()


def test_realising_the_winning_side_first_changes_nothing(scene):
    idle, victim, winner = attack(scene)
    scene.open(winner, scene.account("bystander", 5000), 10)
    assert scene.kernel.state(winner).withdrawable == wad(1000)
    scene.kernel.absorb(victim)
    scene.kernel.charge_round()
    assert scene.equity(winner) == wad(1060)
    assert scene.equity(idle) == wad(100_000)
    assert scene.kernel.inventory().outstanding == 0
    scene.kernel.assert_conserved()


def test_other_markets_keep_their_margins_and_profits(scene):
    trader, partner = scene.account("trader", 1000), scene.account("partner", 1000)
    scene.open(partner, trader, 10, market=1)
    scene.move(5, market=1)
    before = scene.equity(trader), scene.equity(partner)
    _, victim, _ = attack(scene)
    scene.kernel.absorb(victim)
    scene.kernel.charge_round()
    assert (scene.equity(trader), scene.equity(partner)) == before
    scene.kernel.assert_conserved()
