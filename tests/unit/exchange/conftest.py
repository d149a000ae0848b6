"""An exchange with fees in one market, a vault that only records, and the two sides of a trade."""

import boa
import pytest

from tests import support
from tests.unit.exchange.orders import (
    MAKER_RATE,
    MARKET,
    PRICE,
    TAKER_RATE,
    account_of,
    new_order,
    sign,
)


@pytest.fixture(scope="module")
def governance():
    return support.actor("governance")


@pytest.fixture(scope="module")
def attacker():
    return support.actor("attacker")


@pytest.fixture(scope="module")
def trader():
    return support.actor("trader")


@pytest.fixture(scope="module")
def counterparty():
    return support.actor("counterparty")


@pytest.fixture(scope="module")
def operator():
    return support.actor("operator")


@pytest.fixture(scope="module")
def vault():
    return support.deploy("mocks/MockVault.vy")


@pytest.fixture(scope="module")
def exchange(vault, governance):
    contract = support.deploy("Exchange.vy", governance, vault.address)
    contract.set_fee_rates(MARKET, MAKER_RATE, TAKER_RATE, sender=governance)
    return contract


@pytest.fixture(scope="module")
def trade(exchange, trader):
    """Trade the trader's account, by default at PRICE and at the market's own fee."""

    def call(
        size,
        makers,
        account=None,
        market=MARKET,
        limit_price=PRICE,
        min_fill=0,
        is_reduce_only=False,
        max_fee_rate=TAKER_RATE,
        sender=None,
    ):
        account = account_of(trader) if account is None else account
        with boa.env.prank(trader if sender is None else sender):
            return exchange.trade(
                account, market, size, limit_price, min_fill, is_reduce_only, max_fee_rate, makers
            )

    return call


@pytest.fixture(scope="module")
def maker(exchange):
    """A signed order of a named actor's first account, "counterparty" unless told otherwise."""

    def new_signed(size, name="counterparty", **fields):
        order = new_order(support.actor(name), size, **fields)
        return order, sign(exchange, order, support.signer(name))

    return new_signed
