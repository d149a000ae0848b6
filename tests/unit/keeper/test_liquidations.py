"""Whom a keeper liquidates, which way, how much, and at which price at worst."""

from dataclasses import replace

import pytest

from lastline.keeper import decisions, pricing
from lastline.keeper.decisions import Budget, choose, gas_cost, liquidations, syncs
from lastline.keeper.snapshot import FeeSnapshot
from lastline.units import WAD, wad
from tests.unit.keeper.worlds import (
    MARGIN,
    MARK,
    NOW,
    OWN,
    TERMS,
    account,
    config,
    market,
    own,
    position,
    snapshot,
)

GWEI = 10**9
# 10 base at 1,000: maintenance margin 250.
SICK = account(1, "200", position("10"))
CRITICAL = account(2, "90", position("10"))
BROKE = account(3, "-50", position("10"))


def way(seen, victim, settings):
    choice = choose(seen, settings, victim, Budget(seen, settings), seen.fees.liquidation)
    return choice and choice.way


# --- which way ----------------------------------------------------------------------------------------------


def test_nobody_unhealthy_nothing_to_do():
    assert liquidations(snapshot(), config()) == []


def test_between_critical_health_and_one_only_a_take_over_is_possible():
    assert way(snapshot(), SICK, config()) == "take_over"
    assert way(snapshot(is_controlled=False), SICK, config(is_public_good=True)) is None


def test_below_zero_only_absorption_is_possible():
    assert pricing.take_over(market(), BROKE, BROKE.positions[0], WAD, 10**30) is None
    assert way(snapshot(), BROKE, config()) == "absorb"


def test_below_critical_health_the_way_that_brings_more():
    seen = snapshot()
    assert way(seen, CRITICAL, config()) == "take_over"  # a discount of 72 against a reward of 2
    assert way(seen, CRITICAL, config(risk_margin=wad("0.05"))) == "absorb"  # the risk of 10,000 costs 500


@pytest.mark.parametrize(("equity", "is_absorbed"), [("100", False), ("99.999999999999999999", True)])
def test_absorbable_from_just_below_critical_health(equity, is_absorbed):
    victim = account(1, equity, position("10"))
    assert pricing.is_absorbable({0: market()}, victim) == is_absorbed


def test_the_lowest_critical_health_of_its_markets_counts():
    harsh = market(1, liquidation=replace(TERMS, critical_health=wad("0.2")))
    victim = account(1, "150", position("10"), position("10", 1))
    assert not pricing.is_absorbable({0: market(), 1: harsh}, victim)
    assert pricing.is_absorbable({0: market(), 1: market(1)}, victim)


def test_an_account_below_zero_without_positions_is_absorbable():
    assert pricing.is_absorbable({0: market()}, account(1, "-0.000000000000000001"))


# --- what it must bring -------------------------------------------------------------------------------------


def test_a_take_over_must_bring_gas_and_risk_and_the_least_profit():
    seen = snapshot(gas_price=10 * GWEI)
    offer = pricing.take_over(market(), SICK, SICK.positions[0], WAD, 10**30)
    cost = gas_cost("take_over", seen, config())
    assert cost == 250_000 * 10 * GWEI * 3000  # 7.5 quote
    risk = offer.size * MARK // WAD * wad("0.001") // WAD
    left = offer.discount - cost - risk
    assert left > 0
    assert way(seen, SICK, config(risk_margin=wad("0.001"), min_profit=left)) == "take_over"
    assert way(seen, SICK, config(risk_margin=wad("0.001"), min_profit=left + 1)) is None


def test_an_absorption_at_a_loss_is_done_by_a_keeper_for_the_public_good_only():
    seen = snapshot(gas_price=100 * GWEI)
    assert way(seen, BROKE, config()) is None
    assert way(seen, BROKE, config(is_public_good=True)) == "absorb"


def test_a_take_over_at_a_loss_is_never_public_work():
    assert way(snapshot(), SICK, config(risk_margin=wad("0.5"), is_public_good=True)) is None


def test_the_limit_price_is_where_nothing_would_be_earned():
    seen, settings = snapshot(gas_price=GWEI, unhealthy=[SICK]), config(min_profit=WAD)
    (action,) = liquidations(seen, settings)
    _, _, size, _, limit = action.arguments
    wanted = gas_cost("take_over", seen, settings) + WAD
    assert -(size // WAD) - 2 < size * (MARK - limit) // WAD - wanted <= 0
    offer = pricing.take_over(market(), SICK, SICK.positions[0], WAD, 10**30)
    assert offer.price <= limit


def test_a_short_is_taken_over_above_mark_down_to_a_limit():
    short = account(1, "200", position("-10"))
    (action,) = liquidations(snapshot(unhealthy=[short], gas_price=GWEI), config())
    assert action.arguments[4] > MARK
    assert pricing.take_over(market(), short, short.positions[0], WAD, 10**30).price >= action.arguments[4]


@pytest.mark.parametrize(
    ("equity", "reward"),
    [("90", "2"), ("3", "1.5"), ("0", "0"), ("-1", "0.4"), ("-1000", "0.4")],
)
def test_the_reward_is_at_most_half_of_what_is_left_else_out_of_what_liquidations_earned(equity, reward):
    victim = account(1, equity, position("10"))
    fees = wad("0.4") if wad(equity) < 0 else 0
    assert pricing.absorption_reward({0: market()}, victim, fees) == wad(reward)


def test_the_reward_of_one_bankrupt_account_is_not_counted_twice():
    broke = [account(n, "-1", position("10")) for n in (1, 2)]
    seen = snapshot(unhealthy=broke, fees=FeeSnapshot(0, 0, wad("1.5"), 0))
    (action,) = liquidations(seen, config())
    assert action.reward == wad("1.5")  # 1 for the first, the rest for the second


# --- how much -----------------------------------------------------------------------------------------------


def test_a_take_over_restores_the_target_health():
    position_ = SICK.positions[0]
    offer = pricing.take_over(market(), SICK, position_, WAD, 10**30)
    left = (position_.size - offer.size) * MARK // WAD
    kappa = wad("0.05") // 5  # slope x (1 - 0.8)
    equity = SICK.equity - offer.notional(MARK) * kappa // WAD
    assert 0 <= equity * WAD // (left * wad("0.025") // WAD) - wad("1.25") < 10**9


def test_a_rest_below_the_least_size_is_not_left():
    small = account(1, "2", position("0.19"))
    offer = pricing.take_over(market(), small, small.positions[0], WAD, 10**30)
    assert offer.size == wad("0.19")
    # Who cannot take all of it leaves the least size, and takes the rest of it if that is possible.
    partly = pricing.take_over(market(), small, small.positions[0], WAD, wad("0.15"))
    assert partly.size == wad("0.09")


def test_own_margin_limits_the_size():
    poor = snapshot(own=own("20"), unhealthy=[SICK])  # 5 % initial margin: 400 quote
    (action,) = liquidations(poor, config())
    assert action.arguments[2] == wad("0.4")
    half = config(margin_share=WAD // 2)
    (action,) = liquidations(poor, half)
    assert action.arguments[2] == wad("0.2")


def test_margin_in_use_counts_against_the_share():
    seen = snapshot(own=own("100", position("1"), gap="50"), unhealthy=[SICK])
    assert Budget(seen, config(margin_share=WAD // 2)).free == 0
    assert liquidations(seen, config(margin_share=WAD // 2)) == []


def test_a_position_of_ones_own_below_the_least_size_is_not_opened():
    assert liquidations(snapshot(own=own("4.9"), unhealthy=[SICK]), config()) == []
    assert len(liquidations(snapshot(own=own("5"), unhealthy=[SICK]), config())) == 1


def test_a_position_limit_of_the_keepers_own():
    (action,) = liquidations(snapshot(unhealthy=[SICK]), config(max_position=500 * WAD))
    assert action.arguments[2] == wad("0.5")
    held = snapshot(own=own("100000", position("0.3")), unhealthy=[SICK])
    (action,) = liquidations(held, config(max_position=500 * WAD))
    assert action.arguments[2] == wad("0.2")


def test_what_reduces_the_keepers_own_position_needs_no_margin_and_no_risk_margin():
    seen = snapshot(own=own("0", position("-3"), gap="0"), unhealthy=[SICK])
    (action,) = liquidations(seen, config(risk_margin=wad("0.5")))
    assert action.arguments[2] == wad("3")


def test_two_take_overs_share_the_margin():
    victims = [account(n, "200", position("10")) for n in (1, 2)]
    seen = snapshot(own=own("300"), unhealthy=victims)
    first, second = liquidations(seen, config())
    assert first.arguments[2] + second.arguments[2] <= 6 * WAD
    assert second.arguments[2] < first.arguments[2]


def test_no_take_over_without_control_of_the_own_account():
    assert liquidations(snapshot(unhealthy=[SICK], is_controlled=False), config()) == []


def test_no_take_over_with_an_own_position_at_a_stale_mark():
    stale = market(1, mark_time=NOW - 601)
    seen = snapshot(market(), stale, own=own("100000", position("1", 1)), unhealthy=[SICK])
    assert liquidations(seen, config()) == []


def test_no_take_over_at_a_stale_mark_or_while_a_round_is_open():
    for changes in ({"mark_time": NOW - 601}, {"is_round_open": True}):
        assert liquidations(snapshot(market(**changes), unhealthy=[SICK]), config()) == []


def test_no_absorption_while_a_round_is_open():
    assert liquidations(snapshot(market(is_round_open=True), unhealthy=[BROKE]), config()) == []


def test_own_account_is_not_taken_over_but_absorbed_like_any_other():
    mine = replace(SICK, account=OWN)
    assert liquidations(snapshot(own=mine, unhealthy=[mine]), config()) == []
    broke = replace(BROKE, account=OWN)
    (action,) = liquidations(snapshot(own=broke, unhealthy=[broke]), config())
    assert action.kind == "absorb"


# --- in which order -----------------------------------------------------------------------------------------


def test_absorptions_come_first_worst_first_and_in_batches():
    broke = [account(n, f"-{n}", position("10")) for n in range(1, 6)]
    seen = snapshot(unhealthy=[SICK, *broke])
    actions = liquidations(seen, config(absorb_batch=2))
    assert [action.method for action in actions] == ["absorb_many", "absorb_many", "absorb", "take_over"]
    assert actions[0].arguments == ([5 << 96, 4 << 96], OWN)
    assert actions[2].arguments == (1 << 96, OWN)


def test_rewards_go_to_the_account_that_the_settings_name():
    (action,) = liquidations(snapshot(unhealthy=[BROKE]), config(reward_account=99))
    assert action.arguments[1] == 99


def test_an_account_in_two_markets_is_taken_over_where_it_brings_more():
    victim = account(1, "250", position("2"), position("10", 1))
    (action,) = liquidations(snapshot(market(), market(1), unhealthy=[victim]), config())
    assert action.arguments[1] == 1


def test_another_way_to_liquidate_is_one_more_function(monkeypatch):
    def by_magic(seen, settings, victim, budget, fees):
        return [decisions.Choice("magic", victim, 10**30, 10**30, False)]

    monkeypatch.setattr(decisions, "WAYS", (*decisions.WAYS, by_magic))
    assert way(snapshot(), SICK, config()) == "magic"


def test_generations_with_too_many_rounds_are_synced():
    (action,) = syncs(snapshot(unsynced=(12345,)), config())
    assert (action.method, action.arguments) == ("sync_cohort", (12345, 64))


@pytest.mark.parametrize(("open_interest", "rate"), [("4", "0.05"), ("6", "0.525"), ("8", "1"), ("9", "1")])
def test_what_the_keeper_can_take_shrinks_in_a_crowd(open_interest, rate):
    """Between 4,000 and 8,000 quote of open interest its margin rises from a twentieth to all."""
    margin = replace(MARGIN, open_interest_cap_quote=8_000 * WAD, lower_cap_share=WAD // 2)
    crowded = market(margin=margin, open_interest=wad(open_interest))
    budget = Budget(snapshot(own=own("20")), config())
    assert budget.most(crowded, 1) == budget.free * WAD // wad(rate) * WAD // MARK
