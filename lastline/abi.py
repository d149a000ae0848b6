"""The published ABI of the vault (the union of its parts' ABIs), and decoding of event logs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eth_abi import decode
from eth_utils import keccak, to_checksum_address

# Contracts of the kernel in the order of deployment, and the parts each constructor takes after the
# collateral.
WIRING: dict[str, tuple[str, ...]] = {
    "MarginVaultMembership": (),
    "MarginVaultConsole": (),
    "MarginVaultCash": ("MarginVaultMembership",),
    "MarginVaultBankruptcy": ("MarginVaultMembership",),
    "MarginVaultAuction": ("MarginVaultMembership",),
    "MarginVaultLossSharing": (),
    "MarginVaultLastTiers": (),
    "MarginVaultCrisis": (),
    "MarginVaultViews": ("MarginVaultConsole", "MarginVaultCrisis", "MarginVaultBankruptcy"),
    "MarginVaultLiquidation": ("MarginVaultMembership",),
    "MarginVaultOrderClose": ("MarginVaultMembership", "MarginVaultLiquidation"),
    "MarginVault": (
        "MarginVaultLiquidation",
        "MarginVaultOrderClose",
        "MarginVaultCrisis",
        "MarginVaultLossSharing",
        "MarginVaultLastTiers",
        "MarginVaultBankruptcy",
        "MarginVaultAuction",
        "MarginVaultMembership",
        "MarginVaultCash",
        "MarginVaultConsole",
        "MarginVaultViews",
    ),
}
PARTS = tuple(WIRING)

Abi = list[dict[str, Any]]

# Only the parts themselves answer these: to whoever asks, and to each other.
INTERNAL = ("settle", "unseat", "open_generation", "drop_generation", "close_out")
PART_ONLY = {"config_hash", *INTERNAL}


def canonical(parameter: Mapping[str, Any]) -> str:
    """Canonical type of an ABI parameter, tuples spelled out."""
    kind = parameter["type"]
    if kind.startswith("tuple"):
        return "(" + ",".join(canonical(part) for part in parameter["components"]) + ")" + kind[5:]
    return kind


def signature(entry: Mapping[str, Any]) -> str:
    """name(type,...) of a function or event."""
    return f"{entry['name']}({','.join(canonical(parameter) for parameter in entry['inputs'])})"


def union(abis: Iterable[Abi]) -> Abi:
    """The union of the parts' ABIs without constructors, fallbacks and what only the parts answer.

    Raises ValueError if two parts describe the same function or event differently.
    """
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for abi in abis:
        for entry in abi:
            if entry["type"] not in ("function", "event", "error") or entry["name"] in PART_ONLY:
                continue
            key = (entry["type"], signature(entry))
            if out.setdefault(key, entry).get("outputs") != entry.get("outputs"):
                raise ValueError(f"the kernel's parts disagree about {signature(entry)}")
    return list(out.values())


@dataclass(frozen=True)
class Event:
    """A decoded log. `values` by parameter name; tuples stay tuples, addresses are checksummed."""

    name: str
    values: dict[str, Any]
    address: str
    block: int
    log_index: int
    transaction: str
    timestamp: int

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"{self.name} has no {name}") from None


def _clean(kind: str, worth: Any) -> Any:
    return to_checksum_address(worth) if kind == "address" else worth


class EventDecoder:
    """Decodes logs of one contract by its ABI."""

    def __init__(self, abi: Abi) -> None:
        self._events: dict[bytes, tuple[str, list[tuple[str, str]], list[tuple[str, str]]]] = {}
        for entry in abi:
            if entry["type"] == "event":
                indexed = [(p["name"], canonical(p)) for p in entry["inputs"] if p["indexed"]]
                plain = [(p["name"], canonical(p)) for p in entry["inputs"] if not p["indexed"]]
                self._events[keccak(text=signature(entry))] = (entry["name"], indexed, plain)

    def decode(self, log: Mapping[str, Any]) -> Event | None:
        """The event of a log as a JSON-RPC node or web3 gives it; None for one that is not in the ABI."""
        topics = [_bytes(topic) for topic in log["topics"]]
        known = self._events.get(topics[0]) if topics else None
        if known is None:
            return None
        name, indexed, plain = known
        values: dict[str, Any] = {}
        for (parameter, kind), topic in zip(indexed, topics[1:], strict=True):
            values[parameter] = _clean(kind, decode([kind], topic)[0])
        data = decode([kind for _, kind in plain], _bytes(log["data"]))
        for (parameter, kind), worth in zip(plain, data, strict=True):
            values[parameter] = _clean(kind, worth)
        return Event(
            name,
            values,
            to_checksum_address(log["address"]),
            _int(log["blockNumber"]),
            _int(log["logIndex"]),
            "0x" + _bytes(log["transactionHash"]).hex(),
            _int(log.get("blockTimestamp") or 0),
        )


def _bytes(worth: Any) -> bytes:
    return bytes.fromhex(worth.removeprefix("0x")) if isinstance(worth, str) else bytes(worth)


def _int(worth: Any) -> int:
    return int(worth, 16) if isinstance(worth, str) else int(worth)
