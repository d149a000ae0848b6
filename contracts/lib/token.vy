# pragma version 0.4.3

"""
@title token
@license AGPL-3.0-only
@author Lastline
@notice ERC-20 moves that accept tokens without a return value and never believe a short delivery.
"""

from ethereum.ercs import IERC20

def _pull(collateral: IERC20, sender: address, tokens: uint256):
    """
    @notice Take exactly `tokens` from `sender`
    @dev Reverts "token: transfer failed", "token: short delivery" (fee-on-transfer and the like)
    """
    before: uint256 = staticcall collateral.balanceOf(self)
    assert extcall collateral.transferFrom(
        sender, self, tokens, default_return_value=True
    ), "token: transfer failed"
    assert staticcall collateral.balanceOf(self) - before == tokens, "token: short delivery"


def _push(collateral: IERC20, receiver: address, tokens: uint256):
    """
    @notice Send `tokens` to `receiver`; zero is no transfer
    @dev Reverts "token: transfer failed"
    """
    if tokens == 0:
        return
    assert extcall collateral.transfer(
        receiver, tokens, default_return_value=True
    ), "token: transfer failed"
