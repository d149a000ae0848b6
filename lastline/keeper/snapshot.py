"""What a keeper sees at one block: plain data, so that decisions can be made and tested without a chain.

Quote amounts, sizes, prices, rates and ratios have 18 decimals; gas prices are wei.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lastline.accounts import account_id, owner_of
from lastline.chain import Chain, Reverted
from lastline.keeper import orderbook
from lastline.keeper.config import Config
from lastline.keeper.orderbook import EXCHANGE, Resting
from lastline.risk import Terms
from lastline.units import WAD
from lastline.views import VAULT, AccountView, InventoryView, PositionView
from lastline.words import (
    SETTLED,
    AccountWord,
    ClockWord,
    FlowWord,
    LiquidationWord,
    MarginWords,
    PositionWord,
    PriceWord,
    QueueWord,
    SystemWord,
    halves,
)

ENGINE = "LiquidationEngine"
ALLOCATOR = "LossAllocator"
ORACLE = "PriceOracle"
FUND = "InsuranceFund"
SYNC_FIRST = "cohort: sync first"


@dataclass(frozen=True)
class MarketSnapshot:
    """A market: its mark and what the oracle says now, its inventory and claims, and what pays next.

    `oracle_mark` None: no usable price, `oracle_reason` says why. `fund_payable`: what the fund would pay
    now of the open claims, quote. `first_claim`: id of the oldest open claim, -1 for none, and when it was
    filed. `surplus`: what its bankruptcy account had left over and the fund has not got. `policy`: tiers
    of the LossAllocator. `maker_rate`: fee of a resting order, share of notional. `room`: quote that may be
    liquidated now, None without a limit. A settled
    market's mark is of a time to come: it never gets stale.
    """

    market: int
    mark: int
    mark_time: int
    is_round_open: bool
    open_interest: int
    margin: MarginWords
    liquidation: LiquidationWord
    clock: ClockWord
    inventory: InventoryView
    inventory_since: int
    last_loss_time: int
    oracle_mark: int | None
    oracle_reason: str
    fund_payable: int
    first_claim: int
    policy: tuple[int, ...]
    maker_rate: int = 0
    room: int | None = None
    is_settled: bool = False
    first_claim_at: int = 0
    surplus: int = 0

    @property
    def terms(self) -> Terms:
        return Terms(self.margin, self.liquidation, self.open_interest)

    def age(self, now: int) -> int:
        """Seconds since the mark."""
        return now - self.mark_time

    def is_fresh(self, now: int) -> bool:
        return self.age(now) <= self.margin.max_mark_age

    @property
    def inventory_worth(self) -> int:
        """Quote at mark, rounded up, without sign."""
        return -(-abs(self.inventory.size) * self.mark // WAD)

    @property
    def has_inventory(self) -> bool:
        return self.inventory_worth > self.liquidation.dust

    @property
    def has_deficit(self) -> bool:
        return self.inventory.outstanding > self.liquidation.dust


@dataclass(frozen=True)
class FeeSnapshot:
    """Quote the vault holds for others: fees by kind, the treasury's part, what bankruptcy accounts left."""

    trading: int
    funding: int
    liquidation: int
    treasury: int
    surplus: int = 0

    def collectable(self, kept: int) -> int:
        """What the fund and the treasury would get; `kept` of the liquidations' fees stays."""
        return self.trading + self.funding + max(self.liquidation - kept, 0)


@dataclass(frozen=True)
class FundSnapshot:
    """What the fund's risk mode waits for: the vault's mode and the one its state calls for, since when it
    was seen low or calm (0: it was not), and the terms. `checkpoint_at`: when the next checkpoint is due.
    """

    mode: int
    judged: int
    low_since: int
    calm_since: int
    confirm_seconds: int
    ease_seconds: int
    checkpoint_at: int


@dataclass(frozen=True)
class Snapshot:
    """The whole at a block. `unhealthy`: accounts that could be liquidated; `with_pots`: members with ADL
    profit that is not booked (only read if somebody wants to touch them); `to_close`: solvent accounts with a
    position in a settled market, and the market (only read for the public good); `unsynced`: generations
    that need `sync_cohort` first; `unread`: accounts that the vault gives no state of, and why.
    `is_controlled`: the sender may trade for `own`. `orders`: what accounts may be closed against.
    `fund` None: it does not answer, or nobody wants to know.
    """

    block: int
    timestamp: int
    gas_price: int
    markets: dict[int, MarketSnapshot]
    fees: FeeSnapshot
    multiplier: int
    own: AccountView
    own_classes: AccountWord
    is_controlled: bool
    scanned: int = 0
    unhealthy: tuple[AccountView, ...] = ()
    idle: tuple[int, ...] = ()
    with_pots: tuple[tuple[int, PositionView], ...] = ()
    unsynced: tuple[int, ...] = ()
    unread: dict[int, str] = field(default_factory=dict)
    orders: tuple[Resting, ...] = ()
    to_close: tuple[tuple[int, int], ...] = ()
    fund: FundSnapshot | None = None


def own_account(config: Config, sender: str) -> int:
    """The account a keeper trades with."""
    return config.account or account_id(sender, config.sub_account)


def read(chain: Chain, accounts: Iterable[int], config: Config, sender: str) -> Snapshot:
    """The snapshot of the latest block. Raises Reverted if the node does not answer for that block."""
    block, now = chain.head()
    count, system_word, fees = chain.call_many(
        VAULT, [("market_count",), ("exchange_word",), ("fee_state",)], block
    )
    words = chain.call_many(VAULT, [("market_words", market) for market in range(count)], block)
    inventories = chain.call_many(VAULT, [("inventory_state", market) for market in range(count)], block)
    markets = _markets(chain, block, words, inventories)
    own = own_account(config, sender)
    scanned = sorted({*accounts, own})
    states = chain.call_many(VAULT, [("account_state", account) for account in scanned], block, False)
    unread = {
        account: str(state)
        for account, state in zip(scanned, states, strict=True)
        if isinstance(state, Reverted)
    }
    read_states = {a: s for a, s in zip(scanned, states, strict=True) if a not in unread}
    unhealthy = [account for account, state in read_states.items() if _is_unhealthy(state)]
    words_of = _account_words(chain, block, {*unhealthy, *unread, own})
    positions = _positions(chain, block, {a: words_of[a] for a in (*unhealthy, own) if a not in unread})
    settled = {m.market for m in markets.values() if m.is_settled} if config.is_public_good else set()
    views = {
        account: AccountView(account, *read_states[account], tuple(positions.get(account, ())))
        for account in (*unhealthy, own)
        if account in read_states
    }
    owner = owner_of(own)
    return Snapshot(
        block=block,
        timestamp=now,
        gas_price=chain.web3.eth.gas_price,
        markets=markets,
        fees=FeeSnapshot(*fees),
        multiplier=SystemWord.of(system_word).multiplier,
        own=views.get(own) or AccountView(own, 0, 0, 0, 0, 0, 0, 0, True, ()),
        own_classes=words_of[own],
        is_controlled=owner == sender or chain.call(VAULT, "is_operator", owner, sender, block=block),
        scanned=len(scanned),
        unhealthy=tuple(views[account] for account in unhealthy),
        idle=tuple(a for a, s in read_states.items() if _is_idle(s) and a != own),
        with_pots=_pots(chain, block, read_states) if config.touch_pots_from else (),
        unsynced=_unsynced(chain, block, {a: words_of[a] for a, why in unread.items() if SYNC_FIRST in why}),
        unread=unread,
        orders=orderbook.resting(chain, orderbook.read_file(config.orders), block) if unhealthy else (),
        to_close=_to_close(chain, block, settled, [a for a, s in read_states.items() if s[3] >= 0]),
        fund=_fund(chain, block) if config.keeps_mode else None,
    )


def _fund(chain: Chain, block: int) -> FundSnapshot | None:
    answers = chain.call_many(FUND, [("risk_state",), ("mode_terms",), ("checkpoint_count",)], block, False)
    if any(isinstance(answer, Reverted) for answer in answers):
        return None
    state, terms, count = answers
    due = 0
    if count:
        last = chain.call(FUND, "checkpoint", count - 1, block=block)
        due = last[0] + chain.call(FUND, "CHECKPOINT_SECONDS", block=block)
    return FundSnapshot(state[0], state[1], state[5], state[6], terms[4], terms[5], due)


def _is_idle(state: tuple[Any, ...]) -> bool:
    """
    By account_state: solvent and without a position, which asks for margin or, in a settled market, has a
    worth.
    """
    cash, _, unrealised, equity, maintenance, hole = state[:6]
    return equity >= 0 and maintenance == 0 and unrealised == 0 and hole + cash == 0


def _is_unhealthy(state: tuple[Any, ...]) -> bool:
    """By account_state: equity below maintenance margin, or below zero."""
    return state[3] < 0 or state[3] < state[4]


def _markets(
    chain: Chain, block: int, all_words: list[Any], inventories: list[Any]
) -> dict[int, MarketSnapshot]:
    out = {}
    count = len(all_words)
    readings = chain.call_many(ORACLE, [("status", n) for n in range(count)], block, False)
    policies = chain.call_many(ALLOCATOR, [("policy", n) for n in range(count)], block)
    rates = chain.call_many(EXCHANGE, [("fee_rates", n) for n in range(count)], block)
    surpluses = chain.call_many(VAULT, [("surplus", n) for n in range(count)], block)
    limits = chain.call_many(ENGINE, [("rate_limit_state", n) for n in range(count)], block)
    for n, (words, inventory) in enumerate(zip(all_words, inventories, strict=True)):
        price, queue = PriceWord.of(words[0]), QueueWord.of(words[11])
        open_interest = FlowWord.of(words[12]).open_interest
        state = InventoryView(*inventory)
        payable, first_claim, first_claim_at = 0, -1, 0
        if state.outstanding:
            first_claim = chain.call(VAULT, "queued_claim", n, queue.head, block=block)
            first_claim_at = chain.call(VAULT, "claim_state", first_claim, block=block)[3]
            worth = -(-open_interest * price.mark // WAD)
            answer = chain.call_many(FUND, [("payable_now", n, state.outstanding, worth)], block, False)[0]
            payable = 0 if isinstance(answer, Reverted) else answer
        usable, mark, reason = False, 0, str(readings[n])
        if not isinstance(readings[n], Reverted):
            usable, (mark, *_), reason = readings[n]
        out[n] = MarketSnapshot(
            market=n,
            mark=price.mark,
            mark_time=price.mark_time,
            is_round_open=price.is_round_open,
            open_interest=open_interest,
            margin=MarginWords.of(words[4], words[5], words[6]),
            liquidation=LiquidationWord.of(words[7]),
            clock=ClockWord.of(words[2]),
            inventory=state,
            inventory_since=halves(words[8])[1] >> 40,
            last_loss_time=queue.last_loss_time,
            oracle_mark=mark if usable else None,
            oracle_reason=reason,
            fund_payable=payable,
            first_claim=first_claim,
            policy=tuple(policies[n]),
            maker_rate=rates[n][0],
            room=limits[n][2] if limits[n][0] else None,
            is_settled=price.status == SETTLED,
            first_claim_at=first_claim_at,
            surplus=surpluses[n],
        )
    return out


def _account_words(chain: Chain, block: int, accounts: Iterable[int]) -> dict[int, AccountWord]:
    listed = sorted(accounts)
    words = chain.call_many(VAULT, [("account_word", account) for account in listed], block)
    return {account: AccountWord.of(word) for account, word in zip(listed, words, strict=True)}


def _positions(chain: Chain, block: int, words: dict[int, AccountWord]) -> dict[int, list[PositionView]]:
    places = [(account, market) for account, word in words.items() for market in word.market_ids]
    states = chain.call_many(VAULT, [("position_state", *place) for place in places], block, False)
    out: dict[int, list[PositionView]] = {}
    for (account, market), state in zip(places, states, strict=True):
        if not isinstance(state, Reverted):
            out.setdefault(account, []).append(PositionView(market, *state))
    return out


def _pots(chain: Chain, block: int, accounts: Iterable[int]) -> tuple[tuple[int, PositionView], ...]:
    words = _account_words(chain, block, accounts)
    positions = _positions(chain, block, words)
    return tuple((account, p) for account, held in positions.items() for p in held if p.pot)


def _to_close(
    chain: Chain, block: int, settled: set[int], accounts: Iterable[int]
) -> tuple[tuple[int, int], ...]:
    """Positions in settled markets."""
    if not settled:
        return ()
    words = _account_words(chain, block, accounts)
    words = {account: word for account, word in words.items() if settled & set(word.market_ids)}
    positions = _positions(chain, block, words)
    return tuple(
        (a, p.market) for a, held in positions.items() for p in held if p.size and p.market in settled
    )


def _unsynced(chain: Chain, block: int, words: dict[int, AccountWord]) -> tuple[int, ...]:
    """The generations of accounts that more rounds have passed over than one transaction may apply."""
    places = [(account, market) for account, word in words.items() for market in word.market_ids]
    stored = chain.call_many(VAULT, [("position_word", *place) for place in places], block)
    keys = {
        PositionWord.of(word).key(market) for (_, market), word in zip(places, stored, strict=True) if word
    }
    return tuple(sorted(keys))
