"""A kernel as governance finds it."""

import pytest

from tests.kernel import Kernel, account_of
from tests.support import deploy
from tests.unit.margin_vault.actions import COUNTERPARTY, TRADER, new_kernel


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return new_kernel()


@pytest.fixture(scope="module")
def traders(kernel: Kernel) -> Kernel:
    """The kernel with 1,000 in the account of either side."""
    kernel.fund_account(TRADER, 1_000)
    kernel.fund_account(COUNTERPARTY, 1_000)
    return kernel


@pytest.fixture(scope="session")
def units():
    """The bounds every file speaks in."""
    return deploy("mocks/UnitsHarness.vy")


@pytest.fixture(scope="session")
def trader() -> int:
    return account_of(TRADER)


@pytest.fixture(scope="session")
def counterparty() -> int:
    return account_of(COUNTERPARTY)
