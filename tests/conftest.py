"""What all in-process suites share. boa's own plugin undoes the effects of every test and every fixture."""

import os

import boa
import pytest
from boa.contracts.vyper.vyper_contract import VyperContract
from hypothesis import HealthCheck, settings

from tests import artifacts, fast_evm, support

# Calls into the EVM take their time, so neither profile watches the clock.
SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("quick", max_examples=25, stateful_step_count=25, **SLOW)
settings.register_profile("deep", max_examples=500, stateful_step_count=50, **SLOW)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
    fast_evm.install()
    VyperContract._deployment_source_map = property(artifacts.deployment_source_map)
    # At every revert boa prints the contract's whole storage: slow, and an error if a map holds structs.
    VyperContract.__repr__ = lambda contract: f"<{contract.contract_name} at {contract.address}>"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Before there are workers, so that none waits for another."""
    artifacts.compile_all()


@pytest.fixture(scope="module", autouse=True)
def start_time() -> int:
    """Start every file at one moment, whatever ran before it, so that a failure can be repeated."""
    boa.env.timestamp = support.START_TIME
    return support.START_TIME
