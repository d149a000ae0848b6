"""Mutants of the contracts: every one replaces a span of a source, found in Vyper's own syntax tree.

A mutant is known by its module, function, operator, source line, change and its number among those that are
alike, so that its name survives when lines move.
"""

import difflib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vyper import ast as vy

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"

# The accounting modules; others below contracts/ can be named too.
MODULES = (
    "modules/cohorts.vy",
    "modules/positions.vy",
    "modules/margin.vy",
    "modules/claims_queue.vy",
    "lib/fixed_math.vy",
    "lib/price_tick.vy",
)

BINARY = {
    "Add": ("+", ["-"]),
    "Sub": ("-", ["+"]),
    "Mult": ("*", ["//"]),
    "FloorDiv": ("//", ["*"]),
    "Mod": ("%", ["//"]),
    "BitAnd": ("&", ["|"]),
    "BitOr": ("|", ["&"]),
    "BitXor": ("^", ["|"]),
    "LShift": ("<<", [">>"]),
    "RShift": (">>", ["<<"]),
}
# Border moved, and the opposite.
COMPARISONS = {
    "Lt": ("<", ["<=", ">="]),
    "LtE": ("<=", ["<", ">"]),
    "Gt": (">", [">=", "<="]),
    "GtE": (">=", [">", "<"]),
    "Eq": ("==", ["!="]),
    "NotEq": ("!=", ["=="]),
}
CALLS = {
    "rounding": {
        "_mul_div_down": "_mul_div_up",
        "_signed_mul_div_floor": "_signed_mul_div_ceil",
        "_div_down": "_div_up",
    },
    "minmax": {"min": "max"},
    "operator": {"unsafe_add": "unsafe_sub", "unsafe_mul": "unsafe_div"},
}
for pairs in CALLS.values():
    pairs |= {new: old for old, new in pairs.items()}
# Swapping these arguments changes nothing.
COMMUTATIVE = {"min", "max", "unsafe_add", "unsafe_mul"}
FIRST_TWO = {"_mul_div_down", "_mul_div_up", "_wad_mul", "_wad_mul_up", "_rated_up"}
REMOVED = (
    vy.AugAssign,
    vy.Assign,
    vy.Expr,
    vy.Log,
    vy.Break,
    vy.Continue,
    vy.Return,
    vy.Assert,
)


@dataclass(frozen=True)
class Mutant:
    """`new` in place of source[start:end] of a file below contracts/; function "" is the module itself."""

    path: str
    function: str
    operator: str
    start: int
    end: int
    new: str
    line: str = ""
    change: str = ""
    ordinal: int = 0

    @property
    def module(self) -> str:
        return Path(self.path).stem

    @property
    def id(self) -> str:
        return " | ".join(
            (self.module, self.function, self.operator, self.line, self.change, str(self.ordinal))
        )

    def source(self) -> str:
        text = read(self.path)
        return text[: self.start] + self.new + text[self.end :]

    def diff(self) -> str:
        lines = difflib.unified_diff(
            read(self.path).splitlines(), self.source().splitlines(), self.path, self.path, lineterm="", n=2
        )
        return "\n".join(lines)


@cache
def read(path: str) -> str:
    text = (CONTRACTS / path).read_text()
    assert text.isascii(), f"{path}: offsets are bytes"
    return text


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


class Source:
    """A file's text and tree; spans are offsets into the text."""

    def __init__(self, path: str) -> None:
        self.path, self.text = path, read(path)
        self.starts = [0]
        for line in self.text.split("\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.tree = vy.parse_to_ast(self.text)

    def span(self, node: vy.VyperNode) -> tuple[int, int]:
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def of(self, node: vy.VyperNode) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def between(self, left: vy.VyperNode, right: vy.VyperNode, token: str) -> tuple[int, int]:
        """Where the operator stands: last before `right`. (In a log Vyper misplaces the end of `left`.)"""
        at = self.text.rindex(token, self.span(left)[0], self.span(right)[0])
        return at, at + len(token)

    def function_at(self, start: int) -> str:
        for node in self.tree.get_children(vy.FunctionDef):
            begin, end = self.span(node)
            if begin <= start < end:
                return node.name
        return ""

    def lines_of(self, start: int, end: int) -> str:
        first = self.text.rfind("\n", 0, start) + 1
        last = self.text.find("\n", end)
        return squeezed(self.text[first:last])


def _children(node: vy.VyperNode) -> Iterator[vy.VyperNode]:
    """What may be mutated below a node: neither types nor decorators nor the bounds of loops."""
    if isinstance(node, vy.FunctionDef):
        yield from node.body
        return
    for name in node.get_fields():
        if name in ("annotation", "doc_string", "op", "ops", "ctx", "msg", "func"):
            continue
        value = getattr(node, name, None)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, vy.VyperNode) and not (
                isinstance(child, vy.keyword) and child.arg == "bound"
            ):
                yield child


def _walk(node: vy.VyperNode) -> Iterator[vy.VyperNode]:
    yield node
    for child in _children(node):
        yield from _walk(child)


def _spans(source: Source, node: vy.VyperNode) -> Iterator[tuple[str, int, int, str]]:
    """Operator, span and new text of all mutants of one node."""
    if isinstance(node, vy.BinOp | vy.Compare):
        table = BINARY if isinstance(node, vy.BinOp) else COMPARISONS
        if type(node.op).__name__ in table:
            token, others = table[type(node.op).__name__]
            where = source.between(node.left, node.right, token)
            for other in others:
                yield "operator" if isinstance(node, vy.BinOp) else "comparison", *where, other
    elif isinstance(node, vy.AugAssign) and type(node.op).__name__ in BINARY:
        token, others = BINARY[type(node.op).__name__]
        where = source.between(node.target, node.value, token + "=")
        for other in others:
            yield "operator", *where, other + "="
    elif isinstance(node, vy.BoolOp):
        token, other = ("and", "or") if isinstance(node.op, vy.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield "operator", *source.between(left, right, token), other
    elif isinstance(node, vy.UnaryOp):
        start, end = source.span(node)
        inner = source.span(node.operand)[0]
        yield "operator", start, end, source.text[inner:end]
    elif isinstance(node, vy.Int):
        yield "constant", *source.span(node), str(node.value + 1)
        if node.value > 0:
            yield "constant", *source.span(node), str(node.value - 1)
    elif isinstance(node, vy.NameConstant):
        yield "constant", *source.span(node), str(not node.value)
    elif isinstance(node, vy.Call):
        yield from _calls(source, node)
    # (a comparison, and a `not`, are turned around above)
    if isinstance(node, vy.If | vy.IfExp | vy.Assert) and not isinstance(node.test, vy.Compare | vy.UnaryOp):
        yield "condition", *source.span(node.test), f"not ({source.of(node.test)})"
    if isinstance(node, REMOVED) and _is_removable(node):
        yield "assert" if isinstance(node, vy.Assert) else "statement", *source.span(node), "pass"


def _is_removable(node: vy.VyperNode) -> bool:
    """Neither a docstring nor the last return of a function, without which it does not compile."""
    value = getattr(node, "value", None)
    is_last = isinstance(node, vy.Return) and value is not None and isinstance(node._parent, vy.FunctionDef)
    return not is_last and not isinstance(value, vy.Str)


def _calls(source: Source, node: vy.Call) -> Iterator[tuple[str, int, int, str]]:
    function = node.func
    if isinstance(function, vy.Attribute):
        name, end = function.attr, source.span(function)[1]
    elif isinstance(function, vy.Name):
        name, end = function.id, source.span(function)[1]
    else:
        return
    for operator, pairs in CALLS.items():
        if name in pairs:
            yield operator, end - len(name), end, pairs[name]
    if name in COMMUTATIVE or name in ("convert", "empty", "range"):
        return
    for n, (left, right) in enumerate(zip(node.args, node.args[1:], strict=False)):
        if source.of(left) == source.of(right) or (n == 0 and name in FIRST_TWO):
            continue
        start, end = source.span(left)[0], source.span(right)[1]
        middle = source.text[source.span(left)[1] : source.span(right)[0]]
        yield "arguments", start, end, source.of(right) + middle + source.of(left)


def mutants(path: str) -> list[Mutant]:
    """All mutants of a file below contracts/, in the order of the source."""
    source, seen, out = Source(path), Counter[tuple[str, ...]](), []
    for root in source.tree.get_children((vy.FunctionDef, vy.VariableDecl)):
        function = root.name if isinstance(root, vy.FunctionDef) else ""
        # (a node does not tell its fields in the same order every time)
        spans = [span for node in _walk(root) for span in _spans(source, node)]
        for operator, start, end, new in sorted(spans, key=lambda span: span[1:]):
            line = source.lines_of(start, end)
            change = f"{squeezed(source.text[start:end])} -> {squeezed(new)}"
            key = (function, operator, line, change)
            out.append(Mutant(path, function, operator, start, end, new, line, change, seen[key]))
            seen[key] += 1
    return out


def resolve(name: str) -> str:
    """The path below contracts/ of a module given by its name."""
    found = [p for p in CONTRACTS.rglob("*.vy") if p.stem == name or str(p.relative_to(CONTRACTS)) == name]
    if len(found) != 1:
        raise SystemExit(f"mutants: no module {name}")
    return str(found[0].relative_to(CONTRACTS))
