"""Who may call what: every function that can change state is in one of these tables."""

import boa
import pytest

LIMITS = (1, 10**17, 10**17)

ANYONE = {"add_capital", "recognise_donation", "update_mode", "report_position", "sweep", "bring_back"}
VAULT = {"pay": (0, 1, 0), "receive_inflow": (0, 0, 0), "receive_surplus": (0, 0), "pay_recovery": (1,)}
GOVERNANCE = {
    "withdraw_capital": (1, "0x" + "11" * 20),
    "set_vault": ("0x" + "11" * 20,),
    "set_pool": ("0x" + "11" * 20,),
    "set_pool_share": (1,),
    "set_daily_cap_share": (10**17,),
    "set_fee_shares": (10**17, 10**17),
    "set_target_floor": (1,),
    "set_default_limits": (LIMITS,),
    "set_market_limits": (0, LIMITS),
    "set_mode_terms": ((10**17, 10**17, 10**17, 10**17, 600, 600, 10**18),),
    "set_concentration_share": (1,),
    "set_custody": ("0x" + "00" * 20, 1),
    "transfer_ownership": ("0x" + "11" * 20,),
}
NEW_OWNER = {"accept_ownership"}


def test_tables_cover_every_function(system):
    writing = {
        item["name"]
        for item in system.fund.abi
        if item["type"] == "function" and item["stateMutability"] != "view"
    }
    pure = {item["name"] for item in system.fund.abi if item.get("stateMutability") == "pure"}
    assert writing - pure == ANYONE | VAULT.keys() | GOVERNANCE.keys() | NEW_OWNER
    assert all(item.get("stateMutability") != "payable" for item in system.fund.abi)


@pytest.mark.parametrize("caller", ["stranger", "governance", "contributor"])
@pytest.mark.parametrize("name", VAULT)
def test_not_vault_reverts(funded, name, caller):
    before = funded.state()
    with boa.reverts("fund: not vault"):
        getattr(funded.fund, name)(*VAULT[name], sender=getattr(funded, caller))
    assert funded.state() == before


@pytest.mark.parametrize("caller", ["stranger", "vault", "contributor"])
@pytest.mark.parametrize("name", GOVERNANCE)
def test_not_governance_reverts(funded, name, caller):
    before = funded.state()
    with boa.reverts("ownable: caller is not the owner"):
        getattr(funded.fund, name)(*GOVERNANCE[name], sender=getattr(funded, caller))
    assert funded.state() == before


def test_ownership_moves_in_two_steps(funded):
    funded.fund.transfer_ownership(funded.stranger, sender=funded.governance)
    assert funded.fund.owner() == funded.governance

    funded.fund.accept_ownership(sender=funded.stranger)
    assert funded.fund.owner() == funded.stranger


def test_accept_ownership_by_another_reverts(funded):
    funded.fund.transfer_ownership(funded.stranger, sender=funded.governance)
    with boa.reverts("ownable_2step: caller is not the new owner"):
        funded.fund.accept_ownership(sender=funded.contributor)
    assert funded.fund.owner() == funded.governance


def test_ownership_cannot_be_renounced(funded):
    assert "renounce_ownership" not in {item.get("name") for item in funded.fund.abi}
