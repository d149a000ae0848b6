"""ape run deploy: deploy and wire Lastline, record it, assert the wiring. A second run changes nothing."""

from pathlib import Path

import ape
import click
from rich.console import Console

from lastline import deployments
from lastline.deployer import Deployer, require_same_parameters
from lastline.deployments import Deployment, DeploymentError
from scripts._ape import (
    ApeSender,
    Artifacts,
    connected,
    deployer_account,
    is_ephemeral,
    load_toml,
    network_name,
    quiet,
    registry_option,
    web3,
)


@connected(__doc__)
@click.option(
    "--parameters",
    type=click.Path(path_type=Path),
    default=Path("parameters/local.toml"),
    show_default=True,
    help="Parameters file (TOML).",
)
@click.option(
    "--account", "alias", help="Ape account that deploys; on local networks a test account by default."
)
@registry_option
@click.option("--dry-run", is_flag=True, help="Tell what would be done, send nothing.")
def cli(parameters: Path, alias: str | None, folder: Path, dry_run: bool) -> None:
    console = Console(highlight=False)
    quiet()
    node = web3()
    wanted = load_toml(parameters)
    ecosystem, network = network_name(node)
    account = deployer_account(alias, node)
    artifacts = Artifacts(Path(ape.project.path))
    record = Deployment(ecosystem, network, node.eth.chain_id, str(account.address), {}, wanted)
    path = deployments.path_of(ecosystem, network, folder)
    if path.exists():
        known = deployments.read(path)
        if _is_on_chain(known):
            require_same_parameters(known, wanted)
            record = known
        elif network != "local":
            raise DeploymentError(f"{path} names contracts that this chain does not have.")
        else:
            console.print(f"{path} is of a local chain that is gone: deploying anew")
    if record.deployer != str(account.address) and not record.is_complete:
        raise DeploymentError(
            f"This deployment was begun by {record.deployer}; it has to go on with that account."
        )
    artifacts("MarginVault")
    record.compiler = record.compiler or artifacts.compiler
    sender = ApeSender(account)
    deployer = Deployer(
        node,
        sender,
        artifacts,
        record,
        lambda state: deployments.save(state, folder),
        lambda line: console.print(f"  {line}"),
        dry_run,
    )
    changes = deployer.run()
    if dry_run:
        console.print(f"dry run: {changes} step(s) to do" if changes else "dry run: nothing to do")
        return
    deployer.chain.require_code()
    wrong = deployer.wrong()
    if wrong:
        raise DeploymentError(f"The chain does not show: {', '.join(wrong)}.")
    done = f"{changes} step(s) done" if changes else "nothing to change"
    console.print(f"{done}; the wiring on {ecosystem}/{network} is as recorded in {path}")
    if is_ephemeral():
        console.print(
            "This Anvil ends with the script. To keep one: start `anvil`, then --network http://127.0.0.1:8545"
        )


def _is_on_chain(known: Deployment) -> bool:
    node = web3()
    return bool(known.contracts) and all(
        bytes(node.eth.get_code(node.to_checksum_address(record.address)))
        for record in known.contracts.values()
    )
