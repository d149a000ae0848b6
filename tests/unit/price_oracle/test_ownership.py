"""PriceOracle: who governs it, and what governing it can do."""

import boa
import pytest

from tests import support
from tests.unit.price_oracle.feeds import logged

ZERO_ADDRESS = "0x" + "00" * 20


@pytest.fixture
def successor():
    return support.actor("successor")


def test_transfer_ownership_waits_for_the_new_owner(oracle, governance, successor):
    oracle.transfer_ownership(successor, sender=governance)

    assert logged(oracle) == [("OwnershipTransferStarted", governance, successor)]
    assert oracle.owner() == governance
    assert oracle.pending_owner() == successor


def test_transfer_ownership_by_a_stranger_reverts(oracle, governance, attacker):
    with boa.reverts("ownable: caller is not the owner"):
        oracle.transfer_ownership(attacker, sender=attacker)

    assert oracle.pending_owner() == ZERO_ADDRESS


def test_accept_ownership_makes_the_new_owner_governance(oracle, market, governance, successor):
    oracle.transfer_ownership(successor, sender=governance)

    oracle.accept_ownership(sender=successor)

    assert logged(oracle) == [("OwnershipTransferred", governance, successor)]
    assert oracle.owner() == successor
    assert oracle.pending_owner() == ZERO_ADDRESS
    oracle.set_funding(market, 1, 0, sender=successor)
    with boa.reverts("ownable: caller is not the owner"):
        oracle.set_funding(market, 2, 0, sender=governance)
    assert oracle.config(market).interest_rate == 1


def test_accept_ownership_by_anyone_else_reverts(oracle, governance, successor, attacker):
    oracle.transfer_ownership(successor, sender=governance)

    with boa.reverts("ownable_2step: caller is not the new owner"):
        oracle.accept_ownership(sender=attacker)

    assert oracle.owner() == governance
    assert oracle.pending_owner() == successor


def test_only_these_functions_write(oracle):
    """No function writes a price (`observe` asks the feeds), and ownership cannot be renounced."""
    writing = {
        entry["name"]
        for entry in oracle.abi
        if entry["type"] == "function" and entry["stateMutability"] in ("nonpayable", "payable")
    }

    assert writing == {
        "set_feeds",
        "set_perpetual_feeds",
        "set_funding",
        "observe",
        "set_sequencer_feed",
        "transfer_ownership",
        "accept_ownership",
    }
