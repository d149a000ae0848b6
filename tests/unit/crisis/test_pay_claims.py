"""
Payments of the fund, whatever the fund does: it pays, partly, nothing, too much, reverts, burns gas, lies.
"""

import boa
import pytest

from tests.kernel import COMMUNITY, INSURANCE_FUND, RESERVE, wad
from tests.support import actor
from tests.unit.crisis.scene import Scene, fresh

REVERTS, BURNS_GAS, ANSWERS_SHORT = 1, 2, 3


def crash(scene: Scene, market: int = 0, name: str = "loser") -> int:
    """A claim of 40 in a market."""
    winner = scene.account(f"winner of {name}", 5000)
    loser = scene.account(name, 60)
    scene.open(loser, winner, 10, market=market)
    scene.move(10, market=market)
    scene.kernel.absorb(loser)
    return loser


def failure(scene: Scene) -> tuple[int, int]:
    """When the fund failed, and until when the last tiers are open."""
    word = scene.vault.settings()[2]
    return word & (2**40 - 1), word >> 40


def deleverage_reverts(scene: Scene, reason: str = "crisis: fund can pay") -> None:
    with boa.env.prank(actor("allocator")), boa.reverts(reason):
        scene.vault.deleverage(0, 10)


@pytest.mark.parametrize(("reserve", "community"), [(40, 0), (25, 15), (0, 40), (100, 100)])
def test_fund_pays_all(scene, reserve, community):
    crash(scene)
    fund = scene.with_fund(reserve, community)
    assert scene.vault.pay_claims(0) == wad(40)
    logs = [log for log in scene.logs() if log[0] != "Transfer"]
    from_reserve, from_community = wad(min(reserve, 40)), wad(40 - min(reserve, 40))
    size, worth = scene.side * wad(10), scene.side * 10 * scene.price(10)
    start = boa.env.timestamp
    expected = [("FundPaid", 0, from_reserve, from_community)]
    if from_reserve:
        expected.append(("ClaimPaid", 0, 0, RESERVE, from_reserve, wad(40) - from_reserve))
    if from_community:
        expected.append(("ClaimPaid", 0, 0, COMMUNITY, from_community, 0))
    assert logs == [*expected, ("InventoryChanged", 0, size, worth, 0, 0, start, start)]
    assert (fund.last_market(), fund.last_outstanding()) == (0, wad(40))
    assert fund.last_open_interest() == 10 * scene.price(10)
    claim = scene.kernel.claims()[0]
    assert (claim.reserve, claim.community, claim.outstanding) == (from_reserve, from_community, 0)
    assert scene.kernel.inventory().equity == 0
    scene.kernel.assert_conserved()


def test_payment_with_any_token(any_decimals):
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(any_decimals, side)
            crash(scene)
            scene.with_fund(reserve=12.5)
            assert scene.vault.pay_claims(0) == wad(12.5)
            scene.kernel.assert_conserved()


def test_partial_payments_add_up(scene):
    crash(scene)
    fund = scene.with_fund(reserve=10)
    scene.vault.pay_claims(0)
    fund.set_budgets(0, wad(12) // scene.kernel.scale)
    scene.vault.pay_claims(0)
    claim = scene.kernel.claims()[0]
    assert (claim.reserve, claim.community, claim.outstanding) == (wad(10), wad(12), wad(18))
    scene.kernel.assert_conserved()


def test_claims_of_a_market_are_paid_oldest_first(scene):
    winner = scene.account("winner", 5000)
    first, second = (scene.bankrupt(winner, sub=n) for n in range(2))
    scene.move(10)
    scene.kernel.absorb(first)
    scene.kernel.absorb(second)
    scene.with_fund(reserve=50)
    scene.vault.pay_claims(0)
    claims = scene.kernel.claims()
    assert [(c.account, c.reserve, c.outstanding) for c in claims] == [
        (first, wad(40), 0),
        (second, wad(10), wad(30)),
    ]
    scene.kernel.assert_conserved()


def test_fund_that_pays_nothing(scene):
    crash(scene)
    fund = scene.with_fund()
    assert scene.vault.pay_claims(0) == 0
    assert [log[0] for log in scene.logs() if log[0] != "Transfer"] == ["InventoryChanged"]
    assert fund.calls() == 1
    assert scene.kernel.claims()[0].outstanding == wad(40)
    assert failure(scene) == (0, 0)
    scene.kernel.assert_conserved()


def test_no_fund_at_all(scene):
    crash(scene)
    assert scene.vault.pay_claims(0) == 0
    assert scene.kernel.claims()[0].outstanding == wad(40)
    scene.kernel.assert_conserved()


def test_a_call_without_claims_tells_the_fund_so(scene):
    fund = scene.with_fund(reserve=100)
    assert scene.vault.pay_claims(0) == 0
    assert (fund.calls(), fund.last_outstanding()) == (1, 0)
    scene.kernel.assert_conserved()


# --- a fund that lies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "booked"),
    [((500, 0), (25, 0)), ((0, 0), (25, 0)), ((0, 500), (0, 25)), ((20, 5), (20, 5))],
)
def test_what_counts_is_what_arrived(scene, said, booked):
    """25 arrive; of the answer only the community's part of that is believed."""
    crash(scene)
    fund = scene.with_fund(reserve=25)
    fund.set_lie(wad(said[0]), wad(said[1]))
    assert scene.vault.pay_claims(0) == wad(25)
    claim = scene.kernel.claims()[0]
    assert (claim.reserve, claim.community) == (wad(booked[0]), wad(booked[1]))
    assert claim.outstanding == wad(15)
    scene.kernel.assert_conserved()


def test_fund_that_pays_too_much_makes_a_cushion(scene):
    crash(scene)
    fund = scene.with_fund(reserve=40)
    fund.set_excess(wad(7) // scene.kernel.scale)
    assert scene.vault.pay_claims(0) == wad(47)
    assert scene.kernel.claims()[0].reserve == wad(40)
    assert scene.kernel.inventory().equity == wad(7)
    scene.kernel.assert_conserved()


def test_payment_nobody_needs_becomes_surplus(scene):
    """Without claims and inventory it is counted with what liquidations have earned, so it goes back."""
    fund = scene.with_fund()
    fund.set_excess(wad(7) // scene.kernel.scale)
    assert scene.vault.pay_claims(0) == wad(7)
    assert ("SurplusTaken", 0, wad(7)) in scene.logs()
    assert scene.vault.fee_state().surplus == wad(7)
    scene.kernel.assert_conserved()


# --- a fund that fails -------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", [REVERTS, BURNS_GAS, ANSWERS_SHORT])
def test_failure_is_recorded_and_stops_nobody(scene, behaviour):
    crash(scene)
    fund = scene.with_fund()
    fund.set_behaviour(behaviour, REVERTS)
    assert scene.vault.pay_claims(0) == 0
    now = boa.env.timestamp
    assert ("FundFailed", 0, now, 0) in scene.logs()
    assert failure(scene) == (now, 0)
    assert scene.kernel.claims()[0].outstanding == wad(40)
    scene.move(10)
    scene.kernel.assert_conserved()


def test_failing_fund_costs_at_most_its_allowance_of_gas(scene):
    crash(scene)
    scene.vault.pay_claims(0)
    cheap = scene.gas()
    fund = scene.with_fund()
    fund.set_behaviour(BURNS_GAS, BURNS_GAS)
    scene.vault.pay_claims(0)
    assert scene.gas() - cheap < 450_000 + 60_000


def test_too_little_gas_is_no_failure_of_the_fund(scene):
    """D06: the caller must leave enough for the fund, or nothing happens at all."""
    crash(scene)
    scene.with_fund(reserve=40)
    before = scene.snapshot()
    with boa.reverts("crisis: not enough gas"):
        scene.vault.pay_claims(0, gas=500_000)
    assert scene.snapshot() == before


def test_one_failure_never_opens_the_last_tiers(scene):
    crash(scene)
    fund = scene.with_fund(reserve=40)
    fund.set_behaviour(REVERTS, REVERTS)
    scene.vault.pay_claims(0)
    deleverage_reverts(scene)
    scene.move(10, seconds=599)
    assert failure(scene)[1] == 0
    deleverage_reverts(scene)
    scene.kernel.assert_conserved()


def test_two_failures_ten_minutes_apart_open_them_for_a_batchs_time(scene):
    crash(scene)
    fund = scene.with_fund(reserve=40)
    fund.set_behaviour(REVERTS, REVERTS)
    scene.vault.pay_claims(0)
    scene.move(10, seconds=600)
    now = boa.env.timestamp
    assert failure(scene) == (now, now + 3600)
    scene.kernel.deleverage()
    assert scene.kernel.claims()[0].adl == wad(40)
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("seconds", "is_open"), [(3599, True), (3600, False)])
def test_they_close_again(scene, seconds, is_open):
    crash(scene)
    fund = scene.with_fund(reserve=40)
    fund.set_behaviour(REVERTS, REVERTS)
    scene.vault.pay_claims(0)
    scene.move(10, seconds=600)
    # a mark without a second failure: the fund is not asked while it is not there
    with scene.as_governance():
        scene.vault.set_role(INSURANCE_FUND, "0x0000000000000000000000000000000000000000")
    scene.move(10, seconds=seconds)
    with scene.as_governance():
        scene.vault.set_role(INSURANCE_FUND, fund.address)
    if is_open:
        scene.kernel.deleverage()
    else:
        deleverage_reverts(scene)
    scene.kernel.assert_conserved()


def test_success_in_between_forgets_the_failure(scene):
    crash(scene)
    fund = scene.with_fund()
    fund.set_behaviour(REVERTS, REVERTS)
    scene.vault.pay_claims(0)
    scene.move(10, seconds=300)
    fund.set_behaviour(0, REVERTS)
    scene.move(10, seconds=200)
    assert ("FundFailed", 0, 0, 0) in scene.logs()
    assert failure(scene) == (0, 0)
    fund.set_behaviour(REVERTS, REVERTS)
    scene.move(10, seconds=200)
    assert failure(scene) == (boa.env.timestamp, 0)
    deleverage_reverts(scene)
    scene.kernel.assert_conserved()


def test_success_closes_tiers_that_two_failures_opened(scene):
    crash(scene)
    fund = scene.with_fund(reserve=10)
    fund.set_behaviour(REVERTS, REVERTS)
    scene.vault.pay_claims(0)
    scene.move(10, seconds=600)
    fund.set_behaviour(0, 0)
    fund.set_budgets(wad(10) // scene.kernel.scale, 0)
    scene.vault.pay_claims(0)
    assert failure(scene) == (0, 0)
    fund.set_budgets(wad(10) // scene.kernel.scale, 0)
    deleverage_reverts(scene)
    assert scene.kernel.claims()[0].reserve == wad(10)
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("view_behaviour", [REVERTS, BURNS_GAS, ANSWERS_SHORT])
def test_fund_whose_view_fails_counts_as_able(scene, view_behaviour):
    """Nobody knows what it would pay, so winners wait (until it has been seen to fail twice)."""
    crash(scene)
    fund = scene.with_fund()
    fund.set_behaviour(REVERTS, view_behaviour)
    before = scene.snapshot()
    deleverage_reverts(scene)
    assert scene.snapshot() == before


# --- first in, first out over the markets ------------------------------------------------------------------


def test_older_claim_of_another_market_comes_first(scene):
    crash(scene, market=1, name="older")
    crash(scene, market=0, name="newer")
    fund = scene.with_fund(reserve=50)
    before = scene.snapshot()
    with boa.reverts("claims: older claim first"):
        scene.vault.pay_claims(0)
    assert scene.snapshot() == before
    # a mark goes on without paying
    scene.move(10)
    assert fund.calls() == 0
    assert scene.vault.pay_claims(1) == wad(40)
    assert scene.vault.pay_claims(0) == wad(10)
    assert [c.reserve for c in scene.kernel.claims()] == [wad(40), wad(10)]
    scene.kernel.assert_conserved()


def test_older_claim_still_comes_first_when_a_third_market_has_recovered(scene):
    crash(scene, market=1, name="older")
    crash(scene, market=0, name="newer")
    crash(scene, market=2, name="newest")
    scene.move(0, market=2)
    assert scene.kernel.inventory(2).outstanding == 0
    scene.with_fund(reserve=50)
    with boa.reverts("claims: older claim first"):
        scene.vault.pay_claims(0)
    assert scene.vault.pay_claims(1) == wad(40)
    scene.kernel.assert_conserved()


def test_older_claim_the_fund_cannot_pay_blocks_nobody(scene):
    """Its market's draw is used up, say: the younger one is paid."""
    crash(scene, market=1, name="older")
    crash(scene, market=0, name="newer")
    fund = scene.with_fund(reserve=40)
    fund.set_promise(0)
    assert scene.vault.pay_claims(0) == wad(40)
    assert [c.outstanding for c in scene.kernel.claims()] == [wad(40), 0]
    scene.kernel.assert_conserved()


def test_order_is_by_oldest_outstanding_claim(scene):
    """Once the older market's first claim is paid, its next one is younger than the other market's."""
    crash(scene, market=1, name="first")
    crash(scene, market=0, name="loser")
    scene.move(11, market=1)
    scene.with_fund(reserve=40)
    # the 10 that market 1 has lost since are its youngest claim; the first is paid now
    scene.vault.pay_claims(1)
    claims = scene.kernel.claims()
    assert [c.outstanding for c in claims] == [0, wad(40), wad(10)]
    fund = scene.with_fund(reserve=5)
    with boa.reverts("claims: older claim first"):
        scene.vault.pay_claims(1)
    assert scene.vault.pay_claims(0) == wad(5)
    assert fund.last_market() == 0
    scene.kernel.assert_conserved()


# --- when it may not ---------------------------------------------------------------------------------------


def test_pay_claims_of_an_unknown_market_reverts(scene):
    with boa.reverts("market: unknown"):
        scene.vault.pay_claims(3)


def test_pay_claims_refuses_a_direct_call(shared_kernel):
    with boa.reverts("kernel: direct call"):
        shared_kernel.parts["MarginVaultCrisis"].pay_claims(0)


def test_anyone_may_ask(scene):
    crash(scene)
    scene.with_fund(reserve=40)
    with boa.env.prank(actor("attacker")):
        assert scene.vault.pay_claims(0) == wad(40)
    assert scene.kernel.claims()[0].outstanding == 0
    scene.kernel.assert_conserved()
