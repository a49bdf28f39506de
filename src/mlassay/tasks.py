"""The kinds of answer that a model may give, and which metrics of the performance gate belong to each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BINARY = "binary-classification"
MULTICLASS = "multiclass-classification"
REGRESSION = "regression"
RANKING = "ranking"
TASKS = (BINARY, MULTICLASS, REGRESSION, RANKING)

SELECTED = "selected"  # the one favourable answer of a ranking
HIGHER, LOWER = "higher", "lower"  # the favourable side of a regression

METRICS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        BINARY: (
            "roc_auc",
            "average_precision",
            "accuracy",
            "balanced_accuracy",
            "precision",
            "recall",
            "f1",
            "log_loss",
            "brier",
        ),
        MULTICLASS: ("roc_auc", "accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
        REGRESSION: ("mae", "rmse", "median_absolute_error", "r2"),
        RANKING: ("roc_auc", "precision_at_k", "recall_at_k", "ndcg"),
    }
)
