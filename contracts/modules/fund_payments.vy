# pragma version 0.4.3

"""
@title fund_payments
@license AGPL-3.0-only
@author Lastline
@notice How the kernel asks the insurance fund for money without ever depending on its answer.
@dev One failed call never counts as "cannot pay": the caller chooses the gas. Two failures with enough gas, at
     least ten minutes apart and with no success between, let the last tiers act for a time as if the fund
     could pay nothing.
"""

from ethereum.ercs import IERC20
from ..interfaces import IMarginVaultCash
from ..interfaces import IMarginVaultCrisis
from ..lib import fixed_math
from ..lib import packing
from ..lib import units
from . import markets
from . import system

uses: markets
uses: system

# Gas a payment gets, and what must be left so that it really gets it (63/64).
PAY_GAS: constant(uint256) = 450_000
MIN_GAS: constant(uint256) = 550_000
FAILURE_SPACING_SECONDS: constant(uint256) = 600

# failed at 40 @0 | last tiers open until 40 @40; 0 after a success
failure_word: uint256


@view
def _open_interest_value(m: markets.Market) -> uint256:
    return fixed_math._mul_div_up(m.open_interest, m.mark, units.WAD)


def _request(collateral: IERC20, scale: uint256, m: markets.Market, outstanding: uint256) -> (uint256, uint256):
    """
    @notice Let the fund pay a market's open claims
    @dev Reverts "crisis: not enough gas"
    @return Quote received from the reserve and from the community pool, by the vault's own balance
    """
    fund: address = system.insurance_fund
    if fund == empty(address):
        return 0, 0
    success: bool = False
    reserve: uint256 = 0
    community: uint256 = 0
    success, reserve, community = self._ask(
        collateral,
        scale,
        fund,
        abi_encode(
            m.id,
            outstanding,
            self._open_interest_value(m),
            method_id=method_id("pay(uint256,uint256,uint256)"),
        ),
    )
    if not success:
        self._record_failure(m.id)
        return 0, 0
    if self.failure_word != 0:
        self.failure_word = 0
        log IMarginVaultCrisis.FundFailed(market=m.id, failed_at=0, open_until=0)
    if reserve + community != 0:
        log IMarginVaultCrisis.FundPaid(market=m.id, reserve=reserve, community=community)
    return reserve, community


def _request_recovery(collateral: IERC20, scale: uint256, uncovered: uint256) -> (uint256, uint256):
    """
    @notice Let the fund pay for a loss that no tier has paid. That it fails says nothing of claims, so it opens no tier
    @dev Reverts "crisis: not enough gas"
    @return Quote received from the reserve and from the community pool, by the vault's own balance
    """
    success: bool = False
    reserve: uint256 = 0
    community: uint256 = 0
    success, reserve, community = self._ask(
        collateral,
        scale,
        system.insurance_fund,
        abi_encode(uncovered, method_id=method_id("pay_recovery(uint256)")),
    )
    if success:
        log IMarginVaultCash.RecoveryPaid(reserve=reserve, community=community)
    else:
        log IMarginVaultCash.RecoveryFailed(uncovered=uncovered)
    return reserve, community


def _ask(
    collateral: IERC20, scale: uint256, fund: address, data: Bytes[100]
) -> (bool, uint256, uint256):
    """
    @notice Call the fund for money; what it says is believed only as to whose the money was
    @return False if it failed; quote received from the reserve and from the community pool
    """
    assert msg.gas >= MIN_GAS, "crisis: not enough gas"
    before: uint256 = staticcall collateral.balanceOf(self)
    success: bool = False
    answer: Bytes[64] = b""
    success, answer = raw_call(fund, data, max_outsize=64, gas=PAY_GAS, revert_on_failure=False)
    if not success or len(answer) != 64:
        return False, 0, 0
    paid: uint256 = (staticcall collateral.balanceOf(self) - before) * scale
    community: uint256 = min(convert(slice(answer, 32, 32), uint256), paid)
    return True, paid - community, community


def _record_failure(market: uint256):
    word: uint256 = self.failure_word
    failed_at: uint256 = word & packing.MASK_40
    open_until: uint256 = (word >> 40) & packing.MASK_40
    if failed_at == 0:
        failed_at = block.timestamp
    elif block.timestamp - failed_at >= FAILURE_SPACING_SECONDS:
        failed_at = block.timestamp
        open_until = block.timestamp + markets.batch_seconds
    self.failure_word = failed_at | (open_until << 40)
    log IMarginVaultCrisis.FundFailed(market=market, failed_at=failed_at, open_until=open_until)


@view
def _can_pay(m: markets.Market, outstanding: uint256) -> bool:
    """
    @notice What the last tiers must wait for: True while the fund would pay something now, or while nobody
            knows because it does not answer and has not been seen to fail twice
    """
    fund: address = system.insurance_fund
    if fund == empty(address) or block.timestamp < (self.failure_word >> 40) & packing.MASK_40:
        return False
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        fund,
        abi_encode(
            m.id,
            outstanding,
            self._open_interest_value(m),
            method_id=method_id("payable_now(uint256,uint256,uint256)"),
        ),
        max_outsize=32,
        gas=PAY_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return not success or len(answer) != 32 or convert(answer, uint256) != 0
