"""How large the insurance fund should be: losses of the present book in simulated crashes.

A Monte Carlo estimate, so the figures are floats: quote, base, shares of 1, seconds; only what is
recommended is rounded to the contract's units, in the safe direction. All else in the package is exact.

The model, for one scenario:

1. **Jump.** Every market's price goes from its mark to mark * exp(x), in a straight line, all markets at
   the same pace. x is a multivariate Student t (`tail` degrees of freedom) with one common factor, scaled
   to a standard deviation of volatility * sqrt(horizon / year): x_m = scale_m * (sqrt(c) * Z + sqrt(1 - c)
   * e_m) / sqrt(W / tail) with Z, e_m standard normal and W chi-squared, c the correlation of any two
   markets (McNeil, Frey and Embrechts, Quantitative Risk Management, 2nd ed. 2015, sections 6.2 and 6.4). W
   is shared, so markets crash together more often than their correlation says.
2. **Liquidation.** An account is due once its equity is under its maintenance margin (the market's lines,
   times the risk mode's factor), and is closed whole. A take-over brings its taker cost_slope * (1 -
   health), so nobody takes it over before that pays for the slippage, and anybody may have it absorbed
   under its critical health: its turn comes at the health max(critical_health, 1 - slippage / cost_slope).
   Until it is closed the price goes on by `gap`, a share of the whole jump, but not beyond its end, where
   everybody is closed who is due. With gap 1 nobody can act before the jump is over; with gap 0 there is
   always somebody. Whom the jump makes richer is closed where he became due.
3. **Slippage.** What accounts that become due hold is sold (or bought back, the two apart) into books that
   `depth` quote of notional, at the present mark, move by 1 %: on average by half of 1 % * notional /
   depth, as books of even density give, at most by the whole mark. Existing bankruptcy inventories are sold
   with it.
4. **The fund's loss** is what equity does not cover. A lack falls on the markets as an absorption splits
   it: by their losses, or by maintenance margin if there are none (`lastline.risk.shortfall`); slippage
   falls where it arises. An inventory below zero is a loss too; what one gains by the jump, or has above
   zero, covers nobody else.

So a jump further the same way, larger positions on the same equity when gap is 1, and less depth never
lower the loss of a book without an account below zero.

Left out, on the safe side: profit of winners that a round or ADL could reach, fees and the fund's part of
liquidation costs, and that closing a part of a position might do. Left out on the other: what happens after
the jump, positions opened meanwhile, and limits on the rate of liquidations, for which a longer gap stands.
"""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lastline.chain import Chain
from lastline.ledger import Ledger
from lastline.units import WAD
from lastline.views import FUND
from lastline.words import SETTLED, AccountWord

YEAR_SECONDS = 365 * 86_400
QUANTILES = (0.5, 0.95, 0.99, 0.999)
# Notional that fills this share of a book is what "depth" says.
DEPTH_SHARE = 0.01
# Shares are recommended in steps of 0.01 %, the target in whole tokens.
SHARE_STEP = WAD // 10_000
# Scenarios between two reports of progress.
REPORT_EVERY = 100
# A maintenance margin is a maximum of at most eight lines a market, of 32: a bound, never reached in
# practice.
MOST_STEPS = 300

Array = np.ndarray


class SizeError(ValueError):
    """An option that makes no sense, or too few scenarios for what is asked; one clear sentence."""


@dataclass(frozen=True)
class MarketTerms:
    """A market: mark (quote per base), what it asks of positions, and its bankruptcy account. Shares of 1."""

    id: int
    mark: float
    lines: tuple[tuple[float, float], ...]  # rate, deduction (quote)
    cost_slope: float
    critical_health: float
    open_interest: float  # base
    is_settled: bool = False
    inventory_size: float = 0.0
    inventory_equity: float = 0.0  # at the mark


@dataclass(frozen=True)
class Book:
    """All open positions. `equity` (quote, at the marks) has one entry an account; the others one a
    position, in order of accounts: whose (`account`, a place in `equity`), where (`market`, a place in
    `markets`), how much (`size`, base, long > 0; `unrealised`, quote at the mark).
    """

    markets: tuple[MarketTerms, ...]
    equity: Array
    account: Array
    market: Array
    size: Array
    unrealised: Array
    multiplier: float = 1.0

    @classmethod
    def of(cls, ledger: Ledger) -> "Book":
        """The book of a ledger rebuilt from events, at the last marks, everything pending applied."""
        markets = tuple(_terms(ledger, n) for n in range(len(ledger.markets)))
        equity, owner, place, size, unrealised = [], [], [], [], []
        for account in sorted(ledger.accounts):
            word = ledger.accounts.get(account, AccountWord.of(0))
            seats = [(m, ledger.effective(account, m)) for m in word.market_ids]
            held = [(m, seat) for m, seat in seats if seat.size]
            if not held:
                continue
            for m, seat in held:
                owner.append(len(equity))
                place.append(m)
                size.append(seat.size / WAD)
                unrealised.append(seat.unrealised / WAD)
            equity.append(ledger.balance(account).equity / WAD)
        return cls.from_lists(markets, equity, owner, place, size, unrealised, ledger.system.multiplier / WAD)

    @classmethod
    def from_lists(
        cls,
        markets: Sequence[MarketTerms],
        equity: Sequence[float],
        account: Sequence[int],
        market: Sequence[int],
        size: Sequence[float],
        unrealised: Sequence[float],
        multiplier: float = 1.0,
    ) -> "Book":
        """From plain lists. Raises SizeError unless every account has a position and they come in order."""
        owners = np.asarray(account, int)
        if list(np.unique(owners)) != list(range(len(equity))) or np.any(np.diff(owners) < 0):
            raise SizeError("Positions must come in order of accounts, at least one for each account.")
        return cls(
            tuple(markets),
            np.asarray(equity, float),
            owners,
            np.asarray(market, int),
            np.asarray(size, float),
            np.asarray(unrealised, float),
            multiplier,
        )

    @property
    def open_interest(self) -> Array:
        """Quote at the marks, by market."""
        return np.array([m.open_interest * m.mark for m in self.markets])


def _terms(ledger: Ledger, number: int) -> MarketTerms:
    market = ledger.markets[number]
    config = market.liquidation
    return MarketTerms(
        market.id,
        market.mark / WAD,
        tuple((rate / WAD, deduction / WAD) for rate, deduction in market.margin.lines),
        config.cost_slope / WAD,
        config.critical_health / WAD,
        market.open_interest / WAD,
        market.status == SETTLED,
        market.inventory.size / WAD,
        ledger.inventory_equity(market) / WAD,
    )


@dataclass(frozen=True)
class Assumptions:
    """What is assumed of the world; `volatility` and `depth` by market id, with None for all others."""

    volatility: Mapping[int | None, float]  # a year, share of the price
    depth: Mapping[int | None, float]  # quote of notional that moves the price by 1 %
    correlation: float = 0.8
    tail: float = 3.0
    gap: float = 0.25
    horizon: float = 86_400.0  # seconds

    def __post_init__(self) -> None:
        """Raises SizeError for what makes no sense."""
        for name, least, most in (("correlation", 0, 1), ("gap", 0, 1)):
            if not least <= getattr(self, name) <= most:
                raise SizeError(f"The {name} must be between {least} and {most}, not {getattr(self, name)}.")
        if not self.tail > 2:
            raise SizeError(f"The tail needs more than 2 degrees of freedom, not {self.tail}.")
        if not 0 < self.horizon <= YEAR_SECONDS:
            raise SizeError("The horizon must be more than nothing and at most a year.")
        for market, share in self.volatility.items():
            if not 0 <= share <= 20:
                raise SizeError(
                    f"The volatility{_of(market)} must be between 0 and 20 (a year), not {share}."
                )
        for market, quote in self.depth.items():
            if not 0 < quote < math.inf:
                raise SizeError(f"The depth{_of(market)} must be more than 0, not {quote}.")

    def volatility_of(self, market: int) -> float:
        return self.volatility.get(market, self.volatility[None])

    def depth_of(self, market: int) -> float:
        return self.depth.get(market, self.depth[None])


def _of(market: int | None) -> str:
    return "" if market is None else f" of market {market}"


def jumps(book: Book, assumptions: Assumptions, scenarios: int, seed: int) -> Array:
    """Returns (share of the mark, > -1) by scenario and market. The same seed gives the same numbers."""
    generator = np.random.default_rng(seed)
    count, tail = len(book.markets), assumptions.tail
    common = generator.standard_normal((scenarios, 1))
    own = generator.standard_normal((scenarios, count))
    mixing = np.sqrt(tail / generator.chisquare(tail, (scenarios, 1)))
    c = assumptions.correlation
    # the variance of a Student t is tail / (tail - 2)
    year = math.sqrt(assumptions.horizon / YEAR_SECONDS * (tail - 2) / tail)
    scale = np.array([year * assumptions.volatility_of(market.id) for market in book.markets])
    x = scale * (math.sqrt(c) * common + math.sqrt(1 - c) * own) * mixing
    # A Student t knows no limits; beyond a hundredfold nothing is learnt of a book.
    returns = np.expm1(np.clip(x, -math.log(100), math.log(100)))
    returns[:, [market.is_settled for market in book.markets]] = 0
    return returns


class _Crash:
    """A book's arithmetic, the same for every scenario."""

    def __init__(self, book: Book, depth: Callable[[int], float], gap: float) -> None:
        self.book, self.gap = book, gap
        self.depth = np.array([depth(market.id) for market in book.markets])
        self.marks = np.array([market.mark for market in book.markets])
        self.count = len(book.markets)
        most = max((len(market.lines) for market in book.markets), default=1)
        lines = np.zeros((self.count, most, 2))
        for n, market in enumerate(book.markets):
            lines[n, : len(market.lines)] = market.lines
        self.rates, self.deductions = lines[book.market, :, 0], lines[book.market, :, 1]
        self.worth = np.abs(book.size) * self.marks[book.market]
        self.starts = np.searchsorted(book.account, np.arange(len(book.equity)))
        self.is_long = book.size > 0
        slopes = np.array([market.cost_slope for market in book.markets])
        self.slope = self._by_account(self.worth * slopes[book.market]) / self._by_account(self.worth)
        critical = np.array([market.critical_health for market in book.markets])
        if len(book.equity):
            self.critical = np.minimum.reduceat(critical[book.market], self.starts)
        else:
            self.critical = np.zeros(0)
        still = np.zeros(len(book.size))
        self.maintenance_now = self._by_account(self._maintenance(np.zeros(len(book.equity)), still)[0])

    def _among(self, accounts: Array) -> "_Crash":
        """The same with only some accounts (a truth for each): most scenarios touch few."""
        few, mine = copy.copy(self), accounts[self.book.account]
        few.book = replace(
            self.book,
            equity=self.book.equity[accounts],
            account=(np.cumsum(accounts) - 1)[self.book.account[mine]],
            market=self.book.market[mine],
            size=self.book.size[mine],
            unrealised=self.book.unrealised[mine],
        )
        few.rates, few.deductions = self.rates[mine], self.deductions[mine]
        few.worth, few.is_long = self.worth[mine], self.is_long[mine]
        few.slope, few.critical = self.slope[accounts], self.critical[accounts]
        few.maintenance_now = self.maintenance_now[accounts]
        few.starts = np.searchsorted(few.book.account, np.arange(len(few.book.equity)))
        return few

    def _by_account(self, figures: Array) -> Array:
        return np.add.reduceat(figures, self.starts) if len(self.starts) else np.zeros(0)

    def _maintenance(self, at: Array, moves: Array) -> tuple[Array, Array]:
        """Of each position, when the accounts are `at` so much of their way: quote, and its slope."""
        worth = self.worth * (1 + at[self.book.account] * moves)
        asked = worth[:, None] * self.rates - self.deductions
        line = np.argmax(asked, axis=1)
        every = np.arange(len(worth))
        needed = asked[every, line]
        rate = np.where(needed > 0, self.rates[every, line], 0)
        factor = self.book.multiplier
        return np.maximum(needed, 0) * factor, rate * self.worth * moves * factor

    def _first_below(self, health: Array, moves: Array, gains: Array) -> Array:
        """Share of the way at which each account's health falls under `health`; > 1: it does not.

        Equity less health times maintenance margin is concave along the way (a line less a maximum of lines),
        so Newton's steps from the end go left without passing the border, and find it after finitely many.
        """
        equity, ends = self.book.equity, np.ones(len(self.book.equity))
        is_below_now = equity < health * self.maintenance_now
        at = ends
        for step in range(MOST_STEPS):
            needed, slopes = self._maintenance(at, moves)
            margin = equity + at * gains - health * self._by_account(needed)
            if step == 0:
                is_falling = (margin < 0) & ~is_below_now
            slope = gains - health * self._by_account(slopes)
            is_right_of_it = is_falling & (margin < 0) & (slope < 0)
            nearer = np.clip(
                at - np.where(is_right_of_it, margin, 0) / np.where(is_right_of_it, slope, 1), 0, 1
            )
            if np.all(at - nearer <= 1e-15):
                break
            at = nearer
        return np.where(is_below_now, 0, np.where(is_falling, at, 2))

    def loss(self, returns: Array) -> Array:
        """The fund's loss in each market, quote."""
        book = self.book
        moves = returns[book.market]
        gains = self._by_account(book.size * self.marks[book.market] * moves)
        needed = self._by_account(self._maintenance(np.ones(len(gains)), moves)[0])
        is_due = (book.equity < self.maintenance_now) | (book.equity + gains - needed < 0)
        return self._among(is_due)._loss_of_all(returns)

    def _loss_of_all(self, returns: Array) -> Array:
        """The same if every account here becomes due."""
        book = self.book
        moves = returns[book.market]
        gains_by_position = book.size * self.marks[book.market] * moves
        gains = self._by_account(gains_by_position)
        slippage_long, slippage_short = self._slippage()
        out = self._inventories(returns, slippage_long, slippage_short)
        if not len(gains):
            return out
        due = self._first_below(np.ones(len(gains)), moves, gains)
        share = np.where(self.is_long, slippage_long[book.market], slippage_short[book.market])
        costs_by_position = self.worth * share
        costs = self._by_account(costs_by_position)
        average = costs / self._by_account(self.worth)
        paying = 1 - np.divide(average, self.slope, out=np.full_like(average, np.inf), where=self.slope > 0)
        health = np.clip(np.where(average > 0, paying, 1), self.critical, 1)
        closed = self._first_below(health, moves, gains)
        # an account that the jump makes richer is closed where it became due
        at = np.where(gains < 0, np.minimum(closed + self.gap, 1), np.minimum(due, 1))
        equity = book.equity + at * gains
        lack = np.maximum(-equity, 0)
        # what is left of equity pays for slippage first
        unpaid = np.maximum(costs - np.maximum(equity, 0), 0)
        out += self._parts(costs_by_position, costs, unpaid)
        if np.any(lack > 0):
            out += self._split(lack, at, moves, gains_by_position)
        return out

    def _slippage(self) -> tuple[Array, Array]:
        """Average slippage by market, share of the mark: of longs that are sold, of shorts bought back."""
        book = self.book
        shares = []
        for side in (1, -1):
            is_side = self.is_long if side == 1 else ~self.is_long
            worth = np.bincount(book.market, np.where(is_side, self.worth, 0), self.count)
            held = np.array([max(side * m.inventory_size, 0) * m.mark for m in book.markets])
            shares.append(np.minimum(DEPTH_SHARE * (worth + held) / self.depth / 2, 1))
        return shares[0], shares[1]

    def _inventories(self, returns: Array, slippage_long: Array, slippage_short: Array) -> Array:
        out = np.zeros(self.count)
        for n, market in enumerate(self.book.markets):
            size = market.inventory_size
            slippage = slippage_long[n] if size > 0 else slippage_short[n]
            change = min(size * market.mark * returns[n], 0)
            out[n] = max(abs(size) * market.mark * slippage - market.inventory_equity - change, 0)
        return out

    def _split(self, lack: Array, at: Array, moves: Array, gains: Array) -> Array:
        book = self.book
        weights = np.maximum(-(book.unrealised + at[book.account] * gains), 0)
        total = self._by_account(weights)
        if np.any((total == 0) & (lack > 0)):
            weights = np.where((total == 0)[book.account], self._maintenance(at, moves)[0], weights)
            total = self._by_account(weights)
        return self._parts(weights, total, lack)

    def _parts(self, weights: Array, total: Array, amounts: Array) -> Array:
        """Amounts of accounts, split over their positions by weights, added up by market."""
        shares = np.divide(amounts, total, out=np.zeros_like(amounts), where=total > 0)
        return np.bincount(self.book.market, weights * shares[self.book.account], self.count)


def losses(
    book: Book,
    assumptions: Assumptions,
    returns: Array,
    tell: Callable[[int], None] = lambda done: None,
) -> Array:
    """The fund's loss by scenario and market, quote. `returns`: by scenario and market, share of the mark."""
    crash = _Crash(book, assumptions.depth_of, assumptions.gap)
    out = np.zeros((len(returns), len(book.markets)))
    for n, row in enumerate(returns):
        out[n] = crash.loss(row)
        if (n + 1) % REPORT_EVERY == 0:
            tell(n + 1)
    tell(len(returns))
    return out


# --- quantiles ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quantile:
    """A quantile of the loss, and an interval that holds the true one with at least the stated probability;
    `upper` None: there are too few scenarios for an upper bound.
    """

    share: float
    estimate: float
    lower: float
    upper: float | None


def interval_ranks(count: int, share: float, level: float) -> tuple[int, int | None]:
    """Ranks (from 1) of the order statistics that hold the `share` quantile between them with probability
    >= `level`; lower 0 and upper None: there is no such rank.

    The number of draws below the quantile is binomial(count, share), so the interval from rank l to rank u
    misses it with probability P(B < l) + P(B >= u): each is held to half of 1 - level (David and Nagaraja,
    Order Statistics, 3rd ed. 2003, section 7.1; Hahn and Meeker, Statistical Intervals, 1991, section 5.2).
    No distribution is assumed.
    """
    n = np.arange(count + 1)
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, count + 1)))))
    log_chance = log_factorial[count] - log_factorial[n] - log_factorial[count - n]
    log_chance = log_chance + n * math.log(share) + (count - n) * math.log1p(-share)
    below = np.cumsum(np.exp(log_chance))  # P(B <= n)
    miss = (1 - level) / 2
    lower = int(np.searchsorted(below, miss, side="right"))  # largest l with P(B <= l - 1) <= miss
    upper = (
        int(np.searchsorted(below, 1 - miss, side="left")) + 1
    )  # smallest u with P(B <= u - 1) >= 1 - miss
    return lower, upper if upper <= count else None


def least_scenarios(share: float, level: float) -> int:
    """Scenarios from which on the quantile has an upper bound: share ** n <= (1 - level) / 2."""
    return math.ceil(math.log((1 - level) / 2) / math.log(share))


def quantile(sample: Array, share: float, level: float) -> Quantile:
    """The estimate is the order statistic of rank ceil(share * count): the empirical inverse."""
    ordered = np.sort(sample)
    count = len(ordered)
    rank = min(max(math.ceil(share * count - 1e-9), 1), count)
    lower, upper = interval_ranks(count, share, level)
    return Quantile(
        share,
        float(ordered[rank - 1]),
        float(ordered[lower - 1]) if lower else 0.0,
        None if upper is None else float(ordered[upper - 1]),
    )


# --- what follows for the fund ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    """What the fund has and may have: shares 18 decimals, amounts token units; `stress_share` by market."""

    token_decimals: int
    target: int
    target_floor: int
    daily_cap_share: int
    stress_share: Mapping[int, int]
    least_daily_cap_share: int
    most_daily_cap_share: int
    least_stress_share: int
    most_stress_share: int

    @classmethod
    def read(cls, chain: Chain, markets: Sequence[int], block: int | str = "latest") -> "Limits":
        """The deployed fund's."""

        def ask(method: str, *arguments: object) -> Any:
            return chain.call(FUND, method, *arguments, block=block)

        daily_cap_share, _, _, target_floor, *_ = ask("parameters")
        return cls(
            chain.call("Collateral", "decimals", block=block),
            ask("target"),
            target_floor,
            daily_cap_share,
            {market: ask("market_limits", market)[2] for market in markets},
            ask("MIN_DAILY_CAP_SHARE"),
            ask("MAX_DAILY_CAP_SHARE"),
            ask("MIN_STRESS_SHARE"),
            ask("MAX_STRESS_SHARE"),
        )


@dataclass(frozen=True)
class MarketSize:
    """One market: open interest (quote at mark), quantiles of its loss, its stress share now and as
    recommended (18 decimals). Without open interest there is nothing to go by: what it has now stays.
    """

    market: int
    open_interest: float
    quantiles: tuple[Quantile, ...]
    chosen: Quantile
    stress_share: int
    recommended_stress_share: int
    is_bounded: bool  # the contract's hard bounds decided


@dataclass(frozen=True)
class FundSize:
    """What is recommended; amounts in token units, shares 18 decimals, quantiles quote."""

    scenarios: int
    accounts: int
    positions: int
    quantiles: tuple[Quantile, ...]
    chosen: Quantile
    markets: tuple[MarketSize, ...]
    target: int
    recommended_target: int
    implied_target: int  # what the contract's formula makes of the recommended stress shares
    daily_cap_share: int
    recommended_daily_cap_share: int


def require_enough(scenarios: int, confidence: float, level: float) -> None:
    """Raises SizeError for shares that are none, or too few scenarios for an upper bound of the quantile."""
    for name, share in (("confidence", confidence), ("level of the interval", level)):
        if not 0 < share < 1:
            raise SizeError(f"The {name} must be between 0 and 1, not {share}.")
    least = least_scenarios(confidence, level)
    if scenarios < least:
        raise SizeError(
            f"{scenarios} scenarios give no upper bound for the {confidence * 100:g} % quantile: "
            f"it takes at least {least}."
        )


def recommend(book: Book, sample: Array, limits: Limits, confidence: float, level: float = 0.95) -> FundSize:
    """Target, daily budget and stress shares that last for a share `confidence` of the scenarios.

    The target is the upper bound of that quantile of the loss over all markets, and at least the contract's
    floor; the daily budget is the share of this target that pays the quantile itself; a market's stress
    share is the upper bound of the same quantile of its own loss over its open interest. Raises SizeError
    if there are too few scenarios for an upper bound.
    """
    require_enough(len(sample), confidence, level)
    total = quantile(sample.sum(axis=1), confidence, level)
    unit = 10**limits.token_decimals
    target = max(_up(total.upper, unit, unit), limits.target_floor)
    daily = _up(total.estimate * unit / target, WAD, SHARE_STEP) if target else WAD
    daily = min(max(daily, limits.least_daily_cap_share), limits.most_daily_cap_share)
    markets, implied, worths = [], 0, book.open_interest
    for n, market in enumerate(book.markets):
        own, worth = quantile(sample[:, n], confidence, level), float(worths[n])
        now = limits.stress_share[market.id]
        wanted = _up(own.upper / worth, WAD, SHARE_STEP) if worth else now
        share = min(max(wanted, limits.least_stress_share), limits.most_stress_share)
        implied += -(-_up(worth, unit) * share // WAD)
        quantiles = tuple(quantile(sample[:, n], q, level) for q in QUANTILES)
        markets.append(MarketSize(market.id, worth, quantiles, own, now, share, share != wanted))
    return FundSize(
        len(sample),
        len(book.equity),
        len(book.size),
        tuple(quantile(sample.sum(axis=1), q, level) for q in QUANTILES),
        total,
        tuple(markets),
        limits.target,
        target,
        max(implied, limits.target_floor),
        limits.daily_cap_share,
        daily,
    )


def _up(amount: float | None, unit: int, step: int = 1) -> int:
    """In units of 1 / `unit`, rounded up to a multiple of `step`; a float's last digits do not count."""
    assert amount is not None
    return math.ceil(amount * unit / step * (1 - 1e-12)) * step
