"""
What an attacker works with: the kernel behind its real engine, allocator, exchange and fund, and his own
count.
"""

from dataclasses import dataclass
from typing import Any

import boa
from boa.contracts.vyper.vyper_contract import VyperContract
from boa.util.abi import Address

from tests.kernel import EXCHANGE, INSURANCE_FUND, LIQUIDATION_ENGINE, LOSS_ALLOCATOR, WAD, Kernel, wad
from tests.support import actor, deploy, signer
from tests.unit.crisis.scene import Scene
from tests.unit.exchange.orders import Order, account_of, sign

# Tiers as a policy names them.
DELEVERAGE, ROUND, CLOSE_AT_MARK = 1, 2, 3


def worth(scene: Scene, *accounts: int) -> int:
    """All that these accounts and their owners' wallets can ever take home at the last marks, quote."""
    owners = {Address("0x" + f"{account >> 96:040x}") for account in accounts}
    held = sum(scene.kernel.token.balanceOf(owner) for owner in owners) * scene.kernel.scale
    return held + sum(scene.equity(account) for account in accounts)


@dataclass
class Desk:
    """The whole system; a scene drives prices and accounts, anybody may call the rest."""

    scene: Scene
    exchange: VyperContract
    engine: VyperContract
    allocator: VyperContract
    fund: VyperContract

    @property
    def kernel(self) -> Kernel:
        return self.scene.kernel

    def use_exchange(self) -> None:
        """
        From now on orders trade, and the scene's own fills do not; accounts opened before must accept it.
        """
        self.scene.vault.set_role(EXCHANGE, self.exchange.address, sender=actor("governance"))

    def add_capital(self, quote: float | int | str) -> None:
        tokens = wad(quote) // self.kernel.scale
        self.kernel.token.mint(actor("contributor"), tokens)
        self.kernel.token.approve(self.fund, tokens, sender=actor("contributor"))
        self.fund.add_capital(tokens, sender=actor("contributor"))

    def set_policy(self, *tiers: int) -> None:
        self.allocator.set_policy(0, tiers, sender=actor("governance"))

    def order(self, owner: str, size: int, price: int, **fields: Any) -> Order:
        """An order in market 0 of an owner's first account, good for an hour."""
        values = {"market": 0, "expiry": boa.env.timestamp + 3600, "max_fee_rate": 0} | fields
        return Order(account=account_of(owner), size=size, limit_price=price, **values)

    def signed(self, name: str, size: int, price: int, **fields: Any) -> tuple:
        """An order of a named actor, signed by his key."""
        return sign(self.exchange, self.order(actor(name), size, price, **fields), signer(name))

    def trade(self, name: str, size: int, price: int, *makers: tuple) -> int:
        """A named actor takes signed orders."""
        account = account_of(actor(name))
        with boa.env.prank(actor(name)):
            return self.exchange.trade(account, 0, size, price, 0, False, 0, list(makers))


def open_desk(scene: Scene) -> Desk:
    """Put the real contracts in their roles; the fund may pay a quarter of its reserve for one market."""
    vault, governance = scene.vault, actor("governance")
    limits = (10**12, WAD // 4, WAD // 10)
    fund = deploy("InsuranceFund.vy", scene.kernel.token, governance, (WAD, WAD // 2, WAD // 10, 0, limits))
    fund.set_vault(vault.address, sender=governance)
    desk = Desk(
        scene,
        deploy("Exchange.vy", governance, vault.address),
        deploy("LiquidationEngine.vy", vault.address),
        deploy("LossAllocator.vy", governance, vault.address),
        fund,
    )
    holders = {LIQUIDATION_ENGINE: desk.engine, LOSS_ALLOCATOR: desk.allocator, INSURANCE_FUND: fund}
    for role, holder in holders.items():
        vault.set_role(role, holder.address, sender=governance)
    return desk
