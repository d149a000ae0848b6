"""The kernel and the naive model side by side: every operation on both, every figure compared.

Rounding. The kernel may differ from exact arithmetic by what its divisions round away. T (quote) and Z
(base) are the sums over all operations so far of, in smallest units, with p the highest mark so far (quote
per base):

    an account acted on       T += MATURING + 8 + 2 p     Z += 2
        cash, fee, notional and settlement round by a few units; profit is held in shares of 1e-9 quote: one
        step booked and one read, in each of two batches
    a mark                    T += 2 (sum of |q| / 1e18 + n) + LEAST_CLAIM
        two indices rounded by one unit per base; no claim is filed below 1e-9 quote
    n members closed by rank  T += n (4 + 2 p)            Z += n
        pots, and sizes rounded by one
    a round over n accounts   T += n (MATURING + 4) + LEAST_CLAIM
        what shares are worth is read in steps

Errors of one account reach another only through a round's share f = D / R or through inventory, and what
they carry there they do not carry twice; so T bounds the sum of all errors, and each of them. The kernel's
own choices (size and price of a take-over, P*, f) are compared with the model's within the bound that T
gives them, then used.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction as Fr
from functools import cache
from typing import Any

from eth_abi import encode
from eth_utils import keccak

from lastline.abi import WIRING
from tests.kernel import ROLES, liquidation_config, margin_config
from tests.models.naive import (
    ADL,
    MAX_CLAIMS,
    RECOVERED,
    TIERS,
    WAD,
    Market,
    Naive,
    Refused,
    Risk,
    tick_low,
)
from tests.stateful.chain import Chain, Outcome, selector
from tests.support import START_TIME, actor

MATURING = 4 * 10**9
LEAST_CLAIM = 10**9
UNLIMITED = 2**111 - 1
PRICE_ORACLE = 16
MARGIN_TYPE = (
    "(uint256[],uint256[],uint256,uint256,uint256,uint256[4],uint256,uint256,uint256,uint256,uint256,uint256)"
)
LIQUIDATION_TYPE = "(" + ",".join(["uint256"] * 12) + ")"
FILL = "fill(uint256,uint256,uint256,bool,(uint256,int256,uint256,uint256,bool)[])"
CLOSE = "close_with_orders(uint256,uint256,uint256,(uint256,int256,uint256,uint256,bool)[])"
EVENTS = {
    "ClosedWithOrders": "uint256,uint256,uint256,int256,uint256,uint256,uint256,uint256,uint256",
    "TakenOver": "uint256,uint256,uint256,int256,uint256,uint256,uint256",
    "AccountAbsorbed": "uint256,uint256,int256,uint256,uint256,uint256",
    "InventorySold": "uint256,uint256,int256,uint256,uint256",
    "Deleveraged": "uint256,uint256,uint256,uint256,uint256,uint256,uint256",
    "RoundCharged": "uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256",
    "RoundAbandoned": "uint256,uint256",
    "SideCharged": ",".join(["uint256"] * 9 + ["int256"] * 2 + ["uint256"]),
    "WrittenOff": "uint256,uint256,bool,uint256,uint256",
    "PaidAtRatio": "uint256,uint256,uint256,uint256,uint256",
    "Withdrawn": "uint256,address,uint256,uint256",
}
TOPICS = {name: keccak(text=f"{name}({types})") for name, types in EVENTS.items()}

STATE = ("cash", "maturing", "unrealised", "equity", "maintenance", "hole", "withdrawable", "is_stale")
POSITION = ("size", "notional", "unrealised", "maturing", "pot", "maintenance", "key", "bankruptcy")
PLAN = (
    *(
        "change",
        "price",
        "fee",
        "kappa",
        "health",
        "is_liquidatable",
        "is_absorbable",
        "is_stale",
        "unsettled",
    ),
)
INVENTORY = ("size", "notional", "cash", "equity", "outstanding", "auction_start")
CLAIM = ("market", "account", "loss_side", "filed_at", "amount", *TIERS, "outstanding")


class Divergence(AssertionError):
    """Kernel and model disagree."""


@cache
def calldata(signature: str, *args: Any) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return selector(signature) + encode(types.split(",") if types else [], args)


def terms_data(kind: str, market: int, terms: dict[str, Any]) -> bytes:
    """Calldata that sets a market's terms: kind "margin" or "liquidation"."""
    types = MARGIN_TYPE if kind == "margin" else LIQUIDATION_TYPE
    data = encode(["uint256", types], [market, tuple(terms.values())])
    return selector(f"set_{kind}_config(uint256,{types})") + data


def words(output: bytes) -> list[int]:
    return [int.from_bytes(output[i : i + 32], "big", signed=True) for i in range(0, len(output), 32)]


@cache
def multicall_data(target: str, calls: tuple[bytes, ...]) -> bytes:
    return selector("read(address,bytes[])") + encode(["address", "bytes[]"], [target, calls])


def byte_strings(output: bytes) -> list[bytes]:
    """What eth_abi decodes as bytes[], in a tenth of the time."""
    body, count = output[64:], int.from_bytes(output[32:64], "big")
    out = []
    for n in range(count):
        at = int.from_bytes(body[32 * n : 32 * n + 32], "big")
        size = int.from_bytes(body[at : at + 32], "big")
        out.append(body[at + 32 : at + 32 + size])
    return out


@dataclass
class Books:
    """All the kernel says of itself after a step."""

    accounts: dict[int, dict[str, int]]
    positions: dict[tuple[int, int], dict[str, int]]
    inventories: list[dict[str, int]]
    claims: list[dict[Any, int]]
    fees: list[int]
    held: int
    uncovered: int
    recovery_claims: dict[int, int]
    open_interests: list[int]


@dataclass
class Ledger:
    chain: Chain
    decimals: int = 6
    market_count: int = 2
    margin: dict[str, Any] = field(default_factory=margin_config)
    liquidation: dict[str, Any] = field(default_factory=liquidation_config)
    has_fine_ticks: bool = False
    funding_share: int = 10**17
    model: Naive = field(default_factory=Naive)
    log: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    highest_price: Fr = Fr(0)
    # of the model's accounts, when last compared
    risks: dict[int, Risk] = field(default_factory=dict)
    # what was read last, and when
    books: Books | None = None
    books_read: tuple[int, int] | None = None

    # --- set-up ---------------------------------------------------------------------------------------------

    def deploy(self) -> "Ledger":
        chain, a = self.chain, ["address"]
        self.token = chain.deploy("mocks/MockERC20.vy", ["uint8"], [self.decimals])
        self.oracle = chain.deploy("mocks/MockOracle.vy", [], [])
        self.reader = chain.deploy("mocks/MulticallHarness.vy", [], [])
        parts = {}
        owner = actor("governance")
        for name, others in WIRING.items():
            tail = [owner] if name == "MarginVault" else []
            known = [self.token, *(parts[other] for other in others), *tail]
            parts[name] = chain.deploy(f"{name}.vy", a * len(known), known)
        self.vault = parts["MarginVault"]
        self.scale = 10 ** (18 - self.decimals)
        self.must(owner, "set_role(uint256,address)", PRICE_ORACLE, self.oracle)
        for name, role in ROLES.items():
            self.must(owner, "set_role(uint256,address)", role, actor(name))
        self.must(owner, "set_funding_share(uint256)", self.funding_share)
        self.model.funding_share = Fr(self.funding_share, WAD)
        return self

    def fresh(self) -> "Ledger":
        """The same system before anything happened to it (the chain is the caller's to restore)."""
        kept = ("token", "oracle", "reader", "vault", "scale")
        ledger = replace(
            self, model=Naive(), log=[], counts={}, highest_price=Fr(0), risks={}, books_read=None
        )
        for name in kept:
            setattr(ledger, name, getattr(self, name))
        ledger.model.funding_share = Fr(self.funding_share, WAD)
        return ledger

    def start(self) -> None:
        """List the markets, each at 100."""
        self.chain.at(START_TIME)
        self.model.now = START_TIME
        listing = selector(f"add_market({MARGIN_TYPE},{LIQUIDATION_TYPE},bool)") + encode(
            [MARGIN_TYPE, LIQUIDATION_TYPE, "bool"],
            [tuple(self.margin.values()), tuple(self.liquidation.values()), self.has_fine_ticks],
        )
        for market in range(self.market_count):
            outcome = self.chain.send(actor("governance"), self.vault, listing)
            assert outcome.ok, outcome.reason
            bits = 7 if self.has_fine_ticks else 6
            self.model.markets.append(
                Market(market, self.margin, self.liquidation, bits, funding_time=START_TIME)
            )
        for market in range(self.market_count):
            self.set_price(market, 100 * WAD, 0, 60)

    def send(self, who: str, signature: str, *args: Any) -> Outcome:
        return self.chain.send(actor(who), self.vault, calldata(signature, *args))

    def must(self, sender: str, signature: str, *args: Any, to: str = "") -> Outcome:
        outcome = self.chain.send(sender, to or self.vault, calldata(signature, *args))
        assert outcome.ok, (signature, outcome.reason)
        return outcome

    @staticmethod
    def has_event(outcome: Outcome, name: str) -> bool:
        return any(topics[0] == TOPICS[name] for topics, _ in outcome.logs)

    def event(self, outcome: Outcome, name: str) -> list[int]:
        """Topics and data of an event, as signed words."""
        for topics, data in reversed(outcome.logs):
            if topics[0] == TOPICS[name]:
                return words(b"".join(topics[1:]) + data)
        raise Divergence(f"no event {name}")

    def note(self, what: str, *args: Any) -> None:
        """Accounts by the letter of their place in the model."""
        text = f"{what}{args}"
        for n, account in enumerate(self.model.accounts):
            text = text.replace(str(account), "account " + chr(ord("A") + n))
        self.log.append(text)

    def count(self, what: str, outcome: Outcome) -> None:
        name = what if outcome.ok else f"{what} refused"
        self.counts[name] = self.counts.get(name, 0) + 1

    # --- tolerance ------------------------------------------------------------------------------------------

    def allow(self, accounts: int = 0, members: int = 0, money: Fr | int = 0) -> None:
        p = self.highest_price
        self.model.money_tolerance += accounts * (MATURING + 8 + 2 * p) + members * (4 + 2 * p) + money
        self.model.size_tolerance += 2 * accounts + members

    def near(self, what: str, kernel: Fr | int, model: Fr | int, bound: Fr | int) -> None:
        if abs(kernel - model) > bound:
            gap = float(abs(kernel - model))
            raise Divergence(
                f"{what}: kernel {kernel}, model {float(model)!r}, apart {gap:g}, allowed {float(bound):g}"
            )

    # --- operations -----------------------------------------------------------------------------------------

    def both(self, name: str, outcome: Outcome, operation: Any) -> Any:
        """Run the model's operation and insist that both accept or both refuse."""
        self.count(name, outcome)
        self.model.was_accepted = outcome.ok
        self.model.entered_at_mark = self.entered_at_mark if outcome.ok else set
        self.model.note_open_interests()
        try:
            result = operation()
        except Refused as refusal:
            if outcome.ok:
                raise Divergence(f"{name}: the model refuses: {refusal}") from None
            return None
        if not outcome.ok:
            raise Divergence(f"{name}: the kernel reverts: {outcome.reason}")
        return result

    def entered_at_mark(self) -> set[tuple[int, int]]:
        """Accounts and markets where the kernel's entry price is the mark."""
        positions = self.read().positions
        marks = [int(m.mark * WAD) for m in self.model.markets]
        return {
            (a, m)
            for (a, m), p in positions.items()
            if p["size"] and abs(p["notional"] * WAD // p["size"] - marks[m]) <= 1
        }

    def wait(self, seconds: int) -> None:
        self.model.now += seconds
        self.chain.at(self.model.now)

    def set_price(self, market: int, price: int, rate: int, seconds: int) -> None:
        self.note("set_price", market, price, rate, seconds)
        self.wait(seconds)
        self.highest_price = max(self.highest_price, Fr(price, WAD))
        self.must(
            actor("oracle"),
            "set_price(uint256,uint256,int256)",
            market,
            price,
            rate,
            to=self.oracle,
        )
        sizes = [abs(a.size(market)) for a in self.model.accounts.values()]
        sizes.append(abs(self.model.markets[market].size))
        outcome = self.send("keeper", "update_mark(uint256)", market)
        self.look_at_crumbs()
        self.allow(money=2 * (sum(sizes, Fr(0)) / WAD + len(sizes)) + LEAST_CLAIM)
        self.both("mark", outcome, lambda: self.model.update_mark(market, price, rate))
        self.counts["funding suspended"] = self.model.suspended

    def set_close_only(self, market: int, is_close_only: bool) -> None:
        self.note("set_close_only", market, is_close_only)
        outcome = self.send("governance", "set_market_status(uint256,uint256)", market, 1 + is_close_only)
        self.both("close_only", outcome, lambda: self.model.set_close_only(market, is_close_only))

    def set_terms(self, market: int, kind: str, changes: dict[str, Any]) -> None:
        """Governance changes a market's terms: kind "margin" or "liquidation"."""
        self.note("set_terms", market, kind, changes)
        terms = getattr(self.model.markets[market], kind) | changes
        outcome = self.chain.send(actor("governance"), self.vault, terms_data(kind, market, terms))
        self.look_at_crumbs()
        self.both(f"set_{kind}", outcome, lambda: getattr(self.model, f"set_{kind}")(market, terms))

    def settle_market(self, market: int) -> bool:
        """At the price the oracle has had since the last `set_price`."""
        self.note("settle_market", market)
        output = self.chain.call(self.oracle, calldata("read(uint256)", market))
        price, _, rate, *_ = words(output)
        outcome = self.send("governance", "settle_market(uint256)", market)
        self.look_at_crumbs()
        sizes = [abs(a.size(market)) for a in self.model.accounts.values()]
        sizes.append(abs(self.model.markets[market].size))
        self.allow(money=2 * (sum(sizes, Fr(0)) / WAD + len(sizes)) + LEAST_CLAIM)
        self.both("settle_market", outcome, lambda: self.model.settle_market(market, price, rate))
        return outcome.ok

    def close_at_settlement(self, a: int, market: int) -> None:
        self.note("close_at_settlement", a, market)
        # a unit that rounding left may be closed, but the model has nothing there
        if market in self.model.account(a).rests:
            return
        outcome = self.send("stranger", "close_at_settlement(uint256,uint256)", a, market)
        self.look_at_crumbs()
        self.allow(2)
        self.both("close_at_settlement", outcome, lambda: self.model.close_at_settlement(a, market))

    def deposit(self, owner: str, a: int, tokens: int) -> None:
        self.note("deposit", owner, a, tokens)
        address = actor(owner)
        self.must(address, "mint(address,uint256)", address, tokens, to=self.token)
        self.must(address, "approve(address,uint256)", self.vault, tokens, to=self.token)
        if self.read().uncovered:
            refused = self.send(owner, "deposit(uint256,uint256)", a, tokens)
            if refused.ok or refused.reason != "vault: recovery open":
                raise Divergence(f"a deposit while a loss is uncovered: {refused}")
            outcome = self.send(owner, "deposit_at_ratio(uint256,uint256,uint256)", a, tokens, 0)
        else:
            outcome = self.send(owner, "deposit(uint256,uint256)", a, tokens)
        self.both("deposit", outcome, lambda: self.model.deposit(a, tokens * self.scale))

    def withdraw(self, owner: str, a: int, tokens: int) -> None:
        self.note("withdraw", owner, a, tokens)
        is_at_ratio = self.read().uncovered != 0
        outcome = self.send(owner, "withdraw(uint256,uint256,address,uint256)", a, tokens, actor(owner), 0)
        self.allow(1)
        amount, model = tokens * self.scale, self.model
        name = "withdraw at ratio" if is_at_ratio else "withdraw"
        share = self.both(name, outcome, lambda: model.withdraw(a, amount, is_at_ratio))
        if outcome.ok and is_at_ratio:
            paid = self.event(outcome, "Withdrawn")[2] * self.scale
            self.near("paid at a ratio", paid, share, self.scale + model.money_tolerance)
            model.pay_out(a, amount, paid)

    def recapitalise(self, owner: str, tokens: int) -> None:
        self.note("recapitalise", owner, tokens)
        address = actor(owner)
        uncovered = self.read().uncovered
        self.must(address, "mint(address,uint256)", address, tokens, to=self.token)
        self.must(address, "approve(address,uint256)", self.vault, tokens, to=self.token)
        outcome = self.send(owner, "recapitalise(uint256)", tokens)
        self.count("recapitalise", outcome)
        if outcome.ok != (uncovered != 0):
            raise Divergence(f"recapitalise with {uncovered} uncovered: {outcome}")
        if outcome.ok:
            taken = min(tokens, -(-uncovered // self.scale)) * self.scale
            self.model.recapitalise(taken, max(uncovered - taken, 0))

    def charge_side(self, market: int, limit: int) -> None:
        self.note("charge_side", market, limit)
        before = self.read()
        claims = self.synced_claims(before, market)
        outcome = self.send("allocator", "charge_side(uint256,uint256)", market, limit)
        self.look_at_crumbs()
        if not outcome.ok and outcome.reason == "tiers: too few cohorts":
            return self.count("charge_side", outcome)

        def operation() -> None:
            model, m = self.model, self.model.markets[market]
            with model.all_or_nothing():
                model.require_side_charge(market)
                asked = model.sides(m, claims)
                slack = model.money_tolerance + model.size_tolerance * m.mark
                model.require(model.decide(sum(asked) - slack - 1, slack), "side charge waits")
            if outcome.ok:
                self.charged_side(market, outcome, claims)

        with self.reached(market, before):
            self.both("charge_side", outcome, operation)

    def charged_side(self, market: int, outcome: Outcome, claims: list[dict[Any, int]]) -> None:
        """The kernel's charges are the model's, within the bound; then used."""
        model, m = self.model, self.model.markets[market]
        event = self.event(outcome, "SideCharged")
        asked = model.sides(m, claims)
        t, z = model.money_tolerance, model.size_tolerance
        for size, charge, amount in zip(event[4:6], event[6:8], asked, strict=True):
            # charges are rounded up by a wei a base
            self.near("asked of a side", Fr(size * charge, WAD), amount, t + z * m.mark + Fr(size, WAD) + 4)
        charges = Fr(event[6], WAD), Fr(event[7], WAD)
        self.allow(money=(z + 4) * (1 + sum(charges)) * (len(model.accounts) + 1) + LEAST_CLAIM)
        collected = model.charge_side(m, *charges)
        self.near("collected", event[8], collected, model.money_tolerance)

    def write_off(self, market: int, limit: int) -> None:
        self.note("write_off", market, limit)
        before = self.read()
        outcome = self.send("stranger", "write_off(uint256,uint256)", market, limit)
        claims = self.paid_claims(before, market, outcome)
        old = sum(c["outstanding"] for c in claims if c["filed_at"] <= self.model.now - 86_400)
        self.look_at_crumbs()
        if not outcome.ok and outcome.reason == "tiers: too few cohorts":
            return self.count("write_off", outcome)

        def operation() -> None:
            model, m = self.model, self.model.markets[market]
            with model.all_or_nothing():
                model.require_write_off(market, old)
            if not outcome.ok:
                return
            model.sync(m, RECOVERED, 0)
            reachable, left = model.reachable(market), claims
            if self.has_event(outcome, "RoundCharged"):
                event = self.event(outcome, "RoundCharged")
                self.near("last deficit", event[3], m.outstanding, model.money_tolerance)
                self.near("reachable", event[4], reachable, model.money_tolerance + 4 * len(model.accounts))
                share = min(Fr(event[3], event[4]), Fr(1))
                self.near("last share", Fr(event[5], 10**27), share, Fr(2, 10**27))
                self.allow(money=len(model.accounts) * (MATURING + 4) + LEAST_CLAIM)
                model.charge_round(market, Fr(event[5], 10**27))
                left = self.paid(claims, min(event[3], event[4]))
            else:
                self.near("reachable", 0, reachable, m.dust + model.money_tolerance)
            if self.has_event(outcome, "SideCharged"):
                self.counts["charged by a write-off"] = self.counts.get("charged by a write-off", 0) + 1
                self.charged_side(market, outcome, left)
            if self.has_event(outcome, "WrittenOff"):
                self.counts["written off"] = self.counts.get("written off", 0) + 1
                amount = self.event(outcome, "WrittenOff")[3]
                self.near("written off", amount, model.write_off(market), model.money_tolerance)
            else:
                self.near("not written off", 0, m.outstanding, m.dust + model.money_tolerance)
            model.take_surplus(m)

        with self.reached(market, before):
            self.both("write_off", outcome, operation)

    def paid_claims(self, books: Books, market: int, outcome: Outcome) -> list[dict[Any, int]]:
        """The same, when the fund has been asked: there is none here."""
        return self.synced_claims(books, market)

    @staticmethod
    def synced_claims(books: Books, market: int) -> list[dict[Any, int]]:
        """The kernel's open claims, oldest first, as its next sync leaves them."""
        inventory = books.inventories[market]
        claims = [dict(c) for c in books.claims if c["market"] == market and c["outstanding"]]
        missing = max(-inventory["equity"], 0) - sum(c["outstanding"] for c in claims)
        if missing > LEAST_CLAIM:
            own = [c for c in claims if c["account"] == 0] or claims[MAX_CLAIMS - 1 :]
            if own:
                own[0]["outstanding"] += missing
            else:
                side = (inventory["size"] > 0) + 2 * (inventory["size"] < 0)
                claims.append({"loss_side": side, "outstanding": missing, "filed_at": 2**40})
        for claim in reversed(claims):
            part = min(claim["outstanding"], max(-missing, 0))
            claim["outstanding"] -= part
            missing += part
        return [c for c in claims if c["outstanding"]]

    @staticmethod
    def paid(claims: list[dict[Any, int]], amount: int) -> list[dict[Any, int]]:
        """The same after a payment, oldest first."""
        for claim in claims:
            part = min(claim["outstanding"], amount)
            claim["outstanding"] -= part
            amount -= part
        return [c for c in claims if c["outstanding"]]

    def transfer(self, owner: str, sender: int, receiver: int, amount: int) -> None:
        self.note("transfer", owner, sender, receiver, amount)
        outcome = self.send(owner, "transfer(uint256,uint256,uint256)", sender, receiver, amount)
        self.allow(2)
        self.both("transfer", outcome, lambda: self.model.transfer(sender, receiver, amount))

    def set_class(self, owner: str, a: int, market: int, leverage_class: int) -> None:
        self.note("set_class", owner, a, market, leverage_class)
        signature = "set_leverage_class(uint256,uint256,uint256)"
        outcome = self.send(owner, signature, a, market, leverage_class)
        self.allow(1)
        self.both("class", outcome, lambda: self.model.set_class(a, market, leverage_class))

    def touch(self, a: int, market: int) -> None:
        self.note("touch", a, market)
        outcome = self.send("stranger", "touch(uint256,uint256)", a, market)
        self.allow(1)
        self.both("touch", outcome, lambda: self.model.touch(a, market))

    def sync_cohort(self, key: int, limit: int) -> None:
        self.note("sync_cohort", key, limit)
        outcome = self.send("stranger", "sync_cohort(uint256,uint256)", key, limit)
        self.both("sync_cohort", outcome, lambda: None)

    def fill(self, market: int, taker: int, fee: int, ro: bool, makers: list[tuple[Any, ...]]) -> None:
        self.note("fill", market, taker, fee, ro, makers)
        data = selector(FILL) + encode(
            ["uint256", "uint256", "uint256", "bool", "(uint256,int256,uint256,uint256,bool)[]"],
            [market, taker, fee, ro, makers],
        )
        outcome = self.chain.send(actor("exchange"), self.vault, data)
        self.allow(1 + len(makers))
        self.both("fill", outcome, lambda: self.model.fill(market, taker, fee, ro, makers))

    def pay_builder(self, market: int, builder: int, amount: int) -> None:
        self.note("pay_builder", market, builder, amount)
        outcome = self.send("exchange", "pay_builder(uint256,uint256,uint256)", market, builder, amount)
        self.both("pay_builder", outcome, lambda: self.model.pay_builder(market, builder, amount))

    def take_over(self, a: int, market: int, liquidator: int, max_size: int) -> None:
        self.note("take_over", a, market, liquidator, max_size)
        before = self.read()
        size = before.positions[a, market]["size"]
        outcome = self.send(
            "engine",
            "take_over(uint256,uint256,uint256,uint256,uint256)",
            *(a, market, max_size, liquidator, 2**200 if size > 0 else 0),
        )
        self.allow(2)

        def operation() -> None:
            with self.model.all_or_nothing():
                judged()

        def judged() -> None:
            model, m = self.model, self.model.markets[market]
            model.require(a != liquidator, "self trade")
            model.require(not m.is_settled, "settled")
            model.require(m.is_fresh(model.now), "stale mark")
            model.settle_all(a)
            model.require_arrived(a, market)
            worth, risk = abs(model.account(a).size(market)) * m.mark, model.risk(a)
            planned, price, fee = model.plan(a, market, max_size)
            if not outcome.ok:
                sign = -1 if model.account(a).size(market) > 0 else 1
                return model.take_over(a, market, liquidator, int(sign * planned), price, int(fee))
            event = self.event(outcome, "TakenOver")
            t, w = model.money_tolerance, worth + 1
            gain = Fr(1, 200)  # target * lowest rate - kappa is more
            bound = (4 * t + w * Fr(1, 10**15)) / (m.mark * gain) + 2 + model.size_tolerance
            self.near("take-over size", abs(event[3]), planned, bound)
            here = risk.maintenance + 1
            slack = m.mark * (t / w + t / here + Fr(100, 10**18)) + Fr(2, WAD)
            self.near("take-over price", Fr(event[4], WAD), price, slack)
            fee = fee * Fr(abs(event[3])) / planned
            self.near("take-over fee", event[5], fee, w * (t / w + t / here + Fr(100, 10**18)) + 2)
            model.take_over(a, market, liquidator, event[3], Fr(event[4], WAD), event[5])

        self.both("take_over", outcome, operation)
        if outcome.ok:
            self.i9_health_never_falls(a, before, self.event(outcome, "TakenOver"))

    def plan(self, a: int, market: int) -> dict[str, int]:
        """What the kernel says a take-over without a limit would do."""
        signature = "liquidation_plan(uint256,uint256,uint256)"
        output = self.chain.call(self.vault, calldata(signature, a, market, UNLIMITED))
        return dict(zip(PLAN, words(output), strict=True))

    def close_with_orders(self, market: int, a: int, keeper: int, makers: list[tuple[Any, ...]]) -> None:
        self.note("close_with_orders", market, a, keeper, makers)
        before = self.read()
        data = selector(CLOSE) + encode(
            ["uint256", "uint256", "uint256", "(uint256,int256,uint256,uint256,bool)[]"],
            [market, a, keeper, makers],
        )
        outcome = self.chain.send(actor("exchange"), self.vault, data)
        self.allow(1 + len(makers))
        event = self.event(outcome, "ClosedWithOrders") if outcome.ok else []

        def operation() -> Fr:
            with self.model.all_or_nothing():
                return judged()

        def judged() -> Fr:
            model, m = self.model, self.model.markets[market]
            model.require(not m.is_settled, "settled")
            model.require(m.is_fresh(model.now), "stale mark")
            model.settle_all(a)
            model.require_arrived(a, market)
            change = -sum(maker[1] for maker in makers)
            size, held = abs(change), abs(model.account(a).size(market))
            risk, t, w = model.risk(a), model.money_tolerance, held * m.mark + 1
            limit = UNLIMITED if abs(size - held) <= model.size_tolerance else size
            planned, worst, fee = model.plan(a, market, limit)
            whole, _, _ = model.plan(a, market, UNLIMITED)
            model.require(change * model.account(a).size(market) < 0, "beyond plan")
            bound = (4 * t + w * Fr(1, 10**15)) / (m.mark * Fr(1, 200)) + 2 + model.size_tolerance
            model.require(model.decide(whole - size, bound), "beyond plan")
            here = risk.maintenance + 1
            rate = t / w + t / here + Fr(100, 10**18)
            slack = m.mark * rate + Fr(2, WAD)
            for _, part, price, _, _ in makers:
                better = (Fr(price, WAD) - worst) * (1 if part > 0 else -1)
                model.require(model.decide(better, slack), "worse than take-over")
            fee = fee * size / planned
            if not outcome.ok:
                return model.close_with_orders(market, a, keeper, makers, (worst, int(fee)), whole <= size)
            self.near("close fee", event[5], fee, w * rate + 2)
            is_whole = whole <= size
            if abs(whole - size) <= bound:
                # rounding decides whether the flat part of the reward is due
                worth = size * m.mark
                # (it is bounded by the saving, so it may be far less than the flat part)
                is_whole = event[6] > model.reward(m, worth, False) + size * slack + len(makers) + 2
            reward = model.close_with_orders(market, a, keeper, makers, (worst, event[5]), is_whole)
            self.near("close reward", event[6], reward, size * slack + len(makers) + 2)
            # what the model takes is the kernel's figure, so that the difference does not stay
            model.account(a).cash -= event[6] - reward
            model.account(keeper).cash += event[6] - reward
            return Fr(event[6])

        self.both("close_with_orders", outcome, operation)
        if outcome.ok:
            self.i9_health_never_falls(a, before, event)

    def absorb(self, a: int, keeper: int) -> None:
        self.note("absorb", a, keeper)
        outcome = self.send("engine", "absorb(uint256,uint256)", a, keeper)
        self.look_at_crumbs()
        self.allow(1 + self.market_count)
        if outcome.ok:
            self.model.had_equity = self.event(outcome, "AccountAbsorbed")[2] > 0
        reward = self.both("absorb", outcome, lambda: self.model.absorb(a, keeper))
        if outcome.ok:
            paid = self.event(outcome, "AccountAbsorbed")[4]
            self.near("reward", paid, reward, self.model.money_tolerance)

    def buy_inventory(self, market: int, buyer: int, max_size: int) -> None:
        self.note("buy_inventory", market, buyer, max_size)
        m = self.model.markets[market]
        # what rounding left of an inventory may be bought, but the model has nothing to sell
        if abs(m.size) <= self.model.size_tolerance:
            return
        limit = 2**200 if m.size > 0 else 0
        signature = "buy_inventory(uint256,uint256,uint256,uint256)"
        outcome = self.send("engine", signature, market, buyer, max_size, limit)
        self.look_at_crumbs()
        self.allow(2)
        size = abs(m.size)
        price = self.both("buy_inventory", outcome, lambda: self.model.buy_inventory(market, buyer, max_size))
        if outcome.ok:
            event = self.event(outcome, "InventorySold")
            bound = self.model.size_tolerance
            self.near("size sold", abs(event[2]), min(size, Fr(max_size)), bound)
            slack = self.model.money_tolerance / abs(event[2]) + Fr(2, WAD)
            self.near("auction price", Fr(event[3], WAD), price, slack)

    def deleverage(self, market: int, limit: int, is_at_mark: bool) -> None:
        name = "close_at_mark" if is_at_mark else "deleverage"
        self.note(name, market, limit)
        before = self.read()
        outcome = self.send("allocator", f"{name}(uint256,uint256)", market, limit)
        self.look_at_crumbs()

        def operation() -> None:
            model, m = self.model, self.model.markets[market]
            self.allow(money=LEAST_CLAIM)
            price = m.mark
            if is_at_mark:
                model.require_close_at_mark(market)
            else:
                price = model.deleverage(market)
            if not outcome.ok:
                return
            event = self.event(outcome, "Deleveraged")
            t, z = model.money_tolerance, model.size_tolerance
            slack = (t + z * self.highest_price) / abs(m.size) + Fr(2, WAD)
            self.near("P*", Fr(event[1], WAD), price, slack)
            self.allow(members=len(model.accounts) + 1)
            # a call that was not allowed to visit everybody closed a prefix of the queue
            size = Fr(event[3]) if limit < 100 else None
            closed = model.close_by_rank(market, Fr(event[1], WAD), RECOVERED if is_at_mark else ADL, size)
            self.near("size closed", event[3], closed, model.size_tolerance)

        with self.reached(market, before):
            self.both(name, outcome, operation)
        if outcome.ok:
            self.i4_at_most_own_profit(market, before)

    def charge_round(self, market: int, limit: int, during: Any = None) -> None:
        """A round, in as many calls as `limit` needs; `during` is tried while it is open."""
        self.note("charge_round", market, limit)
        before = self.read()
        signature = "charge_round(uint256,uint256)"
        outcome = self.send("allocator", signature, market, limit)
        while outcome.ok and self.is_round_open(market):
            if during is not None:
                during()
            outcome = self.send("allocator", signature, market, limit)
        self.look_at_crumbs()

        def operation() -> None:
            model = self.model
            if outcome.ok and self.has_event(outcome, "RoundAbandoned"):
                # a round of several calls learns only in its last that there is nothing to charge
                deficit, reachable = model.look_for_round(market)
                self.near("deficit", self.event(outcome, "RoundAbandoned")[1], deficit, model.money_tolerance)
                self.near("reachable", 0, reachable, model.money_tolerance + 4 * len(model.accounts))
                return
            deficit, reachable = model.require_round(market, limit >= 1000)
            if not outcome.ok:
                return
            event = self.event(outcome, "RoundCharged")
            t, share = model.money_tolerance, Fr(event[5], 10**27)
            self.near("deficit", event[3], deficit, t)
            self.near("reachable", event[4], reachable, t + 4 * len(model.accounts))
            expected = min(deficit / reachable, Fr(1))
            bound = (2 * t + 4 * len(model.accounts)) / reachable + Fr(2, 10**27)
            self.near("share", share, expected, bound)
            self.allow(money=len(model.accounts) * (MATURING + 4) + LEAST_CLAIM)
            model.charge_round(market, share)

        with self.reached(market, before):
            self.both("round", outcome, operation)
        if outcome.ok:
            self.i4_at_most_own_profit(market, before)

    @contextmanager
    def reached(self, market: int, before: Books) -> Iterator[None]:
        """Tell the model whose position the kernel's last tier has changed, where rounding decides that."""
        after = self.read()
        held = {a: account.positions.get(market) for a, account in self.model.accounts.items()}
        for a, position in held.items():
            if position is not None:
                position.was_reached = before.positions[a, market] != after.positions[a, market]
        try:
            yield
        finally:
            for account in self.model.accounts.values():
                for position in account.positions.values():
                    position.was_reached = None

    # --- looking at the kernel ------------------------------------------------------------------------------

    def is_round_open(self, market: int) -> bool:
        output = self.chain.call(self.vault, calldata("market_words(uint256)", market))
        return words(output)[0] >> 159 & 1 == 1

    def look_at_crumbs(self) -> None:
        for m in self.model.markets:
            output = self.chain.call(self.vault, calldata("inventory_state(uint256)", m.id))
            m.has_crumbs, m.auction_hint = words(output)[0] != 0, words(output)[5]

    def read(self) -> Books:
        """The books now; read anew only if something was sent or time has passed."""
        when = self.chain.transactions, self.chain.now
        if self.books_read != when:
            self.books, self.books_read = self.read_anew(), when
        return self.books

    def read_anew(self) -> Books:
        accounts, markets = list(self.model.accounts), range(self.market_count)
        calls = [calldata("account_state(uint256)", a) for a in accounts]
        calls += [calldata("position_state(uint256,uint256)", a, m) for a in accounts for m in markets]
        calls += [calldata("inventory_state(uint256)", m) for m in markets]
        calls += [calldata("market_words(uint256)", m) for m in markets]
        calls += [calldata("uncovered()"), *(calldata("recovery_claim(uint256)", a) for a in accounts)]
        calls += [calldata("fee_state()"), calldata("claim_count()")]
        answers = iter(self.multicall(calls))
        books = Books(
            accounts={a: dict(zip(STATE, next(answers), strict=True)) for a in accounts},
            positions={
                (a, m): dict(zip(POSITION, next(answers), strict=True)) for a in accounts for m in markets
            },
            inventories=[dict(zip(INVENTORY, next(answers), strict=True)) for _ in markets],
            open_interests=[next(answers)[12] & (2**112 - 1) for _ in markets],
            uncovered=next(answers)[0],
            recovery_claims={a: next(answers)[0] for a in accounts},
            fees=next(answers),
            claims=[],
            held=0,
        )
        claims = [calldata("claim_state(uint256)", n) for n in range(next(answers)[0])]
        for at in range(0, len(claims), 150):
            part = self.multicall(claims[at : at + 150])
            books.claims += [dict(zip(CLAIM, answer, strict=True)) for answer in part]
        for claim in books.claims:
            claim["account"] %= 2**256
        balance = self.chain.call(self.token, calldata("balanceOf(address)", self.vault))
        for n, claim in enumerate(books.claims):
            claim["id"] = n
        books.held = int.from_bytes(balance, "big") * self.scale
        return books

    def multicall(self, calls: list[bytes]) -> list[list[int]]:
        if not calls:
            return []
        output = self.chain.call(self.reader, multicall_data(self.vault, tuple(calls)))
        return [words(answer) for answer in byte_strings(output)]

    # --- comparing ------------------------------------------------------------------------------------------

    def check(self) -> None:
        books = self.read()
        self.look_at_rests(books)
        self.model.note_open_interests()
        self.risks = {a: self.model.risk(a) for a in self.model.accounts}
        self.i1_nothing_owed_that_is_not_held(books)
        self.i2_sizes_add_up(books)
        self.i3_lazy_is_naive(books)
        self.i6_claims_add_up(books)

    def look_at_rests(self, books: Books) -> None:
        """A unit that rounding left the kernel of a position which the model has closed is a position too."""
        for a, account in self.model.accounts.items():
            account.rests = {
                m.id
                for m in self.model.markets
                if books.positions[a, m.id]["size"] and not account.size(m.id)
            }

    def i1_nothing_owed_that_is_not_held(self, books: Books) -> None:
        owed = sum(a["equity"] for a in books.accounts.values())
        owed += sum(i["equity"] for i in books.inventories) + sum(books.fees)
        held = books.held + books.uncovered
        if owed > held:
            raise Divergence(f"I1: owes {owed - held} more than it holds")
        self.near("uncovered", books.uncovered, self.model.uncovered, self.model.money_tolerance)
        for a, claim in books.recovery_claims.items():
            if claim != self.model.recovery_claims.get(a, 0):
                raise Divergence(f"recovery claim of {a}: {claim}")
        lost = held - owed - self.model.slack
        bound = self.model.money_tolerance + 100 * len(books.accounts)
        if lost > bound:
            raise Divergence(f"I1: lost {lost}, allowed {float(bound):g}")
        total = self.model.total(sum((r.equity for r in self.risks.values()), Fr(0)))
        if books.held != self.model.deposited or total != self.model.deposited:
            raise Divergence(f"I1: holds {books.held}, model {float(total)}")

    def i2_sizes_add_up(self, books: Books) -> None:
        for market, inventory in enumerate(books.inventories):
            sizes = [p["size"] for (_, m), p in books.positions.items() if m == market]
            total = sum(sizes) + inventory["size"]
            if not -self.model.size_tolerance <= total <= 0:
                raise Divergence(f"I2: sizes of market {market} add up to {total}")
            longs = [size for size in [*sizes, inventory["size"]] if size > 0]
            # what rounding takes from a long in a closed cohort counts until that long is settled
            open_interest, bound = books.open_interests[market], 2 * self.model.size_tolerance
            if not -len(longs) <= sum(longs) - open_interest <= bound:
                raise Divergence(f"I2: market {market} has open interest {open_interest}, longs {longs}")
            if open_interest > sum(longs) - total:
                raise Divergence(f"I2: market {market} has open interest {open_interest} above the shorts")

    def i3_lazy_is_naive(self, books: Books) -> None:
        model, t, z = self.model, self.model.money_tolerance, self.model.size_tolerance
        for a, state in books.accounts.items():
            account, risk = model.accounts[a], self.risks[a]
            name = "I3: account " + chr(ord("A") + list(model.accounts).index(a))
            self.near(f"{name} cash", state["cash"], risk.cash, t)
            self.near(f"{name} equity", state["equity"], risk.equity, t)
            if bool(state["is_stale"]) != risk.is_stale:
                raise Divergence(f"{name}: stale {state['is_stale']}, model {risk.is_stale}")
            self.near(f"{name} maturing", state["maturing"], risk.maturing, t)
            margin = t + z * self.highest_price + 20
            self.near(f"{name} maintenance", state["maintenance"], risk.maintenance, margin)
            self.near(f"{name} hole", state["hole"], risk.hole, margin)
            withdrawable = max(risk.withdrawable, Fr(0))
            self.near(f"{name} withdrawable", state["withdrawable"], withdrawable, 2 * margin)
            for m in model.markets:
                p = books.positions[a, m.id]
                mine = account.positions.get(m.id)
                label = f"{name} market {m.id}"
                self.near(f"{label} size", p["size"], mine.size if mine else 0, z)
                self.near(f"{label} notional", p["notional"], mine.notional if mine else 0, t)
                self.near(f"{label} pot", p["pot"], account.pots.get(m.id, Fr(0)), t)
                self.near(f"{label} maturing", p["maturing"], account.ripening(m.id), t)
                if mine and p["size"]:
                    self.same_place(label, mine, m, p["key"])
        for m, inventory in zip(model.markets, books.inventories, strict=True):
            self.near(f"inventory {m.id} size", inventory["size"], m.size, z)
            # rounding decides whether an empty inventory keeps its dust, so the fees are compared with it
            crumbs = m.dust if m.is_dust() else 0
            self.near(f"inventory {m.id} equity", inventory["equity"], m.equity, t + crumbs)
            self.near(f"claims {m.id}", inventory["outstanding"], m.outstanding, t)
        kept = sum(i["equity"] for i in books.inventories) + books.fees[4]
        self.near("surplus", kept, sum((m.equity + m.surplus for m in model.markets), Fr(0)), t)
        self.near("liquidation fees", books.fees[2], model.liquidation_fees, t)
        self.near("trading fees", books.fees[0], model.trading_fees, t)
        self.near("treasury's fees", books.fees[3], model.treasury_fees, t)
        self.near("funding fees", books.fees[1], model.funding_fees, t)

    def same_place(self, label: str, p: Any, m: Any, key: int) -> None:
        """Class and tick are the model's; the generation, and a tick where rounding decides, the kernel's."""
        p.generation = key & 63
        tick, leverage_class, is_short = key >> 6 & 0x3FFF, key >> 20 & 3, key >> 22 & 1
        if leverage_class != p.leverage_class or is_short != (p.size < 0):
            raise Divergence(f"{label}: class {leverage_class}, model {p.leverage_class}")
        if tick != p.tick:
            border = tick_low(max(tick, p.tick), m.tick_bits)
            entry = p.notional / p.size
            off = (self.model.money_tolerance + self.model.size_tolerance * entry) / abs(p.size)
            if abs(tick - p.tick) != 1 or p.is_sealed or abs(entry - border) > off + Fr(2, WAD):
                raise Divergence(f"{label}: tick {tick}, model {p.tick}, entry {float(entry)}")
            p.tick = tick
            self.model.set_edge(p, m)

    def i4_at_most_own_profit(self, market: int, before: Books) -> None:
        after = self.read()
        for a, state in before.accounts.items():
            p = before.positions[a, market]
            profit = max(p["unrealised"], 0) + p["maturing"] + p["pot"]
            lost = state["equity"] - after.accounts[a]["equity"]
            if lost > profit + 2 * 10**9 + 10 + 2 * self.highest_price:
                raise Divergence(f"I4: account {a} lost {lost} of a profit of {profit}")

    def i6_claims_add_up(self, books: Books) -> None:
        model, t = self.model, self.model.money_tolerance
        for claim in books.claims:
            if claim["amount"] != sum(claim[tier] for tier in TIERS) + claim["outstanding"]:
                raise Divergence(f"I6: {claim}")
        for m in model.markets:
            theirs = [c for c in books.claims if c["market"] == m.id]
            mine = m.closed_claims + m.claims
            outstanding = sum(c["outstanding"] for c in theirs)
            if outstanding != books.inventories[m.id]["outstanding"]:
                raise Divergence(f"I6: claims of market {m.id} lack {outstanding}")
            for tier in TIERS:
                paid = sum((c.paid[tier] for c in mine), Fr(0))
                self.near(f"I6: market {m.id} tier {tier}", sum(c[tier] for c in theirs), paid, t)
            for a in {c.account for c in mine} | {c["account"] for c in theirs}:
                amount = sum(c["amount"] for c in theirs if c["account"] == a)
                model_amount = sum((c.amount for c in mine if c.account == a), Fr(0))
                self.near(f"I6: claims of {a} in {m.id}", amount, model_amount, t)

    def i9_health_never_falls(self, a: int, before: Books, event: list[int]) -> None:
        old, new = before.accounts[a], self.read().accounts[a]
        worth = abs(event[3]) * self.model.markets[event[1]].mark
        cost = old["equity"] - new["equity"]
        p = before.positions[a, event[1]]
        # kappa <= h * MM_m / notional_m
        bound = Fr(old["equity"] * p["maintenance"], old["maintenance"]) / (
            abs(p["size"]) * self.model.markets[event[1]].mark
        )
        slack = 2 * MATURING + 20 + 2 * self.highest_price
        if cost > bound * worth + slack:
            raise Divergence(f"I9: a liquidation cost {cost}, bound {float(bound * worth)}")
        if new["maintenance"] and (
            (new["equity"] + slack) * old["maintenance"] < old["equity"] * new["maintenance"]
        ):
            raise Divergence(f"I9: health fell from {old} to {new}")


def systems(chain: Chain, ledger: type[Ledger] = Ledger) -> list[Any]:
    """Systems of three kinds: decimals, width of ticks, in the last all limits of marks and crowds."""
    limits = {
        "margin": margin_config(
            max_opening_age=300, open_interest_cap_quote=204_800 * WAD, lower_cap_share=WAD // 4
        ),
        "liquidation": liquidation_config(max_mark_step=WAD // 20, reward_cap=2 * WAD),
    }
    kinds: list[dict[str, Any]] = [
        {"decimals": 6},
        {"decimals": 18, "has_fine_ticks": True},
        {"decimals": 8} | limits,
    ]
    return [ledger(chain, **kind).deploy() for kind in kinds]


# --- seeded histories ---------------------------------------------------------------------------------------

# What governance may change a market's terms to, a group at once. A cap that counts is one that the kernel
# keeps exactly.
MARGIN_TERMS: list[list[dict[str, Any]]] = [
    [
        {"line_rates": [WAD // 40, WAD // 20], "line_deductions": [0, 25_000 * WAD]},
        {"line_rates": [WAD // 100], "line_deductions": [0]},
        {"line_rates": [WAD // 50, WAD // 25, WAD // 10], "line_deductions": [0, 100 * WAD, 2_000 * WAD]},
    ],
    [
        {"class_rates": [WAD // 20, WAD // 10, WAD // 5, WAD // 2]},
        {"class_rates": [WAD // 10, WAD // 8, WAD // 4, WAD // 2]},
        {"class_rates": [WAD // 5, WAD // 10, WAD // 20, WAD // 10]},
    ],
    [{"initial_factor": factor * WAD // 10} for factor in (11, 15, 30)],
    [
        {"max_mark_age": 600, "max_opening_age": 600},
        {"max_mark_age": 3600, "max_opening_age": 300},
        {"max_mark_age": 60, "max_opening_age": 60},
    ],
    [{"price_band": WAD // 100}, {"price_band": WAD // 500}],
    [{"minimum_notional": least * WAD} for least in (20, 100, 1_000)],
    [
        {"open_interest_cap_quote": 10**9 * WAD, "lower_cap_share": WAD},
        {"open_interest_cap_quote": 204_800 * WAD, "lower_cap_share": WAD // 4},
        {"open_interest_cap_quote": 25_600 * WAD, "lower_cap_share": WAD // 8},
    ],
    [{"position_cap_quote": cap * WAD} for cap in (10**8, 51_200)],
]
LIQUIDATION_TERMS: list[list[dict[str, Any]]] = [
    [{"target_health": health * WAD // 100} for health in (105, 125, 200)],
    [{"critical_health": health * WAD // 10} for health in (1, 4, 8)],
    [{"cost_slope": slope * WAD // 100, "fund_share": WAD // 5} for slope in (1, 5, 20)],
    [{"deleverage_band": band * WAD // 100} for band in (2, 30, 50)],
    [{"auction_slippage": WAD // 50, "auction_seconds": seconds} for seconds in (60, 600)],
    [{"reward_flat": flat * WAD // 10, "reward_cap": 20 * WAD} for flat in (0, 2, 10, 50)],
    [{"dust": WAD // 100}, {"dust": WAD}],
    [{"max_mark_step": 0}, {"max_mark_step": WAD // 20}],
]
OWNERS = ["alice", "bob", "carol", "dave", "erin", "frank"]
RESOLVES = ["absorb", "take_over", "order_close", "deleverage", "round", "close_at_mark", "buy"]


class History:
    """A seeded random history: trade until somebody is hurt, then all ways to resolve it, in any order."""

    def __init__(self, ledger: Ledger, seed: int, ways: list[str] = RESOLVES) -> None:
        self.ledger, self.random, self.seed, self.step = ledger, random.Random(seed), seed, 0
        self.ways = ways
        self.owner_of: dict[int, str] = {}
        # what kind of history
        self.volatility = self.random.choice([2, 5, 12, 30])
        self.eagerness = self.random.choice([0.1, 0.4, 0.7])
        self.resolves = self.random.sample(ways, self.random.randint(2, len(ways)))
        self.is_ugly = self.random.random() < 0.5
        # only some: others stay what their seeds have been
        self.has_builders = seed % 5 == 2
        self.has_settlement = seed % 7 == 0
        self.has_last_tiers = seed % 4 == 1
        self.has_governance = seed % 4 == 3 and not self.has_settlement

    def begin(self) -> None:
        r = self.random
        self.ledger.start()
        for owner in OWNERS:
            for sub in range(r.choice([1, 1, 2])):
                a = int(str(actor(owner)), 16) << 96 | sub
                self.owner_of[a] = owner
                self.ledger.deposit(owner, a, r.randint(1000, 20_000) * 10**self.ledger.decimals)
        keeper = int(str(actor("keeper")), 16) << 96
        self.owner_of[keeper] = "keeper"
        self.ledger.deposit("keeper", keeper, 50_000 * 10**self.ledger.decimals)
        self.names = list(self.owner_of)
        self.ledger.check()

    def run(self, steps: int) -> None:
        for self.step in range(steps):
            self.one()
            self.ledger.check()

    def one(self) -> None:
        r, model = self.random, self.ledger.model
        if self.has_last_tiers and self.step == 0:
            return self.late_loss()
        hurt = bool(self.hurt())
        is_open = any(m.claims or m.size for m in model.markets)
        if (hurt or is_open) and r.random() < self.eagerness:
            return self.resolve(r.choice(self.resolves))
        if self.has_builders and r.random() < 0.08:
            return self.pay_builder()
        if self.has_settlement and r.random() < 0.15:
            return self.settlement()
        if self.has_governance and r.random() < 0.08:
            return self.govern()
        if self.has_last_tiers and r.random() < 0.3 and (is_open or model.uncovered):
            return self.last_tiers()
        action = r.choices(
            ["fill", "price", "withdraw", "transfer", "touch", "class", "deposit", "wait", "sync", "any"],
            [40, 25, 6, 4, 10, 4, 3, 2, 3, 6],
        )[0]
        return self.resolve(r.choice(self.ways)) if action == "any" else getattr(self, action)()

    def hurt(self) -> list[int]:
        risks = self.ledger.risks
        return [a for a in self.names if risks[a].equity < risks[a].maintenance]

    def market(self) -> int:
        return self.random.randrange(self.ledger.market_count)

    def rate(self) -> int:
        return self.random.choice([0, 0, 1, -1]) * self.random.randint(0, 10**12)

    def price(self) -> None:
        r, market = self.random, self.market()
        mark = int(self.ledger.model.markets[market].mark * WAD)
        percent = r.choice([1, 1, 1, self.volatility])
        held = [a for a in self.names if self.ledger.model.account(a).size(market)]
        if held and r.random() < 0.35:
            # where somebody's health is about what a take-over or an absorption needs
            a = r.choice(held)
            risk, goal = self.ledger.risks[a], Fr(r.randint(-30, 120), 100)
            move = (risk.equity - goal * risk.maintenance) / self.ledger.model.account(a).size(market)
            price = mark - int(move * WAD)
            price = min(max(price, mark // 2), mark * 2)
        elif r.random() < 0.25:
            # back to where it came from, or to a tick's border
            goal = r.choice([100 * WAD, 64 * WAD, tick_low((66 << 6) | r.randrange(64), 6) * WAD])
            price = int(goal)
        else:
            price = mark * (10_000 + r.randint(-100 * percent, 100 * percent)) // 10_000
        if self.is_ugly:
            price += r.randint(0, 10**9)
        price = min(max(price, WAD), 10**6 * WAD)
        self.ledger.set_price(market, price, self.rate(), r.choice([1, 12, 60, 300, 599, 601]))

    def wait(self) -> None:
        """Long enough that profit matures, with or without a mark on the way."""
        for _ in range(self.random.randint(1, 6)):
            for market in range(self.ledger.market_count):
                mark = int(self.ledger.model.markets[market].mark * WAD)
                self.ledger.set_price(market, mark, self.rate(), self.random.choice([300, 1800]))

    def size(self, a: int, market: int) -> int:
        """A size the account could bear, or a bit more than that."""
        r, model = self.random, self.ledger.model
        m = model.markets[market]
        worth = max(float(model.risk(a).equity), 0) * r.choice([0.3, 2, 6, 15, 21])
        size = int(worth * r.random() / float(m.mark))
        held = int(abs(model.account(a).size(market)))
        size = r.choice([size, size, held, held // 2, 2 * held]) or size
        return max(size if self.is_ugly else size // 10**15 * 10**15, 10**15)

    def fill(self) -> None:
        r, ledger, market = self.random, self.ledger, self.market()
        mark = int(ledger.model.markets[market].mark * WAD)
        taker, *makers = r.sample(self.names, r.choice([2, 2, 2, 3, 4]))
        sign, fills = r.choice([1, -1]), []
        for maker in makers:
            size = min(self.size(maker, market), self.size(taker, market)) // len(makers) or 1
            price = mark * r.choice([10_000, 10_000, r.randint(9_900, 10_100)]) // 10_000
            fee = r.choice([0, 10**14, 5 * 10**14])
            fills.append((maker, sign * size, price, fee, r.random() < 0.05))
        fee = r.choice([0, 10**14, 10**15])
        ledger.fill(market, taker, fee, r.random() < 0.05, fills)

    def pay_builder(self) -> None:
        r, market = self.random, self.market()
        fees = max(int(self.ledger.model.markets[market].fees), 0)
        # what a fill has brought, or the whole; now and then more than there is
        amount = r.choice([fees, fees // 2, r.randint(0, fees), 2 * fees + 10**15, 0])
        self.ledger.pay_builder(market, r.choice(self.names), amount)

    def govern(self) -> None:
        r, kind = self.random, self.random.choice(["margin", "liquidation"])
        groups = MARGIN_TERMS if kind == "margin" else LIQUIDATION_TERMS
        self.ledger.set_terms(self.market(), kind, r.choice(r.choice(groups)))

    def settlement(self) -> None:
        """
        One market is closed and settled, late enough that there is something in it; then who is there
        leaves it.
        """
        r, ledger, model = self.random, self.ledger, self.ledger.model
        settled = [m.id for m in model.markets if m.is_settled]
        if not settled:
            if self.step > 30 and r.random() < 0.15:
                market = self.market()
                ledger.set_close_only(market, True)
                if not ledger.settle_market(market) and r.random() < 0.8:
                    ledger.set_close_only(market, False)
            return
        market = settled[0]
        held = [a for a in self.names if model.account(a).size(market)]
        if not held and r.random() < 0.9:
            return self.fill()
        if r.random() < 0.1:
            market = self.market()
        ledger.close_at_settlement(r.choice(held if held and r.random() < 0.9 else self.names), market)

    def late_loss(self) -> None:
        """A loss that is recognised when who won has left with it: then there may be nobody to pay it."""
        r, ledger, model = self.random, self.ledger, self.ledger.model
        market, sign = self.market(), r.choice([1, -1])
        winner = next(a for a in self.names if self.owner_of[a] == "keeper")
        others = sorted((a for a in self.names if a != winner), key=lambda a: model.account(a).cash)
        newcomer = others[-1]
        loser = r.choice([a for a in others if self.owner_of[a] != self.owner_of[newcomer]])
        mark = int(model.markets[market].mark * WAD)
        size = int(model.account(loser).cash) * WAD // mark * r.choice([5, 10, 14])
        ledger.fill(market, loser, 0, False, [(winner, -sign * size, mark, 0, False)])
        mark = mark * (100 - sign * r.choice([15, 25, 30])) // 100
        ledger.set_price(market, mark, 0, 60)
        ledger.fill(market, winner, 0, True, [(newcomer, -sign * size, mark, 0, False)])
        for _ in range(26):
            ledger.set_price(market, mark, 0, 300)
        ledger.touch(winner, market)
        ledger.absorb(loser, winner)
        ledger.check()
        if r.random() < 0.5:
            ledger.buy_inventory(market, winner, UNLIMITED)

    def last_tiers(self) -> None:
        """What no profit pays: charged to a side, written off after a day, repaired, borne by all."""
        r, ledger, model = self.random, self.ledger, self.ledger.model
        owing = [m.id for m in model.markets if m.outstanding > m.dust] or [self.market()]
        market, how = r.choice(owing), r.random()
        if model.uncovered and how < 0.25:
            whole = max(int(model.uncovered), 0) // ledger.scale + 1
            return ledger.recapitalise("helper", r.choice([1, r.randint(1, whole), whole, 2 * whole]))
        if model.uncovered and how < 0.5:
            return self.withdraw() if r.random() < 0.8 else self.deposit()
        seconds = r.choice([1, 1, 3_600, 86_400])
        ledger.set_price(market, int(model.markets[market].mark * WAD), 0, seconds)
        if r.random() < 0.5:
            ledger.charge_round(market, 1000)
        limit = 1000 if r.random() < 0.9 else 1
        if seconds == 86_400 or r.random() < 0.1:
            return ledger.write_off(market, limit)
        ledger.charge_side(market, limit)

    def deposit(self) -> None:
        a = self.random.choice(self.names)
        self.ledger.deposit(self.owner_of[a], a, self.random.randint(1, 5 * 10**9))

    def withdraw(self) -> None:
        a, r = self.random.choice(self.names), self.random
        free = max(self.ledger.model.risk(a).withdrawable, Fr(0))
        tokens = int(free * r.choice([1, 1, r.random(), 1.01])) // self.ledger.scale
        self.ledger.withdraw(self.owner_of[a], a, max(tokens + r.choice([-2, 0, 1, 2]), 1))

    def transfer(self) -> None:
        a, r = self.random.choice(self.names), self.random
        others = [b for b in self.names if self.owner_of[b] == self.owner_of[a] and b != a]
        if not others:
            return self.withdraw()
        free = max(self.ledger.model.risk(a).withdrawable, Fr(0))
        amount = max(int(free * r.choice([1, r.random(), 1.01])), 1)
        self.ledger.transfer(self.owner_of[a], a, r.choice(others), amount)

    def touch(self) -> None:
        self.ledger.touch(self.random.choice(self.names), self.market())

    def set_class(self) -> None:
        a = self.random.choice(self.names)
        self.ledger.set_class(self.owner_of[a], a, self.market(), self.random.randrange(4))

    # names of actions
    vars()["class"] = set_class

    def sync(self) -> None:
        books = self.ledger.read()
        keys = [p["key"] for p in books.positions.values() if p["key"]]
        if keys:
            self.ledger.sync_cohort(self.random.choice(keys), self.random.choice([1, 64]))

    def resolve(self, how: str) -> None:
        r, ledger, model = self.random, self.ledger, self.ledger.model
        markets = [m.id for m in model.markets if m.claims or m.size] or [self.market()]
        market = r.choice(markets) if r.random() < 0.9 else self.market()
        a = r.choice(self.hurt() or self.names) if r.random() < 0.95 else r.choice(self.names)
        if r.random() < 0.5 and not model.markets[market].is_fresh(model.now):
            mark = int(model.markets[market].mark * WAD)
            ledger.set_price(market, mark, 0, 1)
        if how == "absorb":
            ledger.absorb(a, r.choice(self.names))
        elif how == "take_over":
            held = [m for m in range(ledger.market_count) if model.account(a).size(m)]
            size = r.choice([UNLIMITED, UNLIMITED, 10**17, int(abs(model.account(a).size(market))) // 3 or 1])
            ledger.take_over(a, r.choice(held or [market]), r.choice(self.names), size)
        elif how == "order_close":
            self.order_close(a, market)
        elif how == "round":
            if r.random() < 0.3 and model.now - model.markets[market].round_time < 600:
                ledger.set_price(market, int(model.markets[market].mark * WAD), 0, 600)
            ledger.charge_round(
                market, r.choice([1, 2, 1000]) if r.random() < 0.3 else 1000, self.during(market)
            )
        elif how == "buy":
            size = r.choice([UNLIMITED, int(abs(model.markets[market].size)) // 2 or 1])
            ledger.buy_inventory(market, r.choice(self.names), size)
        else:
            ledger.deleverage(market, r.choice([1, 2, 100, 100]), how == "close_at_mark")

    def order_close(self, a: int, market: int) -> None:
        """Up to four makers between the take-over's price and a bit better than mark, some just beyond."""
        r, ledger, model = self.random, self.ledger, self.ledger.model
        held = [(b, m) for b in self.hurt() for m in range(ledger.market_count) if model.account(b).size(m)]
        ready = [place for place in held if ledger.plan(*place)["change"]]
        if ready and r.random() < 0.9:
            a, market = r.choice(ready)
        plan, mark = ledger.plan(a, market), int(model.markets[market].mark * WAD)
        size = abs(plan["change"]) or int(abs(model.account(a).size(market))) or WAD
        size = r.choice([size, size, size // 2, r.randint(1, size), size + r.choice([1, 10**15])])
        sign = -1 if plan["change"] > 0 or model.account(a).size(market) < 0 else 1
        worst, others = plan["price"] or mark, [b for b in self.names if b != a]
        makers = r.sample(others, min(r.choice([1, 1, 2, 4]), len(others)))
        if r.random() < 0.7:
            # those who have most to spare, so that it may come about
            others.sort(key=lambda b: -ledger.risks[b].withdrawable)
            makers = others[: len(makers)]
        fills, left = [], size
        for n, maker in enumerate(makers):
            part = left if n == len(makers) - 1 else left // (len(makers) - n)
            left -= part
            offset = mark * r.choice([0, 0, r.randint(-50, 20)]) // 10_000
            price = r.choice([mark, worst, worst + sign * r.randint(0, 10**15), mark - sign * offset])
            if r.random() < 0.05:
                price = worst - sign * r.choice([1, 10**15])
            fills.append((maker, sign * part, price, r.choice([0, 10**14]), r.random() < 0.05))
        ledger.close_with_orders(market, a, r.choice([a, *self.names]), fills)

    def during(self, market: int) -> Any:
        def refused() -> None:
            a = self.random.choice(self.names)
            outcome = self.ledger.send("stranger", "touch(uint256,uint256)", a, market)
            if outcome.ok or outcome.reason != "market: round open":
                raise Divergence(f"touch while a round is open: {outcome}")

        return refused


def run_history(
    ledger: Ledger, seed: int, steps: int, ways: list[str] = RESOLVES, kind: type[History] = History
) -> History:
    """One history on a ledger just deployed; on divergence everything needed to repeat it.

    A seed means the same history only with the same `ways` to resolve a crisis, on the same kind of system.
    """
    history = kind(ledger, seed, ways)
    try:
        history.begin()
        history.run(steps)
    except AssertionError as failure:
        tail = "\n  ".join(ledger.log[-25:])
        raise Divergence(
            f"seed {seed}, step {history.step}: {failure}\n  last operations:\n  {tail}"
        ) from failure
    return history
