"""The page of error rates against the simulations: what is enumerated is the same, what is drawn keeps its aims."""

import re

import pytest

from tests.docs.statistics import DOCS, PAGE, PICTURES, TABLES, row, tables
from tests.statistics import exact
from tests.statistics.simulations import ALL

FOUND = dict(tables(PAGE.read_text()))
# Cheap, of counts only, so that they are drawn anew in full.
AGAIN = ("rate", "mcnemar_alarms")
ANEW = "write it anew: .venv/bin/python -m tests.docs.statistics"


def _printed(text):
    return float(text)


@pytest.mark.parametrize("name", ["grid", "decisions"])
def test_what_is_enumerated_is_what_stands_there(name):
    page = PAGE.read_text()
    assert TABLES[name]() in page, ANEW


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_are_those_of_the_simulation(name):
    assert (DOCS / "statistics" / f"{name}.svg").read_text() == PICTURES[name](), ANEW


def test_every_table_is_on_the_page_and_every_simulation_in_a_table():
    assert set(FOUND) == set(TABLES)
    titles = {cells[0] for name in ("families", "coverage", "alarms", "power") for cells in FOUND[name]}
    assert titles - {""} == {simulation.title for simulation in ALL.values()}


@pytest.mark.parametrize("name", ["families", "coverage", "alarms", "power"])
def test_every_share_on_the_page_is_what_it_must_be(name):
    for _, setting, share, aim in FOUND[name]:
        limits = [float(number) for number in re.findall(r"[\d.]+", aim)]
        least, most = {"at least": (limits[0], 1.0), "at most": (0.0, limits[0])}.get(aim[:8].strip(), limits)
        assert least <= _printed(share) <= most, setting


@pytest.mark.parametrize("name", AGAIN)
def test_draws_are_the_same_again(name):
    page = PAGE.read_text()
    for setting, share in ALL[name].shares():
        assert row("", ALL[name], setting, share).removeprefix("|  ") in page, ANEW


def test_the_worst_cells_keep_what_is_promised():
    for _, _, covers, _, worst in FOUND["grid"]:
        assert min(map(_printed, covers.split(" / "))) >= 0.93
        assert _printed(worst) >= 0.93
    for _, _, equal, floor, below, _ in FOUND["decisions"]:
        assert _printed(equal.split(" / ")[2]) < 0.05
        assert max(map(_printed, floor.split(" / "))) <= 0.05
        assert _printed(below) <= 0.025
    for _, _, covers, failed, floor in FOUND["unequal"]:
        assert _printed(covers) >= 0.93
        assert _printed(failed) < 0.05
        assert max(map(_printed, floor.split(" / "))) <= 0.05


def test_no_point_of_the_coverage_picture_is_lower_than_its_words_say():
    rates = [0.005 * 100 ** (step / 20) for step in range(21)]
    assert "All curves stay above .93" in PICTURES["coverage"]()
    assert (
        min(exact.coverage(n, rate, ratio) for n in exact.SIZES for rate in rates for ratio in (0.6, 0.8, 1))
        > 0.93
    )
