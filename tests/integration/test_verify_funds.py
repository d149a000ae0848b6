"""ape run verify_funds: finds one token unit, says which, and is quiet when everything adds up."""

import json

import pytest
from eth_abi import encode
from eth_utils import keccak

from lastline import audit, history
from lastline import chain as chains
from lastline.chain import Reverted
from lastline.deployments import DeploymentError
from lastline.history import History, resume
from lastline.views import FUND, VAULT
from scripts.verify_funds import cli


@pytest.fixture
def busy(system, unchanged):
    system.fund("maker", "10000")
    system.fund("taker", "10000")
    system.trade("taker", "0.5", system.signed("maker", "-0.5"))
    system.set_price("7600")
    return system


def verify(run_script, system, *more):
    return run_script(cli, "--network", system.url, "--folder", str(system.folder), *more)


def test_everything_adds_up(busy, run_script):
    result = verify(run_script, busy)
    assert result.exit_code == 0, result.output
    assert "everything adds up" in result.output


def test_json_has_every_check(busy, run_script):
    result = verify(run_script, busy, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.output[result.output.index("{") :])
    assert report["holds"]
    assert {"I1", "I1-tokens", "I2-0", "I3", "I6", "I7", "L-accounts", "L-cohorts"} <= {
        check["id"] for check in report["checks"]
    }


def take_one_unit(system, holder):
    """Out of a contract's tokens, by no function of it."""
    token = system.chain.contract("Collateral")
    system.rpc("anvil_impersonateAccount", holder)
    system.rpc("anvil_setBalance", holder, hex(10**18))
    data = token.encode_abi("transfer", args=[system.deployer.address, 1])
    sent = system.rpc("eth_sendTransaction", {"from": holder, "to": token.address, "data": data})
    assert system.node.eth.wait_for_transaction_receipt(sent)["status"] == 1
    system.rpc("anvil_stopImpersonatingAccount", holder)


def test_one_unit_transferred_out_is_found(busy, run_script):
    take_one_unit(busy, busy.chain.deployment.address(VAULT))
    result = verify(run_script, busy)
    assert result.exit_code == 1
    assert "I1-out" in result.output
    assert "difference 0.000001 token" in result.output.replace("\n", " ")


def test_one_unit_taken_from_storage_is_found(busy, run_script):
    vault = busy.chain.deployment.address(VAULT)
    token = busy.chain.contract("Collateral")
    held = token.functions.balanceOf(vault).call()
    slots = (keccak(encode(["uint256", "address"], [n, vault])) for n in range(20))
    slot = next(
        slot for slot in slots if int.from_bytes(busy.node.eth.get_storage_at(token.address, slot)) == held
    )
    busy.rpc("anvil_setStorageAt", token.address, "0x" + slot.hex(), "0x" + (held - 1).to_bytes(32).hex())
    result = verify(run_script, busy)
    assert result.exit_code == 1
    assert "I1-tokens" in result.output
    assert "difference -0.000001 token" in result.output.replace("\n", " ")


def test_donation_is_no_fault(busy, run_script):
    busy.chain.send(busy.deployer, "Collateral", "mint", busy.chain.deployment.address(VAULT), 1)
    assert verify(run_script, busy).exit_code == 0


def change_storage(system, view, *arguments):
    """Make a view of the fund answer otherwise, by one of the words it reads."""
    fund = system.chain.contract(FUND)
    asked = {"to": fund.address, "data": fund.encode_abi(view, args=list(arguments))}
    before = system.chain.call(FUND, view, *arguments)
    read = system.rpc("eth_createAccessList", asked, "latest")["accessList"]
    slots = [
        s for entry in read if entry["address"].lower() == fund.address.lower() for s in entry["storageKeys"]
    ]
    for slot in slots:
        word = int.from_bytes(system.node.eth.get_storage_at(fund.address, int(slot, 16)))
        system.rpc("anvil_setStorageAt", fund.address, slot, f"0x{word ^ 1:064x}")
        (now,) = system.chain.call_many(FUND, [(view, *arguments)], "latest", False)
        if not isinstance(now, Reverted) and now != before:
            return
        system.rpc("anvil_setStorageAt", fund.address, slot, f"0x{word:064x}")
    raise AssertionError(f"{view} reads no word that matters")


@pytest.fixture
def with_history(busy):
    """The fund has a checkpoint, and a part of its reserve lies cold."""
    send, deployer = busy.chain.send, busy.deployer
    send(deployer, FUND, "set_target_floor", 0)
    send(deployer, FUND, "set_custody", busy.chain.deployment.address("Exchange"), 60_000 * 10**6)
    send(deployer, FUND, "sweep")
    send(deployer, FUND, "update_mode")
    assert audit.run(busy.chain).holds
    return busy


@pytest.mark.parametrize(
    ("view", "arguments", "check"),
    [
        ("cold_reserve", (), "I7-cold"),
        ("checkpoint", (0,), "I7-history"),
        ("checkpoint_count", (), "I7-history"),
        ("paid_in_market", (0,), "I7-markets"),
        ("repaid_in_market", (0,), "I7-markets"),
        ("community_paid_in_market", (32,), "I7-markets"),
        ("community_repaid_in_market", (32,), "I7-markets"),
        ("total_in", (8,), "I7-sources"),
        ("reserve", (), "I7"),
    ],
)
def test_a_word_of_the_fund_that_no_event_explains_is_found(with_history, view, arguments, check):
    change_storage(with_history, view, *arguments)
    assert check in [failed.id for failed in audit.run(with_history.chain).failed]


def test_a_cold_safe_that_has_lost_its_tokens_is_found(with_history):
    take_one_unit(with_history, with_history.chain.deployment.address("Exchange"))
    assert [failed.id for failed in audit.run(with_history.chain).failed] == ["I7-safe"]


# --- stopped, and gone on -----------------------------------------------------------------------------------


class Killed(Exception):
    pass


@pytest.fixture
def small_steps(monkeypatch):
    """As if the chain were long: a few blocks at a time, none of the last two saved."""
    monkeypatch.setattr(chains, "LOG_SPAN", 7)
    monkeypatch.setattr(history, "REORG_DEPTH", 2)


def read_half(chain, state, every=10):
    """A run that is killed in the middle of the chain; the block it had saved."""

    def tell(done, total):
        if 2 * done > total:
            raise Killed

    with pytest.raises(Killed):
        History.start(chain).advance(chain, chain.web3.eth.block_number, tell, state, every)
    return json.loads(state.read_text())["block"]


def shown(report):
    return [report.block, report.checks, report.ledger]


def test_a_run_killed_half_way_goes_on_to_the_same_report(busy, small_steps, tmp_path):
    state, head = tmp_path / "state.json", busy.node.eth.block_number
    saved = read_half(busy.chain, state)
    assert busy.chain.deployment.first_block < saved < head
    past, told = resume(busy.chain, state, head)
    assert (past.block, told) == (saved, f"Going on after block {saved}, where {state} was saved.")
    asked = []
    spans = busy.chain.spans

    def watched(queries, first, last):
        asked.append(first)
        return spans(queries, first, last)

    busy.chain.spans = watched
    past.advance(busy.chain, head, state=state)
    del busy.chain.spans
    assert min(asked) == saved + 1
    wanted = audit.run(busy.chain, head)
    assert wanted.holds
    assert shown(audit.run(busy.chain, head, past)) == shown(wanted)
    assert json.loads(state.read_text())["block"] == head - 2


def test_the_script_says_where_it_goes_on(busy, small_steps, run_script, tmp_path):
    state = tmp_path / "state.json"
    first = verify(run_script, busy, "--state", str(state))
    assert first.exit_code == 0, first.output
    assert f"There is no {state} yet: reading from block 1 on." in first.output
    busy.trade("taker", "0.1", busy.signed("maker", "-0.1"))
    again = verify(run_script, busy, "--state", str(state), "--json")
    assert again.exit_code == 0, again.output
    assert f"where {state} was saved." in again.output
    assert json.loads(again.output[again.output.index("{") :])["holds"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace('"block": ', '"block": 1'), "is damaged"),
        (lambda text: text[: len(text) // 2], "is damaged"),
        (lambda text: changed(text, version="older"), "was saved by another version"),
        (lambda text: changed(text, chain_id=1), "was saved for another deployment"),
        (lambda text: changed(text, hash="0x00"), "was saved on another chain or before a reorganisation"),
        (lambda text: changed(text, block=10**6), "later than is asked for"),
        (lambda text: changed(text, history=[1, 2]), "is damaged"),
    ],
)
def test_a_state_that_cannot_be_used_is_told_and_left(busy, small_steps, run_script, tmp_path, change, told):
    """What is read anew is right."""
    state = tmp_path / "state.json"
    read_half(busy.chain, state)
    state.write_text(change(state.read_text()))
    result = verify(run_script, busy, "--state", str(state))
    assert result.exit_code == 0, result.output
    assert told in result.output
    assert "reading from block 1 on." in result.output
    assert "everything adds up" in result.output


def changed(text, **fields):
    """A state file with other content and the digest that belongs to it."""
    data = {**json.loads(text), **fields}
    del data["digest"]
    return json.dumps({**data, "digest": history._digest(data)})


def test_a_file_of_something_else_is_left_alone(busy, run_script, tmp_path):
    for content in (b"my thesis", b"\xff\xfe", b"{}"):
        path = tmp_path / "precious"
        path.write_bytes(content)
        with pytest.raises(DeploymentError, match="state file"):
            resume(busy.chain, path, busy.node.eth.block_number)
        assert verify(run_script, busy, "--state", str(path)).exit_code == 1
        assert path.read_bytes() == content


def test_after_a_reorganisation_everything_is_read_again(system, small_steps, unchanged, tmp_path):
    """The same blocks, other fills: what was saved of them is gone."""
    state = tmp_path / "state.json"
    system.fund("maker", "10000")
    system.fund("taker", "10000")
    snapshot = system.rpc("evm_snapshot")
    for _ in range(4):
        system.trade("taker", "0.5", system.signed("maker", "-0.5"))
    History.start(system.chain).advance(system.chain, system.node.eth.block_number, state=state)
    system.rpc("evm_revert", snapshot)
    for actor in system.actors.values():
        actor.forget_nonce()
    for _ in range(4):
        system.trade("taker", "0.25", system.signed("maker", "-0.25"))
    head = system.node.eth.block_number
    past, told = resume(system.chain, state, head)
    assert "before a reorganisation" in told
    report = audit.run(system.chain, head, past)
    assert report.holds
    assert report.ledger.positions == audit.run(system.chain, head).ledger.positions


def test_a_reorganisation_while_reading_is_noticed(busy, small_steps, tmp_path):
    hashes = iter(["0xaa", "0xbb"])
    busy.chain.block_hash = lambda block: next(hashes)
    try:
        with pytest.raises(DeploymentError, match="reorganised while it was read: run this again"):
            History.start(busy.chain).advance(
                busy.chain, busy.node.eth.block_number, state=tmp_path / "state.json"
            )
    finally:
        del busy.chain.block_hash


# --- who governs --------------------------------------------------------------------------------------------


def failed(chain):
    return {check.id: check.what for check in audit.run(chain).failed}


def test_a_delay_or_a_proposer_that_is_not_recorded_is_found(busy, monkeypatch):
    recorded = busy.chain.deployment.parameters["governance"]
    stranger = busy.actor("stranger").address
    monkeypatch.setitem(recorded, "timelock_delay_seconds", 172_799)
    monkeypatch.setitem(recorded, "proposers", [stranger])
    found = failed(busy.chain)
    assert set(found) == {"G-delay", "G-proposers"}
    assert f"but also {busy.deployer.address}, but not {stranger}" in found["G-proposers"]


def test_an_owner_that_is_not_recorded_is_found(busy, monkeypatch):
    monkeypatch.setitem(busy.chain.deployment.parameters["governance"], "keep_deployer", False)
    found = failed(busy.chain)
    assert set(found) == {"G-owners"}
    assert "not MarginVault, PriceOracle, Exchange, LossAllocator, InsuranceFund" in found["G-owners"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"proposers": ["nobody"]}, "names 'nobody', which is no address"),
        (
            {"safe_owners": ["deployer"], "proposers": ["deployer", "anyone"]},
            "several proposers: it needs `safe`",
        ),
        ({"safe_owners": ["deployer"], "safe_threshold": 2}, "a safe_threshold of 2, of 1 owners"),
        ({"executors": None}, "is not complete"),
    ],
)
def test_a_record_that_cannot_be_is_told(busy, monkeypatch, change, sentence):
    for name, worth in change.items():
        monkeypatch.setitem(busy.chain.deployment.parameters["governance"], name, worth)
    with pytest.raises(DeploymentError, match=sentence):
        audit.run(busy.chain)
