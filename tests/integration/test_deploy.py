"""ape run deploy: the record is true, a second run changes nothing, governance ends with the Timelock."""

import copy
import json

import pytest

from lastline import deployments
from lastline.abi import PARTS
from lastline.deployer import OWNED, require_same_parameters
from lastline.deployments import DeploymentError
from scripts._anvil import anvil
from scripts.deploy import cli


def test_record_names_contracts_that_are_there(system):
    record = deployments.load("ethereum", "local", system.folder)
    assert record.is_complete
    assert record.compiler["version"] == "0.4.3"
    assert set(PARTS) <= set(record.contracts)
    system.chain.require_code()
    for contract in record.contracts.values():
        receipt = system.node.eth.get_transaction_receipt(contract.transaction)
        assert receipt["contractAddress"] == contract.address
        assert receipt["blockNumber"] == contract.block


def test_second_run_changes_nothing(system, deploy):
    block = system.node.eth.block_number
    record = deployments.load("ethereum", "local", system.folder)
    made, _ = deploy(system.node, record.parameters, system.folder, record)
    assert made.changes == 0
    assert made.wrong() == []
    assert system.node.eth.block_number == block


def test_script_finds_nothing_to_change(deploy, parameters, tmp_path, run_script):
    with anvil() as node:
        url = node.provider.endpoint_uri
        first = run_script(cli, "--network", url, "--folder", str(tmp_path))
        assert first.exit_code == 0, first.output
        block = node.eth.block_number
        second = run_script(cli, "--network", url, "--folder", str(tmp_path))
        assert second.exit_code == 0, second.output
        assert "nothing to change" in second.output
        assert node.eth.block_number == block


def test_dry_run_sends_nothing(system, tmp_path, run_script):
    block = system.node.eth.block_number
    result = run_script(cli, "--network", system.url, "--folder", str(tmp_path), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "deploy MarginVault" in result.output
    assert system.node.eth.block_number == block
    assert not list(tmp_path.iterdir())


def test_wiring_that_was_undone_is_named(system, deploy, unchanged):
    record = deployments.load("ethereum", "local", system.folder)
    made, _ = deploy(system.node, record.parameters, None, record)
    system.chain.send(system.deployer, "MarginVault", "set_role", 1, system.deployer.address)
    assert made.wrong() == ["set role EXCHANGE"]


def test_a_lens_of_another_vault_is_named(system, deploy, unchanged):
    record = deployments.load("ethereum", "local", system.folder)
    made, _ = deploy(system.node, record.parameters, None, record)
    made._deploy("OtherLens", "VaultLens", record.address("Exchange"))
    record.contracts["VaultLens"] = record.contracts["OtherLens"]
    assert made.wrong() == ["vault of VaultLens"]


def test_other_parameters_are_refused(system, parameters):
    record = deployments.load("ethereum", "local", system.folder)
    require_same_parameters(record, parameters)
    changed = copy.deepcopy(parameters)
    changed["vault"]["funding_share"] = "0.2"
    with pytest.raises(DeploymentError, match=r"\[vault\]"):
        require_same_parameters(record, changed)


def test_damaged_record_is_refused(tmp_path):
    path = deployments.path_of("ethereum", "local", tmp_path)
    path.parent.mkdir()
    path.write_text(json.dumps({"format": deployments.FORMAT}))
    with pytest.raises(DeploymentError, match="damaged"):
        deployments.load("ethereum", "local", tmp_path)


def test_timelock_ends_as_owner(deploy, parameters):
    parameters = copy.deepcopy(parameters)
    parameters["governance"]["keep_deployer"] = False
    with anvil() as node:
        made, record = deploy(node, parameters)
        timelock = record.address("Timelock")
        assert all(made.chain.call(name, "pending_owner") == timelock for name in OWNED)
        node.provider.make_request(
            "evm_increaseTime", [parameters["governance"]["timelock_delay_seconds"] + 1]
        )
        node.provider.make_request("evm_mine", [])
        made, record = deploy(node, parameters, None, record)
        assert made.changes == 1
        assert all(made.chain.call(name, "owner") == timelock for name in OWNED)
        made, record = deploy(node, parameters, None, record)
        assert made.changes == 0
