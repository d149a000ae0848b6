"""The 64 generations of a tick: which one is joined when others are sealed, and when there is none left."""

import json

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.support import ROOT
from tests.unit.crisis.scene import Scene
from tests.unit.loss_sharing.test_deleverage import crash

LAYOUT = json.loads((ROOT / "tests/meta/storage_layout.json").read_text())


def siblings_slot(key: int) -> int:
    """Where the vault keeps which generations of a tick are populated."""
    slot = LAYOUT["storage_layout"]["cohorts"]["siblings"]["slot"]
    return int.from_bytes(keccak(encode(["uint256", "uint256"], [slot, key])), "big")


def sealed(scene: Scene, populated: int) -> int:
    """A tick whose generation 0 ADL has closed in part, as if these other generations had members too."""
    winner, _ = crash(scene, winner_size=20)
    scene.kernel.deleverage()
    base = scene.kernel.position(winner).key
    boa.env.set_storage(scene.vault.address, siblings_slot(base), populated)
    scene.move(0)
    return base


def join(scene: Scene) -> int:
    late, other = scene.account("late", 1000), scene.account("other", 1000)
    scene.open(other, late, 5)
    return scene.kernel.position(late).key


@pytest.mark.parametrize("free", [1, 2, 63])
def test_the_lowest_free_generation_is_joined(scene, free):
    base = sealed(scene, (2**64 - 2) ^ (1 << free))
    assert join(scene) == base + free


def test_nobody_joins_a_tick_whose_generations_are_all_taken(scene):
    sealed(scene, 2**64 - 2)
    with boa.reverts("cohort: generations full"):
        join(scene)


def test_the_same_tick_of_another_class_has_generations_of_its_own(scene):
    sealed(scene, 2**64 - 2)
    late = scene.account("late", 1000, leverage_class=1)
    scene.open(scene.account("other", 1000, leverage_class=1), late, 5)
    assert scene.kernel.position(late).key & 63 == 0
