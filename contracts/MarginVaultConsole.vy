# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize

"""
@title MarginVaultConsole
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part for settings: governance's markets, roles and parameters; an owner's operators.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from snekmate.auth import ownable_2step
from .interfaces import IKernelPart
from .interfaces import IMarginVaultConsole
from .lib import kernel
from .lib import packing
from .lib import units
from .modules import accounts
from .modules import bankruptcy_account
from .modules import books
from .modules import claims_queue
from .modules import cohorts
from .modules import fund_payments
from .modules import loss_sharing
from .modules import margin
from .modules import market_config
from .modules import markets
from .modules import maturity
from .modules import positions
from .modules import recovery
from .modules import system

implements: IKernelPart
implements: IMarginVaultConsole

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
initializes: market_config[markets := markets]
initializes: bankruptcy_account[markets := markets]
initializes: claims_queue
initializes: fund_payments[markets := markets, system := system]
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: recovery[markets := markets]


uses: ownable_2step

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

# So that the two batches before one always have an id.
FIRST_BATCH: constant(uint256) = 2
MAX_FUNDING_SHARE: constant(uint256) = 5 * 10**17
MIN_BATCH_SECONDS: constant(uint256) = 300
MAX_BATCH_SECONDS: constant(uint256) = 86_400
MAX_MULTIPLIER: constant(uint256) = 10 * units.WAD

CONFIG: immutable(bytes32)
THIS: immutable(address)


@deploy
def __init__(collateral: address):
    """
    @dev Reverts "kernel: decimals"
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


# Governance


@external
def add_market(
    margin_config: IMarginVaultConsole.MarginConfig,
    liquidation_config: IMarginVaultConsole.LiquidationConfig,
    has_fine_ticks: bool,
) -> uint256:
    self._require_governance()
    market: uint256 = markets.market_count
    assert market < units.MAX_MARKETS, "config: too many markets"
    markets.market_count = market + 1
    markets.price_words[market] = packing._price_word(
        packing.Price(
            mark=0,
            mark_time=0,
            rounds=0,
            is_round_open=False,
            status=markets.ACTIVE,
            has_fine_ticks=has_fine_ticks,
        )
    )
    markets.clock_words[market] = packing._clock_word(
        packing.Clock(
            now=0,
            batch_end=markets.batch_seconds,
            funding_time=block.timestamp,
            round_time=0,
            step_time=0,
        )
    )
    markets.batch_sums_words[market] = packing._batch_sums_word(0, 0, FIRST_BATCH, 0)
    log IMarginVaultConsole.MarketAdded(
        market=market, has_fine_ticks=has_fine_ticks, clock_word=markets.clock_words[market]
    )
    market_config._set_margin(market, margin_config)
    market_config._set_liquidation(market, liquidation_config)
    return market


@external
def set_margin_config(market: uint256, margin_config: IMarginVaultConsole.MarginConfig):
    self._require_governance()
    markets._require_unsettled(markets._peek(market))
    market_config._set_margin(market, margin_config)


@external
def set_liquidation_config(
    market: uint256, liquidation_config: IMarginVaultConsole.LiquidationConfig
):
    self._require_governance()
    markets._require_unsettled(markets._peek(market))
    market_config._set_liquidation(market, liquidation_config)


@external
def set_market_status(market: uint256, status: uint256):
    kernel._require_delegated(THIS)
    m: markets.Market = markets._peek(market)
    markets._require_unsettled(m)
    if status == markets.CLOSE_ONLY:
        self._require_guardian()
    else:
        assert status == markets.ACTIVE, "config: bad status"
        system._require_owner()
    old_status: uint256 = m.status
    m.status = status
    markets._store_price(m)
    log IMarginVaultConsole.MarketStatusSet(market=market, status=status, old_status=old_status)


@external
def set_role(role: IMarginVaultConsole.Role, holder: address):
    self._require_governance()
    old: address = self._role_holder(role)
    assert old != holder, "config: nothing changes"
    if role == IMarginVaultConsole.Role.EXCHANGE:
        word: uint256 = system.exchange_word
        system.exchange_word = ((word >> 176) << 176) | system._exchange_word(
            holder, system._exchange_version(word) + 1, 0, 0, False
        )
    elif role == IMarginVaultConsole.Role.LIQUIDATION_ENGINE:
        system.liquidation_engine = holder
    elif role == IMarginVaultConsole.Role.LOSS_ALLOCATOR:
        system.loss_allocator = holder
    elif role == IMarginVaultConsole.Role.INSURANCE_FUND:
        system.insurance_fund = holder
    elif role == IMarginVaultConsole.Role.PRICE_ORACLE:
        system.price_oracle = holder
    elif role == IMarginVaultConsole.Role.GUARDIAN:
        system.guardian = holder
    else:
        assert role == IMarginVaultConsole.Role.TREASURY, "config: unknown role"
        system.treasury = holder
    log IMarginVaultConsole.RoleSet(role=role, holder=holder, old_holder=old)


@external
def set_funding_share(funding_share: uint256):
    self._require_governance()
    assert funding_share <= MAX_FUNDING_SHARE, "config: funding share"
    old: uint256 = markets.funding_share
    markets.funding_share = funding_share
    log IMarginVaultConsole.FundingShareSet(
        funding_share=funding_share, old_funding_share=old
    )


@external
def set_batch_seconds(batch_seconds: uint256):
    self._require_governance()
    assert (
        MIN_BATCH_SECONDS <= batch_seconds and batch_seconds <= MAX_BATCH_SECONDS
    ), "config: batch seconds"
    old: uint256 = markets.batch_seconds
    markets.batch_seconds = batch_seconds
    log IMarginVaultConsole.BatchSecondsSet(
        batch_seconds=batch_seconds, old_batch_seconds=old
    )


@external
def set_risk_mode(mode: uint256, multiplier: uint256):
    kernel._require_delegated(THIS)
    word: uint256 = system.exchange_word
    if msg.sender == system.guardian and mode == system.HALTED:
        # stopping must not make anybody liquidatable
        assert multiplier == system._multiplier(word), "config: multiplier"
    elif msg.sender != system.insurance_fund:
        system._require_owner()
    assert mode <= system.HALTED, "config: unknown mode"
    assert (
        units.WAD <= multiplier and multiplier <= MAX_MULTIPLIER
    ), "config: multiplier"
    system.exchange_word = system._exchange_word(
        convert(word & packing.MASK_160, address),
        system._exchange_version(word),
        mode,
        market_config._steps(multiplier, units.FACTOR_STEP, 16),
        system._is_paused(word),
    )
    log IMarginVaultConsole.RiskModeSet(
        mode=mode,
        multiplier=multiplier,
        old_mode=system._mode(word),
        old_multiplier=system._multiplier(word),
    )


@external
def set_paused(is_paused: bool):
    kernel._require_delegated(THIS)
    if is_paused:
        self._require_guardian()
    else:
        system._require_owner()
    word: uint256 = system.exchange_word & ~system.PAUSED
    if is_paused:
        word |= system.PAUSED
    system.exchange_word = word
    log IMarginVaultConsole.PauseSet(is_paused=is_paused)


# Owners of accounts


@external
def set_operator(operator: address, is_approved: bool):
    kernel._require_delegated(THIS)
    assert operator != empty(address), "vault: zero operator"
    accounts.operators[msg.sender][operator] = is_approved
    log IMarginVaultConsole.OperatorSet(owner=msg.sender, operator=operator, is_approved=is_approved)


@external
def accept_exchange(account: uint256):
    kernel._require_delegated(THIS)
    accounts._require_owner(account)
    version: uint256 = system._exchange_version(system.exchange_word)
    a: packing.Account = packing._account(accounts.words[account])
    a.exchange_version = version
    account_word: uint256 = packing._account_word(a)
    accounts.words[account] = account_word
    log IMarginVaultConsole.ExchangeAccepted(
        account=account, version=version, account_word=account_word
    )


@external
@view
def role_holder(role: IMarginVaultConsole.Role) -> address:
    return self._role_holder(role)


def _require_governance():
    kernel._require_delegated(THIS)
    system._require_owner()


def _require_guardian():
    if msg.sender != system.guardian:
        system._require_owner()


@view
def _role_holder(role: IMarginVaultConsole.Role) -> address:
    if role == IMarginVaultConsole.Role.EXCHANGE:
        return system._exchange()
    if role == IMarginVaultConsole.Role.LIQUIDATION_ENGINE:
        return system.liquidation_engine
    if role == IMarginVaultConsole.Role.LOSS_ALLOCATOR:
        return system.loss_allocator
    if role == IMarginVaultConsole.Role.INSURANCE_FUND:
        return system.insurance_fund
    if role == IMarginVaultConsole.Role.PRICE_ORACLE:
        return system.price_oracle
    if role == IMarginVaultConsole.Role.GUARDIAN:
        return system.guardian
    return system.treasury
