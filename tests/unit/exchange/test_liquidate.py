"""Exchange.liquidate against the real vault: which orders close how much of an unhealthy account."""

from typing import Any

import boa
import pytest
from boa.contracts.vyper.vyper_contract import VyperContract

from tests.kernel import EXCHANGE, LIQUIDATION_ENGINE, WAD, Kernel, account_of, deploy_kernel, wad
from tests.support import actor, deploy, signer, wait
from tests.unit.crisis.scene import Scene, ceil_div, fresh
from tests.unit.exchange.orders import Order, digest_of, lane_word, sign

MAKER_RATE, TAKER_RATE = 2 * 10**14, 5 * 10**14
# At 4 against, a loser of 10 is at health 0.8 with this margin; so much is closed then.
MARGIN = {1: "59.2", -1: "60.8"}
PLANNED = 5_294_117_647_058_823_530
UNLIMITED = 2**111


class Venue:
    """A market behind a real Exchange and engine, with an account at health 0.8."""

    def __init__(self, scene: Scene, exchange: VyperContract, engine: VyperContract) -> None:
        self.scene, self.exchange, self.engine = scene, exchange, engine
        self.keeper = account_of("keeper")
        self.loser = scene.account("loser", MARGIN[scene.side])
        scene.open(self.loser, scene.account("winner", 5000), 10)
        for name in ("maker", "second maker"):
            scene.account(name, 1000)

    def open_doors(self) -> None:
        """From now on the Exchange trades and the engine is asked; the scene's own calls are refused."""
        self.scene.vault.set_role(EXCHANGE, self.exchange.address, sender=actor("governance"))
        self.scene.vault.set_role(LIQUIDATION_ENGINE, self.engine.address, sender=actor("governance"))
        for name in ("maker", "second maker"):
            self.scene.vault.accept_exchange(account_of(name), sender=actor(name))

    @property
    def mark(self) -> int:
        return self.scene.vault.mark(0)

    def order(self, size: int, name: str = "maker", price: int | None = None, **fields: Any) -> Order:
        """What takes `size` from the loser's side; at mark unless told otherwise."""
        values = {"account": account_of(name), "market": 0, "expiry": boa.env.timestamp + 3600}
        values |= {"max_fee_rate": MAKER_RATE, "limit_price": self.mark if price is None else price}
        return Order(**{**values, "size": self.scene.side * size, **fields})

    def signed(self, size: int, name: str = "maker", **fields: Any) -> tuple:
        return sign(self.exchange, self.order(size, name, **fields), signer(name))

    def liquidate(self, *makers: tuple, size: int = UNLIMITED, **options: Any) -> tuple[int, int]:
        account = options.get("account", self.loser)
        keeper = options.get("keeper", self.keeper)
        with boa.env.prank(actor("stranger")):
            return self.exchange.liquidate(account, options.get("market", 0), size, list(makers), keeper)

    def refuses(self, message: str, *makers: tuple, **options: Any) -> None:
        before, lane = self.scene.snapshot(), self.exchange.lane_state(account_of("maker"), 0)
        with boa.reverts(message):
            self.liquidate(*makers, **options)
        assert self.scene.snapshot() == before
        assert self.exchange.lane_state(account_of("maker"), 0) == lane

    def size_of(self, name: str) -> int:
        return self.scene.kernel.position(account_of(name)).size


@pytest.fixture(scope="module")
def shared_kernel() -> Kernel:
    return deploy_kernel(markets=2)


@pytest.fixture(scope="module")
def real_exchange(shared_kernel: Kernel) -> VyperContract:
    governance = actor("governance")
    contract = deploy("Exchange.vy", governance, shared_kernel.vault.address)
    contract.set_fee_rates(0, MAKER_RATE, TAKER_RATE, sender=governance)
    return contract


@pytest.fixture(scope="module")
def real_engine(shared_kernel: Kernel) -> VyperContract:
    return deploy("LiquidationEngine.vy", shared_kernel.vault.address)


@pytest.fixture(params=[1, -1], ids=["long", "short"])
def quiet_venue(
    request: pytest.FixtureRequest,
    shared_kernel: Kernel,
    real_exchange: VyperContract,
    real_engine: VyperContract,
) -> Venue:
    """At 100, before the Exchange may trade."""
    return Venue(fresh(shared_kernel, request.param), real_exchange, real_engine)


@pytest.fixture
def venue(quiet_venue: Venue) -> Venue:
    quiet_venue.open_doors()
    quiet_venue.scene.move(4)
    return quiet_venue


def test_makers_builders_are_paid_out_of_the_fees_of_a_close(venue):
    """Two orders of one builder, one of another, one of nobody; the market's own fee stays whole."""
    for name in ("third maker", "fourth maker"):
        venue.scene.account(name, 1000)
        venue.scene.vault.accept_exchange(account_of(name), sender=actor(name))
    rate, parts = 10**14, []
    for name, builder in (("maker", 7), ("second maker", 7), ("third maker", 8), ("fourth maker", 0)):
        fields = {"builder": account_of("builder", builder), "builder_fee_rate": rate} if builder else {}
        fields["max_fee_rate"] = MAKER_RATE + (rate if builder else 0)
        parts.append(venue.signed(wad("1.200000000000000001"), name, **fields))
    filled, _ = venue.liquidate(*parts)
    assert filled == 4 * wad("1.200000000000000001")
    share = wad("1.200000000000000001") * venue.mark // WAD * rate // WAD
    assert venue.scene.equity(account_of("builder", 7)) == 2 * share
    assert venue.scene.equity(account_of("builder", 8)) == share
    worth = filled * venue.mark
    assert 0 <= venue.scene.vault.fee_state().trading - worth * MAKER_RATE // WAD**2 <= 16
    assert venue.scene.equity(account_of("fourth maker")) > venue.scene.equity(account_of("third maker"))


# --- what it does ------------------------------------------------------------------------------------------


def test_anyone_closes_up_to_the_plan(venue):
    order = venue.order(wad(8))
    filled, reward = venue.liquidate(sign(venue.exchange, order, signer("maker")))
    digest = digest_of(venue.exchange, order)
    assert filled == PLANNED
    assert reward == wad(1) + PLANNED * venue.mark // WAD // 10_000
    assert venue.size_of("loser") == venue.scene.side * (wad(10) - PLANNED)
    assert venue.size_of("maker") == venue.scene.side * PLANNED
    assert venue.scene.equity(venue.keeper) == reward
    assert venue.exchange.remaining(order.fields) == wad(8) - PLANNED
    # the maker's own fee rate, and nothing of the taker's
    worth = PLANNED * venue.mark
    assert 0 <= venue.scene.vault.fee_state().trading - worth * MAKER_RATE // WAD**2 <= 2
    assert venue.exchange.lane_state(account_of("maker"), 0).filled == PLANNED
    assert lane_word(order, digest, PLANNED) >> 192 == order.sequence
    venue.scene.kernel.assert_conserved()


def test_events_of_a_close(venue):
    order = venue.order(wad(2))
    venue.liquidate(sign(venue.exchange, order, signer("maker")))
    logs = [(type(e).__name__, *e[1:]) for e in venue.exchange.get_logs()]
    digest = digest_of(venue.exchange, order)
    [filled] = [log for log in logs if log[0] == "OrderFilled"]
    assert filled == (
        *("OrderFilled", order.account, digest, 0, venue.loser, order.size, order.limit_price, 0),
        lane_word(order, digest, wad(2)),
    )
    assert logs[0] == filled


def test_size_wanted_caps_what_is_closed(venue):
    filled, _ = venue.liquidate(venue.signed(wad(8)), size=wad(2))
    assert filled == wad(2)
    assert venue.size_of("maker") == venue.scene.side * wad(2)
    venue.scene.kernel.assert_conserved()


def test_orders_are_used_in_the_order_given_until_the_plan_is_reached(venue):
    first, second = venue.signed(wad(4)), venue.signed(wad(4), "second maker")
    # an order beyond that is not even looked at
    bad = (venue.order(wad(1), "winner").fields, actor("winner"), b"")
    filled, _ = venue.liquidate(first, second, bad)
    assert filled == PLANNED
    assert venue.size_of("maker") == venue.scene.side * wad(4)
    assert venue.size_of("second maker") == venue.scene.side * (PLANNED - wad(4))
    venue.scene.kernel.assert_conserved()


def test_orders_too_small_for_the_plan_close_what_they_can(venue):
    filled, reward = venue.liquidate(venue.signed(wad(2)))
    assert filled == wad(2)
    assert reward == wad(2) * venue.mark // WAD // 10_000
    venue.scene.kernel.assert_conserved()


def test_post_only_and_reduce_only_orders_are_makers_as_ever(venue):
    scene = venue.scene
    scene.vault.accept_exchange(account_of("winner"), sender=actor("winner"))
    venue.liquidate(
        venue.signed(wad(2), "winner", time_in_force=1, is_reduce_only=True), venue.signed(wad(2))
    )
    assert venue.size_of("winner") == -scene.side * wad(8)
    scene.kernel.assert_conserved()


def test_liquidated_account_need_not_have_accepted_the_exchange(venue):
    """Its owner is not asked, as by a take-over."""
    with boa.env.anchor(), boa.env.prank(actor("loser")), boa.reverts("vault: exchange not accepted"):
        venue.exchange.trade(
            *(venue.loser, 0, -venue.scene.side * wad(2), 0 if venue.scene.side > 0 else 2**200),
            *(0, True, TAKER_RATE, [venue.signed(wad(2))]),
        )
    assert venue.liquidate(venue.signed(wad(2)))[0] == wad(2)


def test_owner_as_keeper_gets_no_reward(venue):
    assert venue.liquidate(venue.signed(wad(8)), keeper=account_of("loser", 7))[1] == 0
    assert venue.scene.equity(account_of("loser", 7)) == 0
    venue.scene.kernel.assert_conserved()


def test_account_with_pending_effects_is_settled_first(quiet_venue):
    """A round has moved the account's entry: the plan is exact only once it is booked."""
    venue, scene = quiet_venue, quiet_venue.scene
    rich, rival = scene.account("rich", 9000), scene.account("rival", 110)
    victim = scene.account("victim", 60)
    scene.open(victim, rich, 10)
    scene.open(scene.account("other", 9000), rival, 10)
    scene.move(10)
    for account in (victim, venue.loser):
        scene.kernel.absorb(account)
    scene.kernel.charge_round()
    venue.open_doors()
    scene.move(-7)
    plan = scene.kernel.plan(rival)
    assert (plan.is_liquidatable, plan.unsettled) == (True, 1)
    filled, _ = venue.liquidate(venue.signed(-wad(20)), account=rival)
    assert abs(filled - abs(plan.change)) <= 10**10
    assert scene.kernel.plan(rival).unsettled == 0
    scene.kernel.assert_conserved()


def hedged(venue: Venue) -> int:
    """A loser of 10 in one market whose hedge of 8 in the other one has won since its mark was taken."""
    scene = venue.scene
    account = scene.account("hedged", 130)
    scene.move(0, market=1, seconds=1)
    scene.open(account, account_of("winner"), 10)
    scene.open(scene.account("rich", 5000), account, 8, market=1)
    venue.open_doors()
    scene.move(11)
    scene.kernel.oracle.set_price(1, scene.price(11))
    return account


def test_account_in_several_markets_is_judged_at_renewed_marks(quiet_venue):
    """X17: at the marks as stored it is unhealthy; at those the oracle has now it is not."""
    account = hedged(quiet_venue)
    assert quiet_venue.scene.kernel.plan(account).is_liquidatable
    quiet_venue.refuses("exchange: not liquidatable", quiet_venue.signed(wad(2)), account=account)


def test_market_without_a_price_is_judged_at_its_last_mark(quiet_venue):
    """As by the LiquidationEngine; and it is told."""
    account = hedged(quiet_venue)
    quiet_venue.scene.kernel.oracle.set_down(1, True)
    assert quiet_venue.liquidate(quiet_venue.signed(wad(2)), account=account)[0] == wad(2)
    told = [(type(e).__name__, *e[1:2]) for e in quiet_venue.exchange.get_logs()]
    assert told[0] == ("MarkNotUpdated", 1)
    quiet_venue.scene.kernel.assert_conserved()


def test_hedge_is_not_closed_before_what_it_hedges(quiet_venue):
    account = hedged(quiet_venue)
    quiet_venue.scene.kernel.oracle.set_down(1, True)
    quiet_venue.refuses(
        "liquidation: larger side first", quiet_venue.signed(-wad(2), market=1), account=account, market=1
    )


def test_of_what_goes_beyond_the_balance_half_is_closed(quiet_venue):
    """Two makers offer more than the plan asks for; what is filled is what the engine admits."""
    venue, account = quiet_venue, hedged(quiet_venue)
    venue.scene.kernel.oracle.set_down(1, True)
    admitted = venue.engine.admissible(account, 0, UNLIMITED)
    assert admitted < abs(venue.scene.kernel.plan(account).change)
    filled, _ = venue.liquidate(venue.signed(wad(8)), venue.signed(wad(8), "second maker"), account=account)
    assert filled == admitted
    venue.scene.kernel.assert_conserved()


# --- how much a market bears ------------------------------------------------------------------------------


@pytest.fixture
def limited(venue):
    """At most 976,563 at once: the least that the market's cap of a thousand million allows."""
    cap = venue.scene.kernel.vault.market_words(0)[4] >> 208 & 2**16 - 1
    capacity = ceil_div(((cap & 2**11 - 1) << (cap >> 11)) * WAD, venue.engine.LEAST_CAPACITY_PART())
    venue.engine.set_rate_limit(0, capacity, 14, sender=actor("governance"))
    return venue


def test_close_counts_what_was_filled(limited):
    capacity, _, before = limited.engine.rate_limit_state(0)
    assert before == capacity
    filled, _ = limited.liquidate(limited.signed(wad(2)))
    assert filled == wad(2)
    assert limited.engine.rate_limit_state(0).free == capacity - 2 * limited.mark


def test_take_over_counts_in_the_same_place(limited):
    scene, taker = limited.scene, limited.scene.account("taker", 1000)
    limited.liquidate(limited.signed(wad(2)))
    free = limited.engine.rate_limit_state(0).free
    limit = 2**200 if scene.side > 0 else 0
    taken = limited.engine.take_over(limited.loser, 0, wad(2), taker, limit, sender=actor("taker"))
    assert limited.engine.rate_limit_state(0).free == free - abs(taken.size) * limited.mark // WAD


def test_what_a_market_does_not_bear_is_not_closed(limited):
    """All but 150 used up: of 5.29 base at most that much is closed, and then nothing until it has leaked."""
    free = limited.engine.rate_limit_state(0).free
    base = (free - wad(150)) * WAD // limited.mark
    limited.engine.count(0, base, sender=limited.exchange.address)
    filled, _ = limited.liquidate(limited.signed(wad(8)))
    assert abs(filled - wad(150) * WAD // limited.mark) <= 1
    limited.refuses("liquidation: rate limit", limited.signed(wad(8), "second maker"))
    wait(14)
    scene = limited.scene
    assert scene.kernel.plan(limited.loser).is_liquidatable
    assert limited.liquidate(limited.signed(wad(8), "second maker"))[0] > 0
    scene.kernel.assert_conserved()


# --- when it may not ---------------------------------------------------------------------------------------


def test_without_an_engine_nothing_is_closed(venue):
    venue.scene.vault.set_role(LIQUIDATION_ENGINE, actor("engine"), sender=actor("governance"))
    venue.refuses("exchange: no engine", venue.signed(wad(2)))


def test_keeper_without_an_owner_reverts(venue):
    venue.refuses("exchange: zero keeper", venue.signed(wad(2)), keeper=2**96 - 1)


def test_healthy_account_is_not_liquidated(venue):
    venue.refuses("exchange: not liquidatable", venue.signed(wad(2)), account=account_of("winner"))


def test_bankrupt_account_is_not_closed_by_orders(venue):
    venue.scene.move(7)
    assert venue.scene.equity(venue.loser) < 0
    venue.refuses("exchange: not liquidatable", venue.signed(wad(2)))


def test_market_without_a_position_is_not_liquidated(venue):
    venue.scene.move(4, market=1)
    venue.refuses("exchange: not liquidatable", venue.signed(wad(2), market=1), market=1)


def test_liquidate_without_orders_reverts(venue):
    venue.refuses("exchange: no makers")


def test_liquidate_of_nothing_reverts(venue):
    venue.refuses("vault: zero size", venue.signed(wad(2)), size=0)


def test_order_a_wei_worse_than_the_take_over_reverts(venue):
    price = venue.scene.kernel.plan(venue.loser).price
    worse = venue.signed(wad(2), price=price - venue.scene.side)
    venue.refuses("exchange: prices do not cross", worse)
    assert venue.liquidate(venue.signed(wad(2), price=price))[1] == 0


def test_order_of_the_wrong_side_or_market_reverts(venue):
    venue.refuses("exchange: same side", venue.signed(-wad(2)))
    venue.refuses("exchange: wrong market", venue.signed(wad(2), market=1))


def test_order_of_the_same_owner_reverts(venue):
    own = venue.order(wad(2), account=account_of("loser", 1))
    venue.refuses("exchange: self trade", sign(venue.exchange, own, signer("loser")))


def test_order_that_is_dead_reverts(venue):
    good = venue.order(wad(2))
    for change, message in (
        ({"expiry": boa.env.timestamp - 1}, "exchange: order expired"),
        ({"max_fee_rate": MAKER_RATE - 1}, "exchange: fee above limit"),
        ({"sequence": 1 << 44 | 1}, "exchange: wrong era"),
    ):
        venue.refuses(message, venue.signed(wad(2), **change))
    forged = sign(venue.exchange, good, signer("stranger"))
    venue.refuses("exchange: bad signature", forged)
    venue.exchange.cancel(good.account, 0, 1, sender=actor("maker"))
    venue.refuses("exchange: order cancelled", venue.signed(wad(2)))


def test_order_that_was_filled_is_not_filled_again(venue):
    signed = venue.signed(wad(2))
    venue.liquidate(signed)
    venue.refuses("exchange: order filled", signed)


def test_maker_without_margin_makes_the_close_revert(venue):
    venue.scene.vault.withdraw(
        account_of("maker"), wad(995) // venue.scene.kernel.scale, actor("maker"), 0, sender=actor("maker")
    )
    venue.refuses("margin: below initial margin", venue.signed(wad(2)))


def test_orders_that_leave_dust_revert(venue):
    """At 5.5 against all is to be closed: all but 0.5 is refused."""
    venue.scene.move("5.5")
    assert abs(venue.scene.kernel.plan(venue.loser).change) == wad(10)
    venue.refuses("vault: size leaves dust", venue.signed(wad("9.5")))


def test_stale_mark_stops_the_close(venue):
    signed = venue.signed(wad(2))
    wait(601)
    venue.refuses("market: stale mark", signed)
