"""CommunityPool.receive_inflow: inflows vest, evenly, to whoever holds shares meanwhile"""

import boa
import pytest

from tests import support
from tests.unit.community_pool.desk import VESTING, VIRTUAL


def test_an_inflow_is_not_the_stakers_at_once(staked):
    price = staked.pool.price_per_share()
    staked.give(staked.units(700))
    assert staked.pool.price_per_share() == price
    assert staked.books()["unvested"] == staked.units(700)
    assert staked.pool.exposed_assets() == staked.units(4_700)
    assert staked.pool.total_inflow() == staked.units(700)
    staked.assert_conserved()


def test_an_inflow_logs(staked):
    staked.give(staked.units(700))
    end = boa.env.timestamp + VESTING
    amount = staked.units(700)
    assert staked.logs() == [
        ("VestingAdded", {"amount": amount, "unvested": amount, "vest_end": end}),
        ("InflowReceived", {"amount": amount, "total": amount}),
    ]


@pytest.mark.parametrize("day", range(9))
def test_an_inflow_vests_evenly(staked, day):
    staked.give(staked.units(700))
    support.wait(day * 86_400)
    assert staked.pool.totalAssets() == staked.units(4_000 + min(day, 7) * 100)
    staked.assert_conserved()


def test_what_vests_is_booked_by_the_next_call(staked):
    staked.give(staked.units(700))
    support.wait(86_400)
    staked.pool.request_exit(VIRTUAL, sender=staked.bob)
    assert staked.logs()[0] == (
        "Vested",
        {
            "amount": staked.units(100),
            "unvested": staked.units(600),
            "vest_end": boa.env.timestamp + 6 * 86_400,
            "active_assets": staked.units(4_100),
        },
    )


def test_booking_often_vests_no_more_and_no_less(staked):
    staked.give(staked.units(700))
    for _ in range(7):
        support.wait(86_400 // 2)
        staked.draw(1)
    support.wait(7 * 86_400 // 2)
    assert staked.pool.totalAssets() == staked.units(4_700) - 7


def test_a_few_units_vest_all_the_same(staked):
    """Each booking rounds to nothing, but the last day comes."""
    staked.give(3)
    for _ in range(10):
        support.wait(3_600)
        staked.give(0)
        staked.pool.request_exit(VIRTUAL, sender=staked.bob)
        staked.pool.cancel_exit(staked.bob, sender=staked.bob)
    support.wait(VESTING + 10 * 3_600)
    assert staked.pool.totalAssets() == staked.units(4_000) + 3


def test_a_second_inflow_weighs_the_time_that_is_left(staked):
    """700 with one day to go and 100 with seven: (700 * 1 + 100 * 7) / 800 days, up to a second."""
    staked.give(staked.units(4_900))
    support.wait(6 * 86_400)
    staked.give(staked.units(100))
    left = staked.books()["vest_end"] - boa.env.timestamp
    assert left == -(-(700 * 86_400 + 100 * VESTING) // 800)


def test_a_small_inflow_hardly_holds_up_a_large_one(staked):
    """Nobody can make others' inflows wait by causing tiny ones."""
    staked.give(staked.units(700))
    end = staked.books()["vest_end"]
    support.wait(86_400)
    for _ in range(20):
        staked.give(1)
    assert staked.books()["vest_end"] <= end + 20


def test_without_shares_an_inflow_waits(system):
    """Otherwise it would be nobody's, or the first newcomer's alone."""
    system.give(system.units(700))
    support.wait(10 * VESTING)
    assert system.pool.totalAssets() == 0
    assert system.books()["unvested"] == system.units(700)

    system.stake(system.alice, 1_000)
    assert system.worth(system.alice) == system.units(1_000)
    support.wait(VESTING)
    assert system.units(1_700) - 1 <= system.worth(system.alice) <= system.units(1_700)
    system.assert_conserved()


def test_without_shares_the_end_moves_away(system):
    system.give(system.units(700))
    end = system.books()["vest_end"]
    support.wait(1_000)
    assert system.books()["vest_end"] == end + 1_000
    system.give(0)
    system.give(system.units(700))
    assert system.logs()[0] == (
        "Vested",
        {"amount": 0, "unvested": system.units(700), "vest_end": end + 1_000, "active_assets": 0},
    )


def test_an_inflow_of_nothing_leaves_no_trace(staked):
    before = staked.state()
    staked.give(0)
    assert staked.logs() == []
    assert staked.state() == before


def test_only_the_fund_gives_inflows(staked):
    staked.token.mint(staked.pool, 10)
    with boa.reverts("pool: not fund"):
        staked.pool.receive_inflow(10, sender=staked.attacker)


def test_an_inflow_that_did_not_arrive_reverts(staked):
    staked.token.mint(staked.pool, 9)
    before = staked.state()
    with boa.reverts("pool: tokens not received"):
        staked.pool.receive_inflow(10, sender=staked.fund.address)
    assert staked.state() == before


def test_an_inflow_over_the_limit_reverts(staked):
    with boa.reverts("pool: too large"):
        staked.give(staked.pool.MAX_ASSETS())


def test_an_entry_and_an_exit_earn_nothing(staked):
    staked.request(staked.carol, 1_000)
    staked.request_all(staked.bob)
    staked.give(staked.units(700))
    support.wait(VESTING)
    assert staked.worth(staked.bob) == staked.worth(staked.carol) == staked.units(1_000)
    assert staked.units(3_700) - 1 <= staked.worth(staked.alice) <= staked.units(3_700)
