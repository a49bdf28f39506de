"""What the pages of audit share in words and for machines: moments, people's words, requests, releases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlassay.audit.chronicle import (
    ChangeEntry,
    Moment,
    PromotionEntry,
    RefusedEntry,
    ReleaseEntry,
    Span,
    WaiverEntry,
    Word,
)
from mlassay.errors import Problem
from mlassay.evidence.records import Request
from mlassay.evidence.times import time_string
from mlassay.policy import Decision
from mlassay.render.text import plain

PROVEN = "Dates are those that committers wrote, never earlier than what they stand upon: the order is proven, the clock is not."


def when_text(moment: Moment) -> str:
    """A moment in words: the time that order allows, what was written where that differs, and the commit."""
    text = f"{moment.time:%Y-%m-%d %H:%M} UTC"
    if moment.claimed != moment.time:
        text += f" (its committer wrote {moment.claimed:%Y-%m-%d %H:%M})"
    return f"{text}, commit {moment.commit[:12]}"


def span_text(span: Span) -> str:
    """Where and from when to when something ran."""
    end = f"until {when_text(span.until)}" if span.until is not None else "up to the newest commit read"
    doubt = "" if span.entry.explained else "; NO PROMOTION THAT HOLDS EXPLAINS THIS"
    return f"{plain(span.entry.environment)}: from {when_text(span.entry.moment)} {end}{doubt}"


def decision_text(decision: Decision | None) -> str:
    """What policy says of something that landed, judged again."""
    if decision is None:
        return "not judged"
    if decision.allowed:
        return f"policy says yes again ({len(decision.demands)} demands met)"
    return f"POLICY SAYS NO: {', '.join(demand.id for demand in decision.unmet)}"


def word_lines(words: Sequence[Word], indent: str) -> Iterator[str]:
    """Who approved, refused or withdrew, with their reasons; what did not count says why."""
    said = {"approval": "approved", "refusal": "refused", "withdrawal": "withdrew"}
    for word in words:
        by = f"key {word.key}" if word.key else plain(word.review) or "NO SIGNATURE HOLDS"
        counted = f"; did not count: {plain(word.uncounted)}" if word.uncounted else ""
        yield f"{indent}{plain(word.person)} {said[word.kind]} ({by}{counted}): {plain(word.reason)}"
        if word.risk:
            yield f"{indent}  accepts this risk: {plain(word.risk)}"


def problem_lines(problems: Sequence[Problem], indent: str) -> Iterator[str]:
    """Everything that does not hold."""
    for problem in problems:
        yield f"{indent}DOES NOT HOLD: {plain(problem)}"


def moment_json(moment: Moment | None) -> dict[str, Any] | None:
    """A moment: ``landed`` as order allows, ``claimed`` as the committer wrote."""
    if moment is None:
        return None
    return {
        "commit": moment.commit,
        "number": moment.number,
        "landed": time_string(moment.time),
        "claimed": time_string(moment.claimed),
    }


def span_json(span: Span) -> dict[str, Any]:
    """How long a pointer stood; ``until`` None: it still does."""
    return {
        "environment": span.entry.environment,
        "from": moment_json(span.entry.moment),
        "until": moment_json(span.until),
        "explained": span.entry.explained,
    }


def word_json(word: Word) -> dict[str, Any]:
    """One person's word."""
    return {
        "kind": word.kind,
        "person": word.person,
        "at": time_string(word.at),
        "reason": word.reason,
        "risk": word.risk,
        "holds": word.holds,
        "key": word.key,
        "review": word.review,
        "uncounted": word.uncounted,
        "path": word.path,
        "digest": word.digest,
    }


def request_json(entry: PromotionEntry | ChangeEntry | RefusedEntry) -> dict[str, Any]:
    """A request that landed, or was recorded as refused."""
    request = entry.request
    environment = "" if isinstance(entry, ChangeEntry) else entry.environment
    decision = None if isinstance(entry, RefusedEntry) else entry.decision
    return {
        "kind": "promotion" if environment else "change",
        "refused": isinstance(entry, RefusedEntry),
        "environment": environment,
        "id": entry.id,
        "at": moment_json(entry.moment),
        "release": request.release if isinstance(request, Request) else "",
        "paths": [path.path for path in request.paths]
        if request and not isinstance(request, Request)
        else [],
        "requester": request.requester if request else "",
        "requested_at": time_string(request.requested_at) if request else "",
        "reason": request.reason if request else "",
        "request_key": entry.request_key,
        "words": [word_json(word) for word in entry.words],
        "decision": None if decision is None else "yes" if decision.allowed else "no",
        "problems": problems_json(entry.problems),
    }


def waiver_json(entry: WaiverEntry) -> dict[str, Any]:
    """A waiver."""
    waiver = entry.waiver
    return {
        "path": entry.path,
        "at": moment_json(entry.moment),
        "gate": waiver.gate if waiver else "",
        "release": waiver.release if waiver else "",
        "person": waiver.person if waiver else "",
        "reason": waiver.reason if waiver else "",
        "until": waiver.until.isoformat() if waiver else "",
        "key": entry.key,
        "problems": problems_json(entry.problems),
    }


def release_json(entry: ReleaseEntry) -> dict[str, Any]:
    """A release, without where it ran."""
    release, verdict = entry.release, entry.verdict
    return {
        "id": entry.id,
        "recorded": moment_json(entry.moment),
        "model_name": release.name if release else "",
        "digest": release.digest if release else "",
        "model": release.model.digest if release else "",
        "source": release.source.commit if release else "",
        "source_at": moment_json(entry.source),
        "verdict": str(verdict.outcome) if verdict else "",
        "gates": {report.gate: str(report.outcome) for report in verdict.gates} if verdict else {},
        "data": [
            {"name": use.name, "path": use.path, "digest": use.digest, "root": use.root} for use in entry.data
        ],
        "signers": list(entry.signers),
        "problems": problems_json(entry.problems),
    }


def problems_json(problems: Sequence[Problem]) -> list[dict[str, str]]:
    """Problems, each with its rule."""
    return [{"rule": p.rule, "path": p.path, "what": p.what} for p in problems]


def decision_id(entry: PromotionEntry | ChangeEntry | WaiverEntry | ReleaseEntry | RefusedEntry) -> str:
    """A record in words: what kind of thing it is, and its id."""
    if isinstance(entry, ReleaseEntry):
        return f"release {entry.id}"
    if isinstance(entry, WaiverEntry):
        return f"waiver {entry.path}"
    name = (
        entry.id
        if isinstance(entry, ChangeEntry) or not entry.environment
        else f"{entry.environment}/{entry.id}"
    )
    kind = "promotion" if isinstance(entry.request, Request) else "change"
    return f"{'refused ' if isinstance(entry, RefusedEntry) else ''}{kind} {name}"


def pointed(span: Span) -> str:
    """The release that a pointer makes live; "" where it makes none."""
    pointer = span.entry.pointer
    return pointer.live.release if pointer is not None else ""
