"""
A mark goes to the oracle's in steps of at most max_mark_step, one a second; on its way it is fresh for
nobody.
"""

import boa
import pytest

from tests.kernel import WAD, account_of, liquidation_config, margin_config, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene

STEP = WAD // 10
ON_ITS_WAY = "market: mark on its way"


@pytest.fixture
def stepping(scene: Scene) -> Scene:
    """Markets whose mark moves by at most a tenth at once."""
    with scene.as_governance():
        for market in range(2):
            config = tuple(liquidation_config(max_mark_step=STEP).values())
            scene.vault.set_liquidation_config(market, config)
    return scene


def ask(scene: Scene, price: int, seconds: int = 1, market: int = 0) -> int:
    """The oracle's price becomes `price` (18 decimals); the mark after an update."""
    wait(seconds)
    scene.kernel.oracle.set_price(market, price)
    return scene.vault.update_mark(market)


def words(scene: Scene) -> tuple[int, int]:
    """The mark's time, and that of the last step on its way."""
    price, clock = scene.vault.market_words(0)[0], scene.vault.market_words(0)[2]
    return price >> 104 & (2**32 - 1), clock >> 160


def test_the_first_mark_has_no_limit(stepping):
    with stepping.as_governance():
        config = tuple(liquidation_config(max_mark_step=STEP).values())
        market = stepping.vault.add_market(tuple(margin_config().values()), config, False)
    assert ask(stepping, wad(12_345), market=market) == wad(12_345)


def test_a_move_of_one_step_arrives_at_once(stepping):
    goal = stepping.price(10)
    assert ask(stepping, goal) == goal
    assert words(stepping) == (boa.env.timestamp, 0)


def test_a_move_of_more_than_a_step_goes_one_step(stepping):
    goal = stepping.price("10.000001")
    assert ask(stepping, goal) == stepping.price(10)
    logged = stepping.logs()
    assert words(stepping) == (0, boa.env.timestamp)
    assert logged[0][:4] == ("MarkUpdated", 0, stepping.price(10), 0)
    assert ask(stepping, goal) == goal
    assert words(stepping)[0] == boa.env.timestamp
    stepping.kernel.assert_conserved()


def test_the_step_is_rounded_down(stepping):
    assert ask(stepping, 100 * WAD + 5) == 100 * WAD + 5
    # a tenth of that is 10 + 0.5 units
    assert ask(stepping, wad(50)) == 90 * WAD + 5
    assert words(stepping)[0] == 0


def test_one_step_a_second_whoever_calls_how_often(stepping):
    goal = stepping.price(30)
    ask(stepping, goal)
    before = stepping.snapshot()
    for _ in range(3):
        assert stepping.vault.update_mark(0) == stepping.price(10)
    assert stepping.snapshot() == before


def test_a_mark_that_the_oracle_meets_on_its_way_has_arrived(stepping):
    ask(stepping, stepping.price(30))
    assert ask(stepping, stepping.price(10)) == stepping.price(10)
    assert words(stepping)[0] == boa.env.timestamp


def test_nothing_is_filled_on_the_way(stepping):
    loser, winner = stepping.account("loser", 1_000), stepping.account("winner", 1_000)
    stepping.open(loser, winner, 1)
    ask(stepping, stepping.price(30))
    before = stepping.snapshot()
    with boa.reverts("market: stale mark"):
        stepping.open(loser, winner, 1)
    with boa.reverts("market: stale mark"):
        stepping.open(winner, loser, 1)
    assert stepping.snapshot() == before


def test_nobody_with_a_position_withdraws_on_the_way(stepping):
    loser, winner = stepping.account("loser", 1_000), stepping.account("winner", 1_000)
    idle = stepping.account("idle", 1_000)
    stepping.open(loser, winner, 1)
    ask(stepping, stepping.price(30))
    for name, account in (("loser", loser), ("winner", winner)):
        with boa.reverts("margin: stale mark"), boa.env.prank(actor(name)):
            stepping.vault.withdraw(account, 1, actor(name), 0)
    with boa.env.prank(actor("idle")):
        stepping.vault.withdraw(idle, 1, actor("idle"), 0)


def test_nobody_is_liquidated_on_the_way(stepping):
    """At the step he is bankrupt, and his price is not the market's yet."""
    loser = stepping.bankrupt(stepping.account("winner", 1_000))
    taker = stepping.account("taker", 10_000)
    ask(stepping, stepping.price(11))
    assert stepping.equity(loser) < 0
    before = stepping.snapshot()
    with boa.reverts(ON_ITS_WAY):
        stepping.kernel.absorb(loser)
    with boa.reverts("market: stale mark"):
        stepping.kernel.take_over(loser, taker)
    assert stepping.snapshot() == before
    ask(stepping, stepping.price(11))
    stepping.kernel.absorb(loser)
    stepping.kernel.assert_conserved()


def test_a_hedge_is_not_judged_while_one_of_its_marks_is_on_its_way(stepping):
    """Both legs moved alike: one mark has arrived, the other not."""
    hedger, other = stepping.account("hedger", 61), stepping.account("winner", 10_000)
    taker = stepping.account("taker", 10_000)
    stepping.open(hedger, other, 6)
    stepping.open(other, hedger, 6, market=1)
    ask(stepping, stepping.price(19))
    ask(stepping, stepping.price(19))
    ask(stepping, stepping.price(19), seconds=0, market=1)
    state = stepping.kernel.state(hedger)
    assert 0 < state.equity * WAD < liquidation_config()["critical_health"] * state.maintenance
    with boa.reverts(ON_ITS_WAY):
        stepping.kernel.absorb(hedger)
    with boa.reverts(ON_ITS_WAY):
        stepping.kernel.take_over(hedger, taker)
    order = (taker, -stepping.kernel.plan(hedger).change, stepping.price(19), 0, False)
    with boa.reverts(ON_ITS_WAY):
        stepping.kernel.close_with_orders(hedger, [order])
    ask(stepping, stepping.price(19), market=1)
    with boa.reverts("margin: account healthy"):
        stepping.kernel.absorb(hedger)


def test_a_market_left_by_the_account_does_not_hold_its_liquidation_up(stepping):
    loser, winner = stepping.account("loser", 60), stepping.account("winner", 1_000)
    stepping.open(winner, loser, 1, market=1)
    stepping.move("-0.1", market=1)
    stepping.open(loser, winner, 1, market=1)
    assert stepping.kernel.position(loser, 1).maturing == 0
    assert stepping.kernel.position(winner, 1).maturing > 0
    stepping.open(loser, winner, 10)
    stepping.move(9)
    ask(stepping, stepping.price(50), market=1)
    stepping.kernel.absorb(loser)
    stepping.kernel.assert_conserved()


def test_the_last_tiers_wait_for_the_mark(stepping):
    loser = stepping.bankrupt(stepping.account("winner", 1_000))
    stepping.move(10)
    stepping.kernel.absorb(loser)
    ask(stepping, stepping.price(50))
    for call in (stepping.kernel.deleverage, stepping.kernel.charge_round, stepping.kernel.close_at_mark):
        with boa.reverts("market: stale mark"):
            call()
    with boa.reverts("market: stale mark"):
        stepping.kernel.buy_inventory(account_of("winner"))


def test_profit_does_not_mature_on_the_way(stepping):
    """A wild print of one second: the clock does not count the way there and back."""

    def now() -> int:
        return stepping.vault.market_words(0)[2] & (2**40 - 1)

    ask(stepping, stepping.price(0), seconds=60)
    clock = now()
    ask(stepping, stepping.price(15), seconds=100)
    assert now() == clock + 100
    ask(stepping, stepping.price(15), seconds=100)
    ask(stepping, stepping.price(30), seconds=100)
    assert now() == clock + 200
    ask(stepping, stepping.price(30), seconds=100)
    assert now() == clock + 200


def test_an_oracle_that_dies_on_the_way_stops_no_liquidation_for_good(stepping):
    """I11: when the mark would be stale anyway, another market's fresh one is enough."""
    loser = stepping.bankrupt(stepping.account("winner", 10_000))
    stepping.open(loser, account_of("winner"), 1, market=1)
    stepping.move(9)
    ask(stepping, stepping.price(50), market=1)
    stepping.kernel.oracle.set_down(1, True)
    stepping.move(9, seconds=margin_config()["max_mark_age"])
    with boa.reverts(ON_ITS_WAY):
        stepping.kernel.absorb(loser)
    stepping.move(9, seconds=1)
    stepping.kernel.absorb(loser)
    stepping.kernel.assert_conserved()


def test_without_a_limit_the_mark_goes_anywhere_at_once(scene):
    assert ask(scene, wad(1)) == wad(1)
    assert words(scene)[0] == boa.env.timestamp
