"""Traces through the record for machines; docs/verbs/audit-trace.md explains every member."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlassay.audit.chronicle import ChangeEntry, PromotionEntry, RefusedEntry
from mlassay.audit.trace import DataTrace, ModelTrace, ReleaseTrace
from mlassay.audit.trace_commit import CommitTrace
from mlassay.audit.trace_person import PersonTrace
from mlassay.evidence.times import time_string
from mlassay.render.audit_parts import (
    decision_id,
    moment_json,
    pointed,
    release_json,
    request_json,
    span_json,
    waiver_json,
)

VERSION = 1


def model_json(trace: ModelTrace) -> dict[str, Any]:
    """The trace of a model."""
    return {"model": trace.digest, "releases": [_release_json(one) for one in trace.releases]}


def data_json(trace: DataTrace) -> dict[str, Any]:
    """The trace of a data set."""
    return {
        "versions": [
            {
                "path": version.path,
                "names": list(version.names),
                "digest": version.digest,
                "root": version.root,
                "on_main_line": [
                    {"at": moment_json(entry.moment), "change": entry.change} for entry in version.entries
                ],
                "releases": [_release_json(one) for one in version.releases],
            }
            for version in trace.versions
        ]
    }


def person_json(trace: PersonTrace) -> dict[str, Any]:
    """The trace of a person or a CI signer."""
    commits = None
    if trace.commits is not None:
        commits = [
            {"commit": c.commit, "claimed": time_string(c.time), "subject": c.subject} for c in trace.commits
        ]
    return {
        "id": trace.id,
        "machine": trace.machine,
        "name": trace.name,
        "team": trace.team,
        "roles": list(trace.roles),
        "acts": [
            {
                "at": moment_json(act.moment),
                "what": act.what,
                "about": act.about,
                "written_at": time_string(act.at) if act.at is not None else "",
                "says": act.says,
                "proof": act.proof,
                "key": act.key,
                "fault": act.fault,
            }
            for act in trace.acts
        ],
        "keys": [
            {
                "fingerprint": key.fingerprint,
                "validity": key.validity,
                "since": moment_json(key.since),
                "until": moment_json(key.until),
            }
            for key in trace.keys
        ],
        "commits": commits,
    }


def commit_json(trace: CommitTrace) -> dict[str, Any]:
    """The trace of a commit."""
    return {
        "commit": trace.id,
        "author": trace.author,
        "committer": trace.committer,
        "subject": trace.subject,
        "on_main_line": moment_json(trace.moment),
        "landed_with": moment_json(trace.landed),
        "source_of": [_release_json(one) for one in trace.sources],
        "first_release_with_it": _release_json(trace.contained) if trace.contained is not None else None,
        "later_releases": trace.later,
        "brought": {
            "releases": [_release_json(one) for one in trace.releases],
            "requests": _requests([*trace.promotions, *trace.changes, *trace.refused]),
            "waivers": [waiver_json(entry) for entry in trace.waivers],
            "pointers": [{**span_json(span), "release": pointed(span)} for span in trace.pointers],
            "manifests": [
                {"path": entry.path, "digest": entry.digest, "releases": [release.id for release in made]}
                for entry, made in trace.manifests
            ],
            "governance": [
                {
                    "differences": list(ruled.differences),
                    "change": ruled.entry.change,
                    "until": moment_json(ruled.until),
                    "decisions": [decision_id(entry) for entry in ruled.decisions],
                }
                for ruled in trace.governance
            ],
        },
    }


def _release_json(one: ReleaseTrace) -> dict[str, Any]:
    return {
        **release_json(one.entry),
        "requests": _requests([*one.promotions, *one.refused]),
        "waivers": [waiver_json(entry) for entry in one.waivers],
        "ran": [span_json(span) for span in one.ran],
    }


def _requests(entries: Iterable[PromotionEntry | ChangeEntry | RefusedEntry]) -> list[dict[str, Any]]:
    return [request_json(entry) for entry in entries]
