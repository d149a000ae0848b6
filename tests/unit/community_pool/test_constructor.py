"""CommunityPool.__init__: what a pool is deployed with stays for ever, and nobody owns it"""

import boa
import pytest
from boa.util.abi import Address

from tests import support
from tests.unit.community_pool.desk import DAY, PARAMETERS

ZERO = Address("0x" + 40 * "0")
NAMES = ("entry_delay", "cooldown", "window", "payout_delay", "vesting", "lapse_fee")
BOUNDS = {
    "entry_delay": (3_600, 30 * DAY),
    "cooldown": (DAY, 30 * DAY),
    "window": (DAY, 14 * DAY),
    "payout_delay": (DAY, 7 * DAY),
    "vesting": (DAY, 90 * DAY),
    "lapse_fee": (10**14, 10**16),
}
MESSAGES = {
    "entry_delay": "pool: bad entry delay",
    "cooldown": "pool: bad cooldown",
    "window": "pool: bad window",
    "payout_delay": "pool: bad payout delay",
    "vesting": "pool: bad vesting",
    "lapse_fee": "pool: bad lapse fee",
}


def changed(name: str, worth: int) -> tuple:
    return tuple(worth if n == name else p for n, p in zip(NAMES, PARAMETERS, strict=True))


def test_a_new_pool_is_empty(system):
    assert set(system.books().values()) == {0}
    assert system.pool.totalSupply() == system.pool.totalAssets() == system.pool.exposed_assets() == 0


def test_a_new_pool_knows_its_wiring(system):
    assert system.pool.asset() == system.token.address
    assert system.pool.fund() == system.fund.address
    assert tuple(system.pool.parameters()) == PARAMETERS


def test_shares_have_six_decimals_more_than_the_asset(system):
    assert system.pool.decimals() == system.token.decimals() + 6
    assert system.pool.name() == "Lastline Community Pool"
    assert system.pool.symbol() == "LLCP"


def test_a_first_share_costs_one_token(system):
    assert system.pool.price_per_share() == system.units(1)


@pytest.mark.parametrize("name", NAMES)
def test_bounds_are_the_getters(system, name):
    getters = tuple(getattr(system.pool, f"{end}_{name.upper()}")() for end in ("MIN", "MAX"))
    assert getters == BOUNDS[name]


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_may_reach_its_bound(make_system, name, end):
    parameters = changed(name, BOUNDS[name][end])
    assert tuple(make_system(parameters=parameters).pool.parameters()) == parameters


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_below_its_bound_reverts(make_system, name):
    with boa.reverts(MESSAGES[name]):
        make_system(parameters=changed(name, BOUNDS[name][0] - 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_above_its_bound_reverts(make_system, name):
    with boa.reverts(MESSAGES[name]):
        make_system(parameters=changed(name, BOUNDS[name][1] + 1))


def test_a_payout_takes_as_long_as_any_batch(system):
    """Profit matures in batches; the vault's longest is a day."""
    assert system.pool.MIN_PAYOUT_DELAY() >= 86_400


def test_an_empty_fund_reverts(token):
    with boa.reverts("pool: empty fund"):
        support.deploy("CommunityPool.vy", token, ZERO, PARAMETERS)


def test_a_token_of_more_than_18_decimals_reverts():
    with boa.reverts("pool: bad token decimals"):
        support.deploy(
            "CommunityPool.vy",
            support.deploy("mocks/MockERC20.vy", 19),
            support.actor("fund"),
            PARAMETERS,
        )


def test_nobody_owns_the_pool(system):
    names = {entry["name"] for entry in system.pool.abi if entry["type"] == "function"}
    assert not [name for name in names if "owner" in name or "minter" in name or name.startswith("set_")]
