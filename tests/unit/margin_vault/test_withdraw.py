"""MarginVault.withdraw: only the owner, only cash, and never below what the positions need."""

import boa
import pytest

from tests.kernel import Kernel, account_of, margin_config, wad
from tests.support import actor
from tests.unit.margin_vault.actions import (
    COUNTERPARTY,
    TRADER,
    by,
    events,
    govern,
    ledger,
    margin_tuple,
    new_kernel,
    opposite,
    pass_batches,
    signed,
    trade,
)

each_decimals = pytest.mark.parametrize("decimals", [6, 8, 18], indirect=True, scope="module")
# One wei of quote is one unit of such a token.
exact = pytest.mark.parametrize("decimals", [18], indirect=True, scope="module")


def withdraw(kernel: Kernel, account: int, tokens: int, name: str = TRADER, least: int = 0) -> int:
    return by(name, kernel.vault.withdraw, account, tokens, actor("receiver"), least)


def assert_refused(kernel: Kernel, message: str, account: int, tokens: int, name: str = TRADER) -> None:
    before = ledger(kernel)
    with boa.reverts(message):
        withdraw(kernel, account, tokens, name)
    assert ledger(kernel) == before


@each_decimals
def test_withdraw_sends_tokens_to_the_receiver(traders, trader):
    tokens = wad(250) // traders.scale
    assert withdraw(traders, trader, tokens) == tokens
    assert traders.token.balanceOf(actor("receiver")) == tokens
    assert traders.state(trader).cash == wad(750)
    traders.assert_conserved(dust=0)


@each_decimals
def test_withdraw_logs_one_event_with_the_stored_word(traders, trader):
    withdraw(traders, trader, 3)
    logged = events(traders)
    word = traders.vault.account_word(trader)
    assert logged == [("Withdrawn", trader, actor("receiver"), 3, word)]


@each_decimals
def test_withdraw_of_everything_leaves_nothing(traders, trader):
    withdraw(traders, trader, wad(1_000) // traders.scale)
    assert traders.state(trader).equity == 0
    assert traders.held() == wad(1_000)
    traders.assert_conserved(dust=0)


@each_decimals
def test_withdraw_of_one_unit_more_than_the_cash_reverts(traders, trader):
    assert_refused(traders, "vault: not withdrawable", trader, wad(1_000) // traders.scale + 1)


@pytest.mark.parametrize("name", ["stranger", "operator", COUNTERPARTY])
def test_withdraw_by_anyone_but_the_owner_reverts(traders, trader, name):
    by(TRADER, traders.vault.set_operator, actor("operator"), True)
    assert_refused(traders, "vault: not owner", trader, 1, name)


def test_withdraw_of_nothing_reverts(traders, trader):
    assert_refused(traders, "vault: zero amount", trader, 0)


def test_withdraw_above_the_largest_amount_reverts(traders, trader, max_size):
    assert_refused(traders, "vault: amount too large", trader, max_size + 1)


def test_withdraw_of_the_largest_amount_is_judged_by_the_cash(traders, trader, max_size):
    assert_refused(traders, "vault: not withdrawable", trader, max_size)


def test_withdraw_to_nobody_reverts(traders, trader):
    before = ledger(traders)
    with boa.reverts("vault: zero receiver"):
        by(TRADER, traders.vault.withdraw, trader, 1, "0x" + "00" * 20, 0)
    assert ledger(traders) == before


def test_withdraw_of_exactly_the_minimum_out_passes(traders, trader):
    assert withdraw(traders, trader, 10, least=10) == 10
    traders.assert_conserved(dust=0)


def test_withdraw_below_the_minimum_out_reverts(traders, trader):
    before = ledger(traders)
    with boa.reverts("vault: below minimum out"):
        withdraw(traders, trader, 10, least=11)
    assert ledger(traders) == before


def test_withdraw_from_a_sub_account_cannot_reach_its_sibling(traders):
    assert_refused(traders, "vault: not withdrawable", account_of(TRADER, 1), 1)


@exact
def test_withdraw_to_a_hole_of_zero_passes(traders, trader, direction):
    trade(traders, direction, 2)
    most = traders.state(trader).withdrawable
    withdraw(traders, trader, most)
    state = traders.state(trader)
    assert (state.hole, state.withdrawable) == (0, 0)
    assert state.equity == wad(200) * margin_config()["class_rates"][0] // wad(1)
    traders.assert_conserved()


@exact
def test_withdraw_one_wei_beyond_a_hole_of_zero_reverts(traders, trader, direction):
    trade(traders, direction, 2)
    assert_refused(traders, "vault: not withdrawable", trader, traders.state(trader).withdrawable + 1)


@each_decimals
def test_withdrawable_is_what_withdraw_pays(traders, trader, direction):
    """Attack V01: the view and the call agree, to the token's unit."""
    trade(traders, direction, 3)
    traders.set_price(100 + signed(direction, -2))
    tokens = traders.state(trader).withdrawable // traders.scale
    with boa.reverts("vault: not withdrawable"):
        withdraw(traders, trader, tokens + 1)
    withdraw(traders, trader, tokens)
    assert traders.state(trader).withdrawable < traders.scale
    traders.assert_conserved()


def test_open_profit_is_not_withdrawable(traders, trader, direction):
    """Attack T03: a paper gain pays out none of the others' cash."""
    trade(traders, direction, 2)
    traders.set_price(100 + signed(direction, 50))
    state = traders.state(trader)
    assert state.equity == wad(1_100)
    assert state.withdrawable == state.cash - state.maintenance
    assert_refused(traders, "vault: not withdrawable", trader, state.withdrawable // traders.scale + 1)


@exact
def test_open_profit_leaves_maintenance_in_cash(traders, trader, direction):
    """Attack T25: however large the profit, cash keeps the maintenance margin."""
    trade(traders, direction, 2)
    traders.set_price(100 + signed(direction, 50))
    withdraw(traders, trader, traders.state(trader).withdrawable)
    state = traders.state(trader)
    assert state.cash == state.maintenance > 0
    traders.assert_conserved()


def test_open_loss_is_not_withdrawable(traders, trader, direction):
    trade(traders, direction, 2)
    before = traders.state(trader).withdrawable
    traders.set_price(100 - signed(direction, 10))
    assert traders.state(trader).withdrawable <= before - wad(20) + wad("1.0")
    tokens = traders.state(trader).withdrawable // traders.scale + 1
    assert_refused(traders, "vault: not withdrawable", trader, tokens)


@pytest.mark.parametrize(("late", "is_refused"), [(0, False), (1, True)])
def test_withdraw_with_a_position_needs_a_fresh_mark(traders, trader, direction, late, is_refused):
    trade(traders, direction, 1)
    traders.set_price(100)
    boa.env.timestamp += margin_config()["max_mark_age"] + late
    if is_refused:
        assert_refused(traders, "margin: stale mark", trader, 1)
    else:
        withdraw(traders, trader, 1)
        traders.assert_conserved()


def test_withdraw_without_a_position_needs_no_mark(traders, trader):
    boa.env.timestamp += 7 * 86_400
    withdraw(traders, trader, wad(1_000) // traders.scale)
    traders.assert_conserved(dust=0)


@pytest.mark.parametrize("mode", range(5))
def test_withdraw_goes_on_in_every_mode_and_pause(traders, trader, mode):
    govern(traders.vault.set_risk_mode, mode, wad(1))
    govern(traders.vault.set_paused, True)
    govern(traders.vault.set_market_status, 0, 2)
    withdraw(traders, trader, wad(1_000) // traders.scale)
    traders.assert_conserved(dust=0)


def test_a_higher_margin_multiplier_holds_more_back(traders, trader, direction):
    trade(traders, direction, 2)
    govern(traders.vault.set_risk_mode, 1, wad(2))
    most = traders.state(trader).withdrawable
    assert most == wad(1_000 - 2 * 10)
    assert_refused(traders, "vault: not withdrawable", trader, most // traders.scale + 1)
    withdraw(traders, trader, most // traders.scale)
    traders.assert_conserved()


def close_with_profit(kernel: Kernel, direction: str) -> None:
    """The trader makes 20 on two units and closes."""
    trade(kernel, direction, 2)
    kernel.set_price(100 + signed(direction, 10))
    trade(kernel, opposite(direction), 2)


def test_realised_profit_is_not_withdrawable_before_it_matures(traders, trader, direction):
    """Attack T04: nobody leaves with a profit before the matching loss is certain."""
    close_with_profit(traders, direction)
    pass_batches(traders, 1)
    state = traders.state(trader)
    assert (state.cash, state.maturing) == (wad(1_000), wad(20))
    assert_refused(traders, "vault: not withdrawable", trader, wad(1_000) // traders.scale + 1)


def test_matured_profit_is_withdrawable_without_a_touch(traders, trader, direction):
    close_with_profit(traders, direction)
    pass_batches(traders, 2)
    assert traders.state(trader).withdrawable == wad(1_020)
    withdraw(traders, trader, wad(1_020) // traders.scale)
    assert traders.state(trader).equity == 0
    traders.assert_conserved()


def test_matured_profit_is_paid_once(traders, trader, direction):
    close_with_profit(traders, direction)
    pass_batches(traders, 2)
    withdraw(traders, trader, wad(1_020) // traders.scale)
    by("stranger", traders.vault.touch, trader, 0)
    assert traders.state(trader).equity == 0
    assert_refused(traders, "vault: not withdrawable", trader, 1)
    traders.assert_conserved()


def test_accrued_funding_is_not_withdrawable(traders, trader, direction):
    """Attack T12: the account need not be touched for its debt to count."""
    trade(traders, direction, 2)
    before = traders.state(trader).withdrawable
    traders.set_price(100, seconds=3_600, rate=signed(direction, 10**11))
    assert traders.state(trader).withdrawable == before - 2 * 10**11 * 3_600 * 100
    tokens = traders.state(trader).withdrawable // traders.scale + 1
    assert_refused(traders, "vault: not withdrawable", trader, tokens)


@each_decimals
def test_depositing_and_withdrawing_dust_never_gains(traders, trader):
    """Attack R01: a hundred round trips end where they began."""
    before = traders.state(trader).cash
    for _ in range(100):
        traders.token.mint(actor(TRADER), 1)
        by(TRADER, traders.token.approve, traders.vault.address, 1)
        by(TRADER, traders.vault.deposit, trader, 1)
        withdraw(traders, trader, 1)
    assert traders.state(trader).cash == before
    traders.assert_conserved(dust=0)


@pytest.fixture(scope="module")
def two_markets() -> Kernel:
    kernel = new_kernel(18, markets=2)
    kernel.fund_account(TRADER, 1_000)
    kernel.fund_account(COUNTERPARTY, 1_000)
    return kernel


def test_profit_in_one_market_does_not_fill_the_hole_of_another(two_markets, trader, direction):
    kernel = two_markets
    for market in (0, 1):
        trade(kernel, direction, 5, market=market)
    kernel.set_price(100 + signed(direction, 40), market=0)
    kernel.set_price(100 - signed(direction, 40), market=1)
    state = kernel.state(trader)
    assert state.equity == wad(1_000)
    initial = wad(500 - signed(direction, 200)) * margin_config()["class_rates"][0] // wad(1)
    assert state.withdrawable == wad(1_000 - 200) - max(initial, state.maintenance)
    assert_refused(kernel, "vault: not withdrawable", trader, state.withdrawable + 1)
    withdraw(kernel, trader, state.withdrawable)
    kernel.assert_conserved()


def test_withdraw_needs_fresh_marks_in_all_markets(two_markets, trader):
    kernel = two_markets
    for market in (0, 1):
        trade(kernel, "long", 1, market=market)
    kernel.set_price(100, market=0, seconds=margin_config()["max_mark_age"] + 1)
    assert_refused(kernel, "margin: stale mark", trader, 1)
    kernel.set_price(100, market=1, seconds=1)
    withdraw(kernel, trader, 1)
    kernel.assert_conserved()


@exact
def test_withdrawable_follows_the_margin_lines(traders, trader):
    """A tier that asks more than the class binds the withdrawal, too."""
    govern(
        traders.vault.set_margin_config,
        0,
        margin_tuple(line_rates=[wad("0.025"), wad("0.4")], line_deductions=[0, wad(10)]),
    )
    trade(traders, "long", 2)
    state = traders.state(trader)
    assert state.maintenance == wad(200 * 0.4 - 10)
    assert state.withdrawable == wad(1_000) - wad(70) * 3 // 2
    withdraw(traders, trader, state.withdrawable)
    traders.assert_conserved()
