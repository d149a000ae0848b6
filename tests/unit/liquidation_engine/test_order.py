"""LiquidationEngine: whose turn it is among an account's positions, and how much of it may go."""

from fractions import Fraction

import boa
import pytest

from tests.unit.liquidation_engine.kernel import WAD, account_of

LONG, SHORT, OTHER = 3, 5, 7
MARK = 2 * WAD
LEAST = 100 * WAD
MAX = 2**256 - 1
TAKEN = (-WAD, MARK, 0)


def bits(*markets):
    return sum(1 << market for market in markets)


@pytest.fixture
def hedged(kernel, account):
    """The account is long in LONG and short in SHORT, with these worths in quote; 1,000 base each."""

    def make(longs, shorts, planned=0, ready=(LONG, SHORT), size=1000, **fields):
        kernel.hold(account, LONG, SHORT)
        values = {
            "long_markets": bits(LONG),
            "short_markets": bits(SHORT),
            "ready_markets": bits(*ready),
            "mark": MARK,
            "minimum_notional": LEAST,
        }
        values |= {"longs": longs * WAD, "shorts": shorts * WAD, "size": size * WAD}
        kernel.expose(account, **values | fields)
        kernel.plan(account, change=-planned * WAD if size > 0 else planned * WAD)
        kernel.answers("take_over", account, *TAKEN)

    return make


@pytest.fixture
def take(engine, kernel, account, liquidator):
    """What the vault is asked to take of a market."""

    def call(market, max_size=MAX, name="take_over"):
        getattr(engine, name)(account, market, max_size, account_of(liquidator), 0, sender=liquidator)
        return kernel.calls()[-1][3]

    return call


# --- which --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["take_over", "refresh_and_take_over"])
@pytest.mark.parametrize(("longs", "shorts", "hedge"), [(101, 100, SHORT), (100, 101, LONG)])
def test_hedge_is_not_taken_first(engine, kernel, account, hedged, take, name, longs, shorts, hedge):
    hedged(longs, shorts)

    with boa.reverts("liquidation: larger side first"):
        take(hedge, name=name)

    assert kernel.calls() == []
    with boa.reverts("liquidation: larger side first"):
        engine.admissible(account, hedge, MAX)
    with boa.reverts("liquidation: larger side first"):
        engine.admit(account, hedge, MAX)
    take(LONG + SHORT - hedge, name=name)


def test_exactly_balanced_either_is_taken(engine, account, hedged, take):
    hedged(100, 100)

    assert engine.liquidatable_markets(account) == bits(LONG, SHORT)
    take(LONG)
    take(SHORT)


def test_a_wei_decides(engine, account, hedged):
    hedged(100, 100 + Fraction(1, WAD))
    assert engine.liquidatable_markets(account) == bits(SHORT)
    hedged(100 + Fraction(1, WAD), 100)
    assert engine.liquidatable_markets(account) == bits(LONG)


def test_any_position_of_the_larger_side_may_be_taken(engine, account, hedged, take):
    hedged(150, 100, long_markets=bits(LONG, OTHER), ready=(LONG, SHORT, OTHER))

    assert engine.liquidatable_markets(account) == bits(LONG, OTHER)
    take(OTHER)


def test_a_side_without_anything_to_take_bars_nobody(engine, account, hedged, take):
    """Stale, or smaller than the least size: otherwise the account could not be liquidated at all."""
    hedged(150, 100, ready=(SHORT,), size=-1000)

    assert engine.liquidatable_markets(account) == bits(LONG, SHORT)
    take(SHORT)


def test_one_position_that_can_be_taken_bars_the_other_side(account, hedged, take):
    hedged(150, 100, long_markets=bits(LONG, OTHER), ready=(SHORT, OTHER))

    with boa.reverts("liquidation: larger side first"):
        take(SHORT)
    take(OTHER)


@pytest.mark.parametrize("sides", [(100, 0), (0, 100), (0, 0)])
def test_without_a_hedge_nothing_is_asked(engine, account, kernel, hedged, take, sides):
    hedged(*sides, planned=1000)

    assert take(OTHER, 7 * WAD) == 7 * WAD


def test_account_in_one_market_is_not_looked_at(kernel, account, liquidator, take):
    kernel.hold(account, LONG)
    kernel.expose(account, longs=WAD, shorts=2 * WAD, short_markets=bits(SHORT), ready_markets=bits(SHORT))
    kernel.answers("take_over", account, *TAKEN)

    assert take(LONG) == MAX


@pytest.mark.parametrize("name", ["absorb", "refresh_and_absorb"])
def test_absorption_has_no_order(engine, kernel, account, keeper, hedged, name):
    hedged(100, 101)
    kernel.answers("absorb", account, -1)

    assert getattr(engine, name)(account, account_of(keeper)) == -1
    assert engine.absorb_many([account], account_of(keeper)) == 1


# --- how much -----------------------------------------------------------------------------------------------


def test_up_to_the_balance_the_plan_is_free(hedged, take):
    """Longs are 400 more than shorts: 200 base."""
    hedged(1400, 1000, planned=200)

    assert take(LONG) == MAX


def test_of_what_goes_beyond_the_balance_half_is_left_to_the_other_side(engine, account, hedged, take):
    """Of 300 base asked for, 200 balance the account; 50 more, and 50 are due on the other side."""
    hedged(1400, 1000, planned=300)

    assert take(LONG) == 250 * WAD
    assert engine.admissible(account, LONG, MAX) == 250 * WAD
    assert engine.admissible(account, LONG, 250 * WAD - 1) == 250 * WAD - 1


@pytest.mark.parametrize(("market", "size"), [(LONG, 1000), (SHORT, -1000)])
def test_from_exact_balance_half_is_taken(hedged, take, market, size):
    hedged(1000, 1000, planned=300, size=size)

    assert take(market) == 150 * WAD


def test_half_of_an_odd_wei_is_rounded_up(engine, kernel, account, hedged):
    hedged(1000, 1000)
    kernel.plan(account, change=-(300 * WAD + 1))

    assert engine.admissible(account, LONG, MAX) == 150 * WAD + 1


def test_at_least_the_least_size_may_be_taken(hedged, take):
    """100 quote at 2 are 50 base, though half of what is asked for is 30."""
    hedged(1000, 1000, planned=60)

    assert take(LONG) == 50 * WAD


def test_all_may_be_taken_if_less_than_the_least_size_would_stay(engine, account, hedged):
    hedged(1000, 1000, planned=300, size=200)
    assert engine.admissible(account, LONG, MAX) == 150 * WAD
    hedged(1000, 1000, planned=300, size=200 - Fraction(1, WAD))
    assert engine.admissible(account, LONG, MAX) == MAX


def test_the_smaller_side_has_no_balance_to_reach(hedged, take):
    """It is only taken because nothing of the larger one can be."""
    hedged(1400, 1000, planned=300, ready=(SHORT,), size=-1000)

    assert take(SHORT) == MAX
