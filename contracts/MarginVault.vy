# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title MarginVault
@license AGPL-3.0-only
@author Lastline
@notice The kernel's hot half: custody of traders' collateral, fills, margin.
        The only contract with traders' money. Not upgradeable. What it does not answer itself it passes on, by
        delegatecall, to the part of the kernel whose business it is: one ledger, one address.
@dev Trusts the Exchange and the PriceOracle with prices inside the band, the LiquidationEngine and the
     LossAllocator with nothing but the choice of whom within the rules, and no fund at all.
"""

from .interfaces import IMarginVault
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

implements: IMarginVault

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


# The other parts of the kernel; MEMBERSHIP is the one that knows cohorts in full.
LIQUIDATION: immutable(address)
ORDER_CLOSE: immutable(address)
CRISIS: immutable(address)
LOSS_SHARING: immutable(address)
LAST_TIERS: immutable(address)
BANKRUPTCY: immutable(address)
AUCTION: immutable(address)
MEMBERSHIP: immutable(address)
CASH: immutable(address)
CONSOLE: immutable(address)
VIEWS: immutable(address)


@deploy
def __init__(
    collateral: address,
    liquidation_part: address,
    order_close_part: address,
    crisis_part: address,
    loss_sharing_part: address,
    last_tiers_part: address,
    bankruptcy_part: address,
    auction_part: address,
    membership_part: address,
    cash_part: address,
    console_part: address,
    views_part: address,
    owner: address,
):
    """
    @notice Wire the kernel for ever; everything else is set by the owner
    @dev Reverts "vault: zero owner", "kernel: decimals", "kernel: other configuration"
    @param collateral ERC-20 with at most 18 decimals; every part must have been made for the same one
    @param liquidation_part MarginVaultLiquidation
    @param order_close_part MarginVaultOrderClose
    @param crisis_part MarginVaultCrisis
    @param loss_sharing_part MarginVaultLossSharing
    @param last_tiers_part MarginVaultLastTiers
    @param bankruptcy_part MarginVaultBankruptcy
    @param auction_part MarginVaultAuction
    @param membership_part MarginVaultMembership
    @param cash_part MarginVaultCash
    @param console_part MarginVaultConsole
    @param views_part MarginVaultViews, which passes settings on to MarginVaultConsole
    @param owner Governance (the Timelock, or the deployer until it hands over)
    """
    assert owner != empty(address), "vault: zero owner"
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    for part: address in [
        liquidation_part, order_close_part, crisis_part, loss_sharing_part, last_tiers_part, bankruptcy_part,
        auction_part, membership_part, cash_part, console_part, views_part
    ]:
        kernel._require_same(part, config)
    LIQUIDATION = liquidation_part
    ORDER_CLOSE = order_close_part
    CRISIS = crisis_part
    LOSS_SHARING = loss_sharing_part
    LAST_TIERS = last_tiers_part
    BANKRUPTCY = bankruptcy_part
    AUCTION = auction_part
    MEMBERSHIP = membership_part
    CASH = cash_part
    CONSOLE = console_part
    VIEWS = views_part
    system.__init__(owner)
    system.exchange_word = system._exchange_word(empty(address), 0, system.NORMAL, 1000, False)
    markets.batch_seconds = 3600


@external
def fill(
    market: uint256,
    taker: uint256,
    taker_fee_rate: uint256,
    is_taker_reduce_only: bool,
    makers: DynArray[IMarginVault.MakerFill, 16],
):
    exchange_word: uint256 = system.exchange_word
    assert (
        convert(msg.sender, uint256) == exchange_word & packing.MASK_160
    ), "vault: not exchange"
    assert len(makers) != 0, "vault: no makers"
    m: markets.Market = markets._load(market)
    if unsafe_sub(block.timestamp, m.mark_time) > margin_math._max_mark_age(m.terms_word):
        # (the mark of a settled market is of a time to come)
        markets._require_unsettled(m)
        raise "market: stale mark"
    m.terms_word = margin_math._without_idle_lower_cap(m.terms_word, m.open_interest, m.mark)
    open_interest: uint256 = m.open_interest
    band: uint256 = trading._band(m.mark, m.terms_word)
    fees: uint256 = 0
    fee: uint256 = 0
    traded: uint256 = 0
    paid: uint256 = 0
    is_buy: bool = makers[0].size > 0
    for maker: IMarginVault.MakerFill in makers:
        size: uint256 = fixed_math._magnitude(maker.size)
        trading._require_part(
            size,
            (maker.size > 0) == is_buy,
            maker.account ^ taker,
            maker.price,
            unsafe_sub(m.mark, band),
            unsafe_add(m.mark, band),
        )
        # the buyer pays the cost rounded up, the seller gets it rounded down
        down: uint256 = 0
        up: uint256 = 0
        down, up = fixed_math._wad_mul(size, maker.price)
        cost: int256 = -convert(down, int256)
        # (sums of at most 16 amounts of less than 2**152)
        if is_buy:
            cost = convert(up, int256)
            paid = unsafe_add(paid, down)
        else:
            paid = unsafe_add(paid, up)
        traded = unsafe_add(traded, size)
        m.open_interest, fee = trading._fill_side(
            MEMBERSHIP,
            m,
            maker.account,
            maker.size,
            cost,
            maker.price,
            maker.fee_rate,
            maker.is_reduce_only,
            exchange_word,
        )
        fees += fee
    change: int256 = convert(traded, int256)
    cost: int256 = convert(paid, int256)
    if is_buy:
        change = -change
        cost = -cost
    m.open_interest, fee = trading._fill_side(
        MEMBERSHIP,
        m,
        taker,
        change,
        cost,
        fixed_math._mul_div_down(paid, units.WAD, traded),
        taker_fee_rate,
        is_taker_reduce_only,
        exchange_word,
    )
    fees += fee
    if m.open_interest > open_interest:
        assert m.open_interest <= margin_math._open_interest_cap_base(
            m.terms_word
        ), "market: open interest cap"
        assert fixed_math._mul_div_up(
            m.open_interest, m.mark, units.WAD
        ) <= margin_math._open_interest_cap_quote(m.terms_word), "market: open interest value"
    m.fees += fees
    markets._store_flow(m)


@external
@view
def liquidation_words(account: uint256, market: uint256) -> IMarginVault.LiquidationWords:
    assert market < units.MAX_MARKETS, "market: unknown"
    return IMarginVault.LiquidationWords(
        account=accounts.words[account],
        position=accounts.positions[account][market],
        mark=markets.price_words[market] & packing.MASK_104,
    )


@external
@view
@reentrant
def is_operator(owner: address, operator: address) -> bool:
    return accounts.operators[owner][operator]


@external
@reentrant
@raw_return
def __default__() -> Bytes[1024]:
    """
    @notice Everything else is answered by the kernel's other parts, over this contract's storage
    @dev Reentrant because the entry it reaches takes the lock itself
    """
    return raw_call(
        self._part(convert(slice(msg.data, 0, 4), uint256)),
        msg.data,
        max_outsize=1024,
        is_delegate_call=True,
    )


@view
def _part(selector: uint256) -> address:
    """
    @notice The part of the kernel that answers a selector
    """
    if (
        selector == convert(method_id("update_mark(uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("pay_claims(uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("collect_fees()", output_type=bytes4), uint256)
        or selector == convert(method_id("pay_builder(uint256,uint256,uint256)", output_type=bytes4), uint256)
    ):
        return CRISIS
    if (
        selector == convert(method_id("take_over(uint256,uint256,uint256,uint256,uint256)", output_type=bytes4), uint256)
    ):
        return LIQUIDATION
    if (
        selector == convert(method_id("close_with_orders(uint256,uint256,uint256,(uint256,int256,uint256,uint256,bool)[])", output_type=bytes4), uint256)
    ):
        return ORDER_CLOSE
    if (
        selector == convert(method_id("deleverage(uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("close_at_mark(uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("charge_round(uint256,uint256)", output_type=bytes4), uint256)
    ):
        return LOSS_SHARING
    if (
        selector == convert(method_id("charge_side(uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("write_off(uint256,uint256)", output_type=bytes4), uint256)
    ):
        return LAST_TIERS
    if (
        selector == convert(method_id("touch(uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("sync_cohort(uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("set_leverage_class(uint256,uint256,uint256)", output_type=bytes4), uint256)
    ):
        return MEMBERSHIP
    if (
        selector == convert(method_id("absorb(uint256,uint256)", output_type=bytes4), uint256)
    ):
        return BANKRUPTCY
    if (
        selector == convert(method_id("buy_inventory(uint256,uint256,uint256,uint256)", output_type=bytes4), uint256)
    ):
        return AUCTION
    if (
        selector == convert(method_id("deposit(uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("withdraw(uint256,uint256,address,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("transfer(uint256,uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("deposit_at_ratio(uint256,uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("deposit_with_permit(uint256,uint256,uint256,uint8,bytes32,bytes32)", output_type=bytes4), uint256)
        or selector == convert(method_id("pay_treasury()", output_type=bytes4), uint256)
        or selector == convert(method_id("recapitalise(uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("pay_uncovered()", output_type=bytes4), uint256)
        or selector == convert(method_id("token()", output_type=bytes4), uint256)
        or selector == convert(method_id("uncovered()", output_type=bytes4), uint256)
        or selector == convert(method_id("recovery_claim(uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("recovery_ratio()", output_type=bytes4), uint256)
    ):
        return CASH
    return VIEWS
