"""Counts what flips, by group, and describes the rows that flip most easily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.config.perturb import Move, Perturbation
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_fragile import describe, order
from mlassay.gates.adversarial_least import Least, least
from mlassay.gates.adversarial_set import Allowed, Found, Index, Mask
from mlassay.gates.adversarial_settle import choose, settle
from mlassay.gates.common import shown
from mlassay.manifest import Column
from mlassay.statistics import Z95, factor_to_settle, newcombe, wilson
from mlassay.tasks import BINARY, MULTICLASS

if TYPE_CHECKING:
    from mlassay.gates.adversarial_command import Proposed
    from mlassay.ports import Subject

FRAGILE = 5
LEAST_ROWS = 30  # of a group that is compared with others
SHARES = (0.25, 0.5, 0.75, 1.0)  # of the allowed change, at which flips are counted


@dataclass(frozen=True, eq=False)
class Measured:
    """What flips inside the box. ``numbers`` are positions of the looked-at rows in the split, from 0."""

    probe: Probe
    found: Found
    method: str
    exact: bool
    reasons: tuple[str, ...]
    change: Perturbation
    rows: int
    numbers: NDArray[np.int64]
    groups: Mapping[str, tuple[str, ...]]
    labels: tuple[str, ...]
    least: Least
    proposed: Proposed | None = None

    @property
    def looked_at(self) -> int:
        """How many rows were looked at."""
        return len(self.numbers)

    @property
    def scale(self) -> float:
        """The declared radius where every number moves by it; else 1, of which shares of the change are told."""
        numbers = [
            m for m, codes in zip(self.change.moves, self.probe.box.choices, strict=True) if codes is None
        ]
        alike = all(m.by is None and m.radius == self.change.radius for m in numbers)
        return self.change.radius if self.change.radius is not None and alike else 1.0

    @property
    def sampled(self) -> bool:
        """Whether some rows of the split were left out."""
        return self.looked_at < self.rows

    @property
    def vulnerable(self) -> int:
        """Rows with a confirmed witness, and rows that the team's command flipped where the criteria let it count."""
        return int((self.found.broken | self._beyond).sum())

    @property
    def undecided(self) -> int:
        """Rows neither broken nor proven robust."""
        return int((self.found.undecided & ~self._beyond).sum())

    @property
    def robust(self) -> int:
        """Rows proven to hold anywhere in the box."""
        return self.looked_at - self.vulnerable - self.undecided

    @property
    def rate_at_most(self) -> float:
        """The share of rows that were not broken: the robust share when exact, else an upper bound of it."""
        return (self.looked_at - self.vulnerable) / self.looked_at if self.looked_at else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95% limits of the robust share (Wilson 1927): the lower from proven rows, the upper from unbroken ones."""
        if not self.looked_at:
            return 0.0, 1.0
        lower, _ = wilson(self.robust, self.looked_at)
        _, upper = wilson(self.looked_at - self.vulnerable, self.looked_at)
        return float(lower), float(upper)

    def rows_to_settle(self, least: float) -> int | None:
        """How many rows at this rate would settle the question; None where none would, or where it was searched."""
        if not self.exact or not self.looked_at:
            return None

        def settles(factor: Any, z: Any) -> Any:
            lower, upper = wilson(self.robust * factor, self.looked_at * factor, z)
            return (np.asarray(lower) >= least) | (np.asarray(upper) < least)

        factor = float(factor_to_settle(settles, (), Z95))
        return int(np.ceil(factor * self.looked_at)) if np.isfinite(factor) and factor > 1 else None

    def passing_radius(self, minimum: float) -> float | None:
        """The largest radius at which the lower limit would reach ``minimum``; known for an exact measurement only."""
        if not self.least.complete or self.undecided or not self.vulnerable or self._beyond.any():
            return None
        broken = np.arange(self.vulnerable)
        lower, _ = wilson(self.looked_at - broken, np.full_like(broken, self.looked_at))
        passing = np.flatnonzero(np.asarray(lower) >= minimum)
        if not passing.size:
            return None
        # With k rows broken it still passes, so it may grow until the (k+1)th breaks. Rounded down as printed.
        share = np.sort(self.least.proven[self.found.broken])[int(passing[-1])]
        radius = np.floor(self.scale * float(share) * (1 - 2.0**-11) * 1e4) / 1e4
        return float(radius) if radius > 0 else None

    @property
    def _beyond(self) -> Mask:
        """Rows that only proposals beyond the allowed changes flipped."""
        none = np.zeros(self.looked_at, dtype=bool)
        return none if self.proposed is None else self.proposed.beyond & ~self.found.broken

    def as_numbers(self) -> dict[str, Any]:
        """The measurement as the report holds it: integers and decimal strings."""
        box = self.probe.box
        groups = {name: self._by_group(values) for name, values in self.groups.items()}
        return {
            "method": self.method,
            "radius": shown(self.scale),
            "rows": self.rows,
            "looked_at": self.looked_at,
            "robust": self.robust,
            "vulnerable": self.vulnerable,
            "undecided": self.undecided,
            "columns": [
                {
                    "name": name,
                    "range": shown(float(box.span[j])),
                    **_movement(self.change.moves[j], float(box.span[j]), box.texts[j]),
                }
                for j, name in enumerate(box.columns)
            ],
            "groups": groups,
            "groups_apart": {name: apart for name, each in groups.items() if (apart := self._apart(each))},
            "flips_by_share": self._at_shares(),
            "most_fragile": self._fragile(),
            **({} if self.proposed is None else {"command": self.proposed.measured}),
        }

    def _by_group(self, values: tuple[str, ...]) -> list[dict[str, Any]]:
        chosen = np.array([values[i] for i in self.numbers], dtype=object)
        counted = []
        for value in sorted(set(chosen)):
            inside = chosen == value
            rows, broken = int(inside.sum()), int(self.found.broken[inside].sum())
            lower, upper = wilson(broken, rows)
            counted.append(
                {
                    "group": value or "missing",
                    "rows": rows,
                    "vulnerable": broken,
                    "undecided": int(self.found.undecided[inside].sum()),
                    "vulnerable_rate": shown(broken / rows),
                    "lower": shown(float(lower)),
                    "upper": shown(float(upper)),
                }
            )
        return counted

    def _apart(self, counted: list[dict[str, Any]]) -> dict[str, Any]:
        """The group that flips most beside the one that flips least, with the 95% limits of the difference (Newcombe 1998)."""
        known = [each for each in counted if each["rows"] >= LEAST_ROWS]
        if len(known) < 2:
            return {}
        ordered = sorted(known, key=lambda each: (each["vulnerable"] / each["rows"], each["group"]))
        less, more = ordered[0], ordered[-1]
        lower, upper = newcombe(more["vulnerable"], more["rows"], less["vulnerable"], less["rows"])
        gap = more["vulnerable"] / more["rows"] - less["vulnerable"] / less["rows"]
        return {
            "flips_more": more["group"],
            "than": less["group"],
            "difference": shown(gap),
            "lower": shown(float(lower)),
            "upper": shown(float(upper)),
        }

    def _at_shares(self) -> list[dict[str, Any]]:
        """How many rows flip within a part of the allowed change: at least by witnesses, at most by what is not proven."""
        broken = self.found.broken
        proven = np.where(self.found.undecided, 0.0, self.least.proven)
        return [
            {
                "share_of_change": shown(share, 2),
                "vulnerable_at_least": int((self.least.found[broken] <= share).sum()),
                "vulnerable_at_most": int((proven[broken | self.found.undecided] < share).sum()),
            }
            for share in SHARES
        ]

    def _fragile(self) -> list[dict[str, Any]]:
        broken = np.flatnonzero(self.found.broken)
        first = order(self.probe, broken, self.least.witness[broken])[:FRAGILE]
        return [
            {
                "row": int(self.numbers[row]) + 1,
                "decided": self.labels[int(self.probe.decided[row])],
                **describe(self.probe, row, self.least.witness[row]),
            }
            for row in first.tolist()
        ]


def measure(
    subject: Subject, columns: tuple[Column, ...], change: Perturbation, sensitive: tuple[str, ...]
) -> Measured:
    """Look at every row of ``subject`` (or evenly spaced ones of very many) inside what ``change`` allows."""
    every = subject.model.encode(subject.table.as_mapping())
    count = len(subject.scores)

    def probe(index: Index) -> Probe:
        rows = {name: np.asarray(values)[index] for name, values in every.items()}
        allowed = Allowed.of(rows, columns, change.moves, change.constraints)
        return Probe.of_model(subject.model, rows, allowed, subject.threshold)

    method, reasons = choose(probe(np.arange(min(count, 1))))
    numbers = np.unique(np.linspace(0, max(count - 1, 0), min(count, method.rows)).astype(np.int64))
    looked = probe(numbers)
    subject.progress(f"adversarial: {len(numbers)} rows, {method.name}")
    found, said = settle(looked, method, subject.engine), None
    if change.command is not None:
        from mlassay.gates.adversarial_command import proposed

        said = proposed(subject, looked, numbers, change.command, found)
        found = said.found
    return Measured(
        probe=looked,
        found=found,
        method=method.name,
        exact=method.exact,
        reasons=reasons,
        change=change,
        rows=count,
        numbers=numbers,
        groups={name: tuple(subject.table.column(name)) for name in sensitive},
        labels=_labels(subject),
        least=least(looked, found, method, subject.engine),
        proposed=said,
    )


def _labels(subject: Subject) -> tuple[str, str]:
    """How the two decisions are called: by the label's values, or by the side of what is favourable or the threshold."""
    if subject.task == BINARY:
        first, second = subject.plan.label.values
        return first, second
    if subject.task == MULTICLASS:
        return "not favourable", "favourable"
    return f"under {subject.threshold:g}", f"{subject.threshold:g} and over"


def _movement(move: Move, span: float, texts: tuple[str, ...]) -> dict[str, Any]:
    """How one column may move, as it was declared."""
    if texts:
        return {"values": list(move.values or texts)}
    most = move.by if move.by is not None else span * (move.radius or 0.0)
    told: dict[str, Any] = {"moves_at_most": shown(most)}
    if move.direction != "both":
        told["direction"] = move.direction
    if move.step:
        told["step"] = shown(move.step)
    return told
