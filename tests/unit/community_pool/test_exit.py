"""CommunityPool: the way out, step by step, and every step that is not taken in time"""

import boa
import pytest

from tests import support
from tests.support import transfer_log
from tests.unit.community_pool.desk import COOLDOWN, LAPSE_FEE, NO_EXIT, PAYOUT_DELAY, VIRTUAL, WAD, WINDOW

ZERO = "0x" + 40 * "0"


def requested(system) -> None:
    """Bob asks for a quarter of what he has."""
    system.pool.request_exit(system.units(250) * VIRTUAL, sender=system.bob)


def test_a_request_moves_worth_from_shares_to_exits(staked):
    requested(staked)

    now, books = boa.env.timestamp, staked.books()
    assert staked.pool.balanceOf(staked.bob) == staked.units(750) * VIRTUAL
    assert (books["active_assets"], books["exit_assets"]) == (staked.units(3_750), staked.units(250))
    assert staked.pool.exit_of(staked.bob) == (
        staked.units(250) * VIRTUAL,
        staked.units(250) * VIRTUAL,
        0,
        now + COOLDOWN,
        now + COOLDOWN + WINDOW,
        0,
    )
    assert staked.pool.exit_worth(staked.bob) == staked.units(250)
    staked.assert_conserved()


def test_a_request_logs(staked):
    requested(staked)
    now, shares = boa.env.timestamp, staked.units(250) * VIRTUAL
    assert staked.logs() == [
        ("Transfer", {"sender": staked.bob, "receiver": ZERO, "value": shares}),
        (
            "ExitRequested",
            {
                "owner": staked.bob,
                "shares": shares,
                "assets": staked.units(250),
                "units": shares,
                "cooldown_end": now + COOLDOWN,
                "window_end": now + COOLDOWN + WINDOW,
                "active_assets": staked.units(3_750),
                "exit_assets": staked.units(250),
                "exit_units": shares,
            },
        ),
    ]


def test_a_request_leaves_the_price_alone(staked):
    staked.draw(staked.units(1_234))
    before = staked.pool.price_per_share()
    requested(staked)
    assert staked.pool.price_per_share() == before


def test_a_request_of_nothing_reverts(staked):
    with boa.reverts("pool: zero amount"):
        staked.pool.request_exit(0, sender=staked.bob)


def test_a_request_of_more_than_one_has_reverts(staked):
    before = staked.state()
    with boa.reverts("erc20: burn amount exceeds balance"):
        staked.pool.request_exit(staked.pool.balanceOf(staked.bob) + 1, sender=staked.bob)
    assert staked.state() == before


def test_a_request_of_shares_worth_nothing_reverts(staked):
    """Or they would be burnt for no exit at all."""
    before = staked.state()
    with boa.reverts("pool: worth nothing"):
        staked.pool.request_exit(VIRTUAL - 1, sender=staked.bob)
    assert staked.state() == before


def test_a_second_request_reverts(staked):
    requested(staked)
    with boa.reverts("pool: exit under way"):
        requested(staked)


def test_a_request_is_possible_while_not_calm(staked):
    """Its cooldown only begins."""
    staked.fund.set_calm(False)
    requested(staked)
    assert staked.pool.exit_worth(staked.bob) == staked.units(250)


def test_shares_in_an_exit_cannot_be_transferred(staked):
    staked.request_all(staked.bob)
    with boa.reverts("erc20: transfer amount exceeds balance"):
        staked.pool.transfer(staked.carol, 1, sender=staked.bob)


def test_a_deposit_does_not_stop_an_exit(staked):
    requested(staked)
    staked.stake(staked.bob, 10)
    support.wait(COOLDOWN - 86_400)
    staked.pool.execute_exit(sender=staked.bob)
    assert staked.pool.exit_of(staked.bob).payable_at == boa.env.timestamp + PAYOUT_DELAY


@pytest.mark.parametrize("seconds", [COOLDOWN, COOLDOWN + WINDOW - 1])
def test_an_exit_is_executed_within_its_window(staked, seconds):
    requested(staked)
    support.wait(seconds)
    staked.pool.execute_exit(sender=staked.bob)

    assert staked.logs() == [
        ("ExitExecuted", {"owner": staked.bob, "payable_at": boa.env.timestamp + PAYOUT_DELAY})
    ]
    assert staked.pool.exit_of(staked.bob).payable_at == boa.env.timestamp + PAYOUT_DELAY
    assert staked.token.balanceOf(staked.bob) == staked.units(10**9 - 1_000)


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (0, "pool: cooling down"),
        (COOLDOWN - 1, "pool: cooling down"),
        (COOLDOWN + WINDOW, "pool: window over"),
    ],
)
def test_an_exit_outside_its_window_is_not_executed(staked, seconds, message):
    requested(staked)
    support.wait(seconds)
    before = staked.state()
    with boa.reverts(message):
        staked.pool.execute_exit(sender=staked.bob)
    assert staked.state() == before


def test_without_an_exit_none_is_executed(staked):
    with boa.reverts("pool: no exit"):
        staked.pool.execute_exit(sender=staked.bob)


def test_an_exit_is_executed_once(staked):
    """A second time would put its payout off, or let it wait for a better day."""
    staked.executed(staked.bob)
    with boa.reverts("pool: exit executed"):
        staked.pool.execute_exit(sender=staked.bob)


@pytest.mark.parametrize("state", ["open claims", "no answer"])
def test_an_exit_is_not_executed_while_not_calm(staked, state):
    requested(staked)
    support.wait(COOLDOWN)
    if state == "open claims":
        staked.fund.set_calm(False)
    else:
        staked.fund.set_broken(True)
    with boa.reverts("pool: not calm"):
        staked.pool.execute_exit(sender=staked.bob)


def test_a_window_that_cannot_be_used_begins_anew(staked):
    requested(staked)
    support.wait(COOLDOWN + WINDOW - 1)
    staked.fund.set_calm(False)
    staked.pool.extend_exit(staked.bob, sender=staked.stranger)
    assert staked.logs() == [
        ("ExitExtended", {"owner": staked.bob, "window_end": boa.env.timestamp + WINDOW})
    ]

    support.wait(WINDOW - 1)
    staked.fund.set_calm(True)
    staked.pool.execute_exit(sender=staked.bob)


def test_a_window_that_can_be_used_is_not_extended(staked):
    requested(staked)
    support.wait(COOLDOWN)
    with boa.reverts("pool: calm"):
        staked.pool.extend_exit(staked.bob)


@pytest.mark.parametrize(
    ("seconds", "message"),
    [(COOLDOWN - 1, "pool: cooling down"), (COOLDOWN + WINDOW, "pool: window over")],
)
def test_only_an_open_window_is_extended(staked, seconds, message):
    requested(staked)
    support.wait(seconds)
    staked.fund.set_calm(False)
    with boa.reverts(message):
        staked.pool.extend_exit(staked.bob)


def test_an_executed_exit_is_not_extended(staked):
    staked.executed(staked.bob)
    staked.fund.set_calm(False)
    with boa.reverts("pool: exit executed"):
        staked.pool.extend_exit(staked.bob)


def test_without_an_exit_none_is_extended(staked):
    staked.fund.set_calm(False)
    with boa.reverts("pool: no exit"):
        staked.pool.extend_exit(staked.bob)


def test_anyone_has_a_due_exit_paid_to_its_owner(staked):
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY)
    assert staked.pool.pay_exit(staked.bob, sender=staked.stranger) == staked.units(1_000)

    assert staked.token.balanceOf(staked.bob) == staked.units(10**9)
    assert staked.pool.exit_of(staked.bob) == NO_EXIT
    assert staked.books()["exit_assets"] == staked.books()["exit_units"] == 0
    assert staked.pool.totalAssets() == staked.units(3_000)
    staked.assert_conserved()


def test_a_payout_logs(staked):
    staked.leave(staked.bob)
    shares, assets = staked.units(1_000) * VIRTUAL, staked.units(1_000)
    assert staked.logs() == [
        (
            "ExitPaid",
            {
                "owner": staked.bob,
                "receiver": staked.bob,
                "units": shares,
                "shares": shares,
                "assets": assets,
                "exit_assets": 0,
                "exit_units": 0,
            },
        ),
        (
            "Withdraw",
            {
                "sender": staked.stranger,
                "receiver": staked.bob,
                "owner": staked.bob,
                "assets": assets,
                "shares": shares,
            },
        ),
        transfer_log(staked.pool, staked.bob, assets),
    ]


def test_an_exit_is_not_paid_before_the_payout_delay_is_over(staked):
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY - 1)
    before = staked.state()
    with boa.reverts("pool: not due"):
        staked.pool.pay_exit(staked.bob)
    assert staked.state() == before


def test_an_exit_that_was_not_executed_is_never_paid(staked):
    requested(staked)
    support.wait(COOLDOWN + WINDOW + PAYOUT_DELAY)
    with boa.reverts("pool: not due"):
        staked.pool.pay_exit(staked.bob)


def test_without_an_exit_none_is_paid(staked):
    with boa.reverts("pool: no exit"):
        staked.pool.pay_exit(staked.bob)


@pytest.mark.parametrize("call", ["pay_exit", "withdraw", "redeem"])
def test_a_payout_waits_while_not_calm(staked, call):
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY)
    staked.fund.set_calm(False)
    arguments = (staked.bob,) if call == "pay_exit" else (1, staked.bob, staked.bob)
    with boa.reverts("pool: not calm"):
        getattr(staked.pool, call)(*arguments, sender=staked.bob)


def test_a_payout_that_waited_has_the_worth_of_its_day(staked):
    """What was due before the loss bears it too: the claims were open."""
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY)
    staked.fund.set_calm(False)
    staked.draw(staked.units(2_000))
    staked.fund.set_calm(True)
    assert staked.pool.pay_exit(staked.bob) == staked.units(500)


def test_redeem_pays_a_part_of_a_due_exit(staked):
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY)
    shares = staked.units(250) * VIRTUAL
    assert staked.pool.redeem(shares, staked.stranger, staked.bob, sender=staked.bob) == staked.units(250)

    assert staked.token.balanceOf(staked.stranger) == staked.units(250)
    assert staked.pool.maxRedeem(staked.bob) == 3 * shares
    assert staked.pool.exit_worth(staked.bob) == staked.units(750)
    staked.assert_conserved()


def test_withdraw_pays_a_part_of_a_due_exit(staked):
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY)
    staked.draw(staked.units(1_000) + 7)
    most, worth = staked.pool.maxRedeem(staked.bob), staked.pool.exit_worth(staked.bob)
    assets = worth // 3
    used = staked.pool.withdraw(assets, staked.stranger, staked.bob, sender=staked.bob)

    assert staked.token.balanceOf(staked.stranger) == assets
    assert staked.pool.maxRedeem(staked.bob) == most - used
    assert worth - assets - 1 <= staked.pool.exit_worth(staked.bob) <= worth - assets
    staked.assert_conserved()


@pytest.mark.parametrize("call", ["withdraw", "redeem"])
def test_all_that_is_claimable_can_be_claimed(staked, call):
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY)
    staked.draw(staked.units(1_000) + 7)
    worth = staked.pool.maxWithdraw(staked.bob)
    most = worth if call == "withdraw" else staked.pool.maxRedeem(staked.bob)
    getattr(staked.pool, call)(most, staked.stranger, staked.bob, sender=staked.bob)

    assert staked.token.balanceOf(staked.stranger) == worth
    assert staked.pool.exit_of(staked.bob) == NO_EXIT
    assert staked.books()["exit_units"] == 0


@pytest.mark.parametrize("call", ["withdraw", "redeem"])
def test_more_than_is_claimable_reverts(staked, call):
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY)
    most = staked.pool.maxWithdraw(staked.bob) if call == "withdraw" else staked.pool.maxRedeem(staked.bob)
    with boa.reverts("pool: over maximum"):
        getattr(staked.pool, call)(most + 1, staked.bob, staked.bob, sender=staked.bob)


@pytest.mark.parametrize("call", ["withdraw", "redeem"])
def test_nobody_claims_anothers_exit(staked, call):
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY)
    staked.pool.approve(staked.attacker, 2**256 - 1, sender=staked.bob)
    with boa.reverts("pool: not owner"):
        getattr(staked.pool, call)(1, staked.attacker, staked.bob, sender=staked.attacker)


@pytest.mark.parametrize("call", ["withdraw", "redeem"])
def test_an_exit_that_is_not_due_is_not_claimed(staked, call):
    staked.executed(staked.bob)
    with boa.reverts("pool: not due"):
        getattr(staked.pool, call)(1, staked.bob, staked.bob, sender=staked.bob)


@pytest.mark.parametrize("seconds", [0, COOLDOWN - 1, COOLDOWN + WINDOW - 1, COOLDOWN + WINDOW])
def test_the_owner_may_go_back_to_shares_at_any_time(staked, seconds):
    requested(staked)
    support.wait(seconds)
    fee = staked.units(250) * LAPSE_FEE // WAD
    shares = staked.pool.cancel_exit(staked.bob, sender=staked.bob)

    assert shares == (staked.units(250) - fee) * VIRTUAL
    assert staked.pool.balanceOf(staked.bob) == staked.units(750) * VIRTUAL + shares
    assert staked.pool.exit_of(staked.bob) == NO_EXIT
    assert staked.books()["unvested"] == fee
    staked.assert_conserved()


def test_a_cancelled_exit_logs(staked):
    requested(staked)
    shares = staked.pool.cancel_exit(staked.bob, sender=staked.bob)
    fee = staked.units(250) * LAPSE_FEE // WAD
    units = staked.units(250) * VIRTUAL
    assert staked.logs() == [
        ("Transfer", {"sender": ZERO, "receiver": staked.bob, "value": shares}),
        (
            "VestingAdded",
            {
                "amount": fee,
                "unvested": fee,
                "vest_end": boa.env.timestamp + staked.pool.parameters().vesting,
            },
        ),
        (
            "ExitCancelled",
            {
                "owner": staked.bob,
                "units": units,
                "assets": staked.units(250),
                "fee": fee,
                "shares": shares,
                "active_assets": staked.units(4_000) - fee,
                "exit_assets": 0,
                "exit_units": 0,
            },
        ),
    ]


def test_the_lapse_fee_rounds_up(staked):
    staked.pool.request_exit(7 * VIRTUAL, sender=staked.bob)
    assert staked.pool.cancel_exit(staked.bob, sender=staked.bob) == 6 * VIRTUAL
    assert staked.books()["unvested"] == 1


def test_anyone_ends_an_exit_that_has_lapsed(staked):
    """What lapsed belongs with the shares again; its owner holds the next one no readier for waiting."""
    requested(staked)
    support.wait(COOLDOWN + WINDOW)
    shares = staked.pool.cancel_exit(staked.bob, sender=staked.stranger)
    assert staked.pool.balanceOf(staked.bob) == staked.units(750) * VIRTUAL + shares


def test_nobody_else_ends_an_exit_that_has_not_lapsed(staked):
    requested(staked)
    support.wait(COOLDOWN + WINDOW - 1)
    with boa.reverts("pool: not lapsed"):
        staked.pool.cancel_exit(staked.bob, sender=staked.stranger)


def test_an_executed_exit_cannot_be_taken_back(staked):
    staked.executed(staked.bob)
    support.wait(WINDOW)
    with boa.reverts("pool: exit executed"):
        staked.pool.cancel_exit(staked.bob, sender=staked.bob)


def test_without_an_exit_none_is_cancelled(staked):
    with boa.reverts("pool: no exit"):
        staked.pool.cancel_exit(staked.bob, sender=staked.bob)


def test_an_exit_of_the_last_staker_goes_back_to_shares(system):
    """Nobody else is there for the fee: it vests to the owner."""
    system.stake(system.alice, 1_000)
    system.request_all(system.alice)
    system.pool.cancel_exit(system.alice, sender=system.alice)
    support.wait(system.pool.parameters().vesting)
    assert system.units(1_000) - 1 <= system.worth(system.alice) <= system.units(1_000)
    system.assert_conserved()
