"""lib/margin_math.vy: maintenance lines without a jump at their borders, fields where the layout says."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel import WAD, wad
from tests.support import deploy

RATE_STEP, FACTOR_STEP = 10**13, 10**15
# Each line takes over from the one before at 1,000, 2,000, ... quote: deduction = sum of border * rate step.
RATES = [wad("0.01") * (n + 1) for n in range(8)]
DEDUCTIONS = [wad(10) * n * (n + 1) // 2 for n in range(8)]
BORDERS = [wad(1_000) * n for n in range(1, 8)]


def lines(first: int, last: int = 4) -> int:
    chosen = list(zip(RATES, DEDUCTIONS, strict=True))[first : first + last]
    return sum((r // RATE_STEP | d // WAD << 16) << 56 * i for i, (r, d) in enumerate(chosen))


MARGIN = lines(0) | wad("1.5") // FACTOR_STEP << 224 | 600 << 240
MORE = lines(4)


@pytest.fixture(scope="module")
def margins():
    return deploy("mocks/MarginMathHarness.vy")


def model(notional: int) -> int:
    exact = max(Fraction(notional * r, WAD) - d for r, d in zip(RATES, DEDUCTIONS, strict=True))
    return max(0, -(-exact.numerator // exact.denominator))


@given(st.integers(0, wad(10**12)))
def test_maintenance_is_the_highest_line(margins, notional):
    assert margins.maintenance(notional, MARGIN, MORE)[0] == model(notional)


@pytest.mark.parametrize("border", BORDERS)
def test_lines_meet_at_their_borders(margins, border):
    below, at, above = (margins.maintenance(border + step, MARGIN, MORE)[0] for step in (-1, 0, 1))
    assert 0 <= at - below <= 1
    assert 0 <= above - at <= 1


@pytest.mark.parametrize("n", range(7))
def test_the_marginal_rate_changes_at_the_border(margins, n):
    assert margins.maintenance(BORDERS[n] - WAD, MARGIN, MORE)[1] == RATES[n]
    assert margins.maintenance(BORDERS[n], MARGIN, MORE)[1] == RATES[n + 1]


@given(st.integers(0, wad(10_000)), st.integers(0, wad(10_000)))
def test_maintenance_is_convex(margins, a, b):
    """Split over two accounts, a position never needs more than in one."""
    whole = margins.maintenance(a + b, MARGIN, MORE)[0]
    parts = margins.maintenance(a, MARGIN, MORE)[0] + margins.maintenance(b, MARGIN, MORE)[0]
    assert parts <= whole + 1


def test_nothing_needs_nothing(margins):
    assert margins.maintenance(0, MARGIN, MORE)[0] == 0
    assert margins.maintenance(wad(1), 0, 0) == (0, 0)


@given(st.integers(0, wad(10**9)), st.integers(0, 3))
def test_initial_margin_is_the_larger_of_tier_and_class(margins, notional, leverage_class):
    rates = [5_000, 10_000, 20_000, 50_000]
    limits = sum(rate << 16 * i for i, rate in enumerate(rates))
    maintenance = margins.maintenance(notional, MARGIN, MORE)[0]
    tier = -(-maintenance * 3 // 2)
    by_class = -(-notional * rates[leverage_class] * RATE_STEP // WAD)
    assert margins.initial(notional, maintenance, MARGIN, limits, leverage_class) == max(tier, by_class)


@given(st.integers(0, wad(10**9)))
def test_a_reward_is_flat_and_proportional_and_capped(margins, notional):
    flat, rate, cap = 150, 50, 20
    word = rate << 112 | flat << 128 | cap << 160
    proportional = min(notional * rate * RATE_STEP // WAD, wad(cap))
    assert margins.reward(word, notional) == (min(wad("1.5") + proportional, wad(cap)), proportional)


FIELDS = {
    "max_mark_age": (240, 16, 1),
    "band": (64, 16, RATE_STEP),
    "minimum_notional": (80, 32, WAD),
    "open_interest_cap_quote": (112, 48, WAD),
    "position_cap_quote": (160, 48, WAD),
    "open_interest_cap_base": (208, 48, WAD),
    "target_health": (0, 16, FACTOR_STEP),
    "critical_health": (16, 16, FACTOR_STEP),
    "cost_slope": (32, 16, RATE_STEP),
    "fund_share_of_cost": (48, 16, FACTOR_STEP),
    "deleverage_band": (64, 16, RATE_STEP),
    "auction_slippage": (80, 16, RATE_STEP),
    "auction_seconds": (96, 16, 1),
    "dust": (192, 32, 10**12),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_where_its_layout_says(margins, name):
    offset, bits, step = FIELDS[name]
    mask = (1 << bits) - 1
    assert getattr(margins, name)(mask << offset) == mask * step
    assert getattr(margins, name)((2**256 - 1) ^ mask << offset) == 0


@pytest.mark.parametrize("leverage_class", range(4))
def test_a_class_rate_is_where_its_layout_says(margins, leverage_class):
    assert margins.class_rate(0xFFFF << 16 * leverage_class, leverage_class) == 0xFFFF * RATE_STEP
    assert margins.class_rate((2**256 - 1) ^ 0xFFFF << 16 * leverage_class, leverage_class) == 0
