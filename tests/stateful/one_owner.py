"""One owner of many accounts against the venue: what a call may bring him, and histories in which he tries.

He holds several addresses, so no check for one owner sees them, with sub-accounts each, and is builder,
keeper and relayer of all he sends. His *worth* is what his wallets hold and, of each account, its equity at
mark if that is above zero: nobody pays what an account lacks. (Cash, maturing profit, pots and open profit;
closing everything at mark and waiting brings it into the wallets, as `close_out` does.)

After every call his worth may exceed what it was by no more than (`Judge`):

  marks       on each account size x change of mark, less size x change of its side's funding index. What
              falls below zero is not his loss; these parts add up to `option`, deficits for the waterfall
  fills       what a signed order of somebody else gives away by its own limit against mark, (P - p) x size as
              a buyer; its builder's rate if he is the builder; less the market's fee on each of his own sides
  take-over   of others: what is not the fund's of kappa x notional; of himself: less the fund's share of it
  close       against orders: the same; the keeper's reward is out of it
  absorption  of others: the reward by the market's terms, at most half of what is left; from below zero the
              proportional part, at most the liquidation fees the vault has; of himself: less his whole equity
  inventory   the auction's discount, at most the inventory's equity
  the rest    nothing

Each is computed from the books before the call, the terms of the markets and the orders as signed, in exact
fractions; of the events it takes only whom, how much and (for a mark) where to. Whatever the kernel rounds it
rounds against him, so the allowance for rounding is nothing but what `slack` names.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction as Fr
from typing import Any

from tests.kernel import WAD, liquidation_config, margin_config
from tests.stateful.chain import Chain, Outcome
from tests.stateful.ledger import LIQUIDATION_TERMS, MARGIN_TERMS, Divergence
from tests.stateful.venue import MAKER_RATE, MAX_FEE_RATE, TAKER_RATE, Books, Event, Venue, events
from tests.support import actor
from tests.unit.exchange.orders import FOK, GTC, IOC, POST_ONLY, Order

SYBILS = ("sybil0", "sybil1", "sybil2")
SUBS = 2
TRADERS = ("trader0", "trader1", "trader2")
UNLIMITED = 2**111 - 1
MAX_FUNDING_RATE = Fr(4, 100) / 86_400
# What one share of maturing profit is worth at most, wei.
MATURING_STEP = 10**9
# Base by which the sum of a market's signed sizes may lie below zero, wei: a few for each settlement.
MOST_ROUNDED = 10_000


def side_index(indices: tuple[int, int], size: int) -> int:
    return indices[0] if size > 0 else indices[1]


@dataclass
class Allowed:
    """What one call may make of the attacker's worth."""

    base: Fr  # his worth before, at the marks of now
    terms: dict[str, Fr] = field(default_factory=dict)

    def add(self, kind: str, amount: Fr | int) -> None:
        self.terms[kind] = self.terms.get(kind, Fr(0)) + amount

    @property
    def most(self) -> Fr:
        return self.base + sum(self.terms.values(), Fr(0))


class Judge:
    """Knows the terms, the orders as signed, and whose accounts are the attacker's."""

    def __init__(self, venue: Venue, mine: list[int]) -> None:
        self.venue, self.mine = venue, mine
        self.orders: dict[int, Order] = {}
        self.filled: Counter[int] = Counter()
        # over a history, in quote: by kind what was stated; his exposure's result; deficits of his accounts
        self.stated: dict[str, Fr] = {}
        self.exposure, self.option, self.largest_deficit = Fr(0), Fr(0), Fr(0)
        self.broken, self.slack_so_far = 0, Fr(0)
        # what rounding may have given inventories, in quote: an auction may give it away
        self.given = Fr(0)
        self.charged: set[int] = set()  # markets where a round has charged maturing profit

    def equity(self, books: Books, a: int) -> Fr:
        """Of an account, with the part of a wei that the vault does not show of each position at mark."""
        hidden = sum(books.positions[a, m]["size"] * mark % WAD for m, mark in enumerate(books.marks))
        return books.accounts[a]["equity"] + Fr(hidden, WAD)

    def worth(self, books: Books) -> Fr:
        """The attacker's, quote."""
        held = sum(books.wallets[owner] for owner in SYBILS)
        return held + sum((max(self.equity(books, a), Fr(0)) for a in self.mine), Fr(0))

    # --- one call -------------------------------------------------------------------------------------------

    def i8_no_more_than_stated(self, before: Books, after: Books, logs: list[Event]) -> None:
        self.charged |= {e.market for e in logs if e.name == "RoundCharged"}
        allowed = self.allowed(before, logs)
        gained, slack = self.worth(after) - allowed.most, self.slack(before, logs)
        self.slack_so_far += slack
        if gained > slack:
            terms = {kind: float(amount) / WAD for kind, amount in allowed.terms.items()}
            raise Divergence(
                f"I8: {float(gained) / WAD:g} quote ({float(gained):g} wei) more than allowed; worth "
                f"{float(self.worth(before)) / WAD} -> {float(self.worth(after)) / WAD}, stated {terms}"
            )
        for kind, amount in allowed.terms.items():
            self.stated[kind] = self.stated.get(kind, Fr(0)) + amount

    def given_by_rounding(self, e: Event) -> Fr:
        """
        A payment of the fund is rounded up to a token unit; of ADL the price by a wei, and what each
        generation hands over by one of base and some of quote.
        """
        if e.name == "FundPaid":
            return Fr(self.venue.scale)
        if e.name == "Deleveraged":
            return Fr(e.size, WAD) + e.cohorts * (Fr(e.price, WAD) + 4)
        return Fr(0)

    def slack(self, before: Books, logs: list[Event]) -> Fr:
        """
        What reading rounds down, and a call may bring to light: a wei of funding of each position, and a step
        of each of two batches of maturing profit that rounds have charged.
        """
        return Fr(self.hidden_funding(before, logs) + self.hidden_steps(before))

    def hidden_funding(self, before: Books, logs: list[Event]) -> int:
        moved = {
            e.market
            for e in logs
            if e.name == "MarkUpdated" and (e.long_index, e.short_index) != before.indices[e.market]
        }
        return sum(before.positions[a, m]["size"] != 0 for a in self.mine for m in moved)

    def hidden_steps(self, books: Books) -> int:
        places = [(a, m) for a in self.mine for m in self.charged if books.positions[a, m]["maturing"]]
        return 2 * MATURING_STEP * len(places)

    def allowed(self, before: Books, logs: list[Event]) -> Allowed:
        marks, indices = list(before.marks), list(before.indices)
        equity = {a: self.equity(before, a) for a in before.accounts}
        first = dict(equity)
        is_renewed = False
        for e in logs:
            if e.name == "MarkUpdated":
                self.move(e, before, equity, marks, indices)
                is_renewed = is_renewed or e.mark != before.marks[e.market]
                is_renewed = is_renewed or (e.long_index, e.short_index) != before.indices[e.market]
            self.given += self.given_by_rounding(e)
        allowed = Allowed(Fr(sum(before.wallets[owner] for owner in SYBILS)))
        for a in self.mine:
            allowed.base += max(equity[a], Fr(0))
            self.exposure += equity[a] - first[a]
            self.broken += equity[a] < 0 <= first[a]
            deficit = max(-equity[a], Fr(0))
            self.option += deficit - max(-first[a], Fr(0))
            self.largest_deficit = max(self.largest_deficit, deficit)
        for e in logs:
            if e.name == "TakenOver":
                self.take_over(e, before, equity, marks, is_renewed, allowed)
            elif e.name == "ClosedWithOrders":
                self.close(e, before, equity, marks, is_renewed, allowed)
            elif e.name == "AccountAbsorbed":
                self.absorb(e, before, equity, marks, allowed)
            elif e.name == "InventorySold":
                self.sale(e, before, marks, is_renewed, allowed)
        self.fills(logs, marks, allowed)
        return allowed

    def move(
        self, e: Event, before: Books, equity: dict[int, Fr], marks: list[int], indices: list[tuple[int, int]]
    ) -> None:
        """A new mark, and the funding indices with it."""
        m, new = e.market, (e.long_index, e.short_index)
        self.check_funding(m, marks[m], indices[m], new, before)
        for a in equity:
            size = before.positions[a, m]["size"]
            funding = side_index(new, size) - side_index(indices[m], size)
            equity[a] += Fr(size * (e.mark - marks[m] - funding), WAD)
        marks[m], indices[m] = e.mark, new

    def check_funding(
        self, m: int, mark: int, old: tuple[int, int], new: tuple[int, int], before: Books
    ) -> None:
        """One side gets at most what the other pays less the fund's share, and by the highest rate."""
        longs, shorts = new[0] - old[0], new[1] - old[1]
        if longs * shorts < 0:
            raise Divergence(f"I8: both sides pay or both receive: {longs}, {shorts}")
        paid, received = max(abs(longs), abs(shorts)), min(abs(longs), abs(shorts))
        if received * WAD > paid * (WAD - self.venue.funding_share):
            raise Divergence(f"I8: funding received {received} of {paid} paid")
        if paid > mark * MAX_FUNDING_RATE * 3600 + 1:
            raise Divergence(f"I8: funding of {paid} a base")

    # --- who is resolved ------------------------------------------------------------------------------------

    def kappa(
        self, a: int, m: int, before: Books, equity: dict[int, Fr], marks: list[int], is_renewed: bool
    ) -> tuple[Fr, Fr]:
        """Least and most of what a take-over may cost the account, share of notional."""
        slope = Fr(self.venue.liquidation["cost_slope"], WAD)
        if is_renewed:
            return Fr(0), slope
        p, maintenance = before.positions[a, m], before.accounts[a]["maintenance"]
        health = equity[a] / maintenance
        worth = Fr(abs(p["size"]) * marks[m], WAD)
        exact = min(slope * (1 - health), health * p["maintenance"] / worth)
        # rates have 18 decimals, and the kernel stays ten of them below the second bound
        return max(exact - Fr(50, WAD), Fr(0)), exact + Fr(2, WAD)

    def take_over(
        self,
        e: Event,
        before: Books,
        equity: dict[int, Fr],
        marks: list[int],
        is_renewed: bool,
        allowed: Allowed,
    ) -> None:
        least, most = self.kappa(e.account, e.market, before, equity, marks, is_renewed)
        fund = Fr(self.venue.liquidation["fund_share"], WAD)
        worth = Fr(abs(e.size) * marks[e.market], WAD)
        if e.account in self.mine:
            allowed.add("own take-over", -fund * least * worth)
        elif e.liquidator in self.mine:
            allowed.add("take-over", (1 - fund) * most * worth)

    def close(
        self,
        e: Event,
        before: Books,
        equity: dict[int, Fr],
        marks: list[int],
        is_renewed: bool,
        allowed: Allowed,
    ) -> None:
        least, most = self.kappa(e.account, e.market, before, equity, marks, is_renewed)
        terms, worth = self.venue.liquidation, Fr(abs(e.size) * marks[e.market], WAD)
        fund = Fr(terms["fund_share"], WAD)
        if e.reward > self.reward(worth)[0]:
            raise Divergence(f"I8: a reward of {e.reward} for closing {float(worth)}")
        if e.reward and e.account >> 96 == e.keeper >> 96:
            raise Divergence(f"I8: {e.reward} for liquidating oneself")
        if e.account in self.mine:
            allowed.add("own order close", -fund * least * worth)
        else:
            allowed.add("order close", (1 - fund) * most * worth)

    def reward(self, worth: Fr) -> tuple[Fr, Fr]:
        """Most for resolving so much notional; and without the flat part."""
        terms = self.venue.liquidation
        rated = min(worth * terms["reward_rate"] / WAD, Fr(terms["reward_cap"]))
        return min(terms["reward_flat"] + rated, Fr(terms["reward_cap"])), rated

    def absorb(
        self, e: Event, before: Books, equity: dict[int, Fr], marks: list[int], allowed: Allowed
    ) -> None:
        left, full, small = equity[e.account], Fr(0), Fr(0)
        for m in range(self.venue.market_count):
            if size := before.positions[e.account, m]["size"]:
                most, rated = self.reward(Fr(abs(size) * marks[m] + WAD - 1, WAD))
                full, small = full + most, small + rated
        if e.account in self.mine:
            allowed.add("own absorption", -max(left, Fr(0)))
        if e.keeper in self.mine:
            reward = min(full, left / 2) if left > 0 else min(small, Fr(before.fees["liquidation"]))
            allowed.add("own absorption" if e.account in self.mine and left > 0 else "absorption", reward)

    def sale(self, e: Event, before: Books, marks: list[int], is_renewed: bool, allowed: Allowed) -> None:
        if e.buyer not in self.mine:
            return
        terms, i = self.venue.liquidation, before.inventories[e.market]
        elapsed = min(self.venue.chain.now - i["auction_start"], terms["auction_seconds"])
        rate = Fr(terms["auction_slippage"] * elapsed, WAD * terms["auction_seconds"])
        discount = rate * abs(e.size) * marks[e.market] / WAD
        if not is_renewed:
            discount = min(discount, Fr(max(i["equity"], 0)))
        allowed.add("auction", discount)

    # --- fills ----------------------------------------------------------------------------------------------

    def fills(self, logs: list[Event], marks: list[int], allowed: Allowed) -> None:
        liquidated = {e.account: e for e in logs if e.name == "ClosedWithOrders"}
        takers = {e.account: self.orders[e.order_hash] for e in logs if e.name == "TakerOrderFilled"}
        taken: Counter[int] = Counter()
        for e in logs:
            if e.name != "OrderFilled":
                continue
            order, mark = self.known(e), marks[e.market]
            quote = Fr(abs(e.size) * order.limit_price, WAD)
            taker, is_mine = e.counterparty, e.account in self.mine
            taken[taker] += abs(e.size) * order.limit_price
            if is_mine:
                allowed.add("fees", -quote * MAKER_RATE / WAD)
            elif taker in self.mine or taker in liquidated:
                allowed.add("orders", Fr(e.size * (order.limit_price - mark), WAD))
            self.builder(order, is_mine, quote, allowed)
            if taker in liquidated:
                continue
            if taker in self.mine:
                allowed.add("fees", -quote * TAKER_RATE / WAD)
            elif is_mine:
                # somebody else's taker: by his limit, he may do better
                allowed.add("orders", Fr(-e.size * (takers[taker].limit_price - mark), WAD))
        for account, order in takers.items():
            self.builder(order, account in self.mine, Fr(taken[account], WAD), allowed)

    def known(self, e: Event) -> Order:
        """The order a fill is of, as it was signed."""
        order = self.orders[e.order_hash]
        self.filled[e.order_hash] += abs(e.size)
        is_right = e.account == order.account and e.market == order.market
        if not is_right or e.price != order.limit_price or (e.size > 0) != (order.size > 0):
            raise Divergence(f"I8: {order} filled as {e}")
        if self.filled[e.order_hash] > abs(order.size):
            raise Divergence(f"I8: {order} filled beyond its size")
        return order

    def builder(self, order: Order, is_mine: bool, quote: Fr, allowed: Allowed) -> None:
        fee = quote * order.builder_fee_rate / WAD
        if is_mine and order.builder not in self.mine:
            allowed.add("fees", -fee)
        elif not is_mine and order.builder in self.mine:
            allowed.add("builder", fee)


@dataclass(frozen=True)
class Kind:
    """What others do in a history."""

    name: str
    has_orders: bool = False  # others have resting orders, and accounts that may be liquidated
    is_moving: bool = False  # prices move, funding is paid
    is_jumping: bool = False  # by more than what the attacker's accounts have


PURE, ORDERS = Kind("pure"), Kind("orders", True)
STEADY, JUMPS = Kind("steady", True, True), Kind("jumps", True, True, True)
KINDS = (PURE, ORDERS, STEADY, JUMPS)
STEPS = 80


def shown(argument: Any) -> str:
    """An argument of a call; of a signed order its fields alone."""
    if isinstance(argument, list):
        return f"[{', '.join(map(shown, argument))}]"
    return str(argument[0] if isinstance(argument, tuple) else argument)


class Attack:
    """A seeded history. What he holds at first comes from trades and moves of the price, judged like all."""

    def __init__(self, venue: Venue, seed: int, kind: Kind) -> None:
        self.venue, self.kind, self.seed, self.step = venue, kind, seed, -1
        self.random = random.Random(f"{kind.name} {seed}")
        self.log: list[str] = []
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.mine = [venue.account(owner, sub) for owner in SYBILS for sub in range(SUBS)]
        self.judge = Judge(venue, self.mine)
        self.resting: list[Order] = []
        self.rates: dict[int, int] = {}  # of funding, by market
        self.start, self.is_all_out = Fr(0), False
        self.volatility = self.random.choice([2, 5, 12, 25])
        # only some: others stay what their seeds have been
        self.has_governance = seed % 4 == 3
        self.is_ugly = self.random.random() < 0.5

    @property
    def young(self) -> int:
        """Seconds that a mark may be old for an opening."""
        return self.venue.margin["max_opening_age"]

    # --- sending --------------------------------------------------------------------------------------------

    def do(self, who: str, entry: str, *args: Any) -> Outcome:
        """Send, and judge what it brought."""
        self.note(who, entry, args)
        before = self.venue.read()
        outcome = self.venue.call(who, entry, *args)
        self.counts[entry if outcome.ok else f"{entry} refused"] += 1
        if not outcome.ok:
            self.log[-1] += f" -> {outcome.reason}"
            self.reasons[f"{entry}: {outcome.reason}"] += 1
            self.venue.unchanged()
            return outcome
        self.check(before, outcome)
        return outcome

    def check(self, before: Books, outcome: Outcome) -> None:
        after = self.venue.read()
        self.judge.i8_no_more_than_stated(before, after, events(outcome))
        self.i1_nothing_owed_that_is_not_held(after)
        self.i2_sizes_add_up(after)
        if self.start and not self.kind.has_orders:
            self.i8_no_more_than_at_the_start(after)
        if self.start and not self.kind.is_jumping and self.judge.broken != self.broken_then:
            raise Divergence("I8: an account of his fell below zero though the price only crept")

    def i8_no_more_than_at_the_start(self, books: Books) -> None:
        """
        At constant prices, with nobody's orders and nobody else in trouble: never more than at the start, but
        for what reading rounded down then, the fraction of a token unit that collecting has left of
        liquidation fees, and what rounding has given inventories since.
        """
        gained = self.judge.worth(books) - self.start
        allowance = self.hidden + self.judge.given - self.given_then
        if gained > allowance:
            raise Divergence(f"I8: {float(gained)} wei more than at the start, {float(allowance)} allowed")

    def i1_nothing_owed_that_is_not_held(self, books: Books) -> None:
        owed = sum(state["equity"] for state in books.accounts.values()) + sum(books.fees.values())
        owed += sum(i["equity"] for i in books.inventories)
        if owed > books.held:
            raise Divergence(f"I1: owes {owed - books.held} more than it holds")

    def i2_sizes_add_up(self, books: Books) -> None:
        for m, inventory in enumerate(books.inventories):
            sizes = [p["size"] for (_, n), p in books.positions.items() if n == m] + [inventory["size"]]
            longs = sum(size for size in sizes if size > 0)
            if not -MOST_ROUNDED <= sum(sizes) <= 0 or books.open_interests[m] > longs - sum(sizes):
                raise Divergence(f"I2: {sizes} of market {m}, open interest {books.open_interests[m]}")

    def note(self, who: str, entry: str, args: tuple[Any, ...]) -> None:
        text = f"{who}: {entry}({', '.join(map(shown, args))})"
        for a, owner in self.venue.owners.items():
            text = text.replace(str(a), f"{owner}/{a & 7}")
        self.log.append(text)

    # --- the scene ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        r, venue = self.random, self.venue
        unit = 10**venue.decimals
        self.others = [venue.account(owner) for owner in ("maker", "holder", *TRADERS)]
        self.maker, self.holder, *self.traders = self.others
        cash = {a: r.randint(300, 8_000) * unit for a in self.mine}
        cash |= {a: r.randint(300, 2_000) * unit for a in self.traders}
        cash |= {self.maker: 10**7 * unit, self.holder: 10**6 * unit}
        wallets: Counter[str] = Counter()
        for a, tokens in cash.items():
            wallets[venue.owners[a]] += tokens
        for owner, tokens in wallets.items():
            venue.mint(owner, tokens + 1000 * unit)
        if reserve := r.choice([0, 300, 10**5]):
            venue.add_capital(reserve * unit)
        for market in range(venue.market_count):
            venue.set_price(market, 100 * WAD)
            venue.wait(1)
            venue.must(actor("keeper"), "update_mark(uint256)", market)
        for a, tokens in cash.items():
            self.do(venue.owners[a], "deposit", a, tokens)
        # the holder has the other side of what nobody else has
        for market in range(venue.market_count):
            self.open(self.holder, market, r.choice([-1, 1]) * 200 * WAD)
        hurt = [*self.mine, *self.traders] if self.kind.has_orders else self.mine
        for _ in range(r.randint(6, 14)):
            self.open(r.choice(hurt), self.market(), 0)
        for a in self.traders if self.kind.has_orders else ():
            self.open(a, self.market(), 0)
        for _ in range(r.randint(0, 3)):
            self.move()
            if r.random() < 0.4:
                self.open(r.choice(hurt), self.market(), 0)
        for market in r.sample(range(venue.market_count), r.randint(1, venue.market_count)):
            self.move(market, is_aimed=True)
        while not all(venue.read().mark_times):
            venue.wait(1)
            self.mark_all()
        # all of the liquidations' fees, too: nobody's but his own are there for rewards from here on
        venue.set_rewards(False)
        self.do("keeper", "collect_fees")
        venue.set_rewards(True)
        assert venue.read().fees["liquidation"] < venue.scale
        self.given_then = self.judge.given
        self.start = self.judge.worth(venue.read())
        self.hidden = self.judge.hidden_steps(venue.read()) + venue.read().fees["liquidation"]
        self.result_then, self.broken_then = self.result(), self.judge.broken

    def open(self, a: int, market: int, size: int) -> None:
        """Against the maker, at mark; size 0: as much as the account may, or a part."""
        mark = self.mark(market)
        size = size or self.random.choice([-1, 1]) * self.capacity(a, market)
        if size:
            maker = self.signed(self.maker, market, -size, mark)
            self.do(self.venue.owners[a], "take", a, size, 0, False, MAX_FEE_RATE, maker)

    # --- what he knows --------------------------------------------------------------------------------------

    def market(self) -> int:
        return self.random.randrange(self.venue.market_count)

    def mark(self, market: int) -> int:
        return self.venue.read().marks[market]

    def size_of(self, a: int, market: int) -> int:
        return self.venue.read().positions[a, market]["size"]

    def equity(self, a: int) -> int:
        return self.venue.read().accounts[a]["equity"]

    def health(self, a: int) -> float:
        state = self.venue.read().accounts[a]
        return state["equity"] / state["maintenance"] if state["maintenance"] else 99.0

    def capacity(self, a: int, market: int) -> int:
        """Base the account could open, or a part of it, or a bit more."""
        r, state = self.random, self.venue.read().accounts[a]
        free = max(-state["hole"], 0)
        size = free * WAD * r.choice([1, 2, 5, 9, 10, 16, 18, 19]) // self.mark(market)
        size = size if r.random() < 0.7 else r.randint(0, size)
        return size if self.is_ugly else size // 10**15 * 10**15

    def able(self, other_than: int = 0) -> int:
        """One of his accounts, mostly the one that could open most."""
        choices = [a for a in self.mine if a >> 96 != other_than >> 96]
        if self.random.random() < 0.3:
            return self.random.choice(choices)
        return min(choices, key=lambda a: self.venue.read().accounts[a]["hole"])

    def signed(self, a: int, market: int, size: int, price: int, **fields: Any) -> tuple[Any, ...]:
        order = self.venue.order(a, market, size, price, **fields)
        return self.sign(order)

    def sign(self, order: Order) -> tuple[Any, ...]:
        self.judge.orders[int.from_bytes(self.venue.digest(order), "big")] = order
        return self.venue.sign(order)

    # --- steps ----------------------------------------------------------------------------------------------

    def play(self, steps: int) -> None:
        """The whole history; on divergence everything needed to repeat it."""
        try:
            self.begin()
            self.run(steps)
        except AssertionError as failure:
            tail = "\n  ".join(self.log[-25:])
            raise Divergence(
                f"{self.kind.name}, seed {self.seed}, step {self.step}: {failure}\n  last calls:\n  {tail}"
            ) from failure

    def run(self, steps: int) -> None:
        for self.step in range(steps):
            self.one()
        self.close_out()

    def one(self) -> None:
        r, books = self.random, self.venue.read()
        self.calm()
        actions = {"trade_own": 30, "withdraw": 4, "deposit": 3, "transfer": 4, "touch": 4, "set_class": 4}
        actions |= {"sync": 2, "renew": 6, "wait": 4, "cancel": 1, "fees": 1}
        if any(0 <= self.health(a) < 1 for a in self.venue.owners):
            actions |= {"take_over": 14, "liquidate": 14, "empty": 10}
        if any(self.equity(a) < 0 or self.health(a) < 0.45 for a in self.venue.owners):
            actions["absorb"] = 12
        if any(i["size"] for i in books.inventories):
            actions |= {"buy": 14, "resolve": 6}
        if any(i["outstanding"] for i in books.inventories):
            actions["resolve"] = 10
        if self.kind.has_orders:
            actions |= {"hit": 18, "serve": 6, "quote": 12}
        if self.kind.is_moving:
            actions |= {"move": 14, "others_trade": 4}
        if self.has_governance:
            actions["govern"] = 6
        getattr(self, r.choices(list(actions), list(actions.values()))[0])()

    def price(self, market: int) -> int:
        """At mark, on the edges of the band and just beyond them, or between."""
        r, mark = self.random, self.mark(market)
        band = mark * self.venue.margin["price_band"] // WAD
        if r.random() < 0.02:
            band += 1
        return mark + r.choice([0, 0, band, -band, r.randint(-band, band)])

    def size(self, accounts: list[int], market: int) -> int:
        """What one of the accounts holds or could, a part of it, the least allowed, or dust."""
        r, mark = self.random, self.mark(market)
        a = r.choice(accounts)
        held, least = abs(self.size_of(a, market)), self.venue.margin["minimum_notional"] * WAD // mark + 1
        could = min(self.capacity(b, market) for b in accounts)
        choices = [held, held, held // 2, 2 * held, could, could, could // 2, least, held - least]
        return max(r.choice(choices) if r.random() < 0.95 else r.choice([1, least - 2]), 1)

    def builder(self, market_rate: int = MAKER_RATE) -> dict[str, int]:
        r, most = self.random, MAX_FEE_RATE - market_rate
        if r.random() < 0.4:
            return {}
        rate = r.choice([most, most, r.randint(1, most)])
        return {"builder": r.choice(self.mine), "builder_fee_rate": rate}

    def trade_own(self) -> None:
        """His accounts with each other."""
        r, market = self.random, self.market()
        taker, *makers = r.sample(self.mine, r.choice([2, 2, 2, 3, 4]))
        others = [a for a in self.mine if a >> 96 != taker >> 96]
        makers = [a if a >> 96 != taker >> 96 or r.random() < 0.02 else r.choice(others) for a in makers]
        held = self.size_of(taker, market)
        sign = (-1 if held > 0 else 1) if held and r.random() < 0.6 else r.choice([1, -1])
        size = self.size([taker, makers[0]], market)
        orders, left = [], size
        for n, maker in enumerate(makers):
            part = max(left // (len(makers) - n), 1)
            left -= part
            orders.append(
                self.signed(
                    *(maker, market, -sign * part, self.price(market)),
                    time_in_force=r.choice([GTC] * 30 + [POST_ONLY] * 10 + [IOC]),
                    lane=r.choice([0, 0, 1, 7]),
                    is_reduce_only=r.random() < 0.05,
                    **self.builder(),
                )
            )
        self.send_trade(taker, market, sign * size, orders)

    def send_trade(self, taker: int, market: int, size: int, makers: list[tuple[Any, ...]]) -> None:
        """Through any of the five ways to take orders."""
        r, owner = self.random, self.venue.owners[taker]
        if self.venue.chain.now - self.venue.read().mark_times[market] > self.young and r.random() < 0.95:
            self.mark_all()
        worst = (max if size > 0 else min)(order[0][3] for order in makers)
        entry = r.choice(["trade", "take", "match_orders", "trade_available", "match_available_orders"])
        is_reduce_only = r.random() < 0.05
        if entry == "take":
            least = r.choice([0, 0, abs(size)])
            self.do(owner, entry, taker, size, least, is_reduce_only, MAX_FEE_RATE, makers[0])
        elif entry.startswith("trade"):
            least = r.choice([0, 0, abs(size)])
            args = (taker, market, size, worst, least, is_reduce_only, MAX_FEE_RATE, makers)
            self.do(owner, entry, *args)
        else:
            fields = {"time_in_force": r.choice([GTC, IOC, FOK]), "is_reduce_only": is_reduce_only}
            order = self.signed(taker, market, size, worst, lane=3, **fields, **self.builder(TAKER_RATE))
            self.do(r.choice(SYBILS), entry, order, makers)

    # --- orders of others -----------------------------------------------------------------------------------

    def quote(self) -> None:
        """Others sign orders: around mark, some carelessly beyond it, some with him as their builder."""
        r, market = self.random, self.market()
        mark, sign = self.mark(market), r.choice([1, -1])
        band = mark * self.venue.margin["price_band"] // WAD
        price = mark - sign * r.choice([band, r.randint(0, band), r.randint(0, band), -r.randint(0, band)])
        a = r.choice([self.maker, self.maker, *self.traders])
        size = r.choice([1, 5, 50, 300]) * WAD if a == self.maker else self.capacity(a, market)
        fields = self.builder() if r.random() < 0.4 else {}
        if size:
            self.resting.append(self.venue.order(a, market, sign * size, price, **fields | self.lane()))

    def lane(self) -> dict[str, int]:
        self.lanes = getattr(self, "lanes", 100) + 1
        return {"lane": self.lanes}

    def left(self, order: Order) -> int:
        return abs(order.size) - self.judge.filled[int.from_bytes(self.venue.digest(order), "big")]

    def hit(self) -> None:
        """He takes others' orders, with his own among them."""
        r = self.random
        if not self.resting:
            return self.quote()
        first = r.choice(self.resting)
        makers = [o for o in self.resting if o.market == first.market and (o.size > 0) == (first.size > 0)]
        makers = r.sample(makers, min(len(makers), r.choice([1, 1, 2, 3])))
        taker = r.choice(self.mine)
        size = r.choice([self.left(makers[0]) or 1, self.size([taker], first.market)])
        sign = -1 if first.size > 0 else 1
        signed = [self.sign(order) for order in makers]
        others = [a for a in self.mine if a >> 96 != taker >> 96]
        if r.random() < 0.3:
            own = self.signed(
                *(r.choice(others), first.market, -sign * size, self.price(first.market)),
                **self.builder(),
            )
            signed.insert(r.randint(0, len(signed)), own)
        self.send_trade(taker, first.market, sign * size, signed)
        self.resting = [o for o in self.resting if self.left(o) and r.random() < 0.95]

    def serve(self) -> None:
        """He relays another's order as the taker, and makes at its limit."""
        r = self.random
        if not self.resting:
            return self.quote()
        order = r.choice(self.resting)
        maker = r.choice(self.mine)
        size = r.choice([self.left(order) or 1, self.size([maker], order.market)])
        price = r.choice([order.limit_price, order.limit_price, self.mark(order.market)])
        sign = -1 if order.size > 0 else 1
        own = self.signed(maker, order.market, sign * size, price, **self.builder())
        makers = [own]
        crossing = [o for o in self.resting if o.market == order.market and (o.size > 0) != (order.size > 0)]
        if crossing and r.random() < 0.3:
            makers.append(self.sign(r.choice(crossing)))
        entry = r.choice(["match_orders", "match_available_orders"])
        self.do(r.choice(SYBILS), entry, self.sign(order), makers)

    def others_trade(self) -> None:
        self.open(self.random.choice(self.traders), self.market(), 0)

    # --- accounts in trouble --------------------------------------------------------------------------------

    def unhealthy(self) -> tuple[int, int] | None:
        r = self.random
        found = [
            (a, m)
            for a in self.venue.owners
            for m in range(self.venue.market_count)
            if self.size_of(a, m) and 0 <= self.health(a) < 1
        ]
        return r.choice(found) if found else None

    def take_over(self) -> None:
        r, found = self.random, self.unhealthy()
        if not found:
            return self.mark_anew(self.market())
        a, market = found
        if r.random() < 0.7:
            self.mark_all()
        size, held = UNLIMITED, self.size_of(a, market)
        if r.random() < 0.4:
            size = max(r.choice([abs(held) // 3, WAD, 1, abs(held) - WAD]), 1)
        liquidator = self.able()
        entry = r.choice(["take_over", "take_over", "refresh_and_take_over"])
        limit = 2**200 if held > 0 else 0
        self.do(self.venue.owners[liquidator], entry, a, market, size, liquidator, limit)

    def liquidate(self) -> None:
        r, found = self.random, self.unhealthy()
        if not found:
            return self.mark_anew(self.market())
        a, market = found
        if r.random() < 0.7:
            self.mark_all()
        plan = self.venue.plan(a, market)
        size, worst, mark = abs(plan["change"]), plan["price"], self.mark(market)
        if not size:
            return self.mark_anew(market)
        sign = 1 if plan["change"] < 0 else -1
        wanted = r.choice([UNLIMITED, UNLIMITED, size // 2 or 1])
        makers = r.sample([b for b in self.mine if b >> 96 != a >> 96], r.choice([1, 1, 2]))
        makers[0] = self.able(a)
        orders = []
        for maker in makers:
            band = mark * self.venue.margin["price_band"] // WAD
            price = r.choice([worst, worst, mark, (worst + mark) // 2])
            price = min(max(price, mark - band), mark + band) - r.choice([0] * 20 + [sign])
            part = r.choice([size, size // len(makers) or 1, size // 2 or 1])
            orders.append(self.signed(maker, market, sign * part, price, **self.builder()))
        fits = [o for o in self.resting if o.market == market and (o.size > 0) == (sign > 0)]
        for order in r.sample(fits, min(len(fits), r.choice([0, 0, 1, 2]))):
            orders.insert(r.randint(0, len(orders)), self.sign(order))
        self.do(r.choice(SYBILS), "liquidate", a, market, wanted, orders, r.choice([*self.mine, a]))

    def empty(self) -> None:
        """An account of his that is about to be lost trades with another one, at the worst price there is."""
        r = self.random
        found = [
            (a, m)
            for a in self.mine
            for m in range(self.venue.market_count)
            if self.size_of(a, m) and self.health(a) < 1
        ]
        if not found:
            return self.trade_own()
        a, market = r.choice(found)
        size, mark = self.size_of(a, market), self.mark(market)
        part = size if r.random() < 0.7 else size // 2
        band = mark * self.venue.margin["price_band"] // WAD
        price = mark + (-band if size > 0 else band)
        if part:
            order = self.signed(self.able(a), market, part, price, **self.builder())
            self.send_trade(a, market, -part, [order])

    def absorb(self) -> None:
        r = self.random
        found = [a for a in self.venue.owners if self.equity(a) < 0 or self.health(a) < 0.45]
        if not found:
            return self.mark_anew(self.market())
        if r.random() < 0.7:
            self.mark_all()
        entry, keeper = (
            r.choice(["absorb", "absorb", "refresh_and_absorb", "absorb_many"]),
            r.choice(self.mine),
        )
        if entry == "absorb_many":
            some = [*r.sample(found, min(len(found), 3)), *r.sample(self.mine, r.choice([0, 1]))]
            self.do(r.choice(SYBILS), entry, some, keeper)
        else:
            self.do(r.choice(SYBILS), entry, r.choice(found), keeper)

    def buy(self) -> None:
        r, books = self.random, self.venue.read()
        held = [m for m, i in enumerate(books.inventories) if i["size"]]
        if not held:
            return self.mark_anew(self.market())
        market = r.choice(held)
        size = abs(books.inventories[market]["size"])
        if r.random() < 0.5:
            self.venue.wait(r.choice([60, 300, 599, 600]))
        if r.random() < 0.8:
            self.mark_all()
        buyer = self.able()
        entry = r.choice(["buy_inventory", "buy_inventory", "refresh_and_buy_inventory"])
        wanted = r.choice([UNLIMITED, UNLIMITED, size // 2 or 1, self.capacity(buyer, market) or 1])
        limit = 2**200 if books.inventories[market]["size"] > 0 else 0
        self.do(self.venue.owners[buyer], entry, market, buyer, wanted, limit)

    def resolve(self) -> None:
        r, books = self.random, self.venue.read()
        due = [m for m, i in enumerate(books.inventories) if i["size"] or i["outstanding"]] or [0]
        if r.random() < 0.8:
            self.mark_all()
        market = r.choice(due)
        if r.random() < 0.2:
            self.do(r.choice(SYBILS), "pay_claims", market)
        else:
            self.do(r.choice(SYBILS), "resolve", market, r.choice([1, 2, 1000, 1000]))

    # --- the rest -------------------------------------------------------------------------------------------

    def mark_anew(self, market: int) -> None:
        self.do(self.random.choice(SYBILS), "update_mark", market)

    def mark_all(self) -> None:
        for market, time in enumerate(self.venue.read().mark_times):
            if time != self.venue.chain.now:
                self.mark_anew(market)

    def renew(self) -> None:
        if self.random.random() < 0.5:
            self.venue.wait(self.random.choice([1, 12, 60]))
        self.mark_all()

    def wait(self) -> None:
        """Long enough that funding accrues and profit matures."""
        for _ in range(self.random.randint(1, 3)):
            self.venue.wait(self.random.choice([299, 300]))
            self.mark_all()

    def move(self, where: int | None = None, is_aimed: bool = False) -> None:
        """The oracle's price moves; the mark at once, or when he calls."""
        r, market = self.random, self.market() if where is None else where
        mark = self.mark(market)
        price = mark * (10_000 + r.randint(-100, 100) * r.choice([1, 1, self.volatility])) // 10_000
        held = [a for a in self.mine if self.size_of(a, market)]
        if self.kind.has_orders and r.random() < 0.6:
            held = [a for a in self.traders if self.size_of(a, market)] or held
        if held and (is_aimed or r.random() < 0.5):
            # where an account's health is what a take-over needs, or a reward would be all that is left
            a, goal = r.choice(held), r.choice([r.randint(400, 999), r.randint(0, 30), r.randint(-200, 1200)])
            state = self.venue.read().accounts[a]
            change = (
                (1000 * state["equity"] - goal * state["maintenance"])
                * WAD
                // 1000
                // self.size_of(a, market)
            )
            price = min(max(mark - change, mark * 3 // 4), mark * 4 // 3)
        price = min(max(price, WAD), 10**4 * WAD)
        is_creeping = self.step >= 0 and not self.kind.is_jumping
        while is_creeping and any(self.is_broken(a, market, price) for a in self.mine):
            price = mark if abs(price - mark) < mark // 1000 else (price + mark) // 2
            if price == mark:
                break
        rate = r.choice([0, 1, -1]) * r.randint(0, 5 * 10**11) if self.kind.is_moving else 0
        if is_creeping and self.are_near_nothing():
            rate = 0
        self.venue.wait(r.choice([1, 12, 60, 300]))
        self.venue.set_price(market, price, rate)
        self.rates[market] = rate
        if is_creeping or self.step < 0 or r.random() < 0.8:
            self.mark_all()
        while is_creeping and not all(self.venue.read().mark_times):
            self.venue.wait(1)
            self.mark_all()

    def are_near_nothing(self) -> bool:
        return any(
            self.is_broken(a, m, self.mark(m)) for a in self.mine for m in range(self.venue.market_count)
        )

    def calm(self) -> None:
        """Where nothing may jump, funding must not take an account's last either."""
        if not self.kind.is_jumping and any(self.rates.values()) and self.are_near_nothing():
            for market in self.rates:
                self.venue.set_price(market, self.mark(market))
            self.rates.clear()

    def is_broken(self, a: int, market: int, price: int) -> bool:
        """Would less be left of an account at a price than what an hour of the highest funding takes?"""
        size = self.size_of(a, market)
        left = self.equity(a) + (price - self.mark(market)) * size // WAD
        return size != 0 and self.equity(a) >= 0 and left < abs(size) * price // WAD // 400

    def deposit(self) -> None:
        a, r = self.random.choice(self.mine), self.random
        has = self.venue.read().wallets[self.venue.owners[a]] // self.venue.scale
        if has:
            self.do(self.venue.owners[a], "deposit", a, r.choice([1, has, r.randint(1, has)]))

    def withdraw(self) -> None:
        a, r = self.random.choice(self.mine), self.random
        free = self.venue.read().accounts[a]["withdrawable"] // self.venue.scale
        tokens = max(r.choice([free, free, free + 1, r.randint(0, free)]), 1)
        self.do(self.venue.owners[a], "withdraw", a, tokens, actor(r.choice(SYBILS)), 0)

    def transfer(self) -> None:
        a, r = self.random.choice(self.mine), self.random
        other = next(b for b in self.mine if b >> 96 == a >> 96 and b != a)
        free = self.venue.read().accounts[a]["withdrawable"]
        amount = max(r.choice([free, free, free + 1, r.randint(0, free)]), 1)
        self.do(self.venue.owners[a], "transfer", a, other, amount)

    def touch(self) -> None:
        self.do(
            self.random.choice(SYBILS), "touch", self.random.choice(list(self.venue.owners)), self.market()
        )

    def set_class(self) -> None:
        a = self.random.choice(self.mine)
        self.do(self.venue.owners[a], "set_leverage_class", a, self.market(), self.random.randrange(4))

    def sync(self) -> None:
        keys = [p["key"] for p in self.venue.read().positions.values() if p["key"]]
        if keys:
            key, limit = self.random.choice(keys), self.random.choice([1, 64])
            self.do(self.random.choice(SYBILS), "sync_cohort", key, limit)

    def cancel(self) -> None:
        a, r = self.random.choice(self.mine), self.random
        if r.random() < 0.5:
            era = self.venue.eras.get(a, 0)
            self.do(self.venue.owners[a], "cancel", a, r.choice([0, 1, 7]), era << 44 | self.venue.sequence)
        elif self.do(self.venue.owners[a], "cancel_all", a).ok:
            self.venue.eras[a] = self.venue.eras.get(a, 0) + 1

    def govern(self) -> None:
        """Not his doing, but he is there when terms change, with all that he holds."""
        kind = self.random.choice(["margin", "liquidation"])
        groups = MARGIN_TERMS if kind == "margin" else LIQUIDATION_TERMS
        changes = self.random.choice(self.random.choice(groups))
        self.log.append(f"govern {kind} {changes}")
        is_set = self.venue.set_terms(kind, changes)
        self.counts["govern" if is_set else "govern refused"] += 1

    def fees(self) -> None:
        self.do(self.random.choice(SYBILS), "collect_fees")

    # --- the end --------------------------------------------------------------------------------------------

    def close_out(self) -> None:
        """
        Close all that can be closed at mark, wait until profit has matured, withdraw. He takes home at
        most what he had when it began, what was stated since, what exposure brought, deficits.
        """
        venue, judge = self.venue, self.judge
        self.worth_before_the_end = judge.worth(venue.read())
        paid = judge.stated.get("fees", Fr(0))
        venue.wait(1)
        self.mark_all()
        for a in self.mine:
            for market in range(venue.market_count):
                if size := self.size_of(a, market):
                    maker = self.signed(self.maker, market, size, self.mark(market))
                    self.do(venue.owners[a], "take", a, -size, abs(size), True, MAX_FEE_RATE, maker)
        self.fees_of_the_end = judge.stated.get("fees", Fr(0)) - paid
        # the clock moves by what passes between fresh marks
        step = min(300, venue.margin["max_mark_age"])
        for _ in range(3 * venue.batch_seconds // step + 1):
            venue.wait(step)
            self.mark_all()
        for a in self.mine:
            if tokens := venue.read().accounts[a]["withdrawable"] // venue.scale:
                self.do(venue.owners[a], "withdraw", a, tokens, actor(SYBILS[0]), 0)
        books = venue.read()
        self.taken_home = sum(books.wallets[owner] for owner in SYBILS)
        most = self.start + self.hidden + self.result() - self.result_then
        if self.taken_home > most + judge.slack_so_far:
            raise Divergence(f"I8: takes {self.taken_home} home, {float(most)} allowed")
        held = [a for a in self.mine for m in range(venue.market_count) if books.positions[a, m]["size"]]
        self.is_all_out = not held and all(i["outstanding"] == 0 for i in books.inventories)
        left = judge.worth(books) - self.taken_home
        if self.is_all_out and left >= len(self.mine) * venue.scale + judge.hidden_steps(books):
            raise Divergence(f"I8: {float(left)} of his worth cannot be taken home")

    def result(self) -> Fr:
        """What all that was judged so far could have brought."""
        judge = self.judge
        return sum(judge.stated.values(), Fr(0)) + judge.exposure + judge.option


def venues(chain: Chain) -> list[Venue]:
    """Three kinds: decimals, width of ticks, start of the policy of losses; the last has all limits."""
    limits = {
        "margin": margin_config(max_opening_age=60, open_interest_cap_quote=409_600 * WAD),
        "liquidation": liquidation_config(max_mark_step=WAD // 10),
        "rate_limit": (1_000 * WAD, 30),
    }
    kinds: list[dict[str, Any]] = [
        {"decimals": 6},
        {"decimals": 18, "has_fine_ticks": True, "policy": (1, 2, 3)},
        {"decimals": 8, "policy": (1, 2)} | limits,
    ]
    return [Venue(chain, **kind).deploy() for kind in kinds]


def run_attack(venue: Venue, seed: int, kind: Kind, steps: int) -> Attack:
    """One history on a fresh venue."""
    attack = Attack(venue, seed, kind)
    attack.play(steps)
    return attack
