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


def lines(first: int, count: int) -> int:
    chosen = list(zip(RATES, DEDUCTIONS, strict=True))[first : first + count]
    return sum((r // RATE_STEP | d // WAD << 16) << 56 * i for i, (r, d) in enumerate(chosen))


FACTOR = wad("1.5") // FACTOR_STEP << 136


class Margins:
    """Maintenance of all eight lines, word by word, as modules/margin.vy goes through them."""

    def __init__(self) -> None:
        self.harness = deploy("mocks/MarginMathHarness.vy")

    def maintenance(self, notional: int, count: int = 8) -> tuple[int, int]:
        margin, marginal = -(-notional * RATES[0] // WAD), RATES[0]
        deduction, is_open = 0, True
        for first, lines_in_word in ((1, 1), (2, 4), (6, 2)):
            if is_open and first < count:
                word = lines(first, min(lines_in_word, count - first))
                margin, marginal, deduction, is_open = self.harness.lines(
                    notional, margin, marginal, deduction, word
                )
                is_open = marginal == RATES[min(first + lines_in_word, count) - 1]
        return margin, marginal


@pytest.fixture(scope="module")
def margins():
    return Margins()


def model(notional: int) -> int:
    exact = max(Fraction(notional * r, WAD) - d for r, d in zip(RATES, DEDUCTIONS, strict=True))
    return max(0, -(-exact.numerator // exact.denominator))


@given(st.integers(0, wad(10**12)))
def test_maintenance_is_the_highest_line(margins, notional):
    assert margins.maintenance(notional)[0] == model(notional)


@pytest.mark.parametrize("border", BORDERS)
def test_lines_meet_at_their_borders(margins, border):
    below, at, above = (margins.maintenance(border + step)[0] for step in (-1, 0, 1))
    assert 0 <= at - below <= 1
    assert 0 <= above - at <= 1


@pytest.mark.parametrize("n", range(7))
def test_the_marginal_rate_changes_at_the_border(margins, n):
    assert margins.maintenance(BORDERS[n] - WAD)[1] == RATES[n]
    assert margins.maintenance(BORDERS[n])[1] == RATES[n + 1]


@given(st.integers(0, wad(10_000)), st.integers(0, wad(10_000)))
def test_maintenance_is_convex(margins, a, b):
    """Split over two accounts, a position never needs more than in one."""
    whole = margins.maintenance(a + b)[0]
    parts = margins.maintenance(a)[0] + margins.maintenance(b)[0]
    assert parts <= whole + 1


def test_nothing_needs_nothing(margins):
    assert margins.maintenance(0)[0] == 0


@given(st.integers(0, wad(10**9)), st.integers(0, 3))
def test_initial_margin_is_the_larger_of_tier_and_class(margins, notional, leverage_class):
    rates = [5_000, 10_000, 20_000, 50_000]
    terms = FACTOR | sum(rate << 72 + 16 * i for i, rate in enumerate(rates))
    maintenance = margins.maintenance(notional)[0]
    tier = -(-maintenance * 3 // 2)
    by_class = -(-notional * rates[leverage_class] * RATE_STEP // WAD)
    assert margins.harness.initial(notional, maintenance, terms, leverage_class) == max(tier, by_class)


CAP = 1_600 << 7  # quote, exact in eleven bits


def crowd_terms(sixteenths: int) -> int:
    return (1_600 | 7 << 11) << 208 | sixteenths << 204


@pytest.mark.parametrize("sixteenths", [1, 8, 15])
@given(open_interest=st.integers(0, 2 * wad(CAP)), notional=st.integers(0, wad(CAP)), data=st.data())
def test_initial_margin_rises_linearly_from_the_lower_cap_to_the_notional(
    margins, sixteenths, open_interest, notional, data
):
    initial = data.draw(st.integers(0, notional))
    lower, cap = wad(CAP) * sixteenths // 16, wad(CAP)
    share = min(max(Fraction(open_interest - lower, cap - lower), 0), 1)
    exact = initial + (notional - initial) * share
    answer = margins.harness.initial_in_crowd(notional, initial, open_interest, crowd_terms(sixteenths))
    assert 0 <= answer - exact < 1


@pytest.mark.parametrize("sixteenths", [1, 15])
def test_initial_margin_at_the_borders_of_a_crowd(margins, sixteenths):
    lower, terms = wad(CAP) * sixteenths // 16, crowd_terms(sixteenths)
    ask = margins.harness.initial_in_crowd
    assert ask(wad(100), wad(5), lower, terms) == wad(5)
    assert ask(wad(100), wad(5), lower + 1, terms) == wad(5) + 1
    assert ask(wad(100), wad(5), wad(CAP), terms) == ask(wad(100), wad(5), 2 * wad(CAP), terms) == wad(100)
    # what asks more than the notional already stays
    assert ask(wad(100), wad(101), wad(CAP), terms) == wad(101)


LARGEST_CAP = ((2**11 - 1) | 31 << 11) << 208


@pytest.mark.parametrize("cap_word", [0, crowd_terms(0), LARGEST_CAP])
@given(st.integers(0, 15), st.integers(0, 2**112 - 1), st.integers(0, 10**30))
def test_a_lower_cap_is_left_out_just_where_it_raises_no_margin(
    margins, cap_word, sixteenths, open_interest, mark
):
    terms = cap_word | sixteenths << 204 | 1 << 203
    cap = ((cap_word >> 208) % 2**11 << (cap_word >> 219)) * WAD
    is_beyond = Fraction(open_interest * mark, WAD) > Fraction(cap * sixteenths, 16)
    kept = terms if is_beyond and sixteenths else terms & ~(15 << 204)
    assert margins.harness.without_idle_lower_cap(terms, open_interest, mark) == kept


@pytest.mark.parametrize("sixteenths", [1, 8, 15])
def test_a_lower_cap_that_is_just_reached_is_left_out(margins, sixteenths):
    lower, terms = wad(CAP) * sixteenths // 16, crowd_terms(sixteenths)
    strip = margins.harness.without_idle_lower_cap
    assert strip(terms, lower, WAD) == crowd_terms(0)
    assert strip(terms, lower + 1, WAD) == terms
    # a part of a wei beyond it counts, as it does where open interest is rounded up
    assert strip(terms, lower * WAD + 1, 1) == terms


def test_no_lower_cap_is_none(margins):
    assert not margins.harness.has_lower_cap((2**256 - 1) ^ 15 << 204)
    for sixteenths in range(1, 16):
        assert margins.harness.has_lower_cap(sixteenths << 204)


@given(st.integers(0, wad(10**9)))
def test_a_reward_is_flat_and_proportional_and_capped(margins, notional):
    flat, rate, cap = 150, 50, 20
    word = rate << 112 | flat << 128 | cap << 160
    proportional = min(notional * rate * RATE_STEP // WAD, wad(cap))
    assert margins.harness.reward(word, notional) == (min(wad("1.5") + proportional, wad(cap)), proportional)


FIELDS = {
    "max_mark_age": (152, 12, 1),
    "max_opening_age": (192, 12, 1),
    "band": (164, 12, RATE_STEP),
    "target_health": (0, 16, FACTOR_STEP),
    "critical_health": (16, 16, FACTOR_STEP),
    "cost_slope": (32, 16, RATE_STEP),
    "fund_share_of_cost": (48, 16, FACTOR_STEP),
    "deleverage_band": (64, 16, RATE_STEP),
    "auction_slippage": (80, 16, RATE_STEP),
    "auction_seconds": (96, 16, 1),
    "dust": (192, 32, 10**12),
    "mark_step": (224, 16, RATE_STEP),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_where_its_layout_says(margins, name):
    offset, bits, step = FIELDS[name]
    mask = (1 << bits) - 1
    assert getattr(margins.harness, name)(mask << offset) == mask * step
    assert getattr(margins.harness, name)((2**256 - 1) ^ mask << offset) == 0


@pytest.mark.parametrize("leverage_class", range(4))
def test_a_class_rate_is_where_its_layout_says(margins, leverage_class):
    assert (
        margins.harness.class_rate(0xFFFF << 72 + 16 * leverage_class, leverage_class) == 0xFFFF * RATE_STEP
    )
    assert margins.harness.class_rate((2**256 - 1) ^ 0xFFFF << 72 + 16 * leverage_class, leverage_class) == 0


CAPS = {
    "minimum_notional": 176,
    "open_interest_cap_quote": 208,
    "position_cap_quote": 224,
    "open_interest_cap_base": 240,
}


@pytest.mark.parametrize("name", CAPS)
def test_a_cap_is_a_mantissa_and_an_exponent(margins, name):
    for mantissa, exponent in ((0, 31), (1, 0), (2047, 0), (1024, 1), (2047, 31)):
        word = (mantissa | exponent << 11) << CAPS[name]
        assert getattr(margins.harness, name)(word) == (mantissa << exponent) * WAD
    assert getattr(margins.harness, name)((2**256 - 1) ^ 0xFFFF << CAPS[name]) == 0


def test_an_empty_line_ends_the_list(margins):
    for count in range(1, 9):
        assert margins.maintenance(wad(10**9), count)[1] == RATES[count - 1]


def test_a_line_asks_more_from_its_border_on(margins):
    """Rates 1 and 2 %, deduction 10: the border is 1,000."""
    for slack in (-1, 0, 1):
        answer = margins.harness.asks_more(wad(1_000) + slack, RATES[0], 0, RATES[1], DEDUCTIONS[1])
        assert answer == (slack >= 0)
    assert not margins.harness.asks_more(wad(10**9), RATES[0], 0, 0, 0)
