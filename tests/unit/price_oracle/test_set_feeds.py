"""PriceOracle.set_feeds: listing a market and replacing its feeds."""

import boa
import pytest

from tests.unit.price_oracle.feeds import (
    MAX_DEVIATION,
    PRICE,
    WAD,
    config_of,
    logged,
    new_feed,
    new_odd_feed,
    odd_config_of,
    stored,
    words,
)

UNLISTED = 9


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_set_feeds_lists_a_market(oracle, governance, count):
    configs = [config_of(new_feed()) for _ in range(count)]
    quorum = count // 2 + 1

    oracle.set_feeds(UNLISTED, configs, quorum, MAX_DEVIATION, sender=governance)

    feeds = [stored(config) for config in configs]
    assert logged(oracle) == [
        ("PremiumObserved", UNLISTED, 0, 0, 0, 0),
        ("FeedsSet", UNLISTED, [], feeds, 0, quorum, 0, MAX_DEVIATION),
    ]
    assert oracle.config(UNLISTED) == (feeds, quorum, MAX_DEVIATION, ([], 0, 0), 0, 0, 0, 0)
    assert oracle.read(UNLISTED).index == PRICE * WAD


def test_set_feeds_replaces_feeds_and_keeps_the_funding(oracle, market, governance):
    oracle.set_funding(market, 11, 13, sender=governance)
    old = oracle.config(market)
    config = config_of(new_feed(decimals=18))

    oracle.set_feeds(market, [config], 1, MAX_DEVIATION * 2, sender=governance)

    feeds = [stored(config, 18)]
    assert logged(oracle) == [
        ("FeedsSet", market, old.feeds, feeds, old.quorum, 1, old.max_deviation, MAX_DEVIATION * 2)
    ]
    assert oracle.config(market) == (feeds, 1, MAX_DEVIATION * 2, ([], 0, 0), 0, 0, 11, 13)


def test_set_feeds_leaves_other_markets_alone(oracle, market, lone_market, governance):
    before = oracle.config(lone_market)

    oracle.set_feeds(market, [config_of(new_feed())], 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(lone_market) == before


def test_set_feeds_by_a_stranger_reverts(oracle, market, attacker):
    before = oracle.config(market)
    configs = [config_of(new_feed())]

    with boa.reverts("ownable: caller is not the owner"):
        oracle.set_feeds(market, configs, 1, MAX_DEVIATION, sender=attacker)

    assert oracle.config(market) == before


def test_set_feeds_takes_the_last_market_id(oracle, governance):
    oracle.set_feeds(31, [config_of(new_feed())], 1, MAX_DEVIATION, sender=governance)

    assert oracle.read(31).index == PRICE * WAD


@pytest.mark.parametrize("market_id", [32, 2**256 - 1])
def test_set_feeds_past_the_last_market_id_reverts(oracle, governance, market_id):
    configs = [config_of(new_feed())]

    with boa.reverts("oracle: bad market id"):
        oracle.set_feeds(market_id, configs, 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(market_id).feeds == []


def test_set_feeds_without_feeds_reverts(oracle, market, governance):
    before = oracle.config(market)

    with boa.reverts("oracle: no feeds"):
        oracle.set_feeds(market, [], 0, MAX_DEVIATION, sender=governance)

    assert oracle.config(market) == before


def test_set_feeds_six_feeds_reverts(oracle, governance):
    configs = [config_of(new_feed()) for _ in range(oracle.MAX_FEEDS() + 1)]

    # The decoder of the arguments refuses them, without a text.
    with boa.reverts():
        oracle.set_feeds(UNLISTED, configs, 4, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


@pytest.mark.parametrize(
    ("count", "quorum"),
    [(1, 0), (1, 2), (2, 1), (2, 3), (3, 1), (3, 4), (4, 2), (4, 5), (5, 2), (5, 6), (5, 2**256 - 1)],
)
def test_set_feeds_quorum_not_a_majority_reverts(oracle, governance, count, quorum):
    configs = [config_of(new_feed()) for _ in range(count)]

    with boa.reverts("oracle: bad quorum"):
        oracle.set_feeds(UNLISTED, configs, quorum, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


@pytest.mark.parametrize("limit", ["MIN_DEVIATION_LIMIT", "MAX_DEVIATION_LIMIT"])
def test_set_feeds_extreme_deviation_limit_is_accepted(oracle, governance, limit):
    max_deviation = getattr(oracle, limit)()

    oracle.set_feeds(UNLISTED, [config_of(new_feed())], 1, max_deviation, sender=governance)

    assert oracle.config(UNLISTED).max_deviation == max_deviation


@pytest.mark.parametrize(("limit", "step"), [("MIN_DEVIATION_LIMIT", -1), ("MAX_DEVIATION_LIMIT", 1)])
def test_set_feeds_deviation_limit_out_of_bounds_reverts(oracle, governance, limit, step):
    configs = [config_of(new_feed())]
    max_deviation = getattr(oracle, limit)() + step

    with boa.reverts("oracle: bad deviation limit"):
        oracle.set_feeds(UNLISTED, configs, 1, max_deviation, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


# --- each feed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [(0, 1), (0, 4), (3, 4)])
def test_set_feeds_duplicate_feed_reverts(oracle, governance, first, second):
    configs = [config_of(new_feed()) for _ in range(5)]
    configs[second] = configs[first]._replace(heartbeat_seconds=60)

    with boa.reverts("oracle: duplicate feed"):
        oracle.set_feeds(UNLISTED, configs, 3, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


def test_set_feeds_extreme_heartbeats_are_accepted(oracle, governance):
    heartbeats = [1, oracle.MAX_HEARTBEAT_SECONDS()]
    configs = [config_of(new_feed(), heartbeat_seconds=seconds) for seconds in heartbeats]

    oracle.set_feeds(UNLISTED, configs, 2, MAX_DEVIATION, sender=governance)

    assert [feed.heartbeat_seconds for feed in oracle.config(UNLISTED).feeds] == heartbeats


@pytest.mark.parametrize("excess", ["zero", "one too long", "longest"])
def test_set_feeds_heartbeat_out_of_bounds_reverts(oracle, governance, excess):
    heartbeats = {"zero": 0, "one too long": oracle.MAX_HEARTBEAT_SECONDS() + 1, "longest": 2**256 - 1}
    configs = [config_of(new_feed(), heartbeat_seconds=heartbeats[excess])]

    with boa.reverts("oracle: bad heartbeat"):
        oracle.set_feeds(UNLISTED, configs, 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


def test_set_feeds_widest_answer_bounds_are_accepted(oracle, governance):
    config = config_of(new_feed(), min_answer=0, max_answer=oracle.MAX_ANSWER())

    oracle.set_feeds(UNLISTED, [config], 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == [stored(config)]


@pytest.mark.parametrize(
    ("min_answer", "max_answer"),
    [(-1, 10**12), (-(2**255), 10**12), (10**12, 10**12), (10**12 + 1, 10**12), (0, 2**127), (0, 2**255 - 1)],
)
def test_set_feeds_bad_answer_bounds_reverts(oracle, governance, min_answer, max_answer):
    configs = [config_of(new_feed(), min_answer=min_answer, max_answer=max_answer)]

    with boa.reverts("oracle: bad answer bounds"):
        oracle.set_feeds(UNLISTED, configs, 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


@pytest.mark.parametrize("decimals", [0, 6, 8, 18])
def test_set_feeds_reads_the_decimals_of_the_feed(oracle, governance, decimals):
    config = config_of(new_feed(decimals=decimals))

    oracle.set_feeds(UNLISTED, [config], 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == [stored(config, decimals)]


@pytest.mark.parametrize("decimals", [19, 255, 2**256 - 1])
def test_set_feeds_too_many_decimals_reverts(oracle, governance, decimals):
    configs = [odd_config_of(new_odd_feed(decimals_answer=words(decimals)))]

    with boa.reverts("oracle: too many decimals"):
        oracle.set_feeds(UNLISTED, configs, 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


@pytest.mark.parametrize("length", [0, 31])
def test_set_feeds_short_decimals_reverts(oracle, governance, length):
    configs = [odd_config_of(new_odd_feed(decimals_answer=bytes(length)))]

    with boa.reverts("oracle: decimals unreadable"):
        oracle.set_feeds(UNLISTED, configs, 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


@pytest.mark.parametrize("kind", ["nobody", "a wallet", "not a feed"])
def test_set_feeds_address_without_a_feed_reverts(oracle, governance, attacker, kind):
    address = {"nobody": "0x" + "00" * 20, "a wallet": attacker, "not a feed": oracle.address}[kind]
    configs = [config_of(new_feed(), aggregator=address)]

    with boa.reverts("oracle: decimals unreadable"):
        oracle.set_feeds(UNLISTED, configs, 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


# --- the first price of the new set -------------------------------------------------------------------------


def spoil_by_staleness(feeds):
    for feed in feeds[:2]:
        feed.set_updated_at(1)


def spoil_by_deviation(feeds):
    feeds[0].set_answer(PRICE * 10**8 * 2)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_by_staleness, "oracle: quorum not met"),
        (spoil_by_deviation, "oracle: price deviation"),
    ],
)
def test_set_feeds_without_a_usable_price_reverts(oracle, market, governance, spoil, reason):
    before = oracle.config(market)
    feeds = [new_feed() for _ in range(3)]
    configs = [config_of(feed) for feed in feeds]
    spoil(feeds)

    with boa.reverts(reason):
        oracle.set_feeds(market, configs, 2, MAX_DEVIATION, sender=governance)

    assert oracle.config(market) == before


def test_set_feeds_with_a_price_out_of_range_reverts(oracle, governance):
    feed = new_feed(decimals=18)
    configs = [config_of(feed, min_answer=0)]
    feed.set_answer(oracle.MIN_PRICE() - 1)

    with boa.reverts("oracle: price out of range"):
        oracle.set_feeds(UNLISTED, configs, 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(UNLISTED).feeds == []


def test_set_feeds_one_dead_feed_does_not_matter(oracle, governance):
    feeds = [new_feed() for _ in range(3)]
    feeds[2].set_reverting(True)

    oracle.set_feeds(UNLISTED, [config_of(feed) for feed in feeds], 2, MAX_DEVIATION, sender=governance)

    assert oracle.read(UNLISTED).index == PRICE * WAD


@pytest.mark.parametrize("price", [PRICE * WAD // 2, PRICE * WAD * 2])
def test_set_feeds_price_at_the_replacement_limit_is_accepted(oracle, market, governance, price):
    feed = new_feed(decimals=18)
    feed.set_answer(price)

    oracle.set_feeds(market, [config_of(feed)], 1, MAX_DEVIATION, sender=governance)

    assert oracle.read(market).index == price


@pytest.mark.parametrize("price", [PRICE * WAD // 2 - 1, PRICE * WAD * 2 + 1])
def test_set_feeds_price_past_the_replacement_limit_reverts(oracle, market, governance, price):
    before = oracle.config(market)
    feed = new_feed(decimals=18)
    configs = [config_of(feed)]
    feed.set_answer(price)

    with boa.reverts("oracle: replacement price"):
        oracle.set_feeds(market, configs, 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(market) == before
    assert oracle.read(market).index == PRICE * WAD


def test_set_feeds_wrong_scale_of_decimals_reverts(oracle, market, governance):
    """A feed that says 8 decimals and answers with 10."""
    before = oracle.config(market)
    feed = new_feed()
    configs = [config_of(feed, max_answer=PRICE * 10**12)]
    feed.set_answer(PRICE * 10**10)

    with boa.reverts("oracle: replacement price"):
        oracle.set_feeds(market, configs, 1, MAX_DEVIATION, sender=governance)

    assert oracle.config(market) == before


def test_set_feeds_old_price_unusable_is_not_compared(oracle, market, feeds, governance):
    for feed in feeds:
        feed.set_reverting(True)
    new = new_feed(PRICE * 10)

    oracle.set_feeds(market, [config_of(new)], 1, MAX_DEVIATION, sender=governance)

    assert oracle.read(market).index == PRICE * 10 * WAD


def test_set_feeds_while_the_sequencer_is_down_still_compares(oracle, market, sequencer, governance):
    sequencer.set_answer(1)
    before = oracle.config(market)
    far, near = config_of(new_feed(PRICE * 3)), config_of(new_feed())

    with boa.reverts("oracle: replacement price"):
        oracle.set_feeds(market, [far], 1, MAX_DEVIATION, sender=governance)
    assert oracle.config(market) == before

    oracle.set_feeds(market, [near], 1, MAX_DEVIATION, sender=governance)
    assert oracle.config(market).feeds == [stored(near)]
