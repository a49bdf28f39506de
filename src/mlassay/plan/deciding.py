"""What a model's answers decide, and what the labels say was deserved, by the plan's task. Arrays in, arrays out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlassay.errors import Problem, Unmeasurable
from mlassay.plan.types import Plan
from mlassay.tasks import BINARY, HIGHER, MULTICLASS, RANKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PATH = "ml.yaml"


def decided(plan: Plan, answers: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[Any]:
    """The decided class of each row, shape (n,), from (n, k) ``answers`` and the finite (n,) ``scores`` of `Model.score`."""
    import numpy as np

    model = plan.config.model
    if model.task == MULTICLASS:
        return np.asarray(answers.argmax(axis=1), dtype=np.int64)
    if model.task == RANKING:
        return selected(plan, scores)
    if model.threshold is None:
        raise Unmeasurable(
            Problem(
                "model.threshold is not declared, so that no predicted number is favourable or not",
                why="what compares favourable answers needs to know which ones are",
                remedy="declare the value of the label that splits the two, or have policy name the exemption",
                path=PATH,
                line=plan.config.lines.get("model.task"),
            )
        )
    if model.task == BINARY:
        return (scores >= model.threshold).astype(np.int8)
    return _favourable_side(plan, scores).astype(np.int8)


def selected(plan: Plan, scores: NDArray[np.float64]) -> NDArray[np.int8]:
    """1 for the rows that ``model.select`` chooses, those with the highest scores; of equal ones the earlier rows."""
    import numpy as np

    select = plan.config.model.select
    if select is None:
        raise Unmeasurable(Problem("model.select is not declared, so that no row is chosen", path=PATH))
    chosen = np.zeros(len(scores), dtype=np.int8)
    chosen[np.argsort(-scores, kind="stable")[: select.of(len(scores))]] = 1
    return chosen


def is_favourable(classes: NDArray[Any], favourable: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether each of (n,) ``classes`` is one of those that people hope for."""
    import numpy as np

    return np.isin(classes, favourable)


def deserved(plan: Plan, truth: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each (n,) label is the favourable one: relevant (over zero) for a ranking."""
    import numpy as np

    task = plan.config.model.task
    if task in (BINARY, MULTICLASS):
        return is_favourable(truth, plan.favourable_classes)
    if task == RANKING:
        return np.asarray(truth > 0)
    return _favourable_side(plan, truth)


def _favourable_side(plan: Plan, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """At the threshold a value is on the higher side, of predictions and labels alike."""
    import numpy as np

    threshold = math.nan if plan.config.model.threshold is None else plan.config.model.threshold
    higher = np.asarray(values >= threshold)
    return higher if plan.config.model.favourable == HIGHER else ~higher


def labelled(plan: Plan, texts: Sequence[str]) -> NDArray[Any]:
    """The labels as the task measures by them, shape (n,); Unmeasurable names the first row that has none."""
    import numpy as np

    label, task = plan.label, plan.config.model.task
    if task in (BINARY, MULTICLASS) or (task == RANKING and label.values):
        codes = {value: index for index, value in enumerate(label.values)}
        if bad := [number for number, text in enumerate(texts, 1) if text not in codes]:
            raise _unlabelled(
                plan, bad, texts, f"one of the declared values ({', '.join(label.values[:12])})"
            )
        return np.array([codes[text] for text in texts], dtype=np.int64 if task == MULTICLASS else np.int8)
    numbers = [_number(text) for text in texts]
    least = 0.0 if task == RANKING else -math.inf
    if bad := [
        row
        for row, number in enumerate(numbers, 1)
        if not (least <= number < math.inf) or number == -math.inf
    ]:
        raise _unlabelled(plan, bad, texts, "a number" if task != RANKING else "a number of zero or more")
    return np.array(numbers, dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _unlabelled(plan: Plan, bad: Sequence[int], texts: Sequence[str], wanted: str) -> Unmeasurable:
    seen = "".join(c if c.isprintable() else " " for c in texts[bad[0] - 1][:60])
    shown = f"'{seen}'" if seen else "empty"
    return Unmeasurable(
        Problem(
            f"the label {plan.label.name} of {len(bad)} of {len(texts)} evaluation rows is not {wanted} "
            f"(the first is row {bad[0]}: {shown})",
            why="without labels nothing about right and wrong answers can be measured",
            remedy="correct the data, the column's values in its manifest, or evaluate.label",
            path=PATH,
            line=plan.config.lines.get("evaluate.label"),
        )
    )
