# pragma version 0.4.3

"""
@title MockTokenFeeOnTransfer
@license AGPL-3.0-only
@author Lastline
@notice ERC-20 that burns 1 % of every transfer: the receiver gets less than was sent
"""

from snekmate.auth import ownable
from snekmate.tokens import erc20

initializes: ownable
initializes: erc20[ownable := ownable]

exports: (
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.approve,
)

FEE_BPS: public(constant(uint256)) = 100


@deploy
def __init__(decimals_: uint8):
    """
    @notice Create a token that anyone may mint
    @param decimals_ Decimal places of the token
    """
    ownable.__init__()
    erc20.__init__("Fee Token", "FEE", decimals_, "Fee Token", "1")


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create tokens; anyone may call
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    """
    erc20._mint(receiver, amount)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of the caller, less the fee
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    @return True
    """
    self._transfer_less_fee(msg.sender, receiver, amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of an account that approved the caller, less the fee
    @param owner Account that pays
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    @return True
    """
    erc20._spend_allowance(owner, msg.sender, amount)
    self._transfer_less_fee(owner, receiver, amount)
    return True


@internal
def _transfer_less_fee(owner: address, receiver: address, amount: uint256):
    fee: uint256 = amount * FEE_BPS // 10_000
    erc20._transfer(owner, receiver, amount - fee)
    erc20._burn(owner, fee)
