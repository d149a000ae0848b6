"""While a loss is uncovered all withdrawals are paid at one ratio; anybody may repair it."""

import itertools
from fractions import Fraction

import boa
import pytest

from tests.kernel import BTC, INSURANCE_FUND, WAD, wad
from tests.support import actor
from tests.unit.crisis.scene import Scene, fresh
from tests.unit.last_tiers.late import DAY, events, late_loss, withdraw, write_off

LENDERS = {"alice": 1000, "bob": 500, "carol": "33.333333"}
# What rounding payments down to token units may leave: it raises the ratio, so it does not add up.
UNIT = 2 * 10**12
NOBODY = "0x0000000000000000000000000000000000000000"


def uncover(scene: Scene, lenders: dict = LENDERS) -> dict[str, int]:
    """A late loss, written off whole, with idle accounts beside it. Their ids."""
    out = {name: scene.account(name, quote) for name, quote in lenders.items()}
    late_loss(scene)
    scene.kernel.oracle.set_down(BTC, True)
    boa.env.timestamp += DAY
    write_off(scene)
    scene.kernel.oracle.set_down(BTC, False)
    assert scene.vault.uncovered() == wad(140)
    return out


def ratio(scene: Scene) -> Fraction:
    """V / (V + D)."""
    backing = scene.kernel.held() - sum(scene.vault.fee_state())
    return Fraction(backing, backing + scene.vault.uncovered())


def tokens(scene: Scene, quote: int | str) -> int:
    return wad(quote) // scene.kernel.scale


def give(scene: Scene, name: str, quote: int | str) -> int:
    amount = tokens(scene, quote)
    scene.kernel.token.mint(actor(name), amount)
    scene.kernel.token.approve(scene.vault.address, amount, sender=actor(name))
    return amount


# --- withdrawals --------------------------------------------------------------------------------------------


def test_a_withdrawal_is_paid_at_the_ratio(scene):
    alice = uncover(scene)["alice"]
    at, before = ratio(scene), scene.vault.uncovered()
    amount = tokens(scene, 100)
    paid = withdraw(scene, "alice", alice, amount)
    assert paid == amount * at // 1
    assert scene.kernel.token.balanceOf(actor("alice")) == paid
    assert scene.kernel.state(alice).cash == wad(900)
    assert scene.vault.recovery_claim(alice) == (amount - paid) * scene.kernel.scale
    assert before - scene.vault.uncovered() == wad(100) * (1 - at) // 1
    scene.kernel.assert_conserved()


def test_a_withdrawal_at_the_ratio_is_told(scene):
    alice = uncover(scene)["alice"]
    backing = scene.kernel.held() - sum(scene.vault.fee_state())
    paid = withdraw(scene, "alice", alice, tokens(scene, 100))
    logs = scene.logs()
    assert [log[0] for log in logs] == ["PaidAtRatio", "Withdrawn", "Transfer"]
    left, claim = scene.vault.uncovered(), scene.vault.recovery_claim(alice)
    assert logs[0] == ("PaidAtRatio", alice, wad(100), backing, left, claim)
    assert logs[1] == ("Withdrawn", alice, actor("alice"), paid, scene.vault.account_word(alice))


def test_recovery_claims_add_up(scene):
    alice = uncover(scene)["alice"]
    short = 0
    for quote in (1, 10, 100):
        amount = tokens(scene, quote)
        short += (amount - withdraw(scene, "alice", alice, amount)) * scene.kernel.scale
    assert scene.vault.recovery_claim(alice) == short


@pytest.mark.parametrize("order", itertools.permutations(LENDERS))
def test_the_first_and_the_last_get_the_same_ratio(scene, order):
    """Whoever comes in whichever order, to a token unit; and none of the others loses by it."""
    accounts = uncover(scene)
    at = ratio(scene)
    for name in order:
        owned = scene.kernel.state(accounts[name]).cash // scene.kernel.scale
        paid = withdraw(scene, name, accounts[name], owned)
        assert abs(owned * at - paid) <= 1
        assert ratio(scene) >= at
        scene.kernel.assert_conserved(UNIT)
    assert ratio(scene) - at <= Fraction(4 * scene.kernel.scale, scene.kernel.held())


@pytest.mark.parametrize("parts", [2, 7, 50])
def test_many_small_withdrawals_bring_no_more_than_one(scene, parts):
    alice = uncover(scene)["alice"]
    with boa.env.anchor():
        whole = withdraw(scene, "alice", alice, tokens(scene, 700))
    got = sum(withdraw(scene, "alice", alice, tokens(scene, 700) // parts) for _ in range(parts))
    assert got <= whole
    scene.kernel.assert_conserved(UNIT)


def test_the_ratio_is_shown(scene):
    assert scene.vault.recovery_ratio() == WAD
    assert scene.vault.uncovered() == 0
    uncover(scene)
    assert scene.vault.recovery_ratio() == ratio(scene) * WAD // 1 < WAD


def test_the_least_one_accepts_is_of_what_is_paid(scene):
    alice = uncover(scene)["alice"]
    amount = tokens(scene, 100)
    paid = amount * ratio(scene) // 1
    before = scene.snapshot()
    with boa.reverts("vault: below minimum out"):
        withdraw(scene, "alice", alice, amount, least=paid + 1)
    assert scene.snapshot() == before
    assert withdraw(scene, "alice", alice, amount, least=paid) == paid


def test_fees_back_nobody(scene):
    """All that is the fund's, the treasury's or a builder's is left out of what is shared."""
    accounts = uncover(scene)
    at = ratio(scene)
    scene.vault.update_mark(BTC)
    buyer, seller = accounts["alice"], accounts["bob"]
    scene.kernel.fill(buyer, seller, 5, fee=wad("0.001"))
    assert scene.vault.fee_state().trading > 0
    backing = scene.kernel.held() - sum(scene.vault.fee_state())
    uncovered = scene.vault.uncovered()
    assert scene.vault.recovery_ratio() == backing * WAD // (backing + uncovered)
    assert ratio(scene) < at


def test_a_donation_is_for_those_who_withdraw(scene):
    uncover(scene)
    before = scene.vault.recovery_ratio()
    scene.kernel.token.mint(scene.vault.address, tokens(scene, 100))
    assert scene.vault.uncovered() == wad(140)
    assert scene.vault.recovery_ratio() > before


def test_own_accounts_move_cash_at_face_value(scene):
    alice = uncover(scene)["alice"]
    before = scene.vault.uncovered()
    with boa.env.prank(actor("alice")):
        scene.vault.transfer(alice, alice + 1, wad(10))
    scene.kernel.accounts.add(alice + 1)
    assert scene.kernel.state(alice + 1).cash == wad(10)
    assert scene.vault.uncovered() == before
    assert scene.vault.recovery_claim(alice) == 0
    scene.kernel.assert_conserved()


def test_profit_and_trades_go_on(scene):
    accounts = uncover(scene)
    scene.vault.update_mark(BTC)
    scene.open(accounts["alice"], accounts["bob"], 5)
    scene.move(30)
    assert scene.vault.uncovered() == wad(140)
    scene.kernel.assert_conserved()


# --- deposits -----------------------------------------------------------------------------------------------


def test_a_deposit_needs_consent(scene):
    alice = uncover(scene)["alice"]
    amount = give(scene, "alice", 10)
    before = scene.snapshot()
    with boa.env.prank(actor("alice")), boa.reverts("vault: recovery open"):
        scene.vault.deposit(alice, amount)
    with boa.env.prank(actor("alice")), boa.reverts("vault: recovery open"):
        scene.vault.deposit_with_permit(alice, amount, 2**60, 27, b"\0" * 32, b"\0" * 32)
    assert scene.snapshot() == before


def test_a_deposit_with_consent_counts_at_face_value(scene):
    alice = uncover(scene)["alice"]
    amount = give(scene, "alice", 10)
    least = scene.vault.recovery_ratio()
    with boa.env.prank(actor("alice")):
        assert scene.vault.deposit_at_ratio(alice, amount, least) == wad(10)
    deposited = scene.logs()[0]
    assert deposited == ("Deposited", alice, actor("alice"), amount, scene.vault.account_word(alice))
    assert scene.kernel.state(alice).cash == wad(1010)
    assert scene.vault.uncovered() == wad(140)
    scene.kernel.assert_conserved()


def test_a_deposit_below_the_ratio_one_accepts_reverts(scene):
    alice = uncover(scene)["alice"]
    amount = give(scene, "alice", 10)
    least = scene.vault.recovery_ratio() + 1
    before = scene.snapshot()
    with boa.env.prank(actor("alice")), boa.reverts("vault: below minimum ratio"):
        scene.vault.deposit_at_ratio(alice, amount, least)
    assert scene.snapshot() == before


def test_a_deposit_at_a_ratio_works_in_normal_times_too(scene):
    alice = scene.account("alice", 1)
    amount = give(scene, "alice", 10)
    with boa.env.prank(actor("alice")), boa.reverts("vault: below minimum ratio"):
        scene.vault.deposit_at_ratio(alice, amount, WAD + 1)
    with boa.env.prank(actor("alice")):
        scene.vault.deposit_at_ratio(alice, amount, WAD)
    assert scene.kernel.state(alice).cash == wad(11)


# --- the treasury waits -------------------------------------------------------------------------------------


def test_the_treasury_waits(scene):
    uncover(scene)
    before = scene.snapshot()
    with boa.reverts("vault: recovery open"):
        scene.vault.pay_treasury()
    assert scene.snapshot() == before
    give(scene, "helper", 140)
    with boa.env.prank(actor("helper")):
        scene.vault.recapitalise(tokens(scene, 140))
    scene.vault.pay_treasury()


# --- repair -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quote", ["0.000001", 40, 140])
def test_anybody_repairs_by_what_he_gives(scene, quote):
    uncover(scene)
    amount = give(scene, "helper", quote)
    with boa.env.prank(actor("helper")):
        assert scene.vault.recapitalise(amount) == amount
    logs = scene.logs()
    assert logs[:2] == [
        ("UncoveredRepaid", wad(quote), wad(140) - wad(quote)),
        ("Recapitalised", actor("helper"), amount),
    ]
    assert scene.vault.uncovered() == wad(140) - wad(quote)
    assert scene.kernel.token.balanceOf(actor("helper")) == 0
    scene.kernel.assert_conserved()


def test_no_more_is_taken_than_is_uncovered(scene):
    uncover(scene)
    amount = give(scene, "helper", 500)
    with boa.env.prank(actor("helper")):
        assert scene.vault.recapitalise(amount) == tokens(scene, 140)
    assert scene.vault.uncovered() == 0
    assert scene.vault.recovery_ratio() == WAD
    assert scene.kernel.token.balanceOf(actor("helper")) == tokens(scene, 360)
    scene.kernel.assert_conserved()


def test_less_than_a_token_unit_is_repaired_by_one(scene):
    accounts = uncover(scene)
    withdraw(scene, "alice", accounts["alice"], 1)
    assert scene.vault.uncovered() % scene.kernel.scale != 0
    amount = give(scene, "helper", 200)
    with boa.env.prank(actor("helper")):
        assert scene.vault.recapitalise(amount) == tokens(scene, 140)
    assert scene.vault.uncovered() == 0
    scene.kernel.assert_conserved()


def test_after_the_repair_withdrawals_are_whole_and_deposits_free(scene):
    alice = uncover(scene)["alice"]
    amount = give(scene, "helper", 140)
    with boa.env.prank(actor("helper")):
        scene.vault.recapitalise(amount)
    assert withdraw(scene, "alice", alice, tokens(scene, 100)) == tokens(scene, 100)
    assert events(scene, "PaidAtRatio") == []
    scene.account("alice", 1)
    scene.kernel.assert_conserved()


def test_nothing_is_given_for_nothing(scene):
    with boa.reverts("vault: nothing uncovered"):
        scene.vault.recapitalise(1)
    with boa.reverts("vault: zero amount"):
        scene.vault.recapitalise(0)
    uncover(scene)
    with boa.reverts("vault: zero amount"):
        scene.vault.recapitalise(0)


# --- the fund -----------------------------------------------------------------------------------------------


def test_the_fund_pays_for_what_is_uncovered(scene):
    uncover(scene)
    fund = scene.with_fund(reserve=50, community=20)
    assert scene.vault.pay_uncovered() == wad(70)
    logs = [log for log in scene.logs() if log[0] != "Transfer"]
    assert logs == [("RecoveryPaid", wad(50), wad(20)), ("UncoveredRepaid", wad(70), wad(70))]
    assert fund.last_outstanding() == wad(140)
    assert scene.vault.uncovered() == wad(70)
    scene.kernel.assert_conserved()


def test_a_fund_without_money_pays_nothing(scene):
    uncover(scene)
    scene.with_fund()
    assert scene.vault.pay_uncovered() == 0
    assert scene.vault.uncovered() == wad(140)


@pytest.mark.parametrize("behaviour", [1, 2, 3], ids=["reverts", "burns gas", "answers short"])
def test_a_broken_fund_is_recorded_and_opens_no_tier(scene, behaviour):
    uncover(scene)
    fund = scene.with_fund(reserve=50)
    fund.set_behaviour(behaviour, behaviour)
    before = scene.snapshot()
    assert scene.vault.pay_uncovered() == 0
    assert events(scene, "RecoveryFailed") == [("RecoveryFailed", wad(140))]
    after = scene.snapshot()
    assert scene.vault.settings()[2] == 0
    # what a fund that answers short has sent is nobody's
    assert after[:-1] == before[:-1]


def test_a_fund_that_lies_is_believed_its_tokens_only(scene):
    uncover(scene)
    fund = scene.with_fund(reserve=10)
    fund.set_lie(wad(10**6), wad(4))
    assert scene.vault.pay_uncovered() == wad(10)
    assert events(scene, "RecoveryPaid") == [("RecoveryPaid", wad(6), wad(4))]
    assert scene.vault.uncovered() == wad(130)
    scene.kernel.assert_conserved()


def test_more_than_is_uncovered_covers_all(scene):
    uncover(scene)
    fund = scene.with_fund(reserve=500)
    fund.set_excess(tokens(scene, 7))
    assert scene.vault.pay_uncovered() == wad(147)
    assert scene.vault.uncovered() == 0


def test_the_fund_is_asked_with_enough_gas_or_not_at_all(scene):
    uncover(scene)
    scene.with_fund(reserve=50)
    with boa.reverts("crisis: not enough gas"):
        scene.vault.pay_uncovered(gas=500_000)


def test_without_a_fund_or_a_loss_nobody_is_asked(scene):
    with boa.reverts("vault: no fund"):
        scene.vault.pay_uncovered()
    scene.with_fund()
    with boa.reverts("vault: nothing uncovered"):
        scene.vault.pay_uncovered()


def test_withdrawals_depend_on_no_fund(scene):
    alice = uncover(scene)["alice"]
    with scene.as_governance():
        scene.vault.set_role(INSURANCE_FUND, actor("nobody"))
    assert withdraw(scene, "alice", alice, tokens(scene, 10)) > 0


@pytest.mark.parametrize("name", ["recapitalise", "pay_uncovered", "deposit", "deposit_at_ratio", "withdraw"])
def test_a_part_refuses_direct_calls(shared_kernel, name):
    part = shared_kernel.parts["MarginVaultCash"]
    arguments = {
        "recapitalise": (1,),
        "pay_uncovered": (),
        "deposit": (1, 1),
        "deposit_at_ratio": (1, 1, 0),
        "withdraw": (1, 1, NOBODY, 0),
    }[name]
    with boa.reverts("kernel: direct call"):
        getattr(part, name)(*arguments)


def test_ratios_add_up_with_any_token(any_decimals):
    with boa.env.anchor():
        scene = fresh(any_decimals, 1)
        accounts = uncover(scene, {"alice": 1000, "bob": "77.7"})
        for name, account in accounts.items():
            owned = scene.kernel.state(account).cash // scene.kernel.scale
            withdraw(scene, name, account, owned)
            scene.kernel.assert_conserved()
