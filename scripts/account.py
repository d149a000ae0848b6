"""ape run account: an owner's accounts: margin, positions, ADL lights, and what if the mark moves."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from lastline import account_report as ar
from lastline.accounts import owner_of, show, sub_account_of
from lastline.risk import LIQUIDATED
from lastline.units import to_decimal
from scripts._ape import block_option, connected, quiet, record_option, recorded_chain, registry_option, web3
from scripts._checks import wide_console
from scripts._figures import figure, fine_percent, market_id, percent

# Fields of the report that are no amounts: counted, not scaled.
PLAIN = {"market", "block", "seconds", "claim", "loss_side", "filed_at", "leverage_class", "lights"}
COLOURS = {"healthy": "green", "liquidated": "yellow", "absorbed": "red"}


@connected(__doc__)
@click.argument("who")
@click.option("--sub", type=int, help="Only this sub-account of the owner (without looking through events).")
@click.option(
    "--market", "market_name", help='Market whose mark "what if" moves: id or name; all by default.'
)
@registry_option
@record_option
@block_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def cli(
    who: str,
    sub: int | None,
    market_name: str | None,
    folder: Path,
    record: Path | None,
    block: int | None,
    as_json: bool,
) -> None:
    """WHO is an owner's address or an account id."""
    quiet()
    owner, account = ar.parse_account(who, sub)
    node = web3()
    chain = recorded_chain(node, folder, record)
    number = node.eth.block_number if block is None else block
    names = {market["id"]: market["name"] for market in chain.deployment.markets}
    moved = None if market_name is None else [market_id(market_name, names)]
    accounts = ar.accounts_of(chain, owner, number) if account is None else [account]
    if not accounts:
        raise click.ClickException(f"{owner} has no account in this vault.")
    now = node.eth.get_block(number)["timestamp"]
    reports = [ar.report(chain, each, number, now, moved, number=number) for each in accounts]
    is_empty = account is not None and not chain.call("MarginVault", "account_word", account, block=number)
    if is_empty and not reports[0].claims:
        raise click.ClickException(
            f"Account {show(accounts[0])} is empty: no money, no position, no open claim."
        )
    if as_json:
        click.echo(json.dumps([as_data(report, names) for report in reports], indent=1))
        return
    console = wide_console()
    for report in reports:
        show_report(report, names, console)


# --- as data ------------------------------------------------------------------------------------------------


def as_data(report: ar.AccountReport, names: dict[int, str]) -> dict[str, Any]:
    """The report as JSON has it; amounts, prices and ratios are exact decimal strings, ids are strings."""
    data = plain(asdict(report))
    data["account"] = str(report.account)
    data["owner"], data["sub_account"] = owner_of(report.account), sub_account_of(report.account)
    for shown, claim in zip(data["claims"], report.claims, strict=True):
        shown["account"] = str(claim.account)
    for shown, position in zip(data["positions"], report.positions, strict=True):
        distance = position.liquidation_distance
        shown["market_name"] = names.get(position.market)
        shown["leverage"] = to_decimal(position.leverage)
        shown["liquidation_distance"] = None if distance is None else to_decimal(distance)
    for shown, scenario in zip(data["scenarios"], report.scenarios, strict=True):
        shown["payers"]["lack"] = to_decimal(scenario.payers.lack)
    return data


def plain(worth: Any, name: str = "") -> Any:
    """Integers of 18 decimals as decimal strings."""
    if isinstance(worth, dict):
        return {str(key): plain(part, key if isinstance(key, str) else name) for key, part in worth.items()}
    if isinstance(worth, list | tuple):
        return [plain(part, name) for part in worth]
    if isinstance(worth, bool) or not isinstance(worth, int) or name in PLAIN:
        return worth
    return to_decimal(worth)


# --- tables -------------------------------------------------------------------------------------------------


def lit(lights: int) -> str:
    """Five lights."""
    return "●" * lights + "○" * (5 - lights)


def duration(seconds: int) -> str:
    """Seconds as hours and minutes, rounded up to a minute."""
    minutes = -(-seconds // 60)
    return f"{minutes // 60}:{minutes % 60:02} h"


def show_report(report: ar.AccountReport, names: dict[int, str], console: Console) -> None:
    """One account: its figures, its positions, and the table "what if"."""
    console.print(f"id {report.account}")
    table = Table(title=f"Account {show(report.account)} at block {report.block}")
    for name in ("cash", "maturing", "equity", "maintenance", "initial", "health", "hole", "withdrawable"):
        table.add_column(name, justify="right")
    amounts = (report.cash, report.maturing, report.equity, report.maintenance, report.initial)
    rest = (percent(report.health), figure(report.hole), figure(report.withdrawable))
    table.add_row(*(figure(amount) for amount in amounts), *rest)
    console.print(table)
    if report.is_stale:
        console.print(
            "[yellow]a mark is stale: no new risk, no withdrawal until somebody calls update_mark[/]"
        )
    if len(report.turn) < len(report.positions):
        first = ", ".join(str(names.get(market, market)) for market in report.turn)
        console.print(f"liquidated first would be {first}: the other side is a hedge")
    for part in report.ripening:
        name = names.get(part.market, part.market)
        console.print(
            f"{figure(part.amount)} quote of {name} mature when its market clock "
            f"has gone on {duration(part.seconds)}"
        )
    for market, pot in report.pots.items():
        name = names.get(market, market)
        console.print(f"{figure(pot)} quote realised by ADL in {name} start to mature with the next touch")
    for claim in report.claims:
        console.print(
            f"[red]claim {claim.claim} in {names.get(claim.market, claim.market)}: absorbed with a lack of "
            f"{figure(claim.amount)} quote, {figure(claim.outstanding)} still open[/]"
        )
    if not report.positions:
        console.print("no open position")
        return
    show_positions(report, names, console)
    show_scenarios(report, names, console)


def show_positions(report: ar.AccountReport, names: dict[int, str], console: Console) -> None:
    table = Table()
    table.add_column("market")
    for name in ("size", "entry", "mark", "PnL", "leverage", "liquidation", "distance", "bankruptcy"):
        table.add_column(name, justify="right")
    for name in ("basis", "funding 8 h"):
        table.add_column(name, justify="right")
    table.add_column("ADL")
    table.add_column("closed before it", justify="right")
    for p in report.positions:
        first = p.place.ahead + p.place.earlier
        table.add_row(
            str(names.get(p.market, p.market)),
            figure(p.size),
            figure(p.entry),
            figure(p.mark) + (" (settled)" if p.is_settled else "" if p.is_fresh else " (stale)"),
            figure(p.unrealised),
            f"{figure(p.leverage, 2)}x",
            figure(p.liquidation_price),
            percent(p.liquidation_distance),
            figure(p.bankruptcy_price or None),
            fine_percent(p.basis),
            fine_percent(p.funding_rate),
            lit(p.place.lights),
            f"{figure(first)} of {figure(p.place.total)}" if p.place.is_queued else "not in the queue",
        )
    console.print(table)


def show_scenarios(report: ar.AccountReport, names: dict[int, str], console: Console) -> None:
    table = Table(title="What if the mark moved at once, and nobody else were in trouble")
    for name in ("move", "equity", "health", "then", "own margin", "bankruptcy account", "fund"):
        table.add_column(name, justify="left" if name == "then" else "right")
    for name in ("ADL / round", "nobody"):
        table.add_column(name, justify="right")
    for scenario in report.scenarios:
        then = f"[{COLOURS[scenario.outcome]}]{scenario.outcome}[/]"
        if scenario.outcome == LIQUIDATED:
            sizes = (f"{figure(size)} {names.get(m, m)}" for m, size in scenario.sizes.items())
            then += " (" + " or ".join(sizes) + ")"
        p = scenario.payers
        table.add_row(
            percent(scenario.move),
            figure(scenario.equity),
            percent(scenario.health),
            then,
            *(
                figure(part) if part else ""
                for part in (p.own, p.bankruptcy_account, p.fund, p.last_tiers, p.nobody)
            ),
        )
    console.print(table)
