"""PriceOracle.set_sequencer_feed."""

import boa
import pytest

from tests import support
from tests.unit.price_oracle.feeds import MIN_INT256, PRICE, WAD, logged, new_feed

ZERO_ADDRESS = "0x" + "00" * 20
GRACE_SECONDS = 3_600


@pytest.fixture
def uptime_feed():
    return support.deploy("mocks/MockAggregator.vy", 0, 0)


def watched(oracle):
    return oracle.sequencer_feed(), oracle.sequencer_grace_seconds()


@pytest.mark.parametrize("limit", ["MIN_GRACE_SECONDS", "MAX_GRACE_SECONDS"])
@pytest.mark.parametrize("answer", [0, 1])
def test_set_sequencer_feed_watches_the_feed(oracle, governance, uptime_feed, limit, answer):
    grace_seconds = getattr(oracle, limit)()
    uptime_feed.set_answer(answer)

    oracle.set_sequencer_feed(uptime_feed, grace_seconds, sender=governance)

    assert logged(oracle) == [("SequencerFeedSet", ZERO_ADDRESS, uptime_feed.address, 0, grace_seconds)]
    assert watched(oracle) == (uptime_feed.address, grace_seconds)


def test_set_sequencer_feed_replaces_the_feed(oracle, sequencer, governance, uptime_feed):
    oracle.set_sequencer_feed(uptime_feed, 300, sender=governance)

    assert logged(oracle) == [
        ("SequencerFeedSet", sequencer.address, uptime_feed.address, GRACE_SECONDS, 300)
    ]
    assert watched(oracle) == (uptime_feed.address, 300)


def test_set_sequencer_feed_to_zero_switches_the_check_off(oracle, market, sequencer, governance):
    sequencer.set_reverting(True)

    oracle.set_sequencer_feed(ZERO_ADDRESS, 0, sender=governance)

    assert logged(oracle) == [("SequencerFeedSet", sequencer.address, ZERO_ADDRESS, GRACE_SECONDS, 0)]
    assert watched(oracle) == (ZERO_ADDRESS, 0)
    assert oracle.read(market).index == PRICE * WAD


def test_set_sequencer_feed_to_zero_with_grace_reverts(oracle, sequencer, governance):
    with boa.reverts("oracle: grace without feed"):
        oracle.set_sequencer_feed(ZERO_ADDRESS, 1, sender=governance)

    assert watched(oracle) == (sequencer.address, GRACE_SECONDS)


@pytest.mark.parametrize(("limit", "step"), [("MIN_GRACE_SECONDS", -1), ("MAX_GRACE_SECONDS", 1)])
def test_set_sequencer_feed_grace_out_of_bounds_reverts(oracle, governance, uptime_feed, limit, step):
    grace_seconds = getattr(oracle, limit)() + step

    with boa.reverts("oracle: bad grace period"):
        oracle.set_sequencer_feed(uptime_feed, grace_seconds, sender=governance)

    assert watched(oracle) == (ZERO_ADDRESS, 0)


@pytest.mark.parametrize("answer", [2, -1, MIN_INT256])
def test_set_sequencer_feed_neither_up_nor_down_reverts(oracle, governance, uptime_feed, answer):
    uptime_feed.set_answer(answer)

    with boa.reverts("oracle: bad sequencer feed"):
        oracle.set_sequencer_feed(uptime_feed, GRACE_SECONDS, sender=governance)

    assert watched(oracle) == (ZERO_ADDRESS, 0)


@pytest.mark.parametrize("started_at", ["zero", "future"])
def test_set_sequencer_feed_since_an_impossible_time_reverts(oracle, governance, uptime_feed, started_at):
    uptime_feed.set_started_at({"zero": 0, "future": boa.env.timestamp + 1}[started_at])

    with boa.reverts("oracle: bad sequencer feed"):
        oracle.set_sequencer_feed(uptime_feed, GRACE_SECONDS, sender=governance)

    assert watched(oracle) == (ZERO_ADDRESS, 0)


def test_set_sequencer_feed_to_a_price_feed_reverts(oracle, governance):
    price_feed = new_feed()

    with boa.reverts("oracle: bad sequencer feed"):
        oracle.set_sequencer_feed(price_feed, GRACE_SECONDS, sender=governance)

    assert watched(oracle) == (ZERO_ADDRESS, 0)


def test_set_sequencer_feed_to_a_wallet_reverts(oracle, governance, attacker):
    with boa.reverts("oracle: bad sequencer feed"):
        oracle.set_sequencer_feed(attacker, GRACE_SECONDS, sender=governance)

    assert watched(oracle) == (ZERO_ADDRESS, 0)


def test_set_sequencer_feed_by_a_stranger_reverts(oracle, attacker, uptime_feed):
    with boa.reverts("ownable: caller is not the owner"):
        oracle.set_sequencer_feed(uptime_feed, GRACE_SECONDS, sender=attacker)

    assert watched(oracle) == (ZERO_ADDRESS, 0)
