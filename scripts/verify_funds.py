"""ape run verify_funds: does every unit of money add up, by the chain alone? Exit code 1 if not."""

import json
from pathlib import Path

import click

from lastline import audit, deployments
from lastline.chain import Chain
from scripts._ape import connected, network_name, quiet, registry_option, web3
from scripts._checks import as_data, show, wide_console


@connected(__doc__)
@registry_option
@click.option("--record", type=click.Path(path_type=Path), help="A deployment record outside the registry.")
@click.option("--block", type=int, help="Block to verify at; the latest by default.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def cli(folder: Path, record: Path | None, block: int | None, as_json: bool) -> None:
    quiet()
    node = web3()
    deployment = deployments.read(record) if record else deployments.load(*network_name(node), folder)
    report = audit.run(Chain(node, deployment), block)
    if as_json:
        click.echo(json.dumps(as_data(report), indent=1))
    else:
        show(report, wide_console())
    if not report.holds:
        first = report.failed[0]
        raise click.ClickException(
            f"{len(report.failed)} check(s) failed; {first.id} ({first.what}): difference "
            f"{first.show(first.difference, report.token_decimals)} {first.unit}."
        )
