from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlassay.errors import ConfigurationError, EvidenceError, RemoteError
from mlassay.evidence.verdict import Outcome
from mlassay.git import Repository
from mlassay.stages.record import record
from mlassay.wiring import verifiers
from tests import factory


@pytest.fixture
def project(tmp_path):
    return factory.make(tmp_path, remote=True)


def signed_run(project, **options):
    run = factory.run_folder(project, **options)
    factory.sign_run(project, run)
    return run


def do(project, run, **options):
    return record(project.repo, run, verifiers(), clock=project.now, **options)


def test_it_is_one_commit_on_the_remotes_main_line_that_brings_the_evidence_and_nothing_else(project):
    run, before = signed_run(project), project.repo.head()
    done = do(project, run)
    assert project.remote.branch("main") == done.commit
    commit = project.remote.commit(done.commit)
    assert commit.parents == (before,)
    changes = project.remote.changes(before, done.commit)
    assert all(
        change.old is None and change.path.startswith(f"evidence/{done.release.id}/") for change in changes
    )
    assert tuple(change.path for change in changes) == done.paths


def test_the_commit_tells_the_story_in_plain_words_and_trailers(project):
    done = do(project, signed_run(project, outcome=Outcome.FAILED))
    text = project.remote.commit(done.commit).message
    assert text == (
        f"Record {done.release.id}: failed (bias)\n\n"
        f"A model of 'toy' was trained from {done.release.source.commit[:12]} and tested by 4 gates: data,\n"
        "contract and performance passed; bias failed.\n\n"
        "- bias: bias failed\n\n"
        f"Release: {done.release.id}\nVerdict: failed\nSource: {done.release.source.commit}\n"
    )


def test_git_reads_the_trailers(project):
    done = do(project, signed_run(project))
    shown = ["git", "log", "-1", "--format=%(trailers:key=Verdict,valueonly)", done.commit]
    out = subprocess.run(shown, cwd=project.remote.folder, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "passed"


@pytest.mark.parametrize("outcome", Outcome)
def test_every_verdict_is_recorded(project, outcome):
    assert do(project, signed_run(project, outcome=outcome)).verdict.outcome is outcome


def test_the_local_checkout_comes_along(project):
    done = do(project, signed_run(project))
    assert done.local_is_current
    assert project.repo.head() == done.commit
    assert (project.folder / done.paths[0]).is_file()


def test_recording_again_changes_nothing(project):
    run = signed_run(project)
    first, again = do(project, run), do(project, run)
    assert (again.already, again.commit) == (True, first.commit)
    assert project.remote.branch("main") == first.commit


def test_the_same_release_signed_at_another_time_changes_nothing(project):
    run = signed_run(project)
    first = do(project, run)
    shutil.copytree(run / "sign", project.keys.parent / "before")
    subprocess.run(["git", "checkout", "-q", first.release.source.commit], cwd=project.folder, check=True)
    factory.sign_run(project, run)
    assert do(project, run).already
    assert project.remote.branch("main") == first.commit


def test_another_verdict_for_a_recorded_release_is_refused(project):
    first = do(project, signed_run(project, outcome=Outcome.FAILED))
    subprocess.run(["git", "checkout", "-q", first.release.source.commit], cwd=project.folder, check=True)
    run = signed_run(project, outcome=Outcome.PASSED)
    with pytest.raises(ConfigurationError, match="another verdict"):
        do(project, run)
    assert project.remote.branch("main") == first.commit


def test_another_release_under_a_taken_id_is_refused(project):
    run = signed_run(project)
    id_ = do(project, run, dry_run=True).release.id
    project.commit({f"evidence/{id_}/release.json": "{}\n"}, "Somebody was here")
    with pytest.raises(ConfigurationError, match="another release"):
        do(project, run)


def test_a_dry_run_says_what_it_would_write_and_writes_nothing(project):
    run, before = signed_run(project), project.remote.branch("main")
    done = do(project, run, dry_run=True)
    assert done.commit == ""
    assert f"evidence/{done.release.id}/release.json" in done.paths
    assert project.remote.branch("main") == before == project.repo.head()


def test_evidence_that_does_not_hold_is_not_recorded(project):
    run, before = signed_run(project), project.remote.branch("main")
    (run / "sign/report.md").write_text("# passed\n")
    with pytest.raises(EvidenceError, match=r"report\.md"):
        do(project, run)
    assert project.remote.branch("main") == before


def test_a_file_beside_the_signed_ones_is_not_recorded(project):
    run = signed_run(project)
    (run / "sign/notes.txt").write_text("hello")
    with pytest.raises(EvidenceError, match=r"notes\.txt"):
        do(project, run)


def test_a_link_among_the_signed_files_is_refused(project):
    run = signed_run(project)
    (run / "sign/report.md").unlink()
    (run / "sign/report.md").symlink_to("/etc/hostname")
    with pytest.raises((ConfigurationError, EvidenceError)):
        do(project, run)


def test_without_a_remote_the_local_main_line_takes_it(tmp_path):
    project = factory.make(tmp_path)
    done = do(project, signed_run(project))
    assert project.repo.branch("main") == done.commit == project.repo.head()


def test_a_bare_or_absent_main_line_is_told(tmp_path):
    project = factory.make(tmp_path, remote=True)
    run = signed_run(project)
    subprocess.run(["git", "update-ref", "-d", "refs/heads/main"], cwd=project.remote.folder, check=True)
    with pytest.raises(ConfigurationError, match="no main line"):
        do(project, run)


def test_a_remote_that_is_gone_is_a_remote_error_and_a_second_run_records(project):
    run = signed_run(project)
    bare = project.remote.folder
    bare.rename(bare.with_name("away.git"))
    with pytest.raises(RemoteError):
        do(project, run)
    bare.with_name("away.git").rename(bare)
    assert not do(project, run).already


def test_a_main_line_that_moved_on_elsewhere_is_followed(project, tmp_path):
    run = signed_run(project)
    other = Repository.clone(project.remote.folder, tmp_path / "other")
    moved = other.write_commit(
        other.head(), {"notes.md": b"x"}, message="Notes", author=factory.project.AUTHOR, when=project.now()
    )
    other.push("origin", moved, "refs/heads/main", other.head())
    done = do(project, run)
    assert project.remote.commit(done.commit).parents == (moved,)
    assert project.remote.read(done.commit, "notes.md") == b"x"


def test_many_recording_at_once_all_land_and_nothing_is_lost(project, tmp_path):
    """Four clones with a release each, one remote."""
    runs = []
    for seed in range(1, 5):
        run = signed_run(project, seed=seed)
        shutil.copytree(run, tmp_path / f"run{seed}")
        runs.append(tmp_path / f"run{seed}")
    clones = [Repository.clone(project.remote.folder, tmp_path / f"clone{seed}") for seed in range(1, 5)]
    for clone in clones:
        clone.set_config("user.name", "CI")
        clone.set_config("user.email", "ci@example.org")
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(lambda pair: record(pair[0], pair[1], verifiers()), zip(clones, runs, strict=True))
        )
    head = project.remote.branch("main")
    assert {path.split("/")[1] for path in project.remote.tree(head, "evidence")} == {
        d.release.id for d in done
    }
    assert len(list(project.remote.first_parents(head))) == 5


def test_uncommitted_work_in_the_checkout_is_not_lost(project):
    run = signed_run(project)
    (project.folder / "train.py").write_text("print('work in progress')\n")
    do(project, run)
    assert project.read("train.py") == "print('work in progress')\n"


def test_nothing_signed_is_told(project):
    with pytest.raises(ConfigurationError, match="nothing signed"):
        do(project, factory.run_folder(project))


def test_without_a_git_identity_it_says_what_to_do(project, monkeypatch):
    run = signed_run(project)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(project.keys))
    subprocess.run(["git", "config", "--unset", "user.email"], cwd=project.folder, check=True)
    with pytest.raises(ConfigurationError, match="who you are"):
        do(project, run)
