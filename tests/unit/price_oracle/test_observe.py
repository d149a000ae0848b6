"""PriceOracle.observe: premium, basis, mark and funding rate; and what one print can do."""

import math

import boa
import pytest

from tests import support
from tests.unit.price_oracle.feeds import PRICE, WAD, logged
from tests.unit.price_oracle.perpetual import (
    CLAMP,
    FUNDING_CLAMP,
    INDEX,
    PERIOD,
    WINDOW,
    bps,
    list_perpetual,
)

STEP = 1_000  # of what is stored, 18 decimals
HOUR = 3_600


def share_of(seconds: int, window: int) -> float:
    """What an average goes of its way to a premium that stands for so long."""
    return 1 - math.exp(-seconds / window)


# --- what is recorded ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
def test_observe_records_the_premium_from_now_on(oracle, perpetual, sign):
    reading = perpetual.observe(60, sign * bps(20))

    assert logged(oracle) == [("PremiumObserved", perpetual.market, sign * bps(20), 0, 0, 0)]
    assert perpetual.state == (boa.env.timestamp, sign * bps(20), 0, 0, 0)
    assert reading == (INDEX, INDEX, 0, boa.env.timestamp, 0)


def test_observe_by_anybody_returns_what_read_says(oracle, perpetual, attacker):
    perpetual.observe(60, bps(20))
    support.wait(300)
    expected, status = oracle.read(perpetual.market), oracle.status(perpetual.market)

    reading = oracle.observe(perpetual.market, sender=attacker)

    assert reading == expected == status.reading
    assert oracle.read(perpetual.market) == expected
    assert reading.mark > INDEX


@pytest.mark.parametrize("sign", [1, -1])
def test_observe_mark_is_the_index_with_the_basis(oracle, perpetual, sign):
    perpetual.observe(0, sign * bps(20))
    reading = perpetual.observe(300)

    basis = perpetual.state.basis
    assert abs(basis - sign * bps(20) * share_of(300, WINDOW)) <= STEP
    assert reading.index == INDEX
    assert reading.mark == INDEX + sign * (INDEX * abs(basis) // WAD)


def test_observe_in_one_second_takes_the_last_word(perpetual):
    perpetual.observe(60, bps(20))
    perpetual.observe(0, bps(30))

    assert perpetual.state.premium == bps(30)
    assert perpetual.state.basis == 0


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("excess", "kept"), [(-STEP, -STEP), (0, 0), (STEP, 0), (WAD // 20, 0)])
def test_observe_counts_a_premium_up_to_the_clamp(perpetual, sign, excess, kept):
    perpetual.observe(0, sign * (CLAMP + excess))

    assert perpetual.state.premium == sign * (CLAMP + kept)


def test_observe_takes_the_median_of_the_perpetuals_feeds(oracle, governance):
    three = list_perpetual(oracle, governance, market=6, count=3)
    for feed, premium in zip(three.feeds, (bps(30), bps(-50), bps(10)), strict=True):
        feed.set_answer(INDEX + INDEX * premium // WAD)

    oracle.observe(three.market)

    assert three.state.premium == bps(10)
    assert oracle.perpetual_status(three.market) == (True, INDEX + INDEX * bps(10) // WAD, "")


def test_observe_without_perpetual_feeds_records_nothing(oracle, market, feeds):
    support.wait(HOUR)
    before = oracle.premium_state(market)

    assert oracle.observe(market).mark == PRICE * WAD
    assert logged(oracle) == []
    assert oracle.premium_state(market) == before


def test_observe_at_no_premium_records_nothing(oracle, perpetual):
    """The rate's sum grows evenly: nothing is lost by not writing it down."""
    perpetual.observe(500, 0)
    assert logged(oracle) == []
    before = perpetual.state

    perpetual.observe(HOUR, bps(10))

    assert before.observed_at < perpetual.state.observed_at == boa.env.timestamp


def test_observe_without_premium_adds_up_the_interest(oracle, market, governance):
    oracle.set_funding(market, 28_800 * 5, FUNDING_CLAMP, sender=governance)
    support.wait(10)
    oracle.observe(market)
    support.wait(20)

    assert oracle.observe(market).rate_sum == 150


@pytest.mark.parametrize("spoil", ["reverting", "stale", "deviating"])
def test_observe_unusable_index_reverts_and_records_nothing(oracle, perpetual, spoil):
    perpetual.observe(60, bps(20))
    before = perpetual.state
    support.wait(60)
    if spoil == "reverting":
        perpetual.index.set_reverting(True)
    elif spoil == "stale":
        perpetual.index.set_updated_at(boa.env.timestamp - 90_001)
    else:
        perpetual.index.set_answer(0)

    with boa.reverts("oracle: quorum not met"):
        oracle.observe(perpetual.market)

    assert perpetual.state == before


@pytest.mark.parametrize("unknown", [9, 32, 2**255, 2**256 - 1])
def test_observe_unknown_market_reverts(oracle, perpetual, unknown):
    with boa.reverts("oracle: unknown market"):
        oracle.observe(unknown)

    assert oracle.premium_state(unknown) == (0, 0, 0, 0, 0)


def test_observe_while_the_sequencer_is_down_reverts(oracle, perpetual, sequencer):
    perpetual.say(bps(20))
    sequencer.set_answer(1)

    with boa.reverts("oracle: sequencer down"):
        oracle.observe(perpetual.market)

    assert perpetual.state.premium == 0


@pytest.mark.parametrize("gas", [170_000, 200_000, 250_000])
def test_observe_low_gas_cannot_make_the_perpetuals_feeds_look_dead(oracle, perpetual, gas):
    """Whoever sends little gas gets a revert, never a premium of zero."""
    perpetual.say(bps(20))
    try:
        oracle.observe(perpetual.market, gas=gas)
    except boa.BoaError:
        assert perpetual.state.premium == 0
        assert perpetual.state.observed_at < boa.env.timestamp or logged(oracle) == []
    else:
        assert perpetual.state.premium == bps(20)


def test_observe_mark_beyond_the_range_reverts(oracle, governance):
    """The index is the highest price there is, and the basis above it."""
    top = list_perpetual(oracle, governance, market=7)
    oracle.set_feeds(
        7, [(top.index.address, 90_000, 0, oracle.MAX_ANSWER())], 1, WAD // 100, sender=governance
    )
    oracle.set_perpetual_feeds(
        7, [(top.feeds[0].address, 90_000, 0, oracle.MAX_ANSWER())], 1, WAD // 100, WINDOW, CLAMP,
        sender=governance,
    )  # fmt: skip
    top.index.set_answer(oracle.MAX_PRICE() * 99 // 100)
    top.feeds[0].set_answer(oracle.MAX_PRICE())
    oracle.observe(7)
    support.wait(600)
    top.index.set_answer(oracle.MAX_PRICE())

    assert oracle.status(7).reason == "oracle: price out of range"
    with boa.reverts("oracle: price out of range"):
        oracle.observe(7)


# --- the perpetual's feeds fail -----------------------------------------------------------------------------


def kill(perpetual):
    perpetual.die()


def starve(perpetual):
    for feed in perpetual.feeds:
        feed.set_updated_at(boa.env.timestamp - 90_001)


def overshoot(perpetual):
    """Beyond the feed's bounds, as one that is stuck at its ceiling."""
    for feed in perpetual.feeds:
        feed.set_answer(PRICE * WAD * 100)


@pytest.mark.parametrize("fail", [kill, starve, overshoot])
def test_perpetual_feeds_that_fail_leave_the_price_usable_and_the_basis_fades(oracle, perpetual, fail):
    perpetual.observe(0, CLAMP)
    perpetual.observe(600)
    fail(perpetual)
    basis = perpetual.state.basis
    first = perpetual.observe()
    assert first.mark == INDEX + INDEX * basis // WAD
    assert perpetual.state.premium == 0

    for _ in range(6):
        perpetual.observe(300)

    faded = basis * math.exp(-1800 / WINDOW)
    assert abs(perpetual.state.basis - faded) <= 6 * STEP
    assert not oracle.perpetual_status(perpetual.market).usable
    assert oracle.perpetual_status(perpetual.market).reason == "oracle: quorum not met"


def test_perpetual_feeds_that_disagree_are_no_premium(oracle, governance):
    three = list_perpetual(oracle, governance, market=6, count=3)
    three.feeds[0].set_answer(INDEX * 102 // 100)
    three.observe(60)

    assert oracle.perpetual_status(three.market) == (False, 0, "oracle: price deviation")
    assert three.state.premium == 0


def test_perpetual_feed_states_show_each_feed(oracle, governance):
    three = list_perpetual(oracle, governance, market=6, count=3)
    three.feeds[1].set_reverting(True)

    states = oracle.perpetual_feed_states(three.market)

    assert [state.aggregator for state in states] == [feed.address for feed in three.feeds]
    assert [state.reason for state in states] == ["", "oracle: feed unreadable", ""]
    assert [state.price for state in states] == [INDEX, 0, INDEX]


def test_perpetual_status_without_feeds_says_so(oracle, market):
    assert oracle.perpetual_status(market) == (False, 0, "oracle: unknown market")
    assert oracle.perpetual_feed_states(market) == []


# --- the funding rate ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interest", "average", "rate"),
    [
        (1, 0, 1),  # no premium: the interest
        (1, 6, 1),  # the interest is within 5 of the premium: the interest
        (1, 7, 2),  # beyond that: 5 less than the premium
        (1, -5, 0),  # or 5 more
        (-5, -60, -55),
        (0, 80, 75),  # and the clamp
        (0, -90, -75),
    ],
)
def test_funding_rate_is_the_premium_pulled_towards_the_interest(
    oracle, perpetual, governance, interest, average, rate
):
    """All in hundredths of a per cent per 8 hours. The average is let settle at the premium."""
    oracle.set_funding(perpetual.market, bps(interest), FUNDING_CLAMP, sender=governance)
    premium = bps(average)
    for _ in range(1_500):
        if abs(perpetual.state.average_premium - premium) < 10**9:
            break
        perpetual.observe(600, premium)

    shown = perpetual.observe().funding_rate * PERIOD
    assert abs(shown - bps(rate)) <= 10**9 + PERIOD


def test_funding_rate_is_of_the_average_over_eight_hours(perpetual):
    """An hour of 100 makes 11.75, less the damper: 6.75."""
    perpetual.observe(0, bps(100))
    for _ in range(6):
        reading = perpetual.observe(600)

    average = bps(100) * share_of(HOUR, PERIOD)
    assert abs(perpetual.state.average_premium - average) <= 6 * STEP
    assert abs(reading.funding_rate * PERIOD - (average - bps(5))) <= 6 * STEP + PERIOD


def test_rate_sum_is_what_was_in_force_not_what_is_seen_at_the_end(perpetual):
    """Half an hour of nothing, then a print of the clamp: nothing is due."""
    perpetual.observe(0, 0)
    reading = perpetual.observe(1_800, CLAMP)

    assert (reading.rate_sum, reading.funding_rate, reading.mark) == (0, 0, INDEX)


# --- one print ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 12, 60])
def test_print_of_a_block_or_a_minute_moves_mark_and_average_by_its_time_only(perpetual, seconds):
    """However far the print: the clamp times what its time is of the windows."""
    perpetual.observe(HOUR, 0)
    perpetual.observe(0, WAD // 2)
    reading = perpetual.observe(seconds, 0)

    assert 0 < reading.mark - INDEX <= INDEX * CLAMP * seconds // WINDOW // WAD
    assert 0 < perpetual.state.average_premium <= CLAMP * seconds // PERIOD
    # A minute is 0.0021 % of the index on the average: within the damper, no rate at all.
    assert reading.funding_rate == 0
    assert reading.rate_sum == 0


@pytest.mark.parametrize("seconds", [600, 601, HOUR, 100_000])
def test_print_that_nobody_follows_stands_for_ten_minutes(perpetual, seconds):
    perpetual.observe(0, WAD // 2)
    perpetual.observe(seconds, 0)

    most = CLAMP * share_of(600, WINDOW) * math.exp(-(seconds - 600) / WINDOW)
    assert abs(perpetual.state.basis - most) <= 2 * STEP
    assert perpetual.state.average_premium <= CLAMP * 600 // PERIOD


def test_print_at_the_end_of_a_gap_moves_nothing_until_time_passes(perpetual):
    before = perpetual.observe(0, 0)
    after = perpetual.observe(100_000, WAD // 2)

    assert (after.mark, after.funding_rate, after.rate_sum) == (before.mark, 0, 0)


def test_dead_feed_moves_the_mark_no_faster_than_its_window(perpetual):
    """From the clamp to nothing, by at most the clamp times a block's share of the window."""
    for _ in range(30):
        perpetual.observe(600, CLAMP)
    perpetual.die()
    perpetual.observe()
    before = perpetual.oracle.read(perpetual.market).mark
    after = perpetual.observe(12).mark

    assert 0 < before - after <= INDEX * CLAMP * 12 // WINDOW // WAD + 1
