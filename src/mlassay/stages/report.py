"""The report stage: what a pull request's own job left, held against itself and against the main line's evidence.

Whoever opened the pull request wrote every byte of the run folder. Only ``test/`` is read (and, where there is no
verdict, the end of the training's log); nothing of the pull request is checked out, and nothing is run.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlassay.case.judged import criteria_at
from mlassay.case.main_line import BRANCH, main_line
from mlassay.case.release import inputs_at
from mlassay.case.requests import governance_at
from mlassay.case.terms import terms_at
from mlassay.config import Policy
from mlassay.digest import canonical
from mlassay.errors import ConfigurationError, EvidenceError, MlassayError, Problem, RemoteError
from mlassay.evidence import Outcome, Verdict, layout, read_verdict, report_json
from mlassay.evidence.codec import plain
from mlassay.evidence.records import Weakening
from mlassay.files import find_file
from mlassay.git import Repository
from mlassay.policy.weakenings import weakenings, weaker_criteria
from mlassay.ports import Page, PullRequest
from mlassay.stages._run_folder import PAGE, RUNTIME
from mlassay.stages.page_changes import changed_between
from mlassay.stages.page_facts import PullFacts, Running, newest, running_last
from mlassay.stages.review import group_rows

BYTES = 16 << 20  # of one file of an artifact
ENTRIES = 100
LOG_BYTES = 4 << 20
LOG_LINES = 40
_GATE_FILE = re.compile(r"[a-z][a-z0-9_-]{0,60}\.json")
_FILES = frozenset({layout.VERDICT, layout.REPORT, PAGE, RUNTIME, layout.CROSS_CHECKS, "gates"})
_WHY = "it came from the pull request's own job, and anybody may have written it"


@dataclass(frozen=True, slots=True)
class Reported:
    """What the artifact holds: a verdict, or the problems why there is none and the end of the training's log."""

    verdict: Verdict | None
    problems: tuple[Problem, ...] = ()
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Posted:
    """What `report` did: the facts, and whether they stand on the pull request's page now."""

    facts: PullFacts
    posted: bool


def read_reported(run_folder: Path) -> Reported:
    """The verdict in ``run_folder/test``, held against its own gate reports; never an error, always an answer."""
    try:
        problems = list(_odd_entries(run_folder / "test"))
        data = None if problems else find_file(run_folder, f"test/{layout.VERDICT}", BYTES)
        if data is not None:
            verdict = read_verdict(data, f"test/{layout.VERDICT}")
            problems = list(_contradictions(run_folder, verdict))
            if not problems:
                return Reported(verdict)
    except MlassayError as error:
        problems = list(error.problems)
    except (OSError, RecursionError) as error:
        problems = [Problem(f"the artifact cannot be read: {type(error).__name__}", _WHY, path="test")]
    return Reported(None, tuple(problems) or (_nothing_tested(run_folder),), _log(run_folder))


def _odd_entries(folder: Path) -> Iterator[Problem]:
    """Names and kinds in ``test/`` that the test stage never leaves."""
    for place, known in ((folder, _FILES.__contains__), (folder / "gates", _GATE_FILE.fullmatch)):
        if not os.path.lexists(place):
            return
        if not stat.S_ISDIR(place.lstat().st_mode):
            yield Problem("this is no folder", _WHY, "run the pull request's job again", path=place.name)
            return
        with os.scandir(place) as entries:
            for number, entry in enumerate(entries):
                if number >= ENTRIES:
                    yield Problem(f"there are more than {ENTRIES} files", _WHY, path=place.name)
                    return
                wanted = stat.S_ISDIR if entry.name == "gates" and place == folder else stat.S_ISREG
                if not known(entry.name) or not wanted(entry.stat(follow_symlinks=False).st_mode):
                    what = f"the test stage leaves nothing like {entry.name[:80]!r}"
                    yield Problem(what, _WHY, "run the pull request's job again", path=place.name)


def _contradictions(run_folder: Path, verdict: Verdict) -> Iterator[Problem]:
    """Where the verdict, its gates and their reports do not say the same."""
    again = "run the pull request's job again; nobody edits what it leaves"
    if verdict.outcome is not Outcome.worst([report.outcome for report in verdict.gates]):
        yield Problem("the verdict is not that of its worst gate", _WHY, again, f"test/{layout.VERDICT}")
    left = sorted(path.name for path in (run_folder / "test/gates").glob("*"))
    if left != sorted(f"{report.gate}.json" for report in verdict.gates):
        yield Problem("the gate reports are not those of the verdict's gates", _WHY, again, "test/gates")
        return
    for report in verdict.gates:
        path = f"test/{layout.gate_report(report.gate)}"
        if report.outcome is not Outcome.worst([finding.outcome for finding in report.findings]):
            yield Problem("this gate's outcome is not that of its worst finding", _WHY, again, path)
        if find_file(run_folder, path, BYTES) != report_json(report):
            yield Problem("this is not what the verdict says of this gate", _WHY, again, path)


def _nothing_tested(run_folder: Path) -> Problem:
    if not run_folder.is_dir() or not any(run_folder.iterdir()):
        what = "the pull request's job left nothing"
        why = "it was cancelled, or it ended before anything was trained"
    else:
        what = "nothing was tested"
        why = "training left no model, or the tests could not run"
    return Problem(what, why, "read the log of the pull request's job, correct what it names, and push again")


def _log(run_folder: Path) -> tuple[str, ...]:
    try:
        data = find_file(run_folder, "train/log.txt", LOG_BYTES)
    except (MlassayError, OSError):
        return ()
    lines = (data or b"")[-64_000:].decode("utf-8", "replace").rstrip("\n").split("\n")
    return tuple(lines[-LOG_LINES:]) if data else ()


def pull_facts(repository: Repository, reported: Reported, head: str, pull: PullRequest | None) -> PullFacts:
    """The facts of a model's pull request, beside what the main line in this clone recorded."""
    tip = main_line(repository, fetch=False).tip
    policy, _ = governance_at(repository, tip)
    running = running_last(repository, tip, policy.environments)
    verdict = reported.verdict
    facts = PullFacts(
        head=head,
        pull=pull,
        verdict=verdict,
        problems=reported.problems,
        log=reported.log,
        running=running,
        newest=newest(repository, tip),
    )
    if verdict is None:
        return facts
    differing = _differing(repository, head, verdict)
    return replace(
        facts,
        agreed=None if differing is None else not differing,
        differing=differing or (),
        groups=tuple(group_rows(verdict, running.verdict if running else None)),
        weakenings=_weakenings(repository, head, verdict, running, policy),
        changed=changed_between(repository, running.source if running else None, head),
    )


def _differing(repository: Repository, head: str, verdict: Verdict) -> tuple[str, ...] | None:
    """What of the verdict's inputs and criteria is not the commit's own; None where the commit is not here."""
    try:
        repository.commit(head)
    except EvidenceError:
        return None
    try:
        inputs, criteria = inputs_at(repository, head), criteria_at(repository, head)
    except MlassayError:
        return ("ml.yaml, policy and manifests (the commit's own cannot be read)",)
    told = {role: digest for role, digest in verdict.inputs.items() if role not in {"model", "live"}}
    odd = [role for role in sorted(told.keys() | inputs.keys()) if told.get(role) != inputs.get(role)]
    gates = {report.gate: report.criteria for report in verdict.gates}
    odd += [
        f"the criteria of {gate}"
        for gate in sorted(gates.keys() | criteria.keys())
        if gate not in gates or canonical(plain(gates[gate])) != canonical(plain(criteria.get(gate, {})))
    ]
    return tuple(odd)


def _weakenings(
    repository: Repository, head: str, verdict: Verdict, running: Running | None, policy: Policy
) -> tuple[Weakening, ...]:
    """What is judged less strictly than for what runs now: by the commit's own files, else by the two verdicts."""
    try:
        old = terms_at(repository, running.source) if running and running.source else None
        return weakenings(terms_at(repository, head), old, policy)
    except EvidenceError:
        pass  # the commit, or what runs now, is not in this clone: the verdicts tell a part of it
    if running is None or running.verdict is None:
        return ()
    new, before = (_criteria(each) for each in (verdict, running.verdict))
    return weaker_criteria(new, before)


def _criteria(verdict: Verdict) -> Mapping[str, Mapping[str, Any]]:
    return {report.gate: _numbers(report.criteria) for report in verdict.gates}


def _numbers(value: Any) -> Any:
    """Decimal strings of a report as the numbers that they were in ``ml.yaml``."""
    if isinstance(value, Mapping):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(item) for item in value]
    is_number = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", value)
    return float(value) if is_number else value


def _fetch(repository: Repository, head: str, pull: PullRequest) -> None:
    """Bring the pull request's objects, to compare with; where they cannot be had the page says so."""
    remote = repository.remote(BRANCH)
    try:
        repository.commit(head)
    except EvidenceError:
        if remote is not None and pull.number:
            with suppress(RemoteError):
                repository.fetch_ref(remote, f"refs/pull/{pull.number}/head")


def report(
    repository: Repository,
    run_folder: Path,
    head: str,
    forge: Page | None,
    *,
    marker: str,
    page: Callable[[PullFacts], str],
    head_repository: str = "",
    head_branch: str = "",
    dry_run: bool = False,
) -> Posted:
    """Post what ``run_folder`` says of the commit ``head`` on its pull request's page; ``page`` renders the facts.

    RemoteError when the forge has no open pull request with this head (any more).
    """
    if not re.fullmatch(r"[0-9a-f]{40}", head):
        raise ConfigurationError(
            Problem(
                "--head is no commit's full id",
                "a page must be about exactly one commit",
                "give 40 hex digits",
            )
        )
    reported = read_reported(run_folder)
    if forge is None or dry_run:
        return Posted(pull_facts(repository, reported, head, None), posted=False)
    pull = forge.find(head, head_repository, head_branch)
    if pull is None:
        raise RemoteError(
            Problem(
                f"no open pull request has the head {head[:12]}",
                why="it was closed, or somebody pushed another commit to it, which is reported by its own run",
                remedy="nothing, unless it is open and stands at this commit: then run this again",
            )
        )
    _fetch(repository, head, pull)
    facts = pull_facts(repository, reported, head, pull)
    forge.comment(pull, marker, page(facts))
    return Posted(facts, posted=True)
