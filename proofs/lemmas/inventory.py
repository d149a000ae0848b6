"""The bankruptcy price, and what closing inventory at it leaves."""

from proofs import formulas as f
from proofs.formulas import MAX_PRICE, MIN_PRICE, RAY, WAD, Number
from proofs.lemmas.words import I112, I128, U104, U112
from proofs.prover import Book, lemma


def _inventory(book: Book, is_short: bool) -> tuple[Number, Number, Number, Number, Number, Number]:
    """An inventory that lacks something, its bankruptcy price unclamped; sizes are magnitudes."""
    ar = book.ar
    held = book.int("|S|", 1, U112)
    price = book.int("P", MIN_PRICE, MAX_PRICE)
    cash = book.int("c", -I128, I128)
    owed = ar.floor(held * price, WAD)
    notional = book.int("N", -I128, I128, near=cash + (-owed if is_short else owed))
    mark = book.int("mark", MIN_PRICE, MAX_PRICE, near=price)
    band = book.int("band", 0, WAD // 2)
    size = -held if is_short else held
    star = f.bankruptcy_price(ar, mark, size, notional, cash, band)
    return held, size, notional, cash, star, (cash - notional) * (1 if is_short else -1)


def _bankruptcy(name: str, is_short: bool) -> None:
    @lemma(
        f"P* leaves nothing, {name} inventory",
        "the whole inventory closed at P* (not clamped), equity is between 0 and |S| 1e-18 wei + 1, the "
        "deficit gone",
        "|S| < 2^112; N, c int128; P* inside the band and the legal prices",
    )
    def leaves_nothing(book: Book) -> None:
        held, size, notional, cash, star, owed = _inventory(book, is_short)
        ar = book.ar
        book.assume(owed >= 0)
        exact = ar.floor(owed * WAD, held) if is_short else ar.ceil(owed * WAD, held)
        book.assume(star == exact)
        closing = f.Closing(size_down=held, size_up=held, share=RAY, pot=0)
        # a short inventory is closed against longs, and the other way round
        size_after, notional_after = f.inventory_after_close(ar, not is_short, size, notional, closing, star)
        equity = cash - notional_after
        book.show(size_after == 0)
        book.show(f.inventory_equity(ar, size_after, notional_after, cash, star) == equity)
        book.show(equity >= 0)
        book.show(equity * WAD < held + WAD)

    @lemma(
        f"a piece closed at P, {name} inventory",
        "each generation closed costs the inventory, at P, at most 1 wei of quote and 1 wei of base",
        "sizes < 2^112, N int112, price < 2^104",
    )
    def piece(book: Book) -> None:
        ar = book.ar
        size, notional = book.int("S", -I112, I112), book.int("N", -I112, I112)
        q, closed = book.int("Q", 0, U112), book.int("closed", 0, RAY)
        price = book.int("P", 0, U104)
        closing = f.Closing(ar.floor(closed * q, RAY), ar.ceil(closed * q, RAY), closed, 0)
        after = f.inventory_after_close(ar, not is_short, size, notional, closing, price)
        book.times(price, closing.size_up, closing.size_down + 1)
        book.times(price, closing.size_down, closing.size_up)
        worth, worth_after = size * price - notional * WAD, after[0] * price - after[1] * WAD
        book.show(worth_after >= worth - price - WAD + 1)
        book.show(worth_after <= worth)


@lemma(
    "auction sale",
    "selling any part of an inventory at a discount of at most max(0, e) leaves its equity at least min(e, "
    "0)",
    "S, change int112; N, c int128; legal marks",
)
def auction_sale(book: Book) -> None:
    size, change = book.int("S", -I112, I112), book.int("change", -I112, I112)
    notional, cash = book.int("N", -I128, I128), book.int("c", -I128, I128)
    mark = book.int("mark", MIN_PRICE, MAX_PRICE)
    ar = book.ar
    equity = f.inventory_equity(ar, size, notional, cash, mark)
    discount = book.int("discount", 0, 2**240, near=f.positive_part(ar, equity))
    book.assume(discount <= f.positive_part(ar, equity))
    size_after, notional_after = f.auction_sale(ar, size, notional, mark, change, discount)
    after = f.inventory_equity(ar, size_after, notional_after, cash, mark)
    book.show(after >= equity - discount)
    book.show(after >= f.minimum(ar, equity, 0))


for _name, _is_short in [("long", False), ("short", True)]:
    _bankruptcy(_name, _is_short)
