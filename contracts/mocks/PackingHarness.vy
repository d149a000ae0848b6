# pragma version 0.4.3

"""
@title PackingHarness
@license AGPL-3.0-only
@author Lastline
@notice lib/packing.vy for tests to call
"""

from ..lib import packing


@external
@pure
def account(word: uint256) -> packing.Account:
    return packing._account(word)


@external
@pure
def account_word(fields: packing.Account) -> uint256:
    return packing._account_word(fields)


@external
@pure
def maturing(word: uint256) -> packing.Maturing:
    return packing._maturing(word)


@external
@pure
def maturing_word(fields: packing.Maturing) -> uint256:
    return packing._maturing_word(fields)


@external
@pure
def price(word: uint256) -> packing.Price:
    return packing._price(word)


@external
@pure
def price_word(fields: packing.Price) -> uint256:
    return packing._price_word(fields)


@external
@pure
def flow_word(open_interest: uint256, fees: uint256) -> uint256:
    return packing._flow_word(open_interest, fees)


@external
@pure
def funding_word(long_index: int256, short_index: int256) -> uint256:
    return packing._funding_word(long_index, short_index)


@external
@pure
def clock(word: uint256) -> packing.Clock:
    return packing._clock(word)


@external
@pure
def clock_word(fields: packing.Clock) -> uint256:
    return packing._clock_word(fields)


@external
@pure
def funding_terms(word: uint256) -> packing.FundingTerms:
    return packing._funding_terms(word)


@external
@pure
def funding_terms_word(fields: packing.FundingTerms) -> uint256:
    return packing._funding_terms_word(fields)


@external
@pure
def premium(word: uint256) -> packing.Premium:
    return packing._premium(word)


@external
@pure
def premium_word(fields: packing.Premium) -> uint256:
    return packing._premium_word(fields)


@external
@pure
def rate_sum_word(oracle: address, rate_sum: int256) -> uint256:
    return packing._rate_sum_word(oracle, rate_sum)


@external
@pure
def feed_set_word(count: uint256, quorum: uint256, max_deviation: uint256) -> uint256:
    return packing._feed_set_word(count, quorum, max_deviation)


@external
@pure
def feed_word(aggregator: address, heartbeat_seconds: uint256, decimals: uint256) -> uint256:
    return packing._feed_word(aggregator, heartbeat_seconds, decimals)


@external
@pure
def sums(word: uint256) -> packing.Sums:
    return packing._sums(word)


@external
@pure
def sums_word(fields: packing.Sums) -> uint256:
    return packing._sums_word(fields)


@external
@pure
def signed_field(worth: int256, bits: uint256) -> uint256:
    return packing._signed_field(worth, bits)


@external
@pure
def signed_from(word: uint256, offset: uint256, bits: uint256) -> int256:
    return packing._signed_from(word, offset, bits)


@external
@pure
def position_word(size: uint256, notional: uint256, key: uint256) -> uint256:
    return packing._position_word(size, notional, key)


@external
@pure
def position_key(market: uint256, word: uint256) -> uint256:
    return packing._position_key(market, word)


@external
@pure
def cohort_key(
    market: uint256, is_short: bool, leverage_class: uint256, tick: uint256, generation: uint256
) -> uint256:
    return packing._cohort_key(market, is_short, leverage_class, tick, generation)


@external
@pure
def leverage_class(classes: uint256, market: uint256) -> uint256:
    return packing._leverage_class(classes, market)


@external
@pure
def with_leverage_class(classes: uint256, market: uint256, leverage_class: uint256) -> uint256:
    return packing._with_leverage_class(classes, market, leverage_class)


@external
@pure
def halves_word(low: uint256, high: uint256) -> uint256:
    return packing._halves_word(low, high)


@external
@pure
def halves(word: uint256) -> (uint256, uint256):
    return packing._low_half(word), packing._high_half(word)


@external
@pure
def signed_halves_word(low: int256, high: int256) -> uint256:
    return packing._signed_halves_word(low, high)


@external
@pure
def signed_halves(word: uint256) -> (int256, int256):
    return packing._low_signed(word), packing._high_signed(word)


@external
@pure
def factor_word(share: uint256, offset: int256) -> uint256:
    return packing._factor_word(share, offset)


@external
@pure
def factor(word: uint256) -> (uint256, int256):
    return packing._share(word), packing._offset(word)


@external
@pure
def round_word(share: uint256, price: uint256) -> uint256:
    return packing._round_word(share, price)


@external
@pure
def round(word: uint256) -> (uint256, uint256):
    return packing._share(word), packing._round_price(word)


@external
@pure
def batch_word(taken: uint256, refill: uint256) -> uint256:
    return packing._batch_word(taken, refill)


@external
@pure
def batch(word: uint256) -> (uint256, uint256):
    return packing._share(word), packing._refill(word)


@external
@pure
def batch_sums_word(current: uint256, previous: uint256, batch: uint256, charged: uint256) -> uint256:
    return packing._batch_sums_word(current, previous, batch, charged)


@external
@pure
def bucket(word: uint256) -> packing.Bucket:
    return packing._bucket(word)


@external
@pure
def bucket_word(fields: packing.Bucket) -> uint256:
    return packing._bucket_word(fields)
