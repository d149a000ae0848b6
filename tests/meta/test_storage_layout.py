"""The parts of the kernel work on one storage: same names, slots and types, as they always were."""

import json
from pathlib import Path

import pytest

from tests.kernel import PARTS
from tests.meta.sources import layout

SNAPSHOT = Path(__file__).with_name("storage_layout.json")


@pytest.mark.parametrize("part", PARTS[:-1])
def test_a_part_has_the_vaults_layout(part):
    assert layout(part) == layout(PARTS[-1])


def test_the_layout_holds_every_owner_of_state():
    """An empty output would make the comparison true of anything."""
    modules = layout(PARTS[-1])["storage_layout"]
    for name in (
        "system",
        "markets",
        "accounts",
        "cohorts",
        "maturity",
        "bankruptcy_account",
        "claims_queue",
        "fund_payments",
        "loss_sharing",
        "recovery",
    ):
        assert modules[name], name
    assert "ownable" in json.dumps(modules["system"])
    assert "is_inside" in json.dumps(layout(PARTS[-1])["transient_storage_layout"])


def test_the_layout_is_the_recorded_one():
    """A change of the layout is a decision: write the new one into storage_layout.json in the same commit."""
    assert layout(PARTS[-1]) == json.loads(SNAPSHOT.read_text())
