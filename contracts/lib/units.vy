# pragma version 0.4.3

"""
@title units
@license AGPL-3.0-only
@author Lastline
@notice The scales and hard bounds every other file speaks in. Nothing here has state or logic.
"""

# 18 decimals: quote amounts, base sizes, prices, rates and ratios.
WAD: constant(uint256) = 10**18
# 27 decimals: a cohort's factors (shares of 1) and offsets (quote per base).
RAY: constant(uint256) = 10**27
# From an 18-decimals price to a 27-decimals one.
WAD_TO_RAY: constant(uint256) = 10**9
# Maturing profit is kept in steps of 1e-9 quote; what is finer goes to cash at once.
MATURING_STEP: constant(uint256) = 10**9
# A factor (cohort A, batch H) below 2**-40 counts as nothing.
FACTOR_FLOOR: constant(uint256) = RAY >> 40

# Largest amount of tokens, quote or base in one call: what a packed field can hold, with room to add.
MAX_AMOUNT: constant(uint256) = 2**111 - 1
MIN_PRICE: constant(uint256) = 10**12  # 1e-6 quote per base
MAX_PRICE: constant(uint256) = 10**30  # 1e12 quote per base
MAX_FEE_RATE: constant(uint256) = 10**15  # 0.1 % of notional, each side

# Rates in configuration words come in steps of 1e-5, factors in steps of 1e-3.
RATE_STEP: constant(uint256) = 10**13
FACTOR_STEP: constant(uint256) = 10**15

MAX_MARKETS: constant(uint256) = 32  # ids 0..31
MAX_ACCOUNT_MARKETS: constant(uint256) = 8
LEVERAGE_CLASSES: constant(uint256) = 4
GENERATIONS: constant(uint256) = 64  # of one tick
MAX_PENDING_ROUNDS: constant(uint256) = 64  # one access applies at most so many
