"""
Attacks on rounding, on funding and on the size of numbers: small change taken many times, or one huge figure.
"""

from contextlib import suppress
from decimal import Decimal

import boa
import pytest

from tests.attacks.desk import worth
from tests.kernel import WAD, Kernel, deploy_kernel, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene, fresh

# Four per cent a day, per second.
TOP_RATE = 462_962_962_962


@pytest.fixture(scope="module", params=[6, 8, 18])
def kernel_of_decimals(request: pytest.FixtureRequest) -> Kernel:
    return deploy_kernel(decimals=request.param)


def raw_fill(scene: Scene, buyer: int, seller: int, size: int, price: int, fee: int = 0) -> None:
    with boa.env.prank(actor("exchange")):
        scene.vault.fill(0, buyer, fee, False, [(seller, -size, price, fee, False)])


@pytest.mark.parametrize("price", ["0.000123", "99.999999999999999999", "65432.1"])
def test_r01_forty_odd_trades_between_own_accounts_gain_not_a_wei(scene, price):
    """Sizes of a few wei and prices that divide badly, back and forth: the pair only ever loses."""
    scene.kernel.set_price(price)
    mark = scene.vault.mark(0)
    pair = scene.account("attacker", 1000), scene.account("accomplice", 1000)
    raw_fill(scene, *pair, 300 * WAD * WAD // mark, mark)
    before = worth(scene, *pair)
    for n in range(40):
        size = (1, 2, 3, 7, 10**6 + 1, 10**13 + 3)[n % 6]
        odd = mark + (n * 7919 * mark // 10**6) % (mark // 100) * (-1) ** n
        # a reduction that rounding would make a loss beyond the rules is refused
        with suppress(boa.BoaError):
            raw_fill(scene, *(pair if n % 3 else pair[::-1]), size, odd)
        after = worth(scene, *pair)
        assert after <= before
        before = after
    scene.kernel.assert_conserved(dust=10**13)


def test_r01_depositing_and_withdrawing_single_units_gains_nothing(kernel_of_decimals):
    """Forty times one unit in and out, next to an open position."""
    scene = fresh(kernel_of_decimals, 1)
    attacker = scene.account("attacker", 1000)
    scene.open(attacker, scene.account("counterparty", 1000), 3)
    before = worth(scene, attacker)
    with boa.env.prank(actor("attacker")):
        scene.kernel.token.approve(scene.vault.address, 40)
        for _ in range(40):
            scene.vault.withdraw(attacker, 1, actor("attacker"), 1)
            scene.vault.deposit(attacker, 1)
    assert worth(scene, attacker) == before
    scene.kernel.assert_conserved()


def test_f08_fee_of_a_trade_in_pieces_is_never_less(either):
    """Ten odd pieces next to one whole: rounding each fee up leaves nothing to shave off."""
    price = either.vault.mark(0) + 7
    fees = {}
    for pieces in (1, 10):
        with boa.env.anchor():
            pair = either.account("attacker", 1000), either.account("counterparty", 1000)
            # all pieces are above the least position, and none divides evenly
            for _ in range(pieces):
                raw_fill(either, *pair, (10 * WAD + 70) // pieces, price, fee=333_333_333_333_333)
            fees[pieces] = either.vault.fee_state().trading
            either.kernel.assert_conserved()
    assert fees[10] >= fees[1]


@pytest.mark.parametrize("rate", [TOP_RATE, -TOP_RATE], ids=["longs pay", "shorts pay"])
def test_f02_funding_with_only_inventory_on_one_side_is_paid_by_nobody(either, rate):
    """
    Ten hours without a mark, one side nothing but inventory: the claims on the fund do not grow by what the
    winners would get, nor do the winners pay for nobody.
    """
    winner = either.account("winner", 1000)
    loser = either.account("loser", 60)
    idle = either.account("idle", 500)
    either.open(loser, winner, 10)
    either.move("5.6")
    either.kernel.absorb(loser)
    assert either.kernel.inventory().size == either.side * wad(10)
    price = Decimal(either.price("5.6")) / WAD
    before = either.equity(winner), either.kernel.inventory().equity
    either.kernel.set_price(price, seconds=36_000, rate=rate)
    assert (either.equity(winner), either.kernel.inventory().equity) == before
    assert either.equity(idle) == wad(500)
    either.kernel.assert_conserved()


def test_d04_funding_missed_before_entry_is_at_most_fifteen_minutes(either):
    """Whoever enters just before an accrual gets no more of the past than the age of a mark and one step."""
    receiver, payer = either.account("attacker", 5000), either.account("counterparty", 5000)
    either.kernel.set_price(100, seconds=300, rate=TOP_RATE)
    either.kernel.set_price(100, seconds=299, rate=TOP_RATE)
    wait(600)
    either.kernel.fill(payer, receiver, 10)
    before = either.equity(receiver)
    either.vault.update_mark(0)
    assert 0 < either.equity(receiver) - before <= wad(1000) * TOP_RATE * 899 // WAD
    wait(1)
    either.kernel.fill(payer, receiver, 10)
    with boa.reverts("market: stale mark"):
        wait(601)
        either.kernel.fill(payer, receiver, 10)
    either.kernel.assert_conserved()


@pytest.mark.parametrize("factor", ["0.000001", "1000000"])
def test_r06_price_that_moves_a_million_times_blocks_no_exit(factor):
    """After the jump everything still fits: views, absorption, round, sale of the inventory, withdrawal."""
    scene = fresh(deploy_kernel(), 1)
    start = Decimal(1)
    scene.kernel.set_price(start)
    long, short = scene.account("long", 1000), scene.account("short", 1000)
    scene.kernel.fill(long, short, 10_000)
    scene.kernel.set_price(start * Decimal(factor))
    loser, winner = (short, long) if Decimal(factor) > 1 else (long, short)
    lacking = -scene.kernel.absorb(loser)
    assert lacking > 0
    scene.kernel.charge_round()
    assert scene.kernel.inventory().outstanding <= wad("0.01")
    assert worth(scene, long, short) <= wad(2000)
    assert scene.kernel.state(winner).withdrawable <= wad(1000)
    scene.kernel.assert_conserved()


def test_r07_everybody_leaves_after_a_crisis_and_the_last_is_not_stuck(either):
    """
    ADL, a round, funding and odd sizes behind them: all close, all is withdrawn, only dust stays behind.
    """
    winners = [either.account(f"winner {n}", 1000) for n in range(3)]
    loser = either.account("loser", 120)
    for n, winner in enumerate(winners):
        either.open(loser, winner, Decimal(7) + Decimal(n) / 7 if n else 6)
    either.kernel.set_price(100, seconds=300, rate=TOP_RATE)
    either.move(9)
    either.kernel.absorb(loser)
    either.kernel.deleverage(limit=1)
    if either.kernel.inventory().outstanding > wad("0.01"):
        either.kernel.charge_round()
    market_maker = either.account("maker", 5000)
    if either.kernel.inventory().size:
        either.kernel.buy_inventory(market_maker)
    for winner in winners:
        either.touch(winner)
        held = either.kernel.position(winner).size
        if held:
            pair = (market_maker, winner) if held > 0 else (winner, market_maker)
            raw_fill(either, *pair, abs(held), either.vault.mark(0))
    for _ in range(40):
        either.move(9, seconds=300)
    for winner in winners:
        name = f"winner {winners.index(winner)}"
        units = either.kernel.state(winner).withdrawable // either.kernel.scale
        either.vault.withdraw(winner, units, actor(name), units, sender=actor(name))
        assert either.equity(winner) < either.kernel.scale
    either.kernel.assert_conserved(dust=10**13)
