# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title pool_shares
@license AGPL-3.0-only
@author Lastline
@notice The pool's shares: snekmate's ERC-20 in generations. After a total loss the supply is zero and every balance of
        before is worthless for ever; new money meets no old share.
@dev No loop over holders: an account's balance counts only if it was last written in the present generation. What is
     left of an older one is removed, with a Transfer to nobody, when the account next takes part in anything.
     Supply, allowances and nonces are snekmate's; allowances outlive a generation.
"""

from ethereum.ercs import IERC20
from snekmate.tokens import erc20

from ..interfaces import ICommunityPool

uses: erc20

# Of shares, over those of the asset: 10**6 share units, which belong to nobody, stand for one asset unit.
DECIMALS_OFFSET: constant(uint8) = 6

generation: public(uint256)
# In which generation an account's balance was last written.
generations: HashMap[address, uint256]


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Move shares of the caller; those in exit are none any more
    @dev Reverts "erc20: transfer to the zero address", "erc20: transfer amount exceeds balance"
    @param to Account that gets them
    @param amount Shares
    @return True
    """
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Move shares of an owner that allowed it
    @dev Reverts "erc20: insufficient allowance" and what `transfer` reverts with
    @param owner Whose shares
    @param to Account that gets them
    @param amount Shares
    @return True
    """
    erc20._spend_allowance(owner, msg.sender, amount)
    self._move(owner, to, amount)
    return True


@external
@view
def balanceOf(owner: address) -> uint256:
    """
    @notice Shares of the present generation
    @param owner Account
    """
    if self.generations[owner] != self.generation:
        return 0
    return erc20.balanceOf[owner]


@internal
def _mint(owner: address, shares: uint256):
    """
    @dev Reverts "erc20: mint to the zero address"
    """
    self._forget(owner)
    erc20._mint(owner, shares)


@internal
def _burn(owner: address, shares: uint256):
    """
    @dev Reverts "erc20: burn amount exceeds balance"
    """
    self._forget(owner)
    erc20._burn(owner, shares)


@internal
def _end_generation(leftover: uint256):
    """
    @notice All shares that exist are worth nothing from now on
    """
    log ICommunityPool.GenerationEnded(
        generation=self.generation, shares=erc20.totalSupply, leftover=leftover
    )
    erc20.totalSupply = 0
    self.generation += 1


@internal
def _move(owner: address, to: address, amount: uint256):
    self._forget(owner)
    self._forget(to)
    erc20._transfer(owner, to, amount)


@internal
def _forget(owner: address):
    """
    @notice Remove an account's balance of an older generation; the supply knows nothing of it any more
    """
    if self.generations[owner] == self.generation:
        return
    self.generations[owner] = self.generation
    worthless: uint256 = erc20.balanceOf[owner]
    if worthless != 0:
        erc20.balanceOf[owner] = 0
        log IERC20.Transfer(sender=owner, receiver=empty(address), value=worthless)
