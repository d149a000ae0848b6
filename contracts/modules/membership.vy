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

# Cohort of a member that leaves the market in the same call: it is in no bitmap. Its key is not 0, which
# stands for "in no cohort".
LIMBO_TICK: constant(uint256) = 0
LIMBO_GENERATION: constant(uint256) = 1


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
    return self._with_member(m, seat, cohorts._current(seat.key, m))


@view
def _with_member(
    m: markets.Market, seat: positions.Seat, c: cohorts.Cohort
) -> positions.Seat:
    """
    @notice `seat` with what its member of `c` has: size, notional, funding, and ADL profit as `pending`
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
    return out


def _settle(m: markets.Market, account: uint256, is_leaving: bool) -> uint256:
    """
    @notice Settle an account in a market; nothing happens if it is settled
    @param is_leaving True if the caller closes the position in the same call: then no tick need have room
    @return The market's open interest now; the caller stores it
    """
    if self._is_settled(m, account):
        return m.open_interest
    market: markets.Market = m
    word: uint256 = accounts.positions[account][m.id]
    size: uint256 = word & packing.MASK_112
    key: uint256 = packing._position_key(m.id, word)
    c: cohorts.Cohort = cohorts._current(key, m)
    if not cohorts._is_sealed(c):
        cohorts._store(key, c)
        return m.open_interest
    seat: positions.Seat = positions._open_flat(m.id, account)
    seat.key = key
    seat = self._with_member(m, seat, c)
    cohorts._leave(key, c, size, (word >> 112) & packing.MASK_112)
    if not cohorts._is_short(key):
        # one more for the unit that rounding the size down may have lost
        market.open_interest = fixed_math._saturating_sub(
            market.open_interest, convert(seat.size, uint256) + 1
        )
    seat.key = 0
    pending: int256 = seat.pending
    seat.pending = 0
    if pending > 0:
        markets._take_pot(m.id, convert(pending, uint256))
    seat = positions._realise(m.id, seat, pending)
    if seat.size != 0:
        key = positions._base_key(m, seat)
        if is_leaving:
            key = packing._cohort_key(
                m.id,
                seat.size < 0,
                packing._leverage_class(seat.classes, m.id),
                LIMBO_TICK,
                LIMBO_GENERATION,
            )
            cohorts._store(key, cohorts._current(key, m))
        else:
            key = cohorts._open_generation(key, m, max_value(uint256))
    return positions._close(market, seat, key, 0, 0, 0)
