# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title community_tranche
@license AGPL-3.0-only
@author Lastline
@notice The fund's side of the community pool: what it may still give, what was drawn from it, what inflows it got. Token units.
        Stakers' money never enters the reserve: what is drawn goes on to the vault in the same call, and inflows for the
        pool are never counted in the reserve.

        A broken pool stops nothing. Its answers and calls get a bounded amount of gas, which must be there (or the
        caller could make them fail), what it delivered is measured, and one that failed counts as absent for an
        hour, so that the next tiers of the waterfall need not wait for it.
@dev Layout of a ring word (low bits first): drawn 112 @0 | period 32 @224. As in payout_window, by the same periods.
"""

from ethereum.ercs import IERC20
from snekmate.auth import ownable

from ..interfaces import ICommunityPool
from ..interfaces import IInsuranceFund
from ..lib import fixed_math
from . import payout_window

uses: ownable

MAX_POOL_SHARE: public(constant(uint256)) = 5 * 10**17
RETRY_SECONDS: public(constant(uint256)) = 3_600

VIEW_GAS: constant(uint256) = 50_000
CALL_GAS: constant(uint256) = 170_000
# So that a call really gets its gas (63/64), and the fund can go on after it.
MIN_VIEW_GAS: constant(uint256) = 60_000
MIN_CALL_GAS: constant(uint256) = 190_000
# Nothing a pool says is taken for more.
MAX_EXPOSED: constant(uint256) = 2**111 - 1

AMOUNT_MASK: constant(uint256) = 2**112 - 1
PERIOD_OFFSET: constant(uint256) = 224

community_pool: public(address)
pool_share: public(uint256)
# What the pool got of inflows, what it was drawn for claims, and until when it counts as absent.
community_in: public(uint256)
community_out: public(uint256)
pool_retry_at: public(uint256)

market_community_payouts: HashMap[uint256, uint256]
# Of these payouts, what the market's own surplus has brought back.
market_community_repayments: HashMap[uint256, uint256]
community_ring: uint256[payout_window.PERIODS]


@external
def set_pool(pool: address):
    """
    @notice Name the pool that stands behind the reserve, once and for ever; only governance
    @dev Reverts "ownable: caller is not the owner", "fund: pool already set", "fund: pool of another fund"
    @param pool A community pool that names this fund
    """
    ownable._check_owner()
    assert self.community_pool == empty(address), "fund: pool already set"
    assert staticcall ICommunityPool(pool).fund() == self, "fund: pool of another fund"
    self.community_pool = pool
    log IInsuranceFund.PoolSet(pool=pool)


@external
def set_pool_share(pool_share: uint256):
    """
    @notice Set which part of the fund's inflows from the vault goes to the pool; only governance
    @dev Reverts "ownable: caller is not the owner", "fund: bad pool share"
    @param pool_share Share, 18 decimals
    """
    ownable._check_owner()
    assert pool_share <= MAX_POOL_SHARE, "fund: bad pool share"
    old: uint256 = self.pool_share
    self.pool_share = pool_share
    log IInsuranceFund.PoolShareSet(old_pool_share=old, new_pool_share=pool_share)


@external
@view
def community_paid_in_market(market: uint256) -> uint256:
    """
    @notice All that the pool ever paid for a market's claims, token units
    @param market Market id
    """
    return self.market_community_payouts[market]


@external
@view
def community_repaid_in_market(market: uint256) -> uint256:
    """
    @notice What a market's surplus has paid back of that, token units
    @param market Market id
    """
    return self.market_community_repayments[market]


@internal
@view
def _exposed() -> uint256:
    """
    @notice What the pool would give now by its own account; 0 without one, or while it counts as absent
    @dev Reverts "fund: not enough gas"
    """
    if self.community_pool == empty(address) or block.timestamp < self.pool_retry_at:
        return 0
    return min(self._ask(method_id("exposed_assets()")), MAX_EXPOSED)


@internal
def _draw(collateral: IERC20, amount: uint256) -> uint256:
    """
    @notice Let the pool pay `amount` to the fund
    @dev Reverts "fund: not enough gas"
    @return What arrived, at most `amount`
    """
    assert msg.gas >= MIN_CALL_GAS, "fund: not enough gas"
    before: uint256 = staticcall collateral.balanceOf(self)
    success: bool = raw_call(
        self.community_pool,
        abi_encode(amount, method_id=method_id("draw(uint256)")),
        gas=CALL_GAS,
        revert_on_failure=False,
    )
    arrived: uint256 = fixed_math._saturating_sub(staticcall collateral.balanceOf(self), before)
    if not success or arrived < amount:
        self._mark_absent()
    return min(arrived, amount)


@internal
def _book_payment(market: uint256, amount: uint256):
    """
    @notice Count what was drawn for a market's claims; the caller logs it
    """
    self.community_out += amount
    self.market_community_payouts[market] += amount
    period: uint256 = payout_window._period()
    word: uint256 = self.community_ring[period % payout_window.PERIODS]
    drawn: uint256 = amount
    if word >> PERIOD_OFFSET == period:
        drawn += word & AMOUNT_MASK
    self.community_ring[period % payout_window.PERIODS] = drawn | (period << PERIOD_OFFSET)


@internal
@view
def _drawn_in_window(periods: uint256) -> uint256:
    """
    @notice What was drawn in a payout window that ends now
    @param periods See payout_window._read
    """
    if self.community_out == 0:
        return 0
    drawn: uint256 = 0
    for i: uint256 in range(payout_window.PERIODS):
        word: uint256 = self.community_ring[i]
        if payout_window._is_within(word, periods):
            drawn += word & AMOUNT_MASK
    return drawn


@internal
@view
def _share_now() -> uint256:
    """
    @notice Part of an inflow that the pool gets now: none without stakers, who alone could earn it
    @dev Reverts "fund: not enough gas"
    """
    if self.pool_share == 0 or not self._has_stakers():
        return 0
    return self.pool_share


@internal
@view
def _has_stakers() -> bool:
    """
    @notice True if there is a pool that answers and somebody has a share of it
    @dev Reverts "fund: not enough gas"
    """
    return (
        self.community_pool != empty(address)
        and block.timestamp >= self.pool_retry_at
        and self._ask(method_id("totalSupply()")) != 0
    )


@internal
def _repay(collateral: IERC20, market: uint256, surplus: uint256) -> uint256:
    """
    @notice Hand as much of a market's surplus to the pool as it owes it. Without stakers nobody is there to be repaid, and the debt waits
    @dev Reverts "fund: not enough gas"
    @return What left the fund
    """
    owed: uint256 = (
        self.market_community_payouts[market] - self.market_community_repayments[market]
    )
    if owed == 0 or not self._has_stakers():
        return 0
    given: uint256 = self._give(collateral, min(surplus, owed))
    self.market_community_repayments[market] += given
    log IInsuranceFund.CommunityRepaid(
        market=market, amount=given, market_total=self.market_community_repayments[market]
    )
    return given


@internal
def _give(collateral: IERC20, amount: uint256) -> uint256:
    """
    @notice Hand an inflow's part to the pool. If the token refuses, it stays in the fund. If the pool does not count it,
            anyone may sweep it back from there.
    @dev Reverts "fund: not enough gas"
    @return What left the fund
    """
    assert msg.gas >= MIN_CALL_GAS, "fund: not enough gas"
    before: uint256 = staticcall collateral.balanceOf(self)
    success: bool = raw_call(
        collateral.address,
        abi_encode(self.community_pool, amount, method_id=method_id("transfer(address,uint256)")),
        revert_on_failure=False,
    )
    given: uint256 = fixed_math._saturating_sub(before, staticcall collateral.balanceOf(self))
    if given != 0:
        self.community_in += given
        log IInsuranceFund.PoolInflow(amount=given, total=self.community_in)
        success = raw_call(
            self.community_pool,
            abi_encode(given, method_id=method_id("receive_inflow(uint256)")),
            gas=CALL_GAS,
            revert_on_failure=False,
        )
    if not success:
        self._mark_absent()
    return given


@internal
def _mark_absent():
    self.pool_retry_at = block.timestamp + RETRY_SECONDS
    log IInsuranceFund.PoolFailed(retry_at=block.timestamp + RETRY_SECONDS)


@internal
@view
def _ask(selector: Bytes[4]) -> uint256:
    """
    @notice A number the pool tells; 0 if it does not
    @dev Reverts "fund: not enough gas"
    """
    assert msg.gas >= MIN_VIEW_GAS, "fund: not enough gas"
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        self.community_pool,
        selector,
        max_outsize=32,
        gas=VIEW_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(answer) != 32:
        return 0
    return convert(answer, uint256)
