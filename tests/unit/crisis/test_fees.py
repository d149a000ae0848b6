"""What the fund and the treasury have earned leaves the vault: fees of trades, funding, liquidation."""

from decimal import Decimal

import boa
import pytest

from lastline.keeper.pricing import REWARDS_KEPT
from tests.kernel import INSURANCE_FUND, TREASURY, WAD, liquidation_config, wad
from tests.support import actor
from tests.unit.crisis.scene import Scene, fresh

NOBODY = "0x0000000000000000000000000000000000000000"


def keep(scene: Scene, *caps: int) -> None:
    """The largest reward of each market, quote; four of each stay with the fees of liquidations."""
    for market in range(scene.vault.market_count()):
        cap = wad(caps[market]) if market < len(caps) else 0
        with scene.as_governance():
            scene.vault.set_liquidation_config(
                market, tuple(liquidation_config(reward_flat=0, reward_cap=cap).values())
            )


def earn(scene: Scene, *caps: int, times: int = 1) -> tuple[int, int, int]:
    """Trading fees of 1 + 1, funding of 0.012, and what a take-over earned; all of it can be collected."""
    keep(scene, *caps)
    buyer, seller = scene.account("buyer", 1000), scene.account("seller", 1000)
    if scene.side < 0:
        buyer, seller = seller, buyer
    scene.kernel.fill(buyer, seller, 10, fee=wad("0.001"))
    with scene.as_governance():
        scene.vault.set_funding_share(wad("0.2"))
    scene.kernel.set_price(100, seconds=600, rate=scene.side * 10**11)
    loser = scene.account("loser", times * Decimal("59.2" if scene.side > 0 else "60.8"))
    scene.open(loser, scene.account("other side", 1000 * times), 10 * times, market=1)
    scene.move(4, market=1)
    scene.kernel.take_over(loser, scene.account("liquidator", 1000 * times), market=1)
    fees = scene.vault.fee_state()
    assert (fees.trading, fees.funding) == (wad(2), wad("0.012"))
    assert fees.liquidation > wad(1)
    return fees.trading, fees.funding, fees.liquidation


@pytest.mark.parametrize(("share", "counted"), [(0, 0), (wad("0.6"), wad("0.6")), (WAD, WAD), (2 * WAD, WAD)])
def test_collect_fees_shares_trading_fees_between_fund_and_treasury(scene, share, counted):
    """Funding and liquidation are the fund's; of trading fees what it asks for, at most all."""
    trading, funding, liquidation = earn(scene)
    fund = scene.with_fund()
    fund.set_fee_share(share)
    scale, held = scene.kernel.scale, scene.kernel.token.balanceOf(fund)
    scene.vault.collect_fees()
    to_fund = trading * counted // WAD
    tokens = [to_fund // scale, funding // scale, liquidation // scale]
    logs = scene.logs()
    assert logs[0] == (
        "FeesCollected",
        tokens[0] * scale,
        trading - to_fund,
        tokens[1] * scale,
        tokens[2] * scale,
    )
    assert [log[0] for log in logs[1:]] == ["Transfer"]
    assert [fund.inflows(n) for n in range(3)] == tokens
    assert scene.kernel.token.balanceOf(fund) - held == sum(tokens)
    # what is finer than a token unit stays
    assert tuple(scene.vault.fee_state()) == (0, 0, liquidation - tokens[2] * scale, trading - to_fund, 0)
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("caps", [(1,), (0, 1), (10**6,)])
def test_collecting_leaves_what_keepers_of_empty_accounts_are_paid_of(scene, caps):
    """Four of each market's largest rewards, if there is so much: nobody takes that away before they come."""
    _, _, liquidation = earn(scene, *caps, times=6)
    assert wad(4) < liquidation < wad(8)
    fund = scene.with_fund()
    for _ in range(2):
        scene.vault.collect_fees()
        left = scene.vault.fee_state().liquidation
        assert 0 <= left - min(wad(REWARDS_KEPT * sum(caps)), liquidation) < scene.kernel.scale
        assert fund.inflows(2) * scene.kernel.scale == liquidation - left
    scene.kernel.assert_conserved()


def test_rewards_of_several_markets_add_up(scene):
    _, _, liquidation = earn(scene, 1, 1, times=6)
    assert liquidation < wad(8)
    scene.with_fund()
    scene.vault.collect_fees()
    assert scene.vault.fee_state().liquidation == liquidation


def test_collect_fees_with_any_token(any_decimals):
    scene = fresh(any_decimals, 1)
    buyer, seller = scene.account("buyer", 1000), scene.account("seller", 1000)
    scene.kernel.fill(buyer, seller, "3.333333333333333333", fee=wad("0.00077"))
    fund = scene.with_fund()
    fund.set_fee_share(wad("0.333"))
    scene.vault.collect_fees()
    scene.kernel.assert_conserved()
    scene.vault.pay_treasury()
    scene.kernel.assert_conserved()


def test_collect_fees_twice_sends_nothing_more(scene):
    earn(scene)
    fund = scene.with_fund()
    fund.set_fee_share(WAD)
    scene.vault.collect_fees()
    held = scene.kernel.token.balanceOf(fund)
    scene.vault.collect_fees()
    assert scene.kernel.token.balanceOf(fund) == held
    assert scene.logs() == [("FeesCollected", 0, 0, 0, 0)]
    scene.kernel.assert_conserved()


def test_collect_fees_without_a_fund_reverts(scene):
    earn(scene)
    before = scene.snapshot()
    with boa.reverts("vault: no fund"):
        scene.vault.collect_fees()
    assert scene.snapshot() == before


def test_fund_that_refuses_leaves_everything_where_it_was(scene):
    earn(scene)
    fund = scene.with_fund()
    fund.set_refusing_inflows(True)
    before = scene.snapshot()
    with boa.reverts("fund: refused"):
        scene.vault.collect_fees()
    assert scene.snapshot() == before


def test_collect_fees_refuses_a_direct_call(shared_kernel):
    with boa.reverts("kernel: direct call"):
        shared_kernel.parts["MarginVaultCrisis"].collect_fees()


def test_pay_treasury(scene):
    trading, _, _ = earn(scene)
    fund = scene.with_fund()
    fund.set_fee_share(wad("0.25"))
    scene.vault.collect_fees()
    tokens = trading * 3 // 4 // scene.kernel.scale
    assert scene.vault.pay_treasury() == tokens
    logs = scene.logs()
    assert logs[0] == ("TreasuryPaid", actor("treasury"), tokens * scene.kernel.scale)
    assert [log[0] for log in logs[1:]] == ["Transfer"]
    assert scene.kernel.token.balanceOf(actor("treasury")) == tokens
    assert scene.vault.fee_state().treasury == 0
    scene.kernel.assert_conserved()


def test_pay_treasury_without_fees_sends_nothing(scene):
    assert scene.vault.pay_treasury() == 0
    assert scene.logs() == [("TreasuryPaid", actor("treasury"), 0)]
    scene.kernel.assert_conserved()


def test_pay_treasury_without_a_treasury_reverts(scene):
    with scene.as_governance():
        scene.vault.set_role(TREASURY, NOBODY)
    before = scene.snapshot()
    with boa.reverts("vault: no treasury"):
        scene.vault.pay_treasury()
    assert scene.snapshot() == before
    assert INSURANCE_FUND != TREASURY


def test_pay_treasury_refuses_a_direct_call(shared_kernel):
    with boa.reverts("kernel: direct call"):
        shared_kernel.parts["MarginVaultCash"].pay_treasury()
