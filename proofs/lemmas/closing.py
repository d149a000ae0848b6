"""Closing a share of a generation: members, the inventory on the other side, funding."""

from proofs import formulas as f
from proofs.formulas import FACTOR_FLOOR, RAY, WAD, WAD_TO_RAY
from proofs.lemmas.cohorts import SIDES
from proofs.lemmas.words import (
    FULL,
    I112,
    U104,
    U112,
    cohort,
    exact_funding,
    exact_pot,
    member,
    open_profit,
)
from proofs.prover import Book, lemma


@lemma(
    "share that is closed",
    "0 <= A r <= A; base closed, rounded up, is at most the limit, unless the generation is closed "
    "completely: then at most 2^-40 of its first size (and one unit) beyond it",
    f"{FULL}; sum of sizes > 0",
    wrong="one step more is closed",
)
def closed_share(book: Book) -> None:
    size_sum, a = book.int("Q", 1, U112), book.int("A", 0, RAY)
    ar = book.ar
    limit = book.int("limit", 0, U112, near=ar.floor(size_sum * a, RAY))
    c = f.Cohort(size_sum, 0, a=a)
    closed = f.closed_share(ar, c, limit)
    if book.is_wrong:
        closed = f.minimum(ar, closed + 1, a)
    part = ar.floor(limit * RAY, size_sum)
    whole = ar.ceil(size_sum * a, RAY)
    # where only a part is closed, limit RAY < Q A, so part <= A
    part_or_less = ar.choose(whole > limit, part, 0)
    book.have(size_sum * part_or_less <= limit * RAY)
    book.have(size_sum * part_or_less < size_sum * a + size_sum)
    book.divide(size_sum, part_or_less, a)
    book.times(size_sum, part_or_less, a)
    book.show(ar.both(closed >= 0, closed <= a))
    up = ar.ceil(closed * size_sum, RAY)
    book.show(ar.either(closed == a, up <= limit))
    # closed completely beyond the limit: A - part < floor
    gap = ar.choose(ar.both(whole > limit, a - part < FACTOR_FLOOR), a - part, 0)
    book.times(size_sum, gap, FACTOR_FLOOR)
    book.show(up * RAY <= limit * RAY + size_sum * FACTOR_FLOOR + RAY)


def _closing(name: str, is_short: bool) -> None:
    def closed(book: Book, with_sums: bool = False):
        q, n = member(book)
        c = cohort(book)
        if with_sums:
            c = f.replace(c, size_sum=q, notional_sum=n)
        part = book.int("closed", 0, RAY, near=c.a)
        book.assume(part <= c.a)
        unit = WAD_TO_RAY
        price = book.int("P", 0, U104, near=book.ar.floor(c.c * q + n * c.b, q * unit))
        index = book.int("F", -I112, I112)
        after, closing = f.close_share(book.ar, c, is_short, part, price, index)
        gain = price * unit - c.c
        book.times(q, *_pair(not is_short, gain * part, (after.x - c.x) * RAY))
        book.times(n, *_pair(is_short, part * c.b, (after.y - c.y) * RAY))
        return q, n, c, part, price, index, after, closing

    @lemma(
        f"close pays at most the profit, {name}",
        "a member's pot grows by at most A r times its profit at P, counted from zero if rounding has put "
        "it below",
        f"{FULL}; price < 2^104",
    )
    def pays(book: Book) -> None:
        q, n, c, part, price, _, after, _ = closed(book)
        profit = open_profit(c, is_short, q, n, price * WAD_TO_RAY)
        before, pot = exact_pot(c, is_short, q, n), exact_pot(after, is_short, q, n)
        book.show((pot - before) * RAY <= part * profit)
        book.assume(profit >= 0)
        book.times(part, 0, profit)
        positive = [f.positive_part(book.ar, amount) for amount in (before, pot)]
        book.show((positive[1] - positive[0]) * RAY <= part * profit)

    @lemma(
        f"close loses little, {name}",
        "a member's pot grows by A r times its profit at P, less at most (q + n) 1e-27 quote",
        f"{FULL}; price < 2^104",
        wrong="X one step less",
    )
    def loses_little(book: Book) -> None:
        q, n, c, part, price, _, after, _ = closed(book)
        gain = price * WAD_TO_RAY - c.c
        step = RAY - 1
        if is_short:
            book.times(q, (after.x - c.x) * RAY, gain * part + step)
            book.times(n, part * c.b - step, (after.y - c.y) * RAY)
        else:
            book.times(q, gain * part - step, (after.x - c.x) * RAY)
            book.times(n, (after.y - c.y) * RAY, part * c.b + step)
        if book.is_wrong:
            after = f.replace(after, x=after.x + (1 if is_short else -1))
        profit = open_profit(c, is_short, q, n, price * WAD_TO_RAY)
        grown = exact_pot(after, is_short, q, n) - exact_pot(c, is_short, q, n)
        book.show(grown * RAY >= part * profit - (q + n) * step)

    @lemma(
        f"close conserves, {name}",
        "at any price p members and inventory together are worth no more after a close at P than before: "
        "what the members' exact worth gains the inventory loses, at least",
        f"{FULL}; p, P < 2^104",
    )
    def conserves(book: Book) -> None:
        q, n, c, part, price, _, after, closing = closed(book, with_sums=True)
        p = book.int("p", 0, U104)
        size, notional = book.int("S", -I112, I112), book.int("inventory N", -I112, I112)
        ar = book.ar
        size_after, notional_after = f.inventory_after_close(ar, is_short, size, notional, closing, price)
        # exact worth of all members at p, quote x RAY^2
        open_before = open_profit(c, is_short, q, n, p * WAD_TO_RAY)
        open_after = open_profit(after, is_short, q, n, p * WAD_TO_RAY)
        members = c.a * open_before + RAY * exact_pot(c, is_short, q, n)
        members_after = after.a * open_after + RAY * exact_pot(after, is_short, q, n)
        if is_short:
            book.times(p, part * q, closing.size_up * RAY)
            book.times(price, closing.size_down * RAY, part * q)
        else:
            book.times(p, closing.size_down * RAY, part * q)
            book.times(price, part * q, closing.size_up * RAY)
        inventory = size * p - notional * WAD
        inventory_after = size_after * p - notional_after * WAD
        scale = RAY * WAD_TO_RAY
        book.show(members_after + inventory_after * scale <= members + inventory * scale)

    @lemma(
        f"close keeps funding, {name}",
        "what a member has paid or got in funding does not rise by a close, exactly and as rounded",
        f"{FULL}; index int112",
    )
    def funding(book: Book) -> None:
        q, n, c, part, _, index, after, _ = closed(book)
        ar = book.ar
        moved = after.phi - c.phi
        book.times(q, *_pair(not is_short, -index * part, moved * WAD))
        book.show(exact_funding(after, is_short, q, index) <= exact_funding(c, is_short, q, index))
        rounded = ar.floor if is_short else ar.ceil
        per_base = [g.phi - rounded(index * g.a, WAD) for g in (c, after)]
        book.times(q, *_pair(not is_short, per_base[0], per_base[1]))
        before = f.member(ar, c, is_short, q, n, index).funding
        book.show(f.member(ar, after, is_short, q, n, index).funding <= before)


def _pair(is_below: bool, exact, rounded) -> tuple:
    """Smaller and larger of a number and what it was rounded to."""
    return (exact, rounded) if not is_below else (rounded, exact)


for _name, _is_short in SIDES:
    _closing(_name, _is_short)
