# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize

"""
@title InsuranceFund
@license AGPL-3.0-only
@author Lastline
@notice The protocol reserve, and behind it the community pool: pays the claims that bankruptcies leave in the
        margin vault, reserve first, within a limit over all markets (payout_window) and one for each market
        (market_draws). The claims themselves are kept by the
        vault, so that a broken fund can never hold up a crisis. It says which risk mode the vault should be in
        (risk_modes), how large it should be (stress_model), and what it was like (fund_history).

        Purpose locked by code: tokens leave to the vault, by `pay` and `pay_recovery`; to the pool, its part of inflows and what it is
        owed; to the cold Safe, by `sweep`, and only what the target does not need (custody); and by `withdraw_capital`, which lets
        governance take back what was contributed as capital, and only what the target does not need. There is
        no other way out, and the vault is named once.

        Trust: the vault reports claims and open interest truthfully. Governance (a timelock) sets limits within
        hard bounds. The token is a plain ERC-20 with at most 18 decimals that does not rebase; one that charges a
        fee or fails to deliver makes the call revert. Everyone else can only give.

        The fund calls nothing but the token, the pool and, where the vault has not called it, the vault. Books are kept in token units; tokens sent
        directly count only after `recognise_donation`. Ownership can be handed over in two steps, not renounced.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

from .interfaces import IInsuranceFund
from .interfaces import IMarginVaultConsole
from .lib import fixed_math
from .lib import token as token_lib
from .lib import units
from .modules import community_tranche
from .modules import custody
from .modules import fund_history
from .modules import fund_parameters
from .modules import market_draws
from .modules import payout_window
from .modules import reserve_ledger
from .modules import risk_modes
from .modules import stress_model
from .modules import system

implements: IInsuranceFund

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: fund_parameters[ownable := ownable]
initializes: community_tranche[ownable := ownable]
initializes: payout_window
initializes: reserve_ledger[payout_window := payout_window]
initializes: market_draws
initializes: stress_model[fund_parameters := fund_parameters, ownable := ownable]
initializes: risk_modes[ownable := ownable]
initializes: fund_history
initializes: custody[ownable := ownable]

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
    reserve_ledger.repaid_in_market,
    reserve_ledger.capital_withdrawn,
)
exports: (
    community_tranche.set_pool,
    community_tranche.set_pool_share,
    community_tranche.community_paid_in_market,
    community_tranche.community_repaid_in_market,
    community_tranche.community_pool,
    community_tranche.pool_share,
    community_tranche.community_in,
    community_tranche.community_out,
    community_tranche.pool_retry_at,
    community_tranche.MAX_POOL_SHARE,
    community_tranche.RETRY_SECONDS,
)
exports: (payout_window.PERIOD_SECONDS, payout_window.PERIODS, market_draws.QUIET_SECONDS)
exports: (
    stress_model.set_concentration_share,
    stress_model.concentration_share,
    stress_model.stress_loss,
    stress_model.largest_position,
    stress_model.MAX_CONCENTRATION_SHARE,
)
exports: (risk_modes.set_mode_terms, risk_modes.mode_terms)
exports: (
    fund_history.checkpoint_count,
    fund_history.checkpoint,
    fund_history.CHECKPOINTS,
    fund_history.CHECKPOINT_SECONDS,
)
exports: (
    custody.set_custody,
    custody.cold_safe,
    custody.hot_ceiling,
    custody.cold_reserve,
    custody.swept_total,
    custody.returned_total,
)

MAX_DECIMALS: constant(uint256) = 18
# What was written off and is shared by all withdrawals, as one more market.
RECOVERY: public(constant(uint256)) = units.MAX_MARKETS

TOKEN: immutable(IERC20)
# Quote, 18 decimals, in one token unit.
UNIT_QUOTE: immutable(uint256)

vault: public(address)


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
    risk_modes.__init__()
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
    stress_model._report_open_interest(market, open_interest, UNIT_QUOTE)
    return self._pay(market, outstanding)


@external
def pay_recovery(outstanding: uint256) -> IInsuranceFund.Payment:
    """
    @notice Pay what was written off and is shared by all withdrawals, as `pay` pays a market's claims; only the vault
    @dev As if it were one more market, with id RECOVERY: with the default limits, in episodes of its own. Reverts as `pay` does
    @param outstanding Written off and not made good, quote, 18 decimals; 0 reports that there is nothing
    @return What the vault has received, quote, 18 decimals
    @custom:rounding Up to a token unit
    @custom:invariant I7
    """
    self._require_vault()
    return self._pay(RECOVERY, outstanding)


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
    self._require_received(for_pool)
    if for_pool != 0:
        # What the token refuses to bring there stays here, and may be recognised as a donation.
        community_tranche._give(TOKEN, for_pool)


@external
def receive_surplus(market: uint256, amount: uint256):
    """
    @notice Count what a market's bankruptcies have left over in the end, tokens that the vault has transferred before; only the vault
    @dev It goes back to whom the market's claims have cost: the pool first, then the reserve; what is more is an inflow like
         any other of liquidations. Reverts "fund: not vault", "fund: tokens not received", "fund: amount too large",
         "fund: not enough gas"
    @param market Market id
    @param amount Token units
    @custom:invariant I7
    """
    self._require_vault()
    self._require_received(amount)
    left: uint256 = amount - community_tranche._repay(TOKEN, market, amount)
    left -= reserve_ledger._credit_repayment(market, left)
    for_pool: uint256 = self._credit(
        IInsuranceFund.Source.LIQUIDATION, left, community_tranche._share_now()
    )
    if for_pool != 0:
        community_tranche._give(TOKEN, for_pool)


# Anyone


@external
def update_mode() -> uint256:
    """
    @notice Put the vault into the risk mode that the fund's state calls for, and keep a checkpoint if one is due. Anyone may.
    @dev Leaves HALTED to those who have entered it. Reverts "fund: vault does not answer", "fund: not enough gas" and what
         the vault's set_risk_mode reverts with
    @return The vault's mode after it
    """
    mode: uint256 = self._vault_mode()
    reading: risk_modes.Reading = self._reading()
    new_mode: uint256 = mode
    if mode < system.HALTED:
        new_mode = risk_modes._next(mode, reading)
    if new_mode != mode:
        multiplier: uint256 = risk_modes._multiplier(new_mode)
        log IInsuranceFund.RiskModeUpdated(
            old_mode=mode,
            new_mode=new_mode,
            multiplier=multiplier,
            coverage=reading.coverage,
            drawdown=reading.drawdown,
            is_exhausted=reading.is_exhausted,
        )
        extcall IMarginVaultConsole(self.vault).set_risk_mode(new_mode, multiplier)
    if fund_history._is_due(new_mode):
        fund_history._record(
            IInsuranceFund.Checkpoint(
                time=block.timestamp,
                mode=new_mode,
                reserve=reserve_ledger.reserve,
                cold_reserve=custody.cold_reserve,
                community=community_tranche._exposed(),
                peak=0,
                paid=reserve_ledger.total_paid + community_tranche.community_out,
                coverage=reading.coverage,
            )
        )
    return new_mode


@external
def report_position(market: uint256, account: uint256):
    """
    @notice Show the fund a market's largest position, for the target; anyone may
    @dev The one known is looked at again, too, and keeps its place if it still is the larger. Reverts "fund: bad market id",
         "fund: not the largest" and what the vault's views revert with
    @param market Market id
    @param account Account (owner << 96 | sub-account)
    """
    assert market < units.MAX_MARKETS, "fund: bad market id"
    stress_model._report_position(self.vault, market, account, UNIT_QUOTE)


@external
def sweep() -> uint256:
    """
    @notice Bring what lies above the hot ceiling and the target to the cold Safe; anyone may, while `is_calm`
    @dev Reverts "fund: no safe", "fund: not calm", "fund: nothing to sweep", "fund: not enough gas", "token: transfer failed",
         "fund: short delivery"
    @return Token units swept
    @custom:invariant I7
    """
    safe: address = custody.cold_safe
    assert safe != empty(address), "fund: no safe"
    assert self._is_calm(), "fund: not calm"
    amount: uint256 = self._sweepable()
    assert amount != 0, "fund: nothing to sweep"
    custody._book_sweep(amount)
    self._send(safe, amount)
    return amount


@external
def bring_back(amount: uint256):
    """
    @notice Bring reserve back from the cold Safe, which has approved it; anyone may
    @dev Reverts "fund: zero amount", "fund: over cold reserve", "token: transfer failed", "token: short delivery"
    @param amount Token units
    @custom:invariant I7
    """
    self._require_amount(amount)
    custody._bring_back(TOKEN, amount)


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
    amount: uint256 = fixed_math._saturating_sub(staticcall TOKEN.balanceOf(self), self._hot())
    reserve_ledger._credit(IInsuranceFund.Source.DONATION, amount)
    return amount


# Governance


@external
def withdraw_capital(amount: uint256, receiver: address):
    """
    @notice Take out protocol capital that the target does not need; only governance
    @dev Reverts "ownable: caller is not the owner", "fund: zero amount", "fund: bad receiver",
         "fund: over contributed capital", "fund: below target", "fund: not in hand", "fund: not enough gas",
         "token: transfer failed", "fund: short delivery"
    @param amount Token units, at most `capital_surplus()`
    @param receiver Account that gets them
    @custom:invariant I7
    """
    ownable._check_owner()
    self._require_amount(amount)
    assert receiver not in [empty(address), self], "fund: bad receiver"
    assert amount <= reserve_ledger._contributed_capital(), "fund: over contributed capital"
    assert amount <= self._surplus(), "fund: below target"
    assert amount <= self._hot(), "fund: not in hand"
    fund_history._note_peak(reserve_ledger.reserve + community_tranche._exposed())
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
    @notice True if `has_no_claims`, the risk mode is NORMAL and nothing calls for another one; False if the vault does
            not answer. For the pool's entries and exits, which never happen inside a call of the vault.
    @dev Reverts "fund: not enough gas"
    """
    return self._is_calm()


@external
@view
def has_no_claims() -> bool:
    """
    @notice True if no market has open claims and nothing that was written off is uncovered; False if the vault does not answer. For
            those who want to join the pool: they may in any mode
    """
    return self._has_no_claims()


@external
@view
def risk_state() -> IInsuranceFund.RiskState:
    """
    @notice What the risk mode rests on, as it is now
    @dev Reverts "fund: vault does not answer", "fund: not enough gas"
    """
    mode: uint256 = self._vault_mode()
    reading: risk_modes.Reading = self._reading()
    return IInsuranceFund.RiskState(
        mode=mode,
        judged=risk_modes._judge(mode, reading),
        coverage=reading.coverage,
        drawdown=reading.drawdown,
        is_exhausted=reading.is_exhausted,
        low_since=risk_modes.low_since,
        calm_since=risk_modes.calm_since,
    )


@external
@view
def distances() -> IInsuranceFund.Distances:
    """
    @notice How much more the fund can pay before each trigger, token units; 0 beyond it
    @dev Reverts "fund: not enough gas"
    """
    terms: IInsuranceFund.ModeTerms = risk_modes.terms
    exposed: uint256 = community_tranche._exposed()
    available: uint256 = reserve_ledger.reserve + exposed
    target_units: uint256 = stress_model._target()
    base: uint256 = 0
    paid: uint256 = 0
    base, paid = self._window(risk_modes.DRAWDOWN_PERIODS, exposed)
    return IInsuranceFund.Distances(
        to_caution=fixed_math._saturating_sub(
            available, fixed_math._mul_div_up(target_units, terms.caution_coverage, units.WAD)
        ),
        to_restricted=fixed_math._saturating_sub(
            available, fixed_math._mul_div_up(target_units, terms.restricted_coverage, units.WAD)
        ),
        # the least that rounds up to the bound
        to_adl=fixed_math._saturating_sub(
            fixed_math._mul_div_down(base, terms.adl_drawdown - 1, units.WAD) + 1, paid
        ),
        to_exhausted=self._in_hand(exposed),
    )


@external
@view
def fee_share() -> uint256:
    """
    @notice Share of trading fees that should go to the fund now, 18 decimals
    """
    if reserve_ledger.reserve < stress_model._target():
        return fund_parameters.params.share_below_target
    return fund_parameters.params.share_at_target


@external
@view
def target() -> uint256:
    """
    @notice Reserve the fund aims for: the sum of the markets' stress losses, at least the floor; token units
    """
    return stress_model._target()


@external
@view
def coverage() -> uint256:
    """
    @notice Reserve and pool over target, 18 decimals, rounded down; max_value(uint256) if the target is 0
    @dev Reverts "fund: not enough gas"
    """
    return self._coverage(community_tranche._exposed())


@external
@view
def market_coverage(market: uint256) -> uint256:
    """
    @notice What one market could draw now over its part of the target, 18 decimals, rounded down; max_value(uint256) if that is 0
    @dev Reverts "fund: not enough gas"
    @param market Market id
    """
    return self._over(
        self._payable_units(market, max_value(uint256), community_tranche._exposed()),
        stress_model._stress_loss(market),
    )


@external
@view
def capital_surplus() -> uint256:
    """
    @notice The most that `withdraw_capital` would let out now, token units
    """
    return min(min(self._surplus(), self._hot()), reserve_ledger._contributed_capital())


@external
@view
def hot_reserve() -> uint256:
    """
    @notice The reserve in the fund's own hands, token units
    """
    return self._hot()


@external
@view
def sweepable() -> uint256:
    """
    @notice What `sweep` would bring to the cold Safe, token units
    """
    return self._sweepable()


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
def token() -> address:
    """
    @notice The collateral token
    """
    return TOKEN.address


# Internals


@internal
def _pay(market: uint256, outstanding: uint256) -> IInsuranceFund.Payment:
    """
    @notice Pay open claims as far as the limits allow, hot reserve first
    """
    if outstanding == 0:
        market_draws._report_no_claims(market)
        return empty(IInsuranceFund.Payment)

    exposed: uint256 = community_tranche._exposed()
    wanted: uint256 = self._payable_units(market, outstanding, exposed)
    worth: uint256 = reserve_ledger.reserve + exposed
    amount: uint256 = min(wanted, self._hot())
    community: uint256 = 0
    if wanted != amount:
        community = community_tranche._draw(TOKEN, wanted - amount)
    paid: uint256 = amount + community
    draw: market_draws.Draw = market_draws._report_claims(
        market, paid, worth, paid * UNIT_QUOTE >= outstanding
    )
    if paid != 0:
        fund_history._note_peak(worth)
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


@internal
@view
def _payable_units(market: uint256, outstanding: uint256, exposed: uint256) -> uint256:
    """
    @notice What reserve and pool pay now on open claims of `outstanding` quote, token units
    @param exposed What the pool would give, token units
    """
    if outstanding == 0:
        return 0
    room: uint256 = min(self._episode(market, exposed).remaining, self._in_hand(exposed))
    # Only if it matters: reading the window costs most.
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
    base, paid = self._window(payout_window.PERIODS, exposed)
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
def _window(periods: uint256, exposed: uint256) -> (uint256, uint256):
    """
    @notice Lowest worth of reserve and pool in a window, its own payouts not counted, and those payouts; token units. The pool
            counts with what it has and what the window drew from it
    @param periods See payout_window._read
    @param exposed What the pool would give, token units
    """
    base: uint256 = 0
    paid: uint256 = 0
    base, paid = reserve_ledger._window(periods)
    drawn: uint256 = community_tranche._drawn_in_window(periods)
    return base + exposed + drawn, paid + drawn


@internal
@view
def _surplus() -> uint256:
    """
    @notice What the reserve has above its target
    """
    return fixed_math._saturating_sub(reserve_ledger.reserve, stress_model._target())


@internal
@view
def _hot() -> uint256:
    return reserve_ledger.reserve - custody.cold_reserve


@internal
@view
def _in_hand(exposed: uint256) -> uint256:
    """
    @notice What could be paid now without any limit. The pool is second: it waits while the reserve has money in the Safe
    """
    if custody.cold_reserve != 0:
        return self._hot()
    return reserve_ledger.reserve + exposed


@internal
@view
def _sweepable() -> uint256:
    """
    @notice What the fund has in hand above the hot ceiling and the target
    """
    return fixed_math._saturating_sub(
        self._hot(), max(custody.hot_ceiling, stress_model._target())
    )


@internal
@view
def _coverage(exposed: uint256) -> uint256:
    return self._over(reserve_ledger.reserve + exposed, stress_model._target())


@internal
@pure
def _over(amount: uint256, whole: uint256) -> uint256:
    """
    @notice Share of `amount` in `whole`, 18 decimals, rounded down; max_value(uint256) of nothing
    """
    if whole == 0:
        return max_value(uint256)
    return fixed_math._mul_div_down(amount, units.WAD, whole)


@internal
@view
def _reading() -> risk_modes.Reading:
    """
    @notice What the risk mode is judged by
    @dev Drawdown is rounded up. Reverts "fund: vault does not answer", "fund: not enough gas"
    """
    exposed: uint256 = community_tranche._exposed()
    base: uint256 = 0
    paid: uint256 = 0
    base, paid = self._window(risk_modes.DRAWDOWN_PERIODS, exposed)
    drawdown: uint256 = 0
    if paid != 0:
        # nothing is left of what was there (a pool that is absent now, say): all of it is gone
        drawdown = units.WAD if base == 0 else fixed_math._mul_div_up(paid, units.WAD, base)
    is_exhausted: bool = False
    if self._in_hand(exposed) == 0:
        open_claims: uint256 = self._told(method_id("claim_markets()"))
        assert open_claims != max_value(uint256), "fund: vault does not answer"
        is_exhausted = open_claims != 0
    return risk_modes.Reading(
        coverage=self._coverage(exposed), drawdown=drawdown, is_exhausted=is_exhausted
    )


@internal
@view
def _vault_mode() -> uint256:
    """
    @dev Reverts "fund: vault does not answer"
    """
    word: uint256 = self._told(method_id("exchange_word()"))
    assert word != max_value(uint256), "fund: vault does not answer"
    return system._mode(word)


@internal
@view
def _is_calm() -> bool:
    """
    @notice No open claim, mode NORMAL, and nothing that calls for another one
    """
    return (
        self._has_no_claims()
        and system._mode(self._told(method_id("exchange_word()"))) == system.NORMAL
        and risk_modes._judge(system.NORMAL, self._reading()) == system.NORMAL
    )


@internal
@view
def _has_no_claims() -> bool:
    return (
        self._told(method_id("claim_markets()")) == 0 and self._told(method_id("uncovered()")) == 0
    )


@internal
@view
def _require_received(more: uint256):
    """
    @notice Make sure that the fund holds its hot reserve and `more`
    """
    assert (
        staticcall TOKEN.balanceOf(self) >= self._hot() + more
    ), "fund: tokens not received"


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
