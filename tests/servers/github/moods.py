"""The unpleasant sides: what a call gets instead of, or beside, its answer."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .routing import RefusedError

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID."
)
PRIMARY = "API rate limit exceeded for user ID {id}."
HOWS = (
    "secondary-limit", "primary-limit", "error", "conflict", "unprocessable", "forbidden", "unauthorized",
    "not-found", "not-mergeable", "gone", "slow", "drop-before", "drop-after", "garbled",
)  # fmt: skip


@dataclass
class Mood:
    """One thing to go wrong ``times`` times, on calls that match ``next``."""

    next: str
    how: str
    times: int = 1
    details: dict[str, Any] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)  # ends what is slow

    def __post_init__(self) -> None:
        if self.how not in HOWS:
            raise ValueError(f"no misbehaviour {self.how!r}; there is {', '.join(HOWS)}")

    def matches(self, method: str, path: str) -> bool:
        """``next`` is a method and a path; ``*`` and ``…`` stand for anything."""
        parts = re.split(r"[*…]", self.next)
        return re.fullmatch(".*".join(map(re.escape, parts)), f"{method} {path}") is not None

    def before(self) -> None:
        """What happens instead of the call: raises the answer, or DroppedError."""
        if self.how == "slow":
            self.stopping.wait(self.details.get("seconds", 1.0))
        elif self.how == "drop-before":
            raise DroppedError
        elif self.how not in {"drop-after", "garbled"}:
            raise self._answer()

    def _answer(self) -> RefusedError:
        told, wait = self.details.get("message"), self.details.get("seconds", 1)
        if self.how == "secondary-limit":
            headers = {} if wait is None else {"Retry-After": str(wait)}
            return RefusedError(self.details.get("status", 403), told or SECONDARY, headers=headers)
        if self.how == "primary-limit":
            headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time() + (wait or 0)))}
            return RefusedError(
                self.details.get("status", 403), told or PRIMARY.format(id=1), headers=headers
            )
        status, message = {
            "error": (502, "Server Error"),
            "conflict": (409, "Head branch was modified. Review and try the merge again."),
            "unprocessable": (422, "Validation Failed"),
            "forbidden": (403, "Resource not accessible by integration"),
            "unauthorized": (401, "Bad credentials"),
            "not-found": (404, "Not Found"),
            "not-mergeable": (405, "Pull Request is not mergeable"),
            "gone": (410, "This issue was deleted"),
        }[self.how]
        return RefusedError(self.details.get("status", status), told or message)


class DroppedError(Exception):
    """The connection ends without an answer."""


class Moods:
    """Those set and not yet used up; the first that matches is taken."""

    def __init__(self) -> None:
        self._set: list[Mood] = []
        self.stopping = threading.Event()

    def add(self, mood: Mood) -> None:
        mood.stopping = self.stopping
        self._set.append(mood)

    def take(self, method: str, path: str) -> Mood | None:
        for mood in self._set:
            if mood.times > 0 and mood.matches(method, path):
                mood.times -= 1
                return mood
        return None
