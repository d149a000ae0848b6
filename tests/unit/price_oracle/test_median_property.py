"""PriceOracle: any answers of any feeds against a model of the whole decision."""

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.price_oracle.feeds import PRICE, WAD, config_of, new_feed

QUORUM = 3


@pytest.fixture(scope="module")
def five_feeds():
    return [new_feed(decimals=18) for _ in range(5)]


@pytest.fixture(scope="module")
def five_feed_market(oracle, list_market, five_feeds):
    configs = [config_of(feed) for feed in five_feeds]
    return list_market(0, configs, quorum=QUORUM, max_deviation=oracle.MAX_DEVIATION_LIMIT())


def median(answers):
    """The middle one, or the mean of the two middle ones, rounded down."""
    ascending = sorted(answers)
    return (ascending[(len(ascending) - 1) // 2] + ascending[len(ascending) // 2]) // 2


def expected_status(live, max_deviation):
    """Index and reason, from the answers of the live feeds."""
    if len(live) < QUORUM:
        return 0, "oracle: quorum not met"
    index = median(live)
    if any(abs(answer - index) * WAD > index * max_deviation for answer in live):
        return 0, "oracle: price deviation"
    return index, ""


# Within the deviation limit and, now and then, beyond it; None is a dead feed.
answers = st.one_of(
    st.none(),
    st.integers(PRICE * WAD * 97 // 100, PRICE * WAD * 103 // 100),
    st.integers(PRICE * WAD * 85 // 100, PRICE * WAD * 115 // 100),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(answers, min_size=5, max_size=5))
def test_status_equals_the_model(oracle, five_feeds, five_feed_market, answers):
    for feed, answer in zip(five_feeds, answers, strict=True):
        if answer is None:
            feed.set_reverting(True)
        else:
            feed.set_answer(answer)

    status = oracle.status(five_feed_market)

    live = [answer for answer in answers if answer is not None]
    index, reason = expected_status(live, oracle.MAX_DEVIATION_LIMIT())
    assert (status.reading.index, status.reason) == (index, reason)
    assert status.usable == (reason == "")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(PRICE * WAD, PRICE * WAD * 104 // 100), min_size=1, max_size=5))
def test_index_equals_the_median_for_any_number_of_feeds(oracle, five_feeds, list_market, answers):
    feeds = five_feeds[: len(answers)]
    for feed, answer in zip(feeds, answers, strict=True):
        feed.set_answer(answer)
    market = list_market(2, [config_of(feed) for feed in feeds], max_deviation=oracle.MAX_DEVIATION_LIMIT())

    reading = oracle.read(market)

    assert reading.index == median(answers)
    assert reading.mark == reading.index
    assert reading.updated_at == boa.env.timestamp
