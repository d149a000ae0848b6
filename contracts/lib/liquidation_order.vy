# pragma version 0.4.3

"""
@title liquidation_order
@license AGPL-3.0-only
@author Lastline
@notice Which of an account's positions may be liquidated first, and how much of it: a hedge is not stripped before what it
        hedges.
@dev Let L and S be what the account is long and short at mark, N = |L - S|.
     - While L > S only longs may be liquidated, while S > L only shorts, if any of them can be: that is, has a fresh
       mark and at least the market's minimum notional. At L = S either.
     - A liquidation that goes beyond N turns the account round. So of what its plan asks for beyond N, half: the other half is
       then due on the other side. At least the minimum notional, and all if less than that would stay.
"""

from ..interfaces import IMarginVaultViews
from . import fixed_math
from . import packing
from . import units


@pure
def _markets(e: IMarginVaultViews.Exposure) -> uint256:
    """
    @notice Bitmap of the markets whose position may be liquidated now
    """
    larger: uint256 = e.long_markets if e.longs > e.shorts else e.short_markets
    if e.longs == e.shorts or larger & e.ready_markets == 0:
        return e.long_markets | e.short_markets
    return larger


@pure
def _most(e: IMarginVaultViews.Exposure, planned: uint256) -> uint256:
    """
    @notice How much of the position in the market of `e` may be liquidated, base; max_value for no limit
    @param planned What its plan asks for, base, without sign
    """
    is_long: bool = e.size > 0
    # against nothing there is no hedge; on the smaller side (because nothing of the larger can be liquidated) no balance to reach
    if min(e.longs, e.shorts) == 0 or (e.longs != e.shorts and is_long != (e.longs > e.shorts)):
        return max_value(uint256)
    net: uint256 = fixed_math._mul_div_up(
        max(e.longs, e.shorts) - min(e.longs, e.shorts), units.WAD, e.mark
    )
    if planned <= net:
        return max_value(uint256)
    least: uint256 = fixed_math._mul_div_up(e.minimum_notional, units.WAD, e.mark)
    most: uint256 = max(net + fixed_math._div_up(planned - net, 2), least)
    if fixed_math._saturating_sub(fixed_math._magnitude(e.size), most) < least:
        return max_value(uint256)
    return most
