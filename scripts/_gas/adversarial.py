"""The dearest round somebody can prepare: every group holds as many ticks as it may before it counts as
crowded, all of them in profit at the mark of the round.

Longs of all four leverage classes at each of the 64 ticks of the octave below the mark, shorts of all four
classes at each of the 64 ticks of the octave above it: 512 generations. Each is opened at its own mark, as a
fill has to be, against a dealer who ends almost flat.
"""

from typing import Any

from lastline.units import wad
from scripts._gas.system import EXCHANGE, LOSS_ALLOCATOR, MARKET, TRANSACTION_GAS, Failed, System

CLASSES = 4
TICK_BITS = 6
TICKS = 2**TICK_BITS
# 2**76 wei of quote is about 75,558: the octaves below and above it are those around a price of 60,000.
MIDDLE = 76
SIZE = wad("0.1")
MAX_COHORTS = 4_096
SMALL = 100
MOST_OF_ALLOCATOR = 1_024


def measure_adversarial(s: System) -> dict[str, Any]:
    start = s.snapshot()
    exchange = s.hold_role(EXCHANGE, "exchange")
    allocator = s.hold_role(LOSS_ALLOCATOR, "allocator")
    dealer = s.trader("dealer", 50_000_000).account
    _populate(s, exchange, dealer)
    _file_deficit(s, exchange, dealer)
    ready = s.snapshot()
    ticks, _ = _expect(s, allocator, MAX_COHORTS)
    if ticks != 2 * CLASSES * TICKS:
        raise Failed(f"the round reads {ticks} generations")
    gas = s.gas(allocator, s.vault, "charge_round", MARKET, MAX_COHORTS)
    out: dict[str, Any] = {"round_adversarial": {"ticks": ticks, "gas": gas}}
    # All of them have this round pending when the next one reads them.
    s.now += 600
    _file_deficit(s, exchange, dealer, "next victim")
    ticks, _ = _expect(s, allocator, MAX_COHORTS)
    again = s.gas(allocator, s.vault, "charge_round", MARKET, MAX_COHORTS)
    out["round_adversarial_next"] = {"ticks": ticks, "gas": again}
    ready = s.restore(ready)

    # What closing costs where every cohort is small: the steps of ADL, one more generation at a time.
    by_count = {}
    for count in (20, 70):
        by_count[count] = s.gas(allocator, s.vault, "deleverage", MARKET, count)
        ready = s.restore(ready)
    out["adl_marginal_generation"] = (by_count[70] - by_count[20]) // 50

    calls = []
    is_done = False
    while not is_done:
        _, is_done = _expect(s, allocator, SMALL)
        calls.append(s.gas(allocator, s.vault, "charge_round", MARKET, SMALL))
    out["round_adversarial_resumed"] = {"calls": len(calls), "largest": max(calls), "gas": sum(calls)}
    ready = s.restore(ready)

    s.send(s.owner, s.vault, "set_role", LOSS_ALLOCATOR, s.allocator.address)
    anybody = s.trader("keeper").address
    out["resolve_adversarial"] = s.gas(anybody, s.allocator, "resolve", MARKET, MOST_OF_ALLOCATOR)
    s.restore(start)
    return out


def _expect(s: System, allocator: str, limit: int) -> tuple[int, bool]:
    """Generations the next call of a round would read, and whether it would finish it."""
    call = {"from": allocator, "gas": TRANSACTION_GAS}
    answer = s.vault.functions.charge_round(MARKET, limit).call(call)  # type: ignore[arg-type]
    return int(answer[3]), bool(answer[4])


def _populate(s: System, exchange: str, dealer: int) -> None:
    for name, octave, size in (("longs", MIDDLE - 1, SIZE), ("shorts", MIDDLE, -SIZE)):
        accounts = s.sub_accounts(name, CLASSES * TICKS, 20_000)
        for at, account in enumerate(accounts):
            if at % CLASSES:
                s.send(s.trader(name).address, s.vault, "set_leverage_class", account, MARKET, at % CLASSES)
        for tick in range(TICKS):
            # The middle of the tick: 1.6 % above the last one at the bottom of the octave, 0.8 % at its top.
            s.set_mark((2 * (TICKS + tick) + 1) << (octave - TICK_BITS - 1))
            s.fill(exchange, dealer, accounts[CLASSES * tick : CLASSES * (tick + 1)], -size)


def _file_deficit(s: System, exchange: str, dealer: int, name: str = "victim") -> None:
    """Somebody buys 10 BTC at 20x, loses more than he has as the mark goes to the middle, is absorbed."""
    victim, keeper = s.trader(name, 41_000), s.trader("keeper", 1_000)
    s.set_price(80_000)
    s.fill(exchange, dealer, [victim.account], -wad(10))
    s.set_mark(1 << MIDDLE)
    s.send(keeper.address, s.engine, "absorb", victim.account, keeper.account)
