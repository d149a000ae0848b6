"""
What a keeper does in a settled market: its clock, and positions of others, for the public good; no trade.
"""

from dataclasses import replace

from lastline.keeper import decisions
from lastline.keeper.snapshot import _is_idle
from tests.unit.keeper.worlds import MARK, NOW, account, config, inventory, market, position, snapshot
from tests.unit.settlement.settling import ALWAYS


def settled(number=0, passed=300, **changes):
    """A market settled at MARK whose clock moved so many seconds ago."""
    plain = market(number, mark_time=ALWAYS, is_settled=True, oracle_mark=None, **changes)
    return replace(plain, clock=replace(plain.clock, funding_time=NOW - passed))


def calls(actions):
    return [(action.method, action.arguments) for action in actions]


def test_the_clock_of_a_settled_market_is_public_work():
    assert decisions.marks(snapshot(settled()), config()) == []
    assert calls(decisions.marks(snapshot(settled()), config(is_public_good=True))) == [("update_mark", (0,))]


def test_the_clock_is_moved_only_once_it_may_move_a_whole_step():
    public = config(is_public_good=True)
    assert decisions.marks(snapshot(settled(passed=299)), public) == []
    assert decisions.marks(snapshot(settled(is_round_open=True)), public) == []
    # and not by what an oracle says
    assert decisions.marks(snapshot(replace(settled(passed=0), oracle_mark=2 * MARK)), public) == []


def test_positions_to_close_are_closed_but_while_a_round_is_open():
    due = snapshot(settled(), settled(1, is_round_open=True), to_close=((5 << 96, 0), (6 << 96, 1)))
    assert calls(decisions.settlements(due, config())) == [("close_at_settlement", (5 << 96, 0))]


def test_nothing_is_bought_or_taken_over_in_a_settled_market():
    stock = {"inventory": inventory("5", equity="100", age=600), "inventory_since": NOW - 600}
    hurt = account(3, "10", position("1"))
    world = snapshot(market(**stock), unhealthy=[hurt])
    assert "buy_inventory" in [a.kind for a in decisions.purchases(world, config())]
    assert "take_over" in [a.kind for a in decisions.liquidations(world, config())]
    world = snapshot(settled(**stock), unhealthy=[hurt])
    assert decisions.purchases(world, config()) == []
    assert "take_over" not in [a.kind for a in decisions.liquidations(world, config())]


def test_who_has_nothing_but_a_position_in_a_settled_market_is_not_forgotten():
    """It asks for no maintenance margin; an index that drops the idle must keep it all the same."""
    cash, profit, need = 1000, 50, 5
    nothing, won, asked = (
        (cash, 0, 0, cash, 0, -cash),
        (cash, 0, profit, cash + profit, 0, -cash),
        (cash, 0, 0, cash, 0, need - cash),
    )
    assert [_is_idle((*state, 0, False)) for state in (nothing, won, asked)] == [True, False, False]
