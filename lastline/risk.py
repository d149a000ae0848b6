"""What an account is worth and what may be done to it at any marks: the kernel's margin arithmetic, exact.

The formulas of contracts/modules/margin.vy and liquidation.vy in their own rounding, over figures that the
views give. Quote amounts, sizes (long > 0), prices, rates and ratios have 18 decimals.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lastline import fixed_math as fm
from lastline.units import MAX_PRICE, MIN_PRICE, WAD
from lastline.words import LiquidationWord, MarginWords

HEALTHY, LIQUIDATED, ABSORBED = "healthy", "liquidated", "absorbed"
# What rounding a few margins up may cost a take-over's cost rate (contracts/modules/liquidation.vy).
KAPPA_GUARD = 10


@dataclass(frozen=True)
class Terms:
    """What a market asks of a position."""

    margin: MarginWords
    liquidation: LiquidationWord
    open_interest: int  # base


@dataclass(frozen=True)
class Holding:
    """A position, everything pending applied."""

    market: int
    size: int
    notional: int
    leverage_class: int

    def unrealised(self, price: int) -> int:
        """Open profit at a mark, rounded down."""
        return fm.signed_mul_div_floor(self.size, price, WAD) - self.notional

    def worth(self, price: int) -> int:
        """Value at a mark, rounded up."""
        return fm.mul_div_up(abs(self.size), price, WAD)


@dataclass(frozen=True)
class Requirement:
    """Margins of one position; `marginal` is the maintenance margin that one more quote of value needs."""

    maintenance: int
    marginal: int
    initial: int


@dataclass(frozen=True)
class Risk:
    """An account at given marks, as the vault's `account_state` has it."""

    cash: int
    maturing: int
    unrealised: int
    losses: int
    maintenance: int
    initial: int
    initial_gap: int

    @property
    def equity(self) -> int:
        return self.cash + self.maturing + self.unrealised

    @property
    def hole(self) -> int:
        return self.initial_gap - self.cash

    @property
    def withdrawable(self) -> int:
        return max(min(-self.hole, self.cash + self.losses - self.maintenance), 0)

    @property
    def health(self) -> int | None:
        """Equity over maintenance margin, rounded down; None without positions."""
        return self.equity * WAD // self.maintenance if self.maintenance else None


@dataclass(frozen=True)
class Book:
    """An account: money that no mark moves, its positions, and the terms of their markets."""

    cash: int
    maturing: int
    holdings: tuple[Holding, ...]
    terms: Mapping[int, Terms]
    multiplier: int  # of the risk mode

    def holding(self, market: int) -> Holding:
        """The position in a market. Raises KeyError if there is none."""
        for holding in self.holdings:
            if holding.market == market:
                return holding
        raise KeyError(market)


def line_of(margin: MarginWords, worth: int) -> tuple[int, int]:
    """Rate and deduction of the line that decides the maintenance margin of so much quote."""
    marginal, deducted = margin.lines[0]
    for rate, deduction in margin.lines[1:]:
        if worth * (rate - marginal) < (deduction - deducted) * WAD:
            break
        marginal, deducted = rate, deduction
    return marginal, deducted


def requirement(book: Book, holding: Holding, price: int) -> Requirement:
    """Margins of a position at a mark, rounded up."""
    terms, worth = book.terms[holding.market], holding.worth(price)
    marginal, deducted = line_of(terms.margin, worth)
    maintenance = fm.mul_div_up(worth, marginal, WAD) - deducted
    crowd = fm.mul_div_up(terms.open_interest, price, WAD)
    initial = terms.margin.initial(worth, maintenance, holding.leverage_class, crowd)
    return Requirement(
        *(fm.mul_div_up(part, book.multiplier, WAD) for part in (maintenance, marginal, initial))
    )


def risk(book: Book, prices: Mapping[int, int]) -> Risk:
    """The account at these marks (by market, of each one it holds a position in)."""
    unrealised = losses = maintenance = initial = gap = 0
    for holding in book.holdings:
        price = prices[holding.market]
        need, profit = requirement(book, holding, price), holding.unrealised(price)
        unrealised += profit
        losses += min(profit, 0)
        maintenance += need.maintenance
        initial += need.initial
        gap += max(need.initial - profit, 0)
    return Risk(book.cash, book.maturing, unrealised, losses, maintenance, initial, gap)


def _is_below_maintenance(book: Book, prices: Mapping[int, int], market: int, price: int) -> bool:
    at = risk(book, {**prices, market: price})
    return at.equity < at.maintenance


def liquidation_price(book: Book, prices: Mapping[int, int], market: int) -> int | None:
    """The mark of one market, the others as they are, at which the account's health falls below 1.

    The first price, coming from the healthy side, with equity below maintenance margin: the account may be
    taken over there, and one unit (1e-18) nearer to the healthy side it may not. For an account below 1
    already it lies on the side of profit: beyond it the account is healthy again. None if there is no such
    price between 1e-6 and 1e12: the position alone cannot bring the account down, or bring it back.

    Equity is a line and maintenance margin a maximum of lines, rounded: bisection finds the border exactly.
    """
    is_long = book.holding(market).size > 0
    mark = prices[market]
    is_below = _is_below_maintenance(book, prices, market, mark)
    # where a loss grows for who is healthy, where it shrinks for who is not
    end = MIN_PRICE if is_long != is_below else MAX_PRICE
    if _is_below_maintenance(book, prices, market, end) == is_below:
        return None
    below, healthy = (mark, end) if is_below else (end, mark)
    while abs(below - healthy) > 1:
        middle = (below + healthy) // 2
        if _is_below_maintenance(book, prices, market, middle):
            below = middle
        else:
            healthy = middle
    return below


def bankruptcy_price(book: Book, prices: Mapping[int, int], market: int) -> int:
    """Where this position's share of equity, by maintenance margin, is used up; 0 if nowhere.

    As the vault's `position_state` has it: the mark less (long) or plus (short) that share over the size.
    """
    holding, at = book.holding(market), risk(book, prices)
    own = requirement(book, holding, prices[market]).maintenance
    share = fm.signed_mul_div_floor(at.equity, own, max(at.maintenance, 1))
    per_base = fm.signed_mul_div_floor(share, WAD, abs(holding.size))
    return max(prices[market] - per_base if holding.size > 0 else prices[market] + per_base, 0)


def outcome(book: Book, prices: Mapping[int, int]) -> str:
    """What anybody may do to the account at these marks: nothing, take over a part, or have it absorbed."""
    at = risk(book, prices)
    if at.equity < 0:
        return ABSORBED
    if at.equity >= at.maintenance:
        return HEALTHY
    critical = min(book.terms[holding.market].liquidation.critical_health for holding in book.holdings)
    return ABSORBED if is_absorbable(at.equity, at.maintenance, critical) else LIQUIDATED


def is_absorbable(equity: int, maintenance: int, critical_health: int) -> bool:
    """Below zero, or under the lowest critical health of the account's markets."""
    return equity < 0 or equity * WAD < critical_health * maintenance


def cost_rate(terms: Terms, health: int, maintenance: int, worth: int) -> int:
    """kappa, what a take-over costs the account in all, share of notional: of a position worth `worth` quote
    (rounded up) with this maintenance margin, in an account of this health."""
    limit = fm.mul_div_down(fm.mul_div_down(health, maintenance, WAD), WAD, worth)
    slope = fm.mul_div_down(terms.liquidation.cost_slope, WAD - health, WAD)
    return min(slope, fm.saturating_sub(limit, KAPPA_GUARD))


def restoring_size(
    terms: Terms, equity: int, maintenance: int, marginal: int, kappa: int, held: int, price: int
) -> int:
    """Base to close of `held` so that the account (equity, maintenance) comes to its target health.

    At least the minimum notional; all if no part would do.
    """
    target, minimum = terms.liquidation.target_health, terms.margin.minimum_notional
    gain = fm.mul_div_down(target, marginal, WAD)
    if gain <= kappa:
        return held
    missing = fm.mul_div_up(target, maintenance, WAD) - equity
    worth = max(fm.mul_div_up(missing, WAD, gain - kappa), minimum)
    return min(held, fm.mul_div_up(worth, WAD, price))


def take_over_size(book: Book, prices: Mapping[int, int], market: int) -> int:
    """Base that a liquidator without limit takes over at these marks; 0 if healthy, or below zero."""
    at, holding, price = risk(book, prices), book.holding(market), prices[market]
    if not 0 <= at.equity < at.maintenance:
        return 0
    terms, need, held = book.terms[market], requirement(book, holding, price), abs(holding.size)
    health = fm.mul_div_down(at.equity, WAD, at.maintenance)
    kappa = cost_rate(terms, health, need.maintenance, holding.worth(price))
    size = restoring_size(terms, at.equity, at.maintenance, need.marginal, kappa, held, price)
    rest = held - size
    is_dust = fm.mul_div_down(rest, price, WAD) < terms.margin.minimum_notional
    return held if rest and is_dust else size


def shortfall(book: Book, prices: Mapping[int, int]) -> dict[int, int]:
    """What an account below zero lacks, by market as an absorption splits it.

    By losses, or by maintenance margin if there are none. The parts sum to the lack exactly; without
    positions it is in market 0.
    """
    lack = -risk(book, prices).equity
    if lack <= 0:
        return {}
    weights = {h.market: max(-h.unrealised(prices[h.market]), 0) for h in book.holdings}
    if not any(weights.values()):
        weights = {h.market: requirement(book, h, prices[h.market]).maintenance for h in book.holdings}
    weights = {market: weight for market, weight in sorted(weights.items()) if weight}
    if not weights:
        return {0: lack}
    total = sum(weights.values())
    parts = {market: fm.signed_mul_div_ceil(lack, weight, total) for market, weight in weights.items()}
    parts[max(parts)] += lack - sum(parts.values())
    return parts


def turn(
    sizes: Mapping[int, int], prices: Mapping[int, int], minimums: Mapping[int, int], fresh: Collection[int]
) -> tuple[int, ...]:
    """In which markets an account may be liquidated first (contracts/lib/liquidation_order.vy).

    `sizes`: its positions, base; `minimums`: the markets' minimum notionals; `fresh`: markets whose mark is
    fresh.
    """
    held = sorted(market for market, size in sizes.items() if size)
    worth = {market: fm.mul_div_up(abs(sizes[market]), prices[market], WAD) for market in held}
    net = sum(worth[market] if sizes[market] > 0 else -worth[market] for market in held)
    larger = [market for market in held if sizes[market] * net > 0]
    if any(market in fresh and worth[market] >= minimums[market] for market in larger):
        return tuple(larger)
    return tuple(held)


def most_by_order(
    sizes: Mapping[int, int], prices: Mapping[int, int], minimum: int, market: int, planned: int
) -> int:
    """How much of a position whose turn it is may be liquidated, base, if its plan asks for `planned`: of
    what goes beyond the account's balance half, at least the least size, and all if less would stay.
    """
    worth = {m: fm.mul_div_up(abs(size), prices[m], WAD) for m, size in sizes.items() if size}
    longs = sum(w for m, w in worth.items() if sizes[m] > 0)
    shorts = sum(w for m, w in worth.items() if sizes[m] < 0)
    held = abs(sizes[market])
    if not min(longs, shorts) or sizes[market] * (longs - shorts) < 0:
        return held
    net = fm.mul_div_up(abs(longs - shorts), WAD, prices[market])
    if planned <= net:
        return held
    least = fm.mul_div_up(minimum, WAD, prices[market])
    most = max(net - (net - planned) // 2, least)
    return held if held - most < least else most
