"""ape run settle_market: the plan, the Timelock's delay, the settlement, and everybody closed."""

import copy
from dataclasses import replace

import pytest
from rich.console import Console

from lastline import audit, settlement, views
from lastline.chain import Chain, Reverted
from lastline.views import VAULT
from lastline.words import SETTLED
from scripts._anvil import anvil
from scripts._checks import wide_console
from scripts.settle_market import cli, run, show_plan
from tests.integration.conftest import System


@pytest.fixture
def governed(deploy, parameters, tmp_path):
    """A system that the Timelock owns; two traders in market 0."""
    parameters = copy.deepcopy(parameters)
    parameters["governance"]["keep_deployer"] = False
    delay = parameters["governance"]["timelock_delay_seconds"]
    with anvil() as node:
        made, record = deploy(node, parameters)
        system = System(node, Chain(node, record), made.sender, tmp_path)
        system.rpc("evm_increaseTime", delay + 1)
        system.rpc("evm_mine")
        made, record = deploy(node, parameters, tmp_path, record)
        system.chain = Chain(node, record)
        system.deployer.forget_nonce()
        system.fund("maker", "10000")
        system.fund("taker", "10000")
        mark = views.market(system.chain, 0).mark // 10**18
        system.set_price(str(mark))
        system.trade("taker", "0.5", system.signed("maker", "-0.5"))
        yield system, delay, mark


def test_a_market_is_settled_through_the_timelock_and_everybody_closed(governed, run_script):
    system, delay, mark = governed
    shown = run_script(
        cli, "--network", system.url, "--folder", str(system.folder), "--market", "0", "--dry-run"
    )
    assert shown.exit_code == 0, shown.output
    assert "active" in shown.output
    assert "2 position(s)" in shown.output
    found = settlement.plan(system.chain, 0)
    assert sorted(p.size for p in found.positions) == [-(5 * 10**17), 5 * 10**17]
    assert "no round" not in shown.output
    told = Console(record=True, width=200)
    show_plan(replace(found, policy=(1,)), told)
    assert "this market's policy has no round" in told.export_text()
    console = wide_console()
    run(system.chain, system.deployer, 0, found, console)
    operation = settlement.Operation(system.chain, 0)
    assert operation.is_scheduled
    assert not operation.is_ready
    with pytest.raises(Reverted):
        operation.execute(system.deployer)
    system.set_price(str(mark - 100), seconds=delay + 1)
    run(system.chain, system.deployer, 0, settlement.plan(system.chain, 0), console)
    market = views.market(system.chain, 0)
    assert (market.status, market.mark) == (SETTLED, (mark - 100) * 10**18)
    assert system.position("maker") == system.position("taker") == 0
    assert settlement.plan(system.chain, 0).positions == ()
    # once more: nothing is left to do
    run(system.chain, system.deployer, 0, settlement.plan(system.chain, 0), console)
    report = audit.run(system.chain)
    assert report.holds, report.failed
    assert system.chain.call(VAULT, "account_state", system.account("taker"))[0] < 10_000 * 10**18


def test_who_is_below_zero_is_named_and_closed_after_all_others(governed):
    system, delay, mark = governed
    chain, console = system.chain, wide_console()
    # all of the taker's margin against him: 0.5 at ever less than nothing
    system.trade("taker", "9", system.signed("maker", "-9"))
    settlement.set_close_only(chain, system.deployer, 0)
    operation = settlement.Operation(chain, 0)
    operation.schedule(system.deployer)
    system.set_price(str(mark * 8 // 10), seconds=delay + 1)
    run(chain, system.deployer, 0, settlement.plan(chain, 0), console)
    left = settlement.plan(chain, 0)
    assert [p.account for p in left.positions] == [system.account("taker")]
    assert left.positions[0].is_insolvent
    chain.send(
        system.deployer, "LiquidationEngine", "absorb", system.account("taker"), system.account("maker")
    )
    assert settlement.plan(chain, 0).positions == ()
    report = audit.run(chain)
    assert report.holds, report.failed
