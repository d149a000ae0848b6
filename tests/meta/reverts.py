"""
Which call can end with which message, read from the compiler's syntax trees, and the tables of docs/spec.md.

`python -m tests.meta.reverts` writes the tables; tests/meta/test_reverts_table.py keeps them true. What a
message means and what its caller does is in lastline/errors.toml; who can meet it is found here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from vyper.ast import nodes
from vyper.semantics.types.module import InterfaceT

from lastline.abi import INTERNAL
from lastline.errors import Revert, reverts
from tests.meta.sources import DEPLOYABLES, FORM, failures_in
from tests.support import ROOT, compiled

KERNEL = "MarginVault"
# What only other contracts of the system call: who meets a message of theirs has called something else.
WITHIN = {
    *(f"{KERNEL}.{name}" for name in INTERNAL),
    *(f"{KERNEL}.{name}" for name in ("fill", "close_with_orders", "pay_builder")),
    *(f"{KERNEL}.{name}" for name in ("take_over", "absorb", "buy_inventory")),
    *(f"{KERNEL}.{name}" for name in ("deleverage", "close_at_mark", "charge_round", "charge_side")),
    *(f"InsuranceFund.{name}" for name in ("pay", "receive_inflow")),
    "Exchange.fill_alone",
}


@dataclass
class Entry:
    """An external function or a constructor, with all that it reaches inside its own contract."""

    messages: set[str] = field(default_factory=set)
    # Calls of others whose failure fails the caller, and those whose failure it catches.
    calls: set[str] = field(default_factory=set)
    caught: set[str] = field(default_factory=set)
    # It may fail with the words of what it caught.
    passes_on: bool = False


def address_of(contract: str) -> str:
    """The contract a caller knows: all parts of the kernel are at the vault's address."""
    return KERNEL if contract.startswith(KERNEL) else contract


@cache
def own_entries() -> dict[str, Entry]:
    """Every entry by name, Contract.function; calls of other contracts not followed yet."""
    out: dict[str, Entry] = {}
    for file in DEPLOYABLES:
        contract = file.removesuffix(".vy")
        module = compiled(file).compiler_data.annotated_vyper_module._metadata["type"]
        externals = {f.name: f for f in module.exposed_functions if isinstance(f.ast_def, nodes.FunctionDef)}
        for name, function in externals.items():
            entry = out.setdefault(f"{address_of(contract)}.{name}", Entry())
            for each in (function, *function.reachable_internal_functions):
                _read(each.ast_def, entry)
        # a constructor is no call of the vault
        if module.init_function is not None:
            entry = out.setdefault(f"{contract}.__init__", Entry())
            for each in (module.init_function, *module.init_function.reachable_internal_functions):
                _read(each.ast_def, entry)
    return out


def _read(function: nodes.FunctionDef, entry: Entry) -> None:
    entry.messages |= {n.value for n in function.get_descendants(nodes.Str) if FORM.match(n.value)}
    for node in failures_in(function):
        text = node.msg if isinstance(node, nodes.Assert) else node.exc
        if isinstance(text, nodes.Str):
            entry.messages.add(text.value)
        else:
            entry.passes_on = True
    for node in function.get_descendants((nodes.ExtCall, nodes.StaticCall)):
        if isinstance(node.value.func, nodes.Attribute):
            kind = node.value.func.value._metadata.get("type")
            if isinstance(kind, InterfaceT):
                target = address_of(Path(kind._id).stem.removeprefix("I"))
                entry.calls.add(f"{target}.{node.value.func.attr}")
    keywords = function.get_descendants(nodes.keyword)
    is_caught = any(
        word.arg == "revert_on_failure" and getattr(word.value, "value", None) is False for word in keywords
    )
    calls = function.get_descendants(nodes.Call)
    # (elsewhere a call is only encoded, and may be caught by who makes it)
    is_called_here = any(call.func.get("id") == "raw_call" for call in calls)
    for word in keywords:
        if word.arg == "method_id":
            name = _called(word.value)
            targets = {f"{KERNEL}.{name}", f"Exchange.{name}"}
            if is_caught:
                entry.caught |= targets
            else:
                entry.calls |= targets
                if is_called_here:
                    entry.calls.add(f"InsuranceFund.{name}")
    entry.passes_on |= any(call.func.get("id") == "raw_revert" for call in calls)


def _called(node: nodes.VyperNode) -> str:
    """The function's name in method_id("name(...)"), or in a constant that is one."""
    if isinstance(node, nodes.Name):
        module = node.get_ancestor(nodes.Module)
        (node,) = [
            declared.value
            for declared in module.get_children(nodes.VariableDecl)
            if declared.target.id == node.id
        ]
    texts = node.get_descendants(nodes.Str, include_self=True)
    return str(texts[0].value).split("(")[0] if texts else ""


@cache
def reachable() -> dict[str, frozenset[str]]:
    """The entries that can end with each message, calls of other contracts followed."""
    entries = own_entries()
    out: dict[str, set[str]] = {}
    for name in entries:
        seen: set[str] = set()
        todo = [name]
        while todo:
            at = todo.pop()
            if at in seen or at not in entries:
                continue
            seen.add(at)
            todo += entries[at].calls
            if entries[at].passes_on:
                todo += entries[at].caught
        for message in set().union(*(entries[at].messages for at in seen)):
            out.setdefault(message, set()).add(name)
    return {message: frozenset(names) for message, names in out.items()}


def callers(names: Iterable[str]) -> set[str]:
    """Without what only contracts of the system call, unless that is all."""
    everybody = set(names)
    return everybody - WITHIN or everybody


# --- the tables of docs/spec.md -----------------------------------------------------------------------------

DOCUMENT = ROOT / "docs" / "spec.md"
BEGIN, END = "<!-- reverts: begin -->", "<!-- reverts: end -->"
# Names for what would be long lists, by contract.
TOGETHER: dict[str, tuple[tuple[str, set[str]], ...]] = {
    "Exchange": (("trades", {"trade", "take", "match_orders", "trade_available", "match_available_orders"}),),
    "LiquidationEngine": (
        ("take-overs", {"take_over", "refresh_and_take_over"}),
        ("purchases", {"buy_inventory", "refresh_and_buy_inventory"}),
        ("absorptions", {"absorb", "refresh_and_absorb"}),
    ),
}


def raised_by(revert: Revert) -> str:
    """The calls that can end with a message, by contract."""
    if isinstance(revert.by, str):
        return revert.by
    names = set(revert.by) or callers(reachable()[revert.message])
    parts = []
    for contract in sorted({name.split(".")[0] for name in names}):
        own = {name.split(".")[1] for name in names if name.startswith(f"{contract}.")}
        words = []
        for label, members in TOGETHER.get(contract, ()):
            if members <= own:
                words.append(label)
                own -= members
        words += ["constructor" if name == "__init__" else name for name in sorted(own)]
        parts.append(f"{contract}: {', '.join(words)}")
    return "; ".join(parts)


def tables() -> str:
    """One table a group."""
    lines = [BEGIN]
    for group in dict.fromkeys(revert.group for revert in reverts().values()):
        lines += ["", f"### {group}", "", "| message | raised by | means | do |", "|---|---|---|---|"]
        lines += [
            f"| `{r.message}` | {raised_by(r)} | {r.means} | {r.do} |"
            for r in reverts().values()
            if r.group == group
        ]
    return "\n".join([*lines, "", END])


def with_tables(document: str) -> str:
    """The document with the tables in their place."""
    start, end = document.index(BEGIN), document.index(END) + len(END)
    return document[:start] + tables() + document[end:]


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
