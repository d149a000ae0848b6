# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title stress_model
@license AGPL-3.0-only
@author Lastline
@notice How large the fund should be: for each market, open interest x stress share, for what a shock costs through slippage, and the largest known
        position x concentration share, for what it costs to close one position that is too large for the market.
        Token units, rounded up. The vault reports open interest; anyone may report a position.
"""

from snekmate.auth import ownable

from ..interfaces import IInsuranceFund
from ..interfaces import IMarginVaultViews
from ..lib import fixed_math
from ..lib import units
from . import fund_parameters

uses: fund_parameters
uses: ownable

MAX_CONCENTRATION_SHARE: public(constant(uint256)) = units.WAD

concentration_share: public(uint256)
total_stress_loss: uint256

stress_losses: HashMap[uint256, uint256]
largest: HashMap[uint256, IInsuranceFund.LargestPosition]


@external
def set_concentration_share(share: uint256):
    """
    @notice Set which part of a market's largest position the target holds besides; from the market's next report of one on. Only governance
    @dev Reverts "ownable: caller is not the owner", "fund: bad concentration share"
    @param share Share of its notional, 18 decimals; 0: positions do not count
    """
    ownable._check_owner()
    assert share <= MAX_CONCENTRATION_SHARE, "fund: bad concentration share"
    old: uint256 = self.concentration_share
    self.concentration_share = share
    log IInsuranceFund.ConcentrationShareSet(old_share=old, new_share=share)


@external
@view
def stress_loss(market: uint256) -> uint256:
    """
    @notice A market's part of the target as of its last reports, token units
    @param market Market id
    """
    return self._stress_loss(market)


@external
@view
def largest_position(market: uint256) -> IInsuranceFund.LargestPosition:
    """
    @notice The largest position that was reported in a market, as of then
    @param market Market id
    """
    return self.largest[market]


@internal
@view
def _stress_loss(market: uint256) -> uint256:
    return self.stress_losses[market] + self.largest[market].stress_loss


@internal
@view
def _target() -> uint256:
    return max(self.total_stress_loss, fund_parameters.params.target_floor)


@internal
def _report_open_interest(market: uint256, open_interest: uint256, unit: uint256):
    """
    @notice Take a market's open interest into the target, rounded up
    @param open_interest Quote, 18 decimals
    @param unit Quote, 18 decimals, in a token unit
    """
    old: uint256 = self.stress_losses[market]
    new: uint256 = self._share_of(open_interest, fund_parameters._limits(market).stress_share, unit)
    if new == old:
        return
    self.stress_losses[market] = new
    self.total_stress_loss = self.total_stress_loss + new - old
    log IInsuranceFund.StressLossUpdated(
        market=market,
        open_interest=open_interest,
        old_stress_loss=old,
        new_stress_loss=new,
        target=self._target(),
    )


@internal
def _report_position(vault: address, market: uint256, account: uint256, unit: uint256):
    """
    @notice Take a position for the market's largest, if it is larger than the one known, as that is now
    @dev Reverts "fund: not the largest" if nothing changes
    """
    known: IInsuranceFund.LargestPosition = self.largest[market]
    notional: uint256 = self._notional(vault, market, account)
    best: uint256 = account
    if known.account != 0 and known.account != account:
        present: uint256 = self._notional(vault, market, known.account)
        if present >= notional:
            best = known.account
            notional = present
    new: IInsuranceFund.LargestPosition = IInsuranceFund.LargestPosition(
        account=best,
        notional=notional,
        stress_loss=self._share_of(notional, self.concentration_share, unit),
    )
    assert (
        new.account != known.account
        or new.notional != known.notional
        or new.stress_loss != known.stress_loss
    ), "fund: not the largest"
    self.largest[market] = new
    self.total_stress_loss = self.total_stress_loss + new.stress_loss - known.stress_loss
    log IInsuranceFund.LargestPositionReported(
        market=market,
        account=best,
        notional=notional,
        old_stress_loss=known.stress_loss,
        new_stress_loss=new.stress_loss,
        target=self._target(),
    )


@internal
@view
def _notional(vault: address, market: uint256, account: uint256) -> uint256:
    """
    @notice What an account's position is worth at mark, quote, 18 decimals, rounded up
    """
    state: IMarginVaultViews.PositionState = staticcall IMarginVaultViews(vault).position_state(account, market)
    return fixed_math._mul_div_up(
        fixed_math._magnitude(state.size), staticcall IMarginVaultViews(vault).mark(market), units.WAD
    )


@internal
@pure
def _share_of(quote: uint256, share: uint256, unit: uint256) -> uint256:
    """
    @notice Share of an amount of quote in token units, rounded up
    """
    return fixed_math._div_up(fixed_math._mul_div_up(quote, share, units.WAD), unit)
