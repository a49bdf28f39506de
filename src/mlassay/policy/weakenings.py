"""What was judged less strictly than before: every way named, because nobody need have meant it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlassay.config import RISKS, Policy
from mlassay.config.criteria import asks_as_much
from mlassay.config.perturb import by_column, narrowed
from mlassay.evidence.records import Weakening
from mlassay.policy.types import Terms

LOWER_IS_WEAKER = frozenset({"min", "minimum_rows", "rows", "radius"})
HIGHER_IS_WEAKER = frozenset({"max", "max_drop", "tolerance"})
LONGER_IS_WEAKER = frozenset({"allow", "accept"})
NO_CRITERION = frozenset({"rationale", "limits"})
# Adding one of these can only demand more; adding any other setting may also demand less, so it is named.
ADDING_IS_STRICTER = frozenset(
    {
        "min",
        "max",
        "max_drop",
        "columns",
        "required",
        "sensitive",
        "run",
        "uses",
        "intersections",
        "allow",
        "database",
        "never",
        "golden",
    }
)
ABSENT = "not declared"
DIRECTIONS = "criteria.behaviour.monotone."  # of columns: one that is added demands more


def weakenings(new: Terms, old: Terms | None, policy: Policy) -> tuple[Weakening, ...]:
    """Every weakening of ``new`` against the live release's terms, or against policy's floors while none is live."""
    found = list(_against_floors(new, policy) if old is None else _against_live(new, old))
    # A sensitive column that goes has a name of its own.
    named = {weakening.id: weakening for weakening in found if weakening.id != "criteria.bias.sensitive"}
    return tuple(sorted(named.values()))


def weaker_criteria(
    new: Mapping[str, Mapping[str, Any]], old: Mapping[str, Mapping[str, Any]]
) -> tuple[Weakening, ...]:
    """Every criterion, by gate, that is looser in ``new`` than in ``old``: a part of `weakenings`, where no more is known."""
    return tuple(sorted(_gates(new, old, additions=True)))


def below_floors(criteria: Mapping[str, Mapping[str, Any]], policy: Policy) -> tuple[Weakening, ...]:
    """Every criterion in force that is looser than policy's floor for that gate."""
    return tuple(
        weakening
        for gate, floor in sorted(policy.floors.items())
        if gate in criteria
        for weakening in _criteria(f"criteria.{gate}", criteria[gate], floor, additions=False)
    )


def _against_live(new: Terms, old: Terms) -> Iterator[Weakening]:
    yield from _risk(new, old)
    for column in sorted(set(old.sensitive) - set(new.sensitive)):
        yield Weakening(
            f"sensitive.{column}", f"the column {column} is no longer sensitive", "sensitive", "not"
        )
    for column in sorted(set(old.withheld) - set(new.withheld)):
        what = f"the column {column} is no longer withheld from training"
        yield Weakening(f"withheld.{column}", what, "withheld", "not")
    for id_, what, before, after in (
        ("task", "the kind of answer was changed", old.task, new.task),
        ("favourable", "the favourable label was changed", old.favourable, new.favourable),
        ("threshold", "the decision threshold was moved", old.threshold, new.threshold),
        ("select", "how many rows are selected was changed", old.select, new.select),
        ("evaluation.data", "the evaluation data was changed", old.evaluation, new.evaluation),
        ("evaluation.label", "the label column was changed", old.label, new.label),
    ):
        if before != after:
            yield Weakening(id_, what, before, after)
    for name in sorted(old.manifests):
        yield from _data(name, new, old)
    yield from _gates(new.gates, old.gates, additions=True)


def _against_floors(new: Terms, policy: Policy) -> Iterator[Weakening]:
    if new.risk.level.rank < policy.minimum_risk.rank:
        what = "the declared risk level is below policy's minimum"
        yield Weakening("risk.level", what, policy.minimum_risk, new.risk.level)
    for column in sorted(set(policy.sensitive) - set(new.sensitive)):
        what = f"the column {column}, which policy calls sensitive, is not looked at"
        yield Weakening(f"sensitive.{column}", what, "sensitive", "not")
    yield from _gates(new.gates, policy.floors, additions=False)


def _risk(new: Terms, old: Terms) -> Iterator[Weakening]:
    if new.risk.level.rank < old.risk.level.rank:
        yield Weakening("risk.level", "the risk level was lowered", old.risk.level, new.risk.level)
    for name in RISKS:
        before, after = (terms.risk.probability_impact.get(name, (5, 5)) for terms in (old, new))
        if after[0] < before[0] or after[1] < before[1]:
            what = f"the risk of {name.replace('_', ' ')} (probability x impact) was lowered"
            yield Weakening(f"risk.{name}", what, _product(before), _product(after))


def _product(pair: tuple[int, int]) -> str:
    return f"{pair[0]} x {pair[1]}"


def _data(name: str, new: Terms, old: Terms) -> Iterator[Weakening]:
    before, after = old.manifests[name], new.manifests.get(name, ABSENT)
    if before != after:
        yield Weakening(f"manifest.{name}", f"the manifest of {name} was edited", before, after)
    split, now = old.splits.get(name, ABSENT), new.splits.get(name, ABSENT)
    if split != now:
        yield Weakening(f"split.{name}", f"the split of {name} was edited", split, now)


def _gates(new: Mapping[str, Any], old: Mapping[str, Any], *, additions: bool) -> Iterator[Weakening]:
    for gate in sorted(old):
        if gate not in new:
            yield Weakening(f"gate.{gate}", f"the gate {gate} was dropped", _shown(old[gate]), ABSENT)
        else:
            yield from _criteria(f"criteria.{gate}", new[gate], old[gate], additions=additions)


def _criteria(id_: str, new: Any, old: Any, *, additions: bool) -> Iterator[Weakening]:
    """Weakenings from ``old`` to ``new``; a change whose direction is unknown counts as one."""
    key = id_.rpartition(".")[2]
    if key in NO_CRITERION or new == old or (id_.startswith(DIRECTIONS) and old is None):
        return
    if key == "perturb" and by_column(new, old):
        for keys, now, before in narrowed(new, old):
            name = ".".join((id_, *keys)).removeprefix("criteria.")
            what = f"the criterion {name} was weakened"
            yield Weakening(f"criteria.{name}", what, _shown(before), _shown(now))
    elif id_ == "criteria.bias.bins" and isinstance(old, Mapping):
        yield from _bins(id_, new if isinstance(new, Mapping) else {}, old)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | (new.keys() if additions else ())):
            yield from _criteria(f"{id_}.{name}", new.get(name), old.get(name), additions=additions)
    elif old is None and isinstance(new, Mapping):
        yield from _criteria(id_, new, {}, additions=additions)
    elif _weaker(key, new, old):
        name = id_.removeprefix("criteria.")
        yield Weakening(id_, f"the criterion {name} was weakened", _shown(old), _shown(new))


def _bins(id_: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Weakening]:
    """Bins that were dropped or have other edges: other groups, finer ones too, may have another reference.

    Bins of a column that had none only add groups, for a number without bins has none.
    """
    for name in sorted(old):
        if new.get(name) != old[name]:
            what = f"the groups of {name} were changed (its bins have other edges)"
            yield Weakening(f"{id_}.{name}", what, _shown(old[name]), _shown(new.get(name)))


def _weaker(key: str, new: Any, old: Any) -> bool:
    if old is None:
        return key not in ADDING_IS_STRICTER or new is False
    if key == "required" and (enough := asks_as_much(new, old)) is not None:
        return not enough
    if _numbers(new, old):
        if key in LOWER_IS_WEAKER:
            return bool(new < old)
        return bool(new > old) if key in HIGHER_IS_WEAKER else True
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        if key in LONGER_IS_WEAKER:
            return not set(map(str, new)) <= set(map(str, old))
        return not set(map(str, old)) <= set(map(str, new))
    # A switch that was off and is on demands more: intersections are looked at as well.
    return not (old is False and new is True)


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _shown(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in sorted(value.items())) or "no criteria"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
