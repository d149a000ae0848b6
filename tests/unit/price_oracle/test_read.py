"""PriceOracle.read: which prices are usable, and what they are."""

import boa
import pytest

from tests.unit.price_oracle.feeds import (
    HEARTBEAT_SECONDS,
    MAX_DEVIATION,
    MAX_INT256,
    MIN_INT256,
    PRICE,
    WAD,
    config_of,
    new_feed,
    new_odd_feed,
    odd_config_of,
    words,
)


def test_read_returns_mark_index_funding_rate_and_time(oracle, market, governance):
    oracle.set_funding(market, -5 * 28_800, 10**16, sender=governance)

    reading = oracle.read(market)

    assert reading.mark == PRICE * WAD
    assert reading.index == PRICE * WAD
    assert reading.funding_rate == -5
    assert reading.updated_at == boa.env.timestamp


def test_read_unknown_market_reverts(oracle, market):
    with boa.reverts("oracle: unknown market"):
        oracle.read(market + 1)


@pytest.mark.parametrize("decimals", [0, 6, 8, 18])
def test_read_any_decimals_gives_the_same_price(oracle, list_market, decimals):
    market = list_market(0, [config_of(new_feed(decimals=decimals))])

    assert oracle.read(market).index == PRICE * WAD


def test_read_feeds_of_different_decimals_agree(oracle, list_market):
    market = list_market(0, [config_of(new_feed(decimals=decimals)) for decimals in (6, 8, 18)])

    assert oracle.read(market).index == PRICE * WAD


# --- time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("age_seconds", [0, 1, HEARTBEAT_SECONDS - 1, HEARTBEAT_SECONDS])
def test_read_within_heartbeat_returns_price(oracle, lone_market, lone_feed, age_seconds):
    lone_feed.set_updated_at(boa.env.timestamp - age_seconds)

    assert oracle.read(lone_market).updated_at == boa.env.timestamp - age_seconds


def test_read_past_heartbeat_reverts(oracle, lone_market, lone_feed):
    lone_feed.set_updated_at(boa.env.timestamp - HEARTBEAT_SECONDS - 1)

    with boa.reverts("oracle: quorum not met"):
        oracle.read(lone_market)


def test_read_each_feed_has_its_own_heartbeat(oracle, list_market):
    fast, slow = new_feed(), new_feed()
    configs = [config_of(fast, heartbeat_seconds=60), config_of(slow, heartbeat_seconds=86_400)]
    market = list_market(0, configs)
    slow.set_updated_at(boa.env.timestamp - 86_400)

    assert oracle.read(market).updated_at == boa.env.timestamp - 86_400

    fast.set_updated_at(boa.env.timestamp - 61)
    with boa.reverts("oracle: quorum not met"):
        oracle.read(market)


@pytest.mark.parametrize("updated_at", ["zero", "future", "far future"])
def test_read_impossible_time_reverts(oracle, lone_market, lone_feed, updated_at):
    times = {"zero": 0, "future": boa.env.timestamp + 1, "far future": 2**256 - 1}
    lone_feed.set_updated_at(times[updated_at])

    with boa.reverts("oracle: quorum not met"):
        oracle.read(lone_market)


@pytest.mark.parametrize("ages_seconds", [(10, 20), (20, 10)])
def test_read_reports_the_oldest_live_update(oracle, market, feeds, ages_seconds):
    feeds[0].set_updated_at(boa.env.timestamp - ages_seconds[0])
    feeds[1].set_updated_at(boa.env.timestamp - ages_seconds[1])
    feeds[2].set_updated_at(boa.env.timestamp - HEARTBEAT_SECONDS - 1)

    assert oracle.read(market).updated_at == boa.env.timestamp - 20


# --- answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [0, -1, MIN_INT256, MAX_INT256])
def test_read_impossible_answer_reverts(oracle, lone_market, lone_feed, answer):
    lone_feed.set_answer(answer)

    with boa.reverts("oracle: quorum not met"):
        oracle.read(lone_market)


@pytest.mark.parametrize("answer", [0, -1, MIN_INT256])
def test_read_no_floor_still_refuses_zero_and_less(oracle, list_market, answer):
    feed = new_feed()
    market = list_market(0, [config_of(feed, min_answer=0)])
    feed.set_answer(answer)

    with boa.reverts("oracle: quorum not met"):
        oracle.read(market)


def test_read_answer_just_inside_its_bounds_returns_price(oracle, lone_market, lone_feed):
    config = config_of(lone_feed)

    lone_feed.set_answer(config.min_answer + 1)
    assert oracle.read(lone_market).index == (config.min_answer + 1) * 10**10
    lone_feed.set_answer(config.max_answer - 1)
    assert oracle.read(lone_market).index == (config.max_answer - 1) * 10**10


@pytest.mark.parametrize("bound", ["min_answer", "max_answer"])
def test_read_answer_at_its_bound_reverts(oracle, lone_market, lone_feed, bound):
    lone_feed.set_answer(getattr(config_of(lone_feed), bound))

    with boa.reverts("oracle: quorum not met"):
        oracle.read(lone_market)


def test_read_largest_possible_answer_does_not_overflow(oracle, list_market):
    feed = new_feed(decimals=0)
    market = list_market(0, [config_of(feed, max_answer=oracle.MAX_ANSWER())])
    feed.set_answer(oracle.MAX_ANSWER() - 1)

    with boa.reverts("oracle: price out of range"):
        oracle.read(market)


def test_read_widest_possible_gap_does_not_overflow(oracle, list_market):
    low, high = new_feed(decimals=0), new_feed(decimals=0)
    market = list_market(0, [config_of(feed, max_answer=oracle.MAX_ANSWER()) for feed in (low, high)])
    high.set_answer(oracle.MAX_ANSWER() - 1)

    with boa.reverts("oracle: price deviation"):
        oracle.read(market)


@pytest.mark.parametrize("limit", ["MIN_PRICE", "MAX_PRICE"])
def test_read_price_at_the_edge_of_the_range_returns_price(oracle, list_market, limit):
    feed = new_feed(decimals=18)
    market = list_market(0, [config_of(feed, min_answer=0, max_answer=oracle.MAX_ANSWER())])
    price = getattr(oracle, limit)()
    feed.set_answer(price)

    assert oracle.read(market).index == price


@pytest.mark.parametrize(("limit", "step"), [("MIN_PRICE", -1), ("MAX_PRICE", 1)])
def test_read_price_past_the_edge_of_the_range_reverts(oracle, list_market, limit, step):
    feed = new_feed(decimals=18)
    market = list_market(0, [config_of(feed, min_answer=0, max_answer=oracle.MAX_ANSWER())])
    feed.set_answer(getattr(oracle, limit)() + step)

    with boa.reverts("oracle: price out of range"):
        oracle.read(market)


# --- rounds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("round_id", "answered_in_round"), [(2**64 + 7, 2**64 + 7), (2**65 + 1, 0), (0, 0), (1, 2**80 - 1)]
)
def test_read_ignores_round_ids(oracle, lone_market, lone_feed, round_id, answered_in_round):
    now = boa.env.timestamp
    lone_feed.set_round(round_id, 2_100 * 10**8, 0, now, answered_in_round)

    assert oracle.read(lone_market).index == 2_100 * WAD


# --- odd feeds ----------------------------------------------------------------------------------------------


def test_read_reverting_feed_leaves_the_quorum(oracle, market, feeds):
    feeds[0].set_answer(2_001 * 10**8)
    feeds[2].set_reverting(True)

    assert oracle.read(market).index == 2_000 * WAD + WAD // 2


def test_read_reverting_lone_feed_reverts(oracle, lone_market, lone_feed):
    lone_feed.set_reverting(True)

    with boa.reverts("oracle: quorum not met"):
        oracle.read(lone_market)


def test_read_revert_that_looks_like_a_round_is_no_answer(oracle, list_market):
    feed = new_odd_feed()
    market = list_market(0, [odd_config_of(feed)])
    feed.set_reverting(True)

    with boa.reverts("oracle: quorum not met"):
        oracle.read(market)


def test_read_feed_without_code_leaves_the_quorum(oracle, market, feeds):
    boa.env.set_code(feeds[1].address, b"")

    assert oracle.read(market).index == PRICE * WAD


@pytest.mark.parametrize("length", [0, 1, 32, 128, 159])
def test_read_short_answer_reverts(oracle, list_market, length):
    feed = new_odd_feed()
    market = list_market(0, [odd_config_of(feed)])
    feed.set_round_answer(words(1, PRICE * 10**8, 1, boa.env.timestamp, 1)[:length])

    with boa.reverts("oracle: quorum not met"):
        oracle.read(market)


@pytest.mark.parametrize("length", [161, 192, 1_024])
def test_read_long_answer_is_cut(oracle, list_market, length):
    feed = new_odd_feed()
    market = list_market(0, [odd_config_of(feed)])
    feed.set_round_answer(words(1, PRICE * 10**8, 1, boa.env.timestamp, 1).ljust(length, b"\xff"))

    assert oracle.read(market).index == PRICE * WAD


def test_read_round_ids_wider_than_their_type_are_ignored(oracle, list_market):
    feed = new_odd_feed()
    market = list_market(0, [odd_config_of(feed)])
    feed.set_round_answer(words(-1, PRICE * 10**8, -1, boa.env.timestamp, -1))

    assert oracle.read(market).index == PRICE * WAD


def test_read_gas_burning_feeds_leave_the_quorum(oracle, list_market):
    burners = [new_odd_feed() for _ in range(2)]
    good = [new_feed() for _ in range(3)]
    market = list_market(0, [odd_config_of(feed) for feed in burners] + [config_of(feed) for feed in good])
    for burner in burners:
        burner.set_burning(True)

    assert oracle.read(market, gas=1_000_000).index == PRICE * WAD


# --- quorum -------------------------------------------------------------------------------------------------

QUORUMS = [(1, 1), (2, 2), (3, 2), (3, 3), (4, 3), (4, 4), (5, 3), (5, 4), (5, 5)]


@pytest.mark.parametrize(("count", "quorum"), QUORUMS)
def test_read_with_exactly_the_quorum_returns_price(oracle, list_market, count, quorum):
    feeds = [new_feed() for _ in range(count)]
    market = list_market(0, [config_of(feed) for feed in feeds], quorum=quorum)
    for feed in feeds[quorum:]:
        feed.set_reverting(True)

    assert oracle.read(market).index == PRICE * WAD


@pytest.mark.parametrize(("count", "quorum"), QUORUMS)
def test_read_one_short_of_the_quorum_reverts(oracle, list_market, count, quorum):
    feeds = [new_feed() for _ in range(count)]
    market = list_market(0, [config_of(feed) for feed in feeds], quorum=quorum)
    for feed in feeds[: count - quorum + 1]:
        feed.set_reverting(True)

    with boa.reverts("oracle: quorum not met"):
        oracle.read(market)


# --- median and deviation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "median"),
    [
        ([1000], 1000),
        ([1001, 1000], 1000),
        ([1000, 1002], 1001),
        ([1002, 1000, 1001], 1001),
        ([1003, 1000, 1001, 1002], 1001),
        ([1000, 1000, 1004, 1004], 1002),
        ([1004, 1003, 1002, 1001, 1000], 1002),
        ([1000, 1004, 1004, 1000, 1004], 1004),
        ([1000, 1000, 1000, 1000, 1000], 1000),
    ],
)
def test_read_index_is_the_median(oracle, list_market, answers, median):
    feeds = [new_feed(decimals=18) for _ in answers]
    market = list_market(0, [config_of(feed) for feed in feeds])
    for feed, answer in zip(feeds, answers, strict=True):
        feed.set_answer(PRICE * WAD + answer)

    assert oracle.read(market).index == PRICE * WAD + median


@pytest.mark.parametrize("sign", [1, -1])
def test_read_feed_exactly_at_the_deviation_limit_returns_price(oracle, market, feeds, sign):
    feeds[0].set_answer(PRICE * 10**8 + sign * PRICE * 10**8 * MAX_DEVIATION // WAD)

    assert oracle.read(market).index == PRICE * WAD


@pytest.mark.parametrize("sign", [1, -1])
def test_read_feed_past_the_deviation_limit_reverts(oracle, market, feeds, sign):
    feeds[0].set_answer(PRICE * 10**8 + sign * (PRICE * 10**8 * MAX_DEVIATION // WAD + 1))

    with boa.reverts("oracle: price deviation"):
        oracle.read(market)


def test_read_two_feeds_deviate_from_their_mean(oracle, list_market):
    low, high = new_feed(decimals=18), new_feed(decimals=18)
    market = list_market(0, [config_of(low), config_of(high)])
    low.set_answer(1_980 * WAD)
    high.set_answer(2_020 * WAD)

    assert oracle.read(market).index == 2_000 * WAD

    low.set_answer(1_980 * WAD - 1)
    with boa.reverts("oracle: price deviation"):
        oracle.read(market)


def test_read_wild_print_of_a_dead_feed_does_not_count(oracle, market, feeds):
    feeds[0].set_answer_at(PRICE * 10**8 * 50, boa.env.timestamp - HEARTBEAT_SECONDS - 1)

    assert oracle.read(market).index == PRICE * WAD


# --- sequencer ----------------------------------------------------------------------------------------------


def test_read_sequencer_up_for_the_grace_period_returns_price(oracle, market, sequencer):
    assert oracle.read(market).index == PRICE * WAD


def test_read_sequencer_in_its_grace_period_reverts(oracle, market, sequencer):
    sequencer.set_started_at(boa.env.timestamp - oracle.sequencer_grace_seconds() + 1)

    with boa.reverts("oracle: sequencer grace"):
        oracle.read(market)


def test_read_sequencer_just_back_reverts(oracle, market, sequencer):
    sequencer.set_started_at(boa.env.timestamp)

    with boa.reverts("oracle: sequencer grace"):
        oracle.read(market)


@pytest.mark.parametrize("answer", [1, 2, -1, MIN_INT256])
def test_read_sequencer_down_reverts(oracle, market, sequencer, answer):
    long_ago = boa.env.timestamp - 86_400
    sequencer.set_round(2, answer, long_ago, boa.env.timestamp, 2)

    with boa.reverts("oracle: sequencer down"):
        oracle.read(market)


@pytest.mark.parametrize("started_at", ["zero", "future"])
def test_read_sequencer_since_an_impossible_time_counts_as_down(oracle, market, sequencer, started_at):
    sequencer.set_started_at({"zero": 0, "future": boa.env.timestamp + 1}[started_at])

    with boa.reverts("oracle: sequencer down"):
        oracle.read(market)


def test_read_unreadable_sequencer_feed_counts_as_down(oracle, market, sequencer):
    sequencer.set_reverting(True)

    with boa.reverts("oracle: sequencer down"):
        oracle.read(market)


def test_read_sequencer_round_may_be_old(oracle, market, sequencer):
    sequencer.set_updated_at(1)

    assert oracle.read(market).index == PRICE * WAD


# --- gas ----------------------------------------------------------------------------------------------------


def test_read_less_gas_than_the_reserve_reverts(oracle, market):
    with boa.reverts("oracle: low gas"):
        oracle.read(market, gas=oracle.FEED_GAS_RESERVE())


def test_read_no_amount_of_gas_changes_the_median(oracle, list_market):
    """A feed that gives up early when gas is low cannot be starved out of the median."""
    high, middle, starved = new_feed(PRICE + 2), new_feed(PRICE + 1), new_odd_feed()
    market = list_market(0, [config_of(high), config_of(middle), odd_config_of(starved)])
    starved.set_least_gas(oracle.FEED_GAS() - 10_000)

    indices = set()
    for gas in range(20_000, 400_000, 2_500):
        # A sweep: most amounts fail, and how is not the point here.
        try:
            indices.add(oracle.read(market, gas=gas).index)
        except boa.BoaError:
            continue

    assert indices == {(PRICE + 1) * WAD}
