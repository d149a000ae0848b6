# pragma version 0.4.3

"""
@title MockTokenBlocklist
@license AGPL-3.0-only
@author Lastline
@notice ERC-20 with a blocklist and a global pause, like USDC: a blocked account can neither pay nor be paid
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
    erc20.nonces,
    erc20.permit,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)

is_blocked: public(HashMap[address, bool])
is_paused: public(bool)


@deploy
def __init__(decimals_: uint8):
    """
    @notice Create a token that anyone may mint
    @param decimals_ Decimal places of the token
    """
    ownable.__init__()
    erc20.__init__("Blocklist Token", "BLOCK", decimals_, "Blocklist Token", "1")


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create tokens; anyone may call
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    """
    erc20._mint(receiver, amount)


@external
def set_blocked(account: address, is_blocked: bool):
    """
    @notice Block or unblock an account; anyone may call
    @param account Account to change
    @param is_blocked True to block it
    """
    self.is_blocked[account] = is_blocked


@external
def set_paused(is_paused: bool):
    """
    @notice Stop or resume all transfers; anyone may call
    @param is_paused True to stop them
    """
    self.is_paused = is_paused


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of the caller
    @dev Reverts "mock_token: paused", "mock_token: sender blocked", "mock_token: receiver blocked"
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    @return True
    """
    self._require_transferable(msg.sender, receiver)
    erc20._transfer(msg.sender, receiver, amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of an account that approved the caller
    @dev Reverts "mock_token: paused", "mock_token: sender blocked", "mock_token: receiver blocked"
    @param owner Account that pays
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    @return True
    """
    self._require_transferable(owner, receiver)
    erc20._spend_allowance(owner, msg.sender, amount)
    erc20._transfer(owner, receiver, amount)
    return True


@internal
@view
def _require_transferable(owner: address, receiver: address):
    assert not self.is_paused, "mock_token: paused"
    assert not self.is_blocked[owner], "mock_token: sender blocked"
    assert not self.is_blocked[receiver], "mock_token: receiver blocked"
