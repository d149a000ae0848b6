"""The demo with a keeper: every shock must be resolved in time."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from scripts._keeper import MAX_BLOCKS, KeptRun, Shock
from scripts._scenario import ScenarioError

IN_TIME = Shock("12 Mar 08:00", "7650", MAX_BLOCKS, ())
LATE = Shock("12 Mar 10:30", "7250", MAX_BLOCKS + 1, ())
LEFT = Shock("12 Mar 10:30", "7250", 3, ("market 0: claims",))


def last_of(*shocks):
    return KeptRun.require_resolved(SimpleNamespace(shocks=list(shocks)))


def test_the_last_shock_is_told_if_all_are_resolved():
    assert last_of(replace(LATE, blocks=1), IN_TIME) is IN_TIME


@pytest.mark.parametrize("bad", [LATE, LEFT])
@pytest.mark.parametrize("is_last", [True, False])
def test_a_shock_that_is_not_resolved_in_time_fails_wherever_it_is(bad, is_last):
    with pytest.raises(ScenarioError, match="12 Mar 10:30"):
        last_of(*((IN_TIME, bad) if is_last else (bad, IN_TIME)))


def test_a_scenario_without_a_shock_fails():
    with pytest.raises(ScenarioError, match="anything to do"):
        last_of()
