"""What the scripts say when something is not as it must be: one sentence, exit code 1."""

import shutil
from pathlib import Path

import pytest

from lastline.errors import reverts
from scripts import account, demo, deploy, fund, report_positions, settle_market, size_fund, verify_funds

# What looks at a recorded deployment, and what each has to be told besides.
READERS = {
    account: ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
    fund: [],
    report_positions: ["--dry-run"],
    settle_market: ["--market", "0", "--dry-run"],
    size_fund: [],
    verify_funds: [],
}
of_each_reader = pytest.mark.parametrize(
    ("script", "arguments"), READERS.items(), ids=[script.__name__ for script in READERS]
)


def says(result, *words):
    assert result.exit_code == 1, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.output
    text = result.output[result.output.index("Error: ") :].replace("\n", " ")
    assert all(word in text for word in words), text


@pytest.mark.parametrize("script", [deploy, verify_funds])
def test_unknown_network(script, run_script):
    says(run_script(script.cli, "--network", "ethereum:nonsense"), "nonsense")


@of_each_reader
def test_no_record(script, arguments, system, run_script, tmp_path):
    result = run_script(script.cli, "--network", system.url, "--folder", str(tmp_path), *arguments)
    says(result, "There is no deployment record", "ape run deploy")


@of_each_reader
def test_record_of_another_chain(script, arguments, system, run_script):
    from scripts._anvil import anvil

    with anvil() as other:
        url, folder = other.provider.endpoint_uri, str(system.folder)
        result = run_script(script.cli, "--network", url, "--folder", folder, *arguments)
    says(result, "not the chain of the deployment record")


def test_no_parameters_file(system, run_script):
    result = run_script(deploy.cli, "--network", system.url, "--parameters", "/nowhere.toml")
    says(result, "There is no file /nowhere.toml")


def test_no_anvil(run_script, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(shutil.which("true")).parent / "nothing"))
    says(run_script(demo.cli), "Anvil is not on PATH")


def test_no_scenario(run_script):
    says(run_script(demo.cli, "--scenario", "/nowhere.toml"), "There is no file /nowhere.toml")


def test_a_refusal_of_the_contracts_says_what_to_do(run_script, tmp_path):
    from scripts._anvil import anvil

    text = (Path(__file__).resolve().parents[2] / "parameters" / "local.toml").read_text()
    wide = text.replace('price_band = "0.01"', 'price_band = "0.02"')
    assert wide != text
    (tmp_path / "wide.toml").write_text(wide)
    with anvil() as other:
        url = other.provider.endpoint_uri
        options = ("--parameters", str(tmp_path / "wide.toml"), "--folder", str(tmp_path))
        result = run_script(deploy.cli, "--network", url, *options)
    revert = reverts()["config: price band"]
    says(result, f"{revert.message}. {revert.means} {revert.do}")
