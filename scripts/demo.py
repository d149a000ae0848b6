"""ape run demo: a fresh Anvil, the whole system, the crash of March 2020, every balance verified."""

import gzip
import json
import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ape
import click
from eth_account import Account
from rich.console import Console
from rich.table import Table
from web3 import Web3

from lastline import audit, deployments, fund_report, views
from lastline.abi import Event
from lastline.accounts import show
from lastline.chain import Chain, KeySender
from lastline.deployer import Deployer
from lastline.deployments import Deployment
from lastline.fund_plot import draw
from lastline.ledger import TIER_NAMES
from lastline.units import WAD, to_decimal, to_quote
from scripts._anvil import anvil
from scripts._ape import Artifacts, load_toml, quiet, standalone
from scripts._checks import show as show_checks
from scripts._checks import wide_console
from scripts._keeper import KeptRun, keeper_config
from scripts._scenario import Happened, Run, ScenarioError

# Anvil's first key, known to everybody.
DEPLOYER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
GAS = 14_000_000


@standalone(__doc__)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path),
    default=Path("scenarios/btc_2020_03.toml"),
    show_default=True,
    envvar="SCENARIO",
    help="Scenario file (TOML); environment: SCENARIO.",
)
@click.option("--seed", type=int, envvar="SEED", help="Another population; environment: SEED.")
@click.option(
    "--keeper",
    "is_kept",
    is_flag=True,
    envvar="KEEPER",
    help="A keeper (lastline.keeper) alone updates marks and resolves the crash; environment: KEEPER=1.",
)
@click.option(
    "--keeper-account",
    envvar="KEEPER_ACCOUNT",
    help="Account id or owner address credited with rewards for absorptions; environment: KEEPER_ACCOUNT.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    envvar="OUT",
    help="Folder for report, picture of the fund, chain's state and deployment record; environment: OUT.",
)
def cli(scenario: Path, seed: int | None, is_kept: bool, keeper_account: str | None, out: Path) -> None:
    started = time.monotonic()
    quiet()
    console = wide_console()
    script = load_toml(scenario)
    if seed is not None:
        script["population"]["seed"] = seed
    out.mkdir(parents=True, exist_ok=True)
    # An hour before the first price, so that everybody has time to arrive.
    genesis = int(script["prices"][0]["time"].timestamp()) - 3600
    with anvil("--timestamp", str(genesis)) as node:
        replay(node, script, is_kept, keeper_account, out, console)
    console.print(
        f"report, picture of the fund, chain state and deployment record in {out}; "
        f"{time.monotonic() - started:.0f} seconds"
    )


def replay(
    node: Web3,
    script: dict[str, Any],
    is_kept: bool,
    keeper_account: str | None,
    out: Path,
    console: Console,
) -> None:
    """Deploy, play, verify, report. Raises ClickException if an invariant fails or a tier paid nothing."""
    deployer = KeySender(node, Account.from_key(DEPLOYER_KEY), GAS, fee=20 * 10**9)
    chain = deploy(node, deployer, script, out, console)
    rewarded = account_of(keeper_account) if keeper_account is not None else 0
    if is_kept:
        run: Run = kept_run(chain, script, deployer, rewarded, out, console)
    else:
        run = Run(chain, script, deployer, lambda line: tell(line, console))
        run.keeper.account = rewarded or run.keeper.account
    console.print(f"\n[bold]{script['title']}[/]: {len(run.traders)} traders, {len(run.markets)} markets")
    try:
        run.check()
        run.play()
        if isinstance(run, KeptRun):
            tell_shocks(run, console)
    except ScenarioError as error:
        raise click.ClickException(str(error)) from error
    report = audit.run(chain)
    events = chain.events([views.VAULT])
    summary = summarise(run, chain, report, events)
    (out / "report.json").write_text(json.dumps(summary, indent=1) + "\n")
    save_state(run, out / "anvil-state.json")
    draw(fund_report.report(chain), out / "fund.svg")
    show_checks(report, console)
    show_tiers(summary, console)
    show_claims(summary, console)
    show_fund(summary, console)
    idle = [tier for tier, amount in summary["loss_by_tier"].items() if Decimal(amount) <= 0]
    if not report.holds:
        raise click.ClickException(f"Invariants fail: {', '.join(check.id for check in report.failed)}.")
    if idle:
        raise click.ClickException(f"These tiers paid nothing: {', '.join(idle)}.")


def kept_run(
    chain: Chain, script: dict[str, Any], deployer: KeySender, rewarded: int, out: Path, console: Console
) -> KeptRun:
    """A replay with a keeper that starts from nothing; its log, state and metrics beside the report."""
    config = keeper_config(out, rewarded)
    config.state_file.unlink(missing_ok=True)  # type: ignore[union-attr]
    handler = logging.FileHandler(out / "keeper.log", mode="w")
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("lastline.keeper")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.DEBUG)
    return KeptRun(chain, script, deployer, lambda line: tell(line, console), config)


def tell_shocks(run: KeptRun, console: Console) -> None:
    """How long the keeper needed. Raises ScenarioError if a shock is not resolved in time."""
    last = run.require_resolved()
    worst = max(run.shocks, key=lambda shock: shock.blocks)
    metrics = run.bot.metrics
    console.print(
        f"\n[bold]keeper[/]: the last shock ({last.time}, {last.price}) was resolved in "
        f"[bold]{last.blocks} blocks[/], the longest ({worst.time}, {worst.price}) in {worst.blocks}; "
        f"{sum(metrics.actions.values())} transactions, {sum(metrics.reverts.values())} reverted, "
        f"earned {Decimal(sum(metrics.rewards.values())) / WAD:,.2f}"
    )


def account_of(text: str) -> int:
    """An account id from what the user gave."""
    from lastline.accounts import account_id

    try:
        return account_id(text) if text.startswith("0x") and len(text) == 42 else int(text, 0)
    except ValueError as error:
        raise click.ClickException(f"Not an account: {text}.") from error


def deploy(node: Web3, deployer: KeySender, script: dict[str, Any], out: Path, console: Console) -> Chain:
    """The whole system on the fresh chain, recorded beside the report."""
    artifacts = Artifacts(Path(ape.project.path))
    artifacts("MarginVault")
    record = Deployment(
        "ethereum", "local", node.eth.chain_id, deployer.address, artifacts.compiler, script["deployment"]
    )
    made = Deployer(node, deployer, artifacts, record)
    changes = made.run()
    wrong = made.wrong()
    if wrong:
        raise click.ClickException(f"The chain does not show: {', '.join(wrong)}.")
    deployments.save(record, out / "deployments")
    console.print(f"deployed and wired: {changes} steps, {len(record.contracts)} contracts")
    return Chain(node, record)


def tell(line: Happened, console: Console) -> None:
    """A line of the timeline as it happens."""
    console.print(f"[bold]{line.time:>12}[/]  {line.price:>6}  {'; '.join(line.what) or '-'}")


def summarise(run: Run, chain: Chain, report: audit.Report, events: list[Event]) -> dict[str, Any]:
    """The report: amounts are decimal strings in quote units."""
    claims = views.claims(chain)
    fund = views.fund(chain)
    decimals = report.token_decimals
    paid = {name: sum(getattr(claim, name) for claim in claims) for name in TIER_NAMES}
    absorbed = [event for event in events if event.name == "AccountAbsorbed"]
    cushion = sum(max(event.equity, 0) for event in events if event.name == "PartAbsorbed")
    ruined = {event.account for event in absorbed} | {e.account for e in events if e.name == "TakenOver"}
    margin_lost = 0
    for actor in run.everybody:
        if actor.account in ruined:
            left = report.ledger.balance(actor.account).equity
            margin_lost += max(actor.deposited - actor.withdrawn - max(left, 0), 0)
    vault_tokens = chain.call("Collateral", "balanceOf", chain.deployment.address(views.VAULT))
    fees = report.ledger
    return {
        "scenario": run.scenario["name"],
        "accounts": len(report.ledger.accounts),
        "fills": run.fills,
        "liquidations": run.liquidations,
        "absorptions": run.absorptions,
        "shocks": [asdict(shock) for shock in run.shocks] if isinstance(run, KeptRun) else [],
        "loss_by_tier": {
            "trader_margin": to_decimal(margin_lost),
            "bankruptcy_account": to_decimal(cushion + paid["recovered"]),
            "reserve": to_decimal(paid["reserve"]),
            "adl": to_decimal(paid["adl"]),
            "socialised": to_decimal(paid["socialised"]),
        },
        "claims": [
            {
                "id": claim.claim,
                "market": claim.market,
                "account": show(claim.account),
                "amount": to_decimal(claim.amount),
                **{name: to_decimal(getattr(claim, name)) for name in (*TIER_NAMES, "outstanding")},
            }
            for claim in claims
        ],
        "balances": {
            "vault_token": to_decimal(to_quote(vault_tokens, decimals)),
            "vault_liabilities": to_decimal(report.ledger.liabilities()),
            "fund_token": to_decimal(to_quote(fund.tokens, decimals)),
            "fund_ledger": to_decimal(to_quote(fund.reserve, decimals)),
        },
        "fund_inflows": {
            name.lower(): to_decimal(to_quote(tokens, decimals))
            for name, tokens in fund.inflows.items()
            if tokens
        },
        "fund_over_time": [
            {
                "time": datetime.fromtimestamp(at.time, UTC).isoformat(),
                "price": at.price,
                "mode": at.mode,
                **{
                    name: to_decimal(to_quote(getattr(at, name), decimals))
                    for name in ("reserve", "target", "paid")
                },
                "coverage": to_decimal(at.coverage),
                "drawdown": to_decimal(at.drawdown),
            }
            for at in run.fund_over_time
        ],
        "fees_uncollected": to_decimal(fees.fees),
        "invariants": [{"id": check.id, "holds": check.holds, "what": check.what} for check in report.checks],
        "addresses": {name: record.address for name, record in chain.deployment.contracts.items()},
    }


def save_state(run: Run, path: Path) -> None:
    """The chain as `anvil --load-state` takes it."""
    dump = bytes.fromhex(run.rpc("anvil_dumpState").removeprefix("0x"))
    path.write_bytes(gzip.decompress(dump) if dump[:2] == b"\x1f\x8b" else dump)


def show_tiers(summary: dict[str, Any], console: Console) -> None:
    """Who paid."""
    what = {
        "trader_margin": "margin of the traders who were liquidated",
        "bankruptcy_account": "bankruptcy accounts: margin taken over, and losses that recovered",
        "reserve": "insurance fund, protocol reserve",
        "adl": "ADL: winners closed at the bankruptcy price",
        "socialised": "rounds: all profit charged alike",
    }
    table = Table(title="Who paid, in the order of the waterfall")
    table.add_column("tier")
    table.add_column("quote", justify="right")
    for tier, amount in summary["loss_by_tier"].items():
        table.add_row(what[tier], f"{Decimal(amount):,.6f}")
    console.print(table)


def show_fund(summary: dict[str, Any], console: Console) -> None:
    """How the fund was drained and refilled, and which risk mode that called for."""
    table = Table(title="The insurance fund over time")
    for name in ("time", "price", "mode", "reserve", "target", "coverage", "drawdown"):
        table.add_column(name, justify="left" if name in ("time", "mode") else "right")
    for at in summary["fund_over_time"]:
        table.add_row(
            at["time"][:16].replace("T", " "),
            at["price"],
            at["mode"],
            *(f"{Decimal(at[name]):,.2f}" for name in ("reserve", "target")),
            *(f"{Decimal(at[name]) * 100:,.1f} %" for name in ("coverage", "drawdown")),
        )
    console.print(table)


def show_claims(summary: dict[str, Any], console: Console) -> None:
    """Every claim and who paid how much of it."""
    names = ("amount", "reserve", "adl", "socialised", "side", "recovery", "recovered", "outstanding")
    table = Table(title=f"{len(summary['claims'])} claims: amount = sum of the rest")
    for name in ("id", "market", "account", *names):
        table.add_column(name, justify="right")
    for claim in summary["claims"]:
        table.add_row(
            str(claim["id"]),
            str(claim["market"]),
            claim["account"],
            *(f"{Decimal(claim[name]):,.2f}" for name in names),
        )
    totals = [sum((Decimal(claim[name]) for claim in summary["claims"]), Decimal(0)) for name in names]
    table.add_row("all", "", "", *(f"{amount:,.2f}" for amount in totals))
    console.print(table)
