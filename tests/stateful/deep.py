"""Differential fuzzing from the command line: python -m tests.stateful.deep --seeds 0:1000 --jobs 2"""

import argparse
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests import artifacts
from tests.stateful.chain import AnvilChain
from tests.stateful.ledger import Divergence, run_history, systems

# Seeds that one process runs before it starts a fresh Anvil.
BLOCK = 20


def run(seeds: range, steps: int) -> tuple[range, int, Counter[str], int, list[str]]:
    """The histories of some seeds on a chain of their own; what happened in them, and what diverged."""
    chain, counts, undecided, diverged = AnvilChain(), Counter[str](), 0, []
    kinds = systems(chain)
    point = chain.save()
    for seed in seeds:
        ledger = kinds[seed % len(kinds)].fresh()
        try:
            run_history(ledger, seed, steps)
        except Divergence as divergence:
            diverged.append(str(divergence))
        counts.update(ledger.counts)
        undecided += ledger.model.undecided
        chain.restore(point)
        point = chain.save()
    transactions = chain.transactions
    chain.close()
    return seeds, transactions, counts, undecided, diverged


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="first:end")
    parser.add_argument("--steps", type=int, default=150, help="operations in a history")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    first, end = map(int, args.seeds.split(":"))
    artifacts.compile_all()
    blocks = [range(at, min(at + BLOCK, end)) for at in range(first, end, BLOCK)]
    total, counts, undecided, divergences, started = 0, Counter[str](), 0, 0, time.monotonic()
    with ProcessPoolExecutor(args.jobs) as pool:
        for seeds, transactions, done, unsure, diverged in pool.map(partial(run, steps=args.steps), blocks):
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
