"""Tables of words held to fit each other: ONNX Runtime reads past the end of those of a ``TfIdfVectorizer`` that do not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from mlassay.model.types import refuse

LONGEST = 16  # words of one n-gram, and words that it may skip: its work is the product of both
_TABLES = ("ngram_counts", "ngram_indexes", "pool_strings", "pool_int64s", "weights")


def hold_ngrams(node: Any, path: Path) -> None:
    """Unusable unless the attributes of a ``TfIdfVectorizer`` describe one pool of n-grams and a column for each."""
    for problem in _problems(node):
        raise refuse(
            "operators",
            f"a TfIdfVectorizer is not well made: {problem}",
            why="ONNX Runtime reads past the end of tables that do not fit each other",
            remedy="export the model again; skl2onnx writes tables that fit",
            path=path,
        )


def _problems(node: Any) -> Iterator[str]:
    given = {a.name: a for a in node.attribute}
    if len(given) != len(node.attribute):
        yield "an attribute stands twice"
    counts, columns, words, numbers, weights = (_table(given, name) for name in _TABLES)
    least, most, skipped = (
        _whole(given, n) for n in ("min_gram_length", "max_gram_length", "max_skip_count")
    )
    if not 1 <= least <= most <= LONGEST or not 0 <= skipped <= LONGEST:
        yield f"its n-grams are {least} to {most} long and skip {skipped}, where 1 to {LONGEST} are taken"
    if bool(words) == bool(numbers):
        yield "it has no pool of words or numbers, or one of each"
    size = len(words) + len(numbers)
    ends = [*counts, size]
    if len(counts) != most or ends[0] != 0 or any(a > b for a, b in pairwise(ends)):
        yield "its pool is not divided by length"
    if any((b - a) % length for length, (a, b) in enumerate(pairwise(ends), 1)):
        yield "an n-gram is cut off"
    grams = sum((b - a) // length for length, (a, b) in enumerate(pairwise(ends), 1))
    if len(columns) != grams or any(not 0 <= column < grams for column in columns):
        yield "its n-grams have no column each"
    if weights and len(weights) != grams:
        yield "its n-grams have no weight each"


def _table(given: dict[str, Any], name: str) -> list[Any]:
    if name not in given:
        return []
    found = given[name]
    return [*found.ints, *found.strings, *found.floats]


def _whole(given: dict[str, Any], name: str) -> int:
    return int(given[name].i) if name in given else 0
