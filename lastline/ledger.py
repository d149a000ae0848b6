"""The whole ledger of the vault, rebuilt from events alone, in the contracts' own integer arithmetic.

`Ledger.apply` takes the vault's events in order. What it then holds equals storage: accounts, positions,
maturing batches, cohorts with lazy rounds, inventories, claims, fees. Amounts have 18 decimals, factors of
cohorts 27; sizes and notionals of members are signed (long > 0), those of positions as stored are magnitudes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from lastline import fixed_math as fm
from lastline.abi import Event
from lastline.units import FACTOR_FLOOR, MATURING_STEP, MAX_PRICE, MIN_PRICE, RAY, WAD, WAD_TO_RAY
from lastline.words import (
    ALWAYS,
    SETTLED,
    AccountWord,
    BatchSumsWord,
    BatchWord,
    ClockWord,
    CohortKey,
    FactorWord,
    FlowWord,
    FundingWord,
    LiquidationWord,
    MarginWords,
    MaturingWord,
    PositionWord,
    PriceWord,
    QueueWord,
    RoundWord,
    SumsWord,
    SystemWord,
    halves_word,
    signed_halves_word,
)

RESERVE, COMMUNITY, ADL, SOCIALISED, SIDE, RECOVERY, RECOVERED = range(7)
TIER_NAMES = ("reserve", "community", "adl", "socialised", "side", "recovery", "recovered")
ROLE_NAMES = (
    "EXCHANGE",
    "LIQUIDATION_ENGINE",
    "LOSS_ALLOCATOR",
    "INSURANCE_FUND",
    "PRICE_ORACLE",
    "GUARDIAN",
    "TREASURY",
)
MAX_REFILL = 2**12 - 1
# Batches are counted from 2, so that the two before one always have an id.
NO_BATCH_SUMS = BatchSumsWord(0, 0, 2, 0)
NOTHING = PositionWord.of(0)
NO_SYSTEM = SystemWord(0, 0, 0, WAD, False)


class LedgerError(Exception):
    """The events do not fit together: some are missing, or are not the vault's."""


def tick_low(tick: int, bits: int) -> int:
    """The lowest price of a tick (contracts/lib/price_tick.vy)."""
    mantissa = (1 << bits) | (tick & ((1 << bits) - 1))
    return mantissa << ((tick >> bits) - bits)


def tick_at(price: int, bits: int) -> int:
    """The tick that holds a price."""
    octave = price.bit_length() - 1
    return octave << bits | ((price >> (octave - bits)) & ((1 << bits) - 1))


@dataclass
class Cohort:
    """A generation: sums of its members' sizes and notionals at birth, its factors (modules/cohorts.vy)."""

    size_sum: int = 0
    notional_sum: int = 0
    rounds_seen: int = 0
    is_closed: bool = False
    is_charged: bool = False
    links: int = 0
    a: int = RAY
    phi: int = 0
    b: int = RAY
    c: int = 0
    y: int = 0
    x: int = 0

    @classmethod
    def of_words(cls, words: Iterable[int]) -> "Cohort":
        """From the first four of the vault's `cohort_words`."""
        sums_word, scale_word, entry_word, pot_word = list(words)[:4]
        sums = SumsWord.of(sums_word)
        cohort = cls(sums.size, sums.notional, sums.rounds_seen, sums.is_closed, sums.is_charged, sums.links)
        if sums.is_charged:
            entry = FactorWord.of(entry_word)
            cohort.b, cohort.c = RAY - entry.share, entry.offset
        if sums.is_closed:
            scale, pot = FactorWord.of(scale_word), FactorWord.of(pot_word)
            cohort.a, cohort.phi = RAY - scale.share, scale.offset
            cohort.y, cohort.x = pot.share, pot.offset
        return cohort

    @property
    def is_sealed(self) -> bool:
        """Nobody may join any more."""
        return self.is_closed or self.is_charged

    def is_in_profit(self, key: CohortKey, tick_bits: int, price: int) -> bool:
        """True if every member is in profit or even at `price` (27 decimals)."""
        if key.is_short:
            return fm.mul_div_down(self.b, tick_low(key.tick, tick_bits), WAD) + self.c >= price
        return fm.mul_div_up(self.b, tick_low(key.tick + 1, tick_bits), WAD) + self.c <= price

    def apply_round(self, key: CohortKey, tick_bits: int, charge: RoundWord) -> None:
        """One pending round: its share of the pots, and of open profit where all are in profit."""
        kept = RAY - charge.share
        price = charge.price * WAD_TO_RAY
        is_hit = self.is_in_profit(key, tick_bits, price)
        moved = self.c * kept + price * charge.share
        if key.is_short:
            self.y = fm.mul_div_down(self.y, kept, RAY)
            self.x = fm.signed_mul_div_ceil(self.x, kept, RAY)
            if is_hit:
                self.b = fm.mul_div_down(self.b, kept, RAY)
                self.c = fm.signed_mul_div_floor(moved, 1, RAY)
        else:
            self.y = fm.mul_div_up(self.y, kept, RAY)
            self.x = fm.signed_mul_div_floor(self.x, kept, RAY)
            if is_hit:
                self.b = fm.mul_div_up(self.b, kept, RAY)
                self.c = fm.signed_mul_div_ceil(moved, 1, RAY)
        self.is_charged = self.is_charged or is_hit

    def pot(self, is_short: bool) -> int:
        """Profit of all members realised by ADL and not yet touched, quote."""
        pot = self.size_sum * self.x - self.notional_sum * self.y
        return fm.positive_part(fm.signed_mul_div_floor(-pot if is_short else pot, 1, RAY))


@dataclass(frozen=True)
class Member:
    """What a member of a cohort has now: signed size and notional, ADL profit, pending funding."""

    size: int
    notional: int
    pot: int
    funding: int


def member_of(cohort: Cohort, is_short: bool, size: int, notional: int, index: int) -> Member:
    """Figures of a member that joined with `size` and `notional`; `index`: the side's funding index."""
    scaled = notional * cohort.b + cohort.c * size
    pot = size * cohort.x - notional * cohort.y
    if is_short:
        inner = fm.signed_mul_div_floor(scaled, 1, RAY)
        per_base = cohort.phi - fm.signed_mul_div_floor(index, cohort.a, WAD)
        return Member(
            -fm.mul_div_up(size, cohort.a, RAY),
            -fm.signed_mul_div_floor(inner, cohort.a, RAY),
            fm.positive_part(fm.signed_mul_div_floor(-pot, 1, RAY)),
            fm.signed_mul_div_floor(-per_base, size, RAY),
        )
    inner = fm.signed_mul_div_ceil(scaled, 1, RAY)
    per_base = cohort.phi - fm.signed_mul_div_ceil(index, cohort.a, WAD)
    return Member(
        fm.mul_div_down(size, cohort.a, RAY),
        fm.signed_mul_div_ceil(inner, cohort.a, RAY),
        fm.positive_part(fm.signed_mul_div_floor(pot, 1, RAY)),
        fm.signed_mul_div_floor(per_base, size, RAY),
    )


@dataclass
class Claim:
    """An uncovered loss: who left it, where, when, and how much of it each tier paid."""

    id: int
    market: int
    account: int
    loss_side: int
    filed_at: int
    amount: int = 0
    paid: list[int] = field(default_factory=lambda: [0] * 7)

    @property
    def outstanding(self) -> int:
        return self.amount - sum(self.paid)


@dataclass
class Inventory:
    """A market's bankruptcy account as stored: `cash` carries the funding index."""

    size: int = 0
    notional: int = 0
    cash: int = 0
    outstanding: int = 0
    auction_start: int = 0
    since: int = 0


@dataclass
class Market:
    """A market as rebuilt. `rounds` are the charges so far, `batches` what they took of maturing profit."""

    id: int
    has_fine_ticks: bool
    clock: ClockWord
    status: int = 1
    mark: int = 0
    mark_time: int = 0
    open_interest: int = 0
    fees: int = 0
    long_index: int = 0
    short_index: int = 0
    is_round_open: bool = False
    round_deficit: int = 0
    batch_sums: BatchSumsWord = NO_BATCH_SUMS
    terms_word: int = 0
    more_lines_word: int = 0
    last_lines_word: int = 0
    liquidation_word: int = 0
    pots: int = 0
    inventory: Inventory = field(default_factory=Inventory)
    head: int = 0
    tail: int = 0
    inventory_claim: int = 0
    last_loss_time: int = 0
    queue: dict[int, int] = field(default_factory=dict)
    rounds: list[RoundWord] = field(default_factory=list)
    batches: dict[int, BatchWord] = field(default_factory=dict)
    # The oracle up to whose rate sum funding has been counted, as the vault's `rate_sum_word` must give them.
    rate_sum_word: int = 0
    # What the bankruptcy account had left over and the fund has not got yet, quote.
    surplus: int = 0
    # What the sides were charged in the last window, as the vault's `side_window` must give it.
    side_window: int = 0
    # Settlements: each may leave one unit of open interest behind, whoever settled.
    settlements: int = 0

    @property
    def tick_bits(self) -> int:
        return 7 if self.has_fine_ticks else 6

    @property
    def margin(self) -> MarginWords:
        return MarginWords.of(self.terms_word, self.more_lines_word, self.last_lines_word)

    @property
    def liquidation(self) -> LiquidationWord:
        return LiquidationWord.of(self.liquidation_word)

    def side_index(self, is_short: bool) -> int:
        return self.short_index if is_short else self.long_index

    def words(self) -> list[int]:
        """What the vault's `market_words` must give."""
        inventory = self.inventory
        return [
            PriceWord(
                self.mark,
                self.mark_time,
                len(self.rounds),
                self.is_round_open,
                self.status,
                self.has_fine_ticks,
            ).word,
            FundingWord(self.long_index, self.short_index).word,
            self.clock.word,
            self.batch_sums.word,
            self.terms_word,
            self.more_lines_word,
            self.last_lines_word,
            self.liquidation_word,
            halves_word(self.pots, inventory.auction_start | inventory.since << 40),
            signed_halves_word(inventory.size, inventory.notional),
            signed_halves_word(inventory.cash, 0) | inventory.outstanding << 128,
            QueueWord(self.head, self.tail, self.inventory_claim, self.last_loss_time).word,
            FlowWord(self.open_interest, self.fees).word,
            self.round_deficit,
        ]


@dataclass(frozen=True)
class Effective:
    """An account in one market with everything pending applied; signed, quote and base."""

    cash: int  # what this market adds to the account's stored cash
    size: int
    notional: int
    unrealised: int
    maturing: int
    pending: int  # ADL profit not yet booked, or (below 0) a remainder of rounding


@dataclass(frozen=True)
class Balance:
    """An account as a whole, as the vault's `account_state` gives it."""

    cash: int
    maturing: int
    unrealised: int
    maintenance: int
    initial_gap: int

    @property
    def equity(self) -> int:
        return self.cash + self.maturing + self.unrealised


@dataclass
class Ledger:
    """The vault's books. Feed it every event of the vault, in order, from the first on.

    All of it is plain data: `lastline.state_file` can keep it, and a run can go on from there.
    """

    accounts: dict[int, AccountWord] = field(default_factory=dict)
    positions: dict[tuple[int, int], int] = field(default_factory=dict)
    maturing: dict[tuple[int, int], int] = field(default_factory=dict)
    operators: set[tuple[str, str]] = field(default_factory=set)
    markets: list[Market] = field(default_factory=list)
    cohorts: dict[int, Cohort] = field(default_factory=dict)
    siblings: dict[int, int] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    # The fund's part of collected trading fees that was too fine for a token unit.
    fee_rest: int = 0
    funding_fees: int = 0
    liquidation_fees: int = 0
    treasury_fees: int = 0
    # Loss that no tier has paid, shared by all withdrawals, and what each account's went short by.
    uncovered: int = 0
    recovery_claims: dict[int, int] = field(default_factory=dict)
    # By how much that loss has fallen, and withdrawals while there was one.
    repaid: int = 0
    paid_at_ratio: int = 0
    funding_share: int = 0
    batch_seconds: int = 3600
    system: SystemWord = NO_SYSTEM
    roles: dict[str, str] = field(default_factory=dict)
    # Tokens: units in and out by reason, as booked.
    tokens_in: dict[str, int] = field(default_factory=lambda: {"deposits": 0, "fund": 0, "repairs": 0})
    tokens_out: dict[str, int] = field(
        default_factory=lambda: {"withdrawals": 0, "fees": 0, "treasury": 0, "surplus": 0}
    )
    quote_per_token: int = 1
    fund_paid: dict[int, int] = field(default_factory=dict)
    applied: int = 0

    @classmethod
    def empty(cls, token_decimals: int) -> "Ledger":
        """Before the first event."""
        return cls(quote_per_token=10 ** (18 - token_decimals))

    @classmethod
    def rebuild(cls, events: Iterable[Event], token_decimals: int) -> "Ledger":
        """The ledger after all these events."""
        ledger = cls.empty(token_decimals)
        for event in events:
            ledger.apply(event)
        return ledger

    def apply(self, event: Event) -> None:
        """Book one event of the vault. Raises LedgerError if it does not fit what came before."""
        handler = getattr(self, f"_on_{event.name}", None)
        if handler is not None:
            try:
                handler(event)
            except (KeyError, IndexError) as error:
                raise LedgerError(
                    f"{event.name} in {event.transaction} does not fit the events before"
                ) from error
        self.applied += 1

    # --- accounts -------------------------------------------------------------------------------------------

    def _set_account(self, account: int, word: int) -> None:
        self.accounts[account] = AccountWord.of(word)

    def _on_Deposited(self, e: Event) -> None:
        self._set_account(e.account, e.account_word)
        self.tokens_in["deposits"] += e.tokens

    def _on_Withdrawn(self, e: Event) -> None:
        self._set_account(e.account, e.account_word)
        self.tokens_out["withdrawals"] += e.tokens

    def _on_PaidAtRatio(self, e: Event) -> None:
        self.repaid += self.uncovered - e.uncovered
        self.uncovered = e.uncovered
        self.recovery_claims[e.account] = e.recovery_claim
        self.paid_at_ratio += 1

    def _on_WrittenOff(self, e: Event) -> None:
        self.uncovered += e.amount
        if self.uncovered != e.uncovered:
            raise LedgerError(f"{self.uncovered} is uncovered, an event says {e.uncovered}")

    def _on_UncoveredRepaid(self, e: Event) -> None:
        self.repaid += e.amount
        self.uncovered -= e.amount
        if self.uncovered != e.uncovered:
            raise LedgerError(f"{self.uncovered} is uncovered, an event says {e.uncovered}")

    def _on_Recapitalised(self, e: Event) -> None:
        self.tokens_in["repairs"] += e.tokens

    def _on_RecoveryPaid(self, e: Event) -> None:
        self.tokens_in["fund"] += (e.reserve + e.community) // self.quote_per_token

    def _on_SideCharged(self, e: Event) -> None:
        market = self.markets[e.market]
        market.long_index, market.short_index = e.long_index, e.short_index
        market.side_window = e.window_word

    def _on_Transferred(self, e: Event) -> None:
        self._set_account(e.sender, e.sender_word)
        self._set_account(e.receiver, e.receiver_word)

    def _on_ExchangeAccepted(self, e: Event) -> None:
        self._set_account(e.account, e.account_word)

    def _on_LeverageClassSet(self, e: Event) -> None:
        self._set_account(e.account, e.account_word)

    def _on_OperatorSet(self, e: Event) -> None:
        pair = (e.owner, e.operator)
        if e.is_approved:
            self.operators.add(pair)
        else:
            self.operators.discard(pair)

    def _on_PositionChanged(self, e: Event) -> None:
        market = self.markets[e.market]
        self._set_account(e.account, e.account_word)
        place = (e.account, e.market)
        old_word, new_word = self.positions.get(place, 0), e.position_word
        old, new = PositionWord.of(old_word), PositionWord.of(new_word)
        is_staying = False
        if old.size:
            key = old.key(e.market)
            cohort = self.current(key)
            if cohort.is_sealed:
                self._settle(market, e.account, old, key, cohort)
            else:
                cohort.size_sum -= old.size
                cohort.notional_sum -= old.notional
                is_staying = new.size != 0 and new.key(e.market) == key
                if not old.is_short:
                    market.open_interest = fm.saturating_sub(market.open_interest, old.size)
        if new.size:
            self._join(new.key(e.market), new, is_staying)
            if not new.is_short:
                market.open_interest += new.size
        if old.size and not is_staying and self._is_empty(old.key(e.market)):
            self._drop(old.key(e.market))
        self.positions[place] = new_word
        market.fees += e.fee

    def _settle(self, market: Market, account: int, old: PositionWord, key: int, cohort: Cohort) -> None:
        """A member of a sealed generation moves on (contracts/modules/membership.vy)."""
        member = member_of(cohort, old.is_short, old.size, old.notional, market.side_index(old.is_short))
        cohort.size_sum -= old.size
        cohort.notional_sum -= old.notional
        if cohort.size_sum == 0:
            self._drop(key)
        if not old.is_short:
            market.open_interest = fm.saturating_sub(market.open_interest, member.size + 1)
        if member.pot:
            market.pots = fm.saturating_sub(market.pots, member.pot + 1)
        market.settlements += 1

    def _on_MaturingChanged(self, e: Event) -> None:
        self.maturing[(e.account, e.market)] = e.maturing_word
        self.markets[e.market].batch_sums = BatchSumsWord.of(e.batch_sums_word)

    def _on_AccountAbsorbed(self, e: Event) -> None:
        self.accounts[e.account] = replace(self.accounts[e.account], cash=0)
        self._set_account(e.keeper, e.keeper_word)
        if e.equity <= 0:
            self.liquidation_fees -= e.reward

    def _on_TakenOver(self, e: Event) -> None:
        self.markets[e.market].fees -= e.fee
        self.liquidation_fees += e.fee

    def _on_ClosedWithOrders(self, e: Event) -> None:
        # the fee in the account's PositionChanged is the fund's, not the market's
        self.markets[e.market].fees -= e.fee
        self.liquidation_fees += e.fee
        self._set_account(e.keeper, e.keeper_word)

    # --- cohorts --------------------------------------------------------------------------------------------

    def current(self, key: int) -> Cohort:
        """A generation with every pending round applied."""
        cohort = self.cohorts.setdefault(key, Cohort())
        market = self.markets[key >> 23]
        bring_up_to_date(cohort, key, market)
        return cohort

    def _is_empty(self, key: int) -> bool:
        return key not in self.cohorts or self.cohorts[key].size_sum == 0

    def _join(self, key: int, position: PositionWord, is_staying: bool) -> None:
        cohort = self.current(key)
        base = key >> 6 << 6
        generation = key & 63
        if generation and not is_staying:
            first = self.current(base)
            first.links = generation << 1 | 1
            self.siblings[base] = self.siblings.get(base, 0) | 1 << generation
        cohort.size_sum += position.size
        cohort.notional_sum += position.notional

    def _drop(self, key: int) -> None:
        base = key >> 6 << 6
        links = self.cohorts[key].links
        self.cohorts[key] = Cohort(rounds_seen=len(self.markets[key >> 23].rounds), links=links)
        if key != base:
            left = self.siblings.get(base, 0) & ~(1 << (key & 63))
            self.siblings[base] = left
            if left == 0:
                self.current(base).links = 0
        elif links & 1 == 0:
            self.cohorts[key].links = 0

    def _on_CohortClosed(self, e: Event) -> None:
        key = CohortKey.of(e.key)
        market = self.markets[e.market]
        cohort = self.current(e.key)
        before = cohort.pot(key.is_short)
        scale, pot = FactorWord.of(e.scale_word), FactorWord.of(e.pot_word)
        cohort.a, cohort.phi = RAY - scale.share, scale.offset
        cohort.y, cohort.x = pot.share, pot.offset
        cohort.is_closed = True
        market.pots += fm.saturating_sub(cohort.pot(key.is_short), before + 1)
        if not key.is_short:
            closed = fm.mul_div_up(e.share, cohort.size_sum, RAY)
            market.open_interest = fm.saturating_sub(market.open_interest, closed)

    # --- markets --------------------------------------------------------------------------------------------

    def _on_MarketAdded(self, e: Event) -> None:
        if e.market != len(self.markets):
            raise LedgerError(f"market {e.market} was added out of turn")
        self.markets.append(Market(e.market, e.has_fine_ticks, ClockWord.of(e.clock_word)))

    def _on_MarketConfigured(self, e: Event) -> None:
        market = self.markets[e.market]
        market.terms_word, market.more_lines_word = e.terms_word, e.more_lines_word
        market.last_lines_word = e.last_lines_word

    def _on_LiquidationConfigured(self, e: Event) -> None:
        self.markets[e.market].liquidation_word = e.liquidation_word

    def _on_MarketStatusSet(self, e: Event) -> None:
        self.markets[e.market].status = e.status

    def _on_MarketSettled(self, e: Event) -> None:
        market = self.markets[e.market]
        market.status, market.mark_time = SETTLED, ALWAYS
        market.clock = ClockWord.of(e.clock_word)

    def _on_MarkUpdated(self, e: Event) -> None:
        market = self.markets[e.market]
        market.mark, market.mark_time = e.mark, e.mark_time
        market.long_index, market.short_index = e.long_index, e.short_index
        market.clock = ClockWord.of(e.clock_word)
        market.batch_sums = BatchSumsWord.of(e.batch_sums_word)
        self.funding_fees += e.funding_share

    def _on_RateSumTaken(self, e: Event) -> None:
        self.markets[e.market].rate_sum_word = int(e.oracle, 16) | (e.rate_sum % 2**96) << 160

    def _on_RoundOpened(self, e: Event) -> None:
        market = self.markets[e.market]
        market.is_round_open = True
        market.round_deficit = e.deficit

    def _on_RoundAbandoned(self, e: Event) -> None:
        self.markets[e.market].is_round_open = False

    def _on_RoundCharged(self, e: Event) -> None:
        market = self.markets[e.market]
        if e.values["index"] != len(market.rounds):
            raise LedgerError(f"round {e.values['index']} of market {e.market} came out of turn")
        market.is_round_open = False
        market.rounds.append(RoundWord(e.share, e.mark))
        market.clock = replace(market.clock, round_time=e.timestamp)
        market.pots = fm.mul_div_down(market.pots, RAY - e.share, RAY)
        sums = market.batch_sums
        if sums.current:
            self._charge_batch(market, sums.batch, e.share)
        if sums.previous:
            self._charge_batch(market, sums.batch - 1, e.share)
        market.batch_sums = BatchSumsWord.of(e.batch_sums_word)

    @staticmethod
    def _charge_batch(market: Market, batch: int, share: int) -> None:
        word = market.batches.get(batch, BatchWord(0, 0))
        if word.refill == MAX_REFILL:
            return
        kept = fm.mul_div_down(RAY - word.taken, RAY - share, RAY)
        if kept < FACTOR_FLOOR:
            market.batches[batch] = BatchWord(0, word.refill + 1)
        else:
            market.batches[batch] = BatchWord(RAY - kept, word.refill)

    def _on_InventoryChanged(self, e: Event) -> None:
        market = self.markets[e.market]
        inventory = market.inventory
        market.open_interest = fm.saturating_sub(
            market.open_interest + fm.positive_part(e.size), fm.positive_part(inventory.size)
        )
        index = market.side_index(e.size < 0)
        inventory.cash = e.cash + fm.signed_mul_div_floor(index * e.size, 1, WAD)
        inventory.size, inventory.notional, inventory.outstanding = e.size, e.notional, e.outstanding
        inventory.auction_start, inventory.since = e.auction_start, e.since

    # --- claims, fees, fund ---------------------------------------------------------------------------------

    def _on_ClaimFiled(self, e: Event) -> None:
        market = self.markets[e.market]
        if e.claim == len(self.claims):
            self.claims.append(Claim(e.claim, e.market, e.account, e.loss_side, e.timestamp))
            market.queue[market.tail] = e.claim
            market.tail += 1
            if e.account == 0:
                market.inventory_claim = e.claim + 1
        claim = self.claims[e.claim]
        claim.amount += e.added
        if claim.amount != e.amount:
            raise LedgerError(f"claim {e.claim} amounts to {claim.amount}, its event says {e.amount}")
        market.last_loss_time = e.timestamp

    def _on_ClaimPaid(self, e: Event) -> None:
        market, claim = self.markets[e.market], self.claims[e.claim]
        claim.paid[e.tier] += e.amount
        if claim.outstanding != e.outstanding:
            raise LedgerError(f"claim {e.claim} lacks {claim.outstanding}, its event says {e.outstanding}")
        if e.outstanding == 0:
            if market.inventory_claim == e.claim + 1:
                market.inventory_claim = 0
            if e.tier == RECOVERED:
                market.tail -= 1
            else:
                market.head += 1

    def _on_FundPaid(self, e: Event) -> None:
        paid = e.reserve + e.community
        self.tokens_in["fund"] += paid // self.quote_per_token
        self.fund_paid[e.market] = self.fund_paid.get(e.market, 0) + paid

    def _on_SurplusTaken(self, e: Event) -> None:
        self.markets[e.market].surplus += e.amount

    def _on_SurplusPaid(self, e: Event) -> None:
        self.markets[e.market].surplus -= e.amount + e.rewards
        self.liquidation_fees += e.rewards
        self.tokens_out["surplus"] += e.amount // self.quote_per_token

    def _on_FeesCollected(self, e: Event) -> None:
        self.fee_rest = self.trading_fees - e.trading_to_fund - e.trading_to_treasury
        for market in self.markets:
            market.fees = 0
        self.treasury_fees += e.trading_to_treasury
        self.funding_fees -= e.funding
        self.liquidation_fees -= e.liquidation
        self.tokens_out["fees"] += (e.trading_to_fund + e.funding + e.liquidation) // self.quote_per_token

    def _on_BuilderPaid(self, e: Event) -> None:
        market = self.markets[e.market]
        self._set_account(e.builder, e.account_word)
        market.fees -= e.amount
        if FlowWord(market.open_interest, market.fees).word != e.flow_word:
            raise LedgerError(f"market {e.market} is not left with the fees that a builder's event says")

    def _on_TreasuryPaid(self, e: Event) -> None:
        self.treasury_fees -= e.amount
        self.tokens_out["treasury"] += e.amount // self.quote_per_token

    # --- governance -----------------------------------------------------------------------------------------

    def _on_RoleSet(self, e: Event) -> None:
        name = ROLE_NAMES[e.role.bit_length() - 1]
        self.roles[name] = e.holder
        if name == "EXCHANGE":
            self.system = replace(self.system, exchange=int(e.holder, 16), version=self.system.version + 1)

    def _on_RiskModeSet(self, e: Event) -> None:
        self.system = replace(self.system, mode=e.mode, multiplier=e.multiplier)

    def _on_PauseSet(self, e: Event) -> None:
        self.system = replace(self.system, is_paused=e.is_paused)

    def _on_FundingShareSet(self, e: Event) -> None:
        self.funding_share = e.funding_share

    def _on_BatchSecondsSet(self, e: Event) -> None:
        self.batch_seconds = e.batch_seconds

    # --- figures --------------------------------------------------------------------------------------------

    def _batch_value(self, market: Market, batch: int, refill: int, shares: int) -> int:
        word = market.batches.get(batch, BatchWord(0, 0))
        if shares == 0 or word.refill != refill:
            return 0
        return fm.mul_div_down(shares, RAY - word.taken, RAY) * MATURING_STEP

    def maturing_of(self, account: int, market_id: int) -> tuple[int, int]:
        """(matured, still maturing) quote of an account in a market."""
        market = self.markets[market_id]
        stored = MaturingWord.of(self.maturing.get((account, market_id), 0))
        age = market.batch_sums.batch - stored.batch
        current = self._batch_value(market, stored.batch, stored.current_refill, stored.current)
        previous = self._batch_value(market, stored.batch - 1, stored.previous_refill, stored.previous)
        if age >= 2:
            return current + previous, 0
        if age == 1:
            return previous, current
        return 0, current + previous

    def effective(self, account: int, market_id: int) -> Effective:
        """An account in one market, everything pending applied, at the last mark."""
        market = self.markets[market_id]
        word = PositionWord.of(self.positions.get((account, market_id), 0))
        cash = maturing = 0
        if word.has_maturing:
            cash, maturing = self.maturing_of(account, market_id)
        if not word.size:
            return Effective(cash, 0, 0, 0, maturing, 0)
        cohort = self.current(word.key(market_id))
        index = market.side_index(word.is_short)
        pending = 0
        if cohort.is_sealed:
            member = member_of(cohort, word.is_short, word.size, word.notional, index)
            size, notional, pending = member.size, member.notional, member.pot
            cash += member.funding
            if size == 0:
                pending, notional = pending - notional, 0
        else:
            size = -word.size if word.is_short else word.size
            notional = -word.notional if word.is_short else word.notional
            if index:
                cash -= fm.signed_mul_div_ceil(index * size, 1, WAD)
        unrealised = fm.signed_mul_div_floor(size, market.mark, WAD) - notional if size else 0
        return Effective(cash, size, notional, unrealised, maturing, pending)

    def balance(self, account: int) -> Balance:
        """An account as a whole, at the last marks."""
        word = self.accounts.get(account, AccountWord.of(0))
        cash, maturing, unrealised, maintenance, gap = word.cash, 0, 0, 0, 0
        for market_id in word.market_ids:
            seat = self.effective(account, market_id)
            cash += seat.cash + min(seat.pending, 0)
            maturing += seat.maturing + max(seat.pending, 0)
            if not seat.size:
                continue
            market = self.markets[market_id]
            worth = fm.mul_div_up(abs(seat.size), market.mark, WAD)
            margin = market.margin
            maintained = margin.maintenance(worth)
            crowd = fm.mul_div_up(market.open_interest, market.mark, WAD)
            initial = margin.initial(worth, maintained, word.leverage_class(market_id), crowd)
            unrealised += seat.unrealised
            maintenance += fm.mul_div_up(maintained, self.system.multiplier, WAD)
            gap += max(fm.mul_div_up(initial, self.system.multiplier, WAD) - seat.unrealised, 0)
        return Balance(cash, maturing, unrealised, maintenance, gap)

    def inventory_cash(self, market: Market) -> int:
        """The inventory's cash with pending funding applied (debits up)."""
        i = market.inventory
        return i.cash - fm.signed_mul_div_ceil(market.side_index(i.size < 0) * i.size, 1, WAD)

    def inventory_equity(self, market: Market) -> int:
        """e = c + S * p - N, rounded down."""
        i = market.inventory
        return self.inventory_cash(market) + fm.signed_mul_div_floor(i.size, market.mark, WAD) - i.notional

    @property
    def trading_fees(self) -> int:
        """Trading fees not yet passed on, quote."""
        return self.fee_rest + sum(market.fees for market in self.markets)

    @property
    def surplus(self) -> int:
        """What bankruptcy accounts had left over and the fund has not got yet, quote."""
        return sum(market.surplus for market in self.markets)

    @property
    def fees(self) -> int:
        """Quote the vault holds that belongs to no account."""
        fees = self.trading_fees + self.funding_fees + self.liquidation_fees + self.treasury_fees
        return fees + self.surplus

    def liabilities(self) -> int:
        """Everything the vault owes at the last marks: the right-hand side of I1, quote."""
        accounts = sum(self.balance(account).equity for account in self.accounts)
        return accounts + sum(self.inventory_equity(market) for market in self.markets) + self.fees

    @property
    def booked_tokens(self) -> int:
        """Token units that came in less those that went out, by the vault's events."""
        return sum(self.tokens_in.values()) - sum(self.tokens_out.values())

    def base_key(self, account: int, market_id: int) -> int:
        """Cohort key (generation 0) that an account's effective position belongs in."""
        seat = self.effective(account, market_id)
        entry = min(max(fm.mul_div_down(abs(seat.notional), WAD, abs(seat.size)), MIN_PRICE), MAX_PRICE)
        market = self.markets[market_id]
        leverage_class = self.accounts[account].leverage_class(market_id)
        return CohortKey(market_id, seat.size < 0, leverage_class, tick_at(entry, market.tick_bits), 0).key


def bring_up_to_date(cohort: Cohort, key: int, market: Market) -> None:
    """Apply the rounds a generation has not seen; an empty one has nothing to lose."""
    if cohort.size_sum == 0:
        cohort.rounds_seen = len(market.rounds)
        return
    place = CohortKey.of(key)
    while cohort.rounds_seen < len(market.rounds):
        cohort.apply_round(place, market.tick_bits, market.rounds[cohort.rounds_seen])
        cohort.rounds_seen += 1
