# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize

"""
@title MarginVaultViews
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part that only answers: effective figures of accounts and positions, inventories, claims, fees,
        and the words of storage as they are. What it does not know it passes on: settlement of markets to the parts that
        do it, the rest to the console.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from .interfaces import IKernelPart
from .interfaces import IMarginVaultViews
from .lib import fixed_math
from .lib import kernel
from .lib import margin_math
from .lib import packing
from .lib import price_tick
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
from .modules import membership
from .modules import positions
from .modules import recovery
from .modules import system

implements: IKernelPart
implements: IMarginVaultViews

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
initializes: membership[
    accounts := accounts, cohorts := cohorts, markets := markets, positions := positions
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
CONSOLE: immutable(address)
CRISIS: immutable(address)
BANKRUPTCY: immutable(address)


@deploy
def __init__(collateral: address, console: address, crisis: address, bankruptcy: address):
    """
    @dev Reverts "kernel: decimals", "kernel: other configuration"
    @param console MarginVaultConsole made for the same collateral
    @param crisis MarginVaultCrisis made for the same collateral
    @param bankruptcy MarginVaultBankruptcy made for the same collateral
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    for part: address in [console, crisis, bankruptcy]:
        kernel._require_same(part, config)
    CONFIG = config
    CONSOLE = console
    CRISIS = crisis
    BANKRUPTCY = bankruptcy
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


@external
@view
def account_state(account: uint256) -> IMarginVaultViews.AccountState:
    return self._account_state(self._full_risk(account))


@external
@view
def position_state(account: uint256, market: uint256) -> IMarginVaultViews.PositionState:
    m: markets.Market = markets._peek(market)
    seat: positions.Seat = membership._peek(m, account)
    out: IMarginVaultViews.PositionState = empty(IMarginVaultViews.PositionState)
    out.size = seat.size
    out.notional = seat.notional
    out.maturing = positions._maturing_worth(market, seat)
    out.pot = fixed_math._positive_part(seat.pending)
    out.key = seat.key
    if seat.size == 0:
        return out
    out.unrealised = margin._unrealised(m, seat)
    marginal: uint256 = 0
    initial: uint256 = 0
    out.maintenance, marginal, initial = margin._margins(
        m, seat, system._multiplier(system.exchange_word)
    )
    risk: margin.Risk = self._full_risk(account)
    # equity is shared over positions by maintenance margin
    share: int256 = fixed_math._signed_mul_div_floor(
        margin._equity(risk), out.maintenance, max(risk.maintenance, 1)
    )
    per_base: int256 = fixed_math._signed_mul_div_floor(
        share, units.WAD, fixed_math._magnitude(seat.size)
    )
    price: int256 = convert(m.mark, int256)
    price = price - per_base if seat.size > 0 else price + per_base
    out.bankruptcy_price = fixed_math._positive_part(price)
    return out


@external
@view
def liquidation_plan(
    account: uint256, market: uint256, max_size: uint256
) -> IMarginVaultViews.LiquidationPlan:
    m: markets.Market = markets._peek(market)
    risk: margin.Risk = empty(margin.Risk)
    critical: uint256 = max_value(uint256)
    fresh: uint256 = 0
    out: IMarginVaultViews.LiquidationPlan = empty(IMarginVaultViews.LiquidationPlan)
    moving: uint256 = 0
    seat: positions.Seat = empty(positions.Seat)
    risk, critical, fresh, out.unsettled, moving, seat = self._risk_of(account, market)
    equity: int256 = margin._equity(risk)
    out.is_stale = not markets._is_fresh(m) or moving != 0
    out.health = max_value(uint256)
    if risk.maintenance != 0:
        out.health = fixed_math._mul_div_down(
            fixed_math._positive_part(equity), units.WAD, risk.maintenance
        )
    out.is_absorbable = moving == 0 and (fresh != 0 or risk.maintenance == 0) and margin_math._is_absorbable(
        equity, risk.maintenance, critical
    )
    out.is_liquidatable = equity >= 0 and convert(equity, uint256) < risk.maintenance
    if not out.is_liquidatable or seat.size == 0 or m.status == markets.SETTLED:
        return out
    plan: liquidation.Plan = liquidation._plan(
        m, seat, risk, system._multiplier(system.exchange_word), max_size
    )
    out.change = plan.change
    out.price = plan.price
    out.fee = plan.fee
    out.kappa = plan.kappa
    return out


@external
@view
def exposure(account: uint256, market: uint256) -> IMarginVaultViews.Exposure:
    out: IMarginVaultViews.Exposure = empty(IMarginVaultViews.Exposure)
    here: markets.Market = markets._peek(market)
    out.mark = here.mark
    out.minimum_notional = margin_math._minimum_notional(here.terms_word)
    rest: uint256 = packing._account(accounts.words[account]).markets
    for i: uint256 in range(units.MAX_ACCOUNT_MARKETS):
        if rest == 0:
            break
        m: markets.Market = markets._peek(price_tick._lowest_bit(rest))
        rest &= unsafe_sub(rest, 1)
        seat: positions.Seat = membership._peek(m, account)
        if m.id == market:
            out.size = seat.size
        # nothing of a settled market is liquidated, and no price moves it any more: it hedges nothing
        if seat.size == 0 or m.status == markets.SETTLED:
            continue
        worth: uint256 = margin._value(m, seat)
        if seat.size > 0:
            out.longs += worth
            out.long_markets |= packing._bit(m.id)
        else:
            out.shorts += worth
            out.short_markets |= packing._bit(m.id)
        if markets._is_fresh(m) and worth >= margin_math._minimum_notional(m.terms_word):
            out.ready_markets |= packing._bit(m.id)
    return out


@external
@view
def liquidation_door(account: uint256) -> (address, uint256):
    return system.liquidation_engine, (accounts.words[account] >> 128) & packing.MASK_32


@external
@view
def inventory_state(market: uint256) -> IMarginVaultViews.InventoryState:
    m: markets.Market = markets._peek(market)
    i: bankruptcy_account.Inventory = bankruptcy_account._open(m)
    return IMarginVaultViews.InventoryState(
        size=i.size,
        notional=i.notional,
        cash=i.cash,
        equity=bankruptcy_account._equity(m, i),
        outstanding=i.outstanding,
        auction_start=markets._auction_start(market),
    )


@external
@view
def claim_state(claim: uint256) -> IMarginVaultViews.ClaimState:
    c: claims_queue.Claim = claims_queue.claims[claim]
    return IMarginVaultViews.ClaimState(
        market=c.origin_word & 255,
        account=c.account,
        loss_side=(c.origin_word >> 8) & 3,
        filed_at=c.origin_word >> 16,
        amount=packing._low_half(c.amounts_word),
        reserve=packing._low_half(c.paid_words[0]),
        community=packing._high_half(c.paid_words[0]),
        adl=packing._low_half(c.paid_words[1]),
        socialised=packing._high_half(c.paid_words[1]),
        side=packing._low_half(c.paid_words[2]),
        recovery=packing._high_half(c.paid_words[2]),
        recovered=packing._low_half(c.paid_words[3]),
        outstanding=claims_queue._outstanding(claim),
    )


@external
@view
def claim_count() -> uint256:
    return claims_queue.claim_count


@external
@view
def claim_markets() -> uint256:
    return claims_queue.claim_markets


@external
@view
def claim_queue(market: uint256) -> (uint256, uint256):
    word: uint256 = claims_queue.queue_words[market]
    return word & packing.MASK_32, (word >> 32) & packing.MASK_32


@external
@view
def queued_claim(market: uint256, place: uint256) -> uint256:
    return claims_queue.queue[(market << 32) | place]


@external
@view
def fee_state() -> IMarginVaultViews.FeeState:
    trading: uint256 = packing._low_half(markets.fees_word)
    surplus: uint256 = 0
    for market: uint256 in range(markets.market_count, bound=units.MAX_MARKETS):
        trading += markets.flow_words[market] >> 112
        surplus += markets.surpluses[market]
    return IMarginVaultViews.FeeState(
        trading=trading,
        funding=packing._high_half(markets.fees_word),
        liquidation=markets.liquidation_fees,
        treasury=markets.treasury_fees,
        surplus=surplus,
    )


@external
@view
def market_count() -> uint256:
    return markets.market_count


@external
@view
def mark(market: uint256) -> uint256:
    return markets._peek(market).mark


@external
@view
def exchange_word() -> uint256:
    return system.exchange_word


@external
@view
def account_word(account: uint256) -> uint256:
    return accounts.words[account]


@external
@view
def position_word(account: uint256, market: uint256) -> uint256:
    return accounts.positions[account][market]


@external
@view
def maturing_word(account: uint256, market: uint256) -> uint256:
    return accounts.maturing[account][market]


@external
@view
def market_words(market: uint256) -> uint256[14]:
    return [
        markets.price_words[market],
        markets.funding_words[market],
        markets.clock_words[market],
        markets.batch_sums_words[market],
        markets.terms_words[market],
        markets.more_lines_words[market],
        markets.last_lines_words[market],
        markets.liquidation_words[market],
        markets.crisis_words[market],
        bankruptcy_account.inventory_words[market],
        bankruptcy_account.cash_words[market],
        claims_queue.queue_words[market],
        markets.flow_words[market],
        loss_sharing.round_deficits[market],
    ]


@external
@view
def surplus(market: uint256) -> uint256:
    return markets.surpluses[market]


@external
@view
def side_window(market: uint256) -> uint256:
    return loss_sharing.side_windows[market]


@external
@view
def rate_sum_word(market: uint256) -> uint256:
    return markets.rate_sum_words[market]


@external
@view
def batch_word(market: uint256, batch: uint256) -> uint256:
    return maturity.batch_words[(market << 24) | batch]


@external
@view
def round_word(market: uint256, index: uint256) -> uint256:
    return markets._round(market, index)


@external
@view
def cohort_words(key: uint256) -> uint256[5]:
    return [
        cohorts.generations[key].sums_word,
        cohorts.generations[key].scale_word,
        cohorts.generations[key].entry_word,
        cohorts.generations[key].pot_word,
        cohorts.siblings[(key >> 6) << 6],
    ]


@external
@view
def tick_bitmap(group: uint256, index: uint256) -> uint256:
    return cohorts.bitmaps[(group << 8) | index]


@external
@view
def settings() -> (uint256, uint256, uint256):
    return markets.funding_share, markets.batch_seconds, fund_payments.failure_word


@external
@reentrant
@raw_return
def __default__() -> Bytes[1024]:
    """
    @notice Settings are the console's, settlement that of two other parts; reentrant because the entry it reaches takes
            the lock itself
    """
    part: address = CONSOLE
    selector: bytes4 = convert(slice(msg.data, 0, 4), bytes4)
    if selector == method_id("close_at_settlement(uint256,uint256)", output_type=bytes4):
        part = BANKRUPTCY
    elif (
        selector == method_id("settle_market(uint256)", output_type=bytes4)
        or selector == method_id("pay_surplus(uint256)", output_type=bytes4)
    ):
        part = CRISIS
    return raw_call(part, msg.data, max_outsize=1024, is_delegate_call=True)


@view
def _full_risk(account: uint256) -> margin.Risk:
    """
    @notice An account's risk with everything pending applied
    """
    return self._risk_of(account, units.MAX_MARKETS)[0]


@view
def _risk_of(
    account: uint256, market: uint256
) -> (margin.Risk, uint256, uint256, uint256, uint256, positions.Seat):
    """
    @notice An account's risk with everything pending applied
    @return And the lowest critical health of the markets where it has a position, the number of those with a fresh
            mark, the bitmap of those where it is not settled, and of those whose mark is on its way; and its seat in `market`,
            empty where it has none
    """
    here: positions.Seat = empty(positions.Seat)
    a: packing.Account = packing._account(accounts.words[account])
    risk: margin.Risk = empty(margin.Risk)
    risk.cash = a.cash
    critical: uint256 = max_value(uint256)
    fresh: uint256 = 0
    unsettled: uint256 = 0
    moving: uint256 = 0
    rest: uint256 = a.markets
    for i: uint256 in range(units.MAX_ACCOUNT_MARKETS):
        if rest == 0:
            break
        m: markets.Market = markets._peek(price_tick._lowest_bit(rest))
        rest &= unsafe_sub(rest, 1)
        if not membership._is_settled(m, account):
            unsettled |= packing._bit(m.id)
        seat: positions.Seat = membership._peek(m, account)
        if m.id == market:
            here = seat
        seat.cash -= a.cash
        risk = margin._with(risk, m, seat, system._multiplier(system.exchange_word))
        if seat.size == 0:
            continue
        critical = min(
            critical, margin_math._critical_health(markets.liquidation_words[m.id])
        )
        if m.status == markets.SETTLED:
            # says nothing about the others' marks
            continue
        if markets._is_fresh(m):
            fresh += 1
        elif markets._is_on_its_way(m):
            moving |= packing._bit(m.id)
        if not markets._is_fresh_for_opening(m):
            risk.is_stale = True
    return risk, critical, fresh, unsettled, moving, here


@pure
def _account_state(risk: margin.Risk) -> IMarginVaultViews.AccountState:
    return IMarginVaultViews.AccountState(
        cash=risk.cash,
        maturing=risk.maturing,
        unrealised=risk.unrealised,
        equity=margin._equity(risk),
        maintenance=risk.maintenance,
        hole=margin._hole(risk),
        withdrawable=margin._withdrawable(risk),
        is_stale=risk.is_stale,
    )
