"""Which release a text means: its id or the end of it, an environment (what is live there), or a commit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlassay.case.history import pointer_at
from mlassay.case.promotion import source_of
from mlassay.case.requests import governance_at
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import LineRepository

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Place:
    """What was typed, the id of the release that it means, and why (an environment or a commit; "" for an id)."""

    text: str
    release: str
    why: str = ""


def find_release(repo: LineRepository, head: str, text: str) -> Place:
    """The release that ``text`` means on the main line up to ``head``; ConfigurationError when it means none, or several.

    An id goes before an environment, and an environment before a revision of the same spelling.
    """
    known = [name for name in repo.names(head, layout.EVIDENCE.rstrip("/")) if layout.is_release_id(name)]
    ending = [name for name in known if text and (name == text or name.endswith(f"-{text}"))]
    if len(ending) == 1:
        return Place(text, ending[0])
    if text in _environments(repo, head):
        pointer = pointer_at(repo, head, text)
        if pointer is None:
            raise ConfigurationError(Problem(f"nothing was ever live in {text}", remedy="name a release"))
        return Place(
            text, pointer.live.release, f"live in {text}" if pointer.state == "live" else f"cut out of {text}"
        )
    found = list(dict.fromkeys(_of_commit(repo, text, known)))
    if len(found) == 1:
        return found[0]
    shown = ", ".join([place.release for place in found][:SHOWN] or sorted(known)[-SHOWN:])
    raise ConfigurationError(
        Problem(
            f"{text[:80]!a} means {'several releases' if found else 'no release'} on the main line here",
            remedy=f"name one of: {shown}; or an environment, or a commit that brought one"
            if shown
            else "none is recorded here: go to the right repository, or name it with -C DIR",
        )
    )


def _environments(repo: LineRepository, head: str) -> tuple[str, ...]:
    try:
        return governance_at(repo, head)[0].environments
    except (ConfigurationError, EvidenceError):
        return ()


def _of_commit(repo: LineRepository, text: str, known: list[str]) -> Iterator[Place]:
    """Releases that a commit recorded or promoted; else those that were made from it."""
    try:
        commit = repo.commit(repo.resolve(text))
    except ConfigurationError:
        return
    brought = []
    for change in repo.changes(commit.parents[0] if commit.parents else None, commit.id):
        release = change.path.removeprefix(layout.EVIDENCE).partition("/")[0]
        if change.path.startswith(layout.EVIDENCE) and release in known:
            brought.append(Place(text, release, f"recorded by {commit.id[:12]}"))
        if change.path.startswith(layout.ENVIRONMENTS) and change.new is not None:
            environment = change.path.removeprefix(layout.ENVIRONMENTS).removesuffix(".yaml")
            pointer = pointer_at(repo, commit.id, environment)
            if pointer is not None and pointer.live.release in known:
                brought.append(Place(text, pointer.live.release, f"promoted by {commit.id[:12]}"))
    if brought:
        yield from brought
        return
    day = f"{commit.time:%Y%m%d}-"
    for release in known:
        if release.startswith(day):
            try:
                source = source_of(repo, repo.line.ids[-1], release)
            except EvidenceError:
                continue
            if source == commit.id:
                yield Place(text, release, f"made from {commit.id[:12]}")
