import boa
import pytest
from eth_utils import keccak

from tests.support import actor, compiled, deploy, wait

DELAY = 2 * 24 * 3600
NO_PREDECESSOR = bytes(32)
SALT = keccak(text="salt")


@pytest.fixture(scope="module")
def proposer():
    return actor("proposer")


@pytest.fixture(scope="module")
def executor():
    return actor("executor")


@pytest.fixture(scope="module")
def attacker():
    return actor("attacker")


@pytest.fixture(scope="module")
def timelock(proposer, executor):
    return deploy("Timelock.vy", DELAY, [proposer], [executor])


@pytest.fixture(scope="module")
def aggregator():
    return deploy("mocks/MockAggregator.vy", 8, 100)


@pytest.fixture(scope="module")
def operation(aggregator):
    """Target, value, calldata, predecessor, salt: sets the answer to 200."""
    return aggregator.address, 0, aggregator.set_answer.prepare_calldata(200), NO_PREDECESSOR, SALT


@pytest.fixture
def scheduled(timelock, operation, proposer):
    timelock.schedule(*operation, DELAY, sender=proposer)
    return operation


def answer(aggregator) -> int:
    return aggregator.latestRoundData()[1]


def test_init_without_proposer_reverts(executor):
    with boa.reverts("timelock: no proposer"):
        compiled("Timelock.vy").deploy(DELAY, [], [executor])


def test_init_without_executor_reverts(proposer):
    with boa.reverts("timelock: no executor"):
        compiled("Timelock.vy").deploy(DELAY, [proposer], [])


def test_init_leaves_timelock_as_only_admin(timelock, proposer, executor):
    admin_role = timelock.DEFAULT_ADMIN_ROLE()
    assert timelock.hasRole(admin_role, timelock.address)
    assert not any(timelock.hasRole(admin_role, who) for who in (boa.env.eoa, proposer, executor))


def test_init_grants_cancelling_to_proposer_only(timelock, proposer, executor):
    canceller_role = timelock.CANCELLER_ROLE()
    assert timelock.hasRole(canceller_role, proposer)
    assert not timelock.hasRole(canceller_role, executor)


def test_schedule_by_unknown_caller_reverts(timelock, operation, attacker):
    with boa.reverts("access_control: account is missing role"):
        timelock.schedule(*operation, DELAY, sender=attacker)
    assert not timelock.is_operation(timelock.hash_operation(*operation))


def test_schedule_by_executor_reverts(timelock, operation, executor):
    with boa.reverts("access_control: account is missing role"):
        timelock.schedule(*operation, DELAY, sender=executor)


def test_schedule_one_second_below_minimum_delay_reverts(timelock, operation, proposer):
    with boa.reverts("timelock_controller: insufficient delay"):
        timelock.schedule(*operation, DELAY - 1, sender=proposer)


def test_execute_one_second_early_reverts(timelock, scheduled, executor, aggregator):
    wait(DELAY - 1)
    with boa.reverts("timelock_controller: operation is not ready"):
        timelock.execute(*scheduled, sender=executor)
    assert answer(aggregator) == 100


def test_execute_at_delay_makes_the_call(timelock, scheduled, executor, aggregator):
    wait(DELAY)
    timelock.execute(*scheduled, sender=executor)
    assert answer(aggregator) == 200
    assert timelock.is_operation_done(timelock.hash_operation(*scheduled))


def test_execute_twice_reverts(timelock, scheduled, executor):
    wait(DELAY)
    timelock.execute(*scheduled, sender=executor)
    with boa.reverts("timelock_controller: operation is not ready"):
        timelock.execute(*scheduled, sender=executor)


def test_execute_by_unknown_caller_reverts(timelock, scheduled, attacker, aggregator):
    wait(DELAY)
    with boa.reverts("access_control: account is missing role"):
        timelock.execute(*scheduled, sender=attacker)
    assert answer(aggregator) == 100


def test_execute_by_anyone_with_open_executor(operation, proposer, attacker, aggregator):
    timelock = deploy("Timelock.vy", DELAY, [proposer], [boa.eval("empty(address)")])
    timelock.schedule(*operation, DELAY, sender=proposer)
    wait(DELAY)
    timelock.execute(*operation, sender=attacker)
    assert answer(aggregator) == 200


def test_cancel_stops_operation(timelock, scheduled, proposer, executor, aggregator):
    timelock.cancel(timelock.hash_operation(*scheduled), sender=proposer)
    wait(DELAY)
    with boa.reverts("timelock_controller: operation is not ready"):
        timelock.execute(*scheduled, sender=executor)
    assert answer(aggregator) == 100


def test_cancel_by_unknown_caller_reverts(timelock, scheduled, attacker):
    operation_id = timelock.hash_operation(*scheduled)
    with boa.reverts("access_control: account is missing role"):
        timelock.cancel(operation_id, sender=attacker)
    assert timelock.is_operation_pending(operation_id)


def test_update_delay_by_proposer_reverts(timelock, proposer):
    with boa.reverts("timelock_controller: caller must be timelock"):
        timelock.update_delay(0, sender=proposer)


def test_update_delay_through_the_delay_changes_it(timelock, proposer, executor):
    call = timelock.address, 0, timelock.update_delay.prepare_calldata(DELAY + 1), NO_PREDECESSOR, SALT
    timelock.schedule(*call, DELAY, sender=proposer)
    wait(DELAY)
    timelock.execute(*call, sender=executor)
    assert timelock.get_minimum_delay() == DELAY + 1


def test_grant_role_by_deployer_reverts(timelock, attacker):
    with boa.reverts("access_control: account is missing role"):
        timelock.grantRole(timelock.PROPOSER_ROLE(), attacker, sender=boa.env.eoa)
