# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title InsuranceFund
@license AGPL-3.0-only
@author Lastline
@notice The protocol reserve: pays the claims that bankruptcies leave in the margin vault, within a limit over
        all markets (payout_window) and one for each market (market_draws). The claims themselves are kept by the
        vault, so that a broken fund can never hold up a crisis.

        Purpose locked by code: tokens leave by `pay`, to the vault, and by `withdraw_capital`, which lets
        governance take back what was contributed as capital, and only what the target does not need. There is
        no other way out, and the vault is named once.

        Trust: the vault reports claims and open interest truthfully. Governance (a timelock) sets limits within
        hard bounds. The token is a plain ERC-20 with at most 18 decimals that does not rebase; one that charges a
        fee or fails to deliver makes the call revert. Everyone else can only give.

        The fund calls nothing but the token and never reads the vault. Books are kept in token units; tokens sent
        directly count only after `recognise_donation`. Ownership can be handed over in two steps, not renounced.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

from .interfaces import IInsuranceFund
from .lib import fixed_math
from .lib import token as token_lib
from .lib import units
from .modules import fund_parameters
from .modules import market_draws
from .modules import payout_window
from .modules import reserve_ledger

implements: IInsuranceFund

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: fund_parameters[ownable := ownable]
initializes: payout_window
initializes: reserve_ledger[payout_window := payout_window]
initializes: market_draws

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)
exports: (
    fund_parameters.set_daily_cap_share,
    fund_parameters.set_fee_shares,
    fund_parameters.set_target_floor,
    fund_parameters.set_default_limits,
    fund_parameters.set_market_limits,
    fund_parameters.parameters,
    fund_parameters.market_limits,
    fund_parameters.MIN_DAILY_CAP_SHARE,
    fund_parameters.MAX_DAILY_CAP_SHARE,
    fund_parameters.MIN_DRAW_SHARE,
    fund_parameters.MAX_DRAW_SHARE,
    fund_parameters.MIN_STRESS_SHARE,
    fund_parameters.MAX_STRESS_SHARE,
    fund_parameters.MAX_FEE_SHARE,
    fund_parameters.MAX_AMOUNT,
)
exports: (
    reserve_ledger.reserve,
    reserve_ledger.total_in,
    reserve_ledger.total_paid,
    reserve_ledger.paid_in_market,
    reserve_ledger.capital_withdrawn,
)
exports: (payout_window.PERIOD_SECONDS, payout_window.PERIODS, market_draws.QUIET_SECONDS)

MAX_DECIMALS: constant(uint256) = 18

TOKEN: immutable(IERC20)
# Quote, 18 decimals, in one token unit.
UNIT_QUOTE: immutable(uint256)

vault: public(address)

stress_losses: HashMap[uint256, uint256]
total_stress_loss: uint256


@deploy
def __init__(collateral: address, governance: address, parameters: IInsuranceFund.Parameters):
    """
    @notice Start empty and without a vault
    @dev Reverts "fund: empty governance", "fund: bad token decimals" and what the setters revert with
    @param collateral The vault's collateral token
    @param governance First owner
    @param parameters Initial parameters
    """
    assert governance != empty(address), "fund: empty governance"
    decimals: uint256 = convert(staticcall IERC20Detailed(collateral).decimals(), uint256)
    assert decimals <= MAX_DECIMALS, "fund: bad token decimals"
    TOKEN = IERC20(collateral)
    UNIT_QUOTE = 10**(MAX_DECIMALS - decimals)
    ownable.__init__()
    ownable_2step.__init__()
    fund_parameters.__init__(parameters)
    ownable._transfer_ownership(governance)


# Vault


@external
def pay(market: uint256, outstanding: uint256, open_interest: uint256) -> IInsuranceFund.Payment:
    """
    @notice Pay a market's open claims as far as the limits allow; only the vault
    @dev Reverts "fund: not vault", "token: transfer failed", "fund: short delivery"
    @param market Market id
    @param outstanding The market's open claims, quote, 18 decimals; 0 reports that there are none
    @param open_interest The market's open interest at mark, quote, 18 decimals
    @return What the vault has received, quote, 18 decimals
    @custom:rounding Claims up to a token unit
    @custom:invariant I7
    """
    self._require_vault()
    self._update_stress_loss(market, open_interest)
    if outstanding == 0:
        market_draws._report_no_claims(market)
        return empty(IInsuranceFund.Payment)

    amount: uint256 = self._payable_units(market, outstanding)
    draw: market_draws.Draw = market_draws._report_claims(
        market, amount, reserve_ledger.reserve, amount * UNIT_QUOTE >= outstanding
    )
    if amount != 0:
        reserve_ledger._debit_claims(market, amount)
        log IInsuranceFund.ClaimsPaid(
            market=market,
            outstanding=outstanding,
            amount=amount,
            episode_drawn=draw.drawn,
            episode_start_reserve=draw.start_reserve,
            market_total=reserve_ledger.market_payouts[market],
            reserve=reserve_ledger.reserve,
        )
        self._send(msg.sender, amount)
    return IInsuranceFund.Payment(reserve=amount * UNIT_QUOTE, community=0)


@external
def receive_inflow(trading_fees: uint256, funding: uint256, liquidation: uint256):
    """
    @notice Count tokens that the vault has transferred before; only the vault
    @dev Reverts "fund: not vault", "fund: tokens not received", "fund: amount too large"
    @param trading_fees Share of trading fees, token units
    @param funding Share of funding payments, token units
    @param liquidation Liquidation fees and surplus, token units
    @custom:invariant I7
    """
    self._require_vault()
    reserve_ledger._credit(IInsuranceFund.Source.TRADING_FEES, trading_fees)
    reserve_ledger._credit(IInsuranceFund.Source.FUNDING, funding)
    reserve_ledger._credit(IInsuranceFund.Source.LIQUIDATION, liquidation)
    assert staticcall TOKEN.balanceOf(self) >= reserve_ledger.reserve, "fund: tokens not received"


# Anyone


@external
def add_capital(amount: uint256):
    """
    @notice Give protocol capital to the fund; anyone may, only governance can take it out again
    @dev Reverts "fund: zero amount", "token: transfer failed", "token: short delivery",
         "fund: amount too large"
    @param amount Token units, taken from the caller
    @custom:invariant I7
    """
    self._require_amount(amount)
    reserve_ledger._credit(IInsuranceFund.Source.CAPITAL, amount)
    token_lib._pull(TOKEN, msg.sender, amount)


@external
def recognise_donation() -> uint256:
    """
    @notice Count tokens that were sent to the fund directly; anyone may
    @dev Reverts "fund: amount too large"
    @return Token units counted, possibly 0
    @custom:invariant I7
    """
    amount: uint256 = fixed_math._saturating_sub(staticcall TOKEN.balanceOf(self), reserve_ledger.reserve)
    reserve_ledger._credit(IInsuranceFund.Source.DONATION, amount)
    return amount


# Governance


@external
def withdraw_capital(amount: uint256, receiver: address):
    """
    @notice Take out protocol capital that the target does not need; only governance
    @dev Reverts "ownable: caller is not the owner", "fund: zero amount", "fund: bad receiver",
         "fund: over contributed capital", "fund: below target", "token: transfer failed",
         "fund: short delivery"
    @param amount Token units, at most `capital_surplus()`
    @param receiver Account that gets them
    @custom:invariant I7
    """
    ownable._check_owner()
    self._require_amount(amount)
    assert receiver not in [empty(address), self], "fund: bad receiver"
    assert amount <= reserve_ledger._contributed_capital(), "fund: over contributed capital"
    assert amount <= self._surplus(), "fund: below target"
    reserve_ledger._debit_capital(receiver, amount)
    self._send(receiver, amount)


@external
def set_vault(vault_address: address):
    """
    @notice Name the vault the fund pays, once and for ever; only governance
    @dev Reverts "ownable: caller is not the owner", "fund: vault already set", "fund: empty vault"
    @param vault_address The margin vault
    """
    ownable._check_owner()
    assert self.vault == empty(address), "fund: vault already set"
    assert vault_address != empty(address), "fund: empty vault"
    self.vault = vault_address
    log IInsuranceFund.VaultSet(vault=vault_address)


# Views


@external
@view
def payable_now(market: uint256, outstanding: uint256, open_interest: uint256) -> uint256:
    """
    @notice What `pay` with the same arguments would pay now
    @param market Market id
    @param outstanding The market's open claims, quote, 18 decimals
    @param open_interest The market's open interest at mark, quote, 18 decimals: moves the target, no payment
    @return Quote, 18 decimals, an exact multiple of the token unit
    """
    return self._payable_units(market, outstanding) * UNIT_QUOTE


@external
@view
def fee_share() -> uint256:
    """
    @notice Share of trading fees that should go to the fund now, 18 decimals
    """
    if reserve_ledger.reserve < self._target():
        return fund_parameters.params.share_below_target
    return fund_parameters.params.share_at_target


@external
@view
def target() -> uint256:
    """
    @notice Reserve the fund aims for: the sum of the markets' stress losses, at least the floor; token units
    """
    return self._target()


@external
@view
def coverage() -> uint256:
    """
    @notice Reserve over target, 18 decimals, rounded down; max_value(uint256) if the target is 0
    """
    target_units: uint256 = self._target()
    if target_units == 0:
        return max_value(uint256)
    return fixed_math._mul_div_down(reserve_ledger.reserve, units.WAD, target_units)


@external
@view
def capital_surplus() -> uint256:
    """
    @notice The most that `withdraw_capital` would let out now, token units
    """
    return min(self._surplus(), reserve_ledger._contributed_capital())


@external
@view
def daily_budget() -> IInsuranceFund.DailyBudget:
    """
    @notice The limit over all markets and what is left of it
    """
    return self._daily_budget()


@external
@view
def episode(market: uint256) -> IInsuranceFund.Episode:
    """
    @notice The limit of one market and what is left of it, as new claims would meet it now
    @param market Market id
    """
    return self._episode(market)


@external
@view
def stress_loss(market: uint256) -> uint256:
    """
    @notice A market's part of the target as of its last report, token units
    @param market Market id
    """
    return self.stress_losses[market]


@external
@view
def token() -> address:
    """
    @notice The collateral token
    """
    return TOKEN.address


# Internals


@internal
@view
def _payable_units(market: uint256, outstanding: uint256) -> uint256:
    """
    @notice What the fund pays now on open claims of `outstanding` quote, token units
    """
    if outstanding == 0:
        return 0
    room: uint256 = self._episode(market).remaining
    # Only if it matters: reading the window costs most. What it leaves is never above the reserve, since the
    # base less the window's payouts is not, and the daily cap is at most the base.
    if room != 0:
        room = min(room, self._daily_budget().remaining)
    # Compared before it is rounded, so that any amount may be asked for.
    if outstanding >= room * UNIT_QUOTE:
        return room
    return fixed_math._div_up(outstanding, UNIT_QUOTE)


@internal
@view
def _daily_budget() -> IInsuranceFund.DailyBudget:
    base: uint256 = 0
    paid: uint256 = 0
    base, paid = reserve_ledger._window()
    cap: uint256 = fixed_math._mul_div_down(base, fund_parameters.params.daily_cap_share, units.WAD)
    return IInsuranceFund.DailyBudget(
        base=base, cap=cap, paid=paid, remaining=fixed_math._saturating_sub(cap, paid)
    )


@internal
@view
def _episode(market: uint256) -> IInsuranceFund.Episode:
    draw: market_draws.Draw = market_draws._present(market, reserve_ledger.reserve)
    limits: IInsuranceFund.MarketLimits = fund_parameters._limits(market)
    cap: uint256 = min(
        limits.draw_cap,
        fixed_math._mul_div_down(draw.start_reserve, limits.draw_share, units.WAD),
    )
    return IInsuranceFund.Episode(
        start_reserve=draw.start_reserve,
        cap=cap,
        drawn=draw.drawn,
        remaining=fixed_math._saturating_sub(cap, draw.drawn),
        quiet_since=draw.quiet_since,
    )


@internal
@view
def _target() -> uint256:
    return max(self.total_stress_loss, fund_parameters.params.target_floor)


@internal
@view
def _surplus() -> uint256:
    """
    @notice What the reserve has above its target
    """
    return fixed_math._saturating_sub(reserve_ledger.reserve, self._target())


@internal
def _update_stress_loss(market: uint256, open_interest: uint256):
    """
    @notice Take a market's open interest into the target, rounded up
    """
    old: uint256 = self.stress_losses[market]
    new: uint256 = fixed_math._div_up(
        fixed_math._mul_div_up(open_interest, fund_parameters._limits(market).stress_share, units.WAD),
        UNIT_QUOTE,
    )
    if new == old:
        return
    self.stress_losses[market] = new
    self.total_stress_loss = self.total_stress_loss + new - old
    log IInsuranceFund.StressLossUpdated(
        market=market,
        open_interest=open_interest,
        old_stress_loss=old,
        new_stress_loss=new,
        target=self._target(),
    )


@internal
def _send(receiver: address, amount: uint256):
    """
    @notice Transfer tokens and make sure that all of them arrive
    """
    before: uint256 = staticcall TOKEN.balanceOf(receiver)
    token_lib._push(TOKEN, receiver, amount)
    assert staticcall TOKEN.balanceOf(receiver) == before + amount, "fund: short delivery"


@internal
@view
def _require_vault():
    assert msg.sender == self.vault, "fund: not vault"


@internal
@pure
def _require_amount(amount: uint256):
    assert amount != 0, "fund: zero amount"
