# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title risk_modes
@license AGPL-3.0-only
@author Lastline
@notice When the fund's state calls for another risk mode of the vault, and when it may be eased again.

        CAUTION and RESTRICTED follow coverage, ADL follows what was paid in the last hours, or comes when claims are open
        and nothing is left to pay them. Money that was paid is a fact, so ADL comes at once. Coverage depends on
        open interest, which somebody can raise for a moment: that it is low must be seen twice, `confirm_seconds`
        apart. To ease, every measure must have been better by `ease_margin` for `ease_seconds`, and each
        easing is one step. Whoever looks in between and finds otherwise starts either clock again.

        A deposit cannot lower the drawdown, since it counts only when a whole window is over, and stakers come and go
        with a delay; a withdrawal of capital raises it. HALTED is entered and left by people only.
"""

from snekmate.auth import ownable

from ..interfaces import IInsuranceFund
from ..lib import fixed_math
from ..lib import units
from . import system

uses: ownable

MIN_ADL_DRAWDOWN: constant(uint256) = 5 * 10**16
MIN_EASE_MARGIN: constant(uint256) = 10**16
MIN_CONFIRM_SECONDS: constant(uint256) = 60
MAX_CONFIRM_SECONDS: constant(uint256) = 86_400
MIN_EASE_SECONDS: constant(uint256) = 600
MAX_EASE_SECONDS: constant(uint256) = 604_800
MAX_CAUTION_MULTIPLIER: constant(uint256) = 2 * units.WAD

# Of the payout window's periods, the running one included: more than 8 hours, less than 12.
DRAWDOWN_PERIODS: constant(uint256) = 4


# What the fund's state is judged by. Shares, 18 decimals.
struct Reading:
    coverage: uint256
    drawdown: uint256
    is_exhausted: bool


terms: IInsuranceFund.ModeTerms
# Since when coverage was found too low for the present mode; since when all was found good enough for the next easier one. 0: it was not.
low_since: uint256
calm_since: uint256


@deploy
def __init__():
    """
    @notice Start with the ordinary terms
    """
    self._set_terms(
        IInsuranceFund.ModeTerms(
            caution_coverage=75 * 10**16,
            restricted_coverage=25 * 10**16,
            adl_drawdown=30 * 10**16,
            ease_margin=20 * 10**16,
            confirm_seconds=600,
            ease_seconds=3_600,
            caution_multiplier=125 * 10**16,
        )
    )


@external
def set_mode_terms(mode_terms: IInsuranceFund.ModeTerms):
    """
    @notice Set what the risk mode follows; only governance
    @dev The vault gets another multiplier with the next change of mode. Reverts "ownable: caller is not the owner",
         "fund: bad coverage bounds", "fund: bad drawdown", "fund: bad ease margin", "fund: bad mode times",
         "fund: bad multiplier"
    @param mode_terms New terms
    """
    ownable._check_owner()
    self._set_terms(mode_terms)


@external
@view
def mode_terms() -> IInsuranceFund.ModeTerms:
    """
    @notice What the risk mode follows
    """
    return self.terms


@internal
@view
def _judge(mode: uint256, reading: Reading) -> uint256:
    """
    @notice The mode that a state calls for; NORMAL to ADL
    @param mode The present mode: to get out of one it takes `ease_margin` more than to stay out of it
    @custom:rounding Bounds of coverage up, of drawdown down: the stricter way
    """
    t: IInsuranceFund.ModeTerms = self.terms
    if reading.is_exhausted or reading.drawdown >= self._drawdown_bound(mode):
        return system.ADL
    if reading.coverage < self._coverage_bound(t.restricted_coverage, mode >= system.RESTRICTED):
        return system.RESTRICTED
    if reading.coverage < self._coverage_bound(t.caution_coverage, mode >= system.CAUTION):
        return system.CAUTION
    return system.NORMAL


@internal
def _next(mode: uint256, reading: Reading) -> uint256:
    """
    @notice The mode to go to now, and the clocks moved
    @param mode The present mode, below HALTED
    """
    judged: uint256 = self._judge(mode, reading)
    if judged < mode:
        self._set_clocks(0, self._since(self.calm_since))
        if block.timestamp - self.calm_since < self.terms.ease_seconds:
            return mode
        # the next step waits as long again
        self._set_clocks(0, block.timestamp)
        return mode - 1
    if judged == mode:
        self._set_clocks(0, 0)
        return mode
    if judged != system.ADL:
        self._set_clocks(self._since(self.low_since), 0)
        if block.timestamp - self.low_since < self.terms.confirm_seconds:
            return mode
    self._set_clocks(0, 0)
    return judged


@internal
@view
def _multiplier(mode: uint256) -> uint256:
    """
    @notice Factor on margin rates in a mode, 18 decimals
    """
    return units.WAD if mode == system.NORMAL else self.terms.caution_multiplier


@internal
@view
def _coverage_bound(bound: uint256, is_easing: bool) -> uint256:
    if not is_easing:
        return bound
    return fixed_math._mul_div_up(bound, units.WAD + self.terms.ease_margin, units.WAD)


@internal
@view
def _drawdown_bound(mode: uint256) -> uint256:
    if mode < system.ADL:
        return self.terms.adl_drawdown
    return fixed_math._mul_div_down(
        self.terms.adl_drawdown, units.WAD - self.terms.ease_margin, units.WAD
    )


@internal
@view
def _since(time: uint256) -> uint256:
    return time if time != 0 else block.timestamp


@internal
def _set_clocks(low_since: uint256, calm_since: uint256):
    if self.low_since != low_since or self.calm_since != calm_since:
        self.low_since = low_since
        self.calm_since = calm_since
        log IInsuranceFund.ModeClocksSet(low_since=low_since, calm_since=calm_since)


@internal
def _set_terms(terms: IInsuranceFund.ModeTerms):
    assert (
        terms.restricted_coverage <= terms.caution_coverage
        and terms.caution_coverage <= units.WAD
    ), "fund: bad coverage bounds"
    assert (
        terms.adl_drawdown >= MIN_ADL_DRAWDOWN and terms.adl_drawdown <= units.WAD
    ), "fund: bad drawdown"
    assert (
        terms.ease_margin >= MIN_EASE_MARGIN and terms.ease_margin <= units.WAD
    ), "fund: bad ease margin"
    assert (
        terms.confirm_seconds >= MIN_CONFIRM_SECONDS
        and terms.confirm_seconds <= MAX_CONFIRM_SECONDS
        and terms.ease_seconds >= MIN_EASE_SECONDS
        and terms.ease_seconds <= MAX_EASE_SECONDS
    ), "fund: bad mode times"
    # in the vault's steps, or no mode could ever be set
    assert (
        terms.caution_multiplier >= units.WAD
        and terms.caution_multiplier <= MAX_CAUTION_MULTIPLIER
        and fixed_math._div_up(terms.caution_multiplier, units.FACTOR_STEP) * units.FACTOR_STEP
        == terms.caution_multiplier
    ), "fund: bad multiplier"
    old: IInsuranceFund.ModeTerms = self.terms
    self.terms = terms
    log IInsuranceFund.ModeTermsSet(old_terms=old, new_terms=terms)
