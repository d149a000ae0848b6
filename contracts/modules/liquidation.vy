# pragma version 0.4.3

"""
@title liquidation
@license AGPL-3.0-only
@author Lastline
@notice Prices and amounts of a take-over, computed by the kernel so that no engine can choose them. A close against
        resting orders costs the account no more.
@dev Cost rate kappa: 0 at health 1, rising by the market's slope, at most h * MM_m / notional_m. Up to that
     bound closing any part leaves health where it was or higher, and the price is never past bankruptcy.
     Size: what restores the target health tau, s = (tau * MM - E) / (p * (tau * m - kappa)), m the marginal
     maintenance rate; at least the minimum notional.
"""

from ..lib import fixed_math
from ..lib import margin_math
from ..lib import packing
from ..lib import units
from . import margin
from . import markets
from . import positions

uses: margin
uses: markets

struct Plan:
    change: int256  # of the liquidated position
    price: uint256  # of the transfer
    fee: uint256  # from the liquidated account to the fund
    kappa: uint256  # what discount and fee cost it, share of notional
    health: uint256
    is_whole: bool  # all that would be taken without a limit


# What rounding a few margins up may cost, in units of an 18-decimals rate.
KAPPA_GUARD: constant(uint256) = 10


@view
def _plan(
    m: markets.Market, seat: positions.Seat, risk: margin.Risk, multiplier: uint256, max_size: uint256
) -> Plan:
    """
    @notice How much of `seat` may be taken over now, and at what price
    @dev Reverts "margin: account insolvent", "margin: account healthy", "vault: size leaves dust"
    @param max_size Most the taker wants, base
    """
    equity: int256 = margin._equity(risk)
    assert equity >= 0, "margin: account insolvent"
    assert convert(equity, uint256) < risk.maintenance, "margin: account healthy"
    margin_here: uint256 = 0
    marginal: uint256 = 0
    initial: uint256 = 0
    margin_here, marginal, initial = margin._margins(m, seat, multiplier)
    word: uint256 = markets.liquidation_words[m.id]
    health: uint256 = fixed_math._mul_div_down(
        convert(equity, uint256), units.WAD, risk.maintenance
    )
    kappa: uint256 = self._cost_rate(m, seat, margin_here, health, word)
    held: uint256 = fixed_math._magnitude(seat.size)
    size: uint256 = self._size(m, risk, held, marginal, kappa, equity, word)
    is_whole: bool = size <= max_size
    size = min(size, max_size)
    rest: uint256 = held - size
    if rest != 0 and fixed_math._mul_div_down(
        rest, m.mark, units.WAD
    ) < margin_math._minimum_notional(m.terms_word):
        assert max_size >= held, "vault: size leaves dust"
        size = held
    assert size != 0, "vault: zero size"
    fund_share: uint256 = margin_math._fund_share_of_cost(word)
    fund_rate: uint256 = fixed_math._mul_div_down(kappa, fund_share, units.WAD)
    discount: uint256 = fixed_math._mul_div_down(m.mark, kappa - fund_rate, units.WAD)
    plan: Plan = Plan(
        change=convert(size, int256),
        price=m.mark + discount,
        fee=fixed_math._mul_div_down(
            fixed_math._mul_div_down(size, m.mark, units.WAD), fund_rate, units.WAD
        ),
        kappa=kappa,
        health=health,
        is_whole=is_whole,
    )
    if seat.size > 0:
        plan.change = -plan.change
        plan.price = m.mark - discount
    return plan


@view
def _cost_rate(
    m: markets.Market, seat: positions.Seat, margin_here: uint256, health: uint256, word: uint256
) -> uint256:
    """
    @notice kappa, share of notional, 18 decimals
    """
    limit: uint256 = fixed_math._mul_div_down(
        fixed_math._mul_div_down(health, margin_here, units.WAD), units.WAD, margin._value(m, seat)
    )
    slope: uint256 = fixed_math._mul_div_down(
        margin_math._cost_slope(word), units.WAD - health, units.WAD
    )
    return min(slope, fixed_math._saturating_sub(limit, KAPPA_GUARD))


@view
def _size(
    m: markets.Market,
    risk: margin.Risk,
    held: uint256,
    marginal: uint256,
    kappa: uint256,
    equity: int256,
    word: uint256,
) -> uint256:
    """
    @notice Base to close so that health reaches its target, at least the minimum notional, so that anybody can take it;
            everything if no part would do
    """
    target: uint256 = margin_math._target_health(word)
    gain: uint256 = fixed_math._mul_div_down(target, marginal, units.WAD)
    if gain <= kappa:
        return held
    missing: uint256 = fixed_math._mul_div_up(target, risk.maintenance, units.WAD) - convert(
        equity, uint256
    )
    notional: uint256 = max(
        fixed_math._mul_div_up(missing, units.WAD, gain - kappa),
        margin_math._minimum_notional(m.terms_word),
    )
    return min(held, fixed_math._mul_div_up(notional, units.WAD, m.mark))
