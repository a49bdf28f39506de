"""What a gate holds where ml.yaml and policy say nothing: written out in the criteria in force, so that a change shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "standards": {
            "entry_points": True,
            "lock": True,
            "seed": True,
            "missing": True,
            "deliberations": True,
            "readme": True,
        },
        "supply": {
            "locks": True,
            "pickles": {"unsafe": {"max": 0}, "unknown": {"max": 0}},
            "secrets": {"max": 0},
            "code": {"high": {"max": 0}, "medium": {"max": 0}, "confidence": "medium"},
        },
        "champion": {"disagreement": {"max": 0.1}},
        "stability": {"flip_rate": {"max": 0.05}},
        "behaviour": {"violations": {"max": 0}},
        "parity": {"difference": {"max": 1e-4}, "label_flips": {"max": 0}},
    }
)


EXPLAINED = ("global", "per-decision", "white-box")
"""What the explain gate's ``required`` may ask for, each more than the one before."""


def asks_as_much(mine: Any, theirs: Any) -> bool | None:
    """Whether ``mine`` of `EXPLAINED` asks for as much as ``theirs``; None where either is none of them."""
    if mine not in EXPLAINED or theirs not in EXPLAINED:
        return None
    return EXPLAINED.index(mine) >= EXPLAINED.index(theirs)


def with_defaults(gate: str, criteria: Mapping[str, Any]) -> dict[str, Any]:
    """``criteria`` of ``gate``, and what it holds besides where they say nothing."""
    return merged(criteria, DEFAULTS.get(gate, {}))


def inner_commands(criteria: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """``(dotted place below gates, command)`` of the commands of a team's own that stand inside a gate's criteria."""
    for gate, *keys in (("adversarial", "perturb", "command"), ("parity", "twin")):
        found: Any = criteria.get(gate, {})
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            yield ".".join((gate, *keys)), found


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """``ours``, and of ``theirs`` every key that ours does not have, at every depth."""
    made = dict(ours)
    for key, value in theirs.items():
        if key not in made:
            made[key] = value
        elif isinstance(value, Mapping) and isinstance(made[key], Mapping):
            made[key] = merged(made[key], value)
    return made
