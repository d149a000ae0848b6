"""Exchange: a vault, or whatever it calls, that comes back in the middle of a trade gets the lock."""

import boa
import pytest

from tests.unit.exchange.orders import MARKET, PRICE, TAKER_RATE, WAD, account_of


@pytest.fixture
def calls(exchange, maker, trader, vault):
    """Every external function that needs the lock, with arguments that are otherwise good."""
    order, signed = maker(-WAD, name="maker 2")
    _, taker = maker(WAD, name="maker 3")
    own = account_of(vault.address)
    return {
        "trade": (own, MARKET, WAD, PRICE, 0, False, TAKER_RATE, [signed]),
        "take": (own, WAD, 0, False, TAKER_RATE, signed),
        "match_orders": (taker, [signed]),
        "trade_available": (own, MARKET, WAD, PRICE, 0, False, TAKER_RATE, [signed]),
        "match_available_orders": (taker, [signed]),
        "cancel": (own, 0, 1),
        "cancel_all": (own,),
        "set_fee_rates": (MARKET, 0, 0),
        "vault": (),
        "fee_rates": (MARKET,),
        "remaining": (order.fields,),
        "lane_state": (own, 0),
    }


NAMES = [
    "trade",
    "take",
    "match_orders",
    "trade_available",
    "match_available_orders",
    "cancel",
    "cancel_all",
    "set_fee_rates",
    "vault",
    "fee_rates",
    "remaining",
    "lane_state",
]


@pytest.mark.parametrize("name", NAMES)
def test_reentrant_call_reverts(exchange, vault, trade, maker, governance, calls, name):
    exchange.transfer_ownership(vault.address, sender=governance)
    exchange.accept_ownership(sender=vault.address)
    order, signed = maker(-WAD)
    vault.set_callback(exchange.address, getattr(exchange, name).prepare_calldata(*calls[name]))

    with boa.reverts():
        trade(WAD, [signed])

    assert vault.fill_count() == 0
    assert exchange.remaining(order.fields) == WAD


@pytest.mark.parametrize("name", NAMES)
def test_same_call_outside_a_trade_is_good(exchange, vault, governance, calls, name):
    exchange.transfer_ownership(vault.address, sender=governance)
    exchange.accept_ownership(sender=vault.address)

    getattr(exchange, name)(*calls[name], sender=vault.address)


@pytest.mark.parametrize("name", ["domain_separator", "order_hash"])
def test_hash_views_answer_during_a_trade(exchange, vault, trade, maker, name):
    order, signed = maker(-WAD)
    args = (order.fields,) if name == "order_hash" else ()
    vault.set_callback(exchange.address, getattr(exchange, name).prepare_calldata(*args))

    assert trade(WAD, [signed]) == WAD
