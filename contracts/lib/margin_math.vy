# pragma version 0.4.3

"""
@title margin_math
@license AGPL-3.0-only
@author Lastline
@notice A market's configuration words and the margin formulas that read them.
@dev Layouts (bits @ offset):
     terms        all that a fill reads: maintenance line 0 rate 16 @0 (1e-5) | line 1 rate 16 @16, deduction 40 @32
                  | initial rate of each leverage class 4 x 16 @72 (1e-5) | initial factor 16 @136 (1e-3)
                  | max mark age 12 @152 (seconds) | price band 12 @164 (1e-5) | minimum notional 16 @176 (as a cap)
                  | max mark age for openings 12 @192 (seconds) | lower cap of open interest 4 @204 (16ths of its cap)
                  | caps: open interest 16 @208 (quote), position 16 @224 (quote), open interest 16 @240 (base)
     more lines   four maintenance lines of (rate 16 | deduction 40) each, rate in 1e-5, deduction in whole quote,
                  at 0, 56, 112 and 168: lines 2 to 5 in one word, lines 6 and 7 in another
     cap          mantissa 11 @0 | exponent 5 @11: mantissa << exponent, whole quote or base units
     liquidation  target health 16 @0 (1e-3) | critical health 16 @16 (1e-3) | cost slope 16 @32 (1e-5)
                  | fund share of cost 16 @48 (1e-3) | deleverage band 16 @64 (1e-5)
                  | auction slippage 16 @80 (1e-5) | auction length 16 @96 (seconds)
                  | reward rate 16 @112 (1e-5) | reward flat 32 @128 (1e-2 quote) | reward cap 32 @160 (quote)
                  | dust 32 @192 (1e-6 quote) | mark step 16 @224 (1e-5)
"""

from . import fixed_math
from . import units

# The field of the lower cap; zero: there is none.
LOWER_CAP: constant(uint256) = 15 << 204
WAD_SQUARED_16TH: constant(uint256) = units.WAD * units.WAD // 16
MASK_12: constant(uint256) = 2**12 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
LINE_BITS: constant(uint256) = 56
LINES: constant(uint256) = 4
CLASSES_AT: constant(uint256) = 72
CAP_MANTISSA: constant(uint256) = 2**11 - 1
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
def _max_mark_age(terms_word: uint256) -> uint256:
    return (terms_word >> 152) & MASK_12


@pure
def _class_rate(terms_word: uint256, leverage_class: uint256) -> uint256:
    return self._rate_at(terms_word >> CLASSES_AT, unsafe_mul(leverage_class, 16))


@pure
def _band(terms_word: uint256) -> uint256:
    return unsafe_mul((terms_word >> 164) & MASK_12, units.RATE_STEP)


@pure
def _minimum_notional(terms_word: uint256) -> uint256:
    # _cap_at in place: every fill reads it
    return unsafe_mul(((terms_word >> 176) & CAP_MANTISSA) << ((terms_word >> 187) & 31), units.WAD)


@pure
def _max_opening_age(terms_word: uint256) -> uint256:
    return (terms_word >> 192) & MASK_12


@pure
def _cap_at(terms_word: uint256, offset: uint256) -> uint256:
    """
    @notice The cap at `offset`, quote or base, 18 decimals
    """
    cap: uint256 = (terms_word >> offset) & MASK_16
    return unsafe_mul((cap & CAP_MANTISSA) << (cap >> 11), units.WAD)


@pure
def _open_interest_cap_quote(terms_word: uint256) -> uint256:
    return self._cap_at(terms_word, 208)


@pure
def _position_cap_quote(terms_word: uint256) -> uint256:
    return self._cap_at(terms_word, 224)


@pure
def _open_interest_cap_base(terms_word: uint256) -> uint256:
    return self._cap_at(terms_word, 240)


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
def _reward_flat(liquidation_word: uint256) -> uint256:
    return unsafe_mul((liquidation_word >> 128) & MASK_32, 10**16)


@pure
def _reward_cap(liquidation_word: uint256) -> uint256:
    return unsafe_mul((liquidation_word >> 160) & MASK_32, units.WAD)


@pure
def _reward(liquidation_word: uint256, notional: uint256) -> (uint256, uint256):
    """
    @notice What a keeper may earn for resolving `notional`, quote
    @return Flat and proportional, capped; and the proportional part alone, capped
    """
    # _reward_flat and _reward_cap in place: there is no room for them in the part that absorbs
    flat: uint256 = unsafe_mul((liquidation_word >> 128) & MASK_32, 10**16)
    cap: uint256 = unsafe_mul((liquidation_word >> 160) & MASK_32, units.WAD)
    proportional: uint256 = min(
        fixed_math._mul_div_down(notional, self._rate_at(liquidation_word, 112), units.WAD), cap
    )
    return min(flat + proportional, cap), proportional


@pure
def _is_absorbable(equity: int256, maintenance: uint256, critical_health: uint256) -> bool:
    """
    @notice True below zero, or with a position and a health under the critical one
    @param equity Signed quote
    @param critical_health The lowest of the account's markets, 18 decimals
    """
    return equity < 0 or (
        maintenance != 0 and convert(equity, uint256) * units.WAD < critical_health * maintenance
    )


@pure
def _without_lines(terms_word: uint256) -> uint256:
    """
    @notice Terms without maintenance lines
    """
    return (terms_word >> CLASSES_AT) << CLASSES_AT


@pure
def _without_deleverage_band(liquidation_word: uint256) -> uint256:
    return liquidation_word & ~(MASK_16 << 64)


@pure
def _dust(liquidation_word: uint256) -> uint256:
    """
    @notice Quote below which an inventory or a deficit counts as nothing
    """
    return unsafe_mul((liquidation_word >> 192) & MASK_32, 10**12)


@pure
def _mark_step(liquidation_word: uint256) -> uint256:
    """
    @notice Largest move of the mark at once, share of it; 0 for no limit
    """
    return self._rate_at(liquidation_word, 224)


@pure
def _asks_more(
    notional: uint256, marginal: uint256, deducted: uint256, rate: uint256, deduction: uint256
) -> bool:
    """
    @notice True if the maintenance line (`rate`, `deduction`) asks at least what the line before it asks
    @dev Below its border it asks less. A deduction has 100 bits: the products fit.
    """
    return rate != 0 and notional * (rate - marginal) >= unsafe_mul(
        deduction - deducted, units.WAD
    )


@pure
def _lines(
    notional: uint256, margin: uint256, marginal: uint256, deducted: uint256, lines_word: uint256
) -> (uint256, uint256, uint256, bool):
    """
    @notice Maintenance margin by up to four more lines
    @dev Margin = max over lines of (notional * rate - deduction): continuous and convex whatever the borders. The
         first line deducts nothing; borders rise; an empty line ends the list.
    @param notional Position value at mark, quote
    @param margin What the lines before ask; `marginal`, `deducted`: the last one's rate and deduction
    @return Margin in quote, rounded up; marginal rate, 18 decimals; its deduction; True if the next word's lines may
            ask more still
    """
    asked: uint256 = margin
    last_rate: uint256 = marginal
    last_deduction: uint256 = deducted
    for i: uint256 in range(LINES):
        fields: uint256 = lines_word >> unsafe_mul(i, LINE_BITS)
        rate: uint256 = unsafe_mul(fields & MASK_16, units.RATE_STEP)
        deduction: uint256 = unsafe_mul((fields >> 16) & MASK_40, units.WAD)
        if not self._asks_more(notional, last_rate, last_deduction, rate, deduction):
            return asked, last_rate, last_deduction, False
        asked = fixed_math._rated_up(notional, rate) - deduction
        last_rate = rate
        last_deduction = deduction
    return asked, last_rate, last_deduction, True


@pure
def _initial_in_crowd(
    notional: uint256, initial: uint256, open_interest: uint256, terms_word: uint256
) -> uint256:
    """
    @notice Initial margin in a market whose open interest is between its lower cap and its cap: it rises linearly from
            `initial` to all of the notional; rounded up. Source: dYdX v4, open-interest-scaled initial margin
    @param open_interest Quote at mark
    """
    cap: uint256 = self._open_interest_cap_quote(terms_word)
    # a cap is a multiple of 16
    span: uint256 = unsafe_mul(cap >> 4, unsafe_sub(16, (terms_word >> 204) & 15))
    beyond: uint256 = min(fixed_math._saturating_sub(open_interest, unsafe_sub(cap, span)), span)
    if beyond == 0 or initial >= notional:
        return initial
    return initial + fixed_math._mul_div_up(unsafe_sub(notional, initial), beyond, span)


@pure
def _without_idle_lower_cap(terms_word: uint256, open_interest: uint256, mark: uint256) -> uint256:
    """
    @notice The terms without a lower cap that the open interest is not beyond: then no side of a trade needs to look at it
    @param open_interest Base
    """
    share: uint256 = terms_word & LOWER_CAP
    if share == 0:
        return terms_word
    # _open_interest_cap_quote in sixteenths, times WAD (a size is less than 2**112, a price than 2**104, the cap than 2**42 * WAD)
    cap: uint256 = terms_word >> 208
    sixteenth: uint256 = unsafe_mul((cap & CAP_MANTISSA) << ((cap >> 11) & 31), WAD_SQUARED_16TH)
    if unsafe_mul(open_interest, mark) > unsafe_mul(sixteenth, share >> 204):
        return terms_word
    return terms_word ^ share


@pure
def _initial(
    notional: uint256, maintenance: uint256, terms_word: uint256, leverage_class: uint256
) -> uint256:
    """
    @notice Initial margin: the tier's rate or the leverage class's, whichever asks more; rounded up
    """
    return max(
        fixed_math._rated_up(
            maintenance, unsafe_mul((terms_word >> 136) & MASK_16, units.FACTOR_STEP)
        ),
        fixed_math._rated_up(
            notional,
            unsafe_mul(
                (terms_word >> unsafe_add(CLASSES_AT, unsafe_mul(leverage_class, 16))) & MASK_16,
                units.RATE_STEP,
            ),
        ),
    )
