"""Exchange.take: the caller's own account against one signed order, at that order's price."""

import boa
import pytest

from tests import support
from tests.unit.exchange.orders import (
    MAKER_RATE,
    MARKET,
    PRICE,
    TAKER_RATE,
    WAD,
    account_of,
    filled_in_vault,
    logged,
    maker_event,
    maker_fill,
)


@pytest.fixture
def take(exchange, trader):
    """Take with the trader's account, by default at the market's own fee."""

    def call(
        size,
        signed,
        account=None,
        min_fill=0,
        is_reduce_only=False,
        max_fee_rate=TAKER_RATE,
        sender=None,
    ):
        account = account_of(trader) if account is None else account
        with boa.env.prank(trader if sender is None else sender):
            return exchange.take(account, size, min_fill, is_reduce_only, max_fee_rate, signed)

    return call


@pytest.fixture(params=[1, -1], ids=["buy", "sell"])
def side(request):
    """The taker's direction."""
    return request.param


@pytest.mark.parametrize("is_reduce_only", [True, False])
def test_take_fills_the_order_at_its_price(exchange, vault, take, trader, maker, side, is_reduce_only):
    order, signed = maker(-side * WAD, limit_price=PRICE + 7, is_reduce_only=not is_reduce_only)

    assert take(side * WAD, signed, is_reduce_only=is_reduce_only) == WAD

    assert logged(exchange) == [maker_event(exchange, order, account_of(trader), -side * WAD, WAD)]
    assert filled_in_vault(vault) == [
        (MARKET, account_of(trader), TAKER_RATE, is_reduce_only, [maker_fill(order, -side * WAD)])
    ]
    assert exchange.remaining(order.fields) == 0


@pytest.mark.parametrize("size", [1, WAD, 3 * WAD - 1, 3 * WAD, 3 * WAD + 1, 2**111 - 1])
def test_take_fills_what_both_want(exchange, take, trader, maker, side, size):
    order, signed = maker(-side * 3 * WAD)
    filled = min(size, 3 * WAD)

    assert take(side * size, signed) == filled

    assert logged(exchange) == [maker_event(exchange, order, account_of(trader), -side * filled, filled)]
    assert exchange.remaining(order.fields) == 3 * WAD - filled


def test_take_adds_to_what_trade_has_filled(exchange, vault, trade, take, maker):
    order, signed = maker(-3 * WAD)
    trade(WAD, [signed])

    assert take(5 * WAD, signed) == 2 * WAD

    assert [fill[4][0][1] for fill in filled_in_vault(vault)] == [-WAD, -2 * WAD]
    with boa.reverts("exchange: order filled"):
        take(WAD, signed)
    assert exchange.remaining(order.fields) == 0


def test_take_with_exactly_the_least_to_be_filled(exchange, vault, take, maker):
    order, signed = maker(-3 * WAD)

    with boa.reverts("exchange: fill too small"):
        take(5 * WAD, signed, min_fill=3 * WAD + 1)
    assert exchange.remaining(order.fields) == 3 * WAD

    assert take(5 * WAD, signed, min_fill=3 * WAD) == 3 * WAD


@pytest.mark.parametrize(
    ("reason", "size", "order_size", "order_fields", "options"),
    [
        ("exchange: zero size", 0, -WAD, {}, {}),
        ("exchange: size too large", 2**111, -WAD, {}, {}),
        ("exchange: size too large", -(2**255), WAD, {}, {}),
        ("exchange: same side", WAD, WAD, {}, {}),
        ("exchange: same side", -WAD, -WAD, {}, {}),
        ("exchange: fee above limit", WAD, -WAD, {}, {"max_fee_rate": TAKER_RATE - 1}),
        ("exchange: fee above limit", WAD, -WAD, {"max_fee_rate": MAKER_RATE - 1}, {}),
        ("exchange: order expired", WAD, -WAD, {"expiry": 0}, {}),
        ("exchange: wrong era", WAD, -WAD, {"sequence": 1 << 44}, {}),
    ],
)
def test_take_refuses_and_changes_nothing(
    exchange, vault, take, maker, reason, size, order_size, order_fields, options
):
    order, signed = maker(order_size, **order_fields)

    with boa.reverts(reason):
        take(size, signed, **options)

    assert vault.fill_count() == 0
    assert exchange.lane_state(order.account, order.lane).filled == 0


def test_take_of_an_order_somebody_else_signed_reverts(exchange, vault, take, maker):
    _, good = maker(-WAD)
    _, other = maker(-WAD, name="maker 2")

    with boa.reverts("exchange: bad signature"):
        take(WAD, (good[0], good[1], other[2]))

    assert vault.fill_count() == 0


def test_take_of_ones_own_order_reverts(vault, take, maker):
    _, signed = maker(-WAD, name="trader")

    with boa.reverts("exchange: self trade"):
        take(WAD, signed)

    assert vault.fill_count() == 0


def test_take_of_a_cancelled_order_reverts(exchange, vault, take, maker):
    order, signed = maker(-WAD)
    exchange.cancel(order.account, order.lane, order.sequence, sender=support.actor("counterparty"))

    with boa.reverts("exchange: order cancelled"):
        take(WAD, signed)

    assert vault.fill_count() == 0


def test_take_by_a_stranger_reverts(vault, take, maker, attacker):
    _, signed = maker(-WAD)

    with boa.reverts("exchange: not owner or operator"):
        take(WAD, signed, sender=attacker)

    assert vault.fill_count() == 0


def test_an_operator_takes_for_the_owner(vault, take, trader, maker):
    operator = support.actor("operator")
    vault.set_operator(operator, True, sender=trader)
    _, signed = maker(-WAD)

    assert take(WAD, signed, sender=operator) == WAD
