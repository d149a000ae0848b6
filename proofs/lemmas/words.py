"""Integers of the ledger with the ranges of their packed fields, and what a member is exactly worth."""

from proofs.formulas import RAY, WAD, Cohort, Number
from proofs.prover import Book

U104, U112, U128 = 2**104 - 1, 2**112 - 1, 2**128 - 1
I112, I128, I160 = 2**111, 2**127, 2**159
FULL = "all values of the packed fields"


def cohort(book: Book, size: Number = None, notional: Number = None) -> Cohort:
    """A generation with any figures its words can hold."""
    return Cohort(
        size_sum=book.int("Q", 0, U112) if size is None else size,
        notional_sum=book.int("N", 0, U112) if notional is None else notional,
        a=book.int("A", 0, RAY),
        phi=book.int("PHI", -I160, I160 - 1),
        b=book.int("B", 0, RAY),
        c=book.int("C", -I160, I160 - 1),
        y=book.int("Y", 0, 2**96 - 1),
        x=book.int("X", -I160, I160 - 1),
    )


def member(book: Book, which: str = "") -> tuple[Number, Number]:
    """Size and notional with which a member joined."""
    return book.int(f"q{which}", 1, U112), book.int(f"n{which}", 0, U112)


def open_profit(c: Cohort, is_short: bool, size: Number, notional: Number, price: Number) -> Number:
    """Exact profit before the factor A, quote x 1e27; `price` has 27 decimals."""
    profit = size * (price - c.c) - notional * c.b
    return -profit if is_short else profit


def exact_pot(c: Cohort, is_short: bool, size: Number, notional: Number) -> Number:
    """Exact pot, quote x 1e27; rounding can make it negative."""
    pot = size * c.x - notional * c.y
    return -pot if is_short else pot


def exact_funding(c: Cohort, is_short: bool, size: Number, index: Number) -> Number:
    """Exact funding, quote x 1e27 x 1e18."""
    funding = size * (c.phi * WAD - index * c.a)
    return -funding if is_short else funding
