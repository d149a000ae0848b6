"""The limit of one market: the lower of 30,000 tokens and 25 % of the reserve at the episode's start"""

import boa
import pytest

from tests import support

DAY = 86_400
MARKET = 1


@pytest.fixture
def wide(funded):
    """The funded fund with a daily cap that does not matter."""
    funded.fund.set_daily_cap_share(funded.fund.MAX_DAILY_CAP_SHARE(), sender=funded.governance)
    return funded


def report_none(system):
    system.fund.pay(MARKET, 0, 0, sender=system.vault)


def test_share_of_the_reserve_caps_the_episode(wide):
    """YFI 2023, JELLY 2025: one thin market does not empty the fund."""
    assert wide.pay(MARKET, 80_000) == wide.units(25_000)
    assert wide.pay(MARKET, 55_000) == 0
    assert wide.pay(0, 10_000) == wide.units(10_000)


def test_absolute_amount_caps_the_episode(wide):
    wide.add_capital(900_000)
    support.wait(wide.window_seconds())
    assert wide.pay(MARKET, 80_000) == wide.units(30_000)


def test_cap_is_of_the_reserve_at_the_start(wide):
    """Neither own draws nor those of other markets nor new money move it."""
    wide.pay(MARKET, 10_000)
    wide.pay(0, 20_000)
    wide.add_capital(5_000)
    episode = wide.fund.episode(MARKET)
    assert (episode.start_reserve, episode.cap) == (wide.units(100_000), wide.units(25_000))
    assert wide.pay(MARKET, 80_000) == wide.units(15_000)


def test_a_new_claim_renews_nothing(wide):
    for claim in (10_000, 10_000, 5_000):
        assert wide.pay(MARKET, claim) == wide.units(claim)
    assert wide.pay(MARKET, 1) == 0


def test_first_report_of_none_starts_the_clock(wide):
    wide.pay(MARKET, 80_000)
    support.wait(500)
    report_none(wide)

    assert wide.logs() == [("QuietClockSet", {"market": MARKET, "quiet_since": boa.env.timestamp})]
    assert wide.fund.episode(MARKET).quiet_since == boa.env.timestamp


def test_later_reports_of_none_do_not_push_the_clock(wide):
    """Attack D07: a stranger who makes the vault report again and again delays nothing."""
    wide.pay(MARKET, 80_000)
    report_none(wide)
    started = wide.fund.episode(MARKET).quiet_since
    support.wait(DAY - 1)
    report_none(wide)

    assert wide.logs() == []
    assert wide.fund.episode(MARKET).quiet_since == started


def test_report_of_none_without_an_episode_changes_nothing(wide):
    before = wide.state()
    report_none(wide)
    assert wide.logs() == []
    assert wide.state() == before


def test_claims_before_24_quiet_hours_meet_the_same_episode(wide):
    wide.pay(MARKET, 80_000)
    report_none(wide)
    support.wait(DAY - 1)

    assert wide.pay(MARKET, 10_000) == 0
    assert wide.logs() == [("QuietClockSet", {"market": MARKET, "quiet_since": 0})]


def test_claims_after_24_quiet_hours_begin_a_new_episode(wide):
    wide.pay(MARKET, 80_000)
    report_none(wide)
    support.wait(DAY)
    wide.fund.set_daily_cap_share(10**16, sender=wide.governance)
    support.wait(DAY * 2)
    drawn = wide.pay(MARKET, 80_000)

    assert [name for name, _ in wide.logs()] == ["EpisodeEnded", "ClaimsPaid", "Transfer"]
    assert wide.logs()[0] == ("EpisodeEnded", {"market": MARKET, "drawn": wide.units(25_000)})
    episode = wide.fund.episode(MARKET)
    assert (episode.start_reserve, episode.drawn) == (wide.units(75_000), drawn)


def test_exactly_24_quiet_hours_are_enough(wide):
    wide.pay(MARKET, 80_000)
    report_none(wide)
    support.wait(DAY)
    assert wide.fund.episode(MARKET).drawn == 0
    assert wide.fund.episode(MARKET).start_reserve == wide.units(75_000)


def test_stopped_clock_starts_from_zero(wide):
    wide.pay(MARKET, 80_000)
    report_none(wide)
    support.wait(DAY - 1)
    wide.pay(MARKET, 10_000)
    report_none(wide)
    support.wait(DAY - 1)
    assert wide.fund.episode(MARKET).drawn == wide.units(25_000)
    support.wait(1)
    assert wide.fund.episode(MARKET).drawn == 0


def test_open_claims_never_end_an_episode(wide):
    wide.pay(MARKET, 80_000)
    support.wait(30 * DAY)
    assert wide.pay(MARKET, 55_000) == 0


def test_recovered_claims_give_nothing_back(wide):
    """The claims shrink by themselves and come again: what was drawn stays drawn."""
    wide.pay(MARKET, 80_000)
    wide.pay(MARKET, 3_000)
    report_none(wide)
    assert wide.pay(MARKET, 80_000) == 0


def test_full_payment_starts_the_clock_by_itself(wide):
    wide.pay(MARKET, 25_000)
    support.wait(wide.window_seconds())
    assert wide.pay(MARKET, 80_000) == wide.units(75_000) // 4


def test_full_payments_a_day_apart_restart_the_clock(wide):
    """Three claims, each less than 24 hours after the last one: one episode."""
    for claim in (10_000, 10_000):
        assert wide.pay(MARKET, claim) == wide.units(claim)
        support.wait(DAY - 1)
    assert wide.pay(MARKET, 80_000) == wide.units(5_000)


def test_markets_have_episodes_of_their_own(wide):
    wide.pay(MARKET, 80_000)
    assert wide.pay(2, 80_000) == wide.units(75_000) // 4


def test_market_with_cap_zero_is_not_covered(wide):
    wide.fund.set_market_limits(MARKET, (0, 10**17, 10**17), sender=wide.governance)
    assert wide.pay(MARKET, 10_000) == 0
    assert wide.pay(0, 10_000) == wide.units(10_000)


def test_lower_cap_binds_the_present_episode(wide):
    wide.pay(MARKET, 10_000)
    limits = (wide.units(8_000), 10**18, 10**17)
    wide.fund.set_market_limits(MARKET, limits, sender=wide.governance)

    assert wide.fund.episode(MARKET).remaining == 0
    assert wide.pay(MARKET, 10_000) == 0


def test_higher_cap_serves_the_present_episode(wide):
    wide.pay(MARKET, 80_000)
    limits = (wide.units(40_000), 10**18, 10**17)
    wide.fund.set_market_limits(MARKET, limits, sender=wide.governance)
    assert wide.pay(MARKET, 55_000) == wide.units(15_000)


def test_episode_starts_with_the_first_payment_not_the_first_claim(system):
    """A market whose claims met an empty fund is not capped at a share of nothing afterwards."""
    assert system.pay(MARKET, 10_000) == 0
    system.add_capital(100_000)
    assert system.pay(MARKET, 10_000) == system.units(10_000)
    assert system.fund.episode(MARKET).start_reserve == system.units(100_000)
