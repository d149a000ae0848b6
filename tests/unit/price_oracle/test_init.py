"""PriceOracle: the constructor."""

import boa

from tests import support
from tests.unit.price_oracle.feeds import WAD, logged

ZERO_ADDRESS = "0x" + "00" * 20


def test_init_makes_governance_the_owner(oracle, governance):
    assert logged(oracle) == [
        ("OwnershipTransferred", ZERO_ADDRESS, boa.env.eoa),
        ("OwnershipTransferred", boa.env.eoa, governance),
    ]
    assert oracle.owner() == governance
    assert oracle.pending_owner() == ZERO_ADDRESS
    assert oracle.sequencer_feed() == ZERO_ADDRESS
    assert oracle.sequencer_grace_seconds() == 0


def test_init_zero_governance_reverts():
    with boa.reverts("oracle: zero governance"):
        support.deploy("PriceOracle.vy", ZERO_ADDRESS)


def test_init_bounds_of_what_governance_may_set_are_these(oracle):
    assert (oracle.MAX_FEEDS(), oracle.MAX_DECIMALS(), oracle.MAX_ANSWER()) == (5, 18, 2**127 - 1)
    assert oracle.MAX_HEARTBEAT_SECONDS() == 25 * 3_600
    assert (oracle.MIN_DEVIATION_LIMIT(), oracle.MAX_DEVIATION_LIMIT()) == (WAD // 10_000, WAD // 10)
    assert (oracle.MIN_BASIS_CLAMP(), oracle.MAX_BASIS_CLAMP()) == (WAD // 10_000, WAD // 20)
    assert (oracle.MIN_BASIS_WINDOW(), oracle.MAX_BASIS_WINDOW()) == (60, 24 * 3_600)
    assert (oracle.MIN_GRACE_SECONDS(), oracle.MAX_GRACE_SECONDS()) == (300, 24 * 3_600)
    assert oracle.MAX_REPLACEMENT_FACTOR() == 2


def test_init_limits_are_what_they_claim(oracle):
    assert oracle.MIN_PRICE() * 10**6 == WAD
    assert oracle.MAX_PRICE() == 10**12 * WAD
    # Four per cent a day, rounded down to what the kernel lets pass a second.
    rate = oracle.MAX_FUNDING_CLAMP() // oracle.FUNDING_PERIOD()
    assert rate * 86_400 <= 4 * WAD // 100 < (rate + 1) * 86_400
    assert oracle.MAX_FUNDING_CLAMP() == rate * oracle.FUNDING_PERIOD()
    # Interest alone is within every clamp that can be stored, and a premium in 48 bits of steps of 1e-15.
    assert oracle.FUNDING_DAMPER() <= oracle.MAX_FUNDING_CLAMP()
    assert oracle.MAX_BASIS_CLAMP() // 1_000 < 2**47
    # The largest product the oracle forms.
    assert oracle.MAX_ANSWER() * 10 ** oracle.MAX_DECIMALS() * WAD < 2**256
    # What a feed is given even if the caller left no more than the reserve; a cold account costs 2,600.
    assert (oracle.FEED_GAS_RESERVE() - 5_000) * 63 // 64 >= oracle.FEED_GAS()
