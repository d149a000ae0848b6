"""A market with an index feed and feeds of the perpetual's price, told by its premium."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from boa.contracts.vyper.vyper_contract import VyperContract

from tests import support
from tests.unit.price_oracle.feeds import MAX_DEVIATION, PRICE, WAD, config_of, new_feed

INDEX = PRICE * WAD
WINDOW = 1_800
CLAMP = WAD // 100
FUNDING_CLAMP = 75 * 10**14  # 0.75 % per 8 hours
PERIOD = 28_800


def bps(amount: Decimal | float | int | str) -> int:
    """Hundredths of a per cent, with 18 decimals."""
    return int(Decimal(str(amount)) * 10**14)


@dataclass
class PerpetualMarket:
    oracle: VyperContract
    market: int
    index: VyperContract
    feeds: list[VyperContract]

    def say(self, premium: int) -> None:
        """All feeds of the perpetual: this share above the index, 18 decimals."""
        price = INDEX + INDEX * premium // WAD
        for feed in self.feeds:
            feed.set_answer(price)

    def die(self) -> None:
        for feed in self.feeds:
            feed.set_reverting(True)

    def live(self) -> None:
        for feed in self.feeds:
            feed.set_reverting(False)

    def observe(self, seconds: int = 0, premium: int | None = None) -> Any:
        """Let time pass, let the feeds say something, observe."""
        support.wait(seconds)
        self.index.set_answer(INDEX)
        if premium is not None:
            self.say(premium)
        return self.oracle.observe(self.market)

    @property
    def state(self) -> Any:
        return self.oracle.premium_state(self.market)


def list_perpetual(
    oracle: VyperContract, governance: str, market: int = 5, count: int = 1
) -> PerpetualMarket:
    index, feeds = new_feed(decimals=18), [new_feed(decimals=18) for _ in range(count)]
    oracle.set_feeds(market, [long_lived(index)], 1, MAX_DEVIATION, sender=governance)
    configs = [long_lived(feed) for feed in feeds]
    oracle.set_perpetual_feeds(
        market, configs, count // 2 + 1, MAX_DEVIATION, WINDOW, CLAMP, sender=governance
    )
    oracle.set_funding(market, 0, FUNDING_CLAMP, sender=governance)
    return PerpetualMarket(oracle, market, index, feeds)


def long_lived(feed: VyperContract) -> Any:
    return config_of(feed, heartbeat_seconds=90_000)
