"""Account ids: the owner's address in the high 160 bits, the sub-account's number in the low 96."""

from eth_utils import to_checksum_address

SUB_ACCOUNT_BITS = 96


def account_id(owner: str, sub_account: int = 0) -> int:
    """Id of an owner's sub-account. Raises ValueError for a bad address or a number of more than 96 bits."""
    if not 0 <= sub_account < 1 << SUB_ACCOUNT_BITS:
        raise ValueError(f"sub-account out of range: {sub_account}")
    return int(to_checksum_address(owner), 16) << SUB_ACCOUNT_BITS | sub_account


def owner_of(account: int) -> str:
    """Checksummed address of an account's owner."""
    return to_checksum_address((account >> SUB_ACCOUNT_BITS).to_bytes(20, "big"))


def sub_account_of(account: int) -> int:
    """Number of an account among its owner's accounts."""
    return account & ((1 << SUB_ACCOUNT_BITS) - 1)


def show(account: int) -> str:
    """Short form for tables: 0x1234…abcd/0; "-" for 0, which stands for no account."""
    if account == 0:
        return "-"
    owner = owner_of(account)
    return f"{owner[:6]}…{owner[-4:]}/{sub_account_of(account)}"
