"""The kernel with the real insurance fund and the real community pool behind it, beside the naive model.

How much the fund pays is its own answer (its events; its own machine proves the figure). All else is judged
here: what it may not pay, in which order claims get it, that vault, fund, Safe and pool agree on every unit,
and that nothing in a crisis waits for a fund that is broken or missing longer than it may.
"""

from fractions import Fraction as Fr
from typing import Any

from eth_abi import encode
from eth_utils import keccak

from tests.kernel import INSURANCE_FUND
from tests.models.naive import MODE_ADL, NORMAL, RECOVERED, TIERS, WAD
from tests.stateful.chain import Outcome, selector
from tests.stateful.ledger import (
    UNLIMITED,
    Books,
    Divergence,
    History,
    Ledger,
    byte_strings,
    calldata,
    multicall_data,
)
from tests.stateful.ledger import words as signed_words
from tests.support import actor
from tests.unit.insurance_fund.test_accounting import Log

DAY, HOUR, PERIOD = 86_400, 3_600, 10_800
RECOVERY = 32
TRADING_FEES, FUNDING, LIQUIDATION, CAPITAL, DONATION, COMMUNITY, REPAYMENT = (1 << n for n in range(7))
SOURCES = (TRADING_FEES, FUNDING, LIQUIDATION, CAPITAL, DONATION, COMMUNITY, REPAYMENT)
ADL_DRAWDOWN = 3 * WAD // 10
NOBODY = "0x" + 40 * "0"
STAKERS = ("grace", "heidi")
# The pool's delays: entry, cooldown, window, payout, vesting; lapse fee.
POOL = (HOUR, DAY, 3 * DAY, DAY, DAY, 10**15)
LIMITS = "(uint256,uint256,uint256)"
EVENTS = {
    "ClaimFiled": ",".join(["uint256"] * 6),
    "ClaimPaid": ",".join(["uint256"] * 5),
    "FundPaid": "uint256,uint256,uint256",
    "FundFailed": "uint256,uint256,uint256",
    "RecoveryPaid": "uint256,uint256",
    "FeesCollected": "uint256,uint256,uint256,uint256",
    "SurplusPaid": "uint256,uint256,uint256",
    "TreasuryPaid": "address,uint256",
    "RiskModeSet": "uint256,uint256,uint256,uint256",
    "ClaimsPaid": ",".join(["uint256"] * 8),
    "PoolInflow": "uint256,uint256",
    "PoolFailed": "uint256",
    "Swept": "address,uint256,uint256",
    "ExitPaid": "address,address,uint256,uint256,uint256,uint256,uint256",
}
NAMES = {keccak(text=f"{name}({types})"): name for name, types in EVENTS.items()}
# Largest rewards of each market that stay with the fees of liquidations when fees are collected.
REWARDS_KEPT = 4
# What a broken pool does with any call: it reverts, burns the gas, says a number and does nothing, or says it
# and reverts if it is to do something.
SAYS = "7f{:064x}5f5260205ff3"
BROKEN = {
    "reverts": "0x5f5ffd",
    "burns": "0xfe",
    "lies": "0x" + SAYS,
    "refuses": "0x3660051160" + "0a575f5ffd5b" + SAYS,
}
SILENT = ("reverts", "burns")


def insist(holds: bool, text: str) -> None:
    if not holds:
        raise Divergence(text)


class Funded(Ledger):
    """A ledger whose vault has a fund. Amounts of the fund's and the pool's books are token units."""

    # --- set-up ---------------------------------------------------------------------------------------------

    def deploy(self) -> "Funded":
        super().deploy()
        chain, governance = self.chain, actor("governance")
        parameters = (WAD // 2, WAD // 2, WAD // 10, 1, (10**30, WAD, WAD // 100))
        kind = "(uint256,uint256,uint256,uint256,(uint256,uint256,uint256))"
        self.fund = chain.deploy(
            "InsuranceFund.vy", ["address", "address", kind], [self.token, governance, parameters]
        )
        kind = "(" + ",".join(["uint256"] * 6) + ")"
        self.pool = chain.deploy(
            "CommunityPool.vy", ["address", "address", kind], [self.token, self.fund, POOL]
        )
        self.safe = chain.deploy("mocks/MockERC1271Wallet.vy", ["address"], [governance])
        self.broken_fund = chain.deploy("mocks/MockFund.vy", ["address"], [self.token])
        self.pool_code = chain.code(self.pool)
        must = self.must
        must(governance, "set_vault(address)", self.vault, to=self.fund)
        must(governance, "set_pool(address)", self.pool, to=self.fund)
        must(governance, "set_pool_share(uint256)", WAD // 4, to=self.fund)
        must(governance, "set_custody(address,uint256)", self.safe, 0, to=self.fund)
        must(governance, "set_refusing_inflows(bool)", True, to=self.broken_fund)
        for staker in STAKERS:
            must(actor(staker), "approve(address,uint256)", self.pool, 2**255, to=self.token)
        must(governance, "approve(address,uint256)", self.fund, 2**255, to=self.token)
        must(self.safe, "approve(address,uint256)", self.fund, 2**255, to=self.token)
        must(governance, "set_role(uint256,address)", INSURANCE_FUND, self.fund)
        return self

    def fresh(self) -> "Funded":
        ledger = super().fresh()
        for name in ("fund", "pool", "safe", "broken_fund", "pool_code"):
            setattr(ledger, name, getattr(self, name))
        ledger.holder, ledger.pool_state = self.fund, "works"
        ledger.failed_at = ledger.open_until = 0
        ledger.model.can_pay = ledger.can_pay
        # every claim, by its events
        ledger.claims = {}
        # the fund's books, by what others have done
        ledger.moves = Log()
        ledger.sources = dict.fromkeys(SOURCES, 0)
        ledger.paid_by = {m: [0, 0] for m in (*range(self.market_count), RECOVERY)}
        ledger.repaid_by = {m: [0, 0] for m in range(self.market_count)}
        ledger.withdrawn = ledger.cold = ledger.given = ledger.retry_at = 0
        ledger.pool_tokens = ledger.share = ledger.uncovered = 0
        return ledger

    def open_fund(self, capital: int, stakes: list[int], day: int, draw: int) -> None:
        """Capital, stakes that are exposed an hour later, limits; amounts in whole quote."""
        self.note("open_fund", capital, stakes, day, draw)
        governance, unit = actor("governance"), 10**self.decimals
        self.share = day
        self.must(governance, "set_daily_cap_share(uint256)", day, to=self.fund)
        limits = encode([LIMITS], [(10**30, draw, WAD // 100)])
        outcome = self.chain.send(governance, self.fund, selector(f"set_default_limits({LIMITS})") + limits)
        assert outcome.ok, outcome.reason
        if capital:
            self.add_capital(capital * unit)
        for staker, stake in zip(STAKERS, stakes, strict=True):
            if stake:
                self.stake(staker, stake * unit)
        self.pass_time(HOUR)
        for staker, stake in zip(STAKERS, stakes, strict=True):
            if stake:
                self.activate(staker)

    # --- what the chain says --------------------------------------------------------------------------------

    def send(self, who: str, signature: str, *args: Any) -> Outcome:
        return self.heard(super().send(who, signature, *args))

    def ask(self, who: str, to: str, signature: str, *args: Any) -> Outcome:
        """A transaction to the fund or the pool; `who` may be an address."""
        sender = who if who.startswith("0x") else actor(who)
        return self.heard(self.chain.send(sender, to, calldata(signature, *args)))

    def view(self, to: str, signature: str, *args: Any) -> int:
        return int.from_bytes(self.chain.call(to, calldata(signature, *args))[:32], "big")

    def heard(self, outcome: Outcome) -> Outcome:
        logs = []
        for topics, data in outcome.logs:
            if topics[0] in NAMES:
                logs.append(
                    (NAMES[topics[0]], [w % 2**256 for w in signed_words(b"".join(topics[1:]) + data)])
                )
        has_pool_failed = any(name == "PoolFailed" for name, _ in logs)
        for name, event in logs:
            if name == "ClaimsPaid":
                self.claims_paid(event, has_pool_failed)
            elif handler := getattr(self, f"on_{name}", None):
                handler(*event)
        return outcome

    def tally(self, what: str, by: int = 1) -> None:
        if by:
            self.counts[what] = self.counts.get(what, 0) + by

    def count(self, what: str, outcome: Outcome) -> None:
        super().count(what, outcome)
        if outcome.ok and self.holder != self.fund:
            state = "missing" if self.holder == NOBODY else "broken"
            self.tally(f"{what}, fund {state}")

    def open_claims(self, market: int) -> list[int]:
        """Ids, oldest first."""
        return [n for n, c in self.claims.items() if c["market"] == market and c["outstanding"]]

    def open_amount(self, market: int) -> int:
        return sum(self.claims[n]["outstanding"] for n in self.open_claims(market))

    def on_ClaimFiled(
        self, claim: int, market: int, account: int, side: int, added: int, amount: int
    ) -> None:
        new = {"market": market, "account": account, "amount": 0, "outstanding": 0} | dict.fromkeys(TIERS, 0)
        c = self.claims.setdefault(claim, new)
        c["amount"] += added
        c["outstanding"] += added
        insist(c["amount"] == amount, f"I6: claim {claim} is said to be of {amount}")

    def on_ClaimPaid(self, claim: int, market: int, tier: int, amount: int, outstanding: int) -> None:
        turn = self.open_claims(market)[-1 if tier == RECOVERED else 0]
        insist(claim == turn, f"I6: tier {tier} pays claim {claim}, the turn is {turn}'s")
        c = self.claims[claim]
        c[tier] += amount
        c["outstanding"] -= amount
        insist(c["outstanding"] == outstanding, f"I6: claim {claim} is said to lack {outstanding}")

    def on_FundPaid(self, market: int, reserve: int, community: int) -> None:
        self.got(market, reserve, community, self.open_amount(market))
        self.model.payments.setdefault(market, []).append((reserve, community))

    def on_RecoveryPaid(self, reserve: int, community: int) -> None:
        self.got(RECOVERY, reserve, community, self.uncovered)

    def got(self, market: int, reserve: int, community: int, owed: int) -> None:
        """What the vault says it got: never more than what is open, rounded up to a token unit."""
        insist(
            reserve + community <= -(-owed // self.scale) * self.scale, f"{reserve}, {community} for {owed}"
        )
        insist(self.holder == self.fund, "paid by nobody")
        self.paid_by[market][0] += reserve // self.scale
        self.paid_by[market][1] += community // self.scale
        self.tally("paid by the reserve", reserve != 0)
        self.tally("paid beside a cold reserve", self.cold != 0)
        self.tally("paid in part", 0 < reserve + community < owed)
        self.tally("paid by the pool", community != 0)

    def on_FundFailed(self, market: int, failed_at: int, open_until: int) -> None:
        """Two failures ten minutes apart open the last tiers for a batch; a success forgets them."""
        if self.holder == self.fund:
            self.failed_at = self.open_until = 0
        elif self.failed_at == 0:
            self.failed_at = self.model.now
        elif self.model.now - self.failed_at >= 600:
            self.failed_at, self.open_until = self.model.now, self.model.now + self.model.batch_seconds
        insist((failed_at, open_until) == (self.failed_at, self.open_until), f"fund failed at {failed_at}")

    def on_RiskModeSet(self, mode: int, multiplier: int, old_mode: int, old_multiplier: int) -> None:
        insist(self.model.mode == old_mode, f"mode was {old_mode}")
        self.model.set_mode(mode, multiplier)

    def on_PoolInflow(self, amount: int, total: int) -> None:
        self.pool_tokens += amount

    def on_PoolFailed(self, retry_at: int) -> None:
        self.retry_at = retry_at
        self.tally("pool failed")

    def on_Swept(self, safe: int, amount: int, cold: int) -> None:
        self.cold += amount

    def on_ExitPaid(self, *event: int) -> None:
        self.pool_tokens -= event[4]

    def claims_paid(self, event: list[int], has_pool_failed: bool) -> None:
        """The fund's own word on a payment: the pool only behind all of the reserve; the cap of a day."""
        market, outstanding, reserve, community = event[:4]
        said = self.open_amount(market) if market != RECOVERY else self.uncovered
        insist(outstanding == said, f"the fund was asked for {outstanding}, open are {said}")
        if community:
            insist(self.cold == 0 and reserve == self.reserve(), f"the pool paid before the reserve: {event}")
        exposed = self.said() if has_pool_failed else self.exposed() + community
        start = self.model.now - DAY
        drawn = self.moves.drawn(start)
        base = self.moves.base(start) + exposed + drawn
        if reserve:
            self.moves.payouts.append((self.model.now, reserve))
        if community:
            self.moves.draws.append((self.model.now, community))
        self.pool_tokens -= community
        paid = self.moves.paid(start) + self.moves.drawn(start)
        insist(paid * WAD <= self.share * base, f"I7: {paid} paid in 24 hours, base {base}")

    # --- the fund as the books here have it -----------------------------------------------------------------

    def reserve(self) -> int:
        return self.moves.net() - self.moves.paid(0)

    def said(self) -> int:
        """By a broken pool, of what it has and of its shares."""
        return 1_000 * 10**self.decimals

    def exposed(self) -> int:
        """What the fund takes the pool to have, now."""
        if self.model.now < self.retry_at or self.pool_state in SILENT:
            return 0
        return self.said() if self.pool_state != "works" else self.view(self.pool, "exposed_assets()")

    def in_hand(self) -> int:
        return self.reserve() - self.cold if self.cold else self.reserve() + self.exposed()

    def is_staked(self) -> bool:
        """As far as the fund can see."""
        if self.model.now < self.retry_at or self.pool_state in SILENT:
            return False
        return self.pool_state != "works" or self.view(self.pool, "totalSupply()") != 0

    def pool_share(self) -> int:
        return WAD // 4 if self.is_staked() else 0

    def credit(self, source: int, amount: int, share: int) -> None:
        part = amount * share // WAD
        self.sources[source] += amount - part
        self.moves.move(self.model.now, amount - part)
        self.given += part

    def payable(self, market: int) -> int:
        """What the fund would pay of claims without end, quote."""
        return self.view(self.fund, "payable_now(uint256,uint256,uint256)", market, 2**200, 0)

    def can_pay(self, market: int) -> bool:
        """As the last tiers are to take it."""
        if self.holder == NOBODY or self.model.now < self.open_until:
            return False
        return self.holder == self.broken_fund or self.payable(market) != 0

    def is_older_payable(self, books: Books, market: int) -> bool:
        """Another market has an older claim that the fund would pay."""
        mine = self.synced_claims(books, market)
        if not mine:
            return False
        head = min(claim.get("id", 2**64) for claim in mine)
        others = [m for m in range(self.market_count) if m != market and self.open_claims(m)]
        return any(self.open_claims(m)[0] < head and self.can_pay(m) for m in others)

    def offer(self, market: int) -> bool:
        """What the fund would pay of this market if it were asked now; whether an older claim comes first."""
        self.is_second = self.is_older_payable(self.read(), market)
        self.model.offers.clear()
        if self.holder == self.fund and not self.is_second:
            self.model.offers[market] = Fr(self.payable(market))
        return self.is_second

    # --- operations -----------------------------------------------------------------------------------------

    def pass_time(self, seconds: int) -> None:
        for m in self.model.markets:
            self.set_price(m.id, int(m.mark * WAD), 0, seconds if m.id == 0 else 1)

    def settle_market(self, market: int) -> bool:
        self.offer(market)
        return super().settle_market(market)

    def write_off(self, market: int, limit: int) -> None:
        self.offer(market)
        try:
            super().write_off(market, limit)
        finally:
            self.model.can_pay = self.can_pay

    def paid_claims(self, books: Books, market: int, outcome: Outcome) -> list[dict[Any, int]]:
        if outcome.ok:
            amount = sum(map(sum, self.model.payments.get(market, [])))
        else:
            amount = int(self.model.offers.get(market, 0))
            # it would have been asked in that call
            if not self.is_second:
                self.model.can_pay = lambda _: self.can_pay_after_asking()
        return self.paid(self.synced_claims(books, market), amount)

    def can_pay_after_asking(self) -> bool:
        if self.holder != self.broken_fund or self.model.now < self.open_until:
            return False
        return self.failed_at == 0 or self.model.now - self.failed_at < 600

    def deleverage(self, market: int, limit: int, is_at_mark: bool) -> None:
        self.spare(market, "deleverage", lambda: super(Funded, self).deleverage(market, limit, is_at_mark))

    def charge_round(self, market: int, limit: int, during: Any = None) -> None:
        self.spare(market, "round", lambda: super(Funded, self).charge_round(market, limit, during))

    def spare(self, market: int, name: str, operation: Any) -> None:
        """Count where the last tiers act although the fund could pay."""
        could_pay, before = self.can_pay(market), self.counts.get(name, 0)
        operation()
        self.tally("mode ADL spares the fund", could_pay and self.counts.get(name, 0) > before)

    def pay_claims(self, market: int) -> None:
        self.note("pay_claims", market)
        is_second = self.offer(market)
        outcome = self.send("stranger", "pay_claims(uint256)", market)
        self.look_at_crumbs()
        self.both("pay_claims", outcome, lambda: self.model.pay_claims(market, is_second))

    def update_mode(self) -> None:
        self.note("update_mode")
        old, is_adl = self.model.mode, self.is_adl_due()
        outcome = self.ask("stranger", self.fund, "update_mode()")
        new = self.model.mode
        self.count("update_mode", outcome)
        if outcome.ok:
            insist(old >= MODE_ADL or (new == MODE_ADL) == is_adl, f"mode {old} to {new}, ADL due: {is_adl}")
        else:
            insist(self.holder != self.fund, f"update_mode reverts: {outcome.reason}")
        for name, is_so in {
            "mode into ADL": old < MODE_ADL == new,
            "mode out of ADL": new < MODE_ADL == old,
            "mode back to normal": new == NORMAL != old,
        }.items():
            self.tally(name, is_so)

    def is_adl_due(self) -> bool:
        """Too much was paid in the last hours, or claims are open and nothing is in hand."""
        if self.in_hand() == 0 and any(self.open_claims(m) for m in range(self.market_count)):
            return True
        base, paid = self.drawdown()
        return paid != 0 and (base == 0 or -(-paid * WAD // base) >= ADL_DRAWDOWN)

    def drawdown(self) -> tuple[int, int]:
        """What there was in the last hours, and what of it was paid."""
        start = (self.model.now // PERIOD - 3) * PERIOD
        drawn = self.moves.drawn(start)
        return self.moves.base(start) + self.exposed() + drawn, self.moves.paid(start) + drawn

    def set_mode(self, mode: int) -> None:
        """By governance."""
        self.note("set_mode", mode)
        self.must_hear("set_risk_mode(uint256,uint256)", mode, WAD)

    def must_hear(self, signature: str, *args: Any) -> None:
        outcome = self.send("governance", signature, *args)
        assert outcome.ok, outcome.reason

    def collect_fees(self) -> None:
        self.note("collect_fees")
        share, part = self.view(self.fund, "fee_share()"), self.pool_share()
        outcome = self.send("stranger", "collect_fees()")
        self.count("collect_fees", outcome)
        insist(outcome.ok == (self.holder == self.fund), f"collect_fees: {outcome.reason}")
        if not outcome.ok:
            return
        trading, rest, funding, liquidation = self.fund_event(outcome, "FeesCollected")
        model = self.model
        kept = sum(REWARDS_KEPT * m.liquidation["reward_cap"] for m in model.markets)
        of_liquidations = min(model.liquidation_fees, Fr(kept))
        expected = model.collect_fees(Fr(share, WAD), (trading, funding, liquidation))
        bound = self.scale + model.money_tolerance
        self.near("to the treasury", rest, expected, model.money_tolerance + 1)
        for name, left, kept in (
            ("trading", model.fund_rest, Fr(0)),
            ("funding", model.funding_fees, Fr(0)),
            ("liquidation", model.liquidation_fees, of_liquidations),
        ):
            half = Fr(self.scale, 2)
            self.near(f"{name} fees left", left, kept + half, half + bound - self.scale)
        for source, amount in zip(SOURCES, (trading, funding, liquidation), strict=False):
            self.credit(source, amount // self.scale, part)

    def fund_event(self, outcome: Outcome, name: str) -> list[int]:
        for topics, data in outcome.logs:
            if NAMES.get(topics[0]) == name:
                return signed_words(b"".join(topics[1:]) + data)
        raise Divergence(f"no event {name}")

    def pay_surplus(self, market: int) -> None:
        """The pool first, then the reserve, and what is left like any other inflow."""
        self.note("pay_surplus", market)
        is_staked, part = self.is_staked(), self.pool_share()
        model, m = self.model, self.model.markets[market]
        outcome = self.send("stranger", "pay_surplus(uint256)", market)
        self.count("pay_surplus", outcome)
        if not outcome.ok:
            return insist(self.holder != self.fund, f"pay_surplus: {outcome.reason}")
        if not any(NAMES.get(topics[0]) == "SurplusPaid" for topics, _ in outcome.logs):
            return self.near("no surplus", 0, m.surplus, 2 * self.scale + m.dust + model.money_tolerance)
        _, amount, rewards = self.fund_event(outcome, "SurplusPaid")
        bound = self.scale + m.dust + model.money_tolerance
        self.near("surplus paid", amount, m.surplus * Fr(9, 10), bound)
        self.near("surplus kept", rewards, m.surplus / 10, bound)
        model.pay_surplus(market, amount, rewards)
        left, paid, repaid = amount // self.scale, self.paid_by[market], self.repaid_by[market]
        owed = [paid_by - repaid_by for paid_by, repaid_by in zip(paid, repaid, strict=True)]
        self.tally("repaid less than owed to both", all(owed) and left < sum(owed))
        if is_staked:
            to_pool = min(left, owed[1])
            repaid[1] += to_pool
            self.given += to_pool
            left -= to_pool
            self.tally("pool repaid", to_pool != 0)
            # (a pool that refused it is no longer there for a part of the rest)
            part = 0 if to_pool and self.pool_state == "refuses" else part
        to_reserve = min(left, owed[0])
        repaid[0] += to_reserve
        self.credit(REPAYMENT, to_reserve, 0)
        self.tally("reserve repaid", to_reserve != 0)
        self.credit(LIQUIDATION, left - to_reserve, part)

    def pay_uncovered(self) -> None:
        self.note("pay_uncovered")
        # (what the events of the call are compared with)
        before = self.uncovered = self.read().uncovered
        outcome = self.send("stranger", "pay_uncovered()")
        self.count("pay_uncovered", outcome)
        insist(outcome.ok == (self.holder != NOBODY and before != 0), f"pay_uncovered: {outcome}")
        if outcome.ok and self.holder == self.fund:
            amount = sum(self.fund_event(outcome, "RecoveryPaid"))
            self.model.recapitalise(amount, max(before - amount, 0))
            self.tally("uncovered paid", amount != 0)

    def pay_treasury(self) -> None:
        self.note("pay_treasury")
        uncovered = self.read().uncovered
        outcome = self.send("stranger", "pay_treasury()")
        self.count("pay_treasury", outcome)
        insist(outcome.ok == (uncovered == 0), f"pay_treasury: {outcome}")
        if outcome.ok:
            self.model.pay_treasury(self.fund_event(outcome, "TreasuryPaid")[1])

    def add_capital(self, units: int) -> None:
        self.note("add_capital", units)
        governance = actor("governance")
        self.must(governance, "mint(address,uint256)", governance, units, to=self.token)
        self.must(governance, "add_capital(uint256)", units, to=self.fund)
        self.credit(CAPITAL, units, 0)

    def withdraw_capital(self, part: int) -> None:
        units = -(-self.view(self.fund, "capital_surplus()") * part // 100)
        self.note("withdraw_capital", units)
        outcome = self.ask(
            "governance", self.fund, "withdraw_capital(uint256,address)", units, actor("frank")
        )
        self.count("withdraw_capital", outcome)
        insist(outcome.ok == (units != 0), f"withdraw_capital: {outcome.reason}")
        if outcome.ok:
            self.withdrawn += units
            self.moves.move(self.model.now, -units)
            left = self.sources[CAPITAL] - self.withdrawn
            insist(left >= 0 and self.reserve() >= self.cold, "more capital taken out than put in")

    def is_calm_here(self) -> bool:
        """All that joining and leaving must not happen without."""
        return not self.claims_open() and self.model.mode == NORMAL

    def claims_open(self) -> bool:
        is_open = any(self.open_claims(m) for m in range(self.market_count))
        return is_open or self.read().uncovered != 0

    def sweep(self) -> None:
        self.note("sweep")
        outcome = self.ask("stranger", self.fund, "sweep()")
        self.count("sweep", outcome)
        insist(not outcome.ok or self.is_calm_here(), "swept while not calm")

    def bring_back(self, part: int) -> None:
        units = -(-self.cold * part // 100)
        self.note("bring_back", units)
        outcome = self.ask("stranger", self.fund, "bring_back(uint256)", units)
        self.count("bring_back", outcome)
        insist(outcome.ok == (units != 0), f"bring_back: {outcome.reason}")
        self.cold -= units

    def stake(self, staker: str, units: int) -> None:
        self.note("stake", staker, units)
        self.must(actor(staker), "mint(address,uint256)", actor(staker), units, to=self.token)
        outcome = self.ask(staker, self.pool, "request_deposit(uint256)", units)
        insist(outcome.ok, f"stake: {outcome.reason}")
        self.count("stake", outcome)
        self.pool_tokens += units

    def activate(self, staker: str) -> None:
        self.note("activate", staker)
        outcome = self.ask("stranger", self.pool, "activate_deposit(address)", actor(staker))
        self.count("activate", outcome)
        insist(not outcome.ok or not self.claims_open(), "joined while claims are open")

    def leave(self, staker: str) -> None:
        """The next step of an exit, if it is one that can be taken."""
        self.note("leave", staker)
        shares = self.view(self.pool, "balanceOf(address)", actor(staker))
        before = self.pool_tokens
        for signature in ("pay_exit(address)", "execute_exit()", "request_exit(uint256)"):
            args = {"p": [actor(staker)], "e": [], "r": [shares // 2 + shares % 2]}[signature[0]]
            outcome = self.ask(staker, self.pool, signature, *args)
            if outcome.ok:
                self.count(signature[: signature.index("(")], outcome)
                is_request = signature[0] == "r"
                insist(is_request or self.is_calm_here(), f"{signature} while not calm")
                insist(is_request or signature[0] == "e" or self.pool_tokens < before, "an exit paid nothing")
                return
        self.count("leave", outcome)

    def set_fund(self, state: str, behaviour: int = 1) -> None:
        """Governance takes the fund away, puts a broken one in its place, or the real one back."""
        self.note("set_fund", state, behaviour)
        holder = {"missing": NOBODY, "broken": self.broken_fund, "works": self.fund}[state]
        if state == "broken":
            signature = "set_behaviour(uint256,uint256)"
            self.must(actor("governance"), signature, behaviour, behaviour, to=self.broken_fund)
        if holder != self.holder:
            self.must(actor("governance"), "set_role(uint256,address)", INSURANCE_FUND, holder)
            self.holder = holder
            self.tally(f"fund {state}")

    def set_pool(self, state: str) -> None:
        """The pool fails for a while, or works again."""
        self.note("set_pool", state)
        self.chain.set_code(self.pool, BROKEN.get(state, self.pool_code).format(self.said()))
        self.pool_state = state
        self.tally(f"pool {state}")

    # --- comparing ------------------------------------------------------------------------------------------

    def check(self) -> None:
        super().check()
        left = [m for m, payments in self.model.payments.items() if payments]
        insist(not left, f"the fund paid in markets {left}, the model had no use for it")
        books = self.read()
        for n, claim in enumerate(books.claims):
            for key in ("market", "account", "amount", "outstanding", *TIERS):
                insist(claim[key] == self.claims[n][key], f"I6: claim {n}: {key} {claim[key]}")
        insist(len(books.claims) == len(self.claims), "I6: claims without events")
        self.i7_books()

    def i7_books(self) -> None:
        markets = list(self.paid_by)
        calls = ["reserve()", "total_paid()", "capital_withdrawn()", "cold_reserve()", "hot_reserve()"]
        calls += ["community_in()", "community_out()", "pool_retry_at()"]
        data = [calldata(call) for call in calls]
        data += [calldata("total_in(uint256)", source) for source in SOURCES]
        for name in ("paid_in_market", "community_paid_in_market"):
            data += [calldata(f"{name}(uint256)", m) for m in markets]
        for name in ("repaid_in_market", "community_repaid_in_market"):
            data += [calldata(f"{name}(uint256)", m) for m in self.repaid_by]
        answers = self.chain.call(self.reader, multicall_data(self.fund, tuple(data)))
        found = [int.from_bytes(answer, "big") for answer in byte_strings(answers)]
        reserve_paid = sum(paid[0] for paid in self.paid_by.values())
        pool_paid = sum(paid[1] for paid in self.paid_by.values())
        reserve = sum(self.sources.values()) - reserve_paid - self.withdrawn
        expected = [reserve, reserve_paid, self.withdrawn, self.cold, reserve - self.cold]
        expected += [self.given, pool_paid, self.retry_at]
        expected += [self.sources[source] for source in SOURCES]
        expected += [self.paid_by[m][tier] for tier in (0, 1) for m in markets]
        expected += [self.repaid_by[m][tier] for tier in (0, 1) for m in self.repaid_by]
        for call, is_, should in zip(data, found, expected, strict=True):
            insist(is_ == should, f"I7: {call.hex()} is {is_}, should be {should}")
        insist(self.reserve() == reserve, f"I7: reserve {reserve}, by its moves {self.reserve()}")
        holders = {self.fund: reserve - self.cold, self.safe: self.cold, self.pool: self.pool_tokens}
        data = [calldata("balanceOf(address)", address) for address in holders]
        answers = self.chain.call(self.reader, multicall_data(self.token, tuple(data)))
        for (address, should), answer in zip(holders.items(), byte_strings(answers), strict=True):
            held = int.from_bytes(answer, "big")
            insist(held == should, f"I7: {address} holds {held} tokens, should hold {should}")


class FundedHistory(History):
    """A history in which a third of the steps are the fund's, the pool's and governance's."""

    def begin(self) -> None:
        super().begin()
        r, ledger = self.random, self.ledger
        self.has_last_tiers = self.seed % 2 == 1
        stakes = [r.choice([100, 1000]), r.choice([0, 500])] if r.random() < 0.8 else [0, 0]
        ledger.open_fund(
            r.choice([0, 50, 200, 2000]),
            stakes,
            r.choice([WAD // 5, WAD // 2, WAD, WAD]),
            r.choice([WAD // 4, WAD // 2, WAD, WAD]),
        )
        ledger.check()

    def one(self) -> None:
        if self.step and self.random.random() < 0.3:
            return self.fund_step()
        if self.step % 30 == 15:
            return self.crash(self.random.choice(["plain", "back", "ill", "adl"]))
        super().one()

    # --- a loss, and what becomes of it ---------------------------------------------------------------------

    def crash(self, way: str) -> None:
        """Somebody is ruined by somebody, with the fund as it may be; then one way on, if all went so far."""
        r, ledger, model = self.random, self.ledger, self.ledger.model
        open_markets = [m for m in model.markets if not m.is_settled]
        if not open_markets:
            return
        m, sign = r.choice(open_markets), r.choice([1, -1])
        if m.is_close_only:
            ledger.set_close_only(m.id, False)
        if model.mode != NORMAL:
            ledger.set_mode(NORMAL)
        ledger.pass_time(1)
        flat = [a for a in self.names if not any(model.account(a).size(n.id) for n in model.markets)]
        flat.sort(key=lambda a: model.risk(a).withdrawable)
        if len(flat) < 2 or flat[-2] >> 96 == flat[-1] >> 96:
            return super().one()
        winner, loser, mark = flat[-1], r.choice(flat[:-1]), int(m.mark * WAD)
        if loser >> 96 == winner >> 96:
            loser = flat[-2]
        leverage, fall = r.choice([5, 10, 14]), r.choice([15, 25, 30])
        if way == "back":
            # a loss that reserve and pool can pay, the pool with them
            self.prepare_pool()
            loser = next((a for a in flat if a >> 96 != winner >> 96 and model.account(a).cash > 0), loser)
            leverage, fall = 10, r.choice([11, 12, 13])
        size = int(max(model.account(loser).cash, 0)) * WAD // mark * leverage
        ledger.fill(m.id, loser, 0, False, [(winner, -sign * max(size, 1), mark, 0, False)])
        if way == "ill" and r.random() < 0.2:
            self.fall_ill()
        elif way == "ill":
            ledger.set_fund(r.choice(["missing", "broken"]), r.choice([1, 2]))
        self.go_to(m, mark * (100 - sign * fall) // 100)
        ledger.absorb(loser, winner)
        ledger.check()
        if way == "back":
            ledger.pay_claims(m.id)
            ledger.check()
            back = r.choice([1, 2, 2, 16, 60])
            self.go_to(m, m.mark * WAD + (mark - m.mark * WAD) * back / 16)
            ledger.buy_inventory(m.id, winner, UNLIMITED)
            ledger.pay_surplus(m.id)
        elif way == "adl":
            ledger.set_mode(MODE_ADL)
            self.last_ones(m)
        elif way == "ill":
            for seconds in r.choice([[1], [1, 300], [1, 700, 1], [1, 700, DAY], [1, 700, DAY]]):
                ledger.pass_time(seconds)
                ledger.pay_claims(m.id)
                ledger.check()
            if r.random() < 0.7:
                self.last_ones(m)
            if r.random() < 0.7:
                ledger.pass_time(DAY)
            ledger.check()
            ledger.write_off(m.id, 1000)

    def prepare_pool(self) -> None:
        """Fund and pool work, little capital is left in the reserve, and there is a stake behind it."""
        ledger, unit = self.ledger, 10**self.ledger.decimals
        ledger.set_fund("works")
        if ledger.pool_state != "works":
            ledger.set_pool("works")
        if ledger.cold:
            ledger.bring_back(100)
        ledger.withdraw_capital(100)
        ledger.add_capital(self.random.choice([20, 100]) * unit)
        if ledger.exposed() < 1_000 * unit:
            ledger.stake(STAKERS[0], 1_000 * unit)
            ledger.pass_time(HOUR)
            ledger.activate(STAKERS[0])

    def go_to(self, m: Any, goal: Fr | int) -> None:
        """A mark may go in steps."""
        price = max(int(goal), WAD)
        for _ in range(20):
            self.ledger.set_price(m.id, price, 0, 60)
            if m.mark * WAD == price:
                return

    def last_ones(self, m: Any) -> None:
        """ADL and what comes after it, in any order, some left out."""
        r, ledger = self.random, self.ledger
        actions = [
            lambda: ledger.deleverage(m.id, 100, False),
            lambda: ledger.charge_round(m.id, 1000),
            lambda: ledger.charge_side(m.id, 1000),
        ]
        for action in r.sample(actions, r.randint(1, 3)):
            action()
            ledger.check()

    # --- the rest -------------------------------------------------------------------------------------------

    def fund_step(self) -> None:
        r, ledger, model = self.random, self.ledger, self.ledger.model
        is_away, is_pool_ill = ledger.holder != ledger.fund, ledger.pool_state != "works"
        if (is_away or is_pool_ill) and r.random() < 0.12:
            return ledger.set_fund("works") if is_away else ledger.set_pool("works")
        owing = [m.id for m in model.markets if m.outstanding > m.dust] or [self.market()]
        rich = [m.id for m in model.markets if m.surplus > 0] or [self.market()]
        actions = {
            "pay_claims": 16 if model.mode != MODE_ADL else 4,
            "update_mode": 18,
            "collect_fees": 8,
            "pay_surplus": 12,
            "pay_uncovered": 30 if model.uncovered else 1,
            "pay_treasury": 2,
            "capital": 8,
            "custody": 5,
            "staker": 10,
            "ill": 5,
            "days": 4,
            "ease": 6 if model.mode != NORMAL else 0,
            "mode": 1,
        }
        action = r.choices(list(actions), list(actions.values()))[0]
        unit = 10**ledger.decimals
        if action in ("pay_claims", "pay_surplus"):
            return getattr(ledger, action)(r.choice(owing if action == "pay_claims" else rich))
        if action in ("update_mode", "collect_fees", "pay_uncovered", "pay_treasury"):
            return getattr(ledger, action)()
        if action == "capital":
            if r.random() < 0.5:
                return ledger.add_capital(r.choice([1, 50, 500]) * unit)
            return ledger.withdraw_capital(r.choice([1, 50, 100]))
        if action == "custody":
            return ledger.bring_back(r.choice([1, 50, 100, 100])) if ledger.cold else ledger.sweep()
        if action == "staker":
            return self.staker()
        if action == "ill":
            return self.fall_ill()
        if action == "days":
            return ledger.pass_time(r.choice([HOUR, DAY // 2, DAY, DAY]))
        if action == "mode":
            return ledger.set_mode(r.choice([NORMAL, 1, 2, 3, 4]))
        if r.random() < 0.5:
            ledger.add_capital(1000 * unit)
        ledger.pass_time(DAY // 2)
        for _ in range(r.randint(1, 5)):
            ledger.update_mode()
            ledger.pass_time(HOUR)
        ledger.update_mode()

    def fall_ill(self) -> None:
        r, ledger = self.random, self.ledger
        if r.random() < 0.4:
            return ledger.set_pool(r.choice(list(BROKEN)))
        ledger.set_fund(r.choice(["missing", "broken", "broken"]), r.choice([1, 2]))

    def staker(self) -> None:
        r, ledger = self.random, self.ledger
        if ledger.pool_state != "works":
            return self.fall_ill()
        staker, how = r.choice(STAKERS), r.random()
        if how < 0.3:
            return ledger.stake(staker, r.choice([1, 100, 1000]) * 10**ledger.decimals)
        if how < 0.6:
            return ledger.activate(staker)
        ledger.leave(staker)
        if how < 0.8:
            # all the way out, if nothing comes in between
            for _ in range(2):
                ledger.pass_time(DAY)
                ledger.leave(staker)
