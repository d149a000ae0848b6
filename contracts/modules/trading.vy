# pragma version 0.4.3

"""
@title trading
@license AGPL-3.0-only
@author Lastline
@notice What a trade asks of those who take part in it of their own will: by a fill, or as makers when an unhealthy
        account is closed against resting orders. One set of rules for both (no storage).
"""

from ..interfaces import IMarginVault
from ..lib import fixed_math
from ..lib import margin_math
from ..lib import packing
from ..lib import units
from . import books
from . import margin
from . import markets
from . import positions
from . import system

uses: books
uses: margin
uses: positions


@pure
def _band(mark: uint256, terms_word: uint256) -> uint256:
    """
    @notice How far from mark a price may lie, quote per base
    """
    return fixed_math._rated_down(mark, margin_math._band(terms_word))


@pure
def _require_part(
    size: uint256, is_same_side: bool, owners: uint256, price: uint256, lowest: uint256, highest: uint256
):
    """
    @notice What holds of every maker's part of a trade
    @dev Reverts "vault: zero size", "vault: size too large", "vault: mixed sides", "vault: self trade",
         "vault: price out of band"
    @param is_same_side True if the maker trades in the direction of the first one
    @param owners The maker's account xor the other one
    @param lowest Quote per base, as `highest`: the band around mark
    """
    assert size != 0, "vault: zero size"
    assert size <= units.MAX_AMOUNT, "vault: size too large"
    assert is_same_side, "vault: mixed sides"
    assert owners >> 96 != 0, "vault: self trade"
    assert price <= highest and price >= lowest, "vault: price out of band"


def _fill_side(
    membership: address,
    market: markets.Market,
    account: uint256,
    change: int256,
    cost: int256,
    price: uint256,
    fee_rate: uint256,
    is_reduce_only: bool,
    exchange_word: uint256,
) -> (uint256, uint256):
    """
    @notice One account's side of a fill, judged by its final state
    @dev Reverts "vault: fee too high", "vault: exchange not accepted", "vault: not a reduction", "market: close only",
         "vault: reduce only mode", "vault: paused", "margin: ..."
    @param membership The part of the kernel that knows cohorts in full
    @param cost Signed quote, paid > 0, rounded up
    @return The market's open interest, and the fee taken
    """
    assert fee_rate <= units.MAX_FEE_RATE, "vault: fee too high"
    m: markets.Market = market
    elsewhere: margin.Risk = empty(margin.Risk)
    multiplier: uint256 = system._multiplier(exchange_word)
    seat: positions.Seat = positions._open(m, account, False)
    if seat.markets & ~(convert(1, uint256) << m.id) != 0 or (seat.key != 0 and seat.size == 0):
        # in other markets too, or member of a generation that was closed or charged
        m.open_interest, seat, elsewhere = books._in_hand(membership, m, account, multiplier)
    assert (seat.classes >> 64) & packing.MASK_16 == system._exchange_version(
        exchange_word
    ), "vault: exchange not accepted"
    # (a cost is less than 2**160)
    fee: uint256 = fixed_math._rated_up(fixed_math._magnitude(cost), fee_rate)
    size: int256 = 0
    notional: int256 = 0
    pnl: int256 = 0
    size, notional, pnl = positions._traded(seat.size, seat.notional, change, cost)
    is_reduction: bool = seat.size != 0 and (seat.size > 0) != (change > 0) and (
        size == 0 or (size > 0) == (seat.size > 0)
    )
    # after a full close of the last position no requirement is left: only equity is judged
    is_last: bool = is_reduction and size == 0 and elsewhere.maintenance == 0
    equity_before: int256 = 0
    before: margin.Risk = empty(margin.Risk)
    if is_last:
        equity_before = margin._worth_alone(m, seat)
    elif is_reduction:
        before = margin._with(elsewhere, m, seat, multiplier)
    if seat.size == 0:
        seat.size = size
        seat.notional = notional
    else:
        seat = books._traded(m, seat, size, notional, pnl)
    seat.cash -= convert(fee, int256)
    worth: uint256 = max_value(uint256)
    if is_last:
        margin._require_solvent(
            min(equity_before, margin._worth_alone(m, seat))
            + elsewhere.cash
            + convert(elsewhere.maturing, int256)
            # (positions in settled markets ask for no margin)
            + elsewhere.unrealised
        )
    else:
        after: margin.Risk = margin._with(elsewhere, m, seat, multiplier)
        if is_reduction:
            margin._require_reduction_allowed(before, after)
        else:
            assert not is_reduce_only, "vault: not a reduction"
            assert m.status == markets.ACTIVE, "market: close only"
            assert system._mode(exchange_word) < system.RESTRICTED, "vault: reduce only mode"
            assert not system._is_paused(exchange_word), "vault: paused"
            # (markets._is_fresh_for_opening would copy the market)
            if unsafe_sub(block.timestamp, m.mark_time) > margin_math._max_opening_age(m.terms_word):
                after.is_stale = True
            margin._require_opening_allowed(m.terms_word, after)
            worth = after.worth
        assert size == 0 or after.worth >= margin_math._minimum_notional(
            m.terms_word
        ), "margin: below minimum size"
    return books._commit(membership, m, seat, change, price, fee, worth), fee
