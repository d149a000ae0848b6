"""Bugs planted on purpose, as somebody could write them: the suite must catch each."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mutants.generate import ROOT, Mutant, Source, read
from mutants.run import Tests, attack_all

FILE = Path(__file__).parent / "planted.toml"
PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- planted: begin -->", "<!-- planted: end -->"


@dataclass(frozen=True)
class Bug:
    name: str
    says: str
    file: str
    old: str
    new: str

    def mutant(self) -> Mutant:
        start = read(self.file).index(self.old)
        source = Source(self.file)
        return Mutant(self.file, source.function_at(start), self.name, start, start + len(self.old), self.new)


def bugs() -> list[Bug]:
    return [Bug(**entry) for entry in tomllib.loads(FILE.read_text())["bug"]]


def markdown() -> str:
    """The table of docs/security.md."""
    lines = ["| bug | module | what is wrong |", "|---|---|---|"]
    lines += [f"| {bug.name} | `{bug.file}` | {bug.says} |" for bug in bugs()]
    return "\n".join(lines)


def write() -> None:
    """Put the table in its place in docs/security.md."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{markdown()}\n\n{END}{after}")


def run(jobs: int) -> int:
    """Plant each bug in a copy of the contracts; 1 if one is not caught."""
    table = Table("bug", "caught by", "seconds")
    missed = []

    def done(mutant: Mutant, result: dict[str, Any], tests: Tests) -> None:
        caught = result["status"] in ("killed", "timeout")
        if not caught:
            missed.append(mutant.operator)
        found = result.get("test", "timeout") if caught else f"NOT CAUGHT ({result['status']})"
        print(f"{mutant.operator}: {found}", flush=True)
        table.add_row(mutant.operator, found, f"{result['seconds']:.1f}")

    all_bugs = bugs()
    attack_all([bug.mutant() for bug in all_bugs], jobs, done)
    Console(width=160).print(table)
    print(f"{len(all_bugs)} planted, {len(all_bugs) - len(missed)} caught")
    return 1 if missed else 0
