"""What an audit of this clone cannot know, each in plain words, with what would tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from mlassay.audit.anchor import Anchored
from mlassay.audit.passed import passed
from mlassay.audit.walk import Walk
from mlassay.case.main_line import AHEAD
from mlassay.case.release import is_demo
from mlassay.errors import EvidenceError
from mlassay.evidence import layout
from mlassay.git import Repository


def not_checked(
    repo: Repository, walk: Walk, release: str | None, anchored: Sequence[Anchored], *, worktree: bool
) -> Iterator[str]:
    """What stays open of one release, or of a whole audit with these anchors (newest first)."""
    if release is not None:
        yield "anything but this release: run 'mlassay verify' without its id"
    elif walk.root is None:
        yield f"who may decide: no commit brings {layout.POLICY} and {layout.PEOPLE} in"
    else:
        yield from _of_the_whole(repo, walk.root, anchored)
        yield from passed(repo, walk.root, walk.at)
        yield from _landed_in_parts(walk)
    if _says_demo(repo, walk.at):
        yield "who really signed: this is a demonstration, and everybody has its keys"
    if release is None:
        yield from _of_time(anchored)
        yield "whether all who hold keys here agreed to tell the same untruth"
        yield "commits that touch no guarded path, and whether what people wrote is true"
        yield "tags, notes and other branches: nothing in them counts as evidence"
    if repo.worktree is None or not worktree:
        yield "the files of a work tree: only git objects were read"


def _landed_in_parts(walk: Walk) -> Iterator[str]:
    """Requests that several commits of different days brought: a branch that was pushed at once, or said yes to later."""
    for group in walk.in_parts:
        first, last = group.steps[0].commit, group.last
        yield (
            f"whether what commit {first.id[:12]} ({first.time:%Y-%m-%d}) did was agreed to before it landed: all that "
            f"was said of {group.requests[0].id} is there only with {last.id[:12]} ({last.time:%Y-%m-%d})"
        )


def not_come_yet(repo: Repository, walk: Walk, now: datetime) -> Iterator[str]:
    """What is dated more than a day after ``now``: keys that are not valid yet would count there, and waivers have ended."""
    head = repo.commit(walk.at)
    ahead = [(id_, time) for id_, time in (*walk.dated, (head.id, head.time)) if time > now + AHEAD]
    for id_, time in ahead[:1]:
        yield (
            f"why commit {id_[:12]} is dated {time:%Y-%m-%d}, which has not come yet: it, and what came after "
            "it, is judged by the keys and exceptions of that day"
        )


def _of_the_whole(repo: Repository, root: str, anchored: Sequence[Anchored]) -> Iterator[str]:
    anchor = next((one for one in anchored if not one.problems and one.behind is not None), None)
    if anchor is None:
        since = repo.commit(root)
        yield (
            f"whether the history was replaced whole: it is consistent since root commit {root[:12]} "
            f"({since.time:%Y-%m-%d}), and nobody can tell more from a clone alone; compare with an id kept elsewhere, "
            "best an anchor ('mlassay audit anchor' makes one, --anchor FILE compares)"
        )
    elif anchor.behind:
        yield (
            f"whether what came after the anchor was replaced: {_count(anchor.behind, 'commit')} in "
            f"{_count(anchor.days or 0, 'day')}, which a newer anchor would pin"
        )
    if any(
        path.endswith((".json", ".yaml")) for folder in layout.RECORDS for path in repo.tree(root, folder)
    ):
        yield (
            f"how records and pointers came about that lay here when the root of trust {root[:12]} began: "
            "nobody's policy judged them"
        )


def _of_time(anchored: Sequence[Anchored]) -> Iterator[str]:
    proven = [one for one in anchored if one.stamp is not None and one.stamp.proven and not one.problems]
    if not proven:
        yield "when things really happened: dates are those that committers wrote"
        return
    stamp = proven[0].stamp
    assert stamp is not None  # noqa: S101  filtered above
    yield (
        f"when things really happened: what {proven[0].commit[:12]} holds existed by "
        f"{stamp.time:%Y-%m-%d %H:%M} UTC ({stamp.authority}); all other dates are those that committers wrote"
    )


def _says_demo(repo: Repository, at: str) -> bool:
    try:
        return is_demo(repo, at)
    except EvidenceError:
        return False  # already among the problems


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
