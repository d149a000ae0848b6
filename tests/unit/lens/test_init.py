"""The lens reads one vault for ever."""

import boa

from tests.support import actor, deploy


def test_init_names_the_vault(lens, shared_kernel):
    assert lens.vault() == shared_kernel.vault.address


def test_init_without_code_reverts():
    with boa.reverts("lens: vault has no code"):
        deploy("VaultLens.vy", actor("attacker"))
