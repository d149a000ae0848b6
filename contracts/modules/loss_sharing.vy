# pragma version 0.4.3

"""
@title loss_sharing
@license AGPL-3.0-only
@author Lastline
@notice The last tiers' work on cohorts: closing inventory against the other side by rank, and rounds.
@dev Rank = PnL % on the tick's entry price x leverage of the class, best first; generations of a tick rank equal,
     lowest index first. Every step costs the same whatever the number of members. Walks are bounded by the
     caller and start again from what is stored, so they can be resumed.
"""

from ..interfaces import IMarginVaultLossSharing
from ..lib import fixed_math
from ..lib import margin_math
from ..lib import packing
from ..lib import price_tick
from ..lib import units
from . import bankruptcy_account
from . import cohorts
from . import markets
from . import maturity

uses: bankruptcy_account
uses: cohorts
uses: markets
uses: maturity


# A walk by rank.
struct Walk:
    market: markets.Market
    inventory: bankruptcy_account.Inventory
    cohorts: uint256  # generations closed
    is_done: bool  # nothing more to close, or nobody left to close against


struct Scan:
    reachable: uint256
    cohorts: uint256  # generations read
    place: uint256  # where to go on: group 3 @0 | tick 14 @8 | generation 7 @24 | inside a group 1 @32
    is_done: bool


MAX_STEPS: constant(uint256) = 4096
TOP_TICK: constant(uint256) = 2**14 - 1
INSIDE: constant(uint256) = 2**32

# An open round, by market: what it is to collect, what the scan has found, and where it goes on.
round_deficits: uint256[32]
round_reachable: uint256[32]
round_places: uint256[32]
# Side charges of the present window, by market: its start 40 @0 | what longs were charged 104 @40 | what shorts were
# charged 104 @144; quote per base.
side_windows: uint256[32]


@pure
def _require_steps(steps: uint256):
    """
    @dev Reverts "crisis: bad step count"
    """
    assert unsafe_sub(steps, 1) < MAX_STEPS, "crisis: bad step count"


@pure
def _bankruptcy_price(m: markets.Market, i: bankruptcy_account.Inventory, band: uint256) -> uint256:
    """
    @notice P* = (N - c) / S, the price at which the inventory's equity is exactly used up
    @dev Rounded for the vault, kept within `band` (share, 18 decimals) around mark and the legal prices
    """
    gap: int256 = i.notional - i.cash
    if i.size < 0:
        gap = -gap
    owed: uint256 = fixed_math._positive_part(gap)
    size: uint256 = fixed_math._magnitude(i.size)
    width: uint256 = fixed_math._mul_div_down(m.mark, band, units.WAD)
    if i.size > 0:
        price: uint256 = fixed_math._mul_div_up(owed, units.WAD, size)
        return min(min(price, m.mark + width), units.MAX_PRICE)
    price: uint256 = fixed_math._mul_div_down(owed, units.WAD, size)
    return max(max(price, m.mark - width), units.MIN_PRICE)


@pure
def _rank(m: markets.Market, leverage_class: uint256, tick: uint256) -> uint256:
    """
    @notice PnL % at mark of an entry at the tick's low price, times the class's leverage; 18 decimals
    """
    entry: uint256 = price_tick._low(tick, m.tick_bits)
    gain: uint256 = m.mark - entry if m.mark > entry else entry - m.mark
    return fixed_math._mul_div_down(
        fixed_math._mul_div_down(gain, units.WAD, entry),
        units.WAD,
        max(margin_math._class_rate(m.terms_word, leverage_class), 1),
    )


@pure
def _may_be_in_profit(m: markets.Market, is_short: bool, tick: uint256, price: uint256) -> bool:
    """
    @notice False if no generation of the tick, nor of any beyond it, can be wholly in profit at `price` (18
            decimals): entries only ever move against their owners
    """
    if is_short:
        return price_tick._low(tick, m.tick_bits) >= price
    return price_tick._low(tick + 1, m.tick_bits) <= price


def _close_by_rank(
    m: markets.Market, inventory: bankruptcy_account.Inventory, price: uint256, limit: uint256
) -> Walk:
    """
    @notice Close inventory at `price` against the best-ranked opposite generations that are wholly in profit there
            and at mark
    @param limit Most generations to visit
    """
    w: Walk = Walk(market=m, inventory=inventory, cohorts=0, is_done=False)
    is_short: bool = inventory.size > 0
    edge: uint256 = max(price, m.mark) if is_short else min(price, m.mark)
    ticks: uint256[4] = empty(uint256[4])
    has_tick: bool[4] = empty(bool[4])
    for leverage_class: uint256 in range(4):
        has_tick[leverage_class], ticks[leverage_class] = cohorts._next_tick(
            self._group(m.id, is_short, leverage_class), TOP_TICK if is_short else 0, not is_short
        )
    steps: uint256 = 0
    for n: uint256 in range(MAX_STEPS):
        # the best candidate of all classes
        best: uint256 = 4
        best_rank: uint256 = 0
        for leverage_class: uint256 in range(4):
            if has_tick[leverage_class] and not self._may_be_in_profit(
                m, is_short, ticks[leverage_class], edge
            ):
                has_tick[leverage_class] = False
            if has_tick[leverage_class]:
                rank: uint256 = self._rank(m, leverage_class, ticks[leverage_class])
                if best == 4 or rank > best_rank:
                    best = leverage_class
                    best_rank = rank
        if best == 4:
            w.is_done = True
            break
        base: uint256 = packing._cohort_key(m.id, is_short, best, ticks[best], 0)
        populated: uint256 = cohorts._populated(base)
        has_open: bool = False
        for g: uint256 in range(units.GENERATIONS):
            if populated == 0 or steps == limit:
                break
            key: uint256 = base | price_tick._lowest_bit(populated)
            populated &= unsafe_sub(populated, 1)
            steps += 1
            c: cohorts.Cohort = cohorts._current(key, m)
            if c.a != 0 and cohorts._is_in_profit(
                c, key, m.tick_bits, edge * units.WAD_TO_RAY
            ):
                w = self._close_generation(w, key, c, price)
                c.a = units.RAY - packing._share(cohorts.generations[key].scale_word)
            has_open = has_open or c.a != 0
            if w.inventory.size == 0 or (w.inventory.size > 0) != is_short:
                w.is_done = True
                return w
        if populated != 0:
            return w
        if not has_open:
            cohorts._retire_tick(base)
        elif bankruptcy_account._is_dust(m, w.inventory):
            w.is_done = True
            return w
        if is_short and ticks[best] == 0:
            has_tick[best] = False
        else:
            has_tick[best], ticks[best] = cohorts._next_tick(
                self._group(m.id, is_short, best),
                ticks[best] - 1 if is_short else ticks[best] + 1,
                not is_short,
            )
        if steps == limit:
            return w
    return w


def _close_generation(w: Walk, key: uint256, c: cohorts.Cohort, price: uint256) -> Walk:
    """
    @notice Close as much of one generation as the inventory needs, and book it in the inventory
    @custom:rounding The inventory's signed size down, its signed notional up
    """
    out: Walk = w
    is_short: bool = cohorts._is_short(key)
    rest: cohorts.Cohort = c
    closing: cohorts.Closing = empty(cohorts.Closing)
    rest, closing = cohorts._close_part(
        c,
        key,
        fixed_math._magnitude(w.inventory.size),
        price,
        markets._side_index(w.market, is_short),
    )
    if closing.share == 0:
        return out
    cohorts._store(key, rest)
    if is_short:
        out.inventory.size -= convert(closing.size_up, int256)
        out.inventory.notional -= convert(
            fixed_math._mul_div_down(closing.size_down, price, units.WAD), int256
        )
    else:
        out.inventory.size += convert(closing.size_down, int256)
        out.inventory.notional += convert(
            fixed_math._mul_div_up(closing.size_up, price, units.WAD), int256
        )
        out.market.open_interest = fixed_math._saturating_sub(
            out.market.open_interest, closing.size_up
        )
    markets._add_pot(w.market.id, closing.pot)
    out.cohorts += 1
    log IMarginVaultLossSharing.CohortClosed(
        market=w.market.id,
        key=key,
        price=price,
        size=closing.size_down,
        share=closing.share,
        scale_word=cohorts.generations[key].scale_word,
        pot_word=cohorts.generations[key].pot_word,
    )
    return out


@pure
def _group(market: uint256, is_short: bool, leverage_class: uint256) -> uint256:
    return packing._cohort_key(market, is_short, leverage_class, 0, 0) >> 20 << 8


def _scan(m: markets.Market, start: uint256, limit: uint256) -> Scan:
    """
    @notice Add up the open profit at mark of every generation wholly in profit, both sides, all classes
    @dev Writes nothing. Reverts "cohort: sync first" at a generation with more than 64 rounds pending
    @param start Place to go on from
    @param limit Most generations to read
    """
    s: Scan = Scan(reachable=0, cohorts=0, place=start, is_done=False)
    price: uint256 = m.mark * units.WAD_TO_RAY
    for n: uint256 in range(MAX_STEPS):
        group: uint256 = s.place & 7
        is_short: bool = group >= 4
        tick: uint256 = (s.place >> 8) & packing.MASK_14
        first: uint256 = (s.place >> 24) & packing.MASK_7
        if s.place & INSIDE == 0:
            tick = TOP_TICK if is_short else 0
        has_tick: bool = False
        has_tick, tick = cohorts._next_tick(
            self._group(m.id, is_short, group & 3), tick, not is_short
        )
        if not has_tick or not self._may_be_in_profit(m, is_short, tick, m.mark):
            if group == 7:
                s.is_done = True
                return s
            s.place = group + 1
            continue
        base: uint256 = packing._cohort_key(m.id, is_short, group & 3, tick, 0)
        populated: uint256 = (cohorts._populated(base) >> first) << first
        for g: uint256 in range(units.GENERATIONS):
            if populated == 0:
                break
            generation: uint256 = price_tick._lowest_bit(populated)
            if s.cohorts == limit:
                s.place = group | (tick << 8) | (generation << 24) | INSIDE
                return s
            s.cohorts += 1
            s.reachable += self._open_profit(m, base | generation, price)
            populated &= unsafe_sub(populated, 1)
        if is_short and tick == 0:
            s.place = group + 1
        else:
            s.place = group | ((tick - 1 if is_short else tick + 1) << 8) | INSIDE
    return s


def _open_profit(m: markets.Market, key: uint256, price: uint256) -> uint256:
    """
    @notice What a round at `price` (27 decimals) can take of a generation's open profit, quote
    """
    c: cohorts.Cohort = cohorts._current(key, m)
    if not cohorts._is_in_profit(c, key, m.tick_bits, price):
        return 0
    return cohorts._profit_at(c, key, price)


def _charge(m: markets.Market, share: uint256) -> markets.Market:
    """
    @notice Append a round: the share f (27 decimals) of every profit at mark. Open positions feel it when next
            read; pots and maturing profit now.
    """
    out: markets.Market = m
    markets.round_words[(m.id << 24) | m.rounds] = packing._round_word(share, m.mark)
    out.rounds += 1
    markets._set_pots(
        m.id, fixed_math._mul_div_down(markets._pots(m.id), units.RAY - share, units.RAY)
    )
    maturity._charge(m.id, share)
    return out


@pure
def _share_of(deficit: uint256, reachable: uint256) -> uint256:
    """
    @notice The share of all profit that a round takes, 27 decimals
    @custom:rounding Up
    """
    return min(fixed_math._mul_div_up(deficit, units.RAY, reachable), units.RAY)


def _complete_round(
    m: markets.Market, deficit: uint256, reachable: uint256, share: uint256
) -> markets.Market:
    """
    @notice Charge a round that is not open any more: `share` (27 decimals) of all that is `reachable` at mark for `deficit` (quote), and store and log
            it; what it takes is the caller's to book
    """
    out: markets.Market = self._charge(m, share)
    markets._store_price(out)
    markets.clock_words[m.id] = packing._with_round_time(
        markets.clock_words[m.id], block.timestamp
    )
    log IMarginVaultLossSharing.RoundCharged(
        market=m.id,
        index=m.rounds,
        mark=m.mark,
        deficit=deficit,
        reachable=reachable,
        share=share,
        pots=markets._pots(m.id),
        batch_sums_word=markets.batch_sums_words[m.id],
    )
    return out
