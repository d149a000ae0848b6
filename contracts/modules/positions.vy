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

# An account at work in a market. Sizes and notionals are signed and effective.
struct Seat:
    account: uint256
    cash: int256
    markets: uint256
    classes: uint256
    exchange_version: uint256
    # the position as it is now
    size: int256
    notional: int256
    # the cohort it is still a member of; 0 for none
    key: uint256
    # maturing profit
    has_maturing: bool
    maturing: maturity.Maturing
    # profit and loss booked since it was opened
    realised: int256
    # ADL profit (or a remainder of rounding) not yet booked: only views see any
    pending: int256


@view
def _open_flat(m: markets.Market, account: uint256) -> Seat:
    """
    @notice Read an account in a market without its position; matured profit is applied
    """
    a: packing.Account = packing._account(accounts.words[account])
    seat: Seat = empty(Seat)
    seat.account = account
    seat.cash = a.cash
    seat.markets = a.markets
    seat.classes = a.classes
    seat.exchange_version = a.exchange_version
    if accounts.positions[account][m.id] & packing.HAS_MATURING != 0:
        seat.has_maturing = True
        seat.maturing = maturity._current(m.id, accounts.maturing[account][m.id])
        seat.cash += convert(seat.maturing.matured, int256)
    return seat


@view
def _open(m: markets.Market, account: uint256) -> Seat:
    """
    @notice Read an account in a market; pending funding and matured profit are applied
    @dev The account must be settled there (modules/membership.vy). Reverts "position: not settled"
    """
    seat: Seat = self._open_flat(m, account)
    word: uint256 = accounts.positions[account][m.id]
    if word & packing.MASK_112 == 0:
        return seat
    seat.key = packing._position_key(m.id, word)
    assert cohorts._is_plain(seat.key, m.rounds), "position: not settled"
    seat.size = convert(word & packing.MASK_112, int256)
    seat.notional = convert((word >> 112) & packing.MASK_112, int256)
    is_short: bool = cohorts._is_short(seat.key)
    if is_short:
        seat.size = -seat.size
        seat.notional = -seat.notional
    index: int256 = markets._side_index(m, is_short)
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


def _trade(market: uint256, seat: Seat, change: int256, cost: int256) -> Seat:
    """
    @notice Change the position by `change` (signed base) for `cost` (signed quote, paid > 0, rounded up by the
            caller), realising what is closed
    """
    out: Seat = seat
    if out.size == 0 or (out.size > 0) == (change > 0):
        out.size += change
        out.notional += cost
        return out
    held: uint256 = fixed_math._magnitude(out.size)
    traded: uint256 = fixed_math._magnitude(change)
    out.size += change
    pnl: int256 = -out.notional
    if traded < held:
        out.notional = fixed_math._signed_mul_div_ceil(
            out.notional, unsafe_sub(held, traded), held
        )
        pnl += out.notional - cost
    elif traded == held:
        out.notional = 0
        pnl -= cost
    else:
        closing: int256 = fixed_math._signed_mul_div_ceil(cost, held, traded)
        out.notional = cost - closing
        pnl -= closing
    return self._realise(market, out, pnl)


@pure
def _entry_price(seat: Seat) -> uint256:
    """
    @notice Notional over size, quote per base, rounded down and kept within the legal prices
    """
    price: uint256 = fixed_math._mul_div_down(
        fixed_math._magnitude(seat.notional), units.WAD, fixed_math._magnitude(seat.size)
    )
    return min(max(price, units.MIN_PRICE), units.MAX_PRICE)


@pure
def _base_key(m: markets.Market, seat: Seat) -> uint256:
    """
    @notice Key of generation 0 of the cohort the seat belongs in: side, class, tick of its entry price
    """
    return packing._cohort_key(
        m.id,
        seat.size < 0,
        packing._leverage_class(seat.classes, m.id),
        price_tick._tick_at(self._entry_price(seat), m.tick_bits),
        0,
    )


def _close(
    m: markets.Market,
    seat: Seat,
    key: uint256,
    change: int256,
    price: uint256,
    fee: uint256,
) -> markets.Market:
    """
    @notice Write a seat back: membership, position, maturing profit, account; log it
    @param key Open generation the position joins (or stays in); 0 for a flat seat
    @param change For the event: what was traded, at `price`, for `fee`
    @return The market with its open interest moved; the caller stores it. A generation that lost its last
            member is the caller's to drop (modules/membership.vy).
    """
    market: markets.Market = m
    s: Seat = seat
    size: uint256 = fixed_math._magnitude(s.size)
    notional: uint256 = fixed_math._magnitude(s.notional)
    if s.key != 0:
        before: uint256 = accounts.positions[s.account][m.id]
        cohorts._remove(s.key, before & packing.MASK_112, (before >> 112) & packing.MASK_112)
        if not cohorts._is_short(s.key):
            market.open_interest = fixed_math._saturating_sub(
                market.open_interest, before & packing.MASK_112
            )
    position_word: uint256 = 0
    if size != 0:
        cohorts._add(key, size, notional)
        index: int256 = markets._side_index(m, s.size < 0)
        if index != 0:
            s.cash += fixed_math._signed_mul_div_floor(index * s.size, 1, units.WAD)
        if s.size > 0:
            market.open_interest += size
        position_word = packing._position_word(size, notional, key)
    # maturing profit
    if s.has_maturing:
        word: uint256 = 0
        if (s.maturing.current | s.maturing.previous) != 0:
            word = maturity._word(m.id, s.maturing)
            position_word |= packing.HAS_MATURING
        if word != accounts.maturing[s.account][m.id]:
            accounts.maturing[s.account][m.id] = word
            log IMarginVault.MaturingChanged(
                account=s.account,
                market=m.id,
                maturing_word=word,
                batch_sums_word=markets.batch_sums_words[m.id],
            )
    # account and position
    bit: uint256 = packing._bit(m.id)
    if position_word == 0:
        s.markets &= ~bit
    elif s.markets & bit == 0:
        s.markets |= bit
        self._require_few_markets(s.markets)
    account_word: uint256 = self._account_word(s)
    accounts.positions[s.account][m.id] = position_word
    accounts.words[s.account] = account_word
    log IMarginVault.PositionChanged(
        account=s.account,
        market=m.id,
        size_change=change,
        price=price,
        realised=s.realised,
        fee=fee,
        account_word=account_word,
        position_word=position_word,
    )
    return market


@pure
def _account_word(seat: Seat) -> uint256:
    return packing._account_word(
        packing.Account(
            cash=seat.cash,
            markets=seat.markets,
            classes=seat.classes,
            exchange_version=seat.exchange_version,
        )
    )


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
