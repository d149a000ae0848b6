# pragma version 0.4.3

"""
@title margin
@license AGPL-3.0-only
@author Lastline
@notice What an account is worth, what it must hold, and which changes its final state allows.
@dev equity E = cash + maturing profit + unrealised; health h = E / maintenance margin;
     hole K = sum over markets of max(0, initial margin - unrealised) - cash: open profit is margin only in
     its own market, maturing profit only for maintenance. K <= 0 implies E >= initial margin.
"""

from ..lib import fixed_math
from ..lib import margin_math
from ..lib import packing
from ..lib import price_tick
from ..lib import units
from . import accounts
from . import markets
from . import maturity
from . import positions

uses: accounts
uses: markets
uses: maturity
uses: positions

# Sums over an account's markets; effective figures, quote.
struct Risk:
    cash: int256
    maturing: uint256
    unrealised: int256
    losses: int256  # sum of min(0, unrealised)
    maintenance: uint256
    initial_gap: uint256  # sum of max(0, initial margin - unrealised)
    is_stale: bool  # of the markets gone through by `_elsewhere`
    worth: uint256  # value at mark of the last position added, rounded up


@view
def _elsewhere(account: uint256, bitmap: uint256, skip: uint256, multiplier: uint256) -> Risk:
    """
    @notice A settled account's risk in all its markets but `skip`; its own cash not included
    @param skip Market left out; 255 for none
    """
    risk: Risk = empty(Risk)
    rest: uint256 = bitmap
    if skip < units.MAX_MARKETS:
        rest &= ~packing._bit(skip)
    if rest == 0:
        return risk
    cash: int256 = packing._account(accounts.words[account]).cash
    for i: uint256 in range(units.MAX_ACCOUNT_MARKETS):
        if rest == 0:
            break
        m: markets.Market = markets._peek(price_tick._lowest_bit(rest))
        rest &= unsafe_sub(rest, 1)
        seat: positions.Seat = positions._open(m, account, True)
        seat.cash -= cash
        risk = self._with(risk, m, seat, multiplier)
        if seat.size != 0 and not markets._is_fresh_for_opening(m):
            risk.is_stale = True
    return risk


@view
def _with(risk: Risk, m: markets.Market, seat: positions.Seat, multiplier: uint256) -> Risk:
    """
    @notice Add a seat's cash, maturing profit and position to a risk
    @dev ADL profit not yet booked counts as maturing
    """
    out: Risk = risk
    out.cash += seat.cash
    if seat.has_maturing:
        out.maturing += maturity._worth(m.id, seat.maturing)
    if seat.pending > 0:
        out.maturing += convert(seat.pending, uint256)
    elif seat.pending != 0:
        out.cash += seat.pending
    out.worth = 0
    if seat.size == 0:
        return out
    down: uint256 = 0
    down, out.worth = fixed_math._wad_mul(fixed_math._magnitude(seat.size), m.mark)
    unrealised: int256 = -seat.notional
    if seat.size > 0:
        unrealised += convert(down, int256)
    else:
        unrealised -= convert(out.worth, int256)
    maintenance: uint256 = 0
    marginal: uint256 = 0
    initial: uint256 = 0
    maintenance, marginal, initial = self._requirements(
        m, seat.classes >> unsafe_mul(m.id, 2) & 3, out.worth, multiplier
    )
    out.unrealised += unrealised
    if unrealised < 0:
        out.losses += unrealised
    out.maintenance += maintenance
    gap: int256 = convert(initial, int256) - unrealised
    if gap > 0:
        out.initial_gap += convert(gap, uint256)
    return out


@view
def _worth_alone(m: markets.Market, seat: positions.Seat) -> int256:
    """
    @notice A seat's part of equity: cash, maturing profit, open profit at mark rounded down
    """
    worth: int256 = seat.cash
    if seat.size != 0:
        worth += self._unrealised(m, seat)
    if seat.has_maturing:
        worth += convert(maturity._worth(m.id, seat.maturing), int256)
    return worth


@view
def _unrealised(m: markets.Market, seat: positions.Seat) -> int256:
    """
    @notice Open profit of a seat at mark, rounded down
    """
    return fixed_math._signed_mul_div_floor(seat.size, m.mark, units.WAD) - seat.notional


@view
def _margins(
    m: markets.Market, seat: positions.Seat, multiplier: uint256
) -> (uint256, uint256, uint256):
    """
    @return Maintenance margin, marginal maintenance rate (18 decimals), initial margin
    """
    return self._requirements(
        m, packing._leverage_class(seat.classes, m.id), self._value(m, seat), multiplier
    )


@view
def _requirements(
    m: markets.Market, leverage_class: uint256, worth: uint256, multiplier: uint256
) -> (uint256, uint256, uint256):
    """
    @notice Maintenance margin, marginal rate and initial margin of a position worth `worth` at mark
    """
    marginal: uint256 = unsafe_mul(m.terms_word & packing.MASK_16, units.RATE_STEP)
    maintenance: uint256 = fixed_math._rated_up(worth, marginal)
    rate: uint256 = unsafe_mul((m.terms_word >> 16) & packing.MASK_16, units.RATE_STEP)
    deduction: uint256 = unsafe_mul((m.terms_word >> 32) & packing.MASK_40, units.WAD)
    if margin_math._asks_more(worth, marginal, 0, rate, deduction):
        maintenance = fixed_math._rated_up(worth, rate) - deduction
        marginal = rate
        word: uint256 = markets.more_lines_words[m.id]
        for i: uint256 in range(2):
            is_open: bool = False
            maintenance, marginal, deduction, is_open = margin_math._lines(
                worth, maintenance, marginal, deduction, word
            )
            if not is_open:
                break
            word = markets.last_lines_words[m.id]
    initial: uint256 = margin_math._initial(worth, maintenance, m.terms_word, leverage_class)
    if m.terms_word & margin_math.LOWER_CAP != 0:
        # the open interest before this call
        initial = margin_math._initial_in_crowd(
            worth,
            initial,
            fixed_math._wad_mul_up(markets.flow_words[m.id] & packing.MASK_112, m.mark),
            m.terms_word,
        )
    if multiplier != units.WAD:
        maintenance = fixed_math._wad_mul_up(maintenance, multiplier)
        marginal = fixed_math._wad_mul_up(marginal, multiplier)
        initial = fixed_math._wad_mul_up(initial, multiplier)
    return maintenance, marginal, initial


@pure
def _value(m: markets.Market, seat: positions.Seat) -> uint256:
    """
    @notice Size at mark, quote, rounded up
    """
    return fixed_math._wad_mul_up(fixed_math._magnitude(seat.size), m.mark)


@pure
def _equity(risk: Risk) -> int256:
    return risk.cash + convert(risk.maturing, int256) + risk.unrealised


@pure
def _hole(risk: Risk) -> int256:
    return convert(risk.initial_gap, int256) - risk.cash


@pure
def _withdrawable(risk: Risk) -> uint256:
    """
    @notice max(0, min(-K, cash + losses - maintenance)), quote
    """
    return fixed_math._positive_part(
        min(
            -self._hole(risk),
            risk.cash + risk.losses - convert(risk.maintenance, int256),
        )
    )


@pure
def _is_not_less_healthy(before: Risk, after: Risk) -> bool:
    """
    @notice True if health did not fall; both equities are at least 0
    """
    if after.maintenance == 0:
        return True
    return self._equity(after) * convert(before.maintenance, int256) >= (
        self._equity(before) * convert(after.maintenance, int256)
    )


@view
def _require_opening_allowed(terms_word: uint256, risk: Risk):
    """
    @notice Final-state test of a change that adds risk, in a market whose mark is fresh
    @dev Reverts "margin: stale mark", "margin: below initial margin", "margin: position cap"
    """
    assert not risk.is_stale, "margin: stale mark"
    assert convert(risk.initial_gap, int256) <= risk.cash, "margin: below initial margin"
    assert (
        risk.worth <= margin_math._position_cap_quote(terms_word)
    ), "margin: position cap"


@pure
def _require_solvent(equity: int256):
    """
    @dev Reverts "margin: account insolvent"
    """
    assert equity >= 0, "margin: account insolvent"


@pure
def _require_reduction_allowed(before: Risk, after: Risk):
    """
    @notice Final-state test of a voluntary reduction
    @dev Reverts "margin: account insolvent", "margin: deeper hole", "margin: health falls"
    """
    equity: int256 = self._equity(after)
    equity_before: int256 = self._equity(before)
    self._require_solvent(min(equity, equity_before))
    if after.maintenance == 0:
        return
    assert self._hole(after) <= max(self._hole(before), 0), "margin: deeper hole"
    # as in _is_not_less_healthy
    assert equity * convert(before.maintenance, int256) >= (
        equity_before * convert(after.maintenance, int256)
    ), "margin: health falls"
