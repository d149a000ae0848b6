# pragma version 0.4.3
# pragma nonreentrancy on

"""
@title fund_history
@license AGPL-3.0-only
@author Lastline
@notice What the fund was like: a ring of checkpoints, one an hour at most but for changes of mode, the oldest overwritten.
        The highest that reserve and pool were worth since the last checkpoint is kept exactly: between two payments or
        withdrawals they only grow, so it is enough to look before each of them and at the checkpoint itself.
@dev Layout (low bits first): reserve 112 @0 | community 112 @112 | mode 8 @224 / peak 112 @0 | paid 112 @112
     / cold reserve 112 @0 | coverage 96 @112 | time 40 @208.
"""

from ..interfaces import IInsuranceFund

CHECKPOINTS: public(constant(uint256)) = 512
CHECKPOINT_SECONDS: public(constant(uint256)) = 3_600

AMOUNT_MASK: constant(uint256) = 2**112 - 1
COVERAGE_MASK: constant(uint256) = 2**96 - 1

# How many were ever made.
checkpoint_count: public(uint256)

checkpoints: uint256[3][CHECKPOINTS]
# Highest since the last checkpoint, as seen before what left.
peak: uint256


@external
@view
def checkpoint(index: uint256) -> IInsuranceFund.Checkpoint:
    """
    @notice One of the last CHECKPOINTS checkpoints
    @dev Reverts "fund: no checkpoint"
    @param index From 0 for the first ever made
    """
    assert (
        index < self.checkpoint_count and index + CHECKPOINTS >= self.checkpoint_count
    ), "fund: no checkpoint"
    return self._unpacked(self.checkpoints[index % CHECKPOINTS])


@internal
def _note_peak(worth: uint256):
    """
    @notice Money is about to leave
    @param worth Reserve and pool before that, token units
    """
    if worth > self.peak:
        self.peak = min(worth, AMOUNT_MASK)


@internal
@view
def _is_due(mode: uint256) -> bool:
    """
    @notice True if the last checkpoint is an hour old, shows another mode, or there is none
    """
    count: uint256 = self.checkpoint_count
    if count == 0:
        return True
    last: IInsuranceFund.Checkpoint = self._unpacked(self.checkpoints[(count - 1) % CHECKPOINTS])
    return last.mode != mode or block.timestamp >= last.time + CHECKPOINT_SECONDS


@internal
def _record(point: IInsuranceFund.Checkpoint):
    """
    @notice Add a checkpoint
    @param point As it is now; its peak is filled in, coverage cut to 96 bits
    """
    c: IInsuranceFund.Checkpoint = point
    c.coverage = min(c.coverage, COVERAGE_MASK)
    c.peak = min(max(self.peak, c.reserve + c.community), AMOUNT_MASK)
    index: uint256 = self.checkpoint_count
    self.checkpoint_count = index + 1
    self.peak = 0
    self.checkpoints[index % CHECKPOINTS] = [
        c.reserve | (c.community << 112) | (c.mode << 224),
        c.peak | (c.paid << 112),
        c.cold_reserve | (c.coverage << 112) | (c.time << 208),
    ]
    log IInsuranceFund.CheckpointRecorded(index=index, checkpoint=c)


@internal
@pure
def _unpacked(words: uint256[3]) -> IInsuranceFund.Checkpoint:
    return IInsuranceFund.Checkpoint(
        time=words[2] >> 208,
        mode=words[0] >> 224,
        reserve=words[0] & AMOUNT_MASK,
        cold_reserve=words[2] & AMOUNT_MASK,
        community=(words[0] >> 112) & AMOUNT_MASK,
        peak=words[1] & AMOUNT_MASK,
        paid=words[1] >> 112,
        coverage=(words[2] >> 112) & COVERAGE_MASK,
    )
