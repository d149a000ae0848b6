"""A loss that nobody's profit can pay: who won has left with it before it was recognised."""

from dataclasses import dataclass
from typing import Any

import boa

from tests.kernel import BTC, wad
from tests.support import actor
from tests.unit.crisis.scene import Number, Scene

DAY = 86_400
WINDOW = 3_600
# Half the lowest maintenance rate of mark, for each base: 1.25 %.
LIMIT_RATE = wad("0.0125")


@dataclass
class Late:
    """`loser` was absorbed late; `newcomer` has the position opposite him, `size` at mark, without profit."""

    winner: int
    loser: int
    newcomer: int
    claim: int


def mature(scene: Scene, against: Number, market: int = BTC) -> None:
    """Two batches of the market clock."""
    for _ in range(26):
        scene.move(against, market, seconds=300)


def late_loss(
    scene: Scene, against: Number = 20, margin: Number = 60, size: Number = 10, cash: Number = 1000
) -> Late:
    """The price goes `against` 100; the winner leaves with his profit, then the loser is absorbed."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner, size, margin)
    newcomer = scene.account("newcomer", cash)
    scene.move(against)
    scene.open(winner, newcomer, size)
    mature(scene, against)
    scene.touch(winner)
    scene.kernel.absorb(loser)
    return Late(winner, loser, newcomer, scene.kernel.inventory().outstanding)


def two_in_profit(scene: Scene) -> None:
    """Behind a late loss: the newcomer and somebody of another class have profit, in two generations."""
    scene.move(23)
    other = scene.account("other", 1000)
    scene.open(other, scene.account("another", 1000, leverage_class=2), 2)
    scene.move(26)


def sell_inventory(scene: Scene, buyer: str = "buyer", cash: Number = 1000) -> int:
    """To somebody without profit there, at mark."""
    account = scene.account(buyer, cash)
    scene.kernel.buy_inventory(account)
    return account


def window_of(scene: Scene, market: int = BTC) -> tuple[int, int, int]:
    """Start, what longs and what shorts were charged."""
    word = scene.vault.side_window(market)
    return word & (2**40 - 1), word >> 40 & (2**104 - 1), word >> 144


def write_off(scene: Scene, market: int = BTC, limit: int = 1000, name: str = "stranger") -> int:
    with boa.env.prank(actor(name)):
        return scene.vault.write_off(market, limit)


def withdraw(scene: Scene, name: str, account: int, tokens: int, least: int = 0) -> int:
    with boa.env.prank(actor(name)):
        return scene.vault.withdraw(account, tokens, actor(name), least)


def events(scene: Scene, name: str) -> list[Any]:
    return [log for log in scene.logs() if log[0] == name]
