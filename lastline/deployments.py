"""Registry of deployments: deployments/<ecosystem>/<network>.json has all that a user needs beside a node.

A record keeps addresses, blocks, transactions, compiler, constructor arguments, parameters and ABIs.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lastline.abi import PARTS, Abi, union

FORMAT = 1
DEFAULT_FOLDER = Path("deployments")


class DeploymentError(Exception):
    """Something about a deployment record that the user has to know; one clear sentence."""


@dataclass
class ContractRecord:
    """One deployed contract. `code_hash` is keccak256 of the code found at the address after deployment."""

    name: str
    address: str
    block: int
    transaction: str
    arguments: list[Any]
    code_hash: str


@dataclass
class Deployment:
    """What was deployed, where, by whom, from what and with which parameters."""

    ecosystem: str
    network: str
    chain_id: int
    deployer: str
    compiler: dict[str, str]
    parameters: dict[str, Any]
    contracts: dict[str, ContractRecord] = field(default_factory=dict)
    markets: list[dict[str, Any]] = field(default_factory=list)
    abis: dict[str, Abi] = field(default_factory=dict)
    is_complete: bool = False

    def address(self, name: str) -> str:
        """Address of a contract by its name in the record. Raises DeploymentError if it has none."""
        if name not in self.contracts:
            raise DeploymentError(f"The deployment on {self.ecosystem}/{self.network} has no {name}.")
        return self.contracts[name].address

    @property
    def first_block(self) -> int:
        """Block from which on the deployment's events are found."""
        return min((record.block for record in self.contracts.values()), default=0)

    def abi(self, name: str) -> Abi:
        """ABI of a contract; the vault's is the union of the kernel's parts."""
        if name == "MarginVault":
            return union(self.abis[part] for part in PARTS)
        contract = self.contracts[name].name if name in self.contracts else name
        if contract not in self.abis:
            raise DeploymentError(
                f"The deployment on {self.ecosystem}/{self.network} has no ABI of {contract}."
            )
        return self.abis[contract]


def path_of(ecosystem: str, network: str, folder: Path | str = DEFAULT_FOLDER) -> Path:
    """File of a deployment record."""
    return Path(folder) / ecosystem / f"{network}.json"


def load(ecosystem: str, network: str, folder: Path | str = DEFAULT_FOLDER) -> Deployment:
    """Read a record. Raises DeploymentError if there is none or it is not a record of this format."""
    return read(path_of(ecosystem, network, folder))


def read(path: Path | str) -> Deployment:
    """Read a record from a file. Raises DeploymentError as `load` does."""
    path = Path(path)
    if not path.is_file():
        raise DeploymentError(f"There is no deployment record {path}: run `ape run deploy` first.")
    try:
        data = json.loads(path.read_text())
        if data.pop("format") != FORMAT:
            raise DeploymentError(f"The deployment record {path} has another format than this version reads.")
        data["contracts"] = {key: ContractRecord(**record) for key, record in data["contracts"].items()}
        return Deployment(**data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeploymentError(f"The deployment record {path} is damaged: {error!r}.") from error


def save(deployment: Deployment, folder: Path | str = DEFAULT_FOLDER) -> Path:
    """Write a record, all or nothing, and give its path."""
    path = path_of(deployment.ecosystem, deployment.network, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".json.new")
    draft.write_text(json.dumps({"format": FORMAT, **asdict(deployment)}, indent=1) + "\n")
    draft.replace(path)
    return path
