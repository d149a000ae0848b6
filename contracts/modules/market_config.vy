# pragma version 0.4.3

"""
@title market_config
@license AGPL-3.0-only
@author Lastline
@notice Checks what governance wants of a market against hard bounds, packs it and stores it.
"""

from ..interfaces import IMarginVaultConsole
from ..lib import fixed_math
from ..lib import margin_math
from ..lib import units
from . import markets

uses: markets

MAX_RATE: constant(uint256) = 5 * 10**17
MAX_SLIPPAGE: constant(uint256) = 10**17
MAX_BAND: constant(uint256) = 10**16
MIN_CLASS_RATE: constant(uint256) = 5 * 10**15
MAX_MARK_AGE: constant(uint256) = 3600
LOWER_CAP_STEP: constant(uint256) = units.WAD // 16


@pure
def _steps(amount: uint256, step: uint256, bits: uint256) -> uint256:
    """
    @notice `amount` in whole steps
    @dev Reverts "config: not in steps", "config: too large"
    """
    count: uint256 = fixed_math._mul_div_down(amount, 1, step)
    assert count * step == amount, "config: not in steps"
    assert count >> bits == 0, "config: too large"
    return count


@pure
def _cap(amount: uint256) -> uint256:
    """
    @notice A cap of whole units as mantissa and exponent, rounded down to 11 significant bits
    @dev Reverts "config: not in steps", "config: too large"
    """
    mantissa: uint256 = self._steps(amount, units.WAD, 42)
    exponent: uint256 = 0
    for i: uint256 in range(31):
        if mantissa < 2048:
            break
        mantissa >>= 1
        exponent += 1
    return mantissa | (exponent << 11)


@pure
def _exact_cap(amount: uint256) -> uint256:
    """
    @notice `_cap` of an amount that it must not round
    @dev Reverts "config: not in steps", "config: too large"
    """
    cap: uint256 = self._cap(amount)
    assert margin_math._cap_at(cap, 0) == amount, "config: not in steps"
    return cap


@pure
def _line(rate: uint256, deduction: uint256) -> uint256:
    return self._steps(rate, units.RATE_STEP, 16) | (self._steps(deduction, units.WAD, 40) << 16)


@pure
def _lines_word(
    rates: DynArray[uint256, 8], deductions: DynArray[uint256, 8], first: uint256, count: uint256
) -> uint256:
    """
    @notice Maintenance lines from `first` on, at most `count`
    """
    word: uint256 = 0
    for i: uint256 in range(4):
        n: uint256 = first + i
        if i == count or n >= len(rates):
            break
        word |= self._line(rates[n], deductions[n]) << (56 * i)
    return word


def _set_margin(market: uint256, c: IMarginVaultConsole.MarginConfig):
    """
    @dev Reverts "config: margin lines", "config: initial factor", "config: mark age", "config: lower cap",
         "config: price band", "config: class rate", "config: minimum notional", "config: not in steps",
         "config: too large", "config: reward" (the market's flat reward would be too much)
    """
    count: uint256 = len(c.line_rates)
    assert count != 0 and count == len(c.line_deductions), "config: margin lines"
    assert c.line_deductions[0] == 0 and c.line_rates[0] != 0, "config: margin lines"
    last_rise: uint256 = 1
    last_step: uint256 = 0
    for i: uint256 in range(1, count, bound=8):
        # rates, deductions and the borders between lines rise
        rise: uint256 = fixed_math._saturating_sub(c.line_rates[i], c.line_rates[i - 1])
        step: uint256 = fixed_math._saturating_sub(c.line_deductions[i], c.line_deductions[i - 1])
        assert rise != 0 and step * last_rise > last_step * rise, "config: margin lines"
        last_rise = rise
        last_step = step
    assert c.line_rates[count - 1] <= MAX_RATE, "config: margin lines"
    assert (
        c.initial_factor > units.WAD and c.initial_factor <= 10 * units.WAD
    ), "config: initial factor"
    assert (
        c.max_opening_age != 0
        and c.max_opening_age <= c.max_mark_age
        and c.max_mark_age <= MAX_MARK_AGE
    ), "config: mark age"
    assert c.lower_cap_share <= units.WAD, "config: lower cap"
    assert c.price_band != 0 and c.price_band <= MAX_BAND, "config: price band"
    assert c.minimum_notional != 0, "config: minimum notional"
    classes: uint256 = 0
    for i: uint256 in range(4):
        rate: uint256 = c.class_rates[i]
        # whatever is opened at the band's edge still has equity, and margin above maintenance
        assert (
            rate > c.price_band + units.MAX_FEE_RATE
            and rate >= MIN_CLASS_RATE
            and rate > c.line_rates[0]
            and rate <= MAX_RATE
        ), "config: class rate"
        classes |= self._steps(rate, units.RATE_STEP, 16) << (16 * i)
    old_terms: uint256 = markets.terms_words[market]
    old_more: uint256 = markets.more_lines_words[market]
    old_last: uint256 = markets.last_lines_words[market]
    terms: uint256 = (
        self._steps(c.line_rates[0], units.RATE_STEP, 16)
        | (self._lines_word(c.line_rates, c.line_deductions, 1, 1) << 16)
        | (classes << 72)
        | (self._steps(c.initial_factor, units.FACTOR_STEP, 16) << 136)
        | (c.max_mark_age << 152)
        | (self._steps(c.price_band, units.RATE_STEP, 12) << 164)
        | (self._exact_cap(c.minimum_notional) << 176)
        | (c.max_opening_age << 192)
        | ((self._steps(c.lower_cap_share, LOWER_CAP_STEP, 5) & 15) << 204)
        | (self._cap(c.open_interest_cap_quote) << 208)
        | (self._cap(c.position_cap_quote) << 224)
        | (self._cap(c.open_interest_cap_base) << 240)
    )
    more: uint256 = self._lines_word(c.line_rates, c.line_deductions, 2, 4)
    last: uint256 = self._lines_word(c.line_rates, c.line_deductions, 6, 2)
    self._require_reward(terms, margin_math._reward_flat(markets.liquidation_words[market]))
    markets.terms_words[market] = terms
    markets.more_lines_words[market] = more
    markets.last_lines_words[market] = last
    log IMarginVaultConsole.MarketConfigured(
        market=market,
        terms_word=terms,
        more_lines_word=more,
        last_lines_word=last,
        old_terms_word=old_terms,
        old_more_lines_word=old_more,
        old_last_lines_word=old_last,
    )


def _set_final(market: uint256):
    """
    @notice A settled market's terms: a position that no price can change any more needs no maintenance margin, and ADL
            closes at the settlement price (its band is zero)
    """
    terms: uint256 = markets.terms_words[market]
    more: uint256 = markets.more_lines_words[market]
    last: uint256 = markets.last_lines_words[market]
    word: uint256 = markets.liquidation_words[market]
    markets.terms_words[market] = margin_math._without_lines(terms)
    markets.more_lines_words[market] = 0
    markets.last_lines_words[market] = 0
    markets.liquidation_words[market] = margin_math._without_deleverage_band(word)
    log IMarginVaultConsole.MarketConfigured(
        market=market,
        terms_word=markets.terms_words[market],
        more_lines_word=0,
        last_lines_word=0,
        old_terms_word=terms,
        old_more_lines_word=more,
        old_last_lines_word=last,
    )
    log IMarginVaultConsole.LiquidationConfigured(
        market=market,
        liquidation_word=markets.liquidation_words[market],
        old_liquidation_word=word,
    )


@pure
def _require_reward(terms_word: uint256, flat: uint256):
    """
    @notice A keeper never earns more than a quarter of the least margin a position was opened with
    @dev Reverts "config: reward"
    """
    lowest: uint256 = max_value(uint256)
    for i: uint256 in range(4):
        lowest = min(lowest, margin_math._class_rate(terms_word, i))
    assert flat <= fixed_math._mul_div_down(
        margin_math._minimum_notional(terms_word), lowest, 4 * units.WAD
    ), "config: reward"


def _set_liquidation(market: uint256, c: IMarginVaultConsole.LiquidationConfig):
    """
    @dev Reverts "config: health", "config: liquidation cost", "config: deleverage band", "config: auction",
         "config: reward", "config: dust", "config: mark step", "config: not in steps", "config: too large"
    """
    assert (
        c.target_health > units.WAD
        and c.target_health <= 3 * units.WAD
        and c.critical_health < units.WAD
    ), "config: health"
    assert (
        c.cost_slope <= MAX_RATE and c.fund_share != 0 and c.fund_share <= units.WAD
    ), "config: liquidation cost"
    assert c.deleverage_band != 0 and c.deleverage_band <= MAX_RATE, "config: deleverage band"
    assert c.auction_seconds != 0 and c.auction_slippage <= MAX_SLIPPAGE, "config: auction"
    self._require_reward(markets.terms_words[market], c.reward_flat)
    assert c.reward_rate <= units.MAX_FEE_RATE, "config: reward"
    assert c.dust <= 100 * units.WAD, "config: dust"
    assert c.max_mark_step <= MAX_RATE, "config: mark step"
    old: uint256 = markets.liquidation_words[market]
    word: uint256 = (
        self._steps(c.target_health, units.FACTOR_STEP, 16)
        | (self._steps(c.critical_health, units.FACTOR_STEP, 16) << 16)
        | (self._steps(c.cost_slope, units.RATE_STEP, 16) << 32)
        | (self._steps(c.fund_share, units.FACTOR_STEP, 16) << 48)
        | (self._steps(c.deleverage_band, units.RATE_STEP, 16) << 64)
        | (self._steps(c.auction_slippage, units.RATE_STEP, 16) << 80)
        | (self._steps(c.auction_seconds, 1, 16) << 96)
        | (self._steps(c.reward_rate, units.RATE_STEP, 16) << 112)
        | (self._steps(c.reward_flat, 10**16, 32) << 128)
        | (self._steps(c.reward_cap, units.WAD, 32) << 160)
        | (self._steps(c.dust, 10**12, 32) << 192)
        | (self._steps(c.max_mark_step, units.RATE_STEP, 16) << 224)
    )
    markets.liquidation_words[market] = word
    log IMarginVaultConsole.LiquidationConfigured(
        market=market, liquidation_word=word, old_liquidation_word=old
    )
