# pragma version 0.4.3

"""
@title rate_limit
@license AGPL-3.0-only
@author Lastline
@notice How much may be liquidated in a market in a while: for each market a leaky bucket of notional, quote. It holds at most its
        capacity and empties evenly, in `refill_seconds` from full.
@dev Owner of its words (lib/packing.vy). A zero word is no limit.
"""

from ..interfaces import ILiquidationEngine
from ..lib import fixed_math
from ..lib import packing

words: HashMap[uint256, uint256]


@view
def _bucket(market: uint256) -> packing.Bucket:
    """
    @notice A market's bucket as of now; `capacity` 0: no limit
    @custom:rounding What has leaked down
    """
    b: packing.Bucket = packing._bucket(self.words[market])
    if b.capacity != 0:
        leaked: uint256 = fixed_math._mul_div_down(
            b.capacity, block.timestamp - b.time, b.refill_seconds
        )
        b.used = fixed_math._saturating_sub(b.used, leaked)
    b.time = block.timestamp
    return b


@pure
def _free(b: packing.Bucket) -> uint256:
    """
    @notice What may be liquidated now, quote
    """
    return fixed_math._saturating_sub(b.capacity, b.used)


def _count(market: uint256, bucket: packing.Bucket, notional: uint256):
    """
    @notice `notional` has been liquidated. What is more than fits is forgotten: nobody waits for longer than `refill_seconds`
    @param bucket The market's, as of now
    """
    b: packing.Bucket = bucket
    if b.capacity == 0:
        return
    b.used = min(b.used + notional, b.capacity)
    word: uint256 = packing._bucket_word(b)
    self.words[market] = word
    log ILiquidationEngine.LiquidationCounted(market=market, notional=notional, bucket_word=word)


def _set(market: uint256, capacity: uint256, refill_seconds: uint256):
    """
    @notice Set a market's limit; what is used stays used, as far as it fits
    @dev The caller checks the bounds. Both zero: no limit. Reverts "packing: overflow"
    """
    b: packing.Bucket = self._bucket(market)
    word: uint256 = 0
    if capacity != 0:
        word = packing._bucket_word(
            packing.Bucket(
                capacity=capacity,
                used=min(b.used, capacity),
                time=block.timestamp,
                refill_seconds=refill_seconds,
            )
        )
    self.words[market] = word
    log ILiquidationEngine.RateLimitSet(
        market=market,
        capacity=capacity,
        refill_seconds=refill_seconds,
        old_capacity=b.capacity,
        old_refill_seconds=b.refill_seconds,
        bucket_word=word,
    )
