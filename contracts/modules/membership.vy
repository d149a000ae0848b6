# pragma version 0.4.3

"""
@title membership
@license AGPL-3.0-only
@author Lastline
@notice What an account in a generation that was closed or charged has now, and how it moves on: out of the old
        generation, at its effective size and notional, into the open one of its effective tick.
@dev Settled means: member of a plain generation (cohorts._is_plain), ADL profit booked. Everything but views
     works on settled accounts.
"""

from ..lib import fixed_math
from ..lib import packing
from ..lib import units
from . import accounts
from . import cohorts
from . import markets
from . import maturity
from . import positions

uses: accounts
uses: cohorts
uses: markets
uses: positions


@view
def _is_settled(m: markets.Market, account: uint256) -> bool:
    word: uint256 = accounts.positions[account][m.id]
    return word & packing.MASK_112 == 0 or cohorts._is_plain(
        packing._position_key(m.id, word), m.rounds
    )


@view
def _peek(m: markets.Market, account: uint256) -> positions.Seat:
    """
    @notice The account as it would be if it were settled; ADL profit not yet booked is in `pending`
    """
    if self._is_settled(m, account):
        return positions._open(m, account, True)
    seat: positions.Seat = positions._open_flat(m.id, account)
    seat.key = packing._position_key(m.id, seat.word)
    pot: uint256 = 0
    seat, pot = self._with_member(m, seat, cohorts._current(seat.key, m))
    return seat


@view
def _with_member(
    m: markets.Market, seat: positions.Seat, c: cohorts.Cohort
) -> (positions.Seat, uint256):
    """
    @notice `seat` with what its member of `c` has: size, notional, funding, and ADL profit as `pending`
    @return The seat, and its member's part of the cohort's pot
    """
    out: positions.Seat = seat
    is_short: bool = cohorts._is_short(seat.key)
    member: cohorts.Member = cohorts._member(
        c,
        is_short,
        seat.word & packing.MASK_112,
        (seat.word >> 112) & packing.MASK_112,
        markets._side_index(m, is_short),
    )
    out.size = member.size
    out.notional = member.notional
    out.cash += member.funding
    out.pending = convert(member.pot, int256)
    if out.size == 0:
        # closed by ADL to the last unit: what rounding left of the notional
        out.pending -= out.notional
        out.notional = 0
    return out, member.pot


def _unseat(m: markets.Market, account: uint256) -> (positions.Seat, uint256):
    """
    @notice An account in hand, with everything pending applied. A member of a generation that was closed or charged
            has left it; nothing of the account itself is written yet (positions._close).
    @return The seat, and the market's open interest now; the caller stores it
    """
    word: uint256 = accounts.positions[account][m.id]
    size: uint256 = word & packing.MASK_112
    key: uint256 = packing._position_key(m.id, word)
    c: cohorts.Cohort = empty(cohorts.Cohort)
    if not self._is_settled(m, account):
        c = cohorts._current(key, m)
    if not cohorts._is_sealed(c):
        if c.size_sum != 0:
            cohorts._store(key, c)
        return positions._open(m, account, True), m.open_interest
    seat: positions.Seat = positions._open_flat(m.id, account)
    seat.key = key
    pot: uint256 = 0
    seat, pot = self._with_member(m, seat, c)
    cohorts._leave(key, c, size, (word >> 112) & packing.MASK_112)
    open_interest: uint256 = m.open_interest
    if not cohorts._is_short(key):
        # one more for the unit that rounding the size down may have lost
        open_interest = fixed_math._saturating_sub(
            open_interest, convert(seat.size, uint256) + 1
        )
    seat.key = 0
    if pot != 0:
        markets._take_pot(m.id, pot)
    pending: int256 = seat.pending
    seat.pending = 0
    return positions._realise(m.id, seat, pending), open_interest


def _settle(m: markets.Market, account: uint256) -> uint256:
    """
    @notice Settle an account in a market; nothing happens if it is settled
    @return The market's open interest now; the caller stores it
    """
    if self._is_settled(m, account):
        return m.open_interest
    market: markets.Market = m
    seat: positions.Seat = empty(positions.Seat)
    seat, market.open_interest = self._unseat(m, account)
    if seat.key != 0:
        return market.open_interest
    key: uint256 = 0
    if seat.size != 0:
        key = cohorts._open_generation(positions._base_key(m, seat), m, max_value(uint256))
    return positions._close(market, seat, key, 0, 0, 0)
