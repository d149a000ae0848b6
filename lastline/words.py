"""Every packed storage word of the ledger (layouts: contracts/lib/packing.vy, contracts/lib/margin_math.vy).

Low bits come first in each layout. A zero word always means "nothing here yet".
"""

from dataclasses import dataclass

from lastline.units import WAD

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
    mark: int
    open_interest: int
    mark_time: int
    status: int
    has_fine_ticks: bool

    @classmethod
    def of(cls, word: int) -> "PriceWord":
        return cls(
            field(word, 0, 104),
            field(word, 104, 112),
            field(word, 216, 32),
            field(word, 248, 7),
            bool(word >> 255),
        )

    @property
    def word(self) -> int:
        return (
            self.mark
            | self.open_interest << 104
            | self.mark_time << 216
            | self.status << 248
            | int(self.has_fine_ticks) << 255
        )


@dataclass(frozen=True)
class FundingWord:
    long_index: int
    short_index: int
    rounds: int
    is_round_open: bool

    @classmethod
    def of(cls, word: int) -> "FundingWord":
        return cls(
            signed_field(word, 0, 112),
            signed_field(word, 112, 112),
            field(word, 224, 24),
            bool(field(word, 248, 1)),
        )

    @property
    def word(self) -> int:
        return (
            _raw(self.long_index, 112)
            | _raw(self.short_index, 112) << 112
            | self.rounds << 224
            | int(self.is_round_open) << 248
        )


@dataclass(frozen=True)
class ClockWord:
    now: int
    batch_end: int
    funding_time: int
    round_time: int

    @classmethod
    def of(cls, word: int) -> "ClockWord":
        return cls(field(word, 0, 40), field(word, 40, 40), field(word, 80, 40), field(word, 120, 40))

    @property
    def word(self) -> int:
        return self.now | self.batch_end << 40 | self.funding_time << 80 | self.round_time << 120


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
    is_sealed: bool
    links: int

    @classmethod
    def of(cls, word: int) -> "SumsWord":
        return cls(
            field(word, 0, 112),
            field(word, 112, 112),
            field(word, 224, 24),
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


@dataclass(frozen=True)
class MarginWords:
    """A market's margin requirements and limits; rates and factors have 18 decimals, amounts are quote."""

    lines: tuple[tuple[int, int], ...]  # rate, deduction
    initial_factor: int
    max_mark_age: int
    class_rates: tuple[int, ...]
    price_band: int
    minimum_notional: int
    open_interest_cap_quote: int
    position_cap_quote: int
    open_interest_cap_base: int

    @classmethod
    def of(cls, margin_word: int, more_lines_word: int, limits_word: int) -> "MarginWords":
        lines = []
        for word in (margin_word, more_lines_word):
            for index in range(4):
                rate = field(word, 56 * index, 16) * RATE_STEP
                if rate:
                    lines.append((rate, field(word, 56 * index + 16, 40) * WAD))
        return cls(
            tuple(lines),
            field(margin_word, 224, 16) * FACTOR_STEP,
            field(margin_word, 240, 16),
            tuple(field(limits_word, 16 * n, 16) * RATE_STEP for n in range(4)),
            field(limits_word, 64, 16) * RATE_STEP,
            field(limits_word, 80, 32) * WAD,
            field(limits_word, 112, 48) * WAD,
            field(limits_word, 160, 48) * WAD,
            (limits_word >> 208) * WAD,
        )

    def maintenance(self, notional: int) -> int:
        """Maintenance margin of a position worth `notional` quote, rounded up: max over lines."""
        return max(
            (max(-(-notional * rate // WAD) - deduction, 0) for rate, deduction in self.lines), default=0
        )

    def initial(self, notional: int, maintenance: int, leverage_class: int) -> int:
        """Initial margin: the tier's or the class's, whichever asks more."""
        tier = -(-maintenance * self.initial_factor // WAD)
        return max(tier, -(-notional * self.class_rates[leverage_class] // WAD))


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
        )
