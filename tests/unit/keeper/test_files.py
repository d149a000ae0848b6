"""Settings, the account index and its file, metrics: what is read, written, and refused."""

import json
from types import SimpleNamespace

import pytest

from lastline.keeper.config import Config, ConfigError, load
from lastline.keeper.index import AccountIndex
from lastline.keeper.metrics import Metrics
from lastline.state_file import read_file, write_file
from lastline.units import WAD, wad
from tests.artifacts import ROOT

DEPTH = 10
POSITION_CHANGED = {
    "type": "event",
    "name": "PositionChanged",
    "inputs": [{"name": "account", "type": "uint256", "indexed": True}],
}


class FakeChain:
    """Blocks with hashes of their own, and the changes of positions in them. `asked`: first blocks of
    queries.
    """

    def __init__(self, head=100):
        self.hashes = {n: f"block {n}" for n in range(head + 1)}
        self.changes = {}
        self.asked = []
        self.deployment = SimpleNamespace(
            chain_id=31337, first_block=5, address=lambda name: "0xVault", abi=lambda name: [POSITION_CHANGED]
        )

    def block_hash(self, number):
        return self.hashes.get(number, "")

    def events(self, names, first, last, topics):
        self.asked.append(first)
        return [
            SimpleNamespace(account=account, block=block)
            for block in sorted(self.changes)
            if first <= block <= last
            for account in self.changes[block]
        ]


# --- the index ----------------------------------------------------------------------------------------------


def test_the_first_update_reads_everything_the_next_only_what_may_have_changed():
    chain = FakeChain()
    chain.changes = {5: [1], 50: [2], 99: [1]}
    index = AccountIndex.of(chain)
    index.update(chain, 100, DEPTH)
    assert index.accounts == {1: 99, 2: 50}
    index.update(chain, 100, DEPTH)
    assert chain.asked == [5, 91]


def test_an_event_that_a_reorganisation_brings_within_the_depth_is_found():
    chain = FakeChain()
    index = AccountIndex.of(chain)
    index.update(chain, 100, DEPTH)
    chain.changes = {91: [7]}
    index.update(chain, 100, DEPTH)
    assert index.accounts == {7: 91}


def test_a_deeper_reorganisation_makes_it_read_everything_again():
    chain = FakeChain()
    chain.changes = {60: [1]}
    index = AccountIndex.of(chain)
    index.update(chain, 100, DEPTH)
    chain.hashes[90] = "another block"
    chain.changes = {61: [2]}
    index.update(chain, 100, DEPTH)
    assert index.accounts == {2: 61}


def test_a_chain_that_has_gone_far_back_makes_it_read_everything_again():
    chain = FakeChain()
    chain.changes = {60: [1]}
    index = AccountIndex.of(chain)
    index.update(chain, 100, DEPTH)
    for number in range(71, 101):
        del chain.hashes[number]
    index.update(chain, 70, DEPTH)
    assert (chain.asked, index.block, index.anchor[0]) == ([5, 5], 70, 60)


def test_it_goes_on_from_its_file_as_if_it_had_never_stopped(tmp_path):
    chain = FakeChain()
    chain.changes = {50: [1], 95: [2]}
    index = AccountIndex.of(chain)
    index.update(chain, 100, DEPTH)
    write_file(tmp_path / "new" / "state.json", {"index": index.as_data()})
    again = AccountIndex.read(chain, read_file(tmp_path / "new" / "state.json")["index"])
    assert again == index
    again.update(chain, 100, DEPTH)
    assert chain.asked == [5, 91]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"chain_id": 1},
        {"vault": "0xOther"},
        {"accounts": [1]},
        {"accounts": {"x": 1}},
        {"anchor": None},
        {"block": "x"},
    ],
)
def test_the_file_of_another_deployment_or_a_damaged_one_is_left_aside(change):
    chain = FakeChain()
    index = AccountIndex.of(chain)
    index.update(chain, 100, DEPTH)
    data = json.loads(json.dumps({**index.as_data(), **change}))
    assert AccountIndex.read(chain, data) == AccountIndex.of(chain)
    assert AccountIndex.read(chain, None) == AccountIndex.of(chain)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_a_damaged_file_is_an_empty_one(tmp_path, text):
    path = tmp_path / "state.json"
    assert read_file(path) == {}
    path.write_text(text)
    assert read_file(path) == {}


def test_an_idle_account_is_dropped_only_when_its_last_change_cannot_be_undone():
    index = AccountIndex(1, "", 0, accounts={1: 89, 2: 90, 3: 91})
    for account in (1, 2, 3, 4):
        index.forget(account, 100, DEPTH)
    assert index.accounts == {3: 91}


# --- settings -----------------------------------------------------------------------------------------------


def test_the_file_in_the_repository_says_what_is_so_anyway():
    given = load(ROOT / "bots" / "keeper.toml", {})
    assert given.state_file is not None
    assert given.metrics_file is not None
    assert given == Config(state_file=given.state_file, metrics_file=given.metrics_file)


def test_the_environment_goes_before_the_file(tmp_path):
    path = tmp_path / "keeper.toml"
    path.write_text('min_profit = "2.5"\nis_public_good = true\nmax_gas_price = "30"\naccount = 5\n')
    environment = {"LASTLINE_KEEPER_CONFIG": str(path), "LASTLINE_KEEPER_MIN_PROFIT": "3"}
    given = load(None, {**environment, "LASTLINE_KEEPER_IS_DRY_RUN": "1", "LASTLINE_KEEPER_ACCOUNT": "0x10"})
    assert (given.min_profit, given.is_public_good, given.is_dry_run) == (3 * WAD, True, True)
    assert (given.max_gas_price, given.account) == (30 * 10**9, 16)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("min_profits = 1", "min_profits"),
        ("min_profit = 1.5", "min_profit cannot be"),
        ('min_profit = "-1"', "min_profit cannot be"),
        ('is_dry_run = "perhaps"', "is_dry_run cannot be"),
        ('sub_account = "x"', "sub_account cannot be"),
        ("absorb_batch = 17", "absorb_batch must be"),
        ("max_cohorts = 0", "max_cohorts must be"),
        ('margin_share = "1.1"', "margin_share must be"),
        ("max_passes = 0", "max_passes and reorg_depth"),
        ("mark_age = 0", "mark_age must be"),
        ("=", "not valid TOML"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_one_sentence(tmp_path, text, words):
    path = tmp_path / "keeper.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load(path, {})


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no readable file"):
        load(tmp_path / "nothing.toml", {})


# --- metrics ------------------------------------------------------------------------------------------------


def test_metrics_are_text_that_prometheus_reads(tmp_path):
    metrics = Metrics(steps=3, gas_spent=wad("0.5"))
    metrics.count("actions", "absorb")
    metrics.count("actions", "absorb")
    metrics.count("reverts", "absorb", 'a "quoted" | reason\n')
    metrics.count("rewards", "absorb", by=wad("1.5"))
    metrics.write(tmp_path / "new" / "metrics.prom")
    lines = (tmp_path / "new" / "metrics.prom").read_text().splitlines()
    assert 'lastline_keeper_actions_total{kind="absorb"} 2' in lines
    wanted = r'lastline_keeper_reverts_total{kind="absorb",reason="a \"quoted\" | reason\n"} 1'
    assert wanted in lines
    assert 'lastline_keeper_rewards_quote_total{kind="absorb"} 1.5' in lines
    assert "lastline_keeper_gas_spent_eth_total 0.5" in lines
    assert all(line.startswith(("#", "lastline_keeper_")) for line in lines)


def test_metrics_go_on_from_the_file_and_start_anew_if_it_is_damaged():
    metrics = Metrics(steps=3, actions={"absorb": 2})
    assert Metrics.of(json.loads(json.dumps(metrics.as_data()))) == metrics
    for damaged in (None, [], {"steps": "three", "unknown": 1}):
        assert Metrics.of(damaged) == Metrics()
