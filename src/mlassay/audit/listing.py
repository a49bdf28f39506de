"""The record as tables for a spreadsheet: stable columns, one row for each thing, and samples that anybody can draw again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from mlassay.audit.chronicle import (
    ChangeEntry,
    Chronicle,
    Moment,
    PromotionEntry,
    ReleaseEntry,
    Word,
    ran,
    spans,
)
from mlassay.audit.refusals import BRANCH, MAIN_LINE, Refused, refusals
from mlassay.audit.trace import waived
from mlassay.evidence import layout
from mlassay.evidence.records import ChangeRequest, Request
from mlassay.evidence.times import time_string
from mlassay.git import Repository
from mlassay.ports import Verifiers

WHEN = ("landed", "claimed", "number", "commit")
"""Columns of everything on the main line: when it came there as the order proves, as the committer wrote, where, in which commit."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "releases": (
        *("id", *WHEN, "model_name", "verdict", "gates", "model", "release_digest"),
        *("source_commit", "data", "signers", "ran_in", "problems"),
    ),
    "promotions": (
        *(
            "id",
            *WHEN,
            "environment",
            "release",
            "previous",
            "requester",
            "asked_by",
            "requested_at",
            "reason",
        ),
        *("approved_by", "weakenings", "waivers", "decision", "until", "problems"),
    ),
    "waivers": (
        *("id", *WHEN, "gate", "release", "person", "reason", "until", "written_at", "key", "used_by"),
        "problems",
    ),
    "refusals": (
        *("id", *WHEN, "where", "branch", "kind", "environment", "release", "requester", "requested_at"),
        *("refused_by", "refused_at", "reasons", "signed", "problems"),
    ),
    "changes": (
        *("id", *WHEN, "paths", "requester", "requested_at", "reason", "approved_by", "decision", "problems"),
    ),
}
"""Kind to its columns, in their order; new ones are only ever added at the end."""

Row = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Sample:
    """How rows were drawn: ``size`` was asked for, ``seed`` decides, and anybody with the ids draws the same."""

    size: int
    seed: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A table in the order of the main line: ``total`` rows there were, ``rows`` are those shown."""

    kind: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int
    sample: Sample | None = None


def listing(chronicle: Chronicle, kind: str, repo: Repository, verifiers: Verifiers) -> Listing:
    """Every row of a kind of `COLUMNS`; refusals that lie on branches only come after those on the main line."""
    makers: dict[str, Callable[[], Iterable[Row]]] = {
        "releases": lambda: (_release(chronicle, entry) for entry in chronicle.releases),
        "promotions": lambda: _promotions(chronicle),
        "waivers": lambda: _waivers(chronicle),
        "refusals": lambda: map(_refusal, refusals(chronicle, repo, verifiers)),
        "changes": lambda: map(_change, chronicle.changes),
    }
    rows = tuple(makers[kind]())
    if not chronicle.judged:  # no problem was found because none was looked for
        rows = tuple({**row, "problems": row["problems"] or ""} for row in rows)
    return Listing(kind, COLUMNS[kind], rows, len(rows))


def sampled(whole: Listing, sample: Sample) -> Listing:
    """The rows whose ids come first by `rank`, in the order of the main line; all of them where there are no more."""
    by_rank = sorted(
        range(len(whole.rows)), key=lambda at: (rank(sample.seed, str(whole.rows[at]["id"])), at)
    )
    chosen = sorted(by_rank[: sample.size])
    return Listing(whole.kind, whole.columns, tuple(whole.rows[at] for at in chosen), whole.total, sample)


def rank(seed: str, id_: str) -> str:
    r"""SHA-256 over seed, newline and id in UTF-8, as hex: the same on every machine and in every version of Python.

    By hand: ``printf '%s\n%s' "$seed" "$id" | sha256sum``.
    """
    return sha256(f"{seed}\n{id_}".encode("utf-8", "surrogateescape")).hexdigest()


def _when(moment: Moment | None) -> Row:
    if moment is None:
        return dict.fromkeys(WHEN, "")
    return {
        "landed": time_string(moment.time),
        "claimed": time_string(moment.claimed),
        "number": moment.number,
        "commit": moment.commit,
    }


def _release(chronicle: Chronicle, entry: ReleaseEntry) -> Row:
    release, verdict = entry.release, entry.verdict
    where = dict.fromkeys(span.entry.environment for span in ran(chronicle, entry.id))
    return {
        "id": entry.id,
        **_when(entry.moment),
        "model_name": release.name if release else "",
        "verdict": str(verdict.outcome) if verdict else "",
        "gates": _joined(f"{g.gate} {g.outcome}" for g in verdict.gates) if verdict else "",
        "model": release.model.digest if release else "",
        "release_digest": release.digest if release else "",
        "source_commit": release.source.commit if release else "",
        "data": _joined(f"{use.name} {use.digest}" for use in entry.data),
        "signers": _joined(entry.signers),
        "ran_in": _joined(where),
        "problems": len(entry.problems),
    }


def _promotions(chronicle: Chronicle) -> Iterable[Row]:
    until = {
        (environment, span.entry.moment.commit): span.until
        for environment in chronicle.pointers
        for span in spans(chronicle, environment)
    }
    for entry in chronicle.promotions:
        end = until.get((entry.environment, entry.moment.commit))
        yield _promotion(entry, end)


def _promotion(entry: PromotionEntry, until: Moment | None) -> Row:
    request = entry.request
    return {
        "id": f"{entry.environment}/{entry.id}",
        **_when(entry.moment),
        "environment": entry.environment,
        "release": request.release if request else "",
        "previous": entry.previous or "",
        **_asked(request),
        "asked_by": "" if request is None else "CI signer" if entry.by_machine else "person",
        "approved_by": _approved(entry.words),
        "weakenings": _joined(w.id for w in request.weakenings) if request else "",
        "waivers": _joined(_waiver_id(w.path) for w in request.waivers) if request else "",
        "decision": _decision(entry),
        "until": time_string(until.time) if until is not None else "",
        "problems": len(entry.problems),
    }


def _waivers(chronicle: Chronicle) -> Iterable[Row]:
    used: dict[str, list[str]] = {}
    for promotion in chronicle.promotions:
        for use in promotion.request.waivers if promotion.request else ():
            used.setdefault(use.path, []).append(f"{promotion.environment}/{promotion.id}")
    for entry in chronicle.waivers:
        waiver = entry.waiver
        yield {
            "id": _waiver_id(entry.path),
            **_when(entry.moment),
            "gate": waiver.gate if waiver else "",
            "release": waived(entry),
            "person": waiver.person if waiver else "",
            "reason": waiver.reason if waiver else "",
            "until": waiver.until.isoformat() if waiver else "",
            "written_at": time_string(waiver.at) if waiver else "",
            "key": entry.key,
            "used_by": _joined(used.get(entry.path, ())),
            "problems": len(entry.problems),
        }


def _refusal(found: Refused) -> Row:
    entry, request = found.entry, found.entry.request
    said = [word for word in entry.words if word.kind != "approval"]
    kind = "promotion" if entry.environment else "change"
    where = MAIN_LINE if found.branch == "" else BRANCH
    return {
        "id": f"{entry.environment}/{entry.id}" if entry.environment else entry.id,
        **_when(entry.moment if where == MAIN_LINE else None),
        "where": where,
        "branch": found.branch,
        "kind": kind,
        "environment": entry.environment,
        "release": request.release if isinstance(request, Request) else "",
        "requester": request.requester if request else "",
        "requested_at": time_string(request.requested_at) if request else "",
        "refused_by": _joined(word.person for word in said),
        "refused_at": _joined(time_string(word.at) for word in said),
        "reasons": _joined(word.reason for word in said),
        "signed": _joined(word.key or "no signature holds" for word in said),
        "problems": len(entry.problems),
    }


def _change(entry: ChangeEntry) -> Row:
    request = entry.request
    return {
        "id": entry.id,
        **_when(entry.moment),
        "paths": _joined(path.path for path in request.paths) if request else "",
        **_asked(request),
        "approved_by": _approved(entry.words),
        "decision": _decision(entry),
        "problems": len(entry.problems),
    }


def _asked(request: Request | ChangeRequest | None) -> Row:
    return {
        "requester": request.requester if request else "",
        "requested_at": time_string(request.requested_at) if request else "",
        "reason": request.reason if request else "",
    }


def _approved(words: Sequence[Word]) -> str:
    return _joined(w.person for w in words if w.kind == "approval" and w.holds and not w.uncounted)


def _decision(entry: PromotionEntry | ChangeEntry) -> str:
    if entry.decision is None:
        return ""
    return "yes" if entry.decision.allowed else "no"


def _waiver_id(path: str) -> str:
    return path.removeprefix(layout.WAIVERS).removesuffix(".json")


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(texts)
