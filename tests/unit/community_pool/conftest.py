"""Pools over tokens of 6, 8 and 18 decimals, empty or with two stakers"""

from collections.abc import Callable

import pytest
from boa.contracts.vyper.vyper_contract import VyperContract

from tests import support
from tests.unit.community_pool.desk import ENTRY_DELAY, PARAMETERS, PoolSystem, build


@pytest.fixture(scope="module", params=[6, 18])
def token(request: pytest.FixtureRequest) -> VyperContract:
    return support.deploy("mocks/MockERC20.vy", request.param)


@pytest.fixture(scope="module")
def system(token: VyperContract) -> PoolSystem:
    """A pool without money."""
    return build(token)


@pytest.fixture(scope="module")
def staked(token: VyperContract) -> PoolSystem:
    """Alice has staked 3,000 tokens and Bob 1,000; a share costs what the first one did."""
    system = build(token)
    for owner, whole in ((system.alice, 3_000), (system.bob, 1_000)):
        system.request(owner, whole)
    support.wait(ENTRY_DELAY)
    for owner in (system.alice, system.bob):
        system.pool.activate_deposit(owner)
    return system


@pytest.fixture(scope="module")
def make_system() -> Callable[..., PoolSystem]:
    """For tokens and parameters of another kind."""

    def make(token_path: str = "mocks/MockERC20.vy", decimals: int = 6, parameters: tuple = PARAMETERS):
        return build(support.deploy(token_path, decimals), parameters)

    return make
