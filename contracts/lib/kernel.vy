# pragma version 0.4.3

"""
@title kernel
@license AGPL-3.0-only
@author Lastline
@notice How the parts of the kernel make sure, at deployment, that they belong together.
"""

from ethereum.ercs import IERC20Detailed
from ..interfaces import IKernelPart


@view
def _configuration(collateral: address) -> (uint256, bytes32):
    """
    @dev Reverts "kernel: decimals"
    @return Quote units (18 decimals) per token unit, and the configuration's hash
    """
    decimals: uint256 = convert(staticcall IERC20Detailed(collateral).decimals(), uint256)
    assert decimals <= 18, "kernel: decimals"
    return 10 ** (18 - decimals), keccak256(abi_encode(collateral, decimals))


@view
def _require_same(part: address, config: bytes32):
    """
    @dev Reverts "kernel: other configuration"
    """
    assert staticcall IKernelPart(part).config_hash() == config, "kernel: other configuration"


@view
def _require_delegated(this: address):
    """
    @notice Refuse a call that does not come through the vault
    @param this The part's own address, from its constructor
    @dev Reverts "kernel: direct call"
    """
    assert self != this, "kernel: direct call"


@pure
def _require_limit(is_long: bool, price: uint256, limit_price: uint256):
    """
    @dev Reverts "vault: past limit price" when who takes a long would pay more, or a short would get less
    """
    assert price <= limit_price if is_long else price >= limit_price, "vault: past limit price"
