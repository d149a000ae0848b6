"""I7 over random histories: the books against an exact log of every move, kept in plain Python"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests import support

WAD = 10**18
DAY = 86_400
MARKETS = range(3)
# Losses that were written off are paid as if they were a market's.
RECOVERY = 32
PAYEES = (*MARKETS, RECOVERY)
TRADING_FEES, FUNDING, LIQUIDATION, CAPITAL, DONATION, COMMUNITY, REPAYMENT = (1 << bit for bit in range(7))
SOURCES = (TRADING_FEES, FUNDING, LIQUIDATION, CAPITAL, DONATION, COMMUNITY, REPAYMENT)
NORMAL, CAUTION, RESTRICTED, ADL, HALTED = range(5)
# The constructor's: coverage for CAUTION and RESTRICTED, drawdown for ADL, margin and seconds of hysteresis.
TERMS = (75 * WAD // 100, WAD // 4, 3 * WAD // 10, WAD // 5, 600, 3_600)
DRAWDOWN_PERIODS = 4


@dataclass
class Draw:
    start: int = 0
    drawn: int = 0
    quiet_since: int | None = None


@dataclass
class Log:
    """Every move ever made: (time, units). Net inflow starts with the first money."""

    payouts: list[tuple[int, int]] = field(default_factory=list)
    # Drawn from the pool, which is no part of net inflow.
    draws: list[tuple[int, int]] = field(default_factory=list)
    net_inflow: list[tuple[int, int]] = field(default_factory=list)

    def net(self) -> int:
        return self.net_inflow[-1][1] if self.net_inflow else 0

    def move(self, time: int, units: int) -> None:
        if units:
            self.net_inflow.append((time, self.net() + units))

    def paid(self, start: int) -> int:
        return sum(units for time, units in self.payouts if time >= start)

    def drawn(self, start: int) -> int:
        return sum(units for time, units in self.draws if time >= start)

    def base(self, start: int) -> int:
        """Lowest reserve since `start`, what was paid since then added back."""
        before = [value for time, value in self.net_inflow if time < start][-1:]
        since = [value for time, value in self.net_inflow if time >= start]
        paid_before = sum(units for time, units in self.payouts if time < start)
        return min(before + since, default=0) - paid_before


class Replay:
    """The whole ledger from events alone (I12)."""

    def __init__(self) -> None:
        self.reserve = 0
        self.inflows = dict.fromkeys(SOURCES, 0)
        self.paid = dict.fromkeys(PAYEES, 0)
        self.withdrawn = 0
        self.repaid = dict.fromkeys(PAYEES, 0)
        self.reserve_repaid = dict.fromkeys(PAYEES, 0)
        self.cold = self.mode = self.checkpoints = 0
        self.clocks = (0, 0)
        self.community_in = self.community_out = 0
        self.target = 0
        self.draws = {market: Draw() for market in PAYEES}

    def apply(self, event: Any) -> None:
        handler = getattr(self, f"on_{type(event).__name__}", None)
        if handler is not None:
            handler(event)

    def on_InflowRecorded(self, event: Any) -> None:
        self.inflows[event.source] += event.amount
        self.reserve += event.amount
        assert (event.source_total, event.reserve) == (self.inflows[event.source], self.reserve)

    def on_ClaimsPaid(self, event: Any) -> None:
        self.paid[event.market] += event.amount
        self.reserve -= event.amount
        self.community_out += event.community
        draw = self.draws[event.market]
        draw.drawn += event.amount + event.community
        draw.start = event.episode_start_reserve
        assert (event.episode_drawn, event.market_total) == (draw.drawn, self.paid[event.market])
        assert event.reserve == self.reserve

    def on_PoolInflow(self, event: Any) -> None:
        self.community_in += event.amount
        assert event.total == self.community_in

    def on_ReserveRepaid(self, event: Any) -> None:
        self.reserve_repaid[event.market] += event.amount
        assert event.market_total == self.reserve_repaid[event.market]

    def on_CommunityRepaid(self, event: Any) -> None:
        self.repaid[event.market] += event.amount
        assert event.market_total == self.repaid[event.market]

    def on_Swept(self, event: Any) -> None:
        self.cold += event.amount
        assert event.cold_reserve == self.cold

    def on_BroughtBack(self, event: Any) -> None:
        self.cold -= event.amount
        assert event.cold_reserve == self.cold

    def on_RiskModeUpdated(self, event: Any) -> None:
        assert event.old_mode == self.mode
        self.mode = event.new_mode

    def on_ModeClocksSet(self, event: Any) -> None:
        self.clocks = (event.low_since, event.calm_since)

    def on_CheckpointRecorded(self, event: Any) -> None:
        assert event.index == self.checkpoints
        self.checkpoints += 1
        point = event.checkpoint
        assert (point.reserve, point.cold_reserve, point.mode) == (self.reserve, self.cold, self.mode)
        assert point.paid == sum(self.paid.values()) + self.community_out

    def on_EpisodeEnded(self, event: Any) -> None:
        assert event.drawn == self.draws[event.market].drawn
        self.draws[event.market] = Draw()

    def on_QuietClockSet(self, event: Any) -> None:
        self.draws[event.market].quiet_since = event.quiet_since or None

    def on_CapitalWithdrawn(self, event: Any) -> None:
        self.withdrawn += event.amount
        self.reserve -= event.amount
        assert (event.withdrawn_total, event.reserve) == (self.withdrawn, self.reserve)

    def on_StressLossUpdated(self, event: Any) -> None:
        self.target = event.target

    def on_TargetFloorSet(self, event: Any) -> None:
        self.target = event.new_target_floor


units_amounts = st.one_of(st.integers(1, 10), st.integers(1, 10**6), st.integers(1, 10**12))
claims = st.one_of(st.integers(1, 10**13), st.integers(1, 10**24), st.integers(1, 10**31))
gaps = st.one_of(
    st.sampled_from([0, 1, DAY - 1, DAY, DAY + 1, 10_799, 10_800, 97_199, 97_200]),
    st.integers(0, 20_000),
    st.integers(0, 3 * DAY),
)


class FundMachine(RuleBasedStateMachine):
    """A fund of 6, 8 or 18 decimals, with a target floor of one unit so that it never becomes a new one."""

    @initialize(decimals=st.sampled_from([6, 8, 18]), capital=units_amounts, share=st.integers(10**16, WAD))
    def deploy(self, decimals: int, capital: int, share: int) -> None:
        self.token = support.deploy("mocks/MockERC20.vy", decimals)
        self.governance = support.actor("governance")
        self.mock = support.deploy("mocks/MockFundVault.vy")
        self.mock.set_mode(NORMAL)
        self.vault = self.mock.address
        self.share = share
        self.limits = {market: (10**11, WAD // 2) for market in PAYEES}
        parameters = (share, WAD // 2, WAD // 10, 1, (*self.limits[0], 10**16))
        self.fund = support.deploy("InsuranceFund.vy", self.token, self.governance, parameters)
        self.unit = 10 ** (18 - decimals)
        self.log, self.replay = Log(), Replay()
        self.draws = {market: Draw() for market in PAYEES}
        self.read_events()
        self.mock.set_fund(self.fund)
        self.safe = support.deploy("mocks/MockERC1271Wallet.vy", self.governance)
        self.fund.set_custody(self.safe, 0, sender=self.governance)
        self.token.approve(self.fund, 2**256 - 1, sender=self.safe.address)
        self.cold = self.low_since = self.calm_since = 0
        self.mode = NORMAL
        self.paid_by = {market: [0, 0] for market in PAYEES}
        self.repaid_by = {market: [0, 0] for market in PAYEES}
        self.peak = 0
        self.period, self.periods = self.fund.PERIOD_SECONDS(), self.fund.PERIODS()
        self.fund.set_vault(self.vault, sender=self.governance)
        self.pool = support.deploy("mocks/MockPool.vy", self.token, self.fund)
        self.fund.set_pool(self.pool, sender=self.governance)
        self.exposed = self.pool_share = self.given = 0
        self.add_capital(capital)

    def read_events(self) -> None:
        for event in self.fund.get_logs():
            self.replay.apply(event)

    def now(self) -> int:
        return boa.env.timestamp

    def reserve(self) -> int:
        return self.log.net() - sum(units for _, units in self.log.payouts)

    def hot(self) -> int:
        return self.reserve() - self.cold

    def in_hand(self) -> int:
        """The pool waits while the reserve has money in the Safe."""
        return self.hot() if self.cold else self.reserve() + self.exposed

    @rule(amount=units_amounts)
    def add_capital(self, amount: int) -> None:
        self.token.mint(self.governance, amount)
        self.token.approve(self.fund, amount, sender=self.governance)
        self.fund.add_capital(amount, sender=self.governance)
        self.read_events()
        self.log.move(self.now(), amount)

    @rule(amounts=st.tuples(*[st.one_of(st.just(0), units_amounts)] * 3))
    def receive_inflow(self, amounts: tuple[int, int, int]) -> None:
        self.token.mint(self.fund, sum(amounts))
        self.fund.receive_inflow(*amounts, sender=self.vault)
        self.read_events()
        parts = [amount * self.pool_share // WAD for amount in amounts]
        for amount, part in zip(amounts, parts, strict=True):
            self.log.move(self.now(), amount - part)
        self.given += sum(parts)

    @rule(share=st.integers(0, WAD // 2))
    def set_pool_share(self, share: int) -> None:
        self.fund.set_pool_share(share, sender=self.governance)
        self.pool_share = share

    @rule(amount=units_amounts)
    def stake(self, amount: int) -> None:
        self.token.mint(self.pool, amount)
        self.exposed += amount
        self.pool.set_exposed(self.exposed)

    @rule(part=st.integers(0, WAD))
    def leave_pool(self, part: int) -> None:
        self.exposed -= self.exposed * part // WAD
        self.pool.set_exposed(self.exposed)

    @rule(amount=units_amounts)
    def send_directly(self, amount: int) -> None:
        self.token.mint(self.fund, amount)

    @rule()
    def recognise_donation(self) -> None:
        stray = self.token.balanceOf(self.fund) - self.hot()
        assert self.fund.recognise_donation() == stray
        self.read_events()
        self.log.move(self.now(), stray)

    @precondition(lambda self: self.fund.capital_surplus() != 0)
    @rule(part=st.integers(1, WAD))
    def withdraw_capital(self, part: int) -> None:
        amount = -(-self.fund.capital_surplus() * part // WAD)
        self.note_peak()
        self.fund.withdraw_capital(amount, self.governance, sender=self.governance)
        self.read_events()
        self.log.move(self.now(), -amount)

    @rule(gap=gaps)
    def wait(self, gap: int) -> None:
        support.wait(gap)

    @rule(share=st.integers(10**16, WAD))
    def set_daily_cap_share(self, share: int) -> None:
        self.fund.set_daily_cap_share(share, sender=self.governance)
        self.share = share

    @rule(market=st.sampled_from(MARKETS), cap=st.integers(0, 10**12), share=st.integers(10**15, WAD))
    def set_market_limits(self, market: int, cap: int, share: int) -> None:
        self.fund.set_market_limits(market, (cap, share, 10**16), sender=self.governance)
        self.limits[market] = (cap, share)

    @rule(market=st.sampled_from(MARKETS), open_interest=st.integers(0, 10**20))
    def report_no_claims(self, market: int, open_interest: int) -> None:
        assert self.fund.pay(market, 0, open_interest, sender=self.vault) == (0, 0)
        self.read_events()
        draw = self.draws[market]
        if draw.drawn and draw.quiet_since is None:
            draw.quiet_since = self.now()

    @rule(market=st.sampled_from(MARKETS), outstanding=claims, open_interest=st.integers(0, 10**20))
    def pay(self, market: int, outstanding: int, open_interest: int) -> None:
        expected = self.expected_payment(market, outstanding)
        assert self.fund.payable_now(market, outstanding, open_interest) == expected * self.unit
        held = self.token.balanceOf(self.vault)
        payment = self.fund.pay(market, outstanding, open_interest, sender=self.vault)
        self.check_payment(market, outstanding, expected, payment, held)

    @rule(outstanding=claims)
    def pay_recovery(self, outstanding: int) -> None:
        expected = self.expected_payment(RECOVERY, outstanding)
        held = self.token.balanceOf(self.vault)
        payment = self.fund.pay_recovery(outstanding, sender=self.vault)
        self.check_payment(RECOVERY, outstanding, expected, payment, held)

    @rule(market=st.sampled_from(MARKETS), amount=st.one_of(st.just(0), units_amounts))
    def receive_surplus(self, market: int, amount: int) -> None:
        self.token.mint(self.fund, amount)
        self.fund.receive_surplus(market, amount, sender=self.vault)
        self.read_events()
        paid, repaid = self.paid_by[market], self.repaid_by[market]
        to_pool = min(amount, paid[1] - repaid[1])
        to_reserve = min(amount - to_pool, paid[0] - repaid[0])
        repaid[0] += to_reserve
        repaid[1] += to_pool
        left = amount - to_pool - to_reserve
        part = left * self.pool_share // WAD
        self.log.move(self.now(), to_reserve)
        self.log.move(self.now(), left - part)
        self.given += to_pool + part

    @rule(ceiling=st.one_of(st.just(0), units_amounts))
    def sweep(self, ceiling: int) -> None:
        self.fund.set_custody(self.safe, ceiling, sender=self.governance)
        amount = max(0, self.hot() - max(ceiling, self.fund.target()))
        assert self.fund.sweepable() == amount
        if self.mode == NORMAL == self.judged(NORMAL) and self.mock.claim_markets() == 0 and amount:
            assert self.fund.sweep() == amount
            self.read_events()
            self.cold += amount

    @precondition(lambda self: self.cold)
    @rule(part=st.integers(1, WAD))
    def bring_back(self, part: int) -> None:
        amount = -(-self.cold * part // WAD)
        self.fund.bring_back(amount)
        self.read_events()
        self.cold -= amount

    @rule(bitmap=st.sampled_from([0, 0, 1, 6]))
    def claims_come_and_go(self, bitmap: int) -> None:
        self.mock.set_claims(bitmap)

    @rule(market=st.sampled_from(MARKETS), mint=st.integers(0, 2))
    def crash(self, market: int, mint: int) -> None:
        """One market draws all that there is, and somebody looks at the mode; a part of it may come back."""
        self.set_daily_cap_share(WAD)
        self.set_market_limits(market, 10**13, WAD)
        self.claims_come_and_go(1 << market)
        self.pay(market, 10**31, 0)
        self.update_mode(0)
        self.claims_come_and_go(0)
        if mint:
            self.receive_surplus(market, sum(self.paid_by[market]) * mint // 2)

    @precondition(lambda self: self.mode != NORMAL)
    @rule(looks=st.integers(1, 5), gap=st.sampled_from([3_599, 3_600]))
    def recover(self, looks: int, gap: int) -> None:
        """Money comes, the drawdown is over, and somebody looks again and again."""
        self.add_capital(self.fund.target() + 1)
        support.wait(5 * self.period)
        self.update_mode(0)
        for _ in range(looks):
            self.update_mode(gap)

    @rule(gap=st.sampled_from([0, 0, 599, 600, 3_599, 3_600]))
    def update_mode(self, gap: int) -> None:
        support.wait(gap)
        judged, expected = self.judged(self.mode), self.mode
        if judged < self.mode:
            self.low_since, self.calm_since = 0, self.calm_since or self.now()
            if self.now() - self.calm_since >= TERMS[5]:
                expected, self.calm_since = self.mode - 1, self.now()
        elif judged > self.mode:
            self.low_since, self.calm_since = self.low_since or self.now(), 0
            if judged == ADL or self.now() - self.low_since >= TERMS[4]:
                expected, self.low_since = judged, 0
        else:
            self.low_since = self.calm_since = 0
        count = self.fund.checkpoint_count()
        due = count == 0
        if count:
            last = self.fund.checkpoint(count - 1)
            due = last.mode != expected or self.now() - last.time >= 3_600
        assert self.fund.update_mode() == expected
        self.read_events()
        assert (self.mock.exchange_word() >> 176) & 255 == expected == self.replay.mode
        assert self.fund.checkpoint_count() == count + due == self.replay.checkpoints
        self.mode = expected
        if due:
            point = self.fund.checkpoint(count)
            assert point.peak == max(self.peak, self.reserve() + self.exposed)
            self.peak = 0

    def judged(self, mode: int) -> int:
        """By the log alone, in exact fractions."""
        caution, restricted, drawdown, ease = (Fraction(term, WAD) for term in TERMS[:4])
        start = (self.now() // self.period - DRAWDOWN_PERIODS + 1) * self.period
        drawn = self.log.drawn(start)
        base, paid = self.log.base(start) + self.exposed + drawn, self.log.paid(start) + drawn
        if mode >= ADL:
            drawdown *= 1 - ease
        # rounded up to 18 decimals, as the contract does
        if paid and (Fraction(-(-paid * WAD // base), WAD) if base else 1) >= drawdown:
            return ADL
        if self.in_hand() == 0 and self.mock.claim_markets():
            return ADL
        target = self.fund.target()
        has = Fraction((self.reserve() + self.exposed) * WAD // target, WAD) if target else None
        if has is not None and has < restricted * (1 + ease if mode >= RESTRICTED else 1):
            return RESTRICTED
        if has is not None and has < caution * (1 + ease if mode >= CAUTION else 1):
            return CAUTION
        return NORMAL

    def note_peak(self) -> None:
        self.peak = max(self.peak, self.reserve() + self.exposed)

    def check_payment(
        self, market: int, outstanding: int, expected: int, payment: tuple[int, int], held: int
    ) -> None:
        self.read_events()
        reserve = min(expected, self.hot())
        assert payment == (reserve * self.unit, (expected - reserve) * self.unit)
        assert self.token.balanceOf(self.vault) - held == expected
        if expected:
            self.note_peak()
        self.paid_by[market][0] += reserve
        self.paid_by[market][1] += expected - reserve
        self.record_payment(market, outstanding, expected)
        if expected:
            self.check_window()

    def expected_payment(self, market: int, outstanding: int) -> int:
        """From the log alone: the least of claims, the day's budget, the market's, and what there is."""
        start = self.window_start()
        drawn = self.log.drawn(start)
        base, paid = self.log.base(start) + self.exposed + drawn, self.log.paid(start) + drawn
        budget = base * self.share // WAD - paid
        has = self.reserve() + self.exposed
        draw = self.present_draw(market)
        cap, share = self.limits[market]
        room = min(cap, (draw.start if draw.drawn else has) * share // WAD) - draw.drawn
        return max(0, min(-(-outstanding // self.unit), budget, room, self.in_hand()))

    def window_start(self) -> int:
        return (self.now() // self.period - self.periods + 1) * self.period

    def present_draw(self, market: int) -> Draw:
        draw = self.draws[market]
        if draw.quiet_since is not None and self.now() - draw.quiet_since >= DAY:
            return Draw()
        return draw

    def record_payment(self, market: int, outstanding: int, units: int) -> None:
        draw = self.draws[market] = self.present_draw(market)
        if units and not draw.drawn:
            draw.start = self.reserve() + self.exposed
        draw.drawn += units
        draw.quiet_since = self.now() if units * self.unit >= outstanding else None
        reserve = min(units, self.hot())
        if reserve:
            self.log.payouts.append((self.now(), reserve))
        if units > reserve:
            self.log.draws.append((self.now(), units - reserve))
            self.exposed -= units - reserve

    def check_window(self) -> None:
        """The 24 hours that end with this payment, both ends included: exact, with no periods."""
        start = self.now() - DAY
        drawn = self.log.drawn(start)
        base = self.log.base(start) + self.exposed + drawn
        assert (self.log.paid(start) + drawn) * WAD <= self.share * base

    @invariant()
    def i7_reserve_is_inflows_less_outflows(self) -> None:
        inflows = [self.fund.total_in(source) for source in SOURCES]
        outflows = [self.fund.paid_in_market(market) for market in PAYEES]
        assert sum(outflows) == self.fund.total_paid()
        assert self.fund.reserve() == sum(inflows) - sum(outflows) - self.fund.capital_withdrawn()
        assert self.fund.reserve() == self.reserve()
        assert self.fund.hot_reserve() == self.hot() <= self.token.balanceOf(self.fund)
        assert self.fund.cold_reserve() == self.cold == self.token.balanceOf(self.safe)
        for market in PAYEES:
            paid = [self.fund.repaid_in_market(market), self.fund.community_repaid_in_market(market)]
            assert paid == self.repaid_by[market]

    @invariant()
    def i7_budget_is_that_of_the_log(self) -> None:
        start = self.window_start()
        drawn = self.log.drawn(start)
        base, paid = self.log.base(start) + self.exposed + drawn, self.log.paid(start) + drawn
        cap = base * self.share // WAD
        assert tuple(self.fund.daily_budget()) == (base, cap, paid, max(0, cap - paid))

    @invariant()
    def i7_stakers_money_and_reserve_are_apart(self) -> None:
        drawn = self.log.drawn(0)
        assert self.fund.community_out() == drawn
        assert self.fund.community_in() == self.given == self.pool.received()
        assert self.fund.total_in(COMMUNITY) == 0
        assert self.replay.community_out == drawn
        assert self.replay.community_in == self.given

    @invariant()
    def i12_events_rebuild_the_ledger(self) -> None:
        replay = self.replay
        assert replay.reserve == self.fund.reserve()
        assert replay.withdrawn == self.fund.capital_withdrawn()
        assert replay.target == self.fund.target()
        assert replay.inflows == {source: self.fund.total_in(source) for source in SOURCES}
        assert replay.paid == {market: self.fund.paid_in_market(market) for market in PAYEES}
        assert replay.draws == self.draws
        assert replay.cold == self.cold
        assert replay.repaid == {market: repaid[1] for market, repaid in self.repaid_by.items()}
        assert replay.reserve_repaid == {market: repaid[0] for market, repaid in self.repaid_by.items()}
        assert replay.clocks == (self.low_since, self.calm_since)

    @invariant()
    def surplus_is_never_below_target(self) -> None:
        assert self.fund.capital_surplus() <= max(0, self.fund.reserve() - self.fund.target())


TestFundMachine = FundMachine.TestCase
TestFundMachine.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
