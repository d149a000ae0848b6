"""I4, I6, I7 and I11 with all of it on: kernel, insurance fund and community pool beside the naive model.

What the histories do and what is compared is in tests/stateful/funded.py.
"""

from collections.abc import Iterator

import pytest

from tests.stateful import ledger
from tests.stateful.chain import AnvilChain
from tests.stateful.funded import Funded, FundedHistory
from tests.stateful.ledger import Divergence, run_history

STEPS = 150
GROUPS, SEEDS = 2, 14
DEEP_SEEDS = 500
# What each group of histories has to reach, and how often at least.
REACHED = {
    "paid by the reserve": 5,
    "paid by the pool": 2,
    "paid in part": 5,
    "paid beside a cold reserve": 1,
    "pool repaid": 1,
    "reserve repaid": 1,
    "uncovered paid": 1,
    "mode into ADL": 2,
    "mode out of ADL": 2,
    "mode back to normal": 2,
    "mode ADL spares the fund": 2,
    "pool failed": 1,
    "written off": 2,
    "charge_side": 1,
    "withdraw at ratio": 1,
    "collect_fees": 5,
    "withdraw_capital": 2,
    "sweep": 2,
    "bring_back": 2,
    "execute_exit": 1,
    "pay_exit": 1,
    # with a fund that reverts or burns its gas, or with none
    "absorb, fund broken": 1,
    "deleverage, fund broken": 1,
    "round, fund broken": 1,
    "write_off, fund broken": 1,
    "write_off, fund missing": 1,
    "withdraw, fund broken": 1,
}


@pytest.fixture(scope="module")
def chain() -> Iterator[AnvilChain]:
    chain = AnvilChain()
    yield chain
    chain.close()


@pytest.fixture(scope="module")
def systems(chain: AnvilChain) -> list[Funded]:
    return ledger.systems(chain, Funded)


def run(systems: list[Funded], seeds: range, steps: int) -> dict[str, int]:
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


@pytest.mark.parametrize("group", range(GROUPS))
def test_history_with_a_fund_equals_naive_model(systems: list[Funded], group: int) -> None:
    reached = run(systems, range(group * SEEDS, (group + 1) * SEEDS), STEPS)
    for name, least in REACHED.items():
        assert reached.get(name, 0) >= least, f"histories hardly reach {name}: {reached}"


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
