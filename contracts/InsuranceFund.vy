# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title InsuranceFund
@license AGPL-3.0-only
@author Lastline
@notice The protocol reserve, and behind it the community pool: pays the claims that bankruptcies leave in the
        margin vault, reserve first, within a limit over all markets (payout_window) and one for each market
        (market_draws). The claims themselves are kept by the
        vault, so that a broken fund can never hold up a crisis.

        Purpose locked by code: tokens leave by `pay`, to the vault, and by `withdraw_capital`, which lets
        governance take back what was contributed as capital, and only what the target does not need. There is
        no other way out, and the vault is named once.

        Trust: the vault reports claims and open interest truthfully. Governance (a timelock) sets limits within
        hard bounds. The token is a plain ERC-20 with at most 18 decimals that does not rebase; one that charges a
        fee or fails to deliver makes the call revert. Everyone else can only give.

        The fund calls nothing but the token and the pool, and in what the vault calls it never reads the vault. Books are kept in token units; tokens sent
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
from .modules import community_tranche
from .modules import fund_parameters
from .modules import market_draws
from .modules import payout_window
from .modules import reserve_ledger
from .modules import system

implements: IInsuranceFund

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: fund_parameters[ownable := ownable]
initializes: community_tranche[ownable := ownable]
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
exports: (
    community_tranche.set_pool,
    community_tranche.set_pool_share,
    community_tranche.community_paid_in_market,
    community_tranche.community_pool,
    community_tranche.pool_share,
    community_tranche.community_in,
    community_tranche.community_out,
    community_tranche.pool_retry_at,
    community_tranche.MAX_POOL_SHARE,
    community_tranche.RETRY_SECONDS,
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
    @notice Pay a market's open claims as far as the limits allow, from the reserve first; only the vault
    @dev What the pool does not deliver is not paid, and nothing else changes.
         Reverts "fund: not vault", "fund: not enough gas", "token: transfer failed", "fund: short delivery"
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

    exposed: uint256 = community_tranche._exposed()
    wanted: uint256 = self._payable_units(market, outstanding, exposed)
    before: uint256 = reserve_ledger.reserve
    amount: uint256 = min(wanted, before)
    community: uint256 = 0
    if wanted != amount:
        community = community_tranche._draw(TOKEN, wanted - amount)
    paid: uint256 = amount + community
    draw: market_draws.Draw = market_draws._report_claims(
        market, paid, before + exposed, paid * UNIT_QUOTE >= outstanding
    )
    if paid != 0:
        if amount != 0:
            reserve_ledger._debit_claims(market, amount)
        if community != 0:
            community_tranche._book_payment(market, community)
        log IInsuranceFund.ClaimsPaid(
            market=market,
            outstanding=outstanding,
            amount=amount,
            community=community,
            episode_drawn=draw.drawn,
            episode_start_reserve=draw.start_reserve,
            market_total=reserve_ledger.market_payouts[market],
            reserve=reserve_ledger.reserve,
        )
        self._send(msg.sender, paid)
    return IInsuranceFund.Payment(reserve=amount * UNIT_QUOTE, community=community * UNIT_QUOTE)


@external
def receive_inflow(trading_fees: uint256, funding: uint256, liquidation: uint256):
    """
    @notice Count tokens that the vault has transferred before, and give the pool its part; only the vault
    @dev Reverts "fund: not vault", "fund: tokens not received", "fund: amount too large", "fund: not enough gas"
    @param trading_fees Share of trading fees, token units
    @param funding Share of funding payments, token units
    @param liquidation Liquidation fees and surplus, token units
    @custom:invariant I7
    """
    self._require_vault()
    share: uint256 = community_tranche._share_now()
    for_pool: uint256 = self._credit(IInsuranceFund.Source.TRADING_FEES, trading_fees, share)
    for_pool += self._credit(IInsuranceFund.Source.FUNDING, funding, share)
    for_pool += self._credit(IInsuranceFund.Source.LIQUIDATION, liquidation, share)
    assert (
        staticcall TOKEN.balanceOf(self) >= reserve_ledger.reserve + for_pool
    ), "fund: tokens not received"
    if for_pool != 0:
        # What the token refuses to bring there stays here, and may be recognised as a donation.
        community_tranche._give(TOKEN, for_pool)


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
    exposed: uint256 = community_tranche._exposed()
    return self._payable_units(market, outstanding, exposed) * UNIT_QUOTE


@external
@view
def is_calm() -> bool:
    """
    @notice True if no market has open claims and the risk mode is NORMAL, as the vault says; False if it does not answer.
            For the pool's entries and exits, which never happen inside a call of the vault.
    """
    return (
        self._told(method_id("claim_markets()")) == 0
        and system._mode(self._told(method_id("exchange_word()"))) == system.NORMAL
    )


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
    return self._daily_budget(community_tranche._exposed())


@external
@view
def episode(market: uint256) -> IInsuranceFund.Episode:
    """
    @notice The limit of one market and what is left of it, as new claims would meet it now
    @param market Market id
    """
    return self._episode(market, community_tranche._exposed())


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
def _payable_units(market: uint256, outstanding: uint256, exposed: uint256) -> uint256:
    """
    @notice What reserve and pool pay now on open claims of `outstanding` quote, token units
    @param exposed What the pool would give, token units
    """
    if outstanding == 0:
        return 0
    room: uint256 = self._episode(market, exposed).remaining
    # Only if it matters: reading the window costs most. What it leaves is never above reserve and pool, since the
    # base less the window's payouts is not, and the daily cap is at most the base.
    if room != 0:
        room = min(room, self._daily_budget(exposed).remaining)
    # Compared before it is rounded, so that any amount may be asked for.
    if outstanding >= room * UNIT_QUOTE:
        return room
    return fixed_math._div_up(outstanding, UNIT_QUOTE)


@internal
@view
def _daily_budget(exposed: uint256) -> IInsuranceFund.DailyBudget:
    """
    @notice One budget over both: the pool counts with what it has and what the window drew from it. What stakers add
            counts at once: it has waited, and is exposed from then on.
    """
    base: uint256 = 0
    paid: uint256 = 0
    base, paid = reserve_ledger._window()
    drawn: uint256 = community_tranche._drawn_in_window()
    base += exposed + drawn
    paid += drawn
    cap: uint256 = fixed_math._mul_div_down(base, fund_parameters.params.daily_cap_share, units.WAD)
    return IInsuranceFund.DailyBudget(
        base=base, cap=cap, paid=paid, remaining=fixed_math._saturating_sub(cap, paid)
    )


@internal
@view
def _episode(market: uint256, exposed: uint256) -> IInsuranceFund.Episode:
    draw: market_draws.Draw = market_draws._present(market, reserve_ledger.reserve + exposed)
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
def _credit(source: IInsuranceFund.Source, amount: uint256, share: uint256) -> uint256:
    """
    @notice Count an inflow of the vault but for the pool's part
    @return The pool's part, rounded down
    """
    part: uint256 = fixed_math._mul_div_down(amount, share, units.WAD)
    reserve_ledger._credit(source, amount - part)
    return part


@internal
@view
def _told(selector: Bytes[4]) -> uint256:
    """
    @notice A word of the vault; all bits set if it does not answer
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        self.vault, selector, max_outsize=32, is_static_call=True, revert_on_failure=False
    )
    if not success or len(answer) != 32:
        return max_value(uint256)
    return convert(answer, uint256)


@internal
@view
def _require_vault():
    assert msg.sender == self.vault, "fund: not vault"


@internal
@pure
def _require_amount(amount: uint256):
    assert amount != 0, "fund: zero amount"
