# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title MarginVault
@license AGPL-3.0-only
@author Lastline
@notice The kernel's hot half: custody of traders' collateral, accounts, fills, margin.
        The only contract with traders' money. Not upgradeable. What it does not answer itself it passes on, by
        delegatecall, to the part of the kernel whose business it is: one ledger, one address.
@dev Trusts the Exchange and the PriceOracle with prices inside the band, the LiquidationEngine and the
     LossAllocator with nothing but the choice of whom within the rules, and no fund at all.
"""

from ethereum.ercs import IERC20

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
initializes: bankruptcy_account[markets := markets]
initializes: claims_queue
initializes: fund_payments[markets := markets, system := system]
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: recovery


TOKEN: immutable(IERC20)
# Quote units (18 decimals) per token unit.
SCALE: immutable(uint256)
# The other parts of the kernel; MEMBERSHIP is the one that knows cohorts in full.
LIQUIDATION: immutable(address)
CRISIS: immutable(address)
LOSS_SHARING: immutable(address)
BANKRUPTCY: immutable(address)
AUCTION: immutable(address)
MEMBERSHIP: immutable(address)
CONSOLE: immutable(address)
VIEWS: immutable(address)


@deploy
def __init__(
    collateral: address,
    liquidation_part: address,
    crisis_part: address,
    loss_sharing_part: address,
    bankruptcy_part: address,
    auction_part: address,
    membership_part: address,
    console_part: address,
    views_part: address,
    owner: address,
):
    """
    @notice Wire the kernel for ever; everything else is set by the owner
    @dev Reverts "vault: zero owner", "kernel: decimals", "kernel: other configuration"
    @param collateral ERC-20 with at most 18 decimals; every part must have been made for the same one
    @param liquidation_part MarginVaultLiquidation
    @param crisis_part MarginVaultCrisis
    @param loss_sharing_part MarginVaultLossSharing
    @param bankruptcy_part MarginVaultBankruptcy
    @param auction_part MarginVaultAuction
    @param membership_part MarginVaultMembership
    @param console_part MarginVaultConsole
    @param views_part MarginVaultViews, which passes settings on to MarginVaultConsole
    @param owner Governance (the Timelock, or the deployer until it hands over)
    """
    assert owner != empty(address), "vault: zero owner"
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    for part: address in [
        liquidation_part, crisis_part, loss_sharing_part, bankruptcy_part, auction_part, membership_part,
        console_part, views_part
    ]:
        kernel._require_same(part, config)
    TOKEN = IERC20(collateral)
    SCALE = scale
    LIQUIDATION = liquidation_part
    CRISIS = crisis_part
    LOSS_SHARING = loss_sharing_part
    BANKRUPTCY = bankruptcy_part
    AUCTION = auction_part
    MEMBERSHIP = membership_part
    CONSOLE = console_part
    VIEWS = views_part
    system.__init__(owner)
    system.exchange_word = system._exchange_word(empty(address), 0, system.NORMAL, 1000, False)
    markets.batch_seconds = 3600


@external
def deposit(account: uint256, tokens: uint256) -> uint256:
    return books._deposit(TOKEN, SCALE, account, tokens)


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
    assert block.timestamp - m.mark_time <= margin_math._max_mark_age(
        m.terms_word
    ), "market: stale mark"
    open_interest: uint256 = m.open_interest
    band: uint256 = fixed_math._mul_div_down(
        m.mark, margin_math._band(m.terms_word), units.WAD
    )
    fees: uint256 = 0
    fee: uint256 = 0
    traded: uint256 = 0
    paid: uint256 = 0
    is_buy: bool = makers[0].size > 0
    for maker: IMarginVault.MakerFill in makers:
        assert maker.size != 0, "vault: zero size"
        size: uint256 = fixed_math._magnitude(maker.size)
        assert size <= units.MAX_AMOUNT, "vault: size too large"
        assert (maker.size > 0) == is_buy, "vault: mixed sides"
        assert maker.account >> 96 != taker >> 96, "vault: self trade"
        assert (
            maker.price <= m.mark + band and maker.price + band >= m.mark
        ), "vault: price out of band"
        # the buyer pays the cost rounded up, the seller gets it rounded down
        down: uint256 = 0
        up: uint256 = 0
        down, up = fixed_math._wad_mul(size, maker.price)
        cost: int256 = -convert(down, int256)
        if is_buy:
            cost = convert(up, int256)
            paid += down
        else:
            paid += up
        traded += size
        m.open_interest, fee = self._fill_side(
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
    m.open_interest, fee = self._fill_side(
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
@reentrant
def is_operator(owner: address, operator: address) -> bool:
    return accounts.operators[owner][operator]


@external
@view
@reentrant
def token() -> address:
    return TOKEN.address


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
        or selector == convert(method_id("pay_treasury()", output_type=bytes4), uint256)
        or selector == convert(method_id("pay_builder(uint256,uint256,uint256)", output_type=bytes4), uint256)
    ):
        return CRISIS
    if (
        selector == convert(method_id("take_over(uint256,uint256,uint256,uint256,uint256)", output_type=bytes4), uint256)
    ):
        return LIQUIDATION
    if (
        selector == convert(method_id("deleverage(uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("close_at_mark(uint256,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("charge_round(uint256,uint256)", output_type=bytes4), uint256)
    ):
        return LOSS_SHARING
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
        selector == convert(method_id("withdraw(uint256,uint256,address,uint256)", output_type=bytes4), uint256)
        or selector == convert(method_id("transfer(uint256,uint256,uint256)", output_type=bytes4), uint256)
    ):
        return CONSOLE
    return VIEWS


def _fill_side(
    market: markets.Market,
    account: uint256,
    change: int256,
    cost: int256,
    price: uint256,
    fee_rate: uint256,
    is_reduce_only: bool,
    exchange_word: uint256,
) -> (uint256, uint256):
    """
    @notice One account's side of a fill, judged by its final state
    @param cost Signed quote, paid > 0, rounded up
    @return The market's open interest, and the fee taken
    """
    assert fee_rate <= units.MAX_FEE_RATE, "vault: fee too high"
    m: markets.Market = market
    elsewhere: margin.Risk = empty(margin.Risk)
    multiplier: uint256 = system._multiplier(exchange_word)
    seat: positions.Seat = positions._open(m, account, False)
    if seat.markets & ~(convert(1, uint256) << m.id) != 0 or (seat.key != 0 and seat.size == 0):
        # in other markets too, or member of a generation that was closed or charged
        m.open_interest, seat, elsewhere = books._in_hand(MEMBERSHIP, m, account, multiplier)
    assert (seat.classes >> 64) & packing.MASK_16 == system._exchange_version(
        exchange_word
    ), "vault: exchange not accepted"
    fee: uint256 = fixed_math._wad_mul_up(fixed_math._magnitude(cost), fee_rate)
    size: int256 = 0
    notional: int256 = 0
    pnl: int256 = 0
    size, notional, pnl = positions._traded(seat.size, seat.notional, change, cost)
    is_reduction: bool = seat.size != 0 and (seat.size > 0) != (change > 0) and (
        size == 0 or (size > 0) == (seat.size > 0)
    )
    # after a full close of the last position no requirement is left: only equity is judged
    is_last: bool = is_reduction and size == 0 and elsewhere.maintenance == 0
    equity_before: int256 = 0
    before: margin.Risk = empty(margin.Risk)
    if is_last:
        equity_before = elsewhere.cash + margin._worth_alone(m, seat)
    elif is_reduction:
        before = margin._with(elsewhere, m, seat, multiplier)
    if seat.size == 0:
        seat.size = size
        seat.notional = notional
    else:
        seat = books._traded(m, seat, size, notional, pnl)
    seat.cash -= convert(fee, int256)
    worth: uint256 = max_value(uint256)
    if is_last:
        margin._require_solvent(
            min(equity_before, elsewhere.cash + margin._worth_alone(m, seat))
            + convert(elsewhere.maturing, int256)
        )
    else:
        after: margin.Risk = margin._with(elsewhere, m, seat, multiplier)
        if is_reduction:
            margin._require_reduction_allowed(before, after)
        else:
            assert not is_reduce_only, "vault: not a reduction"
            assert m.status == markets.ACTIVE, "market: close only"
            assert system._mode(exchange_word) < system.RESTRICTED, "vault: reduce only mode"
            assert not system._is_paused(exchange_word), "vault: paused"
            assert markets._is_fresh_for_opening(m), "margin: stale mark"
            margin._require_opening_allowed(m.terms_word, after)
            worth = after.worth
        assert size == 0 or after.worth >= margin_math._minimum_notional(
            m.terms_word
        ), "margin: below minimum size"
    return books._commit(MEMBERSHIP, m, seat, change, price, fee, worth), fee
