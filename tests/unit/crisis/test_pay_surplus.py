"""What a bankruptcy account had left over goes to who paid the market's claims; a tenth is for keepers."""

import boa
import pytest

from tests.kernel import BTC, wad
from tests.unit.crisis.scene import Scene, fresh


def earn(scene: Scene) -> int:
    """An account absorbed with something left, its position sold at mark: the surplus."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner, 10, 60)
    scene.move("5.5")
    scene.kernel.absorb(loser)
    scene.kernel.buy_inventory(scene.account("buyer", 1000))
    surplus = scene.vault.surplus(BTC)
    assert wad(2) < surplus < wad(5)
    assert scene.vault.fee_state().surplus == surplus
    return surplus


def test_surplus_is_paid_to_the_fund_but_for_the_keepers_tenth(scene):
    surplus = earn(scene)
    fund, scale = scene.with_fund(), scene.kernel.scale
    before, held = scene.vault.fee_state().liquidation, scene.kernel.token.balanceOf(fund)
    tokens = (surplus - surplus // 10) // scale
    assert scene.vault.pay_surplus(BTC) == tokens
    logs = [log for log in scene.logs() if log[0] != "Transfer"]
    assert logs == [("SurplusPaid", BTC, tokens * scale, surplus // 10)]
    assert fund.surpluses(BTC) == tokens == scene.kernel.token.balanceOf(fund) - held
    assert scene.vault.fee_state().liquidation == before + surplus // 10
    assert scene.vault.surplus(BTC) == surplus - surplus // 10 - tokens * scale
    scene.kernel.assert_conserved()


def test_keepers_of_empty_accounts_are_paid_out_of_it(scene):
    """Without a take-over nothing else feeds what they are paid from."""
    surplus = earn(scene)
    scene.with_fund()
    scene.move(0)
    loser = scene.bankrupt(scene.account("winner", 1), 10, 60, name="next")
    scene.move(10)
    scene.vault.pay_surplus(BTC)
    paid = scene.equity(scene.account("keeper", 1))
    scene.kernel.absorb(loser)
    reward = scene.equity(scene.account("keeper", 1)) - paid - wad(1)
    assert 0 < reward <= surplus // 10
    scene.kernel.assert_conserved()


def test_a_market_has_its_own_surplus(scene):
    surplus = earn(scene)
    scene.with_fund()
    assert scene.vault.surplus(1) == 0
    assert scene.vault.pay_surplus(1) == 0
    assert scene.logs() == []
    assert scene.vault.surplus(BTC) == surplus


def test_less_than_a_token_unit_stays(any_decimals):
    scene = fresh(any_decimals, 1)
    earn(scene)
    scene.with_fund()
    scene.vault.pay_surplus(BTC)
    left = scene.vault.surplus(BTC)
    assert left < scene.kernel.scale
    before = scene.snapshot()
    assert scene.vault.pay_surplus(BTC) == 0
    assert scene.snapshot() == before
    scene.kernel.assert_conserved()


def test_collecting_fees_leaves_surplus_where_it_is(scene):
    surplus = earn(scene)
    scene.with_fund()
    scene.vault.collect_fees()
    assert scene.vault.surplus(BTC) == surplus
    scene.kernel.assert_conserved()


def test_without_a_fund_surplus_stays(scene):
    earn(scene)
    before = scene.snapshot()
    with boa.reverts("vault: no fund"):
        scene.vault.pay_surplus(BTC)
    assert scene.snapshot() == before


def test_a_fund_that_refuses_leaves_everything_where_it_was(scene):
    earn(scene)
    scene.with_fund().set_refusing_inflows(True)
    before = scene.snapshot()
    with boa.reverts("fund: refused"):
        scene.vault.pay_surplus(BTC)
    assert scene.snapshot() == before


@pytest.mark.parametrize("market", [32, 2**255])
def test_an_unknown_market_has_no_surplus(scene, market):
    scene.with_fund()
    with boa.reverts("market: unknown"):
        scene.vault.pay_surplus(market)


def test_a_part_refuses_a_direct_call(shared_kernel):
    with boa.reverts("kernel: direct call"):
        shared_kernel.parts["MarginVaultCrisis"].pay_surplus(BTC)
