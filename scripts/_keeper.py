"""A replay in which the scenario plays prices, traders' orders and deposits, and a keeper alone does the
rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3

from lastline.chain import Chain, KeySender
from lastline.keeper import Config, Keeper
from lastline.units import WAD, to_tokens, wad
from lastline.views import VAULT
from scripts._scenario import GAS, Happened, Run, ScenarioError

# The crash must be over so many blocks after the last shock.
MAX_BLOCKS = 30
# Between two blocks while the keeper works; traders come in every second.
BLOCK_SECONDS = 12
TRADER_SECONDS = 1
# Work that a price made necessary; marks and fees are due without a crash.
CRISIS_KINDS = ("take_over", "absorb", "pay_claims", "resolve", "buy_inventory")


@dataclass(frozen=True)
class Shock:
    """A price that made work: how many blocks until nothing was left, and what is if it was not done in
    time.
    """

    time: str
    price: str
    blocks: int
    left: tuple[str, ...]


def keeper_config(folder: Path | None = None, reward_account: int = 0) -> Config:
    """A keeper that does all public work, of a time when ETH was worth 150."""
    return Config(
        state_file=folder / "keeper-state.json" if folder else None,
        metrics_file=folder / "keeper-metrics.txt" if folder else None,
        reward_account=reward_account,
        is_public_good=True,
        buys_at_mark=True,
        eth_price=150 * WAD,
        min_profit=0,
        risk_margin=wad("0.0002"),
        margin_share=wad("0.8"),
    )


def make_keeper(chain: Chain, key: LocalAccount, config: Config) -> Keeper:
    """A keeper with a connection of its own, as another process has it."""
    node = Web3(HTTPProvider(chain.web3.provider.endpoint_uri, {"timeout": 120}))  # type: ignore[attr-defined]
    return Keeper(Chain(node, chain.deployment), KeySender(node, key, GAS, fee=20 * 10**9), config)


class KeptRun(Run):
    """One replay with a keeper. `shocks`: what it had to do, price by price."""

    def __init__(
        self,
        chain: Chain,
        scenario: dict[str, Any],
        deployer: KeySender,
        tell: Callable[[Happened], None],
        config: Config,
    ) -> None:
        super().__init__(chain, scenario, deployer, tell)
        self.config = config
        self.relay = self.maker
        self.liquidators = []
        self.shocks: list[Shock] = []
        self.bot = self.new_keeper()

    def new_keeper(self) -> Keeper:
        """A keeper that goes on from the state file, or from nothing if there is none."""
        return make_keeper(self.chain, self.keeper.sender.key, self.config)

    def fund(self) -> None:
        """The market maker's deposit, and the keeper's: as much as liquidators and buyer have without a
        keeper.
        """
        population = self.scenario["population"]
        self.deposit(self.maker, wad(population["market_maker"]["deposit"]))
        liquidators = population["liquidators"]
        amount = liquidators["count"] * wad(liquidators["deposit"])
        amount += wad(population["inventory_buyer"]["deposit"])
        tokens = to_tokens(amount, self.token_decimals)
        # Paid in by somebody else: nobody but the keeper sends with its key.
        self.rpc("anvil_setBalance", self.keeper.sender.address, hex(100 * 10**18))
        self.chain.send(self.deployer, "Collateral", "mint", self.deployer.address, tokens)
        vault = self.chain.deployment.address(VAULT)
        self.chain.send(self.deployer, "Collateral", "approve", vault, tokens)
        self.chain.send(self.deployer, VAULT, "deposit", self.keeper.account, tokens)
        self.keeper.deposited += amount
        self.rpc("anvil_setBlockTimestampInterval", TRADER_SECONDS)

    def update_mark(self, market: int) -> None:
        """The keeper does."""

    def collect(self) -> None:
        """The keeper does."""
        self.work()

    def look_after(self, time: int) -> None:
        """The keeper does."""
        self.work()
        self.look()

    def move_to(self, time: int, price: str) -> None:
        super().move_to(time, price)
        if self.line.time == "afterwards":
            self.work()

    def work(self) -> None:
        """Let the keeper work, block by block, until there is nothing left to do."""
        first = self.web3.eth.block_number
        self.rpc("anvil_setBlockTimestampInterval", BLOCK_SECONDS)
        kinds: set[str] = set()
        while True:
            report = self.bot.step()
            kinds |= {outcome.action.kind for outcome in report.done}
            left = self.unresolved()
            if not left or self.web3.eth.block_number - first >= MAX_BLOCKS:
                break
            if not report.done:
                self.rpc("evm_mine")
        last = self.web3.eth.block_number
        self.rpc("anvil_setBlockTimestampInterval", TRADER_SECONDS)
        if kinds & set(CRISIS_KINDS) or left:
            self.shocks.append(Shock(self.line.time, self.line.price, last - first, tuple(left)))
            self._tell_work(first, last, left)

    def _tell_work(self, first: int, last: int, left: list[str]) -> None:
        events = self.chain.events([VAULT], first + 1, last)
        taken = sum(event.name == "TakenOver" for event in events)
        absorbed = sum(event.name == "AccountAbsorbed" for event in events)
        sold = sum(event.name == "InventorySold" for event in events)
        self.liquidations += taken
        self.absorptions += absorbed
        for count, what in ((taken, "take-overs"), (absorbed, "absorbed"), (sold, "inventories bought")):
            if count:
                self.line.what.append(f"{count} {what}")
        self.line.what += [line for line in map(self._tell_tier, events) if line]
        blocks = last - first
        self.line.what.append(
            f"left after {blocks} blocks: {', '.join(left)}" if left else f"resolved in {blocks} blocks"
        )

    def unresolved(self) -> list[str]:
        """What the crash has left, by the vault's own views: unhealthy accounts, claims, inventories."""
        left = []
        unhealthy = sum(state[3] < max(state[4], 0) for _, state in self._states())
        if unhealthy:
            left.append(f"{unhealthy} unhealthy accounts")
        for market in self.markets:
            dust = wad(self.scenario["deployment"]["markets"][market]["liquidation"]["dust"])
            state = self.chain.call(VAULT, "inventory_state", market)
            if state[4] > dust:
                left.append(f"market {market}: claims")
            if abs(state[0]) * self.chain.call(VAULT, "mark", market) > dust * WAD:
                left.append(f"market {market}: inventory")
        return left

    def require_resolved(self) -> Shock:
        """The last shock. Raises ScenarioError if any was not resolved in MAX_BLOCKS blocks, or there was
        none.
        """
        if not self.shocks:
            raise ScenarioError("No price of this scenario gave the keeper anything to do.")
        for shock in self.shocks:
            if shock.left or shock.blocks > MAX_BLOCKS:
                what = ", ".join(shock.left) or "nothing"
                raise ScenarioError(f"{shock.blocks} blocks after the shock of {shock.time} is left: {what}.")
        return self.shocks[-1]
