"""One sticky comment: found by its marker and its author, written anew, never somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlassay.forges._calls import Calls

CHARACTERS = 65_536
_CUT = "\n\n(The rest does not fit on this page.)\n"


def write(calls: Calls, issues: str, number: int, marker: str, body: str, me: Callable[[], int]) -> None:
    """Write ``body`` below ``marker`` on pull request ``number``; ``me`` is asked only where it matters.

    Whoever may write to a repository may edit everybody's comments there: so one that merely bears our marker
    is left alone unless its author is us.
    """
    text = capped(f"{marker}\n{body}")
    path = f"{issues}/{number}/comments"
    mine = _mine(calls, path, marker, me)
    if mine is not None:
        calls.send("PATCH", f"{issues}/comments/{mine}", {"body": text}, again=True)
        return
    calls.patience.written(
        lambda: calls.send("POST", path, {"body": text}), lambda: _mine(calls, path, marker, me)
    )


def capped(text: str) -> str:
    """``text``, cut at the last whole line where it is longer than a forge takes."""
    if len(text) <= CHARACTERS:
        return text
    room = text[: CHARACTERS - len(_CUT)]
    return room.rpartition("\n")[0] + _CUT


def _mine(calls: Calls, path: str, marker: str, me: Callable[[], int]) -> Any:
    marked = [each for each in calls.pages(path) if str(each.get("body") or "").startswith(marker)]
    if not marked:
        return None
    own = me()
    return next((each["id"] for each in marked if (each.get("user") or {}).get("id") == own), None)
