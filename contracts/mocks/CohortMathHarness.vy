# pragma version 0.4.3
# pragma optimize codesize

"""
@title CohortMathHarness
@license AGPL-3.0-only
@author Lastline
@notice The formulas of cohorts and positions for tests to call: proofs/ is compared with the code through them
@dev Figures come from the caller; what a module reads of its storage is written just before.
"""

from ..lib import packing
from ..modules import accounts
from ..modules import bankruptcy_account
from ..modules import cohorts
from ..modules import loss_sharing
from ..modules import markets
from ..modules import maturity
from ..modules import membership
from ..modules import positions

initializes: markets
initializes: accounts
initializes: cohorts[markets := markets]
initializes: maturity[markets := markets]
initializes: positions[accounts := accounts, cohorts := cohorts, markets := markets, maturity := maturity]
initializes: membership[accounts := accounts, cohorts := cohorts, markets := markets, positions := positions]
initializes: bankruptcy_account[markets := markets]
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]


# A market, as far as a formula looks at it.
struct Scene:
    mark: uint256
    open_interest: uint256
    index: int256  # funding index of both sides
    tick_bits: uint256


# What settling a member has changed.
struct Settled:
    open_interest: uint256
    pots: uint256
    cash: int256
    position_word: uint256
    maturing_word: uint256


# modules/cohorts.vy


@external
@pure
def is_in_profit(c: cohorts.Cohort, key: uint256, tick_bits: uint256, price: uint256) -> bool:
    return cohorts._is_in_profit(c, key, tick_bits, price)


@external
@pure
def profit_at(c: cohorts.Cohort, key: uint256, price: uint256) -> uint256:
    return cohorts._profit_at(c, key, price)


@external
@pure
def member(
    c: cohorts.Cohort, is_short: bool, size: uint256, notional: uint256, index: int256
) -> cohorts.Member:
    return cohorts._member(c, is_short, size, notional, index)


@external
@pure
def pot_of(c: cohorts.Cohort, key: uint256) -> uint256:
    return cohorts._pot_of(c, key)


@external
def close_part(
    c: cohorts.Cohort, key: uint256, limit: uint256, price: uint256, index: int256
) -> (cohorts.Cohort, cohorts.Closing):
    rest: cohorts.Cohort = c
    closing: cohorts.Closing = empty(cohorts.Closing)
    rest, closing = cohorts._close_part(c, key, limit, price, index)
    return rest, closing


@external
def with_round(
    c: cohorts.Cohort, key: uint256, tick_bits: uint256, share: uint256, mark: uint256
) -> cohorts.Cohort:
    """
    @notice `c`, which has seen no round, with one applied
    """
    m: markets.Market = self._market(Scene(mark=mark, open_interest=0, index=0, tick_bits=tick_bits))
    m.rounds = 1
    markets.round_words[0] = packing._round_word(share, mark)
    return cohorts._with_rounds(c, key, m, 1)


# modules/positions.vy


@external
@pure
def traded(size: int256, notional: int256, change: int256, cost: int256) -> (int256, int256, int256):
    after: int256 = 0
    kept: int256 = 0
    pnl: int256 = 0
    after, kept, pnl = positions._traded(size, notional, change, cost)
    return after, kept, pnl


@external
@view
def base_key(scene: Scene, size: int256, notional: int256) -> uint256:
    seat: positions.Seat = empty(positions.Seat)
    seat.size = size
    seat.notional = notional
    return positions._base_key(self._market(scene), seat)


# modules/membership.vy


@external
def settle(
    scene: Scene, c: cohorts.Cohort, key: uint256, size: uint256, notional: uint256, pots: uint256
) -> Settled:
    """
    @notice Settle an account whose only position is a member of the sealed generation `c`
    """
    m: markets.Market = self._market(scene)
    account: uint256 = 1
    markets._set_pots(0, pots)
    accounts.words[account] = 2**128
    accounts.positions[account][0] = packing._position_word(size, notional, key)
    cohorts._store(key, c)
    open_interest: uint256 = membership._settle(m, account)
    return Settled(
        open_interest=open_interest,
        pots=markets._pots(0),
        cash=packing._account(accounts.words[account]).cash,
        position_word=accounts.positions[account][0],
        maturing_word=accounts.maturing[account][0],
    )


# modules/loss_sharing.vy


@external
def close_generation(
    scene: Scene, i: bankruptcy_account.Inventory, key: uint256, c: cohorts.Cohort, price: uint256
) -> (int256, int256, uint256, uint256):
    """
    @return The inventory's size and notional, open interest, and what was added to the pots
    """
    markets._set_pots(0, 0)
    walk: loss_sharing.Walk = loss_sharing._close_generation(
        loss_sharing.Walk(market=self._market(scene), inventory=i, cohorts=0, is_done=False),
        key,
        c,
        price,
    )
    return (
        walk.inventory.size,
        walk.inventory.notional,
        walk.market.open_interest,
        markets._pots(0),
    )


@view
def _market(scene: Scene) -> markets.Market:
    m: markets.Market = empty(markets.Market)
    m.mark = scene.mark
    m.mark_time = block.timestamp
    m.open_interest = scene.open_interest
    m.long_index = scene.index
    m.short_index = scene.index
    m.tick_bits = scene.tick_bits
    return m
