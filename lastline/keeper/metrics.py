"""Counters of a keeper, in the text format that Prometheus reads from a file or a page."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lastline.units import to_decimal

PREFIX = "lastline_keeper_"


@dataclass
class Metrics:
    """Counts since the state file was begun; gas in wei, rewards in quote with 18 decimals."""

    steps: int = 0
    block: int = 0
    accounts: int = 0
    scanned: int = 0
    gas_used: int = 0
    gas_spent: int = 0
    actions: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    reverts: dict[str, int] = field(default_factory=dict)
    rewards: dict[str, int] = field(default_factory=dict)

    def count(self, table: str, *labels: str, by: int = 1) -> None:
        """Add to one of the four tables."""
        counts: dict[str, int] = getattr(self, table)
        key = "|".join(labels)
        counts[key] = counts.get(key, 0) + by

    def as_data(self) -> dict[str, Any]:
        """For a state file."""
        return dict(vars(self))

    @classmethod
    def of(cls, data: Any) -> "Metrics":
        """From what `as_data` gave; all zero if that is damaged."""
        metrics = cls()
        if isinstance(data, dict):
            for name, worth in data.items():
                if isinstance(worth, type(getattr(metrics, name, None))):
                    setattr(metrics, name, worth)
        return metrics

    def text(self) -> str:
        """The exposition: one line a counter."""
        lines: list[str] = []

        def add(name: str, kind: str, text: str, rows: list[tuple[str, str]]) -> None:
            lines.append(f"# HELP {PREFIX}{name} {text}")
            lines.append(f"# TYPE {PREFIX}{name} {kind}")
            lines.extend(f"{PREFIX}{name}{labels} {worth}" for labels, worth in rows)

        add("steps_total", "counter", "Blocks worked on.", [("", str(self.steps))])
        add("block", "gauge", "Last block worked on.", [("", str(self.block))])
        add("accounts", "gauge", "Accounts watched.", [("", str(self.accounts))])
        add("scanned_accounts_total", "counter", "Account states read.", [("", str(self.scanned))])
        add(
            "actions_total", "counter", "Transactions that did what they should.", _rows(self.actions, "kind")
        )
        add(
            "refusals_total",
            "counter",
            "Actions that a simulation refused: nothing was sent.",
            _rows(self.refusals, "kind", "reason"),
        )
        add("reverts_total", "counter", "Transactions that reverted.", _rows(self.reverts, "kind", "reason"))
        add("gas_used_total", "counter", "Gas of all transactions.", [("", str(self.gas_used))])
        add("gas_spent_eth_total", "counter", "Paid for gas, ETH.", [("", to_decimal(self.gas_spent))])
        add(
            "rewards_quote_total",
            "counter",
            "Rewards and discounts earned, quote.",
            [(labels, to_decimal(int(worth))) for labels, worth in _rows(self.rewards, "kind")],
        )
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        """Write the exposition, all or nothing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".new")
        draft.write_text(self.text())
        draft.replace(path)


def _rows(counts: dict[str, int], *names: str) -> list[tuple[str, str]]:
    rows = []
    for key, worth in sorted(counts.items()):
        labels = zip(names, key.split("|", len(names) - 1), strict=True)
        rows.append(("{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels) + "}", str(worth)))
    return rows


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
