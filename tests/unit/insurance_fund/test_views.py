"""Views: fee_share, target, coverage, capital_surplus, daily_budget, episode, payable_now"""

import boa
import pytest

WAD = 10**18


def test_fee_share_falls_when_the_reserve_reaches_the_target(system):
    """The floor of the target is 50,000 tokens."""
    parameters = system.fund.parameters()
    system.fund.add_capital(system.units(50_000) - 1, sender=system.contributor)
    assert system.fund.fee_share() == parameters.share_below_target

    system.fund.add_capital(1, sender=system.contributor)
    assert system.fund.fee_share() == parameters.share_at_target


def test_fee_share_rises_again_with_the_target(funded):
    funded.pay(0, 0, open_interest=2_000_000 * WAD)
    assert funded.fund.fee_share() == funded.fund.parameters().share_below_target


def test_coverage_is_reserve_over_target(funded):
    assert funded.fund.coverage() == 2 * WAD
    funded.pay(0, 0, open_interest=3_000_000 * WAD)
    assert funded.fund.coverage() == WAD // 3


def test_coverage_without_target_is_the_largest_number(funded):
    """Attack V02: no division by zero."""
    funded.fund.set_target_floor(0, sender=funded.governance)
    assert funded.fund.coverage() == 2**256 - 1


def test_coverage_of_an_empty_fund_is_zero(system):
    assert system.fund.coverage() == 0


def test_capital_surplus_below_target_is_zero(funded):
    funded.pay(0, 0, open_interest=2_000_000 * WAD)
    assert funded.fund.capital_surplus() == 0


def test_views_of_an_empty_fund_answer(system):
    assert tuple(system.fund.daily_budget()) == (0, 0, 0, 0)
    assert tuple(system.fund.episode(0)) == (0, 0, 0, 0, 0)
    assert system.fund.payable_now(0, 10**30, 0) == system.fund.capital_surplus() == 0


def test_episode_before_the_first_draw_shows_the_present_reserve(funded):
    cap = funded.units(25_000)
    assert tuple(funded.fund.episode(0)) == (funded.units(100_000), cap, 0, cap, 0)


@pytest.mark.parametrize("outstanding", [0, 1, 10**18, 12_345 * 10**18 + 1, 10**26, 2**256 - 1])
def test_payable_now_is_what_pay_pays(funded, outstanding):
    """Attack V01."""
    expected = funded.fund.payable_now(0, outstanding, 5 * WAD)
    payment = funded.fund.pay(0, outstanding, 5 * WAD, sender=funded.vault)
    assert payment == (expected, 0)


def test_payable_now_is_zero_after_paying_in_part(funded):
    """What opens the next tiers of the waterfall."""
    paid = funded.pay(0, 60_000)
    assert funded.fund.payable_now(0, funded.quote(funded.units(60_000) - paid), 0) == 0


def test_payable_now_changes_nothing(funded):
    before = funded.state()
    funded.fund.payable_now(0, 10**24, 10**24)
    assert funded.state() == before


def test_runtime_fits(funded):
    assert len(boa.env.get_code(funded.fund.address)) < 23_552
