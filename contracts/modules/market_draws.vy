# pragma version 0.4.3

"""
@title market_draws
@license AGPL-3.0-only
@author Lastline
@notice How much each market drew in its present episode. An episode begins with the first payment after the last
        one ended. It ends when claims come up that find the market quiet for 24 hours or more; nothing else
        gives draw back: not a claim that recovers, not a payment by other tiers, not time with claims open.

        The quiet clock starts when the market has drawn and is first known without claims: the vault reports
        none, or a payment covers all that it reported. Further reports of none leave the clock alone, so nobody
        can push it back; any report of open claims stops it.
"""

from ..interfaces import IInsuranceFund

QUIET_SECONDS: public(constant(uint256)) = 86_400


# All zero: no episode.
struct Draw:
    drawn: uint256
    start_reserve: uint256
    quiet_since: uint256


draws: HashMap[uint256, Draw]


@internal
def _report_no_claims(market: uint256):
    """
    @notice The market has no open claims
    """
    if self.draws[market].drawn != 0 and self.draws[market].quiet_since == 0:
        self._set_quiet_clock(market, block.timestamp)


@internal
def _report_claims(market: uint256, amount: uint256, reserve_before: uint256, is_all_paid: bool) -> Draw:
    """
    @notice The market has open claims, of which `amount` (token units, possibly 0) is paid now
    @param reserve_before Reserve and exposed pool before this payment, token units
    @param is_all_paid True if the payment covers all open claims
    @return The market's episode after it
    """
    if self._is_over(market):
        ended: uint256 = self.draws[market].drawn
        self.draws[market] = empty(Draw)
        log IInsuranceFund.EpisodeEnded(market=market, drawn=ended)
    if amount != 0:
        if self.draws[market].drawn == 0:
            self.draws[market].start_reserve = reserve_before
        self.draws[market].drawn += amount
    self._set_quiet_clock(market, block.timestamp if is_all_paid else 0)
    return self.draws[market]


@internal
@view
def _present(market: uint256, reserve: uint256) -> Draw:
    """
    @notice The episode as new claims would meet it now
    @param reserve Present reserve, token units: what an episode that begins now starts with
    """
    draw: Draw = self.draws[market]
    if self._is_over(market):
        draw = empty(Draw)
    if draw.drawn == 0:
        draw.start_reserve = reserve
    return draw


@internal
@view
def _is_over(market: uint256) -> bool:
    quiet_since: uint256 = self.draws[market].quiet_since
    return quiet_since != 0 and block.timestamp >= quiet_since + QUIET_SECONDS


@internal
def _set_quiet_clock(market: uint256, quiet_since: uint256):
    if self.draws[market].quiet_since != quiet_since:
        self.draws[market].quiet_since = quiet_since
        log IInsuranceFund.QuietClockSet(market=market, quiet_since=quiet_since)
