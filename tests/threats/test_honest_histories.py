"""Honest histories, each by itself: whatever a team does that no liar would, an audit says nothing at all."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from mlassay.audit.at import answer
from mlassay.audit.verify import Known, verify
from mlassay.evidence import layout
from mlassay.evidence.verdict import Outcome
from mlassay.git import Identity, Repository
from mlassay.stages.propose import propose
from mlassay.wiring import verifiers
from tests.factory import project
from tests.stages.promoting import make_team
from tests.stages.reviewing import make_reviewed
from tests.threats.generated_objects import LINK, MODULE, SCRIPT, add, plain
from tests.threats.generated_signing import BOT, HeldKey, people_yaml
from tests.threats.generated_stories import audited, on_disk, shown
from tests.threats.generated_team import MANIFEST, MERGES, Team
from tests.threats.honest_keys import KINDS, bring

DAY = 24 * 60
DEV = Identity("Dev", "dev@example.org")
SIGNED = "-----BEGIN PGP SIGNATURE-----\n \n wsBcBAABCAAQBQJk\n -----END PGP SIGNATURE-----\n"


@pytest.fixture
def team():
    """A team with one release recorded."""
    team = Team.start()
    team.record()
    return team


def newest(team):
    return list(team.releases)[-1]


def clean(team):
    report = audited(team.history)
    assert not report.problems, shown(report)
    return report


def told(team):
    return sorted({problem.rule for problem in audited(team.history).problems})


def ran(team, when, environment="staging"):
    """What ``audit at`` says of a time: the release, and no problem with it."""
    with on_disk(team.history) as repo:
        now = team.clock + timedelta(days=1)
        found = answer(repo, when.isoformat(), environment, team.history.head, now, verifiers())
    assert not found.problems
    return found.live.pointer.live.release if found.live else None


# Merges


@pytest.mark.parametrize("how", MERGES)
def test_every_kind_of_merge(team, how):
    assert team.promoted("staging", newest(team), how)
    assert team.promoted("production", newest(team), how)
    clean(team)
    assert ran(team, team.clock, "production") == newest(team)


@pytest.mark.parametrize("how", MERGES)
def test_main_moves_on_while_a_promotion_waits(team, how):
    first = newest(team)
    team.ask("staging", first)
    team.say(0, "robin")
    team.work()
    team.record(Outcome.FAILED)
    team.branch(2, "merge")
    team.say(0, "lee")
    team.describe()
    team.changed("squash")
    assert team.land(0, how)
    clean(team)


def test_a_branch_is_rebased_onto_main_before_it_is_merged(team):
    team.ask("staging", newest(team))
    team.say(0, "robin")
    team.work()
    team.renew(0)
    team.say(0, "lee")
    team.work()
    team.renew(0)
    assert team.land(0, "merge")
    clean(team)


@pytest.mark.parametrize("how", ["merge", "squash", "forge"])
def test_main_is_merged_into_the_branch_before_it_lands(team, how):
    """The forge's button "Update branch"."""
    team.ask("staging", newest(team))
    team.say(0, "robin")
    team.work("README.md", b"moved on\n")
    (asked,) = team.open
    main = team.history.nodes[team.history.tip].delta
    update = team.commit(
        dict(main), "Merge main into it", parents=(asked.nodes[-1], team.history.tip), committer=BOT
    )
    files = team.history.files[update]
    whole = {path: entry for path, entry in files.items() if team.files.get(path) != entry}
    parents = (team.history.tip, update) if how != "squash" else (team.history.tip,)
    who = BOT if how == "forge" else project.AUTHOR
    team.history.tip = team.commit(whole, "Promote", parents=parents, who=who)
    clean(team)


def test_a_feature_branch_from_before_governance_changed_is_merged(team):
    team.rotate("lee")
    team.changed()
    team.work()
    assert team.branch(4, "merge")
    assert team.branch(3, "rebase")
    team.promoted("staging", newest(team))
    clean(team)


def test_an_octopus_and_a_root_of_its_own_are_merged(team):
    tip = team.history.tip
    sides = [team.commit({f"side{n}.txt": b"x"}, "Side", parents=(tip,), who=DEV) for n in range(2)]
    alone = team.commit({"theirs.txt": b"x"}, "Another beginning", parents=(), who=DEV)
    files = {"side0.txt": b"x", "side1.txt": b"x", "theirs.txt": b"x"}
    team.history.tip = team.commit(files, "Octopus", parents=(tip, *sides, alone), who=DEV)
    team.record()
    team.promoted("staging", newest(team))
    clean(team)


def test_ordinary_work_is_taken_back_and_its_merge_too(team):
    team.work("src/a.py", b"A = 1\n")
    team.branch(1, "merge", revert=False)
    merged = team.history.nodes[team.history.tip].delta
    team.commit(dict.fromkeys((path for path, _ in merged), None), "Revert a merge", who=DEV)
    team.commit({"src/a.py": None}, "Revert", who=DEV)
    team.record()
    team.promoted("staging", newest(team))
    clean(team)


# Promotions


def test_a_promotion_is_taken_back_by_another(team):
    first = newest(team)
    team.promoted("staging", first)
    before = team.now(60)
    team.work()
    team.record()
    team.promoted("staging", newest(team))
    between = team.now(60)
    team.promoted("staging", first, "squash")
    clean(team)
    assert ran(team, before) == ran(team, team.clock) == first
    assert ran(team, between) == newest(team) != first


def test_two_environments_are_promoted_in_one_day(team):
    team.promoted("staging", newest(team), "rebase")
    team.promoted("production", newest(team), "squash")
    clean(team)
    assert ran(team, team.clock, "staging") == ran(team, team.clock, "production")


def test_two_requests_of_one_base_land_one_after_the_other(team):
    first = newest(team)
    team.promoted("staging", first)
    team.record()
    team.ask("staging", newest(team))
    team.ask("production", first)
    for number in (0, 1):
        team.say(number, "robin")
        team.say(number, "lee")
    assert team.land(1, "rebase")
    assert team.land(0, "rebase")
    clean(team)


def test_an_environment_is_renamed_by_a_change_and_gets_its_pointer_by_a_promotion(team):
    """Policy names it anew; the old pointer stays where it was, and the new name starts with a promotion of its own."""
    first = newest(team)
    team.promoted("staging", first)
    team.promoted("production", first)
    before = team.now()
    assert team.rename("production", "live")
    assert team.changed()
    team.promoted("live", first)
    clean(team)
    assert ran(team, before, "production") == first
    assert ran(team, team.clock, "live") == first
    assert ran(team, before, "live") is None


def test_the_first_environment_is_renamed(team):
    team.promoted("staging", newest(team))
    team.rename("staging", "test")
    team.changed()
    team.record()
    team.promoted("test", newest(team))
    team.promoted("production", newest(team))
    clean(team)


def test_a_release_that_failed_is_recorded(team):
    team.record(Outcome.FAILED)
    clean(team)


@pytest.mark.parametrize("kind", ["refusals", "withdrawals"])
def test_a_request_that_somebody_refused_or_withdrew_from_is_recorded(team, kind):
    team.ask("staging", newest(team))
    team.say(0, "robin")
    assert team.say(0, "robin", kind) != (kind == "refusals")
    assert kind == "withdrawals" or team.say(0, "lee", kind)
    team.work()
    assert team.record_refused(0)
    team.promoted("staging", newest(team))
    report = clean(team)
    assert sorted(one.kind for one in report.confirmed) == ["promotion", "refused", "release"]


def test_a_change_that_somebody_refused_is_recorded(team):
    team.reword()
    team.say(0, "lee", "refusals")
    assert team.record_refused(0)
    clean(team)


def test_a_waiver_is_used_and_ends_later(team):
    team.record(Outcome.INCONCLUSIVE)
    doubtful = newest(team)
    team.waive(doubtful)
    assert team.promoted("staging", doubtful)
    team.now(100 * DAY)
    team.work()
    assert not team.promotable("production"), "and it carries nothing any more"
    team.record()
    team.promoted("staging", newest(team))
    clean(team)


def test_less_is_asked_of_a_model_and_somebody_accepts_that(team):
    """A commit that touches ml.yaml alone, as one names a chore."""
    team.promoted("staging", newest(team))
    team.demand("0.75")
    team.record()
    assert team.promoted("staging", newest(team))
    team.demand("0.85")
    team.record()
    assert team.promoted("staging", newest(team))
    clean(team)


def test_a_branch_that_stands_on_main_is_brought_in_by_moving_main_forward(team):
    team.ask("staging", newest(team))
    team.say(0, "robin")
    assert team.enough(team.open[0])
    team.history.tip = team.open[0].nodes[-1]
    team.work()
    clean(team)


def test_an_environment_comes_between_two_and_another_gets_a_new_name(team):
    first = newest(team)
    team.promoted("staging", first)
    line = next(line for line in team.text(layout.POLICY).splitlines() if line.startswith("  production:"))
    text = team.text(layout.POLICY).replace("[staging, production]", "[staging, trial, acme-live]")
    text = text.replace(
        line, line.replace("production", "trial") + "\n" + line.replace("production", "acme-live")
    )
    team.propose({layout.POLICY: text.encode()}, environments=("staging", "trial", "acme-live"))
    assert team.changed()
    for environment in ("trial", "acme-live"):
        assert team.promoted(environment, first, "rebase")
    clean(team)
    assert ran(team, team.clock, "acme-live") == first


def test_policy_people_and_a_manifest_change_in_one_request_written_on_windows(team):
    text = team.text(layout.POLICY).replace("days: 90", "days: 60").replace("\n", "\r\n").encode()
    manifest = team.text(MANIFEST).replace("Twenty", "Some twenty", 1).encode()
    people = team.text(layout.PEOPLE) + "# read\n"
    team.propose({layout.POLICY: text, MANIFEST: manifest, layout.PEOPLE: people.encode()})
    assert team.changed("rebase")
    team.record()
    team.promoted("staging", newest(team))
    clean(team)


# Keys and people


@pytest.mark.parametrize(("days", "rules"), [(3, []), (-3, ["policy.approvals"])])
def test_a_key_is_told_to_be_in_other_hands_since_after_it_signed_or_before(team, days, rules):
    for environment in team.environments:
        team.promoted(environment, newest(team))
    since = f"{team.clock + timedelta(days=days):%Y-%m-%d}"
    team.now(5 * DAY)
    keys = (HeldKey("robin", lost=since), HeldKey("robin2", f"{team.clock:%Y-%m-%d}"))
    people = team.people | {"robin": keys}
    team.propose({layout.PEOPLE: people_yaml(people, team.signers)}, people=people)
    team.changed()
    team.record()
    team.promoted("staging", newest(team))
    assert told(team) == rules


def test_an_older_release_is_promoted_after_the_key_of_the_ci_was_rotated(team):
    old = newest(team)
    team.rotate("ci")
    team.changed()
    team.now(5 * DAY)
    team.work()
    team.record()
    team.promoted("staging", newest(team))
    team.promoted("staging", old)
    assert team.propose(
        {layout.PEOPLE: people_yaml(team.people, team.signers[-1:])}, signers=team.signers[-1:]
    )
    team.changed()
    team.promoted("production", old)
    clean(team)


def test_a_key_is_rotated_on_time(team):
    team.promoted("staging", newest(team))
    for who in ("robin", "lee", "dana"):
        team.rotate(who)
        team.changed("squash")
    team.promoted("production", newest(team), "rebase")
    team.now(3 * DAY)
    team.record()
    team.promoted("staging", newest(team))
    clean(team)


@pytest.mark.parametrize("kind", KINDS)
def test_a_person_changes_to_a_key_of_another_kind(team, kind, tmp_path):
    bring(f"robin-{kind}", kind, tmp_path)
    team.promoted("staging", newest(team))
    keys = (HeldKey("robin", until=f"{team.clock + timedelta(days=1):%Y-%m-%d}"), HeldKey(f"robin-{kind}"))
    people = team.people | {"robin": keys}
    team.propose({layout.PEOPLE: people_yaml(people, team.signers)}, people=people)
    team.changed()
    team.now(2 * DAY)
    team.promoted("production", newest(team))
    clean(team)


def test_a_person_who_approved_left(team):
    team.promoted("staging", newest(team))
    team.join()
    team.changed("rebase")
    team.leave()
    team.changed("squash")
    assert "robin" not in team.people
    team.promoted("production", newest(team))
    clean(team)


def test_what_was_approved_before_a_key_ended_and_merged_after_it_counts_no_more(team):
    """Approvals are judged by the keys at the merge: merge refuses it, and who pushes it by hand is found.

    Merged before the end, with the same key, it stays clean for ever.
    """
    end = f"{team.clock + timedelta(days=1):%Y-%m-%d}"
    people = team.people | {"robin": (HeldKey("robin", until=end),)}
    team.propose({layout.PEOPLE: people_yaml(people, team.signers)}, people=people)
    team.changed()
    late, in_time = team.copy(), team
    for one in (late, in_time):
        one.ask("staging", newest(one))
        one.say(0, "robin")
    assert in_time.land(0)
    in_time.now(3 * DAY)
    in_time.work()
    clean(in_time)
    late.now(3 * DAY)
    assert not late.land(0)
    late._merged(late.open[0].nodes, "By hand", "merge", late.now())
    assert told(late) == ["policy.approvals"]


# Clocks


@pytest.mark.parametrize(("minutes", "rules"), [(4, []), (8, ["policy.clock"])])
def test_clocks_that_differ_by_minutes(team, minutes, rules):
    team.work()
    team.ask("staging", newest(team))
    team.say(0, "robin")
    team.say(0, "lee")
    assert team.land(0, "squash", skew=minutes)
    team.work(when=team.now() - timedelta(minutes=30))
    assert told(team) == rules


def test_a_team_east_of_its_own_tomorrow(team):
    """Release ids carry the day in UTC, whatever the zone of the source commit says."""
    team.clock = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)
    team.work(zone="+1300")
    team.record()
    team.work(zone="-0930")
    team.promoted("staging", newest(team))
    clean(team)


def test_dates_of_unrelated_commits_are_nobodys_business(team):
    team.commit({"old.txt": b"x"}, "From 1969", when=datetime(1970, 1, 1, tzinfo=UTC), who=DEV)
    team.commit({"new.txt": b"x"}, "Back", who=DEV)
    team.promoted("staging", newest(team))
    clean(team)


# What else lies in a repository


def test_hundreds_of_commits_came_before_with_folders_of_the_same_names():
    team = Team()
    team.commit({"README.md": b"old\n"}, "Long ago", who=DEV)
    before = {
        "evidence/photo.txt": b"of the court\n",
        "data/wells.manifest.yaml": b"drilled: 1\n",
        "environments/conda.yaml": b"name: old\n",
        "changes/1.txt": b"see the wiki\n",
        "promotions/spring.md": b"cheaper by half\n",
        "governance/charter.md": b"we are a co-operative\n",
    }
    for path, data in before.items():
        team.commit({path: data}, "Old ways", who=DEV)
    for number in range(200):
        team.work()
        if number % 50 == 0:
            team.commit({"evidence/photo.txt": b"%d\n" % number}, "Changed then", who=DEV)
            team.branch(5, "merge")
    team.commit(dict.fromkeys(before), "Make room", who=DEV)
    started = Team.start()
    team.commit(dict(started.files), "Bring mlassay in")
    team.record()
    team.promoted("staging", newest(team))
    team.promoted("production", newest(team), "rebase")
    clean(team)
    assert ran(team, team.clock) == newest(team)


def test_folders_of_the_same_names_that_were_left_standing():
    """What lay there before the root of trust is nobody's record, and nobody's lie."""
    team = Team()
    team.commit({"evidence/photo.txt": b"x\n", "data/wells.manifest.yaml": b"drilled: 1\n"}, "Old", who=DEV)
    team.commit(dict(Team.start().files), "Bring mlassay in")
    team.record()
    team.promoted("staging", newest(team))
    clean(team)


def test_a_fork_of_the_template_whose_first_people_have_no_key():
    team = Team.start()
    files = {path: entry for path, entry in team.files.items() if path != layout.PEOPLE}
    forked = Team()
    forked.commit(files | {layout.PEOPLE: project.NOBODY.encode()}, "The template")
    forked.commit({layout.PEOPLE: team.files[layout.PEOPLE]}, "Our own people")
    forked.record()
    forked.promoted("staging", newest(forked))
    report = clean(forked)
    assert report.root == forked.history.ids[1]


def test_submodules_links_programs_and_odd_names_elsewhere(team):
    team.commit({"vendor/lib": (MODULE, "1" * 40), ".gitmodules": b"[submodule]\n"}, "A submodule", who=DEV)
    team.commit({"latest": (LINK, add("blob", b"evidence"))}, "A link to guarded files", who=DEV)
    odd = {"run.sh": (SCRIPT, add("blob", b"#!/bin/sh\n")), "docs/--option": b"x", "docs/grüße\n.txt": b"x"}
    team.commit(odd | {"src/evidence/a.txt": b"x", "mine/data/x.manifest.yaml": b"x"}, "Odd names", who=DEV)
    team.commit({"vendor/lib": (MODULE, "2" * 40)}, "A newer submodule", who=DEV)
    team.record()
    team.promoted("staging", newest(team))
    clean(team)


def test_line_ends_of_windows_and_attributes_that_leave_guarded_files_alone(team):
    lines = b"* text=auto\n*.bat text eol=crlf\n*.png binary\n*.onnx -text\n"
    team.commit({"start.bat": b"echo\r\n", ".gitattributes": lines}, "Windows", who=DEV)
    team.record()
    team.promoted("staging", newest(team))
    clean(team)


def test_commits_without_changes_in_other_encodings_signed_by_others_and_made_on_the_forges_page(team):
    team.commit({}, "Nothing at all", who=DEV)
    team.commit({}, "", who=DEV)
    team.commit({"a.txt": b"x"}, "Latin", who=DEV, headers=b"encoding ISO-8859-1\n")
    signed = b"gpgsig " + SIGNED.rstrip("\n").encode() + b"\n"
    team.commit({"README.md": b"by the web\n"}, "Update README.md", committer=BOT, headers=signed)
    team.commit({"b.txt": b"x"}, "Name", who=Identity("Jos\u00e9 \u202e", "x@example.org"))
    team.record()
    team.promoted("staging", newest(team), "forge")
    clean(team)


def test_data_is_described_anew_and_more_data_comes_and_goes(team):
    team.describe()
    assert team.changed("rebase")
    more = team.text(MANIFEST).replace("name: applications", "name: more").encode()
    for files in ({"data/more.manifest.yaml": more}, {"data/more.manifest.yaml": None}):
        team.propose(files)
        assert team.changed()
    team.record()
    team.promoted("staging", newest(team))
    clean(team)


def test_a_working_clone_with_tags_notes_and_branches_beside_the_line(team, tmp_path):
    """All that ``audit verify`` looks at in a clone that somebody works in: files on the disk, git fsck, every ref."""
    team.promoted("staging", newest(team), "rebase")
    team.ask("production", newest(team))
    git = team.history.write(tmp_path)
    (waiting,) = (one.nodes[-1] for one in team.open)
    who = {
        "GIT_COMMITTER_NAME": "x",
        "GIT_COMMITTER_EMAIL": "x",
        "GIT_AUTHOR_NAME": "x",
        "GIT_AUTHOR_EMAIL": "x",
    }

    def run(*words, folder=git):
        subprocess.run(
            ["git", *words], cwd=folder, check=True, capture_output=True, env=who | {"PATH": "/usr/bin:/bin"}
        )

    run("update-ref", "refs/heads/promotion/production/waiting", team.history.ids[waiting])
    run("tag", "-a", "-m", "what runs", f"runs/{newest(team)}", "main")
    run("tag", "light", "main~1")
    run("notes", "add", "-m", "seen", "main")
    run("clone", "-q", str(git), str(tmp_path / "work"), folder=tmp_path)
    work = tmp_path / "work"
    (work / "untracked.txt").write_text("mine\n")
    (work / "train.py").write_text("print('half done')\n")
    run("fetch", "-q", "origin", "refs/notes/*:refs/notes/*", folder=work)
    run("stash", folder=work)
    run("gc", "-q", folder=work)
    repo = Repository.open(work)
    report = verify(repo, repo.resolve("HEAD"), None, verifiers(), known=Known())
    assert not report.problems, shown(report)


def test_a_manifest_comes_and_goes_by_the_verbs_that_people_use(tmp_path):
    team = make_team(tmp_path)
    path = team.project.folder / "data/more.manifest.yaml"
    for text in (project.manifest_yaml().replace("name: applications", "name: more"), None):
        path.write_text(text) if text else path.unlink()
        id_ = propose(
            team.desk, team.key("dana"), reason="The team agreed on this in its last meeting."
        ).name.id
        assert not team.say(id_, "lee").no
        done = team.merge(id_)
        assert done.decision.allowed, done.decision.unmet
        assert (team.repo.entry(team.main(), "data/more.manifest.yaml") is None) == (text is None)
        assert team.repo.fast_forward("main", team.main())
    report = verify(team.repo, team.main(), None, verifiers(), known=Known(), worktree=False)
    assert not report.problems, shown(report)


def test_reviews_on_the_forge_are_recorded_a_day_after_the_merge(tmp_path):
    team = make_reviewed(tmp_path)
    id_ = team.ask().name.id
    team.review(id_, "robin")
    assert team.merge(id_).commit
    team.project.clock += timedelta(days=1)
    team.repo.push("origin", _upon(team), "refs/heads/main", team.main())
    assert team.record(id_).commit
    team.repo.fetch("origin")
    report = verify(team.repo, team.main(), None, verifiers(), known=Known(), worktree=False)
    assert not report.problems, shown(report)


def _upon(team):
    """An ordinary commit that came to the main line between the merge and the record of its reviews."""
    return team.repo.write_commit(
        team.main(), {"notes.txt": b"x"}, message="Work", author=DEV, when=team.project.now()
    )


def test_plain_bytes_are_what_they_were():
    """The stories stand on this: an object's id here is git's own."""
    done = subprocess.run(["git", "hash-object", "--stdin"], input=b"x\n", capture_output=True, check=True)
    assert plain(b"x\n")[1] == done.stdout.decode().strip()
