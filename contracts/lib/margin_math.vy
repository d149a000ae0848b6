# pragma version 0.4.3

"""
@title margin_math
@license AGPL-3.0-only
@author Lastline
@notice A market's configuration words and the margin formulas that read them.
@dev Layouts (bits @ offset):
     margin       four maintenance lines of (rate 16 | deduction 40), rate in 1e-5, deduction in whole quote,
                  @0 @56 @112 @168 | initial factor 16 @224 (1e-3) | max mark age 16 @240 (seconds)
     more lines   four more lines of the same form
     limits       initial rate of each leverage class 4 x 16 @0 (1e-5) | price band 16 @64 (1e-5)
                  | minimum notional 32 @80 | open interest cap 48 @112 | position cap 48 @160 (whole quote)
                  | open interest cap 48 @208 (whole base units)
     liquidation  target health 16 @0 (1e-3) | critical health 16 @16 (1e-3) | cost slope 16 @32 (1e-5)
                  | fund share of cost 16 @48 (1e-3) | deleverage band 16 @64 (1e-5)
                  | auction slippage 16 @80 (1e-5) | auction length 16 @96 (seconds)
                  | reward rate 16 @112 (1e-5) | reward flat 32 @128 (1e-2 quote) | reward cap 32 @160 (quote)
                  | dust 32 @192 (1e-6 quote)
"""

from . import fixed_math
from . import units

MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_48: constant(uint256) = 2**48 - 1
LINE_BITS: constant(uint256) = 56
LINES: constant(uint256) = 4
# Shares and rates in the health formulas have 18 decimals; `NO_HEALTH` stands for "no maintenance margin".
NO_HEALTH: constant(uint256) = max_value(uint256)


@pure
def _rate_at(word: uint256, offset: uint256) -> uint256:
    """
    @notice The 16-bit rate at `offset`, in 18 decimals
    """
    return unsafe_mul((word >> offset) & MASK_16, units.RATE_STEP)


@pure
def _factor_at(word: uint256, offset: uint256) -> uint256:
    """
    @notice The 16-bit factor at `offset`, in 18 decimals
    """
    return unsafe_mul((word >> offset) & MASK_16, units.FACTOR_STEP)


@pure
def _max_mark_age(margin_word: uint256) -> uint256:
    return (margin_word >> 240) & MASK_16


@pure
def _class_rate(limits_word: uint256, leverage_class: uint256) -> uint256:
    return self._rate_at(limits_word, unsafe_mul(leverage_class, 16))


@pure
def _band(limits_word: uint256) -> uint256:
    return self._rate_at(limits_word, 64)


@pure
def _minimum_notional(limits_word: uint256) -> uint256:
    return unsafe_mul((limits_word >> 80) & MASK_32, units.WAD)


@pure
def _open_interest_cap_quote(limits_word: uint256) -> uint256:
    return unsafe_mul((limits_word >> 112) & MASK_48, units.WAD)


@pure
def _position_cap_quote(limits_word: uint256) -> uint256:
    return unsafe_mul((limits_word >> 160) & MASK_48, units.WAD)


@pure
def _open_interest_cap_base(limits_word: uint256) -> uint256:
    return unsafe_mul(limits_word >> 208, units.WAD)


@pure
def _target_health(liquidation_word: uint256) -> uint256:
    return self._factor_at(liquidation_word, 0)


@pure
def _critical_health(liquidation_word: uint256) -> uint256:
    return self._factor_at(liquidation_word, 16)


@pure
def _cost_slope(liquidation_word: uint256) -> uint256:
    return self._rate_at(liquidation_word, 32)


@pure
def _fund_share_of_cost(liquidation_word: uint256) -> uint256:
    return self._factor_at(liquidation_word, 48)


@pure
def _deleverage_band(liquidation_word: uint256) -> uint256:
    return self._rate_at(liquidation_word, 64)


@pure
def _auction_slippage(liquidation_word: uint256) -> uint256:
    return self._rate_at(liquidation_word, 80)


@pure
def _auction_seconds(liquidation_word: uint256) -> uint256:
    return (liquidation_word >> 96) & MASK_16


@pure
def _reward(liquidation_word: uint256, notional: uint256) -> (uint256, uint256):
    """
    @notice What a keeper may earn for resolving `notional`, quote
    @return Flat and proportional, capped; and the proportional part alone, capped
    """
    flat: uint256 = unsafe_mul((liquidation_word >> 128) & MASK_32, 10**16)
    cap: uint256 = unsafe_mul((liquidation_word >> 160) & MASK_32, units.WAD)
    proportional: uint256 = min(
        fixed_math._mul_div_down(notional, self._rate_at(liquidation_word, 112), units.WAD), cap
    )
    return min(flat + proportional, cap), proportional


@pure
def _dust(liquidation_word: uint256) -> uint256:
    """
    @notice Quote below which an inventory or a deficit counts as nothing
    """
    return unsafe_mul((liquidation_word >> 192) & MASK_32, 10**12)


@pure
def _maintenance(notional: uint256, margin_word: uint256, more_lines_word: uint256) -> (uint256, uint256):
    """
    @notice Maintenance margin of a position, and the marginal rate at its notional
    @dev max over lines of (notional * rate - deduction): continuous and convex whatever the borders. The first
         line deducts nothing; an empty line ends the list.
    @param notional Position value at mark, quote
    @return Margin in quote, rounded up; marginal rate, 18 decimals
    """
    marginal: uint256 = unsafe_mul(margin_word & MASK_16, units.RATE_STEP)
    margin: uint256 = fixed_math._wad_mul_up(notional, marginal)
    deducted: uint256 = 0
    word: uint256 = margin_word
    for i: uint256 in range(1, 8):
        if i == LINES:
            word = more_lines_word
        fields: uint256 = word >> unsafe_mul(i & 3, LINE_BITS)
        rate: uint256 = unsafe_mul(fields & MASK_16, units.RATE_STEP)
        if rate == 0:
            break
        deduction: uint256 = unsafe_mul((fields >> 16) & MASK_40, units.WAD)
        # (a deduction has 100 bits: the product fits) Below its border a line asks less than the one before it; borders rise, so do all later lines.
        if notional * (rate - marginal) < unsafe_mul(deduction - deducted, units.WAD):
            break
        deducted = deduction
        margin = fixed_math._wad_mul_up(notional, rate) - deduction
        marginal = rate
    return margin, marginal


@pure
def _initial(
    notional: uint256, maintenance: uint256, margin_word: uint256, limits_word: uint256, leverage_class: uint256
) -> uint256:
    """
    @notice Initial margin: the tier's rate or the leverage class's, whichever asks more; rounded up
    """
    return max(
        fixed_math._wad_mul_up(
            maintenance, unsafe_mul((margin_word >> 224) & MASK_16, units.FACTOR_STEP)
        ),
        fixed_math._wad_mul_up(
            notional,
            unsafe_mul(
                (limits_word >> unsafe_mul(leverage_class, 16)) & MASK_16, units.RATE_STEP
            ),
        ),
    )
