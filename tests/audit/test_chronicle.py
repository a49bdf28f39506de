"""The main line as one story: what verify judges is what it tells, in the order that the line proves."""

from __future__ import annotations

import dataclasses
import subprocess
from datetime import timedelta

import pytest

from mlassay.audit.chronicle import (
    first_time,
    live_at,
    live_now,
    made_with,
    ran,
    read_chronicle,
    read_judged,
    release_by_id,
    spans,
)
from mlassay.audit.verify import Known, verify
from mlassay.errors import ConfigurationError
from mlassay.git import Identity, Repository
from mlassay.wiring import verifiers
from tests.audit.told_fixtures import chronicle, ids, story

LIAR = Identity("Robin", "robin@example.org")


@pytest.fixture
def clone(tmp_path):
    """A fresh clone of the story's remote."""
    return Repository.clone(story().team.project.remote.folder, tmp_path / "clone")


def push(repo, changes, base=None, later=timedelta(minutes=1)):
    base = base or repo.head()
    when = repo.commit(base).time + later
    return repo.write_commit(base, changes, message="Tidy up", author=LIAR, when=when)


def numbers(entries):
    return [entry.moment.number for entry in entries]


def test_everything_that_was_recorded_is_there_in_the_order_of_the_main_line():
    told, known = chronicle(), ids()
    assert [entry.id for entry in told.releases] == [known["first"], known["failed"], known["second"]]
    assert [entry.id for entry in told.promotions] == [known["promotion"], known["later"]]
    assert [entry.id for entry in told.changes] == [known["governance"], known["manifest"]]
    assert [entry.id for entry in told.refused] == [known["refused"]]
    assert [entry.waiver.release for entry in told.waivers] == [known["second"]]
    assert told.root.commit == told.first.commit == known["root"]
    for pile in (told.releases, told.promotions, told.changes, told.waivers, told.governance, told.manifests):
        assert numbers(pile) == sorted(numbers(pile))


def test_a_true_history_has_no_problem_anywhere_and_policy_says_yes_again():
    told = chronicle()
    piles = (told.releases, told.promotions, told.refused, told.changes, told.waivers)
    assert told.problems == ()
    assert [entry.problems for pile in piles for entry in pile if entry.problems] == []
    assert all(entry.decision.allowed for entry in (*told.promotions, *told.changes))


def test_words_carry_the_key_that_ssh_keygen_would_name():
    words = {word.person: word for word in chronicle().promotions[0].words}
    public = (story().team.project.keys / "robin.pub").read_text()
    shown = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=public, capture_output=True, text=True, check=True
    )
    assert words["robin"].key == shown.stdout.split()[1]
    assert words["robin"].holds
    assert words["robin"].kind == "approval"


def test_a_release_knows_its_data_and_where_its_source_stands():
    first, known = chronicle().releases[0], ids()
    repo = story().team.repo
    assert first.source.commit == first.release.source.commit == known["root"]
    assert [(use.name, use.path) for use in first.data] == [
        ("applications", "data/applications.manifest.yaml")
    ]
    manifest = repo.read(known["root"], "data/applications.manifest.yaml").decode()
    assert f'root: "{first.data[0].root}"' in manifest
    assert [entry.id for entry in made_with(chronicle(), first.data[0].digest)] == [known["first"]]
    assert len(made_with(chronicle(), first.data[0].root)) == 3


def test_pointers_say_what_ran_from_when_to_when():
    told, known = chronicle(), ids()
    held = [(span.entry.pointer.live.release, span.until) for span in spans(told, "staging")]
    assert held == [(known["first"], told.promotions[1].moment), (known["second"], None)]
    assert all(entry.explained for entry in told.pointers["staging"])
    assert told.promotions[1].previous == known["first"]
    at = told.promotions[1].moment.time
    assert live_at(told, "staging", at).pointer.live.release == known["second"]
    assert live_at(told, "staging", at - timedelta(seconds=1)).pointer.live.release == known["first"]
    assert live_at(told, "staging", told.first.time) is None
    assert live_now(told, "production") is None
    assert first_time(told, known["second"], "staging") == told.promotions[1].moment
    assert ran(told, known["failed"]) == ()


def test_without_judging_the_same_records_are_read_and_nothing_is_decided():
    told = chronicle()
    plain = read_chronicle(story().team.repo, "HEAD", verifiers(), judge=False)
    assert not plain.judged
    for name in ("promotions", "changes", "waivers", "refused", "pointers", "governance", "manifests"):
        for one, other in zip(getattr(told, name), getattr(plain, name), strict=True):
            if hasattr(one, "decision"):
                one = dataclasses.replace(one, decision=None)  # noqa: PLW2901  the one difference
            assert one == other
    assert [r.release for r in plain.releases] == [r.release for r in told.releases]
    assert plain.releases[0].provenance is None


@pytest.mark.parametrize("path", ["evidence", "promotions", "changes", "governance/waivers"])
def test_what_verify_finds_the_chronicle_tells_and_nothing_else(clone, path):
    files = [name for name in clone.tree(clone.head(), path) if name.endswith(".json")]
    victim = files[len(files) // 2]
    data = clone.read(clone.head(), victim)
    bad = push(clone, {victim: data.replace(b"a", b"b", 1)})
    told = read_chronicle(clone, bad, verifiers())
    piles = (told.releases, told.promotions, told.refused, told.changes, told.waivers)
    problems = {*told.problems, *(problem for pile in piles for entry in pile for problem in entry.problems)}
    assert problems == set(verify(clone, bad, None, verifiers(), worktree=False).problems)
    assert problems


def test_a_pointer_that_somebody_pushed_is_told_as_explained_by_nothing(clone):
    old = clone.read(ids()["promotion_commit"], "environments/staging.yaml")
    told = read_chronicle(clone, push(clone, {"environments/staging.yaml": old}), verifiers())
    assert [entry.explained for entry in told.pointers["staging"]] == [True, True, False]


def test_a_date_before_its_parents_is_only_claimed_and_the_order_stands(clone):
    bad = push(clone, {"environments/staging.yaml": b"nothing\n"}, later=timedelta(days=-400))
    told = read_chronicle(clone, bad, verifiers())
    moment = told.pointers["staging"][-1].moment
    assert moment.claimed < told.first.time
    assert moment.time == read_chronicle(clone, "HEAD", verifiers(), judge=False).head.time
    assert told.pointers["staging"][-1].pointer is None


def test_a_release_whose_evidence_was_altered_on_the_way_in_is_believed_in_nothing(clone):
    folder = f"evidence/{ids()['first']}"
    copied = {
        f"evidence/20261120-00000000/{path.removeprefix(folder + '/')}": clone.read(clone.head(), path)
        for path in clone.tree(clone.head(), folder)
    }
    told = read_chronicle(clone, push(clone, copied), verifiers())
    assert release_by_id(told, "20261120-00000000").problems
    assert not release_by_id(told, ids()["first"]).problems


def test_half_of_a_history_is_refused(tmp_path):
    url = f"file://{story().team.project.remote.folder}"
    shallow = Repository.clone(url, tmp_path / "shallow", depth=2)
    with pytest.raises(ConfigurationError, match="shallow"):
        read_chronicle(shallow, "HEAD", verifiers())


@pytest.mark.parametrize("altered", [{}, {"environments/staging.yaml": b"nothing\n"}])
def test_one_walk_serves_the_chronicle_and_the_verdict(clone, altered):
    head = push(clone, altered) if altered else clone.head()
    told, walk = read_judged(clone, head, verifiers())
    report = verify(clone, head, None, verifiers(), known=Known(), worktree=False)
    assert verify(clone, head, None, verifiers(), known=Known(), worktree=False, walked=walk) == report
    assert bool(report.problems) is bool(altered)
    assert (told.head.commit, told.judged) == (report.head, True)
