"""What a keeper should do next: pure functions of a snapshot and the settings, one for each phase of a step.

A phase lists its actions in the order in which they should be sent. Each carries why, and what it should
bring; whether it still may be done is for the executor's simulation to find out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lastline.accounts import show
from lastline.keeper import pricing
from lastline.keeper.config import Config
from lastline.keeper.orderbook import Resting
from lastline.keeper.pricing import Close, Offer, rewards_kept
from lastline.keeper.snapshot import ALLOCATOR, ENGINE, EXCHANGE, FUND, MarketSnapshot, Snapshot
from lastline.units import WAD, to_decimal
from lastline.views import RISK_MODES, VAULT, AccountView, PositionView

DELEVERAGE, ROUND, CLOSE_AT_MARK = 1, 2, 3
ADL, HALTED = RISK_MODES.index("ADL"), RISK_MODES.index("HALTED")
# Most rounds that one `sync_cohort` applies.
SYNC_LIMIT = 64
# Gas of each kind of action, from docs/benchmarks.md rounded up; an absorption's is for one account more.
GAS = {
    "update_mark": 200_000,
    "sync_cohort": 400_000,
    "take_over": 250_000,
    "order_close": 210_000,
    "absorb": 350_000,
    "pay_claims": 250_000,
    "resolve": 450_000,
    "write_off": 600_000,
    "buy_inventory": 250_000,
    "touch": 120_000,
    "close_at_settlement": 140_000,
    "collect_fees": 200_000,
    "pay_treasury": 80_000,
    "update_mode": 250_000,
    "pay_surplus": 150_000,
}
# What each maker beyond the first adds to a close against orders.
GAS_PER_MAKER = 70_000
# Most that one `update_mark` moves a market's clock, seconds.
CLOCK_STEP = 300
# What claims have lacked for so long is written off; so long without a price, the last mark counts.
DAY = 86_400
# An inventory bought at mark may cost this share more: rounding, and no more.
AT_MARK_SLACK = 10**9


@dataclass(frozen=True)
class Action:
    """One transaction that is due. `reward`: what it should bring, quote, gas not deducted; `subject`: of
    what.
    """

    kind: str
    contract: str
    method: str
    arguments: tuple
    subject: str
    why: str
    reward: int = 0
    gas_cost: int = 0
    # what to do if the simulation refuses this
    alternative: "Action | None" = None

    @property
    def profit(self) -> int:
        """Expected, quote, gas deducted."""
        return self.reward - self.gas_cost


def gas_cost(kind: str, snapshot: Snapshot, config: Config) -> int:
    """What an action of a kind costs, quote, at the present gas price."""
    return GAS[kind] * snapshot.gas_price * config.eth_price // WAD


# --- marks --------------------------------------------------------------------------------------------------


def marks(snapshot: Snapshot, config: Config) -> list[Action]:
    """Marks that are old, or that the oracle has moved away from."""
    out = []
    for market in snapshot.markets.values():
        why = mark_reason(market, snapshot.timestamp, config)
        if why:
            out.append(_on_market("update_mark", market, why, snapshot, config))
    return out


def mark_reason(market: MarketSnapshot, now: int, config: Config) -> str | None:
    """Why a mark is due; None if it is not, cannot be, or nobody needs it."""
    if market.is_settled:
        return clock_reason(market, now, config)
    if market.oracle_mark is None or market.is_round_open or market.age(now) <= 0:
        return None
    is_used = market.open_interest != 0 or market.inventory.size != 0 or market.inventory.outstanding != 0
    if not is_used and not config.is_public_good:
        return None
    if abs(market.oracle_mark - market.mark) * WAD >= config.mark_move * market.mark and (
        market.oracle_mark != market.mark
    ):
        return f"mark {_short(market.mark)}, oracle {_short(market.oracle_mark)}"
    if market.age(now) >= min(config.mark_age, max(market.margin.max_mark_age, 1)):
        return f"mark {market.age(now)} s old"
    return None


def clock_reason(market: MarketSnapshot, now: int, config: Config) -> str | None:
    """Why the clock of a settled market is to be moved, that profit may mature; only for the public good."""
    passed = now - market.clock.funding_time
    if not config.is_public_good or market.is_round_open or passed < CLOCK_STEP:
        return None
    return f"settled, its clock last moved {passed} s ago"


def syncs(snapshot: Snapshot, config: Config) -> list[Action]:
    """Generations that more rounds have passed over than a liquidation could apply."""
    return [
        Action(
            "sync_cohort",
            VAULT,
            "sync_cohort",
            (key, SYNC_LIMIT),
            f"cohort {key}",
            "too many pending rounds",
            gas_cost=gas_cost("sync_cohort", snapshot, config),
        )
        for key in snapshot.unsynced
    ]


# --- liquidations -------------------------------------------------------------------------------------------


@dataclass
class Budget:
    """What the keeper's own account can still take. Counts what the actions before will have used."""

    snapshot: Snapshot
    config: Config
    free: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    # base already spoken for of resting orders
    filled: dict[Resting, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = self.snapshot.own
        # hole + cash is what its positions need; all of it may be at most its share of the cash.
        self.free = max(own.cash * self.config.margin_share // WAD - (own.hole + own.cash), 0)
        self.sizes = {p.market: p.size for p in own.positions}
        now = self.snapshot.timestamp
        markets = self.snapshot.markets
        self.is_usable = self.snapshot.is_controlled and all(
            markets[p.market].is_fresh(now) for p in own.positions if p.size
        )

    def most(self, market: MarketSnapshot, sign: int) -> int:
        """Largest size that fits, base; `sign` 1 to buy, -1 to sell."""
        if not self.is_usable or market.mark == 0:
            return 0
        held = self.sizes.get(market.market, 0)
        opposite = abs(held) if held * sign < 0 else 0
        worth = 0 if opposite else abs(held) * market.mark // WAD
        # The last quote asks most: its rate for all of them errs to the safe side.
        first = self.free * WAD // self._rate(market, worth)
        notional = self.free * WAD // self._rate(market, worth + first)
        caps = [cap for cap in (self.config.max_position, market.margin.position_cap_quote) if cap]
        notional = min([notional, *(max(cap - worth, 0) for cap in caps)])
        return opposite + notional * WAD // market.mark

    def growth(self, offer: Offer, market: MarketSnapshot) -> int:
        """By how much an offer increases the risk the keeper holds, quote; 0 for one that only reduces it."""
        held = self.sizes.get(market.market, 0)
        added = abs(held + offer.size) - abs(held)
        return max(added, 0) * market.mark // WAD

    def risk_margin(self, offer: Offer, market: MarketSnapshot) -> int:
        """What the keeper wants for the risk of an offer, quote."""
        return self.growth(offer, market) * self.config.risk_margin // WAD

    def leaves_dust(self, offer: Offer, market: MarketSnapshot) -> bool:
        """True if the keeper's own position would be smaller than the market allows."""
        size = abs(self.sizes.get(market.market, 0) + offer.size)
        return size != 0 and size * market.mark // WAD < market.margin.minimum_notional

    def orders(self) -> tuple[Resting, ...]:
        """Resting orders, less what the actions before will have filled."""
        left = [replace(r, left=r.left - self.filled.get(r, 0)) for r in self.snapshot.orders]
        return tuple(resting for resting in left if resting.left)

    def fill(self, close: Close) -> None:
        """The orders of a close will have been used."""
        wanted = abs(close.size)
        spoken_for = {r.signed: r for r in self.snapshot.orders}
        for resting in close.makers:
            part, original = min(resting.left, wanted), spoken_for[resting.signed]
            self.filled[original] = self.filled.get(original, 0) + part
            wanted -= part

    def use(self, offer: Offer, market: MarketSnapshot) -> None:
        """The offer will have been taken."""
        held = self.sizes.get(market.market, 0)
        growth = self.growth(offer, market)
        rate = self._rate(market, abs(held + offer.size) * market.mark // WAD)
        self.free = max(self.free - growth * rate // WAD, 0)
        self.sizes[market.market] = held + offer.size

    def _rate(self, market: MarketSnapshot, notional: int) -> int:
        leverage_class = self.snapshot.own_classes.leverage_class(market.market)
        return pricing.initial_rate(market, notional, leverage_class, self.snapshot.multiplier)


@dataclass(frozen=True)
class Choice:
    """One way to liquidate one account. `profit`: quote, gas and risk deducted; `is_public_good`: worth
    doing at a loss, because nobody else can bound it."""

    way: str
    account: AccountView
    reward: int
    profit: int
    is_public_good: bool
    market: int = 0
    offer: Offer | None = None
    limit_price: int = 0
    close: Close | None = None


def by_take_over(
    snapshot: Snapshot, config: Config, account: AccountView, budget: Budget, fees: int
) -> list[Choice]:
    """Take part of a position into the keeper's own account at the kernel's discount."""
    if account.account == snapshot.own.account:
        return []
    out = []
    for position in account.positions:
        market = snapshot.markets[position.market]
        if not _is_open(market, snapshot):
            continue
        most = min(
            budget.most(market, 1 if position.size > 0 else -1), _admitted(snapshot, account, position)
        )
        offer = pricing.take_over(market, account, position, snapshot.multiplier, most)
        if offer is None or (abs(offer.size) < abs(position.size) and budget.leaves_dust(offer, market)):
            continue
        spent = gas_cost("take_over", snapshot, config) + budget.risk_margin(offer, market)
        wanted = spent + config.min_profit
        per_base = wanted * WAD // abs(offer.size)
        limit = market.mark - per_base if offer.size > 0 else market.mark + per_base
        out.append(
            Choice(
                "take_over",
                account,
                offer.discount,
                offer.discount - spent,
                False,
                market.market,
                offer,
                max(limit, 0),
            )
        )
    return out


def by_order_close(
    snapshot: Snapshot, config: Config, account: AccountView, budget: Budget, fees: int
) -> list[Choice]:
    """Close part of a position against resting orders for the keeper's reward. Nothing goes into its own
    account.
    """
    orders = budget.orders()
    has_reward = bool((_reward_account(snapshot, config) ^ account.account) >> 96)
    out = []
    for position in account.positions if orders else ():
        market = snapshot.markets[position.market]
        if not _is_open(market, snapshot):
            continue
        most = _admitted(snapshot, account, position)
        close = pricing.order_close(market, account, position, snapshot.multiplier, most, orders, has_reward)
        if close is not None:
            cost = _order_close_gas(close, snapshot, config)
            out.append(
                Choice(
                    "order_close",
                    account,
                    close.reward,
                    close.reward - cost,
                    False,
                    market.market,
                    close=close,
                )
            )
    return out


def _admitted(snapshot: Snapshot, account: AccountView, position: PositionView) -> int:
    return pricing.admitted(snapshot.markets, account, position, snapshot.multiplier, snapshot.timestamp)


def _reward_account(snapshot: Snapshot, config: Config) -> int:
    return config.reward_account or snapshot.own.account


def _order_close_gas(close: Close, snapshot: Snapshot, config: Config) -> int:
    further = (len(close.makers) - 1) * GAS_PER_MAKER * snapshot.gas_price * config.eth_price // WAD
    return gas_cost("order_close", snapshot, config) + further


def by_absorption(
    snapshot: Snapshot, config: Config, account: AccountView, budget: Budget, fees: int
) -> list[Choice]:
    """Move the whole account into the bankruptcy accounts of its markets for the keeper's reward."""
    if not pricing.is_absorbable(snapshot.markets, account):
        return []
    # "market: round open": the vault refuses all its markets' work until the round is done.
    if any(snapshot.markets[p.market].is_round_open for p in account.positions):
        return []
    reward = pricing.absorption_reward(snapshot.markets, account, fees)
    return [Choice("absorb", account, reward, reward - gas_cost("absorb", snapshot, config), True)]


Way = Callable[..., list[Choice]]
# Every way to liquidate an account, in the order of preference at equal profit. Another one is one more
# function here, and one more case in `liquidations`.
WAYS: tuple[Way, ...] = (by_take_over, by_order_close, by_absorption)
# Without resting orders, of which one that its maker can no longer pay makes a close fail.
WAYS_ALONE: tuple[Way, ...] = (by_take_over, by_absorption)


def choose(
    snapshot: Snapshot,
    config: Config,
    account: AccountView,
    budget: Budget,
    fees: int,
    ways: tuple[Way, ...] | None = None,
) -> Choice | None:
    """The way that brings most, of `ways` or of all; if none brings enough, one that is public work, if the
    keeper does such work.
    """
    choices = [choice for way in ways or WAYS for choice in way(snapshot, config, account, budget, fees)]
    paying = [choice for choice in choices if choice.profit >= config.min_profit]
    if not paying and config.is_public_good:
        paying = [choice for choice in choices if choice.is_public_good]
    return max(paying, key=lambda choice: choice.profit, default=None)


def liquidations(snapshot: Snapshot, config: Config) -> list[Action]:
    """Unhealthy accounts, worst first: absorptions in batches, take-overs and closes against orders one by
    one.
    """
    budget, fees = Budget(snapshot, config), snapshot.fees.liquidation
    doomed: list[Choice] = []
    out: list[Action] = []
    for account in sorted(snapshot.unhealthy, key=_urgency):
        choice = choose(snapshot, config, account, budget, fees)
        if choice is None:
            continue
        if choice.offer is not None:
            budget.use(choice.offer, snapshot.markets[choice.market])
            out.append(_take_over(choice, snapshot, config))
        elif choice.close is not None:
            other = choose(snapshot, config, account, budget, fees, WAYS_ALONE)
            budget.fill(choice.close)
            out.append(_order_close(choice, other, snapshot, config))
        else:
            doomed.append(choice)
            if account.equity <= 0:
                fees -= choice.reward
    return _absorptions(doomed, snapshot, config) + out


def _urgency(account: AccountView) -> tuple[int, int]:
    return (account.equity * WAD // max(account.maintenance, 1), account.account)


def _take_over(choice: Choice, snapshot: Snapshot, config: Config) -> Action:
    assert choice.offer is not None
    account = choice.account
    arguments = (
        account.account,
        choice.market,
        abs(choice.offer.size),
        snapshot.own.account,
        choice.limit_price,
    )
    return Action(
        "take_over",
        ENGINE,
        "take_over",
        arguments,
        f"{show(account.account)} in market {choice.market}",
        f"health {_health(account)}, {_short(abs(choice.offer.size))} at {_short(choice.offer.price)}",
        choice.reward,
        gas_cost("take_over", snapshot, config),
    )


def _order_close(choice: Choice, other: Choice | None, snapshot: Snapshot, config: Config) -> Action:
    """`other`: the best way without orders."""
    assert choice.close is not None
    account, close = choice.account, choice.close
    alternative = None
    if other is not None:
        alternative = (
            _take_over(other, snapshot, config)
            if other.offer is not None
            else _absorptions([other], snapshot, config)[0]
        )
    arguments = (
        account.account,
        choice.market,
        abs(close.size),
        [resting.signed.values for resting in close.makers],
        _reward_account(snapshot, config),
    )
    return Action(
        "order_close",
        EXCHANGE,
        "liquidate",
        arguments,
        f"{show(account.account)} in market {choice.market}",
        f"health {_health(account)}, {_short(abs(close.size))} against {len(close.makers)} orders",
        choice.reward,
        _order_close_gas(close, snapshot, config),
        alternative,
    )


def _absorptions(doomed: list[Choice], snapshot: Snapshot, config: Config) -> list[Action]:
    keeper = _reward_account(snapshot, config)
    one = gas_cost("absorb", snapshot, config)
    out = []
    for start in range(0, len(doomed), config.absorb_batch):
        batch = doomed[start : start + config.absorb_batch]
        accounts = [choice.account.account for choice in batch]
        is_single = len(batch) == 1
        out.append(
            Action(
                "absorb",
                ENGINE,
                "absorb" if is_single else "absorb_many",
                (accounts[0] if is_single else accounts, keeper),
                show(accounts[0]) if is_single else f"{len(batch)} accounts from {show(accounts[0])}",
                f"health {_health(batch[0].account)}"
                + ("" if is_single else f" to {_health(batch[-1].account)}"),
                sum(choice.reward for choice in batch),
                one * len(batch),
            )
        )
    return out


# --- losses -------------------------------------------------------------------------------------------------


def losses(snapshot: Snapshot, config: Config) -> list[Action]:
    """Claims the fund can pay, oldest first; deficits, open rounds and closings at mark for the
    LossAllocator.
    """
    out = []
    for market in sorted(snapshot.markets.values(), key=lambda m: (m.first_claim < 0, m.first_claim)):
        due = loss_step(market, snapshot.timestamp)
        if due is not None:
            kind, why = due
            out.append(_on_market(kind, market, why, snapshot, config))
    return out


def loss_step(market: MarketSnapshot, now: int) -> tuple[str, str] | None:
    """What a market's losses need next, and why: "pay_claims", "resolve", "write_off", or nothing."""
    lacking, payable = market.inventory.outstanding, market.fund_payable
    if market.is_round_open:
        return "resolve", "a round is open"
    if lacking and payable and (payable >= lacking or not market.has_deficit):
        return "pay_claims", f"{_short(lacking)} open, the fund can pay {_short(payable)}"
    is_dead = market.oracle_mark is None and market.age(now) >= DAY
    if not market.is_fresh(now) and not is_dead:
        return None
    if market.has_deficit and not payable and market.first_claim_at and now - market.first_claim_at >= DAY:
        return "write_off", f"{_short(lacking)} open for a day"
    if is_dead:
        return None
    if market.has_deficit:
        return "resolve", f"{_short(lacking)} open, the fund can pay {_short(payable)}"
    has_loss = market.last_loss_time != 0 and market.last_loss_time >= market.inventory_since
    if (
        CLOSE_AT_MARK in market.policy
        and market.has_inventory
        and has_loss
        and pricing.is_auction_over(market, now)
    ):
        return "resolve", f"{_short(abs(market.inventory.size))} of inventory to close at mark"
    return None


# --- auctions -----------------------------------------------------------------------------------------------


def purchases(snapshot: Snapshot, config: Config) -> list[Action]:
    """Inventory whose discount pays, or that a keeper which buys at mark should not leave lying."""
    budget = Budget(snapshot, config)
    out = []
    for market in snapshot.markets.values():
        if not market.has_inventory or not _is_open(market, snapshot):
            continue
        most = budget.most(market, 1 if market.inventory.size > 0 else -1)
        offer = pricing.auction(market, snapshot.timestamp, most)
        if offer is None:
            continue
        if abs(offer.size) < abs(market.inventory.size) and budget.leaves_dust(offer, market):
            continue
        action = _purchase(market, offer, snapshot, config, budget)
        if action is not None:
            budget.use(offer, market)
            out.append(action)
    return out


def _purchase(
    market: MarketSnapshot, offer: Offer, snapshot: Snapshot, config: Config, budget: Budget
) -> Action | None:
    cost = gas_cost("buy_inventory", snapshot, config)
    wanted = cost + budget.risk_margin(offer, market) + config.min_profit
    sign = 1 if offer.size > 0 else -1
    if offer.discount >= wanted:
        limit = market.mark - sign * (wanted * WAD // abs(offer.size))
        why = f"discount {_percent(offer.discount * WAD // max(offer.notional(market.mark), 1))}"
    elif config.buys_at_mark and (
        pricing.is_auction_over(market, snapshot.timestamp)
        or pricing.final_discount(market, offer.size) < wanted
    ):
        limit = market.mark + sign * (market.mark // AT_MARK_SLACK + 1)
        why = "no discount that pays will come"
    else:
        return None
    return Action(
        "buy_inventory",
        ENGINE,
        "buy_inventory",
        (market.market, snapshot.own.account, abs(offer.size), max(limit, 0)),
        f"market {market.market}",
        f"{_short(abs(offer.size))} at {_short(offer.price)}, {why}",
        offer.discount,
        cost,
    )


# --- housekeeping -------------------------------------------------------------------------------------------


def touches(snapshot: Snapshot, config: Config) -> list[Action]:
    """Members with so much ADL profit not yet booked, if the settings name an amount."""
    if not config.touch_pots_from:
        return []
    return [
        Action(
            "touch",
            VAULT,
            "touch",
            (account, position.market),
            f"{show(account)} in market {position.market}",
            f"{_short(position.pot)} of ADL profit to book",
            gas_cost=gas_cost("touch", snapshot, config),
        )
        for account, position in snapshot.with_pots
        if position.pot >= config.touch_pots_from and not snapshot.markets[position.market].is_round_open
    ]


def settlements(snapshot: Snapshot, config: Config) -> list[Action]:
    """Positions of settled markets, closed for whoever has them: nobody is paid for it."""
    return [
        Action(
            "close_at_settlement",
            VAULT,
            "close_at_settlement",
            (account, market),
            f"{show(account)} in market {market}",
            "the market is settled",
            gas_cost=gas_cost("close_at_settlement", snapshot, config),
        )
        for account, market in snapshot.to_close
        if not snapshot.markets[market].is_round_open
    ]


def fees(snapshot: Snapshot, config: Config) -> list[Action]:
    """The fund's and the treasury's parts, and what is left over, once they are worth a transaction."""
    least, held = config.collect_fees_from, snapshot.fees
    if not least:
        return []
    out = []
    collectable = held.collectable(rewards_kept(snapshot.markets.values()))
    for kind, amount in (("collect_fees", collectable), ("pay_treasury", held.treasury)):
        if amount >= least:
            cost = gas_cost(kind, snapshot, config)
            out.append(Action(kind, VAULT, kind, (), "fees", f"{_short(amount)} waiting", gas_cost=cost))
    for market in snapshot.markets.values():
        if market.surplus >= least:
            why = f"{_short(market.surplus)} left over"
            out.append(_on_market("pay_surplus", market, why, snapshot, config))
    return out


def mode(snapshot: Snapshot, config: Config) -> list[Action]:
    """The fund looks at itself: to change the risk mode, to start or stop its clock, or for a checkpoint."""
    fund, now = snapshot.fund, snapshot.timestamp
    if fund is None:
        return []
    if fund.mode == HALTED:
        why = ""
    elif fund.judged == fund.mode:
        why = "its clock can be stopped" if fund.low_since or fund.calm_since else ""
    elif fund.judged < fund.mode:
        is_due = not fund.calm_since or now - fund.calm_since >= fund.ease_seconds
        why = f"all is well enough for {RISK_MODES[fund.mode - 1]}" if is_due else ""
    else:
        is_due = fund.judged == ADL or not fund.low_since or now - fund.low_since >= fund.confirm_seconds
        why = f"its state calls for {RISK_MODES[fund.judged]}" if is_due else ""
    if not why and now >= fund.checkpoint_at:
        why = "a checkpoint is due"
    if not why:
        return []
    what = f"mode {RISK_MODES[fund.mode]}"
    cost = gas_cost("update_mode", snapshot, config)
    return [Action("update_mode", FUND, "update_mode", (), what, why, gas_cost=cost)]


# --- the whole ----------------------------------------------------------------------------------------------

Phase = Callable[[Snapshot, Config], list[Action]]
# In this order: without marks nothing is due, a liquidation makes claims, claims come before what is left to
# sell.
PHASES: tuple[Phase, ...] = (marks, syncs, liquidations, losses, purchases, touches, settlements, fees, mode)


def _is_open(market: MarketSnapshot, snapshot: Snapshot) -> bool:
    """True if positions may change hands in a market."""
    return not market.is_settled and market.is_fresh(snapshot.timestamp) and not market.is_round_open


def _on_market(kind: str, market: MarketSnapshot, why: str, snapshot: Snapshot, config: Config) -> Action:
    return Action(
        kind,
        ALLOCATOR if kind == "resolve" else VAULT,
        kind,
        (market.market, config.max_cohorts) if kind in ("resolve", "write_off") else (market.market,),
        f"market {market.market}",
        why,
        gas_cost=gas_cost(kind, snapshot, config),
        # claims of a day ago may be dust, and what lacks younger
        alternative=_on_market("resolve", market, why, snapshot, config) if kind == "write_off" else None,
    )


def _short(amount: int) -> str:
    """An amount for the log: up to four decimals, rounded down."""
    step = 10**14
    return to_decimal(abs(amount) // step * step * (-1 if amount < 0 else 1))


def _percent(rate: int) -> str:
    return f"{to_decimal(rate * 100 // 10**14 * 10**14)} %"


def _health(account: AccountView) -> str:
    if account.equity < 0:
        return f"below zero ({_short(account.equity)})"
    return _short(account.health or 0)
