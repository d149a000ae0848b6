"""
ape run gas: measure gas on a fresh Anvil, write build/gas.json, and fail if a target is missed (`make
gas`).
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ape import project

from scripts._anvil import anvil
from scripts._ape import quiet, standalone
from scripts._gas import adversarial, crisis, features, marks, report, trades
from scripts._gas.system import System, deploy_system

OUT = Path(__file__).resolve().parent.parent / "build" / "gas.json"
Measure = Callable[[System], dict[str, Any]]
EVERYDAY: tuple[Measure, ...] = (trades.measure_trades, trades.measure_liquidation)
MEASURES: tuple[Measure, ...] = (
    *EVERYDAY,
    crisis.measure_crisis,
    adversarial.measure_adversarial,
)


def _artifact(name: str) -> tuple[list[dict[str, Any]], str]:
    kind = project.contracts[name]
    abi = [entry.model_dump(mode="json", by_alias=True) for entry in kind.abi]
    return abi, kind.deployment_bytecode.bytecode


@standalone(__doc__)
def cli() -> None:
    started = time.monotonic()
    quiet()
    gas: dict[str, Any] = {}
    with anvil("--prune-history", "1") as node:
        system = deploy_system(node, _artifact)
        start = system.snapshot()
        for measure in MEASURES:
            gas |= measure(system)
            start = system.restore(start)
        for measure in EVERYDAY:
            features.switch_on(system)
            found = measure(system)
            gas |= {name + report.SWITCHED_ON: found[name] for name in found if name in report.TARGETS}
            start = system.restore(start)
        more = features.measure_features(system, _artifact)
        system.restore(start)
        gas |= marks.measure_marks(system, _artifact)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(gas | {"features": more}, indent=2) + "\n")
    missed = report.show(gas) + report.show_features(more)
    print(f"{OUT.name} written in {time.monotonic() - started:.0f} s")
    if missed:
        sys.exit(f"over target: {', '.join(missed)}")
