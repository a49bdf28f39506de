"""Two models on the same rows."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mlassay.statistics import mcnemar, paired_difference


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (5, 1), (12, 30), (100, 100)])
def test_mcnemar_is_the_exact_binomial_test(pair):
    expected = binomtest(pair[0], sum(pair)).pvalue if sum(pair) else 1.0
    assert mcnemar(*pair) == pytest.approx(expected, abs=1e-12)


def test_models_that_agree_on_every_row_differ_little():
    estimate = paired_difference(1000, 0, 0, 190)
    assert estimate.point == 0
    assert -0.01 < estimate.lower <= 0 <= estimate.upper < 0.01


def test_no_pairs_and_pairs_that_are_no_numbers_are_unknown():
    assert np.isnan(paired_difference(0, 0, 0, 0).lower)
