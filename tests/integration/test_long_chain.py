"""verify_funds on a chain with 100,000 events of the vault: how long it takes, and how long when it goes on.

Too long for every change: `make long-chain` runs it and writes build/long_chain.json. EVENTS=… for another
number.
"""

import json
import os
import time

import pytest
from eth_account import Account

from lastline import audit
from lastline.accounts import account_id
from lastline.deployer import ROLES
from lastline.history import History, resume
from lastline.units import to_units, wad
from lastline.views import VAULT
from tests.integration.conftest import ROOT, TOKEN_DECIMALS

pytestmark = pytest.mark.deep

EVENTS = int(os.environ.get("EVENTS", "100000"))
ACCOUNTS = 2_000
MAKERS = 16
BATCH = 100
# Blocks without events after each turn of fills.
IDLE_BLOCKS = 200
PRICE = 7935


class Dealing:
    """Fills by an account that holds the EXCHANGE role: no orders, no signatures, only the vault's events."""

    def __init__(self, system):
        self.system, self.vault = system, system.chain.contract(VAULT)
        self.bank = Account.create().address
        system.rpc("anvil_impersonateAccount", self.bank)
        system.rpc("anvil_setBalance", self.bank, hex(10**24))
        system.chain.send(system.deployer, VAULT, "set_role", ROLES["EXCHANGE"], self.bank)
        # nobody trades with himself
        self.dealer = account_id(Account.create().address)
        self.makers = [account_id(self.bank, sub) for sub in range(ACCOUNTS)]
        self.queue, self.nonce = [], 0

    def send(self, contract, method, *arguments):
        data = contract.encode_abi(method, args=list(arguments))
        call = {"from": self.bank, "to": contract.address, "data": data, "gas": hex(4_000_000)}
        call["nonce"] = hex(self.nonce)
        self.nonce += 1
        self.queue.append(("eth_sendTransaction", [call]))
        if len(self.queue) == BATCH:
            self.flush()

    def flush(self):
        """Sent together, and all of it successful."""
        hashes = self.batch(self.queue)
        self.queue.clear()
        receipts = [None]
        while None in receipts:
            # what did not fit into the block
            self.system.rpc("evm_mine")
            receipts = self.batch([("eth_getTransactionReceipt", [each]) for each in hashes])
        assert {receipt["status"] for receipt in receipts} == {"0x1"}

    def batch(self, requests):
        answers = self.system.node.provider.make_batch_request(requests) if requests else []
        assert not [answer for answer in answers if "error" in answer], answers
        return [answer["result"] for answer in answers]

    def fund(self):
        token = self.system.chain.contract("Collateral")
        tokens = to_units("10000", TOKEN_DECIMALS)
        self.system.chain.send(self.system.deployer, "Collateral", "mint", self.bank, tokens * 10 * ACCOUNTS)
        self.send(token, "approve", self.vault.address, 2**255)
        self.send(self.vault, "deposit", self.dealer, tokens * 5 * ACCOUNTS)
        for maker in self.makers:
            self.send(self.vault, "deposit", maker, tokens)
        self.flush()

    def fill_until(self, events):
        """Everybody opens, then closes at some other price, and so on: profits, losses, maturing batches."""
        done, turn = self.count(), 0
        while done < events:
            self.system.set_price(str(PRICE))
            is_opening = turn % 2 == 0
            price = wad(PRICE + (0 if is_opening else (turn // 2 % 5 - 2) * 5))
            for at in range(0, ACCOUNTS, MAKERS):
                size = wad("-0.1") if is_opening else wad("0.1")
                fills = [(maker, size, price, 10**14, False) for maker in self.makers[at : at + MAKERS]]
                self.send(self.vault, "fill", 0, self.dealer, 5 * 10**14, False, fills)
            self.flush()
            self.system.rpc("anvil_mine", hex(IDLE_BLOCKS))
            done, turn = self.count(), turn + 1
            print(f"{done:,} events, block {self.system.node.eth.block_number:,}", flush=True)

    def count(self):
        node, address = self.system.node, self.vault.address
        seen = getattr(self, "_seen", (0, 0))
        head = node.eth.block_number
        logs = node.eth.get_logs({"fromBlock": seen[0] + 1, "toBlock": head, "address": address})
        self._seen = (head, seen[1] + len(logs))
        return self._seen[1]


def test_time_of_a_verification_and_of_going_on(system, tmp_path):
    dealing = Dealing(system)
    dealing.fund()
    dealing.fill_until(EVENTS)
    head, state = system.node.eth.block_number, tmp_path / "state.json"

    start = time.perf_counter()
    history = History.start(system.chain)
    history.advance(system.chain, head, state=state)
    read = time.perf_counter()
    report = audit.run(system.chain, head, history)
    checked = time.perf_counter()
    assert report.holds, report.failed

    past, _ = resume(system.chain, state, head)
    past.advance(system.chain, head)
    resumed = time.perf_counter()
    again = audit.run(system.chain, head, past)
    end = time.perf_counter()
    assert again.checks == report.checks

    figures = {
        "events": report.ledger.applied,
        "blocks": head - system.chain.deployment.first_block + 1,
        "accounts": len(report.ledger.accounts),
        "reading_seconds": round(read - start, 1),
        "checking_seconds": round(checked - read, 1),
        "going_on_seconds": round(resumed - checked, 1),
        "checking_again_seconds": round(end - resumed, 1),
        "state_file_bytes": state.stat().st_size,
    }
    print(figures)
    path = ROOT / "build" / "long_chain.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n")
    assert figures["events"] >= EVENTS
    assert resumed - checked < (read - start) / 4
