"""One address answers for all parts: no call is ambiguous, none missing, names are the interfaces'."""

from collections import Counter

import pytest
from eth_utils import keccak
from vyper.compiler.output import build_abi_output, build_method_identifiers_output

from lastline.abi import INTERNAL
from tests.kernel import PARTS, union_abi
from tests.meta.sources import INTERFACES, KERNEL_INTERFACES, implementers, interface_functions
from tests.support import compiled

# Every part tells what it was made for; at the vault's address nobody needs it.
OF_EVERY_PART = {"config_hash()"}
# Of snekmate's ownable_2step, exported by the console.
OWNERSHIP = {"owner", "pending_owner", "transfer_ownership", "accept_ownership"}
# For others to implement: feeds.
EXTERNAL = {"IAggregator", "IOwned"}


def selectors(part: str) -> dict[str, str]:
    identifiers = build_method_identifiers_output(compiled(f"{part}.vy").compiler_data)
    return {s: f"{int(n, 16):#010x}" for s, n in identifiers.items() if s != "__default__()"}


def functions(name: str) -> dict[str, dict]:
    abi = build_abi_output(compiled(name).compiler_data)
    return {entry["name"]: entry for entry in abi if entry["type"] == "function"}


def test_no_selector_occurs_in_two_parts():
    counts = Counter(
        selector
        for part in PARTS
        for signature, selector in selectors(part).items()
        if signature not in OF_EVERY_PART
    )
    assert [selector for selector, count in counts.items() if count > 1] == []


def test_the_vault_itself_does_not_hide_a_parts_configuration_hash():
    assert not OF_EVERY_PART & set(selectors(PARTS[-1]))
    for part in PARTS[:-1]:
        assert set(selectors(part)) >= OF_EVERY_PART


def test_the_union_abi_is_the_union_of_the_kernels_interfaces():
    answered = {entry["name"] for entry in union_abi() if entry["type"] == "function"}
    promised = {function for name in KERNEL_INTERFACES for function in interface_functions(name)}
    assert set(INTERNAL) <= promised
    assert answered == (promised - set(INTERNAL)) | OWNERSHIP


def test_the_union_abi_has_every_selector_once():
    counts = Counter(entry["name"] for entry in union_abi() if entry["type"] == "function")
    assert set(counts.values()) == {1}


def test_the_union_abi_has_one_meaning_for_every_event():
    counts = Counter(entry["name"] for entry in union_abi() if entry["type"] == "event")
    assert {name for name, count in counts.items() if count > 1} == set()


@pytest.mark.parametrize("name", [n for n in INTERFACES if n not in EXTERNAL])
def test_an_interface_is_implemented(name):
    assert implementers(name)


@pytest.mark.parametrize("name", [n for n in INTERFACES if n not in EXTERNAL])
def test_parameters_are_named_as_in_the_interface(name):
    for contract in implementers(name):
        implemented = functions(contract)
        for function, parameters in interface_functions(name).items():
            names = [i["name"] for i in implemented[function]["inputs"]]
            assert names == parameters, f"{contract}: {function}"


def test_selectors_are_those_of_the_signatures():
    for signature, selector in selectors(PARTS[-1]).items():
        assert f"0x{keccak(text=signature)[:4].hex()}" == selector
