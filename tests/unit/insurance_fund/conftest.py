"""An insurance fund on its own: the vault is a plain account here, since the fund never calls it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

import boa
import pytest
from boa.contracts.vyper.vyper_contract import VyperContract
from boa.util.abi import Address

from tests import support
from tests.support import Log, named_logs, plain

WAD = 10**18
NORMAL, CAUTION, RESTRICTED, ADL, HALTED = range(5)


class Source(IntFlag):
    """As in IInsuranceFund; a flag's numbers are no getters, so they are written down once, here."""

    TRADING_FEES = 1
    FUNDING = 2
    LIQUIDATION = 4
    CAPITAL = 8
    DONATION = 16
    COMMUNITY = 32
    REPAYMENT = 64


@dataclass
class FundSystem:
    """A fund, its token and the accounts around it. Token amounts are given in whole tokens."""

    fund: VyperContract
    token: VyperContract
    vault: Address
    governance: Address
    contributor: Address
    stranger: Address

    @property
    def unit_quote(self) -> int:
        """Quote, 18 decimals, in one token unit."""
        return 10 ** (18 - self.token.decimals())

    def units(self, whole: int) -> int:
        """Token units in whole tokens."""
        return whole * 10 ** self.token.decimals()

    def quote(self, units: int) -> int:
        """Token units as quote with 18 decimals."""
        return units * self.unit_quote

    def add_capital(self, whole: int) -> None:
        self.fund.add_capital(self.units(whole), sender=self.contributor)

    def receive(self, trading_fees: int = 0, funding: int = 0, liquidation: int = 0) -> None:
        """The vault hands over whole tokens of each kind."""
        amounts = [self.units(whole) for whole in (trading_fees, funding, liquidation)]
        self.token.mint(self.fund, sum(amounts))
        self.fund.receive_inflow(*amounts, sender=self.vault)

    def pay(self, market: int, whole: int, open_interest: int = 0) -> int:
        """The vault reports whole tokens of claims; the units paid."""
        payment = self.fund.pay(market, self.quote(self.units(whole)), open_interest, sender=self.vault)
        assert payment.community == 0
        return payment.reserve // self.unit_quote

    def logs(self) -> list[Log]:
        """All events of the last call, the token's included, in order."""
        return named_logs(self.fund)

    def state(self) -> tuple:
        """All that a call could have changed."""
        fund = self.fund
        return (
            fund.reserve(),
            fund.total_paid(),
            fund.capital_withdrawn(),
            fund.target(),
            fund.vault(),
            fund.owner(),
            plain(fund.parameters()),
            plain(fund.daily_budget()),
            [fund.total_in(source) for source in Source],
            [fund.paid_in_market(market) for market in range(3)],
            [plain(fund.episode(market)) for market in range(3)],
            [plain(fund.market_limits(market)) for market in range(3)],
            [self.token.balanceOf(account) for account in (fund, self.vault, self.governance)],
        )

    def window_seconds(self) -> int:
        """From now to the first second at which a payment made now no longer counts."""
        period = self.fund.PERIOD_SECONDS()
        return self.fund.PERIODS() * period - boa.env.timestamp % period

    def assert_conserved(self) -> None:
        """I7: the reserve is what came in less what went out, and the tokens are there."""
        fund = self.fund
        inflows = sum(fund.total_in(source) for source in Source)
        assert fund.reserve() == inflows - fund.total_paid() - fund.capital_withdrawn()
        payees = [*range(3), fund.RECOVERY()]
        assert fund.total_paid() == sum(fund.paid_in_market(payee) for payee in payees)
        assert fund.hot_reserve() == fund.reserve() - fund.cold_reserve() <= self.token.balanceOf(fund)


def limits(draw_cap: int, draw_share: int = WAD // 4, stress_share: int = WAD // 10) -> tuple[int, int, int]:
    return draw_cap, draw_share, stress_share


def build(token: VyperContract, governance: Address, has_vault: bool = True) -> FundSystem:
    """A fund over `token`: 20 % a day, 25 % or 30,000 tokens a market and episode, target 50,000 at least."""
    whole = 10 ** token.decimals()
    parameters = (WAD // 5, WAD // 2, WAD // 10, 50_000 * whole, limits(30_000 * whole))
    fund = support.deploy("InsuranceFund.vy", token, governance, parameters)
    system = FundSystem(
        fund=fund,
        token=token,
        vault=support.actor("vault"),
        governance=governance,
        contributor=support.actor("contributor"),
        stranger=support.actor("stranger"),
    )
    if has_vault:
        fund.set_vault(system.vault, sender=governance)
    token.mint(system.contributor, 10**12 * whole)
    token.approve(fund, 2**256 - 1, sender=system.contributor)
    return system


@pytest.fixture(scope="module", params=[6, 18])
def token(request: pytest.FixtureRequest) -> VyperContract:
    return support.deploy("mocks/MockERC20.vy", request.param)


@pytest.fixture(scope="module")
def governance() -> Address:
    return support.actor("governance")


@pytest.fixture(scope="module")
def system(token: VyperContract, governance: Address) -> FundSystem:
    """A fund without money."""
    return build(token, governance)


@pytest.fixture(scope="module")
def funded(token: VyperContract, governance: Address) -> FundSystem:
    """A fund with 100,000 tokens of capital: 20,000 a day, 25,000 a market and episode."""
    system = build(token, governance)
    system.add_capital(100_000)
    return system


@pytest.fixture(scope="module")
def make_system(governance: Address) -> Callable[..., FundSystem]:
    """For tokens and funds of another kind."""

    def make(token_path: str = "mocks/MockERC20.vy", decimals: int = 6, has_vault: bool = True) -> FundSystem:
        return build(support.deploy(token_path, decimals), governance, has_vault)

    return make


@pytest.fixture
def uncapped(funded: FundSystem) -> FundSystem:
    """The funded fund with all limits as wide as their bounds allow."""
    fund = funded.fund
    wide = limits(fund.MAX_AMOUNT(), fund.MAX_DRAW_SHARE())
    fund.set_daily_cap_share(fund.MAX_DAILY_CAP_SHARE(), sender=funded.governance)
    fund.set_default_limits(wide, sender=funded.governance)
    return funded


@dataclass
class Modes:
    """A fund without limits whose vault answers; target 1,000 whole tokens, reserve as given."""

    system: FundSystem
    vault: VyperContract

    @property
    def fund(self) -> VyperContract:
        return self.system.fund

    @property
    def mode(self) -> int:
        return (self.vault.exchange_word() >> 176) & 255

    def update(self) -> int:
        mode = self.fund.update_mode(sender=support.actor("anybody"))
        assert mode == self.mode
        return mode

    def pay(self, whole: int, market: int = 0) -> None:
        self.system.pay(market, whole)

    def set_target(self, whole: int) -> None:
        self.fund.set_target_floor(self.system.units(whole), sender=self.system.governance)

    def set_mode(self, mode: int) -> None:
        self.vault.set_mode(mode)


@pytest.fixture(scope="module", params=[6, 18])
def modes(make_system: Callable[..., FundSystem], request: pytest.FixtureRequest) -> Modes:
    system = make_system(decimals=request.param, has_vault=False)
    vault = support.deploy("mocks/MockFundVault.vy")
    vault.set_mode(NORMAL)
    vault.set_fund(system.fund)
    system.vault = vault.address
    fund, governance = system.fund, system.governance
    fund.set_vault(vault, sender=governance)
    fund.set_daily_cap_share(WAD, sender=governance)
    fund.set_default_limits((fund.MAX_AMOUNT(), WAD, WAD // 100), sender=governance)
    system.add_capital(1_000)
    modes = Modes(system, vault)
    modes.set_target(1_000)
    return modes
