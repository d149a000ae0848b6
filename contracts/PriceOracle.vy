# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title PriceOracle
@license AGPL-3.0-only
@author Lastline
@notice Index price of a market: the median of the live ones among its one to five feeds. A price is
        usable when enough feeds are live, none of the live ones strays too far from the median, and,
        on a rollup, the sequencer is up and has been for a while. If not, `read` reverts.

        A market may have a second set of feeds, of the perpetual's price elsewhere. What that price is
        above the index is the premium. Its average over the basis window is the basis: the mark is the
        index and the basis. Its average over eight hours makes the funding rate. Both averages weigh
        an observation by the time it stood (lib/premium). While the second set has no usable price
        the premium counts as zero, so the basis fades; the price stays usable.

        Trust: the owner (a timelock) chooses feeds, bounds and funding terms within the limits
        below, and nobody, the owner included, can write a price. A feed is trusted with its answer
        only, not to answer at all, nor with gas or memory: as long as the quorum lives, a dead feed
        is left out. A live index feed beyond the deviation limit is not left out: it stops the market,
        since the oracle cannot tell who is right. Set answer bounds inside the feed's own floor and
        ceiling, where it would stick. The perpetual's feeds are trusted with no more than the basis
        clamp and the funding clamp.

        The contract holds no money, keeps no price history but those averages, and calls nothing but
        feeds; one wild print of all index feeds within bounds passes here and is for whoever uses the
        mark to damp. Ownership can be handed over in two steps but not renounced.
"""

from snekmate.auth import ownable
from snekmate.auth import ownable_2step

from .interfaces import IPriceOracle
from .lib import packing
from .lib import premium
from .lib import units

implements: IPriceOracle

initializes: ownable
initializes: ownable_2step[ownable := ownable]

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

MAX_FEEDS: public(constant(uint256)) = 5
MAX_DECIMALS: public(constant(uint256)) = 18
# Far above any price, small enough that no product below overflows: 2**127 * WAD * WAD < 2**256.
MAX_ANSWER: public(constant(int256)) = 2**127 - 1
# A day, the slowest heartbeat in use, and an hour for the update to arrive.
MAX_HEARTBEAT_SECONDS: public(constant(uint256)) = 90_000

# Quote per base, 18 decimals: what the ledger's price ticks are made for.
MIN_PRICE: public(constant(uint256)) = units.MIN_PRICE
MAX_PRICE: public(constant(uint256)) = units.MAX_PRICE

# One basis point and ten per cent, 18 decimals.
MIN_DEVIATION_LIMIT: public(constant(uint256)) = 10**14
MAX_DEVIATION_LIMIT: public(constant(uint256)) = 10**17

# A new set of feeds may change the index at most by this factor, up or down.
MAX_REPLACEMENT_FACTOR: public(constant(uint256)) = 2

# One basis point and five per cent of the index, 18 decimals.
MIN_BASIS_CLAMP: public(constant(uint256)) = 10**14
MAX_BASIS_CLAMP: public(constant(uint256)) = 5 * 10**16
MIN_BASIS_WINDOW: public(constant(uint256)) = 60
MAX_BASIS_WINDOW: public(constant(uint256)) = 86_400

# Of a funding rate, seconds; the premium is averaged over them.
FUNDING_PERIOD: public(constant(uint256)) = premium.FUNDING_PERIOD
# Per period, 18 decimals: how far the interest may pull the rate away from the premium, and so how high it may be.
FUNDING_DAMPER: public(constant(int256)) = premium.FUNDING_DAMPER
# Per period, 18 decimals: four per cent a day, the kernel's limit, rounded down.
MAX_FUNDING_CLAMP: public(constant(uint256)) = 462_962_962_962 * premium.FUNDING_PERIOD
MAX_STANDING_SECONDS: public(constant(uint256)) = premium.MAX_STANDING_SECONDS

MIN_GRACE_SECONDS: public(constant(uint256)) = 300
MAX_GRACE_SECONDS: public(constant(uint256)) = 86_400

# A feed gets this much gas and no more, so one that burns all it gets cannot stop the market.
FEED_GAS: public(constant(uint256)) = 150_000
# Left before asking a feed, so that 63/64 of it still covers FEED_GAS: the caller cannot make a feed
# look dead by sending little gas, and so pick the feeds the median is made of.
FEED_GAS_RESERVE: public(constant(uint256)) = 160_000

ROUND_BYTES: constant(uint256) = 160
ANSWER_OFFSET: constant(uint256) = 32
STARTED_AT_OFFSET: constant(uint256) = 64
UPDATED_AT_OFFSET: constant(uint256) = 96

# Of a premium word: premium, basis and average.
PREMIUM_FIELDS: constant(uint256) = (2**144 - 1) << 32

# Kinds of a market's sets of feeds.
INDEX: constant(uint256) = 0
PERPETUAL: constant(uint256) = 1
SET_WORDS: constant(uint256) = 1 + 2 * MAX_FEEDS

SEQUENCER_UP: constant(int256) = 0
SEQUENCER_DOWN: constant(int256) = 1

struct Price:
    price: uint256  # zero unless usable
    updated_at: uint256
    reason: String[32]  # empty if usable


sequencer_feed: public(address)
sequencer_grace_seconds: public(uint256)

# By market and kind: how many feeds, quorum and largest deviation; then two words a feed (lib/packing).
set_words: HashMap[uint256, HashMap[uint256, uint256[SET_WORDS]]]
# By market.
terms_words: HashMap[uint256, uint256]
premium_words: HashMap[uint256, uint256]


@deploy
def __init__(governance: address):
    """
    @notice Start without markets and without a sequencer feed
    @dev Reverts "oracle: zero governance"
    @param governance First owner
    """
    assert governance != empty(address), "oracle: zero governance"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(governance)


@external
def set_feeds(
    market: uint256,
    feeds: DynArray[IPriceOracle.FeedConfig, MAX_FEEDS],
    quorum: uint256,
    max_deviation: uint256,
):
    """
    @notice Replace the feeds of a market, or list a new market; governance only
    @dev The new set must give a usable price at once, within MAX_REPLACEMENT_FACTOR of the old index
         if that was usable. The sequencer plays no part in this. Reverts "oracle: bad market id",
         "oracle: no feeds", "oracle: bad quorum", "oracle: bad deviation limit", and what
         `_checked_feeds` and `_check_replacement` revert with
    @param market Market id, below units.MAX_MARKETS
    @param feeds One to five feeds
    @param quorum Live feeds needed, more than half of the feeds
    @param max_deviation Largest distance of a live feed from the median, share of it, 18 decimals
    """
    ownable._check_owner()
    assert market < units.MAX_MARKETS, "oracle: bad market id"
    assert len(feeds) != 0, "oracle: no feeds"

    old: IPriceOracle.FeedSet = self._feed_set(market, INDEX)
    new: IPriceOracle.FeedSet = self._checked_set(feeds, quorum, max_deviation)
    price: Price = self._price(new)
    assert len(price.reason) == 0, price.reason
    before: Price = self._price(old)
    # If the old set has no usable price there is nothing to compare with.
    if len(before.reason) == 0:
        self._check_replacement(price.price, before.price)
    self._store_set(market, INDEX, new)
    if self.premium_words[market] == 0:
        self._store_premium(
            market,
            packing.Premium(observed_at=block.timestamp, premium=0, basis=0, average=0, rate_sum=0),
        )

    log IPriceOracle.FeedsSet(
        market=market,
        old_feeds=old.feeds,
        new_feeds=new.feeds,
        old_quorum=old.quorum,
        new_quorum=quorum,
        old_max_deviation=old.max_deviation,
        new_max_deviation=max_deviation,
    )


@external
def set_perpetual_feeds(
    market: uint256,
    feeds: DynArray[IPriceOracle.FeedConfig, MAX_FEEDS],
    quorum: uint256,
    max_deviation: uint256,
    basis_window: uint256,
    basis_clamp: uint256,
):
    """
    @notice Replace the feeds of the perpetual's price elsewhere, or switch them off; governance only
    @dev The new set must give a usable price at once, within MAX_REPLACEMENT_FACTOR of the index. What
         the old set said last counts until now; the new one's first word is with the next observation.
         Without feeds the basis that is left fades over the window. Reverts "oracle: market not
         listed", "oracle: bad basis window", "oracle: bad basis clamp", "oracle: bad quorum", "oracle:
         bad deviation limit", and what `_checked_feeds`, `_price` (of either set) and `_check_replacement`
         revert with
    @param market Market id
    @param feeds One to five feeds, or none
    @param quorum Live feeds needed, more than half of the feeds; 0 without feeds
    @param max_deviation Largest distance of a live feed from the median, share of it, 18 decimals; 0
           without feeds
    @param basis_window Seconds the basis averages over
    @param basis_clamp Largest premium that counts, share of the index, 18 decimals
    """
    ownable._check_owner()
    index: IPriceOracle.FeedSet = self._feed_set(market, INDEX)
    assert len(index.feeds) != 0, "oracle: market not listed"
    assert (
        basis_window >= MIN_BASIS_WINDOW and basis_window <= MAX_BASIS_WINDOW
    ), "oracle: bad basis window"
    assert (
        basis_clamp >= MIN_BASIS_CLAMP and basis_clamp <= MAX_BASIS_CLAMP
    ), "oracle: bad basis clamp"

    new: IPriceOracle.FeedSet = empty(IPriceOracle.FeedSet)
    if len(feeds) == 0:
        assert quorum == 0, "oracle: bad quorum"
        assert max_deviation == 0, "oracle: bad deviation limit"
    else:
        new = self._checked_set(feeds, quorum, max_deviation)
        perpetual: Price = self._price(new)
        assert len(perpetual.reason) == 0, perpetual.reason
        price: Price = self._price(index)
        assert len(price.reason) == 0, price.reason
        self._check_replacement(perpetual.price, price.price)

    old: IPriceOracle.FeedSet = self._feed_set(market, PERPETUAL)
    terms: packing.FundingTerms = packing._funding_terms(self.terms_words[market])
    old_window: uint256 = terms.basis_window
    old_clamp: uint256 = terms.basis_clamp
    state: packing.Premium = self._settled(market)
    state.premium = 0
    state.basis = premium._stepped(premium._clamped(state.basis, basis_clamp))
    self._store_premium(market, state)
    terms.basis_window = basis_window
    terms.basis_clamp = basis_clamp
    self.terms_words[market] = packing._funding_terms_word(terms)
    self._store_set(market, PERPETUAL, new)

    log IPriceOracle.PerpetualFeedsSet(
        market=market,
        old_set=old,
        new_set=new,
        old_basis_window=old_window,
        new_basis_window=basis_window,
        old_basis_clamp=old_clamp,
        new_basis_clamp=basis_clamp,
    )


@external
def set_funding(market: uint256, interest_rate: int256, funding_clamp: uint256):
    """
    @notice Set what a market's funding rate is made of besides the premium; governance only
    @dev What was in force until now is added up first. Reverts "oracle: market not listed", "oracle:
         interest too high", "oracle: funding clamp too high"
    @param market Market id
    @param interest_rate Funding rate without a premium, per 8 hours, 18 decimals; > 0: longs pay shorts
    @param funding_clamp Largest funding rate, per 8 hours, 18 decimals
    """
    ownable._check_owner()
    assert self.set_words[market][INDEX][0] != 0, "oracle: market not listed"
    assert (
        interest_rate >= -FUNDING_DAMPER and interest_rate <= FUNDING_DAMPER
    ), "oracle: interest too high"
    assert funding_clamp <= MAX_FUNDING_CLAMP, "oracle: funding clamp too high"

    self._store_premium(market, self._settled(market))
    terms: packing.FundingTerms = packing._funding_terms(self.terms_words[market])
    old_interest_rate: int256 = terms.interest_rate
    old_funding_clamp: uint256 = terms.funding_clamp
    terms.interest_rate = interest_rate
    terms.funding_clamp = funding_clamp
    self.terms_words[market] = packing._funding_terms_word(terms)

    log IPriceOracle.FundingSet(
        market=market,
        old_interest_rate=old_interest_rate,
        new_interest_rate=interest_rate,
        old_funding_clamp=old_funding_clamp,
        new_funding_clamp=funding_clamp,
    )


@external
def set_sequencer_feed(feed: address, grace_seconds: uint256):
    """
    @notice Set or remove the sequencer's uptime feed; governance only
    @dev The feed must answer like an uptime feed, up or down. Reverts "oracle: grace without feed",
         "oracle: bad grace period", "oracle: bad sequencer feed", "oracle: low gas"
    @param feed Uptime feed, zero to switch the check off
    @param grace_seconds How long prices stay unusable after a restart, zero when the check is off
    """
    ownable._check_owner()
    if feed == empty(address):
        assert grace_seconds == 0, "oracle: grace without feed"
    else:
        assert (
            grace_seconds >= MIN_GRACE_SECONDS and grace_seconds <= MAX_GRACE_SECONDS
        ), "oracle: bad grace period"
        assert self._is_uptime_round(self._ask_round(feed)), "oracle: bad sequencer feed"

    old_feed: address = self.sequencer_feed
    old_grace_seconds: uint256 = self.sequencer_grace_seconds
    self.sequencer_feed = feed
    self.sequencer_grace_seconds = grace_seconds

    log IPriceOracle.SequencerFeedSet(
        old_feed=old_feed,
        new_feed=feed,
        old_grace_seconds=old_grace_seconds,
        new_grace_seconds=grace_seconds,
    )


@external
def observe(market: uint256) -> IPriceOracle.Reading:
    """
    @notice Record the premium as it is now, and read. Anyone may, at any time
    @dev What was observed before has stood until now; what is seen now counts from now on, so it does
         not show in what is returned. A market without premium has nothing to record. Reverts as `read`
    @param market Market id
    @return The reading
    """
    status: IPriceOracle.Status = empty(IPriceOracle.Status)
    state: packing.Premium = empty(packing.Premium)
    status, state = self._observed(market)
    assert status.usable, status.reason
    # Without premium, basis and average the rate's sum grows evenly and needs no record.
    if (self.premium_words[market] | packing._premium_word(state)) & PREMIUM_FIELDS != 0:
        self._store_premium(market, state)
    return status.reading


@external
@view
def read(market: uint256) -> IPriceOracle.Reading:
    """
    @notice Prices and funding rate of a market, now: what `observe` would return
    @dev Reverts with the reasons of `_observed`, and "oracle: low gas"
    @param market Market id
    @return The reading
    @custom:rounding Feed answers are scaled up exactly; the mean of two middle ones is rounded down
    """
    status: IPriceOracle.Status = self._observed(market)[0]
    assert status.usable, status.reason
    return status.reading


@external
@view
def status(market: uint256) -> IPriceOracle.Status:
    """
    @notice The same as `read`, with the reason in place of the revert
    @dev Reverts "oracle: low gas" only: too little gas says nothing about the price
    @param market Market id
    @return Whether the price is usable, the reading, and the reason if it is not
    """
    return self._observed(market)[0]


@external
@view
def perpetual_status(market: uint256) -> IPriceOracle.PerpetualStatus:
    """
    @notice The perpetual's price elsewhere, now
    @dev Reverts "oracle: low gas" only
    @param market Market id
    @return Whether it is usable, the price, and the reason if it is not
    """
    price: Price = self._price(self._feed_set(market, PERPETUAL))
    return IPriceOracle.PerpetualStatus(
        usable=len(price.reason) == 0, price=price.price, reason=price.reason
    )


@external
@view
def premium_state(market: uint256) -> IPriceOracle.PremiumState:
    """
    @notice What was recorded of a market's premium, as of its last record
    @param market Market id
    @return The state, all zero for an unknown market
    """
    state: packing.Premium = packing._premium(self.premium_words[market])
    return IPriceOracle.PremiumState(
        observed_at=state.observed_at,
        premium=state.premium,
        basis=state.basis,
        average_premium=state.average,
        rate_sum=state.rate_sum,
    )


@external
@view
def feed_states(market: uint256) -> DynArray[IPriceOracle.FeedState, MAX_FEEDS]:
    """
    @notice Every feed of a market's index, live or not, in configured order
    @dev Reverts "oracle: low gas"
    @param market Market id
    @return The states; empty for an unknown market
    """
    return self._feed_states(market, INDEX)


@external
@view
def perpetual_feed_states(market: uint256) -> DynArray[IPriceOracle.FeedState, MAX_FEEDS]:
    """
    @notice Every feed of the perpetual's price, live or not, in configured order
    @dev Reverts "oracle: low gas"
    @param market Market id
    @return The states; empty for a market without such feeds
    """
    return self._feed_states(market, PERPETUAL)


@external
@view
def config(market: uint256) -> IPriceOracle.MarketConfig:
    """
    @notice Parameters of a market
    @param market Market id
    @return Feeds, quorum, maximum deviation (18 decimals), the same of the perpetual's feeds, the terms of
            basis and funding
    """
    index: IPriceOracle.FeedSet = self._feed_set(market, INDEX)
    terms: packing.FundingTerms = packing._funding_terms(self.terms_words[market])
    return IPriceOracle.MarketConfig(
        feeds=index.feeds,
        quorum=index.quorum,
        max_deviation=index.max_deviation,
        perpetual=self._feed_set(market, PERPETUAL),
        basis_window=terms.basis_window,
        basis_clamp=terms.basis_clamp,
        interest_rate=terms.interest_rate,
        funding_clamp=terms.funding_clamp,
    )


@internal
@view
def _observed(market: uint256) -> (IPriceOracle.Status, packing.Premium):
    """
    @notice The one place that decides whether a market has a usable price, and what is observed with it
    @dev Reasons: "oracle: sequencer down", "oracle: sequencer grace", those of `_price`
    @return The status, and what `observe` is to record if it is usable
    """
    state: packing.Premium = empty(packing.Premium)
    reason: String[32] = self._sequencer_reason()
    if len(reason) != 0:
        return self._unusable(reason), state
    price: Price = self._price(self._feed_set(market, INDEX))
    if len(price.reason) != 0:
        return self._unusable(price.reason), state

    terms: packing.FundingTerms = packing._funding_terms(self.terms_words[market])
    state = self._settled(market)
    mark: uint256 = premium._mark(price.price, state.basis)
    if not self._is_in_range(mark):
        return self._unusable("oracle: price out of range"), state
    state.premium = 0
    if self.set_words[market][PERPETUAL][0] != 0:
        perpetual: Price = self._price(self._feed_set(market, PERPETUAL))
        if len(perpetual.reason) == 0:
            state.premium = premium._observed(perpetual.price, price.price, terms.basis_clamp)

    return IPriceOracle.Status(
        usable=True,
        reading=IPriceOracle.Reading(
            mark=mark,
            index=price.price,
            funding_rate=premium._rate_per_second(state.average, terms),
            updated_at=price.updated_at,
            rate_sum=state.rate_sum,
        ),
        reason="",
    ), state


@internal
@view
def _settled(market: uint256) -> packing.Premium:
    """
    @notice What is recorded of a market's premium, brought to now
    """
    return premium._settled(
        packing._premium(self.premium_words[market]),
        packing._funding_terms(self.terms_words[market]),
        block.timestamp,
    )


@internal
def _store_premium(market: uint256, state: packing.Premium):
    self.premium_words[market] = packing._premium_word(state)
    log IPriceOracle.PremiumObserved(
        market=market,
        premium=state.premium,
        basis=state.basis,
        average_premium=state.average,
        rate_sum=state.rate_sum,
    )


@internal
@view
def _price(feed_set: IPriceOracle.FeedSet) -> Price:
    """
    @notice What a set of feeds alone says
    @dev Reasons: "oracle: unknown market", "oracle: quorum not met", "oracle: price deviation",
         "oracle: price out of range"
    """
    if len(feed_set.feeds) == 0:
        return self._no_price("oracle: unknown market")

    prices: DynArray[uint256, MAX_FEEDS] = []
    updated_at: uint256 = block.timestamp
    for feed: IPriceOracle.Feed in feed_set.feeds:
        state: IPriceOracle.FeedState = self._feed_state(feed)
        if len(state.reason) == 0:
            prices = self._inserted(prices, state.price)
            updated_at = min(updated_at, state.updated_at)
    if len(prices) < feed_set.quorum:
        return self._no_price("oracle: quorum not met")

    median: uint256 = self._median(prices)
    # Sorted: if the two ends are near enough to the median, so is everything between.
    distance: uint256 = max(median - prices[0], prices[len(prices) - 1] - median)
    if distance * units.WAD > median * feed_set.max_deviation:
        return self._no_price("oracle: price deviation")
    if not self._is_in_range(median):
        return self._no_price("oracle: price out of range")
    return Price(price=median, updated_at=updated_at, reason="")


@internal
@pure
def _no_price(reason: String[32]) -> Price:
    return Price(price=0, updated_at=0, reason=reason)


@internal
@pure
def _unusable(reason: String[32]) -> IPriceOracle.Status:
    return IPriceOracle.Status(usable=False, reading=empty(IPriceOracle.Reading), reason=reason)


@internal
@pure
def _is_in_range(price: uint256) -> bool:
    return price >= MIN_PRICE and price <= MAX_PRICE


@internal
@pure
def _inserted(prices: DynArray[uint256, MAX_FEEDS], price: uint256) -> DynArray[uint256, MAX_FEEDS]:
    """
    @notice Ascending prices with one more in its place
    """
    ascending: DynArray[uint256, MAX_FEEDS] = prices
    ascending.append(price)
    for step: uint256 in range(len(prices), bound=MAX_FEEDS):
        i: uint256 = len(prices) - step
        if ascending[i - 1] <= price:
            break
        ascending[i] = ascending[i - 1]
        ascending[i - 1] = price
    return ascending


@internal
@pure
def _median(ascending: DynArray[uint256, MAX_FEEDS]) -> uint256:
    """
    @notice The middle price, or the mean of the two middle ones
    @custom:rounding Down, by half a unit of the eighteenth decimal
    """
    upper: uint256 = len(ascending) >> 1
    lower: uint256 = (len(ascending) - 1) >> 1
    return (ascending[lower] + ascending[upper]) >> 1


@internal
@view
def _feed_set(market: uint256, kind: uint256) -> IPriceOracle.FeedSet:
    """
    @notice A set of feeds as stored; empty if there is none
    """
    head: uint256 = self.set_words[market][kind][0]
    feeds: DynArray[IPriceOracle.Feed, MAX_FEEDS] = []
    for n: uint256 in range(head & packing.MASK_8, bound=MAX_FEEDS):
        word: uint256 = self.set_words[market][kind][1 + 2 * n]
        bounds: uint256 = self.set_words[market][kind][2 + 2 * n]
        feeds.append(
            IPriceOracle.Feed(
                aggregator=convert(word & packing.MASK_160, address),
                heartbeat_seconds=(word >> 160) & packing.MASK_24,
                min_answer=convert(packing._low_half(bounds), int256),
                max_answer=convert(packing._high_half(bounds), int256),
                decimals=word >> 184,
            )
        )
    return IPriceOracle.FeedSet(
        feeds=feeds, quorum=(head >> 8) & packing.MASK_8, max_deviation=head >> 16
    )


@internal
def _store_set(market: uint256, kind: uint256, feed_set: IPriceOracle.FeedSet):
    words: uint256[SET_WORDS] = empty(uint256[SET_WORDS])
    words[0] = packing._feed_set_word(
        len(feed_set.feeds), feed_set.quorum, feed_set.max_deviation
    )
    place: uint256 = 1
    for feed: IPriceOracle.Feed in feed_set.feeds:
        words[place] = packing._feed_word(feed.aggregator, feed.heartbeat_seconds, feed.decimals)
        words[place + 1] = packing._halves_word(
            convert(feed.min_answer, uint256), convert(feed.max_answer, uint256)
        )
        place += 2
    self.set_words[market][kind] = words


@internal
@view
def _feed_states(market: uint256, kind: uint256) -> DynArray[IPriceOracle.FeedState, MAX_FEEDS]:
    states: DynArray[IPriceOracle.FeedState, MAX_FEEDS] = []
    for feed: IPriceOracle.Feed in self._feed_set(market, kind).feeds:
        states.append(self._feed_state(feed))
    return states


@internal
@view
def _feed_state(feed: IPriceOracle.Feed) -> IPriceOracle.FeedState:
    """
    @notice Whether a feed is live, and its price if so
    @dev Reasons: "oracle: feed unreadable", "oracle: feed answer invalid", "oracle: feed time
         invalid", "oracle: feed stale". The bounds contain the test for zero and negative answers
    """
    state: IPriceOracle.FeedState = empty(IPriceOracle.FeedState)
    state.aggregator = feed.aggregator
    round: Bytes[ROUND_BYTES] = self._ask_round(feed.aggregator)
    if len(round) < ROUND_BYTES:
        state.reason = "oracle: feed unreadable"
        return state

    answer: int256 = extract32(round, ANSWER_OFFSET, output_type=int256)
    updated_at: uint256 = extract32(round, UPDATED_AT_OFFSET, output_type=uint256)
    if answer <= feed.min_answer or answer >= feed.max_answer:
        state.reason = "oracle: feed answer invalid"
    elif updated_at == 0 or updated_at > block.timestamp:
        state.reason = "oracle: feed time invalid"
    elif block.timestamp - updated_at > feed.heartbeat_seconds:
        state.reason = "oracle: feed stale"
    else:
        state.price = convert(answer, uint256) * 10**(MAX_DECIMALS - feed.decimals)
        state.updated_at = updated_at
    return state


@internal
@view
def _sequencer_reason() -> String[32]:
    """
    @notice Why the sequencer makes prices unusable, empty if it does not
    @dev An unreadable or nonsensical answer counts as down
    """
    feed: address = self.sequencer_feed
    if feed == empty(address):
        return ""
    round: Bytes[ROUND_BYTES] = self._ask_round(feed)
    if not self._is_uptime_round(round):
        return "oracle: sequencer down"
    if extract32(round, ANSWER_OFFSET, output_type=int256) != SEQUENCER_UP:
        return "oracle: sequencer down"
    started_at: uint256 = extract32(round, STARTED_AT_OFFSET, output_type=uint256)
    if block.timestamp - started_at < self.sequencer_grace_seconds:
        return "oracle: sequencer grace"
    return ""


@internal
@view
def _is_uptime_round(round: Bytes[ROUND_BYTES]) -> bool:
    """
    @notice Whether a round is an uptime feed's: up or down, since a time in the past
    """
    if len(round) < ROUND_BYTES:
        return False
    answer: int256 = extract32(round, ANSWER_OFFSET, output_type=int256)
    started_at: uint256 = extract32(round, STARTED_AT_OFFSET, output_type=uint256)
    if answer != SEQUENCER_UP and answer != SEQUENCER_DOWN:
        return False
    return started_at != 0 and started_at <= block.timestamp


@internal
@view
def _ask_round(feed: address) -> Bytes[ROUND_BYTES]:
    """
    @notice The words of a feed's latest round, or fewer bytes if it fails
    @dev Reverts "oracle: low gas"
    """
    assert msg.gas >= FEED_GAS_RESERVE, "oracle: low gas"
    return self._ask(feed, method_id("latestRoundData()"))


@internal
@view
def _ask(feed: address, selector: Bytes[4]) -> Bytes[ROUND_BYTES]:
    """
    @notice What a contract answers, cut to the length of a round; empty if the call fails
    """
    success: bool = False
    answer: Bytes[ROUND_BYTES] = b""
    success, answer = raw_call(
        feed,
        selector,
        max_outsize=ROUND_BYTES,
        gas=FEED_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success:
        return b""
    return answer


@internal
@view
def _checked_set(
    feeds: DynArray[IPriceOracle.FeedConfig, MAX_FEEDS], quorum: uint256, max_deviation: uint256
) -> IPriceOracle.FeedSet:
    """
    @notice A set of at least one feed
    @dev Reverts "oracle: bad quorum", "oracle: bad deviation limit", what `_checked_feeds` reverts with
    """
    assert quorum <= len(feeds) and quorum > len(feeds) - quorum, "oracle: bad quorum"
    assert (
        max_deviation >= MIN_DEVIATION_LIMIT and max_deviation <= MAX_DEVIATION_LIMIT
    ), "oracle: bad deviation limit"
    return IPriceOracle.FeedSet(
        feeds=self._checked_feeds(feeds), quorum=quorum, max_deviation=max_deviation
    )


@internal
@view
def _checked_feeds(
    feeds: DynArray[IPriceOracle.FeedConfig, MAX_FEEDS]
) -> DynArray[IPriceOracle.Feed, MAX_FEEDS]:
    """
    @notice Feeds as they are stored, with their decimals
    @dev Reverts "oracle: duplicate feed", "oracle: bad heartbeat", "oracle: bad answer bounds", what
         `_feed_decimals` reverts with
    """
    checked: DynArray[IPriceOracle.Feed, MAX_FEEDS] = []
    for feed: IPriceOracle.FeedConfig in feeds:
        for earlier: IPriceOracle.Feed in checked:
            assert feed.aggregator != earlier.aggregator, "oracle: duplicate feed"
        assert (
            feed.heartbeat_seconds != 0 and feed.heartbeat_seconds <= MAX_HEARTBEAT_SECONDS
        ), "oracle: bad heartbeat"
        assert (
            feed.min_answer >= 0 and feed.min_answer < feed.max_answer and feed.max_answer <= MAX_ANSWER
        ), "oracle: bad answer bounds"
        checked.append(
            IPriceOracle.Feed(
                aggregator=feed.aggregator,
                heartbeat_seconds=feed.heartbeat_seconds,
                min_answer=feed.min_answer,
                max_answer=feed.max_answer,
                decimals=self._feed_decimals(feed.aggregator),
            )
        )
    return checked


@internal
@view
def _feed_decimals(feed: address) -> uint256:
    """
    @notice Decimals a feed says it has
    @dev Reverts "oracle: decimals unreadable", "oracle: too many decimals"
    """
    answer: Bytes[ROUND_BYTES] = self._ask(feed, method_id("decimals()"))
    assert len(answer) >= 32, "oracle: decimals unreadable"
    decimals: uint256 = extract32(answer, 0, output_type=uint256)
    assert decimals <= MAX_DECIMALS, "oracle: too many decimals"
    return decimals


@internal
@pure
def _check_replacement(price: uint256, known: uint256):
    """
    @notice Refuse feeds whose price is far from the one that is known
    @dev Reverts "oracle: replacement price". Catches feeds of another pair, of the inverse pair or of
         another scale
    """
    assert (
        price <= known * MAX_REPLACEMENT_FACTOR and known <= price * MAX_REPLACEMENT_FACTOR
    ), "oracle: replacement price"
