"""Exchange.match_orders: one signed taker against signed makers, submitted by anyone."""

import boa
import pytest

from tests import support
from tests.unit.exchange.orders import (
    MARKET,
    POST_ONLY,
    PRICE,
    TAKER_RATE,
    WAD,
    account_of,
    filled_in_vault,
    logged,
    maker_event,
    maker_fill,
    new_order,
    sign,
    taker_event,
)


@pytest.fixture(params=["buy", "sell"])
def side(request):
    """The taker's direction."""
    return 1 if request.param == "buy" else -1


@pytest.fixture
def match(exchange, attacker):
    """Submit as somebody who has nothing to do with either side."""

    def call(taker, makers):
        return exchange.match_orders(taker, makers, sender=attacker)

    return call


def test_match_orders_fills_both(exchange, vault, match, maker, side):
    taker, taker_signed = maker(side * WAD, name="trader", is_reduce_only=True)
    order, signed = maker(-side * WAD)

    assert match(taker_signed, [signed]) == WAD

    assert logged(exchange) == [
        maker_event(exchange, order, taker.account, -side * WAD, WAD),
        taker_event(exchange, taker, side * WAD, WAD),
    ]
    assert filled_in_vault(vault) == [
        (MARKET, taker.account, TAKER_RATE, True, [maker_fill(order, -side * WAD)])
    ]
    assert exchange.remaining(taker.fields) == 0
    assert exchange.remaining(order.fields) == 0


def test_match_orders_what_is_left_of_the_taker_stays(exchange, vault, match, maker, side):
    taker, taker_signed = maker(side * 5 * WAD, name="trader")
    match(taker_signed, [maker(-side * WAD)[1]])
    order, signed = maker(-side * WAD, name="maker 2")

    assert match(taker_signed, [signed]) == WAD

    assert logged(exchange) == [
        maker_event(exchange, order, taker.account, -side * WAD, WAD),
        taker_event(exchange, taker, side * WAD, 2 * WAD),
    ]
    assert exchange.remaining(taker.fields) == 3 * WAD


def test_match_orders_what_is_left_of_the_maker_stays(exchange, match, maker):
    _, taker_signed = maker(WAD, name="trader")
    order, signed = maker(-5 * WAD)

    match(taker_signed, [signed])

    assert exchange.remaining(order.fields) == 4 * WAD


def test_match_orders_sixteen_makers(exchange, vault, match, maker):
    taker, taker_signed = maker(WAD, name="trader")
    pairs = [maker(-(index + 1), name=f"maker {index}") for index in range(16)]

    assert match(taker_signed, [signed for _, signed in pairs]) == 136

    assert logged(exchange) == [
        *(maker_event(exchange, order, taker.account, order.size, -order.size) for order, _ in pairs),
        taker_event(exchange, taker, 136, 136),
    ]
    assert vault.fill_count() == 1


def test_match_orders_replay_of_a_full_taker_reverts(exchange, vault, match, maker):
    _, taker_signed = maker(WAD, name="trader")
    _, signed = maker(-5 * WAD)
    match(taker_signed, [signed])

    with boa.reverts("exchange: order filled"):
        match(taker_signed, [signed])

    assert vault.fill_count() == 1


def test_match_orders_post_only_taker_reverts(vault, match, maker):
    _, taker_signed = maker(WAD, name="trader", time_in_force=POST_ONLY)

    with boa.reverts("exchange: post-only taker"):
        match(taker_signed, [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_match_orders_unsigned_taker_reverts(exchange, vault, match, maker, trader):
    taker = new_order(trader, WAD)

    with boa.reverts("exchange: bad signature"):
        match(sign(exchange, taker, support.signer("attacker")), [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_match_orders_expired_taker_reverts(vault, match, maker):
    _, taker_signed = maker(WAD, name="trader", expiry=boa.env.timestamp - 1)

    with boa.reverts("exchange: order expired"):
        match(taker_signed, [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_match_orders_taker_at_its_last_second(match, maker):
    _, taker_signed = maker(WAD, name="trader", expiry=boa.env.timestamp)

    assert match(taker_signed, [maker(-WAD)[1]]) == WAD


def test_match_orders_zero_size_taker_reverts(vault, match, maker):
    with boa.reverts("exchange: zero size"):
        match(maker(0, name="trader")[1], [maker(WAD)[1]])

    assert vault.fill_count() == 0


def test_match_orders_too_large_a_taker_reverts(vault, match, maker):
    with boa.reverts("exchange: size too large"):
        match(maker(2**111, name="trader")[1], [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_match_orders_prices_one_wei_apart_reverts(vault, match, maker, side):
    _, taker_signed = maker(side * WAD, name="trader")

    with boa.reverts("exchange: prices do not cross"):
        match(taker_signed, [maker(-side * WAD, limit_price=PRICE + side)[1]])

    assert vault.fill_count() == 0


def test_match_orders_crossing_orders_meet_at_the_makers_price(vault, match, maker, side):
    _, taker_signed = maker(side * WAD, name="trader", limit_price=PRICE + side * 10)
    order, signed = maker(-side * WAD, limit_price=PRICE - side * 10)

    match(taker_signed, [signed])

    assert filled_in_vault(vault)[0][4] == [maker_fill(order, -side * WAD)]


def test_match_orders_other_market_reverts(vault, match, maker):
    with boa.reverts("exchange: wrong market"):
        match(maker(WAD, name="trader", market=MARKET + 1)[1], [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_match_orders_same_side_reverts(vault, match, maker, side):
    with boa.reverts("exchange: same side"):
        match(maker(side * WAD, name="trader")[1], [maker(side * WAD)[1]])

    assert vault.fill_count() == 0


def test_match_orders_of_one_owner_reverts(exchange, vault, match, maker, counterparty):
    taker = new_order(counterparty, WAD, account=account_of(counterparty, 1))

    with boa.reverts("exchange: self trade"):
        match(sign(exchange, taker, support.signer("counterparty")), [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_match_orders_no_makers_reverts(exchange, vault, match, maker):
    taker, taker_signed = maker(WAD, name="trader")

    with boa.reverts("exchange: no makers"):
        match(taker_signed, [])

    assert vault.fill_count() == 0
    assert exchange.remaining(taker.fields) == WAD


def test_match_orders_refused_by_the_vault_leaves_orders_open(exchange, vault, match, maker):
    taker, taker_signed = maker(WAD, name="trader")
    order, signed = maker(-WAD)
    vault.set_reverting(True)

    with boa.reverts("mock vault: told to revert"):
        match(taker_signed, [signed])

    assert exchange.remaining(taker.fields) == WAD
    assert exchange.remaining(order.fields) == WAD
