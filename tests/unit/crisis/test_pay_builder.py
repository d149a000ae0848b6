"""Builders are paid out of the trading fees that a market has not passed on yet."""

import boa
import pytest

from tests.kernel import EXCHANGE, account_of, wad
from tests.support import actor
from tests.unit.crisis.scene import Scene, fresh

FEES = wad(2)


def trade(scene: Scene) -> None:
    """Trading fees of 1 + 1 in market 0."""
    buyer, seller = scene.account("buyer", 1000), scene.account("seller", 1000)
    scene.kernel.fill(buyer, seller, 10, fee=wad("0.001"))


def pay(scene: Scene, builder: int, amount: int, market: int = 0, sender: str = "exchange") -> None:
    scene.vault.pay_builder(market, builder, amount, sender=actor(sender))


@pytest.mark.parametrize("amount", [0, 1, wad("0.5"), FEES])
def test_pay_builder_moves_fees_to_his_cash(scene, amount):
    trade(scene)
    builder = scene.account("builder", 7)
    flow, rest = scene.vault.market_words(0)[12], scene.vault.market_words(1)
    pay(scene, builder, amount)
    logs, left = scene.logs(), scene.vault.market_words(0)[12]
    assert logs == [("BuilderPaid", 0, builder, amount, left, scene.vault.account_word(builder))]
    assert left == flow - (amount << 112)
    assert scene.kernel.state(builder).cash == wad(7) + amount
    assert tuple(scene.vault.fee_state()) == (FEES - amount, 0, 0, 0, 0)
    assert scene.vault.market_words(1) == rest
    scene.kernel.assert_conserved()


def test_pay_builder_to_an_account_that_is_new_and_may_withdraw(scene):
    trade(scene)
    builder = account_of("builder", 3)
    pay(scene, builder, wad(1))
    scene.kernel.accounts.add(builder)
    scene.kernel.assert_conserved()
    tokens = wad(1) // scene.kernel.scale
    scene.vault.withdraw(builder, tokens, actor("builder"), 0, sender=actor("builder"))
    assert scene.kernel.token.balanceOf(actor("builder")) == tokens
    scene.kernel.assert_conserved()


def test_builder_paid_may_trade_at_once(scene):
    """His account has taken the present Exchange, as one does that is opened by a deposit."""
    trade(scene)
    builder, other = account_of("builder"), scene.account("other side", 1000)
    for _ in range(20):
        scene.kernel.fill(account_of("buyer"), account_of("seller"), 10, fee=wad("0.001"))
        scene.kernel.fill(account_of("seller"), account_of("buyer"), 10, fee=wad("0.001"))
    pay(scene, builder, wad(60))
    scene.kernel.accounts.add(builder)
    scene.open(builder, other, 2)
    assert scene.kernel.position(builder).size == scene.side * wad(2)
    scene.kernel.assert_conserved()


def test_pay_builder_one_wei_more_than_the_fees_reverts(scene):
    trade(scene)
    before = scene.snapshot()
    with boa.reverts("vault: fees too low"):
        pay(scene, account_of("builder"), FEES + 1)
    assert scene.snapshot() == before


def test_pay_builder_takes_no_other_markets_fees(scene):
    trade(scene)
    with boa.reverts("vault: fees too low"):
        pay(scene, account_of("builder"), 1, market=1)


def test_pay_builder_takes_no_fees_that_were_collected(scene):
    trade(scene)
    scene.with_fund()
    scene.vault.collect_fees()
    with boa.reverts("vault: fees too low"):
        pay(scene, account_of("builder"), 1)


def test_pay_builder_amount_beyond_a_field_reverts(scene):
    trade(scene)
    with boa.reverts("vault: fees too low"):
        pay(scene, account_of("builder"), 2**256 - 1)


@pytest.mark.parametrize("market", [32, 2**256 - 1])
def test_pay_builder_of_no_market_reverts(scene, market):
    with boa.reverts("market: unknown"):
        pay(scene, account_of("builder"), 0, market=market)


@pytest.mark.parametrize("nobody", [0, 2**96 - 1])
def test_pay_builder_without_an_owner_reverts(scene, nobody):
    trade(scene)
    with boa.reverts("vault: no builder"):
        pay(scene, nobody, 1)


@pytest.mark.parametrize("name", ["attacker", "governance", "engine", "builder"])
def test_pay_builder_is_the_exchanges(scene, name):
    trade(scene)
    before = scene.snapshot()
    with boa.reverts("vault: not exchange"):
        pay(scene, account_of("builder"), 1, sender=name)
    assert scene.snapshot() == before


def test_former_exchange_pays_no_builder(scene):
    trade(scene)
    with scene.as_governance():
        scene.vault.set_role(EXCHANGE, actor("new exchange"))
    with boa.reverts("vault: not exchange"):
        pay(scene, account_of("builder"), 1)
    pay(scene, account_of("builder"), 1, sender="new exchange")


def test_pay_builder_refuses_a_direct_call(shared_kernel):
    with boa.reverts("kernel: direct call"):
        shared_kernel.parts["MarginVaultCrisis"].pay_builder(0, account_of("builder"), 0)


def test_pay_builder_with_any_token(any_decimals):
    scene = fresh(any_decimals, 1)
    buyer, seller = scene.account("buyer", 1000), scene.account("seller", 1000)
    scene.kernel.fill(buyer, seller, "3.333333333333333333", fee=wad("0.00077"))
    pay(scene, scene.account("builder", 1), scene.vault.fee_state().trading // 3)
    scene.kernel.assert_conserved()
