# pragma version 0.4.3

"""
@title price_tick
@license AGPL-3.0-only
@author Lastline
@notice Log-linear price ticks: the position of the price's highest set bit, then the next `bits` bits.
        A tick is 2**-bits wide relative to its octave's start (0.8 to 1.6 % for 6 bits). Strictly monotonic,
        octave borders included: the last tick of an octave plus one is the first of the next.
@dev Prices are 18-decimals integers of at least 2**bits units, so the shift below never goes negative.
"""

from snekmate.utils import math

@pure
def _first_mantissa(bits: uint256) -> uint256:
    return 64 if bits == 6 else 128


@pure
def _mantissa_mask(bits: uint256) -> uint256:
    return 63 if bits == 6 else 127


@pure
def _tick_at(price: uint256, bits: uint256) -> uint256:
    """
    @notice The tick that holds `price`: _low(tick) <= price < _low(tick + 1)
    """
    octave: uint256 = math._log2(price, False)
    mantissa: uint256 = (price >> unsafe_sub(octave, bits)) & self._mantissa_mask(bits)
    return (octave << bits) | mantissa


@pure
def _low(tick: uint256, bits: uint256) -> uint256:
    """
    @notice The lowest price of a tick
    """
    mantissa: uint256 = self._first_mantissa(bits) | (tick & self._mantissa_mask(bits))
    return mantissa << unsafe_sub(tick >> bits, bits)


@pure
def _holds(tick: uint256, price: uint256, bits: uint256) -> bool:
    """
    @notice True if `price` lies in `tick`
    """
    one: uint256 = 1
    first: uint256 = one << bits
    return price >> unsafe_sub(tick >> bits, bits) == first | (tick & unsafe_sub(first, 1))


@pure
def _highest_bit(word: uint256) -> uint256:
    """
    @notice Index of the highest set bit; 0 for 0 (callers test for 0 themselves)
    """
    return math._log2(word, False)


@pure
def _lowest_bit(word: uint256) -> uint256:
    """
    @notice Index of the lowest set bit; 0 for 0 (callers test for 0 themselves)
    """
    return math._log2(word & unsafe_add(~word, 1), False)
