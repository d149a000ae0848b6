"""The market's figure of untouched ADL profit when members leave."""

from dataclasses import replace

import pytest

from proofs.formulas import WAD, Cohort
from tests.lib.cohort_words import figures, key_of, word
from tests.support import deploy


@pytest.fixture(scope="module")
def cohort_math():
    return deploy("mocks/CohortMathHarness.vy")


def test_a_member_left_with_nothing_takes_its_whole_pot_off_the_figure(cohort_math):
    """
    Longs of 0.9e-6 and 1.1e-6 base at 1e8 quote, all but 2 wei of base closed at 1.1e8. The smaller one
    settles: its size becomes 0, and its last notional of 9e7 wei is paid out of its pot, not the others'.
    """
    size, notional, price = 9 * 10**11, 90 * WAD, 11 * 10**25
    c = Cohort(2 * 10**12, 200 * WAD)
    closed, closing = cohort_math.close_part(word(c), key_of(False), c.size_sum - 2, price, 0)
    closed = figures(closed)
    leaver = cohort_math.member(word(closed), False, size, notional, 0)
    assert (leaver.size, leaver.notional, closed.a) == (0, 90_000_000, 10**15)
    answer = cohort_math.settle(
        (price, 10**20, 0, 6), word(closed), key_of(False), size, notional, closing.pot
    )
    rest = replace(closed, size_sum=c.size_sum - size, notional_sum=c.notional_sum - notional)
    assert answer.pots == closing.pot - leaver.pot - 1
    assert 0 <= cohort_math.pot_of(word(rest), key_of(False)) - answer.pots <= 3
