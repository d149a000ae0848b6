# pragma version 0.4.3

"""
@title MockTokenHook
@license AGPL-3.0-only
@author Lastline
@notice ERC-20 that makes one prepared call during a transfer, like ERC-777: the attacker of re-entrancy tests
@dev Not locked on purpose: a lock here would stop the attack before it reaches the contract under test.
     Fires once per arming. If the transfer as a whole reverts, what was recorded is rolled back with it.
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

MAX_PAYLOAD: constant(uint256) = 8_192
MAX_RESPONSE: constant(uint256) = 1_024

is_armed: public(bool)
is_before_transfer: public(bool)
target: public(address)
payload: public(Bytes[MAX_PAYLOAD])

# What became of the last call made: how many so far, whether it succeeded, what it returned or reverted with.
call_count: public(uint256)
is_last_call_successful: public(bool)
last_response: public(Bytes[MAX_RESPONSE])


@deploy
def __init__(decimals_: uint8):
    """
    @notice Create a token that anyone may mint
    @param decimals_ Decimal places of the token
    """
    ownable.__init__()
    erc20.__init__("Hook Token", "HOOK", decimals_, "Hook Token", "1")


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create tokens; anyone may call
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    """
    erc20._mint(receiver, amount)


@external
def arm(target: address, payload: Bytes[MAX_PAYLOAD], is_before_transfer: bool = False):
    """
    @notice Prepare the call that the next transfer makes; anyone may call
    @param target Contract to call
    @param payload Calldata
    @param is_before_transfer True to call before the balances change, False to call after
    """
    self.is_armed = True
    self.is_before_transfer = is_before_transfer
    self.target = target
    self.payload = payload


@external
def disarm():
    """
    @notice Drop the prepared call; anyone may call
    """
    self.is_armed = False


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of the caller and make the prepared call
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    @return True
    """
    self._transfer_with_call(msg.sender, receiver, amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens of an account that approved the caller and make the prepared call
    @param owner Account that pays
    @param receiver Account that gets the tokens
    @param amount Tokens, in the token's own decimals
    @return True
    """
    erc20._spend_allowance(owner, msg.sender, amount)
    self._transfer_with_call(owner, receiver, amount)
    return True


@internal
def _transfer_with_call(owner: address, receiver: address, amount: uint256):
    if self.is_before_transfer:
        self._call_if_armed()
    erc20._transfer(owner, receiver, amount)
    self._call_if_armed()


@internal
def _call_if_armed():
    if not self.is_armed:
        return
    self.is_armed = False
    self.call_count += 1

    is_successful: bool = False
    response: Bytes[MAX_RESPONSE] = b""
    is_successful, response = raw_call(
        self.target, self.payload, max_outsize=MAX_RESPONSE, revert_on_failure=False
    )
    self.is_last_call_successful = is_successful
    self.last_response = response
