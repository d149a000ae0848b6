"""LiquidationEngine: how much of a market may be liquidated in a while."""

import boa
import pytest

from tests import support
from tests.unit.liquidation_engine.kernel import WAD, account_of, logged

MARKET = 3
MARK = 2 * WAD
LEAST = 100 * WAD
MAX = 2**256 - 1
CAPACITY = 1000 * WAD
REFILL = 100
# Most open interest; a mantissa of at most 11 bits and an exponent.
CAP = 1_024_000


def terms_word(cap=CAP, minimum=100):
    mantissa, exponent = cap, 0
    while mantissa >= 2**11:
        mantissa, exponent = mantissa >> 1, exponent + 1
    return (mantissa | exponent << 11) << 208 | minimum << 176


@pytest.fixture(scope="module")
def governance():
    return support.actor("governance")


@pytest.fixture(autouse=True)
def market(kernel, account, governance):
    """One market with a cap of 1,024,000 and a least size of 100; the account has 1,000 base there at 2."""
    kernel.shows("owner", 0, int(governance, 16))
    kernel.shows("market_count", 0, MARKET + 1)
    kernel.shows("market_words", MARKET, *[0, 0, 0, 0, terms_word(), *[0] * 9])
    kernel.mock.set_mark(MARKET, MARK)
    kernel.hold(account, MARKET)
    kernel.expose(account, size=1000 * WAD, mark=MARK, minimum_notional=LEAST)
    # the key of a cohort stands above the size
    kernel.mock.set_position_word(account, 1000 * WAD | 3 << 224)


@pytest.fixture
def limit(engine, kernel, governance):
    def make(capacity=CAPACITY, refill=REFILL):
        # within the bounds of a smaller cap
        kernel.shows("market_words", MARKET, *[0, 0, 0, 0, terms_word(128_000), *[0] * 9])
        engine.set_rate_limit(MARKET, capacity, refill, sender=governance)

    return make


@pytest.fixture
def take(engine, kernel, account, liquidator):
    """A take-over for which the vault's plan is `planned` base; what the vault is asked for."""

    def call(planned, max_size=MAX, **plan):
        kernel.plan(account, change=-planned * WAD, **plan)
        taken = min(planned * WAD, max_size)
        kernel.answers("take_over", account, -taken, MARK, 0)
        engine.take_over(account, MARKET, max_size, account_of(liquidator), 0, sender=liquidator)
        return kernel.calls()[-1][3]

    return call


def free(engine):
    return engine.rate_limit_state(MARKET).free


# --- the limit ----------------------------------------------------------------------------------------------


def test_without_a_limit_nothing_is_counted(engine, account, take):
    assert tuple(engine.rate_limit_state(MARKET)) == (0, 0, 0)
    assert take(1000) == MAX
    assert logged(engine) == []
    assert tuple(engine.rate_limit_state(MARKET)) == (0, 0, 0)
    assert engine.admit(account, MARKET, MAX) == MAX
    assert engine.bucket_word(MARKET) == 0


def test_what_is_taken_over_is_counted_at_mark(engine, limit, take):
    limit()
    assert take(100, 100 * WAD) == 100 * WAD
    now = boa.env.timestamp
    word = CAPACITY | 200 * WAD << 104 | now << 208 | REFILL << 240
    assert logged(engine) == [("LiquidationCounted", MARKET, 200 * WAD, word)]
    assert engine.bucket_word(MARKET) == word
    assert tuple(engine.rate_limit_state(MARKET)) == (CAPACITY, REFILL, 800 * WAD)


def test_plan_that_fits_is_not_cut(engine, limit, take):
    """500 base at 2 are the whole of 1,000."""
    limit()
    assert take(500) == MAX
    assert free(engine) == 0


@pytest.mark.parametrize(("size", "most"), [(500 * WAD, MAX), (500 * WAD + 1, 500 * WAD)])
def test_position_that_fits_is_taken_without_a_look_at_its_plan(engine, kernel, account, limit, size, most):
    limit()
    kernel.mock.set_position_word(account, size | 3 << 224)
    kernel.plan(account, change=-501 * WAD)
    assert engine.admissible(account, MARKET, MAX) == most


def test_plan_beyond_what_is_free_is_cut_to_it(engine, kernel, account, limit, take):
    limit()
    kernel.plan(account, change=-501 * WAD)
    assert engine.admissible(account, MARKET, MAX) == 500 * WAD
    assert engine.admit(account, MARKET, MAX) == 500 * WAD
    take(300)
    kernel.plan(account, change=-501 * WAD)
    assert engine.admissible(account, MARKET, MAX) == 200 * WAD


@pytest.mark.parametrize(
    ("name", "markets"), [("take_over", (0, MARKET)), ("refresh_and_take_over", (MARKET,))]
)
def test_limit_is_judged_and_counted_at_the_renewed_mark(
    engine, kernel, account, liquidator, limit, name, markets
):
    """At 4 in place of 2, 250 base are the whole of 1,000."""
    limit()
    kernel.hold(account, *markets)
    kernel.mock.set_next_mark(MARKET, 2 * MARK)
    kernel.expose(account, size=1000 * WAD, mark=2 * MARK, minimum_notional=LEAST)
    kernel.plan(account, change=-1000 * WAD)
    kernel.answers("take_over", account, -200 * WAD, 2 * MARK, 0)
    getattr(engine, name)(account, MARKET, MAX, account_of(liquidator), 0, sender=liquidator)
    assert kernel.calls()[-1][3] == 250 * WAD
    assert free(engine) == CAPACITY - 800 * WAD


def test_admit_of_an_account_in_several_markets_asks_at_the_renewed_mark(engine, kernel, account, limit):
    limit()
    kernel.hold(account, 0, MARKET)
    kernel.mock.set_next_mark(MARKET, 2 * MARK)
    kernel.expose(account, size=1000 * WAD, mark=2 * MARK, minimum_notional=LEAST)
    kernel.plan(account, change=-1000 * WAD)
    assert engine.admissible(account, MARKET, MAX) == 500 * WAD
    assert engine.admit(account, MARKET, MAX) == 250 * WAD


def test_what_stays_is_not_smaller_than_the_least_size(engine, kernel, account, limit):
    limit()
    kernel.plan(account, change=-540 * WAD)
    kernel.expose(account, size=540 * WAD, mark=MARK, minimum_notional=LEAST)
    assert engine.admissible(account, MARKET, MAX) == 490 * WAD - 1000


def test_less_than_the_least_size_free_reverts(engine, kernel, account, limit, take):
    limit()
    take(450)
    kernel.plan(account, change=-51 * WAD)
    assert engine.admissible(account, MARKET, MAX) == 50 * WAD
    assert free(engine) == LEAST
    take(1, WAD)
    kernel.plan(account, change=-51 * WAD)
    for call in (engine.admissible, engine.admit):
        with boa.reverts("liquidation: rate limit"):
            call(account, MARKET, MAX)
    calls = kernel.calls()
    with boa.reverts("liquidation: rate limit"):
        take(51)
    assert kernel.calls() == calls


def test_it_refills_evenly(engine, limit, take):
    limit()
    take(500)
    for seconds, expected in ((1, 10), (49, 500), (49, 990), (1, 1000), (1000, 1000)):
        support.wait(seconds)
        assert free(engine) == expected * WAD


def test_what_has_leaked_is_written_with_what_is_counted(engine, limit, take):
    limit()
    take(500)
    support.wait(30)
    take(50)
    assert free(engine) == 200 * WAD


def test_markets_do_not_share_a_limit(engine, limit, take):
    limit()
    take(500)
    assert tuple(engine.rate_limit_state(MARKET + 1)) == (0, 0, 0)


# --- who does not wait --------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [{"is_absorbable": 1}, {"health": WAD // 2 - 1}])
def test_account_that_cannot_wait_is_not_limited(engine, limit, take, plan):
    limit()
    take(500)
    assert take(800, **plan) == MAX
    # it counts, but nobody waits for longer than a whole refill
    assert free(engine) == 0
    support.wait(REFILL)
    assert free(engine) == CAPACITY


def test_account_at_half_of_its_maintenance_margin_waits(limit, take):
    limit()
    take(500)
    with boa.reverts("liquidation: rate limit"):
        take(800, health=WAD // 2)


@pytest.mark.parametrize("name", ["absorb", "refresh_and_absorb", "absorb_many"])
def test_absorption_is_neither_limited_nor_counted(engine, kernel, account, keeper, limit, take, name):
    limit()
    take(400)
    kernel.answers("absorb", account, -1)
    argument = [account] if name == "absorb_many" else account
    assert getattr(engine, name)(argument, account_of(keeper)) in (1, -1)
    assert free(engine) == 200 * WAD


# --- counting for the Exchange ------------------------------------------------------------------------------


def test_exchange_counts_what_it_closes(engine, kernel, limit):
    limit()
    exchange = support.actor("exchange")
    # other fields of the word stand above the address
    kernel.shows("exchange_word", 0, int(exchange, 16) | 5 << 160)
    engine.count(MARKET, 100 * WAD + 1, sender=exchange)
    [event] = logged(engine)
    assert event[:3] == ("LiquidationCounted", MARKET, 200 * WAD + 2)
    assert free(engine) == 800 * WAD - 2


def test_nobody_else_counts(engine, kernel, limit, attacker):
    limit()
    kernel.shows("exchange_word", 0, int(support.actor("exchange"), 16))
    with boa.reverts("liquidation: not exchange"):
        engine.count(MARKET, WAD, sender=attacker)
    assert free(engine) == CAPACITY


def test_count_without_a_limit_changes_nothing(engine, kernel):
    exchange = support.actor("exchange")
    kernel.shows("exchange_word", 0, int(exchange, 16))
    engine.count(MARKET, WAD, sender=exchange)
    assert logged(engine) == []
    assert tuple(engine.rate_limit_state(MARKET)) == (0, 0, 0)


# --- settings -----------------------------------------------------------------------------------------------


def test_set_rate_limit_tells_old_and_new(engine, governance):
    now = boa.env.timestamp
    engine.set_rate_limit(MARKET, 2000 * WAD, 28, sender=governance)
    word = 2000 * WAD | now << 208 | 28 << 240
    assert logged(engine) == [("RateLimitSet", MARKET, 2000 * WAD, 28, 0, 0, word)]
    engine.set_rate_limit(MARKET, 4000 * WAD, 14, sender=governance)
    assert logged(engine)[0][2:6] == (4000 * WAD, 14, 2000 * WAD, 28)
    engine.set_rate_limit(MARKET, 0, 0, sender=governance)
    assert logged(engine) == [("RateLimitSet", MARKET, 0, 0, 4000 * WAD, 14, 0)]
    assert tuple(engine.rate_limit_state(MARKET)) == (0, 0, 0)


def test_what_is_used_stays_used_as_far_as_it_fits(engine, kernel, limit, take, governance):
    limit()
    take(500)
    support.wait(10)
    limit(2000 * WAD, 200)
    assert free(engine) == 1100 * WAD
    limit(500 * WAD, 50)
    assert free(engine) == 0


@pytest.mark.parametrize("who", ["attacker", "liquidator", "exchange", "guardian"])
def test_set_rate_limit_by_anybody_else_reverts(engine, who):
    with boa.reverts("liquidation: not governance"):
        engine.set_rate_limit(MARKET, 2000 * WAD, 28, sender=support.actor(who))


@pytest.mark.parametrize("number", [MARKET + 1, 32, 2**256 - 1])
def test_set_rate_limit_of_an_unknown_market_reverts(engine, governance, number):
    with boa.reverts("liquidation: unknown market"):
        engine.set_rate_limit(number, 2000 * WAD, 28, sender=governance)


# a 1,024th of the cap; the cap in four hours: 1,024,000 / 14,400 s are 71.1 a second
@pytest.mark.parametrize(
    ("capacity", "refill"), [(1000 * WAD, 14), (2000 * WAD, 28), (1_024_000 * WAD, 14_400)]
)
def test_lowest_limit_is_accepted(engine, governance, capacity, refill):
    engine.set_rate_limit(MARKET, capacity, refill, sender=governance)
    assert tuple(engine.rate_limit_state(MARKET)) == (capacity, refill, capacity)


@pytest.mark.parametrize(
    ("capacity", "refill"),
    [
        (1000 * WAD - 1, 14),
        (1000 * WAD, 15),
        (2000 * WAD, 29),
        (1_024_000 * WAD, 14_401),
        (1000 * WAD, 0),
        (0, 1),
        (0, 14),
    ],
)
def test_limit_that_is_too_low_reverts(engine, governance, capacity, refill):
    with boa.reverts("liquidation: limit too low"):
        engine.set_rate_limit(MARKET, capacity, refill, sender=governance)
    assert tuple(engine.rate_limit_state(MARKET)) == (0, 0, 0)


def test_capacity_holds_four_orders_of_the_least_size(engine, kernel, governance):
    kernel.shows("market_words", MARKET, *[0, 0, 0, 0, terms_word(minimum=300), *[0] * 9])
    with boa.reverts("liquidation: limit too low"):
        engine.set_rate_limit(MARKET, 1200 * WAD - 1, 16, sender=governance)
    engine.set_rate_limit(MARKET, 1200 * WAD, 16, sender=governance)


def test_limit_of_a_market_that_nobody_may_open_in_is_bounded_by_the_least_size(engine, kernel, governance):
    kernel.shows("market_words", MARKET, *[0, 0, 0, 0, terms_word(0), *[0] * 9])
    with boa.reverts("liquidation: limit too low"):
        engine.set_rate_limit(MARKET, 400 * WAD - 1, 60, sender=governance)
    engine.set_rate_limit(MARKET, 400 * WAD, 60, sender=governance)
    assert tuple(engine.rate_limit_state(MARKET)) == (400 * WAD, 60, 400 * WAD)


@pytest.mark.parametrize(("capacity", "refill"), [(2**104, 1), (2**103, 2**16)])
def test_limit_that_does_not_fit_reverts(engine, governance, capacity, refill):
    with boa.reverts("packing: overflow"):
        engine.set_rate_limit(MARKET, capacity, refill, sender=governance)
