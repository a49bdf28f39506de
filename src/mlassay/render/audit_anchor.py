"""Anchors in words: what one proves, and a page to print."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from mlassay.audit.anchor import Anchored
from mlassay.digest import bare
from mlassay.evidence.anchors import AnchorFile
from mlassay.evidence.times import time_string
from mlassay.render.text import count, plain

_GROUPS = 10  # of four, on one line of the page: a git id


def anchored_lines(found: Anchored) -> Iterator[str]:
    """What one anchor proves of the main line, and what is to be known beside it; its problems are told elsewhere."""
    name = plain(found.file.path, 200)
    if found.problems or found.behind is None:
        yield f"x  {name}: does not hold"
    else:
        here = found.file.anchor.commits
        yield f"ok {name}: {found.commit} is commit {here} of {here + found.behind} on this main line"
        yield f"   {_reach(found)}"
        yield f"   {_after(found)}"
    if found.signer:
        yield f"   signed by {plain(found.signer)}"
    for text in found.notes:
        yield f"   note: {plain(text)}"


def written_lines(found: Anchored) -> Iterator[str]:
    """What an anchor that was just written pins, and what to do with it."""
    anchor, name = found.file.anchor, plain(found.file.path, 200)
    yield f"wrote {name} (sha256 {bare(found.file.digest)})"
    yield f"   it pins {anchor.head}, commit {anchor.commits} of this main line"
    if found.signer:
        yield f"   signed by {plain(found.signer)}"
    if found.stamp is not None and found.stamp.proven:
        yield f"   stamped {_when(found.stamp.time)} by the authority {plain(found.stamp.authority, 200)}"
    for text in found.notes:
        yield f"   note: {plain(text)}"
    yield "   keep it where nobody who can push can reach it: mail it, print it, commit it to another repository"


def _reach(found: Anchored) -> str:
    if found.stamp is not None and found.stamp.proven:
        by = plain(found.stamp.authority, 200)
        return (
            f"up to there nothing was changed after {_when(found.stamp.time)}: proven by the authority {by}"
        )
    return f"up to there nothing was changed since you have this file; it says that it was made {_when(found.date)}"


def _after(found: Anchored) -> str:
    if not found.behind:
        return "nothing came after it: this is as fresh as it can be"
    return (
        f"{count(found.behind, 'commit')} and {count(found.days or 0, 'day')} (as committers date them) came after it; "
        "of those it proves nothing"
    )


def anchored_json(found: Anchored) -> dict[str, Any]:
    """The same for machines."""
    stamp = found.stamp
    return {
        "file": found.file.path,
        "digest": found.file.digest,
        "holds": not found.problems,
        "anchor": found.file.anchor.as_mapping(),
        "signer": found.signer,
        "time_stamp": {
            "before": time_string(stamp.time),
            "authority": stamp.authority,
            "proven": stamp.proven,
        }
        if stamp
        else None,
        "commits_after": found.behind,
        "days_after": found.days,
        "notes": list(found.notes),
        "problems": [
            {"rule": p.rule, "what": p.what, "why": p.why, "remedy": p.remedy} for p in found.problems
        ],
    }


def anchor_page(file: AnchorFile) -> Iterator[str]:
    """A page of plain text for paper: every id in groups of four, and how to compare them."""
    anchor = file.anchor
    yield "ANCHOR OF A HISTORY"
    yield ""
    yield "Whoever holds this page can tell whether the record was rewritten since."
    yield ""
    for label, id_ in (
        ("commit", anchor.head),
        ("its files", anchor.tree),
        ("root", anchor.root),
        ("evidence", anchor.evidence),
        ("guarded", bare(anchor.guarded)),
        ("this file", bare(file.digest)),
        ("previous", bare(anchor.previous) if anchor.previous else None),
    ):
        yield from _grouped(label, id_)
    yield f"{'commits':<10} {anchor.commits}"
    yield f"{'findings':<10} {anchor.findings}"
    yield f"{'made':<10} {_when(anchor.date)} (as its maker says)"
    who = anchor.signer
    signer = f"{who.id or 'a key of nobody known'} {who.key}" if who else "nobody"
    yield f"{'signed by':<10} {signer}"
    yield f"{'stamped':<10} {'yes, see the file' if file.stamp is not None else 'no'}"
    yield ""
    yield "To check it, in a clone of the repository:"
    yield ""
    yield f"  git rev-list --first-parent HEAD | grep {anchor.head}"
    yield f"  git rev-list --first-parent --count {anchor.head}"
    yield f"  git rev-parse {anchor.head}:"
    yield ""
    yield "The first must print the commit, the second the count of commits, the third the id of its files."
    yield "No line from the first: the history was rewritten, or this is another repository."


def _grouped(label: str, id_: str | None) -> Iterator[str]:
    if id_ is None:
        yield f"{label:<10} none"
        return
    groups = [id_[at : at + 4] for at in range(0, len(id_), 4)]
    per_line = _GROUPS if len(groups) <= _GROUPS else 8
    for at in range(0, len(groups), per_line):
        yield f"{label if at == 0 else '':<10} {' '.join(groups[at : at + per_line])}"


def _when(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
