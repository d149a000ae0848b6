"""Every revert has a message, and every message is exercised by a test."""

import pytest

from tests.meta.sources import FORM, SOURCES, failures, has_message, messages
from tests.support import ROOT

# Messages no test can or need provoke, and why. An entry that a test exercises after all must go.
EXCEPTIONS: dict[str, str] = {
    "position: not settled": "every path settles first: to reach this would be a fault of the kernel",
}


def suites() -> list[str]:
    """Every test file but this one, in which an exception is no test."""
    files = (ROOT / "tests").rglob("*.py")
    return [path.read_text() for path in files if path.name != "test_error_strings.py"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_failure_has_a_message(path):
    assert [node.lineno for node in failures(path) if not has_message(node)] == []


def test_messages_are_short_and_of_one_form():
    bad = [text for text in messages() if len(text) > 32 or not FORM.match(text)]
    assert bad == []


def test_every_message_is_exercised():
    tests = "\n".join(suites())
    missing = {m: f for m, f in messages().items() if m not in tests and m not in EXCEPTIONS}
    assert missing == {}


def test_no_exception_is_out_of_date():
    tests = "\n".join(suites())
    known = messages()
    assert [m for m in EXCEPTIONS if m not in known or m in tests] == []
