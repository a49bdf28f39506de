"""A story: one trick, told twice (``lying`` or not), and the rule that must name the lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlassay.audit.verify import Known, Report, verify
from mlassay.git import Repository
from mlassay.wiring import verifiers
from tests.threats.liar import Liar

Play = Callable[[Liar, bool], Path | Known | None]
"""Plays a story on the liar's copy; gives the folder to be verified where it is another, or what the auditor knows."""


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


def audited(liar: Liar, story: Story, *, lying: bool) -> Report:
    """What an audit says after the story; ConfigurationError where it refuses any answer."""
    given = story.play(liar, lying)
    repo = Repository.open(given if isinstance(given, Path) else liar.folder)
    try:
        known = given if isinstance(given, Known) else None
        return verify(repo, repo.resolve("main"), None, verifiers(), known=known)
    finally:
        repo.close()


def shown(report: Report) -> str:
    """The findings, a line each."""
    return "\n".join(f"{problem.rule} | {problem.path} | {problem.what}" for problem in report.problems)
