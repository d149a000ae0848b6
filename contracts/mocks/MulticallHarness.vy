# pragma version 0.4.3

"""
@title MulticallHarness
@license AGPL-3.0-only
@author Lastline
@notice Many views of one contract in one call, for suites that compare whole ledgers.
"""


@external
@view
def read(target: address, calls: DynArray[Bytes[100], 160]) -> DynArray[Bytes[448], 160]:
    """
    @param target Contract all calls go to
    @param calls Calldata of views that answer at most 448 bytes
    @return The answers, as they came
    """
    answers: DynArray[Bytes[448], 160] = []
    for data: Bytes[100] in calls:
        answers.append(raw_call(target, data, max_outsize=448, is_static_call=True))
    return answers
