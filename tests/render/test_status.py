"""What status says of weakenings: each while they are few, their number when they are many."""

from __future__ import annotations

import pytest

from mlassay.case.requests import RequestName
from mlassay.policy import Decision, Demand
from mlassay.render.status import status_lines
from mlassay.stages.status import Status, Waiting
from tests.policy.cases import case


@pytest.mark.parametrize(("number", "each"), [(3, True), (4, False), (40, False)])
def test_few_weakenings_are_told_one_by_one_and_many_are_counted(number, each):
    weakened = tuple(Demand(f"weakening.w{at}", False, "w", "somebody accepts it") for at in range(number))
    decision = Decision((*weakened, Demand("approvals", False, "a", "one more person")))
    waiting = Waiting(RequestName("20261120-1a2b3c4d", "staging"), case(), decision)
    told = list(status_lines(Status("c" * 40, (), (waiting,), None)))
    assert sum("waits for weakening.w" in line for line in told) == (number if each else 0)
    assert any(f"waits for {number} weakenings to be accepted" in line for line in told) is not each
    assert sum("waits for approvals" in line for line in told) == 1
