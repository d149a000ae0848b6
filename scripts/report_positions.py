"""ape run report_positions: shows the insurance fund the largest position of each market, for its target."""

from pathlib import Path

import click
from rich.table import Table

from lastline import audit, concentration
from lastline.accounts import show
from lastline.units import to_decimal
from scripts._ape import ApeSender, connected, deployer_account, quiet, recorded_chain, registry_option, web3
from scripts._checks import wide_console
from scripts._progress import progress


@connected(__doc__)
@click.option(
    "--account", "alias", help="Ape account that sends; on local networks a test account by default."
)
@registry_option
@click.option("--dry-run", is_flag=True, help="Only show what would be reported.")
def cli(alias: str | None, folder: Path, dry_run: bool) -> None:
    quiet()
    node = web3()
    chain = recorded_chain(node, folder)
    with progress("blocks") as tell:
        ledger = audit.rebuild(chain, None, tell)
    found = concentration.largest(chain, ledger)
    table = Table(title="The largest position of each market")
    for name in ("market", "account", "notional", "known to the fund", "notional then"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(
            str(one.market),
            show(one.account) if one.account else "-",
            to_decimal(one.notional),
            show(one.known_account) if one.known_account else "-",
            to_decimal(one.known_notional),
        )
    console = wide_console()
    console.print(table)
    due = [one for one in found if one.is_due]
    if dry_run or not due:
        console.print(f"{len(due)} to report")
        return
    account = deployer_account(alias, node)
    for one in due:
        concentration.report(chain, ApeSender(account), one)
    console.print(f"{len(due)} reported; the target is {chain.call('InsuranceFund', 'target')} token units")
