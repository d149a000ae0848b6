# pragma version 0.4.3

"""
@title MockKernel
@license AGPL-3.0-only
@author Lastline
@notice The vault as the LiquidationEngine and the LossAllocator see it: records the calls it gets and answers each, by
        selector and first argument, as it has been told: with data, with revert data, or by burning all its gas.
        Told nothing, it answers with zeros. What it is told to answer as a view it does not record.
"""


struct Call:
    sender: address
    data: Bytes[164]


ANSWER: constant(uint256) = 0
REVERT: constant(uint256) = 1
BURN: constant(uint256) = 2
CALL_BACK: constant(uint256) = 3
VIEW: constant(uint256) = 4

is_operator: public(HashMap[address, HashMap[address, bool]])
account_word: public(HashMap[uint256, uint256])
position_words: HashMap[uint256, uint256]
mark: public(HashMap[uint256, uint256])
next_marks: HashMap[uint256, uint256]
is_recording: public(bool)

calls: DynArray[Call, 256]
# By selector and first argument.
actions: HashMap[bytes4, HashMap[uint256, uint256]]
answers: HashMap[bytes4, HashMap[uint256, Bytes[448]]]


@deploy
def __init__():
    self.is_recording = True


@external
def set_operator(operator: address, is_approved: bool):
    self.is_operator[msg.sender][operator] = is_approved


@external
def set_account_word(account: uint256, word: uint256):
    self.account_word[account] = word


@external
def set_position_word(account: uint256, word: uint256):
    """
    @param word That of every market
    """
    self.position_words[account] = word


@external
def set_mark(market: uint256, mark: uint256):
    self.mark[market] = mark


@external
def set_next_mark(market: uint256, mark: uint256):
    """
    @param mark What update_mark makes of it, if not zero
    """
    self.next_marks[market] = mark


@external
@view
def liquidation_words(account: uint256, market: uint256) -> uint256[3]:
    return [self.account_word[account], self.position_words[account], self.mark[market]]


@external
def set_recording(is_recording: bool):
    self.is_recording = is_recording


@external
def set_answer(selector: bytes4, argument: uint256, data: Bytes[448]):
    self.actions[selector][argument] = ANSWER
    self.answers[selector][argument] = data


@external
def set_revert(selector: bytes4, argument: uint256, data: Bytes[448]):
    """
    @param data What is reverted with, Error(string) or anything else
    """
    self.actions[selector][argument] = REVERT
    self.answers[selector][argument] = data


@external
def set_burn(selector: bytes4, argument: uint256):
    self.actions[selector][argument] = BURN


@external
def set_call_back(selector: bytes4, argument: uint256, data: Bytes[448]):
    """
    @param data What the caller is called with before the answer, zeros, is given
    """
    self.actions[selector][argument] = CALL_BACK
    self.answers[selector][argument] = data


@external
def set_view(selector: bytes4, argument: uint256, data: Bytes[448]):
    """
    @param argument Zero for a view without arguments
    """
    self.actions[selector][argument] = VIEW
    self.answers[selector][argument] = data


@external
@view
def call_count() -> uint256:
    return len(self.calls)


@external
@view
def call_at(index: uint256) -> Call:
    return self.calls[index]


@external
@raw_return
def __default__() -> Bytes[448]:
    selector: bytes4 = convert(slice(msg.data, 0, 4), bytes4)
    argument: uint256 = 0
    if len(msg.data) > 4:
        argument = convert(slice(msg.data, 4, 32), uint256)
    action: uint256 = self.actions[selector][argument]
    answer: Bytes[448] = self.answers[selector][argument]
    if action == REVERT:
        raw_revert(answer)
    if action == BURN:
        raise UNREACHABLE
    if selector == method_id("update_mark(uint256)", output_type=bytes4) and self.next_marks[argument] != 0:
        self.mark[argument] = self.next_marks[argument]
    if self.is_recording and action != VIEW:
        # Of msg.data only a slice of fixed length can be had: here one, two, four or five words.
        data: Bytes[164] = b""
        if len(msg.data) == 36:
            data = slice(msg.data, 0, 36)
        elif len(msg.data) == 68:
            data = slice(msg.data, 0, 68)
        elif len(msg.data) == 132:
            data = slice(msg.data, 0, 132)
        else:
            data = slice(msg.data, 0, 164)
        self.calls.append(Call(sender=msg.sender, data=data))
    if action == CALL_BACK:
        raw_call(msg.sender, answer)
        return abi_encode(empty(uint256[5]))
    if len(answer) == 0:
        return abi_encode(empty(uint256[5]))
    return answer
