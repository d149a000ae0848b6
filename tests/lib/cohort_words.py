"""Generations of proofs/formulas.py as contracts/mocks/CohortMathHarness.vy takes and gives them."""

from typing import Any

from proofs.formulas import Cohort


def key_of(is_short: bool, tick: int = 5_000) -> int:
    return tick << 6 | (2**22 if is_short else 0)


def word(c: Cohort, is_closed: bool = True, is_charged: bool = True) -> tuple:
    return (c.size_sum, c.notional_sum, 0, is_closed, is_charged, 0, c.a, c.phi, c.b, c.c, c.y, c.x)


def figures(answer: Any) -> Cohort:
    return Cohort(
        answer.size_sum,
        answer.notional_sum,
        a=answer.a,
        phi=answer.phi,
        b=answer.b,
        c=answer.c,
        y=answer.y,
        x=answer.x,
    )
