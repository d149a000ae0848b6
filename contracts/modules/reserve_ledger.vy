# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title reserve_ledger
@license AGPL-3.0-only
@author Lastline
@notice The fund's books in token units: what came in by source, what went out by market, what is there.
        Every move also enters the payout window, so no path can forget it.
"""

from ..interfaces import IInsuranceFund
from . import payout_window

uses: payout_window

reserve: public(uint256)
total_paid: public(uint256)
capital_withdrawn: public(uint256)

inflow_totals: HashMap[IInsuranceFund.Source, uint256]
market_payouts: HashMap[uint256, uint256]
# Of these payouts, what the market's own surplus has brought back.
market_repayments: HashMap[uint256, uint256]


@external
@view
def total_in(source: IInsuranceFund.Source) -> uint256:
    """
    @notice All that ever came from a source, token units
    @param source One source
    """
    return self.inflow_totals[source]


@external
@view
def paid_in_market(market: uint256) -> uint256:
    """
    @notice All that was ever paid for a market's claims, token units
    @param market Market id
    """
    return self.market_payouts[market]


@external
@view
def repaid_in_market(market: uint256) -> uint256:
    """
    @notice What a market's surplus has paid back of that, token units
    @param market Market id
    """
    return self.market_repayments[market]


@internal
def _credit_repayment(market: uint256, surplus: uint256) -> uint256:
    """
    @notice Count as much of a market's surplus as it owes the reserve
    @dev Reverts "fund: amount too large"
    @return That much, token units
    """
    amount: uint256 = min(surplus, self.market_payouts[market] - self.market_repayments[market])
    if amount == 0:
        return 0
    self.market_repayments[market] += amount
    self._credit(IInsuranceFund.Source.REPAYMENT, amount)
    log IInsuranceFund.ReserveRepaid(
        market=market, amount=amount, market_total=self.market_repayments[market]
    )
    return amount


@internal
def _credit(source: IInsuranceFund.Source, amount: uint256):
    """
    @notice Count an inflow; zero is none
    @dev Reverts "fund: amount too large"
    """
    if amount == 0:
        return
    net_before: uint256 = self._net_inflow()
    self.reserve += amount
    self.inflow_totals[source] += amount
    payout_window._record_net_inflow(net_before, net_before + amount)
    log IInsuranceFund.InflowRecorded(
        source=source,
        sender=msg.sender,
        amount=amount,
        source_total=self.inflow_totals[source],
        reserve=self.reserve,
    )


@internal
def _debit_claims(market: uint256, amount: uint256):
    """
    @notice Book a payment for claims; the caller logs it, with the episode it belongs to
    """
    payout_window._record_payment(self._net_inflow(), amount)
    self.reserve -= amount
    self.total_paid += amount
    self.market_payouts[market] += amount


@internal
def _debit_capital(receiver: address, amount: uint256):
    """
    @notice Book a withdrawal of protocol capital
    """
    net_before: uint256 = self._net_inflow()
    self.reserve -= amount
    self.capital_withdrawn += amount
    payout_window._record_net_inflow(net_before, net_before - amount)
    log IInsuranceFund.CapitalWithdrawn(
        receiver=receiver,
        amount=amount,
        withdrawn_total=self.capital_withdrawn,
        reserve=self.reserve,
    )


@internal
@view
def _contributed_capital() -> uint256:
    """
    @notice Protocol capital put in and not taken out; claims may have used it up meanwhile
    """
    return self.inflow_totals[IInsuranceFund.Source.CAPITAL] - self.capital_withdrawn


@internal
@view
def _net_inflow() -> uint256:
    """
    @notice Inflows less capital withdrawn
    """
    return self.reserve + self.total_paid


@internal
@view
def _window(periods: uint256) -> (uint256, uint256):
    """
    @notice (base, paid) of a payout window that ends now
    @param periods See payout_window._read
    """
    return payout_window._read(self._net_inflow(), self.total_paid, periods)
