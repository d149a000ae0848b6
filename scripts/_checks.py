"""An audit's report, as a table and as data."""

from typing import Any

from rich.console import Console
from rich.table import Table

from lastline import audit
from lastline.units import to_decimal


def wide_console() -> Console:
    """A console whose tables stay readable in a file or a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=150)


def as_data(report: audit.Report) -> dict[str, Any]:
    """The report as JSON has it; amounts are decimal strings."""
    return {
        "block": report.block,
        "holds": report.holds,
        "checks": [
            {
                "id": check.id,
                "what": check.what,
                "holds": check.holds,
                "left": check.show(check.left, report.token_decimals),
                "right": check.show(check.right, report.token_decimals),
                "difference": check.show(check.difference, report.token_decimals),
                "unit": check.unit,
            }
            for check in report.checks
        ],
    }


def show(report: audit.Report, console: Console) -> None:
    """The report as a table."""
    ledger = report.ledger
    table = Table(
        title=f"Funds at block {report.block}: {ledger.applied} events, {len(ledger.accounts)} accounts"
    )
    table.add_column("check")
    table.add_column("what must hold", overflow="fold")
    for name in ("left", "right", "difference"):
        table.add_column(name, justify="right")
    table.add_column("")
    for check in report.checks:
        figures = [
            check.show(amount, report.token_decimals)
            for amount in (check.left, check.right, check.difference)
        ]
        table.add_row(check.id, check.what, *figures, "[green]holds[/]" if check.holds else "[red]FAILS[/]")
    console.print(table)
    owed = to_decimal(ledger.liabilities())
    console.print(
        f"the vault owes {owed} quote; {'everything adds up' if report.holds else 'NOT everything adds up'}"
    )
