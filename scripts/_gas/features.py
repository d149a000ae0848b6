"""What each feature costs: the same operation with it and without, from one state of the chain.

Only the difference is told and bounded; what the plain operation may cost is said in report.TARGETS.
"""

from collections.abc import Callable
from typing import Any

from lastline.orders import TimeInForce
from lastline.units import wad
from scripts._gas.system import (
    ANYTHING,
    LIQUIDATION,
    MARGIN,
    MARKET,
    PRICE_ORACLE,
    TAKER_RATE,
    Artifacts,
    Failed,
    System,
    Trader,
)
from scripts._gas.wallets import safe, smallest_wallet

SIZE = wad("0.1")
BUILDER_RATE = wad("0.0001")
# Feature -> the most it may add to its plain operation.
LIMITS: dict[str, int] = {
    "post-only": 150,
    "another lane": 2_500,
    "builder": 15_000,
    "builder's first fee": 32_500,
    "signed by an operator": 3_200,
    "signed by a wallet": 7_700,
    "signed by a Safe": 34_500,
    "reduce-only, both": 200,
    "marks in steps": 150,
    "lower cap, below it": 300,
    "lower cap, beyond it": 2_700,
    "taker in a second market": 24_000,
    "both in a second market": 37_500,
    "IOC": 200,
    "IOC, half of it filled": 300,
    "FOK": 200,
    "one builder for both": 17_000,
    "a builder each": 28_000,
    "match_available_orders": 6_300,
    "trade_available, 1 maker": 5_500,
    "trade_available, 2 makers": 30_000,
    "trade_available, 4 makers": 79_500,
    "trade_available, 4 makers and one skipped": 99_000,
    "trade_available, 16 makers": 376_000,
    "update_mark within a step": 600,
    "update_mark beyond a step": 600,
    "update_mark, 1 feed": 31_500,
    "update_mark, 3 feeds": 89_000,
    "update_mark, 5 feeds": 147_000,
    "take_over, 2 markets": 170_000,
    "take_over, 3 markets": 270_500,
    "take_over, rate limit": 7_000,
    "liquidate, rate limit, 1 maker": 94_500,
    "liquidate, 1 market, 1 maker": 78_000,
    "liquidate, 1 market, 4 makers": 214_500,
    "liquidate, 2 markets, 1 maker": 256_500,
    "liquidate, 2 markets, 4 makers": 393_000,
    "liquidate, 3 markets, 1 maker": 365_500,
    "liquidate, 3 markets, 4 makers": 502_000,
}


class Features:
    """Measures a plain operation and variants of it, each from the same state."""

    def __init__(self, s: System) -> None:
        self.s = s
        self.out: dict[str, dict[str, int]] = {}
        self.plain = 0
        self.ready = s.snapshot()

    def start(self, name: str, run: Callable[[], int], prepare: Callable[[], Any] = lambda: None) -> None:
        """The plain operation; variants of it start where the chain is now. `prepare` is not measured."""
        self.ready = self.s.snapshot()
        prepare()
        self.plain = run()
        self.out[name] = {"gas": self.plain}
        self.ready = self.s.restore(self.ready)

    def add(self, name: str, run: Callable[[], int], prepare: Callable[[], Any] = lambda: None) -> None:
        """A variant of the last plain operation."""
        prepare()
        gas = run()
        self.out[name] = {"gas": gas, "more": gas - self.plain}
        self.ready = self.s.restore(self.ready)


def measure_features(s: System, artifacts: Artifacts) -> dict[str, dict[str, int]]:
    start = s.snapshot()
    out: dict[str, dict[str, int]] = {}
    for measure in (_orders, _markets, _takers, _makers, _marks, _liquidations):
        f = Features(s)
        measure(f, artifacts)
        out |= f.out
        start = s.restore(start)
    return out


# --- trades -------------------------------------------------------------------------------------------------


def _desk(s: System) -> tuple[Trader, Trader]:
    """A taker and a maker without positions, whose cohorts, lanes and accounts others and they have used."""
    s.trade(s.trader("old long", 50_000), [s.trader("old short", 50_000)], "0.5")
    a, b = s.trader("a", 50_000), s.trader("b", 50_000)
    s.use_lane(b)
    return a, b


def _take(
    s: System, taker: Trader, order: tuple[Any, ...], size: int = SIZE, is_reduce_only: bool = False
) -> int:
    arguments = (taker.account, size, abs(size), is_reduce_only, TAKER_RATE, order)
    return s.gas(taker.address, s.exchange, "take", *arguments)


def _orders(f: Features, artifacts: Artifacts) -> None:
    """What an order says, and who signed it."""
    s = f.s
    a, b = _desk(s)
    operator = s.trader("operator").key
    s.send(b.address, s.vault, "set_operator", operator.address, True)
    s.use_lane(b, lane=1)
    known, unknown = s.trader("builder", 100).account, s.trader("new builder").account
    wallets = (("signed by a wallet", smallest_wallet(s, artifacts)), ("signed by a Safe", safe(s)))
    for _, wallet in wallets:
        wallet.enter(s, 50_000)
    f.start("take", lambda: _take(s, a, s.order(b, -SIZE)))
    f.add("post-only", lambda: _take(s, a, s.order(b, -SIZE, time_in_force=TimeInForce.POST_ONLY)))
    f.add("another lane", lambda: _take(s, a, s.order(b, -SIZE, lane=1)))
    for name, builder in (("builder", known), ("builder's first fee", unknown)):
        fields = {"builder": builder, "builder_fee_rate": BUILDER_RATE}
        f.add(name, lambda fields=fields: _take(s, a, s.order(b, -SIZE, **fields)))
    f.add("signed by an operator", lambda: _take(s, a, s.order(b, -SIZE, signer=operator)))
    for name, wallet in wallets:
        f.add(name, lambda wallet=wallet: _take(s, a, wallet.order(s, -SIZE)))

    _take(s, a, s.order(b, -2 * SIZE), 2 * SIZE)
    f.start("take, reducing", lambda: _take(s, a, s.order(b, SIZE), -SIZE))
    f.add("reduce-only, both", lambda: _take(s, a, s.order(b, SIZE, is_reduce_only=True), -SIZE, True))


def _markets(f: Features, artifacts: Artifacts) -> None:
    """What the market's settings, and positions in other markets, add to a fresh trade."""
    s = f.s
    a, b = _desk(s)
    _add_market(s, 1)

    def fresh() -> int:
        return _take(s, a, s.order(b, -SIZE))

    def enter(*others: Trader) -> None:
        for trader in others:
            _trade_in(s, 1, trader, s.trader(f"other of {trader.account}", 50_000), wad("0.01"))

    f.start("take, market", fresh)
    f.add("marks in steps", fresh, lambda: _limit_step(s))
    # of a cap of 10 million quote, of which old long and old short hold 30,000
    f.add("lower cap, below it", fresh, lambda: _lower_cap(s, 10**7, "0.5"))
    # of a cap of 100,000 quote
    f.add("lower cap, beyond it", fresh, lambda: _lower_cap(s, 10**5, "0.25"))
    f.add("taker in a second market", fresh, lambda: enter(a))
    f.add("both in a second market", fresh, lambda: enter(a, b))


def _takers(f: Features, artifacts: Artifacts) -> None:
    """A taker who signs too, matched by somebody else."""
    s = f.s
    a, b = _desk(s)
    s.use_lane(a)
    relay = s.trader("relay").address
    builder = {"builder": s.trader("builder", 100).account, "builder_fee_rate": BUILDER_RATE}
    another = {"builder": s.trader("builder 2", 100).account, "builder_fee_rate": BUILDER_RATE}

    def match(size: int = SIZE, maker: dict[str, Any] | None = None, **taker: Any) -> int:
        orders = (s.order(a, size, **taker), [s.order(b, -SIZE, **(maker or {}))])
        return s.gas(relay, s.exchange, "match_orders", *orders)

    f.start("match_orders", match)
    f.add("IOC", lambda: match(time_in_force=TimeInForce.IOC))
    f.add("IOC, half of it filled", lambda: match(2 * SIZE, time_in_force=TimeInForce.IOC))
    f.add("FOK", lambda: match(time_in_force=TimeInForce.FOK))
    f.add("one builder for both", lambda: match(maker=builder, **builder))
    f.add("a builder each", lambda: match(maker=another, **builder))
    f.add(
        "match_available_orders",
        lambda: s.gas(relay, s.exchange, "match_available_orders", s.order(a, SIZE), [s.order(b, -SIZE)]),
    )


def _makers(f: Features, artifacts: Artifacts) -> None:
    """Several makers, all without positions, and batches that skip."""
    s = f.s
    a, _ = _desk(s)
    makers = [s.trader(f"maker {n}", 50_000) for n in range(16)]
    s.use_lane(*makers)

    def trade(count: int, method: str = "trade", is_one_dead: bool = False) -> int:
        given = [s.order(maker, -SIZE) for maker in makers[:count]]
        if is_one_dead:
            given.insert(1, s.order(makers[-1], -SIZE, price=s.price * 2))
        size = count * SIZE
        arguments = (a.account, MARKET, size, s.price, size, False, TAKER_RATE, given)
        return s.gas(a.address, s.exchange, method, *arguments)

    for count in (1, 2, 4, 16):
        name = _counted(count, "maker")
        f.start(f"trade, {name}", lambda count=count: trade(count))
        f.add(f"trade_available, {name}", lambda count=count: trade(count, "trade_available"))
        if count == 4:
            f.add("trade_available, 4 makers and one skipped", lambda: trade(4, "trade_available", True))


# --- marks and liquidations ---------------------------------------------------------------------------------


def _marks(f: Features, artifacts: Artifacts) -> None:
    """A mark that goes to the oracle's price at once, and in steps of 1 %."""
    s = f.s
    _desk(s)

    def update() -> int:
        return s.gas(s.trader("keeper").address, s.vault, "update_mark", MARKET)

    def price(quote: int, step: str) -> None:
        config = _changed(LIQUIDATION, {MAX_MARK_STEP: wad(step)})
        s.send(s.owner, s.vault, "set_liquidation_config", MARKET, config)
        s.now += 60
        s.send(s.owner, s.oracle, "set_price", MARKET, wad(quote), 0)

    price(60_300, "0")
    f.start("update_mark", update)
    f.add("update_mark within a step", update, lambda: price(60_300, "0.01"))
    f.add("update_mark beyond a step", update, lambda: price(66_000, "0.01"))
    for count in (1, 3, 5):
        name = f"update_mark, {_counted(count, 'feed')}"
        f.add(name, update, lambda count=count: _use_feeds(s, artifacts, count))


def _use_feeds(s: System, artifacts: Artifacts, count: int) -> None:
    """The real oracle with so many feeds: mocks that keep a round in five slots, without a proxy."""
    s.now += 60
    oracle = s.deploy(artifacts, "PriceOracle", s.owner)
    feeds = []
    for _ in range(count):
        feed = s.deploy(artifacts, "MockAggregator", 8, 60_300 * 10**8)
        feeds.append((feed.address, 3_600, 0, 10**14))
    s.send(s.owner, oracle, "set_feeds", MARKET, feeds, count // 2 + 1, wad("0.01"))
    s.send(s.owner, s.vault, "set_role", PRICE_ORACLE, oracle.address)


def _liquidations(f: Features, artifacts: Artifacts) -> None:
    """A whole position of 1 BTC; the account has small positions in no, one or two other markets."""
    s = f.s
    for market in (1, 2):
        _add_market(s, market)
    s.trade(s.trader("old long", 50_000), [s.trader("old short", 50_000)], "0.5")
    _first_liquidation(s)
    s.trader("keeper", 100)

    def take_over() -> int:
        liquidator = s.trader("liquidator")
        arguments = (s.trader("weak").account, MARKET, ANYTHING, liquidator.account, 2**255)
        return _whole(s, s.gas(liquidator.address, s.engine, "take_over", *arguments))

    def close(count: int) -> int:
        keeper = s.trader("keeper")
        given = [s.order(s.trader(f"maker {n}"), wad(1) // count) for n in range(count)]
        arguments = (s.trader("weak").account, MARKET, ANYTHING, given, keeper.account)
        return _whole(s, s.gas(keeper.address, s.exchange, "liquidate", *arguments))

    f.start("take_over", take_over, lambda: _prepare_liquidation(s, 0))
    for others in (1, 2):
        f.add(
            f"take_over, {others + 1} markets",
            take_over,
            lambda others=others: _prepare_liquidation(s, others),
        )

    def prepare_limited() -> None:
        _limit_rate(s)
        _prepare_liquidation(s, 0)

    f.add("take_over, rate limit", take_over, prepare_limited)
    f.add("liquidate, rate limit, 1 maker", lambda: close(1), prepare_limited)
    for others in (0, 1, 2):
        for count in (1, 4):
            name = f"liquidate, {_counted(others + 1, 'market')}, {_counted(count, 'maker')}"
            f.add(
                name,
                lambda count=count: close(count),
                lambda others=others: _prepare_liquidation(s, others),
            )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count > 1 else "")


def _whole(s: System, gas: int) -> int:
    """Raises Failed if something of the position is left."""
    if s.vault.functions.position_state(s.trader("weak").account, MARKET).call()[0] != 0:
        raise Failed("not all of the position is liquidated")
    return gas


def _first_liquidation(s: System) -> None:
    """Not the first one of all: the slot of its fees is used."""
    early = s.trader("early", 3_100)
    s.trade(early, [s.trader("other", 500_000)], "1")
    _walk(s, 59_400, 58_800, 58_300)
    first = s.trader("first liquidator", 500_000)
    s.send(first.address, s.engine, "take_over", early.account, MARKET, ANYTHING, first.account, 2**255)
    _walk(s, 58_800, 59_400, 60_000)


def _prepare_liquidation(s: System, others: int) -> None:
    """Somebody's 1 BTC is to be liquidated whole; who will take it, and four makers, have positions there."""
    weak, other, liquidator = s.trader("weak", 3_100), s.trader("other"), s.trader("liquidator", 500_000)
    makers = [s.trader(f"maker {n}", 500_000) for n in range(4)]
    s.use_lane(*makers)
    s.trade(weak, [other], "1")
    for market in range(1, others + 1):
        _trade_in(s, market, weak, s.trader("other in others", 50_000), wad("0.01"))
    _walk(s, 59_400, 58_800, 58_300, 57_700)
    for trader in (liquidator, *makers):
        s.trade(trader, [other], "1")


def _walk(s: System, *prices: int) -> None:
    for price in prices:
        s.set_price(price)


# --- other markets and settings -----------------------------------------------------------------------------

# Where they are in the configurations of system.py.
OPEN_INTEREST_CAP_QUOTE, LOWER_CAP_SHARE, MAX_MARK_STEP = 8, 11, 11


def _changed(config: tuple[Any, ...], changes: dict[int, Any]) -> tuple[Any, ...]:
    return tuple(changes.get(at, worth) for at, worth in enumerate(config))


def _add_market(s: System, market: int) -> None:
    s.send(s.owner, s.vault, "add_market", MARGIN, LIQUIDATION, False)
    assert s.vault.functions.market_count().call() == market + 1
    s.send(s.owner, s.oracle, "set_price", market, s.price, 0)
    s.send(s.owner, s.vault, "update_mark", market)


def _trade_in(s: System, market: int, taker: Trader, maker: Trader, size: int) -> None:
    _take(s, taker, s.order(maker, -size, market=market), size)


def switch_on(s: System) -> None:
    """Every option of a market: a lower cap (which is not reached), marks in steps, a rate limit."""
    _lower_cap(s, 10**12, "0.5")
    _limit_step(s)
    _limit_rate(s)


def _lower_cap(s: System, cap: int, share: str) -> None:
    config = _changed(MARGIN, {OPEN_INTEREST_CAP_QUOTE: wad(cap), LOWER_CAP_SHARE: wad(share)})
    s.send(s.owner, s.vault, "set_margin_config", MARKET, config)


def _limit_step(s: System) -> None:
    config = _changed(LIQUIDATION, {MAX_MARK_STEP: wad("0.1")})
    s.send(s.owner, s.vault, "set_liquidation_config", MARKET, config)


def _limit_rate(s: System) -> None:
    """A limit that the liquidation fits into."""
    s.send(s.owner, s.engine, "set_rate_limit", MARKET, wad(10**12), 14_400)
