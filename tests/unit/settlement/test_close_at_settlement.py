"""
Anybody closes any position of a settled market, whole, at the settlement price; the bankruptcy account has
it then.
"""

import boa
import pytest

from tests.kernel import BTC, WAD, Kernel, account_of, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene, fresh
from tests.unit.settlement.settling import close, close_only, settle


def pair(scene: Scene, against: float = 5, size: float = 10) -> tuple[int, int]:
    """A loser and a winner of `size`, in a market settled `against` the loser."""
    loser, winner = scene.account("loser", 1000), scene.account("winner", 1000)
    scene.open(loser, winner, size)
    close_only(scene)
    scene.move(against)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    return loser, winner


def test_a_loss_is_taken_from_cash_at_once(scene):
    loser, _ = pair(scene)
    mark, size = scene.price(5), scene.side * wad(10)
    assert close(scene, loser) == -wad(50)
    assert scene.logs() == [
        scene.position_changed(loser, -size, mark, -wad(50)),
        ("InventoryChanged", BTC, size, size * mark // WAD, 0, 0, *[boa.env.timestamp] * 2),
        ("ClosedAtSettlement", loser, BTC, size, mark, -wad(50)),
    ]
    state = scene.kernel.state(loser)
    assert (state.cash, state.equity, state.withdrawable) == (wad(950), wad(950), wad(950))
    # the slot is free
    assert scene.vault.position_word(loser, BTC) == 0
    assert scene.vault.account_word(loser) >> 128 & (2**32 - 1) == 0
    scene.kernel.assert_conserved()


def test_a_profit_matures_by_the_clock_of_the_market(scene):
    """
    Nobody leaves with what the losers may still turn out to owe: cash after two batches, touched or not.
    """
    _, winner = pair(scene)
    assert close(scene, winner) == wad(50)
    assert [log[0] for log in scene.logs()] == [
        "MaturingChanged",
        "PositionChanged",
        "InventoryChanged",
        "ClosedAtSettlement",
    ]
    state = scene.kernel.state(winner)
    assert (state.cash, state.maturing, state.withdrawable) == (wad(1000), wad(50), wad(1000))
    for _ in range(24):
        wait(300)
        scene.vault.update_mark(BTC)
    state = scene.kernel.state(winner)
    assert (state.cash, state.maturing, state.withdrawable) == (wad(1050), 0, wad(1050))
    scene.touch(winner)
    assert scene.vault.account_word(winner) >> 128 & (2**32 - 1) == 0
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("order", ["loser first", "winner first"])
def test_when_all_have_closed_the_bankruptcy_account_is_empty(scene, order):
    loser, winner = pair(scene)
    first, second = (loser, winner) if order == "loser first" else (winner, loser)
    equity = scene.kernel.inventory().equity
    close(scene, first)
    assert abs(scene.kernel.inventory().size) == wad(10)
    assert equity <= scene.kernel.inventory().equity <= equity + 1
    scene.kernel.assert_conserved()
    close(scene, second)
    inventory = scene.kernel.inventory()
    assert (inventory.size, inventory.notional, inventory.outstanding) == (0, 0, 0)
    assert scene.vault.market_words(BTC)[12] & (2**112 - 1) == 0
    scene.kernel.assert_conserved()


def test_open_interest_stays_until_the_other_side_closes(scene):
    loser, winner = pair(scene)
    for account in (loser, winner):
        assert scene.vault.market_words(BTC)[12] & (2**112 - 1) == wad(10)
        close(scene, account)


@pytest.mark.parametrize("name", ["stranger", "winner", "attacker", "guardian"])
def test_anybody_closes_for_anybody(scene, name):
    loser, _ = pair(scene)
    assert close(scene, loser, name=name) == -wad(50)


def test_a_loss_eats_what_was_earned_in_the_same_market_first(scene):
    """
    50 realised before the settlement are maturing when a loss comes: equity stays, to 2e-9 for the rounding
    of shares.
    """
    a, b = scene.account("loser", 1000), scene.account("winner", 1000)
    scene.open(b, a, 10)
    scene.move(-5)
    scene.open(a, b, 20)
    close_only(scene)
    assert scene.kernel.state(b).maturing + scene.kernel.state(a).maturing == wad(50)
    scene.move(0)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    for account in (a, b):
        equity = scene.equity(account)
        close(scene, account)
        assert equity - 2 * 10**9 <= scene.equity(account) <= equity
    scene.kernel.assert_conserved()


def test_closing_twice_reverts_and_changes_nothing(scene):
    loser, _ = pair(scene)
    close(scene, loser)
    before = scene.snapshot()
    with boa.reverts("vault: no position"):
        close(scene, loser)
    assert scene.snapshot() == before


def test_an_account_never_seen_is_not_written(scene):
    settle(scene)
    before = scene.snapshot()
    with boa.reverts("vault: no position"):
        close(scene, account_of("newcomer"))
    assert scene.snapshot() == before


@pytest.mark.parametrize("is_close_only", [False, True])
def test_nobody_is_closed_before_the_settlement(scene, is_close_only):
    loser, winner = scene.account("loser", 1000), scene.account("winner", 1000)
    scene.open(loser, winner, 10)
    if is_close_only:
        close_only(scene)
    with boa.reverts("market: not settled"):
        close(scene, loser)


def test_an_unknown_market_has_nothing_to_close(scene):
    with boa.reverts("market: unknown"):
        close(scene, account_of("loser"), market=3)


@pytest.mark.parametrize(("margin", "is_solvent"), [(100, True), ("99.999999", False)])
def test_who_cannot_bear_the_loss_is_absorbed_first(scene, margin, is_solvent):
    """
    At 90, 10 bought at 100 cost 100: with exactly that in cash the account is closed, with less it is not.
    """
    loser = scene.bankrupt(scene.account("winner", 5000), margin=margin)
    close_only(scene)
    scene.move(10)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    if is_solvent:
        assert close(scene, loser) == -wad(100)
        assert scene.equity(loser) == 0
    else:
        before = scene.snapshot()
        with boa.reverts("margin: account insolvent"):
            close(scene, loser)
        assert scene.snapshot() == before
        assert scene.kernel.absorb(loser) == -wad("0.000001")
        assert scene.kernel.claims()[0].account == loser
    scene.kernel.assert_conserved()


def test_what_an_account_has_in_other_markets_counts_for_its_solvency(scene):
    """
    60 in cash, -100 here, +50 there: closed here, the account has -40 in cash and 50 in profit to show for
    it.
    """
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner, size=5, margin=60)
    scene.open(winner, loser, 5, market=1)
    close_only(scene)
    scene.move(20)
    scene.move(10, market=1)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    equity = scene.equity(loser)
    assert equity == wad(10)
    assert close(scene, loser) == -wad(100)
    state = scene.kernel.state(loser)
    assert (state.cash, state.unrealised, state.equity) == (-wad(40), wad(50), equity)
    # what it owes elsewhere counts as well
    scene.move(8, market=1, seconds=1)
    scene.kernel.absorb(loser)
    scene.kernel.assert_conserved()


def test_a_loss_in_another_market_makes_an_account_insolvent_here(scene):
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner, size=5, margin=60)
    scene.open(loser, winner, 5, market=1)
    close_only(scene)
    scene.move(5)
    scene.move(10, market=1)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    with boa.reverts("margin: account insolvent"):
        close(scene, loser)
    scene.kernel.absorb(loser)
    scene.kernel.assert_conserved()


def test_a_member_that_a_round_has_charged_is_closed_at_its_entry_after_it(scene):
    """A round of 40 takes 40 % of the winner's 100; at the same mark 60 are left to realise."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    close_only(scene)
    scene.move(10)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    profit = close(scene, winner)
    assert wad(60) - 4 <= profit <= wad(60)
    assert scene.kernel.inventory().size <= 0
    assert abs(scene.kernel.inventory().size) <= 1
    scene.kernel.assert_conserved()


def test_a_member_that_adl_has_closed_in_part_keeps_its_pot(scene):
    """Half the winners' size is closed by rank at the settlement price; the rest by close_at_settlement."""
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner, size=10, margin=60)
    other = scene.account("other", 5000)
    scene.open(other, winner, 10)
    close_only(scene)
    scene.move(10)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    scene.kernel.close_at_mark()
    before = scene.kernel.position(winner)
    assert before.pot > 0
    equity = scene.equity(winner)
    close(scene, winner)
    assert scene.kernel.position(winner).size == 0
    assert equity - 2 * 10**9 - 10 <= scene.equity(winner) <= equity
    close(scene, other)
    scene.kernel.assert_conserved()


def test_a_member_that_adl_has_closed_whole_has_only_its_pot_to_touch(scene):
    winner = scene.account("winner", 5000)
    loser = scene.bankrupt(winner)
    close_only(scene)
    scene.move(10)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    scene.kernel.absorb(loser)
    scene.kernel.charge_round()
    scene.kernel.close_at_mark()
    with boa.reverts("vault: no position"):
        close(scene, winner)
    scene.touch(winner)
    assert wad(60) - 2 * 10**9 <= scene.kernel.state(winner).maturing <= wad(60)
    scene.kernel.assert_conserved()


def test_nobody_is_closed_while_a_round_is_open(scene):
    winners = [scene.account(f"winner {n}", 5000, leverage_class=n) for n in range(2)]
    losers = [scene.bankrupt(winner, name=f"loser {n}") for n, winner in enumerate(winners)]
    close_only(scene)
    scene.move(10)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    for loser in losers:
        scene.kernel.absorb(loser)
    assert not scene.kernel.charge_round(limit=1).is_done
    with boa.reverts("market: round open"):
        close(scene, winners[0])
    scene.kernel.charge_round()
    close(scene, winners[0])
    scene.kernel.assert_conserved()


@pytest.mark.parametrize("price", ["96.123456789012345678", "103.999999999999999999"])
def test_odd_figures_lose_no_more_than_a_wei_each_and_never_to_the_vaults_cost(any_decimals: Kernel, price):
    for side in (1, -1):
        with boa.env.anchor():
            scene = fresh(any_decimals, side)
            accounts = [scene.account(f"trader {n}", 1000) for n in range(4)]
            for n, size in enumerate(("1.111111111111111111", "2.300000000000000007", "3.5")):
                scene.open(accounts[n], accounts[n + 1], size)
            close_only(scene)
            scene.kernel.set_price(price)
            with scene.as_governance():
                scene.vault.settle_market(BTC)
            for account in accounts[1:] + accounts[:1]:
                before = scene.equity(account)
                if scene.kernel.position(account).size:
                    close(scene, account)
                assert before - 2 * 10**9 <= scene.equity(account) <= before
                scene.kernel.assert_conserved()
            assert scene.kernel.inventory().size == 0


def test_what_rounding_leaves_is_surplus(scene):
    """The bankruptcy account's last wei go where every surplus goes."""
    loser, winner = pair(scene, against=5.333333333333333333, size=1.111111111111111111)
    close(scene, loser)
    close(scene, winner)
    left = scene.kernel.inventory().equity
    assert 0 <= left <= 2
    wait(1)
    scene.vault.update_mark(BTC)
    assert scene.kernel.inventory().equity == 0
    assert scene.vault.surplus(BTC) == scene.vault.fee_state().surplus == left


def test_gas_of_closing_one_position(scene):
    """A plain position, the account's only one; the first close also opens the inventory."""
    loser, winner = pair(scene)
    close(scene, loser)
    first = scene.gas()
    close(scene, winner)
    second = scene.gas()
    print(f"close_at_settlement: loss {first:,}, profit {second:,}")
    assert first < 150_000
    assert second < 150_000


def test_a_stranger_cannot_make_an_owner_worse_off(scene):
    """Health, what may be withdrawn and equity of a cross account do not fall when somebody closes it."""
    winner = scene.account("winner", 5000)
    trader = scene.bankrupt(winner, size=5, margin=200)
    scene.open(trader, winner, 5, market=1)
    close_only(scene)
    scene.move(4)
    with scene.as_governance():
        scene.vault.settle_market(BTC)
    before = scene.kernel.state(trader)
    with boa.env.prank(actor("attacker")):
        scene.vault.close_at_settlement(trader, BTC)
    after = scene.kernel.state(trader)
    assert (after.equity, after.maintenance) == (before.equity, before.maintenance)
    assert after.hole <= before.hole
    assert after.withdrawable >= before.withdrawable
