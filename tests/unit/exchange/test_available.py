"""Exchange.trade_available and match_available_orders: what cannot be filled is skipped, the rest filled."""

import boa
import pytest

from tests import support
from tests.unit.exchange.orders import (
    FOK,
    IOC,
    MARKET,
    PRICE,
    TAKER_RATE,
    WAD,
    ZERO_ADDRESS,
    account_of,
    digest_of,
    filled_in_vault,
    logged,
    maker_event,
    maker_fill,
    new_order,
    paid_in_vault,
    sign,
    skipped_event,
    taker_event,
)

# A transaction's limit of gas (EIP-7825).
TRANSACTION_GAS = 2**24

# A wallet that does harm while it is asked for its signature.
HOSTILE = """
# pragma version 0.4.3

how: public(uint256)
exchange: public(address)
data: public(Bytes[2048])

@external
def become(how: uint256, exchange: address, data: Bytes[2048]):
    self.how = how
    self.exchange = exchange
    self.data = data

@external
@view
@raw_return
def isValidSignature(digest: bytes32, signature: Bytes[520]) -> Bytes[24576]:
    if self.how == 0:
        raise UNREACHABLE
    if self.how == 1:
        raw_revert(slice(msg.data, 0, 68))
    if self.how == 2:
        garbage: Bytes[24576] = empty(Bytes[24576])
        return garbage
    if self.how == 3:
        garbage: DynArray[uint256, 700] = []
        for i: uint256 in range(700):
            garbage.append(max_value(uint256))
        return abi_encode(garbage)
    if self.how == 4:
        return b"\\x16\\x26\\xba\\x7e"
    # comes back, and says yes whatever comes of it
    success: bool = raw_call(self.exchange, self.data, is_static_call=True, revert_on_failure=False)
    assert success or self.how != 5, "wallet: not let in"
    return concat(0x1626ba7e, empty(bytes28))
"""
BURN, REVERT, NOTHING, GARBAGE, SHORT, REENTER, TRY_TO_REENTER = range(7)


@pytest.fixture(scope="module")
def hostile():
    return boa.loads_partial(HOSTILE)


@pytest.fixture
def gas():
    """What a call is given; a test may take less."""
    return {"gas": 30_000_000}


@pytest.fixture
def buy(exchange, trader, gas):
    """Buy at PRICE for the trader's account, skipping."""

    def call(size, makers, min_fill=0, is_reduce_only=False, max_fee_rate=TAKER_RATE, sender=None):
        args = (account_of(trader), MARKET, size, PRICE, min_fill, is_reduce_only, max_fee_rate, makers)
        return exchange.trade_available(*args, sender=sender or trader, **gas)

    return call


@pytest.fixture
def match(exchange, attacker, gas):
    def call(taker, makers):
        return exchange.match_available_orders(taker, makers, sender=attacker, **gas)

    return call


@pytest.fixture
def lanes(exchange):
    """The state of some orders' lanes."""
    return lambda *orders: [tuple(exchange.lane_state(order.account, order.lane)) for order in orders]


# --- with nothing to skip -----------------------------------------------------------------------------------


def test_trade_available_fills_what_trade_fills(exchange, vault, buy, trader, maker):
    pairs = [maker(-WAD, name=f"maker {n}", limit_price=PRICE - n) for n in range(3)]

    assert buy(5 * WAD // 2, [signed for _, signed in pairs]) == 5 * WAD // 2

    taker = account_of(trader)
    sizes = [WAD, WAD, WAD // 2]
    assert logged(exchange) == [
        maker_event(exchange, order, taker, -size, size)
        for (order, _), size in zip(pairs, sizes, strict=True)
    ]
    assert filled_in_vault(vault) == [
        (MARKET, taker, TAKER_RATE, False, [maker_fill(order, -size)])
        for (order, _), size in zip(pairs, sizes, strict=True)
    ]
    assert paid_in_vault(vault) == []


@pytest.mark.parametrize("side", [1, -1], ids=["buy", "sell"])
def test_trade_available_both_ways(exchange, vault, trader, maker, side):
    order, signed = maker(-side * WAD)
    args = (account_of(trader), MARKET, side * WAD, PRICE, WAD, True, TAKER_RATE, [signed])

    assert exchange.trade_available(*args, sender=trader) == WAD

    fill = (MARKET, account_of(trader), TAKER_RATE, True, [maker_fill(order, -side * WAD)])
    assert filled_in_vault(vault) == [fill]


def test_trade_available_makers_beyond_the_size_are_left_alone(exchange, buy, trader, maker):
    order, signed = maker(-WAD)
    beyond = maker(-WAD, name="maker 2")[1]

    assert buy(WAD, [signed, (beyond[0], beyond[1], b"not signed")]) == WAD
    assert logged(exchange) == [maker_event(exchange, order, account_of(trader), -WAD, WAD)]


def test_match_available_orders_fills_what_match_orders_fills(exchange, vault, match, maker):
    taker, taker_signed = maker(3 * WAD, name="trader", is_reduce_only=True)
    pairs = [maker(-WAD, name=f"maker {n}", limit_price=PRICE - n) for n in range(2)]

    assert match(taker_signed, [signed for _, signed in pairs]) == 2 * WAD

    assert logged(exchange) == [
        *(maker_event(exchange, order, taker.account, -WAD, WAD) for order, _ in pairs),
        taker_event(exchange, taker, 2 * WAD, 2 * WAD),
    ]
    assert filled_in_vault(vault) == [
        (MARKET, taker.account, TAKER_RATE, True, [maker_fill(order, -WAD)]) for order, _ in pairs
    ]
    assert exchange.remaining(taker.fields) == WAD


# --- what is skipped ----------------------------------------------------------------------------------------

BAD_FIELDS = {
    "exchange: wrong market": {"market": MARKET + 1},
    "exchange: prices do not cross": {"limit_price": PRICE + 1},
    "exchange: order expired": {"expiry": 1},
    "exchange: fee above limit": {"max_fee_rate": 0},
    "exchange: order never rests": {"time_in_force": IOC},
    "exchange: zero builder": {"builder_fee_rate": 1},
    "exchange: wrong era": {"sequence": 1 << 44 | 1},
    "exchange: same side": {"size": WAD},
    "exchange: zero size": {"size": 0},
    "exchange: size too large": {"size": -(2**111)},
}


@pytest.fixture(params=["trade_available", "match_available_orders"])
def take_one(exchange, buy, match, maker, request):
    """Buy 1 of some makers either way, for the trader."""

    def call(makers):
        if request.param == "trade_available":
            return buy(WAD, makers)
        return match(maker(WAD, name="trader", lane=77)[1], makers)

    return call


@pytest.mark.parametrize("reason", BAD_FIELDS)
def test_order_that_is_bad_is_skipped(exchange, vault, take_one, trader, maker, lanes, reason):
    fields = {"size": -WAD} | BAD_FIELDS[reason]
    bad, bad_signed = maker(name="maker 2", **fields)
    good, signed = maker(-WAD)
    before = lanes(bad)

    assert take_one([bad_signed, signed]) == WAD

    assert logged(exchange)[:2] == [
        skipped_event(exchange, bad, reason),
        maker_event(exchange, good, account_of(trader), -WAD, WAD),
    ]
    assert [fill[4] for fill in filled_in_vault(vault)] == [[maker_fill(good, -WAD)]]
    assert lanes(bad) == before


def test_order_of_the_takers_owner_is_skipped(exchange, buy, trader, maker):
    own = new_order(trader, -WAD, account=account_of(trader, 1))
    _good, signed = maker(-WAD)

    assert buy(WAD, [sign(exchange, own, support.signer("trader")), signed]) == WAD
    assert logged(exchange)[0] == skipped_event(exchange, own, "exchange: self trade")


def test_order_without_a_good_signature_is_skipped(exchange, take_one, maker, counterparty):
    forged = new_order(counterparty, -WAD)
    assert take_one([sign(exchange, forged, support.signer("attacker")), maker(-WAD)[1]]) == WAD
    assert logged(exchange)[0] == skipped_event(exchange, forged, "exchange: bad signature")


def test_order_of_a_stranger_who_signs_for_himself_is_skipped(
    exchange, take_one, maker, counterparty, attacker
):
    forged = new_order(counterparty, -WAD)
    signed = sign(exchange, forged, support.signer("attacker"), attacker)
    assert take_one([signed, maker(-WAD)[1]]) == WAD
    assert logged(exchange)[0] == skipped_event(exchange, forged, "exchange: wrong signer")


def test_order_cancelled_superseded_or_filled_is_skipped(exchange, buy, trade, maker, lanes):
    cancelled, cancelled_signed = maker(-WAD, name="maker 1")
    exchange.cancel(cancelled.account, 0, 1, sender=support.actor("maker 1"))
    old, old_signed = maker(-WAD, name="maker 2", sequence=1)
    trade(WAD // 2, [maker(-WAD, name="maker 2", sequence=2)[1]])
    full, full_signed = maker(-WAD, name="maker 3")
    trade(WAD, [full_signed])
    _good, signed = maker(-WAD)
    before = lanes(cancelled, old, full)

    assert buy(WAD, [cancelled_signed, old_signed, full_signed, signed]) == WAD

    assert logged(exchange)[:3] == [
        skipped_event(exchange, cancelled, "exchange: order cancelled"),
        skipped_event(exchange, old, "exchange: order superseded"),
        skipped_event(exchange, full, "exchange: order filled"),
    ]
    assert lanes(cancelled, old, full) == before


def test_second_copy_of_an_order_gets_what_the_first_left_and_the_third_is_skipped(exchange, buy, maker):
    order, signed = maker(-WAD)

    assert buy(2 * WAD, [signed, signed]) == WAD
    assert logged(exchange)[1] == skipped_event(exchange, order, "exchange: order filled")


@pytest.mark.parametrize(
    "reason",
    ["margin: below initial margin", "vault: not a reduction", "market: open interest cap", "x" * 32, "a"],
)
def test_order_the_vault_refuses_is_skipped_and_its_lane_untouched(
    exchange, vault, take_one, trader, maker, lanes, reason
):
    bad, bad_signed = maker(-WAD, name="maker 2")
    vault.set_refusal(bad.account, reason)
    good, signed = maker(-WAD)

    assert take_one([bad_signed, signed]) == WAD

    assert logged(exchange)[:2] == [
        skipped_event(exchange, bad, reason),
        maker_event(exchange, good, account_of(trader), -WAD, WAD),
    ]
    assert lanes(bad) == [(0, 0, 0, 0, False)]
    assert exchange.remaining(bad.fields) == WAD


def test_order_the_vault_refuses_after_a_part_was_filled_keeps_its_part(exchange, vault, buy, maker, lanes):
    bad, bad_signed = maker(-3 * WAD, name="maker 2")
    buy(WAD, [bad_signed])
    before = lanes(bad)
    vault.set_refusal(bad.account, "margin: below initial margin")

    assert buy(WAD, [bad_signed, maker(-WAD)[1]]) == WAD
    assert lanes(bad) == before
    assert exchange.remaining(bad.fields) == 2 * WAD


@pytest.mark.parametrize("reason", ["x" * 33, "x" * 64])
def test_reason_that_is_too_long_is_left_out(exchange, vault, buy, maker, reason):
    bad, bad_signed = maker(-WAD, name="maker 2")
    vault.set_refusal(bad.account, reason)

    assert buy(WAD, [bad_signed, maker(-WAD)[1]]) == WAD
    assert logged(exchange)[0] == skipped_event(exchange, bad, "")


def test_order_whose_fill_uses_up_its_gas_is_skipped_without_a_reason(exchange, vault, buy, maker, lanes):
    bad, bad_signed = maker(-WAD, name="maker 2")
    vault.set_burning(bad.account, True)

    assert buy(WAD, [bad_signed, maker(-WAD)[1]]) == WAD
    assert logged(exchange)[0] == skipped_event(exchange, bad, "")
    assert lanes(bad) == [(0, 0, 0, 0, False)]


# --- what still reverts -------------------------------------------------------------------------------------


def test_nothing_filled_reverts_with_the_last_reason(exchange, vault, take_one, maker):
    bad, bad_signed = maker(-WAD, name="maker 2")
    vault.set_refusal(bad.account, "margin: below initial margin")

    with boa.reverts("margin: below initial margin"):
        take_one([maker(-WAD, limit_price=PRICE + 1)[1], bad_signed])


def test_taker_the_vault_refuses_with_everybody_reverts(vault, take_one, maker):
    vault.set_reverting(True)

    with boa.reverts("mock vault: told to revert"):
        take_one([maker(-WAD, name=f"maker {n}")[1] for n in range(3)])

    assert vault.fill_count() == 0


def test_nothing_filled_without_a_reason_reverts(vault, take_one, maker):
    order, signed = maker(-WAD)
    vault.set_burning(order.account, True)

    with boa.reverts("exchange: no makers"):
        take_one([signed])


def test_no_makers_reverts(take_one):
    with boa.reverts("exchange: no makers"):
        take_one([])


def test_min_fill_holds_for_the_total(exchange, vault, buy, maker):
    order, signed = maker(-WAD)
    makers = [maker(-WAD, name="maker 2", limit_price=PRICE + 1)[1], signed]

    with boa.reverts("exchange: fill too small"):
        buy(2 * WAD, makers, min_fill=WAD + 1)
    assert vault.fill_count() == 0
    assert exchange.remaining(order.fields) == WAD

    assert buy(2 * WAD, makers, min_fill=WAD) == WAD


def test_fok_holds_for_the_total(exchange, vault, match, maker):
    taker, taker_signed = maker(2 * WAD, name="trader", time_in_force=FOK)
    bad = maker(-WAD, name="maker 2", limit_price=PRICE + 1)[1]
    makers = [bad, maker(-WAD)[1]]

    with boa.reverts("exchange: not filled whole"):
        match(taker_signed, makers)
    assert vault.fill_count() == 0
    assert exchange.remaining(taker.fields) == 2 * WAD

    assert match(taker_signed, [*makers, maker(-WAD, name="maker 3")[1]]) == 2 * WAD


def test_stranger_trading_reverts(buy, maker, attacker):
    with boa.reverts("exchange: not owner or operator"):
        buy(WAD, [maker(-WAD)[1]], sender=attacker)


def test_operator_trades(vault, buy, maker, trader, operator):
    vault.set_operator(operator, True, sender=trader)

    assert buy(WAD, [maker(-WAD)[1]], sender=operator) == WAD


def test_fee_above_the_callers_limit_reverts(buy, maker):
    with boa.reverts("exchange: fee above limit"):
        buy(WAD, [maker(-WAD)[1]], max_fee_rate=TAKER_RATE - 1)


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (0, "exchange: zero size"),
        (2**111, "exchange: size too large"),
        (-(2**255), "exchange: size too large"),
    ],
)
def test_size_out_of_range_reverts(buy, maker, size, reason):
    with boa.reverts(reason):
        buy(size, [maker(-WAD)[1]])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"expiry": 1}, "exchange: order expired"),
        ({"max_fee_rate": TAKER_RATE - 1}, "exchange: fee above limit"),
        ({"sequence": 1 << 44 | 1}, "exchange: wrong era"),
    ],
)
def test_what_is_wrong_with_the_taker_reverts(vault, match, maker, fields, reason):
    with boa.reverts(reason):
        match(maker(WAD, name="trader", **fields)[1], [maker(-WAD)[1]])

    assert vault.fill_count() == 0


def test_taker_without_a_good_signature_reverts(exchange, match, maker, trader):
    with boa.reverts("exchange: bad signature"):
        match(sign(exchange, new_order(trader, WAD), support.signer("attacker")), [maker(-WAD)[1]])


# --- hostile wallets and gas --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [BURN, REVERT, NOTHING, GARBAGE, SHORT, REENTER])
def test_hostile_wallet_is_skipped(exchange, vault, take_one, hostile, maker, trader, lanes, how):
    wallet = hostile.deploy()
    wallet.become(how, exchange.address, exchange.cancel_all.prepare_calldata(account_of(wallet.address)))
    bad = new_order(wallet.address, -WAD)
    good, signed = maker(-WAD)

    assert take_one([(bad.fields, ZERO_ADDRESS, b""), signed]) == WAD

    assert logged(exchange)[:2] == [
        skipped_event(exchange, bad, "exchange: bad signature"),
        maker_event(exchange, good, account_of(trader), -WAD, WAD),
    ]
    assert lanes(bad) == [(0, 0, 0, 0, False)]


@pytest.mark.parametrize("name", ["cancel_all", "trade_available", "match_available_orders", "fill_alone"])
def test_wallet_that_comes_back_changes_nothing(exchange, vault, buy, hostile, maker, name):
    """It says yes all the same, so its order is filled, once, and nothing else is."""
    wallet = hostile.deploy()
    order = new_order(wallet.address, -WAD)
    signed = (order.fields, ZERO_ADDRESS, b"")
    account = account_of(wallet.address)
    args = {
        "cancel_all": (account,),
        "trade_available": (account, MARKET, WAD, PRICE, 0, False, TAKER_RATE, []),
        "match_available_orders": (signed, []),
        "fill_alone": (signed, account_of(exchange.address), MARKET, True, PRICE, 0, 0, False, WAD),
    }[name]
    wallet.become(TRY_TO_REENTER, exchange.address, getattr(exchange, name).prepare_calldata(*args))

    assert buy(2 * WAD, [signed]) == WAD
    assert vault.fill_count() == 1
    assert exchange.lane_state(account, 0).era == 0


def test_fifteen_wallets_that_burn_their_gas_do_not_stop_the_sixteenth(
    exchange, vault, take_one, hostile, maker, gas
):
    """Within what a transaction may have; and whoever has enough to start has enough to end."""
    wallet = hostile.deploy()
    wallet.become(BURN, ZERO_ADDRESS, b"")
    orders = [new_order(wallet.address, -WAD, account=account_of(wallet.address, n)) for n in range(15)]
    makers = [(order.fields, ZERO_ADDRESS, b"x" * 520) for order in orders] + [maker(-WAD)[1]]
    gas["gas"] = TRANSACTION_GAS

    assert take_one(makers) == WAD
    assert [event[0] for event in logged(exchange)][:16] == ["OrderSkipped"] * 15 + ["OrderFilled"]


def is_refused(call) -> bool:
    """True if a call says that it has not enough gas; any other failure is one."""
    try:
        call()
    except boa.BoaError as error:
        if "exchange: not enough gas" not in str(error):
            raise
        return True
    return False


@pytest.mark.parametrize("count", [1, 3, 16])
def test_batch_that_has_enough_gas_to_start_has_enough_to_end(
    exchange, vault, match, hostile, maker, builder, gas, count
):
    """The least gas with which a batch starts, to the unit, although all makers but one burn all they get."""
    wallet = hostile.deploy()
    wallet.become(BURN, ZERO_ADDRESS, b"")
    accounts = [account_of(wallet.address, n) for n in range(count - 1)]
    orders = [new_order(wallet.address, -WAD, account=account) for account in accounts]
    _, good = maker(-WAD, builder=builder, builder_fee_rate=1)
    makers = [(order.fields, ZERO_ADDRESS, b"x" * 520) for order in orders] + [good]
    taker = maker(WAD, name="trader", builder=builder, builder_fee_rate=1, max_fee_rate=TAKER_RATE + 1)[1]

    def attempt(amount):
        gas["gas"] = amount
        with boa.env.anchor():
            return is_refused(lambda: match(taker, makers))

    low, high = exchange.MAKER_GAS() * count, TRANSACTION_GAS
    assert attempt(low)
    assert not attempt(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if attempt(middle) else (low, middle)
    gas["gas"] = high
    assert match(taker, makers) == WAD
    assert high > exchange.MAKER_GAS() * count


@pytest.fixture(scope="module")
def builder():
    return account_of(support.actor("builder"))


@pytest.mark.parametrize("burnt", [1, 16])
def test_too_little_gas_is_the_callers_failure_not_the_makers(exchange, vault, buy, maker, gas, burnt):
    makers = [maker(-WAD, name=f"maker {n}")[1] for n in range(burnt)]
    gas["gas"] = exchange.MAKER_GAS() * burnt

    with boa.reverts("exchange: not enough gas"):
        buy(burnt * WAD, makers)

    assert vault.fill_count() == 0


# --- the step of a batch ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trader", "attacker", "governance"])
def test_fill_alone_is_for_the_exchange_itself(exchange, vault, maker, trader, name):
    args = (maker(-WAD)[1], account_of(trader), MARKET, True, PRICE, 0, 0, False, WAD)

    with boa.reverts("exchange: not itself"):
        exchange.fill_alone(*args, sender=support.actor(name))

    assert vault.fill_count() == 0


def test_fill_alone_is_not_for_the_vault_either(exchange, vault, trade, maker, trader):
    other = maker(-WAD, name="maker 2")[1]
    data = exchange.fill_alone.prepare_calldata(
        other, account_of(trader), MARKET, True, PRICE, 0, 0, False, WAD
    )
    vault.set_callback(exchange.address, data)

    with boa.reverts("exchange: not itself"):
        trade(WAD, [maker(-WAD)[1]])


def test_skipped_event_names_the_digest_that_would_have_been_signed(exchange, buy, maker):
    bad, signed = maker(-WAD, limit_price=PRICE + 1)
    buy(WAD, [signed, maker(-WAD, name="maker 2")[1]])

    assert logged(exchange)[0][2] == digest_of(exchange, bad) == exchange.order_hash(bad.fields)
