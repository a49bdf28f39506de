"""The fixed section that every report ends with: what these tests do not show."""

from __future__ import annotations

from collections.abc import Sequence

from mlassay.evidence import GateReport

TITLE = "What these tests do not show"

ALWAYS = (
    "That any single decision is right. Rates over groups of rows were measured; a person can be wronged inside good rates.",
    "Anything about people or groups that the data does not record, or records too rarely to count.",
    "Whether the labels are right. They are decisions or outcomes of the past, with what was wrong in them.",
    "That tomorrow's rows will be like the evaluation rows. Numbers hold for those rows, and for others so far as they are alike.",
    "How people will use the answers, what they cannot explain or contest, and what it does to those decided about.",
    "Whether a threshold is the right one, or the use lawful. Criteria are choices that people made and answer for.",
    "Attacks outside the declared columns and radius. What a search did not break is undecided, not proven.",
)


def unseen(gates: Sequence[GateReport]) -> list[tuple[str, str]]:
    """``(gate, what it says it did not look at)``, each once."""
    return list(dict.fromkeys((gate.gate, text) for gate in gates for text in gate.not_looked_at))
