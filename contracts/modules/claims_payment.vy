# pragma version 0.4.3

"""
@title claims_payment
@license AGPL-3.0-only
@author Lastline
@notice How a market's claims are made to fit its inventory and paid by the fund, the oldest of all markets first; and
        when the fund is held not to pay them.
"""

from ethereum.ercs import IERC20

from ..lib import margin_math
from ..lib import packing
from ..lib import price_tick
from ..lib import units
from . import bankruptcy_account
from . import claims_queue
from . import fund_payments
from . import markets
from . import system

uses: bankruptcy_account
uses: claims_queue
uses: fund_payments
uses: markets
uses: system


def _sync_and_pay(
    collateral: IERC20, scale: uint256, m: markets.Market, is_asked: bool
) -> (markets.Market, uint256):
    """
    @notice Make a market's claims fit its inventory at mark, and let the fund pay them
    @param scale Quote units (18 decimals) per token unit
    @param is_asked True: revert if an older claim comes first, and tell the fund even that there is no claim
    @return The market, and what claims still lack, quote
    @dev Reverts "claims: older claim first", "crisis: not enough gas"
    """
    i: bankruptcy_account.Inventory = bankruptcy_account._open(m)
    if i.size == 0 and i.cash == 0 and i.outstanding == 0 and not is_asked:
        return m, 0
    i = claims_queue._sync(m, i, claims_queue.RECOVERED, 0, claims_queue._inventory_side(i))
    is_first: bool = i.outstanding == 0 or not self._is_older_payable(m.id)
    assert is_first or not is_asked, "claims: older claim first"
    if is_first and (i.outstanding != 0 or is_asked):
        reserve: uint256 = 0
        community: uint256 = 0
        reserve, community = fund_payments._request(collateral, scale, m, i.outstanding)
        i.cash += convert(reserve + community, int256)
        i.outstanding -= claims_queue._pay(
            m.id, claims_queue.RESERVE, min(reserve, i.outstanding)
        )
        i.outstanding -= claims_queue._pay(
            m.id, claims_queue.COMMUNITY, min(community, i.outstanding)
        )
        i = claims_queue._sync(m, i, claims_queue.RECOVERED, 0, claims_queue._inventory_side(i))
    i = bankruptcy_account._take_surplus(m, i)
    return bankruptcy_account._close(m, i), i.outstanding


@view
def _is_older_payable(market: uint256) -> bool:
    """
    @notice True if another market has an older claim that the fund would pay something of now
    """
    head: uint256 = claims_queue._head_claim(market)
    rest: uint256 = claims_queue.claim_markets & ~packing._bit(market)
    for n: uint256 in range(units.MAX_MARKETS):
        if rest == 0:
            break
        other: uint256 = price_tick._lowest_bit(rest)
        rest &= unsafe_sub(rest, 1)
        if claims_queue._head_claim(other) < head and fund_payments._can_pay(
            markets._peek(other), packing._high_half(bankruptcy_account.cash_words[other])
        ):
            return True
    return False


def _open_synced(m: markets.Market) -> bankruptcy_account.Inventory:
    """
    @notice The market's inventory, its claims made to fit its equity at mark
    """
    i: bankruptcy_account.Inventory = bankruptcy_account._open(m)
    return claims_queue._sync(m, i, claims_queue.RECOVERED, 0, claims_queue._inventory_side(i))


@view
def _require_unpaid(m: markets.Market, i: bankruptcy_account.Inventory):
    """
    @notice Others than the fund may be made to pay now: there is a deficit, and the fund can pay nothing of it or is to be
            spared (mode ADL)
    @dev Reverts "crisis: no deficit", "crisis: fund can pay"
    """
    assert i.outstanding > margin_math._dust(
        markets.liquidation_words[m.id]
    ), "crisis: no deficit"
    assert (
        system._mode(system.exchange_word) >= system.ADL
        or not fund_payments._can_pay(m, i.outstanding)
    ), "crisis: fund can pay"
