"""LiquidationEngine: what its own part of a call costs, cold."""

import boa
import pytest

from tests import support
from tests.unit.liquidation_engine.kernel import WAD, Kernel, account_of

MARKET = 3
# For an owner, and for an operator, who is looked up in the vault; 7,800 of it to see in how many markets the
# account is, its position and the mark (the vault then finds them warm), 2,200 if the market has a limit.
OWNER_BOUND = 14_000
OPERATOR_BOUND = 16_750


def own_gas(is_operator):
    """Gas of take_over as a transaction of its own, without base, call data and the vault's part."""
    kernel = Kernel()
    kernel.mock.set_recording(False)
    engine = support.deploy("LiquidationEngine.vy", kernel.address)
    account = account_of(support.actor("trader"))
    liquidator, operator = support.actor("liquidator"), support.actor("operator")
    kernel.mock.set_operator(operator, True, sender=liquidator)
    kernel.answers("take_over", account, -WAD, WAD, 1)
    boa.env.evm.vm.state.lock_changes()
    engine.take_over(
        account,
        MARKET,
        WAD,
        account_of(liquidator),
        WAD,
        sender=operator if is_operator else liquidator,
    )
    act = engine._computation.children[-1]
    return engine._computation.get_gas_used() - act.get_gas_used()


@pytest.mark.parametrize(("is_operator", "bound"), [(False, OWNER_BOUND), (True, OPERATOR_BOUND)])
def test_gas_of_take_over(is_operator, bound):
    with boa.swap_env(boa.Env()):
        boa.env.timestamp = support.START_TIME
        gas = own_gas(is_operator)
    assert gas <= bound, gas
