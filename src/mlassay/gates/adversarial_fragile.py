"""The rows that flip most easily, told in the user's own units."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_set import Allowed, Floats, Index
from mlassay.gates.common import shown

ALONE = 64  # points tried along one column for the change of that column alone
BISECTIONS = 12  # between the last of them that holds and the first that flips


def describe(probe: Probe, row: int, point: Floats) -> dict[str, Any]:
    """The smallest change found of a row, column by column, and the cheapest change of one column alone."""
    box = probe.box
    point = _sparse(probe, row, point)
    shares = box.shares(np.array([row]), point[None])[0]
    alone = _alone(probe, row)
    told: dict[str, Any] = {"cheapest_column": "", "cheapest_change": ""}
    if alone is not None:
        j, value = alone
        told = {"cheapest_column": box.columns[j], "cheapest_to": _told(box, j, value)}
        change = shown(value - float(box.base[row, j])) if box.choices[j] is None else "another value"
        told["cheapest_change"] = change
    return {
        "largest_share_of_range": shown(float(shares.max())),
        "changes": [
            {
                "column": box.columns[j],
                "from": _told(box, j, float(box.base[row, j])),
                "to": _told(box, j, float(point[j])),
            }
            for j in range(len(box.columns))
            if shares[j] > 0
        ],
        **told,
    }


def order(probe: Probe, rows: Index, points: Floats) -> Index:
    """``rows`` by the largest share of a range that their points (rows, d) use, the smallest first."""
    sizes = probe.box.shares(rows, points).max(axis=1) if rows.size else np.empty(0)
    # Rounded before sorting, so that noise in the last digits orders nothing.
    return np.asarray(rows[np.lexsort((rows, np.round(sizes, 4)))])


def _told(box: Allowed, j: int, value: float) -> str:
    return box.texts[j][int(value)] if box.choices[j] is not None else shown(value)


def _sparse(probe: Probe, row: int, point: Floats) -> Floats:
    """``point`` with every column put back that is not needed for the flip, smallest change first."""
    index = np.array([row])
    for j in np.argsort(probe.box.shares(index, point[None])[0], kind="stable"):
        trial = point.copy()
        trial[j] = probe.box.base[row, j]
        allowed = probe.box.contains(index, trial[None, None, :])[0, 0]
        if allowed and probe.margins(index, trial[None, None, :])[1][0, 0]:
            point = trial
    return point


def _alone(probe: Probe, row: int) -> tuple[int, float] | None:
    """The column whose change alone flips the row with the smallest share of its range, and its value then."""
    box, index = probe.box, np.array([row])
    best: tuple[float, int, float] | None = None
    for j in range(len(box.columns)):
        base, low, high = box.base[row, j], box.low[row, j], box.high[row, j]
        if not high > low:
            continue
        codes = box.choices[j]
        steps = np.arange(1, ALONE + 1) / ALONE
        tried = np.concatenate([base + steps * (high - base), base + steps * (low - base)])
        value = _nearest_flip(probe, row, j, tried if codes is None else codes)
        if value is None:
            continue
        point = box.base[index].copy()
        point[0, j] = value
        candidate = (round(float(box.shares(index, point)[0, j]), 4), j, value)
        best = candidate if best is None else min(best, candidate)
    return None if best is None else (best[1], best[2])


def _nearest_flip(probe: Probe, row: int, j: int, values: Floats) -> float | None:
    """Of ``values`` of one column, and between the nearest that flips and the row's own, the nearest that flips."""
    box, index, base = probe.box, np.array([row]), float(probe.box.base[row, j])

    def flips(tried: Floats) -> tuple[Floats, Any]:
        points = np.repeat(box.base[row][None], len(tried), axis=0)
        points[:, j] = tried
        fitted = box.fit(index, points[None])
        return fitted[0, :, j], probe.margins(index, fitted)[1][0] & box.holds(index, fitted)[0]

    fitted, flipped = flips(values)
    if not flipped.any():
        return None
    found = float(fitted[flipped][np.argmin(np.abs(fitted[flipped] - base))])
    if box.choices[j] is not None:
        return found
    near, far = base, found
    for _ in range(BISECTIONS):
        (value,), (flip,) = flips(np.array([(near + far) / 2]))
        if flip:
            far = float(value)
        else:
            near = (near + far) / 2
    return far
