"""What the live release decides about the evaluation rows, or why that cannot be told."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.errors import ConfigurationError
from mlassay.files import find_file
from mlassay.tasks import BINARY, REGRESSION

if TYPE_CHECKING:
    from mlassay.ports import Subject

_LARGEST = 1 << 24  # bytes of the live release's own report of this gate


@dataclass(frozen=True, slots=True)
class Live:
    """The live model's answers to the evaluation rows: (n, k), its scores, decisions and favours (n,).

    ``threshold`` is the one that it was released with, None where nothing tells it (then it decides at this
    release's). ``inputs`` are the columns that it takes.
    """

    answers: NDArray[np.float64]
    scores: NDArray[np.float64]
    predicted: NDArray[Any]
    favoured: NDArray[np.bool_]
    threshold: float | None
    inputs: tuple[str, ...]


def ask_live(subject: Subject, path: Path) -> Live | str:
    """The live model's decisions on the same rows; a text where it cannot answer them."""
    from mlassay.model import Unusable
    from mlassay.plan.deciding import decided, is_favourable
    from mlassay.ports import load_model

    plan = subject.plan
    try:
        model = load_model(path, plan)
        answers = model.answers(model.encode(subject.table.as_mapping()))
        scores = model.scores_of(answers)
    except Unusable as error:
        return f"the live model cannot answer these rows: {error}"
    threshold = recorded_threshold(path) if subject.task in (BINARY, REGRESSION) else None
    if threshold is not None:
        spec = replace(plan.config.model, threshold=threshold)
        plan = replace(plan, config=replace(plan.config, model=spec))
    predicted = decided(plan, answers, scores)
    favoured = is_favourable(predicted, plan.favourable_classes)
    names = tuple(each.name for each in model.inputs)
    return Live(answers, scores, predicted, favoured, threshold, names)


def recorded_threshold(path: Path) -> float | None:
    """The threshold that the live release's own report of this gate says it decides at; None where there is none."""
    try:
        data = find_file(path.parent, "gates/champion.json", limit=_LARGEST)
        told = json.loads(data) if data is not None else None
        for key in ("measured", "decided_at"):
            told = told.get(key) if isinstance(told, Mapping) else None
        threshold = float(told) if isinstance(told, str) else math.nan
    except (ConfigurationError, ValueError, RecursionError):
        return None
    return threshold if math.isfinite(threshold) else None
