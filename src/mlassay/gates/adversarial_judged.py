"""What the model says of proposals, each held against the changes that are allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlassay.errors import EvidenceError, Problem
from mlassay.gates.adversarial_box import Probe, decisive
from mlassay.gates.adversarial_proposals import Proposals
from mlassay.gates.adversarial_set import Floats, Found, Index, Mask

SHOWN = 3
DECIMALS = 1e-6  # of a column's range: what writing a value as text may add


@dataclass(frozen=True, eq=False)
class Judged:
    """By row of the probe: flipped ``inside`` the allowed changes with a ``witness``, or ``beyond`` them where that counts.

    ``which`` (n,) is the first proposal that flipped the row, -1 for none; ``refused`` counts proposals that may not count.
    """

    inside: Mask
    beyond: Mask
    witness: Floats
    which: Index
    refused: Mapping[str, int]

    def examples(self, numbers: Index, proposals: Proposals) -> list[dict[str, Any]]:
        """The first rows that flipped, and what of them the proposal changed."""
        told = []
        for row in np.flatnonzero(self.which >= 0)[:SHOWN].tolist():
            at = int(self.which[row])
            changes = [
                {"column": name, "from": before, "to": proposals.columns[name][at]}
                for name, before in proposals.before(at).items()
                if before != proposals.columns[name][at]
            ]
            told.append({"row": int(numbers[row]) + 1, "within": int(self.inside[row]), "changes": changes})
        return told

    def merged(self, found: Found) -> Found:
        """``found`` with the rows broken inside; EvidenceError where one of them was proven robust."""
        wrong = np.flatnonzero(self.inside & ~found.broken & ~found.undecided)
        if wrong.size:
            raise EvidenceError(
                Problem(
                    f"the team's command flips a decision that the adversarial gate proved robust (row {wrong[0] + 1})",
                    why="two measurements disagree, so neither number can be signed",
                    remedy="this is a bug of mlassay or a model that answers differently at each call: please report it",
                )
            )
        fresh = self.inside & ~found.broken
        witness = np.where(fresh[:, None], self.witness, found.witness)
        return Found(found.broken | fresh, found.undecided & ~fresh, witness)


def judge(probe: Probe, proposals: Proposals, named: Sequence[str]) -> Judged:
    """Ask the model about every proposal; ``named`` columns may change beyond what is allowed, and it counts."""
    count, rows = len(probe.scores), proposals.rows
    inside, beyond = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    witness, which = np.full(probe.box.base.shape, np.nan), np.full(count, -1, dtype=np.int64)
    if not len(rows):
        return Judged(inside, beyond, witness, which, {})
    values = probe.model.encode(proposals.columns)
    changed = {
        i.name: _differs(values[i.name], np.asarray(probe.rows[i.name])[rows]) for i in probe.model.inputs
    }
    still = _none([c for name, c in changed.items() if name not in {*probe.box.columns, *named}], len(rows))
    others = [c for name, c in changed.items() if name not in probe.box.columns]
    points, within = _fitted(probe, rows, values)
    within &= _none(others, len(rows))
    # What only the text's own last decimal flips, and not the allowed point beside it, counts for nothing.
    _, flipped = probe.margins(rows, points)
    flips_within = within & flipped[:, 0]
    counted = still & ~within & _none([c for name, c in changed.items() if name not in named], len(rows))
    flips_beyond = counted & ((decisive(probe.model, values) >= probe.threshold) != probe.decided[rows])
    for at in np.flatnonzero(flips_within | flips_beyond)[::-1].tolist():
        which[rows[at]] = at
        if flips_within[at]:
            inside[rows[at]], witness[rows[at]] = True, points[at, 0]
        else:
            beyond[rows[at]] = True
    refused = {
        "column that may not change": int((~still).sum()),
        "beyond the allowed changes": int((still & ~within & ~counted).sum()),
    }
    return Judged(inside, beyond, witness, which, {k: v for k, v in refused.items() if v})


def _none(masks: Sequence[Mask], count: int) -> Mask:
    return ~np.any(masks, axis=0) if masks else np.ones(count, dtype=bool)


def _fitted(probe: Probe, rows: Index, values: Mapping[str, Any]) -> tuple[Floats, Mask]:
    """``(allowed points (p, 1, d) nearest to the proposals, whether they are the same but for decimals)``."""
    points = np.column_stack([_coded(probe, j, values[name]) for j, name in enumerate(probe.box.columns)])
    fitted = probe.box.fit(rows, points[:, None, :])
    near = np.abs(fitted[:, 0] - points) <= DECIMALS * np.where(probe.box.span > 0, probe.box.span, 1.0)
    near |= np.isnan(points) & np.isnan(fitted[:, 0])
    return fitted, near.all(axis=1) & probe.box.contains(rows, fitted)[:, 0]


def _differs(new: Any, old: Any) -> Mask:
    if old.dtype.kind in "OUS":
        return np.asarray(new.astype(str) != old.astype(str))
    return np.asarray((new != old) & ~(np.isnan(new.astype(np.float64)) & np.isnan(old.astype(np.float64))))


def _coded(probe: Probe, column: int, values: Any) -> Floats:
    """A column's values as the allowed changes count them: numbers, or codes of categories."""
    if values.dtype.kind not in "OUS":
        return np.asarray(values.astype(np.float64))
    codes = {text: float(i) for i, text in enumerate(probe.box.texts[column])}
    return np.array([codes.get(str(v), np.nan) for v in values])
