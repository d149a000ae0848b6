# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title MarginVaultCrisis
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part that recognises losses and has the fund pay them: marks, funding and the market clock, claims,
        the fund's inflows, settlement of a market.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from ethereum.ercs import IERC20
from .interfaces import IInsuranceFund
from .interfaces import IKernelPart
from .interfaces import IMarginVaultCrisis
from .interfaces import IPriceOracle
from .lib import fixed_math
from .lib import kernel
from .lib import margin_math
from .lib import packing
from .lib import token as erc20
from .lib import units
from .modules import accounts
from .modules import bankruptcy_account
from .modules import books
from .modules import claims_payment
from .modules import claims_queue
from .modules import cohorts
from .modules import fund_payments
from .modules import loss_sharing
from .modules import margin
from .modules import market_config
from .modules import markets
from .modules import maturity
from .modules import positions
from .modules import recovery
from .modules import system

implements: IKernelPart
implements: IMarginVaultCrisis

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
initializes: market_config[markets := markets]
initializes: bankruptcy_account[markets := markets]
initializes: claims_queue
initializes: fund_payments[markets := markets, system := system]
initializes: claims_payment[
    bankruptcy_account := bankruptcy_account,
    claims_queue := claims_queue,
    fund_payments := fund_payments,
    markets := markets,
    system := system,
]
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: recovery[markets := markets]


# A mark moves the market clock by at most so much.
MAX_CLOCK_STEP: constant(uint256) = 300
# Funding accrues at most once in so many seconds, and for at most so many at a time.
MIN_FUNDING_STEP: constant(uint256) = 300
MAX_FUNDING_STEP: constant(uint256) = 3600
# Of a surplus this part stays with the fees of liquidations, out of which absorptions of empty accounts are paid.
REWARD_PARTS: constant(uint256) = 10
# When fees are collected, so many of a market's largest rewards stay for each: nobody can empty what such absorptions are paid of.
REWARDS_KEPT: constant(uint256) = 4

CONFIG: immutable(bytes32)
THIS: immutable(address)
TOKEN: immutable(IERC20)
SCALE: immutable(uint256)


@deploy
def __init__(collateral: address):
    """
    @dev Reverts "kernel: decimals"
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    CONFIG = config
    THIS = self
    TOKEN = IERC20(collateral)
    SCALE = scale
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


@external
def update_mark(market: uint256) -> uint256:
    kernel._require_delegated(THIS)
    return self._update_mark(markets._load(market))


@external
def settle_market(market: uint256) -> uint256:
    kernel._require_delegated(THIS)
    system._require_owner()
    m: markets.Market = markets._load(market)
    assert m.status == markets.CLOSE_ONLY, "market: not close-only"
    status: IPriceOracle.Status = staticcall IPriceOracle(system.price_oracle).status(market)
    if status.usable:
        self._update_mark(m)
        m = markets._load(market)
        assert m.mark_time == block.timestamp, "market: mark on its way"
    else:
        markets._require_long_silent(m)
    price_time: uint256 = markets._price_time(m)
    lacking: uint256 = 0
    m, lacking = claims_payment._sync_and_pay(TOKEN, SCALE, m, False)
    assert lacking <= margin_math._dust(markets.liquidation_words[market]), "market: open claims"
    m.status = markets.SETTLED
    m.mark_time = markets.ALWAYS
    markets._store_price(m)
    markets._store_flow(m)
    # from here on: when the market clock last moved
    clock: packing.Clock = packing._clock(markets.clock_words[market])
    clock.funding_time = block.timestamp
    markets.clock_words[market] = packing._clock_word(clock)
    market_config._set_final(market)
    log IMarginVaultCrisis.MarketSettled(
        market=market,
        price=m.mark,
        price_time=price_time,
        is_feed_dead=not status.usable,
        clock_word=markets.clock_words[market],
    )
    return m.mark


def _update_mark(market: markets.Market) -> uint256:
    m: markets.Market = market
    clock: packing.Clock = packing._clock(markets.clock_words[m.id])
    if m.status == markets.SETTLED:
        return self._move_settled_clock(m, clock)
    if block.timestamp == m.mark_time or block.timestamp == clock.step_time:
        return m.mark
    reading: IPriceOracle.Reading = extcall IPriceOracle(system.price_oracle).observe(m.id)
    assert (
        units.MIN_PRICE <= reading.mark and reading.mark <= units.MAX_PRICE
    ), "market: price out of range"
    elapsed: uint256 = block.timestamp - m.mark_time
    was_fresh: bool = markets._is_fresh(m)
    funding_share: uint256 = 0
    if block.timestamp - clock.funding_time >= MIN_FUNDING_STEP:
        m, funding_share = self._accrue_funding(
            m, self._take_due(m.id, reading, block.timestamp - clock.funding_time)
        )
        clock.funding_time = block.timestamp
    m.mark = self._stepped(m, reading.mark)
    m.mark_time = block.timestamp
    if m.mark != reading.mark:
        # on its way: fresh for nobody until it arrives
        m.mark_time = 0
        clock.step_time = block.timestamp
    lacking: uint256 = 0
    m, lacking = claims_payment._sync_and_pay(TOKEN, SCALE, m, False)
    markets._store_price(m)
    markets._store_flow(m)
    self._store_clock(m, clock, elapsed if was_fresh else 0, lacking, funding_share)
    return m.mark


def _move_settled_clock(settled: markets.Market, last: packing.Clock) -> uint256:
    """
    @notice `update_mark` of a settled market: no price is asked for and no funding accrues; claims are made to fit and
            paid, and profit goes on maturing, by the same rules
    """
    m: markets.Market = settled
    clock: packing.Clock = last
    elapsed: uint256 = block.timestamp - clock.funding_time
    if elapsed == 0:
        return m.mark
    clock.funding_time = block.timestamp
    lacking: uint256 = 0
    m, lacking = claims_payment._sync_and_pay(TOKEN, SCALE, m, False)
    markets._store_flow(m)
    self._store_clock(m, clock, elapsed, lacking, 0)
    return m.mark


def _store_clock(
    m: markets.Market, clock: packing.Clock, elapsed: uint256, lacking: uint256, funding_share: uint256
):
    """
    @notice Profit goes on maturing only while every loss is recognised and paid or sure to be
    @param elapsed Since the last mark if it was still fresh, seconds
    """
    out: packing.Clock = clock
    if elapsed != 0 and lacking <= margin_math._dust(markets.liquidation_words[m.id]):
        out.now += min(elapsed, MAX_CLOCK_STEP)
        if out.now >= out.batch_end:
            out.batch_end = out.now + markets.batch_seconds
            maturity._roll(m.id)
    markets.clock_words[m.id] = packing._clock_word(out)
    log IMarginVaultCrisis.MarkUpdated(
        market=m.id,
        mark=m.mark,
        mark_time=m.mark_time,
        long_index=m.long_index,
        short_index=m.short_index,
        funding_share=funding_share,
        clock_word=markets.clock_words[m.id],
        batch_sums_word=markets.batch_sums_words[m.id],
    )


@external
def pay_claims(market: uint256) -> uint256:
    kernel._require_delegated(THIS)
    m: markets.Market = markets._load(market)
    lacking: uint256 = 0
    before: uint256 = staticcall TOKEN.balanceOf(self)
    m, lacking = claims_payment._sync_and_pay(TOKEN, SCALE, m, True)
    markets._store_flow(m)
    return (staticcall TOKEN.balanceOf(self) - before) * SCALE


@external
def collect_fees():
    kernel._require_delegated(THIS)
    fund: IInsuranceFund = IInsuranceFund(system.insurance_fund)
    assert fund.address != empty(address), "vault: no fund"
    fees: uint256 = markets.fees_word
    trading: uint256 = packing._low_half(fees)
    kept: uint256 = 0
    for market: uint256 in range(markets.market_count, bound=units.MAX_MARKETS):
        flow_word: uint256 = markets.flow_words[market]
        trading += flow_word >> 112
        markets.flow_words[market] = flow_word & packing.MASK_112
        kept += REWARDS_KEPT * margin_math._reward_cap(markets.liquidation_words[market])
    share: uint256 = min(staticcall fund.fee_share(), units.WAD)
    to_fund: uint256 = fixed_math._mul_div_down(trading, share, units.WAD)
    trading_tokens: uint256 = fixed_math._mul_div_down(to_fund, 1, SCALE)
    funding_tokens: uint256 = fixed_math._mul_div_down(packing._high_half(fees), 1, SCALE)
    liquidation_tokens: uint256 = fixed_math._div_down(
        fixed_math._saturating_sub(markets.liquidation_fees, kept), SCALE
    )
    markets.fees_word = packing._halves_word(
        to_fund - trading_tokens * SCALE, packing._high_half(fees) - funding_tokens * SCALE
    )
    markets.treasury_fees += trading - to_fund
    markets.liquidation_fees -= liquidation_tokens * SCALE
    log IMarginVaultCrisis.FeesCollected(
        trading_to_fund=trading_tokens * SCALE,
        trading_to_treasury=trading - to_fund,
        funding=funding_tokens * SCALE,
        liquidation=liquidation_tokens * SCALE,
    )
    erc20._push(TOKEN, fund.address, trading_tokens + funding_tokens + liquidation_tokens)
    extcall fund.receive_inflow(trading_tokens, funding_tokens, liquidation_tokens)


@external
def pay_surplus(market: uint256) -> uint256:
    kernel._require_delegated(THIS)
    fund: address = system.insurance_fund
    assert fund != empty(address), "vault: no fund"
    assert market < units.MAX_MARKETS, "market: unknown"
    surplus: uint256 = markets.surpluses[market]
    rewards: uint256 = fixed_math._div_down(surplus, REWARD_PARTS)
    tokens: uint256 = fixed_math._div_down(surplus - rewards, SCALE)
    if tokens == 0:
        return 0
    markets.surpluses[market] = surplus - rewards - tokens * SCALE
    markets.liquidation_fees += rewards
    log IMarginVaultCrisis.SurplusPaid(market=market, amount=tokens * SCALE, rewards=rewards)
    erc20._push(TOKEN, fund, tokens)
    raw_call(
        fund,
        abi_encode(market, tokens, method_id=method_id("receive_surplus(uint256,uint256)")),
    )
    return tokens


@external
def pay_builder(market: uint256, builder: uint256, amount: uint256):
    kernel._require_delegated(THIS)
    assert (
        convert(msg.sender, uint256) == system.exchange_word & packing.MASK_160
    ), "vault: not exchange"
    assert market < units.MAX_MARKETS, "market: unknown"
    assert accounts._owner(builder) != empty(address), "vault: no builder"
    flow_word: uint256 = markets.flow_words[market]
    fees: uint256 = flow_word >> 112
    assert amount <= fees, "vault: fees too low"
    flow_word = packing._flow_word(flow_word & packing.MASK_112, unsafe_sub(fees, amount))
    markets.flow_words[market] = flow_word
    account_word: uint256 = books._credit(builder, amount)
    log IMarginVaultCrisis.BuilderPaid(
        market=market,
        builder=builder,
        amount=amount,
        flow_word=flow_word,
        account_word=account_word,
    )


@view
def _stepped(m: markets.Market, goal: uint256) -> uint256:
    """
    @notice The mark's next place on its way to the oracle's; at most one step away, if the market has such a limit
    @custom:rounding The step down
    """
    rate: uint256 = margin_math._mark_step(markets.liquidation_words[m.id])
    if rate == 0 or m.mark == 0:
        return goal
    step: uint256 = fixed_math._mul_div_down(m.mark, rate, units.WAD)
    return min(max(goal, m.mark - step), m.mark + step)


def _take_due(market: uint256, reading: IPriceOracle.Reading, elapsed: uint256) -> int256:
    """
    @notice Funding due since the last accrual, share of mark, 18 decimals; > 0: longs pay
    @dev By the rates that were in force meanwhile, as the oracle has added them up; of a gap longer than MAX_FUNDING_STEP
         their mean over so long. An oracle that was not asked before has no sum to start from: its present rate, then.
    @custom:rounding Toward zero
    """
    oracle: address = system.price_oracle
    old_word: uint256 = markets.rate_sum_words[market]
    new_word: uint256 = packing._rate_sum_word(oracle, reading.rate_sum)
    due: int256 = 0
    if old_word & packing.MASK_160 == convert(oracle, uint256):
        due = reading.rate_sum - packing._signed_from(old_word, 160, 96)
    else:
        due = reading.funding_rate * convert(elapsed, int256)
    if new_word != old_word:
        markets.rate_sum_words[market] = new_word
        log IMarginVaultCrisis.RateSumTaken(market=market, oracle=oracle, rate_sum=reading.rate_sum)
    counted: uint256 = min(elapsed, MAX_FUNDING_STEP)
    most: int256 = convert(markets.MAX_FUNDING_RATE * counted, int256)
    if counted != elapsed:
        due = fixed_math._signed_mul_div_toward_zero(due, counted, elapsed)
    return min(max(due, -most), most)


@view
def _is_side_inventory(m: markets.Market) -> bool:
    """
    @notice True while all longs, or all shorts, are the market's inventory, but for dust
    """
    size: uint256 = fixed_math._magnitude(
        packing._low_signed(bankruptcy_account.inventory_words[m.id])
    )
    others: uint256 = fixed_math._saturating_sub(m.open_interest, size)
    return fixed_math._mul_div_up(others, m.mark, units.WAD) <= margin_math._dust(
        markets.liquidation_words[m.id]
    )


def _accrue_funding(m: markets.Market, due: int256) -> (markets.Market, uint256):
    """
    @notice Move the two indices: payers pay mark * due, receivers get that less the fund's share
    @dev Not while one side is only the inventory: there is nobody to draw to it or away from it, and the claims on the fund would
         grow by what the other side gets, or that side pay for nothing. What is not paid then is not owed later
    @param due Share of mark, 18 decimals; > 0: longs pay
    @return The market, and the quote credited to the fund
    @custom:rounding What is paid up, what is received down
    """
    out: markets.Market = m
    if due == 0 or m.open_interest == 0 or self._is_side_inventory(m):
        return out, 0
    paid: uint256 = fixed_math._mul_div_up(m.mark, fixed_math._magnitude(due), units.WAD)
    received: uint256 = fixed_math._mul_div_down(
        paid, units.WAD - markets.funding_share, units.WAD
    )
    if due > 0:
        out.long_index += convert(paid, int256)
        out.short_index += convert(received, int256)
    else:
        out.short_index -= convert(paid, int256)
        out.long_index -= convert(received, int256)
    markets._store_funding(out)
    amount: uint256 = fixed_math._mul_div_down(m.open_interest, paid - received, units.WAD)
    fees: uint256 = markets.fees_word
    markets.fees_word = packing._halves_word(
        packing._low_half(fees), packing._high_half(fees) + amount
    )
    return out, amount
