# pragma version 0.4.3

"""
@title books
@license AGPL-3.0-only
@author Lastline
@notice How a part of the kernel that trades takes an account in hand and puts it back. In normal times this is
        all local; a generation that was closed or charged, a new tick, or an emptied one is the business of
        the part that knows cohorts in full, asked by delegatecall.
"""

from ..interfaces import IMarginVaultMembership
from ..lib import margin_math
from ..lib import packing
from ..lib import price_tick
from ..lib import units
from . import accounts
from . import cohorts
from . import margin
from . import markets
from . import positions
from . import system

uses: accounts
uses: cohorts
uses: margin
uses: markets
uses: positions
uses: system


def _settle(membership: address, account: uint256, skip: uint256):
    """
    @notice Settle an account in all its markets but `skip` (255 for none), where it is not
    """
    rest: uint256 = (accounts.words[account] >> 128) & packing.MASK_32
    if skip < units.MAX_MARKETS:
        rest &= ~packing._bit(skip)
    for i: uint256 in range(units.MAX_ACCOUNT_MARKETS):
        if rest == 0:
            break
        market: uint256 = price_tick._lowest_bit(rest)
        rest &= unsafe_sub(rest, 1)
        word: uint256 = accounts.positions[account][market]
        rounds: uint256 = (markets.price_words[market] >> 136) & packing.MASK_23
        if word & packing.MASK_112 != 0 and not cohorts._is_plain(
            packing._position_key(market, word), rounds
        ):
            self._ask(
                membership,
                abi_encode(account, market, method_id=method_id("settle(uint256,uint256)")),
            )


def _open(
    membership: address, m: markets.Market, account: uint256
) -> (uint256, positions.Seat):
    """
    @notice `positions._open` of an account that may not be settled in the market
    @return The market's open interest, and the seat: in a plain generation, or in none
    """
    seat: positions.Seat = positions._open(m, account, False)
    if seat.key == 0 or seat.size != 0:
        return m.open_interest, seat
    u: IMarginVaultMembership.Unseated = abi_decode(
        self._ask(
            membership,
            abi_encode(
                account,
                m.id,
                m.open_interest,
                method_id=method_id("unseat(uint256,uint256,uint256)"),
            ),
        ),
        IMarginVaultMembership.Unseated,
    )
    seat.size = u.size
    seat.notional = u.notional
    seat.cash = u.cash
    seat.realised = u.realised
    seat.has_maturing = u.has_maturing
    seat.maturing.current = u.current
    seat.maturing.previous = u.previous
    seat.maturing.batch = u.batch
    seat.key = u.key
    return u.open_interest, seat


def _in_hand(
    membership: address, m: markets.Market, account: uint256, multiplier: uint256
) -> (uint256, positions.Seat, margin.Risk):
    """
    @notice `_open`, and the account's risk in its other markets
    """
    elsewhere: margin.Risk = empty(margin.Risk)
    bitmap: uint256 = (accounts.words[account] >> 128) & packing.MASK_32
    if bitmap & ~packing._bit(m.id) != 0:
        self._settle(membership, account, m.id)
        elsewhere = margin._elsewhere(account, bitmap, m.id, multiplier)
    seat: positions.Seat = empty(positions.Seat)
    open_interest: uint256 = 0
    open_interest, seat = self._open(membership, m, account)
    return open_interest, seat, elsewhere


@view
def _require_arrived(account: uint256, bitmap: uint256):
    """
    @notice markets._require_arrived for the markets in `bitmap` where a settled account has a position
    @dev Reverts "market: mark on its way"
    """
    rest: uint256 = bitmap
    for i: uint256 in range(units.MAX_ACCOUNT_MARKETS):
        if rest == 0:
            break
        market: uint256 = price_tick._lowest_bit(rest)
        rest &= unsafe_sub(rest, 1)
        if accounts.positions[account][market] & packing.MASK_112 != 0:
            markets._require_arrived(markets._peek(market))


@pure
def _require_amount(amount: uint256):
    """
    @dev Reverts "vault: zero amount", "vault: amount too large"
    """
    assert amount != 0, "vault: zero amount"
    assert amount <= units.MAX_AMOUNT, "vault: amount too large"


def _debit_cash(membership: address, account: uint256, amount: uint256) -> uint256:
    """
    @notice Take cash that the account may withdraw; the only way worth leaves an account by its owner's will
    @dev Reverts "margin: stale mark", "vault: not withdrawable"
    @return The account word stored
    """
    self._settle(membership, account, 255)
    a: packing.Account = packing._account(accounts.words[account])
    risk: margin.Risk = margin._elsewhere(
        account, a.markets, 255, system._multiplier(system.exchange_word)
    )
    risk.cash += a.cash
    assert not risk.is_stale, "margin: stale mark"
    assert amount <= margin._withdrawable(risk), "vault: not withdrawable"
    a.cash -= convert(amount, int256)
    account_word: uint256 = packing._account_word(a)
    accounts.words[account] = account_word
    return account_word


def _traded(
    m: markets.Market, seat: positions.Seat, size: int256, notional: int256, pnl: int256
) -> positions.Seat:
    """
    @notice `seat` after a trade that it made or took (positions._traded): profit or loss realised; and the profit of a
            position that was added to until its entry is near the mark is booked
    @dev ADL and rounds spare a generation that straddles the mark. Without this, whoever adds enough at mark brings a
         profit out of their reach (or to the next tick, from where a small move of the mark does), and takes the
         addition off again when they are over.
    """
    out: positions.Seat = seat
    out.size = size
    out.notional = notional
    if pnl != 0:
        return positions._realise(m.id, out, pnl)
    if seat.size == 0 or size == 0:
        return out
    profit: int256 = margin._unrealised(m, out)
    if profit <= 0 or not positions._is_near_mark(m, out) or positions._is_near_mark(m, seat):
        return out
    out.notional += profit
    return positions._realise(m.id, out, profit)


def _commit(
    membership: address,
    m: markets.Market,
    seat: positions.Seat,
    change: int256,
    price: uint256,
    fee: uint256,
    worth: uint256,
) -> uint256:
    """
    @notice Write a seat back (positions._close) into the generation it belongs in
    @param worth See IMarginVaultMembership.open_generation; max_value for changes the owner did not ask for
    @return The market's open interest now; the caller stores it
    """
    key: uint256 = 0
    if seat.size != 0:
        key = positions._base_key(m, seat)
        if (seat.key >> 6) << 6 == key:
            key = seat.key
        elif not cohorts._is_open(key, m.rounds):
            key = abi_decode(
                self._ask(
                    membership,
                    abi_encode(
                        key, worth, method_id=method_id("open_generation(uint256,uint256)")
                    ),
                ),
                uint256,
            )
    open_interest: uint256 = positions._close(m, seat, key, change, price, fee)
    if seat.key != key and seat.key != 0 and cohorts._is_empty(seat.key):
        self._ask(
            membership, abi_encode(seat.key, method_id=method_id("drop_generation(uint256)"))
        )
    return open_interest


def _receive(
    membership: address,
    market: markets.Market,
    account: uint256,
    change: int256,
    cost: int256,
    price: uint256,
    is_all: bool,
) -> uint256:
    """
    @notice Give a position to who takes it over; the account must be able to open it
    @param is_all True if it is all there is to take: then it may be small
    @dev Reverts "margin: below minimum size" and what margin._require_opening_allowed reverts with
    @return The market's open interest now
    """
    m: markets.Market = market
    multiplier: uint256 = system._multiplier(system.exchange_word)
    seat: positions.Seat = empty(positions.Seat)
    elsewhere: margin.Risk = empty(margin.Risk)
    m.open_interest, seat, elsewhere = self._in_hand(membership, m, account, multiplier)
    size: int256 = 0
    notional: int256 = 0
    pnl: int256 = 0
    size, notional, pnl = positions._traded(seat.size, seat.notional, change, cost)
    seat = self._traded(m, seat, size, notional, pnl)
    risk: margin.Risk = margin._with(elsewhere, m, seat, multiplier)
    if seat.size != 0 and not markets._is_fresh_for_opening(m):
        risk.is_stale = True
    margin._require_opening_allowed(m.terms_word, risk)
    worth: uint256 = max_value(uint256)
    if not is_all:
        worth = risk.worth
        assert seat.size == 0 or worth >= margin_math._minimum_notional(
            m.terms_word
        ), "margin: below minimum size"
    return self._commit(membership, m, seat, change, price, 0, worth)


def _credit(account: uint256, amount: uint256) -> uint256:
    """
    @notice Add cash; an account that is new takes the present Exchange
    @return The account word stored
    """
    a: packing.Account = packing._account(accounts.words[account])
    a.cash += convert(amount, int256)
    if a.exchange_version == 0:
        a.exchange_version = system._exchange_version(system.exchange_word)
    account_word: uint256 = packing._account_word(a)
    accounts.words[account] = account_word
    return account_word


def _ask(membership: address, data: Bytes[100]) -> Bytes[320]:
    system.is_inside = True
    answer: Bytes[320] = raw_call(membership, data, max_outsize=320, is_delegate_call=True)
    system.is_inside = False
    return answer


@view
def _risk(m: markets.Market, seat: positions.Seat, multiplier: uint256) -> margin.Risk:
    """
    @notice The account's risk with `seat` as its position in `m`
    """
    return margin._with(
        margin._elsewhere(seat.account, seat.markets, m.id, multiplier), m, seat, multiplier
    )
