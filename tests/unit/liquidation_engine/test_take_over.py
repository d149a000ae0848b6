"""LiquidationEngine.take_over, buy_inventory, their refreshing twins: who may, what the vault is asked."""

import boa
import pytest

from tests import support
from tests.unit.liquidation_engine.kernel import WAD, account_of, error, logged, plain, renewed

MARKET = 3
SIZE = 5 * WAD
LIMIT = 2_000 * WAD
TAKEN = (-4 * WAD, 1_990 * WAD, 8 * WAD)
BOUGHT = -2 * WAD

TAKE_OVER = ["take_over", "refresh_and_take_over"]
BUY = ["buy_inventory", "refresh_and_buy_inventory"]


@pytest.fixture(autouse=True)
def answers(kernel, account):
    kernel.answers("take_over", account, *TAKEN)
    kernel.answers("buy_inventory", MARKET, BOUGHT)
    kernel.answers("update_mark", MARKET, 2_000 * WAD)


@pytest.fixture
def act(engine, account):
    """Call one of the four entries for an account that pays."""

    def call(name, payer, sender):
        if "take_over" in name:
            return plain(getattr(engine, name)(account, MARKET, SIZE, payer, LIMIT, sender=sender))
        return getattr(engine, name)(MARKET, payer, SIZE, LIMIT, sender=sender)

    return call


def expected_calls(name, account, payer):
    calls = [("update_mark", MARKET)] if name.startswith("refresh") else []
    if "take_over" in name:
        return [*calls, ("take_over", account, MARKET, SIZE, payer, LIMIT)]
    return [*calls, ("buy_inventory", MARKET, payer, SIZE, LIMIT)]


def expected_answer(name):
    return TAKEN if "take_over" in name else BOUGHT


@pytest.mark.parametrize("name", TAKE_OVER + BUY)
@pytest.mark.parametrize("sub_account", [0, 1, 2**96 - 1])
def test_owner_acts_for_any_of_his_accounts(engine, kernel, account, liquidator, act, name, sub_account):
    payer = account_of(liquidator, sub_account)

    assert act(name, payer, liquidator) == expected_answer(name)

    assert logged(engine) == []
    assert kernel.calls() == expected_calls(name, account, payer)
    assert kernel.callers() == {engine.address}


@pytest.mark.parametrize("name", TAKE_OVER + BUY)
def test_operator_acts_for_the_owner(kernel, account, liquidator, operator, act, name):
    kernel.mock.set_operator(operator, True, sender=liquidator)

    assert act(name, account_of(liquidator), operator) == expected_answer(name)

    assert kernel.calls() == expected_calls(name, account, account_of(liquidator))


@pytest.mark.parametrize("name", TAKE_OVER + BUY)
def test_stranger_reverts(kernel, liquidator, attacker, act, name):
    with boa.reverts("liquidation: not operator"):
        act(name, account_of(liquidator), attacker)

    assert kernel.calls() == []


@pytest.mark.parametrize("name", TAKE_OVER + BUY)
def test_former_operator_reverts(kernel, liquidator, operator, act, name):
    kernel.mock.set_operator(operator, True, sender=liquidator)
    kernel.mock.set_operator(operator, False, sender=liquidator)

    with boa.reverts("liquidation: not operator"):
        act(name, account_of(liquidator), operator)

    assert kernel.calls() == []


@pytest.mark.parametrize("name", TAKE_OVER + BUY)
def test_owner_of_the_operator_is_not_enough(kernel, liquidator, operator, act, name):
    """Approval goes one way: an owner does not act for his operator."""
    kernel.mock.set_operator(operator, True, sender=liquidator)

    with boa.reverts("liquidation: not operator"):
        act(name, account_of(operator), liquidator)

    assert kernel.calls() == []


@pytest.mark.parametrize("name", TAKE_OVER + BUY)
def test_account_without_owner_reverts(kernel, attacker, act, name):
    with boa.reverts("liquidation: not operator"):
        act(name, 5, attacker)

    assert kernel.calls() == []


@pytest.mark.parametrize("name", TAKE_OVER)
def test_owner_takes_over_his_own_other_account(kernel, account, trader, act, name):
    payer = account_of(trader, 8)

    assert act(name, payer, trader) == TAKEN

    assert kernel.calls() == expected_calls(name, account, payer)


@pytest.mark.parametrize("name", TAKE_OVER)
def test_vaults_reason_reaches_the_caller(kernel, account, liquidator, act, name):
    kernel.refuses("take_over", account, "margin: account healthy")

    with boa.reverts("margin: account healthy"):
        act(name, account_of(liquidator), liquidator)

    assert kernel.calls() == []


@pytest.mark.parametrize("name", BUY)
def test_vaults_reason_reaches_the_buyer(kernel, liquidator, act, name):
    kernel.refuses("buy_inventory", MARKET, "vault: no inventory")

    with boa.reverts("vault: no inventory"):
        act(name, account_of(liquidator), liquidator)

    assert kernel.calls() == []


@pytest.mark.parametrize("name", ["refresh_and_take_over", "refresh_and_buy_inventory"])
def test_unusable_price_stops_a_refreshing_call(kernel, liquidator, act, name):
    kernel.refuses("update_mark", MARKET, "oracle: quorum not met")

    with boa.reverts("oracle: quorum not met"):
        act(name, account_of(liquidator), liquidator)

    assert kernel.calls() == []


@pytest.mark.parametrize("name", ["take_over", "buy_inventory"])
def test_unusable_price_does_not_stop_a_plain_call(kernel, liquidator, act, name):
    kernel.refuses("update_mark", MARKET, "oracle: quorum not met")

    assert act(name, account_of(liquidator), liquidator) == expected_answer(name)


@pytest.mark.parametrize("name", TAKE_OVER)
@pytest.mark.parametrize("markets", [(), (MARKET,), (5,)])
def test_account_in_one_market_is_judged_at_the_mark_there_is(
    kernel, account, liquidator, act, name, markets
):
    kernel.hold(account, *markets)
    payer = account_of(liquidator)

    assert act(name, payer, liquidator) == TAKEN

    assert kernel.calls() == expected_calls(name, account, payer)


@pytest.mark.parametrize("name", TAKE_OVER)
@pytest.mark.parametrize("markets", [(0, MARKET), (MARKET, 31), (1, 2, MARKET, 4, 5, 6, 7, 31)])
def test_account_in_several_markets_is_judged_at_renewed_marks(
    engine, kernel, account, liquidator, act, name, markets
):
    """Attack X17: a hedge is not judged at marks of different age."""
    kernel.hold(account, *markets)
    payer = account_of(liquidator)

    assert act(name, payer, liquidator) == TAKEN

    assert logged(engine) == []
    *first, taken = expected_calls(name, account, payer)
    assert kernel.calls() == [*first, *renewed(*markets), taken]


def test_account_in_several_markets_is_taken_over_without_a_price(engine, kernel, account, liquidator, act):
    """A dead feed elsewhere, or here while the mark is fresh, does not stop it."""
    kernel.hold(account, 0, MARKET, 5)
    kernel.refuses("update_mark", 0, "oracle: quorum not met")
    kernel.fails("update_mark", MARKET)
    payer = account_of(liquidator)

    assert act("take_over", payer, liquidator) == TAKEN

    assert logged(engine) == [
        ("MarkNotUpdated", 0, error("oracle: quorum not met")),
        ("MarkNotUpdated", MARKET, b""),
    ]
    assert kernel.calls() == [("update_mark", 5), *expected_calls("take_over", account, payer)]


@pytest.mark.parametrize("name", BUY)
def test_buyer_in_several_markets_renews_no_mark_but_the_inventorys(kernel, account, liquidator, act, name):
    payer = account_of(liquidator)
    kernel.hold(payer, 0, MARKET)

    assert act(name, payer, liquidator) == BOUGHT

    assert kernel.calls() == expected_calls(name, account, payer)


@pytest.mark.parametrize("name", TAKE_OVER + BUY)
@pytest.mark.parametrize("entry", ["take_over", "absorb"])
def test_reentrant_call_reverts(engine, kernel, account, liquidator, act, name, entry):
    payer = account_of(liquidator)
    args = {"take_over": (account, MARKET, SIZE, payer, LIMIT), "absorb": (account, payer)}[entry]
    data = getattr(engine, entry).prepare_calldata(*args)
    called, argument = ("take_over", account) if "take_over" in name else ("buy_inventory", MARKET)
    kernel.calls_back(called, argument, data)

    with boa.reverts():
        act(name, payer, liquidator)

    assert kernel.calls() == []


def test_operator_of_another_owner_reverts(kernel, trader, operator, act):
    kernel.mock.set_operator(operator, True, sender=trader)

    with boa.reverts("liquidation: not operator"):
        act("take_over", account_of(support.actor("liquidator")), operator)

    assert kernel.calls() == []
