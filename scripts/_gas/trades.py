"""What an ordinary day costs: deposits, withdrawals, trades and liquidations, all by the real contracts."""

from lastline.units import to_tokens, wad
from scripts._gas.system import ANYTHING, DECIMALS, MARKET, System


def measure_trades(s: System) -> dict[str, int]:
    """Gas by operation. Every account has traded before unless the name says otherwise."""
    out: dict[str, int] = {}
    # Somebody else's positions: the cohorts exist, the market's and the fees' slots are used.
    s.trade(s.trader("old long", 50_000), [s.trader("old short", 50_000)], "0.5")

    a, b = s.trader("a", 50_000), s.trader("b", 50_000)
    s.use_lane(b)
    out["trade_fresh_both"] = s.trade(a, [b], "0.1")
    out["trade_increase_both"] = s.trade(a, [b], "0.1")
    opened = s.snapshot()

    out["deposit_open_position"] = s.deposit(a, 1_000)
    out["withdraw_open_position"] = s.gas(
        a.address, s.vault, "withdraw", a.account, to_tokens(wad(1_000), DECIMALS), a.address, 0
    )
    # Unit entries differ from mark by nothing: no profit and no loss.
    out["trade_close_both_zero_profit"] = s.trade(a, [b], "-0.2")
    opened = s.restore(opened)

    out["trade_reduce_both_zero_profit"] = s.trade(a, [b], "-0.1")
    opened = s.restore(opened)

    s.set_price(60_300)
    out["trade_close_both_first_profit"] = s.trade(a, [b], "-0.2")
    opened = s.restore(opened)

    # the account's first profit, but not the market's
    s.set_price(60_300)
    s.trade(s.trader("old long"), [s.trader("old short")], "-0.2")
    out["trade_close_both_accounts_first_profit"] = s.trade(a, [b], "-0.2")
    opened = s.restore(opened)

    # later profit: both have realised something here before, and it has not matured
    s.set_price(60_300)
    s.trade(a, [b], "-0.1")
    out["trade_close_both"] = s.trade(a, [b], "-0.1")
    opened = s.restore(opened)

    # makers in one transaction, all with positions
    makers = [s.trader(f"maker {n}", 50_000) for n in range(16)]
    s.use_lane(*makers)
    s.trade(a, makers, "0.02")
    by_count = {}
    ready = s.snapshot()
    for count in (1, 2, 4, 8, 16):
        by_count[count] = s.trade(a, makers[:count], "0.02")
        ready = s.restore(ready)
    # one maker goes through `take`, several through `trade`
    out["trade_marginal_maker"] = (by_count[4] - by_count[2]) // 2
    out["trade_marginal_maker_of_16"] = (by_count[16] - by_count[2]) // 14
    out["trade_16_makers"] = by_count[16]
    opened = s.restore(opened)
    return out


def measure_liquidation(s: System) -> dict[str, int]:
    """Full take-over through the engine; the liquidator has a position on the same side and tick."""
    out: dict[str, int] = {}
    start = s.snapshot()
    # Not the first liquidation of all: the slot of its fees is used.
    early = s.trader("early", 3_100)
    s.trade(early, [s.trader("early other", 500_000)], "1")
    s.set_price(59_400)
    s.set_price(58_800)
    s.set_price(58_300)
    first = s.trader("first liquidator", 500_000)
    s.send(first.address, s.engine, "take_over", early.account, MARKET, ANYTHING, first.account, 2**255)
    for price in (58_800, 59_400, 60_000):
        s.set_price(price)
    weak, other, liquidator = (
        s.trader("weak", 3_100),
        s.trader("other", 500_000),
        s.trader("liquidator", 500_000),
    )
    s.trade(weak, [other], "1")
    for price in (59_400, 58_800, 58_300, 57_700):
        s.set_price(price)
    s.trade(liquidator, [other], "3")
    ready = s.snapshot()
    arguments = (weak.account, MARKET, ANYTHING, liquidator.account, 2**255)
    out["liquidate_full"] = s.gas(liquidator.address, s.engine, "take_over", *arguments)
    assert s.vault.functions.position_state(weak.account, MARKET).call()[0] == 0, "not a full take-over"
    ready = s.restore(ready)
    s.now += 60
    s.send(s.owner, s.oracle, "set_price", MARKET, s.price - wad(10), 0)
    out["liquidate_full_refreshed"] = s.gas(liquidator.address, s.engine, "refresh_and_take_over", *arguments)
    s.restore(ready)
    # the same position against one resting order at mark; the maker has one on that side already
    keeper = s.trader("keeper", 100)
    s.use_lane(liquidator)
    order = s.order(liquidator, wad(1))
    arguments = (weak.account, MARKET, ANYTHING, [order], keeper.account)
    out["liquidate_order_close"] = s.gas(keeper.address, s.exchange, "liquidate", *arguments)
    assert s.vault.functions.position_state(weak.account, MARKET).call()[0] == 0, "not a full close"
    s.restore(start)
    return out
