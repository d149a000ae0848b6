"""Arithmetic on ranges of integers: can a formula overflow 256 bits, whatever its arguments in their
ranges?"""

from dataclasses import dataclass
from typing import Any

LIMIT = 2**255 - 1


class Overflow(Exception):
    """A sum, product or dividend that may leave int256."""


@dataclass(frozen=True, eq=False)
class Span:
    """All integers from `least` to `most`. A comparison of spans may be true or false: it decides nothing."""

    least: int
    most: int

    def __post_init__(self) -> None:
        if self.least < -LIMIT or self.most > LIMIT:
            raise Overflow

    def __add__(self, other: Any) -> "Span":
        other = span(other)
        return Span(self.least + other.least, self.most + other.most)

    def __neg__(self) -> "Span":
        return Span(-self.most, -self.least)

    def __sub__(self, other: Any) -> "Span":
        return self + -span(other)

    def __mul__(self, other: Any) -> "Span":
        other = span(other)
        ends = [a * b for a in (self.least, self.most) for b in (other.least, other.most)]
        return Span(min(ends), max(ends))

    def __radd__(self, other: Any) -> "Span":
        return span(other) + self

    def __rsub__(self, other: Any) -> "Span":
        return span(other) - self

    def __rmul__(self, other: Any) -> "Span":
        return span(other) * self

    def _undecided(self, other: Any) -> bool:
        return True

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _undecided


def span(number: Any) -> Span:
    return number if isinstance(number, Span) else Span(number, number)


class Spans:
    """The arithmetic that proofs/formulas.py computes with."""

    def floor(self, a: Any, divisor: Any) -> Span:
        a, divisor = span(a), span(divisor)
        # signed division is written on magnitudes, raised by divisor - 1 where it rounds up
        if max(abs(a.least), abs(a.most)) + divisor.most > LIMIT:
            raise Overflow
        ends = [e // d for e in (a.least, a.most) for d in (divisor.least, divisor.most)]
        return Span(min(ends), max(ends))

    def ceil(self, a: Any, divisor: Any) -> Span:
        return -self.floor(-span(a), divisor)

    def choose(self, condition: Any, yes: Any, no: Any) -> Span:
        yes, no = span(yes), span(no)
        return Span(min(yes.least, no.least), max(yes.most, no.most))

    def both(self, *conditions: Any) -> bool:
        return True

    either = negation = both
