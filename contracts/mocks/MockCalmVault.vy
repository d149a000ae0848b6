# pragma version 0.4.3
# pragma nonreentrancy off

"""
@title MockCalmVault
@license AGPL-3.0-only
@author Lastline
@notice The vault as the insurance fund's `is_calm` sees it: which markets have claims, and the risk mode
"""

claim_markets: public(uint256)
exchange_word: public(uint256)


@external
def set_claims(claim_markets_: uint256):
    """
    @notice Bitmap of the markets with open claims; anyone may call
    """
    self.claim_markets = claim_markets_


@external
def set_mode(mode: uint256):
    """
    @notice Risk mode, within a word whose other bits are all set; anyone may call
    """
    self.exchange_word = (max_value(uint256) ^ (255 << 176)) | (mode << 176)
