"""The contracts, compiled once for all workers and all runs until a source changes.

boa keeps a cache of its own, but to look something up there it analyses the whole source first, which takes
nearly as long as compiling it.
"""

import contextlib
import fcntl
import gc
import hashlib
import multiprocessing
import os
import pickle
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import boa
from boa.contracts.vyper.vyper_contract import VyperContract, VyperDeployer
from vyper.compiler.settings import anchor_settings
from vyper.ir.compile_ir import assembly_to_evm

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
CACHE = ROOT / ".boa_cache"
WEEK = 7 * 24 * 3600

# As in ape-config.yaml, so that both kinds of suite run the same bytecode.
COMPILER_ARGS = {"evm_version": "cancun"}


@cache
def _folder() -> Path:
    """Where the outputs of these sources and tools are kept."""
    tools = [f"{name} {version(name)}" for name in ("vyper", "titanoboa", "snekmate")]
    digest = hashlib.sha256(repr((sys.version, str(ROOT), tools, COMPILER_ARGS)).encode())
    for path in sorted(CONTRACTS.rglob("*.vy*")):
        digest.update(f"{path.relative_to(CONTRACTS)} {path.stat().st_size}\n".encode() + path.read_bytes())
    folder = CACHE / f"sources-{digest.hexdigest()[:16]}"
    if not folder.exists():
        for old in CACHE.glob("sources-*"):
            if time.time() - old.stat().st_mtime > WEEK:
                shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _kept(path: str) -> Path:
    return _folder() / path.replace("/", "-")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[IO[bytes]]:
    """The file, created if need be, for this process only."""
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """No search for garbage in syntax trees: neither now, while they grow, nor ever again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def compiled(path: str) -> VyperDeployer:
    """The compiled contract at a path below contracts/, for example "mocks/MockERC20.vy"."""
    with _without_collecting(), _alone(_kept(path)) as file:
        file.seek(0)
        kept = file.read()
        if kept:
            return pickle.loads(kept)
        deployer = _compile(path)
        file.write(pickle.dumps(deployer))
        return deployer


def _compile(path: str, text: str | None = None) -> VyperDeployer:
    """`text`: what to read in place of the file."""
    boa.interpret.set_cache_dir(None)
    name = str(CONTRACTS / path)
    if text is None:
        text = (CONTRACTS / path).read_text()
    deployer = boa.loads_partial(text, name=name, filename=name, compiler_args=COMPILER_ARGS)
    boa.interpret.set_cache_dir(str(CACHE))
    with anchor_settings(deployer.compiler_data.settings):
        _, deployer.compiler_data.source_map = assembly_to_evm(deployer.compiler_data.assembly_runtime)
    return deployer


def deployment_source_map(contract: VyperContract) -> dict[str, Any]:
    """What boa would assemble again each time a contract is deployed."""
    data = contract.compiler_data
    if not hasattr(data, "deployment_source_map"):
        with anchor_settings(data.settings):
            _, data.deployment_source_map = assembly_to_evm(data.assembly)
    return data.deployment_source_map


def compile_all() -> None:
    """Compile what is not compiled yet, on all processors."""
    found = sorted((*CONTRACTS.glob("*.vy"), *CONTRACTS.glob("mocks/*.vy")), key=lambda p: -p.stat().st_size)
    paths = [str(path.relative_to(CONTRACTS)) for path in found]
    paths = [path for path in paths if not _kept(path).exists() or not _kept(path).stat().st_size]
    if paths:
        with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("fork")) as pool:
            list(pool.map(_compile_and_keep, paths))


def _compile_and_keep(path: str) -> None:
    # a deployer is too large to hand back
    compiled(path)
