"""lib/price_tick.vy: ticks rise strictly, octave borders included."""

from proofs import formulas as f
from proofs.formulas import MAX_PRICE, MIN_PRICE, Ints, Number
from proofs.prover import Book, Turned, exhaustive, lemma

BITS = (6, 7)
FIELD = 2**14


def _ticks(bits: int) -> range:
    """Every tick of the field: prices from 2^bits to below 2^256."""
    last = f.tick_at(Ints(), 2**256 - 1, bits)
    return range(f.tick_at(Ints(), 1 << bits, bits), min(last + 1, FIELD))


@exhaustive(
    "tick borders",
    "low rises strictly; the price low(t) is in tick t and low(t) - 1 in t - 1; octave borders are ticks' "
    "borders",
    "every tick of the 14-bit field, 6 and 7 bits",
    wrong="the mantissa rounded up",
)
def borders(is_wrong: bool) -> bool:
    ar = Turned(Ints()) if is_wrong else Ints()
    for bits in BITS:
        ticks = _ticks(bits)
        for tick in ticks:
            here, above = f.low(tick, bits), f.low(tick + 1, bits)
            if not here < above or f.tick_at(ar, here, bits) != tick:
                return False
            if f.tick_at(ar, above - 1, bits) != tick:
                return False
            if not f.holds(tick, here, bits) or not f.holds(tick, above - 1, bits):
                return False
            if f.holds(tick, above, bits) or (here > 1 << bits and f.holds(tick, here - 1, bits)):
                return False
        for octave in range(bits, ticks[-1] >> bits):
            if f.low((octave + 1) << bits, bits) != 2 << octave:
                return False
    return True


@exhaustive(
    "legal ticks",
    "the ticks of all legal prices fit their field, are not 0, and the next one exists; at both ends no "
    "position whose entry had to be clamped can be wholly in profit at a legal price",
    "prices 1e12 to 1e30, 6 and 7 bits",
    wrong="legal prices up to 2^256",
)
def legal(is_wrong: bool) -> bool:
    for bits in BITS:
        first = f.tick_at(Ints(), MIN_PRICE, bits)
        last = f.tick_at(Ints(), 2**256 - 1 if is_wrong else MAX_PRICE, bits)
        if not 0 < first < last + 1 < FIELD:
            return False
        if not f.low(first, bits) < MIN_PRICE or not f.low(last + 1, bits) > MAX_PRICE:
            return False
    return True


def _octaves(bits: int) -> None:
    @lemma(
        f"price inside its tick, {bits} bits",
        "low(t) <= p < low(t + 1) for t = tick_at(p), and a higher price of the octave has no lower tick",
        "every price of every octave of the field, octave by octave",
        method="z3 int, one query an octave",
    )
    def inside(book: Book) -> None:
        first = 1 << bits
        last = min(256, FIELD >> bits)
        for octave in range(bits, last):
            price = book.int(f"p{octave}", 1 << octave, (2 << octave) - 1)
            other = book.int(f"p'{octave}", 1 << octave, (2 << octave) - 1)
            ticks = [_tick(book, p, bits, octave) for p in (price, other)]
            mantissa = ticks[0] - (octave << bits)
            shift = octave - bits
            # low(t) = (first + mantissa) << shift, also for the tick after the octave's last one
            book.show(book.ar.both(mantissa >= 0, mantissa < first))
            book.show((first + mantissa) * (1 << shift) <= price)
            book.show(price < (first + mantissa + 1) * (1 << shift))
            book.show(book.ar.either(price > other, ticks[0] <= ticks[1]))
            if hasattr(book, "facts"):
                book.facts.clear()  # the octaves have nothing to do with each other


def _tick(book: Book, price: Number, bits: int, octave: int) -> Number:
    class In:
        """The book's arithmetic, inside one octave."""

        floor = staticmethod(book.ar.floor)

        @staticmethod
        def octave(_: Number) -> int:
            return octave

    return f.tick_at(In(), price, bits)


for _bits in BITS:
    _octaves(_bits)
