# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title LiquidationEngine
@license AGPL-3.0-only
@author Lastline
@notice The door keepers use for accounts in trouble: take-over, absorption, and sale of what absorption left.
        It makes sure that whoever takes a position into an account may act for that account; who is eligible,
        every size and every price are computed by the vault. It sees to it that a hedge is not stripped before what it
        hedges (lib/liquidation_order.vy), and that not more is liquidated in a while than a market bears (modules/rate_limit.vy);
        the Exchange asks it before a close against orders. Absorptions are subject to neither.

        Trust: holds no money, keeps no state but how much was liquidated lately, and has no owner of its own: the vault's sets
        the limits, within bounds. The vault accepts one engine and governance may name another. A hostile one could
        choose whom and when within the vault's rules, and take positions at the vault's price into accounts that
        did not ask for them; it could not move money.

        The reward of an absorption may go to any account, as a deposit may: a keeper's hot key then needs no
        operator rights over the account that earns.
"""

from .interfaces import ILiquidationEngine
from .interfaces import IMarginVault
from .interfaces import IMarginVaultAuction
from .interfaces import IMarginVaultBankruptcy
from .interfaces import IMarginVaultCrisis
from .interfaces import IMarginVaultLiquidation
from .interfaces import IMarginVaultViews
from .interfaces import IOwned
from .lib import fixed_math
from .lib import liquidation_order
from .lib import margin_math
from .lib import mark_renewal
from .lib import packing
from .lib import units
from .modules import rate_limit

implements: ILiquidationEngine

initializes: rate_limit

MAX_ACCOUNTS: public(constant(uint256)) = 16
# The fund's part gets this much gas for each market and no more, so one that burns all it gets cannot stop an
# absorption. The vault asks for 550,000 of it before it calls the fund.
PAY_CLAIMS_GAS: public(constant(uint256)) = 1_500_000
# Left before that call, so that 63/64 of it still covers PAY_CLAIMS_GAS: who calls cannot choose that nothing
# is paid.
PAY_CLAIMS_GAS_RESERVE: public(constant(uint256)) = 1_600_000

# However low a limit is set, all the open interest that a market may have is let through in this time.
MAX_DRAIN_SECONDS: public(constant(uint256)) = 4 * 3600
# Least capacity: this part of the cap on open interest, and so many times the minimum notional.
LEAST_CAPACITY_PART: public(constant(uint256)) = 1024
LEAST_CAPACITY_ORDERS: public(constant(uint256)) = 4
# An account with less health waits for no limit, nor does one that may be absorbed.
URGENT_HEALTH: public(constant(uint256)) = units.WAD // 2
# Base that settling may take from a position between the look at it and its liquidation: a wei for each round or close.
SETTLING: constant(uint256) = 1000

# Selector, offset, length and 32 bytes of text of an Error(string).
REASON_BYTES: constant(uint256) = 100
# Bit of the market that is charged with what an account without positions owes.
NO_POSITION_MARKET: constant(uint256) = 1

VAULT: immutable(address)


struct Admitted:
    size: uint256  # most to ask for, base
    bucket: packing.Bucket  # the market's limit, to count against what is liquidated of it


@deploy
def __init__(vault: address):
    """
    @notice Serve one vault for ever
    @dev Reverts "liquidation: vault has no code"
    @param vault The margin vault
    """
    assert vault.is_contract, "liquidation: vault has no code"
    VAULT = vault


@external
def take_over(
    account: uint256, market: uint256, max_size: uint256, liquidator: uint256, limit_price: uint256
) -> IMarginVaultLiquidation.TakeOver:
    """
    @notice Take part of an unhealthy account's position into the caller's, at mark less a discount. An account in several
            markets is judged at marks renewed in this call, where the oracle has a price.
    @dev Takes less than `max_size` where `admissible` says so. Reverts "liquidation: not operator",
         "liquidation: larger side first", "liquidation: rate limit" and whatever the vault reverts with
    @param account Account being liquidated (owner << 96 | sub-account)
    @param market Market id
    @param max_size Most to take, base, 18 decimals
    @param liquidator Account that takes it; the caller is its owner or an operator of the owner
    @param limit_price Worst price for the liquidator, quote per base, 18 decimals
    @return Change of the liquidated position, price, and fee
    @custom:invariant I9
    """
    return self._take_over(
        account, market, max_size, liquidator, limit_price, self._renewed(account, market)
    )


@external
def refresh_and_take_over(
    account: uint256, market: uint256, max_size: uint256, liquidator: uint256, limit_price: uint256
) -> IMarginVaultLiquidation.TakeOver:
    """
    @notice `take_over` at the oracle's present price
    @dev Reverts as `take_over` does, and with the oracle's reason when it has no price
    @param account Account being liquidated (owner << 96 | sub-account)
    @param market Market id
    @param max_size Most to take, base, 18 decimals
    @param liquidator Account that takes it; the caller is its owner or an operator of the owner
    @param limit_price Worst price for the liquidator, quote per base, 18 decimals
    @return Change of the liquidated position, price, and fee
    @custom:invariant I9
    """
    self._refresh(market)
    words: IMarginVault.LiquidationWords = self._words(account, market)
    bits: uint256 = self._bits_of(words)
    if mark_renewal._are_several(bits):
        mark_renewal._renew(VAULT, bits & ~packing._bit(market))
    return self._take_over(account, market, max_size, liquidator, limit_price, words)


@external
def admit(account: uint256, market: uint256, max_size: uint256) -> uint256:
    """
    @notice What of a position may be liquidated now: what the Exchange asks before a close against orders. An account in several
            markets is judged at marks renewed in this call, where the oracle has a price. Anyone may; nothing is reserved.
    @dev Reverts as `admissible` does
    @param account Account being liquidated (owner << 96 | sub-account)
    @param market Market id
    @param max_size Most wanted, base, 18 decimals
    @return Base, at most `max_size`
    """
    return self._admitted(account, market, self._renewed(account, market), max_size).size


@external
def count(market: uint256, size: uint256):
    """
    @notice `size` is being closed against orders: count it against the market's limit. Only the vault's Exchange may.
    @dev Reverts "liquidation: not exchange"
    @param market Market id
    @param size Base, 18 decimals
    """
    word: uint256 = staticcall IMarginVaultViews(VAULT).exchange_word(skip_contract_check=True)
    assert convert(msg.sender, uint256) == word & packing.MASK_160, "liquidation: not exchange"
    self._count(
        market,
        rate_limit._bucket(market),
        size,
        staticcall IMarginVaultViews(VAULT).mark(market, skip_contract_check=True),
    )


@external
def set_rate_limit(market: uint256, capacity: uint256, refill_seconds: uint256):
    """
    @notice Set how much of a market may be liquidated at once, and in which time as much again; zeros for no limit
    @dev The cap on open interest must be let through within MAX_DRAIN_SECONDS. Who raises that cap later looks after the
         limit too. Reverts "liquidation: not governance", "liquidation: unknown market", "liquidation: limit too low",
         "packing: overflow"
    @param market Market id
    @param capacity Notional at mark, quote, 18 decimals
    @param refill_seconds From used up to free again
    """
    assert (
        msg.sender == staticcall IOwned(VAULT).owner(skip_contract_check=True)
    ), "liquidation: not governance"
    assert (
        market < staticcall IMarginVaultViews(VAULT).market_count(skip_contract_check=True)
    ), "liquidation: unknown market"
    if max(capacity, refill_seconds) != 0:
        words: uint256[14] = staticcall IMarginVaultViews(VAULT).market_words(
            market, skip_contract_check=True
        )
        terms: uint256 = words[4]
        cap: uint256 = margin_math._open_interest_cap_quote(terms)
        least: uint256 = max(
            fixed_math._div_up(cap, LEAST_CAPACITY_PART),
            margin_math._minimum_notional(terms) * LEAST_CAPACITY_ORDERS,
        )
        assert (
            capacity >= least
            and refill_seconds != 0
            and refill_seconds <= fixed_math._mul_div_down(capacity, MAX_DRAIN_SECONDS, max(cap, 1))
        ), "liquidation: limit too low"
    rate_limit._set(market, capacity, refill_seconds)


@external
def buy_inventory(market: uint256, buyer: uint256, max_size: uint256, limit_price: uint256) -> int256:
    """
    @notice Buy what a market's bankruptcy account holds, at the auction's present price
    @dev Reverts "liquidation: not operator" and whatever the vault reverts with
    @param market Market id
    @param buyer Account that buys; the caller is its owner or an operator of the owner
    @param max_size Most to buy, base, 18 decimals
    @param limit_price Worst price for the buyer, quote per base, 18 decimals
    @return Change of the buyer's position, base, signed
    """
    return self._buy_inventory(market, buyer, max_size, limit_price)


@external
def refresh_and_buy_inventory(
    market: uint256, buyer: uint256, max_size: uint256, limit_price: uint256
) -> int256:
    """
    @notice `buy_inventory` at the oracle's present price
    @dev Reverts as `buy_inventory` does, and with the oracle's reason when it has no price
    @param market Market id
    @param buyer Account that buys; the caller is its owner or an operator of the owner
    @param max_size Most to buy, base, 18 decimals
    @param limit_price Worst price for the buyer, quote per base, 18 decimals
    @return Change of the buyer's position, base, signed
    """
    self._refresh(market)
    return self._buy_inventory(market, buyer, max_size, limit_price)


@external
def absorb(account: uint256, keeper: uint256) -> int256:
    """
    @notice Move a hopeless account into the bankruptcy accounts of its markets; if it leaves a loss, let the
            fund pay it at once. Anyone may. An account in several markets is judged at marks renewed in this call,
            where the oracle has a price.
    @dev Reverts "liquidation: zero keeper", "liquidation: not enough gas" and whatever the vault reverts with
    @param account Account being absorbed (owner << 96 | sub-account)
    @param keeper Account credited with the reward
    @return The account's equity, quote, 18 decimals
    @custom:invariant I11
    """
    bits: uint256 = self._market_bits(account)
    mark_renewal._renew_if_several(VAULT, bits)
    return self._absorb(account, keeper, bits)


@external
def refresh_and_absorb(account: uint256, keeper: uint256) -> int256:
    """
    @notice `absorb` at the oracle's present prices, where it has them
    @dev Too little gas for a price gives nothing that `absorb` does not give. Reverts as `absorb` does
    @param account Account being absorbed (owner << 96 | sub-account)
    @param keeper Account credited with the reward
    @return The account's equity, quote, 18 decimals
    @custom:invariant I11
    """
    bits: uint256 = self._market_bits(account)
    mark_renewal._renew(VAULT, bits)
    return self._absorb(account, keeper, bits)


@external
def absorb_many(accounts: DynArray[uint256, MAX_ACCOUNTS], keeper: uint256) -> uint256:
    """
    @notice Absorb several accounts, then let the fund pay what they leave; skips those that the vault refuses
    @dev Reverts "liquidation: zero keeper", "liquidation: not enough gas", "liquidation: absorb failed"
    @param accounts Accounts to absorb (owner << 96 | sub-account)
    @param keeper Account credited with the rewards
    @return Number of accounts absorbed
    @custom:invariant I11
    """
    self._require_keeper(keeper)
    count: uint256 = 0
    losing: DynArray[uint256, units.MAX_MARKETS] = []
    for account: uint256 in accounts:
        bits: uint256 = self._market_bits(account)
        mark_renewal._renew_if_several(VAULT, bits)
        is_absorbed: bool = False
        answer: Bytes[REASON_BYTES] = b""
        is_absorbed, answer = raw_call(
            VAULT,
            abi_encode(account, keeper, method_id=method_id("absorb(uint256,uint256)")),
            max_outsize=REASON_BYTES,
            revert_on_failure=False,
        )
        if is_absorbed:
            count += 1
            if convert(slice(answer, 0, 32), int256) < 0:
                losing = self._with_markets(losing, bits)
        else:
            # Without a reason it was the gas, and an estimate of the gas must not take that for good.
            assert len(answer) != 0, "liquidation: absorb failed"
            log ILiquidationEngine.AccountSkipped(account=account, reason=answer)
    self._pay_claims(losing)
    return count


@external
@view
def liquidatable_markets(account: uint256) -> uint256:
    """
    @notice In which markets the account may be liquidated first, should it be liquidatable; at the marks as they are
    @param account Account (owner << 96 | sub-account)
    @return Bitmap, market 0 lowest
    """
    return liquidation_order._markets(self._exposure(account, 0))


@external
@view
def admissible(account: uint256, market: uint256, max_size: uint256) -> uint256:
    """
    @notice How much of `max_size` a take-over or close against orders may ask for now, at the marks as they are. What the
            vault allows of that is for `liquidation_plan` to say.
    @dev Reverts "liquidation: larger side first", "liquidation: rate limit", and as `liquidation_plan` does
    @param account Account (owner << 96 | sub-account)
    @param market Market id
    @param max_size Most wanted, base, 18 decimals
    @return Base, 18 decimals
    """
    return self._admitted(account, market, self._words(account, market), max_size).size


@external
@view
def rate_limit_state(market: uint256) -> ILiquidationEngine.RateLimit:
    """
    @notice A market's limit, and what of it is free now
    @param market Market id
    @return Capacity, seconds to refill, free notional; zeros for no limit
    """
    b: packing.Bucket = rate_limit._bucket(market)
    return ILiquidationEngine.RateLimit(
        capacity=b.capacity, refill_seconds=b.refill_seconds, free=rate_limit._free(b)
    )


@external
@view
@reentrant
def bucket_word(market: uint256) -> uint256:
    """
    @notice What a market's limit has stored (lib/packing.vy); 0 for no limit. Nothing of it changes during a call of this contract
            but by that call itself.
    @param market Market id
    """
    return rate_limit.words[market]


@external
@view
def vault() -> address:
    """
    @notice The vault whose accounts are liquidated
    """
    return VAULT


def _take_over(
    account: uint256,
    market: uint256,
    max_size: uint256,
    liquidator: uint256,
    limit_price: uint256,
    words: IMarginVault.LiquidationWords,
) -> IMarginVaultLiquidation.TakeOver:
    """
    @param words What the vault says now
    """
    self._require_controller(liquidator)
    admitted: Admitted = self._admitted(account, market, words, max_size)
    # The constructor has seen that the vault has code.
    taken: IMarginVaultLiquidation.TakeOver = extcall IMarginVaultLiquidation(VAULT).take_over(
        account, market, admitted.size, liquidator, limit_price, skip_contract_check=True
    )
    if admitted.bucket.capacity != 0:
        self._count(market, admitted.bucket, fixed_math._magnitude(taken.size), words.mark)
    return taken


def _count(market: uint256, bucket: packing.Bucket, size: uint256, mark: uint256):
    rate_limit._count(market, bucket, fixed_math._mul_div_up(size, mark, units.WAD))


@view
def _words(account: uint256, market: uint256) -> IMarginVault.LiquidationWords:
    return staticcall IMarginVault(VAULT).liquidation_words(account, market, skip_contract_check=True)


def _renewed(account: uint256, market: uint256) -> IMarginVault.LiquidationWords:
    """
    @notice `_words`; those of an account in several markets after renewing their marks
    """
    words: IMarginVault.LiquidationWords = self._words(account, market)
    bits: uint256 = self._bits_of(words)
    if mark_renewal._are_several(bits):
        mark_renewal._renew(VAULT, bits)
        return self._words(account, market)
    return words


@pure
def _bits_of(words: IMarginVault.LiquidationWords) -> uint256:
    return mark_renewal._bits_of(words.account)


@view
def _admitted(
    account: uint256, market: uint256, words: IMarginVault.LiquidationWords, max_size: uint256
) -> Admitted:
    """
    @notice How much of `max_size` may be asked for
    @param words What the vault says now
    """
    out: Admitted = Admitted(size=max_size, bucket=rate_limit._bucket(market))
    if mark_renewal._are_several(self._bits_of(words)):
        out.size = min(out.size, self._most_by_order(account, market))
    if out.bucket.capacity == 0:
        return out
    room: uint256 = fixed_math._mul_div_down(
        rate_limit._free(out.bucket), units.WAD, max(words.mark, 1)
    )
    # who asks for all of a position that fits needs no plan; what is stored is never less than what there is
    if min(out.size, words.position & packing.MASK_112) > room:
        out.size = self._most_by_rate(account, market, out.size, room)
    return out


@view
def _most_by_order(account: uint256, market: uint256) -> uint256:
    """
    @dev Reverts "liquidation: larger side first"
    """
    e: IMarginVaultViews.Exposure = self._exposure(account, market)
    if min(e.longs, e.shorts) == 0:
        return max_value(uint256)
    assert (
        liquidation_order._markets(e) & packing._bit(market) != 0
    ), "liquidation: larger side first"
    plan: IMarginVaultViews.LiquidationPlan = self._plan(account, market, max_value(uint256))
    return liquidation_order._most(e, fixed_math._magnitude(plan.change))


@view
def _most_by_rate(account: uint256, market: uint256, size: uint256, room: uint256) -> uint256:
    """
    @notice How much of `size` may be liquidated if the market's limit leaves `room`, base
    @dev Reverts "liquidation: rate limit" if that is less than the least size
    """
    plan: IMarginVaultViews.LiquidationPlan = self._plan(account, market, size)
    if (
        plan.is_absorbable
        or plan.health < URGENT_HEALTH
        or fixed_math._magnitude(plan.change) <= room
    ):
        return size
    e: IMarginVaultViews.Exposure = self._exposure(account, market)
    least: uint256 = fixed_math._mul_div_up(e.minimum_notional, units.WAD, e.mark)
    # what stays must not be too small either
    most: uint256 = min(
        room, fixed_math._saturating_sub(fixed_math._magnitude(e.size), least + SETTLING)
    )
    assert most >= least, "liquidation: rate limit"
    return most


@view
def _exposure(account: uint256, market: uint256) -> IMarginVaultViews.Exposure:
    return staticcall IMarginVaultViews(VAULT).exposure(account, market, skip_contract_check=True)


@view
def _plan(account: uint256, market: uint256, max_size: uint256) -> IMarginVaultViews.LiquidationPlan:
    return staticcall IMarginVaultViews(VAULT).liquidation_plan(
        account, market, max_size, skip_contract_check=True
    )


def _buy_inventory(market: uint256, buyer: uint256, max_size: uint256, limit_price: uint256) -> int256:
    self._require_controller(buyer)
    return extcall IMarginVaultAuction(VAULT).buy_inventory(
        market, buyer, max_size, limit_price, skip_contract_check=True
    )


def _refresh(market: uint256):
    """
    @notice Renew a market's mark; costs little if it was renewed in this second
    """
    extcall IMarginVaultCrisis(VAULT).update_mark(market, skip_contract_check=True)


def _absorb(account: uint256, keeper: uint256, bits: uint256) -> int256:
    """
    @param bits The account's markets, read before they are gone
    """
    self._require_keeper(keeper)
    equity: int256 = extcall IMarginVaultBankruptcy(VAULT).absorb(account, keeper, skip_contract_check=True)
    # With equity left no part of the account is negative, and there is nothing to pay.
    if equity < 0:
        self._pay_claims(self._with_markets([], bits))
    return equity


def _pay_claims(losing: DynArray[uint256, units.MAX_MARKETS]):
    """
    @notice Let the fund pay, market by market, and go on if it does not
    @dev A claim that is not paid stays open: nobody's turn is lost, and anybody may have it paid later.
         Reverts "liquidation: not enough gas"
    """
    for market: uint256 in losing:
        assert msg.gas >= PAY_CLAIMS_GAS_RESERVE, "liquidation: not enough gas"
        is_called: bool = False
        answer: Bytes[REASON_BYTES] = b""
        is_called, answer = raw_call(
            VAULT,
            abi_encode(market, method_id=method_id("pay_claims(uint256)")),
            max_outsize=REASON_BYTES,
            gas=PAY_CLAIMS_GAS,
            revert_on_failure=False,
        )
        if not is_called:
            log ILiquidationEngine.ClaimsNotPaid(market=market, reason=answer)


@view
def _market_bits(account: uint256) -> uint256:
    """
    @notice The markets an absorption of the account would touch, one bit each
    """
    bits: uint256 = mark_renewal._market_bits(VAULT, account)
    return bits if bits != 0 else NO_POSITION_MARKET


@pure
def _with_markets(
    listed: DynArray[uint256, units.MAX_MARKETS], bits: uint256
) -> DynArray[uint256, units.MAX_MARKETS]:
    """
    @notice The list and, behind it, the markets in `bits` that it lacks: claims are paid oldest first, and
            this is the order in which the vault files them
    """
    out: DynArray[uint256, units.MAX_MARKETS] = listed
    for market: uint256 in range(units.MAX_MARKETS):
        if (bits >> market) & 1 == 1 and market not in out:
            out.append(market)
    return out


@view
def _require_controller(account: uint256):
    """
    @dev Reverts "liquidation: not operator"
    """
    owner: address = convert(account >> 96, address)
    if msg.sender != owner:
        assert staticcall IMarginVault(VAULT).is_operator(
            owner, msg.sender, skip_contract_check=True
        ), "liquidation: not operator"


@pure
def _require_keeper(keeper: uint256):
    """
    @dev Reverts "liquidation: zero keeper"
    """
    assert keeper >> 96 != 0, "liquidation: zero keeper"
