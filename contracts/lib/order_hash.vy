# pragma version 0.4.3

"""
@title order_hash
@license AGPL-3.0-only
@author Lastline
@notice EIP-712 hash of an order, see IExchange.Order
"""

from ..interfaces import IExchange

ORDER_TYPE_HASH: constant(bytes32) = keccak256(
    "Order(uint256 account,uint256 market,int256 size,uint256 limit_price,uint256 expiry,uint64 lane,uint64 sequence,bool is_reduce_only,uint8 time_in_force,uint256 max_fee_rate,uint256 builder,uint256 builder_fee_rate)"
)


@internal
@pure
def _digest(order: IExchange.Order, domain: bytes32) -> bytes32:
    # What is signed under the domain separator `domain`. Every member of an order is static, so its ABI encoding is
    # its EIP-712 encoding. In one expression, because passing a struct to a function costs a copy of it.
    return keccak256(concat(x"1901", domain, keccak256(abi_encode(ORDER_TYPE_HASH, order))))
