"""How long a forge is waited for: as it says, up to a bound; again only where twice does no harm."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mlassay.errors import Problem
from mlassay.forges._refused import Refused

T = TypeVar("T")

MINUTE = 60.0  # GitHub's advice for a secondary limit that names no time: a minute, then longer each time
TOLD_FROM = 5.0  # seconds; a shorter wait is not worth a line


@dataclass(frozen=True)
class Patience:
    """Bounds in seconds: ``limit`` for all waits that a rate limit asks for, ``settle`` for what a push takes to show;
    what was listed less than ``memory`` ago is not listed again.

    ``between_writes`` follows GitHub's advice on secondary limits; ``say`` takes one line of progress.
    """

    tries: int = 5
    limit: float = 900.0
    settle: float = 20.0
    pause: float = 0.5
    memory: float = 10.0
    between_requests: float = 0.25
    between_writes: float = 1.0
    say: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def patiently(self, host: str, call: Callable[[], T], *, again: bool) -> T:
        """``call``, waited for as its host asks, and tried ``again`` after no answer or a 5xx where that is harmless."""
        waited, attempt = 0.0, 0
        while True:
            try:
                return call()
            except Refused as no:
                attempt += 1
                asked = self.asked(no, attempt)
                if asked is None and (not again or not (no.lost or no.status == 0)):
                    raise
                if attempt >= self.tries:
                    raise
                wait = self._backoff(attempt) if asked is None else asked
                if asked is not None and waited + wait > self.limit:
                    raise self._too_long(host, wait, no) from no
                waited += wait
                if wait >= TOLD_FROM:
                    self.say(f"{host} asks to wait: going on in {wait:.0f} seconds")
                self.sleep(wait)

    def asked(self, no: Refused, attempt: int) -> float | None:
        """The seconds that a rate limit asks for; None when this is no rate limit."""
        after, reset = no.headers.get("retry-after", ""), no.headers.get("x-ratelimit-reset", "")
        if no.status not in (403, 429, 503):
            return None
        if after.isdecimal():
            return float(after)
        if no.status == 503:
            return None
        if no.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
            # Within that second it is not told when.
            return max(0.0, float(reset) - self.clock()) + 1.0
        if no.status == 429 or "rate limit" in no.said.lower():
            return MINUTE * 2.0 ** (attempt - 1)
        return None

    def until(self, ready: Callable[[], T | None]) -> T | None:
        """The first answer of ``ready`` that is not None, asked again until it comes or ``settle`` has passed."""
        waited = 0.0
        for attempt in range(1, 100):
            if (found := ready()) is not None or waited >= self.settle:
                return found
            wait = self._backoff(attempt)
            waited += wait
            self.sleep(wait)
        return None

    def written(self, write: Callable[[], T], look: Callable[[], T | None]) -> T:
        """``write``, once: where its answer was lost ``look`` says whether it was done, before it is tried again."""
        for attempt in range(1, self.tries + 1):
            try:
                return write()
            except Refused as no:
                if not (no.lost or no.status == 0):
                    raise
                if (found := look()) is not None:
                    return found
                if attempt == self.tries:
                    raise
                self.sleep(self._backoff(attempt))
        raise AssertionError("unreachable")

    def _backoff(self, attempt: int) -> float:
        return min(self.pause * 2.0 ** (attempt - 1), 8.0) * random.uniform(0.7, 1.3)  # noqa: S311  no secret

    def _too_long(self, host: str, wait: float, no: Refused) -> Refused:
        when = time.strftime("%H:%M UTC", time.gmtime(self.clock() + wait))
        problem = Problem(
            f"{host} asks to be left alone until {when}: too many calls were made with this token",
            why=f"mlassay waits {self.limit / 60:.0f} minutes at most; what was done so far stands",
            remedy=f"run the same command again after {when}: it goes on",
        )
        return Refused(problem, status=no.status, said=no.said)
