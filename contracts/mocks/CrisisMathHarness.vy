# pragma version 0.4.3
# pragma optimize codesize

"""
@title CrisisMathHarness
@license AGPL-3.0-only
@author Lastline
@notice The formulas of maturing profit, last tiers and take-overs for tests to call: proofs/ is compared with the
        code through them
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


# Of the current and the previous batch: shares, or what rounds have taken of each (27 decimals).
struct Batches:
    current: uint256
    previous: uint256


# A market's maintenance lines, as stored.
struct Lines:
    terms_word: uint256
    more_lines_word: uint256
    last_lines_word: uint256


# modules/maturity.vy


@external
def realise(shares: Batches, taken: Batches, pnl: int256, is_charged: bool) -> (Batches, int256):
    """
    @notice Book a profit or loss of an account that has `shares` (modules/positions.vy)
    @param taken What rounds have taken of either batch
    @return Shares now, and what cash has changed by
    """
    self._set_batches(shares, taken, is_charged)
    seat: positions.Seat = empty(positions.Seat)
    seat.has_maturing = (shares.current | shares.previous) != 0
    if seat.has_maturing:
        seat.maturing = self._maturing(shares)
    seat = positions._realise(0, seat, pnl)
    assert seat.maturing.batch == 2 or not seat.has_maturing
    return Batches(current=seat.maturing.current, previous=seat.maturing.previous), seat.cash


@external
def worth(shares: Batches, taken: Batches, is_charged: bool) -> uint256:
    self._set_batches(shares, taken, is_charged)
    return maturity._worth(0, self._maturing(shares))


@external
def brought_on(word: uint256) -> (maturity.Maturing, maturity.Maturing):
    """
    @notice A stored word in a market whose batch is 2 and uncharged: as it is read, and read the long way
    """
    self._set_batches(empty(Batches), empty(Batches), False)
    return maturity._current(0, word), maturity._brought_on(0, packing._maturing(word), 2)


@external
def stored(shares: Batches, taken: Batches, is_charged: bool) -> maturity.Maturing:
    """
    @notice Shares written to a word and read again
    """
    self._set_batches(shares, taken, is_charged)
    return maturity._current(0, maturity._word(0, self._maturing(shares)))


@external
def charge(pots: uint256, shares: uint256, taken: uint256, share: uint256) -> (uint256, uint256):
    """
    @notice What a round leaves of the pots, and has taken of the batch
    """
    self._set_batches(Batches(current=shares, previous=0), Batches(current=taken, previous=0), True)
    markets._set_pots(0, pots)
    m: markets.Market = self._market(1, empty(Lines))
    m = loss_sharing._charge(m, share)
    return markets._pots(0), packing._share(maturity.batch_words[2])


# modules/loss_sharing.vy


@external
def bankruptcy_price(mark: uint256, i: bankruptcy_account.Inventory, band: uint256) -> uint256:
    return loss_sharing._bankruptcy_price(self._market(mark, empty(Lines)), i, band)


@external
def inventory_equity(mark: uint256, i: bankruptcy_account.Inventory) -> int256:
    return bankruptcy_account._equity(self._market(mark, empty(Lines)), i)


# modules/liquidation.vy


@external
def cost_rate(
    mark: uint256, size: int256, margin_here: uint256, health: uint256, liquidation_word: uint256
) -> uint256:
    seat: positions.Seat = empty(positions.Seat)
    seat.size = size
    m: markets.Market = self._market(mark, empty(Lines))
    return liquidation._cost_rate(m, seat, margin_here, health, liquidation_word)


@external
def plan(
    mark: uint256,
    size: int256,
    cash: int256,
    maintenance: uint256,
    lines: Lines,
    liquidation_word: uint256,
    multiplier: uint256,
    max_size: uint256,
) -> liquidation.Plan:
    """
    @notice A market without a minimum notional
    @param cash The account's equity
    @param maintenance The account's, all markets
    """
    m: markets.Market = self._market(mark, lines)
    markets.liquidation_words[0] = liquidation_word
    seat: positions.Seat = empty(positions.Seat)
    seat.size = size
    risk: margin.Risk = empty(margin.Risk)
    risk.cash = cash
    risk.maintenance = maintenance
    return liquidation._plan(m, seat, risk, multiplier, max_size)


@external
def margins(mark: uint256, size: int256, lines: Lines, multiplier: uint256) -> (uint256, uint256, uint256):
    seat: positions.Seat = empty(positions.Seat)
    seat.size = size
    m: markets.Market = self._market(mark, lines)
    maintenance: uint256 = 0
    marginal: uint256 = 0
    initial: uint256 = 0
    maintenance, marginal, initial = margin._margins(m, seat, multiplier)
    return maintenance, marginal, initial


def _market(mark: uint256, lines: Lines) -> markets.Market:
    m: markets.Market = empty(markets.Market)
    m.mark = mark
    m.mark_time = block.timestamp
    m.tick_bits = 6
    m.terms_word = lines.terms_word
    markets.more_lines_words[0] = lines.more_lines_word
    markets.last_lines_words[0] = lines.last_lines_word
    return m


@pure
def _maturing(shares: Batches) -> maturity.Maturing:
    return maturity.Maturing(current=shares.current, previous=shares.previous, batch=2, matured=0)


def _set_batches(shares: Batches, taken: Batches, is_charged: bool):
    """
    @notice Batch 2 of market 0 is the current one; both live ones are charged, or neither
    """
    markets.batch_sums_words[0] = packing._batch_sums_word(
        shares.current, shares.previous, 2, 3 if is_charged else 0
    )
    maturity.batch_words[2] = packing._batch_word(taken.current, 0)
    maturity.batch_words[1] = packing._batch_word(taken.previous, 0)
