"""Plain data as JSON and back: the same, or an error."""

import json
from dataclasses import dataclass, field

import pytest

from lastline.ledger import Claim, Cohort, Ledger, Market
from lastline.state_file import as_plain, of_plain
from lastline.units import WAD
from lastline.words import AccountWord, BatchWord, ClockWord, RoundWord


def as_json(worth):
    return json.loads(json.dumps(as_plain(worth)))


def some_ledger() -> Ledger:
    ledger = Ledger.empty(6)
    market = Market(0, True, ClockWord(1, 2, 3, 4, 5), queue={0: 7}, batches={3: BatchWord(1, 2)})
    market.rounds.append(RoundWord(2**90, 2**100))
    market.inventory.cash = -(2**100)
    ledger.markets.append(market)
    ledger.accounts[2**255 + 1] = AccountWord(-5, 1, 2, 3)
    ledger.positions[2**255 + 1, 0] = 2**247
    ledger.cohorts[77] = Cohort(size_sum=5, is_closed=True, phi=-3)
    ledger.claims.append(Claim(0, 0, 2**255 + 1, -1, 99, 10 * WAD))
    ledger.operators.add(("0xA", "0xB"))
    ledger.roles["EXCHANGE"] = "0xC"
    return ledger


def test_a_ledger_comes_back_as_it_was():
    ledger = some_ledger()
    again = of_plain(Ledger, as_json(ledger))
    assert again == ledger
    assert again.markets[0].words() == ledger.markets[0].words()
    assert again != Ledger.empty(6)


@dataclass
class Box:
    count: int
    name: str
    is_full: bool
    pairs: dict[tuple[int, str], list[bool]] = field(default_factory=dict)
    many: tuple[int, ...] = ()


def test_every_kind_of_plain_data_comes_back():
    box = Box(-(2**300), "x", True, {(1, "a"): [True, False]}, (1, 2, 3))
    assert of_plain(Box, as_json(box)) == box


@pytest.mark.parametrize(
    "data",
    [
        [1, "x"],
        [1, "x", True, [], [], 5],
        ["1", "x", True, [], []],
        [1, "x", 1, [], []],
        [True, "x", True, [], []],
        [1, "x", True, [[1, 2, 3]], []],
        [1, "x", True, {}, []],
        [1.0, "x", True, [], []],
        None,
    ],
)
def test_data_of_another_type_is_refused(data):
    with pytest.raises((TypeError, ValueError)):
        of_plain(Box, data)


def test_what_is_no_plain_data_is_refused():
    with pytest.raises(TypeError, match="float is no plain data"):
        as_plain([1.5])
    with pytest.raises(TypeError, match="is no plain data"):
        of_plain(float, 1.5)
