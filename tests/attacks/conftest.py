"""One deployment a file; every attack starts from the same quiet market at 100."""

import pytest

from tests.attacks.desk import Desk, open_desk
from tests.kernel import Kernel, deploy_kernel
from tests.unit.crisis.scene import Scene, fresh


@pytest.fixture(scope="module")
def shared_kernel() -> Kernel:
    return deploy_kernel(markets=2)


@pytest.fixture
def scene(shared_kernel: Kernel) -> Scene:
    """The losers are long."""
    return fresh(shared_kernel, 1)


@pytest.fixture(params=[1, -1], ids=["long", "short"])
def either(request: pytest.FixtureRequest, shared_kernel: Kernel) -> Scene:
    """For attacks that differ by side: the losers are long, then short."""
    return fresh(shared_kernel, request.param)


@pytest.fixture
def desk(scene: Scene) -> Desk:
    """The same market behind the real engine, allocator and fund."""
    return open_desk(scene)
