# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title LossAllocator
@license AGPL-3.0-only
@author Lastline
@notice Which tier pays next for a market's losses that the fund does not pay: an ordered policy for each
        market, and one permissionless call that follows it, and behind it tries the side charge, and leaves a receipt.

        Trust: holds no money. Governance (a timelock) sets policies. The vault accepts one allocator and
        governance may name another; the vault itself computes every price and amount, and refuses a tier that
        is not due. A hostile allocator could choose the order of the tiers, and could leave them uncalled; it
        could not move money. Ownership can be handed over in two steps, not renounced.
"""

from snekmate.auth import ownable
from snekmate.auth import ownable_2step

from .interfaces import ILossAllocator
from .interfaces import IMarginVaultLastTiers
from .interfaces import IMarginVaultLossSharing
from .lib import units

implements: ILossAllocator

initializes: ownable
initializes: ownable_2step[ownable := ownable]

exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

DELEVERAGE: public(constant(uint256)) = 1
ROUND: public(constant(uint256)) = 2
CLOSE_AT_MARK: public(constant(uint256)) = 3
MAX_TIERS: public(constant(uint256)) = 3
# The last step of every policy, in none.
SIDE_CHARGE: public(constant(uint256)) = 4

# The vault works through 4,096 at most; a quarter of that fits in a transaction.
MAX_COHORTS: public(constant(uint256)) = 1024
# The fund's part gets this much gas and no more, so one that burns all it gets leaves enough for the tiers.
PAY_CLAIMS_GAS: public(constant(uint256)) = 1_500_000

# With an open round in front of the policy's tiers, and the side charge behind them.
MAX_STEPS: constant(uint256) = 5

# An Error(string) with up to 32 bytes of text, and what a tier answers.
REASON_BYTES: constant(uint256) = 100
ANSWER_BYTES: constant(uint256) = 160
ERROR_SELECTOR: constant(bytes4) = 0x08C379A0

# What the vault says when a tier does not apply, and when it only lacks gas.
NOT_APPLICABLE: constant(String[8]) = "crisis: "
LOW_GAS: constant(String[32]) = "crisis: not enough gas"
# While a round is open the vault refuses everything else in that market, payments included.
ROUND_OPEN: constant(String[32]) = "market: round open"

# Layout of a policy word: first tier 8 @0 | second 8 @8 | third 8 @16; 0 ends the list, a zero word is the
# default.
TIER_BITS: constant(uint256) = 8
TIER_MASK: constant(uint256) = 2**TIER_BITS - 1
DEFAULT_WORD: constant(uint256) = ROUND | (CLOSE_AT_MARK << TIER_BITS)

VAULT: immutable(address)

# By market id.
policy_words: HashMap[uint256, uint256]


@deploy
def __init__(governance: address, vault: address):
    """
    @notice Start with the default policy in every market
    @dev Reverts "allocator: zero governance", "allocator: vault has no code"
    @param governance First owner
    @param vault The margin vault
    """
    assert governance != empty(address), "allocator: zero governance"
    assert vault.is_contract, "allocator: vault has no code"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(governance)
    VAULT = vault


@external
def resolve(market: uint256, max_cohorts: uint256) -> ILossAllocator.Receipt:
    """
    @notice Have a market's losses paid: by the fund, then by the tiers of the market's policy, in its order, then by the
            side charge. Anyone may, again and again until `is_done`.
    @dev Reverts "allocator: no cohorts", "allocator: too many cohorts" and, if nothing at all was done, with
         the reason of the tier or the fund that failed, "allocator: call failed" if it gave none, or
         "allocator: nothing to do"
    @param market Market id
    @param max_cohorts Most generations a tier may work through, 1 to MAX_COHORTS
    @return What was done
    @custom:invariant I5, I10, I11
    """
    assert max_cohorts != 0, "allocator: no cohorts"
    assert max_cohorts <= MAX_COHORTS, "allocator: too many cohorts"
    receipt: ILossAllocator.Receipt = self._ask_fund(market)
    receipt.policy = self._tiers(self._policy_word(market))
    receipt.max_cohorts = max_cohorts

    tiers: DynArray[uint256, MAX_STEPS] = []
    if receipt.fund_reason == ROUND_OPEN:
        tiers.append(ROUND)
    for tier: uint256 in receipt.policy:
        tiers.append(tier)
    tiers.append(SIDE_CHARGE)

    left: uint256 = max_cohorts
    has_acted: bool = receipt.fund_paid != 0
    receipt.is_done = True
    for tier: uint256 in tiers:
        if left == 0:
            receipt.is_done = False
            break
        step: ILossAllocator.Step = self._call_tier(market, tier, left)
        receipt.steps.append(step)
        if step.is_ok:
            has_acted = True
            left -= min(left, step.deleveraging.cohorts + step.round.cohorts + step.side.cohorts)
        # Neither done nor beside the point: the tiers behind it have to wait.
        if not (step.is_done or self._is_not_applicable(step)):
            receipt.is_done = False
            break
    if not has_acted:
        self._raise(receipt)
    log ILossAllocator.Resolved(market=market, caller=msg.sender, receipt=receipt)
    return receipt


@external
def set_policy(market: uint256, tiers: DynArray[uint256, MAX_TIERS]):
    """
    @notice Choose which tiers pay in a market, and in which order; only governance
    @dev Reverts "ownable: caller is not the owner", "allocator: unknown market", "allocator: unknown tier",
         "allocator: duplicate tier", "allocator: no loss tier"
    @param market Market id, below units.MAX_MARKETS
    @param tiers One to three different tiers, DELEVERAGE or ROUND among them
    """
    ownable._check_owner()
    assert market < units.MAX_MARKETS, "allocator: unknown market"
    old_word: uint256 = self._policy_word(market)
    self.policy_words[market] = self._checked_word(tiers)
    log ILossAllocator.PolicySet(market=market, old_policy=self._tiers(old_word), new_policy=tiers)


@external
@view
def policy(market: uint256) -> DynArray[uint256, MAX_TIERS]:
    """
    @notice A market's tiers in order; ROUND, CLOSE_AT_MARK unless set otherwise
    @param market Market id
    """
    return self._tiers(self._policy_word(market))


@external
@view
def vault() -> address:
    """
    @notice The vault whose losses are shared out
    """
    return VAULT


def _ask_fund(market: uint256) -> ILossAllocator.Receipt:
    """
    @notice Let the fund pay what it can. Its failure opens no tier: the vault decides that, and asks the fund
            itself.
    @return A receipt with the fund's part alone
    """
    receipt: ILossAllocator.Receipt = empty(ILossAllocator.Receipt)
    answer: Bytes[ANSWER_BYTES] = b""
    receipt.is_fund_ok, answer = raw_call(
        VAULT,
        abi_encode(market, method_id=method_id("pay_claims(uint256)")),
        max_outsize=ANSWER_BYTES,
        gas=PAY_CLAIMS_GAS,
        revert_on_failure=False,
    )
    if receipt.is_fund_ok:
        receipt.fund_paid = convert(slice(answer, 0, 32), uint256)
    else:
        receipt.fund_reason = self._reason(answer)
    return receipt


def _call_tier(market: uint256, tier: uint256, max_cohorts: uint256) -> ILossAllocator.Step:
    """
    @notice Call a tier once; if it is not done after that, it has used up what it was given
    """
    data: Bytes[68] = b""
    if tier == DELEVERAGE:
        data = abi_encode(market, max_cohorts, method_id=method_id("deleverage(uint256,uint256)"))
    elif tier == ROUND:
        data = abi_encode(market, max_cohorts, method_id=method_id("charge_round(uint256,uint256)"))
    elif tier == SIDE_CHARGE:
        data = abi_encode(market, max_cohorts, method_id=method_id("charge_side(uint256,uint256)"))
    else:
        data = abi_encode(market, max_cohorts, method_id=method_id("close_at_mark(uint256,uint256)"))
    step: ILossAllocator.Step = empty(ILossAllocator.Step)
    step.tier = tier
    step.max_cohorts = max_cohorts
    answer: Bytes[ANSWER_BYTES] = b""
    step.is_ok, answer = raw_call(VAULT, data, max_outsize=ANSWER_BYTES, revert_on_failure=False)
    if not step.is_ok:
        step.reason = self._reason(answer)
    elif tier == ROUND:
        step.round = abi_decode(answer, IMarginVaultLossSharing.Round)
        step.is_done = step.round.is_done
    elif tier == SIDE_CHARGE:
        # what its window does not allow has to wait, so that there is nothing to go on with
        step.side = abi_decode(answer, IMarginVaultLastTiers.SideCharge)
        step.is_done = True
    else:
        step.deleveraging = abi_decode(answer, IMarginVaultLossSharing.Deleveraging)
        step.is_done = step.deleveraging.is_done
    return step


@pure
def _is_not_applicable(step: ILossAllocator.Step) -> bool:
    """
    @notice True if the vault said that the tier is not due now. Lack of gas is no such word, or the caller
            could choose the tier by the gas he sends.
    """
    if len(step.reason) < 8 or step.reason == LOW_GAS:
        return False
    return slice(step.reason, 0, 8) == NOT_APPLICABLE


@pure
def _raise(receipt: ILossAllocator.Receipt):
    """
    @notice Say why nothing was done: the tier that stopped the walk, else the fund, else that nothing is due
    """
    reason: String[32] = receipt.fund_reason
    has_failed: bool = not receipt.is_fund_ok
    if not receipt.is_done:
        reason = receipt.steps[len(receipt.steps) - 1].reason
        has_failed = True
    assert has_failed, "allocator: nothing to do"
    assert len(reason) != 0, "allocator: call failed"
    assert False, reason


@pure
def _reason(answer: Bytes[ANSWER_BYTES]) -> String[32]:
    """
    @notice The text of an Error(string), cut to 32 bytes; empty for anything else
    """
    if len(answer) < REASON_BYTES or convert(slice(answer, 0, 4), bytes4) != ERROR_SELECTOR:
        return ""
    length: uint256 = min(convert(slice(answer, 36, 32), uint256), 32)
    return convert(slice(slice(answer, 68, 32), 0, length), String[32])


@view
def _policy_word(market: uint256) -> uint256:
    word: uint256 = self.policy_words[market]
    return word if word != 0 else DEFAULT_WORD


@pure
def _tiers(word: uint256) -> DynArray[uint256, MAX_TIERS]:
    """
    @notice The list in a policy word
    """
    tiers: DynArray[uint256, MAX_TIERS] = []
    for place: uint256 in range(MAX_TIERS):
        tier: uint256 = (word >> (place * TIER_BITS)) & TIER_MASK
        if tier == 0:
            break
        tiers.append(tier)
    return tiers


@pure
def _checked_word(tiers: DynArray[uint256, MAX_TIERS]) -> uint256:
    """
    @notice The policy word of a list
    @dev Reverts "allocator: unknown tier", "allocator: duplicate tier", "allocator: no loss tier"
    """
    word: uint256 = 0
    offset: uint256 = 0
    has_loss_tier: bool = False
    seen: DynArray[uint256, MAX_TIERS] = []
    for tier: uint256 in tiers:
        assert tier >= DELEVERAGE and tier <= CLOSE_AT_MARK, "allocator: unknown tier"
        assert tier not in seen, "allocator: duplicate tier"
        seen.append(tier)
        has_loss_tier = has_loss_tier or tier != CLOSE_AT_MARK
        word |= tier << offset
        offset += TIER_BITS
    assert has_loss_tier, "allocator: no loss tier"
    return word
