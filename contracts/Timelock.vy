# pragma version 0.4.3

"""
@title Timelock
@license AGPL-3.0-only
@author Lastline
@notice Delays every change of parameters: a call is scheduled by a proposer, waits in public, then is made by an
        executor. Proposers can also cancel. An executor of the zero address lets anyone execute.
@dev All behaviour is snekmate's `timelock_controller`. Trust: the contract administers itself, so roles and the
     minimum delay change only through a call that waited; there is no other admin and no way round the delay.
     Not locked: an operation may call back into the timelock (`update_delay` does), and `timelock_controller`
     checks again after the call that the operation is still ready.
"""

from snekmate.auth import access_control
from snekmate.governance import timelock_controller

initializes: access_control
initializes: timelock_controller[access_control := access_control]

# Roles
exports: (
    timelock_controller.DEFAULT_ADMIN_ROLE,
    timelock_controller.PROPOSER_ROLE,
    timelock_controller.EXECUTOR_ROLE,
    timelock_controller.CANCELLER_ROLE,
    timelock_controller.hasRole,
    timelock_controller.getRoleAdmin,
    timelock_controller.grantRole,
    timelock_controller.revokeRole,
    timelock_controller.renounceRole,
    timelock_controller.set_role_admin,
)

# Operations
exports: (
    timelock_controller.schedule,
    timelock_controller.schedule_batch,
    timelock_controller.cancel,
    timelock_controller.execute,
    timelock_controller.execute_batch,
    timelock_controller.update_delay,
    timelock_controller.__default__,
)

# Views
exports: (
    timelock_controller.get_minimum_delay,
    timelock_controller.get_timestamp,
    timelock_controller.get_operation_state,
    timelock_controller.is_operation,
    timelock_controller.is_operation_pending,
    timelock_controller.is_operation_ready,
    timelock_controller.is_operation_done,
    timelock_controller.hash_operation,
    timelock_controller.hash_operation_batch,
    timelock_controller.supportsInterface,
)

MAX_HOLDERS: constant(uint256) = 16


@deploy
def __init__(
    minimum_delay_seconds: uint256,
    proposers: DynArray[address, MAX_HOLDERS],
    executors: DynArray[address, MAX_HOLDERS],
):
    """
    @notice Create a timelock that administers itself
    @dev Reverts "timelock: no proposer", "timelock: no executor": without both, nothing could ever be changed
    @param minimum_delay_seconds Shortest wait between scheduling and executing, in seconds
    @param proposers Accounts that may schedule and cancel
    @param executors Accounts that may execute; the zero address stands for anyone
    """
    assert len(proposers) != 0, "timelock: no proposer"
    assert len(executors) != 0, "timelock: no executor"
    access_control.__init__()
    timelock_controller.__init__(minimum_delay_seconds, proposers, executors, empty(address))
