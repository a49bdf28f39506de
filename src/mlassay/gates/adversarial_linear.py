"""Settles rows of linear models exactly: at the ends of what is allowed, and by integer programming under constraints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.gates.adversarial_bounds import doubt_of
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_relu import Branching, network_for, nothing
from mlassay.gates.adversarial_set import SLACK, Floats, Found
from mlassay.gates.adversarial_settle import MOST_ROWS, Method
from mlassay.model.networks import MOST_WEIGHT, Affine
from mlassay.model.types import Unfit

if TYPE_CHECKING:
    from mlassay.ports import Engine

NAME = "weights, exact"
BOUND_NAME = "linear programs, exact"
PROGRAMS = 4096  # rows that neither bounds nor projected corners settle, and that a program is solved for
NODES = 2000  # of one program's branching over whole steps and categories
TOLERANCE = 1e-6  # of HiGHS, in which reduced costs and whole numbers may be wrong


def by_weights(probe: Probe) -> Method:
    """Exact for a model whose weights can be read; Unfit for any other."""
    network = network_for(probe)
    if not network.linear:
        raise Unfit("its score bends: it has ReLU units")
    return Method(BOUND_NAME if len(probe.box.weights) else NAME, True, MOST_ROWS, settle)


def settle(probe: Probe, engine: Engine | None = None) -> Found:
    """Every row proven robust, broken, or undecided: nearer to the threshold than float32 can tell."""
    del engine  # NumPy uses the processors already
    try:
        search = Branching(probe, network_for(probe))
    except Unfit:
        return nothing(probe)
    if not search.reads_as_computed():
        return nothing(probe)
    everything = search.space.whole(np.arange(len(probe.scores)))
    left, _ = search.look(everything)
    rows = left.rows
    if len(probe.box.weights) and rows.size:
        for row in rows[:PROGRAMS].tolist():
            _program(search, row)
        rows = rows[PROGRAMS:]
    search.undecided[rows] = ~search.broken[rows]
    return Found(search.broken, search.undecided, search.witness)


@dataclass(eq=False)
class _Program:
    """One row's allowed changes as a mixed-integer program over (values of columns that move, steps, choices)."""

    cost: list[float]
    whole: list[int]
    low: list[float]
    high: list[float]
    rows: list[dict[int, float]]
    least: list[float]
    most: list[float]

    @classmethod
    def empty(cls) -> _Program:
        return cls([], [], [], [], [], [], [])

    def variable(self, cost: float, low: float, high: float, *, whole: bool = False) -> int:
        self.cost.append(cost)
        self.whole.append(int(whole))
        self.low.append(low)
        self.high.append(high)
        return len(self.cost) - 1

    def bind(self, weights: dict[int, float], least: float, most: float) -> None:
        self.rows.append(weights)
        self.least.append(least)
        self.most.append(most)

    def solve(self) -> Any:
        """HiGHS's answer, within NODES nodes."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import lil_matrix

        matrix = lil_matrix((len(self.rows), len(self.cost)))
        for i, weights in enumerate(self.rows):
            for j, weight in weights.items():
                matrix[i, j] = weight
        return milp(
            np.array(self.cost),
            integrality=np.array(self.whole),
            bounds=Bounds(np.array(self.low), np.array(self.high)),
            constraints=LinearConstraint(matrix.tocsr(), np.array(self.least), np.array(self.most)),
            options={"node_limit": NODES, "mip_rel_gap": 0.0},
        )


def _program(search: Branching, row: int) -> None:
    """Settle one row under its constraints: the least of the wanted row over everything that is allowed."""
    space, box = search.space, search.probe.box
    wanted, index = search.wanted.rows[row, 0], np.array([row])
    low, high = space.features(space.whole(index))
    off = float(_doubt(search, row, np.maximum(np.abs(low), np.abs(high)))[0])
    program, columns = _Program.empty(), {}
    constant = float(wanted[0]) + sum(float(wanted[p]) * float(v[row]) for p, v in space.still.items())
    picks: dict[int, list[int]] = {}
    # In shares of each column's width: HiGHS's tolerances are absolute.
    for axis in space.intervals:
        j = axis.column
        if np.isnan(box.base[row, j]):
            constant += sum(float(wanted[p]) * float(low[0, p]) for p in axis.places)
            continue
        columns[j] = _interval(program, search, row, j, sum(float(wanted[p]) for p in axis.places))
        constant += columns[j][2] * sum(float(wanted[p]) for p in axis.places)
    for choice in space.choices:
        worth = choice.table[row] @ wanted[list(choice.places)]
        picks[choice.column] = [
            program.variable(float(w), 0.0, 1.0, whole=True) for w in worth[: int(choice.count[row])]
        ]
        program.bind(dict.fromkeys(picks[choice.column], 1.0), 1.0, 1.0)
    _constrain(program, search, row, columns, picks)
    found = program.solve()
    if found.x is not None:
        _offer(search, row, columns, picks, found.x)
    bound = found.mip_dual_bound if found.mip_dual_bound is not None else found.fun
    size = sum(
        abs(c) * max(abs(a), abs(b)) for c, a, b in zip(program.cost, program.low, program.high, strict=True)
    )
    proven = (
        bound is not None and constant + float(bound) - off - TOLERANCE * size - 1e-12 * abs(constant) > 0
    )
    search.undecided[row] = not search.broken[row] and not proven


def _doubt(search: Branching, row: int, largest: Floats) -> Floats:
    """(1,): how far the computed answer of a row may lie from its weights' own sum."""
    if not largest.max() <= MOST_WEIGHT:
        return np.array([np.inf])
    return np.asarray(doubt_of(Affine(search.wanted.rows[row], search.wanted.doubt[row]), largest)[0])


def _interval(
    program: _Program, search: Branching, row: int, column: int, slope: float
) -> tuple[int, float, float]:
    """``(variable, scale, shift)``: the column's value is shift + scale * variable."""
    box = search.probe.box
    base, low, high = (float(a[row, column]) for a in (box.base, box.low, box.high))
    step = float(box.step[column]) or (1.0 if box.whole[column] and base == round(base) else 0.0)
    if step:
        at = program.variable(
            slope * step,
            np.floor((low - base) / step + 0.01),
            np.ceil((high - base) / step - 0.01),
            whole=True,
        )
        return at, step, base
    scale = (high - low) or 1.0
    return program.variable(slope * scale, 0.0, (high - low) / scale), scale, low


def _constrain(
    program: _Program,
    search: Branching,
    row: int,
    columns: dict[int, tuple[int, float, float]],
    picks: dict[int, list[int]],
) -> None:
    """The constraints between columns, as loose as `Allowed.holds` reads them."""
    box, space = search.probe.box, search.space
    codes = {choice.column: choice.codes[row] for choice in space.choices}
    for normal, bound in zip(box.weights, box.bound[row], strict=True):
        if not np.isfinite(bound):
            continue
        weights: dict[int, float] = {}
        fixed = 0.0
        most = abs(float(bound))
        for j in np.flatnonzero(normal).tolist():
            w = float(normal[j])
            if j in columns:
                at, scale, shift = columns[j]
                weights[at] = w * scale
                fixed += w * shift
                most += abs(w) * max(abs(box.low[row, j]), abs(box.high[row, j]))
            elif j in picks:
                weights |= {at: w * float(code) for at, code in zip(picks[j], codes[j], strict=False)}
                most += abs(w) * float(np.abs(codes[j]).max())
            else:  # the network does not look at it: at its most helpful end
                ends = w * box.low[row, j], w * box.high[row, j]
                fixed += float(np.nanmin(ends))
                most += float(np.abs(ends).max())
        if weights:
            limit = float(bound) - fixed + 2 * SLACK * most
            size = max(abs(v) for v in weights.values())
            program.bind({at: v / size for at, v in weights.items()}, -np.inf, limit / size)


def _offer(
    search: Branching,
    row: int,
    columns: dict[int, tuple[int, float, float]],
    picks: dict[int, list[int]],
    x: Floats,
) -> None:
    """Ask the model about the program's own point, and about ones a little further inside the constraints."""
    box = search.probe.box
    point = box.base[row].copy()
    seen = set(columns) | set(picks)
    for j, normal in enumerate(box.weights.T):
        if j not in seen and normal.any():
            point[j] = (box.low if normal.sum() > 0 else box.high)[row, j]
    for j, (at, scale, shift) in columns.items():
        point[j] = shift + scale * x[at]
    for choice in search.space.choices:
        chosen = int(np.argmax(x[picks[choice.column]]))
        point[choice.column] = choice.codes[row, chosen]
    shares = np.array([1.0, 1 - 1e-7, 1 - 1e-6, 1 - 1e-5])[:, None]
    search.offer(np.array([row]), (box.base[row] + shares * (point - box.base[row]))[None])
