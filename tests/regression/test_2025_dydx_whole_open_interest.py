"""
dydx, 2025: in an isolated market the last position of one side, which was the whole open interest, was
liquidated at a loss. The market's collateral pool was moved out before the insurance fund's payment was
booked, and the chain halted.

Here the position goes into the bankruptcy account, the fund pays or winners do, and the market is as good as
new: the same figures as in the catalogue's case, one side of 10 at 100 with 100 of margin, the price 15
against it.
"""

from tests.kernel import wad
from tests.unit.crisis.scene import Scene


def last_pair(scene: Scene) -> tuple[int, int]:
    loser, winner = scene.account("loser", 100), scene.account("winner", 1000)
    scene.open(loser, winner, 10)
    scene.move(15)
    scene.kernel.absorb(loser)
    return loser, winner


def assert_market_is_empty_and_works(scene: Scene) -> None:
    assert scene.vault.market_words(0)[12] & (2**112 - 1) == 0
    assert scene.kernel.inventory().size == 0
    a, b = scene.account("next", 1000), scene.account("after", 1000)
    scene.open(a, b, 10)
    assert scene.kernel.position(a).size == scene.side * wad(10)
    scene.kernel.assert_conserved()


def test_fund_pays_and_the_market_goes_on(scene):
    _, winner = last_pair(scene)
    scene.with_fund(reserve=200)
    assert scene.vault.pay_claims(0) == wad(50)
    scene.kernel.buy_inventory(winner)
    assert scene.equity(winner) == wad(1150)
    assert scene.kernel.position(winner).size == 0
    assert_market_is_empty_and_works(scene)


def test_without_a_fund_the_winner_is_deleveraged(scene):
    _, winner = last_pair(scene)
    scene.kernel.deleverage()
    assert scene.equity(winner) == wad(1100)
    scene.touch(winner)
    assert_market_is_empty_and_works(scene)


def test_at_a_price_of_nearly_nothing(scene):
    """The losing side is long and the price 0.000001; or short, and the price 9 times as high."""
    loser, winner = scene.account("loser", 100), scene.account("winner", 10_000)
    scene.open(loser, winner, 10)
    scene.move("99.999999" if scene.side > 0 else 800)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    # rounded against the winner: two units of notional, and one for the share
    assert 0 <= wad(10_100) - scene.equity(winner) <= 3
    scene.kernel.close_at_mark() if scene.side < 0 else None
    assert scene.kernel.inventory().outstanding <= 10
    scene.kernel.assert_conserved()
