# pragma version 0.4.3

"""
@title bankruptcy_account
@license AGPL-3.0-only
@author Lastline
@notice Per market, the account of last resort: inventory size S, notional N and cash c taken over from
        absorbed accounts. Its equity at mark p is e = c + S * p - N; what e lacks is what claims record.
@dev Like an account's, the stored cash carries S * F of the side's funding index.
"""

from ..interfaces import IMarginVaultCrisis
from ..lib import fixed_math
from ..lib import margin_math
from ..lib import packing
from ..lib import units
from . import markets

uses: markets

struct Inventory:
    size: int256  # S, base
    notional: int256  # N, quote
    cash: int256  # c, quote, funding applied
    outstanding: uint256  # the market's open claims, quote
    long_size: uint256  # of it, what counted in the open interest when it was opened


# size int128 | notional int128, by market
inventory_words: uint256[32]
# cash int128 | outstanding claims uint128, by market
cash_words: uint256[32]


@view
def _open(m: markets.Market) -> Inventory:
    """
    @notice A market's inventory, pending funding applied (debits up)
    """
    word: uint256 = self.inventory_words[m.id]
    cash_word: uint256 = self.cash_words[m.id]
    size: int256 = packing._low_signed(word)
    index: int256 = markets._side_index(m, size < 0)
    return Inventory(
        size=size,
        notional=packing._high_signed(word),
        cash=packing._low_signed(cash_word)
        - fixed_math._signed_mul_div_ceil(index * size, 1, units.WAD),
        outstanding=packing._high_half(cash_word),
        long_size=fixed_math._positive_part(size),
    )


def _close(m: markets.Market, inventory: Inventory) -> markets.Market:
    """
    @notice Write the inventory back and log it; an empty one's notional becomes cash
    @return The market with its open interest moved; the caller stores it
    """
    out: markets.Market = m
    i: Inventory = inventory
    if i.size == 0:
        i.cash -= i.notional
        i.notional = 0
    if self._is_dust(m, i):
        # what rounding left must not let the next inventory's auction start at its end
        markets._set_inventory_times(m.id, 0, 0)
    else:
        since: uint256 = markets._inventory_since(m.id)
        if since == 0:
            since = block.timestamp
        markets._set_inventory_times(m.id, self._auction_start(m, i.size), since)
    index: int256 = markets._side_index(m, i.size < 0)
    stored_cash: int256 = i.cash + fixed_math._signed_mul_div_floor(
        index * i.size, 1, units.WAD
    )
    self.inventory_words[m.id] = packing._signed_halves_word(i.size, i.notional)
    self.cash_words[m.id] = packing._signed_field(stored_cash, 128) | (
        packing._halves_word(0, i.outstanding)
    )
    out.open_interest = fixed_math._saturating_sub(
        m.open_interest + fixed_math._positive_part(i.size), i.long_size
    )
    log IMarginVaultCrisis.InventoryChanged(
        market=m.id,
        size=i.size,
        notional=i.notional,
        cash=i.cash,
        outstanding=i.outstanding,
        auction_start=markets._auction_start(m.id),
        since=markets._inventory_since(m.id),
    )
    return out


@view
def _auction_start(m: markets.Market, size: int256) -> uint256:
    """
    @notice When the auction of an inventory of `size` counts as started: each part when it came (but no part is older
            than an auction is long), weighted by size. So a crumb does not age what comes after it, and dust added does
            not make the rest young.
    @custom:rounding Ages down: later
    """
    before: int256 = packing._low_signed(self.inventory_words[m.id])
    start: uint256 = markets._auction_start(m.id)
    if start == 0 or before == 0 or (before > 0) != (size > 0):
        return block.timestamp
    old: uint256 = fixed_math._magnitude(before)
    new: uint256 = fixed_math._magnitude(size)
    if new <= old:
        return start
    length: uint256 = margin_math._auction_seconds(markets.liquidation_words[m.id])
    age: uint256 = min(unsafe_sub(block.timestamp, start), length)
    return unsafe_sub(block.timestamp, fixed_math._mul_div_down(age, old, new))


@pure
def _equity(m: markets.Market, i: Inventory) -> int256:
    """
    @notice e = c + S * p - N, quote, rounded down
    """
    return i.cash + fixed_math._signed_mul_div_floor(i.size, m.mark, units.WAD) - i.notional


@view
def _is_dust(m: markets.Market, i: Inventory) -> bool:
    """
    @notice True if the inventory's worth at mark counts as nothing
    """
    worth: uint256 = fixed_math._mul_div_up(fixed_math._magnitude(i.size), m.mark, units.WAD)
    return worth <= margin_math._dust(markets.liquidation_words[m.id])


def _take_surplus(m: markets.Market, inventory: Inventory) -> Inventory:
    """
    @notice What an empty bankruptcy account without claims has left is surplus, for who has paid the market's claims
    @dev One that holds dust keeps as much as the dust may still lose
    """
    i: Inventory = inventory
    if i.outstanding != 0 or not self._is_dust(m, i):
        return i
    kept: uint256 = 0
    if i.size != 0:
        kept = margin_math._dust(markets.liquidation_words[m.id])
    surplus: uint256 = fixed_math._saturating_sub(
        fixed_math._positive_part(self._equity(m, i)), kept
    )
    if surplus != 0:
        i.cash -= convert(surplus, int256)
        markets.surpluses[m.id] += surplus
        log IMarginVaultCrisis.SurplusTaken(market=m.id, amount=surplus)
    return i
