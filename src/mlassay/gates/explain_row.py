"""One row explained: what was decided, what the answer leans on, and what would have changed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.digest import decimal_string
from mlassay.errors import ConfigurationError, Problem
from mlassay.gates.common import shown
from mlassay.gates.explain_change import Turned, decides, turned
from mlassay.gates.explain_lean import leaning
from mlassay.tasks import BINARY, HIGHER, MULTICLASS, RANKING

if TYPE_CHECKING:
    from mlassay.ports import Subject


@dataclass(frozen=True, slots=True)
class Part:
    """A column, the row's own value as it stands in the data, and its part in the answer."""

    column: str
    value: str
    part: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one column that turns the decision. ``nearest``: by proof, or by having tried every value."""

    column: str
    before: str
    after: str
    share_of_range: str
    nearest: bool


@dataclass(frozen=True, slots=True)
class RowExplained:
    """All that is told of one row; texts, so that the same row gives the same bytes.

    ``of`` says what ``score`` is a number of, ``rule`` how it decides. ``method`` and ``scale`` are those of
    `Leaning`. ``never`` are columns of which no value turns the decision, by proof; ``unfound`` those where none was
    found; ``fixed`` those that could not be moved, with why; ``undecided`` why no change was looked for at all.
    """

    row: int
    rows: int
    data: str
    model: str
    decided: str
    favourable: bool | None
    score: str
    of: str
    rule: str
    method: str
    scale: str
    parts: tuple[Part, ...]
    changes: tuple[Change, ...]
    never: tuple[str, ...]
    unfound: tuple[str, ...]
    fixed: tuple[str, ...]
    undecided: str

    @classmethod
    def of_row(cls, subject: Subject, number: int) -> RowExplained:
        """Row ``number`` (from 1) of the evaluation data; ConfigurationError when there is no such row."""
        count = len(subject.table)
        if not 1 <= number <= count:
            data = subject.plan.config.evaluate.data
            raise ConfigurationError(
                Problem(
                    f"there is no row {number} in {data}",
                    why=f"it has {count:,} rows, counted from 1",
                    remedy="give the number of an evaluation row, as the adversarial gate's report does",
                )
            )
        at = number - 1
        found = leaning(subject, at)
        columns = {
            name: subject.table.column(name)[at] for name in (each.name for each in subject.model.inputs)
        }
        parts = tuple(Part(name, columns[name], decimal_string(part, 4)) for name, part in found.parts)
        why = decides(subject)
        moved: list[Turned] = []
        fixed: list[str] = []
        if not why:
            every = subject.model.encode(subject.table.as_mapping())
            moved, fixed = turned(subject, {name: np.asarray(v)[at : at + 1] for name, v in every.items()})
        still = [each for each in moved if not np.isfinite(each.value[0])]
        return cls(
            row=number,
            rows=count,
            data=subject.plan.config.evaluate.data,
            model=subject.model.digest,
            **_answer(subject, at),
            method=found.method,
            scale=found.scale,
            parts=parts,
            changes=_changes(moved, columns),
            never=tuple(each.column.name for each in still if each.proven[0]),
            unfound=tuple(each.column.name for each in still if not each.proven[0]),
            fixed=tuple(fixed),
            undecided=why,
        )


def _changes(moved: list[Turned], columns: dict[str, str]) -> tuple[Change, ...]:
    """Every column that turns the decision by itself, the smallest share of its range first."""
    known = [each for each in moved if np.isfinite(each.value[0])]
    # Rounded before sorting, so that noise in the last digits orders nothing.
    known.sort(key=lambda each: (round(float(each.share[0]), 4), each.column.name))
    return tuple(
        Change(
            each.column.name,
            columns[each.column.name],
            each.short(0),
            shown(float(each.share[0])),
            bool(each.proven[0]),
        )
        for each in known
    )


def _answer(subject: Subject, at: int) -> dict[str, Any]:
    """``decided``, ``favourable``, ``score``, ``of`` and ``rule`` of one row, in the words of its task."""
    label, score = subject.plan.label, float(subject.scores[at])
    favourable = bool(subject.favoured[at]) if subject.decides else None
    if subject.task == BINARY:
        first, second = label.values
        decided = second if int(subject.predicted[at]) else first
        rule = f"{subject.threshold:g} and over decides {label.name}={second}"
        return _told(
            f"{label.name}={decided}", favourable, score, f"the probability of {label.name}={second}", rule
        )
    if subject.task == MULTICLASS:
        index = int(subject.predicted[at])
        decided = f"{label.name}={label.values[index]}"
        chance = float(subject.answers[at, index])
        return _told(
            decided, favourable, chance, f"the probability of {decided}", "the highest probability decides"
        )
    if subject.task == RANKING:
        place = int((subject.scores > score).sum()) + 1
        decided = "selected" if favourable else "not selected"
        rule = f"place {place} of {len(subject.scores)}; {subject.plan.config.model.select} decides"
        return _told(decided, favourable, score, "what rows are ordered by", rule)
    higher = subject.plan.config.model.favourable == HIGHER
    if favourable is None:
        return _told("nothing", None, score, f"the predicted {label.name}", "no threshold is declared")
    rule = f"{'' if higher else 'under '}{subject.threshold:g}{' and over' if higher else ''} is favourable"
    words = f"{label.name} {'on the favourable side of' if favourable else 'on the other side of'} {subject.threshold:g}"
    return _told(words, favourable, score, f"the predicted {label.name}", rule)


def _told(decided: str, favourable: bool | None, score: float, of: str, rule: str) -> dict[str, Any]:
    return {"decided": decided, "favourable": favourable, "score": shown(score), "of": of, "rule": rule}
