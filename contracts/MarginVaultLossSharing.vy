# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize

"""
@title MarginVaultLossSharing
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part for losses the fund does not pay: queue ADL at the bankruptcy price, closing at mark by
        rank, and rounds that charge every profit the same share. Who is closed or charged, at which price and
        for how much is decided here; the LossAllocator chooses only which tier acts next.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from .interfaces import IKernelPart
from .interfaces import IMarginVaultLossSharing
from .lib import fixed_math
from .lib import kernel
from .lib import margin_math
from .lib import packing
from .lib import units
from .modules import accounts
from .modules import bankruptcy_account
from .modules import books
from .modules import claims_payment
from .modules import claims_queue
from .modules import cohorts
from .modules import fund_payments
from .modules import loss_sharing
from .modules import margin
from .modules import markets
from .modules import maturity
from .modules import positions
from .modules import recovery
from .modules import system

implements: IKernelPart
implements: IMarginVaultLossSharing

# The same state, in the same order, in all parts of the kernel (tests/meta compares the layouts).
initializes: system
initializes: markets
initializes: accounts
initializes: cohorts[markets := markets]
initializes: maturity[markets := markets]
initializes: positions[
    accounts := accounts, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: margin[
    accounts := accounts, markets := markets, maturity := maturity, positions := positions
]
initializes: books[
    accounts := accounts,
    cohorts := cohorts,
    margin := margin,
    markets := markets,
    positions := positions,
    system := system,
]
initializes: bankruptcy_account[markets := markets]
initializes: claims_queue
initializes: fund_payments[markets := markets, system := system]
initializes: claims_payment[
    bankruptcy_account := bankruptcy_account,
    claims_queue := claims_queue,
    fund_payments := fund_payments,
    markets := markets,
    system := system,
]
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: recovery[markets := markets]


ROUND_SPACING_SECONDS: constant(uint256) = 600

CONFIG: immutable(bytes32)
THIS: immutable(address)


@deploy
def __init__(collateral: address):
    """
    @dev Reverts "kernel: decimals", "kernel: other configuration"
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    CONFIG = config
    THIS = self
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


@external
def deleverage(market: uint256, max_cohorts: uint256) -> IMarginVaultLossSharing.Deleveraging:
    kernel._require_delegated(THIS)
    m: markets.Market = markets._load(market)
    i: bankruptcy_account.Inventory = self._open_last_tiers(m)
    self._require_inventory(m, i)
    word: uint256 = markets.liquidation_words[market]
    price: uint256 = loss_sharing._bankruptcy_price(m, i, margin_math._deleverage_band(word))
    return self._close_inventory(m, i, price, max_cohorts, claims_queue.ADL)


@external
def close_at_mark(market: uint256, max_cohorts: uint256) -> IMarginVaultLossSharing.Deleveraging:
    kernel._require_delegated(THIS)
    system._require_loss_allocator()
    m: markets.Market = markets._load(market)
    markets._require_fresh(m)
    i: bankruptcy_account.Inventory = claims_payment._open_synced(m)
    dust: uint256 = margin_math._dust(markets.liquidation_words[market])
    assert i.outstanding <= dust, "crisis: deficit first"
    self._require_inventory(m, i)
    assert (
        claims_queue._last_loss_time(market) >= markets._inventory_since(market)
    ), "crisis: no claim since empty"
    return self._close_inventory(m, i, m.mark, max_cohorts, claims_queue.RECOVERED)


@external
def charge_round(market: uint256, max_cohorts: uint256) -> IMarginVaultLossSharing.Round:
    kernel._require_delegated(THIS)
    system._require_loss_allocator()
    loss_sharing._require_steps(max_cohorts)
    m: markets.Market = markets._peek(market)
    is_new: bool = not m.is_round_open
    if is_new:
        i: bankruptcy_account.Inventory = self._open_last_tiers(m)
        m = bankruptcy_account._close(m, i)
        loss_sharing.round_deficits[market] = i.outstanding
        loss_sharing.round_reachable[market] = markets._pots(market) + maturity._reachable(market)
        loss_sharing.round_places[market] = 0
        log IMarginVaultLossSharing.RoundOpened(
            market=market, mark=m.mark, deficit=i.outstanding
        )
    scan: loss_sharing.Scan = loss_sharing._scan(
        m, loss_sharing.round_places[market], max_cohorts
    )
    deficit: uint256 = loss_sharing.round_deficits[market]
    reachable: uint256 = loss_sharing.round_reachable[market] + scan.reachable
    round: IMarginVaultLossSharing.Round = IMarginVaultLossSharing.Round(
        deficit=deficit,
        reachable=reachable,
        share=0,
        cohorts=scan.cohorts,
        is_done=scan.is_done,
    )
    # A round that needs several calls holds the market: it may only be opened when one is surely due.
    if is_new and (
        block.timestamp - packing._round_time(markets.clock_words[market]) < ROUND_SPACING_SECONDS
    ):
        # (not "crisis: ...": who asks for too little must not be told that the round is not due)
        assert scan.is_done, "round: too few cohorts"
        assert unsafe_mul(deficit, 100) > reachable, "crisis: round too soon"
    m.is_round_open = not scan.is_done
    if m.is_round_open:
        loss_sharing.round_reachable[market] = reachable
        loss_sharing.round_places[market] = scan.place
        markets._store_price(m)
        markets._store_flow(m)
        return round
    if reachable == 0:
        # Nothing to charge: a round that held the market lets it go.
        assert not is_new, "crisis: nothing reachable"
        markets._store_price(m)
        log IMarginVaultLossSharing.RoundAbandoned(market=market, deficit=deficit)
        return round
    round.share = loss_sharing._share_of(deficit, reachable)
    m = loss_sharing._complete_round(m, deficit, reachable, round.share)
    i: bankruptcy_account.Inventory = bankruptcy_account._open(m)
    i.cash += convert(min(deficit, reachable), int256)
    i = claims_queue._sync(m, i, claims_queue.SOCIALISED, 0, claims_queue._inventory_side(i))
    i = bankruptcy_account._take_surplus(m, i)
    markets._store_flow(bankruptcy_account._close(m, i))
    return round


def _open_last_tiers(m: markets.Market) -> bankruptcy_account.Inventory:
    """
    @notice The market's synced inventory, if winners may be made to pay now: there is a deficit, and the fund can
            pay nothing of it or is to be spared (mode ADL)
    @dev Reverts "vault: not loss allocator", "market: stale mark", "crisis: no deficit", "crisis: fund can pay"
    """
    system._require_loss_allocator()
    markets._require_fresh(m)
    i: bankruptcy_account.Inventory = claims_payment._open_synced(m)
    claims_payment._require_unpaid(m, i)
    return i


@view
def _require_inventory(m: markets.Market, i: bankruptcy_account.Inventory):
    assert not bankruptcy_account._is_dust(m, i), "crisis: no inventory"


def _close_inventory(
    m: markets.Market,
    inventory: bankruptcy_account.Inventory,
    price: uint256,
    max_cohorts: uint256,
    tier: uint256,
) -> IMarginVaultLossSharing.Deleveraging:
    """
    @notice Close inventory by rank at `price`, and let `tier` have paid what that improves
    """
    loss_sharing._require_steps(max_cohorts)
    deficit: uint256 = inventory.outstanding
    equity: int256 = bankruptcy_account._equity(m, inventory)
    walk: loss_sharing.Walk = loss_sharing._close_by_rank(m, inventory, price, max_cohorts)
    i: bankruptcy_account.Inventory = walk.inventory
    out: IMarginVaultLossSharing.Deleveraging = IMarginVaultLossSharing.Deleveraging(
        price=price,
        size=fixed_math._magnitude(unsafe_sub(inventory.size, i.size)),
        improvement=fixed_math._positive_part(
            bankruptcy_account._equity(walk.market, i) - equity
        ),
        cohorts=walk.cohorts,
        is_done=walk.is_done,
    )
    i = claims_queue._sync(m, i, tier, 0, claims_queue._inventory_side(i))
    i = bankruptcy_account._take_surplus(m, i)
    markets._store_flow(bankruptcy_account._close(walk.market, i))
    log IMarginVaultLossSharing.Deleveraged(
        market=m.id,
        price=price,
        mark=m.mark,
        size=out.size,
        improvement=out.improvement,
        cohorts=out.cohorts,
        deficit_before=deficit,
    )
    return out
