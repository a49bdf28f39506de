"""A promotion as policy sees it: read from the first parent, the promotion's own tree, and a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlassay.case.answers import SignedReader, read_answers
from mlassay.case.change import read_change
from mlassay.case.common import Place, object_at, on_line, touched_by
from mlassay.case.history import contributors, held_digests, pointer_at
from mlassay.case.landing import Landing
from mlassay.case.machine import read_asked
from mlassay.case.release import read_release
from mlassay.case.requests import RequestName, governance_at, name_of_path, with_compromises
from mlassay.case.review_record import by_record, with_recorded_reviews
from mlassay.case.terms import terms_at
from mlassay.config import People, Policy, dump_environment, environment_mapping, load_environment
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout, predicates
from mlassay.evidence.records import Request, Waiver
from mlassay.evidence.release import Release, read_release_json
from mlassay.evidence.reviews import ReviewRecord
from mlassay.git import Repository
from mlassay.policy import Case, Decision, PromotionCase, ReleaseFacts, Signed, Terms, decide
from mlassay.ports import Verifiers


def judge_merged(
    repo: Repository,
    commit: str,
    verifiers: Verifiers,
    *,
    later: People | None = None,
    parent: str | None = None,
    at: str | None = None,
    foreseen: ReviewRecord | None = None,
) -> Decision:
    """Judge a merged promotion or change again, from git alone, at the merge's own date: arguments as `merged_case`."""
    return decide(merged_case(repo, commit, verifiers, later=later, parent=parent, at=at, foreseen=foreseen))


def merged_case(
    repo: Repository,
    commit: str,
    verifiers: Verifiers,
    *,
    later: People | None = None,
    parent: str | None = None,
    at: str | None = None,
    foreseen: ReviewRecord | None = None,
) -> Case:
    """The case of a merged promotion or change, read from git alone, at the merge's own date.

    ``later`` is the newest people.yaml known: a compromise it tells of counts back. ``parent`` is the commit before
    the first of several that landed together; the merge's first parent otherwise. A record of reviews is looked for on
    the main line up to ``at``; ``foreseen`` is the one that will be written for a merge that is about to be published.
    EvidenceError when the commit brings no request, or more than one.
    """
    merge = repo.commit(commit)
    before = parent or (merge.parents[0] if merge.parents else None)
    names = [
        name
        for change in repo.changes(before, commit)
        if change.old is None and (name := name_of_path(change.path))
    ]
    if before is None or len(names) != 1:
        raise EvidenceError(
            Problem(
                f"commit {commit[:12]} brings {len(names)} requests; a promotion or a change brings exactly one",
                why="one request explains one change of the main line",
                rule="request",
            )
        )
    case = read_case(repo, names[0], Place(before, commit, before, merge.time), verifiers, later=later)
    if foreseen is not None:
        return by_record(case, foreseen)
    landing = Landing(names[0], commit, before)
    return with_recorded_reviews(case, repo, landing, at or commit, verifiers)


def read_case(
    repo: Repository, name: RequestName, place: Place, verifiers: Verifiers, *, later: People | None = None
) -> Case:
    """The case of an open request (``since`` is where its branch left the main line) or of a merged one.

    EvidenceError when the request itself cannot be read: then there is nothing to judge.
    """
    try:
        policy, people = governance_at(repo, place.parent)
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error
    reader = SignedReader(repo, place.head, with_compromises(people, later), verifiers)
    repo.prefetch(repo.tree(place.head, name.folder).values())
    if not name.environment:
        return read_change(repo, name, place, policy, reader)
    return _read_promotion(repo, name, place, policy, reader, verifiers)


def _read_promotion(
    repo: Repository,
    name: RequestName,
    place: Place,
    policy: Policy,
    reader: SignedReader,
    verifiers: Verifiers,
) -> PromotionCase:
    parent, asked = place.parent, read_asked(reader, name)
    request, answers = asked.request, read_answers(reader, name)
    answers.problems.extend(asked.problems)
    if request.record.environment != name.environment:
        what = "this request is for another environment than its folder says"
        answers.problems.append(Problem(what, path=name.request, rule="request"))
    release, facts = _facts(repo, parent, request.record.release, verifiers)
    source = release.source.commit if release else None
    live = pointer_at(repo, parent, name.environment)
    live_source = source_of(repo, parent, live.live.release) if live else None
    path = layout.pointer_path(name.environment)
    return PromotionCase(
        id=name.id,
        folder=name.folder,
        request=request,
        approvals=tuple(answers.approvals),
        refusals=tuple(answers.refusals),
        withdrawals=tuple(answers.withdrawals),
        problems=tuple(answers.problems),
        policy=policy,
        people=reader.people,
        now=place.now,
        parent_time=repo.commit(parent).time,
        base_on_line=on_line(repo, request.record.base, parent),
        touched=touched_by(repo, place),
        contributors=contributors(repo, live_source, source) if source else (),
        pointer_path=path,
        previous=object_at(repo, parent, path),
        pointer=_pointer(repo, place.head, path),
        evidence_tree=object_at(repo, parent, layout.evidence_dir(request.record.release)),
        release=facts,
        held=_held_before(repo, parent, policy, request.record, name.environment),
        terms=terms_of(repo, source),
        live=live.live.release if live else None,
        live_terms=terms_of(repo, live_source),
        waivers=_waivers(parent, request.record, reader),
        machine=asked.machine,
    )


def source_of(repo: Repository, commit: str, release: str) -> str | None:
    """The source commit of a recorded release; None when its release.json cannot be read."""
    path = f"{layout.evidence_dir(release)}/{layout.RELEASE}"
    data = repo.read(commit, path)
    return read_release_json(data, path).source.commit if data is not None else None


def _held_before(
    repo: Repository, commit: str, policy: Policy, request: Request, environment: str
) -> frozenset[str]:
    """Release digests that the environment before this one holds or held, back to the newest that is asked for."""
    order = policy.environments
    at = order.index(environment) if environment in order else 0
    return held_digests(repo, commit, order[at - 1], request.release_digest) if at else frozenset()


def _facts(
    repo: Repository, commit: str, release_id: str, verifiers: Verifiers
) -> tuple[Release | None, ReleaseFacts | None]:
    found = read_release(repo, commit, release_id, verifiers)
    release, verdict = found.release, found.verdict
    if release is None:
        return None, ReleaseFacts(release_id, "", "", {}, "", (), found.problems)
    provenance = found.provenance
    reported = predicates.self_reported_of(provenance) if provenance else {}
    dispatcher = predicates.dispatcher_of(provenance) if provenance else None
    facts = ReleaseFacts(
        id=release.id,
        digest=release.digest,
        model_sha256=release.model.digest.removeprefix("sha256:"),
        gates={report.gate: report.outcome for report in verdict.gates} if verdict else {},
        isolation=str(reported.get("isolation", "")),
        dispatcher=(dispatcher.account, dispatcher.account_id, dispatcher.email) if dispatcher else (),
        problems=found.problems,
    )
    return release, facts


def terms_of(repo: Repository, source: str | None) -> Terms | None:
    """The terms of a source commit; None when there is none or its files cannot be read."""
    try:
        return terms_at(repo, source) if source else None
    except EvidenceError:
        return None  # unknown terms are a demand that is not met; `mlassay verify` names the file


def _pointer(repo: Repository, head: str, path: str) -> Mapping[str, Any] | None:
    """What the pointer at ``head`` says; None unless its bytes are the one spelling of that."""
    try:
        data = repo.read(head, path)
        pointer = load_environment(path, data) if data is not None else None
    except (EvidenceError, ConfigurationError):
        return None
    return environment_mapping(pointer) if pointer and dump_environment(pointer) == data else None


def _waivers(parent: str, request: Request, reader: SignedReader) -> tuple[Signed[Waiver], ...]:
    """The waivers that the request names, as they stand on the main line; one that is not there is left out."""
    main_line = replace(reader, commit=parent)
    found = []
    for use in request.waivers:
        try:
            found.append(main_line.read(use.path, Waiver))
        except EvidenceError:
            continue  # policy misses it by its path and says so
    return tuple(found)
