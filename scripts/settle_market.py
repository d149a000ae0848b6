"""ape run settle_market: a market's end. Shows who is in it, takes the next step, closes all positions.

Close-only first, then the Timelock's operation is scheduled; once its delay is over it is executed, and
everybody's position is closed at the settlement price. Run it again for the next step; what is done is not
done twice.
"""

import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from lastline import settlement
from lastline.accounts import show
from lastline.chain import Chain, Sender
from lastline.units import WAD, to_decimal
from lastline.views import VAULT
from scripts._ape import ApeSender, connected, deployer_account, quiet, recorded_chain, registry_option, web3
from scripts._checks import wide_console


@connected(__doc__)
@click.option("--market", type=int, required=True, help="Market id.")
@click.option(
    "--account", "alias", help="Ape account that sends; on local networks a test account by default."
)
@registry_option
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
def cli(market: int, alias: str | None, folder: Path, dry_run: bool) -> None:
    quiet()
    node, console = web3(), wide_console()
    chain = recorded_chain(node, folder)
    found = settlement.plan(chain, market)
    show_plan(found, console)
    if dry_run:
        return
    account = deployer_account(alias, node)
    run(chain, ApeSender(account), market, found, console)


def run(chain: Chain, sender: Sender, market: int, found: settlement.Plan, console: Console) -> None:
    """The next step, and those behind it that need not wait."""
    if not found.is_settled:
        settlement.set_close_only(chain, sender, market)
        if not settle(chain, sender, market, console):
            return
        found = settlement.plan(chain, market)
        console.print(f"market {market} is settled at {_short(found.market.mark)}")
    closed, insolvent = settlement.close_all(chain, sender, found)
    console.print(f"{closed} position(s) closed at {_short(found.market.mark)}")
    for account in insolvent:
        console.print(f"[red]{show(account)} is below zero: it has to be absorbed first[/]")


def settle(chain: Chain, sender: Sender, market: int, console: Console) -> bool:
    """True if the market is settled now; False if the Timelock's delay has to pass first."""
    if not settlement.is_owned_by_timelock(chain):
        settlement.bring_mark(chain, sender, market)
        chain.send(sender, VAULT, "settle_market", market)
        return True
    operation = settlement.Operation(chain, market)
    if not operation.is_scheduled:
        operation.schedule(sender)
    if not operation.is_ready:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(operation.ready_at))
        console.print(f"scheduled; run this again after {when} UTC")
        return False
    settlement.bring_mark(chain, sender, market)
    operation.execute(sender)
    return True


def show_plan(found: settlement.Plan, console: Console) -> None:
    m = found.market
    price = (
        _short(found.oracle_mark) if found.oracle_mark is not None else f"no price ({found.oracle_reason})"
    )
    console.print(f"market {m.market}: {found.status}, mark {_short(m.mark)}, oracle {price}")
    console.print(f"open claims {_short(m.inventory.outstanding)}, inventory {_short(m.inventory.size)}")
    if not found.is_settled and not found.reaches_winners:
        console.print(
            "[yellow]this market's policy has no round: what losers then lack, only the fund pays; "
            "LossAllocator.set_policy first[/]"
        )
    table = Table(title=f"{len(found.positions)} position(s)")
    table.add_column("account")
    for name in ("size", "PnL at mark", "equity of the account"):
        table.add_column(name, justify="right")
    for p in found.positions:
        equity = _short(p.equity) + (" (to be absorbed)" if p.is_insolvent else "")
        table.add_row(show(p.account), _short(p.size), _short(p.unrealised), equity)
    console.print(table)


def _short(amount: int) -> str:
    """Up to four decimals, rounded towards zero."""
    step = WAD // 10**4
    return to_decimal(abs(amount) // step * step * (-1 if amount < 0 else 1))
