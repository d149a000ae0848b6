"""Feeds, good and odd, and what the oracle's tests say about them."""

from functools import cache
from typing import Any, NamedTuple

import boa
from boa.contracts.vyper.vyper_contract import VyperContract, VyperDeployer

from tests import artifacts, support

WAD = 10**18
PRICE = 2_000
HEARTBEAT_SECONDS = 3_600
MAX_DEVIATION = WAD // 100
MIN_INT256 = -(2**255)
MAX_INT256 = 2**255 - 1

# A "feed" that answers or reverts with any bytes, burns all gas, or wants some before it answers.
ODD_FEED = """
# pragma version 0.4.3

decimals_answer: Bytes[1024]
round_answer: Bytes[1024]
is_burning: bool
is_reverting: bool
least_gas: uint256

@deploy
def __init__(decimals_answer: Bytes[1024], round_answer: Bytes[1024]):
    self.decimals_answer = decimals_answer
    self.round_answer = round_answer

@external
def set_round_answer(round_answer: Bytes[1024]):
    self.round_answer = round_answer

@external
def set_burning(is_burning: bool):
    self.is_burning = is_burning

@external
def set_reverting(is_reverting: bool):
    self.is_reverting = is_reverting

@external
def set_least_gas(least_gas: uint256):
    self.least_gas = least_gas

@external
@view
@raw_return
def decimals() -> Bytes[1024]:
    return self.decimals_answer

@external
@view
@raw_return
def latestRoundData() -> Bytes[1024]:
    assert msg.gas >= self.least_gas, "odd_feed: low gas"
    if self.is_reverting:
        raw_revert(self.round_answer)
    if self.is_burning:
        hash: bytes32 = empty(bytes32)
        for i: uint256 in range(max_value(uint256)):
            hash = keccak256(hash)
    return self.round_answer
"""


class FeedConfig(NamedTuple):
    """What `set_feeds` takes for one feed."""

    aggregator: str
    heartbeat_seconds: int
    min_answer: int
    max_answer: int


def new_feed(price: int = PRICE, decimals: int = 8) -> VyperContract:
    """A feed whose first round, now, says `price` quote per base."""
    return support.deploy("mocks/MockAggregator.vy", decimals, price * 10**decimals)


@cache
def odd_feed() -> VyperDeployer:
    """The compiled odd feed."""
    return boa.loads_partial(ODD_FEED, compiler_args=artifacts.COMPILER_ARGS)


def new_odd_feed(decimals_answer: bytes | None = None, round_answer: bytes | None = None) -> VyperContract:
    """A feed that answers with these bytes; by default like a good one with 8 decimals."""
    return odd_feed().deploy(
        words(8) if decimals_answer is None else decimals_answer,
        good_round() if round_answer is None else round_answer,
    )


def words(*values: int) -> bytes:
    """Words as a contract returns them; negative numbers in two's complement."""
    return b"".join((value % 2**256).to_bytes(32, "big") for value in values)


def good_round() -> bytes:
    """The round of a good feed with 8 decimals."""
    return words(1, PRICE * 10**8, boa.env.timestamp, boa.env.timestamp, 1)


def config_of(feed: VyperContract, **changes: Any) -> FeedConfig:
    """The usual configuration of a feed: an hour, and between a hundredth and a hundred times PRICE."""
    unit = 10 ** feed.decimals()
    usual = FeedConfig(feed.address, HEARTBEAT_SECONDS, PRICE * unit // 100, PRICE * unit * 100)
    return usual._replace(**changes)


def odd_config_of(feed: VyperContract) -> FeedConfig:
    """The usual configuration of an odd feed, as if it had 8 decimals."""
    return FeedConfig(feed.address, HEARTBEAT_SECONDS, PRICE * 10**6, PRICE * 10**10)


def stored(config: FeedConfig, decimals: int = 8) -> tuple:
    """A feed as the oracle keeps it."""
    return (*config, decimals)


def logged(oracle: VyperContract) -> list[tuple]:
    """Every event of the last call: name, then values in declared order."""
    return [(type(event).__name__, *event[1:]) for event in oracle.get_logs()]
