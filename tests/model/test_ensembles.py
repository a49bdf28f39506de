"""Our reading of a tree ensemble gives what ONNX Runtime gives, on every operator, comparison and odd value."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from mlassay.model.ensemble_scores import answers, node_scores
from mlassay.model.ensembles import read_ensemble
from mlassay.model.types import Unfit
from tests.model.trees_made import MODES, flat, grow, listed, over, rows_at_splits

SEEDS = st.integers(0, 2**32 - 1)
WIDTH = 3


def run(proto, rows, output="probabilities"):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (values,) = session.run([output], {"X": rows})
    return np.asarray(values, np.float64).reshape(len(rows), -1)


def read(proto, rows):
    """What our reading says of rows, by column; NaN where only the order is known."""
    ensemble = read_ensemble(proto.graph)
    sums = ensemble.sums(rows.astype(np.float64))
    scores = answers(proto.graph, ensemble, "probabilities")
    lines = np.column_stack([score.line(sums) for score in scores])
    values = np.column_stack(
        [s.bent(s.line(sums)) if s.alone else np.full(len(rows), np.nan) for s in scores]
    )
    return lines, values, scores, ensemble


def counting(rng, targets, each=1):
    """Leaf weights whose sums in float32 are exact, so that a wrong leaf shows: multiples of 1/64, no two alike."""
    number = [0]

    def weigh():
        number[0] += 1
        chosen = rng.choice(targets, each, replace=False)
        return [
            (int(t), float(number[0] + 512 * k) / 64 * (-1) ** int(rng.integers(2)))
            for k, t in enumerate(chosen)
        ]

    return weigh


@settings(max_examples=150, deadline=None)
@given(
    SEEDS, st.sampled_from(["SUM", "AVERAGE", "MIN", "MAX"]), st.sampled_from([(), (0.25,)]), st.booleans()
)
def test_a_regressor_of_every_comparison_and_aggregate(seed, aggregate, base, tracks):
    rng = np.random.default_rng(seed)
    modes = MODES if rng.random() < 0.7 else (str(rng.choice(MODES)),)
    trees = [grow(rng, 4, WIDTH, modes) for _ in range(int(rng.choice([1, 2, 4])))]
    node = listed(
        trees, counting(rng, 1), classifier=False, targets=1, base=base, aggregate=aggregate, tracks=tracks
    )
    proto, rows = over(node, WIDTH), rows_at_splits(rng, 200, WIDTH)
    assert (read(proto, rows)[1] == run(proto, rows)).all()


@settings(max_examples=80, deadline=None)
@given(SEEDS, st.sampled_from([0, 1, 2, 3]), st.integers(1, 3), st.booleans())
def test_the_operator_of_opset_five_with_sets_and_doubles(seed, aggregate, targets, double):
    rng = np.random.default_rng(seed)
    kind, numbers = (TensorProto.DOUBLE, np.float64) if double else (TensorProto.FLOAT, np.float32)
    targets = 1 if aggregate in {2, 3} else targets
    trees = [grow(rng, 3, WIDTH, (*MODES, "BRANCH_MEMBER")) for _ in range(3)]
    node = flat(trees, counting(rng, targets), targets=targets, aggregate=aggregate, kind=kind)
    proto, rows = over(node, WIDTH, kind=kind, out=kind), rows_at_splits(rng, 200, WIDTH, numbers)
    theirs, ours = run(proto, rows), read(proto, rows)[1]
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-6)
    if aggregate != 0:
        assert (ours == theirs).all()


@settings(max_examples=200, deadline=None)
@given(
    SEEDS,
    st.sampled_from(["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]),
    st.sampled_from([2, 2, 3]),
    st.sampled_from(["one", "other", "all", "by tree"]),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
)
def test_a_classifier_with_every_way_of_writing_its_scores(seed, post, labels, weighed, bases, positive):
    rng = np.random.default_rng(seed)
    trees = [grow(rng, 3, WIDTH, MODES) for _ in range(4)]
    base = () if bases == 0 else tuple(rng.uniform(0.05, 0.1, 1 if bases == 1 else labels).tolist())
    turn = [0]

    def weigh():
        turn[0] += 1
        own = {"one": [0], "other": [1], "all": range(labels), "by tree": [turn[0] % labels]}[weighed]
        low = 0.01 if positive else -0.2
        return [(k, float(np.float32(rng.uniform(low, 0.2)))) for k in own]

    node = listed(trees, weigh, classifier=True, targets=labels, post=post, base=base)
    proto, rows = over(node, WIDTH), rows_at_splits(rng, 100, WIDTH)
    try:
        lines, values, scores, ensemble = read(proto, rows)
    except Unfit:
        return
    theirs = run(proto, rows)
    assert values.shape == theirs.shape
    for k, score in enumerate(scores):
        if score.alone:
            assert np.abs(values[:, k] - theirs[:, k]).max() <= score.loose + ensemble.rounding().sum()
    if labels > 2:
        clear = np.sort(lines, axis=1)
        clear = clear[:, -1] - clear[:, -2] > 1e-5
        assert (lines.argmax(axis=1) == theirs.argmax(axis=1))[clear].all()


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.floats(0.02, 0.98), st.sampled_from(["NONE", "LOGISTIC", "SOFTMAX"]))
def test_a_threshold_becomes_two_ends_between_which_nothing_is_claimed(seed, threshold, post):
    rng = np.random.default_rng(seed)
    trees = [grow(rng, 3, WIDTH, MODES) for _ in range(12)]
    node = listed(
        trees,
        lambda: [(0, float(np.float32(rng.uniform(0, 0.08))))],
        classifier=True,
        targets=2,
        post=post,
    )
    proto, rows = over(node, WIDTH), rows_at_splits(rng, 150, WIDTH)
    lines, _, scores, ensemble = read(proto, rows)
    theirs = run(proto, rows)[:, -1]
    # The hardest threshold of all: an answer of the model itself.
    for level in (threshold, float(theirs[0]), float(np.nextafter(np.float32(theirs[0]), np.float32(1)))):
        below, above = scores[-1].reaches(level)
        noise = ensemble.rounding()[0]
        assert not (theirs >= level)[lines[:, -1] < below - noise].any()
        assert (theirs >= level)[lines[:, -1] >= above + noise].all()
        assert above - below < 1e-4


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(2, 400))
def test_the_rounding_bound_holds_the_sums_of_onnx_runtime(seed, count):
    rng = np.random.default_rng(seed)
    trees = [grow(rng, 2, WIDTH, ("BRANCH_LEQ",)) for _ in range(count)]
    scale = 10.0 ** rng.integers(-3, 4)
    node = listed(
        trees,
        lambda: [(0, float(np.float32(rng.normal() * scale)))],
        classifier=False,
        targets=1,
        base=(0.1,),
    )
    proto, rows = over(node, WIDTH), rows_at_splits(rng, 60, WIDTH)
    lines, _, _, ensemble = read(proto, rows)
    assert np.abs(lines - run(proto, rows)).max() <= ensemble.rounding()[0]


def grow_member(members):
    """One node that asks for membership, over one column."""
    tree = (0, "BRANCH_MEMBER", members, False, None, None)
    return over(flat([tree], iter_weights(0.0, 1.0), targets=1), 1)


def iter_weights(*values):
    each = iter(values)
    return lambda: [(0, next(each))]


def test_what_is_no_tree_ensemble_or_too_odd_says_so():
    rng = np.random.default_rng(0)
    trees = [grow(rng, 2, WIDTH, MODES)]
    odd = listed(trees, lambda: [(0, 0.5)], classifier=True, targets=2, post="PROBIT")
    with pytest.raises(Unfit, match="PROBIT"):
        node_scores(read_ensemble(over(odd, WIDTH).graph))
    member = grow_member((1.0, 31.0))
    with pytest.raises(Unfit, match="confuses"):
        read_ensemble(member.graph)
    twice = over(listed(trees, lambda: [(0, 0.5), (0, 0.25)], classifier=False, targets=1), WIDTH)
    with pytest.raises(Unfit, match="twice"):
        read_ensemble(twice.graph)
    none = over(odd, WIDTH)
    del none.graph.node[:]
    with pytest.raises(Unfit, match="no tree ensemble"):
        read_ensemble(none.graph)
