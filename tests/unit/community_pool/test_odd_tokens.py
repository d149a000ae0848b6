"""CommunityPool: tokens that return nothing or false, take a fee, block accounts or call back"""

import boa
import pytest
from vyper.utils import method_id

from tests import support
from tests.unit.community_pool.desk import ENTRY_DELAY, PAYOUT_DELAY


def test_a_token_without_return_value_works_in_and_out(make_system):
    system = make_system("mocks/MockTokenNoReturn.vy")
    system.stake(system.alice, 100)
    assert system.draw(system.units(10)) == system.units(10)
    assert system.leave(system.alice) == system.units(90)


@pytest.mark.parametrize("path", ["mocks/MockTokenFalseReturn.vy"])
def test_false_on_a_deposit_reverts(make_system, path):
    system = make_system(path)
    before = system.state()
    with boa.reverts("token: transfer failed"):
        system.request(system.alice, 100)
    assert system.state() == before


def test_a_fee_on_a_deposit_reverts(make_system):
    system = make_system("mocks/MockTokenFeeOnTransfer.vy")
    before = system.state()
    with boa.reverts("token: short delivery"):
        system.request(system.alice, 100)
    assert system.state() == before


def test_a_draw_that_the_token_refuses_reverts_and_changes_nothing(make_system):
    """The fund sees a failed call, and that it got nothing."""
    system = make_system("mocks/MockTokenBlocklist.vy")
    system.stake(system.alice, 100)
    system.token.set_blocked(system.fund, True)
    before = system.state()
    with boa.reverts("mock_token: receiver blocked"):
        system.draw(system.units(10))
    assert system.state() == before


def test_a_blocked_owner_holds_up_nobody_else(make_system):
    system = make_system("mocks/MockTokenBlocklist.vy")
    for owner in (system.alice, system.bob):
        system.request(owner, 100)
    support.wait(ENTRY_DELAY)
    for owner in (system.alice, system.bob):
        system.pool.activate_deposit(owner)
        system.request_all(owner)
    support.wait(system.pool.parameters().cooldown)
    for owner in (system.alice, system.bob):
        system.pool.execute_exit(sender=owner)
    support.wait(PAYOUT_DELAY)
    system.token.set_blocked(system.alice, True)
    with boa.reverts("mock_token: receiver blocked"):
        system.pool.pay_exit(system.alice)
    assert system.pool.pay_exit(system.bob) == system.units(100)


def test_a_blocked_owner_is_paid_elsewhere(make_system):
    system = make_system("mocks/MockTokenBlocklist.vy")
    system.stake(system.alice, 100)
    system.executed(system.alice)
    support.wait(PAYOUT_DELAY)
    system.token.set_blocked(system.alice, True)
    shares = system.pool.maxRedeem(system.alice)
    system.pool.redeem(shares, system.stranger, system.alice, sender=system.alice)
    assert system.token.balanceOf(system.stranger) == system.units(100)


def test_what_the_pool_would_give_is_told_in_the_middle_of_a_call_too(make_system):
    """Its one view without the lock, for the fund that is asked whether all is calm: what is left."""
    system = make_system("mocks/MockTokenHook.vy")
    system.stake(system.alice, 100)
    system.token.arm(system.pool, method_id("exposed_assets()"))
    system.draw(system.units(30))
    assert system.token.call_count() == 1
    assert system.token.is_last_call_successful()
    told = int.from_bytes(system.token.last_response())
    assert told == system.pool.exposed_assets() == system.units(70)


@pytest.mark.parametrize("call", ["cancel_deposit(address)", "activate_deposit(address)", "sweep_stray()"])
def test_a_token_that_calls_back_finds_the_pool_locked(make_system, call):
    system = make_system("mocks/MockTokenHook.vy")
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    data = method_id(call) + (
        b"" if call.endswith("()") else bytes.fromhex(system.alice[2:]).rjust(32, b"\0")
    )
    system.token.arm(system.pool, data)
    system.pool.cancel_deposit(system.alice, sender=system.alice)

    assert system.token.call_count() == 1
    assert not system.token.is_last_call_successful()
    # by the lock, which gives no reason
    assert system.token.last_response() == b""
    assert system.token.balanceOf(system.pool) == 0
