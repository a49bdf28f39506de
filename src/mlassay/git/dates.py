"""What git makes of a day or a span in words ("last friday", "2 weeks ago"), with its clock and time zone pinned."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from mlassay.errors import ConfigurationError, Problem
from mlassay.git import _command
from mlassay.git.repository import Repository

_ANSWER = re.compile(r"--max-age=([0-9]{1,12})")


def time_in_words(repo: Repository, text: str, now: datetime) -> datetime:
    """The time (UTC) that git reads ``text`` as, were it ``now``.

    git takes any text at all and answers "now" to what it does not understand, so the caller must know the words.
    """
    pinned = {"TZ": "UTC", "GIT_TEST_DATE_NOW": str(int(now.timestamp()))}
    asked = _command.run(["rev-parse", f"--since={text}"], repo.folder, extra=pinned)
    found = _ANSWER.fullmatch(asked.text)
    if asked.code or found is None:
        raise ConfigurationError(Problem(f"git cannot read {text[:80]!a} as a time"))
    return datetime.fromtimestamp(int(found[1]), UTC)
