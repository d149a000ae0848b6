"""Rounds: what a share f of every profit takes of members, and what the inventory is credited for it."""

from proofs import formulas as f
from proofs.formulas import RAY, WAD
from proofs.lemmas.cohorts import SIDES
from proofs.lemmas.words import (
    FULL,
    U104,
    U112,
    U128,
    cohort,
    exact_pot,
    member,
    open_profit,
)
from proofs.prover import Book, lemma


def _rounds(name: str, is_short: bool) -> None:
    def charged(book: Book):
        """A member of a generation before and after a round it is charged in, and the round."""
        q, n = member(book)
        c = cohort(book)
        price = book.int("price", 0, U104 * f.WAD_TO_RAY, near=c.c + book.ar.floor(n * c.b, q))
        share = book.int("share", 0, RAY)
        after = f.round_step(book.ar, c, is_short, share, price, True)
        for size, new, exact in (
            (n, after.b, c.b * (RAY - share)),
            (q, after.c, c.c * (RAY - share) + price * share),
            (q, after.x, c.x * (RAY - share)),
            (n, after.y, c.y * (RAY - share)),
        ):
            book.times(size, new * RAY, exact + RAY - 1)
            book.times(size, exact - RAY + 1, new * RAY)
            if (new is after.x) != is_short:
                book.times(size, new * RAY, exact)
            else:
                book.times(size, exact, new * RAY)
        return q, n, c, after, price, share

    @lemma(
        f"round takes its share, {name}",
        "a member's open profit and pot after a round are at most (1 - f) of what they were",
        f"{FULL}, any A, sums included; price < 2^104, f <= 1",
    )
    def takes_share(book: Book) -> None:
        q, n, c, after, price, share = charged(book)
        kept = RAY - share
        before = open_profit(c, is_short, q, n, price)
        book.show(open_profit(after, is_short, q, n, price) * RAY <= kept * before)
        book.show(exact_pot(after, is_short, q, n) * RAY <= kept * exact_pot(c, is_short, q, n))

    @lemma(
        f"round takes no more, {name}",
        "beyond f of the profit a round takes less than (q + n) 1e-27 quote, of the pot too: a profit "
        "stays a profit up to that, after any number of rounds (a generation not in profit is not charged); "
        "what rounding took before shrinks like the profit, so n rounds of f lose min(n, 1 / f) times that",
        f"{FULL}, any A; price < 2^104, f <= 1; at most 1.1e7 wei of quote for the largest member",
        wrong="B or C one step further",
    )
    def takes_no_more(book: Book) -> None:
        q, n, c, after, price, share = charged(book)
        kept = RAY - share
        before = open_profit(c, is_short, q, n, price)
        step = (q + n) * (RAY - 1)
        if book.is_wrong:
            extra = -1 if is_short else 1
            after = f.replace(after, b=after.b + extra, c=after.c + extra)
        book.show(open_profit(after, is_short, q, n, price) * RAY >= kept * before - step)
        book.show(exact_pot(after, is_short, q, n) * RAY >= kept * exact_pot(c, is_short, q, n) - step)
        # less than exact by any amount before: by (1 - f) of it and the step after
        exact, less = book.int("exact", -(2**255), 2**255, near=before), book.int("less", 0, 2**255)
        book.assume(before >= exact - less)
        book.times(kept, exact - less, before)
        book.show(open_profit(after, is_short, q, n, price) * RAY >= kept * exact - kept * less - step)
        book.assume(before >= 0)
        book.times(kept, 0, before)
        book.show(open_profit(after, is_short, q, n, price) >= -(q + n) + (1 if book.is_wrong else 0))

    @lemma(
        f"round collects what it credits, {name}",
        "the open profit a round takes of a generation is at least f times what the scan counted of it",
        f"{FULL}; price < 2^104, f <= 1",
    )
    def collects(book: Book) -> None:
        c = cohort(book)
        q, n = c.size_sum, c.notional_sum
        price = book.int("price", 0, U104 * f.WAD_TO_RAY, near=c.c + c.b)
        share = book.int("share", 0, RAY)
        ar = book.ar
        after = f.round_step(ar, c, is_short, share, price, True)
        before = open_profit(c, is_short, q, n, price)
        book.assume(before >= 0)  # wholly in profit: the scan counts nothing else
        left = open_profit(after, is_short, q, n, price)
        book.times(n, *_pair(is_short, c.b * (RAY - share), after.b * RAY))
        book.times(q, *_pair(is_short, c.c * (RAY - share) + price * share, after.c * RAY))
        book.times(c.a, left * RAY, (RAY - share) * before)
        counted = f.profit_at(ar, c, is_short, price)
        positive = f.positive_part(ar, before)
        book.times(c.a, ar.floor(positive, RAY) * RAY, positive)
        book.have(counted * RAY * RAY <= c.a * before)
        book.times(share, counted * RAY * RAY, c.a * before)
        book.show(c.a * (before - left) >= share * counted * RAY)

    @lemma(
        f"entries move against their owners, {name}",
        "the tick's bound, as the test for profit sees it, only gets worse for the members: a tick not in "
        "profit by its own prices holds no generation that is, and walks may stop there",
        f"{FULL}; bound and price < 2^104",
    )
    def against(book: Book) -> None:
        c = cohort(book)
        ar = book.ar
        edge, share = book.int("edge", 1, U104), book.int("share", 0, RAY)
        rounded = ar.floor if is_short else ar.ceil
        bound = rounded(c.b * edge, WAD)
        price = book.int("price", 0, U104 * f.WAD_TO_RAY, near=bound + c.c)
        book.assume(f.is_in_profit(ar, c, is_short, edge, price))
        after = f.round_step(ar, c, is_short, share, price, True)
        book.times(edge, *_pair(is_short, c.b * (RAY - share), after.b * RAY))
        book.times(share, *_pair(not is_short, price * WAD, c.b * edge + c.c * WAD))
        bound_after = rounded(after.b * edge, WAD)
        if is_short:
            book.show(bound_after + after.c <= bound + c.c)
        else:
            book.show(bound_after + after.c >= bound + c.c)


def _pair(is_short: bool, exact, rounded) -> tuple:
    """Smaller and larger of a number and what it was rounded to: down for shorts, up for longs."""
    return (rounded, exact) if is_short else (exact, rounded)


for _name, _is_short in SIDES:
    _rounds(_name, _is_short)


@lemma(
    "share of a round",
    "f times what was found pays min(deficit, found), and at most 1e-27 of what was found beyond it; f <= 1",
    "deficit and reachable profit < 2^128",
)
def share(book: Book) -> None:
    deficit = book.int("deficit", 1, U128)
    found = book.int("reachable", 1, U128)
    part = f.round_share(book.ar, deficit, found)
    book.show(part <= RAY)
    book.times(found, part, RAY)
    credited = f.minimum(book.ar, deficit, found)
    book.show(part * found >= credited * RAY)
    book.show(part * found < credited * RAY + found)


def _slack(book: Book):
    """The vault's slack V, exact pots of all members and the market's figure, V >= max(0, figure - pots)."""
    pots = book.int("pots x RAY", 0, U128 * RAY)
    figure = book.int("figure", 0, U128, near=book.ar.floor(pots, RAY))
    slack = book.int("V x RAY", 0, U128 * RAY, near=figure * RAY - pots)
    book.assume(slack >= figure * RAY - pots)
    return pots, figure, slack


@lemma(
    "pots in a round",
    "V >= max(0, figure - exact pots) survives a round: crediting f of the figure never overdraws the vault",
    "sums of pots < 2^128; V what the vault holds beyond all claims; members' part: `round takes its share`",
)
def pots_round(book: Book) -> None:
    pots, figure, slack = _slack(book)
    share = book.int("share", 0, RAY)
    rest = book.int("pots after x RAY", 0, U128 * RAY, near=book.ar.floor(pots * (RAY - share), RAY) - 1)
    book.assume(rest * RAY <= (RAY - share) * pots)
    after = f.pots_after_round(book.ar, figure, share)
    # x RAY: members lose pots - rest, the inventory is credited share * figure
    slack_after = (slack + pots - rest) * RAY - share * figure * RAY
    book.times(share, figure * RAY - pots, slack)
    book.times(slack, share, RAY)
    book.show(slack_after >= 0)
    book.show(slack_after >= (after * RAY - rest) * RAY)


@lemma(
    "pots when a cohort closes",
    "V >= max(0, figure - exact pots) survives a close: the figure grows by less than the profit closed",
    "sums of pots < 2^128; members' part: `close pays at most the profit`",
    wrong="the figure grows by 2 more",
)
def pots_close(book: Book) -> None:
    pots, figure, slack = _slack(book)
    profit = book.int("profit x RAY^2", 0, U128 * RAY * RAY)
    gained = book.int("pots gained x RAY", 0, U128 * RAY, near=book.ar.floor(profit, RAY))
    book.assume(gained * RAY <= profit)
    own = book.int("cohort x RAY", -U112, U128 * RAY)
    own_after = book.int("cohort after x RAY", -U112, U128 * RAY, near=own + book.ar.floor(profit, RAY))
    book.assume((own_after - own) * RAY <= profit)
    ar = book.ar
    before = f.positive_part(ar, ar.floor(own, RAY))
    grown = f.saturating_sub(ar, f.positive_part(ar, ar.floor(own_after, RAY)), before + 1)
    if book.is_wrong:
        grown = grown + 2
    book.show(grown * RAY * RAY <= profit)
    slack_after = slack * RAY + profit - gained * RAY
    book.show(slack_after >= 0)
    book.show(slack_after >= ((figure + grown) * RAY - pots - gained) * RAY)


@lemma(
    "pots when a member leaves",
    "V >= max(0, figure - exact pots) survives a member that leaves with its pot, whatever becomes of its "
    "position",
    "sums of pots < 2^128; a pot of any size, not below zero",
    wrong="the figure keeps what the rest of the notional eats",
)
def pots_leave(book: Book) -> None:
    pots, figure, slack = _slack(book)
    own = book.int("member x RAY", 0, U128 * RAY, near=pots)
    book.assume(own <= pots)
    pot = f.positive_part(book.ar, book.ar.floor(own, RAY))
    after = f.pot_after_leaving(book.ar, figure, f.positive_part(book.ar, pot - 2) if book.is_wrong else pot)
    # the member gets its pot rounded down
    slack_after = slack + own - pot * RAY
    book.show(slack_after >= 0)
    book.show(slack_after >= after * RAY - (pots - own))


@lemma(
    "figure of pots in a round",
    "a round puts the market's figure of pots by at most (Q + N) 1e-27 quote further above the exact ones: "
    "Q, N the sums of all members that have pots",
    "X, Y any; figure above the exact pots by any amount before (one cohort; sums are linear)",
    wrong="never above",
)
def figure_of_pots(book: Book) -> None:
    q, n = member(book)
    c = f.Cohort(q, n, a=0, x=book.int("X", 0, 2**100), y=book.int("Y", 0, RAY))
    above = book.int("above x RAY", 0, U128)
    share = book.int("share", 0, RAY)
    ar = book.ar
    own = exact_pot(c, False, q, n)
    figure = book.int("figure", 0, U128, near=ar.floor(own, RAY))
    book.assume(figure * RAY <= own + above)
    kept = RAY - share
    after = f.round_step(ar, c, False, share, 0, False)
    book.times(q, c.x * kept - RAY + 1, after.x * RAY)
    book.times(n, after.y * RAY, c.y * kept + RAY - 1)
    book.times(kept, figure * RAY, own + above)
    book.times(above, kept, RAY)
    rest = f.pots_after_round(ar, figure, share) * RAY - exact_pot(after, False, q, n)
    book.show(rest <= above + (0 if book.is_wrong else q + n))
