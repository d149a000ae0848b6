"""Console: roles, funding share, batch length, risk mode, pause, ownership."""

import boa
import pytest

from tests.kernel import EXCHANGE, INSURANCE_FUND, PRICE_ORACLE, wad
from tests.support import actor
from tests.unit.margin_vault.actions import by, events, govern, ledger, trade

ROLES = [1 << n for n in range(7)]
NOBODY = "0x" + "00" * 20
STRANGERS = ["stranger", "guardian", "exchange", "engine", "allocator", "treasury"]


def refused(kernel, message: str, function, *arguments, name: str = "governance") -> None:
    before = ledger(kernel)
    with boa.reverts(message):
        by(name, function, *arguments)
    assert ledger(kernel) == before


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("holder", [actor("newcomer"), NOBODY], ids=["somebody", "nobody"])
def test_set_role_names_and_logs_the_holder(kernel, role, holder):
    govern(kernel.vault.set_role, role, actor("predecessor"))
    govern(kernel.vault.set_role, role, holder)
    logged = events(kernel)
    assert logged == [("RoleSet", role, holder, actor("predecessor"))]
    assert kernel.vault.role_holder(role) == holder


@pytest.mark.parametrize("role", ROLES)
def test_set_role_leaves_the_others_alone(kernel, role):
    before = {r: kernel.vault.role_holder(r) for r in ROLES if r != role}
    govern(kernel.vault.set_role, role, actor("newcomer"))
    assert {r: kernel.vault.role_holder(r) for r in ROLES if r != role} == before


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_not_named_twice(kernel, role):
    govern(kernel.vault.set_role, role, actor("newcomer"))
    refused(kernel, "config: nothing changes", kernel.vault.set_role, role, actor("newcomer"))


@pytest.mark.parametrize("role", [0, EXCHANGE | INSURANCE_FUND, 127])
def test_no_role_or_several_at_once_revert(kernel, role):
    refused(kernel, "config: unknown role", kernel.vault.set_role, role, actor("newcomer"))


@pytest.mark.parametrize("name", STRANGERS)
def test_only_the_owner_sets(kernel, name):
    for function, arguments in (
        (kernel.vault.set_role, (EXCHANGE, actor(name))),
        (kernel.vault.set_funding_share, (0,)),
        (kernel.vault.set_batch_seconds, (3_600,)),
        (kernel.vault.set_risk_mode, (0, wad(1))),
        (kernel.vault.set_paused, (False,)),
    ):
        refused(kernel, "ownable: caller is not the owner", function, *arguments, name=name)


def test_a_new_exchange_is_a_new_version_and_keeps_the_switches(kernel):
    govern(kernel.vault.set_risk_mode, 3, wad("1.5"))
    govern(kernel.vault.set_paused, True)
    before = kernel.vault.exchange_word()
    govern(kernel.vault.set_role, EXCHANGE, actor("newcomer"))
    after = kernel.vault.exchange_word()
    assert after >> 176 == before >> 176
    assert (after >> 160) & 0xFFFF == ((before >> 160) & 0xFFFF) + 1
    assert after & (2**160 - 1) == int(str(actor("newcomer")), 16)


def test_a_role_is_lost_at_once(kernel):
    """Attack P12: a call after revocation reverts."""
    govern(kernel.vault.set_role, 32, actor("newcomer"))
    refused(kernel, "ownable: caller is not the owner", kernel.vault.set_paused, True, name="guardian")
    by("newcomer", kernel.vault.set_paused, True)


def test_a_new_oracle_is_read_at_once(kernel):
    govern(kernel.vault.set_role, PRICE_ORACLE, NOBODY)
    boa.env.timestamp += 60
    before = ledger(kernel)
    with boa.reverts():
        kernel.vault.update_mark(0)
    assert ledger(kernel) == before


@pytest.mark.parametrize("share", [0, 1, wad("0.5")])
def test_set_funding_share_stores_and_logs_it(kernel, share):
    govern(kernel.vault.set_funding_share, wad("0.1"))
    govern(kernel.vault.set_funding_share, share)
    assert events(kernel) == [("FundingShareSet", share, wad("0.1"))]
    assert kernel.vault.settings()[0] == share


@pytest.mark.parametrize("share", [wad("0.5") + 1, 2**256 - 1])
def test_a_funding_share_above_half_reverts(kernel, share):
    refused(kernel, "config: funding share", kernel.vault.set_funding_share, share)


@pytest.mark.parametrize("seconds", [300, 86_400])
def test_set_batch_seconds_stores_and_logs_it(kernel, seconds):
    old = kernel.vault.settings()[1]
    clock = kernel.vault.market_words(0)[2]
    govern(kernel.vault.set_batch_seconds, seconds)
    assert events(kernel) == [("BatchSecondsSet", seconds, old)]
    assert kernel.vault.settings()[1] == seconds
    assert kernel.vault.market_words(0)[2] == clock


@pytest.mark.parametrize("seconds", [0, 299, 86_401, 2**256 - 1])
def test_batch_seconds_beyond_the_bounds_revert(kernel, seconds):
    refused(kernel, "config: batch seconds", kernel.vault.set_batch_seconds, seconds)


@pytest.mark.parametrize("mode", range(5))
@pytest.mark.parametrize("multiplier", [wad(1), wad("1.001"), wad(10)])
def test_set_risk_mode_stores_and_logs_it(kernel, mode, multiplier):
    govern(kernel.vault.set_risk_mode, 2, wad("1.5"))
    govern(kernel.vault.set_risk_mode, mode, multiplier)
    assert events(kernel) == [("RiskModeSet", mode, multiplier, 2, wad("1.5"))]
    word = kernel.vault.exchange_word()
    assert (word >> 176) & 255 == mode
    assert ((word >> 184) & 0xFFFF) * 10**15 == multiplier


def test_set_risk_mode_keeps_exchange_version_and_pause(kernel):
    govern(kernel.vault.set_paused, True)
    before = kernel.vault.exchange_word()
    govern(kernel.vault.set_risk_mode, 4, wad(3))
    after = kernel.vault.exchange_word()
    assert before & (2**176 - 1) == after & (2**176 - 1)
    assert before >> 200 == after >> 200 == 1


def test_the_fund_sets_the_risk_mode(kernel):
    govern(kernel.vault.set_role, INSURANCE_FUND, actor("fund"))
    by("fund", kernel.vault.set_risk_mode, 1, wad(2))
    assert events(kernel) == [("RiskModeSet", 1, wad(2), 0, wad(1))]
    govern(kernel.vault.set_role, INSURANCE_FUND, actor("another fund"))
    message = "ownable: caller is not the owner"
    refused(kernel, message, kernel.vault.set_risk_mode, 0, wad(1), name="fund")


def test_the_guardian_halts_and_nothing_else(kernel):
    """With the margin rates as they are: stopping makes nobody liquidatable. Nor may it leave HALTED."""
    govern(kernel.vault.set_risk_mode, 1, wad("1.5"))
    not_owner = "ownable: caller is not the owner"
    for mode in range(4):
        refused(kernel, not_owner, kernel.vault.set_risk_mode, mode, wad("1.5"), name="guardian")
    for multiplier in (wad(1), wad("1.501"), wad(10)):
        refused(kernel, "config: multiplier", kernel.vault.set_risk_mode, 4, multiplier, name="guardian")
    by("guardian", kernel.vault.set_risk_mode, 4, wad("1.5"))
    assert events(kernel) == [("RiskModeSet", 4, wad("1.5"), 1, wad("1.5"))]
    refused(kernel, not_owner, kernel.vault.set_risk_mode, 0, wad("1.5"), name="guardian")


@pytest.mark.parametrize("mode", [5, 255, 256, 2**256 - 1])
def test_an_unknown_mode_reverts(kernel, mode):
    refused(kernel, "config: unknown mode", kernel.vault.set_risk_mode, mode, wad(1))


@pytest.mark.parametrize("multiplier", [0, wad(1) - 1, wad(10) + 1, 2**256 - 1])
def test_a_multiplier_beyond_the_bounds_reverts(kernel, multiplier):
    refused(kernel, "config: multiplier", kernel.vault.set_risk_mode, 0, multiplier)


def test_a_multiplier_between_steps_reverts(kernel):
    refused(kernel, "config: not in steps", kernel.vault.set_risk_mode, 0, wad(1) + 1)


@pytest.mark.parametrize("name", ["governance", "guardian"])
def test_owner_and_guardian_pause(kernel, name):
    before = kernel.vault.exchange_word()
    by(name, kernel.vault.set_paused, True)
    assert events(kernel) == [("PauseSet", True)]
    assert kernel.vault.exchange_word() == before | 1 << 200


def test_only_the_owner_ends_a_pause(kernel):
    before = kernel.vault.exchange_word()
    by("guardian", kernel.vault.set_paused, True)
    message = "ownable: caller is not the owner"
    refused(kernel, message, kernel.vault.set_paused, False, name="guardian")
    govern(kernel.vault.set_paused, False)
    assert events(kernel) == [("PauseSet", False)]
    assert kernel.vault.exchange_word() == before


@pytest.mark.parametrize("name", ["stranger", "exchange", "engine", "allocator", "treasury"])
def test_nobody_else_pauses(kernel, name):
    refused(kernel, "ownable: caller is not the owner", kernel.vault.set_paused, True, name=name)


def test_ownership_moves_in_two_steps(kernel):
    govern(kernel.vault.transfer_ownership, actor("newcomer"))
    assert kernel.vault.owner() == actor("governance")
    assert kernel.vault.pending_owner() == actor("newcomer")
    message = "ownable_2step: caller is not the new owner"
    refused(kernel, message, kernel.vault.accept_ownership, name="stranger")
    by("newcomer", kernel.vault.accept_ownership)
    assert kernel.vault.owner() == actor("newcomer")
    refused(kernel, "ownable: caller is not the owner", kernel.vault.set_paused, True)


def test_settings_move_no_money(traders):
    trade(traders, "long", 2)
    govern(traders.vault.set_risk_mode, 3, wad(10))
    govern(traders.vault.set_funding_share, wad("0.5"))
    govern(traders.vault.set_batch_seconds, 300)
    traders.assert_conserved()
