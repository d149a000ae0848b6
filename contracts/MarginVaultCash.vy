# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize gas

"""
@title MarginVaultCash
@license AGPL-3.0-only
@author Lastline
@notice The kernel's part through which money comes and goes: deposits, withdrawals, transfers between one's accounts, the
        treasury's fees; and what is paid for a loss that no tier has paid. While there is one, all withdrawals are paid at one
        ratio.
@dev Code without a ledger of its own: it works on the vault's, by delegatecall, and refuses direct calls.
"""

from ethereum.ercs import IERC20
from .interfaces import IKernelPart
from .interfaces import IMarginVaultCash
from .lib import fixed_math
from .lib import kernel
from .lib import packing
from .lib import token as erc20
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
implements: IMarginVaultCash

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


CONFIG: immutable(bytes32)
THIS: immutable(address)
MEMBERSHIP: immutable(address)
TOKEN: immutable(IERC20)
# Quote units (18 decimals) per token unit.
SCALE: immutable(uint256)


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
    TOKEN = IERC20(collateral)
    SCALE = scale
    system.__init__(empty(address))


@external
@view
def config_hash() -> bytes32:
    return CONFIG


# Owners of accounts


@external
def deposit(account: uint256, tokens: uint256) -> uint256:
    kernel._require_delegated(THIS)
    self._require_covered()
    return self._deposit(account, tokens)


@external
def deposit_at_ratio(account: uint256, tokens: uint256, min_ratio: uint256) -> uint256:
    kernel._require_delegated(THIS)
    assert recovery._ratio(TOKEN, SCALE) >= min_ratio, "vault: below minimum ratio"
    return self._deposit(account, tokens)


@external
def deposit_with_permit(
    account: uint256, tokens: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
) -> uint256:
    kernel._require_delegated(THIS)
    self._require_covered()
    # Somebody may have used the permit already; then the allowance is there and this call fails harmlessly.
    success: bool = raw_call(
        TOKEN.address,
        abi_encode(
            msg.sender, self, tokens, deadline, v, r, s, method_id=method_id(
                "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"
            )
        ),
        revert_on_failure=False,
    )
    return self._deposit(account, tokens)


@external
def withdraw(account: uint256, tokens: uint256, receiver: address, min_tokens: uint256) -> uint256:
    kernel._require_delegated(THIS)
    accounts._require_owner(account)
    assert receiver != empty(address), "vault: zero receiver"
    books._require_amount(tokens)
    account_word: uint256 = books._debit_cash(MEMBERSHIP, account, tokens * SCALE)
    paid: uint256 = recovery._pay_out(TOKEN, SCALE, account, tokens)
    assert paid >= min_tokens, "vault: below minimum out"
    log IMarginVaultCash.Withdrawn(
        account=account, receiver=receiver, tokens=paid, account_word=account_word
    )
    erc20._push(TOKEN, receiver, paid)
    return paid


@external
def transfer(sender: uint256, receiver: uint256, amount: uint256):
    kernel._require_delegated(THIS)
    accounts._require_owner(sender)
    assert accounts._owner(receiver) == msg.sender, "vault: not owner"
    assert sender != receiver, "vault: same account"
    books._require_amount(amount)
    sender_word: uint256 = books._debit_cash(MEMBERSHIP, sender, amount)
    receiver_word: uint256 = books._credit(receiver, amount)
    log IMarginVaultCash.Transferred(
        sender=sender,
        receiver=receiver,
        amount=amount,
        sender_word=sender_word,
        receiver_word=receiver_word,
    )


# Anybody


@external
def pay_treasury() -> uint256:
    kernel._require_delegated(THIS)
    treasury: address = system.treasury
    assert treasury != empty(address), "vault: no treasury"
    self._require_covered()
    tokens: uint256 = fixed_math._mul_div_down(markets.treasury_fees, 1, SCALE)
    markets.treasury_fees -= tokens * SCALE
    log IMarginVaultCash.TreasuryPaid(treasury=treasury, amount=tokens * SCALE)
    erc20._push(TOKEN, treasury, tokens)
    return tokens


@external
def recapitalise(tokens: uint256) -> uint256:
    kernel._require_delegated(THIS)
    books._require_amount(tokens)
    uncovered: uint256 = self._require_uncovered()
    taken: uint256 = min(tokens, fixed_math._div_up(uncovered, SCALE))
    recovery._repay(min(taken * SCALE, uncovered))
    log IMarginVaultCash.Recapitalised(sender=msg.sender, tokens=taken)
    erc20._pull(TOKEN, msg.sender, taken)
    return taken


@external
def pay_uncovered() -> uint256:
    kernel._require_delegated(THIS)
    assert system.insurance_fund != empty(address), "vault: no fund"
    uncovered: uint256 = self._require_uncovered()
    reserve: uint256 = 0
    community: uint256 = 0
    reserve, community = fund_payments._request_recovery(TOKEN, SCALE, uncovered)
    recovery._repay(min(reserve + community, uncovered))
    return reserve + community


@external
@view
@reentrant
def token() -> address:
    return TOKEN.address


@external
@view
def uncovered() -> uint256:
    return recovery.uncovered


@external
@view
def recovery_claim(account: uint256) -> uint256:
    return recovery.claims[account]


@external
@view
def recovery_ratio() -> uint256:
    return recovery._ratio(TOKEN, SCALE)


@view
def _require_covered():
    """
    @dev Reverts "vault: recovery open"
    """
    assert recovery.uncovered == 0, "vault: recovery open"


@view
def _require_uncovered() -> uint256:
    """
    @dev Reverts "vault: nothing uncovered"
    """
    uncovered: uint256 = recovery.uncovered
    assert uncovered != 0, "vault: nothing uncovered"
    return uncovered


def _deposit(account: uint256, tokens: uint256) -> uint256:
    """
    @notice Take the caller's tokens and credit them to an account
    @dev Reverts "vault: zero amount", "vault: amount too large", "vault: zero owner", "token: ..."
    @return Quote credited
    """
    books._require_amount(tokens)
    assert accounts._owner(account) != empty(address), "vault: zero owner"
    amount: uint256 = tokens * SCALE
    account_word: uint256 = books._credit(account, amount)
    log IMarginVaultCash.Deposited(
        account=account, sender=msg.sender, tokens=tokens, account_word=account_word
    )
    erc20._pull(TOKEN, msg.sender, tokens)
    return amount
