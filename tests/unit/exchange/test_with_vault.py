"""Exchange on the real kernel: what the vault refuses is skipped, and builders are paid to the wei."""

import boa
import pytest

from tests.kernel import EXCHANGE, deploy_kernel, wad
from tests.support import actor, deploy, signer
from tests.unit.exchange.orders import FOK, WAD, account_of, logged, new_order, sign, skipped_event

MARKET, PRICE = 0, 100 * WAD
MAKER_RATE, TAKER_RATE, RATE = 2 * 10**14, 5 * 10**14, 3 * 10**14


@pytest.fixture(scope="module")
def kernel():
    """Open interest up to 20 base, less what the packing rounds away."""
    return deploy_kernel(margin={"open_interest_cap_base": wad(20)})


@pytest.fixture(scope="module")
def real(kernel):
    contract = deploy("Exchange.vy", actor("governance"), kernel.vault.address)
    kernel.vault.set_role(EXCHANGE, contract.address, sender=actor("governance"))
    contract.set_fee_rates(MARKET, MAKER_RATE, TAKER_RATE, sender=actor("governance"))
    for name in ("trader", "maker 1", "maker 2", "maker 3"):
        kernel.fund_account(name, 1_000)
    kernel.fund_account("poor", 1)
    return contract


@pytest.fixture
def order(real):
    """An order of an actor in the kernel's market, and the same signed."""

    def new(name, size, **fields):
        values = {"market": MARKET, "limit_price": PRICE, "max_fee_rate": 10**15} | fields
        made = new_order(actor(name), size, **values)
        return made, sign(real, made, signer(name))

    return new


@pytest.fixture
def buy(real):
    def call(size, makers, min_fill=0, is_reduce_only=False, name="trader", function="trade_available"):
        args = (account_of(actor(name)), MARKET, size, PRICE, min_fill, is_reduce_only, 10**15, makers)
        return getattr(real, function)(*args, sender=actor(name))

    return call


def size_of(kernel, name):
    return kernel.position(account_of(actor(name))).size


def test_maker_without_margin_is_skipped(kernel, real, order, buy):
    poor, poor_signed = order("poor", -2 * WAD)
    good = order("maker 1", -2 * WAD)[1]

    assert buy(2 * WAD, [poor_signed, good]) == 2 * WAD

    assert logged(real)[0] == skipped_event(real, poor, "margin: below initial margin")
    assert (size_of(kernel, "trader"), size_of(kernel, "poor")) == (2 * WAD, 0)
    assert real.remaining(poor.fields) == 2 * WAD
    kernel.assert_conserved()


def test_maker_whose_reduction_would_be_none_is_skipped(kernel, real, order, buy):
    bad, bad_signed = order("maker 1", -2 * WAD, is_reduce_only=True)

    assert buy(2 * WAD, [bad_signed, order("maker 2", -2 * WAD)[1]]) == 2 * WAD

    assert logged(real)[0] == skipped_event(real, bad, "vault: not a reduction")
    assert size_of(kernel, "maker 1") == 0
    kernel.assert_conserved()


def test_maker_beyond_the_open_interest_cap_is_skipped_and_a_smaller_one_filled(kernel, real, order, buy):
    bad, bad_signed = order("maker 1", -21 * WAD)

    assert buy(50 * WAD, [bad_signed, order("maker 2", -2 * WAD)[1]]) == 2 * WAD

    assert logged(real)[0] == skipped_event(real, bad, "market: open interest cap")
    kernel.assert_conserved()


def test_maker_out_of_the_band_is_skipped(kernel, real, order, buy):
    bad, bad_signed = order("maker 1", -2 * WAD, limit_price=PRICE * 98 // 100)

    assert buy(2 * WAD, [bad_signed, order("maker 2", -2 * WAD)[1]]) == 2 * WAD
    assert logged(real)[0] == skipped_event(real, bad, "vault: price out of band")


def test_taker_without_margin_reverts(kernel, order, buy):
    with boa.reverts("margin: below initial margin"):
        buy(2 * WAD, [order("maker 1", -2 * WAD)[1], order("maker 2", -2 * WAD)[1]], name="poor")

    assert size_of(kernel, "maker 1") == 0


def test_reducing_taker_keeps_what_was_filled_until_nothing_was_left(kernel, real, order, buy):
    """The fills after that are refused for the taker's sake; min_fill is for who wants all or nothing."""
    buy(-4 * WAD, [order("maker 3", 4 * WAD)[1]])
    makers = [order(f"maker {n}", -2 * WAD)[1] for n in (1, 2, 3)]

    with boa.reverts("exchange: fill too small"):
        buy(6 * WAD, makers, is_reduce_only=True, min_fill=6 * WAD)

    assert buy(6 * WAD, makers, is_reduce_only=True) == 4 * WAD
    assert size_of(kernel, "trader") == 0
    assert logged(real)[-1][0] == "OrderSkipped"
    kernel.assert_conserved()


def test_fok_order_half_refused_by_the_vault_reverts(kernel, real, order):
    taker = order("trader", 4 * WAD, time_in_force=FOK)[1]
    makers = [order("maker 1", -2 * WAD)[1], order("poor", -2 * WAD)[1]]

    with boa.reverts("exchange: not filled whole"):
        real.match_available_orders(taker, makers, sender=actor("attacker"))

    assert size_of(kernel, "trader") == size_of(kernel, "maker 1") == 0


@pytest.mark.parametrize("function", ["match_orders", "match_available_orders"])
@pytest.mark.parametrize("side", [1, -1], ids=["buy", "sell"])
def test_builders_are_paid_to_the_wei_and_the_market_keeps_its_own_fee(kernel, real, order, function, side):
    builder, other = account_of(actor("builder")), account_of(actor("other builder"), 5)
    size, price = 2_123_456_789_012_345_679, PRICE - 123_456_789
    taker = order("trader", side * 2 * size, builder=builder, builder_fee_rate=RATE, limit_price=PRICE)
    fees = {"builder": other, "builder_fee_rate": RATE, "limit_price": price if side > 0 else PRICE + 1}
    makers = [order(f"maker {n}", -side * size, **fees)[1] for n in (1, 2)]
    before = {n: kernel.state(account_of(actor(n))).cash for n in ("trader", "maker 1", "maker 2")}

    getattr(real, function)(taker[1], makers, sender=actor("builder"))

    quote = size * fees["limit_price"] // WAD
    assert kernel.state(builder).cash == 2 * quote * RATE // WAD
    assert kernel.state(other).cash == 2 * (quote * RATE // WAD)
    kernel.accounts |= {builder, other}
    kept = kernel.vault.fee_state().trading
    least = 2 * quote * (MAKER_RATE + TAKER_RATE) // WAD
    assert least <= kept <= least + 16
    paid = sum(before[n] - kernel.state(account_of(actor(n))).cash for n in before)
    assert paid == kept + kernel.state(builder).cash + kernel.state(other).cash
    kernel.assert_conserved()


@pytest.mark.parametrize("function", ["trade", "trade_available"])
def test_fee_beyond_the_kernels_limit_is_refused_although_the_signer_agreed(kernel, order, buy, function):
    """0.1 % for the market's and the builder's fee together, to the last unit."""
    builder, limit = account_of(actor("builder")), 10**15
    fields = {"builder": builder, "max_fee_rate": 10**18}
    over = order("maker 1", -2 * WAD, builder_fee_rate=limit - MAKER_RATE + 1, **fields)[1]

    with boa.reverts("vault: fee too high"):
        buy(2 * WAD, [over], function=function)

    most = order("maker 1", -2 * WAD, builder_fee_rate=limit - MAKER_RATE, **fields)[1]
    assert buy(2 * WAD, [most], function=function) == 2 * WAD
    assert kernel.state(builder).cash == 200 * (limit - MAKER_RATE)
