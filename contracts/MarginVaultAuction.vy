# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title MarginVaultAuction
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part that sells what the bankruptcy accounts hold, at a price that falls with time. It computes
        every price and amount itself; the LiquidationEngine chooses only when.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from .interfaces import IKernelPart
from .interfaces import IMarginVaultAuction
from .lib import fixed_math
from .lib import kernel
from .lib import margin_math
from .lib import packing
from .lib import units
from .modules import accounts
from .modules import bankruptcy_account
from .modules import books
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
implements: IMarginVaultAuction

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
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: recovery[markets := markets]


CONFIG: immutable(bytes32)
THIS: immutable(address)
MEMBERSHIP: immutable(address)


@deploy
def __init__(collateral: address, membership: address):
    """
    @dev Reverts "kernel: decimals", "kernel: other configuration"
    @param membership MarginVaultMembership made for the same collateral
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    kernel._require_same(membership, config)
    CONFIG = config
    THIS = self
    MEMBERSHIP = membership
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


@external
def buy_inventory(market: uint256, buyer: uint256, max_size: uint256, limit_price: uint256) -> int256:
    kernel._require_delegated(THIS)
    system._require_liquidation_engine()
    m: markets.Market = markets._load(market)
    markets._require_unsettled(m)
    markets._require_fresh(m)
    inventory: bankruptcy_account.Inventory = bankruptcy_account._open(m)
    size: uint256 = min(fixed_math._magnitude(inventory.size), max_size)
    assert size != 0, "vault: no inventory"
    change: int256 = convert(size, int256)
    if inventory.size < 0:
        change = -change
    discount: uint256 = self._auction_discount(m, inventory, size)
    cost: int256 = fixed_math._signed_mul_div_ceil(change, m.mark, units.WAD) - convert(
        discount, int256
    )
    price: uint256 = fixed_math._mul_div_down(fixed_math._magnitude(cost), units.WAD, size)
    kernel._require_limit(change > 0, price, limit_price)
    # the bankruptcy account first: what it sells leaves it with no less than what its discount allows
    loss_side: uint256 = claims_queue._inventory_side(inventory)
    inventory.size -= change
    inventory.notional -= cost
    inventory = claims_queue._sync(m, inventory, claims_queue.RECOVERED, 0, loss_side)
    inventory = bankruptcy_account._take_surplus(m, inventory)
    m = bankruptcy_account._close(m, inventory)
    m.open_interest = books._receive(
        MEMBERSHIP, m, buyer, change, cost, price, inventory.size == 0
    )
    markets._store_flow(m)
    log IMarginVaultAuction.InventorySold(
        market=market, buyer=buyer, size=change, price=price, discount=discount
    )
    return change


@view
def _auction_discount(
    m: markets.Market, inventory: bankruptcy_account.Inventory, size: uint256
) -> uint256:
    """
    @notice Quote taken off the price of `size`: rises from 0 to the market's maximum over the auction's length,
            and never takes the inventory's equity below min(e, 0)
    """
    word: uint256 = markets.liquidation_words[m.id]
    length: uint256 = margin_math._auction_seconds(word)
    elapsed: uint256 = min(block.timestamp - markets._auction_start(m.id), length)
    rate: uint256 = fixed_math._mul_div_down(margin_math._auction_slippage(word), elapsed, length)
    discount: uint256 = fixed_math._mul_div_down(
        fixed_math._mul_div_down(size, m.mark, units.WAD), rate, units.WAD
    )
    return min(
        discount, fixed_math._positive_part(bankruptcy_account._equity(m, inventory))
    )
