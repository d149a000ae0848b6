# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize

"""
@title MarginVaultMembership
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part that knows cohorts in full: it settles accounts for the parts that trade, and changes an
        account's leverage class. Nothing here moves money between accounts.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from .interfaces import IKernelPart
from .interfaces import IMarginVaultMembership
from .lib import fixed_math
from .lib import kernel
from .lib import margin_math
from .lib import packing
from .lib import price_tick
from .lib import units
from .modules import accounts
from .modules import bankruptcy_account
from .modules import books
from .modules import claims_queue
from .modules import cohorts
from .modules import fund_payments
from .modules import loss_sharing
from .modules import margin
from .modules import markets
from .modules import maturity
from .modules import membership
from .modules import positions
from .modules import recovery
from .modules import system

implements: IKernelPart
implements: IMarginVaultMembership

# The same state, in the same order, in all parts of the kernel (tests/meta compares the layouts).
initializes: system
initializes: markets
initializes: accounts
initializes: cohorts[markets := markets]
initializes: maturity[markets := markets]
initializes: positions[
    accounts := accounts, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: margin[
    accounts := accounts, markets := markets, maturity := maturity, positions := positions
]
initializes: books[
    accounts := accounts,
    cohorts := cohorts,
    margin := margin,
    markets := markets,
    positions := positions,
    system := system,
]
initializes: membership[
    accounts := accounts, cohorts := cohorts, markets := markets, positions := positions
]
initializes: bankruptcy_account[markets := markets]
initializes: claims_queue
initializes: fund_payments[markets := markets, system := system]
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: recovery[markets := markets]


CONFIG: immutable(bytes32)
THIS: immutable(address)


@deploy
def __init__(collateral: address):
    """
    @dev Reverts "kernel: decimals", "kernel: other configuration"
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    CONFIG = config
    THIS = self
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


# Membership, for the other parts


@external
@reentrant
def settle(account: uint256, market: uint256):
    system._require_inside()
    self._settle(account, market)


@external
@reentrant
def unseat(
    account: uint256, market: uint256, open_interest: uint256
) -> IMarginVaultMembership.Unseated:
    system._require_inside()
    m: markets.Market = markets._peek(market)
    m.open_interest = open_interest
    seat: positions.Seat = empty(positions.Seat)
    seat, m.open_interest = membership._unseat(m, account)
    return IMarginVaultMembership.Unseated(
        size=seat.size,
        notional=seat.notional,
        cash=seat.cash,
        realised=seat.realised,
        has_maturing=seat.has_maturing,
        current=seat.maturing.current,
        previous=seat.maturing.previous,
        batch=seat.maturing.batch,
        key=seat.key,
        open_interest=m.open_interest,
    )


@external
@reentrant
def open_generation(base: uint256, worth: uint256) -> uint256:
    system._require_inside()
    return cohorts._open_generation(base, markets._peek(base >> 23), worth)


@external
@reentrant
def drop_generation(key: uint256):
    system._require_inside()
    cohorts._drop(key)


# Owners of accounts


@external
def sync_cohort(key: uint256, limit: uint256):
    kernel._require_delegated(THIS)
    m: markets.Market = markets._peek(key >> 23)
    assert not cohorts._is_empty(key), "cohort: empty"
    cohorts._sync(key, m, limit)
    log IMarginVaultMembership.CohortSynced(
        key=key, rounds_seen=cohorts._stored(key).rounds_seen
    )


@external
def touch(account: uint256, market: uint256):
    kernel._require_delegated(THIS)
    m: markets.Market = markets._load(market)
    m.open_interest = membership._settle(m, account)
    seat: positions.Seat = positions._open(m, account, True)
    if seat.maturing.matured != 0:
        m.open_interest = positions._close(m, seat, seat.key, 0, 0, 0)
    markets._store_flow(m)


@external
def set_leverage_class(account: uint256, market: uint256, leverage_class: uint256):
    kernel._require_delegated(THIS)
    accounts._require_owner_or_operator(account)
    assert leverage_class < units.LEVERAGE_CLASSES, "vault: unknown class"
    self._settle_all(account)
    m: markets.Market = markets._load(market)
    seat: positions.Seat = positions._open(m, account, True)
    before: uint256 = packing._leverage_class(seat.classes, market)
    seat.classes = packing._with_leverage_class(seat.classes, market, leverage_class)
    key: uint256 = 0
    if seat.size != 0:
        assert margin_math._class_rate(m.terms_word, leverage_class) > margin_math._class_rate(
            m.terms_word, before
        ), "vault: class only upward"
        exchange_word: uint256 = system.exchange_word
        assert system._mode(exchange_word) < system.ADL, "vault: mode ADL"
        risk: margin.Risk = books._risk(m, seat, system._multiplier(exchange_word))
        assert markets._is_fresh_for_opening(m), "margin: stale mark"
        margin._require_opening_allowed(m.terms_word, risk)
        key = cohorts._open_generation(
            positions._base_key(m, seat), m, risk.worth
        )
    m.open_interest = positions._close(m, seat, key, 0, 0, 0)
    if seat.key != 0 and cohorts._is_empty(seat.key):
        cohorts._drop(seat.key)
    markets._store_flow(m)
    log IMarginVaultMembership.LeverageClassSet(
        account=account,
        market=market,
        leverage_class=leverage_class,
        account_word=accounts.words[account],
    )


def _settle(account: uint256, market: uint256):
    m: markets.Market = markets._load(market)
    m.open_interest = membership._settle(m, account)
    markets._store_flow(m)


def _settle_all(account: uint256):
    rest: uint256 = (accounts.words[account] >> 128) & packing.MASK_32
    for i: uint256 in range(units.MAX_ACCOUNT_MARKETS):
        if rest == 0:
            break
        self._settle(account, price_tick._lowest_bit(rest))
        rest &= unsafe_sub(rest, 1)
