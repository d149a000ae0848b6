"""MarginVault.set_operator and is_operator: who may trade for an owner, and nothing more."""

import boa
import pytest

from tests.support import actor
from tests.unit.margin_vault.actions import TRADER, by, events, ledger


@pytest.mark.parametrize("is_approved", [True, False])
def test_set_operator_stores_and_logs_the_choice(kernel, is_approved):
    by(TRADER, kernel.vault.set_operator, actor("operator"), not is_approved)
    by(TRADER, kernel.vault.set_operator, actor("operator"), is_approved)
    assert events(kernel) == [("OperatorSet", actor(TRADER), actor("operator"), is_approved)]
    assert kernel.vault.is_operator(actor(TRADER), actor("operator")) is is_approved


def test_nobody_is_an_operator_unasked(kernel):
    assert not kernel.vault.is_operator(actor(TRADER), actor("operator"))
    assert not kernel.vault.is_operator(actor(TRADER), actor(TRADER))


def test_an_operator_is_one_owners_only(kernel):
    by(TRADER, kernel.vault.set_operator, actor("operator"), True)
    assert not kernel.vault.is_operator(actor("counterparty"), actor("operator"))
    assert not kernel.vault.is_operator(actor("operator"), actor(TRADER))


def test_set_operator_twice_is_harmless(kernel):
    for _ in range(2):
        by(TRADER, kernel.vault.set_operator, actor("operator"), True)
    assert kernel.vault.is_operator(actor(TRADER), actor("operator"))


def test_nobody_as_operator_reverts(kernel):
    before = ledger(kernel)
    with boa.reverts("vault: zero operator"):
        by(TRADER, kernel.vault.set_operator, "0x" + "00" * 20, True)
    assert ledger(kernel) == before
    assert not kernel.vault.is_operator(actor(TRADER), "0x" + "00" * 20)


def test_set_operator_moves_nothing(traders):
    before = ledger(traders)
    by(TRADER, traders.vault.set_operator, actor("operator"), True)
    assert ledger(traders) == before
    traders.assert_conserved(dust=0)
