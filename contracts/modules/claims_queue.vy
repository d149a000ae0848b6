# pragma version 0.4.3

"""
@title claims_queue
@license AGPL-3.0-only
@author Lastline
@notice Every uncovered loss as a claim that keeps, for ever, who left it and how much of it each tier paid:
        amount = reserve + community + ADL + socialised + side + recovery + recovered + outstanding.
        First in, first out per market; at most 32 are outstanding in a market.
@dev After `_sync` a market's open claims are what its inventory equity lacks, to 1e-9 quote.
"""

from ..interfaces import IMarginVaultCrisis
from ..lib import fixed_math
from ..lib import packing
from . import bankruptcy_account
from . import markets


# Who pays. RECOVERED: the price came back.
RESERVE: constant(uint256) = 0
COMMUNITY: constant(uint256) = 1
ADL: constant(uint256) = 2
SOCIALISED: constant(uint256) = 3
SIDE: constant(uint256) = 4
RECOVERY: constant(uint256) = 5
RECOVERED: constant(uint256) = 6

# A lack below 1e-9 quote is rounding, not a loss.
ROUNDING: constant(uint256) = 10**9
MASK_64: constant(uint256) = 2**64 - 1
MAX_OUTSTANDING: constant(uint256) = 32

# Which side's positions made the loss: they are the ones not charged in the side charge.
NO_SIDE: constant(uint256) = 0
LONG: constant(uint256) = 1
SHORT: constant(uint256) = 2


struct Claim:
    account: uint256  # 0: the inventory's own loss
    origin_word: uint256  # market 8 @0 | loss side 2 @8 | time 40 @16
    amounts_word: uint256  # amount | what is outstanding
    # paid so far: reserve | community, ADL | socialised, side | recovery, recovered
    paid_words: uint256[4]


claims: HashMap[uint256, Claim]
claim_count: uint256
# market << 32 | place -> claim id
queue: HashMap[uint256, uint256]
# By market: head 32 @0 | tail 32 @32 | the inventory's claim 64 @64 (id + 1, 0 for none outstanding)
# | time of the last loss 40 @128
queue_words: uint256[32]
# Markets with outstanding claims.
claim_markets: uint256


@view
def _outstanding(id: uint256) -> uint256:
    """
    @notice What a claim still lacks, quote
    """
    return packing._high_half(self.claims[id].amounts_word)


@view
def _head_claim(market: uint256) -> uint256:
    """
    @notice Id of the market's oldest outstanding claim (ids grow with time over all markets)
    """
    return self.queue[(market << 32) | (self.queue_words[market] & packing.MASK_32)]


@view
def _last_loss_time(market: uint256) -> uint256:
    return self.queue_words[market] >> 128


def _file(market: uint256, account: uint256, loss_side: uint256, amount: uint256):
    """
    @notice Record a new uncovered loss
    @param account Account that left it; 0 for the inventory's own, which is raised in place
    """
    word: uint256 = self.queue_words[market]
    head: uint256 = word & packing.MASK_32
    tail: uint256 = (word >> 32) & packing.MASK_32
    inventory_claim: uint256 = (word >> 64) & MASK_64
    id: uint256 = 0
    if account == 0 and inventory_claim != 0:
        id = inventory_claim - 1
    elif tail - head >= MAX_OUTSTANDING:
        id = self.queue[(market << 32) | (tail - 1)]
    else:
        id = self.claim_count
        self.claim_count = id + 1
        self.claims[id].account = account
        self.claims[id].origin_word = market | (loss_side << 8) | (block.timestamp << 16)
        self.queue[(market << 32) | tail] = id
        tail += 1
        if account == 0:
            inventory_claim = id + 1
        self.claim_markets |= packing._bit(market)
    self.queue_words[market] = (
        head | (tail << 32) | (inventory_claim << 64) | (block.timestamp << 128)
    )
    amounts: uint256 = self.claims[id].amounts_word
    total: uint256 = packing._low_half(amounts) + amount
    self.claims[id].amounts_word = packing._halves_word(
        total, packing._high_half(amounts) + amount
    )
    log IMarginVaultCrisis.ClaimFiled(
        claim=id, market=market, account=account, loss_side=loss_side, added=amount, amount=total
    )


def _record(market: uint256, id: uint256, tier: uint256, amount: uint256):
    """
    @notice Book that `tier` paid `amount` of a claim
    """
    word: uint256 = self.claims[id].paid_words[tier >> 1]
    low: uint256 = packing._low_half(word)
    high: uint256 = packing._high_half(word)
    if tier & 1 == 0:
        low += amount
    else:
        high += amount
    self.claims[id].paid_words[tier >> 1] = packing._halves_word(low, high)
    amounts: uint256 = self.claims[id].amounts_word
    outstanding: uint256 = packing._high_half(amounts) - amount
    self.claims[id].amounts_word = packing._halves_word(packing._low_half(amounts), outstanding)
    log IMarginVaultCrisis.ClaimPaid(
        claim=id, market=market, tier=tier, amount=amount, outstanding=outstanding
    )


def _pay(market: uint256, tier: uint256, amount: uint256) -> uint256:
    """
    @notice Pay a market's claims, oldest first (newest first when the loss has recovered by itself)
    @return What was used: at most the outstanding claims
    """
    word: uint256 = self.queue_words[market]
    head: uint256 = word & packing.MASK_32
    tail: uint256 = (word >> 32) & packing.MASK_32
    inventory_claim: uint256 = (word >> 64) & MASK_64
    left: uint256 = amount
    for i: uint256 in range(MAX_OUTSTANDING):
        if head == tail or left == 0:
            break
        id: uint256 = self.queue[
            (market << 32) | (tail - 1 if tier == RECOVERED else head)
        ]
        owed: uint256 = self._outstanding(id)
        part: uint256 = min(owed, left)
        left -= part
        self._record(market, id, tier, part)
        if part == owed:
            if inventory_claim == id + 1:
                inventory_claim = 0
            if tier == RECOVERED:
                tail -= 1
            else:
                head += 1
    self.queue_words[market] = (
        head | (tail << 32) | (inventory_claim << 64) | ((word >> 128) << 128)
    )
    if head == tail:
        self.claim_markets &= ~packing._bit(market)
    return amount - left


def _sync(
    m: markets.Market,
    inventory: bankruptcy_account.Inventory,
    tier: uint256,
    account: uint256,
    loss_side: uint256,
) -> bankruptcy_account.Inventory:
    """
    @notice Make the market's claims equal to what its inventory equity lacks, to 1e-9 quote
    @param tier Who is told to have paid if claims shrink
    @param account Who is told to have left it if they grow; 0 for the inventory itself
    """
    out: bankruptcy_account.Inventory = inventory
    lacking: uint256 = fixed_math._positive_part(-bankruptcy_account._equity(m, inventory))
    if lacking > out.outstanding + ROUNDING:
        self._file(m.id, account, loss_side, lacking - out.outstanding)
        out.outstanding = lacking
    elif lacking < out.outstanding:
        out.outstanding -= self._pay(m.id, tier, out.outstanding - lacking)
    return out


@pure
def _inventory_side(i: bankruptcy_account.Inventory) -> uint256:
    """
    @notice The side whose losses the inventory's own claim records
    """
    if i.size == 0:
        return NO_SIDE
    return LONG if i.size > 0 else SHORT
