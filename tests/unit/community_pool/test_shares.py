"""CommunityPool's shares as a token: transfers, allowances, permits"""

import boa
import pytest
from eth_account.messages import encode_typed_data

from tests import support
from tests.unit.community_pool.desk import VIRTUAL

ZERO = "0x" + 40 * "0"


def permit(system, owner: str, spender, amount: int, deadline: int) -> tuple:
    message = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Permit": [
                {"name": "owner", "type": "address"},
                {"name": "spender", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"},
            ],
        },
        "primaryType": "Permit",
        "domain": {
            "name": "Lastline Community Pool",
            "version": "1",
            "chainId": boa.env.evm.patch.chain_id,
            "verifyingContract": system.pool.address,
        },
        "message": {
            "owner": support.actor(owner),
            "spender": spender,
            "value": amount,
            "nonce": system.pool.nonces(support.actor(owner)),
            "deadline": deadline,
        },
    }
    signed = support.signer(owner).sign_message(encode_typed_data(full_message=message))
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def test_shares_move(staked):
    amount = staked.units(10) * VIRTUAL
    assert staked.pool.transfer(staked.carol, amount, sender=staked.bob)
    assert staked.logs() == [("Transfer", {"sender": staked.bob, "receiver": staked.carol, "value": amount})]
    assert staked.pool.balanceOf(staked.carol) == amount
    assert staked.worth(staked.carol) == staked.units(10)
    staked.assert_conserved()


def test_more_shares_than_one_has_do_not_move(staked):
    with boa.reverts("erc20: transfer amount exceeds balance"):
        staked.pool.transfer(staked.carol, staked.pool.balanceOf(staked.bob) + 1, sender=staked.bob)


def test_shares_do_not_move_to_nobody(staked):
    with boa.reverts("erc20: transfer to the zero address"):
        staked.pool.transfer(ZERO, 1, sender=staked.bob)


def test_shares_move_by_allowance(staked):
    staked.pool.approve(staked.carol, 10, sender=staked.bob)
    assert staked.pool.transferFrom(staked.bob, staked.alice, 7, sender=staked.carol)
    assert staked.pool.allowance(staked.bob, staked.carol) == 3


def test_shares_do_not_move_without_allowance(staked):
    staked.pool.approve(staked.carol, 10, sender=staked.bob)
    with boa.reverts("erc20: insufficient allowance"):
        staked.pool.transferFrom(staked.bob, staked.carol, 11, sender=staked.carol)


def test_a_permit_allows(staked):
    deadline = boa.env.timestamp
    signature = permit(staked, "bob", staked.carol, 10, deadline)
    staked.pool.permit(staked.bob, staked.carol, 10, deadline, *signature)
    assert staked.pool.allowance(staked.bob, staked.carol) == 10
    assert staked.pool.nonces(staked.bob) == 1


@pytest.mark.parametrize("fault", ["replayed", "late", "of another"])
def test_a_wrong_permit_reverts(staked, fault):
    deadline = boa.env.timestamp
    signature = permit(staked, "bob" if fault != "of another" else "attacker", staked.carol, 10, deadline)
    message = "erc20: invalid signature"
    if fault == "replayed":
        staked.pool.permit(staked.bob, staked.carol, 10, deadline, *signature)
    if fault == "late":
        support.wait(1)
        message = "erc20: expired deadline"
    with boa.reverts(message):
        staked.pool.permit(staked.bob, staked.carol, 10, deadline, *signature)


@pytest.mark.parametrize("selector", ["burn(uint256)", "mint(address,uint256)", "set_minter(address,bool)"])
def test_nobody_makes_or_unmakes_shares_otherwise(staked, selector):
    data = support.keccak(text=selector)[:4] + bytes(96)
    for sender in (staked.attacker, staked.fund.address, boa.env.eoa):
        assert boa.env.execute_code(to_address=staked.pool.address, sender=sender, data=data).is_error
