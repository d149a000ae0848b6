# pragma version 0.4.3

"""
@title payout_window
@license AGPL-3.0-only
@author Lastline
@notice What the fund paid in the last 24 hours, and how little it had to pay from.
        Time is cut into periods of three hours; a ring holds the last nine, the running one included. At time t
        in period k the window starts with period k - 8, so it holds every moment from t - 24 hours to t (both
        included) and at most three hours more. What is counted longer only makes the fund more careful.

        A plain bucket that leaks its own size in a day would let through twice its size in some 24 hours; here
        each payment meets the exact sum of its whole window. The price is that a budget returns not by the
        second but when its period leaves, 24 to 27 hours after it was used.

        The base is kept as the lowest *net inflow* (inflows less capital withdrawn = reserve + all ever paid) of
        each period. Less what had been paid before the window, that is the lowest reserve of the window with the
        window's own payouts left out: money that came in meanwhile does not raise it, capital that left lowers
        it at once, and paying in pieces allows exactly as much as paying at once.
@dev Layout of a ring word (low bits first): lowest net inflow 112 @0 | paid 112 @112 | period 32 @224.
     Entry `period % PERIODS`; an entry of an older period is stale and counts as nothing.
"""

from ..lib import fixed_math

PERIOD_SECONDS: public(constant(uint256)) = 10_800
PERIODS: public(constant(uint256)) = 9

AMOUNT_MASK: constant(uint256) = 2**112 - 1
PAID_OFFSET: constant(uint256) = 112
PERIOD_OFFSET: constant(uint256) = 224

ring: uint256[PERIODS]


@internal
def _record_net_inflow(net_before: uint256, net_after: uint256):
    """
    @notice Net inflow has moved, up or down
    @dev A fund without any money has no past: what then comes in counts at once.
         The one range check of the packed word: nothing in it is ever above net inflow.
         Reverts "fund: amount too large"
    """
    assert net_after <= AMOUNT_MASK, "fund: amount too large"
    lowest: uint256 = min(net_before, net_after)
    if net_before == 0:
        lowest = net_after
    self._write(lowest, 0)


@internal
def _record_payment(net_inflow: uint256, amount: uint256):
    """
    @notice Claims were paid; this leaves net inflow as it is
    """
    self._write(net_inflow, amount)


@internal
@view
def _read(net_inflow: uint256, total_paid: uint256, periods: uint256) -> (uint256, uint256):
    """
    @notice Base and payouts of a window that ends now
    @param net_inflow As it is now: no entry tells how long it has been like this
    @param total_paid All ever paid
    @param periods Length of the window, the running period included, at most PERIODS
    @return (base, paid), token units
    """
    lowest: uint256 = net_inflow
    paid: uint256 = 0
    for i: uint256 in range(PERIODS):
        word: uint256 = self.ring[i]
        if self._is_within(word, periods):
            lowest = min(lowest, word & AMOUNT_MASK)
            paid += (word >> PAID_OFFSET) & AMOUNT_MASK
    return lowest - (total_paid - paid), paid


@internal
def _write(lowest: uint256, amount: uint256):
    period: uint256 = self._period()
    word: uint256 = self.ring[period % PERIODS]
    low: uint256 = lowest
    paid: uint256 = amount
    if word >> PERIOD_OFFSET == period:
        low = min(low, word & AMOUNT_MASK)
        paid += (word >> PAID_OFFSET) & AMOUNT_MASK
    self.ring[period % PERIODS] = low | (paid << PAID_OFFSET) | (period << PERIOD_OFFSET)


@internal
@view
def _is_within(word: uint256, periods: uint256) -> bool:
    """
    @notice True if a ring word is of one of the last `periods`
    """
    return (word >> PERIOD_OFFSET) + periods > self._period()


@internal
@view
def _period() -> uint256:
    return fixed_math._mul_div_down(block.timestamp, 1, PERIOD_SECONDS)
