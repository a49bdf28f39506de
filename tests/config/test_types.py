from __future__ import annotations

import pytest

from mlassay.config import level_of
from mlassay.config.units import a_time, seconds, size_in_bytes


def test_the_twenty_five_cells_fall_into_the_four_bands() -> None:
    bands = [[level_of(p * i).value for i in range(1, 6)] for p in range(1, 6)]
    assert bands == [
        ["minor", "minor", "minor", "moderate", "moderate"],
        ["minor", "moderate", "moderate", "moderate", "major"],
        ["minor", "moderate", "moderate", "major", "major"],
        ["moderate", "moderate", "major", "major", "severe"],
        ["moderate", "major", "major", "severe", "severe"],
    ]


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("4GiB", 4 << 30), ("4GB", 4 * 10**9), ("512 MiB", 512 << 20), ("7B", 7)]
)
def test_sizes(text: str, value: int) -> None:
    assert size_in_bytes(text) == value


@pytest.mark.parametrize("text", ["", "0s", "10", "10 minutes", "-1m", "1e9h", "٣m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        seconds(text)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        a_time("2026-01-01T09:00:00")
