"""One row explained in plain words, and for machines. What an answer leans on is never called a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlassay.render.text import plain

if TYPE_CHECKING:
    from mlassay.gates.explain_row import Change, RowExplained

MOST_PARTS = 8
_METHODS = {
    "linear": "the model is linear: each column's distance from the average row, weighed; the parts add up",
    "replaced": "by how much the answer differs, on average, from those with the values of 200 other rows in that column",
}
ASIDE = "These are leanings of the model. They say nothing of why somebody is in their situation."


def row_lines(told: RowExplained, release: str = "") -> Iterator[str]:
    """The row for a terminal."""
    model = f"release {plain(release)}" if release else "the model tested here"
    yield f"row {told.row} of {told.rows:,} of {plain(told.data)}, {model} ({told.model[:19]}…)"
    kind = {True: ", the favourable answer", False: ", not the favourable answer", None: ""}[told.favourable]
    yield f"  decided: {plain(told.decided)}{kind}"
    yield f"  score:   {told.score}, {plain(told.of)}; {plain(told.rule)}"
    yield f"the model's answer leans on (in {told.scale}; {_METHODS[told.method]}):"
    parts = [part for part in told.parts if part.part.strip("-0.")]
    for part in parts[:MOST_PARTS]:
        value = plain(part.value) or "missing"
        yield f"  {plain(part.column)} {value}: {'lowers' if part.part.startswith('-') else 'raises'} it by {part.part.lstrip('-')}"
    if not parts:
        yield "  no column in particular"
    elif len(parts) > MOST_PARTS:
        yield f"  and {len(parts) - MOST_PARTS} more, each by less"
    yield from _changes(told)
    yield ASIDE


def _changes(told: RowExplained) -> Iterator[str]:
    if told.undecided:
        yield f"what would have changed the decision was not looked for: {plain(told.undecided)}"
        return
    yield "what would have changed the decision, one column at a time within its declared range:"
    for change in told.changes:
        yield f"  {_change(change)}"
    if not told.changes:
        yield "  nothing that was found"
    for words, names in (
        ("no value of these turns it, by proof", told.never),
        ("of these no value was found that turns it", told.unfound),
        ("not moved", told.fixed),
    ):
        if names:
            yield f"  {words}: {', '.join(map(plain, names))}"


def _change(change: Change) -> str:
    sure = "nothing nearer does" if change.nearest else "nothing nearer was found"
    before = plain(change.before) or "missing"
    share = float(change.share_of_range) * 100
    size = "another value" if change.share_of_range == "1.0000" else f"{share:.1f}% of its range"
    return f"{plain(change.column)} from {before} to {plain(change.after)} ({size}; {sure})"


def row_json(told: RowExplained, release: str = "") -> dict[str, Any]:
    """The row for machines."""
    return {"release": release, **asdict(told)}
