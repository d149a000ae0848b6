"""Random histories of a pool against a model in fractions, and rebuilt from its events alone"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests import support
from tests.unit.community_pool.desk import LAPSE_FEE, PARAMETERS, VESTING, VIRTUAL, WAD

ENTRY_DELAY, COOLDOWN, WINDOW, PAYOUT_DELAY = PARAMETERS[:4]
NAMES = ("alice", "bob", "carol")
FEE = Fraction(LAPSE_FEE, WAD)


@dataclass
class Stake:
    """One staker, by worth, without rounding, shares or units."""

    entry: int = 0
    due_at: int = 0
    active: Fraction = Fraction(0)
    exit: Fraction = Fraction(0)
    # requested, executed; times as in the pool
    is_leaving: bool = False
    cooldown_end: int = 0
    window_end: int = 0
    payable_at: int = 0


class Model:
    """
    Every staker's worth in fractions. Inflows vest evenly to the active worths, losses take the
    unvested first and then the same part of everybody's. Nobody is a virtual share.
    """

    def __init__(self) -> None:
        self.stakes = {name: Stake() for name in NAMES}
        self.unvested = Fraction(0)
        self.vest_end = self.vested_at = 0

    @property
    def active(self) -> Fraction:
        return sum((stake.active for stake in self.stakes.values()), Fraction(0))

    @property
    def exits(self) -> Fraction:
        return sum((stake.exit for stake in self.stakes.values()), Fraction(0))

    def accrue(self, now: int, has_shares: bool) -> None:
        if self.unvested and not has_shares:
            self.vest_end += now - self.vested_at
        elif self.unvested:
            part = Fraction(1)
            if now < self.vest_end:
                part = Fraction(now - self.vested_at, self.vest_end - self.vested_at)
            vested = self.unvested * part
            active = self.active
            for stake in self.stakes.values():
                stake.active += vested * stake.active / active if active else 0
            self.unvested -= vested
        self.vested_at = now

    def add_unvested(self, now: int, amount: Fraction) -> None:
        if not amount:
            return
        left = max(0, self.vest_end - now)
        total = self.unvested + amount
        self.vest_end = now + -(-(self.unvested * left + amount * VESTING) // total)
        self.unvested = total

    def lose(self, amount: int) -> None:
        first = min(self.unvested, amount)
        self.unvested -= first
        exposed = self.active + self.exits
        part = min(Fraction(1), (amount - first) / exposed) if exposed else Fraction(0)
        for stake in self.stakes.values():
            stake.active *= 1 - part
            stake.exit *= 1 - part


class Replay:
    """The whole pool from its events alone."""

    def __init__(self) -> None:
        self.balances: dict[str, int] = {}
        # Of older generations: worthless, and removed when their holder next takes part in anything.
        self.old: dict[str, int] = {}
        self.generation = self.exit_generation = 0
        self.pending: dict[str, tuple[int, int]] = {}
        self.exits: dict[str, list[int]] = {}
        self.books = dict.fromkeys(
            ("pending_assets", "active_assets", "unvested", "vest_end", "exit_assets", "exit_units"), 0
        )
        self.inflow = self.drawn = 0

    def apply(self, event: Any, pool: str) -> None:
        if event.address != pool:
            return
        for name in self.books:
            if name in event._fields and type(event).__name__ not in ("GenerationEnded", "Transfer"):
                self.books[name] = getattr(event, name)
        handler = getattr(self, f"on_{type(event).__name__}", None)
        if handler is not None:
            handler(event)

    def on_Transfer(self, event: Any) -> None:
        if event.sender in self.old:
            assert (event.value, int(event.receiver, 16)) == (self.old.pop(event.sender), 0)
            return
        for account, change in ((event.sender, -event.value), (event.receiver, event.value)):
            if int(account, 16):
                assert account not in self.old
                self.balances[account] = self.balances.get(account, 0) + change
                assert self.balances[account] >= 0

    def on_GenerationEnded(self, event: Any) -> None:
        """What everyone held is worthless; the transfers that remove it come later."""
        assert (event.generation, event.shares) == (self.generation, sum(self.balances.values()))
        self.generation += 1
        self.old |= {account: shares for account, shares in self.balances.items() if shares}
        self.balances = {}
        self.books["active_assets"] = 0

    def on_ExitGenerationEnded(self, event: Any) -> None:
        assert event.generation == self.exit_generation
        self.exit_generation += 1
        self.exits.clear()
        self.books["exit_assets"] = self.books["exit_units"] = 0

    def on_DepositRequested(self, event: Any) -> None:
        self.pending[event.owner] = (event.pending, event.due_at)

    def on_DepositCancelled(self, event: Any) -> None:
        del self.pending[event.owner]

    def on_DepositActivated(self, event: Any) -> None:
        self.pending[event.owner] = (event.pending, self.pending[event.owner][1])
        if not event.pending:
            del self.pending[event.owner]

    def on_ExitRequested(self, event: Any) -> None:
        self.exits[event.owner] = [
            event.units,
            event.shares,
            self.exit_generation,
            event.cooldown_end,
            event.window_end,
            0,
        ]

    def on_ExitExtended(self, event: Any) -> None:
        self.exits[event.owner][4] = event.window_end

    def on_ExitExecuted(self, event: Any) -> None:
        self.exits[event.owner][5] = event.payable_at

    def on_ExitCancelled(self, event: Any) -> None:
        del self.exits[event.owner]

    def on_ExitPaid(self, event: Any) -> None:
        own = self.exits[event.owner]
        own[0] -= event.units
        own[1] -= event.shares
        if own[1] == 0:
            del self.exits[event.owner]

    def on_LossTaken(self, event: Any) -> None:
        self.drawn += event.from_unvested + event.from_active + event.from_exits

    def on_InflowReceived(self, event: Any) -> None:
        self.inflow += event.amount
        assert event.total == self.inflow


amounts = st.one_of(st.integers(1, 10), st.integers(1, 10**6), st.integers(1, 10**12))
parts = st.one_of(st.just(WAD), st.integers(1, WAD))
names = st.sampled_from(NAMES)
gaps = st.one_of(
    st.sampled_from([0, 1, ENTRY_DELAY - 1, ENTRY_DELAY, COOLDOWN, COOLDOWN + WINDOW, PAYOUT_DELAY, VESTING]),
    st.integers(0, 20 * 86_400),
)


class PoolMachine(RuleBasedStateMachine):
    """
    The model has no rounding: what a staker may have more or less than it says is bounded by the roundings
    there have been, each of at most the worth of a share unit and a few token units.
    """

    @initialize(decimals=st.sampled_from([6, 8, 18]), stakes=st.tuples(*[st.integers(10**6, 10**12)] * 3))
    def deploy(self, decimals: int, stakes: tuple[int, int, int]) -> None:
        self.token = support.deploy("mocks/MockERC20.vy", decimals)
        self.fund = support.deploy("mocks/MockPoolFund.vy")
        self.pool = support.deploy("CommunityPool.vy", self.token, self.fund, PARAMETERS)
        self.accounts = {name: support.actor(name) for name in NAMES}
        for account in self.accounts.values():
            self.token.mint(account, 10**40)
            self.token.approve(self.pool, 2**256 - 1, sender=account)
        self.model, self.replay = Model(), Replay()
        self.stray = 0
        self.is_calm, self.has_claims = True, False
        # Roundings so far, in token units: what the pool may differ from the model by.
        self.slack = 1
        for name, amount in zip(NAMES, stakes, strict=True):
            self.request_deposit(name, amount)
        support.wait(ENTRY_DELAY)
        for name in NAMES:
            self.activate_deposit(name)

    # -- helpers

    def now(self) -> int:
        return boa.env.timestamp

    def act(self, sender: Any, function: Any, *arguments: Any) -> Any:
        answer = function(*arguments, sender=getattr(sender, "address", sender))
        for event in self.pool.get_logs():
            self.replay.apply(event, self.pool.address)
        return answer

    def has_shares(self) -> bool:
        return self.pool.totalSupply() != 0

    def accrue(self) -> None:
        self.model.accrue(self.now(), self.has_shares())

    def rounded(self) -> None:
        """A price was used: a unit of it may be lost on either side."""
        books = self.pool.books()
        unit = books.active_assets // (self.pool.totalSupply() + VIRTUAL)
        self.slack += 3 + unit

    # -- rules

    @rule(name=names, amount=amounts)
    def request_deposit(self, name: str, amount: int) -> None:
        self.act(self.accounts[name], self.pool.request_deposit, amount)
        stake = self.model.stakes[name]
        stake.entry += amount
        stake.due_at = self.now() + ENTRY_DELAY

    @rule(name=names)
    def cancel_deposit(self, name: str) -> None:
        stake = self.model.stakes[name]
        if not stake.entry:
            with boa.reverts("pool: no entry"):
                self.pool.cancel_deposit(self.accounts[name], sender=self.accounts[name])
            return
        held = self.token.balanceOf(self.accounts[name])
        paid = self.act(self.accounts[name], self.pool.cancel_deposit, self.accounts[name])
        assert paid == stake.entry == self.token.balanceOf(self.accounts[name]) - held
        stake.entry = 0

    @rule(name=names)
    def activate_deposit(self, name: str) -> None:
        stake = self.model.stakes[name]
        if not stake.entry or self.now() < stake.due_at or self.has_claims:
            message = "pool: no entry"
            if stake.entry:
                message = "pool: not due" if self.now() < stake.due_at else "pool: claims open"
            with boa.reverts(message):
                self.pool.activate_deposit(self.accounts[name])
            return
        if self.pool.convertToShares(stake.entry) == 0:
            return
        self.accrue()
        before = self.pool.totalAssets(), self.pool.totalSupply()
        shares = self.act(self.accounts["bob"], self.pool.activate_deposit, self.accounts[name])
        assert shares == stake.entry * (before[1] + VIRTUAL) // (before[0] + 1)
        stake.active += stake.entry
        stake.entry = 0
        self.rounded()

    @rule(name=names, part=parts)
    def request_exit(self, name: str, part: int) -> None:
        stake, account = self.model.stakes[name], self.accounts[name]
        shares = self.pool.balanceOf(account) * part // WAD
        if stake.is_leaving or self.pool.convertToAssets(shares) == 0:
            return
        balance = self.pool.balanceOf(account)
        self.accrue()
        # what the virtual shares own of the worth stays behind: in a pool of next to nothing more than a unit
        self.slack += self.virtual_part()
        self.act(account, self.pool.request_exit, shares)
        moved = stake.active * Fraction(shares, balance)
        stake.active -= moved
        stake.exit = moved
        stake.is_leaving = True
        stake.cooldown_end = self.now() + COOLDOWN
        stake.window_end = stake.cooldown_end + WINDOW
        stake.payable_at = 0
        self.rounded()

    @rule(name=names)
    def execute_exit(self, name: str) -> None:
        stake, account = self.model.stakes[name], self.accounts[name]
        message = None
        if not self.is_calm:
            message = "pool: not calm"
        elif not stake.is_leaving:
            message = "pool: no exit"
        elif stake.payable_at:
            message = "pool: exit executed"
        elif self.now() < stake.cooldown_end:
            message = "pool: cooling down"
        elif self.now() >= stake.window_end:
            message = "pool: window over"
        if message:
            with boa.reverts(message):
                self.pool.execute_exit(sender=account)
            return
        self.act(account, self.pool.execute_exit)
        stake.payable_at = self.now() + PAYOUT_DELAY

    @rule(name=names)
    def extend_exit(self, name: str) -> None:
        stake = self.model.stakes[name]
        in_window = stake.is_leaving and stake.cooldown_end <= self.now() < stake.window_end
        if self.is_calm or stake.payable_at or not in_window:
            return
        self.act(self.accounts["bob"], self.pool.extend_exit, self.accounts[name])
        stake.window_end = self.now() + WINDOW

    @rule(name=names, part=parts)
    def leave(self, name: str, part: int) -> None:
        """The way out up to the execution, so that histories have payouts."""
        self.request_exit(name, part)
        support.wait(COOLDOWN)
        self.execute_exit(name)
        support.wait(PAYOUT_DELAY)

    @rule(name=names, is_owner=st.booleans())
    def cancel_exit(self, name: str, is_owner: bool) -> None:
        stake, account = self.model.stakes[name], self.accounts[name]
        if not stake.is_leaving or stake.payable_at:
            return
        sender = account if is_owner else support.actor("stranger")
        if not is_owner and self.now() < stake.window_end:
            with boa.reverts("pool: not lapsed"):
                self.pool.cancel_exit(account, sender=sender)
            return
        self.accrue()
        self.act(sender, self.pool.cancel_exit, account)
        stake.active += stake.exit * (1 - FEE)
        self.model.add_unvested(self.now(), stake.exit * FEE)
        stake.exit = Fraction(0)
        stake.is_leaving = False
        self.slack += 2
        self.rounded()

    @rule(name=names, part=parts, way=st.sampled_from(["pay", "redeem", "withdraw"]))
    def pay_exit(self, name: str, part: int, way: str) -> None:
        stake, account, pool = self.model.stakes[name], self.accounts[name], self.pool
        if not stake.payable_at or self.now() < stake.payable_at:
            assert pool.maxRedeem(account) == pool.maxWithdraw(account) == 0
            return
        if not self.is_calm:
            with boa.reverts("pool: not calm"):
                pool.pay_exit(account)
            return
        worth, shares, held = (
            pool.maxWithdraw(account),
            pool.maxRedeem(account),
            self.token.balanceOf(account),
        )
        assert abs(worth - stake.exit) <= self.slack
        if way == "pay":
            self.act(support.actor("stranger"), pool.pay_exit, account)
        elif way == "redeem":
            self.act(account, pool.redeem, shares * part // WAD, account, account)
        else:
            self.act(account, pool.withdraw, worth * part // WAD, account, account)
        paid = self.token.balanceOf(account) - held
        assert paid <= worth
        stake.exit = max(Fraction(0), stake.exit - paid)
        if pool.exit_of(account).shares == 0:
            assert way != "pay" or paid == worth
            stake.is_leaving = False
            stake.payable_at = 0
            # What the roundings left of it is the others', or nobody's.
            self.slack += int(stake.exit) + 1
            stake.exit = Fraction(0)
        self.rounded()

    @rule(amount=amounts)
    def receive_inflow(self, amount: int) -> None:
        self.accrue()
        self.token.mint(self.pool, amount)
        self.act(self.fund, self.pool.receive_inflow, amount)
        self.model.add_unvested(self.now(), Fraction(amount))
        self.slack += 1

    @rule(amount=amounts)
    def draw(self, amount: int) -> None:
        self.lose(amount)

    @rule(part=st.integers(WAD // 2, WAD))
    def draw_most(self, part: int) -> None:
        self.lose(self.pool.exposed_assets() * part // WAD)

    @rule(is_time=st.sampled_from([True, False, False, False]))
    def draw_everything(self, is_time: bool) -> None:
        if not is_time:
            return
        self.lose(2**256 - 1)
        assert self.pool.totalAssets() == self.pool.exposed_assets() == 0

    def lose(self, amount: int) -> None:
        self.accrue()
        exposed, held = self.pool.exposed_assets(), self.token.balanceOf(self.fund)
        generation, exit_generation = self.pool.generation(), self.pool.books().exit_generation
        paid = self.act(self.fund, self.pool.draw, amount)
        assert paid == min(amount, exposed) == self.token.balanceOf(self.fund) - held
        self.model.lose(paid)
        self.slack += 2
        left = Fraction(0)
        if self.pool.generation() != generation:
            left += self.model.active
            for stake in self.model.stakes.values():
                stake.active = Fraction(0)
        if self.pool.books().exit_generation != exit_generation:
            left += self.model.exits
            for stake in self.model.stakes.values():
                stake.exit, stake.is_leaving, stake.payable_at = Fraction(0), False, 0
        self.slack += int(left) + 1

    @rule(amount=amounts)
    def donate(self, amount: int) -> None:
        self.token.mint(self.pool, amount)
        self.stray += amount

    @rule()
    def sweep_stray(self) -> None:
        assert self.act(self.accounts["bob"], self.pool.sweep_stray) == self.stray
        self.stray = 0

    @rule(sender=names, receiver=names, part=parts)
    def transfer(self, sender: str, receiver: str, part: int) -> None:
        account, balance = self.accounts[sender], self.pool.balanceOf(self.accounts[sender])
        shares = balance * part // WAD
        if not balance:
            return
        self.accrue()
        self.act(account, self.pool.transfer, self.accounts[receiver], shares)
        moved = self.model.stakes[sender].active * Fraction(shares, balance)
        self.model.stakes[sender].active -= moved
        self.model.stakes[receiver].active += moved
        self.slack += 1

    @rule(
        is_calm=st.sampled_from([True, True, True, False]), has_claims=st.sampled_from([False, False, True])
    )
    def set_calm(self, is_calm: bool, has_claims: bool) -> None:
        """Claims let nobody in or out, another mode nobody out."""
        self.fund.set_calm(is_calm)
        self.fund.set_claims(has_claims)
        self.has_claims = has_claims
        self.is_calm = is_calm and not has_claims

    @rule(gap=gaps)
    def wait(self, gap: int) -> None:
        support.wait(gap)

    # -- invariants

    @invariant()
    def tokens_are_the_books_and_what_was_donated(self) -> None:
        books = self.pool.books()
        exposed = books.active_assets + books.unvested + books.exit_assets
        assert self.pool.exposed_assets() == exposed
        assert self.token.balanceOf(self.pool) == exposed + books.pending_assets + self.stray

    @invariant()
    def entries_are_exact(self) -> None:
        for name, stake in self.model.stakes.items():
            assert self.pool.entry_of(self.accounts[name]).assets == stake.entry
        assert self.pool.books().pending_assets == sum(s.entry for s in self.model.stakes.values())

    @invariant()
    def nobody_has_more_or_less_than_the_model_says(self) -> None:
        self.accrue()
        for name, stake in self.model.stakes.items():
            account = self.accounts[name]
            active = self.pool.convertToAssets(self.pool.balanceOf(account))
            bound = self.slack + self.virtual_part()
            assert abs(active - stake.active) <= bound, name
            assert abs(self.pool.exit_worth(account) - stake.exit) <= self.slack, name

    def virtual_part(self) -> int:
        """What the virtual shares are worth: more than a unit only in a pool of next to nothing."""
        books, supply = self.pool.books(), self.pool.totalSupply()
        return books.active_assets * VIRTUAL // (supply + VIRTUAL) + 1

    @invariant()
    def claims_are_covered(self) -> None:
        books, accounts = self.pool.books(), self.accounts.values()
        assert sum(map(self.pool.balanceOf, accounts)) == self.pool.totalSupply()
        worths = [self.pool.convertToAssets(self.pool.balanceOf(account)) for account in accounts]
        assert sum(worths) <= books.active_assets
        assert sum(map(self.pool.exit_worth, accounts)) <= books.exit_assets

    @invariant()
    def i12_events_rebuild_the_pool(self) -> None:
        replay, pool = self.replay, self.pool
        assert replay.generation == pool.generation()
        assert replay.inflow == pool.total_inflow()
        assert replay.drawn == pool.total_drawn()
        for account in self.accounts.values():
            entry = replay.pending.get(account)
            assert pool.entry_of(account) == (entry or (0, 0))
            assert pool.exit_of(account) == tuple(replay.exits.get(account, [0] * 6))
            assert pool.balanceOf(account) == replay.balances.get(account, 0)
        assert pool.totalSupply() == sum(replay.balances.values())
        books, rebuilt = pool.books(), replay.books
        for name in ("pending_assets", "exit_assets", "exit_units"):
            assert getattr(books, name) == rebuilt[name], name
        # What has vested since the last event is known by its time.
        assert books.active_assets + books.unvested == rebuilt["active_assets"] + rebuilt["unvested"]
        assert books.active_assets >= rebuilt["active_assets"]


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
