"""The keeper on Anvil: it resolves a small crash alone, survives being killed, and does no harm beside
another one.
"""

import copy
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils import keccak

from lastline import audit, deployments, views
from lastline.chain import Chain, Reverted
from lastline.errors import explain
from lastline.keeper import __main__ as program
from lastline.keeper import snapshot as snapshots
from lastline.keeper.config import KEY
from lastline.keeper.decisions import Action, Budget, by_take_over, liquidations
from lastline.keeper.executor import DONE, REFUSED, REVERTED, WOULD
from lastline.orders import Order, sequence_of, sign, to_line
from lastline.rehearsal import Rehearsal
from lastline.units import WAD, wad
from lastline.views import VAULT
from scripts._anvil import anvil
from scripts._ape import load_toml
from scripts._keeper import BLOCK_SECONDS, MAX_BLOCKS, KeptRun, keeper_config, make_keeper
from scripts._scenario import Entry

ROOT = Path(__file__).resolve().parents[2]
# Two quiet prices, then the fall that this file is about.
KEPT = ("12 00:00", "12 08:00", "13 02:15")


class Killed(BaseException):
    """What takes the keeper away between two transactions."""


def small_scenario():
    scenario = copy.deepcopy(load_toml(ROOT / "scenarios" / "btc_2020_03.toml"))
    scenario["prices"] = [p for p in scenario["prices"] if p["time"].strftime("%d %H:%M") in KEPT]
    scenario["prices"][-1]["price"] = "6900"
    population = scenario["population"]
    population["groups"] = [
        {**group, "count": min(group["count"], 3), "lots": [40, 60]}
        for group in population["groups"]
        if group["time"].strftime("%d %H:%M") in KEPT
    ]
    population["profit_takers"] = []
    scenario["deployment"]["fund"]["mock_capital"] = "500"
    scenario["deployment"]["fund"]["target_floor"] = "500"
    return scenario


@pytest.fixture(scope="module")
def shock(deploy):
    """The system at the moment of the shock: the feeds have fallen, nobody has done anything about it."""
    scenario = small_scenario()
    with anvil("--timestamp", str(int(scenario["prices"][0]["time"].timestamp()) - 3600)) as node:
        made, record = deploy(node, scenario["deployment"])
        config = replace(keeper_config(), collect_fees_from=wad("1"))
        run = KeptRun(Chain(node, record), scenario, made.sender, lambda line: None, config)
        run.check()
        run.fund()
        for point in scenario["prices"][:-1]:
            run.move_to(int(point["time"].timestamp()), point["price"])
            run.work()
            run.wave(int(point["time"].timestamp()), wad(point["price"]))
        last = scenario["prices"][-1]
        run.move_to(int(last["time"].timestamp()), last["price"])
        yield run


@pytest.fixture
def run(shock, tmp_path):
    """The moment of the shock, with a keeper that knows nothing yet; what a test does is undone after it."""
    saved = shock.rpc("evm_snapshot")
    shock.rpc("anvil_setBlockTimestampInterval", BLOCK_SECONDS)
    shock.config = replace(
        shock.config, state_file=tmp_path / "state.json", metrics_file=tmp_path / "metrics"
    )
    shock.bot = shock.new_keeper()
    shock.shocks.clear()
    yield shock
    shock.rpc("evm_revert", saved)
    shock.deployer.forget_nonce()
    for actor in shock.everybody:
        actor.sender.forget_nonce()


def end_state(run):
    """Everything anybody owns or is owed, and how it came: accounts, markets, claims, fund, tokens."""
    chain = run.chain
    accounts = [actor.account for actor in run.everybody]
    token_holders = [chain.deployment.address(name) for name in (VAULT, views.FUND)]
    return {
        "words": chain.call_many(VAULT, [("account_word", account) for account in accounts]),
        "states": chain.call_many(VAULT, [("account_state", account) for account in accounts]),
        "markets": chain.call_many(VAULT, [("market_words", market) for market in run.markets]),
        "claims": views.claims(chain),
        "fund": views.fund(chain),
        "tokens": chain.call_many("Collateral", [("balanceOf", holder) for holder in token_holders]),
        "time": run.web3.eth.get_block("latest")["timestamp"],
    }


def kill_after(bot, count):
    """Take the keeper away after so many transactions."""
    execute, sent = bot.executor.run, []

    def run(action, block):
        if len(sent) == count:
            raise Killed
        outcome = execute(action, block)
        sent.extend([1] if outcome.status == DONE else [])
        return outcome

    bot.executor.run = run


def test_a_crash_is_resolved_by_the_keeper_alone(run):
    assert run.unresolved() == []  # at the old mark nobody is unhealthy
    run.work()
    assert run.unresolved() == []
    assert run.require_resolved().blocks <= MAX_BLOCKS
    kinds = set(run.bot.metrics.actions)
    assert {"update_mark", "absorb", "take_over", "resolve", "buy_inventory", "collect_fees"} <= kinds
    assert run.bot.metrics.reverts == {}
    claims = views.claims(run.chain)
    assert sum(claim.reserve for claim in claims) > 0
    assert sum(claim.adl for claim in claims) > 0
    assert sum(claim.socialised for claim in claims) > 0
    assert audit.run(run.chain).failed == []


def test_only_the_keeper_has_sent_anything(run):
    first = run.web3.eth.block_number
    run.work()
    senders = {
        transaction["from"]
        for block in range(first + 1, run.web3.eth.block_number + 1)
        for transaction in run.web3.eth.get_block(block, True)["transactions"]
    }
    assert senders == {run.keeper.sender.address}


def test_what_was_expected_is_what_was_earned(run):
    outcomes = []
    while run.unresolved() or not outcomes:
        outcomes += run.bot.step().done
    taken = [outcome for outcome in outcomes if outcome.action.kind == "take_over"]
    assert taken
    for outcome in outcomes:
        # A wei or two: the kernel rounds the price, we the discount.
        assert abs(outcome.earned - outcome.action.reward) <= 10**6, outcome
    assert sum(run.bot.metrics.rewards.values()) == sum(outcome.earned for outcome in outcomes)


def test_a_take_over_is_priced_as_the_kernel_does(run):
    for market in run.markets:
        run.chain.send(run.relay.sender, VAULT, "update_mark", market)
    run.bot.index.update(run.chain, run.web3.eth.block_number, 32)
    seen = snapshots.read(run.chain, run.bot.index.accounts, run.config, run.keeper.sender.address)
    compared = 0
    engine = run.chain.contract("LiquidationEngine")
    for account in seen.unhealthy:
        for choice in by_take_over(seen, run.config, account, Budget(seen, run.config), 0):
            offer = choice.offer
            limit = 2**200 if offer.size > 0 else 0
            call = engine.functions.take_over(
                account.account, choice.market, abs(offer.size), seen.own.account, limit
            )
            size, price, _ = call.call({"from": run.keeper.sender.address})
            assert (size, price) == (-offer.size, offer.price)
            compared += 1
    assert compared > 0


def test_a_dry_run_tells_what_a_step_would_do_and_sends_nothing(run, caplog):
    block, nonce = run.web3.eth.block_number, run.web3.eth.get_transaction_count(run.keeper.sender.address)
    config = replace(run.config, is_dry_run=True, state_file=None)
    bot = make_keeper(run.chain, run.keeper.sender.key, config)
    with caplog.at_level(logging.INFO, "lastline.keeper"):
        logging.getLogger("lastline.keeper").propagate = True
        told = [bot.step() for _ in range(2)]
    assert "would do" in caplog.text
    assert run.web3.eth.block_number == block
    assert run.web3.eth.get_transaction_count(run.keeper.sender.address) == nonce
    done = run.bot.step()
    wanted = [(o.action.kind, o.action.subject) for o in done.done]
    assert {"update_mark", "absorb", "take_over", "resolve"} <= {kind for kind, _ in wanted}
    for report in told:  # a step begins from the chain again
        assert {outcome.status for outcome in report.done} == {WOULD}
        assert [(o.action.kind, o.action.subject) for o in report.done] == wanted
        assert report.left == done.left
        for mine, theirs in zip(report.done, done.done, strict=True):
            assert abs(mine.earned - theirs.earned) <= 10**6


def test_a_rehearsal_answers_as_the_chain_will(run, monkeypatch):
    monkeypatch.setattr("lastline.rehearsal.QUESTIONS", 10)
    sender, market = run.relay.sender, run.markets[0]
    rehearsal = Rehearsal(run.chain)
    old = run.chain.call(VAULT, "mark", market)
    assert rehearsal.call(VAULT, "mark", market) == old
    with pytest.raises(Reverted, match=r"^market: unknown$"):
        rehearsal.call(VAULT, "mark", 77)
    with pytest.raises(Reverted, match=r"^market: unknown$"):
        rehearsal.send(sender, VAULT, "update_mark", 77)
    assert rehearsal.attempt(sender.address, VAULT, "update_mark", market) != old
    assert rehearsal.call(VAULT, "mark", market) == old  # an attempt is not kept, nor what is refused
    told = rehearsal.send(sender, VAULT, "update_mark", market)
    mark, unknown = rehearsal.call_many(VAULT, [("mark", market), ("mark", 77)], is_strict=False)
    assert mark == rehearsal.call(VAULT, "mark", market) != old
    assert str(unknown) == "MarginVault.mark: market: unknown"
    with pytest.raises(Reverted, match=r"^MarginVault\.mark: market: unknown$"):
        rehearsal.call_many(VAULT, [("mark", 77)])
    states = [("account_state", actor.account) for actor in run.everybody]
    foretold = rehearsal.call_many(VAULT, states)
    assert len(states) > 20  # more than two requests
    rehearsal.begin()
    assert rehearsal.call(VAULT, "mark", market) == old == run.chain.call(VAULT, "mark", market)
    run.rpc("anvil_setBlockTimestampInterval", 1)  # the time a rehearsal judges at
    receipt = run.chain.send(sender, VAULT, "update_mark", market)
    assert run.chain.call(VAULT, "mark", market) == mark
    assert run.chain.call_many(VAULT, states) == foretold
    events = [run.chain.decode(VAULT, logs) for logs in (told["logs"], receipt["logs"])]
    assert [(e.name, e.values) for e in events[0]] == [(e.name, e.values) for e in events[1]]


def test_a_node_that_cannot_rehearse_is_told_apart(run, monkeypatch):
    rehearsal, answers = Rehearsal(run.chain), iter([(-32601, "no such method"), (-32000, "too much gas")])

    def refuse(method, parameters):
        code, message = next(answers)
        return {"error": {"code": code, "message": message}}

    with monkeypatch.context() as patch:
        patch.setattr(run.web3.provider, "make_request", refuse)
        with pytest.raises(Reverted, match="does not know eth_simulateV1, which a dry run needs"):
            rehearsal.call(VAULT, "market_count")
        with pytest.raises(Reverted, match="does not rehearse: too much gas"):
            rehearsal.call(VAULT, "market_count")


@pytest.mark.parametrize("has_state_file", [True, False])
def test_a_keeper_killed_half_way_ends_where_it_would_have(run, has_state_file):
    saved = run.rpc("evm_snapshot")
    run.work()
    total = sum(run.bot.metrics.actions.values())
    wanted = end_state(run)
    for count in (1, total // 2, total - 2):
        run.rpc("evm_revert", saved)
        saved = run.rpc("evm_snapshot")
        run.rpc("anvil_setBlockTimestampInterval", BLOCK_SECONDS)
        run.config.state_file.unlink(missing_ok=True)
        run.bot = run.new_keeper()
        if has_state_file:
            run.bot.index.update(run.chain, run.web3.eth.block_number, run.config.reorg_depth)
            run.bot.save()
        kill_after(run.bot, count)
        with pytest.raises(Killed):
            run.bot.step()
        assert run.config.state_file.is_file() == has_state_file
        run.bot = run.new_keeper()
        run.work()
        assert run.unresolved() == []
        assert end_state(run) == wanted
    assert audit.run(run.chain).failed == []


def test_a_keeper_from_its_file_knows_what_one_from_events_knows(run):
    run.work()
    from_file = run.new_keeper().index
    assert from_file.block == run.bot.index.block
    run.config.state_file.unlink()
    from_events = run.new_keeper().index
    from_events.update(run.chain, run.web3.eth.block_number, run.config.reorg_depth)
    from_file.update(run.chain, run.web3.eth.block_number, run.config.reorg_depth)
    # The file may lack whom the keeper has pruned: who had nothing to liquidate.
    lacking = set(from_events.accounts) - set(from_file.accounts)
    assert set(from_file.accounts) <= set(from_events.accounts)
    assert [account for account in lacking if run.chain.call(VAULT, "account_state", account)[4]] == []
    assert len(from_file.accounts) > 0


def test_an_account_whose_opening_was_taken_back_and_brought_again_is_known(run):
    """A reorganisation: the chain goes back behind the keeper's last block, and other blocks follow."""
    run.work()
    bot, saved = run.bot, run.rpc("evm_snapshot")
    for _ in range(3):
        run.rpc("evm_mine")
    bot.step()
    run.rpc("evm_revert", saved)
    run.deployer.forget_nonce()
    run.maker.sender.forget_nonce()
    bot.sender.forget_nonce()
    # the crash has left a mode in which nobody may open anything
    run.chain.send(run.deployer, VAULT, "set_risk_mode", 0, WAD)
    trader = run._actor("late trader")
    run.deposit(trader, wad("5000"))
    run.match(0, [Entry(trader, True, 2), Entry(run.maker, False, 2)])
    assert trader.account not in bot.index.accounts
    assert run.web3.eth.block_number <= bot.index.block + 5
    bot.step()
    assert trader.account in bot.index.accounts


def test_two_keepers_race_and_do_no_harm(run, tmp_path):
    """Both act on the same blocks, mined once a second: what one has done, the other loses and forgets."""
    other_key = Account.from_key(keccak(text="lastline integration: other keeper"))
    run.rpc("anvil_setBalance", other_key.address, hex(10**20))
    other_config = replace(run.config, state_file=tmp_path / "other.json", metrics_file=None)
    bots = [run.bot, make_keeper(run.chain, other_key, other_config)]
    for bot in bots:
        # As fast as a keeper can be: no estimate between simulation and sending.
        assert bot.sender.gas is not None
    run.rpc("evm_setAutomine", False)
    run.rpc("evm_setIntervalMining", 1)
    errors = []

    def work(bot):
        try:
            for _ in range(6):
                report = bot.step()
                if not report.outcomes:
                    break
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(bot,)) for bot in bots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.rpc("evm_setIntervalMining", 0)
    run.rpc("evm_setAutomine", True)
    assert errors == []
    run.work()
    assert run.unresolved() == []
    assert audit.run(run.chain).failed == []
    events = run.chain.events([VAULT])
    absorbed = [event.account for event in events if event.name == "AccountAbsorbed"]
    assert len(absorbed) == len(set(absorbed))
    # Something was lost by one to the other, counted by its reason, and not sent again and again.
    lost = [{**bot.metrics.reverts, **bot.metrics.refusals} for bot in bots]
    assert any(lost)
    assert not any("0x" in reason for reasons in lost for reason in reasons)
    done = sum(sum(bot.metrics.actions.values()) for bot in bots)
    assert sum(sum(bot.metrics.reverts.values()) for bot in bots) <= done


def test_a_raced_action_is_refused_by_its_simulation(run):
    """Two keepers with the same view of the chain: the second one finds nothing left and sends nothing."""
    for market in run.markets:
        run.chain.send(run.relay.sender, VAULT, "update_mark", market)
    bot = run.bot
    bot.index.update(run.chain, run.web3.eth.block_number, 32)
    seen = snapshots.read(run.chain, bot.index.accounts, run.config, run.keeper.sender.address)
    actions = liquidations(seen, run.config)
    assert actions
    first = [bot.executor.run(action, seen.block).status for action in actions]
    assert DONE in first
    key = Account.from_key(keccak(text="lastline integration: slow keeper"))
    slow = make_keeper(run.chain, key, replace(run.config, state_file=None, metrics_file=None))
    absorptions = [action for action in actions if action.kind == "absorb"]
    again = [slow.executor.run(action, seen.block) for action in absorptions]
    assert {outcome.status for outcome in again} == {REFUSED}
    assert run.web3.eth.get_transaction_count(key.address) == 0
    assert slow.metrics.reverts == {}


def test_what_is_refused_is_told_with_what_it_means(run, caplog):
    bot = run.bot
    account = run.maker.account
    action = Action("absorb", "LiquidationEngine", "absorb", (account, bot.account), "the maker", "a test")
    with caplog.at_level(logging.DEBUG, "lastline.keeper"):
        assert bot.executor.run(action, run.web3.eth.block_number).status == REFUSED
    assert explain("margin: account healthy") in caplog.text


def test_a_revert_on_chain_is_counted_and_not_tried_again_for_a_while(run, monkeypatch):
    bot = run.bot
    for market in run.markets:
        run.chain.send(run.relay.sender, VAULT, "update_mark", market)
    bot.index.update(run.chain, run.web3.eth.block_number, 32)
    seen = snapshots.read(run.chain, bot.index.accounts, run.config, run.keeper.sender.address)
    healthy = run.maker.account
    action = Action("absorb", "LiquidationEngine", "absorb", (healthy, bot.account), "the maker", "a race")
    assert bot.executor.run(action, seen.block).status == REFUSED
    monkeypatch.setattr(bot.executor, "simulate", lambda action: None)
    outcome = bot.executor.run(action, seen.block)
    assert (outcome.status, outcome.reason) == (REVERTED, "margin: account healthy")
    nonce = run.web3.eth.get_transaction_count(run.keeper.sender.address)
    assert bot.executor.run(action, seen.block + run.config.cooldown_blocks).status == "cooling down"
    assert run.web3.eth.get_transaction_count(run.keeper.sender.address) == nonce
    assert bot.executor.run(action, seen.block + run.config.cooldown_blocks + 1).status == REVERTED
    assert bot.metrics.reverts == {"absorb|margin: account healthy": 2}


def test_a_connection_lost_while_sending_leaves_no_gap_of_nonces(run, monkeypatch):
    sender = run.keeper.sender

    def lost(transaction):
        raise ConnectionError("lost")

    with monkeypatch.context() as cut:
        cut.setattr(sender.web3.eth, "send_raw_transaction", lost)
        with pytest.raises(ConnectionError):
            run.chain.send(sender, VAULT, "update_mark", 0)
    assert run.chain.send(sender, VAULT, "update_mark", 0)["status"] == 1


# --- without Silverback -------------------------------------------------------------------------------------


def environment(run, tmp_path, **more):
    url = run.web3.provider.endpoint_uri
    record = deployments.save(run.chain.deployment, tmp_path / "deployments")
    return {
        "LASTLINE_KEEPER_RECORD": str(record),
        "LASTLINE_KEEPER_NODE": url,
        "LASTLINE_KEEPER_STATE_FILE": str(tmp_path / "state.json"),
        "LASTLINE_KEEPER_IS_PUBLIC_GOOD": "true",
        "LASTLINE_KEEPER_MIN_PROFIT": "0",
        KEY: run.keeper.sender.key.key.to_0x_hex(),
        **more,
    }


def test_program_does_one_step(run, tmp_path):
    before = run.web3.eth.block_number
    done = subprocess.run(
        [sys.executable, "-m", "lastline.keeper", "--once", "--config", str(ROOT / "bots" / "keeper.toml")],
        env={**os.environ, **environment(run, tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "update_mark market 0: mark " in done.stdout
    assert "absorb " in done.stdout
    assert run.web3.eth.block_number > before
    assert json.loads((tmp_path / "state.json").read_text())["metrics"]["steps"] == 1
    assert environment(run, tmp_path)[KEY][2:] not in done.stdout + done.stderr


def test_program_loops_until_a_signal(run, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "lastline.keeper", "--loop"],
        env={**os.environ, **environment(run, tmp_path)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "update_mark market 1" in line:
            process.terminate()
            break
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, "".join(seen) + rest
    assert json.loads((tmp_path / "state.json").read_text())["metrics"]["actions"]["update_mark"] >= 2


def test_program_killed_half_way_is_finished_by_another_process(run, tmp_path):
    """SIGKILL: nothing is said or saved any more. The next one has the state file, if there is one yet."""
    given = environment(run, tmp_path, LASTLINE_KEEPER_BUYS_AT_MARK="true", LASTLINE_KEEPER_ETH_PRICE="150")
    command = [sys.executable, "-m", "lastline.keeper", "--loop"]
    run.rpc("evm_setIntervalMining", 1)
    try:
        for word in ("absorb ", ""):  # the second one is killed as soon as it has said anything
            process = subprocess.Popen(
                command, env={**os.environ, **given}, cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            too_late = threading.Timer(60, process.kill)
            too_late.start()
            assert any(word in line for line in process.stdout), f"it ended without {word!r}"
            too_late.cancel()
            process.kill()
            assert process.wait(30) == -signal.SIGKILL
        assert run.unresolved() != []
        process = subprocess.Popen(command, env={**os.environ, **given}, cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 90
        while run.unresolved() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.5)
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        run.rpc("evm_setIntervalMining", 0)
        run.rpc("evm_setAutomine", True)
    assert run.unresolved() == []
    assert audit.run(run.chain).failed == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({KEY: ""}, "There is no key"),
        ({KEY: "0x12"}, "not a private key"),
        ({"LASTLINE_KEEPER_RECORD": "/nowhere.json"}, "There is no deployment record"),
        ({"LASTLINE_KEEPER_NODE": "http://127.0.0.1:9"}, "The node does not answer"),
        ({"LASTLINE_KEEPER_MAX_COHORTS": "0"}, "max_cohorts must be"),
    ],
)
def test_program_says_what_is_wrong(run, tmp_path, monkeypatch, capsys, changes, words):
    for name, worth in environment(run, tmp_path, **changes).items():
        monkeypatch.setenv(name, worth)
    assert program.main(["--once"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert words in error


def test_program_dry_run_needs_no_key_but_an_account(run, tmp_path, monkeypatch):
    changes = {KEY: "", "LASTLINE_KEEPER_ACCOUNT": hex(run.keeper.account)}
    for name, worth in environment(run, tmp_path, **changes).items():
        monkeypatch.setenv(name, worth)
    before = run.web3.eth.block_number
    assert program.main(["--once", "--dry-run"]) == 0
    assert run.web3.eth.block_number == before


def test_silverback_bot_works_block_by_block(run, tmp_path):
    run.rpc("evm_setIntervalMining", 1)
    network = f"ethereum:local:{run.web3.provider.endpoint_uri}"
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            ["silverback", "run", "keeper", "--network", network],
            env={**os.environ, **environment(run, tmp_path)},
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 90
        while "resolve market 1" not in log.read_text() and time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        run.rpc("evm_setIntervalMining", 0)
        run.rpc("evm_setAutomine", True)
    metrics = json.loads((tmp_path / "state.json").read_text())["metrics"]
    assert {"update_mark", "absorb", "resolve"} <= set(metrics["actions"])
    assert metrics["steps"] > 0
    assert "claims" not in " ".join(run.unresolved())


def test_an_account_is_closed_against_the_orders_of_a_file(run, tmp_path):
    """A keeper without margin of its own: one good order, and one whose maker has nothing."""
    for market in run.markets:
        run.chain.send(run.relay.sender, VAULT, "update_mark", market)
    run.bot.index.update(run.chain, run.web3.eth.block_number, 32)
    path = tmp_path / "orders.jsonl"
    config = replace(run.config, orders=path, margin_share=0, min_profit=0)

    def look():
        return snapshots.read(run.chain, run.bot.index.accounts, config, run.keeper.sender.address)

    seen = look()
    assert seen.orders == ()
    victim = next(a for a in seen.unhealthy if a.equity > 0)
    (position,) = victim.positions
    poor = run._actor("poor maker")
    exchange, chain_id = run.chain.deployment.address("Exchange"), run.web3.eth.chain_id

    def order(maker):
        values = {
            "market": position.market,
            "size": position.size,
            "limit_price": seen.markets[position.market].mark,
        }
        order = Order(
            account=maker.account, expiry=seen.timestamp + 3600, lane=99, sequence=sequence_of(1), **values
        )
        return to_line(sign(order, maker.sender.key, exchange, chain_id))

    path.write_text(order(run.maker) + "\n")
    (action,) = [
        a for a in liquidations(look(), config) if a.kind == "order_close" and victim.account in a.arguments
    ]
    bot = make_keeper(run.chain, run.keeper.sender.key, config)
    path.write_text(order(poor) + "\n")
    (bad,) = [
        a for a in liquidations(look(), config) if a.kind == "order_close" and victim.account in a.arguments
    ]
    assert bot.executor.run(replace(bad, alternative=None), seen.block).status == REFUSED
    outcome = bot.executor.run(action, seen.block)
    assert outcome.status == DONE
    assert outcome.earned > 0
    assert abs(outcome.earned - action.reward) <= 10**6
    assert victim.account not in {account.account for account in look().unhealthy}
    assert audit.run(run.chain).failed == []
