"""All that concerns the insurance fund: money by tranche and source, limits, claims, triggers, and its
history.

Read through views and events at one block. The fund's own amounts are token units, claims are quote (18
decimals), shares and ratios have 18 decimals, times are seconds.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_utils import keccak, to_hex
from web3.exceptions import Web3Exception

from lastline import fixed_math as fm
from lastline import views
from lastline.abi import Event, signature
from lastline.chain import Chain, Query, Reverted
from lastline.units import MAX_MARKETS, WAD
from lastline.views import FUND, POOL, VAULT, CheckpointView, ClaimView, FundView, RiskView

MAX_UINT = 2**256 - 1
# Fields of the pool's events that together are what stands behind the reserve.
POOL_PARTS = ("active_assets", "unvested", "exit_assets")


@dataclass(frozen=True)
class MarketFund:
    """What the fund has to do with one market. `open_claims` and `payable` quote, the rest token units."""

    market: int
    paid_reserve: int
    paid_community: int
    stress_loss: int  # its part of the target
    episode_start: int
    episode_cap: int
    episode_drawn: int
    episode_left: int
    quiet_since: int
    open_claims: int
    payable: int  # what the fund would pay of them now


@dataclass(frozen=True)
class QueuedClaim:
    """An open claim: its place in its market's queue (0: next), and quote outstanding before it."""

    claim: int
    market: int
    account: int
    filed_at: int
    amount: int
    outstanding: int
    place: int
    before: int


@dataclass(frozen=True)
class Trigger:
    """A limit: where it is, where the fund is, and how far that is: below 0, it has been passed. Token
    units, or shares with `is_share`.
    """

    name: str
    now: int
    limit: int
    is_floor: bool = True  # it is passed from above
    market: int | None = None
    is_share: bool = False

    @property
    def distance(self) -> int:
        return self.now - self.limit if self.is_floor else self.limit - self.now


@dataclass(frozen=True)
class Point:
    """The fund from one moment until the next point. `paid_...`: all it ever paid. Token units."""

    time: int
    block: int
    reserve: int = 0
    community: int = 0
    target: int = 0
    paid_reserve: int = 0
    paid_community: int = 0
    mode: int = 0

    @property
    def coverage(self) -> int | None:
        """Reserve and pool over target, rounded down; None without a target."""
        worth = self.reserve + self.community
        return fm.mul_div_down(worth, WAD, self.target) if self.target else None


@dataclass(frozen=True)
class FundReport:
    """The fund at one block."""

    block: int
    time: int
    token_decimals: int
    symbol: str
    fund: FundView
    community_retry_at: int
    fee_share: int
    capital_surplus: int
    budget_base: int
    markets: tuple[MarketFund, ...]
    claims: tuple[QueuedClaim, ...]
    triggers: tuple[Trigger, ...]
    history: tuple[Point, ...]
    risk: RiskView
    checkpoints: tuple[CheckpointView, ...]

    @property
    def coverage(self) -> int | None:
        """Reserve and pool over target; None without a target."""
        return None if self.fund.coverage == MAX_UINT else self.fund.coverage


# --- the present --------------------------------------------------------------------------------------------


def report(
    chain: Chain,
    block: int | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> FundReport:
    """The fund at a block (the latest). `tell` takes how many blocks of history are read, and of how many."""
    number = chain.web3.eth.block_number if block is None else block

    def ask(method: str, *arguments: Any) -> Any:
        return chain.call(FUND, method, *arguments, block=number)

    fund, risk = views.fund(chain, number), views.risk(chain, number)
    all_claims = views.claims(chain, number)
    count = chain.call(VAULT, "market_count", block=number)
    markets = tuple(_market(chain, market, all_claims, number) for market in range(count))
    try:
        symbol = chain.call("Collateral", "symbol", block=number)
    except (Reverted, Web3Exception, AttributeError):
        symbol = "tokens"
    return FundReport(
        number,
        chain.timestamp(number),
        chain.call("Collateral", "decimals", block=number),
        symbol,
        fund,
        ask("pool_retry_at"),
        ask("fee_share"),
        ask("capital_surplus"),
        ask("daily_budget")[0],
        markets,
        tuple(queue_of(all_claims)),
        tuple(triggers_of(fund, markets) + modes_of(fund, risk, ask("mode_terms"))),
        history(chain, number, tell),
        risk,
        tuple(views.checkpoints(chain, number)),
    )


def _market(chain: Chain, market: int, claims: Sequence[ClaimView], block: int) -> MarketFund:
    def ask(method: str, *arguments: Any) -> Any:
        return chain.call(FUND, method, market, *arguments, block=block)

    start, cap, drawn, left, quiet_since = ask("episode")
    outstanding = sum(claim.outstanding for claim in claims if claim.market == market)
    view = views.market(chain, market, block)
    worth = fm.mul_div_up(view.open_interest, view.mark, WAD)
    return MarketFund(
        market,
        ask("paid_in_market"),
        ask("community_paid_in_market"),
        ask("stress_loss"),
        start,
        cap,
        drawn,
        left,
        quiet_since,
        outstanding,
        ask("payable_now", outstanding, worth),
    )


def queue_of(claims: Iterable[ClaimView]) -> list[QueuedClaim]:
    """Open claims by market, in the order in which they are paid: oldest first."""
    out: list[QueuedClaim] = []
    opened = sorted((c for c in claims if c.outstanding), key=lambda claim: claim.claim)
    for market in range(MAX_MARKETS):
        before = place = 0
        for c in opened:
            if c.market == market:
                out.append(
                    QueuedClaim(
                        c.claim, market, c.account, c.filed_at, c.amount, c.outstanding, place, before
                    )
                )
                before, place = before + c.outstanding, place + 1
    return out


def triggers_of(fund: FundView, markets: Iterable[MarketFund]) -> list[Trigger]:
    """When the fund asks for more fees, stakers pay, nobody does, or a limit holds payments back."""
    out = [
        Trigger("below target: more of the trading fees", fund.reserve, fund.target),
        Trigger("reserve used up: the community pool pays", fund.reserve, 0),
        Trigger("both used up: ADL and rounds", fund.reserve + fund.community_exposed, 0),
        Trigger("24-hour budget used up", fund.daily_paid, fund.daily_cap, is_floor=False),
    ]
    out += [
        Trigger("episode used up", m.episode_drawn, m.episode_cap, is_floor=False, market=m.market)
        for m in markets
    ]
    return out


def modes_of(fund: FundView, risk: RiskView, terms: Sequence[int]) -> list[Trigger]:
    """What brings a stricter risk mode about: coverage in token units, drawdown as a share.

    `terms`: the fund's `mode_terms`.
    """
    caution, restricted, adl_drawdown = terms[:3]
    has = fund.reserve + fund.community_exposed
    return [
        Trigger("mode CAUTION: coverage", has, fm.mul_div_up(fund.target, caution, WAD)),
        Trigger("mode RESTRICTED: coverage", has, fm.mul_div_up(fund.target, restricted, WAD)),
        Trigger("mode ADL: drawdown", risk.drawdown, adl_drawdown, is_floor=False, is_share=True),
    ]


# --- the past -----------------------------------------------------------------------------------------------


def history(
    chain: Chain, block: int, tell: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Point, ...]:
    """The fund from its deployment to a block, by its own events, the pool's, and the vault's risk modes."""
    names = tuple(name for name in (FUND, POOL) if name in chain.deployment.contracts)
    mode = next(e for e in chain.deployment.abi(VAULT) if e["type"] == "event" and e["name"] == "RiskModeSet")
    queries = [Query(names), Query((VAULT,), [to_hex(keccak(text=signature(mode)))])]
    first, events = chain.deployment.first_block, []
    for end, found in chain.spans(queries, first, block):
        events += [event for part in found for event in part]
        tell(end - first + 1, block - first + 1)
    events.sort(key=lambda event: (event.block, event.log_index))
    return tuple(points(events, chain.deployment.contracts[FUND].address if FUND in names else ""))


@dataclass
class _Past:
    """What events have told so far, and the points it makes."""

    point: Point = Point(0, 0)
    floor: int = 0
    stress: dict[int, int] = field(default_factory=dict)
    pool: dict[str, int] = field(default_factory=dict)


def points(events: Iterable[Event], fund: str) -> list[Point]:
    """One point for each block in which anything changed. `fund`: its address."""
    past, out = _Past(), []
    for event in events:
        before = past.point
        if event.name == "RiskModeSet":
            past.point = replace(before, mode=event.mode)
        elif event.address == fund:
            _apply_fund(past, event)
        else:
            past.pool.update({name: event.values[name] for name in POOL_PARTS if name in event.values})
            past.point = replace(before, community=sum(past.pool.values()))
        if past.point == before:
            continue
        past.point = replace(past.point, time=event.timestamp, block=event.block)
        if out and out[-1].block == event.block:
            out.pop()
        out.append(past.point)
    return out


def _apply_fund(past: _Past, event: Event) -> None:
    point = past.point
    if event.name in ("InflowRecorded", "CapitalWithdrawn"):
        past.point = replace(point, reserve=event.reserve)
    elif event.name == "ClaimsPaid":
        past.point = replace(
            point,
            reserve=event.reserve,
            paid_reserve=point.paid_reserve + event.amount,
            paid_community=point.paid_community + event.community,
        )
    elif event.name in ("StressLossUpdated", "TargetFloorSet"):
        if event.name == "TargetFloorSet":
            past.floor = event.new_target_floor
        else:
            past.stress[event.market] = event.new_stress_loss
        past.point = replace(point, target=max(sum(past.stress.values()), past.floor))
