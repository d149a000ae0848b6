"""What mutants rest on: names, bugs that can still be planted, a compiler that makes the same code."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from mutants import planted, suite
from mutants.compiler import Compiler
from mutants.generate import CONTRACTS, MODULES, ROOT, mutants
from mutants.run import (
    BEFORE,
    KILLERS,
    LIKELY,
    Child,
    Options,
    Tests,
    by_function,
    equivalents,
    keep,
    killed_of_valid,
    run,
    status_of,
)
from tests.meta.sources import SOURCES
from tests.support import compiled

ALL = {mutant.id: mutant for path in MODULES for mutant in mutants(path)}


def test_every_mutant_has_a_name_of_its_own():
    names = Counter(mutant.id for path in MODULES for mutant in mutants(path))
    assert not [name for name, count in names.items() if count > 1]


def test_every_mutant_changes_its_source():
    for mutant in ALL.values():
        assert mutant.diff(), mutant.id


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_operators_of_any_contract_are_found_where_they_stand(path):
    """Also of those that are mutated only if asked for by name."""
    for mutant in mutants(str(path.relative_to(CONTRACTS))):
        if re.fullmatch(r"[-+*/%<>=!&|^]+", mutant.new):
            old = path.read_text()[mutant.start : mutant.end]
            assert re.fullmatch(r"[-+*/%<>=!&|^]+", old), mutant.id


def test_names_are_the_same_in_every_run():
    """Python hashes text anew in every process, and Vyper's nodes keep their fields in sets."""
    command = [sys.executable, "-m", "mutants", "list", "--modules", "claims_queue", "--sample", "40"]
    runs = [
        subprocess.run(
            command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout != b""


def test_equivalent_mutants_exist_and_have_a_reason():
    for name, reason in equivalents().items():
        assert name in ALL, name
        assert reason


def test_killed_mutants_exist_and_so_do_their_killers():
    killers = json.loads(KILLERS.read_text())
    stems = {name.split(" | ")[0] for name in killers}
    files = [
        f for folder in ("", "modules/", "lib/") for f in CONTRACTS.glob(f"{folder}*.vy") if f.stem in stems
    ]
    known = {mutant.id for f in files for mutant in mutants(str(f.relative_to(CONTRACTS)))}
    assert killers.keys() <= known
    for test in set(killers.values()):
        file, name = test.split("[")[0].split("::")[:2]
        assert re.search(rf"\b{name}\b", (ROOT / file).read_text()), test


@pytest.mark.parametrize(
    ("error", "told"), [(FileNotFoundError("anvil"), [suite.BROKEN]), (AssertionError("I1"), [])]
)
def test_a_test_that_cannot_be_run_kills_nobody(error, told):
    found: list[str] = []
    plugin = suite.FirstFailure(lambda status, **more: found.append(status))
    with pytest.raises(type(error)) as excinfo:
        raise error
    plugin.pytest_runtest_makereport(SimpleNamespace(nodeid="a test"), SimpleNamespace(excinfo=excinfo))
    assert found == told


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"status": suite.BROKEN, "test": "a test", "why": "no anvil"}, "a test cannot be run"),
        (None, "no result"),
    ],
)
def test_a_child_without_a_verdict_ends_the_run_and_leaves_nothing(tmp_path, result, told):
    gone = subprocess.Popen(["true"], start_new_session=True)
    gone.wait()
    folder = tmp_path / "child"
    folder.mkdir()
    (folder / "error").write_text("killed")
    if result:
        (folder / "result").write_text(json.dumps(result))
    found: list[dict] = []
    with pytest.raises(SystemExit, match=told):
        Child(gone.pid, folder, 0.0, found.append).end()
    assert not found
    assert not folder.exists()


def test_an_end_of_the_work_is_not_kept_by_pytest(monkeypatch):
    def main(_: list[str], plugins: list[suite.Campaign]) -> None:
        plugins[0].pytest_runtestloop(SimpleNamespace(testsfailed=0))

    monkeypatch.setattr("mutants.suite.pytest.main", main)
    with pytest.raises(SystemExit, match="no anvil"):
        suite.collected(lambda session: sys.exit("no anvil"))
    suite.collected(lambda session: None)


@pytest.mark.parametrize(("limit", "is_tried"), [(45, False), (90, True)])
def test_who_ran_out_of_time_is_tried_again_if_there_is_more(tmp_path, monkeypatch, limit, is_tried):
    mutant = next(m for m in ALL.values() if m.id not in equivalents())
    old = {"status": "timeout", "seconds": 45.2, "contracts": suite.contracts_digest(), "tests": "same"}
    results, known = tmp_path / "results.json", []
    results.write_text(json.dumps({mutant.id: old}))
    monkeypatch.setattr("mutants.run.RESULTS", results)
    monkeypatch.setattr("mutants.run.REPORT", tmp_path / "report.txt")
    monkeypatch.setattr("mutants.run.ROOT", tmp_path)
    monkeypatch.setattr("mutants.run.choose", lambda options: [mutant])
    tests = SimpleNamespace(digest_for=lambda result: "same", learn=None)

    def attack_all(chosen, jobs, done, is_known, seconds, allowed):
        known.append(is_known(mutant, tests))

    monkeypatch.setattr("mutants.run.attack_all", attack_all)
    assert run(Options([mutant.path], limit=limit)) == 0
    assert known == [not is_tried]


def test_killers_are_known_by_function():
    killers = {"cohorts | _drop | a": "one", "cohorts | _drop | b": "one", "cohorts | _add | a": "two"}
    assert by_function(killers) == {("cohorts", "_drop"): {"one": 2}, ("cohorts", "_add"): {"two": 1}}


def test_who_was_killed_is_kept_until_he_lives(tmp_path, monkeypatch):
    first, second, third, *_ = ALL
    results, killers = tmp_path / "results.json", tmp_path / "killers.json"
    monkeypatch.setattr("mutants.run.RESULTS", results)
    monkeypatch.setattr("mutants.run.KILLERS", killers)
    killers.write_text(json.dumps({first: "old", second: "old", "cohorts | gone": "old"}))
    found = {first: ("killed", "new"), second: ("survived", ""), third: ("timeout", "")}
    results.write_text(json.dumps({name: {"status": s, "test": t} for name, (s, t) in found.items()}))
    assert keep() == 0
    assert json.loads(killers.read_text()) == {first: "new"}


def test_who_ran_out_of_time_is_not_killed():
    counts = Counter({"killed": 5, "survived": 1, "timeout": 2, "stillborn": 3, "equivalent": 4, BEFORE: 6})
    assert killed_of_valid(counts) == (5, 8)


def test_a_mutant_meets_what_killed_others_of_its_function_before_the_histories():
    mutant = next(m for m in ALL.values() if m.function == "_next_tick")
    lines, one = sorted(suite.lines_of(mutant)), suite.HISTORIES[0]
    tests = Tests.__new__(Tests)
    tests.known = {
        "tests/unit/cheap.py::hits": {"seconds": 0.1, "lines": {mutant.path: set(lines)}},
        "tests/unit/dear.py::hits": {"seconds": LIKELY, "lines": {mutant.path: set(lines)}},
        "tests/unit/cheap.py::passes_by": {
            "seconds": 0.1,
            "lines": {mutant.path: set(suite.function_lines(mutant.path, "_next_tick")) - set(lines)},
        },
        "tests/unit/cheap.py::elsewhere": {"seconds": 0.1, "lines": {mutant.path: {1}}},
    }
    tests.items = {name: name for name in [*tests.known, *suite.HISTORIES, "his killer", "its killer"]}
    tests.earlier, tests.killers = {}, {}
    most = ["tests/unit/dear.py::hits", *suite.HISTORIES[1:], "tests/unit/cheap.py::passes_by"]
    plain = ["tests/unit/cheap.py::hits", one, *most]
    assert tests.for_mutant(mutant) == plain
    tests.learn(mutant, "its killer")
    tests.learn(mutant, one)
    assert tests.for_mutant(mutant) == ["its killer", *plain]
    tests.earlier = {mutant.id: "his killer"}
    assert tests.for_mutant(mutant) == ["his killer", "its killer", *plain]


def test_who_was_killed_on_other_contracts_was_killed_before():
    one, other = list(ALL.values())[:2]
    results = {one.id: {"status": "survived", "contracts": "these"}}
    killers = {one.id: "a test", other.id: "a test"}
    assert status_of(one, results, {}, killers, "these") == "survived"
    assert status_of(one, results, {}, killers, "others") == BEFORE
    assert status_of(other, results, {}, killers, "these") == BEFORE
    assert status_of(other, results, {other.id: "why"}, killers, "these") == "equivalent"
    assert status_of(other, results, {}, {}, "these") == ""


@pytest.mark.parametrize("bug", planted.bugs(), ids=lambda bug: bug.name)
def test_planted_bug_can_still_be_planted(bug):
    assert (CONTRACTS / bug.file).read_text().count(bug.old) == 1
    assert bug.old != bug.new


def test_every_accounting_module_has_a_planted_bug():
    assert set(MODULES) <= {bug.file for bug in planted.bugs()}


def test_security_page_lists_the_planted_bugs():
    assert planted.markdown() in (ROOT / "docs" / "security.md").read_text()


def test_compiler_with_a_memory_makes_the_same_code():
    """The second compilation finds everything analysed, and what the first has left."""
    compiler = Compiler()
    for path in ("MarginVaultCrisis.vy", "MarginVaultMembership.vy", "MarginVaultCrisis.vy"):
        assert suite.code_of(compiler.compile(path)) == suite.code_of(compiled(path))


def test_mutant_is_compiled_into_the_code():
    compiler, original = Compiler(), compiled("mocks/FixedMathHarness.vy")
    assert suite.code_of(compiler.compile("mocks/FixedMathHarness.vy")) == suite.code_of(original)
    mutant = next(m for m in ALL.values() if m.function == "_saturating_sub" and m.operator == "comparison")
    compiler.set_mutant(mutant)
    assert suite.code_of(compiler.compile("mocks/FixedMathHarness.vy")) != suite.code_of(original)


def test_mutant_of_a_contract_itself_is_compiled_into_its_code():
    compiler = Compiler()
    bugs = [bug for bug in planted.bugs() if (CONTRACTS / bug.file).parent == CONTRACTS]
    assert {"Exchange.vy", "MarginVaultLastTiers.vy"} <= {bug.file for bug in bugs}
    bug = next(bug for bug in bugs if bug.file == "MarginVaultLastTiers.vy")
    compiler.set_mutant(bug.mutant())
    assert suite.code_of(compiler.compile(bug.file)) != suite.code_of(compiled(bug.file))
