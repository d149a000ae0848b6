"""Attacks by trading: with oneself, through zero, at the edge of the band, against unrealised profit."""

from decimal import Decimal

import boa
import pytest

from tests.attacks.desk import worth
from tests.kernel import WAD, margin_config, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene


def withdraw(scene: Scene, name: str, account: int, quote: float | int | str | Decimal) -> None:
    with boa.env.prank(actor(name)):
        scene.vault.withdraw(account, wad(quote) // scene.kernel.scale, actor(name), 0)


def test_t01_fill_far_from_mark_between_own_accounts_is_refused(either):
    """
    1,000 at 80 where the mark is 100 would move 20,000 from one pocket, and then the fund, to the other.
    """
    loser, winner = either.account("attacker", 10_000), either.account("accomplice", 10_000)
    buyer, seller = (winner, loser) if either.side < 0 else (loser, winner)
    before = either.snapshot()
    with boa.reverts("vault: price out of band"):
        either.kernel.fill(buyer, seller, 1000, Decimal(either.price(-20)) / WAD)
    assert either.snapshot() == before


@pytest.mark.parametrize(
    ("worse", "margin"), [("0.5", "10500"), ("1", "11000")], ids=["half the band", "all of the band"]
)
def test_t01_who_gives_at_the_edge_of_the_band_still_holds_initial_margin_at_mark(either, worse, margin):
    """10 % class: what is given away comes on top of the margin, to the unit; so the fund never pays it."""
    poor = either.account("attacker", Decimal(margin) - Decimal("0.000001"), leverage_class=1)
    rich = either.account("attacker", Decimal(margin), sub=1, leverage_class=1)
    other = either.account("accomplice", 10_000, leverage_class=1)
    price = Decimal(either.price("-" + worse)) / WAD
    for giver, is_allowed in ((poor, False), (rich, True)):
        pair = (giver, other) if either.side > 0 else (other, giver)
        before = worth(either, poor, rich, other)
        if is_allowed:
            either.kernel.fill(*pair, 1000, price)
        else:
            with boa.reverts("margin: below initial margin"):
                either.kernel.fill(*pair, 1000, price)
        assert worth(either, poor, rich, other) == before
    either.kernel.assert_conserved()


@pytest.mark.parametrize("better", ["0", "0.5", "1"])
def test_t02_repairing_an_unhealthy_account_costs_the_sibling_what_it_brings(either, better):
    """The reduction at a price in its favour is paid by the own other account, not by the market."""
    sick = either.account("attacker", 60)
    either.open(sick, either.account("counterparty", 5000), 10)
    mark = either.move("3.9")
    doctor = either.account("accomplice", 5000)
    before = worth(either, sick, doctor), either.equity(sick)
    price = Decimal(mark + either.side * wad(better) * mark // wad(100)) / WAD
    pair = (doctor, sick) if either.side > 0 else (sick, doctor)
    either.kernel.fill(*pair, 5, price)
    assert worth(either, sick, doctor) <= before[0] < worth(either, sick, doctor) + 4
    assert either.equity(sick) >= before[1]
    either.kernel.assert_conserved()


def test_t02_bankrupt_account_cannot_be_emptied_into_a_sibling(either):
    """Below zero nothing is traded any more, at whatever price: the deficit stays what it was."""
    dead = either.account("attacker", 60)
    either.open(dead, either.account("counterparty", 5000), 10)
    mark = either.move("6.5")
    heir = either.account("accomplice", 5000)
    pair = (heir, dead) if either.side > 0 else (dead, heir)
    before = either.snapshot()
    for price in (mark, mark - mark // 100, mark + mark // 100):
        with boa.reverts("margin: account insolvent"):
            either.kernel.fill(*pair, 5, Decimal(price) / WAD)
    assert either.snapshot() == before


def mango(scene: Scene) -> tuple[int, int, int]:
    """
    October 2022 by a thousandth: 483,000 units at 0.0382 between own accounts, then the price goes to 0.91.
    """
    others = scene.account("depositor", 116_000)
    scene.kernel.set_price("0.0382")
    short, long = scene.account("attacker", 5000), scene.account("accomplice", 5000)
    scene.kernel.fill(long, short, 483_000)
    scene.kernel.set_price("0.91")
    return others, short, long


def test_t03_paper_profit_of_the_pumped_side_withdraws_nothing(scene):
    """421,079.4 of open profit, and not even the own 5,000 may leave: maintenance is held in cash."""
    _, _, long = mango(scene)
    state = scene.kernel.state(long)
    assert (state.unrealised, state.withdrawable) == (wad("421079.4"), 0)
    before = scene.snapshot()
    for amount in (116_000, "0.000001"):
        with boa.reverts("vault: not withdrawable"):
            withdraw(scene, "accomplice", long, amount)
    assert scene.snapshot() == before


def test_t03_profit_realised_out_of_a_pump_pays_for_the_other_side(scene):
    """Realised in time, it still is what a round takes for the loser: the pair ends with its own 10,000."""
    others, short, long = mango(scene)
    scene.kernel.fill(others, long, 483_000)
    assert scene.kernel.state(long).withdrawable == wad(5000)
    assert scene.kernel.absorb(short) == -wad("416079.4")
    scene.kernel.charge_round()
    assert worth(scene, short, long) <= wad(10_000)
    assert scene.equity(others) == wad(116_000)
    scene.kernel.assert_conserved()


def test_t05_taking_profit_out_leaves_the_backstop_nothing_to_pay(scene):
    """
    March 2025 by a thousandth: all that may go is withdrawn, the rest is taken over, and no claim is left.
    """
    liquidator = scene.account("liquidator", 50_000)
    book = scene.account("counterparty", 500_000)
    scene.kernel.set_price("1884.4")
    whale = scene.account("whale", 17_000)
    scene.kernel.fill(whale, book, "175.179")
    scene.kernel.set_price(1930)
    scene.kernel.fill(book, whale, "14.945")
    free = scene.kernel.state(whale).withdrawable
    with boa.env.prank(actor("whale")):
        scene.vault.withdraw(whale, free // scene.kernel.scale, actor("whale"), 0)
    state = scene.kernel.state(whale)
    assert state.equity >= wad("160.234") * 1930 // 20
    assert state.cash >= state.maintenance
    scene.kernel.set_price(1870)
    scene.kernel.take_over(whale, liquidator)
    state = scene.kernel.state(whale)
    assert state.equity >= state.maintenance
    assert scene.kernel.claims() == []
    scene.kernel.assert_conserved()


def test_t09_position_opened_at_the_limit_cannot_be_liquidated_at_the_same_mark(either):
    """
    At the worst price of the band, with the highest fee and not a unit to spare: nobody can touch it yet.
    """
    fee = 10**15
    price = Decimal(either.price(-1)) / WAD
    trader = either.account("trader", 60 + price / 100)
    other = either.account("counterparty", 5000)
    pair = (trader, other) if either.side > 0 else (other, trader)
    either.kernel.fill(*pair, 10, price, fee=fee)
    assert either.kernel.state(trader).hole == 0
    for call in (either.kernel.take_over, either.kernel.absorb):
        with boa.reverts("margin: account healthy"):
            call(trader, either.account("liquidator", 5000))
    either.kernel.assert_conserved()


def test_t13_account_below_zero_gets_nothing_out_and_opens_nothing(either):
    """No unsigned cast turns a negative equity into a large margin."""
    dead = either.account("attacker", 60)
    sibling = either.account("attacker", 1000, sub=1)
    other = either.account("counterparty", 5000)
    either.open(dead, other, 10)
    either.move(20)
    before = either.snapshot()
    with boa.reverts("vault: not withdrawable"):
        withdraw(either, "attacker", dead, "0.000001")
    with boa.env.prank(actor("attacker")), boa.reverts("vault: not withdrawable"):
        either.vault.transfer(dead, sibling, 1)
    with boa.reverts("margin: below initial margin"):
        either.open(dead, other, 10)
    with boa.env.prank(actor("attacker")), boa.reverts("margin: below initial margin"):
        either.vault.set_leverage_class(dead, 0, 1)
    assert either.snapshot() == before


def test_t17_many_wallets_meet_one_cap_on_open_interest(scene):
    """A limit for each wallet would be split over wallets; this one is the market's."""
    config = margin_config(open_interest_cap_quote=wad(3000))
    with scene.as_governance():
        scene.vault.set_margin_config(0, tuple(config.values()))
    other = scene.account("counterparty", 50_000)
    for n in range(3):
        scene.open(scene.account(f"wallet {n}", 60), other, 10)
    wallet = scene.account("wallet 3", 60)
    before = scene.snapshot()
    with boa.reverts("market: open interest value"):
        scene.open(wallet, other, 10)
    assert scene.snapshot() == before
    scene.kernel.assert_conserved()


def test_t20_profit_of_two_marks_in_one_transaction_does_not_leave_in_it(either):
    """
    Opened at the last mark, closed at the next one, all in one second: what was won has to mature first.
    """
    attacker, book = either.account("attacker", 1000), either.account("counterparty", 5000)
    wait(60)
    either.kernel.oracle.set_price(0, either.price(4))
    either.open(book, attacker, 100)
    either.vault.update_mark(0)
    either.open(attacker, book, 100)
    state = either.kernel.state(attacker)
    assert (state.equity, state.withdrawable) == (wad(1400), wad(1000))
    with boa.reverts("vault: not withdrawable"):
        withdraw(either, "attacker", attacker, "1000.000001")
    either.kernel.assert_conserved()


def test_2023_11_sushi_profit_used_to_pyramid_is_never_cash(scene):
    """
    November 2023: gains withdrawn while the price still rises. Here three rounds of adding take out nothing.
    """
    trader, book = scene.account("trader", 100), scene.account("counterparty", 100_000)
    scene.kernel.fill(trader, book, 10)
    for price in (120, 150, 200):
        scene.kernel.set_price(price)
        scene.kernel.fill(trader, book, 10)
        state = scene.kernel.state(trader)
        assert state.withdrawable <= max(0, wad(100) - state.maintenance)
        with boa.reverts("vault: not withdrawable"):
            withdraw(scene, "trader", trader, 100)
    scene.kernel.assert_conserved()
