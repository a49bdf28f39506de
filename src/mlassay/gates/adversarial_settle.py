"""Which way of settling rows a model takes: ways that prove come first, the search takes what is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_set import Found
from mlassay.model.types import Unfit
from mlassay.tasks import MULTICLASS

if TYPE_CHECKING:
    from mlassay.ports import Engine

MOST_ROWS = 20_000  # rows looked at; evenly spaced over the split where there are more
MOST_NUMBERS = 1 << 24  # in one array of points: 128 MiB


@dataclass(frozen=True, eq=False)
class Method:
    """A way of settling rows that fits a model and its allowed changes.

    ``name`` is how the report calls it. ``exact``: what it neither breaks nor leaves undecided is proven robust.
    ``rows`` is how many rows it looks at, at most. ``settle`` takes the rows of a probe; its witnesses are replayed
    by the caller. ``again`` is how many broken rows may be settled anew, several times, for their smallest changes.
    Its answer never depends on time, machine or the engine's workers.
    """

    name: str
    exact: bool
    rows: int
    settle: Callable[[Probe, Engine | None], Found]
    again: int = MOST_ROWS


Settler = Callable[[Probe], Method]
"""The method for a model and the allowed changes of a probe (whatever its rows); `Unfit` says why it has none."""


def settlers(task: str) -> Sequence[Settler]:
    """Every settler for models of a task, in the order in which they are asked; the last one takes any model."""
    from mlassay.gates import adversarial_linear, adversarial_relu, adversarial_search, adversarial_trees

    if task == MULTICLASS:  # the others read one score, not which of several is the largest
        return (adversarial_trees.by_trees, adversarial_search.by_search)
    return (
        adversarial_linear.by_weights,
        adversarial_trees.by_trees,
        adversarial_relu.by_bounds,
        adversarial_search.by_search,
    )


def choose(probe: Probe) -> tuple[Method, tuple[str, ...]]:
    """The first method that fits ``probe``, and why each one before it did not."""
    reasons: list[str] = []
    for settler in settlers(probe.model.task):
        try:
            return settler(probe), tuple(reasons)
        except Unfit as unfit:
            reasons.append(str(unfit))
    raise AssertionError("the search takes every model")


def settle(probe: Probe, method: Method, engine: Engine | None) -> Found:
    """What ``method`` finds, its witnesses replayed; what it leaves undecided is searched for a witness as well."""
    from mlassay.gates.adversarial_search import by_search, replay

    found = replay(probe, method.settle(probe, engine))
    open_ = np.flatnonzero(found.undecided)
    if not method.exact or not open_.size:
        return found
    rest = probe.only(open_)
    searched = replay(rest, by_search(rest).settle(rest, engine))
    broken, undecided, witness = found.broken.copy(), found.undecided.copy(), found.witness.copy()
    broken[open_], undecided[open_] = searched.broken, ~searched.broken
    witness[open_] = np.where(searched.broken[:, None], searched.witness, witness[open_])
    probe.evaluations += rest.evaluations
    return Found(broken, undecided, witness)
