"""The lemmas, one file a subject."""

from proofs.lemmas import (
    closing,
    cohorts,
    health,
    inventory,
    margin,
    maturity,
    money,
    ranges,
    rounds,
    ticks,
    trades,
)

__all__ = [
    "closing",
    "cohorts",
    "health",
    "inventory",
    "margin",
    "maturity",
    "money",
    "ranges",
    "rounds",
    "ticks",
    "trades",
]
