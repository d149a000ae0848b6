"""The table of measurements against targets."""

from typing import Any

from rich.console import Console
from rich.table import Table

# operation -> (must, aim); nothing else is a target
TARGETS = {
    "deposit_open_position": (75_000, 60_000),
    "withdraw_open_position": (90_000, 75_000),
    "trade_fresh_both": (160_000, 140_000),
    "trade_increase_both": (130_000, 110_000),
    "trade_close_both": (130_000, 110_000),
    "trade_marginal_maker": (50_000, 40_000),
    "liquidate_full": (130_000, 115_000),
}


def verdict(gas: int, must: int, aim: int) -> str:
    if gas > must:
        return f"[red]misses must by {gas - must:,}[/]"
    return "[green]meets aim[/]" if gas <= aim else f"[yellow]meets must, aim off by {gas - aim:,}[/]"


def show(gas: dict[str, Any]) -> list[str]:
    """Print the table; the operations over their "must"."""
    table = Table("operation", "gas", "must", "aim", "verdict", title="Gas used, by receipt")
    missed = []
    for name, used in gas.items():
        for label, number in used.items() if isinstance(used, dict) else [(None, used)]:
            title = name if label is None else f"{name} {label}"
            must, aim = TARGETS.get(name, (None, None))
            if must is None or aim is None:
                table.add_row(title, f"{number:,}", "", "", "")
                continue
            table.add_row(title, f"{number:,}", f"{must:,}", f"{aim:,}", verdict(number, must, aim))
            if number > must:
                missed.append(title)
    console = Console()
    console.print(table)
    return missed
