# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize

"""
@title MarginVaultBankruptcy
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part for the bankruptcy accounts: they take in accounts beyond liquidation, and every position of a
        settled market. Every price and amount is computed here; the LiquidationEngine chooses only whom and when.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from .interfaces import IKernelPart
from .interfaces import IMarginVaultBankruptcy
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
from .modules import positions
from .modules import recovery
from .modules import system

implements: IKernelPart
implements: IMarginVaultBankruptcy

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
initializes: bankruptcy_account[markets := markets]
initializes: claims_queue
initializes: fund_payments[markets := markets, system := system]
initializes: loss_sharing[
    bankruptcy_account := bankruptcy_account, cohorts := cohorts, markets := markets, maturity := maturity
]
initializes: recovery[markets := markets]


# One market's part of an account that is being absorbed.
struct Part:
    market: uint256
    size: int256
    worth: int256  # of the position at mark, signed
    pnl: int256  # unrealised
    profit: uint256  # open and maturing profit of the account in this market
    maintenance: uint256
    equity: int256  # what the bankruptcy account gets with it
    is_stale: bool


CONFIG: immutable(bytes32)
THIS: immutable(address)
MEMBERSHIP: immutable(address)


@deploy
def __init__(collateral: address, membership: address):
    """
    @dev Reverts "kernel: decimals", "kernel: other configuration"
    @param membership MarginVaultMembership made for the same collateral
    """
    scale: uint256 = 0
    config: bytes32 = empty(bytes32)
    scale, config = kernel._configuration(collateral)
    kernel._require_same(membership, config)
    CONFIG = config
    THIS = self
    MEMBERSHIP = membership
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


@external
def absorb(account: uint256, keeper: uint256) -> int256:
    kernel._require_delegated(THIS)
    system._require_liquidation_engine()
    parts: DynArray[Part, 8] = []
    maintenance: uint256 = 0
    critical: uint256 = max_value(uint256)
    reward: uint256 = 0
    small_reward: uint256 = 0
    is_fresh: bool = False
    loss_side: uint256 = claims_queue.NO_SIDE
    worst: int256 = 0
    rest: uint256 = (accounts.words[account] >> 128) & packing.MASK_32
    for i: uint256 in range(units.MAX_ACCOUNT_MARKETS):
        if rest == 0:
            break
        market: uint256 = price_tick._lowest_bit(rest)
        rest &= unsafe_sub(rest, 1)
        part: Part = self._strip(account, market)
        parts.append(part)
        maintenance += part.maintenance
        if part.size != 0:
            word: uint256 = markets.liquidation_words[market]
            critical = min(critical, margin_math._critical_health(word))
            full: uint256 = 0
            small: uint256 = 0
            full, small = margin_math._reward(word, fixed_math._magnitude(part.worth))
            reward += full
            small_reward += small
            # (a settled market, which asks for no margin, says nothing about the others' marks)
            is_fresh = is_fresh or (not part.is_stale and part.maintenance != 0)
        if part.pnl < worst:
            worst = part.pnl
            loss_side = claims_queue.LONG if part.size > 0 else claims_queue.SHORT
    a: packing.Account = packing._account(accounts.words[account])
    equity: int256 = a.cash
    assert is_fresh or maintenance == 0, "margin: stale mark"
    assert margin_math._is_absorbable(equity, maintenance, critical), "margin: account healthy"
    # the keeper: out of what is left, else out of what liquidations have earned
    left: int256 = equity
    if equity > 0:
        reward = min(reward, fixed_math._div_down(convert(equity, uint256), 2))
        left -= convert(reward, int256)
    else:
        reward = min(small_reward, markets.liquidation_fees)
        markets.liquidation_fees -= reward
    a.cash = 0
    accounts.words[account] = packing._account_word(a)
    log IMarginVaultBankruptcy.AccountAbsorbed(
        account=account,
        keeper=keeper,
        equity=equity,
        maintenance=maintenance,
        reward=reward,
        keeper_word=books._credit(keeper, reward),
    )
    parts = self._split(parts, left, maintenance)
    for part: Part in parts:
        if part.size != 0 or part.equity != 0:
            self._take_in(account, part, loss_side)
    return equity


@external
def close_at_settlement(account: uint256, market: uint256) -> int256:
    kernel._require_delegated(THIS)
    m: markets.Market = markets._load(market)
    assert m.status == markets.SETTLED, "market: not settled"
    equity: int256 = self._equity_elsewhere(account, market)
    seat: positions.Seat = empty(positions.Seat)
    m.open_interest, seat = books._open(MEMBERSHIP, m, account)
    size: int256 = seat.size
    assert size != 0, "vault: no position"
    # a loss that the account cannot bear is this market's, and absorption files it here
    margin._require_solvent(equity + margin._worth_alone(m, seat))
    pnl: int256 = margin._unrealised(m, seat)
    m.open_interest = self._commit_flat(m, positions._realise(market, seat, pnl))
    # at the settlement price nothing changes hands: the bankruptcy account's equity stays, but for a wei more
    inventory: bankruptcy_account.Inventory = bankruptcy_account._open(m)
    inventory.size += size
    inventory.notional += fixed_math._signed_mul_div_floor(size, m.mark, units.WAD)
    markets._store_flow(bankruptcy_account._close(m, inventory))
    log IMarginVaultBankruptcy.ClosedAtSettlement(
        account=account, market=market, size=size, price=m.mark, realised=pnl
    )
    return pnl


def _equity_elsewhere(account: uint256, market: uint256) -> int256:
    """
    @notice What an account is worth in all its markets but one, at their last good marks, its stored cash not included;
            it is settled there first
    """
    books._settle(MEMBERSHIP, account, market)
    a: packing.Account = packing._account(accounts.words[account])
    rest: uint256 = a.markets & ~packing._bit(market)
    equity: int256 = 0
    for i: uint256 in range(units.MAX_ACCOUNT_MARKETS):
        if rest == 0:
            break
        m: markets.Market = markets._peek(price_tick._lowest_bit(rest))
        rest &= unsafe_sub(rest, 1)
        equity += margin._worth_alone(m, positions._open(m, account, True)) - a.cash
    return equity


def _strip(account: uint256, market: uint256) -> Part:
    """
    @notice Turn everything an account has in a market into cash at the last good mark, and tell what it was
    """
    m: markets.Market = markets._load(market)
    seat: positions.Seat = empty(positions.Seat)
    m.open_interest, seat = books._open(MEMBERSHIP, m, account)
    maturing: uint256 = positions._maturing_worth(market, seat)
    part: Part = Part(
        market=market,
        size=seat.size,
        worth=fixed_math._signed_mul_div_floor(seat.size, m.mark, units.WAD),
        pnl=margin._unrealised(m, seat),
        profit=maturing,
        maintenance=0,
        equity=0,
        is_stale=not markets._is_fresh(m),
    )
    if seat.size != 0:
        markets._require_arrived(m)
        marginal: uint256 = 0
        initial: uint256 = 0
        part.maintenance, marginal, initial = margin._margins(
            m, seat, system._multiplier(system.exchange_word)
        )
    part.profit += fixed_math._positive_part(part.pnl)
    if seat.has_maturing:
        maturity._forfeit(market, seat.maturing)
        seat.maturing.current = 0
        seat.maturing.previous = 0
    seat.cash += part.pnl + convert(maturing, int256)
    seat.realised += part.pnl
    m.open_interest = self._commit_flat(m, seat)
    markets._store_flow(m)
    return part


def _commit_flat(m: markets.Market, seat: positions.Seat) -> uint256:
    """
    @notice Write a seat back without its position, which goes to the bankruptcy account at mark
    @return The market's open interest now
    """
    flat: positions.Seat = seat
    flat.size = 0
    flat.notional = 0
    return books._commit(MEMBERSHIP, m, flat, -seat.size, m.mark, 0, max_value(uint256))


@view
def _split(parts: DynArray[Part, 8], equity: int256, maintenance: uint256) -> DynArray[Part, 8]:
    """
    @notice Share an absorbed account's equity out over its markets; the parts sum to it exactly
    @dev What is left goes first to the markets with an open claim, as much of the profit made there as the claim
         lacks, the rest by maintenance margin. A deficit goes by the markets' losses; if there are none, by
         maintenance margin; with positions in settled markets alone the last of them has it; an account without positions
         leaves it in market 0.
    """
    out: DynArray[Part, 8] = parts
    left: int256 = equity
    losses: uint256 = 0
    last: uint256 = 0
    has_position: bool = False
    for i: uint256 in range(len(parts), bound=8):
        if parts[i].size != 0:
            last = i
            has_position = True
        if equity > 0:
            owed: uint256 = packing._high_half(bankruptcy_account.cash_words[parts[i].market])
            out[i].equity = min(convert(min(parts[i].profit, owed), int256), left)
            left -= out[i].equity
        else:
            losses += fixed_math._positive_part(-parts[i].pnl)
    total: uint256 = losses if losses != 0 else maintenance
    if total == 0 and not has_position:
        nowhere: Part = empty(Part)
        nowhere.equity = equity
        return [nowhere]
    rest: int256 = left
    for i: uint256 in range(len(parts), bound=8):
        weight: uint256 = parts[i].maintenance
        if losses != 0:
            weight = fixed_math._positive_part(-parts[i].pnl)
        if weight != 0:
            share: int256 = fixed_math._signed_mul_div_floor(left, weight, total)
            out[i].equity += share
            rest -= share
            last = i
    out[last].equity += rest
    return out


def _take_in(account: uint256, part: Part, loss_side: uint256):
    """
    @notice Add an absorbed part to its market's bankruptcy account and record what it lacks as a claim
    """
    m: markets.Market = markets._load(part.market)
    inventory: bankruptcy_account.Inventory = bankruptcy_account._open(m)
    # what the price has done to the inventory since its last sync is its own, not this account's
    inventory = claims_queue._sync(
        m, inventory, claims_queue.RECOVERED, 0, claims_queue._inventory_side(inventory)
    )
    inventory.size += part.size
    inventory.notional += part.worth
    inventory.cash += part.equity
    inventory = claims_queue._sync(m, inventory, claims_queue.RECOVERED, account, loss_side)
    inventory = bankruptcy_account._take_surplus(m, inventory)
    markets._store_flow(bankruptcy_account._close(m, inventory))
    log IMarginVaultBankruptcy.PartAbsorbed(
        account=account,
        market=part.market,
        size=part.size,
        mark=m.mark,
        equity=part.equity,
        is_stale=part.is_stale,
    )
