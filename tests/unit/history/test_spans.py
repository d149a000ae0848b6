"""Logs of a chain whose node has its limits: read in halves, all of them, in order, with their times."""

from types import SimpleNamespace

import pytest
from requests import HTTPError

from lastline import chain as chains
from lastline.abi import signature
from lastline.chain import Chain, LogsRefused, Query
from lastline.deployments import ContractRecord, Deployment

TOKEN = "0x" + "11" * 20
ABI = [{"type": "event", "name": "Counted", "inputs": [{"name": "n", "type": "uint256", "indexed": False}]}]
FIRST = 10


class Node:
    """One log a block, and a limit on blocks or on logs of an answer."""

    def __init__(self, most_blocks=10**9, most_logs=10**9, head=1_000, has_times=True, refuse="error"):
        self.most_blocks, self.most_logs, self.head = most_blocks, most_logs, head
        self.has_times, self.refuse = has_times, refuse
        self.asked = []
        self.times_asked = 0

    def make_request(self, method, parameters):
        assert method == "eth_getLogs"
        (query,) = parameters
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        self.asked.append((first, last))
        count = last - first + 1
        if count > self.most_blocks or count > self.most_logs:
            if self.refuse == "http":
                raise HTTPError("413 Client Error")
            return {"error": {"message": "query exceeds max results"}}
        return {"result": [self.log(block) for block in range(first, last + 1)]}

    def make_batch_request(self, requests):
        self.times_asked += len(requests)
        return [{"result": {"timestamp": hex(1_000 + int(block, 16))}} for _, (block, _) in requests]

    def log(self, block):
        topic = "0x" + chains.Web3.keccak(text=signature(ABI[0])).hex().removeprefix("0x")
        log = {
            "address": TOKEN,
            "topics": [topic],
            "data": "0x" + block.to_bytes(32).hex(),
            "blockNumber": hex(block),
            "logIndex": "0x0",
            "transactionHash": "0x" + "00" * 32,
        }
        return {**log, "blockTimestamp": hex(1_000 + block)} if self.has_times else log


def chain_of(node):
    record = Deployment("ethereum", "local", 31337, TOKEN, {}, {})
    record.contracts["Token"] = ContractRecord("Token", TOKEN, FIRST, "", [], "")
    record.abis["Token"] = ABI
    web3 = SimpleNamespace(provider=node, eth=SimpleNamespace(block_number=node.head))
    return Chain(web3, record)


def is_complete(chain, head=1_000):
    events = chain.events(["Token"])
    assert [event.n for event in events] == list(range(FIRST, head + 1))
    assert [event.timestamp for event in events] == [1_000 + event.block for event in events]
    return True


@pytest.mark.parametrize("limits", [{"most_blocks": 100}, {"most_logs": 37}, {"most_blocks": 1}])
@pytest.mark.parametrize("refuse", ["error", "http"])
def test_a_limit_of_the_node_is_met_by_halves(limits, refuse):
    assert is_complete(chain_of(Node(**limits, refuse=refuse)))


def test_without_a_limit_one_request_is_enough():
    node = Node()
    assert is_complete(chain_of(node))
    assert node.asked == [(FIRST, 1_000)]


def test_more_is_asked_for_again_after_some_answers(monkeypatch):
    monkeypatch.setattr(chains, "LOG_SPAN", 400)
    node = Node(most_blocks=100, head=1_500)
    assert is_complete(chain_of(node), 1_500)
    sizes = [last - first + 1 for first, last in node.asked]
    assert sizes[:11] == [400, 200, 100, *[100] * 7, 200]


def test_a_node_that_refuses_one_block_is_told_of():
    chain = chain_of(Node(most_blocks=0))
    with pytest.raises(LogsRefused, match="refuses to list events: query exceeds max results"):
        chain.events(["Token"])


def test_times_that_logs_lack_are_asked_for_once_a_block():
    node = Node(has_times=False, most_blocks=100)
    chain = chain_of(node)
    assert is_complete(chain)
    assert node.times_asked == 991
    assert is_complete(chain)
    assert node.times_asked == 991


def test_several_queries_are_read_for_the_same_blocks():
    chain = chain_of(Node(most_blocks=300))
    ends = []
    for end, (first, second) in chain.spans([Query(("Token",)), Query(("Token",), [None])], 500, 900):
        assert [event.n for event in first] == [event.n for event in second]
        assert first[-1].block == end
        ends.append(end)
    assert ends == [699, 899, 900]
