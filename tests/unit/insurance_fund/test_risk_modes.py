"""The risk mode the fund puts the vault in: thresholds, hysteresis, clocks; and what it rests on"""

import boa
import pytest

from tests import support
from tests.support import actor, named_logs, plain
from tests.unit.insurance_fund.conftest import ADL, CAUTION, HALTED, NORMAL, RESTRICTED, WAD

CONFIRM, EASE = 600, 3_600
PERIOD = 10_800
# caution, restricted, drawdown, ease margin, confirm, ease, multiplier: the constructor's
TERMS = (75 * WAD // 100, WAD // 4, 3 * WAD // 10, WAD // 5, CONFIRM, EASE, 5 * WAD // 4)


# What the mode follows


def test_the_ordinary_terms(modes):
    assert tuple(modes.fund.mode_terms()) == TERMS


def test_a_fund_at_its_target_calls_for_normal(modes):
    state = modes.fund.risk_state()
    assert plain(state) == plain(
        state._replace(mode=NORMAL, judged=NORMAL, coverage=WAD, drawdown=0, is_exhausted=False)
    )
    assert modes.update() == NORMAL


@pytest.mark.parametrize(
    ("target", "mode"),
    [(1_333, NORMAL), (1_334, CAUTION), (4_000, CAUTION), (4_001, RESTRICTED)],
)
def test_coverage_below_a_bound_calls_for_its_mode(modes, target, mode):
    """75 and 25 %, to the unit."""
    modes.set_target(target)
    assert modes.fund.risk_state().judged == mode


@pytest.mark.parametrize(("paid", "mode"), [(299, NORMAL), (300, ADL), (301, ADL)])
def test_drawdown_calls_for_adl(modes, paid, mode):
    modes.set_target(0)
    modes.pay(paid)
    state = modes.fund.risk_state()
    assert state.drawdown == paid * WAD // 1_000
    assert state.judged == mode


def test_drawdown_is_rounded_up(modes):
    modes.set_target(0)
    modes.system.add_capital(2)
    modes.pay(1)
    # what came in now counts only when the whole window is over: of 1,000 still
    assert modes.fund.risk_state().drawdown == -(-WAD // 1_000)


def test_with_nothing_left_and_claims_open_the_fund_is_exhausted(modes):
    modes.set_target(0)
    modes.pay(1_000)
    support.wait(5 * PERIOD)
    state = modes.fund.risk_state()
    assert (state.drawdown, state.is_exhausted, state.judged) == (0, False, NORMAL)
    modes.vault.set_claims(1 << 7)
    state = modes.fund.risk_state()
    assert (state.is_exhausted, state.judged) == (True, ADL)


def test_an_empty_fund_without_claims_is_only_uncovered(modes):
    modes.pay(1_000)
    support.wait(5 * PERIOD)
    assert modes.fund.risk_state().judged == RESTRICTED


@pytest.mark.parametrize(("periods", "counts"), [(3, True), (4, False)])
def test_a_payment_counts_for_nine_to_twelve_hours(modes, periods, counts):
    modes.set_target(0)
    support.wait(PERIOD - boa.env.timestamp % PERIOD)
    modes.pay(400)
    support.wait(periods * PERIOD)
    assert (modes.fund.risk_state().drawdown != 0) == counts


def test_a_payment_counts_for_more_than_eight_hours_always(modes):
    """Made in the last second of a period."""
    modes.set_target(0)
    support.wait(PERIOD - 1 - boa.env.timestamp % PERIOD)
    modes.pay(400)
    support.wait(9 * 3_600)
    assert modes.fund.risk_state().drawdown != 0
    support.wait(1)
    assert modes.fund.risk_state().drawdown == 0


def test_a_deposit_does_not_lower_the_drawdown(modes):
    modes.set_target(0)
    modes.pay(300)
    before = modes.fund.risk_state()
    modes.system.add_capital(100_000)
    after = modes.fund.risk_state()
    assert after.drawdown == before.drawdown
    assert after.judged == ADL


def test_a_withdrawal_of_capital_raises_the_drawdown_at_once(modes):
    modes.set_target(0)
    modes.pay(200)
    fund, system = modes.fund, modes.system
    fund.withdraw_capital(system.units(400), system.governance, sender=system.governance)
    assert fund.risk_state().drawdown == -(-200 * WAD // 600)
    assert fund.risk_state().judged == ADL


# Changing it


def test_low_coverage_must_be_seen_twice(modes):
    modes.set_target(2_000)
    assert modes.update() == NORMAL
    assert modes.fund.risk_state().low_since == boa.env.timestamp
    support.wait(CONFIRM - 1)
    assert modes.update() == NORMAL
    support.wait(1)
    assert modes.update() == CAUTION
    assert modes.vault.multiplier() == TERMS[6]
    assert modes.fund.risk_state().low_since == 0


def test_coverage_seen_well_in_between_starts_again(modes):
    """Whoever pushes open interest up for two moments gets nothing if anybody looks in between."""
    modes.set_target(2_000)
    modes.update()
    modes.set_target(1_000)
    support.wait(CONFIRM - 1)
    assert modes.update() == NORMAL
    assert modes.fund.risk_state().low_since == 0
    modes.set_target(2_000)
    support.wait(1)
    assert modes.update() == NORMAL
    support.wait(CONFIRM)
    assert modes.update() == CAUTION


def test_adl_comes_at_once(modes):
    modes.set_target(0)
    modes.pay(300)
    assert modes.update() == ADL


def test_from_normal_straight_to_restricted(modes):
    modes.set_target(5_000)
    modes.update()
    support.wait(CONFIRM)
    assert modes.update() == RESTRICTED


def test_update_logs_what_it_judged(modes):
    modes.set_target(0)
    modes.pay(300)
    modes.update()
    log = next(args for name, args in named_logs(modes.fund) if name == "RiskModeUpdated")
    assert log == {
        "old_mode": NORMAL,
        "new_mode": ADL,
        "multiplier": TERMS[6],
        "coverage": 2**256 - 1,
        "drawdown": 3 * WAD // 10,
        "is_exhausted": False,
    }


@pytest.mark.parametrize(("target", "eases"), [(1_111, True), (1_112, False)])
def test_to_leave_caution_takes_more_than_to_stay_out_of_it(modes, target, eases):
    """90 %: 75 and a fifth."""
    modes.set_mode(CAUTION)
    modes.set_target(target)
    assert (modes.fund.risk_state().judged == NORMAL) == eases
    modes.update()
    support.wait(EASE)
    assert modes.update() == (NORMAL if eases else CAUTION)


@pytest.mark.parametrize(("paid", "judged"), [(239, NORMAL), (240, ADL)])
def test_to_leave_adl_takes_more_than_to_stay_out_of_it(modes, paid, judged):
    """24 %: 30 less a fifth."""
    modes.set_target(0)
    modes.pay(paid)
    modes.set_mode(ADL)
    assert modes.fund.risk_state().judged == judged


def test_each_step_back_waits_for_its_time(modes):
    modes.set_mode(ADL)
    assert modes.update() == ADL
    for mode in (RESTRICTED, CAUTION, NORMAL):
        support.wait(EASE - 1)
        assert modes.update() == mode + 1
        support.wait(1)
        assert modes.update() == mode
    assert modes.vault.multiplier() == WAD
    assert modes.fund.risk_state().calm_since == boa.env.timestamp
    modes.update()
    assert modes.fund.risk_state().calm_since == 0


def test_a_bad_look_starts_the_way_back_again(modes):
    modes.set_mode(CAUTION)
    modes.update()
    support.wait(EASE - 1)
    modes.set_target(1_112)
    modes.update()
    assert modes.fund.risk_state().calm_since == 0
    modes.set_target(1_000)
    support.wait(1)
    assert modes.update() == CAUTION
    support.wait(EASE)
    assert modes.update() == NORMAL


def test_the_mode_cannot_be_flapped_by_deposit_and_withdrawal(modes):
    """Capital in and out at once, over and over, with everybody looking: one mode all the time."""
    system, fund = modes.system, modes.fund
    modes.set_target(1_300)
    seen = []
    for _ in range(30):
        system.add_capital(1_000)
        seen.append(modes.update())
        fund.withdraw_capital(fund.capital_surplus(), system.governance, sender=system.governance)
        seen.append(modes.update())
        support.wait(60)
    assert set(seen) == {NORMAL}


def test_halted_is_left_to_those_who_entered_it(modes):
    modes.set_mode(HALTED)
    modes.set_target(0)
    for _ in range(3):
        assert modes.update() == HALTED
        support.wait(10 * EASE)
    modes.pay(500)
    assert modes.update() == HALTED


def test_a_vault_that_does_not_answer_keeps_its_mode(funded):
    """Here the vault is no contract."""
    with boa.reverts("fund: vault does not answer"):
        funded.fund.update_mode()
    with boa.reverts("fund: vault does not answer"):
        funded.fund.risk_state()


def test_a_vault_that_refuses_makes_update_revert(modes):
    modes.vault.set_fund(actor("other fund"))
    modes.set_target(0)
    modes.pay(300)
    with boa.reverts("vault: not fund"):
        modes.fund.update_mode()
    assert modes.fund.checkpoint_count() == 0


def test_not_calm_before_anybody_has_updated_the_mode(modes):
    """Or stakers could leave between the loss and the mode that forbids it."""
    assert modes.fund.is_calm()
    modes.pay(300)
    assert modes.mode == NORMAL
    assert not modes.fund.is_calm()
    assert modes.fund.has_no_claims()


def test_who_joins_is_asked_for_claims_only(modes):
    modes.set_mode(RESTRICTED)
    assert modes.fund.has_no_claims()
    modes.vault.set_claims(1)
    assert not modes.fund.has_no_claims()


def test_nobody_joins_or_leaves_while_a_loss_is_uncovered(modes):
    """The fund, and stakers behind it, are asked for it."""
    modes.vault.set_uncovered(1)
    assert not modes.fund.is_calm()
    assert not modes.fund.has_no_claims()


# Distances


def test_distances_are_what_can_still_be_paid(modes):
    units = modes.system.units
    # the least whose share of 1,000 rounds up to 30 %
    to_adl = units(1_000) * (3 * WAD // 10 - 1) // WAD + 1
    assert tuple(modes.fund.distances()) == (units(250), units(750), to_adl, units(1_000))


@pytest.mark.parametrize("name", ["to_caution", "to_restricted", "to_adl"])
def test_paying_the_distance_is_the_last_that_keeps_the_mode(modes, name):
    """One unit more calls for it (for ADL the distance itself does)."""
    fund, system = modes.fund, modes.system
    fund.set_mode_terms(
        (*TERMS[:2], WAD if name != "to_adl" else TERMS[2], *TERMS[3:]), sender=system.governance
    )
    mode = {"to_caution": CAUTION, "to_restricted": RESTRICTED, "to_adl": ADL}[name]
    distance = getattr(fund.distances(), name) - (name == "to_adl")
    fund.pay(0, system.quote(distance), 0, sender=system.vault)
    assert fund.risk_state().judged < mode
    fund.pay(0, system.quote(1), 0, sender=system.vault)
    assert fund.risk_state().judged == mode


def test_distances_beyond_a_trigger_are_nothing(modes):
    modes.pay(1_000)
    assert tuple(modes.fund.distances()) == (0, 0, 0, 0)


def test_without_money_the_next_payment_calls_for_adl(modes):
    modes.pay(1_000)
    support.wait(5 * PERIOD)
    assert modes.fund.distances().to_adl == 1


# Terms


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, WAD + 1, "fund: bad coverage bounds"),
        (1, TERMS[0] + 1, "fund: bad coverage bounds"),
        (2, 5 * WAD // 100 - 1, "fund: bad drawdown"),
        (2, WAD + 1, "fund: bad drawdown"),
        (3, WAD // 100 - 1, "fund: bad ease margin"),
        (3, WAD + 1, "fund: bad ease margin"),
        (4, 59, "fund: bad mode times"),
        (4, 86_401, "fund: bad mode times"),
        (5, 599, "fund: bad mode times"),
        (5, 604_801, "fund: bad mode times"),
        (6, WAD - 1, "fund: bad multiplier"),
        (6, 2 * WAD + 1, "fund: bad multiplier"),
        (6, WAD + 1, "fund: bad multiplier"),
    ],
)
def test_terms_out_of_bounds_revert(modes, place, value, message):
    terms = [*TERMS[:place], value, *TERMS[place + 1 :]]
    with boa.reverts(message):
        modes.fund.set_mode_terms(terms, sender=modes.system.governance)
    assert tuple(modes.fund.mode_terms()) == TERMS


@pytest.mark.parametrize(
    "terms",
    [
        (WAD, WAD, WAD, WAD, 86_400, 604_800, 2 * WAD),
        (0, 0, 5 * WAD // 100, WAD // 100, 60, 600, WAD),
    ],
)
def test_terms_at_their_bounds_are_set_and_logged(modes, terms):
    modes.fund.set_mode_terms(terms, sender=modes.system.governance)
    assert named_logs(modes.fund)[-1] == ("ModeTermsSet", {"old_terms": TERMS, "new_terms": terms})
    assert tuple(modes.fund.mode_terms()) == terms


def test_adl_when_nothing_is_left_of_the_base(modes):
    """
    The reserve was empty at the start of the window, so what came in since does not count yet; the pool did,
    and so the reserve was allowed to pay. When the pool is gone, something was paid out of nothing.
    """
    fund, system = modes.fund, modes.system
    modes.set_target(0)
    pool = support.deploy("mocks/MockPool.vy", system.token, fund)
    fund.set_pool(pool, sender=system.governance)
    modes.pay(1_000)
    support.wait(9 * PERIOD)
    pool.set_exposed(system.units(1_000))
    system.add_capital(100)
    modes.pay(50)
    assert fund.risk_state().judged == NORMAL
    pool.set_exposed(0)
    assert fund.risk_state().judged == ADL
    assert modes.update() == ADL
