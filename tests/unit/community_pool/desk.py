"""A community pool on its own: the fund is a double, calm or not, and its calls are made in its name."""

from dataclasses import dataclass

from boa.contracts.vyper.vyper_contract import VyperContract
from boa.util.abi import Address

from tests import support
from tests.support import Log, named_logs, plain

WAD = 10**18
DAY = 86_400
VIRTUAL = 10**6
ENTRY_DELAY, COOLDOWN, WINDOW, PAYOUT_DELAY, VESTING = DAY, 14 * DAY, 2 * DAY, DAY, 7 * DAY
LAPSE_FEE = 10**15
PARAMETERS = (ENTRY_DELAY, COOLDOWN, WINDOW, PAYOUT_DELAY, VESTING, LAPSE_FEE)
NO_EXIT = (0, 0, 0, 0, 0, 0)


@dataclass
class PoolSystem:
    """A pool, its token, its fund and the stakers. Amounts are whole tokens unless they are units."""

    pool: VyperContract
    token: VyperContract
    fund: VyperContract
    alice: Address
    bob: Address
    carol: Address
    attacker: Address
    stranger: Address

    @property
    def stakers(self) -> list[Address]:
        return [self.alice, self.bob, self.carol, self.attacker]

    def units(self, whole: int) -> int:
        """Token units in whole tokens."""
        return whole * 10 ** self.token.decimals()

    def request(self, owner: Address, whole: int) -> None:
        self.pool.request_deposit(self.units(whole), sender=owner)

    def stake(self, owner: Address, whole: int) -> int:
        """Deposit, wait, and get shares."""
        self.request(owner, whole)
        support.wait(ENTRY_DELAY)
        return self.pool.activate_deposit(owner, sender=self.stranger)

    def request_all(self, owner: Address) -> None:
        self.pool.request_exit(self.pool.balanceOf(owner), sender=owner)

    def executed(self, owner: Address) -> None:
        """An exit of all that the owner has, up to its execution."""
        self.request_all(owner)
        support.wait(COOLDOWN)
        self.pool.execute_exit(sender=owner)

    def leave(self, owner: Address) -> int:
        """The whole way out; the units paid."""
        self.executed(owner)
        support.wait(PAYOUT_DELAY)
        return self.pool.pay_exit(owner, sender=self.stranger)

    def draw(self, units: int) -> int:
        return self.pool.draw(units, sender=self.fund.address)

    def give(self, units: int) -> None:
        """An inflow of the fund."""
        self.token.mint(self.pool, units)
        self.pool.receive_inflow(units, sender=self.fund.address)

    def worth(self, owner: Address) -> int:
        """All that an owner has in the pool, token units."""
        pool = self.pool
        shares = pool.convertToAssets(pool.balanceOf(owner))
        return pool.entry_of(owner).assets + shares + pool.exit_worth(owner)

    def books(self) -> dict[str, int]:
        books = self.pool.books()
        return {name: getattr(books, name) for name in books._fields}

    def logs(self) -> list[Log]:
        """All events of the last call, the token's included, in order."""
        return named_logs(self.pool)

    def state(self) -> tuple:
        """All that a call could have changed."""
        pool = self.pool
        return (
            self.books(),
            pool.totalSupply(),
            pool.generation(),
            pool.total_inflow(),
            pool.total_drawn(),
            [pool.balanceOf(owner) for owner in self.stakers],
            [plain(pool.entry_of(owner)) for owner in self.stakers],
            [plain(pool.exit_of(owner)) for owner in self.stakers],
            [self.token.balanceOf(account) for account in (pool, self.fund, *self.stakers)],
        )

    def assert_conserved(self) -> None:
        """The books add up to no more than the tokens, and every claim on them is covered."""
        pool, books = self.pool, self.books()
        exposed = books["active_assets"] + books["unvested"] + books["exit_assets"]
        assert pool.exposed_assets() == exposed
        assert self.token.balanceOf(pool) >= exposed + books["pending_assets"]
        assert sum(pool.entry_of(owner).assets for owner in self.stakers) == books["pending_assets"]
        assert sum(pool.balanceOf(owner) for owner in self.stakers) == pool.totalSupply()
        assert sum(pool.exit_of(owner).units for owner in self.stakers) <= books["exit_units"]
        shares = [pool.convertToAssets(pool.balanceOf(owner)) for owner in self.stakers]
        assert sum(shares) <= books["active_assets"] == pool.totalAssets()
        assert sum(pool.exit_worth(owner) for owner in self.stakers) <= books["exit_assets"]


def build(token: VyperContract, parameters: tuple = PARAMETERS) -> PoolSystem:
    fund = support.deploy("mocks/MockPoolFund.vy")
    system = PoolSystem(
        pool=support.deploy("CommunityPool.vy", token, fund, parameters),
        token=token,
        fund=fund,
        alice=support.actor("alice"),
        bob=support.actor("bob"),
        carol=support.actor("carol"),
        attacker=support.actor("attacker"),
        stranger=support.actor("stranger"),
    )
    for owner in system.stakers:
        token.mint(owner, 10**9 * 10 ** token.decimals())
        token.approve(system.pool, 2**256 - 1, sender=owner)
    return system
