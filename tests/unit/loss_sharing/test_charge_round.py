"""
Rounds: every profit of the market, open, realised or maturing, pays the same share, and never more than
itself.
"""

from fractions import Fraction

import boa
import pytest

from tests.kernel import ADL, RAY, SOCIALISED, WAD, account_of, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import MODE_ADL, Scene, Winner, ceil_div, fresh


def crash(scene: Scene, against: float = 10, winner_size: float = 10) -> int:
    """Inventory of 10 bought at 100 with 60 of margin, and a winner of `winner_size`."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    if winner_size > 10:
        scene.open(scene.account("bystander", 5000), winner, winner_size - 10)
    scene.move(against)
    scene.kernel.absorb(loser)
    return winner


def test_round_takes_the_deficits_share_of_open_profit(scene):
    """D = 40 of a profit of 100: 40 %; the winner's entry moves 4 of 10 towards mark."""
    winner = crash(scene)
    done = scene.kernel.charge_round()
    logs = scene.logs()
    mark = scene.price(10)
    share = RAY * 4 // 10
    assert tuple(done) == (wad(40), wad(100), share, 1, True)
    notional = scene.side * wad(10) * mark // WAD
    start = boa.env.timestamp
    assert logs == [
        ("InventoryChanged", 0, scene.side * wad(10), notional, -wad(40), wad(40), start, start),
        ("RoundOpened", 0, mark, wad(40)),
        ("RoundCharged", 0, 0, mark, wad(40), wad(100), share, 0, scene.vault.market_words(0)[3]),
        ("ClaimPaid", 0, 0, SOCIALISED, wad(40), 0),
        ("InventoryChanged", 0, scene.side * wad(10), notional, 0, 0, start, start),
    ]
    p = scene.kernel.position(winner)
    assert (p.size, p.pot) == (-scene.side * wad(10), 0)
    assert p.notional == -scene.side * 10 * scene.price(4)
    assert p.unrealised == wad(60)
    assert scene.kernel.inventory().equity == 0
    assert scene.kernel.claims()[0].socialised == wad(40)
    assert scene.vault.round_word(0, 0) == share | mark << 96
    scene.kernel.assert_conserved()


def test_round_charges_both_sides_and_all_classes_alike(scene):
    """
    Whoever is in profit at mark pays: also one on the losers' side who entered long before, in any class.
    """
    scene.move(20)
    early = scene.account("early", 5000)
    counterparty = scene.account("counterparty", 5000)
    scene.open(early, counterparty, 5)
    scene.move(0)
    slow = scene.account("slow", 5000, leverage_class=3)
    scene.open(scene.account("bystander", 5000), slow, 5)
    winner = crash(scene)
    profits = {winner: 100, early: 50, slow: 50}
    others = [account_of("bystander"), counterparty]
    before = {a: scene.equity(a) for a in [*profits, *others]}
    done = scene.kernel.charge_round()
    assert (done.reachable, done.share, done.cohorts) == (wad(200), RAY // 5, 3)
    for account, profit in profits.items():
        assert before[account] - scene.equity(account) == wad(profit) // 5
    for account in others:
        assert scene.equity(account) == before[account]
    scene.kernel.assert_conserved()


def test_round_charges_open_pot_and_maturing_profit_alike(scene):
    """
    One winner still holds, one was deleveraged, one has closed: all pay the same share of what they won.
    """
    holder = scene.account("holder", 5000)
    closer = scene.account("closer", 5000)
    deleveraged = scene.account("deleveraged", 5000)
    first = scene.bankrupt(deleveraged, 10, 60, sub=1)
    second = scene.bankrupt(holder, 10, 70, sub=2)
    scene.open(scene.account("bystander", 5000), closer, 10)
    # the one to be deleveraged ranks first: he entered better
    scene.move(10)
    scene.open(closer, scene.account("heir", 5000), 10)
    scene.kernel.absorb(first)
    scene.kernel.deleverage()
    taken = {a: scene.kernel.position(a) for a in (holder, deleveraged)}
    scene.kernel.absorb(second)
    parts = {}
    for account in (holder, deleveraged, closer):
        p = scene.kernel.position(account)
        parts[account] = p.unrealised + p.pot + p.maturing
    assert parts[closer] == wad(100)
    assert taken[holder].pot == taken[deleveraged].pot
    before = {a: scene.equity(a) for a in parts}
    done = scene.kernel.charge_round()
    total = sum(parts.values())
    assert done.deficit == wad(30)
    assert 0 <= total - done.reachable <= 4
    for account, profit in parts.items():
        paid = before[account] - scene.equity(account)
        assert 0 <= paid - Fraction(done.share, RAY) * profit < 10**9 + 4
    scene.kernel.assert_conserved()


def test_round_spares_idle_losing_and_other_markets_accounts(scene):
    """S08, S09"""
    idle = scene.account("idle", 777)
    elsewhere, partner = scene.account("elsewhere", 1000), scene.account("partner", 1000)
    scene.open(partner, elsewhere, 5, market=1)
    scene.move(10, market=1)
    crash(scene, winner_size=20)
    accounts = [idle, elsewhere, partner, account_of("bystander")]
    before = [scene.equity(a) for a in accounts]
    scene.kernel.charge_round()
    assert [scene.equity(a) for a in accounts] == before
    scene.kernel.assert_conserved()


def test_deficit_beyond_all_profit_leaves_a_claim_and_a_later_profit_pays_it(scene):
    """f = 1: entries are at mark afterwards. What the winners win next is taken too, f = 1 again."""
    winner = crash_beyond_profit(scene)
    done = scene.kernel.charge_round()
    # D = 10 * 20 - 60 = 140 > 5 * 20 = 100
    assert (done.deficit, done.reachable, done.share) == (wad(140), wad(100), RAY)
    assert scene.kernel.position(winner).unrealised == 0
    assert scene.equity(winner) == wad(5000)
    claim = scene.kernel.claims()[0]
    assert (claim.socialised, claim.outstanding) == (wad(100), wad(40))
    scene.kernel.assert_conserved()
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: nothing reachable"):
        wait(600)
        scene.vault.charge_round(0, 10)
    assert scene.snapshot() == before
    # two further: the inventory loses 20, the winner and who took over the other half win 10 each
    scene.move(22)
    done = scene.kernel.charge_round()
    assert (done.deficit, done.reachable, done.share) == (wad(60), wad(20), RAY)
    assert scene.equity(winner) == scene.equity(account_of("heir")) == wad(5000)
    assert scene.kernel.inventory().outstanding == wad(40)
    scene.kernel.assert_conserved()


def crash_beyond_profit(scene: Scene) -> int:
    """
    Inventory of 10 against which only half is held in profit: the other half entered at the crash's mark.
    """
    winner, leaver = scene.account("winner", 5000), scene.account("leaver", 5000)
    loser = scene.bankrupt(winner, 5, 60)
    scene.open(loser, leaver, 5)
    # the other half changes hands at 20 against, and what its first holder won has matured when the loser
    # is found
    scene.move(20)
    scene.open(leaver, scene.account("heir", 5000), 5)
    for _ in range(26):
        scene.move(20, seconds=600)
    scene.touch(leaver)
    scene.kernel.absorb(loser)
    return winner


# --- when a round is due -----------------------------------------------------------------------------------


def small_deficit_after_a_round(scene: Scene, seconds: int) -> None:
    """A deficit of 0.3 against a profit of 60.3, so many seconds after a round."""
    crash(scene)
    scene.kernel.charge_round()
    scene.move("10.03", seconds=seconds)


@pytest.mark.parametrize("seconds", [1, 599])
def test_small_round_too_soon_reverts(scene, seconds):
    small_deficit_after_a_round(scene, seconds)
    assert scene.kernel.inventory().outstanding == wad("0.3")
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: round too soon"):
        scene.vault.charge_round(0, 10)
    assert scene.snapshot() == before


def test_small_round_after_ten_minutes(scene):
    small_deficit_after_a_round(scene, 600)
    done = scene.kernel.charge_round()
    assert (done.deficit, done.reachable) == (wad("0.3"), wad("60.3"))
    assert done.share == ceil_div(wad("0.3") * RAY, wad("60.3"))
    assert scene.kernel.inventory().outstanding == 0
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("against", "is_due"), [("10.06", False), ("10.061", True)])
def test_large_deficit_does_not_wait(scene, against, is_due):
    """Beyond 1 % of what is reachable a round is due at once: 0.6 of 60.6 is not, 0.61 of 60.61 is."""
    crash(scene)
    scene.kernel.charge_round()
    scene.move(against, seconds=1)
    if is_due:
        assert scene.kernel.charge_round().is_done
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: round too soon"):
        scene.vault.charge_round(0, 10)
    assert scene.snapshot() == before


# --- a round in several calls ------------------------------------------------------------------------------


def two_tick_crash(scene: Scene) -> list[int]:
    """Winners in three ticks on both sides."""
    scene.move(20)
    early, partner = scene.account("early", 5000), scene.account("partner", 5000)
    scene.open(early, partner, 4)
    scene.move(-5)
    better = scene.account("better", 5000)
    scene.open(scene.account("bystander", 5000), better, 6)
    scene.move(0)
    return [crash(scene), early, better]


def test_round_through_a_cursor_ends_like_one_call(scene):
    winners = two_tick_crash(scene)
    with boa.env.anchor():
        whole = scene.kernel.charge_round()
        expected = [tuple(scene.kernel.position(a)) for a in winners]
        inventory = tuple(scene.kernel.inventory())
    assert whole.cohorts == 3
    for n in range(3):
        part = scene.kernel.charge_round(limit=1)
        assert (part.cohorts, part.is_done, part.share) == (1, False, 0) or n == 2
        scene.kernel.assert_conserved()
    if not part.is_done:
        part = scene.kernel.charge_round(limit=1)
    assert part.is_done
    assert tuple(part)[:3] == tuple(whole)[:3]
    assert [tuple(scene.kernel.position(a)) for a in winners] == expected
    assert tuple(scene.kernel.inventory()) == inventory
    scene.kernel.assert_conserved()


def test_cursor_opens_once_and_logs_nothing_in_between(scene):
    two_tick_crash(scene)
    scene.kernel.charge_round(limit=1)
    assert [log[0] for log in scene.logs()] == ["InventoryChanged", "RoundOpened"]
    scene.kernel.charge_round(limit=1)
    assert scene.logs() == []


@pytest.mark.parametrize(
    ("role", "call"),
    [
        (
            "exchange",
            lambda s: s.vault.fill(
                0, account_of("winner"), 0, False, [(account_of("early"), wad(1), wad(90), 0, False)]
            ),
        ),
        ("keeper", lambda s: s.vault.update_mark(0)),
        ("keeper", lambda s: s.vault.pay_claims(0)),
        ("keeper", lambda s: s.vault.touch(account_of("winner"), 0)),
        ("engine", lambda s: s.vault.take_over(account_of("winner"), 0, wad(1), account_of("early"), 0)),
        (
            "exchange",
            lambda s: s.vault.close_with_orders(
                0, account_of("winner"), 0, [(account_of("early"), wad(1), wad(90), 0, False)]
            ),
        ),
        ("engine", lambda s: s.vault.absorb(account_of("winner"), account_of("keeper"))),
        ("engine", lambda s: s.vault.buy_inventory(0, account_of("early"), wad(1), 0)),
        ("allocator", lambda s: s.vault.deleverage(0, 10)),
        ("allocator", lambda s: s.vault.close_at_mark(0, 10)),
    ],
    ids=[
        "fill",
        "update_mark",
        "pay_claims",
        "touch",
        "take_over",
        "close_with_orders",
        "absorb",
        "buy_inventory",
        "deleverage",
        "close_at_mark",
    ],
)
def test_market_stands_still_while_a_round_is_open(scene, role, call):
    two_tick_crash(scene)
    scene.kernel.charge_round(limit=1)
    wait(10)
    before = scene.snapshot()
    with boa.env.prank(actor(role)), boa.reverts("market: round open"):
        call(scene)
    assert scene.snapshot() == before


def test_deposits_and_other_markets_go_on_while_a_round_is_open(scene):
    two_tick_crash(scene)
    scene.kernel.charge_round(limit=1)
    scene.account("winner", 5)
    scene.open(scene.account("elsewhere", 100), scene.account("partner elsewhere", 100), 5, market=1)
    scene.move(1, market=1)
    scene.kernel.assert_conserved()


def test_open_round_is_finished_on_a_stale_mark(scene):
    """Price and deficit are those of its first call, so time cannot stop it."""
    two_tick_crash(scene)
    first = scene.kernel.charge_round(limit=1)
    wait(3000)
    done = scene.kernel.charge_round()
    assert (done.is_done, done.deficit) == (True, first.deficit)
    assert scene.kernel.inventory().outstanding == 0
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("seconds", [1, 599])
@pytest.mark.parametrize(
    ("against", "reason"), [("10.03", "crisis: round too soon"), (14, None)], ids=["small", "large"]
)
def test_round_soon_after_another_is_found_in_one_call_or_not_at_all(scene, against, reason, seconds):
    """
    Within ten minutes nobody may hold the market for a round that may turn out too small; and who asks for
    too little is told so, whether a round is due or not: by the work he allows he does not choose the tier.
    """
    two_tick_crash(scene)
    # who was in profit before is at mark now, and his generation stays
    cohorts = scene.kernel.charge_round().cohorts
    assert cohorts == 3
    scene.move(against, seconds=seconds)
    before = scene.snapshot()
    for limit in range(1, cohorts):
        with boa.env.prank(actor("allocator")), boa.reverts("round: too few cohorts"):
            scene.vault.charge_round(0, limit)
    assert scene.snapshot() == before
    if reason:
        with boa.env.prank(actor("allocator")), boa.reverts(reason):
            scene.vault.charge_round(0, cohorts)
        assert scene.snapshot() == before
        return
    assert scene.kernel.charge_round(limit=cohorts).is_done
    scene.kernel.assert_conserved()


def test_round_of_several_calls_may_begin_ten_minutes_after_another(scene):
    two_tick_crash(scene)
    scene.kernel.charge_round()
    scene.move(14, seconds=600)
    assert not scene.kernel.charge_round(limit=1).is_done
    assert scene.kernel.charge_round().is_done
    scene.kernel.assert_conserved()


def test_round_that_is_open_goes_on_with_little_work_at_any_time(scene):
    """Only who begins one is asked for enough work: an open round always ends."""
    two_tick_crash(scene)
    scene.kernel.charge_round()
    scene.move(14, seconds=600)
    calls = 0
    while not scene.kernel.charge_round(limit=1).is_done:
        calls += 1
    assert calls >= 2
    assert scene.kernel.inventory().outstanding == 0
    scene.kernel.assert_conserved()


def test_open_round_that_finds_nothing_lets_the_market_go(scene):
    """All profit was taken before; two generations to look at, one a call, and nothing in them."""
    scene.move(-5)
    better = scene.account("better", 5000)
    scene.open(scene.account("bystander", 5000), better, "1.1")
    scene.move(0)
    winner = crash_beyond_profit(scene)
    assert scene.kernel.charge_round().share == RAY
    # the entries of the charged generations are at mark now; a little back, and nobody is in profit
    scene.move("19.5", seconds=600)
    assert scene.kernel.inventory().outstanding == wad("7.5")
    opened = scene.kernel.charge_round(limit=1)
    assert not opened.is_done
    deficit = scene.kernel.inventory().outstanding
    done = scene.kernel.charge_round()
    assert (done.is_done, done.reachable, done.share) == (True, 0, 0)
    assert scene.logs() == [("RoundAbandoned", 0, deficit)]
    assert (scene.equity(winner), scene.equity(better)) == (wad("4997.5"), wad("4999.45"))
    scene.move(19)
    scene.kernel.assert_conserved()


# --- many rounds -------------------------------------------------------------------------------------------


def test_rounds_add_up_on_pending_generations(scene):
    """Three rounds that nobody applied, read at once: the same as charging each account at each mark."""
    winner = crash(scene, winner_size=20)
    model = Winner(-scene.side, Fraction(wad(20)), Fraction(wad(2000)))
    for against in (10, 13, 11, 16):
        mark = scene.move(against) if against != 10 else scene.vault.mark(0)
        if scene.kernel.inventory().outstanding == 0:
            continue
        done = scene.kernel.charge_round()
        model.charge(Fraction(done.share, RAY), Fraction(mark))
        model.assert_matches(scene, winner)
        scene.kernel.assert_conserved()
    assert scene.vault.round_word(0, 2) != 0
    before = scene.equity(winner)
    scene.touch(winner)
    assert 0 <= before - scene.equity(winner) <= 4
    scene.kernel.assert_conserved()


def test_who_joins_after_a_round_that_is_pending_has_no_part_in_it(scene):
    """The generation was opened after the first round, and nobody has applied the second one to it."""
    crash(scene)
    scene.kernel.charge_round()
    late, other = scene.account("late", 5000), scene.account("other", 5000)
    scene.open(other, late, 5)
    scene.move(20, seconds=600)
    scene.kernel.charge_round()
    scene.move(10)
    newcomer = scene.account("newcomer", 5000)
    scene.open(other, newcomer, 5)
    assert scene.kernel.position(newcomer).key == scene.kernel.position(late).key + 1
    assert scene.equity(newcomer) == wad(5000)
    scene.kernel.assert_conserved()


def test_nobody_joins_a_generation_that_was_charged_and_synced(scene):
    """No round is pending any more, but its members' entries have moved."""
    key = scene.kernel.position(crash(scene, winner_size=20)).key
    scene.kernel.charge_round()
    scene.vault.sync_cohort(key, 64)
    scene.move(0)
    newcomer = scene.account("newcomer", 5000)
    scene.open(scene.account("other", 5000), newcomer, 5)
    assert scene.kernel.position(newcomer).key == key + 1
    assert scene.equity(newcomer) == wad(5000)
    scene.kernel.assert_conserved()


def test_round_without_inventory_charges_pots(scene):
    """The band left a deficit and closed everything: claims are paid out of what ADL realised."""
    winner = crash(scene, against=40 if scene.side > 0 else 60)
    scene.kernel.deleverage()
    left = scene.kernel.inventory().outstanding
    pot = scene.kernel.position(winner).pot
    done = scene.kernel.charge_round()
    assert (done.deficit, done.reachable) == (left, pot - 1)
    claim = scene.kernel.claims()[0]
    assert claim.socialised == min(left, pot - 1)
    assert claim.adl + claim.socialised + claim.outstanding == claim.amount
    scene.kernel.assert_conserved()


# --- when it may not ---------------------------------------------------------------------------------------


def test_round_only_by_the_loss_allocator(scene):
    crash(scene)
    before = scene.snapshot()
    with boa.env.prank(actor("attacker")), boa.reverts("vault: not loss allocator"):
        scene.vault.charge_round(0, 10)
    assert scene.snapshot() == before


def test_round_refuses_a_direct_call(shared_kernel):
    part = shared_kernel.parts["MarginVaultLossSharing"]
    with boa.env.prank(actor("allocator")), boa.reverts("kernel: direct call"):
        part.charge_round(0, 10)


@pytest.mark.parametrize("limit", [0, 4097])
def test_round_with_a_bad_step_count_reverts(scene, limit):
    crash(scene)
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: bad step count"):
        scene.vault.charge_round(0, limit)
    assert scene.snapshot() == before


def test_round_needs_a_fresh_mark(scene):
    crash(scene)
    wait(601)
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("market: stale mark"):
        scene.vault.charge_round(0, 10)
    assert scene.snapshot() == before


@pytest.mark.parametrize(("against", "is_dust"), [("6.001", True), ("6.001001", False)])
def test_round_for_dust_reverts(scene, against, is_dust):
    crash(scene, against=against)
    if not is_dust:
        assert scene.kernel.charge_round().deficit == wad("0.01001")
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: no deficit"):
        scene.vault.charge_round(0, 10)
    assert scene.snapshot() == before


def test_round_waits_while_the_fund_can_pay(scene):
    crash(scene)
    scene.with_fund(reserve="0.000001")
    before = scene.snapshot()
    with boa.env.prank(actor("allocator")), boa.reverts("crisis: fund can pay"):
        scene.vault.charge_round(0, 10)
    assert scene.snapshot() == before


def test_mode_adl_opens_rounds_though_the_fund_could_pay(scene):
    crash(scene)
    fund = scene.with_fund(reserve=100)
    scene.set_mode(MODE_ADL)
    scene.kernel.charge_round()
    assert scene.kernel.claims()[0].socialised == wad(40)
    assert fund.calls() == 0
    scene.kernel.assert_conserved()


def test_round_after_adl_pays_what_adl_left_in_the_order_of_claims(scene):
    """Two losers, one after the other: a round pays the older claim first."""
    winner = scene.account("winner", 5000)
    first = scene.bankrupt(winner, 10, 60, sub=1)
    second = scene.bankrupt(winner, 10, 80, sub=2)
    scene.move(10)
    scene.kernel.absorb(first)
    scene.kernel.absorb(second)
    assert [c.outstanding for c in scene.kernel.claims()] == [wad(40), wad(20)]
    with boa.env.anchor():
        scene.kernel.charge_round()
        paid = [log for log in scene.logs() if log[0] == "ClaimPaid"]
        assert paid == [
            ("ClaimPaid", 0, 0, SOCIALISED, wad(40), 0),
            ("ClaimPaid", 1, 0, SOCIALISED, wad(20), 0),
        ]
    scene.kernel.deleverage()
    assert [c.adl for c in scene.kernel.claims()] == [wad(40), wad(20)]
    assert all(log[3] == ADL for log in scene.logs() if log[0] == "ClaimPaid")
    scene.kernel.assert_conserved()


def test_round_conserves_with_any_token(any_decimals):
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(any_decimals, side)
            winner = crash(scene)
            scene.kernel.charge_round()
            assert scene.equity(winner) == wad(5060)
            scene.kernel.assert_conserved()


def test_round_reaches_profit_at_entries_octaves_apart(scene):
    """Winners entered at 10 and 100 (longs, mark 120), or at 400 and 100 (shorts, mark 80): their ticks
    stand in different words of the bitmap."""
    far = 10 if scene.side < 0 else 400
    early, bank = scene.account("early", 10_000), scene.account("bank", 100_000)
    late = scene.account("late", 10_000)
    scene.kernel.set_price(far)
    scene.open(bank, early, 10)
    scene.kernel.set_price(100)
    loser = scene.bankrupt(late)
    mark = scene.move(20)
    scene.kernel.absorb(loser)
    done = scene.kernel.charge_round()
    assert done.reachable == 10 * abs(mark - wad(far)) + wad(200)
    assert done.deficit == wad(140)
    scene.kernel.assert_conserved()


def test_round_goes_through_every_tick_of_every_word(scene):
    """Two ticks in each of two words of the bitmap."""
    far = (10, 10.5) if scene.side < 0 else (400, 420)
    bank = scene.account("bank", 100_000)
    for n, entry in enumerate([*far, 102]):
        scene.kernel.set_price(entry)
        scene.open(bank, scene.account("early", 10_000, sub=n), 10)
    scene.kernel.set_price(100)
    loser = scene.bankrupt(scene.account("late", 10_000))
    mark = scene.move(20)
    scene.kernel.absorb(loser)
    done = scene.kernel.charge_round()
    assert done.cohorts == 4
    assert done.reachable == sum(10 * abs(mark - wad(entry)) for entry in (*far, 102, 100))
    scene.kernel.assert_conserved()
