"""Rows that training was given beside rows that it was not: as many of each, with the model's loss on every one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlassay.manifest import Manifest, Table, read_split
from mlassay.plan.deciding import labelled
from mlassay.statistics import SEED
from mlassay.tasks import BINARY, MULTICLASS

if TYPE_CHECKING:
    from mlassay.plan import Plan
    from mlassay.ports import Subject

Floats = NDArray[np.float64]
MOST_ROWS = 20_000
"""Of each side. The widest 95% interval of an AUC is then about .011 wide."""


@dataclass(frozen=True, eq=False)
class Side:
    """Rows of one side: their text, labels (n,) as `Subject.truth` has them, and the model's ``answers`` (n, k)."""

    table: Table
    truth: NDArray[np.float64]
    answers: Floats

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True, eq=False)
class Sides:
    """Equally many rows of both sides, drawn with a fixed seed from ``given`` and ``held_out`` rows.

    ``unlabelled`` of the given rows have no label that the task can use; ``left_out`` names what could not be read
    as rows that this model takes, ``prepared`` what a prepare step wrote and its sources stand for.
    """

    members: Side
    others: Side
    given: int
    held_out: int
    unlabelled: int
    left_out: tuple[str, ...]
    prepared: tuple[str, ...]


def sides(subject: Subject, most: int = MOST_ROWS) -> Sides:
    """The rows of training and of evaluation, ``most`` of each at most; no side is sampled otherwise than the other."""
    plan = subject.plan
    tables, left_out, prepared = _granted(subject)
    wanted = tuple(dict.fromkeys([c.name for c in plan.evaluation.columns]))
    rows = [row for table in tables for row in _rows(table, wanted)]
    given = Table(wanted, rows)
    known = usable(plan, given.column(plan.label.name))
    count = min(int(known.sum()), len(subject.table), most)
    generator = np.random.default_rng(SEED)
    chosen = _drawn(generator, np.flatnonzero(known), count)
    kept = _drawn(generator, np.arange(len(subject.table)), count)
    members = given.take(chosen.tolist())
    answers = subject.model.answers(subject.model.encode(members.as_mapping()))
    subject.model.scores_of(answers)  # Unusable where one is not finite
    mine = Side(members, labelled(plan, members.column(plan.label.name)), answers)
    theirs = Side(subject.table.take(kept.tolist()), subject.truth[kept], subject.answers[kept])
    return Sides(
        mine, theirs, len(given), len(subject.table), int((~known).sum()), tuple(left_out), tuple(prepared)
    )


def losses(task: str, truth: NDArray[np.float64], answers: Floats) -> Floats:
    """What the model loses on each row, (n,): log loss of labels, squared error of a number."""
    if task == BINARY:
        given = np.where(truth == 1, answers[:, -1], 1 - answers[:, -1])
    elif task == MULTICLASS:
        given = answers[np.arange(len(truth)), truth.astype(np.int64)]
    else:
        return np.asarray((truth - answers[:, -1]) ** 2)
    return np.asarray(-np.log(np.clip(given, np.finfo(np.float64).tiny, 1)))


def usable(plan: Plan, texts: Sequence[str]) -> NDArray[np.bool_]:
    """Which of these labels the task can use, (n,)."""
    if plan.label.values:
        return np.isin(np.array(texts, dtype=object), np.array(plan.label.values, dtype=object))
    return np.array([_finite(text) for text in texts], dtype=bool)


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _drawn(generator: np.random.Generator, index: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.sort(generator.choice(index, count, replace=False)) if count else index[:0]


def _granted(subject: Subject) -> tuple[list[Table], list[str], list[str]]:
    """The tables that training reads, itself or through what a prepare step writes; what was left out; what was prepared."""
    plan, tables, left_out = subject.plan, [], []
    names, prepared = _sources(plan)
    needed = {plan.label.name, *(i.name for i in subject.model.inputs)}
    for name in names:
        data, _, split = name.partition("/")
        manifest = plan.manifests.get(data)
        if manifest is None or not needed <= {c.name for c in manifest.columns}:
            left_out.append(
                f"{name}, which training is given: it does not have the columns that this model takes"
            )
            continue
        tables += [read_split(manifest, subject.root, each) for each in _splits(plan, manifest, split)]
    return tables, left_out, prepared


def _sources(plan: Plan) -> tuple[list[str], list[str]]:
    reads = {name: step.reads for step in plan.config.prepare for name in step.writes}
    found: dict[str, None] = {}
    prepared, todo = [], list(plan.config.train.data)
    while todo:
        name = todo.pop(0)
        if name in reads:
            todo += reads.pop(name)
            prepared.append(name)
        elif name != plan.config.evaluate.data:
            found[name] = None
    return [name for name in found if name.partition("/")[0] in plan.manifests], prepared


def _splits(plan: Plan, manifest: Manifest, split: str) -> Iterator[str]:
    if split:
        yield split
        return
    data, _, evaluated = plan.config.evaluate.data.partition("/")
    yield from (
        s for s in manifest.split.names if (manifest is not plan.manifests.get(data)) or s != evaluated
    )


def _rows(table: Table, wanted: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Rows in the order of ``wanted``; a column that these data do not have is empty."""
    if table.columns == wanted:
        return table.rows
    empty = [""] * len(table)
    parts = [table.column(name) if name in table.columns else empty for name in wanted]
    return list(zip(*parts, strict=True))
