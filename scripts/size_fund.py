"""ape run size_fund: how large the insurance fund should be for the present book, by simulated crashes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from lastline import audit
from lastline import fund_size as fs
from lastline.units import to_decimal
from scripts._ape import block_option, connected, quiet, record_option, recorded_chain, registry_option, web3
from scripts._checks import wide_console
from scripts._figures import market_id, percent
from scripts._progress import progress

DEFAULT_VOLATILITY = "0.8"
DEFAULT_DEPTH = "2000000"


@connected(__doc__)
@registry_option
@record_option
@block_option
@click.option("--scenarios", type=click.IntRange(1, 10_000_000), default=10_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same numbers.")
@click.option(
    "--confidence",
    type=float,
    default=0.99,
    show_default=True,
    help="Share of scenarios the fund is to last for.",
)
@click.option(
    "--interval",
    type=float,
    default=0.95,
    show_default=True,
    help="Probability that a quantile's interval holds it.",
)
@click.option(
    "--volatility",
    multiple=True,
    metavar="[MARKET=]SHARE",
    help=f"Standard deviation of the price a year, of all markets or one; {DEFAULT_VOLATILITY} by default.",
)
@click.option(
    "--depth",
    multiple=True,
    metavar="[MARKET=]QUOTE",
    help=f"Notional that moves the price by 1 %, of all markets or one; {DEFAULT_DEPTH} by default.",
)
@click.option("--correlation", type=float, default=0.8, show_default=True, help="Of any two markets' jumps.")
@click.option(
    "--tail",
    type=float,
    default=3.0,
    show_default=True,
    help="Degrees of freedom of Student's t: fewer is fatter.",
)
@click.option("--hours", type=float, default=24.0, show_default=True, help="Horizon that a jump stands for.")
@click.option(
    "--gap",
    type=float,
    default=0.25,
    show_default=True,
    help="Share of the jump that goes by until a liquidation is done; 1: nobody can act before its end.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def cli(
    folder: Path,
    record: Path | None,
    block: int | None,
    scenarios: int,
    seed: int,
    confidence: float,
    interval: float,
    volatility: Sequence[str],
    depth: Sequence[str],
    correlation: float,
    tail: float,
    hours: float,
    gap: float,
    as_json: bool,
) -> None:
    quiet()
    node = web3()
    chain = recorded_chain(node, folder, record)
    names = {market["id"]: market["name"] for market in chain.deployment.markets}
    assumptions = fs.Assumptions(
        by_market("volatility", volatility, DEFAULT_VOLATILITY, names),
        by_market("depth", depth, DEFAULT_DEPTH, names),
        correlation,
        tail,
        gap,
        hours * 3600,
    )
    fs.require_enough(scenarios, confidence, interval)
    number = node.eth.block_number if block is None else block
    with progress("blocks", is_wanted=not as_json) as tell:
        book = fs.Book.of(audit.rebuild(chain, number, tell))
    returns = fs.jumps(book, assumptions, scenarios, seed)
    with progress("scenarios", scenarios, not as_json) as tell:
        sample = fs.losses(book, assumptions, returns, tell)
    limits = fs.Limits.read(chain, [market.id for market in book.markets], number)
    size = fs.recommend(book, sample, limits, confidence, interval)
    if as_json:
        click.echo(json.dumps(as_data(size, assumptions, limits, names, seed, interval, number), indent=1))
    else:
        show(size, assumptions, limits, names, seed, interval, number, wide_console())


def by_market(
    what: str, given: Sequence[str], default: str, names: dict[int, str]
) -> dict[int | None, float]:
    """What "0.8" and "BTC-USD=0.6" say; None stands for all other markets. Raises ValueError."""
    out: dict[int | None, float] = {None: float(default)}
    for text in given:
        name, has_name, amount = text.rpartition("=")
        try:
            worth = float(amount.replace("_", ""))
        except ValueError as error:
            raise ValueError(f"The {what} {text} is no number, and no MARKET=number.") from error
        out[market_id(name, names) if has_name else None] = worth
    return out


# --- as data ------------------------------------------------------------------------------------------------


def as_data(
    size: fs.FundSize,
    assumptions: fs.Assumptions,
    limits: fs.Limits,
    names: dict[int, str],
    seed: int,
    interval: float,
    block: int,
) -> dict[str, Any]:
    """Estimates are numbers (quote); what the contract has and is to have, decimal strings."""

    def tokens(amount: int) -> str:
        return to_decimal(amount, limits.token_decimals)

    def quantile(q: fs.Quantile) -> dict[str, float | None]:
        return {"share": q.share, "estimate": q.estimate, "lower": q.lower, "upper": q.upper}

    return {
        "block": block,
        "accounts": size.accounts,
        "positions": size.positions,
        "assumptions": {
            "scenarios": size.scenarios,
            "seed": seed,
            "interval": interval,
            "correlation": assumptions.correlation,
            "tail": assumptions.tail,
            "gap": assumptions.gap,
            "horizon_seconds": assumptions.horizon,
        },
        "loss": {"chosen": quantile(size.chosen), "quantiles": [quantile(q) for q in size.quantiles]},
        "target": {
            "now": tokens(size.target),
            "floor": tokens(limits.target_floor),
            "recommended": tokens(size.recommended_target),
            "by_recommended_stress_shares": tokens(size.implied_target),
        },
        "daily_cap_share": {
            "now": to_decimal(size.daily_cap_share),
            "recommended": to_decimal(size.recommended_daily_cap_share),
        },
        "markets": [
            {
                "market": m.market,
                "market_name": names.get(m.market),
                "volatility": assumptions.volatility_of(m.market),
                "depth": assumptions.depth_of(m.market),
                "open_interest": m.open_interest,
                "loss": {"chosen": quantile(m.chosen), "quantiles": [quantile(q) for q in m.quantiles]},
                "stress_share": {
                    "now": to_decimal(m.stress_share),
                    "recommended": to_decimal(m.recommended_stress_share),
                    "is_bounded": m.is_bounded,
                },
            }
            for m in size.markets
        ],
    }


# --- tables -------------------------------------------------------------------------------------------------


def whole(amount: float | None) -> str:
    """Quote without decimals; "-" for none."""
    return "-" if amount is None else f"{amount:,.0f}"


def show(
    size: fs.FundSize,
    assumptions: fs.Assumptions,
    limits: fs.Limits,
    names: dict[int, str],
    seed: int,
    interval: float,
    block: int,
    console: Console,
) -> None:
    """What was assumed, the losses, and what is recommended beside what the contract has."""
    console.print(
        f"book at block {block}: {size.accounts} accounts, {size.positions} positions; "
        f"{size.scenarios} scenarios, seed {seed}: jumps of {assumptions.horizon / 3600:g} hours, "
        f"Student t with {assumptions.tail:g} degrees of freedom, correlation {assumptions.correlation:g}, "
        f"gap {assumptions.gap:g}"
    )
    chosen = size.chosen.share
    table = Table(title="The fund's loss, quote")
    table.add_column("market")
    for name in ("open interest", "volatility", "depth 1 %", *(f"{q.share:.4g}" for q in size.quantiles)):
        table.add_column(name, justify="right")
    table.add_column(f"{chosen:.4g} with its {interval:.4g} interval", justify="right")
    rows: list[tuple[fs.FundSize | fs.MarketSize, tuple[str, ...]]] = []
    for m in size.markets:
        terms = (f"{assumptions.volatility_of(m.market):g}", whole(assumptions.depth_of(m.market)))
        rows.append((m, (str(names.get(m.market, m.market)), whole(m.open_interest), *terms)))
    rows.append((size, ("all", whole(sum(m.open_interest for m in size.markets)), "", "")))
    for part, figures in rows:
        q = part.chosen
        table.add_row(
            *figures,
            *(whole(each.estimate) for each in part.quantiles),
            f"{whole(q.estimate)} ({whole(q.lower)} to {whole(q.upper)})",
        )
    console.print(table)
    table = Table(title=f"What lasts for {chosen * 100:g} % of the scenarios")
    for name in ("parameter", "now", "recommended", ""):
        table.add_column(name, justify="left" if name in ("parameter", "") else "right")

    def tokens(amount: int) -> str:
        return to_decimal(amount, limits.token_decimals)

    at_floor = "the contract's floor" if size.recommended_target == limits.target_floor else "upper bound"
    table.add_row("target", tokens(size.target), tokens(size.recommended_target), at_floor)
    table.add_row(
        "24-hour budget",
        percent(size.daily_cap_share),
        percent(size.recommended_daily_cap_share),
        "of the target: the quantile itself",
    )
    for m in size.markets:
        note = "the contract's bound" if m.is_bounded else "" if m.open_interest else "no open interest"
        name = f"stress share of {names.get(m.market, m.market)}"
        table.add_row(name, percent(m.stress_share), percent(m.recommended_stress_share), note)
    console.print(table)
    console.print(
        f"with these stress shares the contract's own target would be {tokens(size.implied_target)}: "
        "each market's worst days added up"
    )
