"""modules/liquidation.vy: the cost bound kappa keeps health from falling."""

from proofs import formulas as f
from proofs.formulas import KAPPA_GUARD, WAD, Number, Truth
from proofs.lemmas.words import U112
from proofs.prover import Book, lemma

U120 = 2**120 - 1
MOST_MULTIPLIER = 10 * WAD
MOST_SLOPE = WAD // 2


class Scene:
    """An unhealthy account, its position in one market, and how much of it is taken over."""

    def __init__(self, book: Book, is_long: bool):
        ar = self.ar = book.ar
        self.held, self.mark = book.int("q", 1, U112), book.int("mark", f.MIN_PRICE, f.MAX_PRICE)
        self.taken = book.int("s", 1, U112, near=self.held)
        self.value = ar.ceil(self.held * self.mark, WAD)
        self.value_after = ar.ceil((self.held - self.taken) * self.mark, WAD)
        rate = book.int("rate", 1, WAD // 2)
        self.multiplier = book.int("multiplier", WAD, MOST_MULTIPLIER)
        # margin of the position before and after: any that is convex (lemma `margin is convex`)
        self.line = book.int("line margin", 0, U120, near=ar.ceil(self.value * rate, WAD))
        self.line_after = book.int("line margin after", 0, U120, near=ar.ceil(self.value_after * rate, WAD))
        self.margin = ar.ceil(self.line * self.multiplier, WAD)
        self.margin_after = ar.ceil(self.line_after * self.multiplier, WAD)
        self.elsewhere = book.int("other margin", 0, U120)
        self.maintenance = self.margin + self.elsewhere
        self.equity = book.int("E", 0, U120, near=ar.floor(self.maintenance, 2))
        slope, fund_share = book.int("slope", 0, MOST_SLOPE), book.int("fund share", 0, WAD)
        book.assume(self.taken <= self.held)
        book.assume(self.line_after * self.value < self.line * self.value_after + self.value)
        book.assume(self.line <= self.value)
        book.assume(ar.both(self.maintenance >= 1, self.equity < self.maintenance))
        self.health = f.health_of(ar, self.equity, self.maintenance)
        self.kappa = f.cost_rate(ar, self.health, self.margin, self.value, slope)
        self.terms = f.terms_of_take_over(ar, is_long, self.taken, self.mark, self.kappa, fund_share)
        self.fund_share = fund_share
        # Judged is cash + pnl - fee + maturing profit as before + the rest's open profit. A trade conserves
        # notional + pnl + cost (lemma `a trade conserves`), so this moves by what the position was worth less
        # what is left, the trade's cost and the fee.
        self.worth = f.worth_at(ar, is_long, self.held, self.mark)
        self.worth_after = f.worth_at(ar, is_long, self.held - self.taken, self.mark)
        self.cost = f.cost_of_take_over(ar, is_long, self.taken, self.terms.price)
        self.equity_after = self.equity + self.worth_after - self.worth - self.cost - self.terms.fee
        self.maintenance_after = self.elsewhere + self.margin_after

    def is_not_less_healthy(self, equity_after: Number) -> Truth:
        """As margin._is_not_less_healthy."""
        return equity_after * self.maintenance >= self.equity * self.maintenance_after


def _bound(book: Book, s: Scene) -> None:
    """kappa >= 1: (kappa + guard) V MM <= E MM_m WAD."""
    ar = book.ar
    inner = ar.floor(s.health * s.margin, WAD)
    limit = ar.floor(inner * WAD, s.value)
    book.have(s.kappa + KAPPA_GUARD <= limit)
    one = book.times(s.maintenance, limit * s.value, s.health * s.margin)
    two = book.times(s.margin, s.health * s.maintenance, s.equity * WAD)
    book.times(s.value, 0, s.maintenance)
    three = book.times(s.value * s.maintenance, s.kappa + KAPPA_GUARD, limit)
    book.have((s.kappa + KAPPA_GUARD) * s.value * s.maintenance <= s.equity * s.margin * WAD, one, two, three)


def _loss(book: Book, s: Scene) -> Number:
    """What the account loses: at most s mark kappa / WAD^2 and 2 wei."""
    ar = book.ar
    fund_rate = ar.floor(s.kappa * s.fund_share, WAD)
    discount = ar.floor(s.mark * (s.kappa - fund_rate), WAD)
    one = book.times(s.taken, discount * WAD, s.mark * (s.kappa - fund_rate))
    two = book.times(fund_rate, ar.floor(s.taken * s.mark, WAD) * WAD, s.taken * s.mark)
    loss = s.equity - s.equity_after
    three = book.have(loss * WAD <= s.taken * discount + s.terms.fee * WAD + 2 * WAD)
    four = book.have(s.terms.fee * WAD <= ar.floor(s.taken * s.mark, WAD) * fund_rate)
    book.have(loss * WAD * WAD <= s.taken * s.mark * s.kappa + 2 * WAD * WAD, one, two, three, four)
    return loss


def _released(book: Book, s: Scene) -> None:
    """q MM_m2 WAD <= (q - s) MM_m WAD + q (2 multiplier + WAD): margin falls with size, up to rounding."""
    rest = s.held - s.taken
    q, mu = s.held, s.multiplier
    one = book.times(q, s.value_after * WAD, rest * s.mark + WAD)
    two = book.times(rest, q * s.mark, s.value * WAD)
    book.have(q * s.value_after <= rest * s.value + q, one, two)
    book.times(q, s.line_after * s.value, s.line * s.value_after + s.value)
    book.times(s.line, q * s.value_after, rest * s.value + q)
    book.times(q, s.line, s.value)
    book.divide(s.value, q * s.line_after, rest * s.line + 2 * q)
    one = book.times(mu, q * s.line_after, rest * s.line + 2 * q)
    two = book.times(rest, s.line * mu, s.margin * WAD)
    three = book.times(q, s.margin_after * WAD, s.line_after * mu + WAD)
    book.have(q * s.margin_after * WAD <= rest * s.margin * WAD + 2 * mu * q + q * WAD, one, two, three)


def _compared(book: Book, s: Scene) -> None:
    """E MM2 <= E2 MM: bound, loss and released margin put together, all times q WAD^2."""
    q, part, mm, mu = s.held, s.taken, s.maintenance, s.multiplier
    _bound(book, s)
    loss = _loss(book, s)
    _released(book, s)
    guard = s.kappa + KAPPA_GUARD
    premises = [
        book.times(s.equity, q * s.margin_after * WAD, (q - part) * s.margin * WAD + 2 * mu * q + q * WAD)
    ]
    book.times(q, 0, 2 * mu + WAD)
    premises.append(book.times(q * (2 * mu + WAD), s.equity, mm))
    book.times(mm, 0, s.kappa)
    book.times(part, 0, mm * s.kappa)
    premises.append(book.times(part * mm * s.kappa, q * s.mark, s.value * WAD))
    book.times(mm, 0, q)
    premises.append(book.times(mm * q, loss * WAD * WAD, part * s.mark * s.kappa + 2 * WAD * WAD))
    premises.append(book.times(part, guard * s.value * mm, s.equity * s.margin * WAD))
    # the guard, 10 per WAD of what is taken, covers the roundings
    one = book.times(q, (2 * mu + 3 * WAD) * WAD, 10 * part * s.mark)
    two = book.times(part, q * s.mark, s.value * WAD)
    book.have((2 * mu + 3 * WAD) * q <= 10 * part * s.value, one, two)
    premises.append(book.times(mm, (2 * mu + 3 * WAD) * q, 10 * part * s.value))
    before, after = s.equity_after * mm, s.equity * s.maintenance_after
    less = book.have(q * after <= q * before, *premises)
    book.have(q * after < q * before + q, less, q >= 1)
    book.divide(q, after, before)


def _sides(name: str, is_long: bool) -> None:
    @lemma(
        f"cost is within kappa, {name}",
        "the account's loss at mark (discount and fee) is at most kappa s mark, and 2 wei",
        "q < 2^112, legal marks, any kappa, fund share <= 1",
    )
    def cost(book: Book) -> None:
        s = Scene(book, is_long)
        ar = book.ar
        fund_rate = ar.floor(s.kappa * s.fund_share, WAD)
        book.times(s.kappa, s.fund_share, WAD)
        discount = ar.floor(s.mark * (s.kappa - fund_rate), WAD)
        book.times(s.taken, discount * WAD, s.mark * (s.kappa - fund_rate))
        book.times(fund_rate, ar.floor(s.taken * s.mark, WAD) * WAD, s.taken * s.mark)
        loss = s.equity - s.equity_after
        book.show(loss * WAD * WAD <= s.taken * s.mark * s.kappa + 2 * WAD * WAD)

    @lemma(
        f"take-over keeps health, {name}",
        "E2 MM >= E MM2 and E2 >= 0 after a take-over of any part at cost kappa > 0, with every rounding "
        "of the code; E2 as it is judged, before the loss is booked (`judged, then booked`)",
        "q < 2^112, legal marks, E and MM < 2^120, multiplier 1 to 10, any other margin, any maturing "
        "profit; taken value at mark at least 0.2 x multiplier + 0.3 quote",
        wrong="the account pays twice the guard more",
    )
    def keeps_health(book: Book) -> None:
        s = Scene(book, is_long)
        equity_after = s.equity_after
        if book.is_wrong:
            equity_after -= book.ar.ceil(s.taken * s.mark * 2 * KAPPA_GUARD, WAD * WAD)
        book.assume(s.kappa >= 1)
        book.assume(10 * s.taken * s.mark >= (2 * s.multiplier + 3 * WAD) * WAD)
        if not book.is_wrong:
            _compared(book, s)
        book.show(s.is_not_less_healthy(equity_after))
        # E2 MM >= E MM2 >= 0 and MM > 0
        book.times(s.equity, 0, s.maintenance_after)
        book.divide(s.maintenance, 0, equity_after)
        book.show(equity_after >= 0)

    @lemma(
        f"take-over of everything at no cost, {name}",
        "with kappa = 0 (no equity to speak of) taking the whole position over at mark changes equity by "
        "nothing",
        "q < 2^112, legal marks",
        wrong="a part of it",
    )
    def at_no_cost(book: Book) -> None:
        s = Scene(book, is_long)
        book.assume(s.kappa == 0)
        if not book.is_wrong:
            book.assume(s.taken == s.held)
        ar = book.ar
        rate = ar.floor(s.kappa * s.fund_share, WAD)
        book.have(rate == 0)
        book.have(s.mark * (s.kappa - rate) == 0)
        book.have(ar.floor(s.mark * (s.kappa - rate), WAD) == 0)
        book.have(ar.floor(s.taken * s.mark, WAD) * rate == 0)
        book.have(s.taken * (s.terms.price - s.mark) == 0)
        book.show(s.equity_after == s.equity)


for _name, _is_long in [("long", True), ("short", False)]:
    _sides(_name, _is_long)
