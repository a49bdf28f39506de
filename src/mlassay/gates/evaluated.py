"""The evaluation rows as the gates on numbers see them: plain arrays, so that they can be tested without files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mlassay.ports import Subject


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a model said of each evaluation row, and what was so.

    ``truth`` and ``predicted`` hold classes 0 and 1, ``scores`` the probability of class 1, all of shape (n,).
    ``labels`` are the words for class 0 and 1 of the column ``label``; ``columns`` the text of the columns that a
    gate asked for, ``declared`` the values that the manifest lists for them.
    """

    truth: NDArray[np.int8]
    predicted: NDArray[np.int8]
    scores: NDArray[np.float64]
    threshold: float
    favourable: int
    label: str
    labels: tuple[str, str]
    columns: Mapping[str, Sequence[str]]
    declared: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, subject: Subject, columns: Iterable[str]) -> Evaluated:
        """The rows of ``subject`` with the text of ``columns``."""
        plan, names = subject.plan, tuple(columns)
        label = plan.config.evaluate.label
        negative, positive = plan.evaluation.column(label).values
        return cls(
            truth=subject.truth,
            predicted=subject.predicted,
            scores=subject.scores,
            threshold=plan.config.model.threshold,
            favourable=subject.favourable,
            label=label,
            labels=(negative, positive),
            columns={name: subject.table.column(name) for name in names},
            declared={name: plan.evaluation.column(name).values for name in names},
        )

    @property
    def unscored(self) -> int:
        """How many rows the model gave no finite score; no number over them would mean anything."""
        return int((~np.isfinite(self.scores)).sum())

    @property
    def good(self) -> str:
        """The favourable answer as people read it, ``deny=no``."""
        return f"{self.label}={self.labels[self.favourable]}"

    @property
    def bad(self) -> str:
        """The other answer."""
        return f"{self.label}={self.labels[1 - self.favourable]}"
