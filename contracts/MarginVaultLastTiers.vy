# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize

"""
@title MarginVaultLastTiers
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part for what neither the fund nor profit pays: the side charge, on the positions opposite a loss, and the
        write-off of what is left of it after a day, to be borne by all withdrawals at one ratio. Who is charged and how much
        is decided here; nobody can keep the write-off from coming.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from ethereum.ercs import IERC20
from .interfaces import IKernelPart
from .interfaces import IMarginVaultLastTiers
from .interfaces import IPriceOracle
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
implements: IMarginVaultLastTiers

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


# What a side may be charged in a window, for each base: mark times the lowest maintenance rate, over this.
LIMIT_PARTS: constant(uint256) = 2
# Claims so old are written off.
WAITING_SECONDS: constant(uint256) = 86_400

CONFIG: immutable(bytes32)
THIS: immutable(address)
TOKEN: immutable(IERC20)
SCALE: immutable(uint256)


# What each side has to pay and may be made to, as the claims are gone through.
struct Sides:
    long_size: uint256  # base, of all but the inventory
    short_size: uint256
    long_room: uint256  # quote per base that the window leaves
    short_room: uint256
    long_left: uint256  # quote that may still be asked for
    short_left: uint256
    for_longs: uint256  # quote asked for
    for_shorts: uint256


@deploy
def __init__(collateral: address):
    """
    @dev Reverts "kernel: decimals"
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    CONFIG = config
    THIS = self
    TOKEN = IERC20(collateral)
    SCALE = scale
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


@external
def charge_side(market: uint256, max_cohorts: uint256) -> IMarginVaultLastTiers.SideCharge:
    kernel._require_delegated(THIS)
    system._require_loss_allocator()
    m: markets.Market = markets._load(market)
    markets._require_fresh(m)
    i: bankruptcy_account.Inventory = claims_payment._open_synced(m)
    claims_payment._require_unpaid(m, i)
    reachable: uint256 = 0
    cohorts_read: uint256 = 0
    reachable, cohorts_read = self._reachable(m, max_cohorts)
    assert reachable <= margin_math._dust(
        markets.liquidation_words[market]
    ), "crisis: profit first"
    charge: IMarginVaultLastTiers.SideCharge = empty(IMarginVaultLastTiers.SideCharge)
    m, i, charge = self._charge_side(m, i, reachable)
    assert charge.collected != 0, "crisis: side charge waits"
    charge.cohorts = cohorts_read
    i = bankruptcy_account._take_surplus(m, i)
    markets._store_flow(bankruptcy_account._close(m, i))
    return charge


@external
def write_off(market: uint256, max_cohorts: uint256) -> uint256:
    kernel._require_delegated(THIS)
    m: markets.Market = markets._load(market)
    is_fresh: bool = markets._is_fresh(m)
    if not is_fresh:
        self._require_dead_feed(m)
    # everybody's last turn: the fund, profit, the opposite positions
    lacking: uint256 = 0
    m, lacking = claims_payment._sync_and_pay(TOKEN, SCALE, m, False)
    i: bankruptcy_account.Inventory = bankruptcy_account._open(m)
    claims_payment._require_unpaid(m, i)
    dust: uint256 = margin_math._dust(markets.liquidation_words[market])
    assert self._old_claims(market) > dust, "crisis: claims too young"
    reachable: uint256 = 0
    cohorts_read: uint256 = 0
    reachable, cohorts_read = self._reachable(m, max_cohorts)
    if reachable > dust:
        m = loss_sharing._complete_round(
            m, i.outstanding, reachable, loss_sharing._share_of(i.outstanding, reachable)
        )
        i.cash += convert(min(i.outstanding, reachable), int256)
        i = claims_queue._sync(
            m, i, claims_queue.SOCIALISED, 0, claims_queue._inventory_side(i)
        )
    if is_fresh:
        charge: IMarginVaultLastTiers.SideCharge = empty(IMarginVaultLastTiers.SideCharge)
        m, i, charge = self._charge_side(m, i, 0)
    amount: uint256 = 0
    if i.outstanding > dust:
        amount = i.outstanding
        i.outstanding = 0
        i.cash += convert(claims_queue._pay(market, claims_queue.RECOVERY, amount), int256)
        recovery.uncovered += amount
        log IMarginVaultLastTiers.WrittenOff(
            market=market,
            mark=m.mark,
            is_feed_dead=not is_fresh,
            amount=amount,
            uncovered=recovery.uncovered,
        )
    i = bankruptcy_account._take_surplus(m, i)
    markets._store_flow(bankruptcy_account._close(m, i))
    return amount


@view
def _require_dead_feed(m: markets.Market):
    """
    @notice Without a fresh mark the last good one counts only when the oracle has had no usable price for a day
    @dev Reverts "market: stale mark", and with what the oracle reverts
    """
    status: IPriceOracle.Status = staticcall IPriceOracle(system.price_oracle).status(m.id)
    assert not status.usable, "market: stale mark"
    markets._require_long_silent(m)


@view
def _old_claims(market: uint256) -> uint256:
    """
    @notice What claims filed at least a day ago lack, quote: so that dust which lies about does not let a fresh loss be
            written off at once
    """
    word: uint256 = claims_queue.queue_words[market]
    head: uint256 = word & packing.MASK_32
    tail: uint256 = (word >> 32) & packing.MASK_32
    total: uint256 = 0
    for n: uint256 in range(claims_queue.MAX_OUTSTANDING):
        if head == tail:
            break
        id: uint256 = claims_queue.queue[(market << 32) | head]
        if block.timestamp - (claims_queue.claims[id].origin_word >> 16) < WAITING_SECONDS:
            break
        total += claims_queue._outstanding(id)
        head += 1
    return total


def _reachable(m: markets.Market, max_cohorts: uint256) -> (uint256, uint256):
    """
    @notice All profit that a round could charge at mark, quote, and how many generations were read for it
    @dev Reverts "crisis: bad step count", "tiers: too few cohorts"
    """
    loss_sharing._require_steps(max_cohorts)
    scan: loss_sharing.Scan = loss_sharing._scan(m, 0, max_cohorts)
    # (not "crisis: ...": who asks for too little must not be told that nothing is due)
    assert scan.is_done, "tiers: too few cohorts"
    return (
        scan.reachable + markets._pots(m.id) + maturity._reachable(m.id),
        scan.cohorts,
    )


def _charge_side(
    market: markets.Market, inventory: bankruptcy_account.Inventory, reachable: uint256
) -> (markets.Market, bankruptcy_account.Inventory, IMarginVaultLastTiers.SideCharge):
    """
    @notice Have the positions opposite the market's claims pay for them, the oldest first, as far as the window allows. The
            inventory pays nothing: it was opened at the old indices and is closed at the new ones
    @custom:rounding Charges up; what is collected down, on at most what all others have
    """
    m: markets.Market = market
    i: bankruptcy_account.Inventory = inventory
    charge: IMarginVaultLastTiers.SideCharge = empty(IMarginVaultLastTiers.SideCharge)
    charge.deficit = i.outstanding
    window: uint256 = loss_sharing.side_windows[m.id]
    if block.timestamp - (window & packing.MASK_40) >= markets.batch_seconds:
        window = block.timestamp
    sides: Sides = self._ask_sides(m.id, self._sides(m, i, window))
    charge.long_charge = self._charge_of(sides.for_longs, sides.long_size, sides.long_room)
    charge.short_charge = self._charge_of(sides.for_shorts, sides.short_size, sides.short_room)
    charge.collected = fixed_math._mul_div_down(
        charge.long_charge, sides.long_size, units.WAD
    ) + fixed_math._mul_div_down(charge.short_charge, sides.short_size, units.WAD)
    if charge.collected == 0:
        return m, i, charge
    # what longs pay raises their index, what shorts pay lowers theirs
    m.long_index += convert(charge.long_charge, int256)
    m.short_index -= convert(charge.short_charge, int256)
    markets._store_funding(m)
    window += (charge.long_charge << 40) + (charge.short_charge << 144)
    loss_sharing.side_windows[m.id] = window
    i.cash += convert(charge.collected, int256)
    i = claims_queue._sync(m, i, claims_queue.SIDE, 0, claims_queue._inventory_side(i))
    log IMarginVaultLastTiers.SideCharged(
        market=m.id,
        mark=m.mark,
        deficit=charge.deficit,
        reachable=reachable,
        long_size=sides.long_size,
        short_size=sides.short_size,
        long_charge=charge.long_charge,
        short_charge=charge.short_charge,
        collected=charge.collected,
        long_index=m.long_index,
        short_index=m.short_index,
        window_word=window,
    )
    return m, i, charge


@view
def _sides(m: markets.Market, i: bankruptcy_account.Inventory, window: uint256) -> Sides:
    """
    @notice Both sides without the inventory, and what the window leaves of their limit: half the lowest maintenance rate of mark
    """
    out: Sides = empty(Sides)
    limit: uint256 = fixed_math._mul_div_down(
        m.mark, (m.terms_word & packing.MASK_16) * units.RATE_STEP, LIMIT_PARTS * units.WAD
    )
    # (open interest is never more than all longs, nor these than all shorts)
    out.long_size = fixed_math._saturating_sub(m.open_interest, fixed_math._positive_part(i.size))
    out.short_size = fixed_math._saturating_sub(m.open_interest, fixed_math._positive_part(-i.size))
    out.long_room = fixed_math._saturating_sub(limit, (window >> 40) & packing.MASK_104)
    out.short_room = fixed_math._saturating_sub(limit, window >> 144)
    out.long_left = fixed_math._mul_div_down(out.long_room, out.long_size, units.WAD)
    out.short_left = fixed_math._mul_div_down(out.short_room, out.short_size, units.WAD)
    return out


@view
def _ask_sides(market: uint256, given: Sides) -> Sides:
    """
    @notice Go through the claims, oldest first: shorts are asked for the losses of longs, longs for those of shorts, and
            both, the same for each base, where no side made the loss. It ends with the first claim that is not paid whole.
    """
    s: Sides = given
    both: uint256 = s.long_size + s.short_size
    word: uint256 = claims_queue.queue_words[market]
    head: uint256 = word & packing.MASK_32
    tail: uint256 = (word >> 32) & packing.MASK_32
    for n: uint256 in range(claims_queue.MAX_OUTSTANDING):
        if head == tail:
            break
        id: uint256 = claims_queue.queue[(market << 32) | head]
        owed: uint256 = claims_queue._outstanding(id)
        side: uint256 = (claims_queue.claims[id].origin_word >> 8) & 3
        longs: uint256 = 0
        shorts: uint256 = 0
        if side == claims_queue.LONG:
            shorts = min(owed, s.short_left)
        elif side == claims_queue.SHORT:
            longs = min(owed, s.long_left)
        elif both != 0:
            part: uint256 = owed
            if s.long_size != 0:
                part = min(part, fixed_math._mul_div_down(s.long_left, both, s.long_size))
            if s.short_size != 0:
                part = min(part, fixed_math._mul_div_down(s.short_left, both, s.short_size))
            longs = fixed_math._mul_div_down(part, s.long_size, both)
            # (rounding must not ask more of the shorts than is left)
            shorts = min(part - longs, s.short_left)
        s.for_longs += longs
        s.long_left -= longs
        s.for_shorts += shorts
        s.short_left -= shorts
        if longs + shorts != owed:
            break
        head += 1
    return s


@pure
def _charge_of(amount: uint256, size: uint256, room: uint256) -> uint256:
    """
    @notice What each base of a side pays for `amount`, quote per base
    """
    if amount == 0:
        return 0
    return min(fixed_math._mul_div_up(amount, units.WAD, size), room)
