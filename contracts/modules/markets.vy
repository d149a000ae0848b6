# pragma version 0.4.3

"""
@title markets
@license AGPL-3.0-only
@author Lastline
@notice Owner of every market's state that belongs to no account: mark, open interest, funding indices,
        market clock and batch sums, totals, and the configuration words.
@dev A call loads a market once (`_load`), passes the struct along, and stores once what changed (`_store_flow`, `_store_price`,
     `_store_funding`).
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
# Settled at one price, for ever: positions are only closed, at that price.
SETTLED: constant(uint256) = 3
# A settled market's mark is of this time, later than any: it never gets stale.
ALWAYS: constant(uint256) = 2**32 - 1
# 4 % a day, per second, 18 decimals
MAX_FUNDING_RATE: constant(uint256) = 4 * 10**16 // 86_400
# Without a usable price for so long, the last good mark is the last price.
DEAD_FEED_SECONDS: constant(uint256) = 86_400


struct Market:
    id: uint256
    mark: uint256
    mark_time: uint256
    rounds: uint256
    is_round_open: bool
    status: uint256
    tick_bits: uint256
    open_interest: uint256
    fees: uint256
    long_index: int256
    short_index: int256
    terms_word: uint256


# Hot words, by market id.
price_words: uint256[32]
flow_words: uint256[32]
funding_words: uint256[32]
clock_words: uint256[32]
batch_sums_words: uint256[32]
# Configuration words, by market id (layouts in lib/margin_math.vy).
terms_words: uint256[32]
more_lines_words: uint256[32]
last_lines_words: uint256[32]
liquidation_words: uint256[32]
# By market: profit realised by ADL that its owners have not touched yet, quote; when the inventory's auction started, and since
# when there has been one. The first is below the true sum, but for the rounding of a round: by less than 1e-27 of the members' sizes and notionals.
crisis_words: uint256[32]
# Rounds: (market << 24 | index) -> share and price.
round_words: HashMap[uint256, uint256]
# Fees not yet collected: the fund's trading fees, too fine for a token unit | its share of funding; and the fees of
# liquidations. Trading fees since the last collection are in the markets' flow words.
fees_word: uint256
liquidation_fees: uint256
# The treasury's part of trading fees, not yet paid out.
treasury_fees: uint256
# Share of the funding payers pay that goes to the fund, 18 decimals.
funding_share: uint256
# Length of a maturity batch that starts now, seconds of market clock.
batch_seconds: uint256
market_count: uint256
# By market: the oracle that last told how much funding was due, and its rate sum then.
rate_sum_words: uint256[32]
# By market: what its bankruptcy account had left over, for who has paid its claims; quote. A tenth of it, when it is paid
# out, joins the fees of liquidations.
surpluses: uint256[32]


@view
def _load(market: uint256) -> Market:
    """
    @dev Reverts "market: unknown", "market: round open"
    """
    m: Market = self._peek(market)
    assert not m.is_round_open, "market: round open"
    return m


@view
def _peek(market: uint256) -> Market:
    """
    @notice `_load` for readers, who may look while a round is open
    """
    assert market < units.MAX_MARKETS, "market: unknown"
    price_word: uint256 = self.price_words[market]
    assert (price_word >> 160) & packing.MASK_8 != UNLISTED, "market: unknown"
    flow_word: uint256 = self.flow_words[market]
    funding_word: uint256 = self.funding_words[market]
    return Market(
        id=market,
        mark=price_word & packing.MASK_104,
        mark_time=(price_word >> 104) & packing.MASK_32,
        rounds=(price_word >> 136) & packing.MASK_23,
        is_round_open=price_word & packing.ROUND_OPEN != 0,
        status=(price_word >> 160) & packing.MASK_8,
        tick_bits=unsafe_add(6, (price_word >> 168) & 1),
        open_interest=flow_word & packing.MASK_112,
        fees=flow_word >> 112,
        long_index=packing._signed_from(funding_word, 0, 112),
        short_index=packing._signed_from(funding_word, 112, 112),
        terms_word=self.terms_words[market],
    )


def _store_flow(m: Market):
    """
    @notice Write open interest and uncollected fees back
    """
    self.flow_words[m.id] = packing._flow_word(m.open_interest, m.fees)


def _store_price(m: Market):
    """
    @notice Write mark, its time, rounds and status back
    """
    self.price_words[m.id] = packing._price_word(
        packing.Price(
            mark=m.mark,
            mark_time=m.mark_time,
            rounds=m.rounds,
            is_round_open=m.is_round_open,
            status=m.status,
            has_fine_ticks=m.tick_bits == 7,
        )
    )


def _store_funding(m: Market):
    """
    @notice Write the funding indices back
    """
    self.funding_words[m.id] = packing._funding_word(m.long_index, m.short_index)


@view
def _is_fresh(m: Market) -> bool:
    """
    @notice True while the mark is no older than the market's limit
    """
    return block.timestamp <= unsafe_add(m.mark_time, margin_math._max_mark_age(m.terms_word))


@view
def _is_fresh_for_opening(m: Market) -> bool:
    """
    @notice True while the mark is young enough for adding risk or taking cash out
    """
    return block.timestamp <= unsafe_add(m.mark_time, margin_math._max_opening_age(m.terms_word))


@view
def _require_fresh(m: Market):
    assert self._is_fresh(m), "market: stale mark"


@view
def _price_time(m: Market) -> uint256:
    """
    @notice When a price was last taken, even one that the mark is still on its way to
    """
    return max(m.mark_time, packing._step_time(self.clock_words[m.id]))


@view
def _require_long_silent(m: Market):
    """
    @notice The last good mark counts without a price only after DEAD_FEED_SECONDS
    @dev The caller has seen that the oracle has no usable price. Reverts "market: stale mark"
    """
    assert (
        m.mark != 0 and block.timestamp - self._price_time(m) >= DEAD_FEED_SECONDS
    ), "market: stale mark"


@pure
def _require_unsettled(m: Market):
    """
    @notice Positions of a settled market are only closed, at its settlement price: nobody trades there, opens, or takes
            over, and its terms are final
    @dev Reverts "market: settled"
    """
    assert m.status != SETTLED, "market: settled"


@view
def _is_on_its_way(m: Market) -> bool:
    return m.mark_time == 0 and block.timestamp - packing._step_time(
        self.clock_words[m.id]
    ) <= margin_math._max_mark_age(m.terms_word)


@view
def _require_arrived(m: Market):
    """
    @notice Nobody may be liquidated at a mark that is on its way to the oracle's: a hedge would be judged at prices of
            different times. A way that nobody ends is over when the mark would be stale anyway.
    @dev Reverts "market: mark on its way"
    """
    assert not self._is_on_its_way(m), "market: mark on its way"


@pure
def _side_index(m: Market, is_short: bool) -> int256:
    """
    @notice Cumulative funding per base that the side has paid, quote, 18 decimals
    """
    return m.short_index if is_short else m.long_index


@view
def _pots(market: uint256) -> uint256:
    """
    @notice Profit realised by ADL that its owners have not touched yet, quote
    """
    return packing._low_half(self.crisis_words[market])


def _set_pots(market: uint256, amount: uint256):
    self.crisis_words[market] = packing._halves_word(
        amount, packing._high_half(self.crisis_words[market])
    )


def _add_pot(market: uint256, amount: uint256):
    self._set_pots(market, self._pots(market) + amount)


def _take_pot(market: uint256, amount: uint256):
    """
    @notice Forget `amount` of untouched profit, and one more for the rounding of its parts
    """
    self._set_pots(market, fixed_math._saturating_sub(self._pots(market), amount + 1))


@view
def _auction_start(market: uint256) -> uint256:
    """
    @notice When the auction of the inventory counts as started, seconds; 0 while it is empty
    """
    return (self.crisis_words[market] >> 128) & packing.MASK_40


@view
def _inventory_since(market: uint256) -> uint256:
    """
    @notice When the inventory last became non-empty, seconds; 0 while it is empty
    """
    return self.crisis_words[market] >> 168


def _set_inventory_times(market: uint256, auction_start: uint256, since: uint256):
    self.crisis_words[market] = packing._halves_word(
        packing._low_half(self.crisis_words[market]), auction_start | (since << 40)
    )


@view
def _round(market: uint256, index: uint256) -> uint256:
    return self.round_words[(market << 24) | index]
