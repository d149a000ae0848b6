"""I10 at full size: what ADL, a round and the next touch cost with 10, 1,000 and 100,000 winners in one
cohort.

Too long for every change: `make scale` runs it and writes build/scale.json. Gas is of the vault's call
alone, without the base fee and calldata of a transaction.
"""

import json
import os
from typing import Any

import boa
import pytest

from tests.kernel import BTC, Kernel, account_of, deploy_kernel, wad
from tests.support import ROOT, actor

pytestmark = pytest.mark.deep

SIZES = [int(n) for n in os.environ.get("WINNERS", "10,1000,100000").split(",")]
MAKERS = 16
# Of all winners together, whatever their number.
SHORT = 200_000
TOLERANCE = 0.02
MOST_EXTRA_OF_TOUCH = 30_000


def populate(kernel: Kernel, count: int) -> list[int]:
    """So many accounts of one owner, short 200,000 together at 100: one cohort."""
    dealer = kernel.fund_account("dealer", 10**8)
    tokens = wad(10**7) // count // kernel.scale
    kernel.token.mint(actor("bank"), tokens * count)
    accounts = [account_of("winner", sub) for sub in range(count)]
    with boa.env.prank(actor("bank")):
        kernel.token.approve(kernel.vault.address, tokens * count)
        for account in accounts:
            kernel.vault.deposit(account, tokens)
    each = wad(SHORT) // count
    with boa.env.prank(actor("exchange")):
        for at in range(0, count, MAKERS):
            fills = [(account, -each, wad(100), 0, False) for account in accounts[at : at + MAKERS]]
            kernel.vault.fill(BTC, dealer, 0, False, fills)
    return accounts


def bankrupt(kernel: Kernel, name: str, size: int) -> int:
    """A long of the dealer's other side whose margin is gone when the mark falls by 10."""
    loser = kernel.fund_account(name, size * 6)
    kernel.fill(loser, account_of("dealer"), size)
    return loser


def gas(kernel: Kernel) -> int:
    return int(kernel.vault._computation.get_gas_used())


def measure(count: int) -> dict[str, int]:
    kernel = deploy_kernel()
    accounts = populate(kernel, count)
    losers = [bankrupt(kernel, name, 100) for name in ("first", "second")]
    kernel.set_price(90)
    out: dict[str, int] = {}
    with boa.env.anchor():
        kernel.vault.touch(accounts[0], BTC)
        out["touch"] = gas(kernel)
    for loser, tier in zip(losers, ("deleverage", "charge_round"), strict=True):
        kernel.absorb(loser)
        getattr(kernel, tier)()
        out[tier] = gas(kernel)
        # by whoever comes first: the cohort's round is stored, the tick where all go is open
        if tier == "charge_round":
            kernel.vault.touch(accounts[1], BTC)
            out["first touch after"] = gas(kernel)
            kernel.vault.touch(accounts[2], BTC)
            out["touch after"] = gas(kernel)
    kernel.accounts = {account_of("dealer"), *losers, *accounts}
    kernel.accounts -= set(losers)
    if count <= 1_000:
        kernel.assert_conserved(dust=10**12)
    return out


@pytest.fixture(scope="module")
def measured() -> dict[int, dict[str, int]]:
    out: dict[int, dict[str, int]] = {}
    for count in SIZES:
        with boa.env.anchor():
            out[count] = measure(count)
        print(f"\n{count:>7,} winners: {out[count]}", flush=True)
    path = ROOT / "build" / "scale.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(out, indent=2) + "\n")
    return out


@pytest.mark.parametrize("tier", ["deleverage", "charge_round"])
def test_i10_gas_of_a_tier_does_not_depend_on_the_number_of_winners(measured: Any, tier: str) -> None:
    used = [figures[tier] for figures in measured.values()]
    assert max(used) <= min(used) * (1 + TOLERANCE)


def test_i10_gas_of_a_members_touch_does_not_depend_on_the_number_of_winners(measured: Any) -> None:
    used = [figures["touch after"] for figures in measured.values()]
    assert max(used) <= min(used) * (1 + TOLERANCE)
