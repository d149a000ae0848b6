"""A market's end, step by step: close-only, the Timelock's operation, and every position closed at one price.

Each step is taken once and found done by a second run, as in lastline.deployer. Nobody needs a right for
closing positions; settling needs the vault's owner, or a proposer and an executor of the Timelock that owns
it.
"""

from dataclasses import dataclass

from eth_utils import keccak

from lastline import views
from lastline.chain import Chain, Reverted, Sender
from lastline.keeper.index import AccountIndex
from lastline.views import VAULT
from lastline.words import SETTLED, AccountWord

ACTIVE, CLOSE_ONLY = 1, 2
# A tier of the LossAllocator.
ROUND = 2
STATUS_NAMES = {ACTIVE: "active", CLOSE_ONLY: "close-only", SETTLED: "settled"}
NOTHING = b"\0" * 32
# Steps of a mark on its way that one run takes.
MOST_STEPS = 200
INSOLVENT = "margin: account insolvent"


@dataclass(frozen=True)
class Open:
    """A position still there; size base, `unrealised` quote at mark, `equity` of the whole account, quote."""

    account: int
    size: int
    unrealised: int
    equity: int

    @property
    def is_insolvent(self) -> bool:
        """It has to be absorbed first."""
        return self.equity < 0


@dataclass(frozen=True)
class Plan:
    """What there is to settle. `oracle_mark` None: no usable price, `oracle_reason` says why. `policy`: the
    tiers that pay what the fund does not, in their order.
    """

    market: views.MarketView
    oracle_mark: int | None
    oracle_reason: str
    positions: tuple[Open, ...]
    policy: tuple[int, ...]

    @property
    def reaches_winners(self) -> bool:
        """False: ADL at the settlement price takes nothing from anybody, so only the fund and stakers pay."""
        return ROUND in self.policy

    @property
    def status(self) -> str:
        return STATUS_NAMES.get(self.market.status, "unknown")

    @property
    def is_settled(self) -> bool:
        return self.market.status == SETTLED


def plan(chain: Chain, market: int) -> Plan:
    """The market and everybody who is in it, at the latest block. Raises Reverted "market: unknown"."""
    block = chain.web3.eth.block_number
    view = views.market(chain, market, block)
    usable, (mark, *_), reason = chain.call("PriceOracle", "status", market, block=block)
    index = AccountIndex.of(chain)
    index.update(chain, block, 0)
    accounts = sorted(index.accounts)
    words = chain.call_many(VAULT, [("account_word", account) for account in accounts], block)
    inside = [a for a, word in zip(accounts, words, strict=True) if market in AccountWord.of(word).market_ids]
    positions = chain.call_many(VAULT, [("position_state", account, market) for account in inside], block)
    states = chain.call_many(VAULT, [("account_state", account) for account in inside], block)
    found = (
        Open(account, position[0], position[2], state[3])
        for account, position, state in zip(inside, positions, states, strict=True)
    )
    policy = tuple(chain.call("LossAllocator", "policy", market, block=block))
    return Plan(view, mark if usable else None, reason, tuple(p for p in found if p.size), policy)


def set_close_only(chain: Chain, sender: Sender, market: int) -> None:
    """As guardian or owner; nothing happens to a market that is close-only or settled already."""
    if views.market(chain, market).status == ACTIVE:
        chain.send(sender, VAULT, "set_market_status", market, CLOSE_ONLY)


@dataclass
class Operation:
    """The Timelock's call of `settle_market`."""

    chain: Chain
    market: int

    def __post_init__(self) -> None:
        vault = self.chain.deployment.address(VAULT)
        data = keccak(text="settle_market(uint256)")[:4] + self.market.to_bytes(32, "big")
        self.call = (vault, 0, data, NOTHING, keccak(text=f"lastline: settle market {self.market}"))
        self.id = self.chain.call("Timelock", "hash_operation", *self.call)

    @property
    def is_scheduled(self) -> bool:
        return bool(self.chain.call("Timelock", "is_operation", self.id))

    @property
    def is_ready(self) -> bool:
        return bool(self.chain.call("Timelock", "is_operation_ready", self.id))

    @property
    def ready_at(self) -> int:
        """When its delay is over, seconds; 0 if it is not scheduled."""
        return int(self.chain.call("Timelock", "get_timestamp", self.id))

    def schedule(self, sender: Sender) -> None:
        delay = self.chain.call("Timelock", "get_minimum_delay")
        self.chain.send(sender, "Timelock", "schedule", *self.call, delay)

    def execute(self, sender: Sender) -> None:
        self.chain.send(sender, "Timelock", "execute", *self.call)


def bring_mark(chain: Chain, sender: Sender, market: int) -> None:
    """Renew the mark until it has arrived at the oracle's, a step a transaction; nothing without a price."""
    for _ in range(MOST_STEPS):
        if not chain.call("PriceOracle", "status", market)[0]:
            return
        chain.send(sender, VAULT, "update_mark", market)
        if views.market(chain, market).mark_time != 0:
            return


def is_owned_by_timelock(chain: Chain) -> bool:
    return bool(chain.call(VAULT, "owner") == chain.deployment.address("Timelock"))


def close_all(chain: Chain, sender: Sender, found: Plan) -> tuple[int, tuple[int, ...]]:
    """
    Close every position for its owner; how many were closed, and the accounts that have to be absorbed
    first.
    """
    closed, insolvent = 0, []
    for position in found.positions:
        try:
            chain.send(sender, VAULT, "close_at_settlement", position.account, found.market.market)
            closed += 1
        except Reverted as reverted:
            if INSOLVENT not in str(reverted):
                raise
            insolvent.append(position.account)
    return closed, tuple(insolvent)
