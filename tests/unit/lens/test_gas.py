"""What an answer costs, in a market with 512 populated ticks: it has to fit an eth_call."""

import json

import boa
from eth_abi import encode
from eth_utils import keccak

from tests.kernel import RAY, WAD, wad
from tests.support import ROOT
from tests.unit.crisis.scene import Scene, cohort_key, low, tick_at

LAYOUT = json.loads((ROOT / "tests/meta/storage_layout.json").read_text())["storage_layout"]
TICKS = 128  # of each class
# Nodes allow 50 million and more by default; Anvil the block's gas limit.
ETH_CALL_GAS = 25_000_000


def put(scene: Scene, module: str, name: str, key: int, word: int, part: int = 0) -> None:
    """Write a word of a map of the vault, or of a struct in it."""
    slot = keccak(encode(["uint256", "uint256"], [LAYOUT[module][name]["slot"], key]))
    boa.env.set_storage(scene.vault.address, int.from_bytes(slot, "big") + part, word)


def populate(scene: Scene) -> dict[int, int]:
    """A generation at each of 128 ticks of each class, all in profit, half of them charged; sizes by key."""
    sizes, words = {}, {}
    for leverage_class in range(4):
        for n in range(TICKS):
            tick = tick_at(wad(100)) + scene.side * n
            key = cohort_key(-scene.side, low(tick), leverage_class)
            size = wad(2) + n
            charged = n % 2
            put(scene, "cohorts", "generations", key, size | size * low(tick) // WAD << 112 | charged << 248)
            put(scene, "cohorts", "generations", key, charged * RAY // 10**6, part=2)
            sizes[key] = size
            group = key >> 20
            words[group, tick >> 8] = words.get((group, tick >> 8), 0) | 1 << (tick & 255)
    for (group, index), word in words.items():
        put(scene, "cohorts", "bitmaps", group << 8 | index, word)
    for group in {group for group, _ in words}:
        indices = sum(1 << index for g, index in words if g == group)
        put(scene, "cohorts", "bitmaps", group << 8 | 255, indices | TICKS << 64)
    return sizes


def test_512_populated_ticks_fit_an_eth_call(scene, lens):
    winner = scene.account("winner", 5000)
    scene.bankrupt(winner, margin=5000)
    sizes = populate(scene)
    assert len(sizes) == 512
    key = scene.kernel.position(winner).key
    price = scene.price(30)
    slot = LAYOUT["markets"]["price_words"]["slot"]
    boa.env.set_storage(scene.vault.address, slot, scene.vault.market_words(0)[0] >> 104 << 104 | price)
    place = lens.adl_rank(winner, 0)
    used = lens._computation.get_gas_used()
    assert place.total == sum(sizes.values())
    assert place.level == sizes[key]
    assert 0 < place.ahead < place.total
    assert used < ETH_CALL_GAS, used
    print(f"\nadl_rank over 512 ticks: {used:,} gas")
    lens.reachable_profit(0, price)
    assert lens._computation.get_gas_used() < ETH_CALL_GAS


def test_one_tick_costs_little(scene, lens):
    winner = scene.account("winner", 5000)
    scene.bankrupt(winner)
    scene.move(10)
    lens.adl_rank(winner, 0)
    assert lens._computation.get_gas_used() < 250_000
