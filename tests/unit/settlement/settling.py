"""How the suites about settlement settle and close."""

import boa

from tests.kernel import BTC
from tests.support import actor
from tests.unit.crisis.scene import Scene

ACTIVE, CLOSE_ONLY, SETTLED = 1, 2, 3
ALWAYS = 2**32 - 1
DAY = 86_400
PRICE_WORD, CLOCK_WORD, TERMS_WORD, MORE_WORD, LAST_WORD, LIQUIDATION_WORD = 0, 2, 4, 5, 6, 7


def close_only(scene: Scene, market: int = BTC) -> None:
    with scene.as_governance():
        scene.vault.set_market_status(market, CLOSE_ONLY)


def settle(scene: Scene, market: int = BTC) -> int:
    """Close-only, then settled at the oracle's price."""
    close_only(scene, market)
    with scene.as_governance():
        return scene.vault.settle_market(market)


def close(scene: Scene, account: int, market: int = BTC, name: str = "stranger") -> int:
    with boa.env.prank(actor(name)):
        return scene.vault.close_at_settlement(account, market)


def status_of(scene: Scene, market: int = BTC) -> int:
    return scene.vault.market_words(market)[PRICE_WORD] >> 160 & 255


def mark_time_of(scene: Scene, market: int = BTC) -> int:
    return scene.vault.market_words(market)[PRICE_WORD] >> 104 & (2**32 - 1)


def clock_of(scene: Scene, market: int = BTC) -> int:
    return scene.vault.market_words(market)[CLOCK_WORD] & (2**40 - 1)
