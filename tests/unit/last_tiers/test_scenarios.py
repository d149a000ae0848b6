"""
A V-shaped crash from the first loss to the last withdrawal, and everything rebuilt from events on the way.
"""

from fractions import Fraction

import boa
import pytest

from lastline.ledger import Ledger
from tests.kernel import BTC, WAD, deploy_kernel, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene, fresh
from tests.unit.last_tiers.late import DAY, WINDOW, withdraw, write_off
from tests.unit.liquidation.test_rebuilt_from_events import assert_rebuilt, events_of, logs
from tests.unit.settlement.settling import close, close_only

__all__ = ["logs"]

IDLE = {"alice": 3000, "bob": "777.777777"}


def crash(scene: Scene) -> dict[str, int]:
    """
    The price falls by 30. At the bottom the winner leaves with his profit, the losers are absorbed, and what
    they had is sold.
    """
    out = {name: scene.account(name, quote) for name, quote in IDLE.items()}
    winner = scene.account("winner", 5000)
    losers = [scene.bankrupt(winner, 10, 60 + n, name=f"loser {n}") for n in range(3)]
    out["newcomer"] = scene.account("newcomer", 5000)
    scene.move(30)
    scene.open(winner, out["newcomer"], 30)
    for _ in range(26):
        scene.move(30, seconds=300)
    scene.touch(winner)
    for loser in losers:
        scene.kernel.absorb(loser)
    out["winner"] = winner
    out["buyer"] = scene.account("buyer", 5000)
    scene.kernel.buy_inventory(out["buyer"])
    return out


@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_a_v_shaped_crash_ends_with_one_ratio_for_all(side):
    scene = fresh(deploy_kernel(), side)
    accounts = crash(scene)
    claims = scene.kernel.inventory().outstanding
    assert claims == wad(3 * 300 - 60 - 61 - 62)
    # a third of the way back: who bought at the bottom pays with all he has made, and nobody is in profit
    scene.move(20)
    round_ = scene.kernel.charge_round()
    assert (round_.share, round_.reachable) == (10**27, wad(300))
    charge = 30 * (scene.vault.mark(BTC) * 125 // 10_000)
    for n in range(4):
        if n:
            scene.move(20, seconds=WINDOW)
        before = scene.equity(accounts["newcomer"])
        # a half of 2.5 % of mark, from each base that is opposite the losses
        assert scene.kernel.charge_side().collected == charge
        assert before - scene.equity(accounts["newcomer"]) == charge
        scene.kernel.assert_conserved()
    scene.move(20, seconds=DAY)
    rest = write_off(scene)
    claims = scene.kernel.claims()
    assert rest == sum(c.recovery for c in claims) == scene.vault.uncovered()
    assert sum(c.side for c in claims) == 5 * charge
    assert sum(c.socialised for c in claims) == wad(300)
    assert rest == wad(717 - 300) - 5 * charge
    assert sum(c.outstanding for c in claims) == 0
    scene.kernel.assert_conserved()
    # buyer and newcomer close with each other; then everybody goes
    scene.open(accounts["newcomer"], accounts["buyer"], 30)
    for _ in range(26):
        scene.move(20, seconds=300)
    at = scene.vault.recovery_ratio()
    for name in ("buyer", "alice", "newcomer", "bob", "winner"):
        scene.touch(accounts[name])
        owned = scene.kernel.state(accounts[name]).cash // scene.kernel.scale
        paid = withdraw(scene, name, accounts[name], owned)
        assert abs(paid - Fraction(owned * at, WAD)) <= 2
        scene.kernel.assert_conserved(4 * 10**12)
    assert scene.kernel.held() <= sum(scene.vault.fee_state()) + 10**13
    assert scene.vault.uncovered() <= 10**13


@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_a_market_whose_feed_dies_ends_at_one_price_and_one_ratio(side):
    """Written off a day later, then settled, its deficit borne by all: all closed, everybody paid."""
    scene = fresh(deploy_kernel(), side)
    accounts = crash(scene)
    scene.kernel.oracle.set_down(BTC, True)
    wait(DAY)
    mark, lost = scene.vault.mark(BTC), scene.kernel.inventory().outstanding
    assert write_off(scene) == lost
    close_only(scene)
    with scene.as_governance():
        assert scene.vault.settle_market(BTC) == mark
    for name in ("newcomer", "buyer"):
        close(scene, accounts[name])
        assert scene.kernel.position(accounts[name]).size == 0
    assert scene.kernel.inventory().size == 0
    scene.kernel.assert_conserved()
    at = scene.vault.recovery_ratio()
    assert at < WAD
    for name in ("buyer", "alice", "newcomer", "bob", "winner"):
        owned = scene.kernel.state(accounts[name]).cash // scene.kernel.scale
        paid = withdraw(scene, name, accounts[name], owned)
        assert abs(paid - Fraction(owned * at, WAD)) <= 2
        scene.kernel.assert_conserved(4 * 10**12)
    assert scene.vault.uncovered() <= 10**13


@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_the_last_tiers_are_in_the_events(logs, side):
    """I12: after every step the ledger rebuilt from events is the storage."""
    kernel = deploy_kernel()
    scene = fresh(kernel, side)
    accounts = crash(scene)
    alice, scale = accounts["alice"], kernel.scale

    def rebuilt() -> None:
        assert_rebuilt(scene, Ledger.rebuild(events_of(scene.vault, logs), kernel.token.decimals()))

    def give(name: str, quote: int) -> None:
        kernel.token.mint(actor(name), wad(quote) // scale)
        kernel.token.approve(scene.vault.address, wad(quote) // scale, sender=actor(name))

    def recapitalise() -> None:
        give("helper", 10)
        with boa.env.prank(actor("helper")):
            scene.vault.recapitalise(wad(10) // scale)

    def deposit() -> None:
        give("alice", 5)
        with boa.env.prank(actor("alice")):
            scene.vault.deposit_at_ratio(alice, wad(5) // scale, 0)

    rebuilt()
    for step in (
        kernel.charge_side,
        lambda: scene.move(33, seconds=DAY),
        # a round, a side charge and a write-off in one call
        lambda: write_off(scene),
        lambda: withdraw(scene, "alice", alice, wad(100) // scale),
        lambda: withdraw(scene, "bob", accounts["bob"], 333_333_333),
        recapitalise,
        deposit,
        lambda: scene.with_fund(reserve=20, community=3),
        scene.vault.pay_uncovered,
        lambda: scene.move("33.5"),
        lambda: withdraw(scene, "alice", alice, 1),
        scene.vault.collect_fees,
        lambda: scene.vault.pay_surplus(BTC),
    ):
        step()
        rebuilt()
    scene.kernel.assert_conserved(4 * 10**12)
