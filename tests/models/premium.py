"""Basis and funding rate of a market as the specification says, exact to 78 digits (vyper's context).

Shares are plain numbers (0.01 is one per cent), rates are per 8 hours, `rate_sum` is in rates per second.
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import vyper.utils  # noqa: F401

FUNDING_PERIOD = 28_800
DAMPER = Decimal("0.0005")
MAX_STANDING = 600


def clamped(worth: Decimal, limit: Decimal) -> Decimal:
    return min(max(worth, -limit), limit)


@dataclass
class Premium:
    now: int
    window: int
    clamp: Decimal
    interest: Decimal
    funding_clamp: Decimal
    premium: Decimal = Decimal(0)
    basis: Decimal = Decimal(0)
    average: Decimal = Decimal(0)
    rate_sum: Decimal = Decimal(0)
    # What taking each stretch's mean average may cost the sum of rates: seconds times the way it went.
    rate_slack: Decimal = Decimal(0)

    def rate(self, average: Decimal) -> Decimal:
        return clamped(average + clamped(self.interest - average, DAMPER), self.funding_clamp)

    def pass_to(self, now: int) -> None:
        """What was last observed stands for 600 seconds; after that nothing is known."""
        elapsed = now - self.now
        standing = min(elapsed, MAX_STANDING)
        self._stretch(standing)
        if elapsed > standing:
            self.premium = Decimal(0)
            self._stretch(elapsed - standing)
        self.now = now

    def observe(self, now: int, premium: Decimal | None) -> None:
        """None: there is no usable price of the perpetual."""
        self.pass_to(now)
        self.premium = Decimal(0) if premium is None else clamped(premium, self.clamp)

    def _stretch(self, seconds: int) -> None:
        if not seconds:
            return
        start, goal = self.average, self.premium
        end = goal + (start - goal) * (-Decimal(seconds) / FUNDING_PERIOD).exp()
        self.rate_sum += self._integral(start, end, seconds) / FUNDING_PERIOD
        if any(min(start, end) < kink < max(start, end) for kink in self._kinks()):
            self.rate_slack += abs(end - start) * seconds / FUNDING_PERIOD
        self.average = end
        self.basis = goal + (self.basis - goal) * (-Decimal(seconds) / self.window).exp()

    def _kinks(self) -> list[Decimal]:
        cap = self.funding_clamp
        return [self.interest - DAMPER, self.interest + DAMPER, cap + DAMPER, -cap - DAMPER]

    def _integral(self, start: Decimal, end: Decimal, seconds: int) -> Decimal:
        """Of the rate while the average goes from `start` to `end`: between two kinks the rate is a line."""
        goal = self.premium
        if start == goal:
            return self.rate(start) * seconds
        low, high = min(start, end), max(start, end)
        stops = sorted((k for k in self._kinks() if low < k < high), reverse=start > end)
        points = [start, *stops, end]
        total = Decimal(0)
        for a, b in pairwise(points):
            # goal + (a - goal) e^(-t / T) reaches b after
            time = ((a - goal) / (b - goal)).ln() * FUNDING_PERIOD
            # and its own integral until then is
            area = goal * time + (a - b) * FUNDING_PERIOD
            slope = (self.rate(b) - self.rate(a)) / (b - a)
            total += self.rate(a) * time + slope * (area - a * time)
        return total
