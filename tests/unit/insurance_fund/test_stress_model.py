"""The target: open interest and the largest position of each market"""

import boa
import pytest

from tests.support import actor, named_logs

WAD = 10**18
ALICE, BOB = (1 << 96) + 5, 2 << 96


@pytest.fixture(scope="module")
def model(modes):
    """No floor; 10 % of the largest position, 1 % of open interest."""
    modes.set_target(0)
    modes.fund.set_concentration_share(WAD // 10, sender=modes.system.governance)
    return modes


def test_largest_position_adds_its_share_to_the_target(model):
    model.vault.set_position(ALICE, 3, -50 * WAD, 20 * WAD)
    model.fund.report_position(3, ALICE, sender=actor("anybody"))
    units = model.system.units(100)
    assert named_logs(model.fund) == [
        (
            "LargestPositionReported",
            {
                "market": 3,
                "account": ALICE,
                "notional": 1_000 * WAD,
                "old_stress_loss": 0,
                "new_stress_loss": units,
                "target": units,
            },
        )
    ]
    assert model.fund.target() == model.fund.stress_loss(3) == units
    assert tuple(model.fund.largest_position(3)) == (ALICE, 1_000 * WAD, units)


def test_open_interest_and_position_add_up_over_markets(model):
    system = model.system
    model.vault.set_position(ALICE, 0, 10 * WAD, 10 * WAD)
    model.vault.set_position(BOB, 1, 10 * WAD, 30 * WAD)
    model.fund.report_position(0, ALICE)
    model.fund.report_position(1, BOB)
    system.pay(0, 0, open_interest=2_000 * WAD)
    assert model.fund.stress_loss(0) == system.units(10 + 20)
    assert model.fund.stress_loss(1) == system.units(30)
    assert model.fund.target() == system.units(60)


def test_a_larger_position_takes_the_place(model):
    model.vault.set_position(ALICE, 0, 10 * WAD, 10 * WAD)
    model.vault.set_position(BOB, 0, -10 * WAD - 1, 10 * WAD)
    model.fund.report_position(0, ALICE)
    model.fund.report_position(0, BOB)
    assert model.fund.largest_position(0).account == BOB
    with boa.reverts("fund: not the largest"):
        model.fund.report_position(0, ALICE)


@pytest.mark.parametrize("size", [10 * WAD, 9 * WAD, 0])
def test_an_equal_or_smaller_position_changes_nothing(model, size):
    model.vault.set_position(ALICE, 0, 10 * WAD, 10 * WAD)
    model.fund.report_position(0, ALICE)
    model.vault.set_position(BOB, 0, size, 10 * WAD)
    with boa.reverts("fund: not the largest"):
        model.fund.report_position(0, BOB)


def test_the_known_one_is_looked_at_again(model):
    """It has shrunk: reported by itself, or found smaller by who is larger now."""
    model.vault.set_position(ALICE, 0, 10 * WAD, 10 * WAD)
    model.fund.report_position(0, ALICE)
    model.vault.set_position(ALICE, 0, 4 * WAD, 10 * WAD)
    model.fund.report_position(0, ALICE)
    assert model.fund.target() == model.system.units(4)
    model.vault.set_position(BOB, 0, 5 * WAD, 10 * WAD)
    model.fund.report_position(0, BOB)
    assert tuple(model.fund.largest_position(0))[:2] == (BOB, 50 * WAD)
    assert model.fund.target() == model.system.units(5)


def test_a_smaller_rival_still_brings_the_known_one_up_to_date(model):
    model.vault.set_position(ALICE, 0, 10 * WAD, 10 * WAD)
    model.fund.report_position(0, ALICE)
    model.vault.set_position(ALICE, 0, 8 * WAD, 10 * WAD)
    model.vault.set_position(BOB, 0, 7 * WAD, 10 * WAD)
    model.fund.report_position(0, BOB)
    assert tuple(model.fund.largest_position(0))[:2] == (ALICE, 80 * WAD)


def test_without_a_share_a_position_is_known_and_costs_nothing(model):
    model.fund.set_concentration_share(0, sender=model.system.governance)
    for size in (10, 9, 11):
        model.vault.set_position(ALICE, 0, size * WAD, 10 * WAD)
        model.fund.report_position(0, ALICE)
        assert tuple(model.fund.largest_position(0)) == (ALICE, size * 10 * WAD, 0)
    with boa.reverts("fund: not the largest"):
        model.fund.report_position(0, ALICE)


def test_a_closed_position_leaves_the_target(model):
    model.vault.set_position(ALICE, 0, 10 * WAD, 10 * WAD)
    model.fund.report_position(0, ALICE)
    model.vault.set_position(ALICE, 0, 0, 10 * WAD)
    model.fund.report_position(0, ALICE)
    assert model.fund.target() == 0


def test_another_share_counts_from_the_next_report(model):
    model.vault.set_position(ALICE, 0, 10 * WAD, 10 * WAD)
    model.fund.report_position(0, ALICE)
    model.fund.set_concentration_share(WAD // 2, sender=model.system.governance)
    assert model.fund.target() == model.system.units(10)
    model.fund.report_position(0, ALICE)
    assert model.fund.target() == model.system.units(50)


def test_parts_of_the_target_are_rounded_up(model):
    model.vault.set_position(ALICE, 0, 1, 1)
    model.fund.report_position(0, ALICE)
    assert model.fund.target() == 1


def test_position_of_an_unknown_market_reverts(model):
    with boa.reverts("fund: bad market id"):
        model.fund.report_position(32, ALICE)


def test_concentration_share_is_set_and_logged(model):
    model.fund.set_concentration_share(WAD, sender=model.system.governance)
    assert named_logs(model.fund) == [("ConcentrationShareSet", {"old_share": WAD // 10, "new_share": WAD})]
    assert model.fund.concentration_share() == WAD
    with boa.reverts("fund: bad concentration share"):
        model.fund.set_concentration_share(WAD + 1, sender=model.system.governance)


# Coverage


def test_market_coverage_is_what_it_could_draw_over_its_part_of_the_target(model):
    system, fund = model.system, model.fund
    assert fund.market_coverage(0) == 2**256 - 1
    system.pay(0, 0, open_interest=80_000 * WAD)
    assert fund.market_coverage(0) == 1_000 * WAD // 800
    fund.set_market_limits(0, (system.units(600), WAD, WAD // 100), sender=system.governance)
    assert fund.market_coverage(0) == 600 * WAD // 800
    fund.set_daily_cap_share(WAD // 4, sender=system.governance)
    assert fund.market_coverage(0) == 250 * WAD // 800
    system.pay(0, 100, open_interest=80_000 * WAD)
    assert fund.market_coverage(0) == 150 * WAD // 800
