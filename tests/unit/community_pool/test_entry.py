"""CommunityPool: a deposit waits before it counts, and may be taken back until it does"""

import boa
import pytest

from tests import support
from tests.support import transfer_log
from tests.unit.community_pool.desk import ENTRY_DELAY, VIRTUAL


def test_a_request_takes_tokens_and_gives_no_shares(system):
    system.request(system.alice, 100)

    assert system.token.balanceOf(system.pool) == system.units(100)
    assert system.pool.totalSupply() == system.pool.totalAssets() == system.pool.exposed_assets() == 0
    assert system.pool.entry_of(system.alice) == (system.units(100), boa.env.timestamp + ENTRY_DELAY)
    system.assert_conserved()


def test_a_request_logs(system):
    system.request(system.alice, 70)
    system.request(system.alice, 30)

    assert system.logs() == [
        (
            "DepositRequested",
            {
                "owner": system.alice,
                "assets": system.units(30),
                "pending": system.units(100),
                "due_at": boa.env.timestamp + ENTRY_DELAY,
                "pending_assets": system.units(100),
            },
        ),
        transfer_log(system.alice, system.pool, system.units(30)),
    ]


def test_a_request_of_nothing_reverts(system):
    before = system.state()
    with boa.reverts("pool: zero amount"):
        system.request(system.alice, 0)
    assert system.state() == before


def test_a_second_request_lets_all_wait_anew(system):
    """Otherwise what comes late would wait less than the delay."""
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY - 1)
    system.request(system.alice, 1)

    support.wait(ENTRY_DELAY - 1)
    with boa.reverts("pool: not due"):
        system.pool.activate_deposit(system.alice)
    support.wait(1)
    system.pool.activate_deposit(system.alice)
    assert system.pool.totalAssets() == system.units(101)


def test_the_pool_holds_up_to_its_limit(system):
    limit = system.pool.MAX_ASSETS()
    system.token.mint(system.alice, limit)
    system.pool.request_deposit(limit, sender=system.alice)
    assert system.books()["pending_assets"] == limit


def test_a_request_over_the_limit_reverts(system):
    limit = system.pool.MAX_ASSETS()
    system.token.mint(system.alice, limit)
    system.pool.request_deposit(limit, sender=system.alice)
    before = system.state()
    with boa.reverts("pool: too large"):
        system.pool.request_deposit(1, sender=system.alice)
    assert system.state() == before


@pytest.mark.parametrize("seconds", [0, ENTRY_DELAY - 1])
def test_an_entry_that_is_not_due_stays_one(system, seconds):
    system.request(system.alice, 100)
    support.wait(seconds)
    before = system.state()
    with boa.reverts("pool: not due"):
        system.pool.activate_deposit(system.alice, sender=system.alice)
    assert system.state() == before


def test_anyone_makes_a_due_entry_shares_of_its_owner(system):
    shares = system.stake(system.alice, 100)

    assert shares == system.units(100) * VIRTUAL
    assert system.pool.balanceOf(system.alice) == shares == system.pool.totalSupply()
    assert system.pool.totalAssets() == system.pool.exposed_assets() == system.units(100)
    assert system.pool.entry_of(system.alice) == (0, 0)
    system.assert_conserved()


def test_an_activation_logs(staked):
    staked.request(staked.alice, 50)
    support.wait(ENTRY_DELAY)
    shares = staked.pool.activate_deposit(staked.alice, sender=staked.stranger)

    assets = staked.units(50)
    zero = "0x" + 40 * "0"
    assert staked.logs() == [
        ("Transfer", {"sender": zero, "receiver": staked.alice, "value": shares}),
        (
            "DepositActivated",
            {
                "owner": staked.alice,
                "receiver": staked.alice,
                "assets": assets,
                "shares": shares,
                "pending": 0,
                "pending_assets": 0,
                "active_assets": staked.units(4_050),
            },
        ),
        (
            "Deposit",
            {"sender": staked.stranger, "owner": staked.alice, "assets": assets, "shares": shares},
        ),
    ]


def test_without_an_entry_nothing_is_activated(staked):
    with boa.reverts("pool: no entry"):
        staked.pool.activate_deposit(staked.alice)


def test_no_entry_becomes_shares_while_claims_are_open(system):
    """Nobody's money is pushed into a loss that is known, and nobody buys in before it is paid."""
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    system.fund.set_claims(True)
    with boa.reverts("pool: claims open"):
        system.pool.activate_deposit(system.alice)
    system.fund.set_claims(False)
    assert system.pool.activate_deposit(system.alice) == system.units(100) * VIRTUAL


@pytest.mark.parametrize("step", ["activate_deposit", "deposit", "mint"])
def test_who_joins_may_do_so_in_any_mode(system, step):
    """A fund below its target is not calm, and needs stakers most."""
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    system.fund.set_calm(False)
    if step == "activate_deposit":
        system.pool.activate_deposit(system.alice)
    else:
        limit = system.pool.maxDeposit if step == "deposit" else system.pool.maxMint
        getattr(system.pool, step)(limit(system.alice), system.alice, sender=system.alice)
    assert system.pool.balanceOf(system.alice) == system.units(100) * VIRTUAL


@pytest.mark.parametrize("step", ["activate_deposit", "deposit", "mint"])
def test_without_an_answer_of_the_fund_nobody_joins(system, step):
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    system.fund.set_broken(True)
    arguments = (system.alice,) if step == "activate_deposit" else (1, system.alice)
    with boa.reverts("pool: claims open"):
        getattr(system.pool, step)(*arguments, sender=system.alice)


def test_an_entry_gets_the_price_of_its_activation(staked):
    """Not the one of the request: it neither earned nor lost meanwhile."""
    staked.request(staked.carol, 1_000)
    staked.draw(staked.units(2_000))
    support.wait(ENTRY_DELAY)
    shares = staked.pool.activate_deposit(staked.carol)

    supply, assets = staked.units(4_000) * VIRTUAL, staked.units(2_000)
    assert shares == staked.units(1_000) * (supply + VIRTUAL) // (assets + 1)
    assert staked.units(1_000) - 1 <= staked.worth(staked.carol) <= staked.units(1_000)


def test_an_entry_too_small_for_a_share_reverts(staked):
    """Ten million tokens come in for a few share units."""
    pool, units = staked.pool, staked.units
    for owner in (staked.alice, staked.bob):
        pool.request_exit(pool.balanceOf(owner) - 1, sender=owner)
    staked.token.mint(staked.pool, units(10**7))
    pool.receive_inflow(units(10**7), sender=staked.fund.address)
    support.wait(pool.parameters().vesting)
    pool.request_deposit(1, sender=staked.carol)
    support.wait(ENTRY_DELAY)
    with boa.reverts("pool: zero shares"):
        pool.activate_deposit(staked.carol)


@pytest.mark.parametrize("seconds", [0, ENTRY_DELAY - 1, ENTRY_DELAY, 100 * ENTRY_DELAY])
def test_an_entry_may_be_taken_back(staked, seconds):
    """It is not exposed and earns nothing, so nobody counts on it."""
    staked.request(staked.carol, 100)
    held = staked.token.balanceOf(staked.stranger)
    support.wait(seconds)
    assert staked.pool.cancel_deposit(staked.stranger, sender=staked.carol) == staked.units(100)

    assert staked.token.balanceOf(staked.stranger) - held == staked.units(100)
    assert staked.pool.entry_of(staked.carol) == (0, 0)
    staked.assert_conserved()


def test_a_cancelled_entry_logs(staked):
    staked.request(staked.carol, 100)
    staked.pool.cancel_deposit(staked.carol, sender=staked.carol)
    assert staked.logs() == [
        (
            "DepositCancelled",
            {
                "owner": staked.carol,
                "receiver": staked.carol,
                "assets": staked.units(100),
                "pending_assets": 0,
            },
        ),
        transfer_log(staked.pool, staked.carol, staked.units(100)),
    ]


def test_an_entry_may_be_taken_back_while_not_calm(staked):
    staked.request(staked.carol, 100)
    staked.fund.set_broken(True)
    assert staked.pool.cancel_deposit(staked.carol, sender=staked.carol) == staked.units(100)


def test_only_the_owner_takes_an_entry_back(staked):
    staked.request(staked.carol, 100)
    with boa.reverts("pool: no entry"):
        staked.pool.cancel_deposit(staked.attacker, sender=staked.attacker)


def test_deposit_claims_a_part_of_a_due_entry(system):
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    shares = system.pool.deposit(system.units(40), system.bob, sender=system.alice)

    assert system.pool.balanceOf(system.bob) == shares == system.units(40) * VIRTUAL
    assert system.pool.entry_of(system.alice).assets == system.units(60)
    assert system.pool.maxDeposit(system.alice) == system.units(60)
    system.assert_conserved()


def test_deposit_over_the_due_entry_reverts(system):
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    with boa.reverts("pool: over maximum"):
        system.pool.deposit(system.units(100) + 1, system.alice, sender=system.alice)


def test_deposit_before_the_entry_is_due_reverts(system):
    system.request(system.alice, 100)
    with boa.reverts("pool: over maximum"):
        system.pool.deposit(1, system.alice, sender=system.alice)


def test_deposit_takes_no_one_elses_entry(system):
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    with boa.reverts("pool: over maximum"):
        system.pool.deposit(1, system.attacker, sender=system.attacker)


def test_deposit_of_nothing_reverts(system):
    with boa.reverts("pool: zero shares"):
        system.pool.deposit(0, system.alice, sender=system.alice)


def test_deposit_while_claims_are_open_reverts(system):
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    system.fund.set_claims(True)
    with boa.reverts("pool: claims open"):
        system.pool.deposit(1, system.alice, sender=system.alice)


def test_mint_uses_as_little_as_the_shares_cost_rounded_up(staked):
    staked.draw(staked.units(1_000) + 1)
    staked.request(staked.carol, 100)
    support.wait(ENTRY_DELAY)
    wanted = 7 * 10**6 + 1
    supply, assets = staked.pool.totalSupply(), staked.pool.totalAssets()
    used = staked.pool.mint(wanted, staked.bob, sender=staked.carol)

    assert used == -(-wanted * (assets + 1) // (supply + VIRTUAL))
    assert staked.pool.entry_of(staked.carol).assets == staked.units(100) - used
    staked.assert_conserved()


def test_mint_gives_all_that_max_mint_says(staked):
    staked.draw(staked.units(1_000) + 1)
    staked.request(staked.carol, 100)
    support.wait(ENTRY_DELAY)
    most = staked.pool.maxMint(staked.carol)
    assert staked.pool.mint(most, staked.carol, sender=staked.carol) <= staked.units(100)
    assert staked.pool.balanceOf(staked.carol) == most


def test_mint_over_the_due_entry_reverts(system):
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    most = system.pool.maxMint(system.alice)
    with boa.reverts("pool: over maximum"):
        system.pool.mint(most + 1, system.alice, sender=system.alice)


def test_mint_while_claims_are_open_reverts(system):
    system.request(system.alice, 100)
    support.wait(ENTRY_DELAY)
    system.fund.set_claims(True)
    with boa.reverts("pool: claims open"):
        system.pool.mint(1, system.alice, sender=system.alice)


def test_mint_of_nothing_reverts(system):
    with boa.reverts("pool: zero shares"):
        system.pool.mint(0, system.alice, sender=system.alice)
