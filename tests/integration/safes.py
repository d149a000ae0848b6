"""Real Safes: the published contracts, behind a proxy, with three owners two of whom decide."""

import json
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_checksum_address
from web3.contract import Contract
from web3.logs import DISCARD

from lastline.accounts import account_id
from lastline.orders import Order, SignedOrder, order_hash
from lastline.units import wad
from lastline.views import VAULT
from tests.integration.conftest import ROOT, System

# Safe 1.4.1 as published; `npm ci` puts it there.
ARTIFACTS = ROOT / "node_modules/@safe-global/safe-contracts/build/artifacts/contracts"
ZERO_ADDRESS = "0x" + "00" * 20
THRESHOLD = 2


def deployed(system: System, path: str) -> Contract:
    artifact = json.loads((ARTIFACTS / path).read_text())
    receipt = system.deployer.send(None, artifact["bytecode"])
    return system.node.eth.contract(address=receipt["contractAddress"], abi=artifact["abi"])


@dataclass
class Safe:
    """A Safe behind a proxy, and the keys of its owners."""

    system: System
    contract: Contract
    owners: list[LocalAccount]

    @property
    def address(self) -> str:
        return self.contract.address

    @property
    def account(self) -> int:
        return account_id(self.address)

    def signatures(self, digest: bytes, owners: list[LocalAccount]) -> bytes:
        """The owners' signatures of a digest one after the other, by address, as a Safe wants them."""
        ordered = sorted(owners, key=lambda owner: int(owner.address, 16))
        return b"".join(bytes(owner.unsafe_sign_hash(digest).signature) for owner in ordered)

    def execute(self, to: str, data: str) -> None:
        """A transaction of the Safe, signed by as many owners as it takes; anybody may send it."""
        call = (to, 0, data, 0, 0, 0, 0, ZERO_ADDRESS, ZERO_ADDRESS)
        nonce = self.contract.functions.nonce().call()
        digest = self.contract.functions.getTransactionHash(*call, nonce).call()
        signatures = self.signatures(digest, self.owners[:THRESHOLD])
        data = self.contract.encode_abi("execTransaction", args=[*call, signatures])
        self.system.actor("stranger").send(self.address, data)

    def message_hash(self, message: bytes) -> bytes:
        """What owners sign for the Safe to have signed a message (EIP-712 type SafeMessage)."""
        domain = {"chainId": self.system.node.eth.chain_id, "verifyingContract": self.address}
        types = {"SafeMessage": [{"name": "message", "type": "bytes"}]}
        signable = encode_typed_data(domain, types, {"message": message})
        return keccak(b"\x19" + signable.version + signable.header + signable.body)

    def order(self, size: str, **fields: Any) -> Order:
        price = self.system.chain.call(VAULT, "mark", 0)
        expiry = self.system.node.eth.get_block("latest")["timestamp"] + 3600
        return Order(self.account, 0, wad(size), price, expiry, **fields)

    def signed(self, order: Order, owners: list[LocalAccount]) -> SignedOrder:
        """The order with the Safe's EIP-1271 signature by some of its owners."""
        exchange = self.system.chain.deployment.address("Exchange")
        digest = order_hash(order, exchange, self.system.node.eth.chain_id)
        signature = self.signatures(self.message_hash(digest), owners)
        return SignedOrder(order, self.address, signature)


def make_safe(system: System, name: str) -> Safe:
    """Three owners, two of whom decide."""
    owners = [Account.from_key(keccak(text=f"lastline integration: owner {n} of {name}")) for n in range(3)]
    singleton = deployed(system, "Safe.sol/Safe.json")
    factory = deployed(system, "proxies/SafeProxyFactory.sol/SafeProxyFactory.json")
    handler = deployed(system, "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json")
    setup = singleton.encode_abi(
        "setup",
        args=[
            [owner.address for owner in owners],
            THRESHOLD,
            ZERO_ADDRESS,
            b"",
            handler.address,
            ZERO_ADDRESS,
            0,
            ZERO_ADDRESS,
        ],
    )
    creation = factory.encode_abi("createProxyWithNonce", args=[singleton.address, setup, 0])
    receipt = system.deployer.send(factory.address, creation)
    (created,) = factory.events.ProxyCreation().process_receipt(receipt, errors=DISCARD)
    address = to_checksum_address(created["args"]["proxy"])
    return Safe(system, system.node.eth.contract(address=address, abi=singleton.abi), owners)
