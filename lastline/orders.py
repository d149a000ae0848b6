"""Signed orders: EIP-712 typed data, hashes and signatures exactly as the Exchange checks them.

Sizes, prices and rates have 18 decimals. An order lives in a lane of its account; within a lane an order with
a higher sequence replaces what was there. A sequence is the account's era (high 20 bits) and a number (44).
"""

import json
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_checksum_address

from lastline.accounts import owner_of

DOMAIN_NAME = "Lastline"
DOMAIN_VERSION = "1"
ERA_SHIFT = 44
MAX_ERA = 2**20 - 1
MAX_NUMBER = 2**44 - 1
MAX_LANE = 2**64 - 1
MAX_SIZE = 2**111 - 1
MAX_FEE_RATE = 10**15
MAX_MAKERS = 16

ORDER_TYPE = [
    {"name": "account", "type": "uint256"},
    {"name": "market", "type": "uint256"},
    {"name": "size", "type": "int256"},
    {"name": "limit_price", "type": "uint256"},
    {"name": "expiry", "type": "uint256"},
    {"name": "lane", "type": "uint64"},
    {"name": "sequence", "type": "uint64"},
    {"name": "is_reduce_only", "type": "bool"},
    {"name": "time_in_force", "type": "uint8"},
    {"name": "max_fee_rate", "type": "uint256"},
    {"name": "builder", "type": "uint256"},
    {"name": "builder_fee_rate", "type": "uint256"},
]


class TimeInForce(IntEnum):
    """When an order may be filled, and as what.

    GTC rests until it expires, and may take. POST_ONLY rests, and never takes. IOC and FOK take and never
    rest: of an IOC order what one call does not fill is dead; a FOK order is filled whole or the call
    reverts.
    """

    GTC = 0
    POST_ONLY = 1
    IOC = 2
    FOK = 3


def sequence_of(number: int, era: int = 0) -> int:
    """Sequence of an order: era << 44 | number. Raises ValueError for what does not fit, and for 0."""
    if not 1 <= number <= MAX_NUMBER:
        raise ValueError(f"order number out of range: {number}")
    if not 0 <= era <= MAX_ERA:
        raise ValueError(f"era out of range: {era}")
    return era << ERA_SHIFT | number


def split_sequence(sequence: int) -> tuple[int, int]:
    """(era, number) of a sequence."""
    return sequence >> ERA_SHIFT, sequence & MAX_NUMBER


@dataclass(frozen=True)
class Order:
    """What a trader signs, in the contract's order of fields.

    size: base, signed (buy > 0). limit_price: quote per base, the most a buyer pays, the least a seller gets.
    expiry: last second at which the order is good. max_fee_rate: share of notional, at most 0.1 %; the most
    the account pays in all, the builder's part included. builder: account (owner << 96 | sub-account) of the
    front end or relayer that brings the order, 0 for none; builder_fee_rate: its part, share of notional.
    Raises ValueError for what the Exchange would refuse whatever its state.
    """

    account: int
    market: int
    size: int
    limit_price: int
    expiry: int
    lane: int = 0
    sequence: int = 1
    is_reduce_only: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    max_fee_rate: int = MAX_FEE_RATE
    builder: int = 0
    builder_fee_rate: int = 0

    def __post_init__(self) -> None:
        if self.size == 0 or abs(self.size) > MAX_SIZE:
            raise ValueError(f"order size out of range: {self.size}")
        if not 0 <= self.lane <= MAX_LANE:
            raise ValueError(f"lane out of range: {self.lane}")
        if self.sequence >> 64 or self.sequence & MAX_NUMBER == 0:
            raise ValueError(f"sequence out of range: {self.sequence}")
        if min(self.account, self.market, self.limit_price, self.expiry, self.max_fee_rate) < 0:
            raise ValueError("an order's amounts are not negative")
        object.__setattr__(self, "time_in_force", TimeInForce(self.time_in_force))
        if not 0 <= self.builder_fee_rate <= self.max_fee_rate:
            raise ValueError(f"builder fee rate out of range: {self.builder_fee_rate}")
        if self.builder_fee_rate and not self.builder >> 96:
            raise ValueError("a builder fee needs a builder's account")

    @property
    def values(self) -> tuple[Any, ...]:
        """The struct as the ABI wants it."""
        return tuple(self.message.values())

    @property
    def message(self) -> dict[str, Any]:
        """The EIP-712 message."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"time_in_force": int(self.time_in_force)}


@dataclass(frozen=True)
class SignedOrder:
    """An order with its signature; `signer` is the owner of the account or an operator he approved."""

    order: Order
    signer: str
    signature: bytes

    @property
    def values(self) -> tuple[Any, ...]:
        """The struct as the ABI wants it."""
        return (self.order.values, self.signer, self.signature)


def to_line(signed: SignedOrder) -> str:
    """A signed order as one line of JSON: its fields (numbers as decimal strings), signer, signature."""
    values = {
        name: worth if isinstance(worth, bool) else str(worth) for name, worth in signed.order.message.items()
    }
    return json.dumps(values | {"signer": signed.signer, "signature": "0x" + signed.signature.hex()})


def of_line(line: str) -> SignedOrder:
    """The signed order of a line as `to_line` writes it. Raises ValueError for anything else."""
    try:
        given = json.loads(line)
        values = {
            field.name: given[field.name] if field.type is bool else int(given[field.name])
            for field in fields(Order)
        }
        order = Order(**values)
        return SignedOrder(order, to_checksum_address(given["signer"]), bytes.fromhex(given["signature"][2:]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a signed order: {error}") from error


def domain(exchange: str, chain_id: int) -> dict[str, Any]:
    """The EIP-712 domain of an Exchange."""
    return {
        "name": DOMAIN_NAME,
        "version": DOMAIN_VERSION,
        "chainId": chain_id,
        "verifyingContract": to_checksum_address(exchange),
    }


def typed_data(order: Order, exchange: str, chain_id: int) -> dict[str, Any]:
    """The full typed-data object, as wallets take it (eth_signTypedData_v4)."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Order": ORDER_TYPE,
        },
        "primaryType": "Order",
        "domain": domain(exchange, chain_id),
        "message": order.message,
    }


def order_hash(order: Order, exchange: str, chain_id: int) -> bytes:
    """The digest that is signed; `Exchange.order_hash` gives the same."""
    signable = encode_typed_data(full_message=typed_data(order, exchange, chain_id))
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def hash_tag(digest: bytes) -> int:
    """The low 64 bits of an order hash, which a lane keeps."""
    return int.from_bytes(digest[-8:], "big")


def sign(order: Order, key: LocalAccount | str | bytes, exchange: str, chain_id: int) -> SignedOrder:
    """Sign with a key of the account's owner, or of an operator approved in the vault.

    Contract wallets (ERC-1271) sign `order_hash` themselves; build a SignedOrder from what they return.
    """
    signer = key if isinstance(key, LocalAccount) else Account.from_key(key)
    signature = signer.unsafe_sign_hash(order_hash(order, exchange, chain_id)).signature
    return SignedOrder(order, signer.address, bytes(signature))


def is_owners_signature(signed: SignedOrder) -> bool:
    """True if the signer named is the owner of the order's account."""
    return to_checksum_address(signed.signer) == owner_of(signed.order.account)
