"""MarginVault.fill: who may, at what price, and what is judged before anything moves."""

import boa
import pytest

from tests.kernel import Kernel, account_of, margin_config, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import low, tick_at
from tests.unit.margin_vault.actions import (
    COUNTERPARTY,
    TRADER,
    by,
    events,
    govern,
    ledger,
    maker,
    margin_tuple,
    opposite,
    raw_fill,
    signed,
    trade,
)

BAND = margin_config()["price_band"] * 100
PRICE = wad(100)


def assert_refused(kernel: Kernel, message: str, makers: list[tuple], **options: object) -> None:
    before = ledger(kernel)
    with boa.reverts(message):
        raw_fill(kernel, makers, **options)
    assert ledger(kernel) == before


def side(direction: str, size: int) -> int:
    """A maker's change when the trader takes `size` in a direction."""
    return -signed(direction, size)


def word_event(kernel: Kernel, account: int, change: int, **figures: int) -> tuple:
    """What a fill logs for an account, with the words as they are stored."""
    words = kernel.vault.account_word(account), kernel.vault.position_word(account, 0)
    price, realised, fee = (figures.get(name, 0) for name in ("price", "realised", "fee"))
    return ("PositionChanged", account, 0, change, price or PRICE, realised, fee, *words)


@pytest.mark.parametrize("decimals", [6, 8, 18], indirect=True, scope="module")
def test_fill_opens_both_sides_and_logs_only_them(traders, trader, counterparty, direction):
    raw_fill(traders, [maker(counterparty, side(direction, wad(2)), PRICE)])
    logged = events(traders)
    change = signed(direction, wad(2))
    assert logged == [
        word_event(traders, counterparty, -change),
        word_event(traders, trader, change),
    ]
    position = traders.position(trader)
    assert (position.size, position.notional) == (change, signed(direction, wad(200)))
    assert traders.position(counterparty).size == -change
    assert traders.vault.market_words(0)[12] & (2**112 - 1) == wad(2)
    traders.assert_conserved(dust=0)


@pytest.mark.parametrize("name", ["stranger", TRADER, "governance", "engine", "allocator", "guardian"])
def test_fill_by_anyone_but_the_exchange_reverts(traders, counterparty, name):
    assert_refused(traders, "vault: not exchange", [maker(counterparty, wad(-1), PRICE)], sender=name)


def test_fill_without_makers_reverts(traders):
    assert_refused(traders, "vault: no makers", [])


def test_fill_of_nothing_reverts(traders, counterparty):
    assert_refused(traders, "vault: zero size", [maker(counterparty, 0, PRICE)])


def test_fill_with_a_second_part_of_nothing_reverts(traders, counterparty):
    parts = [maker(counterparty, wad(-1), PRICE), maker(counterparty, 0, PRICE)]
    assert_refused(traders, "vault: zero size", parts)


@pytest.mark.parametrize("beyond", [1, 2**255 - 2**111])
def test_fill_above_the_largest_size_reverts(traders, counterparty, direction, max_size, beyond):
    size = side(direction, max_size + beyond)
    assert_refused(traders, "vault: size too large", [maker(counterparty, size, PRICE)])


def test_fill_of_the_largest_size_is_judged_by_the_margin(traders, counterparty, direction, max_size):
    size = side(direction, max_size)
    assert_refused(traders, "margin: below initial margin", [maker(counterparty, size, PRICE)])


def test_fill_against_buyers_and_sellers_reverts(traders, counterparty, direction):
    parts = [
        maker(counterparty, side(direction, wad(1)), PRICE),
        maker(counterparty, side(opposite(direction), wad(1)), PRICE),
    ]
    assert_refused(traders, "vault: mixed sides", parts)


@pytest.mark.parametrize("sub", [0, 1])
def test_fill_against_an_account_of_the_same_owner_reverts(traders, sub):
    """Attacks T01, T02, T14: nobody trades with himself."""
    traders.fund_account(TRADER, 1_000, sub=1)
    assert_refused(traders, "vault: self trade", [maker(account_of(TRADER, sub), wad(-1), PRICE)])


def test_fill_that_hides_a_self_trade_among_others_reverts(traders, counterparty):
    traders.fund_account(TRADER, 1_000, sub=1)
    parts = [
        maker(counterparty, wad(-1), PRICE),
        maker(account_of(TRADER, 1), wad(-1), PRICE),
    ]
    assert_refused(traders, "vault: self trade", parts)


@pytest.mark.parametrize("price", [PRICE - BAND // wad(1), PRICE + BAND // wad(1)])
def test_fill_at_the_edge_of_the_band_passes(traders, counterparty, direction, price):
    raw_fill(traders, [maker(counterparty, side(direction, wad(1)), price)])
    traders.assert_conserved(dust=0)


@pytest.mark.parametrize(
    "price", [0, PRICE - wad(1) - 1, PRICE + wad(1) + 1, 2**256 - 1], ids=["0", "low", "high", "most"]
)
def test_fill_beyond_the_band_reverts(traders, counterparty, direction, price):
    """Attack T01: off-market trades between friends."""
    part = maker(counterparty, side(direction, wad(1)), price)
    assert_refused(traders, "vault: price out of band", [part])


def test_the_band_is_the_configured_one(traders, counterparty):
    govern(traders.vault.set_margin_config, 0, margin_tuple(price_band=wad("0.001")))
    raw_fill(traders, [maker(counterparty, wad(-1), PRICE + wad("0.1"))])
    part = maker(counterparty, wad(-1), PRICE + wad("0.1") + 1)
    assert_refused(traders, "vault: price out of band", [part])


@pytest.mark.parametrize("market", [1, 31, 32, 255, 2**256 - 1])
def test_fill_in_an_unknown_market_reverts(traders, counterparty, market):
    assert_refused(traders, "market: unknown", [maker(counterparty, wad(-1), PRICE)], market=market)


@pytest.mark.parametrize(("late", "is_refused"), [(0, False), (1, True)])
def test_fill_needs_a_fresh_mark(traders, counterparty, late, is_refused):
    traders.set_price(100)
    boa.env.timestamp += margin_config()["max_mark_age"] + late
    parts = [maker(counterparty, wad(-1), PRICE)]
    if is_refused:
        assert_refused(traders, "market: stale mark", parts)
    else:
        raw_fill(traders, parts)
        traders.assert_conserved()


@pytest.mark.parametrize("taker_pays", [True, False])
def test_fill_above_the_highest_fee_reverts(traders, counterparty, max_fee_rate, taker_pays):
    rates = (max_fee_rate + 1, 0) if taker_pays else (0, max_fee_rate + 1)
    part = maker(counterparty, wad(-1), PRICE, rates[1])
    assert_refused(traders, "vault: fee too high", [part], fee_rate=rates[0])


def test_fill_at_the_highest_fee_charges_both_sides(traders, trader, counterparty, max_fee_rate):
    raw_fill(traders, [maker(counterparty, wad(-1), PRICE, max_fee_rate)], fee_rate=max_fee_rate)
    fee = 100 * max_fee_rate
    logged = events(traders)
    assert [event[6] for event in logged] == [fee, fee]
    assert traders.state(trader).cash == traders.state(counterparty).cash == wad(1_000) - fee
    assert traders.vault.fee_state().trading == 2 * fee
    traders.assert_conserved(dust=0)


def test_fees_are_rounded_against_the_payer(traders, trader, counterparty):
    """A wei of base more makes the fee's last digit count."""
    raw_fill(traders, [maker(counterparty, -wad(1) - 1, PRICE, 3)], fee_rate=7)
    notional = wad(100) + 100
    assert traders.state(trader).cash == wad(1_000) + (-notional * 7 // wad(1))
    assert traders.state(counterparty).cash == wad(1_000) + (-notional * 3 // wad(1))
    traders.assert_conserved(dust=0)


def test_fill_in_a_closing_market_only_reduces(traders, counterparty, direction):
    trade(traders, direction, 4)
    govern(traders.vault.set_market_status, 0, 2)
    more = maker(counterparty, side(direction, wad(1)), PRICE)
    assert_refused(traders, "market: close only", [more])
    trade(traders, opposite(direction), 1)
    traders.assert_conserved()


@pytest.mark.parametrize("mode", [2, 3, 4])
def test_fill_in_a_restricted_mode_only_reduces(traders, counterparty, direction, mode):
    trade(traders, direction, 4)
    govern(traders.vault.set_risk_mode, mode, wad(1))
    more = maker(counterparty, side(direction, wad(1)), PRICE)
    assert_refused(traders, "vault: reduce only mode", [more])
    trade(traders, opposite(direction), 1)
    traders.assert_conserved()


@pytest.mark.parametrize("mode", [0, 1])
def test_fill_in_an_open_mode_passes(traders, trader, direction, mode):
    govern(traders.vault.set_risk_mode, mode, wad(1))
    trade(traders, direction, 1)
    assert traders.position(trader).size == signed(direction, wad(1))
    traders.assert_conserved()


def test_fill_while_paused_only_reduces(traders, counterparty, direction):
    trade(traders, direction, 4)
    by("guardian", traders.vault.set_paused, True)
    more = maker(counterparty, side(direction, wad(1)), PRICE)
    assert_refused(traders, "vault: paused", [more])
    trade(traders, opposite(direction), 1)
    traders.assert_conserved()


def test_fill_of_an_account_that_never_deposited_reverts(traders):
    """Its exchange version is none."""
    part = maker(account_of("stranger"), wad(-1), PRICE)
    assert_refused(traders, "vault: exchange not accepted", [part])


@pytest.mark.parametrize("who", ["taker", "maker"])
def test_a_reduce_only_order_does_not_open(traders, counterparty, direction, who):
    part = maker(counterparty, side(direction, wad(1)), PRICE, 0, who == "maker")
    assert_refused(traders, "vault: not a reduction", [part], is_reduce_only=who == "taker")


def test_a_reduce_only_order_does_not_increase(traders, counterparty, direction):
    trade(traders, direction, 2)
    part = maker(counterparty, side(direction, wad(1)), PRICE)
    assert_refused(traders, "vault: not a reduction", [part], is_reduce_only=True)


def test_a_reduce_only_order_does_not_go_through_zero(traders, direction):
    """Attack T07: one wei more than the position is no reduction."""
    trade(traders, direction, 2)
    other = traders.fund_account("sibling", 1_000)
    part = maker(other, side(opposite(direction), wad(2) + 1), PRICE)
    assert_refused(traders, "vault: not a reduction", [part], is_reduce_only=True)


def test_a_reduce_only_order_closes_to_the_last_wei(traders, trader, counterparty, direction):
    trade(traders, direction, 2)
    part = maker(counterparty, side(opposite(direction), wad(2)), PRICE, 0, True)
    raw_fill(traders, [part], is_reduce_only=True)
    assert traders.position(trader).size == traders.position(counterparty).size == 0
    assert traders.vault.market_words(0)[12] & (2**112 - 1) == 0
    traders.assert_conserved(dust=0)


def test_seventeen_makers_do_not_fit_a_fill(traders, counterparty):
    before = ledger(traders)
    with boa.reverts():
        raw_fill(traders, [maker(counterparty, wad(-1), PRICE)] * 17)
    assert ledger(traders) == before


def test_sixteen_makers_fill_each_at_its_own_price(traders, trader, direction):
    prices = [PRICE + n * wad("0.05") for n in range(16)]
    names = [f"maker {n}" for n in range(16)]
    accounts = [traders.fund_account(name, 1_000) for name in names]
    size = side(direction, wad(1))
    raw_fill(traders, [maker(a, size, p) for a, p in zip(accounts, prices, strict=True)])
    assert len(events(traders)) == 17
    for account, price in zip(accounts, prices, strict=True):
        assert traders.position(account).notional == side(direction, price)
    assert traders.position(trader).size == signed(direction, wad(16))
    assert traders.position(trader).notional == signed(direction, sum(prices))
    traders.assert_conserved(dust=0)


def test_one_maker_may_fill_twice(traders, trader, counterparty, direction):
    size = side(direction, wad(1))
    raw_fill(traders, [maker(counterparty, size, PRICE), maker(counterparty, 2 * size, PRICE + 7)])
    assert traders.position(counterparty).size == 3 * size
    assert traders.position(trader).size == -3 * size
    traders.assert_conserved()


def test_fill_off_mark_moves_no_equity_beyond_the_price(traders, trader, counterparty, direction):
    """Attack T01: what one side gains the other loses, in the same call."""
    raw_fill(traders, [maker(counterparty, side(direction, wad(1)), PRICE + wad("0.5"))])
    gain = signed(opposite(direction), wad("0.5"))
    assert traders.state(trader).equity == wad(1_000) + gain
    assert traders.state(counterparty).equity == wad(1_000) - gain
    traders.assert_conserved(dust=0)


def test_an_operator_has_no_way_to_fill(traders, counterparty):
    by(TRADER, traders.vault.set_operator, actor("operator"), True)
    part = maker(counterparty, wad(-1), PRICE)
    assert_refused(traders, "vault: not exchange", [part], sender="operator")


def test_fill_leaves_the_names_apart(traders, trader, counterparty):
    """Three accounts of two owners: only those named move."""
    sibling = traders.fund_account(COUNTERPARTY, 10, sub=1)
    before = traders.vault.account_word(sibling)
    trade(traders, "long", 1)
    assert traders.vault.account_word(sibling) == before
    assert traders.position(sibling).size == 0
    traders.assert_conserved()


# --- adding until the entry is near the mark: in its tick, or in the one next to it -------------------------


def take_mark(kernel: Kernel, price: int) -> None:
    """To the wei."""
    wait(60)
    kernel.oracle.set_price(0, price)
    kernel.vault.update_mark(0)


def add(kernel: Kernel, direction: str, size: int, mark: int) -> None:
    """The trader adds at mark: as taker when he is long, as maker when he is short."""
    if direction == "long":
        raw_fill(kernel, [maker(account_of(COUNTERPARTY), -size, mark)])
    else:
        raw_fill(kernel, [maker(account_of(TRADER), -size, mark)], taker=account_of(COUNTERPARTY))


def in_profit(kernel: Kernel, direction: str) -> int:
    """The trader has won 20 on 2 since 100; the mark. The counterparty can bear what is added."""
    kernel.fund_account(COUNTERPARTY, 10_000)
    trade(kernel, direction, 2)
    kernel.set_price(100 + signed(direction, 10))
    return kernel.vault.mark(0)


def least_addition(mark: int) -> int:
    """The smallest addition to 2 at 100 that brings the entry, rounded down, next to the tick of a mark."""
    below, enough = 0, 1000 * PRICE
    while enough - below > 1:
        size = (below + enough) // 2
        entry = (2 * PRICE * wad(1) + mark * size) // (wad(2) + size)
        is_there = abs(tick_at(entry) - tick_at(mark)) <= 1
        below, enough = (below, size) if is_there else (size, enough)
    return enough


def test_adding_until_the_entry_is_near_the_mark_books_the_profit(traders, trader, counterparty, direction):
    """
    Attack X18: ADL and rounds spare what straddles the mark, so nobody brings a profit near it by adding. It
    is realised, in reach as maturing profit, and the entry is the mark.
    """
    mark = in_profit(traders, direction)
    equity = traders.state(trader).equity
    size = least_addition(mark)
    add(traders, direction, size, mark)
    logged = events(traders)
    change = signed(direction, size)
    realised = word_event(traders, trader, change, price=mark, realised=wad(20))
    maturing = ("MaturingChanged", trader, 0)
    words = traders.vault.maturing_word(trader, 0), traders.vault.market_words(0)[3]
    expected = [(*maturing, *words), realised]
    other = word_event(traders, counterparty, -change, price=mark)
    assert logged == ([other, *expected] if direction == "long" else [*expected, other])
    p = traders.position(trader)
    held = wad(2) + size
    assert (p.size, p.notional) == (signed(direction, held), signed(direction, held * mark // wad(1)))
    assert (p.unrealised, p.maturing) == (0, wad(20))
    assert traders.state(trader).equity == equity
    assert traders.state(trader).withdrawable < wad(1_000)
    traders.assert_conserved()


def test_adding_a_wei_less_books_nothing(traders, trader, direction):
    """The entry is a wei of the price beyond the tick's border: there it is in reach where it is."""
    mark = in_profit(traders, direction)
    size = least_addition(mark) - 1
    add(traders, direction, size, mark)
    assert [(event[0], event[5]) for event in events(traders)] == [("PositionChanged", 0)] * 2
    p = traders.position(trader)
    assert abs(p.notional) == 2 * PRICE + size * mark // wad(1)
    assert (p.unrealised, p.maturing) == (wad(20), 0)
    traders.assert_conserved()


@pytest.mark.parametrize("is_in_upper", [True, False])
def test_a_mark_at_the_border_of_two_ticks_lies_in_the_upper(traders, trader, direction, is_in_upper):
    """Entries more than a tick below (long) or above (short) a border; the mark on it, and a wei below."""
    traders.fund_account(COUNTERPARTY, 10_000)
    trade(traders, direction, 2)
    border = low(tick_at(wad(110 if direction == "long" else 90)))
    mark = border - (not is_in_upper)
    take_mark(traders, mark)
    add(traders, direction, wad(9), mark)
    p = traders.position(trader)
    is_booked = is_in_upper == (direction == "short")
    profit = abs(mark - PRICE) * 2
    # maturing profit goes by steps of 1e-9 quote, what is less is cash
    step = profit - profit % 10**9
    assert (p.unrealised, p.maturing) == ((0, step) if is_booked else (profit, 0))
    assert traders.state(trader).equity == wad(1_000) + profit
    traders.assert_conserved()


def test_an_entry_half_a_wei_below_a_tick_lies_in_the_one_before(traders, trader, direction):
    """As much on a border as a wei below it: the entry price is rounded down."""
    border = low(tick_at(wad(100)))
    take_mark(traders, border)
    add(traders, direction, wad(2), border)
    assert traders.position(trader).key >> 6 & 0x3FFF == tick_at(border)
    add(traders, direction, wad(2), border - 1)
    p = traders.position(trader)
    assert abs(p.notional) == 4 * border - 2
    assert p.key >> 6 & 0x3FFF == tick_at(border) - 1


def test_adding_within_the_marks_tick_books_nothing(traders, trader, direction):
    """Who is there already has at most a tick's width of profit, and has hidden nothing by adding."""
    trade(traders, direction, 2)
    traders.set_price("100.2" if direction == "long" else "99.8")
    mark = traders.vault.mark(0)
    assert tick_at(mark) == tick_at(PRICE)
    add(traders, direction, wad(10), mark)
    p = traders.position(trader)
    assert abs(p.notional) == 2 * PRICE + 10 * mark
    assert (p.unrealised, p.maturing) == (wad("0.4"), 0)
    traders.assert_conserved()


@pytest.mark.parametrize("off", [0, 1])
def test_adding_into_the_marks_tick_without_profit_books_nothing(traders, trader, direction, off):
    """A loss stays open; so does a profit of nothing, when the addition costs what the position has won."""
    traders.fund_account(COUNTERPARTY, 10_000)
    trade(traders, direction, 2)
    traders.set_price(100 - signed(direction, 2) if off == 0 else 100 + signed(direction, 2))
    mark = traders.vault.mark(0)
    price = mark + signed(direction, wad("0.1")) * off
    size = wad(60) if off == 0 else wad(40)
    add(traders, direction, size, price)
    # (the counterparty's profit is booked in the first case: it adds as well)
    own = [event for event in events(traders) if event[1] == trader]
    assert [(event[0], event[5]) for event in own] == [("PositionChanged", 0)]
    p = traders.position(trader)
    assert tick_at(abs(p.notional) * wad(1) // abs(p.size)) == tick_at(mark)
    assert (p.unrealised, p.maturing) == (0 if off else -wad(4), 0)
    traders.assert_conserved()


def test_adding_off_mark_books_what_is_left_of_the_profit(traders, trader, direction):
    """20 won, 2 given away on the price of the addition."""
    mark = in_profit(traders, direction)
    add(traders, direction, wad(100), mark + signed(direction, wad("0.02")))
    p = traders.position(trader)
    assert (p.unrealised, p.maturing) == (0, wad(18))
    assert abs(p.notional) == 102 * mark
    traders.assert_conserved()


def test_opening_in_the_marks_tick_at_a_better_price_books_nothing(traders, trader, direction):
    price = PRICE - signed(direction, wad("0.2"))
    add(traders, direction, wad(2), price)
    p = traders.position(trader)
    assert (abs(p.notional), p.unrealised, p.maturing) == (2 * price, wad("0.4"), 0)
    traders.assert_conserved(dust=0)


def test_going_through_zero_books_the_profit_once(traders, trader, direction):
    """What was held is realised as ever; what is new is at mark and has won nothing."""
    mark = in_profit(traders, direction)
    trade(traders, opposite(direction), 50)
    p = traders.position(trader)
    assert (p.size, abs(p.notional)) == (-signed(direction, wad(48)), 48 * mark)
    assert (p.unrealised, p.maturing) == (0, wad(20))
    traders.assert_conserved()


def test_reducing_in_the_marks_tick_realises_its_part_only(traders, trader, direction):
    """Only additions hide a profit."""
    mark = in_profit(traders, direction)
    trade(traders, opposite(direction), "0.8")
    p = traders.position(trader)
    assert (p.unrealised, p.maturing) == (wad(12), wad(8))
    assert traders.vault.mark(0) == mark
    traders.assert_conserved()


def test_booked_profit_pays_a_fee_of_the_addition_no_earlier_than_cash(traders, trader, direction):
    """The fee is cash's; the profit matures whole."""
    mark = in_profit(traders, direction)
    size, rate = wad(50), 10**14
    part = maker(account_of(COUNTERPARTY), side(direction, size), mark)
    raw_fill(traders, [part], fee_rate=rate)
    assert traders.position(trader).maturing == wad(20)
    assert traders.state(trader).cash == wad(1_000) - 50 * mark * rate // wad(1)
    traders.assert_conserved()
