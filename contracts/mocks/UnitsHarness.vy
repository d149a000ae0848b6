# pragma version 0.4.3

"""
@title UnitsHarness
@license AGPL-3.0-only
@author Lastline
@notice The scales and bounds of lib/units.vy, for tests to read
"""

from ..lib import units

WAD: public(constant(uint256)) = units.WAD
RAY: public(constant(uint256)) = units.RAY
MAX_AMOUNT: public(constant(uint256)) = units.MAX_AMOUNT
MIN_PRICE: public(constant(uint256)) = units.MIN_PRICE
MAX_PRICE: public(constant(uint256)) = units.MAX_PRICE
MAX_FEE_RATE: public(constant(uint256)) = units.MAX_FEE_RATE
RATE_STEP: public(constant(uint256)) = units.RATE_STEP
FACTOR_STEP: public(constant(uint256)) = units.FACTOR_STEP
MAX_MARKETS: public(constant(uint256)) = units.MAX_MARKETS
MAX_ACCOUNT_MARKETS: public(constant(uint256)) = units.MAX_ACCOUNT_MARKETS
LEVERAGE_CLASSES: public(constant(uint256)) = units.LEVERAGE_CLASSES
GENERATIONS: public(constant(uint256)) = units.GENERATIONS
MAX_PENDING_ROUNDS: public(constant(uint256)) = units.MAX_PENDING_ROUNDS
