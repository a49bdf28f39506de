"""The search that takes any model: what it finds of what is there, and that it stays within what is allowed."""

from __future__ import annotations

import numpy as np
import pytest
import skl2onnx
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.neural_network import MLPClassifier

from mlassay.config.perturb import Move, read_constraint
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_search import evaluations_per_row, replay, search
from mlassay.gates.adversarial_set import Allowed
from mlassay.gates.adversarial_settle import choose
from mlassay.manifest import Column
from mlassay.model import Input, Model
from tests.gates.test_adversarial import hmda
from tests.model.models import save

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
TARGET = {"": 17, "ai.onnx.ml": 3}


def probe_of(tmp_path, estimator, names, x, columns, moves, constraints=()):
    proto = skl2onnx.to_onnx(estimator, x[:1], options={"zipmap": False}, target_opset=TARGET)
    made = Model.load(save(proto, tmp_path), [Input(n) for n in names])
    rows = {n: x[:, i].astype(np.float32) for i, n in enumerate(names)}
    box = Allowed.of(rows, columns, moves, [read_constraint(c) for c in constraints])
    return Probe(made, rows, box, 0.5, made.score(rows))


def test_of_the_rows_that_exact_trees_break_it_finds_two_in_three(tmp_path):
    names, x, y = hmda()
    estimator = GradientBoostingClassifier(random_state=0).fit(x[:1500], y[:1500])
    part = x[1500:2700]
    moved = ("pirat", "hirat", "lvrat")
    columns = [
        Column(n, "number", "feature", "before", *(float(f(x[:, names.index(n)])) for f in (np.min, np.max)))
        for n in moved
    ]
    probe = probe_of(tmp_path, estimator, names, part, columns, [Move(n, radius=0.03) for n in moved])
    method, _ = choose(probe)
    assert method.exact
    exact = replay(probe, method.settle(probe, None))
    found = replay(probe, search(probe, seed=1))
    assert exact.broken.sum() > 200
    assert not (found.broken & ~exact.broken & ~exact.undecided).any()
    assert (found.broken & exact.broken).sum() / exact.broken.sum() >= 0.65


@pytest.fixture(scope="module")
def bent(tmp_path_factory):
    """A network with hyperbolic tangents, which nothing here settles exactly."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(250, 3)).clip(-4, 4), rng.integers(0, 3, 250)]).astype(np.float32)
    y = ((x[:, 0] * x[:, 1] > 0) ^ (x[:, 3] == 1)).astype(int)
    return (
        tmp_path_factory.mktemp("bent"),
        MLPClassifier((16,), activation="tanh", max_iter=150, random_state=0).fit(x, y),
        x,
    )


def test_steps_directions_categories_and_constraints_are_kept(bent):
    folder, estimator, x = bent
    names = ["a", "b", "c", "g"]
    columns = [Column(n, "number", "feature", "before", -4.0, 4.0) for n in names[:3]]
    columns.append(Column("g", "category", "feature", "before", values=("u", "v", "w")))
    moves = [
        Move("a", by=1.0, direction="up"),
        Move("b", by=1.0, step=0.25),
        Move("c", by=0.5),
        Move("g", values=("u", "w")),
    ]
    constraints = ["a <= b + 1", "a + c <= 2"]
    probe = probe_of(folder, estimator, names, x, columns, moves, constraints)
    method, reasons = choose(probe)
    assert not method.exact
    assert len(reasons) >= 3
    found = replay(probe, search(probe, seed=2))
    index = np.flatnonzero(found.broken)
    witness = found.witness[index]
    assert 40 < index.size < 250
    assert probe.box.contains(index, witness[:, None, :]).all()
    base = probe.box.base[index]
    assert (witness[:, 0] >= base[:, 0]).all()
    counts = (witness[:, 1] - base[:, 1]) / 0.25
    assert np.abs(counts - np.rint(counts)).max() < 1e-5
    assert ((witness[:, 3] == base[:, 3]) | (witness[:, 3] != 1)).all()
    kept = (witness[:, 0] <= witness[:, 1] + 1 + 1e-5) | (base[:, 0] > base[:, 1] + 1)
    assert kept.all()
    assert (witness[:, 3] != base[:, 3]).sum() > 10


def test_it_repeats_itself_and_asks_no_more_than_it_says(bent):
    folder, estimator, x = bent
    columns = [Column(n, "number", "feature", "before", -4.0, 4.0) for n in "ab"]
    moves = [Move(n, radius=0.02) for n in "ab"]
    first, again = (probe_of(folder, estimator, list("abcg"), x, columns, moves) for _ in range(2))
    one, two = search(first, seed=3), search(again, seed=3)
    assert (one.broken == two.broken).all()
    assert np.array_equal(one.witness, two.witness, equal_nan=True)
    assert first.evaluations <= len(x) * evaluations_per_row(2)
    assert (one.undecided == ~one.broken).all()
