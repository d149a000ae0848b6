"""The limit over all markets: at most 20 % of the window's base in any 24 hours"""

import boa
import pytest

from tests import support

DAY = 86_400


@pytest.fixture
def wide(funded):
    """The funded fund with its daily cap, but no market limits that matter."""
    limits = (funded.fund.MAX_AMOUNT(), funded.fund.MAX_DRAW_SHARE(), 10**17)
    funded.fund.set_default_limits(limits, sender=funded.governance)
    return funded


def test_daily_cap_is_shared_by_all_markets(wide):
    assert wide.pay(0, 15_000) == wide.units(15_000)
    assert wide.pay(1, 15_000) == wide.units(5_000)
    assert wide.pay(2, 15_000) == 0


def test_used_up_daily_cap_logs_nothing(wide):
    wide.pay(0, 20_000)
    wide.pay(1, 15_000)
    assert wide.logs() == []


def test_last_unit_of_the_cap_is_paid(wide):
    wide.fund.pay(0, wide.quote(wide.units(20_000) - 1), 0, sender=wide.vault)
    assert wide.fund.daily_budget().remaining == 1
    assert wide.pay(1, 10) == 1


def test_payments_in_pieces_get_exactly_the_same(wide):
    """INV-14: the window's own payouts do not lower its base."""
    assert sum(wide.pay(market, 4_000) for market in range(7)) == wide.units(20_000)
    assert tuple(wide.fund.daily_budget()) == (
        wide.units(100_000),
        wide.units(20_000),
        wide.units(20_000),
        0,
    )


@pytest.mark.parametrize("seconds", [DAY - 1, DAY])
@pytest.mark.parametrize("offset", [0, 1, "last"])
def test_nothing_returns_within_24_hours(wide, seconds, offset):
    """Both ends of the window count, wherever in its period the payment lies."""
    period = wide.fund.PERIOD_SECONDS()
    start = period - boa.env.timestamp % period
    support.wait(start + (period - 1 if offset == "last" else offset))
    wide.pay(0, 20_000)
    support.wait(seconds)
    assert wide.pay(1, 1_000) == 0


def test_budget_returns_when_its_period_leaves(wide):
    wide.pay(0, 20_000)
    returns_in = wide.window_seconds()
    assert DAY < returns_in <= DAY + wide.fund.PERIOD_SECONDS()

    support.wait(returns_in - 1)
    assert wide.pay(1, 1_000) == 0
    support.wait(1)
    assert wide.fund.daily_budget().base == wide.units(80_000)
    assert wide.pay(1, 50_000) == wide.units(16_000)


def test_no_double_spend_around_midnight(wide):
    """A bucket that resets by calendar day pays twice the cap within seconds; a leaking one within a day."""
    support.wait(DAY - boa.env.timestamp % DAY - 1)
    wide.pay(0, 20_000)
    support.wait(2)
    assert wide.pay(1, 20_000) == 0


@pytest.mark.parametrize("days", [0, 1, 5])
def test_flash_donation_raises_nothing(wide, days):
    """Attack Q07, however long the reserve has stood still before."""
    support.wait(days * DAY)
    wide.token.mint(wide.fund, wide.units(10_000_000))
    wide.fund.recognise_donation(sender=wide.stranger)
    assert wide.pay(0, 1_000_000) == wide.units(20_000)


def test_capital_counts_only_after_the_window(wide):
    wide.add_capital(900_000)
    waits = wide.window_seconds()
    assert waits > DAY
    support.wait(waits - 1)
    assert wide.fund.daily_budget().base == wide.units(100_000)
    support.wait(1)
    assert wide.fund.daily_budget().base == wide.units(1_000_000)


def test_withdrawal_lowers_the_base_and_return_does_not_raise_it(wide):
    """Money out and in again within the window, in pieces: the lowest balance stands."""
    amount = wide.units(50_000)
    wide.fund.withdraw_capital(amount, wide.contributor, sender=wide.governance)
    wide.add_capital(20_000)
    wide.add_capital(30_000)
    assert wide.pay(0, 1_000_000) == wide.units(10_000)


def test_lower_cap_share_binds_payouts_already_made(wide):
    wide.pay(0, 15_000)
    wide.fund.set_daily_cap_share(10**17, sender=wide.governance)

    assert wide.fund.daily_budget().remaining == 0
    assert wide.pay(1, 1_000) == 0


def test_first_money_of_a_fund_counts_at_once(system):
    system.receive(liquidation=1_000)
    assert system.fund.daily_budget().base == system.units(1_000)


def test_money_after_the_first_waits(system):
    system.receive(liquidation=1_000)
    system.add_capital(99_000)
    assert system.fund.daily_budget().base == system.units(1_000)


def test_long_silence_leaves_the_present_reserve_as_base(wide):
    wide.pay(0, 20_000)
    support.wait(400 * DAY)
    assert tuple(wide.fund.daily_budget()) == (wide.units(80_000), wide.units(16_000), 0, wide.units(16_000))


def test_caps_round_down(system):
    """20 % and 25 % of nine token units."""
    system.fund.add_capital(9, sender=system.contributor)
    assert system.fund.daily_budget().cap == 1
    assert system.fund.episode(0).cap == 2
