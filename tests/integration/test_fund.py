"""ape run fund: after a small crash, what it shows is what the contracts and their events say."""

import json

import pytest
from PIL import Image

from lastline import fund_report as fr
from lastline.units import WAD, to_decimal, wad
from lastline.views import FUND, POOL, VAULT, RiskView
from scripts.fund import cli, risk_text

UNIT = 10**6


@pytest.fixture(scope="module")
def crashed(system):
    """Stakers have 1,000 in the pool; two longs at 20x go bankrupt; the fund may pay 150 in an episode."""
    system.chain.send(system.deployer, "Collateral", "mint", system.actor("staker").address, 1_000 * UNIT)
    pool = system.chain.deployment.address(POOL)
    system.chain.send(system.actor("staker"), "Collateral", "approve", pool, 1_000 * UNIT)
    system.chain.send(system.actor("staker"), POOL, "request_deposit", 1_000 * UNIT)
    system.set_price("7935", 86_401)
    system.chain.send(system.actor("anyone"), POOL, "activate_deposit", system.actor("staker").address)
    limits = (150 * UNIT, wad("0.5"), wad("0.1"))
    system.chain.send(system.deployer, FUND, "set_market_limits", 0, limits)
    system.fund("maker", "10000")
    for name in ("first", "second"):
        system.fund(name, "450")
        system.trade(name, "0.5", system.signed("maker", "-0.5"))
    for price in ("7300", "6800"):
        system.set_price(price)
    for name in ("first", "second"):
        arguments = (system.account(name), system.account("maker"))
        system.chain.send(system.actor("maker"), "LiquidationEngine", "absorb", *arguments)
    return system


def ask(run_script, system, *more):
    return run_script(cli, "--network", system.url, "--folder", str(system.folder), *more)


def data_of(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.output[result.output.index("{") :])


def view(system, method, *arguments, name=FUND):
    return system.chain.call(name, method, *arguments)


def test_figures_are_the_contracts(crashed, run_script):
    shown = data_of(ask(run_script, crashed, "--json"))
    for name in ("reserve", "target", "total_paid", "capital_surplus"):
        assert shown[name] == to_decimal(view(crashed, name), 6), name
    assert shown["coverage"] == to_decimal(view(crashed, "coverage"))
    assert shown["community_exposed"] == to_decimal(view(crashed, "exposed_assets", name=POOL), 6) == "1000"
    assert shown["inflows"]["CAPITAL"] == "100000"
    base, cap, paid, left = view(crashed, "daily_budget")
    assert [shown[name] for name in ("budget_base", "daily_cap", "daily_paid", "daily_remaining")] == [
        to_decimal(amount, 6) for amount in (base, cap, paid, left)
    ]
    (market,) = shown["markets"]
    assert (market["market_name"], market["paid_reserve"], market["episode_drawn"]) == (
        "BTC-USD",
        "150",
        "150",
    )
    assert (market["episode_left"], market["payable"]) == ("0", "0")
    assert shown["mode"] == "NORMAL"


def test_the_queue_is_the_vaults(crashed, run_script):
    shown = data_of(ask(run_script, crashed, "--json"))
    states = [
        view(crashed, "claim_state", n, name=VAULT) for n in range(view(crashed, "claim_count", name=VAULT))
    ]
    outstanding = [(str(n), state[12]) for n, state in enumerate(states) if state[12]]
    assert len(outstanding) >= 1
    before = 0
    for place, ((number, open_amount), claim) in enumerate(zip(outstanding, shown["claims"], strict=True)):
        assert (str(claim["claim"]), claim["place"], wad(claim["outstanding"])) == (
            number,
            place,
            open_amount,
        )
        assert wad(claim["before"]) == before
        before += open_amount
    assert wad(shown["markets"][0]["open_claims"]) == before


def test_history_ends_where_the_fund_is(crashed):
    report = fr.report(crashed.chain)
    last = report.history[-1]
    assert (last.reserve, last.target) == (view(crashed, "reserve"), view(crashed, "target"))
    assert (last.paid_reserve, last.paid_community) == (view(crashed, "total_paid"), 0)
    assert last.community == view(crashed, "exposed_assets", name=POOL)
    assert last.coverage == report.coverage
    assert [p.block for p in report.history] == sorted({p.block for p in report.history})
    assert {0, 100_000 * UNIT} <= {p.reserve for p in report.history}


def test_an_earlier_block_is_as_it_was(crashed):
    """(Before the crash; its history is the beginning of today's.)"""
    now = fr.report(crashed.chain)
    paid = next(point for point in now.history if point.paid_reserve)
    before = fr.report(crashed.chain, paid.block - 1)
    assert (before.claims, before.fund.total_paid) == ((), 0)
    assert before.history == now.history[: len(before.history)]
    assert before.history[-1].reserve == before.fund.reserve


def test_tables_show_it(crashed, run_script):
    result = ask(run_script, crashed)
    assert result.exit_code == 0, result.output
    for text in (
        "NORMAL",
        "community pool",
        "24-hour budget: 150 paid of",
        "Open claims",
        "BTC-USD",
        "History",
    ):
        assert text in result.output, result.output
    assert "BTC-USD: episode used up" in result.output


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_plot_is_drawn(crashed, run_script, tmp_path, suffix):
    path = tmp_path / f"fund.{suffix}"
    result = ask(run_script, crashed, "--plot", str(path))
    assert result.exit_code == 0, result.output
    assert f"drawn to {path}" in result.output.replace("\n", "")
    if suffix == "png":
        assert len(Image.open(path).convert("RGB").getcolors(2**24)) > 50
    else:
        assert "coverage (%)" in path.read_text()


def test_a_plot_of_another_kind_is_refused(crashed, run_script):
    result = ask(run_script, crashed, "--plot", "fund.pdf")
    assert result.exit_code == 1
    assert "A plot is an .svg or .png file, not fund.pdf." in result.output


def test_risk_state_and_checkpoints_are_those_of_the_contract(crashed):
    report = fr.report(crashed.chain)
    assert tuple(vars(report.risk).values()) == tuple(view(crashed, "risk_state"))
    assert len(report.checkpoints) == view(crashed, "checkpoint_count")
    worth = report.fund.reserve + report.fund.community_exposed
    assert report.coverage == report.risk.coverage == worth * WAD // report.fund.target


def test_a_risk_state_is_told_in_words():
    state = RiskView(1, 3, WAD // 4, 0, True, 1_700_000_000, 0)
    assert risk_text(state) == (
        "mode CAUTION, called for is ADL, coverage 25 %, drawdown 0 %, nothing left for open claims, "
        "too low since 2023-11-14 22:13:20"
    )
