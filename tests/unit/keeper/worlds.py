"""Snapshots made by hand: one or two markets at 1,000, an own account, and accounts in trouble as tests
want them.
"""

from dataclasses import replace

from lastline.keeper.config import Config
from lastline.keeper.orderbook import Resting
from lastline.keeper.snapshot import FeeSnapshot, MarketSnapshot, Snapshot
from lastline.orders import Order, SignedOrder
from lastline.units import WAD, wad
from lastline.views import AccountView, InventoryView, PositionView
from lastline.words import AccountWord, ClockWord, LiquidationWord, MarginWords
from tests.kernel import liquidation_config, margin_config

NOW = 1_750_000_000
MARK = 1000 * WAD
OWN = 7 << 96
# No gas price: what a test is about is not lost in the price of gas.
CONFIG = Config(min_profit=0, risk_margin=0, margin_share=WAD)

_margin = margin_config()
_lines = tuple(zip(_margin.pop("line_rates"), _margin.pop("line_deductions"), strict=True))
MARGIN = MarginWords(lines=_lines, **_margin)
TERMS = LiquidationWord(**liquidation_config())


def inventory(size="0", equity="0", outstanding="0", age=0):
    """A bankruptcy account; `age`: seconds since the auction began."""
    worth = wad(size) * MARK // WAD
    cash = wad(equity)
    return InventoryView(wad(size), worth, cash, cash, wad(outstanding), NOW - age)


def market(number=0, **changes):
    """A market at MARK, its mark a minute old, nothing to do in it."""
    fields = {
        "market": number,
        "mark": MARK,
        "mark_time": NOW - 60,
        "is_round_open": False,
        "open_interest": 10 * WAD,
        "margin": MARGIN,
        "liquidation": TERMS,
        "clock": ClockWord(0, 3600, 0, 0, 0),
        "inventory": inventory(),
        "inventory_since": 0,
        "last_loss_time": 0,
        "oracle_mark": MARK,
        "oracle_reason": "",
        "fund_payable": 0,
        "first_claim": -1,
        "policy": (2, 3),
    }
    return MarketSnapshot(**{**fields, **changes})


def position(size, market=0, maintenance=None, pot="0"):
    """A position at MARK."""
    worth = abs(wad(size)) * MARK // WAD
    asked = worth * wad("0.025") // WAD if maintenance is None else wad(maintenance)
    return PositionView(market, wad(size), wad(size) * MARK // WAD, 0, 0, wad(pot), asked, 0, 0)


def account(number, equity, *positions):
    """An account by its number, with this equity and the maintenance margin of its positions."""
    maintenance = sum(p.maintenance for p in positions)
    cash = wad(equity)
    return AccountView(number << 96, cash, 0, 0, cash, maintenance, 0, 0, False, positions)


def own(cash="100000", *positions, gap="0"):
    """The keeper's account; `gap`: what its positions need as initial margin."""
    return AccountView(OWN, wad(cash), 0, 0, wad(cash), 0, wad(gap) - wad(cash), 0, False, positions)


def snapshot(*markets, unhealthy=(), **changes):
    """A snapshot of these markets; one quiet market if there is none."""
    fields = {
        "block": 100,
        "timestamp": NOW,
        "gas_price": 0,
        "markets": {m.market: m for m in markets or (market(),)},
        "fees": FeeSnapshot(0, 0, 0, 0),
        "multiplier": WAD,
        "own": own(),
        "own_classes": AccountWord(0, 0, 0, 1),
        "is_controlled": True,
        "unhealthy": tuple(unhealthy),
    }
    return Snapshot(**{**fields, **changes})


def config(**changes):
    """CONFIG with changes."""
    return replace(CONFIG, **changes)


def order(number, size, price="1000", market=0, left=None, **fields):
    """A resting order of account `number`: `size` base, signed, at `price`. Nobody checks its signature."""
    values = {"account": number << 96, "market": market, "size": wad(size), "limit_price": wad(price)}
    signed = SignedOrder(Order(**{**values, "expiry": NOW + 3600, **fields}), "0x" + "11" * 20, b"")
    return Resting(signed, abs(wad(size)) if left is None else wad(left))
