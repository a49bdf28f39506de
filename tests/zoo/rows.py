"""Generated rows with known truth for the zoo: the label follows the first columns, and the group follows nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlassay.manifest import Column
from mlassay.tasks import MULTICLASS, RANKING, REGRESSION

ROWS = 700
GROUP = Column("group", "category", "ignored", "before", values=("x", "y"))
ANSWER = Column("label", "category", "label", "after", values=("no", "yes"))
GRADES = Column("label", "category", "label", "after", values=("bad", "good", "middling"))
VALUE = Column("label", "number", "label", "after", -100.0, 100.0)
NUMBERS = (
    Column("a", "number", "feature", "before", -5.0, 5.0),
    Column("b", "number", "feature", "before", -5.0, 5.0),
    Column("n", "integer", "feature", "before", 0.0, 10.0),
)
MIXED = (
    Column("a", "number", "feature", "before", -5.0, 5.0, missing_allowed=True),
    Column("b", "number", "feature", "before", -5.0, 5.0),
    Column("n", "integer", "feature", "before", 0.0, 10.0),
    Column("colour", "category", "feature", "before", values=("blue", "green", "red")),
)
TEXT = (Column("text", "text", "feature", "before"),)
KIND = ["kind", "good", "prompt", "careful", "Honest"]
MEAN = ["mean", "bad", "late", "careless", "Rude"]
PLAIN = [f"word{number}" for number in range(60)]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Rows of one split: ``texts`` as they stand in the file, ``x`` and ``y`` as training takes them."""

    texts: list[tuple[str, ...]]
    x: Any
    y: Any


def label_of(task: str) -> Column:
    return {MULTICLASS: GRADES, REGRESSION: VALUE}.get(task, ANSWER)


def numbers(task: str, seed: int) -> Drawn:
    """Two numbers and a whole one."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, ROWS)).clip(-5, 5).round(4)
    n = rng.integers(0, 11, ROWS)
    y = _labels(task, 2 * a - b + 0.2 * (n - 5), rng)
    texts = _lines([a.tolist(), b.tolist(), n.tolist()], y, rng)
    return Drawn(texts, np.column_stack([a, b, n]).astype(np.float32), y)


def mixed(task: str, seed: int) -> Drawn:
    """A number that is missing in a tenth of the rows, another, a whole one, and a colour."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, ROWS)).clip(-5, 5).round(4)
    n = rng.integers(0, 11, ROWS)
    colour = rng.choice(MIXED[3].values, ROWS)
    y = _labels(task, 2 * a - b + 0.3 * (n - 5) + np.where(colour == "red", 1.0, -0.5), rng)
    missing = rng.random(ROWS) < 0.1
    shown = ["" if gone else str(value) for gone, value in zip(missing, a.tolist(), strict=True)]
    columns = {
        "a": np.where(missing, np.nan, a).astype(np.float32),
        "b": b.astype(np.float32),
        "n": n.astype(np.float32),
        "colour": colour,
    }
    return Drawn(_lines([shown, b.tolist(), n.tolist(), colour.tolist()], y, rng), columns, y)


def words(task: str, seed: int) -> Drawn:
    """A dozen words, kinder where the label is yes."""
    rng = np.random.default_rng(seed)
    y = rng.choice(["no", "yes"], ROWS)
    said = []
    for label in y:
        own, other = (KIND, MEAN) if label == "yes" else (MEAN, KIND)
        chosen = [*rng.choice(PLAIN, 9), *rng.choice(own, 2), *rng.choice(other, 1)]
        said.append(" ".join(rng.permutation(chosen)))
    return Drawn(_lines([said], y, rng), np.array(said, dtype=object), y)


def _labels(task: str, latent: Any, rng: np.random.Generator) -> Any:
    noisy = latent + rng.normal(scale=0.7, size=len(latent))
    if task == MULTICLASS:
        return np.array(["bad", "middling", "good"])[np.digitize(noisy, [-1, 1])]
    if task == REGRESSION:
        return (5 * noisy).round(3)
    return np.where(noisy > (1.5 if task == RANKING else 0), "yes", "no")


def _lines(parts: list[list[Any]], y: Any, rng: np.random.Generator) -> list[tuple[str, ...]]:
    groups = rng.choice(GROUP.values, len(y)).tolist()
    return [tuple(str(each) for each in row) for row in zip(*parts, groups, y.tolist(), strict=True)]
