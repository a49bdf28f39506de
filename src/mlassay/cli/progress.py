"""One line of progress on a terminal, for whatever takes longer than a moment."""

from __future__ import annotations

import sys
import time

import click

from mlassay.cli.common import printable


class Progress:
    """One line that is written over, on a terminal, once it takes longer than a second."""

    def __init__(self) -> None:
        self._start, self._last, self._shown = time.monotonic(), 0.0, False

    def say(self, text: str) -> None:
        """Show what is being looked at, ten times a second at most."""
        now = time.monotonic()
        if sys.stderr.isatty() and now - self._start > 1 and now - self._last > 0.1:
            self._shown, self._last = True, now
            click.echo(f"\r\x1b[K… {printable(text)}", nl=False, err=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
