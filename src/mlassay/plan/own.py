"""Gates of the team's own: a command in ml.yaml with a name that mlassay does not know."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from mlassay.errors import Problem
from mlassay.manifest import Manifest
from mlassay.plan.places import Places

KEYS = frozenset({"run", "uses", "sees", "limits", "criteria", "rationale"})
ALIKE = 0.75
"""A name this close to one of mlassay's own gates is taken for a slip of the pen (difflib's ratio)."""


def own_gates(criteria: Mapping[str, Mapping[str, Any]], known: Collection[str]) -> tuple[str, ...]:
    """The names, in order, of the gates that are the team's own: with a command, and unlike any that is known."""
    return tuple(gate for gate, each in criteria.items() if "run" in each and not near(gate, known))


def near(gate: str, known: Collection[str]) -> str:
    """The gate of mlassay's own that ``gate`` is, or is likely meant to be; "" when it is none."""
    return next(iter(get_close_matches(gate, known, n=1, cutoff=ALIKE)), "")


def own_problems(
    criteria: Mapping[str, Mapping[str, Any]],
    own: Collection[str],
    evaluation: Manifest | None,
    places: Places,
) -> Iterator[Problem]:
    """What is wrong with the team's own gates, their floors merged in."""
    for gate in own:
        for key in sorted(set(criteria[gate]) - KEYS):
            yield places.problem(
                f"gates.{gate}.{key}",
                f"'{key}' is no key of a gate of your own",
                "a criterion that nothing hands on would look as if it held",
                f"put it below 'gates.{gate}.criteria' (in policy's floors likewise); keys: {', '.join(sorted(KEYS))}",
            )
        columns = {column.name for column in evaluation.columns} if evaluation else set()
        for name in criteria[gate].get("sees", ()):
            if evaluation and name not in columns:
                yield places.missing_column(f"gates.{gate}.sees", name, evaluation)
