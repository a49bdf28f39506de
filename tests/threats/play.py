"""A story: one trick, told twice (``lying`` or not), and the rule that must name the lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.threats.liar import Liar

Play = Callable[[Liar, bool], Path | None]
"""Plays a story on the liar's copy; gives the folder to be verified where it is another than the copy."""


@dataclass(frozen=True)
class Story:
    """``rule`` must name the lie, at ``path`` where one is given; nothing but ``rule`` and ``also`` may be told.

    ``also`` are truths of their own that the same lie breaks, and not echoes. ``refused``: no answer is given at all.
    """

    name: str
    play: Play
    row: str
    rule: str
    also: frozenset[str]
    path: str
    refused: str = ""
    open: str = ""


STORIES: dict[str, Story] = {}


def story(
    row: str, rule: str, *also: str, path: str = "", refused: str = "", open_: str = ""
) -> Callable[[Play], Play]:
    """Enter a function into `STORIES` under its own name; ``open_`` says why today's code does not catch it."""

    def enter(play: Play) -> Play:
        name = play.__name__.replace("_", " ")
        assert name not in STORIES, name
        STORIES[name] = Story(name, play, row, rule, frozenset(also), path, refused, open_)
        return play

    return enter
