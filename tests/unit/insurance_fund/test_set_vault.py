"""InsuranceFund.set_vault"""

import boa
import pytest

NOBODY = "0x" + "00" * 20


@pytest.fixture(scope="module")
def unwired(make_system):
    return make_system(has_vault=False)


def test_set_vault_names_it(unwired):
    unwired.fund.set_vault(unwired.vault, sender=unwired.governance)

    assert unwired.logs() == [("VaultSet", {"vault": unwired.vault})]
    assert unwired.fund.vault() == unwired.vault


@pytest.mark.parametrize("candidate", ["vault", "stranger"])
def test_set_vault_twice_reverts(system, candidate):
    before = system.state()
    with boa.reverts("fund: vault already set"):
        system.fund.set_vault(getattr(system, candidate), sender=system.governance)
    assert system.state() == before


def test_set_vault_empty_reverts(unwired):
    with boa.reverts("fund: empty vault"):
        unwired.fund.set_vault(NOBODY, sender=unwired.governance)
    assert unwired.fund.vault() == NOBODY


def test_nobody_is_the_vault_before_it_is_set(unwired):
    with boa.reverts("fund: not vault"):
        unwired.fund.pay(0, 1, 0, sender=unwired.vault)
