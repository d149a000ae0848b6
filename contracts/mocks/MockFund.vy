# pragma version 0.4.3
# pragma nonreentrancy off

"""
@title MockFund
@license AGPL-3.0-only
@author Lastline
@notice An insurance fund whose every answer a test sets: it pays what it is told to, less or more than it says,
        nothing, or fails in one of the ways a contract can. It speaks IInsuranceFund as far as the kernel does.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

# How `pay` ends.
PAYS: public(constant(uint256)) = 0
REVERTS: public(constant(uint256)) = 1
BURNS_GAS: public(constant(uint256)) = 2
ANSWERS_SHORT: public(constant(uint256)) = 3

TOKEN: immutable(IERC20)
SCALE: immutable(uint256)

# What may still be paid, token units.
reserve_budget: public(uint256)
community_budget: public(uint256)
# Paid on top of what is owed, token units.
excess: public(uint256)
behaviour: public(uint256)
view_behaviour: public(uint256)
# What `pay` says it paid, quote; only if `is_lying`.
said_reserve: uint256
said_community: uint256
is_lying: bool
# What `payable_now` says whatever the budgets are, quote; only if `is_promising`.
promise: uint256
is_promising: bool
fee_share: public(uint256)
is_refusing_inflows: public(bool)

# What the vault told last.
calls: public(uint256)
last_market: public(uint256)
last_outstanding: public(uint256)
last_open_interest: public(uint256)
# Trading fees, funding, liquidation: received, token units.
inflows: public(uint256[3])
# Surplus received, token units, by market.
surpluses: public(HashMap[uint256, uint256])


@deploy
def __init__(token: address):
    TOKEN = IERC20(token)
    SCALE = 10 ** (18 - convert(staticcall IERC20Detailed(token).decimals(), uint256))


@external
def set_budgets(reserve: uint256, community: uint256):
    """
    @notice The most that `pay` will still pay, token units; the fund must hold it
    """
    self.reserve_budget = reserve
    self.community_budget = community


@external
def set_excess(excess: uint256):
    self.excess = excess


@external
def set_behaviour(behaviour: uint256, view_behaviour: uint256):
    """
    @notice How `pay` and `payable_now` end
    """
    self.behaviour = behaviour
    self.view_behaviour = view_behaviour


@external
def set_lie(reserve: uint256, community: uint256):
    """
    @notice What `pay` says from now on, quote, whatever it pays
    """
    self.said_reserve = reserve
    self.said_community = community
    self.is_lying = True


@external
def set_promise(amount: uint256):
    """
    @notice What `payable_now` says from now on, quote, whatever `pay` would pay
    """
    self.promise = amount
    self.is_promising = True


@external
def set_fee_share(share: uint256):
    self.fee_share = share


@external
def set_refusing_inflows(is_refusing: bool):
    self.is_refusing_inflows = is_refusing


@external
@raw_return
def pay(market: uint256, outstanding: uint256, open_interest: uint256) -> Bytes[64]:
    """
    @notice Pay from the reserve first, then from the community budget, claims up to a token unit
    @return reserve and community, quote: as IInsuranceFund.Payment
    """
    self._fail_if(self.behaviour)
    self.calls += 1
    self.last_market = market
    self.last_outstanding = outstanding
    self.last_open_interest = open_interest
    owed: uint256 = (outstanding + SCALE - 1) // SCALE
    reserve: uint256 = min(owed, self.reserve_budget)
    community: uint256 = min(owed - reserve, self.community_budget)
    self.reserve_budget -= reserve
    self.community_budget -= community
    reserve += self.excess
    assert extcall TOKEN.transfer(msg.sender, reserve + community, default_return_value=True)
    if self.behaviour == ANSWERS_SHORT:
        return slice(abi_encode(reserve * SCALE), 0, 32)
    if self.is_lying:
        return abi_encode(self.said_reserve, self.said_community)
    return abi_encode(reserve * SCALE, community * SCALE)


@external
@raw_return
def pay_recovery(outstanding: uint256) -> Bytes[64]:
    """
    @notice `pay` for what no tier has paid
    @return reserve and community, quote: as IInsuranceFund.Payment
    """
    self._fail_if(self.behaviour)
    self.calls += 1
    self.last_outstanding = outstanding
    owed: uint256 = (outstanding + SCALE - 1) // SCALE
    reserve: uint256 = min(owed, self.reserve_budget)
    community: uint256 = min(owed - reserve, self.community_budget)
    self.reserve_budget -= reserve
    self.community_budget -= community
    reserve += self.excess
    assert extcall TOKEN.transfer(msg.sender, reserve + community, default_return_value=True)
    if self.behaviour == ANSWERS_SHORT:
        return slice(abi_encode(reserve * SCALE), 0, 32)
    if self.is_lying:
        return abi_encode(self.said_reserve, self.said_community)
    return abi_encode(reserve * SCALE, community * SCALE)


@external
@view
@raw_return
def payable_now(market: uint256, outstanding: uint256, open_interest: uint256) -> Bytes[32]:
    self._fail_if(self.view_behaviour)
    if self.view_behaviour == ANSWERS_SHORT:
        return b"short"
    if self.is_promising:
        return abi_encode(self.promise)
    owed: uint256 = (outstanding + SCALE - 1) // SCALE
    return abi_encode(min(owed, self.reserve_budget + self.community_budget) * SCALE)


@external
def receive_inflow(trading_fees: uint256, funding: uint256, liquidation: uint256):
    assert not self.is_refusing_inflows, "fund: refused"
    self.inflows[0] += trading_fees
    self.inflows[1] += funding
    self.inflows[2] += liquidation


@external
def receive_surplus(market: uint256, tokens: uint256):
    assert not self.is_refusing_inflows, "fund: refused"
    self.surpluses[market] += tokens


@view
def _fail_if(behaviour: uint256):
    """
    @dev Reverts "fund: broken", or with all gas gone
    """
    assert behaviour != REVERTS, "fund: broken"
    if behaviour == BURNS_GAS:
        # an invalid opcode takes all that is left
        raise UNREACHABLE
