"""What liquidations bring, as the kernel computes it (contracts/modules/liquidation.vy,
MarginVaultAuction.vy), and how much of them the LiquidationEngine admits.

Pure functions. Quote amounts, sizes, prices and rates have 18 decimals. They choose and bound what a keeper
does; the kernel computes every price and amount itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lastline import fixed_math as fm
from lastline import risk
from lastline.keeper.orderbook import Resting
from lastline.keeper.snapshot import MarketSnapshot
from lastline.orders import MAX_MAKERS
from lastline.units import WAD
from lastline.views import AccountView, PositionView

# Base that settling may take from a position before its liquidation (LiquidationEngine.SETTLING).
SETTLING = 1000
# Largest rewards that stay for each market when fees are collected (MarginVaultCrisis.REWARDS_KEPT).
REWARDS_KEPT = 4


@dataclass(frozen=True)
class Offer:
    """A position on offer: `size` is the taker's change (long > 0), `discount` what it gains against mark,
    quote.
    """

    size: int
    price: int
    discount: int

    def notional(self, mark: int) -> int:
        """Worth at mark, quote, rounded up."""
        return -(-abs(self.size) * mark // WAD)


@dataclass(frozen=True)
class Close:
    """A close against resting orders, in the order in which they are used: `size` the makers' change
    (long > 0), `limit` the worst price the account may get.
    """

    size: int
    limit: int
    makers: tuple[Resting, ...]
    reward: int


def admitted(
    markets: dict[int, MarketSnapshot],
    account: AccountView,
    position: PositionView,
    multiplier: int,
    now: int,
) -> int:
    """How much of a position the engine lets go now, base: its turn, its balance, what the market bears.

    Contracts: lib/liquidation_order.vy, LiquidationEngine._most_by_rate.
    """
    market, held = markets[position.market], abs(position.size)
    sizes = {p.market: p.size for p in account.positions if not markets[p.market].is_settled}
    prices = {m: markets[m].mark for m in sizes}
    planned = take_over(market, account, position, multiplier, held)
    if planned is None:
        return 0
    most = held
    if sum(1 for size in sizes.values() if size) > 1:
        minimums = {m: markets[m].margin.minimum_notional for m in sizes}
        if position.market not in risk.turn(
            sizes, prices, minimums, {m for m in sizes if markets[m].is_fresh(now)}
        ):
            return 0
        minimum = market.margin.minimum_notional
        most = risk.most_by_order(sizes, prices, minimum, position.market, abs(planned.size))
    if market.room is None or is_absorbable(markets, account) or account.equity * 2 < account.maintenance:
        return most
    room = market.room * WAD // market.mark
    if min(abs(planned.size), most) <= room:
        return most
    room = min(room, held - _minimum_size(market) - SETTLING)
    return min(most, room) if room >= _minimum_size(market) else 0


def order_close(
    market: MarketSnapshot,
    account: AccountView,
    position: PositionView,
    multiplier: int,
    most: int,
    orders: Iterable[Resting],
    has_reward: bool,
) -> Close | None:
    """What closing at most `most` of a position against these orders does, best prices first; None if none of
    them is as good as a take-over, or what stays would be too small. `has_reward`: the keeper is of another
    owner.
    """
    plan = take_over(market, account, position, multiplier, most)
    whole = take_over(market, account, position, multiplier, abs(position.size))
    if plan is None or whole is None:
        return None
    sign, mark, wanted = (1 if plan.size > 0 else -1), market.mark, abs(plan.size)
    band = mark * market.margin.price_band // WAD
    fitting = [
        resting
        for resting in orders
        if resting.signed.order.market == market.market
        and resting.signed.order.size * sign > 0
        and (resting.signed.order.limit_price - plan.price) * sign >= 0
        and abs(resting.signed.order.limit_price - mark) <= band
        and (resting.signed.order.account ^ account.account) >> 96
        and resting.signed.order.max_fee_rate >= market.maker_rate + resting.signed.order.builder_fee_rate
    ]
    fitting.sort(key=lambda resting: -sign * resting.signed.order.limit_price)
    used, filled, saving = [], 0, 0
    for resting in fitting[:MAX_MAKERS]:
        part = min(resting.left, wanted - filled)
        if not part:
            break
        used.append(resting)
        filled += part
        saving += part * abs(resting.signed.order.limit_price - plan.price) // WAD
    rest = abs(position.size) - filled
    if not filled or (rest and rest * mark // WAD < market.margin.minimum_notional):
        return None
    terms = market.liquidation
    proportional = min(filled * mark // WAD * terms.reward_rate // WAD, terms.reward_cap)
    full = min(terms.reward_flat + proportional, terms.reward_cap)
    reward = min(saving, full if filled == abs(whole.size) else proportional) if has_reward else 0
    return Close(sign * filled, plan.price, tuple(used), reward)


def take_over(
    market: MarketSnapshot, account: AccountView, position: PositionView, multiplier: int, max_size: int
) -> Offer | None:
    """What a take-over of at most `max_size` gives the taker; None if the kernel would refuse it."""
    held = abs(position.size)
    if not 0 <= account.equity < account.maintenance or held == 0 or max_size <= 0:
        return None
    mark, worth = market.mark, -(-held * market.mark // WAD)
    health = account.equity * WAD // account.maintenance
    kappa = risk.cost_rate(market.terms, health, position.maintenance, worth)
    marginal = marginal_rate(market, worth, multiplier)
    size = risk.restoring_size(market.terms, account.equity, account.maintenance, marginal, kappa, held, mark)
    size = min(size, max_size)
    if held != size and (held - size) * mark // WAD < market.margin.minimum_notional:
        # What is left would be too small: all of it, or less of it.
        size = held if max_size >= held else held - _minimum_size(market)
    if size <= 0:
        return None
    fund_rate = kappa * market.liquidation.fund_share // WAD
    discount = mark * (kappa - fund_rate) // WAD
    sign = 1 if position.size > 0 else -1
    return Offer(sign * size, mark - sign * discount, size * discount // WAD)


def marginal_rate(market: MarketSnapshot, worth: int, multiplier: int) -> int:
    """Maintenance margin that one more quote of a position worth `worth` asks."""
    return -(-risk.line_of(market.margin, worth)[0] * multiplier // WAD)


def _minimum_size(market: MarketSnapshot) -> int:
    return -(-market.margin.minimum_notional * WAD // market.mark)


def rewards_kept(markets: Iterable[MarketSnapshot]) -> int:
    """What collecting leaves of the liquidations' fees, so that absorptions of empty accounts are paid."""
    return REWARDS_KEPT * sum(market.liquidation.reward_cap for market in markets)


def absorption_reward(markets: dict[int, MarketSnapshot], account: AccountView, liquidation_fees: int) -> int:
    """What the keeper of an absorption earns; with nothing left in the account, out of `liquidation_fees`."""
    full = small = 0
    for position in account.positions:
        if position.size == 0:
            continue
        terms, mark = markets[position.market].liquidation, markets[position.market].mark
        proportional = min(abs(position.size) * mark // WAD * terms.reward_rate // WAD, terms.reward_cap)
        full += min(terms.reward_flat + proportional, terms.reward_cap)
        small += proportional
    if account.equity > 0:
        return min(full, account.equity // 2)
    return min(small, liquidation_fees)


def critical_health(markets: dict[int, MarketSnapshot], account: AccountView) -> int:
    """Health below which an account may be absorbed: the least of its markets'."""
    return min(
        (markets[p.market].liquidation.critical_health for p in account.positions if p.size), default=0
    )


def is_absorbable(markets: dict[int, MarketSnapshot], account: AccountView) -> bool:
    """True with equity below zero, or below the critical share of maintenance margin."""
    return risk.is_absorbable(account.equity, account.maintenance, critical_health(markets, account))


def auction(market: MarketSnapshot, now: int, max_size: int) -> Offer | None:
    """What the auction of a market's inventory offers a buyer of at most `max_size`; None if there is
    nothing.
    """
    inventory = market.inventory
    size = min(abs(inventory.size), max_size)
    if size <= 0:
        return None
    rate = auction_rate(market, now)
    discount = min(size * market.mark // WAD * rate // WAD, fm.positive_part(inventory.equity))
    sign = 1 if inventory.size > 0 else -1
    cost = -(-sign * size * market.mark // WAD) - discount
    return Offer(sign * size, abs(cost) * WAD // size, discount)


def auction_rate(market: MarketSnapshot, now: int) -> int:
    """Discount of the auction, share of mark."""
    length = market.liquidation.auction_seconds
    elapsed = min(max(now - market.inventory.auction_start, 0), length)
    return market.liquidation.auction_slippage * elapsed // max(length, 1)


def final_discount(market: MarketSnapshot, size: int) -> int:
    """What the auction will give at its end for `size` (base, without sign) at the present mark, quote."""
    worth = abs(size) * market.mark // WAD
    return min(worth * market.liquidation.auction_slippage // WAD, fm.positive_part(market.inventory.equity))


def is_auction_over(market: MarketSnapshot, now: int) -> bool:
    """True if waiting brings no more discount: the auction is at its end, or there is nothing to give
    away.
    """
    length = market.liquidation.auction_seconds
    has_ended = now - market.inventory.auction_start >= length
    return has_ended or final_discount(market, market.inventory.size) <= market.liquidation.dust


def initial_rate(market: MarketSnapshot, notional: int, leverage_class: int, multiplier: int) -> int:
    """Most initial margin that one more quote of a position asks which is then worth `notional`."""
    by_tier = marginal_rate(market, notional, multiplier) * market.margin.initial_factor // WAD
    by_class = market.margin.class_rates[leverage_class] * multiplier // WAD
    rate = max(by_tier, by_class, 1)
    # in a crowd it rises towards all of the notional
    beyond, span = market.margin.crowd(-(-market.open_interest * market.mark // WAD))
    whole = max(multiplier, rate)
    return rate if not beyond else rate - (rate - whole) * beyond // span
