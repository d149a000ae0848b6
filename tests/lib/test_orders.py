"""lastline.orders refuses what no Exchange would fill."""

from dataclasses import replace

import pytest

from lastline.orders import MAX_FEE_RATE, ORDER_TYPE, Order, TimeInForce

BUILDER = 1 << 96
ORDER = Order(account=2 << 96, market=0, size=10**18, limit_price=10**20, expiry=2_000_000_000)


def test_order_names_its_fields_as_the_typed_data_does():
    assert list(ORDER.message) == [member["name"] for member in ORDER_TYPE]
    assert ORDER.values == tuple(ORDER.message.values())


@pytest.mark.parametrize("time_in_force", range(4))
def test_time_in_force_is_one_of_four(time_in_force):
    order = replace(ORDER, time_in_force=time_in_force)
    assert order.time_in_force is TimeInForce(time_in_force)
    assert type(order.message["time_in_force"]) is int


@pytest.mark.parametrize("time_in_force", [-1, 4, 255])
def test_unknown_time_in_force_is_refused(time_in_force):
    with pytest.raises(ValueError, match="is not a valid TimeInForce"):
        replace(ORDER, time_in_force=time_in_force)


@pytest.mark.parametrize("rate", [-1, MAX_FEE_RATE + 1])
def test_builder_fee_rate_out_of_range_is_refused(rate):
    with pytest.raises(ValueError, match="builder fee rate out of range"):
        replace(ORDER, builder=BUILDER, builder_fee_rate=rate)


@pytest.mark.parametrize("builder", [0, BUILDER - 1])
def test_builder_fee_without_a_builder_is_refused(builder):
    with pytest.raises(ValueError, match="needs a builder's account"):
        replace(ORDER, builder=builder, builder_fee_rate=1)


def test_builder_fee_up_to_the_limit_is_good():
    assert replace(ORDER, builder=BUILDER, builder_fee_rate=MAX_FEE_RATE).builder_fee_rate == MAX_FEE_RATE
