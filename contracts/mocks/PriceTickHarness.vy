# pragma version 0.4.3

"""
@title PriceTickHarness
@license AGPL-3.0-only
@author Lastline
@notice lib/price_tick.vy for tests to call
"""

from ..lib import price_tick


@external
@pure
def tick_at(price: uint256, bits: uint256) -> uint256:
    return price_tick._tick_at(price, bits)


@external
@pure
def low(tick: uint256, bits: uint256) -> uint256:
    return price_tick._low(tick, bits)


@external
@pure
def highest_bit(word: uint256) -> uint256:
    return price_tick._highest_bit(word)


@external
@pure
def lowest_bit(word: uint256) -> uint256:
    return price_tick._lowest_bit(word)


@external
@pure
def holds(tick: uint256, price: uint256, bits: uint256) -> bool:
    return price_tick._holds(tick, price, bits)
