"""PriceOracle.feed_states: every feed, and why it is not used."""

import boa

from tests.unit.price_oracle.feeds import HEARTBEAT_SECONDS, PRICE, WAD, config_of, new_feed


def test_feed_states_of_live_feeds(oracle, market, feeds):
    feeds[1].set_answer_at(2_001 * 10**8, boa.env.timestamp - 5)

    assert oracle.feed_states(market) == [
        (feeds[0].address, PRICE * WAD, boa.env.timestamp, ""),
        (feeds[1].address, 2_001 * WAD, boa.env.timestamp - 5, ""),
        (feeds[2].address, PRICE * WAD, boa.env.timestamp, ""),
    ]


def test_feed_states_name_what_is_wrong(oracle, list_market):
    feeds = [new_feed() for _ in range(5)]
    configs = [config_of(feed) for feed in feeds]
    market = list_market(0, configs)
    feeds[0].set_reverting(True)
    feeds[1].set_answer(configs[1].max_answer)
    feeds[2].set_updated_at(boa.env.timestamp + 1)
    feeds[3].set_updated_at(boa.env.timestamp - HEARTBEAT_SECONDS - 1)

    assert oracle.feed_states(market) == [
        (feeds[0].address, 0, 0, "oracle: feed unreadable"),
        (feeds[1].address, 0, 0, "oracle: feed answer invalid"),
        (feeds[2].address, 0, 0, "oracle: feed time invalid"),
        (feeds[3].address, 0, 0, "oracle: feed stale"),
        (feeds[4].address, PRICE * WAD, boa.env.timestamp, ""),
    ]


def test_feed_states_without_a_time_are_not_just_stale(oracle, lone_market, lone_feed):
    lone_feed.set_updated_at(0)

    assert oracle.feed_states(lone_market) == [(lone_feed.address, 0, 0, "oracle: feed time invalid")]


def test_feed_states_show_the_deviating_feed(oracle, market, feeds):
    feeds[2].set_answer(PRICE * 10**8 * 3)

    prices = [state.price for state in oracle.feed_states(market)]
    assert prices == [PRICE * WAD, PRICE * WAD, 3 * PRICE * WAD]


def test_feed_states_do_not_depend_on_the_sequencer(oracle, market, sequencer):
    sequencer.set_answer(1)

    assert all(state.reason == "" for state in oracle.feed_states(market))


def test_feed_states_of_an_unknown_market_are_empty(oracle, market):
    assert oracle.feed_states(market + 1) == []


def test_feed_states_low_gas_reverts(oracle, market):
    with boa.reverts("oracle: low gas"):
        oracle.feed_states(market, gas=oracle.FEED_GAS_RESERVE())
