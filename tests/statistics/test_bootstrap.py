"""The bootstrap over cells."""

import numpy as np
import pytest

from mlassay.statistics import bootstrap_counts, paired_bootstrap, unpaired_bootstrap


def test_the_bootstrap_of_cells_is_the_bootstrap_of_rows():
    counts = np.array([70, 20, 10])
    rows = np.repeat([0, 1, 2], counts)
    by_row = np.random.default_rng(1).choice(rows, size=(10_000, 100))
    share = (by_row == 1).mean(axis=1)
    by_cell = bootstrap_counts(counts)[:, 1] / 100
    assert by_cell.mean() == pytest.approx(share.mean(), abs=0.002)
    assert by_cell.std() == pytest.approx(share.std(), rel=0.05)


def test_the_bootstrap_is_the_same_each_time_and_refuses_resamples_without_an_answer():
    f1 = lambda c: 2 * c[..., 0] / (2 * c[..., 0] + c[..., 1])  # noqa: E731
    assert paired_bootstrap([50, 30, 20], f1) == paired_bootstrap([50, 30, 20], f1)
    with np.errstate(invalid="ignore"):
        broken = paired_bootstrap([1, 0, 40], f1)
    assert broken.point == 1
    assert np.isnan(broken.lower)


def test_a_cell_that_happens_to_be_empty_is_not_taken_to_be_impossible():
    f1 = lambda c: 2 * c[..., 0] / (2 * c[..., 0] + c[..., 1])  # noqa: E731
    said = paired_bootstrap([30, 0, 30], f1)
    assert (said.point, said.upper) == (1.0, 1.0)
    assert said.lower < 0.97
    assert (bootstrap_counts([30, 0, 30])[:, 1] == 0).all()  # as plain draws take it


def test_many_empty_cells_add_four_rows_at_most():
    counts = np.zeros(1000, int)
    counts[:2] = 500
    said = paired_bootstrap(counts, lambda c: c[..., 0] / c.sum(axis=-1))
    assert said.lower == pytest.approx(0.5 - 1.96 * np.sqrt(0.25 / 1000), abs=0.004)


def test_two_samples_are_drawn_apart():
    rate = lambda c: c[..., 1] / c.sum(axis=-1)  # noqa: E731
    said = unpaired_bootstrap([80, 20], [70, 30], lambda a, b: rate(a) - rate(b))
    assert said.point == pytest.approx(-0.1)
    # Newcombe's interval of 20/100 - 30/100.
    assert (said.lower, said.upper) == pytest.approx((-0.216, 0.019), abs=0.012)


def test_no_rows_are_unknown():
    assert np.isnan(paired_bootstrap([0, 0], lambda c: c[..., 0]).point)
    assert np.isnan(unpaired_bootstrap([0, 0], [1, 1], lambda a, b: a[..., 0] - b[..., 0]).point)
    assert np.isnan(unpaired_bootstrap([2, 1], [1, 1], lambda a, _: np.full(a.shape[:-1], np.nan)).upper)
