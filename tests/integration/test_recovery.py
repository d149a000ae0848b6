"""The last tier on a chain: a loss that is written off, shared by withdrawals, and made good in the end."""

import pytest

from lastline import audit
from lastline.chain import Reverted
from lastline.units import WAD, to_units
from lastline.views import FUND, VAULT
from tests.integration.conftest import TOKEN_DECIMALS, System

INSURANCE_FUND = 8
NOBODY = "0x" + "00" * 20
DAY = 86_400


def tokens(whole: str) -> int:
    return to_units(whole, TOKEN_DECIMALS)


def mature(system: System, price: str) -> None:
    """Two batches of the market clock."""
    for _ in range(26):
        system.set_price(price, 300)


@pytest.fixture(scope="module")
def written_off(system: System) -> System:
    """Who won has left before the loss was recognised; no fund, nobody in profit; written off a day later."""
    chain = system.chain
    chain.send(system.deployer, VAULT, "set_role", INSURANCE_FUND, NOBODY)
    for name, quote in (("winner", "10000"), ("loser", "450"), ("newcomer", "10000"), ("buyer", "10000")):
        system.fund(name, quote)
    system.trade("loser", "0.5", system.signed("winner", "-0.5"))
    # a mark goes no further at once than the market lets it
    while chain.call(VAULT, "mark", 0) != 6300 * WAD:
        system.set_price("6300")
    system.trade("winner", "0.5", system.signed("newcomer", "-0.5"))
    mature(system, "6300")
    keeper = system.actor("keeper")
    chain.send(keeper, "LiquidationEngine", "absorb", system.account("loser"), system.account("keeper"))
    buyer = system.actor("buyer")
    limit = 2**200
    chain.send(buyer, "LiquidationEngine", "buy_inventory", 0, system.account("buyer"), 2**111, limit)
    system.set_price("6300", DAY)
    chain.send(keeper, VAULT, "write_off", 0, 100)
    return system


def verify(system: System) -> audit.Report:
    report = audit.run(system.chain)
    assert report.holds, [check.id for check in report.failed]
    return report


def withdraw(system: System, name: str, whole: str, least: int = 0) -> int:
    """Tokens paid out."""
    sender, token = system.actor(name), system.chain.contract("Collateral")
    before = token.functions.balanceOf(sender.address).call()
    arguments = (system.account(name), tokens(whole), sender.address, least)
    system.chain.send(sender, VAULT, "withdraw", *arguments)
    return token.functions.balanceOf(sender.address).call() - before


def test_a_loss_that_was_written_off_adds_up(written_off):
    report = verify(written_off)
    uncovered = written_off.chain.call(VAULT, "uncovered")
    # 367.5 lost, less what the opposite side was charged: 1.25 % of mark for each of half a bitcoin
    assert 300 * WAD < uncovered < 367 * WAD
    assert report.ledger.uncovered == uncovered


def test_the_first_and_the_last_withdrawal_have_the_same_ratio(written_off, unchanged):
    ratio = written_off.chain.call(VAULT, "recovery_ratio")
    assert WAD * 9 // 10 < ratio < WAD
    for name in ("winner", "buyer", "newcomer"):
        assert abs(withdraw(written_off, name, "2000") - tokens("2000") * ratio // WAD) <= 1
        claim = written_off.chain.call(VAULT, "recovery_claim", written_off.account(name))
        assert abs(claim - 2000 * (WAD - ratio)) <= 10**13
        verify(written_off)


def test_less_than_asked_for_is_refused_if_the_owner_says_so(written_off, unchanged):
    with pytest.raises(Reverted, match="vault: below minimum out"):
        withdraw(written_off, "winner", "2000", tokens("2000"))


def test_the_fund_makes_it_good_and_all_adds_up(written_off, unchanged):
    chain = written_off.chain
    withdraw(written_off, "winner", "2000")
    fund = chain.deployment.address(FUND)
    chain.send(written_off.deployer, VAULT, "set_role", INSURANCE_FUND, fund)
    chain.send(written_off.actor("stranger"), VAULT, "pay_uncovered")
    assert chain.call(VAULT, "uncovered") == 0
    assert chain.call(FUND, "paid_in_market", chain.call(FUND, "RECOVERY")) == chain.call(FUND, "total_paid")
    assert withdraw(written_off, "buyer", "1000") == tokens("1000")
    verify(written_off)


def test_anybody_makes_it_good_and_all_adds_up(written_off, unchanged):
    chain, giver = written_off.chain, written_off.actor("giver")
    chain.send(written_off.deployer, "Collateral", "mint", giver.address, tokens("1000"))
    chain.send(giver, "Collateral", "approve", chain.deployment.address(VAULT), tokens("1000"))
    chain.send(giver, VAULT, "recapitalise", tokens("1000"))
    assert chain.call(VAULT, "uncovered") == 0
    assert chain.call(VAULT, "recovery_ratio") == WAD
    verify(written_off)
