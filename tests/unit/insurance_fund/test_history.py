"""Checkpoints: when one is kept, what it says, and which are still there"""

import boa
import pytest

from tests import support
from tests.support import named_logs
from tests.unit.insurance_fund.conftest import ADL, NORMAL, WAD

HOUR = 3_600


def test_first_update_keeps_a_checkpoint_of_all(modes):
    modes.update()
    units = modes.system.units
    assert modes.fund.checkpoint_count() == 1
    assert tuple(modes.fund.checkpoint(0)) == (
        boa.env.timestamp, NORMAL, units(1_000), 0, 0, units(1_000), 0, WAD
    )  # fmt: skip


def test_checkpoint_is_logged_with_its_index(modes):
    modes.update()
    logs = [fields for name, fields in named_logs(modes.fund) if name == "CheckpointRecorded"]
    assert logs == [{"index": 0, "checkpoint": tuple(modes.fund.checkpoint(0))}]


def test_checkpoint_has_both_tranches_and_what_lies_cold(modes):
    fund, system = modes.fund, modes.system
    pool = support.deploy("mocks/MockPool.vy", system.token, fund)
    fund.set_pool(pool, sender=system.governance)
    pool.set_exposed(system.units(70))
    modes.set_target(400)
    safe = support.deploy("mocks/MockERC1271Wallet.vy", system.governance)
    fund.set_custody(safe, 0, sender=system.governance)
    fund.sweep()
    modes.update()
    point = fund.checkpoint(0)
    amounts = (point.reserve, point.cold_reserve, point.community, point.peak)
    assert amounts == tuple(system.units(whole) for whole in (1_000, 600, 70, 1_070))


@pytest.mark.parametrize(("seconds", "count"), [(HOUR - 1, 1), (HOUR, 2)])
def test_the_next_one_comes_after_an_hour(modes, seconds, count):
    modes.update()
    support.wait(seconds)
    modes.update()
    assert modes.fund.checkpoint_count() == count


def test_a_change_of_mode_is_always_kept(modes):
    modes.set_target(0)
    modes.update()
    modes.pay(400)
    support.wait(1)
    modes.update()
    assert modes.fund.checkpoint_count() == 2
    last = modes.fund.checkpoint(1)
    assert (last.mode, last.reserve, last.paid) == (
        ADL, modes.system.units(600), modes.system.units(400)
    )  # fmt: skip


def test_peak_is_the_highest_between_two_checkpoints(modes):
    """However it went up and down, seen or not."""
    modes.set_target(0)
    modes.update()
    modes.system.add_capital(500)
    modes.pay(200)
    modes.system.add_capital(50)
    modes.system.fund.withdraw_capital(
        modes.system.units(300), modes.system.governance, sender=modes.system.governance
    )
    support.wait(HOUR)
    modes.update()
    units = modes.system.units
    last = modes.fund.checkpoint(1)
    assert (last.peak, last.reserve) == (units(1_500), units(1_050))
    support.wait(HOUR)
    modes.update()
    assert modes.fund.checkpoint(2).peak == units(1_050)


def test_coverage_beyond_its_field_is_cut(modes):
    modes.set_target(0)
    modes.update()
    assert modes.fund.checkpoint(0).coverage == 2**96 - 1


def test_the_ring_keeps_the_last_ones_and_no_others(modes):
    size = modes.fund.CHECKPOINTS()
    for _ in range(size + 2):
        modes.update()
        support.wait(HOUR)
    count = modes.fund.checkpoint_count()
    assert count == size + 2
    times = [modes.fund.checkpoint(index).time for index in (2, size, size + 1)]
    assert times == [boa.env.timestamp - HOUR * back for back in (size, 2, 1)]
    for index in (0, 1, count):
        with boa.reverts("fund: no checkpoint"):
            modes.fund.checkpoint(index)


def test_no_checkpoint_before_the_first(modes):
    with boa.reverts("fund: no checkpoint"):
        modes.fund.checkpoint(0)
