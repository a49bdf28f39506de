"""What stands in for a sensitive column is told with its interval, and chance is called chance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlassay.digest import canonical
from mlassay.gates.data import DataGate
from mlassay.gates.data_proxies import proxies
from tests.gates.subjects import subject

RNG = np.random.default_rng(4)
ROWS = 4000
GROUP = RNG.random(ROWS) < 0.4
NOISE = RNG.normal(size=ROWS)
FRAME = pl.DataFrame(
    {
        "group": np.where(GROUP, "yes", "no"),
        "noise": NOISE,
        "apart": np.where(GROUP, 1.0, -1.0) * np.abs(RNG.normal(size=ROWS)) * RNG.choice([1, -1], ROWS),
        "town": np.where(RNG.random(ROWS) < 0.9, np.where(GROUP, "east", "west"), "north"),
        "left": NOISE + GROUP + RNG.normal(size=ROWS) * 0.1,
    }
)


def test_a_stand_in_is_told_from_a_column_of_chance() -> None:
    (told,) = proxies(FRAME, ["noise", "town", "left"], "group")
    assert told.group == "yes"
    assert told.columns["town"].lower > 0.9
    assert told.columns["noise"].lower < 0.5 < told.columns["noise"].upper
    assert told.columns["left"].value < 0.85


def test_columns_together_tell_more_than_each() -> None:
    (told,) = proxies(FRAME, ["noise", "left"], "group")
    assert told.joint.lower > told.columns["left"].upper


def test_a_column_that_tells_at_both_ends_is_seen() -> None:
    wide = FRAME.with_columns(pl.Series("wide", RNG.normal(size=ROWS) * np.where(GROUP, 4, 1)))
    (told,) = proxies(wide, ["wide"], "group")
    assert told.columns["wide"].lower > 0.65


def test_intervals_of_a_column_of_chance_hold_one_half() -> None:
    held = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        group = np.where(draw.random(400) < 0.5, "a", "b")
        (told,) = proxies(pl.DataFrame({"g": group, "x": draw.normal(size=400)}), ["x"], "g")
        held += told.columns["x"].lower <= 0.5 <= told.columns["x"].upper
    assert held >= 90


@pytest.mark.parametrize("count", [0, 1, 50])
def test_too_few_rows_tell_nothing(count: int) -> None:
    assert proxies(FRAME.head(count), ["noise"], "group") == []


def test_the_report_holds_them(tmp_path) -> None:
    report = DataGate().test(subject(tmp_path))
    told = report.measured["data"]["data"]["proxies"]["group"]["y"]
    assert set(told["columns"]) == {"a", "b", "n"}
    assert set(told["together"]) == {"auc", "lower", "upper"}
    canonical(dict(report.measured))
