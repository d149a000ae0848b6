# pragma version 0.4.3

"""
@title mark_renewal
@license AGPL-3.0-only
@author Lastline
@notice How those who liquidate see to it that an account in several markets is judged at marks of one age.
"""

from ..interfaces import ILiquidationEngine
from ..interfaces import IMarginVaultViews
from . import units

MASK_32: constant(uint256) = 2**32 - 1
# Selector, offset, length and 32 bytes of text of an Error(string).
REASON_BYTES: constant(uint256) = 100


@view
def _market_bits(vault: address, account: uint256) -> uint256:
    """
    @notice The markets where an account has a position or maturing profit, one bit each
    """
    return self._bits_of(
        staticcall IMarginVaultViews(vault).account_word(account, skip_contract_check=True)
    )


@pure
def _bits_of(account_word: uint256) -> uint256:
    return (account_word >> 128) & MASK_32


@pure
def _are_several(bits: uint256) -> bool:
    return bits & unsafe_sub(bits, 1) != 0


def _renew(vault: address, bits: uint256):
    """
    @notice Renew the marks of these markets, where the oracle has a price
    """
    for market: uint256 in range(units.MAX_MARKETS):
        if bits >> market == 0:
            break
        if (bits >> market) & 1 == 0:
            continue
        is_updated: bool = False
        answer: Bytes[REASON_BYTES] = b""
        is_updated, answer = raw_call(
            vault,
            abi_encode(market, method_id=method_id("update_mark(uint256)")),
            max_outsize=REASON_BYTES,
            revert_on_failure=False,
        )
        if not is_updated:
            log ILiquidationEngine.MarkNotUpdated(market=market, reason=answer)


def _renew_if_several(vault: address, bits: uint256):
    """
    @notice `_renew` of an account in several markets: a hedge must not be judged at marks of different age
    """
    if self._are_several(bits):
        self._renew(vault, bits)
