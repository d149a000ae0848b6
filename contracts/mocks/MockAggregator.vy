# pragma version 0.4.3

"""
@title MockAggregator
@license AGPL-3.0-only
@author Lastline
@notice Price feed with the reads of Chainlink's AggregatorV3; anyone may set every field
"""


struct Round:
    answer: int256
    started_at: uint256
    updated_at: uint256
    answered_in_round: uint80


decimals: public(immutable(uint8))

latest_round_id: public(uint80)
is_reverting: public(bool)
_rounds: HashMap[uint80, Round]


@deploy
def __init__(decimals_: uint8, answer: int256):
    """
    @notice Create a feed whose first round is answered now
    @param decimals_ Decimals of the answers
    @param answer First answer
    """
    decimals = decimals_
    self._push(answer, block.timestamp)


@external
def set_answer(answer: int256):
    """
    @notice Add a round that is answered now
    @param answer Answer of the round
    """
    self._push(answer, block.timestamp)


@external
def set_answer_at(answer: int256, updated_at: uint256):
    """
    @notice Add a round that was answered at a chosen time
    @param answer Answer of the round
    @param updated_at Timestamp of the round, in seconds
    """
    self._push(answer, updated_at)


@external
def set_updated_at(updated_at: uint256):
    """
    @notice Overwrite the update time of the latest round
    @param updated_at Timestamp in seconds
    """
    self._rounds[self.latest_round_id].updated_at = updated_at


@external
def set_started_at(started_at: uint256):
    """
    @notice Overwrite the start time of the latest round
    @param started_at Timestamp in seconds
    """
    self._rounds[self.latest_round_id].started_at = started_at


@external
def set_round(
    round_id: uint80, answer: int256, started_at: uint256, updated_at: uint256, answered_in_round: uint80
):
    """
    @notice Write a round with every field chosen and make it the latest one
    @param round_id Id of the round
    @param answer Answer of the round
    @param started_at Timestamp in seconds
    @param updated_at Timestamp in seconds
    @param answered_in_round Id of the round in which the answer was computed
    """
    self.latest_round_id = round_id
    self._rounds[round_id] = Round(
        answer=answer, started_at=started_at, updated_at=updated_at, answered_in_round=answered_in_round
    )


@external
def set_reverting(is_reverting: bool):
    """
    @notice Choose whether every price read reverts
    @param is_reverting True to revert
    """
    self.is_reverting = is_reverting


@external
@pure
def version() -> uint256:
    """
    @notice Version of the feed
    @return Version
    """
    return 4


@external
@pure
def description() -> String[32]:
    """
    @notice Name of the feed
    @return Name
    """
    return "MOCK / USD"


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice The latest round
    @dev Reverts "mock_aggregator: reverting"
    @return Round id, answer, start time, update time, round of the answer
    """
    return self._round_data(self.latest_round_id)


@external
@view
def getRoundData(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice One round; zeros for a round that does not exist
    @dev Reverts "mock_aggregator: reverting"
    @param round_id Id of the round
    @return Round id, answer, start time, update time, round of the answer
    """
    return self._round_data(round_id)


@internal
def _push(answer: int256, updated_at: uint256):
    self.latest_round_id += 1
    self._rounds[self.latest_round_id] = Round(
        answer=answer, started_at=updated_at, updated_at=updated_at, answered_in_round=self.latest_round_id
    )


@internal
@view
def _round_data(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    assert not self.is_reverting, "mock_aggregator: reverting"
    data: Round = self._rounds[round_id]
    return round_id, data.answer, data.started_at, data.updated_at, data.answered_in_round
