# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title MarginVaultOrderClose
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part that closes positions of unhealthy accounts against resting orders: the makers' side, judged as
        in a fill. Size, price and reward of the account's side are MarginVaultLiquidation's.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from .interfaces import IKernelPart
from .interfaces import IMarginVault
from .interfaces import IMarginVaultLiquidation
from .interfaces import IMarginVaultOrderClose
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
from .modules import loss_sharing
from .modules import margin
from .modules import markets
from .modules import maturity
from .modules import positions
from .modules import recovery
from .modules import system
from .modules import trading

implements: IKernelPart
implements: IMarginVaultOrderClose

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
initializes: trading[books := books, margin := margin, positions := positions]
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
LIQUIDATION: immutable(address)


@deploy
def __init__(collateral: address, membership: address, liquidation: address):
    """
    @dev Reverts "kernel: decimals", "kernel: other configuration"
    @param membership MarginVaultMembership made for the same collateral
    @param liquidation MarginVaultLiquidation made for the same collateral
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    kernel._require_same(membership, config)
    kernel._require_same(liquidation, config)
    CONFIG = config
    THIS = self
    MEMBERSHIP = membership
    LIQUIDATION = liquidation
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


@external
def close_with_orders(
    market: uint256, account: uint256, keeper: uint256, makers: DynArray[IMarginVault.MakerFill, 16]
) -> uint256:
    kernel._require_delegated(THIS)
    exchange_word: uint256 = system.exchange_word
    assert (
        convert(msg.sender, uint256) == exchange_word & packing.MASK_160
    ), "vault: not exchange"
    assert len(makers) != 0, "vault: no makers"
    m: markets.Market = markets._load(market)
    markets._require_unsettled(m)
    markets._require_fresh(m)
    m.terms_word = margin_math._without_idle_lower_cap(m.terms_word, m.open_interest, m.mark)
    band: uint256 = trading._band(m.mark, m.terms_word)
    is_buy: bool = makers[0].size > 0
    change: int256 = 0
    cost: int256 = 0
    lowest: uint256 = max_value(uint256)
    highest: uint256 = 0
    for maker: IMarginVault.MakerFill in makers:
        trading._require_part(
            fixed_math._magnitude(maker.size),
            (maker.size > 0) == is_buy,
            maker.account ^ account,
            maker.price,
            m.mark - band,
            m.mark + band,
        )
        change -= maker.size
        cost += fixed_math._signed_mul_div_ceil(-maker.size, maker.price, units.WAD)
        lowest = min(lowest, maker.price)
        highest = max(highest, maker.price)
    closed: IMarginVaultLiquidation.ClosedOut = self._close_out(
        m, account, keeper, change, cost, lowest if is_buy else highest
    )
    m.open_interest = closed.open_interest
    for maker: IMarginVault.MakerFill in makers:
        fee: uint256 = 0
        m.open_interest, fee = trading._fill_side(
            MEMBERSHIP,
            m,
            maker.account,
            maker.size,
            fixed_math._signed_mul_div_ceil(maker.size, maker.price, units.WAD),
            maker.price,
            maker.fee_rate,
            maker.is_reduce_only,
            exchange_word,
        )
        m.fees += fee
    markets._store_flow(m)
    log IMarginVaultOrderClose.ClosedWithOrders(
        account=account,
        market=market,
        keeper=keeper,
        size=change,
        price=fixed_math._mul_div_down(
            fixed_math._magnitude(cost), units.WAD, fixed_math._magnitude(change)
        ),
        fee=closed.fee,
        reward=closed.reward,
        health_before=closed.health,
        keeper_word=books._credit(keeper, closed.reward),
    )
    return closed.reward


def _close_out(
    m: markets.Market,
    account: uint256,
    keeper: uint256,
    change: int256,
    cost: int256,
    worst_price: uint256,
) -> IMarginVaultLiquidation.ClosedOut:
    """
    @notice The account's side, by the part that computes what liquidations may cost
    """
    system.is_inside = True
    answer: Bytes[128] = raw_call(
        LIQUIDATION,
        abi_encode(
            m.id,
            m.open_interest,
            account,
            keeper,
            change,
            cost,
            worst_price,
            method_id=method_id(
                "close_out(uint256,uint256,uint256,uint256,int256,int256,uint256)"
            ),
        ),
        max_outsize=128,
        is_delegate_call=True,
    )
    system.is_inside = False
    return abi_decode(answer, IMarginVaultLiquidation.ClosedOut)
