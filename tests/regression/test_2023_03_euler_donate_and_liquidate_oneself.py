"""
Euler, March 2023: `donateToReserves` let an account give its collateral away without a look at its health; a
second account of the same owner then liquidated it at the discount meant for rescuers, larger than what had
been given.

Here nothing takes cash out of an account without the withdrawal's test, what is given away is gone, and a
take-over costs the pair of accounts the fund's share and gives the taker only what the other account still
has.
"""

import boa
import pytest

from tests.kernel import wad
from tests.support import actor
from tests.unit.crisis.scene import Scene


def pair(scene: Scene) -> tuple[int, int]:
    """Two sub-accounts of the attacker, and an honest counterparty of the first."""
    first, second = scene.account("attacker", 70), scene.account("attacker", 2000, sub=1)
    scene.open(first, scene.account("counterparty", 5000), 10)
    return first, second


def test_no_way_out_leaves_an_account_unhealthy(scene):
    """70 there, 50 must stay: 20 and a unit more is refused, by transfer as by withdrawal."""
    first, second = pair(scene)
    unit = scene.kernel.scale
    before = scene.snapshot()
    with boa.env.prank(actor("attacker")), boa.reverts("vault: not withdrawable"):
        scene.vault.transfer(first, second, wad(20) + unit)
    with boa.env.prank(actor("attacker")), boa.reverts("vault: not withdrawable"):
        scene.vault.withdraw(first, wad(20) // unit + 1, actor("attacker"), 0)
    assert scene.snapshot() == before
    with boa.env.prank(actor("attacker")):
        scene.vault.transfer(first, second, wad(20))
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("against", ["2.6", "3", "3.5", "4", "4.5", "4.9"])
def test_liquidating_oneself_never_pays(scene, against):
    """I8: give away all that may be given, let the price move, take the account over: never a gain."""
    first, second = pair(scene)
    with boa.env.prank(actor("attacker")):
        scene.vault.transfer(first, second, wad(20))
    scene.move(against)
    before = scene.equity(first) + scene.equity(second)
    taken = scene.kernel.take_over(first, second)
    after = scene.equity(first) + scene.equity(second)
    assert after <= before - taken.fee
    assert scene.equity(first) >= 0
    scene.kernel.assert_conserved()


def test_being_absorbed_and_buying_ones_own_inventory_never_pays(scene):
    """The discount comes out of what one has left behind, the reward too."""
    first, second = pair(scene)
    with boa.env.prank(actor("attacker")):
        scene.vault.transfer(first, second, wad(20))
    scene.move("4.5")
    before = scene.equity(first) + scene.equity(second)
    scene.kernel.absorb(first, second)
    scene.move("4.5", seconds=600)
    scene.kernel.buy_inventory(second)
    after = scene.equity(first) + scene.equity(second)
    assert after <= before
    scene.kernel.assert_conserved()
