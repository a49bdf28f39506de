"""ReLU networks: what is proven holds against every activation pattern, and what is broken is shown."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import skl2onnx
from onnx import helper
from scipy.optimize import linprog
from sklearn.neural_network import MLPClassifier

from mlassay.config.perturb import Move, read_constraint
from mlassay.evidence.verdict import Outcome
from mlassay.gates import adversarial_relu
from mlassay.gates.adversarial import AdversarialGate
from mlassay.gates.adversarial_art import attack_row
from mlassay.gates.adversarial_bounds import Bounds
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_relu import Branching, by_bounds, network_for, settle, wanted_of
from mlassay.gates.adversarial_search import replay, search
from mlassay.gates.adversarial_set import Allowed
from mlassay.gates.adversarial_space import Space
from mlassay.manifest import Column
from mlassay.model import Input, Model
from mlassay.model.types import Unfit
from tests.gates.subjects import subject
from tests.gates.test_adversarial import asked
from tests.model.models import floats, model, save

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def proto_of(weights, biases):
    nodes, given, name = [], [], "X"
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        nodes.append(helper.make_node("Gemm", [name, f"W{k}", f"B{k}"], [f"h{k}"]))
        given += [floats(f"W{k}", w), floats(f"B{k}", b)]
        name = f"h{k}"
        if k < len(weights) - 1:
            nodes.append(helper.make_node("Relu", [name], [f"r{k}"]))
            name = f"r{k}"
    nodes.append(helper.make_node("Sigmoid", [name], ["probabilities"]))
    width = len(weights[0])
    return model(nodes, initialisers=given, inputs=[helper.make_tensor_value_info("X", 1, [None, width])])


def drawn(sizes, seed=0):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=pair).astype(np.float32) for pair in itertools.pairwise(sizes)]
    biases = [rng.normal(scale=0.3, size=n).astype(np.float32) for n in sizes[1:]]
    return weights, biases


def probe_of(tmp_path, proto, x, radius, *, constraints=(), **move):
    names = [f"c{i}" for i in range(x.shape[1])]
    made = Model.load(save(proto, tmp_path), [Input(n) for n in names])
    rows = {n: x[:, i].astype(np.float32) for i, n in enumerate(names)}
    columns = [Column(n, "number", "feature", "before", -4.0, 4.0) for n in names]
    moves = [Move(n, radius=radius, **move) for n in names]
    box = Allowed.of(rows, columns, moves, [read_constraint(c) for c in constraints])
    return Probe(made, rows, box, 0.5, made.score(rows))


def least_by_patterns(weights, biases, low, high, sign, *, a=None, b=None):
    """The least of sign * z over a box (and a @ x <= b) for one hidden layer: a program for each pattern of its units."""
    (w1, w2), (b1, b2) = ([m.astype(float) for m in ms] for ms in (weights, biases))
    least = np.inf
    for pattern in itertools.product((False, True), repeat=w1.shape[1]):
        on = np.array(pattern)
        side = np.where(on, -1.0, 1.0)
        rows, limits = [(w1 * side).T], [-b1 * side]
        if a is not None:
            rows, limits = [*rows, a], [*limits, b]
        c = sign * (w1 * on) @ w2[:, 0]
        done = linprog(
            c,
            A_ub=np.concatenate(rows),
            b_ub=np.concatenate(limits),
            bounds=list(zip(low, high, strict=True)),
        )
        if done.status == 0:
            least = min(least, done.fun + sign * ((b1 * on) @ w2[:, 0] + b2[0]))
    return least


@pytest.mark.parametrize("constraints", [(), ("c0 <= c1",)], ids=["box", "constrained"])
def test_every_row_is_settled_as_all_activation_patterns_say(tmp_path, constraints):
    weights, biases = drawn((3, 4, 1), seed=3)
    x = np.random.default_rng(1).normal(size=(40, 3)).clip(-4, 4)
    probe = probe_of(tmp_path, proto_of(weights, biases), x, 0.06, constraints=constraints)
    found = replay(probe, settle(probe))
    a, b = (probe.box.weights, probe.box.bound) if constraints else (None, np.empty((40, 0)))
    least = np.array(
        [
            least_by_patterns(
                weights,
                biases,
                probe.box.low[i],
                probe.box.high[i],
                1 if probe.decided[i] else -1,
                a=a,
                b=b[i],
            )
            for i in range(40)
        ]
    )
    clear = np.abs(least) > 1e-4
    assert (found.broken == (least < 0))[clear & ~found.undecided].all()
    assert found.undecided.sum() <= (2 if constraints else 0)
    assert 3 < found.broken.sum() < 37


@pytest.mark.parametrize("sizes", [(4, 8, 1), (4, 8, 8, 1), (3, 6, 6, 6, 1)])
def test_bounds_hold_for_what_the_model_computes_anywhere_in_the_box(tmp_path, sizes):
    x = np.random.default_rng(2).normal(size=(20, sizes[0])).clip(-4, 4)
    probe = probe_of(tmp_path, proto_of(*drawn(sizes)), x, 0.1)
    network = network_for(probe)
    space = Space(probe, network)
    bound = Bounds(space).least(space.whole(np.arange(20)), wanted_of(probe, network)).bound[:, 0]
    shares = np.random.default_rng(3).random((20, 3000, sizes[0]))
    points = probe.box.low[:, None] + shares * (probe.box.high - probe.box.low)[:, None]
    index = np.arange(20)
    margins, _ = probe.margins(index, probe.box.fit(index, points))
    scores = np.where(probe.decided[:, None], margins, -margins) + 0.5
    scores = scores.clip(1e-6, 1 - 1e-6)  # beyond, the logistic is flat in float32
    z = np.log(scores / (1 - scores)) * np.where(probe.decided, 1, -1)[:, None]
    inner = np.abs(z).max(axis=1) < 12
    assert inner.sum() > 5
    assert (bound <= z.min(axis=1) + 1e-4)[inner].all()
    assert (bound > z.min(axis=1) - 20)[inner].all()  # and say something


def trained(tmp_path, radius, *, width=4, count=120, **move):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, width)).clip(-4, 4).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + 0.3 * rng.normal(size=400) > 0).astype(int)
    estimator = MLPClassifier((12, 8), max_iter=150, random_state=0).fit(x, y)
    proto = skl2onnx.to_onnx(
        estimator, x[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3}
    )
    return probe_of(tmp_path, proto, x[:count], radius, **move)


def test_a_trained_network_is_settled_and_no_search_breaks_what_was_proven(tmp_path):
    probe = trained(tmp_path, 0.03)
    found = replay(probe, settle(probe))
    searched = replay(probe, search(probe, seed=5))
    robust = ~found.broken & ~found.undecided
    assert not found.undecided.any()
    assert not (searched.broken & robust).any()
    assert found.broken.sum() >= searched.broken.sum() > 10
    assert robust.sum() > 30
    assert not any(attack_row(probe, int(r), 1.0) for r in np.flatnonzero(robust)[:2])


def test_steps_are_branched_to_their_points(tmp_path):
    probe = trained(tmp_path, 0.05, width=3, count=60, step=0.2)
    found = replay(probe, settle(probe))
    steps = np.array(list(itertools.product(np.arange(-2, 3) * 0.2, repeat=3)))
    index = np.arange(60)
    points = probe.box.fit(index, probe.box.base[:, None] + steps[None])
    _, flipped = probe.margins(index, points)
    assert (found.broken == flipped.any(axis=1)).all()
    assert not found.undecided.any()


def test_the_budget_of_branches_leaves_rows_undecided_and_not_robust(tmp_path, monkeypatch):
    probe = trained(tmp_path, 0.06)
    settled = settle(probe)
    monkeypatch.setattr(adversarial_relu, "WORK", 0)
    monkeypatch.setattr(adversarial_relu, "BRANCHES", 0)
    short = settle(trained(tmp_path, 0.06))
    assert short.undecided.sum() > settled.undecided.sum()
    assert not (settled.broken & ~short.broken & ~short.undecided).any()
    again = settle(trained(tmp_path, 0.06))
    assert (again.witness == short.witness).sum() == (short.witness == short.witness).sum()


def test_weights_that_do_not_say_what_the_model_answers_prove_nothing(tmp_path, monkeypatch):
    probe = trained(tmp_path, 0.03)
    real = Model.network

    def misread(self):
        network = real(self)
        network.answer.weights[-1, 0] += 0.01
        return network

    monkeypatch.setattr(Model, "network", misread)
    assert settle(probe).undecided.all()


def test_a_threshold_that_no_answer_is_surely_over_proves_nothing(tmp_path):
    probe = trained(tmp_path, 0.01)
    for threshold in (1 - 1e-7, 1e-7):
        sure = Probe(probe.model, probe.rows, probe.box, threshold, probe.scores)
        search_ = Branching(sure, network_for(sure))
        search_.run()
        own = sure.decided if threshold > 0.5 else ~sure.decided
        assert not (~search_.broken & ~search_.undecided)[own].any()


def test_a_linear_model_and_a_bent_one_are_left_to_others(tmp_path):
    x = np.zeros((2, 3))
    with pytest.raises(Unfit, match="linear"):
        by_bounds(probe_of(tmp_path, proto_of(*drawn((3, 1))), x, 0.1))
    bent = model(
        [helper.make_node("Gemm", ["X", "W"], ["h"]), helper.make_node("Tanh", ["h"], ["probabilities"])],
        initialisers=[floats("W", np.ones((3, 1)))],
    )
    with pytest.raises(Unfit):
        by_bounds(probe_of(tmp_path, bent, x, 0.1))


def test_the_gate_passes_a_steady_network_and_fails_a_jumpy_one(tmp_path):
    steady = proto_of(
        [np.array([[3.0, 0.0], [0.0, 0.01], [0.0, 0.0]]), np.array([[1.0], [1.0]])],
        [np.zeros(2), np.array([2.0])],
    )
    report = AdversarialGate().test(subject(tmp_path, steady, asked(radius=0.05)))
    assert report.outcome is Outcome.PASSED
    assert report.measured["undecided"] == 0
    (tmp_path / "jumpy").mkdir()
    rng = np.random.default_rng(0)
    jumpy = proto_of(
        [rng.normal(size=(3, 16)) * [[8.0], [8.0], [0.0]], rng.normal(size=(16, 1))],
        [rng.normal(size=16), [0.0]],
    )
    report = AdversarialGate().test(subject(tmp_path / "jumpy", jumpy, asked(radius=0.2, least=0.9)))
    assert report.outcome is Outcome.FAILED
