"""Where the keeper gets resting orders from: a file, one signed order a line (lastline.orders.to_line)."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lastline.chain import Chain, Reverted
from lastline.orders import SignedOrder, TimeInForce, of_line

EXCHANGE = "Exchange"

log = logging.getLogger("lastline.keeper")


@dataclass(frozen=True)
class Resting:
    """An order that rests. `left`: base that the Exchange says may still be filled, without sign."""

    signed: SignedOrder
    left: int


def read_file(path: Path | None) -> list[SignedOrder]:
    """The orders of a file. A line that is none is told and skipped; no file, no orders."""
    if path is None:
        return []
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        log.warning("the orders cannot be read: %s", error)
        return []
    out = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            out.append(of_line(line))
        except ValueError as error:
            log.warning("line %d of %s: %s", number, path, error)
    return out


def resting(chain: Chain, orders: Iterable[SignedOrder], block: int) -> tuple[Resting, ...]:
    """Those of the orders that rest and of which something is left at a block."""
    makers = [signed for signed in orders if signed.order.time_in_force <= TimeInForce.POST_ONLY]
    left = chain.call_many(EXCHANGE, [("remaining", m.order.values) for m in makers], block, False)
    return tuple(
        Resting(signed, amount)
        for signed, amount in zip(makers, left, strict=True)
        if not isinstance(amount, Reverted) and amount
    )
