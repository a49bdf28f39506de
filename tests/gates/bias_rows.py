"""Evaluation rows for the bias gate, one builder for each task, and the gate over them."""

import numpy as np

from mlassay.gates.bias import assess
from mlassay.gates.common import Criteria
from mlassay.gates.evaluated import Evaluated
from mlassay.tasks import MULTICLASS, RANKING, REGRESSION

NONE = float("nan")


def judge(rows, **criteria):
    return assess(rows, Criteria("bias", {"sensitive": list(rows.columns), **criteria}, {}))


def outcomes(report):
    return {finding.id.removeprefix("bias."): finding.outcome.name for finding in report.findings}


def binary(truth, scores, columns, declared=None, favourable=1, threshold=0.5):
    truth, scores = np.asarray(truth, np.int8), np.asarray(scores, np.float64)
    predicted = (scores >= threshold).astype(np.int8)
    return Evaluated(
        truth, predicted, scores, threshold, favourable, "deny", ("no", "yes"), columns, declared or {}
    )


def classes(truth, predicted, columns, labels=("low", "mid", "high"), favourable=(2,), scores=None):
    truth, predicted = np.asarray(truth, np.int64), np.asarray(predicted, np.int64)
    favoured = np.isin(predicted, favourable)
    return Evaluated(
        truth,
        predicted,
        np.where(favoured, 0.8, 0.1) if scores is None else scores,
        NONE,
        favourable[0],
        "tier",
        labels,
        columns,
        {},
        task=MULTICLASS,
        favoured=favoured,
        deserved=np.isin(truth, favourable),
        also=favourable[1:],
    )


def values(truth, predicted, columns, threshold=None, side="higher", declared=None):
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    favoured = deserved = None
    if threshold is not None:
        favoured, deserved = ((part >= threshold) == (side == "higher") for part in (predicted, truth))
    return Evaluated(
        truth,
        np.empty(0, np.int8) if favoured is None else favoured.astype(np.int8),
        predicted,
        NONE if threshold is None else threshold,
        1,
        "price",
        (),
        columns,
        declared or {},
        task=REGRESSION,
        favoured=favoured,
        deserved=deserved,
        side=side,
    )


def order(relevant, scores, columns, count):
    relevant, scores = np.asarray(relevant, np.float64), np.asarray(scores, np.float64)
    favoured = np.zeros(len(scores), np.bool_)
    favoured[np.argsort(-scores, kind="stable")[:count]] = True
    return Evaluated(
        relevant,
        favoured.astype(np.int8),
        scores,
        NONE,
        1,
        "hired",
        (),
        columns,
        {},
        task=RANKING,
        favoured=favoured,
        deserved=relevant > 0,
        chosen=f"count {count}",
    )
