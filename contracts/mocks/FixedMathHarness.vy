# pragma version 0.4.3

"""
@title FixedMathHarness
@license AGPL-3.0-only
@author Lastline
@notice lib/fixed_math.vy for tests to call
"""

from ..lib import fixed_math


@external
@pure
def mul_div_down(a: uint256, b: uint256, divisor: uint256) -> uint256:
    return fixed_math._mul_div_down(a, b, divisor)


@external
@pure
def mul_div_up(a: uint256, b: uint256, divisor: uint256) -> uint256:
    return fixed_math._mul_div_up(a, b, divisor)


@external
@pure
def signed_mul_div_floor(a: int256, b: uint256, divisor: uint256) -> int256:
    return fixed_math._signed_mul_div_floor(a, b, divisor)


@external
@pure
def signed_mul_div_toward_zero(a: int256, b: uint256, divisor: uint256) -> int256:
    return fixed_math._signed_mul_div_toward_zero(a, b, divisor)


@external
@pure
def signed_mul_div_ceil(a: int256, b: uint256, divisor: uint256) -> int256:
    return fixed_math._signed_mul_div_ceil(a, b, divisor)


@external
@pure
def div_up(a: uint256, divisor: uint256) -> uint256:
    return fixed_math._div_up(a, divisor)


@external
@pure
def div_down(a: uint256, divisor: uint256) -> uint256:
    return fixed_math._div_down(a, divisor)


@external
@pure
def rated_up(amount: uint256, rate: uint256) -> uint256:
    return fixed_math._rated_up(amount, rate)


@external
@pure
def rated_down(amount: uint256, rate: uint256) -> uint256:
    return fixed_math._rated_down(amount, rate)


@external
@pure
def positive_part(a: int256) -> uint256:
    return fixed_math._positive_part(a)


@external
@pure
def magnitude(a: int256) -> uint256:
    return fixed_math._magnitude(a)


@external
@pure
def saturating_sub(a: uint256, b: uint256) -> uint256:
    return fixed_math._saturating_sub(a, b)


@external
@pure
def wad_mul(a: uint256, b: uint256) -> (uint256, uint256):
    return fixed_math._wad_mul(a, b)


@external
@pure
def wad_mul_up(a: uint256, b: uint256) -> uint256:
    return fixed_math._wad_mul_up(a, b)
