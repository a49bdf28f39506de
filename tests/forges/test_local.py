"""A forge without a server: branches of the remote, each moved by compare-and-swap."""

from __future__ import annotations

import pytest

from mlassay.forges.local import LocalForge
from mlassay.git import Identity, MovedOn, Repository

NAME = "promotion/staging/20261121-5e6f7a8b"


@pytest.fixture(params=["remote", "alone"])
def repo(request, tmp_path):
    repo = Repository.init(tmp_path / "work")
    if request.param == "remote":
        Repository.init(tmp_path / "remote.git", bare=True)
        repo.set_config("remote.origin.url", str(tmp_path / "remote.git"))
        repo.set_config("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    (tmp_path / "work/file").write_text("x\n")
    repo.add_and_commit(["file"], "Start", author=Identity("A", "a@x"))
    if request.param == "remote":
        repo.push("origin", repo.head(), "refs/heads/main", None)
    return repo


def commit(repo, base, text):
    base_time = repo.commit(base).time
    return repo.write_commit(
        base, {"new": text.encode()}, message=text, author=Identity("A", "a@x"), when=base_time
    )


def test_a_request_is_opened_found_updated_and_merged(repo):
    forge, main = LocalForge(repo), repo.head()
    first = commit(repo, main, "one")
    opened = forge.open(NAME, first, title="t", body="b")
    assert [(p.id, p.branch, p.head) for p in forge.requests()] == [("20261121-5e6f7a8b", NAME, first)]
    second = commit(repo, first, "two")
    updated = forge.update(opened, second)
    assert forge.requests() == [updated]
    forge.merge(updated, second, main)
    assert forge.requests() == []


def test_whoever_is_late_is_told_and_nothing_is_overwritten(repo):
    forge, main = LocalForge(repo), repo.head()
    one, other = commit(repo, main, "one"), commit(repo, main, "other")
    opened = forge.open(NAME, one, title="t", body="b")
    with pytest.raises(MovedOn):
        forge.open(NAME, other, title="t", body="b")
    forge.update(opened, commit(repo, one, "newer"))
    with pytest.raises(MovedOn):
        forge.update(opened, other)
    (now,) = forge.requests()
    forge.merge(now, one, main)
    with pytest.raises(MovedOn):
        forge.merge(now, other, main)


def test_opening_the_same_commit_again_is_the_same_request(repo):
    forge = LocalForge(repo)
    one = commit(repo, repo.head(), "one")
    assert forge.open(NAME, one, title="t", body="b") == forge.open(NAME, one, title="t", body="b")


def test_other_branches_are_no_requests(repo):
    forge = LocalForge(repo)
    remote = repo.remote() or "."
    for branch in (
        "feature",
        "promotion/staging/x",
        "promotion/../20261121-5e6f7a8b"[:9] + "x",
        "change/20261121",
    ):
        repo.push(remote, repo.head(), f"refs/heads/{branch}", None)
    assert forge.requests() == []


def test_a_request_that_something_came_onto_after_the_merge_stays_open(repo):
    forge, main = LocalForge(repo), repo.head()
    one = commit(repo, main, "one")
    opened = forge.open(NAME, one, title="t", body="b")
    forge.update(opened, commit(repo, one, "late"))
    forge.merge(opened, one, main)
    assert len(forge.requests()) == 1
