"""What the report says of an account, and how it understands who is meant."""

import boa
import pytest

from lastline import account_report as ar
from lastline.accounts import account_id
from tests.kernel import WAD, account_of, wad
from tests.support import actor, deploy


def test_figures_of_an_account_are_the_vaults(desk):
    scene = desk.scene
    winner, account = scene.account("winner", 10**5), scene.account("loser", 500)
    scene.open(account, winner, 10)
    scene.open(winner, account, 5, market=1)
    scene.move(2)
    shown, state = desk.report(account, number=7), scene.kernel.state(account)
    assert (shown.account, shown.block) == (account, 7)
    for name in ("cash", "maturing", "equity", "maintenance", "hole", "withdrawable", "is_stale"):
        assert getattr(shown, name) == getattr(state, name), name
    assert shown.health == state.equity * WAD // state.maintenance
    assert [p.market for p in shown.positions] == [0, 1]
    assert shown.initial == sum(p.initial for p in shown.positions)
    assert shown.maintenance == sum(p.maintenance for p in shown.positions)
    for p in shown.positions:
        kept = scene.kernel.position(account, p.market)
        assert (p.size, p.unrealised, p.maintenance) == (kept.size, kept.unrealised, kept.maintenance)
        assert (p.entry, p.mark) == (wad(100), scene.vault.mark(p.market))


def test_funding_is_the_oracles_rate_for_eight_hours(desk):
    scene = desk.scene
    account = scene.bankrupt(scene.account("winner", 5000))
    for rate in (10**9, -(10**9)):
        scene.kernel.oracle.set_price(0, wad(100), rate)
        shown = desk.report(account).positions[0]
        assert (shown.funding_rate, shown.basis) == (rate * 28_800, 0)


def test_funding_and_basis_are_unknown_without_a_price(desk):
    account = desk.scene.bankrupt(desk.scene.account("winner", 5000))
    desk.scene.kernel.oracle.set_down(0, True)
    shown = desk.report(account).positions[0]
    assert (shown.funding_rate, shown.basis) == (None, None)


def test_class_and_leverage_are_the_positions(desk):
    scene = desk.scene
    winner = scene.account("winner", 10**5, leverage_class=2)
    scene.open(scene.account("loser", 500), winner, 10)
    shown = desk.report(winner).positions[0]
    assert (shown.leverage_class, shown.class_rate, shown.leverage) == (2, wad("0.2"), wad(5))
    assert shown.initial == wad(200)


def test_initial_margin_is_what_the_hole_is_made_of(desk):
    """Without open profit, hole = initial margin - cash."""
    scene = desk.scene
    account = scene.account("loser", 500)
    scene.open(account, scene.account("winner", 10**5), 10)
    shown = desk.report(account)
    assert shown.hole == shown.initial - shown.cash < 0


def test_a_stale_mark_is_told(desk):
    account = desk.scene.bankrupt(desk.scene.account("winner", 5000))
    assert [p.is_fresh for p in desk.report(account).positions] == [True]
    boa.env.timestamp += 600
    assert [p.is_fresh for p in desk.report(account).positions] == [True]
    boa.env.timestamp += 1
    shown = desk.report(account)
    assert [p.is_fresh for p in shown.positions] == [False]
    assert shown.is_stale


def test_the_place_in_the_queue_is_the_lenses(desk):
    scene = desk.scene
    winner = scene.account("winner", 5000)
    account = scene.bankrupt(winner)
    scene.move(5)
    shown = {a: desk.report(a).positions[0].place for a in (winner, account)}
    assert tuple(vars(shown[winner]).values())[:7] == tuple(desk.lens.adl_rank(winner, 0))
    assert [place.lights for place in shown.values()] == [5, 0]
    assert [place.is_queued for place in shown.values()] == [True, False]


def test_maturing_profit_becomes_cash_when_the_report_says(desk):
    """Profit of two batches: each is cash after so many seconds of market clock, and not a step before."""
    scene = desk.scene
    winner = scene.account("winner", 5000)
    scene.bankrupt(winner, margin=5000)
    heir = scene.account("heir", 5000)
    scene.move(10)
    scene.open(winner, heir, 3)
    for _ in range(13):
        scene.move(10, seconds=300)
    scene.open(winner, heir, 2)
    assert [part.amount for part in desk.report(winner).ripening] == [wad(30), wad(20)]
    first, second = desk.report(winner).ripening
    assert first.seconds < second.seconds == first.seconds + 3600
    cash = desk.report(winner).cash
    passed = 0
    while passed < 10_000:
        shown = desk.report(winner)
        assert sum(part.amount for part in shown.ripening) == scene.kernel.position(winner).maturing
        due = [part.amount for part in (first, second) if part.seconds <= passed]
        # the next batch may begin up to a step late, and so may end
        early = [part.amount for part in (first, second) if part.seconds + 300 <= passed]
        assert cash + sum(early) <= shown.cash <= cash + sum(due)
        scene.move(10, seconds=300)
        passed += 300
    assert desk.report(winner).ripening == ()
    assert desk.report(winner).cash == cash + wad(50)


def test_what_rounds_have_taken_does_not_mature(desk):
    scene = desk.scene
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.move(10)
    scene.open(winner, scene.account("heir", 5000), 10)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    parts = desk.report(winner).ripening
    assert [part.amount for part in parts] == [scene.kernel.position(winner).maturing]
    assert parts[0].amount == pytest.approx(wad(60), abs=10**9)


def test_a_pot_is_told_until_it_is_touched(desk):
    scene = desk.scene
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    scene.open(scene.account("bystander", 5000), winner, 10)
    scene.move(10)
    scene.kernel.absorb(loser)
    scene.kernel.deleverage()
    shown = desk.report(winner)
    assert shown.pots == {0: wad(60)}
    assert shown.ripening == ()
    scene.touch(winner)
    shown = desk.report(winner)
    assert shown.pots == {}
    assert [part.amount for part in shown.ripening] == [wad(60)]


def test_open_claims_of_an_absorbed_account_are_told(desk):
    scene = desk.scene
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    other = scene.bankrupt(winner, name="other")
    scene.move(10)
    scene.kernel.absorb(loser)
    claims = desk.report(loser).claims
    assert [(c.account, c.amount, c.outstanding) for c in claims] == [(loser, wad(40), wad(40))]
    assert desk.report(loser).positions == ()
    assert desk.report(other).claims == ()
    scene.kernel.deleverage()
    assert desk.report(loser).claims == ()


def test_an_account_nobody_has_used_is_all_zero(desk):
    shown = desk.report(account_of("stranger"))
    assert (shown.cash, shown.equity, shown.health, shown.positions) == (0, 0, None, ())


# --- who is meant -------------------------------------------------------------------------------------------

OWNER = str(actor("trader"))


def test_an_address_is_an_owner():
    assert ar.parse_account(OWNER) == (OWNER, None)
    assert ar.parse_account(OWNER.lower()) == (OWNER, None)
    assert ar.parse_account(OWNER, 3) == (OWNER, account_id(OWNER, 3))


def test_a_number_is_an_account():
    account = account_id(OWNER, 3)
    assert ar.parse_account(str(account)) == (OWNER, account)
    assert ar.parse_account(hex(account)) == (OWNER, account)


@pytest.mark.parametrize("text", ["", "trader", "0x12", "12", "0x" + "g" * 40, str(2**256), "-1", OWNER[:-1]])
def test_anything_else_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="account id"):
        ar.parse_account(text)


def test_an_account_id_takes_no_sub_account():
    with pytest.raises(ValueError, match="leave --sub out"):
        ar.parse_account(str(account_id(OWNER)), 1)


def test_a_sub_account_out_of_range_is_refused():
    with pytest.raises(ValueError, match="out of range"):
        ar.parse_account(OWNER, 2**96)


def test_whose_turn_it_is_is_the_engines_answer(desk):
    """Of a hedged account only the larger side; of any other all positions."""
    engine = deploy("LiquidationEngine.vy", desk.scene.vault.address)
    scene = desk.scene
    winner, account = scene.account("winner", 10**5), scene.account("loser", 500)
    scene.open(account, winner, 10)
    assert desk.report(account).turn == (0,)
    for size, turn in ((9, (0,)), (1, (0, 1)), (1, (1,))):
        scene.open(winner, account, size, market=1)
        assert desk.report(account).turn == turn
        assert sum(1 << market for market in turn) == engine.liquidatable_markets(account)
    # the larger side has no fresh mark
    boa.env.timestamp += 601
    scene.vault.update_mark(0)
    assert desk.report(account).turn == (0, 1)
    assert engine.liquidatable_markets(account) == 3


def test_position_in_a_settled_market_moves_no_more(desk):
    """No price liquidates it, no scenario moves it, it hedges nothing: the report agrees with the engine."""
    engine = deploy("LiquidationEngine.vy", desk.scene.vault.address)
    scene = desk.scene
    winner, account = scene.account("winner", 10**5), scene.account("loser", 500)
    scene.open(account, winner, 10)
    scene.open(winner, account, 10, market=1)
    with scene.as_governance():
        scene.vault.set_market_status(0, 2)
        scene.vault.settle_market(0)
    seen = desk.report(account)
    settled, other = seen.positions
    assert (settled.is_settled, settled.liquidation_price, settled.bankruptcy_price) == (True, None, 0)
    assert not other.is_settled
    assert other.bankruptcy_price != 0
    assert seen.turn == (1,)
    assert engine.liquidatable_markets(account) == 2
    marks = {market: {scenario.prices[market] for scenario in seen.scenarios} for market in (0, 1)}
    assert marks[0] == {settled.mark}
    assert len(marks[1]) == len(seen.scenarios)
    with pytest.raises(ValueError, match="Market 0 is settled"):
        desk.report(account, moved=[0])
    with pytest.raises(ValueError, match="no position in market 2"):
        desk.report(account, moved=[2])


def test_account_in_settled_markets_alone_has_no_scenarios(desk):
    scene = desk.scene
    winner, account = scene.account("winner", 10**5), scene.account("loser", 2000)
    scene.open(account, winner, 10)
    with scene.as_governance():
        scene.vault.set_market_status(0, 2)
        scene.vault.settle_market(0)
    assert desk.report(account).scenarios == ()
