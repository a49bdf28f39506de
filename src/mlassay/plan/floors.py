"""Policy's floors over ``ml.yaml``'s criteria: what is tighter stays, what is looser is refused, what lacks is added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlassay.config import Config, Level, Policy, size_in_bytes
from mlassay.config.criteria import asks_as_much, merged, with_defaults
from mlassay.config.perturb import by_column, narrowed
from mlassay.errors import Problem

ALWAYS = ("data", "contract")

_MORE_IS_TIGHTER = frozenset({"min", "minimum_rows", "rows", "radius"})
_LESS_IS_TIGHTER = frozenset({"max", "max_drop", "tolerance"})
_LISTS = frozenset({"sensitive", "columns", "never"})  # more of them is tighter
_ALLOWED = frozenset({"allow", "accept"})  # fewer of them is tighter
_FREE = frozenset({"rationale", "run"})


def criteria_in_force(config: Config, policy: Policy) -> dict[str, Mapping[str, Any]]:
    """Gate -> criteria: ``ml.yaml``'s, with what policy's floors have besides, and what the gate holds where neither
    says; `data` and `contract` always.
    """
    gates = {gate: dict(config.gates.get(gate, {})) for gate in (*ALWAYS, *config.gates, *policy.floors)}
    return {
        gate: with_defaults(gate, merged(criteria, policy.floors.get(gate, {})))
        for gate, criteria in gates.items()
    }


def gates_in_force(criteria: Iterable[str], level: Level, policy: Policy) -> tuple[str, ...]:
    """The gates that a verdict must tell of: those with criteria and those that policy demands at ``level``, less its exemptions."""
    demanded = [gate for gate in policy.gates.get(level, ()) if gate not in policy.exemptions]
    return tuple(dict.fromkeys([*criteria, *demanded]))


def looser(config: Config, policy: Policy, path: str) -> Iterator[Problem]:
    """A problem for each criterion of ``ml.yaml`` that is looser than its floor."""
    for gate, floor in policy.floors.items():
        for keys, ours, theirs in _loosened(config.gates.get(gate, {}), floor, (gate,)):
            name = ".".join(("gates", *keys))
            place = ".".join(("floors", *keys))
            line = policy.lines.get(place)
            yield Problem(
                f"{name} is {_shown(ours)}, looser than policy's {_shown(theirs)} "
                f"({policy.path}{f':{line}' if line else ''})",
                why="policy's floors can be tightened here, never loosened: they are what everybody agreed on",
                remedy=f"write {_shown(theirs)} or tighter, or delete the key to take policy's; "
                "changing the floor is a change of policy ('mlassay propose')",
                path=path,
                line=config.lines.get(name),
            )


def _loosened(
    ours: Mapping[str, Any], floor: Mapping[str, Any], at: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    for key, theirs in floor.items():
        if key not in ours or key in _FREE:
            continue
        mine = ours[key]
        if key == "perturb" and by_column(mine, theirs):
            yield from (((*at, key, *keys), new, old) for keys, new, old in narrowed(mine, theirs))
        elif (*at, key) == ("bias", "bins") and isinstance(theirs, Mapping) and isinstance(mine, Mapping):
            # Other edges make other groups, finer ones too: the largest, the reference, may be another.
            changed = ((name, mine[name], edges) for name, edges in theirs.items() if name in mine)
            yield from (((*at, key, name), new, old) for name, new, old in changed if new != old)
        elif isinstance(theirs, Mapping) and isinstance(mine, Mapping):
            yield from _loosened(mine, theirs, (*at, key))
        elif not _tight(key, mine, theirs):
            yield (*at, key), mine, theirs
    if "sensitive" in floor and "intersections" not in floor and ours.get("intersections") is False:
        yield (*at, "intersections"), False, True  # what holds when nothing is said


def _tight(key: str, mine: Any, theirs: Any) -> bool:
    if key in _LISTS and isinstance(mine, list) and isinstance(theirs, list):
        return all(item in mine for item in theirs)
    if key in _ALLOWED and isinstance(mine, list) and isinstance(theirs, list):
        return set(mine) <= set(theirs)
    if key == "required" and (enough := asks_as_much(mine, theirs)) is not None:
        return enough
    ours, floor = _number(mine), _number(theirs)
    if key in _MORE_IS_TIGHTER and ours is not None and floor is not None:
        return ours >= floor
    if key in _LESS_IS_TIGHTER and ours is not None and floor is not None:
        return ours <= floor
    if isinstance(theirs, bool):
        return mine is theirs or theirs is False
    return bool(mine == theirs)


def _number(value: Any) -> float | None:
    """A number or a size as a number; None for anything else, which is then held to be equal."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(size_in_bytes(value)) if isinstance(value, str) else float(value)
    except ValueError:
        return None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
