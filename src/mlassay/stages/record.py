"""The record stage: one commit on the main line with a release's evidence, whatever its verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill

from mlassay.case.main_line import BRANCH, land, main_line, time_upon
from mlassay.case.release import read_release
from mlassay.errors import ConfigurationError, EvidenceError, Problem, RemoteError
from mlassay.evidence import layout
from mlassay.evidence.codec import read_verdict
from mlassay.evidence.release import Release, read_release_json
from mlassay.evidence.verdict import Outcome, Verdict
from mlassay.files import read_file
from mlassay.git import Repository
from mlassay.ports import Verifiers

TRIES = 30  # each lost race means that somebody else's commit landed, so twenty racers all come through
MODEL_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Recorded:
    """What `record` did, or would do: ``commit`` is empty on a dry run; ``already`` says that it stood there before."""

    release: Release
    verdict: Verdict
    commit: str
    already: bool
    remote: str | None
    message: str
    paths: tuple[str, ...]
    local_is_current: bool


def record(
    repository: Repository,
    run_folder: Path,
    verifiers: Verifiers,
    *,
    dry_run: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Recorded:
    """Commit ``sign/`` of the run folder as ``evidence/<release>/`` and push it, by compare-and-swap on the main line.

    Recording the same release again changes nothing. EvidenceError when the evidence does not hold, ConfigurationError
    when other evidence stands under the same id, RemoteError when the main line kept moving on.
    """
    files = _read_folder(run_folder / "sign")
    release = read_release_json(files[layout.RELEASE], f"sign/{layout.RELEASE}")
    verdict = read_verdict(files[layout.VERDICT], f"sign/{layout.VERDICT}")
    folder = layout.evidence_dir(release.id)
    message = _message(release, verdict)
    paths = tuple(f"{folder}/{name}" for name in sorted(files))
    for _ in range(TRIES):
        line = main_line(repository, fetch=True)
        already = _stands(repository, line.tip, release, verdict)
        commit = line.tip if already else ""
        if not already:
            commit = repository.write_commit(
                line.tip,
                {f"{folder}/{name}": data for name, data in files.items()},
                message=message,
                author=repository.identity(),
                when=time_upon(repository, line.tip, clock()),
            )
            found = read_release(repository, commit, release.id, verifiers, record=commit)
            EvidenceError.raise_if_any(found.problems)
        if dry_run:
            return Recorded(
                release, verdict, "", already, line.remote, message, paths, local_is_current=False
            )
        if already or land(repository, line, commit):
            current = repository.fast_forward(BRANCH, commit)
            return Recorded(release, verdict, commit, already, line.remote, message, paths, current)
    raise RemoteError(
        Problem(
            f"the main line moved on {TRIES} times while this was being recorded",
            why="each time somebody else was quicker; nothing of theirs was overwritten",
            remedy="run mlassay record again",
        )
    )


def _stands(repository: Repository, tip: str, release: Release, verdict: Verdict) -> bool:
    """Whether this release is on the main line already; ConfigurationError when other evidence has its id."""
    folder = layout.evidence_dir(release.id)
    if repository.entry(tip, folder) is None:
        return False
    stands = repository.read(tip, f"{folder}/{layout.RELEASE}")
    if stands != release.to_bytes():
        raise ConfigurationError(
            Problem(
                f"another release is recorded as {release.id} already",
                why="evidence is only ever added; two releases share the first eight digits of their digests",
                remedy="commit any change to the sources and train again: the release gets another id",
                path=folder,
            )
        )
    data = repository.read(tip, f"{folder}/{layout.VERDICT}")
    recorded = read_verdict(data, f"{folder}/{layout.VERDICT}") if data is not None else None
    if recorded != verdict:
        outcome = recorded.outcome if recorded else "no verdict"
        raise ConfigurationError(
            Problem(
                f"release {release.id} is recorded already, with another verdict ({outcome})",
                why="evidence is only ever added: a release is not tested until it passes",
                remedy="change what made it fail, commit, and make a new release",
                path=f"{folder}/{layout.VERDICT}",
            )
        )
    return True


def _read_folder(folder: Path) -> dict[str, bytes]:
    """The files that `sign` left, by name; ConfigurationError when it left none."""
    if not folder.is_dir():
        raise ConfigurationError(
            Problem(f"there is nothing signed in {folder.parent}", remedy="mlassay sign", path=str(folder))
        )
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if not path.is_dir()]
    files = {name: read_file(folder, name, MODEL_BYTES) for name in names}
    if missing := [name for name in layout.REQUIRED if name not in files]:
        raise ConfigurationError(
            Problem(
                f"what was signed is not whole: no {', '.join(missing)}",
                remedy="mlassay sign",
                path=str(folder),
            )
        )
    return files


def _message(release: Release, verdict: Verdict) -> str:
    """The commit message: the story for people, and trailers for tools that do not decide anything by them."""
    by = {outcome: [r.gate for r in verdict.gates if r.outcome is outcome] for outcome in Outcome}
    worst = by[verdict.outcome] if verdict.outcome is not Outcome.PASSED else []
    subject = f"Record {release.id}: {verdict.outcome}" + (f" ({', '.join(worst)})" if worst else "")
    told = [f"{_list(by[outcome])} {outcome}" for outcome in Outcome if by[outcome]]
    body = (
        f"A model of {release.name!r} was trained from {release.source.commit[:12]} and tested by "
        f"{len(verdict.gates)} gates: {'; '.join(told)}."
    )
    trailers = [f"Release: {release.id}", f"Verdict: {verdict.outcome}", f"Source: {release.source.commit}"]
    reasons = [
        f"- {report.gate}: {_line(report.summary)}" for report in verdict.gates if report.gate in worst
    ]
    parts = [subject, fill(body, 76), "\n".join(reasons), "\n".join(trailers)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(text: str) -> str:
    """``text`` on one line: a summary can hold names from the data, and must not write trailers."""
    return "".join(c if c.isprintable() else " " for c in text)[:200]


def _list(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
