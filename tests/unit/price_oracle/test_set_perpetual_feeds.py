"""PriceOracle.set_perpetual_feeds: feeds of the perpetual's price elsewhere, basis window and basis clamp."""

import math

import boa
import pytest

from tests import support
from tests.unit.price_oracle.feeds import MAX_DEVIATION, PRICE, WAD, config_of, logged, new_feed, stored
from tests.unit.price_oracle.perpetual import CLAMP, WINDOW, bps

NO_SET = ([], 0, 0)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_set_perpetual_feeds_is_read_back(oracle, market, governance, count):
    configs = [config_of(new_feed()) for _ in range(count)]
    quorum = count // 2 + 1
    before = oracle.config(market)

    oracle.set_perpetual_feeds(market, configs, quorum, MAX_DEVIATION, WINDOW, CLAMP, sender=governance)

    new = ([stored(config) for config in configs], quorum, MAX_DEVIATION)
    assert logged(oracle) == [
        ("PremiumObserved", market, 0, 0, 0, 0),
        ("PerpetualFeedsSet", market, NO_SET, new, 0, WINDOW, 0, CLAMP),
    ]
    config = oracle.config(market)
    assert (config.perpetual, config.basis_window, config.basis_clamp) == (new, WINDOW, CLAMP)
    assert config[:3] == before[:3]
    assert oracle.perpetual_status(market) == (True, PRICE * WAD, "")


def test_set_perpetual_feeds_replaces_more_feeds_by_fewer(oracle, market, governance):
    many = [config_of(new_feed()) for _ in range(5)]
    oracle.set_perpetual_feeds(market, many, 3, MAX_DEVIATION, WINDOW, CLAMP, sender=governance)
    few = [config_of(new_feed(decimals=18))]
    oracle.set_perpetual_feeds(market, few, 1, MAX_DEVIATION // 2, WINDOW + 1, CLAMP // 2, sender=governance)

    old = ([stored(config) for config in many], 3, MAX_DEVIATION)
    new = ([stored(few[0], 18)], 1, MAX_DEVIATION // 2)
    assert logged(oracle)[1] == (
        "PerpetualFeedsSet", market, old, new, WINDOW, WINDOW + 1, CLAMP, CLAMP // 2,
    )  # fmt: skip
    assert oracle.config(market).perpetual == new


def test_set_perpetual_feeds_new_feeds_speak_with_the_next_observation(oracle, perpetual, governance):
    perpetual.observe(0, bps(20))
    support.wait(300)
    feed = new_feed(PRICE * 101 // 100)

    oracle.set_perpetual_feeds(
        perpetual.market, [config_of(feed)], 1, MAX_DEVIATION, WINDOW, CLAMP, sender=governance
    )

    state = perpetual.state
    assert (state.observed_at, state.premium) == (boa.env.timestamp, 0)
    assert abs(state.basis - bps(20) * (1 - math.exp(-300 / WINDOW))) <= 1_000


def test_set_perpetual_feeds_to_none_lets_the_basis_fade(oracle, perpetual, governance):
    perpetual.observe(0, bps(20))
    perpetual.observe(600)
    basis = perpetual.state.basis

    oracle.set_perpetual_feeds(perpetual.market, [], 0, 0, WINDOW, CLAMP, sender=governance)

    assert oracle.config(perpetual.market).perpetual == NO_SET
    assert perpetual.observe().mark == oracle.read(perpetual.market).index * (WAD + basis) // WAD
    perpetual.observe(WINDOW)
    assert abs(perpetual.state.basis - basis * math.exp(-1)) <= 2_000


def test_set_perpetual_feeds_lower_clamp_cuts_the_basis_at_once(oracle, perpetual, governance):
    perpetual.observe(0, CLAMP)
    perpetual.observe(600)
    assert perpetual.state.basis > bps(20)

    oracle.set_perpetual_feeds(perpetual.market, [], 0, 0, WINDOW, bps(20), sender=governance)

    assert perpetual.state.basis == bps(20)


@pytest.mark.parametrize(
    ("window", "clamp"),
    [("MIN_BASIS_WINDOW", "MIN_BASIS_CLAMP"), ("MAX_BASIS_WINDOW", "MAX_BASIS_CLAMP")],
)
def test_set_perpetual_feeds_extreme_terms_are_accepted(oracle, market, governance, window, clamp):
    window, clamp = getattr(oracle, window)(), getattr(oracle, clamp)()
    configs = [config_of(new_feed())]

    oracle.set_perpetual_feeds(market, configs, 1, MAX_DEVIATION, window, clamp, sender=governance)

    config = oracle.config(market)
    assert (config.basis_window, config.basis_clamp) == (window, clamp)


@pytest.mark.parametrize("has_feeds", [True, False])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"window": ("MIN_BASIS_WINDOW", -1)}, "oracle: bad basis window"),
        ({"window": ("MAX_BASIS_WINDOW", 1)}, "oracle: bad basis window"),
        ({"clamp": ("MIN_BASIS_CLAMP", -1)}, "oracle: bad basis clamp"),
        ({"clamp": ("MAX_BASIS_CLAMP", 1)}, "oracle: bad basis clamp"),
        ({"clamp": ("MAX_ANSWER", 2**128)}, "oracle: bad basis clamp"),
    ],
)
def test_set_perpetual_feeds_terms_out_of_bounds_revert(
    oracle, market, governance, changes, reason, has_feeds
):
    before = oracle.config(market)
    terms = {"window": WINDOW, "clamp": CLAMP}
    terms |= {name: getattr(oracle, limit)() + step for name, (limit, step) in changes.items()}
    configs, quorum, deviation = ([config_of(new_feed())], 1, MAX_DEVIATION) if has_feeds else NO_SET

    with boa.reverts(reason):
        oracle.set_perpetual_feeds(
            market, configs, quorum, deviation, terms["window"], terms["clamp"], sender=governance
        )

    assert oracle.config(market) == before


@pytest.mark.parametrize(
    ("count", "quorum", "deviation", "reason"),
    [
        (0, 1, 0, "oracle: bad quorum"),
        (0, 0, 1, "oracle: bad deviation limit"),
        (1, 0, MAX_DEVIATION, "oracle: bad quorum"),
        (2, 1, MAX_DEVIATION, "oracle: bad quorum"),
        (2, 3, MAX_DEVIATION, "oracle: bad quorum"),
        (1, 1, 10**14 - 1, "oracle: bad deviation limit"),
        (1, 1, 10**17 + 1, "oracle: bad deviation limit"),
    ],
)
def test_set_perpetual_feeds_bad_quorum_or_deviation_reverts(
    oracle, market, governance, count, quorum, deviation, reason
):
    configs = [config_of(new_feed()) for _ in range(count)]

    with boa.reverts(reason):
        oracle.set_perpetual_feeds(market, configs, quorum, deviation, WINDOW, CLAMP, sender=governance)

    assert oracle.config(market).perpetual == NO_SET


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"heartbeat_seconds": 0}, "oracle: bad heartbeat"),
        ({"min_answer": -1}, "oracle: bad answer bounds"),
        ({"min_answer": PRICE * 10**8, "max_answer": PRICE * 10**9}, "oracle: quorum not met"),
    ],
)
def test_set_perpetual_feeds_bad_feed_reverts(oracle, market, governance, changes, reason):
    configs = [config_of(new_feed(), **changes)]

    with boa.reverts(reason):
        oracle.set_perpetual_feeds(market, configs, 1, MAX_DEVIATION, WINDOW, CLAMP, sender=governance)

    assert oracle.config(market).perpetual == NO_SET


def test_set_perpetual_feeds_duplicate_feed_reverts(oracle, market, governance):
    configs = [config_of(new_feed())] * 2

    with boa.reverts("oracle: duplicate feed"):
        oracle.set_perpetual_feeds(market, configs, 2, MAX_DEVIATION, WINDOW, CLAMP, sender=governance)

    assert oracle.config(market).perpetual == NO_SET


@pytest.mark.parametrize(
    ("price", "is_refused"), [(1_000, False), (4_000, False), (999, True), (4_001, True)]
)
def test_set_perpetual_feeds_far_from_the_index_reverts(oracle, market, governance, price, is_refused):
    """Another pair, or another scale."""
    arguments = (market, [config_of(new_feed(price))], 1, MAX_DEVIATION, WINDOW, CLAMP)

    if is_refused:
        with boa.reverts("oracle: replacement price"):
            oracle.set_perpetual_feeds(*arguments, sender=governance)
    else:
        oracle.set_perpetual_feeds(*arguments, sender=governance)

    assert (oracle.config(market).perpetual == NO_SET) == is_refused


def test_set_perpetual_feeds_without_a_usable_index_reverts(oracle, market, feeds, governance):
    configs = [config_of(new_feed())]
    for feed in feeds[:2]:
        feed.set_reverting(True)

    with boa.reverts("oracle: quorum not met"):
        oracle.set_perpetual_feeds(market, configs, 1, MAX_DEVIATION, WINDOW, CLAMP, sender=governance)

    assert oracle.config(market).perpetual == NO_SET


def test_set_perpetual_feeds_to_none_needs_no_usable_price(oracle, perpetual, governance):
    """A perpetual's feed that misbehaves can be switched off whatever else is broken."""
    perpetual.die()
    perpetual.index.set_reverting(True)

    oracle.set_perpetual_feeds(perpetual.market, [], 0, 0, WINDOW, CLAMP, sender=governance)

    assert oracle.config(perpetual.market).perpetual == NO_SET


@pytest.mark.parametrize("unknown", [1, 32, 2**256 - 1])
def test_set_perpetual_feeds_of_an_unknown_market_reverts(oracle, market, governance, unknown):
    configs = [config_of(new_feed())]

    with boa.reverts("oracle: market not listed"):
        oracle.set_perpetual_feeds(unknown, configs, 1, MAX_DEVIATION, WINDOW, CLAMP, sender=governance)

    assert oracle.config(unknown).perpetual == NO_SET


def test_set_perpetual_feeds_by_a_stranger_reverts(oracle, market, attacker):
    with boa.reverts("ownable: caller is not the owner"):
        oracle.set_perpetual_feeds(market, [], 0, 0, WINDOW, CLAMP, sender=attacker)

    assert oracle.config(market).basis_window == 0
