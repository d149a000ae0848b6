"""The demo's whole crash, resolved by the keeper alone: what `make demo KEEPER=1` shows."""

import json
from decimal import Decimal

from scripts import demo
from scripts._keeper import MAX_BLOCKS


def test_the_keeper_resolves_every_shock_of_the_demo_and_every_balance_is_verified(run_script, tmp_path):
    result = run_script(demo.cli, "--keeper", "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["shocks"]) >= 3
    assert [shock for shock in report["shocks"] if shock["left"] or shock["blocks"] > MAX_BLOCKS] == []
    assert len(report["invariants"]) >= 20
    assert [check for check in report["invariants"] if not check["holds"]] == []
    assert min(map(Decimal, report["loss_by_tier"].values())) > 0
    for name in ("fund.svg", "anvil-state.json", "keeper.log"):
        assert (tmp_path / name).stat().st_size > 0
