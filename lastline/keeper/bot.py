"""The keeper itself: index, snapshot, decide, execute, remember; one step a block."""

import logging
from dataclasses import dataclass, field

from lastline.chain import Chain, Sender
from lastline.keeper import snapshot as snapshots
from lastline.keeper.config import Config
from lastline.keeper.decisions import PHASES, Phase, losses
from lastline.keeper.executor import DONE, REVERTED, WOULD, Executor, Outcome
from lastline.keeper.index import AccountIndex
from lastline.keeper.metrics import Metrics
from lastline.keeper.snapshot import Snapshot
from lastline.rehearsal import Rehearsal
from lastline.state_file import read_file, write_file

log = logging.getLogger("lastline.keeper")


@dataclass
class StepReport:
    """What a step saw first and did. `left`: unhealthy accounts at its last look."""

    block: int
    scanned: int = 0
    left: int = 0
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def done(self) -> list[Outcome]:
        """The actions that succeeded, or would in a dry run."""
        return [outcome for outcome in self.outcomes if outcome.status in (DONE, WOULD)]


class Keeper:
    """A keeper of one deployment with one sender. Not for two threads at once."""

    def __init__(self, chain: Chain, sender: Sender, config: Config) -> None:
        """Goes on from the state file of the settings, if there is a good one; else from the first block."""
        # a dry run sees what its actions would have done
        self.chain = Rehearsal(chain) if config.is_dry_run else chain
        self.sender = sender
        self.config = config
        state = read_file(config.state_file)
        self.index = AccountIndex.read(chain, state.get("index"))
        self.metrics = Metrics.of(state.get("metrics"))
        self.account = snapshots.own_account(config, sender.address)
        self.executor = Executor(
            self.chain,
            sender,
            self.metrics,
            {self.account, config.reward_account},
            config.cooldown_blocks,
        )

    def step(self) -> StepReport:
        """Everything that is due at the latest block, phase by phase, each decided on a snapshot that has
        seen what was sent before. Raises web3's errors if the node does not answer; what was done until then
        is done.
        """
        if isinstance(self.chain, Rehearsal):
            self.chain.begin()
        seen = self._look()
        report = StepReport(seen.block, seen.scanned)
        for phase in PHASES:
            # Tiers follow each other: the fund, ADL, a round; every pass may make the next one due.
            for _ in range(self.config.max_passes if phase is losses else 1):
                outcomes = self._run(phase, seen)
                report.outcomes += outcomes
                if not any(outcome.status in (DONE, WOULD, REVERTED) for outcome in outcomes):
                    break
                seen = self._look()
        report.left = len(seen.unhealthy)
        self.metrics.steps += 1
        self._prune(seen)
        self.save()
        return report

    def _run(self, phase: Phase, seen: Snapshot) -> list[Outcome]:
        if 0 < self.config.max_gas_price < seen.gas_price:
            return []
        return [self.executor.run(action, seen.block) for action in phase(seen, self.config)]

    def _look(self) -> Snapshot:
        head = self.chain.web3.eth.block_number
        self.index.update(self.chain, head, self.config.reorg_depth)
        seen = snapshots.read(self.chain, self.index.accounts, self.config, self.sender.address)
        self.metrics.scanned += seen.scanned
        for account, reason in seen.unread.items():
            self.metrics.count("refusals", "read", reason)
            log.warning("account %#x cannot be read: %s", account, reason)
        return seen

    def _prune(self, seen: Snapshot) -> None:
        # who is idle at the end of a dry run need not be
        for account in () if isinstance(self.chain, Rehearsal) else seen.idle:
            self.index.forget(account, seen.block, self.config.reorg_depth)
        self.metrics.block, self.metrics.accounts = seen.block, len(self.index.accounts)

    def save(self) -> None:
        """Write the state and metrics files that the settings name."""
        if self.config.state_file is not None:
            data = {"index": self.index.as_data(), "metrics": self.metrics.as_data()}
            write_file(self.config.state_file, data)
        if self.config.metrics_file is not None:
            self.metrics.write(self.config.metrics_file)
