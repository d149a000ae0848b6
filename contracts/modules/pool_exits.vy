# pragma version 0.4.3

"""
@title pool_exits
@license AGPL-3.0-only
@author Lastline
@notice How stakers leave: request, cooldown, a window in which the exit may be executed, and payout some time later.
        From the request on the shares are burnt and their worth is a claim on the exit assets: it bears every loss as
        a share does and earns nothing. So whoever holds an exit ready, or lets one lapse and asks again, pays with
        all the inflows of that time, and with the lapse fee when going back to shares.
@dev One exit an owner. An exit of an older exit generation has lost everything and counts as none. All times are fixed
     when the request, or the execution, is made; nothing that happens later moves them against the owner.
"""

from snekmate.tokens import erc20

from ..interfaces import ICommunityPool
from ..lib import fixed_math
from ..lib import units
from . import pool_books
from . import pool_shares

uses: erc20
uses: pool_books
uses: pool_shares

MIN_COOLDOWN: public(constant(uint256)) = 86_400
MAX_COOLDOWN: public(constant(uint256)) = 30 * 86_400
MIN_WINDOW: public(constant(uint256)) = 86_400
MAX_WINDOW: public(constant(uint256)) = 14 * 86_400
# Not below the longest batch of maturing profit that the vault may be set to.
MIN_PAYOUT_DELAY: public(constant(uint256)) = 86_400
MAX_PAYOUT_DELAY: public(constant(uint256)) = 7 * 86_400
MIN_LAPSE_FEE: public(constant(uint256)) = 10**14
MAX_LAPSE_FEE: public(constant(uint256)) = 10**16

COOLDOWN: immutable(uint256)
WINDOW: immutable(uint256)
PAYOUT_DELAY: immutable(uint256)
LAPSE_FEE: immutable(uint256)

exits: HashMap[address, ICommunityPool.Exit]


@deploy
def __init__(cooldown: uint256, window: uint256, payout_delay: uint256, lapse_fee: uint256):
    """
    @dev Reverts "pool: bad cooldown", "pool: bad window", "pool: bad payout delay", "pool: bad lapse fee"
    @param cooldown From the request until the exit may be executed
    @param window How long it may be executed then
    @param payout_delay From execution to payout
    @param lapse_fee Share of an exit's worth that going back to shares costs, 18 decimals
    """
    assert MIN_COOLDOWN <= cooldown and cooldown <= MAX_COOLDOWN, "pool: bad cooldown"
    assert MIN_WINDOW <= window and window <= MAX_WINDOW, "pool: bad window"
    assert (
        MIN_PAYOUT_DELAY <= payout_delay and payout_delay <= MAX_PAYOUT_DELAY
    ), "pool: bad payout delay"
    assert MIN_LAPSE_FEE <= lapse_fee and lapse_fee <= MAX_LAPSE_FEE, "pool: bad lapse fee"
    COOLDOWN = cooldown
    WINDOW = window
    PAYOUT_DELAY = payout_delay
    LAPSE_FEE = lapse_fee


@internal
def _request(owner: address, shares: uint256):
    """
    @dev Reverts "pool: exit under way", "pool: worth nothing", "erc20: burn amount exceeds balance"
    """
    assert self._exit(owner).units == 0, "pool: exit under way"
    pool_books._accrue()
    assets: uint256 = pool_books._to_assets(shares, pool_books.active_assets, erc20.totalSupply)
    pool_shares._burn(owner, shares)
    exit_units: uint256 = pool_books._to_shares(
        assets, pool_books.exit_assets, pool_books.exit_units
    )
    assert exit_units != 0, "pool: worth nothing"
    pool_books.active_assets -= assets
    pool_books.exit_assets += assets
    pool_books.exit_units += exit_units
    cooldown_end: uint256 = block.timestamp + COOLDOWN
    self.exits[owner] = ICommunityPool.Exit(
        units=exit_units,
        shares=shares,
        generation=pool_books.exit_generation,
        cooldown_end=cooldown_end,
        window_end=cooldown_end + WINDOW,
        payable_at=0,
    )
    log ICommunityPool.ExitRequested(
        owner=owner,
        shares=shares,
        assets=assets,
        units=exit_units,
        cooldown_end=cooldown_end,
        window_end=cooldown_end + WINDOW,
        active_assets=pool_books.active_assets,
        exit_assets=pool_books.exit_assets,
        exit_units=pool_books.exit_units,
    )


@internal
def _extend(owner: address):
    """
    @notice Let the window begin anew
    @dev Reverts as `_require_in_window`
    """
    self._require_in_window(owner)
    self.exits[owner].window_end = block.timestamp + WINDOW
    log ICommunityPool.ExitExtended(owner=owner, window_end=block.timestamp + WINDOW)


@internal
def _execute(owner: address):
    """
    @dev Reverts as `_require_in_window`
    """
    self._require_in_window(owner)
    self.exits[owner].payable_at = block.timestamp + PAYOUT_DELAY
    log ICommunityPool.ExitExecuted(owner=owner, payable_at=block.timestamp + PAYOUT_DELAY)


@internal
def _cancel(owner: address, caller: address) -> uint256:
    """
    @notice Back to shares. The fee vests: at once it would be worth most to who has just come.
    @dev Reverts "pool: no exit", "pool: exit executed", "pool: not lapsed"
    @return Shares
    """
    own: ICommunityPool.Exit = self._open_exit(owner)
    assert caller == owner or block.timestamp >= own.window_end, "pool: not lapsed"
    pool_books._accrue()
    assets: uint256 = pool_books._exit_worth(own.units)
    fee: uint256 = fixed_math._mul_div_up(assets, LAPSE_FEE, units.WAD)
    shares: uint256 = pool_books._to_shares(
        assets - fee, pool_books.active_assets, erc20.totalSupply
    )
    self.exits[owner] = empty(ICommunityPool.Exit)
    pool_books.exit_assets -= assets
    pool_books.exit_units -= own.units
    pool_books.active_assets += assets - fee
    pool_shares._mint(owner, shares)
    pool_books._add_unvested(fee)
    log ICommunityPool.ExitCancelled(
        owner=owner,
        units=own.units,
        assets=assets,
        fee=fee,
        shares=shares,
        active_assets=pool_books.active_assets,
        exit_assets=pool_books.exit_assets,
        exit_units=pool_books.exit_units,
    )
    return shares


@internal
def _pay(owner: address, receiver: address, exit_units: uint256, shares: uint256, assets: uint256):
    """
    @notice Book the payout of an exit, or of a part of it. Units left without a share stay with the other exits.
    """
    if shares == self.exits[owner].shares:
        self.exits[owner] = empty(ICommunityPool.Exit)
    else:
        self.exits[owner].units -= exit_units
        self.exits[owner].shares -= shares
    pool_books.exit_assets -= assets
    pool_books.exit_units -= exit_units
    log ICommunityPool.ExitPaid(
        owner=owner,
        receiver=receiver,
        units=exit_units,
        shares=shares,
        assets=assets,
        exit_assets=pool_books.exit_assets,
        exit_units=pool_books.exit_units,
    )


@internal
@view
def _exit(owner: address) -> ICommunityPool.Exit:
    """
    @notice The owner's exit; empty if there is none, or if it lost everything
    """
    own: ICommunityPool.Exit = self.exits[owner]
    if own.generation != pool_books.exit_generation:
        return empty(ICommunityPool.Exit)
    return own


@internal
@view
def _due(owner: address) -> ICommunityPool.Exit:
    """
    @notice The owner's exit if it may be paid by now; otherwise empty
    """
    own: ICommunityPool.Exit = self._exit(owner)
    if own.payable_at == 0 or block.timestamp < own.payable_at:
        return empty(ICommunityPool.Exit)
    return own


@internal
@view
def _open_exit(owner: address) -> ICommunityPool.Exit:
    """
    @dev Reverts "pool: no exit", "pool: exit executed"
    """
    own: ICommunityPool.Exit = self._exit(owner)
    assert own.units != 0, "pool: no exit"
    assert own.payable_at == 0, "pool: exit executed"
    return own


@internal
@view
def _require_in_window(owner: address):
    """
    @dev Reverts "pool: no exit", "pool: exit executed", "pool: cooling down", "pool: window over"
    """
    own: ICommunityPool.Exit = self._open_exit(owner)
    assert block.timestamp >= own.cooldown_end, "pool: cooling down"
    assert block.timestamp < own.window_end, "pool: window over"
