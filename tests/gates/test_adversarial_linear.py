"""Linear models are settled exactly: by steps, categories, directions and constraints, and never beyond float32."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import skl2onnx
from onnx import helper
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlassay.config.perturb import Move, read_constraint
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_linear import by_weights, settle
from mlassay.gates.adversarial_search import replay
from mlassay.gates.adversarial_set import Allowed
from mlassay.manifest import Column
from mlassay.model import Input, Model
from mlassay.model.types import Unfit
from tests.model.models import floats, model, save

NAMES = ["c0", "c1", "c2", "c3"]
WEIGHTS = np.array([1.1, -0.7, 0.4, -1.3])
BIAS = 0.2137  # no sum of whole steps is the threshold itself
COLUMNS = tuple(Column(n, "number", "feature", "before", -4.0, 4.0) for n in NAMES)


def probe_of(
    tmp_path, moves, constraints=(), *, count=150, columns=COLUMNS, threshold=0.5, grid=None, weights=WEIGHTS
):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(count, 4)).clip(-4, 4)
    x = (x if grid is None else np.rint(x / grid) * grid).astype(np.float32)
    gemm = helper.make_node("Gemm", ["X", "W", "B"], ["z"])
    proto = model(
        [gemm, helper.make_node("Sigmoid", ["z"], ["probabilities"])],
        initialisers=[floats("W", weights.reshape(-1, 1)), floats("B", [BIAS])],
        inputs=[helper.make_tensor_value_info("X", 1, [None, 4])],
    )
    made = Model.load(save(proto, tmp_path), [Input(n) for n in NAMES])
    rows = {n: x[:, i].copy() for i, n in enumerate(NAMES)}
    chosen = [c for c in columns if c.name in {m.name for m in moves}]
    box = Allowed.of(rows, chosen, moves, [read_constraint(c) for c in constraints])
    return x.astype(float), Probe(made, rows, box, threshold, made.score(rows))


def enumerated(x, probe, points):
    """Whether any of ``points`` (n, k, d) of its own flips each row, where they are allowed."""
    index = np.arange(len(x))
    allowed = probe.box.contains(index, points)
    _, flipped = probe.margins(index, points)
    return (flipped & allowed).any(axis=1)


def test_steps_and_directions_are_settled_as_every_point_says(tmp_path):
    moves = [
        Move("c0", by=1.0, step=0.5),
        Move("c1", by=1.0, step=0.25, direction="up"),
        Move("c2", by=0.5, step=0.5, direction="down"),
    ]
    x, probe = probe_of(tmp_path, moves, grid=0.25)
    found = replay(probe, settle(probe))
    steps = list(itertools.product(np.arange(-2, 3) * 0.5, np.arange(5) * 0.25, np.arange(-1, 1) * 0.5))
    expected = enumerated(x, probe, x[:, None, :3] + np.array(steps)[None])
    assert (found.broken == expected).all()
    assert not found.undecided.any()
    assert 0.1 < expected.mean() < 0.9


@pytest.mark.parametrize("step", [0.0, 0.25], ids=["free", "stepped"])
def test_constraints_between_columns_are_settled_as_a_program_says(tmp_path, step):
    from scipy.optimize import linprog

    moves = [Move(n, by=1.0, step=step) for n in NAMES]
    constraints = ["c0 <= c1", "c1 + c2 - 0.5 * c3 <= 0.4"]
    x, probe = probe_of(tmp_path, moves, constraints, grid=0.25, count=80)
    found = replay(probe, settle(probe))
    own = probe.decided
    box = probe.box
    index = np.arange(len(x))
    assert box.contains(index[found.broken], found.witness[found.broken][:, None, :]).all()
    if step:
        steps = np.array(list(itertools.product(np.arange(-4, 5) * 0.25, repeat=4)))
        expected = np.concatenate(
            [
                enumerated(x[[i]], probe.only(np.array([i])), x[[i], None, :] + steps[None])
                for i in range(len(x))
            ]
        )
        assert (found.broken == expected)[~found.undecided].all()
    else:
        worst = np.empty(len(x))
        for i in range(len(x)):
            sign = 1 if own[i] else -1
            done = linprog(
                sign * WEIGHTS,
                A_ub=box.weights,
                b_ub=box.bound[i],
                bounds=list(zip(box.low[i], box.high[i], strict=True)),
            )
            worst[i] = done.fun + sign * BIAS
        clear = np.abs(worst) > 1e-4
        expected = worst < 0
        assert (found.broken == expected)[clear].all()
    assert found.undecided.mean() < 0.03
    alone = settle(probe_of(tmp_path, moves, grid=0.25, count=80)[1])
    assert 5 < found.broken.sum() < alone.broken.sum()  # the constraints hold some of them


def test_a_margin_that_float32_cannot_tell_is_undecided(tmp_path):
    """At the end of the box the answer is the threshold itself."""
    weights = np.array([1.0, 0.0, 0.0, 0.0])
    _, probe = probe_of(tmp_path, [Move("c0", by=1.0)], weights=weights)
    for offset, kind in ((0.0, "undecided"), (1e-3, "robust"), (-1e-3, "broken")):
        probe.rows["c0"][:] = np.float32(1.0 - BIAS + offset)
        rows = probe.rows
        box = Allowed.of(rows, COLUMNS[:1], [Move("c0", by=1.0)])
        own = Probe(probe.model, rows, box, 0.5, probe.model.score(rows))
        found = settle(own)
        if kind == "undecided":
            assert (found.undecided | found.broken).all()  # whichever way the last bit falls, never robust
        else:
            assert not found.undecided.any()
            assert (found.broken == (kind == "broken")).all()


def test_categories_behind_one_hot_codes_are_tried_each(tmp_path):
    import pandas as pd

    rng = np.random.default_rng(0)
    values = ("car", "home", "loan")
    frame = pd.DataFrame({"a": rng.normal(size=300).astype(np.float32), "g": rng.choice(values, 300)})
    y = (frame["a"] + frame["g"].map({"car": 0.0, "home": 0.8, "loan": -1.0}) > 0).astype(int)
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["g"]), (StandardScaler(), ["a"])), LogisticRegression()
    ).fit(frame, y)
    proto = skl2onnx.convert_sklearn(
        pipeline,
        initial_types=[("a", FloatTensorType([None, 1])), ("g", StringTensorType([None, 1]))],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    made = Model.load(save(proto, tmp_path), [Input("a"), Input("g", values)])
    rows = made.encode({n: [str(v) for v in frame[n]] for n in frame})
    columns = (
        Column("a", "number", "feature", "before", -4.0, 4.0),
        Column("g", "category", "feature", "before", values=values),
    )
    moves = [Move("a", by=0.2), Move("g", values=("car", "home"))]
    probe = Probe(made, rows, Allowed.of(rows, columns, moves), 0.5, made.score(rows))
    found = replay(probe, settle(probe))
    index = np.arange(300)
    codes = np.array([0.0, 1.0])
    points = np.array(
        [
            [[p, c] for p in (lo, hi) for c in (*codes, own)]
            for lo, hi, own in zip(
                probe.box.low[:, 0], probe.box.high[:, 0], probe.box.base[:, 1], strict=True
            )
        ]
    )
    _, flipped = probe.margins(index, points)
    assert (found.broken == flipped.any(axis=1)).all()
    assert not found.undecided.any()
    moved = found.broken & (found.witness[:, 1] != probe.box.base[:, 1])
    assert moved.sum() > 20
    assert not (found.witness[found.broken & (probe.box.base[:, 1] != 2), 1] == 2).any()


def test_only_linear_models_are_taken(tmp_path):
    _, probe = probe_of(tmp_path, [Move("c0", by=1.0)])
    assert by_weights(probe).exact
    bent = model(
        [
            helper.make_node("Gemm", ["X", "W"], ["z"]),
            helper.make_node("Tanh", ["z"], ["probabilities"]),
        ],
        initialisers=[floats("W", WEIGHTS.reshape(-1, 1))],
        inputs=[helper.make_tensor_value_info("X", 1, [None, 4])],
    )
    (tmp_path / "bent").mkdir()
    other = Model.load(save(bent, tmp_path / "bent"), [Input(n) for n in NAMES])
    with pytest.raises(Unfit):
        by_weights(Probe(other, probe.rows, probe.box, 0.5, probe.scores))
