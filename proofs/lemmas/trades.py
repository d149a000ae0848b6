"""modules/positions.vy: one account's trade, entry prices, open interest."""

from proofs import formulas as f
from proofs.formulas import RAY, WAD, Number
from proofs.lemmas.words import I112, I128, U104, U112
from proofs.prover import Book, lemma


@lemma(
    "a trade conserves",
    "size + change = size after, notional + cost + pnl = notional after: adding, closing, changing sides",
    "size, change int112; notional, cost int128",
    wrong="the profit of a closing trade off by one",
)
def trade_conserves(book: Book) -> None:
    size, change = book.int("size", -I112, I112), book.int("change", -I112, I112)
    notional, cost = book.int("notional", -I128, I128), book.int("cost", -I128, I128)
    book.assume(book.ar.either(size != 0, notional == 0))
    after, kept, pnl = f.traded(book.ar, size, notional, change, cost)
    if book.is_wrong:
        pnl = book.ar.choose(pnl == 0, 0, pnl + 1)
    book.show(after == size + change)
    book.show(kept == notional + cost + pnl)


@lemma(
    "a part keeps its part",
    "of a position partly closed, the notional kept is the exact share, rounded up by less than 1 wei",
    "size < 2^112, notional int112",
)
def part_kept(book: Book) -> None:
    held, rest = book.int("held", 1, U112), book.int("rest", 0, U112)
    notional = book.int("notional", -U112, U112)
    book.assume(rest <= held)
    kept = f.notional_kept(book.ar, notional, rest, held)
    book.show(kept * held >= notional * rest)
    book.show(kept * held < notional * rest + held)


@lemma(
    "buyer and seller",
    "of one fill, what the buyer pays (rounded up) is at least what the seller gets (rounded down)",
    "size < 2^112, price < 2^104",
)
def two_sides(book: Book) -> None:
    size, price = book.int("size", 0, U112), book.int("price", 0, U104)
    book.show(book.ar.ceil(size * price, WAD) >= book.ar.floor(size * price, WAD))
    book.show(book.ar.ceil(size * price, WAD) <= book.ar.floor(size * price, WAD) + 1)


@lemma(
    "entry inside its tick",
    "a tick that holds floor(n / q) bounds the member: q low <= n < q high (n, q exact, prices not rounded)",
    "size, notional < 2^112; entry within the legal prices",
    wrong="the tick of an entry price rounded up",
)
def entry_in_tick(book: Book) -> None:
    q, n = book.int("q", 1, U112), book.int("n", 0, U112)
    entry = book.ar.ceil(n * WAD, q) if book.is_wrong else book.ar.floor(n * WAD, q)
    low = book.int("low", 1, U104, near=entry)
    high = book.int("high", 1, U104, near=entry + 1)
    book.assume(book.ar.both(low <= entry, entry < high))
    book.times(q, low, entry)
    book.times(q, entry + 1, high)
    book.show(q * low <= n * WAD)
    book.show(n * WAD < q * high)


def _settle(book: Book) -> tuple[Number, Number, Number, Number]:
    q, a = book.int("q", 0, U112), book.int("A", 0, RAY)
    others = book.int("others", 0, U112 * RAY)
    stored = book.int("open interest", 0, U112, near=book.ar.floor(others + q * a, RAY))
    book.assume(stored * RAY <= others + q * a)
    return q, a, others, stored


@lemma(
    "open interest: a long settles",
    "stored open interest not above the exact total of longs (sum of A q) stays so when a member settles",
    "all sums < 2^112",
    wrong="without the one that is taken off in addition",
)
def open_interest_settle(book: Book) -> None:
    q, a, others, stored = _settle(book)
    size = book.ar.floor(q * a, RAY)
    if book.is_wrong:
        after = f.saturating_sub(book.ar, stored, size + 0) + size
    else:
        after = f.open_interest_settled(book.ar, stored, size)
    book.show(after * RAY <= others + size * RAY)
    book.show(after >= stored - 1)


@lemma(
    "open interest: a cohort closes",
    "stored open interest not above the exact total of longs stays so when a share of a long cohort is "
    "closed",
    "all sums < 2^112",
)
def open_interest_close(book: Book) -> None:
    size_sum, a, closed = book.int("Q", 1, U112), book.int("A", 0, RAY), book.int("closed", 0, RAY)
    others = book.int("others", 0, U112 * RAY)
    stored = book.int("open interest", 0, U112, near=book.ar.floor(others + size_sum * a, RAY))
    book.assume(closed <= a)
    book.assume(stored * RAY <= others + size_sum * a)
    book.times(size_sum, closed, a)
    after = f.saturating_sub(book.ar, stored, book.ar.ceil(closed * size_sum, RAY))
    book.show(after * RAY <= others + size_sum * (a - closed))


@lemma(
    "open interest and rounded members",
    "if the stored open interest is not above the exact total, it is above the sum of the members' own, "
    "rounded sizes by less than 1 wei a member (two at a time, so any number)",
    "all sums < 2^112",
    wrong="never above",
)
def open_interest_of_members(book: Book) -> None:
    first, second = book.int("q1", 1, U112), book.int("q2", 1, U112)
    a, others = book.int("A", 0, RAY), book.int("others", 0, U112)
    count = book.int("number of others", 0, 2**64)
    ar = book.ar
    exact = (first + second) * a + others * RAY + count * (RAY - 1)
    stored = book.int("open interest", 0, U112, near=ar.floor(exact, RAY))
    book.assume(stored * RAY <= exact)
    sizes = [ar.floor(q * a, RAY) for q in (first, second)]
    # others: their rounded sizes, each less than 1 wei below its exact one
    book.show(stored <= sizes[0] + sizes[1] + others + (0 if book.is_wrong else count + 1))
