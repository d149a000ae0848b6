"""The contracts as text, as syntax trees and as the compiler's outputs."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from vyper.ast import nodes, parse_to_ast
from vyper.compiler.output import build_layout_output

from tests.support import ROOT, compiled

CONTRACTS = ROOT / "contracts"
DEPLOYABLES = sorted(path.name for path in CONTRACTS.glob("*.vy"))
INTERFACES = sorted(path.stem for path in (CONTRACTS / "interfaces").glob("*.vyi"))
# Everything but test doubles.
SOURCES = sorted(path for folder in (".", "lib", "modules") for path in (CONTRACTS / folder).glob("*.vy"))
KERNEL_INTERFACES = [name for name in INTERFACES if name.startswith("IMarginVault")]
# What a revert says: who, then what.
FORM = re.compile(r"^[a-z_0-9]+: [a-z0-9][a-zA-Z0-9 ,\-]*$")


@cache
def tree(path: Path) -> nodes.Module:
    return parse_to_ast(path.read_text(), is_interface=path.suffix == ".vyi")


def interface(name: str) -> Path:
    return CONTRACTS / "interfaces" / f"{name}.vyi"


def interface_functions(name: str) -> dict[str, list[str]]:
    """Parameter names by function of an interface."""
    functions = tree(interface(name)).get_children(nodes.FunctionDef)
    return {f.name: [argument.arg for argument in f.args.args] for f in functions}


def implementers(name: str) -> list[str]:
    """Deployables that say they implement an interface."""
    line = f"implements: {name}"
    return [d for d in DEPLOYABLES if line in (CONTRACTS / d).read_text().splitlines()]


def layout(part: str) -> dict[str, Any]:
    """Storage and transient storage of a part of the kernel; its immutables are its own affair."""
    out = build_layout_output(compiled(f"{part}.vy").compiler_data)
    return {kind: out.get(kind, {}) for kind in ("storage_layout", "transient_storage_layout")}


def failures_in(node: nodes.VyperNode) -> list[nodes.VyperNode]:
    return node.get_descendants((nodes.Assert, nodes.Raise))


def failures(path: Path) -> list[nodes.VyperNode]:
    return failures_in(tree(path))


def has_message(node: nodes.VyperNode) -> bool:
    return (node.msg if isinstance(node, nodes.Assert) else node.exc) is not None


def messages() -> dict[str, str]:
    """Every message and one of the files it is in: asserted, raised, or kept to be raised later."""
    out = {}
    for path in SOURCES:
        for node in tree(path).get_descendants(nodes.Str):
            if FORM.match(node.value):
                out[node.value] = str(path.relative_to(CONTRACTS))
        for node in failures(path):
            text = node.msg if isinstance(node, nodes.Assert) else node.exc
            if isinstance(text, nodes.Str):
                out[text.value] = str(path.relative_to(CONTRACTS))
    return out
