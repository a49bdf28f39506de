"""Random honest stories: a state machine whose every rule is something that a team really does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mlassay.audit.verify import Known, Report, verify
from mlassay.evidence.anchors import AnchorFile
from mlassay.evidence.verdict import Outcome
from mlassay.git import Repository
from mlassay.wiring import verifiers
from tests.threats.generated_objects import FILE, LINK, MODULE, SCRIPT, History, add
from tests.threats.generated_signing import BOT
from tests.threats.generated_team import MERGES, Team

NOISE = {
    "crlf.txt": (FILE, b"one\r\ntwo\r\n"),
    "link": (LINK, b"README.md"),
    "run.sh": (SCRIPT, b"#!/bin/sh\n"),
    "vendor/lib": (MODULE, b""),
    "docs/-option": (FILE, b"named like an option\n"),
    "evidence.md": (FILE, b"no evidence\n"),
    "data/README.yaml": (FILE, b"no manifest: 1\n"),
    "src/governance/people.yaml": (FILE, b"of another kind\n"),
}
CASES = (Outcome.PASSED, Outcome.PASSED, Outcome.PASSED, Outcome.INCONCLUSIVE, Outcome.FAILED)
ACCURACIES = ("0.75", "0.80", "0.85")
LIVES = ("live", "young", "busy", "new", "old", "long")
merges = st.sampled_from(MERGES)
number = st.integers(0, 7)


@cache
def life(kind: str) -> Team:
    """A team after some time: nothing yet, a first release in production, two requests open, keys and names changed."""
    team = Team.start()
    if kind == "new":
        return team
    team.record()
    (first,) = team.releases
    team.promoted("staging", first)
    if kind == "young":
        return team
    team.work()
    team.promoted("production", first, "rebase")
    if kind == "live":
        return team
    team.record(Outcome.INCONCLUSIVE, waits=1)
    second = list(team.releases)[-1]
    team.waive(second)
    if kind == "busy":
        team.ask("staging", second)
        team.say(0, "robin")
        team.describe()
        return team
    for change, how in ((team.join, "merge"), (partial(team.rotate, "ci"), "squash"), (team.leave, "rebase")):
        change()
        team.changed(how)
    team.promoted("staging", second, "squash")
    team.promoted("staging", first, "forge")
    team.rename("production", "live")
    team.changed()
    team.now(3 * 24 * 60)
    team.promoted("live", second, "rebase")
    if kind == "old":
        return team
    for outcome, how in ((Outcome.PASSED, "forge"), (Outcome.FAILED, "merge"), (Outcome.PASSED, "squash")):
        team.branch(3, how)
        team.record(outcome, waits=1)
        third = list(team.releases)[-1]
        if outcome is Outcome.PASSED:
            team.promoted("staging", third, how)
            team.promoted("live", third, how)
    team.promoted("staging", first, "rebase")
    team.promoted("staging", third, "squash")
    team.describe()
    team.changed("squash")
    return team


class Stories(RuleBasedStateMachine):
    """A team at work; what is asked for and cannot be done is left undone."""

    @initialize(lived=st.sampled_from(LIVES))
    def start(self, lived: str) -> None:
        self.team = life(lived).copy()

    @rule(outcome=st.sampled_from(CASES), far=st.booleans(), one=merges, two=merges, waits=st.integers(0, 1))
    def deliver(self, outcome: Outcome, far: bool, one: str, two: str, waits: int) -> None:
        """A release from its record to as far as it gets."""
        self.team.record(outcome, waits=waits)
        release = list(self.team.releases)[-1]
        self.team.waive(release)
        for environment, how in zip(self.team.environments[: 1 + far], (one, two), strict=False):
            if release in self.team.promotable(environment):
                self.team.promoted(environment, release, how)

    @rule(outcome=st.sampled_from(CASES), waits=st.integers(0, 2))
    def record(self, outcome: Outcome, waits: int) -> None:
        self.team.record(outcome, waits=waits)

    @precondition(lambda self: self.team.releases)
    @rule(at=number, first=st.booleans())
    def ask(self, at: int, first: bool) -> None:
        environment = self.team.environments[0 if first else 1]
        if fit := self.team.promotable(environment):
            self.team.ask(environment, fit[-1 - at % len(fit)])

    @precondition(lambda self: self.team.open)
    @rule(at=number, who=st.sampled_from(["robin", "lee", "ada"]))
    def approve(self, at: int, who: str) -> None:
        at %= len(self.team.open)
        if who not in self.team.open[at].said:
            self.team.say(at, who)

    @precondition(lambda self: self.team.releases)
    @rule(at=number, first=st.booleans(), how=merges)
    def promote(self, at: int, first: bool, how: str) -> None:
        environment = self.team.environments[0 if first else 1]
        if fit := self.team.promotable(environment):
            self.team.promoted(environment, fit[-1 - at % len(fit)], how)

    @precondition(lambda self: self.team.open)
    @rule(
        at=number,
        who=st.sampled_from(["robin", "lee", "ada"]),
        kind=st.sampled_from(["refusals", "withdrawals"]),
    )
    def object(self, at: int, who: str, kind: str) -> None:
        request = self.team.open[at % len(self.team.open)]
        if not request.objected:
            self.team.say(at % len(self.team.open), who, kind)

    @precondition(lambda self: self.team.open)
    @rule(at=number, how=merges, skew=st.integers(0, 3))
    def land(self, at: int, how: str, skew: int) -> None:
        self.team.land(at % len(self.team.open), how, skew=skew)

    @precondition(lambda self: self.team.open)
    @rule(at=number)
    def record_refused(self, at: int) -> None:
        self.team.record_refused(at % len(self.team.open))

    @precondition(lambda self: self.team.open)
    @rule(at=number)
    def rebase_before_merge(self, at: int) -> None:
        self.team.renew(at % len(self.team.open))

    @rule(
        what=st.sampled_from(
            ["rotate ci", "rotate robin", "rotate lee", "join", "leave", "reword", "describe"]
        )
    )
    def propose(self, what: str) -> None:
        word, _, who = what.partition(" ")
        getattr(self.team, word)(*([who] if who else []))

    @rule(what=st.sampled_from(["rotate ci", "rotate lee", "join", "leave", "describe"]), how=merges)
    def change(self, what: str, how: str) -> None:
        word, _, who = what.partition(" ")
        if getattr(self.team, word)(*([who] if who else [])):
            self.team.changed(how)

    @rule(at=st.integers(0, 1), name=st.sampled_from(["test", "live", "staging", "production"]), how=merges)
    def rename(self, at: int, name: str, how: str) -> None:
        if self.team.rename(self.team.environments[at], name):
            self.team.changed(how)

    @precondition(lambda self: self.team.releases)
    @rule(at=number)
    def waive(self, at: int) -> None:
        releases = list(self.team.releases)
        self.team.waive(releases[-1 - at % len(releases)])

    @rule(accuracy=st.sampled_from(ACCURACIES))
    def demand(self, accuracy: str) -> None:
        self.team.demand(accuracy)

    @rule(behind=st.integers(0, 20), how=merges, revert=st.booleans())
    def branch(self, behind: int, how: str, revert: bool) -> None:
        self.team.branch(behind, how, revert=revert)

    @rule(path=st.sampled_from(sorted(NOISE)))
    def noise(self, path: str) -> None:
        mode, data = NOISE[path]
        id_ = "1" * 40 if mode == MODULE else add("blob", data)
        self.team.commit({path: (mode, id_)}, "Noise", committer=BOT)

    @rule(kind=st.sampled_from(["empty", "latin", "work"]))
    def work(self, kind: str) -> None:
        if kind == "empty":
            self.team.commit({}, "Nothing at all")
        else:
            self.team.work(headers=b"encoding ISO-8859-1\n" if kind == "latin" else b"")

    @rule(days=st.sampled_from([1, 3, 40]))
    def wait(self, days: int) -> None:
        self.team.now(days * 24 * 60)


@contextmanager
def on_disk(history: History) -> Iterator[Repository]:
    """A clone of a history, for a moment."""
    folder = Path(tempfile.mkdtemp(prefix="mlassay-generated-"))
    try:
        repo = Repository.open(history.write(folder))
        try:
            yield repo
        finally:
            repo.close()
    finally:
        shutil.rmtree(folder)


def audited(history: History, *, anchor: AnchorFile | None = None) -> Report:
    """What an audit says of a history, from a clone of it."""
    known = Known([anchor] if anchor else [])
    with on_disk(history) as repo:
        return verify(repo, history.head, None, verifiers(), known=known, worktree=False, fsck=False)


def shown(report: Report) -> str:
    """The findings, a line each."""
    return "\n".join(f"{p.rule} | {p.commit[:8]} | {p.path} | {p.what}" for p in report.problems)
