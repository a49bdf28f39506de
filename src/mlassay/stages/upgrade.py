"""The upgrade stage: the template's files of this mlassay into a team's repository, as an ordinary pull request.

Everything is read from the main line's git objects and written as one commit on a branch of its own: the work tree,
the index and the main line stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mlassay.case.main_line import MainLine, main_line, time_upon
from mlassay.errors import ConfigurationError, Problem, RemoteError
from mlassay.evidence import layout
from mlassay.git import MovedOn, Repository
from mlassay.ports import Forge, PullRequest
from mlassay.stages._message import message
from mlassay.stages.template import RECORD, is_newer, is_recorded, pins
from mlassay.stages.upgrade_files import CHANGED, Outcome
from mlassay.stages.upgrade_fork import Fork, Template, Wanted

BRANCH = "mlassay/upgrade-"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade comes to: one `Outcome` a file, the commit on ``branch`` ("": nothing was written) and its
    pull request. ``before`` is the template that was taken last, "" where nothing tells; ``written`` whether there
    is anything to write, which a dry run only says.
    """

    template: str
    before: str
    files: tuple[Outcome, ...]
    branch: str
    text: str = ""
    commit: str = ""
    pull: PullRequest | None = None
    already: bool = False
    remote: str = ""
    written: bool = False

    @property
    def seen(self) -> str:
        """The branch as this clone names it."""
        return f"{self.remote}/{self.branch}" if self.remote else self.branch

    @property
    def conflicts(self) -> tuple[Outcome, ...]:
        """The files that people must decide on before anything is written."""
        return tuple(file for file in self.files if file.did == "conflict")

    @property
    def changed(self) -> tuple[Outcome, ...]:
        """The files that change."""
        return tuple(file for file in self.files if file.did in CHANGED)


def upgrade(
    repository: Repository,
    forge: Forge,
    template: Template,
    now: datetime,
    wanted: Wanted | None = None,
    *,
    dry_run: bool = False,
) -> Upgrade:
    """Open a pull request that brings the main line to ``template`` with the team's changes kept; none on a conflict.

    ConfigurationError when the repository is ahead of this template, or what was ``wanted`` is not its to change;
    RemoteError when the branch stands already with something else.
    """
    wanted = wanted or Wanted()
    line = main_line(repository, fetch=True)
    fork = Fork(repository, line.tip, template, wanted.all)
    _allowed(fork, wanted)
    files = tuple(fork.outcomes(wanted))
    branch = BRANCH + template.version
    before = fork.record.template if fork.record else ""
    text = _text(template.version, files)
    done = Upgrade(template.version, before, files, branch, text, remote=line.remote or "")
    record = fork.recorded(files)
    # That a team keeps its own version is to be remembered even where no file changes by it.
    if done.conflicts or not (done.changed or (wanted.ours and record != fork.record)):
        return done
    done = replace(done, written=True)
    changes = {**{file.path: file.data for file in done.changed}, RECORD: record.to_bytes()}
    stands = _standing(repository, line, branch)
    already = stands is not None and _holds(repository, stands, line.tip, changes)
    if stands is not None and not already:
        raise RemoteError(_in_the_way(line, branch))
    if dry_run:
        return replace(done, commit=stands or "", already=already)
    commit = stands or _commit(repository, line.tip, changes, done.text, now)
    try:
        pull = forge.open(branch, commit, title=done.text.partition("\n")[0], body=_body(done))
    except MovedOn as error:
        raise RemoteError(_in_the_way(line, branch)) from error
    return replace(done, commit=commit, pull=pull, already=already)


def _allowed(fork: Fork, wanted: Wanted) -> None:
    problems = [problem for path in wanted.all if (problem := _not_ours(fork, path)) is not None]
    if both := sorted(set(wanted.ours) & set(wanted.theirs)):
        problems.append(Problem("only one version of it can stand", path=both[0]))
    ahead = [pin[1] for path, data in fork.workflows() for pin in pins(path, data) if pin[1]]
    ahead += [fork.record.template] if fork.record else []
    if newer := [version for version in ahead if is_newer(version, fork.version)]:
        problems.append(
            Problem(
                f"this repository uses mlassay {newer[0]}, and this is {fork.version}",
                why="an upgrade never goes back",
                remedy="pip install --upgrade mlassay, then run it again",
            )
        )
    ConfigurationError.raise_if_any(problems)


def _not_ours(fork: Fork, path: str) -> Problem | None:
    if layout.is_guarded(path) or layout.is_lookalike(path):
        remedy = "edit it, then: mlassay propose"
        return Problem("this is guarded: it changes by a request that people approve", "", remedy, path)
    recorded = fork.record is not None and path in fork.record.files
    if not is_recorded(path) or (path not in fork.files and not recorded):
        names = ", ".join(sorted(name for name in fork.files if is_recorded(name)))
        return Problem("the template has no such file to take", "", f"it has: {names}", path)
    return None


def _commit(
    repository: Repository, tip: str, changes: Mapping[str, bytes | None], text: str, now: datetime
) -> str:
    when, who = time_upon(repository, tip, now), repository.identity()
    return repository.write_commit(tip, changes, message=text, author=who, when=when)


def _standing(repository: Repository, line: MainLine, branch: str) -> str | None:
    if line.remote is None:
        return repository.branch(branch)
    ref = f"refs/remotes/{line.remote}/{branch}"
    return repository.refs(ref).get(ref)


def _holds(repository: Repository, head: str, tip: str, changes: Mapping[str, bytes | None]) -> bool:
    """Whether ``head``, put upon the main line, brings just these ``changes``."""
    base = repository.merge_base(tip, head)
    touched = {change.path for change in repository.changes(base, head)} if base else set()
    return touched == set(changes) and all(
        repository.read(head, path) == data for path, data in changes.items()
    )


def _in_the_way(line: MainLine, branch: str) -> Problem:
    delete = f"git push {line.remote} --delete {branch}" if line.remote else f"git branch -D {branch}"
    return Problem(
        f"the branch {branch} stands already, with something else on it",
        why="it may hold somebody's work, or an upgrade of an older main line",
        remedy=f"merge it, or delete it ({delete}), then run the command again",
    )


def _text(version: str, files: Sequence[Outcome]) -> str:
    points = [f"{file.path}: {_WORDS[file.did]} ({file.why})" for file in files if file.did in CHANGED]
    return message(
        f"Upgrade to the template of mlassay {version}",
        [
            "The files by which this repository calls mlassay, brought up to date. Your own changes of them are kept."
        ],
        points,
        [],
    )


def _body(done: Upgrade) -> str:
    kept = [f"- {file.path}: {file.why}" for file in done.files if file.did == "kept"]
    return done.text + ("\nLeft as they are:\n\n" + "\n".join(kept) + "\n" if kept else "")


_WORDS = {
    "added": "added",
    "taken": "the template's",
    "merged": "merged",
    "pins": "pins moved",
    "removed": "removed",
}
