"""Exchange: how long an order is good for, and whether it may take or make."""

import boa
import pytest

from tests.unit.exchange.orders import (
    FOK,
    GTC,
    IOC,
    MARKET,
    POST_ONLY,
    PRICE,
    TAKER_RATE,
    WAD,
    account_of,
    digest_of,
    filled_in_vault,
    logged,
    maker_event,
    tag_of,
    taker_event,
)

CANCELLED = 2**128 - 1


@pytest.fixture(params=["match_orders", "match_available_orders"])
def match(exchange, attacker, request):
    """Match as a stranger, with and without skipping."""

    def call(taker, makers):
        return getattr(exchange, request.param)(taker, makers, sender=attacker)

    return call


@pytest.fixture(params=["trade", "take", "trade_available"])
def buy(exchange, trader, request):
    """Buy 1 base of one order for the trader's account, in every way there is."""

    def call(signed):
        if request.param == "take":
            args = (account_of(trader), WAD, 0, False, TAKER_RATE, signed)
        else:
            args = (account_of(trader), MARKET, WAD, PRICE, 0, False, TAKER_RATE, [signed])
        return getattr(exchange, request.param)(*args, sender=trader)

    return call


# --- as a maker ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time_in_force", [GTC, POST_ONLY])
def test_order_that_rests_is_a_maker(buy, maker, time_in_force):
    assert buy(maker(-WAD, time_in_force=time_in_force)[1]) == WAD


@pytest.mark.parametrize("time_in_force", [IOC, FOK, 4, 255])
def test_order_that_never_rests_is_no_maker(exchange, vault, buy, maker, time_in_force):
    order, signed = maker(-WAD, time_in_force=time_in_force)

    with boa.reverts("exchange: order never rests"):
        buy(signed)

    assert vault.fill_count() == 0
    assert exchange.lane_state(order.account, 0).sequence == 0


@pytest.mark.parametrize("time_in_force", [IOC, FOK])
def test_order_that_never_rests_is_no_maker_of_a_signed_taker(vault, match, maker, time_in_force):
    with boa.reverts("exchange: order never rests"):
        match(maker(WAD, name="trader")[1], [maker(-WAD, time_in_force=time_in_force)[1]])

    assert vault.fill_count() == 0


# --- as a taker ---------------------------------------------------------------------------------------------


def test_post_only_order_takes_nothing(vault, match, maker):
    with boa.reverts("exchange: post-only taker"):
        match(maker(WAD, name="trader", time_in_force=POST_ONLY)[1], [maker(-WAD)[1]])

    assert vault.fill_count() == 0


@pytest.mark.parametrize("time_in_force", [4, 255])
def test_unknown_time_in_force_takes_nothing(exchange, vault, match, maker, time_in_force):
    taker, taker_signed = maker(WAD, name="trader", time_in_force=time_in_force)

    with boa.reverts("exchange: bad time in force"):
        match(taker_signed, [maker(-WAD)[1]])

    assert vault.fill_count() == 0
    assert exchange.remaining(taker.fields) == 0


@pytest.mark.parametrize("time_in_force", [GTC, IOC, FOK])
def test_order_filled_whole_is_filled_whatever_its_time_in_force(exchange, match, maker, time_in_force):
    taker, taker_signed = maker(WAD, name="trader", time_in_force=time_in_force)
    order, signed = maker(-WAD)

    assert match(taker_signed, [signed]) == WAD

    assert logged(exchange) == [
        maker_event(exchange, order, taker.account, -WAD, WAD),
        taker_event(exchange, taker, WAD, WAD),
    ]
    assert exchange.remaining(taker.fields) == 0
    with boa.reverts("exchange: order filled"):
        match(taker_signed, [maker(-WAD, name="maker 2")[1]])


def test_rest_of_an_ioc_order_is_dead(exchange, vault, match, maker):
    taker, taker_signed = maker(3 * WAD, name="trader", time_in_force=IOC)
    order, signed = maker(-WAD)

    assert match(taker_signed, [signed]) == WAD

    digest = digest_of(exchange, taker)
    word = taker.sequence << 192 | tag_of(digest) << 128 | CANCELLED
    assert logged(exchange) == [
        maker_event(exchange, order, taker.account, -WAD, WAD),
        ("TakerOrderFilled", taker.account, digest, MARKET, WAD, taker.lane, word),
    ]
    assert exchange.remaining(taker.fields) == 0
    assert exchange.lane_state(taker.account, 0).is_cancelled
    with boa.reverts("exchange: order cancelled"):
        match(taker_signed, [maker(-WAD, name="maker 2")[1]])
    assert vault.fill_count() == 1


def test_rest_of_an_ioc_order_takes_its_lane_with_it_but_no_newer_order(exchange, match, maker):
    match(maker(3 * WAD, name="trader", time_in_force=IOC, sequence=5)[1], [maker(-WAD)[1]])

    same = maker(WAD, name="trader", sequence=5)
    with boa.reverts("exchange: order cancelled"):
        match(same[1], [maker(-WAD, name="maker 2")[1]])

    assert match(maker(WAD, name="trader", sequence=6)[1], [maker(-WAD, name="maker 2")[1]]) == WAD


def test_ioc_order_of_which_nothing_is_filled_is_not_used_up(exchange, match, maker):
    taker, taker_signed = maker(WAD, name="trader", time_in_force=IOC)

    with boa.reverts("exchange: prices do not cross"):
        match(taker_signed, [maker(-WAD, limit_price=PRICE + 1)[1]])

    assert exchange.remaining(taker.fields) == WAD


def test_fok_order_filled_by_one_wei_too_little_reverts(exchange, vault, match, maker):
    taker, taker_signed = maker(3 * WAD, name="trader", time_in_force=FOK)
    order, signed = maker(1 - 3 * WAD)

    with boa.reverts("exchange: not filled whole"):
        match(taker_signed, [signed])

    assert vault.fill_count() == 0
    assert exchange.remaining(taker.fields) == 3 * WAD
    assert exchange.remaining(order.fields) == 3 * WAD - 1


def test_fok_order_is_filled_by_several_makers_together(exchange, match, maker):
    taker, taker_signed = maker(3 * WAD, name="trader", time_in_force=FOK)
    makers = [maker(-WAD, name=f"maker {n}")[1] for n in range(4)]

    assert match(taker_signed, makers) == 3 * WAD
    assert exchange.remaining(taker.fields) == 0


def test_rest_of_a_gtc_order_stays_good(exchange, match, maker):
    taker, taker_signed = maker(3 * WAD, name="trader", time_in_force=GTC)

    match(taker_signed, [maker(-WAD)[1]])

    assert exchange.remaining(taker.fields) == 2 * WAD
    assert match(taker_signed, [maker(-5 * WAD, name="maker 2")[1]]) == 2 * WAD


def test_fok_order_sees_no_orders_beyond_its_size(vault, match, maker):
    """Makers that were not needed do not count, not even bad ones."""
    _, taker_signed = maker(WAD, name="trader", time_in_force=FOK)

    assert match(taker_signed, [maker(-WAD)[1], maker(WAD, name="maker 2")[1]]) == WAD
    assert len(filled_in_vault(vault)) == 1
