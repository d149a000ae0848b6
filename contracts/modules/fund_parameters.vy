# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title fund_parameters
@license AGPL-3.0-only
@author Lastline
@notice The fund's parameters, their hard bounds and their setters. Only governance writes them.
"""

from snekmate.auth import ownable

from ..interfaces import IInsuranceFund
from ..lib import units

uses: ownable

MIN_DAILY_CAP_SHARE: public(constant(uint256)) = 10**16
MAX_DAILY_CAP_SHARE: public(constant(uint256)) = units.WAD
MIN_DRAW_SHARE: public(constant(uint256)) = 10**15
MAX_DRAW_SHARE: public(constant(uint256)) = units.WAD
# Not 0, or governance could make the target vanish and take out all capital.
MIN_STRESS_SHARE: public(constant(uint256)) = 10**16
MAX_STRESS_SHARE: public(constant(uint256)) = units.WAD
MAX_FEE_SHARE: public(constant(uint256)) = units.WAD
# Token units; what the payout window can hold.
MAX_AMOUNT: public(constant(uint256)) = 2**112 - 1

params: IInsuranceFund.Parameters
own_limits: HashMap[uint256, IInsuranceFund.MarketLimits]


@deploy
def __init__(parameters: IInsuranceFund.Parameters):
    """
    @notice Set all parameters, under the same checks and with the same events as the setters
    """
    self._set_daily_cap_share(parameters.daily_cap_share)
    self._set_fee_shares(parameters.share_below_target, parameters.share_at_target)
    self._set_target_floor(parameters.target_floor)
    self._set_default_limits(parameters.default_limits)


@external
def set_daily_cap_share(daily_cap_share: uint256):
    """
    @notice Set the most that is paid in any 24 hours; only governance
    @dev Reverts "ownable: caller is not the owner", "fund: bad daily cap share"
    @param daily_cap_share Share of the window's base, 18 decimals
    """
    ownable._check_owner()
    self._set_daily_cap_share(daily_cap_share)


@external
def set_fee_shares(share_below_target: uint256, share_at_target: uint256):
    """
    @notice Set which share of trading fees the fund asks for; only governance
    @dev Reverts "ownable: caller is not the owner", "fund: bad fee shares"
    @param share_below_target Share while the reserve is below target, 18 decimals
    @param share_at_target Share from the target on, 18 decimals, not above the other one
    """
    ownable._check_owner()
    self._set_fee_shares(share_below_target, share_at_target)


@external
def set_target_floor(target_floor: uint256):
    """
    @notice Set the least that the target can be; only governance
    @dev Reverts "ownable: caller is not the owner", "fund: bad target floor"
    @param target_floor Token units
    """
    ownable._check_owner()
    self._set_target_floor(target_floor)


@external
def set_default_limits(limits: IInsuranceFund.MarketLimits):
    """
    @notice Set the limits of all markets without limits of their own; only governance
    @dev The stress share applies from a market's next report on. Reverts "ownable: caller is not the owner"
         and what `_require_bounded` reverts with
    @param limits New limits
    """
    ownable._check_owner()
    self._set_default_limits(limits)


@external
def set_market_limits(market: uint256, limits: IInsuranceFund.MarketLimits):
    """
    @notice Give a market limits of its own; only governance
    @dev They apply to an episode already begun, too; the stress share from the market's next report on.
         Reverts "ownable: caller is not the owner", "fund: bad market id" and what `_require_bounded`
         reverts with
    @param market Market id
    @param limits New limits
    """
    ownable._check_owner()
    assert market < units.MAX_MARKETS, "fund: bad market id"
    self._require_bounded(limits)
    old_limits: IInsuranceFund.MarketLimits = self._limits(market)
    self.own_limits[market] = limits
    log IInsuranceFund.MarketLimitsSet(market=market, old_limits=old_limits, new_limits=limits)


@external
@view
def parameters() -> IInsuranceFund.Parameters:
    """
    @notice All parameters but the markets' own limits
    """
    return self.params


@external
@view
def market_limits(market: uint256) -> IInsuranceFund.MarketLimits:
    """
    @notice Limits that apply to a market: its own or the default ones
    @param market Market id
    """
    return self._limits(market)


@internal
@view
def _limits(market: uint256) -> IInsuranceFund.MarketLimits:
    """
    @notice The market's own limits or the default ones; a draw share is never 0, so it tells which
    """
    if self.own_limits[market].draw_share == 0:
        return self.params.default_limits
    return self.own_limits[market]


@internal
def _set_daily_cap_share(daily_cap_share: uint256):
    assert (
        daily_cap_share >= MIN_DAILY_CAP_SHARE and daily_cap_share <= MAX_DAILY_CAP_SHARE
    ), "fund: bad daily cap share"
    old: uint256 = self.params.daily_cap_share
    self.params.daily_cap_share = daily_cap_share
    log IInsuranceFund.DailyCapShareSet(old_daily_cap_share=old, new_daily_cap_share=daily_cap_share)


@internal
def _set_fee_shares(share_below_target: uint256, share_at_target: uint256):
    assert (
        share_at_target <= share_below_target and share_below_target <= MAX_FEE_SHARE
    ), "fund: bad fee shares"
    old_below: uint256 = self.params.share_below_target
    old_at: uint256 = self.params.share_at_target
    self.params.share_below_target = share_below_target
    self.params.share_at_target = share_at_target
    log IInsuranceFund.FeeSharesSet(
        old_share_below_target=old_below,
        new_share_below_target=share_below_target,
        old_share_at_target=old_at,
        new_share_at_target=share_at_target,
    )


@internal
def _set_target_floor(target_floor: uint256):
    assert target_floor <= MAX_AMOUNT, "fund: bad target floor"
    old: uint256 = self.params.target_floor
    self.params.target_floor = target_floor
    log IInsuranceFund.TargetFloorSet(old_target_floor=old, new_target_floor=target_floor)


@internal
def _set_default_limits(limits: IInsuranceFund.MarketLimits):
    self._require_bounded(limits)
    old: IInsuranceFund.MarketLimits = self.params.default_limits
    self.params.default_limits = limits
    log IInsuranceFund.DefaultLimitsSet(old_limits=old, new_limits=limits)


@internal
@pure
def _require_bounded(limits: IInsuranceFund.MarketLimits):
    """
    @dev Reverts "fund: bad draw cap", "fund: bad draw share", "fund: bad stress share"
    """
    assert limits.draw_cap <= MAX_AMOUNT, "fund: bad draw cap"
    assert (
        limits.draw_share >= MIN_DRAW_SHARE and limits.draw_share <= MAX_DRAW_SHARE
    ), "fund: bad draw share"
    assert (
        limits.stress_share >= MIN_STRESS_SHARE and limits.stress_share <= MAX_STRESS_SHARE
    ), "fund: bad stress share"
