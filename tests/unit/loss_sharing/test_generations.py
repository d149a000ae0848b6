"""The 64 generations of a tick: which one is joined when others are sealed, and when there is none left."""

import json
from decimal import Decimal

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.kernel import account_of, wad
from tests.support import ROOT, wait
from tests.unit.crisis.scene import Scene, low, tick_at
from tests.unit.loss_sharing.test_deleverage import crash

LAYOUT = json.loads((ROOT / "tests/meta/storage_layout.json").read_text())


def slot_of(name: str, key: int) -> int:
    """Where the vault keeps a word of the cohorts' maps: `siblings`, the populated generations of a tick;
    `bitmaps`, a group's ticks (its last word counts them).
    """
    slot = LAYOUT["storage_layout"]["cohorts"][name]["slot"]
    return int.from_bytes(keccak(encode(["uint256", "uint256"], [slot, key])), "big")


def sealed(scene: Scene, populated: int) -> int:
    """A tick whose generation 0 ADL has closed in part, as if these other generations had members too."""
    winner, _ = crash(scene, winner_size=20)
    scene.kernel.deleverage()
    base = scene.kernel.position(winner).key
    boa.env.set_storage(scene.vault.address, slot_of("siblings", base), populated)
    scene.move(0)
    return base


def join(scene: Scene, name: str = "newcomer") -> int:
    newcomer, other = scene.account(name, 1000), scene.account("other", 1000)
    scene.open(other, newcomer, 5)
    return scene.kernel.position(newcomer).key


@pytest.mark.parametrize("free", [1, 2, 63])
def test_the_lowest_free_generation_is_joined(scene, free):
    base = sealed(scene, (2**64 - 2) ^ (1 << free))
    assert join(scene) == base + free


def test_who_comes_later_joins_the_generation_that_is_open(scene):
    base = sealed(scene, 0)
    assert [join(scene, name) for name in ("newcomer", "another", "third")] == [base + 1] * 3
    scene.kernel.assert_conserved()


def test_what_generation_0_holds_is_the_same_whoever_joins_the_next_one(scene):
    winner, _ = crash(scene, winner_size=Decimal("20.000000000000000001"))
    scene.kernel.deleverage()
    scene.move(0)
    sums = slot_of("generations", scene.kernel.position(winner).key)
    held = boa.env.get_storage(scene.vault.address, sums) & (2**249 - 1)
    assert held & 1 == 1
    join(scene)
    assert boa.env.get_storage(scene.vault.address, sums) & (2**249 - 1) == held


def ticks_of(scene: Scene, base: int) -> int:
    """How many ticks of the group of a tick are populated."""
    return boa.env.get_storage(scene.vault.address, slot_of("bitmaps", base >> 20 << 8 | 255)) >> 64


def test_a_sibling_is_no_tick_more(scene):
    base = sealed(scene, 0)
    assert ticks_of(scene, base) == 1
    join(scene)
    assert ticks_of(scene, base) == 1


@pytest.mark.parametrize("leaver", [0, 1])
def test_a_tick_that_is_left_takes_no_neighbour_with_it(scene, leaver):
    """An even tick and the odd one above it."""
    even = tick_at(wad(100)) & ~1
    other, winners = scene.account("other", 5000), []
    for n in range(2):
        wait(60)
        scene.kernel.oracle.set_price(0, low(even + n))
        scene.vault.update_mark(0)
        winners.append(scene.account(f"winner {n}", 1000))
        scene.open(other, winners[n], 2)
    key = scene.kernel.position(winners[0]).key
    word = slot_of("bitmaps", key >> 20 << 8 | even >> 8)
    assert boa.env.get_storage(scene.vault.address, word) == 3 << (even & 255)
    scene.open(winners[leaver], other, 2)
    assert scene.kernel.position(winners[leaver]).size == 0
    assert boa.env.get_storage(scene.vault.address, word) == 1 << (even & 255) + 1 - leaver
    assert ticks_of(scene, key) == 1


@pytest.mark.parametrize("is_sibling_first", [True, False])
def test_a_tick_that_all_have_left_is_no_tick_any_more(scene, is_sibling_first):
    base = sealed(scene, 0)
    join(scene)
    leavers = [("newcomer", "other", 5), ("winner", "bystander", 10)]
    for name, other, size in leavers if is_sibling_first else reversed(leavers):
        assert ticks_of(scene, base) == 1
        scene.open(account_of(name), account_of(other), size)
        assert scene.kernel.position(account_of(name)).size == 0
    assert ticks_of(scene, base) == 0


def test_generation_0_is_joined_and_left_again_while_a_sibling_lives(scene):
    base = sealed(scene, 0)
    assert join(scene) == base + 1
    scene.open(account_of("winner"), account_of("bystander"), 10)
    assert [join(scene, name) for name in ("second", "third")] == [base, base]
    second = account_of("second")
    scene.open(second, account_of("other"), 2)
    assert abs(scene.kernel.position(second).size) == wad(3)
    scene.touch(second)
    scene.open(second, account_of("other"), 3)
    assert scene.kernel.position(second).size == 0
    assert scene.kernel.position(account_of("third")).key == base
    scene.kernel.assert_conserved()


def test_nobody_joins_a_tick_whose_generations_are_all_taken(scene):
    sealed(scene, 2**64 - 2)
    with boa.reverts("cohort: generations full"):
        join(scene)


def test_the_same_tick_of_another_class_has_generations_of_its_own(scene):
    sealed(scene, 2**64 - 2)
    late = scene.account("late", 1000, leverage_class=1)
    scene.open(scene.account("other", 1000, leverage_class=1), late, 5)
    assert scene.kernel.position(late).key & 63 == 0


def closed_keys(scene: Scene) -> list[int]:
    return [log[2] for log in scene.logs() if log[0] == "CohortClosed"]


def two_sealed(scene: Scene) -> int:
    """ADL has closed all of generation 0 but 10, and part of generation 1; nobody has been touched since."""
    winner, _ = crash(scene, winner_size=20)
    scene.kernel.deleverage()
    base = scene.kernel.position(winner).key
    scene.move(0)
    late = scene.account("late", 5000)
    scene.open(account_of("bystander"), late, 5)
    second = scene.bankrupt(late, 12, 72, name="second loser")
    assert scene.kernel.position(late).key == base + 1
    scene.move(10)
    scene.kernel.absorb(second)
    scene.kernel.deleverage()
    assert closed_keys(scene) == [base, base + 1]
    scene.move(0)
    return base


def test_a_sibling_that_is_sealed_too_is_not_joined(scene):
    base = two_sealed(scene)
    assert [join(scene), join(scene, "another")] == [base + 2] * 2
    scene.kernel.assert_conserved()


def test_a_sibling_is_found_when_another_has_lost_its_last_member(scene):
    """Generation 2 is left; nobody joins the tick any more, but ADL still finds generation 1."""
    base = two_sealed(scene)
    assert join(scene) == base + 2
    third = scene.bankrupt(account_of("bystander"), 4, 24, name="third loser")
    scene.open(account_of("newcomer"), account_of("other"), 5)
    assert scene.kernel.position(account_of("newcomer")).size == 0
    scene.move(10)
    scene.kernel.absorb(third)
    scene.kernel.deleverage()
    assert closed_keys(scene) == [base + 1]
    scene.kernel.assert_conserved()


def test_siblings_are_found_when_generation_0_has_lost_its_last_member(scene):
    winner, _ = crash(scene, winner_size=20)
    scene.kernel.deleverage()
    base = scene.kernel.position(winner).key
    scene.move(0)
    late = scene.account("late", 5000)
    scene.open(account_of("bystander"), late, 5)
    scene.open(winner, account_of("bystander"), 10)
    assert scene.kernel.position(winner).size == 0
    loser = scene.bankrupt(late, 12, 72, name="second loser")
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    assert closed_keys(scene) == [base + 1]
    scene.kernel.assert_conserved()


def test_generation_0_is_found_when_its_only_sibling_has_lost_its_last_member(scene):
    base = sealed(scene, 0)
    assert join(scene) == base + 1
    scene.open(account_of("newcomer"), account_of("other"), 5)
    assert scene.kernel.position(account_of("newcomer")).size == 0
    loser = scene.bankrupt(account_of("bystander"), 4, 24, name="second loser")
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    assert closed_keys(scene) == [base]
    scene.kernel.assert_conserved()


def test_siblings_are_found_whichever_was_joined_last_when_generation_0_has_lost_its_last_member(scene):
    base = two_sealed(scene)
    assert join(scene) == base + 2
    assert scene.kernel.position(account_of("winner")).size == 0
    scene.touch(account_of("winner"))  # and with it generation 0 has lost its last member
    loser = scene.bankrupt(account_of("bystander"), 4, 24, name="third loser")
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    assert closed_keys(scene)[0] == base + 1
    scene.kernel.assert_conserved()
