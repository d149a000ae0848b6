"""InsuranceFund.pay: amounts, rounding and events; the limits have files of their own"""

import boa
import pytest

from tests import support
from tests.support import transfer_log

MARKET = 1


def stress_log(system, open_interest, old, new, target):
    return (
        "StressLossUpdated",
        {
            "market": MARKET,
            "open_interest": open_interest,
            "old_stress_loss": old,
            "new_stress_loss": new,
            "target": target,
        },
    )


def test_pay_in_full_sends_tokens_and_logs(funded):
    paid = funded.pay(MARKET, 1_000)

    amount = funded.units(1_000)
    assert paid == amount == funded.token.balanceOf(funded.vault)
    assert funded.logs() == [
        ("QuietClockSet", {"market": MARKET, "quiet_since": boa.env.timestamp}),
        (
            "ClaimsPaid",
            {
                "market": MARKET,
                "outstanding": funded.quote(amount),
                "amount": amount,
                "community": 0,
                "episode_drawn": amount,
                "episode_start_reserve": funded.units(100_000),
                "market_total": amount,
                "reserve": funded.units(99_000),
            },
        ),
        transfer_log(funded.fund, funded.vault, amount),
    ]
    funded.assert_conserved()


def test_pay_in_part_keeps_the_quiet_clock_stopped(funded):
    """25,000 would be the market's share, the day's limit is 20,000."""
    assert funded.pay(MARKET, 60_000) == funded.units(20_000)

    assert [name for name, _ in funded.logs()] == ["ClaimsPaid", "Transfer"]
    assert funded.fund.episode(MARKET).quiet_since == 0
    funded.assert_conserved()


def test_pay_counts_by_market(funded):
    funded.pay(0, 3_000)
    funded.pay(2, 4_000)

    assert [funded.fund.paid_in_market(market) for market in range(3)] == [
        funded.units(3_000),
        0,
        funded.units(4_000),
    ]
    assert funded.fund.total_paid() == funded.units(7_000)
    assert funded.fund.reserve() == funded.units(93_000)


@pytest.mark.parametrize("excess", [1, "half", "all but one"])
def test_pay_rounds_claims_up_to_a_token_unit(funded, excess):
    unit = funded.unit_quote
    wei = {1: 1, "half": (unit + 1) // 2, "all but one": max(unit - 1, 1)}[excess]
    payment = funded.fund.pay(MARKET, 5 * unit + wei, 0, sender=funded.vault)

    assert payment.reserve == 6 * unit
    assert funded.token.balanceOf(funded.vault) == 6


def test_pay_leaves_exact_multiples_alone(funded):
    payment = funded.fund.pay(MARKET, 5 * funded.unit_quote, 0, sender=funded.vault)
    assert payment.reserve == 5 * funded.unit_quote


@pytest.mark.parametrize("deficit", ["0", "1", "R-1", "R", "R+1", "max"])
def test_pay_covers_any_deficit_up_to_the_whole_reserve(uncapped, deficit):
    """Attack S15: no band of deficits is left unpaid."""
    reserve = uncapped.fund.reserve()
    units = {"0": 0, "1": 1, "R-1": reserve - 1, "R": reserve, "R+1": reserve + 1}.get(deficit)
    outstanding = 2**256 - 1 if units is None else uncapped.quote(units)
    payment = uncapped.fund.pay(MARKET, outstanding, 0, sender=uncapped.vault)

    expected = reserve if units is None else min(units, reserve)
    assert payment == (uncapped.quote(expected), 0)
    assert uncapped.fund.reserve() == reserve - expected
    uncapped.assert_conserved()


def test_pay_from_an_empty_fund_pays_nothing(system):
    before = system.state()
    assert system.pay(MARKET, 1_000) == 0
    assert system.logs() == []
    assert system.state() == before


def test_pay_never_touches_donations(uncapped):
    uncapped.token.mint(uncapped.fund, uncapped.units(500))
    assert uncapped.pay(MARKET, 1_000_000) == uncapped.units(100_000)
    assert uncapped.token.balanceOf(uncapped.fund) == uncapped.units(500)


def test_capital_injected_between_two_bankruptcies_serves_the_second(funded):
    """Deribit, March 2020: it is used from the moment it has stayed for a day, and repays nothing."""
    assert funded.pay(0, 20_000) == funded.units(20_000)
    funded.add_capital(900_000)
    support.wait(funded.window_seconds())

    assert funded.fund.paid_in_market(0) == funded.units(20_000)
    assert funded.pay(1, 500_000) == funded.units(30_000)
    assert funded.pay(2, 500_000) == funded.units(30_000)


def test_pay_moves_the_target_by_open_interest(funded):
    open_interest = 800_000 * 10**18
    funded.pay(MARKET, 0, open_interest)

    assert funded.logs() == [stress_log(funded, open_interest, 0, funded.units(80_000), funded.units(80_000))]
    assert funded.fund.stress_loss(MARKET) == funded.fund.target() == funded.units(80_000)


def test_target_is_the_sum_over_markets_and_falls_again(funded):
    funded.pay(0, 0, 400_000 * 10**18)
    funded.pay(MARKET, 0, 300_000 * 10**18)
    assert funded.fund.target() == funded.units(70_000)

    funded.pay(MARKET, 0, 0)
    assert funded.logs() == [stress_log(funded, 0, funded.units(30_000), 0, funded.units(50_000))]


def test_stress_loss_rounds_up(funded):
    funded.fund.pay(MARKET, 0, 1, sender=funded.vault)
    assert funded.fund.stress_loss(MARKET) == 1


def test_new_stress_share_applies_from_the_next_report(funded):
    funded.pay(MARKET, 0, 400_000 * 10**18)
    limits = (*tuple(funded.fund.market_limits(MARKET))[:2], funded.fund.MAX_STRESS_SHARE())
    funded.fund.set_market_limits(MARKET, limits, sender=funded.governance)
    assert funded.fund.stress_loss(MARKET) == funded.units(40_000)

    funded.pay(MARKET, 0, 400_000 * 10**18)
    assert funded.fund.stress_loss(MARKET) == funded.units(400_000)


def test_repeated_report_changes_nothing(funded):
    funded.pay(MARKET, 0, 400_000 * 10**18)
    before = funded.state()
    funded.pay(MARKET, 0, 400_000 * 10**18)
    assert funded.logs() == []
    assert funded.state() == before
