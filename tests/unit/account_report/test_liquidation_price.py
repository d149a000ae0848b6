"""The liquidation price is exact: a take-over is accepted there, and refused a unit before."""

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastline import account_report as ar
from lastline import risk as rk
from tests.kernel import account_of, wad
from tests.support import actor
from tests.unit.account_report.conftest import Desk


def liquidator(desk: Desk) -> int:
    return desk.scene.account("liquidator", 10**7)


def assert_is_the_border(desk: Desk, account: int, market: int, healthy_side: int) -> int:
    """The kernel's own word on both sides of it, each from the same state."""
    price = rk.liquidation_price(*desk.book(account), market)
    assert price is not None
    taker = liquidator(desk)
    with boa.env.anchor():
        desk.set_mark(price, market)
        desk.scene.kernel.take_over(account, taker, market=market)
    with boa.env.anchor():
        desk.set_mark(price + healthy_side, market)
        with boa.reverts("margin: account healthy"):
            desk.scene.kernel.take_over(account, taker, market=market)
    return price


# margin, size: within the first maintenance line, and beyond 1,000,000 quote, where the second begins
@pytest.mark.parametrize(("margin", "size"), [(60, 10), (777, 33), (150_000, 12_000), (60_000, 10_100)])
def test_take_over_is_accepted_there_and_refused_a_unit_before(desk, margin, size):
    winner = desk.scene.account("winner", 10**7)
    account = desk.scene.account("loser", margin)
    desk.scene.open(account, winner, size)
    price = assert_is_the_border(desk, account, 0, desk.scene.side)
    assert (wad(100) - price) * desk.scene.side > 0


def test_with_another_market_unchanged(desk):
    """The other market's profit, loss and margin count at its present mark."""
    scene = desk.scene
    winner, account = scene.account("winner", 10**6), scene.account("loser", 400)
    scene.open(account, winner, 10)
    scene.open(winner, account, 7, market=1)
    scene.move(3, market=1)
    for market, side in ((0, scene.side), (1, -scene.side)):
        assert_is_the_border(desk, account, market, side)


def test_in_a_risk_mode_that_asks_for_more(desk):
    scene = desk.scene
    winner, account = scene.account("winner", 10**6), scene.account("loser", 200)
    scene.open(account, winner, 10)
    normal = rk.liquidation_price(*desk.book(account), 0)
    scene.set_mode(2, "1.7")
    raised = assert_is_the_border(desk, account, 0, scene.side)
    assert (raised - normal) * scene.side > 0


def test_of_a_charged_and_partly_closed_winner(desk):
    """What rounds and ADL have taken is gone from the figures: the price holds for what is left."""
    scene = desk.scene
    winner = scene.account("winner", 200)
    loser = scene.bankrupt(winner)
    scene.open(scene.account("bystander", 10**5), winner, 10)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    assert scene.kernel.close_at_mark().cohorts == 1
    assert_is_the_border(desk, winner, 0, -scene.side)


# (every example undoes what it does, so they may share a scene)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    margin=st.integers(60, 10**6),
    leverage=st.integers(1, 9),
    odd=st.integers(0, 10**9),
    price=st.integers(5 * 10**16, 10**24),
)
def test_at_any_size_and_price(desk, margin, leverage, odd, price):
    with boa.env.anchor():
        desk.set_mark(price)
        winner = desk.scene.account("winner", 10**8)
        account = desk.scene.account("loser", margin + 60)
        size = (margin + 60) * leverage * 10**36 // price + odd
        buyer, seller = (account, winner) if desk.scene.side > 0 else (winner, account)
        with boa.env.prank(actor("exchange")):
            desk.scene.vault.fill(0, buyer, 0, False, [(seller, -size, price, 0, False)])
        if rk.liquidation_price(*desk.book(account), 0) is not None:
            assert_is_the_border(desk, account, 0, desk.scene.side)


def test_of_an_unhealthy_account_it_is_where_health_comes_back(desk):
    scene = desk.scene
    account = scene.bankrupt(scene.account("winner", 10**4))
    scene.move(4)
    assert desk.report(account).health < wad(1)
    price = assert_is_the_border(desk, account, 0, scene.side)
    assert (price - scene.price(4)) * scene.side > 0
    assert desk.report(account).positions[0].liquidation_distance * scene.side > 0


def test_who_has_put_up_more_than_a_long_can_lose_has_none(desk):
    scene = desk.scene
    account = scene.account("loser", 5000)
    scene.open(account, scene.account("winner", 5000), 10)
    price = rk.liquidation_price(*desk.book(account), 0)
    shown = desk.report(account).positions[0]
    if scene.side > 0:
        assert price is None
        assert shown.liquidation_price is None
        assert shown.liquidation_distance is None
    else:
        assert_is_the_border(desk, account, 0, scene.side)


def test_distance_is_a_share_of_the_mark(desk):
    scene = desk.scene
    scene.bankrupt(scene.account("winner", 10**4))
    shown = desk.report(account_of("loser")).positions[0]
    gap = shown.liquidation_price - shown.mark
    assert shown.liquidation_distance == gap * 10**18 // shown.mark
    assert gap * scene.side < 0


def test_bankruptcy_price_is_the_vaults(desk):
    """Also of an account in two markets: where its share of equity by maintenance margin is used up."""
    scene = desk.scene
    winner, account = scene.account("winner", 10**6), scene.account("loser", 400)
    scene.open(account, winner, 10)
    scene.open(winner, account, 7, market=1)
    scene.move(2)
    for market in (0, 1):
        wanted = scene.vault.position_state(account, market).bankruptcy_price
        assert rk.bankruptcy_price(*desk.book(account), market) == wanted
    shown = {p.market: p.bankruptcy_price for p in desk.report(account).positions}
    assert shown == {m: scene.vault.position_state(account, m).bankruptcy_price for m in (0, 1)}


def test_moves_are_of_the_mark_and_keep_to_legal_prices():
    assert ar.moved_price(wad(100), wad("0.05")) == wad(105)
    assert ar.moved_price(wad(100), -wad("0.2")) == wad(80)
    assert ar.moved_price(10**12, -wad("0.2")) == 10**12
    assert ar.moved_price(10**30, wad("0.2")) == 10**30
