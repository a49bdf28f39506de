"""Several comparisons at once."""

import numpy as np
import pytest

from mlassay.statistics import family_wise_z, holm


def test_holm_steps_down():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]).size == 0
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_a_question_that_could_not_be_asked_stays_unknown_and_does_not_count():
    adjusted = holm([0.03, np.nan, 0.02, np.nan])
    assert adjusted[[0, 2]].tolist() == pytest.approx([0.04, 0.04])
    assert np.isnan(adjusted[[1, 3]]).all()
    assert not (adjusted[[1, 3]] <= 0.05).any()
    assert np.isnan(holm([np.nan])).all()


def test_families_lie_along_the_last_axis():
    p = np.random.default_rng(0).random((5, 4, 7)) ** 3
    assert holm(p)[2, 3].tolist() == holm(p[2, 3]).tolist()


def test_the_quantile_of_a_family_grows_with_it():
    assert family_wise_z(1) == pytest.approx(1.959964, abs=1e-6)
    assert family_wise_z(0) == family_wise_z(1) < family_wise_z(2) < family_wise_z(20)
