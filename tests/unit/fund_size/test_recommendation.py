"""Jumps with the stated moments, intervals of quantiles, and what is recommended."""

import math
from fractions import Fraction

import numpy as np
import pytest

from lastline import fund_size as fs
from lastline.ledger import Ledger
from lastline.units import WAD
from tests.unit.fund_size.books import book, terms, world

PERCENT = WAD // 100


def limits(**changes: object) -> fs.Limits:
    fields = {
        "token_decimals": 6,
        "target": 100_000 * 10**6,
        "target_floor": 100_000 * 10**6,
        "daily_cap_share": 50 * PERCENT,
        "stress_share": {0: 10 * PERCENT, 1: 10 * PERCENT},
        "least_daily_cap_share": PERCENT,
        "most_daily_cap_share": WAD,
        "least_stress_share": PERCENT,
        "most_stress_share": WAD,
    }
    return fs.Limits(**{**fields, **changes})


# --- jumps --------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_numbers():
    of = book([(50.0, {0: 10.0})], terms(0), terms(1))
    first, again, other = (fs.jumps(of, world(), 500, seed) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_volatility_and_correlation_are_those_asked_for():
    """Nearly normal, so that moments settle quickly; over a year, so that the deviation is the volatility."""
    of = book([], terms(0), terms(1))
    how = world(volatility={None: 0.1, 1: 0.2}, correlation=0.6, tail=200.0, horizon=float(fs.YEAR_SECONDS))
    x = np.log1p(fs.jumps(of, how, 100_000, 3))
    assert x.std(axis=0) == pytest.approx([0.1, 0.2], rel=0.02)
    assert np.corrcoef(x.T)[0, 1] == pytest.approx(0.6, abs=0.02)


def test_a_lower_tail_number_is_a_fatter_tail_of_the_same_deviation():
    of = book([], terms(0))
    thin, fat = (np.log1p(fs.jumps(of, world(tail=tail), 200_000, 5))[:, 0] for tail in (100.0, 4.0))
    assert fat.std() == pytest.approx(thin.std(), rel=0.05)
    assert np.quantile(fat, 0.001) < 1.2 * np.quantile(thin, 0.001) < 0


def test_a_settled_market_does_not_move():
    of = book([], terms(0), terms(1, is_settled=True))
    returns = fs.jumps(of, world(), 50, 1)
    assert np.all(returns[:, 1] == 0)
    assert np.any(returns[:, 0] != 0)


# --- quantiles ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "share", "level"), [(100, 0.5, 0.95), (300, 0.9, 0.99), (700, 0.99, 0.95)])
def test_interval_holds_the_quantile_with_at_least_the_level(count, share, level):
    """Exact, in fractions, and each side as tight as can be."""
    lower, upper = fs.interval_ranks(count, share, level)
    p, miss = Fraction(str(share)), (1 - Fraction(str(level))) / 2

    def at_most(rank: int) -> Fraction:
        return sum(
            (math.comb(count, n) * p**n * (1 - p) ** (count - n) for n in range(rank + 1)), Fraction(0)
        )

    assert at_most(lower - 1) <= miss < at_most(lower)
    assert at_most(upper - 1) >= 1 - miss > at_most(upper - 2)


def test_interval_of_a_median_is_the_textbooks():
    assert fs.interval_ranks(100, 0.5, 0.95) == (40, 61)


def test_few_scenarios_have_no_upper_bound():
    least = fs.least_scenarios(0.99, 0.95)
    assert least == 368
    assert fs.interval_ranks(least, 0.99, 0.95)[1] == least
    assert fs.interval_ranks(least - 1, 0.99, 0.95)[1] is None
    with pytest.raises(fs.SizeError, match=r"367 scenarios give no upper bound .* at least 368"):
        fs.recommend(book([]), np.zeros((367, 1)), limits(), 0.99)


def test_quantile_is_an_order_statistic():
    shown = fs.quantile(np.arange(1.0, 101.0)[::-1], 0.5, 0.95)
    assert (shown.estimate, shown.lower, shown.upper) == (50.0, 40.0, 61.0)


# --- recommendation -----------------------------------------------------------------------------------------


def test_an_empty_book_recommends_the_floor():
    of = fs.Book.of(Ledger())
    size = fs.recommend(of, fs.losses(of, world(), fs.jumps(of, world(), 400, 1)), limits(), 0.99)
    assert size.recommended_target == size.implied_target == 100_000 * 10**6
    assert size.recommended_daily_cap_share == PERCENT
    assert size.markets == ()


def test_a_market_without_open_interest_keeps_what_it_has():
    of = book([], terms(0, open_interest=0.0))
    (market,) = fs.recommend(of, np.zeros((400, 1)), limits(), 0.99).markets
    assert (market.recommended_stress_share, market.is_bounded) == (10 * PERCENT, False)


def test_figures_by_hand():
    """Losses of 1 to 400 thousand in the first market, a tenth in the second; 10 m and 20 m open interest.

    Of 400 scenarios the 99 % quantile is the 396th, and the 400th its upper bound.
    """
    of = book([], terms(0, 100.0, open_interest=1e5), terms(1, 200.0, open_interest=1e5))
    first = np.arange(1, 401) * 1_000.0
    size = fs.recommend(of, np.column_stack((first, first / 10)), limits(), 0.99)
    assert (size.chosen.estimate, size.chosen.upper) == (435_600.0, 440_000.0)
    assert size.recommended_target == 440_000 * 10**6
    assert size.recommended_daily_cap_share == 99 * PERCENT
    assert [m.recommended_stress_share for m in size.markets] == [4 * PERCENT, PERCENT]
    assert [m.is_bounded for m in size.markets] == [False, True]
    assert size.implied_target == (400_000 + 200_000) * 10**6


def test_shares_stay_within_the_contracts_bounds():
    of = book([], terms(0, open_interest=1.0))
    size = fs.recommend(of, np.full((400, 1), 1e6), limits(most_daily_cap_share=WAD // 2), 0.99)
    assert size.markets[0].recommended_stress_share == WAD
    assert size.markets[0].is_bounded
    assert size.recommended_daily_cap_share == WAD // 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"correlation": 1.2}, "The correlation must be between 0 and 1, not 1.2."),
        ({"gap": -0.1}, "The gap must be between 0 and 1, not -0.1."),
        (
            {"tail": 2.0},
            "The tail needs more than 2 degrees of freedom, not 2.0.",
        ),
        ({"horizon": 0.0}, "The horizon must be more than nothing and at most a year."),
        ({"volatility": -1.0}, "The volatility must be between 0 and 20 (a year), not -1.0."),
        ({"depth": {None: 1.0, 3: 0.0}}, "The depth of market 3 must be more than 0, not 0.0."),
    ],
)
def test_what_makes_no_sense_is_refused(changes, sentence):
    with pytest.raises(fs.SizeError) as error:
        world(**changes)
    assert str(error.value) == sentence


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1.5])
def test_confidence_is_a_share(confidence):
    with pytest.raises(fs.SizeError, match="The confidence must be between 0 and 1"):
        fs.recommend(book([]), np.zeros((400, 1)), limits(), confidence)


def test_positions_must_come_in_order_of_accounts():
    for owners in ([1, 0], [0, 2], [0, 0]):
        with pytest.raises(fs.SizeError, match="in order of accounts"):
            fs.Book.from_lists((terms(),), [1.0, 1.0], owners, [0, 0], [1.0, 1.0], [0.0, 0.0])
