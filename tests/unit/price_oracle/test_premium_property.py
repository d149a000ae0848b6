"""
PriceOracle.observe against an exact model: any premiums at any times, one look or many, and callers who
choose their moments.
"""

from decimal import Decimal

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import support
from tests.models.premium import Premium
from tests.unit.price_oracle.feeds import WAD
from tests.unit.price_oracle.perpetual import CLAMP, FUNDING_CLAMP, PERIOD, WINDOW, bps, list_perpetual

STEP = Decimal(10) ** -15  # of what is stored
KEEPER_SECONDS = 60


@pytest.fixture(scope="module")
def perpetual(oracle, governance):
    """One market for all examples, each of which is undone."""
    return list_perpetual(oracle, governance)


def plain(share: int) -> Decimal:
    return Decimal(share) / WAD


def model_now(interest: int) -> Premium:
    return Premium(boa.env.timestamp, WINDOW, plain(CLAMP), plain(interest), plain(FUNDING_CLAMP))


def assert_matches(state, reading, model: Premium, looks: int, seconds: int) -> None:
    """
    Each look rounds an average by less than a step; it keeps that, or less, until the end. The sum of rates
    inherits it, and each look rounds it by two wei; a stretch that passes a kink of the rate is off by less
    than its time the way the average went.
    """
    bound = looks * STEP
    assert abs(plain(state.basis) - model.basis) <= bound
    assert abs(plain(state.average_premium) - model.average) <= bound
    slack = model.rate_slack + bound * seconds / PERIOD + looks * 2 * Decimal(10) ** -18
    assert abs(plain(reading.rate_sum) - model.rate_sum) <= slack


# The clamp, beyond it, next to the kinks, anything; None: the feeds are dead.
premiums = st.one_of(
    st.none(),
    st.sampled_from([0, CLAMP, -CLAMP, 3 * CLAMP, -3 * CLAMP, bps(5), bps(-5)]),
    st.integers(-2 * CLAMP, 2 * CLAMP),
)
gaps = st.one_of(st.integers(0, 700), st.sampled_from([0, 1, 12, 599, 600, 601, 3_600, 30_000, 400_000]))
interests = st.sampled_from([0, bps(1), bps(5), bps(-5)])


@settings(max_examples=60)
@given(st.lists(st.tuples(gaps, premiums), min_size=1, max_size=12), interests)
def test_any_observations_at_any_times_equal_the_exact_model(oracle, perpetual, governance, steps, interest):
    with boa.env.anchor():
        oracle.set_funding(perpetual.market, interest, FUNDING_CLAMP, sender=governance)
        model, start = model_now(interest), boa.env.timestamp
        for seconds, premium in steps:
            if premium is None:
                perpetual.die()
            else:
                perpetual.live()
            reading = perpetual.observe(seconds, premium)
            model.observe(boa.env.timestamp, None if premium is None else seen(premium))
        assert_matches(perpetual.state, reading, model, 2 * len(steps), boa.env.timestamp - start)


def seen(premium: int) -> Decimal:
    """What the feeds' price, a whole number of wei, makes of it."""
    index = 2_000 * WAD
    return Decimal(index * premium // WAD) / index


@settings(max_examples=40)
@given(
    st.integers(-CLAMP, CLAMP),
    st.integers(1, 600),
    st.lists(st.integers(0, 600), max_size=10),
    interests,
)
def test_many_looks_give_what_one_look_gives(
    oracle, perpetual, governance, premium, total, moments, interest
):
    """While a premium stands, it does not matter who looks, nor how often."""
    outcomes = []
    for stops in ([total], sorted({m for m in moments if m < total} | {total})):
        with boa.env.anchor():
            oracle.set_funding(perpetual.market, interest, FUNDING_CLAMP, sender=governance)
            perpetual.observe(0, bps(30))
            perpetual.observe(500, premium)
            last = 0
            for stop in stops:
                reading = perpetual.observe(stop - last)
                last = stop
            outcomes.append((perpetual.state, reading))
    (one, one_reading), (many, many_reading) = outcomes
    step = 1_000 * (len(moments) + 2)
    assert abs(one.basis - many.basis) <= step
    assert abs(one.average_premium - many.average_premium) <= step
    # The way the average goes in that time, at most; nothing if no kink is passed.
    way = abs(premium - bps(30)) * total // PERIOD + step
    assert abs(one_reading.rate_sum - many_reading.rate_sum) <= way * total // PERIOD + 2 * len(moments) + 4


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(1, 250), st.integers(-CLAMP, CLAMP)), min_size=1, max_size=6),
    st.lists(st.integers(0, 1_200), max_size=8),
)
def test_nobody_gains_by_choosing_when_to_observe(oracle, perpetual, changes, calls):
    """
    The premium changes at its own times, a keeper looks once a minute, an attacker whenever it likes.
    Whatever it does, the averages are those of the true premium but for a minute of each change; so the
    attacker's calls move them by at most that.
    """
    end = 1_260
    path = []
    at = 0
    for gap, premium in changes:
        at += gap
        if at < end:
            path.append((at, premium))
    outcomes = []
    for extra in ([], calls):
        with boa.env.anchor():
            start, true = boa.env.timestamp, Decimal(0)
            exact = model_now(0)
            events = [(t, 0, p) for t, p in path]
            events += [(t, 1, None) for t in {*range(0, end + 1, KEEPER_SECONDS), *extra}]
            for t, _, premium in sorted(events, key=lambda event: event[:2]):
                support.wait(start + t - boa.env.timestamp)
                if premium is None:
                    oracle.observe(perpetual.market)
                else:
                    perpetual.say(premium)
                    true = seen(premium)
                exact.observe(boa.env.timestamp, true)
            exact.pass_to(boa.env.timestamp)
            outcomes.append((perpetual.state, exact))
    jumps = [abs(b - a) for a, b in zip([0, *(p for _, p in path)], [p for _, p in path], strict=False)]
    for state, exact in outcomes:
        rounding = Decimal(len(calls) + 30) * STEP
        assert (
            abs(plain(state.basis) - exact.basis) <= plain(sum(jumps) * KEEPER_SECONDS // WINDOW) + rounding
        )
        late = plain(sum(jumps) * KEEPER_SECONDS // PERIOD) + rounding
        assert abs(plain(state.average_premium) - exact.average) <= late
