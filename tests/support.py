"""What every in-process suite needs: contracts compiled once, and actors with names instead of numbers."""

from functools import cache
from typing import Any

import boa
from boa.contracts.vyper.vyper_contract import VyperContract, VyperDeployer
from boa.util.abi import Address
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from tests import artifacts

ROOT = artifacts.ROOT

# Every test starts at this time, whatever the clock says.
START_TIME = 1_750_000_000


@cache
def compiled(path: str) -> VyperDeployer:
    """The compiled contract at a path below contracts/, for example "mocks/MockERC20.vy"."""
    return artifacts.compiled(path)


def deploy(path: str, *args: Any, **kwargs: Any) -> VyperContract:
    """Deploy the contract at a path below contracts/; it is compiled once per session."""
    return compiled(path).deploy(*args, **kwargs)


@cache
def signer(name: str) -> LocalAccount:
    """The key of a named actor, the same in every run."""
    return Account.from_key(keccak(text=f"lastline actor: {name}"))


def actor(name: str) -> Address:
    """The address of a named actor, shown by its name in traces."""
    address = Address(signer(name).address)
    boa.env.alias(address, name)
    return address


def wait(seconds: int) -> None:
    """Let time pass, and one block, however short the time."""
    boa.env.timestamp += seconds
    boa.env.evm.patch.block_number += 1


def plain(value: Any) -> Any:
    """A decoded structure as a plain tuple."""
    return tuple(value) if isinstance(value, tuple) else value


# An event: its name and its fields by name.
Log = tuple[str, dict[str, Any]]


def named_logs(contract: VyperContract) -> list[Log]:
    """All events of a contract's last call, those of others in it included, in order."""
    found = []
    for event in contract.get_logs():
        fields = {name: plain(getattr(event, name)) for name in event._fields if name != "address"}
        found.append((type(event).__name__, fields))
    return found


def transfer_log(sender: Any, receiver: Any, units: int) -> Log:
    """The token's event of a transfer."""
    addresses = [getattr(account, "address", account) for account in (sender, receiver)]
    return "Transfer", {"sender": addresses[0], "receiver": addresses[1], "value": units}
