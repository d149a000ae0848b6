"""ape run report_positions: the largest position of each market enters the fund's target, once."""

import pytest

from lastline import audit, concentration
from lastline.chain import Reverted
from lastline.units import WAD
from lastline.views import FUND
from scripts.report_positions import cli


@pytest.fixture
def busy(system, unchanged):
    for name in ("maker", "first", "second"):
        system.fund(name, "100000")
    system.trade("first", "20", system.signed("maker", "-20"))
    system.trade("second", "30", system.signed("maker", "-30"))
    return system


def run(run_script, system, *more):
    result = run_script(cli, "--network", system.url, "--folder", str(system.folder), *more)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_largest_is_reported_once(busy, run_script):
    assert "1 to report" in run(run_script, busy, "--dry-run")
    assert busy.chain.call(FUND, "largest_position", 0)[0] == 0
    assert "1 reported" in run(run_script, busy)
    account, notional, _ = busy.chain.call(FUND, "largest_position", 0)
    assert (account, notional) == (busy.account("maker"), 50 * 7935 * WAD)
    assert "0 to report" in run(run_script, busy)


def test_one_that_was_closed_leaves_the_target(busy):
    (found,) = concentration.largest(busy.chain, audit.rebuild(busy.chain))
    concentration.report(busy.chain, busy.deployer, found)
    busy.trade("maker", "50", busy.signed("first", "-20"), busy.signed("second", "-30"))
    (found,) = concentration.largest(busy.chain, audit.rebuild(busy.chain))
    assert (found.account, found.notional, found.is_due) == (busy.account("maker"), 0, True)
    concentration.report(busy.chain, busy.deployer, found)
    assert busy.chain.call(FUND, "largest_position", 0)[1:] == (0, 0)
    with pytest.raises(Reverted, match="fund: not the largest"):
        concentration.report(busy.chain, busy.deployer, found)
