"""Exchange: who brings an order earns what its signer agreed to, on top of the market's fee."""

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
    maker_fill,
    paid_in_vault,
)

RATE = 10**14


def share(size: int, price: int = PRICE, rate: int = RATE) -> int:
    """A builder's part of a fill: notional and fee rounded down."""
    return size * price // WAD * rate // WAD


@pytest.fixture(scope="module")
def builder():
    return account_of(support.actor("builder"), 7)


@pytest.fixture(scope="module")
def other_builder():
    return account_of(support.actor("other builder"))


@pytest.fixture(params=["trade", "take", "trade_available"])
def buy(exchange, trader, request):
    """Buy of one order for the trader's account, in every way there is."""

    def call(size, signed):
        if request.param == "take":
            args = (account_of(trader), size, 0, False, TAKER_RATE, signed)
        else:
            args = (account_of(trader), MARKET, size, PRICE, 0, False, TAKER_RATE, [signed])
        return getattr(exchange, request.param)(*args, sender=trader)

    return call


@pytest.fixture(params=["match_orders", "match_available_orders"])
def match(exchange, attacker, request):
    def call(taker, makers):
        return getattr(exchange, request.param)(taker, makers, sender=attacker)

    return call


def test_makers_builder_is_paid_and_the_maker_pays_both_fees(vault, buy, maker, trader, builder):
    order, signed = maker(-WAD, builder=builder, builder_fee_rate=RATE)

    assert buy(WAD, signed) == WAD

    fill = (MARKET, account_of(trader), TAKER_RATE, False, [maker_fill(order, -WAD)])
    assert filled_in_vault(vault) == [fill]
    assert fill[4][0][3] == MAKER_RATE + RATE
    assert paid_in_vault(vault) == [(MARKET, builder, share(WAD))]


def test_builder_is_paid_on_what_is_filled_not_on_the_order(vault, buy, maker, builder):
    _, signed = maker(-5 * WAD, builder=builder, builder_fee_rate=RATE)

    buy(2 * WAD, signed)
    buy(WAD, signed)

    assert [amount for _, _, amount in paid_in_vault(vault)] == [share(2 * WAD), share(WAD)]


def test_builders_part_is_rounded_down_twice(vault, buy, maker, builder):
    """Of 3,333,333 wei of base at 3,000 - 1 wei: 9,999,998,999 wei of quote, then 999,999."""
    size = 3_333_333
    _, signed = maker(-size, limit_price=PRICE - 1, builder=builder, builder_fee_rate=RATE)

    buy(size, signed)

    exact = size * (PRICE - 1) * RATE
    assert exact % WAD**2 != 0
    assert paid_in_vault(vault) == [(MARKET, builder, exact // WAD**2)]


def test_part_below_a_wei_pays_nobody(vault, buy, maker, builder):
    _, signed = maker(-1, builder=builder, builder_fee_rate=RATE)

    assert buy(1, signed) == 1
    assert paid_in_vault(vault) == []


def test_builder_without_a_rate_gets_nothing(vault, buy, maker, builder):
    order, signed = maker(-WAD, builder=builder)

    buy(WAD, signed)

    assert filled_in_vault(vault)[0][4] == [maker_fill(order, -WAD)]
    assert paid_in_vault(vault) == []


@pytest.mark.parametrize("nobody", [0, 1, 2**96 - 1])
def test_rate_without_a_builder_reverts(exchange, vault, buy, maker, nobody):
    order, signed = maker(-WAD, builder=nobody, builder_fee_rate=1)

    with boa.reverts("exchange: zero builder"):
        buy(WAD, signed)

    assert vault.fill_count() == 0
    assert exchange.remaining(order.fields) == WAD


def test_limit_of_the_order_holds_for_both_fees_together(vault, buy, maker, builder):
    fees = {"builder": builder, "builder_fee_rate": RATE}

    with boa.reverts("exchange: fee above limit"):
        buy(WAD, maker(-WAD, max_fee_rate=MAKER_RATE + RATE - 1, **fees)[1])
    assert vault.fill_count() == 0

    assert buy(WAD, maker(-WAD, max_fee_rate=MAKER_RATE + RATE, **fees)[1]) == WAD


@pytest.mark.parametrize("rate", [2**256 - 1, 2**256 - MAKER_RATE, 2**255])
def test_rate_that_would_overflow_the_sum_reverts(vault, buy, maker, builder, rate):
    with boa.reverts("exchange: fee above limit"):
        buy(WAD, maker(-WAD, builder=builder, builder_fee_rate=rate)[1])

    assert vault.fill_count() == 0


def test_takers_builder_is_paid_on_all_fills(vault, match, maker, builder):
    fees = {"builder": builder, "builder_fee_rate": RATE, "max_fee_rate": TAKER_RATE + RATE}
    _, taker_signed = maker(3 * WAD, name="trader", **fees)
    makers = [maker(-WAD, limit_price=PRICE - 1 - n, name=f"maker {n}")[1] for n in range(3)]

    assert match(taker_signed, makers) == 3 * WAD

    assert {fill[2] for fill in filled_in_vault(vault)} == {TAKER_RATE + RATE}
    quote = sum(PRICE - 1 - n for n in range(3))
    assert paid_in_vault(vault) == [(MARKET, builder, quote * RATE // WAD)]


def test_limit_of_the_taker_holds_for_both_fees_together(vault, match, maker, builder):
    fees = {"builder": builder, "builder_fee_rate": RATE, "max_fee_rate": TAKER_RATE + RATE - 1}

    with boa.reverts("exchange: fee above limit"):
        match(maker(WAD, name="trader", **fees)[1], [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_takers_rate_without_a_builder_reverts(vault, match, maker):
    fees = {"builder_fee_rate": RATE, "max_fee_rate": TAKER_RATE + RATE}

    with boa.reverts("exchange: zero builder"):
        match(maker(WAD, name="trader", **fees)[1], [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_both_sides_may_have_builders(vault, match, maker, builder, other_builder):
    high = {"builder_fee_rate": RATE, "max_fee_rate": TAKER_RATE + RATE}
    _, taker_signed = maker(WAD, name="trader", builder=builder, **high)
    _, signed = maker(-WAD, builder=other_builder, builder_fee_rate=2 * RATE)

    match(taker_signed, [signed])

    assert paid_in_vault(vault) == [
        (MARKET, other_builder, share(WAD, rate=2 * RATE)),
        (MARKET, builder, share(WAD)),
    ]


def test_one_payment_for_each_builder_in_a_plain_call(
    exchange, vault, maker, attacker, builder, other_builder
):
    high = {"builder_fee_rate": RATE, "max_fee_rate": TAKER_RATE + RATE}
    _, taker_signed = maker(4 * WAD, name="trader", builder=builder, **high)
    builders = [builder, other_builder, builder, 0]
    makers = [
        maker(-WAD, name=f"maker {n}", builder=b, builder_fee_rate=RATE if b else 0)[1]
        for n, b in enumerate(builders)
    ]

    exchange.match_orders(taker_signed, makers, sender=attacker)

    assert vault.fill_count() == 1
    assert paid_in_vault(vault) == [
        (MARKET, builder, 2 * share(WAD) + share(4 * WAD)),
        (MARKET, other_builder, share(WAD)),
    ]


def test_one_payment_for_each_builder_in_a_trade(vault, trade, maker, builder, other_builder):
    builders = [other_builder, builder, builder, other_builder]
    makers = [
        maker(-WAD * (n + 1), name=f"maker {n}", builder=b, builder_fee_rate=RATE)[1]
        for n, b in enumerate(builders)
    ]

    trade(9 * WAD, makers)

    assert paid_in_vault(vault) == [
        (MARKET, other_builder, share(WAD) + share(3 * WAD)),
        (MARKET, builder, share(2 * WAD) + share(3 * WAD)),
    ]


def test_what_one_call_owes_is_not_paid_by_the_next(vault, trade, maker, builder):
    """Both in one transaction, where what is owed is kept."""
    _, signed = maker(-2 * WAD, builder=builder, builder_fee_rate=RATE)
    trade(WAD, [signed])
    trade(WAD, [maker(-WAD, name="maker 2", builder=builder)[1]])
    trade(WAD, [signed])

    assert paid_in_vault(vault) == [(MARKET, builder, share(WAD))] * 2


def test_skipped_makers_builder_gets_nothing(exchange, vault, trader, maker, builder, other_builder):
    bad = maker(-WAD, limit_price=PRICE + 1, builder=builder, builder_fee_rate=RATE)[1]
    refused, refused_signed = maker(-WAD, name="maker 2", builder=builder, builder_fee_rate=RATE)
    vault.set_refusal(refused.account, "margin: below initial margin")
    good = maker(-WAD, name="maker 3", builder=other_builder, builder_fee_rate=RATE)[1]
    args = (account_of(trader), MARKET, WAD, PRICE, 0, False, TAKER_RATE, [bad, refused_signed, good])

    assert exchange.trade_available(*args, sender=trader) == WAD

    assert paid_in_vault(vault) == [(MARKET, other_builder, share(WAD))]
