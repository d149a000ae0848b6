"""The table of measurements against targets."""

from typing import Any

from rich.console import Console
from rich.table import Table

from scripts._gas.features import LIMITS
from scripts._gas.system import TRANSACTION_GAS

# operation -> (must, aim); nothing else is a target
TARGETS: dict[str, tuple[int, int]] = {
    "deposit_open_position": (75_000, 60_000),
    "withdraw_open_position": (90_000, 75_000),
    "trade_fresh_both": (160_000, 140_000),
    "trade_increase_both": (130_000, 110_000),
    "trade_close_both": (130_000, 110_000),
    "trade_marginal_maker": (50_000, 40_000),
    "liquidate_full": (130_000, 115_000),
    "liquidate_order_close": (200_000, 200_000),
    "adl_call": (200_000, 150_000),
    # (with a rate limit the Exchange asks the LiquidationEngine twice; a bound to see it grow)
    "liquidate_order_close_switched_on": (221_000, 200_000),
    "touch_after_crisis": (30_000, 10_000),
    "round_adversarial": (TRANSACTION_GAS - 1, TRANSACTION_GAS - 1),
    "resolve_adversarial": (TRANSACTION_GAS - 1, TRANSACTION_GAS - 1),
}
# End of the name of an operation measured with every option switched on; its targets are those of the plain
# one where no other is given.
SWITCHED_ON = "_switched_on"
# Operations whose cost may not depend on the number of winners.
LEVEL = ("adl_call", "round_call")
# The largest may be so much above the smallest.
TOLERANCE = 0.02
WIDTH = 110


def verdict(gas: int, must: int, aim: int) -> str:
    if gas > must:
        return f"[red]misses must by {gas - must:,}[/]"
    return "[green]meets aim[/]" if gas <= aim else f"[yellow]meets must, aim off by {gas - aim:,}[/]"


def rows(gas: dict[str, Any]) -> list[tuple[str, int, tuple[int, int] | None]]:
    """Operation, gas and targets; an operation measured at several sizes has a row for each."""
    out = []
    for name, used in gas.items():
        figures = {"": used}
        if isinstance(used, dict):
            figures = used
            if "gas" in used:
                others = ", ".join(f"{label} {number:,}" for label, number in used.items() if label != "gas")
                figures = {f"({others})": used["gas"]}
        for label, number in figures.items():
            target = TARGETS.get(name, TARGETS.get(name.removesuffix(SWITCHED_ON)))
            out.append((f"{name} {label}".strip(), number, target))
    return out


def show(gas: dict[str, Any]) -> list[str]:
    """Print the table; the operations over their "must"."""
    table = Table("operation", title="Gas used, by receipt")
    for heading in ("gas", "must", "aim"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    missed = []
    for title, number, target in rows(gas):
        if target is None:
            table.add_row(title, f"{number:,}", "", "", "")
            continue
        must, aim = target
        table.add_row(title, f"{number:,}", f"{must:,}", f"{aim:,}", verdict(number, must, aim))
        if number > must:
            missed.append(title)
    for name in LEVEL:
        spread = max(gas[name].values()) / min(gas[name].values()) - 1
        is_level = spread < TOLERANCE
        colour, words = ("green", "the same") if is_level else ("red", "depends on the number of winners")
        table.add_row(f"{name}, spread", f"{spread:.2%}", f"{TOLERANCE:.0%}", "0%", f"[{colour}]{words}[/]")
        if not is_level:
            missed.append(f"{name}, spread")
    Console(width=WIDTH).print(table)
    return missed


def show_features(features: dict[str, dict[str, int]]) -> list[str]:
    """Print what each feature adds to the plain operation above it; those that add more than they may, that
    were not measured, or that have no limit.
    """
    table = Table("feature", title="What features cost: plain operations, and the same with a feature")
    for heading in ("gas", "more", "at most"):
        table.add_column(heading, justify="right")
    missed = sorted(set(LIMITS) - set(features))
    for name, figures in features.items():
        if "more" not in figures:
            table.add_row(f"[bold]{name}[/]", f"{figures['gas']:,}", "", "")
            continue
        most = LIMITS.get(name)
        is_over = most is None or figures["more"] > most
        shown = "[red]no limit[/]" if most is None else f"{most:,}"
        more = f"{figures['more']:+,}"
        table.add_row(f"  {name}", f"{figures['gas']:,}", f"[red]{more}[/]" if is_over else more, shown)
        if is_over:
            missed.append(name)
    Console(width=WIDTH).print(table)
    return missed
