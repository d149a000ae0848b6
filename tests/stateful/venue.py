"""The whole system on a chain, driven through its real entries: what anybody may send, and what it did.

Orders are signed by keys whose signatures share one nonce: a valid signature in microseconds, from keys that
guard nothing. Their hashes are built here, not asked of the contract.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from eth_abi import encode
from eth_utils import keccak
from vyper.compiler.output import build_abi_output

from lastline.abi import WIRING, canonical, signature
from lastline.words import FlowWord, FundingWord, PriceWord
from tests.kernel import (
    EXCHANGE,
    INSURANCE_FUND,
    LIQUIDATION_ENGINE,
    LOSS_ALLOCATOR,
    PRICE_ORACLE,
    WAD,
    liquidation_config,
    margin_config,
    union_abi,
)
from tests.stateful.chain import Chain, Outcome, selector
from tests.stateful.ledger import (
    LIQUIDATION_TYPE,
    MARGIN_TYPE,
    byte_strings,
    multicall_data,
    terms_data,
)
from tests.support import START_TIME, actor, compiled, signer
from tests.unit.exchange.orders import CURVE_ORDER, ORDER_TYPE, ZERO_ADDRESS, Order

# Where an entry is; the vault for the others.
PLACES = {
    "exchange": (
        *("trade", "trade_available", "take", "match_orders", "match_available_orders"),
        *("liquidate", "cancel", "cancel_all"),
    ),
    "engine": (
        *("take_over", "refresh_and_take_over", "buy_inventory", "refresh_and_buy_inventory"),
        *("absorb", "refresh_and_absorb", "absorb_many"),
    ),
    "allocator": ("resolve",),
}
PLACE_OF = {entry: place for place, entries in PLACES.items() for entry in entries}
SOURCES = {"exchange": "Exchange.vy", "engine": "LiquidationEngine.vy", "allocator": "LossAllocator.vy"}
MAKER_RATE, TAKER_RATE, MAX_FEE_RATE = WAD // 10_000, WAD // 2_000, WAD // 1_000


@cache
def _abi(path: str) -> list[dict[str, Any]]:
    return build_abi_output(compiled(path).compiler_data)


@cache
def _entry(name: str) -> tuple[str, bytes, list[str]]:
    """Where an entry is, its selector, and the types of its arguments."""
    place = PLACE_OF.get(name, "vault")
    abi = union_abi() if place == "vault" else _abi(SOURCES[place])
    entry = next(e for e in abi if e.get("name") == name and e["type"] == "function")
    return place, selector(signature(entry)), [canonical(part) for part in entry["inputs"]]


def _words(answer: bytes) -> list[int]:
    return [int.from_bytes(answer[at : at + 32], "big") for at in range(0, len(answer), 32)]


@dataclass(frozen=True)
class Event:
    """A log, its figures by name."""

    name: str
    values: dict[str, int]

    def __getattr__(self, name: str) -> int:
        return self.values[name]


def _word(kind: str, word: bytes) -> int:
    return int.from_bytes(word, "big", signed=kind.startswith("int"))


@cache
def _events() -> dict[bytes, tuple[str, list[tuple[str, str]]]]:
    """Name and parameters (indexed ones first) of each event of vault and exchange, by topic."""
    abis = [*union_abi(), *_abi("Exchange.vy")]
    out = {}
    for entry in abis:
        if entry["type"] == "event":
            parts = sorted(entry["inputs"], key=lambda part: not part["indexed"])
            out[keccak(text=signature(entry))] = (entry["name"], [(p["name"], p["type"]) for p in parts])
    return out


def events(outcome: Outcome) -> list[Event]:
    """What vault and exchange logged; figures of static types only."""
    out = []
    for topics, data in outcome.logs:
        known = _events().get(topics[0])
        if known is not None:
            name, parts = known
            body = b"".join(topics[1:]) + data
            values = {p: _word(kind, body[32 * n : 32 * n + 32]) for n, (p, kind) in enumerate(parts)}
            out.append(Event(name, values))
    return out


@cache
def _view(name: str) -> tuple[bytes, list[str], list[tuple[str, str]]]:
    """Selector, types of arguments, and name and type of each figure a view of the vault answers with."""
    entry = next(e for e in union_abi() if e.get("name") == name)
    outputs = entry["outputs"]
    figures = outputs[0].get("components", outputs) if len(outputs) == 1 else outputs
    return (
        selector(signature(entry)),
        [canonical(part) for part in entry["inputs"]],
        [(part["name"] or name, part["type"]) for part in figures],
    )


@cache
def _view_data(name: str, *args: int) -> bytes:
    code, types, _ = _view(name)
    return code + encode(types, args)


@cache
def _nonce() -> tuple[int, int, int]:
    """r, the inverse of k and the parity of the point, for the one nonce k of all signatures."""
    from eth_keys.backends.native.ecdsa import fast_multiply
    from eth_keys.constants import SECPK1_G

    k = int.from_bytes(keccak(text="lastline: one nonce"), "big") % CURVE_ORDER
    x, y = fast_multiply(SECPK1_G, k)
    assert x < CURVE_ORDER
    return x, pow(k, -1, CURVE_ORDER), y & 1


def signature_of(digest: bytes, key: int) -> bytes:
    """ECDSA over secp256k1, s in the lower half."""
    r, inverse, parity = _nonce()
    s = inverse * (int.from_bytes(digest, "big") + r * key) % CURVE_ORDER
    if s > CURVE_ORDER // 2:
        s, parity = CURVE_ORDER - s, parity ^ 1
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity])


TYPE_HASH = keccak(text="Order(" + ",".join(f"{m['type']} {m['name']}" for m in ORDER_TYPE) + ")")
DOMAIN_HASH = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


@dataclass
class Books:
    """What the vault says of everybody after a call. Figures of a view by its own names."""

    accounts: dict[int, dict[str, int]]
    positions: dict[tuple[int, int], dict[str, int]]
    inventories: list[dict[str, int]]
    fees: dict[str, int]
    marks: list[int]
    mark_times: list[int]
    is_round_open: list[bool]
    indices: list[tuple[int, int]]  # of the longs, of the shorts
    open_interests: list[int]
    held: int
    wallets: dict[str, int]  # quote


@dataclass
class Venue:
    """One deployment. `chain` is the caller's to save and restore."""

    chain: Chain
    decimals: int = 6
    market_count: int = 2
    margin: dict[str, Any] = field(default_factory=margin_config)
    liquidation: dict[str, Any] = field(default_factory=liquidation_config)
    has_fine_ticks: bool = False
    funding_share: int = WAD // 10
    batch_seconds: int = 600
    policy: tuple[int, ...] = ()
    # what may be liquidated of a market at once, quote, and in how many seconds as much again
    rate_limit: tuple[int, int] | None = None
    owners: dict[int, str] = field(default_factory=dict)  # account -> actor
    sequence: int = 0
    eras: dict[int, int] = field(default_factory=dict)
    books_read: int | None = None

    # --- set-up ---------------------------------------------------------------------------------------------

    @property
    def scale(self) -> int:
        return 10 ** (18 - self.decimals)

    def deploy(self) -> "Venue":
        chain, a = self.chain, ["address"]
        governance = actor("governance")
        at: dict[str, str] = {}
        self.at = at
        at["token"] = chain.deploy("mocks/MockERC20.vy", ["uint8"], [self.decimals])
        at["oracle"] = chain.deploy("mocks/MockOracle.vy", [], [])
        at["reader"] = chain.deploy("mocks/MulticallHarness.vy", [], [])
        parts: dict[str, str] = {}
        for name, others in WIRING.items():
            tail = [governance] if name == "MarginVault" else []
            known = [at["token"], *(parts[other] for other in others), *tail]
            parts[name] = chain.deploy(f"{name}.vy", a * len(known), known)
        at["vault"] = parts["MarginVault"]
        at["exchange"] = chain.deploy("Exchange.vy", a * 2, [governance, at["vault"]])
        at["engine"] = chain.deploy("LiquidationEngine.vy", a, [at["vault"]])
        at["allocator"] = chain.deploy("LossAllocator.vy", a * 2, [governance, at["vault"]])
        parameters = "(uint256,uint256,uint256,uint256,(uint256,uint256,uint256))"
        limits = (2**100, WAD // 4, WAD // 10)
        at["fund"] = chain.deploy(
            "InsuranceFund.vy",
            [*a, *a, parameters],
            [at["token"], governance, (WAD, WAD // 2, WAD // 10, 0, limits)],
        )
        self.must(governance, "set_vault(address)", at["vault"], to="fund")
        roles = {
            EXCHANGE: "exchange",
            LIQUIDATION_ENGINE: "engine",
            LOSS_ALLOCATOR: "allocator",
            INSURANCE_FUND: "fund",
            PRICE_ORACLE: "oracle",
        }
        for role, name in roles.items():
            self.must(governance, "set_role(uint256,address)", role, at[name])
        self.must(governance, "set_funding_share(uint256)", self.funding_share)
        self.must(governance, "set_batch_seconds(uint256)", self.batch_seconds)
        listing = selector(f"add_market({MARGIN_TYPE},{LIQUIDATION_TYPE},bool)") + encode(
            [MARGIN_TYPE, LIQUIDATION_TYPE, "bool"],
            [tuple(self.margin.values()), tuple(self.liquidation.values()), self.has_fine_ticks],
        )
        for market in range(self.market_count):
            assert chain.send(governance, at["vault"], listing).ok
            rates = "set_fee_rates(uint256,uint256,uint256)"
            self.must(governance, rates, market, MAKER_RATE, TAKER_RATE, to="exchange")
            if self.rate_limit:
                limit = "set_rate_limit(uint256,uint256,uint256)"
                self.must(governance, limit, market, *self.rate_limit, to="engine")
            if self.policy:
                self.must(governance, "set_policy(uint256,uint256[])", market, self.policy, to="allocator")
        fields = [DOMAIN_HASH, keccak(text="Lastline"), keccak(text="1"), self.chain.id, at["exchange"]]
        self.domain = keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], fields))
        return self

    def fresh(self) -> "Venue":
        """The same deployment before anything happened to it."""
        venue = replace(self, owners={}, sequence=0, eras={}, books_read=None)
        venue.at, venue.domain = self.at, self.domain
        venue.chain.at(START_TIME)
        return venue

    # --- sending --------------------------------------------------------------------------------------------

    def must(self, sender: str, text: str, *args: Any, to: str = "vault") -> Outcome:
        types = text[text.index("(") + 1 : -1]
        data = selector(text) + encode(types.split(",") if types else [], args)
        outcome = self.chain.send(sender, self.at[to], data)
        assert outcome.ok, (text, outcome.reason)
        return outcome

    def call(self, who: str, entry: str, *args: Any) -> Outcome:
        """Any of the entries that are open to everybody."""
        place, code, types = _entry(entry)
        return self.chain.send(actor(who), self.at[place], code + encode(types, args))

    def unchanged(self) -> None:
        """The last transaction reverted: what was read before it still holds."""
        self.books_read = self.chain.transactions

    def set_rewards(self, are_paid: bool) -> None:
        """Rewards for resolving accounts as configured, or none: then collecting leaves no fees for them."""
        terms = self.liquidation
        assert self.set_terms("liquidation", {} if are_paid else {"reward_flat": 0, "reward_cap": 0})
        self.liquidation = terms

    def set_terms(self, kind: str, changes: dict[str, Any]) -> bool:
        """Governance changes the terms of all markets, kind "margin" or "liquidation"; False if refused."""
        terms = getattr(self, kind) | changes
        sent = [
            self.chain.send(actor("governance"), self.at["vault"], terms_data(kind, market, terms)).ok
            for market in range(self.market_count)
        ]
        assert len(set(sent)) == 1
        if sent[0]:
            setattr(self, kind, terms)
        return sent[0]

    def wait(self, seconds: int) -> None:
        self.chain.at(self.chain.now + seconds)

    def set_price(self, market: int, price: int, rate: int = 0) -> None:
        """What the oracle says from now on; the mark follows when somebody renews it."""
        self.must(actor("oracle"), "set_price(uint256,uint256,int256)", market, price, rate, to="oracle")

    def account(self, owner: str, sub: int = 0) -> int:
        a = int(actor(owner), 16) << 96 | sub
        self.owners[a] = owner
        return a

    def mint(self, owner: str, tokens: int) -> None:
        self.must(actor(owner), "mint(address,uint256)", actor(owner), tokens, to="token")
        self.must(actor(owner), "approve(address,uint256)", self.at["vault"], 2**200, to="token")

    def add_capital(self, tokens: int) -> None:
        who = actor("contributor")
        self.must(who, "mint(address,uint256)", who, tokens, to="token")
        self.must(who, "approve(address,uint256)", self.at["fund"], tokens, to="token")
        self.must(who, "add_capital(uint256)", tokens, to="fund")

    def order(self, account: int, market: int, size: int, price: int, **fields: Any) -> Order:
        self.sequence += 1
        values = {
            "expiry": self.chain.now + 10**6,
            "lane": 0,
            "sequence": self.eras.get(account, 0) << 44 | self.sequence,
            "max_fee_rate": MAX_FEE_RATE,
        } | fields
        return Order(account, market, size, price, **values)

    def digest(self, order: Order) -> bytes:
        words = b"".join((int(field) % 2**256).to_bytes(32, "big") for field in order.fields)
        return keccak(b"\x19\x01" + self.domain + keccak(TYPE_HASH + words))

    def sign(self, order: Order) -> tuple[Any, ...]:
        key = int.from_bytes(signer(self.owners[order.account]).key, "big")
        return (order.fields, ZERO_ADDRESS, signature_of(self.digest(order), key))

    # --- reading --------------------------------------------------------------------------------------------

    def read(self) -> Books:
        """As of the last transaction; nothing in it depends on the time."""
        if self.books_read != self.chain.transactions:
            self.books, self.books_read = self._read(), self.chain.transactions
        return self.books

    def _read(self) -> Books:
        accounts, markets = list(self.owners), range(self.market_count)
        calls: list[tuple[str, tuple[int, ...]]] = [("account_state", (a,)) for a in accounts]
        calls += [("position_state", (a, m)) for a in accounts for m in markets]
        calls += [("inventory_state", (m,)) for m in markets] + [("fee_state", ())]
        calls += [("market_words", (m,)) for m in markets]
        answers = self._views(calls)
        states, positions = {}, {}
        at = iter(zip(calls, answers, strict=True))
        for a in accounts:
            states[a] = self._figures(*next(at))
        for a in accounts:
            for m in markets:
                positions[a, m] = self._figures(*next(at))
        inventories = [self._figures(*next(at)) for _ in markets]
        fees = self._figures(*next(at))
        words = [_words(next(at)[1]) for _ in markets]
        prices = [PriceWord.of(w[0]) for w in words]
        fundings = [FundingWord.of(w[1]) for w in words]
        wallets = sorted(set(self.owners.values()))
        balances = self._balances(self.at["vault"], *(actor(owner) for owner in wallets))
        return Books(
            accounts=states,
            positions=positions,
            inventories=inventories,
            fees=fees,
            marks=[price.mark for price in prices],
            mark_times=[price.mark_time for price in prices],
            is_round_open=[price.is_round_open for price in prices],
            indices=[(funding.long_index, funding.short_index) for funding in fundings],
            open_interests=[FlowWord.of(w[12]).open_interest for w in words],
            held=balances[0] * self.scale,
            wallets={owner: n * self.scale for owner, n in zip(wallets, balances[1:], strict=True)},
        )

    def _figures(self, call: tuple[str, tuple[int, ...]], answer: bytes) -> dict[str, int]:
        _, _, figures = _view(call[0])
        return {name: _word(kind, answer[32 * n : 32 * n + 32]) for n, (name, kind) in enumerate(figures)}

    def _views(self, calls: Iterable[tuple[str, tuple[int, ...]]]) -> list[bytes]:
        data = tuple(_view_data(name, *args) for name, args in calls)
        assert len(data) <= 160
        return byte_strings(self.chain.call(self.at["reader"], multicall_data(self.at["vault"], data)))

    def plan(self, account: int, market: int) -> dict[str, int]:
        call = ("liquidation_plan", (account, market, 2**111 - 1))
        return self._figures(call, self.chain.call(self.at["vault"], _view_data(call[0], *call[1])))

    def _balances(self, *addresses: str) -> list[int]:
        code = selector("balanceOf(address)")
        data = tuple(code + encode(["address"], [address]) for address in addresses)
        answers = byte_strings(self.chain.call(self.at["reader"], multicall_data(self.at["token"], data)))
        return [int.from_bytes(answer, "big") for answer in answers]
