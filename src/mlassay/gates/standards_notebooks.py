"""Notebooks among what ml.yaml runs: they may be read, never be what a release is made by."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from mlassay.config import Config

SUFFIX = ".ipynb"
RUNNERS = frozenset(
    {"jupyter", "papermill", "nbconvert", "runipy", "ploomber", "jupyter-nbconvert", "quarto"}
)
SHOWN = 5


def commands(config: Config) -> Iterator[tuple[str, str, Sequence[str]]]:
    """``(place in ml.yaml, run, uses)`` of every command that makes, tests or judges the model."""
    for number, step in enumerate(config.prepare):
        yield f"prepare.{number}", step.run, step.uses
    yield "train", config.train.run, config.train.uses
    for gate, criteria in config.gates.items():
        if "run" in criteria:
            yield f"gates.{gate}", str(criteria["run"]), tuple(criteria.get("uses", ()))


def started_notebook(run: str) -> str:
    """The word of a command by which it starts a notebook; "" when none does."""
    try:
        words = shlex.split(run)
    except ValueError:
        return ""
    for word in words:
        name = PurePosixPath(word).name.lower()
        if name.endswith(SUFFIX) or SUFFIX in word.lower().partition("=")[2] or name in RUNNERS:
            return word[:80]
    return ""


def granted_notebooks(uses: Sequence[str], tracked: Sequence[str]) -> str:
    """The tracked notebooks that ``uses`` grants, folders included, in words; "" when there is none."""
    names = [name.rstrip("/") for name in uses]
    found = [
        path
        for path in tracked
        if path.lower().endswith(SUFFIX)
        and any(path == name or path.startswith(f"{name}/") for name in names)
    ]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more
