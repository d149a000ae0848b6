"""The ledger as the design states it, the slow way: every account a record, every crisis a loop over them.

Exact arithmetic (fractions), amounts in the contracts' smallest units, prices in quote per base. There are no
cohorts here. What the model knows of them is who is closed first: a member's leverage class, tick and
generation, and the edge of its tick, which a round moves together with the entry.

Where the design leaves a choice to rounding, the model takes the kernel's answer as a hint and counts it: a
comparison closer than the stated tolerance (`decide`), and whether rounding left crumbs in an inventory.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction as Fr
from typing import Any

WAD = 10**18
FLOOR = Fr(1, 2**40)
TIERS = RESERVE, COMMUNITY, ADL, SOCIALISED, SIDE, RECOVERY, RECOVERED = range(7)
MAX_CLAIMS = 32
MAX_FUNDING_RATE = 4 * 10**16 // 86_400
MAX_FEE_RATE = 10**15
ROUND_SPACING = 600
ALWAYS = 2**32 - 1
NO_SIDE, LONG, SHORT = range(3)
NORMAL, CAUTION, RESTRICTED, MODE_ADL, HALTED = range(5)


class Refused(Exception):
    """The design does not allow this."""


def tick_of(price: Fr, bits: int) -> int:
    """Octave and the next `bits` bits of an 18-decimals price."""
    units = min(max(int(price * WAD), 10**12), 10**30)
    octave = units.bit_length() - 1
    return octave << bits | (units >> (octave - bits)) - (1 << bits)


def tick_low(tick: int, bits: int) -> Fr:
    octave, mantissa = tick >> bits, (1 << bits) + tick % (1 << bits)
    return Fr(mantissa * 2**octave, 2**bits * WAD)


@dataclass
class Position:
    size: Fr = Fr(0)
    notional: Fr = Fr(0)
    # as it joined last: where it stands in the queue, and the worst entry its tick allows, moved by rounds
    leverage_class: int = 0
    tick: int = 0
    generation: int = 0
    # whether the kernel's last tier reached it, while the model goes through the same
    was_reached: bool | None = None
    edge: Fr = Fr(0)
    # since then: was it closed in part or charged, and the share that is left
    is_sealed: bool = False
    kept: Fr = Fr(1)


@dataclass
class Account:
    cash: Fr = Fr(0)
    positions: dict[int, Position] = field(default_factory=dict)
    maturing: dict[int, dict[int, Fr]] = field(default_factory=dict)
    pots: dict[int, Fr] = field(default_factory=dict)
    classes: dict[int, int] = field(default_factory=dict)
    # markets where rounding left the kernel a unit of a position that is closed here
    rests: set[int] = field(default_factory=set)

    def copy(self) -> "Account":
        return Account(
            self.cash,
            {m: Position(**vars(p)) for m, p in self.positions.items()},
            {m: dict(b) for m, b in self.maturing.items()},
            dict(self.pots),
            dict(self.classes),
            set(self.rests),
        )

    def size(self, market: int) -> Fr:
        return self.positions[market].size if market in self.positions else Fr(0)

    def ripening(self, market: int) -> Fr:
        return sum(self.maturing.get(market, {}).values(), Fr(0))


@dataclass
class Claim:
    account: int
    amount: Fr
    paid: list[Fr]

    @property
    def outstanding(self) -> Fr:
        return self.amount - sum(self.paid)


@dataclass
class Market:
    id: int
    margin: dict[str, Any]
    liquidation: dict[str, Any]
    tick_bits: int
    funding_time: int
    mark: Fr = Fr(0)
    mark_time: int = 0  # 0 while the mark is on its way
    step_time: int = 0
    # what the oracle's rates add up to, until when, and how much of it has been counted (None: nothing)
    rate_sum: int = 0
    observed_at: int = 0
    counted_sum: int | None = None
    is_close_only: bool = False
    is_settled: bool = False
    multiplier: Fr = Fr(1)  # of all margin rates, by the risk mode
    open_interest: Fr = Fr(0)  # before the operation at hand, quote
    clock: int = 0
    batch: int = 2
    batch_end: int = 3600
    kept: dict[int, Fr] = field(default_factory=dict)  # of batches, by rounds
    round_time: int = 0
    rounds: int = 0
    # the bankruptcy account
    size: Fr = Fr(0)
    notional: Fr = Fr(0)
    cash: Fr = Fr(0)
    has_crumbs: bool = False
    auction_start: int = 0
    since: int = 0
    # trading fees that nobody has been paid yet
    fees: Fr = Fr(0)
    # what the bankruptcy account had left over
    surplus: Fr = Fr(0)
    # where rounding decides the second, the kernel's
    auction_hint: int = 0
    last_loss_time: int = 0
    # the same without what the kernel may have rounded away
    last_sure_loss_time: int = 0
    # the window of side charges: its start, what longs and shorts were charged, quote per base
    window: tuple[int, Fr, Fr] = (0, Fr(0), Fr(0))
    residue_size: Fr = Fr(0)
    residue_notional: Fr = Fr(0)
    claims: list[Claim] = field(default_factory=list)  # outstanding, oldest first
    closed_claims: list[Claim] = field(default_factory=list)

    @property
    def equity(self) -> Fr:
        return self.cash + self.size * self.mark - self.notional

    @property
    def outstanding(self) -> Fr:
        return sum((c.outstanding for c in self.claims), Fr(0))

    @property
    def dust(self) -> int:
        return self.liquidation["dust"]

    def is_dust(self) -> bool:
        return abs(self.size) * self.mark <= self.dust

    def is_fresh(self, now: int) -> bool:
        return now - self.mark_time <= self.margin["max_mark_age"]

    def is_fresh_for_opening(self, now: int) -> bool:
        return now - self.mark_time <= self.margin["max_opening_age"]

    def is_on_its_way(self, now: int) -> bool:
        return self.mark_time == 0 and now - self.step_time <= self.margin["max_mark_age"]

    def maintenance(self, worth: Fr) -> tuple[Fr, Fr]:
        """Margin, and the rate of the line that decides it."""
        lines = zip(self.margin["line_rates"], self.margin["line_deductions"], strict=True)
        margin, rate = max((worth * rate - deduction * WAD, rate) for rate, deduction in lines)
        return self.multiplier * max(margin, Fr(0)) / WAD, self.multiplier * Fr(rate, WAD)

    def initial(self, worth: Fr, maintenance: Fr, leverage_class: int) -> Fr:
        by_tier = maintenance / self.multiplier * self.margin["initial_factor"]
        initial = max(by_tier, worth * self.margin["class_rates"][leverage_class]) / WAD
        return self.multiplier * self.in_crowd(worth, initial)

    def in_crowd(self, worth: Fr, initial: Fr) -> Fr:
        # in a crowd it rises to all that the position is worth
        cap = Fr(self.margin["open_interest_cap_quote"])
        lower = cap * self.margin["lower_cap_share"] / WAD
        if not lower or lower == cap or self.open_interest <= lower or initial >= worth:
            return initial
        return initial + (worth - initial) * min((self.open_interest - lower) / (cap - lower), Fr(1))

    def snapshot(self) -> dict[str, Any]:
        kept = dict(vars(self))
        kept["kept"] = dict(self.kept)
        kept["claims"] = [Claim(c.account, c.amount, list(c.paid)) for c in self.claims]
        kept["closed_claims"] = list(self.closed_claims)
        return kept


@dataclass
class Risk:
    cash: Fr = Fr(0)
    maturing: Fr = Fr(0)
    unrealised: Fr = Fr(0)
    losses: Fr = Fr(0)
    maintenance: Fr = Fr(0)
    initial_gap: Fr = Fr(0)
    is_stale: bool = False

    @property
    def equity(self) -> Fr:
        return self.cash + self.maturing + self.unrealised

    @property
    def hole(self) -> Fr:
        return self.initial_gap - self.cash

    @property
    def withdrawable(self) -> Fr:
        return min(-self.hole, self.cash + self.losses - self.maintenance)


class Naive:
    """The whole ledger. An operation the design does not allow raises `Refused` and changes nothing."""

    def __init__(self, batch_seconds: int = 3600) -> None:
        self.now = 0
        self.accounts: dict[int, Account] = {}
        self.markets: list[Market] = []
        self.batch_seconds = batch_seconds
        self.funding_share = Fr(0)
        # accruals that were none because a side was only the inventory
        self.suspended = 0
        self.deposited = Fr(0)
        # what no tier has paid; what withdrawals went short by; what rounding these has left in the vault
        self.uncovered = Fr(0)
        self.recovery_claims: dict[int, Fr] = {}
        self.slack = Fr(0)
        self.funding_fees, self.liquidation_fees = Fr(0), Fr(0)
        # of trading fees that were collected: the fund's, less than a token unit, and the treasury's
        self.fund_rest, self.treasury_fees = Fr(0), Fr(0)
        # The risk mode. And the insurance fund, whose books are not modelled here: what it has paid in the
        # operation at hand, by market, from reserve and pool; what it would pay should that be refused;
        # whether it could still pay.
        self.mode = NORMAL
        self.payments: dict[int, list[tuple[int, int]]] = {}
        self.offers: dict[int, Fr] = {}
        self.can_pay: Callable[[int], bool] = lambda market: False
        # Stated rounding tolerance, in smallest units: of any amount of quote, of any size.
        self.money_tolerance, self.size_tolerance = Fr(0), Fr(0)
        # The kernel's answer to the operation at hand, asked only where rounding decides.
        self.was_accepted = True
        # whether the kernel found something left in the account it absorbed
        self.had_equity = False
        self.entered_at_mark: Callable[[], set[tuple[int, int]]] = set
        self.undecided = 0

    # --- bookkeeping of the model itself --------------------------------------------------------------------

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        accounts = {a: s.copy() for a, s in self.accounts.items()}
        markets = [m.snapshot() for m in self.markets]
        numbers = {k: v for k, v in vars(self).items() if isinstance(v, Fr)}
        numbers["recovery_claims"] = dict(self.recovery_claims)
        try:
            yield
        except Refused:
            self.accounts = accounts
            for market, kept in zip(self.markets, markets, strict=True):
                vars(market).update(kept)
            vars(self).update(numbers)
            raise

    def decide(self, slack: Fr, band: Fr | int) -> bool:
        """`slack >= 0`; what lies within the band is rounding's choice: there the kernel's word counts."""
        if band and abs(slack) <= band:
            self.undecided += 1
            return self.was_accepted
        return slack >= 0

    def require(self, holds: bool, reason: str) -> None:
        if not holds:
            raise Refused(reason)

    def account(self, a: int) -> Account:
        return self.accounts.setdefault(a, Account())

    @property
    def trading_fees(self) -> Fr:
        return sum((m.fees for m in self.markets), Fr(0)) + self.fund_rest

    def money_band(self) -> Fr:
        return self.money_tolerance + 20

    def note_open_interests(self) -> None:
        """What margins in a crowd go by: all longs, inventory included, as they are before an operation."""
        for m in self.markets:
            m.open_interest = self.longs(m) * m.mark

    def longs(self, m: Market) -> Fr:
        """Base that is long, inventory included."""
        sizes = [*(a.size(m.id) for a in self.accounts.values()), m.size]
        return sum((max(size, Fr(0)) for size in sizes), Fr(0))

    def total(self, everybody: Fr) -> Fr:
        """With what all accounts have together: what was deposited, exactly, at any mark."""
        return (
            everybody
            - self.uncovered
            + self.slack
            + sum((m.equity + m.surplus for m in self.markets), Fr(0))
            + sum((m.residue_size * m.mark - m.residue_notional for m in self.markets), Fr(0))
            + self.trading_fees
            + self.funding_fees
            + self.liquidation_fees
            + self.treasury_fees
        )

    # --- accounts -------------------------------------------------------------------------------------------

    def risk(self, a: int) -> Risk:
        account, out = self.account(a), Risk(cash=self.account(a).cash)
        for m in self.markets:
            out.maturing += account.ripening(m.id) + account.pots.get(m.id, Fr(0))
            p = account.positions.get(m.id)
            out.is_stale |= m.id in account.rests and not m.is_fresh_for_opening(self.now)
            if p is None or p.size == 0:
                continue
            unrealised, worth = p.size * m.mark - p.notional, abs(p.size) * m.mark
            out.unrealised += unrealised
            out.losses += min(unrealised, Fr(0))
            maintenance, _ = m.maintenance(worth)
            out.maintenance += maintenance
            initial = m.initial(worth, maintenance, account.classes.get(m.id, 0))
            out.initial_gap += max(initial - unrealised, Fr(0))
            out.is_stale |= not m.is_fresh_for_opening(self.now)
        return out

    def realise(self, a: int, m: Market, pnl: Fr) -> None:
        """Profit matures; a loss eats the market's maturing profit, oldest first, then cash."""
        account = self.account(a)
        batches = account.maturing.setdefault(m.id, {})
        if pnl > 0:
            batches[m.batch] = batches.get(m.batch, Fr(0)) + pnl
            return
        for batch in sorted(batches):
            eaten = min(batches[batch], -pnl)
            batches[batch] -= eaten
            pnl += eaten
        account.cash += pnl

    def settle(self, a: int, m: Market) -> None:
        """A member of a generation that was closed or charged moves on; its ADL profit is booked."""
        account = self.account(a)
        p = account.positions.get(m.id)
        if p is None or not p.is_sealed:
            return
        pot = account.pots.pop(m.id, Fr(0))
        if pot:
            self.realise(a, m, pot)
        self.join(a, m)

    def settle_all(self, a: int) -> None:
        for m in self.markets:
            self.settle(a, m)

    def join(self, a: int, m: Market) -> None:
        """Take the place in the queue that the position's entry has now."""
        account = self.account(a)
        p = account.positions[m.id]
        if p.size == 0:
            del account.positions[m.id]
            return
        p.tick = tick_of(p.notional / p.size, m.tick_bits)
        p.leverage_class = account.classes.get(m.id, 0)
        self.set_edge(p, m)
        p.is_sealed, p.kept = False, Fr(1)

    @staticmethod
    def set_edge(p: Position, m: Market) -> None:
        p.edge = tick_low(p.tick + (p.size > 0), m.tick_bits)

    def trade(self, a: int, m: Market, change: Fr, cost: Fr) -> None:
        """Change a settled position by `change` for `cost`, realising what is closed."""
        p = self.account(a).positions.setdefault(m.id, Position())
        if p.size * change >= 0:
            was_near_mark = p.size == 0 or self.is_near_mark(p, m, p.tick)
            p.size += change
            p.notional += cost
            profit = p.size * m.mark - p.notional
            if profit > 0 and not was_near_mark and self.has_come_near_mark(a, p, m):
                # what was added would hide it from ADL and rounds
                p.notional += profit
                self.realise(a, m, profit)
        else:
            part = min(abs(change / p.size), Fr(1))
            closing = cost * part * abs(p.size / change)
            pnl = -closing - p.notional * part
            p.size += change
            p.notional = p.notional * (1 - part) + cost - closing
            self.realise(a, m, pnl)
            self.drop_residue(m, p)
        self.join(a, m)

    @staticmethod
    def is_near_mark(p: Position, m: Market, tick: int) -> bool:
        """The mark lies in the entry's tick, or in the next one on the side of profit."""
        distance = tick_of(m.mark, m.tick_bits) - tick
        return distance in ((0, 1) if p.size > 0 else (0, -1))

    def has_come_near_mark(self, a: int, p: Position, m: Market) -> bool:
        """
        The same of an entry just made; on the border of a tick rounding decides, and the kernel's word
        counts.
        """
        entry = p.notional / p.size
        tick = tick_of(entry, m.tick_bits)
        borders = (tick_low(tick, m.tick_bits), tick_low(tick + 1, m.tick_bits))
        if any(abs(entry - border) <= entry * Fr(1, 10**15) for border in borders):
            self.undecided += 1
            return (a, m.id) in self.entered_at_mark()
        return self.is_near_mark(p, m, tick)

    def drop_residue(self, m: Market, p: Position) -> None:
        """What rounding alone leaves of a position the kernel has closed belongs to nobody."""
        if 0 < abs(p.size) <= self.size_tolerance:
            self.undecided += 1
            m.residue_size += p.size
            m.residue_notional += p.notional
            p.size, p.notional = Fr(0), Fr(0)

    def require_opening_allowed(self, a: int, m: Market) -> None:
        after = self.risk(a)
        self.require(not after.is_stale, "stale mark")
        self.require(self.decide(-after.hole, self.money_band()), "below initial margin")
        worth = abs(self.account(a).size(m.id)) * m.mark
        cap = m.margin["position_cap_quote"]
        self.require(self.decide(cap - worth, self.size_tolerance * m.mark), "position cap")

    def require_minimum_received(self, a: int, m: Market, rest: Fr) -> None:
        """Who does not take all there is has at least the minimum size, or nothing."""
        size = abs(self.account(a).size(m.id))
        if size and abs(rest) > self.size_tolerance:
            slack = size * m.mark - m.margin["minimum_notional"]
            self.require(self.decide(slack, self.size_tolerance * m.mark), "below minimum size")

    def require_reduction_allowed(self, before: Risk, after: Risk) -> None:
        band = self.money_band()
        solvent = self.decide(before.equity, band) and self.decide(after.equity, band)
        self.require(solvent, "account insolvent")
        if after.maintenance == 0:
            return
        self.require(self.decide(max(before.hole, Fr(0)) - after.hole, 2 * band), "deeper hole")
        self.require(self.is_not_less_healthy(before, after), "health falls")

    def is_not_less_healthy(self, before: Risk, after: Risk) -> bool:
        if after.maintenance == 0:
            return True
        band = self.money_band() * (
            before.maintenance + after.maintenance + abs(before.equity) + abs(after.equity)
        )
        return self.decide(after.equity * before.maintenance - before.equity * after.maintenance, band)

    def deposit(self, a: int, amount: int) -> None:
        self.account(a).cash += amount
        self.deposited += amount

    def debit(self, a: int, amount: int) -> None:
        self.settle_all(a)
        risk = self.risk(a)
        self.require(amount > 0, "zero amount")
        self.require(not risk.is_stale, "stale mark")
        self.require(self.decide(risk.withdrawable - amount, self.money_band()), "not withdrawable")
        self.account(a).cash -= amount

    @property
    def backing(self) -> Fr:
        """What is there for those who withdraw: all but fees."""
        fees = self.trading_fees + self.funding_fees + self.liquidation_fees + self.treasury_fees
        return max(self.deposited - fees - sum((m.surplus for m in self.markets), Fr(0)), Fr(0))

    def withdraw(self, a: int, amount: int, is_at_ratio: bool) -> Fr:
        """What is paid out: all of it, or while a loss is uncovered everybody's share."""
        with self.all_or_nothing():
            self.debit(a, amount)
            if not is_at_ratio:
                # (what a deficit that is not written off yet lacks is missing to who comes last)
                self.require(amount <= self.deposited, "no tokens left")
                self.deposited -= amount
                return Fr(amount)
            return amount * self.backing / (self.backing + self.uncovered)

    def pay_out(self, a: int, amount: int, paid: int) -> None:
        """After `withdraw` while a loss is uncovered: the kernel pays whole token units."""
        share = self.uncovered / (self.backing + self.uncovered)
        self.deposited -= paid
        self.uncovered -= amount * share
        self.slack += amount - paid - amount * share
        self.recovery_claims[a] = self.recovery_claims.get(a, Fr(0)) + amount - paid

    def recapitalise(self, amount: int, left: int) -> None:
        """`left`: what the kernel still has uncovered."""
        fall = self.uncovered - left
        self.deposited += amount
        self.uncovered -= fall
        self.slack += amount - fall

    def transfer(self, sender: int, receiver: int, amount: int) -> None:
        with self.all_or_nothing():
            self.debit(sender, amount)
            self.account(receiver).cash += amount

    def set_class(self, a: int, market: int, leverage_class: int) -> None:
        m, account = self.markets[market], self.account(a)
        with self.all_or_nothing():
            self.settle_all(a)
            rates = m.margin["class_rates"]
            before = account.classes.get(market, 0)
            account.classes[market] = leverage_class
            if account.size(market):
                self.require(rates[leverage_class] > rates[before], "class only upward")
                self.require(self.mode < MODE_ADL, "mode ADL")
                self.require(m.is_fresh_for_opening(self.now), "stale mark")
                self.require_opening_allowed(a, m)
                self.join(a, m)

    def touch(self, a: int, market: int) -> None:
        self.settle(a, self.markets[market])

    # --- trading --------------------------------------------------------------------------------------------

    def fill(
        self,
        market: int,
        taker: int,
        taker_fee: int,
        is_reduce_only: bool,
        makers: list[tuple[int, int, int, int, bool]],
    ) -> None:
        """makers: (account, size, price, fee rate, reduce only); the taker takes the other side of all."""
        m = self.markets[market]
        with self.all_or_nothing():
            for a in (taker, *(maker[0] for maker in makers)):
                self.settle_all(a)
            self.require(not m.is_settled, "settled")
            self.require(m.is_fresh(self.now), "stale mark")
            band = int(m.mark * m.margin["price_band"])
            change, cost = 0, Fr(0)
            for a, size, price, fee, ro in makers:
                self.require(size != 0 and size * makers[0][1] > 0, "zero size or mixed sides")
                self.require(a >> 96 != taker >> 96, "self trade")
                self.require(abs(price - m.mark * WAD) <= band, "price out of band")
                self.fill_side(a, m, size, Fr(size * price, WAD), fee, ro)
                change -= size
                cost -= Fr(size * price, WAD)
            self.fill_side(taker, m, change, cost, taker_fee, is_reduce_only)
            band = self.size_tolerance * m.mark
            worth = self.longs(m) * m.mark
            if worth - m.open_interest > band:
                cap = m.margin["open_interest_cap_quote"]
                self.require(self.decide(cap - worth, band), "open interest value")

    def fill_side(self, a: int, m: Market, change: int, cost: Fr, fee: int, ro: bool) -> None:
        self.require(fee <= MAX_FEE_RATE, "fee too high")
        held = self.account(a).size(m.id)
        is_reducing = held * change < 0 and (self.decide(abs(held) - abs(change), self.size_tolerance))
        before = self.risk(a)
        self.trade(a, m, Fr(change), cost)
        paid = abs(cost) * fee / WAD
        self.account(a).cash -= paid
        m.fees += paid
        if is_reducing:
            self.require_reduction_allowed(before, self.risk(a))
        else:
            self.require(not ro, "not a reduction")
            self.require(not m.is_close_only, "close only")
            self.require(self.mode < RESTRICTED, "reduce only mode")
            self.require(m.is_fresh_for_opening(self.now), "stale mark")
            self.require_opening_allowed(a, m)
        size = self.account(a).size(m.id)
        if abs(held + change) <= self.size_tolerance:
            # a unit that rounding has left the kernel is below the minimum size
            self.require(self.decide(Fr(0), self.size_tolerance), "below minimum size")
        elif size:
            slack = abs(size) * m.mark - m.margin["minimum_notional"]
            self.require(self.decide(slack, self.size_tolerance * m.mark), "below minimum size")

    def pay_builder(self, market: int, builder: int, amount: int) -> None:
        """Part of a market's trading fees becomes an account's cash."""
        m = self.markets[market]
        self.require(self.decide(m.fees - amount, self.money_band() if amount else 0), "fees too low")
        m.fees -= amount
        self.account(builder).cash += amount

    # --- marks, funding, the market clock -------------------------------------------------------------------

    def update_mark(self, market: int, price: int, rate: int) -> None:
        m = self.markets[market]
        if m.is_settled:
            return self.move_settled_clock(m)
        if self.now in (m.mark_time, m.step_time):
            return
        elapsed, was_fresh = self.now - m.mark_time, m.is_fresh(self.now)
        m.rate_sum += rate * (self.now - m.observed_at)
        m.observed_at = self.now
        if self.now - m.funding_time >= 300:
            self.accrue(m, self.funding_due(m, rate))
            m.funding_time = self.now
        before = m.mark
        goal, step = Fr(price, WAD), self.step(m)
        m.mark, m.mark_time = goal, self.now
        if step and abs(goal - before) > step:
            m.mark, m.mark_time, m.step_time = before + (step if goal > before else -step), 0, self.now
        self.sync_and_pay(m)
        if was_fresh:
            self.move_clock(m, elapsed)

    def move_clock(self, m: Market, elapsed: int) -> None:
        if self.decide(m.dust - m.outstanding, self.money_tolerance):
            m.clock += min(elapsed, 300)
            if m.clock >= m.batch_end:
                m.batch += 1
                m.batch_end = m.clock + self.batch_seconds
                self.mature(m)

    def move_settled_clock(self, m: Market) -> None:
        """No price, no funding; claims and the clock as ever."""
        elapsed, m.funding_time = self.now - m.funding_time, self.now
        if elapsed:
            self.sync_and_pay(m)
            self.move_clock(m, elapsed)

    def set_close_only(self, market: int, is_close_only: bool) -> None:
        self.require(not self.markets[market].is_settled, "settled")
        self.markets[market].is_close_only = is_close_only

    def set_margin(self, market: int, terms: dict[str, Any]) -> None:
        """Counts from the next call on, for positions of before too."""
        m = self.markets[market]
        self.require_terms(m, terms, m.liquidation)
        m.margin = terms

    def set_liquidation(self, market: int, terms: dict[str, Any]) -> None:
        m = self.markets[market]
        self.require_terms(m, m.margin, terms)
        m.liquidation = terms

    def require_terms(self, m: Market, margin: dict[str, Any], liquidation: dict[str, Any]) -> None:
        """A keeper's flat reward is at most a quarter of the least margin a position was opened with."""
        self.require(not m.is_settled, "settled")
        least = margin["minimum_notional"] * min(margin["class_rates"]) // (4 * WAD)
        self.require(liquidation["reward_flat"] <= least, "reward")

    def settle_market(self, market: int, price: int, rate: int) -> None:
        """At the mark, renewed; from then on no maintenance margin, and ADL at this price."""
        m = self.markets[market]
        with self.all_or_nothing():
            self.require(m.is_close_only and not m.is_settled, "not close-only")
            self.update_mark(market, price, rate)
            self.require(m.mark_time == self.now, "mark on its way")
            self.sync_and_pay(m)
            self.require(self.decide(m.dust - m.outstanding, self.money_tolerance), "open claims")
            m.is_settled, m.mark_time, m.funding_time = True, ALWAYS, self.now
            m.margin = m.margin | dict(line_rates=[0], line_deductions=[0])
            m.liquidation = m.liquidation | dict(deleverage_band=0)

    def close_at_settlement(self, a: int, market: int) -> None:
        """The whole position at the settlement price, into the bankruptcy account."""
        m = self.markets[market]
        with self.all_or_nothing():
            self.require(m.is_settled, "not settled")
            self.settle_all(a)
            size = self.account(a).size(market)
            self.require(size != 0, "no position")
            self.require(self.decide(self.risk(a).equity, self.money_band()), "account insolvent")
            p = self.account(a).positions[market]
            pnl, p.size, p.notional = size * m.mark - p.notional, Fr(0), Fr(0)
            self.realise(a, m, pnl)
            self.join(a, m)
            m.size += size
            m.notional += size * m.mark
            self.age_auction(m, m.size - size)
            self.sync(m, RECOVERED, 0)

    @staticmethod
    def step(m: Market) -> Fr:
        """Largest move of a mark at once; the kernel's marks have 18 decimals. 0: no limit."""
        return Fr(int(m.mark * m.liquidation["max_mark_step"]), WAD)

    def require_arrived(self, a: int, skip: int | None = None) -> None:
        """Nobody is liquidated at a mark that is on its way."""
        account = self.account(a)
        held = [m for m in self.markets if m.id != skip and (account.size(m.id) or m.id in account.rests)]
        self.require(not any(m.is_on_its_way(self.now) for m in held), "mark on its way")

    def funding_due(self, m: Market, rate: int) -> int:
        """Share of mark that longs pay, by the rates since the last accrual; of over an hour, their mean."""
        elapsed = self.now - m.funding_time
        due = rate * elapsed if m.counted_sum is None else m.rate_sum - m.counted_sum
        m.counted_sum = m.rate_sum
        counted = min(elapsed, 3600)
        most = MAX_FUNDING_RATE * counted
        return min(max(int(Fr(due * counted, elapsed)), -most), most)

    def accrue(self, m: Market, due: int) -> None:
        """Payers pay mark * due, receivers get it less the fund's share; nobody while a side is inventory."""
        if due and (self.longs(m) - abs(m.size)) * m.mark <= m.dust:
            self.suspended += m.size != 0
            return
        paid = m.mark * abs(due) / WAD
        received = paid * (1 - self.funding_share)
        sign = 1 if due > 0 else -1
        for account in self.accounts.values():
            size = account.size(m.id) * sign
            account.cash -= size * (paid if size > 0 else received)
            self.funding_fees += size * (paid if size > 0 else received)
        size = m.size * sign
        m.cash -= size * (paid if size > 0 else received)
        self.funding_fees += size * (paid if size > 0 else received)

    def mature(self, m: Market) -> None:
        for account in self.accounts.values():
            batches = account.maturing.get(m.id, {})
            for batch in [b for b in batches if b <= m.batch - 2]:
                account.cash += batches.pop(batch)

    # --- claims ---------------------------------------------------------------------------------------------

    def sync(self, m: Market, tier: int, account: int) -> None:
        """Claims are what the inventory's equity lacks."""
        lacking = max(-m.equity, Fr(0))
        missing = lacking - m.outstanding
        if missing > 0:
            mine = [c for c in m.claims if c.account == account == 0]
            if mine:
                mine[0].amount += missing
            elif len(m.claims) >= MAX_CLAIMS:
                m.claims[-1].amount += missing
            else:
                m.claims.append(Claim(account, missing, [Fr(0)] * len(TIERS)))
            m.last_loss_time = self.now
            if missing > self.money_tolerance:
                m.last_sure_loss_time = self.now
        self.book(m, tier, max(-missing, Fr(0)))
        if m.is_dust():
            m.auction_start = m.since = 0
        elif m.auction_start == 0 and m.size:
            m.auction_start = m.since = self.now

    @staticmethod
    def book(m: Market, tier: int, amount: Fr) -> None:
        """Who paid a market's claims: the oldest first, but the newest where the price came back."""
        left = amount
        while left > 0 and m.claims:
            claim = m.claims[-1 if tier == RECOVERED else 0]
            part = min(left, claim.outstanding)
            claim.paid[tier] += part
            left -= part
            if claim.outstanding == 0:
                m.claims.remove(claim)
                m.closed_claims.append(claim)

    def sync_and_pay(self, m: Market) -> None:
        """Claims fit the inventory, and the fund pays what it pays: here as much as it did."""
        self.sync(m, RECOVERED, 0)
        reserve, community = Fr(0), Fr(0)
        if self.payments.get(m.id):
            reserve, community = map(Fr, self.payments[m.id].pop(0))
        elif not self.was_accepted:
            reserve = min(self.offers.get(m.id, Fr(0)), m.outstanding)
        if reserve or community:
            m.cash += reserve + community
            self.deposited += reserve + community
            self.book(m, RESERVE, reserve)
            self.book(m, COMMUNITY, community)
            self.sync(m, RECOVERED, 0)
        self.take_surplus(m)

    def age_auction(self, m: Market, before: Fr) -> None:
        """The auction's start is each part's time, weighted by size; a changed side starts anew."""
        if m.auction_start == 0 or before == 0:
            return
        start = Fr(self.now)
        if before * m.size > 0:
            grown = max(abs(m.size) - abs(before), Fr(0))
            if not grown:
                return
            age = min(self.now - m.auction_start, m.liquidation["auction_seconds"])
            start = self.now - age * (abs(m.size) - grown) / abs(m.size)
        later = -(-start.numerator // start.denominator)
        m.auction_start = m.auction_hint if abs(m.auction_hint - later) <= 1 else later

    def take_surplus(self, m: Market) -> None:
        if m.outstanding == 0 and m.is_dust():
            surplus = max(m.equity - (m.dust if m.has_crumbs else 0), Fr(0))
            m.cash -= surplus
            m.surplus += surplus

    # --- the fund -------------------------------------------------------------------------------------------

    def set_mode(self, mode: int, multiplier: int) -> None:
        self.mode = mode
        for m in self.markets:
            m.multiplier = Fr(multiplier, WAD)

    def pay_claims(self, market: int, is_older_payable: bool) -> None:
        m = self.markets[market]
        with self.all_or_nothing():
            self.sync_and_pay(m)
            self.require(not is_older_payable or m.outstanding == 0, "older claim first")

    def collect_fees(self, share: Fr, paid: tuple[int, int, int]) -> Fr:
        """`paid`: what the vault has paid of trading fees, funding and liquidations, in whole token units."""
        trading = self.trading_fees
        for m in self.markets:
            m.fees = Fr(0)
        self.fund_rest = trading * share - paid[0]
        self.treasury_fees += trading - trading * share
        self.funding_fees -= paid[1]
        self.liquidation_fees -= paid[2]
        self.deposited -= sum(paid)
        return trading - trading * share

    def pay_surplus(self, market: int, amount: int, rewards: int) -> None:
        self.markets[market].surplus -= amount + rewards
        self.liquidation_fees += rewards
        self.deposited -= amount

    def pay_treasury(self, amount: int) -> None:
        self.treasury_fees -= amount
        self.deposited -= amount

    # --- liquidation ----------------------------------------------------------------------------------------

    def plan(self, a: int, market: int, max_size: int) -> tuple[Fr, Fr, Fr]:
        """Size, price and fee of a take-over, as the design's formulas have them."""
        m, account = self.markets[market], self.account(a)
        risk, held = self.risk(a), abs(account.size(market))
        self.require(held > 0, "no position")
        self.require(self.decide(risk.equity, self.money_band()), "account insolvent")
        self.require(self.decide(risk.maintenance - risk.equity, self.money_band()), "account healthy")
        worth, health = held * m.mark, risk.equity / risk.maintenance
        here, marginal = m.maintenance(worth)
        target = Fr(m.liquidation["target_health"], WAD)
        slope = Fr(m.liquidation["cost_slope"], WAD) * (1 - health)
        kappa = max(min(slope, health * here / worth), Fr(0))
        gain = target * marginal - kappa
        size = held
        if gain > 0:
            worth = max((target * risk.maintenance - risk.equity) / gain, m.margin["minimum_notional"])
            size = min(held, worth / m.mark)
        size = min(size, Fr(max_size))
        if 0 < (held - size) * m.mark < m.margin["minimum_notional"]:
            self.require(max_size >= held, "size leaves dust")
            size = held
        fund_share = Fr(m.liquidation["fund_share"], WAD)
        discount = m.mark * kappa * (1 - fund_share)
        sign = 1 if account.size(market) > 0 else -1
        return size, m.mark - sign * discount, size * m.mark * kappa * fund_share

    def take_over(self, a: int, market: int, liquidator: int, change: int, price: Fr, fee: int) -> None:
        """Move `change` of the position, as the kernel did; `plan` says whether that was right."""
        m = self.markets[market]
        with self.all_or_nothing():
            self.settle_all(a)
            self.settle_all(liquidator)
            before = self.risk(a)
            self.trade(a, m, Fr(change), change * price)
            self.account(a).cash -= fee
            self.liquidation_fees += fee
            after = self.risk(a)
            self.require(self.decide(after.equity, self.money_band()), "account insolvent")
            self.require(self.is_not_less_healthy(before, after), "health falls")
            self.trade(liquidator, m, Fr(-change), -change * price)
            self.require_opening_allowed(liquidator, m)
            self.require_minimum_received(liquidator, m, self.account(a).size(market))

    def close_with_orders(
        self,
        market: int,
        a: int,
        keeper: int,
        makers: list[tuple[int, int, int, int, bool]],
        plan: tuple[Fr, int],
        is_whole: bool,
    ) -> Fr:
        """makers as in `fill`; plan: price and fee as the kernel had them; the keeper's reward."""
        m, (worst, fee) = self.markets[market], plan
        with self.all_or_nothing():
            self.settle_all(a)
            band = int(m.mark * m.margin["price_band"])
            before, cost, change = self.risk(a), Fr(0), 0
            for maker, size, price, _, _ in makers:
                self.require(size != 0 and size * makers[0][1] > 0, "zero size or mixed sides")
                self.require(maker >> 96 != a >> 96, "self trade")
                self.require(abs(price - m.mark * WAD) <= band, "price out of band")
                change -= size
                cost -= Fr(size * price, WAD)
            self.trade(a, m, Fr(change), cost)
            reward = Fr(0)
            if keeper >> 96 != a >> 96:
                earned = self.reward(m, abs(change) * m.mark, is_whole)
                reward = min(earned, max(change * worst - cost, Fr(0)))
            self.account(a).cash -= fee + reward
            self.liquidation_fees += fee
            after = self.risk(a)
            self.require(self.decide(after.equity, self.money_band()), "account insolvent")
            self.require(self.is_not_less_healthy(before, after), "health falls")
            for maker, size, price, rate, ro in makers:
                self.settle_all(maker)
                self.fill_side(maker, m, size, Fr(size * price, WAD), rate, ro)
            self.account(keeper).cash += reward
            return reward

    def absorb(self, a: int, keeper: int) -> Fr:
        """The keeper's reward."""
        with self.all_or_nothing():
            self.require_arrived(a)
            self.settle_all(a)
            account, risk = self.account(a), self.risk(a)
            held = [m for m in self.markets if account.size(m.id)]
            open_in = [m for m in self.markets if m in held or m.id in account.rests]
            # a settled market says nothing about the others' marks
            open_in = [m for m in open_in if not m.is_settled]
            self.require(not open_in or any(m.is_fresh(self.now) for m in open_in), "stale mark")
            band = self.money_band()
            if not held:
                self.require(self.decide(-risk.equity, band), "account healthy")
            else:
                critical = min(Fr(m.liquidation["critical_health"], WAD) for m in held)
                self.require(self.decide(critical * risk.maintenance - risk.equity, band), "account healthy")
            worths = {m.id: abs(account.size(m.id)) * m.mark for m in held}
            has_equity = risk.equity > 0
            if abs(risk.equity) <= band:
                self.undecided += 1
                has_equity = self.had_equity
            if has_equity:
                full = (self.reward(m, worths[m.id], True) for m in held)
                reward = min(sum(full, Fr(0)), max(risk.equity, Fr(0)) / 2)
            else:
                small = (self.reward(m, worths[m.id], False) for m in held)
                reward = min(sum(small, Fr(0)), self.liquidation_fees)
                self.liquidation_fees -= reward
            left = risk.equity - (reward if has_equity else 0)
            parts = self.split(account, left)
            positions, account.positions = account.positions, {}
            account.maturing, account.cash = {}, Fr(0)
            self.account(keeper).cash += reward
            for m in self.markets:
                if m.id in positions or parts.get(m.id):
                    self.sync(m, RECOVERED, 0)
                    size = positions[m.id].size if m.id in positions else Fr(0)
                    m.size += size
                    self.age_auction(m, m.size - size)
                    m.notional += size * m.mark
                    m.cash += parts.get(m.id, Fr(0))
                    self.sync(m, RECOVERED, a)
                    self.take_surplus(m)
            return reward

    @staticmethod
    def reward(m: Market, worth: Fr, is_full: bool) -> Fr:
        cap = Fr(m.liquidation["reward_cap"])
        proportional = min(worth * m.liquidation["reward_rate"] / WAD, cap)
        return min(proportional + m.liquidation["reward_flat"], cap) if is_full else proportional

    def split(self, account: Account, equity: Fr) -> dict[int, Fr]:
        """Where an absorbed account's equity goes."""
        parts: dict[int, Fr] = {}
        pnls = {
            m.id: p.size * m.mark - p.notional for m in self.markets if (p := account.positions.get(m.id))
        }
        maintenance = {
            m.id: m.maintenance(abs(account.size(m.id)) * m.mark)[0]
            for m in self.markets
            if account.size(m.id)
        }
        left, weights = equity, maintenance
        if equity > 0:
            for m in self.markets:
                profit = account.ripening(m.id) + max(pnls.get(m.id, Fr(0)), Fr(0))
                parts[m.id] = min(profit, m.outstanding, left)
                left -= parts[m.id]
        else:
            losses = {m: -pnl for m, pnl in pnls.items() if pnl < 0}
            weights = losses or maintenance
        if not weights:
            return {0: equity}
        total = sum(weights.values())
        if not total:
            # in settled markets alone: the last one has it
            weights, total = {max({*maintenance, *account.rests}): Fr(1)}, Fr(1)
        for m, weight in weights.items():
            parts[m] = parts.get(m, Fr(0)) + left * weight / total
        return parts

    def auction_price(self, m: Market, change: Fr) -> Fr:
        """Mark less the discount, which grows with the auction's time and comes out of the cushion only."""
        length = m.liquidation["auction_seconds"]
        elapsed = min(self.now - m.auction_start, length)
        rate = Fr(m.liquidation["auction_slippage"], WAD) * elapsed / length
        discount = min(abs(change) * m.mark * rate, max(m.equity, Fr(0)))
        return m.mark - discount / change

    def buy_inventory(self, market: int, buyer: int, max_size: int) -> Fr:
        """The price."""
        m = self.markets[market]
        with self.all_or_nothing():
            self.require(not m.is_settled, "settled")
            self.require(m.is_fresh(self.now), "stale mark")
            self.settle_all(buyer)
            self.require(m.size != 0, "no inventory")
            change = min(abs(m.size), Fr(max_size)) * (1 if m.size > 0 else -1)
            price = self.auction_price(m, change)
            m.size -= change
            m.notional -= change * price
            self.sync(m, RECOVERED, 0)
            self.take_surplus(m)
            self.trade(buyer, m, change, change * price)
            self.require_opening_allowed(buyer, m)
            self.require_minimum_received(buyer, m, m.size)
            return price

    # --- the last tiers -------------------------------------------------------------------------------------

    def require_last_tiers(self, m: Market) -> None:
        """There is a deficit, and the fund can pay nothing of it or is to be spared."""
        self.require(m.is_fresh(self.now), "stale mark")
        self.sync(m, RECOVERED, 0)
        self.require(self.decide(m.outstanding - m.dust, self.money_tolerance), "no deficit")
        self.require(self.mode >= MODE_ADL or not self.can_pay(m.id), "fund can pay")

    def bankruptcy_price(self, m: Market) -> Fr:
        band = m.mark * m.liquidation["deleverage_band"] / WAD
        price = (m.notional - m.cash) / m.size
        if m.size > 0:
            return min(max(price, Fr(0)), m.mark + band)
        return max(price, m.mark - band, Fr(1, 10**6))

    def deleverage(self, market: int) -> Fr:
        """Who may be deleveraged, and at what price: P*."""
        m = self.markets[market]
        with self.all_or_nothing():
            self.require_last_tiers(m)
            self.require(not m.is_dust(), "no inventory")
            return self.bankruptcy_price(m)

    def require_close_at_mark(self, market: int) -> None:
        m = self.markets[market]
        with self.all_or_nothing():
            self.require(m.is_fresh(self.now), "stale mark")
            self.sync(m, RECOVERED, 0)
            self.require(self.decide(m.dust - m.outstanding, self.money_tolerance), "deficit first")
            self.require(not m.is_dust(), "no inventory")
            is_recent = m.last_loss_time >= m.since
            if is_recent and m.last_sure_loss_time < m.since:
                self.undecided += 1
                is_recent = self.was_accepted
            self.require(is_recent, "no claim since empty")

    def is_in_profit(self, p: Position, price: Fr) -> bool:
        """Wholly, by the bounds of its tick as rounds have moved them. A round rounds the kernel's edge
        against the members: where the edge is the price, the kernel's word counts."""
        if p.was_reached is not None and abs(p.edge - price) <= price * Fr(1, 10**15):
            self.undecided += 1
            return p.was_reached
        return p.edge <= price if p.size > 0 else p.edge >= price

    def queue(self, m: Market, price: Fr) -> list[list[int]]:
        """Members opposite the inventory that are in profit at `price` and at mark, best rank first, in
        groups that are closed together: one class, tick and generation."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        for a, account in self.accounts.items():
            p = account.positions.get(m.id)
            if p is None or p.size * m.size >= 0:
                continue
            if self.is_in_profit(p, price) and self.is_in_profit(p, m.mark):
                entry = tick_low(p.tick, m.tick_bits)
                rank = abs(m.mark / entry - 1) / m.margin["class_rates"][p.leverage_class]
                key = -rank, p.leverage_class, p.tick, p.generation
                groups.setdefault(key, []).append(a)
        return [groups[key] for key in sorted(groups)]

    def close_by_rank(self, market: int, price: Fr, tier: int, limit: Fr | None = None) -> Fr:
        """Close inventory at `price` against the queue, at most `limit` base; what was closed."""
        m = self.markets[market]
        self.sync(m, RECOVERED, 0)
        sign = 1 if m.size > 0 else -1
        left = abs(m.size) if limit is None else limit
        closed = Fr(0)
        for group in self.queue(m, price):
            if left <= 0 or abs(m.size) - closed <= self.size_tolerance:
                break
            positions = [self.accounts[a].positions[m.id] for a in group]
            total = sum((abs(p.size) for p in positions), Fr(0))
            share = min(left / total, Fr(1))
            # rounding may leave up to a few units of what was meant to be closed completely
            if total - left <= self.size_tolerance or positions[0].kept * (1 - share) < FLOOR:
                share = Fr(1)
            for a, p in zip(group, positions, strict=True):
                pots = self.accounts[a].pots
                pots[m.id] = pots.get(m.id, Fr(0)) + share * (p.size * price - p.notional)
                p.size *= 1 - share
                p.notional *= 1 - share
                p.kept *= 1 - share
                p.is_sealed = True
            left -= share * total
            closed += share * total
        m.size -= sign * closed
        m.notional -= sign * closed * price
        self.sync(m, tier, 0)
        self.take_surplus(m)
        return closed

    def members_in_profit(self, m: Market) -> list[Position]:
        positions = [a.positions[m.id] for a in self.accounts.values() if m.id in a.positions]
        return [p for p in positions if p.size and self.is_in_profit(p, m.mark)]

    def reachable(self, market: int) -> Fr:
        """All profit of the market that a round can charge: open, ADL's not touched, maturing."""
        m = self.markets[market]
        total = sum((p.size * m.mark - p.notional for p in self.members_in_profit(m)), Fr(0))
        for account in self.accounts.values():
            total += account.pots.get(market, Fr(0)) + account.ripening(market)
        return total

    def look_for_round(self, market: int) -> tuple[Fr, Fr]:
        """Deficit and reachable profit, where the last tiers may act at all."""
        m = self.markets[market]
        with self.all_or_nothing():
            self.require_last_tiers(m)
            return m.outstanding, self.reachable(market)

    def require_round(self, market: int, is_one_call: bool) -> tuple[Fr, Fr]:
        """Deficit and reachable profit, if a round may be charged; one of several calls only when due."""
        m = self.markets[market]
        with self.all_or_nothing():
            deficit, reachable = self.look_for_round(market)
            spaced = self.now - m.round_time >= ROUND_SPACING
            band = 101 * self.money_tolerance
            is_grave = self.decide(deficit * 100 - reachable, band) and (is_one_call or self.was_accepted)
            self.require(spaced or is_grave, "round too soon")
            self.require(self.decide(reachable - 1, self.money_tolerance), "nothing reachable")
            return deficit, reachable

    def charge_round(self, market: int, share: Fr) -> Fr:
        """Take a share of every profit: open entries move towards the mark. What was taken."""
        m = self.markets[market]
        taken = Fr(0)
        for p in self.members_in_profit(m):
            part = share * (p.size * m.mark - p.notional)
            taken += part
            p.notional += part
            p.edge += share * (m.mark - p.edge)
            p.is_sealed = True
        for batch in (m.batch, m.batch - 1):
            is_used = any(a.maturing.get(market, {}).get(batch) for a in self.accounts.values())
            m.kept[batch] = m.kept.get(batch, Fr(1)) * (1 - share if is_used else 1)
        for account in self.accounts.values():
            if market in account.pots:
                taken += account.pots[market] * share
                account.pots[market] *= 1 - share
            batches = account.maturing.get(market, {})
            for batch in batches:
                left = batches[batch] * (1 - share) if m.kept[batch] >= FLOOR else Fr(0)
                taken += batches[batch] - left
                batches[batch] = left
        for batch in (m.batch, m.batch - 1):
            if m.kept[batch] < FLOOR:
                m.kept[batch] = Fr(1)
        m.rounds += 1
        m.round_time = self.now
        m.cash += taken
        self.sync(m, SOCIALISED, 0)
        self.take_surplus(m)
        return taken

    # --- what no profit pays --------------------------------------------------------------------------------

    def sides(self, m: Market, claims: list[dict[Any, int]]) -> tuple[Fr, Fr]:
        """
        What longs and shorts have to pay for the claims given (the kernel's records, oldest first), quote:
        for each claim those opposite, both for a loss of no side; up to the window's limit, and nothing after
        the first claim that is not paid whole.
        """
        longs = self.longs(m) - max(m.size, Fr(0))
        shorts = self.longs(m) - max(-m.size, Fr(0))
        long_room, short_room = self.rooms(m)
        left, asked = [long_room * longs, short_room * shorts], [Fr(0), Fr(0)]
        for claim in claims:
            owed = claim["outstanding"]
            parts = {LONG: [Fr(0), Fr(1)], SHORT: [Fr(1), Fr(0)]}.get(claim["loss_side"])
            if parts is None:
                both = longs + shorts
                parts = [longs / both, shorts / both] if both else [Fr(0), Fr(0)]
            if not any(parts):
                break
            rooms = (at_most / share for at_most, share in zip(left, parts, strict=True) if share)
            part = min(Fr(owed), *rooms)
            for n in (0, 1):
                asked[n] += part * parts[n]
                left[n] -= part * parts[n]
            if owed - part > self.money_tolerance + self.size_tolerance * m.mark:
                break
        return asked[0], asked[1]

    def rooms(self, m: Market) -> tuple[Fr, Fr]:
        """What the window leaves of half the lowest maintenance rate of mark, quote per base."""
        start, longs, shorts = m.window
        if self.now - start >= self.batch_seconds:
            m.window = start, longs, shorts = self.now, Fr(0), Fr(0)
        limit = m.mark * m.margin["line_rates"][0] / WAD / 2
        return max(limit - longs, Fr(0)), max(limit - shorts, Fr(0))

    def charge_side(self, m: Market, long_charge: Fr, short_charge: Fr) -> Fr:
        """Everybody but the inventory pays for each base he has; what is collected."""
        start, longs, shorts = m.window
        m.window = start, longs + long_charge, shorts + short_charge
        collected = Fr(0)
        for account in self.accounts.values():
            size = account.size(m.id)
            paid = size * long_charge if size > 0 else -size * short_charge
            account.cash -= paid
            collected += paid
        m.cash += collected
        self.sync(m, SIDE, 0)
        return collected

    def require_side_charge(self, market: int) -> None:
        """There is a deficit, and no profit that could pay it."""
        m = self.markets[market]
        self.require_last_tiers(m)
        self.require(self.decide(m.dust - self.reachable(market), self.money_tolerance), "profit first")

    def require_write_off(self, market: int, old: int) -> None:
        """`old`: what claims of a day ago and before lack, by the kernel's records."""
        m = self.markets[market]
        self.require(m.is_fresh(self.now), "stale mark")
        self.sync_and_pay(m)
        self.require_last_tiers(m)
        self.require(self.decide(Fr(old) - m.dust, 2), "claims too young")

    def write_off(self, market: int) -> Fr:
        """What is left is uncovered, and the bankruptcy account has it in cash."""
        m = self.markets[market]
        amount = m.outstanding
        m.cash += amount
        self.uncovered += amount
        self.sync(m, RECOVERY, 0)
        return amount
