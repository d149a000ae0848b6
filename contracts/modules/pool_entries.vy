# pragma version 0.4.3

"""
@title pool_entries
@license AGPL-3.0-only
@author Lastline
@notice Deposits that wait. One entry an owner: assets, and when they may become shares. A further request adds to it
        and all of it waits anew, so that no part waits less than the delay; only the owner can make one, so nobody can put off
        another's. An entry is not exposed and earns nothing, so its owner may take it back at any time: the pool never
        counted on it.
"""

from ..interfaces import ICommunityPool
from . import pool_books
from . import pool_shares

uses: pool_books
uses: pool_shares

MIN_ENTRY_DELAY: public(constant(uint256)) = 3_600
MAX_ENTRY_DELAY: public(constant(uint256)) = 30 * 86_400

ENTRY_DELAY: immutable(uint256)

entries: HashMap[address, ICommunityPool.Entry]


@deploy
def __init__(entry_delay: uint256):
    """
    @dev Reverts "pool: bad entry delay"
    @param entry_delay From the request until the deposit may become shares
    """
    assert MIN_ENTRY_DELAY <= entry_delay and entry_delay <= MAX_ENTRY_DELAY, "pool: bad entry delay"
    ENTRY_DELAY = entry_delay


@internal
def _request(owner: address, assets: uint256):
    """
    @dev Reverts "pool: too large"
    """
    entry: ICommunityPool.Entry = self.entries[owner]
    entry.assets += assets
    entry.due_at = block.timestamp + ENTRY_DELAY
    self.entries[owner] = entry
    pool_books.pending_assets += assets
    pool_books._require_room()
    log ICommunityPool.DepositRequested(
        owner=owner,
        assets=assets,
        pending=entry.assets,
        due_at=entry.due_at,
        pending_assets=pool_books.pending_assets,
    )


@internal
def _cancel(owner: address, receiver: address) -> uint256:
    """
    @dev Reverts "pool: no entry"
    @return Assets to send
    """
    assets: uint256 = self.entries[owner].assets
    assert assets != 0, "pool: no entry"
    self.entries[owner] = empty(ICommunityPool.Entry)
    pool_books.pending_assets -= assets
    log ICommunityPool.DepositCancelled(
        owner=owner, receiver=receiver, assets=assets, pending_assets=pool_books.pending_assets
    )
    return assets


@internal
def _activate(owner: address, receiver: address, assets: uint256, shares: uint256):
    """
    @notice Turn part of an owner's due entry into shares; prices are the caller's, after `pool_books._accrue`
    @dev Reverts "pool: zero shares"
    """
    assert shares != 0, "pool: zero shares"
    left: uint256 = self.entries[owner].assets - assets
    if left == 0:
        self.entries[owner] = empty(ICommunityPool.Entry)
    else:
        self.entries[owner].assets = left
    pool_books.pending_assets -= assets
    pool_books.active_assets += assets
    pool_shares._mint(receiver, shares)
    log ICommunityPool.DepositActivated(
        owner=owner,
        receiver=receiver,
        assets=assets,
        shares=shares,
        pending=left,
        pending_assets=pool_books.pending_assets,
        active_assets=pool_books.active_assets,
    )


@internal
@view
def _due(owner: address) -> uint256:
    """
    @notice Assets of an owner's entry that may become shares by now
    """
    if block.timestamp < self.entries[owner].due_at:
        return 0
    return self.entries[owner].assets
