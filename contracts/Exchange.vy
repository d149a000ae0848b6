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

        A builder (whoever brought the order: a front end, a relayer) earns the share of notional that the order's
        signer agreed to. The vault takes it with the market's fee, and is then told to pay it to the builder's account.

        Signatures are checked by static calls, before the order's state is read; that state is written before the
        vault is called; the lock covers every call but the two views that read no changing state, and `fill_alone`,
        which this contract alone may call, while it holds the lock.
"""

from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import eip712_domain_separator as eip712

from .interfaces import IExchange
from .interfaces import ILiquidationEngine
from .interfaces import IMarginVault
from .interfaces import IMarginVaultCrisis
from .interfaces import IMarginVaultMembership
from .interfaces import IMarginVaultOrderClose
from .interfaces import IMarginVaultViews
from .lib import fixed_math
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
# Most gas that one maker may use in a batch that skips: several times what an ordinary fill costs, and little enough
# that a batch of 16 is within the 2**24 gas a transaction may have (EIP-7825).
MAKER_GAS: public(constant(uint256)) = 800_000
# What such a batch must have when it starts, so that whatever its makers burn it can go on to the end: for each maker its
# gas, the call and the log of its skipping; and once the 1/64 that a call leaves behind, the taker's lane and builder.
GAS_PER_MAKER: constant(uint256) = MAKER_GAS + 20_000
GAS_RESERVE: constant(uint256) = 150_000
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

# Time in force.
GOOD_TILL_CANCELLED: constant(uint8) = 0
POST_ONLY: constant(uint8) = 1
IMMEDIATE_OR_CANCEL: constant(uint8) = 2
FILL_OR_KILL: constant(uint8) = 3

ERC1271_MAGIC: constant(bytes4) = 0x1626BA7E
MAX_SIGNATURE: constant(uint256) = 520
KEY_SIGNATURE: constant(uint256) = 65
# Half the order of secp256k1: of the two signatures (s, n - s) only the lower is accepted.
MAX_S: constant(uint256) = (
    57_896_044_618_658_097_711_785_492_504_343_953_926_418_782_139_537_452_191_302_581_570_759_080_747_168
)

FILL_ALONE: constant(bytes4) = method_id(
    "fill_alone(((uint256,uint256,int256,uint256,uint256,uint64,uint64,bool,uint8,uint256,uint256,uint256),address,bytes),uint256,uint256,bool,uint256,uint256,uint256,bool,uint256)",
    output_type=bytes4,
)
# How a contract without custom errors says why it reverts: Error(string), here with a text of at most 32 bytes.
ERROR_SELECTOR: constant(bytes4) = 0x08C379A0
MAX_ERROR: constant(uint256) = 100

VAULT: immutable(IMarginVault)

lanes: HashMap[uint256, HashMap[uint64, uint256]]
fee_words: HashMap[uint256, uint256]
# Quote that the call at hand owes to builders, by account; zero between calls.
dues: transient(HashMap[uint256, uint256])


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
    has_builder: bool = False
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
        if fill.fee_rate != maker_rate:
            has_builder = True
    assert filled >= min_fill, "exchange: fill too small"
    assert filled != 0, "exchange: no makers"

    self._settle(market, account, taker_rate, is_reduce_only, fills)
    if has_builder:
        for i: uint256 in range(len(fills), bound=MAX_MAKERS):
            self._owe(
                makers[i].order.builder,
                makers[i].order.builder_fee_rate,
                self._quote(fills[i].size, fills[i].price),
            )
        for i: uint256 in range(len(fills), bound=MAX_MAKERS):
            self._pay_builder(market, makers[i].order.builder)
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
    if maker.order.builder_fee_rate != 0:
        self._owe(
            maker.order.builder, maker.order.builder_fee_rate, self._quote(fill.size, fill.price)
        )
        self._pay_builder(terms.market, maker.order.builder)
    return filled


@external
def match_orders(
    taker: IExchange.SignedOrder, makers: DynArray[IExchange.SignedOrder, MAX_MAKERS]
) -> uint256:
    """
    @notice Match one signed order with others, as `trade` does; anyone may
    @dev What is not filled of an order stays fillable, but for an IOC order, which is dead afterwards. The caller chooses
         which crossing order is the taker; an order that must not be one is signed post-only, and one that must not
         be a maker is signed IOC or FOK.
         Reverts "exchange: bad signature", "exchange: wrong signer", "exchange: order expired",
         "exchange: zero size", "exchange: size too large", "exchange: fee above limit", "exchange: wrong era",
         "exchange: order cancelled", "exchange: order superseded", "exchange: order filled",
         "exchange: zero builder", for the taker "exchange: post-only taker", "exchange: bad time in force",
         "exchange: not filled whole", for makers "exchange: no makers", "exchange: wrong market",
         "exchange: same side", "exchange: prices do not cross", "exchange: self trade",
         "exchange: order never rests",
         and whatever the vault reverts with
    @param taker Order that pays the taker fee
    @param makers Signed orders of the other side
    @return Base filled, 18 decimals
    """
    self._require_taker(taker.order.time_in_force)
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
    has_builder: bool = False
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
        if fill.fee_rate != maker_rate:
            has_builder = True
    assert filled != 0, "exchange: no makers"

    self._use_taker(
        taker.order.account,
        taker.order.lane,
        taker.order.time_in_force,
        taken,
        terms.market,
        terms.is_buy,
        filled,
    )
    builder_rate: uint256 = taker.order.builder_fee_rate
    self._settle(
        terms.market,
        terms.account,
        unsafe_add(taker_rate, builder_rate),
        taker.order.is_reduce_only,
        fills,
    )
    if has_builder or builder_rate != 0:
        quote: uint256 = 0
        for i: uint256 in range(len(fills), bound=MAX_MAKERS):
            part: uint256 = self._quote(fills[i].size, fills[i].price)
            quote = unsafe_add(quote, part)
            self._owe(makers[i].order.builder, makers[i].order.builder_fee_rate, part)
        self._owe(taker.order.builder, builder_rate, quote)
        for i: uint256 in range(len(fills), bound=MAX_MAKERS):
            self._pay_builder(terms.market, makers[i].order.builder)
        self._pay_builder(terms.market, taker.order.builder)
    return filled


@external
def trade_available(
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
    @notice `trade` that skips the makers' orders that cannot be filled, with an `OrderSkipped` for each, and goes on
    @dev Every fill is one by itself for the vault, so that the account's final state is judged after each: what the
         vault refuses is skipped, whichever side of the fill it is for. Each maker may use at most MAKER_GAS.
         Reverts "exchange: not owner or operator", "exchange: fee above limit", "exchange: zero size",
         "exchange: size too large", "exchange: not enough gas", "exchange: fill too small"; and if nothing is filled with
         what the last order was skipped for, or "exchange: no makers"
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
    filled: uint256 = 0
    quote: uint256 = 0
    filled, quote = self._fill_available(terms, taker_rate, is_reduce_only, amount, makers)
    assert filled >= min_fill, "exchange: fill too small"
    return filled


@external
def match_available_orders(
    taker: IExchange.SignedOrder, makers: DynArray[IExchange.SignedOrder, MAX_MAKERS]
) -> uint256:
    """
    @notice `match_orders` that skips the makers' orders that cannot be filled, as `trade_available` does; anyone may
    @dev What is wrong with the taker's order itself reverts, as in `match_orders`.
         Reverts "exchange: not enough gas", with what `match_orders` reverts with for its taker; and if nothing is
         filled with what the last order was skipped for, or "exchange: no makers"
    @param taker Order that pays the taker fee
    @param makers Signed orders of the other side
    @return Base filled, 18 decimals
    """
    self._require_taker(taker.order.time_in_force)
    maker_rate: uint256 = 0
    taker_rate: uint256 = 0
    maker_rate, taker_rate = self._fee_rates(taker.order.market)
    taken: Opened = self._open(taker, taker_rate, eip712._domain_separator_v4())
    terms: Terms = Terms(
        account=taker.order.account,
        market=taker.order.market,
        is_buy=taker.order.size > 0,
        limit_price=taker.order.limit_price,
        maker_rate=maker_rate,
    )
    builder_rate: uint256 = taker.order.builder_fee_rate
    filled: uint256 = 0
    quote: uint256 = 0
    filled, quote = self._fill_available(
        terms, unsafe_add(taker_rate, builder_rate), taker.order.is_reduce_only, taken.left, makers
    )
    # No maker is of the taker's owner, and what the vault calls cannot come back: the lane is as it was opened.
    self._use_taker(
        terms.account,
        taker.order.lane,
        taker.order.time_in_force,
        taken,
        terms.market,
        terms.is_buy,
        filled,
    )
    self._owe(taker.order.builder, builder_rate, quote)
    self._pay_builder(terms.market, taker.order.builder)
    return filled


@external
@reentrant
def fill_alone(
    maker: IExchange.SignedOrder,
    taker: uint256,
    market: uint256,
    is_buy: bool,
    limit_price: uint256,
    maker_rate: uint256,
    taker_rate: uint256,
    is_taker_reduce_only: bool,
    wanted: uint256,
) -> uint256:
    """
    @notice Fill one maker's order of a batch that skips, or change nothing; only this contract itself
    @dev Reverts "exchange: not itself", what `match_orders` reverts with for its makers, and whatever the vault
         reverts with
    @param maker Signed order
    @param taker Account on the other side, which has agreed
    @param market Market id
    @param is_buy True if the taker buys
    @param limit_price Worst price for the taker, quote per base, 18 decimals
    @param maker_rate The market's maker fee rate, share of notional, 18 decimals
    @param taker_rate What the taker pays, share of notional, 18 decimals
    @param is_taker_reduce_only True if the taker's position may only shrink
    @param wanted Most to fill, base, 18 decimals
    @return Base filled, 18 decimals
    """
    assert msg.sender == self, "exchange: not itself"
    terms: Terms = Terms(
        account=taker,
        market=market,
        is_buy=is_buy,
        limit_price=limit_price,
        maker_rate=maker_rate,
    )
    opened: Opened = self._open(maker, maker_rate, eip712._domain_separator_v4())
    fill: IMarginVault.MakerFill = self._fill_maker(maker.order, opened, terms, wanted)
    self._settle(market, taker, taker_rate, is_taker_reduce_only, [fill])
    if maker.order.builder_fee_rate != 0:
        # Out of this maker's own gas, so one payment for each.
        self._owe(
            maker.order.builder, maker.order.builder_fee_rate, self._quote(fill.size, fill.price)
        )
        self._pay_builder(market, maker.order.builder)
    return convert(abs(fill.size), uint256)


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
    @dev An account in several markets is judged at marks renewed in this call, where the oracle has a price. The vault's
         LiquidationEngine says whether it is this position's turn, and how much of it the market bears now.
         Every order must be at least as good for the account as a take-over. Reverts "exchange: zero keeper",
         "exchange: no engine", "exchange: not liquidatable", what `LiquidationEngine.admissible` reverts with, what
         `match_orders` reverts with for its makers, and whatever the vault reverts with
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
    engine: address = empty(address)
    bits: uint256 = 0
    engine, bits = staticcall IMarginVaultViews(VAULT.address).liquidation_door(
        account, skip_contract_check=True
    )
    assert engine.is_contract, "exchange: no engine"
    most: uint256 = max_size
    is_limited: bool = (
        staticcall ILiquidationEngine(engine).bucket_word(market, skip_contract_check=True) != 0
    )
    # with one position and without a limit there is nothing to ask
    if is_limited or bits & unsafe_sub(bits, 1) != 0:
        most = extcall ILiquidationEngine(engine).admit(
            account, market, max_size, skip_contract_check=True
        )
    plan: IMarginVaultViews.LiquidationPlan = self._liquidation_plan(account, market, most)
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
    if is_limited:
        extcall ILiquidationEngine(engine).count(market, filled, skip_contract_check=True)

    reward: uint256 = extcall IMarginVaultOrderClose(VAULT.address).close_with_orders(
        market, account, keeper, fills, skip_contract_check=True
    )
    for i: uint256 in range(len(fills), bound=MAX_MAKERS):
        if fills[i].fee_rate != terms.maker_rate:
            self._owe(
                makers[i].order.builder,
                makers[i].order.builder_fee_rate,
                self._quote(fills[i].size, fills[i].price),
            )
            self._pay_builder(market, makers[i].order.builder)
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
    if (
        block.timestamp > order.expiry
        or order.size == min_value(int256)
        or order.time_in_force > FILL_OR_KILL
    ):
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
    ).liquidation_plan(account, market, max_size, skip_contract_check=True)
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
    if signed.order.builder_fee_rate != 0:
        assert signed.order.builder >> ACCOUNT_SHIFT != 0, "exchange: zero builder"
        assert (
            signed.order.builder_fee_rate <= unsafe_sub(signed.order.max_fee_rate, fee_rate)
        ), "exchange: fee above limit"
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
    assert order.time_in_force <= POST_ONLY, "exchange: order never rests"
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
        # Both together are at most what the signer agreed to.
        fee_rate=unsafe_add(terms.maker_rate, order.builder_fee_rate),
        is_reduce_only=order.is_reduce_only,
    )


@internal
def _fill_available(
    terms: Terms,
    taker_rate: uint256,
    is_reduce_only: bool,
    wanted: uint256,
    makers: DynArray[IExchange.SignedOrder, MAX_MAKERS],
) -> (uint256, uint256):
    # Fill what can be filled of `makers`, up to `wanted`. Returns the base filled, never zero, and its quote.
    # A maker whose call fails leaves no trace but its log, whatever it was that failed. Each gets its MAKER_GAS in full:
    # nobody's order is skipped because the caller was stingy, or because another maker has burnt the gas.
    assert msg.gas >= unsafe_add(
        unsafe_mul(len(makers), GAS_PER_MAKER), GAS_RESERVE
    ), "exchange: not enough gas"
    filled: uint256 = 0
    quote: uint256 = 0
    answer: Bytes[MAX_ERROR] = b""
    for i: uint256 in range(len(makers), bound=MAX_MAKERS):
        if filled == wanted:
            break
        success: bool = False
        success, answer = raw_call(
            self,
            abi_encode(
                makers[i],
                terms.account,
                terms.market,
                terms.is_buy,
                terms.limit_price,
                terms.maker_rate,
                taker_rate,
                is_reduce_only,
                unsafe_sub(wanted, filled),
                method_id=FILL_ALONE,
            ),
            max_outsize=MAX_ERROR,
            gas=MAKER_GAS,
            revert_on_failure=False,
        )
        if success:
            size: uint256 = extract32(answer, 0, output_type=uint256)
            filled = unsafe_add(filled, size)
            quote = unsafe_add(
                quote, fixed_math._mul_div_down(size, makers[i].order.limit_price, units.WAD)
            )
        else:
            log IExchange.OrderSkipped(
                account=makers[i].order.account,
                order_hash=order_hashing._digest(makers[i].order, eip712._domain_separator_v4()),
                reason=self._reason(answer),
            )
    if filled == 0:
        if self._is_error(answer):
            raw_revert(answer)
        raise "exchange: no makers"
    return filled, quote


@internal
@pure
def _is_error(answer: Bytes[MAX_ERROR]) -> bool:
    # True for Error(string) with a text of 1 to 32 bytes.
    if len(answer) != MAX_ERROR or convert(slice(answer, 0, 4), bytes4) != ERROR_SELECTOR:
        return False
    length: uint256 = extract32(answer, 36, output_type=uint256)
    return length != 0 and length <= 32


@internal
@pure
def _reason(answer: Bytes[MAX_ERROR]) -> String[32]:
    # What a call reverted with; empty if it said nothing, as when it ran out of gas.
    if not self._is_error(answer):
        return ""
    return convert(slice(answer, 68, extract32(answer, 36, output_type=uint256)), String[32])


@internal
@pure
def _require_taker(time_in_force: uint8):
    assert time_in_force != POST_ONLY, "exchange: post-only taker"
    assert time_in_force <= FILL_OR_KILL, "exchange: bad time in force"


@internal
def _use_taker(
    account: uint256,
    lane: uint64,
    time_in_force: uint8,
    taken: Opened,
    market: uint256,
    is_buy: bool,
    filled: uint256,
):
    # Write a taker's lane: what was filled of the order or, of an IOC order with a rest, that it is dead.
    lane_word: uint256 = unsafe_add(taken.lane_word, filled)
    if filled != taken.left:
        assert time_in_force != FILL_OR_KILL, "exchange: not filled whole"
        if time_in_force == IMMEDIATE_OR_CANCEL:
            lane_word = lane_word | FILLED_CANCELLED
    self.lanes[account][lane] = lane_word
    log IExchange.TakerOrderFilled(
        account=account,
        order_hash=taken.digest,
        market=market,
        size=self._signed(filled, is_buy),
        lane=lane,
        lane_word=lane_word,
    )


@internal
@pure
def _quote(size: int256, price: uint256) -> uint256:
    # Notional that the vault has accepted, rounded down as nobody's is.
    return fixed_math._mul_div_down(convert(abs(size), uint256), price, units.WAD)


@internal
def _owe(builder: uint256, rate: uint256, quote: uint256):
    # A builder's share of a fill. The vault has taken (market rate + rate) of at least as much, rounded up.
    if rate != 0:
        self.dues[builder] = unsafe_add(
            self.dues[builder], fixed_math._mul_div_down(quote, rate, units.WAD)
        )


@internal
def _pay_builder(market: uint256, builder: uint256):
    # All that the call at hand owes a builder, once.
    amount: uint256 = self.dues[builder]
    if amount != 0:
        self.dues[builder] = 0
        extcall IMarginVaultCrisis(VAULT.address).pay_builder(
            market, builder, amount, skip_contract_check=True
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
