"""ape run verify_funds: does every unit of money add up, by the chain alone? Exit code 1 if not.

With --state a run that was stopped goes on where it last saved, and the next one reads only what is new.
"""

import json
from pathlib import Path

import click

from lastline import audit
from lastline.history import SAVE_EVERY, History, resume
from scripts._ape import block_option, connected, quiet, record_option, recorded_chain, registry_option, web3
from scripts._checks import as_data, show, wide_console
from scripts._progress import progress


@connected(__doc__)
@registry_option
@record_option
@block_option
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that keeps what was read of the chain, for the next run.",
)
@click.option(
    "--save-every",
    type=click.IntRange(1),
    default=SAVE_EVERY,
    show_default=True,
    help="Blocks between two savings of --state.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def cli(
    folder: Path, record: Path | None, block: int | None, state: Path | None, save_every: int, as_json: bool
) -> None:
    quiet()
    node = web3()
    chain = recorded_chain(node, folder, record)
    last = node.eth.block_number if block is None else block
    history = History.start(chain)
    if state is not None:
        history, told = resume(chain, state, last)
        click.echo(told, err=True)
    with progress("blocks", is_wanted=not as_json) as tell:
        history.advance(chain, last, tell, state, save_every)
    with progress("checks", is_wanted=not as_json) as tell:
        report = audit.run(chain, last, history, tell)
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
