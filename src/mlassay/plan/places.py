"""Problems of ``ml.yaml``, with their line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from mlassay.errors import Problem
from mlassay.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Places:
    """Where things stand in one file: its path and the line of each dotted path."""

    path: str
    lines: Mapping[str, int]

    def problem(self, place: str, what: str, why: str = "", remedy: str = "") -> Problem:
        """A problem at ``place``, or at the nearest thing around it that has a line."""
        at = place
        while at and at not in self.lines:
            at = at.rpartition(".")[0]
        return Problem(f"{place}: {what}", why=why, remedy=remedy, path=self.path, line=self.lines.get(at))

    def missing_column(self, place: str, name: str, *manifests: Manifest) -> Problem:
        """A problem for a column that no manifest of ``manifests`` declares."""
        known = [column.name for manifest in manifests for column in manifest.columns]
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        where = ", ".join(manifest.path for manifest in manifests)
        return self.problem(
            place,
            f"there is no column '{name}' in {where}",
            remedy=f"{hint}columns: {', '.join(known[:30])}{', …' if len(known) > 30 else ''}",
        )
