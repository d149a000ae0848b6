"""PriceOracle.status: what `read` says, without the revert."""

import boa
import pytest

from tests import support
from tests.unit.price_oracle.feeds import HEARTBEAT_SECONDS, PRICE, WAD

NO_READING = (0, 0, 0, 0, 0)


def test_status_of_a_usable_price_is_the_reading(oracle, market, governance):
    oracle.set_funding(market, 7 * 28_800, 10**16, sender=governance)
    support.wait(10)

    status = oracle.status(market)

    assert status.usable
    assert status.reason == ""
    assert status.reading == (PRICE * WAD, PRICE * WAD, 7, boa.env.timestamp - 10, 70)
    assert status.reading == oracle.read(market)


def make_stale(feeds, sequencer):
    for feed in feeds:
        feed.set_updated_at(boa.env.timestamp - HEARTBEAT_SECONDS - 1)


def make_deviating(feeds, sequencer):
    feeds[0].set_answer(PRICE * 10**8 * 2)


def make_sequencer_down(feeds, sequencer):
    sequencer.set_answer(1)


def make_sequencer_restart(feeds, sequencer):
    sequencer.set_answer(0)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (make_stale, "oracle: quorum not met"),
        (make_deviating, "oracle: price deviation"),
        (make_sequencer_down, "oracle: sequencer down"),
        (make_sequencer_restart, "oracle: sequencer grace"),
    ],
)
def test_status_of_an_unusable_price_is_the_reason_of_read(oracle, market, feeds, sequencer, spoil, reason):
    spoil(feeds, sequencer)

    assert oracle.status(market) == (False, NO_READING, reason)
    with boa.reverts(reason):
        oracle.read(market)


def test_status_of_an_unknown_market_says_so(oracle, market):
    assert oracle.status(market + 1) == (False, NO_READING, "oracle: unknown market")
    assert oracle.status(2**256 - 1) == (False, NO_READING, "oracle: unknown market")


def test_status_sequencer_comes_before_the_feeds(oracle, market, feeds, sequencer):
    make_stale(feeds, sequencer)
    make_sequencer_down(feeds, sequencer)

    assert oracle.status(market).reason == "oracle: sequencer down"


def test_status_low_gas_reverts_and_is_not_a_reason(oracle, market):
    with boa.reverts("oracle: low gas"):
        oracle.status(market, gas=oracle.FEED_GAS_RESERVE())


def test_status_of_markets_is_independent(oracle, market, lone_market, feeds):
    make_deviating(feeds, None)

    assert not oracle.status(market).usable
    assert oracle.status(lone_market).usable
