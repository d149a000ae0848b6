# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title custody
@license AGPL-3.0-only
@author Lastline
@notice Where the reserve lies: hot, in the fund, ready to pay, or cold, in a Safe. Anyone may sweep what is above the hot ceiling, and only
        what the target does not need, so the Safe's owners never hold what the fund was promised to have. Anyone may bring
        back what the Safe has approved. Both count as reserve; only hot pays.
@dev The fund's tokens by the books are reserve less cold reserve.
"""

from ethereum.ercs import IERC20
from snekmate.auth import ownable

from ..interfaces import IInsuranceFund
from ..lib import token as token_lib
from . import fund_parameters

uses: ownable

cold_safe: public(address)
hot_ceiling: public(uint256)
# In the Safe by the fund's books, token units.
cold_reserve: public(uint256)
# All ever swept there and brought back.
swept_total: public(uint256)
returned_total: public(uint256)


@external
def set_custody(safe: address, ceiling: uint256):
    """
    @notice Name the cold Safe, and how much stays in the fund; only governance
    @dev Reverts "ownable: caller is not the owner", "fund: bad safe", "fund: cold reserve not empty", "fund: bad hot ceiling"
    @param safe Account that keeps what is swept; a new one only after the old one has given everything back. Empty: none
    @param ceiling What is above it may be swept, token units
    """
    ownable._check_owner()
    old_safe: address = self.cold_safe
    if safe != old_safe:
        assert self.cold_reserve == 0, "fund: cold reserve not empty"
        assert safe != self and (safe == empty(address) or safe.is_contract), "fund: bad safe"
    assert ceiling <= fund_parameters.MAX_AMOUNT, "fund: bad hot ceiling"
    old_ceiling: uint256 = self.hot_ceiling
    self.cold_safe = safe
    self.hot_ceiling = ceiling
    log IInsuranceFund.CustodySet(
        safe=safe, hot_ceiling=ceiling, old_safe=old_safe, old_hot_ceiling=old_ceiling
    )


@internal
def _book_sweep(amount: uint256):
    self.cold_reserve += amount
    self.swept_total += amount
    log IInsuranceFund.Swept(safe=self.cold_safe, amount=amount, cold_reserve=self.cold_reserve)


@internal
def _bring_back(collateral: IERC20, amount: uint256):
    """
    @notice Take tokens that the Safe has approved
    @dev Reverts "fund: over cold reserve", "token: transfer failed", "token: short delivery"
    """
    assert amount <= self.cold_reserve, "fund: over cold reserve"
    self.cold_reserve -= amount
    self.returned_total += amount
    token_lib._pull(collateral, self.cold_safe, amount)
    log IInsuranceFund.BroughtBack(safe=self.cold_safe, amount=amount, cold_reserve=self.cold_reserve)
