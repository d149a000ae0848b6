"""Sends what was decided: simulated first, sent once, its outcome counted and told in one line."""

import logging
import re
from dataclasses import dataclass

from lastline.abi import Event
from lastline.chain import Chain, Reverted, Sender
from lastline.errors import explain
from lastline.keeper.decisions import Action
from lastline.keeper.metrics import Metrics
from lastline.rehearsal import Rehearsal
from lastline.units import WAD, to_decimal
from lastline.views import VAULT

# Outcomes.
DONE, WOULD, REFUSED, REVERTED, COOLING = "done", "would do", "refused", "reverted", "cooling down"
# What a simulation is told besides a revert: the call would change nothing.
NOTHING_LEFT = "nothing left to do"
# Longest reason that is counted on its own.
REASON_LENGTH = 80
_HEX = re.compile("0x[0-9a-fA-F]{8,}")

log = logging.getLogger("lastline.keeper")


@dataclass(frozen=True)
class Outcome:
    """What became of an action. `earned`: quote, 18 decimals; `reason`: of a refusal or revert."""

    action: Action
    status: str
    reason: str = ""
    block: int = 0
    gas_used: int = 0
    earned: int = 0


class Executor:
    """Simulates and sends actions. A transaction that reverts is forgotten, and its like not tried for a
    while.
    """

    def __init__(
        self,
        chain: Chain,
        sender: Sender,
        metrics: Metrics,
        beneficiaries: set[int],
        cooldown_blocks: int,
    ) -> None:
        """`beneficiaries`: accounts whose rewards and discounts count as earned. With a Rehearsal for a
        chain nothing is sent.
        """
        self.chain = chain
        self.sender = sender
        self.metrics = metrics
        self.beneficiaries = beneficiaries
        self.cooldown_blocks = cooldown_blocks
        self._cooling: dict[tuple[str, str], int] = {}

    def run(self, action: Action, block: int) -> Outcome:
        """Do an action that was decided at `block`, or its alternative if its simulation refuses. Never
        raises for a revert.
        """
        outcome = self._run(action, block)
        self._count(outcome)
        self._tell(outcome)
        if outcome.status == REFUSED and action.alternative is not None:
            return self.run(action.alternative, block)
        return outcome

    def _run(self, action: Action, block: int) -> Outcome:
        key = (action.kind, action.subject)
        if self._cooling.get(key, -1) >= block:
            return Outcome(action, COOLING)
        refusal = self.simulate(action)
        if refusal is not None:
            return Outcome(action, REFUSED, refusal)
        try:
            receipt = self.chain.send(self.sender, action.contract, action.method, *action.arguments)
        except Reverted as error:
            # Raced, as a rule: somebody else has done it in between. The next snapshot will tell.
            self._cooling[key] = block + self.cooldown_blocks
            return Outcome(action, REVERTED, self._reason(action, str(error)))
        self.metrics.gas_spent += receipt["gasUsed"] * receipt.get("effectiveGasPrice", 0)
        events = self.chain.decode(VAULT, receipt["logs"])
        earned = sum(self._earned(event) for event in events)
        status = WOULD if isinstance(self.chain, Rehearsal) else DONE
        return Outcome(action, status, "", receipt["blockNumber"], receipt["gasUsed"], earned)

    def _reason(self, action: Action, text: str) -> str:
        """Why a transaction reverted: a label for counting, so without hashes. Who was raced in the same
        block gets no reason from that block, but one from the state it left.
        """
        if text.startswith("no reason"):
            text = self.simulate(action) or "no reason"
        return _HEX.sub("0x…", text)[:REASON_LENGTH]

    def simulate(self, action: Action) -> str | None:
        """Why the contracts would refuse an action now; None if they would not. Sends nothing."""
        try:
            answer = self.chain.attempt(
                self.sender.address, action.contract, action.method, *action.arguments
            )
        except Reverted as error:
            return _HEX.sub("0x…", str(error))[:REASON_LENGTH]
        # absorb_many skips what the vault refuses instead of reverting.
        if action.method == "absorb_many" and answer == 0:
            return NOTHING_LEFT
        return None

    def _earned(self, event: Event) -> int:
        """Quote that an event brought the keeper's accounts, against mark."""
        if event.name == "AccountAbsorbed" and event.keeper in self.beneficiaries:
            return event.reward
        if event.name == "ClosedWithOrders" and event.keeper in self.beneficiaries:
            return event.reward
        if event.name == "InventorySold" and event.buyer in self.beneficiaries:
            return event.discount
        if event.name == "TakenOver" and event.liquidator in self.beneficiaries:
            mark = self.chain.call(VAULT, "mark", event.market, block=event.block)
            return abs(event.size) * abs(mark - event.price) // WAD
        return 0

    def _count(self, outcome: Outcome) -> None:
        kind = outcome.action.kind
        if outcome.status == DONE:
            self.metrics.count("actions", kind)
            self.metrics.gas_used += outcome.gas_used
            if outcome.earned:
                self.metrics.count("rewards", kind, by=outcome.earned)
        elif outcome.status == REFUSED:
            self.metrics.count("refusals", kind, outcome.reason)
        elif outcome.status == REVERTED:
            self.metrics.count("reverts", kind, outcome.reason)

    def _tell(self, outcome: Outcome) -> None:
        """One line: what, why, what was expected, what came, and what a reason means."""
        action = outcome.action
        expected = f"expected {_quote(action.reward)} less {_quote(action.gas_cost)} gas"
        line = f"{action.kind} {action.subject}: {action.why}; {expected}; {outcome.status}"
        if outcome.status in (DONE, WOULD):
            line += f" in block {outcome.block}, {outcome.gas_used} gas, earned {_quote(outcome.earned)}"
        elif outcome.reason:
            line += f": {explain(outcome.reason)}"
        log.log(logging.DEBUG if outcome.status in (REFUSED, COOLING) else logging.INFO, line)


def _quote(amount: int) -> str:
    """A quote amount for the log, four decimals."""
    return to_decimal(amount // 10**14 * 10**14)
