"""The suites' fast loop does what py-evm does: same results, same memory, same gas, same failures."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boa
import pytest
from eth.vm.stack import to_int
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel import Kernel, deploy_kernel
from tests.support import actor
from tests.unit.crisis.scene import Scene

# By the number of words they take; the last ones are py-evm's in any case.
ONE = ["15", "19", "35", "50", "51", "5f", "5b"]
TWO = ["01", "02", "03", "04", "10", "11", "12", "13", "14", "16", "17", "18", "1b", "1c", "52"]
THREE = ["39", "5e"]
LEFT = ["05", "06", "07", "0b", "1a", "1d", "20", "33", "34", "36", "38", "3d", "53", "58", "59", "5a"]
MOVES = [f"{n:02x}" for n in range(0x80, 0xA0)]
EDGES = [0, 1, 2, 31, 32, 255, 256, 257, 2**255 - 1, 2**255, 2**256 - 2, 2**256 - 1]
JUMPS = {
    "jump": "600456fe5b6007",
    "jump to no destination": "600456fe6007",
    "jump into a push": "6004566001605b5b",
    "jump beyond the end": "61ffff56",
    "taken": "6001600657fe5b6007",
    "not taken": "5f600657600157fe5b",
    "taken to no destination": "60016005575f5f",
    "not taken to no destination": "5f600057",
    "end inside a push": "6001617f",
    "empty stack": "01",
    "too few items": "600181",
    "too few to swap": "600190",
    "loop": "600a5b6001900380600257",
}


def pushed(word: int) -> str:
    return f"7f{word:064x}"


SMALL = st.integers(0, 300).map(lambda n: f"61{n:04x}")
STEPS = st.one_of(
    st.one_of(st.integers(0, 300), st.sampled_from(EDGES), st.integers(0, 2**256 - 1)).map(pushed),
    SMALL,
    st.sampled_from([*MOVES, *ONE, *TWO, *LEFT]),
    st.tuples(SMALL, SMALL, SMALL, st.sampled_from(THREE)).map("".join),
)


def run(code: bytes, gas: int) -> dict[str, Any]:
    """What is left when the code ends, whichever loop executes it."""
    with boa.env.anchor():
        address = actor("program")
        boa.env.set_code(address, code)
        end = boa.env.execute_code(address, sender=actor("caller"), data=bytes(range(1, 99)), gas=gas)
    return {
        "stack": [to_int(word) for word in end._stack.values] if end.is_success else None,
        "memory": bytes(end._memory._bytes) if end.is_success else None,
        "output": end.output,
        "gas": end.get_gas_used(),
        "failed": end.is_error,
        "trace": end.code._trace if end.is_success else None,
    }


@contextlib.contextmanager
def py_evm_only() -> Iterator[None]:
    state = boa.env.evm.vm.state
    fast = state.computation_class
    state.computation_class = type("Slow", fast.__bases__[1:], dict(vars(fast)))
    try:
        yield
    finally:
        state.computation_class = fast


def assert_same(code: str, gas: int = 10**6) -> None:
    ends = run(bytes.fromhex(code), gas)
    with py_evm_only():
        assert run(bytes.fromhex(code), gas) == ends


@pytest.mark.parametrize("instruction", TWO[:-1])
def test_arithmetic_is_py_evms(instruction):
    assert_same("".join(pushed(b) + pushed(a) + instruction for a in EDGES for b in EDGES))


@pytest.mark.parametrize("instruction", ["35", "51", "52", "39", "5e"])
def test_memory_is_py_evms(instruction):
    sizes = (0, 1, 31, 32, 33, 90, 200)
    for a in sizes:
        words = "".join(pushed(c) + pushed(b) + pushed(a) + instruction for b in sizes for c in sizes)
        assert_same(pushed(2**256 - 1) + "5f52" + words)
    assert_same(pushed(32) + pushed(0) + pushed(2**256 - 1) + instruction)


@pytest.mark.parametrize("instruction", [*MOVES, *ONE[:4]])
def test_moves_are_py_evms(instruction):
    words = "".join(pushed(word) for word in (*EDGES, *range(5)))
    assert_same(words + instruction)
    assert_same(words[:66] + instruction)


@pytest.mark.parametrize("code", JUMPS.values(), ids=JUMPS)
def test_jumps_are_py_evms(code):
    assert_same(code)
    for gas in range(30):
        assert_same(code, gas)


@given(
    words=st.lists(st.sampled_from(EDGES), min_size=17, max_size=20),
    steps=st.lists(STEPS, max_size=30),
    gas=st.one_of(st.just(10**6), st.integers(0, 400)),
)
def test_any_program_ends_as_in_py_evm(words: list[int], steps: list[str], gas: int):
    assert_same("".join(map(pushed, words)) + "".join(steps), gas)


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return deploy_kernel()


def crisis(kernel: Kernel) -> list[Any]:
    """Gas and events of a bankruptcy's calls, and what is stored in the end."""
    with boa.env.anchor():
        scene, calls = Scene(replace(kernel, accounts=set()), 1), []
        winner = scene.account("winner", 5000)
        loser = scene.bankrupt(winner)
        calls.append((scene.gas(), scene.logs()))
        scene.move(10)
        scene.kernel.absorb(loser)
        calls.append((scene.gas(), scene.logs()))
        for call in (scene.kernel.charge_round, scene.kernel.close_at_mark):
            call()
            calls.append((scene.gas(), scene.logs()))
        return [calls, scene.snapshot()]


def test_a_crisis_ends_as_in_py_evm(kernel):
    ends = crisis(kernel)
    with py_evm_only():
        assert crisis(kernel) == ends
