"""Claims, deficits, auctions, fees: what is due, and what waits."""

from dataclasses import replace

import pytest

from lastline.keeper import pricing
from lastline.keeper.decisions import fees, gas_cost, loss_step, losses, purchases, touches
from lastline.keeper.snapshot import FeeSnapshot
from lastline.units import WAD, wad
from tests.unit.keeper.worlds import MARK, NOW, OWN, config, inventory, market, own, position, snapshot

GWEI = 10**9


def step(**changes):
    due = loss_step(market(**changes), NOW)
    return due and due[0]


def lacking(outstanding, payable="0", **changes):
    return {"inventory": inventory(outstanding=outstanding), "fund_payable": wad(payable), **changes}


# --- losses -------------------------------------------------------------------------------------------------


def test_nothing_lacks_nothing_is_due():
    assert step() is None
    assert step(inventory=inventory("5", "10")) is None


def test_the_fund_pays_what_it_can_pay_whole():
    assert step(**lacking("10", "10")) == "pay_claims"
    assert step(**lacking("10", "11")) == "pay_claims"


def test_what_the_fund_cannot_pay_whole_goes_to_the_allocator():
    assert step(**lacking("10", "9.99")) == "resolve"
    assert step(**lacking("10")) == "resolve"


@pytest.mark.parametrize(("outstanding", "due"), [("0.01", None), ("0.010000000000000001", "resolve")])
def test_dust_is_no_deficit(outstanding, due):
    assert step(**lacking(outstanding)) == due


def test_dust_is_paid_if_the_fund_can():
    assert step(**lacking("0.005", "0.001")) == "pay_claims"


def test_tiers_wait_for_a_fresh_mark_and_the_fund_does_not():
    assert step(**lacking("10", mark_time=NOW - 601)) is None
    assert step(**lacking("10", "10", mark_time=NOW - 601)) == "pay_claims"


def test_an_open_round_is_finished_whatever_else_is_due():
    assert step(**lacking("10", "10", is_round_open=True, mark_time=0)) == "resolve"


def close(age=0, equity="0", loss=NOW - 100, since=NOW - 200, policy=(2, 3), size="5"):
    return step(
        inventory=inventory(size, equity, age=age),
        last_loss_time=loss,
        inventory_since=since,
        policy=policy,
    )


def test_inventory_of_a_loss_is_closed_at_mark_once_its_auction_brings_nothing_more():
    assert close() == "resolve"
    assert close(equity="50", age=599) is None
    assert close(equity="50", age=600) == "resolve"


def test_inventory_is_not_closed_at_mark_without_that_tier_a_loss_or_inventory():
    assert close(policy=(1, 2)) is None
    assert close(loss=0, since=0) is None
    assert close(loss=NOW - 300) is None
    assert close(size="0.00001") is None


@pytest.mark.parametrize(("age", "due"), [(86_399, "resolve"), (86_400, "write_off")])
def test_what_lacks_for_a_day_is_written_off(age, due):
    assert step(**lacking("10", first_claim_at=NOW - age)) == due


def test_while_the_fund_can_pay_something_nothing_is_written_off():
    assert step(**lacking("10", "1", first_claim_at=NOW - 90_000)) == "resolve"


@pytest.mark.parametrize(
    ("age", "oracle_mark", "due"),
    [(86_400, None, "write_off"), (86_399, None, None), (86_400, MARK, None)],
)
def test_without_a_price_for_a_day_the_last_mark_counts(age, oracle_mark, due):
    old = lacking("10", first_claim_at=NOW - 90_000, mark_time=NOW - age, oracle_mark=oracle_mark)
    assert step(**old) == due


def test_a_write_off_that_is_refused_is_a_deficit_like_others():
    (action,) = losses(snapshot(market(**lacking("5", first_claim_at=NOW - 86_400))), config(max_cohorts=77))
    assert (action.contract, action.method, action.arguments) == ("MarginVault", "write_off", (0, 77))
    assert (action.alternative.contract, action.alternative.method) == ("LossAllocator", "resolve")


def test_markets_with_the_oldest_claim_come_first():
    young = market(0, **lacking("5", "5", first_claim=8))
    old = market(1, **lacking("5", "5", first_claim=3))
    assert [action.arguments for action in losses(snapshot(young, old), config())] == [(1,), (0,)]


def test_resolve_gets_the_settings_number_of_generations():
    (action,) = losses(snapshot(market(**lacking("5"))), config(max_cohorts=77))
    assert (action.contract, action.method, action.arguments) == ("LossAllocator", "resolve", (0, 77))


# --- auctions -----------------------------------------------------------------------------------------------


def bought(left, *, seen=None, **changes):
    world = snapshot(market(inventory=left), **(seen or {}))
    return [action.arguments for action in purchases(world, config(**changes))]


@pytest.mark.parametrize(("age", "rate"), [(0, "0"), (300, "0.01"), (600, "0.02"), (5000, "0.02")])
def test_the_discount_rises_to_the_end_of_the_auction(age, rate):
    offer = pricing.auction(market(inventory=inventory("5", "1000", age=age)), NOW, 10**30)
    assert offer.discount == 5000 * wad(rate)
    assert offer.price == MARK - MARK * wad(rate) // WAD


def test_the_discount_is_at_most_what_the_inventory_is_worth():
    offer = pricing.auction(market(inventory=inventory("5", "7", age=600)), NOW, 10**30)
    assert offer.discount == wad("7")
    assert pricing.auction(market(inventory=inventory("5", "-7", age=600)), NOW, 10**30).discount == 0


def test_inventory_is_bought_once_its_discount_pays():
    left = inventory("5", "1000", age=300)  # 50 of discount
    assert len(bought(left, min_profit=50 * WAD)) == 1
    assert bought(left, min_profit=50 * WAD + 1) == []


def test_gas_and_risk_have_to_be_in_the_discount():
    left = inventory("5", "1000", age=300)
    cost = gas_cost("buy_inventory", snapshot(gas_price=GWEI), config())
    assert len(bought(left, seen={"gas_price": GWEI}, min_profit=50 * WAD - cost)) == 1
    assert bought(left, seen={"gas_price": GWEI}, min_profit=50 * WAD - cost + 1) == []
    assert len(bought(left, risk_margin=wad("0.01"))) == 1
    assert bought(left, risk_margin=wad("0.010001")) == []


def test_the_limit_price_leaves_what_is_wanted():
    ((number, buyer, size, limit),) = bought(inventory("5", "1000", age=300), min_profit=10 * WAD)
    assert (number, buyer, size, limit) == (0, OWN, 5 * WAD, MARK - 2 * WAD)
    ((_, _, size, limit),) = bought(inventory("-5", "1000", age=300), min_profit=10 * WAD)
    assert (size, limit) == (5 * WAD, MARK + 2 * WAD)


def test_inventory_without_a_discount_is_bought_only_by_who_buys_at_mark():
    left = inventory("5", "0", age=1)
    assert bought(left, min_profit=1) == []
    ((_, _, _, limit),) = bought(left, min_profit=1, buys_at_mark=True)
    assert MARK < limit < MARK + MARK // 10**8


def test_who_buys_at_mark_still_waits_for_a_discount_that_will_pay():
    left = inventory("5", "1000", age=1)
    assert bought(left, min_profit=50 * WAD, buys_at_mark=True) == []
    # One that never will be enough is no reason to wait.
    assert len(bought(left, min_profit=101 * WAD, buys_at_mark=True)) == 1


def test_own_margin_limits_a_purchase():
    ((_, _, size, _),) = bought(inventory("5", "1000", age=600), seen={"own": own("20")})
    assert size == wad("0.4")
    assert bought(inventory("5", "1000", age=600), seen={"own": own("0")}) == []


@pytest.mark.parametrize("changes", [{"mark_time": NOW - 601}, {"is_round_open": True}])
def test_nothing_is_bought_at_a_stale_mark_or_in_a_round(changes):
    world = snapshot(market(inventory=inventory("5", "1000", age=600), **changes))
    assert purchases(world, config()) == []


def test_dust_is_not_bought():
    assert bought(inventory("0.00001", "1", age=600)) == []


# --- housekeeping -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("held", "kinds"), [("99", []), ("100", ["collect_fees", "pay_treasury"])])
def test_fees_are_collected_from_an_amount_on(held, kinds):
    """Two markets keep 2,000 each of the liquidations' fees for keepers' rewards."""
    third = wad(held) // 3
    parts = FeeSnapshot(third, third, wad(held) - 2 * third + wad(4000), wad(held))
    seen = snapshot(market(0), market(1), fees=parts)
    assert [action.kind for action in fees(seen, config(collect_fees_from=100 * WAD))] == kinds


def test_fees_that_would_stay_are_not_collected():
    seen = snapshot(fees=FeeSnapshot(0, 0, wad(2000), 0))
    assert fees(seen, config(collect_fees_from=1)) == []


def test_fees_are_never_collected_with_an_amount_of_zero():
    assert fees(snapshot(fees=FeeSnapshot(WAD, WAD, WAD, WAD)), config(collect_fees_from=0)) == []


def test_members_are_touched_only_if_the_settings_name_an_amount():
    seen = snapshot(with_pots=((5, position("1", pot="9")), (6, position("1", pot="10"))))
    assert touches(seen, config()) == []
    assert [a.arguments for a in touches(seen, config(touch_pots_from=10 * WAD))] == [(6, 0)]
    assert touches(replace(seen, markets={0: market(is_round_open=True)}), config(touch_pots_from=1)) == []


def test_surplus_is_paid_market_by_market_once_it_is_worth_it():
    seen = snapshot(market(0, surplus=wad("9.99")), market(1, surplus=wad(10)))
    (action,) = fees(seen, config(collect_fees_from=wad(10)))
    assert (action.contract, action.method, action.arguments) == ("MarginVault", "pay_surplus", (1,))
