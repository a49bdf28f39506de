"""A check run of GitHub's, or a commit status where the token may make no check runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlassay.forges._calls import Calls
from mlassay.forges._refused import Refused
from mlassay.ports import Annotation, Check

# https://docs.github.com/en/rest/checks/runs: 50 annotations in each request; the texts' limits are GitHub's own.
AT_ONCE = 50
MOST = 200
TITLE, SUMMARY, MESSAGE, DESCRIPTION = 255, 65_535, 16_000, 140


def post(calls: Calls, at: str, head: str, check: Check) -> None:
    """Say ``check`` of ``head``. The newest of one name and one App is the one that counts, so twice is once."""
    try:
        _run(calls, at, head, check)
    except Refused as no:
        if no.status != 403 or not re.search(r"GitHub App|personal access token", no.said):
            raise
        calls.send("POST", f"{at}/statuses/{head}", status(check), again=True)


def status(check: Check) -> dict[str, str]:
    """``check`` as a commit status, which GitHub and Gitea read alike."""
    state = "pending" if check.allowed is None else "success" if check.allowed else "failure"
    told = {"state": state, "context": check.name, "description": cut(check.title, DESCRIPTION)}
    return told | ({"target_url": check.url} if check.url else {})


def cut(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters, and never with half a surrogate pair or a control character in it."""
    plain = "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def _run(calls: Calls, at: str, head: str, check: Check) -> None:
    notes = [_annotation(each) for each in check.annotations[:MOST]]
    output = _output(check)
    first = {
        "name": check.name,
        "head_sha": head,
        "status": "in_progress" if check.allowed is None else "completed",
    }
    if check.allowed is not None:
        first["conclusion"] = "success" if check.allowed else "failure"
    if check.url:
        first["details_url"] = check.url
    made = calls.send(
        "POST",
        f"{at}/check-runs",
        {**first, "output": {**output, "annotations": notes[:AT_ONCE]}},
        again=True,
    )
    path = f"{at}/check-runs/{made['id']}"
    for start in range(AT_ONCE, len(notes), AT_ONCE):
        _more(calls, path, output, notes[start : start + AT_ONCE], start)


def _more(
    calls: Calls, path: str, output: Mapping[str, str], notes: list[dict[str, Any]], before: int
) -> None:
    """Add ``notes`` to the run, once: GitHub appends them, so a lost answer is looked into first."""

    def there() -> Any:
        run = calls.get(path)
        return run if run["output"]["annotations_count"] >= before + len(notes) else None

    body = {"output": {**output, "annotations": notes}}
    calls.patience.written(lambda: calls.send("PATCH", path, body), there)


def _output(check: Check) -> dict[str, str]:
    left = len(check.annotations) - MOST
    more = f"\n\n{left} more remarks are in the report." if left > 0 else ""
    title = cut(" ".join(check.title.split()), TITLE) or check.name
    return {"title": title, "summary": cut(check.summary or check.title, SUMMARY - len(more)) + more}


def _annotation(note: Annotation) -> dict[str, Any]:
    told = {
        "path": note.path,
        "start_line": max(1, note.line),
        "end_line": max(1, note.line),
        "annotation_level": note.level,
        "message": cut(note.message, MESSAGE) or note.title or note.path,
    }
    return told | ({"title": cut(note.title, TITLE)} if note.title else {})
