# pragma version 0.4.3
# pragma nonreentrancy off

"""
@title MockPool
@license AGPL-3.0-only
@author Lastline
@notice A community pool whose every answer a test sets: it delivers what it is asked for, less, more or nothing, or fails
"""

from ethereum.ercs import IERC20

# How a call ends.
WORKS: public(constant(uint256)) = 0
REVERTS: public(constant(uint256)) = 1
BURNS_GAS: public(constant(uint256)) = 2
BRINGS_LESS: public(constant(uint256)) = 3
BRINGS_MORE: public(constant(uint256)) = 4
BRINGS_NOTHING: public(constant(uint256)) = 5

TOKEN: immutable(IERC20)

fund: public(address)
totalSupply: public(uint256)
exposed: uint256
behaviour: public(uint256)
view_behaviour: public(uint256)
received: public(uint256)


@deploy
def __init__(token: address, fund: address):
    TOKEN = IERC20(token)
    self.fund = fund
    self.totalSupply = 1


@external
def set_exposed(exposed: uint256):
    """
    @notice What `exposed_assets` says; `draw` pays from what the pool holds
    """
    self.exposed = exposed


@external
def set_behaviour(behaviour: uint256, view_behaviour: uint256):
    """
    @notice How calls and views end
    """
    self.behaviour = behaviour
    self.view_behaviour = view_behaviour


@external
def set_supply(supply: uint256):
    self.totalSupply = supply


@external
@view
def exposed_assets() -> uint256:
    self._fail_if(self.view_behaviour)
    return self.exposed


@external
def draw(assets: uint256) -> uint256:
    self._fail_if(self.behaviour)
    amount: uint256 = assets
    if self.behaviour == BRINGS_LESS:
        amount -= 1
    elif self.behaviour == BRINGS_MORE:
        amount += 1
    elif self.behaviour == BRINGS_NOTHING:
        amount = 0
    assert extcall TOKEN.transfer(msg.sender, amount, default_return_value=True)
    self.exposed -= min(amount, self.exposed)
    return assets


@external
def receive_inflow(assets: uint256):
    self._fail_if(self.behaviour)
    self.received += assets


@view
def _fail_if(behaviour: uint256):
    """
    @dev Reverts "pool: broken", or with all gas gone
    """
    assert behaviour != REVERTS, "pool: broken"
    if behaviour == BURNS_GAS:
        # an invalid opcode takes all that is left
        raise UNREACHABLE
