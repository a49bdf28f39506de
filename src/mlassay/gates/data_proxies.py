"""Which inputs tell a sensitive group: taking a column out does not help where others stand in for it.

Each input is learned on one half of the rows and judged on the other: its values (or twenty bins of them) are given
the group's share among the first half, and the area under the ROC curve says how well that ranks members of the group
in the second half. All inputs together are a logistic regression on those shares and on the numbers themselves.
.5 is chance. Report only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.common import shown
from mlassay.statistics import SEED, auc_interval

if TYPE_CHECKING:
    import polars as pl

ROWS = 50_000  # evaluation rows that are looked at
BINS = 20
COLUMNS = 500  # inputs that are looked at
TOGETHER = 100  # columns of the regression: those that vary most with the group
SHOWN = 20  # columns told of, those that tell most
_SMALLEST = 30  # rows of a group and of the others, in each half
_WEIGHT = 10.0  # rows of the overall share that each value's share is drawn towards
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Proxy:
    """How well something tells a group from the others, on rows that it was not learned on, with a 95% interval."""

    value: float
    lower: float
    upper: float

    def as_json(self) -> dict[str, str]:
        """As decimal strings."""
        return {"auc": shown(self.value), "lower": shown(self.lower), "upper": shown(self.upper)}


@dataclass(frozen=True, slots=True)
class Told:
    """What the inputs tell of one group: each column's proxy, and all of them together."""

    group: str
    rows: int
    columns: Mapping[str, Proxy]
    joint: Proxy

    def as_json(self) -> dict[str, Any]:
        """The columns that tell most, and all together."""
        best = sorted(self.columns.items(), key=lambda item: (-item[1].value, item[0]))[:SHOWN]
        return {
            "rows": self.rows,
            "columns": {name: proxy.as_json() for name, proxy in best},
            "together": self.joint.as_json(),
        }


def proxies(frame: pl.DataFrame, inputs: Sequence[str], sensitive: str) -> list[Told]:
    """What ``inputs`` tell of each group of ``sensitive``; nothing of groups with too few rows, or too many.

    ``frame`` holds both, as `mlassay.manifest.stream.Batch` does; time is linear in its cells.
    """
    groups = _texts(frame, sensitive)
    half = np.random.default_rng(SEED).permutation(len(groups)) % 2 == 0
    names, counts = np.unique(groups, return_counts=True)
    asked = [str(name) for name, count in zip(names, counts, strict=True) if count >= 2 * _SMALLEST][:20]
    if len(names) == 2:
        asked = asked[-1:]  # telling one of two groups is telling the other
    inputs = inputs[:COLUMNS]
    codes = {name: _coded(frame, name, half) for name in inputs if name != sensitive and len(groups)}
    numbers = [scale for name in codes if (scale := _numbers(frame, name, half)) is not None]
    found: list[Told] = []
    for group in asked if codes else ():
        member = groups == group
        if (
            min(member[half].sum(), (~member)[half].sum(), member[~half].sum(), (~member)[~half].sum())
            < _SMALLEST
        ):
            continue
        scores = {name: _shares(code, member, half) for name, code in codes.items()}
        each = {name: _judged(member[~half], score[~half]) for name, score in scores.items()}
        logits = [np.log(score / (1 - score)) for score in scores.values()]
        together = _together(np.stack([*logits, *numbers], axis=1), member, half)
        joint = _judged(member[~half], together[~half])
        found.append(Told(group or "(missing)", len(groups), each, joint))
    return found


def _judged(member: NDArray[np.bool_], score: Array) -> Proxy:
    found = auc_interval(member, score)
    return Proxy(found.point, found.lower, found.upper)


def _texts(frame: pl.DataFrame, name: str) -> NDArray[np.str_]:
    from mlassay.manifest.columnar import text_of

    return np.asarray(text_of(frame[name]).to_list(), dtype=np.str_)


def _coded(frame: pl.DataFrame, name: str, half: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Each value as a number from 0: bins of its rank in the learned half where it has many values, else itself."""
    import polars as pl

    values = frame[name]
    numbers = values.cast(pl.Float64, strict=False).to_numpy()
    known = np.isfinite(numbers)
    if known.mean() > 0.5 and len(np.unique(numbers[known])) > BINS:
        ends = np.unique(np.quantile(numbers[half & known], np.linspace(0, 1, BINS + 1)[1:-1]))
        return np.where(known, np.searchsorted(ends, numbers, side="right") + 1, 0)
    return np.unique(_texts(frame, name), return_inverse=True)[1].astype(np.int64)


def _shares(code: NDArray[np.int64], member: NDArray[np.bool_], half: NDArray[np.bool_]) -> Array:
    """Share of the group among the learned rows of the same code, drawn towards the overall share where they are few."""
    size = int(code.max()) + 1 if len(code) else 1
    rows = np.bincount(code[half], minlength=size)
    inside = np.bincount(code[half], weights=member[half], minlength=size)
    overall = member[half].mean()
    return np.asarray(((inside + _WEIGHT * overall) / (rows + _WEIGHT))[code], dtype=np.float64)


def _numbers(frame: pl.DataFrame, name: str, half: NDArray[np.bool_]) -> Array | None:
    """A column of numbers on the scale of the learned half; None for one of words."""
    import polars as pl

    numbers = frame[name].cast(pl.Float64, strict=False).to_numpy()
    known = np.isfinite(numbers)
    if known.mean() <= 0.5 or not (known & half).any():
        return None
    learned = numbers[half & known]
    low, high = np.quantile(learned, [0.01, 0.99])
    return np.asarray(np.where(known, np.clip(numbers, low, high), np.median(learned)), dtype=np.float64)


def _together(logits: Array, member: NDArray[np.bool_], half: NDArray[np.bool_]) -> Array:
    """A logistic regression with a small ridge, by Newton's method; the score of every row."""
    if logits.shape[1] > TOGETHER:  # chosen by the learned half alone
        centred = logits[half] - logits[half].mean(axis=0)
        spread = centred.std(axis=0)
        told = np.abs(centred.T @ (member[half] - member[half].mean())) / np.where(spread > 0, spread, np.inf)
        logits = logits[:, np.sort(np.argsort(-told, kind="stable")[:TOGETHER])]
    mean, spread = logits[half].mean(axis=0), logits[half].std(axis=0)
    design = np.c_[np.ones(len(logits)), (logits - mean) / np.where(spread > 0, spread, 1)]
    learned, target = design[half], member[half].astype(np.float64)
    weights = np.zeros(design.shape[1])
    ridge = np.r_[0.0, np.ones(design.shape[1] - 1)]
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(learned @ weights, -30, 30)))
        gradient = learned.T @ (p - target) + ridge * weights
        curve = (learned * (p * (1 - p))[:, None]).T @ learned + np.diag(ridge + 1e-9)
        step = np.linalg.solve(curve, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-6:
            break
    return np.asarray(design @ weights, dtype=np.float64)
