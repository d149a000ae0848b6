"""What rounding can cost at most: each test builds a worst case and shows that a bound of docs/spec.md,
section Rounding, is reached and not passed. The bounds are lemmas of `make prove`.

"A digit" is the last one of a figure with 27 decimals. Exact figures carry their factors of 1e27 along.
"""

import boa
import pytest

from proofs import formulas as f
from proofs.formulas import FACTOR_FLOOR, MAX_PRICE, RAY, STEP, WAD, WAD_TO_RAY, Cohort, Ints
from tests.kernel import deploy_kernel, wad
from tests.lib.cohort_words import figures, key_of, word
from tests.support import actor, deploy

AR = Ints()
LONG = key_of(False)


@pytest.fixture(scope="module")
def cohort_math():
    return deploy("mocks/CohortMathHarness.vy")


@pytest.fixture(scope="module")
def crisis_math():
    return deploy("mocks/CrisisMathHarness.vy")


def profit(c: Cohort, price: int) -> int:
    """Of a whole long generation, x RAY; `price` has 27 decimals."""
    return c.size_sum * (price - c.c) - c.notional_sum * c.b


def exact_funding(c: Cohort, is_short: bool, size: int, index: int) -> int:
    """Of a member, x RAY x WAD."""
    return (-1 if is_short else 1) * size * (c.phi * WAD - index * c.a)


def pot(c: Cohort) -> int:
    """Of a whole long generation, x RAY."""
    return c.size_sum * c.x - c.notional_sum * c.y


# --- trades -----------------------------------------------------------------------------------------------


def test_a_fill_costs_its_payer_a_wei_and_each_fee_a_wei():
    """One wei above 1 base at 1 wei above 100: the buyer pays a wei more than the seller gets."""
    kernel = deploy_kernel()
    long, short = kernel.fund_account("long", 1_000), kernel.fund_account("short", 1_000)
    size, price, rate = wad(1) + 1, wad(100) + 1, 10**13 + 1
    with boa.env.prank(actor("exchange")):
        kernel.vault.fill(0, long, rate, False, [(short, -size, price, rate, False)])
    paid, got = kernel.position(long).notional, -kernel.position(short).notional
    assert (paid * WAD - size * price, size * price - got * WAD) == (WAD - 1, 1)
    for account, cost in ((long, paid), (short, got)):
        fee = wad(1_000) - kernel.state(account).cash
        assert 0 <= fee * WAD - cost * rate < WAD
    assert kernel.vault.fee_state().trading == sum(AR.ceil(cost * rate, WAD) for cost in (paid, got))


def test_joining_and_leaving_costs_a_wei_of_funding_and_a_part_a_wei_of_notional(cohort_math):
    """Funding of a wei above 1 base is no whole wei; nor is a third of a notional."""
    kernel = deploy_kernel()
    long, short = kernel.fund_account("long", 1_000), kernel.fund_account("short", 1_000)
    kernel.fill(long, short, 1)
    kernel.set_price(100, seconds=333, rate=10**11)
    other = kernel.fund_account("other", 1_000)
    for change in (wad(1) + 1, -wad(1) - 1):
        taker, maker = (other, short) if change > 0 else (short, other)
        with boa.env.prank(actor("exchange")):
            kernel.vault.fill(0, taker, 0, False, [(maker, -abs(change), wad(100), 0, False)])
    assert wad(1_000) - kernel.state(other).cash == 1
    held = 3 * 10**18
    _, kept, pnl = cohort_math.traded(held, 4, -(10**18), 0)
    assert (kept, pnl) == (3, -1)
    assert (kept * held - 4 * (held - 10**18), held) == (10**18, held)


# --- members of a generation ------------------------------------------------------------------------------


def test_a_settled_member_loses_a_wei_of_size_and_two_of_notional(cohort_math):
    """A and B one digit below 1: the notional is rounded up twice, each time from just above a wei."""
    a, b = RAY - 1, RAY - 1
    q, n = 1, RAY - 1
    c = Cohort(q, n, a=a, b=b)
    m = cohort_math.member(word(c), False, q, n, 0)
    assert m.size * RAY == q * a - RAY + 1
    lost = m.notional * RAY * RAY - a * n * b
    assert lost < 2 * RAY * RAY
    assert lost > 2 * RAY * RAY * 99 // 100


@pytest.mark.parametrize("is_short", [False, True])
def test_funding_with_a_near_its_floor(cohort_math, is_short):
    """A member of size s joined with q = 2^40 s: a digit of PHI - A F costs q 1e-27 quote, and a wei."""
    a = FACTOR_FLOOR + 1
    q = 2**111
    index = pow(a, -1, WAD) if not is_short else -pow(a, -1, WAD)  # A F is just beyond a digit
    c = Cohort(q, q, a=a)
    m = cohort_math.member(word(c), is_short, q, q, index)
    assert abs(m.size) >> 71 == 1
    lost = exact_funding(c, is_short, q, index) - m.funding * RAY * WAD
    assert lost <= (q + RAY) * WAD
    assert lost > (q + RAY) * WAD * 999 // 1000


def test_closes_down_to_the_floor_of_a_cost_a_digit_each(cohort_math):
    """X loses a digit at each close, whatever A: q 1e-27 quote. 29 closes by half, then all but the floor."""
    price, entry = 2 * 10**15 + 1, 10**15
    c = Cohort(10**6 * RAY, 10**6 * RAY * entry // WAD)
    exact, closes = 0, 0
    while c.a > FACTOR_FLOOR + 1:
        half = c.a // 2 if c.a > 4 * WAD else c.a - FACTOR_FLOOR - 1
        closed = half - (half + pow(price, -1, WAD)) % WAD if c.a > 4 * WAD else half
        exact += closed * profit(c, price * WAD_TO_RAY)
        answer, moved = cohort_math.close_part(word(c), LONG, closed * 10**6, price, 0)
        assert moved.share == closed
        c, closes = figures(answer), closes + 1
    assert c.a == FACTOR_FLOOR + 1
    lost = exact - pot(c) * RAY
    assert closes == 30
    assert lost <= closes * (c.size_sum + c.notional_sum) * RAY
    assert lost > (closes - 2) * c.size_sum * RAY * 999 // 1000


def test_a_member_touched_after_every_close_loses_a_wei_of_size_each_time(cohort_math):
    """A stranger settles it N times; each time it goes on in a new generation with somebody else."""
    size, notional, others, price = 10**21 + 7, 10**23, 3_141_592_653_589_793_238_462, 11 * 10**19
    exact, touches = size * RAY, 20
    for _ in range(touches):
        q = size + others
        c = Cohort(q, notional + others * 100)
        limit = max(range(10**12, 10**12 + 200), key=lambda s: size * (RAY - s * RAY // q) % RAY)
        closed, _ = cohort_math.close_part(word(c), LONG, limit, price, 0)
        c = figures(closed)
        exact = exact * c.a // RAY
        with boa.env.anchor():
            answer = cohort_math.settle((price, 10**30, 0, 6), word(c), LONG, size, notional, 10**30)
        size, notional = answer.position_word & 2**112 - 1, answer.position_word >> 112 & 2**112 - 1
    lost = exact - size * RAY
    assert lost <= touches * RAY
    assert lost > touches * RAY * 98 // 100


def test_a_member_touched_after_every_round_loses_a_wei_of_notional_each_time(cohort_math):
    """As above; without the touches it would only lose digits."""
    size, notional, price = 10**21 + 7, 10**23, 11 * 10**19
    exact, touches = notional * RAY, 20
    for _ in range(touches):
        key, c = key_of(False, f.tick_at(AR, notional * WAD // size, 6)), Cohort(size, notional)

        def beyond_a_wei(share: int, c: Cohort = c) -> int:
            after = f.round_step(AR, c, False, share, price * WAD_TO_RAY, True)
            return (c.notional_sum * after.b + c.size_sum * after.c - 1) % RAY

        share = min(range(10**21, 10**21 + 10**5, 503), key=beyond_a_wei)
        answer = cohort_math.with_round(word(c, False, False), key, 6, share, price)
        assert answer.is_charged
        exact += share * (size * price * WAD_TO_RAY - exact) // RAY
        with boa.env.anchor():
            charged = word(figures(answer), False)
            settled = cohort_math.settle((price, 10**30, 0, 6), charged, key, size, notional, 0)
        assert settled.position_word & 2**112 - 1 == size
        notional = settled.position_word >> 112 & 2**112 - 1
    lost = notional * RAY - exact
    assert lost <= touches * (RAY + size + notional)
    assert lost > touches * RAY * 98 // 100


def test_touches_without_a_close_or_round_in_between_cost_nothing():
    """After ADL has closed part of a generation, the first touch settles; a hundred more change not a bit."""
    kernel = deploy_kernel()
    winner, loser = kernel.fund_account("winner", 5_000), kernel.fund_account("loser", 60)
    kernel.fill(kernel.fund_account("helper", 5_000), winner, 20)
    kernel.fill(loser, winner, 10)
    kernel.set_price("90.123456789123456789")
    kernel.absorb(loser)
    kernel.deleverage()
    equity = kernel.state(winner).equity
    assert kernel.position(winner).pot > 0

    def words() -> tuple:
        vault = kernel.vault
        return vault.account_word(winner), vault.position_word(winner, 0), vault.market_words(0)

    with boa.env.prank(actor("stranger")):
        kernel.vault.touch(winner, 0)
        settled = words()
        for _ in range(100):
            kernel.vault.touch(winner, 0)
    assert words() == settled
    assert 0 <= equity - kernel.state(winner).equity <= 10**9


# --- rounds -----------------------------------------------------------------------------------------------


def test_rounds_down_to_b_near_its_floor_cost_two_digits_in_all(cohort_math):
    """40 rounds of a half: each costs (q + n) 1e-27 quote, and takes half of what those before have cost."""
    entry, price = 10**5, 2 * 10**23
    tick = f.tick_at(AR, entry * WAD, 6)
    c = Cohort(RAY, entry * RAY)
    exact, scale = profit(c, price * WAD_TO_RAY), 1
    for _ in range(40):
        kept = AR.ceil((c.b - 1) // 2 * RAY, c.b)  # B kept is just above a digit
        answer = cohort_math.with_round(word(c, False), key_of(False, tick), 6, RAY - kept, price)
        assert answer.is_charged
        c, exact, scale = figures(answer), exact * kept, scale * RAY
    assert abs(c.b - FACTOR_FLOOR) < 2**10
    lost = exact // scale - profit(c, price * WAD_TO_RAY)
    assert lost <= 2 * (c.size_sum + c.notional_sum)
    assert lost > 2 * c.notional_sum * 98 // 100


def test_a_round_leaves_a_member_at_even_but_for_a_digit(cohort_math):
    """B near 2^-40, the tick's worst entry, and a round that leaves 1e-9: (q + n) 1e-27 quote below even."""
    tick = f.tick_at(AR, 100 * WAD, 6)
    edge = f.low(tick + 1, 6)
    b = FACTOR_FLOOR // 10**9 * 10**9 + 1  # B x 1e-9 is just above a digit
    price = 200 * WAD
    q = RAY
    c = Cohort(q, q * edge // WAD - 1, b=b, c=price * WAD_TO_RAY - AR.ceil(b * edge, WAD))
    assert profit(c, price * WAD_TO_RAY) >= 0
    answer = cohort_math.with_round(word(c), key_of(False, tick), 6, RAY - WAD, price)
    after = profit(figures(answer), price * WAD_TO_RAY)
    assert after >= -(q + c.notional_sum)
    assert after < -(q + c.notional_sum) * 98 // 100


def test_the_figure_of_pots_after_a_round(cohort_math, crisis_math):
    """1e9 base at 1e5 quote, half closed at 1.1e5: the figure is (Q + N) 1e-27 quote above the pot."""
    size, notional = 10**27, 10**32
    closed, closing = cohort_math.close_part(
        word(Cohort(size, notional)), LONG, size // 2 + 12347, 11 * 10**22, 0
    )
    kept = pow(closed.y, -1, RAY)  # Y kept is just above a digit
    pots, _ = crisis_math.charge(closing.pot, 0, 0, RAY - kept)
    charged = cohort_math.with_round(word(figures(closed)), LONG, 6, RAY - kept, 10**20)
    excess = pots - cohort_math.pot_of(word(figures(charged)), LONG)
    bound = (size + notional) // RAY
    assert bound - 2 <= excess <= bound


def test_pots_of_members_and_of_their_cohort(cohort_math):
    """One member closed at its entry: rounding puts its pot q 1e-27 quote below zero; it counts as 0."""
    price = 10**12 + 1
    q1, q2 = 10**33, 10**30
    n1, n2 = AR.ceil(q1 * price, WAD), 0
    c = Cohort(q1 + q2, n1 + n2)
    closed = RAY // 2 - (RAY // 2 + pow(price, -1, WAD)) % WAD  # P closed is just below a digit
    limit = AR.ceil(closed * c.size_sum, RAY)
    answer, moved = cohort_math.close_part(word(c), LONG, limit, price, 0)
    assert moved.share == closed
    c = figures(answer)
    members = sum(cohort_math.member(word(c), False, q, n, 0).pot for q, n in ((q1, n1), (q2, n2)))
    excess = members - cohort_math.pot_of(word(c), LONG)
    bound = (c.size_sum + c.notional_sum) // RAY + 1
    assert excess <= bound
    assert excess > bound * 99 // 100


def test_a_round_takes_a_digit_of_what_is_reachable_too_much():
    """As a round computes f (the text is compared in test_proof_formulas.py)."""
    reachable = RAY + 1
    deficit = RAY
    taken = f.round_share(AR, deficit, reachable) * reachable - deficit * RAY
    assert taken == reachable - 1


# --- the inventory ----------------------------------------------------------------------------------------


def test_a_generation_closed_costs_the_inventory_a_wei_of_base_and_one_of_quote(cohort_math):
    """2 of 3 wei are closed against a short inventory, at P: 1 arrives, the cost of 2 is paid, rounded up."""
    c, price = Cohort(3, 300), 10**20 + 1
    size, notional, _, _ = cohort_math.close_generation(
        (price, 3, 0, 6), (-2, 0, 0, 0, 0), LONG, word(c), price
    )
    closing = f.close_share(AR, c, False, f.closed_share(AR, c, 2), price, 0)[1]
    assert (closing.size_down, closing.size_up) == (1, 2)
    lost = -2 * price - (size * price - notional * WAD)
    assert lost <= price + WAD
    assert lost > price + WAD * 99 // 100


def test_a_generation_is_closed_whole_by_at_most_the_floor_of_a_beyond_the_limit(cohort_math):
    """A digit less than the floor would be left: 2^-40 of the generation is closed in excess."""
    c = Cohort(10**6 * RAY, 10**8 * RAY)
    for left, share in ((FACTOR_FLOOR, RAY - FACTOR_FLOOR), (FACTOR_FLOOR - 1, RAY)):
        limit = (RAY - left) * 10**6
        _, closing = cohort_math.close_part(word(c), LONG, limit, 10**20, 0)
        assert closing.share == share
        assert closing.size_up - limit <= c.size_sum >> 40
    assert closing.size_up - limit > (c.size_sum >> 40) * 999 // 1000


# --- sums of a market -------------------------------------------------------------------------------------


def test_open_interest_and_sizes_of_members(cohort_math):
    """Ten members of 10 wei, 1 of 100 closed: 99 are left, 9 for each after rounding."""
    c = Cohort(100, 10_000)
    _, _, open_interest, _ = cohort_math.close_generation(
        (10**20, 100, 0, 6), (-1, 0, 0, 0, 0), LONG, word(c), 10**20
    )
    after, _ = cohort_math.close_part(word(c), LONG, 1, 10**20, 0)
    size = cohort_math.member(word(figures(after)), False, 10, 1_000, 0).size
    assert (open_interest, size) == (99, 9)
    assert open_interest - 10 * size == 10 - 1


def test_funding_while_shorts_are_more_than_longs(cohort_math):
    """
    Two longs of 3 wei; 3 are closed, the longs settle with 1 each, shorts of 3 are left: for 1 wei nobody
    pays. At the highest mark an hour's funding of it can be seen; the wei's worth covers it many times.
    """
    c, price = Cohort(6, 6 * 10**12), MAX_PRICE
    closed, _ = cohort_math.close_part(word(c), LONG, 3, price, 0)
    c = figures(closed)
    longs, open_interest = [], 3
    for _ in range(2):
        with boa.env.anchor():
            answer = cohort_math.settle((price, open_interest, 0, 6), word(c), LONG, 3, 3 * 10**12, 0)
        longs.append(answer.position_word & 2**112 - 1)
        open_interest = answer.open_interest
    assert (longs, open_interest) == ([1, 1], 1)
    paid, received, credited = f.funding_step(AR, price, 4 * 10**16 // 86_400 * 3_600, 0, open_interest)
    pay = sum(-cohort_math.member(word(Cohort(q, 1)), False, q, 1, paid).funding for q in longs)
    get = cohort_math.member(word(Cohort(3, 1)), True, 3, 1, received).funding
    short = get + credited - pay
    assert short <= paid // WAD
    assert short >= paid // WAD - 2
    assert paid < price


# --- maturing profit --------------------------------------------------------------------------------------


def test_profit_booked_with_h_near_its_floor(crisis_math):
    """A share is worth 2^-40 of a step: what is booked shows as up to a step less than the profit."""
    taken = RAY - FACTOR_FLOOR
    for amount, lost in ((wad(1), STEP), (wad(1) - 1, STEP - 1), (wad(10**10), STEP)):
        (shares, _), cash = crisis_math.realise((0, 0), (taken, 0), amount, True)
        worth = crisis_math.worth((shares, 0), (taken, 0), True)
        assert amount - worth - cash == lost


def test_a_loss_burns_less_than_two_steps_too_much(crisis_math):
    """H = 0.999, 1,000 shares of it behind 7 of the batch before, which are burnt to the last: at no cost."""
    taken = RAY // 1000
    loss = 7 * STEP + 998 * 999 * STEP // 1000 + 1
    before = crisis_math.worth((1000, 7), (taken, 0), True)
    shares, cash = crisis_math.realise((1000, 7), (taken, 0), -loss, True)
    assert (shares, cash) == ((1, 0), 0)
    lost = before - crisis_math.worth(shares, (taken, 0), True) - loss
    assert lost < 2 * STEP
    assert lost > 2 * STEP * 99 // 100


def test_a_batch_is_void_below_the_floor_of_h(crisis_math):
    """A digit above the floor it is charged on; at the floor any round makes it void: 2^-40 of it is lost."""
    shares = 2**100
    assert crisis_math.charge(0, shares, RAY - FACTOR_FLOOR - 1, 1)[1] == RAY - FACTOR_FLOOR
    assert crisis_math.charge(0, shares, RAY - FACTOR_FLOOR, 1)[1] == 0
    lost = crisis_math.worth((shares, 0), (RAY - FACTOR_FLOOR, 0), True)
    assert lost <= shares * STEP >> 40
    assert lost > (shares * STEP >> 40) * 999 // 1000
