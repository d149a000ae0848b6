"""CommunityPool: what nobody gains by timing, by donations or by being first"""

import pytest

from tests import support
from tests.unit.community_pool.desk import (
    COOLDOWN,
    ENTRY_DELAY,
    LAPSE_FEE,
    PAYOUT_DELAY,
    VESTING,
    VIRTUAL,
    WAD,
    WINDOW,
)


@pytest.mark.parametrize("lead", [0, COOLDOWN, COOLDOWN + PAYOUT_DELAY])
def test_running_before_a_loss_gains_nothing(staked, lead):
    """Alice stays, Bob asked for his exit long before; claims are open, so he is not paid before the draw."""
    staked.request_all(staked.bob)
    if lead >= COOLDOWN:
        support.wait(COOLDOWN)
        staked.pool.execute_exit(sender=staked.bob)
        support.wait(lead - COOLDOWN)
    staked.fund.set_calm(False)
    staked.draw(staked.units(1_600))
    assert staked.worth(staked.bob) * 3 == staked.worth(staked.alice)


def test_dashing_in_for_an_inflow_gains_nothing(staked):
    """An entry becomes shares right before the inflow, and leaves right after."""
    staked.request(staked.attacker, 10**6)
    support.wait(ENTRY_DELAY)
    staked.pool.activate_deposit(staked.attacker)
    staked.give(staked.units(700))
    staked.request_all(staked.attacker)
    support.wait(VESTING)
    assert staked.worth(staked.attacker) <= staked.units(10**6)
    assert staked.worth(staked.alice) >= staked.units(3_000) + staked.units(525) - 1


def test_an_inflow_is_earned_by_the_time_one_stays(staked):
    """One day of seven, half of the pool."""
    staked.request(staked.carol, 4_000)
    support.wait(ENTRY_DELAY)
    staked.pool.activate_deposit(staked.carol)
    staked.give(staked.units(700))
    support.wait(86_400)
    staked.request_all(staked.carol)
    support.wait(VESTING)
    assert staked.units(4_050) - 1 <= staked.worth(staked.carol) <= staked.units(4_050)


def test_an_exit_held_ready_earns_nothing(staked):
    """Alice has no exit, Bob always has: he gets none of the inflows, not even those of the last days."""
    staked.request_all(staked.bob)
    for _ in range(4):
        staked.give(staked.units(100))
        support.wait(7 * 86_400)
    assert staked.pool.exit_worth(staked.bob) == staked.units(1_000)
    assert staked.worth(staked.alice) >= staked.units(3_400) - 1


def test_arming_an_exit_again_costs(staked):
    """Each round costs the inflows of all its time and the fee."""
    for _ in range(3):
        staked.request_all(staked.bob)
        staked.give(staked.units(100))
        support.wait(COOLDOWN + WINDOW)
        staked.pool.cancel_exit(staked.bob, sender=staked.bob)
    kept = staked.units(1_000) * (WAD - LAPSE_FEE) ** 3 // WAD**3
    assert staked.worth(staked.bob) <= kept + 3
    assert staked.worth(staked.alice) >= staked.units(3_300)


def test_a_donation_does_not_move_the_price(staked):
    price = staked.pool.price_per_share()
    staked.token.transfer(staked.pool, staked.units(10**6), sender=staked.attacker)
    assert staked.pool.price_per_share() == price
    assert staked.pool.sweep_stray() == staked.units(10**6)
    assert staked.pool.price_per_share() == price


@pytest.mark.parametrize("way", ["donation", "inflow"])
def test_the_inflation_attack_loses(system, way):
    """The attacker is first with one unit, then raises the price before the victim's entry becomes shares."""
    spent = system.units(10**4)
    system.pool.request_deposit(1, sender=system.attacker)
    support.wait(ENTRY_DELAY)
    system.pool.activate_deposit(system.attacker)
    system.request(system.alice, 1_000)
    if way == "donation":
        system.token.transfer(system.pool, spent, sender=system.attacker)
    else:
        system.token.transfer(system.pool, spent, sender=system.attacker)
        system.pool.receive_inflow(spent, sender=system.fund.address)
    support.wait(VESTING)
    system.pool.activate_deposit(system.alice)

    lost = system.units(1_000) - system.worth(system.alice)
    gained = system.worth(system.attacker) - spent
    assert lost <= system.units(1_000) // 10**3
    assert gained < 0


def test_the_first_depositor_pays_no_toll(system):
    system.stake(system.alice, 1)
    assert system.worth(system.alice) == system.units(1)
    assert system.leave(system.alice) == system.units(1)


def test_the_last_one_to_leave_gets_what_the_first_got(staked):
    staked.draw(staked.units(1_000) + 3)
    for owner in (staked.alice, staked.bob):
        staked.request_all(owner)
    support.wait(COOLDOWN)
    for owner in (staked.alice, staked.bob):
        staked.pool.execute_exit(sender=owner)
    support.wait(PAYOUT_DELAY)
    first, last = staked.pool.pay_exit(staked.bob), staked.pool.pay_exit(staked.alice)
    assert abs(3 * first - last) <= 3


def test_going_in_and_out_at_once_gains_nothing(staked):
    """By rounding, in the smallest amounts."""
    staked.draw(staked.units(1_234) + 1)
    spent = 0
    for amount in (1, 2, 3, 7, 1_000_003):
        spent += amount
        staked.pool.request_deposit(amount, sender=staked.attacker)
        support.wait(ENTRY_DELAY)
        staked.pool.activate_deposit(staked.attacker)
        assert staked.worth(staked.attacker) <= spent
        if staked.worth(staked.attacker) == 0:
            continue
        staked.request_all(staked.attacker)
        assert staked.pool.exit_worth(staked.attacker) <= spent
        staked.pool.cancel_exit(staked.attacker, sender=staked.attacker)


def test_no_exit_can_be_inflated_against_the_next(staked):
    """Many small exits, redeemed in parts, leave their crumbs; the next exit loses at most a unit."""
    pool, attacker = staked.pool, staked.attacker
    staked.stake(attacker, 1)
    for _ in range(5):
        pool.request_exit(2 * VIRTUAL - 1, sender=attacker)
        support.wait(COOLDOWN)
        pool.execute_exit(sender=attacker)
        support.wait(PAYOUT_DELAY)
        for _ in range(3):
            pool.redeem(VIRTUAL // 2, attacker, attacker, sender=attacker)
        pool.redeem(pool.maxRedeem(attacker), attacker, attacker, sender=attacker)
    staked.request_all(staked.bob)
    assert staked.units(1_000) - 1 <= pool.exit_worth(staked.bob) <= staked.units(1_000)


def test_a_stranger_cannot_put_off_an_entry_or_an_exit(staked):
    """What anyone may do for an owner is only what the owner has asked for, when it is due."""
    staked.request(staked.carol, 10)
    staked.pool.request_exit(VIRTUAL, sender=staked.bob)
    due, times = staked.pool.entry_of(staked.carol), staked.pool.exit_of(staked.bob)
    staked.pool.request_deposit(1, sender=staked.attacker)
    staked.pool.transfer(staked.bob, 0, sender=staked.attacker)
    assert staked.pool.entry_of(staked.carol) == due
    assert staked.pool.exit_of(staked.bob) == times
