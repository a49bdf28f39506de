"""The questions that a promotion leaves open: whoever approves must answer each of them in words."""

from __future__ import annotations

from collections.abc import Mapping

from mlassay.config import Level
from mlassay.evidence.records import Question
from mlassay.evidence.verdict import Outcome

WHOM = Question("whom", "Whom does this threshold favour, and who bears the errors?")
"""What no measurement answers; asked where the risk is major or more, so that small models stay light."""


def open_questions(gates: Mapping[str, Outcome], level: Level | None) -> tuple[Question, ...]:
    """What every approval must answer: whom it favours, and one question for each gate that did not pass.

    A ``level`` of None, one that cannot be read, is asked as the highest.
    """
    whom = (WHOM,) if level is None or level.rank >= Level.MAJOR.rank else ()
    return whom + tuple(
        Question(
            f"waived.{gate}", f"The gate {gate} is {gates[gate]}. Why may this release go on without it?"
        )
        for gate in sorted(gates)
        if gates[gate] is not Outcome.PASSED
    )
