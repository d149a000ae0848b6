# pragma version 0.4.3

"""
@title maturity
@license AGPL-3.0-only
@author Lastline
@notice Realised profit waits here before it becomes cash, so that nobody escapes a loss by leaving first.
@dev Profit of batch k matures when batch k + 1 ends. A batch's profit is held in shares; a share is worth
     H = 1 - taken, lowered by every round. A batch charged to nothing is refilled: its refill counter goes
     up, older shares are void. Batches run on the market clock, which only a mark moves (see crisis).
     Amounts of shares are in steps of 1e-9 quote; what is finer is cash.
"""

from ..lib import fixed_math
from ..lib import packing
from ..lib import units
from . import markets

uses: markets

# An account's maturing profit in a market, brought to the market's present batch.
struct Maturing:
    current: uint256  # shares
    previous: uint256  # shares
    batch: uint256
    matured: uint256  # quote that has just become cash


# Share of a batch that rounds have taken (27 decimals) | refill counter, by market << 24 | batch.
batch_words: HashMap[uint256, uint256]


@view
def _value(market: uint256, batch: uint256, refill: uint256, shares: uint256) -> uint256:
    """
    @notice Quote that `shares` of a batch are worth, rounded down; 0 for shares of an earlier refill
    """
    if shares == 0:
        return 0
    word: uint256 = self._batch_word(market, batch)
    if packing._refill(word) != refill:
        return 0
    kept: uint256 = unsafe_sub(units.RAY, packing._share(word))
    return fixed_math._mul_div_down(shares, kept, units.RAY) * units.MATURING_STEP


@view
def _batch_word(market: uint256, batch: uint256) -> uint256:
    """
    @notice What rounds have taken of a batch, and its refill; a live batch nobody has charged needs no look-up
    """
    sums: uint256 = markets.batch_sums_words[market]
    age: uint256 = unsafe_sub((sums >> 208) & packing.MASK_24, batch)
    if age < 2 and (sums >> unsafe_add(232, age)) & 1 == 0:
        return 0
    return self.batch_words[(market << 24) | batch]


@view
def _refill(market: uint256, batch: uint256) -> uint256:
    return packing._refill(self._batch_word(market, batch))


@view
def _batch(market: uint256) -> uint256:
    return (markets.batch_sums_words[market] >> 208) & packing.MASK_24


@view
def _current(market: uint256, word: uint256) -> Maturing:
    """
    @notice Bring a stored word to the present batch: what has matured, what has not
    """
    sums: uint256 = markets.batch_sums_words[market]
    out: Maturing = Maturing(
        current=word & packing.MASK_104,
        previous=(word >> 104) & packing.MASK_104,
        batch=(sums >> 208) & packing.MASK_24,
        matured=0,
    )
    stored_batch: uint256 = (word >> 208) & packing.MASK_24
    if sums >> 232 == 0 and stored_batch == out.batch:
        return out
    return self._brought_on(market, packing._maturing(word), out.batch)


@view
def _brought_on(market: uint256, stored: packing.Maturing, batch: uint256) -> Maturing:
    """
    @notice `_current` of a word of an earlier batch, or in a market where rounds have charged a live one
    """
    age: uint256 = batch - stored.batch
    out: Maturing = Maturing(current=0, previous=0, batch=batch, matured=0)
    if age >= 2:
        out.matured = self._value(market, stored.batch, stored.current_refill, stored.current)
    elif self._refill(market, stored.batch) == stored.current_refill:
        if age == 1:
            out.previous = stored.current
        else:
            out.current = stored.current
    if stored.previous != 0:
        if age >= 1:
            out.matured += self._value(
                market, stored.batch - 1, stored.previous_refill, stored.previous
            )
        elif self._refill(market, stored.batch - 1) == stored.previous_refill:
            out.previous = stored.previous
    return out


@view
def _is_uncharged(market: uint256) -> bool:
    """
    @notice True if no round has charged a live batch: H = 1, refill 0 for both
    """
    return markets.batch_sums_words[market] >> 232 == 0


@view
def _worth(market: uint256, m: Maturing) -> uint256:
    """
    @notice Quote of what has not matured yet
    """
    if self._is_uncharged(market):
        return (m.current + m.previous) * units.MATURING_STEP
    return self._live_value(market, m.batch, m.current) + (
        self._live_value(market, m.batch - 1, m.previous) if m.previous != 0 else 0
    )


@view
def _live_value(market: uint256, batch: uint256, shares: uint256) -> uint256:
    # what is live is of the batch's present refill
    if shares == 0:
        return 0
    kept: uint256 = unsafe_sub(units.RAY, packing._share(self._batch_word(market, batch)))
    return fixed_math._mul_div_down(shares, kept, units.RAY) * units.MATURING_STEP


@view
def _word(market: uint256, m: Maturing) -> uint256:
    """
    @notice The word to store; what nothing is left of keeps its batch, so that later profit finds the slot in use
    """
    word: uint256 = m.current | (m.previous << 104) | (m.batch << 208)
    packing._require_zero((m.current | m.previous) >> 104)
    if (m.current | m.previous) == 0 or self._is_uncharged(market):
        return word
    word |= self._refill(market, m.batch) << 232
    if m.previous != 0:
        word |= self._refill(market, m.batch - 1) << 244
    return word


def _add(market: uint256, m: Maturing, profit: uint256) -> (Maturing, uint256):
    """
    @notice Book profit as maturing in the present batch
    @return The new figures, and the remainder too fine for a share, which is cash
    @custom:rounding Shares down; the cash is what the shares are surely not worth
    """
    out: Maturing = m
    sums: uint256 = markets.batch_sums_words[market]
    shares: uint256 = 0
    worth: uint256 = 0
    if (sums >> 232) & 1 == 0:
        shares = fixed_math._div_down(profit, units.MATURING_STEP)
        worth = unsafe_mul(shares, units.MATURING_STEP)
    else:
        kept: uint256 = unsafe_sub(
            units.RAY, packing._share(self._batch_word(market, m.batch))
        )
        shares = fixed_math._mul_div_down(profit, units.RAY, kept * units.MATURING_STEP)
        worth = fixed_math._mul_div_up(shares, kept, units.RAY) * units.MATURING_STEP
    out.current += shares
    packing._require_zero(((sums & packing.MASK_104) + shares) >> 104)
    markets.batch_sums_words[market] = unsafe_add(sums, shares)
    return out, fixed_math._saturating_sub(profit, worth)


def _consume(market: uint256, m: Maturing, loss: uint256) -> (Maturing, uint256):
    """
    @notice Let a loss eat maturing profit, oldest first
    @return The new figures, and the loss that is left
    @custom:rounding Burnt shares up: at most 2e-9 quote a batch to the vault
    """
    out: Maturing = m
    left: uint256 = loss
    burnt: uint256 = 0
    if out.previous != 0:
        burnt, left = self._burn(market, m.batch - 1, out.previous, left)
        out.previous -= burnt
        self._change_sums(market, 0, -convert(burnt, int256))
    if left != 0 and out.current != 0:
        burnt, left = self._burn(market, m.batch, out.current, left)
        out.current -= burnt
        self._change_sums(market, -convert(burnt, int256), 0)
    return out, left


def _forfeit(market: uint256, m: Maturing):
    """
    @notice Take shares out of the sums whose owner is paid their worth in another way, or not at all
    """
    self._change_sums(market, -convert(m.current, int256), -convert(m.previous, int256))


@view
def _burn(market: uint256, batch: uint256, shares: uint256, loss: uint256) -> (uint256, uint256):
    """
    @notice Shares to burn for `loss`, and the loss that is left
    """
    worth: uint256 = self._live_value(market, batch, shares)
    if worth <= loss:
        return shares, loss - worth
    kept: uint256 = unsafe_sub(
        units.RAY, packing._share(self._batch_word(market, batch))
    )
    return min(
        shares, fixed_math._mul_div_up(loss, units.RAY, kept * units.MATURING_STEP)
    ), 0


def _change_sums(market: uint256, current: int256, previous: int256):
    """
    @notice Move the sums of live shares
    """
    word: uint256 = markets.batch_sums_words[market]
    markets.batch_sums_words[market] = packing._batch_sums_word(
        convert(convert(word & packing.MASK_104, int256) + current, uint256),
        convert(convert((word >> 104) & packing.MASK_104, int256) + previous, uint256),
        (word >> 208) & packing.MASK_24,
        word >> 232,
    )


def _roll(market: uint256):
    """
    @notice Start the next batch: the current one becomes the previous one, the previous one has matured
    """
    word: uint256 = markets.batch_sums_words[market]
    markets.batch_sums_words[market] = packing._batch_sums_word(
        0,
        word & packing.MASK_104,
        ((word >> 208) & packing.MASK_24) + 1,
        ((word >> 232) & 1) << 1,
    )


@view
def _reachable(market: uint256) -> uint256:
    """
    @notice Quote of all live maturing profit that a round can charge, rounded down
    """
    batch: uint256 = self._batch(market)
    word: uint256 = markets.batch_sums_words[market]
    return self._chargeable(market, batch, word & packing.MASK_104) + self._chargeable(
        market, batch - 1, (word >> 104) & packing.MASK_104
    )


@view
def _chargeable(market: uint256, batch: uint256, shares: uint256) -> uint256:
    word: uint256 = self._batch_word(market, batch)
    if packing._refill(word) == packing.MASK_12:
        return 0  # no refill left: the batch is out of reach of rounds
    kept: uint256 = unsafe_sub(units.RAY, packing._share(word))
    return fixed_math._mul_div_down(shares, kept, units.RAY) * units.MATURING_STEP


def _charge(market: uint256, share: uint256):
    """
    @notice Take a share (27 decimals) of every live batch
    """
    batch: uint256 = self._batch(market)
    word: uint256 = markets.batch_sums_words[market]
    current: uint256 = word & packing.MASK_104
    previous: uint256 = (word >> 104) & packing.MASK_104
    charged: uint256 = word >> 232
    if current != 0:
        if self._charge_batch(market, batch, share):
            current = 0
        charged |= 1
    if previous != 0:
        if self._charge_batch(market, batch - 1, share):
            previous = 0
        charged |= 2
    markets.batch_sums_words[market] = packing._batch_sums_word(
        current, previous, batch, charged
    )


def _charge_batch(market: uint256, batch: uint256, share: uint256) -> bool:
    """
    @return True if the batch is worth nothing now and starts a new refill
    """
    key: uint256 = (market << 24) | batch
    word: uint256 = self.batch_words[key]
    refill: uint256 = packing._refill(word)
    if refill == packing.MASK_12:
        return False
    kept: uint256 = fixed_math._mul_div_down(
        unsafe_sub(units.RAY, packing._share(word)), unsafe_sub(units.RAY, share), units.RAY
    )
    if kept < units.FACTOR_FLOOR:
        self.batch_words[key] = packing._batch_word(0, refill + 1)
        return True
    self.batch_words[key] = packing._batch_word(unsafe_sub(units.RAY, kept), refill)
    return False
