"""What a mark costs with the real PriceOracle: three index feeds, and none, one or three of the perpetual."""

from lastline.units import wad
from scripts._gas.system import MARKET, PRICE_ORACLE, Artifacts, System

FEEDS = 3
FEED_DECIMALS = 8


def measure_marks(s: System, artifacts: Artifacts) -> dict[str, int]:
    """Gas of `update_mark` by key, in a market with positions; the sum of rates has moved."""
    price = s.price * 10**FEED_DECIMALS // 10**18
    oracle = s.deploy(artifacts, "PriceOracle", s.owner)
    feeds = [s.deploy(artifacts, "MockAggregator", FEED_DECIMALS, price) for _ in range(2 * FEEDS)]
    configs = [(feed.address, 90_000, 1, 2**120) for feed in feeds]
    s.send(s.owner, oracle, "set_feeds", MARKET, configs[:FEEDS], 2, wad("0.05"))
    s.send(s.owner, oracle, "set_funding", MARKET, wad("0.0001"), wad("0.0075"))
    s.send(s.owner, s.vault, "set_role", PRICE_ORACLE, oracle.address)
    long, short = s.trader("long", 10**6), s.trader("short", 10**6)
    s.trade(long, [short], "1")
    out = {}
    for count in (0, 1, FEEDS):
        if count:
            terms = (count // 2 + 1, wad("0.05"), 1_800, wad("0.005"))
            perpetual = configs[FEEDS : FEEDS + count]
            s.send(s.owner, oracle, "set_perpetual_feeds", MARKET, perpetual, *terms)
        for feed in feeds[FEEDS:]:
            s.send(s.owner, feed, "set_answer", price * 1_001 // 1_000)
        name = f"update_mark_{count}_perpetual_feeds"
        for _ in range(3):  # averages and sums are in use
            s.now += 300
            s.send(s.owner, s.vault, "update_mark", MARKET)
        s.now += 60
        out[name] = s.gas(s.owner, s.vault, "update_mark", MARKET)
        s.now += 300
        out[f"{name}_accruing"] = s.gas(s.owner, s.vault, "update_mark", MARKET)
    return out
