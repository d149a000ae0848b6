"""What transactions would do, without sending one: each is kept, and whatever is read next is the state they
would leave.

Asks the node with eth_simulateV1 (Ethereum's execution API; Geth knows it since 1.14.9, tried with the Anvil
that package.json names): what was kept runs in front of every question, in a block on top of the one it
began with.
"""

from collections.abc import Sequence
from typing import Any

from web3.types import RPCEndpoint

from lastline.chain import Chain, Reverted, Sender, reason_in

# Questions in one request, at most: each may cost as much gas as a transaction.
QUESTIONS = 50
GAS_LIMIT = 10**9
# JSON-RPC: no such method.
UNKNOWN_METHOD = -32601


class Rehearsal(Chain):
    """The contracts on a node that is only asked. `begin` forgets what was kept."""

    def __init__(self, chain: Chain) -> None:
        super().__init__(chain.web3, chain.deployment)
        self.begin()

    def begin(self) -> None:
        """Start anew from the latest block."""
        self._kept: list[dict[str, str]] = []
        self._base, time = super().head()
        # the first second at which a block may follow
        self._time = time + 1

    def head(self) -> tuple[int, int]:
        """The block everything is judged on top of, and the time it is judged at, seconds."""
        return self._base, self._time

    def call(self, name: str, method: str, *arguments: Any, block: int | str = "latest") -> Any:
        """Call a view after what was kept, whatever the block. Raises Reverted with the contract's reason."""
        return self._decoded(name, method, self._ask([self._request(name, method, arguments)])[0])

    def call_many(
        self,
        name: str,
        calls: Sequence[tuple[Any, ...]],
        block: int | str = "latest",
        is_strict: bool = True,
    ) -> list[Any]:
        """As Chain.call_many, after what was kept, whatever the block."""
        out: list[Any] = []
        for start in range(0, len(calls), QUESTIONS):
            part = calls[start : start + QUESTIONS]
            answers = self._ask([self._request(name, method, arguments) for method, *arguments in part])
            for (method, *_), answer in zip(part, answers, strict=True):
                try:
                    out.append(self._decoded(name, method, answer))
                except Reverted as error:
                    error = Reverted(f"{name}.{method}: {error}")
                    if is_strict:
                        raise error from None
                    out.append(error)
        return out

    def attempt(self, sender: str, name: str, method: str, *arguments: Any) -> Any:
        """What a transaction would answer after what was kept; it is not kept. Raises Reverted."""
        request = self._request(name, method, arguments, sender)
        return self._decoded(name, method, self._ask([request])[0])

    def send(self, sender: Sender, name: str, method: str, *arguments: Any) -> dict[str, Any]:
        """Keep a transaction; the receipt it would have. Raises Reverted, and keeps nothing."""
        request = self._request(name, method, arguments, sender.address)
        answer = self._ask([request])[0]
        self._decoded(name, method, answer)
        self._kept.append(request)
        number = self._base + 1
        logs = [
            {"logIndex": hex(n), "transactionHash": "0x", **log, "blockNumber": hex(number)}
            for n, log in enumerate(answer["logs"])
        ]
        return {"status": 1, "blockNumber": number, "gasUsed": int(answer["gasUsed"], 16), "logs": logs}

    def _request(
        self, name: str, method: str, arguments: Sequence[Any], sender: str | None = None
    ) -> dict[str, str]:
        contract = self.contract(name)
        request = {"to": str(contract.address), "data": contract.encode_abi(method, args=list(arguments))}
        return request if sender is None else {"from": sender, **request}

    def _ask(self, requests: list[dict[str, str]]) -> list[dict[str, Any]]:
        """Raises Reverted if the node cannot rehearse."""
        overrides = {"time": hex(self._time), "gasLimit": hex(GAS_LIMIT)}
        block = {"blockOverrides": overrides, "calls": [*self._kept, *requests]}
        answer = self.web3.provider.make_request(
            RPCEndpoint("eth_simulateV1"), [{"blockStateCalls": [block]}, hex(self._base)]
        )
        if "error" in answer:
            if answer["error"].get("code") == UNKNOWN_METHOD:
                raise Reverted("The node does not know eth_simulateV1, which a dry run needs.")
            raise Reverted(f"The node does not rehearse: {answer['error'].get('message')}")
        return answer["result"][0]["calls"][len(self._kept) :]

    def _decoded(self, name: str, method: str, answer: dict[str, Any]) -> Any:
        if int(answer["status"], 16) != 1:
            error = answer.get("error", {})
            raise Reverted(reason_in(answer.get("returnData") or error.get("data"), error.get("message", "")))
        return self.decoded(name, method, answer["returnData"])
