"""Accounts of wallets that are contracts (ERC-1271), and how they sign an order."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account import Account as Keys
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_checksum_address
from web3.contract import Contract
from web3.logs import DISCARD

from lastline import orders
from lastline.accounts import account_id
from lastline.units import to_tokens, wad
from scripts._gas.system import DECIMALS, MARKET, ZERO_ADDRESS, Artifacts, System

# Safe 1.4.1 as published; `npm ci` puts it there.
SAFE = (
    Path(__file__).resolve().parents[2] / "node_modules/@safe-global/safe-contracts/build/artifacts/contracts"
)
OWNERS, THRESHOLD = 3, 2


@dataclass
class Wallet:
    """A wallet with an account. `sign`: its signature of a digest."""

    address: str
    sign: Callable[[bytes], bytes]
    sequence: int = 1

    @property
    def account(self) -> int:
        return account_id(self.address)

    def order(self, s: System, size: int) -> tuple[Any, ...]:
        """A signed order at mark, newer than the last one."""
        self.sequence += 1
        order = orders.Order(
            self.account, MARKET, size, s.price, s.now + 3_600, lane=0, sequence=self.sequence
        )
        digest = orders.order_hash(order, s.exchange.address, s.web3.eth.chain_id)
        return (order.values, self.address, self.sign(digest))

    def enter(self, s: System, quote: int) -> None:
        """Cash in its account, and a lane that was used before."""
        payer, tokens = s.trader("payer"), to_tokens(wad(quote), DECIMALS)
        s.send(s.owner, s.token, "mint", payer.address, 2 * tokens)
        s.send(payer.address, s.token, "approve", s.vault.address, 2**256 - 1)
        s.send(payer.address, s.vault, "deposit", self.account, tokens)
        s.send(self.address, s.exchange, "cancel", self.account, 0, self.sequence)


def smallest_wallet(s: System, artifacts: Artifacts) -> Wallet:
    """One key's wallet that does nothing but recover its signature."""
    key = s.trader("key of a wallet").key
    wallet = s.deploy(artifacts, "MockERC1271Wallet", key.address)
    return Wallet(wallet.address, lambda digest: bytes(key.unsafe_sign_hash(digest).signature))


def safe(s: System) -> Wallet:
    """A Safe of which two of three owners decide."""
    keys = [Keys.from_key(keccak(text=f"lastline gas: owner {n} of the Safe")) for n in range(OWNERS)]
    singleton = _published(s, "Safe.sol/Safe.json")
    factory = _published(s, "proxies/SafeProxyFactory.sol/SafeProxyFactory.json")
    handler = _published(s, "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json")
    owners = [key.address for key in keys]
    rest = (ZERO_ADDRESS, b"", handler.address, ZERO_ADDRESS, 0, ZERO_ADDRESS)
    setup = singleton.encode_abi("setup", args=[owners, THRESHOLD, *rest])
    receipt = s.send(s.owner, factory, "createProxyWithNonce", singleton.address, setup, 0)
    found = s.web3.eth.get_transaction_receipt(receipt["transactionHash"])
    (created,) = factory.events.ProxyCreation().process_receipt(found, errors=DISCARD)
    address = to_checksum_address(created["args"]["proxy"])
    chain = s.web3.eth.chain_id
    return Wallet(address, lambda digest: _signatures(digest, address, chain, keys[:THRESHOLD]))


def _published(s: System, path: str) -> Contract:
    def artifact(name: str) -> tuple[list[dict[str, Any]], str]:
        built = json.loads((SAFE / name).read_text())
        return built["abi"], built["bytecode"]

    return s.deploy(artifact, path)


def _signatures(digest: bytes, address: str, chain: int, keys: list[LocalAccount]) -> bytes:
    """What the owners sign for the Safe to have signed a digest, one after the other by address."""
    types = {"SafeMessage": [{"name": "message", "type": "bytes"}]}
    domain = {"chainId": chain, "verifyingContract": address}
    signable = encode_typed_data(domain, types, {"message": digest})
    asked = keccak(b"\x19" + signable.version + signable.header + signable.body)
    ordered = sorted(keys, key=lambda key: int(key.address, 16))
    return b"".join(bytes(key.unsafe_sign_hash(asked).signature) for key in ordered)
