"""Permutation importance: how much worse the model answers when a column's values are dealt out anew among the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.digest import parse_canonical
from mlassay.errors import MlassayError
from mlassay.files import find_file
from mlassay.gates.common import shown
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_kinds import KINDS
from mlassay.statistics import SEED, Z95, Estimate
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION

if TYPE_CHECKING:
    from mlassay.model import Model
    from mlassay.ports import Subject

Floats = NDArray[np.float64]
METRIC = {BINARY: "roc_auc", MULTICLASS: "roc_auc", REGRESSION: "rmse", RANKING: "roc_auc"}
REPEATS = 5
MOST_ROWS = 5000
MOST_COLUMNS = 200
DRAWS = 2000
RECORD = "gates/explain.json"


@dataclass(frozen=True, slots=True)
class Importance:
    """By column how much ``metric`` worsens without it, in the metric's unit, with 95% limits; over so many ``rows``."""

    metric: str
    rows: int
    columns: Mapping[str, Estimate]

    @property
    def ranked(self) -> list[str]:
        """The columns that the answers lean on most come first; names break ties."""
        return sorted(self.columns, key=lambda name: (-round(self.columns[name].point, 6), name))

    def as_json(self) -> list[dict[str, str | int]]:
        """As the report holds it: integers and decimal strings."""
        return [
            {
                "rank": rank,
                "column": name,
                "value": shown(self.columns[name].point, 6),
                "lower": shown(self.columns[name].lower, 6),
                "upper": shown(self.columns[name].upper, 6),
            }
            for rank, name in enumerate(self.ranked, 1)
        ]


def importance(subject: Subject, model: Model, metric: str) -> Importance:
    """Over the evaluation rows (5,000 evenly spaced ones at most), every column dealt out anew five times.

    Breiman 2001 (Mach Learn 45:5); Fisher, Rudin and Dominici 2019 (JMLR 20:177). The same five orders serve every
    column. A limit counts what other rows would give (the metric's own paired interval) and what other orders would.
    """
    whole = Evaluated.of(subject, ())
    index = spaced(len(whole.truth), MOST_ROWS)
    rows = _only(whole, index)
    kind = KINDS[subject.task]
    measure = kind.metrics[metric]
    every = model.encode(subject.table.as_mapping())
    given = {name: np.asarray(values)[index] for name, values in every.items()}
    generator = np.random.default_rng(SEED)
    orders = [generator.permutation(len(index)) for _ in range(REPEATS)]

    def answered(changed: dict[str, NDArray[Any]]) -> Any:
        raw = model.answers(changed)
        scores = model.scores_of(raw)
        return kind.of(rows, scores if subject.task == BINARY else raw)

    before = answered(given)
    found = {
        each.name: _mean(
            [measure.drop(before, answered(given | {each.name: given[each.name][order]})) for order in orders]
        )
        for each in model.inputs[:MOST_COLUMNS]
    }
    return Importance(metric, len(index), found)


def spaced(count: int, most: int) -> NDArray[np.int64]:
    """At most so many of ``count`` positions, evenly spaced."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).astype(np.int64))


def _only(rows: Evaluated, index: NDArray[np.int64]) -> Evaluated:
    return replace(
        rows,
        truth=rows.truth[index],
        predicted=rows.predicted[index] if len(rows.predicted) else rows.predicted,
        scores=rows.scores[index],
        answers=None if rows.answers is None else rows.answers[index],
        favoured=None if rows.favoured is None else rows.favoured[index],
        deserved=None if rows.deserved is None else rows.deserved[index],
    )


def _mean(drops: Sequence[Estimate]) -> Estimate:
    points = np.array([drop.point for drop in drops])
    rows = np.array([(drop.upper - drop.lower) / 2 / Z95 for drop in drops])
    half = Z95 * float(np.sqrt((rows**2).mean() + points.var(ddof=1) / len(points)))
    mean = float(points.mean())
    return Estimate(mean, mean - half, mean + half)


def recorded(live: Path, metric: str) -> Importance | None:
    """What the live release's own report says, beside its model; None where it says nothing of this metric."""
    try:
        data = find_file(live.parent, RECORD)
        value = None if data is None else parse_canonical(data, RECORD)
    except MlassayError:
        return None
    measured = value.get("measured") if isinstance(value, dict) else None
    found = measured.get("importance") if isinstance(measured, dict) else None
    if not isinstance(found, dict) or found.get("metric") != metric:
        return None
    try:
        columns = {
            str(each["column"]): Estimate(*(float(each[side]) for side in ("value", "lower", "upper")))
            for each in found["columns"]
        }
        return Importance(metric, int(found["rows"]), columns)
    except (KeyError, TypeError, ValueError):
        return None


def rank_change(now: Importance, then: Importance) -> Estimate:
    """How far the order of columns has changed: the share of importance that stands between pairs whose order differs.

    A weighted Kendall distance, 0 (the same order) to 1 (turned round): each pair of columns weighs as much as the two
    lie apart, now and then together, so that columns that hardly matter hardly count. The limits are those of 2,000
    seeded draws around both measurements: what noise alone could have made of either.
    """
    names = sorted({*now.columns, *then.columns})
    sides = [np.array([_point(each, name) for name in names]) for each in (now, then)]
    if not names or not all(np.isfinite(side).all() for side in sides):
        return Estimate.unknown()
    generator = np.random.default_rng(SEED)
    drawn = [side[:, 0] + side[:, 1] * generator.standard_normal((DRAWS, len(names))) for side in sides]
    point = float(_distance(sides[0][None, :, 0], sides[1][None, :, 0])[0])
    lower, upper = np.quantile(_distance(*drawn), [0.025, 0.975])
    return Estimate(point, min(point, float(lower)), max(point, float(upper)))


def _point(measured: Importance, name: str) -> tuple[float, float]:
    """``(importance, its standard error)``; a column that a model does not take has none."""
    found = measured.columns.get(name)
    return (0.0, 0.0) if found is None else (found.point, (found.upper - found.lower) / 2 / Z95)


def _distance(now: Floats, then: Floats) -> Floats:
    """(draws,) distances of (draws, columns) importances, each side first brought to a sum of 1."""
    changed, total = np.zeros(len(now)), np.zeros(len(now))
    scaled = []
    for side in (now, then):
        kept = np.maximum(side, 0.0)
        whole = kept.sum(axis=1, keepdims=True)
        scaled.append(np.divide(kept, whole, out=np.zeros_like(kept), where=whole > 0))
    for j in range(now.shape[1]):
        gaps = [side[:, [j]] - side[:, j + 1 :] for side in scaled]
        weight = np.abs(gaps[0]) + np.abs(gaps[1])
        total += weight.sum(axis=1)
        changed += np.where(gaps[0] * gaps[1] < 0, weight, 0.0).sum(axis=1)
    return np.asarray(np.divide(changed, total, out=np.zeros_like(total), where=total > 0))
