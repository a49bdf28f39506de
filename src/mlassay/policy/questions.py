"""The questions that a promotion leaves open: whoever approves must answer each of them in words."""

from __future__ import annotations

from collections.abc import Mapping

from mlassay.evidence.records import Question
from mlassay.evidence.verdict import Outcome


def open_questions(gates: Mapping[str, Outcome]) -> tuple[Question, ...]:
    """One question for each gate that did not pass and is to be carried by a waiver."""
    return tuple(
        Question(
            f"waived.{gate}", f"The gate {gate} is {gates[gate]}. Why may this release go on without it?"
        )
        for gate in sorted(gates)
        if gates[gate] is not Outcome.PASSED
    )
