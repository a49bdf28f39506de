"""What a redacted export leaves out: every version of every file that a manifest calls personal, and what repeats it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mlassay.audit.export.types import LeftOut
from mlassay.audit.export.values import Values
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError
from mlassay.evidence import layout
from mlassay.git import Corrupt, Repository
from mlassay.manifest import Manifest, load_manifest

SEARCHED = 256 << 20  # bytes; a larger file is not searched, so it is left out

LISTED = "a manifest lists it, and says that it holds personal data or special categories"
COPY = "its digest is that of a file that a manifest calls personal"
UNREAD = "a manifest beside it cannot be read, so nobody can tell what it holds"
REPEATS = "it repeats a row or a value of data that a manifest calls personal"
CLOSED = "it is no plain text, so nobody can see whether it repeats personal data"
LARGE = "it is too large to be searched for personal data"


@dataclass
class Line:
    """Every file of the first-parent line: blob to the paths where it ever stood."""

    paths: dict[str, set[str]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, repo: Repository, head: str) -> Line:
        """Read the whole line once; submodules are no files."""
        line = cls()
        for commit, path, mode, id_ in repo.line_files(head):
            if mode != "160000":
                line.paths.setdefault(id_, set()).add(path)
                line.commits.setdefault(id_, commit)
        return line


@dataclass
class Redaction:
    """What is left out so far, and what to look for in the rest."""

    repo: Repository
    line: Line
    say: Callable[[str], None]
    why: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    values: Values = field(default_factory=lambda: Values({}))

    def run(self) -> None:
        """Leave out what manifests list, learn its values, then search everything else for them."""
        manifests, unread = self._manifests()
        personal = [one for one in manifests if one.personal_data or one.special_categories]
        if not personal and not unread:
            return
        self.values = Values.of(manifests)
        paths = {_in_repository(file.path) for one in personal for file in one.files}
        digests = {file.digest for one in personal for file in one.files}
        for id_, stood in self.line.paths.items():
            if stood & paths:
                self._learn(id_, LISTED)
            elif unread and any(_may_be_data(path) for path in stood):
                self._learn(id_, UNREAD)
        while self._search_all(digests):
            pass  # a table that was found to repeat rows has told of more people

    def left_out(self) -> tuple[LeftOut, ...]:
        """Everything that stays behind, by path."""
        found = [
            LeftOut(id_, tuple(sorted(self.line.paths[id_])), self.sizes[id_], self.digests.get(id_, ""), why)
            for id_, why in self.why.items()
        ]
        return tuple(sorted(found, key=lambda one: (one.paths, one.blob)))

    def names_hold(self) -> list[str]:
        """Paths of the line that hold a value themselves; no tree can be left out, so these cannot be hidden."""
        paths = sorted({path for stood in self.line.paths.values() for path in stood})
        return [path for path in paths if self.values.found_in(path.encode("utf-8", "surrogateescape"))]

    def messages_hold(self, head: str) -> Iterator[str]:
        """Commits of the line whose messages hold a value."""
        if self.values.words or self.values.rows:
            for commit in self.repo.first_parents(head):
                if self.values.found_in(commit.message.encode("utf-8", "surrogateescape")):
                    yield commit.id

    def _manifests(self) -> tuple[list[Manifest], bool]:
        found, unread = [], False
        for id_, stood in self.line.paths.items():
            for path in stood:
                if layout.is_guarded(path) and path.startswith("data/"):
                    try:
                        found.append(load_manifest(path, self.repo.blob(id_, path)))
                    except (ConfigurationError, UnicodeDecodeError):
                        unread = True
        return found, unread

    def _learn(self, id_: str, why: str) -> None:
        size = self._size(id_)
        self.why[id_] = why
        if size <= SEARCHED:
            data = self.repo.blob(id_, _first(self.line.paths[id_]))
            self.digests[id_] = sha256(data)
            self.values.add(data)

    def _search_all(self, digests: set[str]) -> bool:
        """Search every file that is still in; whether any of those found is itself a table to learn from."""
        kept, learned = [id_ for id_ in self.line.paths if id_ not in self.why], False
        for number, id_ in enumerate(kept, 1):
            if number % 100 == 1:
                self.say(f"file {number:,} of {len(kept):,}: does it repeat personal data?")
            learned = self._search(id_, digests) or learned
        return learned

    def _search(self, id_: str, digests: set[str]) -> bool:
        if self._size(id_) > SEARCHED:
            self.why[id_] = LARGE
            return False
        if self.line.paths[id_] == {layout.PEOPLE}:
            return (
                False  # the keys are nothing without it, and it names those who sign, not those in the data
            )
        data = self.repo.blob(id_, _first(self.line.paths[id_]))
        digest, closed = sha256(data), _is_closed(data)
        if digest in digests:
            reason = COPY
        elif self.values.found_in(data, closed=closed):
            reason = REPEATS
        elif closed and not all(path.startswith(layout.EVIDENCE) for path in self.line.paths[id_]):
            reason = CLOSED
        else:
            return False
        self.why[id_], self.digests[id_] = reason, digest
        if reason != CLOSED and self.values.is_table(data):
            self.values.add(data)
            return True
        return False

    def _size(self, id_: str) -> int:
        if id_ not in self.sizes:
            path = _first(self.line.paths[id_])
            entry = self.repo.entry(self.line.commits[id_], path)
            if entry is None or entry.size is None:
                raise Corrupt(id_, path)
            self.sizes[id_] = entry.size
        return self.sizes[id_]


def _first(paths: set[str]) -> str:
    return min(paths)


def _in_repository(path: str) -> str:
    """A manifest names files from the repository's root."""
    return path.removeprefix("./")


def _may_be_data(path: str) -> bool:
    return (
        path.startswith("data/")
        and not layout.is_guarded(path)
        and not path.endswith((".missing.md", "README.md"))
    )


def _is_closed(data: bytes) -> bool:
    """Whether the bytes are not text that can be read as it stands (archives, tables in binary, other encodings)."""
    try:
        return "\0" in data.decode("utf-8")
    except UnicodeDecodeError:
        return True
