"""Bare pushes to the main line that are used afterwards: a decision must not rest on them. Each beside its control."""

import subprocess
from datetime import timedelta

import pytest

from mlassay.audit.verify import verify
from mlassay.config import load_environment
from mlassay.digest import bare
from mlassay.evidence.statement import EVIDENCE_PREDICATES
from mlassay.stages.propose import propose
from mlassay.stages.record import record
from mlassay.wiring import verifiers
from tests import factory
from tests.audit.story import git
from tests.factory.project import ci_key, person_key, signer_yaml
from tests.stages.promoting import SAID, make_team
from tests.stages.test_promotion_attacks import branch

POINTER = "environments/staging.yaml"
PEOPLE = "governance/people.yaml"


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def problems(team):
    """What `verify` finds on the remote's main line."""
    team.repo.fetch("origin")
    return verify(team.repo, team.main(), None, verifiers(), worktree=False).problems


def pulled(team):
    """Bring the checkout to where the remote is."""
    team.repo.fetch("origin")
    assert team.repo.fast_forward("main", team.main())


def asked(team, environment="staging", release=None):
    id_ = team.promote(environment, release).name.id
    for who in ("robin", "lee"):
        team.say(id_, who)
    return id_


def with_person(team, name):
    """people.yaml with one more risk lead, whose key the attacker has."""
    public = person_key(team.project.keys, name)
    entry = (
        f"  {name}:\n    name: {name.title()}\n    team: audit\n    roles: [risk-lead]\n"
        f"    emails: [{name}@example.org]\n    keys: [{{key: {public}, valid_from: 2026-01-01}}]\nsigners:"
    )
    return team.repo.read(team.main(), PEOPLE).decode().replace("signers:", entry).encode()


def test_a_pointer_written_by_hand_opens_no_way_to_production(team):
    team.land()
    other = factory.record(team.project, seed=2).release
    before = team.repo.read(team.main(), POINTER)
    live = load_environment(POINTER, before).live
    control = asked(team, "production", live.release)
    assert team.unmet(control) == set()
    swaps = (
        (live.release, other.id),
        (live.digest, other.digest),
        (live.model_sha256, bare(other.model.digest)),
    )
    forged = before
    for old, new in swaps:
        forged = forged.replace(old.encode(), new.encode())
    team.push("main", {POINTER: forged})
    assert team.unmet(asked(team, "production", other.id)) == {"main-line"}
    team.push("main", {POINTER: before})
    assert team.unmet(control) == set(), "what staging rightly held stays good when the file is put back"


def test_a_live_pointer_written_or_deleted_by_hand_is_no_ground_for_the_next(team):
    team.land()
    other = factory.record(team.project, seed=2).release.id
    id_ = asked(team, "staging", other)
    assert team.unmet(id_) == set()
    before = team.repo.read(team.main(), POINTER)
    for forged in (None, before.replace(b"share: 100", b"share: 99")):
        team.push("main", {POINTER: forged})
        assert "main-line" in team.unmet(id_)
        team.push("main", {POINTER: before})
        assert team.unmet(id_) == set()


def test_a_key_pushed_by_hand_approves_nothing(team):
    id_ = team.promote().name.id
    before = team.repo.read(team.main(), PEOPLE)
    SAID["eve"] = ("I read every page of that report twice.", "The market could turn within the next year.")
    team.push("main", {PEOPLE: with_person(team, "eve")})
    team.say(id_, "eve")
    assert "main-line" in team.unmet(id_)
    team.push("main", {PEOPLE: before})
    assert "approvals" in team.unmet(id_), "and without the push nobody knows that key"


def test_the_same_key_brought_in_by_a_change_approves(team):
    pulled(team)
    (team.project.folder / PEOPLE).write_bytes(with_person(team, "eve"))
    change = propose(
        team.desk, team.key("dana"), reason="Eve audits what the others decide from now on."
    ).name.id
    assert not team.say(change, "lee").no
    assert team.merge(change).decision.allowed
    SAID["eve"] = ("I read every page of that report twice.", "The market could turn within the next year.")
    id_ = team.promote().name.id
    assert not team.say(id_, "eve").no
    assert team.unmet(id_) == set()
    assert not problems(team)


def test_evidence_signed_by_a_key_that_was_pushed_by_hand_and_taken_back_is_no_ground(team):
    keys, before = team.project.keys, team.repo.read(team.main(), PEOPLE)
    lines = "\n".join(signer_yaml("spare", ci_key(keys, "spare"))) + "\n"
    assert EVIDENCE_PREDICATES[0] in lines
    team.push("main", {PEOPLE: before + lines.encode()})
    pulled(team)
    run = factory.run_folder(team.project, seed=5)
    factory.sign_run(team.project, run, key="spare")
    forged = record(team.repo, run, verifiers(), clock=team.project.now).release.id
    team.push("main", {PEOPLE: before})
    pulled(team)
    assert "main-line" in team.unmet(asked(team, "staging", forged))
    honest = factory.record(team.project, seed=6).release.id
    assert team.unmet(asked(team, "staging", honest)) == set()


@pytest.mark.parametrize("evil", [True, False])
def test_a_pointer_that_was_wrong_between_two_commits_of_one_promotion_is_found(team, evil):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    team.repo.fetch("origin")
    head = team.repo.refs("refs/remotes/origin/")[f"refs/remotes/origin/{branch(id_)}"]
    files = {c.path: team.repo.read(head, c.path) for c in team.repo.changes(team.main(), head)}
    first = {path: data for path, data in files.items() if "approvals" not in path}
    if evil:
        first[POINTER] = files[POINTER].replace(b"share: 100", b"share: 99")
    team.push("main", first)
    team.push("main", files)
    found = problems(team)
    assert {problem.path for problem in found} == ({POINTER} if evil else set())


@pytest.mark.parametrize("how", ["--no-ff", "--squash", "--ff-only", "rebase"])
def test_plain_git_may_merge_what_was_approved(team, how):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    if how != "--ff-only":
        team.project.commit({"train.py": "print('still never run')\n"})
    when = f"{team.project.now().timestamp():.0f} +0000"
    env = {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when, "PATH": "/usr/bin:/bin"}

    def plain(*words):
        subprocess.run(["git", "-C", team.project.folder, *words], check=True, capture_output=True, env=env)

    plain("fetch", "-q")
    plain("reset", "-q", "--hard", "origin/main")
    if how == "rebase":
        plain("checkout", "-q", "-b", "work", f"origin/{branch(id_)}")
        plain("rebase", "-q", "main")
        plain("checkout", "-q", "main")
        plain("merge", "-q", "--ff-only", "work")
    else:
        plain("merge", "-q", how, f"origin/{branch(id_)}", *(["--no-edit"] if how == "--no-ff" else []))
    if how == "--squash":
        plain("commit", "-q", "-m", "Promote")
    plain("push", "-q", "origin", "main")
    assert problems(team) == ()
    assert team.unmet(asked(team, "production")) == set()


@pytest.mark.parametrize("name", ["environments", "promotions", "changes", "Evidence"])
@pytest.mark.parametrize("mode", ["120000", "160000"])
def test_a_link_or_submodule_in_the_place_of_a_guarded_folder_is_found(team, name, mode):
    """Where the folder is not there yet, nothing is missing: a reader of environments/ would follow the link."""
    assert problems(team) == ()
    folder, tip = team.project.folder, team.main()
    id_ = tip if mode == "160000" else git(folder, "hash-object", "-w", "--stdin", data=b"tests")
    kind = "commit" if mode == "160000" else "blob"
    listed = f"{git(folder, 'ls-tree', tip)}\n{mode} {kind} {id_}\t{name}\n"
    tree = git(folder, "mktree", data=listed.encode())
    when = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    commit = git(folder, *when, "commit-tree", tree, "-p", tip, "-m", "x")
    git(folder, "push", "-q", "origin", f"{commit}:refs/heads/main")
    assert name in {problem.path for problem in problems(team)}


@pytest.mark.parametrize(("hours", "found"), [(24, True), (0, False)])
def test_a_record_dated_before_the_commit_that_it_stands_on_is_found(team, hours, found):
    pulled(team)
    run = factory.run_folder(team.project, seed=5)
    signed = factory.sign_run(team.project, run)
    files = {
        f"evidence/{signed.release.id}/{path.relative_to(signed.folder).as_posix()}": path.read_bytes()
        for path in signed.folder.rglob("*")
        if path.is_file()
    }
    when = team.repo.commit(team.main()).time - timedelta(hours=hours)
    commit = team.repo.write_commit(
        team.main(), files, message="Record\n", author=factory.project.AUTHOR, when=when
    )
    team.repo.push("origin", commit, "refs/heads/main", team.main())
    assert bool(problems(team)) is found
