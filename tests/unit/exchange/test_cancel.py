"""Exchange.cancel and cancel_all: who may, what dies, and that it stays dead."""

import boa
import pytest

from tests import support
from tests.unit.exchange.orders import (
    WAD,
    account_of,
    cancelled_word,
    logged,
    new_order,
    sign,
)

ERA = 2**44
LAST_ERA = 2**20 - 1


@pytest.fixture(params=[0, 7], ids=lambda lane: f"lane {lane}")
def lane(request):
    return request.param


@pytest.fixture
def account(counterparty):
    return account_of(counterparty)


# --- cancel -------------------------------------------------------------------------------------------------


def test_cancel_kills_the_order(exchange, vault, trade, maker, counterparty, account, lane):
    order, signed = maker(-WAD, lane=lane, sequence=5)

    exchange.cancel(account, lane, 5, sender=counterparty)

    assert logged(exchange) == [("OrdersCancelled", account, lane, cancelled_word(5))]
    assert exchange.remaining(order.fields) == 0
    assert tuple(exchange.lane_state(account, lane)) == (0, 5, 0, 0, True)
    with boa.reverts("exchange: order cancelled"):
        trade(WAD, [signed])
    assert vault.fill_count() == 0


def test_cancel_kills_lower_sequences_too(exchange, vault, trade, maker, counterparty, account, lane):
    _, signed = maker(-WAD, lane=lane, sequence=4)
    exchange.cancel(account, lane, 5, sender=counterparty)

    with boa.reverts("exchange: order cancelled"):
        trade(WAD, [signed])

    assert vault.fill_count() == 0


def test_cancel_spares_higher_sequences(exchange, trade, maker, counterparty, account, lane):
    exchange.cancel(account, lane, 5, sender=counterparty)

    assert trade(WAD, [maker(-WAD, lane=lane, sequence=6)[1]]) == WAD


def test_cancel_spares_other_lanes(exchange, trade, maker, counterparty, account, lane):
    exchange.cancel(account, lane, 5, sender=counterparty)

    assert trade(WAD, [maker(-WAD, lane=lane + 1, sequence=5)[1]]) == WAD


def test_cancel_half_filled_order(exchange, vault, trade, maker, counterparty, account, lane):
    _, signed = maker(-2 * WAD, lane=lane, sequence=5)
    trade(WAD, [signed])

    exchange.cancel(account, lane, 5, sender=counterparty)

    with boa.reverts("exchange: order cancelled"):
        trade(WAD, [signed])
    assert vault.fill_count() == 1


def test_cancel_kills_a_signed_taker(exchange, vault, maker, trader):
    _, taker_signed = maker(WAD, name="trader")
    exchange.cancel(account_of(trader), 0, 1, sender=trader)

    with boa.reverts("exchange: order cancelled"):
        exchange.match_orders(taker_signed, [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_cancel_again_changes_nothing(exchange, counterparty, account, lane):
    exchange.cancel(account, lane, 5, sender=counterparty)

    exchange.cancel(account, lane, 5, sender=counterparty)

    assert tuple(exchange.lane_state(account, lane)) == (0, 5, 0, 0, True)


def test_cancel_below_what_the_lane_holds_reverts(exchange, trade, maker, counterparty, account, lane):
    order, signed = maker(-2 * WAD, lane=lane, sequence=6)
    trade(WAD, [signed])

    with boa.reverts("exchange: order superseded"):
        exchange.cancel(account, lane, 5, sender=counterparty)

    assert exchange.remaining(order.fields) == WAD


def test_cancel_up_to_the_end_of_the_era(exchange, counterparty, account, lane):
    exchange.cancel(account, lane, ERA - 1, sender=counterparty)

    assert tuple(exchange.lane_state(account, lane)) == (0, ERA - 1, 0, 0, True)


def test_cancel_in_another_era_reverts(exchange, counterparty, account, lane):
    with boa.reverts("exchange: wrong era"):
        exchange.cancel(account, lane, ERA, sender=counterparty)

    assert tuple(exchange.lane_state(account, lane)) == (0, 0, 0, 0, False)


def test_cancel_in_a_past_era_reverts(exchange, counterparty, account, lane):
    exchange.cancel_all(account, sender=counterparty)

    with boa.reverts("exchange: wrong era"):
        exchange.cancel(account, lane, ERA - 1, sender=counterparty)

    assert exchange.lane_state(account, lane).era == 1


def test_cancel_by_an_operator(exchange, vault, counterparty, operator, account):
    vault.set_operator(operator, True, sender=counterparty)

    exchange.cancel(account, 0, 5, sender=operator)

    assert exchange.lane_state(account, 0).is_cancelled


@pytest.mark.parametrize("was_operator", [True, False])
def test_cancel_by_anyone_else_reverts(exchange, vault, counterparty, attacker, account, was_operator):
    vault.set_operator(attacker, was_operator, sender=counterparty)
    vault.set_operator(attacker, False, sender=counterparty)

    with boa.reverts("exchange: not owner or operator"):
        exchange.cancel(account, 0, 5, sender=attacker)

    assert exchange.lane_state(account, 0).sequence == 0


# --- cancel_all ---------------------------------------------------------------------------------------------


def test_cancel_all_kills_every_lane(exchange, vault, trade, maker, counterparty, account):
    pairs = [maker(-WAD, lane=lane, sequence=ERA - 1) for lane in (0, 1, 2**64 - 1)]

    exchange.cancel_all(account, sender=counterparty)

    assert logged(exchange) == [("AllOrdersCancelled", account, 1, cancelled_word(ERA))]
    assert [exchange.remaining(order.fields) for order, _ in pairs] == [0, 0, 0]
    for _, signed in pairs:
        with boa.reverts("exchange: wrong era"):
            trade(WAD, [signed])
    assert vault.fill_count() == 0


def test_cancel_all_kills_half_filled_orders(exchange, vault, trade, maker, counterparty, account, lane):
    _, signed = maker(-2 * WAD, lane=lane)
    trade(WAD, [signed])

    exchange.cancel_all(account, sender=counterparty)

    with boa.reverts("exchange: wrong era"):
        trade(WAD, [signed])
    assert vault.fill_count() == 1


def test_cancel_all_new_era_is_open(exchange, trade, maker, counterparty, account, lane):
    trade(WAD, [maker(-WAD, lane=lane, sequence=ERA - 1)[1]])
    exchange.cancel_all(account, sender=counterparty)
    order, signed = maker(-2 * WAD, lane=lane, sequence=ERA + 1)

    assert trade(WAD, [signed]) == WAD

    assert exchange.remaining(order.fields) == WAD
    assert exchange.lane_state(account, lane).era == 1


def test_cancel_all_twice_moves_two_eras(exchange, counterparty, account):
    exchange.cancel_all(account, sender=counterparty)
    exchange.cancel_all(account, sender=counterparty)

    assert tuple(exchange.lane_state(account, 0)) == (2, 2 * ERA, 0, 0, True)


def test_cancel_all_new_eras_first_number_is_one(exchange, vault, trade, maker, counterparty, account):
    exchange.cancel_all(account, sender=counterparty)

    with boa.reverts("exchange: order cancelled"):
        trade(WAD, [maker(-WAD, sequence=ERA)[1]])

    assert vault.fill_count() == 0


def test_cancel_all_survives_trades_and_cancels_in_other_lanes(exchange, trade, maker, counterparty, account):
    _, old_signed = maker(-WAD, lane=3, sequence=8)
    exchange.cancel_all(account, sender=counterparty)
    trade(WAD, [maker(-WAD, lane=0, sequence=ERA + 1)[1]])
    trade(WAD, [maker(-WAD, lane=2, sequence=ERA + 1)[1]])
    exchange.cancel(account, 0, ERA + 9, sender=counterparty)
    exchange.cancel(account, 1, ERA + 9, sender=counterparty)

    with boa.reverts("exchange: wrong era"):
        trade(WAD, [old_signed])

    assert exchange.lane_state(account, 3).era == 1


def test_cancel_all_spares_other_sub_accounts(exchange, trade, counterparty, account):
    order = new_order(counterparty, -WAD, account=account + 1)
    exchange.cancel_all(account, sender=counterparty)

    assert trade(WAD, [sign(exchange, order, support.signer("counterparty"))]) == WAD


def test_cancel_all_by_an_operator(exchange, vault, counterparty, operator, account):
    vault.set_operator(operator, True, sender=counterparty)

    exchange.cancel_all(account, sender=operator)

    assert exchange.lane_state(account, 0).era == 1


@pytest.mark.parametrize("was_operator", [True, False])
def test_cancel_all_by_anyone_else_reverts(exchange, vault, counterparty, attacker, account, was_operator):
    vault.set_operator(attacker, was_operator, sender=counterparty)
    vault.set_operator(attacker, False, sender=counterparty)

    with boa.reverts("exchange: not owner or operator"):
        exchange.cancel_all(account, sender=attacker)

    assert exchange.lane_state(account, 0).era == 0


def move_to_era(exchange, account, era):
    """Write lane 0's word as that many calls of cancel_all would leave it."""
    slot = exchange.compiler_data.storage_layout["storage_layout"]["lanes"]["slot"]
    keccak = boa.eval(f"keccak256(abi_encode(convert({slot}, uint256), convert({account}, uint256)))")
    inner = int.from_bytes(keccak, "big")
    keccak = boa.eval(f"keccak256(abi_encode(convert({inner}, uint256), convert(0, uint256)))")
    boa.env.set_storage(exchange.address, int.from_bytes(keccak, "big"), cancelled_word(era * ERA))


def test_cancel_all_reaches_the_last_era(exchange, trade, maker, counterparty, account):
    move_to_era(exchange, account, LAST_ERA - 1)

    exchange.cancel_all(account, sender=counterparty)

    assert exchange.lane_state(account, 0).era == LAST_ERA
    assert trade(WAD, [maker(-WAD, sequence=2**64 - 1)[1]]) == WAD


def test_cancel_all_after_the_last_era_reverts(exchange, counterparty, account):
    move_to_era(exchange, account, LAST_ERA)

    with boa.reverts("exchange: eras used up"):
        exchange.cancel_all(account, sender=counterparty)

    assert exchange.lane_state(account, 0).era == LAST_ERA
