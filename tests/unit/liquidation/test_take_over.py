"""Take-over: when, how much and at what price a part of an unhealthy position changes hands."""

from decimal import Decimal
from fractions import Fraction

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel import WAD, account_of, liquidation_config, margin_config, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import MODE_CAUTION, MODE_HALTED, Scene, ceil_div, fresh

# At 4 against, a loser of 10 has maintenance 24 (long) or 26 (short); this margin leaves him at health 0.8.
MARGIN_AT_80 = {1: "59.2", -1: "60.8"}


def open_loser(scene: Scene, margin: float | str | Decimal | None = None, against: float = 4) -> int:
    loser = scene.account("loser", MARGIN_AT_80[scene.side] if margin is None else margin)
    scene.open(loser, scene.account("winner", 5000), 10)
    scene.move(against)
    return loser


def limit(scene: Scene) -> int:
    return 2**200 if scene.side > 0 else 0


def health(scene: Scene, account: int) -> Fraction:
    state = scene.kernel.state(account)
    return Fraction(state.equity, state.maintenance) if state.maintenance else Fraction(10**9)


def test_take_over_restores_target_health(scene):
    """
    h = 0.8: kappa = 0.05 * 0.2 = 1 %, a fifth of it for the fund.
    s = (1.25 MM - E) / (p (1.25 * 2.5 % - 1 %)) = 0.45 * 0.25 * 10 / 0.02125 base, rounded up.
    """
    loser = open_loser(scene)
    mark = scene.price(4)
    liquidator = scene.account("liquidator", 1000)
    taken = scene.kernel.take_over(loser, liquidator)
    logs = scene.logs()
    size = 5_294_117_647_058_823_530
    price = mark - scene.side * mark * 8 // 1000
    fee = size * mark // WAD * 2 // 1000
    assert tuple(taken) == (-scene.side * size, price, fee)
    # 100 at entry: what was closed is lost down to the price
    realised = -(size * abs(wad(100) - price) // WAD)
    assert abs(logs[0][5] - realised) <= 2
    assert logs == [
        scene.position_changed(loser, -scene.side * size, price, logs[0][5], fee),
        scene.position_changed(liquidator, scene.side * size, price),
        ("TakenOver", loser, 0, liquidator, -scene.side * size, price, fee, wad("0.8")),
    ]
    assert health(scene, loser) >= Fraction(5, 4)
    assert health(scene, loser) - Fraction(5, 4) < Fraction(1, 10**15)
    assert scene.vault.fee_state().liquidation == fee
    assert scene.kernel.position(loser).size == scene.side * (wad(10) - size)
    p = scene.kernel.position(liquidator)
    assert p.size == scene.side * size
    assert 0 <= size * mark // WAD * 8 // 1000 - p.unrealised <= 20
    scene.kernel.assert_conserved()


def test_take_over_conserves_with_any_token(any_decimals):
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(any_decimals, side)
            loser = open_loser(scene)
            scene.kernel.take_over(loser, scene.account("liquidator", 1000))
            scene.kernel.assert_conserved()


def test_cost_is_bounded_by_health_and_all_is_taken(scene):
    """h = 0.5: the slope would ask 2.5 %, more than h * 2.5 %; so 1.25 %, and no part restores the target."""
    margin = 40 + 10 * scene.price(4) // WAD / 80
    loser = open_loser(scene, margin)
    assert health(scene, loser) == Fraction(1, 2)
    mark = scene.price(4)
    bankruptcy = scene.kernel.position(loser).bankruptcy_price
    taken = scene.kernel.take_over(loser, scene.account("liquidator", 1000))
    kappa = wad("0.0125") - 10
    fund = kappa * 2 // 10
    assert tuple(taken) == (
        -scene.side * wad(10),
        mark - scene.side * (mark * (kappa - fund) // WAD),
        10 * mark * fund // WAD,
    )
    assert scene.side * (taken.price - bankruptcy) > 0
    # half of the equity's cost is the rate h * m * notional: all but the guard
    assert 0 <= scene.equity(loser) <= 10 * mark * 11 // WAD + 4
    assert scene.kernel.position(loser).size == 0
    scene.kernel.assert_conserved()


# --- borders -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0, 1])
def test_health_of_one_to_the_wei(fine_scene, missing):
    """At E = MM the account is healthy; one wei less, and it is taken over at mark, free of cost."""
    scene = fine_scene
    mark = scene.price(4)
    maintenance = 10 * mark // 40
    loser = open_loser(scene, Decimal(wad(40) + maintenance - missing) / WAD)
    assert scene.equity(loser) == maintenance - missing
    liquidator = scene.account("liquidator", 1000)
    if missing:
        taken = scene.kernel.take_over(loser, liquidator)
        # (0.25 MM + 1 wei) / (p * 0.03125) = 2 and a little
        assert 0 < abs(taken.size) - wad(2) <= 2
        assert (taken.price, taken.fee) == (mark, 0)
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: account healthy"):
        scene.vault.take_over(loser, 0, wad(10), liquidator, limit(scene))
    assert scene.snapshot() == before


@pytest.mark.parametrize("missing", [0, 1])
def test_equity_of_zero_to_the_wei(fine_scene, missing):
    """At E = 0 all is taken at mark; one wei less is the bankruptcy account's."""
    scene = fine_scene
    loser = open_loser(scene, Decimal(wad(60) - missing) / WAD, against=6)
    liquidator = scene.account("liquidator", 1000)
    if not missing:
        taken = scene.kernel.take_over(loser, liquidator)
        assert tuple(taken) == (-scene.side * wad(10), scene.price(6), 0)
        assert (scene.equity(loser), scene.kernel.position(loser).size) == (0, 0)
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: account insolvent"):
        scene.vault.take_over(loser, 0, wad(10), liquidator, limit(scene))
    assert scene.snapshot() == before


def test_a_part_can_be_taken_with_an_equity_of_zero(fine_scene):
    """Health was zero and stays zero: it does not fall."""
    scene = fine_scene
    loser = open_loser(scene, 60, against=6)
    assert scene.equity(loser) == 0
    taken = scene.kernel.take_over(loser, scene.account("liquidator", 1000), wad(4))
    assert tuple(taken) == (-scene.side * wad(4), scene.price(6), 0)
    assert (scene.equity(loser), scene.kernel.position(loser).size) == (0, scene.side * wad(6))
    scene.kernel.assert_conserved()


def test_take_over_is_capped_at_what_the_taker_wants(scene):
    loser = open_loser(scene)
    before = health(scene, loser)
    taken = scene.kernel.take_over(loser, scene.account("liquidator", 1000), wad(2))
    assert taken.size == -scene.side * wad(2)
    assert health(scene, loser) > before
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("is_all_wanted", [True, False])
def test_dust_is_not_left_behind(scene, is_all_wanted):
    """1.5 units cannot shrink by part of them without falling below 100: all or nothing."""
    loser = scene.account("loser", {1: 8.88, -1: 9.12}[scene.side])
    scene.open(loser, scene.account("winner", 5000), 1.5)
    scene.move(4)
    liquidator = scene.account("liquidator", 1000)
    assert health(scene, loser) == Fraction(4, 5)
    if is_all_wanted:
        taken = scene.kernel.take_over(loser, liquidator, wad("1.5"))
        assert taken.size == -scene.side * wad("1.5")
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: size leaves dust"):
        scene.vault.take_over(loser, 0, wad("1.5") - 1, liquidator, limit(scene))
    assert scene.snapshot() == before


def least(mark: int) -> int:
    """The smallest size worth 100 at a mark."""
    return ceil_div(wad(100) * WAD, mark)


def test_least_part_to_the_wei(scene):
    """Attack X20: who has no position in the market takes one of the least size, or none."""
    loser = open_loser(scene)
    liquidator, size = scene.account("liquidator", 1000), least(scene.price(4))
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: below minimum size"):
        scene.vault.take_over(loser, 0, size - 1, liquidator, limit(scene))
    assert scene.snapshot() == before
    taken = scene.kernel.take_over(loser, liquidator, size)
    assert taken.size == -scene.side * size
    assert scene.kernel.position(liquidator).size == scene.side * size
    scene.kernel.assert_conserved()


def test_taker_with_a_position_may_add_less_than_the_least(scene):
    """It is what he has afterwards that counts."""
    loser = open_loser(scene)
    liquidator = scene.account("liquidator", 1000)
    scene.open(liquidator, scene.account("bystander", 1000), "1.1")
    taken = scene.kernel.take_over(loser, liquidator, wad("0.01"))
    assert taken.size == -scene.side * wad("0.01")
    assert scene.kernel.position(liquidator).size == scene.side * wad("1.11")
    scene.kernel.assert_conserved()


def test_taker_who_closes_a_part_may_not_keep_less_than_the_least(scene):
    """The winner of 2 closes against the loser: all of it, or as much as leaves him the least size."""
    loser = open_loser(scene)
    holder, size = scene.account("holder", 1000), least(scene.price(4))
    scene.open(scene.account("bystander", 1000), holder, 2)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: below minimum size"):
        scene.vault.take_over(loser, 0, wad(2) - size + 1, holder, limit(scene))
    assert scene.snapshot() == before
    with boa.env.anchor():
        scene.kernel.take_over(loser, holder, wad(2) - size)
        assert scene.kernel.position(holder).size == -scene.side * size
        scene.kernel.assert_conserved()
    scene.kernel.take_over(loser, holder, wad(2))
    assert scene.kernel.position(holder).size == 0
    scene.kernel.assert_conserved()


def test_position_that_has_become_small_is_taken_over_whole(scene):
    """All there is may be less than the least size: here the least was raised after it was opened."""
    loser = open_loser(scene)
    config = margin_config(minimum_notional=wad(10_000))
    with scene.as_governance():
        scene.vault.set_margin_config(0, tuple(config.values()))
    liquidator = scene.account("liquidator", 1000)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: size leaves dust"):
        scene.vault.take_over(loser, 0, wad(10) - 1, liquidator, limit(scene))
    assert scene.snapshot() == before
    assert scene.kernel.take_over(loser, liquidator, wad(10)).size == -scene.side * wad(10)
    assert scene.kernel.position(loser).size == 0
    scene.kernel.assert_conserved()


def test_take_over_that_brings_the_entry_near_the_mark_books_the_profit(scene):
    """Attack X18: 1.1 held from two ticks away, 2 taken over just off mark: the entry is in the next tick."""
    early = scene.account("early", 5000)
    # ticks begin at 94.53, 95.69 and 96.84, and at 103.76, 104.91 and 106.06
    better = {1: Decimal(6), -1: Decimal(7)}[scene.side]
    scene.move(better)
    scene.open(early, scene.account("bystander", 5000), "1.1")
    scene.move(0)
    mark = scene.price(4)
    loser = open_loser(scene, 40 + Decimal(10 * mark) / WAD / 40 * Decimal("0.99"))
    held = scene.kernel.position(early)
    profit = held.unrealised
    assert profit == wad(Decimal("1.1") * (better - 4))
    taken = scene.kernel.take_over(loser, early)
    logs = scene.logs()
    realised = logs[2][5]
    assert logs[1:3] == [
        scene.maturing_changed(early),
        scene.position_changed(early, -taken.size, taken.price, realised),
    ]
    # with it what the discount is worth
    discount = abs(taken.size) * abs(mark - taken.price) // WAD
    assert 0 <= profit + discount - realised <= 20
    p = scene.kernel.position(early)
    assert p.unrealised == 0
    assert 0 <= realised - p.maturing <= 10**9
    scene.kernel.assert_conserved()


# --- promises ----------------------------------------------------------------------------------------------


def test_second_take_over_reverts(scene):
    """L01, L09: after the first the account is at its target, well above maintenance."""
    loser = open_loser(scene)
    liquidator = scene.account("liquidator", 1000)
    scene.kernel.take_over(loser, liquidator)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: account healthy"):
        scene.vault.take_over(loser, 0, wad(10), liquidator, limit(scene))
    assert scene.snapshot() == before


@given(
    side=st.sampled_from([1, -1]),
    margin=st.integers(50_000_000, 70_000_000),
    against=st.integers(3_000_000, 6_500_000),
    wanted=st.integers(11 * 10**17, 10**19),
)
def test_never_less_healthy_and_never_past_bankruptcy(shared_kernel, side, margin, against, wanted):
    """I9, whatever the margin, the mark and the size wanted (from the least size on)."""
    scene = fresh(shared_kernel, side)
    loser = open_loser(scene, Decimal(margin) / 10**6, Decimal(against) / 10**6)
    liquidator = scene.account("liquidator", 1000)
    state = scene.kernel.state(loser)
    bankruptcy = scene.kernel.position(loser).bankruptcy_price
    before = health(scene, loser)
    with boa.env.prank(actor("engine")):
        if not 0 <= state.equity < state.maintenance:
            with boa.reverts("margin: account insolvent" if state.equity < 0 else "margin: account healthy"):
                scene.vault.take_over(loser, 0, wanted, liquidator, limit(scene))
            return
        if 0 < (wad(10) - wanted) * scene.vault.mark(0) // WAD < wad(100):
            return
        taken = scene.vault.take_over(loser, 0, wanted, liquidator, limit(scene))
    assert health(scene, loser) >= before
    assert scene.side * (taken.price - bankruptcy) >= -1
    assert scene.equity(loser) >= 0
    assert abs(taken.size) <= wanted
    assert taken.size * side < 0
    scene.kernel.assert_conserved()


def test_liquidating_oneself_costs_the_funds_share(scene):
    """L03: the pair of one owner is poorer by the fee, to the wei of rounding."""
    loser = open_loser(scene)
    own = scene.account("loser", 1000, sub=1)
    before = scene.equity(loser) + scene.equity(own)
    taken = scene.kernel.take_over(loser, own)
    assert taken.fee > 0
    assert 0 <= before - taken.fee - scene.equity(loser) - scene.equity(own) <= 4
    scene.kernel.assert_conserved()


def test_taker_closes_his_own_opposite_position(scene):
    loser = open_loser(scene)
    winner = account_of("winner")
    taken = scene.kernel.take_over(loser, winner)
    assert scene.kernel.position(winner).size == -scene.side * wad(10) - taken.size
    assert scene.kernel.position(winner).maturing > 0
    scene.kernel.assert_conserved()


def test_whole_cost_to_the_fund(scene):
    """With the fund's share at 1 the taker gets mark, no better."""
    config = liquidation_config(fund_share=WAD)
    with scene.as_governance():
        scene.vault.set_liquidation_config(0, tuple(config.values()))
    loser = open_loser(scene)
    taken = scene.kernel.take_over(loser, scene.account("liquidator", 1000))
    assert taken.price == scene.price(4)
    assert taken.fee == abs(taken.size) * taken.price // WAD // 100
    scene.kernel.assert_conserved()


def test_multiplier_of_the_risk_mode_counts(scene):
    """An account at health 1.6 is at 0.8 when margins are doubled."""
    margin = 40 + Decimal(10 * scene.price(4)) / WAD / 40 * Decimal("1.6")
    loser = open_loser(scene, margin)
    liquidator = scene.account("liquidator", 2000)
    with boa.env.prank(actor("engine")), boa.reverts("margin: account healthy"):
        scene.vault.take_over(loser, 0, wad(10), liquidator, limit(scene))
    scene.set_mode(MODE_CAUTION, 2)
    scene.kernel.take_over(loser, liquidator)
    assert scene.logs()[-1][-1] == wad("0.8")
    scene.kernel.assert_conserved()


def test_take_over_works_when_trading_does_not(scene):
    loser = open_loser(scene)
    scene.set_mode(MODE_HALTED)
    with boa.env.prank(actor("guardian")):
        scene.vault.set_paused(True)
        scene.vault.set_market_status(0, 2)
    scene.kernel.take_over(loser, scene.account("liquidator", 1000))
    scene.kernel.assert_conserved()


def test_funding_is_accrued_before_health_is_judged(scene):
    """L18: 660 s at 4e-7 of mark a second; what was just healthy is not."""
    margin = 40 + Decimal(10 * scene.price(4)) / WAD / 40
    loser = open_loser(scene, margin)
    liquidator = scene.account("liquidator", 2000)
    with boa.env.prank(actor("engine")), boa.reverts("margin: account healthy"):
        scene.vault.take_over(loser, 0, wad(10), liquidator, limit(scene))
    mark = scene.price(4)
    scene.kernel.set_price(Decimal(mark) / WAD, seconds=600, rate=scene.side * 4 * 10**11)
    assert scene.equity(loser) == 10 * mark // 40 - 10 * mark * 264 // 10**6
    scene.kernel.take_over(loser, liquidator)
    scene.kernel.assert_conserved()


def test_maturing_profit_counts_as_equity_and_is_lost_first(scene):
    """
    50 realised before, then 55 against with 20 of cash: h is 15 / MM, and the loss eats the profit first.
    """
    loser = scene.account("loser", 60)
    helper = scene.account("helper", 5000)
    scene.open(helper, loser, 10)
    scene.move(5)
    scene.open(loser, helper, 10)
    scene.open(loser, scene.account("winner", 5000), 10)
    scene.move("14.5")
    state = scene.kernel.state(loser)
    assert (state.cash, state.maturing, state.equity) == (wad(60), wad(50), wad(15))
    taken = scene.kernel.take_over(loser, scene.account("liquidator", 2000))
    realised = next(log[5] for log in scene.logs() if log[0] == "PositionChanged")
    assert realised < -wad(50)
    after = scene.kernel.state(loser)
    assert after.maturing == 0
    assert after.cash == wad(60) + wad(50) + realised - taken.fee
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("size", [wad(2), wad(5), 2**111])
def test_burning_maturing_profit_does_not_stand_in_the_way(scene, size):
    """
    Health 0.5, cash -50, 150 maturing, a loss of 80: kappa is at its bound, which leaves 10 wei a quote. The
    loss burns whole shares, up to 1e-9 quote more than itself; health is judged before.
    """
    loser, helper = scene.account("loser", 100), scene.account("helper", 10**6)
    scene.open(loser, helper, 15)
    scene.move(-10)
    scene.move(0, market=1)
    scene.open(helper, loser, 15)
    scene.open(loser, helper, 15)
    scene.open(loser, helper, 3, market=1)
    for against in (10, 20, 30, 40, 50):
        scene.move(against, market=1, seconds=1)
    scene.move(-10, seconds=1)
    scene.open(helper, loser, 3, market=1)
    for against in ("-7", "-4.643210123456789123"):
        scene.move(against, seconds=10)
    state, before = scene.kernel.state(loser), health(scene, loser)
    assert state.cash == -wad(50)
    assert state.maturing == wad(150)
    assert Fraction(1, 2) < before < Fraction(3, 5)
    taken = scene.kernel.take_over(loser, scene.account("liquidator", 10**6), size)
    after = scene.kernel.state(loser)
    cost = abs(taken.size) * abs(taken.price - scene.vault.mark(0)) // WAD + taken.fee
    lost = state.equity - cost - after.equity
    assert -2 <= lost < 10**9
    judged = Fraction(after.equity + max(lost, 0), after.maintenance) if after.maintenance else before
    assert judged >= before
    scene.kernel.assert_conserved()


def test_position_of_a_charged_generation_is_settled_first(scene):
    """Accounts on both sides that a round has touched are read as they are now, and the pending is booked."""
    winner, rival = scene.account("winner", 5000), scene.account("rival", 110)
    first = scene.bankrupt(winner)
    scene.open(scene.account("bystander", 5000), rival, 10)
    scene.move(10)
    scene.kernel.absorb(first)
    scene.kernel.charge_round()
    # 40 of 200 were taken: the rival's entry is 2 worse
    assert scene.kernel.position(rival).unrealised == wad(80)
    scene.move(-7)
    state = scene.kernel.state(rival)
    assert state.equity == wad(110 - 20 - 70)
    taken = scene.kernel.take_over(rival, winner)
    assert taken.size * scene.side > 0
    assert state.equity * WAD // state.maintenance == scene.logs()[-1][-1]
    scene.kernel.assert_conserved()


def test_other_markets_count_at_their_last_good_mark(scene):
    """Only the market acted on, and what the taker holds, must be fresh."""
    loser = scene.account("loser", 110)
    scene.open(loser, scene.account("winner", 5000), 10)
    scene.open(loser, scene.account("other winner", 5000), 10, market=1)
    scene.move(4, market=1)
    scene.move(4, seconds=300)
    scene.move("4.5", seconds=301)
    assert scene.kernel.state(loser).is_stale
    before = health(scene, loser)
    assert before < 1
    scene.kernel.take_over(loser, scene.account("liquidator", 2000))
    assert health(scene, loser) > before
    scene.kernel.assert_conserved()


# --- when it may not ---------------------------------------------------------------------------------------


def test_limit_price(scene):
    """At the price itself it passes; one wei worse for the taker, and it does not."""
    loser = open_loser(scene)
    liquidator = scene.account("liquidator", 1000)
    price = scene.price(4) - scene.side * scene.price(4) * 8 // 1000
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: past limit price"):
        scene.vault.take_over(loser, 0, wad(10), liquidator, price - scene.side)
    assert scene.snapshot() == before
    with boa.env.prank(actor("engine")):
        assert scene.vault.take_over(loser, 0, wad(10), liquidator, price).price == price
    scene.kernel.assert_conserved()


def test_take_over_only_by_the_liquidation_engine(scene):
    loser = open_loser(scene)
    liquidator = scene.account("liquidator", 1000)
    before = scene.snapshot()
    with boa.env.prank(actor("attacker")), boa.reverts("vault: not liquidation engine"):
        scene.vault.take_over(loser, 0, wad(10), liquidator, limit(scene))
    assert scene.snapshot() == before


def test_take_over_refuses_a_direct_call(shared_kernel):
    part = shared_kernel.parts["MarginVaultLiquidation"]
    with boa.env.prank(actor("engine")), boa.reverts("kernel: direct call"):
        part.take_over(1, 0, 1, 2, 1)


def test_take_over_by_the_account_itself_reverts(scene):
    loser = open_loser(scene)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: self trade"):
        scene.vault.take_over(loser, 0, wad(10), loser, limit(scene))
    assert scene.snapshot() == before


def test_take_over_without_a_position_reverts(scene):
    idle, liquidator = scene.account("idle", 100), scene.account("liquidator", 1000)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: no position"):
        scene.vault.take_over(idle, 0, wad(10), liquidator, limit(scene))
    assert scene.snapshot() == before


def test_take_over_of_nothing_reverts(scene):
    loser = open_loser(scene)
    liquidator = scene.account("liquidator", 1000)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("vault: zero size"):
        scene.vault.take_over(loser, 0, 0, liquidator, limit(scene))
    assert scene.snapshot() == before


@pytest.mark.parametrize("age", [600, 601])
def test_take_over_needs_a_fresh_mark(scene, age):
    loser = open_loser(scene)
    liquidator = scene.account("liquidator", 1000)
    wait(age)
    if age == 600:
        scene.kernel.take_over(loser, liquidator)
        scene.kernel.assert_conserved()
        return
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("market: stale mark"):
        scene.vault.take_over(loser, 0, wad(10), liquidator, limit(scene))
    assert scene.snapshot() == before


def test_taker_needs_initial_margin(scene):
    loser = open_loser(scene)
    liquidator = scene.account("liquidator", 20)
    before = scene.snapshot()
    with boa.env.prank(actor("engine")), boa.reverts("margin: below initial margin"):
        scene.vault.take_over(loser, 0, wad(10), liquidator, limit(scene))
    assert scene.snapshot() == before


def test_take_over_in_an_unknown_market_reverts(scene):
    loser = open_loser(scene)
    liquidator = scene.account("liquidator", 1000)
    with boa.env.prank(actor("engine")), boa.reverts("market: unknown"):
        scene.vault.take_over(loser, 3, wad(10), liquidator, limit(scene))


@pytest.mark.parametrize(("late", "is_refused"), [(0, False), (1, True)])
def test_who_takes_over_needs_as_young_a_mark_as_for_any_opening(scene, late, is_refused):
    loser = open_loser(scene)
    with scene.as_governance():
        scene.vault.set_margin_config(0, tuple(margin_config(max_opening_age=30).values()))
    boa.env.timestamp += 30 + late
    if is_refused:
        with boa.reverts("margin: stale mark"):
            scene.kernel.take_over(loser, scene.account("liquidator", 5000))
    else:
        scene.kernel.take_over(loser, scene.account("liquidator", 5000))
    scene.kernel.assert_conserved()


def make_crowded(scene: Scene, share: str) -> None:
    """The lower cap is `share` of 1,120 quote; 960 or 1,040 are open at the mark of `open_loser`."""
    crowd = margin_config(
        open_interest_cap_quote=wad(1_120), open_interest_cap_base=wad(1_000), lower_cap_share=wad(share)
    )
    with scene.as_governance():
        scene.vault.set_margin_config(0, tuple(crowd.values()))


@pytest.mark.parametrize(("share", "is_refused"), [("0.9375", False), ("0.5", True)])
def test_who_takes_over_needs_the_margin_of_a_crowded_market(scene, share, is_refused):
    loser = open_loser(scene)
    liquidator = scene.account("liquidator", 100)
    make_crowded(scene, share)
    if is_refused:
        with boa.reverts("margin: below initial margin"):
            scene.kernel.take_over(loser, liquidator)
    else:
        scene.kernel.take_over(loser, liquidator)
        assert scene.kernel.position(liquidator).size != 0
