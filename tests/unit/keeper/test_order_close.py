"""How a keeper closes accounts against resting orders, and heeds the order and the limits of liquidations."""

from dataclasses import replace

import pytest

from lastline.keeper import pricing
from lastline.keeper.decisions import (
    GAS,
    GAS_PER_MAKER,
    Budget,
    by_order_close,
    by_take_over,
    choose,
    liquidations,
)
from lastline.keeper.orderbook import read_file
from lastline.orders import TimeInForce, of_line, to_line
from lastline.units import WAD, wad
from tests.unit.keeper.worlds import (
    MARK,
    NOW,
    OWN,
    TERMS,
    account,
    config,
    market,
    order,
    own,
    position,
    snapshot,
)

GWEI = 10**9
# 10 base at 1,000, health 0.8: kappa 0.01, of which the fund gets a fifth; a taker buys at 992.
SICK = account(1, "200", position("10"))
PLAN = pricing.take_over(market(), SICK, SICK.positions[0], WAD, 10**30)


def closes(seen, victim=SICK, settings=None):
    settings = settings or config()
    return by_order_close(seen, settings, victim, Budget(seen, settings), 0)


def makers(choice):
    return [resting.signed.order.account >> 96 for resting in choice.close.makers]


# --- which orders -------------------------------------------------------------------------------------------


def test_without_orders_nothing_is_closed():
    assert closes(snapshot()) == []


def test_best_prices_first_up_to_the_plan():
    seen = snapshot(orders=(order(5, 1, "995"), order(6, 2, "999"), order(7, 1, "1001"), order(8, 9, "993")))
    (choice,) = closes(seen)
    assert makers(choice) == [7, 6, 5, 8]
    assert choice.close.size == PLAN.size
    assert choice.close.limit == PLAN.price == wad("992")


def test_position_in_a_settled_market_keeps_nobody_from_liquidating_the_other():
    """10 long in a settled market, 5 short in market 1: the short is no hedge of it, all of it may go."""
    victim = account(1, "100", position("10"), position("-5", market=1))
    for is_settled, most in ((False, 0), (True, 5 * WAD)):
        worlds = {0: market(is_settled=is_settled), 1: market(1)}
        assert pricing.admitted(worlds, victim, victim.positions[1], WAD, NOW) == most


def test_short_is_closed_against_the_lowest_sellers():
    short = account(1, "200", position("-10"))
    seen = snapshot(orders=(order(5, -4, "1005"), order(6, -4, "999"), order(7, 4, "999")))
    (choice,) = closes(seen, short)
    assert makers(choice) == [6, 5]
    assert choice.close.size < 0


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (order(5, 9, "991.999999999999999999"), order(5, 9, "992")),
        (order(5, -9, "1000"), order(5, 9, "1000")),
        (order(5, 9, "1010.000000000000000001"), order(5, 9, "1010")),
        (order(5, 9, market=1), order(5, 9)),
        (order(1, 9), order(2, 9)),
        (order(5, 9, max_fee_rate=10**14 - 1), order(5, 9, max_fee_rate=10**14)),
        (
            order(5, 9, max_fee_rate=10**14, builder=9 << 96, builder_fee_rate=1),
            order(5, 9, max_fee_rate=10**14),
        ),
    ],
    ids=["price", "side", "band", "market", "owner", "fee", "builder"],
)
def test_order_that_the_exchange_would_refuse_is_not_used(bad, good):
    world = market(maker_rate=10**14), market(1)
    assert closes(snapshot(*world, orders=(bad,))) == []
    assert len(closes(snapshot(*world, orders=(good,)))) == 1


def test_only_what_is_left_of_an_order_counts():
    (choice,) = closes(snapshot(orders=(order(5, 9, left=2),)))
    assert choice.close.size == wad(2)


def test_no_more_than_sixteen_makers():
    (choice,) = closes(snapshot(orders=tuple(order(n, "0.2") for n in range(5, 25))))
    assert len(choice.close.makers) == 16


def test_close_that_leaves_dust_is_not_tried():
    whole = account(1, "110", position("10"))  # health 0.44: kappa is so high that all goes
    assert abs(pricing.take_over(market(), whole, whole.positions[0], WAD, 10**30).size) == wad(10)
    assert closes(snapshot(orders=(order(5, "9.95"),)), whole) == []
    assert len(closes(snapshot(orders=(order(5, "9.9"),)), whole)) == 1


def test_market_that_stands_still_is_not_tried():
    for changes in ({"is_round_open": True}, {"mark_time": NOW - 601}):
        assert closes(snapshot(market(**changes), orders=(order(5, 9),))) == []


def test_healthy_or_insolvent_account_is_not_closed():
    seen = snapshot(orders=(order(5, 20),))
    assert closes(seen, account(1, "250", position("10"))) == []
    assert closes(seen, account(1, "-1", position("10"))) == []


# --- what it brings -----------------------------------------------------------------------------------------


def test_reward_is_the_flat_and_the_proportional_part():
    (choice,) = closes(snapshot(orders=(order(5, 9),)))
    assert choice.reward == wad(1) + PLAN.size * MARK // WAD // 10_000


def test_reward_of_a_part_has_no_flat_part():
    (choice,) = closes(snapshot(orders=(order(5, 2),)))
    assert choice.reward == 2 * MARK // 10_000


def test_reward_is_at_most_what_the_account_saves():
    (choice,) = closes(snapshot(orders=(order(5, 2, "992.05"),)))
    assert choice.reward == wad("0.1")


def test_reward_is_capped():
    capped = market(liquidation=replace(TERMS, reward_cap=wad("0.5")))
    (choice,) = closes(snapshot(capped, orders=(order(5, 9),)))
    assert choice.reward == wad("0.5")


def test_keeper_of_the_same_owner_earns_nothing():
    (choice,) = closes(snapshot(orders=(order(5, 9),)), settings=config(reward_account=1 << 96 | 5))
    assert choice.reward == 0


@pytest.mark.parametrize("count", [1, 3])
def test_gas_grows_with_the_makers(count):
    seen = snapshot(gas_price=10 * GWEI, orders=tuple(order(5 + n, 9 // count) for n in range(count)))
    (choice,) = closes(seen)
    assert len(choice.close.makers) == min(count, 2)
    gas = GAS["order_close"] + (len(choice.close.makers) - 1) * GAS_PER_MAKER
    assert choice.reward - choice.profit == gas * 10 * GWEI * 3000


# --- which way ----------------------------------------------------------------------------------------------


def test_the_way_that_brings_most():
    seen = snapshot(orders=(order(5, 9),), unhealthy=[SICK])
    # the discount of 0.8 % on some 5,000 against 1.5
    assert choose(seen, config(), SICK, Budget(seen, config()), 0).way == "take_over"
    # a risk of 2 % would cost 100
    careful = config(risk_margin=wad("0.02"))
    assert choose(seen, careful, SICK, Budget(seen, careful), 0).way == "order_close"
    (action,) = liquidations(seen, careful)
    assert (action.kind, action.contract, action.method) == ("order_close", "Exchange", "liquidate")
    assert action.arguments == (SICK.account, 0, PLAN.size, [seen.orders[0].signed.values], OWN)
    assert action.alternative is None


def test_keeper_without_margin_closes_against_orders():
    seen = snapshot(orders=(order(5, 9),), own=own("0"), unhealthy=[SICK])
    assert [action.kind for action in liquidations(seen, config())] == ["order_close"]


def test_what_a_bad_order_makes_fail_is_done_without_orders():
    doomed = account(2, "90", position("10"))
    seen = snapshot(orders=(order(5, 20),), own=own("0"), unhealthy=[doomed])
    settings = config(is_public_good=True)
    # closing brings 1 and a ten thousandth of 10,000, as absorbing does; and comes first
    (action,) = liquidations(seen, settings)
    assert action.kind == "order_close"
    assert action.alternative.kind == "absorb"


def test_one_order_is_not_used_twice():
    other = account(2, "200", position("10"))
    seen = snapshot(orders=(order(5, 9),), own=own("0"), unhealthy=[SICK, other])
    first, second = liquidations(seen, config())
    assert first.arguments[2] == PLAN.size
    assert second.arguments[2] == wad(9) - PLAN.size


# --- turn and limit -----------------------------------------------------------------------------------------


def sizes_by_market(seen, victim):
    budget = Budget(seen, config())
    offers = {c.market: abs(c.offer.size) for c in by_take_over(seen, config(), victim, budget, 0)}
    closed = {c.market: abs(c.close.size) for c in by_order_close(seen, config(), victim, budget, 0)}
    return offers, closed


def test_hedge_has_to_wait():
    hedged = account(1, "400", position("12"), position("-8", 1))
    seen = snapshot(market(), market(1), orders=(order(5, 20), order(6, -20, market=1)))
    offers, closed = sizes_by_market(seen, hedged)
    assert set(offers) == set(closed) == {0}


def test_half_of_what_goes_beyond_the_balance():
    hedged = account(1, "400", position("10"), position("-10", 1))
    planned = abs(pricing.take_over(market(), hedged, hedged.positions[0], WAD, 10**30).size)
    seen = snapshot(market(), market(1), orders=(order(5, 20),))
    offers, closed = sizes_by_market(seen, hedged)
    assert offers[0] == closed[0] == -(-planned // 2)


def test_larger_side_without_a_price_bars_nobody():
    hedged = account(1, "400", position("12"), position("-8", 1))
    seen = snapshot(market(mark_time=NOW - 601), market(1))
    assert set(sizes_by_market(seen, hedged)[0]) == {1}


def test_what_a_market_bears_is_not_exceeded():
    seen = snapshot(market(room=wad(2000)), orders=(order(5, 20),))
    assert sizes_by_market(seen, SICK) == ({0: wad(2)}, {0: wad(2)})


def test_market_that_bears_nothing_has_to_wait():
    seen = snapshot(market(room=wad("99.9")), orders=(order(5, 20),))
    assert sizes_by_market(seen, SICK) == ({}, {})
    assert pricing.admitted({0: market(room=wad(100))}, SICK, SICK.positions[0], WAD, NOW) == wad("0.1")


@pytest.mark.parametrize(("equity", "is_limited"), [("125", True), ("124.999999999999999999", False)])
def test_account_below_half_health_does_not_wait(equity, is_limited):
    urgent = account(1, equity, position("10"))
    admitted = pricing.admitted({0: market(room=0)}, urgent, urgent.positions[0], WAD, NOW)
    assert admitted == (0 if is_limited else wad(10))


# --- where orders come from ---------------------------------------------------------------------------------


def test_orders_survive_the_file(tmp_path, caplog):
    first = order(5, -2, is_reduce_only=True, time_in_force=TimeInForce.POST_ONLY).signed
    second = replace(order(6, 3, builder=9 << 96, builder_fee_rate=5).signed, signature=b"\x01" * 65)
    path = tmp_path / "orders.jsonl"
    path.write_text(to_line(first) + "\n\nnonsense\n{}\n" + to_line(second) + "\n")
    assert read_file(path) == [first, second]
    assert [record.args[0] for record in caplog.records] == [3, 4]


def test_no_file_no_orders(tmp_path):
    assert read_file(None) == []
    assert read_file(tmp_path / "missing") == []


@pytest.mark.parametrize("line", ["[]", "1", "null", '{"account": "x"}', "", "{"])
def test_line_that_is_no_order_raises(line):
    with pytest.raises(ValueError, match=r"."):
        of_line(line)
