"""Signed orders from the package, through the Exchange, into the vault; the ledger follows from events."""

import pytest

from lastline import audit, views
from lastline.abi import PART_ONLY, PARTS
from lastline.chain import Reverted
from lastline.orders import TimeInForce, order_hash, sequence_of
from lastline.units import wad
from lastline.views import VAULT


def test_order_hash_is_the_contracts(system):
    order = system.signed("maker", "-1.5", "7900", lane=3, time_in_force=TimeInForce.POST_ONLY).order
    exchange = system.chain.deployment.address("Exchange")
    digest = order_hash(order, exchange, system.node.eth.chain_id)
    assert digest == system.chain.call("Exchange", "order_hash", order.values)


def test_vault_answers_for_all_parts(system):
    for part in PARTS:
        names = {entry["name"] for entry in system.chain.deployment.abis[part] if entry["type"] == "function"}
        assert names - PART_ONLY <= {entry.get("name") for entry in system.chain.deployment.abi(VAULT)}
    assert system.chain.call(VAULT, "market_count") == 1


def test_trade_moves_positions_and_takes_fees(system, unchanged):
    system.fund("maker", "10000")
    system.fund("taker", "10000")
    receipt = system.trade("taker", "0.5", system.signed("maker", "-1"))
    assert system.position("taker") == wad("0.5")
    assert system.position("maker") == -wad("0.5")
    fills = [
        event for event in system.chain.decode("Exchange", receipt["logs"]) if event.name == "OrderFilled"
    ]
    assert [fill.size for fill in fills] == [-wad("0.5")]
    mark = system.chain.call(VAULT, "mark", 0)
    fees = mark // 2 * 2 // 10_000 + mark // 2 * 5 // 10_000
    assert system.chain.call(VAULT, "fee_state")[0] == fees
    view = views.account(system.chain, system.account("taker"))
    assert view.positions[0].size == wad("0.5")
    assert audit.run(system.chain).failed == []


def test_match_orders_fills_the_rest_later(system, unchanged):
    for name in ("maker", "taker"):
        system.fund(name, "10000")
    maker, taker = system.signed("maker", "-1"), system.signed("taker", "0.25")
    system.chain.send(system.deployer, "Exchange", "match_orders", taker.values, [maker.values])
    assert system.chain.call("Exchange", "remaining", maker.order.values) == wad("0.75")
    assert system.chain.call("Exchange", "remaining", taker.order.values) == 0
    assert audit.run(system.chain).failed == []


def test_next_era_cancels_every_order(system, unchanged):
    system.fund("maker", "10000")
    system.fund("taker", "10000")
    order = system.signed("maker", "-1")
    system.chain.send(system.actor("maker"), "Exchange", "cancel_all", system.account("maker"))
    with pytest.raises(Reverted, match="exchange: wrong era"):
        system.trade("taker", "0.5", order)
    system.trade("taker", "0.5", system.signed("maker", "-1", sequence=sequence_of(1, era=1)))
    assert system.position("maker") == -wad("0.5")


def test_stranger_cannot_sign_for_an_owner(system, unchanged):
    system.fund("maker", "10000")
    system.fund("taker", "10000")
    order = system.signed("maker", "-1")
    forged = order.__class__(order.order, system.actor("attacker").address, order.signature)
    with pytest.raises(Reverted, match="exchange: "):
        system.trade("taker", "0.5", forged)
    assert system.position("maker") == 0
