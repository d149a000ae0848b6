"""The arithmetic of the report: history from events, places in the queue, distances."""

from dataclasses import replace

from lastline import fund_report as fr
from lastline.abi import Event
from lastline.units import WAD
from lastline.views import ClaimView, FundView, RiskView

FUND, POOL, VAULT = "0xFund", "0xPool", "0xVault"


class Log:
    """Events one after the other, a block each unless `same_block`."""

    def __init__(self):
        self.events, self.block = [], 0

    def add(self, address, name, same_block=False, **values):
        self.block += not same_block
        place = (self.block, len(self.events))
        self.events.append(Event(name, values, address, *place, "0x", 1_000 + 10 * self.block))
        return self

    @property
    def points(self):
        return fr.points(self.events, FUND)


def claim(number, market=0, outstanding=0, account=7):
    return ClaimView(number, market, account, 1, 50, 10 * WAD, 0, 0, 0, 0, 0, 0, 0, outstanding)


def fund_view(**changes):
    fields = {
        "reserve": 70,
        "tokens": 70,
        "target": 100,
        "coverage": WAD * 7 // 10,
        "total_paid": 30,
        "capital_withdrawn": 0,
        "inflows": {},
        "daily_cap": 50,
        "daily_paid": 30,
        "daily_remaining": 20,
        "community_exposed": 5,
    }
    return FundView(**{**fields, **changes})


# --- history ------------------------------------------------------------------------------------------------


def test_each_block_with_a_change_is_one_point():
    log = Log()
    log.add(FUND, "TargetFloorSet", new_target_floor=100)
    log.add(FUND, "InflowRecorded", reserve=60)
    log.add(FUND, "InflowRecorded", same_block=True, reserve=80)
    log.add(FUND, "ClaimsPaid", market=0, amount=30, community=0, reserve=50)
    log.add(FUND, "ClaimsPaid", market=1, amount=50, community=4, reserve=0)
    log.add(FUND, "CapitalWithdrawn", reserve=0)
    assert [(p.block, p.time, p.reserve, p.paid_reserve, p.paid_community) for p in log.points] == [
        (1, 1_010, 0, 0, 0),
        (2, 1_020, 80, 0, 0),
        (3, 1_030, 50, 30, 0),
        (4, 1_040, 0, 80, 4),
    ]


def test_target_is_the_sum_of_stress_losses_and_at_least_the_floor():
    log = Log()
    log.add(FUND, "TargetFloorSet", new_target_floor=100)
    log.add(FUND, "StressLossUpdated", market=0, new_stress_loss=70)
    log.add(FUND, "StressLossUpdated", market=1, new_stress_loss=50)
    log.add(FUND, "StressLossUpdated", market=0, new_stress_loss=90)
    log.add(FUND, "TargetFloorSet", new_target_floor=0)
    log.add(FUND, "StressLossUpdated", market=1, new_stress_loss=0)
    assert [(p.block, p.target) for p in log.points] == [(1, 100), (3, 120), (4, 140), (6, 90)]


def test_community_tranche_is_what_the_pools_books_expose():
    """What waits to enter is not exposed."""
    log = Log()
    log.add(POOL, "DepositRequested", assets=50, pending_assets=50)
    log.add(POOL, "DepositActivated", assets=50, active_assets=50)
    log.add(POOL, "VestingAdded", amount=6, unvested=6)
    log.add(POOL, "ExitRequested", active_assets=30, exit_assets=20)
    log.add(POOL, "LossTaken", unvested=0, active_assets=25, exit_assets=15)
    assert [(p.block, p.community) for p in log.points] == [(2, 50), (3, 56), (5, 40)]


def test_mode_is_the_vaults():
    log = Log()
    log.add(FUND, "InflowRecorded", reserve=1)
    log.add(VAULT, "RiskModeSet", mode=3, multiplier=WAD)
    log.add(VAULT, "RiskModeSet", mode=3, multiplier=2 * WAD)
    log.add(VAULT, "RiskModeSet", mode=0, multiplier=WAD)
    assert [(p.block, p.reserve, p.mode) for p in log.points] == [(1, 1, 0), (2, 1, 3), (4, 1, 0)]


def test_coverage_is_rounded_down_and_none_without_a_target():
    assert fr.Point(0, 0, reserve=2, target=3).coverage == 2 * WAD // 3
    assert fr.Point(0, 0, reserve=2).coverage is None


def test_no_events_are_no_history():
    assert Log().points == []


# --- claims and limits --------------------------------------------------------------------------------------


def test_claims_wait_behind_older_ones_of_their_market():
    claims = [claim(0), claim(1, 0, 5), claim(2, 1, 7), claim(3, 0, 11), claim(4, 0, 0), claim(5, 0, 2)]
    shown = [(c.claim, c.market, c.place, c.before, c.outstanding) for c in fr.queue_of(reversed(claims))]
    assert shown == [(1, 0, 0, 0, 5), (3, 0, 1, 5, 11), (5, 0, 2, 16, 2), (2, 1, 0, 0, 7)]


def test_distances_are_below_zero_beyond_a_limit():
    market = fr.MarketFund(2, 0, 0, 0, 100, 40, 45, 0, 0, 0, 0)
    found = fr.triggers_of(fund_view(), [market])
    shown = {t.name if t.market is None else (t.name, t.market): t.distance for t in found}
    assert shown == {
        "below target: more of the trading fees": -30,
        "reserve used up: the community pool pays": 70,
        "both used up: ADL and rounds": 75,
        "24-hour budget used up": 20,
        ("episode used up", 2): -5,
    }


def test_what_brings_a_stricter_mode_about():
    fund = replace(fund_view(), reserve=70, community_exposed=5, target=100)
    risk = RiskView(0, 1, 3 * WAD // 4, WAD // 5, False, 0, 0)
    found = fr.modes_of(fund, risk, (8 * WAD // 10, WAD // 4, 3 * WAD // 10, WAD // 5, 600, 3600, WAD))
    assert [(t.name, t.now, t.limit, t.distance) for t in found] == [
        ("mode CAUTION: coverage", 75, 80, -5),
        ("mode RESTRICTED: coverage", 75, 25, 50),
        ("mode ADL: drawdown", WAD // 5, 3 * WAD // 10, WAD // 10),
    ]
