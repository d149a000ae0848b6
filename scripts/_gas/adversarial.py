"""The dearest round somebody can prepare: every group holds as many ticks as it may before it counts as
crowded, all of them in profit at the mark of the round.

Longs of all four leverage classes at each of the 64 ticks of the octave below the mark, shorts of all four
classes at each of the 64 ticks of the octave above it: 512 generations. Each is opened at its own mark, as a
fill has to be, against a dealer who ends almost flat.

The attacker spends as little as he can: each position has the size that is the market's least at the bottom
(one size, so that the dealer ends flat), with the margin its class asks for and PATH of its notional to
live through the way back; he pays the taker's fee. Shorts are opened as the price falls and longs as it
rises again, so all of them are in profit by then. He cannot move the price: two octaves down and one up is
what he has to wait for. What he puts in is measured, and that none of his accounts can be liquidated is
checked.
"""

from dataclasses import dataclass, field
from typing import Any

from lastline.units import WAD, to_tokens, wad
from scripts._gas.system import (
    DECIMALS,
    EXCHANGE,
    LOSS_ALLOCATOR,
    MARGIN,
    MARKET,
    TAKER_RATE,
    TRANSACTION_GAS,
    Failed,
    System,
)

CLASSES = 4
TICK_BITS = 6
TICKS = 2**TICK_BITS
# 2**76 wei of quote is about 75,558: the octaves below and above it are those around a price of 60,000.
MIDDLE = 76
RATES = MARGIN[5]
LEAST_NOTIONAL = MARGIN[7]
# The least size at the bottom of the lower octave.
SIZE = -(-LEAST_NOTIONAL * WAD // 2 ** (MIDDLE - 1))
# What a position may lose on the way to the rounds, share of its notional.
PATH = wad("0.07")
MAX_COHORTS = 4_096
SMALL = 100
MOST_OF_ALLOCATOR = 1_024


def measure_adversarial(s: System) -> dict[str, Any]:
    start = s.snapshot()
    exchange = s.hold_role(EXCHANGE, "exchange")
    allocator = s.hold_role(LOSS_ALLOCATOR, "allocator")
    dealer = s.trader("dealer", 50_000_000).account
    attacker = _populate(s, exchange, dealer)
    _file_deficit(s, exchange, dealer, attacker)
    ready = s.snapshot()
    ticks, _ = _expect(s, allocator, MAX_COHORTS)
    if ticks != 2 * CLASSES * TICKS:
        raise Failed(f"the round reads {ticks} generations")
    gas = s.gas(allocator, s.vault, "charge_round", MARKET, MAX_COHORTS)
    out: dict[str, Any] = {
        "adversarial_budget": {
            "margin": attacker.margin // WAD,
            "fees": attacker.fees // WAD,
            "gas": attacker.gas,
        },
        "round_adversarial": {"ticks": ticks, "gas": gas},
    }
    # All of them have this round pending when the next one reads them.
    s.now += 600
    _file_deficit(s, exchange, dealer, attacker, "next victim")
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


@dataclass
class Attacker:
    """What he has put in: margin and fees in quote, 18 decimals, and gas of opening all positions."""

    accounts: dict[str, list[int]] = field(default_factory=dict)
    margin: int = 0
    fees: int = 0
    gas: int = 0

    def fund(self, s: System, name: str) -> None:
        """An account for each tick and class."""
        trader = s.trader(name)
        s.send(s.owner, s.token, "mint", trader.address, to_tokens(10**6 * WAD, DECIMALS))
        s.send(trader.address, s.token, "approve", s.vault.address, 2**256 - 1)
        self.accounts[name] = [trader.account | sub for sub in range(CLASSES * TICKS)]

    def open(self, s: System, exchange: str, dealer: int, name: str, tick: int, side: int) -> None:
        """One position of each class at mark, with the least cash; he is the one who takes.

        The last long is ten times as large: the dealer's own position has the 64th tick of its group.
        """
        accounts = self.accounts[name][CLASSES * tick : CLASSES * (tick + 1)]
        sizes = [SIZE] * CLASSES
        if side > 0 and tick == TICKS - 1:
            sizes[0] *= 10
        for choice, account in enumerate(accounts):
            notional = -(-sizes[choice] * s.price // WAD)
            fee = -(-notional * TAKER_RATE // WAD)
            margin = notional * (RATES[choice] + PATH) // WAD
            tokens = -(-(margin + fee) // 10 ** (18 - DECIMALS))
            self.gas += s.gas(s.trader(name).address, s.vault, "deposit", account, tokens)
            if choice:
                self.gas += s.gas(
                    s.trader(name).address, s.vault, "set_leverage_class", account, MARKET, choice
                )
            self.margin += margin
            self.fees += fee
        fills = [
            (account, side * size, s.price, TAKER_RATE, False)
            for account, size in zip(accounts, sizes, strict=True)
        ]
        self.gas += s.gas(exchange, s.vault, "fill", MARKET, dealer, 0, False, fills)

    def check(self, s: System) -> None:
        """Nobody could have liquidated any of his positions at this mark."""
        for account in (account for accounts in self.accounts.values() for account in accounts):
            state = s.vault.functions.account_state(account).call()
            equity, maintenance = state[3], state[4]
            if maintenance and equity < maintenance:
                raise Failed(f"an attacker's account is unhealthy at a mark of {s.price / WAD:,.0f}")


def _populate(s: System, exchange: str, dealer: int) -> Attacker:
    attacker = Attacker()
    for name, octave, side, ticks in (
        ("shorts", MIDDLE, -1, range(TICKS - 1, -1, -1)),
        ("longs", MIDDLE - 1, 1, range(TICKS)),
    ):
        attacker.fund(s, name)
        for tick in ticks:
            # The middle of the tick: 1.6 % above the last one at the bottom of the octave, 0.8 % at its top.
            s.set_mark((2 * (TICKS + tick) + 1) << (octave - TICK_BITS - 1))
            attacker.open(s, exchange, dealer, name, tick, side)
    return attacker


def _file_deficit(s: System, exchange: str, dealer: int, attacker: Attacker, name: str = "victim") -> None:
    """Somebody buys 10 BTC at 20x, loses more than he has as the mark goes to the middle, is absorbed."""
    victim, keeper = s.trader(name, 41_000), s.trader("keeper", 1_000)
    s.set_price(80_000)
    attacker.check(s)
    s.fill(exchange, dealer, [victim.account], -wad(10))
    s.set_mark(1 << MIDDLE)
    attacker.check(s)
    s.send(keeper.address, s.engine, "absorb", victim.account, keeper.account)
