# pragma version 0.4.3

"""
@title MockERC1271Wallet
@license AGPL-3.0-only
@author Lastline
@notice Smart-contract wallet of one key: signs for the key's owner (ERC-1271) and makes any call for it
"""

from snekmate.utils import ecdsa

MAGIC_VALUE: constant(bytes4) = 0x1626ba7e
INVALID: constant(bytes4) = 0xffffffff
MAX_PAYLOAD: constant(uint256) = 8_192
MAX_RESPONSE: constant(uint256) = 1_024

OWNER: public(immutable(address))


@deploy
def __init__(owner: address):
    """
    @notice Create the wallet of a key
    @param owner Address of the key
    """
    OWNER = owner


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[65]) -> bytes4:
    """
    @notice Whether the owner signed a digest, as it is, without any prefix
    @param digest Hash that was signed
    @param signature 65 bytes: r, s, v
    @return 0x1626ba7e if the owner signed, otherwise 0xffffffff
    """
    if ecdsa._recover_sig(digest, signature) == OWNER:
        return MAGIC_VALUE
    return INVALID


@external
@payable
def execute(target: address, payload: Bytes[MAX_PAYLOAD]) -> Bytes[MAX_RESPONSE]:
    """
    @notice Make a call as the wallet, with the value sent along; a revert is passed on
    @dev Reverts "mock_wallet: not owner"
    @param target Contract to call
    @param payload Calldata
    @return What the call returned
    """
    assert msg.sender == OWNER, "mock_wallet: not owner"
    return raw_call(target, payload, max_outsize=MAX_RESPONSE, value=msg.value)
