"""What the contracts' revert messages mean to whoever made the call, and what to do about them.

The texts are in errors.toml; docs/spec.md has them as tables.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

FILE = "errors.toml"


@dataclass(frozen=True)
class Revert:
    """One message. `by`: the calls that can end so, if the data name them (a text or a list); else ()."""

    message: str
    group: str
    means: str
    do: str
    by: str | tuple[str, ...] = ()


@cache
def reverts() -> Mapping[str, Revert]:
    """Every message, in the order of the data."""
    data = tomllib.loads(resources.files("lastline").joinpath(FILE).read_text())
    return {
        message: Revert(message, group, entry["means"], entry["do"], _by(entry.get("by", ())))
        for group, entries in data.items()
        for message, entry in entries.items()
    }


def _by(given: str | list[str]) -> str | tuple[str, ...]:
    return given if isinstance(given, str) else tuple(given)


def find(text: str) -> Revert | None:
    """The message in an error's text, whatever a node has put around it; None if there is none.

    Of several the longest, as "vault: not owner or operator" has "vault: not owner" in it.
    """
    known = [message for message in reverts() if message in text]
    return reverts()[max(known, key=len)] if known else None


def explain(text: str) -> str:
    """The text, and if a message of the contracts is in it what it means and what to do."""
    revert = find(text)
    return f"{text.removesuffix('.')}. {revert.means} {revert.do}" if revert else text
