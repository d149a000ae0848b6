"""Vyper's front end with a memory: what does not depend on the mutant is read and analysed once for all.

What a compilation leaves on the shared trees (places of variables, code of functions) is wiped before the
next one. `tests/meta/test_mutants.py` compares the bytecode with an ordinary compilation's.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from boa.contracts.vyper.vyper_contract import VyperDeployer
from vyper import ast as vy
from vyper.codegen.ir_node import IRnode
from vyper.compiler.input_bundle import FileInput
from vyper.ir import optimizer
from vyper.semantics.analysis import imports

from mutants.generate import CONTRACTS, Mutant
from tests import artifacts

_plain_parse, _plain_optimize = imports._parse_ast, optimizer._optimize


def _optimize_once(node: IRnode, parent: IRnode | None) -> tuple[bool, IRnode]:
    """Vyper optimises a part of an expression again for every expression around it."""
    context = parent.value if parent and parent.value in ("iszero", "if", "assert") else ""
    known = vars(node).setdefault("_optimized_as", {})
    if (context, parent is None) not in known:
        known[context, parent is None] = _plain_optimize(node, parent)
    return known[context, parent is None]


class Compiler:
    """Compiles contracts of the repository; the mutant is put in place of its module's text."""

    def __init__(self) -> None:
        self.trees: dict[Path, vy.Module] = {}
        self.texts: dict[Path, str] = {}

    def set_mutant(self, mutant: Mutant) -> None:
        """From now on that module reads so; what imports it is analysed anew."""
        self.texts = {CONTRACTS / mutant.path: mutant.source()}
        changed = set(self.texts)
        while more := {p for p, tree in self.trees.items() if p not in changed and _imported(tree) & changed}:
            changed |= more
        for path in changed:
            self.trees.pop(path, None)

    def compile(self, path: str) -> VyperDeployer:
        before = self._wipe()
        imports._parse_ast, optimizer._optimize = self._parse, _optimize_once
        try:
            with artifacts._without_collecting():
                return artifacts._compile(path, self.texts.get(CONTRACTS / path))
        finally:
            imports._parse_ast, optimizer._optimize = _plain_parse, _plain_optimize
            # what this contract has no use for still explains reverts of the ones compiled before
            for thing, name, value in before:
                if getattr(thing, name, None) is None:
                    setattr(thing, name, value)

    def _parse(self, file: FileInput) -> vy.Module:
        path = file.resolved_path
        if path not in self.trees:
            text = self.texts.get(path, file.source_code)
            self.trees[path] = _plain_parse(dataclasses.replace(file, contents=text))
        return self.trees[path]

    def _wipe(self) -> list[tuple[Any, str, Any]]:
        """What has been wiped: of what, its name, its value."""
        out: list[tuple[Any, str, Any]] = []
        for tree in self.trees.values():
            functions = tree.get_children(vy.FunctionDef)
            for variable in tree.get_children(vy.VariableDecl):
                if known := variable.target._metadata.get("varinfo"):
                    out.append((known, "position", known.position))
                    known.position = None
                functions.append(variable._expanded_getter)
            for function in functions:
                if known := function and function._metadata.get("func_type"):
                    out += [(known, name, getattr(known, name)) for name in ("_ir_info", "_function_id")]
                    known._ir_info = known._function_id = None
                    if hasattr(known, "reentrancy_key_position"):
                        out.append((known, "reentrancy_key_position", known.reentrancy_key_position))
                        del known.reentrancy_key_position
        return [entry for entry in out if entry[2] is not None]


def _imported(tree: vy.Module) -> set[Path]:
    infos: Iterable[Any] = (
        node._metadata["import_info"] for node in tree.get_children((vy.Import, vy.ImportFrom))
    )
    return {Path(info.compiler_input.resolved_path) for info in infos}
