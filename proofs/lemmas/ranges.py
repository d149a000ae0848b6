"""No arithmetic of a cohort can overflow: the ranges its figures keep, and the formulas on these ranges."""

from proofs import formulas as f
from proofs.formulas import FACTOR_FLOOR, MAX_PRICE, RAY, WAD, WAD_TO_RAY
from proofs.lemmas.cohorts import SIDES
from proofs.lemmas.words import I112, U112
from proofs.prover import Book, exhaustive, lemma
from proofs.spans import Overflow, Span, Spans

HIGHEST = MAX_PRICE * WAD_TO_RAY
CLOSINGS = 2**64
MOST_FUNDING = I112 * (RAY // WAD)


def _ranges(name: str, is_short: bool) -> None:
    @lemma(
        f"figures stay in range, {name}",
        "0 <= B <= 1, 0 <= C <= highest price; |X|, Y and |PHI| are at most highest price, 1 and the highest "
        "index, each times 1 - A, plus 1e-27 for each close so far; closes and rounds keep this",
        "legal prices, f <= 1, index int112, any number of closes and rounds",
        wrong="prices above the highest",
    )
    def stay(book: Book) -> None:
        ar = book.ar
        c = f.Cohort(
            size_sum=0,
            notional_sum=0,
            a=book.int("A", 0, RAY),
            phi=book.int("PHI", -(2**159), 2**159 - 1),
            b=book.int("B", 0, RAY),
            c=book.int("C", 0, HIGHEST),
            y=book.int("Y", 0, 2**96 - 1),
            x=book.int("X", -(2**159), 2**159 - 1),
        )
        closes = book.int("closes", 0, CLOSINGS)
        price = book.int("P", 0, 2**104 - 1 if book.is_wrong else MAX_PRICE)
        share, part = book.int("share", 0, RAY), book.int("closed", 0, RAY, near=c.a)
        index = book.int("F", -I112, I112)
        book.assume(part <= c.a)

        def in_range(g: f.Cohort, count) -> None:
            taken = RAY - g.a
            yield ar.both(g.b >= 0, g.b <= RAY, g.c >= 0, g.c <= HIGHEST, g.y >= 0)
            for figure, most in ((g.x, HIGHEST), (-g.x, HIGHEST), (g.y, RAY)):
                yield figure * RAY <= most * taken + count * RAY
            for figure in (g.phi, -g.phi):
                yield figure * WAD <= I112 * taken + count * WAD

        for condition in in_range(c, closes):
            book.assume(condition)
        gain = price * WAD_TO_RAY - c.c
        if not book.is_wrong:
            book.times(part, gain, HIGHEST)
            book.times(part, -HIGHEST, gain)
            book.times(part, c.b, RAY)
            book.times(part, 0, c.b)
            book.times(part, index, I112)
            book.times(part, -I112, index)
        after, _ = f.close_share(ar, c, is_short, part, price, index)
        for condition in in_range(after, closes + 1):
            book.show(condition)
        if not book.is_wrong:
            kept = RAY - share
            for figure in (c.b, c.y):
                book.times(kept, 0, figure)
                book.times(figure, kept, RAY)
            book.times(kept, 0, c.c)
            book.times(kept, c.c, HIGHEST)
            book.times(share, 0, price)
            book.times(share, price, MAX_PRICE)
            positive, negative = f.positive_part(ar, c.x), f.positive_part(ar, -c.x)
            book.have(ar.either(c.x == positive, c.x == -negative))
            for size in (positive, negative):
                book.times(kept, 0, size)
                book.times(size, kept, RAY)
            book.have(ar.either(c.x < 0, ar.both(c.x * kept >= 0, c.x * kept <= c.x * RAY)))
            book.have(ar.either(c.x > 0, ar.both(c.x * kept <= 0, c.x * kept >= c.x * RAY)))
        after = f.round_step(ar, c, is_short, share, price * WAD_TO_RAY, True)
        for condition in in_range(after, closes):
            book.show(condition)


for _name, _is_short in SIDES:
    _ranges(_name, _is_short)


@exhaustive(
    "no overflow",
    "no sum, product or dividend of a cohort's, a batch's, a margin or a funding formula leaves 256 bits, "
    "and A, PHI, B, C, Y, X fit their fields: closes, rounds and settling cannot get stuck on arithmetic",
    "the ranges of `figures stay in range`, sizes and notionals < 2^112, index int112, legal prices",
    wrong="sizes and notionals of 128 bits",
    method="interval arithmetic",
)
def overflow(is_wrong: bool) -> bool:
    ar = Spans()
    size = Span(0, 2**128 - 1 if is_wrong else U112)
    price, index = Span(0, MAX_PRICE), Span(-I112, I112)
    part, tiny = Span(0, RAY), CLOSINGS
    c = f.Cohort(
        size_sum=size,
        notional_sum=size,
        a=part,
        phi=Span(-MOST_FUNDING - tiny, MOST_FUNDING + tiny),
        b=part,
        c=Span(0, HIGHEST),
        y=Span(0, RAY + tiny),
        x=Span(-HIGHEST - tiny, HIGHEST + tiny),
    )
    if c.y.most >= 2**96 or c.x.most >= 2**159 or c.phi.most >= 2**159:
        return False
    try:
        for is_short in (False, True):
            f.pot_of(ar, c, is_short)
            f.profit_at(ar, c, is_short, price * WAD_TO_RAY)
            f.is_in_profit(ar, c, is_short, price * 2, price * WAD_TO_RAY)
            f.member(ar, c, is_short, size, size, index)
            f.round_step(ar, c, is_short, part, price * WAD_TO_RAY, True)
            _, closing = f.close_share(ar, c, is_short, part, price, index)
            f.inventory_after_close(ar, is_short, index, index, closing, price)
        f.funding_joined(ar, index, index)
        f.funding_left(ar, index, index)
        f.batch_kept(ar, part, part)
        f.shares_worth(ar, Span(0, 2**104 - 1), part)
        f.shares_added(ar, Span(0, 2**127), Span(FACTOR_FLOOR, RAY))
        f.shares_burnt(ar, Span(0, 2**104 - 1), Span(FACTOR_FLOOR, RAY), Span(0, 2**127))
        f.rated_up(ar, Span(0, 2**188 - 1), Span(0, 2**67 - 1))
        f.round_share(ar, Span(0, 2**128 - 1), Span(1, 2**128 - 1))
        f.pots_after_round(ar, Span(0, 2**128 - 1), part)
    except Overflow:
        return False
    return True
