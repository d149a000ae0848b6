"""
Marks: the oracle's price taken over, funding of both signs, the fund's share of it, the market clock and
batches.
"""

import boa
import pytest

from tests.kernel import PRICE_ORACLE, WAD, liquidation_config, wad
from tests.support import deploy, wait
from tests.unit.crisis.scene import Scene

RATE = 10**11  # 1e-7 of mark a second


def clock(scene: Scene) -> tuple[int, int, int, int]:
    """Market clock, batch, batch end, time of the last funding."""
    word, sums = scene.vault.market_words(0)[2:4]
    return word & (2**40 - 1), sums >> 208 & (2**24 - 1), word >> 40 & (2**40 - 1), word >> 80 & (2**40 - 1)


def indices(scene: Scene) -> tuple[int, int]:
    """Long and short funding index."""
    word = scene.vault.market_words(0)[1]
    signed = [word >> at & (2**112 - 1) for at in (0, 112)]
    return tuple(s - 2**112 if s >> 111 else s for s in signed)


def set_funding_share(scene: Scene, share: int) -> None:
    with scene.as_governance():
        scene.vault.set_funding_share(share)


def pay_funding(scene: Scene, seconds: int, rate: int) -> None:
    scene.kernel.set_price(100, seconds=seconds, rate=rate)


def open_pair(scene: Scene, size: int = 10) -> tuple[int, int]:
    payer, receiver = scene.account("payer", 1000), scene.account("receiver", 1000)
    scene.open(payer, receiver, size)
    return payer, receiver


def test_mark_is_the_oracles(scene):
    wait(60)
    scene.kernel.oracle.set_price(0, wad(123))
    assert scene.vault.update_mark(0) == wad(123)
    logs = scene.logs()
    words = scene.vault.market_words(0)
    assert logs == [("MarkUpdated", 0, wad(123), boa.env.timestamp, 0, 0, 0, words[2], words[3])]
    assert scene.vault.mark(0) == wad(123)
    scene.kernel.assert_conserved()


def test_second_mark_of_a_second_changes_nothing(scene):
    scene.move(5)
    scene.kernel.oracle.set_price(0, wad(50))
    before = scene.snapshot()
    assert scene.vault.update_mark(0) == scene.price(5)
    assert scene.logs() == []
    assert scene.snapshot() == before


@pytest.mark.parametrize("price", [10**12 - 1, 10**30 + 1])
def test_price_out_of_range_reverts(scene, price):
    wait(60)
    scene.kernel.oracle.set_price(0, price)
    before = scene.snapshot()
    with boa.reverts("market: price out of range"):
        scene.vault.update_mark(0)
    assert scene.snapshot() == before


@pytest.mark.parametrize("price", [10**12, 10**30])
def test_price_at_the_edge_of_the_range(scene, price):
    wait(60)
    scene.kernel.oracle.set_price(0, price)
    assert scene.vault.update_mark(0) == price
    scene.kernel.assert_conserved()


def test_oracle_that_is_down_reverts_with_its_reason(scene):
    wait(60)
    scene.kernel.oracle.set_down(0, True)
    before = scene.snapshot()
    with boa.reverts("oracle: stale price"):
        scene.vault.update_mark(0)
    assert scene.snapshot() == before


def test_mark_of_an_unknown_market_reverts(scene):
    with boa.reverts("market: unknown"):
        scene.vault.update_mark(3)


def test_mark_refuses_a_direct_call(shared_kernel):
    with boa.reverts("kernel: direct call"):
        shared_kernel.parts["MarginVaultCrisis"].update_mark(0)


# --- funding -----------------------------------------------------------------------------------------------


def test_funding_moves_cash_from_payers_to_receivers(scene):
    """600 s at 1e-7 of 100: 0.006 a unit, 0.06 for 10; both signs of the rate are the two directions."""
    payer, receiver = open_pair(scene)
    pay_funding(scene, 600, scene.side * RATE)
    index = wad("0.006")
    assert indices(scene) == ((index, index) if scene.side > 0 else (-index, -index))
    assert scene.kernel.state(payer).cash == wad(1000) - wad("0.06")
    assert scene.kernel.state(receiver).cash == wad(1000) + wad("0.06")
    assert scene.vault.fee_state().funding == 0
    scene.kernel.assert_conserved()


def test_funds_share_of_funding(scene):
    """20 % of what is paid is the fund's: receivers get 0.048, the fund 0.012."""
    set_funding_share(scene, wad("0.2"))
    payer, receiver = open_pair(scene)
    pay_funding(scene, 600, scene.side * RATE)
    assert scene.kernel.state(payer).cash == wad(1000) - wad("0.06")
    assert scene.kernel.state(receiver).cash == wad(1000) + wad("0.048")
    assert scene.vault.fee_state().funding == wad("0.012")
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_smallest_index_counts(scene, sign):
    """At a price of 2e-6 and the lowest rate a payer owes a wei a base."""
    set_funding_share(scene, WAD // 10)
    scene.kernel.set_price("0.000002")
    pair = open_pair(scene, 10**8)
    before = [scene.kernel.state(account).cash for account in pair]
    scene.kernel.set_price("0.000002", seconds=300, rate=sign)
    payer = 0 if sign == scene.side else 1
    assert sorted(indices(scene), key=abs) == [0, sign]
    assert [scene.kernel.state(account).cash - then for account, then in zip(pair, before, strict=True)] == [
        -(10**8) * (n == payer) for n in (0, 1)
    ]
    scene.touch(pair[payer])
    assert scene.kernel.state(pair[payer]).cash == before[payer] - 10**8
    scene.kernel.assert_conserved(dust=10**9)


def test_funding_uses_the_mark_before_the_update(scene):
    open_pair(scene)
    scene.kernel.set_price(scene.price(10) // WAD, seconds=600, rate=scene.side * RATE)
    assert abs(indices(scene)[0]) == wad("0.006")
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("seconds", "paid"), [(299, 0), (300, 300), (3600, 3600), (3601, 3600)])
def test_funding_accrues_for_at_least_300_and_at_most_3600_seconds(scene, seconds, paid):
    payer, _ = open_pair(scene)
    assert clock(scene)[3] == boa.env.timestamp
    pay_funding(scene, seconds, scene.side * RATE)
    cost = paid * RATE * 100 * 10
    assert wad(1000) - scene.kernel.state(payer).cash == cost
    scene.kernel.assert_conserved()


def test_short_steps_add_up(scene):
    """What is too short to accrue is not lost: it accrues with the next mark."""
    payer, _ = open_pair(scene)
    for _ in range(4):
        pay_funding(scene, 150, scene.side * RATE)
    assert wad(1000) - scene.kernel.state(payer).cash == 600 * RATE * 100 * 10
    scene.kernel.assert_conserved()


def test_funding_rate_is_capped(scene):
    """4 % a day, whatever the oracle says."""
    payer, _ = open_pair(scene)
    pay_funding(scene, 600, scene.side * 10**15)
    cap = 4 * 10**16 // 86_400
    assert wad(1000) - scene.kernel.state(payer).cash == 600 * cap * 100 * 10
    scene.kernel.assert_conserved()


def test_no_funding_without_positions(scene):
    pay_funding(scene, 600, scene.side * RATE)
    assert indices(scene) == (0, 0)
    scene.kernel.assert_conserved()


def test_funding_is_by_the_rates_that_were_in_force(scene):
    """Two rates since the last accrual: each counts for its time, whenever the kernel is called."""
    payer, _ = open_pair(scene)
    pay_funding(scene, 300, scene.side * RATE)
    paid = wad(1000) - scene.kernel.state(payer).cash
    pay_funding(scene, 100, scene.side * 5 * RATE)
    pay_funding(scene, 250, scene.side * RATE)
    assert wad(1000) - scene.kernel.state(payer).cash - paid == (500 + 250) * RATE * 100 * 10
    scene.kernel.assert_conserved()


def test_funding_of_a_long_gap_is_an_hour_of_its_mean_rate(scene):
    """Two hours at 1, half an hour at 6: an hour at 2, though the rate at the end is 6."""
    payer, _ = open_pair(scene)
    pay_funding(scene, 300, scene.side * RATE)
    paid = wad(1000) - scene.kernel.state(payer).cash
    wait(7200)
    scene.kernel.oracle.observe(0)
    pay_funding(scene, 1800, scene.side * 6 * RATE)
    assert wad(1000) - scene.kernel.state(payer).cash - paid == 3600 * 2 * RATE * 100 * 10
    scene.kernel.assert_conserved()


def test_funding_of_a_rate_seen_only_now_is_nothing(scene):
    payer, _ = open_pair(scene)
    pay_funding(scene, 300, 0)
    wait(3600)
    scene.kernel.oracle.set_rate_sum(0, 0)
    scene.kernel.oracle.set_price(0, wad(100), scene.side * 10**15)
    scene.vault.update_mark(0)
    assert scene.kernel.state(payer).cash == wad(1000)
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("seconds", "counted"), [(300, 300), (7200, 3600)])
def test_rates_that_add_up_to_too_much_are_capped(scene, seconds, counted):
    payer, _ = open_pair(scene)
    pay_funding(scene, 300, 0)
    wait(seconds)
    scene.kernel.oracle.set_rate_sum(0, scene.side * 10**24)
    scene.vault.update_mark(0)
    cap = 4 * 10**16 // 86_400
    assert wad(1000) - scene.kernel.state(payer).cash == counted * cap * 100 * 10
    scene.kernel.assert_conserved()


def test_rate_sum_is_taken_with_each_accrual(scene):
    open_pair(scene)
    pay_funding(scene, 300, scene.side * RATE)
    oracle = scene.kernel.oracle
    rate_sum = oracle.read(0).rate_sum
    assert ("RateSumTaken", 0, oracle.address, rate_sum) in scene.logs()
    assert scene.vault.rate_sum_word(0) == int(str(oracle.address), 16) | rate_sum % 2**96 << 160
    pay_funding(scene, 299, scene.side * RATE)
    assert "RateSumTaken" not in {log[0] for log in scene.logs()}
    pay_funding(scene, 300, 0)
    rate_sum += scene.side * 299 * RATE
    assert ("RateSumTaken", 0, oracle.address, rate_sum) in scene.logs()
    pay_funding(scene, 300, 0)
    assert "RateSumTaken" not in {log[0] for log in scene.logs()}


def test_a_new_oracles_past_does_not_count(scene):
    """Its sum is of another history: until it has been asked once, its present rate is what there is."""
    payer, _ = open_pair(scene)
    pay_funding(scene, 300, 0)
    other = deploy("mocks/MockOracle.vy")
    other.set_price(0, wad(100), scene.side * RATE)
    other.set_rate_sum(0, scene.side * 10**20)
    with scene.as_governance():
        scene.vault.set_role(PRICE_ORACLE, other.address)
    wait(400)
    scene.vault.update_mark(0)
    assert wad(1000) - scene.kernel.state(payer).cash == 400 * RATE * 100 * 10
    wait(300)
    scene.vault.update_mark(0)
    assert wad(1000) - scene.kernel.state(payer).cash == 700 * RATE * 100 * 10
    scene.kernel.assert_conserved()


def test_a_sum_of_rates_that_does_not_fit_reverts(scene):
    open_pair(scene)
    pay_funding(scene, 300, 0)
    wait(300)
    scene.kernel.oracle.set_rate_sum(0, scene.side * 2**96)
    before = scene.snapshot()
    with boa.reverts("packing: overflow"):
        scene.vault.update_mark(0)
    assert scene.snapshot() == before


@pytest.mark.parametrize("sign", [1, -1], ids=["it would pay", "it would get"])
def test_no_funding_while_a_side_is_only_the_inventory(scene, sign):
    """The inventory is long alone, or short alone; whichever way funding would go, none does."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    mark = scene.move(10)
    scene.kernel.absorb(loser)
    assert scene.kernel.inventory().size == scene.side * wad(10)
    before = scene.equity(winner), scene.kernel.inventory().equity
    scene.kernel.set_price(mark // WAD, seconds=3600, rate=sign * scene.side * RATE)
    assert indices(scene) == (0, 0)
    assert (scene.equity(winner), scene.kernel.inventory().equity) == before
    assert scene.vault.fee_state().funding == 0
    scene.kernel.assert_conserved()


def test_funding_of_the_time_a_side_was_only_the_inventory_is_not_owed_later(scene):
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    mark = scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.set_price(mark // WAD, seconds=3600, rate=scene.side * RATE)
    newcomer = scene.account("newcomer", 1000)
    scene.open(newcomer, scene.account("another", 1000), 5)
    scene.kernel.set_price(mark // WAD, seconds=300, rate=scene.side * RATE)
    assert wad(1000) - scene.kernel.state(newcomer).cash == 300 * RATE * (mark // WAD) * 5
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("size", "is_paid"), [(1, False), ("1.000001", True)])
def test_who_holds_no_more_than_dust_beside_the_inventory_does_not_count(scene, size, is_paid):
    """Dust is 100 quote, and the mark 100: one unit beside the inventory is dust, a little more is not."""
    config = tuple(liquidation_config(dust=wad(100)).values())
    with scene.as_governance():
        scene.vault.set_liquidation_config(0, config)
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    scene.open(scene.account("other", 1000), winner, size)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.move(0)
    scene.kernel.set_price(100, seconds=300, rate=scene.side * RATE)
    assert (indices(scene) != (0, 0)) == is_paid
    scene.kernel.assert_conserved()


def test_inventory_pays_and_gets_funding_too(scene):
    """10 units of inventory pay 0.054 at 90, or 0.066 at 110: the claim grows by it."""
    winner = scene.account("winner", 1000)
    loser = scene.bankrupt(winner)
    scene.open(scene.account("other", 1000), winner, 2)
    mark = scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.set_price(mark // WAD, seconds=600, rate=scene.side * RATE)
    cost = (600 + 60) * RATE * mark // WAD * 10
    claims = scene.kernel.claims()
    assert scene.kernel.inventory().outstanding == wad(40) + cost
    assert [c.amount for c in claims] == [wad(40), cost]
    assert (claims[1].account, claims[1].loss_side) == (0, scene.loss_side)
    scene.kernel.assert_conserved()


# --- the inventory's own claim -----------------------------------------------------------------------------


def test_worse_mark_raises_the_inventorys_claim_in_place(scene):
    """It falls by 1, twice: one claim of 20 beside the loser's 40."""
    loser = scene.bankrupt(scene.account("winner", 1000))
    scene.move(10)
    scene.kernel.absorb(loser)
    for against in (11, 12):
        scene.move(against)
        assert scene.kernel.inventory().outstanding == wad(40 + 10 * (against - 10))
        scene.kernel.assert_conserved()
    assert [(c.account, c.amount) for c in scene.kernel.claims()] == [(loser, wad(40)), (0, wad(20))]


@pytest.mark.parametrize(
    ("against", "added"), [("10.0000000001", 0), ("10.000000000100000001", 10**9 + 10)], ids=["dust", "more"]
)
def test_what_lacks_1e_9_quote_more_is_no_new_claim(scene, against, added):
    loser = scene.bankrupt(scene.account("winner", 1000))
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.move(against)
    assert sum(c.outstanding for c in scene.kernel.claims()[1:]) == added
    assert scene.kernel.inventory().outstanding == wad(40) + added
    assert scene.kernel.inventory().equity == -wad(40) - (added or 10**9)


def test_better_mark_shrinks_the_newest_claims_first(scene):
    loser = scene.bankrupt(scene.account("winner", 1000))
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.move(12)
    scene.move("9.5")
    claims = scene.kernel.claims()
    assert [(c.recovered, c.outstanding) for c in claims] == [(wad(5), wad(35)), (wad(20), 0)]
    scene.move(11)
    claims = scene.kernel.claims()
    # the inventory's claim is closed; the next one is new
    assert [(c.account, c.outstanding) for c in claims] == [(loser, wad(35)), (0, 0), (0, wad(15))]
    scene.kernel.assert_conserved()


def test_mark_lets_the_fund_pay(scene):
    loser = scene.bankrupt(scene.account("winner", 1000))
    scene.move(10)
    scene.kernel.absorb(loser)
    fund = scene.with_fund(reserve=25)
    scene.move(10)
    assert (fund.calls(), fund.last_outstanding()) == (1, wad(40))
    assert scene.kernel.claims()[0].reserve == wad(25)
    scene.kernel.assert_conserved()


# --- the market clock --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "step"), [(1, 1), (300, 300), (301, 300), (600, 300), (601, 0)])
def test_clock_moves_by_at_most_300_and_not_over_a_stale_mark(scene, seconds, step):
    now = clock(scene)[0]
    scene.move(1, seconds=seconds)
    assert clock(scene)[0] == now + step
    scene.kernel.assert_conserved()


def test_batch_ends_and_profit_matures_when_the_next_one_ends(scene):
    """Profit of batch k becomes cash when batch k + 1 ends: between one and two batch lengths later."""
    loser, winner = open_pair(scene)
    scene.move(1)
    scene.open(winner, scene.account("heir", 1000), 10)
    start = clock(scene)
    assert scene.kernel.position(winner).maturing == wad(10)
    while clock(scene)[1] < start[1] + 2:
        assert scene.kernel.state(winner).maturing == wad(10)
        scene.move(1, seconds=300)
    now = clock(scene)
    assert start[2] + 3600 <= now[0] < start[2] + 3600 + 600
    state = scene.kernel.state(winner)
    assert (state.cash, state.maturing) == (wad(1010), 0)
    assert scene.equity(loser) == wad(990)
    scene.kernel.assert_conserved()


def test_batch_sums_move_on_with_the_batch(scene):
    _, winner = open_pair(scene)
    scene.move(1)
    scene.open(winner, scene.account("heir", 1000), 10)
    shares = wad(10) // 10**9
    assert scene.vault.market_words(0)[3] & (2**208 - 1) == shares
    batch = clock(scene)[1]
    while clock(scene)[1] == batch:
        scene.move(1, seconds=300)
    assert scene.vault.market_words(0)[3] & (2**208 - 1) == shares << 104
    scene.kernel.assert_conserved()


def test_clock_stands_still_over_a_deficit_nobody_pays(scene):
    loser = scene.bankrupt(scene.account("winner", 1000))
    scene.move(10)
    scene.kernel.absorb(loser)
    now = clock(scene)[0]
    scene.move(10, seconds=300)
    assert clock(scene)[0] == now
    scene.kernel.deleverage()
    scene.move(10, seconds=300)
    assert clock(scene)[0] == now + 300
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("against", "step"), [("6.001", 300), ("6.001001", 0)])
def test_clock_goes_on_over_dust(scene, against, step):
    loser = scene.bankrupt(scene.account("winner", 1000))
    scene.move(against)
    scene.kernel.absorb(loser)
    now = clock(scene)[0]
    scene.move(against, seconds=300)
    assert clock(scene)[0] == now + step
    scene.kernel.assert_conserved()


def test_deficit_the_fund_pays_freezes_nobody(scene):
    loser = scene.bankrupt(scene.account("winner", 1000))
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.with_fund(reserve=100)
    now = clock(scene)[0]
    scene.move(10, seconds=300)
    assert clock(scene)[0] == now + 300
    assert scene.kernel.claims()[0].outstanding == 0
    scene.kernel.assert_conserved()


def test_one_second_bounce_releases_nothing(scene):
    """The deficit is gone for one mark of one second: the clock moves by that second."""
    loser = scene.bankrupt(scene.account("winner", 1000))
    scene.move(10)
    scene.kernel.absorb(loser)
    now = clock(scene)[0]
    scene.move(10, seconds=500)
    scene.move(5, seconds=1)
    scene.move(10, seconds=500)
    assert clock(scene)[0] == now + 1
    scene.kernel.assert_conserved()
