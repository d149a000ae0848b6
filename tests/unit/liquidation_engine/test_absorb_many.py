"""LiquidationEngine.absorb_many: skips what the vault refuses, asks the fund in the order of the losses."""

import boa
import pytest

from tests import support
from tests.unit.liquidation_engine.kernel import WAD, account_of, error, logged, renewed

LOSS = -10 * WAD


@pytest.fixture
def accounts():
    return [account_of(support.actor(f"trader {index}")) for index in range(16)]


@pytest.fixture
def reward_account(keeper):
    return account_of(keeper)


@pytest.fixture
def act(engine, reward_account, attacker):
    def call(accounts, **options):
        return engine.absorb_many(accounts, reward_account, sender=attacker, **options)

    return call


def test_absorb_many_counts_and_skips(engine, kernel, accounts, reward_account, act):
    first, healthy, stale, last = accounts[:4]
    kernel.refuses("absorb", healthy, "margin: account healthy")
    kernel.refuses("absorb", stale, "margin: stale mark")

    assert act([first, healthy, stale, last]) == 2

    assert logged(engine) == [
        ("AccountSkipped", healthy, error("margin: account healthy")),
        ("AccountSkipped", stale, error("margin: stale mark")),
    ]
    assert kernel.calls() == [("absorb", first, reward_account), ("absorb", last, reward_account)]
    assert kernel.callers() == {engine.address}


def test_absorb_many_pays_each_market_once_in_the_order_of_losses(kernel, accounts, act):
    for account, markets in zip(accounts, [(7,), (2, 7), (31, 0), (2,)], strict=False):
        kernel.answers("absorb", account, LOSS)
        kernel.hold(account, *markets)

    assert act(accounts[:4]) == 4

    paid = [call for call in kernel.calls() if call[0] == "pay_claims"]
    assert paid == kernel.calls()[-4:] == [("pay_claims", market) for market in (7, 2, 0, 31)]


def test_absorb_many_renews_the_marks_of_accounts_in_several_markets(
    engine, kernel, accounts, reward_account, act
):
    """Attack X17: each just before it is judged; where there is no price, its last one has to do."""
    single, hedged, refused = accounts[:3]
    for account, markets in zip(accounts, [(7,), (2, 7), (0, 1)], strict=False):
        kernel.hold(account, *markets)
    kernel.refuses("absorb", refused, "margin: account healthy")
    kernel.refuses("update_mark", 2, "oracle: quorum not met")

    assert act([single, hedged, refused]) == 2

    assert logged(engine) == [
        ("MarkNotUpdated", 2, error("oracle: quorum not met")),
        ("AccountSkipped", refused, error("margin: account healthy")),
    ]
    assert kernel.calls() == [
        ("absorb", single, reward_account),
        ("update_mark", 7),
        ("absorb", hedged, reward_account),
        *renewed(0, 1),
    ]


def test_absorb_many_pays_no_market_without_a_loss(kernel, accounts, act):
    losing, solvent, refused = accounts[:3]
    kernel.answers("absorb", losing, -1)
    kernel.answers("absorb", solvent, 0)
    kernel.refuses("absorb", refused, "margin: account healthy")
    for account, market in zip(accounts, (4, 5, 6), strict=False):
        kernel.hold(account, market)

    assert act([losing, solvent, refused]) == 2

    assert kernel.calls()[2:] == [("pay_claims", 4)]


def test_absorb_many_goes_on_when_the_fund_fails(engine, kernel, accounts, act):
    kernel.answers("absorb", accounts[0], LOSS)
    kernel.hold(accounts[0], 4, 5)
    kernel.refuses("pay_claims", 4, "claims: older claim first")

    assert act(accounts[:1]) == 1

    assert logged(engine) == [("ClaimsNotPaid", 4, error("claims: older claim first"))]
    assert kernel.calls()[3:] == [("pay_claims", 5)]


def test_absorb_many_takes_sixteen_in_all_markets(kernel, accounts, reward_account, act):
    for index, account in enumerate(accounts):
        kernel.answers("absorb", account, LOSS)
        kernel.hold(account, 2 * index, 2 * index + 1)

    assert act(accounts) == 16

    expected = []
    for index, account in enumerate(accounts):
        expected += [*renewed(2 * index, 2 * index + 1), ("absorb", account, reward_account)]
    assert kernel.calls() == [*expected, *(("pay_claims", market) for market in range(32))]


def test_absorb_many_takes_no_more_than_sixteen(engine, kernel, accounts, act):
    assert engine.MAX_ACCOUNTS() == len(accounts)
    with boa.reverts():
        act([*accounts, accounts[0]])

    assert kernel.calls() == []


def test_absorb_many_of_none_does_nothing(engine, kernel, act):
    assert act([]) == 0

    assert logged(engine) == []
    assert kernel.calls() == []


def test_absorb_many_all_refused_returns_zero(engine, kernel, accounts, act):
    kernel.refuses("absorb", accounts[0], "margin: account healthy")

    assert act(accounts[:1]) == 0

    assert logged(engine) == [("AccountSkipped", accounts[0], error("margin: account healthy"))]


def test_absorb_many_for_a_keeper_without_owner_reverts(engine, kernel, accounts, attacker):
    with boa.reverts("liquidation: zero keeper"):
        engine.absorb_many(accounts, 2**96 - 1, sender=attacker)

    assert kernel.calls() == []


@pytest.mark.parametrize("is_burning", [False, True])
def test_absorb_many_failure_without_reason_reverts(kernel, accounts, act, is_burning):
    """Running out of gas looks like this, and must not pass for "nothing to absorb"."""
    if is_burning:
        kernel.burns_gas("absorb", accounts[1])
    else:
        kernel.fails("absorb", accounts[1])

    with boa.reverts("liquidation: absorb failed"):
        act(accounts[:2])

    assert kernel.calls() == []


def test_absorb_many_with_too_little_gas_for_the_fund_reverts(engine, kernel, accounts, act):
    kernel.answers("absorb", accounts[0], LOSS)

    with boa.reverts("liquidation: not enough gas"):
        act(accounts[:1], gas=engine.PAY_CLAIMS_GAS_RESERVE())

    assert kernel.calls() == []
