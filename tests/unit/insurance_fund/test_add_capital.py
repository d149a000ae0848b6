"""InsuranceFund.add_capital"""

import boa

from tests.support import transfer_log

CAPITAL = 8


def test_add_capital_counts_it(system):
    amount = system.units(1_000)
    system.add_capital(1_000)

    assert system.logs() == [
        (
            "InflowRecorded",
            {
                "source": CAPITAL,
                "sender": system.contributor,
                "amount": amount,
                "source_total": amount,
                "reserve": amount,
            },
        ),
        transfer_log(system.contributor, system.fund, amount),
    ]
    assert system.fund.reserve() == system.fund.total_in(CAPITAL) == amount
    system.assert_conserved()


def test_add_capital_adds_up(system):
    system.add_capital(1_000)
    system.add_capital(500)

    assert system.logs()[0][1]["source_total"] == system.logs()[0][1]["reserve"] == system.units(1_500)
    system.assert_conserved()


def test_add_capital_leaves_donations_alone(system):
    system.token.mint(system.fund, system.units(7))
    system.add_capital(1_000)

    assert system.fund.reserve() == system.units(1_000)
    system.assert_conserved()


def test_add_capital_zero_reverts(system):
    before = system.state()
    with boa.reverts("fund: zero amount"):
        system.fund.add_capital(0, sender=system.contributor)
    assert system.state() == before


def test_add_capital_without_allowance_reverts(system):
    before = system.state()
    with boa.reverts("erc20: insufficient allowance"):
        system.fund.add_capital(1, sender=system.stranger)
    assert system.state() == before


def test_add_capital_largest_amount_is_counted(system):
    largest = system.fund.MAX_AMOUNT()
    system.token.mint(system.contributor, largest)
    system.fund.add_capital(largest, sender=system.contributor)

    assert system.fund.reserve() == largest
    assert system.fund.daily_budget().base == largest


def test_add_capital_beyond_largest_amount_reverts(system):
    too_much = system.fund.MAX_AMOUNT() + 1
    system.token.mint(system.contributor, too_much)
    before = system.state()
    with boa.reverts("fund: amount too large"):
        system.fund.add_capital(too_much, sender=system.contributor)
    assert system.state() == before
