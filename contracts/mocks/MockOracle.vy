# pragma version 0.4.3

"""
@title MockOracle
@license AGPL-3.0-only
@author Lastline
@notice A PriceOracle whose readings a test sets; a market without a price, or an unusable one, reverts. The funding rate a
        test sets is that of the time since the last observation, and of all time until it is set again.
"""

from ..interfaces import IPriceOracle

readings: HashMap[uint256, IPriceOracle.Reading]
observed_at: HashMap[uint256, uint256]
is_down: HashMap[uint256, bool]


@external
def set_price(market: uint256, price: uint256, funding_rate: int256 = 0):
    """
    @param price Quote per base, 18 decimals
    @param funding_rate Per second, 18 decimals; > 0: longs pay
    """
    rate_sum: int256 = self.readings[market].rate_sum
    self.readings[market] = IPriceOracle.Reading(
        mark=price,
        index=price,
        funding_rate=funding_rate,
        updated_at=block.timestamp,
        rate_sum=rate_sum,
    )
    self.is_down[market] = False
    if self.observed_at[market] == 0:
        self.observed_at[market] = block.timestamp


@external
def set_rate_sum(market: uint256, rate_sum: int256):
    """
    @param rate_sum What the rates until now add up to, as of now
    """
    self.readings[market].rate_sum = rate_sum
    self.observed_at[market] = block.timestamp


@external
def set_down(market: uint256, is_down: bool):
    """
    @notice Make reading the market revert, or work again
    """
    self.is_down[market] = is_down


@external
def observe(market: uint256) -> IPriceOracle.Reading:
    reading: IPriceOracle.Reading = self._reading(market)
    self.readings[market].rate_sum = reading.rate_sum
    self.observed_at[market] = block.timestamp
    return reading


@external
@view
def read(market: uint256) -> IPriceOracle.Reading:
    return self._reading(market)


@external
@view
def status(market: uint256) -> IPriceOracle.Status:
    """
    @return The reading, or why there is none
    """
    out: IPriceOracle.Status = empty(IPriceOracle.Status)
    if self.is_down[market]:
        out.reason = "oracle: stale price"
    elif self.readings[market].mark == 0:
        out.reason = "oracle: unknown market"
    else:
        out.usable = True
        out.reading = self._reading(market)
    return out


@internal
@view
def _reading(market: uint256) -> IPriceOracle.Reading:
    assert not self.is_down[market], "oracle: stale price"
    assert self.readings[market].mark != 0, "oracle: unknown market"
    reading: IPriceOracle.Reading = self.readings[market]
    elapsed: uint256 = block.timestamp - self.observed_at[market]
    reading.rate_sum += reading.funding_rate * convert(elapsed, int256)
    return reading
