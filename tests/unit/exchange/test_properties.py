"""Exchange: for any order the digest is eth_account's, and no sequence of fills exceeds its size."""

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.exchange.orders import MAKER_RATE, Order, digest_of

UINT64 = st.integers(0, 2**64 - 1)
UINT256 = st.integers(0, 2**256 - 1)

orders = st.builds(
    Order,
    account=UINT256,
    market=UINT256,
    size=st.integers(-(2**255), 2**255 - 1),
    limit_price=UINT256,
    expiry=UINT256,
    lane=UINT64,
    sequence=UINT64,
    is_reduce_only=st.booleans(),
    time_in_force=st.integers(0, 255),
    max_fee_rate=UINT256,
    builder=UINT256,
    builder_fee_rate=UINT256,
)

# Fixtures are read, not changed: every example runs in an anchor of its own.
quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(order=orders)
@quick
def test_order_hash_is_what_wallets_sign(exchange, order):
    assert exchange.order_hash(order.fields) == digest_of(exchange, order)


@given(
    size=st.one_of(st.integers(1, 1_000), st.integers(1, 2**111 - 1)),
    parts=st.lists(st.one_of(st.integers(1, 400), st.integers(1, 2**111 - 1)), min_size=1, max_size=8),
    is_maker_buying=st.booleans(),
    lane=st.sampled_from([0, 1, 2**64 - 1]),
    is_limited_to_size=st.booleans(),
)
@quick
def test_filled_never_exceeds_size(
    exchange, vault, trade, maker, size, parts, is_maker_buying, lane, is_limited_to_size
):
    sign = 1 if is_maker_buying else -1
    with boa.env.anchor():
        order, signed = maker(sign * size, lane=lane, max_fee_rate=MAKER_RATE)
        left = size
        for part in parts:
            part = min(part, left) if is_limited_to_size and left else part
            if left == 0:
                with boa.reverts("exchange: order filled"):
                    trade(-sign * part, [signed])
                break
            assert trade(-sign * part, [signed]) == min(part, left)
            left -= min(part, left)
            assert exchange.remaining(order.fields) == left
            assert exchange.lane_state(order.account, lane).filled == size - left

        told = [vault.fill_at(index).makers[0].size for index in range(vault.fill_count())]
        assert sum(told) == sign * (size - left)


@pytest.mark.parametrize("name", ["trader", "counterparty"])
@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=16), taker_size=st.integers(1, 400))
@quick
def test_taker_gets_what_the_makers_give(exchange, vault, maker, attacker, name, sizes, taker_size):
    with boa.env.anchor():
        taker, taker_signed = maker(taker_size, name=name)
        pairs = [maker(-size, name=f"maker {index}") for index, size in enumerate(sizes)]

        filled = exchange.match_orders(taker_signed, [signed for _, signed in pairs], sender=attacker)

        assert filled == min(taker_size, sum(sizes))
        assert exchange.remaining(taker.fields) == taker_size - filled
        left = sum(exchange.remaining(order.fields) for order, _ in pairs)
        assert left == sum(sizes) - filled
        assert sum(fill.size for fill in vault.fill_at(0).makers) == -filled
