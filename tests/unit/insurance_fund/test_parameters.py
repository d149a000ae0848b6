"""The setters: success with old and new values logged, each bound on both sides, and who uses them when."""

import boa
import pytest

WAD = 10**18
LIMITS = (5, 10**17, 10**17)


def test_set_daily_cap_share_logs_old_and_new(funded):
    funded.fund.set_daily_cap_share(WAD // 2, sender=funded.governance)

    assert funded.logs() == [
        ("DailyCapShareSet", {"old_daily_cap_share": WAD // 5, "new_daily_cap_share": WAD // 2})
    ]
    assert funded.fund.parameters().daily_cap_share == WAD // 2
    assert funded.fund.daily_budget().cap == funded.units(50_000)


@pytest.mark.parametrize("bound", ["MIN_DAILY_CAP_SHARE", "MAX_DAILY_CAP_SHARE"])
def test_set_daily_cap_share_at_bound_passes(funded, bound):
    share = getattr(funded.fund, bound)()
    funded.fund.set_daily_cap_share(share, sender=funded.governance)
    assert funded.fund.parameters().daily_cap_share == share


@pytest.mark.parametrize(("bound", "step"), [("MIN_DAILY_CAP_SHARE", -1), ("MAX_DAILY_CAP_SHARE", 1)])
def test_set_daily_cap_share_past_bound_reverts(funded, bound, step):
    share = getattr(funded.fund, bound)() + step
    before = funded.state()
    with boa.reverts("fund: bad daily cap share"):
        funded.fund.set_daily_cap_share(share, sender=funded.governance)
    assert funded.state() == before


def test_set_fee_shares_logs_old_and_new(funded):
    funded.fund.set_fee_shares(7, 3, sender=funded.governance)

    assert funded.logs() == [
        (
            "FeeSharesSet",
            {
                "old_share_below_target": WAD // 2,
                "new_share_below_target": 7,
                "old_share_at_target": WAD // 10,
                "new_share_at_target": 3,
            },
        )
    ]


@pytest.mark.parametrize(("below", "at"), [(0, 0), (5, 5), (WAD, 0), (WAD, WAD)])
def test_set_fee_shares_at_bound_passes(funded, below, at):
    funded.fund.set_fee_shares(below, at, sender=funded.governance)
    assert tuple(funded.fund.parameters())[1:3] == (below, at)


@pytest.mark.parametrize(("below", "at"), [(0, 1), (5, 6), (WAD + 1, 0)])
def test_set_fee_shares_past_bound_reverts(funded, below, at):
    before = funded.state()
    with boa.reverts("fund: bad fee shares"):
        funded.fund.set_fee_shares(below, at, sender=funded.governance)
    assert funded.state() == before


def test_set_target_floor_logs_old_and_new(funded):
    funded.fund.set_target_floor(9, sender=funded.governance)

    assert funded.logs() == [
        ("TargetFloorSet", {"old_target_floor": funded.units(50_000), "new_target_floor": 9})
    ]
    assert funded.fund.target() == 9


def test_set_target_floor_at_bound_passes(funded):
    funded.fund.set_target_floor(funded.fund.MAX_AMOUNT(), sender=funded.governance)
    assert funded.fund.target() == funded.fund.MAX_AMOUNT()


def test_set_target_floor_past_bound_reverts(funded):
    before = funded.state()
    with boa.reverts("fund: bad target floor"):
        funded.fund.set_target_floor(funded.fund.MAX_AMOUNT() + 1, sender=funded.governance)
    assert funded.state() == before


def test_set_default_limits_logs_old_and_new(funded):
    old = tuple(funded.fund.parameters().default_limits)
    funded.fund.set_default_limits(LIMITS, sender=funded.governance)

    assert funded.logs() == [("DefaultLimitsSet", {"old_limits": old, "new_limits": LIMITS})]
    assert tuple(funded.fund.market_limits(3)) == LIMITS


def test_set_market_limits_logs_old_and_new(funded):
    old = tuple(funded.fund.parameters().default_limits)
    funded.fund.set_market_limits(1, LIMITS, sender=funded.governance)

    assert funded.logs() == [("MarketLimitsSet", {"market": 1, "old_limits": old, "new_limits": LIMITS})]
    assert tuple(funded.fund.market_limits(1)) == LIMITS
    assert tuple(funded.fund.market_limits(2)) == old


def test_own_limits_do_not_follow_the_default_ones(funded):
    funded.fund.set_market_limits(1, LIMITS, sender=funded.governance)
    funded.fund.set_default_limits((6, 10**17, 10**17), sender=funded.governance)
    assert tuple(funded.fund.market_limits(1)) == LIMITS


def test_set_market_limits_highest_id_passes(funded):
    funded.fund.set_market_limits(31, LIMITS, sender=funded.governance)
    assert tuple(funded.fund.market_limits(31)) == LIMITS


def test_set_market_limits_unknown_id_reverts(funded):
    before = funded.state()
    with boa.reverts("fund: bad market id"):
        funded.fund.set_market_limits(32, LIMITS, sender=funded.governance)
    assert funded.state() == before


def bounds(fund):
    lowest = (0, fund.MIN_DRAW_SHARE(), fund.MIN_STRESS_SHARE())
    highest = (fund.MAX_AMOUNT(), fund.MAX_DRAW_SHARE(), fund.MAX_STRESS_SHARE())
    return lowest, highest


@pytest.mark.parametrize("end", [0, 1])
def test_limits_at_bounds_pass(funded, end):
    limits = bounds(funded.fund)[end]
    funded.fund.set_market_limits(0, limits, sender=funded.governance)
    funded.fund.set_default_limits(limits, sender=funded.governance)

    assert tuple(funded.fund.market_limits(0)) == tuple(funded.fund.market_limits(1)) == limits


@pytest.mark.parametrize("setter", ["set_default_limits", "set_market_limits"])
@pytest.mark.parametrize(
    ("end", "field", "error"),
    [
        (0, 1, "fund: bad draw share"),
        (0, 2, "fund: bad stress share"),
        (1, 0, "fund: bad draw cap"),
        (1, 1, "fund: bad draw share"),
        (1, 2, "fund: bad stress share"),
    ],
)
def test_limits_past_bound_revert(funded, setter, end, field, error):
    limits = list(bounds(funded.fund)[end])
    limits[field] += 1 if end else -1
    market = (0,) if setter == "set_market_limits" else ()
    before = funded.state()
    with boa.reverts(error):
        getattr(funded.fund, setter)(*market, tuple(limits), sender=funded.governance)
    assert funded.state() == before
