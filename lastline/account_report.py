"""All that concerns one account: margin, positions, their place in the ADL queue, and what if the mark moves.

Read through views alone, at one block. Quote amounts, sizes, prices, rates and ratios have 18 decimals. A
"what if" moves the marks at once, and judges nobody but this account: whoever else a crash brings down claims
from the same fund and the same profit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lastline import fixed_math as fm
from lastline import risk as rk
from lastline import views
from lastline.accounts import account_id, owner_of
from lastline.audit import rebuild
from lastline.chain import Chain
from lastline.deployments import DeploymentError
from lastline.units import MATURING_STEP, MAX_PRICE, MIN_PRICE, RAY, WAD
from lastline.views import FUND, VAULT, ClaimView, MarketView
from lastline.words import SETTLED, AccountWord, BatchSumsWord, BatchWord, ClockWord, MaturingWord, SystemWord

LENS = "VaultLens"
# Moves of the mark in the table "what if", shares with 18 decimals.
MOVES = tuple(percent * WAD // 100 for percent in (-20, -10, -5, -1, 1, 5, 10, 20))


class Reader(Protocol):
    """Whoever answers views: `lastline.chain.Chain` on a node."""

    def call(self, name: str, method: str, *arguments: Any, block: int | str = "latest") -> Any: ...

    def call_many(
        self, name: str, calls: Sequence[tuple[Any, ...]], block: int | str = "latest"
    ) -> list[Any]: ...


@dataclass(frozen=True)
class Maturing:
    """Profit that becomes cash once the market clock has gone on by `seconds`, at the earliest.

    The clock moves only with accepted marks, and stands still while a loss is recognised but not paid.
    """

    market: int
    amount: int
    seconds: int


@dataclass(frozen=True)
class QueuePlace:
    """VaultLens.adl_rank: sizes in base; `lights` 0 (not in the queue) to 5 (front fifth)."""

    is_queued: bool
    rank: int
    ahead: int
    earlier: int
    level: int
    total: int
    quantile: int
    lights: int


@dataclass(frozen=True)
class PositionReport:
    """One position. Prices are quote per base; `liquidation_price` None and `bankruptcy_price` 0: nowhere, as
    in a settled market.
    """

    market: int
    size: int
    entry: int
    mark: int
    is_fresh: bool
    is_settled: bool
    unrealised: int
    maintenance: int
    initial: int
    leverage_class: int
    class_rate: int
    liquidation_price: int | None
    bankruptcy_price: int
    place: QueuePlace
    funding_rate: int | None  # per 8 hours, > 0: longs pay; None: the oracle has no usable price
    basis: int | None  # of the oracle's mark over its index, share of it

    @property
    def liquidation_distance(self) -> int | None:
        """How far the mark is to move to the liquidation price, share of it, rounded down; None: nowhere."""
        if self.liquidation_price is None:
            return None
        return (self.liquidation_price - self.mark) * WAD // self.mark

    @property
    def leverage(self) -> int:
        """Highest leverage of the class, 18 decimals."""
        return WAD * WAD // self.class_rate if self.class_rate else 0


@dataclass(frozen=True)
class Payers:
    """Who would pay, quote. `own`: what the account would lose; the others, in order, pay what it lacks."""

    own: int
    bankruptcy_account: int
    fund: int
    last_tiers: int
    nobody: int

    @property
    def lack(self) -> int:
        """What the account cannot pay itself."""
        return self.bankruptcy_account + self.fund + self.last_tiers + self.nobody


@dataclass(frozen=True)
class Scenario:
    """The account with some marks moved. `sizes`: base that may be taken over then, by market."""

    move: int
    prices: dict[int, int]
    equity: int
    maintenance: int
    health: int | None
    outcome: str
    sizes: dict[int, int]
    payers: Payers


@dataclass(frozen=True)
class AccountReport:
    """An account at one block."""

    account: int
    block: int
    cash: int
    maturing: int
    equity: int
    maintenance: int
    initial: int
    hole: int
    withdrawable: int
    health: int | None
    is_stale: bool
    positions: tuple[PositionReport, ...]
    ripening: tuple[Maturing, ...]  # maturing profit, pots not included
    pots: dict[int, int]  # profit of ADL not yet booked, by market: it starts to mature when somebody touches
    claims: tuple[ClaimView, ...]  # what it left unpaid when it was absorbed
    scenarios: tuple[Scenario, ...]
    turn: tuple[int, ...] = ()  # markets whose position would be liquidated first, at these marks


def accounts_of(chain: Chain, owner: str, block: int | None = None) -> list[int]:
    """Ids of all accounts the owner has ever had in the vault, from its events."""
    wanted = account_id(owner) >> 96
    return sorted(account for account in rebuild(chain, block).accounts if account >> 96 == wanted)


def parse_account(text: str, sub: int | None = None) -> tuple[str, int | None]:
    """Owner and account id of what a user writes: an address (id None, unless `sub` is given) or an id.

    Raises ValueError with one clear sentence.
    """
    text = text.strip()
    # (a shorter number would be an id of an owner with leading zeros: rather a slip)
    is_address = text.lower().startswith("0x") and len(text) <= 42
    try:
        account = account_id(text) if is_address else int(text, 0)
    except ValueError as error:
        raise ValueError(f"{text} is neither an owner's address nor an account id.") from error
    if is_address:
        return owner_of(account), None if sub is None else account_id(text, sub)
    if not 1 << 96 <= account < 1 << 256:
        raise ValueError(f"{text} is no account id: an id is the owner's address << 96 | sub-account.")
    if sub is not None:
        raise ValueError("An account id has its sub-account in it already: leave --sub out.")
    return owner_of(account), account


def maturing_of(reader: Reader, account: int, market: int, block: int | str = "latest") -> list[Maturing]:
    """An account's maturing profit in a market, soonest first (contracts/modules/maturity.vy)."""
    word = reader.call(VAULT, "maturing_word", account, market, block=block)
    if not word:
        return []
    words = reader.call(VAULT, "market_words", market, block=block)
    batch_seconds = reader.call(VAULT, "settings", block=block)[1]
    stored, sums, clock = MaturingWord.of(word), BatchSumsWord.of(words[3]), ClockWord.of(words[2])
    to_end = max(clock.batch_end - clock.now, 0)
    out = []
    for batch, shares, refill in (
        (stored.batch - 1, stored.previous, stored.previous_refill),
        (stored.batch, stored.current, stored.current_refill),
    ):
        age = sums.batch - batch
        if not shares or age >= 2:
            continue
        taken = BatchWord(0, 0)
        if sums.charged >> age & 1:
            taken = BatchWord.of(reader.call(VAULT, "batch_word", market, batch, block=block))
        if taken.refill == refill:
            amount = fm.mul_div_down(shares, RAY - taken.taken, RAY) * MATURING_STEP
            # a batch matures when the next one ends
            out.append(Maturing(market, amount, to_end if age == 1 else to_end + batch_seconds))
    return out


def place_of(reader: Reader, account: int, market: int, block: int | str = "latest") -> QueuePlace:
    """The position's place in the ADL queue of its side."""
    place = reader.call(LENS, "adl_rank", account, market, block=block)
    return QueuePlace(*place, reader.call(LENS, "lights", account, market, block=block))


class _Reading:
    """What the vault says of one account, and the arithmetic on it."""

    def __init__(self, reader: Reader, account: int, block: int | str) -> None:
        self.reader, self.account, self.block = reader, account, block
        self.view = views.account(reader, account, block)  # type: ignore[arg-type]
        word = AccountWord.of(self._vault("account_word", account))
        system = SystemWord.of(self._vault("exchange_word"))
        # a loss without a position is charged to market 0
        ids = sorted({p.market for p in self.view.positions} | {0})
        self.markets: dict[int, MarketView] = {
            m: views.market(reader, m, block)  # type: ignore[arg-type]
            for m in ids
        }
        self.holdings = tuple(
            rk.Holding(p.market, p.size, p.notional, word.leverage_class(p.market))
            for p in self.view.positions
            if p.size
        )
        terms = {m: rk.Terms(v.margin, v.liquidation, v.open_interest) for m, v in self.markets.items()}
        self.book = rk.Book(self.view.cash, self.view.maturing, self.holdings, terms, system.multiplier)
        self.prices = {m: v.mark for m, v in self.markets.items()}
        # those whose mark can still move, and which can be liquidated
        self.moving = [h for h in self.holdings if self.markets[h.market].status != SETTLED]

    def _vault(self, method: str, *arguments: Any) -> Any:
        return self.reader.call(VAULT, method, *arguments, block=self.block)

    def position(self, holding: rk.Holding, now: int) -> PositionReport:
        market = self.markets[holding.market]
        is_settled = market.status == SETTLED
        need = rk.requirement(self.book, holding, market.mark)
        funding = views.funding(self.reader, holding.market, self.block)  # type: ignore[arg-type]
        return PositionReport(
            holding.market,
            holding.size,
            fm.mul_div_down(abs(holding.notional), WAD, abs(holding.size)),
            market.mark,
            now - market.mark_time <= market.margin.max_mark_age,
            is_settled,
            holding.unrealised(market.mark),
            need.maintenance,
            need.initial,
            holding.leverage_class,
            market.margin.class_rates[holding.leverage_class],
            None if is_settled else rk.liquidation_price(self.book, self.prices, holding.market),
            0 if is_settled else rk.bankruptcy_price(self.book, self.prices, holding.market),
            place_of(self.reader, self.account, holding.market, self.block),
            None if funding is None else funding.rate,
            None if funding is None else funding.basis,
        )

    def turn(self, now: int) -> tuple[int, ...]:
        sizes = {h.market: h.size for h in self.moving}
        margins = {m: self.markets[m].margin for m in sizes}
        fresh = [m for m in sizes if now - self.markets[m].mark_time <= margins[m].max_mark_age]
        return rk.turn(sizes, self.prices, {m: c.minimum_notional for m, c in margins.items()}, fresh)

    def scenario(self, move: int, moved: Iterable[int]) -> Scenario:
        prices = dict(self.prices)
        for market in moved:
            prices[market] = moved_price(prices[market], move)
        at, result = rk.risk(self.book, prices), rk.outcome(self.book, prices)
        sizes = {}
        if result == rk.LIQUIDATED:
            sizes = {h.market: rk.take_over_size(self.book, prices, h.market) for h in self.moving}
        return Scenario(
            move, prices, at.equity, at.maintenance, at.health, result, sizes, self.payers(prices, result)
        )

    def payers(self, prices: dict[int, int], result: str) -> Payers:
        before, after = rk.risk(self.book, self.prices).equity, rk.risk(self.book, prices).equity
        kept = 0 if result == rk.ABSORBED else after
        own, parts = max(before, 0) - max(kept, 0), [0, 0, 0, 0]
        for market, lack in rk.shortfall(self.book, prices).items():
            for n, part in enumerate(self._split(market, prices[market], lack)):
                parts[n] += part
        return Payers(max(own, 0), *parts)

    def _split(self, market: int, price: int, lack: int) -> tuple[int, int, int, int]:
        """Bankruptcy account, fund, last tiers, nobody: each pays older claims first."""
        view = self.markets[market]
        inventory = view.inventory
        equity = inventory.cash + fm.signed_mul_div_floor(inventory.size, price, WAD) - inventory.notional
        cushion = min(lack, max(equity, 0))
        claim, older = lack - cushion, max(-equity, 0)
        if not claim:
            return cushion, 0, 0, 0
        worth = fm.mul_div_up(view.open_interest, price, WAD)
        payable = min(self._payable(market, older + claim, worth), older + claim)
        fund = min(claim, max(payable - older, 0))
        own = sum(p.maturing + p.pot for p in self.view.positions if p.market == market)
        reachable = max(self._reachable(market, price) - own - max(older - payable, 0), 0)
        last = min(claim - fund, reachable)
        return cushion, fund, last, claim - fund - last

    def _payable(self, market: int, outstanding: int, open_interest: int) -> int:
        """Of the fund, if the system has one."""
        try:
            return self.reader.call(FUND, "payable_now", market, outstanding, open_interest, block=self.block)
        except DeploymentError:
            return 0

    def _reachable(self, market: int, price: int) -> int:
        return self.reader.call(LENS, "reachable_profit", market, price, block=self.block)


def moved_price(mark: int, move: int) -> int:
    """A mark moved by a share (18 decimals), rounded down, kept within the legal prices."""
    return min(max(fm.mul_div_down(mark, WAD + move, WAD), MIN_PRICE), MAX_PRICE)


def report(
    reader: Reader,
    account: int,
    block: int | str = "latest",
    now: int = 0,
    moved: Sequence[int] | None = None,
    moves: Sequence[int] = MOVES,
    number: int = 0,
) -> AccountReport:
    """The report of one account.

    `now`: time by which marks are fresh or stale, seconds; `moved`: markets whose marks the scenarios move,
    by default all the account is in that are not settled; `number`: the block's, as shown. Raises ValueError
    if `moved` names a market in which the account has no position, or one that is settled.
    """
    reading = _Reading(reader, account, block)
    held = [holding.market for holding in reading.holdings]
    moving = [holding.market for holding in reading.moving]
    for market in moved or ():
        if market not in held:
            raise ValueError(f"The account has no position in market {market}: its mark moves nothing here.")
        if market not in moving:
            raise ValueError(f"Market {market} is settled: its mark moves no more.")
    at = rk.risk(reading.book, reading.prices)
    ripening = [
        part
        for position in reading.view.positions
        for part in maturing_of(reader, account, position.market, block)
    ]
    claims = views.claims(reader, block)  # type: ignore[arg-type]
    return AccountReport(
        account,
        number,
        reading.view.cash,
        reading.view.maturing,
        reading.view.equity,
        reading.view.maintenance,
        at.initial,
        reading.view.hole,
        reading.view.withdrawable,
        reading.view.health,
        reading.view.is_stale,
        tuple(reading.position(holding, now) for holding in reading.holdings),
        tuple(sorted(ripening, key=lambda part: part.seconds)),
        {p.market: p.pot for p in reading.view.positions if p.pot},
        tuple(claim for claim in claims if claim.account == account and claim.outstanding),
        tuple(reading.scenario(move, moving if moved is None else moved) for move in moves) if moving else (),
        reading.turn(now),
    )
