"""proofs/formulas.py against the contracts: what is proven is about the code, on thousands of random inputs.

The same functions that the prover reads as statements (`make prove`) compute here on plain integers. z3 is
not needed."""

import random
import re
from collections.abc import Iterator

import boa
import pytest

from proofs import formulas as f
from proofs.formulas import RAY, WAD, Cohort, Ints
from tests.lib.cohort_words import figures, key_of, word
from tests.support import ROOT, deploy

AR = Ints()
EXAMPLES = 75
U104, U112 = 2**104 - 1, 2**112 - 1


@pytest.fixture(scope="module")
def cohort_math():
    return deploy("mocks/CohortMathHarness.vy")


@pytest.fixture(scope="module")
def crisis_math():
    return deploy("mocks/CrisisMathHarness.vy")


@pytest.fixture(scope="module")
def math_lib():
    return deploy("mocks/FixedMathHarness.vy")


@pytest.fixture(scope="module")
def tick_lib():
    return deploy("mocks/PriceTickHarness.vy")


class Draw:
    """Random integers of every magnitude, often at an end of their range."""

    def __init__(self, seed: str):
        self.source = random.Random(seed)

    def up_to(self, most: int, least: int = 0) -> int:
        kind = self.source.random()
        if kind < 0.05:
            return least
        if kind < 0.1:
            return most
        bits = self.source.randint(1, max(1, (most - least).bit_length()))
        return min(least + self.source.getrandbits(bits), most)

    def signed(self, most: int) -> int:
        return self.up_to(most) * self.source.choice((-1, 1))

    def flag(self) -> bool:
        return self.source.random() < 0.5

    def price(self) -> int:
        return self.up_to(f.MAX_PRICE, f.MIN_PRICE)

    def near(self, number: int, least: int = 0) -> int:
        """Close to `number`, relative or absolute, or anywhere."""
        kind = self.source.random()
        if kind < 0.3:
            return max(least, number + self.source.randint(-3, 3))
        return max(least, number * self.source.randint(1, 2**17) // 2**16)

    def cohort(self) -> Cohort:
        """Figures as closes and rounds leave them."""
        price = self.price() * f.WAD_TO_RAY
        a, b = self.up_to(RAY, 1), self.up_to(RAY)
        return Cohort(
            size_sum=self.up_to(2**110, 1),
            notional_sum=self.up_to(2**110),
            a=a if self.flag() else RAY,
            phi=self.signed(2**135),
            b=b,
            c=price * (RAY - b) // RAY + self.source.randint(-2, 2),
            y=self.up_to(RAY),
            x=self.up_to(price) - (price // 3 if self.flag() else 0),
        )


def draws(seed: str, count: int = EXAMPLES) -> Iterator[Draw]:
    draw = Draw(seed)
    for _ in range(count):
        yield draw


# --- libraries --------------------------------------------------------------------------------------------


def test_divisions(math_lib):
    for draw in draws("divisions", 100):
        a, b, d = draw.up_to(2**127), draw.up_to(2**127), draw.up_to(2**128, 1)
        signed = draw.signed(2**127)
        assert f.mul_div_up(AR, a, b, d) == AR.ceil(a * b, d) == math_lib.mul_div_up(a, b, d)
        assert AR.floor(a * b, d) == math_lib.mul_div_down(a, b, d)
        down, up = f.signed_mul_div_floor(AR, signed, b, d), f.signed_mul_div_ceil(AR, signed, b, d)
        assert down == AR.floor(signed * b, d) == math_lib.signed_mul_div_floor(signed, b, d)
        assert up == AR.ceil(signed * b, d) == math_lib.signed_mul_div_ceil(signed, b, d)
        assert f.saturating_sub(AR, a, b) == math_lib.saturating_sub(a, b)
        assert f.positive_part(AR, signed) == math_lib.positive_part(signed)
        amount, rate = draw.up_to(2**188 - 1), draw.up_to(2**67 - 1)
        assert f.rated_up(AR, amount, rate) == AR.ceil(amount * rate, WAD) == math_lib.rated_up(amount, rate)
        assert math_lib.div_down(a, d) == AR.floor(a, d)


@pytest.mark.parametrize("bits", [6, 7])
def test_ticks(tick_lib, bits):
    for draw in draws(f"ticks {bits}", 100):
        price = draw.up_to(2**127 - 1, 1 << bits)
        tick = f.tick_at(AR, price, bits)
        assert tick == tick_lib.tick_at(price, bits)
        assert f.low(tick, bits) == tick_lib.low(tick, bits)
        other = draw.near(tick, bits << bits)
        assert f.low(other, bits) == tick_lib.low(other, bits)
        assert f.holds(other, price, bits) == tick_lib.holds(other, price, bits)


def maintenance_lines(draw: Draw) -> list[tuple[int, int]]:
    """Lines as market_config accepts them: rates, deductions and borders rise."""
    lines, last_rise, last_step = [(draw.up_to(3_000, 1), 0)], 1, 0
    for _ in range(draw.up_to(7)):
        rise = draw.up_to(1_000, 1)
        step = last_step * rise // last_rise + draw.up_to(10**6, 1)
        rate, deduction = lines[-1][0] + rise, lines[-1][1] + step
        if deduction >= 2**40:
            break
        lines.append((rate, deduction))
        last_rise, last_step = rise, step
    return lines


def lines_words(lines: list[tuple[int, int]]) -> tuple[int, int, int]:
    """As a market stores them: two in its terms, four more, the last two."""
    fields = [rate | deduction << 16 for rate, deduction in lines]
    words = [sum(field << 56 * n for n, field in enumerate(part)) for part in (fields[2:6], fields[6:])]
    return (fields[0] & 2**16 - 1) | sum(fields[1:2]) << 16, *words


def scaled(lines: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(rate * f.RATE_STEP, deduction * WAD) for rate, deduction in lines]


def test_maintenance(crisis_math):
    """Of a position worth `notional`: at a price of 1 its size."""
    counts = set()
    for draw in draws("maintenance", 100):
        lines = maintenance_lines(draw)
        notional = draw.up_to(2**112)
        if len(lines) > 1 and draw.flag():
            n = draw.source.randrange(1, len(lines))
            (r0, d0), (r1, d1) = scaled(lines[n - 1 : n + 1])
            notional = draw.near((d1 - d0) * WAD // (r1 - r0))
        size = draw.source.choice((-1, 1)) * notional
        margin, marginal, _ = crisis_math.margins(WAD, size, lines_words(lines), WAD)
        assert f.maintenance(AR, notional, scaled(lines)) == (margin, marginal)
        assert margin == max(f.line(AR, notional, *one) for one in scaled(lines))
        counts.add([rate for rate, _ in scaled(lines)].index(marginal))
    assert counts >= {0, 1, 2, 5, 6, 7}  # the first and the last line of every word


# --- cohorts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_short", [False, True])
def test_members(cohort_math, is_short):
    for draw in draws(f"members {is_short}"):
        c = draw.cohort()
        size, notional = draw.up_to(c.size_sum, 1), draw.up_to(c.notional_sum)
        index = draw.signed(2**100)
        expected = f.member(AR, c, is_short, size, notional, index)
        answer = cohort_math.member(word(c), is_short, size, notional, index)
        assert (answer.size, answer.notional, answer.pot, answer.funding) == (
            expected.size,
            expected.notional,
            expected.pot,
            expected.funding,
        )


@pytest.mark.parametrize("is_short", [False, True])
def test_sums(cohort_math, is_short):
    for draw in draws(f"sums {is_short}"):
        c, key = draw.cohort(), key_of(is_short)
        price = draw.price() * f.WAD_TO_RAY
        assert cohort_math.pot_of(word(c), key) == f.pot_of(AR, c, is_short)
        assert cohort_math.profit_at(word(c), key, price) == f.profit_at(AR, c, is_short, price)


@pytest.mark.parametrize("is_short", [False, True])
@pytest.mark.parametrize("bits", [6, 7])
def test_in_profit(cohort_math, is_short, bits):
    seen = set()
    for draw in draws(f"in profit {is_short} {bits}"):
        c = draw.cohort()
        tick = f.tick_at(AR, draw.price(), bits)
        edge = f.low(tick + (not is_short), bits)
        price = draw.near(c.b * edge // WAD + c.c)
        expected = f.is_in_profit(AR, c, is_short, edge, price)
        assert cohort_math.is_in_profit(word(c), key_of(is_short, tick), bits, price) == expected
        seen.add(expected)
    assert seen == {False, True}


@pytest.mark.parametrize("is_short", [False, True])
def test_rounds(cohort_math, is_short):
    seen = set()
    for draw in draws(f"rounds {is_short}"):
        c, bits = draw.cohort(), 6
        tick = f.tick_at(AR, draw.price(), bits)
        edge = f.low(tick + (not is_short), bits)
        mark = min(draw.near((c.b * edge // WAD + c.c) // f.WAD_TO_RAY), f.MAX_PRICE)
        share = draw.up_to(RAY)
        in_profit = f.is_in_profit(AR, c, is_short, edge, mark * f.WAD_TO_RAY)
        expected = f.round_step(AR, c, is_short, share, mark * f.WAD_TO_RAY, in_profit)
        answer = cohort_math.with_round(word(c, False, False), key_of(is_short, tick), bits, share, mark)
        assert figures(answer) == expected
        assert (answer.is_closed, answer.is_charged) == (False, in_profit)
        seen.add(in_profit)
    assert seen == {False, True}


@pytest.mark.parametrize("is_short", [False, True])
def test_closing(cohort_math, is_short):
    completely = set()
    for draw in draws(f"closing {is_short}"):
        c, price, index = draw.cohort(), draw.price(), draw.signed(2**100)
        limit = draw.near(c.size_sum * c.a // RAY)
        share = f.closed_share(AR, c, limit)
        expected, closing = f.close_share(AR, c, is_short, share, price, index)
        answer, moved = cohort_math.close_part(word(c), key_of(is_short), limit, price, index)
        assert figures(answer) == expected
        assert answer.is_closed
        assert (moved.size_down, moved.size_up, moved.share, moved.pot) == (
            closing.size_down,
            closing.size_up,
            closing.share,
            closing.pot,
        )
        completely.add(share == c.a)
    assert completely == {False, True}


@pytest.mark.parametrize("is_short", [False, True])
def test_closing_against_inventory(cohort_math, is_short):
    for draw in draws(f"inventory {is_short}", 100):
        c, price = draw.cohort(), draw.price()
        index = draw.signed(2**100)
        size = draw.near(c.size_sum * c.a // RAY, 1) * (1 if is_short else -1)
        notional, open_interest = draw.signed(2**111), draw.up_to(U112)
        share = f.closed_share(AR, c, abs(size))
        _, closing = f.close_share(AR, c, is_short, share, price, index)
        if closing.pot >= 2**128:
            continue  # more than the market's figure of pots can hold
        expected = f.inventory_after_close(AR, is_short, size, notional, closing, price)
        rest = open_interest if is_short else f.saturating_sub(AR, open_interest, closing.size_up)
        with boa.env.anchor():
            answer = cohort_math.close_generation(
                (price, open_interest, index, 6), (size, notional, 0, 0, 0), key_of(is_short), word(c), price
            )
        if share == 0:
            assert tuple(answer) == (size, notional, open_interest, 0)
        else:
            assert tuple(answer) == (*expected, rest, closing.pot)


@pytest.mark.parametrize("is_short", [False, True])
def test_settling(cohort_math, is_short):
    """What a member of a closed or charged generation gets, and what is booked of it elsewhere.

    A generation that was only closed, or only charged, does not store the other's figures.
    """
    empty = 0
    for draw in draws(f"settling {is_short}", 120):
        c, bits = draw.cohort(), 6
        size = draw.up_to(min(c.size_sum, RAY // c.a if draw.flag() else U112), 1)
        notional = draw.up_to(min(c.notional_sum, 2**110))
        index = draw.signed(2**60)
        c = f.replace(c, phi=draw.signed(2**90), x=draw.up_to(2**88), y=draw.up_to(2**60))
        c = f.replace(c, a=0) if draw.source.random() < 0.2 else c
        if is_short:
            c = f.replace(c, x=-c.x)
        is_closed, is_charged = draw.source.choice(((True, True), (True, False), (False, True)))
        if not is_charged:
            c = f.replace(c, b=RAY, c=0)
        if not is_closed:
            c = f.replace(c, a=RAY, phi=0, x=0, y=0)
        pots, open_interest = draw.up_to(2**120), draw.up_to(2**111)
        m = f.member(AR, c, is_short, size, notional, index)
        if abs(m.notional) > U112 or (m.size and (m.notional < 0) != is_short):
            continue
        pending = f.pending_of(AR, m)
        with boa.env.anchor():
            answer = cohort_math.settle(
                (10**20, open_interest, index, bits),
                word(c, is_closed, is_charged),
                key_of(is_short),
                size,
                notional,
                pots,
            )
        rest = open_interest if is_short else f.open_interest_settled(AR, open_interest, m.size)
        assert answer.open_interest == rest
        assert answer.pots == f.pot_after_leaving(AR, pots, m.pot)
        maturing, cash = f.realised(AR, f.Maturing(0, 0), pending)
        assert answer.cash == m.funding + cash + f.funding_joined(AR, index, m.size)
        assert answer.maturing_word & U104 == maturing.current
        if m.size == 0:
            empty += 1
            assert answer.position_word & 2**224 - 1 == 0
            continue
        assert answer.position_word & U112 == abs(m.size)
        assert answer.position_word >> 112 & U112 == abs(m.notional)
        entry = f.entry_price(AR, abs(m.size), abs(m.notional))
        assert answer.position_word >> 230 & 2**14 - 1 == f.tick_at(AR, entry, bits)
    assert empty


def test_trades(cohort_math):
    kinds = set()
    for draw in draws("trades", 400):
        size = draw.signed(2**110)
        change = -size if draw.source.random() < 0.1 else draw.signed(2**110)
        notional, cost = draw.signed(2**111) if size else 0, draw.signed(2**111)
        expected = f.traded(AR, size, notional, change, cost)
        assert tuple(cohort_math.traded(size, notional, change, cost)) == expected
        kinds.add((size > 0, change > 0, expected[0] > 0))
    assert len(kinds) == 6


# --- maturing profit --------------------------------------------------------------------------------------


def test_realised(crisis_math):
    """Booking a profit or loss with shares in both batches, charged and not."""
    for draw in draws("realised", 150):
        m = maturing(draw)
        is_charged = (m.kept, m.kept_previous) != (RAY, RAY) or draw.flag()
        shares, taken = (m.current, m.previous), (RAY - m.kept, RAY - m.kept_previous)
        worth = f.maturing_worth(AR, m)
        assert crisis_math.worth(shares, taken, is_charged) == worth
        pnl = -draw.near(worth) if draw.flag() else draw.signed(2**92)
        after, cash = f.realised(AR, m, pnl)
        answer = crisis_math.realise(shares, taken, pnl, is_charged)
        assert answer == ((after.current, after.previous), cash)


def maturing(draw: Draw) -> f.Maturing:
    shares = [draw.up_to(2**100) if draw.source.random() < 0.8 else 0 for _ in range(2)]
    kept = [RAY - (draw.up_to(RAY - f.FACTOR_FLOOR) if draw.flag() else 0) for _ in range(2)]
    return f.Maturing(*shares, *kept)


def test_rounds_of_maturing_profit(crisis_math):
    for draw in draws("maturing"):
        kept, shares = RAY - draw.up_to(RAY - f.FACTOR_FLOOR), draw.up_to(2**100, 1)
        pots, share = draw.up_to(2**120), draw.up_to(RAY)
        after = f.batch_kept(AR, kept, share)
        answer = crisis_math.charge(pots, shares, RAY - kept, share)
        assert answer[0] == f.pots_after_round(AR, pots, share)
        assert answer[1] == (0 if after < f.FACTOR_FLOOR else RAY - after)


def test_words_of_maturing_profit(crisis_math):
    """While no live batch is charged, a word is read and written without a look at refills. Batch 2."""
    for draw in draws("maturing words"):
        m = maturing(draw)
        batch = draw.source.randint(1, 2)
        read, long_way = crisis_math.brought_on(m.current | m.previous << 104 | batch << 208)
        assert read == long_way
        shares, taken = (m.current, m.previous), (RAY - m.kept, RAY - m.kept_previous)
        for is_charged in (True, False):
            assert tuple(crisis_math.stored(shares, taken, is_charged)) == (*shares, 2, 0)


# --- bankruptcy account, take-over ------------------------------------------------------------------------


def test_bankruptcy_price(crisis_math):
    for draw in draws("bankruptcy price"):
        mark, band = draw.price(), draw.up_to(WAD // 2)
        size = draw.up_to(2**100, 1) * draw.source.choice((-1, 1))
        worth = size * mark // WAD
        notional = draw.near(abs(worth)) * (1 if size > 0 else -1)
        cash = draw.signed(max(1, abs(worth) // 3))
        i = (size, notional, cash, 0, 0)
        expected = f.bankruptcy_price(AR, mark, size, notional, cash, band)
        assert crisis_math.bankruptcy_price(mark, i, band) == expected
        expected = f.inventory_equity(AR, size, notional, cash, mark)
        assert crisis_math.inventory_equity(mark, i) == expected


def test_take_over(crisis_math):
    whole = set()
    for draw in draws("take-over"):
        lines = maintenance_lines(draw)
        mark, is_long = draw.price(), draw.flag()
        held = draw.up_to(2**111 * WAD // max(mark, WAD), 1)
        size = held if is_long else -held
        multiplier = draw.up_to(10_000, 1_000) * f.FACTOR_STEP
        value = AR.ceil(held * mark, WAD)
        margin, marginal = f.maintenance(AR, value, scaled(lines))
        margin, marginal = AR.ceil(margin * multiplier, WAD), AR.ceil(marginal * multiplier, WAD)
        answer = crisis_math.margins(mark, size, lines_words(lines), multiplier)
        assert (answer[0], answer[1]) == (margin, marginal)
        total = margin + (draw.near(margin) if draw.flag() else 0)
        equity = draw.up_to(max(total - 1, 0))
        if equity >= total:
            continue
        slope, fund_share = draw.up_to(50_000), draw.up_to(1_000)
        target = draw.up_to(3_000, 1_001)
        liquidation_word = target | slope << 32 | fund_share << 48
        health = f.health_of(AR, equity, total)
        kappa = f.cost_rate(AR, health, margin, value, slope * f.RATE_STEP)
        assert crisis_math.cost_rate(mark, size, margin, health, liquidation_word) == kappa
        wanted = draw.near(held, 1)
        part = f.size_to_target(AR, held, mark, target * f.FACTOR_STEP, marginal, kappa, total, equity)
        part = min(part, wanted)
        terms = f.terms_of_take_over(AR, is_long, part, mark, kappa, fund_share * f.FACTOR_STEP)
        plan = crisis_math.plan(
            mark, size, equity, total, lines_words(lines), liquidation_word, multiplier, wanted
        )
        assert (plan.change, plan.price, plan.fee, plan.health) == (
            -part if is_long else part,
            terms.price,
            terms.fee,
            health,
        )
        whole.add(part == held)
    assert whole == {False, True}


# --- what no harness can reach ----------------------------------------------------------------------------

# Formulas that are one expression inside an entry of a deployable: bound by the text.
SOURCES = {
    "funding_step": (
        "MarginVaultCrisis.vy",
        "paid: uint256 = fixed_math._mul_div_up(m.mark, fixed_math._magnitude(due), units.WAD) "
        "received: uint256 = fixed_math._mul_div_down( paid, units.WAD - markets.funding_share, units.WAD )",
    ),
    "funding_step, credit": (
        "MarginVaultCrisis.vy",
        "amount: uint256 = fixed_math._mul_div_down(m.open_interest, paid - received, units.WAD)",
    ),
    "round_share": (
        "modules/loss_sharing.vy",
        "return min(fixed_math._mul_div_up(deficit, units.RAY, reachable), units.RAY)",
    ),
    "credit of a round": (
        "MarginVaultLossSharing.vy",
        "i.cash += convert(min(deficit, reachable), int256)",
    ),
    "cost_of_take_over": (
        "MarginVaultLiquidation.vy",
        "cost: int256 = fixed_math._signed_mul_div_ceil(plan.change, plan.price, units.WAD)",
    ),
    "auction_sale": (
        "MarginVaultAuction.vy",
        "cost: int256 = fixed_math._signed_mul_div_ceil(change, m.mark, units.WAD) - "
        "convert( discount, int256 )",
    ),
    "auction_sale, booking": (
        "MarginVaultAuction.vy",
        "inventory.size -= change inventory.notional -= cost",
    ),
    "auction_sale, discount": (
        "MarginVaultAuction.vy",
        "return min( discount, fixed_math._positive_part(bankruptcy_account._equity(m, inventory)) )",
    ),
    "take_over, judged": (
        "MarginVaultLiquidation.vy",
        "judged: positions.Seat = seat judged.size = size judged.notional = notional "
        "judged.cash += pnl - paid "
        "after: margin.Risk = margin._with( elsewhere, m, judged, "
        "system._multiplier(system.exchange_word) ) "
        "assert margin._equity(after) >= 0 and margin._is_not_less_healthy( before, after )",
    ),
    "take_over, booked": (
        "MarginVaultLiquidation.vy",
        "seat = positions._realise(m.id, seat, pnl) seat.cash -= paid",
    ),
    "is_not_less_healthy": (
        "modules/margin.vy",
        "return self._equity(after) * convert(before.maintenance, int256) >= ( self._equity(before) * "
        "convert(after.maintenance, int256) )",
    ),
    "funding_left": (
        "modules/positions.vy",
        "seat.cash -= fixed_math._signed_mul_div_ceil(index * seat.size, 1, units.WAD)",
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_an_expression_is_still_what_was_proven(name):
    path, text = SOURCES[name]
    source = re.sub(r"\s+", " ", (ROOT / "contracts" / path).read_text())
    assert text in source, f"{name}: read {path} again, then proofs/formulas.py and this text"
