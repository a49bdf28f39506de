"""Histories that are made in other ways, and must be confirmed by the page all the same: machines, reviews, merges, forks."""

from __future__ import annotations

import pytest

from mlassay.evidence import layout
from mlassay.git import Repository
from mlassay.stages.record import record as record_stage
from mlassay.stages.sign import sign as sign_stage
from mlassay.wiring import verifiers
from tests import factory
from tests.audit.exporting import export, follow
from tests.audit.story import REASON, RISK, WHY, git, mlassay
from tests.factory import histories
from tests.factory.keyless import RunSigner, claims_at, context_at, keyless_project
from tests.factory.project import AUTHOR, people_yaml, person_key
from tests.servers.sigstore import Sigstore
from tests.stages.reviewing import make_reviewed


def confirmed(folder):
    done = follow(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_machines_request_and_the_record_of_reviews_are_checked(tmp_path):
    team = make_reviewed(tmp_path)
    id_ = team.ask().name.id
    team.review(id_, "robin")
    assert team.merge(id_).commit
    team.repo.fetch("origin")
    assert team.record(id_)
    team.repo.fetch("origin")
    said = confirmed(export(team.repo, tmp_path, at=team.main()))
    folder = f"promotions/staging/{id_}"
    assert f"ok: urn:mlassay:predicate:request:1 by desk, {folder}/request.dsse.json" in said
    assert f"ok: urn:mlassay:predicate:review-record:1 by desk, {folder}/record.dsse.json" in said


def test_a_keyless_signers_run_is_named_and_what_openssl_cannot_see_is_said(tmp_path):
    own = Sigstore()
    project = keyless_project(tmp_path, own.trust_config())
    run, claims = factory.run_folder(project), claims_at(project)
    sign_stage(
        project.repo, run, RunSigner(own, claims, project.now), context_at(project, claims), project.now()
    )
    done = record_stage(project.repo, run, verifiers(), clock=project.now)
    folder = export(project.repo, tmp_path, at=done.commit)
    said = confirmed(folder)
    assert "NOT CHECKED: who issued the certificate of evidence/" in said
    assert "Who issued a run's certificate" in (folder / "README.md").read_text()
    # The same evidence, under a people.yaml that pins another workflow
    (first,) = [c for c in project.repo.first_parents(done.commit) if not c.parents]
    people = project.repo.read(first.id, layout.PEOPLE)
    pinned = claims["identity"].encode()
    assert pinned in people
    start = {path: project.repo.blob(entry.id) for path, entry in project.repo.tree(first.id).items()}
    start[layout.PEOPLE] = people.replace(pinned, pinned.replace(b"https://", b"https://not-"))
    base = project.repo.write_commit(None, start, message="Start", author=AUTHOR, when=first.time)
    brought = {c.path: project.repo.blob(c.new.id) for c in project.repo.changes(first.id, done.commit)}
    at = project.repo.write_commit(base, brought, message="Record", author=AUTHOR, when=project.now())
    (tmp_path / "other").mkdir()
    told = follow(export(project.repo, tmp_path / "other", at=at))
    assert "by a run that people.yaml does not name" in told.stderr


def test_a_fork_with_nobodys_key_and_a_rebase_of_a_change_of_keys_hold(tmp_path):
    """The approval lands in a commit after the new people.yaml, and is judged by the one before the request."""
    project = factory.make(tmp_path, remote=True, forked=True)
    team, keys = project.folder, project.keys
    factory.record(project)
    old = project.read("governance/people.yaml")
    new = person_key(keys, "lee-2")
    (lee,) = [line for line in old.splitlines() if (keys / "lee.pub").read_text().split()[1] in line]
    rotated = lee.replace("keys: [{", f"keys: [{{key: {new}, valid_from: 2026-01-01}}, {{").replace(
        "}]", ", revoked: {at: 2030-01-01, because: rotated}}]"
    )
    (team / "governance/people.yaml").write_text(old.replace(lee, rotated))
    mlassay(team, "propose", "--reason", WHY, "--key", str(keys / "dana"))
    branch = next(b for b in git(team, "branch", "-r", "--format=%(refname:short)").split() if "change/" in b)
    change = branch.rpartition("/")[2]
    mlassay(team, "approve", change, "--reason", REASON, "--risk", RISK, "--key", str(keys / "lee"))
    git(team, "fetch", "-q")
    git(team, "push", "-q", "origin", f"{branch}:refs/heads/main")
    head = git(team, "rev-parse", branch)
    repo = Repository.open(tmp_path / "remote.git")
    assert len(list(repo.first_parents(head))) == len(list(repo.commits_between(None, head)))
    folder = export(repo, tmp_path, at=head)
    said = confirmed(folder)
    assert f"ok: approval of lee, changes/{change}/approvals/lee.json" in said
    assert len(list(folder.glob("keys/*"))) == 3
    assert [p.stat().st_size for p in folder.glob("keys/*/allowed_signers")].count(0) == 1


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ("valid_from: 2026-01-01", True),
        ("valid_from: 2026-01-01, valid_until: 2026-01-31", False),
        ("valid_from: 2026-01-01, revoked: {at: 2026-01-20, because: lost}", False),
        (
            "valid_from: 2026-01-01, revoked: {at: 2026-12-20, because: lost, compromised_since: 2026-01-20}",
            False,
        ),
        ("valid_from: 2026-06-01", False),
        ("valid_from: 2026-01-01, valid_until: 2026-02-28", True),
    ],
)
def test_a_key_counts_within_its_time_only(tmp_path, monkeypatch, fields, holds):
    """The history's commits are of February 2026."""
    plain = people_yaml

    def people(keys, *more):
        text = plain(keys, *more)
        public = (keys / "robin.pub").read_text().split()
        old = f"{{key: {public[0]} {public[1]}, valid_from: 2026-01-01}}"
        assert old in text
        return text.replace(old, f"{{key: {public[0]} {public[1]}, {fields}}}")

    monkeypatch.setattr(histories.project, "people_yaml", people)
    made = histories.make(tmp_path / "long.git", promotions=1)
    done = follow(export(Repository.open(made.folder), tmp_path))
    assert (done.returncode == 0) is holds, done.stdout + done.stderr
    if not holds:
        assert "is not signed by robin with a key that held on 202602" in done.stderr


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("    valid_from: 2026-06-01\n", "the key of ci did not hold on 202602"),
        ("    valid_from: 2026-01-01\n    valid_until: 2026-01-02\n", "the key of ci did not hold on 202602"),
        (
            '    valid_from: 2026-01-01\n    signs: ["https://slsa.dev/provenance/v1"]\n',
            "ci may not sign https://",
        ),
    ],
)
def test_a_machines_key_counts_within_its_time_and_for_what_it_may_sign(tmp_path, monkeypatch, fields, said):
    plain = people_yaml
    monkeypatch.setattr(
        histories.project,
        "people_yaml",
        lambda keys: plain(keys, "\n".join(f[4:] for f in fields.splitlines())),
    )
    made = histories.make(tmp_path / "long.git", promotions=1)
    done = follow(export(Repository.open(made.folder), tmp_path))
    assert done.returncode != 0
    assert said in done.stderr
