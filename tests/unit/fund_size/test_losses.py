"""The fund's loss in a scenario: by hand, account by account, and what can never lower it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastline import fund_size as fs
from tests.unit.fund_size.books import book, naive_loss, terms, world

ONE_LINE = ((0.025, 0.0),)


def loss(of: fs.Book, returns: list[float], **assumptions: object) -> list[float]:
    return list(fs.losses(of, world(**assumptions), np.array([returns]))[0])


# --- by hand ------------------------------------------------------------------------------------------------


def test_gap_that_nobody_can_act_in():
    """10 long at 100 on 50 of equity: at 75 it lacks 200."""
    assert loss(book([(50.0, {0: 10.0})], terms(lines=ONE_LINE)), [-0.25], gap=1.0) == [200.0]


def test_someone_is_always_there_when_the_gap_is_nothing():
    assert loss(book([(50.0, {0: 10.0})], terms(lines=ONE_LINE)), [-0.25], gap=0.0) == [0.0]


def test_loss_is_what_the_price_went_on_by():
    """8 long at 100 with 420 falls under its margin of 2.5 % where 420 - 800 x = 20 (1 - x), x = 20/39.

    The gap is a half of the whole fall of 0.75: closed at x = 0.375 + 20/39, which lacks 800 x - 420.
    """
    (shown,) = loss(book([(420.0, {0: 8.0})], terms(lines=ONE_LINE)), [-0.95], gap=0.4)
    assert shown == pytest.approx(800 * (400 / 780 + 0.38) - 420, rel=1e-12)


def test_slippage_beyond_equity_is_the_funds():
    """1,000 of notional into books of 500 for 1 %: 1 % on average; a jump to 2 of equity, and 10 of cost."""
    of = book([(12.0, {0: 10.0})], terms(lines=ONE_LINE))
    assert loss(of, [-0.01], gap=1.0, depth=500.0) == [pytest.approx(8.0, abs=1e-12)]


def test_longs_and_shorts_do_not_share_their_books():
    """A hedge over two accounts: each side's slippage is its own. 1,000 sold at 1 %, 2,000 bought at 2 %."""
    of = book([(1.0, {0: 10.0}), (1.0, {0: -20.0})], terms(lines=ONE_LINE))
    assert loss(of, [0.0], depth=500.0) == [pytest.approx(10 - 1 + 40 - 1)]


def test_nobody_takes_over_before_it_pays_for_the_slippage():
    """Slippage of 1 % and a slope of 5 %: its turn comes at health 0.8, not at 1."""
    deep, thin = (
        loss(book([(100.0, {0: 10.0})], terms(lines=ONE_LINE)), [-0.2], gap=0.1, depth=depth)[0]
        for depth in (1e18, 500.0)
    )
    # equity = health * 25 (1 - x) at 100 - 1000 x; then 0.02 further
    x = (100 - 0.8 * 25) / (1000 - 0.8 * 25)
    assert deep == 0.0
    assert thin == pytest.approx(10 - (100 - 1000 * (x + 0.02)))


def test_a_lack_falls_on_the_markets_by_their_losses():
    """Losses of 300 and 100 on 100: 300 lacks, three quarters of it in the first."""
    markets = (terms(0, lines=ONE_LINE), terms(1, lines=ONE_LINE))
    of = book([(100.0, {0: 10.0, 1: -5.0})], *markets)
    assert loss(of, [-0.3, 0.2], gap=1.0) == [pytest.approx(225.0), pytest.approx(75.0)]


def test_a_lack_without_losses_falls_on_the_markets_by_margin():
    """Below zero from the start, positions at their entry."""
    markets = (terms(0, lines=ONE_LINE), terms(1, lines=((0.05, 0.0),)))
    of = book([(-30.0, {0: 10.0, 1: 10.0})], *markets)
    assert loss(of, [0.0, 0.0]) == [pytest.approx(10.0), pytest.approx(20.0)]


def test_the_risk_modes_factor_makes_accounts_due_earlier():
    position = [(100.0, {0: 10.0})]
    plain, raised = (
        loss(book(position, terms(lines=ONE_LINE), multiplier=factor), [-0.5], gap=0.1)[0]
        for factor in (1.0, 3.0)
    )
    assert plain > raised == 0.0


def test_inventory_loses_by_the_jump_and_covers_nobody():
    """10 long with 30 of its own: at 93.75 it lacks 32.5; where it gains, another's lack is no less."""
    market = terms(lines=ONE_LINE, inventory_size=10.0, inventory_equity=30.0)
    assert loss(book([], market), [-0.0625]) == [32.5]
    assert loss(book([(50.0, {0: -10.0})], market), [0.25], gap=1.0) == [200.0]


def test_an_empty_book_loses_nothing():
    assert loss(book([]), [-0.9]) == [0.0]
    assert fs.losses(fs.Book.from_lists((), [], [], [], [], []), world(), np.zeros((3, 0))).shape == (3, 0)


# --- the same, account by account ---------------------------------------------------------------------------

sizes = st.floats(1, 3e4).map(lambda size: round(size, 6))
signed_sizes = st.builds(lambda size, side: size * side, sizes, st.sampled_from((1, -1)))
accounts = st.lists(
    st.tuples(
        st.floats(0, 3e5).map(lambda equity: round(equity, 6)),
        st.dictionaries(st.integers(0, 2), signed_sizes, min_size=1),
    ),
    min_size=1,
    max_size=6,
)
moves = st.lists(st.floats(-0.95, 3).map(lambda move: round(move, 9)), min_size=3, max_size=3)
gaps = st.sampled_from((0.0, 0.1, 0.25, 1.0))
depths = st.floats(1e3, 1e8)
MARKETS = (terms(0), terms(1, 7.0), terms(2, 2_500.0, cost_slope=0.02, critical_health=0.2, lines=ONE_LINE))


@settings(max_examples=150, deadline=None)
@given(accounts, moves, gaps, depths, st.sampled_from((1.0, 1.5)))
def test_loss_is_that_of_a_loop_over_accounts(held, returns, gap, depth, multiplier):
    of = book(held, *MARKETS, multiplier=multiplier)
    wanted = naive_loss(of, world(gap=gap, depth=depth), returns)
    assert loss(of, returns, gap=gap, depth=depth) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


# --- what can never lower it --------------------------------------------------------------------------------


def not_less(after: list[float], before: list[float]) -> bool:
    return sum(after) >= sum(before) * (1 - 1e-9) - 1e-6


@settings(max_examples=150, deadline=None)
@given(accounts, moves, gaps, depths, st.floats(1, 3))
def test_a_jump_further_the_same_way_never_lowers_the_loss(held, returns, gap, depth, factor):
    further = [max(move * factor, -1.0) for move in returns]
    if any(move * factor < -1 for move in returns):
        return
    of = book(held, *MARKETS)
    how = {"gap": gap, "depth": depth}
    assert not_less(loss(of, further, **how), loss(of, returns, **how))


@settings(max_examples=150, deadline=None)
@given(accounts, moves, gaps, depths, st.floats(0.01, 1))
def test_less_depth_never_lowers_the_loss(held, returns, gap, depth, share):
    of = book(held, *MARKETS)
    assert not_less(loss(of, returns, gap=gap, depth=depth * share), loss(of, returns, gap=gap, depth=depth))


@settings(max_examples=150, deadline=None)
@given(accounts, moves, depths, st.floats(1, 5))
def test_larger_positions_never_lower_the_loss_of_a_jump(held, returns, depth, factor):
    larger = [(equity, {m: size * factor for m, size in seats.items()}) for equity, seats in held]
    how = {"gap": 1.0, "depth": depth}
    assert not_less(loss(book(larger, *MARKETS), returns, **how), loss(book(held, *MARKETS), returns, **how))


@pytest.mark.parametrize("volatility", [0.4, 0.8, 1.6])
def test_more_volatility_never_lowers_a_quantile_of_one_market(volatility):
    of = book([(50.0 * n, {0: 10.0 if n % 2 else -10.0}) for n in range(1, 20)], terms(lines=ONE_LINE))
    for share in (0.5, 0.95, 0.99):
        less, more = (
            np.quantile(fs.losses(of, how, fs.jumps(of, how, 2_000, 1)).sum(axis=1), share)
            for how in (world(volatility=volatility), world(volatility=volatility * 1.5))
        )
        assert more >= less
