"""Does everything add up? Checks anybody with a node can make: events against storage, tokens against debts.

Every check compares two figures and is exact, except where rounding is part of the design: a bound is stated.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from eth_utils import keccak, to_checksum_address
from web3.exceptions import Web3Exception

from lastline.chain import Chain, Query
from lastline.deployer import OWNED
from lastline.deployments import DeploymentError, Governance
from lastline.history import History
from lastline.ledger import RECOVERY, Cohort, Ledger, LedgerError, bring_up_to_date
from lastline.units import to_decimal
from lastline.views import FUND, POOL, SOURCES, TIMELOCK, VAULT
from lastline.words import CohortKey, PositionWord

# What a Safe answers (Safe 1.3 and later).
SAFE_ABI = [
    {
        "type": "function",
        "name": name,
        "inputs": [],
        "outputs": [{"name": "", "type": kind}],
        "stateMutability": "view",
    }
    for name, kind in (("getOwners", "address[]"), ("getThreshold", "uint256"))
]


@dataclass(frozen=True)
class Check:
    """One comparison. `left` and `right` are what was compared, in `unit`; `difference` is left - right."""

    id: str
    what: str
    holds: bool
    left: int
    right: int
    unit: str = "quote"

    @property
    def difference(self) -> int:
        return self.left - self.right

    def show(self, amount: int, token_decimals: int = 0) -> str:
        """An amount of this check as text: quote, base and tokens with their decimals."""
        if self.unit in ("quote", "base"):
            return to_decimal(amount)
        return to_decimal(amount, token_decimals) if self.unit == "token" else str(amount)


@dataclass
class Report:
    """All checks at one block, with the ledger they were made on."""

    block: int
    token_decimals: int
    ledger: Ledger
    checks: list[Check]

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.holds]


def rebuild(
    chain: Chain, block: int | None = None, tell: Callable[[int, int], None] = lambda done, total: None
) -> Ledger:
    """The vault's ledger as of a block (the latest), from its events alone.

    `tell` takes how many blocks are read, and of how many. Raises LedgerError if events do not fit together.
    """
    first, last = chain.deployment.first_block, chain.web3.eth.block_number if block is None else block
    ledger = Ledger.empty(chain.call("Collateral", "decimals", block=last))
    for end, (events,) in chain.spans([Query((VAULT,))], first, last):
        for event in events:
            ledger.apply(event)
        tell(end - first + 1, last - first + 1)
    return ledger


def run(
    chain: Chain,
    block: int | None = None,
    history: History | None = None,
    tell: Callable[[int], None] = lambda done: None,
) -> Report:
    """Make every check at a block (the latest). `history`: what was read up to some block before; `tell`
    takes how many checks are made.

    Raises DeploymentError on another chain than the recorded, or if events do not fit together.
    """
    chain.require_code()
    last = chain.web3.eth.block_number if block is None else block
    decimals = chain.call("Collateral", "decimals", block=last)
    history = History.start(chain) if history is None else history
    try:
        history.advance(chain, last)
    except LedgerError as error:
        raise DeploymentError(f"The ledger cannot be rebuilt from events: {error}.") from error
    checks = []
    for check in _Auditor(chain, history, last, decimals).checks():
        checks.append(check)
        tell(len(checks))
    return Report(last, decimals, history.ledger, checks)


class _Auditor:
    def __init__(self, chain: Chain, history: History, block: int, decimals: int) -> None:
        self.chain = chain
        self.history = history
        self.ledger = history.ledger
        self.block = block
        self.scale = 10 ** (18 - decimals)

    def checks(self) -> Iterator[Check]:
        yield from self._tokens()
        yield from self._sides()
        yield from self._claims()
        yield from self._fund()
        yield from self._storage()
        yield from self._governance()

    def _call(self, name: str, method: str, *arguments: object) -> int:
        return self.chain.call(name, method, *arguments, block=self.block)

    # --- I1 -------------------------------------------------------------------------------------------------

    def _tokens(self) -> Iterator[Check]:
        ledger = self.ledger
        vault = to_checksum_address(self.chain.deployment.address(VAULT))
        held = self._call("Collateral", "balanceOf", vault)
        received, sent = self.history.received[VAULT], self.history.sent[VAULT]
        booked_in, booked_out = sum(ledger.tokens_in.values()), sum(ledger.tokens_out.values())
        donated = max(received - booked_in, 0)
        yield Check(
            "I1-out",
            "tokens that left the vault = withdrawals + fees + treasury + surplus",
            sent == booked_out,
            sent,
            booked_out,
            "token",
        )
        yield Check(
            "I1-in",
            "tokens that reached the vault >= deposits + payments of the fund + repairs",
            received >= booked_in,
            received,
            booked_in,
            "token",
        )
        booked = booked_in + donated - booked_out
        yield Check(
            "I1-tokens",
            "tokens in the vault = what came less what went",
            held == booked,
            held,
            booked,
            "token",
        )
        owed = ledger.liabilities()
        yield Check(
            "I1",
            "tokens in the vault + uncovered loss >= accounts + inventories + fees",
            held * self.scale + ledger.uncovered >= owed,
            held * self.scale + ledger.uncovered,
            owed,
        )
        # Rounding leaves at most a few steps of maturing profit (1e-9 quote) at each event.
        # Withdrawals at a ratio leave less than a token unit each.
        dust = ledger.booked_tokens * self.scale + ledger.uncovered - owed
        bound = 10**10 * (ledger.applied + 1) + self.scale * ledger.paid_at_ratio
        yield Check(
            "I1-dust",
            "what rounding has left in the vault <= 1e-8 quote an event",
            dust <= bound,
            dust,
            bound,
        )

    # --- I2 -------------------------------------------------------------------------------------------------

    def _sides(self) -> Iterator[Check]:
        ledger = self.ledger
        for market in ledger.markets:
            longs = shorts = count = 0
            for account, market_id in ledger.positions:
                if market_id == market.id:
                    size = ledger.effective(account, market_id).size
                    longs, shorts = longs + max(size, 0), shorts + max(-size, 0)
                    count += 1
            longs += max(market.inventory.size, 0)
            shorts += max(-market.inventory.size, 0)
            # Each member rounds by one unit, each settlement left one behind, each closing of a cohort two.
            bound = count + market.settlements + 2 * len(ledger.cohorts)
            yield Check(
                f"I2-{market.id}",
                f"market {market.id}: long = short, inventory included, within {bound} units of 1e-18",
                abs(longs - shorts) <= bound,
                longs,
                shorts,
                "base",
            )

    # --- I6 -------------------------------------------------------------------------------------------------

    def _claims(self) -> Iterator[Check]:
        count = self._call(VAULT, "claim_count")
        states = self.chain.call_many(VAULT, [("claim_state", n) for n in range(count)], self.block)
        wrong = left = right = 0
        for state in states:
            amount, parts = state[4], sum(state[5:13])
            left, right = left + amount, right + parts
            wrong += amount != parts
        yield Check(
            "I6",
            "every claim = reserve + community + ADL + socialised + side + recovery + recovered + open",
            wrong == 0 and left == right,
            left,
            right,
        )
        for market in self.ledger.markets:
            outstanding = sum(state[12] for state in states if state[0] == market.id)
            owed = self.chain.call(VAULT, "inventory_state", market.id, block=self.block)[4]
            yield Check(
                f"I6-{market.id}",
                f"market {market.id}: open claims = what the bankruptcy account says it lacks",
                outstanding == owed,
                outstanding,
                owed,
            )

    # --- I7 -------------------------------------------------------------------------------------------------

    def _fund(self) -> Iterator[Check]:
        fund = self.chain.deployment.address(FUND)
        books = self.history.fund
        sources, paid, withdrawn = books.sources, books.paid, books.withdrawn
        community, given = books.community, books.given
        cold = books.swept - books.returned
        reserve = self._call(FUND, "reserve")
        booked = sum(sources.values()) - paid - withdrawn
        yield Check(
            "I7", "the fund's reserve = inflows - outflows", reserve == booked, reserve, booked, "token"
        )
        wrong = 0
        for n, name in enumerate(SOURCES):
            wrong += self._call(FUND, "total_in", 1 << n) != sources[name]
        yield Check(
            "I7-sources", "each source's total is the sum of its inflows", wrong == 0, wrong, 0, "count"
        )
        yield self._markets_of_the_fund()
        held = self._call("Collateral", "balanceOf", fund)
        received, sent = self.history.received[FUND], self.history.sent[FUND]
        yield Check(
            "I7-tokens",
            "the fund's tokens = what came less what went",
            held == received - sent,
            held,
            received - sent,
            "token",
        )
        yield Check(
            "I7-reserve",
            "the fund's tokens >= its reserve less what lies in the cold Safe",
            held >= reserve - cold,
            held,
            reserve - cold,
            "token",
        )
        yield from self._custody(cold)
        out = paid + community + withdrawn + given + books.swept
        yield Check(
            "I7-out",
            "tokens that left the fund = paid, by reserve and pool, + capital + the pool's part + swept",
            sent == out,
            sent,
            out,
            "token",
        )
        yield self._checkpoints()
        vault_got = self.ledger.tokens_in["fund"]
        yield Check(
            "I7-vault",
            "what the fund paid is what the vault got",
            paid + community == vault_got,
            paid + community,
            vault_got,
            "token",
        )
        yield from self._pool(community, given)

    def _markets_of_the_fund(self) -> Check:
        """What each market's claims have cost reserve and pool, and what its surplus has brought back."""
        names = ("paid", "community_paid", "repaid", "community_repaid")
        # (what was written off counts as one market more)
        payees = [*(market.id for market in self.ledger.markets), self._call(FUND, "RECOVERY")]
        calls = [(f"{name}_in_market", payee) for payee in payees for name in names]
        shown = self.chain.call_many(FUND, calls, self.block)
        rebuilt = self.history.fund.by_market
        wanted = [amount for payee in payees for amount in rebuilt.get(payee, [0] * len(names))]
        equal = sum(a == b for a, b in zip(shown, wanted, strict=True))
        return Check(
            "I7-markets",
            "paid and paid back by market, rebuilt = storage",
            equal == len(wanted),
            equal,
            len(wanted),
            "count",
        )

    def _custody(self, moved: int) -> Iterator[Check]:
        """What lies in the cold Safe, by the fund's events, its books and the Safe's tokens."""
        cold = self._call(FUND, "cold_reserve")
        yield Check("I7-cold", "cold reserve = swept less brought back", cold == moved, cold, moved, "token")
        if cold:
            safe = str(self._call(FUND, "cold_safe"))
            held = self._call("Collateral", "balanceOf", safe)
            yield Check(
                "I7-safe", "the cold Safe's tokens >= the cold reserve", held >= cold, held, cold, "token"
            )

    def _checkpoints(self) -> Check:
        """The checkpoints that the fund still has, against the events that announced them."""
        points, made = self.history.fund.checkpoints, self.history.fund.checkpoints_made
        count = self._call(FUND, "checkpoint_count")
        first = max(count - self._call(FUND, "CHECKPOINTS"), 0)
        shown = self.chain.call_many(FUND, [("checkpoint", n) for n in range(first, count)], self.block)
        equal = sum(tuple(point) == points.get(n) for n, point in enumerate(shown, first))
        holds = count == made and equal == count - first
        return Check("I7-history", "checkpoints rebuilt = storage", holds, equal, count - first, "count")

    def _pool(self, drawn: int, given: int) -> Iterator[Check]:
        """The pool's books against its tokens, and against what the fund says of it."""
        if POOL not in self.chain.deployment.contracts:
            return
        pending, active, unvested, _, exits, *_ = self._call(POOL, "books")
        owed = pending + active + unvested + exits
        held = self._call("Collateral", "balanceOf", self.chain.deployment.address(POOL))
        yield Check("I7-pool", "the pool's tokens >= its books", held >= owed, held, owed, "token")
        counts = [self._call(POOL, name) for name in ("total_drawn", "total_inflow")]
        yield Check(
            "I7-pool-drawn",
            "what the pool was drawn = what the fund paid from it",
            counts[0] == drawn == self._call(FUND, "community_out"),
            counts[0],
            drawn,
            "token",
        )
        yield Check(
            "I7-pool-inflows",
            "what the fund passed on >= what the pool counted",
            given >= counts[1] and given == self._call(FUND, "community_in"),
            given,
            counts[1],
            "token",
        )

    # --- who governs ----------------------------------------------------------------------------------------

    def _governance(self) -> Iterator[Check]:
        """Owners, the Timelock and the Safe before it, against what the deployment's parameters record."""
        if TIMELOCK not in self.chain.deployment.contracts:
            return
        recorded = Governance.of(self.chain.deployment)
        delay = self._call(TIMELOCK, "get_minimum_delay")
        what = "the Timelock's delay = the recorded one"
        yield Check("G-delay", what, delay == recorded.delay, delay, recorded.delay, "seconds")
        owned = [name for name in OWNED if self._call(name, "owner") == recorded.owner]
        who = "the deployer" if recorded.owner == self.chain.deployment.deployer else "the Timelock"
        others = ", ".join(name for name in OWNED if name not in owned)
        what = f"contracts owned by {who}, as recorded" + (f": not {others}" if others else "")
        yield Check("G-owners", what, not others, len(owned), len(OWNED), "count")
        for name, wanted in (("proposer", recorded.proposers), ("executor", recorded.executors)):
            role = keccak(text=f"{name.upper()}_ROLE").hex()
            holders = {account for held, account in self.history.roles if held == role}
            yield _same(
                f"G-{name}s", f"{name}s of the Timelock, by its events = the recorded ones", holders, wanted
            )
        if recorded.safe is not None:
            yield from self._safe(recorded)

    def _safe(self, recorded: Governance) -> Iterator[Check]:
        safe = self.chain.web3.eth.contract(address=to_checksum_address(str(recorded.safe)), abi=SAFE_ABI)
        try:
            owners = set(safe.functions.getOwners().call(block_identifier=self.block))
            threshold = safe.functions.getThreshold().call(block_identifier=self.block)
        except Web3Exception:
            owners, threshold = set(), 0  # no Safe there
        if recorded.safe_owners is not None:
            what = f"owners of the Safe {recorded.safe} = the recorded ones"
            yield _same("G-safe-owners", what, owners, recorded.safe_owners)
        if recorded.safe_threshold is not None:
            wanted = recorded.safe_threshold
            what = "owners who must sign for the Safe = as recorded"
            yield Check("G-safe-threshold", what, threshold == wanted, threshold, wanted, "count")

    # --- storage --------------------------------------------------------------------------------------------

    def _compare(
        self, id: str, what: str, calls: list[tuple], wanted: list, same: Callable | None = None
    ) -> Check:
        """How many of the vault's words are not as rebuilt."""
        shown = self.chain.call_many(VAULT, calls, self.block)
        equal = sum(
            (same(a, b) if same else (tuple(a) == tuple(b) if isinstance(a, tuple | list) else a == b))
            for a, b in zip(shown, wanted, strict=True)
        )
        return Check(id, what, equal == len(wanted), equal, len(wanted), "count")

    def _storage(self) -> Iterator[Check]:
        ledger = self.ledger
        accounts = sorted(ledger.accounts)
        yield self._compare(
            "L-accounts",
            "accounts rebuilt from events = storage",
            [("account_word", account) for account in accounts],
            [ledger.accounts[account].word for account in accounts],
        )
        places = sorted(ledger.positions)
        yield self._compare(
            "L-positions",
            "positions rebuilt from events = storage",
            [("position_word", *place) for place in places],
            [ledger.positions[place] for place in places],
        )
        places = sorted(ledger.maturing)
        yield self._compare(
            "L-maturing",
            "maturing profit rebuilt from events = storage",
            [("maturing_word", *place) for place in places],
            [ledger.maturing[place] for place in places],
        )
        yield self._compare(
            "L-markets",
            "markets (marks, funding, clocks, totals, inventories, queues) rebuilt = storage",
            [("market_words", market.id) for market in ledger.markets],
            [market.words() for market in ledger.markets],
        )
        yield self._compare(
            "L-funding",
            "what funding has been counted up to, rebuilt = storage",
            [("rate_sum_word", market.id) for market in ledger.markets],
            [market.rate_sum_word for market in ledger.markets],
        )
        rounds = [(m.id, n, charge) for m in ledger.markets for n, charge in enumerate(m.rounds)]
        yield self._compare(
            "L-rounds",
            "rounds rebuilt = storage",
            [("round_word", market, n) for market, n, _ in rounds],
            [charge.share | charge.price << 96 for _, _, charge in rounds],
        )
        batches = [(m.id, batch, word) for m in ledger.markets for batch, word in sorted(m.batches.items())]
        yield self._compare(
            "L-batches",
            "charges of maturity batches rebuilt = storage",
            [("batch_word", market, batch) for market, batch, _ in batches],
            [word.word for _, _, word in batches],
        )
        yield self._cohort_check()
        yield self._queue_check()
        yield self._compare(
            "L-claims",
            "claims rebuilt = storage",
            [("claim_state", claim.id) for claim in ledger.claims],
            [
                (c.market, c.account, c.loss_side, c.filed_at, c.amount, *c.paid, c.outstanding)
                for c in ledger.claims
            ],
        )
        yield self._compare(
            "L-fees",
            "uncollected fees rebuilt = storage",
            [("fee_state",)],
            [
                (
                    ledger.trading_fees,
                    ledger.funding_fees,
                    ledger.liquidation_fees,
                    ledger.treasury_fees,
                    ledger.surplus,
                )
            ],
        )
        yield from self._recovery()
        yield self._compare(
            "L-surplus",
            "what bankruptcy accounts had left over, rebuilt = storage",
            [("surplus", market.id) for market in ledger.markets],
            [market.surplus for market in ledger.markets],
        )
        yield self._compare(
            "L-system",
            "roles, risk mode and settings rebuilt = storage",
            [("exchange_word",), ("settings",), ("claim_count",), ("market_count",)],
            [
                ledger.system.word,
                (ledger.funding_share, ledger.batch_seconds, 0),
                len(ledger.claims),
                len(ledger.markets),
            ],
            lambda a, b: tuple(a)[:2] == tuple(b)[:2] if isinstance(a, tuple | list) else a == b,
        )
        balances = [ledger.balance(account) for account in accounts]
        yield self._compare(
            "I3",
            "every account's cash, profits, equity and margin, rebuilt = the vault's views",
            [("account_state", account) for account in accounts],
            [(b.cash, b.maturing, b.unrealised, b.equity, b.maintenance) for b in balances],
            lambda a, b: tuple(a[:5]) == b,
        )

    def _recovery(self) -> Iterator[Check]:
        """What no tier has paid, whose withdrawals went short by it, and what sides were charged."""
        ledger = self.ledger
        accounts = sorted(ledger.recovery_claims)
        yield self._compare(
            "L-recovery",
            "uncovered loss and recovery claims rebuilt = storage",
            [("uncovered",), *(("recovery_claim", account) for account in accounts)],
            [ledger.uncovered, *(ledger.recovery_claims[account] for account in accounts)],
        )
        written_off = sum(claim.paid[RECOVERY] for claim in ledger.claims)
        yield Check(
            "I6-recovery",
            "what claims were written off = uncovered loss + its repairs + withdrawals' parts",
            written_off == ledger.uncovered + ledger.repaid,
            written_off,
            ledger.uncovered + ledger.repaid,
        )
        yield self._compare(
            "L-sides",
            "windows of side charges rebuilt = storage",
            [("side_window", market.id) for market in ledger.markets],
            [market.side_window for market in ledger.markets],
        )

    def _cohort_check(self) -> Check:
        keys = sorted(self.ledger.cohorts)
        for key in keys:
            self.ledger.current(key)

        def is_same(words: tuple[int, ...], wanted: tuple[int, Cohort, int]) -> bool:
            key, cohort, siblings = wanted
            shown = Cohort.of_words(words)
            bring_up_to_date(shown, key, self.ledger.markets[key >> 23])
            return shown == cohort and words[4] == siblings

        return self._compare(
            "L-cohorts",
            "cohorts rebuilt, pending rounds applied = storage, pending rounds applied",
            [("cohort_words", key) for key in keys],
            [(key, self.ledger.cohorts[key], self.ledger.siblings.get(key >> 6 << 6, 0)) for key in keys],
            is_same,
        )

    def _queue_check(self) -> Check:
        """The ADL queue: the bit of every tick with open positions is set, and none where nobody is."""
        live: dict[tuple[int, int], int] = {}
        some: dict[tuple[int, int], int] = {}
        for key, cohort in self.ledger.cohorts.items():
            place = CohortKey.of(key)
            word, bit = (place.group, place.tick >> 8), 1 << (place.tick & 255)
            some.setdefault(word, 0)
            if cohort.size_sum:
                some[word] |= bit
                if cohort.a:
                    live[word] = live.get(word, 0) | bit
        places = sorted(some)
        return self._compare(
            "L-queue",
            "the ADL queue lists every tick with open positions and no empty one",
            [("tick_bitmap", *place) for place in places],
            [(live.get(place, 0), some[place]) for place in places],
            lambda shown, bits: bits[0] & ~shown == 0 and shown & ~bits[1] == 0,
        )


def _same(id: str, what: str, shown: Collection[str], wanted: Collection[str]) -> Check:
    """Are these the accounts that are wanted? Who is not is named."""
    added, missing = sorted(set(shown) - set(wanted)), sorted(set(wanted) - set(shown))
    what += "".join(f", but also {account}" for account in added)
    what += "".join(f", but not {account}" for account in missing)
    both = len(set(shown) & set(wanted))
    return Check(id, what, not added and not missing, both + len(added), len(wanted), "count")


def members(ledger: Ledger, key: int) -> list[int]:
    """Accounts that are members of a cohort."""
    return [
        account
        for (account, market), word in ledger.positions.items()
        if PositionWord.of(word).size and PositionWord.of(word).key(market) == key
    ]
