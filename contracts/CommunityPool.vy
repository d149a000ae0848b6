# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title CommunityPool
@license AGPL-3.0-only
@author Lastline
@notice Voluntary stakers who stand behind the protocol reserve: what the reserve cannot pay, the insurance fund draws from
        here, and for that the pool gets a part of the fund's inflows.

        Nobody leaves before a loss that can be seen coming: an exit takes a cooldown and a payout delay, is worth what
        its assets are worth when it is paid, and waits while claims are open or the risk mode is not NORMAL. Nobody
        comes for an inflow alone: a deposit waits, and inflows vest.

        ERC-4626 as ERC-7540 reads it for vaults that deposit and redeem by request: `deposit` and `mint` claim the
        caller's due entry, `withdraw` and `redeem` the caller's due exit; the max functions tell what can be claimed
        now, and previews revert, because what a request will bring is not known when it is made. Not the rest of
        ERC-7540: no operators, one request an owner, and anyone may settle what is due to its owner.

        Trust: the pool has no owner and its parameters never change. Stakers' money leaves to stakers, and to the
        one fund that is named at deployment, which can take all that is exposed: that is what the pool is for. A fund that
        never is calm, or does not answer, holds up entries and exits, but not the way back for a deposit that waits.
        The token is a plain ERC-20 with at most 18 decimals that does not rebase.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from ethereum.ercs import IERC4626
from snekmate.auth import ownable
from snekmate.tokens import erc20

from .interfaces import ICommunityPool
from .lib import fixed_math
from .lib import token as token_lib
from .modules import pool_books
from .modules import pool_entries
from .modules import pool_exits
from .modules import pool_shares

implements: IERC20
implements: IERC4626
implements: ICommunityPool

# Only because erc20 wants it: nothing of it is exported, nobody can act as owner or minter.
initializes: ownable
initializes: erc20[ownable := ownable]
initializes: pool_shares[erc20 := erc20]
initializes: pool_books[erc20 := erc20, pool_shares := pool_shares]
initializes: pool_entries[pool_books := pool_books, pool_shares := pool_shares]
initializes: pool_exits[erc20 := erc20, pool_books := pool_books, pool_shares := pool_shares]

exports: (
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.allowance,
    erc20.approve,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)
exports: (
    pool_shares.transfer,
    pool_shares.transferFrom,
    pool_shares.balanceOf,
    pool_shares.generation,
)
exports: (
    pool_books.total_inflow,
    pool_books.total_drawn,
    pool_books.MIN_VESTING,
    pool_books.MAX_VESTING,
    pool_books.MAX_ASSETS,
    pool_entries.MIN_ENTRY_DELAY,
    pool_entries.MAX_ENTRY_DELAY,
    pool_exits.MIN_COOLDOWN,
    pool_exits.MAX_COOLDOWN,
    pool_exits.MIN_WINDOW,
    pool_exits.MAX_WINDOW,
    pool_exits.MIN_PAYOUT_DELAY,
    pool_exits.MAX_PAYOUT_DELAY,
    pool_exits.MIN_LAPSE_FEE,
    pool_exits.MAX_LAPSE_FEE,
)

MAX_DECIMALS: constant(uint8) = 18
NAME: constant(String[25]) = "Lastline Community Pool"
SYMBOL: constant(String[5]) = "LLCP"

TOKEN: immutable(IERC20)
FUND: immutable(address)


@deploy
def __init__(collateral: address, fund_address: address, params: ICommunityPool.Parameters):
    """
    @notice Start empty
    @dev Reverts "pool: empty fund", "pool: bad token decimals", "pool: bad entry delay", "pool: bad cooldown",
         "pool: bad window", "pool: bad payout delay", "pool: bad vesting", "pool: bad lapse fee"
    @param collateral The vault's collateral token
    @param fund_address The insurance fund
    @param params Parameters, for ever
    """
    assert fund_address != empty(address), "pool: empty fund"
    decimals: uint8 = staticcall IERC20Detailed(collateral).decimals()
    assert decimals <= MAX_DECIMALS, "pool: bad token decimals"
    TOKEN = IERC20(collateral)
    FUND = fund_address
    ownable.__init__()
    erc20.__init__(NAME, SYMBOL, decimals + pool_shares.DECIMALS_OFFSET, NAME, "1")
    pool_entries.__init__(params.entry_delay)
    pool_exits.__init__(params.cooldown, params.window, params.payout_delay, params.lapse_fee)
    pool_books.__init__(params.vesting)


# Stakers: coming


@external
def request_deposit(assets: uint256):
    """
    @notice Give assets that become shares after the entry delay, at the price of the moment when they do
    @dev Neither exposed to losses nor earning until then. A second request adds to the first, and all waits anew.
         Reverts "pool: zero amount", "pool: too large", "token: transfer failed", "token: short delivery"
    @param assets Token units, taken from the caller
    """
    self._require_amount(assets)
    pool_entries._request(msg.sender, assets)
    token_lib._pull(TOKEN, msg.sender, assets)


@external
def cancel_deposit(receiver: address) -> uint256:
    """
    @notice Take the caller's entry back, at any time before it becomes shares
    @dev Reverts "pool: no entry", "token: transfer failed"
    @param receiver Account that gets the tokens
    @return Token units
    """
    assets: uint256 = pool_entries._cancel(msg.sender, receiver)
    token_lib._push(TOKEN, receiver, assets)
    return assets


@external
def activate_deposit(owner: address) -> uint256:
    """
    @notice Turn an owner's due entry into shares for the owner; anyone may
    @dev Reverts "pool: no entry", "pool: not due", "pool: claims open", "pool: zero shares"
    @param owner Who asked for the deposit
    @return Shares
    @custom:rounding Down
    """
    assert pool_entries.entries[owner].assets != 0, "pool: no entry"
    assets: uint256 = pool_entries._due(owner)
    assert assets != 0, "pool: not due"
    return self._activate(owner, owner, assets)


@external
def deposit(assets: uint256, receiver: address) -> uint256:
    """
    @notice ERC-4626: turn part of the caller's due entry into shares
    @dev Reverts "pool: claims open", "pool: over maximum", "pool: zero shares"
    @param assets Token units, at most `maxDeposit` of the caller
    @param receiver Account that gets the shares
    @return Shares
    @custom:rounding Down
    """
    assert assets <= pool_entries._due(msg.sender), "pool: over maximum"
    return self._activate(msg.sender, receiver, assets)


@external
def mint(shares: uint256, receiver: address) -> uint256:
    """
    @notice ERC-4626: get shares for part of the caller's due entry
    @dev Reverts "pool: claims open", "pool: over maximum", "pool: zero shares"
    @param shares Shares, at most `maxMint` of the caller
    @param receiver Account that gets the shares
    @return Token units used
    @custom:rounding Up
    """
    self._require_no_claims()
    assert shares <= self._mintable(msg.sender), "pool: over maximum"
    pool_books._accrue()
    assets: uint256 = pool_books._to_assets_up(shares, pool_books.active_assets, erc20.totalSupply)
    self._enter(msg.sender, receiver, assets, shares)
    return assets


# Stakers: leaving


@external
def request_exit(shares: uint256):
    """
    @notice Begin to leave: the shares become a claim on assets in exit, which earn nothing and stay exposed to losses
    @dev One exit an owner. Reverts "pool: exit under way", "pool: zero amount", "pool: worth nothing",
         "erc20: burn amount exceeds balance"
    @param shares Shares of the caller
    @custom:rounding The claim's worth down
    """
    self._require_amount(shares)
    pool_exits._request(msg.sender, shares)


@external
def extend_exit(owner: address):
    """
    @notice Let a window that cannot be used begin anew; anyone may while the fund is not calm
    @dev Reverts "pool: no exit", "pool: exit executed", "pool: cooling down", "pool: window over", "pool: calm"
    @param owner Whose exit
    """
    assert not self._is_calm(), "pool: calm"
    pool_exits._extend(owner)


@external
def execute_exit():
    """
    @notice Fix the caller's exit within its window: it is paid after the payout delay, at its worth of that time
    @dev It cannot be taken back. Reverts "pool: no exit", "pool: exit executed", "pool: cooling down",
         "pool: window over", "pool: not calm"
    """
    self._require_calm()
    pool_exits._execute(msg.sender)


@external
def cancel_exit(owner: address) -> uint256:
    """
    @notice Turn an exit that was not executed into shares again, at the present price and for the lapse fee
    @dev The owner may at any time, anyone once the window is over.
         Reverts "pool: no exit", "pool: exit executed", "pool: not lapsed"
    @param owner Whose exit
    @return Shares
    @custom:rounding Fee up, shares down
    """
    return pool_exits._cancel(owner, msg.sender)


@external
def pay_exit(owner: address) -> uint256:
    """
    @notice Pay an executed exit to its owner when the payout delay is over; anyone may
    @dev Reverts "pool: no exit", "pool: not due", "pool: not calm", "token: transfer failed"
    @param owner Whose exit
    @return Token units
    @custom:rounding Down
    """
    assert pool_exits._exit(owner).units != 0, "pool: no exit"
    due: ICommunityPool.Exit = pool_exits._due(owner)
    assert due.units != 0, "pool: not due"
    assets: uint256 = pool_books._exit_worth(due.units)
    self._pay(owner, owner, due.units, due.shares, assets)
    return assets


@external
def withdraw(assets: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice ERC-4626: get part of the caller's due exit
    @dev Reverts "pool: not owner", "pool: not due", "pool: over maximum", "pool: not calm", "token: transfer failed"
    @param assets Token units, at most `maxWithdraw`
    @param receiver Account that gets them
    @param owner The caller
    @return Shares of the exit that this used
    @custom:rounding Up
    """
    due: ICommunityPool.Exit = self._own_due(owner)
    worth: uint256 = pool_books._exit_worth(due.units)
    assert assets <= worth, "pool: over maximum"
    exit_units: uint256 = due.units
    shares: uint256 = due.shares
    if assets != worth:
        exit_units = pool_books._to_shares_up(assets, pool_books.exit_assets, pool_books.exit_units)
        shares = fixed_math._mul_div_up(exit_units, due.shares, due.units)
    self._pay(owner, receiver, exit_units, shares, assets)
    return shares


@external
def redeem(shares: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice ERC-4626: get part of the caller's due exit
    @dev Reverts "pool: not owner", "pool: not due", "pool: over maximum", "pool: not calm", "token: transfer failed"
    @param shares Shares of the exit, at most `maxRedeem`
    @param receiver Account that gets the tokens
    @param owner The caller
    @return Token units
    @custom:rounding Down
    """
    due: ICommunityPool.Exit = self._own_due(owner)
    assert shares <= due.shares, "pool: over maximum"
    exit_units: uint256 = fixed_math._mul_div_down(due.units, shares, due.shares)
    assets: uint256 = pool_books._exit_worth(exit_units)
    self._pay(owner, receiver, exit_units, shares, assets)
    return assets


# Anyone


@external
def sweep_stray() -> uint256:
    """
    @notice Send tokens that came to the pool directly to the fund, where they can be recognised as a donation; anyone may
    @dev Reverts "token: transfer failed"
    @return Token units, possibly 0
    """
    amount: uint256 = fixed_math._saturating_sub(staticcall TOKEN.balanceOf(self), pool_books._held())
    token_lib._push(TOKEN, FUND, amount)
    if amount != 0:
        log ICommunityPool.StraySwept(amount=amount)
    return amount


# Fund


@external
def draw(assets: uint256) -> uint256:
    """
    @notice Hand over what a loss needs, at most all that is exposed; only the fund
    @dev No amount reverts. Reverts "pool: not fund", "token: transfer failed"
    @param assets Token units wanted
    @return Token units sent to the fund
    @custom:rounding Exits bear a wei more than their part, never less
    """
    self._require_fund()
    taken: uint256 = pool_books._take_loss(assets)
    token_lib._push(TOKEN, FUND, taken)
    return taken


@external
def receive_inflow(assets: uint256):
    """
    @notice Count tokens that the fund has transferred before; they vest; only the fund
    @dev Reverts "pool: not fund", "pool: tokens not received", "pool: too large"
    @param assets Token units
    """
    self._require_fund()
    if assets == 0:
        return
    pool_books._accrue()
    pool_books._add_unvested(assets)
    pool_books.total_inflow += assets
    pool_books._require_room()
    assert staticcall TOKEN.balanceOf(self) >= pool_books._held(), "pool: tokens not received"
    log ICommunityPool.InflowReceived(amount=assets, total=pool_books.total_inflow)


# Views: ERC-4626


@external
@view
def asset() -> address:
    """
    @notice The collateral token
    """
    return TOKEN.address


@external
@view
def totalAssets() -> uint256:
    """
    @notice What all shares are worth now, token units: neither what waits, nor what has not vested, nor what is in exit
    """
    return pool_books._active_now()


@external
@view
def convertToShares(assets: uint256) -> uint256:
    """
    @notice Shares that an amount is worth now, rounded down
    @param assets Token units
    """
    return pool_books._to_shares(assets, pool_books._active_now(), erc20.totalSupply)


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    """
    @notice What shares are worth now, token units, rounded down
    @param shares Shares
    """
    return pool_books._to_assets(shares, pool_books._active_now(), erc20.totalSupply)


@external
@view
def maxDeposit(owner: address) -> uint256:
    """
    @notice What of an owner's entry `deposit` would take now, token units; 0 before it is due and while claims are open
    @param owner Who asked for the deposit
    """
    if not self._is_told(method_id("has_no_claims()")):
        return 0
    return pool_entries._due(owner)


@external
@view
def maxMint(owner: address) -> uint256:
    """
    @notice Shares that `mint` would give for an owner's entry now
    @param owner Who asked for the deposit
    """
    if not self._is_told(method_id("has_no_claims()")):
        return 0
    return self._mintable(owner)


@external
@view
def maxWithdraw(owner: address) -> uint256:
    """
    @notice What `withdraw` would pay of an owner's exit now, token units; 0 before it is due and while not calm
    @param owner Who asked for the exit
    """
    if not self._is_calm():
        return 0
    return pool_books._exit_worth(pool_exits._due(owner).units)


@external
@view
def maxRedeem(owner: address) -> uint256:
    """
    @notice Shares of an owner's exit that `redeem` would pay now
    @param owner Who asked for the exit
    """
    if not self._is_calm():
        return 0
    return pool_exits._due(owner).shares


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    """
    @notice Not known when it is asked for
    @dev Reverts "pool: only by request"
    @param assets Token units
    """
    raise "pool: only by request"


@external
@view
def previewMint(shares: uint256) -> uint256:
    """
    @notice Not known when it is asked for
    @dev Reverts "pool: only by request"
    @param shares Shares
    """
    raise "pool: only by request"


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    """
    @notice Not known when it is asked for
    @dev Reverts "pool: only by request"
    @param assets Token units
    """
    raise "pool: only by request"


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    """
    @notice Not known when it is asked for
    @dev Reverts "pool: only by request"
    @param shares Shares
    """
    raise "pool: only by request"


# Views: the rest


@external
@view
@reentrant
def exposed_assets() -> uint256:
    """
    @notice The most that `draw` would hand over now, token units
    @dev Reentrant because the fund looks at it when the pool asks whether all is calm, which it does before anything changes
    """
    return pool_books._exposed()


@external
@view
def books() -> ICommunityPool.Books:
    """
    @notice The pool's money as it stands now, with what has vested meanwhile
    """
    return pool_books._books()


@external
@view
def price_per_share() -> uint256:
    """
    @notice Token units that one whole share is worth, rounded down
    """
    one: uint256 = 10 ** convert(erc20.decimals, uint256)
    return pool_books._to_assets(one, pool_books._active_now(), erc20.totalSupply)


@external
@view
def entry_of(owner: address) -> ICommunityPool.Entry:
    """
    @notice The deposit an owner has waiting
    @param owner Who asked for it
    """
    return pool_entries.entries[owner]


@external
@view
def exit_of(owner: address) -> ICommunityPool.Exit:
    """
    @notice The exit an owner has under way; all zero if there is none or its generation lost everything
    @param owner Who asked for it
    """
    return pool_exits._exit(owner)


@external
@view
def exit_worth(owner: address) -> uint256:
    """
    @notice What an owner's exit would be paid now, were it due, token units
    @param owner Who asked for it
    """
    return pool_books._exit_worth(pool_exits._exit(owner).units)


@external
@view
def is_calm() -> bool:
    """
    @notice True if the fund says that no claims are open, nothing written off is uncovered, the risk mode is NORMAL and nothing calls
            for another one; a fund that does not answer is not calm
    """
    return self._is_calm()


@external
@view
def parameters() -> ICommunityPool.Parameters:
    """
    @notice Fixed for ever at deployment
    """
    return ICommunityPool.Parameters(
        entry_delay=pool_entries.ENTRY_DELAY,
        cooldown=pool_exits.COOLDOWN,
        window=pool_exits.WINDOW,
        payout_delay=pool_exits.PAYOUT_DELAY,
        vesting=pool_books.VESTING,
        lapse_fee=pool_exits.LAPSE_FEE,
    )


@external
@view
def fund() -> address:
    """
    @notice The insurance fund: the only account that draws and gives inflows
    """
    return FUND


# Internals


@internal
def _activate(owner: address, receiver: address, assets: uint256) -> uint256:
    """
    @dev Reverts "pool: claims open", "pool: zero shares"
    """
    self._require_no_claims()
    pool_books._accrue()
    shares: uint256 = pool_books._to_shares(assets, pool_books.active_assets, erc20.totalSupply)
    self._enter(owner, receiver, assets, shares)
    return shares


@internal
def _enter(owner: address, receiver: address, assets: uint256, shares: uint256):
    pool_entries._activate(owner, receiver, assets, shares)
    log IERC4626.Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=shares)


@internal
def _pay(owner: address, receiver: address, exit_units: uint256, shares: uint256, assets: uint256):
    """
    @dev Reverts "pool: not calm", "token: transfer failed"
    """
    self._require_calm()
    pool_exits._pay(owner, receiver, exit_units, shares, assets)
    log IERC4626.Withdraw(
        sender=msg.sender, receiver=receiver, owner=owner, assets=assets, shares=shares
    )
    token_lib._push(TOKEN, receiver, assets)


@internal
@view
def _mintable(owner: address) -> uint256:
    """
    @notice Shares for all of an owner's due entry
    """
    return pool_books._to_shares(
        pool_entries._due(owner), pool_books._active_now(), erc20.totalSupply
    )


@internal
@view
def _own_due(owner: address) -> ICommunityPool.Exit:
    """
    @notice The caller's exit, which is due
    @dev Reverts "pool: not owner", "pool: not due"
    """
    assert msg.sender == owner, "pool: not owner"
    due: ICommunityPool.Exit = pool_exits._due(owner)
    assert due.units != 0, "pool: not due"
    return due


@internal
@view
def _is_calm() -> bool:
    return self._is_told(method_id("is_calm()"))


@internal
@view
def _is_told(selector: Bytes[4]) -> bool:
    """
    @notice What the fund says; False if it does not answer
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        FUND,
        selector,
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(answer, uint256) == 1


@internal
@view
def _require_calm():
    assert self._is_calm(), "pool: not calm"


@internal
@view
def _require_no_claims():
    """
    @dev Not more than that: who joins when the fund is low is who is needed then
    """
    assert self._is_told(method_id("has_no_claims()")), "pool: claims open"


@internal
@view
def _require_fund():
    assert msg.sender == FUND, "pool: not fund"


@internal
@pure
def _require_amount(amount: uint256):
    assert amount != 0, "pool: zero amount"
