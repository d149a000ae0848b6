"""lib/fixed_math.vy: the direction in the name, against exact fractions; overflow reverts."""

import math
from fractions import Fraction

import boa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support import deploy

amount = st.integers(0, 2**127)
signed_amount = st.integers(-(2**127), 2**127)
divisor = st.integers(1, 2**128)
MOST, LEAST = 2**255 - 1, -(2**255)


@pytest.fixture(scope="module")
def math_lib():
    return deploy("mocks/FixedMathHarness.vy")


@given(amount, amount, divisor)
def test_unsigned_division_rounds_as_named(math_lib, a, b, d):
    exact = Fraction(a * b, d)
    assert math_lib.mul_div_down(a, b, d) == math.floor(exact)
    assert math_lib.mul_div_up(a, b, d) == math.ceil(exact)


@given(signed_amount, amount, divisor)
def test_signed_division_rounds_as_named(math_lib, a, b, d):
    """Attack R11: toward minus or plus infinity, and toward zero only where the name says so."""
    exact = Fraction(a * b, d)
    assert math_lib.signed_mul_div_toward_zero(a, b, d) == math.trunc(exact)
    assert math_lib.signed_mul_div_floor(a, b, d) == math.floor(exact)
    assert math_lib.signed_mul_div_ceil(a, b, d) == math.ceil(exact)


@given(amount, amount)
def test_a_product_of_decimals_rounds_both_ways(math_lib, a, b):
    exact = Fraction(a * b, 10**18)
    assert tuple(math_lib.wad_mul(a, b)) == (math.floor(exact), math.ceil(exact))
    assert math_lib.wad_mul_up(a, b) == math.ceil(exact)


@given(st.integers(0, 2**188 - 1), st.integers(0, 2**67 - 1))
@example(1, 1)
def test_a_rate_of_an_amount_rounds_both_ways(math_lib, amount, rate):
    exact = Fraction(amount * rate, 10**18)
    assert math_lib.rated_down(amount, rate) == math.floor(exact)
    assert math_lib.rated_up(amount, rate) == math.ceil(exact)


@pytest.mark.parametrize("rest", [0, 1, 10**18 - 1])
def test_a_product_with_the_least_and_the_largest_rest(math_lib, rest):
    assert tuple(math_lib.wad_mul(7 * 10**18 + rest, 1)) == (7, 7 + (rest > 0))
    assert math_lib.wad_mul_up(7 * 10**18 + rest, 1) == 7 + (rest > 0)


@pytest.mark.parametrize(
    ("a", "floor", "ceil"), [(-7, -4, -3), (7, 3, 4), (-6, -3, -3), (0, 0, 0), (-1, -1, 0)]
)
def test_halves_of_small_numbers(math_lib, a, floor, ceil):
    assert math_lib.signed_mul_div_floor(a, 1, 2) == floor
    assert math_lib.signed_mul_div_ceil(a, 1, 2) == ceil


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1))
def test_a_difference_stops_at_zero(math_lib, a, b):
    assert math_lib.saturating_sub(a, b) == max(a - b, 0)


@given(st.integers(LEAST + 1, MOST))
def test_magnitude_and_positive_part(math_lib, a):
    assert math_lib.magnitude(a) == abs(a)
    assert math_lib.positive_part(a) == max(a, 0)


@given(amount, divisor)
def test_division_up(math_lib, a, d):
    assert math_lib.div_up(a, d) == math.ceil(Fraction(a, d))


def test_the_least_integer_has_no_magnitude(math_lib):
    """Attack R05: it reverts, and no field of the ledger can hold it."""
    with boa.reverts():
        math_lib.magnitude(LEAST)
    assert math_lib.positive_part(LEAST) == 0


@pytest.mark.parametrize(
    "name",
    [
        "mul_div_down",
        "mul_div_up",
        "signed_mul_div_floor",
        "signed_mul_div_ceil",
        "signed_mul_div_toward_zero",
    ],
)
def test_division_by_zero_and_overflow_revert(math_lib, name):
    function = getattr(math_lib, name)
    for arguments in ((1, 1, 0), (0, 0, 0), (2**128, 2**128, 1)):
        with boa.reverts():
            function(*arguments)
