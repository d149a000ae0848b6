"""When a mark is renewed."""

import pytest

from lastline.keeper.decisions import marks
from lastline.units import wad
from tests.unit.keeper.worlds import MARK, NOW, config, inventory, market, snapshot


def due(*markets, **changes):
    return [action.arguments for action in marks(snapshot(*markets), config(**changes))]


def test_a_fresh_mark_at_the_oracles_price_is_left_alone():
    assert due(market()) == []


@pytest.mark.parametrize(("age", "is_due"), [(239, False), (240, True), (601, True)])
def test_an_old_mark_is_due(age, is_due):
    assert bool(due(market(mark_time=NOW - age), mark_age=240)) == is_due


def test_a_mark_is_due_at_the_markets_own_limit_if_that_is_less():
    assert due(market(mark_time=NOW - 600), mark_age=10_000) == [(0,)]
    assert due(market(mark_time=NOW - 599), mark_age=10_000) == []


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("moved", "is_due"), [("0.999", False), ("1", True), ("500", True)])
def test_a_mark_is_due_when_the_oracle_has_moved(sign, moved, is_due):
    changed = market(oracle_mark=MARK + sign * wad(moved))
    assert bool(due(changed, mark_move=wad("0.001"))) == is_due


def test_any_move_is_due_with_a_move_of_zero_but_no_move_is_not():
    assert due(market(oracle_mark=MARK + 1), mark_move=0) == [(0,)]
    assert due(market(), mark_move=0) == []


def test_no_mark_without_a_usable_price():
    assert due(market(mark_time=0, oracle_mark=None, oracle_reason="oracle: quorum not met")) == []


def test_no_mark_while_a_round_is_open():
    assert due(market(mark_time=0, is_round_open=True)) == []


def test_no_second_mark_in_the_same_second():
    assert due(market(mark_time=NOW, oracle_mark=2 * MARK)) == []


def test_marks_of_a_market_that_nobody_is_in_are_public_work():
    idle = market(mark_time=0, open_interest=0)
    assert due(idle) == []
    assert due(idle, is_public_good=True) == [(0,)]


@pytest.mark.parametrize("left", [inventory("-1"), inventory(outstanding="5")])
def test_a_market_with_inventory_or_claims_is_in_use(left):
    assert due(market(mark_time=0, open_interest=0, inventory=left)) == [(0,)]


def test_each_market_for_itself():
    assert due(market(0), market(1, mark_time=0), market(2, oracle_mark=2 * MARK)) == [(1,), (2,)]
