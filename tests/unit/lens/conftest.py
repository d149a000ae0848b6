"""A kernel and a lens on it; every test sees them untouched, for losers on the long and on the short side."""

from typing import Any

import pytest

from tests.kernel import Kernel, deploy_kernel
from tests.support import deploy
from tests.unit.crisis.scene import Scene, fresh


@pytest.fixture(scope="module")
def shared_kernel() -> Kernel:
    return deploy_kernel(markets=2)


@pytest.fixture(scope="module")
def lens(shared_kernel: Kernel) -> Any:
    return deploy("VaultLens.vy", shared_kernel.vault.address)


@pytest.fixture(params=[1, -1], ids=["long", "short"])
def scene(request: pytest.FixtureRequest, shared_kernel: Kernel) -> Scene:
    return fresh(shared_kernel, request.param)
