"""MockKernel with names in place of selectors, and what the engine's and the allocator's tests share."""

from dataclasses import astuple, dataclass
from typing import Any

from boa.contracts.vyper.vyper_contract import VyperContract
from eth_abi import decode, encode
from eth_utils import keccak

from tests import support

WAD = 10**18

# Arguments of the calls that the mock records.
ARGUMENTS = {
    "take_over": ["uint256"] * 5,
    "buy_inventory": ["uint256"] * 4,
    "absorb": ["uint256"] * 2,
    "update_mark": ["uint256"],
    "pay_claims": ["uint256"],
    "deleverage": ["uint256"] * 2,
    "charge_round": ["uint256"] * 2,
    "close_at_mark": ["uint256"] * 2,
    "charge_side": ["uint256"] * 2,
}
# Views that the engine asks, as its interfaces write them.
VIEWS = {
    "exposure": ["uint256"] * 2,
    "liquidation_plan": ["uint256"] * 3,
    "market_words": ["uint256"],
    "market_count": [],
    "exchange_word": [],
    "owner": [],
}
NAMES = {keccak(text=f"{name}({','.join(types)})")[:4]: name for name, types in ARGUMENTS.items()}
SELECTORS = {name: selector for selector, name in NAMES.items()}


def account_of(owner: Any, sub_account: int = 0) -> int:
    return int(owner, 16) << 96 | sub_account


def error(reason: str) -> bytes:
    """What a revert with a reason returns."""
    return keccak(text="Error(string)")[:4] + encode(["string"], [reason])


def renewed(*markets: int) -> list[tuple]:
    """The calls that renew the marks of an account; in a single market nothing is renewed unasked."""
    return [("update_mark", market) for market in markets] if len(markets) > 1 else []


def plain(value: Any) -> Any:
    """A decoded value with tuples and lists in place of structures."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def logged(contract: VyperContract) -> list[tuple]:
    """Every event of the last call: name, then values in declared order."""
    return [(type(event).__name__, *plain(tuple(event[1:]))) for event in contract.get_logs()]


@dataclass(frozen=True)
class Exposure:
    """What the vault says of an account's directions, in the order of IMarginVaultViews."""

    longs: int = 0
    shorts: int = 0
    long_markets: int = 0
    short_markets: int = 0
    ready_markets: int = 0
    size: int = 0
    mark: int = 0
    minimum_notional: int = 0

    @property
    def words(self) -> tuple[int, ...]:
        return astuple(self)


@dataclass(frozen=True)
class Plan:
    """What a take-over would do, in the order of IMarginVaultViews."""

    change: int = 0
    price: int = 0
    fee: int = 0
    kappa: int = 0
    health: int = 9 * WAD // 10
    is_liquidatable: int = 1
    is_absorbable: int = 0
    is_stale: int = 0
    unsettled: int = 0

    @property
    def words(self) -> tuple[int, ...]:
        return astuple(self)


class Kernel:
    """The vault of a test. `argument` is the first one of the call meant: a market or an account."""

    def __init__(self) -> None:
        self.mock = support.deploy("mocks/MockKernel.vy")
        self.address = self.mock.address

    def answers(self, name: str, argument: int, *words: int) -> None:
        self.mock.set_answer(
            SELECTORS[name], argument, encode(["int256"] * len(words), [int(word) for word in words])
        )

    def refuses(self, name: str, argument: int, reason: str) -> None:
        self.fails(name, argument, error(reason))

    def fails(self, name: str, argument: int, data: bytes = b"") -> None:
        self.mock.set_revert(SELECTORS[name], argument, data)

    def burns_gas(self, name: str, argument: int) -> None:
        self.mock.set_burn(SELECTORS[name], argument)

    def calls_back(self, name: str, argument: int, data: bytes) -> None:
        self.mock.set_call_back(SELECTORS[name], argument, data)

    def shows(self, name: str, argument: int, *words: int) -> None:
        """What a view answers."""
        selector = keccak(text=f"{name}({','.join(VIEWS[name])})")[:4]
        self.mock.set_view(selector, argument, encode(["int256"] * len(words), [int(word) for word in words]))

    def hold(self, account: int, *markets: int) -> None:
        """Give an account positions in these markets, as far as its word says; all of one direction."""
        self.mock.set_account_word(account, sum(1 << market for market in markets) << 128)
        self.expose(account)

    def expose(self, account: int, **fields: int) -> None:
        self.shows("exposure", account, *Exposure(**fields).words)

    def plan(self, account: int, **fields: int) -> None:
        self.shows("liquidation_plan", account, *Plan(**fields).words)

    def calls(self) -> list[tuple]:
        """Name and arguments of every call that did not revert."""
        return [(name, *args) for _, name, args in self._recorded()]

    def callers(self) -> set[str]:
        return {sender for sender, _, _ in self._recorded()}

    def _recorded(self) -> list[tuple]:
        found = []
        for index in range(self.mock.call_count()):
            sender, data = self.mock.call_at(index)
            name = NAMES[bytes(data[:4])]
            found.append((sender, name, decode(ARGUMENTS[name], data[4:])))
        return found
