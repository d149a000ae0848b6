# pragma version 0.4.3

"""
@title recovery
@license AGPL-3.0-only
@author Lastline
@notice Room for the last tier: what even the opposite positions could not pay, and each account's share of it.
@dev The tier itself comes with `write_off`; until then nothing writes here and every withdrawal is whole.
"""

# Uncovered loss shared by all withdrawals, quote.
uncovered: uint256
# What withdrawals went short by, by account id, quote.
claims: HashMap[uint256, uint256]
