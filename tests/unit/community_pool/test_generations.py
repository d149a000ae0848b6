"""CommunityPool: after a total loss the old shares are worthless for ever, and new money meets none"""

import boa
import pytest

from tests import support
from tests.unit.community_pool.desk import ENTRY_DELAY, NO_EXIT, VESTING, VIRTUAL, build

ZERO = "0x" + 40 * "0"


def test_a_loss_of_everything_ends_the_generation(staked):
    supply = staked.pool.totalSupply()
    staked.draw(2**256 - 1)
    logs = staked.logs()

    assert staked.pool.generation() == 1
    assert staked.pool.totalSupply() == staked.pool.totalAssets() == 0
    assert staked.pool.balanceOf(staked.alice) == staked.pool.balanceOf(staked.bob) == 0
    assert logs[1] == ("GenerationEnded", {"generation": 0, "shares": supply, "leftover": 0})
    staked.assert_conserved()


def test_old_shares_catch_no_new_money(staked):
    staked.draw(2**256 - 1)
    shares = staked.stake(staked.carol, 500)

    assert shares == staked.units(500) * VIRTUAL == staked.pool.totalSupply()
    assert staked.worth(staked.carol) == staked.units(500)
    assert staked.worth(staked.alice) == staked.worth(staked.bob) == 0
    staked.assert_conserved()


@pytest.mark.parametrize("call", ["transfer", "request_exit"])
def test_old_shares_do_nothing(staked, call):
    staked.draw(2**256 - 1)
    staked.stake(staked.carol, 500)
    arguments = (staked.bob, 1) if call == "transfer" else (1,)
    message = "transfer" if call == "transfer" else "burn"
    with boa.reverts(f"erc20: {message} amount exceeds balance"):
        getattr(staked.pool, call)(*arguments, sender=staked.alice)


def test_old_holders_may_come_again(staked):
    """Their new balance has nothing of the old one, which is seen to leave."""
    old = staked.pool.balanceOf(staked.alice)
    staked.draw(2**256 - 1)
    shares = staked.stake(staked.alice, 10)
    logs = staked.logs()

    assert staked.pool.balanceOf(staked.alice) == shares == staked.pool.totalSupply()
    assert logs[:2] == [
        ("Transfer", {"sender": staked.alice, "receiver": ZERO, "value": old}),
        ("Transfer", {"sender": ZERO, "receiver": staked.alice, "value": shares}),
    ]


def test_shares_received_do_not_wake_old_ones(staked):
    staked.draw(2**256 - 1)
    staked.stake(staked.carol, 500)
    staked.pool.transfer(staked.alice, 5, sender=staked.carol)
    assert staked.pool.balanceOf(staked.alice) == 5
    staked.assert_conserved()


def test_exits_lose_everything_too(staked):
    staked.executed(staked.bob)
    units = staked.pool.exit_of(staked.bob).units
    staked.draw(2**256 - 1)
    logs = staked.logs()

    assert staked.pool.exit_of(staked.bob) == NO_EXIT
    assert staked.pool.exit_worth(staked.bob) == staked.pool.maxRedeem(staked.bob) == 0
    assert logs[2] == ("ExitGenerationEnded", {"generation": 0, "units": units, "leftover": 0})
    with boa.reverts("pool: no exit"):
        staked.pool.pay_exit(staked.bob)


def test_an_old_exit_does_not_block_a_new_one(staked):
    staked.executed(staked.bob)
    staked.draw(2**256 - 1)
    staked.stake(staked.bob, 10)
    assert staked.leave(staked.bob) == staked.units(10)


def test_an_old_exit_catches_no_new_one(staked):
    staked.executed(staked.bob)
    staked.draw(2**256 - 1)
    staked.stake(staked.carol, 500)
    staked.request_all(staked.carol)
    assert staked.pool.exit_worth(staked.carol) == staked.units(500)
    assert staked.pool.exit_worth(staked.bob) == 0


def test_entries_outlive_a_generation(staked):
    staked.request(staked.carol, 500)
    staked.draw(2**256 - 1)
    support.wait(ENTRY_DELAY)
    assert staked.pool.activate_deposit(staked.carol) == staked.units(500) * VIRTUAL


def test_generations_end_one_after_another(staked):
    for generation in range(1, 4):
        staked.draw(2**256 - 1)
        assert staked.pool.generation() == generation
        assert staked.stake(staked.alice, 100) == staked.units(100) * VIRTUAL
    assert staked.worth(staked.alice) == staked.units(100)


@pytest.mark.parametrize("left", [1, 3_999])
def test_what_is_less_than_a_millionth_counts_as_nothing(token, left):
    """4,000 tokens cost 4,000 * 10**(d + 6) share units: alive from a millionth of the price on."""
    system = build(token)
    system.stake(system.alice, 4_000)
    floor = system.units(4_000) // 10**6
    system.draw(system.units(4_000) - min(left, floor - 1))

    assert system.pool.generation() == 1
    assert system.pool.totalSupply() == system.pool.totalAssets() == 0
    assert system.books()["unvested"] == min(left, floor - 1)
    system.assert_conserved()


def test_a_millionth_is_still_something(token):
    system = build(token)
    system.stake(system.alice, 4_000)
    floor = system.units(4_000) // 10**6
    system.draw(system.units(4_000) - floor)
    assert system.pool.generation() == 0
    assert floor - 1 <= system.worth(system.alice) <= floor


def test_the_dust_of_a_generation_goes_to_the_next(staked):
    """It stays stakers' money."""
    staked.draw(staked.units(4_000) - 1)
    staked.stake(staked.carol, 500)
    support.wait(VESTING)
    assert staked.pool.totalAssets() == staked.units(500) + 1
    assert staked.pool.sweep_stray() == 0


def test_shares_live_on_when_exits_end(staked):
    """An exit of two units loses both to rounding; everyone else loses half."""
    staked.pool.request_exit(2 * VIRTUAL, sender=staked.bob)
    staked.draw(staked.units(3_000))
    staked.draw(staked.units(700))
    assert staked.pool.books().exit_generation == 1
    assert staked.pool.generation() == 0
    assert staked.pool.exit_of(staked.bob) == NO_EXIT
    assert staked.pool.totalAssets() == staked.units(300)


def test_a_generation_without_shares_does_not_end(system):
    system.give(system.units(10))
    assert system.draw(2**256 - 1) == system.units(10)
    assert system.pool.generation() == 0
