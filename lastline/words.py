"""Every packed storage word of the ledger (layouts: contracts/lib/packing.vy, contracts/lib/margin_math.vy).

Low bits come first in each layout. A zero word always means "nothing here yet".
"""

from dataclasses import dataclass

from lastline.units import WAD

# A settled market: its status, and the time of its mark, which never gets stale.
SETTLED = 3
ALWAYS = 2**32 - 1
RATE_STEP = 10**13
FACTOR_STEP = 10**15


def field(word: int, offset: int, bits: int) -> int:
    """The unsigned field of `bits` bits at `offset`."""
    return (word >> offset) & ((1 << bits) - 1)


def signed_field(word: int, offset: int, bits: int) -> int:
    """The two's complement field of `bits` bits at `offset`."""
    raw = field(word, offset, bits)
    return raw - (1 << bits) if raw >> (bits - 1) else raw


def _raw(worth: int, bits: int) -> int:
    if not -(1 << (bits - 1)) <= worth < 1 << (bits - 1):
        raise OverflowError(f"{worth} does not fit {bits} bits")
    return worth & ((1 << bits) - 1)


@dataclass(frozen=True)
class AccountWord:
    """cash: quote as stored; markets: bitmap; classes: 2 bits a market; exchange_version"""

    cash: int
    markets: int
    classes: int
    exchange_version: int

    @classmethod
    def of(cls, word: int) -> "AccountWord":
        return cls(
            signed_field(word, 0, 128), field(word, 128, 32), field(word, 160, 64), field(word, 224, 16)
        )

    @property
    def word(self) -> int:
        return _raw(self.cash, 128) | self.markets << 128 | self.classes << 160 | self.exchange_version << 224

    def leverage_class(self, market: int) -> int:
        return (self.classes >> 2 * market) & 3

    @property
    def market_ids(self) -> list[int]:
        return [market for market in range(32) if self.markets >> market & 1]


@dataclass(frozen=True)
class PositionWord:
    """What the account joined its cohort with: size (base) and notional (quote) as magnitudes, and where."""

    size: int
    notional: int
    tick: int
    leverage_class: int
    generation: int
    is_short: bool
    has_maturing: bool

    @classmethod
    def of(cls, word: int) -> "PositionWord":
        return cls(
            field(word, 0, 112),
            field(word, 112, 112),
            field(word, 230, 14),
            field(word, 244, 2),
            field(word, 224, 6),
            bool(field(word, 246, 1)),
            bool(field(word, 247, 1)),
        )

    def key(self, market: int) -> int:
        """Cohort key."""
        return cohort_key(market, self.is_short, self.leverage_class, self.tick, self.generation)


def cohort_key(market: int, is_short: bool, leverage_class: int, tick: int, generation: int) -> int:
    """market 8 | side 1 | class 2 | tick 14 | generation 6, generation lowest"""
    return market << 23 | int(is_short) << 22 | leverage_class << 20 | tick << 6 | generation


@dataclass(frozen=True)
class CohortKey:
    market: int
    is_short: bool
    leverage_class: int
    tick: int
    generation: int

    @classmethod
    def of(cls, key: int) -> "CohortKey":
        return cls(key >> 23, bool(key >> 22 & 1), key >> 20 & 3, key >> 6 & 2**14 - 1, key & 63)

    @property
    def key(self) -> int:
        return cohort_key(self.market, self.is_short, self.leverage_class, self.tick, self.generation)

    @property
    def base(self) -> int:
        """Key of generation 0 of the tick."""
        return self.key >> 6 << 6

    @property
    def group(self) -> int:
        """Argument of the vault's `tick_bitmap`: market << 3 | is_short << 2 | class."""
        return self.key >> 20


@dataclass(frozen=True)
class MaturingWord:
    """Shares (1e-9 quote) of the present and the previous batch."""

    current: int
    previous: int
    batch: int
    current_refill: int
    previous_refill: int

    @classmethod
    def of(cls, word: int) -> "MaturingWord":
        return cls(
            field(word, 0, 104),
            field(word, 104, 104),
            field(word, 208, 24),
            field(word, 232, 12),
            word >> 244,
        )


@dataclass(frozen=True)
class PriceWord:
    """mark and its time, rounds charged so far, whether one is open, status, width of ticks"""

    mark: int
    mark_time: int
    rounds: int
    is_round_open: bool
    status: int
    has_fine_ticks: bool

    @classmethod
    def of(cls, word: int) -> "PriceWord":
        return cls(
            field(word, 0, 104),
            field(word, 104, 32),
            field(word, 136, 23),
            bool(field(word, 159, 1)),
            field(word, 160, 8),
            bool(field(word, 168, 1)),
        )

    @property
    def word(self) -> int:
        return (
            self.mark
            | self.mark_time << 104
            | self.rounds << 136
            | int(self.is_round_open) << 159
            | self.status << 160
            | int(self.has_fine_ticks) << 168
        )


@dataclass(frozen=True)
class FlowWord:
    """open interest (base) and uncollected trading fees (quote)"""

    open_interest: int
    fees: int

    @classmethod
    def of(cls, word: int) -> "FlowWord":
        return cls(field(word, 0, 112), word >> 112)

    @property
    def word(self) -> int:
        return self.open_interest | self.fees << 112


@dataclass(frozen=True)
class FundingWord:
    long_index: int
    short_index: int

    @classmethod
    def of(cls, word: int) -> "FundingWord":
        return cls(signed_field(word, 0, 112), signed_field(word, 112, 112))

    @property
    def word(self) -> int:
        return _raw(self.long_index, 112) | _raw(self.short_index, 112) << 112


@dataclass(frozen=True)
class ClockWord:
    now: int
    batch_end: int
    funding_time: int
    round_time: int
    step_time: int  # when the mark last moved without reaching the oracle's

    @classmethod
    def of(cls, word: int) -> "ClockWord":
        return cls(*(field(word, 40 * n, 40) for n in range(5)))

    @property
    def word(self) -> int:
        fields = (self.now, self.batch_end, self.funding_time, self.round_time, self.step_time)
        return sum(value << 40 * n for n, value in enumerate(fields))


@dataclass(frozen=True)
class BatchSumsWord:
    """Shares of the present and the previous batch, the present batch, and which of the two were charged."""

    current: int
    previous: int
    batch: int
    charged: int

    @classmethod
    def of(cls, word: int) -> "BatchSumsWord":
        return cls(field(word, 0, 104), field(word, 104, 104), field(word, 208, 24), word >> 232)

    @property
    def word(self) -> int:
        return self.current | self.previous << 104 | self.batch << 208 | self.charged << 232


def halves(word: int) -> tuple[int, int]:
    """Low and high uint128."""
    return field(word, 0, 128), word >> 128


def halves_word(low: int, high: int) -> int:
    return low | high << 128


def signed_halves(word: int) -> tuple[int, int]:
    """Low and high int128."""
    return signed_field(word, 0, 128), signed_field(word, 128, 128)


def signed_halves_word(low: int, high: int) -> int:
    return _raw(low, 128) | _raw(high, 128) << 128


@dataclass(frozen=True)
class SumsWord:
    size: int
    notional: int
    rounds_seen: int
    is_closed: bool
    is_charged: bool
    links: int

    @classmethod
    def of(cls, word: int) -> "SumsWord":
        return cls(
            field(word, 0, 112),
            field(word, 112, 112),
            field(word, 224, 23),
            bool(field(word, 247, 1)),
            bool(field(word, 248, 1)),
            word >> 249,
        )


@dataclass(frozen=True)
class FactorWord:
    """share and offset (quote per base), 27 decimals"""

    share: int
    offset: int

    @classmethod
    def of(cls, word: int) -> "FactorWord":
        return cls(field(word, 0, 96), signed_field(word, 96, 160))


@dataclass(frozen=True)
class RoundWord:
    """share (27 decimals) and price (18 decimals)"""

    share: int
    price: int

    @classmethod
    def of(cls, word: int) -> "RoundWord":
        return cls(field(word, 0, 96), field(word, 96, 128))


@dataclass(frozen=True)
class BatchWord:
    """taken (share, 27 decimals) and refill counter"""

    taken: int
    refill: int

    @classmethod
    def of(cls, word: int) -> "BatchWord":
        return cls(field(word, 0, 96), field(word, 96, 12))

    @property
    def word(self) -> int:
        return self.taken | self.refill << 96


@dataclass(frozen=True)
class QueueWord:
    """head and tail place, inventory claim (id + 1, 0 for none), time of the last loss"""

    head: int
    tail: int
    inventory_claim: int
    last_loss_time: int

    @classmethod
    def of(cls, word: int) -> "QueueWord":
        return cls(field(word, 0, 32), field(word, 32, 32), field(word, 64, 64), word >> 128)

    @property
    def word(self) -> int:
        return self.head | self.tail << 32 | self.inventory_claim << 64 | self.last_loss_time << 128


@dataclass(frozen=True)
class SystemWord:
    """exchange and its version, risk mode, factor on margin rates (18 decimals), pause"""

    exchange: int
    version: int
    mode: int
    multiplier: int
    is_paused: bool

    @classmethod
    def of(cls, word: int) -> "SystemWord":
        return cls(
            field(word, 0, 160),
            field(word, 160, 16),
            field(word, 176, 8),
            field(word, 184, 16) * FACTOR_STEP,
            bool(field(word, 200, 1)),
        )

    @property
    def word(self) -> int:
        return (
            self.exchange
            | self.version << 160
            | self.mode << 176
            | self.multiplier // FACTOR_STEP << 184
            | int(self.is_paused) << 200
        )


def cap_of(field: int) -> int:
    """A cap from its 16 bits, 18 decimals."""
    return ((field & 2047) << (field >> 11)) * WAD


def cap_field(amount: int) -> int:
    """The 16 bits that keep a cap of whole units, rounded down to 11 significant bits."""
    mantissa, exponent = amount // WAD, 0
    while mantissa >= 2048:
        mantissa, exponent = mantissa >> 1, exponent + 1
    return mantissa | exponent << 11


@dataclass(frozen=True)
class MarginWords:
    """A market's margin requirements and limits; rates and factors have 18 decimals, amounts are quote."""

    lines: tuple[tuple[int, int], ...]  # rate, deduction
    initial_factor: int
    max_mark_age: int
    max_opening_age: int
    class_rates: tuple[int, ...]
    price_band: int
    minimum_notional: int
    open_interest_cap_quote: int
    position_cap_quote: int
    open_interest_cap_base: int
    lower_cap_share: int  # of open_interest_cap_quote, 18 decimals

    @classmethod
    def of(cls, terms_word: int, more_lines_word: int, last_lines_word: int) -> "MarginWords":
        lines = [(field(terms_word, 0, 16) * RATE_STEP, 0)]
        for word, count in ((terms_word >> 16, 1), (more_lines_word, 4), (last_lines_word, 2)):
            for index in range(count):
                rate = field(word, 56 * index, 16) * RATE_STEP
                if rate:
                    lines.append((rate, field(word, 56 * index + 16, 40) * WAD))
        return cls(
            tuple(lines),
            field(terms_word, 136, 16) * FACTOR_STEP,
            field(terms_word, 152, 12),
            field(terms_word, 192, 12),
            tuple(field(terms_word, 72 + 16 * n, 16) * RATE_STEP for n in range(4)),
            field(terms_word, 164, 12) * RATE_STEP,
            cap_of(field(terms_word, 176, 16)),
            cap_of(field(terms_word, 208, 16)),
            cap_of(field(terms_word, 224, 16)),
            cap_of(field(terms_word, 240, 16)),
            (field(terms_word, 204, 4) or 16) * WAD // 16,
        )

    def maintenance(self, notional: int) -> int:
        """Maintenance margin of a position worth `notional` quote, rounded up: max over lines."""
        return max(
            (max(-(-notional * rate // WAD) - deduction, 0) for rate, deduction in self.lines), default=0
        )

    def crowd(self, open_interest: int) -> tuple[int, int]:
        """How far open interest (quote at mark) is beyond the lower cap, and how far the cap is.

        Both in quote, from the lower cap; the first at most the second, (0, 0) without a lower cap.
        """
        cap = self.open_interest_cap_quote
        span = cap // 16 * (16 - self.lower_cap_share * 16 // WAD)
        return min(max(open_interest - (cap - span), 0), span), span

    def initial(self, notional: int, maintenance: int, leverage_class: int, open_interest: int) -> int:
        """Initial margin: the tier's or the class's, whichever asks more, and more in a crowd.

        `open_interest` is the market's, quote at mark: from the lower cap on the margin rises linearly, to
        all of the notional at the cap (dYdX v4).
        """
        tier = -(-maintenance * self.initial_factor // WAD)
        initial = max(tier, -(-notional * self.class_rates[leverage_class] // WAD))
        beyond, span = self.crowd(open_interest)
        if not beyond or initial >= notional:
            return initial
        return initial - (initial - notional) * beyond // span


@dataclass(frozen=True)
class LiquidationWord:
    target_health: int
    critical_health: int
    cost_slope: int
    fund_share: int
    deleverage_band: int
    auction_slippage: int
    auction_seconds: int
    reward_rate: int
    reward_flat: int
    reward_cap: int
    dust: int
    max_mark_step: int

    @classmethod
    def of(cls, word: int) -> "LiquidationWord":
        return cls(
            field(word, 0, 16) * FACTOR_STEP,
            field(word, 16, 16) * FACTOR_STEP,
            field(word, 32, 16) * RATE_STEP,
            field(word, 48, 16) * FACTOR_STEP,
            field(word, 64, 16) * RATE_STEP,
            field(word, 80, 16) * RATE_STEP,
            field(word, 96, 16),
            field(word, 112, 16) * RATE_STEP,
            field(word, 128, 32) * 10**16,
            field(word, 160, 32) * WAD,
            field(word, 192, 32) * 10**12,
            field(word, 224, 16) * RATE_STEP,
        )
