"""Random honest histories verify clean, whatever a team does in whatever order; altered ones never do.

A fixed handful of each is tried with every run. ``MLASSAY_GENERATED=5000`` tries so many, at random and anew each time.
"""

import contextlib
import json
import os
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from mlassay.audit.anchor_pin import make_anchor
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence.anchors import AnchorFile
from tests.threats.generated_alterations import ALTERATIONS, Dice
from tests.threats.generated_objects import History, guarded, read
from tests.threats.generated_stories import LIVES, Stories, audited, life, on_disk, shown
from tests.threats.generated_tampering import TAMPERINGS
from tests.threats.generated_team import Team

MANY = int(os.environ.get("MLASSAY_GENERATED", "0"))


def tries(few: int, **more) -> settings:
    """Settings of a fixed number of examples, or of as many as were asked for."""
    return settings(
        max_examples=MANY or few,
        phases=[Phase.explicit, Phase.generate, Phase.shrink] if MANY else [Phase.explicit, Phase.generate],
        derandomize=not MANY,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


class Honest(Stories):
    def teardown(self) -> None:
        report = audited(self.team.history)
        assert not report.problems, shown(report)


Honest.TestCase.settings = tries(30, stateful_step_count=40)


class TestHonestHistoriesVerifyClean(Honest.TestCase):
    pass


@cache
def anchor_of(lived: str) -> AnchorFile:
    """An anchor of that team's newest commit, as somebody keeps it elsewhere."""
    with on_disk(life(lived).history) as repo:
        head = life(lived).history.head
        return make_anchor(repo, head, date=repo.commit(head).time, findings=0, signer=None)


def only_an_anchor_sees(history: History, other: History) -> bool:
    """Whether an alteration takes the newest of a history away, or parts its newest landing otherwise, and no more.

    Nothing that is signed names those commits yet, and nothing is there that was not there before: the same would
    stand there, had the newest never been pushed, or been merged another way.
    """
    line, now = ([one.ids[at] for at in one.line()] for one in (history, other))
    sealed = 1 + max((line.index(id_) for id_ in bound(history) if id_ in line), default=0)
    before, after = guarded(history), guarded(other)
    nothing_new = frozenset().union(*after) <= frozenset().union(*before)
    return line[:sealed] == now[:sealed] and after[-1] in before and nothing_new


def bound(history: History) -> list[str]:
    """The commits that something signed names: where requests were asked, and what releases were made of."""
    files = history.files[history.tip]
    found = [json.loads(read(entry)) for path, entry in files.items() if path.endswith("/request.json")]
    made = [json.loads(read(entry)) for path, entry in files.items() if path.endswith("/release.json")]
    return [request["base"] for request in found] + [release["source"]["commit"] for release in made]


def lived_on(team: Team) -> None:
    """What a team does next that has seen nothing: a release into its first environment, where policy lets it."""
    team.work()
    team.record()
    team.promoted(team.environments[0], list(team.releases)[-1], "squash")


dice = st.builds(Dice, st.integers(0, 11), st.integers(0, 59), st.integers(0, 499), st.integers(0, 59))


@tries(200)
@given(lived=st.sampled_from(LIVES), name=st.sampled_from(sorted(ALTERATIONS)), dice=dice)
def test_a_history_altered_anywhere_never_verifies_clean(lived, name, dice):
    history = life(lived).history
    other = ALTERATIONS[name](history, dice)
    assume(other is not None)
    assume(guarded(other) != guarded(history))
    report = audited(other)
    if only_an_anchor_sees(history, other):
        if not report.problems:
            report = audited(other, anchor=anchor_of(lived))
            assert {problem.rule for problem in report.problems} == {"anchor"}, shown(report)
    else:
        assert report.problems


@tries(90)
@given(
    lived=st.sampled_from(LIVES), name=st.sampled_from(sorted(TAMPERINGS)), dice=dice, after=st.integers(0, 2)
)
def test_who_tampers_is_found_though_honest_people_go_on(lived, name, dice, after):
    team = life(lived).copy()
    assume(TAMPERINGS[name](team, dice))
    with contextlib.suppress(
        ConfigurationError, EvidenceError, KeyError
    ):  # who cannot read what was pushed goes no further
        for _ in range(after):
            lived_on(team)
    assert audited(team.history).problems


@pytest.mark.parametrize("lived", LIVES)
def test_a_history_without_its_newest_commits_is_clean_and_only_an_anchor_says_that_they_are_gone(lived):
    whole, cut = life(lived).history, life(lived).history.copy()
    cut.tip = cut.line()[-2] if len(cut.line()) > 1 else cut.tip
    if lived in ("live", "old"):  # a rebase merge is three commits: all of it is gone
        cut.tip = cut.line()[-3]
    report = audited(cut)
    assert not report.problems, shown(report)
    if cut.tip != whole.tip:
        report = audited(cut, anchor=anchor_of(lived))
        assert {problem.rule for problem in report.problems} == {"anchor"}, shown(report)


# What the long profile found.


def test_a_waiver_of_a_release_that_nobody_recorded_is_found():
    history = life("busy").history
    other = ALTERATIONS["omit"](history, Dice(1, 0, 0, 0))
    assert [problem.rule for problem in audited(other).problems] == ["waiver"]


def test_a_signature_of_a_waiver_that_is_not_there_is_found():
    other = ALTERATIONS["drop"](life("busy").history, Dice(0, 0, 0, 0))
    assert [problem.rule for problem in audited(other).problems] == ["stray"]
