# pragma version 0.4.3

"""
@title cohorts
@license AGPL-3.0-only
@author Lastline
@notice Positions of one market, grouped by side, leverage class, entry-price tick and generation, so that a
        crisis costs the same whatever the number of traders.
@dev A member joined with size q0 and notional n0 (magnitudes). With the cohort's A, B, C (quote per base),
     X (quote per base), Y and PHI, all 27 decimals, and F the side's funding index, it now has
         size      A * q0
         notional  A * (B * n0 + C * q0)
         pot       q0 * X - n0 * Y (long), n0 * Y - q0 * X (short): profit realised by ADL, not yet touched
         funding   -q0 * (A * F - PHI), signed size
     A generation nobody has closed or charged has A = B = 1 and the rest 0, and stores nothing but its sums.
     Stored are 1 - B with C once a round has moved the entries, 1 - A with PHI and Y with X once ADL has closed part.
     Rounding: signed sizes down, signed notionals up, money to members down. So at any price the members of
     a cohort together claim at most what the cohort's figures say.
"""

from ..lib import fixed_math
from ..lib import margin_math
from ..lib import packing
from ..lib import price_tick
from ..lib import units
from . import markets

uses: markets

# A generation as it stands, pending rounds applied.
struct Cohort:
    size_sum: uint256  # Q, base
    notional_sum: uint256  # N, quote
    rounds_seen: uint256
    is_closed: bool  # ADL has closed part of it
    is_charged: bool  # a round has moved its entries
    links: uint256
    a: uint256
    phi: int256
    b: uint256
    c: int256
    y: uint256
    x: int256


# A member's figures now; sizes and notionals are signed (long > 0).
struct Member:
    size: int256
    notional: int256
    pot: uint256
    funding: int256


# What closing part of a generation moved.
struct Closing:
    size_down: uint256  # base closed, rounded down
    size_up: uint256  # and up
    share: uint256  # A r, 27 decimals
    pot: uint256  # profit realised, quote, at most


struct Generation:
    sums_word: uint256
    scale_word: uint256  # 1 - A, PHI
    entry_word: uint256  # 1 - B, C
    pot_word: uint256  # Y, X


# Number of populated ticks of a market, side and class from which on a new one asks for more size.
CROWDED_TICKS: constant(uint256) = 64
CROWDED_FACTOR: constant(uint256) = 10
# Position of the summary word among the bitmap words of a market, side and class.
SUMMARY: constant(uint256) = 255
MASK_64: constant(uint256) = 2**64 - 1

generations: HashMap[uint256, Generation]
# Populated generations 1..63 of a tick, by cohort key with generation 0.
siblings: HashMap[uint256, uint256]
# (market, side, class) << 8 | word: ticks with open positions, 256 a word; word 255 is the summary (which words
# are not empty, and from bit 64 on how many ticks there are).
bitmaps: HashMap[uint256, uint256]


# Reading


@view
def _is_plain(key: uint256, rounds: uint256) -> bool:
    """
    @notice True if nobody has closed or charged the generation and no round is pending
    """
    return (self.generations[key].sums_word >> 224) & (2**25 - 1) == rounds


@view
def _is_open(key: uint256, rounds: uint256) -> bool:
    """
    @notice True if a member may join without more ado: plain and populated
    """
    word: uint256 = self.generations[key].sums_word
    return (word >> 224) & (2**25 - 1) == rounds and word & packing.MASK_112 != 0


@view
def _is_empty(key: uint256) -> bool:
    return self.generations[key].sums_word & packing.MASK_112 == 0


@view
def _stored(key: uint256) -> Cohort:
    """
    @notice A generation as stored, pending rounds not applied
    """
    s: packing.Sums = packing._sums(self.generations[key].sums_word)
    c: Cohort = Cohort(
        size_sum=s.size,
        notional_sum=s.notional,
        rounds_seen=s.rounds_seen,
        is_closed=s.is_closed,
        is_charged=s.is_charged,
        links=s.links,
        a=units.RAY,
        phi=0,
        b=units.RAY,
        c=0,
        y=0,
        x=0,
    )
    if s.is_charged:
        word: uint256 = self.generations[key].entry_word
        c.b = unsafe_sub(units.RAY, packing._share(word))
        c.c = packing._offset(word)
    if s.is_closed:
        word: uint256 = self.generations[key].scale_word
        c.a = unsafe_sub(units.RAY, packing._share(word))
        c.phi = packing._offset(word)
        word = self.generations[key].pot_word
        c.y = packing._share(word)
        c.x = packing._offset(word)
    return c


@view
def _current(key: uint256, m: markets.Market) -> Cohort:
    """
    @notice A generation with every pending round applied
    @dev Reverts "cohort: sync first" when more than 64 rounds are pending
    """
    c: Cohort = self._stored(key)
    if c.rounds_seen != m.rounds:
        assert (
            c.size_sum == 0 or m.rounds - c.rounds_seen <= units.MAX_PENDING_ROUNDS
        ), "cohort: sync first"
        c = self._with_rounds(c, key, m, units.MAX_PENDING_ROUNDS)
    return c


@view
def _with_rounds(cohort: Cohort, key: uint256, m: markets.Market, limit: uint256) -> Cohort:
    """
    @notice Apply up to `limit` pending rounds: each takes the share f of the pots, and of open profit where
            the whole generation was in profit at the round's price p (B' = B(1-f), C' = C(1-f) + fp)
    @custom:rounding Entries against the members, pots down
    """
    c: Cohort = cohort
    if c.size_sum == 0:
        c.rounds_seen = m.rounds
        return c
    is_short: bool = self._is_short(key)
    pending: uint256 = min(min(m.rounds - c.rounds_seen, limit), units.MAX_PENDING_ROUNDS)
    for i: uint256 in range(pending, bound=64):
        word: uint256 = markets._round(m.id, c.rounds_seen)
        c.rounds_seen += 1
        share: uint256 = packing._share(word)
        kept: uint256 = units.RAY - share
        price: uint256 = packing._round_price(word) * units.WAD_TO_RAY
        is_in_profit: bool = self._is_in_profit(c, key, m.tick_bits, price)
        if is_short:
            c.y = fixed_math._mul_div_down(c.y, kept, units.RAY)
            c.x = fixed_math._signed_mul_div_ceil(c.x, kept, units.RAY)
            if is_in_profit:
                c.b = fixed_math._mul_div_down(c.b, kept, units.RAY)
                c.c = fixed_math._signed_mul_div_floor(
                    c.c * convert(kept, int256) + convert(price * share, int256), 1, units.RAY
                )
        else:
            c.y = fixed_math._mul_div_up(c.y, kept, units.RAY)
            c.x = fixed_math._signed_mul_div_floor(c.x, kept, units.RAY)
            if is_in_profit:
                c.b = fixed_math._mul_div_up(c.b, kept, units.RAY)
                c.c = fixed_math._signed_mul_div_ceil(
                    c.c * convert(kept, int256) + convert(price * share, int256), 1, units.RAY
                )
        c.is_charged = c.is_charged or is_in_profit
    return c


@pure
def _is_sealed(c: Cohort) -> bool:
    """
    @notice True if nobody may join any more: somebody has closed or charged the generation
    """
    return c.is_closed or c.is_charged


@pure
def _is_short(key: uint256) -> bool:
    return (key >> 22) & 1 == 1


@pure
def _tick(key: uint256) -> uint256:
    return (key >> 6) & packing.MASK_14


@pure
def _is_in_profit(c: Cohort, key: uint256, tick_bits: uint256, price: uint256) -> bool:
    """
    @notice True if every member is in profit or even at `price` (27 decimals), by the tick's bounds moved as
            the entries have moved
    """
    tick: uint256 = self._tick(key)
    if self._is_short(key):
        low: uint256 = price_tick._low(tick, tick_bits)
        worst: int256 = convert(fixed_math._mul_div_down(c.b, low, units.WAD), int256) + c.c
        return worst >= convert(price, int256)
    high: uint256 = price_tick._low(unsafe_add(tick, 1), tick_bits)
    edge: int256 = convert(fixed_math._mul_div_up(c.b, high, units.WAD), int256) + c.c
    return edge <= convert(price, int256)


@pure
def _profit_at(c: Cohort, key: uint256, price: uint256) -> uint256:
    """
    @notice Open profit of all members at `price` (27 decimals), quote, rounded down; 0 if it is a loss
    """
    worth: int256 = convert(c.size_sum, int256) * (convert(price, int256) - c.c)
    paid: int256 = convert(c.notional_sum * c.b, int256)
    profit: int256 = paid - worth if self._is_short(key) else worth - paid
    if profit <= 0:
        return 0
    return fixed_math._mul_div_down(
        fixed_math._mul_div_down(convert(profit, uint256), 1, units.RAY), c.a, units.RAY
    )


@pure
def _member(c: Cohort, is_short: bool, size: uint256, notional: uint256, index: int256) -> Member:
    """
    @notice What a member that joined with `size` and `notional` has now
    @param index The side's funding index
    """
    scaled: int256 = convert(notional * c.b, int256) + c.c * convert(size, int256)
    pot: int256 = convert(size, int256) * c.x - convert(notional * c.y, int256)
    if is_short:
        inner: int256 = fixed_math._signed_mul_div_floor(scaled, 1, units.RAY)
        per_base: int256 = c.phi - fixed_math._signed_mul_div_floor(index, c.a, units.WAD)
        return Member(
            size=-convert(fixed_math._mul_div_up(size, c.a, units.RAY), int256),
            notional=-fixed_math._signed_mul_div_floor(inner, c.a, units.RAY),
            pot=fixed_math._positive_part(fixed_math._signed_mul_div_floor(-pot, 1, units.RAY)),
            funding=fixed_math._signed_mul_div_floor(-per_base, size, units.RAY),
        )
    inner: int256 = fixed_math._signed_mul_div_ceil(scaled, 1, units.RAY)
    per_base: int256 = c.phi - fixed_math._signed_mul_div_ceil(index, c.a, units.WAD)
    return Member(
        size=convert(fixed_math._mul_div_down(size, c.a, units.RAY), int256),
        notional=fixed_math._signed_mul_div_ceil(inner, c.a, units.RAY),
        pot=fixed_math._positive_part(fixed_math._signed_mul_div_floor(pot, 1, units.RAY)),
        funding=fixed_math._signed_mul_div_floor(per_base, size, units.RAY),
    )


@view
def _next_tick(group: uint256, tick: uint256, is_upward: bool) -> (bool, uint256):
    """
    @notice The first populated tick of a group at or beyond `tick`
    @param group (market, side, class) << 8
    @param is_upward True: at or above; False: at or below
    """
    summary: uint256 = self.bitmaps[group | SUMMARY] & MASK_64
    if summary == 0:
        return False, 0
    index: uint256 = tick >> 8
    bit: uint256 = tick & 255
    word: uint256 = 0
    if (summary >> index) & 1 == 1:
        word = self.bitmaps[group | index]
    if is_upward:
        word = (word >> bit) << bit
        if word == 0:
            summary = (summary >> (index + 1)) << (index + 1)
            if summary == 0:
                return False, 0
            index = price_tick._lowest_bit(summary)
            word = self.bitmaps[group | index]
        return True, (index << 8) | price_tick._lowest_bit(word)
    word = word & (max_value(uint256) >> (255 - bit))
    if word == 0:
        summary = summary & (packing._bit(index) - 1)
        if summary == 0:
            return False, 0
        index = price_tick._highest_bit(summary)
        word = self.bitmaps[group | index]
    return True, (index << 8) | price_tick._highest_bit(word)


@view
def _populated(base: uint256) -> uint256:
    """
    @notice The tick's populated generations, one bit each
    """
    word: uint256 = self.generations[base].sums_word
    populated: uint256 = 0
    if word & packing.MASK_112 != 0:
        populated = 1
    if (word >> 249) & 1 == 1:
        populated |= self.siblings[base]
    return populated


# Writing


def _close_part(
    cohort: Cohort, key: uint256, limit: uint256, price: uint256, index: int256
) -> (Cohort, Closing):
    """
    @notice Close a share r of every member at `price`, so that at most `limit` base is closed:
            X += A r (P - C), Y += A r B, A' = A (1 - r), PHI += (A' - A) F
    @dev A generation whose A would fall below 2**-40 is closed completely, at most that much beyond `limit`
    @param price Quote per base, 18 decimals
    @param index The side's funding index
    @custom:rounding Closed size down to what `limit` allows, pots down, funding against the members
    """
    c: Cohort = cohort
    closed: uint256 = c.a
    if fixed_math._mul_div_up(c.size_sum, c.a, units.RAY) > limit:
        closed = fixed_math._mul_div_down(limit, units.RAY, c.size_sum)
        if c.a - closed < units.FACTOR_FLOOR:
            closed = c.a
    pot: uint256 = self._pot_of(c, key)
    gain: int256 = convert(price * units.WAD_TO_RAY, int256) - c.c
    out: Closing = Closing(
        size_down=fixed_math._mul_div_down(closed, c.size_sum, units.RAY),
        size_up=fixed_math._mul_div_up(closed, c.size_sum, units.RAY),
        share=closed,
        pot=0,
    )
    if self._is_short(key):
        c.x += fixed_math._signed_mul_div_ceil(gain, closed, units.RAY)
        c.y += fixed_math._mul_div_down(closed, c.b, units.RAY)
        c.phi -= fixed_math._signed_mul_div_floor(index, closed, units.WAD)
    else:
        c.x += fixed_math._signed_mul_div_floor(gain, closed, units.RAY)
        c.y += fixed_math._mul_div_up(closed, c.b, units.RAY)
        c.phi -= fixed_math._signed_mul_div_ceil(index, closed, units.WAD)
    c.a -= closed
    c.is_closed = True
    out.pot = fixed_math._saturating_sub(self._pot_of(c, key), pot + 1)
    return c, out


@pure
def _pot_of(c: Cohort, key: uint256) -> uint256:
    """
    @notice Profit of all members realised by ADL and not yet touched, quote, rounded down
    """
    pot: int256 = convert(c.size_sum, int256) * c.x - convert(c.notional_sum * c.y, int256)
    if self._is_short(key):
        pot = -pot
    return fixed_math._positive_part(fixed_math._signed_mul_div_floor(pot, 1, units.RAY))


def _store(key: uint256, c: Cohort):
    """
    @notice Write a generation back; words that do not change cost next to nothing
    """
    self.generations[key].sums_word = packing._sums_word(
        packing.Sums(
            size=c.size_sum,
            notional=c.notional_sum,
            rounds_seen=c.rounds_seen,
            is_closed=c.is_closed,
            is_charged=c.is_charged,
            links=c.links,
        )
    )
    if c.is_charged:
        self.generations[key].entry_word = packing._factor_word(units.RAY - c.b, c.c)
    if c.is_closed:
        self.generations[key].scale_word = packing._factor_word(units.RAY - c.a, c.phi)
        self.generations[key].pot_word = packing._factor_word(c.y, c.x)


def _sync(key: uint256, m: markets.Market, limit: uint256):
    """
    @notice Apply and store up to `limit` pending rounds of a generation
    """
    self._store(key, self._with_rounds(self._stored(key), key, m, limit))


def _remove(key: uint256, member: uint256):
    """
    @notice Take a member out of a plain generation's sums
    @param member Size and notional as packed in a position word, nothing else
    """
    self.generations[key].sums_word -= member


def _add(key: uint256, member: uint256):
    """
    @notice Add a member to an open generation's sums
    @dev Reverts "packing: overflow"
    """
    self.generations[key].sums_word = self._with_member(
        self.generations[key].sums_word, member
    )


def _replace(key: uint256, before: uint256, after: uint256):
    """
    @notice `_remove` and `_add` of a member that stays in its generation
    """
    self.generations[key].sums_word = self._with_member(
        unsafe_sub(self.generations[key].sums_word, before), after
    )


@pure
def _with_member(word: uint256, member: uint256) -> uint256:
    # neither field may run over into the next one
    size: uint256 = (word & packing.MASK_112) + (member & packing.MASK_112)
    notional: uint256 = ((word >> 112) & packing.MASK_112) + (member >> 112)
    packing._require_zero((size | notional) >> 112)
    return unsafe_add(word, member)


def _leave(key: uint256, c: Cohort, size: uint256, notional: uint256):
    """
    @notice Take a member out of the generation `c`, read with pending rounds applied, and store it
    """
    rest: Cohort = c
    rest.size_sum -= size
    rest.notional_sum -= notional
    self._store(key, rest)
    if rest.size_sum == 0:
        self._drop(key)


def _drop(key: uint256):
    """
    @notice A generation whose last member is gone is reborn: all zero but the links of generation 0
    """
    links: uint256 = self.generations[key].sums_word >> 249
    self.generations[key] = Generation(
        sums_word=links << 249, scale_word=0, entry_word=0, pot_word=0
    )
    self._depopulate(key, links)


def _open_generation(base: uint256, m: markets.Market, worth: uint256) -> uint256:
    """
    @notice The generation of a tick that a member may join now, made ready for it
    @dev Reverts "cohort: generations full", "cohort: crowded market"
    @param base Cohort key with generation 0
    @param worth Position value by which a join that populates one more tick of a crowded market is judged
    @return Its key
    """
    key: uint256 = base
    c: Cohort = self._current(base, m)
    self._store(base, c)
    if self._is_sealed(c):
        key = self._open_sibling(base, c, m)
        c = self._current(key, m)
        self._store(key, c)
    if c.size_sum == 0:
        self._populate(base, key, m, worth)
    return key


def _open_sibling(base: uint256, first: Cohort, m: markets.Market) -> uint256:
    """
    @notice Key of the tick's open generation when generation 0 is sealed; the lowest free one if none is open
    """
    hint: uint256 = first.links >> 1
    if hint != 0:
        c: Cohort = self._current(base | hint, m)
        if not self._is_sealed(c):
            return base | hint
        self._store(base | hint, c)
    # Generation 0 is sealed and counts as taken.
    free: uint256 = ~(self.siblings[base] | 1) & MASK_64
    assert free != 0, "cohort: generations full"
    generation: uint256 = price_tick._lowest_bit(free)
    self._set_links(base, (generation << 1) | (first.links & 1))
    return base | generation


def _set_links(base: uint256, links: uint256):
    word: uint256 = self.generations[base].sums_word
    self.generations[base].sums_word = (word & (2**249 - 1)) | (links << 249)


def _populate(base: uint256, key: uint256, m: markets.Market, worth: uint256):
    """
    @notice Mark a generation that gets its first member
    """
    if key != base:
        self.siblings[base] |= packing._bit(key & packing.MASK_6)
        self._set_links(base, (self.generations[base].sums_word >> 249) | 1)
    group: uint256 = (base >> 20) << 8
    index: uint256 = self._tick(base) >> 8
    bit: uint256 = packing._bit(self._tick(base) & 255)
    word: uint256 = self.bitmaps[group | index]
    if word & bit != 0:
        return
    summary: uint256 = self.bitmaps[group | SUMMARY]
    if summary >> 64 >= CROWDED_TICKS:
        assert worth >= unsafe_mul(
            CROWDED_FACTOR, margin_math._minimum_notional(m.terms_word)
        ), "cohort: crowded market"
    self.bitmaps[group | index] = word | bit
    self.bitmaps[group | SUMMARY] = (summary | packing._bit(index)) + 2**64


def _depopulate(key: uint256, links: uint256):
    """
    @notice Unmark a generation that lost its last member
    """
    base: uint256 = (key >> 6) << 6
    if key != base:
        left: uint256 = self.siblings[base] & ~packing._bit(key & packing.MASK_6)
        self.siblings[base] = left
        if left != 0:
            return
        self._set_links(base, 0)
        if not self._is_empty(base):
            return
    elif links & 1 == 1:
        return
    else:
        self._set_links(base, 0)
    self._retire_tick(base)


def _retire_tick(base: uint256):
    """
    @notice Take a tick without open positions out of the bitmap: nothing is left there to close or charge
    """
    group: uint256 = (base >> 20) << 8
    index: uint256 = self._tick(base) >> 8
    bit: uint256 = packing._bit(self._tick(base) & 255)
    word: uint256 = self.bitmaps[group | index]
    if word & bit == 0:
        return
    word ^= bit
    self.bitmaps[group | index] = word
    summary: uint256 = self.bitmaps[group | SUMMARY] - 2**64
    if word == 0:
        summary &= ~packing._bit(index)
    self.bitmaps[group | SUMMARY] = summary
