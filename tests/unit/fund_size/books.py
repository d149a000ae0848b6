"""Small books, and the model of lastline.fund_size account by account with the exact margin arithmetic."""

from typing import Any

from lastline import fund_size as fs
from lastline import risk as rk
from lastline.units import WAD
from lastline.words import LiquidationWord, MarginWords

LINES = ((0.025, 0.0), (0.05, 25_000.0))


def terms(id: int = 0, mark: float = 100.0, **changes: Any) -> fs.MarketTerms:
    fields = {"lines": LINES, "cost_slope": 0.05, "critical_health": 0.4, "open_interest": 1_000.0}
    return fs.MarketTerms(id, mark, **{**fields, **changes})


def world(**changes: Any) -> fs.Assumptions:
    """Books so deep that slippage is nothing, unless `depth` says otherwise."""
    fields: dict[str, Any] = {"volatility": 0.8, "depth": 1e18, **changes}
    for name in ("volatility", "depth"):
        if not isinstance(fields[name], dict):
            fields[name] = {None: fields[name]}
    return fs.Assumptions(**fields)


def book(accounts: list[tuple[float, dict[int, float]]], *markets: fs.MarketTerms, **more: Any) -> fs.Book:
    """Each account: equity, and size by market; entered at the mark."""
    markets = markets or (terms(),)
    seats = [(n, m, size) for n, (_, sizes) in enumerate(accounts) for m, size in sizes.items()]
    return fs.Book.from_lists(
        markets,
        [equity for equity, _ in accounts],
        [n for n, _, _ in seats],
        [m for _, m, _ in seats],
        [size for _, _, size in seats],
        more.pop("unrealised", [0.0] * len(seats)),
        **more,
    )


def naive_loss(book: fs.Book, assumptions: fs.Assumptions, returns: list[float]) -> list[float]:
    """One scenario, one account after the other, in integers of 18 decimals where the contracts have them."""
    markets, count = book.markets, len(book.markets)
    accounts = [_exact(book, n) for n in range(len(book.equity))]
    due = [_first_below(account, book, returns, 1.0) for account in accounts]
    sold = {
        (m, side): max(side * markets[m].inventory_size, 0) * markets[m].mark
        for m in range(count)
        for side in (1, -1)
    }
    for account, at in zip(accounts, due, strict=True):
        if at is not None:
            for h in account.holdings:
                sold[h.market, 1 if h.size > 0 else -1] += abs(h.size) / WAD * markets[h.market].mark
    slippage = {
        (m, side): min(0.01 * worth / assumptions.depth_of(markets[m].id) / 2, 1.0)
        for (m, side), worth in sold.items()
    }
    out = [0.0] * count
    for m, market in enumerate(markets):
        size = market.inventory_size
        cost = abs(size) * market.mark * slippage[m, 1 if size > 0 else -1]
        out[m] += max(cost - market.inventory_equity - min(size * market.mark * returns[m], 0), 0)
    for account, at in zip(accounts, due, strict=True):
        if at is None:
            continue
        worths = {h.market: abs(h.size) / WAD * markets[h.market].mark for h in account.holdings}
        costs = {
            h.market: worths[h.market] * slippage[h.market, 1 if h.size > 0 else -1] for h in account.holdings
        }
        total, worth = sum(costs.values()), sum(worths.values())
        slope = sum(worths[m] * markets[m].cost_slope for m in worths) / worth
        critical = min(markets[m].critical_health for m in worths)
        health = 1.0 if not total else min(max(1 - total / worth / slope, critical), 1.0)
        gain = sum(h.size / WAD * markets[h.market].mark * returns[h.market] for h in account.holdings)
        closed = _first_below(account, book, returns, health)
        end = at if gain >= 0 else min((1.0 if closed is None else closed) + assumptions.gap, 1.0)
        prices = _prices(book, returns, end)
        for m, part in rk.shortfall(account, prices).items():
            out[m] += part / WAD
        equity = rk.risk(account, prices).equity / WAD
        unpaid = max(total - max(equity, 0), 0)
        for m, cost in costs.items():
            out[m] += unpaid * cost / total if total else 0
    return out


def _exact(book: fs.Book, number: int) -> rk.Book:
    seats = [n for n in range(len(book.size)) if book.account[n] == number]
    holdings = []
    for n in seats:
        size, mark = wad(book.size[n]), wad(book.markets[book.market[n]].mark)
        holdings.append(
            rk.Holding(int(book.market[n]), size, size * mark // WAD - wad(book.unrealised[n]), 0)
        )
    margins = {
        m: rk.Terms(_margin(t), LiquidationWord.of(0), wad(t.open_interest))
        for m, t in enumerate(book.markets)
    }
    cash = wad(book.equity[number]) - sum(wad(book.unrealised[n]) for n in seats)
    return rk.Book(cash, 0, tuple(holdings), margins, wad(book.multiplier))


def _margin(market: fs.MarketTerms) -> MarginWords:
    lines = tuple((wad(rate), wad(deduction)) for rate, deduction in market.lines)
    return MarginWords(lines, WAD, 0, 0, (0, 0, 0, 0), 0, 0, 10**40, 10**40, 10**40, WAD)


def _prices(book: fs.Book, returns: list[float], at: float) -> dict[int, int]:
    return {m: wad(t.mark * (1 + at * returns[m])) for m, t in enumerate(book.markets)}


def _first_below(account: rk.Book, book: fs.Book, returns: list[float], health: float) -> float | None:
    def is_below(at: float) -> bool:
        risk = rk.risk(account, _prices(book, returns, at))
        return risk.equity < health * risk.maintenance

    if is_below(0.0):
        return 0.0
    if not is_below(1.0):
        return None
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if is_below(middle) else (middle, high)
    return high


def wad(amount: float) -> int:
    return round(float(amount) * WAD)
