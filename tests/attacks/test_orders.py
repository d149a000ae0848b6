"""
Attacks with signed orders: two that do not both fit, one that outlives its account, a signer who changes his
mind.
"""

import boa
import pytest

from tests.attacks.desk import Desk, worth
from tests.kernel import account_of, wad
from tests.support import actor, deploy
from tests.unit.exchange.orders import ZERO_ADDRESS
from tests.unit.exchange.orders import account_of as account_of_address


@pytest.fixture
def pit(desk: Desk) -> Desk:
    """The desk with its exchange in charge."""
    desk.use_exchange()
    return desk


def test_t10_two_orders_healthy_alone_do_not_both_fill(pit: Desk):
    """Nothing is reserved for an order, so every fill is judged with all that was filled before it."""
    maker, taker = pit.scene.account("maker", 100), pit.scene.account("taker", 5000)
    first, second = (pit.signed("maker", wad(12), wad(100), lane=lane) for lane in (1, 2))
    assert pit.trade("taker", -wad(12), wad(100), first) == wad(12)
    before = pit.scene.snapshot()
    with boa.reverts("margin: below initial margin"):
        pit.trade("taker", -wad(12), wad(100), second)
    assert pit.scene.snapshot() == before
    assert worth(pit.scene, maker, taker) == wad(5100)
    pit.kernel.assert_conserved()


def test_t10_margin_withdrawn_under_an_open_order_lets_the_order_fail_not_the_vault(pit: Desk):
    """
    The order was good when it was signed; the money left; the fill is refused, and the taker has lost
    nothing.
    """
    maker, _ = pit.scene.account("maker", 100), pit.scene.account("taker", 5000)
    order = pit.signed("maker", wad(12), wad(100))
    units = wad(100) // pit.kernel.scale
    pit.scene.vault.withdraw(maker, units, actor("maker"), units, sender=actor("maker"))
    before = pit.scene.snapshot()
    with boa.reverts("margin: below initial margin"):
        pit.trade("taker", -wad(12), wad(100), order)
    assert pit.scene.snapshot() == before
    pit.kernel.assert_conserved()


def test_l24_order_that_outlives_its_account_opens_nothing(pit: Desk):
    """Absorbed to the last unit: the order signed before is judged by what is there now, which is nothing."""
    scene = pit.scene
    scene.account("taker", 5000)
    maker = scene.account("maker", 60)
    pit.trade("taker", -wad(10), wad(100), pit.signed("maker", wad(10), wad(100), lane=1))
    late = pit.signed("maker", wad(5), wad(90), lane=2)
    scene.move(10)
    pit.engine.absorb(maker, account_of("stranger"), sender=actor("stranger"))
    with boa.reverts("margin: below initial margin"):
        pit.trade("taker", -wad(5), wad(90), late)
    assert scene.kernel.position(maker).size == 0
    scene.kernel.assert_conserved()


def test_x01_wallet_that_takes_its_word_back_fills_no_more_than_it_signed(pit: Desk):
    """An ERC-1271 wallet is asked at every fill; saying no in between resets nothing of what was filled."""
    wallet = deploy("mocks/MockFickleWallet.vy")
    pit.scene.account("taker", 5000)
    account, tokens = account_of_address(wallet.address), wad(5000) // pit.kernel.scale
    pit.kernel.token.mint(actor("friend"), tokens)
    pit.kernel.token.approve(pit.scene.vault.address, tokens, sender=actor("friend"))
    pit.scene.vault.deposit(account, tokens, sender=actor("friend"))
    pit.kernel.accounts.add(account)
    order = (pit.order(wallet.address, wad(10), wad(100)).fields, ZERO_ADDRESS, b"")
    assert pit.trade("taker", -wad(6), wad(100), order) == wad(6)
    wallet.set_agreeing(False)
    with boa.reverts("exchange: bad signature"):
        pit.trade("taker", -wad(6), wad(100), order)
    wallet.set_agreeing(True)
    assert pit.trade("taker", -wad(6), wad(100), order) == wad(4)
    with boa.reverts("exchange: order filled"):
        pit.trade("taker", -wad(6), wad(100), order)
    assert pit.kernel.position(account).size == wad(10)
    pit.kernel.assert_conserved()


@pytest.mark.parametrize("is_buyer_first", [True, False])
def test_x04_whoever_matches_orders_gives_neither_side_less_than_it_signed(pit: Desk, is_buyer_first):
    """
    The submitter chooses the taker, and so one of the two signed prices, nothing beyond; he himself gets
    nothing.
    """
    buyer, seller = pit.scene.account("buyer", 5000), pit.scene.account("seller", 5000)
    bid = pit.signed("buyer", wad(10), wad("100.5"))
    ask = pit.signed("seller", -wad(10), wad("99.5"))
    taker, maker = (bid, ask) if is_buyer_first else (ask, bid)
    pit.exchange.match_orders(taker, [maker], sender=actor("stranger"))
    paid = pit.kernel.position(buyer).notional
    assert paid == (wad(995) if is_buyer_first else wad(1005))
    assert pit.kernel.position(seller).notional == -paid
    assert worth(pit.scene, buyer, seller) == wad(10_000)
    pit.kernel.assert_conserved()


def test_x03_no_lane_or_era_brings_a_dead_order_back(pit: Desk):
    """Cancelled, superseded or of a past era, in lane 0 or another: dead is dead, whatever comes after."""
    maker = pit.scene.account("maker", 5000)
    pit.scene.account("taker", 5000)
    dead = [pit.signed("maker", wad(10), wad(100), lane=lane, sequence=2) for lane in (0, 1)]
    for lane in (0, 1):
        pit.exchange.cancel(maker, lane, 2, sender=actor("maker"))
    pit.exchange.cancel_all(maker, sender=actor("maker"))
    live = pit.signed("maker", wad(10), wad(100), lane=1, sequence=(1 << 44) + 1)
    pit.trade("taker", -wad(4), wad(100), live)
    for order in dead:
        with boa.reverts("exchange: wrong era"):
            pit.trade("taker", -wad(4), wad(100), order)
    pit.exchange.cancel(maker, 1, (1 << 44) + 1, sender=actor("maker"))
    with boa.reverts("exchange: order cancelled"):
        pit.trade("taker", -wad(4), wad(100), live)
    assert pit.kernel.position(maker).size == wad(4)
    pit.kernel.assert_conserved()


def test_x02_deposit_into_a_strangers_new_account_lets_no_later_exchange_trade_it(pit: Desk):
    """
    A unit from the attacker fixes the version of the present exchange; the next one still needs the owner's
    yes.
    """
    pit.scene.account("taker", 5000)
    victim = pit.scene.account("victim", 5000)
    tokens = wad(1) // pit.kernel.scale
    pit.kernel.token.mint(actor("attacker"), 2 * tokens)
    pit.kernel.token.approve(pit.scene.vault.address, 2 * tokens, sender=actor("attacker"))
    pit.scene.vault.deposit(victim, tokens, sender=actor("attacker"))
    with pit.scene.as_governance():
        pit.scene.vault.set_role(1, actor("exchange"))
    pit.scene.vault.deposit(victim, tokens, sender=actor("attacker"))
    with boa.env.prank(actor("taker")):
        pit.scene.vault.accept_exchange(account_of("taker"))
    with boa.reverts("vault: exchange not accepted"):
        pit.kernel.fill(account_of("taker"), victim, 10)
    pit.kernel.assert_conserved()
