"""Exchange: order lanes, and how orders replace one another in them."""

from dataclasses import replace

import boa
import pytest

from tests import support
from tests.unit.exchange.orders import WAD, digest_of, logged, maker_event, sign, tag_of


@pytest.fixture(params=[0, 1, 2**64 - 1], ids=lambda lane: f"lane {lane}")
def lane(request):
    return request.param


def test_lane_higher_sequence_replaces(exchange, trade, maker, lane):
    old, old_signed = maker(-2 * WAD, lane=lane, sequence=5)
    trade(WAD, [old_signed])
    new, new_signed = maker(-3 * WAD, lane=lane, sequence=6)

    assert trade(WAD, [new_signed]) == WAD

    tag = tag_of(digest_of(exchange, new))
    assert tuple(exchange.lane_state(new.account, lane)) == (0, 6, tag, WAD, False)
    assert exchange.remaining(old.fields) == 0
    assert exchange.remaining(new.fields) == 2 * WAD


def test_lane_superseded_order_reverts(exchange, vault, trade, maker, lane):
    _, old_signed = maker(-2 * WAD, lane=lane, sequence=5)
    trade(WAD, [old_signed])
    trade(WAD, [maker(-3 * WAD, lane=lane, sequence=6)[1]])

    with boa.reverts("exchange: order superseded"):
        trade(WAD, [old_signed])

    assert vault.fill_count() == 2


def test_lane_same_sequence_other_order_reverts(exchange, vault, trade, maker, lane):
    trade(WAD, [maker(-2 * WAD, lane=lane, sequence=5)[1]])
    other, other_signed = maker(-3 * WAD, lane=lane, sequence=5)

    with boa.reverts("exchange: order superseded"):
        trade(WAD, [other_signed])

    assert vault.fill_count() == 1
    assert exchange.remaining(other.fields) == 0


def test_lane_number_zero_is_never_alive(exchange, vault, trade, maker, lane):
    order, signed = maker(-WAD, lane=lane, sequence=0)

    with boa.reverts("exchange: order superseded"):
        trade(WAD, [signed])

    assert vault.fill_count() == 0
    assert exchange.remaining(order.fields) == 0


def test_lane_last_number_of_the_era(exchange, trade, maker, lane):
    last = 2 ** exchange.ERA_SHIFT() - 1
    order, signed = maker(-WAD, lane=lane, sequence=last)

    assert trade(WAD, [signed]) == WAD

    assert exchange.lane_state(order.account, lane).sequence == last
    assert exchange.lane_state(order.account, lane).era == 0


@pytest.mark.parametrize("era", [1, 2**20 - 1])
def test_lane_order_of_a_later_era_reverts(exchange, vault, trade, maker, lane, era):
    order, signed = maker(-WAD, lane=lane, sequence=(era << 44) + 1)

    with boa.reverts("exchange: wrong era"):
        trade(WAD, [signed])

    assert vault.fill_count() == 0
    assert exchange.remaining(order.fields) == 0


def test_lanes_do_not_touch_one_another(exchange, trade, maker):
    orders = [maker(-2 * WAD, lane=lane, sequence=9 - lane) for lane in range(4)]

    trade(8 * WAD, [signed for _, signed in orders[:3]])

    assert [exchange.remaining(order.fields) for order, _ in orders] == [0, 0, 0, 2 * WAD]
    account = orders[0][0].account
    assert [exchange.lane_state(account, lane).sequence for lane in range(4)] == [9, 8, 7, 0]


def test_lanes_of_sub_accounts_are_their_own(exchange, trade, trader, maker):
    first, first_signed = maker(-WAD)
    second = replace(first, account=first.account + 1)
    trade(WAD, [first_signed])

    trade(WAD, [sign(exchange, second, support.signer("counterparty"))])

    event = maker_event(exchange, second, (int(trader, 16) << 96), -WAD, WAD)
    assert logged(exchange) == [event]
    assert exchange.remaining(first.fields) == 0


def test_lane_one_call_can_replace_an_order_it_just_filled(exchange, trade, maker):
    first, first_signed = maker(-2 * WAD, sequence=1)
    second, second_signed = maker(-2 * WAD, sequence=2)

    assert trade(3 * WAD, [first_signed, second_signed]) == 3 * WAD

    assert exchange.remaining(first.fields) == 0
    assert exchange.remaining(second.fields) == WAD
