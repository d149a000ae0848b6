"""Differential fuzzing from the command line: python -m tests.stateful.deep --seeds 0:1000 --steps 200"""

import argparse
import time
from collections import Counter

from tests.stateful.chain import AnvilChain
from tests.stateful.ledger import Divergence, Ledger, run_history


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:100", help="first:end")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--keep-going", action="store_true", help="do not stop at a divergence")
    args = parser.parse_args()
    first, end = map(int, args.seeds.split(":"))
    chain, counts, divergences, started = AnvilChain(), Counter(), 0, time.time()
    systems = [
        Ledger(chain, decimals=d, has_fine_ticks=fine).deploy()
        for d, fine in ((6, False), (18, True), (8, False))
    ]
    point, undecided = chain.save(), 0
    for seed in range(first, end):
        like = systems[seed % len(systems)]
        ledger = like.fresh()
        try:
            run_history(ledger, seed, args.steps)
        except Divergence as divergence:
            divergences += 1
            print(divergence, flush=True)
            if not args.keep_going:
                break
        counts.update(ledger.counts)
        undecided += ledger.model.undecided
        chain.restore(point)
        point = chain.save()
        if (seed + 1) % 20 == 0 or seed + 1 == end:
            rate = chain.transactions / (time.time() - started)
            print(
                f"seed {seed}: {chain.transactions} transactions ({rate:.0f}/s), "
                f"{divergences} divergences, {undecided} decided by rounding",
                flush=True,
            )
    for name, count in sorted(counts.items()):
        print(f"  {name:24} {count}")
    chain.close()
    return 1 if divergences else 0


if __name__ == "__main__":
    raise SystemExit(main())
