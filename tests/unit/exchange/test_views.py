"""Exchange.remaining and lane_state agree with what a trade does."""

import boa
import pytest

from tests.unit.exchange.orders import WAD, account_of, digest_of, tag_of


def test_remaining_of_a_fresh_order_is_its_size(exchange, maker):
    order, _ = maker(-3 * WAD, lane=4)

    assert exchange.remaining(order.fields) == 3 * WAD


@pytest.mark.parametrize("size", [0, 2**111, -(2**111), 2**255 - 1, -(2**255)])
def test_remaining_of_a_malformed_order_is_zero(exchange, maker, size):
    order, _ = maker(size)

    assert exchange.remaining(order.fields) == 0


def test_remaining_ends_with_the_expiry(exchange, maker):
    order, _ = maker(-WAD)

    boa.env.timestamp = order.expiry
    assert exchange.remaining(order.fields) == WAD
    boa.env.timestamp = order.expiry + 1
    assert exchange.remaining(order.fields) == 0


def test_remaining_of_an_order_the_lane_does_not_hold_is_zero(exchange, trade, maker):
    trade(WAD, [maker(-2 * WAD)[1]])
    other, _ = maker(-3 * WAD)

    assert exchange.remaining(other.fields) == 0


def test_lane_state_of_an_unused_lane_is_empty(exchange, counterparty):
    assert tuple(exchange.lane_state(account_of(counterparty), 12)) == (0, 0, 0, 0, False)


def test_lane_state_after_a_fill(exchange, trade, maker):
    order, signed = maker(-2 * WAD, sequence=8)
    trade(WAD, [signed])

    tag = tag_of(digest_of(exchange, order))
    assert tuple(exchange.lane_state(order.account, 0)) == (0, 8, tag, WAD, False)
