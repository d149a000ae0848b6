# pragma version 0.4.3
# pragma nonreentrancy off

"""
@title MockPoolFund
@license AGPL-3.0-only
@author Lastline
@notice An insurance fund as the community pool sees it: calm or not, or without an answer
"""

is_broken: public(bool)
is_restless: public(bool)
has_claims: public(bool)


@external
def set_calm(is_calm_: bool):
    """
    @notice What `is_calm` says from now on; anyone may call
    """
    self.is_restless = not is_calm_


@external
def set_claims(has_claims_: bool):
    """
    @notice The opposite of what `has_no_claims` says from now on; anyone may call
    """
    self.has_claims = has_claims_


@external
def set_broken(is_broken_: bool):
    """
    @notice True to make `is_calm` revert; anyone may call
    """
    self.is_broken = is_broken_


@external
@view
def is_calm() -> bool:
    """
    @dev Reverts "fund: broken"
    """
    assert not self.is_broken, "fund: broken"
    return not (self.is_restless or self.has_claims)


@external
@view
def has_no_claims() -> bool:
    """
    @dev Reverts "fund: broken"
    """
    assert not self.is_broken, "fund: broken"
    return not self.has_claims
