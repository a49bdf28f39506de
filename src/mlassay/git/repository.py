"""One repository, as the rest of the house sees it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import IO

from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.git import (
    _ahead,
    _bundle,
    _checkout,
    _command,
    _dead,
    _fsck,
    _graphs,
    _history,
    _landings,
    _merge,
    _remote,
    _revisions,
    _worktree,
    _write,
)
from mlassay.git._command import Result
from mlassay.git._credentials import Credential
from mlassay.git._objects import Objects, kind_of, shallow
from mlassay.git._values import (
    FILE_MODES,
    TREE_MODE,
    Change,
    Commit,
    Entry,
    Identity,
    Landing,
    full_id,
    full_ref,
    path_parts,
)

FILE_BYTES = 64 << 20
"""The most that a file may have that is read whole without another bound."""
FEW_CHANGES, MOST_CHANGES = 1_000, 16
MOST_MADE = 4
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*\.(.+\.)?[A-Za-z][A-Za-z0-9-]*", re.DOTALL)


class Repository:
    """A git repository; everything read from it by id is held against that id first.

    ``folder`` is the work tree's root, or the git directory where there is none. Ids are full, in
    lower-case hex; paths are relative to the root and use ``/``. Safe to share between threads.
    """

    def __init__(self, worktree: Path | None, git_dir: Path, common_dir: Path) -> None:
        self.worktree = worktree
        self.git_dir = git_dir
        self.folder = worktree or git_dir
        self._common_dir = common_dir
        self._credential: Credential | None = None
        self._objects = Objects(self.folder, git_dir, common_dir)
        self._lines = _history.Lines(self._objects, self.folder)
        self._lock = threading.Lock()
        # A landing is asked for what it changed by everything that judges it.
        self._changed: dict[tuple[str | None, str], tuple[Change, ...]] = {}
        self._made: dict[tuple[str | None, str], Sequence[Landing]] = {}

    def __repr__(self) -> str:
        return f"Repository({str(self.folder)!r})"

    @classmethod
    def open(cls, path: Path) -> Repository:
        """The repository at or above ``path``; ConfigurationError when there is none that may be read."""
        asked = [
            "--is-bare-repository",
            "--is-inside-work-tree",
            "--show-object-format",
            "--git-dir",
            "--git-common-dir",
        ]
        result = _command.run(["rev-parse", "--path-format=absolute", *asked], path)
        lines = os.fsdecode(result.out).splitlines()
        if result.code or len(lines) != len(asked):
            remedy = "run it inside a git repository, or name one with -C DIR; git init makes one"
            raise _command.failure(result, "this is no git repository", path=str(path), remedy=remedy)
        bare, inside, algorithm, git_dir, common_dir = lines
        if algorithm != "sha1":
            raise ConfigurationError(
                Problem(
                    f"this repository names its objects by {algorithm}; mlassay reads sha1 only",
                    path=str(path),
                )
            )
        worktree = None
        if bare == "false" and inside == "true":
            top = _command.run(["rev-parse", "--path-format=absolute", "--show-toplevel"], path)
            worktree = Path(os.fsdecode(top.out).removesuffix("\n"))
        return cls(worktree, Path(git_dir), Path(common_dir))

    @classmethod
    def init(cls, path: Path, *, bare: bool = False, branch: str = "main") -> Repository:
        """A new, empty repository at ``path``; one that is already there is opened unharmed."""
        full_ref(f"refs/heads/{branch}")
        _remote.make_folder(path)
        # GitPython loads slowly, so it serves where people set something up; what reads the record waits for nothing.
        from git import GitCommandError, Repo

        try:
            with _command.scrubbed():
                Repo.init(path, mkdir=False, quiet=True, initial_branch=branch, bare=bare).close()
        except GitCommandError as error:
            said = Result(error.status if isinstance(error.status, int) else 1, b"", str(error.stderr))
            raise _command.failure(said, "git cannot make a repository here", path=str(path)) from error
        return cls.open(path)

    @classmethod
    def clone(
        cls,
        source: str | Path,
        path: Path,
        *,
        bare: bool = False,
        branch: str | None = None,
        depth: int | None = None,
    ) -> Repository:
        """A clone of ``source`` (URL or path) at ``path``, its remote called origin; RemoteError when it fails."""
        if branch is not None:
            full_ref(f"refs/heads/{branch}")
        _remote.clone(source, path, bare=bare, branch=branch, depth=depth)
        return cls.open(path)

    def close(self) -> None:
        """End the lasting git process of this repository; it starts again when needed."""
        self._lines.forget()
        self._objects.close()

    # Objects

    def resolve(self, revision: str) -> str:
        """The id of the commit that ``revision`` names; a branch goes before a tag of the same name.

        ConfigurationError when there is none; Corrupt when it is there and damaged.
        """
        return _revisions.resolve(self.folder, self._objects, revision)

    def commit(self, id: str) -> Commit:  # noqa: A002  the word of git's own manuals
        """The commit with this id, verified."""
        return self._objects.commit(id)

    def tree(self, commit: str, prefix: str = "") -> dict[str, Entry]:
        """All files, links and submodules at or below ``prefix``, by full path, sorted."""
        parts = path_parts(prefix)
        node = self._objects.lookup(self.commit(commit).tree, parts)
        path = "/".join(parts)
        if node is None:
            return {}
        return self._objects.entries(
            self._objects.files(node[1], path) if node[0] == TREE_MODE else {path: node}
        )

    def paths(self, commit: str) -> Iterator[str]:
        """The paths of all files, links and submodules, sorted, one after the other: nothing of them is held."""
        return (path for path, _ in self._objects.below(self.commit(commit).tree))

    def entry(self, commit: str, path: str) -> Entry | None:
        """The file or the folder at ``path`` (``""``: the root folder); None when there is nothing."""
        node = self._objects.lookup(self.commit(commit).tree, path_parts(path))
        return None if node is None else self._objects.entries({path: node})[path]

    def names(self, commit: str, folder: str) -> tuple[str, ...]:
        """The names right below a folder of a commit; none where there is no folder."""
        path = path_parts(folder)
        node = self._objects.lookup(self.commit(commit).tree, path)
        there = node is not None and node[0] == TREE_MODE
        return tuple(self._objects.nodes(node[1], "/".join(path))) if node and there else ()

    def blob(self, id: str, path: str = "") -> bytes:  # noqa: A002  the same
        """Bytes of a blob, verified; Corrupt, naming ``path``, when they are not what the id promises."""
        return self._objects.read(id, "blob", path)

    def prefetch(self, entries: Iterable[Entry]) -> None:
        """Read the small blobs among entries in one go, for `blob` and `read` to find; says nothing of what is amiss."""
        self._objects.prefetch([entry.id for entry in entries if entry.kind == "blob"])

    def read(self, commit: str, path: str, *, most: int = FILE_BYTES) -> bytes | None:
        """Bytes of the plain file at ``path``, verified; None when nothing is there.

        EvidenceError when it is a link, a folder or a submodule, or has more than ``most`` bytes.
        """
        node = self._objects.lookup(self.commit(commit).tree, path_parts(path))
        if node is None:
            return None
        if node[0] not in FILE_MODES:
            raise EvidenceError(
                Problem(
                    f"this is not a plain file in commit {commit[:12]} (mode {node[0]}, {kind_of(node[0])})",
                    why="a link or a submodule can show other bytes to each reader",
                    path=path,
                    rule="tree",
                )
            )
        return self._objects.read(node[1], "blob", path, most)

    # History

    def first_parents(
        self, head: str, *, paths: Sequence[str] = (), until: str | None = None
    ) -> Iterator[Commit]:
        """The first-parent line from ``head``, newest first, up to but without ``until``.

        With ``paths`` (files or folders) only commits where one of them differs from the first parent. A line
        that does not hold ``until`` is walked to its root.
        """
        return self._lines.first_parents(full_id(head), paths, until)

    def touching(self, head: str, paths: Sequence[str]) -> list[str]:
        """Ids of the commits that `first_parents` gives for these paths, newest first."""
        return self._lines.touching(full_id(head), paths)

    def read_ahead(self, commits: Sequence[str], within: Iterable[str]) -> None:
        """Read together what will be asked of commits: what they changed below these names of the root folder; tells nothing."""
        _ahead.read_ahead(self._objects, commits, frozenset(within), self._lines.knows)

    def root_names(self, head: str) -> set[str]:
        """Every name that ever lay in the root folder on the first-parent line of ``head``, and perhaps others."""
        return self._lines.root_names(full_id(head))

    def commits_between(self, base: str | None, head: str) -> Iterator[Commit]:
        """Commits that ``head`` reaches and ``base`` does not, over all parents, children before parents."""
        return map(self.commit, self._ids_between(base, head))

    def _ids_between(self, base: str | None, head: str) -> list[str]:
        exclude = [f"^{full_id(base)}"] if base else []
        listed = self._git("rev-list", "--topo-order", "--end-of-options", full_id(head), *exclude)
        if listed.code:
            raise self._unreadable(listed, head, *([base] if base else []))
        ids = listed.text.split()
        if not self._objects.boundary.isdisjoint(ids):
            raise ConfigurationError(shallow("its history ends before the commits that were asked for"))
        return ids

    def landed_between(self, base: str | None, head: str) -> Iterator[Landing]:
        """As `commits_between`, in no order and with less of each: quickest where the line was walked before."""
        found = self._lines.places(base and full_id(base), full_id(head))
        if found is None:
            yield from _landings.landings(self._objects, self._ids_between(base, head))
            return
        chain, landed, top, bottom = found
        for number in range(top, bottom):
            yield Landing(
                chain.id(number), *chain.people(number), chain.parents(number), chain.top_names(number)
            )
            yield from _landings.landings(self._objects, list(landed.with_commit(number)))

    def makers_between(self, base: str | None, head: str) -> Iterator[Landing]:
        """As `landed_between`; of commits by the same people with the same names only one, but for merges."""
        found = self._lines.places(base and full_id(base), full_id(head))
        if found is None:
            yield from self._makers(base, head)
            return
        chain, landed, top, bottom = found
        merges = chain.merges(top, bottom)
        for number in (*chain.unlike(top, bottom), *merges):
            yield Landing(
                chain.id(number), *chain.people(number), chain.parents(number), chain.top_names(number)
            )
        beside = [id_ for number in merges for id_ in landed.with_commit(number)]
        yield from _landings.landings(self._objects, beside)

    def _makers(self, base: str | None, head: str) -> Sequence[Landing]:
        """`makers_between` where no line was walked; remembered, for one release is asked for by several environments."""
        made = self._made.get((base, head))
        if made is None:
            made = _landings.makers(_landings.landings(self._objects, self._ids_between(base, head)))
            with self._lock:
                if len(made) <= FEW_CHANGES:
                    self._made[base, head] = made
                while len(self._made) > MOST_MADE:
                    self._made.pop(next(iter(self._made)))
        return made

    def changes(self, old: str | None, new: str) -> list[Change]:
        """Files that differ between two commits, sorted by path, without guesses at renames; None is empty."""
        before, after = self.commit(old).tree if old else None, self.commit(new).tree
        found = self._changed.get((before, after))
        if found is None:
            found = tuple(_history.changes(self._objects, before, after))
            with self._lock:
                if len(found) <= FEW_CHANGES:
                    self._changed[before, after] = found
                while len(self._changed) > MOST_CHANGES:
                    self._changed.pop(next(iter(self._changed)))
        return list(found)

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether ``descendant`` reaches ``ancestor`` over any parents; a commit is its own ancestor."""
        result = self._git("merge-base", "--is-ancestor", full_id(ancestor), full_id(descendant))
        if result.code > 1:
            raise self._unreadable(result, ancestor, descendant)
        if result.code and self.is_shallow:
            raise ConfigurationError(shallow("whether one commit descends from another cannot be told"))
        return result.code == 0

    def on_first_parent_line(self, commit: str, head: str) -> bool:
        """Whether ``commit`` lies on the first-parent line of ``head``, itself included."""
        return self._lines.on_line(full_id(commit), full_id(head))

    def first_parents_to(self, commit: str, head: str) -> int | None:
        """How many first parents ``head`` is away from ``commit``; None when that is not on its first-parent line."""
        return self._lines.place(full_id(commit), full_id(head))

    def line_length(self, head: str) -> int:
        """How many commits the first-parent line of ``head`` has, itself and the first one included."""
        return self._lines.length(full_id(head))

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor; None when the two histories share nothing."""
        result = self._git("merge-base", full_id(one), full_id(other))
        if result.code > 1:
            raise self._unreadable(result, one, other)
        if self.is_shallow and not result.text:
            raise ConfigurationError(shallow("where two histories part cannot be told"))
        return result.text or None

    def merged_changes(self, one: str, other: str) -> list[Change] | None:
        """Files of ``one`` that a merge of ``other`` would change, as git itself merges: renames and several bases included.

        None when it would collide, or this git (before 2.38) cannot tell without a work tree.
        """
        result = self._git("merge-tree", "--write-tree", "--no-messages", full_id(one), full_id(other))
        if result.code:
            self.commit(one), self.commit(other)  # an id that is not there is an error, and no collision
            return None
        return _history.changes(self._objects, self.commit(one).tree, full_id(result.text))

    @property
    def is_shallow(self) -> bool:
        """Whether the history was cut off when it was cloned or fetched."""
        return self._objects.is_shallow

    @property
    def is_partial(self) -> bool:
        """Whether objects were left out when it was cloned (``--filter``)."""
        return self._objects.is_partial

    def replaced(self) -> list[str]:
        """Ids for which ``refs/replace`` offers another object; every read here ignores it."""
        return sorted(name.rpartition("/")[2] for name in self.refs("refs/replace/"))

    def grafts(self) -> list[str]:
        """Ids of commits that ``info/grafts`` gives other parents; every read here ignores it."""
        file = self._common_dir / "info" / "grafts"
        lines = file.read_text("utf-8", "replace").splitlines() if file.is_file() else []
        return sorted({line.split()[0] for line in lines if line.strip() and not line.startswith("#")})

    def lying_graph(self) -> str:
        """What git's cache of parents says otherwise than the commits, in git's words ("": nothing); no read here asks it."""
        return _graphs.lying_graph(self.folder, self._common_dir)

    def fsck(self) -> list[Problem]:
        """Everything wrong with any object, strictly; empty when all is well."""
        return _fsck.fsck(self.folder, self._common_dir, self._objects)

    def fsck_aside(self) -> Callable[[], list[Problem]]:
        """Start `fsck` in a process of its own beside whatever comes next; calling what is returned waits for its answer."""
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fsck")
        answer = pool.submit(self.fsck)
        pool.shutdown(wait=False)
        return answer.result

    @staticmethod
    def merge_file(ours: bytes, base: bytes, theirs: bytes) -> tuple[bytes, bool]:
        """``(merged, clean)`` of a text that became ``ours`` here and ``theirs`` there; markers where they collide."""
        return _merge.merge_file(ours, base, theirs)

    # For another machine

    def write_bundle(self, head: str, ref: str, target: Path) -> None:
        """Write a git bundle of all that ``head`` reaches, as ``ref``; the same bytes from any clone, by one git."""
        listing = target.with_name(f"{target.name}.objects")
        _bundle.list_objects(self.folder, full_id(head), listing, line=False)
        _bundle.write_bundle(self.folder, head, full_ref(ref), listing, target)
        listing.unlink()

    def write_pack(self, head: str, target: Path, left_out: Collection[str]) -> None:
        """Write a pack of the first-parent line's commits, folders and files, but for the ids in ``left_out``."""
        listing, kept = (target.with_name(f"{target.name}.{word}") for word in ("objects", "kept"))
        _bundle.list_objects(self.folder, full_id(head), listing, line=True)
        _bundle.without(listing, left_out, kept)
        with target.open("wb") as out:
            _bundle.write_pack(self.folder, kept, out)
        listing.unlink()
        kept.unlink()

    def line_files(self, head: str) -> Iterator[tuple[str, str, str, str]]:
        """``(commit, path, mode, id)`` of each file that came in or changed on the first-parent line, newest first.

        Not held against ids: for what is to be read afterwards.
        """
        return _bundle.line_files(self.folder, full_id(head))

    def copy_blob(self, id: str, out: IO[bytes], path: str = "") -> None:  # noqa: A002  the word of git's own manuals
        """Append a blob to an open file (read and write) without holding it whole; Corrupt as for `blob`."""
        _bundle.copy_blob(self.folder, full_id(id), out, path)

    # Work tree

    def uncommitted(self, *, ignored_prefixes: Sequence[str] = ()) -> list[str]:
        """Modified, staged and untracked paths (not those that ``.gitignore`` names); no filter of the repository runs."""
        return _worktree.uncommitted(self._tree_folder(), ignored_prefixes)

    def worktree_differences(self, commit: str, prefixes: Sequence[str]) -> list[Change]:
        """Files at or below ``prefixes`` whose raw bytes or modes on disk are not the commit's; also missing or added."""
        return _worktree.differences(self._objects, self._tree_folder(), self.commit(commit).tree, prefixes)

    # Refs and people

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Full names of the local refs that begin with ``prefix`` and the ids that they name."""
        listed = self._git("for-each-ref", "--format=%(objectname) %(refname)")
        if listed.code:
            raise _command.failure(listed, "git cannot list its refs", path=str(self.folder))
        pairs = (line.split(" ", 1) for line in listed.text.splitlines())
        return {name: id_ for id_, name in pairs if name.startswith(prefix)}

    def head(self) -> str | None:
        """The commit that is checked out; None before the first commit."""
        return _revisions.tip(self.folder, "HEAD")

    def branch(self, name: str) -> str | None:
        """The tip of a local branch; None when there is no such branch."""
        return _revisions.tip(self.folder, full_ref(f"refs/heads/{name}"))

    def current_branch(self) -> str | None:
        """The branch that is checked out, born or not; None for a detached HEAD."""
        return self._git("symbolic-ref", "--quiet", "--short", "HEAD").text or None

    def identity(self) -> Identity:
        """The name and address that git is configured with; ConfigurationError when it has none."""
        result = self._git("var", "GIT_COMMITTER_IDENT")
        found = re.fullmatch(r"(.+) <([^<>]+)> \d+ [+-]\d{4}", result.text)
        if result.code or found is None:
            raise ConfigurationError(
                Problem(
                    "git does not know who you are",
                    why="each commit names who made it",
                    remedy='git config --global user.name "Your Name" && git config --global user.email you@example.org',
                )
            )
        return Identity(found[1], found[2])

    def config(self, key: str) -> str | None:
        """The value that git's configuration gives ``key`` here, from all of its files; None when unset."""
        result = self._git("config", "--null", "--get", self._key(key))
        return None if result.code else result.out.decode("utf-8", "surrogateescape").removesuffix("\0")

    def set_config(self, key: str, value: str) -> None:
        """Set ``key`` in this repository's own configuration."""
        result = self._git("config", "--local", "--replace-all", "--end-of-options", self._key(key), value)
        if result.code:
            raise _command.failure(result, f"git cannot set {key}", path=str(self.folder))

    # Writing

    def write_commit(
        self,
        base: str | None,
        changes: Mapping[str, bytes | None],
        *,
        message: str,
        author: Identity,
        when: datetime,
        parents: Sequence[str] | None = None,
    ) -> str:
        """The id of a new commit: the tree of ``base`` with ``changes`` (None deletes), on ``parents`` or ``base``.

        Only objects are written, and synced to the disk: no ref, no index, no work tree. The same arguments
        give the same id. A file that was executable stays so.
        """
        draft = _write.Draft(self._objects, self.commit(base).tree if base else None)
        tree = draft.build(changes)
        above = parents if parents is not None else ([base] if base else [])
        made = draft.add("commit", _write.raw_commit(tree, above, author, when, message))
        _write.store(self.folder, draft.new)
        return made

    def add_and_commit(
        self,
        paths: Sequence[str],
        message: str,
        *,
        author: Identity | None = None,
        when: datetime | None = None,
    ) -> str:
        """Commit these paths as they lie in the work tree, without hooks and unsigned; HEAD when nothing changed.

        Whatever else is staged stays staged and out of the commit.
        """
        who = author or self.identity()
        _checkout.add_and_commit(self._tree_folder(), paths, message, who, when)
        return full_id(self.head() or "")

    def fast_forward(self, branch: str, commit: str) -> bool:
        """Bring a local branch to ``commit`` if it is an ancestor of it and nothing uncommitted would be lost.

        A checked-out branch takes its work tree along; uncommitted files that are what ``commit`` holds are no
        obstacle. False, and nothing changed, otherwise.
        """
        old = self.branch(branch)
        if old is None or not self.is_ancestor(old, commit):
            return False
        self._clear_the_dead()
        if old != commit:
            alike = self._there_already(old, commit) if branch == self.current_branch() else []
            with _dead.writing(self.git_dir, f"{old} {full_id(commit)}"):
                ref = full_ref(f"refs/heads/{branch}")
                _checkout.move(self.folder, self.worktree, ref, old, commit, alike)
        return self.branch(branch) == commit

    # Remotes

    def remote(self, branch: str = "main") -> str | None:
        """The remote to use: the one that ``branch`` follows, else origin, else the only one; None without any."""
        names = self._git("remote").text.splitlines()
        follows = self.config(f"branch.{branch}.remote")
        if follows in names:
            return follows
        if "origin" in names:
            return "origin"
        return names[0] if len(names) == 1 else None

    def authenticate(self, credential: Credential) -> None:
        """Show ``credential`` to its own host whenever this object talks to a remote there over HTTPS."""
        self._credential = credential

    def fetch(self, remote: str) -> None:
        """Bring the remote's branches to ``refs/remotes/<remote>/``; RemoteError with a remedy when it fails."""
        self._clear_the_dead(remote)
        with _dead.writing(self.git_dir):
            _remote.fetch(self.folder, remote, self._credential)

    def fetch_ref(self, remote: str, ref: str) -> None:
        """Bring the objects of the remote's ``ref``, and nothing else; RemoteError with a remedy when it fails."""
        self._clear_the_dead(remote)
        with _dead.writing(self.git_dir):
            _remote.fetch_ref(self.folder, remote, ref, self._credential)

    def remote_ref(self, remote: str, ref: str) -> str | None:
        """Where the remote itself says that ``ref`` is now; None when it has no such ref."""
        return _remote.remote_ref(self.folder, remote, ref, self._credential)

    def push(self, remote: str, commit: str | None, ref: str, expected: str | None) -> None:
        """Move ``ref`` on the remote from ``expected`` to ``commit`` in one step, or not at all.

        ``expected`` None: it must not exist; ``commit`` None: delete it. A ref that is already there counts as
        done. MovedOn when it is elsewhere; RemoteError when the remote refuses.
        """
        self._clear_the_dead(remote)
        with _dead.writing(self.git_dir):
            _remote.push(self.folder, remote, commit, ref, expected, self._credential)

    # Private

    def _git(self, *arguments: str) -> Result:
        return _command.run(arguments, self.folder)

    def _clear_the_dead(self, remote: str | None = None) -> None:
        """Remove what a killed run of ours left: its locks would stop this one."""
        if not _dead.notes(self.git_dir):
            return
        url = self.config(f"remote.{remote}.url") if remote and remote != "." else None
        there = Path(self.folder, url) if url and "://" not in url else None
        if there is not None and (there / ".git").is_dir():
            there /= ".git"
        is_here = there is not None and (there / "objects").is_dir()
        _dead.clear(self.worktree, self.git_dir, self._common_dir, there if is_here else None)

    def _there_already(self, old: str, new: str) -> list[str]:
        """Uncommitted files that are what ``new`` makes of them; none when others would be lost in any case."""
        if self.worktree is None:
            return []
        changed = {change.path for change in self.changes(old, new)}
        unsaved = sorted(changed & set(self.uncommitted()))
        return [] if not unsaved or self.worktree_differences(new, unsaved) else unsaved

    def _tree_folder(self) -> Path:
        if self.worktree is None:
            raise ConfigurationError(
                Problem("this is a bare repository: it has no files to look at", path=str(self.folder))
            )
        return self.worktree

    def _unreadable(self, result: Result, *ids: str) -> Exception:
        """What git stumbled over, told by reading the named commits ourselves first."""
        for id_ in ids:
            self.commit(id_)
        return EvidenceError(
            Problem(f"this history cannot be read: {_command.words(result.err)}", remedy="git fsck")
        )

    @staticmethod
    def _key(key: str) -> str:
        if not _KEY.fullmatch(key) or "\n" in key:
            raise ConfigurationError(Problem(f"{key[:80]!a} is not a key of git's configuration"))
        return key
