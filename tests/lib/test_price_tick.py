"""lib/price_tick.vy: strictly monotonic over all octaves, each tick holding what is between its borders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import deploy

BITS = [6, 7]


@pytest.fixture(scope="module")
def ticks():
    return deploy("mocks/PriceTickHarness.vy")


@pytest.fixture(scope="module")
def legal():
    units = deploy("mocks/UnitsHarness.vy")
    return units.MIN_PRICE(), units.MAX_PRICE()


@pytest.mark.parametrize("bits", BITS)
def test_ticks_rise_by_one_across_every_octave_border(ticks, legal, bits):
    for octave in range(legal[0].bit_length() - 1, legal[1].bit_length() + 1):
        border = 1 << octave
        assert ticks.tick_at(border, bits) == ticks.tick_at(border - 1, bits) + 1
        assert ticks.low(ticks.tick_at(border, bits), bits) == border


@pytest.mark.parametrize("bits", BITS)
def test_the_lowest_price_of_a_tick_is_in_it_and_the_one_below_is_not(ticks, legal, bits):
    first, last = (ticks.tick_at(price, bits) for price in legal)
    for tick in range(first + 1, last + 1, 7):
        low = ticks.low(tick, bits)
        assert ticks.tick_at(low, bits) == tick
        assert ticks.tick_at(low - 1, bits) == tick - 1
        assert ticks.holds(tick, low, bits)
        assert not ticks.holds(tick, low - 1, bits)


@pytest.mark.parametrize("bits", BITS)
@given(price=st.integers(10**12, 10**30))
def test_a_price_lies_between_the_borders_of_its_tick(ticks, bits, price):
    tick = ticks.tick_at(price, bits)
    assert ticks.low(tick, bits) <= price < ticks.low(tick + 1, bits)
    assert ticks.holds(tick, price, bits)
    assert not ticks.holds(tick + 1, price, bits)
    assert not ticks.holds(tick - 1, price, bits)


@pytest.mark.parametrize("bits", BITS)
@given(low=st.integers(10**12, 10**30), step=st.integers(1, 10**30))
def test_a_higher_price_never_has_a_lower_tick(ticks, bits, low, step):
    assert ticks.tick_at(low, bits) <= ticks.tick_at(low + step, bits)


@pytest.mark.parametrize("bits", BITS)
def test_a_tick_is_as_wide_as_promised(ticks, legal, bits):
    """At most 2**-bits of its lowest price, at least half of that."""
    for price in (legal[0], 10**18, 3 * 10**20, legal[1]):
        tick = ticks.tick_at(price, bits)
        low, width = ticks.low(tick, bits), ticks.low(tick + 1, bits) - ticks.low(tick, bits)
        assert low < width << (bits + 1)
        assert width << bits <= low


@pytest.mark.parametrize("bits", BITS)
def test_legal_ticks_fit_their_field(ticks, legal, bits):
    assert 0 < ticks.tick_at(legal[0], bits) < ticks.tick_at(legal[1], bits) + 1 < 2**14


@pytest.mark.parametrize("bits", BITS)
def test_the_smallest_price_a_tick_can_have(ticks, bits):
    assert ticks.low(ticks.tick_at(1 << bits, bits), bits) == 1 << bits


@given(st.integers(1, 2**256 - 1))
def test_highest_and_lowest_bit(ticks, word):
    assert ticks.highest_bit(word) == word.bit_length() - 1
    assert ticks.lowest_bit(word) == (word & -word).bit_length() - 1


def test_bits_of_nothing_are_zero(ticks):
    assert ticks.highest_bit(0) == ticks.lowest_bit(0) == 0
