# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title VaultLens
@license AGPL-3.0-only
@author Lastline
@notice Questions about the vault that no transaction needs answered, so that the kernel keeps its bytes: the place of a
        position in the ADL queue, and the profit the last tiers can reach.

        Trust: holds no money, keeps no state, has no owner, changes nothing; nothing on chain relies on it. It reads the vault's
        words of storage, so it serves this version of the kernel.
@dev For eth_call: what it costs grows with the number of populated ticks, not of accounts.
"""

from .interfaces import IMarginVaultViews
from .interfaces import IVaultLens
from .lib import fixed_math
from .lib import margin_math
from .lib import packing
from .lib import price_tick
from .lib import units
from .modules import cohorts

implements: IVaultLens


# A market at a price.
struct Book:
    market: uint256
    price: uint256
    tick_bits: uint256
    terms_word: uint256
    rounds: uint256
    recent: uint256[64]  # words of the last rounds, by index & 63


# One position's place among others.
struct Place:
    key: uint256  # 0: of no position
    rank: uint256


struct Tally:
    place: Place
    ticks: uint256  # read so far
    max_ticks: uint256
    is_queued: bool
    ahead: uint256
    earlier: uint256
    level: uint256
    total: uint256
    profit: uint256  # open, quote


MAX_TICKS: public(constant(uint256)) = 4096
LIGHTS: constant(uint256) = 5
TOP_TICK: constant(uint256) = 2**14 - 1
# Position of the summary word among the bitmap words of a market, side and class.
SUMMARY: constant(uint256) = 255
MAX_ROUNDS: constant(uint256) = 2**23

VAULT: immutable(address)


@deploy
def __init__(vault: address):
    """
    @notice Read one vault for ever
    @dev Reverts "lens: vault has no code"
    @param vault The margin vault
    """
    assert vault.is_contract, "lens: vault has no code"
    VAULT = vault


@external
@view
def adl_rank(account: uint256, market: uint256) -> IVaultLens.AdlRank:
    """
    @notice A position's place in the ADL queue at the last mark
    @dev Reverts "lens: unknown market", "lens: too many ticks" (more than 4,096 in profit)
    @param account Account id (owner << 96 | sub-account)
    @param market Market id
    @return The place; all 0 for an account without a position there
    @custom:rounding Sizes of generations down
    @custom:invariant I5
    """
    return self._adl_rank(account, market, MAX_TICKS)


@external
@view
def adl_rank_within(account: uint256, market: uint256, max_ticks: uint256) -> IVaultLens.AdlRank:
    """
    @notice `adl_rank` that gives up beyond `max_ticks` populated ticks in profit
    @dev Reverts "lens: unknown market", "lens: too many ticks"
    @param account Account id (owner << 96 | sub-account)
    @param market Market id
    @param max_ticks Most populated ticks in profit to read, at most 4,096
    @return The place; all 0 for an account without a position there
    """
    return self._adl_rank(account, market, min(max_ticks, MAX_TICKS))


@external
@view
def lights(account: uint256, market: uint256) -> uint256:
    """
    @notice The place as exchanges show it: five lights for the front fifth of the queue by size, one for the last
    @dev Reverts as `adl_rank` does
    @param account Account id (owner << 96 | sub-account)
    @param market Market id
    @return 0 (not in the queue) to 5
    """
    place: IVaultLens.AdlRank = self._adl_rank(account, market, MAX_TICKS)
    if not place.is_queued:
        return 0
    return LIGHTS - fixed_math._mul_div_down(place.ahead, LIGHTS, place.total)


@external
@view
def reachable_profit(market: uint256, price: uint256) -> uint256:
    """
    @notice What a round at `price` could charge: open profit of both sides' generations that are wholly in profit there,
            profit of ADL not yet booked, and live maturing profit
    @dev Reverts "lens: unknown market", "lens: bad price", "lens: too many ticks"
    @param market Market id
    @param price Quote per base, 18 decimals, in [1e-6, 1e12]
    @return Quote, 18 decimals, rounded down for each generation
    """
    words: uint256[14] = self._market_words(market)
    assert price >= units.MIN_PRICE and price <= units.MAX_PRICE, "lens: bad price"
    book: Book = self._book(market, words)
    book.price = price
    tally: Tally = empty(Tally)
    tally.max_ticks = MAX_TICKS
    for is_short: bool in [False, True]:
        tally = self._tally(book, is_short, tally)
    batch: uint256 = (words[3] >> 208) & packing.MASK_24
    return (
        tally.profit
        + packing._low_half(words[8])
        + self._chargeable(market, batch, words[3] & packing.MASK_104)
        + self._chargeable(market, batch - 1, (words[3] >> 104) & packing.MASK_104)
    )


@external
@view
def vault() -> address:
    """
    @notice The vault that is read
    """
    return VAULT


@view
def _adl_rank(account: uint256, market: uint256, max_ticks: uint256) -> IVaultLens.AdlRank:
    book: Book = self._book(market, self._market_words(market))
    word: uint256 = staticcall IMarginVaultViews(VAULT).position_word(account, market)
    if word & packing.MASK_112 == 0:
        return empty(IVaultLens.AdlRank)
    key: uint256 = packing._position_key(market, word)
    tally: Tally = empty(Tally)
    tally.max_ticks = max_ticks
    tally.place = Place(
        key=key, rank=self._rank(book, (key >> 20) & 3, cohorts._tick(key))
    )
    tally = self._tally(book, cohorts._is_short(key), tally)
    out: IVaultLens.AdlRank = empty(IVaultLens.AdlRank)
    out.total = tally.total
    if not tally.is_queued:
        return out
    out.is_queued = True
    out.rank = tally.place.rank
    out.ahead = tally.ahead
    out.earlier = tally.earlier
    out.level = tally.level
    out.quantile = fixed_math._mul_div_down(
        tally.total - tally.ahead, units.WAD, tally.total
    )
    return out


@view
def _market_words(market: uint256) -> uint256[14]:
    """
    @dev Reverts "lens: unknown market"
    """
    assert market < staticcall IMarginVaultViews(VAULT).market_count(), "lens: unknown market"
    return staticcall IMarginVaultViews(VAULT).market_words(market)


@view
def _book(market: uint256, words: uint256[14]) -> Book:
    """
    @notice A market at its last mark, with the words of its last rounds
    """
    price: packing.Price = packing._price(words[0])
    book: Book = Book(
        market=market,
        price=price.mark,
        tick_bits=7 if price.has_fine_ticks else 6,
        terms_word=words[4],
        rounds=price.rounds,
        recent=empty(uint256[64]),
    )
    for i: uint256 in range(min(price.rounds, 64), bound=64):
        index: uint256 = price.rounds - 1 - i
        book.recent[index & 63] = staticcall IMarginVaultViews(VAULT).round_word(market, index)
    return book


@pure
def _rank(book: Book, leverage_class: uint256, tick: uint256) -> uint256:
    """
    @notice As the kernel ranks (modules/loss_sharing.vy): PnL % of an entry at the tick's low price, times the class's
            leverage; 18 decimals
    """
    entry: uint256 = price_tick._low(tick, book.tick_bits)
    gain: uint256 = book.price - entry if book.price > entry else entry - book.price
    return fixed_math._mul_div_down(
        fixed_math._mul_div_down(gain, units.WAD, entry),
        units.WAD,
        max(margin_math._class_rate(book.terms_word, leverage_class), 1),
    )


@view
def _tally(book: Book, is_short: bool, tally: Tally) -> Tally:
    """
    @notice Add up one side's generations that are wholly in profit
    @dev Reverts "lens: too many ticks"
    """
    out: Tally = tally
    if book.price == 0:
        return out
    # Entries only ever move against their owners: beyond these ticks nobody can be wholly in profit.
    first: uint256 = 0
    last: uint256 = TOP_TICK
    edge: uint256 = price_tick._tick_at(book.price, book.tick_bits)
    if not is_short:
        last = edge - 1
    elif price_tick._low(edge, book.tick_bits) < book.price:
        first = edge + 1
    else:
        first = edge
    for leverage_class: uint256 in range(units.LEVERAGE_CLASSES):
        group: uint256 = packing._cohort_key(book.market, is_short, leverage_class, 0, 0) >> 20
        summary: uint256 = (
            staticcall IMarginVaultViews(VAULT).tick_bitmap(group, SUMMARY) & packing.MASK_64
        )
        for i: uint256 in range(64):
            if summary == 0:
                break
            index: uint256 = price_tick._lowest_bit(summary)
            summary &= unsafe_sub(summary, 1)
            if index < first >> 8 or index > last >> 8:
                continue
            word: uint256 = staticcall IMarginVaultViews(VAULT).tick_bitmap(group, index)
            if index == first >> 8:
                word = (word >> (first & 255)) << (first & 255)
            if index == last >> 8:
                word &= max_value(uint256) >> (255 - (last & 255))
            for j: uint256 in range(256):
                if word == 0:
                    break
                tick: uint256 = (index << 8) | price_tick._lowest_bit(word)
                word &= unsafe_sub(word, 1)
                assert out.ticks < out.max_ticks, "lens: too many ticks"
                out.ticks += 1
                out = self._with_tick(
                    out, book, packing._cohort_key(book.market, is_short, leverage_class, tick, 0)
                )
    return out


@view
def _with_tick(tally: Tally, book: Book, base: uint256) -> Tally:
    """
    @notice Add up the generations of one tick
    @param base Cohort key with generation 0
    """
    out: Tally = tally
    is_level: bool = base == (out.place.key >> 6) << 6
    is_ahead: bool = not is_level and self._is_ahead(book, base, out.place)
    price: uint256 = book.price * units.WAD_TO_RAY
    words: uint256[5] = staticcall IMarginVaultViews(VAULT).cohort_words(base)
    populated: uint256 = 0
    if (words[0] >> 249) & 1 == 1:
        populated = words[4]
    if words[0] & packing.MASK_112 != 0:
        populated |= 1
    for g: uint256 in range(units.GENERATIONS):
        if populated == 0:
            break
        key: uint256 = base | price_tick._lowest_bit(populated)
        populated &= unsafe_sub(populated, 1)
        if key != base:
            words = staticcall IMarginVaultViews(VAULT).cohort_words(key)
        c: cohorts.Cohort = self._entries(words, key, book)
        if c.a == 0 or not cohorts._is_in_profit(c, key, book.tick_bits, price):
            continue
        size: uint256 = fixed_math._mul_div_down(c.size_sum, c.a, units.RAY)
        out.total += size
        out.profit += cohorts._profit_at(c, key, price)
        if is_ahead:
            out.ahead += size
        elif is_level:
            out.level += size
            out.is_queued = out.is_queued or key == out.place.key
            if key < out.place.key:
                out.earlier += size
    return out


@pure
def _is_ahead(book: Book, base: uint256, place: Place) -> bool:
    """
    @notice True if the kernel's walk comes to another tick or class before it comes to `place`
    """
    leverage_class: uint256 = (base >> 20) & 3
    own_class: uint256 = (place.key >> 20) & 3
    if leverage_class == own_class:
        return base > place.key if cohorts._is_short(base) else base < place.key
    rank: uint256 = self._rank(book, leverage_class, cohorts._tick(base))
    return rank > place.rank or (rank == place.rank and leverage_class < own_class)


@view
def _entries(words: uint256[5], key: uint256, book: Book) -> cohorts.Cohort:
    """
    @notice A generation's sums and entries with every pending round applied, by the kernel's arithmetic (modules/cohorts.vy);
            its pots are left out
    """
    s: packing.Sums = packing._sums(words[0])
    c: cohorts.Cohort = empty(cohorts.Cohort)
    c.size_sum = s.size
    c.notional_sum = s.notional
    c.a = units.RAY
    c.b = units.RAY
    if s.is_charged:
        c.b = unsafe_sub(units.RAY, packing._share(words[2]))
        c.c = packing._offset(words[2])
    if s.is_closed:
        c.a = unsafe_sub(units.RAY, packing._share(words[1]))
    if s.size == 0:
        return c
    for i: uint256 in range(s.rounds_seen, book.rounds, bound=MAX_ROUNDS):
        word: uint256 = book.recent[i & 63]
        if book.rounds - i > 64:
            word = staticcall IMarginVaultViews(VAULT).round_word(book.market, i)
        share: uint256 = packing._share(word)
        kept: uint256 = units.RAY - share
        price: uint256 = packing._round_price(word) * units.WAD_TO_RAY
        if not cohorts._is_in_profit(c, key, book.tick_bits, price):
            continue
        moved: int256 = c.c * convert(kept, int256) + convert(price * share, int256)
        if cohorts._is_short(key):
            c.b = fixed_math._mul_div_down(c.b, kept, units.RAY)
            c.c = fixed_math._signed_mul_div_floor(moved, 1, units.RAY)
        else:
            c.b = fixed_math._mul_div_up(c.b, kept, units.RAY)
            c.c = fixed_math._signed_mul_div_ceil(moved, 1, units.RAY)
    return c


@view
def _chargeable(market: uint256, batch: uint256, shares: uint256) -> uint256:
    """
    @notice Quote of a live batch's profit that a round can charge, rounded down (modules/maturity.vy)
    """
    word: uint256 = staticcall IMarginVaultViews(VAULT).batch_word(market, batch)
    if packing._refill(word) == packing.MASK_12:
        return 0  # no refill left: out of reach of rounds
    kept: uint256 = unsafe_sub(units.RAY, packing._share(word))
    return fixed_math._mul_div_down(shares, kept, units.RAY) * units.MATURING_STEP
