"""All that the audit needs of the past, up to a block: ledger, the fund's books, token transfers, roles.

Read from events in their order, a few thousand blocks at a time; kept in a state file on the way, so that a
run over a long chain can be stopped and the next one goes on from there.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from eth_utils import keccak

from lastline import abi, fixed_math, ledger, state_file, units, views, words
from lastline import chain as chains
from lastline.abi import Event
from lastline.chain import Chain, Query
from lastline.deployments import DeploymentError
from lastline.ledger import Ledger
from lastline.state_file import as_plain, of_plain, write_file
from lastline.views import FUND, SOURCES, TIMELOCK, VAULT

TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
# Whose token transfers are counted, and whose events are read.
HOLDERS = (VAULT, FUND)
WITNESSES = (*HOLDERS, TIMELOCK)
# The last blocks are read again by every run, as the keeper does: a reorganisation of so many costs nothing.
REORG_DEPTH = 32
SAVE_EVERY = 20_000  # blocks
# How many the fund keeps.
CHECKPOINTS = 512
STATE_OF = "lastline: verify_funds"
# Code that a history depends on, besides this file.
MODULES = (abi, chains, fixed_math, ledger, state_file, units, views, words)


@dataclass
class FundBooks:
    """The fund's events, token units: inflows by source, payouts by tier, capital, given to the pool, to the
    cold Safe and back; and the latest checkpoints by their index, as many as the fund keeps.
    """

    sources: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SOURCES, 0))
    paid: int = 0
    community: int = 0
    withdrawn: int = 0
    given: int = 0
    swept: int = 0
    returned: int = 0
    # Paid for each market's claims, by reserve and pool, and paid back by its surplus, to reserve and pool.
    by_market: dict[int, list[int]] = field(default_factory=dict)
    checkpoints: dict[int, tuple[int, ...]] = field(default_factory=dict)
    checkpoints_made: int = 0

    def apply(self, event: Event) -> None:
        if event.name == "InflowRecorded":
            self.sources[SOURCES[event.source.bit_length() - 1]] += event.amount
        elif event.name == "ClaimsPaid":
            self.paid += event.amount
            self.community += event.community
            self._count(event.market, event.amount, event.community, 0, 0)
        elif event.name == "PoolInflow":
            self.given += event.amount
        elif event.name == "CapitalWithdrawn":
            self.withdrawn += event.amount
        elif event.name == "ReserveRepaid":
            self._count(event.market, 0, 0, event.amount, 0)
        elif event.name == "CommunityRepaid":
            self._count(event.market, 0, 0, 0, event.amount)
        elif event.name == "Swept":
            self.swept += event.amount
        elif event.name == "BroughtBack":
            self.returned += event.amount
        elif event.name == "CheckpointRecorded":
            self.checkpoints_made += 1
            self.checkpoints[event.index] = tuple(event.checkpoint)
            self.checkpoints.pop(event.index - CHECKPOINTS, None)

    def _count(self, market: int, *amounts: int) -> None:
        known = self.by_market.get(market, [0, 0, 0, 0])
        self.by_market[market] = [a + b for a, b in zip(known, amounts, strict=True)]


@dataclass
class History:
    """Everything up to and including `block`. `received`, `sent`: token units by holder."""

    block: int
    ledger: Ledger = field(default_factory=Ledger)
    fund: FundBooks = field(default_factory=FundBooks)
    received: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOLDERS, 0))
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOLDERS, 0))
    # Roles of the Timelock (keccak256 of their names, hex) and who holds them.
    roles: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def start(cls, chain: Chain) -> "History":
        """Before the deployment's first block."""
        decimals = chain.call("Collateral", "decimals")
        return cls(chain.deployment.first_block - 1, Ledger.empty(decimals))

    def advance(
        self,
        chain: Chain,
        last: int,
        tell: Callable[[int, int], None] = lambda done, total: None,
        state: Path | None = None,
        every: int = SAVE_EVERY,
    ) -> None:
        """Read on to block `last`; `tell` takes how many blocks are read, and of how many.

        With `state`, the history is saved there every so many blocks, but none of the last `REORG_DEPTH`.
        Raises LedgerError if events do not fit together, DeploymentError if the chain was reorganised
        deeper than that meanwhile.
        """
        first, saved = self.block, self.block
        settled, anchor = max(last - REORG_DEPTH, first), ""
        for stop in (settled, last):
            for end, found in chain.spans(_queries(chain), self.block + 1, stop):
                self._apply(chain, *found)
                self.block = end
                tell(end - first, last - first)
                if state is not None and end <= settled and (end - saved >= every or end == settled):
                    anchor = chain.block_hash(end)
                    write_file(state, self._as_data(chain, anchor), None)
                    saved = end
        if anchor and chain.block_hash(saved) != anchor:
            raise DeploymentError("The chain was reorganised while it was read: run this again.")

    def _apply(self, chain: Chain, events: list[Event], came: list[Event], went: list[Event]) -> None:
        vault, fund = (chain.deployment.address(name) for name in HOLDERS)
        for event in events:
            if event.address == vault:
                self.ledger.apply(event)
            elif event.address == fund:
                self.fund.apply(event)
            elif event.name == "RoleGranted":
                self.roles.add((event.role.hex(), event.account))
            elif event.name == "RoleRevoked":
                self.roles.discard((event.role.hex(), event.account))
        names = {chain.deployment.address(name): name for name in HOLDERS}
        for transfers, counts, place in ((came, self.received, 1), (went, self.sent, 0)):
            for event in transfers:
                # whatever the token calls them: from, to, amount
                *ends, amount = event.values.values()
                counts[names[ends[place]]] += amount

    # --- in a file ------------------------------------------------------------------------------------------

    def _as_data(self, chain: Chain, anchor: str) -> dict[str, Any]:
        plain = [as_plain(getattr(self, part.name)) for part in fields(self)]
        data = {
            "state_of": STATE_OF,
            **_identity(chain),
            "block": self.block,
            "hash": anchor,
            "history": plain,
        }
        return {**data, "digest": _digest(data)}


def resume(chain: Chain, state: Path, last: int) -> tuple[History, str]:
    """The history that a run has saved, if it is this chain's still, and what there is to tell about it.

    Otherwise one that starts anew, and why. A file of something else is left alone: raises DeploymentError.
    """
    fresh = History.start(chain)
    if not state.exists():
        return fresh, f"There is no {state} yet: reading from block {fresh.block + 1} on."
    try:
        text = state.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{state} cannot be read as a state file: {error}.") from error
    if STATE_OF not in text[:100]:
        raise DeploymentError(f"{state} is no state file of verify_funds, it is left alone: name another.")
    why, history = _read(chain, text, last)
    if history is not None:
        return history, f"Going on after block {history.block}, where {state} was saved."
    return fresh, f"{state} {why}: reading from block {fresh.block + 1} on."


def _read(chain: Chain, text: str, last: int) -> tuple[str, History | None]:
    """The history in a state file's text, or why it cannot be used."""
    try:
        data = json.loads(text)
        digest = data.pop("digest")
        if digest != _digest(data):
            return "is damaged", None
        identity = _identity(chain)
        if data["version"] != identity["version"]:
            return "was saved by another version", None
        if any(data[name] != worth for name, worth in identity.items()):
            return "was saved for another deployment", None
        if data["block"] > last:
            return f"was saved at block {data['block']}, later than is asked for", None
        if chain.block_hash(data["block"]) != data["hash"]:
            return (
                f"was saved on another chain or before a reorganisation (block {data['block']} differs)",
                None,
            )
        return "", of_plain(History, data["history"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "is damaged", None


def _identity(chain: Chain) -> dict[str, Any]:
    """Of which deployment a history is, and by which code: another one may have booked otherwise."""
    deployment = chain.deployment
    sources = b"".join(Path(str(module.__file__)).read_bytes() for module in MODULES)
    return {
        "version": hashlib.sha256(sources + Path(__file__).read_bytes()).hexdigest(),
        "chain_id": deployment.chain_id,
        "first_block": deployment.first_block,
        "contracts": {name: deployment.address(name) for name in (*HOLDERS, "Collateral")},
    }


def _digest(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def _queries(chain: Chain) -> list[Query]:
    holders = [
        "0x" + chain.deployment.address(name).removeprefix("0x").lower().rjust(64, "0") for name in HOLDERS
    ]
    return [
        Query(tuple(name for name in WITNESSES if name in chain.deployment.contracts)),
        Query(("Collateral",), [TRANSFER, None, holders]),
        Query(("Collateral",), [TRANSFER, holders]),
    ]
