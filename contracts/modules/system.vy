# pragma version 0.4.3

"""
@title system
@license AGPL-3.0-only
@author Lastline
@notice Who may do what in the kernel, and the switches that hold for all markets.
@dev The owner is the Timelock. `exchange_word`: exchange 160 @0 | exchange version 16 @160 | risk mode 8 @176
     | margin multiplier 16 @184 (1e-3) | paused 1 @200: one slot, because every fill reads it.
"""

from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from ..lib import packing
from ..lib import units

initializes: ownable
initializes: ownable_2step[ownable := ownable]

# Risk modes, in order of severity.
NORMAL: constant(uint256) = 0
CAUTION: constant(uint256) = 1
RESTRICTED: constant(uint256) = 2
ADL: constant(uint256) = 3
HALTED: constant(uint256) = 4

PAUSED: constant(uint256) = 2**200

exchange_word: uint256
# True while one part of the kernel calls another under the vault's lock.
is_inside: transient(bool)
liquidation_engine: address
loss_allocator: address
insurance_fund: address
price_oracle: address
guardian: address
treasury: address


@deploy
def __init__(owner: address):
    """
    @param owner Governance; a part that only lends its code names nobody
    """
    ownable.__init__()
    ownable_2step.__init__()
    ownable_2step._transfer_ownership(owner)


@view
def _exchange() -> address:
    return convert(self.exchange_word & packing.MASK_160, address)


@pure
def _exchange_version(exchange_word: uint256) -> uint256:
    return (exchange_word >> 160) & packing.MASK_16


@pure
def _mode(exchange_word: uint256) -> uint256:
    return (exchange_word >> 176) & 255


@pure
def _multiplier(exchange_word: uint256) -> uint256:
    """
    @notice Factor on every margin rate, 18 decimals
    """
    return unsafe_mul((exchange_word >> 184) & packing.MASK_16, units.FACTOR_STEP)


@pure
def _is_paused(exchange_word: uint256) -> bool:
    return (exchange_word >> 200) & 1 == 1


@pure
def _exchange_word(
    exchange: address, version: uint256, mode: uint256, multiplier: uint256, is_paused: bool
) -> uint256:
    """
    @param multiplier In steps of 1e-3
    """
    word: uint256 = convert(exchange, uint256) | (version << 160) | (mode << 176) | (multiplier << 184)
    if is_paused:
        word |= PAUSED
    return word


def _require_owner():
    """
    @dev Reverts "ownable: caller is not the owner"
    """
    ownable._check_owner()


@view
def _require_inside():
    assert self.is_inside, "kernel: internal"


@view
def _require_liquidation_engine():
    assert msg.sender == self.liquidation_engine, "vault: not liquidation engine"


@view
def _require_loss_allocator():
    assert msg.sender == self.loss_allocator, "vault: not loss allocator"
