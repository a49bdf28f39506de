"""What an attacker learns from rows at hand: columns as numbers, and two learners of which the better one is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.manifest import Column
from mlassay.tasks import BINARY, MULTICLASS

if TYPE_CHECKING:
    from mlassay.manifest import Table

Floats = NDArray[np.float64]
MOST_VALUES = 20  # of a category, each as a column of its own; further ones are one "other"
MOST_COLUMNS = 200
TREES, DEPTH = 40, 3


def as_numbers(table: Table, columns: Sequence[Column]) -> Floats:
    """Columns of a table as standardised numbers, (n, d): a category as one column for each of its values."""
    parts: list[Floats] = []
    for column in columns[:MOST_COLUMNS]:
        texts = table.column(column.name)
        if column.type in ("number", "integer"):
            parts += _numbers(texts)
        else:
            values = column.values[:MOST_VALUES] or tuple(sorted(set(texts))[:MOST_VALUES])
            array = np.array(texts, dtype=object)
            parts += [(array == value).astype(np.float64) for value in values]
    if not parts:
        return np.zeros((len(table), 1))
    return standard(np.column_stack(parts))


def _numbers(texts: Sequence[str]) -> list[Floats]:
    """The number with its median where it is missing, and, where any is, whether it is."""
    values = np.array([_number(text) for text in texts])
    missing = ~np.isfinite(values)
    middle = float(np.median(values[~missing])) if (~missing).any() else 0.0
    filled = np.where(missing, middle, values)
    return [filled, missing.astype(np.float64)] if missing.any() else [filled]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def as_told(task: str, answers: Floats) -> Floats:
    """The model's answers as an attacker reads them, (n, k): log-odds of probabilities, else the number itself."""
    if task not in (BINARY, MULTICLASS):
        return standard(answers[:, -1:])
    chances = answers[:, -1:] if task == BINARY else answers
    clipped = np.clip(chances, 1e-9, 1 - 1e-9)
    return standard(np.log(clipped) - np.log1p(-clipped))


def standard(values: Floats) -> Floats:
    """Each column with mean 0 and variance 1; a constant one as zeros."""
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def guessed(
    inputs: Floats, values: NDArray[np.int64], parts: tuple[NDArray[np.int64], ...], seed: int
) -> Floats:
    """Chances (m, k) of each value for the rows ``parts[2]``, learned on ``parts[0]``.

    Of a logistic regression and boosted trees, the one that loses less on ``parts[1]``.
    """
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    learn, choose, judge = parts
    found: list[tuple[float, Floats]] = []
    learners: list[Any] = [
        LogisticRegression(max_iter=500),
        GradientBoostingClassifier(n_estimators=TREES, max_depth=DEPTH, random_state=seed),
    ]
    for learner in learners:
        learner.fit(inputs[learn], values[learn])
        chances = learner.predict_proba(inputs[choose])
        mine = np.clip(chances[np.arange(len(choose)), values[choose]], 1e-12, 1)
        found.append((float(-np.log(mine).mean()), learner.predict_proba(inputs[judge])))
    return min(found, key=lambda each: each[0])[1]
