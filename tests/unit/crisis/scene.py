"""A market about to break, told from the side that loses: what the suites about crises share.

Prices are told as a distance from 100 that hurts the losing side, so that one text serves long and short.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import boa
from boa.contracts.abi.abi_contract import ABIContract
from boa.contracts.vyper.vyper_contract import VyperContract

from tests.kernel import BTC, INSURANCE_FUND, WAD, Kernel, account_of, wad
from tests.support import actor, deploy

Number = float | int | str | Decimal

MODE_NORMAL, MODE_CAUTION, MODE_RESTRICTED, MODE_ADL, MODE_HALTED = range(5)
NO_SIDE, LONG, SHORT = range(3)


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def fraction(amount: Number) -> Fraction:
    """An amount of the tests, exact, in 18-decimals units."""
    return Fraction(Decimal(str(amount))) * WAD


def plain(value: Any) -> Any:
    return value.address if isinstance(value, (ABIContract, VyperContract)) else value


@dataclass
class Scene:
    kernel: Kernel
    side: int  # of the losers: 1 long, -1 short

    # --- driving -------------------------------------------------------------------------------------------

    @property
    def vault(self) -> Any:
        return self.kernel.vault

    @property
    def loss_side(self) -> int:
        """The losers' side as claims name it."""
        return LONG if self.side > 0 else SHORT

    def account(
        self, name: str, quote: Number, sub: int = 0, leverage_class: int = 0, market: int = BTC
    ) -> int:
        """An account of a named actor with cash."""
        account = self.kernel.fund_account(name, quote, sub)
        if leverage_class:
            with boa.env.prank(actor(name)):
                self.vault.set_leverage_class(account, market, leverage_class)
        return account

    def price(self, against: Number) -> int:
        """100, moved against the losers."""
        return wad(100) - self.side * wad(against)

    def move(self, against: Number, market: int = BTC, seconds: int = 60) -> int:
        """Let time pass and take the mark 100, moved against the losers."""
        price = self.price(against)
        self.kernel.set_price(Decimal(price) / WAD, market, seconds)
        return price

    def open(self, loser: int, winner: int, size: Number, market: int = BTC) -> None:
        """At mark, without fees: `loser` on the losing side."""
        buyer, seller = (loser, winner) if self.side > 0 else (winner, loser)
        self.kernel.fill(buyer, seller, size, market=market)

    def bankrupt(
        self, winner: int, size: Number = 10, margin: Number = 60, name: str = "loser", sub: int = 0
    ) -> int:
        """A loser at the present mark whose bankruptcy price is `margin / size` away."""
        loser = self.account(name, margin, sub)
        self.open(loser, winner, size)
        return loser

    def touch(self, account: int, market: int = BTC) -> None:
        self.vault.touch(account, market)

    def as_governance(self) -> Any:
        return boa.env.prank(actor("governance"))

    def set_mode(self, mode: int, multiplier: Number = 1) -> None:
        with self.as_governance():
            self.vault.set_risk_mode(mode, wad(multiplier))

    def with_fund(self, reserve: Number = 0, community: Number = 0) -> Any:
        """A fund whose behaviour is set, holding a million; it pays at most these budgets, quote."""
        fund = deploy("mocks/MockFund.vy", self.kernel.token)
        self.kernel.token.mint(fund, wad(10**6) // self.kernel.scale)
        fund.set_budgets(wad(reserve) // self.kernel.scale, wad(community) // self.kernel.scale)
        with self.as_governance():
            self.vault.set_role(INSURANCE_FUND, fund.address)
        return fund

    # --- reading -------------------------------------------------------------------------------------------

    def logs(self) -> list[tuple]:
        """All events of the vault's last call, other contracts' included, as (name, field, field ...)."""
        return [(type(e).__name__, *(getattr(e, f) for f in e._fields[1:])) for e in self.vault.get_logs()]

    def gas(self) -> int:
        """Of the vault's last call."""
        return self.vault._computation.get_gas_used()

    def equity(self, account: int) -> int:
        return self.kernel.state(account).equity

    def snapshot(self) -> tuple:
        """All that a call could have changed."""
        vault, markets = self.vault, range(self.vault.market_count())
        accounts = sorted(self.kernel.accounts | {account_of("keeper")})
        return (
            [(vault.market_words(m), vault.rate_sum_word(m), vault.side_window(m)) for m in markets],
            [vault.account_word(a) for a in accounts],
            [vault.position_word(a, m) for a in accounts for m in markets],
            [vault.maturing_word(a, m) for a in accounts for m in markets],
            [tuple(c) for c in self.kernel.claims()],
            (*vault.fee_state(), *(vault.surplus(m) for m in markets), vault.uncovered()),
            vault.settings(),
            vault.exchange_word(),
            self.kernel.token.balanceOf(vault.address),
        )

    def position_changed(
        self, account: int, change: int, price: int, realised: int = 0, fee: int = 0, market: int = BTC
    ) -> tuple:
        """The event of a position that was written; its words are what the storage holds now."""
        words = self.vault.account_word(account), self.vault.position_word(account, market)
        return ("PositionChanged", account, market, change, price, realised, fee, *words)

    def maturing_changed(self, account: int, market: int = BTC) -> tuple:
        word, sums = self.vault.maturing_word(account, market), self.vault.market_words(market)[3]
        return ("MaturingChanged", account, market, word, sums)

    def cohort_closed(self, key: int, price: int, size: int, share: int, market: int = BTC) -> tuple:
        words = self.vault.cohort_words(key)
        return ("CohortClosed", market, key, price, size, share, words[1], words[3])


def fresh(kernel: Kernel, side: int) -> Scene:
    """A scene of its own over a deployment that several tests share."""
    return Scene(replace(kernel, accounts=set()), side)


# --- an account-by-account model of what cohorts do in constant time, exact --------------------------------


@dataclass
class Winner:
    """One position, sizes and notionals as magnitudes; `sign` is 1 for a long."""

    sign: int
    size: Fraction
    notional: Fraction
    pot: Fraction = Fraction(0)

    def profit(self, price: Fraction) -> Fraction:
        return self.sign * (self.size * price / WAD - self.notional)

    def close(self, share: Fraction, price: Fraction) -> None:
        """ADL: a share of the position, at a price."""
        self.pot += share * self.profit(price)
        self.size *= 1 - share
        self.notional *= 1 - share

    def charge(self, share: Fraction, price: Fraction) -> None:
        """A round: the same share of everything that was won."""
        self.pot *= 1 - share
        profit = self.profit(price)
        if profit > 0:
            self.notional += self.sign * share * profit

    def assert_matches(self, scene: Scene, account: int, bound: int = 4) -> None:
        """Within `bound` wei, each rounding against the member."""
        p = scene.kernel.position(account)
        assert -bound <= p.size - self.sign * self.size <= 0
        assert 0 <= p.notional - self.sign * self.notional <= bound
        assert -bound <= p.pot - self.pot <= 0


def low(tick: int) -> int:
    """The lowest price of a 6-bit tick."""
    return (64 | tick & 63) << ((tick >> 6) - 6)


def tick_at(price: int) -> int:
    octave = price.bit_length() - 1
    return octave << 6 | (price >> (octave - 6)) & 63


def cohort_key(side: int, price: int, leverage_class: int = 0, generation: int = 0, market: int = BTC) -> int:
    return market << 23 | (side < 0) << 22 | leverage_class << 20 | tick_at(price) << 6 | generation


__all__ = [n for n in dir() if not n.startswith("_")]
