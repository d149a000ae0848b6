"""CommunityPool.sweep_stray: what is sent to the pool moves no price and ends in the fund"""

from tests import support
from tests.support import transfer_log
from tests.unit.community_pool.desk import COOLDOWN, PAYOUT_DELAY


def test_a_donation_moves_nothing(staked):
    staked.request(staked.carol, 5)
    staked.pool.request_exit(10**6, sender=staked.bob)
    before = (staked.books(), staked.pool.price_per_share(), staked.pool.exposed_assets())
    staked.token.mint(staked.pool, staked.units(10**6))
    assert (staked.books(), staked.pool.price_per_share(), staked.pool.exposed_assets()) == before


def test_a_donation_is_swept_to_the_fund(staked):
    staked.token.mint(staked.pool, staked.units(7))
    before = staked.books()
    assert staked.pool.sweep_stray(sender=staked.stranger) == staked.units(7)

    assert staked.logs() == [
        transfer_log(staked.pool, staked.fund, staked.units(7)),
        ("StraySwept", {"amount": staked.units(7)}),
    ]
    assert staked.token.balanceOf(staked.fund) == staked.units(7)
    assert staked.books() == before


def test_without_a_donation_nothing_is_swept(staked):
    """Entries, unvested inflows and exits are no donation."""
    staked.request(staked.carol, 5)
    staked.give(staked.units(10))
    staked.pool.request_exit(10**6, sender=staked.bob)
    before = staked.state()
    assert staked.pool.sweep_stray() == 0
    assert staked.logs() == []
    assert staked.state() == before


def test_nothing_but_donations_is_swept_at_any_stage(staked):
    staked.executed(staked.bob)
    support.wait(PAYOUT_DELAY)
    assert staked.pool.sweep_stray() == 0
    staked.pool.pay_exit(staked.bob)
    assert staked.pool.sweep_stray() == 0
    support.wait(COOLDOWN)
    staked.leave(staked.alice)
    assert staked.pool.sweep_stray() == 0
    assert staked.token.balanceOf(staked.pool) == 0
