# pragma version 0.4.3
# pragma optimize codesize

"""
@title CrisisMathHarness
@license AGPL-3.0-only
@author Lastline
@notice The formulas of maturing profit, last tiers and take-overs for tests to call, so that what is proven of them (proofs/) is compared with the code
@dev Figures come from the caller; what a module reads of its storage is written just before.
"""

from ..lib import packing
from ..modules import accounts
from ..modules import bankruptcy_account
from ..modules import cohorts
from ..modules import liquidation
from ..modules import loss_sharing
from ..modules import margin
from ..modules import markets
from ..modules import maturity
from ..modules import positions

initializes: markets
initializes: accounts
initializes: cohorts[markets := markets]
initializes: maturity[markets := markets]
initializes: positions[accounts := accounts, cohorts := cohorts, markets := markets, maturity := maturity]
initializes: margin[accounts := accounts, markets := markets, maturity := maturity, positions := positions]
initializes: liquidation[margin := margin, markets := markets]
initializes: bankruptcy_account[markets := markets]
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]


# modules/maturity.vy


@external
def add_profit(profit: uint256, taken: uint256) -> (uint256, uint256):
    """
    @param taken What rounds have taken of the batch, 27 decimals
    @return Shares booked, and the rest that is cash
    """
    self._set_batch(0, taken)
    m: maturity.Maturing = empty(maturity.Maturing)
    m.batch = 1
    fine: uint256 = 0
    m, fine = maturity._add(0, m, profit)
    return m.current, fine


@external
def consume(shares: uint256, taken: uint256, loss: uint256) -> (uint256, uint256):
    """
    @return Shares left, and loss left
    """
    self._set_batch(shares, taken)
    left: uint256 = 0
    m: maturity.Maturing = empty(maturity.Maturing)
    m.batch = 1
    m.current = shares
    m, left = maturity._consume(0, m, loss)
    return m.current, left


@external
def worth(shares: uint256, taken: uint256) -> uint256:
    self._set_batch(shares, taken)
    m: maturity.Maturing = empty(maturity.Maturing)
    m.batch = 1
    m.current = shares
    return maturity._worth(0, m)


@external
def charge(pots: uint256, shares: uint256, taken: uint256, share: uint256) -> (uint256, uint256):
    """
    @notice What a round leaves of the pots, and has taken of the batch
    """
    self._set_batch(shares, taken)
    markets.pots[0] = pots
    m: markets.Market = self._market(1)
    m = loss_sharing._charge(m, share)
    return markets.pots[0], packing._share(maturity.batch_words[1])


# modules/loss_sharing.vy


@external
@view
def bankruptcy_price(mark: uint256, i: bankruptcy_account.Inventory, band: uint256) -> uint256:
    return loss_sharing._bankruptcy_price(self._market(mark), i, band)


@external
@view
def inventory_equity(mark: uint256, i: bankruptcy_account.Inventory) -> int256:
    return bankruptcy_account._equity(self._market(mark), i)


# modules/liquidation.vy


@external
@view
def cost_rate(
    mark: uint256, size: int256, margin_here: uint256, health: uint256, liquidation_word: uint256
) -> uint256:
    seat: positions.Seat = empty(positions.Seat)
    seat.size = size
    m: markets.Market = self._market(mark)
    return liquidation._cost_rate(m, seat, margin_here, health, liquidation_word)


@external
def plan(
    mark: uint256,
    size: int256,
    cash: int256,
    maintenance: uint256,
    margin_word: uint256,
    liquidation_word: uint256,
    multiplier: uint256,
    max_size: uint256,
) -> liquidation.Plan:
    """
    @notice A market without a minimum notional
    @param cash The account's equity
    @param maintenance The account's, all markets
    """
    m: markets.Market = self._market(mark)
    m.margin_word = margin_word
    markets.liquidation_words[0] = liquidation_word
    seat: positions.Seat = empty(positions.Seat)
    seat.size = size
    risk: margin.Risk = empty(margin.Risk)
    risk.cash = cash
    risk.maintenance = maintenance
    return liquidation._plan(m, seat, risk, multiplier, max_size)


@external
@view
def margins(
    mark: uint256, size: int256, margin_word: uint256, multiplier: uint256
) -> (uint256, uint256, uint256):
    seat: positions.Seat = empty(positions.Seat)
    seat.size = size
    m: markets.Market = self._market(mark)
    m.margin_word = margin_word
    maintenance: uint256 = 0
    marginal: uint256 = 0
    initial: uint256 = 0
    maintenance, marginal, initial = margin._margins(m, seat, multiplier)
    return maintenance, marginal, initial


@view
def _market(mark: uint256) -> markets.Market:
    m: markets.Market = empty(markets.Market)
    m.mark = mark
    m.mark_time = block.timestamp
    m.tick_bits = 6
    return m


def _set_batch(shares: uint256, taken: uint256):
    """
    @notice Batch 1 of market 0 is the current one, charged, with `shares`
    """
    markets.batch_sums_words[0] = packing._batch_sums_word(shares, 0, 1, 1)
    maturity.batch_words[1] = packing._batch_word(taken, 0)
