"""Registry of deployments: deployments/<ecosystem>/<network>.json has all that a user needs beside a node.

A record keeps addresses, blocks, transactions, compiler, constructor arguments, parameters and ABIs.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eth_utils import is_address, to_checksum_address

from lastline.abi import PARTS, Abi, union

FORMAT = 1
ZERO_ADDRESS = "0x" + "00" * 20
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

    def who(self, name: str) -> str:
        """Address of somebody that parameters name: "deployer", "anyone" (the zero address) or an address."""
        if name == "deployer":
            return self.deployer
        return ZERO_ADDRESS if name == "anyone" else to_checksum_address(name)

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


@dataclass(frozen=True)
class Governance:
    """Who governs a deployment, as [governance] of its parameters has it. `safe_owners` and
    `safe_threshold` (how many of them must sign) None: not recorded.
    """

    owner: str  # of every contract that has one
    delay: int  # of the Timelock, seconds
    proposers: frozenset[str]
    executors: frozenset[str]
    safe: str | None = None
    safe_owners: frozenset[str] | None = None
    safe_threshold: int | None = None

    @classmethod
    def of(cls, deployment: Deployment) -> "Governance":
        """Raises DeploymentError if [governance] does not say who or what it should."""
        recorded = deployment.parameters.get("governance", {})
        try:
            named = [*recorded["proposers"], *recorded["executors"], *recorded.get("safe_owners", [])]
            delay, is_kept = int(recorded["timelock_delay_seconds"]), recorded.get("keep_deployer", False)
        except (KeyError, TypeError, ValueError) as error:
            raise DeploymentError(f"[governance] of the deployment is not complete: {error!r}.") from error
        for name in [*named, *([recorded["safe"]] if "safe" in recorded else [])]:
            if name not in ("deployer", "anyone") and not is_address(name):
                raise DeploymentError(f"[governance] names {name!r}, which is no address.")
        proposers = frozenset(map(deployment.who, recorded["proposers"]))
        owners = recorded.get("safe_owners")
        threshold = recorded.get("safe_threshold")
        safe = recorded.get("safe")
        if safe is None and (owners is not None or threshold is not None):
            if len(proposers) != 1:
                raise DeploymentError(
                    "[governance] has owners of a Safe, but several proposers: it needs `safe`."
                )
            (safe,) = proposers
        count = None if owners is None else len(set(map(deployment.who, owners)))
        if threshold is not None and not 1 <= int(threshold) <= (count or int(threshold)):
            raise DeploymentError(f"[governance] has a safe_threshold of {threshold}, of {count} owners.")
        return cls(
            deployment.deployer if is_kept else deployment.address("Timelock"),
            delay,
            proposers,
            frozenset(map(deployment.who, recorded["executors"])),
            None if safe is None else deployment.who(safe),
            None if owners is None else frozenset(map(deployment.who, owners)),
            None if threshold is None else int(threshold),
        )


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
