"""A kernel, a lens and a reader that answers in process as `lastline.chain.Chain` does on a node."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import boa
import pytest

from lastline import account_report as ar
from lastline import risk as rk
from lastline.deployments import DeploymentError
from tests.kernel import Kernel, deploy_kernel
from tests.support import deploy
from tests.unit.crisis.scene import Scene, fresh


@dataclass
class Desk:
    """A scene, and what the report says of its accounts."""

    scene: Scene
    lens: Any
    fund: Any = None

    # --- as Chain -------------------------------------------------------------------------------------------

    def call(self, name: str, method: str, *arguments: Any, block: int | str = "latest") -> Any:
        contracts = {
            "MarginVault": self.scene.vault,
            "VaultLens": self.lens,
            "InsuranceFund": self.fund,
            "PriceOracle": self.scene.kernel.oracle,
        }
        if contracts[name] is None:
            raise DeploymentError(f"no {name}")
        answer = getattr(contracts[name], method)
        if name != "InsuranceFund":
            return answer(*arguments)
        # MockFund declares no types: what it returns are the words as they are
        data = answer.prepare_calldata(*arguments)
        return int.from_bytes(boa.env.execute_code(to_address=self.fund.address, data=data).output, "big")

    def call_many(
        self, name: str, calls: Sequence[tuple[Any, ...]], block: int | str = "latest"
    ) -> list[Any]:
        return [self.call(name, *call) for call in calls]

    # --- reading --------------------------------------------------------------------------------------------

    def report(self, account: int, **how: Any) -> ar.AccountReport:
        return ar.report(self, account, now=boa.env.timestamp, **how)

    def book(self, account: int) -> tuple[rk.Book, dict[int, int]]:
        reading = ar._Reading(self, account, "latest")
        return reading.book, reading.prices

    # --- driving --------------------------------------------------------------------------------------------

    def set_mark(self, price: int, market: int = 0) -> None:
        """Exactly this mark, a second later."""
        boa.env.timestamp += 1
        self.scene.kernel.oracle.set_price(market, price, 0)
        self.scene.vault.update_mark(market)
        assert self.scene.vault.mark(market) == price


@pytest.fixture(scope="module")
def shared_kernel() -> Kernel:
    return deploy_kernel(markets=2)


@pytest.fixture(scope="module")
def lens(shared_kernel: Kernel) -> Any:
    return deploy("VaultLens.vy", shared_kernel.vault.address)


@pytest.fixture(params=[1, -1], ids=["long", "short"])
def desk(request: pytest.FixtureRequest, shared_kernel: Kernel, lens: Any) -> Desk:
    """`desk.scene`: whoever loses is long, or short."""
    return Desk(fresh(shared_kernel, request.param), lens)
