"""What tests of the kernel start from: one deployment a file, untouched, for losers on either side."""

import pytest

from tests.kernel import Kernel, deploy_kernel
from tests.unit.crisis.scene import Scene, fresh


@pytest.fixture(scope="module")
def shared_kernel() -> Kernel:
    return deploy_kernel(markets=3)


@pytest.fixture(params=[1, -1], ids=["long", "short"])
def scene(request: pytest.FixtureRequest, shared_kernel: Kernel) -> Scene:
    return fresh(shared_kernel, request.param)


@pytest.fixture(params=[6, 8, 18])
def any_decimals(request: pytest.FixtureRequest) -> Kernel:
    """A deployment of its own for each kind of token."""
    return deploy_kernel(decimals=request.param)


@pytest.fixture(params=[1, -1], ids=["long", "short"])
def fine_scene(request: pytest.FixtureRequest) -> Scene:
    """Collateral with 18 decimals, so that a deposit can be one wei more or less."""
    return fresh(deploy_kernel(decimals=18, markets=2), request.param)
