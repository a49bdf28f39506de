"""The upgrade stage: the template's files of this mlassay into a team's repository, as an ordinary pull request.

Everything is read from the main line's git objects and written as one commit on a branch of its own: the work tree,
the index and the main line stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from mlassay.case.main_line import MainLine, main_line, time_upon
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, Problem, RemoteError
from mlassay.evidence import layout
from mlassay.files import read_yaml
from mlassay.git import MovedOn, Repository
from mlassay.ports import Forge, PullRequest
from mlassay.stages._message import message
from mlassay.stages.init import personalise
from mlassay.stages.template import (
    RECORD,
    WORKFLOWS,
    Record,
    is_calling,
    is_newer,
    is_recorded,
    pin_of,
    pinned,
    pins,
)
from mlassay.stages.upgrade_files import CHANGED, Outcome, Sides, chosen, outcome

BRANCH = "mlassay/upgrade-"
MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Template:
    """The template of one mlassay: its files, and by path the digests of all that released ones ever held."""

    version: str
    files: Mapping[str, bytes]
    known: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What people asked for: files by name besides those of `is_calling`, and whose version stands where two collide."""

    named: Sequence[str] = ()
    ours: Sequence[str] = ()
    theirs: Sequence[str] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every path that was named."""
        return (*self.named, *self.ours, *self.theirs)


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
    fork = _Fork(repository, line.tip, template, wanted.all)
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
    if stands is not None and _holds(repository, stands, line.tip, changes):
        return replace(done, commit=stands, already=True)
    if stands is not None:
        raise RemoteError(_in_the_way(line, branch))
    if dry_run:
        return done
    when = time_upon(repository, line.tip, now)
    who = repository.identity()
    commit = repository.write_commit(line.tip, changes, message=done.text, author=who, when=when)
    try:
        pull = forge.open(branch, commit, title=done.text.partition("\n")[0], body=_body(done))
    except MovedOn as error:
        raise RemoteError(_in_the_way(line, branch)) from error
    return replace(done, commit=commit, pull=pull)


class _Fork:
    """The team's repository at one commit of its main line."""

    def __init__(self, repository: Repository, tip: str, template: Template, asked: Collection[str]) -> None:
        self.repository, self.tip = repository, tip
        calling = all(is_calling(path) for path in asked)
        self.files = template.files if calling else _personal(repository, tip, template.files)
        self.version, self.known = template.version, template.known
        told = repository.read(tip, RECORD)
        self.record = Record.parse(told) if told is not None else None
        self.pin = pin_of({path: data for path, data in self.files.items() if path.startswith(WORKFLOWS)})

    def outcomes(self, wanted: Wanted) -> Iterator[Outcome]:
        """What becomes of each file that is the upgrade's, or was asked for by name."""
        known = {*self.files, *self.known, *(self.record.files if self.record else ())}
        for path in sorted({path for path in known if is_calling(path)} | set(wanted.all)):
            if (entry := self.repository.entry(self.tip, path)) is not None and not entry.is_file:
                yield Outcome(path, "kept", "it is no plain file here, so it is your own", odd=True)
                continue
            sides = self.sides(path)
            if path in wanted.theirs:
                yield chosen(path, sides, "theirs")
            elif path in wanted.ours:
                yield chosen(path, sides, "ours")
            else:
                yield outcome(path, sides, self.repository.merge_file)
        yield from self._other_workflows(known)

    def sides(self, path: str) -> Sides:
        """The three sides of a file, all with the new pins."""
        raw = self.repository.read(self.tip, path)
        ours = None if raw is None else pinned(path, raw, self.pin)
        base = self._base(path, raw)
        return Sides(
            ours=ours,
            base=None if base is None else pinned(path, base, self.pin),
            now=self.files.get(path),
            taken=None if self.record is None else path in self.record.files,
            was_here=raw is None and next(self._versions(path), None) is not None,
            moved=ours != raw,
        )

    def recorded(self, files: Sequence[Outcome]) -> Record:
        """The record after the upgrade: what each file of ours is in the template now."""
        digests = dict(self.record.files if self.record else {})
        bases = dict(self.record.bases if self.record else {})
        for file in files:
            now = self.files.get(file.path)
            if now is None:
                digests.pop(file.path, None)
                bases.pop(file.path, None)
                continue
            own = self.record is not None and file.path not in self.record.files
            if file.odd or (own and file.did in ("kept", "pins")):
                continue
            digests[file.path] = sha256(now)
            bases.pop(file.path, None)
            stands = file.data if file.did in CHANGED else self.repository.read(self.tip, file.path)
            if stands is not None and stands != now:
                bases[file.path] = now
        return Record(self.version, digests, bases)

    def _base(self, path: str, raw: bytes | None) -> bytes | None:
        """The bytes that the team took from the template; None when nothing tells, or they are nowhere."""
        if self.record is not None and path in self.record.bases:
            return self.record.bases[path]
        if self.record is not None and path not in self.record.files:
            return None
        now = self.files.get(path)
        candidates = (data for data in (raw, now) if data is not None)
        return next(
            (data for data in chain(candidates, self._versions(path)) if self._taken(path, data)), None
        )

    def _taken(self, path: str, data: bytes) -> bool:
        """Whether these bytes are what the team took; without a record, whether any template that is known had them."""
        if self.record is not None:
            return sha256(data) == self.record.files[path]
        return sha256(data) in self.known.get(path, ()) or (
            data is not self.files.get(path) and pinned(path, data, self.pin) == self.files.get(path)
        )

    def _versions(self, path: str) -> Iterator[bytes]:
        """What the file held along the main line, newest first."""
        for commit in self.repository.first_parents(self.tip, paths=[path]):
            entry = self.repository.entry(commit.id, path)
            if entry is not None and entry.is_file and (entry.size or 0) <= MOST:
                yield self.repository.blob(entry.id, path)

    def _other_workflows(self, known: Collection[str]) -> Iterator[Outcome]:
        """Workflows of the team's own that call ours: only their pins move."""
        for path, entry in self.repository.tree(self.tip, WORKFLOWS.rstrip("/")).items():
            if path in known or not entry.is_file or not path.endswith((".yml", ".yaml")):
                continue
            raw = self.repository.blob(entry.id, path)
            if (data := pinned(path, raw, self.pin)) != raw:
                yield Outcome(path, "pins", "a workflow of your own; its pins move", data)


def _allowed(fork: _Fork, wanted: Wanted) -> None:
    problems = [problem for path in wanted.all if (problem := _not_ours(fork, path)) is not None]
    if both := sorted(set(wanted.ours) & set(wanted.theirs)):
        problems.append(Problem("only one version of it can stand", path=both[0]))
    ahead = [pin[1] for path, data in _workflows(fork) for pin in pins(path, data) if pin[1]]
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


def _not_ours(fork: _Fork, path: str) -> Problem | None:
    if layout.is_guarded(path) or layout.is_lookalike(path):
        remedy = "edit it, then: mlassay propose"
        return Problem("this is guarded: it changes by a request that people approve", "", remedy, path)
    recorded = fork.record is not None and path in fork.record.files
    if not is_recorded(path) or (path not in fork.files and not recorded):
        names = ", ".join(sorted(name for name in fork.files if is_recorded(name)))
        return Problem("the template has no such file to take", "", f"it has: {names}", path)
    return None


def _workflows(fork: _Fork) -> Iterator[tuple[str, bytes]]:
    for path, entry in fork.repository.tree(fork.tip, WORKFLOWS.rstrip("/")).items():
        if entry.is_file:
            yield path, fork.repository.blob(entry.id, path)


def _personal(repository: Repository, tip: str, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The template with this team's model and owner put in, where ml.yaml says them."""
    told = repository.read(tip, layout.CONFIG)
    if told is None:
        return files
    config = read_yaml(layout.CONFIG, told)
    return personalise(files, name=str(config.get("name")), owner=str(config.get("owner")))


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
