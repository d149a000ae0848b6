"""modules/maturity.vy: shares of a batch when profit is booked, a loss eats it, a round charges it."""

from proofs import formulas as f
from proofs.formulas import FACTOR_FLOOR, RAY, STEP
from proofs.lemmas.words import U112
from proofs.prover import Book, lemma

U104 = 2**104 - 1
LIVE = "shares < 2^104, H in [2^-40, 1]"


@lemma(
    "profit booked",
    "the new shares at H and the fine rest are together at most the profit",
    f"{LIVE}, profit < 2^112",
)
def booked(book: Book) -> None:
    kept, profit = book.int("H", FACTOR_FLOOR, RAY), book.int("profit", 0, U112)
    shares, fine = f.shares_added(book.ar, profit, kept)
    book.show(shares * kept * STEP + fine * RAY <= profit * RAY)
    book.show(fine >= 0)


@lemma(
    "profit booked at H = 1",
    "before any round nothing is lost in booking a profit: shares and rest are the profit",
    "profit < 2^112",
    wrong="the shares one fewer",
)
def booked_exactly(book: Book) -> None:
    profit = book.int("profit", 0, U112)
    shares, fine = f.shares_added(book.ar, profit, RAY)
    if book.is_wrong:
        shares = shares - 1
    book.show(f.shares_worth(book.ar, shares, RAY) + fine == profit)


def _burn(book: Book):
    kept, shares = book.int("H", FACTOR_FLOOR, RAY), book.int("shares", 0, U104)
    loss = book.int("loss", 0, U112, near=book.ar.floor(shares * kept * STEP, RAY))
    return kept, shares, loss, *f.shares_burnt(book.ar, shares, kept, loss)


def _bound(book: Book, kept, shares, loss) -> None:
    """A loss below what the shares are worth burns no more shares than there are."""
    ar = book.ar
    up = ar.ceil(loss * RAY, kept * STEP)
    smaller = ar.choose(f.shares_worth(ar, shares, kept) > loss, up, 0)
    book.have(smaller * kept * STEP < shares * kept * STEP + kept * STEP)
    book.divide(kept * STEP, smaller, shares)


@lemma(
    "loss eats maturing profit",
    "the loss forgiven is at most what the burnt shares are worth, and no more shares burn than there are",
    f"{LIVE}, loss < 2^112",
)
def burnt(book: Book) -> None:
    kept, shares, loss, burned, left = _burn(book)
    _bound(book, kept, shares, loss)
    book.show((loss - left) * RAY <= burned * kept * STEP)
    book.show(book.ar.both(burned >= 0, burned <= shares, left >= 0, left <= loss))


@lemma(
    "burning loses little",
    "the burnt shares' exact worth is less than one step of 1e-9 quote above the loss forgiven; the worth "
    "shown, which is rounded, falls by the loss within one step less and two more",
    f"{LIVE}, loss < 2^112",
    wrong="the worth shown falls by at least the loss, and by less than 1 step more",
)
def burns_little(book: Book) -> None:
    kept, shares, loss, burned, left = _burn(book)
    _bound(book, kept, shares, loss)
    ar = book.ar
    book.show(burned * kept * STEP < (loss - left + STEP) * RAY)
    worth, rest = f.shares_worth(ar, shares, kept), f.shares_worth(ar, shares - burned, kept)
    book.show(worth - rest > loss - left - (0 if book.is_wrong else STEP))
    book.show(worth - rest < loss - left + (1 if book.is_wrong else 2) * STEP)


@lemma(
    "burning before any round",
    "at H = 1 a loss lowers the worth shown by the loss and less than one step of 1e-9 quote",
    "shares < 2^104, loss < 2^112",
    wrong="by exactly the loss",
)
def burns_at_one(book: Book) -> None:
    shares, loss = book.int("shares", 0, U104), book.int("loss", 0, U112)
    ar = book.ar
    burned, left = f.shares_burnt(ar, shares, RAY, loss)
    lost = f.shares_worth(ar, shares, RAY) - f.shares_worth(ar, shares - burned, RAY)
    book.show(lost >= loss - left)
    book.show(lost < loss - left + (1 if book.is_wrong else STEP))


@lemma(
    "profit booked, as shown",
    "the worth shown and cash rise by the profit, within one step of 1e-9 quote",
    f"{LIVE}, profit < 2^112",
    wrong="by the profit at least",
)
def booked_as_shown(book: Book) -> None:
    kept, profit = book.int("H", FACTOR_FLOOR, RAY), book.int("profit", 0, U112)
    shares = book.int("shares", 0, U104)
    ar = book.ar
    added, fine = f.shares_added(ar, profit, kept)
    gain = f.shares_worth(ar, shares + added, kept) - f.shares_worth(ar, shares, kept) + fine
    book.show(gain >= profit - (0 if book.is_wrong else STEP))
    book.show(gain <= profit + STEP)


@lemma(
    "judged, then booked",
    "the equity shown after a profit or loss is booked is less than 2e-9 quote below cash + pnl + maturing "
    "profit, by which a take-over is judged; shares in both batches",
    f"{LIVE} of either batch, |pnl| < 2^112",
    wrong="at most 1e-9 below",
)
def judged_then_booked(book: Book) -> None:
    m = f.Maturing(
        book.int("current", 0, U104),
        book.int("previous", 0, U104),
        book.int("H", FACTOR_FLOOR, RAY),
        book.int("H previous", FACTOR_FLOOR, RAY),
    )
    ar = book.ar
    worth = f.maturing_worth(ar, m)
    steps = book.int("pnl in steps", -U112 // STEP, U112 // STEP, near=-ar.floor(worth, 2 * STEP))
    pnl = steps * STEP + book.int("and wei", 0, STEP - 1)
    after, cash = f.realised(ar, m, pnl)
    book.show(f.maturing_worth(ar, after) - worth + cash > pnl - (STEP + 1 if book.is_wrong else 2 * STEP))


@lemma(
    "shares of a batch",
    "what owners' shares are worth, each rounded down, is together at most what all shares are",
    LIVE,
)
def owners(book: Book) -> None:
    kept = book.int("H", FACTOR_FLOOR, RAY)
    one, two = book.int("one", 0, U104), book.int("two", 0, U104)
    ar = book.ar
    parts = f.shares_worth(ar, one, kept) + f.shares_worth(ar, two, kept)
    book.show(parts <= f.shares_worth(ar, one + two, kept))
    book.show(f.shares_worth(ar, one + two, kept) * RAY <= (one + two) * kept * STEP)


@lemma(
    "round takes its share of a batch",
    "a round lowers the exact worth of a batch by at least f times what was counted of it",
    f"{LIVE}, f <= 1",
)
def charged(book: Book) -> None:
    kept, share = book.int("H", FACTOR_FLOOR, RAY), book.int("share", 0, RAY)
    shares = book.int("shares", 0, U104)
    after = f.batch_kept(book.ar, kept, share)
    counted = f.shares_worth(book.ar, shares, kept)
    book.times(shares * STEP, after * RAY, kept * (RAY - share))
    book.times(share, counted * RAY, shares * kept * STEP)
    book.show(shares * STEP * (kept - after) * RAY >= share * counted * RAY)


@lemma(
    "charged batch, owner",
    "an owner's shares are worth at most (1 - f) of their exact worth before, and 0 <= H' <= H",
    f"{LIVE}, f <= 1",
)
def charged_owner(book: Book) -> None:
    kept, share = book.int("H", FACTOR_FLOOR, RAY), book.int("share", 0, RAY)
    shares = book.int("shares", 0, U104)
    after = f.batch_kept(book.ar, kept, share)
    book.times(shares * STEP, after * RAY, kept * (RAY - share))
    worth = f.shares_worth(book.ar, shares, after)
    book.show(worth * RAY * RAY <= shares * kept * STEP * (RAY - share))
    book.times(kept, RAY - share, RAY)
    book.times(kept, 0, RAY - share)
    book.show(book.ar.both(after >= 0, after <= kept))
