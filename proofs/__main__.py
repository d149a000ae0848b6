"""Run every lemma: a table, and exit code 0 only if all are proven and every wrong variant is refuted."""

import sys
import time

from proofs import lemmas
from proofs.prover import LEMMAS, NotProven, prove, refute


def main(names: list[str]) -> int:
    assert lemmas
    failed: list[str] = []
    start = time.monotonic()
    chosen = [item for item in LEMMAS if not names or any(name in item.name for name in names)]
    print("lemma | what it says | range | method | result | seconds")
    for item in chosen:
        result, seconds = timed(prove, item)
        if not result.startswith("proven"):
            failed.append(item.name)
        print(
            f"{item.name} | {item.says} | {item.range} | {item.method} | {result} | {seconds:.1f}", flush=True
        )
    print("\nsanity: the wrong variant is refuted")
    print("lemma | deliberate error | result | seconds")
    for item in chosen:
        result, seconds = timed(refute, item, "refuted")
        if not result.startswith("refuted"):
            failed.append(f"{item.name} (wrong variant)")
        print(f"{item.name} | {item.wrong} | {result} | {seconds:.1f}", flush=True)
    print(f"\n{len(chosen)} lemmas, {len(failed)} failures, {time.monotonic() - start:.0f} seconds")
    for name in failed:
        print(f"FAILED: {name}")
    return 1 if failed else 0


def timed(work, item, done: str = "proven") -> tuple[str, float]:
    start = time.monotonic()
    try:
        detail = work(item)
        result = f"{done} ({detail})" if detail else done
    except NotProven as problem:
        result = f"NOT {done.upper()}: {problem}"
    return result, time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
