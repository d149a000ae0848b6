"""modules/cohorts.vy: what members have, and that together they have no more than their generation."""

from proofs import formulas as f
from proofs.formulas import RAY, WAD
from proofs.lemmas.words import (
    FULL,
    I112,
    U104,
    cohort,
    exact_funding,
    exact_pot,
    member,
    open_profit,
)
from proofs.prover import Book, lemma

SIDES = [("long", False), ("short", True)]


def _sums(name: str, is_short: bool) -> None:
    @lemma(
        f"sum of members, {name}",
        "two members' signed sizes, funding and pots are together at most, notionals at least, those of one "
        "member with both; so by induction for any number of members, at any price",
        f"{FULL}; price < 2^104",
    )
    def sums(book: Book) -> None:
        q1, n1 = member(book, "1")
        q2, n2 = member(book, "2")
        c = cohort(book, q1 + q2, n1 + n2)
        index, price = book.int("F", -I112, I112), book.int("price", 0, U104)
        ar = book.ar
        one, two = f.member(ar, c, is_short, q1, n1, index), f.member(ar, c, is_short, q2, n2, index)
        all_ = f.member(ar, c, is_short, c.size_sum, c.notional_sum, index)
        rounded = ar.floor if is_short else ar.ceil
        inner = [rounded(n * c.b + c.c * q, RAY) for q, n in ((q1, n1), (q2, n2), (q1 + q2, n1 + n2))]
        if is_short:
            book.times(c.a, inner[0] + inner[1], inner[2])
        else:
            book.times(c.a, inner[2], inner[0] + inner[1])
        book.show(one.size + two.size <= all_.size)
        book.show(one.notional + two.notional >= all_.notional)
        book.show(one.funding + two.funding <= all_.funding)
        book.times(price, one.size + two.size, all_.size)
        book.show(
            price * (one.size + two.size) - WAD * (one.notional + two.notional)
            <= price * all_.size - WAD * all_.notional
        )
        pots = [ar.floor(exact_pot(c, is_short, q, n), RAY) for q, n in ((q1, n1), (q2, n2))]
        book.show(pots[0] + pots[1] <= ar.floor(exact_pot(c, is_short, q1 + q2, n1 + n2), RAY))

    @lemma(
        f"member within its exact share, {name}",
        "size <= A q, notional >= A (B n + C q), pot <= max(0, q X - n Y), funding <= q (PHI - A F), signed",
        FULL,
    )
    def exact(book: Book) -> None:
        q, n = member(book)
        c = cohort(book)
        index = book.int("F", -I112, I112)
        ar = book.ar
        m = f.member(ar, c, is_short, q, n, index)
        sign = -1 if is_short else 1
        inner = (ar.floor if is_short else ar.ceil)(n * c.b + c.c * q, RAY)
        book.times(c.a, *sorted_by(is_short, n * c.b + c.c * q, inner * RAY))
        book.show(m.size * RAY <= sign * q * c.a)
        book.show(m.size * RAY > sign * q * c.a - RAY)
        book.show(m.notional * RAY * RAY >= sign * c.a * (n * c.b + c.c * q))
        pot = exact_pot(c, is_short, q, n)
        book.show(ar.either(ar.both(pot < 0, m.pot == 0), m.pot * RAY <= pot))
        per_base = c.phi - (ar.floor if is_short else ar.ceil)(index * c.a, WAD)
        book.times(q, *sorted_by(is_short, per_base * WAD, c.phi * WAD - index * c.a))
        book.show(m.funding * RAY * WAD <= exact_funding(c, is_short, q, index))

    @lemma(
        f"settling loses little, {name}",
        "against its exact share a member has less than 2 wei of notional more, less than 1 wei of pot less, "
        "less than 1 wei and q 1e-27 quote of funding less (size: `member within its exact share`)",
        FULL,
        wrong="funding by less than 1 wei",
    )
    def loses_little(book: Book) -> None:
        q, n = member(book)
        c = cohort(book)
        index = book.int("F", -I112, I112)
        ar = book.ar
        m = f.member(ar, c, is_short, q, n, index)
        scaled = n * c.b + c.c * q
        inner = (ar.floor if is_short else ar.ceil)(scaled, RAY)
        step = RAY - 1
        book.times(c.a, *sorted_by(not is_short, scaled + (-step if is_short else step), inner * RAY))
        sign = -1 if is_short else 1
        book.have(m.notional * RAY * RAY < sign * c.a * scaled + c.a * RAY + RAY * RAY)
        book.show(m.notional * RAY * RAY < sign * c.a * scaled + 2 * RAY * RAY)
        book.show(m.pot * RAY > exact_pot(c, is_short, q, n) - RAY)
        per_base = c.phi - (ar.floor if is_short else ar.ceil)(index * c.a, WAD)
        exact = c.phi * WAD - index * c.a
        book.times(q, *sorted_by(is_short, exact + (WAD if is_short else -WAD), per_base * WAD))
        digits = 0 if book.is_wrong else q
        book.show(m.funding * RAY * WAD > exact_funding(c, is_short, q, index) - (digits + RAY) * WAD)

    @lemma(
        f"untouched generation, {name}",
        "with A = B = 1 and the rest 0 a member has exactly what it joined with, less ceil(F q) of funding",
        "size, notional < 2^112, index int112",
        wrong="B one step above 1",
    )
    def untouched(book: Book) -> None:
        q, n = member(book)
        index = book.int("F", -I112, I112)
        sign = -1 if is_short else 1
        c = f.Cohort(q, n, b=RAY + 1 if book.is_wrong else RAY)
        m = f.member(book.ar, c, is_short, q, n, index)
        book.show(m.size == sign * q)
        book.show(m.notional == sign * n)
        book.show(m.pot == 0)
        book.show(m.funding == -f.funding_left(book.ar, index, sign * q))

    @lemma(
        f"wholly in profit, {name}",
        "if the tick's bound, moved as the entries have moved, is in profit at a price, every member of "
        "the tick is, and so is their sum",
        f"{FULL}; bound and price < 2^104",
    )
    def in_profit(book: Book) -> None:
        q, n = member(book)
        c = cohort(book)
        ar = book.ar
        edge = book.int("edge", 1, U104, near=ar.floor(n * WAD, q))
        bound = (ar.floor if is_short else ar.ceil)(c.b * edge, WAD)
        price = book.int("price", 0, U104 * f.WAD_TO_RAY, near=bound + c.c)
        if is_short:
            book.assume(q * edge <= n * WAD)
            book.times(c.b, q * edge, n * WAD)
            book.times(q, bound * WAD, c.b * edge)
            book.assume(f.is_in_profit(ar, c, is_short, edge, price))
            book.times(q, price, bound + c.c)
        else:
            book.assume(n * WAD <= q * edge)
            book.times(c.b, n * WAD, q * edge)
            book.times(q, c.b * edge, bound * WAD)
            book.assume(f.is_in_profit(ar, c, is_short, edge, price))
            book.times(q, bound + c.c, price)
        book.show(open_profit(c, is_short, q, n, price) >= 0)

    @lemma(
        f"reachable profit, {name}",
        "what a round counts of a generation is at most the exact open profit A (P - entries), and 0 in loss",
        f"{FULL}; price < 2^104",
    )
    def reachable(book: Book) -> None:
        c = cohort(book)
        price = book.int("price", 0, U104 * f.WAD_TO_RAY)
        ar = book.ar
        profit = open_profit(c, is_short, c.size_sum, c.notional_sum, price)
        positive = f.positive_part(ar, profit)
        book.times(c.a, ar.floor(positive, RAY) * RAY, positive)
        counted = f.profit_at(ar, c, is_short, price)
        book.show(counted * RAY * RAY <= c.a * positive)


def sorted_by(is_short: bool, exact, rounded) -> tuple:
    """Smaller and larger of a number and what it was rounded to: down for shorts, up for longs."""
    return (rounded, exact) if is_short else (exact, rounded)


for _name, _is_short in SIDES:
    _sums(_name, _is_short)


@lemma(
    "pots of members",
    "members' pots together are at most the cohort's and 1 wei, and what rounding has put pots below zero: "
    "(q + n) 1e-27 quote for each close or round",
    "X, Y any that have seen k closes and rounds (`close loses little`, `round takes no more`), long",
    wrong="never above the cohort's",
)
def pots_of_members(book: Book) -> None:
    q1, n1 = member(book, "1")
    q2, n2 = member(book, "2")
    c = f.Cohort(q1 + q2, n1 + n2, x=book.int("X", 0, 2**100), y=book.int("Y", 0, RAY))
    k = book.int("k", 1, 2**64)
    pots = [f.member(book.ar, c, False, q, n, 0).pot for q, n in ((q1, n1), (q2, n2))]
    book.assume(q1 * c.x - n1 * c.y >= -(q1 + n1) * k)
    book.assume(q2 * c.x - n2 * c.y >= -(q2 + n2) * k)
    book.times(q1 + n1, 0, k)
    book.times(q2 + n2, 0, k)
    slack = 0 if book.is_wrong else RAY + (c.size_sum + c.notional_sum) * k
    book.show((pots[0] + pots[1]) * RAY <= f.pot_of(book.ar, c, False) * RAY + slack)


def _flags(name: str, is_short: bool) -> None:
    @lemma(
        f"figures a flag leaves out, {name}",
        "what is not stored is untouched: closes leave B = 1, C = 0; rounds leave A = 1, PHI = X = Y = 0, "
        "and B and C if the generation is not in profit",
        f"{FULL}; sums included",
        wrong="B one step above 1",
    )
    def flags(book: Book) -> None:
        c = cohort(book)
        ar = book.ar
        share, part = book.int("share", 0, RAY), book.int("closed", 0, RAY, near=c.a)
        price, index = book.int("P", 0, U104), book.int("F", -I112, I112)
        book.assume(part <= c.a)
        uncharged = f.replace(c, b=RAY + 1 if book.is_wrong else RAY, c=0)
        after, _ = f.close_share(ar, uncharged, is_short, part, price, index)
        rounded = f.round_step(ar, uncharged, is_short, share, price * f.WAD_TO_RAY, False)
        for g in (after, rounded):
            book.show(ar.both(g.b == RAY, g.c == 0))
        unclosed = f.replace(c, a=RAY, phi=0, x=0, y=0)
        after = f.round_step(ar, unclosed, is_short, share, price * f.WAD_TO_RAY, True)
        book.show(ar.both(after.a == RAY, after.phi == 0, after.x == 0, after.y == 0))


for _name, _is_short in SIDES:
    _flags(_name, _is_short)
