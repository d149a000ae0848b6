"""InsuranceFund.receive_inflow"""

import boa

TRADING_FEES, FUNDING, LIQUIDATION = 1, 2, 4


def inflow_log(system, source, amount, reserve):
    return (
        "InflowRecorded",
        {
            "source": source,
            "sender": system.vault,
            "amount": amount,
            "source_total": amount,
            "reserve": reserve,
        },
    )


def test_receive_inflow_counts_each_source(system):
    system.receive(trading_fees=5, funding=3, liquidation=2)

    units = system.units
    assert system.logs() == [
        inflow_log(system, TRADING_FEES, units(5), units(5)),
        inflow_log(system, FUNDING, units(3), units(8)),
        inflow_log(system, LIQUIDATION, units(2), units(10)),
    ]
    assert [system.fund.total_in(source) for source in (1, 2, 4, 8, 16)] == [
        units(5),
        units(3),
        units(2),
        0,
        0,
    ]
    system.assert_conserved()


def test_receive_inflow_skips_zero_parts(system):
    system.receive(funding=3)
    assert system.logs() == [inflow_log(system, FUNDING, system.units(3), system.units(3))]


def test_receive_inflow_of_nothing_changes_nothing(funded):
    before = funded.state()
    funded.receive()

    assert funded.logs() == []
    assert funded.state() == before


def test_receive_inflow_one_unit_short_reverts(funded):
    funded.token.mint(funded.fund, funded.units(10) - 1)
    before = funded.state()
    with boa.reverts("fund: tokens not received"):
        funded.fund.receive_inflow(funded.units(5), funded.units(3), funded.units(2), sender=funded.vault)
    assert funded.state() == before


def test_receive_inflow_leaves_donations_alone(funded):
    funded.token.mint(funded.fund, 1)
    funded.receive(trading_fees=10)

    assert funded.token.balanceOf(funded.fund) - funded.fund.reserve() == 1
    funded.assert_conserved()


def test_receive_inflow_too_large_reverts(system):
    with boa.reverts("fund: amount too large"):
        system.fund.receive_inflow(system.fund.MAX_AMOUNT() + 1, 0, 0, sender=system.vault)
