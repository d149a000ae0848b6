# pragma version 0.4.3

"""
@title positions
@license AGPL-3.0-only
@author Lastline
@notice One account in one market: opened from storage with everything pending applied, changed in memory,
        closed back into storage. Every change of a position goes through `_open` and `_close`.
@dev Rounding: cash and signed sizes down, signed notionals up. A buyer's and a seller's part of one trade
     together never gain.
"""

from ..interfaces import IMarginVault
from ..lib import fixed_math
from ..lib import packing
from ..lib import price_tick
from ..lib import units
from . import accounts
from . import cohorts
from . import markets
from . import maturity

uses: accounts
uses: cohorts
uses: markets
uses: maturity

# Size and notional of a position word.
# Side flag of a position word (and, less its market, of a cohort key).
IS_SHORT: constant(uint256) = 2**246
MEMBER: constant(uint256) = 2**224 - 1


# An account at work in a market. Sizes and notionals are signed and effective.
struct Seat:
    account: uint256
    cash: int256
    markets: uint256
    classes: uint256  # leverage classes, and above them the Exchange's version: account word >> 160
    # the position as it is now
    size: int256
    notional: int256
    # the position word it was opened from, and the cohort it is still a member of; 0 for none
    word: uint256
    key: uint256
    # maturing profit
    has_maturing: bool
    maturing: maturity.Maturing
    # profit and loss booked since it was opened
    realised: int256
    # ADL profit (or a remainder of rounding) not yet booked: only views see any
    pending: int256


@view
def _open_flat(market: uint256, account: uint256) -> Seat:
    """
    @notice Read an account in a market without its position; matured profit is applied
    """
    seat: Seat = empty(Seat)
    word: uint256 = accounts.words[account]
    seat.account = account
    seat.cash = convert(convert(word << 128, bytes32), int256) >> 128
    seat.markets = (word >> 128) & packing.MASK_32
    seat.classes = word >> 160
    seat.word = accounts.positions[account][market]
    if seat.word & packing.HAS_MATURING != 0:
        seat.has_maturing = True
        seat.maturing = maturity._current(market, accounts.maturing[account][market])
        seat.cash += convert(seat.maturing.matured, int256)
    return seat


@view
def _open(m: markets.Market, account: uint256, is_settled: bool) -> Seat:
    """
    @notice Read an account in a market; pending funding and matured profit are applied
    @dev The account must be settled there (modules/membership.vy). Reverts "position: not settled"
    @param is_settled False for a caller who is ready for a seat with a key and without size: not settled
    """
    seat: Seat = self._open_flat(m.id, account)
    size: uint256 = seat.word & packing.MASK_112
    if size == 0:
        return seat
    seat.key = packing._position_key(m.id, seat.word)
    if not cohorts._is_plain(seat.key, m.rounds):
        assert not is_settled, "position: not settled"
        return seat
    seat.size = convert(size, int256)
    seat.notional = convert((seat.word >> 112) & packing.MASK_112, int256)
    index: int256 = m.long_index
    if seat.word & IS_SHORT != 0:
        seat.size = unsafe_sub(0, seat.size)
        seat.notional = unsafe_sub(0, seat.notional)
        index = m.short_index
    if index != 0:
        seat.cash -= fixed_math._signed_mul_div_ceil(index * seat.size, 1, units.WAD)
    return seat


@view
def _maturing_worth(market: uint256, seat: Seat) -> uint256:
    """
    @notice Quote of the seat's profit in this market that has not matured yet
    """
    if not seat.has_maturing:
        return 0
    return maturity._worth(market, seat.maturing)


def _realise(market: uint256, seat: Seat, pnl: int256) -> Seat:
    """
    @notice Book a realised profit (maturing) or loss (maturing profit first, then cash)
    """
    out: Seat = seat
    out.realised += pnl
    if pnl > 0:
        if not out.has_maturing:
            out.has_maturing = True
            out.maturing.batch = maturity._batch(market)
        fine: uint256 = 0
        out.maturing, fine = maturity._add(market, out.maturing, convert(pnl, uint256))
        out.cash += convert(fine, int256)
    elif pnl < 0:
        loss: uint256 = convert(-pnl, uint256)
        if out.has_maturing:
            out.maturing, loss = maturity._consume(market, out.maturing, loss)
        out.cash -= convert(loss, int256)
    return out


@pure
def _traded(
    size: int256, notional: int256, change: int256, cost: int256
) -> (int256, int256, int256):
    """
    @notice Size and notional of a position changed by `change` (signed base) for `cost` (signed quote, paid > 0, rounded up
            by the caller)
    @return Size and notional after it, and the profit or loss to realise
    """
    after: int256 = size + change
    if size == 0 or (size > 0) == (change > 0):
        return after, notional + cost, 0
    if after == 0:
        return 0, 0, -notional - cost
    held: uint256 = fixed_math._magnitude(size)
    traded: uint256 = fixed_math._magnitude(change)
    if traded < held:
        rest: int256 = fixed_math._signed_mul_div_ceil(notional, unsafe_sub(held, traded), held)
        return after, rest, rest - notional - cost
    closing: int256 = fixed_math._signed_mul_div_ceil(cost, held, traded)
    return after, cost - closing, -notional - closing


@pure
def _base_key(m: markets.Market, seat: Seat) -> uint256:
    """
    @notice Key of generation 0 of the cohort the seat belongs in: side, class, tick of its entry price
    @dev Entry price = notional / size, rounded down and kept within the legal prices
    """
    price: uint256 = fixed_math._mul_div_down(
        fixed_math._magnitude(seat.notional), units.WAD, fixed_math._magnitude(seat.size)
    )
    price = min(max(price, units.MIN_PRICE), units.MAX_PRICE)
    tick: uint256 = (seat.key >> 6) & packing.MASK_14
    if tick == 0 or not price_tick._holds(tick, price, m.tick_bits):
        tick = price_tick._tick_at(price, m.tick_bits)
    key: uint256 = (
        (m.id << 23) | (((seat.classes >> unsafe_mul(m.id, 2)) & 3) << 20) | (tick << 6)
    )
    if seat.size < 0:
        return key | 2**22
    return key


@pure
def _is_at_mark(m: markets.Market, seat: Seat) -> bool:
    """
    @notice True if the mark lies in the tick of the seat's entry price
    """
    return price_tick._holds(
        (self._base_key(m, seat) >> 6) & packing.MASK_14, m.mark, m.tick_bits
    )


def _close(
    m: markets.Market,
    seat: Seat,
    key: uint256,
    change: int256,
    price: uint256,
    fee: uint256,
) -> uint256:
    """
    @notice Write a seat back: membership, position, maturing profit, account; log it
    @param key Open generation the position joins (or stays in); 0 for a flat seat
    @param change For the event: what was traded, at `price`, for `fee`
    @return The market's open interest now; the caller stores it. A generation that lost its last member is the
            caller's to drop (modules/membership.vy).
    """
    open_interest: uint256 = m.open_interest
    cash: int256 = seat.cash
    bitmap: uint256 = seat.markets
    word: uint256 = 0
    # membership
    if seat.key != 0 and seat.word & IS_SHORT == 0:
        open_interest = fixed_math._saturating_sub(
            open_interest, seat.word & packing.MASK_112
        )
    if seat.size != 0:
        index: int256 = m.short_index
        if seat.size > 0:
            index = m.long_index
            open_interest += convert(seat.size, uint256)
        if index != 0:
            cash += fixed_math._signed_mul_div_floor(index * seat.size, 1, units.WAD)
        word = packing._position_word(
            fixed_math._magnitude(seat.size), fixed_math._magnitude(seat.notional), key
        )
    if seat.key == key:
        if key != 0:
            cohorts._replace(key, seat.word & MEMBER, word & MEMBER)
    else:
        if seat.key != 0:
            cohorts._remove(seat.key, seat.word & MEMBER)
        if key != 0:
            cohorts._add(key, word & MEMBER)
    # maturing profit
    if seat.has_maturing:
        maturing_word: uint256 = maturity._word(m.id, seat.maturing)
        if (seat.maturing.current | seat.maturing.previous) != 0:
            word |= packing.HAS_MATURING
        if maturing_word != accounts.maturing[seat.account][m.id]:
            accounts.maturing[seat.account][m.id] = maturing_word
            log IMarginVault.MaturingChanged(
                account=seat.account,
                market=m.id,
                maturing_word=maturing_word,
                batch_sums_word=markets.batch_sums_words[m.id],
            )
    # account and position
    bit: uint256 = convert(1, uint256) << m.id
    if word == 0:
        bitmap &= ~bit
    elif bitmap & bit == 0:
        bitmap |= bit
        if bitmap != bit:
            self._require_few_markets(bitmap)
    account_word: uint256 = (
        packing._signed_field(cash, 128) | (bitmap << 128) | (seat.classes << 160)
    )
    accounts.positions[seat.account][m.id] = word
    accounts.words[seat.account] = account_word
    log IMarginVault.PositionChanged(
        account=seat.account,
        market=m.id,
        size_change=change,
        price=price,
        realised=seat.realised,
        fee=fee,
        account_word=account_word,
        position_word=word,
    )
    return open_interest


@pure
def _require_few_markets(bitmap: uint256):
    """
    @dev Reverts "vault: too many markets"
    """
    rest: uint256 = bitmap
    for i: uint256 in range(units.MAX_ACCOUNT_MARKETS):
        if rest == 0:
            break
        rest &= unsafe_sub(rest, 1)
    assert rest == 0, "vault: too many markets"
