"""A deployment of the whole system on an Anvil of its own, shared by the tests of a module."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ape
import pytest
from click.testing import CliRunner, Result
from eth_account import Account
from eth_utils import keccak
from web3 import Web3

from lastline import deployments
from lastline.accounts import account_id
from lastline.chain import Chain, KeySender
from lastline.deployer import Deployer
from lastline.deployments import Deployment
from lastline.orders import Order, SignedOrder, sign
from lastline.units import to_units, wad
from lastline.views import VAULT
from scripts._anvil import anvil
from scripts._ape import Artifacts, load_toml

ROOT = Path(__file__).resolve().parents[2]
GAS = 14_000_000
FEE = 20 * 10**9
TOKEN_DECIMALS = 6


@dataclass
class System:
    """The deployed system, and actors by their names."""

    node: Web3
    chain: Chain
    deployer: KeySender
    folder: Path
    actors: dict[str, KeySender] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.node.provider.endpoint_uri)  # type: ignore[attr-defined]

    def rpc(self, method: str, *parameters: Any) -> Any:
        answer = self.node.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def actor(self, name: str) -> KeySender:
        if name not in self.actors:
            key = Account.from_key(keccak(text=f"lastline integration: {name}"))
            self.rpc("anvil_setBalance", key.address, hex(10**20))
            self.actors[name] = KeySender(self.node, key, GAS, FEE)
        return self.actors[name]

    def account(self, name: str) -> int:
        return account_id(self.actor(name).address)

    def fund(self, name: str, quote: str) -> int:
        """Deposit for an actor; the account id."""
        sender, tokens = self.actor(name), to_units(quote, TOKEN_DECIMALS)
        self.chain.send(self.deployer, "Collateral", "mint", sender.address, tokens)
        self.chain.send(sender, "Collateral", "approve", self.chain.deployment.address(VAULT), tokens)
        self.chain.send(sender, VAULT, "deposit", self.account(name), tokens)
        return self.account(name)

    def set_price(self, price: str, seconds: int = 60, market: int = 0) -> None:
        """The index and, if there is one, the perpetual: without a premium."""
        self.rpc("evm_increaseTime", seconds)
        for feed in (f"Feed{market}.0", f"PerpetualFeed{market}.0"):
            if feed in self.chain.deployment.contracts:
                self.chain.send(self.deployer, feed, "set_answer", to_units(price, 8))
        self.chain.send(self.deployer, VAULT, "update_mark", market)

    def signed(
        self, name: str, size: str, price: str | None = None, market: int = 0, **changes: Any
    ) -> SignedOrder:
        account = self.account(name)
        self.numbers[account] = self.numbers.get(account, 0) + 1
        at = self.chain.call(VAULT, "mark", market) if price is None else wad(price)
        expiry = self.node.eth.get_block("latest")["timestamp"] + 3600
        fields = {"sequence": self.numbers[account], **changes}
        order = Order(account, market, wad(size), at, expiry, **fields)
        return sign(
            order, self.actor(name).key, self.chain.deployment.address("Exchange"), self.node.eth.chain_id
        )

    def trade(self, taker: str, size: str, *makers: SignedOrder, market: int = 0) -> dict[str, Any]:
        limit = 2**200 if wad(size) > 0 else 0
        arguments = (self.account(taker), market, wad(size), limit, abs(wad(size)), False, 10**15)
        makers_values = [maker.values for maker in makers]
        return self.chain.send(self.actor(taker), "Exchange", "trade", *arguments, makers_values)

    def position(self, name: str, market: int = 0) -> int:
        return self.chain.call(VAULT, "position_state", self.account(name), market)[0]


@pytest.fixture(scope="session")
def artifacts() -> Artifacts:
    return Artifacts(Path(ape.project.path))


@pytest.fixture(scope="session")
def parameters() -> dict[str, Any]:
    return load_toml(ROOT / "parameters" / "local.toml")


@pytest.fixture(scope="session")
def deploy(artifacts: Artifacts) -> Callable[..., tuple[Deployer, Deployment]]:
    """Run the deployer on a node with parameters, going on from a record if there is one."""

    def run(
        node: Web3, parameters: dict[str, Any], folder: Path | None = None, record: Deployment | None = None
    ) -> tuple[Deployer, Deployment]:
        deployer = KeySender(node, Account.from_key(keccak(text="lastline integration: deployer")), GAS, FEE)
        node.provider.make_request("anvil_setBalance", [deployer.address, hex(10**21)])  # type: ignore[arg-type]
        if record is None:
            artifacts("MarginVault")
            record = Deployment(
                "ethereum",
                "local",
                node.eth.chain_id,
                deployer.address,
                artifacts.compiler,
                copy.deepcopy(parameters),
            )

        def save(state: Deployment) -> None:
            if folder is not None:
                deployments.save(state, folder)

        made = Deployer(node, deployer, artifacts, record, save)
        made.run()
        return made, record

    return run


@pytest.fixture(scope="module")
def system(
    deploy: Callable[..., Any], parameters: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    with anvil() as node:
        folder = tmp_path_factory.mktemp("deployments")
        made, record = deploy(node, parameters, folder)
        yield System(node, Chain(node, record), made.sender, folder)


@pytest.fixture
def unchanged(system: System) -> Iterator[None]:
    """What a test does to the chain is undone after it."""
    snapshot = system.rpc("evm_snapshot")
    yield
    system.rpc("evm_revert", snapshot)
    system.actors.clear()
    system.numbers.clear()
    system.deployer.forget_nonce()


@pytest.fixture
def run_script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a script's command in this process, from the project's folder."""

    def run(command: Any, *arguments: str) -> Result:
        monkeypatch.chdir(ROOT)
        return CliRunner().invoke(command, list(arguments), catch_exceptions=False)

    return run
