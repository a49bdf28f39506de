"""One release read back from git objects, and everything about its evidence that does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mlassay.case import statements
from mlassay.case.card import card_holds
from mlassay.case.common import needed, object_at
from mlassay.case.compromised import forgotten, known_by
from mlassay.case.judged import judged_as_agreed
from mlassay.case.reading import Reading
from mlassay.case.remembered import Remembered
from mlassay.case.signer import Trust
from mlassay.config import People, load_config, load_environment, load_people, load_policy
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.bill import bill_faults
from mlassay.evidence.codec import read_verdict, report_json
from mlassay.evidence.release import Release, read_release_json
from mlassay.evidence.times import time_string
from mlassay.evidence.verdict import Outcome, Verdict
from mlassay.git import Repository
from mlassay.ports import Verifiers


@dataclass(frozen=True, slots=True)
class ReleaseEvidence:
    """What is known of a release, and ``problems`` with it: with any of them, none of the rest may be relied on.

    ``tree_id`` is the git tree of its evidence, ``provenance`` the predicate, ``record_commit`` the commit that brought
    it in (empty: none did), ``signers`` the ids of those who signed; ``signatures`` and ``digests`` count what held.
    """

    id: str
    tree_id: str = ""
    record_commit: str = ""
    release: Release | None = None
    verdict: Verdict | None = None
    provenance: Mapping[str, Any] | None = None
    signers: tuple[str, ...] = ()
    signatures: int = 0
    digests: int = 0
    problems: tuple[Problem, ...] = ()


def read_release(
    repo: Repository,
    commit: str,
    release_id: str,
    verifiers: Verifiers,
    *,
    record: str | None = None,
    later_at: str | None = None,
) -> ReleaseEvidence:
    """The evidence of a release as it stands at ``commit``, judged by the keys and policy before its record commit.

    ``record`` is that commit where the caller knows it already, ``later_at`` the one (``commit`` otherwise) whose
    people.yaml tells of keys found to be compromised. Nothing is believed before its signature held, and
    every problem is collected, each naming its file.
    """
    folder = layout.evidence_dir(release_id)
    known = layout.is_release_id(release_id)
    record = record or (find_record(repo, commit, release_id) if known else None)
    entry = repo.entry(commit, folder) if known else None
    if entry is None or record is None:
        what = f"evidence of {release_id!r} was recorded in {record[:12]} and is gone" if record else _NEVER
        remedy = "mlassay status lists the releases"
        missing = Problem(what, "evidence is only ever added", remedy, folder, rule="evidence-missing")
        return ReleaseEvidence(release_id, record_commit=record or "", problems=(missing,))
    found = ReleaseEvidence(release_id, tree_id=entry.id, record_commit=record)
    newest = later_at or commit
    try:
        people = object_at(repo, newest, layout.PEOPLE)
    except EvidenceError:
        return _judged(repo, commit, newest, found, verifiers)
    gone = forgotten(repo, newest, _people_before(repo, record))
    told = frozenset((each.id, each.key.compromised_since) for each in gone)
    key = (release_id, entry.id, record, people, told, verifiers)
    return _JUDGED.get(repo, key, partial(_judged, repo, commit, newest, found, verifiers))


def _people_before(repo: Repository, record: str) -> People | None:
    """The people whose keys count for a record; None where nobody can read who they are, which its judgement tells."""
    parents = repo.commit(record).parents
    try:
        data = repo.read(parents[0], layout.PEOPLE) if parents else None
        return load_people(layout.PEOPLE, data) if data is not None else None
    except (ConfigurationError, EvidenceError):
        return None


# A release is judged where it was recorded, and again for each environment that it goes to.
_JUDGED: Remembered[ReleaseEvidence] = Remembered(256)


def _judged(
    repo: Repository, commit: str, newest: str, found: ReleaseEvidence, verifiers: Verifiers
) -> ReleaseEvidence:
    folder, record = layout.evidence_dir(found.id), found.record_commit
    reading = Reading.of(repo, commit, folder, artifacts=frozenset({layout.MODEL}))
    trust = reading.attempt(partial(trust_before, repo, record, newest, f"{folder}/{layout.SUMMARY}"))
    told = found if trust is None or reading.overfull else _read(repo, reading, found, trust, verifiers)
    _unchanged(repo, reading, record, found.tree_id)
    return replace(told, problems=tuple(dict.fromkeys(reading.problems)))


_NEVER = "no release of this name was ever recorded here"


def find_record(repo: Repository, head: str, release_id: str) -> str | None:
    """The first main-line commit with evidence of this release; None when there is none."""
    touched = list(repo.first_parents(head, paths=[layout.evidence_dir(release_id)]))
    return touched[-1].id if touched else None


def trust_before(repo: Repository, record: str, head: str, path: str) -> Trust:
    """Whose keys count for what ``record`` brought in: those of its first parent; compromises told up to ``head`` too.

    EvidenceError that names ``path`` when nobody's key was known before.
    """
    commit = repo.commit(record)
    parent = commit.parents[0] if commit.parents else None
    people = repo.read(parent, layout.PEOPLE) if parent else None
    policy = repo.read(parent, layout.POLICY) if parent else None
    if parent is None or people is None or policy is None:
        raise EvidenceError(
            Problem(
                f"the commit before {record[:12]} has no {layout.PEOPLE} and {layout.POLICY}",
                why="keys are read from the commit before the one that they are to vouch for",
                remedy="record evidence only after governance/ is on the main line",
                path=path,
                rule="evidence-signer",
            )
        )
    try:
        known = load_people(layout.PEOPLE, people)
        return Trust(
            people=known,
            when=max(commit.time, repo.commit(parent).time),
            demo=load_policy(layout.POLICY, policy).demo,
            later=known_by(repo, head, known),
            sigstore=repo.read(parent, layout.SIGSTORE),
        )
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error


def _read(
    repo: Repository, reading: Reading, found: ReleaseEvidence, trust: Trust, verifiers: Verifiers
) -> ReleaseEvidence:
    checker = statements.Checker(reading, trust, verifiers)
    before = len(reading.problems)
    checker.files_are_those_listed()
    files, attempt, path = reading.files, reading.attempt, reading.path
    if len(reading.problems) > before and not _only_about(reading.problems[before:], path(layout.SUMMARY)):
        # The bytes are not those that were signed, and the signed list says which: all else would be echo.
        return found
    release = verdict = provenance = None
    if (data := files.get(layout.RELEASE)) is not None:
        release = attempt(partial(read_release_json, data, path(layout.RELEASE)))
    if (data := files.get(layout.VERDICT)) is not None:
        verdict = attempt(partial(read_verdict, data, path(layout.VERDICT)))
    _file_set(reading, verdict, checker)
    if release is not None:
        attempt(partial(_release_holds, repo, reading, release, found))
        provenance = checker.provenance(release)
        checker.model_signature(release)
        if verdict is not None:
            written = {report.gate: report_json(report) for report in verdict.gates}
            attempt(partial(_verdict_holds, repo, reading, release, verdict, written))
            checker.gates(release, verdict, written)
            checker.summary(release, verdict)
        if provenance is not None:
            checker.certificates(release, provenance)
        if (
            verdict is not None and len(reading.problems) == before
        ):  # to be held to what does not hold is echo
            attempt(partial(card_holds, repo, reading, release, verdict))
            attempt(partial(_bill_holds, reading, release, verdict))
    return replace(
        found,
        release=release,
        verdict=verdict,
        provenance=provenance,
        signers=tuple(sorted(checker.signers)),
        signatures=checker.signatures,
        digests=checker.digests + (len(release.inputs) + len(release.artifacts) if release else 0),
    )


def _only_about(problems: list[Problem], path: str) -> bool:
    return all(problem.path == path for problem in problems)


def _file_set(reading: Reading, verdict: Verdict | None, checker: statements.Checker) -> None:
    """Exactly the files that a release has: nothing missing, nothing beside them."""
    required = {*layout.REQUIRED, layout.MODEL}
    if verdict is not None:
        for report in verdict.gates:
            required |= {layout.gate_report(report.gate), layout.gate_statement(report.gate)}
    required |= checker.bundles(required)
    present = set(reading.files)
    known = required | layout.OPTIONAL
    for name in sorted(required - present):
        if not any(problem.path == reading.path(name) for problem in reading.problems):
            why = "a release without its whole evidence proves nothing"
            reading.wrong(name, "this file is missing", why, rule="evidence-missing")
    for name in sorted(present - known):
        if verdict is not None or layout.gate_of(name) is None:
            what = "this file does not belong to a release's evidence"
            reading.wrong(name, what, "nobody signed for it", rule="evidence-extra")


def _release_holds(repo: Repository, reading: Reading, release: Release, found: ReleaseEvidence) -> None:
    name, source, id_ = layout.RELEASE, release.source, found.id
    if release.id != id_:
        reading.wrong(
            name,
            f"this is release {release.id}, not {id_}",
            "a release's id is made of its digest",
            rule="evidence-subject",
        )
    model = reading.files.get(layout.MODEL)
    if model is not None and (sha256(model), len(model)) != (release.model.digest, release.model.size):
        reading.wrong(
            layout.MODEL, "this is not the model of this release: its digest differs from release.json's"
        )
    parent = repo.commit(found.record_commit).parents[0]
    if not repo.on_first_parent_line(source.commit, parent):
        reading.wrong(
            name,
            f"its source commit {source.commit[:12]} is not on the main line before the record",
            "a release comes from what was reviewed and merged, not from a side branch",
            rule="evidence-source",
        )
        return
    commit = repo.commit(source.commit)
    if (source.tree, source.date) != (commit.tree, time_string(commit.time)):
        what = f"tree or date are not those of its source commit {source.commit[:12]}"
        reading.wrong(name, what, rule="evidence-source")
    inputs = reading.attempt(partial(inputs_at, repo, source.commit))
    if inputs is None:
        return
    for role in sorted(inputs.keys() | release.inputs.keys()):
        if release.inputs.get(role) != inputs.get(role):
            what = f"the digest of '{role}' is not that of the file at its source commit"
            reading.wrong(name, what, rule="evidence-source")


def inputs_at(repo: Repository, commit: str) -> dict[str, str]:
    """Digests of ``ml.yaml``, ``policy``, ``people`` and every ``manifest/<name>`` at a commit, from git objects.

    EvidenceError when one of them is not there, or ml.yaml cannot be read.
    """
    config = needed(repo, commit, layout.CONFIG)
    try:
        manifests = load_config(layout.CONFIG, config).data
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error
    paths = {"policy": layout.POLICY, "people": layout.PEOPLE}
    paths |= {f"manifest/{name}": path for name, path in manifests.items()}
    return {layout.CONFIG: sha256(config)} | {
        role: sha256(needed(repo, commit, path)) for role, path in paths.items()
    }


def is_demo(repo: Repository, commit: str) -> bool:
    """Whether the policy at a commit says that this is a demonstration."""
    data = repo.read(commit, layout.POLICY)
    try:
        return data is not None and load_policy(layout.POLICY, data).demo
    except ConfigurationError:
        return False  # a policy that nobody can read allows nothing, demonstration keys least of all


def live_at(repo: Repository, commit: str) -> str:
    """Digest of the model that ran in the first environment at a commit; an empty text when none did."""
    try:
        policy = load_policy(layout.POLICY, needed(repo, commit, layout.POLICY))
        path = layout.pointer_path(policy.environments[0])
        data = repo.read(commit, path)
        pointer = load_environment(path, data) if data is not None else None
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error
    return f"sha256:{pointer.live.model_sha256}" if pointer and pointer.state == "live" else ""


def _bill_holds(reading: Reading, release: Release, verdict: Verdict) -> None:
    name, why = layout.BILL, "scanners read the bill in place of the release"
    data = reading.files.get(name)
    for fault in bill_faults(data, release, verdict, reading.path(name)) if data is not None else ():
        reading.wrong(name, fault, why, rule="evidence-card")


def _verdict_holds(
    repo: Repository, reading: Reading, release: Release, verdict: Verdict, written: Mapping[str, bytes]
) -> None:
    """The verdict is about this model under these inputs, and says what its gates say (``written``, by their names)."""
    live = reading.attempt(partial(live_at, repo, release.source.commit))
    expected = {"model": release.model.digest, **release.inputs} | ({"live": live} if live else {})
    told, name = verdict.inputs, layout.VERDICT
    if told != expected:
        differing = sorted(
            role for role in told.keys() | expected.keys() if told.get(role) != expected.get(role)
        )
        what = f"it is about other inputs than this release: {', '.join(differing)}"
        reading.wrong(name, what, rule="evidence-source")
    if verdict.model_name != release.name:
        what = f"it is about model {verdict.model_name!r}, not {release.name!r}"
        reading.wrong(name, what, rule="evidence-subject")
    if verdict.outcome is not Outcome.worst([report.outcome for report in verdict.gates]):
        what = f"it says {verdict.outcome}, which is not what its gates say"
        reading.wrong(name, what, rule="evidence-verdict")
    judged_as_agreed(repo, reading, release.source.commit, verdict)
    for report in verdict.gates:
        file = layout.gate_report(report.gate)
        if file in reading.files and reading.files[file] != written[report.gate]:
            what = "this report is not the one that the verdict rests on"
            reading.wrong(file, what, rule="evidence-verdict")


def _unchanged(repo: Repository, reading: Reading, record: str, tree_id: str) -> None:
    """Evidence is append-only: what the record commit brought in is what stands now."""
    then = reading.attempt(partial(repo.entry, record, reading.folder))
    if then is not None and then.id != tree_id:
        now = set(reading.attempt(partial(_blobs, repo, record, reading.folder)) or ())
        for name, data in sorted(reading.files.items()):
            if (name, sha256(data)) not in now:
                what = f"this is not what was recorded in {record[:12]}"
                reading.wrong(name, what, "evidence never changes", rule="append-only")
        if not reading.problems:
            what = f"this is not what was recorded in {record[:12]}"
            reading.wrong("", what, "evidence never changes", rule="append-only")


def _blobs(repo: Repository, commit: str, folder: str) -> list[tuple[str, str]]:
    entries = repo.tree(commit, folder)
    return [
        (path.removeprefix(folder + "/"), sha256(repo.blob(entry.id, path)))
        for path, entry in entries.items()
        if entry.is_file
    ]
