"""The page of each thing: which template, and the values that it tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mlassay.audit.chronicle import Span, spans
from mlassay.audit.chronicle.types import (
    ChangeEntry,
    PointerEntry,
    PromotionEntry,
    RefusedEntry,
    ReleaseEntry,
)
from mlassay.evidence import predicates
from mlassay.evidence.verdict import Verdict
from mlassay.render.finding import not_passed
from mlassay.render.groups import groupings
from mlassay.render.site import charts, names, sources
from mlassay.render.site.engine import Page
from mlassay.render.site.facts import Lookup, Period
from mlassay.render.unshown import unseen

PER_PAGE = 100
"""Rows of a list on one page."""

_OBJECT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Turns:
    """Where a list's other pages lie; the newest rows are on the first."""

    page: int
    last: int
    newer: str
    older: str
    oldest: str


@dataclass(frozen=True, slots=True)
class Counted:
    """One group's row: how many rows it has, how many got the good answer, and the share with its margin."""

    name: str
    rows: str
    selected: str
    rate: str
    lower: str
    upper: str


def paged(
    rows: Sequence[Row], *key: str, listing: bool = False
) -> Iterator[tuple[str, Turns, Sequence[Row]]]:
    """The pages of a list, an empty one too: each with its path, its neighbours and its rows."""
    last = max(1, -(-len(rows) // PER_PAGE))

    def at(page: int) -> str:
        if not 1 <= page <= last:
            return ""
        return names.listing(key[0], page) if listing else names.path(*key, page=page)

    for page in range(1, last + 1):
        turns = Turns(page, last, at(page - 1), at(page + 1), at(last))
        yield at(page), turns, rows[(page - 1) * PER_PAGE : page * PER_PAGE]


def front(look: Lookup, title: str) -> Page:
    """What a reader sees first: five questions, answered in their order."""
    facts = look.facts
    running: list[tuple[str, PointerEntry | None, Period | None]] = []
    for environment in look.environments:
        periods = look.periods(environment)
        last = periods[-1] if periods else None
        running.insert(0, (environment, last.entry if last else None, last))  # what serves people comes first
    held = [entry.pointer for entry in look.live.values() if entry.pointer is not None]
    live = dict.fromkeys(pointer.live.release for pointer in reversed(held))
    releases = [look.releases[release] for release in live if release in look.releases]
    values = {
        "running": running,
        "live_releases": releases,
        "counts_of": {one.id: list(_counts(one.verdict)) if one.verdict else [] for one in releases},
        "due": facts.due,
        "overdue": [one for one in facts.due or () if one.overdue],
        "as_of": facts.as_of,
        "intact": facts.intact,
    }
    return Page(names.FRONT, "front.html", title, values)


def releases(look: Lookup) -> Iterator[Page]:
    """A page for each release."""
    ran: dict[str, list[Span]] = {}
    for environment in look.chronicle.pointers:
        for span in spans(look.chronicle, environment):
            pointer = span.entry.pointer
            if pointer is not None and pointer.state == "live":
                ran.setdefault(pointer.live.release, []).append(span)
    for entry in look.releases.values():
        yield Page(names.path("release", entry.id), "release.html", entry.id, _release(look, entry, ran))


def _release(look: Lookup, entry: ReleaseEntry, ran: Mapping[str, list[Span]]) -> dict[str, Any]:
    verdict = entry.verdict
    gates = verdict.gates if verdict is not None else ()
    lines = [(gate.gate, one) for gate in gates for one in charts.measures(gate.findings, gate.gate)]
    return {
        "entry": entry,
        "owner": look.owner(entry),
        "ran": ran.get(entry.id, []),
        "promotions": look.promotions_of.get(entry.id, []),
        "waivers": look.waivers_of.get(entry.id, []),
        "level": _word(verdict, "level"),
        "review_by": _word(verdict, "review_by"),
        "lines": lines[:PER_PAGE],
        "open": not_passed(verdict) if verdict is not None else [],
        "counts": list(_counts(verdict)) if verdict is not None else [],
        "unseen": unseen(gates),
        "isolation": _isolation(entry),
    }


def promotions(look: Lookup) -> Iterator[Page]:
    """A page for each promotion that landed."""
    for (environment, id_), entry in look.promotions.items():
        path = names.path("promotion", environment, id_)
        yield Page(path, "promotion.html", id_, {"entry": entry, "questions": _questions(entry)})


def changes(look: Lookup) -> Iterator[Page]:
    """A page for each change that landed."""
    for entry in _first_of_each(look.chronicle.changes):
        values = {"entry": entry, "questions": _questions(entry), "diff": _diff(entry)}
        yield Page(names.path("change", entry.id), "change.html", entry.id, values)


def refused(look: Lookup) -> Iterator[Page]:
    """A page for each request that was refused or withdrawn and put on record."""
    for entry in _first_of_each(look.chronicle.refused):
        path = names.path("refused", entry.environment or "change", entry.id)
        yield Page(path, "refused.html", entry.id, {"entry": entry, "questions": _questions(entry)})


def people(look: Lookup) -> Iterator[Page]:
    """Pages for each person whom the record ever named."""
    for id_, (who, since) in look.people.items():
        for path, turns, acts in paged(look.acts.get(id_, []), "person", id_):
            present = id_ in look.people_now
            values = {"who": who, "since": since, "present": present, "acts": acts, "turns": turns}
            yield Page(path, "person.html", who.name, values)


def environments(look: Lookup) -> Iterator[Page]:
    """Pages for each environment, with its time line."""
    end = look.chronicle.head.time
    for name in look.environments:
        for path, turns, rows in paged(look.periods(name)[::-1], "environment", name):
            oldest_first = rows[::-1]
            until = rows[0].until if rows else None
            stop = until.time if until is not None else end
            values = {
                "name": name,
                "rows": rows,
                "turns": turns,
                "bars": charts.time_line(oldest_first, stop.timestamp()),
                "chart_start": oldest_first[0].entry.moment.time if rows else end,
                "chart_end": stop,
                "cut": turns.last > 1,
            }
            yield Page(path, "environment.html", name, values)


def data(look: Lookup) -> Iterator[Page]:
    """Pages for each data set, by its manifest's path."""
    for data_path, digests in look.data.items():
        used = [(entry, digest) for digest, entries in digests for entry in entries]
        used.sort(key=lambda pair: pair[0].moment.number, reverse=True)
        newest, digest = used[0]
        commit = newest.release.source.commit if newest.release is not None else newest.moment.commit
        for path, turns, rows in paged(used, "data", data_path):
            values = {
                "data_path": data_path,
                "manifest": look.facts.manifests.get(digest),
                "manifest_file": sources.File(commit, data_path, digest),
                "rows": rows,
                "turns": turns,
            }
            yield Page(path, "data.html", data_path, values)


def _first_of_each(entries: Sequence[Any]) -> Iterator[Any]:
    """Of entries with one name the first; the audit has a finding for the others."""
    seen = set()
    for entry in entries:
        key = (getattr(entry, "environment", ""), entry.id)
        if key not in seen:
            seen.add(key)
            yield entry


def _questions(entry: PromotionEntry | ChangeEntry | RefusedEntry) -> dict[str, str]:
    return {one.id: one.question for one in entry.request.questions} if entry.request is not None else {}


def _diff(entry: ChangeEntry) -> str:
    """The line that shows what a change altered; "" where it would not be safe to paste."""
    paths = [one.path for one in entry.request.paths] if entry.request is not None else []
    if not _OBJECT.fullmatch(entry.parent) or any(map(sources.unsafe, paths)) or len(paths) > 50:
        return ""
    return sources.diff_line(entry.parent, entry.moment.commit, paths)


def _word(verdict: Verdict | None, name: str) -> str:
    value = verdict.risk.get(name, "") if verdict is not None else ""
    return str(value)


def _isolation(entry: ReleaseEntry) -> str:
    if not entry.provenance:
        return ""
    try:
        return str(predicates.self_reported_of(entry.provenance).get("isolation", ""))
    except (KeyError, TypeError, AttributeError):
        return ""  # the audit tells what is wrong with it


def _counts(verdict: Verdict) -> Iterator[tuple[str, list[Counted], str]]:
    """The groups that the bias gate counted, and which answer is the good one; what has another shape is left out, and
    the audit judges it.
    """
    for name, gate, counted in groupings(verdict):
        good = str(gate.measured.get("favourable", ""))
        try:
            yield name, [_counted(group) for group in counted["groups"]], good
        except (KeyError, TypeError):
            continue


def _counted(group: Mapping[str, Any]) -> Counted:
    rate = group["selection_rate"]
    told = (group["group"], group["rows"], group["selected"], rate["rate"], rate["lower"], rate["upper"])
    return Counted(*map(str, told))
