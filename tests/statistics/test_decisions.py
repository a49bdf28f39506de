"""The bias gate's own decision on two groups, by enumeration of every pair of counts: no draw, no seed, no luck."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlassay.evidence.verdict import Outcome
from mlassay.gates.bias_cells import Groups
from mlassay.gates.bias_rules import RULES, compare
from mlassay.statistics import ratio_interval
from tests.statistics.exact import FLOOR, RATES, RATIOS, SIZES, cell, difference, drawn

GRID = [(n, rate, ratio) for n in SIZES for rate in RATES for ratio in RATIOS]
# Where hardly any reference row is counted, the ratio has no upper end in most draws: named, not dropped.
MOSTLY_UNDEFINED = {(30, 0.02)}
UNEQUAL = [
    (rows, reference, rate)
    for rows, reference in ((30, 1000), (1000, 30), (50, 1000), (1000, 50), (30, 100))
    for rate in (0.001, 0.003, 0.01, 0.02, 0.1, 0.5, 0.9, 0.98)
]


@pytest.mark.parametrize(("rows", "rate", "ratio"), GRID)
def test_the_ratio_interval_covers_also_without_the_draws_that_have_no_ratio(rows, rate, ratio):
    found = cell(rows, rows, rate, ratio)
    assert found.coverage >= 0.93
    assert found.coverage_defined >= 0.93
    assert (found.undefined > 0.5) == ((rows, rate) in MOSTLY_UNDEFINED)


@pytest.mark.parametrize(("rows", "rate"), [(n, rate) for n in SIZES for rate in RATES])
def test_the_gate_is_seldom_wrong_on_the_grid(rows, rate):
    assert cell(rows, rows, rate, 1.0).failed < 0.05
    assert cell(rows, rows, rate, FLOOR).passed <= 0.05
    assert cell(rows, rows, rate, FLOOR).failed <= 0.05
    assert cell(rows, rows, rate, 0.9 * FLOOR).passed <= 0.025


@pytest.mark.parametrize(("rows", "reference", "rate"), UNEQUAL)
def test_the_gate_is_seldom_wrong_where_groups_are_of_unlike_size_and_rates_extreme(rows, reference, rate):
    # Wilson's limits alone failed 8% of equal groups of 30 and 3,000 rows at a rate of .003.
    equal, floor = cell(rows, reference, rate, 1.0), cell(rows, reference, rate, FLOOR)
    assert equal.failed < 0.05
    assert max(floor.passed, floor.failed) <= 0.05
    assert min(equal.coverage, floor.coverage) >= 0.93


@pytest.mark.parametrize(("rows", "reference"), [(30, 30), (100, 100), (1000, 1000), (1000, 30), (30, 1000)])
@pytest.mark.parametrize("rate", [0.12, 0.5, 0.98])
def test_so_is_a_difference(rows, reference, rate):
    covered, _, failed = difference(rows, reference, rate, 0.0)
    assert covered >= 0.93
    assert failed < 0.05
    covered, passed, failed = difference(rows, reference, rate, 0.1)
    assert covered >= 0.93
    assert max(passed, failed) <= 0.05


def test_the_gate_can_decide():
    assert cell(1000, 1000, 0.5, 1.0).passed > 0.9
    assert cell(1000, 1000, 0.5, 0.6).failed > 0.9
    assert cell(1000, 1000, 0.5, 0.72).failed > 0.5


def test_the_enumeration_is_the_whole_sample_space():
    x, y, chance = drawn(30, 50, 0.4, 0.5)
    assert chance.sum() == pytest.approx(1)
    assert (chance * x).sum() / 30 == pytest.approx(0.4, abs=1e-5)
    assert (chance * y).sum() / 50 == pytest.approx(0.5, abs=1e-5)


counted = st.integers(30, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=40)
@given(st.lists(counted, min_size=2, max_size=6))
def test_what_was_enumerated_is_what_the_gate_says(groups):
    """`compare`, which the gate calls on tables, against the interval of each pair on its own."""
    tables = np.array([[[n - x - (n - x) // 2, x // 2], [(n - x) // 2, x - x // 2]] for x, n in groups])
    found = compare(RULES["selection_rate_ratio"], FLOOR, [(_groups(len(groups)), tables)])
    for one in found:
        lower, upper = ratio_interval(*one.count, *one.reference)
        if one.obstacle:
            assert one.outcome is Outcome.INCONCLUSIVE
        else:
            passed = lower >= FLOOR and 1 / upper >= FLOOR
            assert (one.outcome is Outcome.PASSED) == passed
            assert one.outcome is not Outcome.FAILED or upper < FLOOR or 1 / lower < FLOOR


def _groups(size):
    return Groups(("g",), tuple((str(n),) for n in range(size)), np.arange(size), 0)
