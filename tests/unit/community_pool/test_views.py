"""CommunityPool's views: ERC-4626's tell what can be done now, previews refuse to guess"""

import boa
import pytest

from tests import support
from tests.unit.community_pool.desk import COOLDOWN, ENTRY_DELAY, PAYOUT_DELAY, VESTING, VIRTUAL


@pytest.mark.parametrize("name", ["previewDeposit", "previewMint", "previewWithdraw", "previewRedeem"])
def test_previews_revert(staked, name):
    with boa.reverts("pool: only by request"):
        getattr(staked.pool, name)(1)


def test_conversions_follow_the_price(staked):
    staked.draw(staked.units(1_000) + 1)
    supply, assets = staked.pool.totalSupply(), staked.pool.totalAssets()
    for amount in (0, 1, 12_345, staked.units(77)):
        assert staked.pool.convertToShares(amount) == amount * (supply + VIRTUAL) // (assets + 1)
        assert staked.pool.convertToAssets(amount) == amount * (assets + 1) // (supply + VIRTUAL)


def test_conversions_know_what_has_vested(staked):
    staked.give(staked.units(700))
    support.wait(VESTING)
    whole = staked.units(1) * VIRTUAL
    assert staked.pool.convertToAssets(whole) == staked.pool.price_per_share()
    assert staked.pool.price_per_share() == whole * (staked.units(4_700) + 1) // (
        staked.units(4_000) * VIRTUAL + VIRTUAL
    )


def test_nothing_can_be_claimed_before_it_is_asked_for(staked):
    for name in ("maxDeposit", "maxMint", "maxWithdraw", "maxRedeem"):
        assert getattr(staked.pool, name)(staked.alice) == 0


def test_max_deposit_is_the_due_entry(staked):
    staked.request(staked.carol, 10)
    support.wait(ENTRY_DELAY - 1)
    assert staked.pool.maxDeposit(staked.carol) == staked.pool.maxMint(staked.carol) == 0
    support.wait(1)
    assert staked.pool.maxDeposit(staked.carol) == staked.units(10)
    assert staked.pool.maxMint(staked.carol) == staked.units(10) * VIRTUAL


def test_max_redeem_is_the_due_exit(staked):
    shares = staked.pool.balanceOf(staked.bob)
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY - 1)
    assert staked.pool.maxRedeem(staked.bob) == staked.pool.maxWithdraw(staked.bob) == 0
    support.wait(1)
    assert staked.pool.maxRedeem(staked.bob) == shares
    assert staked.pool.maxWithdraw(staked.bob) == staked.units(1_000)


def test_no_exit_can_be_claimed_while_not_calm(staked):
    staked.request(staked.carol, 10)
    staked.executed(staked.bob)
    support.wait(COOLDOWN)
    staked.fund.set_calm(False)
    assert staked.pool.maxWithdraw(staked.bob) == staked.pool.maxRedeem(staked.bob) == 0
    assert staked.pool.maxDeposit(staked.carol) == staked.units(10)
    assert staked.pool.maxMint(staked.carol) != 0


def test_nothing_can_be_claimed_while_claims_are_open(staked):
    staked.request(staked.carol, 10)
    staked.executed(staked.bob)
    support.wait(COOLDOWN)
    staked.fund.set_claims(True)
    for owner in (staked.bob, staked.carol):
        for name in ("maxDeposit", "maxMint", "maxWithdraw", "maxRedeem"):
            assert getattr(staked.pool, name)(owner) == 0


def test_calm_is_what_the_fund_says(staked):
    assert staked.pool.is_calm()
    staked.fund.set_calm(False)
    assert not staked.pool.is_calm()


def test_a_fund_that_does_not_answer_is_not_calm(staked):
    staked.fund.set_broken(True)
    assert not staked.pool.is_calm()


def test_a_fund_that_is_no_contract_is_not_calm(token):
    pool = support.deploy(
        "CommunityPool.vy", token, support.actor("nobody"), (3_600, 86_400, 86_400, 86_400, 86_400, 10**14)
    )
    assert not pool.is_calm()


def test_the_books_show_what_has_vested(staked):
    staked.give(staked.units(700))
    support.wait(86_400)
    assert staked.books()["active_assets"] == staked.units(4_100)
    assert staked.books()["unvested"] == staked.units(600)
