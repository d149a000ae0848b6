"""InsuranceFund.withdraw_capital: the only way out besides claims"""

import boa
import pytest

from tests.support import transfer_log

NOBODY = "0x" + "00" * 20


def withdraw(system, units, receiver=None):
    system.fund.withdraw_capital(units, receiver or system.governance, sender=system.governance)


def test_withdraw_capital_pays_out_down_to_target(funded):
    """The floor of the target is 50,000 of the 100,000."""
    amount = funded.units(50_000)
    withdraw(funded, amount)

    assert funded.logs() == [
        (
            "CapitalWithdrawn",
            {
                "receiver": funded.governance,
                "amount": amount,
                "withdrawn_total": amount,
                "reserve": funded.fund.target(),
            },
        ),
        transfer_log(funded.fund, funded.governance, amount),
    ]
    assert funded.token.balanceOf(funded.governance) == funded.fund.capital_withdrawn() == amount
    assert funded.fund.capital_surplus() == 0
    funded.assert_conserved()


def test_withdraw_capital_one_unit_below_target_reverts(funded):
    before = funded.state()
    with boa.reverts("fund: below target"):
        withdraw(funded, funded.units(50_000) + 1)
    assert funded.state() == before


def test_withdraw_capital_below_reported_stress_loss_reverts(funded):
    """Open interest of 700,000 at 10 % stress makes the target 70,000."""
    funded.pay(0, 0, open_interest=700_000 * 10**18)
    assert funded.fund.capital_surplus() == funded.units(30_000)
    with boa.reverts("fund: below target"):
        withdraw(funded, funded.units(30_000) + 1)


def test_withdraw_capital_takes_nothing_but_capital(funded):
    funded.receive(trading_fees=500_000)
    before = funded.state()
    with boa.reverts("fund: over contributed capital"):
        withdraw(funded, funded.units(100_000) + 1)
    assert funded.state() == before


def test_withdraw_capital_in_pieces_takes_no_more(funded):
    funded.receive(trading_fees=500_000)
    withdraw(funded, funded.units(60_000))
    withdraw(funded, funded.units(40_000))
    assert funded.fund.capital_surplus() == 0
    with boa.reverts("fund: over contributed capital"):
        withdraw(funded, 1)


def test_withdraw_capital_zero_reverts(funded):
    with boa.reverts("fund: zero amount"):
        withdraw(funded, 0)


@pytest.mark.parametrize("receiver", ["nobody", "fund"])
def test_withdraw_capital_bad_receiver_reverts(funded, receiver):
    account = funded.fund.address if receiver == "fund" else NOBODY
    before = funded.state()
    with boa.reverts("fund: bad receiver"):
        withdraw(funded, 1, account)
    assert funded.state() == before


def test_withdraw_capital_lowers_the_daily_base_at_once(funded):
    withdraw(funded, funded.units(40_000))
    assert funded.fund.daily_budget().base == funded.units(60_000)


def test_all_capital_withdrawn_and_replaced_keeps_its_day_of_zero(funded):
    """A fund emptied by governance and refilled within a day has nothing to pay from yet."""
    funded.fund.set_target_floor(0, sender=funded.governance)
    withdraw(funded, funded.units(100_000))
    funded.add_capital(100_000)
    assert funded.fund.daily_budget().base == 0
