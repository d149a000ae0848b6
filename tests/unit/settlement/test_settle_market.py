"""
A close-only market is settled at its own mark, for ever; governance chooses the time and never the price.
"""

import boa
import pytest

from tests.kernel import BTC, deploy_kernel, wad
from tests.support import actor, wait
from tests.unit.crisis.scene import Scene, fresh
from tests.unit.settlement.settling import (
    ACTIVE,
    ALWAYS,
    CLOCK_WORD,
    CLOSE_ONLY,
    DAY,
    LAST_WORD,
    LIQUIDATION_WORD,
    MORE_WORD,
    PRICE_WORD,
    SETTLED,
    TERMS_WORD,
    close_only,
    mark_time_of,
    settle,
    status_of,
)


def refused(scene: Scene, message: str, name: str = "governance", market: int = BTC) -> None:
    before = scene.snapshot() if market == BTC else None
    with boa.reverts(message), boa.env.prank(actor(name)):
        scene.vault.settle_market(market)
    if before is not None:
        assert scene.snapshot() == before


def test_a_market_is_settled_at_the_price_the_oracle_has_in_this_call(scene):
    """
    The price is renewed on the way; maintenance lines and deleverage band are gone; nothing else of the
    terms.
    """
    close_only(scene)
    old = scene.vault.market_words(BTC)
    wait(60)
    scene.kernel.oracle.set_price(BTC, wad(93))
    with scene.as_governance():
        assert scene.vault.settle_market(BTC) == wad(93)
    logs, new = scene.logs(), scene.vault.market_words(BTC)
    terms, liquidation = old[TERMS_WORD] >> 72 << 72, old[LIQUIDATION_WORD] & ~(0xFFFF << 64)
    assert [log[0] for log in logs] == [
        "MarkUpdated",
        "MarketConfigured",
        "LiquidationConfigured",
        "MarketSettled",
    ]
    assert logs[0][2:4] == (wad(93), boa.env.timestamp)
    assert logs[1:] == [
        ("MarketConfigured", BTC, terms, 0, 0, old[TERMS_WORD], old[MORE_WORD], old[LAST_WORD]),
        ("LiquidationConfigured", BTC, liquidation, old[LIQUIDATION_WORD]),
        ("MarketSettled", BTC, wad(93), boa.env.timestamp, False, new[CLOCK_WORD]),
    ]
    assert new[PRICE_WORD] == wad(93) | ALWAYS << 104 | SETTLED << 160
    assert (new[TERMS_WORD], new[MORE_WORD], new[LAST_WORD]) == (terms, 0, 0)
    assert new[LIQUIDATION_WORD] == liquidation
    assert terms != old[TERMS_WORD]
    assert liquidation != old[LIQUIDATION_WORD]
    assert new[CLOCK_WORD] >> 80 & (2**40 - 1) == boa.env.timestamp


def test_a_market_whose_mark_is_of_this_second_is_settled_at_it(scene):
    close_only(scene)
    scene.move(3)
    with scene.as_governance():
        assert scene.vault.settle_market(BTC) == scene.price(3)
    assert scene.logs()[-1][3:5] == (boa.env.timestamp, False)


@pytest.mark.parametrize("name", ["stranger", "guardian", "engine", "allocator", "exchange", "treasury"])
def test_only_governance_settles_a_market(scene, name):
    close_only(scene)
    refused(scene, "ownable: caller is not the owner", name)


def test_a_market_nobody_added_is_not_settled(scene):
    refused(scene, "market: unknown", market=3)
    refused(scene, "market: unknown", market=32)


def test_an_active_market_is_not_settled(scene):
    refused(scene, "market: not close-only")
    assert status_of(scene) == ACTIVE


def test_a_settled_market_is_not_settled_again(scene):
    settle(scene)
    scene.kernel.oracle.set_price(BTC, wad(50))
    refused(scene, "market: not close-only")


def test_a_market_is_not_settled_while_its_mark_is_on_its_way():
    """With steps of 10 %, 100 to 60 takes five: only the call in which it arrives settles."""
    scene = fresh(deploy_kernel(liquidation={"max_mark_step": wad("0.1")}), 1)
    close_only(scene)
    scene.kernel.oracle.set_price(BTC, wad(60))
    for _ in range(4):
        wait(1)
        refused(scene, "market: mark on its way")
        scene.vault.update_mark(BTC)
        refused(scene, "market: mark on its way")
    wait(1)
    with scene.as_governance():
        assert scene.vault.settle_market(BTC) == wad(60)


def test_a_market_with_an_open_claim_is_not_settled(scene):
    """A deficit of 40 that nobody pays; once the fund has, in the same call, the market may be settled."""
    loser = scene.bankrupt(scene.account("winner", 5000))
    scene.move(10)
    scene.kernel.absorb(loser)
    close_only(scene)
    refused(scene, "market: open claims")
    scene.with_fund(reserve=40)
    with scene.as_governance():
        assert scene.vault.settle_market(BTC) == scene.price(10)
    assert scene.kernel.inventory().outstanding == 0
    scene.kernel.assert_conserved()


@pytest.mark.parametrize(("lack", "is_settled"), [("0.01", True), ("0.010001", False)])
def test_a_claim_of_no_more_than_the_dust_does_not_stand_in_the_way(scene, lack, is_settled):
    loser = scene.bankrupt(scene.account("winner", 5000), margin=100 - float(lack))
    scene.move(10)
    scene.kernel.absorb(loser)
    assert scene.kernel.inventory().outstanding == wad(lack)
    close_only(scene)
    if is_settled:
        with scene.as_governance():
            scene.vault.settle_market(BTC)
        assert scene.kernel.inventory().outstanding == wad(lack)
    else:
        refused(scene, "market: open claims")


def test_a_market_is_not_settled_while_a_round_is_open(scene):
    winners = [scene.account(f"winner {n}", 5000, leverage_class=n) for n in range(2)]
    losers = [scene.bankrupt(winner, name=f"loser {n}") for n, winner in enumerate(winners)]
    scene.move(10)
    for loser in losers:
        scene.kernel.absorb(loser)
    close_only(scene)
    assert not scene.kernel.charge_round(limit=1).is_done
    refused(scene, "market: round open")


# --- a dead feed -------------------------------------------------------------------------------------------


def dead_for(scene: Scene, seconds: int) -> None:
    """The oracle has had no price since the last mark, and that is so long ago."""
    close_only(scene)
    scene.kernel.oracle.set_down(BTC, True)
    wait(seconds)


def test_a_day_after_the_feed_died_the_last_good_mark_settles(scene):
    last = scene.move(4)
    taken = boa.env.timestamp
    dead_for(scene, DAY)
    with scene.as_governance():
        assert scene.vault.settle_market(BTC) == last
    assert scene.logs()[-1][:5] == ("MarketSettled", BTC, last, taken, True)
    assert (status_of(scene), mark_time_of(scene)) == (SETTLED, ALWAYS)


def test_before_a_day_has_passed_a_dead_feed_settles_nothing(scene):
    scene.move(4)
    dead_for(scene, DAY - 1)
    refused(scene, "market: stale mark")


def test_an_old_mark_is_renewed_if_the_oracle_has_a_price(scene):
    """Governance cannot choose an old mark by letting nobody renew it."""
    scene.move(4)
    dead_for(scene, 2 * DAY)
    scene.kernel.oracle.set_price(BTC, wad(77))
    with scene.as_governance():
        assert scene.vault.settle_market(BTC) == wad(77)
    assert scene.logs()[-1][4] is False


def test_a_mark_that_died_on_its_way_is_as_old_as_its_last_step():
    """Its time is 0, which must not pass for a day ago."""
    scene = fresh(deploy_kernel(liquidation={"max_mark_step": wad("0.1")}), 1)
    scene.kernel.set_price(50)
    stepped = boa.env.timestamp
    dead_for(scene, DAY - 1)
    refused(scene, "market: stale mark")
    wait(1)
    with scene.as_governance():
        assert scene.vault.settle_market(BTC) == wad(90)
    assert scene.logs()[-1][3:5] == (stepped, True)


def test_a_market_that_never_had_a_mark_is_not_settled(scene):
    from tests.kernel import liquidation_config, margin_config

    with scene.as_governance():
        market = scene.vault.add_market(
            tuple(margin_config().values()), tuple(liquidation_config().values()), False
        )
        scene.vault.set_market_status(market, CLOSE_ONLY)
    wait(2 * DAY)
    with boa.reverts("market: stale mark"), scene.as_governance():
        scene.vault.settle_market(market)


def test_a_claim_is_filed_before_a_market_is_settled_at_its_last_good_mark(scene):
    """What the inventory has lost by then is recognised, and stands in the way."""
    loser = scene.bankrupt(scene.account("winner", 5000))
    scene.move("5.9")
    scene.kernel.absorb(loser)
    scene.move(8)
    assert scene.kernel.inventory().outstanding > wad(10)
    dead_for(scene, DAY)
    refused(scene, "market: open claims")


# --- what it ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [ACTIVE, CLOSE_ONLY])
@pytest.mark.parametrize("name", ["governance", "guardian"])
def test_nobody_takes_a_settlement_back(scene, status, name):
    settle(scene)
    before = scene.snapshot()
    with boa.reverts("market: settled"), boa.env.prank(actor(name)):
        scene.vault.set_market_status(BTC, status)
    assert scene.snapshot() == before


def test_the_terms_of_a_settled_market_are_final(scene):
    from tests.kernel import liquidation_config, margin_config

    settle(scene)
    before = scene.snapshot()
    with boa.reverts("market: settled"), scene.as_governance():
        scene.vault.set_margin_config(BTC, tuple(margin_config().values()))
    with boa.reverts("market: settled"), scene.as_governance():
        scene.vault.set_liquidation_config(BTC, tuple(liquidation_config().values()))
    assert scene.snapshot() == before


def test_other_markets_go_on(scene):
    settle(scene)
    a, b = scene.account("loser", 100), scene.account("winner", 100)
    scene.open(a, b, 1, market=1)
    scene.move(5, market=1)
    assert scene.kernel.position(b, 1).unrealised == wad(5)
    scene.kernel.assert_conserved()
