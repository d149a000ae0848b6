# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title MarginVaultLiquidation
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part for positions that somebody else takes over: an unhealthy account's, or a bankruptcy
        account's. It computes every price and amount itself; the LiquidationEngine
        chooses only whom and when.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from .interfaces import IKernelPart
from .interfaces import IMarginVaultLiquidation
from .lib import fixed_math
from .lib import kernel
from .lib import margin_math
from .lib import packing
from .lib import units
from .modules import accounts
from .modules import bankruptcy_account
from .modules import books
from .modules import claims_queue
from .modules import cohorts
from .modules import fund_payments
from .modules import liquidation
from .modules import loss_sharing
from .modules import margin
from .modules import markets
from .modules import maturity
from .modules import positions
from .modules import recovery
from .modules import system

implements: IKernelPart
implements: IMarginVaultLiquidation

# The same state, in the same order, in all four parts of the kernel (tests/meta compares the layouts).
initializes: system
initializes: markets
initializes: accounts
initializes: cohorts[markets := markets]
initializes: maturity[markets := markets]
initializes: positions[
    accounts := accounts, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: margin[
    accounts := accounts, markets := markets, maturity := maturity, positions := positions
]
initializes: books[
    accounts := accounts,
    cohorts := cohorts,
    margin := margin,
    markets := markets,
    positions := positions,
    system := system,
]
initializes: liquidation[margin := margin, markets := markets]
initializes: bankruptcy_account[markets := markets]
initializes: claims_queue
initializes: fund_payments[markets := markets, system := system]
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: recovery


CONFIG: immutable(bytes32)
THIS: immutable(address)
NEXT: immutable(address)
MEMBERSHIP: immutable(address)


@deploy
def __init__(collateral: address, next_part: address, membership: address):
    """
    @dev Reverts "kernel: decimals", "kernel: other configuration"
    @param next_part MarginVaultCrisis made for the same collateral
    @param membership MarginVaultMembership made for the same collateral
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    kernel._require_same(next_part, config)
    kernel._require_same(membership, config)
    CONFIG = config
    THIS = self
    NEXT = next_part
    MEMBERSHIP = membership
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


@external
def take_over(
    account: uint256, market: uint256, max_size: uint256, liquidator: uint256, limit_price: uint256
) -> IMarginVaultLiquidation.TakeOver:
    self._require_engine()
    assert account != liquidator, "vault: self trade"
    multiplier: uint256 = system._multiplier(system.exchange_word)
    books._settle(MEMBERSHIP, account, False)
    books._settle(MEMBERSHIP, liquidator, False)
    m: markets.Market = markets._load(market)
    markets._require_fresh(m)
    seat: positions.Seat = positions._open(m, account, True)
    assert seat.size != 0, "vault: no position"
    before: margin.Risk = books._risk(m, seat, multiplier)
    plan: liquidation.Plan = liquidation._plan(m, seat, before, multiplier, max_size)
    kernel._require_limit(seat.size > 0, plan.price, limit_price)
    cost: int256 = fixed_math._signed_mul_div_ceil(plan.change, plan.price, units.WAD)
    seat = positions._trade(market, seat, plan.change, cost)
    seat.cash -= convert(plan.fee, int256)
    after: margin.Risk = books._risk(m, seat, multiplier)
    assert margin._equity(after) >= 0 and margin._is_not_less_healthy(
        before, after
    ), "margin: health falls"
    m.open_interest = books._commit(
        MEMBERSHIP, m, seat, plan.change, plan.price, plan.fee, max_value(uint256)
    )
    markets.liquidation_fees += plan.fee
    m.open_interest = self._receive(
        m,
        liquidator,
        -plan.change,
        fixed_math._signed_mul_div_ceil(-plan.change, plan.price, units.WAD),
        plan.price,
    )
    markets._store_price(m)
    log IMarginVaultLiquidation.TakenOver(
        account=account,
        market=market,
        liquidator=liquidator,
        size=plan.change,
        price=plan.price,
        fee=plan.fee,
        health_before=plan.health,
    )
    return IMarginVaultLiquidation.TakeOver(size=plan.change, price=plan.price, fee=plan.fee)


@external
def buy_inventory(market: uint256, buyer: uint256, max_size: uint256, limit_price: uint256) -> int256:
    self._require_engine()
    books._settle(MEMBERSHIP, buyer, False)
    m: markets.Market = markets._load(market)
    markets._require_fresh(m)
    inventory: bankruptcy_account.Inventory = bankruptcy_account._open(m)
    size: uint256 = min(fixed_math._magnitude(inventory.size), max_size)
    assert size != 0, "vault: no inventory"
    change: int256 = convert(size, int256)
    if inventory.size < 0:
        change = -change
    discount: uint256 = self._auction_discount(m, inventory, size)
    cost: int256 = fixed_math._signed_mul_div_ceil(change, m.mark, units.WAD) - convert(
        discount, int256
    )
    price: uint256 = fixed_math._mul_div_down(fixed_math._magnitude(cost), units.WAD, size)
    kernel._require_limit(change > 0, price, limit_price)
    # the bankruptcy account first: what it sells leaves it with no less than what its discount allows
    inventory.size -= change
    inventory.notional -= cost
    inventory = claims_queue._sync(m, inventory, claims_queue.RECOVERED, 0, claims_queue.NO_SIDE)
    inventory = bankruptcy_account._take_surplus(m, inventory)
    m = bankruptcy_account._close(m, inventory)
    m.open_interest = self._receive(m, buyer, change, cost, price)
    markets._store_price(m)
    log IMarginVaultLiquidation.InventorySold(
        market=market, buyer=buyer, size=change, price=price, discount=discount
    )
    return change


@external
@reentrant
@raw_return
def __default__() -> Bytes[1024]:
    """
    @notice Pass on to the next part; reentrant because the entry it reaches takes the lock itself
    """
    return raw_call(NEXT, msg.data, max_outsize=1024, is_delegate_call=True)


def _receive(
    m: markets.Market, account: uint256, change: int256, cost: int256, price: uint256
) -> uint256:
    """
    @notice Give a position to who takes it over; the account must be able to open it
    @return The market's open interest now
    """
    seat: positions.Seat = positions._trade(
        m.id, positions._open(m, account, True), change, cost
    )
    margin._require_opening_allowed(
        m.limits_word, books._risk(m, seat, system._multiplier(system.exchange_word))
    )
    return books._commit(MEMBERSHIP, m, seat, change, price, 0, max_value(uint256))


@view
def _require_engine():
    kernel._require_delegated(THIS)
    system._require_liquidation_engine()


@view
def _auction_discount(
    m: markets.Market, inventory: bankruptcy_account.Inventory, size: uint256
) -> uint256:
    """
    @notice Quote taken off the price of `size`: rises from 0 to the market's maximum over the auction's length,
            and never takes the inventory's equity below min(e, 0)
    """
    word: uint256 = markets.liquidation_words[m.id]
    length: uint256 = margin_math._auction_seconds(word)
    elapsed: uint256 = min(block.timestamp - bankruptcy_account.auction_times[m.id], length)
    rate: uint256 = fixed_math._mul_div_down(margin_math._auction_slippage(word), elapsed, length)
    discount: uint256 = fixed_math._mul_div_down(
        fixed_math._mul_div_down(size, m.mark, units.WAD), rate, units.WAD
    )
    return min(
        discount, fixed_math._positive_part(bankruptcy_account._equity(m, inventory))
    )
