"""ape run account: accounts found from events, the predicted border proven on the chain, clear errors."""

import json
from decimal import Decimal

import pytest

from lastline.accounts import account_id
from lastline.chain import Reverted
from lastline.units import to_units, wad
from lastline.views import VAULT
from scripts.account import cli


@pytest.fixture
def busy(system, unchanged):
    system.fund("maker", "10000")
    system.fund("taker", "450")
    system.trade("taker", "0.5", system.signed("maker", "-0.5"))
    return system


def ask(run_script, system, who, *more):
    return run_script(cli, who, "--network", system.url, "--folder", str(system.folder), *more)


def data_of(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.output[result.output.index("[") :])


def test_figures_are_the_vaults(busy, run_script):
    (shown,) = data_of(ask(run_script, busy, busy.actor("taker").address, "--json"))
    state = busy.chain.call(VAULT, "account_state", busy.account("taker"))
    assert wad(shown["equity"]) == state[3]
    assert wad(shown["maintenance"]) == state[4]
    (position,) = shown["positions"]
    assert (position["market_name"], position["size"], position["entry"]) == ("BTC-USD", "0.5", "7935")
    moves = ["-0.2", "-0.1", "-0.05", "-0.01", "0.01", "0.05", "0.1", "0.2"]
    assert [s["move"] for s in shown["scenarios"]] == moves
    assert {s["outcome"] for s in shown["scenarios"]} == {"healthy", "liquidated", "absorbed"}


def test_take_over_is_refused_just_above_the_liquidation_price_and_accepted_below(busy, run_script):
    """The feed has eight decimals: the next price on either side."""
    taker = busy.actor("taker").address
    (shown,) = data_of(ask(run_script, busy, taker, "--json"))
    price = Decimal(shown["positions"][0]["liquidation_price"])
    step = Decimal("0.00000001")
    below = price.quantize(step, "ROUND_FLOOR")
    arguments = (busy.account("taker"), 0, 2**111, busy.account("maker"), 2**200)
    busy.set_price(str(below + step))
    with pytest.raises(Reverted, match="margin: account healthy"):
        busy.chain.send(busy.actor("maker"), "LiquidationEngine", "take_over", *arguments)
    busy.set_price(str(below))
    (now,) = data_of(ask(run_script, busy, taker, "--json"))
    assert Decimal(now["health"]) < 1
    busy.chain.send(busy.actor("maker"), "LiquidationEngine", "take_over", *arguments)


def test_all_accounts_of_an_owner_are_found(busy, run_script):
    taker = busy.actor("taker")
    second = account_id(taker.address, 7)
    tokens = to_units("25", 6)
    busy.chain.send(busy.deployer, "Collateral", "mint", taker.address, tokens)
    busy.chain.send(taker, "Collateral", "approve", busy.chain.deployment.address(VAULT), tokens)
    busy.chain.send(taker, VAULT, "deposit", second, tokens)
    shown = data_of(ask(run_script, busy, taker.address, "--json"))
    assert [(s["owner"], s["sub_account"]) for s in shown] == [(taker.address, 0), (taker.address, 7)]
    for who in ((taker.address, "--sub", "7"), (str(second),)):
        (alone,) = data_of(ask(run_script, busy, *who, "--json"))
        assert (alone["account"], alone["equity"], alone["positions"]) == (str(second), "25", [])


def test_tables_show_lights_and_who_pays(busy, run_script):
    busy.set_price("7700")
    maker = ask(run_script, busy, busy.actor("maker").address)
    assert maker.exit_code == 0, maker.output
    for text in ("●●●●●", "0 of 0.5", "BTC-USD", "20x", "healthy"):
        assert text in maker.output, maker.output
    taker = ask(run_script, busy, busy.actor("taker").address, "--market", "btc-usd")
    assert taker.exit_code == 0, taker.output
    for text in ("○○○○○", "not in the queue", "absorbed", "fund"):
        assert text in taker.output, taker.output


def test_what_is_wrong_is_said_in_a_sentence(busy, run_script):
    stranger = busy.actor("stranger").address
    taker = busy.actor("taker").address
    for arguments, sentence in (
        ((stranger,), f"{stranger} has no account in this vault."),
        ((taker, "--sub", "9"), "/9 is empty: no money, no position, no open claim."),
        (("nobody",), "nobody is neither an owner's address nor an account id."),
        ((taker, "--market", "ETH-USD"), "There is no market ETH-USD: there are BTC-USD."),
    ):
        result = ask(run_script, busy, *arguments)
        assert result.exit_code == 1
        assert sentence in result.output.replace("\n", " "), result.output


def test_the_lens_reads_the_recorded_vault(system):
    assert system.chain.call("VaultLens", "vault") == system.chain.deployment.address(VAULT)
