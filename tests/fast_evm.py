"""py-evm with its commonest instructions executed in one loop, which makes it several times as fast.

Everything that touches more than stack and memory is still py-evm's: storage, calls, logs, hashes, halting.
The loop runs in place of the code's iterator, which hands py-evm only what is left to it. Gas is metered as
before. Too little gas is noticed before anything that others could see, too deep a stack at the next jump
destination. tests/meta/test_fast_evm.py compares the two.
"""

from collections.abc import Iterator
from functools import lru_cache
from types import MethodType
from typing import Any

import boa
from boa.vm.py_evm import TracingCodeStream, titanoboa_computation
from eth.constants import BLANK_ROOT_HASH
from eth.db.account import AccountDB
from eth.db.storage import AccountStorageDB
from eth.exceptions import FullStack, InsufficientStack, InvalidJumpDestination, OutOfGas
from eth.vm.gas_meter import GasMeter

WORD = 2**256
MAX = WORD - 1
SIGN = 2**255


@lru_cache(maxsize=128)
def _decoded(code: bytes) -> tuple[list[int], frozenset[int]]:
    """What each push puts on the stack, by its place; and where a jump may go."""
    pushed, destinations, place = [0] * len(code), set(), 0
    while place < len(code):
        instruction = code[place]
        size = instruction - 0x5F if 0x60 <= instruction <= 0x7F else 0
        if size:
            pushed[place] = int.from_bytes(code[place + 1 : place + 1 + size].ljust(size, b"\0"), "big")
        elif instruction == 0x5B:
            destinations.add(place)
        place += 1 + size
    return pushed, frozenset(destinations)


def _signed(word: int) -> int:
    return word - WORD if word & SIGN else word


class FastCode(TracingCodeStream):
    """Code that runs by itself as far as it can; iterating yields the other instructions."""

    def __init__(self, computation: Any, slow: TracingCodeStream) -> None:
        super().__init__(
            slow._raw_code_bytes, start_pc=slow.program_counter, fake_codesize=slow._fake_codesize
        )
        self.computation = computation

    def __iter__(self) -> Iterator[int]:
        if type(self.computation._gas_meter) is not GasMeter:
            return super().__iter__()
        return self._run()

    def _run(self) -> Iterator[int]:
        try:
            yield from self._steps()
        except IndexError:
            raise InsufficientStack("too few items on the stack") from None

    def _steps(self) -> Iterator[int]:
        computation, code = self.computation, self._raw_code_bytes
        meter, message = computation._gas_meter, computation.msg
        stack, memory, calldata = computation._stack.values, computation._memory._bytes, None
        push, pop, traced = stack.append, stack.pop, self._trace.append
        pushed, destinations = _decoded(code)
        place, end, gas = self.program_counter, len(code), meter.gas_remaining
        read = int.from_bytes
        while place < end:
            instruction = code[place]
            traced(place)
            if instruction >= 0x5F:
                if instruction < 0x80:  # PUSH
                    gas -= 3 if instruction > 0x5F else 2
                    push(pushed[place])
                    place += instruction - 0x5E
                    continue
                if instruction < 0x90:  # DUP
                    gas -= 3
                    push(stack[0x7F - instruction])
                    place += 1
                    continue
                if instruction < 0xA0:  # SWAP
                    gas -= 3
                    other = 0x8E - instruction
                    stack[-1], stack[other] = stack[other], stack[-1]
                    place += 1
                    continue
            elif instruction >= 0x50:
                if instruction == 0x52:  # MSTORE
                    gas -= 3
                    at, word = pop(), pop()
                    if at + 32 > len(memory):
                        if gas < 0:
                            raise OutOfGas("out of gas")
                        meter.gas_remaining = gas
                        computation.extend_memory(at, 32)
                        gas, memory = meter.gas_remaining, computation._memory._bytes
                    memory[at : at + 32] = word.to_bytes(32, "big")
                    place += 1
                    continue
                if instruction == 0x51:  # MLOAD
                    gas -= 3
                    at = stack[-1]
                    if at + 32 > len(memory):
                        if gas < 0:
                            raise OutOfGas("out of gas")
                        meter.gas_remaining = gas
                        computation.extend_memory(at, 32)
                        gas, memory = meter.gas_remaining, computation._memory._bytes
                    stack[-1] = read(memory[at : at + 32], "big")
                    place += 1
                    continue
                if instruction == 0x5B:  # JUMPDEST
                    gas -= 1
                    if len(stack) > 1024:
                        raise FullStack("stack limit reached")
                    place += 1
                    continue
                if instruction == 0x57:  # JUMPI
                    gas -= 10
                    if gas < 0:
                        raise OutOfGas("out of gas")
                    to = pop()
                    if pop():
                        if to not in destinations:
                            raise InvalidJumpDestination(f"no destination: {to}")
                        place = to
                    else:
                        place += 1
                    continue
                if instruction == 0x56:  # JUMP
                    gas -= 8
                    if gas < 0:
                        raise OutOfGas("out of gas")
                    place = pop()
                    if place not in destinations:
                        raise InvalidJumpDestination(f"no destination: {place}")
                    continue
                if instruction == 0x5E:  # MCOPY
                    to, at, size = pop(), pop(), pop()
                    gas -= 3 + 3 * (size + 31 >> 5)
                    if size:
                        if max(to, at) + size > len(memory):
                            if gas < 0:
                                raise OutOfGas("out of gas")
                            meter.gas_remaining = gas
                            computation.extend_memory(max(to, at), size)
                            gas, memory = meter.gas_remaining, computation._memory._bytes
                        memory[to : to + size] = memory[at : at + size]
                    place += 1
                    continue
                if instruction == 0x50:  # POP
                    gas -= 2
                    pop()
                    place += 1
                    continue
            elif instruction >= 0x10:
                if instruction < 0x1D and instruction != 0x1A:
                    gas -= 3
                    if instruction == 0x15:  # ISZERO
                        stack[-1] = 0 if stack[-1] else 1
                    elif instruction == 0x19:  # NOT
                        stack[-1] ^= MAX
                    else:
                        a, b = pop(), stack[-1]
                        if instruction == 0x16:  # AND
                            stack[-1] = a & b
                        elif instruction == 0x11:  # GT
                            stack[-1] = 1 if a > b else 0
                        elif instruction == 0x10:  # LT
                            stack[-1] = 1 if a < b else 0
                        elif instruction == 0x14:  # EQ
                            stack[-1] = 1 if a == b else 0
                        elif instruction == 0x1B:  # SHL
                            stack[-1] = (b << a) & MAX if a < 256 else 0
                        elif instruction == 0x1C:  # SHR
                            stack[-1] = b >> a if a < 256 else 0
                        elif instruction == 0x18:  # XOR
                            stack[-1] = a ^ b
                        elif instruction == 0x17:  # OR
                            stack[-1] = a | b
                        elif instruction == 0x12:  # SLT
                            stack[-1] = 1 if _signed(a) < _signed(b) else 0
                        else:  # SGT
                            stack[-1] = 1 if _signed(a) > _signed(b) else 0
                    place += 1
                    continue
                if instruction == 0x39:  # CODECOPY
                    to, at, size = pop(), pop(), pop()
                    gas -= 3 + 3 * (size + 31 >> 5)
                    if size:
                        if to + size > len(memory):
                            if gas < 0:
                                raise OutOfGas("out of gas")
                            meter.gas_remaining = gas
                            computation.extend_memory(to, size)
                            gas, memory = meter.gas_remaining, computation._memory._bytes
                        memory[to : to + size] = code[at : at + size].ljust(size, b"\0")
                    place += 1
                    continue
                if instruction == 0x35:  # CALLDATALOAD
                    gas -= 3
                    if calldata is None:
                        calldata = bytes(message.data)
                    at = stack[-1]
                    stack[-1] = read(calldata[at : at + 32].ljust(32, b"\0"), "big")
                    place += 1
                    continue
            elif instruction == 0x01:  # ADD
                gas -= 3
                a = pop()
                stack[-1] = (a + stack[-1]) & MAX
                place += 1
                continue
            elif instruction == 0x03:  # SUB
                gas -= 3
                a = pop()
                stack[-1] = (a - stack[-1]) & MAX
                place += 1
                continue
            elif instruction == 0x02:  # MUL
                gas -= 5
                a = pop()
                stack[-1] = a * stack[-1] & MAX
                place += 1
                continue
            elif instruction == 0x04:  # DIV
                gas -= 5
                a, b = pop(), stack[-1]
                stack[-1] = a // b if b else 0
                place += 1
                continue
            # py-evm's
            if gas < 0:
                raise OutOfGas("out of gas")
            meter.gas_remaining, self.program_counter = gas, place + 1
            yield instruction
            gas, place, memory = meter.gas_remaining, self.program_counter, computation._memory._bytes
            if stack and type(stack[-1]) is bytes:
                stack[-1] = read(stack[-1], "big")
        if gas < 0:
            raise OutOfGas("out of gas")
        meter.gas_remaining, self.program_counter = gas, place
        yield 0x00


class FastComputation(titanoboa_computation):
    """A call frame that runs FastCode."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.code = FastCode(self, self.code)

    def extend_memory(self, start_position: int, size: int) -> None:
        if start_position + size > len(self._memory._bytes):
            super().extend_memory(start_position, size)


def _is_blank(store: AccountStorageDB) -> bool:
    journal = store._journal_storage._journal
    return not journal._current_values and not journal._ignore_wrapped_db


def _discard(accounts: AccountDB, checkpoint: Any) -> None:
    """Undo, and follow no longer the contracts that are gone with it: each costs something at every call."""
    AccountDB.discard(accounts, checkpoint)
    for address, store in list(accounts._dirty_account_stores()):
        if _is_blank(store) and store._journal_storage._journal.is_flattened:
            accounts._dirty_accounts.remove(address)


def _delete_storage(accounts: AccountDB, address: bytes) -> None:
    """A new contract has no storage to delete, and need not be followed before it has some."""
    store = accounts._account_stores.get(address)
    if accounts._get_storage_root(address) != BLANK_ROOT_HASH or (store and not _is_blank(store)):
        AccountDB.delete_storage(accounts, address)


def install() -> None:
    """Make boa's one environment fast."""
    state = boa.env.evm.vm.state
    slow = state.computation_class
    state.computation_class = type("Computation", (FastComputation, *slow.__bases__), dict(vars(slow)))
    accounts = state._account_db
    accounts.discard = MethodType(_discard, accounts)
    accounts.delete_storage = MethodType(_delete_storage, accounts)
    # do not write an account back because it was called
    boa.env.enable_fast_mode()
