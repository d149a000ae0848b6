"""python -m lastline.keeper: the keeper without Silverback, for cron (--once) and for long runs (--loop)."""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from web3 import Web3
from web3.exceptions import Web3Exception

from lastline import deployments
from lastline.accounts import owner_of
from lastline.chain import Chain, KeySender, Reverted, Sender, connect
from lastline.deployments import DeploymentError
from lastline.errors import explain
from lastline.keeper.bot import Keeper
from lastline.keeper.config import FILE, KEY, Config, ConfigError, load

POLL_SECONDS = 1.0
# Errors of the node in a row after which a loop gives up.
MAX_ERRORS = 10

log = logging.getLogger("lastline.keeper")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m lastline.keeper", description=__doc__)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--once", action="store_true", help="one step at the latest block")
    how.add_argument("--loop", action="store_true", help="a step at every block, until SIGINT or SIGTERM")
    parser.add_argument("--config", type=Path, help=f"settings (TOML); environment: {FILE}")
    parser.add_argument("--dry-run", action="store_true", help="tell what a step would do, send nothing")
    parser.add_argument("--verbose", action="store_true", help="tell refused actions too")
    given = parser.parse_args(arguments)
    logging.basicConfig(
        stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING
    )
    log.setLevel(logging.DEBUG if given.verbose else logging.INFO)
    try:
        config = load(given.config)
        if given.dry_run:
            config = replace(config, is_dry_run=True)
        keeper = start(config)
        if given.once:
            report = keeper.step()
            done = "would be done" if config.is_dry_run else "done"
            log.info("block %d: %d %s, %d unhealthy left", report.block, len(report.done), done, report.left)
        else:
            loop(keeper)
    except (ConfigError, DeploymentError, Reverted) as error:
        print(f"Error: {explain(str(error))}", file=sys.stderr)
        return 1
    except (Web3Exception, OSError) as error:
        print(f"Error: The node does not answer: {error}.", file=sys.stderr)
        return 1
    return 0


def start(config: Config) -> Keeper:
    """A keeper by its settings and the key in the environment.

    Raises ConfigError without a key, DeploymentError if the node serves another chain than the record's.
    """
    chain: Chain = connect(config.node, deployments.read(config.record))
    chain.require_code()
    return Keeper(chain, sender_of(config, chain.web3), config)


def sender_of(config: Config, web3: Web3) -> Sender:
    """Who signs: the key in the environment. A dry run of a named account needs none. Raises ConfigError."""
    key = os.environ.get(KEY)
    if not key:
        if config.is_dry_run and config.account:
            return Onlooker(owner_of(config.account))
        raise ConfigError(f"There is no key: set {KEY}, or set account and is_dry_run.")
    try:
        return KeySender(web3, Account.from_key(key))
    except Exception:
        # Not the error's own text: it may have the key in it.
        raise ConfigError(f"What {KEY} holds is not a private key.") from None


@dataclass(frozen=True)
class Onlooker:
    """Stands for an owner whose key is not there: for dry runs."""

    address: str

    def send(self, to: str | None, data: str) -> dict[str, Any]:
        """Raises Reverted: there is nothing to sign with."""
        raise Reverted("dry run: no key")


def loop(keeper: Keeper) -> None:
    """Step at every new block until a signal; the state is saved at each step and at the end."""
    is_running = True

    def stop(*_: object) -> None:
        nonlocal is_running
        is_running = False

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    last, errors = -1, 0
    while is_running:
        try:
            block = keeper.chain.web3.eth.block_number
            if block != last:
                keeper.step()
                last = block
            errors = 0
        except (Web3Exception, OSError, Reverted) as error:
            errors += 1
            log.warning("the node does not answer (%d): %s", errors, error)
            if errors >= MAX_ERRORS:
                raise
        time.sleep(POLL_SECONDS)
    keeper.save()


if __name__ == "__main__":
    sys.exit(main())
