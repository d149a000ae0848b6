"""lib/packing.vy: what goes in comes out, and what does not fit reverts."""

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import deploy


def up_to(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


# Bits of the fields in the order of the struct; a negative number is a signed field, 1 a flag.
STRUCTS = {
    "account": (-128, 32, 64, 16),
    "maturing": (104, 104, 24, 12, 12),
    "price": (104, 32, 23, 1, 8, 1),
    "clock": (40, 40, 40, 40, 40),
    "sums": (112, 112, 23, 1, 1, 7),
    "bucket": (104, 104, 32, 16),
    "funding_terms": (32, 64, -64, 64),
}
# Fields whose width the library checks; the others are bounded where they are written.
CHECKED = {
    "account": [0],
    "maturing": [0, 1],
    "price": [0, 2],
    "clock": [0, 1, 2, 3, 4],
    "sums": [0, 1],
    "bucket": [0, 1, 2, 3],
    "funding_terms": [0, 1, 2, 3],
}
PAIRS = {
    "halves": (128, 128),
    "signed_halves": (-128, -128),
    "factor": (96, -160),
    "round": (96, 128),
    "batch": (96, 12),
}


def field(bits: int) -> st.SearchStrategy:
    if bits == 1:
        return st.booleans()
    return up_to(bits) if bits > 0 else signed(-bits)


@pytest.fixture(scope="module")
def packing():
    return deploy("mocks/PackingHarness.vy")


@pytest.mark.parametrize("name", STRUCTS)
@given(data=st.data())
def test_a_struct_survives_the_round_trip(packing, name, data):
    fields = tuple(data.draw(field(bits)) for bits in STRUCTS[name])
    word = getattr(packing, f"{name}_word")(fields)
    assert tuple(getattr(packing, name)(word)) == fields


@pytest.mark.parametrize("name", STRUCTS)
def test_a_zero_word_is_nothing(packing, name):
    """A fresh slot needs no set-up."""
    assert not any(getattr(packing, name)(0))


@pytest.mark.parametrize("end", ["most", "least"])
@pytest.mark.parametrize(("name", "index"), [(n, i) for n, indices in CHECKED.items() for i in indices])
def test_a_field_one_beyond_its_width_reverts(packing, name, index, end):
    bits = STRUCTS[name][index]
    fields = [False if b == 1 else 0 for b in STRUCTS[name]]
    if bits > 0:
        fields[index] = 2**bits if end == "most" else 2**256 - 1
    else:
        fields[index] = 2 ** (-bits - 1) if end == "most" else -(2 ** (-bits - 1)) - 1
    with boa.reverts("packing: overflow"):
        getattr(packing, f"{name}_word")(tuple(fields))


@pytest.mark.parametrize("name", PAIRS)
@given(data=st.data())
def test_a_pair_survives_the_round_trip(packing, name, data):
    pair = tuple(data.draw(field(bits)) for bits in PAIRS[name])
    assert tuple(getattr(packing, name)(getattr(packing, f"{name}_word")(*pair))) == pair


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("name", PAIRS)
def test_a_half_one_beyond_its_width_reverts(packing, name, index):
    bits = PAIRS[name][index]
    pair = [0, 0]
    pair[index] = 2**bits if bits > 0 else 2 ** (-bits - 1)
    with boa.reverts("packing: overflow"):
        getattr(packing, f"{name}_word")(*pair)


@given(up_to(112), up_to(128))
def test_open_interest_and_fees_are_where_the_layout_says(packing, open_interest, fees):
    assert packing.flow_word(open_interest, fees) == open_interest | fees << 112


@pytest.mark.parametrize("fields", [(2**112, 0), (0, 2**128)])
def test_open_interest_or_fees_too_large_revert(packing, fields):
    with boa.reverts("packing: overflow"):
        packing.flow_word(*fields)


STEP = 1_000  # of what is stored of a premium


@given(up_to(32), signed(48), signed(48), signed(48), signed(80))
def test_a_premium_in_whole_steps_survives_the_round_trip(packing, time, premium, basis, average, rate_sum):
    fields = (time, premium * STEP, basis * STEP, average * STEP, rate_sum)
    assert tuple(packing.premium(packing.premium_word(fields))) == fields


@pytest.mark.parametrize(("premium", "kept"), [(1_999, 1_000), (999, 0), (-999, 0), (-1_999, -1_000)])
def test_a_premium_is_kept_in_steps_toward_zero(packing, premium, kept):
    assert packing.premium(packing.premium_word((0, premium, 0, 0, 0))).premium == kept


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("index", [1, 2, 3, 4])
def test_a_premium_beyond_its_width_reverts(packing, index, sign):
    fields = [0] * 5
    fields[index] = sign * (2**79 if index == 4 else 2**47 * STEP) - (sign < 0) * (1 if index == 4 else STEP)
    with boa.reverts("packing: overflow"):
        packing.premium_word(tuple(fields))


def test_a_time_of_a_premium_beyond_its_width_reverts(packing):
    with boa.reverts("packing: overflow"):
        packing.premium_word((2**32, 0, 0, 0, 0))


def test_words_of_feeds_are_where_the_layout_says(packing):
    address = "0x" + "ab" * 20
    assert packing.feed_set_word(5, 3, 10**17) == 5 | 3 << 8 | 10**17 << 16
    assert packing.feed_word(address, 90_000, 18) == int(address, 16) | 90_000 << 160 | 18 << 184
    assert packing.rate_sum_word(address, -1) == int(address, 16) | (2**96 - 1) << 160
    assert packing.rate_sum_word(address, 5) == int(address, 16) | 5 << 160


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("feed_set_word", (2**8, 0, 0)),
        ("feed_set_word", (0, 2**8, 0)),
        ("feed_set_word", (0, 0, 2**64)),
        ("feed_word", ("0x" + "ab" * 20, 2**24, 0)),
        ("feed_word", ("0x" + "ab" * 20, 0, 2**8)),
        ("rate_sum_word", ("0x" + "ab" * 20, 2**95)),
        ("rate_sum_word", ("0x" + "ab" * 20, -(2**95) - 1)),
    ],
)
def test_a_field_of_feeds_beyond_its_width_reverts(packing, name, fields):
    with boa.reverts("packing: overflow"):
        getattr(packing, name)(*fields)


@given(signed(112), signed(112))
def test_funding_indices_are_where_the_layout_says(packing, long_index, short_index):
    word = packing.funding_word(long_index, short_index)
    assert (packing.signed_from(word, 0, 112), packing.signed_from(word, 112, 112)) == (
        long_index,
        short_index,
    )


@pytest.mark.parametrize("fields", [(2**111, 0), (-(2**111) - 1, 0), (0, 2**111), (0, -(2**111) - 1)])
def test_a_funding_index_too_large_reverts(packing, fields):
    with boa.reverts("packing: overflow"):
        packing.funding_word(*fields)


@given(up_to(5), st.booleans(), up_to(2), up_to(14), up_to(6), up_to(112), up_to(112))
def test_a_position_word_tells_its_cohort(
    packing, market, is_short, leverage_class, tick, generation, size, notional
):
    key = packing.cohort_key(market, is_short, leverage_class, tick, generation)
    assert key == market << 23 | is_short << 22 | leverage_class << 20 | tick << 6 | generation
    word = packing.position_word(size, notional, key)
    assert packing.position_key(market, word) == key
    assert (word & (2**112 - 1), (word >> 112) & (2**112 - 1)) == (size, notional)
    assert word >> 247 == 0


@pytest.mark.parametrize("pair", [(2**112, 0), (0, 2**112), (2**256 - 1, 0)])
def test_a_position_too_large_reverts(packing, pair):
    with boa.reverts("packing: overflow"):
        packing.position_word(*pair, 0)


@given(up_to(64), st.integers(0, 31), up_to(2))
def test_a_class_changes_no_other(packing, classes, market, leverage_class):
    changed = packing.with_leverage_class(classes, market, leverage_class)
    assert packing.leverage_class(changed, market) == leverage_class
    assert (changed ^ classes) & ~(3 << 2 * market) == 0


@given(st.data(), st.sampled_from([8, 104, 112, 128, 160]))
def test_a_signed_field_is_twos_complement(packing, data, bits):
    worth = data.draw(signed(bits))
    assert packing.signed_field(worth, bits) == worth % 2**bits
    offset = data.draw(st.integers(0, 256 - bits))
    assert packing.signed_from((worth % 2**bits) << offset, offset, bits) == worth


@given(up_to(104), up_to(104), up_to(24), up_to(2))
def test_batch_sums_are_where_the_layout_says(packing, current, previous, batch, charged):
    word = packing.batch_sums_word(current, previous, batch, charged)
    assert word == current | previous << 104 | batch << 208 | charged << 232


@pytest.mark.parametrize("fields", [(2**104, 0, 0, 0), (0, 2**104, 0, 0), (0, 0, 2**24, 0)])
def test_batch_sums_too_large_revert(packing, fields):
    with boa.reverts("packing: overflow"):
        packing.batch_sums_word(*fields)
