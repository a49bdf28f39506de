"""Tree ensembles are settled exactly: enumeration of every cell, other exporters and odd sets of changes agree."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import skl2onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlassay.config.perturb import Move, read_constraint
from mlassay.engines.local import LocalEngine
from mlassay.gates.adversarial_art import cross_check
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_search import by_search, replay, search
from mlassay.gates.adversarial_set import Allowed
from mlassay.gates.adversarial_settle import choose, settle
from mlassay.gates.adversarial_trees import by_trees
from mlassay.manifest import Column
from mlassay.model import Input, Model
from tests.model.models import save
from tests.model.trees_made import MODES, SPLITS, flat, grow, listed, over, rows_at_splits


def number(name, low=-4.0, high=4.0, kind="number"):
    return Column(name, kind, "feature", "before", low, high)


def probe_of(tmp_path, proto, x, columns, moves, *, constraints=(), threshold=0.5, names=None, values=None):
    names = names or [f"c{i}" for i in range(x.shape[1])]
    loaded = Model.load(save(proto, tmp_path), [Input(n, (values or {}).get(n, ())) for n in names])
    rows = {n: x[:, i].copy() for i, n in enumerate(names)}
    allowed = Allowed.of(rows, columns, moves, [read_constraint(c) for c in constraints])
    return Probe(loaded, rows, allowed, threshold, loaded.score(rows))


def truth(probe, places):
    """Whether any allowed point flips each row, by trying one of every cell: ``places`` are the splits of each column."""
    allowed, count = probe.box, len(probe.scores)
    flips = np.zeros(count, dtype=bool)
    for row in range(count):
        axes = []
        for j, splits in enumerate(places):
            base, low, high = allowed.base[row, j], allowed.low[row, j], allowed.high[row, j]
            if np.isnan(base):
                axes.append(np.array([np.nan]))
                continue
            near = np.concatenate(
                [splits, np.nextafter(splits, np.float32(9e9)), np.nextafter(splits, np.float32(-9e9))]
            )
            steps = base + allowed.step[j] * np.arange(-40, 41) if allowed.step[j] else np.array([])
            whole = np.arange(-40, 41) if allowed.whole[j] else np.array([])
            codes = allowed.choices[j] if allowed.choices[j] is not None else np.array([])
            tried = np.concatenate([near.astype(float), [base, low, high], steps, whole, codes])
            axes.append(np.unique(tried[(tried >= low) & (tried <= high)]))
        points = np.array(list(itertools.product(*axes)))[None]
        fitted = allowed.fit(np.array([row]), points)
        kept = allowed.contains(np.array([row]), fitted)[0]
        flips[row] = probe.margins(np.array([row]), fitted)[1][0][kept].any()
    return flips


def exact(probe, engine=None):
    method = by_trees(probe)
    assert method.exact
    return replay(probe, method.settle(probe, engine))


def weigh_by(rng, targets=1):
    """Leaves of odd multiples of 1/64: no sum comes within rounding of an even one."""
    return lambda: [(int(rng.integers(targets)), float(2 * rng.integers(-30, 31) + 1) / 64)]


def seated(tree):
    """The same tree, in which only the category is asked for membership."""
    if tree is None:
        return None
    feature, mode, split, missing, yes, no = tree
    return (2 if mode == "BRANCH_MEMBER" else feature, mode, split, missing, seated(yes), seated(no))


SPLITS_32 = np.asarray(SPLITS, np.float32)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["SUM", "AVERAGE", "MIN", "MAX"]),
    st.sampled_from(["plain", "odd"]),
)
def test_every_comparison_agrees_with_every_cell(tmp_path_factory, seed, aggregate, kind):
    rng = np.random.default_rng(seed)
    modes = MODES if kind == "odd" else ("BRANCH_LEQ",)
    trees = [grow(rng, 3, 3, modes) for _ in range(3)]
    node = listed(trees, weigh_by(rng), classifier=False, targets=1, aggregate=aggregate)
    x = rows_at_splits(rng, 8, 3)
    x = np.where(np.isnan(x) & (rng.random(x.shape) < 0.5), np.float32(0.25), x)
    columns = (number("c0"), number("c1", -2.0, 3.0))
    moves = (
        Move("c0", by=float(rng.choice([0.2, 1.5]))),
        Move("c1", by=0.8, direction=str(rng.choice(["up", "both"]))),
    )
    probe = probe_of(tmp_path_factory.mktemp("made"), over(node, 3), x, columns, moves, threshold=2.0 / 64)
    found = exact(probe)
    assert not found.undecided.any()
    assert (found.broken == truth(probe, [SPLITS_32, SPLITS_32])).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_steps_integers_and_categories_agree_with_every_cell(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    trees = [seated(grow(rng, 4, 3, (*MODES, "BRANCH_MEMBER"))) for _ in range(3)]
    proto = over(flat(trees, weigh_by(rng), targets=1), 3)
    x = np.column_stack([rng.normal(size=10), rng.integers(-3, 4, 10), rng.integers(0, 4, 10)]).astype(
        np.float32
    )
    columns = (
        number("c0"),
        number("c1", kind="integer"),
        Column("c2", "category", "feature", "before", values=("a", "b", "c", "d")),
    )
    moves = (Move("c0", by=1.1, step=0.35), Move("c1", by=2.0), Move("c2", values=("b", "d")))
    values = {"c2": ("a", "b", "c", "d")}
    folder = tmp_path_factory.mktemp("made")
    probe = probe_of(folder, proto, x, columns, moves, threshold=2.0 / 64, values=values)
    found = exact(probe)
    assert not found.undecided.any()
    assert (found.broken == truth(probe, [SPLITS_32] * 3)).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_constraints_between_columns_are_kept_and_prove_more(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    trees = [grow(rng, 3, 2, ("BRANCH_LEQ",)) for _ in range(4)]
    node = listed(trees, weigh_by(rng), classifier=False, targets=1)
    x = rng.normal(size=(14, 2)).astype(np.float32)
    columns, moves = (number("c0"), number("c1")), (Move("c0", by=1.0), Move("c1", by=1.0))
    folder = tmp_path_factory.mktemp("made")
    bound = probe_of(folder, over(node, 2), x, columns, moves, constraints=["c0 <= c1"], threshold=2.0 / 64)
    found = exact(bound)
    assert bound.box.contains(
        np.arange(14), np.where(found.broken[:, None], found.witness, bound.box.base)[:, None, :]
    ).all()
    free = exact(probe_of(folder, over(node, 2), x, columns, moves, threshold=2.0 / 64))
    assert not (found.broken & ~free.broken).any()
    tried = truth(bound, [SPLITS_32, SPLITS_32])  # corners of cells only: what it breaks is broken
    assert not (tried & ~found.broken & ~found.undecided).any()
    assert found.undecided.mean() < 0.5


def separable(seed=0, count=600, classes=2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 4)).astype(np.float32)
    x[:, 3] = rng.integers(0, 3, count)
    score = x[:, 0] + x[:, 1] * (x[:, 3] - 1) + rng.normal(scale=0.4, size=count)
    return x, np.digitize(score, [0.0] if classes == 2 else [-0.6, 0.6])


def onnx_of(estimator, x):
    return skl2onnx.to_onnx(
        estimator, x[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3}
    )


COLUMNS = (number("c0"), number("c1"))
MOVES = (Move("c0", radius=0.04), Move("c1", radius=0.04))


def holds_against_search(probe):
    """The exact answer decides (nearly) all, and no search breaks what it proved."""
    found = exact(probe)
    tried = search(probe, seed=3).broken
    assert found.undecided.mean() <= 0.01
    assert not (tried & ~found.broken & ~found.undecided).any()
    assert 0.02 < found.broken.mean() < 0.98
    return found


@pytest.mark.parametrize("forest", [False, True], ids=["boosting", "forest"])
def test_scaler_imputer_and_one_hot_are_folded_in(tmp_path, forest):
    x, y = separable()
    x[::9, 0] = np.nan
    prepared = ColumnTransformer(
        [("n", make_pipeline(SimpleImputer(), StandardScaler()), [0, 1, 2]), ("c", OneHotEncoder(), [3])]
    )
    estimator = (
        RandomForestClassifier(20, max_depth=6, random_state=0)
        if forest
        else GradientBoostingClassifier(n_estimators=20, random_state=0)
    )
    proto = onnx_of(make_pipeline(prepared, estimator).fit(x, y), x)
    found = holds_against_search(probe_of(tmp_path, proto, x[:200], COLUMNS, MOVES))
    assert found.broken.sum() > 10
    columns = (*COLUMNS, Column("c3", "category", "feature", "before", values=("u", "v", "w")))
    moves = (*MOVES, Move("c3"))
    with_category = holds_against_search(
        probe_of(tmp_path, proto, x[:200], columns, moves, values={"c3": ("u", "v", "w")})
    )
    assert with_category.broken.sum() > found.broken.sum()


def test_classes_are_compared_in_pairs(tmp_path):
    x, y = separable(classes=3)
    proto = onnx_of(GradientBoostingClassifier(n_estimators=8, random_state=0).fit(x, y), x)
    for favourable in ((2,), (0, 1)):
        loaded = Model.load(
            save(proto, tmp_path),
            [Input(f"c{i}") for i in range(4)],
            task="multiclass-classification",
            labels=("a", "b", "c"),
            favourable=favourable,
        )
        rows = {f"c{i}": x[:120, i].copy() for i in range(4)}
        probe = Probe.of_model(loaded, rows, Allowed.of(rows, COLUMNS, MOVES), None)
        assert (probe.decided == np.isin(loaded.answers(rows).argmax(axis=1), favourable)).all()
        found = exact(probe)
        tried = search(probe, seed=1).broken
        assert not (tried & ~found.broken & ~found.undecided).any()
        assert found.undecided.mean() < 0.05
        assert 0.02 < found.broken.mean() < 0.98


def test_a_regressor_with_a_threshold(tmp_path):
    x, _ = separable()
    proto = skl2onnx.to_onnx(
        GradientBoostingRegressor(n_estimators=30, random_state=0).fit(x, x[:, 0] * x[:, 1]),
        x[:1],
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    loaded = Model.load(save(proto, tmp_path), [Input(f"c{i}") for i in range(4)], task="regression")
    rows = {f"c{i}": x[:150, i].copy() for i in range(4)}
    probe = Probe(loaded, rows, Allowed.of(rows, COLUMNS, MOVES), 0.1, loaded.score(rows))
    holds_against_search(probe)


def test_lightgbm_as_its_own_exporter_writes_it(tmp_path):
    lightgbm, onnxmltools = pytest.importorskip("lightgbm"), pytest.importorskip("onnxmltools")
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, y = separable()
    x[::11, 1] = np.nan
    model = lightgbm.LGBMClassifier(n_estimators=15, verbose=-1, n_jobs=1, random_state=0).fit(x, y)
    proto = onnxmltools.convert_lightgbm(
        model, initial_types=[("X", FloatTensorType([None, 4]))], zipmap=False, target_opset=15
    )
    holds_against_search(probe_of(tmp_path, proto, x[:200], COLUMNS, MOVES))


def test_two_workers_say_the_same_as_one_and_as_none(tmp_path):
    x, y = separable()
    proto = onnx_of(RandomForestClassifier(20, max_depth=6, random_state=0).fit(x, y), x)
    probe = probe_of(tmp_path, proto, x[:300], COLUMNS, MOVES)
    said = [exact(probe, engine) for engine in (None, LocalEngine(1), LocalEngine(2, alone_seconds=0.0))]
    for other in said[1:]:
        assert (other.broken == said[0].broken).all()
        assert (other.undecided == said[0].undecided).all()
        assert np.array_equal(other.witness, said[0].witness, equal_nan=True)


def test_few_steps_leave_rows_undecided_and_none_wrongly_proven(tmp_path, monkeypatch):
    x, y = separable(seed=2)
    proto = onnx_of(RandomForestClassifier(30, max_depth=8, random_state=0).fit(x, y), x)
    moves = (Move("c0", radius=0.1), Move("c1", radius=0.1))
    probe = probe_of(tmp_path, proto, x[:150], COLUMNS, moves)
    full = exact(probe)
    monkeypatch.setattr("mlassay.gates.adversarial_trees.WORK", 1)
    few = exact(probe)
    assert few.undecided.sum() > full.undecided.sum()
    assert not (full.broken & ~few.broken & ~few.undecided).any()
    assert not (~full.broken & ~full.undecided & few.broken).any()


def test_art_breaks_nothing_that_is_proven_of_trees(tmp_path):
    x, y = separable()
    proto = onnx_of(GradientBoostingClassifier(n_estimators=20, random_state=0).fit(x, y), x)
    probe = probe_of(tmp_path, proto, x[:80], COLUMNS, MOVES)
    method, _ = choose(probe)
    assert method.name == "trees, exact"
    found = settle(probe, method, None)
    said: list[str] = []
    assert cross_check(probe, found, said.append) == 0
    assert by_search(probe).exact is False
