# pragma version 0.4.3

"""
@title accounts
@license AGPL-3.0-only
@author Lastline
@notice Owner of what belongs to one account: its word (cash, markets, classes), its positions, its maturing
        profit, and its owner's operators.
@dev The stored cash is not the effective one: joining a cohort adds size * F to it and leaving takes
     size * A * F - size * PHI away, so that pending funding needs no snapshot per position.
"""

# By account id (owner << 96 | sub-account).
words: HashMap[uint256, uint256]
# By account id and market.
positions: HashMap[uint256, HashMap[uint256, uint256]]
maturing: HashMap[uint256, HashMap[uint256, uint256]]
operators: HashMap[address, HashMap[address, bool]]


@pure
def _owner(account: uint256) -> address:
    return convert(account >> 96, address)


@view
def _require_owner(account: uint256):
    assert msg.sender == self._owner(account), "vault: not owner"


@view
def _require_owner_or_operator(account: uint256):
    owner: address = self._owner(account)
    assert msg.sender == owner or self.operators[owner][msg.sender], "vault: not owner or operator"
