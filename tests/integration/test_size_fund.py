"""ape run size_fund: the book on the chain, the same numbers for the same seed, clear errors."""

import json

import pytest

from lastline import audit
from lastline import fund_size as fs
from lastline.units import WAD, wad
from lastline.views import VAULT
from scripts.size_fund import cli


@pytest.fixture
def busy(system, unchanged):
    system.fund("maker", "100000")
    system.fund("taker", "45000")
    system.trade("taker", "50", system.signed("maker", "-50"))
    system.set_price("7900")
    return system


def ask(run_script, system, *more):
    few = ("--scenarios", "400", "--depth", "100000")
    return run_script(cli, "--network", system.url, "--folder", str(system.folder), *few, *more)


def data_of(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.output[result.output.index("{") :])


def test_the_book_is_the_vaults(busy):
    book = fs.Book.of(audit.rebuild(busy.chain))
    states = [busy.chain.call(VAULT, "account_state", busy.account(name)) for name in ("maker", "taker")]
    assert sorted(book.equity) == pytest.approx(sorted(state[3] / WAD for state in states))
    assert sorted(book.size) == [-50.0, 50.0]
    assert list(book.open_interest) == [50 * 7900.0]
    needed, _ = fs._Crash(book, lambda market: 1e18, 0.0)._maintenance(book.equity * 0, book.size * 0)
    assert sorted(needed) == pytest.approx(sorted(state[4] / WAD for state in states))


def test_same_seed_same_numbers(busy, run_script):
    first, again, other = (
        data_of(ask(run_script, busy, "--json", "--seed", seed)) for seed in ("5", "5", "6")
    )
    assert first == again
    assert first["loss"] != other["loss"]


def test_recommendation_is_within_the_contracts_bounds(busy, run_script):
    size = data_of(ask(run_script, busy, "--json", "--volatility", "BTC-USD=3", "--gap", "1"))
    (market,) = size["markets"]
    assert (size["accounts"], size["positions"], market["volatility"]) == (2, 2, 3.0)
    assert wad(size["target"]["now"]) == wad(size["target"]["floor"]) == 100_000 * WAD
    assert wad(size["target"]["recommended"]) >= 100_000 * WAD
    assert market["loss"]["chosen"]["upper"] > market["loss"]["chosen"]["estimate"] > 0
    assert market["stress_share"]["now"] == "0.1"
    assert wad("0.01") <= wad(market["stress_share"]["recommended"]) <= WAD
    assert wad("0.01") <= wad(size["daily_cap_share"]["recommended"]) <= WAD


def test_tables_show_what_is_and_what_should_be(busy, run_script):
    result = ask(run_script, busy)
    assert result.exit_code == 0, result.output
    for text in (
        "BTC-USD",
        "400 scenarios, seed 1",
        "0.999",
        "24-hour budget",
        "stress share of BTC-USD",
        "50 %",
    ):
        assert text in result.output, result.output


def test_what_is_wrong_is_said_in_a_sentence(busy, run_script):
    for arguments, sentence in (
        (("--volatility", "much"), "The volatility much is no number, and no MARKET=number."),
        (("--depth", "ETH-USD=1"), "There is no market ETH-USD: there are BTC-USD."),
        (("--correlation", "2"), "The correlation must be between 0 and 1, not 2.0."),
        (("--confidence", "0.999"), "the 99.9 % quantile: it takes at least 3688."),
    ):
        result = ask(run_script, busy, *arguments)
        assert result.exit_code == 1
        assert sentence in result.output.replace("\n", " "), result.output
