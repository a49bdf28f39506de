"""What is there, under the headings of the AI Act's Annex IV and of the US agencies' model risk guidance; gaps by name.

Says what is evidence *for* a heading, and never that a heading is met: that is for people to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlassay.audit.export import ai_act, model_risk
from mlassay.audit.export.facts import Facts, facts_of
from mlassay.audit.export.types import Heading, Mapping, PlainFile, Running
from mlassay.git import Repository

SHOWN = 20
"""So many files of one kind are named; the rest is counted."""


@dataclass(frozen=True)
class _Framework:
    title: str
    source: str
    rows: Sequence[tuple[str, str, str, Sequence[tuple[str, str, str]], Sequence[str]]]


_FRAMEWORKS = {
    "ai-act": _Framework(ai_act.TITLE, ai_act.SOURCE, ai_act.ROWS),
    "model-risk": _Framework(model_risk.TITLE, model_risk.SOURCE, model_risk.ROWS),
}


def mapping_for(
    profile: str, repo: Repository, running: Sequence[Running], files: Sequence[PlainFile]
) -> Mapping | None:
    """The mapping of a profile that has one; about what runs, or, where nothing does, about the repository alone."""
    framework = _FRAMEWORKS.get(profile)
    if framework is None:
        return None
    facts = facts_of(repo, running, files)
    about = tuple(
        f"{one.environment}: {one.release} since {one.since:%Y-%m-%d}, {one.state}" for one in running
    )
    headings = tuple(
        Heading(number, title, asks, tuple(_found(facts, wanted)), tuple(_gaps(facts, wanted, never)))
        for number, title, asks, wanted, never in framework.rows
    )
    return Mapping(framework.title, framework.source, about, headings)


def _found(facts: Facts, wanted: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    for kind, shows, _ in wanted:
        paths = facts.kinds.get(kind, ())
        for path in paths[:SHOWN]:
            yield path, facts.digest(path), shows
        if len(paths) > SHOWN:
            yield f"and {len(paths) - SHOWN} more like it", "", shows


def _gaps(facts: Facts, wanted: Sequence[tuple[str, str, str]], never: Sequence[str]) -> Iterator[str]:
    for kind, _, gap in wanted:
        if gap and not facts.kinds.get(kind):
            yield gap
    if any(kind == "deliberation" for kind, _, _ in wanted):
        for path in facts.kinds.get("unanswered", ()):
            yield f"{path} still holds the template's questions, and no answers."
    yield from never
