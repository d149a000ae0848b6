# pragma version 0.4.3

"""
@title MockTokenNoReturn
@license AGPL-3.0-only
@author Lastline
@notice ERC-20 whose `transfer`, `transferFrom` and `approve` return nothing, like USDT on Ethereum
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
)


@deploy
def __init__(decimals_: uint8):
    """
    @notice Create a token that anyone may mint
    @param decimals_ Decimal places of the token
    """
    ownable.__init__()
    erc20.__init__("No Return Token", "NORET", decimals_, "No Return Token", "1")


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create tokens; anyone may call
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    """
    erc20._mint(receiver, amount)


@external
def transfer(receiver: address, amount: uint256):
    """
    @notice Move tokens of the caller
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    """
    erc20._transfer(msg.sender, receiver, amount)


@external
def transferFrom(owner: address, receiver: address, amount: uint256):
    """
    @notice Move tokens of an account that approved the caller
    @param owner Account that pays
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    """
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, receiver, amount)


@external
def approve(spender: address, amount: uint256):
    """
    @notice Let an account move tokens of the caller
    @param spender Account that may move the tokens
    @param amount Tokens, in the token's own decimals
    """
    erc20._approve(msg.sender, spender, amount)
