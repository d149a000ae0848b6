# pragma version 0.4.3
# pragma nonreentrancy off

"""
@title MockFundVault
@license AGPL-3.0-only
@author Lastline
@notice The vault as the insurance fund sees it where it asks: which markets have claims, what was written off, the risk mode, which
        it takes from the fund alone, marks and positions
"""

from ..interfaces import IMarginVaultViews

MODE_OFFSET: constant(uint256) = 176

claim_markets: public(uint256)
uncovered: public(uint256)
exchange_word: public(uint256)
multiplier: public(uint256)
mark: public(HashMap[uint256, uint256])
insurance_fund: public(address)

sizes: HashMap[uint256, HashMap[uint256, int256]]


@external
def set_claims(claim_markets_: uint256):
    """
    @notice Bitmap of the markets with open claims; anyone may call
    """
    self.claim_markets = claim_markets_


@external
def set_uncovered(uncovered_: uint256):
    """
    @notice Written off and not made good; anyone may call
    """
    self.uncovered = uncovered_


@external
def set_mode(mode: uint256):
    """
    @notice Risk mode, within a word whose other bits are all set; anyone may call
    """
    self._set_mode(mode)


@external
def set_fund(fund: address):
    """
    @notice Who may call `set_risk_mode`; anyone may call
    """
    self.insurance_fund = fund


@external
def set_position(account: uint256, market: uint256, size: int256, mark: uint256):
    """
    @notice An account's size and its market's mark; anyone may call
    """
    self.sizes[account][market] = size
    self.mark[market] = mark


@external
def set_risk_mode(mode: uint256, multiplier: uint256):
    """
    @dev Reverts "vault: not fund"
    """
    assert msg.sender == self.insurance_fund, "vault: not fund"
    self._set_mode(mode)
    self.multiplier = multiplier


@external
@view
def position_state(account: uint256, market: uint256) -> IMarginVaultViews.PositionState:
    """
    @notice Of a position only the size
    """
    state: IMarginVaultViews.PositionState = empty(IMarginVaultViews.PositionState)
    state.size = self.sizes[account][market]
    return state


def _set_mode(mode: uint256):
    self.exchange_word = (max_value(uint256) ^ (255 << MODE_OFFSET)) | (mode << MODE_OFFSET)
