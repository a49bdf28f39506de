"""Counts what flips, by group, and describes the rows that flip most easily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.config.perturb import Move, Perturbation
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_search import shrink
from mlassay.gates.adversarial_set import Allowed, Floats, Found, Index, Mask
from mlassay.gates.adversarial_settle import choose, settle
from mlassay.gates.common import shown
from mlassay.manifest import Column
from mlassay.statistics import Z95, factor_to_settle, wilson

if TYPE_CHECKING:
    from mlassay.gates.adversarial_command import Proposed
    from mlassay.ports import Subject

FRAGILE = 5
ALONE = 64  # points tried along one column for the change of that column alone


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
    labels: tuple[str, str]
    proposed: Proposed | None = None

    @property
    def looked_at(self) -> int:
        """How many rows were looked at."""
        return len(self.numbers)

    @property
    def scale(self) -> float:
        """The declared radius; 1 where columns have their own changes, of which shares are told then."""
        return self.change.radius if self.change.radius is not None else 1.0

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

    def passing_radius(self, least: float) -> float | None:
        """The largest radius at which the lower limit would reach ``least``; known for an exact measurement only."""
        if not self.exact or self.undecided or not self.vulnerable or self._beyond.any():
            return None
        broken = np.arange(self.vulnerable)
        lower, _ = wilson(self.looked_at - broken, np.full_like(broken, self.looked_at))
        passing = np.flatnonzero(np.asarray(lower) >= least)
        if not passing.size:
            return None
        # With k rows broken it still passes, so it may grow until the (k+1)th breaks. Rounded down as printed.
        share = np.sort(self._shrunk[1][self.found.broken])[int(passing[-1])]
        radius = np.floor(self.scale * float(share) * (1 - 2.0**-11) * 1e4) / 1e4
        return float(radius) if radius > 0 else None

    @property
    def _beyond(self) -> Mask:
        """Rows that only proposals beyond the allowed changes flipped."""
        none = np.zeros(self.looked_at, dtype=bool)
        return none if self.proposed is None else self.proposed.beyond & ~self.found.broken

    @cached_property
    def _shrunk(self) -> tuple[Floats, Floats]:
        return shrink(self.probe, self.found)

    def as_numbers(self) -> dict[str, Any]:
        """The measurement as the report holds it: integers and decimal strings."""
        box = self.probe.box
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
                    "moves_at_most": shown(_reach(self.change.moves[j], float(box.span[j]))),
                }
                for j, name in enumerate(box.columns)
            ],
            "groups": {name: self._by_group(values) for name, values in self.groups.items()},
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

    def _fragile(self) -> list[dict[str, Any]]:
        witness, _ = self._shrunk
        broken = np.flatnonzero(self.found.broken)
        sizes = self.probe.box.shares(broken, witness[broken]).max(axis=1) if broken.size else np.empty(0)
        # Rounded before sorting, so that noise in the last digits orders nothing.
        order = np.lexsort((broken, np.round(sizes, 4)))[:FRAGILE]
        return [
            self._describe(int(broken[i]), _sparse(self.probe, int(broken[i]), witness[broken[i]]))
            for i in order
        ]

    def _describe(self, row: int, point: Floats) -> dict[str, Any]:
        box = self.probe.box
        shares = box.shares(np.array([row]), point[None])[0]
        moved = [j for j in range(len(box.columns)) if shares[j] > 0]
        alone = _alone(self.probe, row)
        return {
            "row": int(self.numbers[row]) + 1,
            "decided": self.labels[int(self.probe.decided[row])],
            "largest_share_of_range": shown(float(shares.max())),
            "changes": [
                {
                    "column": box.columns[j],
                    "from": shown(float(box.base[row, j])),
                    "to": shown(float(point[j])),
                }
                for j in moved
            ],
            "cheapest_column": "" if alone is None else box.columns[alone[0]],
            "cheapest_change": "" if alone is None else shown(alone[1]),
        }


def measure(
    subject: Subject, columns: tuple[Column, ...], change: Perturbation, sensitive: tuple[str, ...]
) -> Measured:
    """Look at every row of ``subject`` (or evenly spaced ones of very many) inside what ``change`` allows."""
    every = subject.model.encode(subject.table.as_mapping())
    count = len(subject.scores)

    def probe(index: Index) -> Probe:
        rows = {name: np.asarray(values)[index] for name, values in every.items()}
        allowed = Allowed.of(rows, columns, change.moves, change.constraints)
        threshold = subject.threshold
        return Probe(subject.model, rows, allowed, threshold, np.asarray(subject.scores)[index])

    method, reasons = choose(probe(np.arange(min(count, 1))))
    numbers = np.unique(np.linspace(0, max(count - 1, 0), min(count, method.rows)).astype(np.int64))
    looked = probe(numbers)
    subject.progress(f"adversarial: {len(numbers)} rows, {method.name}")
    labels = subject.plan.evaluation.column(subject.plan.config.evaluate.label).values
    found, said = settle(looked, method, None), None
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
        labels=(labels[0], labels[1]),
        proposed=said,
    )


def _reach(move: Move, span: float) -> float:
    """How far a number may move, in its own units; a category's whole span."""
    if move.by is not None:
        return move.by
    return span * move.radius if move.radius is not None else span


def _sparse(probe: Probe, row: int, point: Floats) -> Floats:
    """``point`` with every column put back that is not needed for the flip, smallest change first."""
    index = np.array([row])
    for j in np.argsort(probe.box.shares(index, point[None])[0], kind="stable"):
        trial = point.copy()
        trial[j] = probe.box.base[row, j]
        if probe.margins(index, trial[None, None, :])[1][0, 0]:
            point = trial
    return point


def _alone(probe: Probe, row: int) -> tuple[int, float] | None:
    """The column whose change alone flips the row with the smallest share of its range, and that change."""
    box, index = probe.box, np.array([row])
    best: tuple[float, int, float] | None = None
    for j in range(len(box.columns)):
        base, low, high = box.base[row, j], box.low[row, j], box.high[row, j]
        if not high > low:
            continue
        points = np.repeat(box.base[row][None], 2 * ALONE, axis=0)
        steps = np.arange(1, ALONE + 1) / ALONE
        points[:, j] = np.concatenate([base + steps * (high - base), base + steps * (low - base)])
        fitted = box.fit(index, points[None])
        flipped = probe.margins(index, fitted)[1][0]
        if flipped.any():
            changes = fitted[0, flipped, j] - base
            change = float(changes[np.argmin(np.abs(changes))])
            candidate = (round(abs(change) / float(box.span[j]), 4), j, change)
            best = candidate if best is None else min(best, candidate)
    return None if best is None else (best[1], best[2])
