"""The whole system on a fresh node, driven by plain JSON-RPC: fast enough for thousands of accounts.

Every sender is impersonated, so nothing but the makers' orders is signed. The prices come from MockOracle
(one storage slot a market, as a cached mark would be), the collateral is a plain ERC-20 with 6 decimals.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account as Keys
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_checksum_address
from web3 import Web3
from web3.contract import Contract

from lastline import orders
from lastline.abi import PARTS, WIRING, union
from lastline.accounts import account_id
from lastline.units import to_tokens, wad

# ABI and creation code of a contract by its name.
Artifacts = Callable[[str], tuple[list[dict[str, Any]], str]]

DECIMALS = 6
MARKET = 0
# A transaction may use so much and no more from Fusaka on (EIP-7825); the limit of every measured call.
TRANSACTION_GAS = 2**24
EXCHANGE, LIQUIDATION_ENGINE, LOSS_ALLOCATOR, INSURANCE_FUND, PRICE_ORACLE = (1 << n for n in range(5))
MAKER_RATE = wad("0.0002")
TAKER_RATE = wad("0.0005")
ZERO_ADDRESS = "0x" + "00" * 20
ANYTHING = 2**111 - 1
DEEP_POCKETS = 10**24

# rates, deductions, initial factor, mark age, classes 20x 10x 5x 2x, band, minimum, caps
MARGIN = (
    [wad("0.025"), wad("0.05")],
    [0, wad(1_000_000)],
    wad("1.5"),
    600,
    600,
    [wad("0.05"), wad("0.1"), wad("0.2"), wad("0.5")],
    wad("0.01"),
    wad(100),
    wad(10**12),
    wad(10**9),
    wad(10**10),
    10**18,
)
# target, critical, slope, fund share, band, slippage, auction, reward rate, flat, cap, dust
LIQUIDATION = (
    wad("1.25"),
    wad("0.4"),
    wad("0.05"),
    wad("0.2"),
    wad("0.3"),
    wad("0.02"),
    600,
    wad("0.0001"),
    wad(1),
    wad(500),
    wad("0.01"),
    0,
)


class Failed(Exception):
    """A transaction that reverted; the text says which and why."""


@dataclass
class Trader:
    """An owner with one account and one order lane."""

    key: LocalAccount
    account: int
    sequence: int = 0

    @property
    def address(self) -> str:
        return self.key.address


@dataclass
class System:
    web3: Web3
    token: Contract
    oracle: Contract
    vault: Contract
    exchange: Contract
    engine: Contract
    allocator: Contract
    owner: str
    now: int
    price: int = 0
    traders: dict[str, Trader] = field(default_factory=dict)
    rich: set[str] = field(default_factory=set)

    # --- the node -------------------------------------------------------------------------------------------

    def rpc(self, method: str, *arguments: Any) -> Any:
        answer = self.web3.provider.make_request(method, list(arguments))  # type: ignore[arg-type]
        if "error" in answer:
            raise Failed(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def send(self, sender: str, contract: Contract, method: str, *arguments: Any) -> dict[str, Any]:
        """One transaction in a block of its own, one second after the last; its receipt."""
        return self._transact(
            sender, contract.address, contract.encode_abi(method, args=list(arguments)), method
        )

    def gas(self, sender: str, contract: Contract, method: str, *arguments: Any) -> int:
        """Gas used according to the receipt."""
        return int(self.send(sender, contract, method, *arguments)["gasUsed"], 16)

    def _transact(self, sender: str, to: str | None, data: str, name: str) -> dict[str, Any]:
        if sender not in self.rich:
            self.rpc("anvil_setBalance", sender, hex(DEEP_POCKETS))
            self.rich.add(sender)
        self.now += 1
        self.rpc("evm_setNextBlockTimestamp", self.now)
        call = {"from": sender, "data": data, "gas": hex(TRANSACTION_GAS)}
        if to is not None:
            call["to"] = to
        hash_ = self.rpc("eth_sendTransaction", call)
        receipt = None
        while receipt is None:
            receipt = self.rpc("eth_getTransactionReceipt", hash_)
        if int(receipt["status"], 16) != 1:
            try:
                self.web3.eth.call(call, int(receipt["blockNumber"], 16) - 1)  # type: ignore[arg-type]
                reason = "no reason"
            except Exception as error:
                reason = str(error)
            raise Failed(f"{name}: {reason}")
        return receipt

    def deploy(self, artifacts: Artifacts, name: str, *arguments: Any) -> Contract:
        abi, code = artifacts(name)
        built = self.web3.eth.contract(abi=abi, bytecode=code).constructor(*arguments)
        receipt = self._transact(self.owner, None, built.data_in_transaction, name)
        return self.web3.eth.contract(address=to_checksum_address(receipt["contractAddress"]), abi=abi)

    def snapshot(self) -> tuple[str, int, int]:
        return self.rpc("evm_snapshot"), self.now, self.price

    def restore(self, snapshot: tuple[str, int, int]) -> tuple[str, int, int]:
        """Go back, and take the same snapshot again, as the node forgets one that was used.

        Order sequences are not taken back: a higher one is always good.
        """
        self.rpc("evm_revert", snapshot[0])
        self.now, self.price = snapshot[1:]
        self.rich.clear()
        return self.snapshot()

    # --- actors ---------------------------------------------------------------------------------------------

    def trader(self, name: str, quote: str | int = 0) -> Trader:
        """A named owner, the same in every run, with at least one deposit if `quote` is given."""
        if name not in self.traders:
            key = Keys.from_key(keccak(text=f"lastline gas: {name}"))
            self.traders[name] = Trader(key, account_id(key.address))
        trader = self.traders[name]
        if quote:
            self.deposit(trader, quote)
        return trader

    def deposit(self, trader: Trader, quote: str | int) -> int:
        """Gas of the deposit; minting and allowance are not part of it, and leave both slots used."""
        tokens = to_tokens(wad(quote), DECIMALS)
        self.send(self.owner, self.token, "mint", trader.address, 2 * tokens)
        self.send(trader.address, self.token, "approve", self.vault.address, 2**256 - 1)
        return self.gas(trader.address, self.vault, "deposit", trader.account, tokens)

    def set_price(self, price: str | int, seconds: int = 60, rate: int = 0) -> None:
        self.set_mark(wad(price), seconds, rate)

    def set_mark(self, price: int, seconds: int = 60, rate: int = 0) -> None:
        """`set_price` in the contracts' unit, 18 decimals."""
        self.now += seconds
        self.price = price
        self.send(self.owner, self.oracle, "set_price", MARKET, self.price, rate)
        self.send(self.owner, self.vault, "update_mark", MARKET)

    def sub_accounts(self, name: str, count: int, quote: str | int) -> list[int]:
        """So many accounts of one owner, each with that much cash."""
        trader = self.trader(name)
        tokens = to_tokens(wad(quote), DECIMALS)
        self.send(self.owner, self.token, "mint", trader.address, count * tokens)
        self.send(trader.address, self.token, "approve", self.vault.address, 2**256 - 1)
        accounts = [trader.account | sub for sub in range(count)]
        for account in accounts:
            self.send(trader.address, self.vault, "deposit", account, tokens)
        return accounts

    def use_lane(self, *traders: Trader, lane: int = 0) -> None:
        """What an earlier order leaves behind: a lane word that is not zero."""
        for trader in traders:
            trader.sequence += 1
            self.send(trader.address, self.exchange, "cancel", trader.account, lane, trader.sequence)

    # --- trading --------------------------------------------------------------------------------------------

    def order(
        self,
        maker: Trader,
        size: int,
        price: int | None = None,
        lane: int = 0,
        signer: LocalAccount | None = None,
        **fields: Any,
    ) -> tuple[Any, ...]:
        """A signed order, newer than the maker's last. The owner's own signature needs no signer named.

        `signer`: an operator's key.
        """
        maker.sequence += 1
        order = orders.Order(
            maker.account,
            fields.pop("market", MARKET),
            size,
            self.price if price is None else price,
            self.now + 3_600,
            lane=lane,
            sequence=maker.sequence,
            **fields,
        )
        signed = orders.sign(order, signer or maker.key, self.exchange.address, self.web3.eth.chain_id)
        return (order.values, signer.address if signer else ZERO_ADDRESS, signed.signature)

    def hold_role(self, role: int, name: str) -> str:
        """Give a role to a plain account. Only accounts funded afterwards know a new Exchange."""
        holder = self.trader(name).address
        self.send(self.owner, self.vault, "set_role", role, holder)
        return holder

    def fill(self, exchange: str, taker: int, makers: list[int], size: int) -> int:
        """Gas of a fill at mark without fees or orders: the taker buys `size` (< 0: sells) of each maker."""
        fills = [(maker, -size, self.price, 0, False) for maker in makers]
        return self.gas(exchange, self.vault, "fill", MARKET, taker, 0, False, fills)

    def trade(
        self, taker: Trader, makers: list[Trader], size: str, price: int | None = None, lane: int = 0
    ) -> int:
        """Gas of a trade of `size` (buy > 0) with each maker, through the Exchange."""
        each = wad(size)
        signed = [self.order(maker, -each, price, lane) for maker in makers]
        if len(signed) == 1:
            return self.gas(
                taker.address,
                self.exchange,
                "take",
                taker.account,
                each,
                abs(each),
                False,
                TAKER_RATE,
                signed[0],
            )
        limit = 2**255 if each > 0 else 0
        total = each * len(makers)
        return self.gas(
            taker.address,
            self.exchange,
            "trade",
            taker.account,
            MARKET,
            total,
            limit,
            abs(total),
            False,
            TAKER_RATE,
            signed,
        )


def deploy_system(web3: Web3, artifacts: Artifacts, price: str | int = 60_000) -> System:
    """Kernel, Exchange, LiquidationEngine and LossAllocator; no fund: the vault pays nothing of a claim."""
    owner = to_checksum_address(keccak(text="lastline gas: owner")[-20:])
    now = int(web3.eth.get_block("latest")["timestamp"])
    blank: Any = None
    s = System(web3, blank, blank, blank, blank, blank, blank, owner, now)
    s.rpc("anvil_autoImpersonateAccount", True)
    s.token = s.deploy(artifacts, "MockERC20", DECIMALS)
    s.oracle = s.deploy(artifacts, "MockOracle")
    token = s.token.address
    parts: dict[str, str] = {}
    for name, others in WIRING.items():
        tail = [owner] if name == "MarginVault" else []
        built = s.deploy(artifacts, name, token, *(parts[other] for other in others), *tail)
        parts[name] = built.address
    s.vault = web3.eth.contract(address=parts["MarginVault"], abi=union(artifacts(part)[0] for part in PARTS))
    s.exchange = s.deploy(artifacts, "Exchange", owner, s.vault.address)
    s.engine = s.deploy(artifacts, "LiquidationEngine", s.vault.address)
    s.allocator = s.deploy(artifacts, "LossAllocator", owner, s.vault.address)
    for role, holder in (
        (EXCHANGE, s.exchange),
        (LIQUIDATION_ENGINE, s.engine),
        (LOSS_ALLOCATOR, s.allocator),
        (PRICE_ORACLE, s.oracle),
    ):
        s.send(owner, s.vault, "set_role", role, holder.address)
    s.send(owner, s.vault, "add_market", MARGIN, LIQUIDATION, False)
    s.send(owner, s.exchange, "set_fee_rates", MARKET, MAKER_RATE, TAKER_RATE)
    s.set_price(price)
    return s
