"""Deploys and wires the whole system, step by step, so that a second run finds every step done.

Knows nothing of Ape: whoever calls brings a Sender and the compiled artifacts. `parameters` is the
content of a parameters file (parameters/local.toml says what each entry means).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from eth_abi import encode
from eth_utils import keccak, to_checksum_address
from web3 import Web3

from lastline.abi import PARTS, WIRING, Abi, canonical
from lastline.chain import Chain, Sender
from lastline.deployments import ContractRecord, Deployment, DeploymentError
from lastline.units import WAD, to_units, wad
from lastline.words import SETTLED, LiquidationWord, MarginWords, PriceWord, cap_field, cap_of

ROLES = {
    name: 1 << place
    for place, name in enumerate(
        (
            "EXCHANGE",
            "LIQUIDATION_ENGINE",
            "LOSS_ALLOCATOR",
            "INSURANCE_FUND",
            "PRICE_ORACLE",
            "GUARDIAN",
            "TREASURY",
        )
    )
}
TIERS = {"DELEVERAGE": 1, "ROUND": 2, "CLOSE_AT_MARK": 3}
DEFAULT_POLICY = ["ROUND", "CLOSE_AT_MARK"]
OWNED = ("MarginVault", "PriceOracle", "Exchange", "LossAllocator", "InsuranceFund")
FEED_DECIMALS = 8


@dataclass(frozen=True)
class Artifact:
    """A compiled contract; `bytecode` is its init code in hex."""

    name: str
    abi: Abi
    bytecode: str


@dataclass(frozen=True)
class Step:
    """One wiring step: what it is for, whether the chain shows it done, and how to do it."""

    what: str
    is_done: Callable[[], bool]
    act: Callable[[], None]


def margin_config(market: dict[str, Any]) -> tuple[Any, ...]:
    """MarginConfig of a market's parameters."""
    margin = market["margin"]
    return (
        [wad(rate) for rate in margin["line_rates"]],
        [wad(amount) for amount in margin["line_deductions"]],
        wad(margin["initial_factor"]),
        int(margin["max_mark_age_seconds"]),
        int(margin["max_opening_age_seconds"]),
        [wad(rate) for rate in margin["class_rates"]],
        wad(margin["price_band"]),
        wad(margin["minimum_notional"]),
        wad(margin["open_interest_cap_quote"]),
        wad(margin["open_interest_cap_base"]),
        wad(margin["position_cap_quote"]),
        wad(margin["lower_cap_share"]),
    )


def liquidation_config(market: dict[str, Any]) -> tuple[Any, ...]:
    """LiquidationConfig of a market's parameters."""
    config = market["liquidation"]
    return (
        wad(config["target_health"]),
        wad(config["critical_health"]),
        wad(config["cost_slope"]),
        wad(config["fund_share"]),
        wad(config["deleverage_band"]),
        wad(config["auction_slippage"]),
        int(config["auction_seconds"]),
        wad(config["reward_rate"]),
        wad(config["reward_flat"]),
        wad(config["reward_cap"]),
        wad(config["dust"]),
        wad(config["max_mark_step"]),
    )


class Deployer:
    """Deploys what the record lacks, then makes the wiring so; `dry_run` only tells."""

    def __init__(
        self,
        web3: Web3,
        sender: Sender,
        artifact: Callable[[str], Artifact],
        record: Deployment,
        save: Callable[[Deployment], Any] = lambda record: None,
        tell: Callable[[str], None] = lambda line: None,
        dry_run: bool = False,
    ) -> None:
        self.web3 = web3
        self.sender = sender
        self.artifact = artifact
        self.record = record
        self.parameters = record.parameters
        self.save = save
        self.tell = tell
        self.dry_run = dry_run
        self.chain = Chain(web3, record)
        self.changes = 0

    def run(self) -> int:
        """Bring the deployment about; the number of transactions that were (or would be) sent."""
        try:
            self._deploy_all()
        except KeyError as error:
            raise DeploymentError(f"The parameters lack {error.args[0]!r}.") from error
        for step in self.steps():
            if step.is_done():
                continue
            self.changes += 1
            self.tell(step.what)
            if not self.dry_run:
                step.act()
                if not step.is_done():
                    raise DeploymentError(f"The chain does not show it done: {step.what}.")
        if not self.dry_run and (self.changes or not self.record.is_complete):
            self.record.is_complete = True
            self.record.markets = [
                {"id": index, "name": market["name"], "policy": market.get("policy", DEFAULT_POLICY)}
                for index, market in enumerate(self.parameters["markets"])
            ]
            self.save(self.record)
        return self.changes

    def wrong(self) -> list[str]:
        """What the chain does not show as the record says; nothing is sent."""
        out = [step.what for step in self.steps() if not step.is_done()]
        return out + [what for what, shown, wanted in self._wiring() if shown != wanted]

    def _wiring(self) -> Iterator[tuple[str, Any, Any]]:
        """What constructors have wired for ever: name, what the chain shows, what it must be."""
        vault, token = self.record.address("MarginVault"), self.record.address("Collateral")
        for name in ("Exchange", "LiquidationEngine", "LossAllocator", "VaultLens", "InsuranceFund"):
            yield f"vault of {name}", self._view(name, "vault"), vault
        for name in ("MarginVault", "InsuranceFund"):
            yield f"token of {name}", self._view(name, "token"), token
        yield (
            "fund of CommunityPool",
            self._view("CommunityPool", "fund"),
            self.record.address("InsuranceFund"),
        )
        yield "token of CommunityPool", self._view("CommunityPool", "asset"), token
        config = keccak(encode(["address", "uint256"], [token, self._view("Collateral", "decimals")]))
        for part in PARTS[:-1]:
            yield f"configuration of {part}", self._view(part, "config_hash"), config
        delay = int(self.parameters["governance"]["timelock_delay_seconds"])
        yield "delay of the Timelock", self._view("Timelock", "get_minimum_delay"), delay
        if self.parameters["governance"].get("keep_deployer", False):
            for name in OWNED:
                yield f"owner of {name}", self._view(name, "owner"), self.record.deployer

    # --- contracts ------------------------------------------------------------------------------------------

    def _deploy_all(self) -> None:
        p = self.parameters
        decimals = self._collateral()
        if self.dry_run and len(self.record.contracts) < len(PARTS):
            self._tell_all()
            return
        token = self.record.address("Collateral")
        me = self.sender.address
        for name, others in WIRING.items():
            owner = [me] if name == "MarginVault" else []
            self._deploy(name, name, token, *(self.record.address(other) for other in others), *owner)
        vault = self.record.address("MarginVault")
        self._deploy("PriceOracle", "PriceOracle", me)
        self._deploy("Exchange", "Exchange", me, vault)
        self._deploy("LiquidationEngine", "LiquidationEngine", vault)
        self._deploy("LossAllocator", "LossAllocator", me, vault)
        self._deploy("VaultLens", "VaultLens", vault)
        fund = p["fund"]
        self._deploy(
            "InsuranceFund",
            "InsuranceFund",
            token,
            me,
            (
                wad(fund["daily_cap_share"]),
                wad(fund["share_below_target"]),
                wad(fund["share_at_target"]),
                to_units(fund["target_floor"], decimals),
                self._limits(fund["default_limits"], decimals),
            ),
        )
        pool = p["pool"]
        self._deploy(
            "CommunityPool",
            "CommunityPool",
            token,
            self.record.address("InsuranceFund"),
            (
                int(pool["entry_delay_seconds"]),
                int(pool["cooldown_seconds"]),
                int(pool["window_seconds"]),
                int(pool["payout_delay_seconds"]),
                int(pool["vesting_seconds"]),
                wad(pool["lapse_fee"]),
            ),
        )
        governance = p["governance"]
        self._deploy(
            "Timelock",
            "Timelock",
            int(governance["timelock_delay_seconds"]),
            [self.record.who(name) for name in governance["proposers"]],
            [self.record.who(name) for name in governance["executors"]],
        )
        for index, market in enumerate(p["markets"]):
            oracle = market["oracle"]
            self._mock_feeds(f"Feed{index}", oracle["feeds"])
            self._mock_feeds(f"PerpetualFeed{index}", oracle.get("perpetual", {}).get("feeds", []))

    def _mock_feeds(self, key: str, feeds: list[dict[str, Any]]) -> None:
        for n, feed in enumerate(feeds):
            if "mock_price" in feed:
                self._require_local("A mock feed")
                answer = to_units(feed["mock_price"], FEED_DECIMALS)
                self._deploy(f"{key}.{n}", "MockAggregator", FEED_DECIMALS, answer)

    def _tell_all(self) -> None:
        """A dry run before the first deployment: what there is to deploy."""
        names = [
            *PARTS,
            "PriceOracle",
            "Exchange",
            "LiquidationEngine",
            "LossAllocator",
            "VaultLens",
            "InsuranceFund",
            "CommunityPool",
            "Timelock",
        ]
        for name in names:
            if name not in self.record.contracts:
                self.changes += 1
                self.tell(f"deploy {name}")

    def _collateral(self) -> int:
        collateral = self.parameters["collateral"]
        if "token" in collateral:
            address = to_checksum_address(collateral["token"])
            if "Collateral" not in self.record.contracts:
                code = bytes(self.web3.eth.get_code(address))
                if not code:
                    raise DeploymentError(f"There is no token at {address}.")
                self.record.contracts["Collateral"] = ContractRecord(
                    "MockERC20", address, self.web3.eth.block_number, "", [], _hash(code)
                )
                self.record.abis["MockERC20"] = self.artifact("MockERC20").abi
        else:
            self._require_local("A mock token")
            if not (self.dry_run and "Collateral" not in self.record.contracts):
                self._deploy("Collateral", "MockERC20", int(collateral["mock_decimals"]))
        if "Collateral" not in self.record.contracts:
            return int(collateral["mock_decimals"])
        return int(self.chain.call("Collateral", "decimals"))

    def _deploy(self, key: str, name: str, *arguments: Any) -> None:
        if key in self.record.contracts:
            return
        self.changes += 1
        self.tell(f"deploy {key}")
        if self.dry_run:
            return
        artifact = self.artifact(name)
        constructor = next(
            (entry for entry in artifact.abi if entry["type"] == "constructor"), {"inputs": []}
        )
        data = encode([canonical(parameter) for parameter in constructor["inputs"]], arguments)
        receipt = self.sender.send(None, "0x" + artifact.bytecode.removeprefix("0x") + data.hex())
        address = to_checksum_address(receipt["contractAddress"])
        code = bytes(self.web3.eth.get_code(address))
        if not code:
            raise DeploymentError(f"The deployment of {key} left no code at {address}.")
        self.record.contracts[key] = ContractRecord(
            name,
            address,
            int(receipt["blockNumber"]),
            _hex(receipt["transactionHash"]),
            _plain(arguments),
            _hash(code),
        )
        self.record.abis[name] = artifact.abi
        self.save(self.record)

    # --- wiring ---------------------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """Every wiring step in order. Steps that need a contract not deployed yet (dry run) are left out."""
        if "Timelock" not in self.record.contracts:
            return
        p = self.parameters
        decimals = int(self.chain.call("Collateral", "decimals"))
        yield from self._role_steps()
        yield self._set(
            "funding share",
            "MarginVault",
            "set_funding_share",
            [wad(p["vault"]["funding_share"])],
            lambda: self._view("MarginVault", "settings")[0],
        )
        yield self._set(
            "length of maturity batches",
            "MarginVault",
            "set_batch_seconds",
            [int(p["vault"]["batch_seconds"])],
            lambda: self._view("MarginVault", "settings")[1],
        )
        yield self._step(
            "let the fund pay the vault",
            lambda: self._view("InsuranceFund", "vault") == self.record.address("MarginVault"),
            ("InsuranceFund", "set_vault", self.record.address("MarginVault")),
        )
        yield self._step(
            "the pool behind the fund",
            lambda: self._view("InsuranceFund", "community_pool") == self.record.address("CommunityPool"),
            ("InsuranceFund", "set_pool", self.record.address("CommunityPool")),
        )
        yield self._set(
            "share of inflows to the pool",
            "InsuranceFund",
            "set_pool_share",
            [wad(p["pool"]["inflow_share"])],
            lambda: self._view("InsuranceFund", "pool_share"),
        )
        yield from self._fund_steps(p["fund"], decimals)
        for index, market in enumerate(p["markets"]):
            yield from self._market_steps(index, market, decimals)
        capital = to_units(p["fund"].get("mock_capital", "0"), decimals)
        if capital:
            yield from self._capital_steps(capital)
        if not p["governance"].get("keep_deployer", False):
            yield from self._hand_over_steps()
        else:
            self._require_local("keep_deployer")

    def _fund_steps(self, fund: dict[str, Any], decimals: int) -> Iterator[Step]:
        """What the fund has beyond its constructor; what is left out stays as the contract has it."""
        if "modes" in fund:
            modes = fund["modes"]
            names = ("caution_coverage", "restricted_coverage", "adl_drawdown", "ease_margin")
            terms = (
                *(wad(modes[name]) for name in names),
                int(modes["confirm_seconds"]),
                int(modes["ease_seconds"]),
                wad(modes["caution_multiplier"]),
            )
            yield self._step(
                "set what the risk mode follows",
                lambda: tuple(self._view("InsuranceFund", "mode_terms")) == terms,
                ("InsuranceFund", "set_mode_terms", terms),
            )
        if "concentration_share" in fund:
            yield self._set(
                "what the largest positions add to the target",
                "InsuranceFund",
                "set_concentration_share",
                [wad(fund["concentration_share"])],
                lambda: self._view("InsuranceFund", "concentration_share"),
            )
        if "custody" in fund:
            safe = to_checksum_address(fund["custody"]["cold_safe"])
            ceiling = to_units(fund["custody"]["hot_ceiling"], decimals)
            yield self._step(
                "set the cold Safe and the hot ceiling",
                lambda: (
                    (self._view("InsuranceFund", "cold_safe"), self._view("InsuranceFund", "hot_ceiling"))
                    == (safe, ceiling)
                ),
                ("InsuranceFund", "set_custody", safe, ceiling),
            )

    def _role_steps(self) -> Iterator[Step]:
        governance = self.parameters["governance"]
        holders = {
            "EXCHANGE": self.record.address("Exchange"),
            "LIQUIDATION_ENGINE": self.record.address("LiquidationEngine"),
            "LOSS_ALLOCATOR": self.record.address("LossAllocator"),
            "INSURANCE_FUND": self.record.address("InsuranceFund"),
            "PRICE_ORACLE": self.record.address("PriceOracle"),
            "GUARDIAN": self.record.who(governance["guardian"]),
            "TREASURY": self.record.who(governance["treasury"]),
        }
        for role, holder in holders.items():
            yield self._set(
                f"role {role}",
                "MarginVault",
                "set_role",
                [ROLES[role], holder],
                lambda role=role: self._view("MarginVault", "role_holder", ROLES[role]),
            )

    def _market_steps(self, index: int, market: dict[str, Any], decimals: int) -> Iterator[Step]:
        oracle = market["oracle"]
        feeds = self._feeds(f"Feed{index}", oracle["feeds"])
        quorum, deviation = int(oracle["quorum"]), wad(oracle["max_deviation"])

        def has_feeds() -> bool:
            config = self._view("PriceOracle", "config", index)
            return ([tuple(feed[:4]) for feed in config[0]], config[1], config[2]) == (
                feeds,
                quorum,
                deviation,
            )

        name = market["name"]
        yield self._step(
            f"feeds of {name}", has_feeds, ("PriceOracle", "set_feeds", index, feeds, quorum, deviation)
        )
        yield from self._funding_steps(index, market)
        yield self._step(
            f"market {name}",
            lambda: self._view("MarginVault", "market_count") > index and self._is_configured(index, market),
            (
                "MarginVault",
                "add_market",
                margin_config(market),
                liquidation_config(market),
                bool(market.get("has_fine_ticks", False)),
            ),
        )
        yield self._step(
            f"fees of {name}",
            lambda: (
                list(self._view("Exchange", "fee_rates", index))
                == [wad(market["fees"]["maker_rate"]), wad(market["fees"]["taker_rate"])]
            ),
            (
                "Exchange",
                "set_fee_rates",
                index,
                wad(market["fees"]["maker_rate"]),
                wad(market["fees"]["taker_rate"]),
            ),
        )
        if "rate_limit" in market:
            capacity = wad(market["rate_limit"]["capacity"])
            refill_seconds = int(market["rate_limit"]["refill_seconds"])
            yield self._step(
                f"limit of liquidations in {name}",
                lambda: (
                    tuple(self._view("LiquidationEngine", "rate_limit_state", index))[:2]
                    == (capacity, refill_seconds)
                ),
                ("LiquidationEngine", "set_rate_limit", index, capacity, refill_seconds),
            )
        tiers = [TIERS[tier] for tier in market.get("policy", DEFAULT_POLICY)]
        yield self._set(
            f"policy of {name}",
            "LossAllocator",
            "set_policy",
            [index, tiers],
            lambda: list(self._view("LossAllocator", "policy", index)),
        )
        if "fund_limits" in market:
            limits = self._limits(market["fund_limits"], decimals)
            yield self._set(
                f"fund limits of {name}",
                "InsuranceFund",
                "set_market_limits",
                [index, limits],
                lambda: tuple(self._view("InsuranceFund", "market_limits", index)),
            )
        yield self._step(
            f"first mark of {name}",
            lambda: self._view("MarginVault", "mark", index) != 0,
            ("MarginVault", "update_mark", index),
        )

    def _feeds(self, key: str, feeds: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        """FeedConfig of each feed."""
        return [
            (
                self.record.address(f"{key}.{n}")
                if "mock_price" in feed
                else to_checksum_address(feed["address"]),
                int(feed["heartbeat_seconds"]),
                int(feed["min_answer"]),
                int(feed["max_answer"]),
            )
            for n, feed in enumerate(feeds)
        ]

    def _funding_steps(self, index: int, market: dict[str, Any]) -> Iterator[Step]:
        """What makes a market's basis and funding rate."""
        oracle, name = market["oracle"], market["name"]
        if "perpetual" in oracle:
            perpetual = oracle["perpetual"]
            feeds = self._feeds(f"PerpetualFeed{index}", perpetual["feeds"])
            numbers = [
                int(perpetual["quorum"]),
                wad(perpetual["max_deviation"]),
                int(perpetual["basis_window_seconds"]),
                wad(perpetual["basis_clamp"]),
            ]

            def has_feeds() -> bool:
                _, _, _, shown, window, clamp, *_ = self._view("PriceOracle", "config", index)
                return ([tuple(feed[:4]) for feed in shown[0]], [*shown[1:], window, clamp]) == (
                    feeds,
                    numbers,
                )

            yield self._step(
                f"perpetual's feeds of {name}",
                has_feeds,
                ("PriceOracle", "set_perpetual_feeds", index, feeds, *numbers),
            )
        terms = [wad(oracle["interest_rate"]), wad(oracle["funding_clamp"])]
        yield self._step(
            f"funding of {name}",
            lambda: list(self._view("PriceOracle", "config", index)[6:]) == terms,
            ("PriceOracle", "set_funding", index, *terms),
        )

    def _is_configured(self, index: int, market: dict[str, Any]) -> bool:
        words = self._view("MarginVault", "market_words", index)
        if PriceWord.of(words[0]).status == SETTLED:
            return True  # its terms are final, and no longer the parameters'
        margin = MarginWords.of(words[4], words[5], words[6])
        *wanted, quote_cap, base_cap, position_cap, lower_cap_share = margin_config(market)
        # The vault keeps caps to eleven bits.
        wanted += [cap_of(cap_field(cap)) for cap in (quote_cap, base_cap, position_cap)]
        wanted.append(lower_cap_share or WAD)
        shown = [
            [rate for rate, _ in margin.lines],
            [deduction for _, deduction in margin.lines],
            margin.initial_factor,
            margin.max_mark_age,
            margin.max_opening_age,
            list(margin.class_rates),
            margin.price_band,
            margin.minimum_notional,
            margin.open_interest_cap_quote,
            margin.open_interest_cap_base,
            margin.position_cap_quote,
            margin.lower_cap_share,
        ]
        liquidation = LiquidationWord.of(words[7])
        return shown == wanted and tuple(vars(liquidation).values()) == liquidation_config(market)

    def _capital_steps(self, capital: int) -> Iterator[Step]:
        self._require_local("Mock capital")
        fund = self.record.address("InsuranceFund")

        def act() -> None:
            self.chain.send(self.sender, "Collateral", "mint", self.sender.address, capital)
            self.chain.send(self.sender, "Collateral", "approve", fund, capital)
            self.chain.send(self.sender, "InsuranceFund", "add_capital", capital)

        source_capital = 1 << 3
        yield Step(
            "capital of the fund",
            lambda: self._view("InsuranceFund", "total_in", source_capital) >= capital,
            act,
        )

    def _hand_over_steps(self) -> Iterator[Step]:
        """Last of all: the Timelock becomes the owner of everything that has one."""
        timelock = self.record.address("Timelock")
        calls = []
        for name in OWNED:
            yield self._step(
                f"offer {name} to the Timelock",
                lambda name=name: timelock in (self._view(name, "owner"), self._view(name, "pending_owner")),
                (name, "transfer_ownership", timelock),
            )
            calls.append((self.record.address(name), 0, keccak(text="accept_ownership()")[:4]))
        batch = ([target for target, _, _ in calls], [0] * len(calls), [data for _, _, data in calls])
        empty, salt = b"\0" * 32, keccak(text="lastline: accept ownership")
        delay = int(self.parameters["governance"]["timelock_delay_seconds"])
        operation = self._view("Timelock", "hash_operation_batch", *batch, empty, salt)
        yield self._step(
            "schedule the Timelock's acceptance",
            lambda: self._view("Timelock", "is_operation", operation),
            ("Timelock", "schedule_batch", *batch, empty, salt, delay),
        )
        if self.dry_run and not self._view("Timelock", "is_operation", operation):
            return
        is_done = self._view("Timelock", "is_operation_done", operation)
        if not is_done and not self._view("Timelock", "is_operation_ready", operation):
            when = self._view("Timelock", "get_timestamp", operation)
            self.tell(
                f"the Timelock can accept from {when} (seconds since 1970) on: run this script again then"
            )
            return
        yield self._step(
            "let the Timelock accept",
            lambda: all(self._view(name, "owner") == timelock for name in OWNED),
            ("Timelock", "execute_batch", *batch, empty, salt),
        )

    # --- helpers --------------------------------------------------------------------------------------------

    def _view(self, name: str, method: str, *arguments: Any) -> Any:
        return self.chain.call(name, method, *arguments)

    def _step(self, what: str, is_done: Callable[[], bool], call: tuple[Any, ...]) -> Step:
        name, method, *arguments = call

        def act() -> None:
            self.chain.send(self.sender, name, method, *arguments)

        return Step(what, is_done, act)

    def _set(self, what: str, name: str, method: str, arguments: list[Any], read: Callable[[], Any]) -> Step:
        """A setter whose last argument is what `read` shows afterwards."""
        return self._step(f"set {what}", lambda: read() == arguments[-1], (name, method, *arguments))

    def _limits(self, limits: dict[str, Any], decimals: int) -> tuple[int, int, int]:
        return (
            to_units(limits["draw_cap"], decimals),
            wad(limits["draw_share"]),
            wad(limits["stress_share"]),
        )

    def _require_local(self, what: str) -> None:
        if self.record.network != "local":
            raise DeploymentError(f"{what} is for local networks only, this is {self.record.network}.")


def _hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()


def _hex(worth: Any) -> str:
    return worth if isinstance(worth, str) else "0x" + bytes(worth).hex()


def _plain(worth: Any) -> Any:
    """Arguments as JSON has them; integers beyond 2**53 as strings."""
    if isinstance(worth, bytes):
        return "0x" + worth.hex()
    if isinstance(worth, tuple | list):
        return [_plain(part) for part in worth]
    if isinstance(worth, int) and abs(worth) >= 2**53:
        return str(worth)
    return worth


def require_same_parameters(record: Deployment, parameters: dict[str, Any]) -> None:
    """Raises DeploymentError if a record was made with other parameters."""
    for section in sorted({*record.parameters, *parameters}):
        if record.parameters.get(section) != parameters.get(section):
            raise DeploymentError(
                f"The parameters differ from the recorded deployment in [{section}]: "
                "changes of a live system go through governance."
            )
