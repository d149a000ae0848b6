"""Kernel, fund and pool together: a loss through both tiers, and what holds up whoever would leave."""

from typing import Any

import boa
import pytest

from tests import support
from tests.kernel import INSURANCE_FUND, WAD, wad
from tests.support import actor
from tests.unit.community_pool.desk import ENTRY_DELAY, PARAMETERS
from tests.unit.crisis.test_pay_claims import crash
from tests.unit.insurance_fund.conftest import Source
from tests.unit.last_tiers.late import DAY, late_loss, sell_inventory, write_off


@pytest.fixture
def backed(scene) -> tuple[Any, Any]:
    """A real fund with 25 quote of reserve, and a pool in which Alice has staked 100."""
    token, governance = scene.kernel.token, actor("governance")
    limits = (10**30, WAD, WAD // 10)
    fund = support.deploy("InsuranceFund.vy", token, governance, (WAD, WAD // 2, WAD // 10, 0, limits))
    fund.set_vault(scene.vault.address, sender=governance)
    pool = support.deploy("CommunityPool.vy", token, fund, PARAMETERS)
    fund.set_pool(pool, sender=governance)
    scene.vault.set_role(INSURANCE_FUND, fund.address, sender=governance)
    alice, scale = actor("alice"), scene.kernel.scale
    token.mint(alice, wad(125) // scale)
    for spender in (fund, pool):
        token.approve(spender, 2**256 - 1, sender=alice)
    fund.add_capital(wad(25) // scale, sender=alice)
    pool.request_deposit(wad(100) // scale, sender=alice)
    support.wait(ENTRY_DELAY)
    pool.activate_deposit(alice)
    scene.move(0)
    return fund, pool


def test_a_loss_goes_through_reserve_and_pool(scene, backed):
    fund, pool = backed
    crash(scene)
    scene.vault.pay_claims(0)

    claim = scene.kernel.claims()[0]
    assert (claim.reserve, claim.community, claim.outstanding) == (wad(25), wad(15), 0)
    assert fund.reserve() == 0
    assert pool.total_drawn() * scene.kernel.scale == wad(15)
    assert pool.exposed_assets() * scene.kernel.scale == wad(85)
    scene.kernel.assert_conserved()


def test_the_last_tiers_wait_for_the_pool(scene, backed):
    crash(scene)
    with boa.env.anchor():
        scene.vault.pay_claims(0)
        assert scene.kernel.claims()[0].outstanding == 0
    with boa.reverts("crisis: fund can pay"):
        scene.vault.deleverage(0, 10, sender=actor("allocator"))


def test_not_calm_from_a_claim_to_its_payment(scene, backed):
    fund, pool = backed
    governance = actor("governance")
    assert scene.vault.claim_markets() == 0
    assert fund.is_calm()
    scene.vault.set_role(INSURANCE_FUND, "0x" + 40 * "0", sender=governance)
    crash(scene)
    assert scene.vault.claim_markets() == 1
    assert not fund.is_calm()
    assert not pool.is_calm()
    scene.vault.set_role(INSURANCE_FUND, fund.address, sender=governance)
    scene.vault.pay_claims(0)
    assert scene.vault.claim_markets() == 0
    # 40 of 125 has been paid: still not calm, until that is half a day ago
    assert not fund.is_calm()
    support.wait(12 * 3_600)
    fund.set_mode_terms((0, 0, WAD, WAD // 5, 600, 3_600, WAD), sender=governance)
    assert fund.is_calm()


def test_the_fund_puts_the_vault_into_mode_adl_and_back(scene, backed):
    """Between two looks the payment, which could not do it itself: the vault was locked."""
    fund, _ = backed

    def mode() -> int:
        return (scene.vault.exchange_word() >> 176) & 255

    # coverage is not what this is about
    terms = (0, 0, 3 * WAD // 10, WAD // 5, 600, 3_600, 5 * WAD // 4)
    fund.set_mode_terms(terms, sender=actor("governance"))
    assert (fund.update_mode(), mode()) == (0, 0)
    crash(scene)
    scene.vault.pay_claims(0)
    assert mode() == 0
    assert (fund.update_mode(), mode()) == (3, 3)
    support.wait(12 * 3_600)
    for expected in (3, 2, 1, 0):
        assert (fund.update_mode(), mode()) == (expected, expected)
        support.wait(3_600)


def test_in_mode_adl_the_last_tiers_spare_the_fund(scene, backed):
    fund, _ = backed
    scene.vault.set_role(INSURANCE_FUND, "0x" + 40 * "0", sender=actor("governance"))
    crash(scene)
    scene.vault.set_role(INSURANCE_FUND, fund.address, sender=actor("governance"))
    with boa.reverts("crisis: fund can pay"):
        scene.vault.deleverage(0, 10, sender=actor("allocator"))
    scene.vault.set_risk_mode(3, WAD, sender=actor("governance"))
    scene.vault.deleverage(0, 10, sender=actor("allocator"))
    assert fund.total_paid() == fund.community_out() == 0
    assert scene.kernel.claims()[0].adl != 0


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_not_calm_in_another_mode_than_normal(scene, backed, mode):
    fund, _ = backed
    scene.vault.set_risk_mode(mode, WAD, sender=actor("governance"))
    assert not fund.is_calm()
    scene.vault.set_risk_mode(0, WAD, sender=actor("governance"))
    assert fund.is_calm()


def test_a_surplus_repays_pool_and_reserve_what_the_claims_have_cost(scene, backed):
    fund, pool = backed
    scale = scene.kernel.scale
    crash(scene)
    scene.vault.pay_claims(0)
    scene.move(5)
    sell_inventory(scene)
    surplus = scene.vault.surplus(0)
    assert wad(45) < surplus <= wad(50)

    tokens = scene.vault.pay_surplus(0)
    assert tokens == (surplus - surplus // 10) // scale
    assert fund.community_repaid_in_market(0) * scale == pool.total_inflow() * scale == wad(15)
    assert fund.repaid_in_market(0) * scale == wad(25)
    assert fund.reserve() == tokens - wad(15) // scale
    assert fund.total_in(Source.LIQUIDATION) == tokens - wad(40) // scale
    scene.kernel.assert_conserved()


def test_what_was_written_off_is_paid_by_reserve_and_pool_in_the_end(scene, backed):
    """And withdrawals are whole again."""
    fund, pool = backed
    scale = scene.kernel.scale
    scene.vault.set_role(INSURANCE_FUND, "0x" + 40 * "0", sender=actor("governance"))
    late_loss(scene, margin=80)
    sell_inventory(scene)
    scene.move(20, seconds=DAY)
    write_off(scene)
    uncovered = scene.vault.uncovered()
    assert wad(25) < uncovered <= wad(125)
    assert scene.vault.recovery_ratio() < WAD

    scene.vault.set_role(INSURANCE_FUND, fund.address, sender=actor("governance"))
    while scene.vault.uncovered():
        assert scene.vault.pay_uncovered() != 0
    assert scene.vault.recovery_ratio() == WAD
    recovery = fund.RECOVERY()
    assert fund.paid_in_market(recovery) * scale == wad(25)
    assert fund.community_paid_in_market(recovery) * scale >= uncovered - wad(25)
    assert pool.total_drawn() == fund.community_out()
    scene.kernel.assert_conserved()
