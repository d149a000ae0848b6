"""CommunityPool.draw: who bears a loss, and that no amount is refused"""

import boa
import pytest

from tests import support
from tests.support import transfer_log
from tests.unit.community_pool.desk import COOLDOWN, PAYOUT_DELAY


def test_a_draw_goes_to_the_fund(staked):
    assert staked.draw(staked.units(1_000)) == staked.units(1_000)
    assert staked.token.balanceOf(staked.fund) == staked.units(1_000)
    assert staked.pool.totalAssets() == staked.units(3_000)
    assert staked.pool.total_drawn() == staked.units(1_000)
    staked.assert_conserved()


def test_a_draw_logs(staked):
    staked.give(staked.units(100))
    staked.request_all(staked.bob)
    staked.draw(staked.units(500))
    assert staked.logs() == [
        (
            "LossTaken",
            {
                "asked": staked.units(500),
                "from_unvested": staked.units(100),
                "from_active": staked.units(300),
                "from_exits": staked.units(100),
                "unvested": 0,
                "active_assets": staked.units(2_700),
                "exit_assets": staked.units(900),
            },
        ),
        transfer_log(staked.pool, staked.fund, staked.units(500)),
    ]


def test_only_the_fund_draws(staked):
    before = staked.state()
    with boa.reverts("pool: not fund"):
        staked.pool.draw(1, sender=staked.attacker)
    assert staked.state() == before


@pytest.mark.parametrize("asked", ["0", "1", "all-1", "all", "all+1", "max"])
def test_a_draw_hands_over_any_amount_up_to_all(staked, asked):
    """Attack S15: no band of amounts is refused."""
    everything = staked.units(4_000)
    amounts = {"0": 0, "1": 1, "all-1": everything - 1, "all": everything, "all+1": everything + 1}
    amount = amounts.get(asked, 2**256 - 1)
    assert staked.pool.exposed_assets() == everything
    assert staked.draw(amount) == min(amount, everything)
    assert staked.token.balanceOf(staked.fund) == min(amount, everything)
    staked.assert_conserved()


def test_a_draw_from_an_empty_pool_gives_nothing(system):
    before = system.state()
    assert system.draw(1_000) == 0
    assert system.logs() == []
    assert system.state() == before


def test_a_draw_of_nothing_leaves_no_trace(staked):
    assert staked.draw(0) == 0
    assert staked.logs() == []


def test_a_loss_is_borne_pro_rata(staked):
    staked.draw(staked.units(1_000))
    assert staked.worth(staked.alice) == staked.units(2_250)
    assert staked.worth(staked.bob) == staked.units(750)


@pytest.mark.parametrize("stage", ["requested", "cooled down", "executed", "due", "lapsed"])
def test_an_exit_bears_losses_until_it_is_paid(staked, stage):
    staked.request_all(staked.bob)
    waits = {"requested": 0, "cooled down": COOLDOWN, "lapsed": 100 * COOLDOWN}
    support.wait(waits.get(stage, COOLDOWN))
    if stage in ("executed", "due"):
        staked.pool.execute_exit(sender=staked.bob)
    if stage == "due":
        support.wait(PAYOUT_DELAY)
    staked.draw(staked.units(1_000))
    assert staked.worth(staked.alice) == staked.units(2_250)
    assert staked.worth(staked.bob) == staked.units(750)


@pytest.mark.parametrize("is_due", [False, True])
def test_an_entry_never_bears_a_loss(staked, is_due):
    staked.request(staked.carol, 500)
    if is_due:
        support.wait(86_400)
    assert staked.draw(2**256 - 1) == staked.units(4_000)
    assert staked.worth(staked.carol) == staked.units(500)
    assert staked.pool.cancel_deposit(staked.carol, sender=staked.carol) == staked.units(500)


def test_what_has_not_vested_bears_a_loss_first(staked):
    """Nobody has earned it yet; who comes later must not be paid by those who bore the loss."""
    staked.give(staked.units(100))
    staked.draw(staked.units(60))
    assert staked.worth(staked.alice) == staked.units(3_000)
    assert staked.books()["unvested"] == staked.units(40)


def test_what_is_left_unvested_still_vests_by_the_same_time(staked):
    staked.give(staked.units(100))
    end = staked.books()["vest_end"]
    staked.draw(staked.units(60))
    support.wait(end - boa.env.timestamp)
    assert staked.pool.totalAssets() == staked.units(4_040)


def test_an_indivisible_wei_is_borne_by_the_exits(staked):
    staked.request_all(staked.bob)
    staked.draw(1)
    books = staked.books()
    assert (books["active_assets"], books["exit_assets"]) == (staked.units(3_000), staked.units(1_000) - 1)


def test_donations_are_not_drawn(staked):
    staked.token.mint(staked.pool, staked.units(10))
    assert staked.draw(2**256 - 1) == staked.units(4_000)
    assert staked.token.balanceOf(staked.pool) == staked.units(10)


def test_a_draw_works_while_not_calm(staked):
    """That is when it is needed."""
    staked.fund.set_broken(True)
    assert staked.draw(staked.units(1)) == staked.units(1)
