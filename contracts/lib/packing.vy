# pragma version 0.4.3

"""
@title packing
@license AGPL-3.0-only
@author Lastline
@notice Every packed storage word of the ledger: its layout, and the only code that packs or unpacks it.
        Low bits come first in each layout. A worth that does not fit reverts "packing: overflow".
@dev Layouts (bits @ offset). A zero word always means "nothing here yet", so a fresh slot needs no set-up.

     account     cash int128 @0 | market bitmap 32 @128 | leverage classes 64 (2 a market) @160
                 | exchange version 16 @224
     position    size 112 @0 | notional 112 @112 | cohort key without its market 23 @224 (generation 6,
                 tick 14, class 2, is_short 1) | has_maturing 1 @247
     maturing    current 104 @0 | previous 104 @104 | batch 24 @208 | current refill 12 @232
                 | previous refill 12 @244       (shares of a batch, in steps of 1e-9 quote)
     price       mark 104 @0 | mark time 32 @104 | rounds 23 @136 | round open 1 @159 | status 8 @160
                 | fine ticks 1 @168          (written when a mark is taken or a round charged)
     flow        open interest 112 @0 | uncollected trading fees 128 @112      (written by every fill)
     funding     long index int112 @0 | short index int112 @112
     clock       market clock 40 @0 | batch end 40 @40 | funding time 40 @80 | last round time 40 @120
                 | last step time 40 @160
     batch sums  current 104 @0 | previous 104 @104 | batch 24 @208 | current charged 1 @232
                 | previous charged 1 @233       (shares, as in maturing)
     crisis      untouched profit of ADL 128 @0 | start of the inventory's auction 40 @128 | time since which there has been
                 one 40 @168
     halves      two uint128: claims (amount and what is outstanding; two tiers), ...
     signed      two int128: inventory (size, notional)
     sums        size 112 @0 | notional 112 @112 | rounds seen 23 @224 | closed 1 @247 | charged 1 @248
                 | links 7 @249 (has siblings 1 | open generation 6)
     factor      share 96 @0 (27 decimals) | offset int160 @96 (27 decimals)
     round       share 96 @0 (27 decimals) | price 128 @96 (18 decimals)
     batch       taken share 96 @0 (27 decimals) | refill 12 @96
     bucket      capacity 104 @0 | used 104 @104 | time of that 32 @208 | refill seconds 16 @240      (the LiquidationEngine's)
     rate sum    oracle 160 @0 | its rate sum when funding last accrued int96 @160

     Of the PriceOracle, by market:
     feed set    count 8 @0 | quorum 8 @8 | largest deviation 64 @16; then two words a feed:
     feed        aggregator 160 @0 | heartbeat 24 @160 | decimals 8 @184; halves: least answer, largest answer
     funding terms   basis window 32 @0 | basis clamp 64 @32 | interest int64 @96 | funding clamp 64 @160
     premium     observed at 32 @0 | premium int48 @32 | basis int48 @80 | average int48 @128 (these three in
                 steps of 1e-15) | rate sum int80 @176
"""

from . import fixed_math


struct Account:
    cash: int256
    markets: uint256
    classes: uint256
    exchange_version: uint256


struct Maturing:
    current: uint256
    previous: uint256
    batch: uint256
    current_refill: uint256
    previous_refill: uint256


struct Price:
    mark: uint256
    mark_time: uint256
    rounds: uint256
    is_round_open: bool
    status: uint256
    has_fine_ticks: bool


struct Clock:
    now: uint256
    batch_end: uint256
    funding_time: uint256
    round_time: uint256
    step_time: uint256  # when the mark last moved without reaching the oracle's


# What the PriceOracle makes a market's basis and funding rate of.
struct FundingTerms:
    basis_window: uint256  # seconds
    basis_clamp: uint256  # largest premium that counts, share of the index
    interest_rate: int256  # per 8 hours
    funding_clamp: uint256  # per 8 hours


struct Premium:
    observed_at: uint256
    premium: int256  # what was last observed, share of the index
    basis: int256  # its average over the basis window
    average: int256  # its average over 8 hours
    rate_sum: int256  # funding rate per second times seconds


struct Sums:
    size: uint256
    notional: uint256
    rounds_seen: uint256
    is_closed: bool
    is_charged: bool
    links: uint256


struct Bucket:
    capacity: uint256  # quote
    used: uint256  # quote, at `time`
    time: uint256
    refill_seconds: uint256  # in which a used-up bucket is free again


# Steps of what the PriceOracle stores of the premium, 18 decimals
PREMIUM_STEP: constant(uint256) = 1_000
# Flag of a position word
HAS_MATURING: constant(uint256) = 2**247
# Flags of a price word
ROUND_OPEN: constant(uint256) = 2**159
FINE_TICKS: constant(uint256) = 2**168
# Flags of a sums word: ADL has closed part of the generation; a round has moved its entries
CLOSED: constant(uint256) = 2**247
CHARGED: constant(uint256) = 2**248

MASK_6: constant(uint256) = 2**6 - 1
MASK_7: constant(uint256) = 2**7 - 1
MASK_8: constant(uint256) = 2**8 - 1
MASK_12: constant(uint256) = 2**12 - 1
MASK_14: constant(uint256) = 2**14 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_23: constant(uint256) = 2**23 - 1
MASK_24: constant(uint256) = 2**24 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_64: constant(uint256) = 2**64 - 1
MASK_96: constant(uint256) = 2**96 - 1
MASK_104: constant(uint256) = 2**104 - 1
MASK_112: constant(uint256) = 2**112 - 1
MASK_128: constant(uint256) = 2**128 - 1
MASK_160: constant(uint256) = 2**160 - 1


@pure
def _bit(index: uint256) -> uint256:
    """
    @notice A word with only bit `index` set
    """
    one: uint256 = 1
    return one << index


@pure
def _require_zero(excess: uint256):
    """
    @param excess What of a value does not fit
    @dev Reverts "packing: overflow"
    """
    assert excess == 0, "packing: overflow"


@pure
def _require_fits(worth: uint256, bits: uint256):
    self._require_zero(worth >> bits)


@pure
def _signed_field(worth: int256, bits: uint256) -> uint256:
    """
    @notice Two's complement of `worth` in `bits` bits
    """
    raw: uint256 = convert(convert(worth, bytes32), uint256)
    sign: int256 = worth >> unsafe_sub(bits, 1)
    self._require_zero(convert(convert(unsafe_add(sign, convert(sign < 0, int256)), bytes32), uint256))
    return raw & (max_value(uint256) >> unsafe_sub(256, bits))


@pure
def _signed_from(word: uint256, offset: uint256, bits: uint256) -> int256:
    """
    @notice The signed field of `bits` bits at `offset`
    """
    raw: uint256 = word << unsafe_sub(256, unsafe_add(offset, bits))
    return convert(convert(raw, bytes32), int256) >> unsafe_sub(256, bits)


@pure
def _account(word: uint256) -> Account:
    return Account(
        cash=self._signed_from(word, 0, 128),
        markets=(word >> 128) & MASK_32,
        classes=(word >> 160) & MASK_64,
        exchange_version=(word >> 224) & MASK_16,
    )


@pure
def _account_word(a: Account) -> uint256:
    """
    @dev The bitmap, the classes and the version are bounded where they are written
    """
    return (
        self._signed_field(a.cash, 128)
        | (a.markets << 128)
        | (a.classes << 160)
        | (a.exchange_version << 224)
    )


@pure
def _leverage_class(classes: uint256, market: uint256) -> uint256:
    return (classes >> unsafe_mul(market, 2)) & 3


@pure
def _with_leverage_class(classes: uint256, market: uint256, leverage_class: uint256) -> uint256:
    offset: uint256 = unsafe_mul(market, 2)
    return (classes & ~(convert(3, uint256) << offset)) | (leverage_class << offset)


@pure
def _position_word(size: uint256, notional: uint256, key: uint256) -> uint256:
    """
    @param key Cohort key: tick, class, generation and side come from it
    """
    self._require_zero((size | notional) >> 112)
    return size | (notional << 112) | ((key & MASK_23) << 224)


@pure
def _position_key(market: uint256, word: uint256) -> uint256:
    """
    @notice Cohort key of a position word
    """
    return (market << 23) | ((word >> 224) & MASK_23)


@pure
def _maturing(word: uint256) -> Maturing:
    return Maturing(
        current=word & MASK_104,
        previous=(word >> 104) & MASK_104,
        batch=(word >> 208) & MASK_24,
        current_refill=(word >> 232) & MASK_12,
        previous_refill=word >> 244,
    )


@pure
def _maturing_word(m: Maturing) -> uint256:
    self._require_zero((m.current | m.previous) >> 104)
    return (
        m.current
        | (m.previous << 104)
        | (m.batch << 208)
        | (m.current_refill << 232)
        | (m.previous_refill << 244)
    )


@pure
def _price(word: uint256) -> Price:
    return Price(
        mark=word & MASK_104,
        mark_time=(word >> 104) & MASK_32,
        rounds=(word >> 136) & MASK_23,
        is_round_open=word & ROUND_OPEN != 0,
        status=(word >> 160) & MASK_8,
        has_fine_ticks=word & FINE_TICKS != 0,
    )


@pure
def _price_word(p: Price) -> uint256:
    self._require_zero((p.mark >> 104) | (p.rounds >> 23))
    word: uint256 = p.mark | (p.mark_time << 104) | (p.rounds << 136) | (p.status << 160)
    if p.is_round_open:
        word |= ROUND_OPEN
    if p.has_fine_ticks:
        word |= FINE_TICKS
    return word


@pure
def _flow_word(open_interest: uint256, fees: uint256) -> uint256:
    self._require_zero((open_interest >> 112) | (fees >> 128))
    return open_interest | (fees << 112)


@pure
def _funding_word(long_index: int256, short_index: int256) -> uint256:
    return self._signed_field(long_index, 112) | (self._signed_field(short_index, 112) << 112)


@pure
def _clock(word: uint256) -> Clock:
    return Clock(
        now=word & MASK_40,
        batch_end=(word >> 40) & MASK_40,
        funding_time=(word >> 80) & MASK_40,
        round_time=(word >> 120) & MASK_40,
        step_time=(word >> 160) & MASK_40,
    )


@pure
def _clock_word(c: Clock) -> uint256:
    self._require_fits(c.now | c.batch_end | c.funding_time | c.round_time | c.step_time, 40)
    return (
        c.now
        | (c.batch_end << 40)
        | (c.funding_time << 80)
        | (c.round_time << 120)
        | (c.step_time << 160)
    )


@pure
def _round_time(clock_word: uint256) -> uint256:
    return (clock_word >> 120) & MASK_40


@pure
def _step_time(clock_word: uint256) -> uint256:
    return clock_word >> 160


@pure
def _with_round_time(clock_word: uint256, time: uint256) -> uint256:
    return (clock_word & ~(MASK_40 << 120)) | (time << 120)


@pure
def _batch_sums_word(current: uint256, previous: uint256, batch: uint256, charged: uint256) -> uint256:
    """
    @param charged Bit 0: the current batch has been charged; bit 1: the previous one
    """
    self._require_zero(((current | previous) >> 104) | (batch >> 24))
    return current | (previous << 104) | (batch << 208) | (charged << 232)


@pure
def _low_half(word: uint256) -> uint256:
    return word & MASK_128


@pure
def _high_half(word: uint256) -> uint256:
    return word >> 128


@pure
def _halves_word(low: uint256, high: uint256) -> uint256:
    self._require_fits(low | high, 128)
    return low | (high << 128)


@pure
def _low_signed(word: uint256) -> int256:
    return self._signed_from(word, 0, 128)


@pure
def _high_signed(word: uint256) -> int256:
    return self._signed_from(word, 128, 128)


@pure
def _signed_halves_word(low: int256, high: int256) -> uint256:
    return self._signed_field(low, 128) | (self._signed_field(high, 128) << 128)


@pure
def _sums(word: uint256) -> Sums:
    return Sums(
        size=word & MASK_112,
        notional=(word >> 112) & MASK_112,
        rounds_seen=(word >> 224) & MASK_23,
        is_closed=word & CLOSED != 0,
        is_charged=word & CHARGED != 0,
        links=word >> 249,
    )


@pure
def _sums_word(s: Sums) -> uint256:
    self._require_zero((s.size | s.notional) >> 112)
    word: uint256 = s.size | (s.notional << 112) | (s.rounds_seen << 224) | (s.links << 249)
    if s.is_closed:
        word |= CLOSED
    if s.is_charged:
        word |= CHARGED
    return word


@pure
def _share(word: uint256) -> uint256:
    """
    @notice The share of a factor, round or batch word, 27 decimals
    """
    return word & MASK_96


@pure
def _offset(word: uint256) -> int256:
    """
    @notice The offset of a factor word, quote per base, 27 decimals
    """
    return self._signed_from(word, 96, 160)


@pure
def _factor_word(share: uint256, offset: int256) -> uint256:
    self._require_fits(share, 96)
    return share | (self._signed_field(offset, 160) << 96)


@pure
def _round_price(word: uint256) -> uint256:
    return (word >> 96) & MASK_128


@pure
def _round_word(share: uint256, price: uint256) -> uint256:
    self._require_fits(share, 96)
    self._require_fits(price, 128)
    return share | (price << 96)


@pure
def _refill(word: uint256) -> uint256:
    return (word >> 96) & MASK_12


@pure
def _batch_word(taken: uint256, refill: uint256) -> uint256:
    self._require_fits(taken, 96)
    self._require_fits(refill, 12)
    return taken | (refill << 96)


@pure
def _cohort_key(
    market: uint256, is_short: bool, leverage_class: uint256, tick: uint256, generation: uint256
) -> uint256:
    """
    @notice market 8 | side 1 | class 2 | tick 14 | generation 6, generation lowest
    """
    key: uint256 = (market << 23) | (leverage_class << 20) | (tick << 6) | generation
    if is_short:
        key |= 2**22
    return key


@pure
def _bucket(word: uint256) -> Bucket:
    return Bucket(
        capacity=word & MASK_104,
        used=(word >> 104) & MASK_104,
        time=(word >> 208) & MASK_32,
        refill_seconds=word >> 240,
    )


@pure
def _bucket_word(b: Bucket) -> uint256:
    self._require_zero(
        ((b.capacity | b.used) >> 104) | (b.time >> 32) | (b.refill_seconds >> 16)
    )
    return b.capacity | (b.used << 104) | (b.time << 208) | (b.refill_seconds << 240)


@pure
def _rate_sum_word(oracle: address, rate_sum: int256) -> uint256:
    return convert(oracle, uint256) | (self._signed_field(rate_sum, 96) << 160)


@pure
def _funding_terms(word: uint256) -> FundingTerms:
    return FundingTerms(
        basis_window=word & MASK_32,
        basis_clamp=(word >> 32) & MASK_64,
        interest_rate=self._signed_from(word, 96, 64),
        funding_clamp=(word >> 160) & MASK_64,
    )


@pure
def _funding_terms_word(t: FundingTerms) -> uint256:
    self._require_fits(t.basis_window, 32)
    self._require_fits(t.basis_clamp | t.funding_clamp, 64)
    return (
        t.basis_window
        | (t.basis_clamp << 32)
        | (self._signed_field(t.interest_rate, 64) << 96)
        | (t.funding_clamp << 160)
    )


@pure
def _premium(word: uint256) -> Premium:
    step: int256 = convert(PREMIUM_STEP, int256)
    return Premium(
        observed_at=word & MASK_32,
        premium=self._signed_from(word, 32, 48) * step,
        basis=self._signed_from(word, 80, 48) * step,
        average=self._signed_from(word, 128, 48) * step,
        rate_sum=self._signed_from(word, 176, 80),
    )


@pure
def _premium_word(p: Premium) -> uint256:
    """
    @custom:rounding Premium, basis and average to steps of 1e-15, toward zero
    """
    self._require_fits(p.observed_at, 32)
    return (
        p.observed_at
        | (self._premium_field(p.premium) << 32)
        | (self._premium_field(p.basis) << 80)
        | (self._premium_field(p.average) << 128)
        | (self._signed_field(p.rate_sum, 80) << 176)
    )


@pure
def _premium_field(worth: int256) -> uint256:
    return self._signed_field(fixed_math._signed_mul_div_toward_zero(worth, 1, PREMIUM_STEP), 48)


@pure
def _feed_set_word(count: uint256, quorum: uint256, max_deviation: uint256) -> uint256:
    self._require_fits(count | quorum, 8)
    self._require_fits(max_deviation, 64)
    return count | (quorum << 8) | (max_deviation << 16)


@pure
def _feed_word(aggregator: address, heartbeat_seconds: uint256, decimals: uint256) -> uint256:
    self._require_fits(heartbeat_seconds, 24)
    self._require_fits(decimals, 8)
    return convert(aggregator, uint256) | (heartbeat_seconds << 160) | (decimals << 184)
