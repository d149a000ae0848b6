"""
Fuzzing from the command line: python -m tests.stateful.deep --seeds 0:1000 --jobs 2 compares kernel and
model, with --funded with the insurance fund and the community pool attached; with --one-owner each seed is a
history of every kind of tests/stateful/one_owner.py.
"""

import argparse
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests import artifacts
from tests.stateful import one_owner
from tests.stateful.chain import AnvilChain
from tests.stateful.funded import Funded, FundedHistory
from tests.stateful.ledger import Divergence, History, Ledger, run_history, systems

# Seeds that one process runs before it starts a fresh Anvil.
BLOCK = 20


def run(seeds: range, steps: int, is_funded: bool = False) -> tuple[range, int, Counter[str], int, list[str]]:
    """The histories of some seeds on a chain of their own; what happened in them, and what diverged."""
    chain, counts, undecided, diverged = AnvilChain(), Counter[str](), 0, []
    kinds = systems(chain, Funded if is_funded else Ledger)
    point = chain.save()
    for seed in seeds:
        ledger = kinds[seed % len(kinds)].fresh()
        try:
            run_history(ledger, seed, steps, kind=FundedHistory if is_funded else History)
        except Divergence as divergence:
            diverged.append(str(divergence))
        counts.update(ledger.counts)
        undecided += ledger.model.undecided
        chain.restore(point)
        point = chain.save()
    transactions = chain.transactions
    chain.close()
    return seeds, transactions, counts, undecided, diverged


def run_one_owner(seeds: range, steps: int) -> tuple[range, int, Counter[str], int, list[str]]:
    """As `run`, of one owner against the venue. Quote by kind: what others stated, and his deficits."""
    chain, counts, diverged = AnvilChain(), Counter[str](), []
    venues = one_owner.venues(chain)
    for seed in seeds:
        for kind in one_owner.KINDS:
            point = chain.save()
            attack = one_owner.Attack(venues[seed % len(venues)].fresh(), seed, kind)
            try:
                attack.play(steps)
            except Divergence as divergence:
                diverged.append(str(divergence))
            chain.restore(point)
            counts.update(attack.counts)
            counts[f"histories, {kind.name}"] += 1
            counts[f"all taken home, {kind.name}"] += attack.is_all_out
            for name, amount in attack.judge.stated.items():
                counts[f"quote, {kind.name}: {name}"] += round(amount / one_owner.WAD)
            counts[f"quote, {kind.name}: deficits"] += round(attack.judge.option / one_owner.WAD)
    transactions = chain.transactions
    chain.close()
    return seeds, transactions, counts, 0, diverged


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="first:end")
    parser.add_argument("--steps", type=int, default=150, help="operations in a history")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--funded", action="store_true", help="with the fund and the pool")
    parser.add_argument("--one-owner", action="store_true", help="one owner against the venue")
    args = parser.parse_args()
    first, end = map(int, args.seeds.split(":"))
    work = run_one_owner if args.one_owner else partial(run, is_funded=args.funded)
    artifacts.compile_all()
    blocks = [range(at, min(at + BLOCK, end)) for at in range(first, end, BLOCK)]
    total, counts, undecided, divergences, started = 0, Counter[str](), 0, 0, time.monotonic()
    with ProcessPoolExecutor(args.jobs) as pool:
        for seeds, transactions, done, unsure, diverged in pool.map(partial(work, steps=args.steps), blocks):
            total, undecided, divergences = (
                total + transactions,
                undecided + unsure,
                divergences + len(diverged),
            )
            counts.update(done)
            for text in diverged:
                print(text, flush=True)
            rate = total / (time.monotonic() - started)
            print(
                f"seeds {first} to {seeds[-1]}: {total:,} transactions ({rate:.0f}/s), "
                f"{divergences} divergences, {undecided} decided by rounding",
                flush=True,
            )
    for name, count in sorted(counts.items()):
        print(f"  {name:24} {count:,}")
    print(f"{total:,} transactions, {divergences} divergences, {time.monotonic() - started:.0f} s")
    return 1 if divergences else 0


if __name__ == "__main__":
    raise SystemExit(main())
