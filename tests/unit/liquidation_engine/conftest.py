"""A liquidation engine in front of a vault that only records what it is asked."""

import pytest

from tests import support
from tests.unit.liquidation_engine.kernel import Kernel, account_of


@pytest.fixture(scope="module")
def kernel():
    return Kernel()


@pytest.fixture(scope="module")
def engine(kernel):
    return support.deploy("LiquidationEngine.vy", kernel.address)


@pytest.fixture(scope="module")
def trader():
    return support.actor("trader")


@pytest.fixture(scope="module")
def liquidator():
    return support.actor("liquidator")


@pytest.fixture(scope="module")
def operator():
    return support.actor("operator")


@pytest.fixture(scope="module")
def keeper():
    return support.actor("keeper")


@pytest.fixture(scope="module")
def attacker():
    return support.actor("attacker")


@pytest.fixture(scope="module")
def account(trader):
    """The account in trouble."""
    return account_of(trader, 7)
