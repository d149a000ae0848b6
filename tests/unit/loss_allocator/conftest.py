"""A loss allocator in front of a vault that only records what it is asked."""

import pytest

from tests import support
from tests.unit.liquidation_engine.kernel import Kernel, plain

MARKET = 3
NO_ANSWER, NO_CHARGE = (0, 0, 0, 0, False), (0, 0, 0, 0, 0)
NO_DEFICIT = "crisis: no deficit"
NAMES = {1: "deleverage", 2: "charge_round", 3: "close_at_mark", 4: "charge_side"}


class System:
    """The allocator with its vault, and its tiers by name."""

    def __init__(self) -> None:
        self.governance = support.actor("governance")
        self.kernel = Kernel()
        self.allocator = support.deploy("LossAllocator.vy", self.governance, self.kernel.address)
        self.deleverage = self.allocator.DELEVERAGE()
        self.round = self.allocator.ROUND()
        self.close = self.allocator.CLOSE_AT_MARK()
        self.side = self.allocator.SIDE_CHARGE()
        # after every policy; where it does not apply, tests of the policies leave it out
        self.refuses(self.side, NO_DEFICIT)

    def set_policy(self, *tiers: int) -> None:
        self.allocator.set_policy(MARKET, tiers, sender=self.governance)

    def answers(self, tier: int, cohorts: int = 1, is_done: bool = True) -> tuple:
        """Have a tier do something; the structure it answers with."""
        answer = (100 + tier, 200 + tier, 300 + tier, cohorts, is_done)
        self.kernel.answers(NAMES[tier], MARKET, *answer)
        return answer

    def refuses(self, tier: int, reason: str) -> None:
        self.kernel.refuses(NAMES[tier], MARKET, reason)

    def resolve(self, max_cohorts: int = 10, sender: str | None = None) -> tuple:
        """The receipt; without the last step if that is a side charge with nothing to do."""
        receipt = self.resolve_all(max_cohorts, sender)
        steps = receipt[5]
        if steps and (steps[-1][0], steps[-1][-1]) == (self.side, NO_DEFICIT):
            steps = steps[:-1]
        return (*receipt[:5], steps, receipt[6])

    def resolve_all(self, max_cohorts: int = 10, sender: str | None = None) -> tuple:
        sender = sender or support.actor("attacker")
        return plain(self.allocator.resolve(MARKET, max_cohorts, sender=sender))

    def charges(self, collected: int = 5, cohorts: int = 1) -> tuple:
        """Have the side charge do something; the structure it answers with."""
        answer = (100, 1, 2, collected, cohorts)
        self.kernel.answers(NAMES[self.side], MARKET, *answer)
        return answer

    def did(self, tier: int, max_cohorts: int, answer: tuple) -> tuple:
        """The step of a tier that answered."""
        answers = (NO_ANSWER, answer) if tier == self.round else (answer, NO_ANSWER)
        if tier == self.side:
            return (tier, max_cohorts, True, True, NO_ANSWER, NO_ANSWER, answer, "")
        return (tier, max_cohorts, True, answer[4], *answers, NO_CHARGE, "")

    def refused(self, tier: int, max_cohorts: int, reason: str) -> tuple:
        """The step of a tier that did not."""
        return (tier, max_cohorts, False, False, NO_ANSWER, NO_ANSWER, NO_CHARGE, reason)

    def called(self) -> list[tuple]:
        """Name and budget of the tiers that did not revert; the fund's part is left out."""
        return [call[::2] for call in self.kernel.calls() if call[0] != "pay_claims"]


@pytest.fixture(scope="module")
def system():
    return System()


@pytest.fixture
def idle(system):
    """Nothing to do for any tier."""
    system.refuses(system.deleverage, "crisis: no deficit")
    system.refuses(system.round, "crisis: no deficit")
    system.refuses(system.close, "crisis: no inventory")
    return system


@pytest.fixture(scope="module")
def attacker():
    return support.actor("attacker")
