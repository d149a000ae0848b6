"""docs/security.md says what the data say, every id is there once, and every test that is named exists."""

import ast
from functools import cache

from tests.attacks.catalogue import DOCUMENT, ROWS, with_table
from tests.support import ROOT

# Every pattern there has to be a row for. Ids are stable: a number that is missing here was never given.
IDS = """
T01-T20 T22-T24 L01-L11 L13-L25 L27-L31 L33 A01-A07 A09 A11-A16 A18 S01-S03 S05-S06 S08-S15 S17-S21 I01-I04
I06-I10 I12-I17 I19-I24 Q02-Q05 Q07-Q11 O01-O23 F01-F04 F06-F14 R01-R02 R04-R08 R10-R12 K01-K06 K08-K12
E01-E07 G01-G05 G07-G15 P01-P05 P07-P16 V01-V02 V04-V05 D01-D04 D06-D09 M01-M07 X01-X05 X07-X14 X16-X21
"""
INCIDENTS = {
    "2018-03 OKEx",
    "2018-07 OKEx",
    "2019-06 Synthetix",
    "2019-10 Deribit",
    "2020-03 BitMEX",
    "2020-03 Deribit",
    "2020-04 Lendf.Me, Agave, Hundred",
    "2020-05 Binance",
    "2021 FTX",
    "2022-05 Drift",
    "2022-05 Perpetual v1",
    "2022-05 Venus, Blizz",
    "2022-06 Solend",
    "2022-07 Audius",
    "2022 Perpetual v2",
    "2022-09 GMX v1",
    "2022-09 Omni bridge",
    "2022-10 Mango",
    "2023-02 Platypus",
    "2023-02 dForce, 2023-04 Sentiment",
    "2023-03 Euler",
    "2023-07 Vyper 0.2.15 to 0.3.0",
    "2023-11 dYdX v3",
    "2023-12 Levana",
    "2023-12 Synthetix",
    "2025-03 Hyperliquid, ETH",
    "2025-03 Hyperliquid, JELLY",
    "2025-04 KiloEx",
    "2025-06 Resupply, and shares that round",
    "2025-07 GMX v1",
    "2025-08 Hyperliquid, XPL",
    "2025-09 Aster, XPL",
    "2025-10 Hyperliquid",
    "2025-10 Binance",
    "2025-10 dYdX chain",
    "2025-10 Lighter",
    "2025-11 Hyperliquid, POPCAT",
    "2026-01 FutureSwap",
    "2026-04 Drift",
    "2026-04 PerpPair",
    "2026-07 Perpetual forks",
}


def required() -> set[str]:
    """The ids, ranges written out."""
    ids: set[str] = set()
    for part in IDS.split():
        first, _, last = part.partition("-")
        ids |= {f"{first[0]}{n:02}" for n in range(int(first[1:]), int((last or first)[1:]) + 1)}
    return ids | INCIDENTS


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of a file's test functions, without importing it; a stateful machine's TestCase counts as one."""
    file = ROOT / "tests" / path
    if not file.exists():
        return frozenset()
    nodes = ast.walk(ast.parse(file.read_text()))
    return frozenset(n.name for n in nodes if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def test_document_has_the_table_of_the_data():
    """After a change: python -m tests.attacks.catalogue"""
    text = DOCUMENT.read_text()
    assert text == with_table(text)


def test_every_id_has_one_row():
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids))
    assert set(ids) == required()


def test_every_row_is_answered():
    assert [row.id for row in ROWS if not (row.tests or row.reason)] == []
    assert [row.id for row in ROWS if "|" in row.pattern + row.reason] == []


def test_every_test_named_exists():
    named = {test for row in ROWS for test in row.tests}
    missing = [
        test for test in sorted(named) if test.partition("::")[2] not in names_in(test.partition("::")[0])
    ]
    assert missing == []


def test_every_attack_is_named_by_a_row():
    named = {test for row in ROWS for test in row.tests}
    files = sorted(
        path.relative_to(ROOT / "tests") for path in (ROOT / "tests" / "attacks").glob("test_*.py")
    )
    written = {f"{path}::{name}" for path in files for name in names_in(str(path))}
    assert sorted(written - named) == []
