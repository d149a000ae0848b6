"""PriceOracle.config: what is stored is what is shown."""

from tests.unit.price_oracle.feeds import MAX_DEVIATION, config_of, new_feed, stored


def test_config_shows_what_was_set(oracle, list_market, governance):
    feeds = [new_feed(decimals=6), new_feed(decimals=18)]
    configs = [config_of(feeds[0], heartbeat_seconds=60), config_of(feeds[1], min_answer=1)]
    market = list_market(3, configs, quorum=2)
    perpetual = config_of(new_feed(decimals=8), max_answer=oracle.MAX_ANSWER())
    oracle.set_perpetual_feeds(market, [perpetual], 1, MAX_DEVIATION // 2, 1_800, 10**16, sender=governance)
    oracle.set_funding(market, -11, 13, sender=governance)

    assert oracle.config(market) == (
        [stored(configs[0], 6), stored(configs[1], 18)],
        2,
        MAX_DEVIATION,
        ([stored(perpetual, 8)], 1, MAX_DEVIATION // 2),
        1_800,
        10**16,
        -11,
        13,
    )


def test_config_of_an_unknown_market_is_empty(oracle, market):
    assert oracle.config(market + 1) == ([], 0, 0, ([], 0, 0), 0, 0, 0, 0)
