"""ape run verify_funds: finds one token unit, says which, and is quiet when everything adds up."""

import json

import pytest
from eth_abi import encode
from eth_utils import keccak

from lastline.views import VAULT
from scripts.verify_funds import cli


@pytest.fixture
def busy(system, unchanged):
    system.fund("maker", "10000")
    system.fund("taker", "10000")
    system.trade("taker", "0.5", system.signed("maker", "-0.5"))
    system.set_price("7600")
    return system


def verify(run_script, system, *more):
    return run_script(cli, "--network", system.url, "--folder", str(system.folder), *more)


def test_everything_adds_up(busy, run_script):
    result = verify(run_script, busy)
    assert result.exit_code == 0, result.output
    assert "everything adds up" in result.output


def test_json_has_every_check(busy, run_script):
    result = verify(run_script, busy, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.output[result.output.index("{") :])
    assert report["holds"]
    assert {"I1", "I1-tokens", "I2-0", "I3", "I6", "I7", "L-accounts", "L-cohorts"} <= {
        check["id"] for check in report["checks"]
    }


def test_one_unit_transferred_out_is_found(busy, run_script):
    vault = busy.chain.deployment.address(VAULT)
    token = busy.chain.contract("Collateral")
    busy.rpc("anvil_impersonateAccount", vault)
    busy.rpc("anvil_setBalance", vault, hex(10**18))
    data = token.encode_abi("transfer", args=[busy.deployer.address, 1])
    sent = busy.rpc("eth_sendTransaction", {"from": vault, "to": token.address, "data": data})
    assert busy.node.eth.wait_for_transaction_receipt(sent)["status"] == 1
    busy.rpc("anvil_stopImpersonatingAccount", vault)
    result = verify(run_script, busy)
    assert result.exit_code == 1
    assert "I1-out" in result.output
    assert "difference 0.000001 token" in result.output.replace("\n", " ")


def test_one_unit_taken_from_storage_is_found(busy, run_script):
    vault = busy.chain.deployment.address(VAULT)
    token = busy.chain.contract("Collateral")
    held = token.functions.balanceOf(vault).call()
    slots = (keccak(encode(["uint256", "address"], [n, vault])) for n in range(20))
    slot = next(
        slot for slot in slots if int.from_bytes(busy.node.eth.get_storage_at(token.address, slot)) == held
    )
    busy.rpc("anvil_setStorageAt", token.address, "0x" + slot.hex(), "0x" + (held - 1).to_bytes(32).hex())
    result = verify(run_script, busy)
    assert result.exit_code == 1
    assert "I1-tokens" in result.output
    assert "difference -0.000001 token" in result.output.replace("\n", " ")


def test_donation_is_no_fault(busy, run_script):
    busy.chain.send(busy.deployer, "Collateral", "mint", busy.chain.deployment.address(VAULT), 1)
    assert verify(run_script, busy).exit_code == 0
