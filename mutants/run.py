"""Which mutants does the suite kill? Results are kept in build/mutants.json: a run can be taken up again."""

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from mutants import suite
from mutants.generate import CONTRACTS, ROOT, Mutant, mutants

BUILD = ROOT / "build"
RESULTS, REPORT, TESTS = BUILD / "mutants.json", BUILD / "mutants.txt", BUILD / "mutants-tests.json"
EQUIVALENT = Path(__file__).parent / "equivalent.toml"
# Mutants that were killed once, and by which test: the first to meet them next time.
KILLERS = Path(__file__).parent / "killers.json"
# Seconds a mutant may take, and for how many seconds of the likeliest tests the first history on Anvil waits.
LIMIT = 600
LIKELY = 10.0
# Of the tests that killed others of its function a mutant meets first.
MOST = 12
STATUSES = ("killed", "timeout", "survived", "equivalent", "same", "stillborn")
# Not tried on these contracts, but killed on earlier ones that had the same line.
BEFORE = "killed before"


def equivalents() -> dict[str, str]:
    """Reasons by the mutants' ids."""
    entries = tomllib.loads(EQUIVALENT.read_text()).get("equivalent", [])
    return {entry["id"]: entry["reason"] for entry in entries}


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def keep() -> int:
    """Put who was killed in build/mutants.json into mutants/killers.json; who is no mutant now goes."""
    killers: dict[str, str] = load(KILLERS)
    for name, result in load(RESULTS).items():
        if result["status"] == "killed":
            killers[name] = result["test"]
        elif result["status"] == "survived":
            killers.pop(name, None)
    paths = sorted(str(path.relative_to(CONTRACTS)) for path in CONTRACTS.rglob("*.vy"))
    known = {m.id for path in paths if path.split("/")[0] != "mocks" for m in mutants(path)}
    killers = {name: killers[name] for name in sorted(killers) if name in known}
    save(KILLERS, killers)
    print(f"{len(killers)} killed mutants in {KILLERS.name}")
    return 0


def save(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content, indent=1))
    new.replace(path)


def sample(all_mutants: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """About `size` of them, from each module as many as it has of all."""
    chosen: list[Mutant] = []
    for path in sorted({m.path for m in all_mutants}):
        of_module = [m for m in all_mutants if m.path == path]
        count = min(len(of_module), max(1, round(size * len(of_module) / len(all_mutants))))
        chosen += random.Random(f"{seed} {path}").sample(of_module, count)
    random.Random(seed).shuffle(chosen)
    return chosen


@dataclass
class Child:
    pid: int
    folder: Path
    start: float
    done: Callable[[dict[str, Any]], None]

    def end(self, status: str = "") -> None:
        """Read what it found; whatever it started ends with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        result: dict[str, Any] = {"status": status, "seconds": round(time.monotonic() - self.start, 1)}
        problem = ""
        if (self.folder / "result").exists():
            result = json.loads((self.folder / "result").read_text())
            if result.get("status") == suite.BROKEN:
                problem = f"{result['test']} cannot be run: {result['why']}"
        elif not status:
            problem = f"no result: {(self.folder / 'error').read_text()}"
        shutil.rmtree(self.folder, ignore_errors=True)
        if problem:
            raise SystemExit(f"mutants: {problem}")
        self.done(result)


@dataclass
class Jobs:
    """Children, a few at a time."""

    most: int
    limit: float
    running: dict[int, Child] = field(default_factory=dict)

    def start(self, run: Callable[[Path], None], done: Callable[[dict[str, Any]], None]) -> None:
        self.wait(self.most - 1)
        folder = Path(tempfile.mkdtemp(prefix="lastline-"))
        pid = os.fork()
        if pid == 0:
            run(folder)
        self.running[pid] = Child(pid, folder, time.monotonic(), done)

    def wait(self, most: int = 0) -> None:
        """Until no more than `most` are left."""
        while len(self.running) > most:
            for pid, child in list(self.running.items()):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    del self.running[pid]
                    child.end()
                elif time.monotonic() - child.start > self.limit:
                    os.killpg(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    del self.running[pid]
                    child.end("timeout")
            time.sleep(0.02)

    def stop(self) -> None:
        for pid, child in self.running.items():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            shutil.rmtree(child.folder, ignore_errors=True)


def by_function(killers: dict[str, str]) -> dict[tuple[str, str], Counter[str]]:
    """Which tests killed mutants of a module's function, and how many."""
    out: dict[tuple[str, str], Counter[str]] = {}
    for name, test in killers.items():
        module, function, *_ = name.split(" | ")
        out.setdefault((module, function), Counter())[test] += 1
    return out


class Tests:
    """What each test executes, and in which order a mutant meets them."""

    def __init__(self, session: pytest.Session, contracts: suite.Contracts, jobs: Jobs) -> None:
        self.session = session
        self.items = {item.nodeid: item for item in session.items}
        self.earlier: dict[str, str] = load(KILLERS)
        self.killers = by_function(self.earlier)
        files = {name.split("::")[0] for name in self.items}
        sources = suite.contracts_digest()
        self.digests = {file: sources + suite.file_digest(file) for file in files}
        known = load(TESTS)
        stale = {file for file in files if known.get(file, {}).get("digest") != self.digests[file]}
        if stale:
            self._record(contracts, jobs, stale, known)
        self.known: dict[str, dict[str, Any]] = {}
        for file in files:
            for name, seen in known[file]["tests"].items():
                lines = {path: set(lines) for path, lines in seen["lines"].items()}
                self.known[name] = {"seconds": seen["seconds"], "lines": lines}
        self.digest = suite.digest(ROOT / file for file in files)

    def _record(self, contracts: suite.Contracts, jobs: Jobs, stale: set[str], known: dict[str, Any]) -> None:
        print(f"mutants: looks at what the tests of {len(stale)} files execute", flush=True)
        found: list[dict[str, Any]] = []
        limit, jobs.limit = jobs.limit, 3600
        for number in range(jobs.most):
            part = set(sorted(stale)[number :: jobs.most])
            jobs.start(lambda folder, p=part: suite.record(self.session, contracts, p, folder), found.append)
        jobs.wait()
        jobs.limit = limit
        if bad := [part for part in found if part.get("failed") or part.get("status")]:
            raise SystemExit(f"mutants: fails without any mutant: {bad[0].get('failed') or bad[0]['status']}")
        seen_of = {name: seen for part in found for name, seen in part["tests"].items()}
        for file in stale:
            tests = {name: seen for name, seen in seen_of.items() if name.split("::")[0] == file}
            known[file] = {"digest": self.digests[file], "tests": tests}
        save(TESTS, known)

    def digest_for(self, result: dict[str, Any]) -> str:
        """A killed mutant's result holds while its killer's file is the same, any other's while all are."""
        return self.digests.get(result.get("test", "").split("::")[0], self.digest)

    def learn(self, mutant: Mutant, name: str) -> None:
        self.killers.setdefault((mutant.module, mutant.function), Counter())[name] += 1

    def for_mutant(self, mutant: Mutant) -> list[pytest.Item]:
        """All tests that execute the mutant's function, the likeliest to fail first.

        First the test that killed it once, then those that killed others of this function, then those that
        execute the mutant's own lines, cheapest files first, the histories among them, then the others.
        """
        lines, function = suite.lines_of(mutant), suite.function_lines(mutant.path, mutant.function)
        executes: dict[str, bool] = {}
        for name, seen in self.known.items():
            here = seen["lines"].get(mutant.path, set())
            if not mutant.function or here & function:
                executes[name] = bool(here & lines)
        killers = [self.earlier[mutant.id]] if mutant.id in self.earlier else []
        others = self.killers.get((mutant.module, mutant.function), Counter()).most_common()
        killers += [name for name, _ in others if name not in suite.HISTORIES][:MOST]
        likely = self._by_file([n for n in executes if executes[n]])
        first, seconds = [], 0.0
        for name in likely:
            seconds += self.known[name]["seconds"]
            if seconds < LIKELY:
                first.append(name)
        rest = self._by_file([n for n in executes if not executes[n]])
        one, *histories = suite.HISTORIES
        order = dict.fromkeys([*killers, *first, one, *likely, *histories, *rest])
        return [self.items[name] for name in order if name in self.items]

    def _by_file(self, names: list[str]) -> list[str]:
        """The libraries' tests first, then files by the mean cost of a test; in a file the cheapest first."""
        of_file: dict[str, list[str]] = {}
        for name in names:
            of_file.setdefault(name.split("::")[0], []).append(name)
        cost = {n: self.known[n]["seconds"] for n in names}
        files = sorted(
            of_file,
            key=lambda f: (not f.startswith("tests/lib"), sum(cost[n] for n in of_file[f]) / len(of_file[f])),
        )
        return [name for file in files for name in sorted(of_file[file], key=lambda n: cost[n])]


def attack_all(
    chosen: list[Mutant],
    jobs: int,
    done: Callable[[Mutant, dict[str, Any], Tests], None],
    is_known: Callable[[Mutant, Tests], bool] = lambda mutant, tests: False,
    seconds: float = float("inf"),
    limit: float = LIMIT,
) -> None:
    """Run the suite against each mutant; `done` is told what became of it."""
    started = False

    def work(session: pytest.Session) -> None:
        nonlocal started
        contracts, pool = suite.Contracts(), Jobs(jobs, limit)
        tests, start, started = Tests(session, contracts, pool), time.monotonic(), True
        contracts.prepare({mutant.path for mutant in chosen})
        suite.freeze()
        try:
            for mutant in chosen:
                if is_known(mutant, tests):
                    continue
                if time.monotonic() - start > seconds:
                    break
                items = tests.for_mutant(mutant)

                def finished(result: dict[str, Any], mutant: Mutant = mutant) -> None:
                    if result["status"] == "killed":
                        tests.learn(mutant, result["test"])
                    done(mutant, result, tests)

                pool.start(
                    lambda folder, m=mutant, i=items: suite.attack(session, contracts, m, i, folder), finished
                )
            pool.wait()
        finally:
            pool.stop()

    # children are groups of their own: a terminated run must end them itself
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("mutants: terminated"))
    suite.collected(work)
    if not started:
        raise SystemExit("mutants: the tests did not start")


def control(paths: list[str], jobs: int) -> int:
    """Mutants that change nothing, each against all tests in the order of a mutant: 1 if one is killed."""
    bad = []

    def done(mutant: Mutant, result: dict[str, Any], tests: Tests) -> None:
        print(
            f"{mutant.path}: {result['status']} {result.get('test', '')} {result['seconds']:.0f} s",
            flush=True,
        )
        bad.extend([mutant.path] if result["status"] != "same" else [])

    attack_all([Mutant(path, "", suite.CONTROL, 0, 0, "") for path in paths], jobs, done)
    return 1 if bad else 0


@dataclass
class Options:
    paths: list[str]
    size: int | None = None
    seed: int = 1
    jobs: int = 1
    only: str = ""
    fresh: bool = False
    seconds: float = float("inf")
    limit: float = LIMIT


def choose(options: Options) -> list[Mutant]:
    everything = [m for path in options.paths for m in mutants(path)]
    chosen = [m for m in everything if options.only in m.id]
    return chosen if options.size is None else sample(chosen, options.size, options.seed)


def run(options: Options) -> int:
    """Attack, keep and show."""
    chosen, reasons = choose(options), equivalents()
    results: dict[str, Any] = {} if options.fresh else load(RESULTS)
    sources, finished = suite.contracts_digest(), 0

    def is_known(mutant: Mutant, tests: Tests) -> bool:
        """A killed mutant stays killed while its killer is the same; a survivor meets every new test.

        One that ran out of time is given more, if there is more.
        """
        if mutant.id in reasons:
            return True
        old = results.get(mutant.id)
        if old is None or old["contracts"] != sources:
            return False
        if old["status"] == "killed":
            tests.learn(mutant, old["test"])
        if old["status"] == "timeout" and old["seconds"] < options.limit:
            return False
        return old["status"] in ("stillborn", "same") or old["tests"] == tests.digest_for(old)

    def done(mutant: Mutant, result: dict[str, Any], tests: Tests) -> None:
        nonlocal finished
        finished += 1
        about = {"path": mutant.path, "contracts": sources, "tests": tests.digest_for(result)}
        results[mutant.id] = result | about | {"diff": mutant.diff()}
        save(RESULTS, results)
        print(f"{finished:5} {result['status']:9} {result['seconds']:6.1f} s  {mutant.id}", flush=True)

    attack_all(chosen, options.jobs, done, is_known, options.seconds, options.limit)
    report(chosen, results, reasons, sources)
    return 0


def status_of(
    mutant: Mutant, results: dict[str, Any], reasons: dict[str, str], earlier: dict[str, str], sources: str
) -> str:
    if mutant.id in reasons:
        return "equivalent"
    result = results.get(mutant.id)
    if result and result["contracts"] == sources:
        return result["status"]
    return BEFORE if mutant.id in earlier else ""


def killed_of_valid(counts: Counter[str]) -> tuple[int, int]:
    """Only a failing test kills: a mutant that ran out of time counts, and not as killed."""
    return counts["killed"], counts["killed"] + counts["timeout"] + counts["survived"]


def report(chosen: list[Mutant], results: dict[str, Any], reasons: dict[str, str], sources: str) -> None:
    """A table by module on the screen, and every survivor's diff in build/mutants.txt.

    The rate is of those tried on these contracts.
    """
    table = Table("module", "mutants", *STATUSES, BEFORE, "killed of valid", "s/mutant")
    earlier = load(KILLERS)
    statuses = {m.id: status_of(m, results, reasons, earlier, sources) for m in chosen}
    paths = sorted({m.path for m in chosen})
    for path in [*paths, "all"]:
        ids = [m.id for m in chosen if path in (m.path, "all") and statuses[m.id]]
        counts = Counter(statuses[name] for name in ids)
        killed, valid = killed_of_valid(counts)
        times = [
            results[name]["seconds"] for name in ids if name in results and statuses[name] != "equivalent"
        ]
        table.add_row(
            path,
            str(len(ids)),
            *(str(counts[status]) for status in (*STATUSES, BEFORE)),
            f"{100 * killed / valid:.1f} %" if valid else "",
            f"{sum(times) / len(times):.1f}" if times else "",
        )
    Console(width=130).print(table)
    lines = []
    for mutant in chosen:
        if statuses[mutant.id] in ("survived", "timeout"):
            lines += [f"{statuses[mutant.id].upper()} {mutant.id}", mutant.diff(), ""]
    REPORT.write_text("\n".join(lines) or "no survivors\n")
    print(f"survivors with their diffs: {REPORT.relative_to(ROOT)}")
