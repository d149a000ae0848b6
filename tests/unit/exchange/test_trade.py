"""Exchange.trade: the caller's own account against signed orders."""

import boa
import pytest

from tests import support
from tests.unit.exchange.orders import (
    MARKET,
    POST_ONLY,
    PRICE,
    TAKER_RATE,
    WAD,
    ZERO_ADDRESS,
    account_of,
    digest_of,
    filled_in_vault,
    logged,
    maker_event,
    maker_fill,
    new_order,
    sign,
    tag_of,
)


@pytest.fixture(params=["buy", "sell"])
def side(request):
    """The taker's direction."""
    return 1 if request.param == "buy" else -1


def test_trade_fills_one_maker(exchange, vault, trade, trader, maker, side):
    order, signed = maker(-side * WAD)

    assert trade(side * WAD, [signed]) == WAD

    assert logged(exchange) == [maker_event(exchange, order, account_of(trader), -side * WAD, WAD)]
    assert filled_in_vault(vault) == [
        (MARKET, account_of(trader), TAKER_RATE, False, [maker_fill(order, -side * WAD)])
    ]
    assert exchange.remaining(order.fields) == 0


def test_trade_less_than_the_makers_size_leaves_the_rest(exchange, vault, trade, trader, maker, side):
    order, signed = maker(-side * 3 * WAD)

    assert trade(side * WAD, [signed]) == WAD

    assert logged(exchange) == [maker_event(exchange, order, account_of(trader), -side * WAD, WAD)]
    assert exchange.remaining(order.fields) == 2 * WAD


def test_trade_second_fill_adds_to_the_first(exchange, vault, trade, trader, maker, side):
    order, signed = maker(-side * 3 * WAD)
    trade(side * WAD, [signed])

    assert trade(side * 5 * WAD, [signed]) == 2 * WAD

    assert logged(exchange) == [maker_event(exchange, order, account_of(trader), -side * 2 * WAD, 3 * WAD)]
    assert [fill[4][0][1] for fill in filled_in_vault(vault)] == [-side * WAD, -side * 2 * WAD]
    assert exchange.remaining(order.fields) == 0


def test_trade_full_order_again_reverts(exchange, vault, trade, maker):
    _, signed = maker(-WAD)
    trade(WAD, [signed])

    with boa.reverts("exchange: order filled"):
        trade(WAD, [signed])

    assert vault.fill_count() == 1


def test_trade_same_order_twice_in_one_call_counts_together(exchange, vault, trade, maker):
    order, signed = maker(-3 * WAD)

    with boa.reverts("exchange: order filled"):
        trade(4 * WAD, [signed, signed])

    assert vault.fill_count() == 0
    assert exchange.remaining(order.fields) == 3 * WAD


def test_trade_each_maker_at_its_own_price(exchange, vault, trade, trader, maker):
    first, first_signed = maker(-WAD, limit_price=PRICE - 2)
    second, second_signed = maker(-2 * WAD, name="maker 2", limit_price=PRICE, is_reduce_only=True)

    assert trade(5 * WAD, [first_signed, second_signed]) == 3 * WAD

    taker = account_of(trader)
    assert logged(exchange) == [
        maker_event(exchange, first, taker, -WAD, WAD),
        maker_event(exchange, second, taker, -2 * WAD, 2 * WAD),
    ]
    assert filled_in_vault(vault) == [
        (MARKET, taker, TAKER_RATE, False, [maker_fill(first, -WAD), maker_fill(second, -2 * WAD)])
    ]


def test_trade_makers_beyond_the_size_are_left_alone(exchange, vault, trade, trader, maker):
    first, first_signed = maker(-WAD)
    second, _ = maker(-WAD, name="maker 2")

    assert trade(WAD, [first_signed, (second.fields, ZERO_ADDRESS, b"not even signed")]) == WAD

    assert logged(exchange) == [maker_event(exchange, first, account_of(trader), -WAD, WAD)]
    assert exchange.remaining(second.fields) == WAD


def test_trade_sixteen_makers(exchange, vault, trade, trader, maker):
    pairs = [maker(-(index + 1), name=f"maker {index}") for index in range(16)]

    assert trade(10 * WAD, [signed for _, signed in pairs]) == 136

    assert logged(exchange) == [
        maker_event(exchange, order, account_of(trader), order.size, -order.size) for order, _ in pairs
    ]
    ((_, _, _, _, fills),) = filled_in_vault(vault)
    assert fills == [maker_fill(order, order.size) for order, _ in pairs]


def test_trade_seventeen_makers_reverts(vault, trade, maker):
    makers = [maker(-1, name=f"maker {index}")[1] for index in range(17)]

    with boa.reverts():
        trade(WAD, makers)

    assert vault.fill_count() == 0


def test_trade_reduce_only_flag_reaches_the_vault(vault, trade, maker):
    trade(WAD, [maker(-WAD)[1]], is_reduce_only=True)

    assert filled_in_vault(vault)[0][3] is True


def test_trade_post_only_maker_is_welcome(vault, trade, maker):
    assert trade(WAD, [maker(-WAD, time_in_force=POST_ONLY)[1]]) == WAD


def test_trade_no_makers_reverts(vault, trade):
    with boa.reverts("exchange: no makers"):
        trade(WAD, [])

    assert vault.fill_count() == 0


# --- size ---------------------------------------------------------------------------------------------------


def test_trade_min_fill_reached_exactly(trade, maker):
    assert trade(2 * WAD, [maker(-WAD)[1]], min_fill=WAD) == WAD


def test_trade_min_fill_missed_reverts(exchange, vault, trade, maker):
    order, signed = maker(-WAD)

    with boa.reverts("exchange: fill too small"):
        trade(2 * WAD, [signed], min_fill=WAD + 1)

    assert vault.fill_count() == 0
    assert exchange.remaining(order.fields) == WAD


def test_trade_zero_size_reverts(vault, trade, maker):
    with boa.reverts("exchange: zero size"):
        trade(0, [maker(-WAD)[1]])

    assert vault.fill_count() == 0


@pytest.mark.parametrize("taker_buys", [True, False])
def test_trade_zero_size_maker_reverts(vault, trade, maker, taker_buys):
    with boa.reverts("exchange: zero size"):
        trade(WAD if taker_buys else -WAD, [maker(0)[1]])

    assert vault.fill_count() == 0


def test_trade_largest_size(exchange, trade, maker, side):
    largest = exchange.MAX_SIZE()
    order, signed = maker(-side * largest)

    assert trade(side * largest, [signed]) == largest

    assert exchange.remaining(order.fields) == 0
    assert exchange.lane_state(order.account, 0).filled == largest


@pytest.mark.parametrize("size", [2**111, -(2**111), 2**255 - 1, -(2**255)])
def test_trade_size_above_the_largest_reverts(vault, trade, maker, size):
    with boa.reverts("exchange: size too large"):
        trade(size, [maker(-WAD if size > 0 else WAD)[1]])

    assert vault.fill_count() == 0


@pytest.mark.parametrize("size", [2**111, -(2**111), 2**255 - 1, -(2**255)])
def test_trade_maker_size_above_the_largest_reverts(vault, trade, maker, size):
    with boa.reverts("exchange: size too large"):
        trade(-WAD if size > 0 else WAD, [maker(size)[1]])

    assert vault.fill_count() == 0


# --- price, side, market, owner, time -----------------------------------------------------------------------


def test_trade_price_just_crosses(trade, maker, side):
    assert trade(side * WAD, [maker(-side * WAD, limit_price=PRICE)[1]], limit_price=PRICE) == WAD


def test_trade_price_one_wei_past_the_limit_reverts(vault, trade, maker, side):
    _, signed = maker(-side * WAD, limit_price=PRICE + side)

    with boa.reverts("exchange: prices do not cross"):
        trade(side * WAD, [signed])

    assert vault.fill_count() == 0


def test_trade_same_side_reverts(vault, trade, maker, side):
    with boa.reverts("exchange: same side"):
        trade(side * WAD, [maker(side * WAD)[1]])

    assert vault.fill_count() == 0


def test_trade_other_market_reverts(vault, trade, maker):
    with boa.reverts("exchange: wrong market"):
        trade(WAD, [maker(-WAD, market=MARKET + 1)[1]])

    assert vault.fill_count() == 0


@pytest.mark.parametrize("sub_account", [0, 1, 2**96 - 1])
def test_trade_with_an_account_of_the_same_owner_reverts(exchange, vault, trade, trader, maker, sub_account):
    _, signed = maker(-WAD, name="trader", account=account_of(trader, sub_account))

    with boa.reverts("exchange: self trade"):
        trade(WAD, [signed])

    assert vault.fill_count() == 0


def test_trade_owners_that_differ_in_one_bit(exchange, vault, trade, trader, counterparty, maker):
    neighbour = f"0x{int(counterparty, 16) ^ 1:040x}"
    vault.set_operator(trader, True, sender=neighbour)
    _, signed = maker(-WAD)

    assert trade(WAD, [signed], account=account_of(neighbour)) == WAD


def test_trade_at_the_last_second_of_an_order(trade, maker):
    assert trade(WAD, [maker(-WAD, expiry=boa.env.timestamp)[1]]) == WAD


def test_trade_one_second_after_expiry_reverts(exchange, vault, trade, maker):
    order, signed = maker(-WAD, expiry=boa.env.timestamp - 1)

    with boa.reverts("exchange: order expired"):
        trade(WAD, [signed])

    assert vault.fill_count() == 0
    assert exchange.remaining(order.fields) == 0


# --- who ----------------------------------------------------------------------------------------------------


def test_trade_by_an_operator_of_the_owner(vault, trade, trader, operator, maker):
    vault.set_operator(operator, True, sender=trader)

    assert trade(WAD, [maker(-WAD)[1]], sender=operator) == WAD

    assert filled_in_vault(vault)[0][1] == account_of(trader)


def test_trade_by_a_former_operator_reverts(vault, trade, trader, operator, maker):
    vault.set_operator(operator, True, sender=trader)
    vault.set_operator(operator, False, sender=trader)

    with boa.reverts("exchange: not owner or operator"):
        trade(WAD, [maker(-WAD)[1]], sender=operator)

    assert vault.fill_count() == 0


def test_trade_by_a_stranger_reverts(vault, trade, attacker, maker):
    with boa.reverts("exchange: not owner or operator"):
        trade(WAD, [maker(-WAD)[1]], sender=attacker)

    assert vault.fill_count() == 0


def test_trade_for_ones_own_operator_reverts(vault, trade, trader, operator, maker):
    vault.set_operator(operator, True, sender=trader)

    with boa.reverts("exchange: not owner or operator"):
        trade(WAD, [maker(-WAD)[1]], account=account_of(operator), sender=trader)

    assert vault.fill_count() == 0


# --- the vault ----------------------------------------------------------------------------------------------


def test_trade_refused_by_the_vault_leaves_orders_open(exchange, vault, trade, maker):
    order, signed = maker(-WAD)
    vault.set_reverting(True)

    with boa.reverts("mock vault: told to revert"):
        trade(WAD, [signed])

    assert exchange.remaining(order.fields) == WAD
    assert exchange.lane_state(order.account, 0).sequence == 0


def test_trade_lane_remembers_the_order(exchange, trade, maker):
    order, signed = maker(-3 * WAD, lane=9, sequence=77)

    trade(WAD, [signed])

    tag = tag_of(digest_of(exchange, order))
    assert tuple(exchange.lane_state(order.account, 9)) == (0, 77, tag, WAD, False)
    assert tuple(exchange.lane_state(order.account, 0)) == (0, 0, 0, 0, False)


def test_trade_two_sub_accounts_of_one_maker(exchange, trade, counterparty, maker):
    first, first_signed = maker(-WAD)
    second = new_order(counterparty, -WAD, account=account_of(counterparty, 5))

    trade(2 * WAD, [first_signed, sign(exchange, second, support.signer("counterparty"))])

    assert exchange.remaining(first.fields) == 0
    assert exchange.remaining(second.fields) == 0
