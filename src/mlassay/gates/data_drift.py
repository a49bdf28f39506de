"""Have the training rows moved since the release that now runs was trained? Its own report says what they were."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.errors import ConfigurationError
from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, shown
from mlassay.gates.data_profile import Cells, Moved, Profile, compared, counts_of

if TYPE_CHECKING:
    from mlassay.ports import Subject

# Siddiqi, "Credit Risk Scorecards", 2006: under .1 nothing to see, over .25 another population.
NOTICED, MOVED = 0.1, 0.25
_LARGEST = 1 << 26  # bytes of the live release's report
_CRITERIA = ("drift", "drift_ks", "label_shift")


@dataclass(frozen=True, slots=True)
class Before:
    """The live release's profiles by data set, or ``why`` there are none; ``live`` says whether any release is live."""

    live: bool
    profiles: Mapping[str, Any]
    why: str = ""

    @classmethod
    def of(cls, subject: Subject) -> Before:
        """What lies in the evidence of the live release."""
        if subject.live is None:
            return cls(live=False, profiles={}, why="no release is live")
        from mlassay.files import find_file

        place = "gates/data.json"
        try:
            data = find_file(subject.live.parent, place, limit=_LARGEST)
            report = json.loads(data) if data is not None else None
        except (ConfigurationError, ValueError, RecursionError):
            return cls(
                live=True, profiles={}, why="the live release's report of the data gate cannot be read"
            )
        if report is None:
            return cls(live=True, profiles={}, why="the live release has no report of the data gate")
        found = _profiles(report)
        return cls(
            live=True, profiles=found, why="" if found else "the live release's report has no profiles"
        )


def _profiles(report: Any) -> dict[str, Any]:
    measured = report.get("measured") if isinstance(report, Mapping) else None
    data = measured.get("data") if isinstance(measured, Mapping) else None
    if not isinstance(data, Mapping):
        return {}
    return {
        str(name): part["profile"]
        for name, part in data.items()
        if isinstance(part, Mapping) and isinstance(part.get("profile"), Mapping)
    }


def drift_findings(
    name: str, profile: Profile, before: Before, criteria: Criteria, label: str
) -> Iterator[Finding]:
    """Findings on the drift of one data set's training rows since the live release."""
    declared = [key for key in _CRITERIA if key in criteria.values]
    if not before.live:
        for key in declared:
            what = "no release is live: there is nothing that the training rows could have drifted from"
            yield Finding(
                f"data.{key}.{name}", Outcome.PASSED, what, "", "", CRITERIA_FILE, criteria.line(key)
            )
        return
    old = before.profiles.get(name)
    moved, others = compared(profile, old) if isinstance(old, Mapping) else ([], list(profile.cells))
    if not moved:
        for key in declared:
            why = before.why or f"the live release has no profile of '{name}' in the same cells"
            yield Finding(
                f"data.{key}.{name}",
                Outcome.INCONCLUSIVE,
                f"drift of '{name}' cannot be told: {why}",
                "ranges or values in the manifest were changed, or the live release is older than profiles",
                "promote one release with people's approval; the next is compared with it",
                CRITERIA_FILE,
                criteria.line(key),
            )
        return
    yield _index(name, moved, others, criteria)
    if "drift_ks" in criteria.values:
        yield _distance(name, moved, profile, (old or {}), criteria)
    if "label_shift" in criteria.values and label in profile.cells:
        yield _label_shift(name, profile, (old or {}), criteria, label)


def drift_numbers(profile: Profile, before: Before, name: str) -> dict[str, Any]:
    """Index, noise and distance of every column that can be compared, and the names of those that cannot."""
    old = before.profiles.get(name)
    if not isinstance(old, Mapping):
        return {"not_compared": before.why or "the live release did not train on it"}
    moved, others = compared(profile, old)
    columns = {
        one.column: {
            "psi": shown(one.index),
            "noise": shown(one.noise),
            **({} if one.distance is None else {"ks": shown(one.distance), "ks_p": shown(one.p or 0.0)}),
        }
        for one in moved
    }
    return {"columns": columns, "other_cells": others}


def _index(name: str, moved: list[Moved], others: list[str], criteria: Criteria) -> Finding:
    most = float((criteria.values.get("drift") or {}).get("max", MOVED))
    over = [one for one in moved if one.index > max(most, one.noise)]
    noticed = [one for one in moved if one.index > max(min(NOTICED, most), one.noise)]
    worst = max(moved, key=lambda one: one.index)
    numbers: dict[str, str | int] = {
        "psi": shown(worst.index),
        "noise": shown(worst.noise),
        "required": shown(most),
        "columns": len(moved),
        "columns_over": len(over),
    }
    id_, line = f"data.drift.{name}", criteria.line("drift", "max")
    if not np.isfinite(worst.index):
        what = f"drift of '{name}' cannot be told: one of both sets of training rows is empty"
        return Finding(id_, Outcome.INCONCLUSIVE, what, "", "", CRITERIA_FILE, line, numbers)
    if not noticed:
        more = f"; {len(others)} columns have other cells and were not compared" if others else ""
        what = (
            f"the training rows of '{name}' are alike to those of the live release: {worst.column} moved most "
            f"(PSI {shown(worst.index)}; {shown(max(NOTICED, worst.noise))} is noticed{more})"
        )
        return Finding(id_, Outcome.PASSED, what, "", "", CRITERIA_FILE, line, numbers)
    listed = ", ".join(f"{one.column} {shown(one.index)}" for one in (over or noticed)[:5])
    why = "a model of other rows decides about other people; what was learned and agreed before may not hold"
    remedy = (
        "find out what changed in how the rows were collected; say so in the manifest, and have people decide"
    )
    return Finding(
        id_,
        Outcome.FAILED if over else Outcome.INCONCLUSIVE,
        f"{len(over or noticed)} columns of '{name}' have moved since the live release was trained "
        f"(PSI over {shown(most if over else NOTICED)} and over chance): {listed}",
        why,
        remedy,
        CRITERIA_FILE,
        line,
        numbers,
    )


def _distance(
    name: str, moved: list[Moved], profile: Profile, old: Mapping[str, Any], criteria: Criteria
) -> Finding:
    """The Kolmogorov-Smirnov distance with its 95% margin (Massart 1990), family-wise over the columns."""
    most = float(criteria.values["drift_ks"]["max"])
    known = [one for one in moved if one.distance is not None]
    id_, line = f"data.drift_ks.{name}", criteria.line("drift_ks", "max")
    if not known:
        what = f"no column of '{name}' is a number with a declared range"
        return Finding(id_, Outcome.INCONCLUSIVE, what, "", "declare ranges", CRITERIA_FILE, line)
    rows, others = profile.rows, int(str(old.get("rows", 0))) if str(old.get("rows", 0)).isdigit() else 0
    margin = sum(
        float(np.sqrt(np.log(2 * 2 * len(known) / 0.05) / (2 * n))) if n else 1.0 for n in (rows, others)
    )
    worst = max(known, key=lambda one: one.distance or 0.0)
    distance = worst.distance or 0.0
    outcome = (
        Outcome.PASSED
        if distance + margin <= most or distance == 0
        else Outcome.FAILED
        if distance - margin > most
        else Outcome.INCONCLUSIVE
    )
    lower, upper = max(0.0, distance - margin), min(1.0, distance + margin)
    what = (
        f"the distribution of {worst.column} in '{name}' lies {shown(distance)} from that of the live release "
        f"(Kolmogorov-Smirnov, {shown(lower)} to {shown(upper)}); at most {shown(most)} is allowed"
    )
    numbers: dict[str, str | int] = {
        "ks": shown(distance),
        "lower": shown(lower),
        "upper": shown(upper),
        "required": shown(most),
    }
    if outcome is Outcome.PASSED:
        return Finding(id_, outcome, what, "", "", CRITERIA_FILE, line, numbers)
    remedy = "find out what changed in how the rows were collected, and have people decide"
    return Finding(id_, outcome, what, "the model learns of other rows", remedy, CRITERIA_FILE, line, numbers)


def _label_shift(
    name: str, profile: Profile, old: Mapping[str, Any], criteria: Criteria, label: str
) -> Finding:
    from mlassay.statistics import newcombe, size_of_difference

    most = float(criteria.values["label_shift"]["max"])
    id_, line = f"data.label_shift.{name}", criteria.line("label_shift", "max")
    cells: Cells = profile.cells[label]
    before = counts_of((old.get("columns") or {}).get(label), cells)
    if before is None or not before.sum() or not profile.rows:
        what = f"the shares of {label} in '{name}' cannot be compared: the live release counted other values, or none"
        return Finding(id_, Outcome.INCONCLUSIVE, what, "", "", CRITERIA_FILE, line)
    now = profile.counts[label]
    lower, upper = newcombe(now, now.sum(), before, before.sum())
    low, high = (np.asarray(side, dtype=np.float64) for side in size_of_difference(lower, upper))
    at = int(np.argmax(high))
    same = bool((now * before.sum() == before * now.sum()).all())
    share = abs(now[at] / now.sum() - before[at] / before.sum())
    outcome = (
        Outcome.PASSED
        if same or float(high.max()) <= most
        else Outcome.FAILED
        if float(low.max()) > most
        else Outcome.INCONCLUSIVE
    )
    values = [*cells.column.values, "other values", "(missing)"]
    named = values[at] if cells.column.type == "category" else f"cell {at}"
    what = (
        f"the share of {label}={named} among the training rows of '{name}' moved by {shown(share)} since the live release "
        f"({shown(float(low[at]))} to {shown(float(high[at]))}); at most {shown(most)} is allowed"
    )
    numbers: dict[str, str | int] = {
        "difference": shown(share),
        "lower": shown(float(low[at])),
        "upper": shown(float(high[at])),
        "required": shown(most),
    }
    if outcome is Outcome.PASSED:
        return Finding(id_, outcome, what, "", "", CRITERIA_FILE, line, numbers)
    why = "a model learns how common each answer is; another share moves every decision near the threshold"
    remedy = "find out why the answers changed; where it is right, have people decide"
    return Finding(id_, outcome, what, why, remedy, CRITERIA_FILE, line, numbers)
