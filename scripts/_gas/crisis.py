"""What a loss costs those who share it: absorption, ADL and a round over winners that all sit in one cohort.

The winners are filled by a plain account that holds the EXCHANGE role, 16 a call: populating through signed
orders would take minutes and leave the same storage. The tiers are called twice from the same state: by a
plain account that holds LOSS_ALLOCATOR (the kernel's part alone), and by anybody through LossAllocator.
"""

from typing import Any

from lastline.units import wad
from scripts._gas.system import EXCHANGE, LOSS_ALLOCATOR, MARKET, Failed, System

WINNERS = (10, 1_000)
BATCH = 16
# In all, whatever the number of winners, so that every figure but that number is the same.
SHORT_SIZE = 20
# Tiers of the default policy (round, closing at mark) and of one that starts with ADL; ids of LossAllocator.
DELEVERAGE, ROUND, CLOSE_AT_MARK = 1, 2, 3
MAX_COHORTS = 64


def measure_crisis(s: System) -> dict[str, Any]:
    out: dict[str, Any] = {
        "absorb": 0,
        "adl_call": {},
        "round_call": {},
        "resolve_adl": {},
        "resolve_round": {},
    }
    start = s.snapshot()
    for count in WINNERS:
        exchange, allocator, winners = _before(s, count)
        if count == WINNERS[0]:
            out |= _measure_touch(s, exchange, allocator, winners)
        keeper = s.trader("keeper")
        out["absorb"] = s.gas(
            keeper.address, s.engine, "absorb", s.trader("first loser").account, keeper.account
        )
        ready = s.snapshot()
        for row, method in (("adl_call", "deleverage"), ("round_call", "charge_round")):
            out[row][str(count)] = s.gas(allocator, s.vault, method, MARKET, MAX_COHORTS)
            _require_paid(s, method)
            if row == "adl_call" and count == WINNERS[0]:
                s.send(keeper.address, s.engine, "absorb", s.trader("second loser").account, keeper.account)
                out["adl_call_later"] = s.gas(allocator, s.vault, method, MARKET, MAX_COHORTS)
            ready = s.restore(ready)
        s.send(s.owner, s.vault, "set_role", LOSS_ALLOCATOR, s.allocator.address)
        ready = s.snapshot()
        for row, policy in (
            ("resolve_adl", [DELEVERAGE, ROUND, CLOSE_AT_MARK]),
            ("resolve_round", [ROUND, CLOSE_AT_MARK]),
        ):
            s.send(s.owner, s.allocator, "set_policy", MARKET, policy)
            out[row][str(count)] = s.gas(keeper.address, s.allocator, "resolve", MARKET, MAX_COHORTS)
            _require_paid(s, row)
            ready = s.restore(ready)
        start = s.restore(start)
    return out


def _before(s: System, count: int) -> tuple[str, str, list[int]]:
    """`count` winners short 20 BTC in all in one cohort; against them two bankrupt longs and a good one."""
    exchange = s.hold_role(EXCHANGE, "exchange")
    allocator = s.hold_role(LOSS_ALLOCATOR, "allocator")
    dealer = s.trader("dealer", 10_000_000).account
    winners = s.sub_accounts("winners", count, 1_000_000 // count)
    s.set_price(60_000)  # a second a deposit has gone by
    for at in range(0, count, BATCH):
        s.fill(exchange, dealer, winners[at : at + BATCH], wad(SHORT_SIZE) // count)
    for name, quote, size in (("first loser", 31_000, 10), ("second loser", 15_500, 5)):
        s.fill(exchange, dealer, [s.trader(name, quote).account], -wad(size))
    s.trader("keeper", 1_000)
    s.set_price(55_000)
    key = s.vault.functions.position_state(winners[0], MARKET).call()[6]
    if s.vault.functions.cohort_words(key).call()[0] % 2**112 != wad(SHORT_SIZE):
        raise Failed("the winners are not all in one cohort")
    return exchange, allocator, winners


def _require_paid(s: System, name: str) -> None:
    left = s.vault.functions.inventory_state(MARKET).call()[4]
    if left > wad("0.01"):
        raise Failed(f"{name}: {left} of the loss is left")


# What happened to the winners: the tiers that took of them, one bankrupt account each.
CRISES = {
    "touch_after_crisis": ("charge_round",),
    "touch_after_adl": ("deleverage",),
    "touch_after_adl_and_round": ("deleverage", "charge_round"),
}


def _measure_touch(s: System, exchange: str, allocator: str, winners: list[int]) -> dict[str, int]:
    """What a winner's next own fill costs more than the same before: the worst of three fills, by crisis."""
    taker = s.trader("fresh taker", 100_000).account
    start = s.snapshot()
    before = _next_fills(s, exchange, taker, winners[1])
    start = s.restore(start)
    out: dict[str, int] = {}
    keeper = s.trader("keeper")
    for row, tiers in CRISES.items():
        for loser, method in zip(("first loser", "second loser"), tiers, strict=False):
            s.send(keeper.address, s.engine, "absorb", s.trader(loser).account, keeper.account)
            s.send(allocator, s.vault, method, MARKET, MAX_COHORTS)
            _require_paid(s, method)
        crisis = s.snapshot()
        alone = _next_fills(s, exchange, taker, winners[0])
        crisis = s.restore(crisis)
        # The first of the cohort to act stores the round in it and opens the tick where all the others go.
        out[f"{row}_call_first"] = s.gas(keeper.address, s.vault, "touch", winners[0], MARKET)
        crisis = s.snapshot()
        out[f"{row}_call"] = s.gas(keeper.address, s.vault, "touch", winners[1], MARKET)
        s.restore(crisis)
        after = _next_fills(s, exchange, taker, winners[2])
        out[row] = max(after[name] - before[name] for name in before)
        out |= {f"{row}_{name}": after[name] - before[name] for name in before}
        out[f"{row}_first_of_cohort"] = max(alone[name] - before[name] for name in before)
        start = s.restore(start)
    return out


def _next_fills(s: System, exchange: str, taker: int, member: int) -> dict[str, int]:
    """Gas of three fills of a member, each from the same state, with a taker that is new to the market."""
    # The cohorts the taker goes to exist, and know all rounds.
    others = [s.trader(name, 100_000).account for name in ("warm long", "warm short")]
    s.fill(exchange, others[0], [others[1]], wad("0.1"))
    out = {}
    ready = s.snapshot()
    size = abs(s.vault.functions.position_state(member, MARKET).call()[0])
    for name, change in (("reduce", -(size // 2)), ("increase", size // 10), ("close", -size)):
        out[name] = s.fill(exchange, taker, [member], change)
        ready = s.restore(ready)
    return out
