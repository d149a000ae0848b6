"""Orders as the tests build and sign them, by eth_account and not by the contract's own hashing."""

from dataclasses import astuple, dataclass

import boa
from boa.contracts.vyper.vyper_contract import VyperContract
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

WAD = 10**18
ZERO_ADDRESS = "0x" + "00" * 20
# Order of the curve secp256k1.
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

MARKET = 3
MAKER_RATE = 2 * 10**14
TAKER_RATE = 5 * 10**14
PRICE = 3_000 * WAD
GTC, POST_ONLY, IOC, FOK = range(4)

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


@dataclass(frozen=True)
class Order:
    """What a trader signs, in the contract's order."""

    account: int
    market: int
    size: int
    limit_price: int
    expiry: int
    lane: int = 0
    sequence: int = 1
    is_reduce_only: bool = False
    time_in_force: int = GTC
    max_fee_rate: int = TAKER_RATE
    builder: int = 0
    builder_fee_rate: int = 0

    @property
    def fields(self) -> tuple:
        return astuple(self)


def account_of(owner: str, sub_account: int = 0) -> int:
    return int(owner, 16) << 96 | sub_account


def new_order(owner: str, size: int, **fields) -> Order:
    """An order of an owner's first account at PRICE, good for an hour."""
    values = {
        "account": account_of(owner),
        "market": MARKET,
        "limit_price": PRICE,
        "expiry": boa.env.timestamp + 3_600,
    }
    return Order(**{**values, "size": size, **fields})


def digest_of(exchange: VyperContract, order: Order, chain_id: int | None = None) -> bytes:
    domain = {
        "name": "Lastline",
        "version": "1",
        "chainId": boa.env.evm.patch.chain_id if chain_id is None else chain_id,
        "verifyingContract": exchange.address,
    }
    names = [member["name"] for member in ORDER_TYPE]
    message = encode_typed_data(domain, {"Order": ORDER_TYPE}, dict(zip(names, order.fields, strict=True)))
    return keccak(b"\x19" + message.version + message.header + message.body)


def signature_of(exchange: VyperContract, order: Order, key: LocalAccount) -> bytes:
    return bytes(key.unsafe_sign_hash(digest_of(exchange, order)).signature)


def sign(exchange: VyperContract, order: Order, key: LocalAccount, signer: str = ZERO_ADDRESS) -> tuple:
    """A SignedOrder; without `signer` the signature must be the owner's."""
    return (order.fields, signer, signature_of(exchange, order, key))


def tag_of(digest: bytes) -> int:
    return int.from_bytes(digest[-8:], "big")


def lane_word(order: Order, digest: bytes, filled: int) -> int:
    return order.sequence << 192 | tag_of(digest) << 128 | filled


def cancelled_word(sequence: int) -> int:
    return sequence << 192 | 2**128 - 1


def maker_event(exchange: VyperContract, order: Order, taker: int, size: int, filled: int) -> tuple:
    digest = digest_of(exchange, order)
    word = lane_word(order, digest, filled)
    return (
        "OrderFilled",
        order.account,
        digest,
        order.market,
        taker,
        size,
        order.limit_price,
        order.lane,
        word,
    )


def taker_event(exchange: VyperContract, order: Order, size: int, filled: int) -> tuple:
    digest = digest_of(exchange, order)
    word = lane_word(order, digest, filled)
    return ("TakerOrderFilled", order.account, digest, order.market, size, order.lane, word)


def skipped_event(exchange: VyperContract, order: Order, reason: str) -> tuple:
    return ("OrderSkipped", order.account, digest_of(exchange, order), reason)


def maker_fill(order: Order, size: int, fee_rate: int = MAKER_RATE) -> tuple:
    """What the vault is told about a maker."""
    rate = fee_rate + order.builder_fee_rate
    return (order.account, size, order.limit_price, rate, order.is_reduce_only)


def logged(contract: VyperContract) -> list[tuple]:
    """Every event of the last call: name, then values in declared order."""
    return [(type(event).__name__, *event[1:]) for event in contract.get_logs()]


def paid_in_vault(vault: VyperContract) -> list[tuple]:
    """Every call of `pay_builder` the vault got: market, builder, amount."""
    return [tuple(vault.payment_at(index)) for index in range(vault.payment_count())]


def filled_in_vault(vault: VyperContract) -> list[tuple]:
    """Every call of `fill` the vault got."""
    return [tuple(vault.fill_at(index)) for index in range(vault.fill_count())]
