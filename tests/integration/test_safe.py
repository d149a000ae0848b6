"""A Safe owns an account: its published contracts sign an order, as two of three owners."""

import json

import pytest
from eth_utils import keccak

from lastline import audit
from lastline.chain import Reverted
from lastline.orders import SignedOrder, TimeInForce, order_hash
from lastline.units import to_units, wad
from lastline.views import VAULT
from tests.integration.conftest import TOKEN_DECIMALS, System
from tests.integration.safes import ARTIFACTS, THRESHOLD, ZERO_ADDRESS, Safe, make_safe


@pytest.fixture(scope="module")
def safe(system: System) -> Safe:
    """It has accepted nothing yet and holds no collateral."""
    return make_safe(system, "the Safe")


@pytest.fixture
def funded(system: System, safe: Safe, unchanged: None) -> Safe:
    """The Safe has deposited 10,000, by transactions of its own."""
    tokens = to_units("10000", TOKEN_DECIMALS)
    token, vault = system.chain.contract("Collateral"), system.chain.contract(VAULT)
    system.chain.send(system.deployer, "Collateral", "mint", safe.address, tokens)
    safe.execute(token.address, token.encode_abi("approve", args=[vault.address, tokens]))
    safe.execute(vault.address, vault.encode_abi("deposit", args=[safe.account, tokens]))
    system.fund("taker", "10000")
    return safe


def size_of(safe: Safe) -> int:
    return safe.system.chain.call(VAULT, "position_state", safe.account, 0)[0]


def test_safe_deposits_with_its_own_transaction(system, funded):
    assert system.chain.call(VAULT, "account_state", funded.account)[0] == wad("10000")


def test_what_the_owners_sign_is_what_the_safes_handler_says(system, funded):
    message = keccak(text="any order")
    artifact = "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json"
    abi = json.loads((ARTIFACTS / artifact).read_text())["abi"]
    handler = system.node.eth.contract(address=funded.address, abi=abi)
    assert handler.functions.getMessageHash(message).call() == funded.message_hash(message)


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (2, 1)])
def test_order_signed_by_two_of_three_owners_is_filled(system, funded, pair):
    order = funded.order("-1")
    signed = funded.signed(order, [funded.owners[n] for n in pair])
    assert len(signed.signature) == 2 * 65

    system.trade("taker", "0.5", signed)

    assert size_of(funded) == -wad("0.5")
    assert system.position("taker") == wad("0.5")
    assert system.chain.call("Exchange", "remaining", order.values) == wad("0.5")
    assert audit.run(system.chain).failed == []


def test_safe_named_as_the_owner_by_default_signs_too(system, funded):
    signed = funded.signed(funded.order("-1"), funded.owners[:2])
    system.trade("taker", "1", SignedOrder(signed.order, ZERO_ADDRESS, signed.signature))
    assert size_of(funded) == -wad("1")


@pytest.mark.parametrize("owner", range(3))
def test_order_signed_by_one_owner_alone_is_refused(system, funded, owner):
    """One owner's signature is as long as a key's: the key is tried first, then the Safe asked."""
    signed = funded.signed(funded.order("-1"), [funded.owners[owner]])
    with pytest.raises(Reverted, match="exchange: bad signature"):
        system.trade("taker", "1", signed)
    assert size_of(funded) == 0


def test_order_signed_twice_by_one_owner_is_refused(system, funded):
    signed = funded.signed(funded.order("-1"), [funded.owners[0]] * 2)
    with pytest.raises(Reverted, match="exchange: bad signature"):
        system.trade("taker", "1", signed)


def test_order_signed_by_an_owner_and_a_stranger_is_refused(system, funded):
    signed = funded.signed(funded.order("-1"), [funded.owners[0], system.actor("stranger").key])
    with pytest.raises(Reverted, match="exchange: bad signature"):
        system.trade("taker", "1", signed)


def test_owners_signatures_of_the_order_itself_are_refused(system, funded):
    """What they sign for the Safe is its message about the digest, not the digest."""
    order = funded.order("-1")
    exchange = system.chain.deployment.address("Exchange")
    digest = order_hash(order, exchange, system.node.eth.chain_id)
    signature = funded.signatures(digest, funded.owners[:2])
    with pytest.raises(Reverted, match="exchange: bad signature"):
        system.trade("taker", "1", SignedOrder(order, funded.address, signature))


def test_signatures_for_another_order_are_refused(system, funded):
    signed = funded.signed(funded.order("-1"), funded.owners[:2])
    other = funded.order("-2")
    with pytest.raises(Reverted, match="exchange: bad signature"):
        system.trade("taker", "1", SignedOrder(other, funded.address, signed.signature))


def test_safe_takes_with_a_signed_order_and_pays_its_builder(system, funded):
    """The builder, a front end, submits the order and earns 0.01 %; the books still add up."""
    system.fund("maker", "10000")
    builder, rate = system.account("builder"), 10**14
    order = funded.order("2", time_in_force=TimeInForce.IOC, builder=builder, builder_fee_rate=rate, lane=9)
    signed = funded.signed(order, funded.owners[1:])
    resting = system.signed("maker", "-1")
    poor = system.signed("poor", "-1")

    receipt = system.chain.send(
        system.actor("builder"),
        "Exchange",
        "match_available_orders",
        signed.values,
        [poor.values, resting.values],
    )

    names = [event.name for event in system.chain.decode("Exchange", receipt["logs"])]
    assert names == ["OrderSkipped", "OrderFilled", "TakerOrderFilled"]
    assert size_of(funded) == wad("1")
    assert system.position("maker") == -wad("1")
    assert system.chain.call("Exchange", "remaining", order.values) == 0
    paid = system.chain.call(VAULT, "mark", 0) * rate // 10**18
    assert system.chain.call(VAULT, "account_state", builder)[0] == paid
    assert audit.run(system.chain).failed == []


# --- as the one who governs ---------------------------------------------------------------------------------


def governance_checks(system: System) -> dict[str, bool]:
    checks = audit.run(system.chain).checks
    return {check.id: check.holds for check in checks if check.id.startswith("G-safe")}


def test_recorded_owners_and_threshold_are_compared(system, safe, monkeypatch):
    recorded = system.chain.deployment.parameters["governance"]
    assert governance_checks(system) == {}
    owners = [owner.address for owner in safe.owners]
    for name, worth in (("safe", safe.address), ("safe_owners", owners), ("safe_threshold", THRESHOLD)):
        monkeypatch.setitem(recorded, name, worth)
    assert governance_checks(system) == {"G-safe-owners": True, "G-safe-threshold": True}
    monkeypatch.setitem(recorded, "safe_owners", [*owners[:2], system.actor("stranger").address])
    monkeypatch.setitem(recorded, "safe_threshold", 1)
    assert governance_checks(system) == {"G-safe-owners": False, "G-safe-threshold": False}


def test_a_safe_that_is_none_has_no_owners(system, safe, monkeypatch):
    """The only proposer is a key."""
    recorded = system.chain.deployment.parameters["governance"]
    monkeypatch.setitem(recorded, "safe_owners", [safe.owners[0].address])
    assert governance_checks(system) == {"G-safe-owners": False}
