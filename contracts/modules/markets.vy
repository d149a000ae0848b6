# pragma version 0.4.3

"""
@title markets
@license AGPL-3.0-only
@author Lastline
@notice Owner of every market's state that belongs to no account: mark, open interest, funding indices,
        market clock and batch sums, totals, and the configuration words.
@dev A call loads a market once (`_load`), passes the struct along, and stores it once (`_store`).
     Open interest is the total long size in base, inventory included; it never exceeds the true total.
"""

from ..lib import fixed_math
from ..lib import margin_math
from ..lib import packing
from ..lib import units

# Market status. A market that was never added has status UNLISTED.
UNLISTED: constant(uint256) = 0
ACTIVE: constant(uint256) = 1
CLOSE_ONLY: constant(uint256) = 2
# 4 % a day, per second, 18 decimals
MAX_FUNDING_RATE: constant(uint256) = 4 * 10**16 // 86_400


struct Market:
    id: uint256
    mark: uint256
    open_interest: uint256
    mark_time: uint256
    status: uint256
    has_fine_ticks: bool
    tick_bits: uint256
    long_index: int256
    short_index: int256
    rounds: uint256
    margin_word: uint256
    limits_word: uint256


# Hot words, by market id.
price_words: uint256[32]
funding_words: uint256[32]
clock_words: uint256[32]
batch_sums_words: uint256[32]
# Configuration words, by market id (layouts in lib/margin_math.vy).
margin_words: uint256[32]
more_lines_words: uint256[32]
limits_words: uint256[32]
liquidation_words: uint256[32]
# Profit realised by ADL that its owners have not touched yet, by market, quote. Never above the true sum.
pots: uint256[32]
# Rounds: (market << 24 | index) -> share and price.
round_words: HashMap[uint256, uint256]
# Fees not yet collected: trading fees | the fund's share of funding; and the surplus of liquidations.
fees_word: uint256
liquidation_fees: uint256
# The treasury's part of trading fees, not yet paid out.
treasury_fees: uint256
# Share of the funding payers pay that goes to the fund, 18 decimals.
funding_share: uint256
# Length of a maturity batch that starts now, seconds of market clock.
batch_seconds: uint256
market_count: uint256


def _load(market: uint256) -> Market:
    """
    @dev Reverts "market: unknown", "market: round open"
    """
    m: Market = self._peek(market)
    assert (self.funding_words[market] >> 248) & 1 == 0, "market: round open"
    return m


@view
def _peek(market: uint256) -> Market:
    """
    @notice `_load` for readers, who may look while a round is open
    """
    assert market < units.MAX_MARKETS, "market: unknown"
    price_word: uint256 = self.price_words[market]
    assert (price_word >> 248) & packing.MASK_7 != UNLISTED, "market: unknown"
    funding_word: uint256 = self.funding_words[market]
    has_fine_ticks: bool = price_word >> 255 == 1
    return Market(
        id=market,
        mark=price_word & packing.MASK_104,
        open_interest=(price_word >> 104) & packing.MASK_112,
        mark_time=(price_word >> 216) & packing.MASK_32,
        status=(price_word >> 248) & packing.MASK_7,
        has_fine_ticks=has_fine_ticks,
        tick_bits=7 if has_fine_ticks else 6,
        long_index=packing._signed_from(funding_word, 0, 112),
        short_index=packing._signed_from(funding_word, 112, 112),
        rounds=(funding_word >> 224) & packing.MASK_24,
        margin_word=self.margin_words[market],
        limits_word=self.limits_words[market],
    )


def _store_price(m: Market):
    """
    @notice Write mark, open interest, mark time and status back
    """
    self.price_words[m.id] = packing._price_word(
        packing.Price(
            mark=m.mark,
            open_interest=m.open_interest,
            mark_time=m.mark_time,
            status=m.status,
            has_fine_ticks=m.has_fine_ticks,
        )
    )


def _store_funding(m: Market):
    """
    @notice Write the funding indices and the number of rounds back; no round is open
    """
    self.funding_words[m.id] = packing._funding_word(
        packing.Funding(
            long_index=m.long_index,
            short_index=m.short_index,
            rounds=m.rounds,
            is_round_open=False,
        )
    )


@view
def _is_fresh(m: Market) -> bool:
    """
    @notice True while the mark is no older than the market's limit
    """
    return block.timestamp - m.mark_time <= margin_math._max_mark_age(m.margin_word)


@view
def _require_fresh(m: Market):
    assert self._is_fresh(m), "market: stale mark"


@pure
def _side_index(m: Market, is_short: bool) -> int256:
    """
    @notice Cumulative funding per base that the side has paid, quote, 18 decimals
    """
    return m.short_index if is_short else m.long_index


def _add_trading_fees(amount: uint256):
    word: uint256 = self.fees_word
    self.fees_word = packing._halves_word((word & packing.MASK_128) + amount, word >> 128)


def _add_pot(market: uint256, amount: uint256):
    self.pots[market] += amount


def _take_pot(market: uint256, amount: uint256):
    """
    @notice Forget `amount` of untouched profit, and one more for the rounding of its parts
    """
    self.pots[market] = fixed_math._saturating_sub(self.pots[market], amount + 1)


@view
def _round(market: uint256, index: uint256) -> uint256:
    return self.round_words[(market << 24) | index]
