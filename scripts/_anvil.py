"""An Anvil of a script's own: Ape's keeps every step of every transaction in memory, gigabytes a replay."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from web3 import HTTPProvider, Web3

START_SECONDS = 20
CALL_SECONDS = 120


@contextmanager
def anvil(*arguments: str) -> Iterator[Web3]:
    """An Anvil on a free port, ended with the block. Raises ClickException if it does not start."""
    program = shutil.which("anvil")
    if program is None:
        raise click.ClickException("Anvil is not on PATH: run `make setup`, or put Anvil there yourself.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        program,
        "--port",
        str(port),
        "--quiet",
        "--hardfork",
        "cancun",
        "--gas-limit",
        "60000000",
        *arguments,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        node = Web3(HTTPProvider(f"http://127.0.0.1:{port}", {"timeout": CALL_SECONDS}))
        deadline = time.monotonic() + START_SECONDS
        while not node.is_connected():
            if process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException(f"Anvil does not start: {' '.join(command)}.")
            time.sleep(0.05)
        yield node
    finally:
        process.terminate()
        process.wait(START_SECONDS)
