"""Exchange: what a trade costs without the vault's part, cold, in a lane used before."""

import boa
import pytest

from tests import support
from tests.unit.exchange.orders import MARKET, PRICE, TAKER_RATE, WAD, account_of, new_order, sign

BASE_GAS = 21_000
# A trade with one maker costs 51,700 with the call to the cold vault, each further maker 19,100.
FIRST_MAKER_BOUND = 52_500
FURTHER_MAKER_BOUND = 19_500
# A lane other than lane 0 needs a second slot.
OTHER_LANE_GAS = 2_400


def call_data_gas(data):
    return sum(16 if byte else 4 for byte in data)


def new_measure():
    """A function that tells the gas of a trade with `count` makers as a transaction of its own, less what the
    vault uses once it is called."""
    governance, trader = support.actor("governance"), support.actor("trader")
    vault = support.deploy("mocks/MockVault.vy")
    vault.set_recording(False)
    exchange = support.deploy("Exchange.vy", governance, vault.address)
    exchange.set_fee_rates(MARKET, TAKER_RATE, TAKER_RATE, sender=governance)
    sequence = 1_750_000_000_000

    def trade(count, lane):
        nonlocal sequence
        sequence += 1
        makers = []
        for index in range(count):
            name = f"maker {index}"
            order = new_order(support.actor(name), -WAD, lane=lane, sequence=sequence)
            makers.append(sign(exchange, order, support.signer(name)))
        args = (account_of(trader), MARKET, count * WAD, PRICE, count * WAD, False, TAKER_RATE, makers)
        boa.env.evm.vm.state.lock_changes()  # what is stored now was stored by earlier transactions
        exchange.trade(*args, sender=trader)
        return exchange.trade.prepare_calldata(*args)

    def measure(count, lane):
        trade(count, lane)  # uses the lanes for the first time
        data = trade(count, lane)
        computation = exchange._computation
        vault_address = bytes.fromhex(vault.address[2:])
        (fill,) = [call for call in computation.children if call.msg.to == vault_address]
        return BASE_GAS + call_data_gas(data) + computation.get_gas_used() - fill.get_gas_used()

    return measure


@pytest.fixture(scope="module")
def own_gas():
    """Gas by number of makers and lane."""
    with boa.swap_env(boa.Env()):
        boa.env.timestamp = support.START_TIME
        measure = new_measure()
        return {(count, lane): measure(count, lane) for count in (1, 2, 16) for lane in (0, 1)}


@pytest.mark.parametrize(("lane", "extra"), [(0, 0), (1, OTHER_LANE_GAS)])
def test_gas_of_the_first_maker(own_gas, lane, extra):
    assert own_gas[1, lane] <= FIRST_MAKER_BOUND + extra


@pytest.mark.parametrize(("lane", "extra"), [(0, 0), (1, OTHER_LANE_GAS)])
def test_gas_of_a_further_maker(own_gas, lane, extra):
    assert own_gas[2, lane] - own_gas[1, lane] <= FURTHER_MAKER_BOUND + extra
    assert (own_gas[16, lane] - own_gas[1, lane]) / 15 <= FURTHER_MAKER_BOUND + extra
