"""Two further attacks, measured on rows held out from the attacker: guessing a sensitive column, and copying the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.privacy_learn import as_numbers, as_told, guessed
from mlassay.gates.privacy_members import Floats, Side
from mlassay.plan.deciding import decided
from mlassay.statistics import SEED, Estimate, auc_drop, auc_interval, macro_auc, macro_auc_drop, wilson
from mlassay.tasks import BINARY, MULTICLASS

if TYPE_CHECKING:
    from mlassay.ports import Subject

ROWS = 4000  # of the members, for each guessed column
QUERIES = 1000  # answers that the copy is trained on
SMALLEST = 30  # rows of a value in the half that is judged, and in the half that is learned from
MOST_VALUES = 12
COPY_TREES, COPY_DEPTH = 100, 4
UNKNOWN = Estimate.unknown()


@dataclass(frozen=True, slots=True)
class Guess:
    """How well a column is told from the model's inputs alone (``without``) and from its answer besides (``with_``): AUCs.

    ``advantage`` is the difference, paired on the same rows. ``why`` says why nothing was measured.
    """

    column: str
    rows: int = 0
    without: Estimate = UNKNOWN
    with_: Estimate = UNKNOWN
    advantage: Estimate = UNKNOWN
    why: str = ""


def guess(subject: Subject, members: Side, name: str) -> Guess:
    """Guess the column ``name`` of rows that training was given, where the attacker knows half of them in full."""
    column = next((c for c in subject.plan.evaluation.columns if c.name == name), None)
    if column is None:
        return Guess(name, why="the data have no such column")
    if column.type != "category":
        return Guess(name, why=f"it is a {column.type}; values of a category are guessed")
    table = members.table.take(range(min(ROWS, len(members))))
    order = np.random.default_rng(SEED).permutation(len(table))
    parts = np.split(order, [int(len(order) * 0.35), len(order) // 2])
    values, kept = _values(table.column(name), parts)
    if len(kept) < 2:
        return Guess(name, len(table), why=f"fewer than two of its values have {2 * SMALLEST} rows")
    parts = [part[values[part] >= 0] for part in parts]
    taken = [subject.plan.evaluation.column(i.name) for i in subject.model.inputs if i.name != column.name]
    known = as_numbers(table, taken)
    told = np.column_stack([known, as_told(subject.task, members.answers[: len(table)])])
    learn, choose, judge = parts
    before, after = (guessed(x, values, (learn, choose, judge), SEED % 2**31) for x in (known, told))
    truth = values[judge]
    if len(kept) == 2:
        before, after = before[:, 1], after[:, 1]
        found = (auc_interval(truth, before), auc_interval(truth, after), auc_drop(truth, after, before))
    else:
        found = (macro_auc(truth, before), macro_auc(truth, after), macro_auc_drop(truth, after, before))
    return Guess(name, len(judge), *found)


def _values(
    texts: Sequence[str], parts: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Each row's value as a number, -1 for values too rare to be judged; and the values."""
    array = np.array(texts, dtype=object)
    learn, _, judge = parts
    names = sorted({*texts})
    counted = {v: min(int((array[learn] == v).sum()), int((array[judge] == v).sum())) for v in names}
    common = sorted((v for v in names if counted[v] >= SMALLEST), key=lambda v: (-counted[v], v))
    kept = tuple(sorted(common[:MOST_VALUES]))
    codes = {value: code for code, value in enumerate(kept)}
    return np.array([codes.get(text, -1) for text in texts], dtype=np.int64), kept


@dataclass(frozen=True, slots=True)
class Copy:
    """How often a copy trained on ``queries`` answers decides as the model does, over ``rows`` others.

    ``constant`` is the share of the model's most frequent decision, which needs no copy at all.
    """

    queries: int = 0
    rows: int = 0
    agreement: Estimate = UNKNOWN
    constant: float = float("nan")
    why: str = ""


def copy(subject: Subject, others: Side) -> Copy:
    """Train boosted trees on the model's answers to rows that it was not trained on, and compare decisions on others."""
    if not subject.decides:
        return Copy(why="nothing is decided, so that decisions cannot agree")
    count = min(len(others), QUERIES + ROWS)
    order = np.random.default_rng(SEED + 1).permutation(len(others))[:count]
    asked = order[: min(QUERIES, count // 2)]
    rest = order[len(asked) :]
    if min(len(asked), len(rest)) < SMALLEST:
        return Copy(len(asked), len(rest), why=f"fewer than {2 * SMALLEST} rows")
    columns = [subject.plan.evaluation.column(i.name) for i in subject.model.inputs]
    scores = subject.model.scores_of(others.answers)
    truth = decided(subject.plan, others.answers, scores)
    inputs = as_numbers(others.table, columns)
    answers = _copied(subject, inputs, others.answers, truth, asked)[rest]
    same = int((answers == truth[rest]).sum())
    lower, upper = wilson(same, len(rest))
    constant = float(np.unique(truth[rest], return_counts=True)[1].max() / len(rest))
    return Copy(len(asked), len(rest), Estimate(same / len(rest), float(lower), float(upper)), constant)


def _copied(
    subject: Subject, inputs: Floats, answers: Floats, truth: NDArray[np.int64], asked: NDArray[np.int64]
) -> NDArray[np.int64]:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    if len(np.unique(truth[asked])) < 2 and subject.task == MULTICLASS:
        return np.full(len(inputs), truth[asked][0])
    seed, settings = SEED % 2**31, {"n_estimators": COPY_TREES, "max_depth": COPY_DEPTH}
    if subject.task == MULTICLASS:
        learner = GradientBoostingClassifier(random_state=seed, **settings).fit(inputs[asked], truth[asked])
        return np.asarray(learner.predict(inputs))
    chances = np.clip(answers[:, -1], 1e-9, 1 - 1e-9)
    target = np.log(chances) - np.log1p(-chances) if subject.task == BINARY else answers[:, -1]
    copied = GradientBoostingRegressor(random_state=seed, **settings).fit(inputs[asked], target[asked])
    values = copied.predict(inputs)
    if subject.task == BINARY:
        values = 1 / (1 + np.exp(-values))
    return np.asarray(decided(subject.plan, values[:, None], values))
