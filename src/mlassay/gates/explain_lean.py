"""What the model's answer to a row leans on, column by column: never why the row is as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.explain_importance import spaced
from mlassay.tasks import BINARY, MULTICLASS, REGRESSION

if TYPE_CHECKING:
    from mlassay.model import Model
    from mlassay.ports import Subject

Floats = NDArray[np.float64]
OTHERS = 200  # evaluation rows whose values stand in for the row's own
LINEAR, REPLACED = "linear", "replaced"
_TOLERANCE = (
    1e-3  # between the weights' own sum and ONNX Runtime's answer, in log-odds or as a share of the number
)


@dataclass(frozen=True, slots=True)
class Leaning:
    """Each column's part in the answer to one row, largest first; what the parts are of stands in ``scale``.

    ``method`` is LINEAR (parts add up exactly to the answer's distance from the average row's) or REPLACED (how much
    the answer would differ, on average, with the value of another row).
    """

    method: str
    scale: str
    parts: tuple[tuple[str, float], ...]


def leaning(subject: Subject, row: int) -> Leaning:
    """The parts of the answer to the evaluation row at position ``row`` (from 0)."""
    model = subject.model
    every = {name: np.asarray(values) for name, values in model.encode(subject.table.as_mapping()).items()}
    found = (
        _linear(model, every, row, float(subject.scores[row]))
        if subject.task in (BINARY, REGRESSION)
        else None
    )
    if found is not None:
        scale = "log-odds" if subject.task == BINARY else "units of the answer"
        return Leaning(LINEAR, scale, _ordered(found))
    return Leaning(REPLACED, _scale(subject), _ordered(_replaced(subject, every, row)))


def _scale(subject: Subject) -> str:
    if subject.task == BINARY:
        return "probability"
    return "probability of the decided answer" if subject.task == MULTICLASS else "units of the answer"


def _ordered(parts: dict[str, float]) -> tuple[tuple[str, float], ...]:
    # Rounded before sorting, so that noise in the last digits orders nothing.
    return tuple(sorted(parts.items(), key=lambda part: (-abs(round(part[1], 6)), part[0])))


def _linear(model: Model, every: dict[str, NDArray[Any]], row: int, score: float) -> dict[str, float] | None:
    """Weight times distance from the mean of the rows, summed by column; None where the model is not read as linear."""
    network = model.network()
    if network is None or not network.linear or network.link == "ranked":
        return None
    rows = network.answer.weights
    if network.link == "softmax" and len(rows) != 2:
        return None
    weights = rows[-1] - rows[0] if network.link == "softmax" else rows[-1]
    with np.errstate(all="ignore"):
        values = {at: feature.values(every[feature.column]) for at, feature in network.features.items()}
    parts = {each.name: 0.0 for each in model.inputs}
    total = float(weights[0])
    for at, feature in network.features.items():
        known = values[at]
        if not np.isfinite(known[row]):
            return None
        total += float(weights[at] * known[row])
        parts[feature.column] += float(weights[at] * (known[row] - known[np.isfinite(known)].mean()))
    return parts if _same(total, score, network.link) else None


def _same(total: float, score: float, link: str) -> bool:
    """Whether the weights say what the model answers, as far as float32 lets a probability tell."""
    if link == "none":
        return abs(total - score) <= _TOLERANCE * max(1.0, abs(score))
    return bool(abs(1 / (1 + np.exp(-total)) - score) <= _TOLERANCE)


def _replaced(subject: Subject, every: dict[str, NDArray[Any]], row: int) -> dict[str, float]:
    """The answer less the mean answer with the column's values of 200 evenly spaced rows, by column."""
    others = spaced(len(subject.table), OTHERS)
    own = {name: np.repeat(values[row : row + 1], len(others)) for name, values in every.items()}
    decided = int(np.argmax(subject.answers[row]))

    def number(answers: Floats) -> Floats:
        return answers[:, decided] if subject.task == MULTICLASS else answers[:, -1]

    mine = float(number(subject.answers[row : row + 1])[0])
    return {
        name: mine - float(number(subject.model.answers(own | {name: values[others]})).mean())
        for name, values in every.items()
    }
