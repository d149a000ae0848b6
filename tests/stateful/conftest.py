"""What histories run on: a node of their own for each file."""

from collections.abc import Iterator

import pytest

from tests.stateful.chain import AnvilChain


@pytest.fixture(scope="module")
def chain() -> Iterator[AnvilChain]:
    chain = AnvilChain()
    yield chain
    chain.close()
