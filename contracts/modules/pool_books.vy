# pragma version 0.4.3

"""
@title pool_books
@license AGPL-3.0-only
@author Lastline
@notice The pool's money in token units: entries that wait, what the shares are worth, inflows that vest, and what the
        exits are worth. Nothing here reads the token, so nothing sent to the pool moves a price.

        Two prices of one form, (assets + 1) / (shares + 10**6): of shares in active assets, and of exit units in exit
        assets. The assets that vest belong to no share yet. A loss takes them first, because nobody has earned
        them and whoever comes after must not be paid by whoever bore the loss; then active and exit assets bear
        the same share of the rest, so leaving early spares nothing. Vesting goes to active assets alone, so an exit earns
        nothing from its request on.
"""

from snekmate.tokens import erc20

from ..interfaces import ICommunityPool
from ..lib import fixed_math
from . import pool_shares

uses: erc20
uses: pool_shares

MIN_VESTING: public(constant(uint256)) = 86_400
MAX_VESTING: public(constant(uint256)) = 90 * 86_400
# Most that the pool holds, token units: keeps every product below 2**256.
MAX_ASSETS: public(constant(uint256)) = 2**96 - 1

# Shares and exit units that belong to nobody, against one asset unit that belongs to nobody.
VIRTUAL_SHARES: constant(uint256) = 10**6
# A generation ends when a share is worth less than a millionth of what the first one cost.
WORTHLESS: constant(uint256) = 10**12

VESTING: immutable(uint256)

total_inflow: public(uint256)
total_drawn: public(uint256)

pending_assets: uint256
active_assets: uint256
unvested: uint256
vest_end: uint256
vested_at: uint256
exit_assets: uint256
exit_units: uint256
exit_generation: uint256


@deploy
def __init__(vesting: uint256):
    """
    @dev Reverts "pool: bad vesting"
    @param vesting Time over which an inflow vests
    """
    assert MIN_VESTING <= vesting and vesting <= MAX_VESTING, "pool: bad vesting"
    VESTING = vesting


# Prices


@internal
@pure
def _to_shares(assets: uint256, total_assets: uint256, total_shares: uint256) -> uint256:
    """
    @custom:rounding Down
    """
    return fixed_math._mul_div_down(assets, total_shares + VIRTUAL_SHARES, total_assets + 1)


@internal
@pure
def _to_shares_up(assets: uint256, total_assets: uint256, total_shares: uint256) -> uint256:
    return fixed_math._mul_div_up(assets, total_shares + VIRTUAL_SHARES, total_assets + 1)


@internal
@pure
def _to_assets(shares: uint256, total_assets: uint256, total_shares: uint256) -> uint256:
    """
    @notice Never more than `total_assets` for at most `total_shares`
    @custom:rounding Down
    """
    return fixed_math._mul_div_down(shares, total_assets + 1, total_shares + VIRTUAL_SHARES)


@internal
@pure
def _to_assets_up(shares: uint256, total_assets: uint256, total_shares: uint256) -> uint256:
    return fixed_math._mul_div_up(shares, total_assets + 1, total_shares + VIRTUAL_SHARES)


@internal
@view
def _exit_worth(exit_units: uint256) -> uint256:
    return self._to_assets(exit_units, self.exit_assets, self.exit_units)


# Moves. Every one that depends on a price or changes the supply comes after `_accrue`.


@internal
def _accrue():
    """
    @notice Book what has vested since the last time
    """
    # With next to nothing to vest the part may round to 0: then nothing happens, and time goes on counting.
    vested: uint256 = 0
    end: uint256 = 0
    vested, end = self._vested()
    if vested == 0 and end == self.vest_end:
        return
    self.active_assets += vested
    self.unvested -= vested
    self.vest_end = end
    self.vested_at = block.timestamp
    log ICommunityPool.Vested(
        amount=vested, unvested=self.unvested, vest_end=end, active_assets=self.active_assets
    )


@internal
def _add_unvested(amount: uint256):
    """
    @notice Let an amount vest. All that vests then has one end, at the average of what is left of the old one and a full
            period, weighted by amounts: a small inflow hardly holds up a large one.
    """
    if amount == 0:
        return
    left: uint256 = fixed_math._saturating_sub(self.vest_end, block.timestamp)
    total: uint256 = self.unvested + amount
    self.vest_end = block.timestamp + fixed_math._div_up(self.unvested * left + amount * VESTING, total)
    self.unvested = total
    self.vested_at = block.timestamp
    log ICommunityPool.VestingAdded(amount=amount, unvested=total, vest_end=self.vest_end)


@internal
def _take_loss(asked: uint256) -> uint256:
    """
    @notice Book a loss of at most all that is exposed
    @return Token units it takes
    """
    self._accrue()
    taken: uint256 = min(asked, self._exposed())
    if taken == 0:
        return 0
    from_unvested: uint256 = min(taken, self.unvested)
    rest: uint256 = taken - from_unvested
    from_exits: uint256 = 0
    if rest != 0:
        from_exits = fixed_math._mul_div_up(
            rest, self.exit_assets, self.active_assets + self.exit_assets
        )
    self.unvested -= from_unvested
    self.active_assets -= rest - from_exits
    self.exit_assets -= from_exits
    self.total_drawn += taken
    log ICommunityPool.LossTaken(
        asked=asked,
        from_unvested=from_unvested,
        from_active=rest - from_exits,
        from_exits=from_exits,
        unvested=self.unvested,
        active_assets=self.active_assets,
        exit_assets=self.exit_assets,
    )
    self._end_worthless()
    return taken


@internal
def _end_worthless():
    """
    @notice End the generation of shares, or of exits, that a loss has left next to nothing. The dust goes to those who
            come: it vests.
    """
    leftover: uint256 = 0
    if erc20.totalSupply > self.active_assets * WORTHLESS:
        leftover = self.active_assets
        self.active_assets = 0
        pool_shares._end_generation(leftover)
    if self.exit_units > self.exit_assets * WORTHLESS:
        log ICommunityPool.ExitGenerationEnded(
            generation=self.exit_generation, units=self.exit_units, leftover=self.exit_assets
        )
        leftover += self.exit_assets
        self.exit_assets = 0
        self.exit_units = 0
        self.exit_generation += 1
    self._add_unvested(leftover)


@internal
@view
def _vested() -> (uint256, uint256):
    """
    @notice What has vested since the last time, and when the rest will have
    @dev Without shares there is nobody to vest for: the end moves away as time goes by.
    @custom:rounding Down
    """
    if self.unvested == 0:
        return 0, self.vest_end
    elapsed: uint256 = block.timestamp - self.vested_at
    if erc20.totalSupply == 0:
        return 0, self.vest_end + elapsed
    if block.timestamp >= self.vest_end:
        return self.unvested, self.vest_end
    return fixed_math._mul_div_down(self.unvested, elapsed, self.vest_end - self.vested_at), self.vest_end


@internal
@view
def _active_now() -> uint256:
    return self.active_assets + self._vested()[0]


@internal
@view
def _exposed() -> uint256:
    return self.unvested + self.active_assets + self.exit_assets


@internal
@view
def _held() -> uint256:
    """
    @notice All tokens of the pool by its own books
    """
    return self.pending_assets + self._exposed()


@internal
@view
def _require_room():
    assert self._held() <= MAX_ASSETS, "pool: too large"


@internal
@view
def _books() -> ICommunityPool.Books:
    vested: uint256 = 0
    end: uint256 = 0
    vested, end = self._vested()
    return ICommunityPool.Books(
        pending_assets=self.pending_assets,
        active_assets=self.active_assets + vested,
        unvested=self.unvested - vested,
        vest_end=end,
        exit_assets=self.exit_assets,
        exit_units=self.exit_units,
        exit_generation=self.exit_generation,
    )
