"""lib/fixed_math.vy: the directions of division, and what joining and leaving does to stored cash."""

from proofs import formulas as f
from proofs.formulas import WAD, Number
from proofs.lemmas.words import I112, I128, U112, U128
from proofs.prover import Book, lemma


@lemma(
    "unsigned division up",
    "(a b + d - 1) // d is the least integer not below a b / d",
    "a, b, d < 2^128",
    wrong="raised by d instead of d - 1",
)
def unsigned_up(book: Book) -> None:
    a, b = book.int("a", 0, U128), book.int("b", 0, U128)
    d = book.int("d", 1, U128)
    up = book.ar.floor(a * b + d, d) if book.is_wrong else f.mul_div_up(book.ar, a, b, d)
    book.show(up * d >= a * b)
    book.show(up * d <= a * b + d - 1)


def _signed(book: Book) -> tuple[Number, Number, Number]:
    a, b = book.int("a", -I128, I128), book.int("b", 0, U128)
    d = book.int("d", 1, U128)
    return a, b, d


@lemma(
    "signed division down",
    "written on magnitudes, it is the greatest integer not above a b / d, whatever the sign",
    "|a| <= 2^127; b, d < 2^128",
)
def signed_floor(book: Book) -> None:
    a, b, d = _signed(book)
    down = f.signed_mul_div_floor(book.ar, a, b, d)
    book.show(book.ar.either(a < 0, book.ar.both(down * d <= a * b, a * b < down * d + d)))
    book.show(book.ar.either(a >= 0, book.ar.both(down * d <= a * b, a * b < down * d + d)))


@lemma(
    "signed division up",
    "written on magnitudes, it is the least integer not below a b / d, whatever the sign",
    "|a| <= 2^127; b, d < 2^128",
)
def signed_ceil(book: Book) -> None:
    a, b, d = _signed(book)
    up = f.signed_mul_div_ceil(book.ar, a, b, d)
    book.show(book.ar.either(a < 0, book.ar.both(up * d >= a * b, up * d < a * b + d)))
    book.show(book.ar.either(a >= 0, book.ar.both(up * d >= a * b, up * d < a * b + d)))


@lemma(
    "join, then leave",
    "stored cash gets floor(F0 q) at joining and loses ceil(F1 q) at leaving: never more than (F0 - F1) q",
    "funding indices int112, size int112; with F0 = F1: 0 or 1 wei is lost, none gained",
)
def join_and_leave(book: Book) -> None:
    joined, left = book.int("F0", -I112, I112), book.int("F1", -I112, I112)
    size = book.int("q", -U112, U112)
    credit = f.funding_joined(book.ar, joined, size) - f.funding_left(book.ar, left, size)
    book.show(credit * WAD <= (joined - left) * size)
    book.show(credit * WAD >= (joined - left) * size - 2 * WAD + 2)
    again = f.funding_joined(book.ar, joined, size) - f.funding_left(book.ar, joined, size)
    book.show(again <= 0)
    book.show(again >= -1)


@lemma(
    "funding is paid by somebody",
    "if receivers' sizes and the stored open interest are not above the payers', payers pay at least what "
    "receivers and the fund get",
    "mark < 2^104, rate x seconds <= 1, sums of exact sizes < 2^112; always so when shorts pay",
)
def funding_conserves(book: Book) -> None:
    mark, rate = book.int("mark", 1, 2**104 - 1), book.int("rate x seconds", 0, WAD)
    share = book.int("fund share", 0, WAD)
    payers = book.int("payers", 0, U112)
    receivers, stored = book.int("receivers", 0, U112), book.int("open interest", 0, U112)
    book.assume(receivers <= payers)
    book.assume(stored <= payers)
    paid, received, credited = f.funding_step(book.ar, mark, rate, share, stored)
    book.have(received * WAD <= paid * (WAD - share))
    book.times(paid, WAD - share, WAD)
    book.times(received, receivers, payers)
    book.times(paid - received, stored, payers)
    book.show(payers * paid >= receivers * received + credited * WAD)


@lemma(
    "funding with more receivers",
    "where rounding has left receivers x above payers (wei of base), receivers and the fund get at most "
    "paid * x more than payers pay",
    "mark < 2^104, rate x seconds <= 1, sums of exact sizes and x < 2^112",
    wrong="no more",
)
def funding_conserves_nearly(book: Book) -> None:
    mark, rate = book.int("mark", 1, 2**104 - 1), book.int("rate x seconds", 0, WAD)
    share = book.int("fund share", 0, WAD)
    payers, extra = book.int("payers", 0, U112), book.int("x", 0, 100 if book.is_wrong else U112)
    receivers, stored = (
        book.int("receivers", 0, U112, near=payers + extra),
        book.int("open interest", 0, U112),
    )
    book.assume(receivers <= payers + extra)
    book.assume(stored <= payers)
    paid, received, credited = f.funding_step(book.ar, mark, rate, share, stored)
    book.have(received * WAD <= paid * (WAD - share))
    book.times(paid, WAD - share, WAD)
    book.times(received, receivers, payers + extra)
    book.times(extra, received, paid)
    book.times(paid - received, stored, payers)
    book.show(payers * paid + (0 if book.is_wrong else extra * paid) >= receivers * received + credited * WAD)
