"""The largest position of each market, shown to the insurance fund, whose target counts it."""

from dataclasses import dataclass

from lastline import fixed_math as fm
from lastline.chain import Chain, Sender
from lastline.ledger import Ledger
from lastline.units import WAD
from lastline.views import FUND, VAULT


@dataclass(frozen=True)
class Largest:
    """A market's largest position, and the one the fund knows. Notionals at mark, quote, rounded up."""

    market: int
    account: int
    notional: int
    known_account: int
    known_notional: int

    @property
    def is_due(self) -> bool:
        """The fund knows another one, or another size of it."""
        return (self.account, self.notional) != (self.known_account, self.known_notional)


def largest(chain: Chain, ledger: Ledger) -> list[Largest]:
    """By market, of all positions in the ledger; without any, the known one as it is now (0: none)."""
    best: dict[int, tuple[int, int]] = {}
    for account, market in sorted(ledger.positions):
        size = abs(ledger.effective(account, market).size)
        if size > best.get(market, (0, 0))[0]:
            best[market] = (size, account)
    out = []
    for market in ledger.markets:
        known_account, known_notional, _ = chain.call(FUND, "largest_position", market.id)
        size, account = best.get(market.id, (0, known_account))
        notional = fm.mul_div_up(size, chain.call(VAULT, "mark", market.id), WAD)
        out.append(Largest(market.id, account, notional, known_account, known_notional))
    return out


def report(chain: Chain, sender: Sender, found: Largest) -> None:
    """Anybody may. Raises Reverted "fund: not the largest" if somebody else was faster."""
    chain.send(sender, FUND, "report_position", found.market, found.account)
