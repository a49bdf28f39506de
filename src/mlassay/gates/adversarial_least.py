"""How little of what is allowed flips each row: a witness for it, and a share of the way below which nothing does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_search import replay, shrink
from mlassay.gates.adversarial_set import Floats, Found
from mlassay.gates.adversarial_settle import Method

if TYPE_CHECKING:
    from mlassay.ports import Engine

ROUNDS = 7
NEAR = 63 / 64  # of a witness's share: where nothing flips up to here, it is as small as it gets
FEW = 8  # rows whose smallest change is looked for, where there are too many for all


@dataclass(frozen=True, eq=False)
class Least:
    """Of each broken row, NaN for others: nothing flips up to ``proven`` of the way (n,), ``witness`` (n, d) does at ``found``.

    ``complete`` says that every broken row was settled anew, so that ``proven`` can be counted on.
    """

    proven: Floats
    found: Floats
    witness: Floats
    complete: bool


def least(probe: Probe, found: Found, method: Method, engine: Engine | None) -> Least:
    """Shrink every witness towards its row, and where ``method`` proves, ask again within smaller and smaller sets."""
    witness, _ = shrink(probe, found)
    broken = np.flatnonzero(found.broken)
    share = np.full(len(found.broken), np.nan)
    proven = share.copy()
    if not broken.size:
        return Least(proven, share, witness, method.exact)
    share[broken] = probe.box.reach(broken, witness[broken])
    proven[broken] = 0.0
    complete = method.exact and broken.size <= method.again
    rows = broken if complete else broken[np.argsort(share[broken], kind="stable")[:FEW]]
    if method.exact:
        _closer(probe, method, engine, rows, (proven, share, witness))
    return Least(proven, share, witness, complete)


def _closer(
    probe: Probe,
    method: Method,
    engine: Engine | None,
    rows: np.ndarray,
    known: tuple[Floats, Floats, Floats],
) -> None:
    """Bisect between what is proven and what is found, all rows at once; the first question is just under the witness."""
    proven, share, witness = known
    open_ = rows[share[rows] > 0]
    for number in range(ROUNDS):
        if not open_.size:
            return
        middle = share[open_] * NEAR if number == 0 else (proven[open_] + share[open_]) / 2
        smaller = probe.only(open_)
        smaller = replace(smaller, box=smaller.box.scaled(middle))
        said = replay(smaller, method.settle(smaller, engine))
        robust = ~said.broken & ~said.undecided
        proven[open_[robust]] = middle[robust]
        index = open_[said.broken]
        if index.size:
            shrunk, _ = shrink(smaller, said)
            witness[index] = shrunk[said.broken]
            share[index] = np.minimum(probe.box.reach(index, witness[index]), middle[said.broken])
        # What is undecided stays as it is known; what is near enough is done.
        done = said.undecided | (proven[open_] >= share[open_] * NEAR)
        open_ = open_[~done & (share[open_] > 0)]
