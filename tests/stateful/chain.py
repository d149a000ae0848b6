"""Two chains that execute the same calldata: Anvil (fast) and titanoboa (in process, with traces)."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import boa
from eth_abi import encode
from eth_utils import keccak, to_checksum_address

from tests.support import START_TIME, compiled

GAS = 30_000_000
DEPLOYER = "0x" + "de" * 20


@dataclass
class Outcome:
    """What a transaction did: its logs as (topics, data), or why it reverted."""

    ok: bool
    reason: str
    logs: list[tuple[list[bytes], bytes]]


class Chain(Protocol):
    id: int
    now: int
    transactions: int

    def deploy(self, path: str, types: list[str], args: list[Any]) -> str: ...

    def send(self, sender: str, to: str, data: bytes) -> Outcome: ...

    def call(self, to: str, data: bytes) -> bytes: ...

    def at(self, timestamp: int) -> None: ...

    def save(self) -> Any: ...

    def restore(self, point: Any) -> None: ...


def selector(signature: str) -> bytes:
    return _selector(signature)


@cache
def _selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


def reason_of(output: bytes) -> str:
    """The text of `Error(string)`; the bytes in hex for anything else."""
    if output[:4] == b"\x08\xc3\x79\xa0":
        length = int.from_bytes(output[36:68], "big")
        return output[68 : 68 + length].decode()
    return "0x" + output.hex()


def init_code(path: str, types: list[str], args: list[Any]) -> bytes:
    return compiled(path).compiler_data.bytecode + encode(types, args)


class AnvilChain:
    """Anvil over its IPC socket. Any address may send, gas is free, time moves only when told to."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="lastline-anvil-")
        path = os.path.join(self.folder, "ipc")
        self.process = subprocess.Popen(
            [
                *("anvil", "--quiet", "--port", "0", "--ipc", path, "--hardfork", "cancun"),
                *("--auto-impersonate", "--base-fee", "0", "--gas-price", "0", "--accounts", "1"),
                *("--timestamp", str(START_TIME - 1000), "--code-size-limit", "100000"),
                *("--gas-limit", str(10**12), "--prune-history", "1"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                self.socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.05)
        self.decoder, self.buffer = json.JSONDecoder(), ""
        self.transactions, self.now, self.is_time_due = 0, START_TIME, False
        self.id = int(self._result("eth_chainId"), 16)

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _rpc(self, method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        self.socket.sendall(json.dumps(request).encode())
        while True:
            try:
                answer, end = self.decoder.raw_decode(self.buffer)
            except ValueError:
                chunk = self.socket.recv(1 << 20)
                if not chunk:
                    raise ConnectionError("anvil is gone") from None
                self.buffer += chunk.decode()
                continue
            self.buffer = self.buffer[end:].lstrip()
            return answer

    def _result(self, method: str, *params: Any) -> Any:
        answer = self._rpc(method, *params)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def at(self, timestamp: int) -> None:
        self.now, self.is_time_due = timestamp, True

    def _transact(self, fields: dict[str, str]) -> dict[str, Any]:
        self._result("evm_setNextBlockTimestamp", hex(self.now))
        fields |= {"gas": hex(GAS), "gasPrice": "0x0"}
        return self._result("eth_sendTransactionSync", fields)

    def deploy(self, path: str, types: list[str], args: list[Any]) -> str:
        code = init_code(path, types, args)
        receipt = self._transact({"from": DEPLOYER, "data": "0x" + code.hex()})
        assert receipt["status"] == "0x1", path
        return to_checksum_address(receipt["contractAddress"])

    def send(self, sender: str, to: str, data: bytes) -> Outcome:
        self.transactions += 1
        fields = {"from": sender, "to": to, "data": "0x" + data.hex()}
        receipt = self._transact(dict(fields))
        if receipt["status"] == "0x1":
            logs = [
                ([bytes.fromhex(t[2:]) for t in log["topics"]], bytes.fromhex(log["data"][2:]))
                for log in receipt["logs"]
            ]
            return Outcome(True, "", logs)
        answer = self._rpc("eth_call", fields | {"gas": hex(GAS)}, "latest")
        output = answer.get("error", {}).get("data") or "0x"
        return Outcome(False, reason_of(bytes.fromhex(output[2:])), [])

    def call(self, to: str, data: bytes) -> bytes:
        fields = {"to": to, "data": "0x" + data.hex(), "gas": hex(10**11)}
        return bytes.fromhex(self._result("eth_call", fields, "latest")[2:])

    def code(self, address: str) -> str:
        return self._result("eth_getCode", address, "latest")

    def set_code(self, address: str, code: str) -> None:
        """Put other code at an address; its storage stays."""
        self._result("anvil_setCode", address, code)
        self.transactions += 1

    def save(self) -> Any:
        return self._result("evm_snapshot"), self.now

    def restore(self, point: Any) -> None:
        assert self._result("evm_revert", point[0])
        self.now = point[1]


class BoaChain:
    """titanoboa's environment, with this process's time."""

    def __init__(self) -> None:
        self.transactions, self.id = 0, boa.env.evm.patch.chain_id
        boa.env.timestamp = max(boa.env.timestamp, START_TIME)

    @property
    def now(self) -> int:
        return boa.env.timestamp

    def close(self) -> None:
        pass

    def at(self, timestamp: int) -> None:
        boa.env.timestamp = timestamp
        boa.env.evm.patch.block_number += 1

    def deploy(self, path: str, types: list[str], args: list[Any]) -> str:
        address, computation = boa.env.deploy(bytecode=init_code(path, types, args))
        assert computation.is_success, path
        return str(address)

    def send(self, sender: str, to: str, data: bytes) -> Outcome:
        self.transactions += 1
        computation = boa.env.execute_code(to_address=to, sender=sender, data=data, gas=GAS)
        if not computation.is_success:
            return Outcome(False, reason_of(computation.output), [])
        logs = [
            ([t.to_bytes(32, "big") for t in entry[2]], entry[3])
            for entry in computation.get_raw_log_entries()
        ]
        return Outcome(True, "", logs)

    def call(self, to: str, data: bytes) -> bytes:
        computation = boa.env.execute_code(to_address=to, data=data, gas=10**10, is_modifying=False)
        assert computation.is_success, reason_of(computation.output)
        return computation.output

    def save(self) -> Any:
        return None

    def restore(self, point: Any) -> None:
        raise NotImplementedError
