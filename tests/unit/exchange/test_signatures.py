"""Exchange: whose signature on what counts, for keys, ERC-1271 wallets and operators."""

import os
from dataclasses import replace

import boa
import pytest

from tests import support
from tests.unit.exchange.orders import (
    CURVE_ORDER,
    WAD,
    ZERO_ADDRESS,
    Order,
    account_of,
    digest_of,
    new_order,
    sign,
    signature_of,
)

OTHER_CHAIN = 4_242_424_242

# Answers whatever it is told to, in one word or two, and asks another contract first if told to.
WALLET = """
# pragma version 0.4.3

word: public(bytes32)
asked: public(address)
question: public(Bytes[256])

@external
def tell(word: bytes32):
    self.word = word

@external
def ask(asked: address, question: Bytes[256]):
    self.asked = asked
    self.question = question

@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[520]) -> bytes32:
    if self.asked != empty(address):
        answer: Bytes[320] = raw_call(self.asked, self.question, is_static_call=True, max_outsize=320)
    assert len(signature) == 520 or len(signature) == 0, "wallet: bad length"
    return self.word
"""
MAGIC = bytes.fromhex("1626ba7e").ljust(32, b"\x00")


@pytest.fixture(scope="module")
def odd_wallet():
    return boa.loads(WALLET)


@pytest.fixture(scope="module")
def wallet_pair():
    """Two wallets of one key."""
    key = support.actor("wallet owner")
    return [support.deploy("mocks/MockERC1271Wallet.vy", key) for _ in range(2)]


def split(signature):
    return signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]


# --- keys ---------------------------------------------------------------------------------------------------


def test_signature_signer_may_be_named(exchange, trade, counterparty):
    order = new_order(counterparty, -WAD)

    assert trade(WAD, [sign(exchange, order, support.signer("counterparty"), counterparty)]) == WAD


@pytest.mark.parametrize(
    "change",
    [
        {"account": 1},
        {"market": 1},
        {"size": -1},
        {"limit_price": -1},
        {"expiry": 1},
        {"lane": 1},
        {"sequence": 1},
        {"is_reduce_only": 1},
        {"time_in_force": 1},
        {"max_fee_rate": 1},
        {"builder": 1},
        {"builder_fee_rate": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_signature_covers_every_field(exchange, vault, trade, maker, change):
    ((field, step),) = change.items()
    order, (_, signer, signature) = maker(-WAD)
    value = getattr(order, field)
    changed = replace(order, **{field: not value if isinstance(value, bool) else value + step})

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(changed.fields, signer, signature)], market=changed.market)

    assert vault.fill_count() == 0


def test_signature_fields_tested_are_all_fields():
    assert len(Order.__dataclass_fields__) == 12


def test_signature_of_somebody_else_reverts(exchange, vault, trade, counterparty):
    order = new_order(counterparty, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [sign(exchange, order, support.signer("attacker"))])

    assert vault.fill_count() == 0


def test_signature_of_a_stranger_who_says_so_reverts(exchange, vault, trade, counterparty, attacker):
    order = new_order(counterparty, -WAD)

    with boa.reverts("exchange: wrong signer"):
        trade(WAD, [sign(exchange, order, support.signer("attacker"), attacker)])

    assert vault.fill_count() == 0


def test_signature_other_s_reverts(exchange, vault, trade, maker):
    _, (fields, signer, signature) = maker(-WAD)
    r, s, v = split(signature)
    other = r + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - v])

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(fields, signer, other)])

    assert vault.fill_count() == 0


@pytest.mark.parametrize("length", [0, 1, 32, 64, 66, 130, 520])
def test_signature_of_another_length_reverts(vault, trade, maker, length):
    _, (fields, signer, signature) = maker(-WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(fields, signer, signature.ljust(length, b"\x00")[:length])])

    assert vault.fill_count() == 0


def test_signature_compact_form_reverts(vault, trade, maker):
    _, (fields, signer, signature) = maker(-WAD)
    r, s, v = split(signature)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(fields, signer, r + (s | (v - 27) << 255).to_bytes(32, "big"))])

    assert vault.fill_count() == 0


def test_signature_beyond_520_bytes_reverts(vault, trade, maker):
    _, (fields, signer, signature) = maker(-WAD)

    with boa.reverts():
        trade(WAD, [(fields, signer, signature.ljust(521, b"\x00"))])

    assert vault.fill_count() == 0


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_signature_with_another_v_reverts(vault, trade, maker, v):
    _, (fields, signer, signature) = maker(-WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(fields, signer, signature[:64] + bytes([v]))])

    assert vault.fill_count() == 0


@pytest.mark.parametrize(
    "signature",
    [b"", b"\x00" * 65, b"\x00" * 64 + b"\x1b", b"\x11" * 64 + b"\x1d"],
    ids=["empty", "zeros", "zeros, v 27", "v 29"],
)
def test_signature_garbage_for_the_zero_owner_reverts(vault, trade, signature):
    order = new_order(ZERO_ADDRESS, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(order.fields, ZERO_ADDRESS, signature)])

    assert vault.fill_count() == 0


def test_signature_of_a_key_for_the_zero_owner_reverts(exchange, vault, trade):
    order = new_order(ZERO_ADDRESS, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [sign(exchange, order, support.signer("attacker"))])

    assert vault.fill_count() == 0


@pytest.mark.parametrize("number", range(1, 11))
def test_signature_of_a_precompile_reverts(vault, trade, number):
    order = new_order(f"0x{number:040x}", -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(order.fields, ZERO_ADDRESS, os.urandom(65))])

    assert vault.fill_count() == 0


# --- where --------------------------------------------------------------------------------------------------


@pytest.fixture
def other_chain():
    """Run the test on a fork with another chain id."""
    patch = boa.env.evm.patch
    chain_id = patch.chain_id

    def switch():
        patch.chain_id = OTHER_CHAIN

    yield switch
    patch.chain_id = chain_id


def test_signature_for_another_chain_reverts(exchange, vault, trade, maker, other_chain):
    _, signed = maker(-WAD)
    before = exchange.domain_separator()
    other_chain()

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [signed])

    assert vault.fill_count() == 0
    assert exchange.domain_separator() != before


def test_signature_for_the_live_chain_is_good(trade, maker, other_chain):
    other_chain()

    assert trade(WAD, [maker(-WAD)[1]]) == WAD


def test_signature_for_another_exchange_reverts(exchange, vault, trade, governance, counterparty):
    other = support.deploy("Exchange.vy", governance, vault.address)
    order = new_order(counterparty, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [sign(other, order, support.signer("counterparty"))])

    assert vault.fill_count() == 0


# --- operators ----------------------------------------------------------------------------------------------


def test_signature_of_an_operator(exchange, vault, trade, counterparty, operator):
    vault.set_operator(operator, True, sender=counterparty)
    order = new_order(counterparty, -WAD)

    assert trade(WAD, [sign(exchange, order, support.signer("operator"), operator)]) == WAD


def test_signature_of_an_operator_not_named_reverts(exchange, vault, trade, counterparty, operator):
    vault.set_operator(operator, True, sender=counterparty)
    order = new_order(counterparty, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [sign(exchange, order, support.signer("operator"))])

    assert vault.fill_count() == 0


def test_signature_of_a_former_operator_reverts(exchange, vault, trade, counterparty, operator):
    vault.set_operator(operator, True, sender=counterparty)
    order = new_order(counterparty, -2 * WAD)
    signed = sign(exchange, order, support.signer("operator"), operator)
    trade(WAD, [signed])
    vault.set_operator(operator, False, sender=counterparty)

    with boa.reverts("exchange: wrong signer"):
        trade(WAD, [signed])

    assert vault.fill_count() == 1


def test_signature_of_a_self_made_operator_reverts(exchange, vault, trade, counterparty, attacker):
    vault.set_operator(counterparty, True, sender=attacker)
    order = new_order(counterparty, -WAD)

    with boa.reverts("exchange: wrong signer"):
        trade(WAD, [sign(exchange, order, support.signer("attacker"), attacker)])

    assert vault.fill_count() == 0


def test_signature_of_another_owners_operator_reverts(
    exchange, vault, trade, counterparty, operator, attacker
):
    vault.set_operator(operator, True, sender=attacker)
    order = new_order(counterparty, -WAD)

    with boa.reverts("exchange: wrong signer"):
        trade(WAD, [sign(exchange, order, support.signer("operator"), operator)])

    assert vault.fill_count() == 0


# --- wallets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_named", [True, False])
def test_wallet_signature(exchange, trade, wallet_pair, is_named):
    wallet = wallet_pair[0].address
    order = new_order(wallet, -WAD)

    signed = sign(exchange, order, support.signer("wallet owner"), wallet if is_named else ZERO_ADDRESS)

    assert trade(WAD, [signed]) == WAD
    assert exchange.remaining(order.fields) == 0


def test_wallet_signature_of_another_key_reverts(exchange, vault, trade, wallet_pair):
    order = new_order(wallet_pair[0].address, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [sign(exchange, order, support.signer("attacker"))])

    assert vault.fill_count() == 0


def test_wallet_signature_serves_no_other_wallet_of_the_key(exchange, vault, trade, wallet_pair):
    first, second = (new_order(wallet.address, -WAD) for wallet in wallet_pair)
    signature = signature_of(exchange, first, support.signer("wallet owner"))

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(second.fields, ZERO_ADDRESS, signature)])

    assert vault.fill_count() == 0


def test_wallet_signature_by_the_other_wallet_of_the_key_reverts(exchange, vault, trade, wallet_pair):
    order = new_order(wallet_pair[0].address, -WAD)

    with boa.reverts("exchange: wrong signer"):
        trade(WAD, [sign(exchange, order, support.signer("wallet owner"), wallet_pair[1].address)])

    assert vault.fill_count() == 0


def test_wallet_key_itself_is_not_the_owner(exchange, vault, trade, wallet_pair):
    order = new_order(wallet_pair[0].address, -WAD)
    key = support.actor("wallet owner")

    with boa.reverts("exchange: wrong signer"):
        trade(WAD, [sign(exchange, order, support.signer("wallet owner"), key)])

    assert vault.fill_count() == 0


def test_wallet_with_a_key_as_operator(exchange, vault, trade, wallet_pair, operator):
    wallet = wallet_pair[0].address
    vault.set_operator(operator, True, sender=wallet)
    order = new_order(wallet, -WAD)

    assert trade(WAD, [sign(exchange, order, support.signer("operator"), operator)]) == WAD


def test_wallet_as_operator_of_a_key(exchange, vault, trade, wallet_pair, counterparty):
    wallet = wallet_pair[0].address
    vault.set_operator(wallet, True, sender=counterparty)
    order = new_order(counterparty, -WAD)

    assert trade(WAD, [sign(exchange, order, support.signer("wallet owner"), wallet)]) == WAD


def test_wallet_as_taker(exchange, vault, wallet_pair, maker, attacker):
    taker = new_order(wallet_pair[0].address, WAD)
    signed = sign(exchange, taker, support.signer("wallet owner"))

    assert exchange.match_orders(signed, [maker(-WAD)[1]], sender=attacker) == WAD


@pytest.mark.parametrize("length", [0, 520])
def test_wallet_signature_may_be_empty_or_long(trade, odd_wallet, length):
    odd_wallet.tell(MAGIC)
    order = new_order(odd_wallet.address, -WAD)

    assert trade(WAD, [(order.fields, ZERO_ADDRESS, os.urandom(length))]) == WAD


@pytest.mark.parametrize(
    "word",
    [b"\x00" * 32, b"\xff" * 32, MAGIC[:31] + b"\x01", MAGIC[::-1], (1).to_bytes(32, "big")],
    ids=["zero", "ones", "one bit more", "right-aligned", "true"],
)
def test_wallet_answer_other_than_the_magic_value_reverts(vault, trade, odd_wallet, word):
    odd_wallet.tell(word)
    order = new_order(odd_wallet.address, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(order.fields, ZERO_ADDRESS, b"")])

    assert vault.fill_count() == 0


def test_wallet_that_reverts_is_a_bad_signature(vault, trade, odd_wallet):
    odd_wallet.tell(MAGIC)
    order = new_order(odd_wallet.address, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(order.fields, ZERO_ADDRESS, b"\x01")])

    assert vault.fill_count() == 0


def test_wallet_without_the_function_is_a_bad_signature(exchange, vault, trade):
    order = new_order(vault.address, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(order.fields, ZERO_ADDRESS, b"")])

    assert vault.fill_count() == 0


def test_wallet_key_and_wallet_have_different_digests(exchange, wallet_pair):
    first, second = (new_order(wallet.address, -WAD) for wallet in wallet_pair)

    assert digest_of(exchange, first) != digest_of(exchange, second)
    assert first.account == account_of(wallet_pair[0].address)


# --- what a wallet can do while it is asked -----------------------------------------------------------------


def question(function, *args):
    return function.prepare_calldata(*args)


def test_wallet_asking_for_a_hash_is_answered(exchange, trade, odd_wallet):
    order = new_order(odd_wallet.address, -WAD)
    odd_wallet.tell(MAGIC)
    odd_wallet.ask(exchange.address, question(exchange.domain_separator))

    assert trade(WAD, [(order.fields, ZERO_ADDRESS, b"")]) == WAD


@pytest.mark.parametrize("name", ["lane_state", "fee_rates", "vault", "cancel", "cancel_all"])
def test_wallet_that_reenters_gets_the_lock(exchange, vault, trade, odd_wallet, name):
    account = account_of(odd_wallet.address)
    args = {
        "lane_state": (account, 0),
        "fee_rates": (3,),
        "cancel": (account, 0, 1),
        "cancel_all": (account,),
    }
    odd_wallet.tell(MAGIC)
    odd_wallet.ask(exchange.address, question(getattr(exchange, name), *args.get(name, ())))
    order = new_order(odd_wallet.address, -WAD)

    with boa.reverts("exchange: bad signature"):
        trade(WAD, [(order.fields, ZERO_ADDRESS, b"")])

    assert vault.fill_count() == 0
