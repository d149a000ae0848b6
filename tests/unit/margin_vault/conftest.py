"""A kernel with one market at 100, and the two sides of a trade. Every test starts from the same state."""

import pytest

from tests.kernel import Kernel, account_of
from tests.support import deploy
from tests.unit.margin_vault.actions import COUNTERPARTY, TRADER, new_kernel


@pytest.fixture(scope="module")
def decimals(request: pytest.FixtureRequest) -> int:
    """Of the collateral: 6 unless the test asks for others."""
    return getattr(request, "param", 6)


@pytest.fixture(scope="module")
def kernel(decimals: int) -> Kernel:
    return new_kernel(decimals)


@pytest.fixture(scope="module")
def traders(kernel: Kernel) -> Kernel:
    """The kernel with 1,000 in the account of either side."""
    kernel.fund_account(TRADER, 1_000)
    kernel.fund_account(COUNTERPARTY, 1_000)
    return kernel


@pytest.fixture(params=["long", "short"])
def direction(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def trader() -> int:
    return account_of(TRADER)


@pytest.fixture(scope="session")
def counterparty() -> int:
    return account_of(COUNTERPARTY)


@pytest.fixture(scope="session")
def max_size() -> int:
    """The most tokens, quote or base that one call moves."""
    return deploy("mocks/UnitsHarness.vy").MAX_AMOUNT()


@pytest.fixture(scope="session")
def max_fee_rate() -> int:
    """The highest fee of either side."""
    return deploy("mocks/UnitsHarness.vy").MAX_FEE_RATE()
