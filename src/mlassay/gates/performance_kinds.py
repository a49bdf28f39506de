"""What the performance gate measures for each task: metrics, the words beside them, and the model to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlassay.evidence.verdict import Finding
from mlassay.gates.common import Criteria, shown
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_baseline import baseline, class_baseline
from mlassay.gates.performance_classes import CLASS_METRICS, ClassAnswers, class_words
from mlassay.gates.performance_curves import curves
from mlassay.gates.performance_metrics import METRICS, Answers, Metric, confusion_words
from mlassay.gates.performance_ranks import (
    RANK_METRICS,
    RankAnswers,
    nearest_selection,
    rank_baseline,
    rank_words,
)
from mlassay.gates.performance_threshold import nearest_setting
from mlassay.gates.performance_values import VALUE_METRICS, ValueAnswers, value_baseline, value_words
from mlassay.gates.performance_words import significant
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION

Raw = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kind:
    """One task: ``now`` are the release's answers to some rows, ``of`` those of another model's scores (n,) or output (n, k).

    ``words`` are counts for the report, ``baseline`` the findings against no model, ``shown`` how a number is written,
    ``setting`` a sentence on the nearest setting that would pass (empty where there is none to choose), ``curves`` what
    the report draws of all rows.
    """

    metrics: Mapping[str, Metric[Any]]
    now: Callable[[Evaluated], Any]
    of: Callable[[Evaluated, Raw], Any]
    words: Callable[[Any, Evaluated], dict[str, Any]]
    baseline: Callable[[Any, Evaluated, Criteria], list[Finding]]
    shown: Callable[[float, int], str] = shown
    setting: Callable[[Any, float, str, str, float], str] = lambda *_: ""
    curves: Callable[[Any], dict[str, Any]] = lambda _: {}


def _binary(rows: Evaluated, scores: Raw) -> Answers:
    """At this release's threshold, whichever model it is."""
    return Answers(rows.truth, (scores >= rows.threshold).astype(np.int8), scores)


def _own(of: Callable[[Evaluated, Raw], Any]) -> Callable[[Evaluated], Any]:
    """The release's own raw output, read by ``of``."""

    def now(rows: Evaluated) -> Any:
        return of(rows, np.empty((0, 1)) if rows.answers is None else rows.answers)

    return now


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        BINARY: Kind(
            METRICS,
            lambda rows: Answers(rows.truth, rows.predicted, rows.scores),
            _binary,
            confusion_words,
            baseline,
            setting=nearest_setting,
            curves=lambda now: curves(now.truth, now.scores),
        ),
        MULTICLASS: Kind(CLASS_METRICS, _own(ClassAnswers.of), ClassAnswers.of, class_words, class_baseline),
        REGRESSION: Kind(
            VALUE_METRICS, _own(ValueAnswers.of), ValueAnswers.of, value_words, value_baseline, significant
        ),
        RANKING: Kind(
            RANK_METRICS,
            _own(RankAnswers.of),
            RankAnswers.of,
            rank_words,
            rank_baseline,
            setting=nearest_selection,
        ),
    }
)
