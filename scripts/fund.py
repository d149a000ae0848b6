"""ape run fund: the insurance fund's money, sources, limits, claims in their order, triggers and history."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from lastline import fund_report as fr
from lastline.accounts import show as show_account
from lastline.fund_plot import draw, require_suffix
from lastline.units import to_decimal
from lastline.views import RISK_MODES, RiskView
from scripts._ape import block_option, connected, quiet, record_option, recorded_chain, registry_option, web3
from scripts._checks import wide_console
from scripts._figures import figure, percent
from scripts._progress import progress

COLOURS = {"NORMAL": "green", "CAUTION": "yellow", "RESTRICTED": "yellow", "ADL": "red", "HALTED": "red"}
# Points of the history that the terminal shows.
SHOWN_POINTS = 10
# What numbers are, by their names: all others are token units.
QUOTE = {"open_claims", "payable", "amount", "outstanding", "before"}
SHARES = {"coverage", "fee_share", "drawdown"}
TIMES = {"time", "filed_at", "quiet_since", "community_retry_at", "low_since", "calm_since"}
PLAIN = {*TIMES, "mode", "judged", "block", "token_decimals", "market", "claim", "place"}


@connected(__doc__)
@registry_option
@record_option
@block_option
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw balance, coverage and payouts over time to this .svg or .png file.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def cli(folder: Path, record: Path | None, block: int | None, plot: Path | None, as_json: bool) -> None:
    quiet()
    if plot is not None:
        require_suffix(plot)
    node = web3()
    chain = recorded_chain(node, folder, record)
    with progress("blocks", is_wanted=not as_json) as tell:
        report = fr.report(chain, block, tell)
    names = {market["id"]: market["name"] for market in chain.deployment.markets}
    if plot is not None:
        draw(report, plot)
    if as_json:
        click.echo(json.dumps(as_data(report, names), indent=1))
        return
    console = wide_console()
    show(report, names, console)
    if plot is not None:
        console.print(f"drawn to {plot}")


# --- as data ------------------------------------------------------------------------------------------------


def as_data(report: fr.FundReport, names: dict[int, str]) -> dict[str, Any]:
    """The report as JSON has it; amounts and shares are exact decimal strings, times seconds, ids text."""
    data = plain(asdict(report), report.token_decimals)
    data["mode"] = RISK_MODES[report.risk.mode]
    fund = data.pop("fund")
    fund["coverage"] = None if report.coverage is None else to_decimal(report.coverage)
    data = {**fund, **data}
    for part, market in zip(data["markets"], report.markets, strict=True):
        part["market_name"] = names.get(market.market)
    for part, claim in zip(data["claims"], report.claims, strict=True):
        part["account"], part["market_name"] = str(claim.account), names.get(claim.market)
    for part, trigger in zip(data["triggers"], report.triggers, strict=True):
        decimals = 18 if trigger.is_share else report.token_decimals
        for name in ("now", "limit", "distance"):
            part[name] = to_decimal(getattr(trigger, name), decimals)
    for part, point in zip(data["history"], report.history, strict=True):
        part["mode"] = RISK_MODES[point.mode]
        part["coverage"] = None if point.coverage is None else to_decimal(point.coverage)
    return data


def plain(worth: Any, decimals: int, name: str = "") -> Any:
    """Integers as decimal strings, by what they are: quote, shares, or else token units."""
    if isinstance(worth, dict):
        return {
            str(key): plain(part, decimals, key if isinstance(key, str) else name)
            for key, part in worth.items()
        }
    if isinstance(worth, list | tuple):
        return [plain(part, decimals, name) for part in worth]
    if isinstance(worth, bool) or not isinstance(worth, int) or name in PLAIN:
        return worth
    return to_decimal(worth, 18 if name in QUOTE or name in SHARES else decimals)


# --- tables -------------------------------------------------------------------------------------------------


def moment(seconds: int) -> str:
    """A time as UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S") if seconds else "-"


def duration(seconds: int) -> str:
    """Whole hours and minutes."""
    return f"{seconds // 3600}:{seconds % 3600 // 60:02} h"


def risk_text(risk: RiskView) -> str:
    """What the risk mode rests on, in a line."""
    parts = [
        f"mode {RISK_MODES[risk.mode]}",
        f"called for is {RISK_MODES[risk.judged]}",
        f"coverage {percent(None if risk.coverage == fr.MAX_UINT else risk.coverage)}",
        f"drawdown {percent(risk.drawdown)}",
    ]
    if risk.is_exhausted:
        parts.append("nothing left for open claims")
    for since, what in ((risk.low_since, "too low"), (risk.calm_since, "well enough")):
        if since:
            parts.append(f"{what} since {moment(since)}")
    return ", ".join(parts)


def show(report: fr.FundReport, names: dict[int, str], console: Console) -> None:
    """Everything, as tables."""
    fund, decimals = report.fund, report.token_decimals

    def tokens(amount: int) -> str:
        return figure(amount * 10 ** (18 - decimals))

    def name_of(market: int) -> str:
        return str(names.get(market, market))

    mode = RISK_MODES[report.risk.mode]
    table = Table(
        title=f"Insurance fund at block {report.block}, {moment(report.time)} UTC, in {report.symbol}"
    )
    for name in (
        "reserve",
        "community pool",
        "target",
        "coverage",
        "paid out",
        "fee share",
        "capital to spare",
    ):
        table.add_column(name, justify="right")
    table.add_column("mode")
    table.add_row(
        tokens(fund.reserve),
        tokens(fund.community_exposed),
        tokens(fund.target),
        percent(report.coverage),
        tokens(fund.total_paid + fund.community_out),
        percent(report.fee_share),
        tokens(report.capital_surplus),
        f"[{COLOURS[mode]}]{mode}[/]",
    )
    console.print(table)
    if report.community_retry_at > report.time:
        left = duration(report.community_retry_at - report.time)
        console.print(
            f"[yellow]the community pool counts as absent for another {left}: a call of it failed[/]"
        )
    console.print(f"risk state: {risk_text(report.risk)}")
    if report.checkpoints:
        last = moment(report.checkpoints[-1].time)
        console.print(f"{len(report.checkpoints)} checkpoints on the chain, the last of {last}")
    show_sources(report, console, tokens)
    show_markets(report, console, tokens, name_of)
    show_claims(report, console, name_of)
    table = Table(title="How far it is to ...")
    table.add_column("trigger")
    for name in ("now", "limit", "distance"):
        table.add_column(name, justify="right")
    for trigger in report.triggers:
        show_one = percent if trigger.is_share else tokens
        distance = show_one(trigger.distance)
        shown = f"[red]{distance}[/]" if trigger.distance < 0 else distance
        name = trigger.name if trigger.market is None else f"{name_of(trigger.market)}: {trigger.name}"
        table.add_row(name, show_one(trigger.now), show_one(trigger.limit), shown)
    console.print(table)
    show_history(report, console, tokens)


def show_sources(report: fr.FundReport, console: Console, tokens: Any) -> None:
    fund = report.fund
    table = Table(title="What ever came in and went out")
    table.add_column("where from, where to")
    table.add_column("amount", justify="right")
    for name, amount in fund.inflows.items():
        if name != "COMMUNITY":
            table.add_row(name.lower().replace("_", " "), tokens(amount))
    table.add_row("claims, from the reserve", tokens(-fund.total_paid))
    table.add_row("capital withdrawn", tokens(-fund.capital_withdrawn))
    table.add_row("[bold]reserve[/]", f"[bold]{tokens(fund.reserve)}[/]")
    table.add_row("claims, from the community pool", tokens(-fund.community_out))
    table.add_row("passed on to the community pool", tokens(fund.community_in))
    console.print(table)


def show_markets(report: fr.FundReport, console: Console, tokens: Any, name_of: Any) -> None:
    fund = report.fund
    console.print(
        f"24-hour budget: {tokens(fund.daily_paid)} paid of {tokens(fund.daily_cap)}, "
        f"{tokens(fund.daily_remaining)} left; its base is {tokens(report.budget_base)}"
    )
    table = Table(title="By market")
    table.add_column("market")
    for name in ("part of target", "paid: reserve", "paid: community", "episode drawn", "of", "left"):
        table.add_column(name, justify="right")
    table.add_column("quiet since")
    for name in ("open claims (quote)", "payable now (quote)"):
        table.add_column(name, justify="right")
    for m in report.markets:
        table.add_row(
            name_of(m.market),
            *map(tokens, (m.stress_loss, m.paid_reserve, m.paid_community)),
            *map(tokens, (m.episode_drawn, m.episode_cap, m.episode_left)),
            moment(m.quiet_since),
            figure(m.open_claims),
            figure(m.payable),
        )
    console.print(table)


def show_claims(report: fr.FundReport, console: Console, name_of: Any) -> None:
    if not report.claims:
        console.print("no open claim")
        return
    table = Table(title="Open claims, in the order in which they are paid")
    for name in ("market", "place", "claim", "left by", "filed"):
        table.add_column(name)
    for name in ("amount", "outstanding", "before it"):
        table.add_column(name, justify="right")
    for c in report.claims:
        table.add_row(
            name_of(c.market),
            str(c.place + 1),
            str(c.claim),
            show_account(c.account) if c.account else "the inventory",
            moment(c.filed_at),
            *map(figure, (c.amount, c.outstanding, c.before)),
        )
    console.print(table)


def show_history(report: fr.FundReport, console: Console, tokens: Any) -> None:
    points = report.history[-SHOWN_POINTS:]
    table = Table(title=f"History: the last {len(points)} of {len(report.history)} changes")
    table.add_column("time (UTC)")
    for name in ("reserve", "community pool", "target", "coverage", "paid: reserve", "paid: community"):
        table.add_column(name, justify="right")
    table.add_column("mode")
    for p in points:
        amounts = (p.paid_reserve, p.paid_community)
        table.add_row(
            moment(p.time),
            *map(tokens, (p.reserve, p.community, p.target)),
            percent(p.coverage),
            *map(tokens, amounts),
            RISK_MODES[p.mode],
        )
    console.print(table)
