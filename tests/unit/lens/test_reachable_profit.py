"""What a round would find, at mark and at any other price."""

import json

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.kernel import account_of, wad
from tests.support import ROOT, actor
from tests.unit.crisis.scene import Scene

LAYOUT = json.loads((ROOT / "tests/meta/storage_layout.json").read_text())


def test_at_mark_it_is_what_a_round_finds(scene, lens):
    """Open profit of both sides, maturing profit and a pot of ADL."""
    scene.move(20)
    early, other = scene.account("early", 5000), scene.account("other", 5000)
    scene.open(early, other, 4)  # on the losing side, in profit at 10 against
    scene.move(0)
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.open(scene.account("bystander", 5000), winner, 10)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.open(winner, account_of("bystander"), 2)  # realises 20
    scene.kernel.deleverage()
    assert scene.kernel.position(winner).pot > 0
    assert scene.kernel.position(winner).maturing > 0
    second = scene.bankrupt(winner, name="second loser")
    scene.move(18)
    scene.kernel.absorb(second)
    asked = lens.reachable_profit(0, scene.vault.mark(0))
    done = scene.kernel.charge_round()
    assert done.reachable == asked > 0


def test_after_a_round_its_share_is_gone(scene, lens):
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.open(winner, scene.account("heir", 5000), 4)
    scene.move(10)
    scene.open(winner, scene.account("bystander", 1000), 2)
    scene.kernel.absorb(loser)
    before = lens.reachable_profit(0, scene.vault.mark(0))
    done = scene.kernel.charge_round()
    after = lens.reachable_profit(0, scene.vault.mark(0))
    assert before == done.reachable
    assert 0 <= before - done.deficit - after <= 4 * 10**9


def test_at_another_price_it_is_what_a_round_will_find_there(scene, lens):
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.open(scene.account("bystander", 5000), winner, 7)
    price = scene.price(12)
    asked = lens.reachable_profit(0, price)
    assert asked == wad(17 * 12)
    scene.move(12)
    scene.kernel.absorb(loser)
    assert scene.kernel.charge_round().reachable == asked


def test_nobody_in_profit_leaves_nothing(scene, lens):
    winner = scene.account("winner", 5000)
    scene.bankrupt(winner)
    assert lens.reachable_profit(0, wad(100)) == 0
    assert lens.reachable_profit(1, wad(100)) == 0


def test_a_batch_without_refills_left_is_out_of_reach(scene, lens):
    """As for the kernel's round: what cannot be charged is not counted."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.move(10)
    scene.open(winner, scene.account("heir", 5000), 10)
    assert lens.reachable_profit(0, scene.vault.mark(0)) == wad(100)
    batch = scene.vault.market_words(0)[3] >> 208 & (2**24 - 1)
    slot = LAYOUT["storage_layout"]["maturity"]["batch_words"]["slot"]
    place = int.from_bytes(keccak(encode(["uint256", "uint256"], [slot, batch])), "big")
    boa.env.set_storage(scene.vault.address, place, (2**12 - 1) << 96)
    mark_as_charged(scene)
    assert lens.reachable_profit(0, scene.vault.mark(0)) == 0
    scene.kernel.absorb(loser)
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: nothing reachable"):
        scene.vault.charge_round(0, 100)


def mark_as_charged(scene: Scene) -> None:
    slot = LAYOUT["storage_layout"]["markets"]["batch_sums_words"]["slot"]
    boa.env.set_storage(scene.vault.address, slot, scene.vault.market_words(0)[3] | 1 << 232)


@pytest.mark.parametrize("price", [0, 10**12 - 1, 10**30 + 1, 2**256 - 1])
def test_an_illegal_price_reverts(lens, price):
    with boa.reverts("lens: bad price"):
        lens.reachable_profit(0, price)


@pytest.mark.parametrize("price", [10**12, 10**30])
def test_the_lowest_and_the_highest_price_are_answered(scene, lens, price):
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    sizes = {a: scene.kernel.position(a).size for a in (winner, loser)}
    gains = [size * (price - wad(100)) // wad(1) for size in sizes.values()]
    assert lens.reachable_profit(0, price) == max(gains)


def test_an_unknown_market_reverts(lens):
    with boa.reverts("lens: unknown market"):
        lens.reachable_profit(2, wad(100))
