"""Every deployable keeps a kilobyte of the limit of 24,576 bytes free."""

import pytest

from tests.meta.sources import DEPLOYABLES
from tests.support import compiled

EIP_170_LIMIT = 24_576
BUDGET = EIP_170_LIMIT - 1_024


@pytest.mark.parametrize("name", DEPLOYABLES)
def test_runtime_code_fits_the_budget(name):
    data = compiled(name).compiler_data
    immutables = data.global_ctx.immutable_section_bytes
    assert len(data.bytecode_runtime) + immutables <= BUDGET
