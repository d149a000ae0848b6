"""The mocks must misbehave exactly as they say, or the tests built on them prove nothing."""

import boa
import pytest
from boa.util.abi import abi_decode
from eth_account.messages import encode_typed_data
from eth_utils import keccak

from tests.support import START_TIME, actor, deploy, signer

TOKENS = [
    "MockERC20",
    "MockTokenNoReturn",
    "MockTokenFalseReturn",
    "MockTokenFeeOnTransfer",
    "MockTokenBlocklist",
    "MockTokenHook",
]


@pytest.fixture(scope="module")
def holder():
    return actor("holder")


@pytest.fixture(scope="module")
def receiver():
    return actor("receiver")


@pytest.fixture(scope="module")
def spender():
    return actor("spender")


@pytest.fixture(scope="module")
def deploy_token(holder, spender):
    """Deploy a mock with 1,000 units for the holder, all of them approved to the spender."""

    def _deploy_token(name, decimals=18):
        token = deploy(f"mocks/{name}.vy", decimals)
        token.mint(holder, 1_000)
        token.approve(spender, 1_000, sender=holder)
        return token

    return _deploy_token


def balances(token, *accounts):
    return [token.balanceOf(account) for account in accounts]


@pytest.mark.parametrize("decimals", [6, 8, 18])
@pytest.mark.parametrize("name", TOKENS)
def test_decimals_are_as_constructed(deploy_token, name, decimals):
    assert deploy_token(name, decimals).decimals() == decimals


def test_plain_transfer_moves_amount(deploy_token, holder, receiver):
    token = deploy_token("MockERC20")
    assert token.transfer(receiver, 400, sender=holder) is True
    assert balances(token, holder, receiver) == [600, 400]


def test_plain_transfer_from_beyond_allowance_reverts(deploy_token, holder, receiver, spender):
    token = deploy_token("MockERC20")
    with boa.reverts("erc20: insufficient allowance"):
        token.transferFrom(holder, receiver, 1_001, sender=spender)
    assert balances(token, holder, receiver) == [1_000, 0]


@pytest.mark.parametrize("name", ["MockERC20", "MockTokenBlocklist"])
def test_permit_sets_allowance(deploy_token, holder, receiver, name):
    token = deploy_token(name)
    _, domain_name, version, chain_id, contract, _, _ = token.eip712Domain()
    message = encode_typed_data(
        domain_data={
            "name": domain_name,
            "version": version,
            "chainId": chain_id,
            "verifyingContract": contract,
        },
        message_types={
            "Permit": [
                {"name": "owner", "type": "address"},
                {"name": "spender", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"},
            ]
        },
        message_data={
            "owner": holder,
            "spender": receiver,
            "value": 77,
            "nonce": token.nonces(holder),
            "deadline": START_TIME,
        },
    )
    signed = signer("holder").sign_message(message)
    r, s = signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
    token.permit(holder, receiver, 77, START_TIME, signed.v, r, s)
    assert token.allowance(holder, receiver) == 77


def test_no_return_token_returns_no_data(deploy_token, holder, receiver, spender):
    token = deploy_token("MockTokenNoReturn")
    assert token.transfer(receiver, 400, sender=holder) is None
    assert token.transferFrom(holder, receiver, 100, sender=spender) is None
    assert balances(token, holder, receiver) == [500, 500]


def test_false_return_token_moves_nothing(deploy_token, holder, receiver, spender):
    token = deploy_token("MockTokenFalseReturn")
    assert token.transfer(receiver, 400, sender=holder) is False
    assert token.transferFrom(holder, receiver, 400, sender=spender) is False
    assert balances(token, holder, receiver) == [1_000, 0]


def test_false_return_token_moves_when_not_failing(deploy_token, holder, receiver, spender):
    token = deploy_token("MockTokenFalseReturn")
    token.set_failing(False)
    assert token.transfer(receiver, 400, sender=holder) is True
    assert token.transferFrom(holder, receiver, 100, sender=spender) is True
    assert balances(token, holder, receiver) == [500, 500]


def test_fee_token_delivers_one_percent_less(deploy_token, holder, receiver, spender):
    token = deploy_token("MockTokenFeeOnTransfer")
    token.transfer(receiver, 400, sender=holder)
    token.transferFrom(holder, receiver, 100, sender=spender)
    assert balances(token, holder, receiver) == [500, 495]
    assert token.totalSupply() == 995


@pytest.mark.parametrize(("blocked", "what"), [("holder", "sender"), ("receiver", "receiver")])
def test_blocklist_token_stops_both_ways(deploy_token, holder, receiver, spender, blocked, what):
    token = deploy_token("MockTokenBlocklist")
    token.set_blocked(actor(blocked), True)
    messages = {"sender": "mock_token: sender blocked", "receiver": "mock_token: receiver blocked"}
    with boa.reverts(messages[what]):
        token.transfer(receiver, 1, sender=holder)
    with boa.reverts(messages[what]):
        token.transferFrom(holder, receiver, 1, sender=spender)
    token.set_blocked(actor(blocked), False)
    token.transfer(receiver, 1, sender=holder)
    assert balances(token, holder, receiver) == [999, 1]


def test_blocklist_token_pause_stops_everyone(deploy_token, holder, receiver, spender):
    token = deploy_token("MockTokenBlocklist")
    token.set_paused(True)
    with boa.reverts("mock_token: paused"):
        token.transfer(receiver, 1, sender=holder)
    with boa.reverts("mock_token: paused"):
        token.transferFrom(holder, receiver, 1, sender=spender)
    assert balances(token, holder, receiver) == [1_000, 0]


def test_hook_token_makes_one_call(deploy_token, holder, receiver, spender):
    token, target = deploy_token("MockTokenHook"), deploy_token("MockERC20")
    token.arm(target.address, target.mint.prepare_calldata(receiver, 7))
    token.transfer(receiver, 400, sender=holder)
    token.transferFrom(holder, receiver, 100, sender=spender)
    assert token.call_count() == 1
    assert token.is_last_call_successful()
    assert target.balanceOf(receiver) == 7
    assert balances(token, holder, receiver) == [500, 500]


def test_hook_token_records_revert_of_call(deploy_token, holder, receiver):
    token, target = deploy_token("MockTokenHook"), deploy_token("MockERC20")
    token.arm(target.address, target.transfer.prepare_calldata(receiver, 1))
    token.transfer(receiver, 400, sender=holder)
    assert not token.is_last_call_successful()
    response = token.last_response()
    assert response[:4] == keccak(text="Error(string)")[:4]
    assert abi_decode("(string)", response[4:]) == ("erc20: transfer amount exceeds balance",)
    assert balances(token, holder, receiver) == [600, 400]


@pytest.mark.parametrize(("is_before", "seen"), [(True, 1_000), (False, 600)])
def test_hook_token_calls_before_or_after_moving(deploy_token, holder, receiver, is_before, seen):
    token = deploy_token("MockTokenHook")
    token.arm(token.address, token.balanceOf.prepare_calldata(holder), is_before)
    token.transfer(receiver, 400, sender=holder)
    assert int.from_bytes(token.last_response(), "big") == seen


def test_hook_token_disarmed_makes_no_call(deploy_token, holder, receiver):
    token = deploy_token("MockTokenHook")
    token.arm(token.address, token.mint.prepare_calldata(receiver, 7))
    token.disarm()
    token.transfer(receiver, 400, sender=holder)
    assert token.call_count() == 0


def test_aggregator_answers_now():
    feed = deploy("mocks/MockAggregator.vy", 8, 100)
    feed.set_answer(200)
    assert feed.latestRoundData() == (2, 200, START_TIME, START_TIME, 2)
    assert feed.getRoundData(1) == (1, 100, START_TIME, START_TIME, 1)


def test_aggregator_sets_every_field():
    feed = deploy("mocks/MockAggregator.vy", 8, 100)
    feed.set_round(9, -5, 10, 11, 8)
    assert feed.latestRoundData() == (9, -5, 10, 11, 8)
    feed.set_started_at(12)
    feed.set_updated_at(13)
    assert feed.latestRoundData() == (9, -5, 12, 13, 8)
    feed.set_answer_at(6, 14)
    assert feed.latestRoundData() == (10, 6, 14, 14, 10)


def test_aggregator_reverts_on_demand():
    feed = deploy("mocks/MockAggregator.vy", 8, 100)
    feed.set_reverting(True)
    with boa.reverts("mock_aggregator: reverting"):
        feed.latestRoundData()


def test_wallet_accepts_only_signature_of_owner(holder):
    wallet = deploy("mocks/MockERC1271Wallet.vy", holder)
    digest = keccak(text="digest")
    by_owner = signer("holder").unsafe_sign_hash(digest).signature
    by_other = signer("spender").unsafe_sign_hash(digest).signature
    assert wallet.isValidSignature(digest, by_owner).hex() == "1626ba7e"
    assert wallet.isValidSignature(digest, by_other).hex() == "ffffffff"


def test_wallet_executes_for_owner_only(deploy_token, holder, receiver, spender):
    wallet, token = deploy("mocks/MockERC1271Wallet.vy", holder), deploy_token("MockERC20")
    call = token.address, token.mint.prepare_calldata(receiver, 7)
    with boa.reverts("mock_wallet: not owner"):
        wallet.execute(*call, sender=spender)
    wallet.execute(*call, sender=holder)
    assert token.balanceOf(receiver) == 7
