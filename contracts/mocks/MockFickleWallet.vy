# pragma version 0.4.3

"""
@title MockFickleWallet
@license AGPL-3.0-only
@author Lastline
@notice ERC-1271 wallet that says yes or no to every digest, as it was told last: a signer who changes his mind
"""

MAGIC_VALUE: constant(bytes4) = 0x1626BA7E
INVALID: constant(bytes4) = 0xFFFFFFFF

is_agreeing: public(bool)


@deploy
def __init__():
    self.is_agreeing = True


@external
def set_agreeing(is_agreeing: bool):
    """
    @notice Say yes or no from now on; anyone may call
    """
    self.is_agreeing = is_agreeing


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[520]) -> bytes4:
    """
    @notice The wallet's answer to any digest; it needs no signature and wants none
    """
    if self.is_agreeing and digest != empty(bytes32) and len(signature) == 0:
        return MAGIC_VALUE
    return INVALID
