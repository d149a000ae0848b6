"""What the kernel asks a position to hold, over all eight maintenance lines and in every risk mode."""

import pytest

from tests.kernel import Kernel, account_of, wad
from tests.unit.margin_vault.actions import COUNTERPARTY, TRADER, new_kernel, trade

# Each line takes over from the one before at 1,000, 2,000, ... quote: deduction = sum of border * rate step.
RATES = [wad("0.01") * (n + 1) for n in range(8)]
DEDUCTIONS = [wad(10) * n * (n + 1) // 2 for n in range(8)]


@pytest.fixture(scope="module", params=range(1, 9), ids=lambda count: f"{count} lines")
def lines(request: pytest.FixtureRequest) -> tuple[Kernel, int]:
    """A market with so many lines, and two rich accounts."""
    margin = {"line_rates": RATES[: request.param], "line_deductions": DEDUCTIONS[: request.param]}
    kernel = new_kernel(margin=margin)
    for name in (TRADER, COUNTERPARTY):
        kernel.fund_account(name, 1_000_000)
    return kernel, request.param


@pytest.mark.parametrize("worth", [500, 1_500, 2_500, 3_500, 4_500, 5_500, 6_500, 7_500, 100_000])
def test_maintenance_is_the_highest_of_all_lines(lines, worth, direction):
    kernel, count = lines
    trade(kernel, direction, worth / 100)
    asked = max(wad(worth) * RATES[n] // 10**18 - DEDUCTIONS[n] for n in range(count))
    assert kernel.position(account_of(TRADER)).maintenance == asked
    assert kernel.state(account_of(TRADER)).maintenance == asked
