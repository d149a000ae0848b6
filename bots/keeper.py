"""The keeper as a Silverback bot: silverback run keeper --network ethereum:mainnet:node --account ALIAS

All work is done by lastline.keeper; settings are in bots/keeper.toml, or in the file that
LASTLINE_KEEPER_CONFIG names. Without --account the key in LASTLINE_KEEPER_KEY signs. Use one worker: a
keeper is one sender with one nonce. An Anvil that runs already is --network
ethereum:local:http://127.0.0.1:8545; given by its URL alone, Ape takes it for a network without blocks.
Silverback ends when a local network makes no block for ten seconds.
"""

import logging
import os
from pathlib import Path
from threading import Lock

from ape import chain as ape_chain
from silverback import SilverbackBot, StateSnapshot

from lastline import deployments
from lastline.chain import Chain, Sender
from lastline.keeper import Keeper, load
from lastline.keeper.__main__ import sender_of
from lastline.keeper.config import FILE
from scripts._ape import ApeSender

logging.basicConfig(format="%(levelname)s %(message)s")
logging.getLogger("lastline.keeper").setLevel(logging.INFO)

bot = SilverbackBot()
config = load(os.environ.get(FILE) or Path(__file__).with_name("keeper.toml"))
# Blocks may come faster than steps end: one that comes meanwhile is left out, the next step sees all it
# needs.
is_working = Lock()


def make_keeper() -> Keeper:
    """Raises ConfigError without a signer, DeploymentError if the network is not the record's."""
    chain = Chain(bot.provider.web3, deployments.read(config.record))
    chain.require_code()
    sender: Sender = ApeSender(bot.signer) if bot.signer else sender_of(config, chain.web3)
    return Keeper(chain, sender, config)


@bot.on_startup()
def start(startup_state: StateSnapshot) -> int:
    """Go on from the state file; the number of accounts known."""
    bot.state.keeper = make_keeper()
    return len(bot.state.keeper.index.accounts)


@bot.on_(ape_chain.blocks)
def step(block) -> dict[str, int]:  # type: ignore[no-untyped-def]
    """Do what is due, and tell Silverback's metrics."""
    if not is_working.acquire(blocking=False):
        return {"done": 0}
    try:
        report = bot.state.keeper.step()
        return {"done": len(report.done), "unhealthy_accounts": report.left, "scanned": report.scanned}
    finally:
        is_working.release()


@bot.on_shutdown()
def stop() -> None:
    """Save the state."""
    with is_working:
        bot.state.keeper.save()
