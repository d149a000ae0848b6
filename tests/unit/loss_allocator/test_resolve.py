"""LossAllocator.resolve: the fund first, then the policy's tiers in order, and a true receipt of it all."""

import boa
import pytest

from tests.unit.liquidation_engine.kernel import WAD, error, logged
from tests.unit.loss_allocator.conftest import MARKET, NAMES

DELEVERAGE, ROUND, CLOSE, SIDE = 1, 2, 3, 4
ALL = (DELEVERAGE, ROUND, CLOSE)

NOT_APPLICABLE = [
    "crisis: no deficit",
    "crisis: fund can pay",
    "crisis: no inventory",
    "crisis: nothing reachable",
    "crisis: round too soon",
    "crisis: deficit first",
    "crisis: no claim since empty",
]
BLOCKING = [
    "market: stale mark",
    "crisis: not enough gas",
    "round: too few cohorts",
    "vault: not loss allocator",
    "crisis",
    "crisis:",
]


# --- the walk -----------------------------------------------------------------------------------------------


def test_resolve_default_policy_does_round_and_close_at_one_go(system, attacker):
    round_answer = system.answers(ROUND, cohorts=4)
    close_answer = system.answers(CLOSE, cohorts=3)

    receipt = system.resolve_all(10, sender=attacker)

    steps = [system.did(ROUND, 10, round_answer), system.did(CLOSE, 6, close_answer)]
    steps.append(system.refused(SIDE, 3, "crisis: no deficit"))
    assert receipt == ([ROUND, CLOSE], 10, True, 0, "", steps, True)
    assert logged(system.allocator) == [("Resolved", MARKET, attacker, receipt)]
    assert system.kernel.calls() == [
        ("pay_claims", MARKET),
        ("charge_round", MARKET, 10),
        ("close_at_mark", MARKET, 6),
    ]
    assert system.kernel.callers() == {system.allocator.address}


@pytest.mark.parametrize("tiers", [(1,), (2, 1), (1, 2, 3), (3, 2, 1), (1, 3), (3, 1, 2)])
def test_resolve_follows_the_policy(system, tiers):
    system.set_policy(*tiers)
    answers = [system.answers(tier) for tier in tiers]

    receipt = system.resolve(10)

    steps = [
        system.did(tier, 10 - place, answer)
        for place, (tier, answer) in enumerate(zip(tiers, answers, strict=True))
    ]
    assert receipt == (list(tiers), 10, True, 0, "", steps, True)
    assert system.called() == [(NAMES[tier], 10 - place) for place, tier in enumerate(tiers)]


@pytest.mark.parametrize("reason", NOT_APPLICABLE)
def test_resolve_passes_over_a_tier_that_does_not_apply(system, reason):
    system.set_policy(*ALL)
    system.refuses(DELEVERAGE, reason)
    round_answer = system.answers(ROUND)
    system.refuses(CLOSE, reason)

    receipt = system.resolve(10)

    assert receipt[5:] == (
        [
            system.refused(DELEVERAGE, 10, reason),
            system.did(ROUND, 10, round_answer),
            system.refused(CLOSE, 9, reason),
        ],
        True,
    )
    assert system.called() == [("charge_round", 10)]


@pytest.mark.parametrize("tier", ALL)
def test_resolve_waits_for_a_tier_that_is_not_done(system, tier):
    """What comes after it is left for another call, even if there were work left for this one."""
    later = DELEVERAGE if tier != DELEVERAGE else ROUND
    system.set_policy(tier, later)
    answer = system.answers(tier, cohorts=7, is_done=False)
    system.answers(later)

    receipt = system.resolve(10)

    assert receipt[5:] == ([system.did(tier, 10, answer)], False)
    assert system.called() == [(NAMES[tier], 10)]


def test_resolve_goes_on_where_it_stopped(system):
    system.set_policy(*ALL)
    system.answers(DELEVERAGE, cohorts=10, is_done=False)
    assert system.resolve(10)[6] is False

    system.answers(DELEVERAGE, cohorts=2)
    system.answers(ROUND)
    system.answers(CLOSE)
    assert system.resolve(10)[6] is True

    assert system.called() == [
        ("deleverage", 10),
        ("deleverage", 10),
        ("charge_round", 8),
        ("close_at_mark", 7),
    ]


@pytest.mark.parametrize("cohorts", [10, 11])
def test_resolve_without_work_left_stops_before_the_next_tier(system, cohorts):
    answer = system.answers(ROUND, cohorts=cohorts)

    receipt = system.resolve(10)

    assert receipt[5:] == ([system.did(ROUND, 10, answer)], False)
    assert system.called() == [("charge_round", 10)]


def test_resolve_with_one_generation_of_work_left_calls_the_next_tier(system):
    system.answers(ROUND, cohorts=8)
    system.answers(CLOSE, cohorts=1)

    assert system.resolve(10)[6] is True

    assert system.called() == [("charge_round", 10), ("close_at_mark", 2)]


# --- the side charge, behind every policy -------------------------------------------------------------------


@pytest.mark.parametrize("tiers", [(1,), (2,), (2, 3), (3, 1, 2)])
def test_resolve_charges_the_side_after_the_tiers_of_any_policy(system, tiers):
    system.set_policy(*tiers)
    for tier in tiers:
        system.refuses(tier, "crisis: nothing reachable")
    charge = system.charges(cohorts=3)

    receipt = system.resolve_all(10)

    refused = [system.refused(tier, 10, "crisis: nothing reachable") for tier in tiers]
    assert receipt[5:] == ([*refused, system.did(SIDE, 10, charge)], True)
    assert system.called() == [("charge_side", 10)]


def test_resolve_charges_the_side_with_the_work_that_is_left(system):
    system.answers(ROUND, cohorts=4)
    system.answers(CLOSE, cohorts=5)
    charge = system.charges()

    receipt = system.resolve_all(10)

    assert receipt[5][2] == system.did(SIDE, 1, charge)
    assert receipt[6] is True


@pytest.mark.parametrize("tier", [ROUND, CLOSE])
def test_resolve_charges_no_side_while_a_tier_is_not_done(system, tier):
    system.answers(ROUND)
    system.answers(CLOSE)
    system.answers(tier, is_done=False)
    system.charges()

    receipt = system.resolve_all(10)

    assert receipt[6] is False
    assert "charge_side" not in [name for name, _ in system.called()]


@pytest.mark.parametrize("reason", ["crisis: profit first", "crisis: side charge waits"])
def test_resolve_is_done_where_the_side_charge_is_not_due(system, reason):
    system.answers(ROUND)
    system.answers(CLOSE)
    system.refuses(SIDE, reason)

    receipt = system.resolve_all(10)

    assert receipt[5][2] == system.refused(SIDE, 8, reason)
    assert receipt[6] is True


def test_resolve_is_not_done_where_the_side_charge_needs_more_cohorts(system):
    system.answers(ROUND)
    system.answers(CLOSE)
    system.refuses(SIDE, "tiers: too few cohorts")

    receipt = system.resolve_all(10)

    assert receipt[5][2] == system.refused(SIDE, 8, "tiers: too few cohorts")
    assert receipt[6] is False


def test_policy_cannot_have_the_side_charge(system):
    with boa.reverts("allocator: unknown tier"):
        system.set_policy(ROUND, SIDE)


# --- failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", BLOCKING)
def test_resolve_never_passes_over_a_tier_that_fails(system, reason):
    system.set_policy(*ALL)
    answer = system.answers(DELEVERAGE)
    system.refuses(ROUND, reason)
    system.answers(CLOSE)

    receipt = system.resolve(10)

    assert receipt[5:] == (
        [system.did(DELEVERAGE, 10, answer), system.refused(ROUND, 9, reason)],
        False,
    )
    assert system.called() == [("deleverage", 10)]


@pytest.mark.parametrize("reason", BLOCKING)
def test_resolve_blocked_at_once_reverts_with_the_reason(system, reason):
    system.refuses(ROUND, reason)
    system.answers(CLOSE)

    with boa.reverts(reason):
        system.resolve()

    assert system.kernel.calls() == []


def test_resolve_blocked_after_a_tier_that_does_not_apply_reverts_with_the_reason(system):
    system.refuses(ROUND, "crisis: no deficit")
    system.refuses(CLOSE, "market: stale mark")

    with boa.reverts("market: stale mark"):
        system.resolve()

    assert system.kernel.calls() == []


@pytest.mark.parametrize("data", [b"", b"\x08\xc3\x79\xa0", b"\xff" * 99, b"\xff" * 320, error("")], ids=len)
def test_resolve_failure_without_reason_reverts(system, data):
    system.kernel.fails("charge_round", MARKET, data)
    system.answers(CLOSE)

    with boa.reverts("allocator: call failed"):
        system.resolve()

    assert system.kernel.calls() == []


def test_resolve_tier_out_of_gas_is_not_passed_over(system):
    """The sixty-fourth of the gas that is left must not let the caller skip the queue."""
    system.set_policy(DELEVERAGE, ROUND)
    system.kernel.burns_gas("deleverage", MARKET)
    system.answers(ROUND)

    with boa.reverts("allocator: call failed"):
        system.resolve()

    assert system.kernel.calls() == []


def test_resolve_does_not_go_on_behind_a_round_that_needs_more_work(system):
    """Attack X19: what the fund paid stands; the tier behind the round is left for a call with more work."""
    system.set_policy(ROUND, DELEVERAGE, CLOSE)
    system.kernel.answers("pay_claims", MARKET, 5 * WAD)
    system.refuses(ROUND, "round: too few cohorts")
    answers = {tier: system.answers(tier) for tier in (DELEVERAGE, CLOSE)}

    receipt = system.resolve(1)

    assert receipt[3:] == (5 * WAD, "", [system.refused(ROUND, 1, "round: too few cohorts")], False)
    assert system.called() == []
    answers[ROUND] = system.answers(ROUND, cohorts=2)

    receipt = system.resolve(10)

    steps = [
        system.did(tier, left, answers[tier]) for tier, left in ((ROUND, 10), (DELEVERAGE, 8), (CLOSE, 7))
    ]
    assert receipt[5:] == (steps, True)


def test_resolve_cuts_a_long_reason(system):
    system.kernel.answers("pay_claims", MARKET, 1)
    system.refuses(ROUND, "x" * 40)

    assert system.resolve()[5] == [system.refused(ROUND, 10, "x" * 32)]


def test_resolve_long_reason_beginning_with_crisis_is_passed_over(system):
    system.refuses(ROUND, "crisis: " + "x" * 40)
    system.answers(CLOSE)

    assert [step[2] for step in system.resolve()[5]] == [False, True]


def test_resolve_nothing_to_do_reverts(idle):
    with boa.reverts("allocator: nothing to do"):
        idle.resolve()

    assert idle.kernel.calls() == []


def test_resolve_tier_answering_too_little_reverts(system):
    """A short answer is never read as success."""
    system.kernel.answers("charge_round", MARKET, 1, 2, 3, 4)

    with boa.reverts():
        system.resolve()

    assert system.kernel.calls() == []


# --- the fund -----------------------------------------------------------------------------------------------


def test_resolve_payment_of_the_fund_alone_is_enough(idle):
    idle.kernel.answers("pay_claims", MARKET, 5 * WAD)

    receipt = idle.resolve()

    steps = [idle.refused(ROUND, 10, "crisis: no deficit"), idle.refused(CLOSE, 10, "crisis: no inventory")]
    assert receipt == ([ROUND, CLOSE], 10, True, 5 * WAD, "", steps, True)
    assert idle.kernel.calls() == [("pay_claims", MARKET)]


def test_resolve_keeps_the_funds_payment_when_a_tier_fails(system):
    system.kernel.answers("pay_claims", MARKET, 5 * WAD)
    system.refuses(ROUND, "market: stale mark")

    receipt = system.resolve()

    steps = [system.refused(ROUND, 10, "market: stale mark")]
    assert receipt == ([ROUND, CLOSE], 10, True, 5 * WAD, "", steps, False)


def test_resolve_goes_on_when_the_fund_fails(system):
    system.kernel.refuses("pay_claims", MARKET, "claims: older claim first")
    round_answer, close_answer = system.answers(ROUND), system.answers(CLOSE)

    receipt = system.resolve()

    steps = [system.did(ROUND, 10, round_answer), system.did(CLOSE, 9, close_answer)]
    assert receipt == ([ROUND, CLOSE], 10, False, 0, "claims: older claim first", steps, True)
    assert system.called() == [("charge_round", 10), ("close_at_mark", 9)]


def test_resolve_goes_on_when_the_fund_burns_its_gas(system):
    system.kernel.burns_gas("pay_claims", MARKET)
    system.answers(ROUND)
    system.answers(CLOSE)

    receipt = system.allocator.resolve(MARKET, 10, gas=system.allocator.PAY_CLAIMS_GAS() + 1_000_000)

    assert (receipt.is_fund_ok, receipt.fund_reason, receipt.is_done) == (False, "", True)


def test_resolve_nothing_to_do_but_the_funds_failure_reverts_with_its_reason(idle):
    idle.kernel.refuses("pay_claims", MARKET, "claims: older claim first")

    with boa.reverts("claims: older claim first"):
        idle.resolve()


def test_resolve_nothing_to_do_but_a_failure_of_the_fund_without_reason_reverts(idle):
    idle.kernel.fails("pay_claims", MARKET)

    with boa.reverts("allocator: call failed"):
        idle.resolve()


# --- an open round ------------------------------------------------------------------------------------------


@pytest.fixture
def open_round(system):
    """A round that an earlier call left open: everything else is refused."""
    system.kernel.refuses("pay_claims", MARKET, "market: round open")
    system.refuses(DELEVERAGE, "market: round open")
    system.refuses(CLOSE, "market: round open")
    return system


@pytest.mark.parametrize("tiers", [(DELEVERAGE,), (DELEVERAGE, CLOSE), (DELEVERAGE, ROUND, CLOSE)])
def test_resolve_open_round_comes_first_under_any_policy(open_round, tiers):
    """Or a change of policy in its middle would hold the market for ever."""
    open_round.set_policy(*tiers)
    answer = open_round.answers(ROUND, cohorts=10, is_done=False)

    receipt = open_round.resolve(10)

    steps = [open_round.did(ROUND, 10, answer)]
    assert receipt == (list(tiers), 10, False, 0, "market: round open", steps, False)


def test_resolve_finished_round_lets_the_policy_begin(open_round):
    open_round.set_policy(*ALL)
    answer = open_round.answers(ROUND, cohorts=2)
    deleverage_answer, close_answer = open_round.answers(DELEVERAGE), open_round.answers(CLOSE)

    receipt = open_round.resolve(10)

    assert receipt[5:] == (
        [
            open_round.did(ROUND, 10, answer),
            open_round.did(DELEVERAGE, 8, deleverage_answer),
            open_round.did(ROUND, 7, answer),
            open_round.did(CLOSE, 5, close_answer),
        ],
        True,
    )


def test_resolve_open_round_that_fails_blocks(open_round):
    open_round.set_policy(DELEVERAGE)
    open_round.refuses(ROUND, "cohort: sync first")

    with boa.reverts("cohort: sync first"):
        open_round.resolve()


# --- bounds and the lock ------------------------------------------------------------------------------------


def test_resolve_without_work_reverts(system):
    with boa.reverts("allocator: no cohorts"):
        system.resolve(0)
    assert system.kernel.calls() == []


def test_resolve_up_to_the_bound(system):
    bound = system.allocator.MAX_COHORTS()
    system.answers(ROUND, cohorts=bound - 2)
    system.answers(CLOSE)

    assert system.resolve(bound)[6] is True

    assert system.called() == [("charge_round", bound), ("close_at_mark", 2)]


def test_resolve_above_the_bound_reverts(system):
    with boa.reverts("allocator: too many cohorts"):
        system.resolve(system.allocator.MAX_COHORTS() + 1)
    assert system.kernel.calls() == []


def test_resolve_with_the_least_work(system):
    system.answers(ROUND, cohorts=1, is_done=False)

    assert system.resolve(1)[6] is False


def test_resolve_reentered_reverts(system):
    data = system.allocator.resolve.prepare_calldata(MARKET, 1)
    system.kernel.calls_back("charge_round", MARKET, data)

    with boa.reverts("allocator: call failed"):
        system.resolve()

    assert system.kernel.calls() == []
