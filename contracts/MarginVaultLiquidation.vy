# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title MarginVaultLiquidation
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part for positions of unhealthy accounts that somebody else takes over, or (their side of it) closed
        against resting orders. It computes every price and amount itself; who calls chooses only whom and when.
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

# The same state, in the same order, in all parts of the kernel (tests/meta compares the layouts).
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
initializes: recovery[markets := markets]


CONFIG: immutable(bytes32)
THIS: immutable(address)
MEMBERSHIP: immutable(address)


@deploy
def __init__(collateral: address, membership: address):
    """
    @dev Reverts "kernel: decimals", "kernel: other configuration"
    @param membership MarginVaultMembership made for the same collateral
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    kernel._require_same(membership, config)
    CONFIG = config
    THIS = self
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
    kernel._require_delegated(THIS)
    system._require_liquidation_engine()
    assert account != liquidator, "vault: self trade"
    multiplier: uint256 = system._multiplier(system.exchange_word)
    m: markets.Market = markets._load(market)
    markets._require_unsettled(m)
    markets._require_fresh(m)
    m.terms_word = margin_math._without_idle_lower_cap(m.terms_word, m.open_interest, m.mark)
    seat: positions.Seat = empty(positions.Seat)
    elsewhere: margin.Risk = empty(margin.Risk)
    m.open_interest, seat, elsewhere = books._in_hand(MEMBERSHIP, m, account, multiplier)
    books._require_arrived(account, seat.markets & ~packing._bit(market))
    assert seat.size != 0, "vault: no position"
    before: margin.Risk = margin._with(elsewhere, m, seat, multiplier)
    plan: liquidation.Plan = liquidation._plan(m, seat, before, multiplier, max_size)
    kernel._require_limit(seat.size > 0, plan.price, limit_price)
    cost: int256 = fixed_math._signed_mul_div_ceil(plan.change, plan.price, units.WAD)
    is_all: bool = False
    m.open_interest, is_all = self._close(m, seat, elsewhere, before, plan, cost, plan.price, 0)
    m.open_interest = books._receive(
        MEMBERSHIP,
        m,
        liquidator,
        -plan.change,
        fixed_math._signed_mul_div_ceil(-plan.change, plan.price, units.WAD),
        plan.price,
        is_all,
    )
    markets._store_flow(m)
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
@reentrant
def close_out(
    market: uint256,
    open_interest: uint256,
    account: uint256,
    keeper: uint256,
    change: int256,
    cost: int256,
    worst_price: uint256,
) -> IMarginVaultLiquidation.ClosedOut:
    system._require_inside()
    multiplier: uint256 = system._multiplier(system.exchange_word)
    m: markets.Market = markets._peek(market)
    m.open_interest = open_interest
    seat: positions.Seat = empty(positions.Seat)
    elsewhere: margin.Risk = empty(margin.Risk)
    m.open_interest, seat, elsewhere = books._in_hand(MEMBERSHIP, m, account, multiplier)
    books._require_arrived(account, seat.markets & ~packing._bit(market))
    assert seat.size != 0, "vault: no position"
    before: margin.Risk = margin._with(elsewhere, m, seat, multiplier)
    size: uint256 = fixed_math._magnitude(change)
    plan: liquidation.Plan = liquidation._plan(m, seat, before, multiplier, size)
    assert change == plan.change, "vault: beyond plan"
    assert (
        worst_price >= plan.price if seat.size > 0 else worst_price <= plan.price
    ), "vault: worse than take-over"
    reward: uint256 = 0
    # nobody is paid for liquidating himself
    if (keeper ^ account) >> 96 != 0:
        full: uint256 = 0
        proportional: uint256 = 0
        full, proportional = margin_math._reward(
            markets.liquidation_words[market], fixed_math._mul_div_down(size, m.mark, units.WAD)
        )
        # no flat part for less than the whole, or many small closes would each earn one
        reward = min(
            full if plan.is_whole else proportional,
            fixed_math._positive_part(
                fixed_math._signed_mul_div_ceil(change, plan.price, units.WAD) - cost
            ),
        )
    is_all: bool = False
    m.open_interest, is_all = self._close(
        m,
        seat,
        elsewhere,
        before,
        plan,
        cost,
        fixed_math._mul_div_down(fixed_math._magnitude(cost), units.WAD, size),
        reward,
    )
    return IMarginVaultLiquidation.ClosedOut(
        open_interest=m.open_interest, fee=plan.fee, reward=reward, health=plan.health
    )


def _close(
    m: markets.Market,
    opened: positions.Seat,
    elsewhere: margin.Risk,
    before: margin.Risk,
    plan: liquidation.Plan,
    cost: int256,
    price: uint256,
    reward: uint256,
) -> (uint256, bool):
    """
    @notice The unhealthy account's side: part of its position goes for `cost`, fee and reward out of its cash
    @dev Reverts "margin: health falls" if that would leave less health than before, or less than nothing
    @param cost Signed quote, paid > 0, rounded up
    @return The market's open interest now, and True if no position is left
    """
    seat: positions.Seat = opened
    paid: int256 = convert(plan.fee + reward, int256)
    size: int256 = 0
    notional: int256 = 0
    pnl: int256 = 0
    size, notional, pnl = positions._traded(seat.size, seat.notional, plan.change, cost)
    # judged before the loss is booked: burning shares of maturing profit for it costs up to 2e-9 quote more, which
    # must not stand in the way of a liquidation
    judged: positions.Seat = seat
    judged.size = size
    judged.notional = notional
    judged.cash += pnl - paid
    after: margin.Risk = margin._with(
        elsewhere, m, judged, system._multiplier(system.exchange_word)
    )
    assert margin._equity(after) >= 0 and margin._is_not_less_healthy(
        before, after
    ), "margin: health falls"
    seat.size = size
    seat.notional = notional
    seat = positions._realise(m.id, seat, pnl)
    seat.cash -= paid
    markets.liquidation_fees += plan.fee
    return books._commit(
        MEMBERSHIP, m, seat, plan.change, price, plan.fee, max_value(uint256)
    ), size == 0
