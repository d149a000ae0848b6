# pragma version 0.4.3

"""
@title MockVault
@license AGPL-3.0-only
@author Lastline
@notice The vault as the Exchange sees it: records the fills it gets, has settable operators, and can be told to
        revert, or to call an address while it fills
"""

from ..interfaces import IMarginVault


struct Fill:
    market: uint256
    taker: uint256
    taker_fee_rate: uint256
    is_taker_reduce_only: bool
    makers: DynArray[IMarginVault.MakerFill, 16]


is_operator: public(HashMap[address, HashMap[address, bool]])
is_recording: public(bool)
is_reverting: public(bool)
fills: DynArray[Fill, 256]

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
@view
def fill_count() -> uint256:
    return len(self.fills)


@external
@view
def fill_at(index: uint256) -> Fill:
    return self.fills[index]
