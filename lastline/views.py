"""Readable views of accounts, markets, claims and the fund, straight from the chain.

Quote amounts, sizes, prices, rates and ratios have 18 decimals; the fund's own amounts are token units.
"""

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from lastline.chain import Chain
from lastline.units import WAD
from lastline.words import (
    AccountWord,
    ClockWord,
    FlowWord,
    FundingWord,
    LiquidationWord,
    MarginWords,
    PriceWord,
)

VAULT = "MarginVault"
FUND = "InsuranceFund"
ORACLE = "PriceOracle"
POOL = "CommunityPool"
TIMELOCK = "Timelock"
FUNDING_PERIOD = 28_800  # seconds that funding rates are told for
RISK_MODES = ("NORMAL", "CAUTION", "RESTRICTED", "ADL", "HALTED")
SOURCES = ("TRADING_FEES", "FUNDING", "LIQUIDATION", "CAPITAL", "DONATION", "COMMUNITY", "REPAYMENT")


@dataclass(frozen=True)
class PositionView:
    """An account in one market. `pot`: profit of ADL, not yet booked; `bankruptcy_price` 0: nowhere."""

    market: int
    size: int
    notional: int
    unrealised: int
    maturing: int
    pot: int
    maintenance: int
    key: int
    bankruptcy_price: int


@dataclass(frozen=True)
class AccountView:
    """An account as a whole, at the last marks, all pending applied. `hole` > 0: below initial margin."""

    account: int
    cash: int
    maturing: int
    unrealised: int
    equity: int
    maintenance: int
    hole: int
    withdrawable: int
    is_stale: bool
    positions: tuple[PositionView, ...]

    @property
    def health(self) -> int | None:
        """Equity over maintenance margin, 18 decimals, rounded down; None without positions."""
        return self.equity * WAD // self.maintenance if self.maintenance else None


@dataclass(frozen=True)
class InventoryView:
    size: int
    notional: int
    cash: int
    equity: int
    outstanding: int
    auction_start: int


@dataclass(frozen=True)
class MarketView:
    """A market: mark and its time, open interest (base), funding indices, rounds, margins, inventory."""

    market: int
    mark: int
    mark_time: int
    open_interest: int
    status: int
    tick_bits: int
    long_index: int
    short_index: int
    rounds: int
    is_round_open: bool
    clock: ClockWord
    margin: MarginWords
    liquidation: LiquidationWord
    inventory: InventoryView


@dataclass(frozen=True)
class FundingView:
    """What the oracle says of a market now: quote per base, shares of 1; a rate per 8 hours, > 0: longs pay.

    Never accrues faster than the vault's limit, and not while a side is only the bankruptcy inventory.
    """

    market: int
    mark: int
    index: int
    basis: int
    rate: int


@dataclass(frozen=True)
class ClaimView:
    """A claim: amount is the sum of what each tier paid, what recovered by itself, what is outstanding."""

    claim: int
    market: int
    account: int
    loss_side: int
    filed_at: int
    amount: int
    reserve: int
    community: int
    adl: int
    socialised: int
    side: int
    recovery: int
    recovered: int
    outstanding: int


@dataclass(frozen=True)
class FundView:
    """The insurance fund, token units; `coverage` is reserve and pool over target, 18 decimals."""

    reserve: int
    tokens: int
    target: int
    coverage: int
    total_paid: int
    capital_withdrawn: int
    inflows: dict[str, int]
    daily_cap: int
    daily_paid: int
    daily_remaining: int
    # The pool of stakers behind it: what it would give now, what it was drawn and given so far.
    community_exposed: int = 0
    community_out: int = 0
    community_in: int = 0
    # Of the reserve, what lies in the cold Safe.
    cold_reserve: int = 0


@dataclass(frozen=True)
class RiskView:
    """What the risk mode rests on: the vault's mode, the one the fund's state calls for, coverage and
    drawdown (18 decimals), and since when it was seen too low or well enough (seconds; 0: it was not).
    """

    mode: int
    judged: int
    coverage: int
    drawdown: int
    is_exhausted: bool
    low_since: int
    calm_since: int


@dataclass(frozen=True)
class CheckpointView:
    """The fund at a time, as it noted itself: token units, coverage with 18 decimals."""

    time: int
    mode: int
    reserve: int
    cold_reserve: int
    community: int
    peak: int
    paid: int
    coverage: int


_View = TypeVar("_View")


def _view(kind: type[_View], struct: tuple[Any, ...], *first: Any) -> _View:
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**dict(zip(names, (*first, *struct), strict=False)))


def position(chain: Chain, account: int, market: int, block: int | str = "latest") -> PositionView:
    """An account in one market. Raises Reverted "market: unknown"."""
    return _view(PositionView, chain.call(VAULT, "position_state", account, market, block=block), market)


def account(chain: Chain, account: int, block: int | str = "latest") -> AccountView:
    """An account with all its positions; all zero if it was never used."""
    state = chain.call(VAULT, "account_state", account, block=block)
    markets = AccountWord.of(chain.call(VAULT, "account_word", account, block=block)).market_ids
    positions = tuple(position(chain, account, market, block) for market in markets)
    return AccountView(account, *state, positions)


def market(chain: Chain, market: int, block: int | str = "latest") -> MarketView:
    """A market. Raises Reverted "market: unknown"."""
    inventory = InventoryView(*chain.call(VAULT, "inventory_state", market, block=block))
    words = chain.call(VAULT, "market_words", market, block=block)
    price, funding = PriceWord.of(words[0]), FundingWord.of(words[1])
    return MarketView(
        market,
        price.mark,
        price.mark_time,
        FlowWord.of(words[12]).open_interest,
        price.status,
        7 if price.has_fine_ticks else 6,
        funding.long_index,
        funding.short_index,
        price.rounds,
        price.is_round_open,
        ClockWord.of(words[2]),
        MarginWords.of(words[4], words[5], words[6]),
        LiquidationWord.of(words[7]),
        inventory,
    )


def funding(chain: Chain, market: int, block: int | str = "latest") -> FundingView | None:
    """A market's basis and funding rate; None while the oracle has no usable price."""
    usable, (mark, index, rate, *_), _ = chain.call(ORACLE, "status", market, block=block)
    if not usable:
        return None
    return FundingView(market, mark, index, mark * WAD // index - WAD, rate * FUNDING_PERIOD)


def claim(chain: Chain, claim: int, block: int | str = "latest") -> ClaimView:
    """A claim by its id."""
    return _view(ClaimView, chain.call(VAULT, "claim_state", claim, block=block), claim)


def claims(chain: Chain, block: int | str = "latest") -> list[ClaimView]:
    """Every claim ever filed."""
    count = chain.call(VAULT, "claim_count", block=block)
    states = chain.call_many(VAULT, [("claim_state", n) for n in range(count)], block)
    return [_view(ClaimView, state, n) for n, state in enumerate(states)]


def fund(chain: Chain, block: int | str = "latest") -> FundView:
    """The insurance fund and its token balance."""
    address = chain.deployment.address(FUND)
    inflows = {name: chain.call(FUND, "total_in", 1 << n, block=block) for n, name in enumerate(SOURCES)}
    _, cap, paid, remaining = chain.call(FUND, "daily_budget", block=block)
    return FundView(
        chain.call(FUND, "reserve", block=block),
        chain.call("Collateral", "balanceOf", address, block=block),
        chain.call(FUND, "target", block=block),
        chain.call(FUND, "coverage", block=block),
        chain.call(FUND, "total_paid", block=block),
        chain.call(FUND, "capital_withdrawn", block=block),
        inflows,
        cap,
        paid,
        remaining,
        chain.call(POOL, "exposed_assets", block=block) if POOL in chain.deployment.contracts else 0,
        chain.call(FUND, "community_out", block=block),
        chain.call(FUND, "community_in", block=block),
        chain.call(FUND, "cold_reserve", block=block),
    )


def risk(chain: Chain, block: int | str = "latest") -> RiskView:
    """What the risk mode rests on. Raises Reverted if the fund has no vault yet."""
    return _view(RiskView, chain.call(FUND, "risk_state", block=block))


def checkpoints(chain: Chain, block: int | str = "latest") -> list[CheckpointView]:
    """The checkpoints that the fund still has, oldest first."""
    count = chain.call(FUND, "checkpoint_count", block=block)
    first = max(count - chain.call(FUND, "CHECKPOINTS", block=block), 0)
    found = chain.call_many(FUND, [("checkpoint", n) for n in range(first, count)], block)
    return [_view(CheckpointView, point) for point in found]
