"""lib/margin_math.vy: maintenance margin is the highest of its lines, rising and convex."""

from itertools import pairwise

from proofs import formulas as f
from proofs.formulas import WAD, Number
from proofs.lemmas.words import U128
from proofs.prover import Book, lemma

LINES = 8
MOST_RATE = WAD // 2
MOST_DEDUCTION = (2**40 - 1) * WAD
RANGE = "notional < 2^128, rates <= 50 %, deductions < 2^40 quote, as market_config allows"


def _pair(book: Book) -> tuple[Number, Number, Number]:
    """Two neighbouring lines' differences: rate, deduction; and a notional."""
    notional = book.int("notional", 0, U128)
    rate = book.int("rate", 1, MOST_RATE)
    rise = book.int("rise", 1, MOST_RATE)
    return notional, rate, rise


@lemma(
    "border of a line",
    "a line is taken exactly where it asks at least as much as the one before, up to the rounding up of both",
    RANGE,
    wrong="taken from one deduction's wei earlier",
)
def border(book: Book) -> None:
    notional, rate, rise = _pair(book)
    deduction, step = book.int("deduction", 0, MOST_DEDUCTION), book.int("step", 1, MOST_DEDUCTION)
    takes = f.takes_next_line(
        notional, rate, deduction, rate + rise, deduction + step - (1 if book.is_wrong else 0)
    )
    one = f.line(book.ar, notional, rate, deduction)
    two = f.line(book.ar, notional, rate + rise, deduction + step)
    book.show(book.ar.either(book.ar.negation(takes), two >= one))
    book.show(book.ar.either(takes, two <= one))


@lemma(
    "borders rise",
    "where a line is not taken, the next one would not be either: the search may stop",
    f"{RANGE}; step x last rise > last step x rise, as market_config demands",
    wrong="the borders may fall",
)
def borders_rise(book: Book) -> None:
    notional, rate, rise = _pair(book)
    deduction, step = book.int("deduction", 0, MOST_DEDUCTION), book.int("step", 1, MOST_DEDUCTION)
    next_rise, next_step = book.int("next rise", 1, MOST_RATE), book.int("next step", 1, MOST_DEDUCTION)
    if not book.is_wrong:
        book.assume(next_step * rise > step * next_rise)
    second = (rate + rise, deduction + step)
    third = (rate + rise + next_rise, deduction + step + next_step)
    book.assume(book.ar.negation(f.takes_next_line(notional, rate, deduction, *second)))
    book.times(next_rise, notional * rise, step * WAD)
    # notional next_rise rise <= WAD step next_rise < WAD next_step rise
    book.have(rise * (notional * next_rise) < rise * (next_step * WAD))
    book.divide(rise, notional * next_rise + 1, next_step * WAD)
    book.show(book.ar.negation(f.takes_next_line(notional, *second, *third)))


@lemma(
    "margin is the highest line",
    "stopping at the first line that is not taken gives the maximum over all lines, whichever of 8 it "
    "stops at",
    f"{RANGE}; with `borders rise`",
    wrong="stopping one line too early",
)
def highest(book: Book) -> None:
    notional = book.int("notional", 0, U128)
    rates, deductions = [book.int("rate 1", 1, MOST_RATE)], [0]
    for n in range(2, LINES + 1):
        rates.append(rates[-1] + book.int(f"rise {n}", 1, MOST_RATE))
        deductions.append(deductions[-1] + book.int(f"step {n}", 1, MOST_DEDUCTION))
    lines = list(zip(rates, deductions, strict=True))
    asks = [f.line(book.ar, notional, *one) for one in lines]
    takes = [f.takes_next_line(notional, *one, *two) for one, two in pairwise(lines)]
    for earlier, later in pairwise(takes):
        book.assume(book.ar.either(earlier, book.ar.negation(later)))  # `borders rise`
    chosen = asks[-1]
    for take, ask in reversed(list(zip(takes, asks, strict=False))):
        chosen = book.ar.choose(take, chosen, ask)
    if book.is_wrong:
        chosen = book.ar.choose(takes[0], asks[0], chosen)
    for ask in asks:
        book.show(chosen >= ask)


@lemma(
    "margin is monotone",
    "a larger position needs at least as much margin, and at most 1 wei more for each wei and line step",
    f"{RANGE}; for every line, so for the highest",
    wrong="the deduction grows with the position",
)
def monotone(book: Book) -> None:
    notional, more = book.int("notional", 0, U128), book.int("more", 0, U128)
    rate, deduction = book.int("rate", 1, MOST_RATE), book.int("deduction", 0, MOST_DEDUCTION)
    book.times(more, 0, rate)
    book.times(more, 2 * rate, WAD)
    before = f.line(book.ar, notional, rate, deduction)
    after = f.line(book.ar, notional + more, rate, deduction + (more if book.is_wrong else 0))
    book.show(after >= before)
    book.show(2 * (after - before) <= more + 2)


@lemma(
    "margin is convex",
    "of a position cut down to v2 of v the margin is at most its share, v2 / v, rounded up: MM2 v < MM v2 "
    "+ v",
    f"{RANGE}; MM2 is the line highest at v2, MM at least that line at v (`margin is the highest line`)",
    wrong="the position is enlarged",
)
def convex(book: Book) -> None:
    value, less = book.int("v", 1, U128), book.int("less", 0, U128)
    rate, deduction = book.int("rate", 1, MOST_RATE), book.int("deduction", 0, MOST_DEDUCTION)
    if not book.is_wrong:
        book.assume(less <= value)
    value_after = value + less if book.is_wrong else value - less
    after = f.line(book.ar, value_after, rate, deduction)
    before = f.line(book.ar, value, rate, deduction)
    margin = book.int("MM", 0, U128, near=before)
    book.assume(margin >= before)
    book.times(value, after * WAD, value_after * rate - deduction * WAD + WAD - 1)
    book.times(value_after, value * rate - deduction * WAD, margin * WAD)
    book.times(deduction, value_after, value)
    book.show(after * value < margin * value_after + value)
