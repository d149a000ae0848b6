"""MarginVault.fill: what the final state of both sides must allow. K is the account's hole."""

from decimal import Decimal

import boa
import pytest

from tests.kernel import Kernel, account_of, margin_config, wad
from tests.support import actor
from tests.unit.margin_vault.actions import (
    COUNTERPARTY,
    NAMES,
    TRADER,
    by,
    events,
    govern,
    ledger,
    maker,
    margin_tuple,
    new_kernel,
    opposite,
    pass_batches,
    raw_fill,
    signed,
    trade,
)

PRICE = wad(100)
# Initial margin of class 0 on one unit at 100.
INITIAL = 100 * margin_config()["class_rates"][0]


def assert_refused(kernel: Kernel, message: str, makers: list[tuple], **options: object) -> None:
    before = ledger(kernel)
    with boa.reverts(message):
        raw_fill(kernel, makers, **options)
    assert ledger(kernel) == before


def side(direction: str, size: int) -> int:
    return -signed(direction, size)


@pytest.fixture(scope="module")
def poor() -> Kernel:
    """The trader has exactly the initial margin of one unit, the counterparty plenty."""
    kernel = new_kernel()
    kernel.fund_account(TRADER, INITIAL / wad(1))
    kernel.fund_account(COUNTERPARTY, 10_000)
    return kernel


def test_opening_to_a_hole_of_zero_passes(poor, trader, direction):
    trade(poor, direction, 1)
    assert poor.state(trader).hole == 0
    poor.assert_conserved(dust=0)


def test_opening_one_wei_beyond_a_hole_of_zero_reverts(poor, counterparty, direction):
    part = maker(counterparty, side(direction, wad(1) + 1), PRICE)
    assert_refused(poor, "margin: below initial margin", [part])


def test_the_maker_is_judged_as_the_taker_is(poor, trader, counterparty, direction):
    part = maker(trader, side(direction, wad(1) + 1), PRICE)
    assert_refused(poor, "margin: below initial margin", [part], taker=counterparty)
    raw_fill(poor, [maker(trader, side(direction, wad(1)), PRICE)], taker=counterparty)
    poor.assert_conserved(dust=0)


def test_a_fee_of_one_wei_counts_in_the_margin(poor, counterparty, direction):
    """Attack T09: nobody is born liquidatable by the fee."""
    part = maker(counterparty, side(direction, wad(1)), PRICE)
    assert_refused(poor, "margin: below initial margin", [part], fee_rate=1)


def test_a_price_one_wei_worse_than_mark_counts_in_the_margin(poor, counterparty, direction):
    part = maker(counterparty, side(direction, wad(1)), PRICE + signed(direction))
    assert_refused(poor, "margin: below initial margin", [part])


def test_a_better_price_than_mark_is_margin_in_its_own_market(poor, trader, counterparty, direction):
    part = maker(counterparty, side(direction, wad(1)), PRICE - signed(direction, wad("0.5")))
    raw_fill(poor, [part])
    assert poor.state(trader).hole == -wad("0.5")
    poor.assert_conserved(dust=0)


def test_increasing_beyond_a_hole_of_zero_reverts(poor, counterparty, direction):
    trade(poor, direction, 1)
    assert_refused(poor, "margin: below initial margin", [maker(counterparty, side(direction, 1), PRICE)])


def test_going_through_zero_is_judged_as_an_opening(poor, trader, counterparty, direction):
    """Attack T07: exactly as large on the other side passes, one wei more does not."""
    trade(poor, direction, 1)
    flip = side(opposite(direction), wad(2))
    sign = 1 if flip > 0 else -1
    assert_refused(poor, "margin: below initial margin", [maker(counterparty, flip + sign, PRICE)])
    raw_fill(poor, [maker(counterparty, flip, PRICE)])
    assert poor.position(trader).size == flip // -2
    poor.assert_conserved(dust=0)


def test_the_margin_multiplier_is_part_of_the_judgement(poor, counterparty, direction):
    govern(poor.vault.set_risk_mode, 1, wad("1.001"))
    part = maker(counterparty, side(direction, wad(1)), PRICE)
    assert_refused(poor, "margin: below initial margin", [part])


@pytest.mark.parametrize(("notional", "is_refused"), [(99, True), (100, False)])
def test_opening_below_the_minimum_size_reverts(traders, counterparty, direction, notional, is_refused):
    assert margin_config()["minimum_notional"] == wad(100)
    part = maker(counterparty, side(direction, wad(notional) // 100), PRICE)
    if is_refused:
        assert_refused(traders, "margin: below minimum size", [part])
    else:
        raw_fill(traders, [part])
        traders.assert_conserved(dust=0)


def test_one_wei_below_the_minimum_size_reverts(traders, counterparty, direction):
    part = maker(counterparty, side(direction, wad(1) - 1), PRICE)
    assert_refused(traders, "margin: below minimum size", [part])


def test_a_reduction_may_not_leave_less_than_the_minimum_size(traders, counterparty, direction):
    trade(traders, direction, 2)
    sign = signed(direction)
    part = maker(counterparty, sign * (wad(1) + 1), PRICE)
    assert_refused(traders, "margin: below minimum size", [part])
    raw_fill(traders, [maker(counterparty, sign * wad(1), PRICE)])
    traders.assert_conserved()


def test_open_interest_up_to_the_cap_in_base_passes(traders, counterparty, direction):
    govern(traders.vault.set_margin_config, 0, margin_tuple(open_interest_cap_base=wad(3)))
    part = maker(counterparty, side(direction, wad(3) + 1), PRICE)
    assert_refused(traders, "market: open interest cap", [part])
    trade(traders, direction, 3)
    traders.assert_conserved()


def test_open_interest_up_to_the_cap_in_quote_passes(traders, counterparty, direction):
    """Attack T23: a cap in value binds where one in units would not."""
    govern(traders.vault.set_margin_config, 0, margin_tuple(open_interest_cap_quote=wad(300)))
    part = maker(counterparty, side(direction, wad(3) + 1), PRICE)
    assert_refused(traders, "market: open interest value", [part])
    trade(traders, direction, 3)
    traders.assert_conserved()


def test_above_a_cap_only_increases_of_open_interest_revert(traders, trader, counterparty, direction):
    trade(traders, direction, 4)
    govern(traders.vault.set_margin_config, 0, margin_tuple(open_interest_cap_quote=wad(100)))
    part = maker(counterparty, side(direction, wad(1)), PRICE)
    assert_refused(traders, "market: open interest value", [part])
    trade(traders, opposite(direction), 1)
    assert traders.position(trader).size == signed(direction, wad(3))
    traders.assert_conserved()


def test_a_position_up_to_its_cap_passes(traders, counterparty, direction):
    govern(traders.vault.set_margin_config, 0, margin_tuple(position_cap_quote=wad(300)))
    part = maker(counterparty, side(direction, wad(3) + 1), PRICE)
    assert_refused(traders, "margin: position cap", [part])
    trade(traders, direction, 3)
    traders.assert_conserved()


def test_a_reduction_above_the_position_cap_passes(traders, trader, direction):
    trade(traders, direction, 4)
    govern(traders.vault.set_margin_config, 0, margin_tuple(position_cap_quote=wad(100)))
    trade(traders, opposite(direction), 1)
    assert traders.position(trader).size == signed(direction, wad(3))
    traders.assert_conserved()


def sink(kernel: Kernel, direction: str, equity: float) -> None:
    """One unit, and a mark at which the trader has `equity` of his 5 left."""
    trade(kernel, direction, 1)
    kernel.set_price(100 - signed(direction) * (5 - equity))


@pytest.fixture(scope="module")
def two_units() -> Kernel:
    """The trader can just open two units, the counterparty has plenty."""
    kernel = new_kernel()
    kernel.fund_account(TRADER, 10)
    kernel.fund_account(COUNTERPARTY, 10_000)
    return kernel


def test_a_reduction_with_a_hole_passes_if_it_shrinks_it(two_units, trader, direction):
    """The exit is open below initial margin."""
    trade(two_units, direction, 2)
    two_units.set_price(100 - signed(direction, 2))
    before = two_units.state(trader)
    assert before.hole > 0
    trade(two_units, opposite(direction), "0.9")
    after = two_units.state(trader)
    assert after.hole < before.hole
    assert after.equity * before.maintenance > before.equity * after.maintenance
    two_units.assert_conserved()


def test_a_reduction_may_not_lower_the_health(two_units, counterparty, direction):
    """Attack T08: at the band's edge nearly half the position costs more than half the equity."""
    trade(two_units, direction, 2)
    two_units.set_price(100 - signed(direction) * 4.5)
    mark = two_units.vault.mark(0)
    part = maker(counterparty, signed(direction, wad("0.9")), mark - signed(direction, mark // 100))
    assert_refused(two_units, "margin: health falls", [part])


def test_a_reduction_at_mark_never_lowers_the_health(two_units, trader, direction):
    trade(two_units, direction, 2)
    two_units.set_price(100 - signed(direction) * 4.5)
    trade(two_units, opposite(direction), "0.9")
    assert two_units.state(trader).equity == wad(1)
    two_units.assert_conserved()


def test_a_reduction_with_no_equity_left_passes(two_units, trader, direction):
    """Health was zero and stays zero: it does not fall."""
    trade(two_units, direction, 2)
    two_units.set_price(100 - signed(direction) * 5)
    assert two_units.state(trader).equity == 0
    trade(two_units, opposite(direction), "0.9")
    assert two_units.state(trader).equity == 0
    assert two_units.position(trader).size == signed(direction, wad("1.1"))
    two_units.assert_conserved(dust=0)


def test_a_full_close_with_no_equity_left_passes(poor, trader, direction):
    sink(poor, direction, 0)
    assert poor.state(trader).equity == 0
    trade(poor, opposite(direction), 1)
    assert poor.state(trader).equity == 0
    poor.assert_conserved(dust=0)


def test_a_full_close_of_an_insolvent_account_reverts(poor, counterparty, direction):
    """With equity below zero only liquidation calls act."""
    sink(poor, direction, -0.000001)
    part = maker(counterparty, signed(direction, wad(1)), poor.vault.mark(0))
    assert_refused(poor, "margin: account insolvent", [part])


def test_a_full_close_of_an_insolvent_account_reverts_even_at_a_gain(poor, counterparty, direction):
    """Half a quote below zero; at the band's edge the trade itself would bring almost one."""
    sink(poor, direction, -0.5)
    mark = poor.vault.mark(0)
    part = maker(counterparty, signed(direction, wad(1)), mark + signed(direction, mark // 100))
    assert_refused(poor, "margin: account insolvent", [part])


def test_a_full_close_counts_profit_that_has_not_matured(traders, trader, direction):
    """10 of cash, 30 that mature, and a loss of 24."""
    trade(traders, direction, 3)
    traders.set_price(100 + signed(direction, 10))
    trade(traders, opposite(direction), 3)
    assert traders.state(trader).maturing == wad(30)
    tokens = wad(990) // traders.scale
    by(TRADER, traders.vault.withdraw, trader, tokens, actor(TRADER), 0)
    trade(traders, direction, "1.2")
    traders.set_price(100 - signed(direction, 10))
    trade(traders, opposite(direction), "1.2")
    assert traders.state(trader).equity == wad(16)
    traders.assert_conserved()


def test_a_full_close_that_would_end_below_zero_reverts(poor, counterparty, direction):
    """Attack T02: the loss beyond the margin is not handed to anybody by a trade."""
    sink(poor, direction, 0)
    part = maker(counterparty, signed(direction, wad(1)), poor.vault.mark(0) - signed(direction))
    assert_refused(poor, "margin: account insolvent", [part])


def test_a_reduction_of_an_insolvent_account_reverts_even_at_a_gain(two_units, counterparty, direction):
    trade(two_units, direction, 2)
    two_units.set_price(100 - signed(direction, 6))
    mark = two_units.vault.mark(0)
    part = maker(counterparty, signed(direction, wad("0.9")), mark + signed(direction, mark // 100))
    assert_refused(two_units, "margin: account insolvent", [part])


def test_a_reduction_may_not_deepen_the_hole(traders, trader, counterparty, direction):
    """With a large open profit but its cash gone to funding, an account pays no fee for closing a part."""
    trade(traders, direction, 5)
    traders.set_price(100 + signed(direction, 60))
    tokens = traders.state(trader).withdrawable // traders.scale
    by(TRADER, traders.vault.withdraw, trader, tokens, actor(TRADER), 0)
    for _ in range(24):
        traders.set_price(100 + signed(direction, 60), seconds=3_600, rate=signed(direction, wad(1)))
    assert traders.state(trader).cash < 0 < traders.state(trader).hole
    part = maker(counterparty, signed(direction, wad(2)), traders.vault.mark(0))
    assert_refused(traders, "margin: deeper hole", [part], fee_rate=1)
    raw_fill(traders, [part])
    traders.assert_conserved()


def test_stored_cash_below_zero_does_not_reach_into_the_list_of_markets(trader, counterparty):
    """It stands beside it in the same word. Funding received, counted from the index on, is withdrawn."""
    kernel = new_kernel(markets=2)
    kernel.fund_account(TRADER, 1_000)
    kernel.fund_account(COUNTERPARTY, 10_000)
    trade(kernel, "long", 5, market=1)
    for _ in range(72):
        kernel.set_price(160, market=1, seconds=3_600, rate=-wad(1))
    tokens = kernel.state(trader).withdrawable // kernel.scale
    by(TRADER, kernel.vault.withdraw, trader, tokens, actor(TRADER), 0)
    trade(kernel, "short", 2, market=1)
    word = kernel.vault.account_word(trader)
    assert (word >> 127 & 1, word >> 128 & (2**32 - 1)) == (1, 2)
    kernel.assert_conserved()


@pytest.mark.parametrize("fee_rate", [0, 1], ids=["free", "a wei"])
def test_a_reduction_may_not_open_a_hole_of_one_wei(trader, counterparty, direction, fee_rate):
    """All cash is margin of another position, which the part closed here does not free."""
    kernel = new_kernel(markets=2)
    kernel.fund_account(TRADER, 1_000)
    kernel.fund_account(COUNTERPARTY, 10_000)
    trade(kernel, direction, 5)
    kernel.set_price(100 + signed(direction, 60))
    other = maker(counterparty, -signed(direction, kernel.state(trader).hole) // 5, PRICE)
    raw_fill(kernel, [other], market=1)
    assert kernel.state(trader).hole == 0
    part = maker(counterparty, signed(direction, wad("0.002")), kernel.vault.mark(0))
    if fee_rate:
        assert_refused(kernel, "margin: deeper hole", [part], fee_rate=fee_rate)
    else:
        raw_fill(kernel, [part])


def test_a_reduction_at_the_last_mark_of_another_market_passes(trader, counterparty):
    """The market acted on needs a fresh mark; others use their last good one."""
    kernel = new_kernel(markets=2)
    kernel.fund_account(TRADER, 1_000)
    kernel.fund_account(COUNTERPARTY, 1_000)
    for market in (0, 1):
        trade(kernel, "long", 2, market=market)
    kernel.set_price(100, seconds=margin_config()["max_mark_age"] + 1)
    assert_refused(kernel, "margin: stale mark", [maker(counterparty, wad(-1), PRICE)])
    trade(kernel, "short", 1)
    assert kernel.position(trader).size == wad(1)
    kernel.assert_conserved()


def test_the_mark_of_a_market_with_profit_left_but_no_position_need_not_be_fresh(trader, counterparty):
    kernel = new_kernel(markets=2)
    kernel.fund_account(TRADER, 1_000)
    kernel.fund_account(COUNTERPARTY, 1_000)
    trade(kernel, "long", 2, market=1)
    kernel.set_price(110, market=1)
    trade(kernel, "short", 2, market=1)
    assert kernel.state(trader).maturing == wad(20)
    kernel.set_price(100, seconds=margin_config()["max_mark_age"] + 1)
    trade(kernel, "long", 1)
    assert kernel.position(trader).size == wad(1)
    kernel.assert_conserved()


def test_a_ninth_market_reverts(trader, counterparty):
    most = 8
    kernel = new_kernel(markets=most + 1)
    for name in NAMES[:2]:
        kernel.fund_account(name, 10_000)
    for market in range(most):
        trade(kernel, "long", 1, market=market)
    part = maker(counterparty, wad(-1), PRICE)
    assert_refused(kernel, "vault: too many markets", [part], market=most)
    trade(kernel, "short", 1, market=3)
    raw_fill(kernel, [part], market=most)
    kernel.assert_conserved()


@pytest.mark.parametrize("decimals", [6, 8, 18], indirect=True, scope="module")
def test_a_realised_profit_becomes_maturing_profit(traders, trader, counterparty, direction):
    trade(traders, direction, 2)
    traders.set_price(100 + signed(direction, 10))
    trade(traders, opposite(direction), 2)
    logged = events(traders)
    assert sorted(event[0] for event in logged) == [
        "MaturingChanged",
        "PositionChanged",
        "PositionChanged",
    ]
    state = traders.state(trader)
    assert (state.cash, state.maturing) == (wad(1_000), wad(20))
    assert traders.state(counterparty).cash == wad(980)
    traders.assert_conserved()


def test_a_profit_of_one_wei_is_realised(traders, trader, counterparty, direction):
    trade(traders, direction, 2)
    raw_fill(traders, [maker(counterparty, signed(direction, wad(1)), PRICE + signed(direction))])
    assert traders.state(trader).cash == wad(1_000) + 1
    traders.assert_conserved(dust=0)


def test_a_realised_loss_eats_maturing_profit_before_cash(traders, trader, direction):
    trade(traders, direction, 4)
    traders.set_price(100 + signed(direction, 10))
    trade(traders, opposite(direction), 2)
    assert traders.state(trader).maturing == wad(20)
    traders.set_price(100 - signed(direction, 4))
    trade(traders, opposite(direction), 2)
    state = traders.state(trader)
    assert (state.cash, state.maturing) == (wad(1_000), wad(12))
    traders.assert_conserved()


def shares(word: int) -> tuple[int, int]:
    """Of the current and the previous batch, in steps of 1e-9 quote: an account's, or the market's sums."""
    return word & (2**104 - 1), (word >> 104) & (2**104 - 1)


@pytest.mark.parametrize(
    ("loss", "left"), [(5, (30, 15)), (20, (30, 0)), (32, (18, 0)), (50, (0, 0)), (70, (0, 0))]
)
def test_a_loss_eats_the_older_batch_first_and_its_sum(traders, trader, direction, loss, left):
    """What it has eaten is nobody's: no round may count on it."""
    step = 10**9

    def trip(end: float) -> None:
        trade(traders, direction, 10)
        traders.set_price(100 + signed(direction, 1) * end)
        trade(traders, opposite(direction), 10)

    trip(2)
    pass_batches(traders, 1)
    trip(5)
    assert shares(traders.vault.maturing_word(trader, 0)) == (wad(30) // step, wad(20) // step)
    trip(5 - loss / 10)
    current, previous = (wad(amount) // step for amount in left)
    assert shares(traders.vault.maturing_word(trader, 0)) == (current, previous)
    # the counterparty has won what the trader has lost
    assert shares(traders.vault.market_words(0)[3]) == (current + wad(loss) // step, previous)
    assert traders.state(trader).cash == wad(1_000) - wad(max(loss - 50, 0))
    traders.assert_conserved()


def test_realised_profit_does_not_open_positions(two_units, trader, counterparty, direction):
    """Attack T03: profit realised is margin only once it has matured."""
    trade(two_units, direction, 2)
    two_units.set_price(100 + signed(direction, 50))
    trade(two_units, opposite(direction), 2)
    assert two_units.state(trader).equity == wad(110)
    mark = two_units.vault.mark(0)
    most = wad(10) * wad(1) // margin_config()["class_rates"][0] * wad(1) // mark
    part = maker(counterparty, side(direction, most + 1), mark)
    assert_refused(two_units, "margin: below initial margin", [part])
    raw_fill(two_units, [maker(counterparty, side(direction, most), mark)])
    two_units.assert_conserved()


@pytest.mark.parametrize(("direction", "price", "size"), [("long", "108", 190), ("short", "91.2", 220)])
def test_profit_booked_by_an_addition_is_no_margin_for_it(
    traders, trader, counterparty, direction, price, size
):
    """
    Open, the profit carries more of the same market; where ADL would spare it, it is booked and matures.
    """
    traders.fund_account(COUNTERPARTY, 10_000)
    trade(traders, direction, 20)
    traders.set_price(price)
    state, mark = traders.state(trader), traders.vault.mark(0)
    needed = (20 + size) * mark // 20
    assert state.cash < needed < state.equity
    part = maker(counterparty, side(direction, wad(size)), mark)
    assert_refused(traders, "margin: below initial margin", [part])
    missing = (needed - state.cash) // traders.scale
    assert missing * traders.scale == needed - state.cash
    traders.fund_account(TRADER, Decimal(missing - 1) / 10**6)
    assert_refused(traders, "margin: below initial margin", [part])
    traders.fund_account(TRADER, "0.000001")
    raw_fill(traders, [part])
    assert traders.position(trader).maturing == state.equity - state.cash
    traders.assert_conserved()


def test_going_through_zero_realises_what_was_held(traders, trader, direction):
    trade(traders, direction, 1)
    traders.set_price(100 + signed(direction, 5))
    trade(traders, opposite(direction), 3)
    mark = traders.vault.mark(0)
    assert traders.state(trader).maturing == wad(5)
    assert traders.position(trader).size == signed(opposite(direction), wad(2))
    assert abs(traders.position(trader).notional) == 2 * mark
    traders.assert_conserved()


def test_a_partial_close_keeps_the_entry_price(traders, trader, direction):
    """Attack T24: what is left has the entry it had, to the rounding of one wei."""
    trade(traders, direction, 3)
    traders.set_price(100 + signed(direction, 1))
    trade(traders, opposite(direction), "1.000000000000000001")
    left = traders.position(trader)
    assert abs(left.size) == 2 * wad(1) - 1
    assert 0 <= left.notional - signed(direction, 200 * wad(1) - 100) <= 1
    traders.assert_conserved()


def test_reducing_in_pieces_never_gains(traders, trader, direction):
    """INV-14: twenty small reductions pay no more than one would."""
    trade(traders, direction, 3)
    traders.set_price(100 + signed(direction, 3))
    for n in range(20):
        trade(traders, opposite(direction), (wad("0.05") + n) / wad(1))
    assert traders.state(trader).equity <= wad(1_009)
    traders.assert_conserved()


def test_the_last_one_out_is_not_stuck(traders, trader, counterparty, direction):
    """Attack R07: odd sizes in, everybody out, and nothing is left or owed."""
    for size in ("1.000000000000000001", "2.333333333333333333", "1.777777777777777777"):
        trade(traders, direction, size)
    traders.set_price("101.000000000000000007")
    size = abs(traders.position(trader).size)
    raw_fill(traders, [maker(counterparty, signed(direction, size), traders.vault.mark(0))])
    assert traders.position(trader).size == traders.position(counterparty).size == 0
    assert traders.vault.market_words(0)[12] & (2**112 - 1) == 0
    traders.assert_conserved()


def test_a_new_tick_of_a_crowded_market_asks_for_a_larger_position():
    """With 64 ticks populated a join that adds one needs ten times the minimum notional."""
    kernel = new_kernel()
    kernel.fund_account(COUNTERPARTY, 10**6)
    minimum, price = margin_config()["minimum_notional"], 100.0
    for n in range(64):
        kernel.set_price(round(price, 6), seconds=1)
        account = kernel.fund_account(f"trader {n}", 10)
        kernel.fill(account, account_of(COUNTERPARTY), minimum * 1.01 / wad(1) / price)
        price *= 1.02
    assert price < 400
    kernel.set_price(400, seconds=1)
    kernel.fund_account(TRADER, 1_000)
    mark = kernel.vault.mark(0)
    # exactly ten times the minimum, and a unit less
    enough = 10 * minimum * wad(1) // mark
    assert enough * mark == 10 * minimum * wad(1)
    part = maker(account_of(COUNTERPARTY), 1 - enough, mark)
    assert_refused(kernel, "cohort: crowded market", [part])
    raw_fill(kernel, [maker(account_of(COUNTERPARTY), -enough, mark)])
    kernel.assert_conserved(dust=10**14)
