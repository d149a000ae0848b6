"""I4, I6, I7 and I11 with all of it on: kernel, insurance fund and community pool beside the naive model.

What the histories do and what is compared is in tests/stateful/funded.py.
"""

from collections.abc import Iterable

import pytest

from tests.stateful import ledger
from tests.stateful.chain import AnvilChain
from tests.stateful.funded import Funded, FundedHistory
from tests.stateful.ledger import Divergence, run_history

STEPS = 150
# Chosen among the first 80, so that what is rare comes up several times.
SEEDS = (1, 3, 7, 9, 14, 16, 17, 18, 21, 25, 27, 28, 29, 33, 35, 40, 42, 46, 54, 55, 56, 61, 63, 75)
DEEP_SEEDS = 500
# What the histories have to reach, at least twice.
REACHED = (
    "paid by the reserve",
    "paid by the pool",
    "paid in part",
    "paid beside a cold reserve",
    "pool repaid",
    "reserve repaid",
    "repaid less than owed to both",
    "uncovered paid",
    "mode into ADL",
    "mode out of ADL",
    "mode back to normal",
    "mode ADL spares the fund",
    "pool failed",
    "written off",
    "charge_side",
    "withdraw at ratio",
    "collect_fees",
    "withdraw_capital",
    "sweep",
    "bring_back",
    "execute_exit",
    "pay_exit",
    # with a fund that reverts or burns its gas, or with none
    "absorb, fund broken",
    "deleverage, fund broken",
    "round, fund broken",
    "write_off, fund broken",
    "write_off, fund missing",
    "withdraw, fund broken",
)


@pytest.fixture(scope="module")
def systems(chain: AnvilChain) -> list[Funded]:
    return ledger.systems(chain, Funded)


def run(systems: list[Funded], seeds: Iterable[int], steps: int) -> dict[str, int]:
    """The histories of some seeds; how often each operation was accepted and refused, and what came of it."""
    counts: dict[str, int] = {}
    for seed in seeds:
        system = systems[seed % len(systems)].fresh()
        point = system.chain.save()
        try:
            run_history(system, seed, steps, kind=FundedHistory)
        finally:
            system.chain.restore(point)
        for name, count in system.counts.items():
            counts[name] = counts.get(name, 0) + count
    return counts


def test_history_with_a_fund_equals_naive_model(systems: list[Funded]) -> None:
    reached = run(systems, SEEDS, STEPS)
    for name in REACHED:
        assert reached.get(name, 0) > 1, f"histories hardly reach {name}: {reached}"


def test_history_that_once_differed_equals_naive_model(systems: list[Funded]) -> None:
    """Not enough tokens for a withdrawal; a repayment that the pool refused: not thought of here before."""
    run(systems, [5028, 6117], STEPS)


@pytest.mark.deep
def test_many_histories_with_a_fund_equal_naive_model(systems: list[Funded]) -> None:
    run(systems, range(10_000, 10_000 + DEEP_SEEDS), STEPS)


@pytest.mark.parametrize("what", ["token", "claim", "source"])
def test_divergence_is_seen(systems: list[Funded], what: str) -> None:
    """The comparison notices a token unit, and whom a claim was paid by."""
    system = systems[0].fresh()
    point = system.chain.save()
    try:
        history = FundedHistory(system, 1)
        history.begin()
        history.crash("back")
        system.check()
        if what == "token":
            system.pool_tokens += 1
        elif what == "claim":
            claim = system.claims[0]
            claim[0], claim[1] = claim[1], claim[0]
        else:
            system.sources[1] += 1
            system.sources[2] -= 1
        with pytest.raises(Divergence):
            system.check()
    finally:
        system.chain.restore(point)
