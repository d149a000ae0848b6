"""Five lights: the front fifth of the queue has five, the last one, and who is not in the queue none."""

import boa

from tests.kernel import account_of, wad
from tests.unit.crisis.scene import Scene


def in_a_row(scene: Scene, sizes: list[float]) -> list[int]:
    """Winners of these sizes, each entered later than the one before, so each ranked worse."""
    whale = scene.account("whale", 100_000)
    winners = []
    for n, size in enumerate(sizes):
        scene.move(-40 + 3 * n)
        winners.append(scene.account(f"winner {n}", 10_000))
        scene.open(whale, winners[-1], size)
    scene.move(30)
    return winners


def test_equal_fifths_have_five_to_one_lights(scene, lens):
    winners = in_a_row(scene, [2, 2, 2, 2, 2])
    assert [lens.lights(w, 0) for w in winners] == [5, 4, 3, 2, 1]


def test_lights_are_by_size_not_by_number(scene, lens):
    winners = in_a_row(scene, [2, 2, 2, 2, 32])
    assert [lens.lights(w, 0) for w in winners] == [5, 5, 5, 5, 4]


def test_a_fifth_ends_where_exactly_a_fifth_is_ahead(scene, lens):
    """A wei less than a fifth ahead, and the next one has five lights too."""
    winners = in_a_row(scene, [2, 8])
    assert [lens.lights(w, 0) for w in winners] == [5, 4]
    assert lens.adl_rank(winners[1], 0).quantile == wad("0.8")
    with boa.env.anchor():
        scene.move(-37)
        scene.open(account_of("whale"), winners[1], "0.000000000000000004")
        scene.move(30)
        assert [lens.lights(w, 0) for w in winners] == [5, 5]


def test_the_last_of_many_keeps_one_light(scene, lens):
    winners = in_a_row(scene, [50, 50, 2])
    assert [lens.lights(w, 0) for w in winners] == [5, 3, 1]


def test_alone_in_the_queue_all_five_are_lit(scene, lens):
    winners = in_a_row(scene, [3])
    assert lens.lights(winners[0], 0) == 5


def test_who_is_not_in_the_queue_has_no_light(scene, lens):
    winners = in_a_row(scene, [3])
    assert lens.lights(account_of("whale"), 0) == 0
    assert lens.lights(account_of("stranger"), 0) == 0
    scene.move(-40)
    assert lens.lights(winners[0], 0) == 0


def test_lights_of_an_unknown_market_revert(lens):
    with boa.reverts("lens: unknown market"):
        lens.lights(account_of("winner"), 2)
