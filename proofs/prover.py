"""A small proof checker on top of z3.

A lemma is a function of a `Book`. It names integers, assumes what is known of them, computes with the
formulas of proofs/formulas.py, and shows statements. The same function is run three ways:

- proving, over z3 terms of unbounded integers. Every step must follow by *linear* reasoning in which each
  product of variables counts as one unknown; the only other rules are the ones `Book` offers by name (an
  inequality may be multiplied by something that is not negative, a division means q d <= a < q d + d). So z3
  never searches in nonlinear arithmetic, and a proof does not depend on luck.
- sampling, on plain integers: the assumptions can be met, and the statements hold there.
- refuting, with a deliberate error (all roundings turned round, or what the lemma does if `book.is_wrong`):
  z3 must find the negation of a statement satisfiable, and the numbers are tried again on plain integers."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from proofs.formulas import Ints, Number, Truth

STEP_SECONDS = 60
SAMPLES = 20_000


class NotProven(Exception):
    """A step that does not follow, or that z3 gave up on."""


class OutOfRange(Exception):
    """A sample that violates an assumption."""


class Turned:
    """Arithmetic whose roundings go the other way."""

    def __init__(self, ar: Any):
        self.ar = ar
        self.floor, self.ceil = ar.ceil, ar.floor
        self.choose, self.both, self.either = ar.choose, ar.both, ar.either
        self.negation, self.octave = ar.negation, ar.octave


class Terms:
    """Arithmetic on z3 terms: a quotient is a new integer, known by what a division means."""

    def __init__(self, facts: list[z3.BoolRef], check: Callable[[Truth, str], None] | None = None):
        self.facts = facts
        self.check = check
        self.count = 0
        self.quotients: dict[tuple, tuple] = {}

    def fresh(self, name: str) -> z3.ArithRef:
        self.count += 1
        return z3.Int(f"{name}!{self.count}")

    def floor(self, a: Number, divisor: Number) -> Number:
        return self._quotient("floor", a, divisor)

    def ceil(self, a: Number, divisor: Number) -> Number:
        return self._quotient("ceil", a, divisor)

    def _quotient(self, kind: str, a: Number, divisor: Number) -> Number:
        """The same quotient is the same unknown; one sign rule (lemma "sign of a quotient") comes with it."""
        if isinstance(a, int) and isinstance(divisor, int):
            return getattr(Ints(), kind)(a, divisor)
        keys = [expanded(side) if isinstance(side, z3.ExprRef) else z3.IntVal(side) for side in (a, divisor)]
        name = (kind, keys[0].get_id(), keys[1].get_id())
        if name in self.quotients:
            return self.quotients[name][0]
        if self.check:
            self.check(divisor >= 1, "divisor may be zero")
        q = self.fresh(kind)
        if kind == "floor":
            self.facts += [q * divisor <= a, a + 1 <= q * divisor + divisor, z3.Implies(a >= 0, q >= 0)]
        else:
            self.facts += [a <= q * divisor, q * divisor + 1 <= a + divisor, z3.Implies(a <= 0, q <= 0)]
        self.quotients[name] = (q, keys)  # the terms are kept: z3 gives their numbers to others otherwise
        return q

    def choose(self, condition: Truth, yes: Number, no: Number) -> Number:
        if isinstance(condition, bool):
            return yes if condition else no
        choice = self.fresh("choice")
        self.facts += [z3.Implies(condition, choice == yes), z3.Implies(z3.Not(condition), choice == no)]
        return choice

    def both(self, *conditions: Truth) -> Truth:
        return z3.And(*conditions)

    def either(self, *conditions: Truth) -> Truth:
        return z3.Or(*conditions)

    def negation(self, condition: Truth) -> Truth:
        return z3.Not(condition)

    def octave(self, price: Number) -> int:
        raise NotImplementedError("name the octave: Book.in_octave")


class Book:
    """What a lemma is written in. Subclasses decide what its words mean."""

    is_wrong = False
    ar: Any

    def int(self, name: str, least: int, most: int, near: Number = None) -> Number:
        """An integer with least <= it <= most; samples are taken close to `near`."""
        raise NotImplementedError

    def assume(self, condition: Truth) -> None:
        raise NotImplementedError

    def times(self, factor: Number, smaller: Number, larger: Number) -> Truth:
        """0 <= factor and smaller <= larger, both shown here, give factor * smaller <= factor * larger."""

    def divide(self, factor: Number, smaller: Number, larger: Number) -> Truth:
        """0 < factor and factor * smaller < factor * larger + factor, shown here, give smaller <= larger."""

    def have(self, condition: Truth, *premises: Truth) -> Truth:
        """A step on the way; with `premises`, from these alone."""

    def show(self, condition: Truth) -> None:
        """A statement of the lemma."""
        raise NotImplementedError


class Proving(Book):
    def __init__(self) -> None:
        self.facts: list[z3.BoolRef] = []
        self.ar = Terms(self.facts, self._check)
        self.steps = 0

    def int(self, name: str, least: int, most: int, near: Number = None) -> Number:
        variable = z3.Int(name)
        self.facts += [variable >= least, variable <= most]
        return variable

    def assume(self, condition: Truth) -> None:
        self.facts.append(condition)

    def times(self, factor: Number, smaller: Number, larger: Number) -> Truth:
        self._check(factor >= 0, "factor may be negative")
        self._check(smaller <= larger, "smaller side of a product")
        return self._know(factor * smaller <= factor * larger)

    def divide(self, factor: Number, smaller: Number, larger: Number) -> Truth:
        self._check(factor >= 1, "divisor may be zero")
        self._check(factor * smaller < factor * larger + factor, "smaller side of a quotient")
        return self._know(smaller <= larger)

    def have(self, condition: Truth, *premises: Truth) -> Truth:
        self._check(condition, "step", premises)
        return self._know(condition)

    def _know(self, fact: Truth) -> Truth:
        self.facts.append(fact)
        return fact

    def show(self, condition: Truth) -> None:
        self._check(condition, "statement")
        self.facts.append(condition)

    def _check(self, condition: Truth, what: str, premises: Sequence[Truth] = ()) -> None:
        self.steps += 1
        if isinstance(condition, bool):
            if not condition:
                raise NotProven(f"{what}: false")
            return
        solver = z3.Solver()
        solver.set("timeout", STEP_SECONDS * 1000)
        solver.set("arith.nl", False)
        for fact in [*(premises or self.facts), z3.Not(condition)]:
            solver.add(expanded(fact))
        answer = solver.check()
        if answer != z3.unsat:
            reason = "timeout" if answer == z3.unknown else "does not follow"
            raise NotProven(f"{what} {self.steps}: {reason}: {condition}"[:600])


def expanded(fact: Any) -> Any:
    """Products multiplied out, so that equal products are the same unknown."""
    return z3.simplify(fact, som=True) if isinstance(fact, z3.ExprRef) else z3.BoolVal(fact)


class Sampling(Book):
    """On plain integers, drawn at random or given."""

    def __init__(self, draw: Callable[[str, int, int], int], is_wrong: bool, turned: bool):
        self.ar = Turned(Ints()) if turned else Ints()
        self.is_wrong = is_wrong
        self.draw = draw
        self.chosen: dict[str, int] = {}
        self.failed = 0
        self.shown = 0

    def int(self, name: str, least: int, most: int, near: int | None = None) -> int:
        if near is None:
            number = self.draw(name, least, most)
        else:
            number = min(max(near + self.draw(name, -(2**12), 2**12) // 2**10, least), most)
        self.chosen[name] = number
        return number

    def assume(self, condition: bool) -> None:
        if not condition:
            raise OutOfRange

    def show(self, condition: bool) -> None:
        self.shown += 1
        self.failed += not condition


class Refuting(Book):
    """Over z3 terms once more, each integer fixed to a number the search has found."""

    def __init__(self, numbers: dict[str, int], is_wrong: bool, turned: bool):
        self.facts: list[z3.BoolRef] = []
        terms = Terms(self.facts)
        self.ar = Turned(terms) if turned else terms
        self.is_wrong = is_wrong
        self.numbers = numbers
        self.goals: list[Any] = []

    def int(self, name: str, least: int, most: int, near: Number = None) -> Number:
        variable = z3.Int(name)
        self.facts += [variable >= least, variable <= most, variable == self.numbers[name]]
        return variable

    def assume(self, condition: Truth) -> None:
        self.facts.append(condition)

    def show(self, condition: Truth) -> None:
        self.goals.append(condition if isinstance(condition, z3.ExprRef) else z3.BoolVal(condition))

    def is_satisfiable(self) -> bool:
        solver = z3.Solver()
        solver.set("timeout", STEP_SECONDS * 1000)
        solver.add(*self.facts, z3.Or(*[z3.Not(goal) for goal in self.goals]))
        return solver.check() == z3.sat


@dataclass
class Lemma:
    name: str
    says: str
    range: str
    method: str
    wrong: str  # the deliberate error
    body: Callable[[Book], None]
    is_turned: bool  # the error is the direction of every rounding


@dataclass
class Exhaustive:
    """A lemma that plain integers decide: all cases, or ranges; `body(True)` decides it with an error."""

    name: str
    says: str
    range: str
    wrong: str
    body: Callable[[bool], bool]
    method: str


LEMMAS: list[Lemma | Exhaustive] = []
INTEGERS = "z3 int, linear over products"


def lemma(name: str, says: str, range: str, wrong: str = "", method: str = INTEGERS) -> Callable:
    """Register a lemma. Without `wrong`, its error is that every rounding is turned round."""

    def register(body: Callable[[Book], None]) -> Callable[[Book], None]:
        LEMMAS.append(Lemma(name, says, range, method, wrong or "roundings turned round", body, not wrong))
        return body

    return register


def exhaustive(name: str, says: str, range: str, wrong: str, method: str = "exhaustive") -> Callable:
    """Register a lemma that needs no z3."""

    def register(body: Callable[[bool], bool]) -> Callable[[bool], bool]:
        LEMMAS.append(Exhaustive(name, says, range, wrong, body, method))
        return body

    return register


def samples(seed: str) -> Iterator[Callable[[str, int, int], int]]:
    """Ways to draw integers: of every magnitude, often round, often at an end of their range."""
    source = random.Random(seed)

    def draw(_: str, least: int, most: int) -> int:
        kind = source.random()
        if kind < 0.1:
            return least
        if kind < 0.15:
            return most
        if kind < 0.6:
            small = source.getrandbits(source.randint(1, 12))
            return min(least + small, most) if least >= 0 or source.random() < 0.5 else max(-small, least)
        bits = source.randint(1, max(1, (most - max(least, 0)).bit_length()))
        number = max(least, 0) + source.getrandbits(bits) if most >= 0 else most - source.getrandbits(bits)
        if least < 0 and source.random() < 0.5:
            number = -source.getrandbits(source.randint(1, (-least).bit_length()))
        return min(max(number, least), most)

    for _ in range(SAMPLES):
        yield draw


def prove(item: Lemma | Exhaustive) -> str:
    """How many steps were checked; raises NotProven."""
    if isinstance(item, Exhaustive):
        if not item.body(False):
            raise NotProven("a case fails")
        return ""
    book = Proving()
    item.body(book)
    if not sampled(item):
        raise NotProven("no sample meets the assumptions")
    return f"{book.steps} steps"


def sampled(item: Lemma) -> bool:
    """True if some integers meet the assumptions, and the statements hold for all of these that are found."""
    found = 0
    for draw in samples(item.name):
        book = Sampling(draw, is_wrong=False, turned=False)
        try:
            item.body(book)
        except OutOfRange:
            continue
        if book.failed or not book.shown:
            raise NotProven(f"fails on {book.chosen}")
        found += 1
        if found == 20:
            break
    return found > 0


def refute(item: Lemma | Exhaustive) -> str:
    """Numbers for which the deliberately wrong variant fails; raises NotProven."""
    if isinstance(item, Exhaustive):
        if item.body(True):
            raise NotProven("the wrong variant holds")
        return ""
    return counterexample(item.name, item.body, is_wrong=True, turned=item.is_turned)


def counterexample(name: str, body: Callable[[Book], None], is_wrong: bool, turned: bool) -> str:
    """Integers for which a statement fails, found at random, confirmed by z3; raises NotProven."""
    for draw in samples(name + "?"):
        book = Sampling(draw, is_wrong, turned)
        try:
            body(book)
        except OutOfRange:
            continue
        if book.failed:
            check = Refuting(book.chosen, is_wrong, turned)
            body(check)
            if not check.is_satisfiable():
                raise NotProven(f"z3 does not confirm {book.chosen}")
            return ", ".join(f"{key} = {number}" for key, number in book.chosen.items())
    raise NotProven("not refuted")
