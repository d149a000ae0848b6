"""The test suite as something that forks: collected once, then run in a child per mutant.

A child differs from an ordinary run in three ways: `artifacts.compiled` compiles the contracts that contain
the mutant from a text that exists in memory only, contracts may be larger than a chain allows (a size is not
a behaviour), and it ends at the first failure.
"""

import contextlib
import functools
import gc
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import boa
import pytest
from boa.contracts.vyper.vyper_contract import VyperContract
from hypothesis import Phase, settings
from vyper import ast as vy

from mutants.compiler import Compiler
from mutants.generate import CONTRACTS, ROOT, Mutant, read
from tests import artifacts, support

# Neither sizes, gas and layouts (they are no behaviour) nor what reads the sources themselves.
PATHS = ("tests/lib", "tests/unit", "tests/stateful", "tests/regression", "tests/attacks")
LEFT_OUT = ("test_gas.py", "test_fast_evm.py")
# These run on Anvil: nobody can see which lines they execute, so they count as executing all of the kernel.
LEDGER, ONE_OWNER = "tests/stateful/test_ledger.py", "tests/stateful/test_one_owner.py"
OPAQUE = (LEDGER, ONE_OWNER)
HISTORIES = (
    *(f"{LEDGER}::test_history_equals_naive_model[{group}]" for group in range(3)),
    *(
        f"{ONE_OWNER}::test_one_owner_gains_no_more_than_others_have_stated[{kind}]"
        for kind in ("pure", "orders")
    ),
)

# The operator of a mutant that changes nothing.
CONTROL = "control"

Lines = set[tuple[str, int]]


@dataclass
class Seen:
    """What a test executes of the contracts, by (path below contracts/, line); and how long it takes."""

    seconds: float = 0.0
    lines: Lines = field(default_factory=set)


def digest(paths: Iterable[Path]) -> str:
    out = hashlib.sha256()
    for path in sorted(paths):
        out.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return out.hexdigest()[:16]


def contracts_digest() -> str:
    return digest(CONTRACTS.rglob("*.vy*"))


def shared_digest() -> str:
    """Of all that tests share."""
    shared = [
        *(ROOT / "tests").glob("*.py"),
        *(ROOT / "tests").glob("models/*.py"),
        *ROOT.glob("lastline/*.py"),
    ]
    helpers = [p for p in (ROOT / "tests").rglob("*.py") if not p.name.startswith("test_")]
    return digest({*shared, *helpers})


def file_digest(file: str) -> str:
    return digest([ROOT / file]) + shared_digest()


class Contracts:
    """All contracts as they are, and which of them contain a function."""

    def __init__(self) -> None:
        artifacts.compile_all()
        found = [*CONTRACTS.glob("*.vy"), *CONTRACTS.glob("mocks/*.vy")]
        paths = sorted(str(path.relative_to(CONTRACTS)) for path in found)
        self.original = {path: artifacts.compiled(path) for path in paths}
        self.functions: dict[tuple[str, str], set[str]] = {}
        self.importers: dict[str, set[str]] = {}
        for path, deployer in self.original.items():
            module = deployer.compiler_data.annotated_vyper_module._metadata["type"]
            roots = [*module.exposed_functions, *([module.init_function] if module.init_function else [])]
            for function in {f for root in roots for f in (root, *root.reachable_internal_functions)}:
                if place := below_contracts(function.decl_node):
                    self.functions.setdefault((place, function.name), set()).add(path)
            for tree in deployer.compiler_data.resolved_imports.seen:
                if place := below_contracts(tree):
                    self.importers.setdefault(place, set()).add(path)
        self.compiler = Compiler()

    def prepare(self, mutated: set[str]) -> None:
        """Before forking: what the contracts with these files import is analysed once for all children."""
        for path in sorted({p for file in mutated for p in self.importers.get(file, ())}):
            if code_of(self.compiler.compile(path)) != code_of(self.original[path]):
                raise SystemExit(f"mutants: {path} compiles to something else here")

    def with_mutant(self, mutant: Mutant) -> set[str]:
        """Only these can differ: no other has the function in its code."""
        if mutant.function:
            return self.functions.get((mutant.path, mutant.function), set())
        return self.importers.get(mutant.path, set())

    @functools.lru_cache(maxsize=4096)  # noqa: B019
    def map_of(self, code: bytes, is_creation: bool) -> dict[int, tuple[str, int]]:
        """Where each program counter of a code comes from."""
        for deployer in self.original.values():
            data = deployer.compiler_data
            if code.startswith(data.bytecode if is_creation else data.bytecode_runtime):
                source_map = artifacts.deployment_source_map(deployer) if is_creation else data.source_map
                places = {pc: place_of(node) for pc, node in source_map["pc_raw_ast_map"].items()}
                return {pc: place for pc, place in places.items() if place}
        return {}


@functools.cache
def _relative(resolved: str) -> str:
    path = Path(resolved)
    return str(path.relative_to(CONTRACTS)) if path.is_relative_to(CONTRACTS) else ""


def below_contracts(node: vy.VyperNode) -> str:
    return _relative(node.module_node.resolved_path)


def place_of(node: vy.VyperNode) -> tuple[str, int] | None:
    path = below_contracts(node)
    return (path, node.lineno) if path else None


class Recorder:
    """Plugin of a run without mutants: which lines each test executes, fixtures it shares included."""

    def __init__(self, contracts: Contracts) -> None:
        self.contracts = contracts
        self.tests: dict[str, Seen] = {}
        self.files: dict[str, Lines] = {}
        self.sink: Lines = set()
        self.failed: list[str] = []
        computation = boa.env.evm.vm.state.computation_class
        plain = computation.apply_computation.__func__

        def apply(cls: type, state: Any, message: Any, *args: Any, **kwargs: Any) -> Any:
            out = plain(cls, state, message, *args, **kwargs)
            places = contracts.map_of(bytes(message.code), message.is_create)
            if places:
                self.sink.update(places[pc] for pc in set(out.code._trace) if pc in places)
            return out

        computation.apply_computation = classmethod(apply)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        seen = self.tests.setdefault(item.nodeid, Seen())
        self.sink, start = seen.lines, time.monotonic()
        try:
            return (yield)
        finally:
            seen.seconds = time.monotonic() - start

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[Any]:
        kept = self.sink
        if fixturedef.scope != "function":
            self.sink = self.files.setdefault(request.node.nodeid.split("::")[0], set())
        try:
            return (yield)
        finally:
            self.sink = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


# What became of a mutant if a test could not be run at all, for want of a node: no mutant's doing.
BROKEN = "broken"


class FirstFailure:
    """Plugin of a run with a mutant: ends the process at the first failure."""

    def __init__(self, finish: Callable[..., NoReturn]) -> None:
        self.finish = finish

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        if call.excinfo is not None and call.excinfo.errisinstance(OSError):
            self.finish(BROKEN, test=item.nodeid, why=repr(call.excinfo.value))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.finish("killed", test=report.nodeid)


class Campaign:
    """Plugin: in place of running the tests, whatever `work` does with them."""

    def __init__(self, work: Callable[[pytest.Session], None]) -> None:
        self.work = work
        # pytest keeps an exit to itself
        self.stopped: SystemExit | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        # local variables in error messages: the shared compiler keeps only the last contract's places
        VyperContract.debug_frame = lambda contract, computation=None: None
        # the same examples for every mutant, and no time spent on making a failure small
        settings.register_profile(
            "mutants", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
        )
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [
            item
            for item in items
            if item.path.name not in LEFT_OUT
            and (not item.nodeid.startswith(OPAQUE) or item.nodeid in HISTORIES)
        ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise SystemExit("mutants: tests cannot be collected")
        try:
            self.work(session)
        except SystemExit as stopped:
            self.stopped = stopped
        return True


def collected(work: Callable[[pytest.Session], None]) -> None:
    """Call `work` with the whole suite collected and nothing run. Raises the SystemExit of `work`."""
    options = ["-q", "-s", "--no-header", "--no-summary", "-p", "no:cacheprovider"]
    campaign = Campaign(work)
    pytest.main([*options, *(str(ROOT / path) for path in PATHS)], plugins=[campaign])
    if campaign.stopped is not None:
        raise campaign.stopped


def freeze() -> None:
    """Before forking: no child looks for garbage in what all share."""
    gc.collect()
    gc.freeze()


def run_items(session: pytest.Session, items: list[pytest.Item], plugin: object) -> None:
    from _pytest.main import pytest_runtestloop

    # sizes are for tests/meta
    boa.env.evm.patch.code_size_limit = 2**20
    session.items = items
    session.config.pluginmanager.register(plugin)
    pytest_runtestloop(session)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A process group, output and temporary folder of its own; ends the process."""
    try:
        os.setsid()
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
        for number in (1, 2):
            os.dup2(log, number)
        tempfile.tempdir = str(folder)
        yield
    except BaseException as error:
        (folder / "error").write_text(repr(error))
    finally:
        os._exit(0)


def record(session: pytest.Session, contracts: Contracts, files: set[str], folder: Path) -> None:
    """Run these files without a mutant; write down what each test executes. In a child; does not return."""
    with _alone(folder):
        recorder = Recorder(contracts)
        run_items(session, [i for i in session.items if i.nodeid.split("::")[0] in files], recorder)
        out = {
            "failed": recorder.failed,
            "tests": {
                name: {
                    "seconds": round(seen.seconds, 3),
                    "lines": grouped(seen.lines | recorder.files.get(name.split("::")[0], set())),
                }
                for name, seen in recorder.tests.items()
            },
        }
        (folder / "result").write_text(json.dumps(out))


def grouped(lines: Lines) -> dict[str, list[int]]:
    out: dict[str, list[int]] = {}
    for path, line in sorted(lines):
        out.setdefault(path, []).append(line)
    return out


def attack(
    session: pytest.Session, contracts: Contracts, mutant: Mutant, items: list[pytest.Item], folder: Path
) -> None:
    """Run these tests against a mutant until one fails. In a child; does not return."""
    with _alone(folder):
        affected, differ = contracts.with_mutant(mutant), {}
        start = time.monotonic()
        compiling = 0.0

        def finish(status: str, **more: Any) -> NoReturn:
            more |= {"status": status, "seconds": round(time.monotonic() - start, 2)}
            (folder / "result").write_text(json.dumps(more | {"compiling": round(compiling, 2)}))
            os._exit(0)

        if not affected:
            finish("same", why="no contract contains it")
        contracts.compiler.set_mutant(mutant)
        # what collecting the tests has compiled
        support.compiled.cache_clear()

        def compiled(path: str) -> Any:
            nonlocal compiling
            original = contracts.original[path]
            if path not in affected:
                return original
            began = time.monotonic()
            try:
                deployer = contracts.compiler.compile(path)
            except Exception as problem:
                finish("stillborn", why=str(problem).strip().split("\n")[0][:200])
            compiling += time.monotonic() - began
            differ[path] = code_of(deployer) != code_of(original)
            if not any(differ.values()) and affected <= set(differ) and mutant.operator != CONTROL:
                finish("same")
            return deployer

        artifacts.compiled = compiled
        run_items(session, items, FirstFailure(finish))
        finish("same" if differ and not any(differ.values()) else "survived", tests=len(items))


def code_of(deployer: Any) -> tuple[bytes, bytes]:
    """Both codes without the digest of the sources."""
    data = deployer.compiler_data
    return data.bytecode.replace(bytes.fromhex(data.integrity_sum), b""), data.bytecode_runtime


def lines_of(mutant: Mutant) -> set[int]:
    """Where a mutant differs."""
    text = read(mutant.path)
    return set(range(text.count("\n", 0, mutant.start) + 1, text.count("\n", 0, mutant.end) + 2))


@functools.cache
def function_lines(path: str, function: str) -> frozenset[int]:
    tree = vy.parse_to_ast(read(path))
    found = [node for node in tree.get_children(vy.FunctionDef) if node.name == function]
    return frozenset(line for node in found for line in range(node.lineno, node.end_lineno + 1))
