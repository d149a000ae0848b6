"""Settings of a keeper, from a TOML file and the environment; bots/keeper.toml explains each."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from lastline.units import WAD, to_units, wad

PREFIX = "LASTLINE_KEEPER_"
# Read from the environment only, never from a file: the private key of whoever runs without Ape.
KEY = PREFIX + "KEY"
# Read from the environment only: the file of settings.
FILE = PREFIX + "CONFIG"
GWEI_DECIMALS = 9


class ConfigError(Exception):
    """Something about the settings that the user has to know; one clear sentence."""


@dataclass(frozen=True)
class Config:
    """Quote amounts, rates and shares have 18 decimals; gas prices are wei, times seconds."""

    record: Path = Path("deployments/ethereum/local.json")
    node: str = "http://127.0.0.1:8545"
    state_file: Path | None = None
    metrics_file: Path | None = None
    orders: Path | None = None
    # Who trades: 0 for the sender's own sub-account. Who gets rewards: 0 for the one that trades.
    account: int = 0
    sub_account: int = 0
    reward_account: int = 0
    is_dry_run: bool = False
    # What a block's work may cost and must bring.
    is_public_good: bool = False
    buys_at_mark: bool = False
    eth_price: int = 3000 * WAD
    max_gas_price: int = 0
    min_profit: int = WAD
    risk_margin: int = 2 * 10**15
    # How much of its own account the keeper uses.
    margin_share: int = WAD // 2
    max_position: int = 0
    # When something is due.
    mark_age: int = 240
    mark_move: int = 10**15
    collect_fees_from: int = 100 * WAD
    keeps_mode: bool = True
    touch_pots_from: int = 0
    # How much at once.
    absorb_batch: int = 16
    max_cohorts: int = 150
    max_passes: int = 8
    reorg_depth: int = 32
    cooldown_blocks: int = 5

    def __post_init__(self) -> None:
        if not 1 <= self.absorb_batch <= 16:
            raise ConfigError("absorb_batch must be between 1 and 16.")
        if not 1 <= self.max_cohorts <= 1024:
            raise ConfigError("max_cohorts must be between 1 and 1024.")
        if not 0 <= self.margin_share <= WAD:
            raise ConfigError("margin_share must be between 0 and 1.")
        if self.max_passes < 1 or self.reorg_depth < 1:
            raise ConfigError("max_passes and reorg_depth must be at least 1.")
        if self.mark_age < 1:
            raise ConfigError("mark_age must be at least 1 second.")


_WADS = ("eth_price", "min_profit", "risk_margin", "margin_share", "max_position", "mark_move")
_WADS += ("collect_fees_from", "touch_pots_from")
_PATHS = ("record", "state_file", "metrics_file", "orders")


def load(path: Path | str | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """Settings from `path` (or the file the environment names), then from the environment, name by name.

    Raises ConfigError for a missing or broken file, an unknown name, or a value that is not what it must be.
    """
    environment = os.environ if environment is None else environment
    path = path or environment.get(FILE)
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = tomllib.loads(Path(path).read_text())
        except OSError as error:
            raise ConfigError(f"There is no readable file {path}.") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    names = [field.name for field in fields(Config)]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ConfigError(f"{path} has a setting that there is not: {unknown[0]}.")
    for name in names:
        if PREFIX + name.upper() in environment:
            given[name] = environment[PREFIX + name.upper()]
    return replace(Config(), **{name: _parsed(name, worth) for name, worth in given.items()})


def _parsed(name: str, worth: Any) -> Any:
    """A setting as the dataclass has it, from TOML or from text."""
    try:
        if name in _PATHS:
            return Path(worth) if worth else None
        if name == "node":
            return str(worth)
        if name in _WADS:
            return _not_negative(wad(worth))
        if name == "max_gas_price":
            return _not_negative(to_units(worth, GWEI_DECIMALS))
        if isinstance(getattr(Config(), name), bool):
            return worth if isinstance(worth, bool) else _BOOLS[str(worth).lower()]
        return _not_negative(int(str(worth), 0))
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"The setting {name} cannot be {worth!r}.") from error


_BOOLS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


def _not_negative(worth: int) -> int:
    if worth < 0:
        raise ValueError("negative")
    return worth
