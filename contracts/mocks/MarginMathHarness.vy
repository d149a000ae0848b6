# pragma version 0.4.3

"""
@title MarginMathHarness
@license AGPL-3.0-only
@author Lastline
@notice lib/margin_math.vy for tests to call
"""

from ..lib import margin_math


@external
@pure
def asks_more(
    notional: uint256, marginal: uint256, deducted: uint256, rate: uint256, deduction: uint256
) -> bool:
    return margin_math._asks_more(notional, marginal, deducted, rate, deduction)


@external
@pure
def lines(
    notional: uint256, margin: uint256, marginal: uint256, deducted: uint256, lines_word: uint256
) -> (uint256, uint256, uint256, bool):
    return margin_math._lines(notional, margin, marginal, deducted, lines_word)


@external
@pure
def initial(
    notional: uint256,
    maintenance: uint256,
    terms_word: uint256,
    leverage_class: uint256,
) -> uint256:
    return margin_math._initial(notional, maintenance, terms_word, leverage_class)


@external
@pure
def reward(liquidation_word: uint256, notional: uint256) -> (uint256, uint256):
    return margin_math._reward(liquidation_word, notional)


@external
@pure
def max_mark_age(word: uint256) -> uint256:
    return margin_math._max_mark_age(word)


@external
@pure
def class_rate(word: uint256, leverage_class: uint256) -> uint256:
    return margin_math._class_rate(word, leverage_class)


@external
@pure
def band(word: uint256) -> uint256:
    return margin_math._band(word)


@external
@pure
def minimum_notional(word: uint256) -> uint256:
    return margin_math._minimum_notional(word)


@external
@pure
def open_interest_cap_quote(word: uint256) -> uint256:
    return margin_math._open_interest_cap_quote(word)


@external
@pure
def position_cap_quote(word: uint256) -> uint256:
    return margin_math._position_cap_quote(word)


@external
@pure
def open_interest_cap_base(word: uint256) -> uint256:
    return margin_math._open_interest_cap_base(word)


@external
@pure
def target_health(word: uint256) -> uint256:
    return margin_math._target_health(word)


@external
@pure
def critical_health(word: uint256) -> uint256:
    return margin_math._critical_health(word)


@external
@pure
def cost_slope(word: uint256) -> uint256:
    return margin_math._cost_slope(word)


@external
@pure
def fund_share_of_cost(word: uint256) -> uint256:
    return margin_math._fund_share_of_cost(word)


@external
@pure
def deleverage_band(word: uint256) -> uint256:
    return margin_math._deleverage_band(word)


@external
@pure
def auction_slippage(word: uint256) -> uint256:
    return margin_math._auction_slippage(word)


@external
@pure
def auction_seconds(word: uint256) -> uint256:
    return margin_math._auction_seconds(word)


@external
@pure
def dust(word: uint256) -> uint256:
    return margin_math._dust(word)


@external
@pure
def max_opening_age(word: uint256) -> uint256:
    return margin_math._max_opening_age(word)


@external
@pure
def mark_step(word: uint256) -> uint256:
    return margin_math._mark_step(word)


@external
@pure
def has_lower_cap(word: uint256) -> bool:
    return word & margin_math.LOWER_CAP != 0


@external
@pure
def initial_in_crowd(
    notional: uint256, initial: uint256, open_interest: uint256, terms_word: uint256
) -> uint256:
    return margin_math._initial_in_crowd(notional, initial, open_interest, terms_word)


@external
@pure
def without_idle_lower_cap(terms_word: uint256, open_interest: uint256, mark: uint256) -> uint256:
    return margin_math._without_idle_lower_cap(terms_word, open_interest, mark)
