# pragma version 0.4.3

"""
@title MockVault
@license AGPL-3.0-only
@author Lastline
@notice The vault as the Exchange sees it: records the fills and payments it gets, has settable operators, and can be
        told to revert, for all or for one maker, to burn its gas, or to call an address while it fills
"""

from ..interfaces import IMarginVault


struct Fill:
    market: uint256
    taker: uint256
    taker_fee_rate: uint256
    is_taker_reduce_only: bool
    makers: DynArray[IMarginVault.MakerFill, 16]


struct Payment:
    market: uint256
    builder: uint256
    amount: uint256


is_operator: public(HashMap[address, HashMap[address, bool]])
is_recording: public(bool)
is_reverting: public(bool)
fills: DynArray[Fill, 256]
payments: DynArray[Payment, 256]
# By maker: what a fill with it reverts with; and whose fills use up all gas.
refusals: HashMap[uint256, String[64]]
is_burning: HashMap[uint256, bool]

callback_target: address
callback_data: Bytes[8192]


@deploy
def __init__():
    self.is_recording = True


@external
def set_operator(operator: address, is_approved: bool):
    self.is_operator[msg.sender][operator] = is_approved


@external
def set_recording(is_recording: bool):
    self.is_recording = is_recording


@external
def set_reverting(is_reverting: bool):
    self.is_reverting = is_reverting


@external
def set_refusal(maker: uint256, reason: String[64]):
    """
    @param reason What every fill with the maker reverts with from now on; empty for nothing
    """
    self.refusals[maker] = reason


@external
def set_burning(maker: uint256, is_burning: bool):
    self.is_burning[maker] = is_burning


@external
def set_callback(target: address, data: Bytes[8192]):
    self.callback_target = target
    self.callback_data = data


@external
def fill(
    market: uint256,
    taker: uint256,
    taker_fee_rate: uint256,
    is_taker_reduce_only: bool,
    makers: DynArray[IMarginVault.MakerFill, 16],
):
    assert not self.is_reverting, "mock vault: told to revert"
    for maker: IMarginVault.MakerFill in makers:
        assert len(self.refusals[maker.account]) == 0, self.refusals[maker.account]
        if self.is_burning[maker.account]:
            raise UNREACHABLE
    if self.callback_target != empty(address):
        raw_call(self.callback_target, self.callback_data)
    if self.is_recording:
        self.fills.append(
            Fill(
                market=market,
                taker=taker,
                taker_fee_rate=taker_fee_rate,
                is_taker_reduce_only=is_taker_reduce_only,
                makers=makers,
            )
        )


@external
def pay_builder(market: uint256, builder: uint256, amount: uint256):
    self.payments.append(Payment(market=market, builder=builder, amount=amount))


@external
@view
def payment_count() -> uint256:
    return len(self.payments)


@external
@view
def payment_at(index: uint256) -> Payment:
    return self.payments[index]


@external
@view
def fill_count() -> uint256:
    return len(self.fills)


@external
@view
def fill_at(index: uint256) -> Fill:
    return self.fills[index]
