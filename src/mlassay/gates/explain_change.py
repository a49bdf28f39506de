"""What would have changed a decision: for each row and each column alone, the nearest value that turns it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.config.perturb import Constraint, Move, read_perturb
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_search import replay
from mlassay.gates.adversarial_set import Allowed, Floats, Index, Mask
from mlassay.gates.adversarial_settle import Method, choose
from mlassay.manifest import Column
from mlassay.tasks import RANKING

if TYPE_CHECKING:
    from mlassay.ports import Engine, Subject

STEPS = 128  # values tried on either side of a row's own, evenly over the declared range
BISECTIONS = 20
MOST_COLUMNS = 200
ROUNDS = 6  # of proofs, each under the value that the one before found
NEAR = 63 / 64  # of a free number's distance: what lies nearer is asked about
_PLACES = (0, 1, 2, 3, 4, 6, 9)
_NEAR_ENOUGH = 1.02  # how much farther than the nearest value a shorter number may lie


@dataclass(frozen=True, eq=False)
class Turned:
    """One column moved alone: the nearest ``value`` (n,) that turns each row's decision, NaN where none was found.

    ``share`` (n,) is the change as a share of the declared range, 1 for another category. ``proven`` (n,) says that no
    nearer value turns it, or none at all, by a proof. ``how`` names the way of settling.
    """

    column: Column
    probe: Probe
    value: Floats
    share: Floats
    proven: Mask
    how: str

    def text(self, value: float) -> str:
        """A value of the column as people write it."""
        if self.column.type == "category":
            return self.column.values[int(value)] if np.isfinite(value) else ""
        return "" if not np.isfinite(value) else f"{Decimal(repr(float(np.float32(value)))):f}"

    def short(self, row: int) -> str:
        """The turning value with as few decimals as still turn the decision; asked of the model itself."""
        value, own = float(self.value[row]), float(self.probe.box.base[row, 0])
        if self.column.type == "category":
            return self.text(value)
        away = ROUND_CEILING if value > own else ROUND_FLOOR
        exact = Decimal(repr(value))
        for places in _PLACES:
            tried = exact.quantize(Decimal(1).scaleb(-places), away)
            far = abs(float(tried) - own) > _NEAR_ENOUGH * abs(value - own)
            if not far and self._turns(row, float(tried)):
                return f"{tried:f}"
        return f"{exact:f}"

    def _turns(self, row: int, value: float) -> bool:
        index = np.array([row])
        point = np.array([[[float(np.float32(value))]]])
        inside = bool(self.probe.box.low[row, 0] <= point[0, 0, 0] <= self.probe.box.high[row, 0])
        return inside and bool(self.probe.margins(index, point)[1][0, 0])


def decides(subject: Subject) -> str:
    """Why no row has a decision of its own that something could change; empty where each has."""
    if subject.task == RANKING:
        return "in a ranking each row's place depends on the others"
    if not subject.decides:
        return "the model predicts a number, and model.threshold does not say which are favourable"
    return ""


def turned(subject: Subject, rows: Mapping[str, Any]) -> tuple[list[Turned], list[str]]:
    """Each column that the model takes, moved alone over its declared range; and the columns that could not be, with why.

    ``rows`` are the model's inputs. What ``gates.adversarial.perturb`` says of a column's direction, steps and values,
    and of constraints between columns, holds here too; how far it lets columns go does not.
    """
    perturb = (subject.plan.gates.get("adversarial") or {}).get("perturb")
    declared = read_perturb(perturb) if perturb and perturb.get("columns") else None
    moves = {move.name: move for move in (declared.moves if declared else ())}
    binding = [
        c for c in (declared.constraints if declared else ()) if all(name in rows for name, _ in c.weights)
    ]
    found: list[Turned] = []
    fixed: list[str] = []
    inputs = subject.model.inputs
    if len(inputs) > MOST_COLUMNS:
        fixed.append(f"{len(inputs) - MOST_COLUMNS} further columns: left out to bound the time")
    for each in inputs[:MOST_COLUMNS]:
        column = subject.plan.evaluation.column(each.name)
        if why := _fixed(column):
            fixed.append(f"{column.name}: {why}")
            continue
        said = moves.get(column.name, Move(column.name))
        move = Move(column.name, radius=1.0, direction=said.direction, step=said.step, values=said.values)
        found.append(_turned(subject, dict(rows), column, move, binding))
    return found, fixed


def _fixed(column: Column) -> str:
    if column.type == "text":
        return "it is text, and has no range"
    if column.type == "category":
        return "" if len(column.values) > 1 else "it has one value"
    if column.minimum is None or column.maximum is None or not column.minimum < column.maximum:
        return "its manifest declares no range"
    return ""


def _turned(
    subject: Subject, rows: dict[str, Any], column: Column, move: Move, binding: list[Constraint]
) -> Turned:
    box = Allowed.of(rows, [column], [move], binding)
    probe = Probe.of_model(subject.model, rows, box, subject.threshold)
    method, _ = choose(probe)
    value, proven = along(probe), np.zeros(len(probe.scores), dtype=bool)
    if method.exact and box.choices[0] is None:
        value, proven = _nearest_proven(probe, method, subject.engine, value)
    if box.choices[0] is not None:
        proven[:] = True  # every value was tried
    share = np.where(
        np.isnan(value),
        np.nan,
        box.shares(np.arange(len(value)), np.where(np.isnan(value), 0, value)[:, None])[:, 0],
    )
    return Turned(column, probe, value, share, np.asarray(proven), method.name)


def _nearest_proven(
    probe: Probe, method: Method, engine: Engine | None, value: Floats
) -> tuple[Floats, Mask]:
    """``value`` or nearer ones where a proof finds them, and whether nothing under them turns the row."""
    value, own = value.copy(), probe.box.base[:, 0]
    proven = np.zeros(len(value), dtype=bool)
    open_ = np.arange(len(value))
    for _ in range(ROUNDS):
        asked = probe.only(open_)
        asked.box = _under(asked.box, np.abs(value[open_] - own[open_]))
        found = replay(asked, method.settle(asked, engine))
        proven[open_] = ~found.broken & ~found.undecided
        nearer = open_[found.broken]
        if not nearer.size:
            break
        value[nearer] = _halved(probe, nearer, own[nearer], found.witness[found.broken, 0])
        open_ = nearer
    return value, proven


def _under(box: Allowed, away: Floats) -> Allowed:
    """The values of a box of one column that lie nearer to the row's own than ``away`` (n,); all where that is NaN."""
    base, unit = box.base, float(box.step[0]) or float(box.whole[0])
    whole = np.nan_to_num(away, nan=np.inf)[:, None]
    reach = (np.ceil(whole / unit - 1e-6) - 1) * unit if unit else whole * NEAR
    low, high = (
        np.where(np.isfinite(reach), (base + side * reach).astype(np.float32).astype(np.float64), end)
        for side, end in ((-1, box.low), (1, box.high))
    )
    return replace(
        box, low=np.minimum(np.maximum(low, box.low), base), high=np.maximum(np.minimum(high, box.high), base)
    )


def along(probe: Probe) -> Floats:
    """The nearest turning value (n,) of a box of one column that its values over the range and halving show; NaN: none."""
    box, count = probe.box, len(probe.scores)
    every, own = np.arange(count), probe.box.base[:, 0]
    codes = box.choices[0]
    if codes is not None:
        return _nearest(probe, every, np.repeat(codes[None], count, axis=0))[0]
    steps = np.arange(1, STEPS + 1) / STEPS
    best = np.full(count, np.nan)
    for end in (box.low[:, 0], box.high[:, 0]):
        tried = own[:, None] + steps * (end - own)[:, None]
        far, at = _nearest(probe, every, tried)
        index = np.flatnonzero(np.isfinite(far))
        near = np.where(at[index] > 0, tried[index, np.maximum(at[index] - 1, 0)], own[index])
        far = _halved(probe, index, near, far[index])
        known = best[index]
        closer = ~(np.abs(known - own[index]) <= np.abs(far - own[index]))
        best[index] = np.where(closer, far, known)
    return best


def _nearest(probe: Probe, index: Index, tried: Floats) -> tuple[Floats, Index]:
    """Of ``tried`` (m, k), the value nearest to the row's own that turns it (NaN: none), and its place."""
    points = probe.box.fit(index, tried[:, :, None])
    turns = probe.margins(index, points)[1] & probe.box.holds(index, points)
    away = np.where(turns, np.abs(points[:, :, 0] - probe.box.base[index]), np.inf)
    at = away.argmin(axis=1)
    rows = np.arange(len(index))
    return np.where(np.isfinite(away[rows, at]), points[rows, at, 0], np.nan), at


def _halved(probe: Probe, index: Index, near: Floats, far: Floats) -> Floats:
    """Between a value that does not turn a row and one that does, nearer and nearer to where it turns."""
    for _ in range(BISECTIONS if index.size else 0):
        points = probe.box.fit(index, ((near + far) / 2)[:, None, None])
        turns = (probe.margins(index, points)[1] & probe.box.holds(index, points))[:, 0]
        middle = points[:, 0, 0]
        near, far = np.where(turns, near, middle), np.where(turns, middle, far)
    return far
