"""What the scripts share: Ape's network, account and artifacts as the lastline package takes them."""

import json
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ape
import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, network_option
from ape.exceptions import ApeException
from web3 import Web3
from web3.exceptions import ContractLogicError, Web3Exception

from lastline import deployments
from lastline.chain import Chain, Reverted, reason_of
from lastline.deployer import Artifact
from lastline.deployments import DEFAULT_FOLDER, DeploymentError
from lastline.errors import explain
from lastline.ledger import LedgerError

LOCAL = "ethereum:local:foundry"
LOCAL_CHAIN_IDS = (1337, 31337)


class OneSentence(click.Command):
    """A command that ends with exit code 1 and one sentence when something is not as it must be.

    A message of the contracts is followed by what it means and what to do.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise click.ClickException(one_line(error.format_message())) from error
        except ApeException as error:
            raise click.ClickException(one_line(error)) from error

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Reverted as error:
            raise click.ClickException(explain(one_line(error))) from error
        except LedgerError as error:
            raise click.ClickException(f"The ledger cannot be rebuilt from events: {error}.") from error
        except (DeploymentError, ValueError) as error:
            raise click.ClickException(one_line(error)) from error
        except ApeException as error:
            text = type(error).__name__ + str(error)
            if "NotInstalled" in text:
                raise click.ClickException(
                    "Anvil is not on PATH: run `make setup`, or put Anvil there yourself."
                ) from error
            raise click.ClickException(explain(one_line(error))) from error
        except (Web3Exception, OSError) as error:
            raise click.ClickException(f"The node does not answer: {one_line(error)}") from error


class NetworkCommand(OneSentence, ConnectedProviderCommand):
    """The same, on the network of --network."""


def one_line(error: object) -> str:
    """The first line of an error's text, ended like a sentence."""
    line = (str(error).strip().splitlines() or ["Something failed without a reason"])[0].strip()
    line = line.removesuffix("Options:").strip()
    return line if line.endswith((".", "!", "?")) else line + "."


def connected(help_text: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """Decorator: a click command on the network of --network."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        return click.command(cls=NetworkCommand, help=help_text)(network_option(default=LOCAL)(function))

    return decorate


def standalone(help_text: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """Decorator: a click command that brings its own node."""
    return click.command(cls=OneSentence, help=help_text)


registry_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Registry of deployments.",
)
record_option = click.option(
    "--record", type=click.Path(path_type=Path), help="A deployment record outside the registry."
)
block_option = click.option("--block", type=int, help="Block to look at; the latest by default.")


def web3() -> Web3:
    """The connected node."""
    provider = ape.networks.active_provider
    if provider is None:
        raise click.ClickException("No network is connected.")
    return provider.web3  # type: ignore[attr-defined]


def recorded_chain(node: Web3, folder: Path, record: Path | None = None) -> Chain:
    """The contracts of a record, or of the registry's for the connected network.

    Raises DeploymentError if there is no record, or the node's chain has other contracts.
    """
    deployment = deployments.read(record) if record else deployments.load(*network_name(node), folder)
    chain = Chain(node, deployment)
    chain.require_code()
    return chain


def network_name(node: Web3) -> tuple[str, str]:
    """Ecosystem and network as the registry files them; any chain of Anvil's id is "local"."""
    network = ape.networks.active_provider.network  # type: ignore[union-attr]
    name = "local" if node.eth.chain_id in LOCAL_CHAIN_IDS else network.name
    return network.ecosystem.name, name


def is_ephemeral() -> bool:
    """True if the node ends with this script."""
    return getattr(ape.networks.active_provider, "process", None) is not None


class Artifacts:
    """Compiled contracts, read from what `make compile` left."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / ".build" / "__local__.json"
        self._types: dict[str, Any] = {}
        self.compiler: dict[str, str] = {}

    def __call__(self, name: str) -> Artifact:
        if not self._types:
            if not self.path.is_file():
                raise DeploymentError("The contracts are not compiled: run `make compile` first.")
            manifest = json.loads(self.path.read_text())
            self._types = manifest["contractTypes"]
            for compiler in manifest["compilers"]:
                self.compiler = {
                    "name": compiler["name"],
                    "version": compiler["version"],
                    "evm_version": compiler["settings"].get("evmVersion", ""),
                }
        if name not in self._types:
            raise DeploymentError(f"There is no compiled {name}: run `make compile` first.")
        kind = self._types[name]
        return Artifact(name, kind["abi"], kind["deploymentBytecode"]["bytecode"])


class ApeSender:
    """Sends with an account of Ape's."""

    def __init__(self, account: AccountAPI) -> None:
        self.account = account

    @property
    def address(self) -> str:
        return str(self.account.address)

    def send(self, to: str | None, data: str) -> dict[str, Any]:
        """Send and wait. Raises Reverted with the contracts' reason."""
        node = web3()
        provider = ape.networks.active_provider
        call: dict[str, Any] = {"from": self.address, "data": data}
        if to is not None:
            call["to"] = to
        try:
            gas = node.eth.estimate_gas(call) * 5 // 4  # type: ignore[arg-type]
        except (ContractLogicError, Web3Exception) as error:
            raise Reverted(reason_of(error)) from error
        fields: dict[str, Any] = {"data": data, "value": 0, "gas_limit": min(gas, 30_000_000)}
        if to is not None:
            fields["receiver"] = to
        transaction = provider.network.ecosystem.create_transaction(**fields)  # type: ignore[union-attr]
        try:
            receipt = self.account.call(transaction)
        except ApeException as error:
            raise Reverted(getattr(error, "revert_message", None) or one_line(error)) from error
        return dict(node.eth.get_transaction_receipt(receipt.txn_hash))


def deployer_account(alias: str | None, node: Web3) -> AccountAPI:
    """The account that sends: the one named, or a local network's test account. There it signs by itself."""
    is_local = node.eth.chain_id in LOCAL_CHAIN_IDS
    if alias is None and not is_local:
        raise click.ClickException("On a live network the deployer must be named: --account ALIAS.")
    try:
        account = ape.accounts.test_accounts[0] if alias is None else ape.accounts.load(alias)
    except (KeyError, ApeException) as error:
        raise click.ClickException(f"There is no account {alias!r}: see `ape accounts list`.") from error
    if is_local and hasattr(account, "set_autosign"):
        account.set_autosign(True)
    return account


def load_toml(path: Path) -> dict[str, Any]:
    """A parameters or scenario file."""
    if not path.is_file():
        raise click.ClickException(f"There is no file {path}.")
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise click.ClickException(f"{path} is not valid TOML: {one_line(error)}") from error


def quiet(arguments: Sequence[str] = ()) -> None:
    """Keep Ape's own log lines out of machine-readable output."""
    from ape.logging import logger

    logger.set_level("ERROR")
    sys.stdout.flush()
