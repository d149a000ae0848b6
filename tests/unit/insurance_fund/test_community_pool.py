"""The fund and the pool behind its reserve: who pays when, how much, and that a broken pool stops nothing"""

from dataclasses import dataclass, field
from typing import Any

import boa
import pytest

from tests import support
from tests.unit.community_pool.desk import ENTRY_DELAY, PARAMETERS, VESTING, VIRTUAL

WAD = 10**18
MARKET = 1
WORKS, REVERTS, BURNS_GAS, BRINGS_LESS, BRINGS_MORE, BRINGS_NOTHING = range(6)


@dataclass
class Backed:
    """A fund with a reserve of 1,000 tokens and no narrow limits, and a pool with 4,000."""

    system: Any
    pool: Any
    last_logs: list[Any] = field(default_factory=list)

    @property
    def fund(self) -> Any:
        return self.system.fund

    def units(self, whole: int) -> int:
        return self.system.units(whole)

    def pay(self, whole: int, market: int = MARKET) -> tuple[int, int]:
        """The vault reports whole tokens of claims; the units paid by each tier."""
        vault, unit = self.system.vault, self.system.unit_quote
        held = self.system.token.balanceOf(vault)
        payment = self.fund.pay(market, self.units(whole) * unit, 0, sender=vault)
        logs = self.system.logs()
        paid = payment.reserve // unit, payment.community // unit
        assert self.system.token.balanceOf(vault) - held == sum(paid)
        assert self.system.token.balanceOf(self.fund) >= self.fund.reserve()
        self.last_logs = logs
        return paid

    def names(self) -> list[str]:
        return [name for name, _ in self.last_logs]


def with_vault(make_system, decimals: int) -> Any:
    """A fund with a vault that is a contract, wide limits, a reserve of 1,000 and a target it reaches."""
    system = make_system(decimals=decimals, has_vault=False)
    calm_vault = support.deploy("mocks/MockFundVault.vy")
    calm_vault.set_mode(0)
    system.vault = calm_vault.address
    system.calm_vault = calm_vault
    fund, governance = system.fund, system.governance
    fund.set_vault(system.vault, sender=governance)
    fund.set_daily_cap_share(WAD, sender=governance)
    fund.set_target_floor(system.units(1_000), sender=governance)
    fund.set_default_limits((fund.MAX_AMOUNT(), WAD, WAD // 10), sender=governance)
    system.add_capital(1_000)
    return system


@pytest.fixture(scope="module", params=[6, 18])
def backed(make_system, request):
    system = with_vault(make_system, request.param)
    pool = support.deploy("CommunityPool.vy", system.token, system.fund, PARAMETERS)
    system.fund.set_pool(pool, sender=system.governance)
    alice = support.actor("alice")
    system.token.mint(alice, system.units(4_000))
    system.token.approve(pool, system.units(4_000), sender=alice)
    pool.request_deposit(system.units(4_000), sender=alice)
    support.wait(ENTRY_DELAY)
    pool.activate_deposit(alice)
    return Backed(system, pool)


@pytest.fixture(scope="module")
def odd(make_system):
    """The same with a pool that does as it is told."""
    system = with_vault(make_system, 6)
    pool = support.deploy("mocks/MockPool.vy", system.token, system.fund)
    system.token.mint(pool, system.units(5_000))
    pool.set_exposed(system.units(4_000))
    system.fund.set_pool(pool, sender=system.governance)
    return Backed(system, pool)


def payable(backed: Backed, whole: int) -> int:
    quote = backed.units(whole) * backed.system.unit_quote
    return backed.fund.payable_now(MARKET, quote, 0) // backed.system.unit_quote


def test_the_reserve_pays_first(backed):
    assert backed.pay(1_000) == (backed.units(1_000), 0)
    assert backed.pool.total_drawn() == 0


def test_the_pool_pays_what_the_reserve_has_not(backed):
    assert backed.pay(1_500) == (backed.units(1_000), backed.units(500))
    assert backed.pool.total_drawn() == backed.units(500)
    assert backed.fund.reserve() == 0
    assert backed.fund.community_out() == backed.units(500)


def test_a_payment_of_both_logs(backed):
    quote = backed.units(1_500) * backed.system.unit_quote
    backed.pay(1_500)
    paid = next(fields for name, fields in backed.last_logs if name == "ClaimsPaid")
    assert paid == {
        "market": MARKET,
        "outstanding": quote,
        "amount": backed.units(1_000),
        "community": backed.units(500),
        "episode_drawn": backed.units(1_500),
        "episode_start_reserve": backed.units(5_000),
        "market_total": backed.units(1_000),
        "reserve": 0,
    }


def test_the_pool_alone_pays_when_the_reserve_is_empty(backed):
    backed.pay(1_000)
    assert backed.pay(700, market=2) == (0, backed.units(700))
    assert backed.fund.community_paid_in_market(2) == backed.units(700)
    assert backed.fund.paid_in_market(2) == 0


def test_reserve_and_pool_pay_all_they_have(backed):
    assert backed.pay(10**6) == (backed.units(1_000), backed.units(4_000))
    assert backed.pool.generation() == 1
    assert backed.pay(10**6) == (0, 0)


@pytest.mark.parametrize("whole", [1, 999, 1_000, 1_001, 4_999, 5_000, 5_001])
def test_payable_now_is_what_both_pay(backed, whole):
    promised = payable(backed, whole)
    assert promised == sum(backed.pay(whole)) == min(backed.units(whole), backed.units(5_000))


def test_the_daily_cap_holds_for_both_together(backed):
    """30 % of 5,000, of which the reserve has 1,000: the pool pays the rest."""
    backed.fund.set_daily_cap_share(3 * WAD // 10, sender=backed.system.governance)
    assert tuple(backed.fund.daily_budget()) == (
        backed.units(5_000),
        backed.units(1_500),
        0,
        backed.units(1_500),
    )
    assert backed.pay(4_000) == (backed.units(1_000), backed.units(500))
    assert payable(backed, 4_000) == 0
    assert backed.pay(4_000) == (0, 0)


def test_paying_in_pieces_allows_as_much_as_paying_at_once(backed):
    backed.fund.set_daily_cap_share(3 * WAD // 10, sender=backed.system.governance)
    paid = [backed.pay(130) for _ in range(20)]
    assert sum(map(sum, paid)) == backed.units(1_500)


def test_what_the_window_drew_returns_when_it_leaves(backed):
    backed.fund.set_daily_cap_share(3 * WAD // 10, sender=backed.system.governance)
    backed.pay(4_000)
    seconds = backed.system.window_seconds()
    support.wait(seconds - 1)
    assert payable(backed, 4_000) == 0
    support.wait(1)
    assert payable(backed, 4_000) == backed.units(3_500) * 3 // 10


def test_the_episode_cap_holds_for_both_together(backed):
    governance = backed.system.governance
    backed.fund.set_default_limits((backed.units(1_200), WAD, WAD // 10), sender=governance)
    assert backed.pay(4_000) == (backed.units(1_000), backed.units(200))
    support.wait(10 * 86_400)
    assert backed.pay(4_000) == (0, 0)
    assert backed.pay(4_000, market=2) == (0, backed.units(1_200))


def test_the_episode_share_is_of_both(backed):
    governance = backed.system.governance
    backed.fund.set_default_limits((backed.fund.MAX_AMOUNT(), WAD // 2, WAD // 10), sender=governance)
    assert backed.pay(4_000) == (backed.units(1_000), backed.units(1_500))


def test_entries_are_not_counted(backed):
    bob = support.actor("bob")
    backed.system.token.mint(bob, backed.units(100))
    backed.system.token.approve(backed.pool, backed.units(100), sender=bob)
    backed.pool.request_deposit(backed.units(100), sender=bob)
    assert payable(backed, 10**6) == backed.units(5_000)


def test_stakers_money_never_enters_the_reserve(backed):
    backed.pay(3_000)
    sources = [backed.fund.total_in(1 << bit) for bit in range(6)]
    assert sources == [0, 0, 0, backed.units(1_000), 0, 0]
    assert backed.system.token.balanceOf(backed.fund) == backed.fund.reserve() == 0
    assert backed.fund.recognise_donation() == 0


# Inflows


def test_a_share_of_inflows_goes_to_the_pool(backed):
    backed.fund.set_pool_share(WAD // 4, sender=backed.system.governance)
    backed.system.receive(trading_fees=100, funding=40, liquidation=20)
    logs = backed.system.logs()

    assert backed.fund.reserve() == backed.units(1_120)
    assert [backed.fund.total_in(1 << bit) for bit in range(3)] == [
        backed.units(75),
        backed.units(30),
        backed.units(15),
    ]
    assert backed.fund.community_in() == backed.pool.total_inflow() == backed.units(40)
    assert ("PoolInflow", {"amount": backed.units(40), "total": backed.units(40)}) in logs
    support.wait(VESTING)
    assert backed.pool.totalAssets() == backed.units(4_040)


def test_the_pools_share_rounds_down_for_each_source(backed):
    backed.fund.set_pool_share(WAD // 2, sender=backed.system.governance)
    backed.system.token.mint(backed.fund, 9)
    backed.fund.receive_inflow(3, 3, 3, sender=backed.system.vault)
    assert backed.fund.community_in() == 3
    assert backed.fund.reserve() == backed.units(1_000) + 6


def test_without_a_share_the_pool_gets_nothing(backed):
    backed.system.receive(trading_fees=100)
    assert backed.fund.community_in() == 0
    assert backed.fund.reserve() == backed.units(1_100)


def test_without_stakers_the_pool_gets_nothing(odd):
    odd.fund.set_pool_share(WAD // 4, sender=odd.system.governance)
    odd.pool.set_supply(0)
    odd.system.receive(trading_fees=100)
    assert odd.fund.reserve() == odd.units(1_100)


@pytest.mark.parametrize("behaviour", [REVERTS, BURNS_GAS])
def test_a_pool_that_refuses_an_inflow_stops_nothing(odd, behaviour):
    """What it did not count can be swept back; meanwhile it gets no more."""
    odd.fund.set_pool_share(WAD // 4, sender=odd.system.governance)
    odd.pool.set_behaviour(behaviour, WORKS)
    odd.system.receive(trading_fees=100)
    assert odd.fund.reserve() == odd.units(1_075)
    assert odd.fund.community_in() == odd.units(25)
    assert odd.fund.pool_retry_at() == boa.env.timestamp + odd.fund.RETRY_SECONDS()

    odd.system.receive(trading_fees=100)
    assert odd.fund.reserve() == odd.units(1_175)


def test_a_token_that_refuses_the_pool_stops_nothing(make_system):
    system = make_system("mocks/MockTokenBlocklist.vy")
    pool = support.deploy("mocks/MockPool.vy", system.token, system.fund)
    system.fund.set_pool(pool, sender=system.governance)
    system.fund.set_pool_share(WAD // 4, sender=system.governance)
    system.token.set_blocked(pool, True)
    system.receive(trading_fees=100)

    assert system.fund.reserve() == system.units(75)
    assert system.fund.community_in() == 0
    assert system.fund.recognise_donation() == system.units(25)


# A broken pool


@pytest.mark.parametrize("behaviour", [REVERTS, BURNS_GAS, BRINGS_NOTHING])
def test_a_pool_that_does_not_pay_leaves_the_reserve_to_pay(odd, behaviour):
    odd.pool.set_behaviour(behaviour, WORKS)
    assert odd.pay(1_500) == (odd.units(1_000), 0)
    assert [name for name in odd.names() if name != "Transfer"] == ["PoolFailed", "ClaimsPaid"]


def test_a_pool_that_failed_counts_as_absent_for_an_hour(odd):
    """Or the next tiers would wait for it: they open only when nothing can be paid."""
    odd.pool.set_behaviour(REVERTS, WORKS)
    odd.pay(1_500)
    assert payable(odd, 1_500) == 0
    support.wait(odd.fund.RETRY_SECONDS() - 1)
    assert payable(odd, 1_500) == 0
    support.wait(1)
    odd.pool.set_behaviour(WORKS, WORKS)
    assert odd.pay(1_500) == (0, odd.units(1_500))


def test_a_pool_that_brings_less_is_believed_what_it_brought(odd):
    odd.pool.set_behaviour(BRINGS_LESS, WORKS)
    assert odd.pay(1_500) == (odd.units(1_000), odd.units(500) - 1)
    assert odd.fund.pool_retry_at() == boa.env.timestamp + odd.fund.RETRY_SECONDS()


def test_what_a_pool_brings_too_much_is_not_paid(odd):
    odd.pool.set_behaviour(BRINGS_MORE, WORKS)
    assert odd.pay(1_500) == (odd.units(1_000), odd.units(500))
    assert odd.fund.recognise_donation() == 1


@pytest.mark.parametrize("behaviour", [REVERTS, BURNS_GAS])
def test_a_pool_that_does_not_answer_counts_as_empty(odd, behaviour):
    odd.pool.set_behaviour(WORKS, behaviour)
    assert payable(odd, 1_500) == odd.units(1_000)
    assert odd.pay(1_500) == (odd.units(1_000), 0)
    assert odd.fund.pool_retry_at() == 0


def test_a_pool_that_boasts_overflows_nothing(odd):
    odd.pool.set_exposed(2**256 - 1)
    assert payable(odd, 1_500) == odd.units(1_500)
    assert odd.fund.payable_now(MARKET, 2**256 - 1, 0) < 2**256


def test_too_little_gas_cannot_make_the_pool_fail(odd):
    """At every amount of gas the payment is whole, or reverts."""
    quote = odd.units(1_500) * odd.system.unit_quote
    outcomes = set()
    for gas in range(30_000, 480_000, 15_000):
        with boa.env.anchor():
            try:
                payment = odd.fund.pay(MARKET, quote, 0, sender=odd.system.vault, gas=gas)
            except boa.BoaError:
                continue
            outcomes.add(tuple(payment))
    assert outcomes == {(1_000 * WAD, 500 * WAD)}


def test_with_too_little_gas_for_the_pool_a_payment_reverts(odd):
    quote = odd.units(1_500) * odd.system.unit_quote
    with boa.reverts("fund: not enough gas"):
        odd.fund.pay(MARKET, quote, 0, sender=odd.system.vault, gas=120_000)


@pytest.mark.parametrize("behaviour", [WORKS, BURNS_GAS])
def test_a_payment_of_both_needs_no_more_gas_than_the_vault_gives(odd, backed, behaviour):
    """The vault gives 450,000 (fund_payments.PAY_GAS), call data and base cost not counted."""
    odd.pool.set_behaviour(behaviour, WORKS)
    for one in (odd, backed):
        quote = one.units(1_500) * one.system.unit_quote
        one.fund.pay(MARKET, quote, 10**24, sender=one.system.vault, gas=450_000)
        assert one.fund.reserve() == 0


# Wiring


def test_the_pool_is_named_once(backed):
    with boa.reverts("fund: pool already set"):
        backed.fund.set_pool(backed.pool, sender=backed.system.governance)


def test_naming_the_pool_logs(system):
    pool = support.deploy("mocks/MockPool.vy", system.token, system.fund)
    system.fund.set_pool(pool, sender=system.governance)
    assert system.logs() == [("PoolSet", {"pool": pool.address})]
    assert system.fund.community_pool() == pool.address


def test_a_pool_of_another_fund_is_refused(system):
    pool = support.deploy("mocks/MockPool.vy", system.token, system.stranger)
    with boa.reverts("fund: pool of another fund"):
        system.fund.set_pool(pool, sender=system.governance)


@pytest.mark.parametrize("call", ["set_pool", "set_pool_share"])
def test_only_governance_wires_the_pool(backed, call):
    argument = backed.pool if call == "set_pool" else 0
    with boa.reverts("ownable: caller is not the owner"):
        getattr(backed.fund, call)(argument, sender=backed.system.stranger)


def test_the_pools_share_has_a_bound(backed):
    bound = backed.fund.MAX_POOL_SHARE()
    backed.fund.set_pool_share(bound, sender=backed.system.governance)
    assert backed.system.logs() == [("PoolShareSet", {"old_pool_share": 0, "new_pool_share": bound})]
    with boa.reverts("fund: bad pool share"):
        backed.fund.set_pool_share(bound + 1, sender=backed.system.governance)


# Calm


def test_calm_without_claims_in_normal_mode(backed):
    assert backed.fund.is_calm()
    assert backed.pool.is_calm()


@pytest.mark.parametrize("market", [0, 31])
def test_not_calm_while_a_market_has_claims(backed, market):
    backed.system.calm_vault.set_claims(1 << market)
    assert not backed.fund.is_calm()
    assert not backed.pool.is_calm()


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_not_calm_unless_the_mode_is_normal(backed, mode):
    backed.system.calm_vault.set_mode(mode)
    assert not backed.fund.is_calm()


def test_not_calm_without_an_answer_of_the_vault(system):
    """Here the vault is no contract."""
    assert not system.fund.is_calm()


def test_nobody_leaves_the_pool_while_claims_are_open(backed):
    alice = support.actor("alice")
    backed.pool.request_exit(backed.units(10) * VIRTUAL, sender=alice)
    support.wait(backed.pool.parameters().cooldown)
    backed.system.calm_vault.set_claims(1)
    with boa.reverts("pool: not calm"):
        backed.pool.execute_exit(sender=alice)
    backed.system.calm_vault.set_claims(0)
    backed.pool.execute_exit(sender=alice)
