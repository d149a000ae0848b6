"""The kernel in process, with the roles held by plain accounts: what unit, stateful and gas suites drive.

Amounts are integers in the contracts' units: quote, base, prices and rates with 18 decimals.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boa
from boa.contracts.abi.abi_contract import ABIContractFactory
from vyper.compiler.output import build_abi_output

from lastline.abi import PART_ONLY, PARTS, WIRING
from tests.support import START_TIME, actor, compiled, deploy, wait

WAD = 10**18
RAY = 10**27
BTC = 0

EXCHANGE, LIQUIDATION_ENGINE, LOSS_ALLOCATOR, INSURANCE_FUND, PRICE_ORACLE, GUARDIAN, TREASURY = (
    1 << n for n in range(7)
)
ROLES = {
    "exchange": EXCHANGE,
    "engine": LIQUIDATION_ENGINE,
    "allocator": LOSS_ALLOCATOR,
    "guardian": GUARDIAN,
    "treasury": TREASURY,
}

RESERVE, COMMUNITY, ADL, SOCIALISED, SIDE, RECOVERY, RECOVERED = range(7)


def wad(amount: float | int | str) -> int:
    """An amount with 18 decimals from a short decimal figure."""
    from decimal import Decimal

    return int(Decimal(str(amount)) * WAD)


def margin_config(**changes: Any) -> dict[str, Any]:
    """Two maintenance lines, classes of 20x, 10x, 5x and 2x, 1 % band."""
    config: dict[str, Any] = dict(
        line_rates=[wad("0.025"), wad("0.05")],
        line_deductions=[0, wad(25_000)],
        initial_factor=wad("1.5"),
        max_mark_age=600,
        max_opening_age=600,
        class_rates=[wad("0.05"), wad("0.1"), wad("0.2"), wad("0.5")],
        price_band=wad("0.01"),
        minimum_notional=wad(100),
        open_interest_cap_quote=wad(10**9),
        open_interest_cap_base=wad(10**9),
        position_cap_quote=wad(10**8),
        lower_cap_share=WAD,
    )
    return config | changes


def liquidation_config(**changes: Any) -> dict[str, Any]:
    config: dict[str, Any] = dict(
        target_health=wad("1.25"),
        critical_health=wad("0.4"),
        cost_slope=wad("0.05"),
        fund_share=wad("0.2"),
        deleverage_band=wad("0.3"),
        auction_slippage=wad("0.02"),
        auction_seconds=600,
        reward_rate=wad("0.0001"),
        reward_flat=wad("1"),
        reward_cap=wad(500),
        dust=wad("0.01"),
        max_mark_step=0,
    )
    return config | changes


def account_of(name: str, sub: int = 0) -> int:
    """Account id of a named actor."""
    return int(str(actor(name)), 16) << 96 | sub


@dataclass
class Kernel:
    vault: Any
    token: Any
    oracle: Any
    parts: dict[str, Any]
    scale: int
    accounts: set[int] = field(default_factory=set)

    # --- driving -------------------------------------------------------------------------------------------

    def fund_account(self, name: str, quote: float | int | str, sub: int = 0) -> int:
        """Deposit quote for a named actor; the account id."""
        account = account_of(name, sub)
        tokens = wad(quote) // self.scale
        self.token.mint(actor(name), tokens)
        with boa.env.prank(actor(name)):
            self.token.approve(self.vault.address, tokens)
            self.vault.deposit(account, tokens)
        self.accounts.add(account)
        return account

    def set_price(
        self, price: float | int | str, market: int = BTC, seconds: int = 60, rate: int = 0
    ) -> None:
        """Let time pass, then take a new mark."""
        wait(seconds)
        self.oracle.set_price(market, wad(price), rate)
        self.vault.update_mark(market)

    def fill(
        self,
        buyer: int,
        seller: int,
        size: float | int | str,
        price: float | int | str | None = None,
        market: int = BTC,
        fee: int = 0,
        reduce_only: bool = False,
    ) -> None:
        """The buyer takes, the seller makes."""
        at = self.vault.mark(market) if price is None else wad(price)
        with boa.env.prank(actor("exchange")):
            self.vault.fill(market, buyer, fee, reduce_only, [(seller, -wad(size), at, fee, reduce_only)])

    def take_over(self, account: int, liquidator: int, size: int = 2**111, market: int = BTC) -> Any:
        limit = 2**200 if self.position(account, market).size > 0 else 0
        with boa.env.prank(actor("engine")):
            return self.vault.take_over(account, market, size, liquidator, limit)

    def close_with_orders(
        self, account: int, makers: list[tuple], keeper: int | None = None, market: int = BTC
    ) -> int:
        """makers: (account, size, price, fee rate, reduce only). The reward."""
        with boa.env.prank(actor("exchange")):
            return self.vault.close_with_orders(
                market, account, account_of("keeper") if keeper is None else keeper, makers
            )

    def plan(self, account: int, size: int = 2**111, market: int = BTC) -> Any:
        return self.vault.liquidation_plan(account, market, size)

    def absorb(self, account: int, keeper: int | None = None) -> int:
        with boa.env.prank(actor("engine")):
            return self.vault.absorb(account, account_of("keeper") if keeper is None else keeper)

    def buy_inventory(self, buyer: int, size: int = 2**111, market: int = BTC) -> int:
        limit = 2**200 if self.inventory(market).size > 0 else 0
        with boa.env.prank(actor("engine")):
            return self.vault.buy_inventory(market, buyer, size, limit)

    def deleverage(self, market: int = BTC, limit: int = 100) -> Any:
        with boa.env.prank(actor("allocator")):
            return self.vault.deleverage(market, limit)

    def close_at_mark(self, market: int = BTC, limit: int = 100) -> Any:
        with boa.env.prank(actor("allocator")):
            return self.vault.close_at_mark(market, limit)

    def charge_round(self, market: int = BTC, limit: int = 1000) -> Any:
        with boa.env.prank(actor("allocator")):
            return self.vault.charge_round(market, limit)

    def charge_side(self, market: int = BTC, limit: int = 1000) -> Any:
        with boa.env.prank(actor("allocator")):
            return self.vault.charge_side(market, limit)

    # --- reading -------------------------------------------------------------------------------------------

    def state(self, account: int) -> Any:
        return self.vault.account_state(account)

    def position(self, account: int, market: int = BTC) -> Any:
        return self.vault.position_state(account, market)

    def inventory(self, market: int = BTC) -> Any:
        return self.vault.inventory_state(market)

    def claims(self) -> list[Any]:
        return [self.vault.claim_state(n) for n in range(self.vault.claim_count())]

    def liabilities(self) -> int:
        """What the vault owes at the last marks less what is uncovered, quote (I1's right-hand side)."""
        keeper = account_of("keeper")
        total = sum(self.state(a).equity for a in self.accounts | {keeper})
        for market in range(self.vault.market_count()):
            total += self.inventory(market).equity
        fees = self.vault.fee_state()
        return total + sum(fees) - self.vault.uncovered()

    def held(self) -> int:
        return self.token.balanceOf(self.vault.address) * self.scale

    def assert_conserved(self, dust: int = 10**12) -> None:
        """I1 exactly; nothing vanishes beyond `dust`; I2 within the dust of rounding; I6 exactly."""
        owed, held = self.liabilities(), self.held()
        assert owed <= held, f"I1: owes {owed - held} wei more than it holds"
        assert held - owed <= dust, f"lost {held - owed} wei"
        for market in range(self.vault.market_count()):
            sizes = [self.position(a, market).size for a in self.accounts]
            sizes.append(self.inventory(market).size)
            assert -dust <= sum(sizes) <= 0, f"I2: sizes add up to {sum(sizes)}"
            inventory = self.inventory(market)
            outstanding = sum(c.outstanding for c in self.claims() if c.market == market)
            assert outstanding == inventory.outstanding, "I6: outstanding"
            has_claims = bool(self.vault.claim_markets() >> market & 1)
            assert has_claims == (outstanding > 0), "I6: markets with claims"
        for c in self.claims():
            paid = c.reserve + c.community + c.adl + c.socialised + c.side + c.recovery + c.recovered
            assert c.amount == paid + c.outstanding, "I6: claim does not add up"


@cache
def _abi(part: str) -> list[dict[str, Any]]:
    return build_abi_output(compiled(f"{part}.vy").compiler_data)


@cache
def union_abi() -> list[dict[str, Any]]:
    """The ABI of everything the vault answers."""
    entries: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        for entry in _abi(part):
            if entry["type"] in ("constructor", "fallback") or entry.get("name") in PART_ONLY:
                continue
            key = entry["type"] + entry["name"] + str([i["type"] for i in entry.get("inputs", [])])
            entries[key] = entry
    return list(entries.values())


def deploy_kernel(decimals: int = 6, token: Any = None, markets: int = 1, **config: Any) -> Kernel:
    """A kernel whose roles are the actors exchange, engine, allocator, guardian and treasury; no fund."""
    boa.env.timestamp = max(boa.env.timestamp, START_TIME)
    token = token or deploy("mocks/MockERC20.vy", decimals)
    oracle = deploy("mocks/MockOracle.vy")
    owner = actor("governance")
    parts: dict[str, Any] = {}
    for name, others in WIRING.items():
        tail = [owner] if name == "MarginVault" else []
        parts[name] = deploy(f"{name}.vy", token, *(parts[other] for other in others), *tail)
    vault = ABIContractFactory("MarginVault", union_abi()).at(parts["MarginVault"].address)
    kernel = Kernel(vault, token, oracle, parts, 10 ** (18 - token.decimals()))
    with boa.env.prank(owner):
        vault.set_role(PRICE_ORACLE, oracle.address)
        for name, role in ROLES.items():
            vault.set_role(role, actor(name))
        for market in range(markets):
            vault.add_market(
                tuple(margin_config(**config.get("margin", {})).values()),
                tuple(liquidation_config(**config.get("liquidation", {})).values()),
                config.get("has_fine_ticks", False),
            )
            oracle.set_price(market, wad(100))
            vault.update_mark(market)
    return kernel
