"""A small crash through every tier of the waterfall, replayed by the demo's own engine."""

import copy
import json
from decimal import Decimal
from pathlib import Path

import pytest

from lastline import audit, views
from lastline.chain import Chain
from scripts._anvil import anvil
from scripts._ape import load_toml
from scripts._scenario import Run, ScenarioError
from scripts.demo import save_state, summarise

ROOT = Path(__file__).resolve().parents[2]

KEPT = ("12 00:00", "12 08:00", "12 11:15", "12 22:50", "13 02:15", "13 23:59")


@pytest.fixture(scope="module")
def small_scenario():
    """The demo's scenario with few traders, few prices and a fund to match."""
    scenario = copy.deepcopy(load_toml(ROOT / "scenarios" / "btc_2020_03.toml"))
    scenario["prices"] = [p for p in scenario["prices"] if p["time"].strftime("%d %H:%M") in KEPT]
    for group in scenario["population"]["groups"]:
        group["count"] = min(group["count"], 2)
        group["lots"] = [40, 60]
    scenario["deployment"]["fund"]["mock_capital"] = "500"
    scenario["deployment"]["fund"]["target_floor"] = "500"
    return scenario


@pytest.fixture(scope="module")
def crash(small_scenario, deploy):
    with anvil("--timestamp", str(int(small_scenario["prices"][0]["time"].timestamp()) - 3600)) as node:
        made, record = deploy(node, small_scenario["deployment"])
        chain = Chain(node, record)
        run = Run(chain, small_scenario, made.sender, lambda line: None)
        run.check()
        run.play()
        report = audit.run(chain)
        yield run, chain, report, summarise(run, chain, report, chain.events([views.VAULT]))


def test_every_check_holds(crash):
    _, _, report, _ = crash
    assert report.failed == []


def test_every_tier_pays(crash):
    *_, summary = crash
    tiers = {
        tier: Decimal(summary["loss_by_tier"][tier])
        for tier in ("trader_margin", "reserve", "adl", "socialised")
    }
    assert min(tiers.values()) > 0, tiers


def test_claims_are_of_both_policies(crash):
    _, chain, _, _ = crash
    claims = views.claims(chain)
    assert any(claim.market == 0 and claim.adl for claim in claims)
    assert any(claim.market == 1 and claim.socialised for claim in claims)
    for claim in claims:
        parts = (claim.reserve, claim.community, claim.adl, claim.socialised, claim.side, claim.recovery)
        assert claim.amount == sum(parts) + claim.recovered + claim.outstanding


def test_ledger_from_events_is_storage(crash):
    _, chain, report, _ = crash
    ledger = report.ledger
    assert ledger.cohorts
    assert any(market.rounds for market in ledger.markets)
    for account, word in ledger.accounts.items():
        assert chain.call(views.VAULT, "account_word", account) == word.word
    for (account, market), word in ledger.positions.items():
        assert chain.call(views.VAULT, "position_word", account, market) == word
    for market in ledger.markets:
        assert list(chain.call(views.VAULT, "market_words", market.id)) == market.words()


def test_state_can_be_loaded_again(crash, tmp_path):
    run, chain, _, summary = crash
    path = tmp_path / "state.json"
    save_state(run, path)
    with anvil("--load-state", str(path)) as node:
        again = audit.run(Chain(node, chain.deployment))
        assert again.failed == []
        assert again.ledger.applied == crash[2].ledger.applied
    assert json.loads(json.dumps(summary)) == summary


def test_group_without_a_price_is_refused(crash, small_scenario):
    run, chain, _, _ = crash
    broken = copy.deepcopy(small_scenario)
    broken["prices"] = broken["prices"][1:]
    with pytest.raises(ScenarioError, match="without a price"):
        Run(chain, broken, run.deployer, lambda line: None).check()
