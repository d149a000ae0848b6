"""Exchange: the constructor, ownership and constants."""

import boa

from tests import support
from tests.unit.exchange.orders import ZERO_ADDRESS, logged


def test_init_makes_governance_the_owner(vault, governance):
    contract = support.deploy("Exchange.vy", governance, vault.address)

    assert logged(contract) == [
        ("OwnershipTransferred", ZERO_ADDRESS, boa.env.eoa),
        ("OwnershipTransferred", boa.env.eoa, governance),
    ]
    assert contract.owner() == governance
    assert contract.pending_owner() == ZERO_ADDRESS
    assert contract.vault() == vault.address
    assert contract.fee_rates(0) == (0, 0)


def test_init_zero_governance_reverts(vault):
    with boa.reverts("exchange: zero governance"):
        support.deploy("Exchange.vy", ZERO_ADDRESS, vault.address)


def test_init_vault_without_code_reverts(governance, attacker):
    with boa.reverts("exchange: vault has no code"):
        support.deploy("Exchange.vy", governance, attacker)


def test_init_limits_are_what_they_claim(exchange):
    assert exchange.MAX_FEE_RATE() == 10**18 // 1_000
    assert exchange.MAX_SIZE() == 2**111 - 1
    assert exchange.MAX_MAKERS() == 16
    assert (exchange.MAX_ERA() + 1) << exchange.ERA_SHIFT() == 2**64


def test_transfer_ownership_takes_two_steps(exchange, governance, attacker):
    successor = support.actor("successor")
    exchange.transfer_ownership(successor, sender=governance)
    assert logged(exchange) == [("OwnershipTransferStarted", governance, successor)]
    assert exchange.owner() == governance

    exchange.accept_ownership(sender=successor)

    assert logged(exchange) == [("OwnershipTransferred", governance, successor)]
    assert exchange.owner() == successor


def test_transfer_ownership_by_a_stranger_reverts(exchange, attacker, governance):
    with boa.reverts("ownable: caller is not the owner"):
        exchange.transfer_ownership(attacker, sender=attacker)

    assert exchange.owner() == governance


def test_accept_ownership_by_a_stranger_reverts(exchange, attacker, governance):
    with boa.reverts("ownable_2step: caller is not the new owner"):
        exchange.accept_ownership(sender=attacker)

    assert exchange.owner() == governance


def test_ownership_cannot_be_renounced(exchange):
    assert not hasattr(exchange, "renounce_ownership")


def test_domain_is_told_as_eip5267_says(exchange):
    chain_id = boa.env.evm.patch.chain_id

    assert exchange.eip712Domain() == (
        b"\x0f",
        "Lastline",
        "1",
        chain_id,
        exchange.address,
        b"\x00" * 32,
        [],
    )
