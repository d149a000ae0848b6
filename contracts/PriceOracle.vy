# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title PriceOracle
@license AGPL-3.0-only
@author Lastline
@notice Index price of a market: the median of the live ones among its one to five feeds. A price is
        usable when enough feeds are live, none of the live ones strays too far from the median, and,
        on a rollup, the sequencer is up and has been for a while. If not, `read` reverts.

        Trust: the owner (a timelock) chooses feeds, bounds and funding rates within the limits
        below, and nobody, the owner included, can write a price. A feed is trusted with its answer
        only, not to answer at all, nor with gas or memory: as long as the quorum lives, a dead feed
        is left out. A live feed beyond the deviation limit is not left out: it stops the market,
        since the oracle cannot tell who is right. Set answer bounds inside the feed's own floor and
        ceiling, where it would stick.

        The contract holds no money, keeps no price history and calls nothing but feeds; one wild
        print of all feeds within bounds passes here and is for whoever uses the mark to damp.
        Ownership can be handed over in two steps but not renounced.
"""

from snekmate.auth import ownable
from snekmate.auth import ownable_2step

from .interfaces import IPriceOracle
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

# Four per cent a day, per second, 18 decimals, rounded down.
MAX_FUNDING_RATE: public(constant(int256)) = 462_962_962_962

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

SEQUENCER_UP: constant(int256) = 0
SEQUENCER_DOWN: constant(int256) = 1

sequencer_feed: public(address)
sequencer_grace_seconds: public(uint256)

configs: HashMap[uint256, IPriceOracle.MarketConfig]


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
    assert quorum <= len(feeds) and quorum > len(feeds) - quorum, "oracle: bad quorum"
    assert (
        max_deviation >= MIN_DEVIATION_LIMIT and max_deviation <= MAX_DEVIATION_LIMIT
    ), "oracle: bad deviation limit"

    old: IPriceOracle.MarketConfig = self.configs[market]
    new: IPriceOracle.MarketConfig = IPriceOracle.MarketConfig(
        feeds=self._checked_feeds(feeds),
        quorum=quorum,
        max_deviation=max_deviation,
        funding_rate=old.funding_rate,
    )
    self._check_replacement(old, new)
    self.configs[market] = new

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
def set_funding_rate(market: uint256, funding_rate: int256):
    """
    @notice Set the funding rate of a market; governance only
    @dev Reverts "oracle: market not listed", "oracle: funding rate too high"
    @param market Market id
    @param funding_rate Per second, 18 decimals, of mark; > 0: longs pay shorts
    """
    ownable._check_owner()
    assert len(self.configs[market].feeds) != 0, "oracle: market not listed"
    assert (
        funding_rate >= -MAX_FUNDING_RATE and funding_rate <= MAX_FUNDING_RATE
    ), "oracle: funding rate too high"

    old_funding_rate: int256 = self.configs[market].funding_rate
    self.configs[market].funding_rate = funding_rate

    log IPriceOracle.FundingRateSet(
        market=market, old_funding_rate=old_funding_rate, new_funding_rate=funding_rate
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
@view
def read(market: uint256) -> IPriceOracle.Reading:
    """
    @notice Prices and funding rate of a market, now
    @dev Reverts with the reasons of `_status`, and "oracle: low gas"
    @param market Market id
    @return The reading
    @custom:rounding Feed answers are scaled up exactly; the mean of two middle ones is rounded down
    """
    status: IPriceOracle.Status = self._status(market)
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
    return self._status(market)


@external
@view
def feed_states(market: uint256) -> DynArray[IPriceOracle.FeedState, MAX_FEEDS]:
    """
    @notice Every feed of a market, live or not, in configured order
    @dev Reverts "oracle: low gas"
    @param market Market id
    @return The states; empty for an unknown market
    """
    states: DynArray[IPriceOracle.FeedState, MAX_FEEDS] = []
    for feed: IPriceOracle.Feed in self.configs[market].feeds:
        states.append(self._feed_state(feed))
    return states


@external
@view
def config(market: uint256) -> IPriceOracle.MarketConfig:
    """
    @notice Parameters of a market
    @param market Market id
    @return Feeds, quorum, maximum deviation (18 decimals), funding rate (per second, 18 decimals)
    """
    return self.configs[market]


@internal
@view
def _status(market: uint256) -> IPriceOracle.Status:
    """
    @notice The one place that decides whether a market has a usable price
    @dev Reasons: "oracle: sequencer down", "oracle: sequencer grace", those of `_price_status`
    """
    reason: String[32] = self._sequencer_reason()
    if len(reason) != 0:
        return self._unusable(reason)
    return self._price_status(self.configs[market])


@internal
@view
def _price_status(config: IPriceOracle.MarketConfig) -> IPriceOracle.Status:
    """
    @notice What the feeds alone say
    @dev Reasons: "oracle: unknown market", "oracle: quorum not met", "oracle: price deviation",
         "oracle: price out of range"
    """
    if len(config.feeds) == 0:
        return self._unusable("oracle: unknown market")

    prices: DynArray[uint256, MAX_FEEDS] = []
    updated_at: uint256 = block.timestamp
    for feed: IPriceOracle.Feed in config.feeds:
        state: IPriceOracle.FeedState = self._feed_state(feed)
        if len(state.reason) == 0:
            prices = self._inserted(prices, state.price)
            updated_at = min(updated_at, state.updated_at)
    if len(prices) < config.quorum:
        return self._unusable("oracle: quorum not met")

    index: uint256 = self._median(prices)
    # Sorted: if the two ends are near enough to the median, so is everything between.
    distance: uint256 = max(index - prices[0], prices[len(prices) - 1] - index)
    if distance * units.WAD > index * config.max_deviation:
        return self._unusable("oracle: price deviation")

    mark: uint256 = self._mark(index)
    if not (self._is_in_range(index) and self._is_in_range(mark)):
        return self._unusable("oracle: price out of range")

    return IPriceOracle.Status(
        usable=True,
        reading=IPriceOracle.Reading(
            mark=mark,
            index=index,
            funding_rate=self._funding_rate(config),
            updated_at=updated_at,
        ),
        reason="",
    )


@internal
@pure
def _unusable(reason: String[32]) -> IPriceOracle.Status:
    return IPriceOracle.Status(usable=False, reading=empty(IPriceOracle.Reading), reason=reason)


@internal
@pure
def _mark(index: uint256) -> uint256:
    """
    @notice Mark price, quote per base, 18 decimals: the index, there is no basis yet
    """
    return index


@internal
@pure
def _funding_rate(config: IPriceOracle.MarketConfig) -> int256:
    """
    @notice Funding rate, per second, 18 decimals: as set by governance, not yet from the premium
    """
    return config.funding_rate


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
@view
def _check_replacement(old: IPriceOracle.MarketConfig, new: IPriceOracle.MarketConfig):
    """
    @notice Refuse a set of feeds that has no price, or one far from that of the set it replaces
    @dev Reverts "oracle: replacement price", "oracle: low gas" and the reasons of `_price_status`.
         Catches feeds of another pair, of the inverse pair or of another scale. If the old set has
         no usable price there is nothing to compare with
    """
    after: IPriceOracle.Status = self._price_status(new)
    assert after.usable, after.reason
    before: IPriceOracle.Status = self._price_status(old)
    if before.usable:
        assert (
            after.reading.index <= before.reading.index * MAX_REPLACEMENT_FACTOR
            and before.reading.index <= after.reading.index * MAX_REPLACEMENT_FACTOR
        ), "oracle: replacement price"
