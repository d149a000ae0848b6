"""Order-book close: a position goes to resting orders and costs its owner no more than a take-over."""

from decimal import Decimal
from fractions import Fraction

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel import EXCHANGE, WAD, account_of, liquidation_config, margin_config, wad
from tests.support import actor, deploy, wait
from tests.unit.crisis.scene import MODE_RESTRICTED, Scene, ceil_div, fresh
from tests.unit.liquidation.test_take_over import health, least, make_crowded, open_loser

# At health 0.8 the cost is 1 % of notional, a fifth of it for the fund; this much is taken over then.
PLANNED = 5_294_117_647_058_823_530
UNLIMITED = 2**111


def order(
    scene: Scene, maker: int, size: int, price: int, fee_rate: int = 0, is_reduce_only: bool = False
) -> tuple:
    """A maker's part: he takes what the loser gives."""
    return (maker, scene.side * size, price, fee_rate, is_reduce_only)


def mark_less(scene: Scene, share: str) -> int:
    """The mark, worse for the loser by a share."""
    mark = scene.vault.mark(0)
    return mark - scene.side * int(Fraction(share) * mark)


def assert_refused(scene: Scene, message: str, account: int, makers: list[tuple], **options: object) -> None:
    before = scene.snapshot()
    with boa.env.prank(actor(str(options.get("sender", "exchange")))), boa.reverts(message):
        scene.vault.close_with_orders(options.get("market", 0), account, account_of("keeper"), makers)
    assert scene.snapshot() == before


@pytest.fixture
def loser(scene: Scene) -> int:
    return open_loser(scene)


@pytest.fixture
def maker(scene: Scene) -> int:
    return scene.account("maker", 1000)


# --- what it does ------------------------------------------------------------------------------------------


def test_close_restores_target_health_at_the_makers_price(scene, loser, maker):
    """
    The maker is 0.3 % off mark, a take-over 0.8 %: of the 0.5 % saved the keeper gets 1e-4 of the size and
    the flat 1.
    """
    mark, price = scene.vault.mark(0), mark_less(scene, "0.003")
    reward = scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED, price, WAD // 5000)])
    logs = scene.logs()
    fee = PLANNED * mark // WAD * 2 // 1000
    maker_fee = ceil_div(ceil_div(PLANNED * price, WAD) if scene.side > 0 else PLANNED * price // WAD, 5000)
    assert reward == wad(1) + PLANNED * mark // WAD // 10_000
    realised = logs[0][5]
    assert abs(realised + PLANNED * abs(wad(100) - price) // WAD) <= 2
    mean = logs[0][4]
    assert abs(mean - price) <= 1
    assert logs == [
        scene.position_changed(loser, -scene.side * PLANNED, mean, realised, fee),
        scene.position_changed(maker, scene.side * PLANNED, price, 0, maker_fee),
        (
            "ClosedWithOrders",
            loser,
            0,
            account_of("keeper"),
            -scene.side * PLANNED,
            mean,
            fee,
            reward,
            wad("0.8"),
            scene.vault.account_word(account_of("keeper")),
        ),
    ]
    # what he did not pay of the planned 1 % is his
    assert health(scene, loser) > Fraction(5, 4)
    assert scene.equity(account_of("keeper")) == reward
    assert scene.vault.fee_state().liquidation == fee
    assert scene.vault.fee_state().trading == maker_fee
    assert scene.kernel.position(loser).size == scene.side * (wad(10) - PLANNED)
    assert scene.kernel.position(maker).size == scene.side * PLANNED
    scene.kernel.assert_conserved()


def test_close_conserves_with_any_token(any_decimals):
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(any_decimals, side)
            loser, maker = open_loser(scene), scene.account("maker", 1000)
            scene.kernel.close_with_orders(loser, [order(scene, maker, wad(3), mark_less(scene, "0.004"))])
            scene.kernel.assert_conserved()


def test_several_makers_each_trade_at_their_own_price(scene, loser):
    makers = [scene.account(f"maker {n}", 1000) for n in range(3)]
    prices = [mark_less(scene, share) for share in ("-0.002", "0.001", "0.008")]
    before, mark = scene.equity(loser), scene.vault.mark(0)
    reward = scene.kernel.close_with_orders(
        loser, [order(scene, m, wad("1.5"), p) for m, p in zip(makers, prices, strict=True)]
    )
    # 0.2 % better than mark, 0.1 % and 0.8 % worse
    cost = wad("1.5") * mark // WAD * 7 // 1000 + wad("4.5") * mark // WAD * 2 // 1000 + reward
    assert 0 <= before - cost - scene.equity(loser) <= 20
    for m, p in zip(makers, prices, strict=True):
        assert scene.kernel.position(m).size == scene.side * wad("1.5")
        assert abs(scene.kernel.position(m).notional - scene.side * p * 3 // 2) <= 1
    scene.kernel.assert_conserved()


def test_sixteen_makers_may_share_it(scene, loser):
    size = wad("1.1")
    makers = [scene.account(f"maker {n}", 100) for n in range(16)]
    parts = [order(scene, m, size, scene.vault.mark(0)) for m in makers[:4]]
    parts += [order(scene, m, wad("0.001"), scene.vault.mark(0)) for m in makers[:4] * 3]
    scene.kernel.close_with_orders(loser, parts)
    assert scene.kernel.position(loser).size == scene.side * (wad(10) - 4 * size - 12 * wad("0.001"))
    scene.kernel.assert_conserved()


def test_maker_may_close_his_own_position(scene, loser):
    winner = account_of("winner")
    scene.kernel.close_with_orders(loser, [order(scene, winner, wad(2), scene.vault.mark(0), 0, True)])
    assert scene.kernel.position(winner).size == -scene.side * wad(8)
    assert scene.kernel.position(winner).maturing > 0
    scene.kernel.assert_conserved()


def test_keeper_may_be_the_maker(scene, loser, maker):
    reward = scene.kernel.close_with_orders(
        loser, [order(scene, maker, PLANNED, scene.vault.mark(0))], keeper=maker
    )
    assert reward > wad(1)
    assert scene.equity(maker) == wad(1000) + reward
    scene.kernel.assert_conserved()


def test_all_is_closed_where_no_part_would_do(scene, maker):
    """Health 0.5: kappa is at its bound, no size restores the target."""
    loser = open_loser(scene, 40 + 10 * scene.price(4) // WAD / 80)
    scene.kernel.close_with_orders(loser, [order(scene, maker, wad(10), scene.vault.mark(0))])
    assert scene.kernel.position(loser).size == 0
    assert scene.equity(loser) > 0
    scene.kernel.assert_conserved()


def test_position_of_a_charged_generation_is_settled_first(scene):
    """Accounts on both sides that a round has touched are read as they are now."""
    winner, rival = scene.account("winner", 5000), scene.account("rival", 110)
    first = scene.bankrupt(winner)
    scene.open(scene.account("bystander", 5000), rival, 10)
    scene.move(10)
    scene.kernel.absorb(first)
    scene.kernel.charge_round()
    scene.move(-7)
    state = scene.kernel.state(rival)
    mark = scene.vault.mark(0)
    scene.kernel.close_with_orders(rival, [(winner, -scene.side * wad(4), mark, 0, False)])
    closed = scene.logs()[-1]
    assert (closed[0], closed[4]) == ("ClosedWithOrders", scene.side * wad(4))
    assert closed[8] == state.equity * WAD // state.maintenance
    scene.kernel.assert_conserved()


def test_other_markets_count(scene, maker):
    loser = scene.account("loser", 110)
    scene.open(loser, scene.account("winner", 5000), 10)
    scene.open(loser, scene.account("other winner", 5000), 10, market=1)
    scene.move(4, market=1)
    scene.move("4.5")
    before = health(scene, loser)
    assert before < 1
    scene.kernel.close_with_orders(loser, [order(scene, maker, wad(2), mark_less(scene, "0.001"))])
    assert health(scene, loser) > before
    scene.kernel.assert_conserved()


def test_pause_and_reduce_only_mode_leave_makers_who_reduce(scene, loser, maker):
    """As in a fill: nobody opens then, and whoever reduces may."""
    scene.set_mode(MODE_RESTRICTED)
    mark = scene.vault.mark(0)
    assert_refused(scene, "vault: reduce only mode", loser, [order(scene, maker, wad(2), mark)])
    scene.kernel.close_with_orders(loser, [order(scene, account_of("winner"), wad(2), mark)])
    scene.kernel.assert_conserved()


# --- the reward --------------------------------------------------------------------------------------------


def test_reward_is_at_most_what_is_saved(scene, loser, maker):
    """A hair better than a take-over: all of the saving is the keeper's, and the account pays kappa."""
    better = 10**15
    plan = scene.kernel.plan(loser)
    price = plan.price + scene.side * better
    before, mark = scene.equity(loser), scene.vault.mark(0)
    reward = scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED, price)])
    assert abs(PLANNED * better // WAD - reward) <= 2
    cost = before - scene.equity(loser)
    assert 0 <= cost - PLANNED * mark // WAD // 100 <= 20
    scene.kernel.assert_conserved()


def test_at_the_take_overs_price_there_is_no_reward(scene, loser, maker):
    price = scene.kernel.plan(loser).price
    assert scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED, price)]) == 0
    assert health(scene, loser) >= Fraction(5, 4)
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("less", [0, 1])
def test_flat_part_is_for_the_whole_only(scene, loser, maker, less):
    """One wei less than the plan earns the proportional part."""
    mark = scene.vault.mark(0)
    reward = scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED - less, mark)])
    assert reward == (PLANNED - less) * mark // WAD // 10_000 + (0 if less else wad(1))
    scene.kernel.assert_conserved()


def test_closing_in_parts_earns_no_more(scene, loser, maker):
    """The same size in eight calls: once the flat part at most."""
    mark = scene.vault.mark(0)
    with boa.env.anchor():
        whole = scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED, mark)])
    parts = 0
    for size in [wad("1.2"), *[wad("0.4")] * 12]:
        size = min(size, abs(scene.kernel.plan(loser).change))
        if not size:
            break
        parts += scene.kernel.close_with_orders(loser, [order(scene, maker, size, mark)])
    assert not scene.kernel.plan(loser).is_liquidatable
    assert parts <= whole
    scene.kernel.assert_conserved()


def test_reward_is_capped(scene, loser, maker):
    config = liquidation_config(reward_cap=0)
    with scene.as_governance():
        scene.vault.set_liquidation_config(0, tuple(config.values()))
    assert scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED, scene.vault.mark(0))]) == 0
    assert scene.equity(account_of("keeper")) == 0
    scene.kernel.assert_conserved()


def test_liquidating_oneself_earns_nothing_and_costs_the_funds_share(scene, loser, maker):
    """L03: no reward for an account of the same owner; the fee is due as ever."""
    own = scene.account("loser", 10, sub=1)
    before, mark = scene.equity(loser) + scene.equity(own), scene.vault.mark(0)
    with boa.env.anchor():
        reward = scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED, mark)], keeper=loser)
        assert reward == 0
    reward = scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED, mark)], keeper=own)
    fee = scene.vault.fee_state().liquidation
    assert reward == 0
    assert fee == PLANNED * mark // WAD * 2 // 1000
    assert 0 <= before - fee - scene.equity(loser) - scene.equity(own) <= 4
    scene.kernel.assert_conserved()


def test_friend_as_keeper_takes_nothing_but_the_owners_saving(scene, loser, maker):
    """An owner under another name: together they are poorer by the fund's share all the same."""
    friend = scene.account("friend", 10)
    before = scene.equity(loser) + scene.equity(friend)
    scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED, scene.vault.mark(0))], keeper=friend)
    fee = scene.vault.fee_state().liquidation
    assert 0 <= before - fee - scene.equity(loser) - scene.equity(friend) <= 4
    scene.kernel.assert_conserved()


def test_reward_does_not_come_from_the_fund(scene, loser, maker):
    """An empty fund changes nothing: the vault's surplus is what it was, and the fee."""
    scene.with_fund()
    reward = scene.kernel.close_with_orders(loser, [order(scene, maker, PLANNED, scene.vault.mark(0))])
    fee = scene.logs()[-1][6]
    assert reward > 0
    assert scene.vault.fee_state().liquidation == fee
    scene.kernel.assert_conserved()


# --- promises ----------------------------------------------------------------------------------------------


@given(
    side=st.sampled_from([1, -1]),
    margin=st.integers(40_000_000, 170_000_000),
    against=st.integers(3_000_000, 6_500_000),
    other_against=st.integers(-5_000_000, 5_000_000),
    has_other=st.booleans(),
    share=st.integers(1, 1000),
    offsets=st.lists(st.integers(-100, 100), min_size=1, max_size=4),
)
def test_never_less_healthy_and_never_dearer_than_a_take_over(
    shared_kernel, side, margin, against, other_against, has_other, share, offsets
):
    """I9, over margins, marks, sizes, makers' prices, one market and two."""
    scene = fresh(shared_kernel, side)
    loser = scene.account("loser", Decimal(margin) / 10**6)
    try:
        scene.open(loser, scene.account("winner", 5000), 10)
        if has_other:
            scene.open(loser, scene.account("other winner", 5000), 5, market=1)
    except boa.BoaError:
        return
    if has_other:
        scene.move(Decimal(other_against) / 10**6, market=1)
    scene.move(Decimal(against) / 10**6)
    state, mark = scene.kernel.state(loser), scene.vault.mark(0)
    plan = scene.kernel.plan(loser) if 0 <= state.equity < state.maintenance else None
    makers = [scene.account(f"maker {n}", 1000) for n in range(len(offsets))]
    size = max((abs(plan.change) if plan else wad(2)) * share // 1000 // len(makers), 1)
    prices = [mark + side * mark * offset // 10_000 for offset in offsets]
    parts = [order(scene, m, size, p) for m, p in zip(makers, prices, strict=True)]
    before, total = health(scene, loser), size * len(makers)
    with boa.env.prank(actor("exchange")):
        if plan is None:
            with boa.reverts("margin: account insolvent" if state.equity < 0 else "margin: account healthy"):
                scene.vault.close_with_orders(0, loser, account_of("keeper"), parts)
            return
        if 0 < (wad(10) - total) * mark // WAD < wad(100) or size * mark // WAD < wad(100):
            return
        if any(side * (price - plan.price) < 0 for price in prices):
            with boa.reverts("vault: worse than take-over"):
                scene.vault.close_with_orders(0, loser, account_of("keeper"), parts)
            return
        reward = scene.vault.close_with_orders(0, loser, account_of("keeper"), parts)
    assert health(scene, loser) >= before
    assert scene.equity(loser) >= 0
    cost = state.equity - scene.equity(loser)
    # a wei for each maker, and for the reading
    assert cost <= total * mark * plan.kappa // WAD**2 + len(makers) + 4
    assert 0 <= reward <= wad(1) + total * mark // WAD // 10_000
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("missing", [0, 1])
def test_health_of_one_to_the_wei(fine_scene, missing):
    """At E = MM the account is healthy; one wei less, and it is closed at mark, free of cost and reward."""
    scene = fine_scene
    mark = scene.price(4)
    maintenance = 10 * mark // 40
    loser = open_loser(scene, Decimal(wad(40) + maintenance - missing) / WAD)
    maker = scene.account("maker", 1000)
    if not missing:
        assert_refused(scene, "margin: account healthy", loser, [order(scene, maker, wad(2), mark)])
        return
    assert scene.kernel.close_with_orders(loser, [order(scene, maker, wad(2), mark)]) == 0
    assert scene.vault.fee_state().liquidation == 0
    assert scene.equity(loser) == maintenance - 1
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("missing", [0, 1])
def test_equity_of_zero_to_the_wei(fine_scene, missing):
    """At E = 0 all is closed at mark; one wei less is the bankruptcy account's."""
    scene = fine_scene
    loser = open_loser(scene, Decimal(wad(60) - missing) / WAD, against=6)
    maker, mark = scene.account("maker", 1000), scene.price(6)
    if missing:
        assert_refused(scene, "margin: account insolvent", loser, [order(scene, maker, wad(10), mark)])
        return
    assert scene.kernel.close_with_orders(loser, [order(scene, maker, wad(10), mark)]) == 0
    assert (scene.equity(loser), scene.kernel.position(loser).size) == (0, 0)
    scene.kernel.assert_conserved()


def test_makers_rounding_may_not_take_equity_below_zero(fine_scene):
    """At E = 0 the wei that each of two makers' costs is rounded by is one too much."""
    scene, against = fine_scene, Decimal("6.000000000000000001")
    loser = open_loser(scene, 10 * against, against)
    makers, mark = [scene.account(f"maker {n}", 1000) for n in range(2)], scene.price(against)
    assert scene.equity(loser) == 0
    parts = [order(scene, m, s, mark) for m, s in zip(makers, (wad(5) + 1, wad(5) - 1), strict=True)]
    assert_refused(scene, "margin: health falls", loser, parts)


@pytest.mark.parametrize("equity", [1, 10**6])
def test_makers_rounding_may_not_take_health_of_an_account_that_keeps_a_part(fine_scene, equity):
    """A wei of one is all its equity, while a part of its position stays; of a million it is little."""
    scene, against = fine_scene, Decimal("6.000000000000000001")
    loser = open_loser(scene, 10 * against + Decimal(equity) / WAD, against)
    makers, mark = [scene.account(f"maker {n}", 1000) for n in range(2)], scene.price(against)
    assert scene.equity(loser) == equity
    parts = [order(scene, m, s, mark) for m, s in zip(makers, (wad(2) + 1, wad(2) - 1), strict=True)]
    if equity == 1:
        assert_refused(scene, "margin: health falls", loser, parts)
    else:
        scene.kernel.close_with_orders(loser, parts)
        assert equity * 6 // 10 < scene.equity(loser) < equity


# --- when it may not ---------------------------------------------------------------------------------------


def test_only_the_exchange_closes(scene, loser, maker):
    parts = [order(scene, maker, wad(2), scene.vault.mark(0))]
    for name in ("attacker", "engine", "governance"):
        assert_refused(scene, "vault: not exchange", loser, parts, sender=name)


def test_close_refuses_a_direct_call(shared_kernel):
    part = shared_kernel.parts["MarginVaultOrderClose"]
    with boa.env.prank(actor("exchange")), boa.reverts("kernel: direct call"):
        part.close_with_orders(0, 1, 2, [(3, 1, 1, 0, False)])


@pytest.mark.parametrize("name", ["attacker", "exchange", "engine", "governance"])
def test_the_accounts_side_alone_is_for_the_kernel_only(scene, loser, name):
    before = scene.snapshot()
    args = (0, 0, loser, account_of("keeper"), -scene.side * wad(2), -scene.side * wad(192), wad(96))
    part = scene.kernel.parts["MarginVaultLiquidation"]
    with boa.env.prank(actor(name)), boa.reverts("kernel: internal"):
        part.close_out(*args)
    # and the vault does not pass it on
    data = part.close_out.prepare_calldata(*args)
    result = boa.env.execute_code(to_address=scene.vault.address, sender=actor(name), data=data)
    assert result.is_error
    assert scene.snapshot() == before


def test_close_without_makers_reverts(scene, loser):
    assert_refused(scene, "vault: no makers", loser, [])


def test_keeper_may_not_strip_a_nearly_healthy_account(scene, maker):
    """L-class: at health 0.99 a take-over is 0.04 % off mark; the bankruptcy price would be 2.4 % off."""
    mark = scene.price(4)
    loser = open_loser(scene, 40 + Decimal(10 * mark) / WAD / 40 * Decimal("0.99"))
    plan = scene.kernel.plan(loser)
    assert 0 < scene.side * (mark - plan.price) <= mark // 2000
    size = abs(plan.change)
    assert_refused(
        scene, "vault: worse than take-over", loser, [order(scene, maker, size, plan.price - scene.side)]
    )
    good = order(scene, maker, size // 2, mark)
    bad = order(scene, scene.account("other maker", 1000), size // 2, mark_less(scene, "0.009"))
    # the mean of both would do, the worse one does not
    assert_refused(scene, "vault: worse than take-over", loser, [good, bad])
    scene.kernel.close_with_orders(loser, [order(scene, maker, size, plan.price)])
    scene.kernel.assert_conserved()


def test_one_wei_beyond_the_plan_reverts(scene, loser, maker):
    mark = scene.vault.mark(0)
    assert_refused(scene, "vault: beyond plan", loser, [order(scene, maker, PLANNED + 1, mark)])
    second = scene.account("second", 1000)
    parts = [order(scene, m, s, mark) for m, s in ((maker, wad(3)), (second, PLANNED - wad(3) + 1))]
    assert_refused(scene, "vault: beyond plan", loser, parts)


def test_close_that_would_add_to_the_position_reverts(scene, loser, maker):
    part = (maker, -scene.side * wad(2), scene.vault.mark(0), 0, False)
    assert_refused(scene, "vault: beyond plan", loser, [part])


def test_dust_is_not_left_behind(scene, maker):
    """1.5 units cannot shrink by part of them without falling below 100: all or nothing."""
    loser = scene.account("loser", {1: 8.88, -1: 9.12}[scene.side])
    scene.open(loser, scene.account("winner", 5000), 1.5)
    scene.move(4)
    mark = scene.vault.mark(0)
    assert_refused(scene, "vault: size leaves dust", loser, [order(scene, maker, wad("1.5") - 1, mark)])
    assert scene.kernel.close_with_orders(loser, [order(scene, maker, wad("1.5"), mark)]) > wad("0.4")
    assert scene.kernel.position(loser).size == 0
    scene.kernel.assert_conserved()


def test_maker_of_the_same_owner_reverts(scene, loser):
    """A sibling account may not take the position, whatever the price."""
    own = scene.account("loser", 1000, sub=1)
    assert_refused(scene, "vault: self trade", loser, [order(scene, own, wad(2), scene.vault.mark(0))])
    assert_refused(scene, "vault: self trade", loser, [order(scene, loser, wad(2), scene.vault.mark(0))])


def test_mixed_sides_revert(scene, loser, maker):
    mark, other = scene.vault.mark(0), scene.account("other", 1000)
    parts = [order(scene, maker, wad(3), mark), order(scene, other, -wad(1), mark)]
    assert_refused(scene, "vault: mixed sides", loser, parts)


def test_a_size_of_zero_or_too_large_reverts(scene, loser, maker):
    mark, max_amount = scene.vault.mark(0), deploy("mocks/UnitsHarness.vy").MAX_AMOUNT()
    parts = [order(scene, maker, wad(2), mark), order(scene, maker, 0, mark)]
    assert_refused(scene, "vault: zero size", loser, parts)
    assert_refused(scene, "vault: size too large", loser, [order(scene, maker, max_amount + 1, mark)])
    assert_refused(scene, "vault: beyond plan", loser, [order(scene, maker, max_amount, mark)])


@pytest.mark.parametrize("beyond", [0, 1])
def test_price_band_to_the_wei(scene, loser, maker, beyond):
    """A maker may be better than mark, within the band."""
    mark = scene.vault.mark(0)
    price = mark + scene.side * (mark // 100 + beyond)
    part = order(scene, scene.account("generous", 10**5), wad(2), price)
    if beyond:
        assert_refused(scene, "vault: price out of band", loser, [part])
        return
    scene.kernel.close_with_orders(loser, [part])
    scene.kernel.assert_conserved()


def test_cost_beyond_the_band_is_cut_by_it(scene, maker):
    """Where a take-over would cost more than the band is wide, a maker may still not leave the band."""
    config = liquidation_config(cost_slope=wad("0.25"))
    with scene.as_governance():
        scene.vault.set_liquidation_config(0, tuple(config.values()))
    loser = open_loser(scene)
    price = scene.kernel.plan(loser).price
    assert scene.side * (mark_less(scene, "0.01") - price) > 0
    assert_refused(scene, "vault: price out of band", loser, [order(scene, maker, wad(2), price)])


@pytest.mark.parametrize("age", [600, 601])
def test_close_needs_a_fresh_mark(scene, loser, maker, age):
    parts = [order(scene, maker, wad(2), scene.vault.mark(0))]
    wait(age)
    if age == 600:
        scene.kernel.close_with_orders(loser, parts)
        scene.kernel.assert_conserved()
        return
    assert_refused(scene, "market: stale mark", loser, parts)


def test_close_without_a_position_reverts(scene, maker):
    idle = scene.account("idle", 100)
    assert_refused(scene, "vault: no position", idle, [order(scene, maker, wad(2), wad(100))])


def test_close_in_an_unknown_market_reverts(scene, loser, maker):
    assert_refused(scene, "market: unknown", loser, [order(scene, maker, wad(2), wad(96))], market=3)


# --- makers, as in a fill ----------------------------------------------------------------------------------


def test_maker_needs_initial_margin_to_the_wei(fine_scene):
    """Two units at 96 or 104 in the 20x class, filled at mark: 5 % of them."""
    scene = fine_scene
    loser = open_loser(scene)
    mark = scene.vault.mark(0)
    needed = 2 * mark // 20
    poor = scene.account("poor", Decimal(needed - 1) / WAD)
    assert_refused(scene, "margin: below initial margin", loser, [order(scene, poor, wad(2), mark)])
    scene.kernel.fund_account("poor", Decimal(1) / WAD)
    scene.kernel.close_with_orders(loser, [order(scene, poor, wad(2), mark)])
    assert scene.kernel.state(poor).hole == 0
    scene.kernel.assert_conserved()


def test_maker_in_a_stale_market_opens_nothing(scene, loser, maker):
    scene.open(maker, scene.account("bystander", 1000), 2, market=1)
    scene.move(0, market=1)
    wait(400)
    scene.kernel.set_price(Decimal(scene.price(4)) / WAD, seconds=201)
    parts = [order(scene, maker, wad(2), scene.vault.mark(0))]
    assert_refused(scene, "margin: stale mark", loser, parts)


def test_least_size_of_a_maker_to_the_wei(scene, loser, maker):
    mark = scene.vault.mark(0)
    size = least(mark)
    assert_refused(scene, "margin: below minimum size", loser, [order(scene, maker, size - 1, mark)])
    scene.kernel.close_with_orders(loser, [order(scene, maker, size, mark)])
    assert scene.kernel.position(maker).size == scene.side * size
    scene.kernel.assert_conserved()


def test_maker_beyond_his_caps_reverts(scene, loser, maker):
    config = margin_config(position_cap_quote=wad(190))
    with scene.as_governance():
        scene.vault.set_margin_config(0, tuple(config.values()))
    assert_refused(scene, "margin: position cap", loser, [order(scene, maker, wad(2), scene.vault.mark(0))])


def test_reduce_only_maker_does_not_open(scene, loser, maker):
    part = order(scene, maker, wad(2), scene.vault.mark(0), 0, True)
    assert_refused(scene, "vault: not a reduction", loser, [part])


def test_fee_of_a_maker_is_bounded(scene, loser, maker):
    mark = scene.vault.mark(0)
    limit = WAD // 1000
    assert_refused(scene, "vault: fee too high", loser, [order(scene, maker, wad(2), mark, limit + 1)])
    scene.kernel.close_with_orders(loser, [order(scene, maker, wad(2), mark, limit)])
    scene.kernel.assert_conserved()


def test_makers_must_have_accepted_the_exchange_the_account_need_not(scene, loser, maker):
    """A new Exchange acts for nobody who has not agreed, but a liquidation asks nobody."""
    with scene.as_governance():
        scene.vault.set_role(EXCHANGE, actor("another exchange"))
        scene.vault.set_role(EXCHANGE, actor("exchange"))
    parts = [order(scene, maker, wad(2), scene.vault.mark(0))]
    assert_refused(scene, "vault: exchange not accepted", loser, parts)
    with boa.env.prank(actor("maker")):
        scene.vault.accept_exchange(maker)
    scene.kernel.close_with_orders(loser, parts)
    scene.kernel.assert_conserved()


def test_maker_who_reduces_may_not_lower_his_health(scene, loser):
    """He is short of maintenance himself and would sell below mark: refused, at mark it passes."""
    sick = scene.account("sick", 50)
    scene.move(0, seconds=1)
    scene.open(scene.account("bystander", 5000), sick, 10)
    scene.move(-8, seconds=1)
    weak = scene.account("weak", 60)
    scene.open(weak, scene.account("other bystander", 5000), 10)
    scene.move("-4.2", seconds=1)
    mark = scene.vault.mark(0)
    assert scene.kernel.plan(weak).is_liquidatable
    assert_refused(
        scene, "margin: health falls", weak, [order(scene, sick, wad(2), mark + scene.side * mark // 100)]
    )
    scene.kernel.close_with_orders(weak, [order(scene, sick, wad(2), mark)])
    scene.kernel.assert_conserved()


def test_open_interest_does_not_rise(scene, loser, maker):
    """So a close needs no room under the caps."""
    before = scene.vault.market_words(0)[12] & (2**112 - 1)
    config = margin_config(open_interest_cap_base=wad(1), open_interest_cap_quote=wad(100))
    with scene.as_governance():
        scene.vault.set_margin_config(0, tuple(config.values()))
    scene.kernel.close_with_orders(loser, [order(scene, maker, wad(3), scene.vault.mark(0))])
    assert scene.vault.market_words(0)[12] & (2**112 - 1) == before
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("share", "is_refused"), [("0.9375", False), ("0.5", True)])
def test_a_maker_of_a_close_needs_the_margin_of_a_crowded_market(scene, loser, share, is_refused):
    maker = scene.account("small maker", 100)
    make_crowded(scene, share)
    part = order(scene, maker, PLANNED, scene.vault.mark(0))
    if is_refused:
        assert_refused(scene, "margin: below initial margin", loser, [part])
    else:
        scene.kernel.close_with_orders(loser, [part])
        assert scene.kernel.position(maker).size == scene.side * PLANNED
