"""The evaluation rows as the gates on numbers see them: plain arrays, so that they can be tested without files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.errors import Problem, Unmeasurable
from mlassay.tasks import BINARY, HIGHER, MULTICLASS, RANKING, REGRESSION

if TYPE_CHECKING:
    from mlassay.ports import Subject


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a model said of each evaluation row, and what was so; see `mlassay.ports.Subject` for each task's meaning.

    ``truth``, ``predicted`` and ``scores`` have shape (n,), ``answers`` (n, k); ``predicted`` is empty where a
    regression decides nothing. Two labels: ``truth`` and ``predicted`` hold classes 0 and 1, ``scores`` the probability
    of class 1. ``labels`` are the words for the classes of the column ``label`` (empty where it is a number),
    ``favourable`` the index of the one that people hope for (``also`` the others, if any); ``threshold`` is nan where
    there is none. ``columns`` hold the text of the columns that a gate asked for, ``declared`` the values that the
    manifest lists for them.
    """

    truth: NDArray[Any]
    predicted: NDArray[Any]
    scores: NDArray[np.float64]
    threshold: float
    favourable: int
    label: str
    labels: tuple[str, ...]
    columns: Mapping[str, Sequence[str]]
    declared: Mapping[str, Sequence[str]]
    task: str = BINARY
    answers: NDArray[np.float64] | None = None
    favoured: NDArray[np.bool_] | None = None
    deserved: NDArray[np.bool_] | None = None
    also: tuple[int, ...] = ()
    side: str = HIGHER
    chosen: str = ""

    def __post_init__(self) -> None:
        """Two labels need say no more than their classes: who got the favourable one follows."""
        if self.task == BINARY:
            set_once = object.__setattr__
            if self.favoured is None:
                set_once(self, "favoured", self.predicted == self.favourable)
            if self.deserved is None:
                set_once(self, "deserved", self.truth == self.favourable)

    @classmethod
    def of(cls, subject: Subject, columns: Iterable[str]) -> Evaluated:
        """The rows of ``subject`` with the text of ``columns``; Unmeasurable where the data lack one."""
        plan, names = subject.plan, tuple(columns)
        model = plan.config.model
        known = {column.name for column in plan.evaluation.columns}
        if absent := [name for name in names if name not in known]:
            raise Unmeasurable(
                Problem(
                    f"the evaluation data have no column {absent[0]}",
                    why="groups and slices that nobody can find cannot be compared",
                    remedy="correct its name in ml.yaml or in policy, or add the column to the data",
                    path="ml.yaml",
                )
            )
        return cls(
            truth=subject.truth,
            predicted=subject.predicted if subject.decides else np.empty(0, np.int8),
            scores=subject.scores,
            threshold=subject.threshold,
            favourable=subject.favourable,
            label=plan.label.name,
            labels=plan.label.values,
            columns={name: subject.table.column(name) for name in names},
            declared={name: plan.evaluation.column(name).values for name in names},
            task=subject.task,
            answers=subject.answers,
            favoured=subject.favoured,
            deserved=subject.deserved,
            also=plan.favourable_classes[1:],
            side=str(model.favourable) if model.task == REGRESSION else HIGHER,
            chosen=str(model.select or ""),
        )

    @property
    def unscored(self) -> int:
        """How many rows the model gave no finite score; no number over them would mean anything."""
        return int((~np.isfinite(self.scores)).sum())

    @property
    def good(self) -> str:
        """The favourable answer as people read it, ``deny=no``, ``price>=300`` or ``selected``."""
        if self.task == RANKING:
            return "selected"
        if self.task == REGRESSION:
            if self.favoured is None:
                return f"a {self.side} {self.label}"
            return f"{self.label}{'>=' if self.side == HIGHER else '<'}{self.threshold:g}"
        return f"{self.label}={' or '.join(self.labels[index] for index in (self.favourable, *self.also))}"

    @property
    def bad(self) -> str:
        """The other answer."""
        if self.task == BINARY:
            return f"{self.label}={self.labels[1 - self.favourable]}"
        if self.task == MULTICLASS:
            taken = (self.favourable, *self.also)
            return f"{self.label}={' or '.join(v for i, v in enumerate(self.labels) if i not in taken)}"
        return f"not {self.good}"
