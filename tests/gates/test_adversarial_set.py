"""What a row may become, by column, and that nothing else is ever offered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlassay.config.perturb import Move, read_constraint
from mlassay.gates.adversarial_set import Allowed
from mlassay.manifest import Column

INCOME = Column("income", "number", "feature", "before", 0.0, 10_000.0)
TERM = Column("term", "integer", "feature", "before", 6.0, 120.0)
SHARE = Column("share", "number", "feature", "before", 0.0, 1.0)
PART = Column("part", "number", "feature", "before", 0.0, 1.0)
PURPOSE = Column("purpose", "category", "feature", "before", values=("car", "home", "boat", "trip"))


def made(rows, columns, moves, *constraints):
    arrays = {n: np.asarray(v, np.float32 if not isinstance(v[0], str) else object) for n, v in rows.items()}
    return Allowed.of(arrays, columns, moves, [read_constraint(c) for c in constraints])


def everywhere(allowed, count=400, seed=0):
    """Wild points (n, count, d), and what `fit` makes of them."""
    rng = np.random.default_rng(seed)
    rows, width = allowed.base.shape
    scale = np.where(allowed.span > 0, allowed.span, 1.0)
    wild = np.nan_to_num(allowed.base)[:, None, :] + rng.normal(size=(rows, count, width)) * scale
    return np.arange(rows), wild


def test_a_column_moves_by_its_own_share_or_units_and_only_its_way():
    allowed = made(
        {"income": [2000.0, 9900.0], "share": [0.5, 0.99]},
        (INCOME, SHARE),
        (Move("income", by=500.0, direction="up"), Move("share", radius=0.1, direction="down")),
    )
    index, wild = everywhere(allowed)
    points = allowed.fit(index, wild)
    assert points[0, :, 0].min() == 2000
    assert points[0, :, 0].max() == 2500
    assert points[1, :, 0].max() == 10_000
    assert points[0, :, 1].max() == 0.5
    assert 0.4 <= points[0, :, 1].min() < 0.401
    assert allowed.contains(index, points).all()
    assert not allowed.contains(index, points + np.array([0.0, 1.0])).any()


def test_steps_are_counted_from_the_row_and_stay_in_the_range():
    allowed = made({"term": [24.0, 7.0, 115.0]}, (TERM,), (Move("term", by=24.0, step=12.0),))
    index, wild = everywhere(allowed)
    points = allowed.fit(index, wild)
    assert set(points[0].ravel()) == {6.0 + 6, 24.0, 36.0, 48.0} - {12.0} | {12.0}
    assert set(points[1].ravel()) == {7.0, 19.0, 31.0}
    assert set(points[2].ravel()) == {91.0, 103.0, 115.0}
    assert not allowed.contains(index[:1], np.array([[[30.0]]])).any()


def test_a_fractional_step_holds_what_float32_makes_of_it():
    allowed = made({"share": [0.5, 0.1]}, (SHARE,), (Move("share", by=0.25, step=0.1),))
    index, wild = everywhere(allowed)
    points = allowed.fit(index, wild)
    base = np.float64(np.float32(0.5))
    assert set(points[0].ravel()) == {float(np.float32(base + k * 0.1)) for k in (-2, -1, 0, 1, 2)}
    assert set(points[1].ravel()) == {
        float(np.float32(np.float64(np.float32(0.1)) + k * 0.1)) for k in (-1, 0, 1, 2)
    }
    assert (allowed.fit(index, points) == points).all()


def test_a_category_becomes_what_is_allowed_or_stays_what_it_is():
    rows = {"purpose": [2.0, 0.0, np.nan]}
    allowed = made(rows, (PURPOSE,), (Move("purpose", values=("car", "home")),))
    index, wild = everywhere(allowed)
    points = allowed.fit(index, wild)
    assert set(points[0].ravel()) == {0.0, 1.0, 2.0}
    assert set(points[1].ravel()) == {0.0, 1.0}
    assert np.isnan(points[2]).all()
    assert allowed.shares(index, points[:, 0]).max() <= 1


def test_a_category_of_text_is_given_to_the_model_as_its_text():
    rows = {"purpose": ["boat", "car", "", "other"]}
    allowed = made(rows, (PURPOSE,), (Move("purpose"),))
    own = np.array(rows["purpose"], dtype=object)
    assert list(allowed.inputs(0, np.array([3.0, 1.0, np.nan, np.nan]), own)) == ["trip", "home", "", "other"]
    assert list(allowed.base[:2, 0]) == [2.0, 0.0]
    assert np.isnan(allowed.base[2:]).all()


def test_points_are_moved_into_the_constraints_and_the_row_itself_always_stays():
    rows = {"part": [0.2, 0.5, 0.6, np.nan], "share": [0.5, 0.5, 0.4, 0.4]}
    allowed = made(
        rows, (PART, SHARE), (Move("part", radius=0.3), Move("share", radius=0.3)), "part <= share"
    )
    index, wild = everywhere(allowed)
    points = allowed.project(index, wild)
    assert allowed.contains(index, points).all()
    assert (points[0, :, 0] <= points[0, :, 1] + 1e-7).all()
    # The third row breaks the constraint already: it may stay as far over it, never further.
    assert (points[2, :, 0] - points[2, :, 1]).max() <= 0.2 + 1e-6
    assert allowed.contains(index, allowed.base[:, None, :]).all()
    assert not allowed.holds(index[:1], np.array([[[0.5, 0.3]]])).any()
    spread = points[0].max(axis=0) - points[0].min(axis=0)
    assert (spread > 0.25).all()  # pulled along the constraint, not just back to the row


def test_a_constraint_with_a_column_that_stays_binds_by_its_value():
    rows = {"part": [0.2, 0.2], "share": [0.3, np.nan]}
    allowed = made(rows, (PART,), (Move("part", radius=0.5),), "part <= share")
    index, wild = everywhere(allowed)
    points = allowed.project(index, wild)
    assert points[0].max() <= 0.3 + 1e-7
    assert points[1].max() > 0.6  # a missing value binds nothing


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.001, 0.5),
    st.sampled_from([0.0, 0.05, 0.013]),
    st.sampled_from(["both", "up", "down"]),
)
def test_whatever_is_projected_is_contained_and_stays_as_it_is(seed, radius, step, direction):
    rng = np.random.default_rng(seed)
    rows = {"part": rng.uniform(-0.1, 1.1, 6), "share": rng.uniform(0, 1, 6), "term": rng.integers(6, 121, 6)}
    moves = (
        Move("part", radius=radius, step=step, direction=direction),
        Move("share", radius=radius),
        Move("term", by=7.0),
    )
    bound = ("part <= share", "0.01 * term + part <= 1.5")
    allowed = made({n: v.astype(float).tolist() for n, v in rows.items()}, (PART, SHARE, TERM), moves, *bound)
    index, wild = everywhere(allowed, 50, seed)
    points = allowed.project(index, wild)
    assert allowed.contains(index, points).all()
    assert (allowed.fit(index, points) == points).all()
    some = np.array([4, 1])
    assert (allowed.rows(some).project(np.arange(2), wild[some]) == points[some]).all()


@pytest.mark.parametrize(("text", "weights", "bound"), [
    ("hirat <= pirat", {"hirat": 1.0, "pirat": -1.0}, 0.0),
    ("pirat >= hirat", {"hirat": 1.0, "pirat": -1.0}, 0.0),
    ("a - b <= 0", {"a": 1.0, "b": -1.0}, 0.0),
    ("0.5 * debt-to-income + 2 b - 3 <= 1e1", {"debt-to-income": 0.5, "b": 2.0}, 13.0),
    ("-a <= 4", {"a": -1.0}, 4.0),
])  # fmt: skip
def test_constraints_are_read_as_they_are_written(text, weights, bound):
    read = read_constraint(text)
    assert (dict(read.weights), read.bound, read.text) == (weights, bound, text)


@pytest.mark.parametrize("text", ["a", "a < b", "a <= b <= c", "1 <= 2", "a <= a", "a + <= b", "", " <= "])
def test_what_is_no_constraint_is_refused(text):
    with pytest.raises(ValueError, match=r"'.*'"):
        read_constraint(text)
