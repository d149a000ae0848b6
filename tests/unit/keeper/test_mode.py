"""When the keeper has the fund look at the risk mode"""

import pytest

from lastline.keeper.decisions import FUND, mode
from lastline.keeper.snapshot import FundSnapshot
from tests.unit.keeper.worlds import NOW, config, snapshot

NORMAL, CAUTION, RESTRICTED, ADL, HALTED = range(5)
CONFIRM, EASE = 600, 3_600


def due(mode_, judged, low=0, calm=0, checkpoint_in=1):
    """Why `update_mode` is due, or None. `low` and `calm`: for how many seconds; 0: not at all."""
    fund = FundSnapshot(
        mode_, judged, low and NOW - low, calm and NOW - calm, CONFIRM, EASE, NOW + checkpoint_in
    )
    actions = mode(snapshot(fund=fund), config())
    assert len(actions) <= 1
    if not actions:
        return None
    assert (actions[0].contract, actions[0].method, actions[0].arguments) == (FUND, "update_mode", ())
    return actions[0].why


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ((NORMAL, NORMAL), None),
        ((NORMAL, CAUTION), "its state calls for CAUTION"),
        ((NORMAL, CAUTION, CONFIRM - 1), None),
        ((NORMAL, CAUTION, CONFIRM), "its state calls for CAUTION"),
        ((CAUTION, RESTRICTED, CONFIRM - 1), None),
        ((CAUTION, ADL, 1), "its state calls for ADL"),
        ((NORMAL, NORMAL, 1), "its clock can be stopped"),
        ((CAUTION, CAUTION, 0, 1), "its clock can be stopped"),
        ((ADL, NORMAL), "all is well enough for RESTRICTED"),
        ((ADL, NORMAL, 0, EASE - 1), None),
        ((ADL, NORMAL, 0, EASE), "all is well enough for RESTRICTED"),
        ((HALTED, NORMAL), None),
        ((HALTED, ADL, 1), None),
    ],
)
def test_update_is_due_when_it_changes_something(state, why):
    assert due(*state) == why


@pytest.mark.parametrize(("state", "seconds", "is_due"), [
    ((NORMAL, NORMAL), 1, False),
    ((NORMAL, NORMAL), 0, True),
    ((NORMAL, CAUTION, CONFIRM - 1), 0, True),
    ((HALTED, NORMAL), 0, True),
])  # fmt: skip
def test_update_is_due_for_a_checkpoint(state, seconds, is_due):
    assert due(*state, checkpoint_in=seconds) == ("a checkpoint is due" if is_due else None)


def test_a_fund_that_does_not_answer_is_left_alone():
    assert mode(snapshot(fund=None), config()) == []
