"""What the kernel's unit suites share: calls by a named actor, full event lists, the ledger as stored."""

from typing import Any

import boa

from tests.kernel import BTC, Kernel, account_of, deploy_kernel, liquidation_config, margin_config
from tests.support import actor, wait

TRADER, COUNTERPARTY = "trader", "counterparty"
# Every account the suites use; all are part of the stored ledger and of the conservation check.
NAMES = (TRADER, COUNTERPARTY, "sibling", "stranger")
# A mark moves the market clock by at most so much.
CLOCK_STEP = 300


def new_kernel(decimals: int = 6, **options: Any) -> Kernel:
    """A kernel that counts every account the suites use when it checks that nothing is lost."""
    kernel = deploy_kernel(decimals, **options)
    kernel.accounts |= {account_of(name) for name in NAMES} | {account_of(TRADER, 1)}
    return kernel


def by(name: str, function: Any, *args: Any) -> Any:
    """Call a function as a named actor."""
    with boa.env.prank(actor(name)):
        return function(*args)


def govern(function: Any, *args: Any) -> Any:
    return by("governance", function, *args)


def events(kernel: Kernel) -> list[tuple]:
    """Every event the vault logged in its last call, as (name, argument, ...)."""
    logs = kernel.vault.get_logs()
    return [(type(e).__name__, *e[1:]) for e in logs if e[0] == kernel.vault.address]


def ledger(kernel: Kernel) -> list[Any]:
    """Everything stored for the suites' accounts and markets, and who holds the tokens."""
    vault = kernel.vault
    out: list[Any] = [vault.exchange_word(), vault.fee_state(), kernel.held()]
    out += [kernel.token.balanceOf(actor(name)) for name in NAMES]
    accounts = account_of(TRADER), account_of(TRADER, 1), account_of(COUNTERPARTY)
    out += [vault.account_word(account) for account in accounts]
    for market in range(min(vault.market_count(), 2)):
        out.append(vault.market_words(market))
        for account in accounts:
            out += [vault.position_word(account, market), vault.maturing_word(account, market)]
    return out


def signed(direction: str, amount: int = 1) -> int:
    return amount if direction == "long" else -amount


def trade(kernel: Kernel, direction: str, size: Any, price: Any = None, **options: Any) -> None:
    """The trader buys (long) or sells (short) against the counterparty; the buyer takes."""
    trader, counterparty = account_of(TRADER), account_of(COUNTERPARTY)
    pair = (trader, counterparty) if direction == "long" else (counterparty, trader)
    kernel.fill(*pair, size, price, **options)


def opposite(direction: str) -> str:
    return "short" if direction == "long" else "long"


def maker(account: int, size: int, price: int, fee_rate: int = 0, is_reduce_only: bool = False) -> tuple:
    return (account, size, price, fee_rate, is_reduce_only)


def raw_fill(kernel: Kernel, makers: list[tuple], taker: int | None = None, **options: Any) -> None:
    """The vault's own `fill`, sizes and prices as they are, by default with the trader as taker."""
    by(
        options.get("sender", "exchange"),
        kernel.vault.fill,
        options.get("market", BTC),
        account_of(TRADER) if taker is None else taker,
        options.get("fee_rate", 0),
        options.get("is_reduce_only", False),
        makers,
    )


def pass_batches(kernel: Kernel, count: int = 2, market: int = BTC) -> None:
    """Take marks until the market clock has ended `count` batches; the price stays."""
    price, (_, batch_seconds, _) = kernel.vault.mark(market), kernel.vault.settings()
    for _ in range(count * batch_seconds // CLOCK_STEP):
        wait(CLOCK_STEP)
        kernel.oracle.set_price(market, price)
        kernel.vault.update_mark(market)


def margin_tuple(**changes: Any) -> tuple:
    return tuple(margin_config(**changes).values())


def liquidation_tuple(**changes: Any) -> tuple:
    return tuple(liquidation_config(**changes).values())
