"""I8 (and I1, I2) through the real entries: no sequence of one owner's calls brings more than others have stated.

What is allowed, call by call, is in one_owner.py. Three kinds of histories:

  pure    constant prices, nobody else's orders, nobody else in trouble: besides, never more than at the start
  orders  constant prices; others have signed orders around mark, carelessly some, and are liquidated and absorbed
  moving  the same while prices move and funding is paid

Limited liability. What an account lacks is nobody's: who holds both sides may let one go below zero and keep the other's
profit. In `moving` histories the price may jump by more than any margin, so such deficits are counted apart (`option`) and
allowed: they are an account's size x change of mark less all it had, no more, and the waterfall takes them (limit 1
of docs/security.md: initial margin and `max_opening_age` bound them where the price is continuous). In the other two no
account goes below zero after the start.
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.stateful import one_owner
from tests.stateful.chain import AnvilChain
from tests.stateful.one_owner import MOVING, ORDERS, PURE, Attack, Kind, run_attack
from tests.stateful.ledger import Divergence
from tests.stateful.venue import Venue

STEPS = 70
SEEDS = 12
DEEP_SEEDS = 400


@pytest.fixture(scope="module")
def chain() -> Iterator[AnvilChain]:
    chain = AnvilChain()
    yield chain
    chain.close()


@pytest.fixture(scope="module")
def venues(chain: AnvilChain) -> list[Venue]:
    return one_owner.venues(chain)
