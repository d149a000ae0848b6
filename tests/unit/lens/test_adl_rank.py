"""A position's place in the ADL queue is where queue ADL and closing at mark come to it."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from lastline.ledger import Cohort
from lastline.words import CohortKey
from tests.kernel import RAY, WAD, account_of, deploy_kernel, wad
from tests.support import ROOT, actor, deploy
from tests.unit.crisis.scene import Scene, cohort_key, fresh, low, tick_at

LAYOUT = json.loads((ROOT / "tests/meta/storage_layout.json").read_text())
NOWHERE = (False, 0, 0, 0, 0, 0, 0)

# entry (distance from 100, better for the winner), leverage class, size
QUEUE = [(-9, 3, 3), (-6, 0, 2), (-3, 2, 2), (0, 1, 2), (-9, 1, 3), (0, 3, 10)]
RATES = [wad("0.05"), wad("0.1"), wad("0.2"), wad("0.5")]


def open_queue(scene: Scene) -> list[int]:
    """Winners of four classes at four ticks, one a tick and class; the last one's loser has 60 of margin."""
    whale = scene.account("whale", 100_000)
    winners = []
    for n, (against, leverage_class, size) in enumerate(QUEUE):
        scene.move(against)
        winners.append(scene.account(f"winner {n}", 10_000, leverage_class=leverage_class))
        if n == len(QUEUE) - 1:
            scene.bankrupt(winners[-1], size)
        else:
            scene.open(whale, winners[-1], size)
    return winners


def rank_of(scene: Scene, account: int) -> int:
    """By the design's formula, in 18 decimals."""
    key = scene.kernel.position(account).key
    entry, mark = low(key >> 6 & 0x3FFF), scene.vault.mark(0)
    return abs(mark - entry) * WAD // entry * WAD // RATES[key >> 20 & 3]


def test_places_are_those_of_sorting_by_rank(scene, lens):
    winners = open_queue(scene)
    scene.move(10)
    ranked = sorted(winners, key=lambda a: -rank_of(scene, a))
    sizes = [abs(scene.kernel.position(a).size) for a in ranked]
    total = wad(22)
    assert ranked != winners
    for n, account in enumerate(ranked):
        ahead = sum(sizes[:n])
        assert tuple(lens.adl_rank(account, 0)) == (
            True,
            rank_of(scene, account),
            ahead,
            0,
            sizes[n],
            total,
            (total - ahead) * WAD // total,
        )


def test_deleverage_comes_to_everybody_in_the_order_of_the_places(scene, lens):
    """Ask first, then let the kernel close the inventory: what was ahead of each is closed before it."""
    winners = open_queue(scene)
    scene.move(10)
    scene.kernel.absorb(account_of("loser"))
    places = {scene.kernel.position(a).key: lens.adl_rank(a, 0) for a in winners}
    scene.kernel.deleverage()
    closed = 0
    keys = []
    for log in scene.logs():
        if log[0] == "CohortClosed":
            assert places[log[2]].ahead == closed
            closed += log[4]
            keys.append(log[2])
    assert len(keys) == 5
    assert closed >= wad(10) - 1
    assert keys == sorted(places, key=lambda key: places[key].ahead)[:5]


def test_close_at_mark_comes_to_everybody_in_the_order_of_the_places(scene, lens):
    winners = open_queue(scene)
    scene.move(10)
    scene.kernel.absorb(account_of("loser"))
    scene.kernel.charge_round()
    # everybody has been charged in part, and ranks as before
    places = {scene.kernel.position(a).key: lens.adl_rank(a, 0) for a in winners}
    assert {place.total for place in places.values()} == {wad(22)}
    scene.kernel.close_at_mark()
    keys = [log[2] for log in scene.logs() if log[0] == "CohortClosed"]
    assert len(keys) == 5
    assert keys == sorted(places, key=lambda key: places[key].ahead)[:5]


def test_what_adl_has_closed_is_no_longer_in_the_queue(scene, lens):
    winners = open_queue(scene)
    scene.move(10)
    scene.kernel.absorb(account_of("loser"))
    ranked = sorted(winners, key=lambda a: -rank_of(scene, a))
    scene.kernel.deleverage()
    left = [abs(scene.kernel.position(a).size) for a in ranked]
    # 10 of 22 are closed: four wholly, the fifth in part
    assert left[:4] == [0, 0, 0, 0]
    for account in ranked[:4]:
        place = lens.adl_rank(account, 0)
        assert (place.is_queued, place.ahead, place.level, place.quantile) == (False, 0, 0, 0)
    front = lens.adl_rank(ranked[4], 0)
    assert (front.is_queued, front.ahead, front.quantile) == (True, 0, WAD)
    # a generation's size is rounded down, a short member's up
    assert left[4] - 1 <= front.level <= left[4]
    assert front.total == front.level + left[5]
    assert lens.adl_rank(ranked[5], 0).ahead == front.level


def test_losers_are_not_in_the_queue_but_see_it(scene, lens):
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner, margin=200)
    scene.move(10)
    assert tuple(lens.adl_rank(loser, 0)) == NOWHERE
    # somebody on the losing side who entered long before, and gained
    scene.move(0)
    scene.move(30)
    early = scene.account("early", 1000)
    scene.open(early, scene.account("late", 1000), 3)
    scene.move(10)
    assert tuple(lens.adl_rank(loser, 0)) == (False, 0, 0, 0, 0, wad(3), 0)
    assert lens.adl_rank(early, 0).is_queued


def test_an_account_without_a_position_has_no_place(scene, lens):
    winner = scene.account("winner", 1000)
    scene.bankrupt(winner)
    scene.move(10)
    assert tuple(lens.adl_rank(account_of("stranger"), 0)) == NOWHERE
    assert tuple(lens.adl_rank(winner, 1)) == NOWHERE


def test_a_position_in_the_marks_own_tick_is_not_in_the_queue(scene, lens):
    """Exactly from the tick's border on it is: wholly in profit means by the tick's bounds."""
    winner = scene.account("winner", 5000)
    scene.bankrupt(winner, margin=2000)
    tick = tick_at(wad(100))
    border = low(tick) if scene.side > 0 else low(tick + 1)
    inside = border + scene.side
    for price, is_queued in ((inside, False), (border, True), (border - scene.side, True)):
        scene.kernel.oracle.set_price(0, price, 0)
        boa.env.timestamp += 1
        scene.vault.update_mark(0)
        assert scene.vault.mark(0) == price
        assert lens.adl_rank(winner, 0).is_queued == is_queued


def test_a_round_moves_the_price_from_which_a_position_is_in_the_queue(scene, lens):
    """It takes 40 of a profit of 100, so the entry is 4 nearer to the mark."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner, size=10, margin=60)
    scene.move(10)
    scene.kernel.absorb(loser)
    assert lens.adl_rank(winner, 0).is_queued
    scene.kernel.charge_round()
    for against, is_queued in ((10, True), (5, True), (3, False), (0, False)):
        scene.move(against)
        assert lens.adl_rank(winner, 0).is_queued == is_queued, against


def two_generations(scene: Scene) -> tuple[int, int]:
    """Two winners of one tick and class: ADL has sealed the first one's generation."""
    first = scene.account("first", 5000)
    loser = scene.bankrupt(first)
    scene.open(scene.account("bystander", 5000), first, 10)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    scene.move(0)
    second = scene.account("second", 5000)
    scene.open(account_of("bystander"), second, 5)
    scene.move(10)
    assert scene.kernel.position(second).key == scene.kernel.position(first).key + 1
    return first, second


def test_generations_of_a_tick_are_level_and_the_lower_is_earlier(scene, lens):
    first, second = two_generations(scene)
    places = lens.adl_rank(first, 0), lens.adl_rank(second, 0)
    assert places[0].level == places[1].level == places[0].total == wad(15)
    assert [p.ahead for p in places] == [0, 0]
    assert [p.earlier for p in places] == [0, wad(10)]
    assert [p.quantile for p in places] == [WAD, WAD]


def test_who_is_wholly_closed_is_not_in_the_queue_when_others_share_his_tick(scene, lens):
    """ADL has closed all of the first one; the second joined the tick later, and is alone in the queue."""
    first = scene.account("first", 5000)
    loser = scene.bankrupt(first)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    scene.move(0)
    second = scene.account("second", 5000)
    scene.open(scene.account("bystander", 5000), second, 5)
    scene.move(10)
    keys = [scene.vault.position_word(a, 0) >> 230 for a in (first, second)]
    assert keys[0] == keys[1]  # side, class and tick
    assert tuple(lens.adl_rank(first, 0)) == (False, 0, 0, 0, 0, wad(5), 0)
    assert tuple(lens.adl_rank(second, 0))[2:6] == (0, 0, wad(5), wad(5))
    assert lens.lights(first, 0) == 0


def test_siblings_count_when_generation_0_has_lost_its_last_member(scene, lens):
    first, second = two_generations(scene)
    scene.move(0)
    scene.open(first, account_of("bystander"), 10)
    assert scene.kernel.position(first).size == 0
    scene.move(10)
    assert tuple(lens.adl_rank(second, 0))[2:6] == (0, 0, wad(5), wad(5))


def test_the_lower_of_two_classes_with_the_same_rank_is_ahead():
    """Classes of the same rate, at one tick: the kernel's walk begins with the lower."""
    kernel = deploy_kernel(margin={"class_rates": [wad("0.1"), wad("0.1"), wad("0.2"), wad("0.5")]})
    scene, lens = fresh(kernel, 1), deploy("VaultLens.vy", kernel.vault.address)
    winners = [scene.account(f"winner {n}", 5000, leverage_class=n) for n in (1, 0)]
    loser = scene.account("loser", 300)
    for winner in winners:
        scene.open(loser, winner, 10)
    scene.move(20)
    assert [lens.adl_rank(w, 0).ahead for w in winners] == [wad(10), 0]
    assert lens.adl_rank(winners[0], 0).rank == lens.adl_rank(winners[1], 0).rank
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    keys = [log[2] for log in scene.logs() if log[0] == "CohortClosed"]
    assert keys == [cohort_key(-1, wad(100), n) for n in (0, 1)]


def add_rounds(scene: Scene, first: int, charges: list[tuple[int, int]]) -> None:
    """Append rounds (share, price) behind the `first` that there are, as if they had been charged."""
    slots = LAYOUT["storage_layout"]["markets"]
    for index, (share, price) in enumerate(charges, first):
        slot = keccak(encode(["uint256", "uint256"], [slots["round_words"]["slot"], index]))
        boa.env.set_storage(scene.vault.address, int.from_bytes(slot, "big"), share | price << 96)
    word = scene.vault.market_words(0)[0] + (len(charges) << 136)
    boa.env.set_storage(scene.vault.address, slots["price_words"]["slot"], word)


@pytest.mark.parametrize("more", [63, 64])
def test_pending_rounds_count_however_many(scene, lens, more):
    """
    More than the 64 that the kernel applies in one access: until somebody syncs, only the lens can tell. The
    first takes most; the next ones a thousandth each, some at prices where nobody was in profit.
    """
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    prices = [scene.price(10 + n % 7 - 30 * (n % 5 == 0)) for n in range(more)]
    add_rounds(scene, 1, [(RAY // 1000, price) for price in prices])
    if more >= 64:
        with boa.reverts("cohort: sync first"):
            scene.vault.position_state(winner, 0)
    ways = [Decimal(n) / 20 for n in range(60, 140, 5)]
    answers, reachable = [], []
    for against in ways:
        answers.append(at(scene, against, lambda: lens.adl_rank(winner, 0).is_queued))
        reachable.append(lens.reachable_profit(0, scene.price(against)))
    assert set(answers) == {False, True}
    for _ in range(2):
        scene.vault.sync_cohort(scene.vault.position_word(winner, 0) >> 224 & (2**23 - 1), 64)
    cohort = Cohort.of_words(scene.vault.cohort_words(scene.kernel.position(winner).key))
    assert cohort.rounds_seen == more + 1
    key = CohortKey.of(scene.kernel.position(winner).key)
    for against, answer, profit in zip(ways, answers, reachable, strict=True):
        price = scene.price(against)
        assert answer == cohort.is_in_profit(key, 6, price * 10**9)
        assert lens.reachable_profit(0, price) == profit
        assert (profit > 0) == answer


def at(scene: Scene, against: Decimal, question: Callable[[], Any]) -> Any:
    """What the answer is with this mark, which is then taken back."""
    slot = LAYOUT["storage_layout"]["markets"]["price_words"]["slot"]
    word = scene.vault.market_words(0)[0]
    boa.env.set_storage(scene.vault.address, slot, word >> 104 << 104 | scene.price(against))
    answer = question()
    boa.env.set_storage(scene.vault.address, slot, word)
    return answer


def test_fine_ticks_have_their_own_bounds():
    kernel = deploy_kernel(has_fine_ticks=True)
    lens = deploy("VaultLens.vy", kernel.vault.address)
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(kernel, side)
            winner = scene.account("winner", 5000)
            scene.bankrupt(winner, margin=500)
            # a coarse tick at 100 is 1 wide, a fine one half
            for against, is_queued in (("0.2", False), ("0.6", True)):
                scene.move(against)
                assert lens.adl_rank(winner, 0).is_queued == is_queued


def test_unknown_market_reverts(scene, lens):
    for market in (2, 32, 2**255):
        with boa.reverts("lens: unknown market"):
            lens.adl_rank(account_of("winner"), market)
        with boa.reverts("lens: unknown market"):
            lens.adl_rank_within(account_of("winner"), market, 10)


def test_within_reads_so_many_ticks_and_no_more(scene, lens):
    winners = open_queue(scene)
    scene.move(10)
    assert lens.adl_rank_within(winners[0], 0, 6) == lens.adl_rank(winners[0], 0)
    assert lens.adl_rank_within(winners[0], 0, 2**256 - 1) == lens.adl_rank(winners[0], 0)
    with boa.reverts("lens: too many ticks"):
        lens.adl_rank_within(winners[0], 0, 5)


def test_ticks_that_are_not_in_profit_are_not_read(scene, lens):
    winners = open_queue(scene)
    scene.move(-7)
    first = [a for a, (against, *_) in zip(winners, QUEUE, strict=True) if against < -7]
    assert [lens.adl_rank(a, 0).is_queued for a in winners] == [a in first for a in winners]
    assert lens.adl_rank_within(winners[0], 0, len(first)) == lens.adl_rank(winners[0], 0)


def test_the_marks_own_tick_is_not_read(scene, lens):
    winners = open_queue(scene)
    scene.move(-7)
    late = scene.account("late", 5000)
    scene.open(account_of("whale"), late, 2)
    assert not lens.adl_rank(late, 0).is_queued
    queued = [a for a in winners if lens.adl_rank(a, 0).is_queued]
    assert lens.adl_rank_within(winners[0], 0, len(queued)) == lens.adl_rank(winners[0], 0)


def test_anybody_may_ask(scene, lens):
    winner = scene.account("winner", 1000)
    scene.bankrupt(winner)
    scene.move(10)
    with boa.env.prank(actor("attacker")):
        assert lens.adl_rank(winner, 0).is_queued


def test_an_open_round_does_not_stop_the_answer(scene, lens):
    winners = open_queue(scene)
    scene.move(10)
    scene.kernel.absorb(account_of("loser"))
    before = tuple(lens.adl_rank(winners[0], 0))
    done = scene.kernel.charge_round(limit=1)
    assert not done.is_done
    assert tuple(lens.adl_rank(winners[0], 0)) == before
