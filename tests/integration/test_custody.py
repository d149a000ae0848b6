"""The fund under a real Safe behind the timelock: cold custody, and what all keys together cannot do."""

from dataclasses import dataclass
from typing import Any

import pytest
from web3.contract import Contract

from lastline.chain import Chain, Reverted
from lastline.units import to_units
from lastline.views import FUND
from tests.integration.conftest import TOKEN_DECIMALS, System
from tests.integration.safes import ZERO_ADDRESS, Safe, make_safe

DELAY = 172_800
NO_SALT = bytes(32)


def tokens(whole: str) -> int:
    return to_units(whole, TOKEN_DECIMALS)


@dataclass
class Governance:
    """The Safe that proposes, the timelock that owns the fund, and a second Safe that keeps what is cold."""

    system: System
    safe: Safe
    cold: Safe
    timelock: Contract

    @property
    def chain(self) -> Chain:
        return self.system.chain

    @property
    def fund(self) -> Contract:
        return self.chain.contract(FUND)

    def operation(self, method: str, *arguments: Any) -> tuple[Any, ...]:
        return self.fund.address, 0, self.fund.encode_abi(method, args=list(arguments)), NO_SALT, NO_SALT

    def schedule(self, method: str, *arguments: Any) -> None:
        operation = self.operation(method, *arguments)
        self.safe.execute(
            self.timelock.address, self.timelock.encode_abi("schedule", args=[*operation, DELAY])
        )

    def execute(self, method: str, *arguments: Any) -> None:
        """By anybody."""
        data = self.timelock.encode_abi("execute", args=list(self.operation(method, *arguments)))
        self.system.actor("stranger").send(self.timelock.address, data)

    def is_ready(self, method: str, *arguments: Any) -> bool:
        operation = self.timelock.functions.hash_operation(*self.operation(method, *arguments)).call()
        return self.timelock.functions.is_operation_ready(operation).call()

    def decide(self, method: str, *arguments: Any) -> None:
        self.schedule(method, *arguments)
        self.wait(DELAY)
        self.execute(method, *arguments)

    def wait(self, seconds: int) -> None:
        self.system.rpc("evm_increaseTime", seconds)
        self.system.rpc("evm_mine")

    def call(self, method: str, *arguments: Any) -> Any:
        return self.chain.call(FUND, method, *arguments)


@pytest.fixture(scope="module")
def governance(system: System, artifacts) -> Governance:
    """The fund has been handed over, as a live deployment does it."""
    safe, cold = make_safe(system, "the governing Safe"), make_safe(system, "the cold Safe")
    artifact = artifacts("Timelock")
    contract = system.node.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
    data = contract.constructor(DELAY, [safe.address], [ZERO_ADDRESS]).data_in_transaction
    receipt = system.deployer.send(None, data)
    timelock = system.node.eth.contract(address=receipt["contractAddress"], abi=artifact.abi)
    made = Governance(system, safe, cold, timelock)
    system.chain.send(system.deployer, FUND, "transfer_ownership", timelock.address)
    made.decide("accept_ownership")
    assert made.call("owner") == timelock.address
    return made


def test_what_is_above_target_and_ceiling_goes_to_the_cold_safe_and_comes_back(governance, unchanged):
    system, chain, cold = governance.system, governance.chain, governance.cold
    governance.decide("set_custody", cold.address, tokens("40000"))
    governance.decide("set_target_floor", tokens("60000"))
    with pytest.raises(Reverted, match="fund: not vault"):
        chain.send(system.actor("stranger"), FUND, "pay_recovery", 1)
    chain.send(system.actor("stranger"), FUND, "sweep")
    # the target is above the ceiling, so it is what stays
    assert governance.call("hot_reserve") == tokens("60000")
    assert governance.call("cold_reserve") == tokens("40000")
    assert chain.call("Collateral", "balanceOf", cold.address) == tokens("40000")
    with pytest.raises(Reverted):
        chain.send(system.actor("stranger"), FUND, "bring_back", tokens("40000"))
    token = chain.contract("Collateral")
    cold.execute(token.address, token.encode_abi("approve", args=[governance.fund.address, tokens("40000")]))
    chain.send(system.actor("stranger"), FUND, "bring_back", tokens("40000"))
    assert governance.call("hot_reserve") == governance.call("reserve") == tokens("100000")


def test_every_decision_is_public_for_the_whole_delay(governance, unchanged):
    arguments = ("set_target_floor", tokens("1"))
    governance.schedule(*arguments)
    governance.wait(DELAY - 10)
    assert not governance.is_ready(*arguments)
    with pytest.raises(Reverted, match="timelock_controller: operation is not ready"):
        governance.execute(*arguments)
    governance.wait(10)
    governance.execute(*arguments)
    assert governance.call("parameters")[3] == tokens("1")


def test_all_keys_together_cannot_skip_the_delay(governance, unchanged):
    """Not the Safe itself, nor the former deployer."""
    fund = governance.fund
    data = fund.encode_abi("set_target_floor", args=[0])
    for call in (
        lambda: governance.safe.execute(fund.address, data),
        lambda: governance.chain.send(governance.system.deployer, FUND, "set_target_floor", 0),
    ):
        with pytest.raises(Reverted):
            call()
    assert governance.call("parameters")[3] == tokens("100000")


def test_all_keys_and_the_delay_cannot_take_the_reserve_below_target(governance, unchanged):
    arguments = ("withdraw_capital", 1, governance.safe.address)
    governance.schedule(*arguments)
    governance.wait(DELAY)
    with pytest.raises(Reverted, match="fund: below target"):
        governance.execute(*arguments)
    assert governance.call("reserve") == tokens("100000")


def test_all_keys_and_the_delay_cannot_sweep_below_target(governance, unchanged):
    governance.decide("set_custody", governance.cold.address, 0)
    with pytest.raises(Reverted, match="fund: nothing to sweep"):
        governance.chain.send(governance.system.actor("stranger"), FUND, "sweep")


def test_governance_has_no_way_to_stakers_money(governance, unchanged):
    """The pool has no owner and obeys the fund, which draws only for the vault; all are named for ever."""
    system, chain = governance.system, governance.chain
    staker, pool = system.actor("staker"), chain.deployment.address("CommunityPool")
    chain.send(system.deployer, "Collateral", "mint", staker.address, tokens("5000"))
    chain.send(staker, "Collateral", "approve", pool, tokens("5000"))
    chain.send(staker, "CommunityPool", "request_deposit", tokens("5000"))
    governance.wait(86_400)
    chain.send(staker, "CommunityPool", "activate_deposit", staker.address)
    exposed = chain.call("CommunityPool", "exposed_assets")
    assert exposed == tokens("5000")
    draw = chain.contract("CommunityPool").encode_abi("draw", args=[1])
    with pytest.raises(Reverted):
        governance.safe.execute(pool, draw)
    for arguments, message in (
        (("set_pool", governance.safe.address), "fund: pool already set"),
        (("set_vault", governance.safe.address), "fund: vault already set"),
    ):
        governance.schedule(*arguments)
        governance.wait(DELAY)
        with pytest.raises(Reverted, match=message):
            governance.execute(*arguments)
    assert chain.call("CommunityPool", "exposed_assets") == exposed
