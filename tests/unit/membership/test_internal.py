"""Membership: what only the kernel's own parts may ask of it."""

import boa
import pytest

from tests.kernel import wad
from tests.unit.margin_vault.actions import TRADER, by, ledger, trade

CALLERS = [TRADER, "stranger", "governance", "guardian", "exchange", "engine", "allocator"]


@pytest.mark.parametrize("name", CALLERS)
def test_settle_refuses_strangers(traders, trader, name):
    trade(traders, "long", 1)
    before = ledger(traders)
    with boa.reverts("kernel: internal"):
        by(name, traders.vault.settle, trader, 0)
    assert ledger(traders) == before


@pytest.mark.parametrize("name", CALLERS)
def test_unseat_refuses_strangers(traders, trader, name):
    trade(traders, "long", 1)
    before = ledger(traders)
    with boa.reverts("kernel: internal"):
        by(name, traders.vault.unseat, trader, 0, wad(1))
    assert ledger(traders) == before


@pytest.mark.parametrize("name", CALLERS)
def test_open_generation_refuses_strangers(traders, trader, name):
    trade(traders, "long", 1)
    key = traders.position(trader).key
    before = ledger(traders)
    with boa.reverts("kernel: internal"):
        by(name, traders.vault.open_generation, key + 64, 2**255)
    assert ledger(traders) == before
    assert traders.vault.cohort_words(key + 64)[0] == 0


@pytest.mark.parametrize("name", CALLERS)
def test_drop_generation_refuses_strangers(traders, trader, name):
    trade(traders, "long", 1)
    key = traders.position(trader).key
    before = traders.vault.cohort_words(key)
    with boa.reverts("kernel: internal"):
        by(name, traders.vault.drop_generation, key)
    assert traders.vault.cohort_words(key) == before


def test_the_door_is_shut_again_after_a_fill_has_used_it(traders, trader):
    """The flag is transient, and each call starts without it."""
    trade(traders, "long", 1)
    before = ledger(traders)
    with boa.reverts("kernel: internal"):
        by("exchange", traders.vault.settle, trader, 0)
    assert ledger(traders) == before
