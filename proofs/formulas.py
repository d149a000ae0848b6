"""The contracts' formulas, written once for two readers: the prover and the tests.

Each function takes an arithmetic `ar` first. With `Ints` it computes on plain integers, and tests/lib/
test_proof_formulas.py compares the outcome with the contracts' own code on random inputs. With the
prover's terms the same lines become the statement that is proven. Units are the contracts': quote, base
and prices 18 decimals, cohort figures and shares 27, `notional`s and `size`s of members and cohorts
magnitudes."""

from dataclasses import dataclass, replace
from typing import Any

WAD = 10**18
RAY = 10**27
WAD_TO_RAY = 10**9
STEP = 10**9  # of maturing profit, quote
FACTOR_FLOOR = RAY >> 40
MIN_PRICE, MAX_PRICE = 10**12, 10**30
RATE_STEP, FACTOR_STEP = 10**13, 10**15
KAPPA_GUARD = 10

# An integer, or a term that stands for one; a truth value, or a term that stands for one.
Number = Any
Truth = Any


class Ints:
    """Arithmetic on plain integers."""

    def floor(self, a: int, divisor: int) -> int:
        """a / divisor toward minus infinity."""
        return a // divisor

    def ceil(self, a: int, divisor: int) -> int:
        """a / divisor toward plus infinity."""
        return -(-a // divisor)

    def choose(self, condition: bool, yes: int, no: int) -> int:
        return yes if condition else no

    def both(self, *conditions: bool) -> bool:
        return all(conditions)

    def either(self, *conditions: bool) -> bool:
        return any(conditions)

    def negation(self, condition: bool) -> bool:
        return not condition

    def octave(self, price: int) -> int:
        """Position of the highest set bit."""
        return price.bit_length() - 1


def maximum(ar: Any, a: Number, b: Number) -> Number:
    return ar.choose(a >= b, a, b)


def minimum(ar: Any, a: Number, b: Number) -> Number:
    return ar.choose(a <= b, a, b)


# --- lib/fixed_math.vy ------------------------------------------------------------------------------------


def mul_div_up(ar: Any, a: Number, b: Number, divisor: Number) -> Number:
    """As written: the truncating division of a product that was raised first."""
    return ar.floor(a * b + divisor - 1, divisor)


def signed_mul_div_floor(ar: Any, a: Number, b: Number, divisor: Number) -> Number:
    """As written: on magnitudes."""
    return ar.choose(a >= 0, ar.floor(a * b, divisor), -ar.floor(-a * b + divisor - 1, divisor))


def signed_mul_div_ceil(ar: Any, a: Number, b: Number, divisor: Number) -> Number:
    """As written: on magnitudes."""
    return ar.choose(a >= 0, ar.floor(a * b + divisor - 1, divisor), -ar.floor(-a * b, divisor))


def rated_up(ar: Any, amount: Number, rate: Number) -> Number:
    """As written, without a check for overflow."""
    return ar.floor(amount * rate + WAD - 1, WAD)


def positive_part(ar: Any, a: Number) -> Number:
    return maximum(ar, a, 0)


def saturating_sub(ar: Any, a: Number, b: Number) -> Number:
    return ar.choose(a < b, 0, a - b)


# --- lib/price_tick.vy ------------------------------------------------------------------------------------


def tick_at(ar: Any, price: Number, bits: int) -> Number:
    """`octave` is the price's highest bit; the mask takes the leading one off the shifted price."""
    octave = ar.octave(price)
    return (octave << bits) + ar.floor(price, 1 << (octave - bits)) - (1 << bits)


def low(tick: int, bits: int) -> int:
    first = 1 << bits
    return (first | (tick & (first - 1))) << ((tick >> bits) - bits)


def holds(tick: int, price: int, bits: int) -> bool:
    first = 1 << bits
    return price >> ((tick >> bits) - bits) == first | (tick & (first - 1))


# --- lib/margin_math.vy, modules/margin.vy ----------------------------------------------------------------


def line(ar: Any, notional: Number, rate: Number, deduction: Number) -> Number:
    """What one maintenance line asks, quote; it can be negative."""
    return rated_up(ar, notional, rate) - deduction


def takes_next_line(
    notional: Number, rate: Number, deduction: Number, next_rate: Number, next_deduction: Number
) -> Truth:
    return notional * (next_rate - rate) >= (next_deduction - deduction) * WAD


def maintenance(ar: Any, notional: int, lines: list[tuple[int, int]]) -> tuple[int, int]:
    """Margin and marginal rate; `lines` are (rate, deduction), a rate of 0 ends them. Integers only."""
    (rate, deduction), *rest = lines
    for next_rate, next_deduction in rest:
        if next_rate == 0 or not takes_next_line(notional, rate, deduction, next_rate, next_deduction):
            break
        rate, deduction = next_rate, next_deduction
    return line(ar, notional, rate, deduction), rate


# --- modules/cohorts.vy -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cohort:
    """A generation: sums of its members, and A, PHI, B, C, Y, X."""

    size_sum: Number
    notional_sum: Number
    a: Number = RAY
    phi: Number = 0
    b: Number = RAY
    c: Number = 0
    y: Number = 0
    x: Number = 0


@dataclass(frozen=True)
class Member:
    size: Number
    notional: Number
    pot: Number
    funding: Number


@dataclass(frozen=True)
class Closing:
    size_down: Number
    size_up: Number
    share: Number
    pot: Number


def is_in_profit(ar: Any, c: Cohort, is_short: bool, edge: Number, price: Number) -> Truth:
    """`edge`: the tick's low price for shorts, the next tick's for longs; `price` has 27 decimals."""
    if is_short:
        return ar.floor(c.b * edge, WAD) + c.c >= price
    return ar.ceil(c.b * edge, WAD) + c.c <= price


def profit_at(ar: Any, c: Cohort, is_short: bool, price: Number) -> Number:
    """`price` has 27 decimals."""
    worth = c.size_sum * (price - c.c)
    paid = c.notional_sum * c.b
    profit = positive_part(ar, paid - worth if is_short else worth - paid)
    return ar.floor(ar.floor(profit, RAY) * c.a, RAY)


def member(ar: Any, c: Cohort, is_short: bool, size: Number, notional: Number, index: Number) -> Member:
    """`index`: the side's funding index, 18 decimals."""
    scaled = notional * c.b + c.c * size
    pot = size * c.x - notional * c.y
    if is_short:
        inner = ar.floor(scaled, RAY)
        per_base = c.phi - ar.floor(index * c.a, WAD)
        return Member(
            size=-ar.ceil(size * c.a, RAY),
            notional=-ar.floor(inner * c.a, RAY),
            pot=positive_part(ar, ar.floor(-pot, RAY)),
            funding=ar.floor(-per_base * size, RAY),
        )
    inner = ar.ceil(scaled, RAY)
    per_base = c.phi - ar.ceil(index * c.a, WAD)
    return Member(
        size=ar.floor(size * c.a, RAY),
        notional=ar.ceil(inner * c.a, RAY),
        pot=positive_part(ar, ar.floor(pot, RAY)),
        funding=ar.floor(per_base * size, RAY),
    )


def pot_of(ar: Any, c: Cohort, is_short: bool) -> Number:
    pot = c.size_sum * c.x - c.notional_sum * c.y
    return positive_part(ar, ar.floor(-pot if is_short else pot, RAY))


def round_step(ar: Any, c: Cohort, is_short: bool, share: Number, price: Number, in_profit: bool) -> Cohort:
    """One round: `share` of the pots, and of open profit if the generation is wholly in profit at `price`."""
    kept = RAY - share
    against, favour = (ar.floor, ar.ceil) if is_short else (ar.ceil, ar.floor)
    c = replace(c, y=against(c.y * kept, RAY), x=favour(c.x * kept, RAY))
    if in_profit:
        c = replace(c, b=against(c.b * kept, RAY), c=against(c.c * kept + price * share, RAY))
    return c


def closed_share(ar: Any, c: Cohort, limit: Number) -> Number:
    """A r for closing at most `limit` base."""
    part = ar.floor(limit * RAY, c.size_sum)
    part = ar.choose(c.a - part < FACTOR_FLOOR, c.a, part)
    return ar.choose(ar.ceil(c.size_sum * c.a, RAY) > limit, part, c.a)


def close_share(
    ar: Any, c: Cohort, is_short: bool, closed: Number, price: Number, index: Number
) -> tuple[Cohort, Closing]:
    """Close the share `closed` of every member at `price` (18 decimals)."""
    gain = price * WAD_TO_RAY - c.c
    before = pot_of(ar, c, is_short)
    if is_short:
        after = replace(
            c,
            x=c.x + ar.ceil(gain * closed, RAY),
            y=c.y + ar.floor(closed * c.b, RAY),
            phi=c.phi - ar.floor(index * closed, WAD),
            a=c.a - closed,
        )
    else:
        after = replace(
            c,
            x=c.x + ar.floor(gain * closed, RAY),
            y=c.y + ar.ceil(closed * c.b, RAY),
            phi=c.phi - ar.ceil(index * closed, WAD),
            a=c.a - closed,
        )
    return after, Closing(
        size_down=ar.floor(closed * c.size_sum, RAY),
        size_up=ar.ceil(closed * c.size_sum, RAY),
        share=closed,
        pot=saturating_sub(ar, pot_of(ar, after, is_short), before + 1),
    )


# --- modules/positions.vy ---------------------------------------------------------------------------------


def notional_kept(ar: Any, notional: Number, rest: Number, held: Number) -> Number:
    """Signed notional of what stays open of a position that is partly closed."""
    return ar.ceil(notional * rest, held)


def cost_of_closing(ar: Any, cost: Number, held: Number, traded: Number) -> Number:
    """The part of a trade's signed cost that closes the old side of a position that changes sides."""
    return ar.ceil(cost * held, traded)


def traded(
    ar: Any, size: Number, notional: Number, change: Number, cost: Number
) -> tuple[Number, Number, Number]:
    """Size and notional after a trade, and the profit or loss it realises; all signed."""
    after = size + change
    held = ar.choose(size < 0, -size, size)
    amount = ar.choose(change < 0, -change, change)
    is_same_side = ar.either(ar.both(size > 0, change > 0), ar.both(size < 0, change <= 0))
    is_opening = ar.either(size == 0, is_same_side)
    rest = notional_kept(ar, notional, held - amount, ar.choose(held == 0, 1, held))
    closing = cost_of_closing(ar, cost, held, ar.choose(amount == 0, 1, amount))
    kept = ar.choose(amount < held, rest, cost - closing)
    pnl = ar.choose(amount < held, rest - notional - cost, -notional - closing)
    kept, pnl = ar.choose(after == 0, 0, kept), ar.choose(after == 0, -notional - cost, pnl)
    return after, ar.choose(is_opening, notional + cost, kept), ar.choose(is_opening, 0, pnl)


def funding_joined(ar: Any, index: Number, size: Number) -> Number:
    """Added to the stored cash of who joins with the signed `size`."""
    return ar.floor(index * size, WAD)


def funding_left(ar: Any, index: Number, size: Number) -> Number:
    """Taken from the stored cash of who leaves with the signed `size`."""
    return ar.ceil(index * size, WAD)


def entry_price(ar: Any, size: Number, notional: Number) -> Number:
    """Price whose tick a position joins, from magnitudes."""
    price = ar.floor(notional * WAD, size)
    return minimum(ar, maximum(ar, price, MIN_PRICE), MAX_PRICE)


# --- modules/membership.vy, modules/markets.vy ------------------------------------------------------------


def pot_after_leaving(ar: Any, pots: Number, pot: Number) -> Number:
    """The market's figure of untouched profit once a member has left with its `pot`."""
    return ar.choose(pot == 0, pots, saturating_sub(ar, pots, pot + 1))


def pending_of(ar: Any, m: Member) -> Number:
    """Signed quote that a member which settles books at once."""
    return ar.choose(m.size == 0, m.pot - m.notional, m.pot)


def open_interest_settled(ar: Any, open_interest: Number, size: Number) -> Number:
    """Open interest after a long settles: taken out with its new size and one more, joined again."""
    return saturating_sub(ar, open_interest, size + 1) + size


# --- modules/loss_sharing.vy, modules/bankruptcy_account.vy -----------------------------------------------


def bankruptcy_price(
    ar: Any, mark: Number, size: Number, notional: Number, cash: Number, band: Number
) -> Number:
    """P*, quote per base; `size` and `notional` are signed."""
    gap = notional - cash
    owed = positive_part(ar, ar.choose(size < 0, -gap, gap))
    width = ar.floor(mark * band, WAD)
    long_price = ar.ceil(owed * WAD, ar.choose(size > 0, size, 1))
    short_price = ar.floor(owed * WAD, ar.choose(size < 0, -size, 1))
    return ar.choose(
        size > 0,
        minimum(ar, minimum(ar, long_price, mark + width), MAX_PRICE),
        maximum(ar, maximum(ar, short_price, mark - width), MIN_PRICE),
    )


def inventory_after_close(
    ar: Any, is_short: bool, size: Number, notional: Number, closing: Closing, price: Number
) -> tuple[Number, Number]:
    """Signed size and notional of the inventory once a generation (short or not) was closed against it."""
    if is_short:
        return size - closing.size_up, notional - ar.floor(closing.size_down * price, WAD)
    return size + closing.size_down, notional + ar.ceil(closing.size_up * price, WAD)


def inventory_equity(ar: Any, size: Number, notional: Number, cash: Number, mark: Number) -> Number:
    return cash + ar.floor(size * mark, WAD) - notional


def auction_sale(
    ar: Any, size: Number, notional: Number, mark: Number, change: Number, discount: Number
) -> tuple[Number, Number]:
    """The inventory's signed size and notional once the signed `change` was sold at mark less a discount."""
    return size - change, notional - (ar.ceil(change * mark, WAD) - discount)


def round_share(ar: Any, deficit: Number, reachable: Number) -> Number:
    return minimum(ar, ar.ceil(deficit * RAY, reachable), RAY)


def pots_after_round(ar: Any, pots: Number, share: Number) -> Number:
    return ar.floor(pots * (RAY - share), RAY)


# --- modules/maturity.vy, modules/positions.vy ------------------------------------------------------------


def shares_worth(ar: Any, shares: Number, kept: Number) -> Number:
    return ar.floor(shares * kept, RAY) * STEP


def batch_kept(ar: Any, kept: Number, share: Number) -> Number:
    """What a share of a batch is worth after a round."""
    return ar.floor(kept * (RAY - share), RAY)


def shares_added(ar: Any, profit: Number, kept: Number) -> tuple[Number, Number]:
    """Shares booked for a profit, and the cash that is too fine for one."""
    shares = ar.floor(profit * RAY, kept * STEP)
    return shares, saturating_sub(ar, profit, ar.ceil(shares * kept, RAY) * STEP)


def shares_burnt(ar: Any, shares: Number, kept: Number, loss: Number) -> tuple[Number, Number]:
    """Shares of one batch that a loss burns, and the loss that is left."""
    worth = shares_worth(ar, shares, kept)
    burnt = minimum(ar, shares, ar.ceil(loss * RAY, kept * STEP))
    return ar.choose(worth <= loss, shares, burnt), ar.choose(worth <= loss, loss - worth, 0)


@dataclass(frozen=True)
class Maturing:
    """Shares of both live batches, and what a share of either is worth."""

    current: Number
    previous: Number
    kept: Number = RAY
    kept_previous: Number = RAY


def maturing_worth(ar: Any, m: Maturing) -> Number:
    return shares_worth(ar, m.current, m.kept) + shares_worth(ar, m.previous, m.kept_previous)


def realised(ar: Any, m: Maturing, pnl: Number) -> tuple[Maturing, Number]:
    """A profit or loss booked: what is maturing now, and what cash changes by."""
    added, fine = shares_added(ar, positive_part(ar, pnl), m.kept)
    loss = positive_part(ar, -pnl)
    first, left = shares_burnt(ar, m.previous, m.kept_previous, loss)
    second, rest = shares_burnt(ar, m.current, m.kept, left)
    # nothing is burnt for no loss, not even shares that are worth nothing
    first, second = ar.choose(loss == 0, 0, first), ar.choose(left == 0, 0, second)
    return replace(m, current=m.current + added - second, previous=m.previous - first), fine - rest


# --- modules/liquidation.vy -------------------------------------------------------------------------------


@dataclass(frozen=True)
class TakeOver:
    price: Number
    fee: Number


def health_of(ar: Any, equity: Number, maintenance_total: Number) -> Number:
    return ar.floor(equity * WAD, maintenance_total)


def cost_rate(ar: Any, health: Number, margin_here: Number, value: Number, slope: Number) -> Number:
    """kappa; `value` is the position at mark, rounded up."""
    limit = ar.floor(ar.floor(health * margin_here, WAD) * WAD, value)
    rising = ar.floor(slope * (WAD - health), WAD)
    return minimum(ar, rising, saturating_sub(ar, limit, KAPPA_GUARD))


def size_to_target(
    ar: Any,
    held: int,
    mark: int,
    target: int,
    marginal: int,
    kappa: int,
    maintenance_total: int,
    equity: int,
) -> int:
    """Base that restores the target health; integers only."""
    gain = ar.floor(target * marginal, WAD)
    if gain <= kappa:
        return held
    missing = ar.ceil(target * maintenance_total, WAD) - equity
    return min(held, ar.ceil(ar.ceil(missing * WAD, gain - kappa) * WAD, mark))


def terms_of_take_over(
    ar: Any, is_long: bool, size: Number, mark: Number, kappa: Number, fund_share: Number
) -> TakeOver:
    fund_rate = ar.floor(kappa * fund_share, WAD)
    discount = ar.floor(mark * (kappa - fund_rate), WAD)
    return TakeOver(
        price=mark - discount if is_long else mark + discount,
        fee=ar.floor(ar.floor(size * mark, WAD) * fund_rate, WAD),
    )


def worth_at(ar: Any, is_long: bool, size: Number, mark: Number) -> Number:
    """Signed worth of a position at mark, `size` a magnitude."""
    return ar.floor(size * mark, WAD) if is_long else -ar.ceil(size * mark, WAD)


def cost_of_take_over(ar: Any, is_long: bool, size: Number, price: Number) -> Number:
    """Signed quote the liquidated account pays for the trade that closes `size`."""
    return -ar.floor(size * price, WAD) if is_long else ar.ceil(size * price, WAD)


# --- MarginVaultCrisis.vy ---------------------------------------------------------------------------------


def funding_step(
    ar: Any, mark: Number, rate_by_time: Number, fund_share: Number, open_interest: Number
) -> tuple[Number, Number, Number]:
    """What payers pay and receivers get per base, and what the fund is credited."""
    paid = ar.ceil(mark * rate_by_time, WAD)
    received = ar.floor(paid * (WAD - fund_share), WAD)
    return paid, received, ar.floor(open_interest * (paid - received), WAD)
