"""
I12 for settlement: the market, every account in it and what is owed, rebuilt from the vault's events alone.
"""

import pytest

from lastline.ledger import Ledger
from tests.kernel import BTC, account_of, deploy_kernel
from tests.support import wait
from tests.unit.crisis.scene import fresh
from tests.unit.liquidation.test_rebuilt_from_events import assert_rebuilt, events_of, logs
from tests.unit.settlement.settling import DAY, close, close_only

__all__ = ["logs"]


@pytest.mark.parametrize("is_feed_dead", [False, True])
@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_a_settlement_is_in_the_events(logs, side, is_feed_dead):
    """Profit, loss, one who is absorbed, the fund, a round, a member it has charged; after every step."""
    kernel = deploy_kernel(markets=2)
    scene = fresh(kernel, side)
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    other = scene.account("other", 1000)
    scene.open(other, winner, 5)
    kernel.set_price(100, seconds=600, rate=10**9)
    scene.with_fund(reserve=15)
    close_only(scene)
    scene.move(10)
    if is_feed_dead:
        kernel.oracle.set_down(BTC, True)
        wait(DAY)
    with scene.as_governance():
        scene.vault.settle_market(BTC)

    def rebuilt() -> None:
        assert_rebuilt(scene, Ledger.rebuild(events_of(scene.vault, logs), kernel.token.decimals()))

    rebuilt()
    for step in (
        lambda: close(scene, other),
        lambda: kernel.absorb(loser),
        lambda: scene.vault.pay_claims(BTC),
        kernel.charge_round,
        lambda: close(scene, winner),
        lambda: (wait(300), scene.vault.update_mark(BTC)),
    ):
        step()
        rebuilt()
    assert kernel.inventory().outstanding == 0
    assert kernel.position(account_of("winner")).size == 0
    scene.kernel.assert_conserved()
