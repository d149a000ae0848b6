"""lastline/errors.toml has every message that a call can end with, and docs/spec.md says what it says."""

import re

import pytest
from vyper.ast import nodes

from lastline.errors import Revert, explain, find, reverts
from tests.meta import reverts as table
from tests.meta.sources import INTERFACES, SOURCES, interface, messages, tree

# Sentences, in what a message means and in what to do.
SENTENCES = re.compile(r"^[A-Z0-9a-z].*[.)]$")
QUOTED = re.compile(r'"([a-z_0-9]+: [a-z0-9][a-zA-Z0-9 ,\-]*)"')


def test_every_message_of_the_sources_has_an_entry():
    """Add it to lastline/errors.toml, then: python -m tests.meta.reverts"""
    assert sorted(set(messages()) - set(reverts())) == []


def test_every_message_that_a_call_reaches_has_an_entry():
    """Those of snekmate's modules too."""
    assert sorted(set(table.reachable()) - set(reverts())) == []


def test_every_entry_is_a_message_that_a_call_reaches():
    assert sorted(set(reverts()) - set(table.reachable())) == []


def test_every_message_of_the_sources_is_reached_by_a_call():
    """The call graph misses nothing that the text of the sources has."""
    assert sorted(set(messages()) - set(table.reachable())) == []


def test_document_has_the_tables_of_the_data():
    """After a change: python -m tests.meta.reverts"""
    text = table.DOCUMENT.read_text()
    assert text == table.with_tables(text)


def test_calls_that_an_entry_names_reach_its_message():
    reached = table.reachable()
    wrong = [
        (revert.message, name)
        for revert in reverts().values()
        if not isinstance(revert.by, str)
        for name in revert.by
        if name not in reached[revert.message]
    ]
    assert wrong == []


@pytest.mark.parametrize("field", ["means", "do"])
def test_entries_are_sentences_that_fit_a_table(field):
    texts = {revert.message: getattr(revert, field) for revert in reverts().values()}
    assert [m for m, text in texts.items() if not SENTENCES.match(text) or "|" in text or "\n" in text] == []


# --- the call graph -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "entry"),
    [
        ("vault: zero amount", "MarginVault.deposit"),  # in a module
        ("ownable: caller is not the owner", "MarginVault.set_role"),  # in snekmate, through a module
        ("fund: zero amount", "InsuranceFund.add_capital"),
        ("fund: bad draw cap", "InsuranceFund.__init__"),  # in the constructor
        ("margin: below initial margin", "Exchange.take"),  # in the vault, called through an interface
        ("cohort: generations full", "Exchange.take"),  # in another part of the kernel, asked by delegatecall
        ("oracle: quorum not met", "LiquidationEngine.refresh_and_take_over"),  # two contracts further on
        ("exchange: order filled", "Exchange.trade_available"),  # passed on from a call that may fail
        ("market: round open", "LossAllocator.resolve"),  # the same, raised as a text
        ("fund: not vault", "MarginVault.pay_surplus"),  # in the fund, by a raw call that may fail its caller
    ],
)
def test_the_call_graph_finds(message, entry):
    assert entry in table.reachable()[message]


@pytest.mark.parametrize(
    ("message", "entry"),
    [
        ("margin: account healthy", "LiquidationEngine.absorb_many"),  # skipped, told by an event
        ("oracle: quorum not met", "LiquidationEngine.absorb"),  # a mark that is not renewed stops nobody
        ("fund: not vault", "MarginVault.pay_claims"),  # a failure of the fund is recorded
        ("token: transfer failed", "MarginVault.transfer"),  # ERC-20's transfer is not the vault's
    ],
)
def test_the_call_graph_knows_what_is_caught(message, entry):
    assert entry not in table.reachable()[message]


def documented() -> list[tuple[str, str, str]]:
    """File, entry and message wherever the documentation of an external function quotes a message."""
    out = []
    for path in [*SOURCES, *map(interface, INTERFACES)]:
        contract = table.address_of(path.stem.removeprefix("I") if path.suffix == ".vyi" else path.stem)
        for function in tree(path).get_children(nodes.FunctionDef):
            entry = f"{contract}.{function.name}"
            note = function.get("doc_string")
            if note is not None and entry in table.own_entries():
                text = " ".join(note.value.split())
                out += [(path.name, entry, message) for message in QUOTED.findall(text)]
    return out


def test_messages_in_the_documentation_are_those_the_function_can_end_with():
    quoted = documented()
    assert len(quoted) > 100
    reached = table.reachable()
    assert [row for row in quoted if row[1] not in reached.get(row[2], ())] == []


def test_what_only_the_system_calls_is_no_caller_while_there_are_others():
    assert table.callers({"Exchange.take", "MarginVault.fill"}) == {"Exchange.take"}
    assert table.callers({"MarginVault.fill"}) == {"MarginVault.fill"}


def test_calls_are_shown_by_contract():
    by = tuple(f"Exchange.{name}" for name in table.TOGETHER["Exchange"][0][1])
    revert = Revert("", "", "", "", (*by, "Exchange.liquidate", "MarginVault.touch", "VaultLens.__init__"))
    assert table.raised_by(revert) == (
        "Exchange: trades, liquidate; MarginVault: touch; VaultLens: constructor"
    )


# --- lastline.errors ----------------------------------------------------------------------------------------


def test_a_message_is_found_in_what_a_node_puts_around_it():
    found = find("MarginVault.mark: execution reverted: market: unknown")
    assert found is not None
    assert found.message == "market: unknown"


def test_the_longest_message_is_found():
    found = find("vault: not owner or operator")
    assert found is not None
    assert found.message == "vault: not owner or operator"


def test_an_unknown_text_is_left_as_it_is():
    assert find("insufficient funds for gas") is None
    assert explain("insufficient funds for gas") == "insufficient funds for gas"


def test_an_explained_message_says_what_it_means_and_what_to_do():
    revert = reverts()["margin: stale mark"]
    assert explain("margin: stale mark.") == f"margin: stale mark. {revert.means} {revert.do}"
