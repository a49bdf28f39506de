"""Whether a model can be read by a person, and whether each of its decisions can be explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlassay.config.perturb import Move
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_set import Allowed
from mlassay.gates.explain_change import decides, turned
from mlassay.gates.explain_importance import spaced
from mlassay.model.types import Unfit

if TYPE_CHECKING:
    from mlassay.ports import Subject

ROWS = 100  # decisions that are explained, evenly spaced over the evaluation rows


def white_box(subject: Subject, most: int) -> tuple[bool, str]:
    """Whether the graph is a linear model, or trees of at most ``most`` leaves together, and nothing that is not read."""
    network = subject.model.network()
    if network is not None and network.linear:
        return True, "it is linear in its columns"
    if network is not None:
        units = sum(layer.stop - layer.start for layer in network.layers)
        return False, f"it is a network of {units} ReLU units"
    from mlassay.model.ensembles import read_ensemble

    try:
        leaves = sum(len(each) for each in read_ensemble(subject.model.proto.graph).below)
        _followed(subject)
    except Unfit as unfit:
        return False, f"it is neither linear nor trees that can be read: {unfit}"
    return leaves <= most, f"its trees have {leaves} leaves together, where at most {most} are called small"


def _followed(subject: Subject) -> None:
    """Unfit where something stands between columns and trees, or behind them, that is not read."""
    from mlassay.gates.adversarial_trees import by_trees

    column = next(
        (
            c
            for each in subject.model.inputs
            for c in [subject.plan.evaluation.column(each.name)]
            if c.type in ("number", "integer") and c.minimum is not None and c.maximum is not None
        ),
        None,
    )
    if column is None:
        raise Unfit("no column of numbers has a declared range")
    table = subject.table.take([0]) if len(subject.table) else subject.table
    rows = subject.model.encode(table.as_mapping())
    box = Allowed.of(rows, [column], [Move(column.name, radius=1.0)])
    by_trees(Probe.of_model(subject.model, rows, box, subject.threshold))


@dataclass(frozen=True, slots=True)
class Explained:
    """Of ``rows`` decisions, how many a change of one column turns, and of how many it is proven that none does.

    ``why`` says why there are no decisions at all.
    """

    rows: int = 0
    turned: int = 0
    proven: int = 0
    why: str = ""


def per_decision(subject: Subject) -> Explained:
    """What would have changed each of 100 evenly spaced decisions, as `mlassay explain --row` tells one person."""
    if why := decides(subject):
        return Explained(why=why)
    index = spaced(len(subject.table), ROWS)
    every = subject.model.encode(subject.table.as_mapping())
    columns, fixed = turned(subject, {name: np.asarray(values)[index] for name, values in every.items()})
    any_turns = np.zeros(len(index), dtype=bool)
    none_turns = np.full(len(index), not fixed)
    for each in columns:
        any_turns |= np.isfinite(each.value)
        none_turns &= np.isnan(each.value) & each.proven
    return Explained(len(index), int(any_turns.sum()), int(none_turns.sum()))
