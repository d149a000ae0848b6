"""MarginVault.accept_exchange: a new Exchange acts for an account only once its owner says so."""

import boa
import pytest

from tests.kernel import EXCHANGE, Kernel, account_of, wad
from tests.support import actor
from tests.unit.margin_vault.actions import COUNTERPARTY, TRADER, by, events, govern, ledger, maker, raw_fill


def version(word: int, offset: int) -> int:
    return (word >> offset) & 0xFFFF


@pytest.fixture
def replaced(traders: Kernel) -> Kernel:
    """The kernel after another Exchange has been named."""
    govern(traders.vault.set_role, EXCHANGE, actor("new exchange"))
    return traders


def fill(kernel: Kernel, counterparty: int, **options: object) -> None:
    raw_fill(kernel, [maker(counterparty, wad(-1), wad(100))], sender="new exchange", **options)


def test_accept_exchange_stores_and_logs_the_present_version(replaced, trader):
    by(TRADER, replaced.vault.accept_exchange, trader)
    logged = events(replaced)
    present = version(replaced.vault.exchange_word(), 160)
    word = replaced.vault.account_word(trader)
    assert logged == [("ExchangeAccepted", trader, present, word)]
    assert version(word, 224) == present == 2
    replaced.assert_conserved(dust=0)


def test_accept_exchange_changes_nothing_else(replaced, trader):
    before = replaced.vault.account_word(trader)
    by(TRADER, replaced.vault.accept_exchange, trader)
    assert before ^ replaced.vault.account_word(trader) == (1 ^ 2) << 224


@pytest.mark.parametrize("name", ["stranger", "operator", "new exchange"])
def test_accept_exchange_by_anyone_but_the_owner_reverts(replaced, trader, name):
    by(TRADER, replaced.vault.set_operator, actor("operator"), True)
    before = ledger(replaced)
    with boa.reverts("vault: not owner"):
        by(name, replaced.vault.accept_exchange, trader)
    assert ledger(replaced) == before


@pytest.mark.parametrize("accepting", [[], [TRADER], [COUNTERPARTY]])
def test_a_new_exchange_cannot_act_until_both_sides_accepted_it(replaced, trader, counterparty, accepting):
    for name in accepting:
        by(name, replaced.vault.accept_exchange, trader if name == TRADER else counterparty)
    before = ledger(replaced)
    with boa.reverts("vault: exchange not accepted"):
        fill(replaced, counterparty)
    assert ledger(replaced) == before


def test_a_new_exchange_acts_once_both_sides_accepted_it(replaced, trader, counterparty):
    by(TRADER, replaced.vault.accept_exchange, trader)
    by(COUNTERPARTY, replaced.vault.accept_exchange, counterparty)
    fill(replaced, counterparty)
    assert replaced.position(trader).size == wad(1)
    replaced.assert_conserved()


def test_the_old_exchange_is_out_at_once(replaced, counterparty):
    before = ledger(replaced)
    with boa.reverts("vault: not exchange"):
        raw_fill(replaced, [maker(counterparty, wad(-1), wad(100))])
    assert ledger(replaced) == before


def test_an_exchange_named_again_must_be_accepted_again(replaced, counterparty):
    """A version counts once: what was accepted before the change is not accepted after it."""
    govern(replaced.vault.set_role, EXCHANGE, actor("exchange"))
    before = ledger(replaced)
    with boa.reverts("vault: exchange not accepted"):
        raw_fill(replaced, [maker(counterparty, wad(-1), wad(100))])
    assert ledger(replaced) == before


def test_accept_exchange_twice_is_harmless(replaced, trader):
    by(TRADER, replaced.vault.accept_exchange, trader)
    word = replaced.vault.account_word(trader)
    by(TRADER, replaced.vault.accept_exchange, trader)
    assert replaced.vault.account_word(trader) == word


def test_an_account_not_yet_used_may_accept(replaced):
    account = account_of("sibling")
    by("sibling", replaced.vault.accept_exchange, account)
    assert version(replaced.vault.account_word(account), 224) == 2
    replaced.assert_conserved(dust=0)
