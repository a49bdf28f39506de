"""What ends soon, in words and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlassay.render.text import plain
from mlassay.stages.due import Due


def due_lines(found: Sequence[Due], days: int) -> list[str]:
    """A line for each thing; one that says so when there is none."""
    if not found:
        return [f"nothing ends within {days} days"]
    return [f"{_state(one)}: {plain(one.what)}; {plain(one.remedy)}" for one in found]


def due_json(found: Sequence[Due]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "overdue": sum(one.overdue for one in found),
        "due": [
            {
                "what": one.what,
                "until": one.until.isoformat() if one.until else None,
                "overdue": one.overdue,
                "remedy": one.remedy,
            }
            for one in found
        ],
    }


def _state(one: Due) -> str:
    word = "OVERDUE" if one.overdue else "due"
    return (
        f"{word} since {one.until}"
        if one.overdue and one.until
        else f"{word} {one.until or 'at a day that nobody can tell'}"
    )
