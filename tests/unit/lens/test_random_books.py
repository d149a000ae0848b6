"""The lens against sorting all accounts, over random histories with rounds, ADL, partly closed generations.

The accounts are the naive model's (tests/models/naive.py): each with its own tick, class, generation and
entry edge, moved by every round and ADL one by one. Sizes may differ by the stated rounding of the two.
"""

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction as Fr
from typing import Any

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models.naive import WAD, Position, tick_low
from tests.stateful.chain import BoaChain
from tests.stateful.ledger import History, Ledger, words
from tests.stateful.ledger import calldata as encoded


@dataclass
class Lens:
    ledger: Ledger
    address: str

    def ask(self, signature: str, *arguments: int) -> list[int]:
        return words(self.ledger.chain.call(self.address, encoded(signature, *arguments)))


@pytest.fixture(scope="module", params=[False, True], ids=["coarse", "fine"])
def lens(request: pytest.FixtureRequest) -> Lens:
    ledger = Ledger(BoaChain(), has_fine_ticks=request.param).deploy()
    return Lens(ledger, ledger.chain.deploy("VaultLens.vy", ["address"], [ledger.vault]))


def rank(market: Any, p: Position) -> int:
    """By the formula of docs/spec.md, rounded down twice, as it says there for 18 decimals."""
    entry = int(tick_low(p.tick, market.tick_bits) * WAD)
    gain = abs(int(market.mark * WAD) - entry)
    return gain * WAD // entry * WAD // market.margin["class_rates"][p.leverage_class]


def compare(lens: Lens, seen: Counter[str]) -> None:
    """Every account's place in every market, and the reachable profit, are what a loop over all gives."""
    model = lens.ledger.model
    for market in model.markets:
        mark = int(market.mark * WAD)
        for sign in (1, -1):
            members = {a: p for a, s in model.accounts.items() if (p := s.positions.get(market.id))}
            members = {a: p for a, p in members.items() if p.size * sign > 0}
            places = {a: lens.ask("adl_rank(uint256,uint256)", a, market.id) for a in members}
            for a, p in members.items():
                # rounding may decide where the edge is the mark itself: there the kernel's word counts
                p.was_reached = bool(places[a][0])
            queue = model.queue(replace(market, size=Fr(-sign)), market.mark)
            for p in members.values():
                p.was_reached = None
            queued = {a for group in queue for a in group}
            total = sum((abs(members[a].size) for a in queued), Fr(0))
            for a, p in members.items():
                is_queued, shown, ahead, earlier, level, shown_total, quantile = places[a]
                bound = model.size_tolerance + len(members)
                assert bool(is_queued) == (a in queued), "in the queue"
                assert abs(shown_total - total) <= bound, "total"
                seen["queued" if is_queued else "not queued"] += 1
                seen["sealed"] += bool(is_queued and p.is_sealed)
                if not is_queued:
                    assert shown == ahead == earlier == level == quantile == 0
                    continue
                others = [(b, members[b]) for b in queued]
                mine = (-rank(market, p), p.leverage_class)
                better = [b for b, o in others if (-rank(market, o), o.leverage_class) < mine]
                same = [(b, o) for b, o in others if (o.leverage_class, o.tick) == (p.leverage_class, p.tick)]
                lower = [b for b, o in same if o.generation < p.generation]
                assert shown == rank(market, p)
                for what, accounts in ((ahead, better), (level, [b for b, _ in same]), (earlier, lower)):
                    assert abs(what - sum(abs(members[b].size) for b in accounts)) <= bound
                assert quantile == (shown_total - ahead) * WAD // shown_total
                seen["behind another"] += bool(better)
                seen["behind another class"] += any(
                    members[b].leverage_class != p.leverage_class for b in better
                )
        found = lens.ask("reachable_profit(uint256,uint256)", market.id, mark)[0]
        edges = [
            p for p in model.members_in_profit(market) if abs(p.edge - market.mark) * 10**15 <= market.mark
        ]
        band = sum((abs(p.size * market.mark - p.notional) for p in edges), Fr(0))
        slack = model.money_tolerance + model.size_tolerance * market.mark + 2 * len(model.accounts) + band
        assert abs(found - model.reachable(market.id)) <= slack, "reachable profit"
        seen["reachable"] += found > 0


class Crises(History):
    """A random book, broken again and again: somebody goes below zero, and others pay."""

    def start(self) -> None:
        self.begin()
        for a, owner in self.owner_of.items():
            for market in range(self.ledger.market_count):
                self.ledger.set_class(owner, a, market, self.random.choice([0, 0, 1, 2, 3]))

    def trade(self) -> None:
        """Several trades at several marks, so that there are entries in several ticks."""
        r = self.random
        for market in range(self.ledger.market_count):
            mark = int(self.ledger.model.markets[market].mark * WAD)
            for _ in range(3):
                self.ledger.set_price(market, mark * r.randint(9_700, 10_300) // 10_000, 0, 12)
                self.fill()
        self.ledger.check()

    def crash(self) -> None:
        """Bring one account to where nothing is left of it, and absorb whoever has nothing left."""
        r, ledger, model = self.random, self.ledger, self.ledger.model
        held = [(a, m) for m in model.markets for a in self.names if model.account(a).size(m.id)]
        if not held:
            return
        a, m = r.choice(held)
        move = ledger.risks[a].equity * Fr(r.randint(101, 130), 100) / model.account(a).size(m.id)
        price = m.mark - move
        price = min(max(price, m.mark / 2), m.mark * 2)
        ledger.set_price(m.id, int(price * WAD), 0, 600)
        ledger.check()
        for b in self.names:
            if ledger.risks[b].equity < 0:
                ledger.absorb(b, self.names[-1])
        ledger.check()

    def pay(self) -> None:
        r = self.random
        for market in range(self.ledger.market_count):
            for tier in r.sample(["round", "deleverage", "close_at_mark", "none"], 2):
                if tier == "round":
                    self.ledger.charge_round(market, 1000)
                elif tier != "none":
                    self.ledger.deleverage(market, r.choice([1, 2, 3, 100]), tier == "close_at_mark")
        self.ledger.check()


def run(lens: Lens, seed: int, seen: Counter[str], cycles: int = 2) -> None:
    with boa.env.anchor():
        ledger = lens.ledger.fresh()
        here = replace(lens, ledger=ledger)
        history = Crises(ledger, seed)
        history.start()
        for _ in range(cycles):
            for step in (history.trade, history.crash, history.pay):
                step()
                compare(here, seen)


@settings(max_examples=2)
@given(seed=st.integers(0, 2**32))
def test_places_are_those_of_sorting_all_accounts(lens, seed):
    run(lens, seed, Counter())


def test_histories_have_what_matters(lens):
    """The same for a few seeds whose histories are known to meet all that could go wrong."""
    seen: Counter[str] = Counter()
    for seed in range(2):
        run(lens, seed, seen, cycles=4)
    for what in ("queued", "not queued", "sealed", "behind another", "behind another class", "reachable"):
        assert seen[what] >= 10, seen


def test_a_wrong_place_is_seen(lens, monkeypatch):
    """The comparison can fail: an answer off by more than rounding does not pass."""
    ask = Lens.ask

    def wrong(self: Lens, signature: str, *arguments: int) -> list[int]:
        answer = ask(self, signature, *arguments)
        return [*answer[:2], answer[2] + 10**15 * answer[0], *answer[3:]] if len(answer) == 7 else answer

    monkeypatch.setattr(Lens, "ask", wrong)
    with pytest.raises(AssertionError):
        run(lens, 0, Counter())
