"""
The guardian's pause and close-only stop risk, and never withdrawals of safe money, reductions or
liquidations.
"""

import boa
import pytest

from tests.kernel import BTC, account_of, wad
from tests.support import actor
from tests.unit.crisis.scene import Scene
from tests.unit.settlement.settling import CLOSE_ONLY

LOSER, WINNER, RICH = (account_of(name) for name in ("loser", "winner", "rich"))


def pause(scene: Scene) -> None:
    scene.vault.set_paused(True)


def shut(scene: Scene) -> None:
    scene.vault.set_market_status(BTC, CLOSE_ONLY)


def both(scene: Scene) -> None:
    pause(scene)
    shut(scene)


@pytest.fixture(params=[pause, shut, both], ids=["paused", "close-only", "both"])
def stopped(request: pytest.FixtureRequest, scene: Scene) -> Scene:
    """A loser of 10 with 60, a winner, somebody rich; stopped by the guardian, then 4.2 against the loser."""
    winner = scene.account("winner", 1000)
    scene.bankrupt(winner)
    scene.account("rich", 5000)
    with boa.env.prank(actor("guardian")):
        request.param(scene)
    return scene


def test_no_position_is_opened_or_increased(stopped):
    for loser, winner in ((RICH, WINNER), (LOSER, RICH)):
        before = stopped.snapshot()
        with boa.reverts(), boa.env.prank(actor("exchange")):
            change = -stopped.side * wad("0.5")
            stopped.vault.fill(BTC, loser, 0, False, [(winner, change, wad(100), 0, False)])
        assert stopped.snapshot() == before


def test_positions_are_reduced_and_closed(stopped):
    stopped.open(WINNER, LOSER, 4)
    stopped.open(WINNER, LOSER, 6)
    assert stopped.kernel.position(LOSER).size == stopped.kernel.position(WINNER).size == 0
    stopped.kernel.assert_conserved()


@pytest.mark.parametrize("name", ["rich", "winner"])
def test_safe_money_is_withdrawn(stopped, name):
    """All that nobody's margin needs, with a position or without."""
    account = account_of(name)
    free = stopped.kernel.state(account).withdrawable
    assert free >= wad(900)
    with boa.env.prank(actor(name)):
        stopped.vault.withdraw(account, free // stopped.kernel.scale, actor(name), 0)
    assert stopped.kernel.token.balanceOf(actor(name)) == free // stopped.kernel.scale
    stopped.kernel.assert_conserved()


def test_the_unhealthy_are_taken_over(stopped):
    stopped.move("4.2")
    stopped.kernel.take_over(LOSER, RICH)
    assert stopped.kernel.position(RICH).size != 0
    stopped.kernel.assert_conserved()


def test_the_unhealthy_are_closed_by_those_who_reduce(stopped):
    """Makers of an order-book close may close what they have; nobody opens."""
    mark = stopped.move("4.2")
    size = -stopped.kernel.plan(LOSER).change
    stopped.kernel.close_with_orders(LOSER, [(WINNER, size, mark, 0, True)])
    stopped.kernel.assert_conserved()


def test_the_hopeless_are_absorbed_and_their_losses_paid_and_shared(stopped):
    stopped.move(10)
    stopped.kernel.absorb(LOSER)
    stopped.with_fund(reserve=15)
    assert stopped.vault.pay_claims(BTC) == wad(15)
    stopped.kernel.charge_round()
    stopped.kernel.close_at_mark()
    assert stopped.kernel.inventory().outstanding == 0
    stopped.touch(WINNER)
    stopped.kernel.assert_conserved()


def test_inventory_is_sold(stopped):
    stopped.move("5.5")
    stopped.kernel.absorb(LOSER)
    stopped.kernel.buy_inventory(RICH)
    stopped.kernel.assert_conserved()
