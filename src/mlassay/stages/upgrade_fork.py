"""A team's repository as an upgrade sees it: what each file was, is and becomes, and the record of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from mlassay.digest import sha256
from mlassay.evidence import layout
from mlassay.files import read_yaml
from mlassay.git import Repository
from mlassay.stages.init import personalise
from mlassay.stages.template import RECORD, WORKFLOWS, Record, is_calling, pin_of, pinned
from mlassay.stages.upgrade_files import CHANGED, Outcome, Sides, chosen, outcome

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


class Fork:
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

    def workflows(self) -> Iterator[tuple[str, bytes]]:
        """Every workflow of the main line, by path."""
        for path, entry in self.repository.tree(self.tip, WORKFLOWS.rstrip("/")).items():
            if entry.is_file and path.endswith((".yml", ".yaml")):
                yield path, self.repository.blob(entry.id, path)

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
        for path, raw in self.workflows():
            if path not in known and (data := pinned(path, raw, self.pin)) != raw:
                yield Outcome(path, "pins", "a workflow of your own; its pins move", data)


def _personal(repository: Repository, tip: str, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The template with this team's model and owner put in, where ml.yaml says them."""
    told = repository.read(tip, layout.CONFIG)
    if told is None:
        return files
    config = read_yaml(layout.CONFIG, told)
    return personalise(files, name=str(config.get("name")), owner=str(config.get("owner")))
