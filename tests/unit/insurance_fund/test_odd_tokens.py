"""Tokens that return nothing, return false, take a fee, block accounts or call back"""

import boa
import pytest

from tests import support


def donate(system, whole):
    """Bring tokens in without a transfer."""
    system.token.mint(system.fund, system.units(whole))
    system.fund.recognise_donation(sender=system.stranger)


@pytest.fixture
def no_return(make_system):
    return make_system("mocks/MockTokenNoReturn.vy")


@pytest.fixture
def false_return(make_system):
    system = make_system("mocks/MockTokenFalseReturn.vy")
    donate(system, 100_000)
    return system


@pytest.fixture
def taxed(make_system):
    system = make_system("mocks/MockTokenFeeOnTransfer.vy")
    donate(system, 100_000)
    return system


@pytest.fixture
def blocking(make_system):
    system = make_system("mocks/MockTokenBlocklist.vy")
    system.add_capital(100_000)
    return system


def test_token_without_return_value_works_in_and_out(no_return):
    no_return.add_capital(100_000)
    assert no_return.pay(0, 1_000) == no_return.units(1_000)
    no_return.fund.withdraw_capital(no_return.units(10), no_return.governance, sender=no_return.governance)

    assert no_return.token.balanceOf(no_return.vault) == no_return.units(1_000)
    assert no_return.token.balanceOf(no_return.governance) == no_return.units(10)
    no_return.assert_conserved()


def test_false_on_payment_reverts(false_return):
    before = false_return.state()
    with boa.reverts("token: transfer failed"):
        false_return.pay(0, 1_000)
    assert false_return.state() == before


def test_false_on_capital_reverts(false_return):
    before = false_return.state()
    with boa.reverts("token: transfer failed"):
        false_return.add_capital(1_000)
    assert false_return.state() == before


def test_failing_token_does_not_stop_reports(false_return):
    """Nothing to send, nothing to fail: a zero payment makes no transfer."""
    assert false_return.pay(0, 0, open_interest=10**24) == 0
    assert false_return.fund.stress_loss(0) == false_return.units(100_000)


def test_fee_on_capital_reverts(taxed):
    before = taxed.state()
    with boa.reverts("token: short delivery"):
        taxed.add_capital(1_000)
    assert taxed.state() == before


def test_fee_on_payment_reverts(taxed):
    """The vault must never believe more than it got."""
    before = taxed.state()
    with boa.reverts("fund: short delivery"):
        taxed.pay(0, 1_000)
    assert taxed.state() == before


@pytest.mark.parametrize(
    ("blocked", "error"),
    [("vault", "mock_token: receiver blocked"), ("fund", "mock_token: sender blocked")],
)
def test_payment_to_or_from_a_blocked_account_reverts(blocking, blocked, error):
    """`pay` reverts as a whole; going on without the fund is the vault's part."""
    blocking.token.set_blocked(getattr(blocking, blocked), True)
    before = blocking.state()
    with boa.reverts(error):
        blocking.pay(0, 1_000)
    assert blocking.state() == before


def test_views_answer_while_the_token_is_paused(blocking):
    blocking.token.set_paused(True)
    assert blocking.fund.payable_now(0, 10**24, 0) == blocking.quote(blocking.units(20_000))


def test_payment_works_again_after_unblocking(blocking):
    blocking.token.set_blocked(blocking.vault, True)
    with boa.reverts("mock_token: receiver blocked"):
        blocking.pay(0, 1_000)
    blocking.token.set_blocked(blocking.vault, False)
    assert blocking.pay(0, 1_000) == blocking.units(1_000)


def with_cold_safe(system):
    """All that the target does not need may be swept; a vault that is calm."""
    vault = support.deploy("mocks/MockFundVault.vy")
    vault.set_mode(0)
    vault.set_fund(system.fund)
    system.vault = vault.address
    system.fund.set_vault(vault, sender=system.governance)
    safe = support.deploy("mocks/MockERC1271Wallet.vy", system.governance)
    system.fund.set_custody(safe, 0, sender=system.governance)
    system.token.approve(system.fund, 2**256 - 1, sender=safe.address)
    return safe


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("mocks/MockTokenFalseReturn.vy", "token: transfer failed"),
        ("mocks/MockTokenFeeOnTransfer.vy", "fund: short delivery"),
    ],
)
def test_a_sweep_that_does_not_arrive_reverts(make_system, path, error):
    system = make_system(path, has_vault=False)
    donate(system, 100_000)
    with_cold_safe(system)
    before = system.state(), system.fund.cold_reserve()
    with boa.reverts(error):
        system.fund.sweep()
    assert (system.state(), system.fund.cold_reserve()) == before


def test_reserve_that_comes_back_short_reverts(make_system):
    """The fee is rounded down: it went there in crumbs that pay none."""
    system = make_system("mocks/MockTokenFeeOnTransfer.vy", has_vault=False)
    donate(system, 100_000)
    safe, fund = with_cold_safe(system), system.fund
    for _ in range(2):
        fund.set_custody(safe, fund.hot_reserve() - 99, sender=system.governance)
        fund.sweep()
    before = system.state(), fund.cold_reserve(), system.token.balanceOf(safe)
    assert before[1:] == (198, 198)
    with boa.reverts("token: short delivery"):
        fund.bring_back(198)
    assert (system.state(), fund.cold_reserve(), system.token.balanceOf(safe)) == before


REENTRANT_CALLS = {
    "pay_recovery": ("pay_recovery", (10**24,)),
    "receive_surplus": ("receive_surplus", (0, 0)),
    "update_mode": ("update_mode", ()),
    "report_position": ("report_position", (0, 1)),
    "sweep": ("sweep", ()),
    "bring_back": ("bring_back", (1,)),
    "is_calm": ("is_calm", ()),
    "risk_state": ("risk_state", ()),
    "pay": ("pay", (0, 10**24, 0)),
    "receive_inflow": ("receive_inflow", (0, 0, 0)),
    "add_capital": ("add_capital", (1,)),
    "recognise_donation": ("recognise_donation", ()),
    "withdraw_capital": ("withdraw_capital", (1, "0x" + "11" * 20)),
    "payable_now": ("payable_now", (0, 10**24, 0)),
    "reserve": ("reserve", ()),
    "daily_budget": ("daily_budget", ()),
}


@pytest.mark.parametrize("inner", REENTRANT_CALLS)
@pytest.mark.parametrize(
    "outer", ["pay", "add_capital", "withdraw_capital", "pay_recovery", "sweep", "bring_back"]
)
def test_token_that_calls_back_gets_nowhere(make_system, outer, inner):
    """Attacks E01 to E06: every function is locked during a transfer, views too."""
    system = make_system("mocks/MockTokenHook.vy", has_vault=False)
    system.add_capital(100_000)
    with_cold_safe(system)
    if outer == "bring_back":
        system.fund.sweep()
    name, arguments = REENTRANT_CALLS[inner]
    system.token.arm(system.fund, getattr(system.fund, name).prepare_calldata(*arguments))
    calls = {
        "pay": lambda: system.pay(0, 1_000),
        "add_capital": lambda: system.add_capital(1_000),
        "withdraw_capital": lambda: system.fund.withdraw_capital(
            system.units(1_000), system.stranger, sender=system.governance
        ),
        "pay_recovery": lambda: system.fund.pay_recovery(
            system.quote(system.units(1_000)), sender=system.vault
        ),
        "sweep": lambda: system.fund.sweep(),
        "bring_back": lambda: system.fund.bring_back(system.units(1_000)),
    }
    calls[outer]()

    assert system.token.call_count() == 1
    assert not system.token.is_last_call_successful()
    # by the lock, which gives no reason, and not for want of rights or money
    assert system.token.last_response() == b""
    system.assert_conserved()
