"""Read one commit of the main line for an export: which files, which keys, what is left out; copies no byte yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlassay.audit import clone
from mlassay.audit.export.headings import mapping_for
from mlassay.audit.export.keys import key_versions
from mlassay.audit.export.names import stored
from mlassay.audit.export.personal import Line, Redaction
from mlassay.audit.export.types import PROFILES, Export, PlainFile, Running
from mlassay.case.release import is_demo
from mlassay.config import load_environment
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import Repository

MISSING = ".missing.md"


def gather(
    repo: Repository,
    at: str,
    profile: str,
    *,
    environment: str = "",
    keep_names: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Export:
    """All that belongs into an export of the line up to ``at``; ``environment`` limits what is told of what runs.

    ConfigurationError for a clone that is shallow or partial, an environment that runs nothing, and, unless
    ``keep_names``, where a redacted export would tell a personal value by a commit's message or a file's name.
    """
    if profile not in PROFILES:
        raise ConfigurationError(
            Problem(f"there is no profile {profile!r}", remedy=f"use {', '.join(PROFILES)}")
        )
    clone.refuse_incomplete(repo)
    commit = repo.commit(at)
    files = tuple(_plain_files(repo, at))
    running = tuple(_running(repo, at, environment))
    redaction: Redaction | None = None
    told: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    if profile != "full":
        say("every file of the history")
        redaction = Redaction(repo, Line.of(repo, at), say)
        redaction.run()
        say("the commits' messages")
        told = tuple(_refused_or_told(redaction, at, keep_names=keep_names))
        missing = tuple(_beside(repo, at))
    return Export(
        profile=profile,
        commit=at,
        tree=commit.tree,
        date=commit.time,
        name=_name(repo, at),
        files=files,
        keys=key_versions(repo, at, say),
        running=running,
        left_out=redaction.left_out() if redaction else (),
        missing=missing,
        told=told,
        mapping=mapping_for(profile, repo, running, files),
        demo=_is_demo(repo, at),
    )


def _plain_files(repo: Repository, at: str) -> Iterator[PlainFile]:
    """The files that people and machines of the pipeline wrote, data and code apart."""
    for path, entry in repo.tree(at).items():
        wanted = layout.is_guarded(path) or path == layout.CONFIG
        if (wanted or (path.startswith("data/") and path.endswith(MISSING))) and entry.kind == "blob":
            yield PlainFile(path, stored(path), entry.mode, entry.id, entry.size or 0)


def _running(repo: Repository, at: str, only: str) -> Iterator[Running]:
    found = 0
    for path in repo.tree(at, layout.ENVIRONMENTS):
        name = path.removeprefix(layout.ENVIRONMENTS).removesuffix(".yaml")
        if not path.endswith(".yaml") or (only and name != only):
            continue
        try:
            pointer = load_environment(path, repo.read(at, path) or b"")
        except (ConfigurationError, EvidenceError):
            continue  # mlassay audit verify tells of it; nobody can say what it runs
        found += 1
        yield Running(name, pointer.live.release, pointer.since, pointer.promotion, pointer.state)
    if only and not found:
        raise ConfigurationError(
            Problem(
                f"environment {only!r} runs nothing at commit {at[:12]}", remedy="'mlassay status' lists them"
            )
        )


def _refused_or_told(redaction: Redaction, at: str, *, keep_names: bool) -> Iterator[str]:
    commits = list(redaction.messages_hold(at))
    paths = redaction.names_hold()
    if (commits or paths) and not keep_names:
        shown = [f"the message of commit {id_[:12]}" for id_ in commits[:10]]
        shown += [f"the name of a file that git calls {blob}" for blob in _blobs(redaction, paths)[:10]]
        raise ConfigurationError(
            *(
                Problem(
                    f"{what} holds a value that a manifest calls personal",
                    why="the ids of a history are digests over messages and names: they can be shown, or nothing can",
                    remedy="if it is no value of a person, declare its column as a category, or use --keep-names",
                )
                for what in shown
            )
        )
    yield from commits


def _blobs(redaction: Redaction, paths: list[str]) -> list[str]:
    wanted = set(paths)
    return [id_[:12] for id_, stood in sorted(redaction.line.paths.items()) if stood & wanted]


def _beside(repo: Repository, at: str) -> Iterator[str]:
    """Commits that merges of the line name and that are not on it."""
    line = list(repo.first_parents(at))
    on_it = {commit.id for commit in line}
    yield from sorted({id_ for commit in line for id_ in commit.parents} - on_it)


def _name(repo: Repository, at: str) -> str:
    from mlassay.config import load_config

    try:
        return load_config(layout.CONFIG, repo.read(at, layout.CONFIG) or b"").name
    except (ConfigurationError, EvidenceError):
        return ""


def _is_demo(repo: Repository, at: str) -> bool:
    try:
        return is_demo(repo, at)
    except EvidenceError:
        return False
