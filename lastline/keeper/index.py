"""Which accounts may have to be liquidated: everybody who ever got a position, found by events, kept in a
file.
"""

from dataclasses import dataclass, field
from typing import Any

from eth_utils import keccak, to_hex

from lastline.abi import signature
from lastline.chain import Chain
from lastline.views import VAULT

FORMAT = 1


@dataclass
class AccountIndex:
    """Accounts, each with the block of its last known change of position, as of `block`.

    An account leaves only by `forget`, so an event that a reorganisation takes back leaves at worst an
    account too many, and one that it brings is found because the last `reorg_depth` blocks are always read
    again. `anchor` is a block before those, number and hash: if the chain has another one there, everything
    is read again.
    """

    chain_id: int
    vault: str
    first_block: int
    block: int = -1
    accounts: dict[int, int] = field(default_factory=dict)
    anchor: tuple[int, str] | None = None

    @classmethod
    def of(cls, chain: Chain) -> "AccountIndex":
        """An empty index: the first `update` reads everything from the deployment on."""
        return cls(chain.deployment.chain_id, chain.deployment.address(VAULT), chain.deployment.first_block)

    @classmethod
    def read(cls, chain: Chain, data: dict[str, Any] | None) -> "AccountIndex":
        """The index that `as_data` wrote; an empty one if that was of another deployment, or is no such
        data.
        """
        fresh = cls.of(chain)
        try:
            if data is None or data["format"] != FORMAT:
                return fresh
            if (data["chain_id"], data["vault"]) != (fresh.chain_id, fresh.vault):
                return fresh
            known = {int(account, 16): int(block) for account, block in data["accounts"].items()}
            number, digest = data["anchor"]
            fresh.block, fresh.accounts, fresh.anchor = int(data["block"]), known, (int(number), str(digest))
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls.of(chain)
        return fresh

    def as_data(self) -> dict[str, Any]:
        """For a state file."""
        return {
            "format": FORMAT,
            "chain_id": self.chain_id,
            "vault": self.vault,
            "block": self.block,
            "anchor": self.anchor,
            "accounts": {hex(account): block for account, block in sorted(self.accounts.items())},
        }

    def update(self, chain: Chain, head: int, reorg_depth: int) -> None:
        """Take in the events up to block `head`, of all blocks since the anchor."""
        if self.anchor is not None and chain.block_hash(self.anchor[0]) != self.anchor[1]:
            self.accounts, self.anchor, self.block = {}, None, -1
        first = self.first_block if self.anchor is None else self.anchor[0] + 1
        for event in chain.events([VAULT], first, head, [_topic(chain)]):
            self.accounts[event.account] = max(event.block, self.accounts.get(event.account, 0))
        number = max(self.first_block, head - reorg_depth)
        self.block, self.anchor = head, (number, chain.block_hash(number))

    def forget(self, account: int, block: int, reorg_depth: int) -> None:
        """Drop an account that had nothing to liquidate at `block`, unless its last change may still be
        undone.
        """
        if self.accounts.get(account, block) <= block - reorg_depth:
            self.accounts.pop(account, None)


def _topic(chain: Chain) -> str:
    """Every position that is opened, changed or closed logs this event of the vault."""
    entry = next(
        e for e in chain.deployment.abi(VAULT) if e["type"] == "event" and e["name"] == "PositionChanged"
    )
    return to_hex(keccak(text=signature(entry)))
