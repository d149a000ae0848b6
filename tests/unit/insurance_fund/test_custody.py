"""Hot and cold reserve: what may be swept, where to, and how it comes back"""

import boa
import pytest

from tests import support
from tests.support import actor, named_logs, transfer_log

NOBODY = "0x" + "00" * 20


class Custody:
    """A fund with 1,000 in hand, a target of 400, a hot ceiling of 600 and a plain contract for a Safe."""

    def __init__(self, modes):
        self.modes, self.system, self.fund = modes, modes.system, modes.fund
        self.safe = support.deploy("mocks/MockERC1271Wallet.vy", actor("safe owner"))
        modes.set_target(400)
        self.set(600)

    def set(self, ceiling: int, safe=None) -> None:
        self.fund.set_custody(safe or self.safe, self.system.units(ceiling), sender=self.system.governance)

    def give_back(self, whole: int) -> None:
        units = self.system.units(whole)
        self.system.token.approve(self.fund, units, sender=self.safe.address)
        self.fund.bring_back(units, sender=actor("anybody"))

    def assert_whole(self) -> None:
        """The reserve is there: in the fund what is hot, in the Safe what is cold."""
        token, fund = self.system.token, self.fund
        assert fund.reserve() == fund.hot_reserve() + fund.cold_reserve()
        assert token.balanceOf(fund) >= fund.hot_reserve()
        assert token.balanceOf(self.safe) == fund.cold_reserve()
        assert fund.cold_reserve() == fund.swept_total() - fund.returned_total()


@pytest.fixture
def custody(modes):
    return Custody(modes)


def test_sweep_brings_what_is_above_the_ceiling_to_the_safe(custody):
    units = custody.system.units
    assert custody.fund.sweepable() == units(400)
    assert custody.fund.sweep(sender=actor("anybody")) == units(400)
    assert named_logs(custody.fund) == [
        ("Swept", {"safe": custody.safe.address, "amount": units(400), "cold_reserve": units(400)}),
        transfer_log(custody.fund, custody.safe, units(400)),
    ]
    assert custody.fund.reserve() == units(1_000)
    custody.assert_whole()


def test_sweep_leaves_the_target_in_the_fund(custody):
    """However low the ceiling: the Safe's owners never hold what the fund is promised to have."""
    custody.set(0)
    custody.fund.sweep()
    assert custody.fund.hot_reserve() == custody.fund.target() == custody.system.units(400)
    custody.assert_whole()


def test_sweep_of_nothing_reverts(custody):
    custody.set(1_000)
    with boa.reverts("fund: nothing to sweep"):
        custody.fund.sweep()


@pytest.mark.parametrize("trouble", ["claims", "mode", "drawdown"])
def test_sweep_while_not_calm_reverts(custody, trouble):
    if trouble == "claims":
        custody.modes.vault.set_claims(1)
    elif trouble == "mode":
        custody.modes.set_mode(1)
    else:
        custody.modes.pay(300)
    with boa.reverts("fund: not calm"):
        custody.fund.sweep()


def test_sweep_without_a_safe_reverts(modes):
    modes.set_target(0)
    with boa.reverts("fund: no safe"):
        modes.fund.sweep()


def test_what_comes_back_can_pay_again(custody):
    units = custody.system.units
    custody.fund.sweep()
    custody.give_back(150)
    assert dict(named_logs(custody.fund))["BroughtBack"] == {
        "safe": custody.safe.address,
        "amount": units(150),
        "cold_reserve": units(250),
    }
    assert custody.fund.hot_reserve() == units(750)
    custody.assert_whole()
    custody.give_back(250)
    assert custody.fund.cold_reserve() == 0
    custody.assert_whole()


def test_more_than_the_cold_reserve_cannot_come_back(custody):
    custody.fund.sweep()
    custody.system.token.mint(custody.safe, custody.system.units(1))
    custody.system.token.approve(custody.fund, 2**256 - 1, sender=custody.safe.address)
    with boa.reverts("fund: over cold reserve"):
        custody.fund.bring_back(custody.system.units(400) + 1)


def test_nothing_comes_back_without_the_safes_approval(custody):
    custody.fund.sweep()
    with boa.reverts():
        custody.fund.bring_back(1)
    custody.assert_whole()


def test_bringing_back_nothing_reverts(custody):
    with boa.reverts("fund: zero amount"):
        custody.fund.bring_back(0)


def test_only_what_is_in_hand_pays(custody):
    units = custody.system.units
    custody.fund.sweep()
    quote = custody.system.quote(units(5_000))
    assert custody.fund.payable_now(0, quote, 0) == custody.system.quote(units(600))
    assert custody.system.pay(0, 5_000) == units(600)
    assert custody.fund.reserve() == custody.fund.cold_reserve() == units(400)
    assert custody.fund.payable_now(0, quote, 0) == 0
    custody.give_back(400)
    assert custody.system.pay(0, 5_000) == units(400)
    custody.assert_whole()


def test_an_empty_hand_with_claims_open_is_exhausted_whatever_lies_cold(custody):
    custody.fund.sweep()
    custody.system.pay(0, 5_000)
    custody.modes.vault.set_claims(1)
    assert custody.fund.risk_state().is_exhausted
    assert custody.fund.distances().to_exhausted == 0


def test_the_pool_waits_while_the_reserve_lies_cold(custody):
    """It is second behind all of the reserve."""
    fund, system = custody.fund, custody.system
    pool = support.deploy("mocks/MockPool.vy", system.token, fund)
    fund.set_pool(pool, sender=system.governance)
    system.token.mint(pool, system.units(500))
    pool.set_exposed(system.units(500))
    fund.sweep()
    assert system.pay(0, 5_000) == system.units(600)
    assert fund.payable_now(0, system.quote(system.units(1)), 0) == 0
    custody.give_back(400)
    payment = fund.pay(0, system.quote(system.units(5_000)), 0, sender=system.vault)
    assert tuple(payment) == tuple(system.quote(system.units(whole)) for whole in (400, 500))


def test_capital_in_the_safe_must_come_back_first(custody):
    """Coverage counts it, a withdrawal does not."""
    fund, system = custody.fund, custody.system
    fund.sweep()
    custody.modes.set_target(0)
    assert fund.capital_surplus() == system.units(600)
    with boa.reverts("fund: not in hand"):
        fund.withdraw_capital(system.units(600) + 1, system.governance, sender=system.governance)
    fund.withdraw_capital(system.units(600), system.governance, sender=system.governance)
    custody.assert_whole()


def test_a_donation_is_told_from_what_was_swept(custody):
    fund, system = custody.fund, custody.system
    fund.sweep()
    assert fund.recognise_donation() == 0
    system.token.mint(fund, system.units(7))
    assert fund.recognise_donation() == system.units(7)
    custody.assert_whole()


def test_an_inflow_must_be_there_beside_the_hot_reserve(custody):
    fund, system = custody.fund, custody.system
    fund.sweep()
    with boa.reverts("fund: tokens not received"):
        fund.receive_inflow(1, 0, 0, sender=system.vault)
    system.receive(trading_fees=3)
    assert fund.hot_reserve() == system.units(603)


def test_set_custody_logs_old_and_new(custody):
    other = support.deploy("mocks/MockERC1271Wallet.vy", actor("safe owner"))
    custody.set(7, other)
    assert named_logs(custody.fund) == [
        (
            "CustodySet",
            {
                "safe": other.address,
                "hot_ceiling": custody.system.units(7),
                "old_safe": custody.safe.address,
                "old_hot_ceiling": custody.system.units(600),
            },
        )
    ]
    assert custody.fund.cold_safe() == other.address
    assert custody.fund.hot_ceiling() == custody.system.units(7)


def test_another_safe_only_after_the_old_one_has_given_all_back(custody):
    other = support.deploy("mocks/MockERC1271Wallet.vy", actor("safe owner"))
    custody.fund.sweep()
    for safe in (other, NOBODY):
        with boa.reverts("fund: cold reserve not empty"):
            custody.set(600, safe)
    custody.set(800)
    assert custody.fund.hot_ceiling() == custody.system.units(800)
    custody.give_back(400)
    custody.set(600, other)
    custody.set(600, NOBODY)
    with boa.reverts("fund: no safe"):
        custody.fund.sweep()


def test_the_safe_must_be_a_contract_and_not_the_fund(custody):
    for safe in (actor("somebody"), custody.fund):
        with boa.reverts("fund: bad safe"):
            custody.set(600, safe)


def test_hot_ceiling_out_of_bounds_reverts(custody):
    fund = custody.fund
    fund.set_custody(custody.safe, fund.MAX_AMOUNT(), sender=custody.system.governance)
    with boa.reverts("fund: bad hot ceiling"):
        fund.set_custody(custody.safe, fund.MAX_AMOUNT() + 1, sender=custody.system.governance)
