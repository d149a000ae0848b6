"""An oracle without markets, and one with a market of three feeds."""

import boa
import pytest

from tests import support
from tests.unit.price_oracle.feeds import MAX_DEVIATION, config_of, new_feed
from tests.unit.price_oracle.perpetual import list_perpetual


@pytest.fixture(scope="module")
def governance():
    return support.actor("governance")


@pytest.fixture(scope="module")
def attacker():
    return support.actor("attacker")


@pytest.fixture(scope="module")
def oracle(governance):
    return support.deploy("PriceOracle.vy", governance)


@pytest.fixture
def feeds():
    """Three feeds of 8 decimals that agree."""
    return [new_feed() for _ in range(3)]


@pytest.fixture(scope="module")
def list_market(oracle, governance):
    """Set the feeds of a market as governance does."""

    def set_feeds(market, configs, quorum=None, max_deviation=MAX_DEVIATION):
        quorum = len(configs) // 2 + 1 if quorum is None else quorum
        with boa.env.prank(governance):
            oracle.set_feeds(market, configs, quorum, max_deviation)
        return market

    return set_feeds


@pytest.fixture
def market(list_market, feeds):
    """A market that needs two of its three feeds."""
    return list_market(0, [config_of(feed) for feed in feeds], quorum=2)


@pytest.fixture
def lone_feed():
    return new_feed()


@pytest.fixture
def lone_market(list_market, lone_feed):
    """A market with one feed, so that its price is usable exactly when the feed is live."""
    return list_market(1, [config_of(lone_feed)])


@pytest.fixture
def sequencer(oracle, governance):
    """An uptime feed the oracle watches; the sequencer has been up for exactly the grace period."""
    feed = support.deploy("mocks/MockAggregator.vy", 0, 0)
    with boa.env.prank(governance):
        oracle.set_sequencer_feed(feed, 3_600)
    feed.set_started_at(boa.env.timestamp - 3_600)
    return feed


@pytest.fixture
def perpetual(oracle, governance):
    """A market with one feed of the index and one of the perpetual, at the same price; no interest."""
    return list_perpetual(oracle, governance)
