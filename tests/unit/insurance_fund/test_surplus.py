"""A market's surplus goes back to whom its claims have cost; what was written off is paid like a market's"""

import boa
import pytest

from tests import support
from tests.support import named_logs
from tests.unit.insurance_fund.conftest import Source

WAD = 10**18


class Backed:
    """A reserve of 1,000 and a pool of 500; market 0 has cost both of them everything."""

    def __init__(self, modes):
        self.modes, self.system, self.fund = modes, modes.system, modes.fund
        self.pool = support.deploy("mocks/MockPool.vy", self.system.token, self.fund)
        self.fund.set_pool(self.pool, sender=self.system.governance)
        self.system.token.mint(self.pool, self.system.units(500))
        self.pool.set_exposed(self.system.units(500))
        quote = self.system.quote(self.system.units(1_500))
        self.fund.pay(0, quote, 0, sender=self.system.vault)

    def surplus(self, whole: int, market: int = 0) -> None:
        units = self.system.units(whole)
        self.system.token.mint(self.fund, units)
        self.fund.receive_surplus(market, units, sender=self.system.vault)

    def state(self) -> tuple[int, ...]:
        """Whole tokens: paid back to pool and reserve, the reserve, counted as repayment and as surplus."""
        fund = self.fund
        figures = (
            fund.community_repaid_in_market(0),
            fund.repaid_in_market(0),
            fund.reserve(),
            fund.total_in(Source.REPAYMENT),
            fund.total_in(Source.LIQUIDATION),
        )
        return tuple(units // self.system.units(1) for units in figures)


@pytest.fixture
def backed(modes):
    return Backed(modes)


@pytest.mark.parametrize(
    ("surplus", "expected"),
    [
        (0, (0, 0, 0, 0, 0)),
        (499, (499, 0, 0, 0, 0)),
        (500, (500, 0, 0, 0, 0)),
        (501, (500, 1, 1, 1, 0)),
        (1_500, (500, 1_000, 1_000, 1_000, 0)),
        (1_600, (500, 1_000, 1_100, 1_000, 100)),
    ],
)
def test_surplus_repays_the_pool_then_the_reserve(backed, surplus, expected):
    backed.surplus(surplus)
    assert backed.state() == expected
    assert backed.pool.received() == backed.system.units(expected[0])


def test_in_pieces_it_comes_to_the_same(backed):
    for _ in range(16):
        backed.surplus(100)
    assert backed.state() == (500, 1_000, 1_100, 1_000, 100)


def test_another_markets_surplus_owes_nobody(backed):
    backed.surplus(100, market=1)
    assert backed.state() == (0, 0, 100, 0, 100)


def test_what_is_more_is_shared_with_the_pool_like_any_inflow(backed):
    backed.fund.set_pool_share(WAD // 4, sender=backed.system.governance)
    backed.surplus(1_600)
    assert backed.state() == (500, 1_000, 1_075, 1_000, 75)
    assert backed.pool.received() == backed.system.units(525)


def test_repayments_are_logged(backed):
    backed.surplus(600)
    logs = dict(named_logs(backed.fund))
    units = backed.system.units
    assert logs["ReserveRepaid"] == {"market": 0, "amount": units(100), "market_total": units(100)}
    assert logs["CommunityRepaid"] == {"market": 0, "amount": units(500), "market_total": units(500)}
    assert logs["InflowRecorded"] == {
        "source": Source.REPAYMENT,
        "sender": backed.system.vault,
        "amount": units(100),
        "source_total": units(100),
        "reserve": units(100),
    }


def test_without_stakers_the_debt_to_the_pool_waits(backed):
    backed.pool.set_supply(0)
    backed.surplus(400)
    assert backed.state() == (0, 400, 400, 400, 0)
    backed.pool.set_supply(1)
    backed.surplus(500)
    assert backed.state() == (500, 400, 400, 400, 0)


def test_a_broken_pool_stops_no_surplus(backed):
    """It got its tokens, and counts as absent; the next surplus is the reserve's."""
    backed.pool.set_behaviour(backed.pool.REVERTS(), 0)
    backed.surplus(100)
    assert backed.fund.pool_retry_at() > boa.env.timestamp
    backed.surplus(100)
    assert backed.state() == (100, 100, 100, 100, 0)


def test_surplus_that_did_not_come_reverts(backed):
    with boa.reverts("fund: tokens not received"):
        backed.fund.receive_surplus(0, 1, sender=backed.system.vault)
    assert backed.state() == (0, 0, 0, 0, 0)


def test_repayment_restores_what_the_fund_is_worth(backed):
    """I7: and what it may pay again is for the windows to say."""
    backed.surplus(1_500)
    fund = backed.fund
    inflows = sum(fund.total_in(source) for source in Source)
    assert fund.reserve() == inflows - fund.total_paid() - fund.capital_withdrawn()


# Written off


def test_recovery_is_paid_within_the_daily_budget(modes):
    fund, system = modes.fund, modes.system
    fund.set_daily_cap_share(WAD // 5, sender=system.governance)
    paid = fund.pay_recovery(system.quote(system.units(900)), sender=system.vault)
    assert tuple(paid) == (system.quote(system.units(200)), 0)
    assert fund.paid_in_market(fund.RECOVERY()) == fund.total_paid() == system.units(200)
    assert fund.daily_budget().remaining == 0
    # nor can a market draw what recovery has drawn
    assert system.pay(0, 900) == 0
    support.wait(system.window_seconds())
    assert system.pay(0, 900) == system.units(160)


def test_recovery_has_a_draw_of_its_own(modes):
    fund, system = modes.fund, modes.system
    limits = (system.units(300), WAD, WAD // 100)
    fund.set_default_limits(limits, sender=system.governance)
    owed = system.quote(system.units(900))
    assert fund.pay_recovery(owed, sender=system.vault)[0] == system.quote(system.units(300))
    assert fund.pay_recovery(owed, sender=system.vault)[0] == 0
    assert system.pay(0, 900) == system.units(300)
    assert fund.pay_recovery(0, sender=system.vault)[0] == 0
    support.wait(fund.QUIET_SECONDS())
    assert fund.pay_recovery(owed, sender=system.vault)[0] == system.quote(system.units(300))


def test_recovery_moves_no_target(modes):
    before = modes.fund.target()
    modes.fund.pay_recovery(modes.system.quote(1), sender=modes.system.vault)
    assert modes.fund.target() == before
