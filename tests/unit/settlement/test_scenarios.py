"""A market's end from close-only to the last withdrawal."""

import boa
import pytest

from tests.kernel import BTC, WAD, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene
from tests.unit.settlement.settling import DAY, close, close_only


def withdraw_all(scene: Scene, name: str, account: int) -> int:
    """Everything there is, quote."""
    tokens = scene.kernel.state(account).withdrawable // scene.kernel.scale
    with boa.env.prank(actor(name)):
        scene.vault.withdraw(account, tokens, actor(name), 0)
    assert scene.kernel.state(account).equity < scene.kernel.scale
    return tokens * scene.kernel.scale


def ripen(scene: Scene) -> None:
    for _ in range(24):
        wait(300)
        scene.vault.update_mark(BTC)


@pytest.mark.parametrize("is_absorbed_first", [True, False])
def test_the_fund_pays_a_losers_deficit_before_the_winners_profit_matures(scene, is_absorbed_first):
    """
    Two losers, two winners of 10 and 5 at 100; at 10 against them one loser lacks 40. Whoever closes first,
    no profit is cash before that is paid, and in the end all have what the price says.
    """
    winners = [scene.account(f"winner {n}", 1000) for n in range(2)]
    broke = scene.bankrupt(winners[0])
    loser = scene.account("solvent", 1000)
    scene.open(loser, winners[1], 5)
    fund = scene.with_fund()
    close_only(scene)
    scene.move(10)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    if is_absorbed_first:
        scene.kernel.absorb(broke)
    for account in (winners[0], loser, winners[1]):
        close(scene, account)
    if not is_absorbed_first:
        scene.kernel.absorb(broke)
    ripen(scene)
    # nothing matures: the fund has nothing
    assert [scene.kernel.state(w).maturing for w in winners] == [wad(100), wad(50)]
    fund.set_budgets(wad(40) // scene.kernel.scale, 0)
    scene.vault.pay_claims(BTC)
    ripen(scene)
    assert [withdraw_all(scene, f"winner {n}", w) for n, w in enumerate(winners)] == [wad(1100), wad(1050)]
    assert withdraw_all(scene, "solvent", loser) == wad(950)
    inventory = scene.kernel.inventory()
    assert (inventory.size, inventory.outstanding) == (0, 0)
    claim = scene.kernel.claims()[0]
    assert (claim.account, claim.amount, claim.reserve) == (broke, wad(40), wad(40))
    scene.kernel.assert_conserved()


def test_after_a_day_without_a_price_all_leave_at_the_last_one(scene):
    """
    The oracle dies for good: positions could not be closed at all, and cash in that account not withdrawn.
    """
    winner, loser = scene.account("winner", 1000), scene.account("loser", 1000)
    scene.open(loser, winner, 10)
    last = scene.move(3)
    scene.kernel.oracle.set_down(BTC, True)
    wait(DAY)
    assert scene.kernel.state(winner).is_stale
    close_only(scene)
    with scene.as_governance():
        assert scene.vault.settle_market(BTC) == last
    close(scene, loser)
    close(scene, winner)
    assert withdraw_all(scene, "loser", loser) == wad(970)
    ripen(scene)
    assert withdraw_all(scene, "winner", winner) == wad(1030)
    assert scene.kernel.held() < WAD
    scene.kernel.assert_conserved()
