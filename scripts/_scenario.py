"""Replays a scenario on Anvil through the public entry points only, and keeps count of what happened.

Amounts are integers with 18 decimals unless a name says tokens.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from eth_account import Account
from eth_utils import keccak
from web3 import Web3

from lastline.accounts import account_id
from lastline.chain import Chain, KeySender, Reverted
from lastline.orders import MAX_MAKERS, Order, SignedOrder, sign
from lastline.units import WAD, to_decimal, to_tokens, to_units, wad
from lastline.views import FUND, RISK_MODES, VAULT
from lastline.words import AccountWord, SystemWord

FEED_DECIMALS = 8
GAS = 14_000_000
MAX_PRICE = 2**200
MAX_COHORTS = 200
MAX_RESOLVE_CALLS = 8
ABSORB_BATCH = 16
# What is refused in the ordinary course of a crisis; anything else ends the run.
EXPECTED = (
    "crisis: ",
    "allocator: nothing to do",
    "claims: older claim first",
    "margin: ",
    "vault: past limit price",
)


class ScenarioError(Exception):
    """The scenario cannot go on; one clear sentence."""


@dataclass
class Actor:
    """Somebody with a key and one account."""

    name: str
    sender: KeySender
    account: int
    deposited: int = 0
    withdrawn: int = 0


@dataclass
class Trader(Actor):
    """One of the population; leverage in tenths, size in lots."""

    market: int = 0
    is_long: bool = True
    lots: int = 0
    leverage: int = 10
    group: str = ""


@dataclass
class Entry:
    """Somebody's wish at a moment: buy or sell so many lots."""

    actor: Actor
    is_buy: bool
    lots: int
    is_reduce_only: bool = False


@dataclass
class Happened:
    """A line of the timeline."""

    time: str
    price: str
    what: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FundAt:
    """The fund at a time: token units, coverage and drawdown with 18 decimals, the vault's mode."""

    time: int
    price: str
    mode: str
    reserve: int
    target: int
    paid: int
    coverage: int
    drawdown: int


class Run:
    """One replay."""

    def __init__(
        self, chain: Chain, scenario: dict[str, Any], deployer: KeySender, tell: Callable[[Happened], None]
    ) -> None:
        self.chain = chain
        self.web3: Web3 = chain.web3
        self.scenario = scenario
        self.deployer = deployer
        self.tell = tell
        self.token_decimals = chain.call("Collateral", "decimals")
        self.markets = list(range(len(scenario["deployment"]["markets"])))
        population = scenario["population"]
        self.lot = wad(population["lot"])
        self.random = random.Random(population["seed"])
        self.chain_id = self.web3.eth.chain_id
        self.exchange = chain.deployment.address("Exchange")
        self.numbers: dict[int, int] = {}
        self.traders = self._population(population)
        self.maker = self._actor("market maker")
        self.liquidators = [self._actor(f"liquidator {n}") for n in range(population["liquidators"]["count"])]
        self.keeper = self._actor("keeper")
        # Who submits matched orders and touches accounts: work that anybody may do.
        self.relay = self.keeper
        self.buyer = self._actor("inventory buyer")
        self.fund_over_time: list[FundAt] = []
        self.line = Happened("", "")
        self.fills = self.liquidations = self.absorptions = 0

    def check(self) -> None:
        """Raises ScenarioError for a scenario that cannot be replayed."""
        times = [_time(point["time"]) for point in self.scenario["prices"]]
        if times != sorted(set(times)):
            raise ScenarioError("The scenario's prices are not in order of time.")
        for group in self.scenario["population"]["groups"]:
            if _time(group["time"]) not in times:
                raise ScenarioError(f"Group {group['name']!r} trades at a time without a price.")
            if group["market"] not in self.markets:
                raise ScenarioError(f"Group {group['name']!r} trades in a market that does not exist.")

    # --- actors ---------------------------------------------------------------------------------------------

    def _sender(self, name: str) -> KeySender:
        key = Account.from_key(keccak(text=f"lastline scenario: {name}"))
        return KeySender(self.web3, key, GAS, fee=20 * 10**9)

    def _actor(self, name: str) -> Actor:
        sender = self._sender(name)
        return Actor(name, sender, account_id(sender.address))

    def _population(self, population: dict[str, Any]) -> list[Trader]:
        """The traders, drawn group by group with one seed: the same in every run."""
        traders = []
        for place, group in enumerate(population["groups"]):
            low, high = (int(to_units(leverage, 1)) for leverage in group["leverage"])
            for n in range(group["count"]):
                name = f"{group['name']} {place}.{n}"
                sender = self._sender(name)
                # Many small ones, few large ones.
                share = self.random.randrange(1001) ** 2
                lots = group["lots"][0] + share * (group["lots"][1] - group["lots"][0]) // 10**6
                traders.append(
                    Trader(
                        name,
                        sender,
                        account_id(sender.address),
                        market=group["market"],
                        is_long=group["side"] == "long",
                        lots=lots,
                        leverage=self.random.randint(low, high),
                        group=f"{_time(group['time'])}/{group['market']}",
                    )
                )
        return traders

    @property
    def everybody(self) -> list[Actor]:
        return [*self.traders, self.maker, *self.liquidators, self.keeper, self.buyer]

    # --- chain ----------------------------------------------------------------------------------------------

    def rpc(self, method: str, *parameters: Any) -> Any:
        answer = self.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        if "error" in answer:
            raise ScenarioError(f"The node refuses {method}: {answer['error'].get('message')}.")
        return answer["result"]

    def send(self, actor: Actor, name: str, method: str, *arguments: Any) -> dict[str, Any]:
        return self.chain.send(actor.sender, name, method, *arguments)

    def try_send(self, actor: Actor, name: str, method: str, *arguments: Any) -> dict[str, Any] | None:
        """Send; None if the contracts refuse for a reason that is part of any crisis."""
        try:
            return self.send(actor, name, method, *arguments)
        except Reverted as error:
            if str(error).startswith(EXPECTED):
                return None
            raise

    def deposit(self, actor: Actor, amount: int) -> None:
        """Mint, approve, deposit: an actor's money, whole tokens."""
        unit = 10 ** (18 - self.token_decimals)
        tokens = to_tokens(-(-amount // unit) * unit, self.token_decimals)
        self.rpc("anvil_setBalance", actor.sender.address, hex(100 * 10**18))
        self.chain.send(self.deployer, "Collateral", "mint", actor.sender.address, tokens)
        self.send(actor, "Collateral", "approve", self.chain.deployment.address(VAULT), tokens)
        self.send(actor, VAULT, "deposit", actor.account, tokens)
        actor.deposited += tokens * unit

    def move_to(self, time: int, price: str) -> None:
        """Let chain time pass, answer the feeds, take the marks."""
        now = self.web3.eth.get_block("latest")["timestamp"]
        self.rpc("evm_setNextBlockTimestamp", max(time, now + 1))
        for market in self.markets:
            answer = to_units(price, FEED_DECIMALS)
            self.chain.send(self.deployer, f"Feed{market}.0", "set_answer", answer)
            self.update_mark(market)

    def update_mark(self, market: int) -> None:
        """Take the oracle's price as a market's mark."""
        self.send(self.keeper, VAULT, "update_mark", market)

    # --- trading --------------------------------------------------------------------------------------------

    def join(self, trader: Trader, price: int) -> None:
        """Margin and leverage class for what the trader is going to do."""
        worth = trader.lots * self.lot * price // WAD
        # A little more than the leverage asks for: fees, and the wait until the order is matched.
        self.deposit(trader, worth * 10 // trader.leverage * 102 // 100 + 5 * WAD)
        rates = [
            wad(rate)
            for rate in self.scenario["deployment"]["markets"][trader.market]["margin"]["class_rates"]
        ]
        leverage_class = max(
            (n for n, rate in enumerate(rates) if rate * trader.leverage <= 10 * WAD), default=0
        )
        if leverage_class:
            self.send(trader, VAULT, "set_leverage_class", trader.account, trader.market, leverage_class)

    def order(self, entry: Entry, market: int, price: int) -> SignedOrder:
        """A signed order of an entry; the next number in the account's first lane."""
        account = entry.actor.account
        self.numbers[account] = self.numbers.get(account, 0) + 1
        order = Order(
            account=account,
            market=market,
            size=entry.lots * self.lot * (1 if entry.is_buy else -1),
            limit_price=price,
            expiry=self.web3.eth.get_block("latest")["timestamp"] + 3600,
            sequence=self.numbers[account],
            is_reduce_only=entry.is_reduce_only,
        )
        return sign(order, entry.actor.sender.key, self.exchange, self.chain_id)

    def match(self, market: int, entries: list[Entry]) -> None:
        """Match buyers and sellers at mark; the market maker takes what they leave.

        Buyers' signed orders rest. Sellers take, by `trade` or, every other one, by a signed order that
        somebody else submits to `match_orders`.
        """
        price = self.chain.call(VAULT, "mark", market)
        buyers = [entry for entry in entries if entry.is_buy]
        sellers = [entry for entry in entries if not entry.is_buy]
        gap = sum(entry.lots for entry in buyers) - sum(entry.lots for entry in sellers)
        if gap:
            (sellers if gap > 0 else buyers).append(Entry(self.maker, gap < 0, abs(gap)))
        resting = [(self.order(entry, market, price).values, entry.lots) for entry in buyers]
        for n, entry in enumerate(sellers):
            wanted = entry.lots
            taker = self.order(entry, market, price) if n % 2 else None
            while wanted:
                makers, lots = [], 0
                for values, left in resting[:MAX_MAKERS]:
                    if lots >= wanted:
                        break
                    makers.append(values)
                    lots += left
                size = min(lots, wanted)
                if taker is None:
                    receipt = self.send(
                        entry.actor,
                        "Exchange",
                        "trade",
                        entry.actor.account,
                        market,
                        -size * self.lot,
                        price,
                        size * self.lot,
                        entry.is_reduce_only,
                        10**15,
                        makers,
                    )
                else:
                    receipt = self.send(self.relay, "Exchange", "match_orders", taker.values, makers)
                filled = self.chain.decode("Exchange", receipt["logs"])
                self.fills += sum(event.name == "OrderFilled" for event in filled)
                wanted -= size
                while size:
                    values, left = resting.pop(0)
                    if left > size:
                        resting.insert(0, (values, left - size))
                    size -= min(left, size)

    def wave(self, time: int, price: int) -> None:
        """Everybody whose time has come trades, if the risk mode lets positions be opened."""
        mode = SystemWord.of(self.chain.call(VAULT, "exchange_word")).mode
        for market in self.markets:
            entries = []
            for trader in self.traders:
                if trader.group == f"{time}/{market}":
                    self.join(trader, price)
                    entries.append(Entry(trader, trader.is_long, trader.lots))
            for taking in self.scenario["population"].get("profit_takers", []):
                if _time(taking["time"]) == time and taking["market"] == market:
                    entries += self._profit_takers(market, taking["count"])
            if entries and mode >= RISK_MODES.index("RESTRICTED"):
                self.line.what.append(f"market {market}: {len(entries)} turned away, mode {RISK_MODES[mode]}")
            elif entries:
                before = self.fills
                self.match(market, entries)
                self.line.what.append(f"market {market}: {self.fills - before} fills, {len(entries)} traders")

    def _profit_takers(self, market: int, count: int) -> list[Entry]:
        """The largest shorts in profit, each with half its lots."""
        shorts = [trader for trader in self.traders if trader.market == market and not trader.is_long]
        states = self.chain.call_many(
            VAULT, [("position_state", trader.account, market) for trader in shorts]
        )
        winners = [
            (state[2], trader, -state[0] // self.lot // 2)
            for state, trader in zip(states, shorts, strict=True)
            if state[0] < 0 and state[2] > 0
        ]
        winners.sort(key=lambda winner: (-winner[0], winner[1].account))
        return [Entry(trader, True, lots, True) for _, trader, lots in winners[:count] if lots]

    # --- crisis ---------------------------------------------------------------------------------------------

    def _states(self) -> list[tuple[Actor, tuple[Any, ...]]]:
        actors = [actor for actor in self.everybody if actor.deposited]
        states = self.chain.call_many(VAULT, [("account_state", actor.account) for actor in actors])
        return list(zip(actors, states, strict=True))

    def liquidate(self) -> None:
        """Liquidators take over what they can; keepers absorb what is beyond that."""
        config = self.scenario["deployment"]["markets"][0]["liquidation"]
        critical = wad(config["critical_health"])
        left = self.scenario["population"]["liquidators"]["take_overs_per_step"]
        doomed = []
        taken = 0
        for actor, (_, _, _, equity, maintenance, *_) in self._states():
            if equity < 0 or equity * WAD < critical * maintenance:
                doomed.append(actor)
            elif equity < maintenance and left and actor not in self.liquidators:
                left -= 1
                taken += self._take_over(actor)
        if taken:
            self.liquidations += taken
            self.line.what.append(f"{taken} take-overs")
        absorbed = 0
        for start in range(0, len(doomed), ABSORB_BATCH):
            batch = [actor.account for actor in doomed[start : start + ABSORB_BATCH]]
            receipt = self.send(self.keeper, "LiquidationEngine", "absorb_many", batch, self.keeper.account)
            events = self.chain.decode(VAULT, receipt["logs"])
            absorbed += sum(event.name == "AccountAbsorbed" for event in events)
            self.line.what += [line for line in map(self._tell_tier, events) if line]
        if absorbed:
            self.absorptions += absorbed
            self.line.what.append(f"{absorbed} accounts absorbed")

    def _take_over(self, actor: Actor) -> int:
        word = AccountWord.of(self.chain.call(VAULT, "account_word", actor.account))
        for market in word.market_ids:
            size = self.chain.call(VAULT, "position_state", actor.account, market)[0]
            if size == 0:
                continue
            limit = MAX_PRICE if size > 0 else 0
            for liquidator in self.liquidators:
                if self.try_send(
                    liquidator,
                    "LiquidationEngine",
                    "take_over",
                    actor.account,
                    market,
                    2**111,
                    liquidator.account,
                    limit,
                ):
                    return 1
        return 0

    def resolve(self) -> None:
        """Open claims go to the fund, then to the tiers of the market's policy."""
        dust = wad(self.scenario["deployment"]["markets"][0]["liquidation"]["dust"])
        for market in self.markets:
            for _ in range(MAX_RESOLVE_CALLS):
                inventory = self.chain.call(VAULT, "inventory_state", market)
                if inventory[4] <= dust:
                    break
                receipt = self.try_send(self.keeper, "LossAllocator", "resolve", market, MAX_COHORTS)
                if receipt is None:
                    break
                events = self.chain.decode(VAULT, receipt["logs"])
                self.line.what += [line for line in map(self._tell_tier, events) if line]

    def _tell_tier(self, event: Any) -> str | None:
        if event.name == "FundPaid":
            return f"market {event.market}: fund pays {_short(event.reserve)}"
        if event.name == "Deleveraged":
            return f"market {event.market}: ADL of {_short(event.size)} BTC at {_short(event.price)}"
        if event.name == "RoundCharged":
            share = to_decimal(event.share * 100 // 10**23, 4)
            return f"market {event.market}: {share} % of all profit charged for {_short(event.deficit)}"
        return None

    def sell_inventory(self) -> None:
        """The buyer takes what the bankruptcy accounts offer."""
        for market in self.markets:
            size = self.chain.call(VAULT, "inventory_state", market)[0]
            if size == 0:
                continue
            limit = MAX_PRICE if size > 0 else 0
            receipt = self.try_send(
                self.buyer, "LiquidationEngine", "buy_inventory", market, self.buyer.account, 2**111, limit
            )
            if receipt is not None:
                sold = [e for e in self.chain.decode(VAULT, receipt["logs"]) if e.name == "InventorySold"]
                self.line.what += [
                    f"market {market}: {_short(abs(e.size))} BTC of inventory sold" for e in sold
                ]

    # --- the whole ------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Everything there is to do about the crash at the present price."""
        self.liquidate()
        self.resolve()
        self.sell_inventory()
        self.send(self.keeper, FUND, "update_mode")

    def look(self) -> None:
        """Note what the fund is like now."""
        risk = self.chain.call(FUND, "risk_state")
        mode = RISK_MODES[risk[0]]
        if self.fund_over_time and self.fund_over_time[-1].mode != mode:
            self.line.what.append(f"mode {mode}")
        self.fund_over_time.append(
            FundAt(
                self.web3.eth.get_block("latest")["timestamp"],
                self.line.price,
                mode,
                self.chain.call(FUND, "reserve"),
                self.chain.call(FUND, "target"),
                self.chain.call(FUND, "total_paid"),
                risk[2],
                risk[3],
            )
        )

    def collect(self) -> None:
        """Fees to the fund and the treasury."""
        self.send(self.keeper, VAULT, "collect_fees")
        self.send(self.keeper, VAULT, "pay_treasury")

    def fund(self) -> None:
        """Deposits of those who are there from the beginning, traders apart."""
        population = self.scenario["population"]
        self.rpc("anvil_setBalance", self.keeper.sender.address, hex(100 * 10**18))
        self.deposit(self.maker, wad(population["market_maker"]["deposit"]))
        self.deposit(self.buyer, wad(population["inventory_buyer"]["deposit"]))
        for liquidator in self.liquidators:
            self.deposit(liquidator, wad(population["liquidators"]["deposit"]))

    def play(self) -> None:
        """From the first price to the last, then everybody settles, fees are collected, winners withdraw."""
        self.fund()
        for point in self.scenario["prices"]:
            time = _time(point["time"])
            self.line = Happened(point["time"].astimezone(UTC).strftime("%d %b %H:%M"), point["price"])
            if "note" in point:
                self.line.what.append(point["note"])
            self.move_to(time, point["price"])
            if point.get("is_congested", False):
                self.line.what.append("no keeper gets through")
            else:
                self.work()
            self.look()
            self.wave(time, wad(point["price"]))
            self.tell(self.line)
        self._settle_up()
        if "aftermath" in self.scenario:
            self._refill(self.scenario["aftermath"])

    def _settle_up(self) -> None:
        last = self.scenario["prices"][-1]
        self.line = Happened("afterwards", last["price"])
        for actor in self.everybody:
            word = AccountWord.of(self.chain.call(VAULT, "account_word", actor.account))
            for market in word.market_ids:
                self.send(self.relay, VAULT, "touch", actor.account, market)
        # Profit matures two batches of market clock later; a mark moves the clock by five minutes at most.
        time = _time(last["time"])
        for n in range(3):
            self.move_to(time + 300 * (n + 1), last["price"])
        self.collect()
        count = 0
        for actor, state in self._states():
            unit = 10 ** (18 - self.token_decimals)
            tokens = state[6] // unit
            if isinstance(actor, Trader) and tokens:
                self.send(actor, VAULT, "withdraw", actor.account, tokens, actor.sender.address, tokens)
                actor.withdrawn += tokens * unit
                count += 1
        self.line.what.append(f"everybody settled, fees collected, {count} traders withdraw what they may")
        self.tell(self.line)

    def _refill(self, plan: dict[str, Any]) -> None:
        """The days after: large traders go in and out until their fees have brought the mode back to NORMAL.

        Raises ScenarioError if it never is.
        """
        price, step = self.scenario["prices"][-1]["price"], int(plan["hours"]) * 3600
        large = [self._actor(f"large trader {n}") for n in range(2)]
        for actor in large:
            self.deposit(actor, wad(plan["deposit"]))
        is_in = False
        for _ in range(int(plan["steps"])):
            time = self.web3.eth.get_block("latest")["timestamp"] + step
            self.line = Happened(datetime.fromtimestamp(time, UTC).strftime("%d %b %H:%M"), price)
            self.move_to(time, price)
            self.look_after(time)
            mode = self.fund_over_time[-1].mode
            if mode == "NORMAL":
                self.line.what.append("back to normal")
                self.tell(self.line)
                return
            if is_in or mode == "CAUTION":
                before = self.fills
                buyer, seller = large if not is_in else large[::-1]
                lots = int(plan["lots"])
                self.match(0, [Entry(buyer, True, lots), Entry(seller, False, lots)])
                self.line.what.append(f"{self.fills - before} fills of {lots} lots between large traders")
                is_in = not is_in
            self.tell(self.line)
        raise ScenarioError(f"After {plan['steps']} steps the risk mode is still {mode}.")

    def look_after(self, time: int) -> None:
        """Between crises: fees go to the fund, which looks at itself."""
        self.collect()
        self.send(self.keeper, FUND, "update_mode")
        self.look()


def _time(moment: datetime) -> int:
    return int(moment.timestamp())


def _short(amount: int) -> str:
    """An amount for the timeline, two decimals."""
    return f"{Decimal(amount) / WAD:,.2f}"
