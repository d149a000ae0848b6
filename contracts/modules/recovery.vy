# pragma version 0.4.3

"""
@title recovery
@license AGPL-3.0-only
@author Lastline
@notice The last tier: what even the opposite positions could not pay (`uncovered`, D) is borne by all withdrawals at
        one ratio, V / (V + D), V being the vault's tokens less the fees in it; and each account's shortfall is kept.
@dev V is the vault's balance: who sends it tokens gives them to those who withdraw.
"""

from ethereum.ercs import IERC20

from ..interfaces import IMarginVaultCash
from ..lib import fixed_math
from ..lib import packing
from ..lib import units
from . import markets

uses: markets

# Uncovered loss shared by all withdrawals, quote.
uncovered: uint256
# What withdrawals went short by, by account id, quote.
claims: HashMap[uint256, uint256]


@view
def _backing(collateral: IERC20, scale: uint256) -> uint256:
    """
    @notice V: the vault's tokens less all fees that are not paid out yet, quote
    @param scale Quote units (18 decimals) per token unit
    """
    word: uint256 = markets.fees_word
    fees: uint256 = (
        packing._low_half(word)
        + packing._high_half(word)
        + markets.liquidation_fees
        + markets.treasury_fees
    )
    for market: uint256 in range(markets.market_count, bound=units.MAX_MARKETS):
        fees += (markets.flow_words[market] >> 112) + markets.surpluses[market]
    return fixed_math._saturating_sub(staticcall collateral.balanceOf(self) * scale, fees)


@view
def _ratio(collateral: IERC20, scale: uint256) -> uint256:
    """
    @notice What a withdrawal is paid, share of it, 18 decimals
    @custom:rounding Down
    """
    uncovered: uint256 = self.uncovered
    if uncovered == 0:
        return units.WAD
    backing: uint256 = self._backing(collateral, scale)
    return fixed_math._mul_div_down(units.WAD, backing, backing + uncovered)


def _pay_out(collateral: IERC20, scale: uint256, account: uint256, tokens: uint256) -> uint256:
    """
    @notice What `tokens` are paid out as; the account's shortfall is recorded, and the uncovered loss falls by its part
    @return Token units
    @custom:rounding Both parts down: what is left over, less than a token unit, is nobody's
    """
    uncovered: uint256 = self.uncovered
    if uncovered == 0:
        return tokens
    backing: uint256 = self._backing(collateral, scale)
    amount: uint256 = tokens * scale
    paid: uint256 = fixed_math._mul_div_down(tokens, backing, backing + uncovered)
    self.uncovered = uncovered - min(
        uncovered, fixed_math._mul_div_down(amount, uncovered, backing + uncovered)
    )
    claim: uint256 = self.claims[account] + amount - paid * scale
    self.claims[account] = claim
    log IMarginVaultCash.PaidAtRatio(
        account=account,
        amount=amount,
        backing=backing,
        uncovered=self.uncovered,
        recovery_claim=claim,
    )
    return paid


def _repay(amount: uint256):
    """
    @notice The uncovered loss falls by what was given for it
    """
    self.uncovered -= amount
    log IMarginVaultCash.UncoveredRepaid(amount=amount, uncovered=self.uncovered)
