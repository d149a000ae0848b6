"""Queue ADL at the bankruptcy price: who is closed, at which price, for how much, and who is not."""

from decimal import Decimal
from fractions import Fraction

import boa
import pytest

from tests.kernel import ADL, RAY, WAD, account_of, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import (
    MODE_ADL,
    MODE_NORMAL,
    MODE_RESTRICTED,
    Number,
    Scene,
    Winner,
    cohort_key,
    fresh,
    low,
    tick_at,
)


def crash(scene: Scene, against: float = 10, winner_size: Number = 10) -> tuple[int, int]:
    """A loser of 10 with 60 of margin, so bankrupt 6 below 100, absorbed; and who is on the other side."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    if winner_size > 10:
        bystander = scene.account("bystander", 5000)
        scene.open(bystander, winner, winner_size - 10)
    scene.move(against)
    scene.kernel.absorb(loser)
    return winner, loser


def test_deleverage_closes_at_bankruptcy_price(scene):
    """E = 60 - 100 = -40, so P* is 4 worse than mark for the winner: he pays 40 of his profit of 100."""
    winner, loser = crash(scene)
    done = scene.kernel.deleverage()
    logs = scene.logs()
    assert tuple(done) == (scene.price(6), wad(10), wad(40), 1, True)
    key = cohort_key(-scene.side, wad(100))
    assert logs == [
        scene.cohort_closed(key, scene.price(6), wad(10), RAY),
        ("ClaimPaid", 0, 0, ADL, wad(40), 0),
        ("InventoryChanged", 0, 0, 0, 0, 0, 0, 0),
        ("Deleveraged", 0, scene.price(6), scene.price(10), wad(10), wad(40), 1, wad(40)),
    ]
    claim = scene.kernel.claims()[0]
    assert (claim.account, claim.amount, claim.adl, claim.outstanding) == (loser, wad(40), wad(40), 0)
    assert scene.kernel.position(winner).size == 0
    assert scene.kernel.position(winner).pot == wad(60)
    assert scene.equity(winner) == wad(5060)
    scene.kernel.assert_conserved()


def test_deleverage_conserves_with_any_token(any_decimals):
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(any_decimals, side)
            winner, _ = crash(scene)
            scene.kernel.deleverage()
            assert scene.equity(winner) == wad(5060)
            scene.kernel.assert_conserved()


def test_deleverage_shares_pro_rata_inside_a_cohort(scene):
    """15 and 5 in one cohort, 10 to close: half of each."""
    first, second = scene.account("first", 1000), scene.account("second", 1000)
    loser = scene.bankrupt(first)
    bystander = scene.account("bystander", 1000)
    scene.open(bystander, first, 5)
    scene.open(bystander, second, 5)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    for account, size in ((first, 15), (second, 5)):
        p = scene.kernel.position(account)
        assert p.size == -scene.side * wad(size) // 2
        assert p.notional == -scene.side * wad(size) * 100 // 2
        assert p.pot == wad(size) // 2 * 6
    assert scene.equity(bystander) == wad(900)
    scene.kernel.assert_conserved()


def test_winners_lose_exactly_what_the_claim_is_paid(scene):
    winner, _ = crash(scene, winner_size=20)
    before = scene.equity(winner)
    done = scene.kernel.deleverage()
    assert before - scene.equity(winner) == done.improvement == scene.kernel.claims()[0].adl == wad(40)
    scene.kernel.assert_conserved()


def test_touch_books_exactly_the_pot(scene):
    """Profit of ADL matures like any other; the rest of the position moves to the tick's open generation."""
    winner, _ = crash(scene, winner_size=20)
    scene.kernel.deleverage()
    before = scene.equity(winner)
    scene.touch(winner)
    logs = scene.logs()
    assert logs == [
        scene.maturing_changed(winner),
        scene.position_changed(winner, 0, 0, wad(60)),
    ]
    p = scene.kernel.position(winner)
    assert (p.size, p.notional) == (-scene.side * wad(10), -scene.side * wad(1000))
    assert (p.pot, p.maturing) == (0, wad(60))
    assert scene.equity(winner) == before
    # he was its last member, so the closed generation is reborn and he is in a generation that stores nothing
    assert scene.vault.cohort_words(p.key)[1:4] == [0, 0, 0]
    scene.kernel.assert_conserved()


def test_touch_of_a_wholly_closed_member_leaves_only_profit(scene):
    winner, _ = crash(scene)
    scene.kernel.deleverage()
    scene.touch(winner)
    p = scene.kernel.position(winner)
    assert (p.size, p.notional, p.pot, p.maturing) == (0, 0, 0, wad(60))
    assert scene.vault.cohort_words(cohort_key(-scene.side, wad(100)))[:4] == [0, 0, 0, 0]
    assert scene.equity(winner) == wad(5060)
    scene.kernel.assert_conserved()


# --- order -------------------------------------------------------------------------------------------------

# entry (distance from 100, better for the winner), leverage class, size
QUEUE = [(-9, 3, 3), (-6, 0, 2), (-3, 2, 2), (0, 1, 2), (-9, 1, 3), (0, 3, 10)]
CLASS_RATES = [Fraction(1, 20), Fraction(1, 10), Fraction(1, 5), Fraction(1, 2)]


def open_queue(scene: Scene) -> dict[int, tuple[Fraction, int, int]]:
    """Winners of several classes and ticks; by account: rank at 10 against, cohort key, size."""
    whale = scene.account("whale", 100_000)
    ranks = {}
    for n, (against, leverage_class, size) in enumerate(sorted(QUEUE)):
        price = scene.move(against)
        winner = scene.account(f"winner {n}", 10_000, leverage_class=leverage_class)
        if (against, leverage_class) == (0, 3):
            scene.bankrupt(winner, size)
        else:
            scene.open(whale, winner, size)
        entry = low(tick_at(price))
        gain = Fraction(abs(scene.price(10) - entry), entry)
        key = cohort_key(-scene.side, price, leverage_class)
        ranks[winner] = (gain / CLASS_RATES[leverage_class], key, wad(size))
    return ranks


def test_better_rank_is_exhausted_first(scene):
    """Six winners of four classes at four ticks: closed in the order that sorting them gives, no other."""
    ranks = open_queue(scene)
    scene.move(10)
    scene.kernel.absorb(account_of("loser"))
    left, expected = wad(10), []
    for _rank, key, size in sorted(ranks.values(), reverse=True):
        if left:
            expected.append((key, min(size, left)))
            left -= min(size, left)
    done = scene.kernel.deleverage()
    closed = [(log[2], log[4]) for log in scene.logs() if log[0] == "CohortClosed"]
    assert [key for key, _ in closed] == [key for key, _ in expected]
    assert closed[:-1] == expected[:-1]
    assert 0 <= expected[-1][1] - closed[-1][1] <= 1
    assert (done.cohorts, done.is_done) == (5, True)
    for account, (_rank, key, size) in ranks.items():
        taken = dict(expected).get(key, 0)
        assert -1 <= abs(scene.kernel.position(account).size) - (size - taken) <= 1
    scene.kernel.assert_conserved()


def test_deleverage_resumes_where_it_stopped(scene):
    """One generation a call ends where one call would have ended."""
    ranks = open_queue(scene)
    scene.move(10)
    scene.kernel.absorb(account_of("loser"))
    with boa.env.anchor():
        scene.kernel.deleverage()
        whole = [tuple(scene.kernel.position(a))[:6] for a in ranks]
        inventory = tuple(scene.kernel.inventory())
    prices = set()
    for n in range(5):
        done = scene.kernel.deleverage(limit=1)
        prices.add(done.price)
        assert done.cohorts == 1
        assert done.is_done == (n == 4)
    assert prices == {scene.price(6)}
    assert [tuple(scene.kernel.position(a))[:6] for a in ranks] == whole
    assert tuple(scene.kernel.inventory()) == inventory
    scene.kernel.assert_conserved()


def test_who_is_in_profit_at_mark_but_not_at_bankruptcy_price_is_spared(scene):
    """P* is 6 against; who entered at 8 would be closed at a loss."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner, size=10)
    late = scene.account("late", 1000, leverage_class=0)
    scene.move(8)
    scene.open(scene.account("bystander", 1000), late, 20)
    # the first winner leaves at mark: nobody who is left is in profit at P*
    scene.open(winner, scene.account("heir", 1000), 10)
    scene.move(10)
    scene.kernel.absorb(loser)
    before = scene.equity(late), scene.equity(winner)
    done = scene.kernel.deleverage()
    assert tuple(done) == (scene.price(6), 0, 0, 0, True)
    assert (scene.equity(late), scene.equity(winner)) == before
    assert scene.kernel.inventory().outstanding == wad(40)
    scene.kernel.assert_conserved()


def test_eligibility_is_by_the_ticks_worst_price(scene):
    """
    A tick that P* lies in is not wholly in profit there, so nobody in it is closed, whatever his own entry.
    """
    margin = 5
    winner = scene.account("winner", 1000)
    loser = scene.account("loser", margin * 20)
    scene.open(loser, winner, 20)
    # P* is 5 against; a winner who enters inside the tick of P*
    border = tick_at(scene.price(margin))
    inside = low(border) if scene.side < 0 else low(border + 1) - 1
    scene.kernel.set_price(Decimal(inside) / WAD)
    assert tick_at(scene.vault.mark(0)) == border
    late = scene.account("late", 1000)
    scene.open(scene.account("bystander", 1000), late, 5)
    scene.move(9)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    assert scene.kernel.position(late).pot == 0
    assert scene.kernel.position(winner).pot > 0
    scene.kernel.assert_conserved()


# --- price band --------------------------------------------------------------------------------------------


def test_bankruptcy_price_is_kept_within_the_band(scene):
    """A gap so wide that P* is 30 % beyond mark: the winners pay up to the band, the claim keeps the rest."""
    _, _ = crash(scene, against=40 if scene.side > 0 else 60)
    mark = scene.vault.mark(0)
    clamped = mark * 13 // 10 if scene.side > 0 else mark * 7 // 10
    deficit = scene.kernel.inventory().outstanding
    done = scene.kernel.deleverage()
    improvement = abs(clamped - mark) * 10
    assert tuple(done)[:4] == (clamped, wad(10), improvement, 1)
    claim = scene.kernel.claims()[0]
    assert (claim.adl, claim.outstanding) == (improvement, deficit - improvement)
    assert scene.kernel.inventory().size == 0
    scene.kernel.assert_conserved()


def test_what_the_band_leaves_unpaid_is_a_rounds(scene):
    """
    Nothing is left to close, so a second ADL reverts, and a round charges the pots that the first one made.
    """
    winner, _ = crash(scene, against=40 if scene.side > 0 else 60)
    scene.kernel.deleverage()
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: no inventory"):
        scene.vault.deleverage(0, 10)
    assert scene.snapshot() == before
    pot = scene.kernel.position(winner).pot
    left = scene.kernel.inventory().outstanding
    done = scene.kernel.charge_round()
    assert (done.deficit, done.reachable) == (left, pot - 1)
    assert 0 <= pot - min(left, pot) - scene.kernel.position(winner).pot <= 2
    scene.kernel.assert_conserved()


# --- the same generation again -----------------------------------------------------------------------------


def test_sealed_generation_stands_a_second_adl_a_round_and_a_close_at_mark(scene):
    """Two ADLs, a round and a close at mark on one generation, compared with an account-by-account model."""
    first, second = scene.account("first", 5000), scene.account("second", 5000)
    whale = scene.account("whale", 5000)
    losers = [scene.bankrupt(first, 8, 48, sub=1), scene.bankrupt(first, 6, 72, sub=2)]
    losers.append(scene.bankrupt(second, 4, 64, sub=3))
    scene.open(whale, second, 14)
    sign = -scene.side
    models = {
        account: Winner(sign, Fraction(wad(size)), Fraction(wad(size) * 100))
        for account, size in ((first, 14), (second, 18))
    }

    def assert_models_match() -> None:
        for account, model in models.items():
            model.assert_matches(scene, account)
        scene.kernel.assert_conserved()

    # P* 6 against, 8 of 32; then P* 12 against, 6 of 24
    for loser, mark, price in zip(losers, (10, 14), (6, 12), strict=False):
        scene.move(mark)
        scene.kernel.absorb(loser)
        done = scene.kernel.deleverage()
        assert done.price == scene.price(price)
        for model in models.values():
            model.close(Fraction(1, 4), Fraction(scene.price(price)))
        assert_models_match()
    # E = 64 - 4 * 20 = -16, charged on open profit and pots
    mark = Fraction(scene.move(20))
    scene.kernel.absorb(losers[2])
    reachable = sum(model.profit(mark) + model.pot for model in models.values())
    done = scene.kernel.charge_round()
    assert done.deficit == wad(16)
    assert 0 <= reachable - done.reachable <= 6
    assert 0 <= done.share - wad(16) * RAY / reachable <= RAY * 6 / reachable + 1
    for model in models.values():
        model.charge(Fraction(done.share, RAY), mark)
    assert_models_match()
    # the inventory of 4 is closed at mark, against 4 of 18
    mark = Fraction(scene.vault.mark(0))
    done = scene.kernel.close_at_mark()
    share = next(log[5] for log in scene.logs() if log[0] == "CohortClosed")
    for model in models.values():
        model.close(Fraction(share, RAY) / Fraction(9, 16), mark)
    assert_models_match()
    # touching them gives exactly that
    for account, model in models.items():
        before = scene.equity(account)
        scene.touch(account)
        p = scene.kernel.position(account)
        assert p.pot == 0
        assert 0 <= model.pot - p.maturing < 10**9 + 4
        assert 0 <= before - scene.equity(account) <= 4
    scene.kernel.assert_conserved()


def test_join_of_a_sealed_tick_opens_a_sibling(scene):
    winner, _ = crash(scene, winner_size=20)
    scene.kernel.deleverage()
    old = scene.kernel.position(winner).key
    scene.move(0)
    late = scene.account("late", 1000)
    scene.open(account_of("bystander"), late, 5)
    assert scene.kernel.position(late).key == old + 1
    assert scene.vault.cohort_words(old)[4] == 1 << 1
    p = scene.kernel.position(late)
    assert (p.size, p.notional) == (-scene.side * wad(5), -scene.side * wad(500))
    # touched, the winner leaves the old generation, which is reborn: he is its first new member
    scene.touch(winner)
    p = scene.kernel.position(winner)
    assert (p.key, p.size, p.pot) == (old, -scene.side * wad(10), 0)
    assert scene.vault.cohort_words(old)[:4] == [wad(10) | wad(1000) << 112 | (1 << 1 | 1) << 249, 0, 0, 0]
    scene.kernel.assert_conserved()


def test_generations_of_a_tick_are_closed_lowest_first_and_reborn(scene):
    """
    Generation 0 is closed before its sibling; when both are empty the tick starts again with generation 0.
    """
    winner, _ = crash(scene, winner_size=20)
    scene.kernel.deleverage()
    base = scene.kernel.position(winner).key
    scene.move(0)
    late = scene.account("late", 5000)
    second = scene.bankrupt(late, 12, 72, name="second loser")
    scene.move(10)
    scene.kernel.absorb(second)
    done = scene.kernel.deleverage()
    closed = [(log[2], log[4]) for log in scene.logs() if log[0] == "CohortClosed"]
    assert [key for key, _ in closed] == [base, base + 1]
    assert closed[0][1] == wad(10)
    assert 0 <= wad(2) - closed[1][1] <= 1
    assert done.is_done
    scene.touch(winner)
    bystander = account_of("bystander")
    left = Decimal(abs(scene.kernel.position(late).size)) / WAD
    scene.open(late, scene.account("heir", 1000), left)
    scene.move(0)
    newcomer = scene.account("newcomer", 1000)
    scene.open(bystander, newcomer, 5)
    assert scene.kernel.position(newcomer).key == base
    scene.kernel.assert_conserved()


# --- who pays nothing --------------------------------------------------------------------------------------


def test_idle_losing_and_other_markets_accounts_are_untouched(scene):
    """S08, S09: only profitable positions on the other side of this market pay."""
    idle = scene.account("idle", 1234)
    elsewhere = scene.account("elsewhere", 1000)
    partner = scene.account("partner", 1000)
    scene.open(partner, elsewhere, 5, market=1)
    winner, _ = crash(scene, winner_size=20)
    bystander = account_of("bystander")
    before = [scene.equity(a) for a in (idle, elsewhere, partner, bystander)]
    scene.kernel.deleverage()
    assert [scene.equity(a) for a in (idle, elsewhere, partner, bystander)] == before
    assert scene.equity(winner) == wad(5000 + 200 - 40)
    scene.kernel.assert_conserved()


def test_funding_is_booked_to_the_last_second_before_the_close(scene):
    """A05: losers pay 1e-7 a second of mark for 600 s: 0.006 a unit, which the closed winner has got."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    scene.kernel.set_price(100, seconds=600, rate=scene.side * 10**11)
    scene.move(10)
    scene.kernel.absorb(loser)
    assert scene.kernel.inventory().outstanding == wad("40.06")
    scene.kernel.deleverage()
    state = scene.kernel.state(winner)
    assert (state.cash, state.maturing) == (wad("1000.06"), wad(100) - wad("40.06"))
    # a funding index that moves on is no longer his
    scene.kernel.set_price(float(scene.price(10) / WAD), seconds=600, rate=scene.side * 10**11)
    assert scene.kernel.state(winner).cash == wad("1000.06")
    scene.kernel.assert_conserved()


# --- gas ---------------------------------------------------------------------------------------------------


def crowd(scene: Scene, members: int) -> tuple[int, int]:
    """Gas of a deleveraging and of a round against one cohort of so many members."""
    whale = scene.account("whale", 100_000)
    size = wad(60) // members
    makers = [scene.account("member", 1000, sub=n) for n in range(members - 1)]
    for start in range(0, len(makers), 16):
        part = [(m, -scene.side * size, wad(100), 0, False) for m in makers[start : start + 16]]
        with boa.env.prank(actor("exchange")):
            scene.vault.fill(0, whale, 0, False, part)
    loser = scene.bankrupt(scene.account("last", 10_000), size / WAD, size * 6 / WAD)
    scene.move(10)
    scene.kernel.absorb(loser)
    gas = []
    for act in (scene.kernel.deleverage, scene.kernel.charge_round):
        with boa.env.anchor():
            act()
            gas.append(scene.gas())
    return gas[0], gas[1]


def test_cost_does_not_depend_on_the_number_of_members(shared_kernel):
    """I10: 2 and 60 members cost the same within 2 %."""
    gas = []
    for members in (2, 60):
        with boa.env.anchor():
            gas.append(crowd(fresh(shared_kernel, 1), members))
    for few, many in zip(*gas, strict=True):
        assert abs(many - few) * 50 <= few


# --- when it may not ---------------------------------------------------------------------------------------


def test_deleverage_only_by_the_loss_allocator(scene):
    crash(scene)
    before = scene.snapshot()
    with boa.env.prank(actor("attacker")), boa.reverts("vault: not loss allocator"):
        scene.vault.deleverage(0, 10)
    assert scene.snapshot() == before


def test_deleverage_refuses_a_direct_call(shared_kernel):
    part = shared_kernel.parts["MarginVaultLossSharing"]
    with boa.env.prank(actor("allocator")), boa.reverts("kernel: direct call"):
        part.deleverage(0, 10)


def test_deleverage_without_a_deficit_reverts(scene):
    """Absorbed with equity left: the cushion is the inventory's, nobody pays."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    scene.move("5.5")
    scene.kernel.absorb(loser)
    assert scene.kernel.inventory().equity > 0
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: no deficit"):
        scene.vault.deleverage(0, 10)
    assert scene.snapshot() == before


@pytest.mark.parametrize(("against", "is_dust"), [("6.001", True), ("6.001001", False)])
def test_deficit_of_dust_is_no_deficit(scene, against, is_dust):
    """Dust is 0.01: 10 units 0.001 beyond bankruptcy lack just that, and a millionth more is a deficit."""
    crash(scene, against=against)
    if not is_dust:
        scene.kernel.deleverage()
        assert scene.kernel.claims()[0].outstanding == 0
        scene.kernel.assert_conserved()
        return
    assert scene.kernel.inventory().outstanding == wad("0.01")
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: no deficit"):
        scene.vault.deleverage(0, 10)
    assert scene.snapshot() == before


@pytest.mark.parametrize("age", [600, 601])
def test_deleverage_needs_a_fresh_mark(scene, age):
    crash(scene)
    wait(age)
    if age == 600:
        scene.kernel.deleverage()
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("market: stale mark"):
        scene.vault.deleverage(0, 10)
    assert scene.snapshot() == before


@pytest.mark.parametrize("limit", [0, 4097])
def test_deleverage_with_a_bad_step_count_reverts(scene, limit):
    crash(scene)
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: bad step count"):
        scene.vault.deleverage(0, limit)
    assert scene.snapshot() == before


def test_deleverage_of_an_unknown_market_reverts(scene):
    with boa.env.prank(actor("allocator")), boa.reverts("market: unknown"):
        scene.vault.deleverage(3, 10)


def test_deleverage_waits_while_the_fund_can_pay(scene):
    """INC-01: not a unit of ADL while the fund would pay the least of it."""
    crash(scene)
    scene.with_fund(reserve="0.000001")
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: fund can pay"):
        scene.vault.deleverage(0, 10)
    assert scene.snapshot() == before


def test_deleverage_when_the_fund_is_exhausted(scene):
    crash(scene)
    scene.with_fund(reserve=15, community=5)
    scene.vault.pay_claims(0)
    done = scene.kernel.deleverage()
    assert (done.price, done.improvement) == (scene.price(8), wad(20))
    claim = scene.kernel.claims()[0]
    assert (claim.reserve, claim.community, claim.adl, claim.outstanding) == (wad(15), wad(5), wad(20), 0)
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("mode", [MODE_NORMAL, MODE_RESTRICTED])
def test_modes_below_adl_do_not_spare_the_fund(scene, mode):
    crash(scene)
    scene.with_fund(reserve=100)
    scene.set_mode(mode)
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: fund can pay"):
        scene.vault.deleverage(0, 10)
    assert scene.snapshot() == before


def test_mode_adl_opens_the_tier_though_the_fund_could_pay(scene):
    crash(scene)
    fund = scene.with_fund(reserve=100)
    scene.set_mode(MODE_ADL)
    scene.kernel.deleverage()
    claim = scene.kernel.claims()[0]
    assert (claim.adl, claim.reserve, claim.outstanding) == (wad(40), 0, 0)
    assert fund.calls() == 0
    scene.kernel.assert_conserved()


def test_deleverage_works_when_trading_is_paused_and_the_market_closed(scene):
    """A01: what stops traders does not stop the way out of a crisis."""
    crash(scene)
    with boa.env.prank(actor("guardian")):
        scene.vault.set_paused(True)
        scene.vault.set_market_status(0, 2)
    scene.kernel.deleverage()
    assert scene.kernel.claims()[0].outstanding == 0
    scene.kernel.assert_conserved()
