"""Console: listing a market and setting its margin, its liquidation, its status."""

import boa
import pytest

from lastline.words import cap_field, cap_of
from tests.kernel import Kernel, liquidation_config, margin_config, wad
from tests.support import deploy
from tests.unit.margin_vault.actions import (
    by,
    events,
    govern,
    ledger,
    liquidation_tuple,
    margin_tuple,
    trade,
)

RATE_STEP, FACTOR_STEP = 10**13, 10**15
PRICE_WORD, CLOCK_WORD, TERMS, LAST_LINES, LIQUIDATION = 0, 2, 4, 6, 7


def words(kernel: Kernel, market: int = 0) -> list[int]:
    return kernel.vault.market_words(market)


def lines_word(config: dict, first: int, count: int) -> int:
    """Maintenance lines as lib/margin_math.vy lays them out."""
    word = 0
    for i in range(count):
        if first + i < len(config["line_rates"]):
            rate = config["line_rates"][first + i] // RATE_STEP
            word |= (rate | config["line_deductions"][first + i] // wad(1) << 16) << 56 * i
    return word


def margin_words(config: dict) -> tuple[int, int, int]:
    terms = config["line_rates"][0] // RATE_STEP | lines_word(config, 1, 1) << 16
    terms |= sum(rate // RATE_STEP << 72 + 16 * i for i, rate in enumerate(config["class_rates"]))
    terms |= config["initial_factor"] // FACTOR_STEP << 136 | config["max_mark_age"] << 152
    terms |= config["price_band"] // RATE_STEP << 164 | cap_field(config["minimum_notional"]) << 176
    terms |= config["max_opening_age"] << 192 | (config["lower_cap_share"] * 16 // wad(1) & 15) << 204
    terms |= cap_field(config["open_interest_cap_quote"]) << 208
    terms |= cap_field(config["position_cap_quote"]) << 224
    terms |= cap_field(config["open_interest_cap_base"]) << 240
    return terms, lines_word(config, 2, 4), lines_word(config, 6, 2)


def liquidation_word(config: dict) -> int:
    steps = (
        ("target_health", FACTOR_STEP, 0),
        ("critical_health", FACTOR_STEP, 16),
        ("cost_slope", RATE_STEP, 32),
        ("fund_share", FACTOR_STEP, 48),
        ("deleverage_band", RATE_STEP, 64),
        ("auction_slippage", RATE_STEP, 80),
        ("auction_seconds", 1, 96),
        ("reward_rate", RATE_STEP, 112),
        ("reward_flat", 10**16, 128),
        ("reward_cap", wad(1), 160),
        ("dust", 10**12, 192),
        ("max_mark_step", RATE_STEP, 224),
    )
    return sum(config[name] // step << offset for name, step, offset in steps)


def named(builder, **changes) -> dict:
    return (margin_config if builder is margin_tuple else liquidation_config)(**changes)


@pytest.mark.parametrize("has_fine_ticks", [True, False])
def test_add_market_lists_the_next_id(kernel, has_fine_ticks):
    count = kernel.vault.market_count()
    market = govern(kernel.vault.add_market, margin_tuple(), liquidation_tuple(), has_fine_ticks)
    logged = events(kernel)
    assert market == count
    assert kernel.vault.market_count() == count + 1
    stored = words(kernel, market)
    assert stored[PRICE_WORD] == 1 << 160 | has_fine_ticks << 168
    margin = margin_words(named(margin_tuple))
    assert logged == [
        ("MarketAdded", market, has_fine_ticks, stored[CLOCK_WORD]),
        ("MarketConfigured", market, *margin, 0, 0, 0),
        ("LiquidationConfigured", market, liquidation_word(named(liquidation_tuple)), 0),
    ]


def test_a_new_market_starts_its_clock_and_its_funding_now(kernel):
    market = govern(kernel.vault.add_market, margin_tuple(), liquidation_tuple(), False)
    clock = deploy("mocks/PackingHarness.vy").clock(words(kernel, market)[CLOCK_WORD])
    _, batch_seconds, _ = kernel.vault.settings()
    assert (clock.now, clock.batch_end) == (0, batch_seconds)
    assert (clock.funding_time, clock.round_time) == (boa.env.timestamp, 0)


def test_a_new_market_has_no_mark_and_does_not_trade(kernel):
    market = govern(kernel.vault.add_market, margin_tuple(), liquidation_tuple(), False)
    assert kernel.vault.mark(market) == 0
    with boa.reverts("market: stale mark"):
        by("exchange", kernel.vault.fill, market, 1 << 96, 0, False, [(2 << 96, 1, 0, 0, False)])


def test_add_market_up_to_the_most_passes(kernel, units):
    while kernel.vault.market_count() < units.MAX_MARKETS():
        govern(kernel.vault.add_market, margin_tuple(), liquidation_tuple(), False)
    before = ledger(kernel)
    with boa.reverts("config: too many markets"):
        govern(kernel.vault.add_market, margin_tuple(), liquidation_tuple(), False)
    assert ledger(kernel) == before
    assert kernel.vault.market_count() == units.MAX_MARKETS()


@pytest.mark.parametrize("name", ["stranger", "guardian", "exchange", "engine", "allocator", "treasury"])
def test_only_the_owner_configures_markets(kernel, name):
    vault, before = kernel.vault, ledger(kernel)
    for function, arguments in (
        (vault.add_market, (margin_tuple(), liquidation_tuple(), False)),
        (vault.set_margin_config, (0, margin_tuple())),
        (vault.set_liquidation_config, (0, liquidation_tuple())),
    ):
        with boa.reverts("ownable: caller is not the owner"):
            by(name, function, *arguments)
    assert ledger(kernel) == before


@pytest.mark.parametrize("market", [1, 32, 2**256 - 1])
def test_an_unknown_market_is_not_configured(kernel, market):
    before = ledger(kernel)
    with boa.reverts("market: unknown"):
        govern(kernel.vault.set_margin_config, market, margin_tuple())
    with boa.reverts("market: unknown"):
        govern(kernel.vault.set_liquidation_config, market, liquidation_tuple())
    with boa.reverts("market: unknown"):
        govern(kernel.vault.set_market_status, market, 2)
    assert ledger(kernel) == before


EIGHT = dict(
    line_rates=[wad(f"0.0{n}") for n in range(1, 9)],
    line_deductions=[wad(n * n) for n in range(8)],
    class_rates=[wad("0.05")] * 4,
)
GOOD_MARGINS = {
    "eight lines": EIGHT,
    "one line": dict(line_rates=[wad("0.01")], line_deductions=[0]),
    "highest line": dict(line_rates=[wad("0.025"), wad("0.5")]),
    "lowest factor": dict(initial_factor=wad("1.001")),
    "highest factor": dict(initial_factor=wad(10)),
    "shortest age": dict(max_mark_age=1, max_opening_age=1),
    "longest age": dict(max_mark_age=3_600, max_opening_age=3_600),
    "shortest age for openings": dict(max_opening_age=1),
    "crowd from the first unit on": dict(lower_cap_share=wad(1) // 16),
    "crowd just before the cap": dict(lower_cap_share=wad(15) // 16),
    "no lower cap, said otherwise": dict(lower_cap_share=0),
    "narrowest band": dict(price_band=RATE_STEP),
    "lowest class": dict(
        class_rates=[wad("0.00502")] * 4,
        price_band=wad("0.004"),
        line_rates=[wad("0.005")],
        line_deductions=[0],
        minimum_notional=wad(800),
    ),
    "class just beyond band and fee": dict(
        class_rates=[wad("0.01101")] * 4,
        line_rates=[wad("0.001"), wad("0.05")],
        minimum_notional=wad(800),
    ),
    "highest class": dict(class_rates=[wad("0.5")] * 4),
    "smaller minimum": dict(minimum_notional=wad(80)),
    "largest minimum": dict(minimum_notional=wad(2_047 << 31)),
    "no room at all": dict(open_interest_cap_quote=0, open_interest_cap_base=0, position_cap_quote=0),
    "all room": dict(
        open_interest_cap_quote=wad(2**42 - 1),
        open_interest_cap_base=wad(2**42 - 1),
        position_cap_quote=wad(2**42 - 1),
    ),
}


@pytest.mark.parametrize("changes", GOOD_MARGINS.values(), ids=GOOD_MARGINS)
def test_set_margin_config_stores_and_logs_it(kernel, changes):
    old = words(kernel)[TERMS : LAST_LINES + 1]
    govern(kernel.vault.set_margin_config, 0, margin_tuple(**changes))
    logged = events(kernel)
    new = margin_words(named(margin_tuple, **changes))
    assert logged == [("MarketConfigured", 0, *new, *old)]
    assert tuple(words(kernel)[TERMS : LAST_LINES + 1]) == new


@pytest.mark.parametrize("cap", [0, 1, 2_047, 2_048, 2_049, 4_095, 10**6 + 1, 10**9, 2**42 - 1])
def test_a_cap_keeps_eleven_bits_and_never_grows(kernel, cap):
    config = margin_tuple(open_interest_cap_quote=wad(cap), position_cap_quote=wad(cap))
    govern(kernel.vault.set_margin_config, 0, config)
    harness, word = deploy("mocks/MarginMathHarness.vy"), words(kernel)[TERMS]
    kept = harness.open_interest_cap_quote(word)
    assert kept == harness.position_cap_quote(word) == cap_of(cap_field(wad(cap)))
    assert 0 <= wad(cap) - kept <= wad(cap) // 1_024


BAD_MARGINS = {
    "no lines": ("margin lines", dict(line_rates=[], line_deductions=[])),
    "lines apart": ("margin lines", dict(line_deductions=[0])),
    "first deduction": ("margin lines", dict(line_deductions=[wad(1), wad(2)])),
    "first rate 0": ("margin lines", dict(line_rates=[0, wad("0.05")])),
    "rates fall": ("margin lines", dict(line_rates=[wad("0.025"), wad("0.02")])),
    "rates equal": ("margin lines", dict(line_rates=[wad("0.025")] * 2)),
    "borders fall": (
        "margin lines",
        dict(line_rates=[wad("0.02"), wad("0.03"), wad("0.04")], line_deductions=[0, wad(10), wad(15)]),
    ),
    "deductions equal": ("margin lines", dict(line_deductions=[0, 0])),
    "line too high": ("margin lines", dict(line_rates=[wad("0.025"), wad("0.5") + RATE_STEP])),
    "factor of one": ("initial factor", dict(initial_factor=wad(1))),
    "factor too high": ("initial factor", dict(initial_factor=wad(10) + FACTOR_STEP)),
    "no age": ("mark age", dict(max_mark_age=0, max_opening_age=0)),
    "no age for openings": ("mark age", dict(max_opening_age=0)),
    "openings at an older mark": ("mark age", dict(max_mark_age=600, max_opening_age=601)),
    "age too long": ("mark age", dict(max_mark_age=3_601)),
    "lower cap above the cap": ("lower cap", dict(lower_cap_share=wad(17) // 16)),
    "lower cap between steps": ("not in steps", dict(lower_cap_share=wad("0.1"))),
    "no band": ("price band", dict(price_band=0)),
    "band too wide": ("price band", dict(price_band=wad("0.01") + RATE_STEP)),
    "class within band and fee": (
        "class rate",
        dict(class_rates=[wad("0.011")] * 4, line_rates=[wad("0.001"), wad("0.05")]),
    ),
    "class too low": (
        "class rate",
        dict(
            class_rates=[wad("0.00499")] * 4,
            price_band=wad("0.001"),
            line_rates=[wad("0.001")],
            line_deductions=[0],
        ),
    ),
    "class at maintenance": ("class rate", dict(class_rates=[wad("0.025")] * 4)),
    "class too high": ("class rate", dict(class_rates=[wad("0.05")] * 3 + [wad("0.5") + RATE_STEP])),
    "no minimum": ("minimum notional", dict(minimum_notional=0)),
    "broken rate": ("not in steps", dict(line_rates=[wad("0.025") + 1, wad("0.05")])),
    "broken deduction": ("not in steps", dict(line_deductions=[0, wad(1) + 1])),
    "broken factor": ("not in steps", dict(initial_factor=wad("1.5") + 1)),
    "broken band": ("not in steps", dict(price_band=wad("0.01") - 1)),
    "broken class": ("not in steps", dict(class_rates=[wad("0.05") + 1] * 4)),
    "broken minimum": ("not in steps", dict(minimum_notional=wad(100) + 1)),
    "broken cap": ("not in steps", dict(position_cap_quote=1)),
    "deduction too large": ("too large", dict(line_deductions=[0, wad(2**40)])),
    "minimum of twelve bits": ("not in steps", dict(minimum_notional=wad(2_049))),
    "minimum too large": ("too large", dict(minimum_notional=wad(2**42))),
    "quote cap too large": ("too large", dict(open_interest_cap_quote=wad(2**42))),
    "base cap too large": ("too large", dict(open_interest_cap_base=wad(2**42))),
    "position cap too large": ("too large", dict(position_cap_quote=wad(2**42))),
}
MESSAGES = {
    "margin lines": "config: margin lines",
    "initial factor": "config: initial factor",
    "mark age": "config: mark age",
    "lower cap": "config: lower cap",
    "price band": "config: price band",
    "class rate": "config: class rate",
    "minimum notional": "config: minimum notional",
    "not in steps": "config: not in steps",
    "too large": "config: too large",
    "health": "config: health",
    "cost": "config: liquidation cost",
    "deleverage": "config: deleverage band",
    "auction": "config: auction",
    "reward": "config: reward",
    "dust": "config: dust",
    "mark step": "config: mark step",
}


@pytest.mark.parametrize(("message", "changes"), BAD_MARGINS.values(), ids=BAD_MARGINS)
def test_a_bad_margin_config_reverts(kernel, message, changes):
    before = ledger(kernel)
    with boa.reverts(MESSAGES[message]):
        govern(kernel.vault.set_margin_config, 0, margin_tuple(**changes))
    assert ledger(kernel) == before


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        (dict(minimum_notional=wad(80)), False),
        (dict(minimum_notional=wad(79)), True),
        (dict(class_rates=[wad("0.5"), wad("0.2"), wad("0.1"), wad("0.04")]), False),
        (dict(class_rates=[wad("0.5"), wad("0.2"), wad("0.1"), wad("0.03999")]), True),
    ],
)
def test_a_margin_config_keeps_the_flat_reward_below_a_quarter_of_the_least_margin(
    kernel, changes, is_refused
):
    """The reward is 1; least margin 100 x 5 %."""
    if is_refused:
        before = ledger(kernel)
        with boa.reverts("config: reward"):
            govern(kernel.vault.set_margin_config, 0, margin_tuple(**changes))
        assert ledger(kernel) == before
    else:
        govern(kernel.vault.set_margin_config, 0, margin_tuple(**changes))


def test_a_market_with_a_bad_margin_config_is_not_added(kernel):
    count = kernel.vault.market_count()
    with boa.reverts("config: mark age"):
        govern(kernel.vault.add_market, margin_tuple(max_mark_age=0), liquidation_tuple(), False)
    assert kernel.vault.market_count() == count


GOOD_LIQUIDATIONS = {
    "as it is": {},
    "lowest target": dict(target_health=wad("1.001")),
    "highest target": dict(target_health=wad(3)),
    "highest critical": dict(critical_health=wad("0.999")),
    "no critical": dict(critical_health=0),
    "no cost": dict(cost_slope=0),
    "highest cost": dict(cost_slope=wad("0.5")),
    "lowest share": dict(fund_share=FACTOR_STEP),
    "highest share": dict(fund_share=wad(1)),
    "narrowest band": dict(deleverage_band=RATE_STEP),
    "widest band": dict(deleverage_band=wad("0.5")),
    "no slippage": dict(auction_slippage=0),
    "highest slippage": dict(auction_slippage=wad("0.1")),
    "shortest auction": dict(auction_seconds=1),
    "longest auction": dict(auction_seconds=2**16 - 1),
    "no reward": dict(reward_flat=0, reward_rate=0, reward_cap=0),
    "highest reward": dict(reward_flat=wad("1.25"), reward_rate=wad("0.001"), reward_cap=wad(2**32 - 1)),
    "no dust": dict(dust=0),
    "most dust": dict(dust=wad(100)),
    "shortest step": dict(max_mark_step=RATE_STEP),
    "longest step": dict(max_mark_step=wad("0.5")),
}


@pytest.mark.parametrize("changes", GOOD_LIQUIDATIONS.values(), ids=GOOD_LIQUIDATIONS)
def test_set_liquidation_config_stores_and_logs_it(kernel, changes):
    old = words(kernel)[LIQUIDATION]
    govern(kernel.vault.set_liquidation_config, 0, liquidation_tuple(**changes))
    logged = events(kernel)
    new = liquidation_word(named(liquidation_tuple, **changes))
    assert logged == [("LiquidationConfigured", 0, new, old)]
    assert words(kernel)[LIQUIDATION] == new


BAD_LIQUIDATIONS = {
    "target of one": ("health", dict(target_health=wad(1))),
    "target too high": ("health", dict(target_health=wad(3) + FACTOR_STEP)),
    "critical of one": ("health", dict(critical_health=wad(1))),
    "cost too high": ("cost", dict(cost_slope=wad("0.5") + RATE_STEP)),
    "no share": ("cost", dict(fund_share=0)),
    "share above one": ("cost", dict(fund_share=wad(1) + FACTOR_STEP)),
    "no band": ("deleverage", dict(deleverage_band=0)),
    "band too wide": ("deleverage", dict(deleverage_band=wad("0.5") + RATE_STEP)),
    "no time": ("auction", dict(auction_seconds=0)),
    "slippage too high": ("auction", dict(auction_slippage=wad("0.1") + RATE_STEP)),
    "flat reward too high": ("reward", dict(reward_flat=wad("1.26"))),
    "reward rate too high": ("reward", dict(reward_rate=wad("0.001") + RATE_STEP)),
    "step too long": ("mark step", dict(max_mark_step=wad("0.5") + RATE_STEP)),
    "broken step": ("not in steps", dict(max_mark_step=1)),
    "too much dust": ("dust", dict(dust=wad(100) + 10**12)),
    "broken target": ("not in steps", dict(target_health=wad("1.25") + 1)),
    "broken critical": ("not in steps", dict(critical_health=1)),
    "broken cost": ("not in steps", dict(cost_slope=1)),
    "broken share": ("not in steps", dict(fund_share=1)),
    "broken slippage": ("not in steps", dict(auction_slippage=1)),
    "broken flat": ("not in steps", dict(reward_flat=10**16 + 1)),
    "broken cap": ("not in steps", dict(reward_cap=1)),
    "broken dust": ("not in steps", dict(dust=1)),
    "auction too long": ("too large", dict(auction_seconds=2**16)),
    "cap too large": ("too large", dict(reward_cap=wad(2**32))),
}


@pytest.mark.parametrize(("message", "changes"), BAD_LIQUIDATIONS.values(), ids=BAD_LIQUIDATIONS)
def test_a_bad_liquidation_config_reverts(kernel, message, changes):
    before = ledger(kernel)
    with boa.reverts(MESSAGES[message]):
        govern(kernel.vault.set_liquidation_config, 0, liquidation_tuple(**changes))
    assert ledger(kernel) == before


@pytest.mark.parametrize("steps", [2**32 - 1, 2**32])
def test_a_flat_reward_fits_into_its_field(kernel, steps):
    """Where positions are so large that it would be no more than a quarter of their margin."""
    govern(kernel.vault.set_margin_config, 0, margin_tuple(minimum_notional=wad(2**36)))
    if steps < 2**32:
        govern(kernel.vault.set_liquidation_config, 0, liquidation_tuple(reward_flat=steps * 10**16))
        return
    before = ledger(kernel)
    with boa.reverts("config: too large"):
        govern(kernel.vault.set_liquidation_config, 0, liquidation_tuple(reward_flat=steps * 10**16))
    assert ledger(kernel) == before


ACTIVE, CLOSE_ONLY = 1, 2


@pytest.mark.parametrize("status", [ACTIVE, CLOSE_ONLY])
@pytest.mark.parametrize("old", [ACTIVE, CLOSE_ONLY])
def test_the_owner_sets_either_status(kernel, status, old):
    govern(kernel.vault.set_market_status, 0, old)
    govern(kernel.vault.set_market_status, 0, status)
    logged = events(kernel)
    assert logged == [("MarketStatusSet", 0, status, old)]
    assert (words(kernel)[PRICE_WORD] >> 160) & 255 == status


def test_the_guardian_closes_a_market_and_no_more(kernel):
    by("guardian", kernel.vault.set_market_status, 0, CLOSE_ONLY)
    before = ledger(kernel)
    with boa.reverts("ownable: caller is not the owner"):
        by("guardian", kernel.vault.set_market_status, 0, ACTIVE)
    assert ledger(kernel) == before


@pytest.mark.parametrize("name", ["stranger", "exchange", "engine", "allocator", "treasury"])
@pytest.mark.parametrize("status", [ACTIVE, CLOSE_ONLY])
def test_nobody_else_sets_a_status(kernel, name, status):
    before = ledger(kernel)
    with boa.reverts("ownable: caller is not the owner"):
        by(name, kernel.vault.set_market_status, 0, status)
    assert ledger(kernel) == before


@pytest.mark.parametrize("status", [0, 3, 127, 128, 2**256 - 1])
def test_an_unknown_status_reverts(kernel, status):
    before = ledger(kernel)
    with boa.reverts("config: bad status"):
        govern(kernel.vault.set_market_status, 0, status)
    assert ledger(kernel) == before


def test_a_status_changes_nothing_else_of_a_trading_market(traders):
    trade(traders, "long", 3)
    before = words(traders)
    govern(traders.vault.set_market_status, 0, CLOSE_ONLY)
    assert before[PRICE_WORD] ^ words(traders)[PRICE_WORD] == (ACTIVE ^ CLOSE_ONLY) << 160
    assert before[1:] == words(traders)[1:]
    traders.assert_conserved()
