"""LiquidationEngine: its constructor, its entries, and that nobody owns it but the vault's owner."""

import boa
import pytest

from tests import support

NOBODY = "0x" + "00" * 20

OPEN_TO_ANYONE = {"absorb", "refresh_and_absorb", "absorb_many", "admit"}
FOR_CONTROLLERS = {"take_over", "refresh_and_take_over", "buy_inventory", "refresh_and_buy_inventory"}
FOR_THE_VAULTS_OWN = {"count", "set_rate_limit"}


def test_init_names_the_vault(engine, kernel):
    assert engine.vault() == kernel.address


@pytest.mark.parametrize("vault", [NOBODY, "0x" + "11" * 20])
def test_init_vault_without_code_reverts(vault):
    with boa.reverts("liquidation: vault has no code"):
        support.deploy("LiquidationEngine.vy", vault)


def test_entries_are_these_and_take_no_value(engine):
    writing = {
        item["name"]
        for item in engine.abi
        if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
    }
    assert writing == OPEN_TO_ANYONE | FOR_CONTROLLERS | FOR_THE_VAULTS_OWN
    assert all(item.get("stateMutability") != "payable" for item in engine.abi)


def test_limits_are_these(engine):
    assert (engine.MAX_ACCOUNTS(), engine.MAX_DRAIN_SECONDS()) == (16, 4 * 3_600)
    assert (engine.LEAST_CAPACITY_PART(), engine.LEAST_CAPACITY_ORDERS()) == (1024, 4)
    assert engine.URGENT_HEALTH() == 10**18 // 2


def test_gas_reserve_covers_the_gas_of_a_payment(engine):
    assert engine.PAY_CLAIMS_GAS_RESERVE() * 63 // 64 > engine.PAY_CLAIMS_GAS() + 10_000
