"""LiquidationEngine.absorb and refresh_and_absorb: the fund is asked after a loss, and never in the way."""

import boa
import pytest

from tests.unit.liquidation_engine.kernel import WAD, account_of, error, logged, renewed

LOSS = -10 * WAD
ABSORB = ["absorb", "refresh_and_absorb"]


@pytest.fixture
def reward_account(keeper):
    return account_of(keeper, 2)


@pytest.fixture
def act(engine, account, reward_account, attacker):
    """Absorb the account, by somebody who has nothing to do with anything."""

    def call(name="absorb", **options):
        return getattr(engine, name)(account, reward_account, sender=attacker, **options)

    return call


@pytest.fixture
def lost(kernel, account):
    """The account leaves a loss and had positions in these markets."""

    def make(*markets):
        kernel.answers("absorb", account, LOSS)
        kernel.hold(account, *markets)

    return make


@pytest.mark.parametrize("markets", [(0,), (3,), (31,), (0, 5, 9), (1, 2, 3, 4, 5, 6, 7, 31)])
def test_absorb_lets_the_fund_pay_each_market_in_order(
    engine, kernel, account, reward_account, lost, act, markets
):
    lost(*markets)

    assert act() == LOSS

    assert logged(engine) == []
    assert kernel.calls() == [
        *renewed(*markets),
        ("absorb", account, reward_account),
        *(("pay_claims", market) for market in markets),
    ]
    assert kernel.callers() == {engine.address}


@pytest.mark.parametrize("equity", [0, 1, 10 * WAD])
def test_absorb_without_a_loss_asks_for_no_payment(kernel, account, reward_account, act, equity):
    kernel.answers("absorb", account, equity)
    kernel.hold(account, 3, 4)

    assert act() == equity

    assert kernel.calls() == [*renewed(3, 4), ("absorb", account, reward_account)]


def test_absorb_with_the_smallest_loss_asks_for_payment(kernel, account, act):
    kernel.answers("absorb", account, -1)
    kernel.hold(account, 3)

    assert act() == -1

    assert kernel.calls()[1:] == [("pay_claims", 3)]


def test_absorb_without_positions_pays_in_market_0(kernel, lost, act):
    lost()

    act()

    assert kernel.calls()[1:] == [("pay_claims", 0)]


@pytest.mark.parametrize("word", [2**128 - 1, 2**256 - 2**160])
def test_absorb_reads_nothing_but_the_bitmap(kernel, account, lost, act, word):
    lost()
    kernel.mock.set_account_word(account, word | 1 << (128 + 6))

    act()

    assert kernel.calls()[1:] == [("pay_claims", 6)]


def test_absorb_goes_on_when_the_fund_fails(engine, kernel, account, reward_account, lost, act):
    lost(2, 5, 6, 8)
    kernel.refuses("pay_claims", 2, "claims: older claim first")
    kernel.fails("pay_claims", 6)

    assert act() == LOSS

    assert logged(engine) == [
        ("ClaimsNotPaid", 2, error("claims: older claim first")),
        ("ClaimsNotPaid", 6, b""),
    ]
    assert kernel.calls() == [
        *renewed(2, 5, 6, 8),
        ("absorb", account, reward_account),
        ("pay_claims", 5),
        ("pay_claims", 8),
    ]


@pytest.mark.parametrize("size", [1, 100, 101, 320])
def test_absorb_cuts_long_revert_data(engine, kernel, lost, act, size):
    lost(2)
    kernel.fails("pay_claims", 2, b"\xff" * size)

    assert act() == LOSS

    assert logged(engine) == [("ClaimsNotPaid", 2, b"\xff" * min(size, 100))]


def test_absorb_outlives_a_fund_that_burns_its_gas(engine, kernel, lost, act):
    lost(*range(8))
    for market in range(8):
        kernel.burns_gas("pay_claims", market)

    assert act(gas=engine.PAY_CLAIMS_GAS_RESERVE() + 8 * engine.PAY_CLAIMS_GAS()) == LOSS

    assert logged(engine) == [("ClaimsNotPaid", market, b"") for market in range(8)]


def test_absorb_with_too_little_gas_for_the_fund_reverts(engine, kernel, lost, act):
    lost(2)

    with boa.reverts("liquidation: not enough gas"):
        act(gas=engine.PAY_CLAIMS_GAS_RESERVE())

    assert kernel.calls() == []


def test_absorb_without_a_loss_needs_no_gas_for_the_fund(engine, kernel, account, act):
    kernel.answers("absorb", account, 1)
    kernel.hold(account, 2)

    assert act(gas=engine.PAY_CLAIMS_GAS_RESERVE() // 2) == 1


@pytest.mark.parametrize("name", ABSORB)
@pytest.mark.parametrize("target", [0, 1, 2**96 - 1])
def test_absorb_for_a_keeper_without_owner_reverts(engine, kernel, account, attacker, lost, name, target):
    lost(2)

    with boa.reverts("liquidation: zero keeper"):
        getattr(engine, name)(account, target, sender=attacker)

    assert kernel.calls() == []


def test_absorb_for_the_lowest_owner_works(engine, account, attacker, lost):
    lost(2)

    assert engine.absorb(account, 2**96, sender=attacker) == LOSS


@pytest.mark.parametrize("name", ABSORB)
def test_absorb_refused_by_the_vault_reverts(kernel, account, lost, act, name):
    lost(2)
    kernel.refuses("absorb", account, "margin: account healthy")

    with boa.reverts("margin: account healthy"):
        act(name)

    assert kernel.calls() == []


def test_absorb_of_an_account_in_one_market_renews_nothing(kernel, lost, act):
    """Nothing to hedge, nothing to compare: whose mark is fresh need not ask the oracle again."""
    lost(5)

    act()

    assert ("update_mark", 5) not in kernel.calls()


def test_absorb_in_several_markets_goes_on_without_a_price(
    engine, kernel, account, reward_account, lost, act
):
    """Attack L28: a dead feed in one market protects nobody in another."""
    lost(2, 5)
    kernel.refuses("update_mark", 2, "oracle: quorum not met")
    kernel.fails("update_mark", 5)

    assert act() == LOSS

    assert logged(engine) == [
        ("MarkNotUpdated", 2, error("oracle: quorum not met")),
        ("MarkNotUpdated", 5, b""),
    ]
    assert kernel.calls() == [
        ("absorb", account, reward_account),
        ("pay_claims", 2),
        ("pay_claims", 5),
    ]


@pytest.mark.parametrize("name", ABSORB)
def test_absorb_refused_at_the_new_marks_renews_none(kernel, account, lost, act, name):
    """Attack X17: the account is judged after its marks are renewed, and a refusal leaves nothing behind."""
    lost(2, 5)
    kernel.refuses("absorb", account, "margin: account healthy")

    with boa.reverts("margin: account healthy"):
        act(name)

    assert kernel.calls() == []


def test_refresh_and_absorb_renews_the_mark_of_one_market(engine, kernel, account, reward_account, lost, act):
    lost(5)

    assert act("refresh_and_absorb") == LOSS

    assert logged(engine) == []
    assert kernel.calls() == [
        ("update_mark", 5),
        ("absorb", account, reward_account),
        ("pay_claims", 5),
    ]


def test_refresh_and_absorb_renews_every_mark_first(engine, kernel, account, reward_account, lost, act):
    """Twice: once because it was asked to, once as for any account in several markets."""
    lost(2, 5)

    assert act("refresh_and_absorb") == LOSS

    assert logged(engine) == []
    assert kernel.calls() == [
        *renewed(2, 5),
        *renewed(2, 5),
        ("absorb", account, reward_account),
        ("pay_claims", 2),
        ("pay_claims", 5),
    ]


def test_refresh_and_absorb_goes_on_without_a_price(engine, kernel, account, reward_account, lost, act):
    lost(2)
    kernel.refuses("update_mark", 2, "oracle: quorum not met")

    assert act("refresh_and_absorb") == LOSS

    assert logged(engine) == [("MarkNotUpdated", 2, error("oracle: quorum not met"))]
    assert kernel.calls() == [("absorb", account, reward_account), ("pay_claims", 2)]


def test_absorb_reentered_by_the_fund_is_not_disturbed(engine, kernel, account, reward_account, lost, act):
    """The call back fails at the lock, so the payment does, and the absorption stands."""
    lost(2)
    kernel.calls_back("pay_claims", 2, engine.absorb.prepare_calldata(account, reward_account))

    assert act() == LOSS

    assert logged(engine) == [("ClaimsNotPaid", 2, b"")]
    assert kernel.calls() == [("absorb", account, reward_account)]
