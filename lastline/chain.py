"""A node and the contracts of a deployment: calls, transactions with their revert reasons, event logs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eth_abi import decode
from eth_account.signers.local import LocalAccount
from eth_utils import to_checksum_address, to_hex
from hexbytes import HexBytes
from requests import HTTPError
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import BlockNotFound, ContractLogicError, Web3Exception
from web3.types import RPCEndpoint

from lastline.abi import Event, EventDecoder, canonical
from lastline.deployments import Deployment, DeploymentError

# Blocks whose logs are asked for in one request, at most: what the node refuses is asked for in halves.
LOG_SPAN = 5_000
# Answers in a row after which twice as many are asked for again.
LOG_ANSWERS = 8
# Calls sent in one request.
CALL_BATCH = 200
ERROR_SELECTOR = "08c379a0"


class Reverted(Exception):
    """A transaction or call that the contracts refused; the text is their reason."""


class LogsRefused(Reverted):
    """A node that lists no logs of so many blocks, or not so many logs."""


@dataclass(frozen=True)
class Query:
    """Logs of some contracts, by their names in the record; `topics` as eth_getLogs takes them."""

    names: tuple[str, ...]
    topics: Any = None


class Sender(Protocol):
    """Whoever sends transactions: a key here, an Ape account in the scripts."""

    @property
    def address(self) -> str: ...

    def send(self, to: str | None, data: str) -> dict[str, Any]:
        """Send and wait; the receipt with at least transactionHash, blockNumber, contractAddress, logs.

        Raises Reverted with the contracts' reason.
        """
        ...


def reason_of(error: BaseException) -> str:
    """The contracts' own words in an error of web3; its whole text if there are none."""
    data = getattr(error, "data", None)
    if isinstance(data, dict):
        data = data.get("data")
    text = str(getattr(error, "message", None) or error)
    if error.args and isinstance(error.args[0], dict):
        text = str(error.args[0].get("message"))
    return reason_in(data, text)


def reason_in(data: object, text: str) -> str:
    """The contracts' own words in what a call has returned (hex), else in a node's text about it."""
    if isinstance(data, str):
        raw = data.removeprefix("0x")
        if raw.startswith(ERROR_SELECTOR):
            length = int(raw[72:136], 16)
            return bytes.fromhex(raw[136 : 136 + 2 * length]).decode(errors="replace")
    return (
        text.removeprefix("execution reverted").removeprefix(": ").removeprefix("revert: ").strip()
        or "no reason"
    )


class KeySender:
    """Signs with a key and sends to a node. Keeps its own nonce: one KeySender a key."""

    def __init__(self, web3: Web3, key: LocalAccount, gas: int | None = None, fee: int | None = None) -> None:
        """`gas`: a fixed limit for every transaction, which saves an estimate; None to estimate.

        `fee`: most wei per gas, the same for every transaction; None to ask the node.
        """
        self.web3 = web3
        self.key = key
        self.gas = gas
        self.fee = fee
        self._chain_id: int | None = None
        self._nonce: int | None = None

    @property
    def address(self) -> str:
        return self.key.address

    def forget_nonce(self) -> None:
        """Ask the node again: for tests that take a chain back to a snapshot."""
        self._nonce = None

    def send(self, to: str | None, data: str) -> dict[str, Any]:
        """Send and wait. Raises Reverted with the contracts' reason."""
        call: dict[str, Any] = {"from": self.address, "data": data, "value": 0}
        if to is not None:
            call["to"] = to
        if self._nonce is None:
            self._nonce = self.web3.eth.get_transaction_count(self.key.address)
        try:
            gas = self.gas or self.web3.eth.estimate_gas(call) * 5 // 4
            fee = self.fee or 2 * self.web3.eth.gas_price
            self._chain_id = self._chain_id or self.web3.eth.chain_id
            signed = self.key.sign_transaction(
                {
                    **{name: call[name] for name in ("to", "data", "value") if name in call},
                    "nonce": self._nonce,
                    "gas": gas,
                    "maxFeePerGas": fee,
                    "maxPriorityFeePerGas": min(fee, 10**9),
                    "chainId": self._chain_id,
                }
            )
            self._nonce += 1
            sent = self.web3.eth.send_raw_transaction(signed.raw_transaction)
            receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
            if receipt["status"] != 1:
                # Again as a call, on the state before it, for the reason.
                self.web3.eth.call({**call, "gas": gas}, receipt["blockNumber"] - 1)
                raise Reverted(f"no reason (transaction {sent.to_0x_hex()})")
        except (ContractLogicError, Web3Exception) as error:
            self._nonce = None
            raise Reverted(reason_of(error)) from error
        except OSError:
            # the node may have got it or not: ask it for the nonce next time
            self._nonce = None
            raise
        return dict(receipt)


class Chain:
    """The contracts of a deployment on a node."""

    def __init__(self, web3: Web3, deployment: Deployment) -> None:
        self.web3 = web3
        self.deployment = deployment
        self._contracts: dict[str, Contract] = {}
        self._decoders: dict[str, EventDecoder] = {}
        self._timestamps: dict[int, int] = {}
        self._output_types: dict[tuple[str, str], list[str]] = {}

    def contract(self, name: str) -> Contract:
        """A web3 contract by its name in the record; "MarginVault" has the union ABI."""
        if name not in self._contracts:
            self._contracts[name] = self.web3.eth.contract(
                address=to_checksum_address(self.deployment.address(name)), abi=self.deployment.abi(name)
            )
        return self._contracts[name]

    def head(self) -> tuple[int, int]:
        """The latest block: its number, and its time in seconds."""
        header = self.web3.eth.get_block("latest")
        return header["number"], header["timestamp"]

    def call(self, name: str, method: str, *arguments: Any, block: int | str = "latest") -> Any:
        """Call a view. Raises Reverted with the contract's reason."""
        try:
            return self.contract(name).functions[method](*arguments).call(block_identifier=block)
        except ContractLogicError as error:
            raise Reverted(reason_of(error)) from error

    def call_many(
        self,
        name: str,
        calls: Sequence[tuple[Any, ...]],
        block: int | str = "latest",
        is_strict: bool = True,
    ) -> list[Any]:
        """Many views of one contract in few requests; each call is (method, argument, ...). Answers in order.

        Raises Reverted if one of them fails; with `is_strict` False its place has the Reverted instead.
        """
        contract = self.contract(name)
        at = block if isinstance(block, str) else hex(block)
        out: list[Any] = []
        for start in range(0, len(calls), CALL_BATCH):
            requests = []
            for method, *arguments in calls[start : start + CALL_BATCH]:
                data = contract.encode_abi(method, args=arguments)
                requests.append((RPCEndpoint("eth_call"), [{"to": contract.address, "data": data}, at]))
            answers = self.web3.provider.make_batch_request(requests)  # type: ignore[attr-defined]
            if not isinstance(answers, list):
                raise Reverted(f"The node refuses a batch of calls: {answers.get('error')}")
            for (method, *_), answer in zip(calls[start : start + CALL_BATCH], answers, strict=True):
                if "error" in answer:
                    error = Reverted(f"{name}.{method}: {answer['error'].get('message')}")
                    if is_strict:
                        raise error
                    out.append(error)
                    continue
                out.append(self.decoded(name, method, answer["result"]))
        return out

    def decoded(self, name: str, method: str, answer: str) -> Any:
        """What a function has returned (hex): its value, or a tuple if there is not just one."""
        values = decode(self._outputs(name, method), bytes(HexBytes(answer)))
        return values[0] if len(values) == 1 else values

    def _outputs(self, name: str, method: str) -> list[str]:
        key = (name, method)
        if key not in self._output_types:
            entry = next(
                e for e in self.deployment.abi(name) if e["type"] == "function" and e["name"] == method
            )
            self._output_types[key] = [canonical(parameter) for parameter in entry["outputs"]]
        return self._output_types[key]

    def attempt(self, sender: str, name: str, method: str, *arguments: Any) -> Any:
        """What a transaction of `sender` would answer now; sends nothing. Raises Reverted with the reason."""
        try:
            return self.contract(name).functions[method](*arguments).call({"from": sender})
        except (ContractLogicError, Web3Exception) as error:
            raise Reverted(reason_of(error)) from error

    def send(self, sender: Sender, name: str, method: str, *arguments: Any) -> dict[str, Any]:
        """Call a function in a transaction; the receipt. Raises Reverted with the contracts' reason."""
        contract = self.contract(name)
        return sender.send(contract.address, contract.encode_abi(method, args=list(arguments)))

    def decode(self, name: str, logs: Iterable[Any]) -> list[Event]:
        """The events of one contract among logs (of a receipt, say)."""
        address = self.deployment.address(name)
        mine = (log for log in logs if to_checksum_address(log["address"]) == address)
        events = (self._decoder(name).decode(log) for log in mine)
        return [event for event in events if event is not None]

    def _decoder(self, name: str) -> EventDecoder:
        if name not in self._decoders:
            self._decoders[name] = EventDecoder(self.deployment.abi(name))
        return self._decoders[name]

    def events(
        self, names: Sequence[str], first: int | None = None, last: int | None = None, topics: Any = None
    ) -> list[Event]:
        """All events of some contracts in order, block timestamps included."""
        query = Query(tuple(names), topics)
        return [event for _, (events,) in self.spans([query], first, last) for event in events]

    def spans(
        self, queries: Sequence[Query], first: int | None = None, last: int | None = None
    ) -> Iterator[tuple[int, list[list[Event]]]]:
        """Events of each query in a few thousand blocks at a time, from block `first` to `last`: the last
        block read, and one list a query, in order, block timestamps included.

        Nodes limit the blocks or the logs of an answer, each in its own words: what one refuses is asked
        for in halves. Raises Reverted if it refuses even one block.
        """
        start = self.deployment.first_block if first is None else first
        last = self.web3.eth.block_number if last is None else last
        span, answers = LOG_SPAN, 0
        while start <= last:
            end = min(start + span - 1, last)
            try:
                found = [self._logs(query, start, end) for query in queries]
            except LogsRefused:
                if start == end:
                    raise
                span, answers = (end - start + 1) // 2, 0
                continue
            yield end, found
            start, answers = end + 1, answers + 1
            if answers == LOG_ANSWERS:
                span, answers = min(2 * span, LOG_SPAN), 0

    def _logs(self, query: Query, first: int, last: int) -> list[Event]:
        """Raises LogsRefused."""
        by_address = {self.deployment.address(name).lower(): name for name in query.names}
        ask: dict[str, Any] = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(by_address)}
        if query.topics is not None:
            ask["topics"] = query.topics
        try:
            answer = self.web3.provider.make_request("eth_getLogs", [ask])  # type: ignore[arg-type]
        except HTTPError as error:
            raise LogsRefused(f"The node refuses to list events: {error}") from error
        if "error" in answer:
            raise LogsRefused(f"The node refuses to list events: {answer['error'].get('message')}")
        logs = answer["result"]
        self._learn_timestamps({int(log["blockNumber"], 16) for log in logs if not log.get("blockTimestamp")})
        out = []
        for log in logs:
            if not log.get("blockTimestamp"):
                log["blockTimestamp"] = hex(self._timestamps[int(log["blockNumber"], 16)])
            event = self._decoder(by_address[log["address"].lower()]).decode(log)
            if event is not None:
                out.append(event)
        return out

    def _learn_timestamps(self, blocks: Iterable[int]) -> None:
        """For nodes that do not tell a log's."""
        unknown = sorted(block for block in blocks if block not in self._timestamps)
        for start in range(0, len(unknown), CALL_BATCH):
            batch = unknown[start : start + CALL_BATCH]
            requests = [(RPCEndpoint("eth_getBlockByNumber"), [hex(block), False]) for block in batch]
            answers = self.web3.provider.make_batch_request(requests)  # type: ignore[attr-defined]
            if not isinstance(answers, list):
                raise Reverted(f"The node refuses a batch of calls: {answers.get('error')}")
            for block, answer in zip(batch, answers, strict=True):
                self._timestamps[block] = int(answer["result"]["timestamp"], 16)

    def block_hash(self, block: int) -> str:
        """Hash of a block; empty if the chain has no such block."""
        try:
            return to_hex(self.web3.eth.get_block(block)["hash"])
        except BlockNotFound:
            return ""

    def timestamp(self, block: int) -> int:
        """Time of a block, seconds."""
        if block not in self._timestamps:
            self._timestamps[block] = self.web3.eth.get_block(block)["timestamp"]
        return self._timestamps[block]

    def require_code(self) -> None:
        """Raises DeploymentError if this chain is not the one of the record, or lacks a recorded contract."""
        chain_id = self.web3.eth.chain_id
        if chain_id != self.deployment.chain_id:
            raise DeploymentError(
                f"The node serves chain {chain_id}, but "
                f"{self.deployment.ecosystem}/{self.deployment.network} was deployed on "
                f"chain {self.deployment.chain_id}."
            )
        for name, record in self.deployment.contracts.items():
            code = bytes(self.web3.eth.get_code(to_checksum_address(record.address)))
            if not code:
                raise DeploymentError(
                    f"This chain has no {name} at {record.address}: "
                    "it is not the chain of the deployment record."
                )
            if "0x" + Web3.keccak(code).hex().removeprefix("0x") != record.code_hash:
                raise DeploymentError(f"The code of {name} at {record.address} is not what was deployed.")


def connect(url: str, deployment: Deployment) -> Chain:
    """The contracts of a deployment on the node at `url`."""
    return Chain(Web3(Web3.HTTPProvider(url)), deployment)
