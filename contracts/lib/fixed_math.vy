# pragma version 0.4.3

"""
@title fixed_math
@license AGPL-3.0-only
@author Lastline
@notice The only file that divides. The direction of rounding is in the name; no argument chooses it.
@dev Products are checked 256-bit products: the packed field widths (lib/packing.vy) keep every product
     the ledger forms below 2**255, so no 512-bit intermediate is needed. An overflow reverts.
"""


@pure
def _mul_div_down(a: uint256, b: uint256, divisor: uint256) -> uint256:
    """
    @notice a * b / divisor, rounded toward zero
    """
    return a * b // divisor


@pure
def _mul_div_up(a: uint256, b: uint256, divisor: uint256) -> uint256:
    """
    @notice a * b / divisor, rounded away from zero
    """
    return (a * b + unsafe_sub(divisor, 1)) // divisor


@pure
def _wad_mul(a: uint256, b: uint256) -> (uint256, uint256):
    """
    @notice a * b / 1e18, rounded down and rounded up
    """
    product: uint256 = a * b
    down: uint256 = product // 10**18
    if product == unsafe_mul(down, 10**18):
        return down, down
    return down, unsafe_add(down, 1)


@pure
def _wad_mul_up(a: uint256, b: uint256) -> uint256:
    """
    @notice a * b / 1e18, rounded up
    """
    return (a * b + (10**18 - 1)) // 10**18


@pure
def _rated_up(amount: uint256, rate: uint256) -> uint256:
    """
    @notice `_wad_mul_up` of an amount below 2**188 and a rate or factor below 2**67, whose product cannot overflow
    """
    return unsafe_div(unsafe_add(unsafe_mul(amount, rate), 10**18 - 1), 10**18)


@pure
def _rated_down(amount: uint256, rate: uint256) -> uint256:
    """
    @notice amount * rate / 1e18 of the same amounts and rates, rounded down
    """
    return unsafe_div(unsafe_mul(amount, rate), 10**18)


@pure
def _signed_mul_div_floor(a: int256, b: uint256, divisor: uint256) -> int256:
    """
    @notice a * b / divisor, rounded toward minus infinity
    """
    if a >= 0:
        return convert(convert(a, uint256) * b // divisor, int256)
    return -convert(self._mul_div_up(convert(-a, uint256), b, divisor), int256)


@pure
def _signed_mul_div_ceil(a: int256, b: uint256, divisor: uint256) -> int256:
    """
    @notice a * b / divisor, rounded toward plus infinity
    """
    if a >= 0:
        return convert(self._mul_div_up(convert(a, uint256), b, divisor), int256)
    return -convert(convert(-a, uint256) * b // divisor, int256)


@pure
def _signed_mul_div_toward_zero(a: int256, b: uint256, divisor: uint256) -> int256:
    """
    @notice a * b / divisor, rounded toward zero
    """
    if a >= 0:
        return convert(convert(a, uint256) * b // divisor, int256)
    return -convert(convert(-a, uint256) * b // divisor, int256)


@pure
def _div_down(a: uint256, divisor: uint256) -> uint256:
    """
    @notice a / divisor, rounded down
    """
    return a // divisor


@pure
def _div_up(a: uint256, divisor: uint256) -> uint256:
    """
    @notice a / divisor, rounded up
    """
    return (a + unsafe_sub(divisor, 1)) // divisor


@pure
def _positive_part(a: int256) -> uint256:
    """
    @notice max(a, 0) as an unsigned number
    """
    return convert(max(a, 0), uint256)


@pure
def _magnitude(a: int256) -> uint256:
    """
    @notice |a|; reverts for min_value(int256), which no packed field can hold
    """
    return convert(max(a, unsafe_sub(0, a)), uint256)


@pure
def _saturating_sub(a: uint256, b: uint256) -> uint256:
    """
    @notice max(a - b, 0)
    """
    if a < b:
        return 0
    return unsafe_sub(a, b)
