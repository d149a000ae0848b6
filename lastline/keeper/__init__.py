"""A keeper: marks, liquidations, claims, ADL, rounds and auctions of a deployment, done in time.

`decisions` says what should be done, as pure functions of a `snapshot`; `executor` simulates and sends it;
`bot.Keeper` puts the two together, block by block. `python -m lastline.keeper` and bots/keeper.py run it.
"""

from lastline.keeper.bot import Keeper, StepReport
from lastline.keeper.config import Config, ConfigError, load

__all__ = ["Config", "ConfigError", "Keeper", "StepReport", "load"]
