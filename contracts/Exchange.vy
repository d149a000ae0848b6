# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title Exchange
@license AGPL-3.0-only
@author Lastline
@notice Matches EIP-712 signed orders, of keys and of ERC-1271 wallets, and hands the fills to the vault in one call.
        Keeps no money: only how much of each order is filled, what is cancelled, and the fee rates.

        Trust: the vault believes this contract that the owners of the accounts agreed, so whoever could replace it
        could trade a victim badly within the vault's price band. Governance sets fee rates, never above
        MAX_FEE_RATE, and no order pays more than the rate its signer agreed to. Whoever submits orders chooses
        which of them meet, which one takes, and how much of each is filled, never beyond what was signed.

        Signatures are checked by static calls, before the order's state is read; that state is written before the
        vault is called; the lock covers every call but the two views that read no changing state.
"""

from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import eip712_domain_separator as eip712

from .interfaces import IExchange
from .interfaces import IMarginVault
from .interfaces import IMarginVaultMembership
from .interfaces import IMarginVaultOrderClose
from .interfaces import IMarginVaultViews
from .lib import mark_renewal
from .lib import order_hash as order_hashing
from .lib import units

implements: IExchange

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: eip712

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)
exports: eip712.eip712Domain


# What the makers of one call are matched with.
struct Terms:
    account: uint256
    market: uint256
    is_buy: bool
    limit_price: uint256
    maker_rate: uint256


# An order that passed every check of its own.
struct Opened:
    digest: bytes32
    left: uint256  # base, more than zero
    lane_word: uint256  # as it would be written if nothing more were filled


MAX_MAKERS: public(constant(uint256)) = 16
MAX_SIZE: public(constant(uint256)) = 2**111 - 1
MAX_FEE_RATE: public(constant(uint256)) = units.MAX_FEE_RATE
# A sequence is era << ERA_SHIFT | number.
ERA_SHIFT: public(constant(uint256)) = 44
MAX_ERA: public(constant(uint256)) = 2**20 - 1

ACCOUNT_SHIFT: constant(uint256) = 96

# Layout of a lane's word: filled 128 @0 | hash tag 64 @128 | sequence 64 @192. `filled` is at most MAX_SIZE, or
# FILLED_CANCELLED.
TAG_SHIFT: constant(uint256) = 128
SEQUENCE_SHIFT: constant(uint256) = 192
FILLED_MASK: constant(uint256) = 2**128 - 1
TAG_MASK: constant(uint256) = 2**64 - 1
ERA_WORD_SHIFT: constant(uint256) = SEQUENCE_SHIFT + ERA_SHIFT
# The same in the upper half of the word alone.
KEY_SEQUENCE_SHIFT: constant(uint256) = SEQUENCE_SHIFT - TAG_SHIFT
KEY_ERA_SHIFT: constant(uint256) = ERA_WORD_SHIFT - TAG_SHIFT
FILLED_CANCELLED: constant(uint256) = FILLED_MASK
# Why an order has no filled amount; all above FILLED_CANCELLED - 1.
DEAD_CANCELLED: constant(uint256) = FILLED_CANCELLED
DEAD_SUPERSEDED: constant(uint256) = FILLED_CANCELLED + 1
DEAD_ERA: constant(uint256) = FILLED_CANCELLED + 2

# Layout of a market's fee word: maker rate 128 @0 | taker rate 128 @128.
TAKER_RATE_SHIFT: constant(uint256) = 128
MAKER_RATE_MASK: constant(uint256) = 2**128 - 1

ERC1271_MAGIC: constant(bytes4) = 0x1626BA7E
MAX_SIGNATURE: constant(uint256) = 520
KEY_SIGNATURE: constant(uint256) = 65
# Half the order of secp256k1: of the two signatures (s, n - s) only the lower is accepted.
MAX_S: constant(uint256) = (
    57_896_044_618_658_097_711_785_492_504_343_953_926_418_782_139_537_452_191_302_581_570_759_080_747_168
)

VAULT: immutable(IMarginVault)

lanes: HashMap[uint256, HashMap[uint64, uint256]]
fee_words: HashMap[uint256, uint256]


@deploy
def __init__(governance: address, vault: address):
    """
    @notice Start with all fee rates zero
    @dev Reverts "exchange: zero governance", "exchange: vault has no code"
    @param governance First owner
    @param vault The vault that keeps the positions
    """
    assert governance != empty(address), "exchange: zero governance"
    assert vault.is_contract, "exchange: vault has no code"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(governance)
    eip712.__init__("Lastline", "1")
    VAULT = IMarginVault(vault)


@external
def trade(
    account: uint256,
    market: uint256,
    size: int256,
    limit_price: uint256,
    min_fill: uint256,
    is_reduce_only: bool,
    max_fee_rate: uint256,
    makers: DynArray[IExchange.SignedOrder, MAX_MAKERS],
) -> uint256:
    """
    @notice Trade the caller's account against signed orders, each at its own limit price, in the order given, until
            `size` is reached; orders beyond that are left untouched
    @dev Reverts "exchange: not owner or operator", "exchange: fill too small", what `match_orders` reverts with
         for its makers, and whatever the vault reverts with
    @param account Account that trades; the caller is its owner or an operator of the owner
    @param market Market id
    @param size Most to trade, base, 18 decimals, signed (buy > 0)
    @param limit_price Worst price of any single fill, quote per base, 18 decimals
    @param min_fill Least to be filled in total, base, 18 decimals (|size|: all or nothing)
    @param is_reduce_only True if the account's position may only shrink
    @param max_fee_rate Most the account pays, share of notional, 18 decimals
    @param makers Signed orders of the other side
    @return Base filled, 18 decimals
    """
    self._require_controller(account)
    maker_rate: uint256 = 0
    taker_rate: uint256 = 0
    maker_rate, taker_rate = self._fee_rates(market)
    assert taker_rate <= max_fee_rate, "exchange: fee above limit"
    amount: uint256 = self._magnitude(size)
    terms: Terms = Terms(
        account=account, market=market, is_buy=size > 0, limit_price=limit_price, maker_rate=maker_rate
    )
    domain: bytes32 = eip712._domain_separator_v4()

    filled: uint256 = 0
    fills: DynArray[IMarginVault.MakerFill, MAX_MAKERS] = []
    for i: uint256 in range(len(makers), bound=MAX_MAKERS):
        if filled == amount:
            break
        opened: Opened = self._open(makers[i], maker_rate, domain)
        fill: IMarginVault.MakerFill = self._fill_maker(
            makers[i].order, opened, terms, unsafe_sub(amount, filled)
        )
        filled = unsafe_add(filled, convert(abs(fill.size), uint256))
        fills.append(fill)
    assert filled >= min_fill, "exchange: fill too small"
    assert filled != 0, "exchange: no makers"

    self._settle(market, account, taker_rate, is_reduce_only, fills)
    return filled


@external
def take(
    account: uint256,
    size: int256,
    min_fill: uint256,
    is_reduce_only: bool,
    max_fee_rate: uint256,
    maker: IExchange.SignedOrder,
) -> uint256:
    """
    @notice Trade the caller's account against one signed order, at that order's limit price: `trade` with one maker,
            cheaper
    @dev Reverts "exchange: not owner or operator", "exchange: fill too small", what `match_orders` reverts with
         for its makers, and whatever the vault reverts with
    @param account Account that trades; the caller is its owner or an operator of the owner
    @param size Most to trade, base, 18 decimals, signed (buy > 0)
    @param min_fill Least to be filled, base, 18 decimals (|size|: all or nothing)
    @param is_reduce_only True if the account's position may only shrink
    @param max_fee_rate Most the account pays, share of notional, 18 decimals
    @param maker Signed order of the other side
    @return Base filled, 18 decimals
    """
    self._require_controller(account)
    maker_rate: uint256 = 0
    taker_rate: uint256 = 0
    maker_rate, taker_rate = self._fee_rates(maker.order.market)
    assert taker_rate <= max_fee_rate, "exchange: fee above limit"
    amount: uint256 = self._magnitude(size)
    terms: Terms = Terms(
        account=account,
        market=maker.order.market,
        is_buy=size > 0,
        limit_price=maker.order.limit_price,
        maker_rate=maker_rate,
    )
    opened: Opened = self._open(maker, maker_rate, eip712._domain_separator_v4())
    fill: IMarginVault.MakerFill = self._fill_maker(maker.order, opened, terms, amount)
    filled: uint256 = convert(abs(fill.size), uint256)
    assert filled >= min_fill, "exchange: fill too small"
    self._settle(terms.market, account, taker_rate, is_reduce_only, [fill])
    return filled


@external
def match_orders(
    taker: IExchange.SignedOrder, makers: DynArray[IExchange.SignedOrder, MAX_MAKERS]
) -> uint256:
    """
    @notice Match one signed order with others, as `trade` does; anyone may
    @dev What is not filled of an order stays fillable. The caller chooses which crossing order is the taker; an
         order that must not be one is signed post-only.
         Reverts "exchange: bad signature", "exchange: wrong signer", "exchange: order expired",
         "exchange: zero size", "exchange: size too large", "exchange: fee above limit", "exchange: wrong era",
         "exchange: order cancelled", "exchange: order superseded", "exchange: order filled",
         for the taker "exchange: post-only taker", for makers "exchange: no makers", "exchange: wrong market",
         "exchange: same side", "exchange: prices do not cross", "exchange: self trade",
         and whatever the vault reverts with
    @param taker Order that pays the taker fee
    @param makers Signed orders of the other side
    @return Base filled, 18 decimals
    """
    assert not taker.order.is_post_only, "exchange: post-only taker"
    maker_rate: uint256 = 0
    taker_rate: uint256 = 0
    maker_rate, taker_rate = self._fee_rates(taker.order.market)
    domain: bytes32 = eip712._domain_separator_v4()
    taken: Opened = self._open(taker, taker_rate, domain)
    terms: Terms = Terms(
        account=taker.order.account,
        market=taker.order.market,
        is_buy=taker.order.size > 0,
        limit_price=taker.order.limit_price,
        maker_rate=maker_rate,
    )

    filled: uint256 = 0
    fills: DynArray[IMarginVault.MakerFill, MAX_MAKERS] = []
    for i: uint256 in range(len(makers), bound=MAX_MAKERS):
        if filled == taken.left:
            break
        opened: Opened = self._open(makers[i], maker_rate, domain)
        fill: IMarginVault.MakerFill = self._fill_maker(
            makers[i].order, opened, terms, unsafe_sub(taken.left, filled)
        )
        filled = unsafe_add(filled, convert(abs(fill.size), uint256))
        fills.append(fill)
    assert filled != 0, "exchange: no makers"

    lane_word: uint256 = unsafe_add(taken.lane_word, filled)
    self.lanes[taker.order.account][taker.order.lane] = lane_word
    log IExchange.TakerOrderFilled(
        account=taker.order.account,
        order_hash=taken.digest,
        market=terms.market,
        size=self._signed(filled, terms.is_buy),
        lane=taker.order.lane,
        lane_word=lane_word,
    )
    self._settle(terms.market, terms.account, taker_rate, taker.order.is_reduce_only, fills)
    return filled


@external
def liquidate(
    account: uint256,
    market: uint256,
    max_size: uint256,
    makers: DynArray[IExchange.SignedOrder, MAX_MAKERS],
    keeper: uint256,
) -> (uint256, uint256):
    """
    @notice Close part of an unhealthy account's position against signed orders, each at its own limit price, in the
            order given, until the size of a take-over is reached; orders beyond that are left untouched. Anyone may.
    @dev An account in several markets is judged at marks renewed in this call, where the oracle has a price.
         Every order must be at least as good for the account as a take-over. Reverts "exchange: zero keeper",
         "exchange: not liquidatable", what `match_orders` reverts with for its makers, and whatever the vault reverts
         with
    @param account Account being liquidated (owner << 96 | sub-account)
    @param market Market id
    @param max_size Most to close, base, 18 decimals
    @param makers Signed orders of the other side; they pay the maker fee
    @param keeper Account credited with the reward, out of what the liquidated account saves against a take-over; none
           if both have one owner
    @return Base closed and the keeper's reward in quote, 18 decimals
    @custom:invariant I9
    """
    assert keeper >> ACCOUNT_SHIFT != 0, "exchange: zero keeper"
    mark_renewal._renew_if_several(
        VAULT.address, mark_renewal._market_bits(VAULT.address, account)
    )
    plan: IMarginVaultViews.LiquidationPlan = self._liquidation_plan(account, market, max_size)
    terms: Terms = Terms(
        account=account,
        market=market,
        is_buy=plan.change > 0,
        limit_price=plan.price,
        maker_rate=self._fee_rates(market)[0],
    )
    amount: uint256 = convert(abs(plan.change), uint256)
    domain: bytes32 = eip712._domain_separator_v4()

    filled: uint256 = 0
    fills: DynArray[IMarginVault.MakerFill, MAX_MAKERS] = []
    for i: uint256 in range(len(makers), bound=MAX_MAKERS):
        if filled == amount:
            break
        opened: Opened = self._open(makers[i], terms.maker_rate, domain)
        fill: IMarginVault.MakerFill = self._fill_maker(
            makers[i].order, opened, terms, unsafe_sub(amount, filled)
        )
        filled = unsafe_add(filled, convert(abs(fill.size), uint256))
        fills.append(fill)
    assert filled != 0, "exchange: no makers"

    reward: uint256 = extcall IMarginVaultOrderClose(VAULT.address).close_with_orders(
        market, account, keeper, fills, skip_contract_check=True
    )
    return filled, reward


@external
def cancel(account: uint256, lane: uint64, sequence: uint64):
    """
    @notice Kill every order of one lane up to and including `sequence`; only the owner or an operator
    @dev Reverts "exchange: not owner or operator", "exchange: wrong era" (such orders are dead or not yet alive),
         "exchange: order superseded" (a newer order holds the lane; cancel that)
    @param account Account (owner << 96 | sub-account)
    @param lane Lane of the account
    @param sequence Last sequence that dies
    """
    self._require_controller(account)
    last: uint256 = convert(sequence, uint256)
    assert last >> ERA_SHIFT == self._era(account), "exchange: wrong era"
    assert last >= self.lanes[account][lane] >> SEQUENCE_SHIFT, "exchange: order superseded"
    word: uint256 = (last << SEQUENCE_SHIFT) | FILLED_CANCELLED
    self.lanes[account][lane] = word
    log IExchange.OrdersCancelled(account=account, lane=lane, lane_word=word)


@external
def cancel_all(account: uint256):
    """
    @notice Kill every order of the account's present era, in all lanes, and start the next era; only the owner or
            an operator
    @dev Reverts "exchange: not owner or operator", "exchange: eras used up" (after 2**20 - 1 calls)
    @param account Account (owner << 96 | sub-account)
    """
    self._require_controller(account)
    era: uint256 = self._era(account)
    assert era < MAX_ERA, "exchange: eras used up"
    era = unsafe_add(era, 1)
    word: uint256 = (era << ERA_WORD_SHIFT) | FILLED_CANCELLED
    self.lanes[account][0] = word
    log IExchange.AllOrdersCancelled(account=account, era=era, lane_word=word)


@external
def set_fee_rates(market: uint256, maker_rate: uint256, taker_rate: uint256):
    """
    @notice Set the fee rates of a market; governance only
    @dev Reverts "ownable: caller is not the owner", "exchange: bad market id", "exchange: fee too high",
         "exchange: maker above taker"
    @param market Market id
    @param maker_rate Share of notional, 18 decimals, at most `taker_rate`
    @param taker_rate Share of notional, 18 decimals, at most 0.1 %
    """
    ownable._check_owner()
    assert market < units.MAX_MARKETS, "exchange: bad market id"
    assert taker_rate <= MAX_FEE_RATE, "exchange: fee too high"
    assert maker_rate <= taker_rate, "exchange: maker above taker"
    old_maker_rate: uint256 = 0
    old_taker_rate: uint256 = 0
    old_maker_rate, old_taker_rate = self._fee_rates(market)
    self.fee_words[market] = (taker_rate << TAKER_RATE_SHIFT) | maker_rate
    log IExchange.FeeRatesSet(
        market=market,
        old_maker_rate=old_maker_rate,
        old_taker_rate=old_taker_rate,
        maker_rate=maker_rate,
        taker_rate=taker_rate,
    )


@external
@view
def vault() -> address:
    """
    @notice The vault that keeps the positions
    """
    return VAULT.address


@external
@view
def fee_rates(market: uint256) -> (uint256, uint256):
    """
    @notice Maker and taker fee rate of a market
    @param market Market id
    @return Maker rate and taker rate, share of notional, 18 decimals
    """
    return self._fee_rates(market)


@external
@view
@reentrant
def domain_separator() -> bytes32:
    """
    @notice EIP-712 domain separator on the present chain. Safe to call during a trade.
    """
    return eip712._domain_separator_v4()


@external
@view
@reentrant
def order_hash(order: IExchange.Order) -> bytes32:
    """
    @notice EIP-712 digest of an order: what is signed. Safe to call during a trade.
    @param order The order
    @return Digest
    """
    return order_hashing._digest(order, eip712._domain_separator_v4())


@external
@view
def remaining(order: IExchange.Order) -> uint256:
    """
    @notice How much of an order can still be filled, its signature and the vault's checks aside
    @param order The order
    @return Base, 18 decimals; zero if expired, cancelled, superseded, of another era, or malformed
    """
    if block.timestamp > order.expiry or order.size == min_value(int256):
        return 0
    amount: uint256 = convert(abs(order.size), uint256)
    digest: bytes32 = order_hashing._digest(order, eip712._domain_separator_v4())
    filled: uint256 = self._filled_so_far(order.account, order.lane, self._lane_key(order.sequence, digest))
    if amount > MAX_SIZE or filled >= amount:
        return 0
    return amount - filled


@external
@view
def lane_state(account: uint256, lane: uint64) -> IExchange.LaneState:
    """
    @notice What a lane holds
    @param account Account (owner << 96 | sub-account)
    @param lane Lane of the account
    @return The account's era and the lane's sequence, hash tag and filled amount
    """
    word: uint256 = self.lanes[account][lane]
    filled: uint256 = word & FILLED_MASK
    is_cancelled: bool = filled == FILLED_CANCELLED
    return IExchange.LaneState(
        era=self._era(account),
        sequence=convert(word >> SEQUENCE_SHIFT, uint64),
        hash_tag=convert((word >> TAG_SHIFT) & TAG_MASK, uint64),
        filled=0 if is_cancelled else filled,
        is_cancelled=is_cancelled,
    )


@internal
def _liquidation_plan(
    account: uint256, market: uint256, max_size: uint256
) -> IMarginVaultViews.LiquidationPlan:
    # Exact only where nothing is pending for the account.
    plan: IMarginVaultViews.LiquidationPlan = staticcall IMarginVaultViews(
        VAULT.address
    ).liquidation_plan(account, market, max_size)
    if plan.unsettled != 0:
        for other: uint256 in range(units.MAX_MARKETS):
            if (plan.unsettled >> other) & 1 == 1:
                extcall IMarginVaultMembership(VAULT.address).touch(account, other)
        plan = staticcall IMarginVaultViews(VAULT.address).liquidation_plan(account, market, max_size)
    assert plan.change != 0, "exchange: not liquidatable"
    return plan


@internal
@view
def _open(signed: IExchange.SignedOrder, fee_rate: uint256, domain: bytes32) -> Opened:
    # Check an order on its own: first the signature, then the order, then its lane.
    digest: bytes32 = order_hashing._digest(signed.order, domain)
    owner: address = convert(signed.order.account >> ACCOUNT_SHIFT, address)
    signer: address = signed.signer
    if signer == empty(address):
        signer = owner
    recovered: address = empty(address)
    if len(signed.signature) == KEY_SIGNATURE:
        s: uint256 = extract32(signed.signature, 32, output_type=uint256)
        if s <= MAX_S:
            v: uint256 = extract32(signed.signature, 33, output_type=uint256) & 255
            recovered = ecrecover(digest, v, extract32(signed.signature, 0, output_type=uint256), s)
        # A key first: looking whether the signer has code would cost as much as recovering a signature.
    if recovered == empty(address) or recovered != signer:
        self._require_wallet_signature(signer, digest, signed.signature)
    if signer != owner:
        assert staticcall VAULT.is_operator(owner, signer), "exchange: wrong signer"

    assert block.timestamp <= signed.order.expiry, "exchange: order expired"
    assert fee_rate <= signed.order.max_fee_rate, "exchange: fee above limit"
    amount: uint256 = self._magnitude(signed.order.size)
    key: uint256 = self._lane_key(signed.order.sequence, digest)
    filled: uint256 = self._filled_so_far(signed.order.account, signed.order.lane, key)
    if filled >= amount:
        self._refuse(filled)
    return Opened(digest=digest, left=unsafe_sub(amount, filled), lane_word=(key << TAG_SHIFT) | filled)


@internal
def _fill_maker(
    order: IExchange.Order, opened: Opened, terms: Terms, wanted: uint256
) -> IMarginVault.MakerFill:
    # Fill one maker's order by at most `wanted`.
    assert order.market == terms.market, "exchange: wrong market"
    if terms.is_buy:
        assert order.size < 0, "exchange: same side"
        assert order.limit_price <= terms.limit_price, "exchange: prices do not cross"
    else:
        assert order.size > 0, "exchange: same side"
        assert order.limit_price >= terms.limit_price, "exchange: prices do not cross"
    assert (order.account ^ terms.account) >> ACCOUNT_SHIFT != 0, "exchange: self trade"

    filled: uint256 = min(opened.left, wanted)
    # Cannot reach the hash tag: filled in total is at most MAX_SIZE.
    lane_word: uint256 = unsafe_add(opened.lane_word, filled)
    self.lanes[order.account][order.lane] = lane_word
    size: int256 = self._signed(filled, not terms.is_buy)
    log IExchange.OrderFilled(
        account=order.account,
        order_hash=opened.digest,
        market=terms.market,
        counterparty=terms.account,
        size=size,
        price=order.limit_price,
        lane=order.lane,
        lane_word=lane_word,
    )
    return IMarginVault.MakerFill(
        account=order.account,
        size=size,
        price=order.limit_price,
        fee_rate=terms.maker_rate,
        is_reduce_only=order.is_reduce_only,
    )


@internal
@view
def _require_wallet_signature(wallet: address, digest: bytes32, signature: Bytes[MAX_SIGNATURE]):
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        wallet,
        abi_encode(digest, signature, method_id=ERC1271_MAGIC),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    # An address without code succeeds with an empty answer.
    is_valid: bool = False
    if success and len(answer) == 32:
        is_valid = convert(answer, bytes32) == convert(ERC1271_MAGIC, bytes32)
    assert is_valid, "exchange: bad signature"


@internal
@view
def _filled_so_far(account: uint256, lane: uint64, key: uint256) -> uint256:
    # Base filled of an order, or one of the DEAD_ codes.
    word: uint256 = self.lanes[account][0]
    if key >> KEY_ERA_SHIFT != word >> ERA_WORD_SHIFT:
        return DEAD_ERA
    if lane != 0:
        word = self.lanes[account][lane]
    if key >> KEY_SEQUENCE_SHIFT > word >> SEQUENCE_SHIFT:
        return 0
    filled: uint256 = word & FILLED_MASK
    if filled == FILLED_CANCELLED:
        return DEAD_CANCELLED
    if key != word >> TAG_SHIFT:
        return DEAD_SUPERSEDED
    return filled


@internal
@pure
def _refuse(code: uint256):
    assert code != DEAD_ERA, "exchange: wrong era"
    assert code != DEAD_CANCELLED, "exchange: order cancelled"
    assert code != DEAD_SUPERSEDED, "exchange: order superseded"
    raise "exchange: order filled"


@internal
@pure
def _lane_key(sequence: uint64, digest: bytes32) -> uint256:
    # The upper half of the order's lane word: sequence and hash tag.
    return (convert(sequence, uint256) << KEY_SEQUENCE_SHIFT) | (convert(digest, uint256) & TAG_MASK)


@internal
def _settle(
    market: uint256,
    taker: uint256,
    taker_rate: uint256,
    is_reduce_only: bool,
    fills: DynArray[IMarginVault.MakerFill, MAX_MAKERS],
):
    # The constructor has seen that the vault has code.
    extcall VAULT.fill(market, taker, taker_rate, is_reduce_only, fills, skip_contract_check=True)


@internal
@view
def _fee_rates(market: uint256) -> (uint256, uint256):
    word: uint256 = self.fee_words[market]
    return word & MAKER_RATE_MASK, word >> TAKER_RATE_SHIFT


@internal
@view
def _era(account: uint256) -> uint256:
    return self.lanes[account][0] >> ERA_WORD_SHIFT


@internal
@view
def _require_controller(account: uint256):
    owner: address = convert(account >> ACCOUNT_SHIFT, address)
    if msg.sender != owner:
        assert staticcall VAULT.is_operator(owner, msg.sender), "exchange: not owner or operator"


@internal
@pure
def _magnitude(size: int256) -> uint256:
    assert size != 0, "exchange: zero size"
    assert size != min_value(int256), "exchange: size too large"
    magnitude: uint256 = convert(abs(size), uint256)
    assert magnitude <= MAX_SIZE, "exchange: size too large"
    return magnitude


@internal
@pure
def _signed(magnitude: uint256, is_positive: bool) -> int256:
    size: int256 = convert(magnitude, int256)
    return size if is_positive else unsafe_sub(0, size)
