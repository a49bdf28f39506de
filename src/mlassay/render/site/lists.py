"""Pages that list, compare or explain: all releases, all results, the findings, the words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from mlassay.audit.chronicle.types import Moment
from mlassay.audit.findings import Finding
from mlassay.render.site import charts, names, text
from mlassay.render.site.engine import Nav, Page, link
from mlassay.render.site.facts import Lookup
from mlassay.render.site.terms import GLOSSARY, NUMBERS, anchor
from mlassay.render.site.views import paged
from mlassay.render.unshown import ALWAYS

SERIES = 40
"""Criteria that are followed across releases; what a release has beyond stands on its own page."""
POINTS = 30
"""Releases in one picture, the newest ones."""

NAV = (
    Nav("What runs now", names.FRONT),
    Nav("Releases", names.listing("releases")),
    Nav("Results", names.listing("results")),
    Nav("Promotions", names.listing("promotions")),
    Nav("Refused", names.listing("refused")),
    Nav("Changes", names.listing("changes")),
    Nav("People", names.listing("people")),
    Nav("Environments", names.listing("environments")),
    Nav("Data", names.listing("data")),
    Nav("Findings", names.listing("findings")),
    Nav("How to check", names.listing("checking")),
    Nav("Glossary", names.listing("glossary")),
)

Cell = str | Markup
Cells = Callable[[str, Any], Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class _List:
    name: str
    title: str
    lead: str
    caption: str
    none: str
    heads: tuple[str, ...]
    rows: Sequence[Any]
    cells: Cells


@dataclass(frozen=True, slots=True)
class Series:
    """One criterion across releases, oldest first: its rows, and their picture."""

    name: str
    rows: tuple[tuple[str, charts.Measure], ...]
    trend: charts.Trend | None


def listings(look: Lookup) -> Iterator[Page]:
    """Every list, in pages."""
    for one in (_releases(look), _promotions(look), _refused(look), _changes(look), *_small(look)):
        for path, turns, rows in paged(one.rows, one.name, listing=True):
            values = {
                "lead": one.lead,
                "caption": one.caption,
                "none": one.none,
                "heads": one.heads,
                "rows": [one.cells(path, row) for row in rows],
                "turns": turns,
            }
            yield Page(path, "list.html", one.title, values)


def _together(findings: Sequence[Finding]) -> list[tuple[Finding, list[str]]]:
    """Findings that differ by their file alone, as one with all its files: a commit may have touched hundreds."""
    piles: dict[Finding, list[str]] = {}
    for one in findings:
        piles.setdefault(replace(one, path=""), []).append(one.path)
    return list(piles.items())


def explanations(look: Lookup) -> Iterator[Page]:
    """Results across releases, findings, limits, the glossary, and how to check."""
    every = _series(look)
    values: dict[str, Any] = {
        "series": every[:SERIES],
        "left_out": max(0, len(every) - SERIES),
        "most": POINTS,
    }
    yield Page(names.listing("results"), "results.html", "Results across releases", values)
    intact = look.facts.intact
    for path, turns, rows in paged(_together(intact.findings), "findings", listing=True):
        values = {"intact": intact, "rows": rows, "turns": turns}
        yield Page(path, "findings.html", "What the audit found", values)
    yield Page(names.listing("limits"), "limits.html", "What these tests cannot show", {"always": ALWAYS})
    words = {"glossary": list(GLOSSARY.items()), "numbers": list(NUMBERS.items()), "anchor": anchor}
    yield Page(names.listing("glossary"), "glossary.html", "Glossary", words)
    yield Page(names.listing("checking"), "checking.html", "How to check this record")


def _series(look: Lookup) -> list[Series]:
    found: dict[str, list[tuple[str, charts.Measure]]] = defaultdict(list)
    for entry in look.releases.values():
        for gate in entry.verdict.gates if entry.verdict is not None else ():
            for measure in charts.measures(gate.findings, gate.gate):
                found[f"{gate.gate}: {measure.id}"].append((entry.id, measure))
    return [
        Series(name, tuple(rows[-POINTS:]), charts.trend([measure for _, measure in rows[-POINTS:]]))
        for name, rows in found.items()
    ]


def _releases(look: Lookup) -> _List:
    def cells(origin: str, entry: Any) -> Sequence[Cell]:
        verdict = str(entry.verdict.outcome) if entry.verdict is not None else "cannot be read"
        live = [
            name for name, held in look.live.items() if held.pointer and held.pointer.live.release == entry.id
        ]
        return (
            link(origin, names.path("release", entry.id), entry.id, "id"),
            _when(entry.moment),
            verdict,
            text.listed(live) or "nowhere",
            "yes" if entry.problems else "no",
        )

    return _List(
        "releases",
        "Releases",
        "Every release that was put on record, those that failed too.",
        "Releases, newest first",
        "No release is on record.",
        ("Release", "On record since", "Verdict", "Runs now in", "Findings"),
        list(look.releases.values())[::-1],
        cells,
    )


def _promotions(look: Lookup) -> _List:
    def cells(origin: str, entry: Any) -> Sequence[Cell]:
        request = entry.request
        yes = dict.fromkeys(w.person for w in entry.words if w.kind == "approval" and (w.holds or w.review))
        return (
            link(origin, names.path("promotion", entry.environment, entry.id), entry.id, "id"),
            _when(entry.moment),
            entry.environment,
            _release(look, origin, request.release) if request else "cannot be read",
            _person(look, origin, request.requester) if request else "",
            Markup(", ").join(_person(look, origin, person) for person in yes),
        )

    return _List(
        "promotions",
        "Promotions",
        "Each time that a release was let into an environment.",
        "Promotions, newest first",
        "Nothing was let in yet.",
        ("Promotion", "When", "Into", "Release", "Asked by", "Agreed"),
        list(look.promotions.values())[::-1],
        cells,
    )


def _refused(look: Lookup) -> _List:
    def cells(origin: str, entry: Any) -> Sequence[Cell]:
        kind, request = entry.environment or "change", entry.request
        return (
            link(origin, names.path("refused", kind, entry.id), entry.id, "id"),
            _when(entry.moment),
            f"for {entry.environment}" if entry.environment else "a change",
            _person(look, origin, request.requester) if request else "cannot be read",
            Markup(", ").join(
                _person(look, origin, word.person) for word in entry.words if word.kind != "approval"
            ),
        )

    return _List(
        "refused",
        "Refused and withdrawn requests",
        "What was asked for and did not happen. Only what was put on record can stand here.",
        "Refused requests, newest first",
        "No refused request is on record. That does not mean that nobody ever said no.",
        ("Request", "When", "What", "Asked by", "Said no"),
        look.chronicle.refused[::-1],
        cells,
    )


def _changes(look: Lookup) -> _List:
    def cells(origin: str, entry: Any) -> Sequence[Cell]:
        request = entry.request
        return (
            link(origin, names.path("change", entry.id), entry.id, "id"),
            _when(entry.moment),
            _person(look, origin, request.requester) if request else "cannot be read",
            text.listed([one.path for one in request.paths[:3]]) if request else "",
        )

    return _List(
        "changes",
        "Changes of the rules",
        "Each time that the rules, the people or the facts told of a data set were altered.",
        "Changes, newest first",
        "The rules were never altered.",
        ("Change", "When", "Asked by", "Files"),
        look.chronicle.changes[::-1],
        cells,
    )


def _small(look: Lookup) -> Iterator[_List]:
    def person(origin: str, id_: str) -> Sequence[Cell]:
        who, _ = look.people[id_]
        now = "yes" if id_ in look.people_now else "no longer"
        return (
            _person(look, origin, id_),
            who.team,
            ", ".join(who.roles),
            now,
            str(len(look.acts.get(id_, ()))),
        )

    heads: tuple[str, ...] = ("Person", "Team", "Roles", "In the list now", "Acts on record")
    lead = "Everybody who could sign here, now or before."
    yield _List(
        "people", "People", lead, "People by id", "Nobody is named.", heads, list(look.people), person
    )

    def place(origin: str, name: str) -> Sequence[Cell]:
        held = look.live.get(name)
        runs = _release(look, origin, held.pointer.live.release) if held and held.pointer else "nothing"
        page = link(origin, names.path("environment", name), name)
        return page, runs, str(len(look.chronicle.pointers.get(name, ())))

    heads = ("Environment", "Holds now", "Changes so far")
    lead = "The places where a model is put to use. A release must pass through them in this order."
    none = "No environment is known."
    yield _List(
        "environments", "Environments", lead, "Environments in order", none, heads, look.environments, place
    )

    def data_set(origin: str, path: str) -> Sequence[Cell]:
        digests = look.data[path]
        manifest = look.facts.manifests.get(digests[-1][0])
        page = link(origin, names.path("data", path), manifest.name if manifest else path)
        owner = _person(look, origin, manifest.owner) if manifest else "cannot be read"
        return page, path, owner, str(len(digests))

    heads = ("Data set", "Manifest", "Who answers", "Versions used")
    lead = "The data that releases were made from or tested on. The rows themselves are not shown here."
    none = "No data set was used yet."
    yield _List("data", "Data sets", lead, "Data sets by file name", none, heads, list(look.data), data_set)


def _when(moment: Moment) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(text.machine(moment.time), text.moment(moment.time))


def _release(look: Lookup, origin: str, release: str) -> Cell:
    known = release in look.releases
    return link(origin, names.path("release", release), release, "id") if known else release


def _person(look: Lookup, origin: str, person: str) -> Markup:
    """A link to a person, or the id of one whom nobody names."""
    if person not in look.people:
        return Markup("<bdi>{}</bdi>").format(text.shown(person))
    return link(origin, names.path("person", person), look.people[person][0].name)
