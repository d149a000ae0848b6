# pragma version 0.4.3

"""
@title premium
@license AGPL-3.0-only
@author Lastline
@notice How a market's premium becomes its basis and its funding rate. Shares have 18 decimals.
@dev What was observed stands until the next observation, but no longer than MAX_STANDING_SECONDS; from
     then on nothing is known and the premium counts as zero. Averages are exponential, so it does not
     matter how often they are looked at: e**(-a) e**(-b) = e**(-a - b), but for rounding.
"""

from snekmate.utils import math
from . import fixed_math
from . import packing
from . import units

# Funding rates are told per so many seconds, and the premium is averaged over them.
FUNDING_PERIOD: constant(uint256) = 28_800
# By so much per period, 18 decimals, the interest may pull a funding rate away from the premium.
FUNDING_DAMPER: constant(int256) = 5 * 10**14
# An observation stands for at most so many seconds.
MAX_STANDING_SECONDS: constant(uint256) = 600


@pure
def _clamped(worth: int256, limit: uint256) -> int256:
    """
    @notice The number nearest to `worth` within +-`limit`
    """
    most: int256 = convert(limit, int256)
    return min(max(worth, -most), most)


@pure
def _observed(perpetual: uint256, index: uint256, clamp: uint256) -> int256:
    """
    @notice Premium of a perpetual's price over the index, share of the index, within the clamp
    @custom:rounding Toward zero
    """
    distance: int256 = convert(perpetual, int256) - convert(index, int256)
    premium: int256 = fixed_math._signed_mul_div_toward_zero(distance, units.WAD, index)
    return self._stepped(self._clamped(premium, clamp))


@pure
def _stepped(share: int256) -> int256:
    """
    @notice What can be stored of a share
    @custom:rounding Toward zero
    """
    steps: int256 = fixed_math._signed_mul_div_toward_zero(share, 1, packing.PREMIUM_STEP)
    return steps * convert(packing.PREMIUM_STEP, int256)


@pure
def _mark(index: uint256, basis: int256) -> uint256:
    """
    @notice The index and the basis
    @custom:rounding Toward the index
    """
    return convert(
        convert(index, int256) + fixed_math._signed_mul_div_toward_zero(basis, index, units.WAD), uint256
    )


@pure
def _rate(average: int256, terms: packing.FundingTerms) -> int256:
    """
    @notice Funding rate per period: the premium, drawn towards the interest by at most the damper, within the clamp
    """
    pull: int256 = min(max(terms.interest_rate - average, -FUNDING_DAMPER), FUNDING_DAMPER)
    return self._clamped(average + pull, terms.funding_clamp)


@pure
def _rate_per_second(average: int256, terms: packing.FundingTerms) -> int256:
    """
    @custom:rounding Toward zero
    """
    return fixed_math._signed_mul_div_toward_zero(self._rate(average, terms), 1, FUNDING_PERIOD)


@pure
def _settled(state: packing.Premium, terms: packing.FundingTerms, now: uint256) -> packing.Premium:
    """
    @notice The state at `now`, had nothing been observed since
    """
    elapsed: uint256 = now - state.observed_at
    standing: uint256 = min(elapsed, MAX_STANDING_SECONDS)
    out: packing.Premium = self._moved(state, terms, standing)
    if elapsed > standing:
        out.premium = 0
        out = self._moved(out, terms, unsafe_sub(elapsed, standing))
    out.observed_at = now
    return out


@pure
def _moved(state: packing.Premium, terms: packing.FundingTerms, elapsed: uint256) -> packing.Premium:
    """
    @notice The averages after the premium has stood for `elapsed`, and the rate that was in force meanwhile added up
    @dev The rate is that of the mean of the average over these seconds: exact unless it passes a kink of `_rate` in them,
         and then wrong by less than the way the average goes
    @custom:rounding Averages toward the premium, the rate's sum down
    """
    out: packing.Premium = state
    if elapsed == 0:
        return out
    mean: int256 = state.average
    if state.basis != state.premium:
        share: uint256 = self._remaining(elapsed, terms.basis_window)
        out.basis = self._approached(state.basis, state.premium, share)
    if state.average != state.premium:
        share: uint256 = self._remaining(elapsed, FUNDING_PERIOD)
        out.average = self._approached(state.average, state.premium, share)
        mean = state.premium + fixed_math._signed_mul_div_toward_zero(
            state.average - state.premium, (units.WAD - share) * FUNDING_PERIOD, elapsed * units.WAD
        )
    out.rate_sum += fixed_math._signed_mul_div_floor(
        self._rate(mean, terms), elapsed, FUNDING_PERIOD
    )
    return out


@pure
def _remaining(elapsed: uint256, window: uint256) -> uint256:
    """
    @notice e**(-elapsed / window)
    """
    # Beyond 42 windows the answer has no digits left.
    windows: uint256 = fixed_math._mul_div_down(min(elapsed, 64 * window), units.WAD, window)
    return convert(math._wad_exp(-convert(windows, int256)), uint256)


@pure
def _approached(start: int256, goal: int256, share: uint256) -> int256:
    """
    @notice `goal`, but for the share of the way that is left
    """
    return goal + self._stepped(
        fixed_math._signed_mul_div_toward_zero(start - goal, share, units.WAD)
    )
