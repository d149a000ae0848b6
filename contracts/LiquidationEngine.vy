# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title LiquidationEngine
@license AGPL-3.0-only
@author Lastline
@notice The door keepers use for accounts in trouble: take-over, absorption, and sale of what absorption left.
        It makes sure that whoever takes a position into an account may act for that account; who is eligible,
        every size and every price are computed by the vault.

        Trust: holds no money, keeps no state, has no owner. The vault accepts one engine and governance may
        name another. A hostile one could choose whom and when within the vault's rules, and take positions at
        the vault's price into accounts that did not ask for them; it could not move money.

        The reward of an absorption may go to any account, as a deposit may: a keeper's hot key then needs no
        operator rights over the account that earns.
"""

from .interfaces import ILiquidationEngine
from .interfaces import IMarginVault
from .interfaces import IMarginVaultAuction
from .interfaces import IMarginVaultBankruptcy
from .interfaces import IMarginVaultCrisis
from .interfaces import IMarginVaultLiquidation
from .lib import mark_renewal
from .lib import packing
from .lib import units

implements: ILiquidationEngine

MAX_ACCOUNTS: public(constant(uint256)) = 16
# The fund's part gets this much gas for each market and no more, so one that burns all it gets cannot stop an
# absorption. The vault asks for 500,000 of it before it calls the fund.
PAY_CLAIMS_GAS: public(constant(uint256)) = 1_500_000
# Left before that call, so that 63/64 of it still covers PAY_CLAIMS_GAS: who calls cannot choose that nothing
# is paid.
PAY_CLAIMS_GAS_RESERVE: public(constant(uint256)) = 1_600_000

# Selector, offset, length and 32 bytes of text of an Error(string).
REASON_BYTES: constant(uint256) = 100
# Bit of the market that is charged with what an account without positions owes.
NO_POSITION_MARKET: constant(uint256) = 1

VAULT: immutable(address)


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
    @dev Reverts "liquidation: not operator" and whatever the vault reverts with
    @param account Account being liquidated (owner << 96 | sub-account)
    @param market Market id
    @param max_size Most to take, base, 18 decimals
    @param liquidator Account that takes it; the caller is its owner or an operator of the owner
    @param limit_price Worst price for the liquidator, quote per base, 18 decimals
    @return Change of the liquidated position, price, and fee
    @custom:invariant I9
    """
    mark_renewal._renew_if_several(VAULT, self._market_bits(account))
    return self._take_over(account, market, max_size, liquidator, limit_price)


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
    bits: uint256 = self._market_bits(account)
    if bits & unsafe_sub(bits, 1) != 0:
        mark_renewal._renew(VAULT, bits & ~packing._bit(market))
    return self._take_over(account, market, max_size, liquidator, limit_price)


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
def vault() -> address:
    """
    @notice The vault whose accounts are liquidated
    """
    return VAULT


def _take_over(
    account: uint256, market: uint256, max_size: uint256, liquidator: uint256, limit_price: uint256
) -> IMarginVaultLiquidation.TakeOver:
    self._require_controller(liquidator)
    # The constructor has seen that the vault has code.
    return extcall IMarginVaultLiquidation(VAULT).take_over(
        account, market, max_size, liquidator, limit_price, skip_contract_check=True
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
