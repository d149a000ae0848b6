"""Small changes of the contracts: does a test fail? `planted`: chosen ones; `write`: into the docs."""

import argparse
import sys

from mutants import planted
from mutants.generate import MODULES, resolve
from mutants.run import LIMIT, RESULTS, Options, choose, control, equivalents, keep, load, report, run
from mutants.suite import contracts_digest

WHAT = ["run", "report", "list", "planted", "write", "control", "keep"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("what", nargs="?", default="run", choices=WHAT)
    parser.add_argument("--modules", default="", help="names, by comma; by default the accounting modules")
    parser.add_argument("--sample", type=int, help="so many, from each module as many as it has of all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="those with this in their name")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start no more after so long")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one mutant")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    args = parser.parse_args()
    if args.what == "planted":
        return planted.run(args.jobs)
    if args.what == "write":
        planted.write()
        return 0
    if args.what == "keep":
        return keep()
    paths = [resolve(name) for name in args.modules.replace(",", " ").split()] or list(MODULES)
    if args.what == "control":
        return control(paths, args.jobs)
    options = Options(
        paths, args.sample, args.seed, args.jobs, args.only, args.fresh, args.seconds, args.limit
    )
    if args.what == "list":
        for mutant in choose(options):
            print(mutant.id)
        return 0
    if args.what == "report":
        report(choose(options), load(RESULTS), equivalents(), contracts_digest())
        return 0
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
