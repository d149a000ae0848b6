"""What all in-process suites share. boa's own plugin undoes the effects of every test and every fixture."""

import os

import boa
import pytest
from boa.contracts.vyper.vyper_contract import VyperContract
from boa.interpret import set_cache_dir
from hypothesis import HealthCheck, settings

from tests import support

# Calls into the EVM take their time, so neither profile watches the clock.
SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("quick", max_examples=25, stateful_step_count=25, **SLOW)
settings.register_profile("deep", max_examples=500, stateful_step_count=50, **SLOW)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
    set_cache_dir(str(support.ROOT / ".boa_cache"))
    # At every revert boa prints the contract's whole storage: slow, and an error if a map holds structs.
    VyperContract.__repr__ = lambda contract: f"<{contract.contract_name} at {contract.address}>"


@pytest.fixture(scope="session", autouse=True)
def start_time() -> int:
    """Start every run at one moment, so that a failure can be repeated."""
    boa.env.timestamp = support.START_TIME
    return support.START_TIME
