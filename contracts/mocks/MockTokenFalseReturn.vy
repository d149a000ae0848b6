# pragma version 0.4.3

"""
@title MockTokenFalseReturn
@license AGPL-3.0-only
@author Lastline
@notice ERC-20 that reports a failed transfer by returning False instead of reverting, and moves nothing
@dev Fails from the start; `set_failing(False)` makes it an ordinary token, to get tokens in before it fails
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

is_failing: public(bool)


@deploy
def __init__(decimals_: uint8):
    """
    @notice Create a token that anyone may mint
    @param decimals_ Decimal places of the token
    """
    ownable.__init__()
    erc20.__init__("False Return Token", "FALSE", decimals_, "False Return Token", "1")
    self.is_failing = True


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create tokens; anyone may call
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    """
    erc20._mint(receiver, amount)


@external
def set_failing(is_failing: bool):
    """
    @notice Choose whether transfers fail; anyone may call
    @param is_failing True to return False and move nothing
    """
    self.is_failing = is_failing


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of the caller, or nothing while failing
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    @return False while failing
    """
    if self.is_failing:
        return False
    erc20._transfer(msg.sender, receiver, amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of an account that approved the caller, or nothing while failing
    @param owner Account that pays
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    @return False while failing
    """
    if self.is_failing:
        return False
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, receiver, amount)
    return True
