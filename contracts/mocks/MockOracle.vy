# pragma version 0.4.3

"""
@title MockOracle
@license AGPL-3.0-only
@author Lastline
@notice A PriceOracle whose readings a test sets; a market without a price, or an unusable one, reverts.
"""

from ..interfaces import IPriceOracle

readings: HashMap[uint256, IPriceOracle.Reading]
is_down: HashMap[uint256, bool]


@external
def set_price(market: uint256, price: uint256, funding_rate: int256 = 0):
    """
    @param price Quote per base, 18 decimals
    @param funding_rate Per second, 18 decimals; > 0: longs pay
    """
    self.readings[market] = IPriceOracle.Reading(
        mark=price, index=price, funding_rate=funding_rate, updated_at=block.timestamp
    )
    self.is_down[market] = False


@external
def set_down(market: uint256, is_down: bool):
    """
    @notice Make reading the market revert, or work again
    """
    self.is_down[market] = is_down


@external
@view
def status(market: uint256) -> IPriceOracle.Status:
    reading: IPriceOracle.Reading = self.readings[market]
    if self.is_down[market] or reading.mark == 0:
        return IPriceOracle.Status(
            usable=False, reading=empty(IPriceOracle.Reading), reason="oracle: stale price"
        )
    return IPriceOracle.Status(usable=True, reading=reading, reason="")


@external
@view
def read(market: uint256) -> IPriceOracle.Reading:
    assert not self.is_down[market], "oracle: stale price"
    assert self.readings[market].mark != 0, "oracle: unknown market"
    return self.readings[market]
